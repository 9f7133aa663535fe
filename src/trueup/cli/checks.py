"""What ``trueup doctor`` looks at. Every check only looks: nothing is written, sent or changed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from re import match
from typing import TYPE_CHECKING

from trueup.errors import TrueupError
from trueup.period import iso

if TYPE_CHECKING:
    from trueup.adapter.provider import ProviderAdapter
    from trueup.config import Configuration, Files

OK, WARN, FAIL, OFF = "ok", "warn", "fail", "off"
PYTHON_MIN = (3, 11)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, what was found, and what to do about it."""

    subject: str
    status: str  # ok | warn | fail | off (not needed for what is configured)
    found: str
    remedy: str = ""


def machine(config: Configuration | None, environment: Mapping[str, str]) -> Iterator[Check]:
    """Python, packages and engines."""
    running = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info >= PYTHON_MIN:
        yield Check("Python", OK, running)
    else:
        yield Check("Python", FAIL, running, "use Python 3.11 or later")
    yield from _packages()
    for module in ("duckdb", "ibis"):
        yield _engine_part(module)
    wanted = config is not None and config.run.engine == "spark"
    yield _spark(wanted, environment)


def _packages() -> Iterator[Check]:
    found, missing = [f"trueup {version('trueup')}"], []
    for requirement in requires("trueup") or ():
        name = match(r"[A-Za-z0-9._-]+", requirement)
        if name is None or "extra ==" in requirement:
            continue
        try:
            found.append(f"{name[0]} {version(name[0])}")
        except PackageNotFoundError:
            missing.append(name[0])
    yield Check("packages", OK, ", ".join(found))
    for package in missing:
        yield Check("packages", FAIL, f"{package} is missing", f"pip install {package}")


def _engine_part(module: str) -> Check:
    try:
        import_module(module)
    except ImportError as error:
        return Check(f"engine {module}", FAIL, str(error), "pip install --force-reinstall trueup")
    return Check(f"engine {module}", OK, "imports")


def _spark(wanted: bool, environment: Mapping[str, str]) -> Check:
    home = environment.get("JAVA_HOME")
    java = shutil.which("java") or (home and shutil.which("java", path=str(Path(home) / "bin")))
    lacking = [] if _installed("pyspark") else ["pip install 'trueup[spark]'"]
    lacking += [] if java else ["install Java 17 and set JAVA_HOME"]
    if not lacking:
        return Check("engine spark", OK, f"pyspark {version('pyspark')}, Java at {java}")
    found = " and ".join(
        name for name, there in (("pyspark", _installed("pyspark")), ("Java", java)) if not there
    )
    remedy = "; ".join(lacking) if wanted else f"only for --engine spark: {'; '.join(lacking)}"
    return Check("engine spark", FAIL if wanted else OFF, f"without {found}", remedy)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ModuleNotFoundError, ValueError):  # a parent package is missing, or has no spec
        return False


def clouds(config: Configuration | None, environment: Mapping[str, str]) -> Iterator[Check]:
    """Each provider's SDK, and which of its credential variables are set; never their values."""
    from trueup.adapter.registry import providers

    asked = {} if config is None else config.asked
    played = config is not None and config.run.replay is not None
    for name, adapter in providers().items():
        yield _sdk(adapter, name in asked)
        yield _credentials(adapter, name in asked and not played, environment)


def _sdk(adapter: ProviderAdapter, wanted: bool) -> Check:
    missing = [module for module in adapter.sdk_modules if not _installed(module)]
    if not missing:
        return Check(f"{adapter.name} SDK", OK, ", ".join(adapter.sdk_modules))
    wanting = f"'trueup[{adapter.extra}]'" if adapter.extra else ", ".join(missing)
    remedy = f"pip install {wanting}"
    remedy = remedy if wanted else f"files need none; else {remedy}"
    found = f"without {', '.join(missing)}"
    return Check(f"{adapter.name} SDK", FAIL if wanted else OFF, found, remedy)


def _credentials(adapter: ProviderAdapter, wanted: bool, environment: Mapping[str, str]) -> Check:
    subject = f"{adapter.name} credentials"
    there = [name for name in adapter.credential_variables if environment.get(name)]
    if there:
        return Check(subject, OK, f"set: {', '.join(there)}")
    if not wanted:
        return Check(subject, OFF, "no variable is set", "files need none")
    known = ", ".join(adapter.credential_variables)
    remedy = f"a profile or the machine's own identity may do; else set those that apply of {known}"
    return Check(subject, WARN, "no variable is set", remedy)


def configured(config: Configuration) -> Iterator[Check]:
    """What a configuration names: its files, and the folder for the results."""
    from trueup.job.folder import why_not_writable

    if not config.charges and not config.asked:
        yield Check("charges", FAIL, "none configured", "add a [[charges]] entry with its paths")
    for kind, entry in config.sources():
        for path in entry.paths:
            yield _path(config, kind, entry, path)
    if config.run.as_of is not None:
        found = f"run.as_of: every run is as of {iso(config.run.as_of)}"
        yield Check("clock", WARN, found, "a nightly job goes by the machine's clock: leave it out")
    if not config.usage:
        yield Check("usage", WARN, "none configured", "without [[usage]] no drift is found")
    yield from _recordings(config)
    yield from _alerts(config)
    yield from _metrics(config)
    refusal = why_not_writable(config.out)
    if refusal:
        yield Check("out", FAIL, f"{config.out}: {refusal}", "choose another folder")
    else:
        yield Check("out", OK, f"{config.out} can be written")


