"""From photographs to embeddings and answers: the detector and the network, held together by a recipe."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from .detector import Detections, Detector
from .distance import distances
from .errors import ManyFacesError, NetworkError, NoFaceError
from .faces import Faces, prominence
from .mtcnn import Mtcnn
from .network import LARGEST_BATCH, Network, unit_rows
from .photo import BYTES, Limits, Photo, Pixels, photo_name, printable, read_photo
from .recipe import Recipe, read_recipe
from .yunet import YuNet

BUNDLED = Path(__file__).parent / "models" / "dlib_resnet_v1.onnx"
Choice: TypeAlias = Literal["prominent", "only"]


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer to "are these two the same person?".

    `same` is `distance <= threshold`; `distance` is squared Euclidean between unit embeddings, in [0, 4]; `far` is the
    false accept rate of `threshold` where the recipe knows it; `probability` is that of the same person at the
    recipe's prior, or None where the recipe states no calibration.
    """

    same: bool
    distance: float
    threshold: float
    far: float | None
    probability: float | None


class Model:
    """A face detector and an embedding network. Make one with `load`; it may be shared between threads."""

    def __init__(self, network: Network, detector: Detector, limits: Limits) -> None:
        self.network = network
        self.detector = detector
        self.limits = limits

    @property
    def recipe(self) -> Recipe:
        """What the network expects and what its distances mean."""
        return self.network.recipe

    def faces(self, photo: Photo) -> Faces:
        """Find every face of a photograph (see `read_photo` for what that may be), most prominent first.

        A photograph without a face gives Faces of length 0. Raises PhotoError where it cannot be read.

        >>> import faceprint as fp
        >>> from faceprint.demo import PHOTOS
        >>> faces = fp.load().faces(PHOTOS / "collins.png")
        >>> len(faces), faces.chips.shape, faces.embeddings.shape
        (1, (1, 150, 150, 3), (1, 128))
        """
        image = read_photo(photo, limits=self.limits)
        return self.describe(image, self.detect(image))

    def detect(self, image: Pixels) -> Detections:
        """Find the faces of a uint8 RGB image (height, width, 3), most prominent first: the first half of `faces`."""
        found = self.detector.detect(image)
        order = np.argsort(-prominence(found.boxes, image.shape[1], image.shape[0]), kind="stable")
        return Detections(found.boxes[order], found.landmarks[order], found.scores[order])

    def describe(self, image: Pixels, found: Detections) -> Faces:
        """Cut out and embed the faces that were found on an image: the second half of `faces`."""
        return Faces(
            found.boxes,
            found.landmarks,
            found.scores,
            self.network.pictures(image, found.landmarks),
            self._embed(self._inputs(image, found.landmarks)),
            self.recipe.fingerprint,
        )

    def embed(self, photos: "Photo | Iterable[Photo]", *, choose: Choice = "prominent") -> NDArray[np.float32]:
        """Embed one face of each photograph: (photos, dimension) float32, unit rows, in the order given.

        `choose` takes the most "prominent" face, or insists on the "only" one. Raises NoFaceError for a photograph
        without a face, ManyFacesError for one with several where the only one is asked, PhotoError where one cannot be
        read. Memory does not grow with the number of photographs but for the result.

        >>> import faceprint as fp
        >>> from faceprint.demo import PHOTOS
        >>> fp.load().embed([PHOTOS / "obama.jpg", PHOTOS / "biden.jpg"]).shape
        (2, 128)
        """
        if choose not in ("prominent", "only"):
            raise ValueError(f"choose must be 'prominent' or 'only', not {choose!r}")
        chosen = (self._one_face(photo, choose) for photo in _each(photos))
        embeddings = [self._embed(np.concatenate(batch)) for batch in _batches(chosen)]
        return np.concatenate(embeddings) if embeddings else np.empty((0, self.recipe.dimension), np.float32)

    def verify(
        self, a: Photo, b: Photo, *, far: float = 1e-3, threshold: float | None = None, choose: Choice = "prominent"
    ) -> Verification:
        """Decide whether two photographs show the same person, at a false accept rate or a distance `threshold`.

        `far` (paper section 4: FAR) must lie within the rates the recipe states; `threshold`, a distance in [0, 4],
        takes its place where given. Errors are those of `embed`, and RecipeError where `far` is not known.

        >>> import faceprint as fp
        >>> from faceprint.demo import PHOTOS
        >>> answer = fp.load().verify(PHOTOS / "obama.jpg", PHOTOS / "obama2.jpg")
        >>> answer.same, answer.distance <= answer.threshold
        (True, True)
        """
        threshold, stated = self.recipe.decision(far, threshold)
        first, second = self.embed([a, b], choose=choose)
        distance = float(distances(first[None], second[None])[0, 0])
        return Verification(distance <= threshold, distance, threshold, stated, self.recipe.same_probability(distance))

    def _one_face(self, photo: Photo, choose: Choice) -> NDArray[np.float32]:
        """The network's inputs for the chosen face of a photograph: itself and, where the recipe flips, its mirror."""
        image = read_photo(photo, limits=self.limits)
        found = self.detect(image)
        if len(found.scores) == 0:
            raise NoFaceError(f"{photo_name(photo)} must show a face, but none was found")
        if choose == "only" and len(found.scores) > 1:
            raise ManyFacesError(f"{photo_name(photo)} must show only one face, not {len(found.scores)}")
        return self._inputs(image, found.landmarks[:1])

    def _inputs(self, image: Pixels, landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Input tensors of shape (faces, views, ...): the view as it is and, where the recipe flips, mirrored."""
        views = (False, True) if self.recipe.flip else (False,)
        return np.stack([self.network.inputs(image, landmarks, mirror=mirror) for mirror in views], axis=1)

    def _embed(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        faces, views = inputs.shape[:2]
        embeddings = self.network.embed(inputs.reshape(faces * views, *inputs.shape[2:]))
        return unit_rows(embeddings.reshape(faces, views, self.recipe.dimension).mean(axis=1))


def load(
    network: "str | os.PathLike[str] | None" = None,
    *,
    detector: "str | os.PathLike[str] | None" = None,
    device: str = "cpu",
    threads: int = 0,
    limits: Limits | None = None,
) -> Model:
    """Load a detector and an embedding network: the bundled ones, or .onnx files by path.

    `network` is any embedding network with its recipe beside it (`x.json` for `x.onnx`); `detector` is a YuNet file.
    `device` is "cpu" or "cuda", never silently another; `threads` of 0 leaves their number to ONNX Runtime; `limits`
    bound the photographs. Raises DeviceError without ONNX Runtime or its device, NetworkError for a file that is not a
    network of float32 input, RecipeError for a recipe that is missing, malformed or does not fit.

    >>> import faceprint as fp
    >>> model = fp.load()
    >>> model.recipe.name, model.recipe.dimension
    ('dlib-resnet-v1', 128)
    """
    path = BUNDLED if network is None else Path(network)
    if path.is_dir():
        raise NetworkError(f"network {printable(path)} must be an .onnx file, not a folder")
    finder: Detector
    if detector is None:
        finder = Mtcnn(device=device, threads=threads)
    else:
        finder = YuNet(Path(detector), device=device, threads=threads)
    embedder = Network(path, read_recipe(path), device=device, threads=threads)
    return Model(embedder, finder, limits or Limits())


def _each(photos: "Photo | Iterable[Photo]") -> "Iterable[Photo]":
    if isinstance(photos, (str, os.PathLike, *BYTES, np.ndarray)) or not isinstance(photos, Iterable):
        return [cast("Photo", photos)]
    return photos


def _batches(chosen: Iterator[NDArray[np.float32]]) -> Iterator[list[NDArray[np.float32]]]:
    batch: list[NDArray[np.float32]] = []
    for inputs in chosen:
        batch.append(inputs)
        if len(batch) * inputs.shape[1] >= LARGEST_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
