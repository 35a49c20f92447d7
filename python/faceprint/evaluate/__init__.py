"""How well embeddings tell people apart: VAL and FAR as the paper has them, and how they bear poor photographs.

Reached as `faceprint.evaluate`, and loaded when first used.
"""

from .compatibility import Compatibility, measure_compatibility
from .pairs import AllPairs, ListedPairs, Pairs
from .people import People, find_people, read_pairs
from .rates import Change, Roc, Val, roc, val_at_far, val_at_threshold
from .sensitivity import Sensitivity, measure_sensitivity

__all__ = [
    "AllPairs",
    "Change",
    "Compatibility",
    "ListedPairs",
    "Pairs",
    "People",
    "Roc",
    "Sensitivity",
    "Val",
    "find_people",
    "measure_compatibility",
    "measure_sensitivity",
    "read_pairs",
    "roc",
    "val_at_far",
    "val_at_threshold",
]
