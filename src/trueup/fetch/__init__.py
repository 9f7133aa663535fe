"""Asks the providers: retries, bounds, landing, and one failure per provider that cannot answer."""
