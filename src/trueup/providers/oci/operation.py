"""One operation of the API: how the SDK calls it, what it needs, where its answer has its items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from trueup.adapter.feed import Answer, Asking, BrokenAnswer, Page, exact_json

Item: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """``keys`` are those without which an item says nothing; ``within`` where the items lie."""

    name: str
    client: str
    method: str
    permission: str
    keys: tuple[str, ...] = ()
    within: str | None = None  # None: the body is the list
    optional: bool = False  # whether the items may be left out

    def pages(
        self, asking: Asking, asked: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> Iterator[Answer]:
        """Every page. ``asked`` names the question: it is the parameters, where no body is sent."""
        parameters = asked if body is None else body

        def page(token: str | None) -> Page:
            following = {"page": token} if token else {}
            return self._ask(asking, **parameters, **following)

        return asking.pages(self.name, page, **asked)

    def once(self, asking: Asking, asked: Mapping[str, str], **more: Any) -> Answer:
        """The answer of an operation that has no pages."""
        return asking.once(self.name, lambda: self._ask(asking, **asked, **more).body, **asked)

    def _ask(self, asking: Asking, **parameters: Any) -> Page:
        answer: Page = asking.connection.ask(self.client, self.method, **parameters)
        self.items(answer.body)
        return answer

    def items(self, body: bytes) -> list[Item]:
        """The items of an answer; BrokenAnswer where it is not one of this operation."""
        value = exact_json(body)
        if self.within is not None:
            value = value.get(self.within) if isinstance(value, dict) else {}
            value = [] if value is None and self.optional else value
        if not isinstance(value, list):
            raise BrokenAnswer(f"{self.name} without a list of {self.within or 'items'}")
        for item in value:
            lacking = [key for key in self.keys if not isinstance(item, dict) or key not in item]
            if lacking:
                raise BrokenAnswer(f"{self.name}: an item without {', '.join(lacking)}")
        return value

    def of(self, answers: Iterable[Answer]) -> Iterator[tuple[Answer, Item]]:
        """The items of those answers that are this operation's, each with its answer."""
        for answer in answers:
            if answer.operation == self.name:
                yield from ((answer, item) for item in self.items(answer.body))


def amount(value: object) -> Decimal:
    """A number or a text of one, exactly; nothing is nought."""
    try:
        return Decimal(0) if value is None else Decimal(str(value))
    except InvalidOperation as error:
        raise BrokenAnswer(f"{value!r} is no amount") from error


def plain(value: Decimal) -> str:
    """A sum as plain decimal text."""
    return format(value, "f")
