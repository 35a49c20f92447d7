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
    UpgradeError,
    VideoError,
)

if TYPE_CHECKING:
    from . import evaluate
    from ._cluster import Clustering, cluster
    from ._info import info
    from ._nearest import nearest, neighbours, within
    from ._template import set_distance, template
    from .backend import backends, use_backend
    from .detector import DetectorOptions
    from .distance import distances
    from .draft import draft_recipe
    from .embedded import Embedded
    from .faces import Faces
    from .gallery import Gallery, Matches
    from .memory import CrossBatchMemory
    from .model import Model, Verification, load
    from .photo import Limits, read_photo
    from .recipe import Recipe
    from .sampling import PKSampler, equity_weights
    from .triplets import mine_triplets, triplet_loss
    from .upgrade import Upgrade
    from .video import Frame, Track, VideoLimits, read_video, track_faces

__version__ = "0.1.0"

_HOMES = {
    "Clustering": "_cluster",
    "CrossBatchMemory": "memory",
    "DetectorOptions": "detector",
    "Embedded": "embedded",
    "Faces": "faces",
    "Frame": "video",
    "Gallery": "gallery",
    "Limits": "photo",
    "Matches": "gallery",
    "Model": "model",
    "PKSampler": "sampling",
    "Recipe": "recipe",
    "Track": "video",
    "Upgrade": "upgrade",
    "Verification": "model",
    "VideoLimits": "video",
    "backends": "backend",
    "cluster": "_cluster",
    "distances": "distance",
    "draft_recipe": "draft",
    "equity_weights": "sampling",
    "info": "_info",
    "load": "model",
    "mine_triplets": "triplets",
    "nearest": "_nearest",
    "neighbours": "_nearest",
    "read_photo": "photo",
    "read_video": "video",
    "track_faces": "video",
    "set_distance": "_template",
    "template": "_template",
    "triplet_loss": "triplets",
    "use_backend": "backend",
    "within": "_nearest",
}

__all__ = [
    "Clustering",
    "CollapseWarning",
    "CrossBatchMemory",
    "DetectorOptions",
    "DeviceError",
    "Embedded",
    "FaceprintError",
    "Faces",
    "Frame",
    "Gallery",
    "GalleryError",
    "Limits",
    "ManyFacesError",
    "Matches",
    "Model",
    "NetworkError",
    "NoFaceError",
    "PKSampler",
    "PhotoError",
    "Recipe",
    "RecipeError",
    "RecipeWarning",
    "Track",
    "Upgrade",
    "UpgradeError",
    "Verification",
    "VideoError",
    "VideoLimits",
    "backends",
    "cluster",
    "distances",
    "draft_recipe",
    "equity_weights",
    "evaluate",
    "info",
    "load",
    "mine_triplets",
    "nearest",
    "neighbours",
    "read_photo",
    "read_video",
    "set_distance",
    "template",
    "track_faces",
    "triplet_loss",
    "use_backend",
    "within",
]


if not TYPE_CHECKING:  # out of sight of checkers, which would otherwise take every misspelt name for one of ours

    def __getattr__(name: str) -> Any:
        if name == "evaluate":  # a package of its own, which importing it puts here
            return import_module(".evaluate", __name__)
        if name not in _HOMES:
            raise AttributeError(f"module 'faceprint' has no attribute {name!r}")
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
