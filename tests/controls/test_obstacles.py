"""What stands in the way of a close, and how each of it is accepted."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.reconcile.test_terms import terms
from trueup.controls.decision import Decision
from trueup.controls.lifecycle import Sighting, states
from trueup.controls.obstacles import (
    SHOWN_MAX,
    Obstacle,
    accepted_by_name,
    obstacles,
    refusal,
    short_ids,
)
from trueup.controls.principal import Principal
from trueup.errors import UsageError
from trueup.model.rules import Tolerance
from trueup.period import parse_period
from trueup.reconcile.commitment_leg import uncovered_row
from trueup.workspace.journal import Entry
from trueup.workspace.run import Run

AS_OF = datetime(2026, 11, 8, 6, tzinfo=UTC)


def run(**body: Any) -> Run:
    """A run at 2026-11-08 that is final and whole, but for what is given."""
    whole = {
        "run": "run-0001",
        "as_of": AS_OF.isoformat(),
        "failures": [],
        "control_totals": [],
        "final_at": {"example": "2026-11-08T00:00:00+00:00"},
        "material_amount": None,
        **body,
    }
    return Run(Entry(1, "run", AS_OF, whole, "0" * 64, "1" * 64))


def broken(name: str, amount: str | None, kind: str = "quantity", leg: str = "usage") -> Any:
    value = None if amount is None else Decimal(amount)
    return {"id": name, "class": kind, "leg": leg, "amount": value, "currency": "USD"}


def found_in(of_run: Run, *, decided: dict[str, str] | None = None, **tables: Any) -> list[str]:
    """The names of the obstacles, shown as they are listed."""
    breaks = tables.get("breaks", [])
    whole = dict.fromkeys(("breaks", "commitments", "identity", "billed_identity"), ()) | tables
    by_id = {row["id"]: row for row in breaks}
    seen = Sighting(1, "run-0001", AS_OF, "2026-10", complete=True, breaks=by_id)
    decisions = [
        Decision(number, AS_OF, name, action, Principal("preparer"), broken(name, "5.00")["amount"],
                 "USD", "known", datetime(2027, 1, 1, tzinfo=UTC))
        for number, (name, action) in enumerate((decided or {}).items(), start=2)
    ]  # fmt: skip
    known = states([seen], decisions, AS_OF, lambda _row: Tolerance())
    return [one.shown for one in obstacles(of_run, whole, known, {})]


def test_nothing_stands_in_the_way_of_a_clean_month() -> None:
    """Final at the run's clock (the instant included), whole, no break: no obstacle."""
    complete = {"commitment_id": "plan-1", "status": "complete", "reason": None}
    zero = {"currency": "USD", "difference": Decimal(0)}
    assert found_in(run(), commitments=[complete], identity=[zero]) == []


def test_rows_that_were_not_read_are_an_obstacle_of_their_source() -> None:
    """1 + 2 rows of a bill in two currencies, cut in half: named once, with 3."""
    totals = [
        {"source": "bill.csv", "rejected": 1},
        {"source": "bill.csv", "rejected": 2},
        {"source": "usage.csv", "rejected": 0},
    ]
    cut = run(control_totals=totals)
    assert found_in(cut) == ["rejected:bill.csv"]
    assert found_in(run(control_totals=totals[2:])) == []
    none = dict.fromkeys(("breaks", "commitments", "identity", "billed_identity"), ())
    assert obstacles(cut, none, {}, {})[0].what.startswith("3 of its rows could not be read")


def test_a_file_that_breaks_off_is_named_once() -> None:
    """It is partial, with one row that was not read: one obstacle, by the graver name."""
    failure = {"source": "bill.csv", "reason": "it breaks off", "remedy": "Deliver it.",
               "partly": True}  # fmt: skip
    cut = run(failures=[failure], control_totals=[{"source": "bill.csv", "rejected": 1}])
    assert found_in(cut) == ["partial:bill.csv"]
    none = dict.fromkeys(("breaks", "commitments", "identity", "billed_identity"), ())
    (one,) = obstacles(cut, none, {}, {})
    assert one.what.endswith("every figure is without what is missing of it: it breaks off")
    assert "      Deliver it,\n" in refusal("2026-10", [one])


def test_every_kind_of_obstacle_has_its_name() -> None:
    """Partial, not final, not known when final, an identity, a commitment and a break."""
    failure = {"source": "bills/a=b.csv", "reason": "is damaged", "remedy": "correct it"}
    late = {"example": "2026-11-08T06:00:01+00:00", "other": None}
    assert found_in(
        run(failures=[failure], final_at=late),
        commitments=[
            {
                "commitment_id": "plan-1",
                "status": "not_covered",
                "reason": None,
                "not_covered_quantity": None,
            },
            {
                "commitment_id": "plan-2",
                "status": "partial",
                "not_covered_quantity": Decimal(24),
                "unit": "USD",
                "reason": None,
            },
        ],
        identity=[{"currency": "USD", "difference": Decimal("0.01")}],
        breaks=[broken("abcdef012345", "5.00")],
    ) == [
        "partial:bills/a=b.csv",
        "not_final:example",
        "not_final:other",
        "identity:USD",
        "commitment:plan-1",
        "commitment:plan-2",
        "break:abcdef",
    ]


