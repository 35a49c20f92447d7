"""Photographs into a folder for each person: planned, done, and undone.

Whatever is about to be done stands in a journal on disk before the first photograph is touched. Undoing looks at each
photograph's place, not at how far the doing came, so that it may follow a crash, of the doing or of the undoing.
"""

import errno
import filecmp
import json
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from ._cluster import JUNK
from .album import Album
from .errors import SortError
from .photo import printable

How: TypeAlias = Literal["links", "copies", "moves"]
JOURNAL = "faceprint-undo.json"
LONGEST = 255  # bytes of a file name
PART = ".faceprint-part"  # a file that is being written, until it has its name
FORMAT = 1
NOBODY = "nobody"
PLACE = re.compile(rf"(person-\d{{3,}}|{NOBODY})/(?!\.\.?$)[^/\0]+")


@dataclass(frozen=True, slots=True)
class Step:
    """A photograph, `source`, an absolute path, and its `place` in the sorted folder, such as person-001/party.jpg."""

    source: str
    place: str

    @property
    def folder(self) -> str:
        """The first part of the place.

        >>> Step("/photos/party.jpg", "person-001/party.jpg").folder
        'person-001'
        """
        return self.place.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Plan:
    """What sorting would do: `how`, its `steps`, and how many photographs show `several` people."""

    how: How
    steps: tuple[Step, ...]
    several: int

    @property
    def folders(self) -> list[str]:
        """The names of the folders to make, in order."""
        return list(dict.fromkeys(step.folder for step in self.steps))

    @property
    def summary(self) -> dict[str, Any]:
        """How, and how many photographs, how many places for them, how many of nobody and of several people."""
        return {
            "how": self.how,
            "photos": len({step.source for step in self.steps}),
            "places": len(self.steps),
            "nobody": sum(step.folder == NOBODY for step in self.steps),
            "several": self.several,
        }


@dataclass(slots=True)
class Undone:
    """How many places were `cleared`, which were `kept` and why, and which moved photographs are `missing`."""

    cleared: int = 0
    kept: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def plan_sorting(album: Album, labels: NDArray[np.int64], how: How = "links") -> Plan:
    """Give each photograph of the album its places: the folders of the people on it, or that of nobody.

    `labels` (faces,) int64, from 0, are the people of the album's faces in order, -1 for faces of nobody; person-001
    is label 0. To be moved, a photograph has one place: with whom has its largest face, by the area of the box. Of
    photographs with the same name in one folder, all but the first get a number: party.jpg, party-2.jpg. A photograph
    that the album has twice counts once.

    Raises ValueError for another `how`, and unless there is one label for each face.
    """
    if how not in get_args(How):
        raise ValueError(f"how must be 'links', 'copies' or 'moves', not {how!r}")
    if len(labels) != len(album.owners):
        raise ValueError(f"labels must have shape ({len(album.owners)},), one for each face, not {labels.shape}")
    people: dict[Path, dict[int, float]] = {}  # of each photograph, with the area of their largest face there
    rest = iter(labels.tolist())
    for photo, faces in zip(album.photos, album.faces, strict=True):
        found = people.setdefault(photo.parent.resolve() / photo.name, {})
        for left, top, right, bottom in faces.boxes.tolist():
            label = next(rest)
            if label != JUNK:
                found[label] = max(found.get(label, 0.0), (right - left) * (bottom - top))
    digits = max(3, len(str(int(labels.max(initial=JUNK)) + 1)))
    taken: dict[str, dict[str, int]] = {}
    steps: list[Step] = []
    for photo, found in people.items():
        chosen = sorted(found, key=lambda label: (-found[label], label))[:1] if how == "moves" else sorted(found)
        folders = [f"person-{label + 1:0{digits}}" for label in chosen] or [NOBODY]
        names = [free_name(photo.name, taken.setdefault(folder, {})) for folder in folders]
        steps += [Step(str(photo), f"{folder}/{name}") for folder, name in zip(folders, names, strict=True)]
    return Plan(how, tuple(steps), sum(len(found) > 1 for found in people.values()))


def free_name(name: str, taken: dict[str, int]) -> str:
    """Number a file name that is `taken`, also by one that only some file systems tell from it, and take the result.

    Where that is longer than file systems bear, the name ends earlier.

    >>> taken = {}
    >>> [free_name(name, taken) for name in ("a.jpg", "A.jpg", "a-2.jpg", "a.jpg")]
    ['a.jpg', 'A-2.jpg', 'a-2-2.jpg', 'a-3.jpg']
    """
    candidate, key = name, _key(name)
    while _key(candidate) in taken:
        taken[key] += 1
        stem, end = PurePath(name).stem, f"-{taken[key]}{PurePath(name).suffix}"
        while len(os.fsencode(stem + end)) > LONGEST:
            stem, end = (stem[:-1], end) if stem else ("", end[:-1])
        candidate = stem + end
    taken[_key(candidate)] = 1
    return candidate


