"""Video in: its frames as upright RGB pixels, and the faces on them linked into tracks, the best of each kept."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .distance import as_threshold, distances
from .errors import VideoError
from .expected import as_kind, as_number, as_path, as_whole
from .faces import Faces
from .files import open_regular
from .photo import Frame, Pixels, printable

if TYPE_CHECKING:
    from .model import Model

# No other of FFmpeg's readers: playlists and the like name further files and addresses, which it would open.
FORMATS = ("asf", "avi", "flv", "matroska", "mov", "mpeg", "mpegts", "ogg", "webm")
OLDEST = (17, 1)  # of PyAV: with FFmpeg's of older ones, an .mpg ends the process where formats are named
ROUNDING = 1e-6  # seconds: times are binary fractions


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """What a video may cost: `pixels` and length of one `side` of a frame, and how many `frames` are decoded.

    Each is an integer of 1 or more: TypeError or ValueError otherwise.

    >>> VideoLimits(frames=1000).side
    16384
    """

    pixels: int = 64_000_000
    side: int = 16_384
    frames: int = 1_000_000

    def __post_init__(self) -> None:
        for name, number in asdict(self).items():
            as_whole(number, name, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A face followed from frame to frame: `best` is its best look (Faces of length 1), at `seconds` of the video.

    It was seen on `frames` frames between `first` and `last`, in seconds of the video.

    >>> import faceprint as fp
    >>> from faceprint.demo import PHOTOS
    >>> frame = fp.Frame(fp.read_photo(PHOTOS / "obama.jpg"), 2.0)
    >>> (track,) = fp.track_faces(fp.load(), [frame])
    >>> len(track.best), track.seconds, track.frames
    (1, 2.0, 1)
    """

    best: Faces
    seconds: float
    first: float
    last: float
    frames: int


def read_video(
    path: "str | os.PathLike[str]", *, every: float = 0.0, limits: VideoLimits | None = None
) -> Iterator[Frame]:
    """Decode the frames of a video file, one at a time, so that memory does not grow with its length.

    Frames closer than `every` seconds to the one given before are passed over; 0 gives all. Frames are turned, and
    made wider or narrower where their pixels are not square, as the file says they are to be shown. Their seconds never
    fall: where the file's times do, they go on from there. Needs PyAV 17.1: the extra `video`. Raises VideoError
    without it, where the file is missing or is no video of a known kind (mp4, mov, mkv, webm, avi, mpeg, ogg, flv,
    wmv), where decoding fails, or beyond `limits`; ValueError unless `every` is 0 or more, TypeError for what is no
    path, as an open file.

    >>> next(read_video("holiday.jpg"))
    Traceback (most recent call last):
    faceprint.errors.VideoError: video holiday.jpg does not exist
    """
    if not 0 <= as_number(every, "every") < np.inf:
        raise ValueError(f"every must be a number of seconds, 0 or more, not {every}")
    limits = VideoLimits() if limits is None else as_kind(limits, VideoLimits, "limits")
    return _read(path, f"video {printable(as_path(path, 'path'))}", every, limits)


def score_and_size(face: Faces) -> float:
    """How good a look at a face is, as far as the detector can tell: its score times the box's area in pixels.

    >>> import faceprint as fp
    >>> from faceprint.demo import PHOTOS
    >>> score_and_size(fp.load().faces(PHOTOS / "obama.jpg")) > 300 * 200
    True
    """
    width, height = face.boxes[0, 2:] - face.boxes[0, :2]
    return float(face.scores[0] * width * height)


