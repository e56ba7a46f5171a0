"""A plugin of pytest: whatever talks to anything but this machine fails. `python -m pytest -p no_network`"""

from __future__ import annotations

import ipaddress
import sys


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if not (host in (None, "localhost") or ipaddress.ip_address(str(host)).is_loopback):
        raise RuntimeError(f"{event} to {host}: the tests are to need no network")


sys.addaudithook(refuse)
