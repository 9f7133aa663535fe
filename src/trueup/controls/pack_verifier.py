"""Checks a close pack with nothing but Python's standard library (3.11 or later).

    python -I verify.py [FOLDER or FILE.zip]

Without an argument it checks the folder that it lies in. Every member must have the hash that the
manifest gives; the journal must be one unbroken chain with genuine signatures; preparer and
approver must be bound to the same figures; what the manifest and the other members tell of the
close must be what the journal holds; totals must add up. It exits with 0 where all holds, else
with 1, and names each member that does not.

Whoever can write the whole pack can sign it by new keys: compare the keys and the head that it
prints with those that you were given another way.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import sys
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

MANIFEST, JOURNAL, RESULT = "manifest.json", "journal.jsonl", "result.json"
NOTHING = "0" * 64
KEY_PREFIX = "ed25519:"
SEGREGATED = "two persons signed by two keys: preparer and approver are segregated"
NO_EVIDENCE = (
    "preparer and approver did not both sign by keys of their own: this close is no evidence of "
    "segregation of duties"
)
ACTS = ("close", "approve", "reopen")
STATES = {"explain": "explained", "write_off": "written_off", "defer": "deferred"}

Found = Iterator[tuple[str, str]]  # a member, and what is wrong with it

# Ed25519 as RFC 8032 (section 5.1) defines it: the field, the curve, its base point, its order.
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


def _point(encoded: bytes) -> Point:
    """The point of 32 bytes; ValueError where they are none."""
    y = int.from_bytes(encoded, "little")
    odd, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_ONE % P
    if y >= P or x * x % P != square or (x == 0 and odd):
        raise ValueError("no point of the curve")
    if x & 1 != odd:
        x = P - x
    return x, y, 1, x * y % P


def _added(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(count: int, point: Point) -> Point:
    total = NEUTRAL
    while count:
        if count & 1:
            total = _added(total, point)
        point, count = _added(point, point), count >> 1
    return total


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = _point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signed(public: str, signature: str, message: bytes) -> bool:
    """Whether the signature (base64) is that key's of that message."""
    try:
        key = base64.b64decode(public.removeprefix(KEY_PREFIX), validate=True)
        value = base64.b64decode(signature, validate=True)
        if len(key) != 32 or len(value) != 64:
            return False
        point = _point(key)
    except (binascii.Error, ValueError):
        return False
    scalar = int.from_bytes(value[32:], "little")
    challenge = int.from_bytes(hashlib.sha512(value[:32] + key + message).digest(), "little")
    minus = (P - point[0], point[1], 1, P - point[3])
    found = _added(_times(scalar, BASE), _times(challenge % ORDER, minus))
    return scalar < ORDER and _encoded(found) == value[:32]


