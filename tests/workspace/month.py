"""A small month of a company that does not exist: a bill, a lot of credits, telemetry."""

from __future__ import annotations

from pathlib import Path

from trueup.config import Configuration, read_configuration
from trueup.job.outcome import JobOutcome
from trueup.job.run import run
from trueup.job.settings import Settings
from trueup.period import parse_instant

COLUMNS = (
    "BilledCost,BillingAccountId,BillingCurrency,BillingPeriodEnd,BillingPeriodStart,ChargeCategory,"
    "ChargeClass,ChargeDescription,ChargePeriodEnd,ChargePeriodStart,ConsumedQuantity,ConsumedUnit,"
    "ContractApplied,ContractedCost,EffectiveCost,InvoiceIssuerName,ListCost,PricingQuantity,"
    "PricingUnit,ResourceId,ServiceCategory,ServiceName,ServiceProviderName,SubAccountId"
)
CONFIGURATION = """\
[run]
period = "2026-10"
as_of = 2026-11-10T00:00:00Z

[[charges]]
path = "bill.csv"

[[commitments]]
path = "contracts.toml"

[[usage]]
path = "usage.csv"
format = "table"
columns = { window_start = "from", window_end = "to", quantity = "hours", session_id = "session" }
constants = { provider = "Nimbus", account_id = "a-1", resource_id = "gpu-1", meter = "gpu", \
unit = "GPU-Hours", capacity = "allocated" }
"""
CONTRACTS = """\
[[commitment]]
id = "prepaid"
provider = "Nimbus"
type = "Credits"
layer = "funding"
total = "100"
credit_unit = "USD"
currency = "USD"
start = 2026-10-01
end = 2027-10-01
"""
COSTS = ("4.00", "2.50", "3.25")


def bill(costs: tuple[str, ...] = COSTS, more: tuple[str, ...] = ()) -> str:
    """An hour of one GPU a day, each drawn from the lot; ``more`` are further lines."""
    return "\n".join([COLUMNS, *(charge(n, cost) for n, cost in enumerate(costs, 1)), *more, ""])


def charge(day: int, cost: str, kind: str = "") -> str:
    """The line of one hour; ``kind`` is its ChargeClass."""
    start, end = f"2026-10-{day:02d}T09:00:00Z", f"2026-10-{day:02d}T10:00:00Z"
    applied = (
        '"{""Elements"":[{""ContractId"":""c"",""ContractCommitmentId"":""prepaid"",'
        f'""ContractCommitmentAppliedCost"":{cost}}}]}}"'
    )
    return (
        f"{cost},b-1,USD,2026-11-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,{kind},GPU hour,{end},"
        f"{start},1,GPU-Hours,{applied},{cost},{cost},Nimbus,{cost},1,GPU-Hours,gpu-1,"
        "Compute,GPU Cloud,Nimbus,a-1"
    )


def usage(days: int = len(COSTS)) -> str:
    """An hour of the same GPU a day, by one session."""
    lines = [
        f"2026-10-{day:02d}T09:00:00Z,2026-10-{day:02d}T10:00:00Z,1,s-{day}"
        for day in range(1, days + 1)
    ]
    return "\n".join(["from,to,hours,session", *lines, ""])


def written(folder: Path) -> Configuration:
    """The month's files in a folder, and its configuration."""
    files = {
        "bill.csv": bill(),
        "usage.csv": usage(),
        "contracts.toml": CONTRACTS,
        "trueup.toml": CONFIGURATION,
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return read_configuration(folder / "trueup.toml")


def ran(config: Configuration, as_of: str | None = None) -> JobOutcome:
    """One run, at a clock."""
    return run(config, Settings(as_of=None if as_of is None else parse_instant(as_of)))
