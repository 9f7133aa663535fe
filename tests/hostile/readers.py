"""Every reader of files: small files that it takes, and what any other bytes may become."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.focus.bill import as_csv, row
from tests.telemetry import test_langfuse as langfuse
from tests.telemetry import test_litellm as litellm
from trueup.config import read_configuration
from trueup.errors import IntegrityError, TrueupError
from trueup.fetch.cassette.provenance import read_provenance, recordings
from trueup.fetch.cassette.replay import exchanges
from trueup.focus.charges import read_charges
from trueup.focus.commitments import read_commitments
from trueup.focus.invoices import read_invoices
from trueup.model.dataset import Dataset
from trueup.model.rules import read_rules
from trueup.telemetry.usage import read_usage

START = 1_790_812_800  # 2026-10-01T00:00:00Z
COLUMNS = {"window_start": "at", "quantity": "count", "resource_id": "node"}
CONSTANTS = {"meter": "gpu", "unit": "GPU-Seconds"}


@dataclass(frozen=True)
class Reader:
    """One way into trueup: what it is given, and how."""

    name: str
    read: Callable[[Path], Dataset | None]
    seeds: Mapping[str, bytes] = field(repr=False)  # file name -> what it takes


def outcome(reader: Reader, file: Path) -> str:
    """``rows`` or the refusal's words; AssertionError where it is neither.

    Rows add up, and a refusal says where and what. All other exceptions are findings.
    """
    try:
        found = reader.read(file)
    except IntegrityError as error:
        raise AssertionError(f"{reader.name}: rows do not add up: {error}") from error
    except TrueupError as error:
        said = str(error)
        assert said.strip(), f"{reader.name}: a refusal without words"
        assert str(file.parent) in said, f"{reader.name}: does not say where: {said}"
        return said
    if found is not None:
        _assert_adds_up(found)
    return "rows"


def _assert_adds_up(found: Dataset) -> None:
    """Each record is accepted or one reject; each charge that is accepted is one row."""
    rejects = found.rejects.to_arrow()
    sources = found.sources.rows()
    for source in sources:
        assert source["rows_in"] == source["accepted"] + source["rejected"], source
    assert rejects.num_rows == sum(source["rejected"] for source in sources)
    assert all(reason for reason in rejects["reason"].to_pylist())
    rows = found.table.to_arrow()
    rows.validate(full=True)
    if found.kind == "charges":
        assert rows.num_rows == sum(source["accepted"] for source in sources)


def read_cassette(file: Path) -> None:
    """A folder of recordings, as a replay takes it."""
    if file.name == "provenance.json":
        read_provenance(file.parent)
    for one in recordings(file.parent):
        exchanges(one)


def _parquet(rows: Iterable[Mapping[str, Any]]) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(each) for each in rows]), target)
    return target.getvalue()


def _table(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _lines(*items: object) -> bytes:
    return "".join(json.dumps(item) + "\n" for item in items).encode()


def _attributes(**values: object) -> list[dict[str, Any]]:
    return [
        {"key": name.replace("__", "."), "value": {"stringValue": str(value)}}
        for name, value in values.items()
    ]


def _bills() -> dict[str, bytes]:
    rows = [row(), row(BilledCost="-2", Tags='{"team": "b"}', ChargeDescription="a, b")]
    text = as_csv(rows).encode()
    return {"b.csv": text, "b.csv.gz": gzip.compress(text, mtime=0), "b.parquet": _parquet(rows)}


NATIVE = {
    "aws.csv": "line_item_line_item_type,line_item_unblended_cost,line_item_currency_code,"
    "line_item_usage_start_date,line_item_usage_end_date,resource_tags,line_item_usage_amount\n"
    'Usage,1.5,USD,2026-10-03T14:00:00Z,2026-10-03T15:00:00Z,"{""team"": ""a""}",3\n',
}

CONTRACT = """
[[commitment]]
id = "c-1"
provider = "Example Cloud"
start = 2026-10-01
end = "2027-10-01T00:00:00Z"
cost = 1.25
currency = "USD"
interval = "hourly"
lots = []
applies_to = { ServiceName = "Machines.*" }
"""
INVOICE = """
[[invoice]]
invoice_id = "i-1"
issuer = "Example Cloud"
billing_period = "2026-10"
currency = "EUR"
amount_due = 119.00
"""
CONFIGURATION = """
[run]
period = "2026-10"
out = "out"
[[charges]]
path = "bills/*.csv"
[[usage]]
paths = ["u.jsonl"]
constants = { provider = "example" }
[rules]
material_amount = "5"
[[rules.tolerance]]
leg = "usage"
relative = "0.01"
"""
RULES = """
material_amount = "5"
[[tolerance]]
leg = "usage"
relative = "0.01"
[[exchange_rate]]
from = "USD"
to = "EUR"
rate = "0.91"
"""
CASSETTE = """\
interactions:
- request:
    body: null
    headers: {content-type: [application/json]}
    method: GET
    uri: https://api.example.com/costs?month=2026-10
  response:
    body: {string: '{"costs": []}'}
    headers: {content-type: [application/json]}
    status: {code: 200, message: OK}
