"""Libraries are not measured, so their code is not traced: that takes as long again as they do.

Coverage is told of every call, those within Ibis, too, which are most of all. Here the calls that
enter a library suspend the tracer until they return. What of trueup runs within such a call is not
measured.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import FunctionType
from typing import Any

TYPES = "ibis.expr.types"
FUNCTIONS = {
    "ibis": ("cases", "greatest", "ifelse", "interval", "least", "literal", "table", "union"),
    "boto3.session:Session": ("client",),
    "botocore.parsers:ResponseParser": ("parse",),
    "http.server:BaseHTTPRequestHandler": ("handle",),
    "ibis.backends.duckdb:Backend": ("compile",),
}


def untraced(call: Any) -> Any:
    """The call, during which this thread is not traced."""

    @wraps(call)
    def suspended(*args: Any, **named: Any) -> Any:
        tracer = sys.gettrace()
        if tracer is None:
            return call(*args, **named)
        sys.settrace(None)
        try:
            return call(*args, **named)
        finally:
            sys.settrace(tracer)

    return suspended


def suspend_in_libraries() -> None:
    """From here on, where coverage traces at all."""
    if sys.gettrace() is None:
        return
    for place, names in FUNCTIONS.items():
        module, _, name = place.partition(":")
        if find_spec(module.partition(".")[0]) is None:  # an extra that is not installed
            continue
        owner = import_module(module)
        owner = getattr(owner, name) if name else owner
        for each in names:
            setattr(owner, each, untraced(getattr(owner, each)))
    for kind in _types():
        for name, each in list(vars(kind).items()):
            if isinstance(each, FunctionType) and name not in ("__hash__", "__init__"):
                setattr(kind, name, untraced(each))


def _types() -> Iterator[type]:
    for found in iter_modules(import_module(TYPES).__path__):
        module = import_module(f"{TYPES}.{found.name}")
        yield from (
            each
            for each in vars(module).values()
            if isinstance(each, type) and each.__module__ == module.__name__
        )
