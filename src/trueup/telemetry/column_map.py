"""Which usage columns a caller may map or fix, by format."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from trueup.errors import ConfigurationError
from trueup.model.schema import INTERRUPTIBLE, METERS
from trueup.telemetry.workbench import NO, USAGE_COLUMNS, WHERE, WHO, YES

OWN = ("source_id", "source_row")
MAPPABLE = tuple(name for name in USAGE_COLUMNS if name not in OWN)
COLUMNS = {"table": (*MAPPABLE, *METERS)}  # all other formats: WHERE and WHO
CONSTANTS = {"table": MAPPABLE, "prometheus": (*WHERE, *WHO, "step", "metric")}
ANY = ((*MAPPABLE, *METERS), (*MAPPABLE, "step", "metric"))  # where the file will tell its format


def check_names(
    format: str | None,  # noqa: A002  the word users know
    columns: Mapping[str, str],
    constants: Mapping[str, str],
) -> None:
    """ConfigurationError that names a key which the format does not know, and those it does."""
    own = (*WHERE, *WHO)
    known = (COLUMNS.get(format, own), CONSTANTS.get(format, own)) if format else ANY
    for where, names, right in zip(
        ("columns", "constants"), (columns, constants), known, strict=True
    ):
        for name in names:
            if name not in right:
                close = get_close_matches(name, right, n=1)
                hint = f"did you mean {close[0]!r}? " if close else ""
                raise ConfigurationError(
                    f"{where}: {name!r} is no column of usage that {format or 'a format'} takes: "
                    f"{hint}it is one of {', '.join(right)}"
                )
    flag = constants.get(INTERRUPTIBLE, NO[0])
    if flag.lower() not in (*YES, *NO):
        raise ConfigurationError(f"constants: {INTERRUPTIBLE} = {flag!r}: it is true or false")
