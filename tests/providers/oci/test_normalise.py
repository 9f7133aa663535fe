"""What single answers mean, by hand: overage, contract years, months, credits, rate tiers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.providers.oci.stage import feed_of

from trueup.adapter.feed import Answer, BrokenAnswer, Changed
from trueup.providers.oci.computed_usage import COMPUTED
from trueup.providers.oci.rate_cards import CARDS
from trueup.providers.oci.subscriptions import COMMITTED, SERVICES, SUBSCRIPTIONS, WHOLE
from trueup.providers.oci.usage_api import USAGES

YEAR = {"timeStart": "2026-01-01T00:00:00Z", "timeEnd": "2026-12-31T23:59:59.999Z"}
NEXT = {"timeStart": "2027-01-01T00:00:00Z", "timeEnd": "2028-01-01T00:00:00Z"}
TERM = {"timeStart": "2026-01-01T00:00:00Z", "timeEnd": "2028-01-01T00:00:00Z"}


def answer(operation: str, value: object, **asked: str) -> Answer:
    return Answer(operation, asked, 1, json.dumps(value).encode())


def walked(*commitments: dict[str, Any], model: str = "ANNUAL", **service: Any) -> list[Answer]:
    """A subscription with one service and its commitments."""
    one = {"id": "s1", "subscriptionId": "u1", "pricingModel": model, **TERM, **service}
    return [
        answer(SUBSCRIPTIONS.name, [{"id": "u1", "currency": {"isoCode": "USD"}}]),
        answer(SERVICES.name, [one], subscription_id="u1"),
        answer(
            COMMITTED.name, list(commitments), subscribed_service_id="s1", at="2026-06-01T00:00:00Z"
        ),
        answer(WHOLE.name, {"commitmentServices": None}, subscribed_service_id="s1"),
    ]


def pool(
    name: str, quantity: str | None, used: str | None, left: str | None, **term: Any
) -> dict[str, Any]:
    found = {"id": name, "quantity": quantity, "usedAmount": used, "availableAmount": left}
    return found | (term or YEAR)


def rows(feed: str, answers: list[Answer]) -> list[dict[str, Any]]:
    one = feed_of(feed)
    if one.check is not None:
        one.check(answers)
    return [dict(row) for row in one.normalise(answers)]


def test_overage_is_no_negative_balance() -> None:
    """Of 1,000 there were used 1,250: the pool gave 1,000, nothing is left of it."""
    for left in ("-250.00", "0"):
        (row,) = rows("universal-credits-balances", walked(pool("p", "1000.00", "1250.00", left)))
        assert (row["granted"], row["drawn"], row["remaining"]) == ("1000.00", "1000.00", "0")


def test_a_balance_is_of_the_moment_it_was_asked_for() -> None:
    """The API says no instant; amounts stay as they are written."""
    (row,) = rows("universal-credits-balances", walked(pool("p", "1000.00", "250.10", "749.90")))
    assert row["at"] == "2026-06-01T00:00:00Z"
    assert (row["drawn"], row["remaining"]) == ("250.10", "749.90")


def test_what_is_not_said_is_not_known() -> None:
    """No figure becomes nought."""
    (row,) = rows("universal-credits-balances", walked(pool("p", None, None, None)))
    assert (row["granted"], row["drawn"], row["remaining"]) == (None, None, None)
    (row,) = rows("universal-credits", walked(pool("p", None, None, None), status="ON_THE_MOON"))
    assert row["ContractCommitmentCost"] is None
    assert row["ContractCommitmentLifecycleStatus"] is None


def test_the_last_second_of_a_year_stands_for_the_midnight_after_it() -> None:
    """Terms are half-open, so that two years neither overlap nor leave a gap."""
    first, second = rows(
        "universal-credits", walked(pool("a", "1", "0", "1"), pool("b", "2", "0", "2", **NEXT))
    )
    assert first["ContractCommitmentPeriodEnd"] == "2027-01-01T00:00:00Z"
    assert second["ContractCommitmentPeriodStart"] == "2027-01-01T00:00:00Z"
    assert {row["ContractPeriodEnd"] for row in (first, second)} == {"2028-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("model", "term", "type_", "interval", "per"),
    [
        ("ANNUAL", YEAR, "Annual Universal Credits", "Full Period", "term"),
        ("MONTHLY", YEAR, "Monthly Universal Credits", "Monthly", "interval"),
        (
            "MONTHLY",
            {"timeStart": "2026-03-01T00:00:00Z", "timeEnd": "2026-04-01T00:00:00Z"},
            "Monthly Universal Credits",
            "Full Period",
            "term",
        ),
        ("PREPAID", YEAR, "Prepayment", "Full Period", "term"),
    ],
)
def test_monthly_credits_are_of_a_month(
    model: str, term: dict[str, str], type_: str, interval: str, per: str
) -> None:
    """A pool a month where the term is longer; a term of one month is that month."""
    (row,) = rows("universal-credits", walked(pool("p", "10", "0", "10", **term), model=model))
    assert (row["ContractCommitmentType"], row["x_Layer"]) == (type_, "funding")
    assert (row["ContractCommitmentFulfillmentInterval"], row["x_Per"]) == (interval, per)


def test_a_funded_allocation_holds_its_own_value() -> None:
    """12,000.00 are allocated, whatever the quantity says."""
    one = pool("p", "1", "0", "12000.00") | {"fundedAllocationValue": "12000.00"}
    (row,) = rows("universal-credits", walked(one, model="FUNDED_ALLOCATION"))
    assert row["ContractCommitmentCost"] == "12000.00"


def test_commitments_that_the_whole_service_does_not_name_are_a_change() -> None:
    """Pages with two years, and a service with one of them."""
    answers = walked(pool("a", "1", "0", "1"), pool("b", "1", "0", "1", **NEXT))
    whole = {"commitmentServices": [{**YEAR, "quantity": "1.00", "availableAmount": "1"}]}
    answers[-1] = answer(WHOLE.name, whole, subscribed_service_id="s1")
    with pytest.raises(Changed, match="s1"):
        rows("universal-credits", answers)
    assert (
        len(
            rows(
                "universal-credits",
                [answers[0], answers[1], *walked(pool("a", "1.0", "0", "1"))[2:3], answers[-1]],
            )
        )
        == 1
    )


def test_an_amount_that_is_none_is_no_answer() -> None:
    """Text that is no number is said, not taken for nought."""
    with pytest.raises(BrokenAnswer, match="1,000"):
        rows("universal-credits-balances", walked(pool("p", "1,000", "1", "1")))


def line(when: str, cost: str, kind: str = "USAGE") -> dict[str, str]:
    return {"timeMeteredOn": when, "costUnrounded": cost, "type": kind}


def computed(daily: list[dict[str, str]], whole: list[dict[str, str]]) -> list[Answer]:
    """Computed usages of service s1 from 30 December on, for four days."""

    def one(grouping: str, lines: list[dict[str, str]]) -> Answer:
        entry = {"parentSubscribedServiceId": "s1", "currencyCode": "USD"}
        return answer(
            COMPUTED.name,
            [entry | {"aggregatedComputedUsages": lines}],
            grouping=grouping,
            time_from="2026-12-30T00:00:00Z",
            time_to="2027-01-03T00:00:00Z",
        )

    years = walked(pool("a", "1", "0", "1"), pool("b", "1", "0", "1", **NEXT))
    return [*years, one("DAILY", daily), one("NONE", whole)]


def test_a_day_belongs_to_the_contract_year_it_lies_in() -> None:
    """31 December is the first year's, 1 January the second's; 0.1 + 0.2 is 0.3."""
    daily = [
        line("2026-12-31T00:00:00.000Z", "0.1"),
        line("2026-12-31T00:00:00.000Z", "0.2"),
        line("2027-01-01T00:00:00.000Z", "4"),
    ]
    found = rows(
        "universal-credits-drawdown", computed(daily, [line("2026-12-30T00:00:00Z", "4.3")])
    )
    assert [(row["commitment_id"], row["interval_start"], row["used"]) for row in found] == [
        ("a", "2026-12-31T00:00:00Z", "0.3"),
        ("b", "2027-01-01T00:00:00Z", "4"),
    ]


@pytest.mark.parametrize(
    "kind", ["OVERAGE", "PAY_AS_YOU_GO", "PROMOTION", "DO_NOT_BILL", "DELAYED_USAGE_COMMITMENT_EXP"]
)
def test_what_draws_on_nothing_is_not_drawn(kind: str) -> None:
    """Overage and promotions beside 2.00 of use."""
    lines = [line("2026-12-31T00:00:00Z", "2.00"), line("2026-12-31T00:00:00Z", "9", kind)]
    (row,) = rows("universal-credits-drawdown", computed(lines, lines))
    assert row["used"] == "2.00"


def test_a_day_that_was_not_asked_for_is_left_out() -> None:
    """Where the end that was asked for is taken as within, its day is not whole."""
    lines = [line("2027-01-02T00:00:00Z", "1"), line("2027-01-03T00:00:00Z", "1")]
    (row,) = rows("universal-credits-drawdown", computed(lines, lines))
    assert row["interval_start"] == "2027-01-02T00:00:00Z"


def test_days_that_are_not_the_whole_are_a_change() -> None:
    """3.00 by the day, 3.01 in all; the same sum of another type is no whole either."""
    daily = [line("2026-12-31T00:00:00Z", "1"), line("2027-01-01T00:00:00Z", "2")]
    for whole in (
        line("2026-12-30T00:00:00Z", "3.01"),
        line("2026-12-30T00:00:00Z", "3", "OVERAGE"),
    ):
        with pytest.raises(Changed):
            rows("universal-credits-drawdown", computed(daily, [whole]))


def usages(query: str, whole: str, *days: tuple[str, object]) -> list[Answer]:
    """Amounts of the Usage API as they stand in its JSON, by the day and in all."""

    def one(start: str, end: str, written: object) -> str:
        times = f'"timeUsageStarted": "{start}", "timeUsageEnded": "{end}"'
        return f'{{{times}, "computedAmount": {written}, "currency": "USD", "tenantId": "t"}}'

    def of(items: str, flag: str) -> Answer:
        body = f'{{"groupBy": [], "items": [{items}]}}'.encode()
        return Answer(USAGES.name, {"query": query, "whole": flag}, 1, body)

    daily = ", ".join(
        one(f"2026-10-{day}T00:00:00Z", f"2026-10-{int(day) + 1:02}T00:00:00Z", cost)
        for day, cost in days
    )
    return [
        of(daily, "false"),
        of(one("2026-10-01T00:00:00Z", "2026-10-03T00:00:00Z", whole), "true"),
    ]


def test_amounts_of_the_usage_api_are_as_they_are_written() -> None:
    """Nineteen digits, which a binary float does not hold."""
    (row,) = rows("cost", usages("COST", "0.1234567890123456789", ("01", "0.1234567890123456789")))
    assert row["used"] == "0.1234567890123456789"
    assert row.get("commitment_id") is None


def test_sums_of_binary_floats_may_differ_in_their_last_digits() -> None:
    """0.1 + 0.2 as floats: near enough; a cent is not."""
    days = ("01", "0.1"), ("02", "0.2")
    assert len(rows("cost", usages("COST", "0.30000000000000004", *days))) == 2
    with pytest.raises(Changed):
        rows("cost", usages("COST", "0.31", *days))


def test_a_forecast_is_no_cost() -> None:
    """What has not been used yet is left out."""
    answers = usages("COST", "1", ("01", "1"))
    body = answers[0].body.replace(b'"tenantId"', b'"isForecast": true, "tenantId"')
    whole = answers[1].body.replace(b'"computedAmount": 1', b'"computedAmount": 0')
    both = [
        Answer(USAGES.name, answers[0].asked, 1, body),
        Answer(USAGES.name, answers[1].asked, 1, whole),
    ]
    assert rows("cost", both) == []


@pytest.mark.parametrize(
    ("query", "column", "kind"),
    [("CREDIT", "granted", "credit adjustment"), ("EXPIREDCREDIT", "expired", "expired credit")],
)
def test_credits_are_lots_of_their_day(query: str, column: str, kind: str) -> None:
    """300.00 on the 2nd; a day of nothing is no lot."""
    (row,) = rows("credits", usages(query, "300.00", ("01", "0"), ("02", "300.00")))
    assert (row[column], row["kind"], row["at"]) == ("300.00", kind, "2026-10-03T00:00:00Z")
    assert row["lot_id"] == "t"


def test_a_tier_and_overage_have_their_own_price() -> None:
    """The table has no column for a condition: it stands in the name."""
    card = {
        **YEAR,
        "product": {"partNumber": "B1", "name": "Storage", "unitOfMeasure": "GB"},
        "netUnitPrice": "0",
        "currency": {"isoCode": "USD"},
        "isTier": True,
        "rateCardTiers": [
            {"upToQuantity": "10", "netUnitPrice": "0", "overagePrice": "0"},
            {"upToQuantity": "99", "netUnitPrice": "0.02", "overagePrice": "0.03"},
        ],
    }
    found = rows("rate-cards", [answer(CARDS.name, [card])])
    assert [(row["sku"], row["price"]) for row in found] == [
        ("Storage, up to 10", "0"),
        ("Storage, up to 99", "0.02"),
        ("Storage, up to 99, overage", "0.03"),
    ]
    assert {row["valid_to"] for row in found} == {"2027-01-01T00:00:00Z"}
