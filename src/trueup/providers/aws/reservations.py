"""Reserved instances of EC2 and RDS: how many were committed, in the unit their benefit counts in.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeReservedInstances.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeReservedDBInstances.html
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as Xml
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trueup.adapter.feed import (
    COMMITMENTS,
    Answer,
    Asking,
    BrokenAnswer,
    Feed,
    Page,
    Row,
    once_each,
)
from trueup.providers.aws import commitments
from trueup.providers.aws.reading import amount, fields, meaning, need, xml

EC2 = "ec2:DescribeReservedInstances"
RDS = "rds:DescribeReservedDBInstances"
ROWS_MAX = 100  # a page of RDS; EC2 has no pages
HOUR_SECONDS = 3600
ROUNDED = timedelta(seconds=2)  # EC2 writes an end of a second less than the whole duration
VOID = "Canceled"
STATES = {
    "active": "Active",
    "retired": "Expired",
    "payment-pending": VOID,
    "payment-failed": VOID,
    "queued": VOID,
    "queued-deleted": VOID,
}

# Units of a size, from
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/apply_ri.html and
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithReservedDBInstances.html
SIZES = {
    "nano": Decimal("0.25"),
    "micro": Decimal("0.5"),
    "small": Decimal(1),
    "medium": Decimal(2),
    "large": Decimal(4),
    "xlarge": Decimal(8),
}
# Families whose reservations are for one size only (the page above).
INFLEXIBLE = ("g4ad", "g4dn", "g5", "g5g", "g6", "g6e", "gr6", "hpc7a", "p5", "inf1", "inf2", "u7i")
FLEXIBLE_ENGINES = re.compile(r"(mysql|mariadb|postgresql|aurora)|(oracle|db2).*\(byol\)")


def units(size: str) -> Decimal | None:
    """Normalised units of an instance size; None where the page gives none, as for metal."""
    times = re.fullmatch(r"([1-9]\d*)xlarge", size)
    return int(times[1]) * SIZES["xlarge"] if times else SIZES.get(size)


def _fetch_ec2(asking: Asking) -> Iterator[Answer]:
    for region in asking.settings["regions"]:

        def ask(region: str = region) -> bytes:
            body: bytes = asking.connection.ask("ec2", "describe_reserved_instances", region)
            _listed(body, "reservedInstancesSet")
            return body

        yield asking.once(EC2, ask, region=region, account=asking.settings["account"])


def _fetch_rds(asking: Asking) -> Iterator[Answer]:
    for region in asking.settings["regions"]:

        def page(token: str | None, region: str = region) -> Page:
            more = {"Marker": token} if token else {}
            body = asking.connection.ask(
                "rds", "describe_reserved_db_instances", region, MaxRecords=ROWS_MAX, **more
            )
            _listed(body, "ReservedDBInstances")
            return Page(body, xml(body).findtext(".//Marker"))

        yield from asking.pages(RDS, page, region=region)


def _listed(body: bytes, items: str) -> Iterator[Xml.Element]:
    """The items of a list; BrokenAnswer where there is no such list."""
    found = xml(body).find(f".//{items}")
    if found is None:
        raise BrokenAnswer(f"no {items}: begins with {body[:40]!r}")
    return iter(found)


@dataclass(frozen=True)
class Reserved:
    """A reservation in the words that both services have in common."""

    name: str
    contract: str
    service: str
    type: str
    count: Decimal
    each: Decimal | None  # normalised units, where it covers other sizes too
    status: str
    start: datetime
    end: datetime | None  # None: after its whole duration
    duration: Decimal  # seconds
    payment: str
    currency: str
    upfront: Decimal  # of one
    hourly: Decimal  # of one

    def row(self) -> Row:
        whole = self.start + timedelta(seconds=int(self.duration))
        end = self.end or whole
        per_hour = self.count if self.each is None else self.count * self.each
        common = commitments.Commitment(
            name=self.name,
            contract=self.contract,
            kind=f"{self.service} Reserved Instance",
            start=_text(self.start),
            end=_text(end),
            status=self.status,
            currency=self.currency,
            payment=self.payment,
            about=f"{self.count} x {self.type}",
        )
        unit = commitments.INSTANCES if self.each is None else commitments.NORMALIZED
        # One that was modified, exchanged or sold ends before its term: its fee is not known then.
        fee = self.fee() if whole - end < ROUNDED else None
        return common.held(per_hour, unit, fee)

    def fee(self) -> Decimal | None:
        hours, rest = divmod(self.duration, HOUR_SECONDS)
        return None if rest else self.count * (self.upfront + hours * self.hourly)


def _normalise_ec2(answers: Sequence[Answer]) -> Iterator[Row]:
    for answer in answers:
        for element in _listed(answer.body, "reservedInstancesSet"):
            item = fields(element)
            status = meaning(STATES, item, "state")
            if status != VOID:
                place = f"arn:aws:ec2:{answer.asked['region']}:{answer.asked['account']}"
                yield _ec2(element, item, status, place).row()


def _ec2(element: Xml.Element, item: Mapping[str, str], status: str, place: str) -> Reserved:
    number = need(item, "reservedInstancesId")
    family, _, size = need(item, "instanceType").partition(".")
    flexible = (
        need(item, "scope") == "Region"
        and need(item, "instanceTenancy") == "default"
        and need(item, "productDescription").startswith("Linux/UNIX")
        and family not in INFLEXIBLE
    )
    return Reserved(
        name=f"{place}:reserved-instances/{number}",
        contract=number,
        service="EC2",
        type=need(item, "instanceType"),
        count=amount(need(item, "instanceCount")),
        each=units(size) if flexible else None,
        status=status,
        start=_instant(need(item, "start")),
        end=_instant(need(item, "end")),
        duration=amount(need(item, "duration")),
        payment=need(item, "offeringType"),
        currency=need(item, "currencyCode"),
        upfront=amount(need(item, "fixedPrice")),
        hourly=_hourly(element.find("recurringCharges"), "amount", "frequency"),
    )


def _normalise_rds(answers: Sequence[Answer]) -> Iterator[Row]:
    for answer in answers:
        for element in _listed(answer.body, "ReservedDBInstances"):
            item = fields(element)
            status = meaning(STATES, item, "State")
            if status != VOID:
                yield _rds(element, item, status).row()


def _rds(element: Xml.Element, item: Mapping[str, str], status: str) -> Reserved:
    size = need(item, "DBInstanceClass").rpartition(".")[2]
    each = units(size) if FLEXIBLE_ENGINES.match(need(item, "ProductDescription")) else None
    if each is not None and need(item, "MultiAZ") == "true":
        each *= 2
    return Reserved(
        name=need(item, "ReservedDBInstanceArn"),
        contract=need(item, "ReservedDBInstanceId"),
        service="RDS",
        type=need(item, "DBInstanceClass"),
        count=amount(need(item, "DBInstanceCount")),
        each=each,
        status=status,
        start=_instant(need(item, "StartTime")),
        end=None,
        duration=amount(need(item, "Duration")),
        payment=need(item, "OfferingType"),
        currency=need(item, "CurrencyCode"),
        upfront=amount(need(item, "FixedPrice")),
        hourly=_hourly(
            element.find("RecurringCharges"), "RecurringChargeAmount", "RecurringChargeFrequency"
        ),
    )


def _hourly(charges: Xml.Element | None, figure: str, frequency: str) -> Decimal:
    """What one costs by the hour besides its upfront fee."""
    found = Decimal(0)
    for charge in charges if charges is not None else ():
        item = fields(charge)
        if need(item, frequency) != "Hourly":
            raise BrokenAnswer(f"a recurring charge that is {item[frequency]}, not Hourly")
        found += amount(need(item, figure))
    return found


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise BrokenAnswer(f"{text!r} is no instant") from error


def _text(instant: datetime) -> str:
    return f"{instant.replace(tzinfo=None).isoformat()}Z"


ec2 = Feed(
    name="reserved-instances",
    gives=COMMITMENTS,
    operations={EC2: EC2},
    fetch=_fetch_ec2,
    normalise=_normalise_ec2,
    needs=("regions", "account"),
    unknown=commitments.UNKNOWN,
)
rds = Feed(
    name="reserved-databases",
    gives=COMMITMENTS,
    operations={RDS: RDS},
    fetch=_fetch_rds,
    normalise=_normalise_rds,
    check=lambda answers: once_each(
        need(fields(element), "ReservedDBInstanceArn")
        for answer in answers
        for element in _listed(answer.body, "ReservedDBInstances")
    ),
    needs=("regions",),
    unknown=commitments.UNKNOWN,
)
