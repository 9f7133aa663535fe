"""Facts joined with their profiles are the rows again, whatever stands in them."""

from __future__ import annotations

from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.model.columns import AMOUNT, INSTANT
from trueup.model.split import DECIMALS, SplitFiles, SplitWriter, split_rows
from trueup.model.split import Split as Way
from trueup.model.table import Table

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64()),
        pa.field("at", INSTANT),
        pa.field("cost", AMOUNT),
        pa.field("used", AMOUNT),
        pa.field("place", pa.string()),
        pa.field("price", AMOUNT),
        pa.field("who", pa.string()),
        pa.field("further", pa.string()),
        pa.field("note", pa.string()),
    ]
)
WAY = Way(
    own=("id", "at"),
    money=("cost",),
    quantities=("used",),
    shared=("place", "price"),
    left_out=("note",),
    parties=("who",),
)
KEPT = [name for name in SCHEMA.names if name != "note"]
DIGITS = Context(prec=40)
# Up to 38 digits, 18 of them decimals, as the files may have.
AMOUNTS = st.integers(-(10**38) + 1, 10**38 - 1).map(
    lambda units: Decimal(units).scaleb(-18, DIGITS)
)
PLAIN = st.decimals(-(10**6), 10**6, places=2) | st.sampled_from([Decimal(0), Decimal("0.5")])
WORDS = st.sampled_from([None, "", "a", "b", "ä\x1f", "a\x1f"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "cost": AMOUNTS | PLAIN,
            "used": st.none() | AMOUNTS | PLAIN,
            "place": WORDS,
            "price": st.none() | PLAIN,
            "who": WORDS,
            "further": WORDS,
        }
    ),
    max_size=12,
)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    columns = {name: [row.get(name) for row in rows] for name in SCHEMA.names}
    columns["id"] = list(range(len(rows)))
    columns["at"] = [1_760_000_000_000_000 + 3_600_000_000 * row for row in range(len(rows))]
    return pa.table(columns, schema=SCHEMA)


def read(files: tuple[Path, ...]) -> list[dict[str, Any]]:
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def together(files: SplitFiles) -> list[dict[str, Any]]:
    """The rows again, put together in plain Python."""
    profiles = {row["profile"]: row for row in read(files.profiles["profile"])}
    parties = {row["party"]: row for row in read(files.profiles["party"])}
    rows = []
    for fact in read(files.facts):
        profile = profiles[fact["profile"]]
        row = {**fact, **profile, **parties[fact["party"]]}
        for name in ("cost", "used"):
            places = profile[DECIMALS + name]
            assert (fact[name] is None) == (places is None)
            row[name] = None if places is None else fact[name].scaleb(-places, DIGITS)
        rows.append({name: row[name] for name in KEPT})
    return rows


def expected(*batches: pa.Table) -> list[dict[str, Any]]:
    rows = pa.concat_tables(batches).to_pylist()
    return [
        {name: row[name].replace(tzinfo=None) if name == "at" else row[name] for name in KEPT}
        for row in rows
    ]


@given(ROWS, ROWS)
@settings(deadline=None)
def test_rows_come_together_again(tmp_path_factory: Any, one: Any, other: Any) -> None:
    """No value is changed by being split, over several batches, to the last of 38 digits."""
    folder = tmp_path_factory.mktemp("split")
    batches = table(one), table(other)
    writer = SplitWriter(folder / "rows", WAY, SCHEMA)
    for batch in batches:
        writer.write(batch)
    assert together(writer.close()) == expected(*batches)


def test_decimals_of_any_type_are_the_same(tmp_path: Path) -> None:
    """Readers leave amounts in the type of the file: in two decimals, in none, in 18 or more."""
    costs = [Decimal("1.50"), Decimal("-0.25"), Decimal(12)]
    rows = table([{"cost": cost, "used": cost, "place": "a", "who": "x"} for cost in costs])
    wide = pa.decimal256(40, 20)
    for kind in (pa.decimal128(9, 2), pa.decimal128(38, 18), pa.decimal32(9, 2), wide):
        narrow = rows
        for name in ("cost", "used"):
            at = rows.schema.get_field_index(name)
            narrow = narrow.set_column(at, name, pa.array(costs, kind))
        folder = tmp_path / str(kind)
        folder.mkdir()
        writer = SplitWriter(folder / "rows", WAY, SCHEMA)
        writer.write(narrow)
        assert together(writer.close()) == expected(rows), kind


def test_text_by_its_values_is_the_same(tmp_path: Path) -> None:
    """Readers hand text over as dictionaries: what a value means does not hang on that."""
    rows = table([{"cost": Decimal(1), "place": word, "who": word} for word in ("a", None, "a")])
    by_value = rows.set_column(
        rows.schema.get_field_index("place"), "place", rows["place"].dictionary_encode()
    )
    writer = SplitWriter(tmp_path / "rows", WAY, SCHEMA)
    writer.write(by_value)
    files = writer.close()
    assert together(files) == expected(rows)
    assert len(read(files.profiles["profile"])) == 2  # of "a" and of no place


def test_quantities_have_the_decimals_of_their_profile(tmp_path: Path) -> None:
    """Tokens stay small numbers beside hours with many decimals: 7 is 7, not 7 x 10^9."""
    rows = table(
        [
            {"cost": Decimal(1), "used": Decimal(7), "place": "tokens"},
            {"cost": Decimal("0.125"), "used": Decimal("0.123456789"), "place": "hours"},
        ]
    )
    files = split_rows(Table(SCHEMA, arrow=rows), WAY, tmp_path / "rows")
    facts = read(files.facts)
    assert [fact["used"] for fact in facts] == [Decimal(7), Decimal(123456789)]
    # 1 and 0.125 are counted together in three decimals, as money is.
    assert [fact["cost"] for fact in facts] == [Decimal(1000), Decimal(125)]


def test_one_finer_row_is_enough_for_its_profile(tmp_path: Path) -> None:
    """A profile of 7, 7.5 and 8 is counted in the decimals of 7.5, whichever row speaks for it."""
    used = [
        ("even", "7"),
        ("mixed", "7"),
        ("mixed", "7.5"),
        ("mixed", "8"),
        ("fine", "0.123456789"),
        ("none", None),
    ]
    rows = table(
        [
            {"cost": Decimal(1), "used": None if each is None else Decimal(each), "place": place}
            for place, each in used
        ]
    )
    files = split_rows(Table(SCHEMA, arrow=rows), WAY, tmp_path / "rows")
    decimals = {row["place"]: row[DECIMALS + "used"] for row in read(files.profiles["profile"])}
    assert decimals == {"even": 0, "mixed": 3, "fine": 9, "none": None}
    assert together(files) == expected(rows)


def test_text_that_hardly_repeats_is_no_part_of_a_profile(tmp_path: Path) -> None:
    """A number of an invoice line in every row would make every row its own profile."""
    rows = table([{"cost": Decimal(1), "further": str(row)} for row in range(2_000)])
    files = split_rows(Table(SCHEMA, arrow=rows), WAY, tmp_path / "rows")
    assert "further" not in files.columns
    assert len(read(files.profiles["profile"])) == 1


def test_no_rows_are_a_split_too(tmp_path: Path) -> None:
    """Whoever reads the files finds all columns and no row."""
    files = split_rows(Table(SCHEMA, arrow=table([])), WAY, tmp_path / "rows")
    assert together(files) == []
    assert {"id", "cost", "profile", "party"} <= set(pq.read_schema(files.facts[0]).names)
