from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.fetch.cassette.pseudonyms import Pseudonyms, foreign

IDS = (
    "123456789012",
    "6f1c2b3a-9d4e-4c5b-8a7f-1234567890ab",
    "ocid1.tenancy.oc1..aaaaaaaaba3pv6wkcr4jqae5f44n2b2m2yt2j6rx32uzr4h25vqstifsfdsq",
    "01F0A2-77B1C3-9D0E44",
    "jo.doe+billing@corp-mail.io",
    "jo.doe%40corp-mail.io",
)
SAFE = (
    "0.123456789012",  # decimals are no account number
    "410000000017",
    "8c1d7f60-5b1e-4a57-9d7c-000000000003",
    "2026-10-01T00:00:00Z",
    "ocid1.tenancy.oc1..brackenmoor",
    "finops@example.com",
)


@pytest.mark.parametrize("text", IDS)
def test_an_id_is_replaced_by_one_in_the_reserved_range(text: str) -> None:
    """What stands for an id is not the id, looks like one, and is not foreign."""
    said = f'{{"id": "{text}"}}'
    mapped = Pseudonyms(b"key").of(said)
    assert text not in mapped
    assert foreign(said) != []
    assert foreign(mapped) == []


@pytest.mark.parametrize("text", IDS)
def test_twice_is_once_and_the_same_id_stays_the_same(text: str) -> None:
    """Mapping a mapped text changes nothing; joins between answers survive."""
    pseudonyms = Pseudonyms(b"key")
    once = pseudonyms.of(text)
    assert pseudonyms.of(once) == once
    assert pseudonyms.of(f"/accounts/{text}?of={text}") == f"/accounts/{once}?of={once}"


def test_another_key_gives_other_pseudonyms() -> None:
    """Who does not have the key cannot tell which account it was."""
    assert Pseudonyms(b"one").of(IDS[1]) != Pseudonyms(b"two").of(IDS[1])


@pytest.mark.parametrize("text", SAFE)
def test_what_is_no_id_or_reserved_already_stays(text: str) -> None:
    """Amounts, instants and reserved ids are left as they are."""
    assert Pseudonyms(b"key").of(text) == text
    assert foreign(text) == []


def test_names_without_a_shape_are_replaced_where_they_are_known() -> None:
    """A bucket's or project's name goes wherever it stands, the longest first."""
    mapped = Pseudonyms(b"key", ("acme-billing", "acme-billing-eu")).of(
        "acme-billing-eu/acme-billing"
    )
    assert re.fullmatch(r"trueup[0-9a-f]{10}/trueup[0-9a-f]{10}", mapped)
    assert len(set(mapped.split("/"))) == 2


def test_a_name_is_replaced_as_a_whole_word_only() -> None:
    """Of a dataset that is called billing: neither a host nor a key of an answer changes."""
    pseudonyms = Pseudonyms(b"key", ("billing",))
    other = '{"billing_account": "cloudbilling.googleapis.com"}'
    assert pseudonyms.of(other) == other
    for text in ("p.billing.t", "a%2Fbilling%2Fb", "`billing`", "billing"):
        assert "billing" not in pseudonyms.of(text)


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2ln",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "https://x.invalid/f?sv=1&" + "sig=abc",
        "Bearer " + "abcdefghijklmnopqrstuvwxyz",
    ],
)
def test_secrets_are_found_and_not_repeated(secret: str) -> None:
    """A secret is foreign, and the finding does not say it."""
    (found,) = foreign(f"x {secret} y")
    assert secret not in found


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_every_account_number_ends_in_the_reserved_range(number: int) -> None:
    """Whatever the twelve digits, what is written is reserved."""
    assert foreign(Pseudonyms(b"key").of(f'"{number:012d}"')) == []


def test_a_name_that_is_a_pseudonym_already_stays() -> None:
    """Of a reserved id or an earlier recording nothing new is made."""
    for name in ("410000000017", "trueup0123456789"):
        assert Pseudonyms(b"key").of_name(name) == name


def test_what_is_about_people_is_replaced_whatever_it_looks_like() -> None:
    """Texts at any depth below a member; numbers and everything beside it stay as written."""
    said = (
        '{"used": 1.10, "soldToContact" : {"firstName": "Jo", "phones": ["555 01"], "id": 7,'
        ' "note": null}, "adminEmail": "", "name": "Jo"}'
    )
    pseudonyms = Pseudonyms(b"key")
    mapped = pseudonyms.of_members(said, ("soldToContact", "adminEmail"))
    assert re.sub("trueup[0-9a-f]{10}", "*", mapped) == (
        '{"used": 1.10, "soldToContact" : {"firstName": "*", "phones": ["*"], "id": 7,'
        ' "note": null}, "adminEmail": "", "name": "Jo"}'
    )
    assert pseudonyms.of_members(mapped, ("soldToContact", "adminEmail")) == mapped
    assert pseudonyms.of_members(said, ()) == said


def test_what_is_about_people_and_cannot_be_read_is_not_passed_on() -> None:
    """A cut answer might hold a name without its end."""
    with pytest.raises(ValueError, match="Unterminated string"):
        Pseudonyms(b"key").of_members('{"soldToContact": {"firstName": "J', ("soldToContact",))


def test_a_member_within_a_member_is_replaced_once() -> None:
    """A contact of a contact: its text is hidden with the whole, and stays JSON."""
    said = '{"contact": {"name": "Jo", "contact": {"name": "Al"}}, "used": 1}'
    mapped = Pseudonyms(b"key").of_members(said, ("contact",))
    assert re.sub("trueup[0-9a-f]{10}", "*", mapped) == (
        '{"contact": {"name": "*", "contact": {"name": "*"}}, "used": 1}'
    )
