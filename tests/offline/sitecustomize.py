"""No Python reaches the network while tests run: whoever asks for a host gets an error naming it.

The conftest files import this; a Python that a test starts imports it by its name, from PYTHONPATH.
An audit hook sees all threads and whatever uses Python's sockets, and cannot be taken away; gRPC has
sockets of its own, which the providers' canaries look for.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

HERE = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "::", "", None})  # noqa: S104  none is bound
CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
RESOLVING = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})


def guard(
    event: str,
    arguments: tuple[Any, ...],
    *,  # bound here: a module's names are gone while Python ends, and events go on
    here: frozenset[Any] = HERE,
    connecting: frozenset[str] = CONNECTING,
    resolving: frozenset[str] = RESOLVING,
    internet: frozenset[socket.AddressFamily] = INTERNET,
) -> None:
    """Let what stays on this machine pass; no OSError, which SDKs would take for bad weather."""
    if event in connecting and arguments[0].family in internet and arguments[1]:
        host = arguments[1][0]
    elif event in resolving:
        host = arguments[0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if name not in here:
        raise RuntimeError(f"no test reaches the network: '{name}' was asked for")


sys.addaudithook(guard)
FOLDER, GIVEN = str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")
if FOLDER not in GIVEN.split(os.pathsep):
    os.environ["PYTHONPATH"] = f"{FOLDER}{os.pathsep}{GIVEN}".rstrip(os.pathsep)
