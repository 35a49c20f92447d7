"""Pictures of the book that are made when it is: people who were found on the photographs of the demo."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import faceprint as fp
from faceprint.demo import PHOTOS

MADE = Path(__file__).parent / "made"  # what git does not keep
SIDE, GAP = 110, 6  # pixels of a face, and between two


def setup(app: Any) -> dict[str, bool]:
    """Hook into Sphinx: the pictures are drawn before the sources are read."""
    app.connect("builder-inited", lambda _: draw_people(MADE))
    return {"parallel_read_safe": True}


def draw_people(folder: Path) -> None:
    """Write people.png: a contact sheet, the faces of each person in a row of their own."""
    model = fp.load()
    found = list(model.faces([PHOTOS]))
    chips = np.concatenate([faces.chips for faces in found])
    labels = fp.cluster(np.concatenate([faces.embeddings for faces in found])).labels
    people = [np.flatnonzero(labels == person) for person in range(labels.max() + 1)]
    step = SIDE + GAP
    size = GAP + step * max(map(len, people)), GAP + step * len(people)
    sheet = Image.new("RGB", size, "white")
    for down, rows in enumerate(people):
        for across, row in enumerate(rows):
            face = Image.fromarray(chips[row]).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            sheet.paste(face, (GAP + step * across, GAP + step * down))
    folder.mkdir(exist_ok=True)
    sheet.save(folder / "people.png")
