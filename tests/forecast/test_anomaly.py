"""Unusual days of small tables: found once, by money, with what drove them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from trueup.forecast import anomaly
from trueup.forecast.anomaly import anomalies, too_short
from trueup.forecast.cause import Explained, explained
from trueup.forecast.daily import Daily, daily
from trueup.model.schema import UTILIZATION
from trueup.model.spend_schema import ACTIVITY, SPEND
from trueup.model.table import Table

FIRST = datetime(2026, 10, 1, tzinfo=UTC)
DAYS = 31
PLANTED = 12  # the 13th of October
D = Decimal
Rows = Iterable[dict[str, Any]]
CLOUD = {"provider": "cloud", "model": "m", "meter": "output_tokens"}


def at(day: int, hour: int = 0) -> dict[str, datetime]:
    start = FIRST + timedelta(days=day, hours=hour)
    return {"start": start, "end": start + timedelta(hours=1)}


def cost(day: int, amount: object, **who: Any) -> dict[str, Any]:
    same = {"state": "billed", "currency": "USD", "cost": D(str(amount))}
    return at(day) | CLOUD | same | who


def used(day: int, quantity: object, **who: Any) -> dict[str, Any]:
    same = {"capacity": "busy", "unit": "Tokens", "quantity": D(str(quantity))}
    return at(day) | CLOUD | same | who


def known(spend: Rows, activity: Rows = (), utilization: Rows = (), days: int = DAYS) -> Daily:
    tables = (
        Table.from_rows(schema, list(rows)).reader()
        for schema, rows in ((SPEND, spend), (ACTIVITY, activity), (UTILIZATION, utilization))
    )
    return daily([(FIRST, FIRST + timedelta(days=days))], *tables)


def found(daily: Daily, material: Decimal | None = None) -> list[Explained]:
    return explained(daily, anomalies(daily, daily.days, material))


def teams(**planted: int) -> list[dict[str, Any]]:
    """Each day 40 of team x and 60 of team y, by an agent each, or times what is planted."""
    return [
        cost(day, usual * (planted.get(team, 1) if day == PLANTED else 1), team=team, agent=agent)
        for day in range(DAYS)
        for team, agent, usual in (("x", "a", 40), ("y", "b", 60))
    ]


def test_spend_without_a_known_cost_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Usage that nobody priced has days that are not known, and nothing on the others."""
    judged = []
    monkeypatch.setattr(anomaly, "expectation", lambda *given: judged.append(given))
    unpriced = [cost(day, 0, currency=None, team="x") | {"cost": None} for day in (3, 9)]
    assert found(known(unpriced)) == []
    assert judged == []


def test_nothing_is_unusual_where_every_day_is_alike() -> None:
    """The same costs on 31 days."""
    assert found(known(teams())) == []


def test_three_times_a_team_is_found_once_by_its_agent() -> None:
    """120 instead of 40: 80 more. Seen by agent, team, model and provider, all 80 of them.

    A token costs 0.10. Tokens went from 400 to 1200: 40 x (1200 / 400 - 1) = 80 is by quantity, nothing by price.
    """
    tokens = [
        used(day, 1200 if (day, team) == (PLANTED, "x") else usual, team=team, agent=agent)
        for day in range(DAYS)
        for team, agent, usual in (("x", "a", 400), ("y", "b", 600))
    ]
    [one] = found(known(teams(x=3), tokens))
    assert one.anomaly.day == date(2026, 10, 13)
    assert one.anomaly.scope == {"team": "x", "agent": "a"}
    assert (one.anomaly.actual, one.anomaly.expected.amount, one.anomaly.money) == (
        D(120),
        D(40),
        D(80),
    )
    assert {(each.measure, *each.scope) for each in one.also} == {
        ("spend", "team"),
        ("spend", "provider"),
        ("spend", "provider", "model"),
        ("quantity", "provider", "model", "meter"),
    }
    assert one.effects is not None
    assert (one.effects.quantity, one.effects.price, one.effects.other) == (D(80), D(0), D(0))
    assert [(each.name, each.money) for each in one.drivers] == [
        ("provider", D(80)),
        ("model", D(80)),
        ("meter", D(80)),
    ]


def test_an_excess_of_two_teams_is_one_of_their_provider() -> None:
    """80 more of x and 120 more of y are 200 of the provider; no team is 80 % of that."""
    [one] = found(known(teams(x=3, y=3)))
    assert one.anomaly.scope == {"provider": "cloud", "model": "m"}
    assert one.anomaly.money == 200
    assert [(each.name, each.value, each.money) for each in one.drivers] == [
        ("meter", "output_tokens", D(200)),
        ("agent", "b", D(120)),
        ("team", "y", D(120)),
    ]


def test_a_price_is_told_from_a_quantity() -> None:
    """100 tokens cost 10 a day, once 15: 0.05 a token more than 0.10, so 5 more for 100."""
    spend = [cost(day, 15 if day == PLANTED else 10) for day in range(DAYS)]
    [one] = found(known(spend, [used(day, 100) for day in range(DAYS)]))
    anomaly = one.anomaly
    assert (anomaly.measure, anomaly.unit, anomaly.money) == ("price", "Tokens", D(5))
    assert (anomaly.actual, anomaly.expected.amount) == (D("0.15"), D("0.1"))
    assert {each.measure for each in one.also} == {"spend"}


