"""Folders of photographs whose people are known, laid out as Labeled Faces in the Wild are."""

import os
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import PhotoError
from ..photo import find_photos, printable


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Photographs of known people: `names` of the people, and for each of the `photos` the number of its person."""

    names: list[str]
    photos: list[Path]
    people: NDArray[np.int64]


def find_people(
    folder: "str | os.PathLike[str]", *, most_people: int | None = None, most_photos: int | None = None
) -> People:
    """List the photographs of a folder that holds one sub-folder for each person, in sorted order.

    Of more than `most_people`, as many are taken, evenly spread over their sorted names; of each, the first
    `most_photos`. Photographs beside the sub-folders are nobody's and left out. Raises PhotoError without any other.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("Ann", "Ben"):
    ...         (Path(folder) / name).mkdir()
    ...         (Path(folder) / name / f"{name}_0001.jpg").touch()
    ...     found = find_people(folder)
    >>> found.names, found.people.tolist(), [photo.name for photo in found.photos]
    (['Ann', 'Ben'], [0, 1], ['Ann_0001.jpg', 'Ben_0001.jpg'])
    """
    top = Path(folder)
    inside = [photo for photo in find_photos([top]) if top in photo.parent.parents]
    if not inside:
        raise PhotoError(f"folder {printable(top)} must hold a sub-folder of photographs for each person, but has none")
    owned = {name: list(photos) for name, photos in groupby(inside, lambda photo: photo.relative_to(top).parts[0])}
    names = list(owned)
    if most_people is not None and most_people < len(names):
        names = [names[number * len(names) // most_people] for number in range(most_people)]
    chosen = [owned[name][:most_photos] for name in names]
    numbers = np.repeat(np.arange(len(names)), [len(photos) for photos in chosen])
    return People(names, [photo for photos in chosen for photo in photos], numbers.astype(np.int64))
