"""One reader under atheris: ``python -m tests.fuzz.target READER CORPUS -libfuzzer=options``."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["trueup"], enable_loader_override=False):
    from tests.hostile.readers import READERS, outcome


def main() -> None:
    reader = READERS[sys.argv.pop(1)]
    first = Path(next(iter(reader.seeds)))
    with TemporaryDirectory(prefix="trueup-fuzz-") as name:
        folder = Path(name)

        def one_input(content: bytes) -> None:
            packed = reader.name == "cassette" and content.startswith(b"\x1f\x8b")
            file = folder / (f"{first.name}.gz" if packed else first.name)
            file.write_bytes(content)
            try:
                outcome(reader, file)
            finally:
                with suppress(FileNotFoundError):
                    file.unlink()

        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
