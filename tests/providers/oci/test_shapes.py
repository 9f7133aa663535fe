"""The twin's answers are the installed SDK's models, and what is read of them is listed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.providers.oci.stage import Stage, feed_of, made
from tests.twin.conformance_oci import answer_type, complaints
from tests.twin.exchange import Numbers

from trueup.adapter.feed import Answer, BrokenAnswer, Changed
from trueup.providers.oci import computed_usage, export, rate_cards, subscriptions, usage_api
from trueup.providers.oci.client import _class_of
from trueup.providers.oci.operation import Operation

OPERATIONS = (
    subscriptions.SUBSCRIPTIONS,
    subscriptions.SERVICES,
    subscriptions.COMMITTED,
    subscriptions.WHOLE,
    computed_usage.COMPUTED,
    usage_api.USAGES,
    rate_cards.CARDS,
    export.LIST,
)
FEEDS = (
    "universal-credits",
    "universal-credits-balances",
    "universal-credits-drawdown",
    "cost",
    "rate-cards",
)
# What is read of each operation's answers, by the path below an item. Paths of what a world does
# not show (a funded allocation, a forecast, the lot of an expired credit) are tried by hand.
READ = {
    "onesubscription:ListOrganizationSubscriptions": {"id", "currency.isoCode"},
    "onesubscription:ListSubscribedServices": {
        "billingFrequency",
        "id",
        "pricingModel",
        "product.name",
        "status",
        "subscriptionId",
        "timeCreated",
        "timeEnd",
        "timeStart",
        "timeUpdated",
    },
    "onesubscription:ListCommitments": {
        "availableAmount",
        "id",
        "quantity",
        "timeEnd",
        "timeStart",
        "usedAmount",
    },
    "onesubscription:GetSubscribedService": {
        "commitmentServices[].availableAmount",
        "commitmentServices[].quantity",
        "commitmentServices[].timeEnd",
        "commitmentServices[].timeStart",
    },
    "onesubscription:ListAggregatedComputedUsages": {
        "aggregatedComputedUsages[].costUnrounded",
        "aggregatedComputedUsages[].timeMeteredOn",
        "aggregatedComputedUsages[].type",
        "currencyCode",
        "parentSubscribedServiceId",
    },
    "usageapi:RequestSummarizedUsages": {
        "items[].computedAmount",
        "items[].currency",
        "items[].isForecast",
        "items[].timeUsageEnded",
        "items[].timeUsageStarted",
    },
    "onesubscription:ListRateCards": {
        "currency.isoCode",
        "isTier",
        "netUnitPrice",
        "overagePrice",
        "product.name",
        "product.partNumber",
        "product.unitOfMeasure",
        "rateCardTiers[].netUnitPrice",
        "rateCardTiers[].overagePrice",
        "rateCardTiers[].upToQuantity",
        "timeEnd",
        "timeStart",
    },
}


def client_of(operation: Operation) -> Any:
    import oci

    return _class_of(oci, operation.client)


@pytest.fixture(scope="module")
def answers(served: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Answer]]:
    """The answers to each feed, asked of the twin once."""
    vars(served).update(vars(Stage(tmp_path_factory.mktemp("answers"), made(7))))
    asked = {}
    for name in FEEDS:
        feed = feed_of(name)
        asked[name] = list(feed.fetch(served.asker(feed.operations)))
    return asked


@pytest.fixture(scope="module")
def bodies(answers: dict[str, list[Answer]], served: Stage) -> dict[str, list[bytes]]:
    """Every answer's body by operation, the bucket's list too."""
    found: dict[str, list[bytes]] = {}
    for given in answers.values():
        for answer in given:
            found.setdefault(answer.operation, []).append(answer.body)
    asker = served.asker({})
    listed = asker.connection.ask(
        export.CLIENT,
        "list_objects",
        namespace_name=export.NAMESPACE,
        bucket_name=asker.connection.tenancy,
        fields=export.FIELDS,
    )
    return found | {export.LIST.name: [listed.body]}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_every_answer_is_the_sdks_own_model(
    bodies: dict[str, list[bytes]], operation: Operation
) -> None:
    """No field that the SDK does not know, and each of the type it expects."""
    for body in bodies[operation.name]:
        assert complaints(body, client_of(operation), operation.method) == []
    assert any(len(body) > 2 for body in bodies[operation.name])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_the_walker_complains_of_each_field_that_is_renamed_or_of_another_type(
    bodies: dict[str, list[bytes]], operation: Operation
) -> None:
    """Mutation: every field in turn under another name, and with a value of another type."""
    body = max(bodies[operation.name], key=len)
    client = client_of(operation)
    for path in sorted(paths(json.loads(body))):
        renamed = mutated(body, path, lambda holder, key: holder.update(x=holder.pop(key)))
        assert complaints(renamed, client, operation.method), path
        retyped = mutated(body, path, lambda holder, key: holder.update({key: {"x": 1}}))
        assert complaints(retyped, client, operation.method), path


def test_the_walker_complains_of_what_is_required_and_missing() -> None:
    """What the SDK marks as required must be there; a word outside an enumeration is none."""
    import oci

    client = oci.usage_api.UsageapiClient
    item = {
        "timeUsageStarted": "2026-10-01T00:00:00Z",
        "timeUsageEnded": "2026-10-02T00:00:00Z",
    }
    lacking = json.dumps({"groupBy": [], "items": [{"timeUsageStarted": None}]}).encode()
    assert (
        complaints(
            json.dumps({"groupBy": [], "items": [item]}).encode(),
            client,
            "request_summarized_usages",
        )
        == []
    )
    assert complaints(lacking, client, "request_summarized_usages") != []
    card = oci.onesubscription.ComputedUsageClient
    wrong = json.dumps([{"subscriptionId": "1", "pricingModel": "YEARLY"}]).encode()
    assert complaints(wrong, card, "list_aggregated_computed_usages") == [
        "$[0].pricingModel: 'YEARLY' is not one of its values"
    ]
    assert (
        answer_type(card, "list_aggregated_computed_usages")
        == "list[AggregatedComputedUsageSummary]"
    )


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one is not export.LIST], ids=lambda one: one.name
)
def test_what_is_read_is_listed_and_there(
    answers: dict[str, list[Answer]], operation: Operation
) -> None:
    """A field is listed if and only if what is normalised depends on it; each is in an answer."""
    present: set[str] = set()
    read: set[str] = set()
    for name, given in answers.items():
        before = outcome(name, given)
        mine = [answer.body for answer in given if answer.operation == operation.name]
        for path in {path for body in mine for path in paths(json.loads(body))}:
            present.add(path)
            altered = [
                replace(answer, body=mutated(answer.body, path, different))
                if answer.operation == operation.name
                else answer
                for answer in given
            ]
            if outcome(name, altered) != before:
                read.add(path)
    listed = READ[operation.name]
    assert listed <= present
    assert read == listed


def outcome(feed: str, answers: list[Answer]) -> object:
    """The rows, or in what way there are none."""
    one = feed_of(feed)
    try:
        if one.check is not None:
            one.check(answers)
        return sorted(map(str, one.normalise(answers)))
    except (BrokenAnswer, Changed) as error:
        return str(error)


def paths(value: Any, above: str = "") -> Iterator[str]:
    """Every leaf's path, ``[]`` where a list is gone into, none for the outermost list."""
    items = value if isinstance(value, list) else [value]
    for item in items:
        for key, inner in item.items() if isinstance(item, dict) else ():
            path = f"{above}{key}"
            if isinstance(inner, dict):
                yield from paths(inner, f"{path}.")
            elif isinstance(inner, list):
                yield from paths(inner, f"{path}[].")
            elif inner is not None:
                yield path


