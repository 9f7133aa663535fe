"""What stands in the way of a close; each is accepted by its name, with a reason, or removed."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from shlex import quote
from typing import Any

from trueup.controls.lifecycle import OPEN, BreakState
from trueup.errors import UsageError
from trueup.money import plain
from trueup.period import iso, parse_instant
from trueup.workspace.run import Run

BREAK = "break:"
SHORT_ID = 6
SHOWN_MAX = 30
# As ``reconcile.commitment_leg`` and ``lots`` say of a contract that has no part in the period.
INACTIVE = ("it is not active in the period", "it starts after the period")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Obstacle:
    """Why a period is not to be closed yet. ``name`` is what it is accepted by.

    ``shown`` is how the name is shown: that of a break is the beginning of its id.
    """

    name: str
    what: str
    remedy: str
    short: str | None = None

    @property
    def shown(self) -> str:
        return self.short or self.name


def obstacles(
    run: Run,
    tables: Mapping[str, Sequence[Row]],
    known: Mapping[str, BreakState],
    failed_since: Mapping[str, str],
) -> list[Obstacle]:
    """All obstacles of a period whose last run is ``run``, in a fixed order.

    ``tables`` are its breaks, commitments, identity and billed_identity; ``failed_since`` the runs
    of the period that ended without a result since: id -> error. A break is material from the
    amount on that the run was given; one whose amount is not known always is.
    """
    return [
        *(_failed(name, error) for name, error in failed_since.items()),
        *(_partial(failure) for failure in run.body["failures"]),
        *_rejected(run.body["control_totals"], {one["source"] for one in run.body["failures"]}),
        *_not_final(run),
        *_identities((*tables["identity"], *tables["billed_identity"])),
        *_uncovered(tables["commitments"]),
        *_breaks(tables["breaks"], known, run.body["material_amount"]),
    ]


def _failed(name: str, error: str) -> Obstacle:
    what = f"this later run of the period ended without a result: {error}"
    return Obstacle(f"failed:{name}", what, "correct its cause and run again")


def _partial(failure: Row) -> Obstacle:
    source = failure["source"]
    lacking = "what is missing of it" if failure.get("partly") else "this source"
    what = f"the last run is partial, every figure is without {lacking}: {failure['reason']}"
    return Obstacle(f"partial:{source}", what, failure["remedy"])


def _rejected(totals: Iterable[Row], named: Container[str]) -> Iterator[Obstacle]:
    """By source that is not ``named`` already, its rows that could not be read."""
    rows: dict[str, int] = {}
    for total in totals:
        rows[total["source"]] = rows.get(total["source"], 0) + (total["rejected"] or 0)
    for source, count in rows.items():
        if count and source not in named:
            what = f"{count:,} of its rows could not be read, every figure is without them"
            remedy = "the report's rejects say why: deliver it whole, and run again"
            yield Obstacle(f"rejected:{source}", what, remedy)


def _not_final(run: Run) -> Iterator[Obstacle]:
    for provider, at in run.body["final_at"].items():
        final = None if at is None else parse_instant(at)
        if final is not None and run.as_of >= final:
            continue
        until = "it is not known when they are" if final is None else f"they are on {iso(final)}"
        yield Obstacle(
            f"not_final:{provider}",
            f"its figures were not final at {iso(run.as_of)}, the clock of {run.run_id}: {until}",
            "run again once they are final",
        )


def _identities(rows: Iterable[Row]) -> Iterator[Obstacle]:
    failed: dict[str, Decimal] = {}
    for row in rows:
        if row["difference"]:
            failed.setdefault(str(row["currency"]), row["difference"])
    for currency, difference in failed.items():
        what = f"billed is not allocated + unused + unattributed: {plain(difference, 2)} apart"
        yield Obstacle(f"identity:{currency}", what, "please report this as a defect")


def _uncovered(commitments: Iterable[Row]) -> Iterator[Obstacle]:
    seen = set()
    for row in commitments:
        name = row["commitment_id"]
        if row["status"] == "complete" or row["reason"] in INACTIVE or name in seen:
            continue
        seen.add(name)
        quantity = row["not_covered_quantity"]
        if row["status"] != "partial":
            lacking = "the bill covers none of it"
        elif quantity is None:
            lacking = "the bill does not cover all of it"
        else:
            lacking = f"the bill does not cover {plain(quantity)} {row['unit'] or ''}".rstrip()
        yield Obstacle(f"commitment:{name}", lacking, "add the bill that carries it, and run again")


def _breaks(
    breaks: Sequence[Row], known: Mapping[str, BreakState], material: str | None
) -> Iterator[Obstacle]:
    threshold = None if material is None else Decimal(material)
    names = short_ids([row["id"] for row in breaks])
    for row in breaks:
        state = known.get(row["id"])
        decided = state is not None and state.state != OPEN
        amount = row["amount"]
        small = threshold is not None and amount is not None and abs(amount) < threshold
        by_commitment = (row["class"], row["leg"]) == ("missing_in_billing", "commitment")
        if decided or small or by_commitment:  # the last is named as a commitment already
            continue
        sum_of = "an amount not known" if amount is None else plain(amount, 2)
        again = f" ({state.reason})" if state is not None and state.reason else ""
        short = names[row["id"]]
        yield Obstacle(
            f"{BREAK}{row['id']}",
            f"{row['class']}, {sum_of} {row['currency'] or ''}".rstrip() + f", is open{again}",
            f"`trueup breaks show {short}`, then explain, write-off or defer",
            f"{BREAK}{short}",
        )


def short_ids(ids: Sequence[str]) -> dict[str, str]:
    """The shortest beginnings by which these ids are told apart, of at least six digits."""
    length = SHORT_ID
    while len({name[:length] for name in ids}) < len(set(ids)):
        length += 1
    return {name: name[:length] for name in ids}


def accepted_by_name(
    found: Sequence[Obstacle], given: Sequence[str]
) -> tuple[dict[str, str], list[Obstacle]]:
    """The reasons of the accepted obstacles by name, and those that nobody accepted.

    ``given`` are texts NAME=REASON. A name may hold equals signs itself, and a break is named by
    as much of its id as is shown, or more. Raises UsageError for what names no obstacle, and for
    an empty reason.
    """
    reasons: dict[str, str] = {}
    for text in given:
        one = next((one for one in found if text.startswith(f"{one.name}=")), None)
        name = one.name if one else text.partition("=")[0]
        one = one or next((one for one in found if _is_break(one, name)), None)
        if one is None:
            listed = ", ".join(one.shown for one in found[:SHOWN_MAX]) or "none"
            raise UsageError(f"--accept {name}: is no obstacle of this close; they are: {listed}")
        reason = text[len(name) + 1 :].strip()
        if not reason:
            raise UsageError(f"--accept {name}: give the reason, as {name}=REASON")
        reasons[one.name] = reason
    return reasons, [one for one in found if one.name not in reasons]


def _is_break(one: Obstacle, given: str) -> bool:
    return one.short is not None and given.startswith(one.short) and one.name.startswith(given)


def refusal(period: str, left: Sequence[Obstacle]) -> str:
    """Why a close is refused: every obstacle, what removes it, and the option that accepts it."""
    count = "1 obstacle" if len(left) == 1 else f"{len(left):,} obstacles"
    lines = [f"{period} cannot be closed: {count}. Remove each, or accept it with a reason:"]
    for one in left[:SHOWN_MAX]:
        lines += [f"  {one.shown}: {one.what}", f"      {one.remedy.rstrip('.')},"]
        lines.append(f"      or --accept {quote(f'{one.shown}=REASON')}")
    if len(left) > SHOWN_MAX:
        lines.append(f"  and {len(left) - SHOWN_MAX:,} more")
    return "\n".join(lines)
