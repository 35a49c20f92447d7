"""Thresholds that a gallery measures on its own faces, and which of them answers for a rate."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ._nearest import Progress
from .errors import GalleryError
from .evaluate.identification import RATES, Identification, identification
from .held import NOBODY, Held
from .stored import unpack_stored


def calibrate_held(
    held: Held, rates: Sequence[float] | None, threads: int | None, progress: Progress | None
) -> list[Identification]:
    """Measure thresholds, and keep them where who is whom has stayed."""
    with held.following():
        held.store.check_writable()
        if held.packed is None:
            raise GalleryError("the gallery must hold labelled faces to be calibrated on, and holds none")
        ids, people = held.ids, held.people
        rows = np.flatnonzero(people != NOBODY)
        embeddings = unpack_stored(held.packed.stored(rows), held.state.storage)
    wanted = RATES if rates is None else rates
    found = identification(embeddings, people[rows], wanted, threads=threads, progress=progress)
    with held.changing():
        first = np.s_[: len(ids)]  # what was added since stands behind
        if not (np.array_equal(held.ids[first], ids) and np.array_equal(held.people[first], people)):
            raise GalleryError("who is whom must stay while it is measured, but was changed: calibrate again")
        held.state = replace(held.state, calibration=[asdict(entry) for entry in found])
    return found


def calibration_of(held: Held) -> list[Identification]:
    """What was measured, empty where nothing was or it was undone."""
    with held.following():
        return [_entry(held, told) for told in held.state.calibration or []]


def _entry(held: Held, told: Any) -> Identification:
    """What a file says was measured; GalleryError where it says something else."""
    keys, optional = set(Identification.__dataclass_fields__), {"fnir", "fnir_low", "fnir_high"}
    valid = isinstance(told, dict) and told.keys() == keys
    valid = valid and all(_number(told[key]) or (key in optional and told[key] is None) for key in keys)
    held.store.check_sound(valid and told["faces"] > 0, "its calibration is not one that was measured")
    return Identification(**told)


def _number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def threshold_at(held: Held, fpir: float) -> tuple[float, float]:
    """The threshold that was calibrated for a rate, and what the rate has become since."""
    entries = calibration_of(held)
    chosen = [entry for entry in entries if entry.fpir <= fpir]
    if not chosen:
        rates = ", ".join(f"{entry.fpir:.2g}" for entry in entries) or "none"
        raise GalleryError(f"fpir must be a rate that the gallery was calibrated for ({rates}), not {fpir:g}")
    best = max(chosen, key=lambda entry: entry.fpir)
    grown = np.count_nonzero(held.people != NOBODY) / best.faces
    return best.threshold, min(1.0, best.fpir * max(1.0, grown))
