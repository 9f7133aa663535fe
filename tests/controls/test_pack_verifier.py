"""The verifier's own Ed25519 and canonical JSON, against the libraries that trueup signs by."""

from __future__ import annotations

import ast
import base64
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.controls.packed import KEYS, RESULT, Pack, line_of, sealed
from trueup.controls import pack_verifier
from trueup.controls.pack_verifier import (
    JOURNAL,
    MANIFEST,
    NO_EVIDENCE,
    ORDER,
    canonical,
    one_spelling,
    sha256,
    signed,
    verified,
)
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


@pytest.mark.parametrize("pack", [Pack(), Pack(approve_kind=None)])
def test_a_pack_by_hand_holds(pack: Pack) -> None:
    """What the tests below spoil is whole before, approved or only prepared."""
    assert verified(pack.members()) == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "is missing"),
        (b"{", "was changed: it is no JSON any more"),
        (b"[]\n", "was changed: it is not spelt as it was written"),
        (b'{"a": 1}\n', "was changed: it is not spelt as it was written"),
        (b'{"a":1,"sha256":"0"}\n', "was changed: its own hash is another"),
    ],
)
def test_a_manifest_that_is_none_is_named(content: bytes | None, what: str) -> None:
    """Taken away, cut, a list, spelt with a space, or with another hash of its own."""
    members = Pack().members()
    del members[MANIFEST]
    if content is not None:
        members[MANIFEST] = content
    assert verified(members) == [(MANIFEST, what)]


def test_members_that_are_missing_and_came_in_are_named() -> None:
    """The report was taken away, and a letter lies in the pack."""
    members = Pack().members()
    del members["report.html"]
    members["letter.txt"] = b"hello"
    assert verified(members) == [
        ("report.html", "is missing"),
        ("letter.txt", "is not of this pack"),
    ]


