"""A mutant: one expression of a file changed in one way, by the operators of mutmut."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from random import Random

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, CodeSpan, MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
SOURCE = ROOT / "src" / "trueup"

# Not run when trueup runs (annotations), or run before any test could see it (decorators, imports).
LEFT_ALONE = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)
NEVER_NONE = {"isinstance", "len"}  # without their arguments they only raise, which proves nothing


@dataclass(frozen=True)
class Mutant:
    """``before`` became ``after`` in a line of a file below ``src/trueup``."""

    file: str
    line: int
    before: str
    after: str
    source: str  # the line as it was, without indentation
    code: str  # the whole file with the change

    def __str__(self) -> str:
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        return f"{self.file}:{self.line}: {before} -> {after}"


class _Sites(cst.CSTVisitor):
    """Every node that an operator changes: what it becomes, its line, and where it stands."""

    METADATA_DEPENDENCIES = (PositionProvider, ByteSpanPositionProvider)

    def __init__(self) -> None:
        self.found: list[tuple[cst.CSTNode, cst.CSTNode, int, CodeSpan]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        called = node.func if isinstance(node, cst.Call) else None
        if isinstance(node, LEFT_ALONE):
            return False
        if isinstance(called, cst.Name) and called.value in NEVER_NONE:
            return False
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                for changed in operator(node):
                    line = self.get_metadata(PositionProvider, node).start.line
                    span = self.get_metadata(ByteSpanPositionProvider, node)
                    self.found.append((node, changed, line, span))
        return True


def mutants_of(file: str, text: str | None = None) -> list[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    text = (SOURCE / file).read_text(encoding="utf-8") if text is None else text
    wrapped = MetadataWrapper(cst.parse_module(text))
    sites = _Sites()
    wrapped.visit(sites)
    lines, code = text.splitlines(), text.encode()
    mutants = []
    for node, changed, line, span in sorted(sites.found, key=lambda site: site[3].start):
        before, after = map(wrapped.module.code_for_node, (node, changed))
        head, rest = code[: span.start], code[span.start :]
        there = rest[: span.length].decode()
        become = after if there == before else after.strip()  # most spans leave spaces outside
        mutated = head.decode() + become + rest[span.length :].decode()
        source = lines[line - 1].strip()
        mutants.append(Mutant(file, line, before.strip(), after.strip(), source, mutated))
    return mutants


def unchanged(file: str) -> Mutant:
    """The file as it is: what must survive."""
    return Mutant(file, 0, "", "", "", (SOURCE / file).read_text(encoding="utf-8"))


def sampled(mutants: list[Mutant], number: int | None, seed: int) -> list[Mutant]:
    """So many of a file's mutants, drawn by a seed; all of them where ``number`` is None."""
    if number is None or number >= len(mutants):
        return mutants
    drawn = Random(f"{seed} {mutants[0].file}").sample(range(len(mutants)), number)
    return [mutants[at] for at in sorted(drawn)]


@dataclass(frozen=True)
class Equivalent:
    """A mutant that does what the code does, and why nobody could tell it from the code."""

    file: str
    source: str
    before: str
    after: str
    why: str

    def is_(self, mutant: Mutant) -> bool:
        return (self.file, self.source, self.before, self.after) == (
            mutant.file,
            mutant.source,
            mutant.before,
            mutant.after,
        )


def equivalents(path: Path = FOLDER / "equivalent.toml") -> list[Equivalent]:
    """Every mutant that was read and explained."""
    listed = tomllib.loads(path.read_text(encoding="utf-8"))
    return [Equivalent(**entry) for entry in listed["mutant"]]
