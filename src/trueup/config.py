"""``trueup.toml``: what a nightly run reads, how it judges, where the results go.

The file is small, so pydantic checks every key; a mistake names the file, the key, the value and
what would be right. Paths are relative to the file's folder, URLs are as they stand. Numbers are
exact: a bare ``0.05`` is read as a decimal, never as a binary fraction.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic import ValidationInfo as Info

from trueup.adapter.registry import providers as known_providers
from trueup.adapter.registry import telemetry_readers
from trueup.budgets.budget import Alerts, BudgetTerms, Gate
from trueup.errors import ConfigurationError, UsageError
from trueup.fetch.settings import check_settings
from trueup.focus.rule_columns import check_columns
from trueup.model.map_file import with_map_file
from trueup.model.mistakes import close_to, explain, unknown_key
from trueup.model.rate_file import with_rate_file
from trueup.model.rules import Exact, Rules, Strict, read_rules
from trueup.period import Period, parse_instant, parse_period
from trueup.redacted import redacted
from trueup.telemetry.column_map import check_names
from trueup.toml import read_toml

DEFAULT_FILE = "trueup.toml"
_URL = re.compile(r"[a-z][a-z0-9+.-]*(://|::)", re.IGNORECASE)


def is_url(path: str) -> bool:
    """Whether it is a URL (or a chain of them) rather than a path of this machine."""
    return _URL.match(path) is not None


def _period(value: object) -> object:
    """A period in any of its forms; a TOML year or date stands for itself."""
    if value is None or isinstance(value, Period):
        return value
    try:
        return parse_period(str(value) if isinstance(value, int) else value)  # type: ignore[arg-type]  # checked there
    except UsageError as error:
        raise ValueError(str(error)) from error


def _instant(value: object) -> object:
    """An instant in any of its forms; a number is none, whatever pydantic makes of it."""
    if value is None:
        return value
    try:
        return parse_instant(value)  # type: ignore[arg-type]  # checked there
    except UsageError as error:
        raise ValueError(str(error)) from error


def _listed(value: object) -> object:
    """One path is a list of one; one table is a list of one."""
    return [value] if isinstance(value, str | Mapping) else value


class RunSettings(Strict):
    """``[run]``: the period and the clock, the engine, where results go and what is material."""

    period: Annotated[Period | None, BeforeValidator(_period)] = None  # None: all in the files
    as_of: Annotated[datetime | None, BeforeValidator(_instant)] = None  # None: the wall clock
    every: Literal["month", "day"] = "month"  # the periods of `trueup run --due`
    out: str = Field(default="out", min_length=1)  # results go to <out>/<period>/
    engine: Literal["duckdb", "spark"] = "duckdb"
    fail_on_breaks: StrictBool = False  # exit code 1 when there are material breaks
    material_amount: Annotated[Exact | None, Field(ge=0)] = None  # None: as the rules say
    # The evidence of every run.
    workspace: str = Field(default=".trueup", min_length=1, validate_default=True)
    replay: str | None = None  # a folder of recordings, to be played instead of asking

    @field_validator("out", "workspace")
    @classmethod
    def _local(cls, value: str) -> str:
        if is_url(value):
            raise ValueError("it is written to, so it is a folder of this machine: give its path")
        return value

    @field_validator("workspace")
    @classmethod
    def _own(cls, value: str, others: Info) -> str:
        """Results are no evidence: `trueup verify` would take them for what is not trueup's."""
        out = Path(os.path.normpath(others.data.get("out", "out")))
        place = Path(os.path.normpath(value))
        if out == place or place in out.parents:
            raise ValueError(f"results go to {out}, which is in it: give it a folder of its own")
        return value


class Files(Strict):
    """``[[charges]]``, ``[[invoices]]`` ...: files that are read together, under one name."""

    paths: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_listed)] = (
        Field(min_length=1)
    )
    name: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _path(cls, value: object) -> object:
        """``path`` is another way to write ``paths`` where there is one."""
        if not isinstance(value, dict) or "path" not in value:
            return value
        if "paths" in value:
            raise ValueError("give either path or paths, not both")
        return {("paths" if key == "path" else key): item for key, item in value.items()}

    @property
    def title(self) -> str:
        return self.name or redacted(", ".join(self.paths))


class UsageFiles(Files):
    """``[[usage]]``: telemetry files, and how to read them where they do not tell."""

    format: str | None = None  # None: recognised by the content
    columns: Mapping[str, str] = Field(default_factory=dict)  # usage column -> file column
    constants: Mapping[str, str] = Field(default_factory=dict)  # usage column -> fixed value

    @field_validator("format")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        known = list(telemetry_readers())
        if value is None or value in known:
            return value
        raise ValueError(f"{close_to(value, known)}formats are {', '.join(known)}")

    @model_validator(mode="after")
    def _mapped(self) -> Self:
        """An unknown usage column is a mistake of the configuration, whatever the files hold."""
        try:
            check_names(self.format, self.columns, self.constants)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return self


class ProviderSettings(BaseModel):
    """``[providers.<name>]``: whether to fetch from the provider, and what its adapter asks for."""

    model_config = ConfigDict(extra="allow", frozen=True)

    enabled: StrictBool = True

    @property
    def given(self) -> dict[str, Any]:
        """The adapter's own keys."""
        return dict(self.model_extra or {})


