"""What ``trueup run --dry-run`` prints."""

from __future__ import annotations

from collections.abc import Iterator

from trueup.cli.progress import read_line
from trueup.job.rehearsal import Asked, Rehearsal
from trueup.model.display import legible


def lines_of(found: Rehearsal) -> Iterator[str]:
    """What would be read, asked, written and told."""
    yield "Would read" if found.reads else "Would read    nothing"
    yield from (f"  {legible(read_line(one))}" for one in found.reads)
    for failure in found.failures:
        yield f"  {failure.kind:<11}  FAILED {legible(failure.text)}"
        yield f"  {'':<11}  → {legible(failure.remedy)}"
    if found.asked:
        how = "Would ask" if found.played is None else f"Would play, from {found.played}"
        yield how
    for one in found.asked:
        yield from _asked(one)
    yield "Would write"
    yield from (f"  {what:<11}  {legible(where)}" for what, where in found.writes)
    yield "Nobody was asked, nothing was written."


def _asked(one: Asked) -> Iterator[str]:
    calls = f"at least {len(one.feeds)} calls, one more for each further page"
    yield f"  {one.provider:<11}  {', '.join(one.feeds) or 'nothing'}: {calls}"
    yield from (f"  {'':<11}  not asked: {lacking}" for lacking in one.lacking)
