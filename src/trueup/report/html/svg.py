"""Chart specifications become SVG that can stand inside the page.

Only drawing elements and drawing attributes are let through, so that no text from outside can
become a link, a script or a request, whatever the renderer does with it.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

_SVG = "http://www.w3.org/2000/svg"
_ELEMENTS = frozenset({"svg", "g", "path", "rect", "line", "text", "circle"})
_ATTRIBUTES = frozenset(
    {
        *("class", "d", "fill", "fill-opacity", "font-family", "font-size", "font-weight"),
        *("height", "opacity", "points", "r", "stroke", "stroke-dasharray", "stroke-opacity"),
        *("stroke-width", "text-anchor", "transform", "viewBox", "width", "x", "x1", "x2", "y"),
        *("y1", "y2", "cx", "cy", "dy", "dx"),
    }
)
FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


def render(specification: dict[str, Any]) -> str:
    """Draw a Vega-Lite specification, offline; the answer holds no identifiers and no links."""
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
    return sanitised(drawn)


def sanitised(drawn: str) -> str:
    """Keep only what draws; the accessible name is the surrounding figure's."""
    ElementTree.register_namespace("", _SVG)
    if "<!" in drawn:
        raise ValueError("a drawing with a declaration is not one of ours")
    root = ElementTree.fromstring(drawn)  # noqa: S314  # without a declaration nothing expands
    _clean(root)
    root.set("aria-hidden", "true")
    root.set("focusable", "false")
    return ElementTree.tostring(root, encoding="unicode")


def _clean(element: ElementTree.Element) -> None:
    for name in list(element.attrib):
        value = element.attrib[name]
        if name not in _ATTRIBUTES or "url(" in value or "javascript:" in value:
            del element.attrib[name]
    if "font-family" in element.attrib:
        element.attrib["font-family"] = FONT
    for child in list(element):
        if child.get("display") == "none" or child.get("opacity") == "0":
            element.remove(child)
        elif child.tag.removeprefix(f"{{{_SVG}}}") in _ELEMENTS:
            _clean(child)
        else:
            element.remove(child)
