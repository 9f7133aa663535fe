"""Who acts: a person bound to a signing key, or a name that nothing proves."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from trueup.controls.pack_verifier import one_spelling
from trueup.errors import UsageError

if TYPE_CHECKING:
    from trueup.workspace.keys import Key

PREPARE, APPROVE = "prepare", "approve"


class Person(Protocol):
    """``[[person]]``: a name, the key that proves it, and what the person may do."""

    @property
    def name(self) -> str: ...

    @property
    def public_key(self) -> str: ...

    @property
    def may(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Principal:
    """A name and, where the person signed, the public key that proves it."""

    name: str
    key: str | None = None

    @property
    def text(self) -> str:
        """The name as reports show it: one that no key proves says so."""
        return self.name if self.key else f"{self.name} (unauthenticated)"

    def body(self) -> dict[str, str]:
        """What the journal keeps; ``key`` stands only in entries that are signed."""
        return {"by": self.name, **({"key": self.key} if self.key else {})}

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Principal:
        return cls(body["by"], body.get("key"))

    def same_as(self, other: Principal) -> bool:
        """Whether both may be one person: by name, however it is spelt, or by key."""
        named = one_spelling(self.name) == one_spelling(other.name)
        return named or (self.key is not None and self.key == other.key)


@dataclass(frozen=True)
class Actor:
    """Whoever gave a command, with the key to sign by and what trueup.toml lets them do."""

    principal: Principal
    signer: Key | None = None
    may: frozenset[str] = frozenset()

    def must(self, what: str, doing: str, persons: Sequence[Person]) -> None:
        """Raise UsageError unless this actor may; where no person is bound to a key, all may."""
        if what in self.may or not persons:
            return
        names = ", ".join(one.name for one in persons if what in one.may) or "nobody yet"
        who = self.principal.text
        raise UsageError(
            f"{doing} needs the key of a person who may {what}, and {who} has given none such; "
            f"those persons of trueup.toml are: {names}; give the key with --key FILE"
        )


def actor_of(persons: Sequence[Person], key_file: str | Path | None) -> Actor:
    """The person whose key is in a file, else the user of this machine, unauthenticated.

    Raises UsageError for a key that is bound to nobody.
    """
    if key_file is None:
        return Actor(Principal(getpass.getuser()))
    from trueup.workspace.keys import load_key

    key = load_key(Path(key_file).expanduser())
    for person in persons:
        if person.public_key == key.public:
            return Actor(Principal(person.name, key.public), key, frozenset(person.may))
    raise UsageError(
        f"{key_file}: this key is bound to no person; add a [[person]] to trueup.toml with "
        f'name, public_key = "{key.public}" and may = ["prepare"] or ["approve"]'
    )
