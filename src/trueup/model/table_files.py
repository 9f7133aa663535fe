"""A table on its way to its files: the rows as they are and, if its kind has one, their split."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from trueup.errors import IntegrityError
from trueup.model.split import SplitFiles, SplitWriter
from trueup.model.splits import SPLITS
from trueup.model.table import Table
from trueup.model.table_file import TableFile


class TableFiles:
    """The table and its split are written each in a thread, while the next rows are made.

    One chunk is on its way at most. What fails in writing is raised by the next ``write`` or by
    ``close``; there is no table of files that lack a row.
    """

    def __init__(self, folder: Path, kind: str, schema: pa.Schema) -> None:
        self.path = folder / f"{kind}.parquet"
        self._schema = schema
        self._file = TableFile(self.path, schema)
        split = SPLITS.get(kind)
        self._split = None if split is None else SplitWriter(folder / kind, split, schema)
        self._writes = [self._file.write, *([self._split.write] if self._split else [])]
        self._split_files: SplitFiles | None = None
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="trueup-write")
        self._on_their_way: list[Future[None]] = []
        self._rows = 0

    def write(self, rows: pa.Table) -> None:
        """Append rows that have at least the schema's columns, in any order."""
        self._arrive()
        self._rows += rows.num_rows
        self._on_their_way = [self._threads.submit(write, rows) for write in self._writes]

    def close(self) -> None:
        """Finish the files, rows or none; no rows can follow."""
        try:
            self._arrive()
        finally:
            self._threads.shutdown()
            self._file.close()
            if self._split is not None:
                self._split_files = self._split.close()

    def table(self, keep: object) -> Table:
        """The finished files as a table, that keeps ``keep``, the owner of their folder.

        Raises IntegrityError where the file has not every row that was given.
        """
        self.close()
        table = Table(self._schema, files=[self.path], keep=keep, split=self._split_files)
        if len(table) != self._rows:
            raise IntegrityError(
                f"{self.path.name}: {self._rows} rows were to be written, but it has {len(table)}; "
                "nothing can be made of it, please report this as a defect"
            )
        return table

    def _arrive(self) -> None:
        waiting, self._on_their_way = self._on_their_way, []
        for each in waiting:
            each.result()
