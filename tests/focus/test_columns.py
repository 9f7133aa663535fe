from __future__ import annotations

import pyarrow as pa
import pytest

from trueup.focus.columns import (
    CHARGES,
    COMMITMENTS,
    CONTRACT_COMMITMENT,
    COST_AND_USAGE,
    VERSIONS,
    columns_of,
)


def names(dataset: str, version: str) -> set[str]:
    return {column.name for column in columns_of(dataset, version)}


@pytest.mark.parametrize(
    ("version", "count"), [("1.0", 43), ("1.1", 50), ("1.2", 57), ("1.3", 65), ("1.4", 65)]
)
def test_cost_and_usage_has_as_many_columns_as_the_specification(version: str, count: int) -> None:
    """Each version of Cost and Usage has the number of columns its specification lists."""
    assert len(columns_of(COST_AND_USAGE, version)) == count


def test_what_version_1_3_and_1_4_changed() -> None:
    """1.3 adds eight columns; 1.4 drops two and adds two."""
    assert names(COST_AND_USAGE, "1.3") - names(COST_AND_USAGE, "1.2") == {
        "ServiceProviderName",
        "HostProviderName",
        "ContractApplied",
        "AllocatedMethodId",
        "AllocatedMethodDetails",
        "AllocatedResourceId",
        "AllocatedResourceName",
        "AllocatedTags",
    }
    assert names(COST_AND_USAGE, "1.3") - names(COST_AND_USAGE, "1.4") == {
        "ProviderName",
        "PublisherName",
    }
    assert names(COST_AND_USAGE, "1.4") - names(COST_AND_USAGE, "1.3") == {
        "CommitmentProgramEligibilityDetails",
        "InvoiceDetailId",
    }


def test_contract_commitments_grew_from_13_to_30_columns() -> None:
    """The dataset appeared in 1.3 with 13 columns and has 30 in 1.4, none dropped."""
    counts = [len(columns_of(CONTRACT_COMMITMENT, version)) for version in VERSIONS]
    assert counts == [0, 0, 0, 13, 30]
    assert names(CONTRACT_COMMITMENT, "1.3") < names(CONTRACT_COMMITMENT, "1.4")


def test_schemas_are_focus_columns_then_our_own() -> None:
    """Charges are 65 columns and 5 of ours, commitments 30 and 22; money is DECIMAL(38, 18)."""
    assert CHARGES.names[65:] == [
        "x_Provider",
        "x_PublisherName",
        "x_SourceId",
        "x_SourceRow",
        "x_ChargeId",
    ]
    assert len(COMMITMENTS) == 30 + 22
    assert CHARGES.field("EffectiveCost").type == pa.decimal128(38, 18)
    assert CHARGES.field("ChargePeriodEnd").type == pa.timestamp("us", tz="UTC")
    assert COMMITMENTS.field("ContractCommitmentQuantity").type == pa.decimal128(38, 18)


def test_types_of_all_charge_columns() -> None:
    """12 decimals, 4 times, 6 JSON columns, as the 1.4 specification has them."""
    kinds = [column.kind for column in columns_of(COST_AND_USAGE)]
    counts = {kind: kinds.count(kind) for kind in ("decimal", "time", "json", "text")}
    assert counts == {"decimal": 12, "time": 4, "json": 6, "text": 65 - 12 - 4 - 6}
