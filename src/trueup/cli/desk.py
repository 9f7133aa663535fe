"""What the commands that read and write the journal share: workspace, clock, the entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from trueup.config import Configuration
    from trueup.controls.principal import Actor
    from trueup.model.rules import Rules
    from trueup.workspace.workspace import Workspace

NEVER_RUN = "This workspace has never run: `trueup run` fills it."
UNPROVED = (
    "Nobody signed this: without a key (--key FILE, and a [[person]] in trueup.toml) it is no "
    "evidence of who acted."
)
key = click.option(
    "--key",
    type=click.Path(),
    metavar="FILE",
    help="Your signing key, as `trueup key new` made it; it says who acts.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


@dataclass(frozen=True)
class Desk:
    """A configuration and the workspace that it names."""

    config: Configuration
    workspace: Workspace

    @property
    def clock(self) -> datetime:
        """The configuration's clock, else now."""
        return self.config.run.as_of or datetime.now(UTC)

    @property
    def rules(self) -> Rules:
        return self.config.rules

    def actor(self, key_file: str | None) -> Actor:
        """Whoever gives the command."""
        from trueup.controls.principal import actor_of

        return actor_of(self.config.person, key_file)

    def append(self, kind: str, body: Mapping[str, Any], actor: Actor) -> None:
        """Add an entry to the journal, signed where the actor has a key, and say who acted."""
        now = datetime.now(UTC).replace(microsecond=0)
        self.workspace.journal.append(kind, now, body, actor.signer)
        if actor.signer is None:
            click.echo(UNPROVED)


def desk_of(file: str) -> Desk:
    """The desk of a configuration; raises ConfigurationError."""
    from trueup.config import read_configuration
    from trueup.job.settings import workspace_of

    config = read_configuration(file)
    return Desk(config, workspace_of(config))


def reading(file: str) -> Desk:
    """The desk of a command that shows what runs know; partial ones among them are told of."""
    from trueup.job.folder import folder_name
    from trueup.period import Period
    from trueup.workspace.newest import newest_runs

    found = desk_of(file)
    for run in newest_runs(found.workspace.runs()):
        if run.partial:
            name = folder_name(Period(run.start, run.end))
            text = (
                f"Note: {name} is of {run.run_id}, a partial run: what it could not read is in no"
            )
            click.echo(f"{text} figure below.", err=True)
    return found
