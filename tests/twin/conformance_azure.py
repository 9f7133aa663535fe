"""Holds an answer against the installed SDKs' own models: no unknown field, no wrong type.

Three kinds of models: fields by ``rest_field`` (consumption, cost management, reservations), maps
of attributes to dotted keys (billing benefits), and the XML of blob storage, by its maps of tags.
"""

from __future__ import annotations

import importlib
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from xml.etree import ElementTree as Xml

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,7})?Z")
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def faults(model: type, value: object, at: str = "") -> Iterator[str]:
    """What of a JSON value the model does not know, a line each."""
    if not isinstance(value, dict):
        yield f"{at or 'answer'}: {type(value).__name__}, not an object"
        return
    if hasattr(model, "_attribute_map"):
        yield from _mapped(model, value, at)
        return
    chosen = _chosen(model, value)
    known = {field._rest_name: field for field in _fields(chosen).values()}
    hints = _hints(chosen)
    for name, item in value.items():
        here = f"{at}.{name}".lstrip(".")
        if name not in known:
            yield f"{here}: no field of {chosen.__name__}"
            continue
        attribute = next(key for key, field in _fields(chosen).items() if field is known[name])
        yield from _typed(hints[attribute], item, here)


def _fields(model: type) -> dict[str, Any]:
    model({})  # it fills its table of fields when first made
    found: dict[str, Any] = model._attr_to_rest_field  # type: ignore[attr-defined]
    return found


def _hints(model: type) -> dict[str, Any]:
    """Annotations of the model and its bases, with names resolved as the SDK does."""
    found: dict[str, Any] = {}
    for base in reversed(model.__mro__):
        module = importlib.import_module(base.__module__)
        space = {**vars(module), "_models": module}
        package = base.__module__.rpartition(".models")[0]
        if package:
            space["_models"] = importlib.import_module(f"{package}.models")
        for name, hint in vars(base).get("__annotations__", {}).items():
            if not name.startswith("_"):
                found[name] = _resolved(hint, space)
    return found


def _resolved(hint: object, space: Mapping[str, Any]) -> Any:
    def holder() -> None: ...

    holder.__annotations__ = {"it": hint}
    return typing.get_type_hints(holder, dict(space), dict(space))["it"]


def _chosen(model: type, value: Mapping[str, Any]) -> type:
    """The subtype that the discriminator names."""
    subtypes = getattr(model, "__mapping__", {})
    for field in _fields(model).values():
        if field._is_discriminator and value.get(field._rest_name) in subtypes:
            return typing.cast("type", subtypes[value[field._rest_name]])
    return model


