"""A cost line names what it falls to, or nothing; names are ordered, what is not known last."""

from __future__ import annotations

from decimal import Decimal

from trueup.attribute.cost_line import CostLine, Payer, in_order, total

D = Decimal
LINE = CostLine("USD", "usage", "ads", "4711", "aws", "large", D(1))


def test_a_line_has_no_business_unit_and_no_agent_unless_they_are_named() -> None:
    """Null, not an empty name."""
    assert (LINE.business_unit, LINE.agent) == (None, None)
    assert LINE.payer == Payer("ads", "4711", None)


def test_a_part_is_charged_to_somebody_and_stays_what_it_is() -> None:
    """Payer and cost are others, the model and the provider are not."""
    part = LINE.charged(Payer("search", None, "retail"), D("0.25"))
    expected = CostLine("USD", "usage", "search", None, "aws", "large", D("0.25"), "retail")
    assert part == expected


def test_names_are_in_order_and_what_is_not_known_is_last() -> None:
    """An empty name is known, and before every other."""
    keys: list[list[str | None]] = [["b"], [None], ["a", "z"], [""], ["a", None]]
    assert sorted(keys, key=in_order) == [[""], ["a", "z"], ["a", None], ["b"], [None]]
    assert in_order(["b", None, ""]) == [(False, "b"), (True, ""), (False, "")]


def test_a_sum_is_exact_and_of_nothing_zero() -> None:
    """10^20 + 10^-18 has 39 digits."""
    assert total([D(10) ** 20, D("1E-18")]) == D("100000000000000000000.000000000000000001")
    assert total([]) == 0
