"""report.html: one self-contained page; opens offline, prints, reads on a phone. No scripts."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.report.atomic import write_text

if TYPE_CHECKING:
    from jinja2 import Environment

    from trueup.report.html.page import Page
    from trueup.report.plan import Plan
    from trueup.report.result import Result


def render_html(result: Result) -> str:
    """The page as text. Its size is bounded: tables and charts stop at a number of rows."""
    from trueup.report.html.page import build_page

    return rendered(build_page(result, style()))


def render_plan(plan: Plan) -> str:
    """The page of a plan as text, bounded in the same way."""
    from trueup.report.html.plan import plan_page

    return rendered(plan_page(plan, style()))


def style() -> str:
    """The style sheet of every page."""
    return files(__name__).joinpath("style.css").read_text(encoding="utf-8")


def rendered(page: Page) -> str:
    """Any page in the report's template."""
    return _environment().get_template("report.html.j2").render(page=page)


def write_html(result: Result, path: Path) -> Path:
    """Write the page atomically."""
    return write_text(path, render_html(result))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("trueup.report", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The only two texts that are not escaped: drawings that svg.py has sanitised, and the
    # package's own style sheet.
    environment.filters["drawn"] = Markup
    environment.filters["style"] = Markup
    return environment
