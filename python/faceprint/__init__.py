"""faceprint: who is on these photographs? Verify, search and cluster faces.

Importing the package loads nothing but the names of its errors; numpy, Pillow and ONNX Runtime follow when needed.
A module that holds a function of its own name starts with an underscore, so that `faceprint.nearest` is the function.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import (
    CollapseWarning,
    DeviceError,
    FaceprintError,
    GalleryError,
    ManyFacesError,
    NetworkError,
    NoFaceError,
    PhotoError,
    RecipeError,
    RecipeWarning,
    SortError,
    UpgradeError,
    VideoError,
)

if TYPE_CHECKING:
    from . import evaluate, graph, synthetic
    from ._assign import Assignment, assign
    from ._choose import Change, Choice, choose, coding_length, stability
    from ._clean import Cleaning, Overlap, clean, overlap
    from ._cluster import Clustering, cluster
    from ._info import info
    from ._nearest import nearest, neighbours, within
    from ._template import set_distance, template
    from .approximate import ApproximateIndex
    from .backend import backends, use_backend
    from .constraints import same_photograph
    from .detector import DetectorOptions
    from .distance import distances
    from .draft import draft_recipe
    from .embedded import Embedded
    from .encodings import Encodings, read_deepface, read_face_recognition
    from .entries import Entry
    from .faces import Faces
    from .features import read_features, read_people
    from .gallery import Gallery
    from .isolated import NetworkLimits
    from .manifest import Shard
    from .matches import Matches
    from .memory import CrossBatchMemory
    from .model import Model, Verification, load
    from .photo import Frame, Limits, read_photo
    from .recipe import Recipe
    from .sampling import PKSampler, equity_weights
    from .shards import Shards, read_shards, write_shards
    from .suggest import Lobes, Merge, Split, lobes, suggest_merges, suggest_splits
    from .triplets import mine_triplets, triplet_loss
    from .upgrade import Upgrade
    from .video import Track, VideoLimits, read_video, track_faces

__version__ = "0.1.0"

_HOMES = {
    "ApproximateIndex": "approximate",
    "Assignment": "_assign",
    "Change": "_choose",
    "Choice": "_choose",
    "Cleaning": "_clean",
    "Clustering": "_cluster",
    "CrossBatchMemory": "memory",
    "DetectorOptions": "detector",
    "Embedded": "embedded",
    "Encodings": "encodings",
    "Entry": "entries",
    "Faces": "faces",
    "Frame": "photo",
    "Gallery": "gallery",
    "Limits": "photo",
    "Lobes": "suggest",
    "Matches": "matches",
    "Merge": "suggest",
    "Model": "model",
    "NetworkLimits": "isolated",
    "Overlap": "_clean",
    "PKSampler": "sampling",
    "Recipe": "recipe",
    "Shard": "manifest",
    "Shards": "shards",
    "Split": "suggest",
    "Track": "video",
    "Upgrade": "upgrade",
    "Verification": "model",
    "VideoLimits": "video",
    "assign": "_assign",
    "backends": "backend",
    "choose": "_choose",
    "clean": "_clean",
    "cluster": "_cluster",
    "coding_length": "_choose",
    "distances": "distance",
    "draft_recipe": "draft",
    "equity_weights": "sampling",
    "info": "_info",
    "load": "model",
    "lobes": "suggest",
    "mine_triplets": "triplets",
    "nearest": "_nearest",
    "neighbours": "_nearest",
    "overlap": "_clean",
    "read_deepface": "encodings",
    "read_face_recognition": "encodings",
    "read_features": "features",
    "read_people": "features",
    "read_photo": "photo",
    "read_shards": "shards",
    "read_video": "video",
    "same_photograph": "constraints",
    "set_distance": "_template",
    "stability": "_choose",
    "suggest_merges": "suggest",
    "suggest_splits": "suggest",
    "template": "_template",
    "track_faces": "video",
    "triplet_loss": "triplets",
    "use_backend": "backend",
    "within": "_nearest",
    "write_shards": "shards",
}

_MODULES = ("evaluate", "graph", "synthetic")

__all__ = [
    "ApproximateIndex",
    "Assignment",
    "Change",
    "Choice",
    "Cleaning",
    "Clustering",
    "CollapseWarning",
    "CrossBatchMemory",
    "DetectorOptions",
    "DeviceError",
    "Embedded",
    "Encodings",
    "Entry",
    "FaceprintError",
    "Faces",
    "Frame",
    "Gallery",
    "GalleryError",
    "Limits",
    "Lobes",
    "ManyFacesError",
    "Matches",
    "Merge",
    "Model",
    "NetworkError",
    "NetworkLimits",
    "NoFaceError",
    "Overlap",
    "PKSampler",
    "PhotoError",
    "Recipe",
    "RecipeError",
    "RecipeWarning",
    "Shard",
    "Shards",
    "SortError",
    "Split",
    "Track",
    "Upgrade",
    "UpgradeError",
    "Verification",
    "VideoError",
    "VideoLimits",
    "assign",
    "backends",
    "choose",
    "clean",
    "cluster",
    "coding_length",
    "distances",
    "draft_recipe",
    "equity_weights",
    "evaluate",
    "graph",
    "info",
    "load",
    "lobes",
    "mine_triplets",
    "nearest",
    "neighbours",
    "overlap",
    "read_deepface",
    "read_face_recognition",
    "read_features",
    "read_people",
    "read_photo",
    "read_shards",
    "read_video",
    "same_photograph",
    "set_distance",
    "stability",
    "suggest_merges",
    "suggest_splits",
    "synthetic",
    "template",
    "track_faces",
    "triplet_loss",
    "use_backend",
    "within",
    "write_shards",
]


if not TYPE_CHECKING:  # out of sight of checkers, which would otherwise take every misspelt name for one of ours

    def __getattr__(name: str) -> Any:
        if name in _MODULES:  # which importing them puts here
            return import_module(f".{name}", __name__)
        if name not in _HOMES:
            raise AttributeError(f"module 'faceprint' has no attribute {name!r}")
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
