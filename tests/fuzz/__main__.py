"""``python -m tests.fuzz READER... --seconds N``: bytes for a reader, guided by what they reach.

One process per reader. Each input becomes a file, is read, and must give rows that add up or a
refusal in words (see ``tests.hostile.readers.outcome``); what does not, a native crash, more memory
than allowed and more time than allowed are findings: the input is kept in FOLDER/READER and the
command ends with 1. The first inputs are the small files that the tests read.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.hostile.readers import READERS

MEMORY_MB_MAX = 2048
INPUT_SECONDS_MAX = 60
INPUT_BYTES_MAX = 16_384
COUNTED = re.compile(r"#(\d+)\s+\w+.*?cov: (\d+) ft: (\d+)")
DONE = re.compile(r"Done (\d+) runs")


def main() -> int:
    arguments = _parser().parse_args()
    found = [_fuzzed(name, arguments) for name in arguments.readers or READERS]
    return int(any(found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="READER", help=", ".join(READERS))
    parser.add_argument("--seconds", type=int, default=300, help="of each reader")
    parser.add_argument("--runs", type=int, default=-1, help="at most, of each reader")
    parser.add_argument("--folder", type=Path, default=Path("fuzz"), help="of what is found")
    return parser


def _fuzzed(name: str, arguments: argparse.Namespace) -> bool:
    """Fuzz one reader in a process of its own; whether something was found."""
    if name not in READERS:
        raise SystemExit(f"{name}: it is one of {', '.join(READERS)}")
    folder = arguments.folder / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for file, content in READERS[name].seeds.items():
        (corpus / file).write_bytes(content)
    before = set(folder.iterdir())
    command = [
        *(sys.executable, "-m", "tests.fuzz.target", name, str(corpus)),
        f"-artifact_prefix={folder}/",
        f"-max_total_time={arguments.seconds}",
        f"-runs={arguments.runs}",
        f"-rss_limit_mb={MEMORY_MB_MAX}",
        f"-timeout={INPUT_SECONDS_MAX}",
        f"-max_len={INPUT_BYTES_MAX}",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, env=os.environ
    )
    return _told(name, done, sorted(set(folder.iterdir()) - before))


def _told(name: str, done: subprocess.CompletedProcess[str], kept: list[Path]) -> bool:
    counts = COUNTED.findall(done.stderr)
    runs = DONE.search(done.stderr)
    executions = int(runs[1]) if runs else int(counts[-1][0]) if counts else 0
    edges, features = (int(count) for count in counts[-1][1:]) if counts else (0, 0)
    ended = f"{len(kept)} found" if kept else f"broke off with {done.returncode}"
    print(
        f"{name:15} {executions:>8,} executions {edges:>6,} edges {features:>6,} features  "
        f"{ended if done.returncode else 'nothing found'}",
        flush=True,
    )
    if done.returncode:
        print(*(f"  {file}" for file in kept), done.stdout[-2000:], done.stderr[-4000:], sep="\n")
    return done.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