def _typed(hint: Any, value: object, at: str) -> Iterator[str]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        choices = [one for one in arguments if one is not type(None)]
        if value is None and len(choices) < len(arguments):
            return
        tried = [list(_typed(one, value, at)) for one in choices]
        if all(tried):
            yield tried[0][0]
    elif origin is list:
        if not isinstance(value, list):
            yield f"{at}: {type(value).__name__}, not a list"
            return
        for number, item in enumerate(value):
            yield from _typed(arguments[0], item, f"{at}[{number}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{at}: {type(value).__name__}, not an object"
    elif origin is typing.Literal:
        if value not in arguments and value not in [
            getattr(one, "value", one) for one in arguments
        ]:
            yield f"{at}: {value!r} is none of {arguments}"
    else:
        yield from _plain(hint, value, at)


def _plain(hint: Any, value: object, at: str) -> Iterator[str]:
    if isinstance(hint, type) and (hasattr(hint, "_attr_to_rest_field") or _is_rest(hint)):
        yield from faults(hint, value, at)
    elif hint is Any:
        return
    elif not _fits(hint, value):
        yield f"{at}: {value!r} is no {getattr(hint, '__name__', hint)}"


def _is_rest(hint: type) -> bool:
    return any(base.__name__ == "Model" for base in hint.__mro__)


def _fits(hint: Any, value: object) -> bool:
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if hint in {Decimal, float}:
        return is_number
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is datetime:
        return isinstance(value, str) and INSTANT.fullmatch(value) is not None
    if hint is date:
        return isinstance(value, str) and DAY.fullmatch(value) is not None
    if isinstance(hint, type) and issubclass(hint, Enum):
        return value in [one.value for one in hint]
    return isinstance(value, hint)


KINDS = {"str": str, "float": Decimal, "int": int, "bool": bool, "iso-8601": datetime}


def _mapped(model: Any, value: Mapping[str, Any], at: str) -> Iterator[str]:
    """A model of the older kind: its keys are paths, ``properties.term``."""
    kinds = {one["key"]: one["type"] for one in model._attribute_map.values()}
    for path, item in _leaves(value, kinds):
        here = f"{at}.{path}".lstrip(".")
        if path not in kinds:
            yield f"{here}: no field of {model.__name__}"
            continue
        yield from _of_kind(model, kinds[path], item, here)


def _of_kind(model: Any, kind: str, item: object, at: str) -> Iterator[str]:
    if kind.startswith("["):
        if not isinstance(item, list):
            yield f"{at}: {type(item).__name__}, not a list"
            return
        for number, one in enumerate(item):
            yield from _of_kind(model, kind[1:-1], one, f"{at}[{number}]")
    elif kind in KINDS:
        if not _fits(KINDS[kind], item):
            yield f"{at}: {item!r} is no {kind}"
    else:
        models = importlib.import_module(model.__module__.rpartition(".")[0])
        yield from faults(getattr(models, kind), item, at)


def _leaves(
    value: Mapping[str, Any], kinds: Mapping[str, str], path: str = ""
) -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        here = f"{path}.{name}".lstrip(".")
        if isinstance(item, dict) and any(key.startswith(f"{here}.") for key in kinds):
            yield from _leaves(item, kinds, here)
        else:
            yield here, item


def faults_of_listing(body: bytes) -> Iterator[str]:
    """What of a blob listing the storage SDK's model does not know or misses."""
    from azure.storage.blob._generated import models

    root = Xml.fromstring(body)  # noqa: S314  the twin's own
    if root.tag != "EnumerationResults":
        yield f"{root.tag}: not EnumerationResults"
        return
    yield from _tags(models.ListBlobsFlatSegmentResponse, root, {"Blobs"})
    for blob in root.iterfind("Blobs/*"):
        if blob.tag != "Blob":
            yield f"Blobs.{blob.tag}: not a Blob"
            continue
        yield from _tags(models.BlobItemInternal, blob, {"Name"})
        properties = blob.find("Properties")
        if properties is None:
            yield "Blob: no Properties"
            continue
        yield from _tags(models.BlobPropertiesInternal, properties, set())
        size = properties.findtext("Content-Length") or ""
        if not size.isdigit():
            yield f"Content-Length: {size!r} is no number"


def _tags(model: Any, item: Xml.Element, extra: set[str]) -> Iterator[str]:
    maps = model._attribute_map.values()
    known = extra | {one["key"] for one in maps}
    for child in item:
        if child.tag not in known:
            yield f"{item.tag}.{child.tag}: no field of {model.__name__}"


@dataclass(frozen=True)
class Operation:
    """One operation: where it is asked, which model its items have, what trueup reads of them."""

    name: str
    path: str  # regular expression of the request's path
    package: str
    model: str
    reads: tuple[str, ...]
    is_list: bool = True

    def items(self, body: object) -> list[Any]:
        """The items of an answer; its envelope has nothing but them and the next page's address."""
        if not self.is_list:
            return [body]
        if not isinstance(body, dict) or not {"value"} <= body.keys() <= {"value", "nextLink"}:
            raise AssertionError(f"{self.name}: no list: {body!r:.80}")
        return list(body["value"])

    def faults(self, body: object) -> list[str]:
        """Everything in an answer that the model does not know."""
        models = importlib.import_module(f"azure.mgmt.{self.package}.models")
        return [
            line for item in self.items(body) for line in faults(getattr(models, self.model), item)
        ]

    def missing(self, bodies: Iterable[object]) -> list[str]:
        """The fields trueup reads that no item of any answer has."""
        items = [item for body in bodies for item in self.items(body)]
        return [path for path in self.reads if not any(_has(item, path) for item in items)]


def _has(item: object, path: str) -> bool:
    name, _, rest = path.partition(".")
    key = name.removesuffix("[]")
    if not isinstance(item, dict) or key not in item:
        return False
    found = item[key] if name.endswith("[]") else [item[key]]
    return not rest or any(_has(one, rest) for one in found)


def _below(place: str, names: str) -> tuple[str, ...]:
    return tuple(f"{place}.{name}" for name in names.split())


OPERATIONS = (
    Operation(
        "ReservationOrder_List", r"/Microsoft\.Capacity/reservationOrders", "reservations",
        "ReservationOrderResponse", ("name",),
    ),
    Operation(
        "ReservationOrder_Get", r"/reservationOrders/[^/]+", "reservations",
        "ReservationOrderResponse",
        (
            "properties.planInformation.transactions[].billingCurrencyTotal.currencyCode",
            "properties.planInformation.pricingCurrencyTotal.currencyCode",
        ),
        is_list=False,
    ),
    Operation(
        "Reservation_List", r"/reservationOrders/[^/]+/reservations", "reservations",
        "ReservationResponse",
        ("id", *_below(
            "properties",
            "provisioningState reservedResourceType benefitStartTime effectiveDateTime quantity "
            "lastUpdatedDateTime expiryDateTime expiryDate billingPlan displayName "
            "purchaseDateTime",
        )),
    ),
    Operation(
        "SavingsPlan_ListAll", r"/Microsoft\.BillingBenefits/savingsPlans", "billingbenefits",
        "SavingsPlanModel",
        ("id", "systemData.lastModifiedAt", *_below(
            "properties",
            "provisioningState commitment.grain commitment.amount commitment.currencyCode "
            "benefitStartTime effectiveDateTime expiryDateTime billingPlan displayName "
            "purchaseDateTime",
        )),
    ),
    Operation(
        "Lots_List", r"/billingAccounts/.*/Microsoft\.Consumption/lots", "consumption",
        "LotSummary",
        ("name", *_below(
            "properties",
            "source status startDate expirationDate purchasedDate billingCurrency "
            "isEstimatedBalance originalAmount.value originalAmount.currency usedAmount.value "
            "usedAmount.currency closedBalance.value closedBalance.currency",
        )),
    ),
    Operation(
        "Events_List", r"/billingAccounts/.*/Microsoft\.Consumption/events", "consumption",
        "EventSummary",
        _below(
            "properties",
            "lotId eventType transactionDate creditExpired.value closedBalance.value "
            "isEstimatedBalance",
        ),
    ),
    Operation(
        "ReservationsSummaries_List", r".*/reservationSummaries", "consumption",
        "ReservationSummary",
        _below("properties", "reservationOrderId reservationId reservedHours usedHours usageDate"),
    ),
    Operation(
        "ReservationsDetails_List", r".*/reservationDetails", "consumption", "ReservationDetail",
        _below("properties", "reservationOrderId reservationId usedHours usageDate"),
    ),
    Operation(
        "BenefitUtilizationSummaries_List", r".*/benefitUtilizationSummaries", "costmanagement",
        "BenefitUtilizationSummary",
        _below("properties", "benefitId benefitOrderId usageDate avgUtilizationPercentage"),
    ),
    Operation(
        "Balances_Get", r".*/Microsoft\.Consumption/balances", "consumption", "Balance",
        _below(
            "properties",
            "currency beginningBalance newPurchases adjustments utilized endingBalance",
        ),
        is_list=False,
    ),
    Operation(
        "PriceSheet_Get", r".*/pricesheets/default", "consumption", "PriceSheetResult",
        ("properties.nextLink", *_below(
            "properties.pricesheets[]",
            "unitPrice partNumber meterId unitOfMeasure currencyCode meterDetails.meterName "
            "savingsPlan.term savingsPlan.effectivePrice",
        )),
        is_list=False,
    ),
)  # fmt: skip


def operation_of(path: str) -> Operation:
    """The operation that is asked for at a path."""
    return next(
        one for one in OPERATIONS if re.search(f"{one.path}$", path, re.IGNORECASE) is not None
    )
