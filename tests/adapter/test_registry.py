"""The registry: adapters are found by entry point, and names of bills and telemetry translated."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from trueup.adapter.registry import provider_of_bill, provider_of_telemetry, providers

SHARED = Path(os.environ.get("TRUEUP_SHARED", Path(__file__).parents[2] / "../shared"))
SAMPLE = SHARED / "data" / "focus-1.0-sample.csv"


def test_the_four_adapters_are_found_by_their_entry_points() -> None:
    """An installed trueup knows four providers, in alphabetical order."""
    assert list(providers()) == ["aws", "azure", "gcp", "oci"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("AWS", "aws"),
        ("Amazon Web Services", "aws"),
        ("Amazon Web Services, Inc.", "aws"),
        ("Amazon Web Services EMEA SARL", "aws"),
        ("Amazon Web Services Canada, Inc.", "aws"),
        ("Amazon AWS Serviços Brasil Ltda.", "aws"),
        ("AWS Marketplace", "aws"),
        ("Microsoft", "azure"),
        ("Microsoft Corporation", "azure"),
        ("Azure", "azure"),
        ("Oracle", "oci"),
        ("Oracle America, Inc.", "oci"),
        ("Google Cloud", "gcp"),
        ("Google Cloud EMEA Limited", "gcp"),
        ("Google LLC", "gcp"),
        ("GCP", "gcp"),
        ("Red Hat Inc.", "Red Hat Inc."),
        ("Awsome Compute", "Awsome Compute"),
        ("Amazonia Hosting", "Amazonia Hosting"),
        ("", ""),
        (None, None),
    ],
)
def test_a_bill_names_its_provider(name: str | None, slug: str | None) -> None:
    """Legal entities map to their provider by whole words; unknown names stay as they are."""
    assert provider_of_bill(name) == slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("aws.bedrock", "aws"),
        ("bedrock", "aws"),
        ("bedrock_converse", "aws"),
        ("sagemaker_chat", "aws"),
        ("azure.ai.openai", "azure"),
        ("azure.ai.inference", "azure"),
        ("az.ai.openai", "azure"),
        ("azure", "azure"),
        ("azure_ai", "azure"),
        ("azure_text", "azure"),
        ("gcp.vertex_ai", "gcp"),
        ("gcp.gemini", "gcp"),
        ("gcp.gen_ai", "gcp"),
        ("vertex_ai", "gcp"),
        ("vertex_ai-anthropic_models", "gcp"),
        ("vertex_ai_beta", "gcp"),
        ("google_vertexai", "gcp"),
        ("gemini", "gcp"),
        ("oci", "oci"),
        ("oracle", "oci"),
        ("Amazon Web Services, Inc.", "aws"),
        ("openai", "openai"),
        ("anthropic", "anthropic"),
        ("ocicat", "ocicat"),
        (None, None),
    ],
)
def test_telemetry_names_its_provider(name: str | None, slug: str | None) -> None:
    """Semantic conventions, their forerunners and gateways map to the slug; others stay."""
    assert provider_of_telemetry(name) == slug


def test_every_provider_of_the_real_sample_is_known() -> None:
    """942 rows, 51 rows and 7 rows of three providers; only Red Hat sells through a marketplace."""
    if not SAMPLE.exists():
        pytest.skip(f"no sample at {SAMPLE}")
    with SAMPLE.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    found = [provider_of_bill(row["ProviderName"]) for row in rows]
    assert {slug: found.count(slug) for slug in set(found)} == {"aws": 942, "azure": 51, "oci": 7}
    elsewhere = {
        row["PublisherName"]
        for row in rows
        if provider_of_bill(row["PublisherName"]) != provider_of_bill(row["ProviderName"])
    }
    assert elsewhere == {"Red Hat Inc."}
