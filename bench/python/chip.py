"""Chips a second, ours beside what people do with OpenCV, on the photographs of the demo.

    pip install "opencv-python-headless<5"
    python bench/python/chip.py [--rounds 31] [--threads 1] [--out bench/results/chip.json]

Each photograph is resized until the longer side of its face has each of SIZES pixels. A round goes from landmarks and
uint8 photographs to one float32 NCHW tensor, with or without mirrored twins:

- `faceprint`: `_core.align`, then all chips in one call of `_core.chips`.
- `faceprint, no shrinking`: the same number of chips at a scale of 1, which is plain bilinear interpolation.
- `OpenCV`: our closed-form alignment too, `cv2.warpAffine` (INTER_LINEAR, which aliases), numpy for the rest.
- `OpenCV, blobFromImages`: the same with `cv2.dnn.blobFromImages` for the rest.
- `insightface's way`: a fit by singular value decomposition for each face, as its `norm_crop` does by skimage, then
  `cv2.warpAffine` and `cv2.dnn.blobFromImages`.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import faceprint as fp
from faceprint import _core
from faceprint.chip import named_alignment
from faceprint.demo import PHOTOS

sys.path.append(str(Path(__file__).parents[1]))
from contest import Contestant, Result, compete
from machine import describe

SIZES = (100, 150, 200, 250)
PASSES = 10  # over all faces in one call that is timed
SIDES = (112, 160)
MEAN, SCALE = 127.5, 1 / 127.5
OPENCV_GOAL, BILINEAR_GOAL = 4.0, 2.0  # times as fast as OpenCV; times as long as without shrinking, at most

Chips = NDArray[np.float32]


@dataclass(frozen=True)
class Workload:
    """Faces on photographs, one each, and the chips to cut from them."""

    images: list[NDArray[np.uint8]]
    landmarks: NDArray[np.float64]
    side: int
    twin: bool
    threads: int

    @property
    def template(self) -> NDArray[np.float64]:
        """The five points in the chip."""
        return np.array(named_alignment("arcface", self.side))


def faces() -> tuple[list[NDArray[np.uint8]], NDArray[np.float64]]:
    """Every photograph of the demo in all sizes, with the landmarks of its face."""
    model, images, landmarks = fp.load(), [], []
    for path in sorted(PHOTOS.glob("*.*g")):
        photo = fp.read_photo(path)
        found = model.detect(photo)
        longer = max(found.boxes[0, 2:] - found.boxes[0, :2])
        for size in SIZES:
            shape = [round(side * size / longer) for side in photo.shape[1::-1]]
            images.append(np.asarray(Image.fromarray(photo).resize(shape, Image.Resampling.LANCZOS)))
            landmarks.append((found.landmarks[0] + 0.5) * size / longer - 0.5)
    return images, np.array(landmarks, np.float64)


def ours(work: Workload, affines: NDArray[np.float64]) -> Chips:
    """Everything in one pass."""
    return _core.chips(
        work.images,
        affines,
        work.side,
        work.side,
        mean=(MEAN,) * 3,
        scale=(SCALE,) * 3,
        twin=work.twin,
        threads=work.threads,
    )


def unshrunk(affines: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """The same middles and turns at a scale of 1."""
    scales = np.hypot(affines[:, 0, 0], affines[:, 1, 0])[:, None, None]
    middle = np.array([(side - 1) / 2] * 2)
    linear = affines[:, :, :2] / scales
    offset = affines[:, :, 2] + (affines[:, :, :2] - linear) @ middle
    return np.concatenate([linear, offset[..., None]], axis=2)


def warped(work: Workload, affines: NDArray[np.float64]) -> list[NDArray[np.uint8]]:
    """OpenCV's bilinear chips, from maps like ours."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return [
        np.asarray(cv2.warpAffine(image, affine, (work.side, work.side), flags=flags), np.uint8)
        for image, affine in zip(work.images, affines, strict=True)
    ]


def by_numpy(work: Workload, chips: list[NDArray[np.uint8]]) -> Chips:
    """Normalise, transpose and mirror."""
    views = np.empty((len(chips), 1 + work.twin, 3, work.side, work.side), np.float32)
    for out, chip in zip(views[:, 0], chips, strict=True):
        np.subtract(chip.transpose(2, 0, 1), np.float32(MEAN), out=out)
    views[:, 0] *= np.float32(SCALE)
    if work.twin:
        views[:, 1] = views[:, 0, ..., ::-1]
    return views


