"""The small files of the command line, for tests of the job as it is called from there."""

from tests.cli.conftest import folder

__all__ = ["folder"]
