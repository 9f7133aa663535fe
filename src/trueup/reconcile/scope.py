"""What is compared at all: a charge that some source meters, a usage that some bill could hold."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from trueup.engine.rows import united
from trueup.reconcile.metering import TOKENS

PROVISIONED = "provisioned"
ALWAYS_BILLED = TOKENS  # calls and requests are metered by many and billed by few


def metered_scope(sold: ir.Table, parties: ir.Table, things: ir.Table) -> ir.Table:
    """``thing`` of what is sold whose provider, meter and account some usage row speaks of.

    Usage without a provider or an account speaks of any.
    """
    spoken = things.semi_join(parties.filter(parties.matchable), "thing")
    reporting = spoken.select("provider", "account", "meter").distinct()
    any_account = reporting.filter(reporting.account.isnull() & reporting.provider.notnull())
    any_provider = reporting.filter(reporting.provider.isnull())
    exact = reporting.filter(reporting.account.notnull() & reporting.provider.notnull())
    return united(
        sold.semi_join(exact, ["provider", "account", "meter"]).select("thing"),
        sold.semi_join(any_account, ["provider", "meter"]).select("thing"),
        sold.semi_join(any_provider, ["meter"]).select("thing"),
        distinct=True,
    )


def matchable(said: ir.Table, sold: ir.Table) -> ir.Table:
    """Usage with ``matchable``: whether it is compared with the bill, or only shares its cost out.

    Busy time of held capacity and work served by it are the key by which its cost is shared.
    """
    holding = (
        sold.filter(sold.held & sold.resource.notnull())
        .select(held_resource=sold.resource)
        .distinct()
    )
    joined = said.left_join(holding, said.resource == holding.held_resource)
    work = ~joined.held & (joined.tier != PROVISIONED) & joined.held_resource.isnull()
    return joined.mutate(matchable=(joined.held & joined.allocated) | work).drop("held_resource")


def billed_scope(parties: ir.Table, rows: ir.Table, metered_charges: ir.Table) -> ir.Table:
    """``scope_reason`` of usage that no charge of these files could match, null where one could."""
    providers = rows.select(billed_provider=rows.provider).distinct()
    meters = metered_charges.select(
        meter_provider=metered_charges.provider, meter_billed=metered_charges.meter
    ).distinct()
    joined = parties.left_join(providers, parties.provider == providers.billed_provider)
    both = joined.left_join(
        meters,
        (joined.provider == meters.meter_provider) & (joined.meter == meters.meter_billed),
    )
    known = both.held | both.meter.isin(ALWAYS_BILLED) | both.meter_billed.notnull()
    return both.mutate(
        scope_reason=ibis.cases(
            (both.provider.isnull() & known, "no_provider"),
            (~known, "not_billed_by_this_meter"),
            (both.billed_provider.isnull(), "no_bill_of_provider"),
            else_=ibis.null(str),
        )
    ).drop("billed_provider", "meter_provider", "meter_billed")
