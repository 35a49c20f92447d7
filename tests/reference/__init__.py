"""Every operation once more, as obviously as numpy allows, in float64: what the core is proved against."""

from . import communities
from .chip import align, chip, whitened
from .distance import distances, similarities
from .graph import average_linkage
from .nearest import nearest, neighbours
from .triplets import mine_triplets, triplet_loss

__all__ = [
    "align",
    "average_linkage",
    "chip",
    "communities",
    "distances",
    "mine_triplets",
    "nearest",
    "neighbours",
    "similarities",
    "triplet_loss",
    "whitened",
]
