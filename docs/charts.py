"""Charts of the book as SVG: bars, ours among others', and rates over false accept rates, with their intervals."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from typing import NamedTuple, TypeAlias

from faceprint.evaluate.plot import BLUE, DARK, GREY, ORANGE
from faceprint.markup import GREY as OTHERS

WIDTH, NAMES, VALUES = 760, 340, 90  # of a chart, and of what stands left and right of the bars
LEFT, TOP, ROC_HEIGHT = 60, 44, 360
COLOURS = (BLUE, ORANGE)
Scale: TypeAlias = Callable[[float], float]


class Point(NamedTuple):
    """A rate `val`, with its 95 % interval, at a false accept rate `far`."""

    far: float
    val: float
    low: float
    high: float


def bars(title: str, values: Mapping[str, float]) -> str:
    """Draw a bar for each value, the shortest first; those whose name begins with "faceprint" are ours, in blue."""
    longest = max(values.values())
    parts = []
    for place, (name, value) in enumerate(sorted(values.items(), key=lambda each: each[1])):
        y = TOP + 24 * place
        wide = max((WIDTH - NAMES - VALUES) * value / longest, 1)
        fill = BLUE if name.startswith("faceprint") else OTHERS
        parts += [
            f'<text x="{NAMES - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{NAMES}" y="{y}" width="{wide:.1f}" height="18" fill="{fill}"/>',
            f'<text x="{NAMES + wide + 6:.1f}" y="{y + 13}">{shown(value)}</text>',
        ]
    return _picture(title, TOP + 24 * len(values), parts)


def roc(title: str, curves: Mapping[str, Iterable[Point]]) -> str:
    """Draw one curve or two: the rate of right accepts over that of false ones, which has a logarithmic axis."""
    drawn = {name: list(points) for name, points in curves.items()}
    every = [point for points in drawn.values() for point in points]
    first, last = math.log10(min(point.far for point in every)), math.log10(max(point.far for point in every))
    floor = math.floor(min(point.low for point in every) * 20) / 20
    right, base = WIDTH - 20, ROC_HEIGHT - 44

    def across(far: float) -> float:
        return LEFT + (right - LEFT) * (math.log10(far) - first) / (last - first)

    def up(share: float) -> float:
        return base - (base - TOP) * (share - floor) / (1 - floor)

    parts = []
    for twentieth in range(round(floor * 20), 21):
        y = up(twentieth / 20)
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GREY}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{5 * twentieth} %</text>')
    for power in range(math.ceil(first), math.floor(last) + 1):
        x = across(10.0**power)
        parts.append(f'<text x="{x:.1f}" y="{base + 18}" text-anchor="middle">1e{power}</text>')
    parts.append(f'<text x="{(LEFT + right) / 2}" y="{base + 36}" text-anchor="middle">false accept rate</text>')
    for place, (name, points) in enumerate(drawn.items()):
        colour, y = COLOURS[place], base - 12 - 18 * place
        parts += _curve(points, colour, across, up)
        parts.append(f'<text x="{right - 8}" y="{y}" text-anchor="end" fill="{colour}">{escape(name)}</text>')
    return _picture(title, ROC_HEIGHT, parts)


def shown(value: float) -> str:
    """Write a number with three digits that count, or more where they stand before the point.

    >>> shown(3.7171), shown(21933.49), shown(0.0421)
    ('3.72', '21,933', '0.0421')
    """
    digits = max(2 - math.floor(math.log10(value)), 0) if value > 0 else 0
    return f"{value:,.{digits}f}"


def _curve(points: list[Point], colour: str, across: Scale, up: Scale) -> Iterator[str]:
    course = " ".join(f"{across(point.far):.1f},{up(point.val):.1f}" for point in points)
    yield f'<polyline points="{course}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    for point in points:
        x = across(point.far)
        bar = f"M{x - 4:.1f} {up(point.high):.1f}h8m-4 0V{up(point.low):.1f}m-4 0h8"
        yield f'<path d="{bar}" fill="none" stroke="{colour}"/>'
        told = f"FAR {point.far:.2g}: {point.val:.1%} [{point.low:.1%}, {point.high:.1%}]"
        yield f'<circle cx="{x:.1f}" cy="{up(point.val):.1f}" r="3.5" fill="{colour}"><title>{told}</title></circle>'


def _picture(title: str, height: int, parts: Iterable[str]) -> str:
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    style = f'font-family="system-ui, Helvetica, Arial, sans-serif" font-size="12" fill="{DARK}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}" {style}>',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text x="8" y="22" font-size="14" font-weight="600">{escape(title)}</text>',
            *parts,
            "</svg>\n",
        ]
    )