def test_quantity_at_no_more_cost_is_found_by_its_usual_price() -> None:
    """300 tokens instead of 100, of a flat 10 a day: 200 x 10 / 100 = 20 at the usual price.

    The same day's price, 10 / 300 instead of 0.10, came to 20 less.
    """
    spend = [cost(day, 10) for day in range(DAYS)]
    activity = [used(day, 300 if day == PLANTED else 100) for day in range(DAYS)]
    rows = found(known(spend, activity))
    assert {(one.anomaly.measure, round(one.anomaly.money, 9)) for one in rows} == {
        ("quantity", D(20)),
        ("price", D(-20)),
    }


def plan(planted: int, unused_cost: int) -> list[dict[str, Any]]:
    """80 of 100 used every day and 20 not, for 10; once other figures."""
    return [
        {
            "commitment_id": "plan",
            "provider": "cloud",
            "interval_start": at(day)["start"],
            "interval_end": at(day)["end"],
            "committed_quantity": D(100),
            "used_quantity": D(planted if day == PLANTED else 80),
            "unused_cost": D(unused_cost if day == PLANTED else 10),
            "currency": "USD",
        }
        for day in range(DAYS)
    ]


def test_a_commitment_used_less_than_usual() -> None:
    """Once 30 of 100: half of it more than usual went unused, of 70 that cost 35: 25."""
    [one] = found(known([], utilization=plan(30, 35)))
    anomaly = one.anomaly
    assert (anomaly.measure, anomaly.scope["commitment_id"]) == ("utilization", "plan")
    assert (anomaly.actual, anomaly.expected.amount, anomaly.money) == (D("0.3"), D("0.8"), D(25))


def test_spend_and_a_commitment_on_one_day_are_two() -> None:
    """80 more of team x and 25 of an idle plan, of one provider: spend does not name the plan."""
    both = found(known(teams(x=3), utilization=plan(30, 35)))
    assert [(one.anomaly.measure, one.anomaly.money) for one in both] == [
        ("spend", D(80)),
        ("utilization", D(25)),
    ]


def test_each_of_many_agents_is_found_once() -> None:
    """Of 40 agents 30 do ten times 5 on one day, each in a team of its own: 45 more of each."""
    rows = [
        cost(day, 50 if day == PLANTED and agent < 30 else 5, team=f"t{agent}", agent=f"a{agent}")
        for day in range(DAYS)
        for agent in range(40)
    ]
    several = found(known(rows), material=D(1))
    # All of them together are the provider's: 30 x 45 are 1,350 more.
    assert [(one.anomaly.scope, one.anomaly.money) for one in several] == [
        ({"provider": "cloud", "model": "m"}, D(1350))
    ]
    assert len(several[0].also) == 1 + 2 * 30  # the provider, each team and each agent


def test_a_commitment_used_more_than_usual_is_as_it_should_be() -> None:
    """Once 98 of 100."""
    assert found(known([], utilization=plan(98, 1))) == []


def test_two_teams_of_two_providers_are_two() -> None:
    """80 more of x at one provider and 120 more of y at another have nothing in common."""
    rows = [row | ({"provider": "other"} if row["team"] == "y" else {}) for row in teams(x=3, y=3)]
    assert [(one.anomaly.scope["team"], one.anomaly.money) for one in found(known(rows))] == [
        ("y", D(120)),
        ("x", D(80)),
    ]


def test_fees_and_what_lasts_longer_than_a_day_are_not_expected() -> None:
    """A purchase of 500 on one day and tax of a month are no use of anything."""
    bought = cost(PLANTED, 500) | {"reason": "purchase"}
    month = cost(0, 900) | {"end": FIRST + timedelta(days=31)}
    assert found(known([*teams(), bought, month])) == []


def test_currencies_are_apart() -> None:
    """Three times a team in both currencies are two anomalies, the larger amount first."""
    euros = [row | {"currency": "EUR", "cost": row["cost"] * 2} for row in teams(x=3)]
    rows = found(known([*teams(x=3), *euros]))
    assert [(one.anomaly.currency, one.anomaly.money) for one in rows] == [
        ("EUR", D(160)),
        ("USD", D(80)),
    ]


@pytest.mark.parametrize(("material", "count"), [("80.01", 0), ("80", 1)])
def test_what_is_not_material_is_left_out(material: str, count: int) -> None:
    """80 more than expected are 80, not 80.01."""
    assert len(found(known(teams(x=3)), D(material))) == count


def test_a_day_that_is_not_known_whole_is_not_judged() -> None:
    """Accrued use without a price on the day: nobody knows what it cost."""
    unknown = cost(PLANTED, 0, team="x", agent="a") | {"state": "accrued", "cost": None}
    assert found(known([*teams(x=3), unknown])) == []


def test_less_than_expected_is_told_too() -> None:
    """Nothing instead of 60: 60 less."""
    [one] = found(known(teams(y=0)))
    assert (one.anomaly.scope["team"], one.anomaly.money) == ("y", D(-60))


def test_a_short_history_says_so() -> None:
    """Fourteen days are compared with thirteen others: too few; fifteen are enough."""
    why = too_short(known([], days=14))
    assert why is not None
    assert why.startswith("A history of 14 whole days is too short")
    assert too_short(known([], days=15)) is None


def test_only_whole_days_up_to_the_clock_are_known() -> None:
    """From the 1st at noon to the 3rd at noon only the 2nd is whole."""
    empty = (Table.from_rows(schema, []).reader() for schema in (SPEND, ACTIVITY, UTILIZATION))
    noon = timedelta(hours=12)
    assert daily([(FIRST + noon, FIRST + 5 * noon)], *empty).days == (date(2026, 10, 2),)
