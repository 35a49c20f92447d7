"""Video in, frame by frame, and faces linked into tracks. Every video is made here, of the portraits that ship."""

import gc
import io
import re
import sys
import tracemalloc
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

import faceprint as fp
from faceprint import Frame, VideoError, VideoLimits, read_video, track_faces
from faceprint.video import _overlaps

RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)
GREY = np.full((40, 40, 3), 128, np.uint8)


def write_video(path, pictures, rate=10, rotation=None, shape=None):
    """Encode uint8 RGB pictures of one size as MPEG-4; `shape` is the width of a pixel over its height."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.bit_rate = 8_000_000
        stream.pix_fmt = "yuv420p"
        if shape:
            stream.codec_context.sample_aspect_ratio = shape
        if rotation:
            stream.set_display_rotation(**rotation)
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path


def corners(pixels):
    """The colours of the four corners, from the top left to the bottom right."""
    return [tuple(255 * (pixels[y, x] > 128)) for y in (4, -5) for x in (4, -5)]


@pytest.fixture
def quarters():
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32], pixels[:24, 32:], pixels[24:, :32] = RED, GREEN, BLUE
    return pixels


@pytest.fixture
def short(tmp_path, quarters):
    return write_video(tmp_path / "short.mp4", [quarters] * 12)


@pytest.fixture(scope="module")
def seen(model, photos):
    """The model's recipe, and faces as they are written down: seen([(box, person, score), ...], ...) a frame each."""
    (real,) = model.faces(photos / "collins.png")
    people = np.eye(128, dtype=np.float32)

    class Scripted:
        recipe = model.recipe

        def __init__(self, *frames):
            self.script = frames
            self.frames = [Frame(np.full((1, 1, 3), number, np.uint8), number / 2) for number in range(len(frames))]

        def faces(self, pixels):
            looks = self.script[pixels[0, 0, 0]]
            return replace(
                real[[0] * len(looks)],
                boxes=np.array([box for box, _, _ in looks], np.float32).reshape(-1, 4),
                embeddings=people[[person for _, person, _ in looks]],
                scores=np.array([score for _, _, score in looks], np.float32),
            )

    return Scripted


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [
        (None, [RED, GREEN, BLUE, BLACK]),
        ({"degrees": 90}, [GREEN, BLACK, RED, BLUE]),  # counter-clockwise
        ({"degrees": -90}, [BLUE, RED, BLACK, GREEN]),
        ({"degrees": 180}, [BLACK, BLUE, GREEN, RED]),
        ({"degrees": 0, "hflip": True}, [GREEN, RED, BLACK, BLUE]),
        ({"degrees": 0, "vflip": True}, [BLUE, BLACK, RED, GREEN]),
    ],
)
def test_frames_are_upright(tmp_path, quarters, rotation, expected):
    frame = next(read_video(write_video(tmp_path / "turned.mp4", [quarters], rotation=rotation)))
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags.c_contiguous
    assert corners(frame.pixels) == expected


@pytest.mark.parametrize(
    ("shape", "degrees", "size"),
    [(Fraction(4, 3), 0, (48, 85)), (Fraction(3, 4), 0, (48, 48)), (Fraction(2), 90, (128, 48))],
)
def test_pixels_become_square(tmp_path, quarters, shape, degrees, size):
    path = write_video(tmp_path / "wide.mp4", [quarters], rotation={"degrees": degrees}, shape=shape)
    pixels = next(read_video(path)).pixels
    assert pixels.shape == (*size, 3)
    assert corners(pixels) == ([GREEN, BLACK, RED, BLUE] if degrees else [RED, GREEN, BLUE, BLACK])


def test_pixels_become_no_wider_than_is_allowed(tmp_path, quarters):
    path = write_video(tmp_path / "wide.mp4", [quarters], shape=Fraction(20))
    with pytest.raises(VideoError, match=r"has 1280 x 48 pixels; the limit is 3072 pixels and 16384 a side$"):
        next(read_video(path, limits=VideoLimits(pixels=64 * 48)))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "mov"])
