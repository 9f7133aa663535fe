"""The worlds of many seeds, reconciled by trueup and judged by their own answers."""
