"""From photographs to embeddings and answers: the detector and the network, held together by a recipe."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeGuard, cast, get_args, overload

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._template import template as mean_template
from .ahead import ahead, portions
from .detector import Detections, Detector, DetectorOptions, at_least, choose_faces
from .detectors import open_detector
from .distance import distances
from .errors import ManyFacesError, NetworkError, NoFaceError, PhotoError
from .expected import as_kind
from .faces import Faces
from .known import BUNDLED, Asked
from .mtcnn import Mtcnn
from .network import LARGEST_BATCH, Network, open_network
from .photo import BYTES, Decoded, Limits, Photo, Pixels, decode_photo, find_photos, photo_name, printable
from .quality import recognisability, recognisable
from .recipe import Recipe
from .runtime import as_network_limits, as_threads, work_alone
from .uncopied import Uncopied

if TYPE_CHECKING:
    from .isolated import NetworkLimits

LEAST = 1000  # pixels of the short side at which faces are looked for, where a file can be decoded smaller than it is
Choice: TypeAlias = Literal["prominent", "only"]
Errors: TypeAlias = Literal["raise", "skip", "collect"]
Failure: TypeAlias = PhotoError | NoFaceError | ManyFacesError


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer to "are these two the same person?".

    `same` is `distance <= threshold`, or None, "cannot tell", where a `gate` was asked and `quality` is below it;
    `distance` is squared Euclidean between unit embeddings, in [0, 4]; `far` is the false accept rate of `threshold`
    where the recipe knows it; `probability` is that of the same person at the recipe's prior, or None where the recipe
    states no calibration; `quality` is that of the less recognisable face (see `Faces`), or None where the recipe
    cannot tell. It is neither true nor false itself: ask for `same`.

    >>> import faceprint as fp
    >>> from faceprint.demo import PHOTOS
    >>> answer = fp.load().verify(PHOTOS / "obama.jpg", PHOTOS / "biden.jpg", far=1e-4)
    >>> answer.same, answer.threshold, answer.far
    (False, 0.1132, 0.0001)
    >>> bool(answer)
    Traceback (most recent call last):
    TypeError: a Verification is neither true nor false: ask for its .same, which is None where it cannot tell
    """

    same: bool | None
    distance: float
    threshold: float
    far: float | None
    probability: float | None
    quality: float | None

    def __bool__(self) -> bool:
        raise TypeError(
            "a Verification is neither true nor false: ask for its .same, which is None where it cannot tell"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A photograph of which only the embeddings are missing; `inputs` has shape (faces, views, ...)."""

    found: Detections
    pictures: Pixels
    inputs: NDArray[np.float32]
    path: str | None


class Model(Uncopied):
    """A face detector and an embedding network. Make one with `load`; it may be shared between threads.

    It cannot be copied or pickled: TypeError. Another process loads its own.

    >>> import faceprint as fp
    >>> fp.load(threads=1)
    <Model dlib-resnet-v1: dimension=128, detector=Mtcnn, device=cpu, threads=1>
    """

    _instead = "load it again, in each process"

    def __init__(
        self,
        network: Network,
        detector: Detector,
        limits: Limits,
        options: DetectorOptions | None = None,
        threads: int = 0,
    ) -> None:
        self.network = network
        self.detector = detector
        self.limits = limits
        self.options: DetectorOptions = options or DetectorOptions()
        self.threads: int = threads or _core.default_threads()

    def __repr__(self) -> str:
        told = f"dimension={self.recipe.dimension}, detector={type(self.detector).__name__}"
        return f"<Model {self.recipe.name}: {told}, device={self.network.session.device}, threads={self.threads}>"

    @property
    def recipe(self) -> Recipe:
        """What the network expects and what its distances mean."""
        return self.network.recipe

    @overload
    def faces(self, photos: Photo) -> Faces: ...  # type: ignore[overload-overlap]  # a str is an Iterable[str] too
    @overload
    def faces(self, photos: "Iterable[Photo]", *, errors: Literal["raise", "skip"] = "raise") -> Iterator[Faces]: ...
    @overload
    def faces(self, photos: "Iterable[Photo]", *, errors: Literal["collect"]) -> Iterator[Faces | PhotoError]: ...
    def faces(
        self, photos: "Photo | Iterable[Photo]", *, errors: Errors = "raise"
    ) -> Faces | Iterator[Faces] | Iterator[Faces | PhotoError]:
        """Find every face of a photograph (see `read_photo` for what that may be), most prominent first.

        A photograph without a face gives Faces of length 0. Raises PhotoError where it cannot be read.

        Several photographs, in a list or whatever else can be iterated over, or a folder (searched to the bottom, as
        folders in a list are; a folder without photographs raises PhotoError), give an iterator: the Faces of each
        photograph, in the same order. Photographs are decoded, searched and embedded on all cores, a bounded number of
        them ahead of what is taken from the iterator; the work ends when the iterator is closed. `errors` says what
        becomes of a photograph that cannot be read: its PhotoError is raised in its place, which ends the iterator, or
        it is left out ("skip"), or its PhotoError is given in its place ("collect"), with the path in `.photo`. Type
        checkers take a path for one photograph: with them, write `[folder]`.

        >>> import faceprint as fp
        >>> from faceprint.demo import PHOTOS
        >>> model = fp.load()
        >>> faces = model.faces(PHOTOS / "collins.png")
        >>> len(faces), faces.chips.shape, faces.embeddings.shape
        (1, (1, 150, 150, 3), (1, 128))
        >>> [len(faces) for faces in model.faces(PHOTOS)]
        [1, 1, 1, 1, 1]
        >>> [str(error) for error in model.faces(["nobody.jpg"], errors="collect")]
        ['photo nobody.jpg does not exist']
        """
        if errors not in get_args(Errors):
            raise ValueError(f"errors must be 'raise', 'skip' or 'collect', not {errors!r}")
        if _is_one(photos):
            if errors != "raise":
                raise ValueError(f"errors must be 'raise' for one photo, not {errors!r}")
            return self._embed([self._prepare(photos)])[0]
        return cast("Iterator[Faces | PhotoError]", self._stream(_each(photos), errors))

    def detect(self, image: Pixels) -> Detections:
        """Find the faces of a uint8 RGB image (height, width, 3), most prominent first: the first half of `faces`.

        >>> import faceprint as fp
        >>> from faceprint.demo import PHOTOS
        >>> fp.load().detect(fp.read_photo(PHOTOS / "obama.jpg")).landmarks.shape
        (1, 5, 2)
        """
        height, width = image.shape[:2]
        return choose_faces(self.detector.detect(image), self.options, width, height)

    def describe(self, image: Pixels, found: Detections) -> Faces:
        """Cut out and embed the faces that were found on an image: the second half of `faces`.

        Raises NetworkError where the network fails or gives an embedding without a direction.

        >>> import faceprint as fp
        >>> from faceprint.demo import PHOTOS
        >>> model, image = fp.load(), fp.read_photo(PHOTOS / "obama.jpg")
        >>> model.describe(image, model.detect(image)).embeddings.shape
        (1, 128)
        """
        return self._embed([self._cut(image, found)])[0]

    def embed(self, photos: "Photo | Iterable[Photo]", *, choose: Choice = "prominent") -> NDArray[np.float32]:
        """Embed one face of each photograph: (photos, dimension) float32, unit rows, in the order given.

        Photographs may be given in all the ways that `faces` knows. `choose` takes the most "prominent" face, or
        insists on the "only" one. Raises NoFaceError for a photograph without a face, ManyFacesError for one with
        several where the only one is asked, PhotoError where one cannot be read. Memory does not grow with the number
        of photographs but for the result.

        >>> import faceprint as fp
        >>> from faceprint.demo import PHOTOS
        >>> fp.load().embed([PHOTOS / "obama.jpg", PHOTOS / "biden.jpg"]).shape
        (2, 128)
        """
        _check_choice(choose)
        if _is_one(photos):
            return self._embed_one(photos, choose)
        results = self._stream(_each(photos), choose=choose)
        embeddings = [found.embeddings for found in results if isinstance(found, Faces)]
        return np.concatenate(embeddings) if embeddings else np.empty((0, self.recipe.dimension), np.float32)

    def chosen(self, photos: "Iterable[Photo]", choose: Choice | None) -> Iterator[Faces | Failure]:
        """Embed one face of each photograph as `embed`, or all where `choose` is None, and go on after failures.

        For each photograph, in the order given, its Faces, or the error that `embed` would raise.

        >>> import faceprint as fp
        >>> from faceprint.demo import PHOTOS
        >>> found, error = fp.load().chosen([PHOTOS / "obama.jpg", "nobody.jpg"], "only")
        >>> len(found), str(error)
        (1, 'photo nobody.jpg does not exist')
        """
        return self._stream(photos, "collect", choose, passed_over=(PhotoError, NoFaceError, ManyFacesError))

    def template(
        self, photos: "Photo | Iterable[Photo]", *, gate: float | None = None, choose: Choice = "prominent"
    ) -> NDArray[np.float32]:
        """One embedding of a person from many photographs or video frames: (dimension,) float32 of unit length.

        It is the mean of the embeddings, weighted by their quality where the recipe can tell it, scaled to unit length
        (`faceprint.template`). Photographs without a face, and faces whose quality is below the `gate`, are passed
        over; NoFaceError if none is left. Other errors are those of `embed` and of the gate of `verify`.

        >>> import faceprint as fp
        >>> from faceprint.demo import PHOTOS
        >>> model = fp.load()
        >>> obama = model.template(PHOTOS / name for name in ("obama.jpg", "obama2.jpg"))
        >>> fp.distances(obama[None], model.embed(PHOTOS / "obama3.jpg")).item() < model.recipe.threshold(1e-3)
        True
        """
        _check_choice(choose)
        each = iter([photos]) if _is_one(photos) else _each(photos)
        results = self._stream(each, "skip", choose, passed_over=NoFaceError)
        found = [faces.embeddings for faces in results if isinstance(faces, Faces)]
        rows = np.concatenate([np.empty((0, self.recipe.dimension), np.float32), *found])
        rows = rows[recognisable(rows, self.recipe, gate)]
        if not len(rows):
            raise NoFaceError("photos must show a face of the asked quality, but none of them does")
        return mean_template(rows, recognisability(rows, self.recipe))

    def verify(
        self,
        a: Photo,
        b: Photo,
        *,
        far: float = 1e-3,
        threshold: float | None = None,
        gate: float | None = None,
        choose: Choice = "prominent",
    ) -> Verification:
        """Decide whether two photographs show the same person, at a false accept rate or a distance `threshold`.

        `a` and `b` are one photograph each, as `read_photo` takes it: a folder raises PhotoError, and a list TypeError.
        `far` (paper section 4: FAR) must lie within the rates the recipe states; `threshold`, a distance in [0, 4],
        takes its place where given. With a `gate`, a quality in [0, 1] such as `recipe.gate(0.01)`, the answer is
        "cannot tell" where one of the faces is below it; there is none by default, because `far` was measured without.
        Errors are those of `embed`, and RecipeError where `far` is not known, or a gate where the recipe has no
        'unrecognisable'.

        >>> import faceprint as fp
        >>> from faceprint.demo import PHOTOS
        >>> answer = fp.load().verify(PHOTOS / "obama.jpg", PHOTOS / "obama2.jpg")
        >>> answer.same, answer.distance <= answer.threshold
        (True, True)
        """
        _check_choice(choose)
        threshold, stated = self.recipe.decision(far, threshold)
        rows = np.concatenate([self._embed_one(a, choose), self._embed_one(b, choose)])
        distance = float(distances(rows[:1], rows[1:])[0, 0])
        same = distance <= threshold if recognisable(rows, self.recipe, gate).all() else None
        quality = recognisability(rows, self.recipe)
        least = None if quality is None else float(quality.min())
        probability = self.recipe.same_probability(distance)
        return Verification(same, distance, threshold, stated, probability, least)

    def _embed_one(self, photo: Photo, choose: Choice) -> NDArray[np.float32]:
        return self._embed([self._prepare(photo, choose)])[0].embeddings

    def _stream(
        self,
        photos: "Iterable[Photo]",
        errors: Errors = "raise",
        choose: Choice | None = None,
        *,
        passed_over: type[Failure] | tuple[type[Failure], ...] = PhotoError,
    ) -> Iterator[Faces | Failure]:
        """Prepare photographs one by one and embed their faces in batches, all in the same threads.

        Unless errors are to be raised, those that are `passed_over` are left out or given in place of the Faces.
        """
        prepare = partial(self._prepare, choose=choose)
        attempt = prepare if errors == "raise" else partial(_attempt, prepare, passed_over)
        workers = ThreadPoolExecutor(self.threads, "faceprint", work_alone)
        try:
            prepared = ahead(workers, attempt, photos, 2 * self.threads)
            batches = portions(prepared, _cost, LARGEST_BATCH)
            for batch in ahead(workers, self._finish, batches, self.threads + 1):
                yield from (found for found in batch if errors == "collect" or isinstance(found, Faces))
        finally:
            workers.shutdown(cancel_futures=True)

    def _prepare(self, photo: Photo, choose: Choice | None = None) -> Prepared:
        """All of a photograph's faces, or the one that `choose` asks for, ready to be embedded."""
        path = os.fspath(photo) if isinstance(photo, (str, os.PathLike)) else None
        least = LEAST if self.options.min_size is None else None
        decoded = self._decode(photo, path, least)
        found = self.detect(decoded.pixels)
        if choose and len(found.scores) == 0:
            raise NoFaceError(f"{photo_name(photo)} must show a face, but none was found")
        if choose == "only" and len(found.scores) > 1:
            raise ManyFacesError(f"{photo_name(photo)} must show only one face, not {len(found.scores)}")
        found = found[:1] if choose else found
        full = found.on_full_photo(decoded)
        shape = self.recipe.input
        if decoded.reduction > 1 and len(at_least(max(shape.height, shape.width), found).scores) < len(found.scores):
            decoded, found = self._decode(photo, path), full  # some chips want more pixels than were decoded
        return replace(self._cut(decoded.pixels, found, path), found=full)

    def _decode(self, photo: Photo, path: str | None, least: int | None = None) -> Decoded:
        try:
            return decode_photo(photo, limits=self.limits, least=least)
        except PhotoError as error:
            error.photo = path
            raise

    def _cut(self, image: Pixels, found: Detections, path: str | None = None) -> Prepared:
        return Prepared(found, self.network.pictures(image, found), self.network.inputs(image, found), path)

    def _finish(self, photos: list[Prepared | Failure]) -> list[Faces | Failure]:
        """Embed the faces of several photographs together; errors stay where they are."""
        embedded = iter(self._embed([photo for photo in photos if isinstance(photo, Prepared)]))
        return [next(embedded) if isinstance(photo, Prepared) else photo for photo in photos]

    def _embed(self, photos: list[Prepared]) -> list[Faces]:
        if not photos:
            return []
        rows = self.network.embed_views(np.concatenate([photo.inputs for photo in photos]))
        ends = np.cumsum([len(photo.found.scores) for photo in photos])
        return [
            Faces(
                photo.found.boxes,
                photo.found.landmarks,
                photo.found.scores,
                recognisability(own, self.recipe),
                photo.pictures,
                own,
                self.recipe.fingerprint,
                photo.path,
            )
            for photo, own in zip(photos, np.split(rows, ends[:-1]), strict=True)
        ]


def load(
    network: "str | os.PathLike[str] | None" = None,
    *,
    recipe: Asked = None,
    detector: "str | os.PathLike[str] | None" = None,
    device: str = "cpu",
    threads: int | None = None,
    limits: Limits | None = None,
    options: DetectorOptions | None = None,
    untrusted: "bool | NetworkLimits" = False,
) -> Model:
    """Load a detector and an embedding network: the bundled ones, or .onnx files by path.

    `network` is any embedding network with its recipe beside it (`x.json` for `x.onnx`), or one of those that people
    already have, which are known by their sha256 or their names: `fp.info()["recipes"]` lists them. `recipe` names one
    of these, or is a Recipe or the path of a .json file, and goes before the one beside the file. RecipeWarning is
    given where no more than a name says which network it is, and where its licence forbids some use. A golden embedding
    in the recipe is checked at each load: NetworkError where the network gives another. `detector` is a YuNet file, or
    an SCRFD file with key points. `device` is "cpu" or "cuda", never silently another; `threads` of None or 0 takes as
    many as there are CPUs; `limits` bound the photographs; `options` say which faces count. `untrusted` is for files
    that come from strangers: each runs in a process of its own, on the CPU, within limits on memory and time
    (`NetworkLimits`), which Windows, frozen applications and gevent do not have; NetworkError where it goes beyond
    them. Raises DeviceError without such limits, ONNX Runtime or its device, NetworkError for a file that is not a
    network of float32 or float16 input, RecipeError for a recipe that is missing, malformed or does not fit, and for a
    detector of another kind; TypeError and ValueError for arguments of another type or out of range.

    >>> import faceprint as fp
    >>> model = fp.load()
    >>> model.recipe.name, model.recipe.dimension
    ('dlib-resnet-v1', 128)
    """
    threads, untrusted = as_threads(threads), as_network_limits(untrusted) or False
    limits = Limits() if limits is None else as_kind(limits, Limits, "limits")
    options = DetectorOptions() if options is None else as_kind(options, DetectorOptions, "options")
    for name, file in (("network", network), ("detector", detector)):
        if file is not None and not isinstance(file, (str, os.PathLike)):
            raise TypeError(f"{name} must be a path or None, not {type(file).__name__}")
    path = BUNDLED if network is None else Path(network)
    if _is_folder(path):
        raise NetworkError(f"network {printable(path)} must be an .onnx file, not a folder")
    finder: Detector
    if detector is None:
        finder = Mtcnn(options, device=device, threads=threads)
    else:
        finder = open_detector(Path(detector), options, device=device, threads=threads, untrusted=untrusted)
    foreign = untrusted if network is not None else False
    embedder = open_network(path, recipe, device=device, threads=threads, untrusted=foreign)
    return Model(embedder, finder, limits, options, threads)


def _check_choice(choose: str) -> None:
    if choose not in get_args(Choice):
        raise ValueError(f"choose must be 'prominent' or 'only', not {choose!r}")


def _is_one(photos: "Photo | Iterable[Photo]") -> "TypeGuard[Photo]":
    if isinstance(photos, (str, os.PathLike)):
        return not _is_folder(photos)
    if isinstance(photos, Mapping) or hasattr(photos, "read"):  # an open file, whose lines are no paths either
        return True
    return isinstance(photos, (*BYTES, np.ndarray)) or not isinstance(photos, Iterable)


def _each(photos: "Photo | Iterable[Photo]") -> "Iterator[Photo]":
    """One photograph after the other, with those of a folder in its place."""
    if isinstance(photos, (str, os.PathLike)):
        yield from find_photos([photos])
        return
    for photo in cast("Iterable[Photo]", photos):
        if isinstance(photo, (str, os.PathLike)) and _is_folder(photo):
            yield from find_photos([photo])
        else:
            yield photo


def _is_folder(path: "str | os.PathLike[str]") -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for some paths, on some versions


def _attempt(
    prepare: "Callable[[Photo], Prepared]", passed_over: type[Failure] | tuple[type[Failure], ...], photo: Photo
) -> Prepared | Failure:
    try:
        return prepare(photo)
    except passed_over as error:
        return error


def _cost(photo: Prepared | Failure) -> int:
    """How many inputs of the network a photograph is; one without faces counts too, or a batch could go on for ever."""
    return max(1, photo.inputs.shape[0] * photo.inputs.shape[1]) if isinstance(photo, Prepared) else 1
