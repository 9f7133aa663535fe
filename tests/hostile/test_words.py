"""Names that are escapes, markup and formulas, through the whole command to all that it writes.

What harmless names give is the measure: hostile ones may add no element to the page, no formula to
the workbook, and no character to the terminal that steers it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pytest

from tests.focus.bill import row, write
from tests.hostile.measured import Done, measured
from tests.hostile.readers import READERS

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07",  # clears the screen, names the window
    "\x9b31m\x7f\r",  # the same in one byte; over the line before
    "\u202egnp.exe\u2066",  # reads from the right
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)><svg onload=alert(1)>',
    "]]><![CDATA[</text></svg><b>",
    "=HYPERLINK(A1)",
    "+1+cmd|' /C calc'!A0",
    "-1+1",
    "@SUM(A1:A9)",
    "\t=1+1",
    "{{ 7 * 7 }}{% raw %}",
    "%s%n[red]x[/red]",
)
HARMLESS = tuple(f"name {number}" for number in range(len(HOSTILE)))


def month(folder: Path, names: tuple[str, ...]) -> Done:
    """A month of charges and calls whose every free text is one of these names."""
    folder.mkdir()
    charges = [
        row(
            **dict.fromkeys(
                ("ServiceName", "ResourceId", "SkuId", "ChargeDescription", "RegionId"), name
            ),
            SubAccountId=name,
            Tags=json.dumps({"team": name, name: name}),
            BilledCost=str(number + 5),
            EffectiveCost=str(number + 5),
        )
        for number, name in enumerate(names)
    ]
    write(folder / "b.csv", *charges)
    write(
        folder / f"{names[0].replace('/', '')}.csv", row(BilledCost="no"), row(PricingQuantity="2")
    )
    call = json.loads(READERS["litellm"].seeds["l.jsonl"].splitlines()[0])
    calls = [
        call | dict.fromkeys(("request_id", "model", "team_id", "agent_id", "session_id"), name)
        for name in names
    ]
    (folder / "l.jsonl").write_text("".join(json.dumps(each) + "\n" for each in calls))
    commitment = f"id = {json.dumps(names[0])}\ndescription = {json.dumps(names[3])}"
    (folder / "c.toml").write_text(
        f'[[commitment]]\n{commitment}\nprovider = "Example Cloud"\nstart = 2026-10-01\n'
        'end = 2027-10-01\ncost = 1\ncurrency = "USD"\ninterval = "hourly"\n'
    )
    (folder / "trueup.toml").write_text(
        '[run]\nperiod = "2026-10"\nas_of = 2026-11-05\n[[charges]]\npath = "*.csv"\n'
        '[[commitments]]\npath = "c.toml"\n[[usage]]\npath = "l.jsonl"\n'
    )
    return measured(folder, "run")


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Done]]:
    place = tmp_path_factory.mktemp("words")
    given = {"hostile": HOSTILE, "harmless": HARMLESS}
    return {name: (place / name, month(place / name, names)) for name, names in given.items()}


def steering(text: str) -> set[str]:
    """Characters that are no line end and do not print."""
    return {sign for sign in text if not (sign.isprintable() or sign == "\n")}


def test_the_terminal_is_not_steered(months: dict[str, tuple[Path, Done]]) -> None:
    """Summary, progress, failures and the commands over the run: text and line ends alone."""
    folder, done = months["hostile"]
    assert done.code == months["harmless"][1].code, done.said
    assert "Traceback" not in done.err
    assert steering(done.said) == set()
    for asked in (
        ("breaks", "list"),
        ("breaks", "list", "--json"),
        ("sessions",),
        ("drivers", "--by", "team"),
    ):
        told = measured(folder, *asked)
        assert "Traceback" not in told.err
        assert (steering(told.said), told.code) == (set(), 0), told.said


class Elements(HTMLParser):
    """Counts the elements of a page, and the attributes that carry code or an address."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] += tag not in {"tspan", "g", "path", "text", "rect", "line", "title"}
        self.found.update(name for name, _ in attrs if name.startswith("on"))
        self.found.update(
            f"{name}={value}"
            for name, value in attrs
            if name in {"href", "src", "xlink:href"} and not str(value).startswith("#")
        )


def test_the_page_gets_no_element(months: dict[str, tuple[Path, Done]]) -> None:
    """Scripts, pictures, handlers and addresses are those of the harmless page, charts included."""
    hostile, harmless = (
        Elements(next((folder / "out").rglob("report.html")).read_text(encoding="utf-8")).found
        for folder, _ in months.values()
    )
    assert {"script", "img", "b", "onerror", "onload"} & set(+(hostile - harmless)) == set()
    assert set(+hostile) == set(+harmless)


def test_the_workbook_gets_no_formula(months: dict[str, tuple[Path, Done]]) -> None:
    """Formulas are those of the harmless workbook, and no cell is a link."""
    found = []
    for folder, _ in months.values():
        book = openpyxl.load_workbook(next((folder / "out").rglob("report.xlsx")))
        cells = [cell for sheet in book for line in sheet.iter_rows() for cell in line]
        assert not any(cell.hyperlink for cell in cells)
        formulas = (str(cell.value) for cell in cells if cell.data_type == "f")
        found.append({re.sub(r"\d+", "N", formula) for formula in formulas})  # of any rows
    assert found[0] == found[1]


def test_an_error_does_not_steer_either(tmp_path: Path) -> None:
    """A file whose name is an escape, and a key of a configuration that is one."""
    name = f"{HOSTILE[0]}.csv"
    (tmp_path / name).write_bytes(b"")
    done = measured(tmp_path, "reconcile", "--charges", name)
    assert (done.code, steering(done.said)) == (2, set())
    assert r"\x1b[2J" in done.err
    (tmp_path / "trueup.toml").write_text(
        '"\\u001b[2J" = 1\n[run]\nout = "\\u009b"\n"x\\u202e" = 2'
    )
    for asked in (("run",), ("doctor",)):
        done = measured(tmp_path, *asked)
        assert (done.code != 0, steering(done.said)) == (True, set()), done.said