def track_faces(
    model: "Model",
    frames: Iterable[Frame],
    *,
    overlap: float = 0.3,
    distance: float | None = None,
    patience: float = 1.0,
    key: Callable[[Faces], float] = score_and_size,
) -> Iterator[Track]:
    """Follow the faces of a video from frame to frame, and give out each track, with its best face, when it has ended.

    A face continues the track whose last box it overlaps by `overlap` or more (intersection over union; 0.3 as in
    SORT: Bewley et al., ICIP 2016) and whose last embedding is within the squared `distance`, in [0, 4]; where several
    could, the nearest embeddings are joined first. The recipe's threshold at FAR 1e-3 stands in for `distance`. A
    track ends when it was not seen for more than `patience` seconds. `key` rates a look, a Faces of length 1: the
    highest is kept, of equal ones the first. An `overlap` of 0 links by embedding alone, for frames far apart.
    Raises ValueError for what is out of range, and for frames whose `seconds` fall; TypeError for what are no frames,
    such as the path of a video; RecipeError where the recipe knows no threshold.

    >>> import faceprint as fp
    >>> from faceprint.demo import PHOTOS
    >>> photo = fp.read_photo(PHOTOS / "collins.png")
    >>> frames = [fp.Frame(photo, 0.0), fp.Frame(photo, 0.5), fp.Frame(photo, 5.0)]
    >>> [(track.frames, track.first, track.last) for track in fp.track_faces(fp.load(), frames)]
    [(2, 0.0, 0.5), (1, 5.0, 5.0)]
    """
    if not 0 <= as_number(overlap, "overlap") <= 1:
        raise ValueError(f"overlap must be in [0, 1], not {overlap}")
    if not as_number(patience, "patience") >= 0:
        raise ValueError(f"patience must be a number of seconds, 0 or more, not {patience}")
    if isinstance(frames, str) or not isinstance(frames, Iterable):
        raise TypeError(f"frames must be those that read_video gives, not {type(frames).__name__}")
    limit = model.recipe.threshold(1e-3) if distance is None else as_threshold(distance, "distance")
    return _follow(model, frames, overlap, limit, patience, key)


class _Open:
    """A track that may go on."""

    def __init__(self, face: Faces, seconds: float, value: float) -> None:
        self.first, self.frames = seconds, 0
        self.value, self.best, self.seconds = value, face, seconds
        self.see(face, seconds, value)

    def see(self, face: Faces, seconds: float, value: float) -> None:
        self.frames += 1
        self.face, self.last = face, seconds
        if value > self.value:
            self.value, self.best, self.seconds = value, face, seconds

    def end(self) -> Track:
        return Track(self.best, self.seconds, self.first, self.last, self.frames)


def _follow(
    model: "Model",
    frames: Iterable[Frame],
    overlap: float,
    limit: float,
    patience: float,
    key: Callable[[Faces], float],
) -> Iterator[Track]:
    tracks: list[_Open] = []
    before = -np.inf
    for frame in frames:
        seconds = as_number(as_kind(frame, Frame, "each of frames").seconds, "seconds of frames")
        if not before - ROUNDING <= seconds < np.inf:
            raise ValueError(f"seconds of frames must be finite and never fall, not {seconds} after {before}")
        before = seconds
        for track in [track for track in tracks if seconds - track.last > patience]:
            tracks.remove(track)
            yield track.end()
        faces = model.faces(frame.pixels)
        joined = _join([track.face for track in tracks], faces, overlap, limit)
        for at, face in enumerate(faces):
            if at in joined:
                tracks[joined[at]].see(face, seconds, _rated(face, key))
            else:
                tracks.append(_Open(face, seconds, _rated(face, key)))
    for track in tracks:
        yield track.end()


def _rated(face: Faces, key: Callable[[Faces], float]) -> float:
    value = as_number(key(face), "what key gives")
    if np.isnan(value):
        raise ValueError("what key gives must be a number, not nan")
    return value


def _join(last: list[Faces], faces: Faces, overlap: float, limit: float) -> dict[int, int]:
    """Which of the faces continues which of the tracks, each at most one: the number of a face -> that of a track."""
    if not last or not len(faces):
        return {}
    between = distances(np.concatenate([face.embeddings for face in last]), faces.embeddings)
    shared = _overlaps(np.concatenate([face.boxes for face in last]), faces.boxes)
    tracks, found = np.nonzero((between <= limit) & (shared >= overlap))
    joined: dict[int, int] = {}
    taken: set[int] = set()
    for pair in np.argsort(between[tracks, found], kind="stable"):
        track, face = int(tracks[pair]), int(found[pair])
        if track not in taken and face not in joined:
            taken.add(track)
            joined[face] = track
    return joined


