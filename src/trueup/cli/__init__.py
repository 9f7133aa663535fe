"""The command line: ``trueup COMMAND``. Each command is imported only when it is called."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command line of this process and exit."""
    from trueup.cli.app import app

    collect_seldom()
    app(prog_name="trueup")


def collect_seldom() -> None:
    """Have Python look for cycles of references less often, from here on in this process.

    Expressions are many small objects: as often as by default it takes a sixth of the time.
    """
    gc.set_threshold(50_000, 20, 50)
