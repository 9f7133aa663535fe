"""The tests of trueup; folders mirror those of the source."""
