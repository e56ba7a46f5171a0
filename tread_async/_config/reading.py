"""The configuration file as it is on the disk."""

from __future__ import annotations

import os
import re
from typing import Final

from tread_async._config.document import Document, document
from tread_async._config.files import UnreadableError, configuration_bytes
from tread_async._config.where import PATH_VARIABLE, Place
from tread_async.errors import UsageError

__all__ = ["read"]

_POSITION: Final = re.compile(r"\(at (line \d+, column \d+|end of document)\)")


def read(place: Place) -> Document | None:
    """The document there; ``None`` if nobody asked for it and there is none. Raises `UsageError`.

    ``/dev/null`` is no document, for who wants the environment alone.
    """
    if str(place.path) == os.devnull:
        return None
    found, problem = _read(place)
    if problem:
        raise UsageError(problem)  # here: the frames below hold what stands in the file
    return found


def _read(place: Place) -> tuple[Document | None, str]:
    import tomllib

    file = str(place.path)
    try:
        return document(tomllib.loads(configuration_bytes(file).decode()), file), ""
    except FileNotFoundError:
        if not place.named:
            return None, ""
        return None, f"{file}: there is no such file; {PATH_VARIABLE} or path names it"
    except OSError as error:
        return None, f"{file}: it cannot be opened: {error.strerror}"
    except UnreadableError as error:
        return None, f"{file}: {error}"
    except UsageError as error:
        error.with_traceback(None)
        return None, error.message
    except UnicodeDecodeError:
        return None, f"{file}: it is not UTF-8"
    except (ValueError, RecursionError) as error:  # a number may have too many digits, a list too many lists
        at = _POSITION.search(str(error))
        return None, f"{file}: it is not TOML" + (f" ({at[1]})" if at else "")
