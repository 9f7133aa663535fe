"""What goes wrong on a night, drawn from a seed: at which provider, in which way, for how long."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.twin.exchange import Answerer, Request, Response
from tests.twin.faults import ALWAYS, Altered, Fault, html, reset, shortened, status, truncated
from tests.world.dice import Dice

ZONES = ("Pacific/Auckland", "America/St_Johns", "Asia/Kathmandu", "Pacific/Pago_Pago")
STALL_SECONDS, PATIENCE_SECONDS = 2.5, 1.0
REQUESTS = 12  # a fault begins after at most so many: every provider is asked more
STEPS = 45  # a run that is killed is killed at one of so many steps
TOKENS = re.compile(
    r"(page|pageToken|marker|Marker|continuation-token|\$skiptoken|start|[nN]extToken"
    r'|NextPageToken)(=[^&]*|": *"[^"]*")'
)


def refused(code: int, name: str, message: str) -> Altered:
    """A refusal with the fields by which each provider's API says its reason."""
    said: dict[str, Any] = {"code": name, "__type": name, "message": message}
    return status(code, json.dumps({**said, "error": said}).encode())


def stalled(_: Request, response: Response) -> Response:
    """The answer comes when the client's patience is at its end."""
    time.sleep(STALL_SECONDS)
    return response


def wrong_page() -> Altered:
    """Once, where a list goes on, the page that came before comes again."""
    last: dict[str, tuple[str, Response]] = {}
    done: list[str] = []

    def alter(request: Request, response: Response) -> Response:
        target = request.headers.get("x-amz-target", "")
        asked = f"{request.host}{request.path}?{request.query_text} {target} {request.body!r}"
        question = TOKENS.sub("", asked)
        before, earlier = last.get(question, (asked, response))
        last[question] = asked, response
        if before == asked or done:
            return response
        done.append(question)
        return earlier

    return alter


MOMENTARY: dict[str, Callable[[], Altered]] = {
    "throttling": lambda: status(429, retry_after="1"),
    "throttling without a time": lambda: status(429),
    "server error": lambda: status(503),
    "gateway timeout": lambda: status(504, b"<html>Gateway Timeout</html>"),
    "stalled answer": lambda: stalled,
    "connection reset": lambda: reset,
    "truncated body": lambda: truncated,
    "half an answer": lambda: shortened,
    "login page": lambda: html,
    "wrong page": wrong_page,
}
LASTING: dict[str, Callable[[], Altered]] = {
    **{
        name: alter
        for name, alter in MOMENTARY.items()
        if name not in ("wrong page", "stalled answer")
    },
    "expired token": lambda: refused(401, "ExpiredTokenException", "The token has expired"),
    "missing permission": lambda: refused(403, "AccessDeniedException", "Not authorized"),
}
DOWN = "provider down"
# A file of an export that comes altered is named, not fetched again: the night may be partial. So
# may it where no token comes: the SDKs keep a refusal for a while, or say only that there is none.
EITHER = ("half an answer", "login page", "wrong page")
OF_TOKENS = re.compile(r"login\.microsoftonline\.com|oauth2\..*")


@dataclass
class Disturbance:
    """One provider's answers with something in the way; ``fired`` counts what came otherwise."""

    provider: str
    kind: str
    lasts: bool
    after: int = 0
    fired: int = 0
    of_tokens: bool = False

    def over(self, answerer: Answerer) -> Answerer:
        alter = reset if self.kind == DOWN else (LASTING if self.lasts else MOMENTARY)[self.kind]()

        def counted(request: Request, response: Response) -> Response:
            altered = alter(request, response)
            if altered is not response or alter is stalled:
                self.fired += 1
                self.of_tokens |= OF_TOKENS.fullmatch(request.host) is not None
            return altered

        often = self.lasts or self.kind == "wrong page"
        return Fault(counted, times=ALWAYS if often else 1, after=self.after).over(answerer)

    @property
    def codes(self) -> set[int]:
        """The exit codes that a run may end with."""
        if not self.fired:
            return {0}
        if self.lasts:
            return {2, 3}
        return {0, 3} if self.kind in EITHER or self.of_tokens else {0}


@dataclass
class Night:
    """What is drawn for one night."""

    missed: bool = False
    killed_at: int | None = None  # the step of the run
    zone: str | None = None
    disturbances: list[Disturbance] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        found = [f"{one.kind}{', lasting' * one.lasts}" for one in self.disturbances]
        found += ["missed night"] * self.missed + ["clock in another zone"] * bool(self.zone)
        return found + ["killed"] * (self.killed_at is not None)


def drawn(seed: int, nights: int, providers: Sequence[str], percent: int) -> list[Night]:
    """The nights of a disturbed life; ``percent`` of them have an answer altered. The last has none.

    One night in thirty begins some missed ones, one in forty sees a provider go down for some.
    """
    dice = Dice(seed, "faults of nights")
    found = [Night() for _ in range(nights)]
    for number in range(nights - 1):
        night = found[number]
        if dice.percent(2):
            for missed in found[number : min(number + dice.one_of((1, 1, 1, 7)), nights - 1)]:
                missed.missed = True
        if dice.percent(2):
            provider = dice.one_of(providers)
            for down in found[number : min(number + dice.between(2, 5), nights - 1)]:
                down.disturbances.append(Disturbance(provider, DOWN, lasts=True))
        night.killed_at = dice.between(0, STEPS) if dice.percent(4) else None
        night.zone = dice.one_of(ZONES) if dice.percent(8) else None
        if dice.percent(percent):
            for _ in range(dice.between(1, 2)):
                lasts = dice.percent(40)
                kind = dice.one_of(sorted(LASTING if lasts else MOMENTARY))
                night.disturbances.append(
                    Disturbance(dice.one_of(providers), kind, lasts, dice.between(0, REQUESTS))
                )
    return found
