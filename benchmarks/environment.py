"""A virtual environment for a rival that caps versions, made once by pip."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

REQUIREMENTS = {"datacompy": ("datacompy>=1,<2",)}


def python_of(rival: str, folder: Path) -> str:
    """The Python that has the rival; its environment is made where it is not there yet."""
    target = folder / f"environment-{rival}"
    python = target / "bin" / "python"
    ready = target / "ready"
    if not ready.exists():
        venv.create(target, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *REQUIREMENTS[rival]], check=True
        )
        ready.touch()
    return str(python)
