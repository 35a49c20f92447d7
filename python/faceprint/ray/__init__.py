"""Photographs and galleries beyond one machine, on a cluster of Ray: the calls of one machine, with the same answers.

Reached as `faceprint.ray` once it is imported; wants `faceprint[ray]`.
"""

from .joins import list_neighbours, neighbours
from .people import cluster
from .photos import Unread, embed
from .plans import plan_nearest, plan_neighbours
from .rates import val_at_far
from .saved import SavedLists
from .search import nearest
from .workers import Workers

__all__ = [
    "SavedLists",
    "Unread",
    "Workers",
    "cluster",
    "embed",
    "list_neighbours",
    "nearest",
    "neighbours",
    "plan_nearest",
    "plan_neighbours",
    "val_at_far",
]
