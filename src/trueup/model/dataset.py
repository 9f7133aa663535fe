"""What a reader hands to the core: typed rows on disk, where they came from, what was rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory

from trueup.errors import IntegrityError
from trueup.model.table import Table


@dataclass(frozen=True)
class Dataset:
    """Accepted rows, their sources and the rejects of one kind of input.

    ``rows_in = accepted + rejected`` holds for every source; ``checked`` proves it. ``broken`` says
    of each source that breaks off why it is not whole.
    """

    kind: str  # charges | commitments | usage | invoices
    table: Table
    sources: Table
    rejects: Table
    directory: TemporaryDirectory[str] | None = None
    broken: Mapping[str, str] = field(default_factory=dict)

    def checked(self) -> Dataset:
        """Return itself, or raise IntegrityError naming the first source that does not add up."""
        for source in self.sources.rows():
            if source["rows_in"] != source["accepted"] + source["rejected"]:
                raise IntegrityError(
                    f"{source['source']}: {source['rows_in']} rows in, but {source['accepted']} "
                    f"accepted + {source['rejected']} rejected; please report this as a defect"
                )
        return self

    def __repr__(self) -> str:
        return repr(self.table)
