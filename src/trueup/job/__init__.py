"""The nightly job: what it is told, what it does, how it ended."""
