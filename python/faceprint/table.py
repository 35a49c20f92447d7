"""Faces and whose they are as a CSV file, which a spreadsheet opens without running anything in it."""

import csv
from pathlib import Path

from ._cluster import JUNK, Clustering
from .album import Album
from .photo import printable

COLUMNS = ("photo", "left", "top", "right", "bottom", "person", "representative")
FORMULA = ("=", "+", "-", "@")


def write_csv(path: Path, album: Album, people: Clustering) -> None:
    """Write one line a face, in the order of the album, in UTF-8: COLUMNS, the box in pixels, people numbered from 1.

    A face of nobody has no person; `representative` is yes or no. A photo whose name begins like a formula gets an
    apostrophe before it, the spreadsheets' own sign of text; text is in quotation marks whatever separates the columns.
    """
    representatives = set(people.representatives.tolist())
    boxes = [box for faces in album.faces for box in faces.boxes.tolist()]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(COLUMNS)
        for row, (owner, label) in enumerate(zip(album.owners, people.labels.tolist(), strict=True)):
            box = [round(edge, 1) for edge in boxes[row]]
            person = "" if label == JUNK else label + 1
            chosen = "yes" if row in representatives else "no"
            writer.writerow([as_text(printable(album.photos[owner])), *box, person, chosen])


def as_text(name: str) -> str:
    """Keep a spreadsheet from taking a name for a formula.

    >>> as_text("=HYPERLINK(1).jpg"), as_text("a=b.jpg")
    ("'=HYPERLINK(1).jpg", 'a=b.jpg')
    """
    return f"'{name}" if name.startswith(FORMULA) else name
