"""For those who write an adapter: a conformance suite for it and its recordings."""
