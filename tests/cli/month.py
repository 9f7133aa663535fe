"""A month to close: bills that can change between nights, a contract, persons with keys."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner, Result
from tests.cli.conftest import row, write_bill

from trueup.cli.app import app

CONFIGURATION = """
[run]
period = "2026-10"
as_of = 2026-11-20T06:00:00Z

[controls]
write_off_limit = "1.00"

[[charges]]
paths = ["bills/*.csv"]

[[commitments]]
paths = ["contracts.toml"]
"""
CONTRACT = """
[[commitment]]
id = "plan-1"
provider = "example"
category = "Spend"
quantity = "11.00"
unit = "USD"
currency = "USD"
start = 2026-10-03T14:00:00Z
end = 2026-10-03T15:00:00Z
interval = "hourly"
"""


@dataclass
class Month:
    """October 2026 in a folder: one hour of plan-1, of which the contract says 11.00.

    The bill says 8.50 used and 1.50 unused: a `commitment` break of 10.00 - 11.00 = -1.00.
    """

    folder: Path

    def __post_init__(self) -> None:
        self.bill("8.50")
        self.configure("")
        (self.folder / "contracts.toml").write_text(CONTRACT, encoding="utf-8")

    def configure(self, more: str) -> None:
        (self.folder / "trueup.toml").write_text(CONFIGURATION + more, encoding="utf-8")

    def bill(self, used: str, unused: str = "1.50") -> None:
        """October's bill, as it is delivered now."""
        (self.folder / "bills").mkdir(exist_ok=True)
        write_bill(self.folder / "bills" / "oct.csv", row("Used", used), row("Unused", unused))

    def next_bill(self, used: str, month: str = "2026-11") -> None:
        """The bill of a later month; its billing period ends on the 28th."""
        rows = [
            {
                name: text.replace("2026-11-01", f"{month}-28").replace("2026-10", month)
                for name, text in one.items()
            }
            for one in (row("Used", used), row("Unused", "1.50"))
        ]
        write_bill(self.folder / "bills" / f"{month}.csv", *rows)

    def persons(self) -> None:
        """The preparer may prepare, the approver approve; the stranger's key is bound to nobody."""
        blocks = []
        for name, may in (
            ("Preparer", "prepare"),
            ("Approver", "approve"),
            ("Stranger", "approve"),
        ):
            made = trueup("key", "new", "--out", f"{name.lower()}.key", "--name", name)
            assert made.exit_code == 0, made.output
            block = re.sub(r"may = .*", f'may = ["{may}"]', made.output)
            blocks.append(block if name != "Stranger" else "")
        self.configure("\n".join(blocks))

    def run(self, *args: str) -> None:
        found = trueup("run", "-q", *args)
        assert found.exit_code == 0, found.output

    def once(self, perform: Callable[[], None]) -> None:
        """What was performed before on the same files is copied from there: for set-up alone."""
        key = _content(self.folder)
        if key in _performed:
            shutil.copytree(_performed[key].name, self.folder, dirs_exist_ok=True)
            return
        perform()
        _performed[key] = TemporaryDirectory(prefix="trueup-month-")
        shutil.copytree(self.folder, _performed[key].name, dirs_exist_ok=True)

    def break_id(self) -> str:
        """The id of the only break."""
        (found,) = re.findall(r"(?m)^([0-9a-f]{16}) ", trueup("breaks", "list").stdout)
        return str(found)


_performed: dict[str, TemporaryDirectory[str]] = {}  # by what stood there before


def _content(folder: Path) -> str:
    """A hash of all files of a folder, with their names."""
    found = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(folder)}\n{path.stat().st_size}\n".encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def trueup(*args: str, user: str = "nobody") -> Result:
    """The command, called by a user of the machine."""
    return CliRunner().invoke(app, args, env={"LOGNAME": user})
