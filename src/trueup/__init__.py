"""trueup reconciles prepaid cloud compute: contract, bill and telemetry, to the last digit.

Everything public is here. Names are resolved when they are first used, so that ``import trueup``
costs next to nothing and a script pays only for what it calls.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.api import forecast as forecast
    from trueup.api import plan as plan
    from trueup.api import reconcile as reconcile
    from trueup.api import session_costs
    from trueup.budgets.snapshot import Budget
    from trueup.errors import (
        ConfigurationError,
        CurrencyMismatch,
        IntegrityError,
        MissingDependency,
        SourceError,
        TrueupError,
        UnitError,
        UsageError,
    )
    from trueup.focus.charges import read_charges
    from trueup.focus.commitments import read_commitments
    from trueup.focus.invoices import read_invoices
    from trueup.model.dataset import Dataset
    from trueup.model.rules import Rules, read_rules
    from trueup.model.table import Table
    from trueup.report.plan import Plan
    from trueup.report.result import Result
    from trueup.telemetry.usage import read_usage

    __version__: str

__all__ = [
    "Budget",
    "ConfigurationError",
    "CurrencyMismatch",
    "Dataset",
    "IntegrityError",
    "MissingDependency",
    "Plan",
    "Result",
    "Rules",
    "SourceError",
    "Table",
    "TrueupError",
    "UnitError",
    "UsageError",
    "__version__",
    "forecast",
    "plan",
    "read_charges",
    "read_commitments",
    "read_invoices",
    "read_rules",
    "read_usage",
    "reconcile",
    "session_costs",
]

_HOMES = {
    "Budget": "trueup.budgets.snapshot",
    "Dataset": "trueup.model.dataset",
    "Plan": "trueup.report.plan",
    "Result": "trueup.report.result",
    "Rules": "trueup.model.rules",
    "Table": "trueup.model.table",
    "forecast": "trueup.api",
    "plan": "trueup.api",
    "read_charges": "trueup.focus.charges",
    "read_commitments": "trueup.focus.commitments",
    "read_invoices": "trueup.focus.invoices",
    "read_rules": "trueup.model.rules",
    "read_usage": "trueup.telemetry.usage",
    "reconcile": "trueup.api",
    "session_costs": "trueup.api",
}


def _resolve(name: str) -> object:
    """Import a public name when it is first used, and keep it."""
    if name == "__version__":
        from importlib.metadata import version

        value: object = version("trueup")
    elif name in __all__:
        from importlib import import_module

        value = getattr(import_module(_HOMES.get(name, "trueup.errors")), name)
    else:
        raise AttributeError(f"module 'trueup' has no attribute {name!r}")
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # a type checker would take every misspelt name for a public one
    __getattr__ = _resolve


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Face(ModuleType):
    """Keeps a public function where a subpackage of the same name (reconcile) would replace it.

    Importing a submodule binds its name in the parent package; without this, ``trueup.reconcile``
    would be the function at first and the subpackage after its first call.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name not in __all__ or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
