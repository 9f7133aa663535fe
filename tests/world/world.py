"""One world: the ledger, what telemetry saw of it, the files of both, and the right answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.world import agreed, aws_bill, azure, bedrock, company, gcp, oci, sagemaker
from tests.world.answers import answers
from tests.world.bills import bills
from tests.world.capacity import Hour
from tests.world.configuration import shows_agreed, trueup_toml
from tests.world.contracts import contracts_csv, credits_toml
from tests.world.dice import Dice
from tests.world.drift import breaks
from tests.world.ledger import DAY, Call, Ledger
from tests.world.telemetry import packed, telemetry

UNSAID = "-"  # in answers.json: of this figure the ledger says nothing
PROVIDERS = ("aws", "gcp", "azure", "oci")


@dataclass(frozen=True)
class World:
    """What happened, and what telemetry saw of it."""

    ledger: Ledger
    bedrock_calls: list[Call]
    endpoints: list[Hour]
    gcp: gcp.Seen
    azure: azure.Seen
    pods: list[oci.Pod]


def make(seed: int, start: datetime, days: int) -> World:
    """The world of a seed: at least three days, beginning at a UTC midnight of a month's first."""
    if days < 3:
        raise ValueError("a world takes at least 3 days: breaks are planted in each of them")
    ledger = Ledger(seed, start, start + days * DAY)
    dice = Dice(seed, "sessions")
    known = {provider: company.sessions(dice, provider, start, days, 6) for provider in PROVIDERS}
    calls = bedrock.add_tokens(ledger, known["aws"])
    endpoints = sagemaker.add_endpoints(ledger, known["aws"])
    aws_bill.add_other_charges(ledger)
    aws_bill.add_malformed(ledger)
    seen_gcp = gcp.add(ledger, known["gcp"])
    seen_azure = azure.add(ledger, known["azure"])
    pods = oci.add(ledger)
    return World(ledger, calls, endpoints, seen_gcp, seen_azure, pods)


def files(world: World, replay: str | None = None) -> dict[str, bytes]:
    """Every file that a run reads, and ``answers.json``, by path.

    With ``replay``, where providers' answers are recorded, without bills and published contracts.
    """
    ledger = world.ledger
    found: dict[str, bytes] = {}
    if replay is None:
        found |= bills(ledger)
        found["contracts.csv"] = contracts_csv(ledger).encode()
    found["credits.toml"] = credits_toml(ledger).encode()
    found["trueup.toml"] = trueup_toml(ledger, replay).encode()
    recorded = telemetry(world)
    found |= {path: packed(path, one) for path, one in recorded.items()}
    tables = answers(ledger, recorded)
    if shows_agreed(ledger, replay):
        found[agreed.FILE] = agreed.invoices_csv(ledger).encode()
        tables["breaks"] = [*breaks(ledger), *agreed.breaks(ledger)]
    found["answers.json"] = answers_json(tables).encode()
    return found


def answers_json(tables: dict[str, object]) -> str:
    """The answers, one row a line: a table is its columns, then its rows in their order."""
    parts = []
    for name, value in tables.items():
        if isinstance(value, list):
            columns = list(dict.fromkeys(column for row in value for column in row))
            rows = [[row.get(column, UNSAID) for column in columns] for row in value]
            lines = ",\n".join("   " + json.dumps(row, separators=(",", ":")) for row in rows)
            body = f'{{\n  "columns": {json.dumps(columns)},\n  "rows": [\n{lines}\n  ]\n }}'
            parts.append(f" {json.dumps(name)}: {body}")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def read_answers(text: str) -> dict[str, list[dict[str, object]]]:
    """The tables of ``answers.json`` as rows; a figure it makes no statement on is left out."""
    return {
        name: [
            {
                column: value
                for column, value in zip(table["columns"], row, strict=True)
                if value != UNSAID
            }
            for row in table["rows"]
        ]
        for name, table in json.loads(text).items()
        if "rows" in table
    }


def write(world: World, folder: Path, replay: str | None = None) -> None:
    """Write every file below a folder."""
    for path, content in files(world, replay).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
