"""Licences of everything that runs with trueup, as its own metadata states them."""

from __future__ import annotations

import os
import re
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata

import pytest
from tests.supply.pins import named, pinned

PERMISSIVE = {
    "0BSD",
    "3-Clause BSD License",
    "Apache 2.0",
    "Apache License, Version 2.0",
    "Apache Software License",
    "Apache-2.0",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT License",
    "MIT-0",
    "PSF-2.0",
    "Python Software Foundation License",
    "Universal Permissive License (UPL)",
    "Zlib",
}
# Whatever else there is stands here by name, each with why it may be.
SAID = {
    # Changes to its files stay under it; used as it is, it asks for nothing of ours.
    "certifi": {"Mozilla Public License 2.0 (MPL 2.0)"},
    "tqdm": {"MPL-2.0"},
    # A library that is linked at run time and can be replaced; comes with the extra of OCI alone.
    "crc32c": {"GNU Lesser General Public License v2 or later (LGPLv2+)"},
    "iso4217": {"Public Domain"},
}


def licences(of: PackageMetadata) -> list[set[str]]:
    """Each has to be accepted; of a set one is enough, as there is a choice."""
    classified = [
        one.rpartition(" :: ")[2]
        for one in of.get_all("Classifier") or ()
        if one.startswith("License ::") and not one.endswith("OSI Approved")
    ]
    expression, old = (of.get_all(name) or [] for name in ("License-Expression", "License"))
    stated = next(iter([*expression, *([] if classified else old)]), None)
    if stated is None:
        return [{one} for one in classified]
    return [
        set(re.split(r"\s+OR\s+", part.strip("() "))) for part in re.split(r"\s+AND\s+", stated)
    ]


def test_every_licence_is_permissive_or_said() -> None:
    """No package without a licence, none with one that nobody has looked at, none said in vain."""
    unknown, absent, met = {}, [], set()
    for pin, _ in pinned("runtime.txt"):
        if pin.marker is not None and not pin.marker.evaluate():
            continue
        try:
            found = licences(metadata(pin.name))
        except PackageNotFoundError:
            absent.append(pin.name)
            continue
        accepted = PERMISSIVE | SAID.get(named(pin), set())
        met |= {named(pin) for one in found if not one & PERMISSIVE}
        if not found or not all(one & accepted for one in found):
            unknown[pin.name] = found
    assert unknown == {}
    if os.environ.get("TRUEUP_REQUIRE_EXTRAS") == "1":
        assert absent == []
        assert met == set(SAID)
    elif absent:
        pytest.skip(f"of these extras nothing is installed: {', '.join(absent[:3])} ...")