def mutated(body: bytes, path: str, change: Callable[[dict[str, Any], str], object]) -> bytes:
    """The body with the field at a path changed wherever it stands."""
    value = copy.deepcopy(json.loads(body, parse_float=Decimal))
    *way, last = path.split(".")
    holders = value if isinstance(value, list) else [value]
    for step in way:
        inner = [
            one[step.removesuffix("[]")] for one in holders if one.get(step.removesuffix("[]"))
        ]
        holders = [item for one in inner for item in (one if isinstance(one, list) else [one])]
    for holder in holders:
        if holder.get(last) is not None:
            change(holder, last)
    return Numbers().encode(value).encode()


def different(holder: dict[str, Any], key: str) -> None:
    """Another value of the same type."""
    value = holder[key]
    if isinstance(value, bool):
        holder[key] = not value
    elif isinstance(value, int | Decimal):
        holder[key] = value + 1
    elif key.startswith("time"):
        moved = datetime.fromisoformat(value).replace(year=2025).astimezone(UTC)
        holder[key] = f"{moved:%Y-%m-%dT%H:%M:%SZ}"
    elif value.replace(".", "", 1).isdigit():
        holder[key] = str(Decimal(value) + 1)
    else:
        holder[key] = f"{value}X"


def test_what_the_model_says_of_people_is_never_recorded() -> None:
    """Every member of a subscribed service that is a person's or a place's is declared so."""
    from oci.onesubscription.models import SubscribedServiceSummary

    from trueup.providers.oci.connector import connector

    types = SubscribedServiceSummary().swagger_types
    members = SubscribedServiceSummary().attribute_map
    about = {
        members[name]
        for name, kind in types.items()
        if kind.endswith(("Address", "User", "BusinessPartner")) or name.endswith(("_email", "_by"))
    }
    assert len(about) > 10
    assert about - {"timeWelcomeEmailSent"} <= set(connector().personal)