def test_times(tmp_path, quarters, suffix):
    path = write_video(tmp_path / f"a.{suffix}", [quarters] * 12)
    assert [frame.seconds for frame in read_video(path)] == pytest.approx(np.arange(12) / 10)
    assert [frame.seconds for frame in read_video(path, every=0.25)] == pytest.approx([0, 0.3, 0.6, 0.9])
    assert len(list(read_video(path, every=0.1))) == 12
    assert [frame.seconds for frame in read_video(path, every=60)] == [0]


@pytest.mark.parametrize("suffix", ["ts", "mpg"])
def test_recordings_that_were_put_one_behind_the_other_are_read_to_the_end(tmp_path, quarters, suffix):
    path = write_video(tmp_path / f"a.{suffix}", [quarters] * 12, rate=25)
    path.write_bytes(2 * path.read_bytes())
    seconds = [frame.seconds for frame in read_video(path)]
    assert seconds == pytest.approx([*np.arange(12) / 25, *(11 + np.arange(12)) / 25])
    assert [frame.seconds for frame in read_video(path, every=0.4)] == pytest.approx([0, 0.4, 0.8])


def test_a_cover_is_not_the_video(tmp_path, quarters):
    with av.open(str(tmp_path / "covered.mkv"), "w") as container:
        cover, film = container.add_stream("mjpeg", rate=1), container.add_stream("mpeg4", rate=10)
        cover.width = cover.height = 16
        cover.pix_fmt, film.pix_fmt, film.height, film.width = "yuvj420p", "yuv420p", *quarters.shape[:2]
        container.mux(cover.encode(av.VideoFrame(16, 16, "yuvj420p")))
        for _ in range(12):
            container.mux(film.encode(av.VideoFrame.from_ndarray(quarters, "rgb24")))
        for stream in (cover, film):
            container.mux(stream.encode())
    assert [frame.pixels.shape for frame in read_video(tmp_path / "covered.mkv")] == 12 * [quarters.shape]


def test_memory_does_not_grow_with_the_length(tmp_path):
    rng = np.random.default_rng(0)
    path = write_video(tmp_path / "long.mp4", (rng.integers(0, 256, (240, 320, 3), np.uint8) for _ in range(60)))
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_video(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 60
    assert peak < 10 * 240 * 320 * 3


def test_frames_go_without_waiting_for_the_collector_of_circles(short):
    gc.collect()
    gc.disable()
    try:
        assert sum(1 for _ in read_video(short)) == 12
        assert not [held for held in gc.get_objects() if isinstance(held, av.VideoFrame)]
    finally:
        gc.enable()


def test_limits(short):
    assert len(list(read_video(short, limits=VideoLimits(pixels=64 * 48, side=64, frames=12)))) == 12
    with pytest.raises(VideoError, match=r"short\.mp4 has more than 11 frames, which is the limit$"):
        list(read_video(short, limits=VideoLimits(frames=11)))
    with pytest.raises(VideoError, match=r"has 64 x 48 pixels; the limit is 3000 pixels and 16384 a side$"):
        next(read_video(short, limits=VideoLimits(pixels=3000)))
    with pytest.raises(VideoError, match=r"the limit is 64000000 pixels and 63 a side$"):
        next(read_video(short, limits=VideoLimits(side=63)))


@pytest.mark.parametrize("every", [-1, float("nan"), float("inf")])
def test_every_is_a_number_of_seconds(short, every):
    with pytest.raises(ValueError, match=r"^every must be a number of seconds, 0 or more, not (-1|nan|inf)$"):
        read_video(short, every=every)
    with pytest.raises(TypeError, match=r"^every must be a number, not str$"):
        read_video(short, every=str(every))


@pytest.mark.parametrize("path", [b"a.mkv", io.BytesIO(), 0, None])
def test_what_is_no_path(path):
    with pytest.raises(TypeError, match=f"^path must be a str or a path, not {type(path).__name__}$"):
        read_video(path)


def test_what_is_no_video(tmp_path, quarters):
    with pytest.raises(VideoError, match=r"^video .*nothing\.mp4 does not exist$"):
        next(read_video(tmp_path / "nothing.mp4"))
    with pytest.raises(VideoError, match=r"^video '' does not exist$"):
        next(read_video(""))
    with pytest.raises(VideoError, match=r"cannot be read: Is a directory$"):
        next(read_video(tmp_path))
    with pytest.raises(VideoError, match=r"a\\x00b cannot be read: embedded null byte$"):
        next(read_video("a\0b"))
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(VideoError, match=r"text\.mp4 is not a video of a kind that is read: Invalid data found"):
        next(read_video(tmp_path / "text.mp4"))
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode())
    with pytest.raises(VideoError, match=r"sound\.mp4 has no pictures in it$"):
        next(read_video(tmp_path / "sound.mp4"))


