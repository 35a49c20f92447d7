"""The page about people in any number of photographs: a contact sheet each, largest first, small enough to stay usable.

Its size grows with the faces shown, its time with all of them: no face is compared with any but its representative.
"""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._cluster import JUNK, Clustering
from .album import Album
from .distance import distances
from .markup import colour, count, crop, left_out, save_page
from .medoids import members
from .photo import printable

SHOWN = 24  # faces on the sheet of a person
SHOWN_TOGETHER = 240  # on a sheet of several people, or of nobody
WIDEST = 72  # pixels of a face: 2.5 kB of the page


def write_sheets(path: Path, album: Album, people: Clustering, note: str = "") -> None:
    """Write the page to `path`; `people` are those of the album's faces, in order, and `note` says how they were found.

    People come with the most faces first, and of as many the lower number. A sheet begins with the representative and
    goes on to the faces farther and farther from it; of more than SHOWN it shows some, the farthest among them, so that
    a stranger is seen. Captions tell the squared distance to the representative, in [0, 4].
    People with one face share a sheet, as do the faces of nobody; of these the first SHOWN_TOGETHER are shown.
    """
    save_page(path, "People", _parts(album, people, note))


def spread(number: int, shown: int) -> NDArray[np.int64]:
    """Choose at most `shown` of 0, 1, ..., `number` - 1: evenly, the first and the last among them, in order.

    >>> spread(10, 4).tolist(), spread(3, 4).tolist()
    ([0, 3, 6, 9], [0, 1, 2])
    """
    return np.linspace(0, number - 1, min(number, shown)).round().astype(np.int64)


def _parts(album: Album, people: Clustering, note: str) -> Iterator[str]:
    owners, embeddings = album.owners, album.embeddings
    chips = [chip for faces in album.faces for chip in faces.chips]
    names = [printable(album.photos[owner].name) for owner in owners]

    def show(row: int, caption: str) -> str:
        return crop(chips[row], names[row], caption, WIDEST)

    groups = {label: rows for label, rows in enumerate(members(people.labels)) if len(rows)}
    several = [label for label, rows in groups.items() if len(rows) > 1]
    once = [label for label, rows in groups.items() if len(rows) == 1]
    nobody = np.flatnonzero(people.labels == JUNK).tolist()
    where = f"{count(len(owners), 'face')} on {count(len(album.photos), 'photograph')}"
    yield f"<p>{where}: {count(len(groups), 'person', 'people')}, {len(once):,} of them seen once.</p>"
    yield "<p class=note>The representative of a person comes first, then faces with their squared distance to it.</p>"
    if note:
        yield f"<p class=note>{escape(note)}</p>"
    for label in sorted(several, key=lambda label: -len(groups[label])):
        rows, far = _from_the_representative(embeddings, groups[label], int(people.representatives[label]))
        sheet = [show(int(rows[at]), f"{names[rows[at]]}: {far[at]:.2f}") for at in spread(len(rows), SHOWN)]
        told = f"{count(len(rows), 'face')} on {count(len(np.unique(owners[rows])), 'photograph')}"
        yield _section(f"Person {label + 1}", colour(label), told, sheet, len(rows))
    if once:
        first = [(label, int(groups[label][0])) for label in once[:SHOWN_TOGETHER]]
        sheet = [show(row, f"person {label + 1}: {names[row]}") for label, row in first]
        yield _section("Seen once", None, count(len(once), "person", "people"), sheet, len(once))
    if nobody:
        sheet = [show(row, names[row]) for row in nobody[:SHOWN_TOGETHER]]
        told = f"{count(len(nobody), 'face')} that belong to nobody"
        yield _section("Nobody", colour(JUNK), told, sheet, len(nobody))
    yield left_out(album.skipped)


def _from_the_representative(
    embeddings: NDArray[np.float32], rows: NDArray[np.int64], representative: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Put it first and the others by their squared distance to it, which is given too."""
    far = distances(embeddings[rows], embeddings[[representative]])[:, 0]
    order = np.lexsort((far, rows != representative))
    return rows[order], far[order]


def _section(title: str, tint: str | None, told: str, shown: Sequence[str], number: int) -> str:
    style = "" if tint is None else f" style='color:{tint}'"
    rest = f"<p class=note>and {number - len(shown):,} more, left out</p>" if number > len(shown) else ""
    return f"<section><h2{style}>{title}</h2><p>{told}.</p><div class=sheet>{''.join(shown)}</div>{rest}</section>"
