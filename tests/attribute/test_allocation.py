"""A cost, and what commitments paid of it, shared by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from trueup.attribute.allocation import divided, with_payers
from trueup.attribute.parties import WHO
from trueup.engine.engine import open_engine
from trueup.errors import IntegrityError

WHOLE = pa.decimal128(38, 0)
PARTS = pa.schema(
    [
        *(("group", pa.string()), ("currency", pa.string()), ("idle", pa.bool_())),
        *(("who", pa.int64()), ("cost", WHOLE), ("covered", WHOLE), ("weight", WHOLE)),
    ]
)


def parts(group: str, cost: int, covered: int, *weights: int) -> list[dict[str, Any]]:
    """Parts of a group by parties 1, 2 ...; the last of three is nobody's."""
    return [
        {
            "group": group,
            "currency": "USD",
            "idle": False,
            "who": None if who == 3 else who,
            "cost": Decimal(cost),
            "covered": Decimal(covered),
            "weight": Decimal(weight),
        }
        for who, weight in enumerate(weights, start=1)
    ]


def shares(*groups: list[dict[str, Any]]) -> dict[str, list[tuple[int, int]]]:
    """Group -> share of the cost and of what is covered, by party; nobody last."""
    rows = pa.Table.from_pylist([row for group in groups for row in group], schema=PARTS)
    with open_engine("duckdb") as engine:
        found = engine.collect(divided(engine.load(rows), engine)).to_pylist()
    found.sort(key=lambda row: (row["group"], row["who"] or 9))
    result: dict[str, list[tuple[int, int]]] = {}
    for row in found:
        result.setdefault(row["group"], []).append((int(row["share"]), int(row["covered"])))
    return result


def test_what_is_covered_in_part_is_shared_as_the_cost_is() -> None:
    """100 by 1:2:3 is 16.67, 33.33 and 50: the unit left goes to the first.

    31 of it were covered: 5.17, 10.33 and 15.5, and the unit left goes to nobody's part. Where all
    is covered, or nothing, each part is: 7 by 1:1 is 4 and 3; -9 with -4 covered is -5 and -4, -2
    and -2.
    """
    assert shares(
        parts("in part", 100, 31, 1, 2, 3),
        parts("all", 7, 7, 1, 1),
        parts("nothing", 5, 0, 1),
        parts("refund", -9, -4, 1, 1),
    ) == {
        "in part": [(17, 5), (33, 10), (50, 16)],
        "all": [(4, 4), (3, 3)],
        "nothing": [(5, 0)],
        "refund": [(-5, -2), (-4, -2)],
    }


def test_a_product_of_38_digits_is_shared() -> None:
    """19 digits of cost times 19 digits of weights fit; the larger share is 2/3 of it."""
    cost, weight = 3 * 10**18, 10**18
    assert shares(parts("most", cost, 0, weight, 2 * weight)) == {
        "most": [(10**18, 0), (2 * 10**18, 0)]
    }


@pytest.mark.parametrize(("cost", "covered"), [(3 * 10**19, 0), (5, 3 * 10**19)])
def test_a_product_of_39_digits_is_refused(cost: int, covered: int) -> None:
    """Of the cost or of what is covered: nothing is shared, nothing wraps."""
    with pytest.raises(IntegrityError, match=r"^a cost and the quantities that share it have more"):
        shares(parts("too much", cost, covered, 10**18, 2 * 10**18))


def test_an_owner_is_the_party_of_its_team_alone_or_a_new_one() -> None:
    """Claims is party 1, a session of claims is another; ops gets a number below 0 and its name."""
    about = dict.fromkeys(WHO)
    parties = pa.Table.from_pylist(
        [
            {"who": 1, **about, "team": "claims"},
            {"who": 2, **about, "team": "claims", "session": "s1"},
            {"who": 3, **about, "team": "claims", "cost_centre": "4711"},
        ],
        schema=pa.schema([("who", pa.int64()), *((name, pa.string()) for name in WHO)]),
    )
    rows = pa.table(
        {
            "who": pa.array([None, None, 2], pa.int64()),
            "owner": ["claims", "ops", None],
            "cost": [1, 2, 3],
        }
    )
    owners = {"d1": "claims", "d2": "ops", "d3": "claims"}
    with open_engine("duckdb") as engine:
        paid, named = with_payers(engine.load(rows), engine.load(parties), owners, engine)
        who = {row["cost"]: row["who"] for row in engine.collect(paid).to_pylist()}
        added = [row for row in engine.collect(named).to_pylist() if row["who"] not in (1, 2, 3)]
    assert (who[1], who[3]) == (1, 2)
    assert who[2] < 0
    assert added == [{"who": who[2], **about, "team": "ops"}]


def test_without_owners_everybody_pays_for_themselves() -> None:
    """The rows have no owner, and no party is added."""
    rows = pa.table({"who": pa.array([2], pa.int64()), "owner": pa.nulls(1, pa.string())})
    parties = pa.table({"who": pa.array([2], pa.int64()), "team": ["claims"]})
    with open_engine("duckdb") as engine:
        paid, named = with_payers(engine.load(rows), engine.load(parties), {}, engine)
        assert engine.collect(paid).to_pylist() == [{"who": 2}]
        assert engine.collect(named).to_pylist() == [{"who": 2, "team": "claims"}]
