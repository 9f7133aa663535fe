"""The rows of a query's pages."""

from __future__ import annotations

import json

import pytest

from trueup.adapter.feed import Answer, BrokenAnswer
from trueup.providers.gcp.query import READ, RUN, cells

SCHEMA = {"schema": {"fields": [{"name": "a"}, {"name": "b"}]}}


def page(number: int, **body: object) -> Answer:
    return Answer(READ, {}, number, json.dumps(body).encode())


def row(*values: str | None) -> dict[str, object]:
    return {"f": [{"v": value} for value in values]}


def test_names_stand_on_the_first_page_alone() -> None:
    """Answers of other operations have no rows; a page without any is empty."""
    started = Answer(RUN, {}, 1, b'{"jobReference": {}}')
    pages = [
        started,
        page(1, **SCHEMA, rows=[row("1", None)]),
        page(2),
        page(3, rows=[row("2", "3")]),
    ]
    assert list(cells(pages)) == [{"a": "1", "b": None}, {"a": "2", "b": "3"}]


@pytest.mark.parametrize(
    "body", [{"rows": [row("1", "2")]}, {**SCHEMA, "rows": [row("1")]}, {**SCHEMA, "rows": [{}]}]
)
def test_a_page_of_another_shape_is_a_broken_answer(body: dict[str, object]) -> None:
    """Without names, with a cell too few, without cells."""
    with pytest.raises(BrokenAnswer, match="a page of rows without"):
        list(cells([page(1, **body)]))
