"""Charts: what is drawn lies where the lines of the grid say that its numbers are."""

import re
from itertools import pairwise
from statistics import NormalDist
from xml.etree import ElementTree

import numpy as np
import pytest

from faceprint.evaluate.curves import BINS, draw_det, draw_distances, draw_roc
from faceprint.evaluate.rates import roc, val_at_far
from faceprint.svg import BLUE, GREY, ORANGE

SVG = "{http://www.w3.org/2000/svg}"
PIXEL = 0.6  # so far off may a place be, which is written in tenths of a pixel, or halves on a curve
PROBIT = np.vectorize(NormalDist().inv_cdf)


@pytest.fixture
def apart():
    """Distances of the same and of different people, which overlap."""
    random = np.random.default_rng(0)
    return random.normal(0.3, 0.08, 400).clip(0.01), random.normal(0.6, 0.1, 2000).clip(0.01)


class Chart:
    """A chart: its frame, and the place of each number that the lines of its grid stand for."""

    def __init__(self, picture):
        self.root = ElementTree.fromstring(picture)
        self.across, self.up = {}, {}
        for line, text in pairwise(self.root):
            if line.get("stroke") == GREY:
                left, right, top, base = (float(line.get(name)) for name in ("x1", "x2", "y1", "y2"))
                number = float(text.text.removesuffix(" %")) / (100 if "%" in text.text else 1)
                if left == right:
                    self.across[number], self.top, self.base = left, top, base
                else:
                    self.up[number], self.left, self.right = top, left, right
        width, height = (float(self.root.get(name)) for name in ("width", "height"))
        assert 0 < self.left < self.right < width
        assert 0 < self.top < self.base < height

    def circles(self):
        return [(float(each.get("cx")), float(each.get("cy"))) for each in self.root.iter(f"{SVG}circle")]

    def course(self):
        (line,) = self.root.iter(f"{SVG}polyline")
        return np.array([point.split(",") for point in line.get("points").split()], float)


def places(lines, numbers, scale=np.asarray):
    """Where numbers lie by the first and the last line of a grid."""
    first, last = min(lines), max(lines)
    share = (scale(numbers) - scale(first)) / (scale(last) - scale(first))
    return lines[first] + share * (lines[last] - lines[first])


def even(lines, scale=np.asarray):
    """Whether all lines of a grid lie as its first and last say."""
    return np.allclose(list(lines.values()), places(lines, list(lines), scale), atol=PIXEL)


def same_course(found, *expected):
    """Whether each point of a course is one of those expected, and each of those is on it."""
    off = np.abs(found[:, None] - np.stack(expected, axis=1)).max(axis=2)
    return off.min(axis=0).max() < PIXEL and off.min(axis=1).max() < PIXEL


def test_roc(apart):
    curve, val = roc(*apart), val_at_far(*apart, 0.01)
    chart = Chart(draw_roc(curve, {0.01: val}, 2000))
    assert list(chart.across) == [0.0001, 0.001, 0.01, 0.1, 1]  # the least there can be is 1 of 2,000
    assert (chart.across[0.0001], chart.across[1]) == (chart.left, chart.right)
    assert (chart.up[min(chart.up)], chart.up[1]) == (chart.base, chart.top)
    assert even(chart.across, np.log10)
    assert even(chart.up)
    shown = curve.far > 0
    across, up = places(chart.across, curve.far[shown], np.log10), places(chart.up, curve.val[shown])
    assert same_course(chart.course(), across, up)
    expected = (places(chart.across, val.far, np.log10), places(chart.up, val.val))
    assert chart.circles() == [pytest.approx(expected, abs=PIXEL)]


def test_roc_begins_below_what_it_shows(apart):
    for same in (apart[0], apart[0] * 0.5, np.r_[apart[0], [0.7] * 600]):  # of which many, all and some are accepted
        curve, val = roc(same, apart[1]), val_at_far(same, apart[1], 0.01)
        chart = Chart(draw_roc(curve, {0.01: val}, 2000))
        assert 4 <= len(chart.up) <= 11
        lowest = min(val.low, curve.val[curve.far > 0][0])
        assert min(chart.up) <= lowest < min(chart.up) + (0.1 if lowest <= 0.9 else 1)


