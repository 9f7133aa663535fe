"""What everyone is charged by any policy: whole numbers of 10^-18, cents dealt out one by one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from tests.world.attribution import attribution
from tests.world.ledger import Ledger, Party
from tests.world.payers import Payer, Place, of_party, of_team
from tests.world.standing import commitments
from tests.world.work import Work, answered, gpu_time, prices, summed, work
from tests.world.world import World

UNITS = 10**18
CENT = 10**16  # every currency of the world has cents
KINDS = ("usage", "unused", "unattributed")
Leaves = dict[Place, dict[str, int]]  # units by kind
Terms = Mapping[str, Any]  # of a person: unused, owners, unattributed, token_price


class Line(NamedTuple):
    """A cost and whom it falls to; ``about`` is the commitment or the reason."""

    currency: str
    provider: str
    kind: str
    about: str
    payer: Payer
    units: int


class Charged:
    """The costs of a world, and who bears them by one policy or another."""

    def __init__(self, made: World) -> None:
        self.lines = _lines(made.ledger)
        self.known = {line.payer for line in self.lines if line.kind == "usage"}
        self.work = work(made)
        self.prices = prices(made.ledger, self.work)

    def leaves(self, terms: Terms) -> dict[str, Leaves]:
        """By currency: what every lowest unit bears; what nobody is charged for is APART."""
        found: dict[str, Leaves] = defaultdict(lambda: defaultdict(lambda: dict.fromkeys(KINDS, 0)))
        for line in self.lines:
            for payer, units in self._shares(line, terms).items():
                found[line.currency][payer.place][line.kind] += units
        return found

    def _shares(self, line: Line, terms: Terms) -> Mapping[Payer, int]:
        policy = terms.get("unused", "apart")
        if line.kind == "unattributed":
            policy = terms.get("unattributed", {}).get(line.about, "apart")
        if line.kind == "usage" or policy == "apart":
            return {line.payer: line.units}
        if policy == "owner":
            team = terms.get("owners", {}).get(line.about)
            return {of_team(team, self.known) if team else Payer(): line.units}
        shares = _dealt(line.units, self._weights(line, policy, terms.get("token_price", ())))
        return {payer: units for payer, units in shares.items() if units} or {Payer(): line.units}

    def _weights(self, line: Line, policy: str, stated: Sequence[Terms]) -> dict[Payer, Fraction]:
        """By what each used of the cost's provider."""
        if policy in ("proportional", "even"):
            place = "usage", line.currency, line.provider
            used = summed(
                (one.payer, Fraction(one.units))
                for one in self.lines
                if (one.kind, one.currency, one.provider) == place
            )
            return dict.fromkeys(used, Fraction(1)) if policy == "even" else used
        some = [one for one in self.work if one.provider == line.provider]
        if policy == "by_gpu_time":
            return gpu_time(some)
        if policy == "by_requests":
            return answered(some)
        return summed(
            (one.payer, one.amount * self._price(one, line.currency, stated))
            for one in some
            if one.meter.endswith("_tokens")
        )

    def _price(self, one: Work, currency: str, stated: Sequence[Terms]) -> Fraction:
        """The first that is stated, else that of the bill, else nothing."""
        for entry in stated:
            if entry.get("currency") in (None, currency) and all(
                re.search(pattern, getattr(one, name)) for name, pattern in entry["match"].items()
            ):
                return Fraction(entry["price"]) / 1_000_000
        return self.prices.get((currency, one.kind), Fraction())


def statements(leaves: Mapping[str, Leaves]) -> dict[tuple[Any, ...], dict[str, Fraction]]:
    """Figures by (currency, business unit, cost centre, team), units above with null below."""
    found: dict[tuple[Any, ...], dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for currency, borne in leaves.items():
        for place, cents in in_cents(borne).items():
            figures = {kind: Fraction(borne[place][kind], UNITS) for kind in KINDS}
            exact, amount = sum(figures.values(), Fraction()), Fraction(cents, 100)
            figures |= {"exact": exact, "rounding": amount - exact, "amount": amount}
            for depth in range(4):
                above = (*place[:depth], *[None] * (3 - depth))
                for name, figure in figures.items():
                    found[currency, *above][name] += figure
    return {key: dict(figures) for key, figures in found.items()}


def in_cents(leaves: Leaves) -> dict[Place, int]:
    """Cents that add up to the whole's, rounded half to even; who lacks most of a cent gets one."""
    exact = {place: sum(leaves[place].values()) for place in sorted(leaves)}
    whole = round(Fraction(sum(exact.values()), CENT))
    cents = {place: units // CENT for place, units in exact.items()}
    lacking = {place: units % CENT for place, units in exact.items()}
    for _ in range(whole - sum(cents.values())):
        most = max(lacking, key=lambda place: lacking[place])
        cents[most] += 1
        lacking[most] -= CENT
    return cents


def _lines(ledger: Ledger) -> list[Line]:
    given, _, left = attribution(ledger)
    nobody = Payer()
    return [
        *(_line(row, "usage", "", of_party(_party(row)), row["cost"]) for row in given),
        *(
            _line(row, "unused", str(row["commitment_id"]), nobody, row["unused_cost"])
            for row in commitments(ledger)
            if row["layer"] == "benefit" and row["unused_cost"]
        ),
        *(
            _line({"currency": currency, "provider": by}, "unattributed", reason, nobody, cost)
            for (currency, reason, by), cost in left.items()
        ),
    ]


def _party(row: Mapping[str, Any]) -> Party:
    return Party(*(row[name] for name in Party._fields))


def _line(place: Mapping[str, Any], kind: str, about: str, payer: Payer, cost: object) -> Line:
    units = int(Fraction(str(cost)) * UNITS)
    return Line(place["currency"], place["provider"], kind, about, payer, units)


def _dealt(units: int, weights: Mapping[Payer, Fraction]) -> dict[Payer, int]:
    """By weight, what is left one each to those who lack most; of equals the first by name."""
    size, sign, whole = abs(units), -1 if units < 0 else 1, sum(weights.values())
    names = sorted(weights, key=lambda payer: [(part is None, part) for part in payer])
    parts = {name: size * weights[name] // whole for name in names}
    lacking = {name: size * weights[name] / whole - parts[name] for name in names}
    for _ in range(size - sum(parts.values()) if names else 0):
        most = max(lacking, key=lambda name: lacking[name])
        parts[most] += 1
        lacking[most] -= 1
    return {name: sign * part for name, part in parts.items()}
