"""Measures trueup against rivals on data made by seed; run as ``python -m benchmarks``."""
