"""Conditions on what is known of faces: who may be an answer."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .expected import as_text
from .held import NOBODY, Held

Where: TypeAlias = Mapping[str, Any]
NONE = type(None)
MOST = 2**63  # which integers of SQLite and numpy stay below
OWN = ("label", "id", "photo")  # what a face has beside metadata


def find_rows(where: Where, held: Held) -> NDArray[np.bool_]:
    """Which rows meet all conditions: (n,) bool.

    Each maps "label", "id", "photo" or a key of the metadata to a value, or a list of some, of which a face must have
    one; None is what a face has that lacks it. TypeError for values that are no text, number or None, and for labels
    and photographs that are no text; ValueError for what no gallery can hold.
    """
    if not isinstance(where, Mapping):
        raise TypeError(f"where must be a mapping, not {type(where).__name__}")
    met = np.ones(len(held.ids), bool)
    for key, wanted in where.items():
        values = _values(key, wanted)
        given = [value for value in values if value is not None]
        if key == "label":
            known = held.labels.numbers
            people = [known[value] for value in given if value in known] + [NOBODY] * (None in values)
            met &= np.isin(held.people, people)
        elif key == "id":
            if not all(isinstance(value, int) for value in given):
                raise TypeError(f"where: 'id' must be an integer, or a list of some, not {wanted!r}")
            met &= np.isin(held.ids, np.array(given, np.int64))
        else:
            column = None if key == "photo" else key
            ids = held.store.matching(column, given)
            found = np.isin(held.ids, ids)
            if None in values:
                found |= ~np.isin(held.ids, held.store.having(column))
            met &= found
    return met


def _values(key: str, wanted: Any) -> list[Any]:
    if not isinstance(key, str):
        raise TypeError(f"where must have keys that are str, not {type(key).__name__}")
    as_text(key, "a key of where")
    several = isinstance(wanted, Sequence) and not isinstance(wanted, (str, bytes))
    values = [value.item() if isinstance(value, np.generic) else value for value in (wanted if several else [wanted])]
    textual = key in ("label", "photo")
    allowed, rule = ((str, NONE), "text") if textual else ((str, int, float, NONE), "text, a number")
    for value in values:
        if not isinstance(value, allowed):
            raise TypeError(f"where: {key!r} must be {rule} or None, or a list of such, not {type(value).__name__}")
        if isinstance(value, str):
            as_text(value, f"where: {key!r}")
        elif isinstance(value, int) and not -MOST <= value < MOST:
            raise ValueError(f"where: {key!r} must be an integer of 64 bits, not {value}")
    return values
