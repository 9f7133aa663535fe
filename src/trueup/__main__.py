"""``python -m trueup`` is ``trueup``."""

from __future__ import annotations

from trueup.cli import main

if __name__ == "__main__":
    main()
