"""What the installed adapters know of providers, as the readers use it."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from trueup.adapter.registry import providers
from trueup.focus.distinct import translated
from trueup.model.arrays import whole

ProviderOf = Callable[[str | None], str | None]


def registered_layer(provider: str | None, commitment_type: str) -> str | None:
    """The layer that a provider's adapter declares for a type of commitment, else None."""
    adapter = providers().get(provider or "")
    return None if adapter is None else adapter.layers.get(commitment_type.strip().lower())


class ProviderColumn:
    """Maps a column of names to slugs; each distinct name is asked for once."""

    def __init__(self, provider_of: ProviderOf) -> None:
        self._provider_of = provider_of
        self._known: dict[str | None, str | None] = {}

    def of(self, name: str | None) -> str | None:
        """The slug of one name."""
        if name not in self._known:
            self._known[name] = self._provider_of(name)
        return self._known[name]

    def added(self, rows: pa.Table) -> pa.Table:
        """The rows with x_Provider set from ServiceProviderName."""
        slugs = translated(whole(rows["ServiceProviderName"]), self.of)
        return rows.append_column("x_Provider", slugs)
