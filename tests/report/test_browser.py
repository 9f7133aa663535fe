"""The report in headless Chromium, at desktop and phone width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.conftest import chromium
from trueup.report.result import Result

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.browser

PHONE = 390
DESKTOP = 1280
Scheme = Literal["light", "dark"]


class Seen:
    """A page that was opened, and all that it said or asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("dialog", lambda dialog: self.said.append(dialog.message))


@pytest.fixture(scope="module")
def address(result: Result, tmp_path_factory: pytest.TempPathFactory) -> str:
    return result.to_html(tmp_path_factory.mktemp("html") / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        yield found
        found.close()


def opened(browser: Browser, address: str, width: int, scheme: Scheme = "light") -> Seen:
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    seen = Seen(page)
    page.goto(address)
    return seen


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_it_opens_quietly_and_fits(
    browser: Browser, address: str, width: int, scheme: Scheme
) -> None:
    """No console message, no request beyond the file itself, nothing wider than the screen."""
    seen = opened(browser, address, width, scheme)
    assert seen.said == []
    assert seen.asked == [address]
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.page.evaluate("document.body.scrollWidth") <= width


def test_hostile_text_does_nothing(browser: Browser, address: str) -> None:
    """The title is ours, no script and no image came to life, and the text can be read."""
    page = opened(browser, address, DESKTOP).page
    assert page.title() == "trueup · October 2026"
    assert page.evaluate("document.scripts.length + document.images.length") == 0
    assert page.get_by_text("<script>document.title='pwned'</script>").first.is_visible()


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_charts_are_seen(browser: Browser, address: str, width: int) -> None:
    """Every figure shows exactly one drawing that is neither empty nor wider than the screen."""
    page = opened(browser, address, width).page
    charts = page.locator("figure.chart")
    assert charts.count() >= 10
    for index in range(charts.count()):
        drawn = charts.nth(index).locator("svg:visible")
        assert drawn.count() == 1
        box = drawn.bounding_box()
        assert box is not None
        assert box["width"] > 150
        assert box["height"] > 20
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_chart_text_can_be_read_on_a_phone(browser: Browser, address: str) -> None:
    """No visible chart is scaled down so far that its 11 px labels fall below 9 px."""
    page = opened(browser, address, PHONE).page
    scales = page.evaluate(
        """[...document.querySelectorAll("figure.chart svg")]
            .filter(svg => svg.getBoundingClientRect().width > 0)
            .map(svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width)"""
    )
    assert scales
    assert min(scales) * 11 >= 9


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(browser: Browser, address: str, scheme: Scheme) -> None:
    """Main and secondary text have a contrast of at least 4.5 to 1 in both schemes."""
    page = opened(browser, address, DESKTOP, scheme).page
    contrasts = page.evaluate(
        """() => {
          const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
          const light = text => {
            const [r, g, b] = text.match(/\\d+/g).map(Number);
            return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
          };
          const card = light(getComputedStyle(document.querySelector("#breaks")).backgroundColor);
          return ["#breaks td", "#breaks td .sub", ".tone-over", ".tone-under", "nav a"].map(s => {
            const ink = light(getComputedStyle(document.querySelector(s)).color);
            return (Math.max(ink, card) + 0.05) / (Math.min(ink, card) + 0.05);
          });
        }"""
    )
    assert min(contrasts) >= 4.5


def test_it_prints(browser: Browser, address: str, tmp_path: Path) -> None:
    """On paper the navigation is gone and no table is cut at the right edge."""
    page = opened(browser, address, 1000).page
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    cut = page.evaluate(
        """[...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth + 1)
            .map(e => e.getAttribute("aria-label"))"""
    )
    assert cut == []
    assert page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True).startswith(b"%PDF")
