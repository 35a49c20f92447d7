"""The sensitivity of a network as a picture: three small charts side by side, as SVG, without a plotting library."""

import math
from collections.abc import Container, Mapping
from html import escape

from .rates import Val
from .sensitivity import Sensitivity

WIDTH, HEIGHT = 300, 270  # of one chart
LEFT, RIGHT, TOP, BOTTOM = 46, 20, 76, 50  # what is around it
DARK, GREY, BLUE, ORANGE = "#1c2733", "#d9e2ec", "#0072b2", "#b44d12"  # blue and orange are apart for every eye
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
    size = f'viewBox="0 0 {3 * WIDTH} {HEIGHT}" width="{3 * WIDTH}" height="{HEIGHT}"'
    style = f'font-family="system-ui, Helvetica, Arial, sans-serif" font-size="11" fill="{DARK}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}" {style}>',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text x="{LEFT}" y="26" font-size="14" font-weight="600">{escape(title)}</text>',
            *charts,
            "</svg>\n",
        ]
    )


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

    parts = [f'<g transform="translate({place * WIDTH} 0)">']
    parts.append(f'<text x="{LEFT}" y="{TOP - 22}" font-size="12" font-weight="600">{escape(title)}</text>')
    for fifth in range(round(floor * 5), 6):
        y = up(fifth / 5)
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GREY}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{fifth * 20} %</text>')
    if untouched is not None:
        y = up(untouched)
        line = f'y1="{y:.1f}" y2="{y:.1f}" stroke="{ORANGE}" stroke-dasharray="5 3"'
        parts.append(f'<line x1="{LEFT}" x2="{right}" {line}><title>as they are: {untouched:.1%}</title></line>')
    across = [LEFT + 15 + number * step for number in range(len(points))]
    course = " ".join(f"{x:.1f},{up(value.val):.1f}" for x, value in zip(across, points.values(), strict=True))
    parts.append(f'<polyline points="{course}" fill="none" stroke="{BLUE}" stroke-width="1.5"/>')
    for x, (at, value) in zip(across, points.items(), strict=True):
        fill = "#ffffff" if at in hollow else BLUE
        bar = f"M{x - 4:.1f} {up(value.high):.1f}h8m-4 0V{up(value.low):.1f}m-4 0h8"
        parts.append(f'<path d="{bar}" fill="none" stroke="{BLUE}"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{up(value.val):.1f}" r="3.5" fill="{fill}" stroke="{BLUE}">')
        parts.append(f"<title>{at:,}: {value.val:.1%} [{value.low:.1%}, {value.high:.1%}]</title></circle>")
        parts.append(
            f'<text x="{x:.1f}" y="{up(value.low) + 13:.1f}" text-anchor="middle">{value.val * 100:.1f}</text>'
        )
        parts.append(f'<text x="{x:.1f}" y="{base + 18}" text-anchor="middle">{at:,}</text>')
    parts.append(f'<text x="{(LEFT + right) / 2}" y="{base + 38}" text-anchor="middle">{escape(below)}</text></g>')
    return "\n".join(parts)