def by_blob(work: Workload, chips: list[NDArray[np.uint8]]) -> Chips:
    """The same by OpenCV's own function."""
    blob = np.asarray(cv2.dnn.blobFromImages(chips, SCALE, mean=(MEAN,) * 3), np.float32)
    return np.stack([blob, blob[..., ::-1]], axis=1) if work.twin else blob


def by_svd(work: Workload) -> NDArray[np.float64]:
    """Umeyama's fit for each face, from the photograph to the chip and turned round, as skimage computes it."""
    affines = np.empty((len(work.landmarks), 2, 3))
    to = work.template
    for affine, start in zip(affines, work.landmarks, strict=True):
        start_mean, to_mean = start.mean(axis=0), to.mean(axis=0)
        u, singular, v = np.linalg.svd((to - to_mean).T @ (start - start_mean) / len(to))
        signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(v))])
        scale = singular @ signs / (start - start_mean).var(axis=0).sum()
        matrix = np.eye(3)
        matrix[:2, :2] = scale * u @ np.diag(signs) @ v
        matrix[:2, 2] = to_mean - matrix[:2, :2] @ start_mean
        affine[:] = np.linalg.inv(matrix)[:2]
    return affines


def repeated(way: Callable[[], Chips]) -> tuple[Chips]:
    """Answer PASSES times over."""
    for _ in range(PASSES):
        chips = way()
    return (chips,)


def contestants(work: Workload) -> list[Contestant]:
    """All of them, for one workload."""

    def closed() -> NDArray[np.float64]:
        return _core.align(work.landmarks, work.template)

    plain = unshrunk(closed(), work.side)
    ways: dict[str, Callable[[], Chips]] = {
        "faceprint": lambda: ours(work, closed()),
        "faceprint, no shrinking": lambda: ours(work, plain),
        "OpenCV": lambda: by_numpy(work, warped(work, closed())),
        "OpenCV, blobFromImages": lambda: by_blob(work, warped(work, closed())),
        "insightface's way": lambda: by_blob(work, warped(work, by_svd(work))),
    }
    return [Contestant(name, partial(repeated, way)) for name, way in ways.items()]


def told(work: Workload, results: list[Result]) -> dict[str, Any]:
    """What was measured of one workload, and what it says of the goals."""
    seconds = {result.contestant.name: result.median for result in results}
    cut = PASSES * len(work.images)
    opencv = min(seconds["OpenCV"], seconds["OpenCV, blobFromImages"])
    return {
        "side": work.side,
        "twin": work.twin,
        "chips": cut,
        "chips_per_second": {name: round(cut / taken) for name, taken in seconds.items()},
        "times_as_fast_as_opencv": round(opencv / seconds["faceprint"], 2),
        "times_as_fast_as_insightface": round(seconds["insightface's way"] / seconds["faceprint"], 2),
        "times_as_long_as_without_shrinking": round(seconds["faceprint"] / seconds["faceprint, no shrinking"], 2),
        "rounds": {result.contestant.name: result.seconds for result in results},
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    images, landmarks = faces()
    workloads = []
    for side in SIDES:
        for twin in (False, True):
            work = Workload(images, landmarks, side, twin, arguments.threads)
            entry = told(work, compete(contestants(work), arguments.rounds))
            workloads.append(entry)
            print(
                f"{side} pixels{', twins' if twin else ''}: {entry['chips_per_second']}\n"
                f"  {entry['times_as_fast_as_opencv']} times as fast as OpenCV (goal {OPENCV_GOAL}), "
                f"{entry['times_as_fast_as_insightface']} times as fast as insightface's way, "
                f"{entry['times_as_long_as_without_shrinking']} times as long as without shrinking "
                f"(goal at most {BILINEAR_GOAL})"
            )
    if arguments.out:
        report = {
            "machine": describe(),
            "opencv": cv2.__version__,
            "threads": arguments.threads,
            "face_sizes": SIZES,
            "goals": {"times_as_fast_as_opencv": OPENCV_GOAL, "times_as_long_as_without_shrinking": BILINEAR_GOAL},
            "workloads": workloads,
        }
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
