"""The page of a plan in headless Chromium, at desktop and phone width."""

from __future__ import annotations

from pathlib import Path

import pytest

import trueup
from tests.conftest import chromium
from tests.planning.table import GPU, held, usage

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.browser


def test_the_curve_is_seen(tmp_path: Path) -> None:
    """It asks for nothing, fits both widths, and shows one drawing that is not empty. Four weeks:
    the best level with its interval; hostile names stay text.
    """
    rows = [held(hour, str(hour // 168 + 1 + hour % 24 // 8)) for hour in range(4 * 168)]
    name = "<script>document.title='pwned'</script>"
    offer = {"name": name, "currency": "USD", "unit": "GPU-Hours", "hourly": "2.50"}
    plan = trueup.plan(usage(rows), rules={"rate": [GPU], "offer": [offer]})
    address = plan.to_html(tmp_path / "plan.html").as_uri()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        for width in (1280, 390):
            page = browser.new_page(viewport={"width": width, "height": 844})
            said: list[str] = []
            asked: list[str] = []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(address)
            assert (said, asked) == ([], [address])
            assert page.title() == "trueup · How much to commit"
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            drawn = page.locator("figure.chart svg:visible")
            assert drawn.count() == 1
            box = drawn.bounding_box()
            assert box is not None
            assert box["width"] > 250
            assert box["x"] + box["width"] <= width
            assert "committed in each hour" in (drawn.text_content() or "")
            assert "0k" in drawn.locator("text").all_text_contents()  # where costs begin
            said_there = page.locator("body").inner_text()
            assert "GPU at once" in said_there
            assert "USD a GPU-Hour" in said_there
            assert "00:00Z" not in said_there
        browser.close()
