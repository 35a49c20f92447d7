"""Galleries for other programs: every face in one file, .npz or Parquet, out and in again.

Both hold the same. Parquet has a row a face; .npz has an array a column, and as text in JSON, UTF-8, what numpy would
have to pad.
"""

import io
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .archive import load_arrays, save_arrays
from .errors import GalleryError
from .files import open_regular
from .given import given_details, given_labels, given_path, given_quality
from .parquet import CODES, Columns, import_pyarrow, read_parquet, read_part, rows_of, write_parquet
from .photo import printable
from .state import LARGEST, MOST
from .store import Detail
from .stored import DTYPES, NUMBERS, join_stored, split_stored
from .whole import written_whole

FORMAT = 1
PARQUET = ".parquet"
SUFFIXES = (".npz", PARQUET)

Known: TypeAlias = Literal["id", "label", "quality"]  # columns of Parquet that are read without the others


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of all faces at once; `next_id` is the least that was never given to one."""

    storage: str
    dimension: int
    fingerprint: str | None
    sources: list[str]
    next_id: int
    format: int = FORMAT


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """All faces of a gallery, an entry each in the order of their `ids`, rows as they are stored; and the `facts`."""

    facts: Facts
    ids: NDArray[np.int64]
    stored: NDArray[np.uint8]
    labels: NDArray[np.object_]
    details: list[Detail]
    quality: NDArray[np.float32]

    def take(self, rows: NDArray[np.int64]) -> "Exported":
        """Some of the faces."""
        details = [self.details[row] for row in rows.tolist()]
        return Exported(self.facts, self.ids[rows], self.stored[rows], self.labels[rows], details, self.quality[rows])


def no_faces(facts: Facts) -> Exported:
    """A gallery of these facts without a face."""
    nobody = np.empty(0, object)
    rows = np.empty((0, facts.dimension), DTYPES[facts.storage])
    numbers = np.empty((0, NUMBERS), np.float32) if facts.storage == "int8" else None
    return Exported(facts, np.empty(0, np.int64), join_stored(rows, numbers), nobody, [], np.empty(0, np.float32))


def write_exported(path: "str | os.PathLike[str]", exported: Exported) -> None:
    """Write a file whole or not at all; GalleryError where it cannot be written, ValueError for another kind."""
    target = _checked_path(path)
    columns = _columns_of(exported)
    try:
        with written_whole(target) as file:
            if target.suffix == PARQUET:
                with file.open("wb") as content:  # pyarrow takes no path that is not UTF-8
                    write_parquet(content, columns)
            else:
                _write_npz(file, columns)
    except OSError as error:
        raise GalleryError(f"{printable(target)} cannot be written: {error.strerror or error}") from error


def read_exported(path: "str | os.PathLike[str]") -> Exported:
    """Read what `write_exported` wrote; GalleryError for everything else, ValueError for another kind of file."""
    source = _checked_path(path)
    if source.suffix != PARQUET:
        return _checked(lambda: _read_npz(source), printable(source))
    import_pyarrow()  # whose absence is nothing that the file could help
    return _checked(lambda: _open_parquet(source), printable(source))


def pack_exported(exported: Exported) -> bytes:
    """The bytes of a Parquet file: what `write_exported` writes to one."""
    file = io.BytesIO()
    write_parquet(file, _columns_of(exported))
    return file.getvalue()


def unpack_exported(content: bytes, name: str) -> Exported:
    """Undo `pack_exported`; GalleryError for other bytes, which calls them by a name."""
    pyarrow = import_pyarrow()
    return _checked(lambda: read_parquet(pyarrow.BufferReader(content)), name)


def unpack_rows(content: bytes, name: str) -> tuple[Facts, NDArray[np.uint8]]:
    """Of what `unpack_exported` reads the facts and the rows as they are stored, alone."""
    pyarrow = import_pyarrow()

    def read() -> tuple[Any, int, NDArray[Any], NDArray[Any] | None]:
        part = read_part(pyarrow.BufferReader(content), ["embedding", *CODES])
        return part.facts, part.rows, *rows_of(part)

    told, count, rows, numbers = _translated(read, name)
    facts = _checked_facts(told, name)
    _check_rows(rows, numbers, count, facts, name)
    return facts, join_stored(rows, numbers)


def read_column(file: Any, column: Known, name: str) -> tuple[Facts, NDArray[Any]]:
    """The facts and one column of a Parquet file that is open for reading, whose other columns are not read.

    The column is as in `Exported`. GalleryError for a file that `pack_exported` did not make, which calls it by a name.
    """
    import_pyarrow()

    def read() -> tuple[Any, int, Any]:
        part = read_part(file, [column])
        return part.facts, part.rows, part.columns[column]

    told, count, values = _translated(read, name)
    facts = _checked_facts(told, name)
    if column == "id":
        ids = values.to_numpy()
        _check_ids(ids, facts, name)
        return facts, ids
    try:
        if column == "label":
            return facts, given_labels(values.to_pylist(), count)
        return facts, given_quality(values.to_numpy(), count)
    except (TypeError, ValueError) as error:
        raise GalleryError(f"{name} is damaged: {error}") from error


def _columns_of(exported: Exported) -> Columns:
    rows, numbers = split_stored(exported.stored, exported.facts.storage)
    return Columns(
        facts=asdict(exported.facts),
        ids=exported.ids,
        embeddings=rows,
        numbers=numbers,
        labels=exported.labels.tolist(),
        metadata=[None if detail.metadata is None else json.loads(detail.metadata) for detail in exported.details],
        photos=[detail.photo for detail in exported.details],
        quality=exported.quality,
    )


def _checked(read: Callable[[], Columns], name: str) -> Exported:
    """What the columns of a file of that name say; GalleryError where they are not those of a gallery."""
    columns = _translated(read, name)
    facts = _checked_facts(columns.facts, name)
    count = len(columns.ids)
    _check_ids(columns.ids, facts, name)
    _check_rows(columns.embeddings, columns.numbers, count, facts, name)
    try:
        labels = given_labels(columns.labels, count)
        details = given_details(columns.metadata, columns.photos, count)
        quality = given_quality(columns.quality, count)
    except (TypeError, ValueError) as error:
        raise GalleryError(f"{name} is damaged: {error}") from error
    return Exported(facts, columns.ids, join_stored(columns.embeddings, columns.numbers), labels, details, quality)


def _translated(read: Callable[[], Any], name: str) -> Any:
    try:
        return read()
    except GalleryError:  # of a file that tells itself what is wrong
        raise
    except Exception as error:  # readers of zip, deflate, .npy and Parquet raise anything on a damaged file
        reason = str(error) or type(error).__name__
        raise GalleryError(f"{name} must be a file that Gallery.export wrote: {reason}") from error


def _checked_path(path: "str | os.PathLike[str]") -> Path:
    found = Path(given_path(path))
    if found.suffix not in SUFFIXES:
        raise ValueError(f"path must end in .npz or .parquet, and {printable(found)} does not")
    return found


def _write_npz(file: Path, columns: Columns) -> None:
    numbers = {} if columns.numbers is None else {"numbers": columns.numbers}
    save_arrays(
        file,
        gallery=_as_bytes(columns.facts),
        ids=columns.ids,
        embeddings=columns.embeddings,
        labels=_as_bytes(columns.labels),
        metadata=_as_bytes(columns.metadata),
        photos=_as_bytes(columns.photos),
        quality=columns.quality,
        **numbers,
    )


def _read_npz(file: Path) -> Columns:
    (told,) = load_arrays(file, ("gallery",))
    facts = json.loads(told.tobytes())
    ids, embeddings, labels, metadata, photos, quality = load_arrays(
        file, ("ids", "embeddings", "labels", "metadata", "photos", "quality")
    )
    numbers = load_arrays(file, ("numbers",))[0] if facts["storage"] == "int8" else None
    named, known, shown = (json.loads(array.tobytes()) for array in (labels, metadata, photos))
    return Columns(facts, ids, embeddings, numbers, named, known, shown, quality)


def _open_parquet(file: Path) -> Columns:
    with open_regular(file) as content:
        return read_parquet(content)


def _checked_facts(told: Any, name: str) -> Facts:
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        found = told.get("format") if isinstance(told, dict) else told
        raise GalleryError(f"{name} has format {found!r}; this version of faceprint reads format {FORMAT}")
    try:
        facts = Facts(**told)
    except TypeError as error:
        raise GalleryError(f"{name} is damaged: {error}") from error
    sources = facts.sources
    _check(isinstance(facts.storage, str) and facts.storage in DTYPES, name, f"storage {facts.storage!r}")
    _check(isinstance(facts.fingerprint, str | None), name, f"fingerprint {facts.fingerprint!r}")
    known = isinstance(sources, list) and all(isinstance(source, str) for source in sources)
    _check(known, name, f"sources {sources!r}")
    for key, least, most in (("dimension", 1, LARGEST), ("next_id", 0, MOST)):
        number = getattr(facts, key)
        _check(type(number) is int and least <= number <= most, name, f"{key} {number!r}")
    return facts


def _check_ids(ids: NDArray[Any], facts: Facts, name: str) -> None:
    rising = ids.dtype == np.int64 and ids.ndim == 1 and (np.diff(ids, prepend=-1, append=facts.next_id) > 0).all()
    _check(bool(rising), name, "ids that do not rise from 0 on, or reach next_id")


def _check_rows(rows: NDArray[Any], numbers: NDArray[Any] | None, count: int, facts: Facts, name: str) -> None:
    valid = rows.dtype == DTYPES[facts.storage] and rows.shape == (count, facts.dimension)
    _check(valid, name, f"embeddings of {rows.dtype} and shape {rows.shape}, not {facts.storage} of as many as ids")
    if numbers is not None:
        valid = numbers.dtype == np.float32 and numbers.shape == (count, NUMBERS) and bool((rows >= -127).all())
        _check(valid, name, "codes below -127, or without scale, error and norm")


def _check(valid: bool, name: str, wrong: str) -> None:
    if not valid:
        raise GalleryError(f"{name} is damaged: it has {wrong}")


def _as_bytes(content: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(content, ensure_ascii=False).encode(), np.uint8)
