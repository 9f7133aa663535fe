"""Twins of several providers in one process: which test comes first must not matter."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.twin.exchange import Request, Response
from tests.twin.server import running

A, B = "a.example", "b.example"


def named(request: Request) -> Response:
    return Response(request.host.encode())


def asked(host: str) -> str:
    """What a host answers to a client that trusts what the environment names."""
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    with urlopen(f"https://{host}/", context=context) as response:
        return str(response.read().decode())


def test_each_twin_answers_for_its_own_hosts_beside_another(tmp_path: Path) -> None:
    """The first goes on while the second runs, whose host is the network's before and after."""
    folders = [tmp_path / name for name in (A, B)]
    for folder in folders:
        folder.mkdir()
    with running({A: named}, folders[0]):
        with running({B: named}, folders[1]):
            assert [asked(A), asked(B)] == [A, B]
        assert asked(A) == A
        with pytest.raises(RuntimeError, match="no test reaches the network"):
            asked(B)
