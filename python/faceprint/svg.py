"""Pieces of charts as SVG, without a plotting library; places are in pixels."""

from collections.abc import Iterable
from html import escape

DARK, GREY, BLUE, ORANGE = "#1c2733", "#d9e2ec", "#0072b2", "#b44d12"  # blue and orange are apart for every eye
BACKGROUND = '<rect width="100%" height="100%" fill="#ffffff"/>'


def drawing(title: str, width: int, height: int, parts: Iterable[str], letters: int = 11) -> str:
    """Put a picture together: the text of an SVG file, named for those who do not see it."""
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    style = f'font-family="system-ui, Helvetica, Arial, sans-serif" font-size="{letters}" fill="{DARK}"'
    named = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}" {style}>'
    return "\n".join([named, *parts, "</svg>\n"])


def heading(x: float, y: float, text: str, letters: int) -> str:
    """Write a title that begins at x."""
    return f'<text x="{x:g}" y="{y:g}" font-size="{letters}" font-weight="600">{escape(text)}</text>'


def label(x: float, y: float, text: str, *, anchor: str = "middle", colour: str = DARK) -> str:
    """Write some text about x, or up to it where `anchor` is "end"."""
    fill = "" if colour == DARK else f' fill="{colour}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{fill}>{escape(text)}</text>'


def level(left: float, right: float, y: float, text: str) -> str:
    """Draw a line of the grid across a chart, and write left of it what it stands for."""
    line = f'<line x1="{left:g}" x2="{right:g}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GREY}"/>'
    return line + label(left - 6, y + 4, text, anchor="end")


def course(ends: Iterable[tuple[float, float]], colour: str) -> str:
    """Draw a line through points."""
    points = " ".join(f"{round(x, 1):g},{round(y, 1):g}" for x, y in ends)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def point(x: float, y: float, low: float, high: float, colour: str, told: str, *, hollow: bool = False) -> str:
    """Draw a point with its interval, from `low` up to `high`; `told` is what it says under the mouse."""
    bar = f'<path d="M{x - 4:.1f} {high:.1f}h8m-4 0V{low:.1f}m-4 0h8" fill="none" stroke="{colour}"/>'
    fill = "#ffffff" if hollow else colour
    circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{fill}" stroke="{colour}">'
    return f"{bar}{circle}<title>{escape(told)}</title></circle>"
