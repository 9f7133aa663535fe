"""Charges by the invoice that they stand on: the parts of its amount due, and how it is rounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from trueup.adapter.registry import provider_of_bill, providers
from trueup.engine.engine import Engine
from trueup.engine.instants import instant, seconds
from trueup.engine.integers import divide, divide_half_even, magnitude, tally, total, units, whole
from trueup.errors import IntegrityError
from trueup.money import EXACT, minor_decimals
from trueup.reconcile.billed import CORRECTION
from trueup.reconcile.control import exact_sum
from trueup.reconcile.reasons import foreign_publishers, is_support, sold_by_other
from trueup.reconcile.text import SEPARATOR, key_of, key_with_nulls

LEAST_SCALE = 4  # no minor unit of ISO 4217 has more decimals
PARTS = (
    "charges",
    "purchases",
    "tax",
    "support",
    "marketplace",
    "corrections",
    "credits",
    "prepaid_drawdown",
    "rounding",
)
MONTH_DAYS = (27, 32)
ROUNDINGS = ("line_up", "line_even", "service_up", "service_even")
_PREPAID = r"(?i)\b(prepaid|prepay|prepayment|draw-?down)\b"
_ROUNDING = r"(?i)\bround(ed|ing)?\b"


@dataclass(frozen=True)
class BillingGroup:
    """The charges of one invoice in one currency; without InvoiceId, those of a billing account.

    ``parts`` add up to ``due``. ``rounded`` says what the sum is when lines, or accounts and
    services, are rounded to the minor unit first. ``unrounded`` counts the services whose sum is
    no whole number of minor units, ``minor`` is that unit. ``drawn`` is what lots paid of charges
    that are billed in full, without a row of its own: it lowers what is due.
    """

    key: str
    issuer: str | None
    invoice_id: str | None
    currency: str
    account: str | None  # the billing account, null where there are several
    provider: str | None  # the same
    start: datetime | None  # of the billing period
    end: datetime | None
    parts: Mapping[str, Decimal]
    due: Decimal
    rounded: Mapping[str, Decimal]
    unrounded: int
    minor: Decimal
    rows: int
    drawn: Decimal = Decimal(0)

    @property
    def month(self) -> str | None:
        return month_of(self.start, self.end)

    def paid_by_lots(self, cost: Decimal) -> BillingGroup:
        """The group when lots paid so much of it, beside the drawdowns that have rows."""
        if not cost:
            return self
        prepaid = EXACT.subtract(self.parts["prepaid_drawdown"], cost)
        return replace(
            self,
            parts={**self.parts, "prepaid_drawdown": prepaid},
            due=EXACT.subtract(self.due, cost),
            rounded={name: EXACT.subtract(sum_, cost) for name, sum_ in self.rounded.items()},
            drawn=cost,
        )


def month_of(start: datetime | None, end: datetime | None) -> str | None:
    """The month of a billing period by its middle, as 2026-10; another length as its two ends."""
    if start is None or end is None:
        return None
    if MONTH_DAYS[0] <= (end - start).days <= MONTH_DAYS[1]:
        return f"{start + (end - start) / 2:%Y-%m}"
    return f"{start:%Y-%m-%d}/{end:%Y-%m-%d}"


def invoice_rows(charges: ir.Table, scale: int, lots: Sequence[str], engine: Engine) -> ir.Table:
    """Every charge with the ``key`` of its invoice and its ``part`` of the amount due.

    ``billed`` and ``effective`` are whole numbers of 10^-scale.
    """
    t = charges
    numbered = t.InvoiceId.notnull()

    def unless_numbered(value: ir.Value) -> ir.Value:
        return ibis.ifelse(numbered, ibis.null(str), value.cast("string"))

    start, end = instant(t.BillingPeriodStart), instant(t.BillingPeriodEnd)
    rows = t.select(
        charge_id=t.x_ChargeId,
        source_id=t.x_SourceId,
        source_row=t.x_SourceRow,
        key=key_with_nulls(
            *(t.InvoiceIssuerName, t.InvoiceId, t.BillingCurrency),
            *(unless_numbered(t.BillingAccountId), unless_numbered(seconds(start))),
            unless_numbered(seconds(end)),
        ),
        issuer=t.InvoiceIssuerName,
        invoice_id=t.InvoiceId,
        billing_account=t.BillingAccountId,
        billing_start=start,
        billing_end=end,
        currency=t.BillingCurrency,
        provider=t.x_Provider,
        publisher=t.x_PublisherName,
        account=t.SubAccountId.fill_null(t.BillingAccountId),
        category=t.ChargeCategory,
        charge_class=t.ChargeClass,
        service=t.ServiceName,
        service_category=t.ServiceCategory,
        description=t.ChargeDescription,
        resource=t.ResourceId,
        sku=t.SkuPriceId.fill_null(t.SkuId),
        commitment_id=t.CommitmentDiscountId,
        applied=t.ContractApplied,
        start=instant(t.ChargePeriodStart),
        end=instant(t.ChargePeriodEnd),
        billed=units(t.BilledCost, 10**scale),
        effective=units(t.EffectiveCost, 10**scale),
    )
    return rows.mutate(part=_part(rows, lots, engine))


def _part(rows: ir.Table, lots: Sequence[str], engine: Engine) -> ir.Value:
    """Which part of the amount due a charge is, in the order in which the reasons are decided."""
    described = rows.description.fill_null("")
    says_so = [
        described.re_search(_PREPAID),
        *(rows.applied.fill_null("").contains(f'"{lot}"') for lot in lots),
        *(rows.commitment_id.fill_null("") == lot for lot in lots),
    ]
    prepaid = (rows.billed < whole(0)) & reduce(or_, says_so)
    adjusts = rows.category == "Adjustment"
    other = sold_by_other(rows, foreign_publishers(rows, engine)) | key_of(
        rows.issuer, rows.provider
    ).isin(["", *_resold(rows, engine)])
    return ibis.cases(
        (rows.category == "Tax", "tax"),
        ((rows.category == "Credit") & prepaid, "prepaid_drawdown"),
        (rows.category == "Credit", "credits"),
        (rows.category == "Purchase", "purchases"),
        (adjusts & described.re_search(_ROUNDING), "rounding"),
        (adjusts & prepaid, "prepaid_drawdown"),
        (adjusts | (rows.charge_class.fill_null("") == CORRECTION), "corrections"),
        (other, "marketplace"),
        (is_support(rows), "support"),
        else_="charges",
    )


def _resold(rows: ir.Table, engine: Engine) -> list[str]:
    """Keys of issuer and provider where one provider's issuer bills what another one serves."""
    pairs = engine.collect(
        rows.filter(rows.issuer.notnull() & rows.provider.notnull())
        .select("issuer", "provider")
        .distinct()
    ).to_pylist()
    issued = {row["issuer"]: provider_of_bill(row["issuer"]) for row in pairs}
    return sorted(
        f"{row['issuer']}{SEPARATOR}{row['provider']}"
        for row in pairs
        if issued[row["issuer"]] in providers() and issued[row["issuer"]] != row["provider"]
    )


