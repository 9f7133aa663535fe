"""What of each spend-based commitment was used by the day, from the detailed billing export.

No API says it. Both models of these commitments are live, and each row is read by its own:

- new: the fee's row bears the credit FEE_UTILIZATION_OFFSET, which is what was used of the fee;
  rows of usage are already charged at the lower price;
- legacy: rows of usage bear COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE, the on-demand spend that was
  covered; the fee's row has the committed on-demand spend as its quantity, in hundredths of USD.

So a legacy commitment of 50.00 an hour for a fee of 37.50 is used and unused in units of the 50.00.
https://cloud.google.com/docs/cuds-multiprice-datamodel
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation

from trueup.adapter.feed import UTILIZATION, Answer, Asking, BrokenAnswer, Changed, Feed, Row
from trueup.period import iso
from trueup.providers.gcp import query

# As many digits as two of BigQuery's widest numbers have; what would be rounded is an error.
EXACT = Context(prec=152, traps=[Inexact, InvalidOperation])
ZERO = Decimal(0)
NEW = "new"

SQL = """\
WITH line AS (
  SELECT
    FORMAT_DATE('%Y-%m-%d', DATE(usage_start_time, 'UTC')) AS day,
    subscription.instance_id AS subscription_id,
    currency,
    CAST(CAST(currency_conversion_rate AS NUMERIC) AS STRING) AS rate,
    CAST(cost AS NUMERIC) AS cost,
    CAST(usage.amount_in_pricing_units AS NUMERIC) AS quantity,
    (SELECT SUM(CAST(one.amount AS NUMERIC)) FROM UNNEST(credits) AS one
      WHERE one.type = 'FEE_UTILIZATION_OFFSET') AS offset_credit,
    (SELECT SUM(CAST(one.amount AS NUMERIC)) FROM UNNEST(credits) AS one
      WHERE one.type = 'COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE') AS dollar_credit,
    EXISTS (SELECT 1 FROM UNNEST(credits) AS one
      WHERE one.type = 'COMMITTED_USAGE_DISCOUNT') AS is_resource,
    sku.description AS sku,
    IFNULL(consumption_model.description, 'Default') AS model
  FROM {table}
  WHERE usage_start_time >= TIMESTAMP '{start}' AND usage_start_time < TIMESTAMP '{end}'
    AND IFNULL(cost_type, 'regular') NOT IN ('tax', 'rounding_error')
), told AS (
  SELECT *,
    CASE
      WHEN offset_credit IS NOT NULL THEN 'new'
      WHEN dollar_credit IS NOT NULL THEN 'legacy'
      WHEN is_resource OR subscription_id IS NULL OR REGEXP_CONTAINS(sku, r'^Commitment v[0-9]')
        THEN NULL
      WHEN STARTS_WITH(sku, 'Commitment - dollar based') THEN 'legacy'
      WHEN model = 'Default' THEN 'new'
    END AS told_by,
    dollar_credit IS NULL AS is_fee
  FROM line
)
SELECT
  {day},
  subscription_id,
  told_by,
  currency,
  rate,
  CAST(SUM(IF(is_fee, cost, 0)) AS STRING) AS fee,
  CAST(SUM(IF(is_fee, quantity, 0)) AS STRING) AS hundredths,
  CAST(SUM(IFNULL(offset_credit, 0)) AS STRING) AS offset_sum,
  CAST(SUM(IFNULL(dollar_credit, 0)) AS STRING) AS dollar_sum,
  CAST(COUNT(*) AS STRING) AS line_count
