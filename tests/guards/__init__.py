"""Guards against faults, each taken away once to see that a test fails: ``tox -e guards``."""
