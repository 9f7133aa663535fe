"""The whole page: badges, the money at the top, the sections in reading order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from trueup.model.display import legible
from trueup.report import claims, figures, numbers
from trueup.report.html import (
    anomalies,
    breaks,
    budgets,
    burn,
    causes,
    chargeback,
    drivers,
    efficiency,
    forecast,
    offers,
    sections,
    sessions,
    statements,
    usage,
)
from trueup.report.html.section import Section

if TYPE_CHECKING:
    from trueup.report.result import Result

CURRENCIES_MAX = 12
ZERO = Decimal(0)
FOOTER = (
    (
        "Amounts are rounded to two decimals for reading; hovering shows every digit. The exact "
        "figures are in result.json and in the Parquet files. All times are UTC."
    ),
    (
        "Currencies are never added to one another, nor are layers of commitments. A figure that "
        "is not known is shown as such, never as zero."
    ),
)


@dataclass(frozen=True)
class Badge:
    """A short word about the state of the report."""

    text: str
    tone: str | None = None


@dataclass(frozen=True)
class Tile:
    """One figure at the top."""

    label: str
    text: str
    lines: Sequence[str] = ()
    exact: str | None = None
    percent: str | None = None
    muted: bool = False


@dataclass(frozen=True)
class Band:
    """The tiles of one currency."""

    title: str
    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Page:
    """All that the template needs."""

    period: str
    badges: Sequence[Badge]
    lead: Sequence[str]
    money: Sequence[Band]
    sections: Sequence[Section]
    footer: Sequence[str]
    style: str


def build_page(result: Result, style: str) -> Page:
    """Put the page together; reads every table once or twice, keeps none."""
    return Page(
        period=figures.period_text(result.start, result.end),
        badges=_badges(result),
        lead=_lead(result),
        money=_money(result),
        sections=[section for section in _sections(result) if section is not None],
        footer=FOOTER,
        style=style,
    )


def _sections(result: Result) -> Iterator[Section | None]:
    """What one acts on, then what one looks up, then the proofs."""
    yield sections.to_do(result)
    yield causes.causes(result)
    yield causes.claims(result)
    yield usage.utilization(result)
    yield breaks.breaks(result)
    yield budgets.budgets(result)
    yield burn.burn(result)
    yield forecast.forecast(result)
    yield usage.burn_down(result)
    yield statements.balances(result)
    yield statements.agreements(result)
    yield statements.invoices(result)
    yield statements.closed_periods(result)
    yield anomalies.anomalies(result)
    yield drivers.drivers(result)
    yield usage.allocation(result)
    yield sessions.sessions(result)
    yield efficiency.efficiency(result)
    yield offers.commit(result)
    yield chargeback.chargeback(result)
    yield sections.unattributed(result)
    yield sections.pending(result)
    yield sections.controls(result)
    yield sections.sources(result)
    yield sections.notes(result)


def _badges(result: Result) -> list[Badge]:
    provisional = figures.provisional(result)
    badges = []
    if figures.is_partial(result):
        badges.append(Badge("Partial run: a source could not be read", "warn"))
    if provisional is None:
        badges.append(Badge("Finality not known"))
    else:
        badges.append(Badge("Provisional", "warn") if provisional else Badge("Final", "good"))
    for at, names in figures.provisional_until(result).items():
        badges.append(Badge(f"{legible(', '.join(names), 60)} final on {numbers.day(at)}", "warn"))
    start, end, as_of = (
        moment.astimezone(UTC) for moment in (result.start, result.end, result.as_of)
    )
    badges.append(Badge(f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"))
    badges.append(Badge(f"As of {as_of:%Y-%m-%d %H:%M} UTC"))
    return badges


def _lead(result: Result) -> list[str]:
    lines = []
    if figures.provisional(result):
        lines.append(
            "Provisional: the bill is not final yet. A late row may still draw on a commitment, so "
            "used, unused and drift can change."
        )
    why = figures.not_compared(result)
    if why is not None:
        lines.append(f"Bill and telemetry were not compared: {why}. No cost is attributed by use.")
    return lines


def _money(result: Result) -> list[Band]:
    benefit = figures.benefit_by_currency(result)
    drift = figures.drift_by_currency(result)
    why = figures.not_compared(result)
    identity = {row["currency"]: row for row in result.identity.rows()}
    claimable = claims.claimable(result)
    return [
        Band(
            legible(code, 12),
            [
                *_commitment_tiles(benefit.get(code)),
                _drift_tile(drift.get(code), why, claimable.get(code)),
                _unattributed_tile(identity.get(code)),
            ],
        )
        for code in figures.currencies(result)[:CURRENCIES_MAX]
    ]


def _commitment_tiles(item: figures.Commitments | None) -> list[Tile]:
    if item is None:
        none = "no commitment in this currency"
        return [Tile(label, "—", [none], muted=True) for label in ("Committed", "Used", "Unused")]
    share = item.utilization
    percent = None
    if share is not None:
        percent = str((share * 100).quantize(Decimal("0.1"), rounding=ROUND_HALF_EVEN))
    used = [f"{numbers.percent(share)} of used + unused"] if share is not None else []
    if used and item.pairs < item.rows:
        used = [f"{used[0]}, by {item.pairs} of {item.rows} of which both are known"]
    return [
        _sum_tile("Committed", item.committed, item.rows, [numbers.count(item.rows, "commitment")]),
        _sum_tile("Used", item.used, item.rows, used, percent),
        _sum_tile("Unused", item.unused, item.rows, ["paid for, can no longer be used"]),
    ]


def _sum_tile(
    label: str, total: figures.Sum, rows: int, lines: list[str], percent: str | None = None
) -> Tile:
    if total.unknown and total.known is not None:
        lines = [*lines, f"without {total.unknown} of {rows} whose figure is not known"]
    elif total.unknown:
        lines = ["no figure on the bill or in a contract"]
    known = total.known
    return Tile(
        label,
        numbers.money(known),
        lines,
        exact=numbers.exact(known),
        percent=percent,
        muted=known is None,
    )


def _drift_tile(item: figures.Drift | None, why: str | None, claimable: Decimal | None) -> Tile:
    if item is None and why is not None:
        return Tile("Drift, gross", "not compared", [why], muted=True)
    if item is None:
        return Tile("Drift, gross", numbers.money(ZERO), ["no breaks"])
    lines = [
        f"net {numbers.money(item.net)}",
        f"billed over {numbers.money(item.over)}",
        f"billed under {numbers.money(item.under)}",
        numbers.count(item.count, "break"),
    ]
    if claimable is not None:
        lines.append(f"claimable {numbers.money(claimable)}")
    if why is not None:
        lines.append("bill and contract alone")
    if item.unpriced:
        lines.append(f"and {item.unpriced:,} of unknown amount")
    return Tile("Drift, gross", numbers.money(item.gross), lines, numbers.exact(item.gross))


def _unattributed_tile(row: figures.Row | None) -> Tile:
    if row is None or row["unattributed"] is None:
        return Tile("Unattributed", numbers.NOT_KNOWN, ["no charges in this currency"], muted=True)
    return Tile(
        "Unattributed",
        numbers.money(row["unattributed"]),
        [f"of {numbers.money(row['billed'])} billed"],
        exact=numbers.exact(row["unattributed"]),
    )
