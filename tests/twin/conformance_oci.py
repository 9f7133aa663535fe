"""Whether an answer is one of the installed SDK's own models: nothing unknown, no other type.

The type that an operation answers with is read from the SDK's code; what a field may hold from its
models, their enumerations and what they mark as required.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

UNKNOWN = "UNKNOWN_ENUM_VALUE"


def answer_type(client: Any, method: str) -> str:
    """What the SDK makes of the answer of a client's method."""
    (found,) = set(
        re.findall(r'response_type="([^"]+)"', inspect.getsource(getattr(client, method)))
    )
    return str(found)


def complaints(body: bytes, client: Any, method: str) -> list[str]:
    """All that keeps a body from being an answer of the method."""
    models = inspect.getmodule(client)
    module = __import__(f"{models.__name__.rpartition('.')[0]}.models", fromlist=["*"])  # type: ignore[union-attr]  # a class has a module
    value = json.loads(body, parse_float=Decimal)
    return list(_walk(value, answer_type(client, method), module, "$"))


def _walk(value: Any, declared: str, models: Any, path: str) -> Iterator[str]:
    if value is None:
        return
    if declared.startswith("list["):
        if not isinstance(value, list):
            yield f"{path}: {type(value).__name__} is no list"
            return
        for number, item in enumerate(value):
            yield from _walk(item, declared[5:-1], models, f"{path}[{number}]")
    elif hasattr(models, declared):
        yield from _walk_model(value, getattr(models, declared), models, path)
    elif not _is(value, declared):
        yield f"{path}: {value!r} is no {declared}"


def _walk_model(value: Any, kind: Any, models: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {type(value).__name__} is no {kind.__name__}"
        return
    model = kind()
    fields = {wire: name for name, wire in model.attribute_map.items()}
    for wire, item in value.items():
        name = fields.get(wire)
        if name is None:
            yield f"{path}.{wire}: not a field of {kind.__name__}"
            continue
        found = list(_walk(item, model.swagger_types[name], models, f"{path}.{wire}"))
        yield from found
        if not found and isinstance(item, str) and not _allowed(model, name, item):
            yield f"{path}.{wire}: {item!r} is not one of its values"
    for wire, name in fields.items():
        about = inspect.getdoc(getattr(kind, name)) or ""
        if about.startswith("**[Required]**") and value.get(wire) is None:
            yield f"{path}.{wire}: is required"


def _allowed(model: Any, name: str, item: str) -> bool:
    try:
        setattr(model, name, item)
    except ValueError:
        return False
    return bool(getattr(model, name) != UNKNOWN)


def _is(value: Any, declared: str) -> bool:
    if declared == "str":
        return isinstance(value, str)
    if declared == "bool":
        return isinstance(value, bool)
    if declared == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if declared == "float":
        return isinstance(value, int | Decimal) and not isinstance(value, bool)
    if declared in ("date", "datetime"):
        return isinstance(value, str) and _is_instant(value)
    return declared == "object"


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
