"""When two requests ask the same."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from trueup.fetch.cassette.question import Question, question

URL = "https://api.nimbus.example/plans?page=2&at=5"


def asked(body: object = None, **headers: object) -> Question:
    request = SimpleNamespace(method="POST", uri=URL, headers={"X-Page": "2", **headers}, body=body)
    return question(request, ["x-page"], ["at"])


def test_what_says_nothing_of_the_question_is_left_out() -> None:
    """Headers that are not asking, and keys of query and body that differ each time."""
    one = asked(b'{"at": 1, "of": ["plan-1"]}', Date="today")
    assert one == asked('{"of": ["plan-1"], "at": 2}')
    assert one != asked(b'{"of": ["plan-2"]}')
    assert str(one) == 'POST api.nimbus.example/plans?page=2 2 {"of": ["plan-1"]}'


@pytest.mark.parametrize("page", ["3", b"3", ["3"], [b"3"]])
def test_a_header_is_the_same_as_text_bytes_or_list(page: object) -> None:
    """SDKs spell a header in four ways; another page is another question."""
    assert asked(**{"X-Page": page}) == asked(**{"X-Page": "3"})
    assert asked(**{"X-Page": page}) != asked()


def test_a_body_that_is_no_json_is_compared_as_it_is() -> None:
    """Text and bytes alike; none is empty."""
    assert asked("SELECT 1") == asked(b"SELECT 1")
    assert asked(b"SELECT 1") != asked(b"SELECT 2")
    assert asked(None) == asked(b"")
