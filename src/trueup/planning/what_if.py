"""What if: prices and use changed by a share, as ``price=+10%``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from trueup.errors import UsageError
from trueup.money import EXACT
from trueup.planning.use import Priced, Use

CHANGES = ("price", "spot_price", "use")
_SHARE = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*%")


def changes(given: Mapping[str, str]) -> dict[str, Decimal]:
    """What each is multiplied by; UsageError for another name or form, or less than nothing."""
    found = {}
    for name, text in given.items():
        share = _SHARE.fullmatch(text.strip())
        if name not in CHANGES or share is None or Decimal(share[1]) < -100:
            raise UsageError(
                f"what if {name}={text}: it is one of {', '.join(CHANGES)} with a change in "
                "percent, as price=+10%"
            )
        found[name] = EXACT.add(Decimal(1), Decimal(share[1]).scaleb(-2, EXACT))
    return found


def changed(use: Use, by: Mapping[str, Decimal]) -> Use:
    """The use at changed prices on demand and at the spot, and of a changed size."""
    return replace(use, priced=_changed(use.priced, by), beside=_changed(use.beside, by))


def _changed(some: Iterable[Priced], by: Mapping[str, Decimal]) -> tuple[Priced, ...]:
    one = Decimal(1)
    size = Fraction(by.get("use", one))
    found = []
    for each in some:
        rate, spot = each.rate, each.rate.spot_price
        price = EXACT.multiply(rate.price, by.get("price", one))
        if spot is not None:
            spot = EXACT.multiply(spot, by.get("spot_price", by.get("price", one)))
        amounts = [amount * size for amount in each.amounts] if size != 1 else each.amounts
        told = rate.model_copy(update={"price": price, "spot_price": spot})
        found.append(replace(each, rate=told, amounts=amounts))
    return tuple(found)