def billing_groups(
    rows: ir.Table, charges: ir.Table, scale: int, engine: Engine
) -> list[BillingGroup]:
    """One group per invoice and currency; IntegrityError unless all charges are in one part."""
    minor = _minor_units(rows, scale, engine)
    fine = engine.keep(
        rows.group_by("key", "part", "account", "service").aggregate(
            currency=rows.currency.min(),
            issuer=rows.issuer.min(),
            invoice_id=rows.invoice_id.min(),
            first_account=rows.billing_account.min(),
            last_account=rows.billing_account.max(),
            first_provider=rows.provider.min(),
            last_provider=rows.provider.max(),
            billing_start=rows.billing_start.max(),
            billing_end=rows.billing_end.max(),
            billed=total(rows.billed),
            line_up=total(_half_up(rows.billed, minor(rows.currency))),
            line_even=total(_half_even(rows.billed, minor(rows.currency))),
            n=rows.count(),
        )
    )
    services = fine.group_by("key", "part", "service").aggregate(
        billed=total(fine.billed), currency=fine.currency.min()
    )
    open_ones = services.mutate(
        unrounded=(_half_even(services.billed, minor(services.currency)) != services.billed).cast(
            "int64"
        )
    )
    unrounded = open_ones.group_by("key").aggregate(unrounded=tally(open_ones.unrounded))
    sums = fine.group_by("key").aggregate(
        currency=_.currency.min(),
        issuer=_.issuer.min(),
        invoice_id=_.invoice_id.min(),
        first_account=_.first_account.min(),
        last_account=_.last_account.max(),
        first_provider=_.first_provider.min(),
        last_provider=_.last_provider.max(),
        billing_start=_.billing_start.max(),
        billing_end=_.billing_end.max(),
        billed=total(_.billed),
        line_up=total(_.line_up),
        line_even=total(_.line_even),
        service_up=total(_half_up(fine.billed, minor(fine.currency))),
        service_even=total(_half_even(fine.billed, minor(fine.currency))),
        rows=tally(_.n),
        **{part: total(ibis.ifelse(fine.part == part, fine.billed, whole(0))) for part in PARTS},
    )
    found = engine.collect(sums.join(unrounded, "key").order_by("key")).to_pylist()
    groups = [_group(row, scale) for row in found]
    _check(groups, charges, engine)
    return groups


