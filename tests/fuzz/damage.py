"""What is done to good input to make it bad: bytes, JSON and arrays, each by a `random.Random`."""

import copy
import random
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

EDGES = (0, 1, 0x7F, 0x80, 0xFF)
SIZES = (0, 1, 255, 4_097, 65_535, 2**31 - 1, 2**31, 2**32 - 1)
ODD = (None, True, False, 0, 1, -1, 2**31, 2**62, 2**63, 10**400, -0.0, 0.5, 1e-300, 1e308, float("inf"), float("nan"))
TEXTS = ("", "?", "a\0b", "\ud800", "\u202e", "../..", "int8", "float32", "x" * 300)
DTYPES = ("f2", "f4", "f8", ">f4", "i1", "i8", "u1", "?", "c8", "S3", "U2", "M8[s]")


def damaged_bytes(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """Bits flipped, bytes at their extremes, pieces repeated, left out or taken from other contents."""
    altered = bytearray(content)
    reach = len(altered) if chance.random() < 0.5 else min(200, len(altered))  # half of them in the header alone
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        if not reach:
            break
        at = chance.randrange(reach)
        length = chance.randrange(1, 30)
        change = chance.randrange(6)
        if change == 0:
            altered[at] ^= 1 << chance.randrange(8)
        elif change == 1:
            altered[at] = chance.choice(EDGES)
        elif change == 2:
            altered[at : at + 4] = struct.pack(chance.choice("<>") + "I", chance.choice(SIZES))
        elif change == 3:
            altered[at:at] = altered[at : at + length] * chance.choice((1, 2, 50))
        elif change == 4 and len(altered) > 2 * length:
            del altered[at : at + length]
        else:
            altered[at : at + length] = chance.choice(others)[at : at + length]
        reach = min(reach, len(altered))
    return bytes(altered)


def damaged_json(content: Any, chance: random.Random) -> Any:
    """Values that are replaced, left out, repeated or put where others were."""
    altered = [copy.deepcopy(content)]
    for _ in range(chance.choice((1, 1, 2, 4))):
        holder, key = altered, 0
        while isinstance(holder[key], (dict, list)) and holder[key] and chance.random() < 0.8:
            holder = holder[key]
            key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        change = chance.randrange(6)
        if change == 0 and holder is not altered:
            del holder[key]
        elif change == 1 and isinstance(holder, dict):
            holder[chance.choice(TEXTS)] = holder[key]
        elif change == 2 and isinstance(holder, list):
            holder[key:key] = [holder[key]] * chance.choice((1, 2, 100))
        elif change == 3:
            holder[key] = [holder[key]] if chance.random() < 0.5 else {"x": holder[key]}
        elif change == 4 and isinstance(holder[key], float):
            holder[key] = chance.choice((-1, 2, 0.5, 1.0001, 1e9)) * holder[key]
        else:
            holder[key] = chance.choice((*ODD, *TEXTS, [], {}))
        if not altered:
            break
    return altered[0] if altered else None


def damaged_array(array: np.ndarray, chance: random.Random) -> np.ndarray:
    """Another dtype, shape or number of rows, or numbers that nobody expects."""
    altered = array.copy()
    change = chance.randrange(5)
    if change == 0:
        with np.errstate(all="ignore"):
            return altered.astype(chance.choice(DTYPES))
    if change == 1:
        return chance.choice((altered[None], altered.ravel(), altered[..., None], altered.T, altered[:0]))
    if change == 2:
        return np.concatenate([altered, altered[:1]]) if chance.random() < 0.5 and altered.ndim else altered[1:]
    if change == 3 and altered.dtype.kind in "iuf" and altered.size:
        odd = (0, 1, -1, 127, -128, 2**31, 2**62) if altered.dtype.kind in "iu" else (0, -1, 1e30, np.inf, np.nan)
        with np.errstate(all="ignore"):
            altered.flat[chance.randrange(altered.size)] = np.array(chance.choice(odd)).astype(altered.dtype)
        return altered
    chance.shuffle(rows := list(range(len(altered))))
    return altered[rows]