def test_det(apart):
    curve = roc(*apart)
    chart = Chart(draw_det(curve, 0.04))
    for lines in (chart.across, chart.up):
        assert list(lines) == [0.001, 0.01, 0.05, 0.1, 0.2, 0.5]
        assert even(lines, PROBIT)
    assert places(chart.across, 0.6, PROBIT) == pytest.approx(chart.right, abs=PIXEL)
    assert places(chart.up, 0.6, PROBIT) == pytest.approx(chart.top, abs=PIXEL)
    assert places(chart.across, 0.0005, PROBIT) == pytest.approx(chart.left, abs=PIXEL)
    assert places(chart.up, 0.0005, PROBIT) == pytest.approx(chart.base, abs=PIXEL)
    missed = 1 - curve.val
    shown = (curve.far > 0) & (missed > 0) & (curve.far < 0.6) & (missed < 0.6)
    across, up = places(chart.across, curve.far[shown], PROBIT), places(chart.up, missed[shown], PROBIT)
    assert same_course(chart.course(), across, up)
    expected = (places(chart.across, 0.04, PROBIT), places(chart.up, 0.04, PROBIT))
    assert chart.circles() == [pytest.approx(expected, abs=PIXEL)]


def test_det_without_an_error():
    curve = roc(np.array([0.1, 0.2]), np.array([0.5, 0.6]))
    chart = Chart(draw_det(curve, 0.0))
    assert min(chart.across) == min(chart.up) == 0.01
    assert chart.circles() == []


def test_distances(apart):
    curve = roc(*apart)
    chart = Chart(draw_distances(curve, {"FAR 0.01": 0.4}))
    last = max(np.sort(part)[int(np.ceil(0.9999 * len(part))) - 1] for part in apart)
    edges = np.linspace(0, last, BINS + 1)
    shares = [np.histogram(part, edges)[0] / len(part) for part in apart]
    bars = [path.get("d") for path in chart.root.iter(f"{SVG}path")]
    for share, bar in zip(shares, bars, strict=True):
        steps = np.array(re.findall(r"V([\d.]+)H([\d.]+)", bar), float)
        assert len(steps) == BINS
        heights = (chart.base - steps[:, 0]) / (chart.base - chart.top)
        np.testing.assert_allclose(heights, share / np.max(shares), atol=PIXEL / (chart.base - chart.top))
        np.testing.assert_allclose(steps[:, 1], places(chart.across, edges[1:]), atol=PIXEL)
        assert re.fullmatch(rf"M{chart.left:g} {chart.base}V.*H{chart.right}V{chart.base}Z", bar)
    assert even(chart.across)
    assert chart.across[0] == chart.left
    (threshold,) = [line for line in chart.root.iter(f"{SVG}line") if line.get("stroke-dasharray")]
    assert float(threshold.get("x1")) == float(threshold.get("x2"))
    assert float(threshold.get("x1")) == pytest.approx(places(chart.across, 0.4), abs=PIXEL)
    assert threshold.find(f"{SVG}title").text == "FAR 0.01: 0.4000"
    legend = [text for text in chart.root.iter(f"{SVG}text") if text.get("fill") in (BLUE, ORANGE)]
    assert [text.text for text in legend] == ["one person", "different people"]
    assert [text.get("fill") for text in legend] == [path.get("fill") for path in chart.root.iter(f"{SVG}path")]
    assert chart.top < float(legend[0].get("y")) < float(legend[1].get("y")) - 10 < chart.base
    assert all(chart.left < float(text.get("x")) < chart.right for text in legend)


@pytest.mark.parametrize("last", [0.01, 0.039, 0.04, 0.045, 0.099, 0.1, 0.39, 0.45, 1.0, 3.9, 4.0])
def test_distances_have_some_lines_and_not_many(last):
    chart = Chart(draw_distances(roc(np.array([last / 2]), np.array([last])), {}))
    assert 5 <= len(chart.across) <= 16
    step = sorted(chart.across)[1]
    assert f"{step:e}"[:4] in ("1.00", "2.50")


def test_distances_of_0_belong_to_the_first_bin():
    chart = Chart(draw_distances(roc(np.array([0.0, 0.0, 0.5]), np.array([1.0])), {}))
    first = next(chart.root.iter(f"{SVG}path")).get("d")
    heights = np.array(re.findall(r"V([\d.]+)H", first), float)
    assert (chart.base - heights[0]) / (chart.base - chart.top) == pytest.approx(2 / 3, abs=0.01)
    Chart(draw_distances(roc(np.zeros(2), np.zeros(3)), {}))  # where all are, a chart is drawn
