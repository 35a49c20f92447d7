"""What can go wrong, by name. Every error says what, the rule, and what came."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .evaluate import Compatibility


class FaceprintError(Exception):
    """Base of the package's own errors.

    Beside them come TypeError and ValueError for arguments, OSError where files of features, encodings or pairs cannot
    be read and an `Upgrade` cannot be written, ImportError where an extra is missing, MemoryError and IndexError.
    """


class PhotoError(FaceprintError):
    """A photograph that is missing, too large, or cannot be decoded; `photo` is its path where it came from a file."""

    photo: str | None = None


class VideoError(FaceprintError):
    """A video that is missing, too large, or cannot be decoded."""


class NoFaceError(FaceprintError):
    """A photograph without a face where one is needed."""


class ManyFacesError(FaceprintError):
    """A photograph with several faces where exactly one was asked for."""


class RecipeError(FaceprintError):
    """A recipe that is missing, malformed, or does not fit its network."""


class NetworkError(FaceprintError):
    """A network file that ONNX Runtime cannot load or run."""


class GalleryError(FaceprintError):
    """A gallery asked to hold or answer what it cannot."""


class SortError(FaceprintError):
    """A folder that photographs cannot be sorted into, or whose sorting cannot be undone."""


class UpgradeError(FaceprintError):
    """An upgrade that would do harm, is given the wrong network's embeddings, or cannot be read from its file.

    `report` holds the figures where they are what a fit was refused for.
    """

    report: "Compatibility | None" = None


class DeviceError(FaceprintError):
    """A backend, device or runtime that cannot run here."""


class CollapseWarning(UserWarning):
    """A network in training that gives all faces nearly the same embedding."""


class RecipeWarning(UserWarning):
    """A recipe that was recognised by no more than a name, or whose licence forbids some use of its network."""
