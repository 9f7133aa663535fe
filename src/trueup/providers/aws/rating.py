"""The order in which AWS applies reservations and Savings Plans, hour by hour.

Reservations are applied first; then EC2 Instance Savings Plans, then Compute Savings Plans, to the
usage with the highest savings percentage and, where that is equal, the lowest rate. SageMaker and
Database Savings Plans cover their own usage. A plan is applied to the owner's account first.
"""

from __future__ import annotations

from fractions import Fraction

from trueup.adapter.rating import BenefitRule, Sizes

PLANS = "https://docs.aws.amazon.com/savingsplans/latest/userguide/sp-applying.html"
RESERVED = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/apply_ri.html"
SIZES_PAGE = RESERVED
OWNER = r"::?(?P<account>\d{12}):"
# Normalisation factors of regional Linux reservations, as AWS publishes them.
FACTORS = {
    "nano": Fraction(1, 4),
    "micro": Fraction(1, 2),
    "small": Fraction(1),
    "medium": Fraction(2),
    "large": Fraction(4),
    "xlarge": Fraction(8),
    **{f"{count}xlarge": Fraction(8 * count) for count in (2, 3, 4, 6, 8, 9, 10, 12, 16, 18, 24, 32,
                                                          48, 56, 112)},
}  # fmt: skip
SIZES = Sizes(
    column="SkuMeter",
    pattern=r"(?P<family>[a-z][a-z0-9-]*)\.(?P<size>[a-z0-9]+)$",
    units=FACTORS,
    source=SIZES_PAGE,
)
EC2 = {"ServiceName": r"Elastic Compute Cloud|\bEC2\b"}

rules = (
    BenefitRule(
        name="reserved_instance",
        source=RESERVED,
        types=r"^(reserved|reservation|standard ri|convertible ri)",
        stage=1,
        eligible=EC2,
        consumes="units",
        owner=OWNER,
        sizes=SIZES,
    ),
    BenefitRule(
        name="ec2_instance_savings_plan",
        source=PLANS,
        types=r"ec2 ?instance ?(savings plan)?",
        stage=2,
        eligible=EC2,
        owner=OWNER,
    ),
    BenefitRule(
        name="compute_savings_plan",
        source=PLANS,
        types=r"^compute",
        stage=3,
        eligible={"ServiceName": r"Elastic Compute Cloud|\bEC2\b|Lambda|Fargate|Container Service"},
        owner=OWNER,
    ),
    BenefitRule(
        name="sagemaker_savings_plan",
        source=PLANS,
        types=r"sagemaker|machine ?learning|^ml ",
        stage=2,
        eligible={"ServiceName": "SageMaker"},
        owner=OWNER,
    ),
    BenefitRule(
        name="database_savings_plan",
        source=PLANS,
        types=r"^database",
        stage=2,
        eligible={"ServiceCategory": "Databases"},
        owner=OWNER,
    ),
)
