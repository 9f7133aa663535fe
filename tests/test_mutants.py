"""The trial of mutants is itself on trial: it kills the known and reports the planted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

pytest.importorskip("mutmut", reason="mutmut is in the dependency group `mutants`")

from tests.mutants.__main__ import control_of, files_of
from tests.mutants.mutant import Equivalent, equivalents, mutants_of, sampled, unchanged
from tests.mutants.reach import Reach, measured, reach
from tests.mutants.trial import KILLED, SURVIVED, TIMEOUT, UNREACHED, copies, tried

MONEY = ["tests/test_money.py::test_units_left_over_go_to_the_largest_remainders"]
UNITS = ["tests/test_units.py::test_factors_are_exact", "tests/test_units.py::test_a_unit_is_read"]
PERIOD = ["tests/test_period.py::test_an_instant_is_wholly_in_or_out"]
SHARES = ["tests/attribute/test_shares.py"]
LAGS = ["tests/reconcile/test_lags.py"]

SOURCE = '''"""Text of a module."""


@cache
def at_most(value: int = 3) -> bool:
    """Whether it is small."""
    return len("ab") + value <= 5
'''


@pytest.fixture(scope="module")
def free() -> Iterator[SimpleQueue[Path]]:
    with copies() as folders:
        yield folders


def test_every_expression_is_mutated() -> None:
    """Constants and operators are, in a decorated function too; text about the code is not."""
    assert [(one.line, one.before, one.after) for one in mutants_of("small.py", SOURCE)] == [
        (5, "3", "4"),
        (7, 'len("ab") + value', 'len("ab") - value'),
        (7, "<= 5", "< 5"),
        (7, "5", "6"),
    ]


def test_a_mutant_is_the_file_with_one_change() -> None:
    """What stands around the change stays to the letter."""
    less = next(one for one in mutants_of("small.py", SOURCE) if one.after == "< 5")
    assert less.code == SOURCE.replace("<= 5", "< 5")
    assert less.source == 'return len("ab") + value <= 5'


@pytest.mark.parametrize(
    ("file", "source", "after", "tests"),
    [
        ("money.py", "left = units - sum(floors)", "units + sum(floors)", MONEY),
        ("money.py", "floors[index] += 1", "floors[index] -= 1", MONEY),
        ("units.py", "if time in _MONTHS:", "not in", UNITS),
        ("units.py", '"million": 10**6,', "10 * 6", UNITS),
        ("period.py", "if end < start:", "<= start", PERIOD),
        ("period.py", "if start == end:", "!= end", PERIOD),
        ("attribute/shares.py", "size=magnitude(weighted.cost),", "magnitude(None)", SHARES),
        (
            "reconcile/lags.py",
            'ends = rows.group_by("provider").aggregate(end=rows.period_end.max())',
            '"PROVIDER"',
            LAGS,
        ),
    ],
)
def test_a_known_mutant_is_killed(
    file: str, source: str, after: str, tests: list[str], free: SimpleQueue[Path]
) -> None:
    """The tests of a module fail on a mutant that they must not miss."""
    (mutant,) = (one for one in mutants_of(file) if one.source == source and one.after == after)
    assert tried(mutant, tests, free, seconds=300) == KILLED


def test_what_no_test_misses_is_reported(free: SimpleQueue[Path]) -> None:
    """A mutant that its tests do not look at survives; one that no test reaches is not tried."""
    (mutant,) = (one for one in mutants_of("money.py") if one.after == "floors[index] -= 1")
    assert tried(mutant, MONEY[:0], free, seconds=300) == UNREACHED
    elsewhere = ["tests/test_money.py::test_an_amount_has_a_currency_and_only_meets_amounts"]
    assert tried(mutant, elsewhere, free, seconds=300) == SURVIVED
    assert tried(mutant, MONEY, free, seconds=300) == KILLED
    assert tried(unchanged("money.py"), MONEY, free, seconds=300) == SURVIVED


def test_an_empty_file_is_no_control() -> None:
    """A folder begins with its ``__init__``, of which no test reaches a line."""
    files = [*files_of("attribute")]
    reached = Reach({files[0]: {1: set()}, files[2]: {1: {"test"}}}, Counter(test=1))
    assert files[0] == "attribute/__init__.py"
    assert control_of(files, reached).file == files[2]
    assert control_of(files, Reach({}, Counter())).file == files[0]


def test_a_mutant_without_end_is_stopped(free: SimpleQueue[Path]) -> None:
    """Tests that have not ended after their time are ended, and the mutant counts as found."""
    assert tried(unchanged("money.py"), MONEY, free, seconds=0.01) == TIMEOUT


def test_tests_that_reach_a_line_are_known(tmp_path: Path) -> None:
    """Of a line that one test runs, that test; of a constant, every test of the file."""
    data = tmp_path / "coverage"
    measured(["money"], data, "-k", "largest_remainder")
    reached = reach(data)
    moved = next(one for one in mutants_of("money.py") if one.source == "floors[index] += 1")
    constant = next(one for one in mutants_of("money.py") if one.source == "prec=100,")
    assert "tests/test_money.py::test_the_largest_remainder_wins_over_the_order" in reached.tests(
        moved
    )
    assert set(reached.tests(moved)) <= set(reached.tests(constant))


def test_the_narrowest_test_comes_first() -> None:
    """By the number of lines that a test reaches: 1 before 2, so that a mutant dies early."""
    lines = {"money.py": {1: {"wide", "narrow"}, 2: {"wide"}}}
    reached = Reach(lines, Counter(wide=2, narrow=1))
    (first, *_) = mutants_of("money.py", "a = 1\nb = 2\n")
    assert reached.tests(first) == ["narrow", "wide"]


def test_a_sample_is_drawn_by_its_seed() -> None:
    """The same seed draws the same mutants, another one others; all of them are no sample."""
    made = mutants_of("money.py")
    assert sampled(made, 9, seed=1) == sampled(made, 9, seed=1) != sampled(made, 9, seed=2)
    assert len({*sampled(made, 9, seed=1)}) == 9
    assert sampled(made, None, seed=1) == sampled(made, len(made), seed=1) == made


def test_every_explanation_is_of_a_mutant_that_there_is() -> None:
    """A line that has changed since takes its explanation with it, and none is given twice."""
    known = equivalents()
    made = {file: mutants_of(file) for file in {one.file for one in known}}
    assert [one for one in known if not any(map(one.is_, made[one.file]))] == []
    assert len({*known}) == len(known)
    assert all(one.why for one in known)


def test_an_explanation_is_of_its_mutant_alone() -> None:
    """Another file, line or change is another mutant."""
    (less, *_) = (one for one in mutants_of("small.py", SOURCE) if one.after == "< 5")
    known = Equivalent("small.py", less.source, "<= 5", "< 5", "as an example")
    assert [one.after for one in mutants_of("small.py", SOURCE) if known.is_(one)] == ["< 5"]
    assert not any(map(known.is_, mutants_of("other.py", SOURCE)))
