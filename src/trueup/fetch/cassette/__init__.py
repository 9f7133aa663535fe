"""Recorded exchanges with providers: kept without secrets or real ids, played back strictly."""
