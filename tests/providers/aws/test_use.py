"""What Cost Explorer is asked, how often, and that its parts add up to its totals."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.providers.aws.holdings import EC2, GPU, HELD, WEB
from tests.twin import aws
from tests.twin.exchange import Request, Response
from tests.twin.faults import ALWAYS, Altered, Fault
from tests.world.world import World

from trueup.adapter.feed import Changed
from trueup.errors import ConfigurationError, ProviderError
from trueup.period import Period, parse_period
from trueup.providers.aws.cost_explorer import agree

PLANS, RESERVATIONS = "savings-plans-utilization", "reservations-utilization"
COST_EXPLORER = "ce.us-east-1"


@pytest.fixture
def held(cloud: Any, worlds: Callable[[int], World]) -> Any:
    cloud.answers = aws.answerer(worlds(1), HELD)
    return cloud


def test_by_day_it_is_one_request_a_day_and_one_for_all(cloud: Any) -> None:
    """Three days of two plans, one a page: 1 + 3 x 2 requests, each billed."""
    assert len(cloud.rows(PLANS)) == 6
    assert cloud.asked(COST_EXPLORER) == 7


def test_by_period_it_is_two_requests(cloud: Any) -> None:
    """One row a plan over the whole period: the total, and the plans on two pages."""
    cloud.settings["cost_explorer"] = "period"
    rows = cloud.rows(PLANS)
    assert {(row["interval_start"], row["interval_end"]) for row in rows} == {
        ("2026-10-01T00:00:00Z", "2026-10-04T00:00:00Z")
    }
    assert len(rows) == 2
    assert cloud.asked(COST_EXPLORER) == 3


@pytest.mark.parametrize("feed", [PLANS, RESERVATIONS])
def test_never_asks_nothing(cloud: Any, feed: str) -> None:
    """Who does not want to be billed for requests is not."""
    cloud.settings["cost_explorer"] = "never"
    assert cloud.rows(feed) == []
    assert cloud.asked(COST_EXPLORER) == 0


def test_another_word_is_a_mistake_of_the_configuration(cloud: Any) -> None:
    """It is named with the words that are known."""
    cloud.settings["cost_explorer"] = "hourly"
    with pytest.raises(ConfigurationError, match="'hourly': it is 'day', 'period' or 'never'"):
        cloud.rows(PLANS)


def test_the_future_is_not_asked_for(cloud: Any) -> None:
    """In the middle of a month the API refuses its end: whole days up to the run's clock."""
    cloud.period = parse_period("2026-10")
    cloud.at = datetime.fromisoformat("2026-10-03T17:00:00+00:00")
    assert {row["interval_start"] for row in cloud.rows(PLANS)} == {
        "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize("feed", [PLANS, RESERVATIONS])
def test_less_than_a_day_is_not_asked_for(held: Any, feed: str) -> None:
    """Hours are not to be had: a period of hours gives no row, and costs nothing."""
    held.period = Period(held.period.start + timedelta(hours=1), held.period.start.replace(day=2))
    assert held.rows(feed) == []
    assert held.asked(COST_EXPLORER) == 0


def test_a_period_that_cuts_a_day_asks_for_the_whole_days_in_it(cloud: Any) -> None:
    """From 12:00 of the first to 12:00 of the third: the second."""
    half = timedelta(hours=12)
    cloud.period = Period(cloud.period.start + half, cloud.period.end - half)
    assert {row["interval_start"] for row in cloud.rows(PLANS)} == {"2026-10-02T00:00:00Z"}


def test_an_account_without_plans_costs_one_request(cloud: Any) -> None:
    """Cost Explorer refuses with DataUnavailableException: that is an answer, without rows."""
    cloud.answers = lambda _: aws.refusal("DataUnavailableException", "no data")
    assert cloud.rows(PLANS) == []
    assert cloud.asked(COST_EXPLORER) == 1


def test_reservations_in_hours_and_in_units(held: Any) -> None:
    """24 purchased hours a day of 16 units each; used as the twin holds; unused is the rest."""
    rows = [row for row in held.rows(RESERVATIONS) if row["commitment_id"] == WEB]
    assert sorted(
        (row["interval_start"][:10], row["unit"], row["committed"], row["used"], row["unused"])
        for row in rows
    ) == [
        ("2026-10-01", "Instance-Hours", "24", "20.5", "3.5"),
        ("2026-10-01", "Normalized Unit-Hours", "384", "328.0", "56.0"),
        ("2026-10-02", "Instance-Hours", "24", "24", "0"),
        ("2026-10-02", "Normalized Unit-Hours", "384", "384", "0"),
        ("2026-10-03", "Instance-Hours", "24", "0", "24"),
        ("2026-10-03", "Normalized Unit-Hours", "384", "0", "384"),
    ]
    assert held.asked(COST_EXPLORER) == 7


def test_reservations_of_a_period_and_of_each_service(held: Any) -> None:
    """Each service is asked by itself, since the operation takes one."""
    held.settings |= {"cost_explorer": "period", "reserved_services": [EC2, "Amazon Redshift"]}
    rows = held.rows(RESERVATIONS)
    assert [(row["commitment_id"], row["used"]) for row in rows if row["unit"][0] == "I"] == [
        (WEB, "44.5"), (GPU, "6"),
    ]  # fmt: skip
    assert held.asked("Amazon Redshift") == 1
    assert held.asked(COST_EXPLORER) == 4


def rewritten(path: tuple[Any, ...], value: str) -> Altered:
    """The answer with one figure changed."""

    def alter(_: Request, response: Response) -> Response:
        body = json.loads(response.body)
        place = body
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        return Response(json.dumps(body).encode(), response.status, response.headers)

    return alter


PLAN = ("SavingsPlansUtilizationDetails", 0, "Utilization", "UsedCommitment")
GROUP = ("UtilizationsByTime", 0, "Groups", 0, "Utilization", "UnusedHours")


@pytest.mark.parametrize(
    ("feed", "matching", "path"),
    [(PLANS, "Details", PLAN), (RESERVATIONS, "GetReservationUtilization", GROUP)],
)
def test_what_changes_between_pages_is_read_again(
    feed: str, matching: str, path: tuple[Any, ...], held: Any
) -> None:
    """A figure that no longer fits the total: everything once more, then it fits."""
    right = held.rows(feed)
    fault = Fault(rewritten(path, "7.77"), matching, after=1)
    held.answers = fault.over(held.answers)
    assert held.rows(feed) == right
    assert fault.times == 0


@pytest.mark.parametrize(
    ("feed", "matching", "path"),
    [(PLANS, "Details", PLAN), (RESERVATIONS, "GetReservationUtilization", GROUP)],
)
def test_what_keeps_changing_is_an_error(
    feed: str, matching: str, path: tuple[Any, ...], held: Any
) -> None:
    """Three readings, then an error that says which figure, and what to do."""
    spoilt = rewritten(path, "7.77")

    def alter(request: Request, response: Response) -> Response:
        has_it = b'"Groups": [{' in response.body or b"PlansUtilizationDetails" in response.body
        return spoilt(request, response) if has_it else response

    held.answers = Fault(alter, matching, ALWAYS).over(held.answers)
    with pytest.raises(ProviderError) as found:
        held.rows(feed)
    assert found.value.provider == "aws"
    assert found.value.operation == feed
    assert "changed while it was read, 3 times" in found.value.reason
    assert "run again when the provider has finished its refresh" in found.value.remedy


def test_a_day_that_comes_short_is_seen_though_the_whole_adds_up(held: Any) -> None:
    """What one day lacks and another has too much: the days are checked, not only their sum."""
    total = rewritten(("SavingsPlansUtilizationsByTime", 0, "Utilization", "UsedCommitment"), "1.5")
    held.answers = Fault(total, r"GetSavingsPlansUtilization$", ALWAYS).over(held.answers)
    with pytest.raises(ProviderError, match="UsedCommitment of 2026-10-01"):
        held.rows(PLANS)


def test_a_plan_that_comes_short_is_seen_in_the_whole_period(held: Any) -> None:
    """Asked for the period as one there are no days to check: the total says so."""
    held.settings["cost_explorer"] = "period"
    held.answers = Fault(rewritten(PLAN, "7.77"), "Details", ALWAYS).over(held.answers)
    with pytest.raises(ProviderError, match="UsedCommitment of the period"):
        held.rows(PLANS)


@pytest.mark.parametrize(
    ("parts", "total", "agrees"),
    [
        (("1.005", "2.005"), "3.01", True),
        (("1.0050", "2.0050"), "3.0101", True),  # three figures, each off by 0.00005 at most
        (("1.0050", "2.0050"), "3.0102", False),
        (("1", "2"), "3.01", True),  # cents that were not written
        (("1", "2"), "3.02", False),
        ((), "0", True),
        ((), "0.01", False),
    ],
)
def test_parts_may_differ_from_their_total_by_rounding_alone(
    parts: tuple[str, ...], total: str, *, agrees: bool
) -> None:
    """Half of the last decimal of each figure; cents, where fewer are written."""
    figures = [{"Used": one} for one in parts]
    try:
        agree("it", figures, {"Used": total}, ("Used",))
    except Changed:
        assert not agrees
    else:
        assert agrees
