"""The sensitivity of a network as a picture: three small charts side by side, as SVG, without a plotting library."""

import math
from collections.abc import Container, Mapping

from ..svg import BACKGROUND, BLUE, ORANGE, course, drawing, heading, label, level, point
from .rates import Val
from .sensitivity import Sensitivity

WIDTH, HEIGHT = 300, 270  # of one chart
LEFT, RIGHT, TOP, BOTTOM = 46, 20, 76, 50  # what is around it
KEPT = {"pca": "principal components kept", "prefix": "first numbers kept"}


def draw(found: Sensitivity) -> str:
    """Draw VAL against JPEG quality, pixels and dimension, with 95 % intervals: the text of an SVG file.

    The dashed line is the photographs as they are; all three charts have the same vertical axis. A hollow point is one
    where most faces had fewer pixels from the start.
    """
    values = [found.untouched, *found.quality.values(), *found.pixels.values(), *found.dimension.values()]
    floor = min(math.floor(min(value.low for value in values) * 5) / 5, 0.8)
    hollow = {pixels for pixels, faces in found.smaller.items() if faces > found.faces / 2}
    few = "pixels of the face" + ("; hollow: most had fewer" if hollow else "")
    untouched = found.untouched.val
    charts = [
        _chart(0, "JPEG quality", "quality; dashed: as they are", found.quality, floor, untouched),
        _chart(1, "Image size", few, found.pixels, floor, untouched, hollow),
        _chart(2, "Embedding dimension", KEPT[found.reduction], found.dimension, floor),
    ]
    title = f"VAL at FAR {found.far:g}, 95 % intervals: {found.faces:,} photographs of {found.people:,} people"
    return drawing(title, 3 * WIDTH, HEIGHT, [BACKGROUND, heading(LEFT, 26, title, 14), *charts])


def _chart(
    place: int,
    title: str,
    below: str,
    points: Mapping[int, Val],
    floor: float,
    untouched: float | None = None,
    hollow: Container[int] = (),
) -> str:
    right, base = WIDTH - RIGHT, HEIGHT - BOTTOM
    step = (right - LEFT - 30) / max(len(points) - 1, 1)

    def up(share: float) -> float:
        return base - (base - TOP) * (share - floor) / (1 - floor)

    parts = [f'<g transform="translate({place * WIDTH} 0)">', heading(LEFT, TOP - 22, title, 12)]
    parts += [level(LEFT, right, up(fifth / 5), f"{fifth * 20} %") for fifth in range(round(floor * 5), 6)]
    if untouched is not None:
        y = up(untouched)
        line = f'y1="{y:.1f}" y2="{y:.1f}" stroke="{ORANGE}" stroke-dasharray="5 3"'
        parts.append(f'<line x1="{LEFT}" x2="{right}" {line}><title>as they are: {untouched:.1%}</title></line>')
    across = [LEFT + 15 + number * step for number in range(len(points))]
    parts.append(course(((x, up(value.val)) for x, value in zip(across, points.values(), strict=True)), BLUE))
    for x, (at, value) in zip(across, points.items(), strict=True):
        told = f"{at:,}: {value.val:.1%} [{value.low:.1%}, {value.high:.1%}]"
        parts.append(point(x, up(value.val), up(value.low), up(value.high), BLUE, told, hollow=at in hollow))
        parts.append(label(x, up(value.low) + 13, f"{value.val * 100:.1f}"))
        parts.append(label(x, base + 18, f"{at:,}"))
    parts.append(label((LEFT + right) / 2, base + 38, below) + "</g>")
    return "\n".join(parts)
