"""The loopback TLS server, and how production's host names lead to it."""

from __future__ import annotations

import os
import re
import socket
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import trustme

from tests.twin.exchange import Answerer, Request, Response

CA_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
STOPS_AFTER_SECONDS = 5


@dataclass
class Twin:
    """A running twin: which hosts it answers for, and everything it was asked."""

    answerers: Mapping[str, Answerer]  # regular expression of a host -> who answers
    asked: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        self.asked.append(request)
        for pattern, answerer in self.answerers.items():
            if re.fullmatch(pattern, request.host):
                return answerer(request)
        return Response(f"the twin knows no host {request.host}".encode(), 421)


@contextmanager
def running(answerers: Mapping[str, Answerer], folder: Path) -> Iterator[Twin]:
    """A twin on a free loopback port; inside, its hosts' names lead to it, and others to none.

    Twins that run beside each other, as fixtures of several providers have them, answer each for
    its own hosts; the last one goes first.
    """
    twin = Twin(answerers)
    bundle = folder / "twin-ca.pem"
    _authority().cert_pem.write_to_path(str(bundle))
    server = _Server(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.twin = twin
    server.socket = _tls(_authority()).wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    ours = (answerers, server.server_address[1])
    RUNNING.append(ours)
    try:
        with (
            patch.object(socket, "getaddrinfo", _resolved),
            patch.dict(os.environ, dict.fromkeys(CA_VARIABLES, str(bundle))),
        ):
            yield twin
    finally:
        RUNNING.remove(ours)
        server.shutdown()
        server.server_close()
        thread.join(STOPS_AFTER_SECONDS)


class _Server(ThreadingHTTPServer):
    twin: Twin

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests are about."""


def _tls(authority: trustme.CA) -> ssl.SSLContext:
    """One certificate per host name, made when it is first asked for."""
    made: dict[str, ssl.SSLContext] = {}

    def named(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: Any) -> None:
        host = name or "localhost"
        if host not in made:
            made[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(host).configure_cert(made[host])
        connection.context = made[host]

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    context.sni_callback = named
    return context


RESOLVE = socket.getaddrinfo  # what a running twin stands in for
RUNNING: list[tuple[Mapping[str, Answerer], int]] = []  # hosts and port of each twin


@cache
def _authority() -> trustme.CA:
    """One for all twins of a process: whoever trusts one of them trusts those beside it."""
    return trustme.CA()


def _resolved(host: Any, asked_port: Any, *rest: Any, **more: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in {"127.0.0.1", "localhost", "::1"}:
        return RESOLVE(host, asked_port, *rest, **more)
    for hosts, port in reversed(RUNNING):
        if any(re.fullmatch(pattern, name) for pattern in hosts):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    sys.audit("socket.getaddrinfo", host, asked_port, *rest)  # what keeps tests off the network
    raise socket.gaierror(socket.EAI_NONAME, f"{name} is not one of the twin's hosts")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 30
    disable_nagle_algorithm = True  # head and body are written apart

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        split = urlsplit(self.path)
        request = Request(
            self.command,
            (self.headers.get("host") or "").split(":")[0],
            split.path,
            split.query,
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length) if length else b"",
        )
        self._send(self.server.twin.answer(request))

    do_GET = do_POST = do_PUT = do_HEAD = _serve  # noqa: N815  http.server's own names

    def _send(self, response: Response) -> None:
        if response.reset:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response_only(response.status)
        if "date" not in response.headers:
            self.send_header("date", self.date_time_string())
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(response.body) + response.cut))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        if response.cut:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Nothing: ``Twin.asked`` has it all."""