FROM told
WHERE told_by IS NOT NULL
GROUP BY {group}
ORDER BY {group}"""
BY_DAY = {"day": "day", "group": "day, subscription_id, told_by, currency, rate"}
WHOLE = {"day": "'' AS day", "group": "subscription_id, told_by, currency, rate"}
SUMS = ("fee", "hundredths", "offset_sum", "dollar_sum", "line_count")


def _fetch(asking: Asking) -> Iterator[Answer]:
    name = asking.settings["detailed_table"]
    query.table(asking, name)
    span = {
        "table": query.quoted(name),
        "start": asking.period.start.strftime("%Y-%m-%d %H:%M:%S+00"),
        "end": asking.period.end.strftime("%Y-%m-%d %H:%M:%S+00"),
    }
    dated = {"start": iso(asking.period.start), "end": iso(asking.period.end)}
    yield from query.rows(asking, SQL.format(**span, **BY_DAY), sums="by day", **dated)
    yield from query.rows(asking, SQL.format(**span, **WHOLE), sums="whole", **dated)


def _sums(answers: Sequence[Answer], of: str) -> Iterator[dict[str, str | None]]:
    return query.cells([answer for answer in answers if answer.asked.get("sums") == of])


def _check(answers: Sequence[Answer]) -> None:
    """The days add up to what a second query says of the whole period."""
    names = ("subscription_id", "told_by", "currency", "rate")
    totals: dict[tuple[str | None, ...], dict[str, Decimal]] = {}
    for row in _sums(answers, "by day"):
        total = totals.setdefault(tuple(row[name] for name in names), dict.fromkeys(SUMS, ZERO))
        for one in SUMS:
            total[one] = EXACT.add(total[one], Decimal(row[one] or 0))
    whole = {
        tuple(row[name] for name in names): {one: Decimal(row[one] or 0) for one in SUMS}
        for row in _sums(answers, "whole")
    }
    if totals != whole:
        raise Changed(f"the days make {totals}, the period {whole}")


def _normalise(answers: Sequence[Answer]) -> Iterator[Row]:
    asked = next(answer.asked for answer in answers if answer.asked.get("sums") == "by day")
    found = list(_sums(answers, "by day"))
    # Credits that name no commitment: of which it was used is then not known.
    loose = {row["day"] for row in found if row["subscription_id"] is None}
    for row in found:
        if row["subscription_id"] is not None:
            span = _within(row["day"], asked["start"], asked["end"])
            yield _row(row, span, is_known=row["told_by"] == NEW or row["day"] not in loose)


def _row(row: Mapping[str, str | None], span: tuple[str, str], *, is_known: bool) -> Row:
    committed, used = _figures(row)
    unused = EXACT.subtract(committed, used)
    return {
        "provider": "gcp",
        "commitment_id": row["subscription_id"],
        "interval_start": span[0],
        "interval_end": span[1],
        "committed": _text(committed),
        "used": _text(used) if is_known else None,
        "unused": _text(unused) if is_known else None,
        "unit": row["currency"],
        "currency": row["currency"],
        "operation": f"{query.READ} ({row['told_by']} model)",
    }


def _figures(row: Mapping[str, str | None]) -> tuple[Decimal, Decimal]:
    """Committed and used, both in the billing currency."""
    value = {name: Decimal(row[name] or 0) for name in SUMS}
    if row["told_by"] == NEW:
        return value["fee"], value["offset_sum"].copy_negate()
    dollars = value["hundredths"].scaleb(-2, EXACT)
    return EXACT.multiply(dollars, Decimal(row["rate"] or 1)), value["dollar_sum"].copy_negate()


def _text(value: Decimal) -> str:
    """Plainly, without zeros that say nothing; never -0."""
    return format(EXACT.add(value.normalize(EXACT), ZERO), "f")


def _within(day: str | None, start: str, end: str) -> tuple[str, str]:
    """The part of a day that was asked for; instants of one form sort as text."""
    try:
        first = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    except ValueError as error:
        raise BrokenAnswer(f"{day!r} is no day") from error
    return max(iso(first), start), min(iso(first + timedelta(days=1)), end)


spend_cuds = Feed(
    name="spend-cuds-utilization",
    gives=UTILIZATION,
    operations=query.PERMISSIONS,
    fetch=_fetch,
    normalise=_normalise,
    check=_check,
    needs=("billing_project", "detailed_table"),
)
