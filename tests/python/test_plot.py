"""The picture of a network's sensitivity: each VAL lies between the lines of the grid where it belongs."""

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from faceprint.evaluate import Sensitivity, Val
from faceprint.evaluate.plot import draw
from faceprint.svg import GREY

SVG = "{http://www.w3.org/2000/svg}"
PIXEL = 0.11  # so far off may places be, which are written in tenths of a pixel


def val(value):
    return Val(value, value - 0.03, min(value + 0.02, 1.0), 0.1, 1e-3, 100, 1000)


FOUND = Sensitivity(
    far=1e-3,
    people=4,
    faces=10,
    reduction="pca",
    untouched=val(0.9),
    quality={10: val(0.55), 50: val(0.8), 90: val(0.9)},
    pixels={1600: val(0.63), 6400: val(0.7), 14400: val(0.85), 25600: val(1.0)},
    smaller={1600: 0, 6400: 5, 14400: 6, 25600: 10},
    dimension={128: val(0.75)},
    skipped={},
)


class Chart:
    """One of the charts: where its grid begins and ends, the heights of its lines by their share, and its points."""

    def __init__(self, group):
        self.group, self.lines = group, {}
        for line, text in pairwise(group):
            if line.get("stroke") == GREY:
                self.lines[float(text.text.removesuffix(" %")) / 100] = float(line.get("y1"))
                self.left, self.right = float(line.get("x1")), float(line.get("x2"))
        self.points = group.findall(f"{SVG}circle")
        self.hollow = [point.get("fill") == "#ffffff" for point in self.points]

    def height(self, share):
        floor = min(self.lines)
        return self.lines[floor] + (self.lines[1] - self.lines[floor]) * (share - floor) / (1 - floor)


def charts(found):
    return [Chart(group) for group in ElementTree.fromstring(draw(found)).findall(f"{SVG}g")]


def test_lines_are_each_fifth_up_to_all():
    for chart in charts(FOUND):
        assert list(chart.lines) == pytest.approx([0.4, 0.6, 0.8, 1])
        heights = list(chart.lines.values())
        assert heights == pytest.approx([chart.height(share) for share in chart.lines], abs=PIXEL)
        assert 270 > heights[0] > heights[-1] > 0


@pytest.mark.parametrize("found", [FOUND, replace(FOUND, quality={10: val(0.98)}, pixels={9: val(1.0)})])
def test_points_lie_where_the_grid_says(found):
    for chart, values in zip(charts(found), (found.quality, found.pixels, found.dimension), strict=True):
        bars = [path.get("d") for path in chart.group.findall(f"{SVG}path")]
        for point, bar, (at, value) in zip(chart.points, bars, values.items(), strict=True):
            assert float(point.get("cy")) == pytest.approx(chart.height(value.val), abs=PIXEL)
            ends = [float(end) for end in re.fullmatch(r"M[\d.]+ ([\d.]+)h.*V([\d.]+)m.*", bar).groups()]
            assert ends == pytest.approx([chart.height(value.high), chart.height(value.low)], abs=PIXEL)
            assert point.find(f"{SVG}title").text.startswith(f"{at:,}: {value.val:.1%} [{value.low:.1%}, ")


def test_points_are_spread_over_the_chart():
    for chart in charts(FOUND):
        across = [float(point.get("cx")) for point in chart.points]
        last = chart.right - 15 if len(across) > 1 else across[0]
        assert (across[0], across[-1]) == pytest.approx((chart.left + 15, last), abs=PIXEL)
        assert len({round(b - a) for a, b in pairwise(across)}) <= 1
        assert chart.right < 300


def test_the_lowest_line_lies_below_all_that_is_shown():
    for value, floor in ((0.55, 0.4), (0.64, 0.6), (0.98, 0.8)):
        for chart in charts(replace(FOUND, untouched=val(0.99), quality={9: val(value)}, pixels={}, dimension={})):
            assert min(chart.lines) == pytest.approx(floor)


def test_a_dashed_line_is_the_photographs_as_they_are():
    dashed = [
        [float(line.get("y1")) for line in chart.group.findall(f"{SVG}line") if line.get("stroke-dasharray")]
        for chart in charts(FOUND)
    ]
    expected = [pytest.approx(charts(FOUND)[0].height(0.9), abs=PIXEL)]
    assert dashed == [expected, expected, []]  # the network's own dimension is a point


def test_points_are_hollow_where_most_faces_were_smaller():
    quality, pixels, dimension = charts(FOUND)
    assert pixels.hollow == [False, False, True, True]  # half are not most
    assert not any(quality.hollow + dimension.hollow)
    assert "hollow: most had fewer" in draw(FOUND)
    assert "hollow" not in draw(replace(FOUND, smaller=dict.fromkeys(FOUND.pixels, 5)))


def test_charts_stand_side_by_side():
    places = [chart.group.get("transform") for chart in charts(FOUND)]
    assert places == ["translate(0 0)", "translate(300 0)", "translate(600 0)"]
    assert ElementTree.fromstring(draw(FOUND)).get("width") == "900"
