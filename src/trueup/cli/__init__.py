"""The command line: ``trueup COMMAND``. Each command is imported only when it is called."""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process and exit."""
    import gc

    from trueup.cli.app import app

    # Expressions are many small objects: looking for cycles among them as often as by default
    # takes a sixth of the time.
    gc.set_threshold(50_000, 20, 50)
    app(prog_name="trueup")