class Metrics(Strict):
    """``[metrics]``: where a night's figures go for those who watch over machines."""

    textfile: Annotated[str | None, Field(min_length=1)] = None  # replaced by each night
    otlp: str | None = None  # a collector's address, to which /v1/metrics is added

    @field_validator("textfile")
    @classmethod
    def _local(cls, value: str | None) -> str | None:
        if value is not None and is_url(value):
            raise ValueError("it is a file of this machine: give its path")
        return value

    @field_validator("otlp")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError('it is the address of a collector, as "http://localhost:4318"')
        return value


class Person(Strict):
    """``[[person]]``: who may prepare or approve a close, and the key that proves it is them."""

    name: str = Field(min_length=1)
    public_key: str  # as `trueup key new` prints it
    may: tuple[Literal["prepare", "approve"], ...] = Field(min_length=1)

    @field_validator("public_key")
    @classmethod
    def _a_key(cls, value: str) -> str:
        from trueup.workspace.keys import raw_public

        try:
            raw_public(value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return value


class Controls(Strict):
    """``[controls]``: what needs a second person."""

    write_off_limit: Annotated[Exact | None, Field(ge=0)] = None  # in a break's own currency


def _rules(value: object, info: Info) -> object:
    """Rules stand in the configuration, or in a file of their own."""
    folder = Path(info.context["folder"]) if info.context else Path()
    if isinstance(value, Mapping):
        return with_map_file(with_rate_file(value, folder), folder)
    return read_rules(folder / value) if isinstance(value, str) else value


class Configuration(Strict):
    """A whole ``trueup.toml``, and the folder that its paths start from."""

    file: Path = Field(exclude=True)
    run: RunSettings = RunSettings()
    charges: Annotated[tuple[Files, ...], BeforeValidator(_listed)] = ()
    commitments: Annotated[tuple[Files, ...], BeforeValidator(_listed)] = ()
    usage: Annotated[tuple[UsageFiles, ...], BeforeValidator(_listed)] = ()
    invoices: Annotated[tuple[Files, ...], BeforeValidator(_listed)] = ()
    rules: Annotated[Rules, BeforeValidator(_rules)] = Rules()
    providers: Mapping[str, ProviderSettings] = Field(default_factory=dict)
    person: Annotated[tuple[Person, ...], BeforeValidator(_listed)] = ()
    controls: Controls = Controls()
    budget: Annotated[tuple[BudgetTerms, ...], BeforeValidator(_listed)] = ()
    alerts: Alerts = Alerts()
    metrics: Metrics = Metrics()
    gate: Gate = Gate()

    @field_validator("person")
    @classmethod
    def _apart(cls, value: tuple[Person, ...]) -> tuple[Person, ...]:
        """A name stands for one person, and a key for one."""
        for what in ("name", "public_key"):
            found = [getattr(one, what) for one in value]
            twice = next((one for one in found if found.count(one) > 1), None)
            if twice is not None:
                raise ValueError(f"two persons have the {what.replace('_', ' ')} {twice!r}")
        return value

    @field_validator("budget")
    @classmethod
    def _named_once(cls, value: tuple[BudgetTerms, ...]) -> tuple[BudgetTerms, ...]:
        """What was told of a budget is kept under its name."""
        found = [one.name for one in value]
        twice = next((one for one in found if found.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f"two budgets have the name {twice!r}")
        return value

    @field_validator("providers")
    @classmethod
    def _installed(cls, value: Mapping[str, ProviderSettings]) -> Mapping[str, ProviderSettings]:
        known = list(known_providers())
        for name in value:
            if name not in known:
                raise ValueError(
                    f"no provider is called {name!r}: {close_to(name, known)}"
                    f"known providers are {', '.join(known)}"
                )
            if value[name].given or value[name].enabled:
                check_settings(name, value[name].given)
        return value

    @property
    def folder(self) -> Path:
        return self.file.parent

    @property
    def out(self) -> Path:
        return Path(self.located(self.run.out))

    def located(self, path: str) -> str:
        """The path from the configuration's folder; a URL or an absolute path as it stands."""
        return path if is_url(path) else str(self.folder / Path(path).expanduser())

    @property
    def asked(self) -> dict[str, dict[str, Any]]:
        """The providers that are to be fetched from, with what their adapters need."""
        return {name: one.given for name, one in self.providers.items() if one.enabled}

    def sources(self) -> Iterator[tuple[str, Files]]:
        """Every entry that names files, with its kind, in the order in which they are read."""
        yield from (("charges", entry) for entry in self.charges)
        yield from (("commitments", entry) for entry in self.commitments)
        yield from (("invoices", entry) for entry in self.invoices)
        yield from (("usage", entry) for entry in self.usage)


def read_configuration(file: str | Path) -> Configuration:
    """The configuration in a file; raises ConfigurationError with a line for each mistake."""
    file = Path(file)
    values = _toml(file)
    if "file" in values:
        raise ConfigurationError(unknown_key(str(file), ("file",), Configuration))
    try:
        config = Configuration.model_validate(
            {**values, "file": file}, context={"folder": file.parent}
        )
    except ValidationError as error:
        raise ConfigurationError(explain(str(file), error, Configuration)) from error
    check_columns(config.rules, f"{file}: rules")
    return config


def _toml(file: Path) -> dict[str, Any]:
    try:
        return read_toml(file, str(file))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{file}: there is no such file; name the configuration with -c, or write one with "
            f"`trueup init --out {file}`"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be opened ({error.strerror})") from error
