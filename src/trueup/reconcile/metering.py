"""By which meter a billed SKU is measured, and by what exact factor: pure functions over SKUs.

Input is one row per distinct SKU of the bill, never the charges themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from trueup.adapter.provider import MeterPattern, ProviderAdapter
from trueup.errors import UnitError
from trueup.model.rules import Factor, MeterRule, Rules
from trueup.units import Unit, factor, parse_unit

TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
COUNTED = (*TOKENS, "requests", "tool_calls", "api_calls")  # everything else is held over time
STANDARD = "standard"
ANY_HELD = "instance"  # one held unit of whatever the SKU sells, on both sides alike

# FOCUS columns that describe a SKU; the rules and the adapters may name further ones.
SKU_COLUMNS = (
    "ServiceName",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "ResourceType",
    "ChargeDescription",
    "x_UsageType",
)
_DIRECTION_COLUMNS = ("SkuMeter", "x_UsageType", "SkuId", "ChargeDescription")
_DIRECTIONS = (
    ("cache_read_tokens", r"cache[^a-z]*(read|hit)|cached|read[^a-z]*cache"),
    ("cache_write_tokens", r"cache[^a-z]*(write|creat)|write[^a-z]*cache"),
    ("output_tokens", r"output|outp\b|completion"),
    ("input_tokens", r"input|inp\b|prompt"),
)
_MODEL_KEYS = ("x_Model", "Model", "ModelName", "x_ModelName")


@dataclass(frozen=True)
class Metering:
    """How one SKU is metered: ``factor`` base units of the meter per billed unit."""

    meter: str
    factor: Fraction
    model: str | None = None
    tier: str = STANDARD

    @property
    def held(self) -> bool:
        """Whether capacity is held over time (allocated) rather than work counted (busy)."""
        return self.meter not in COUNTED


@dataclass(frozen=True)
class NotMetered:
    """Why a SKU cannot be compared with telemetry, where a rule could change that."""

    subject: str
    text: str
    remedy: str


def plain_name(name: str | None) -> str | None:
    """A model's name for comparing: lower case, every run of other characters one hyphen."""
    if name is None:
        return None
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or None


def base_factor(unit: Unit, meter: str) -> Fraction:
    """How many base units of ``meter`` one ``unit`` is: seconds of capacity, or a plain count."""
    if meter in COUNTED:
        if unit.time is not None:
            raise UnitError(f"{meter} is a count, but the unit is held over time")
        return unit.count
    if unit.time is None:
        raise UnitError(f"{meter} is capacity held over time, but the unit has no time")
    if unit.thing not in ("", meter, "instance", "node") and meter != ANY_HELD:
        raise UnitError(
            f"{unit.thing} and {meter} are different dimensions: only a dated factor converts them"
        )
    return unit.count * factor(Unit(Fraction(1), "", unit.time), "Seconds")


def metering_of(
    sku: Mapping[str, str | None],
    unit_text: str,
    adapter: ProviderAdapter | None,
    rules: Rules,
    span: tuple[datetime, datetime],
) -> Metering | NotMetered | None:
    """The meter of a SKU; None where nothing says that telemetry could meter it.

    ``span`` is the time over which the SKU was billed: a dated factor must cover all of it.
    """
    try:
        unit = parse_unit(unit_text)
    except UnitError:
        return None
    details = _details(sku.get("SkuPriceDetails"))
    model = next((details[key] for key in _MODEL_KEYS if details.get(key)), None)
    tier = plain_name(details.get("x_ServiceTier")) or STANDARD
    said = _by_rule(sku, rules.meter)
    pattern = None if said else _by_pattern(sku, adapter)
    if said is not None:
        meter, model, tier = said[0], said[1] or model, said[2] or tier
    elif pattern is not None:
        # The bill's own words come before what a pattern reads out of a description.
        meter, model, tier = pattern[0], model or pattern[1], pattern[2] or tier
    elif (by_unit := _by_unit(sku, unit)) is not None:
        meter = by_unit
    elif unit.thing in ("", "instance", "node") and unit.time is not None:
        return _by_capacity(sku, unit, details, adapter, rules, span)
    else:
        return None
    try:
        return Metering(meter, base_factor(unit, meter), plain_name(model), tier)
    except UnitError as error:
        if said is None and pattern is None:
            return None  # nobody said that it is metered
        subject = sku.get("SkuId") or sku.get("SkuMeter") or sku.get("ServiceName") or meter
        return NotMetered(subject, f"{unit_text}: {error}", "add a [[rules.factor]]")


