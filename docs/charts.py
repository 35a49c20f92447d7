"""Charts of the book as SVG: bars, ours among others', and rates over false accept rates, with their intervals."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from faceprint.markup import GREY as OTHERS
from faceprint.svg import BACKGROUND, BLUE, ORANGE, course, drawing, heading, label, level, point

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
            label(NAMES - 8, y + 13, name, anchor="end"),
            f'<rect x="{NAMES}" y="{y}" width="{wide:.1f}" height="18" fill="{fill}"/>',
            label(NAMES + wide + 6, y + 13, shown(value), anchor="start"),
        ]
    return _picture(title, TOP + 24 * len(values), parts)


def roc(title: str, curves: Mapping[str, Iterable[Point]]) -> str:
    """Draw one curve or two: the rate of right accepts over that of false ones, which has a logarithmic axis."""
    drawn = {name: list(points) for name, points in curves.items()}
    every = [each for points in drawn.values() for each in points]
    first, last = math.log10(min(each.far for each in every)), math.log10(max(each.far for each in every))
    floor = math.floor(min(each.low for each in every) * 20) / 20
    right, base = WIDTH - 20, ROC_HEIGHT - 44

    def across(far: float) -> float:
        return LEFT + (right - LEFT) * (math.log10(far) - first) / (last - first)

    def up(share: float) -> float:
        return base - (base - TOP) * (share - floor) / (1 - floor)

    twentieths = range(round(floor * 20), 21)
    parts = [level(LEFT, right, up(twentieth / 20), f"{5 * twentieth} %") for twentieth in twentieths]
    powers = range(math.ceil(first), math.floor(last) + 1)
    parts += [label(across(10.0**power), base + 18, f"1e{power}") for power in powers]
    parts.append(label((LEFT + right) / 2, base + 36, "false accept rate"))
    for place, (name, points) in enumerate(drawn.items()):
        colour, y = COLOURS[place], base - 12 - 18 * place
        parts += _curve(points, colour, across, up)
        parts.append(label(right - 8, y, name, anchor="end", colour=colour))
    return _picture(title, ROC_HEIGHT, parts)


def shown(value: float) -> str:
    """Write a number with three digits that count, or more where they stand before the point.

    >>> shown(3.7171), shown(21933.49), shown(0.0421)
    ('3.72', '21,933', '0.0421')
    """
    digits = max(2 - math.floor(math.log10(value)), 0) if value > 0 else 0
    return f"{value:,.{digits}f}"


def _curve(points: list[Point], colour: str, across: Scale, up: Scale) -> Iterator[str]:
    yield course(((across(each.far), up(each.val)) for each in points), colour)
    for each in points:
        told = f"FAR {each.far:.2g}: {each.val:.1%} [{each.low:.1%}, {each.high:.1%}]"
        yield point(across(each.far), up(each.val), up(each.low), up(each.high), colour, told)


def _picture(title: str, height: int, parts: Iterable[str]) -> str:
    return drawing(title, WIDTH, height, [BACKGROUND, heading(8, 22, title, 14), *parts], letters=12)