def _recordings(config: Configuration) -> Iterator[Check]:
    """What is played instead of asking: whether something of each provider is there."""
    from trueup.fetch.cassette.provenance import cases
    from trueup.fetch.providers import NOT_RECORDED, to_record

    if config.run.replay is None or not config.asked:
        return
    folder = config.located(config.run.replay)
    try:
        recorded = cases(Path(folder))
    except TrueupError as error:
        yield Check("replay", FAIL, str(error), "name the folder of recordings under [run] replay")
        return
    for provider in config.asked:
        if provider in recorded:
            yield Check("replay", OK, f"{provider}: {recorded[provider]}")
        else:
            yield Check("replay", FAIL, f"{provider}: {NOT_RECORDED}", to_record(provider))


def _alerts(config: Configuration) -> Iterator[Check]:
    """Where crossings of budgets are told: whether that can be sent to; nothing is sent."""
    from trueup.budgets.notify import destinations, service

    for to in destinations(config.alerts.urls, os.environ):
        try:
            found = service(to)
        except TrueupError as error:
            yield Check("alerts", FAIL, f"{to.name}: cannot be told", str(error))
            continue
        if isinstance(found, str):
            yield Check("alerts", FAIL, f"{to.name}: {found}", to.remedy)
        else:
            yield Check("alerts", OK, f"{to.name}: a URL that Apprise understands")


def _metrics(config: Configuration) -> Iterator[Check]:
    """What a night's metrics are handed on by, and whether the text file can be written."""
    from trueup.job.folder import why_not_writable

    wanted = {
        "prometheus_client": config.metrics.textfile,
        "opentelemetry": config.metrics.otlp,
    }
    for module in (module for module, to in wanted.items() if to and not _installed(module)):
        yield Check("metrics", FAIL, f"without {module}", "pip install 'trueup[metrics]'")
    if config.metrics.textfile is not None:
        folder = Path(config.located(config.metrics.textfile)).parent
        why = why_not_writable(folder) if folder.exists() else f"there is no folder {folder}"
        if why is None:
            yield Check("metrics", OK, f"{folder} can be written")
        else:
            yield Check("metrics", FAIL, why, "the file's folder has to be there")


def _path(config: Configuration, kind: str, entry: Files, path: str) -> Check:
    """Every file of one path: there, readable, and recognised by its beginning."""
    from trueup.config import is_url
    from trueup.focus.landing import expand

    if is_url(path):
        return Check(kind, WARN, f"{path}: a URL, which is not fetched here", "run to see")
    try:
        files = expand(config.located(path))
        formats = {_format(kind, entry, file) for file in files}
    except TrueupError as error:
        return Check(kind, FAIL, str(error), f"correct the file or its [[{kind}]] entry")
    unreadable = [file for file in files if not os.access(file, os.R_OK)]
    if unreadable:
        found = f"{unreadable[0]}: no permission to read"
        return Check(kind, FAIL, found, "change its permissions")
    count = "1 file" if len(files) == 1 else f"{len(files):,} files"
    return Check(kind, OK, f"{config.located(path)}: {count}, {', '.join(sorted(formats))}")


def _format(kind: str, entry: Files, file: str) -> str:
    """What a file is; raises SourceError where no reader is made for it."""
    if kind == "charges":
        return _charges_format(file)
    if kind == "commitments":
        return _commitments_format(file)
    if kind == "invoices":
        from trueup.focus.invoices import format_of

        return format_of(file, Path(file))
    return _usage_format(entry, file)


def _charges_format(file: str) -> str:
    from trueup.focus.landing import Landed
    from trueup.focus.native import NativeFile, as_focus
    from trueup.focus.raw import open_raw
    from trueup.focus.recognition import recognise

    found = as_focus(open_raw(Landed(file, Path(file), "", 0)))  # its hash is not needed to look
    if isinstance(found, NativeFile):
        return found.format
    return recognise(file, found.header, "Cost and Usage", Path(file)).format


def _commitments_format(file: str) -> str:
    """Contracts are small: they are read as a whole."""
    from trueup.focus.commitments import read_commitments

    return ", ".join(sorted({row["format"] for row in read_commitments(file).sources.rows()}))


def _usage_format(entry: Files, file: str) -> str:
    from trueup.adapter.registry import telemetry_readers
    from trueup.adapter.telemetry import UsageSource
    from trueup.config import UsageFiles
    from trueup.errors import SourceError

    if isinstance(entry, UsageFiles) and entry.format is not None:
        return entry.format
    columns = dict(entry.columns) if isinstance(entry, UsageFiles) else {}
    source = UsageSource(0, file, Path(file), columns)
    for name, reader in telemetry_readers().items():
        if reader.recognises(source):
            return name
    known = ", ".join(telemetry_readers())
    raise SourceError(file, f"not recognised; say its format, one of {known}")