def _details(text: str | None) -> dict[str, str]:
    if not text:
        return {}
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: str(value) for key, value in found.items() if value is not None}


def _matches(sku: Mapping[str, str | None], wanted: Mapping[str, str]) -> bool:
    return all(
        re.search(pattern, sku.get(column) or "", re.IGNORECASE)
        for column, pattern in wanted.items()
    )


Said = tuple[str, str | None, str | None]


def _by_rule(sku: Mapping[str, str | None], meters: Iterable[MeterRule]) -> Said | None:
    for rule in meters:
        if _matches(sku, rule.match):
            return rule.meter, rule.model, plain_name(rule.tier)
    return None


def _by_pattern(sku: Mapping[str, str | None], adapter: ProviderAdapter | None) -> Said | None:
    patterns: tuple[MeterPattern, ...] = adapter.meters if adapter else ()
    for pattern in patterns:
        found = re.search(pattern.pattern, sku.get(pattern.column) or "", re.IGNORECASE)
        if found:
            named = found.groupdict()
            tier = pattern.tier or named.get("tier")
            return pattern.meter, named.get("model"), plain_name(tier)
    return None


def _by_unit(sku: Mapping[str, str | None], unit: Unit) -> str | None:
    if unit.thing == "token" and unit.time is None:
        for column in _DIRECTION_COLUMNS:
            for meter, pattern in _DIRECTIONS:
                if re.search(pattern, sku.get(column) or "", re.IGNORECASE):
                    return meter
        return None
    if unit.time is None:
        return "requests" if unit.thing == "request" else None
    if unit.thing in ("", "instance", "node"):
        return None
    return unit.thing


def _by_capacity(
    sku: Mapping[str, str | None],
    unit: Unit,
    details: Mapping[str, str],
    adapter: ProviderAdapter | None,
    rules: Rules,
    span: tuple[datetime, datetime],
) -> Metering | NotMetered | None:
    """Instance hours: how many GPUs (or chips) an instance has, by rule, by bill, by adapter."""
    if unit.time in ("month", "quarter", "year"):
        return None  # calendar time has no fixed length in hours
    seconds = base_factor(unit, "instance")
    for rule in rules.factor:
        if _matches(sku, rule.match):
            if not _valid(rule, span):
                return NotMetered(
                    str(sku.get("SkuId")),
                    f"the factor from {rule.source} does not cover {span[0]:%Y-%m-%d} to "
                    f"{span[1]:%Y-%m-%d}",
                    "add a [[rules.factor]] that is valid then",
                )
            return Metering(rule.meter, seconds * rule.count)
    if (count := details.get("GpuCount", "")).isdigit() and int(count) > 0:
        return Metering("gpu", seconds * int(count))
    instance_type = details.get("InstanceType") or details.get("x_InstanceType")
    for known in adapter.factors if adapter else ():
        if known.instance_type == instance_type and known.valid_from <= f"{span[0]:%Y-%m-%d}":
            return Metering(known.meter, seconds * known.count)
    return None


def _valid(rule: Factor, span: tuple[datetime, datetime]) -> bool:
    start, end = rule.valid_from or date.min, rule.valid_to or date.max
    return start <= span[0].date() and span[1].date() <= end
