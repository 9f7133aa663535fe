"""What a run is told: by its command line first, else by the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.config import Configuration

if TYPE_CHECKING:
    from trueup.model.rules import Rules
    from trueup.period import Period
    from trueup.workspace.workspace import Workspace


@dataclass(frozen=True)
class Settings:
    """What a command line may override of ``[run]``; None leaves the configuration's value."""

    period: Period | None = None
    as_of: datetime | None = None
    out: Path | None = None  # exactly this folder, without one for the period in it
    engine: str | None = None
    fail_on_breaks: bool | None = None
    material_amount: Decimal | None = None
    replay: Path | None = None
    due: bool = False  # every period that is due, one after the other
    known_at: datetime | None = None  # what was known then, from the workspace; nothing is asked


def workspace_of(config: Configuration) -> Workspace:
    """The workspace that the configuration names; it need not exist yet."""
    from trueup.workspace.workspace import Workspace

    return Workspace(Path(config.located(config.run.workspace)))


def replay_of(config: Configuration, settings: Settings) -> Path | None:
    """The folder of recordings that are played instead of asking, if any."""
    named = config.run.replay and Path(config.located(config.run.replay))
    return settings.replay or named or None


def clock_of(config: Configuration, settings: Settings) -> datetime:
    """The instant that the run is known at."""
    return settings.as_of or config.run.as_of or datetime.now(UTC)


def rules_of(config: Configuration, settings: Settings) -> Rules:
    """The configuration's rules; a material amount of the command line or of [run] goes first."""
    for amount in (settings.material_amount, config.run.material_amount):
        if amount is not None:
            return config.rules.model_copy(update={"material_amount": amount})
    return config.rules
