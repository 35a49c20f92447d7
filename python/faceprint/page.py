"""One self-contained HTML page: photographs with their faces, people as contact sheets, distances as a histogram."""

import base64
import io
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._cluster import JUNK, Clustering
from .album import Album
from .distance import distances
from .photo import Pixels, printable, read_photo

WIDEST = 480  # pixels of a photograph on the page
BINS = 40  # of the histogram
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c2733;background:#fff}
h1,h2{line-height:1.2} .photos,.sheet{display:flex;flex-wrap:wrap;gap:1rem} figure{margin:0}
figcaption{font-size:.85rem;color:#52606d;overflow-wrap:anywhere} .photos figure{max-width:14rem}
.frame{position:relative;line-height:0} .frame img{width:100%;border-radius:4px}
.face{position:absolute;border:2px solid;border-radius:3px} .sheet img{width:6.5rem;border-radius:4px}
.sheet figure{max-width:6.5rem} table{border-collapse:collapse;font-size:.85rem}
td,th{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #d9e2ec}
td.same{background:#d3f0df} svg{max-width:100%;height:auto} .note{color:#52606d}
"""
GREY = "#7b8794"  # of faces that belong to nobody
COLOURS = ("#1b7f5c", "#b44d12", "#3c5bbf", "#a3246f", "#6b6b00", "#00768a", "#7a3fc4", "#8a2b2b")


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage of the work was, and how many seconds it took."""

    name: str
    seconds: float


def write_page(
    path: Path, title: str, album: Album, people: Clustering, threshold: float, stages: list[Stage], note: str = ""
) -> None:
    """Write the page; `threshold` is the verification threshold that the table and the histogram show."""
    rows = album.embeddings
    between = distances(rows, rows)
    summary = [count(len(rows), "face"), count(len(album.photos), "photograph"), count(len(people), "person", "people")]
    parts = [
        f"<h1>{escape(title)}</h1><p class=note>{escape(note)}</p>" if note else f"<h1>{escape(title)}</h1>",
        "<p>{} on {}, {}.</p>".format(*summary),
        "<h2>Faces found</h2>",
        _photos(album, people.labels),
        "<h2>People</h2>",
        _people(album, people.labels),
        "<h2>Who matches whom</h2>",
        f"<p>Squared distance of unit embeddings, in [0, 4]; shaded up to {threshold:.3f}: the same person.</p>",
        _table(album, between, threshold) if len(rows) <= 40 else "<p>Left out: more than 40 faces.</p>",
        "<h2>Distances</h2>",
        _histogram(between[np.triu_indices(len(rows), 1)], threshold),
        "<h2>Time</h2><table>",
        *(f"<tr><th>{escape(stage.name)}<td>{stage.seconds * 1e3:.0f} ms" for stage in stages),
        "</table>",
        _skipped(album),
    ]
    head = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    body = "\n".join(parts)
    path.write_text(f"{head}<title>{escape(title)}</title><style>{STYLE}</style>\n{body}\n</html>\n", "utf-8")


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number of things.

    >>> count(1, "face"), count(2, "face"), count(0, "person", "people")
    ('1 face', '2 faces', '0 people')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def _photos(album: Album, labels: NDArray[np.int64]) -> str:
    figures, at = [], 0
    for photo, faces in zip(album.photos, album.faces, strict=True):
        image = read_photo(photo)
        height, width = image.shape[:2]
        boxes = "".join(
            _box(box, width, height, int(label))
            for box, label in zip(faces.boxes, labels[at : at + len(faces)], strict=True)
        )
        at += len(faces)
        figures.append(
            f"<figure><div class=frame><img alt='' src='{_jpeg(image)}'>{boxes}</div>"
            f"<figcaption>{escape(printable(photo.name))}: {count(len(faces), 'face')}</figcaption></figure>"
        )
    return f"<div class=photos>{''.join(figures)}</div>"


def _box(box: NDArray[np.float32], width: int, height: int, label: int) -> str:
    left, right = np.clip(box[[0, 2]] / width, 0, 1) * 100
    top, bottom = np.clip(box[[1, 3]] / height, 0, 1) * 100
    return (
        f"<span class=face style='left:{left:.1f}%;top:{top:.1f}%;width:{right - left:.1f}%;"
        f"height:{bottom - top:.1f}%;border-color:{_colour(label)}'></span>"
    )


def _people(album: Album, labels: NDArray[np.int64]) -> str:
    chips = [chip for faces in album.faces for chip in faces.chips]
    names = [printable(album.photos[owner].name) for owner in album.owners]
    sections = []
    for label in range(int(labels.max(initial=-1)) + 1):
        figures = "".join(
            f"<figure><img alt='' src='{_jpeg(chips[row])}'><figcaption>{escape(names[row])}</figcaption></figure>"
            for row in np.flatnonzero(labels == label)
        )
        heading = f"<h3 style='color:{_colour(label)}'>Person {label + 1}</h3>"
        sections.append(f"{heading}<div class=sheet>{figures}</div>")
    return "".join(sections)


def _table(album: Album, between: NDArray[np.float32], threshold: float) -> str:
    names = [escape(printable(album.photos[owner].name)) for owner in album.owners]
    head = "".join(f"<th>{name}" for name in names)
    lines = [
        f"<tr><th>{names[row]}"
        + "".join(f"<td{' class=same' if distance <= threshold else ''}>{distance:.3f}" for distance in between[row])
        for row in range(len(names))
    ]
    return f"<table><tr><th>{head}{''.join(lines)}</table>"


def _histogram(values: NDArray[np.float32], threshold: float) -> str:
    highest_value = max(float(values.max(initial=0)), 2 * threshold)
    counts, edges = np.histogram(values, bins=BINS, range=(0, highest_value))
    most = max(int(counts.max(initial=0)), 1)

    def across(distance: float) -> float:
        return 40 + 720 * distance / highest_value

    bars = "".join(
        f"<rect x='{across(left):.1f}' y='{180 - 160 * count / most:.1f}' width='16' height='{160 * count / most:.1f}' "
        f"fill='{'#1b7f5c' if left < threshold else '#9fb3c8'}'><title>{count} pairs</title></rect>"
        for left, count in zip(edges, counts, strict=False)
    )
    ticks = "".join(
        f"<text x='{across(distance):.1f}' y='198' font-size='12'>{distance:.2f}</text>"
        for distance in np.linspace(0, highest_value, 5)
    )
    line = across(threshold)
    return (
        f"<svg viewBox='0 0 800 205' width='800' role='img' aria-label='Histogram of distances'>{bars}{ticks}"
        f"<line x1='{line:.1f}' x2='{line:.1f}' y1='10' y2='182' stroke='#b44d12' stroke-width='2'/>"
        f"<text x='{line + 6:.1f}' y='20' font-size='12' fill='#b44d12'>threshold {threshold:.3f}</text></svg>"
        f"<p class=note>{len(values)} pairs of faces; the highest bar is {most}.</p>"
    )


def _skipped(album: Album) -> str:
    if not album.skipped:
        return ""
    reasons = "".join(f"<li>{escape(reason)}" for reason in album.skipped.values())
    return f"<h2>Left out</h2><ul>{reasons}</ul>"


def _jpeg(image: Pixels) -> str:
    from PIL import Image

    picture = Image.fromarray(image)
    picture.thumbnail((WIDEST, WIDEST))
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()


def _colour(label: int) -> str:
    return GREY if label == JUNK else COLOURS[label % len(COLOURS)]
