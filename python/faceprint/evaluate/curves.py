"""ROC, DET and the distances of both kinds of pairs as pictures: SVG, without a plotting library."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ..svg import BLUE, DARK, GREY, ORANGE, course, drawing, heading, label, level, point
from .rates import Roc, Val

WIDTH, HEIGHT = 460, 340
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 34, 46  # what is around a chart
BINS = 60
NEAREST = 1e-6  # where the scale of distances ends at least
SHARES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.05, 0.1, 0.2, 0.5)  # where a DET has lines
NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class _Axis:
    """A scale from `first` to `last`, with lines at some of its values and what is written there."""

    title: str
    first: float
    last: float
    ticks: Mapping[float, str]

    def across(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - self.first) / (self.last - self.first)

    def up(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - self.first) / (self.last - self.first)


def draw_roc(curve: Roc, vals: Mapping[float, Val], different_pairs: int) -> str:
    """Draw VAL over FAR, the latter on a logarithmic scale, with the 95 % intervals of some points."""
    first = math.floor(math.log10(1 / max(different_pairs, 10)))
    shown = curve.far > 0
    lowest = min([float(curve.val[shown][0]), *(value.low for value in vals.values())])
    fine = 50 if lowest > 0.8 else 10
    floor = min(math.floor(fine * lowest) / fine, 0.9)
    decades = {float(power): _share(10.0**power) for power in range(first, 1)}
    lines = [part / fine for part in range(round(fine * floor), fine + 1)]
    right, top = _Axis("FAR", first, 0, decades), _Axis("VAL", floor, 1, {line: _share(line) for line in lines})
    ends = zip(curve.far[shown], curve.val[shown], strict=True)
    parts = [_course((right.across(math.log10(far)), top.up(val)) for far, val in ends)]
    for far, value in vals.items():
        if value.far > 0:
            told = f"at FAR {far:g}: {value.val:.1%} [{value.low:.1%}, {value.high:.1%}]"
            x, y = right.across(math.log10(value.far)), top.up(value.val)
            parts.append(point(x, y, top.up(value.low), top.up(value.high), ORANGE, told))
    return _chart("Accepted pairs of one person, over false accepts", right, top, parts)


def draw_det(curve: Roc, equal: float) -> str:
    """Draw the false match rate over the false non-match rate, both on the scale of a normal distribution.

    A straight line is what normally distributed distances give (Martin et al., "The DET curve in assessment of
    detection task performance", 1997). The mark is where both rates are equal.
    """
    missed = 1 - curve.val
    shown = (curve.far > 0) & (missed > 0) & (curve.far < 0.6) & (missed < 0.6)
    least = min([float(rates[shown].min()) for rates in (curve.far, missed) if shown.any()], default=0.01)
    first = _probit(min(least, 0.01))
    ticks = {_probit(share): _share(share) for share in SHARES if _probit(share) >= first}
    right, top = (_Axis(title, first, _probit(0.6), ticks) for title in ("false match rate", "false non-match rate"))
    ends = zip(curve.far[shown], missed[shown], strict=True)
    parts = [_course((right.across(_probit(far)), top.up(_probit(rate))) for far, rate in ends)]
    if 0 < equal < 0.6:
        x, y = right.across(max(_probit(equal), first)), top.up(max(_probit(equal), first))
        parts.append(point(x, y, y, y, ORANGE, f"equal error rate: {equal:.2%}"))
    return _chart("False non-matches, over false matches", right, top, parts)


def draw_distances(curve: Roc, thresholds: Mapping[str, float]) -> str:
    """Draw how far pairs of one person and of different people lie apart, each as shares of their own."""
    last = max(float(curve.thresholds[np.searchsorted(np.minimum(curve.far, curve.val), 0.9999)]), NEAREST)
    edges = np.linspace(0, last, BINS + 1)
    same, different = _between(curve, curve.val, edges), _between(curve, curve.far, edges)
    most = max(float(same.max()), float(different.max()))
    decade = 10.0 ** math.floor(math.log10(last))
    step = decade if last >= 4 * decade else decade / 4
    places = {step * number: f"{step * number:g}" for number in range(int(last / step) + 1)}
    right = _Axis("squared distance", 0, last, places)
    top = _Axis("share of the pairs of a kind", 0, most, {0: "0", most: _share(most)})
    parts = [_bars(same, edges, right, top, BLUE), _bars(different, edges, right, top, ORANGE)]
    for name, threshold in thresholds.items():
        x = right.across(threshold)
        line = f'x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{DARK}" stroke-dasharray="4 3"'
        parts.append(f"<line {line}><title>{escape(name)}: {threshold:.4f}</title></line>")
    for place, (colour, kind) in enumerate(((BLUE, "one person"), (ORANGE, "different people"))):
        parts.append(label(WIDTH - RIGHT - 4, TOP + 14 + 16 * place, kind, anchor="end", colour=colour))
    return _chart("Distances of pairs", right, top, parts)


def _between(curve: Roc, reached: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the pairs in each bin, from the share that lies within each threshold."""
    within = np.concatenate([[0.0], reached])[np.searchsorted(curve.thresholds, edges, side="right")]
    within[0] = 0  # distances of 0 belong to the first bin
    return np.diff(within)


def _bars(shares: NDArray[np.float64], edges: NDArray[np.float64], right: _Axis, top: _Axis, colour: str) -> str:
    base = top.up(0)
    steps = "".join(
        f"V{top.up(share):.1f}H{right.across(edge):.1f}" for share, edge in zip(shares, edges[1:], strict=True)
    )
    return f'<path d="M{LEFT} {base:.1f}{steps}V{base:.1f}Z" fill="{colour}" fill-opacity="0.35" stroke="{colour}"/>'


def _course(ends: Iterable[tuple[float, float]]) -> str:
    """A line through many points, of which those that would fall on half a pixel of another are left out."""
    pixels = dict.fromkeys((round(x * 2) / 2, round(y * 2) / 2) for x, y in ends)
    return course(pixels, BLUE)


def _chart(title: str, right: _Axis, top: _Axis, parts: Sequence[str]) -> str:
    end, base = WIDTH - RIGHT, HEIGHT - BOTTOM
    lines = []
    for value, text in right.ticks.items():
        x = right.across(value)
        lines.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{base}" stroke="{GREY}"/>')
        lines.append(label(x, base + 16, text))
    lines += [level(LEFT, end, top.up(value), text) for value, text in top.ticks.items()]
    across = label((LEFT + end) / 2, HEIGHT - 8, right.title)
    turned = f'transform="translate(12 {(TOP + base) / 2}) rotate(-90)" text-anchor="middle"'
    upwards = f"<text {turned}>{escape(top.title)}</text>"
    return drawing(title, WIDTH, HEIGHT, [heading(LEFT, 18, title, 13), *lines, *parts, across, upwards])


def _probit(share: float) -> float:
    return NORMAL.inv_cdf(share)


def _share(share: float) -> str:
    """A share in per cent, in two figures at most.

    >>> _share(1e-4), _share(0.5)
    ('0.01 %', '50 %')
    """
    return f"{float(f'{100 * share:.2g}'):g} %"
