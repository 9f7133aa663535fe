"""The verifier's own Ed25519 and canonical JSON, against the libraries that trueup signs by."""

from __future__ import annotations

import ast
import base64
import sys
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.controls import pack_verifier
from trueup.controls.pack_verifier import ORDER, canonical, one_spelling, signed
from trueup.workspace.keys import Key

SEEDS = st.binary(min_size=32, max_size=32)


def key_of(seed: bytes) -> Key:
    return Key(Ed25519PrivateKey.from_private_bytes(seed))


@given(SEEDS, st.binary(max_size=200))
@settings(max_examples=15, deadline=None)
def test_genuine_signatures_hold(seed: bytes, message: bytes) -> None:
    """Whatever `cryptography` signs, by any key, the verifier finds genuine."""
    key = key_of(seed)
    assert signed(key.public, key.sign(message), message)


@given(SEEDS, st.binary(min_size=1, max_size=60), st.integers(0, 511))
@settings(max_examples=15, deadline=None)
def test_a_changed_bit_is_found(seed: bytes, message: bytes, bit: int) -> None:
    """One bit of the signature, of the message or another key: not genuine."""
    key = key_of(seed)
    value = bytearray(base64.b64decode(key.sign(message)))
    value[bit // 8] ^= 1 << bit % 8
    assert not signed(key.public, base64.b64encode(value).decode(), message)
    other = bytes([message[0] ^ 1, *message[1:]])
    assert not signed(key.public, key.sign(message), other)
    assert not signed(key_of(bytes(32)).public, key_of(bytes([1] * 32)).sign(message), message)


def test_the_first_example_of_rfc_8032() -> None:
    """Section 7.1, test 1: the empty message under the published key."""
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    value = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
        "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    key = pack_verifier.KEY_PREFIX + base64.b64encode(public).decode()
    assert signed(key, base64.b64encode(value).decode(), b"")
    more = int.from_bytes(value[32:], "little") + ORDER  # the same scalar, written another way
    again = value[:32] + more.to_bytes(32, "little")
    assert not signed(key, base64.b64encode(again).decode(), b"")


def test_what_is_no_key_or_signature_is_not_genuine() -> None:
    """Other lengths, other letters, and 32 bytes that are no point of the curve."""
    key = key_of(bytes(32))
    good = key.sign(b"x")
    no_point = pack_verifier.KEY_PREFIX + base64.b64encode(bytes([2, *[0] * 31])).decode()
    for public, signature in (
        ("ed25519:AAAA", good),
        (no_point, good),
        (key.public, "AAAA"),
        (key.public, "not base64!"),
    ):
        assert not signed(public, signature, b"x")


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=10,
)


@given(VALUES)
def test_json_is_spelt_as_the_journal_spells_it(value: Any) -> None:
    """Whatever a journal may hold, down to keys beyond the basic plane, is spelt as RFC 8785 says."""
    assert canonical(value) == rfc8785.dumps(value)


def test_it_needs_python_alone() -> None:
    """Every import of the verifier is of the standard library."""
    tree = ast.parse(Path(pack_verifier.__file__).read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Head  Controller ", "head controller", True),
        ("Jos\u00e9", "Jose\u0301", True),
        ("Head\u00a0Controller", "Head Controller", True),
        ("Preparer", "Preparers", False),
    ],
)
def test_a_name_is_one_however_it_is_spelt(one: str, other: str, same: bool) -> None:
    """Case, spaces and composed letters make no other person of a name."""
    assert (one_spelling(one) == one_spelling(other)) is same
