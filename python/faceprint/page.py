"""The page about a few photographs: their faces, people as contact sheets, distances as a table and a histogram."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._cluster import Clustering
from .album import Album
from .distance import distances
from .markup import colour, count, crop, left_out, picture, save_page
from .medoids import members
from .photo import printable, read_photo

WIDEST = 480  # pixels of a photograph on the page
BINS = 40  # of the histogram


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
        *([f"<p class=note>{escape(note)}</p>"] if note else []),
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
        left_out(album.skipped),
    ]
    save_page(path, title, parts)


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
            f"<figure><div class=frame><img alt='' src='{picture(image, WIDEST)}'>{boxes}</div>"
            f"<figcaption>{escape(printable(photo.name))}: {count(len(faces), 'face')}</figcaption></figure>"
        )
    return f"<div class=photos>{''.join(figures)}</div>"


def _box(box: NDArray[np.float32], width: int, height: int, label: int) -> str:
    left, right = np.clip(box[[0, 2]] / width, 0, 1) * 100
    top, bottom = np.clip(box[[1, 3]] / height, 0, 1) * 100
    return (
        f"<span class=face style='left:{left:.1f}%;top:{top:.1f}%;width:{right - left:.1f}%;"
        f"height:{bottom - top:.1f}%;border-color:{colour(label)}'></span>"
    )


def _people(album: Album, labels: NDArray[np.int64]) -> str:
    chips = [chip for faces in album.faces for chip in faces.chips]
    names = [printable(album.photos[owner].name) for owner in album.owners]
    sections = []
    for label, rows in enumerate(members(labels)):
        sheet = "".join(crop(chips[row], names[row], names[row], WIDEST) for row in rows)
        heading = f"<h3 style='color:{colour(label)}'>Person {label + 1}</h3>"
        sections.append(f"{heading}<div class=sheet>{sheet}</div>")
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
