"""What callers give to a gallery, checked: rows, ids, and what is known of faces, one entry a row."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import as_embeddings, as_integers, as_reals
from .embedded import Embedded, as_embedded
from .expected import as_path, as_text
from .store import Detail

RAW = re.compile(r"x'[0-9a-f]{64}", re.IGNORECASE)  # how SQLCipher is given a key in place of a passphrase
DEEPEST = 100  # what readers of JSON all follow: SQLite 1,000 levels, Python fewer than it has frames left


def given_rows(x: Any) -> Embedded:
    """Embeddings (n, dimension) float32, and which network made them, where that is known."""
    given = as_embedded(x)
    return replace(given, embeddings=as_embeddings(given.embeddings, "embeddings"))


def given_ids(ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Ids (n,) int64; TypeError for others than integers, ValueError for another shape."""
    array = as_integers(ids, "ids")
    if array.ndim != 1:
        raise ValueError(f"ids must have shape (n,), not {array.shape}")
    return array


def given_label(label: Any) -> str:
    """A label; TypeError for another than a str, ValueError for one that UTF-8 cannot hold."""
    return as_text(label, "a label")


def given_labels(labels: Sequence[str | None] | None, rows: int) -> NDArray[np.object_]:
    """Labels (rows,) object, None for who has none."""
    each = _each("labels", labels, (str,), "str", rows)
    plain = {None: None} | {name: as_text(name, "a label") for name in set(each) - {None}}
    names = np.empty(rows, object)
    names[:] = [plain[name] for name in each]
    return names


def given_path(path: Any, name: str = "path") -> str:
    """A path as text; TypeError for what is none, ValueError for one that no file can have."""
    text = as_path(path, name)
    if not text or "\0" in text:
        raise ValueError(f"{name} must be some text without null characters, not {text!r}")
    return text


def given_key(key: Any) -> "bytes | str | None":
    """A key, of which errors tell nothing; TypeError for another type, ValueError for one that does not encrypt."""
    if not isinstance(key, bytes | str | None):
        raise TypeError(f"key must be 32 bytes or a passphrase, not {type(key).__name__}")
    if isinstance(key, bytes) and len(key) != 32:
        raise ValueError(f"key must be 32 bytes or a passphrase, not {len(key)} bytes")
    if isinstance(key, str) and (not key or "\0" in key or not _encodes(key)):
        raise ValueError("key must be 32 bytes or a passphrase: some text that UTF-8 can hold, without null characters")
    if isinstance(key, str) and RAW.match(key):
        raise ValueError("key must be 32 bytes or a passphrase, not digits after x', which SQLCipher takes for bytes")
    return key


def given_details(metadata: Any, photos: Any, rows: int, *, reserved: Sequence[str] = ()) -> list[Detail]:
    """What else is known, as it is stored; TypeError or ValueError for metadata that JSON cannot hold.

    ValueError also for a key of metadata that is `reserved`.
    """
    known = _each("metadata", metadata, (Mapping,), "a mapping", rows)
    shown = _each("photos", photos, (str, os.PathLike), "str or a path", rows)
    return [Detail(_as_json(what, reserved), _as_path(photo)) for what, photo in zip(known, shown, strict=True)]


def given_quality(quality: Any, rows: int) -> NDArray[np.float32]:
    """Qualities (rows,) float32, NaN where they are not known; ValueError outside of [0, 1]."""
    if quality is None:
        return np.full(rows, np.nan, np.float32)
    with np.errstate(over="ignore"):  # told below
        array = as_reals(quality, "quality").astype(np.float32)
    if array.shape != (rows,):
        raise ValueError(f"quality must have one entry for each of the {rows} embeddings, not shape {array.shape}")
    if not ((array >= 0) & (array <= 1) | np.isnan(array)).all():
        raise ValueError("quality must lie in [0, 1], or be NaN where it is not known")
    return array


def _each(name: str, given: Any, types: tuple[type, ...], rule: str, rows: int) -> Sequence[Any]:
    """What is given of each of some rows, or None for each."""
    if given is None:
        return [None] * rows
    sequence = hasattr(given, "__len__") and hasattr(given, "__getitem__")
    if isinstance(given, (str, bytes, Mapping)) or not sequence:
        raise TypeError(f"{name} must be a sequence of {rule} or None, one a row, not {type(given).__name__}")
    if len(given) != rows:
        raise ValueError(f"{name} must have one entry for each of the {rows} embeddings, not {len(given)}")
    wrong = next((entry for entry in given if not isinstance(entry, (*types, type(None)))), None)
    if wrong is not None:
        raise TypeError(f"{name} must be {rule} or None, not {type(wrong).__name__}")
    return given  # type: ignore[no-any-return]


def _as_json(metadata: Mapping[str, Any] | None, reserved: Sequence[str]) -> str | None:
    if metadata is None:
        return None
    known = dict(metadata)
    _check_nested(known, DEEPEST)
    for key in known:
        if key in reserved:
            raise ValueError(f"metadata must have other keys than {key!r}, by which conditions mean another thing")
    try:
        text = json.dumps(known, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise type(error)(f"metadata must be what JSON can hold: {error}") from error
    return as_text(text, "metadata")


def _check_nested(told: Any, levels: int) -> None:
    """Refuse keys of which JSON would make text, and more levels than are left, as of what holds itself."""
    if not isinstance(told, (dict, list, tuple)):
        return
    if not levels:
        raise ValueError(f"metadata must be nested at most {DEEPEST} levels deep, and not hold itself")
    for key in told if isinstance(told, dict) else ():
        if not isinstance(key, str):
            raise TypeError(f"metadata must have keys that are str, not {type(key).__name__}")
    for value in told.values() if isinstance(told, dict) else told:
        _check_nested(value, levels - 1)


def _as_path(photo: "str | os.PathLike[str] | None") -> str | None:
    return None if photo is None else as_text(os.fspath(photo), "a photo")


def _encodes(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False