def _minor_units(rows: ir.Table, scale: int, engine: Engine) -> Callable[[ir.Value], ir.Value]:
    """Currency -> its minor unit in units of 10^-scale; 1, the finest, where it has none."""
    currencies = engine.collect(rows.select("currency").distinct()).to_pylist()
    sizes = {
        row["currency"]: 10 ** (scale - places)
        for row in currencies
        if (places := minor_decimals(row["currency"])) is not None
    }

    def of(currency: ir.Value) -> ir.Value:
        cases = [(currency == name, whole(size)) for name, size in sorted(sizes.items())]
        return ibis.cases(*cases, else_=whole(1)) if cases else whole(1)

    return of


def _half_even(value: ir.Value, minor: ir.Value) -> ir.Value:
    return (divide_half_even(value, minor) * minor).cast("decimal(38, 0)")


def _half_up(value: ir.Value, minor: ir.Value) -> ir.Value:
    """Rounded half away from nought, as invoices are."""
    size = (divide(magnitude(value) + divide(minor, whole(2)), minor) * minor).cast(
        "decimal(38, 0)"
    )
    return ibis.ifelse(value < whole(0), whole(0) - size, size).cast("decimal(38, 0)")


def _group(row: Mapping[str, Any], scale: int) -> BillingGroup:
    def money(name: str) -> Decimal:
        value: Decimal = row[name]
        return value.scaleb(-scale, EXACT)

    one_account = row["first_account"] == row["last_account"]
    one_provider = row["first_provider"] == row["last_provider"]
    places = minor_decimals(row["currency"])
    parts = {part: money(part) for part in PARTS}
    billed = money("billed")
    if exact_sum(parts.values()) != billed:
        raise IntegrityError(
            f"invoice {row['invoice_id']} of {row['issuer']}: its parts add up to "
            f"{exact_sum(parts.values())}, its charges to {billed} {row['currency']}; please "
            "report this as a defect"
        )
    return BillingGroup(
        key=row["key"],
        issuer=row["issuer"],
        invoice_id=row["invoice_id"],
        currency=row["currency"],
        account=row["first_account"] if one_account else None,
        provider=row["first_provider"] if one_provider else None,
        start=row["billing_start"],
        end=row["billing_end"],
        parts=parts,
        due=billed,
        rounded={name: money(name) for name in ROUNDINGS},
        unrounded=row["unrounded"],
        minor=Decimal(1).scaleb(-(scale if places is None else places)),
        rows=row["rows"],
    )


def _check(groups: Sequence[BillingGroup], charges: ir.Table, engine: Engine) -> None:
    """Every charge is on one invoice: per currency the groups add up to the bill."""
    found = engine.collect(
        charges.group_by(currency=charges.BillingCurrency).aggregate(
            billed=_.BilledCost.sum().cast("decimal(38, 18)"), rows=_.count()
        )
    ).to_pylist()
    for row in found:
        mine = [group for group in groups if group.currency == row["currency"]]
        billed = exact_sum(group.due for group in mine)
        if billed != row["billed"] or sum(group.rows for group in mine) != row["rows"]:
            raise IntegrityError(
                f"invoices: charges of {row['billed']} {row['currency']}, but those of all "
                f"invoices come to {billed}; please report this as a defect"
            )
