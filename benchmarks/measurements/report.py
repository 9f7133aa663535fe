"""The report of a month: how large, and how soon a browser shows it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from statistics import median

from benchmarks.bench import Bench
from benchmarks.goal import Figure
from benchmarks.measure import program, run

LOADS = 5
LOOK_MS = 20
PAINT = "() => performance.getEntriesByType('paint').map(entry => entry.startTime)"


def measure(bench: Bench) -> list[Figure]:
    """Reconcile with all legs, write the page, open it."""
    out = bench.place("report")
    run(program("benchmarks.contestants.trueup", bench.month(), out, "everything", "report"))
    page = out / "report.html"
    size = page.stat().st_size / 1e6
    figures = [Figure("report-size", size, size, size)]
    chromium = os.environ.get("TRUEUP_CHROMIUM") or shutil.which("chromium")
    if chromium:
        seconds = _paints(page, chromium)
        figures.append(Figure("report-paint", median(seconds), min(seconds), max(seconds)))
    return figures


def _paints(page: Path, chromium: str) -> list[float]:
    """Seconds from opening to the first paint, in a new tab each time."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(LOADS):
            tab = browser.new_page(viewport={"width": 1280, "height": 800})
            tab.goto(page.as_uri())
            while not (painted := tab.evaluate(PAINT)):
                tab.wait_for_timeout(LOOK_MS)
            found.append(min(painted) / 1000)
            tab.close()
        browser.close()
    return found
