"""What answers mean: rows from raw bodies alone, by hand."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

import pytest

from trueup.adapter.feed import Answer, BrokenAnswer, Row
from trueup.errors import MissingDependency
from trueup.providers.gcp import catalog, client, compute, query, spend_cuds, utilization
from trueup.providers.gcp.connector import connector

DATES = {"start": "2026-10-01T00:00:00Z", "end": "2026-10-02T12:00:00Z"}


def page(rows: list[dict[str, str | None]], **asked: str) -> Answer:
    """A result of a query, as BigQuery writes it."""
    names = list(rows[0]) if rows else []
    body = {
        "jobComplete": True,
        "schema": {"fields": [{"name": name, "type": "STRING"} for name in names]},
        "totalRows": str(len(rows)),
        "rows": [{"f": [{"v": row[name]} for name in names]} for row in rows],
    }
    return Answer(query.READ, asked, 1, json.dumps(body).encode())


def used(**more: str | None) -> dict[str, str | None]:
    row: dict[str, str | None] = {
        "day": "2026-10-01",
        "subscription_id": "flex",
        "told_by": "new",
        "currency": "USD",
        "rate": "1",
        "fee": "0",
        "hundredths": "0",
        "offset_sum": "0",
        "dollar_sum": "0",
        "line_count": "1",
    }
    return row | more


def utilization_of(*rows: dict[str, str | None]) -> list[Row]:
    return list(utilization.spend_cuds.normalise([page(list(rows), sums="by day", **DATES)]))


def figures(row: Row) -> tuple[str | None, ...]:
    return row["committed"], row["used"], row["unused"]


def test_new_model_what_is_not_offset_of_the_fee_is_unused() -> None:
    """A fee of 24 x 37.50 = 900, of which 24 x 30 = 720 was offset: 180 unused."""
    (row,) = utilization_of(used(fee="900", offset_sum="-720"))
    assert figures(row) == ("900", "720", "180")


def test_legacy_model_is_counted_in_the_on_demand_spend_that_is_committed() -> None:
    """50.00 an hour for a fee of 37.50: 120,000 hundredths a day, 960 covered, 240 not.

    Fee and credit together would make 900 - 960 = -60, which is no amount of anything.
    """
    (row,) = utilization_of(
        used(told_by="legacy", fee="900", hundredths="120000", dollar_sum="-960")
    )
    assert figures(row) == ("1200", "960", "240")


def test_legacy_amounts_in_another_currency_are_converted_at_the_exports_own_rate() -> None:
    """1,200 USD at 0.917 is 1,100.4 EUR; the credit is in EUR already."""
    (row,) = utilization_of(
        used(
            told_by="legacy", currency="EUR", rate="0.917", hundredths="120000", dollar_sum="-1000"
        )
    )
    assert figures(row) == ("1100.4", "1000", "100.4")
    assert row["unit"] == row["currency"] == "EUR"


def test_nothing_used_is_nought_and_not_minus_nought() -> None:
    """A fee without an offset: all of it unused."""
    (row,) = utilization_of(used(fee="192.000000000"))
    assert figures(row) == ("192", "0", "192")


def test_both_models_of_one_day_are_two_rows() -> None:
    """A day on which a commitment was migrated: two amounts in two measures, never added."""
    rows = utilization_of(
        used(fee="450", offset_sum="-400"),
        used(told_by="legacy", hundredths="60000", dollar_sum="-500"),
    )
    assert [figures(row) for row in rows] == [("450", "400", "50"), ("600", "500", "100")]
    assert [row["operation"] for row in rows] == [
        "bigquery.jobs.getQueryResults (new model)",
        "bigquery.jobs.getQueryResults (legacy model)",
    ]


def test_a_legacy_credit_that_names_no_commitment_makes_use_unknown() -> None:
    """That day, and of legacy commitments only: never zero, never guessed."""
    loose = used(told_by="legacy", subscription_id=None, dollar_sum="-10")
    legacy = used(told_by="legacy", hundredths="120000", dollar_sum="-960")
    new = used(subscription_id="other", fee="900", offset_sum="-720")
    after = legacy | {"day": "2026-10-02"}
    rows = utilization_of(loose, legacy, new, after)
    assert [figures(row) for row in rows] == [
        ("1200", None, None),
        ("900", "720", "180"),
        ("1200", "960", "240"),
    ]


def test_a_day_is_as_long_as_was_asked_for() -> None:
    """The second day ends at noon, as the period does."""
    (row,) = utilization_of(used(day="2026-10-02", fee="1"))
    assert (row["interval_start"], row["interval_end"]) == (
        "2026-10-02T00:00:00Z",
        "2026-10-02T12:00:00Z",
    )


def test_sums_are_exact_beyond_what_floats_hold() -> None:
    """Two amounts of 30 digits differ in the last one."""
    (row,) = utilization_of(
        used(fee="123456789012345678901.123456789", offset_sum="-123456789012345678901.123456788")
    )
    assert figures(row)[2] == "0.000000001"


def cud(**more: str | None) -> dict[str, str | None]:
    row: dict[str, str | None] = {
        "subscription_id": "flex",
        "name": "flex-7a1c",
        "product": "Flexible CUD",
        "model": None,
        "model_name": None,
        "region": "global",
        "amount": "8",
        "unit": "$/hr",
        "term": "P1Y",
        "starts": "2026-02-01 00:00:00+00",
        "ends": "2027-02-01 00:00:00+00",
        "state": "Active",
    }
    return row | more


def cuds_of(*rows: dict[str, str | None]) -> list[Row]:
    return list(spend_cuds.subscriptions.normalise([page(list(rows))]))


@pytest.mark.parametrize(
    ("model", "name", "basis"),
    [
        (None, None, "on_demand_equivalent"),
        ("7754-699E-0EBF", "Default", "on_demand_equivalent"),
        ("D97B-0795-975B", "Compute Flexible CUD - 1 Year", "commitment_rate"),
    ],
)
def test_the_basis_of_an_amount_is_that_of_its_model(
    model: str | None, name: str | None, basis: str
) -> None:
    """Legacy: on-demand spend that is covered. New: what is paid."""
    (row,) = cuds_of(cud(model=model, model_name=name))
    assert (row["x_QuantityBasis"], row["ContractCommitmentCost"]) == (basis, "8")


@pytest.mark.parametrize(("unit", "money"), [("$/hr", "USD"), ("EUR / hour", "EUR")])
def test_the_unit_says_the_currency(unit: str, money: str) -> None:
    """A dollar sign is US dollars."""
    (row,) = cuds_of(cud(unit=unit))
    assert row["BillingCurrency"] == row["PricingCurrency"] == money


@pytest.mark.parametrize("unit", ["vCPU", "$/month", None])
def test_another_unit_is_no_hourly_money(unit: str | None) -> None:
    """It is not taken for it."""
    with pytest.raises(BrokenAnswer, match="no hourly money"):
        cuds_of(cud(unit=unit))


@pytest.mark.parametrize(
    ("state", "rows"), [("ACTIVE", 1), ("Expired", 1), ("Pending", 0), ("Cancelled", 0)]
)
def test_only_what_commits_to_something_counts(state: str, rows: int) -> None:
    """Active and expired ones; a state that is not known is said."""
    assert len(cuds_of(cud(state=state))) == rows
    with pytest.raises(BrokenAnswer, match="'Odd'"):
        cuds_of(cud(state="Odd"))


def test_two_snapshots_that_nothing_orders_are_said() -> None:
    """A table without partitions does not say which of two amounts is the latest."""
    with pytest.raises(BrokenAnswer, match="which is the latest"):
        cuds_of(cud(), cud(amount="9"))


def commitment(**more: Any) -> dict[str, Any]:
    place = "https://www.googleapis.com/compute/v1/projects/p/regions/r/commitments/c"
    return {
        "id": "1",
        "name": "c",
        "selfLink": place,
        "status": "ACTIVE",
        "startTimestamp": "2026-01-01T00:00:00.000-08:00",
        "endTimestamp": "2027-01-01T00:00:00.000-08:00",
        "resources": [{"type": "VCPU", "amount": "9007199254740993"}],
    } | more


def compute_of(*items: dict[str, Any]) -> list[Row]:
    body = {"items": {"regions/r": {"commitments": list(items)}}}
    return list(
        compute.commitments.normalise([Answer(compute.LIST, {}, 1, json.dumps(body).encode())])
    )


def test_amounts_stay_as_they_are_written() -> None:
    """A whole number that no float holds."""
    (row,) = compute_of(commitment())
    assert row["ContractCommitmentQuantity"] == "9007199254740993"
    assert row["ContractCommitmentId"] == "projects/p/regions/r/commitments/c/VCPU"


def test_licences_are_committed_too() -> None:
    """A commitment to licences has no resources."""
    (row,) = compute_of(commitment(resources=[], licenseResource={"amount": "4"}))
    assert (row["ContractCommitmentQuantity"], row["ContractCommitmentUnit"]) == (
        "4",
        "License-Hours",
    )


@pytest.mark.parametrize("status", ["ODD", None])
def test_a_status_that_is_not_known_is_said(status: str | None) -> None:
    """It could commit to something."""
    with pytest.raises(BrokenAnswer):
        compute_of(commitment(status=status))


def test_a_resource_of_another_kind_is_said() -> None:
    """A unit that nobody gave it is not made up."""
    with pytest.raises(BrokenAnswer, match="QUBITS"):
        compute_of(commitment(resources=[{"type": "QUBITS", "amount": "1"}]))


def sku(units: str | None, nanos: int | None) -> dict[str, Any]:
    price = {"currencyCode": "USD", "units": units, "nanos": nanos}
    given = {name: value for name, value in price.items() if value is not None}
    expression = {"usageUnit": "h", "tieredRates": [{"unitPrice": given}]}
    return {
        "skuId": "A",
        "description": "a",
        "pricingInfo": [{"effectiveTime": "2026-10-01T00:00:00Z", "pricingExpression": expression}],
    }


@pytest.mark.parametrize(
    ("units", "nanos", "price"),
    [
        ("2", 700_000_000, "2.7"),
        ("0", 1, "0.000000001"),
        (None, 25_000_000, "0.025"),
        ("3", None, "3"),
        (None, None, "0"),
        ("9007199254740993", 1, "9007199254740993.000000001"),
    ],
)
def test_a_price_is_units_and_billionths(units: str | None, nanos: int | None, price: str) -> None:
    """Exactly, where either is left out too."""
    body = json.dumps({"skus": [sku(units, nanos)]}).encode()
    (row,) = catalog.prices.normalise([Answer(catalog.SKUS, {}, 1, body)])
    assert Decimal(str(row["price"])) == Decimal(price)


def column(name: str, kind: str, mode: str = "NULLABLE", *parts: str) -> query.Column:
    """A column; a part is text, or what stands behind its colon."""
    fields = [(*part.split(":"), "STRING")[:2] for part in parts]
    return {
        "name": name,
        "type": kind,
        "mode": mode,
        "fields": [{"name": part, "type": kind} for part, kind in fields],
    }


@pytest.mark.parametrize(
    ("asked", "sql"),
    [
        (column("BilledCost", "NUMERIC"), "CAST(`BilledCost` AS STRING) AS `BilledCost`"),
        (column("cost", "FLOAT"), "CAST(CAST(`cost` AS NUMERIC) AS STRING) AS `cost`"),
        (column("credits", "RECORD", "REPEATED", "type"), "TO_JSON_STRING(`credits`) AS `credits`"),
        (column("usage", "RECORD", "NULLABLE", "amount"), "TO_JSON_STRING(`usage`) AS `usage`"),
        (
            column("usage", "RECORD", "NULLABLE", "amount:FLOAT", "unit"),
            (
                "TO_JSON_STRING(STRUCT(CAST(`usage`.amount AS NUMERIC) AS amount, "
                "`usage`.unit AS unit)) AS `usage`"
            ),
        ),
        (
            column("credits", "RECORD", "REPEATED", "type", "amount:FLOAT64"),
            (
                "TO_JSON_STRING(ARRAY(SELECT STRUCT(one.type AS type, CAST(one.amount AS NUMERIC) "
                "AS amount) FROM UNNEST(`credits`) AS one)) AS `credits`"
            ),
        ),
        (
            column("labels", "RECORD", "REPEATED", "key", "value"),
            (
                "CONCAT('{', (SELECT STRING_AGG(CONCAT(TO_JSON_STRING(one.key), ':', "
                "TO_JSON_STRING(one.value)), ',' ORDER BY one.key) FROM UNNEST(`labels`) AS one), "
                "'}') AS `labels`"
            ),
        ),
    ],
)
def test_columns_are_asked_for_as_text(asked: query.Column, sql: str) -> None:
    """No number passes through a float on its way."""
    assert query.as_text(asked) == sql


@pytest.mark.parametrize(
    "name", ["p.d.t", "my-project.billing.gcp_billing_export_v1_01_02", "acme.com:p.d.t"]
)
def test_names_of_tables_are_quoted(name: str) -> None:
    """With the project; a domain's as well."""
    assert query.quoted(name) == f"`{name}`"


@pytest.mark.parametrize("name", ["d.t", "t", "p.d.t` x", "p..t", "p.d.t;", "p.d.t\n", ""])
def test_what_is_no_name_of_a_table_never_reaches_sql(name: str) -> None:
    """Nothing that could end the quotes."""
    with pytest.raises(client.Refusal):
        query.quoted(name)


def test_without_the_sdk_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connector is made without it, and connects with it."""
    for name in ("google.cloud.compute_v1", "google.cloud.bigquery"):
        monkeypatch.setitem(sys.modules, name, None)
    made = connector()
    with pytest.raises(MissingDependency, match=r"trueup\[gcp\]"):
        made.connect({}, True)  # noqa: FBT003  the contract's own order
