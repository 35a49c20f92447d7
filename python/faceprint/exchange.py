"""Galleries for other programs: every face in one file, .npz or Parquet, out and in again.

Both hold the same. Parquet has a row a face; .npz has an array a column, and as text in JSON, UTF-8, what numpy would
have to pad.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archive import load_arrays, save_arrays
from .errors import GalleryError
from .given import given_details, given_labels, given_quality
from .photo import printable
from .store import Detail
from .stored import DTYPES, NUMBERS, join_stored, split_stored
from .whole import written_whole

FORMAT = 1
PARQUET = ".parquet"
SUFFIXES = (".npz", PARQUET)
CODES = ("scale", "error", "norm")  # the numbers behind the codes of a row, and their columns in Parquet


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


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """What stands in a file of either kind."""

    facts: Any
    ids: NDArray[Any]
    embeddings: NDArray[Any]
    numbers: NDArray[Any] | None
    labels: Any
    metadata: Any
    photos: Any
    quality: NDArray[Any]


def write_exported(path: "str | os.PathLike[str]", exported: Exported) -> None:
    """Write a file whole or not at all; GalleryError where it cannot be written, ValueError for another kind."""
    target = _checked_path(path)
    rows, numbers = split_stored(exported.stored, exported.facts.storage)
    columns = _Columns(
        facts=asdict(exported.facts),
        ids=exported.ids,
        embeddings=rows,
        numbers=numbers,
        labels=exported.labels.tolist(),
        metadata=[None if detail.metadata is None else json.loads(detail.metadata) for detail in exported.details],
        photos=[detail.photo for detail in exported.details],
        quality=exported.quality,
    )
    write = _write_parquet if target.suffix == PARQUET else _write_npz
    try:
        with written_whole(target) as file:
            write(file, columns)
    except OSError as error:
        raise GalleryError(f"{printable(target)} cannot be written: {error.strerror or error}") from error


def read_exported(path: "str | os.PathLike[str]") -> Exported:
    """Read what `write_exported` wrote; GalleryError for everything else, ValueError for another kind of file."""
    source = _checked_path(path)
    name, read = printable(source), _read_npz
    if source.suffix == PARQUET:
        _pyarrow()  # whose absence is nothing that the file could help
        read = _read_parquet
    try:
        columns = read(source)
    except Exception as error:  # readers of zip, deflate, .npy and Parquet raise anything on a damaged file
        reason = str(error) or type(error).__name__
        raise GalleryError(f"{name} must be a file that Gallery.export wrote: {reason}") from error
    facts = _checked_facts(columns.facts, name)
    _check_arrays(columns, facts, name)
    count = len(columns.ids)
    try:
        labels = given_labels(columns.labels, count)
        details = given_details(columns.metadata, columns.photos, count)
        quality = given_quality(columns.quality, count)
    except (TypeError, ValueError) as error:
        raise GalleryError(f"{name} is damaged: {error}") from error
    return Exported(facts, columns.ids, join_stored(columns.embeddings, columns.numbers), labels, details, quality)


def _checked_path(path: "str | os.PathLike[str]") -> Path:
    found = Path(path)
    if found.suffix not in SUFFIXES:
        raise ValueError(f"path must end in .npz or .parquet, and {printable(found)} does not")
    return found


def _write_npz(file: Path, columns: _Columns) -> None:
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


def _read_npz(file: Path) -> _Columns:
    (told,) = load_arrays(file, ("gallery",))
    facts = json.loads(told.tobytes())
    ids, embeddings, labels, metadata, photos, quality = load_arrays(
        file, ("ids", "embeddings", "labels", "metadata", "photos", "quality")
    )
    numbers = load_arrays(file, ("numbers",))[0] if facts["storage"] == "int8" else None
    named, known, shown = (json.loads(array.tobytes()) for array in (labels, metadata, photos))
    return _Columns(facts, ids, embeddings, numbers, named, known, shown, quality)


def _write_parquet(file: Path, columns: _Columns) -> None:
    pa = _pyarrow()
    width = columns.embeddings.shape[1]
    numbers = np.empty((0, 0), np.float32) if columns.numbers is None else columns.numbers
    metadata = [None if what is None else json.dumps(what) for what in columns.metadata]
    table = pa.table(
        {
            "id": columns.ids,
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(columns.embeddings.ravel()), width),
            **{name: pa.array(column) for name, column in zip(CODES, numbers.T, strict=False)},
            "label": pa.array(columns.labels, pa.string()),
            "metadata": pa.array(metadata, pa.string()),
            "photo": pa.array(columns.photos, pa.string()),
            "quality": pa.array(columns.quality, mask=np.isnan(columns.quality)),
        }
    )
    table = table.replace_schema_metadata({"faceprint": json.dumps(columns.facts)})
    pa.parquet.write_table(table, file, use_dictionary=["label"], write_page_checksum=True)


def _read_parquet(file: Path) -> _Columns:
    with file.open("rb") as content:
        table = _pyarrow().parquet.read_table(content, page_checksum_verification=True).combine_chunks()
    facts = json.loads((table.schema.metadata or {})[b"faceprint"])
    rows, width = table["embedding"], table.schema.field("embedding").type.list_size
    embeddings = rows.combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    numbers = None
    if facts["storage"] == "int8":
        numbers = np.stack([table[name].to_numpy() for name in CODES], axis=1)
    metadata = [None if text is None else json.loads(text) for text in table["metadata"].to_pylist()]
    labels, photos = table["label"].to_pylist(), table["photo"].to_pylist()
    return _Columns(
        facts, table["id"].to_numpy(), embeddings, numbers, labels, metadata, photos, table["quality"].to_numpy()
    )


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
    for key, least, most in (("dimension", 1, 2**20), ("next_id", 0, 2**62)):
        number = getattr(facts, key)
        _check(type(number) is int and least <= number <= most, name, f"{key} {number!r}")
    return facts


def _check_arrays(columns: _Columns, facts: Facts, name: str) -> None:
    ids, rows, count = columns.ids, columns.embeddings, len(columns.ids)
    rising = ids.dtype == np.int64 and ids.ndim == 1 and (np.diff(ids, prepend=-1, append=facts.next_id) > 0).all()
    _check(bool(rising), name, "ids that do not rise from 0 on, or reach next_id")
    valid = rows.dtype == DTYPES[facts.storage] and rows.shape == (count, facts.dimension)
    _check(valid, name, f"embeddings of {rows.dtype} and shape {rows.shape}, not {facts.storage} of as many as ids")
    if columns.numbers is not None:
        numbers = columns.numbers
        valid = numbers.dtype == np.float32 and numbers.shape == (count, NUMBERS) and bool((rows >= -127).all())
        _check(valid, name, "codes below -127, or without scale, error and norm")


def _check(valid: bool, name: str, wrong: str) -> None:
    if not valid:
        raise GalleryError(f"{name} is damaged: it has {wrong}")


def _as_bytes(content: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(content, ensure_ascii=False).encode(), np.uint8)


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ModuleNotFoundError("Parquet needs pyarrow: pip install 'faceprint[parquet]'") from error
    return pyarrow
