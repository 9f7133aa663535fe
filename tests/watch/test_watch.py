"""Growing telemetry: read as it grows, priced by contract rates, after what runs know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.burn.test_series import PLAN, at, interval, spent, tables
from trueup.errors import SourceError, UsageError
from trueup.model.rules import Rules, read_rules
from trueup.period import Period
from trueup.watch.growing_file import GrowingFile, How
from trueup.watch.watch import Known, Watch

D = Decimal
TOKENS = How(
    "table",
    {"window_start": "at", "input_tokens": "tokens", "team": "team"},
    {"provider": "nimbus", "model": "large"},
)
HELD = How(
    "table",
    {
        "window_start": "from",
        "window_end": "to",
        "quantity": "s",
        "team": "team",
        "capacity": "capacity",
        "resource_id": "what",
    },
    {"provider": "nimbus", "meter": "gpu", "unit": "GPU-Seconds"},
)
RULES = read_rules(
    {
        "rate": [
            {
                "match": {"model": "^large$"},
                "meter": "input_tokens",
                "unit": "1000 Tokens",
                "price": "0.50",
                "currency": "USD",
            },
            {
                "match": {"resource": "^e[12]$"},
                "meter": "gpu",
                "unit": "GPU-Hours",
                "price": "4.00",
                "currency": "USD",
                "commitment_id": PLAN,
                "commitment_price": "3.00",
            },
        ]
    }
)


def call(hour: str, tokens: int, team: str = "search") -> str:
    return json.dumps({"at": f"2026-10-03T{hour}Z", "tokens": tokens, "team": team}) + "\n"


def append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as opened:
        opened.write(text)


class Starts(Protocol):
    """Makes a watch of one file, after what runs know up to an instant."""

    def __call__(
        self,
        file: Path,
        how: How = TOKENS,
        rules: Rules = RULES,
        until: datetime | None = None,
        **known: Sequence[Mapping[str, Any]],
    ) -> Watch: ...


@pytest.fixture
def watch() -> Iterator[Starts]:
    begun: list[Watch] = []

    def start(
        file: Path,
        how: How = TOKENS,
        rules: Rules = RULES,
        until: datetime | None = None,
        **known: Sequence[Mapping[str, Any]],
    ) -> Watch:
        of_runs = Known(tables(**known), at(3), until or at(3))
        begun.append(Watch([GrowingFile(file, how)], of_runs, rules))
        return begun[-1]

    yield start
    for one in begun:
        one.close()


def by_team(found: Watch) -> dict[Any, Decimal]:
    return {
        (row["team"], row["reason"], row["start"].hour): row["amount"]
        for row in found.burn(at(4)).over("hour")
        if row["by"] == "team"
    }


def test_only_what_was_appended_is_read_and_half_a_line_waits(
    watch: Starts, tmp_path: Path
) -> None:
    """2,000 tokens at 0.50 a thousand are 1.00; the next line counts when it has its end."""
    file = tmp_path / "calls.jsonl"
    found = watch(file)
    assert found.look() == 0  # it is not there yet
    append(file, call("14:05:00", 2000))
    assert found.look() == 1
    whole = call("14:10:00", 1000, "ads")
    append(file, whole[:20])
    assert found.look() == 0
    append(file, whole[20:] + call("15:00:00", 4000))
    assert found.look() == 2
    assert found.look() == 0
    assert by_team(found) == {
        ("search", None, 14): D("1.00"),
        ("ads", None, 14): D("0.50"),
        ("search", None, 15): D("2.00"),
    }
    assert found.accrued() == {"USD": (D("3.50"), D("2.00"))}


def test_a_table_keeps_its_names(watch: Starts, tmp_path: Path) -> None:
    """Lines that are appended to a CSV are read under its first line."""
    file = tmp_path / "calls.csv"
    found = watch(file)
    append(file, "at,tokens,team\n")
    assert found.look() == 0
    for hour in ("14", "15"):
        append(file, f"2026-10-03T{hour}:00:00Z,1000,search\n")
        assert found.look() == 1
    assert by_team(found) == {("search", None, 14): D("0.50"), ("search", None, 15): D("0.50")}


def test_a_file_that_was_cut_or_replaced_is_read_from_its_beginning(
    watch: Starts, tmp_path: Path
) -> None:
    """What was read before still counts, also the last lines of the file that was moved away."""
    file = tmp_path / "calls.jsonl"
    found = watch(file)
    append(file, call("14:05:00", 1000) + call("14:06:00", 1000))
    assert found.look() == 2
    file.write_text(call("15:00:00", 1000))
    assert found.look() == 1
    append(file, call("15:01:00", 1000))
    file.replace(tmp_path / "calls.1.jsonl")
    file.write_text(call("16:00:00", 1000))
    assert found.look() == 2
    assert [text.split(": ")[1] for text in found.files[0].said] == [
        "it became shorter, read from its beginning",
        "another file has its name, read from its beginning",
    ]
    assert [amount for _, amount in sorted(by_team(found).items())] == [D("1"), D("1"), D("0.5")]


def test_a_rejected_line_is_counted_and_the_next_is_read(watch: Starts, tmp_path: Path) -> None:
    """A line that is no record costs nothing."""
    file = tmp_path / "calls.jsonl"
    found = watch(file)
    append(file, call("14:05:00", 1000) + call("14:05:00", 1000).replace("2026-10-03", "soon"))
    assert found.look() == 2
    assert (found.metered.rows, found.metered.rejected) == (1, 1)


@pytest.mark.parametrize(
    "text", ['{\n "resourceSpans": [\n', '[\n {"at": 1},\n', "PAR1\nx\n", "\x1f\x8bzipped\n"]
)
def test_what_does_not_grow_by_lines_is_refused(text: str, watch: Starts, tmp_path: Path) -> None:
    """Documents, Parquet and packed files are for `trueup run`."""
    file = tmp_path / "calls"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises((UsageError, SourceError), match="calls"):
        watch(file).look()


def test_hours_that_runs_know_are_not_counted_again(watch: Starts, tmp_path: Path) -> None:
    """The run knows up to 15:00 and accrued 9.00; of telemetry only 15:00 and later counts."""
    file = tmp_path / "calls.jsonl"
    append(file, call("14:59:59", 1000) + call("15:00:00", 1000))
    told = [
        spent(3, 14, "9.00", team="search", state="accrued"),
        spent(3, 15, "7.00", team="search", state="accrued"),  # of half an hour: read again
    ]
    found = watch(file, until=at(3, 15), spend=told)
    found.look()
    assert found.metered.known == 1
    assert by_team(found) == {("search", None, 14): D("9.00"), ("search", None, 15): D("0.50")}


def test_rates_of_runs_stay_over_a_gap_until_a_day_is_known_after_it(
    watch: Starts, tmp_path: Path
) -> None:
    """24 x 1.00 on the 3rd; nothing is known of the 4th to 14:00; from there 24 x 0.50 count."""
    known = [spent(3, hour, "1.00", team="search") for hour in range(24)]
    file = tmp_path / "calls.jsonl"
    found = watch(file, until=at(4), spend=known)
    found.look()
    assert [said.endswith("not there yet, waiting") for said in found.files[0].said] == [True]
    found.look()
    assert len(found.files[0].said) == 1  # said once
    append(file, call("14:05:00", 1000).replace("10-03", "10-04"))
    found.look()
    assert found.gap == Period(at(4), at(4, 14))
    [team] = [row for row in found.burn(at(4, 15)).rates if row["by"] == "team"]
    assert (team["per_hour"], team["until"], team["accrued"]) == (D(1), at(4), D("0.50"))
    for hour in range(15, 24):
        append(file, call(f"{hour}:05:00", 1000).replace("10-03", "10-04"))
    for hour in range(14):
        append(file, call(f"{hour:02}:05:00", 1000).replace("10-03", "10-05"))
    found.look()
    [team] = [row for row in found.burn(at(5, 14)).rates if row["by"] == "team"]
    assert (team["per_hour"], team["until"]) == (D("0.50"), at(5, 14))


def test_a_commitment_pays_first_and_the_rest_is_on_demand(watch: Starts, tmp_path: Path) -> None:
    """2 GPU-hours draw 6.00 of a plan of 4.50: 1.5 of them; half an hour costs 2.00: 6.50.

    A quarter was busy for search, so 1.625; the rest was idle. Before, the plan burned 4.50.
    """
    file = tmp_path / "gpus.csv"
    append(
        file,
        "from,to,what,capacity,s,team\n"
        "2026-10-03T14:00:00Z,2026-10-03T15:00:00Z,e1,allocated,7200,\n"
        "2026-10-03T14:00:00Z,2026-10-03T15:00:00Z,e1,busy,1800,search\n",
    )
    found = watch(file, HELD, until=at(3, 14), utilization=[interval(3, 13, "4.50")])
    found.look()
    assert by_team(found) == {
        ("search", None, 14): D("1.625"),
        (None, "idle", 14): D("4.875"),
    }
    of_plan = [
        (row["start"].hour, row["state"], row["amount"])
        for row in found.burn(at(4)).over("hour")
        if row["measure"] == "quantity"
    ]
    assert of_plan == [(13, "billed", D("4.50")), (14, "accrued", D("6.00"))]


def test_what_a_commitment_has_is_paid_once(watch: Starts, tmp_path: Path) -> None:
    """Two GPU-hours draw on 4.50: 3.00 pays the first, 1.50 half of the second, then 2.00: 6.50."""
    file = tmp_path / "gpus.csv"
    append(file, "from,to,what,capacity,s,team\n")
    for name in ("e1", "e2"):
        append(file, f"2026-10-03T14:00:00Z,2026-10-03T15:00:00Z,{name},allocated,3600,ads\n")
    found = watch(file, HELD, until=at(3, 14), utilization=[interval(3, 13, "4.50")])
    found.look()
    assert found.accrued() == {"USD": (D("6.50"), D("6.50"))}


def test_capacity_of_several_hours_is_split_by_time(watch: Starts, tmp_path: Path) -> None:
    """14:30 to 16:00, 5,400 s: a third in each half hour; 0.5 GPU-hours cost 1.50, then 3.00."""
    file = tmp_path / "gpus.csv"
    append(
        file,
        "from,to,what,capacity,s,team\n"
        "2026-10-03T14:30:00Z,2026-10-03T16:00:00Z,e1,allocated,5400,ads\n",
    )
    found = watch(file, HELD)
    found.look()
    assert by_team(found) == {("ads", None, 14): D("1.50"), ("ads", None, 15): D("3.00")}


def test_what_no_rate_speaks_of_is_named_and_not_known(watch: Starts, tmp_path: Path) -> None:
    """Without a price there is no cost: an unknown figure, never nought."""
    file = tmp_path / "calls.jsonl"
    append(file, call("14:00:00", 1000))
    found = watch(file, rules=Rules())
    found.look()
    [row] = found.burn(at(4)).rates.rows()
    assert (row["unit"], row["accrued"], row["unknown"]) == (None, D(0), 1)
    assert [one.meter for one in found.prices.unpriced] == ["input_tokens"]


def test_dated_rates_hold_on_their_days(watch: Starts, tmp_path: Path) -> None:
    """0.50 up to the 2nd, 0.75 from the 3rd."""
    first = RULES.rate[0]
    dated = [
        first.model_copy(update={"valid_to": at(3).date()}),
        first.model_copy(update={"price": D("0.75"), "valid_from": at(3).date()}),
    ]
    file = tmp_path / "calls.jsonl"
    append(file, call("14:00:00", 1000))
    found = watch(file, rules=Rules(rate=tuple(dated)))
    found.look()
    assert found.accrued() == {"USD": (D("0.75"), D("0.75"))}
    assert found.latest == datetime(2026, 10, 3, 15, tzinfo=UTC)


def test_a_file_that_is_moved_away_is_read_to_its_end(watch: Starts, tmp_path: Path) -> None:
    """Between two files of a rotation there is none: what was appended counts, nothing is said."""
    file = tmp_path / "calls.jsonl"
    found = watch(file)
    append(file, call("14:05:00", 1000))
    assert found.look() == 1
    append(file, call("14:06:00", 1000))
    file.replace(tmp_path / "calls.1.jsonl")
    assert found.look() == 1
    assert found.look() == 0
    assert found.files[0].said == []
    append(file, call("15:00:00", 1000))
    assert found.look() == 1
    assert [amount for _, amount in sorted(by_team(found).items())] == [D("1"), D("0.5")]


def test_a_line_may_be_longer_than_what_is_read_at_once(
    watch: Starts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read in pieces of 16 bytes; lines without anything on them are none."""
    monkeypatch.setattr("trueup.watch.growing_file.CHUNK_BYTES", 16)
    file = tmp_path / "calls.jsonl"
    append(file, call("14:05:00", 1000) + "\n\n" + call("14:06:00", 1000))
    assert watch(file).look() == 2


