"""How far a commitment reaches, in figures and in words: nothing left, no expiry, no bill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from trueup.burn.advice import advice
from trueup.burn.reach import NOT_KNOWN, _by_interval
from trueup.burn.runway import TOO_FAST, TOO_SLOW, Runway, drawn_down
from trueup.burn.series import Burned, Subject, settled
from trueup.errors import IntegrityError

AT = datetime(2026, 10, 11, tzinfo=UTC)
EXPIRY = AT + timedelta(days=10)
D = Decimal
WEEK = "the last 7 days of the bill"


@pytest.mark.parametrize(
    ("remaining", "per_day", "expires_at", "expected"),
    [
        (None, 5, EXPIRY, Runway(reason="what remains is not known")),
        (0, 5, EXPIRY, Runway(TOO_FAST, "nothing remains", exhausted_at=AT)),
        (-3, 5, EXPIRY, Runway(TOO_FAST, "nothing remains", exhausted_at=AT)),
        (0, 5, AT, Runway(reason="it has expired")),
        (20, None, EXPIRY, Runway(reason="less than 24 hours of its burn are known")),
        # 20 at 5 a day are used up in 4 days
        (20, 5, None, Runway(reason="it has no expiry", exhausted_at=AT + timedelta(days=4))),
        (20, 0, None, Runway(reason="at this burn it is never used up")),
        # 20 - 5 x 10 = -30: 30 will be lacking, where 2 a day would last
        (
            *(20, 5, EXPIRY),
            Runway(
                *(TOO_FAST, None, AT + timedelta(days=4), Fraction(2), Fraction(0), Fraction(30))
            ),
        ),
    ],
)
def test_how_far_a_lot_reaches(
    remaining: int | None, per_day: int | None, expires_at: datetime | None, expected: Runway
) -> None:
    """What remains, by what it burns a day, up to its expiry."""
    left, burn = (None if one is None else Fraction(one) for one in (remaining, per_day))
    assert drawn_down(left, burn, AT, expires_at) == expected


def row(verdict: str | None, **given: Any) -> dict[str, Any]:
    """A plan of which 30 USD went unused and 12 were wanted beyond it, over a week."""
    usual: dict[str, Any] = {
        "verdict": verdict,
        "remaining": None,
        "unit": "USD",
        "basis": "last_7_days",
    }
    usual |= {"breakage": D(30), "breakage_cost": None, "currency": "USD", "overage": D(12)}
    return usual | {"reason": "no charge"} | given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (row(None), "Not known: no charge."),
        (
            row(TOO_FAST, remaining=D(0)),
            "Nothing remains: what is used now is overage. Buy more, or stop what draws on it.",
        ),
        (
            row(TOO_FAST),
            f"12.00 USD were wanted beyond it over {WEEK}. In other hours 30.00 USD went unused. Commit more, or shift work.",
        ),
        (
            row(TOO_FAST, breakage=D(0)),
            f"12.00 USD were wanted beyond it over {WEEK}. Commit more, or shift work.",
        ),
        (
            row(TOO_SLOW, overage=D(0)),
            f"30.00 USD went unused over {WEEK}. Move steady work under it, or commit less when it ends.",
        ),
    ],
)
def test_a_sentence_says_what_next(given: dict[str, Any], said: str) -> None:
    """Too fast, too slow, nothing left, or not known."""
    assert advice(given) == said


@pytest.mark.parametrize(
    ("reason", "said"), [("not on the bill", "not on the bill"), (None, NOT_KNOWN)]
)
def test_without_an_interval_in_its_currency_it_has_no_runway(
    reason: str | None, said: str
) -> None:
    """Its intervals are billed in another currency, or its burn is not known."""
    plan = {"currency": "USD", "reason": reason}
    assert _by_interval(plan, None, [{"currency": "USD"}]) == {"reason": said}


def burned(start: datetime, hours: int, state: str) -> Burned:
    subject = Subject("commitment", "plan", "p", "", "", "quantity", "USD")
    return Burned(subject, start, start + timedelta(hours=hours), state, Fraction(1), 0)


def test_an_hour_that_is_billed_and_accrued_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is accrued is left out where the bill has arrived; if it were not, it would count twice."""
    billed, accrued = burned(AT, 2, "billed"), burned(AT, 1, "accrued")
    later = burned(AT + timedelta(hours=2), 1, "accrued")
    assert settled([billed], [accrued, later]) == [billed, later]
    monkeypatch.setattr("trueup.burn.series._reached", lambda *_: False)
    with pytest.raises(IntegrityError, match="plan: 2026-10-11 00:00 is both billed and accrued"):
        settled([billed], [accrued])