def canonical(value: Any) -> bytes:
    """JSON in one spelling (RFC 8785); there are no fractions in a journal."""
    return json.dumps(_ordered(value), separators=(",", ":"), ensure_ascii=False).encode()


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return {name: _ordered(value[name]) for name in names}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def sha256(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def manifest_of(members: Mapping[str, bytes]) -> dict[str, Any]:
    """The manifest; ValueError where it is missing or not what it says of itself."""
    content = members.get(MANIFEST)
    if content is None:
        raise ValueError("is missing")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError("was changed: it is no JSON any more") from error
    if not isinstance(found, dict) or canonical(found) + b"\n" != content:
        raise ValueError("was changed: it is not spelt as it was written")
    rest = {name: value for name, value in found.items() if name != "sha256"}
    if sha256(canonical(rest)) != found.get("sha256"):
        raise ValueError("was changed: its own hash is another")
    return found


def wrong_members(members: Mapping[str, bytes], manifest: Mapping[str, Any]) -> Found:
    """Members that are missing, changed, or came in."""
    listed = manifest["files"]
    for name, digest in listed.items():
        if name not in members:
            yield name, "is missing"
        elif sha256(members[name]) != digest:
            yield name, "was changed: its hash is another than the manifest's"
    for name in sorted(members.keys() - listed.keys() - {MANIFEST}):
        yield name, "is not of this pack"


def entries_of(content: bytes) -> list[dict[str, Any]]:
    """The journal's entries; ValueError where the chain or a signature is broken."""
    entries: list[dict[str, Any]] = []
    before = NOTHING
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        entry = json.loads(line)
        part = {name: entry[name] for name in ("number", "kind", "at", "body", "previous")}
        if canonical(entry) + b"\n" != line or entry["hash"] != sha256(canonical(part)):
            raise ValueError(f"entry {number} was changed: its hash is another")
        if (entry["number"], entry["previous"]) != (number, before):
            raise ValueError(f"entry {number} does not follow the one before it")
        key, signature = entry["body"].get("key"), entry.get("signature")
        if (key is None) != (signature is None):
            raise ValueError(f"entry {number} lacks its signature, or has one too many")
        if signature and not (
            signature["key"] == key
            and signed(signature["key"], signature["value"], entry["hash"].encode())
        ):
            raise ValueError(f"entry {number} has a signature that is not of its key")
        before = entry["hash"]
        entries.append(entry)
    return entries


def wrong_close(
    entries: list[dict[str, Any]], manifest: Mapping[str, Any], members: Mapping[str, bytes]
) -> Found:
    """What the journal says of run, preparation and approval against what the pack says."""
    by_hash = {entry["hash"]: entry for entry in entries}
    if not entries or entries[-1]["hash"] != manifest["head"]:
        yield JOURNAL, "does not end where the manifest says"
    prepared = by_hash.get(manifest["close"])
    if prepared is None or prepared["kind"] != "close":
        yield JOURNAL, "does not hold the preparation"
        return
    run = next(
        (one for one in entries if one["kind"] == "run" and one["body"]["run"] == manifest["run"]),
        None,
    )
    if run is None:
        yield JOURNAL, "does not hold the run"
        return
    bound = prepared["body"]
    if (bound["run"], bound["period"]) != (manifest["run"], run["body"]["period"]):
        yield JOURNAL, "the preparation is not of this run"
    if any(run["body"]["hashes"][name] != digest for name, digest in bound["hashes"].items()):
        yield JOURNAL, "the preparation is not bound to the figures of the run"
    yield from _wrong_approval(by_hash, prepared, manifest)
    yield from _wrong_story(entries, prepared, by_hash.get(manifest["approval"]), manifest, members)
    yield from _wrong_states(entries, json.loads(members["breaks.json"]))
    yield from _wrong_contents(run["body"], members)


def _wrong_approval(
    by_hash: Mapping[str, Any], prepared: Mapping[str, Any], manifest: Mapping[str, Any]
) -> Found:
    if manifest["approval"] is None:
        return
    approved = by_hash.get(manifest["approval"])
    if approved is None or approved["kind"] != "approve":
        yield JOURNAL, "does not hold the approval"
        return
    one, other = prepared["body"], approved["body"]
    if other["close"] != prepared["hash"] or other["hashes"] != one["hashes"]:
        yield JOURNAL, "the approval is not of this preparation"
    if one_spelling(one["by"]) == one_spelling(other["by"]):
        yield JOURNAL, "one person prepared and approved"


def one_spelling(name: str) -> str:
    """A person's name without what a reader does not see: case, spaces, composed letters."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _wrong_story(
    entries: list[dict[str, Any]],
    prepared: Mapping[str, Any],
    approved: Mapping[str, Any] | None,
    manifest: Mapping[str, Any],
    members: Mapping[str, bytes],
) -> Found:
    """What manifest, approvals and keys tell of the close, against what the journal holds."""
    bound, other = prepared["body"], {} if approved is None else approved["body"]
    keys = bound.get("key"), other.get("key")
    segregated = None not in keys and keys[0] != keys[1]
    told = {
        "period": _short(bound["period"]),
        **bound["period"],
        "status": "prepared" if approved is None else "closed",
        "hashes": bound["hashes"],
        "accepted": bound["accepted"],
        "prepared": _said(prepared),
        "approved": approved and _said(approved),
        "segregated": segregated,
        "segregation": SEGREGATED if segregated else NO_EVIDENCE,
        "head": (approved or prepared)["hash"],
    }
    for name, value in told.items():
        if manifest[name] != value:
            yield MANIFEST, f"{name} is not what the journal says"
    acts = [
        {"kind": entry["kind"], "at": _at(entry), "hash": entry["hash"], **entry["body"]}
        for entry in entries
        if entry["kind"] in ACTS and entry["body"]["period"] == bound["period"]
    ]
    signers = {
        entry["body"]["key"]: entry["body"]["by"]
        for entry in entries
        if entry["kind"] in (*ACTS, "decision") and "key" in entry["body"]
    }
    for name, held in (("approvals.json", acts), ("keys.json", signers)):
        if canonical(held) + b"\n" != members.get(name):
            yield name, "is not what the journal says"


def _wrong_states(entries: list[dict[str, Any]], breaks: list[dict[str, Any]]) -> Found:
    """A break is decided as its last decision in the journal says, or open."""
    decided = {
        entry["body"]["break"]: entry
        for entry in entries
        if entry["kind"] == "decision" and entry["body"]["action"] in STATES
    }
    for row in breaks:
        entry = decided.get(row["id"])
        body = {} if entry is None else entry["body"]
        held = (body.get("note"), body.get("until"), entry and _by(body), entry and _at(entry))
        told = tuple(row[name] for name in ("note", "deferred_until", "decided_by", "decided_at"))
        if told != held or row["state"] not in ("open", STATES.get(body.get("action", ""))):
            yield "breaks.json", f"{row['id']} is not decided as the journal says"


def _by(body: Mapping[str, Any]) -> str:
    return str(body["by"]) if "key" in body else f"{body['by']} (unauthenticated)"


def _at(entry: Mapping[str, Any]) -> str:
    return str(entry["at"]).replace("+00:00", "Z")


def _said(entry: Mapping[str, Any]) -> str:
    return f"{_at(entry)} by {_by(entry['body'])}"


def _short(period: Mapping[str, str]) -> str:
    """2026-10 for a month, else START/END."""
    start, end = period["start"], period["end"]
    year, month = int(start[:4]), int(start[5:7])
    ends = f"{year + month // 12:04d}-{month % 12 + 1:02d}-01T00:00:00"
    whole = start[7:19] == "-01T00:00:00" and end[:19] == ends
    return start[:7] if whole else "/".join(each.replace("+00:00", "Z") for each in (start, end))


def _wrong_contents(run: Mapping[str, Any], members: Mapping[str, bytes]) -> Found:
    """What the run read, by which rules, and what it wrote."""
    for name in ("report.html", "report.xlsx", RESULT):
        if sha256(members.get(name, b"")) != run["outputs"].get(name):
            yield name, "is not what the run wrote"
    if sha256(members.get("settings.json", b"")) != run["settings"]:
        yield "settings.json", "is not what the run was given"
    for name, key in (("sources.json", "inputs"), ("control_totals.json", "control_totals")):
        if canonical(run[key]) + b"\n" != members.get(name):
            yield name, "is not what the journal says"


def wrong_totals(members: Mapping[str, bytes]) -> Found:
    """Rows in = accepted + rejected, the identities, and breaks that agree with the result."""
    result = json.loads(members[RESULT])
    for row in json.loads(members["control_totals.json"]):
        counts = [row["rows_in"], row["accepted"], row["rejected"]]
        if None not in counts and counts[0] != counts[1] + counts[2]:
            yield "control_totals.json", f"{row['source']}: rows in are not accepted + rejected"
    parts = {
        "identity": ("allocated", "unused", "unattributed"),
        "billed_identity": ("compared", "unused", "not_compared"),
    }
    for name, summands in parts.items():
        for row in result[name]:
            if _amount(row["billed"]) != sum(_amount(row[part]) for part in summands):
                yield RESULT, f"{name} in {row['currency']} does not add up"
    found = {row["id"]: row["amount"] for row in json.loads(members["breaks.json"])}
    if found != {row["id"]: row["amount"] for row in result["breaks"]}:
        yield "breaks.json", "are not the breaks of the result"


def _amount(text: str | None) -> Decimal:
    return Decimal(text or 0)


def verified(members: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Everything that is wrong with a pack; nothing where it holds."""
    wrong: list[tuple[str, str]] = []
    place = MANIFEST
    try:
        manifest = manifest_of(members)
        if wrong := list(wrong_members(members, manifest)):
            return wrong
        place = JOURNAL
        entries = entries_of(members[JOURNAL])
        place = "the pack"
        with localcontext(prec=100):
            wrong.extend(wrong_close(entries, manifest, members))
            wrong.extend(wrong_totals(members))
    except ValueError as error:
        wrong.append((place, str(error)))
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError) as error:
        wrong.append((place, f"is not as one is written ({type(error).__name__}: {error})"))
    return wrong


def read(place: Path) -> dict[str, bytes]:
    """The members of an unpacked folder or of a zip."""
    if place.is_dir():
        return {
            path.relative_to(place).as_posix(): path.read_bytes()
            for path in sorted(place.rglob("*"))
            if path.is_file() and path.suffix != ".zip"
        }
    with zipfile.ZipFile(place) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def main(arguments: list[str]) -> int:
    """Say what was checked and what is wrong; the exit code."""
    place = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    try:
        members = read(place)
    except (OSError, zipfile.BadZipFile) as error:
        sys.stdout.write(f"{place}: cannot be read: {error}\n")
        return 1
    wrong = verified(members)
    for name, what in wrong:
        sys.stdout.write(f"{name}: {what}\n")
    if wrong:
        return 1
    manifest = manifest_of(members)
    sys.stdout.write(f"{manifest['period']}: {len(members)} members, {manifest['status']}\n")
    sys.stdout.write(f"prepared {manifest['prepared']}, approved {manifest['approved']}\n")
    sys.stdout.write(f"{manifest['segregation']}\n")
    for key, name in sorted(json.loads(members["keys.json"]).items()):
        sys.stdout.write(f"key of {name}: {key}\n")
    sys.stdout.write(f"head {manifest['head']}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