def check_folder(folder: Path, sources: Iterable[Path] = ()) -> None:
    """Raise SortError unless photographs can be sorted into `folder`: new or empty, writable, in none of `sources`."""
    name = printable(folder)
    for source in sources:
        if source.is_dir() and folder.resolve().is_relative_to(source.resolve()):
            raise SortError(f"{name} must lie outside {printable(source)}, whose photographs are sorted")
    if folder.is_dir():
        if (folder / JOURNAL).exists():
            raise SortError(f"{name} must be new or empty, but holds what was sorted; 'faceprint unsort' undoes that")
        held = min(folder.iterdir(), default=None)
        if held is not None:
            raise SortError(f"{name} must be new or empty, but holds {printable(held.name)}")
    elif os.path.lexists(folder):
        raise SortError(f"{name} must be a folder, new or empty, not a file")
    elif not folder.parent.is_dir():
        raise SortError(f"{name} must lie in a folder that exists, but {printable(folder.parent)} does not")
    _check_writable(folder if folder.is_dir() else folder.parent, f"to sort into {name}")


def sort_photos(plan: Plan, folder: Path, watch: Callable[[Sequence[Step]], Iterable[Step]] = iter) -> None:
    """Do what was planned. `watch` may look on, step by step, as a progress bar does.

    Nothing is ever overwritten. Links are relative where the system can make them so. Raises SortError before anything
    is touched where `folder` or a photograph forbids it; whatever goes wrong later, `unsort(folder)` undoes.
    """
    check_folder(folder)
    _check_sources(plan, folder)
    folder = folder.resolve()
    made = not folder.is_dir()
    folder.mkdir(exist_ok=True)
    try:
        if plan.how == "links":
            _try_link(folder)
        _write_journal(folder, plan, made)
    except BaseException:  # also Ctrl-C: nothing was sorted yet
        (folder / PART).unlink(missing_ok=True)
        if made:
            with suppress(OSError):  # holds the journal, of nothing
                folder.rmdir()
        raise
    for name in plan.folders:
        (folder / name).mkdir()
    for step in watch(plan.steps):
        source, target = Path(step.source), folder / step.place
        if plan.how == "links":
            target.symlink_to(_link_text(step, folder))
        elif plan.how == "copies":
            _copy(source, target)
        else:
            _move(source, target)


def unsort(folder: Path) -> Undone:
    """Undo what `sort_photos` did in `folder`, wholly or half way: move photographs back, remove links and copies.

    Only what is as it was made is removed: links that still lead where they led, copies that are equal to their
    originals; no photograph is moved onto another or into a folder that does not exist. The rest is kept, as is
    whatever else lies in the folders, and the journal as long as something of it was kept or is missing, of which it
    tells where it came from: it may be tried again. Folders that sorting made are removed where they are empty.

    The journal is believed, so undo only what you sorted. Raises SortError where there is none, or one that is damaged.
    """
    plan, before, made = _read_journal(folder)
    folder = folder.resolve()
    undone = Undone()
    for step in reversed(plan.steps):
        source, target = Path(step.source), folder / step.place
        if not os.path.lexists(target):
            if plan.how == "moves" and not os.path.lexists(source):
                undone.missing.append(step.place)
            continue
        try:
            reason = _why_kept(plan.how, source, target, _link_text(step, before))
            if reason is None:
                _clear(plan.how, source, target)
                undone.cleared += 1
        except OSError as error:
            reason = error.strerror or str(error)
        if reason is not None:
            undone.kept[step.place] = reason
    for name in plan.folders:
        if not (folder / name).is_symlink():
            with suppress(OSError):  # is not there
                (folder / name / PART).unlink()
            with suppress(OSError):  # is not empty
                (folder / name).rmdir()
    if not undone.kept and not undone.missing:
        (folder / JOURNAL).unlink()
        if made:
            with suppress(OSError):  # is not empty
                folder.rmdir()
    return undone


def _why_kept(how: How, source: Path, target: Path, link: str) -> str | None:
    """Say why what lies at its place in the sorted folder must stay; None where it can go without any loss."""
    if target.parent.is_symlink():
        return "its folder has become a link"
    if how == "links":
        return None if target.is_symlink() and str(target.readlink()) == link else "is not the link that was made"
    if target.is_symlink() or not target.is_file():
        return "is not the file that was made"
    if how == "moves" and not os.path.lexists(source):
        return None if source.parent.is_dir() else f"folder {printable(source.parent)} does not exist"
    if not source.is_file():
        return f"photo {printable(source)} is not there any more"
    if source.resolve().parent.samefile(target.parent):
        return f"is itself where {printable(source)} leads"
    if not filecmp.cmp(source, target, shallow=False):
        return f"differs from {printable(source)}"
    return None


