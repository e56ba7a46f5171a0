"""The way to the server: the addresses of its name, and whether they answer."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from tread_async.cli.doctor.findings import Finding, Verdict

__all__ = ["connected", "named", "resolved"]

T = TypeVar("T")

_NAMED_WITHIN_S: Final = 5.0
_CONNECTED_WITHIN_S: Final = 3.0
_MOST_ADDRESSES: Final = 4


async def named(host: str, port: int) -> tuple[Finding, list[str]]:
    """Whether *host* has addresses, and up to four of them in the order in which they are tried."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return Finding(check="DNS", verdict=Verdict.OK, said=f"not used: {host} is an address"), [host]
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(_NAMED_WITHIN_S):
            addresses = await _in_a_thread(lambda: resolved(host, port))
    except TimeoutError:
        return _nameless(f"no address for {host} within {_NAMED_WITHIN_S:g} s", "is reached"), []
    except (OSError, UnicodeError):
        return _nameless(f"the name {host} was not found", "works, and that the base URL is right"), []
    took_s = loop.time() - began
    said = f"{host} is {', '.join(addresses[:_MOST_ADDRESSES])}, found in {took_s * 1000:.0f} ms"
    finding = Finding(
        check="DNS", verdict=Verdict.OK, said=said, figures={"took_s": took_s, "addresses": len(addresses)}
    )
    return finding, addresses[:_MOST_ADDRESSES]


def _nameless(said: str, how: str) -> Finding:
    todo = f"see that this machine's name server {how}"
    return Finding(check="DNS", verdict=Verdict.FAILED, said=said, todo=todo)


def resolved(host: str, port: int) -> list[str]:
    """The addresses of *host*. Blocks. Raises `OSError`."""
    # The flag is aiohttp's: without it, addresses of IPv6 come where there is no IPv6.
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return list(dict.fromkeys([str(address[0]) for *_, address in found]))


async def _in_a_thread(work: Callable[[], T]) -> T:
    """*work* in a thread that nobody waits for at exit: a lookup cannot be interrupted."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)  # type: ignore[arg-type]
        else:
            done.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as caught:
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True).start()
    return await done


async def connected(addresses: list[str], port: int) -> tuple[list[Finding], str | None]:
    """A finding for each of *addresses*, all tried at once, and the first of them that takes connections."""
    tries = await asyncio.gather(*[_tried(address, port) for address in addresses])
    reached = [address for address, result in zip(addresses, tries, strict=True) if isinstance(result, float)]
    found = [
        _of_try(address, port, result, others=bool(reached))
        for address, result in zip(addresses, tries, strict=True)
    ]
    return found, reached[0] if reached else None


async def _tried(address: str, port: int) -> float | str:
    """The seconds that a connection took, or why there is none."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(_CONNECTED_WITHIN_S):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return f"no answer within {_CONNECTED_WITHIN_S:g} s"
    except ConnectionRefusedError:
        return "the connection is refused: nothing listens there"
    except OSError as error:
        return f"no connection: {error.strerror or 'out of reach'}"
    took_s = loop.time() - began
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return took_s


def _of_try(address: str, port: int, result: float | str, *, others: bool) -> Finding:
    check = f"TCP {address}"
    if isinstance(result, float):
        said = f"port {port} connects in {result * 1000:.1f} ms"
        return Finding(check=check, verdict=Verdict.OK, said=said, figures={"took_s": result})
    if others:
        todo = "another address answers, and the library tries them all; tell the operator of the host"
        return Finding(check=check, verdict=Verdict.WARNING, said=result, todo=todo)
    todo = f"see that the base URL names the right port, and that no firewall stands before port {port}"
    return Finding(check=check, verdict=Verdict.FAILED, said=f"port {port}: {result}", todo=todo)