def _overlaps(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of each box (left, top, right, bottom) of `a` with each of `b`."""
    shared = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    intersection = np.maximum(shared, 0).prod(axis=2)
    areas_a, areas_b = ((box[:, 2:] - box[:, :2]).prod(axis=1) for box in (a, b))
    share: NDArray[np.float32] = intersection / (areas_a[:, None] + areas_b[None] - intersection)
    return share


def _read(path: "str | os.PathLike[str]", name: str, every: float, limits: VideoLimits) -> Iterator[Frame]:
    try:
        import av
    except ImportError as error:
        raise VideoError(f"{name} needs PyAV to be read: pip install 'faceprint[video]'") from error
    if tuple(map(int, av.__version__.split(".")[:2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise VideoError(f"{name} needs PyAV {oldest} or later to be read, not {av.__version__}")
    try:
        with open_regular(path) as file, _open(file, name) as container:
            yield from _frames(container, name, every, limits)
    except FileNotFoundError:
        raise VideoError(f"{name} does not exist") from None
    except av.FFmpegError as error:
        raise VideoError(f"{name} cannot be decoded: {error.strerror}") from error
    except (OSError, ValueError) as error:
        raise VideoError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _open(file: IO[bytes], name: str) -> Any:
    import av

    try:
        return av.open(file, options={"format_whitelist": ",".join(FORMATS)})
    except av.FFmpegError as error:
        raise VideoError(f"{name} is not a video of a kind that is read: {error.strerror}") from error


def _frames(container: Any, name: str, every: float, limits: VideoLimits) -> Iterator[Frame]:
    stream = container.streams.best("video")  # not the cover
    if stream is None:
        raise VideoError(f"{name} has no pictures in it")
    if stream.codec_context is None:
        raise VideoError(f"{name} is written in a way that FFmpeg cannot decode")
    _check_size(stream.codec_context.width, stream.codec_context.height, name, limits)
    shape = stream.sample_aspect_ratio or 1  # of a pixel: its width over its height
    stream.codec_context.thread_type = "AUTO"
    # The header may lie: no decoder takes memory for much more. Some count the borders that they add.
    stream.codec_context.options = {"max_pixels": str(2 * limits.pixels + 2**20)}
    first = before = due = 0.0
    for number, picture in enumerate(container.decode(stream)):
        if number == limits.frames:
            raise VideoError(f"{name} has more than {limits.frames} frames, which is the limit")
        width = max(1, round(picture.width * shape))
        _check_size(max(width, picture.width), picture.height, name, limits)
        if picture.time is None:
            raise VideoError(f"{name} does not say when to show its frame {number}")
        if number == 0:
            first = picture.time
        elif picture.time < before:  # where one recording was put behind another
            first -= before - picture.time
        before = picture.time
        seconds = picture.time - first
        if seconds > due - ROUNDING:
            due = seconds + every
            yield Frame(_upright(picture, width), seconds)


def _check_size(width: int, height: int, name: str, limits: VideoLimits) -> None:
    if width * height > limits.pixels or max(width, height) > limits.side:
        raise VideoError(
            f"{name} has {width} x {height} pixels; the limit is {limits.pixels} pixels and {limits.side} a side"
        )


def _upright(picture: Any, width: int) -> Pixels:
    """The frame's pixels, so wide, turned by its display matrix: (x, y) is shown at (a x + c y, b x + d y)."""
    from av.sidedata.sidedata import SideDataContainer

    from .decode import Turn

    pixels: Pixels = picture.to_ndarray(format="rgb24", width=width)
    # `picture.side_data` would make a circle, and keep each frame until Python collects those.
    matrix = SideDataContainer(picture).get("DISPLAYMATRIX")  # type: ignore[call-arg]
    if matrix is None:
        return pixels
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    turn = Turn(True, c < 0, b < 0) if abs(b) > abs(a) else Turn(False, a < 0, d < 0)
    return turn(pixels)
