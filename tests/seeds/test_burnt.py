"""Burn equals what worlds burned, whole and while the bill has arrived only in part."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.seeds.burnt import assert_burnt, assert_equal, rates
from tests.seeds.results import reconciled
from tests.some import some
from tests.world import burnt, world
from tests.world.ledger import HOUR
from tests.world.sagemaker import PLAN
from trueup.burn import reach, runway
from trueup.burn.ends import Ends
from trueup.burn.rates import Pace
from trueup.config import Configuration, read_configuration
from trueup.model.rules import read_rules
from trueup.report.result import Result

START = datetime(2026, 10, 1, tzinfo=UTC)
CUT = START + 36 * HOUR


def with_rates(config: Configuration) -> Configuration:
    """The same with the contract rates of the plan."""
    further = read_rules({"rate": rates()}).rate
    rules = config.rules.model_copy(update={"rate": (*further, *config.rules.rate)})
    return config.model_copy(update={"rules": rules})


@pytest.mark.parametrize("seed", some(range(1, 51), 1))
def test_what_the_bill_lacks_is_accrued(seed: int, tmp_path: Path) -> None:
    """The plan's bill ends after 36 of 72 hours: meters at contract rates stand for the rest."""
    made = world.make(seed, START, 3)
    burnt.bill_only_until(made.ledger, CUT)
    world.write(made, tmp_path)
    result = reconciled(with_rates(read_configuration(tmp_path / "trueup.toml")))
    assert_burnt(made.ledger, result)
    states = {
        (row["state"], row["start"] < CUT)
        for row in result.burn().over("hour")
        if row["commitment_id"] == PLAN
    }
    assert states == {("billed", True), ("accrued", False)}


@pytest.mark.parametrize("seed", some(range(1, 51), 1))
def test_the_whole_bill_replaces_what_was_accrued(seed: int, tmp_path: Path) -> None:
    """All 72 hours billed: although rates would draw on the plan for what is not, nothing does."""
    made = world.make(seed, START, 3)
    world.write(made, tmp_path)
    result = reconciled(with_rates(read_configuration(tmp_path / "trueup.toml")))
    assert any(row["drawn"] for row in result.spend)
    assert_burnt(made.ledger, result, ["commitment"])


def test_wrong_rates_and_runways_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No rate, twice the rate, one hour less, or a runway of twice what is left: none passes."""
    made = world.make(1, START, 3)
    burnt.bill_only_until(made.ledger, CUT)
    world.write(made, tmp_path)
    result = reconciled(with_rates(read_configuration(tmp_path / "trueup.toml")))
    assert_burnt(made.ledger, result)
    rate, until, drawn_down, by_interval = Pace.rate, Ends.of, runway.drawn_down, runway.by_interval
    wrong: list[tuple[object, str, object]] = [
        (Pace, "rate", lambda *_: None),
        (Pace, "rate", lambda pace, name: 2 * (rate(pace, name) or 0)),
        (Ends, "of", lambda *given: until(*given) - HOUR),
        (reach, "drawn_down", lambda left, *given: drawn_down(2 * left, *given)),
        (reach, "by_interval", lambda whole, unused, over: by_interval(whole, 2 * unused, over)),
        (reach, "by_interval", lambda whole, unused, over: by_interval(whole, unused, 2 * over)),
    ]
    for place, name, other in wrong:
        with monkeypatch.context() as patch:
            patch.setattr(place, name, other)
            with pytest.raises(AssertionError):
                assert_burnt(made.ledger, Result(result.outcome))  # which finds its burn anew


def test_one_wrong_digit_is_found() -> None:
    """A burn that is off in its last digit, or in another hour, does not pass."""
    expected = burnt.of_teams(world.make(1, START, 3).ledger, HOUR)
    assert_equal(expected, dict(expected))
    key = next(iter(expected))
    with pytest.raises(AssertionError, match="billed"):
        assert_equal(expected, expected | {key: expected[key] + Decimal("1e-8")})
    with pytest.raises(AssertionError, match="billed"):
        assert_equal(expected, {(*each[:-1], START): amount for each, amount in expected.items()})
