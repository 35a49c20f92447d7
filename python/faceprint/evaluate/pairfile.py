"""Files that say which photographs to compare: LFW's pairs.txt, CFP's protocol, and lists of two paths and a label."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import PhotoError
from ..files import read_limited
from ..graph import communities, from_edges
from ..photo import printable
from .pairs import ListedPairs
from .people import People, find_people

FRONTAL, PROFILE = "Pair_list_F.txt", "Pair_list_P.txt"  # of CFP
SAME, DIFFERENT = "same.txt", "diff.txt"  # of each fold of CFP
MOST = 2**30  # bytes of a file


@dataclass(frozen=True, slots=True, eq=False)
class PairFile:
    """The `photos` that a file compares, in which `pairs`, and the fold of each pair: `folds` (pairs,) int64 from 0.

    `folds` is None where the file has none.
    """

    photos: list[Path]
    pairs: ListedPairs
    folds: NDArray[np.int64] | None


class _Pair(NamedTuple):
    ends: tuple[Path, Path]
    same: bool
    where: str


def read_pairs(path: "str | os.PathLike[str]", folder: People) -> PairFile:
    r"""Read pairs in the format of LFW's `pairs.txt` (Huang et al., 2007), of photographs in a folder.

    A line of three words, NAME 1 4, pairs `NAME/NAME_0001.jpg` with `NAME/NAME_0004.jpg`, of any suffix; one of four,
    NAME 1 OTHER 2, pairs photographs of different people; words are separated by tabs. A first line of one whole number
    is passed over; of two, it says how many folds there are, and of how many pairs of either kind. Raises PhotoError
    for a photograph that is not in the folder, ValueError for another line or number of lines, for a photograph that is
    paired with itself, and for text that is not UTF-8.

    >>> import tempfile
    >>> people = People(["Ann", "Ben"], [Path("Ann/Ann_0001.jpg"), Path("Ben/Ben_0001.jpg")], np.array([0, 1]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "pairs.txt").write_text("Ann\t1\tBen\t1\n")
    ...     read_pairs(Path(folder) / "pairs.txt", people).pairs.same.tolist()
    [False]
    """
    rows = {(photo.parent.name, photo.stem): row for row, photo in enumerate(folder.photos)}
    shown, header = printable(path), ""
    found: list[int] = []
    for number, line in _lines(path):
        words = line.split("\t")
        if number == 1 and all(word.strip().isdecimal() for word in words):
            header = line
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
        _check_two(found[-2], found[-1], f"{shown}, line {number}")
    used, positions = np.unique(np.array(found, np.int64), return_inverse=True)
    photos = [folder.photos[row] for row in used]
    listed = ListedPairs(folder.people[used], positions[::2], positions[1::2])
    return PairFile(photos, listed, _folds(header, len(listed.a), shown))


def read_pair_list(path: "str | os.PathLike[str]", folder: "str | os.PathLike[str]") -> PairFile:
    r"""Read lines of two photographs in a folder and 1 or 0, whether they show one person: `1 a.jpg b/c.jpg`.

    The number comes first or last, words are separated by spaces, or by tabs where names have spaces, and there are no
    folds. Lists of AgeDB, CALFW and CPLFW are in circulation like this. Who is shown is known from the folders of the
    photographs if these agree with every line; otherwise, photographs that are the same person's as a third are of one
    person. Raises PhotoError for a photograph that is not in the folder, or named by an absolute path, ValueError for
    another line, for a photograph that is paired with itself, for photographs of one person that another line calls
    different, and for text that is not UTF-8.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("a.jpg", "b.jpg", "c.jpg"):
    ...         (Path(folder) / name).touch()
    ...     _ = (Path(folder) / "list.txt").write_text("1 a.jpg b.jpg\n0 a.jpg c.jpg\n")
    ...     read_pair_list(Path(folder) / "list.txt", folder).pairs.same.tolist()
    [True, False]
    """
    top, shown = Path(folder), printable(path)
    found = []
    for number, line in _lines(path):
        tabs = line.split("\t")
        words = [word.strip() for word in tabs] if len(tabs) == 3 else line.split()
        where = f"{shown}, line {number}"
        if len(words) == 3 and words[0] not in ("0", "1"):
            words = [words[2], *words[:2]]
        if len(words) != 3 or words[0] not in ("0", "1"):
            raise ValueError(f"{where}: a pair must be two photos and 1 or 0, first or last, not {line!r}")
        ends = _inside(top, words[1], where), _inside(top, words[2], where)
        found.append(_Pair(ends, words[0] == "1", where))
    return _assembled(found, None, 0)


def read_cfp(split: "str | os.PathLike[str]") -> PairFile:
    """Read the folds of Celebrities in Frontal-Profile (Sengupta et al., WACV 2016): `Protocol/Split/FP`, or FF.

    Each fold is a sub-folder with `same.txt` and `diff.txt`, whose lines are two numbers, 3,14: of a photograph in
    `Protocol/Pair_list_F.txt`, and of one in `Pair_list_P.txt`, or in the first again for FF. Lines of these
    lists are a number and a path from `Protocol`. Raises PhotoError for a photograph that is not in the folder that
    holds `Protocol`, ValueError for another line, and as `read_pair_list` does.
    """
    top = Path(split).resolve()  # whose parents a relative path does not name
    protocol = top.parent.parent
    lists = [_numbered(protocol / name) for name in (FRONTAL, FRONTAL if top.name == "FF" else PROFILE)]
    found, folds = [], []
    for fold, inside in enumerate(sorted(entry for entry in top.iterdir() if _is_fold(entry))):
        for name, same in ((SAME, True), (DIFFERENT, False)):
            for number, line in _lines(inside / name):
                where, words = f"{printable(inside / name)}, line {number}", line.split(",")
                if len(words) != 2 or any(word.strip() not in known for word, known in zip(words, lists, strict=True)):
                    raise ValueError(f"{where}: a pair must be two numbers of the lists, such as 3,14, not {line!r}")
                names = [known[word.strip()] for word, known in zip(words, lists, strict=True)]
                a, b = (_inside(protocol.parent, str(Path(protocol.name, each)), where) for each in names)
                found.append(_Pair((a, b), same, where))
                folds.append(fold)
    return _assembled(found, np.array(folds, np.int64), 1)


def is_cfp(path: Path) -> bool:
    """Whether this is a folder of CFP's protocol, which `read_cfp` reads."""
    return path.is_dir() and (path.resolve().parent.parent / FRONTAL).is_file()


def open_pairs(path: "str | os.PathLike[str]", folder: "str | os.PathLike[str] | None" = None) -> PairFile:
    """Read a file of pairs in any of these formats, told by its first line, or a folder of CFP's protocol.

    `folder` holds the photographs; CFP's protocol says itself where they are. Raises ValueError where it is missing,
    and what the reader of the format does.
    """
    file = Path(path)
    if file.is_dir():
        return read_cfp(file)
    if folder is None:
        raise ValueError(f"the photos that {printable(file)} compares must lie in a folder: give folder, or --photos")
    words = next((line.split("\t") for _, line in _lines(file)), [""])
    if words[:2][-1].strip().isdecimal():  # NAME 1, or the numbers of a header; of lists, that is a path
        return read_pairs(file, find_people(folder))
    return read_pair_list(file, folder)


def _lines(path: "str | os.PathLike[str]") -> list[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1."""
    shown = printable(path)
    try:
        text = read_limited(path, shown, MOST).decode("utf-8-sig")  # which Windows begins with a mark
    except UnicodeDecodeError:
        raise ValueError(f"{shown} must be text in UTF-8, not in another encoding") from None
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _folds(header: str, pairs: int, shown: str) -> NDArray[np.int64] | None:
    words = header.split()
    if len(words) != 2:
        return None
    folds, size = map(int, words)
    if pairs != 2 * folds * size:
        raise ValueError(f"{shown}: {folds} folds of twice {size} pairs must be {2 * folds * size:,}, not {pairs:,}")
    return np.repeat(np.arange(folds), 2 * size)


def _numbered(path: Path) -> dict[str, str]:
    found = {}
    for number, line in _lines(path):
        words = line.split(maxsplit=1)
        if len(words) != 2:
            raise ValueError(f"{printable(path)}, line {number}: must be a number and a path, not {line!r}")
        found[words[0]] = words[1].strip()
    return found


def _is_fold(entry: Path) -> bool:
    return (entry / SAME).is_file() or (entry / DIFFERENT).is_file()


def _inside(folder: Path, name: str, where: str) -> Path:
    """A photograph by its path from the folder, out of which that must not lead: who wrote it may be anybody."""
    placed = Path(os.path.normpath(name))
    if placed.anchor or ".." in placed.parts:
        raise PhotoError(f"{where}: a photo must be a path within the folder, not {printable(name)}")
    photo = folder / placed
    if not os.path.isfile(photo):  # noqa: PTH113 - Path.is_file raises for a name that is too long
        raise PhotoError(f"{where}: the folder has no photo {printable(name)}")
    return photo


def _check_two(one: Path | int, other: Path | int, where: str) -> None:
    if one == other:
        raise ValueError(f"{where}: a pair must be of two photos, not of one with itself")


def _assembled(found: list[_Pair], folds: NDArray[np.int64] | None, between: int) -> PairFile:
    """Number the photographs, and tell who is on them: by the folder so many above their own, if that can be."""
    for pair in found:
        _check_two(*pair.ends, pair.where)
    photos = sorted({photo for pair in found for photo in pair.ends})
    rows = {photo: row for row, photo in enumerate(photos)}
    a, b = (np.array([rows[pair.ends[end]] for pair in found], np.int64) for end in (0, 1))
    same = np.array([pair.same for pair in found], bool)
    people = np.unique([str(photo.parents[between]) for photo in photos], return_inverse=True)[1]
    if ((people[a] == people[b]) != same).any():
        people = communities(from_edges(len(photos), a[same], b[same], np.ones(same.sum())), "components")
    wrong = np.flatnonzero(people[a[~same]] == people[b[~same]])
    if len(wrong):
        pair = found[np.flatnonzero(~same)[wrong[0]]]
        names = " and ".join(printable(photo.name) for photo in pair.ends)
        raise ValueError(f"{pair.where}: {names} must be of different people, but other lines make them one")
    return PairFile(photos, ListedPairs(people.astype(np.int64), a, b), folds)
