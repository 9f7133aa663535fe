"""Who decided: a person bound to a signing key, or a name that nothing proves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Principal:
    """A name and, where the person signed, the public key that proves it."""

    name: str
    key: str | None = None

    @property
    def text(self) -> str:
        """The name as reports show it: one that no key proves says so."""
        return self.name if self.key else f"{self.name} (unauthenticated)"

    def body(self) -> dict[str, Any]:
        return {"name": self.name, "key": self.key}

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Principal:
        return cls(body["name"], body["key"])

    def same_as(self, other: Principal) -> bool:
        """Whether both may be one person: by name, whatever its case, or by key."""
        named = self.name.strip().casefold() == other.name.strip().casefold()
        return named or (self.key is not None and self.key == other.key)