def forged(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What is found in a pack whose journal was exchanged, with a manifest that fits it."""
    members = Pack().members()
    members[JOURNAL] = b"".join(map(line_of, entries))
    manifest = json.loads(members[MANIFEST])
    del manifest["sha256"]
    manifest["files"][JOURNAL] = sha256(members[JOURNAL])
    return verified(members | {MANIFEST: sealed(manifest)})


def test_a_broken_chain_is_named_by_its_entry() -> None:
    """Another body under the same hash; an entry left out; entries that change their places."""
    one, two, three = (json.loads(line) for line in Pack().members()[JOURNAL].splitlines())
    changed = "entry 2 was changed: its hash is another"
    assert forged([one, {**two, "at": "2026-11-21T00:00:00+00:00"}, three]) == [(JOURNAL, changed)]
    follows = "entry {} does not follow the one before it"
    assert forged([one, three]) == [(JOURNAL, follows.format(2))]
    assert forged([two, one, three]) == [(JOURNAL, follows.format(1))]
    assert forged([{"number": 1}]) == [(JOURNAL, "is not as one is written (KeyError: 'kind')")]


def test_a_forged_pack_of_another_form_is_named() -> None:
    """A manifest without its files, and breaks that are no rows: findings, no traceback."""
    assert verified(Pack().members() | {MANIFEST: sealed({"head": "0"})}) == [
        (MANIFEST, "is not as one is written (KeyError: 'files')")
    ]
    members = Pack().members()
    manifest = json.loads(members[MANIFEST])
    del manifest["sha256"]
    members["breaks.json"] = line_of([1])
    manifest["files"]["breaks.json"] = sha256(members["breaks.json"])
    [(place, what)] = verified(members | {MANIFEST: sealed(manifest)})
    assert (place, what.split(" (")[0]) == ("the pack", "is not as one is written")
    deep = b"[" * 100_000
    assert verified(members | {MANIFEST: deep}) == [
        (MANIFEST, "was changed: it is no JSON any more")
    ]


def test_what_was_found_before_a_figure_of_another_form_stays() -> None:
    """A break was altered, and an identity has no amount: both are said."""
    pack = Pack(break_row={"state": "explained"}, result={"identity": [{"currency": "USD"}]})
    [(one, what), (other, form)] = verified(pack.members())
    assert (one, what) == ("breaks.json", "b1 is not decided as the journal says")
    assert (other, form) == ("the pack", "is not as one is written (KeyError: 'billed')")


def test_a_signature_that_is_not_of_its_key_is_named() -> None:
    """None where a key is named, one where none is, and one of another key."""
    one, two, three = (json.loads(line) for line in Pack().members()[JOURNAL].splitlines())
    unsigned = {name: value for name, value in two.items() if name != "signature"}
    lacks = "entry {} lacks its signature, or has one too many"
    assert forged([one, unsigned, three]) == [(JOURNAL, lacks.format(2))]
    more = {**one, "signature": two["signature"]}
    assert forged([more, two, three]) == [(JOURNAL, lacks.format(1))]
    other = "entry 2 has a signature that is not of its key"
    assert forged([one, {**two, "signature": three["signature"]}, three]) == [(JOURNAL, other)]
    approver = KEYS["Approver"]
    genuine = {"key": approver.public, "value": approver.sign(two["hash"].encode())}
    assert forged([one, {**two, "signature": genuine}, three]) == [(JOURNAL, other)]


@pytest.mark.parametrize(
    ("pack", "found"),
    [
        (
            Pack(manifest={"head": "0"}),
            [
                (JOURNAL, "does not end where the manifest says"),
                (MANIFEST, "head is not what the journal says"),
            ],
        ),
        (Pack(manifest={"close": "0"}), [(JOURNAL, "does not hold the preparation")]),
        (Pack(manifest={"run": "run-0002"}), [(JOURNAL, "does not hold the run")]),
        (Pack(close={"run": "run-0002"}), [(JOURNAL, "the preparation is not of this run")]),
        (
            Pack(close={"hashes": {"result": "bb"}}),
            [(JOURNAL, "the preparation is not bound to the figures of the run")],
        ),
        (Pack(approve={"close": "0"}), [(JOURNAL, "the approval is not of this preparation")]),
        (
            Pack(approve={"hashes": {"result": "bb"}}),
            [(JOURNAL, "the approval is not of this preparation")],
        ),
    ],
)
def test_a_close_that_the_journal_does_not_hold(pack: Pack, found: list[tuple[str, str]]) -> None:
    """Head, preparation, run and approval are the journal's, and bound to the same figures."""
    assert verified(pack.members()) == found


def test_a_preparation_or_approval_that_is_none_is_named() -> None:
    """What the manifest calls so is an entry of another kind: the run, or a note."""
    run = json.loads(Pack().members()[JOURNAL].splitlines()[0])
    found = verified(Pack(manifest={"close": run["hash"]}).members())
    assert found[0] == (JOURNAL, "does not hold the preparation")
    found = verified(Pack(approve_kind="note").members())
    assert found[0] == (JOURNAL, "does not hold the approval")


def test_one_person_is_not_two() -> None:
    """The approver's name differs from the preparer's in its case alone."""
    pack = Pack(close={"by": "Approver", "key": KEYS["Approver"].public})
    pack.manifest = {"segregated": False, "segregation": NO_EVIDENCE}
    assert verified(pack.members()) == [(JOURNAL, "one person prepared and approved")]


@pytest.mark.parametrize(
    ("pack", "member", "what"),
    [
        (Pack(run={"outputs": {}}), "report.html", "is not what the run wrote"),
        (Pack(run={"settings": "0"}), "settings.json", "is not what the run was given"),
        (Pack(run={"inputs": []}), "sources.json", "is not what the journal says"),
        (
            Pack(totals={"rejected": 2}),
            "control_totals.json",
            "oct.csv: rows in are not accepted + rejected",
        ),
        (
            Pack(result={"breaks": []}),
            "breaks.json",
            "are not the breaks of the result",
        ),
        (
            Pack(break_row={"state": "explained"}),
            "breaks.json",
            "b1 is not decided as the journal says",
        ),
    ],
)
def test_a_member_that_contradicts_another_is_named(pack: Pack, member: str, what: str) -> None:
    """3 rows in are not 2 accepted + 2 rejected; what the run read and wrote is in the journal."""
    assert (member, what) in verified(pack.members())


def test_rows_that_nobody_counted_are_no_contradiction() -> None:
    """A source whose rows are not known has no total to hold."""
    assert verified(Pack(totals={"rows_in": None}).members()) == []


@pytest.mark.parametrize("name", ["identity", "billed_identity"])
def test_an_identity_that_does_not_add_up_is_named(name: str) -> None:
    """10.01 billed is not 8.50 + 1.50."""
    pack = Pack(result={name: [{**RESULT[name][0], "billed": "10.01"}]})
    assert verified(pack.members()) == [("result.json", f"{name} in USD does not add up")]


def test_what_cannot_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path to nothing, and a file that is no zip: one sentence, exit 1."""
    (tmp_path / "letter.zip").write_text("hello", encoding="utf-8")
    for name, reason in (("gone.zip", "No such file"), ("letter.zip", "not a zip file")):
        assert pack_verifier.main([str(tmp_path / name)]) == 1
        said = capsys.readouterr().out
        assert said.startswith(f"{tmp_path / name}: cannot be read: ")
        assert reason in said


@pytest.mark.parametrize("own", [True, False], ids=["its copy in the pack", "with an argument"])
def test_it_is_a_program_of_its_own(
    own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It looks at the folder that is given, else at its own: a whole pack, 0; spoiled, 1."""
    members, source = Pack().members(), Path(pack_verifier.__file__).read_bytes()
    manifest = json.loads(members[MANIFEST])
    del manifest["sha256"]
    manifest["files"]["verify.py"] = sha256(source)
    for name, content in (members | {"verify.py": source, MANIFEST: sealed(manifest)}).items():
        (tmp_path / name).write_bytes(content)
    program = str(tmp_path / "verify.py" if own else pack_verifier.__file__)
    monkeypatch.setattr(sys, "argv", ["verify.py"] if own else ["verify.py", str(tmp_path)])
    for code, last in ((0, f"head {manifest['head']}"), (1, "report.html: is missing")):
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(program, run_name="__main__")
        assert (ended.value.code, capsys.readouterr().out.splitlines()[-1]) == (code, last)
        (tmp_path / "report.html").unlink(missing_ok=True)
