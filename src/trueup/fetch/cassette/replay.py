"""Recorded exchanges played back: each question strictly matched, each answer given once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from trueup.adapter.feed import Connector
from trueup.errors import MissingDependency, ProviderError, SourceError
from trueup.fetch.cassette import plain
from trueup.fetch.cassette.provenance import recorded_text, recordings
from trueup.fetch.cassette.question import Question, question


class Several:
    """A persister of vcrpy that loads every recording of a folder and never writes."""

    @staticmethod
    def load_cassette(path: str, serializer: Any) -> tuple[list[Any], list[Any]]:  # noqa: ARG004
        requests: list[Any] = []
        responses: list[Any] = []
        for file in recordings(Path(path)):
            asked, answered, *_ = exchanges(file)
            requests += asked
            responses += answered
        return requests, responses

    @staticmethod
    def save_cassette(path: str, cassette: dict[str, Any], serializer: Any) -> None:
        """Nothing: what is played is not changed."""


def exchanges(file: Path) -> tuple[list[Any], list[Any]]:
    """The requests and responses of a recording; SourceError where it is none."""
    from vcr.serialize import deserialize

    try:
        asked, answered, *_ = deserialize(recorded_text(file), plain)
    except (ValueError, ArithmeticError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise SourceError(str(file), f"not a recording of exchanges: {reason}") from error
    return asked, answered


@contextmanager
def replaying(provider: str, connector: Connector, folder: Path) -> Iterator[None]:
    """Inside, the provider's answers come from the folder's recordings and from nowhere else.

    A question that was not recorded fails. Raises ProviderError at the end where a recorded
    exchange was not asked for: the code no longer asks what the recording says it does.
    """
    vcr = recorder_of(connector)
    vcr.register_persister(Several)
    with vcr.use_cassette(str(folder), record_mode="none") as cassette:
        yield
    left = len(cassette) - cassette.play_count
    if left:
        raise ProviderError(
            provider,
            "replay",
            f"{left:,} of {len(cassette):,} recorded exchanges in {folder} were not asked for",
            "replay with the settings and the period of the recording, or record again",
        )


def recorder_of(connector: Connector) -> Any:
    """vcrpy, matching as strictly as a provider's questions need."""
    try:
        import vcr
    except ImportError as error:
        raise MissingDependency("vcrpy", "clouds") from error

    known: WeakKeyDictionary[Any, Question] = WeakKeyDictionary()  # each is compared with many

    def asked(request: Any) -> Question:
        if request not in known:
            known[request] = question(request, connector.asking_headers, connector.volatile)
        return known[request]

    def same(first: Any, second: Any) -> None:
        one, other = asked(first), asked(second)
        if one != other:
            raise AssertionError(f"{one} is not {other}")

    recorder = vcr.VCR(match_on=("question",), decode_compressed_response=True)
    recorder.register_matcher("question", same)
    return recorder