def test_lists_of_files_are_not_followed(tmp_path, short, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile {short.name}\n")
    with pytest.raises(VideoError, match="is not a video of a kind that is read: Invalid argument"):
        next(read_video("list.mp4"))
    assert next(av.open("list.mp4").decode(video=0)).width == 64  # FFmpeg itself would


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_truncated_video(short, part):
    content = short.read_bytes()
    short.write_bytes(content[: int(part * len(content))])
    with pytest.raises(VideoError, match=r"short\.mp4 (is not a video|has no pictures)"):  # its index is at its end
        list(read_video(short))


def test_damaged_videos_give_frames_or_an_error(tmp_path, quarters):
    content = bytearray(write_video(tmp_path / "whole.mkv", [quarters, 255 - quarters] * 6).read_bytes())
    rng = np.random.default_rng(0)
    outcomes = {"frames": 0, "error": 0}
    for _ in range(60):
        damaged = content.copy()
        for place in rng.integers(0, len(content), rng.integers(1, 40)):
            damaged[place] ^= 1 << rng.integers(8)
        (tmp_path / "damaged.mkv").write_bytes(damaged)
        try:
            assert all(frame.pixels.shape[2] == 3 for frame in read_video(tmp_path / "damaged.mkv"))
            outcomes["frames"] += 1
        except VideoError:
            outcomes["error"] += 1
    assert min(outcomes.values()) > 0


def test_a_frame_that_does_not_say_when_is_an_error(short, monkeypatch):
    size = SimpleNamespace(width=64, height=48)

    class Timeless:
        stream = SimpleNamespace(codec_context=size, sample_aspect_ratio=None)
        streams = SimpleNamespace(best={"video": stream}.get)

        def decode(self, stream):
            assert stream is self.stream
            yield SimpleNamespace(time=None, **vars(size))

    monkeypatch.setattr("faceprint.video._open", lambda file, name: nullcontext(Timeless()))
    with pytest.raises(VideoError, match=r"short\.mp4 does not say when to show its frame 0$"):
        next(read_video(short))


def test_without_pyav(short, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(VideoError, match=r"short\.mp4 needs PyAV to be read: pip install 'faceprint\[video\]'$"):
        next(read_video(short))


def test_a_pyav_that_crashes_is_refused(short, monkeypatch):
    monkeypatch.setattr(av, "__version__", "17.0.1")
    with pytest.raises(VideoError, match=r"short\.mp4 needs PyAV 17\.1 or later to be read, not 17\.0\.1$"):
        next(read_video(short))


def test_two_people_become_two_tracks(tmp_path, model, photos):
    def look(name, shift):
        left, top, right, bottom = model.faces(photos / name).boxes[0].tolist()
        half = 0.8 * max(right - left, bottom - top)
        x, y = (left + right) / 2 + shift * half, (top + bottom) / 2
        image = Image.open(photos / name).convert("RGB")
        return np.asarray(image.resize((160, 160), box=(x - half, y - half, x + half, y + half)))

    pictures = [
        np.concatenate([look("collins.png", 0.05 * at), look("biden.jpg", -0.05 * at)], axis=1) for at in range(3)
    ]
    path = write_video(tmp_path / "two.mp4", pictures)
    tracks = list(track_faces(model, read_video(path)))
    assert [(track.frames, track.first, track.last) for track in tracks] == [(3, 0, 0.2)] * 2
    reference = model.embed([pictures[0][:, :160], pictures[0][:, 160:]])
    between = fp.distances(reference, np.concatenate([track.best.embeddings for track in tracks]))
    assert between.min(axis=1).max() < model.recipe.threshold(1e-3) < between.max(axis=1).min()
    assert [track.best.chips.shape for track in tracks] == [(1, 150, 150, 3)] * 2


BOX, NEAR, ASIDE = (0, 0, 100, 100), (20, 0, 120, 100), (60, 0, 160, 100)  # NEAR overlaps BOX by 2/3, ASIDE by 1/4


def test_a_face_is_followed(seen):
    model = seen([(BOX, 0, 0.9)], [(NEAR, 0, 0.9)], [(ASIDE, 0, 0.9)])
    (track,) = track_faces(model, model.frames)
    assert (track.frames, track.first, track.last) == (3, 0, 1)


def test_best_look_is_kept(seen):
    small = (10, 10, 90, 90)
    model = seen([(small, 0, 1.0)], [(BOX, 0, 0.9)], [(BOX, 0, 0.9)], [(BOX, 0, 0.5)])
    (track,) = track_faces(model, model.frames)
    assert (track.seconds, track.frames, len(track.best)) == (0.5, 4, 1)
    assert track.best.boxes.tolist() == [list(BOX)]
    (track,) = track_faces(model, model.frames, key=lambda face: float(face.scores[0]))
    assert (track.seconds, track.best.boxes.tolist()) == (0, [list(small)])


def test_overlap_and_distance_both_link(seen):
    """Another person in the same place is another track, and so is the same one in another place."""
    cut = seen([(BOX, 0, 1)], [(BOX, 1, 1)])
    assert [track.frames for track in track_faces(cut, cut.frames)] == [1, 1]
    assert [track.frames for track in track_faces(cut, cut.frames, distance=2)] == [2]  # that of the two is 2
    still = seen([(BOX, 0, 1)], [(BOX, 0, 1)])
    assert [track.frames for track in track_faces(still, still.frames, overlap=1, distance=0)] == [2]
    leap = seen([(BOX, 0, 1)], [(ASIDE, 0, 1)])
    assert [track.frames for track in track_faces(leap, leap.frames)] == [1, 1]
    assert [track.frames for track in track_faces(leap, leap.frames, overlap=0.25)] == [2]
    away = seen([(BOX, 0, 1)], [((500, 500, 600, 600), 0, 1)])
    assert [track.frames for track in track_faces(away, away.frames)] == [1, 1]
    assert [track.frames for track in track_faces(away, away.frames, overlap=0)] == [2]


def test_boxes_apart_do_not_overlap():
    box, beside, above = np.float32([[[0, 0, 8, 8]], [[8.5, 0, 16, 8]], [[0, -9, 8, -0.5]]])
    assert [_overlaps(box, other).tolist() for other in (box, beside, above)] == [[[1]], [[0]], [[0]]]


def test_overlap_is_intersection_over_union(seen):
    box, beside, below = (10, 30, 110, 80), (35, 30, 135, 80), (10, 40, 110, 90)  # by a quarter, by a fifth
    for other, share in ((beside, 0.6), (below, 2 / 3)):
        for pair in ((box, other), (other, box)):
            model = seen(*([(each, 0, 1)] for each in pair))
            for asked, expected in ((share - 0.01, [2]), (share + 0.01, [1, 1])):
                assert [track.frames for track in track_faces(model, model.frames, overlap=asked)] == expected


def test_nearest_embeddings_are_joined_first(seen):
    """Two people change places within reach of both boxes; each keeps the track."""
    model = seen([(BOX, 0, 1), (NEAR, 1, 1)], [(BOX, 1, 1), (NEAR, 0, 1)])
    tracks = list(track_faces(model, model.frames, distance=4))
    assert [track.frames for track in tracks] == [2, 2]
    assert [int(track.best.embeddings.argmax()) for track in tracks] == [0, 1]
    (track,) = [
        track for track in track_faces(model, model.frames, distance=4, key=lambda f: f.boxes[0, 0]) if track.seconds
    ]
    assert int(track.best.embeddings.argmax()) == 0


def test_a_track_goes_on_with_one_face(seen):
    model = seen([(BOX, 0, 1)], [(NEAR, 0, 1), (BOX, 0, 1)])
    assert [track.frames for track in track_faces(model, model.frames)] == [2, 1]
    model = seen([(BOX, 0, 1), (NEAR, 0, 1)], [(BOX, 0, 1)])
    assert sorted(track.frames for track in track_faces(model, model.frames)) == [1, 2]


def test_tracks_end_after_patience(seen):
    model = seen([(BOX, 0, 1)], [], [(BOX, 0, 1)], [], [], [])
    tracks = track_faces(model, model.frames)
    track = next(tracks)
    assert (track.first, track.last, track.frames) == (0, 1, 2)
    assert list(tracks) == []
    assert [track.frames for track in track_faces(model, model.frames, patience=0.5)] == [1, 1]
    assert [track.frames for track in track_faces(model, model.frames, patience=0)] == [1, 1]
    assert [track.frames for track in track_faces(model, model.frames[:1])] == [1]


def test_tracks_are_given_out_as_they_end(seen):
    model = seen([(BOX, 0, 1)], [], [], [])

    def frames():
        yield from model.frames
        raise AssertionError("the track has ended already")

    assert next(track_faces(model, frames())).frames == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"overlap": 1.5}, r"^overlap must be in \[0, 1\], not 1.5$"),
        ({"overlap": float("nan")}, r"^overlap must be in \[0, 1\], not nan$"),
        ({"patience": -1}, r"^patience must be a number of seconds, 0 or more, not -1$"),
        ({"distance": 5}, r"^distance must be a squared distance in \[0, 4\], not 5$"),
    ],
)
def test_what_tracks_take(model, options, text):
    with pytest.raises(ValueError, match=text):
        track_faces(model, [], **options)
    ((name, value),) = options.items()
    with pytest.raises(TypeError, match=f"^{name} must be a number, not str$"):
        track_faces(model, [], **{name: str(value)})