version: 1
"""
PROVENANCE = {
    "provider": "example",
    "case": "nightly",
    "origin": "synthetic",
    "period": "2026-10-01T00:00:00Z/2026-11-01T00:00:00Z",
    "settings": {},
    "sdk": {},
}


def _otlp_spans() -> bytes:
    span = {
        "traceId": "t1",
        "spanId": "s1",
        "parentSpanId": "",
        "startTimeUnixNano": str(START * 10**9),
        "endTimeUnixNano": str((START + 1) * 10**9),
        "attributes": _attributes(
            gen_ai__operation__name="chat",
            gen_ai__usage__input_tokens=30,
            gen_ai__usage__output_tokens=5,
            gen_ai__response__id="r1",
        ),
    }
    resource = {"attributes": _attributes(team="a")}
    spans = [span, span | {"spanId": "s2", "parentSpanId": "s1"}]
    return _lines({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]})


def _otlp_metrics() -> bytes:
    point = {
        "attributes": _attributes(type="input", model="m"),
        "startTimeUnixNano": str(START * 10**9),
        "timeUnixNano": str((START + 60) * 10**9),
        "asInt": "10",
    }
    total = {"dataPoints": [point], "aggregationTemporality": 1}
    metric = {"name": "claude_code.token.usage", "sum": total}
    return _lines({"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"metrics": [metric]}]}]})


def _litellm() -> dict[str, Any]:
    return litellm.log(metadata='{"usage_object": {"cache_read_input_tokens": 6}}')


def answer_of(values: list[Any], **more: object) -> bytes:
    """A range query's answer with one series of these samples."""
    labels = {"__name__": "DCGM_FI_DEV_GPU_UTIL", "gpu": "0", "Hostname": "h1"}
    found = {"resultType": "matrix", "result": [{"metric": labels, "values": values}]}
    return json.dumps({"status": "success", "data": found, **more}).encode()


def _opencost() -> bytes:
    allocation = {
        "name": "red/trainer",
        "properties": {"namespace": "red", "node": "n1", "labels": {"agent": "miner"}},
        "start": "2026-10-03T14:00:00Z",
        "end": "2026-10-03T16:00:00Z",
        "gpuHours": 4,
        "gpuUsageAverage": 0.5,
        "gpuRequestAverage": 2,
    }
    return json.dumps({"code": 200, "data": [{"x": allocation}]}).encode()


def _metered() -> list[dict[str, Any]]:
    return [{"at": "2026-10-03T14:00:00Z", "count": "3.5", "node": "n1"}]


def table_usage(file: Path, **columns: str) -> Dataset:
    return read_usage(file, format="table", columns=COLUMNS | columns, constants=CONSTANTS)


def _configuration(file: Path) -> None:
    read_configuration(file)


def _rules(file: Path) -> None:
    read_rules(file)


def _rates(file: Path) -> None:
    rules = file.with_name("rules.toml")
    rules.write_text(f'exchange_rate_file = "{file.name}"\n', encoding="utf-8")
    read_rules(rules)


_FOCUS_COMMITMENT = {
    "BillingCurrency": "USD",
    "ContractCommitmentCategory": "Spend",
    "ContractCommitmentCost": "1000",
    "ContractCommitmentDescription": "a plan",
    "ContractCommitmentId": "c-1",
    "ContractCommitmentPeriodEnd": "2027-10-01T00:00:00Z",
    "ContractCommitmentPeriodStart": "2026-10-01T00:00:00Z",
    "ContractCommitmentQuantity": "",
    "ContractCommitmentType": "Plan",
    "ContractCommitmentUnit": "",
    "ContractId": "k-1",
    "ContractPeriodEnd": "2027-10-01T00:00:00Z",
    "ContractPeriodStart": "2026-10-01T00:00:00Z",
}
_TOTALS = {"invoice_id": "i-1", "issuer": "E", "currency": "EUR", "amount_due": "119.00"}
_TOTALS |= {"billing_period": "2026-10"}
_RATE = {"from": "USD", "to": "EUR", "rate": "0.91", "valid_from": "2026-10-01"}

READERS = {
    reader.name: reader
    for reader in (
        Reader("charges", read_charges, _bills()),
        Reader("native", read_charges, {k: v.encode() for k, v in NATIVE.items()}),
        Reader("commitments", read_commitments, {"c.csv": _table([_FOCUS_COMMITMENT])}),
        Reader("contracts", read_commitments, {"c.toml": CONTRACT.encode()}),
        Reader("invoices", read_invoices, {"i.csv": _table([_TOTALS])}),
        Reader("typed_invoices", read_invoices, {"i.toml": INVOICE.encode()}),
        Reader(
            "otlp",
            read_usage,
            {"s.jsonl": _otlp_spans(), "m.jsonl": _otlp_metrics()},
        ),
        Reader(
            "litellm",
            read_usage,
            {
                "l.jsonl": _lines(_litellm(), _litellm() | {"request_id": "r2"}),
                "l.csv": _table([_litellm()]),
                "l.parquet": _parquet([_litellm()]),
            },
        ),
        Reader("langfuse", read_usage, {"o.jsonl": _lines(langfuse.observation())}),
        Reader(
            "prometheus",
            read_usage,
            {"p.json": answer_of([[START + 60 * n, str(25 * n)] for n in range(3)])},
        ),
        Reader("opencost", read_usage, {"a.json": _opencost()}),
        Reader(
            "table",
            table_usage,
            {"t.csv": _table(_metered()), "t.jsonl": _lines(*_metered())},
        ),
        Reader(
            "cassette",
            read_cassette,
            {"a.yaml": CASSETTE.encode(), "a.yaml.gz": gzip.compress(CASSETTE.encode(), mtime=0)},
        ),
        Reader("provenance", read_cassette, {"provenance.json": json.dumps(PROVENANCE).encode()}),
        Reader("configuration", _configuration, {"trueup.toml": CONFIGURATION.encode()}),
        Reader("rules", _rules, {"rules.toml": RULES.encode()}),
        Reader("rates", _rates, {"rates.csv": _table([_RATE])}),
    )
}
