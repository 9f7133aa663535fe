"""The run's configuration, as a person would keep it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.world import agreed, company, services
from tests.world.focus import text
from tests.world.ledger import Ledger, month_of
from tests.world.telemetry import SOURCES, Source

HEADER = """\
# The nightly run of {name}, a company that does not exist.
# Everything below this folder was written by `python -m tests.world`; answers.json holds what a
# run must find. Paths are relative to this file's folder.

[run]
period = "{period}"
# The clock of the run. Without it: now. A fixed one makes the run repeatable.
as_of = {as_of}
# Results go to <out>/<period>/.
out = "out"
"""

FILES = """
# Four bills, each in its own version of FOCUS and its own file format.

[[charges]]
paths = ["bills/aws/*.csv.gz"]  # FOCUS 1.2, a file a day

[[charges]]
paths = ["bills/gcp/*.parquet"]  # FOCUS 1.0

[[charges]]
paths = ["bills/azure/*.csv"]  # FOCUS 1.3, euros

[[charges]]
paths = ["bills/oci/*.csv"]  # FOCUS 1.4

# What was committed to: published by the providers, and typed from two sales contracts.

[[commitments]]
paths = ["contracts.csv", "credits.toml"]
"""

RECORDED = """
# No account is asked: what the providers answered was recorded, and is played instead. To ask your
# own accounts, leave this out and give each provider its settings.
replay = "{replay}"

# What no provider tells: two sales contracts, typed by hand.

[[commitments]]
paths = ["credits.toml"]

# Who is asked, for bills, contracts, balances, utilization and rates.

[providers.aws]

[providers.azure]

[providers.gcp]

[providers.oci]
"""

RULES = """
[rules]
# Any break is material. Give an amount, as "1.00", to overlook smaller ones.
# material_amount = "1.00"

# Provisioned throughput is billed in hours of provisioned units, which no SKU of the bill says are
# capacity: each counts as an instance, and is compared with what telemetry says was held.
[[rules.meter]]
match = { SkuMeter = "^Provisioned Managed" }
meter = "instance"
capacity = "allocated"
"""


MANAGED = """
# Who bears what: statements per team, and a journal for the ledger.
[rules.chargeback]
unused = "proportional"
cost_account = "6520"
clearing_account = "1480"

[rules.chargeback.business_units]
CC-410 = "operations"
CC-415 = "operations"
CC-520 = "customers"
CC-630 = "operations"
CC-700 = "engineering"

# Who may spend how much. Each currency has its own budgets.
[[budget]]
name = "routing in dollars"
scope = { team = "routing" }
amount = "6000.00"
currency = "USD"

[[budget]]
name = "forecasting in euros"
scope = { team = "forecasting" }
amount = "3000.00"
currency = "EUR"
"""


def shows_agreed(ledger: Ledger, replay: str | None) -> bool:
    """Whether invoices and a lower price stand beside the bills: where a month is played."""
    return replay is not None and ledger.days > agreed.SINCE_DAY


def trueup_toml(ledger: Ledger, replay: str | None = None) -> str:
    """The whole file: bills read from files, or providers' recorded answers played."""
    whole_month = (ledger.start, ledger.end) == month_of(ledger.start)
    period = f"{ledger.start:%Y-%m}" if whole_month else f"{text(ledger.start)}/{text(ledger.end)}"
    header = HEADER.format(name=company.NAME, period=period, as_of=text(ledger.as_of))
    header += FILES if replay is None else RECORDED.format(replay=replay)
    rules = RULES + services.RATE
    if shows_agreed(ledger, replay):
        header += agreed.CONFIGURED
        rules += agreed.rate_toml(ledger) + MANAGED
    usage = (
        "\n# Telemetry. What a file does not tell stands in `constants`; `columns` names fields.\n"
    )
    return header + usage + "".join(_entry(source) for source in SOURCES) + rules


def _entry(source: Source) -> str:
    lines = [
        f"\n# {source.about}",
        "[[usage]]",
        f'paths = ["{source.path}"]',
        f'format = "{source.format}"',
    ]
    for key, values in (("columns", source.columns), ("constants", source.constants)):
        if values:
            lines.append(f"{key} = {_inline(values)}")
    return "\n".join(lines) + "\n"


def _inline(values: Mapping[str, str]) -> str:
    pairs = ", ".join(f'{key} = "{value}"' for key, value in values.items())
    return f"{{ {pairs} }}"
