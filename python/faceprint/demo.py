"""The whole way on five photographs that ship with the package; `photos/SOURCES.md` says where they come from."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np

from ._cluster import cluster
from .album import Album
from .distance import distances
from .model import load
from .page import Stage, write_page
from .photo import find_photos, read_photo

PHOTOS = Path(__file__).parent / "photos"
FAR = 1e-3
Result = TypeVar("Result")


def run_demo(page: Path) -> dict[str, Any]:
    """Find, embed, compare and group the faces of the shipped photographs, write `page`, and return what was found."""
    stages: list[Stage] = []

    def timed(name: str, work: Callable[[], Result]) -> Result:
        start = perf_counter()
        result = work()
        stages.append(Stage(name, perf_counter() - start))
        return result

    model = timed("load the networks", load)
    photos = find_photos([PHOTOS])
    images = timed("read the photographs", lambda: [read_photo(photo) for photo in photos])
    found = timed("find the faces", lambda: [model.detect(image) for image in images])
    faces = timed("cut out and embed them", lambda: list(map(model.describe, images, found)))
    album = Album(photos, faces)
    rows = album.embeddings
    between = timed("compare", lambda: distances(rows, rows))
    people = timed("group", lambda: cluster(rows, threshold=model.recipe.grouping()))
    threshold = model.recipe.threshold(FAR)
    note = "Photographs by the US federal government, free of rights: The White House (Pete Souza) and NASA."
    write_page(page, "faceprint demo", album, people, threshold, stages, note)
    names = [album.photos[owner].name for owner in album.owners]
    pairs = [
        {
            "a": names[a],
            "b": names[b],
            "distance": round(float(between[a, b]), 4),
            "same": bool(between[a, b] <= threshold),
        }
        for a, b in zip(*np.triu_indices(len(names), 1), strict=True)
    ]
    return {
        "photos": len(album.photos),
        "faces": len(names),
        "people": [[names[row] for row in np.flatnonzero(people.labels == label)] for label in range(len(people))],
        "far": FAR,
        "threshold": threshold,
        "pairs": pairs,
        "seconds": {stage.name: round(stage.seconds, 4) for stage in stages},
        "page": str(page),
    }
