"""A bill that its provider has restated: what differs is what it now says of a closed period."""

from __future__ import annotations

from trueup.reconcile.causes.scene import Cause, Scene, counted, grouped, named, shown

BREAKS_MIN = 2


def find(scene: Scene) -> list[Cause]:
    """Several charges of a provider cost another amount than a closed run knew."""
    found = []
    rows = grouped(scene.of_class("restatement"), lambda row: (row["provider"],))
    for (provider,), same in rows.items():
        if len(same) < BREAKS_MIN:
            continue
        sums = grouped(same, lambda row: (row["currency"],))
        said = " and ".join(
            f"{shown(sum(row['amount'] or 0 for row in of_currency))} {currency}"
            for (currency,), of_currency in sums.items()
        )
        first = min(row["period_start"] for row in same)
        last = max(row["period_end"] for row in same)
        found.append(
            Cause(
                "bill_restated",
                (provider,),
                same,
                f"{counted(len(same))}: {named(provider)} changed its bill from "
                f"{first:%Y-%m-%d} to {last:%Y-%m-%d} after the period was closed, by {said} net.",
                "ask the provider for the reason, and book the difference in the open period",
            )
        )
    return found