@pytest.mark.parametrize("action", ["explain", "write_off", "defer"])
def test_a_break_that_was_decided_on_is_no_obstacle(action: str) -> None:
    """Explained, written off or deferred: closing is not refused for it."""
    rows = [broken("abcdef012345", "5.00")]
    assert found_in(run(), breaks=rows, decided={"abcdef012345": action}) == []
    assert found_in(run(), breaks=rows, decided={"another": action}) == ["break:abcdef"]


@pytest.mark.parametrize(
    ("amount", "stands"),
    [("4.99", False), ("-4.99", False), ("5.00", True), ("-5.00", True), (None, True)],
)
def test_only_material_breaks_stand_in_the_way(amount: str | None, stands: bool) -> None:
    """At material_amount 5.00, by size; what is not known always does."""
    found = found_in(run(material_amount="5.00"), breaks=[broken("abcdef012345", amount)])
    assert found == (["break:abcdef"] if stands else [])


def test_an_uncovered_commitment_is_named_once() -> None:
    """Its break is the same thing: only the commitment is named."""
    rows = [broken("abcdef012345", "-5.00", "missing_in_billing", "commitment")]
    uncovered = [
        {
            "commitment_id": "plan-1",
            "status": "not_covered",
            "reason": None,
            "not_covered_quantity": None,
        }
    ]
    assert found_in(run(), breaks=rows, commitments=uncovered) == ["commitment:plan-1"]


def test_a_contract_that_is_not_active_is_no_obstacle() -> None:
    """A plan that ended in September has nothing for October's bill to cover."""
    september = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
    ended = terms(start=september[0], end=september[1])
    row = uncovered_row(ended, Fraction(10), parse_period("2026-10"), None, 2)
    assert found_in(run(), commitments=[row]) == []


def test_a_failed_later_run_is_named() -> None:
    """A run that ended without a result since then has to be looked at."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("breaks", "commitments", "identity", "billed_identity"), ()
    )
    (found,) = obstacles(run(), nothing, {}, {"run-0002": "IntegrityError: identity in USD"})
    assert found.name == "failed:run-0002"
    assert "IntegrityError: identity in USD" in found.what


def test_ids_are_shortened_as_far_as_they_differ() -> None:
    """Six digits where they tell the ids apart, more where they do not."""
    assert short_ids(["abcdef0", "123456789"]) == {"abcdef0": "abcdef", "123456789": "123456"}
    assert short_ids(["abcdef01", "abcdef02"]) == {
        "abcdef01": "abcdef01",
        "abcdef02": "abcdef02",
    }


FOUND = [
    Obstacle("break:abcdef012345", "open", "decide", "break:abcdef"),
    Obstacle("partial:bills/a=b.csv", "partial", "correct it"),
]


@pytest.mark.parametrize("name", ["break:abcdef", "break:abcdef01", "break:abcdef012345"])
def test_a_break_is_accepted_by_the_beginning_of_its_id(name: str) -> None:
    """As much of the id as is listed, or more; the journal keeps all of it."""
    reasons, left = accepted_by_name(FOUND, [f"{name}=agreed with the provider"])
    assert reasons == {"break:abcdef012345": "agreed with the provider"}
    assert [one.name for one in left] == ["partial:bills/a=b.csv"]


def test_a_name_may_hold_an_equals_sign() -> None:
    """The reason of `partial:bills/a=b.csv` begins behind the name, not at its first sign."""
    reasons, _ = accepted_by_name(FOUND, ["partial:bills/a=b.csv=comes = next week"])
    assert reasons == {"partial:bills/a=b.csv": "comes = next week"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("break:abc=why", "break:abc: is no obstacle of this close; they are: break:abcdef, part"),
        ("break:abcdefff=why", "is no obstacle"),
        ("commitment:plan-1=why", "is no obstacle"),
        ("break:abcdef= ", "give the reason, as break:abcdef=REASON"),
        ("break:abcdef", "give the reason"),
    ],
)
def test_what_cannot_be_accepted_is_said(given: str, said: str) -> None:
    """A name of no obstacle, a beginning that is too short, an empty reason."""
    with pytest.raises(UsageError, match="--accept ") as raised:
        accepted_by_name(FOUND, [given])
    assert said in str(raised.value)


def test_a_refusal_says_what_to_type() -> None:
    """Every obstacle with its remedy and the option, quoted for a shell where it must be."""
    text = refusal("2026-10", [*FOUND, Obstacle("partial:my bill.csv", "partial", "correct it")])
    assert text.splitlines()[0].startswith("2026-10 cannot be closed: 3 obstacles.")
    assert "      or --accept break:abcdef=REASON" in text.splitlines()
    assert "      or --accept 'partial:my bill.csv=REASON'" in text.splitlines()


def test_a_long_refusal_is_cut() -> None:
    """Two more than are shown: they are counted, and the first line counts all."""
    many = [Obstacle(f"partial:{n}", "lacks a file", "Run again.") for n in range(SHOWN_MAX + 2)]
    first, *_, last = refusal("2026-10", many).splitlines()
    assert first.startswith(f"2026-10 cannot be closed: {SHOWN_MAX + 2} obstacles.")
    assert last == "  and 2 more"
    assert "more" not in refusal("2026-10", many[:SHOWN_MAX])
