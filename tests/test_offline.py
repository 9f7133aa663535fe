"""No test reaches the network, in whatever way it asks."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ELSEWHERE = "203.0.113.9"  # RFC 5737: an address of nobody
BLOCKED = "no test reaches the network: '{}'"


def tcp() -> socket.socket:
    made = socket.socket()
    made.settimeout(5)
    return made


@pytest.mark.parametrize(
    ("ask", "host"),
    [
        (lambda: tcp().connect((ELSEWHERE, 443)), ELSEWHERE),
        (lambda: tcp().connect_ex((ELSEWHERE, 443)), ELSEWHERE),
        (lambda: socket.create_connection((ELSEWHERE, 443), 5), ELSEWHERE),
        (lambda: socket.create_connection(("api.example.com", 443), 5), "api.example.com"),
        (lambda: socket.getaddrinfo(b"api.example.com", 443), "api.example.com"),
        (lambda: socket.gethostbyname("api.example.com"), "api.example.com"),
        (
            lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"?", (ELSEWHERE, 53)),
            ELSEWHERE,
        ),
    ],
    ids=["connect", "connect_ex", "address", "name", "getaddrinfo", "gethostbyname", "sendto"],
)
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_whoever_asks_for_another_machine_is_told_which(
    ask: Callable[[], object], host: str
) -> None:
    """In every way that Python has, and in a thread that nobody watches."""
    with pytest.raises(RuntimeError, match=BLOCKED.format(host)):
        ask()
    with ThreadPoolExecutor() as pool, pytest.raises(RuntimeError, match=BLOCKED.format(host)):
        pool.submit(ask).result()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_may_be_asked(host: str) -> None:
    """The twin and Spark are asked over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection((host, server.getsockname()[1]), 5).close()


def test_a_socket_in_the_file_system_may_be_asked(tmp_path: Path) -> None:
    """It leads nowhere else."""
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)


def test_a_python_that_a_test_starts_is_held_to_it_too() -> None:
    """The program under test runs in processes of its own at times."""
    code = "import socket; socket.getaddrinfo('api.example.com', 443)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert BLOCKED.format("api.example.com") in done.stderr