def _clear(how: How, source: Path, target: Path) -> None:
    if how == "moves" and not os.path.lexists(source):
        _move(target, source)
    else:
        target.unlink()


def _check_sources(plan: Plan, folder: Path) -> None:
    needed, near = 0, folder if folder.is_dir() else folder.parent
    device = near.stat().st_dev
    for step in plan.steps:
        source = Path(step.source)
        if not source.is_file():
            raise SortError(f"photo {printable(source)} is not there any more")
        if plan.how == "moves" and source.is_symlink():
            raise SortError(f"photo {printable(source)} must be a file to be moved, not a link: make links or copies")
        if plan.how == "copies" or (plan.how == "moves" and source.stat().st_dev != device):
            needed += source.stat().st_size
    if plan.how == "moves":
        for parent in dict.fromkeys(Path(step.source).parent for step in plan.steps):
            _check_writable(parent, "to move photographs out of it")
    free = shutil.disk_usage(near).free
    if needed > free:
        raise SortError(f"{printable(folder)} must have room for {needed:,} bytes, but {free:,} are free")


def _check_writable(folder: Path, purpose: str) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SortError(f"folder {printable(folder)} must be writable {purpose}, but is not")


def _try_link(folder: Path) -> None:
    try:
        (folder / PART).symlink_to(JOURNAL)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SortError(f"{printable(folder)} must be able to hold links, but is not: {reason}; make copies") from error
    (folder / PART).unlink()


def _link_text(step: Step, folder: Path) -> str:
    """Write what the link at the step's place holds: the way from there, or all of it where there is none."""
    try:
        return os.path.relpath(step.source, (folder / step.place).parent)
    except ValueError:  # on another drive
        return step.source


def _copy(source: Path, target: Path) -> None:
    """Copy a file under a passing name, wait until the disk has it, then name it; never onto another."""
    part = target.with_name(PART)
    try:
        with source.open("rb") as old, part.open("wb") as new:
            shutil.copyfileobj(old, new, 2**20)
            new.flush()
            os.fsync(new.fileno())
        with suppress(OSError):  # some file systems know neither times nor permissions
            shutil.copystat(source, part)
        _rename(part, target)
    except BaseException:  # also Ctrl-C; where photographs are moved back, nobody else looks for it
        part.unlink(missing_ok=True)
        raise


def _move(source: Path, target: Path) -> None:
    try:
        _rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target)  # onto another disk
        _sync(target.parent)
        source.unlink()


def _rename(source: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "there is a file of that name already", str(target))
    source.rename(target)


def _sync(folder: Path) -> None:
    """Wait until the disk knows the names in a folder."""
    with suppress(OSError):  # not every system opens folders, nor every file system waits
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _write_journal(folder: Path, plan: Plan, made: bool) -> None:
    steps = [{"source": step.source, "place": step.place} for step in plan.steps]
    content = {"format": FORMAT, "how": plan.how, "folder": str(folder), "made": made, "steps": steps}
    with (folder / PART).open("x", encoding="ascii") as file:  # names that are not UTF-8 are escaped, and read back
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    _rename(folder / PART, folder / JOURNAL)
    _sync(folder)
    _sync(folder.parent)


def _read_journal(folder: Path) -> tuple[Plan, Path, bool]:
    """Read what was planned, the folder as it was called then, and whether sorting made it."""
    path = folder / JOURNAL
    if not path.is_file():
        raise SortError(f"{printable(folder)} holds no {JOURNAL}: nothing was sorted into it, or it is undone already")
    try:
        content = json.loads(path.read_bytes())
        return _checked(content)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        reason = str(error) or type(error).__name__
        raise SortError(f"{printable(path)} must be a journal of 'faceprint cluster': {reason}") from error


def _checked(content: Any) -> tuple[Plan, Path, bool]:
    if content["format"] != FORMAT:
        raise ValueError(f"format must be {FORMAT}, not {content['format']!r}")
    how, before, made = content["how"], Path(content["folder"]), content["made"]
    steps = tuple(Step(step["source"], step["place"]) for step in content["steps"])
    if how not in get_args(How) or not isinstance(made, bool) or not before.is_absolute():
        raise ValueError("it must say how, and in what folder")
    for step in steps:
        if not PLACE.fullmatch(step.place) or not PurePath(step.source).is_absolute():
            raise ValueError(f"no photograph goes from {step.source!r} to {step.place!r}")
    return Plan(how, steps, 0), before, made
