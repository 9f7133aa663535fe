"""What every provider adapter must satisfy, whoever wrote it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import tomllib
from collections import Counter
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from trueup.adapter.provider import MeterPattern, ProviderAdapter
from trueup.adapter.registry import provider_of_bill, provider_of_telemetry, providers

PROVIDERS = sorted(providers())
TOKENS = {"input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"}
HELD = {"gpu", "tpu_chip", "vcpu"}
EXTRAS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))[
    "project"
]["optional-dependencies"]


@pytest.fixture(params=PROVIDERS)
def adapter(request: pytest.FixtureRequest) -> ProviderAdapter:
    return providers()[request.param]


def table(adapter: ProviderAdapter, name: str) -> dict[str, Any]:
    text = files(f"trueup.providers.{adapter.name}").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def entries() -> list[Any]:
    return [
        pytest.param(name, entry, id=f"{name}-{number}")
        for name in PROVIDERS
        for number, entry in enumerate(table(providers()[name], "meters.toml")["meter"])
    ]


def reads(patterns: tuple[MeterPattern, ...], column: str, text: str) -> tuple[Any, ...] | None:
    """What the first matching pattern says: meter, model, tier."""
    for pattern in patterns:
        if pattern.column == column and (found := re.search(pattern.pattern, text, re.IGNORECASE)):
            named = found.groupdict()
            return pattern.meter, named.get("model"), pattern.tier or named.get("tier")
    return None


def test_the_slug_is_the_name_of_the_entry_point(adapter: ProviderAdapter) -> None:
    """A slug is short, lower-case, and the key under which the adapter is found."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*", adapter.name)
    assert providers()[adapter.name] is adapter
    assert adapter.title


def test_its_names_lead_back_to_it(adapter: ProviderAdapter) -> None:
    """Each declared name is translated to this adapter and not taken by another one."""
    assert adapter.bill_names
    assert {provider_of_bill(name) for name in adapter.bill_names} == {adapter.name}
    names = (*adapter.bill_names, *adapter.telemetry_names)
    assert {provider_of_telemetry(name) for name in names} == {adapter.name}


def test_names_are_unique_across_adapters() -> None:
    """No name is declared twice, in any spelling."""
    names = Counter(
        re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()
        for adapter in providers().values()
        for name in {adapter.name, *adapter.bill_names, *adapter.telemetry_names}
    )
    own = {slug for slug in names if slug in PROVIDERS}
    assert {name for name, count in names.items() if count > 1} <= own


def test_lags_are_positive_and_final_comes_after_arrival(adapter: ProviderAdapter) -> None:
    """A month is never final before its last row may arrive."""
    assert timedelta(0) < adapter.arrives_within <= adapter.final_after


def test_lags_are_those_that_the_rules_start_from() -> None:
    """48, 24, 72 and 24 hours."""
    hours = {name: a.arrives_within // timedelta(hours=1) for name, a in providers().items()}
    assert hours.items() >= {"aws": 48, "azure": 72, "gcp": 24, "oci": 24}.items()


def test_meter_patterns_compile_and_name_known_meters(adapter: ProviderAdapter) -> None:
    """A pattern is a regular expression with no groups but model and tier."""
    for pattern in adapter.meters:
        compiled = re.compile(pattern.pattern, re.IGNORECASE)
        assert set(compiled.groupindex) <= {"model", "tier"}
        assert compiled.groups == len(compiled.groupindex)
        assert pattern.meter in TOKENS | HELD
        assert pattern.column


@pytest.mark.parametrize(("name", "entry"), entries())
def test_each_pattern_reads_its_example(name: str, entry: dict[str, Any]) -> None:
    """What a bill says is read as the meter, model and tier beside it, in each of the columns."""
    for column in entry["columns"]:
        assert reads(providers()[name].meters, column, entry["example"]) == (
            entry["meter"],
            entry.get("model"),
            entry.get("example_tier"),
        )


def test_patterns_end_quickly_on_long_text(adapter: ProviderAdapter) -> None:
    """No pattern runs away on text from a file (linear, not exponential, in its length)."""
    texts = ["a" * 4000, "gpt " * 1000, "a-" * 2000, "Gemini 2.5 Pro " * 300, "-input-token" * 300]
    for pattern in adapter.meters:
        for text in texts:
            started = time.perf_counter()
            re.search(pattern.pattern, text, re.IGNORECASE)
            assert time.perf_counter() - started < 1


def test_factors_are_positive_dated_and_sourced(adapter: ProviderAdapter) -> None:
    """Each instance type is there once, with a whole count, a date and the provider's page."""
    types = Counter(factor.instance_type for factor in adapter.factors)
    assert [name for name, count in types.items() if count > 1] == []
    for factor in adapter.factors:
        assert isinstance(factor.count, int)
        assert 0 < factor.count <= 64
        assert factor.meter in HELD
        assert date.fromisoformat(factor.valid_from) < date(2026, 10, 1)
        assert factor.source.startswith("https://")


def test_layers_are_the_three_and_types_lower_case(adapter: ProviderAdapter) -> None:
    """A commitment type is looked up in lower case; each provider has something that funds."""
    assert set(adapter.layers.values()) == {"benefit", "funding", "agreement"}
    assert all(kind == kind.lower().strip() for kind in adapter.layers)


def test_the_template_is_a_comment_until_it_is_uncommented(adapter: ProviderAdapter) -> None:
    """As written it sets nothing; without the leading # it is this provider's table, off."""
    template = adapter.configuration_template
    assert tomllib.loads(template) == {}
    settings = re.sub(r"^#(?! )", "", template, flags=re.MULTILINE)
    assert tomllib.loads(settings) == {"providers": {adapter.name: {"enabled": False}}}


def test_the_extra_is_one_of_the_package(adapter: ProviderAdapter) -> None:
    """What `pip install trueup[...]` is told to install exists, with something in it."""
    assert adapter.extra
    assert EXTRAS[adapter.extra]
    assert adapter.sdk_modules


def test_loading_the_adapters_imports_no_sdk_and_nothing_heavy() -> None:
    """An adapter is data: all of them load without an SDK, a database or a validator."""
    heavy = {name for a in providers().values() for name in a.sdk_modules}
    heavy |= {"duckdb", "ibis", "pyarrow", "pydantic", "pint"}
    code = (
        "import sys; from trueup.adapter.registry import providers; providers();"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_credential_variables_are_names_of_variables(adapter: ProviderAdapter) -> None:
    """The doctor looks for names, and is never given a value."""
    assert adapter.credential_variables
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", name) for name in adapter.credential_variables)


def test_each_folder_says_where_its_facts_come_from(adapter: ProviderAdapter) -> None:
    """A README with lags, quirks and known gaps, and a policy file that only reads."""
    folder = files(f"trueup.providers.{adapter.name}")
    readme = folder.joinpath("README.md").read_text(encoding="utf-8")
    assert "https://" in readme
    for heading in ("## Lags", "## Known gaps"):
        assert heading in readme
    (policy,) = (item for item in folder.iterdir() if item.name.startswith("policy."))
    text = policy.read_text(encoding="utf-8")
    if policy.name.endswith(".json"):
        assert json.loads(text)
    assert not re.search(r"(?i)\b(write|delete|manage|update|put\w*)\b", text)
