"""What a gallery is besides its faces, as its file says it: whoever writes a file can write its sums too."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from .labels import BLOCK
from .stored import DTYPES

LARGEST = 2**20  # numbers of a row
MOST = 2**62
MOST_PEOPLE = 2**27  # who have a label in one gallery at a time: 1 GB of them


@dataclass(frozen=True, slots=True)
class State:
    """What a gallery is besides its faces; `changes` counts the transactions, the other numbers what there is.

    `label_versions` are the `versions` of its `Labels`.
    """

    storage: str
    dimension: int | None = None
    fingerprint: str | None = None
    sources: tuple[str, ...] = ()
    next_id: int = 0
    next_person: int = 0
    faces: int = 0
    people: int = 0
    label_versions: Sequence[int] = ()
    details: int = 0
    changes: int = 0
    calibration: list[dict[str, Any]] | None = None


KEYS = [field.name for field in fields(State)]
COUNTS = {"next_id": MOST, "next_person": MOST_PEOPLE, "faces": MOST, "people": MOST, "details": MOST, "changes": MOST}


def read_state(text: str) -> State:
    """The state that JSON tells; ValueError where it tells something else.

    >>> read_state('{"storage": "int8", "sources": [], "next_id": 3}').next_id
    3
    >>> read_state('{"storage": "int8", "sources": [], "next_id": -3}')
    Traceback (most recent call last):
    ValueError: next_id -3
    """
    try:
        told = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(told, dict) or not {"storage", "sources"} <= told.keys() <= set(KEYS):
        raise ValueError("no state")
    state = State(**{"label_versions": [], **told})
    sources, calibration = state.sources, state.calibration
    _check(isinstance(state.storage, str) and state.storage in DTYPES, "storage", state.storage)
    _check(state.dimension is None or is_whole(state.dimension, 1, LARGEST), "dimension", state.dimension)
    _check(isinstance(state.fingerprint, str | None), "fingerprint", state.fingerprint)
    _check(isinstance(sources, list) and all(isinstance(source, str) for source in sources), "sources", sources)
    _check(calibration is None or isinstance(calibration, list), "calibration", calibration)
    for key, most in COUNTS.items():
        _check(is_whole(getattr(state, key), 0, most), key, getattr(state, key))
    versions = state.label_versions
    valid = isinstance(versions, list) and BLOCK * len(versions) < state.next_person + BLOCK
    _check(valid and all(is_whole(each, 1, MOST) for each in versions), "label_versions", str(versions)[:40])
    return State(**{**told, "sources": tuple(sources)})


def tell_state(state: State) -> str:
    """What `read_state` reads."""
    return json.dumps({name: getattr(state, name) for name in KEYS})


def next_count(changes: int) -> int:
    """How many changes there were with one more: from 0 on again behind the largest number that a file may hold.

    >>> next_count(7)
    8
    """
    return (changes + 1) % (MOST + 1)


def is_whole(value: Any, least: int, most: int) -> bool:
    """Whether that is an integer, no bool, from `least` to `most`."""
    return type(value) is int and least <= value <= most


def _check(valid: bool, key: str, came: Any) -> None:
    if not valid:
        raise ValueError(f"{key} {came!r}")
