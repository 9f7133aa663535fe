"""Stands for `aws s3 sync FROM TO`: a bucket is a folder beside the machine's, nothing is deleted."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path


def place(text: str) -> Path:
    return Path(os.environ["BUCKETS"], text.removeprefix("s3://")) if "://" in text else Path(text)


def main() -> None:
    """Copy every file that is not excluded."""
    parser = argparse.ArgumentParser()
    parser.add_argument("service", choices=["s3"])
    parser.add_argument("verb", choices=["sync"])
    parser.add_argument("--only-show-errors", action="store_true")
    parser.add_argument("--exclude", action="append", default=[])
    parser.add_argument("places", nargs=2, type=place)
    given = parser.parse_args()
    source, target = given.places
    for path in sorted(source.rglob("*")):
        where = path.relative_to(source)
        if path.is_file() and where.as_posix() not in given.exclude:
            (target / where).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / where)


if __name__ == "__main__":
    main()