def held(*lines: str) -> str:
    return "from,to,what,capacity,s,team\n" + "".join(
        f"2026-10-03T14:00:00Z,2026-10-03T15:00:00Z,{line}\n" for line in lines
    )


def test_what_is_busy_without_being_held_waits_for_the_run(watch: Starts, tmp_path: Path) -> None:
    """Nothing says how much is held, so that nothing is known of its cost."""
    file = tmp_path / "gpus.csv"
    append(file, held("e1,busy,1800,search"))
    found = watch(file, HELD)
    assert found.look() == 1
    assert (by_team(found), found.accrued()) == ({}, {})


def test_busy_to_the_end_leaves_nothing_idle(watch: Starts, tmp_path: Path) -> None:
    """An hour held, of which search and ads were busy on half each: 2.00 each of 4.00."""
    file = tmp_path / "gpus.csv"
    append(file, held("e2,allocated,3600,", "e2,busy,1800,search", "e2,busy,1800,ads"))
    rules = RULES.model_copy(
        update={"rate": (RULES.rate[1].model_copy(update={"commitment_id": None}),)}
    )
    found = watch(file, HELD, rules)
    found.look()
    assert by_team(found) == {("search", None, 14): D("2.00"), ("ads", None, 14): D("2.00")}


def test_what_no_rate_speaks_of_is_no_money(watch: Starts, tmp_path: Path) -> None:
    """Of 1,000 tokens of the large model 0.50 accrue; of the small one nothing is known."""
    file = tmp_path / "calls.jsonl"
    small = How(TOKENS.format, {**TOKENS.columns, "model": "model"}, {"provider": "nimbus"})
    for model in ("large", "small"):
        row = json.loads(call("14:05:00", 1000)) | {"model": model}
        append(file, json.dumps(row) + "\n")
    found = watch(file, small)
    assert found.look() == 2
    assert found.accrued() == {"USD": (D("0.50"), D("0.50"))}


def test_what_held_capacity_serves_has_no_price_of_its_own(watch: Starts, tmp_path: Path) -> None:
    """Tokens of the provisioned tier are counted as rows, and accrue nothing."""
    file = tmp_path / "calls.jsonl"
    how = How(TOKENS.format, TOKENS.columns, {**TOKENS.constants, "service_tier": "provisioned"})
    append(file, call("14:05:00", 1000))
    found = watch(file, how)
    assert found.look() == 1
    assert (found.metered.hours, found.accrued()) == ({}, {})


def test_a_unit_that_is_not_its_meters_is_counted(watch: Starts, tmp_path: Path) -> None:
    """Seconds of a GPU are read; gigabytes of one are not."""
    file = tmp_path / "gpus.csv"
    append(file, held("e1,allocated,3600,ads"))
    how = How(HELD.format, HELD.columns, {**HELD.constants, "unit": "GB"})
    found = watch(file, how)
    assert found.look() == 1
    assert (found.metered.unread, found.metered.hours) == (1, {})
