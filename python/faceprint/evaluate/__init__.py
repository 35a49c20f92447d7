"""How well embeddings tell people apart: VAL and FAR as the paper has them, and how they bear poor photographs.

Reached as `faceprint.evaluate`, and loaded when first used.
"""

from .pairs import AllPairs, ListedPairs, Pairs
from .people import People, find_people, read_pairs
from .rates import Roc, Val, roc, val_at_far
from .sensitivity import Sensitivity, measure_sensitivity

__all__ = [
    "AllPairs",
    "ListedPairs",
    "Pairs",
    "People",
    "Roc",
    "Sensitivity",
    "Val",
    "find_people",
    "measure_sensitivity",
    "read_pairs",
    "roc",
    "val_at_far",
]
