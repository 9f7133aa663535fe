"""A unit that is off by a power of ten, by sixty or by 3,600."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction

from trueup.model.rules import Rules
from trueup.reconcile.causes.scene import (
    ROUNDING,
    Break,
    Cause,
    Scene,
    counted,
    equal,
    grouped,
    in_base,
    named,
    near,
    shown,
)

_UP = (*(Fraction(10) ** power for power in range(1, 13)), Fraction(60), Fraction(3600))
FACTORS = (*_UP, *(1 / factor for factor in _UP))
_BY_SIZE = sorted(FACTORS)
SURE = 1000  # a factor that no count of machines gives by chance
ALONE = Fraction(4, 5)  # of a subject's breaks that must have it


def find(scene: Scene) -> list[Cause]:
    """Billed over metered is one such factor on nearly every quantity break of a SKU."""
    found = []
    rows = [row for row in scene.of_class("quantity") if row["billed"] and row["expected"]]
    about = ("provider", "model", "meter", "tier")
    for key, of_sku in grouped(rows, lambda row: tuple(row[name] for name in about)).items():
        having: dict[Fraction, list[Break]] = {}
        for row in of_sku:
            for factor in _factors(row, scene.rules):
                having.setdefault(factor, []).append(row)
        for factor in FACTORS:
            same = having.get(factor, [])
            if same and len(same) >= ALONE * len(of_sku) and _strong(same, of_sku, factor):
                found.append(_cause(key, same, factor))
                break
    return found


def _is_sure(factor: Fraction) -> bool:
    return factor >= SURE or factor <= Fraction(1, SURE)


def _factors(row: Break, rules: Rules) -> Iterator[Fraction]:
    """The factors that lie between what is billed and what is metered: a small one to the digit."""
    billed, metered = in_base(row, "billed"), in_base(row, "expected")
    ratio = billed / metered
    off = ratio * max(ROUNDING, Fraction(rules.tolerance_of("usage", row["provider"]).relative))
    low, high = sorted((ratio - off, ratio + off))
    for factor in _BY_SIZE[bisect_left(_BY_SIZE, low) : bisect_right(_BY_SIZE, high)]:
        wanted = metered * factor
        if near(billed, wanted, row, rules) if _is_sure(factor) else equal(billed, wanted):
            yield factor


def _strong(same: Sequence[Break], of_sku: Sequence[Break], factor: Fraction) -> bool:
    """One break needs a large factor to the digit; a small one, several different quantities."""
    if len(same) == 1:
        [row] = same
        exact = equal(in_base(row, "billed"), in_base(row, "expected") * factor)
        return len(of_sku) == 1 and _is_sure(factor) and exact
    return _is_sure(factor) or len({row["expected"] for row in same}) > 1


def _cause(key: tuple[str | None, ...], same: Sequence[Break], factor: Fraction) -> Cause:
    provider, model, meter, _tier = key
    billed = sum(in_base(row, "billed") for row in same)
    metered = sum(in_base(row, "expected") for row in same)
    larger, smaller = ("billed", "metered") if factor > 1 else ("metered", "billed")
    times = shown(max(factor, 1 / factor))
    return Cause(
        "unit_factor",
        (*key, str(factor)),
        same,
        f"{counted(len(same))} of {named(provider, model, meter)}: what is {larger} is {times} "
        f"times what is {smaller}, {shown(billed)} billed against {shown(metered)} metered in all, "
        "as a wrong unit gives.",
        "compare the unit of the SKU with that of the meter: correct `unit` of that usage source, "
        "or add a [[rules.factor]] for the SKU",
    )
