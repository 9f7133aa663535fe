"""Chargeback of a result against what everyone is charged in its world, and what is posted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import trueup
from tests.world import gcp, sagemaker
from tests.world.azure import RESERVATION
from tests.world.charged import Charged, Terms, statements
from tests.world.comparison import Row
from tests.world.payers import BUSINESS_UNITS, COST_CENTRES, RENAMED, UNIT_OF_AGENT
from tests.world.posted import Entry, Ledgers, posted
from tests.world.world import World
from trueup.report.chargeback import Chargeback

SHARED = ("proportional", "even", "by_tokens", "by_gpu_time", "by_requests")
REASONS = (
    *("idle", "no_rule", "missing_in_usage", "unverified_capacity", "tax", "support"),
    *("marketplace", "credit", "refund", "correction", "purchase", "rounding"),
)
OWNERS = {  # whose costs tell its cost centre, are of two, and one that only a table tells
    sagemaker.PLAN: "claims",
    RESERVATION: "routing",
    gcp.CUD: "finance",
}
PRICES = [
    {"match": {"provider": "^azure$", "meter": "^output"}, "price": "15.00", "currency": "EUR"},
    {"match": {"provider": "^azure$"}, "price": "0.5", "currency": "USD"},
    {"match": {"meter": "^cache"}, "price": "1e-6"},
]
MAP = [
    *({"level": "agent", "name": name, "business_unit": it} for name, it in UNIT_OF_AGENT.items()),
    *({"match": {"team": f"^{name}$"}, "team": it} for name, it in RENAMED.items()),
]
COMPANY = {"map": MAP, "cost_centres": COST_CENTRES, "business_units": BUSINESS_UNITS}
ACCOUNTS = (Ledgers("6520", "1480"), Ledgers("6520", "1480", "6590"))
LEVELS = ("company", "business_unit", "cost_centre", "team")
NAMES = ("level", "currency", "business_unit", "cost_centre", "team")
LINE = ("day", "account", "cost_centre", "team", "currency", "debit", "credit")
FIGURES = ("usage", "unused", "unattributed", "exact", "rounding", "amount")


def terms() -> Iterator[Terms]:
    """Every policy of what is unused, of every reason, and of each another one."""
    for policy in ("apart", *SHARED):
        yield {"unused": policy}
    for policy in SHARED:
        yield {"unattributed": dict.fromkeys(REASONS, policy)}
    yield {"unused": "owner", "owners": OWNERS}
    yield {"unused": "by_tokens", "token_price": PRICES}
    mixed = {"idle": "by_gpu_time", "tax": "even", "correction": "proportional"}
    yield {
        "unused": "by_requests",
        "unattributed": mixed | {"missing_in_usage": "by_tokens"},
        "token_price": PRICES,
    }


def assert_charged(made: World, result: trueup.Result) -> None:
    """All statements and every line of the journal, by every policy and with either account."""
    charged = Charged(made)
    for one in terms():
        leaves = charged.leaves(one)
        for accounts in ACCOUNTS:
            found = charged_by(result, one, accounts)
            assert_statements(statements(leaves), found.statements)
            assert_posted(posted(made.ledger, leaves, accounts), found.journal)


def charged_by(result: trueup.Result, one: Terms, accounts: Ledgers) -> Chargeback:
    """What trueup makes of these terms."""
    told = {f"{name}_account": account for name, account in accounts._asdict().items()}
    return result.chargeback({"chargeback": {**COMPANY, **one, **told}})


def assert_statements(
    expected: Mapping[tuple[Any, ...], Mapping[str, Fraction]], rows: Iterable[Row]
) -> None:
    """Every figure of every unit of every level, and no other."""
    wanted = Counter(
        (LEVELS[sum(map(bool, key[1:]))], *key, *(one[name] for name in FIGURES))
        for key, one in expected.items()
    )
    found = Counter(
        (*(row[name] for name in NAMES), *(Fraction(str(row[name])) for name in FIGURES))
        for row in rows
    )
    _assert_same(wanted, found)


def assert_posted(expected: Sequence[Entry], rows: Iterable[Row]) -> None:
    """Every line of the journal, and no other; the text of a cost says whose it is."""
    wanted = Counter(
        (*(getattr(entry, name) for name in LINE), _text(entry) if _is_cost(entry.account) else "")
        for entry in expected
    )
    found = Counter(
        (*(row[name] for name in LINE), row["text"] if _is_cost(row["account"]) else "")
        for row in rows
    )
    _assert_same(wanted, found)


def _is_cost(account: object) -> bool:
    return account == ACCOUNTS[0].cost


def _text(entry: Entry) -> str:
    names = entry.team or entry.cost_centre, entry.business_unit
    return f"AI compute of {', '.join(name for name in names if name)}"


def _assert_same(wanted: Counter[tuple[Any, ...]], found: Counter[tuple[Any, ...]]) -> None:
    lines = [f"missing    {one}" for one in (wanted - found).elements()]
    lines += [f"unexpected {one}" for one in (found - wanted).elements()]
    assert not lines, "\n".join(lines)
