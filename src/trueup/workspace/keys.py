"""Signing keys bound to persons: Ed25519, kept in a file that only its owner reads."""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREFIX = "ed25519:"
PASSPHRASE = "TRUEUP_KEY_PASSPHRASE"  # noqa: S105  the variable's name


@dataclass(frozen=True)
class Key:
    """A private key; ``public`` is what trueup.toml binds to a person."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> str:
        return PREFIX + base64.b64encode(self.private.public_key().public_bytes_raw()).decode()

    def sign(self, message: bytes) -> str:
        """The signature of a message, in base64."""
        return base64.b64encode(self.private.sign(message)).decode()


def new_key(path: Path) -> Key:
    """Make a key and write it to a file that must not be there yet.

    PEM, PKCS #8, mode 0600; encrypted where TRUEUP_KEY_PASSPHRASE is set. Raises UsageError.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Key(Ed25519PrivateKey.generate())
    phrase = _passphrase()
    content = key.private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(phrase) if phrase else serialization.NoEncryption(),
    )
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise UsageError(f"{path}: is there already; a key is never overwritten") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error
    return key


def load_key(path: str | Path) -> Key:
    """The key in a file; UsageError where there is none, or the passphrase does not fit."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        found = serialization.load_pem_private_key(Path(path).read_bytes(), _passphrase())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"{path}: is no key, or {PASSPHRASE} does not fit it; make one with `trueup key new`"
        ) from error
    if not isinstance(found, Ed25519PrivateKey):
        raise UsageError(f"{path}: is a key of another kind; make one with `trueup key new`")
    return Key(found)


def verified(public: str, signature: str, message: bytes) -> bool:
    """Whether the signature is that key's of that message."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(raw_public(public))
        key.verify(base64.b64decode(signature, validate=True), message)
    except (InvalidSignature, ConfigurationError, binascii.Error, ValueError):
        return False
    return base64.b64encode(base64.b64decode(signature)).decode() == signature


def raw_public(text: str) -> bytes:
    """The 32 bytes of a public key's text; ConfigurationError where it is none."""
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raw = b""
    canonical = PREFIX + base64.b64encode(raw).decode()
    if len(raw) != 32 or canonical != text:
        raise ConfigurationError(
            f"{text!r} is no public key: it is written {PREFIX} and 44 characters, as "
            "`trueup key new` prints it"
        )
    return raw


def _passphrase() -> bytes | None:
    return os.environ[PASSPHRASE].encode() if os.environ.get(PASSPHRASE) else None
