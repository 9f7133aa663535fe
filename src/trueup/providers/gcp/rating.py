"""How Google Cloud applies committed use discounts.

Resource-based ones cover vCPU and memory of a machine family in a region, before spend-based ones.
Of those both models are live, and a row says which: in the older one the commitment is counted at
on-demand prices, and a credit takes the covered price off (its rows state the quantity drawn, the
on-demand spend); in the newer one usage is already at the discounted rate. What a covered row
draws per unit is therefore read off the row itself.
"""

from __future__ import annotations

from trueup.adapter.rating import BenefitRule

SPEND = "https://cloud.google.com/docs/cuds-multiprice"
RESOURCES = "https://cloud.google.com/compute/docs/instances/signing-up-committed-use-discounts"

rules = (
    BenefitRule(
        name="resource_based_cud",
        source=RESOURCES,
        types=r"resource",
        stage=1,
        eligible={"ServiceName": "Compute Engine"},
        consumes="units",
    ),
    BenefitRule(
        name="spend_based_cud",
        source=SPEND,
        types=r"spend|flex|committed use|dollar",
        stage=2,
        eligible={"ServiceCategory": "."},
    ),
)