@pytest.mark.parametrize(
    ("frames", "error", "text"),
    [
        ("a.mkv", TypeError, "frames must be those that read_video gives, not str"),
        (Path("a.mkv"), TypeError, f"frames must be those that read_video gives, not {type(Path()).__name__}"),
        (Frame(GREY, 0), TypeError, "frames must be those that read_video gives, not Frame"),
        ([GREY], TypeError, "each of frames must be a Frame, not ndarray"),
        ([Frame(GREY, None)], TypeError, "seconds of frames must be a number, not NoneType"),
        ([Frame(GREY, 0), Frame(GREY, np.nan)], ValueError,
         "seconds of frames must be finite and never fall, not nan after 0.0"),
        ([Frame(GREY, 1), Frame(GREY, 0.5)], ValueError,
         "seconds of frames must be finite and never fall, not 0.5 after 1.0"),
    ],
)  # fmt: skip
def test_what_are_no_frames(model, frames, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        list(track_faces(model, frames))


def test_what_key_gives(seen):
    model = seen([(BOX, 0, 1)], [(BOX, 0, 1)])
    for value, error, came in ((np.nan, ValueError, "nan"), (None, TypeError, "NoneType")):
        with pytest.raises(error, match=f"^what key gives must be a number, not {came}$"):
            list(track_faces(model, model.frames, key=lambda face, value=value: value))
    (track,) = track_faces(model, model.frames, key=lambda face: -np.inf)
    assert (track.seconds, track.frames) == (0, 2)


def test_frames_are_photographs(model, photos):
    paths = [photos / name for name in ("obama.jpg", "obama2.jpg")]
    frames = [Frame(fp.read_photo(path), seconds) for seconds, path in enumerate(paths)]
    pixels = [frame.pixels for frame in frames]
    assert model.template(frames).tolist() == model.template(pixels).tolist()
    assert model.faces(frames[0]).boxes.tolist() == model.faces(pixels[0]).boxes.tolist()
    with pytest.raises(TypeError, match=r"^a photo array must be uint8, not float64$"):
        fp.read_photo(Frame(pixels[0] / 255, 0.0))


def test_no_frames_no_tracks(model):
    assert list(track_faces(model, [])) == []
