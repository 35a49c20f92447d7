"""What is told of a network's verification: lines to read, and numbers for scripts."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ..markup import count
from .folds import Folds
from .verification import Verification
from .worst import HardPair


def told_of(found: Verification) -> str:
    """Say of how many photographs and pairs this is told."""
    photos = f"{count(len(found.photos), 'photograph')} of {count(found.people, 'person', 'people')}"
    return f"{photos}: {found.same_pairs:,} pairs of one person, {found.different_pairs:,} of different people"


def lines_of(found: Verification) -> Iterator[str]:
    """Say how often it was right, and what the pairs are too few to tell."""
    yield told_of(found)
    for far, value in found.vals.items():
        interval = f"[{value.low:.1%}, {value.high:.1%}]"
        yield f"VAL at FAR {far:<8g} {value.val:7.1%}  {interval}  threshold {value.threshold:.4f}"
    yield from found.untold.values()
    equal = found.equal_error
    yield f"equal error rate    {equal.rate:7.2%}  threshold {equal.threshold:.4f}"
    if found.folds is not None:
        folds = found.folds
        yield f"accuracy, {len(folds.accuracy):2} folds  {folds.mean:7.2%}  standard error {folds.standard_error:.2%}"


def summarise(found: Verification) -> dict[str, Any]:
    """The same as numbers, and the hardest pairs, as JSON takes them; without the curve."""
    return {
        "photos": len(found.photos),
        "people": found.people,
        "same_pairs": found.same_pairs,
        "different_pairs": found.different_pairs,
        "vals": {f"{far:g}": asdict(value) for far, value in found.vals.items()},
        "untold": {f"{far:g}": reason for far, reason in found.untold.items()},
        "equal_error": asdict(found.equal_error),
        "folds": None if found.folds is None else _folds(found.folds),
        "missed": [_pair(found, pair) for pair in found.missed],
        "mistaken": [_pair(found, pair) for pair in found.mistaken],
    }


def _folds(folds: Folds) -> dict[str, Any]:
    return {
        "accuracy": folds.accuracy.tolist(),
        "thresholds": folds.thresholds.tolist(),
        "wrong": int(folds.wrong.sum()),
        "mean": folds.mean,
        "standard_error": folds.standard_error,
    }


def _pair(found: Verification, pair: HardPair) -> dict[str, Any]:
    return {"photos": [str(found.photos[row]) for row in (pair.a, pair.b)], "distance": pair.distance}
