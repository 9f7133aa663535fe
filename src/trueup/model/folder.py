"""A temporary folder that lives as long as something refers to it."""

from __future__ import annotations

import shutil
import weakref
from pathlib import Path
from tempfile import mkdtemp


class OwnedFolder:
    """Give it to a ``Table`` as ``keep``: when the last table is gone, the folder is too.

    Unlike ``tempfile.TemporaryDirectory`` it counts being let go as its proper end, without a
    ResourceWarning: a finance script never closes its datasets.
    """

    def __init__(self, prefix: str = "trueup-") -> None:
        self.path = Path(mkdtemp(prefix=prefix))
        self._end = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def cleanup(self) -> None:
        """Remove it now; doing so twice does no harm."""
        self._end()
