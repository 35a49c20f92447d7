"""Folders of photographs whose people are known, laid out as Labeled Faces in the Wild are."""

import os
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import PhotoError
from ..photo import find_photos, printable
from .pairs import ListedPairs


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


def read_pairs(path: "str | os.PathLike[str]", folder: People) -> tuple[list[Path], ListedPairs]:
    """Read pairs in the format of LFW's `pairs.txt`: the photographs they need, and which of these are paired.

    A line of three words, NAME 1 4, pairs `NAME/NAME_0001.jpg` with `NAME/NAME_0004.jpg`, of any suffix; one of four,
    NAME 1 OTHER 2, pairs photographs of different people; words are separated by tabs. A first line of whole numbers
    counts the folds and is passed over. Raises PhotoError for a photograph that is not in the folder, ValueError for
    another line.
    """
    rows = {(photo.parent.name, photo.stem): row for row, photo in enumerate(folder.photos)}
    shown = printable(path)
    found: list[int] = []
    lines = Path(path).read_text("utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        words = line.split("\t")
        if not line.strip() or (number == 1 and all(word.strip().isdecimal() for word in words)):
            continue
        if len(words) == 3:
            words.insert(2, words[0])
        if len(words) != 4 or not (words[1].strip().isdecimal() and words[3].strip().isdecimal()):
            raise ValueError(f"{shown}, line {number}: a pair must be NAME 1 2 or NAME 1 OTHER 2, not {line!r}")
        for name, index in (words[:2], words[2:]):
            stem = f"{name}_{int(index):04}"
            if (name, stem) not in rows:
                raise PhotoError(f"{shown}, line {number}: the folder has no photo {printable(f'{name}/{stem}')}")
            found.append(rows[name, stem])
    used, positions = np.unique(np.array(found, np.int64), return_inverse=True)
    photos = [folder.photos[row] for row in used]
    return photos, ListedPairs(folder.people[used], positions[::2], positions[1::2])
