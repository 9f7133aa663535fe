"""Real names of SKUs, as bills write them, and what the adapters make of them."""

from __future__ import annotations

import re

import pytest

from trueup.adapter.registry import providers


def read(provider: str, column: str, text: str) -> tuple[str, str | None, str | None] | None:
    for pattern in providers()[provider].meters:
        if pattern.column != column:
            continue
        if found := re.search(pattern.pattern, text, re.IGNORECASE):
            named = found.groupdict()
            return pattern.meter, named.get("model"), pattern.tier or named.get("tier")
    return None


@pytest.mark.parametrize(
    ("usage_type", "expected"),
    [
        ("USE1-Claude3Sonnet-input-tokens", ("input_tokens", "Claude3Sonnet", None)),
        ("USE1-Claude4.6Sonnet-output-tokens", ("output_tokens", "Claude4.6Sonnet", None)),
        ("USW2-Qwen3-32B-input-tokens-flex", ("input_tokens", "Qwen3-32B", "flex")),
        (
            "USE1-GPT-OSS-Safeguard-20B-input-tokens-priority",
            ("input_tokens", "GPT-OSS-Safeguard-20B", "priority"),
        ),
        (
            "USE1-Nova2.0Lite-input-tokens-cross-region-global",
            ("input_tokens", "Nova2.0Lite", None),
        ),
        (
            "USE1-openai.gpt-oss-120b-mantle-input-tokens-standard",
            ("input_tokens", "openai.gpt-oss-120b", "standard"),
        ),
        (
            "USE1-qwen.qwen3-coder-next-cache-write-tokens",
            ("cache_write_tokens", "qwen.qwen3-coder-next", None),
        ),
        ("EUC1-NovaPro-cache-read-input-token-count", ("cache_read_tokens", "NovaPro", None)),
        (
            "APN1-TitanEmbeddingV2-Text-input-tokens",
            ("input_tokens", "TitanEmbeddingV2-Text", None),
        ),
        ("USE1-TitanEmbeddingsG1-Image-input-image", None),
        ("USE1-Claude3Sonnet-ProvisionedThroughput-ModelUnits", None),
        ("USE1-BoxUsage:p5.48xlarge", None),
    ],
)
def test_usage_types_of_bedrock(
    usage_type: str, expected: tuple[str, str | None, str | None] | None
) -> None:
    """Direction, model and tier are read from the usage type; what is no token is left alone."""
    assert read("aws", "x_UsageType", usage_type) == expected


@pytest.mark.parametrize(
    ("meter", "expected"),
    [
        ("gpt 4.1 Inp glbl Tokens", ("input_tokens", "gpt 4.1", None)),
        ("gpt 4.1 Inp Data Zone Tokens", ("input_tokens", "gpt 4.1", None)),
        ("gpt 4.1 Inp regnl Tokens", ("input_tokens", "gpt 4.1", None)),
        ("gpt 4.1 cached Inp glbl Tokens", ("cache_read_tokens", "gpt 4.1", None)),
        ("gpt 4.1 mini Outp glbl Tokens", ("output_tokens", "gpt 4.1 mini", None)),
        ("gpt-4o 1120 Outp glbl Tokens", ("output_tokens", "gpt-4o 1120", None)),
        ("GPT 5 Mini Inpt Glbl 1M Tokens", ("input_tokens", "GPT 5 Mini", None)),
        ("GPT 5 Mini outpt Glbl 1M Tokens", ("output_tokens", "GPT 5 Mini", None)),
        ("gpt 4o 0513 Output global", ("output_tokens", "gpt 4o 0513", None)),
        ("gpt 4o 1120 Batch Inp glbl Tokens", ("input_tokens", "gpt 4o 1120", "Batch")),
        ("5.4 cd inp Gl 1M Tokens", ("cache_read_tokens", "5.4", None)),
        ("5.4 opt Dz 1M Tokens", ("output_tokens", "5.4", None)),
        ("6-sol ShortCo Opt Std Gl", ("output_tokens", "6-sol", None)),
        ("6-sol ShortCo Inp PP Gl", ("input_tokens", "6-sol", "priority")),
        ("Llama 3.3 70B Inp glbl Tokens", ("input_tokens", "Llama 3.3 70B", None)),
        ("Provisioned Managed Global Unit", None),
        ("Kontext Pro glbl Images", None),
        ("Standard Data Transfer Out", None),
        ("E4as v5 opt", None),
    ],
)
def test_meter_names_of_azure_openai(
    meter: str, expected: tuple[str, str | None, str | None] | None
) -> None:
    """Abbreviated directions are read; units, images and other meters are left alone."""
    assert read("azure", "x_SkuMeterName", meter) == expected


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (
            "Gemini 2.5 Flash GA Text Input - Predictions",
            ("input_tokens", "Gemini 2.5 Flash", None),
        ),
        (
            "Gemini 3.7 Flash Global Text Input - Predictions",
            ("input_tokens", "Gemini 3.7 Flash", None),
        ),
        (
            "Gemini 2.5 Flash Lite Audio Input - Predictions",
            ("input_tokens", "Gemini 2.5 Flash Lite", None),
        ),
        ("Gemini 3 Pro Text Output Batch", ("output_tokens", "Gemini 3 Pro", "Batch")),
        ("Gemini 3 Flash Text Input Caching", ("cache_read_tokens", "Gemini 3 Flash", None)),
        (
            "Gemini 3 Flash Text Input Caching Flex",
            ("cache_read_tokens", "Gemini 3 Flash", "Flex"),
        ),
        ("Gemini 3 Flash Text Input Caching Storage", None),
        ("Vertex AI: Provisioned Throughput 1 month", None),
        ("Nvidia H100 80GB GPU running in Americas", ("gpu", None, None)),
        ("Commitment v1: Nvidia H100 80GB GPU in Americas for 1 Year", None),
        ("N2 Instance Core running in Americas", None),
    ],
)
def test_sku_descriptions_of_google(
    description: str, expected: tuple[str, str | None, str | None] | None
) -> None:
    """Model, direction and tier are read; cache storage, commitments and cores are left alone."""
    assert read("gcp", "ChargeDescription", description) == expected


@pytest.mark.parametrize(
    ("provider", "instance_type", "meter", "count"),
    [
        ("aws", "p5.48xlarge", "gpu", 8),
        ("aws", "ml.g5.12xlarge", "gpu", 4),
        ("aws", "ml.g5.2xlarge", "gpu", 1),
        ("azure", "Standard_ND96isr_H100_v5", "gpu", 8),
        ("azure", "Standard_NC48ads_A100_v4", "gpu", 2),
        ("gcp", "a3-highgpu-8g", "gpu", 8),
        ("gcp", "a2-megagpu-16g", "gpu", 16),
        ("gcp", "ct5lp-hightpu-4t", "tpu_chip", 4),
        ("oci", "BM.GPU.H100.8", "gpu", 8),
        ("oci", "VM.GPU.A10.2", "gpu", 2),
    ],
)
def test_capacity_of_well_known_instances(
    provider: str, instance_type: str, meter: str, count: int
) -> None:
    """Whole GPUs and chips per instance, as the provider's page gives them."""
    (factor,) = (f for f in providers()[provider].factors if f.instance_type == instance_type)
    assert (factor.meter, factor.count) == (meter, count)
