"""The command line: ``trueup COMMAND``. Each command is imported only when it is called."""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process and exit."""
    from trueup.cli.app import app

    app(prog_name="trueup")
