"""What can go wrong on the way: each fault alters the answers of an answerer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.twin.exchange import Answerer, Request, Response

Altered = Callable[[Request, Response], Response]
ALWAYS = 1_000_000


@dataclass
class Fault:
    """Alters the first ``times`` answers to requests that match, after letting ``after`` pass."""

    alter: Altered
    matching: str = ".*"  # of "METHOD host/path?query target"
    times: int = 1
    after: int = 0

    def over(self, answerer: Answerer) -> Answerer:
        """The answerer with this fault in the way."""

        def answer(request: Request) -> Response:
            response = answerer(request)
            target = request.headers.get("x-amz-target", "")
            said = f"{request.method} {request.host}{request.path}?{request.query_text} {target}"
            if not re.search(self.matching, said):
                return response
            if self.after:
                self.after -= 1
                return response
            if not self.times:
                return response
            self.times -= 1
            return self.alter(request, response)

        return answer


def status(code: int, body: bytes = b"{}", **headers: str) -> Altered:
    """Another status instead of the answer; header names with underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _, __: Response(body, code, {"content-type": "application/json", **named})


def reset(_: Request, response: Response) -> Response:
    """The connection is dropped before an answer."""
    return replace(response, reset=True)


def truncated(_: Request, response: Response) -> Response:
    """Half of the body comes of what was announced."""
    half = len(response.body) // 2
    return replace(response, body=response.body[:half], cut=len(response.body) - half)


def shortened(_: Request, response: Response) -> Response:
    """Half of the body comes, announced as if it were the whole: bad JSON."""
    return replace(response, body=response.body[: len(response.body) // 2])


def html(_: Request, __: Response) -> Response:
    """A login page of a proxy, with status 200."""
    return Response(b"<html><body>Sign in</body></html>", 200, {"content-type": "text/html"})


def huge(size_bytes: int) -> Altered:
    """The answer with blanks after it, up to a size: still valid JSON."""
    return lambda _, response: replace(
        response, body=response.body + b" " * (size_bytes - len(response.body))
    )
