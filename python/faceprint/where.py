"""Conditions on what is known of faces: who may be an answer."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .held import NOBODY, Held

Where: TypeAlias = Mapping[str, Any]
SCALARS = (str, int, float, bool, type(None))


def find_rows(where: Where, held: Held) -> NDArray[np.bool_]:
    """Which rows meet all conditions: (n,) bool.

    Each maps "label", "id", "photo" or a key of the metadata to a value, or a list of some, of which a face must have
    one; None is what a face has that lacks it. TypeError for values that are no text, number or None.
    """
    met = np.ones(len(held.ids), bool)
    for key, wanted in where.items():
        values = _values(key, wanted)
        given = [value for value in values if value is not None]
        if key == "label":
            known = held.known_labels()
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


def _values(key: str, wanted: Any) -> Sequence[Any]:
    values = [wanted] if isinstance(wanted, SCALARS) or not isinstance(wanted, Sequence) else list(wanted)
    wrong = next((value for value in values if not isinstance(value, (*SCALARS, np.integer, np.floating))), None)
    if wrong is not None:
        raise TypeError(f"where: {key!r} must be text, a number or None, or a list of such, not {type(wrong).__name__}")
    return [value.item() if isinstance(value, np.generic) else value for value in values]
