"""A small provider of one plan and one exported file, and a server on loopback that answers for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from trueup.adapter.feed import (
    COMMITMENTS,
    Answer,
    Asking,
    BrokenAnswer,
    Connector,
    Export,
    Fault,
    FaultKind,
    Feed,
    File,
    Row,
    Setting,
)
from trueup.adapter.provider import ProviderAdapter
from trueup.adapter.registry import providers
from trueup.fetch.cassette import case
from trueup.fetch.cassette.case import record_case
from trueup.fetch.providers import Fetched
from trueup.period import parse_period

NAME = "nimbus"
AT = datetime(2026, 11, 2, tzinfo=UTC)
OCTOBER = "2026-10"
COMMITTED = {
    "BillingCurrency": "USD",
    "ContractCommitmentApplicability": "{}",
    "ContractCommitmentBenefitCategory": "Discount",
    "ContractCommitmentCategory": "Spend",
    "ContractCommitmentCost": "11.00",
    "ContractCommitmentCreated": "2026-09-30T00:00:00Z",
    "ContractCommitmentDurationType": "Fixed",
    "ContractCommitmentFulfillmentInterval": "Hourly",
    "ContractCommitmentId": "plan-1",
    "ContractCommitmentLastUpdated": "2026-09-30T00:00:00Z",
    "ContractCommitmentLifecycleStatus": "Active",
    "ContractCommitmentModel": "Discontinuous",
    "ContractCommitmentOfferCategory": "Public",
    "ContractCommitmentPaymentInterval": "Monthly",
    "ContractCommitmentPaymentModel": "No Upfront",
    "ContractCommitmentPaymentUpfrontPercentage": "0",
    "ContractCommitmentPeriodStart": "2026-10-01T00:00:00Z",
    "ContractCommitmentPeriodEnd": "2026-11-01T00:00:00Z",
    "ContractCommitmentType": "plan",
    "ContractId": "contract-1",
    "ContractPeriodStart": "2026-10-01T00:00:00Z",
    "ContractPeriodEnd": "2026-11-01T00:00:00Z",
    "InvoiceIssuerName": "Nimbus",
    "PricingCurrency": "USD",
    "ServiceProviderName": "Nimbus",
}
BILL = (
    "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd\n"
    "10.00,8.50,USD,Usage,2026-10-03T14:00:00Z,2026-10-03T15:00:00Z\n"
    "many,1.50,USD,Usage,2026-10-03T15:00:00Z,2026-10-03T16:00:00Z\n"
)
ANSWERS: dict[str, tuple[int, bytes]] = {
    "/plans": (200, json.dumps({"plans": [{"commitment": "11.00"}]}).encode()),
    "/exports/oct.csv": (200, BILL.encode()),
}


def get(url: str) -> bytes:
    with urlopen(url) as answered:  # noqa: S310  a server of the test
        body: bytes = answered.read()
    return body


def connect(settings: Mapping[str, Any], offline: bool) -> SimpleNamespace:
    return SimpleNamespace(
        get=lambda path: get(f"{settings['endpoint']}{path}"), close=lambda: None
    )


def fault(error: BaseException) -> Fault | None:
    return Fault(FaultKind.REFUSED, str(error)) if isinstance(error, HTTPError) else None


def fetch(asker: Asking) -> list[Answer]:
    return [asker.once("ListPlans", lambda: asker.connection.get("/plans"))]


def plans(answers: Sequence[Answer], **changed: str | None) -> Iterable[Row]:
    for answer in answers:
        found = answer.json()
        if not isinstance(found, dict):
            raise BrokenAnswer("no plans")
        for plan in found["plans"]:
            yield {**COMMITTED, "ContractCommitmentCost": plan["commitment"], **changed}


def files(asker: Asking) -> Iterable[File]:
    def download(into: IO[bytes]) -> None:
        into.write(asker.connection.get("/exports/oct.csv"))

    return [File("oct.csv", "1", None, download)]


FEED = Feed("plans", COMMITMENTS, {"ListPlans": "plans.list"}, fetch, plans)
EXPORT = Export("costs", {"GetExport": "exports.get"}, files)
CONNECTOR = Connector(
    connect,
    fault,
    (FEED,),
    (EXPORT,),
    settings=(Setting("endpoint", "where it answers"), Setting("account", "whose it is")),
)
ADAPTER = ProviderAdapter(
    name=NAME,
    title="Nimbus",
    bill_names=("Nimbus",),
    telemetry_names=(),
    arrives_within=timedelta(hours=24),
    final_after=timedelta(days=5),
    extra=None,
    sdk_modules=(),
    configuration_template="",
    connector=lambda: CONNECTOR,
)


def stands(monkeypatch: pytest.MonkeyPatch, connector: Connector = CONNECTOR) -> None:
    """The provider is installed, reached by this connector, and of a package that needs Click."""
    adapter = replace(ADAPTER, connector=lambda: connector)
    monkeypatch.setitem(providers(), NAME, adapter)
    needs = ["click>=8", "a-package-that-is-not-here"]
    point = SimpleNamespace(dist=SimpleNamespace(requires=needs))
    monkeypatch.setattr(case, "entry_points", lambda **_: (point,))


def with_rows(**changed: str | None) -> Connector:
    """The connector whose plans have other values in these columns."""

    def normalise(answers: Sequence[Answer]) -> Iterable[Row]:
        return plans(answers, **changed)

    return replace(CONNECTOR, feeds=(replace(FEED, normalise=normalise),))


@contextmanager
def answering(answers: Mapping[str, tuple[int, bytes]]) -> Iterator[str]:
    """Inside, a server answers these paths; its address."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, b"{}"))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Secret", "of the account")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def recorded(
    folder: Path,
    answers: Mapping[str, tuple[int, bytes]] = ANSWERS,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Fetched:
    """The provider recorded into a folder, asked for October."""
    with answering(answers) as endpoint:
        settings: dict[str, Any] = {"endpoint": endpoint}
        change(settings)
        return record_case(NAME, settings, parse_period(OCTOBER), folder, bytes(32), AT)
