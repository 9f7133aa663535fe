"""Settings of all tests: how hypothesis draws, what needs a browser or Java, what a skip means."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

import tests.offline.sitecustomize  # noqa: F401  from here on nothing reaches the network
from tests.untraced import suspend_in_libraries
from trueup.cli import collect_seldom

suspend_in_libraries()

settings.register_profile(
    "ci",
    derandomize=True,  # the same draws everywhere: a failure is there for everyone
    deadline=None,  # shared machines are slow at times; the budgets are in tox.ini
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile(  # any failure will do: to look for the smallest takes minutes
    "mutants", settings.get_profile("ci"), database=None, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

collect_seldom()

TESTS = Path(__file__).parent
# Folders and files of whole runs over worlds: to measure their lines takes time and says nothing.
WHOLE_RUNS = tuple(
    str(TESTS / name)
    for name in (
        "complaints/",
        "engine/test_same_answers.py",
        "seeds/",
        "soak/",
        "test_recordings.py",
        "test_recovery.py",
        "test_worked_hour.py",
        "workspace/test_sequences.py",
    )
)

LONGEST = "test_sequences.py"

# Marker -> the variable that turns a skip of such a test into a failure.
REQUIRED_BY = {"browser": "TRUEUP_REQUIRE_CHROMIUM", "spark": "TRUEUP_REQUIRE_JAVA"}


def chromium() -> str | None:
    """The path of the Chromium that is installed; nothing is ever downloaded."""
    named = os.environ.get("TRUEUP_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


def missing(marker: str) -> str | None:
    """Why tests with this marker cannot run here, or None."""
    if marker == "browser" and chromium() is None:
        return "no Chromium here (apt-get install chromium, or set TRUEUP_CHROMIUM)"
    if marker == "spark" and shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        return "no Java here (apt-get install default-jre-headless)"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here, each with its reason; do not measure the lines of whole runs."""
    for item in items:
        if str(item.path).startswith(WHOLE_RUNS):
            item.add_marker(pytest.mark.no_cover)
    items.sort(key=lambda item: item.path.name != LONGEST)  # so that no worker waits for it
    for marker in REQUIRED_BY:
        reason = missing(marker)
        if reason is not None:
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where the run says that nothing may be missing."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        for marker, variable in REQUIRED_BY.items():
            if item.get_closest_marker(marker) and os.environ.get(variable) == "1":
                report.outcome = "failed"
                report.longrepr = f"skipped, but {variable}=1 requires it: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The executable that browser tests start."""
    path = chromium()
    if path is None:
        pytest.skip("no Chromium here")
    return path


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder that holds pyproject.toml."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data(root: Path) -> Path:
    """Real data that may lie beside the repository; tests skip without it."""
    folder = Path(os.environ.get("TRUEUP_SHARED", root.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (set TRUEUP_SHARED)")
    return folder
