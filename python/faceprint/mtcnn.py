"""The bundled detector: MTCNN, three networks that look closer each time.

Zhang, Zhang, Li and Qiao, "Joint face detection and alignment using multitask cascaded convolutional networks", IEEE
Signal Processing Letters 23(10), 2016.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import _core
from .detector import Detections, DetectorOptions, at_least, suppress
from .photo import Pixels
from .runtime import Session, open_session

RECIPE = Path(__file__).parent / "models" / "mtcnn.json"
CELL = 12  # the side of the window that P-Net judges, in pixels of its pyramid level
STRIDE = 2  # pixels from one window to the next
SMALLEST = 20  # side of the smallest face in pixels
SMALLEST_SHARE = 50  # or the long side of the photograph divided by this, where that is more
FINER = 3  # pixels of a halved copy, at least, that are averaged into one pixel of a level or crop, each way
SHORTEST = 256  # the short side of a halved copy, at least: small photographs are quick, and gain nothing
CROPS = 512  # how many crops the later networks judge at once, so that crowds cost no more memory
Boxes = NDArray[np.float32]


class Mtcnn:
    """Finds faces with the bundled networks.

    The smallest face looked for is 20 pixels high, or a fiftieth of the photograph's long side where that is more;
    `min_size` takes the place of both. Where the first look of the recipe finds nothing, the next is tried: with more
    lenient scores, but only for faces whose box is at least a `share` of the photograph's short side, for textures
    resemble small faces, not large ones. `min_score` takes the place of both looks.
    """

    def __init__(self, options: DetectorOptions | None = None, *, device: str = "cpu", threads: int = 0) -> None:
        recipe = json.loads(RECIPE.read_text("utf-8"))
        options = options or DetectorOptions()
        self._factor: float = recipe["factor"]
        self._min_size = options.min_size
        self._looks: list[tuple[list[float], float]] = [(look["scores"], look["share"]) for look in recipe["looks"]]
        if options.min_score is not None:
            self._looks = [([*self._looks[0][0][:-1], options.min_score], 0.0)]
        self._proposer, self._refiner, self._finisher = (
            open_session(RECIPE.with_name(entry["file"]), device=device, threads=threads, sha256=entry["sha256"])
            for entry in (recipe["networks"][name] for name in ("pnet", "rnet", "onet"))
        )

    def detect(self, image: Pixels) -> Detections:
        """Find the faces of a uint8 RGB photograph (height, width, 3)."""
        copies = Reductions(image)
        levels = list(self._judge_windows(copies))
        for scores, share in self._looks:
            found = at_least(share * min(image.shape[:2]), self._cascade(copies, levels, scores))
            if len(found.scores):
                break
        return found

    def _cascade(self, copies: "Reductions", levels: "list[Level]", scores: Sequence[float]) -> Detections:
        boxes = _squares(_proposals(levels, scores[0]))

        judged, regressions = self._judge(self._refiner, copies, boxes, 24)
        sure = judged > scores[1]
        boxes, judged, regressions = boxes[sure], judged[sure], regressions[sure]
        kept = suppress(boxes, judged, 0.7)
        boxes = _squares(_regress(boxes[kept], regressions[kept], 1))

        judged, regressions, landmarks = self._judge(self._finisher, copies, boxes, 48)
        sure = judged > scores[2]
        boxes, judged, regressions, landmarks = boxes[sure], judged[sure], regressions[sure], landmarks[sure]
        sides = boxes[:, 2:] - boxes[:, :2] + 1
        points = landmarks.reshape(-1, 2, 5).transpose(0, 2, 1) * sides[:, None] + boxes[:, None, :2] - 1
        boxes = _regress(boxes, regressions, 1)
        kept = suppress(boxes, judged, 0.7, of_smaller=True)
        return Detections(boxes[kept], points[kept], judged[kept])

    def _judge_windows(self, copies: "Reductions") -> "Iterator[Level]":
        """P-Net on every level of the image pyramid."""
        height, width = copies.height, copies.width
        scale = CELL / (self._min_size or max(SMALLEST, max(height, width) / SMALLEST_SHARE))
        while min(height, width) * scale >= CELL:
            level = copies.resize(int(width * scale + 1), int(height * scale + 1))
            inputs = np.empty((1, 3, *level.shape[:2]), np.float32)
            np.multiply(level.transpose(2, 0, 1), np.float32(1 / 128), out=inputs[0])
            inputs -= np.float32(127.5 / 128)
            scores, regressions = self._proposer.run({"images": inputs})
            yield scale, scores[0, 1], regressions[0]
            scale *= self._factor

    def _judge(self, network: Session, copies: "Reductions", boxes: Boxes, size: int) -> list[NDArray[np.float32]]:
        """Scores, regressions (and landmarks) of R-Net or O-Net for the boxes, cut out as size x size crops."""
        outputs = [
            network.run({"images": copies.crops(boxes[at : at + CROPS], size)})
            for at in range(0, max(len(boxes), 1), CROPS)  # once for no boxes too, for the shapes of the outputs
        ]
        scores, *others = (np.concatenate(parts) for parts in zip(*outputs, strict=True))
        return [scores[:, 1], *others]


class Reductions:
    """A photograph, its half, its quarter and so on, each made when it is first wanted.

    What is wanted small is averaged from the smallest copy that still has at least FINER pixels for each pixel of it,
    each way, and a short side of SHORTEST, and not from every pixel of the photograph again and again.
    """

    def __init__(self, image: Pixels) -> None:
        from PIL import Image

        self.height, self.width = image.shape[:2]
        self._pixels = [image]
        self._pictures = [Image.fromarray(image)]

    def resize(self, width: int, height: int) -> Pixels:
        """The whole photograph reduced to width x height."""
        from PIL import Image

        halvings = self._halvings(min(self.width / width, self.height / height))
        whole = (0, 0, self.width / 2**halvings, self.height / 2**halvings)
        return np.asarray(self._pictures[halvings].resize((width, height), Image.Resampling.BOX, whole))

    def crops(self, boxes: Boxes, size: int) -> NDArray[np.float32]:
        """Cut boxes out as size x size inputs of a network (see `_crops`)."""
        steps = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) / size
        halvings = np.array([self._halvings(step) for step in steps.tolist()], np.int64)
        out = np.empty((len(boxes), 3, size, size), np.float32)
        for number in np.unique(halvings):
            rows = halvings == number
            out[rows] = _crops(self._pixels[number], boxes[rows], size, 2**number)
        return out

    def _halvings(self, step: float) -> int:
        """How often the photograph is halved where `step` of its pixels become one; the copies are made."""
        halvings = 0
        while step >= 2 ** (halvings + 1) * FINER and min(self._pixels[halvings].shape[:2]) >= 2 * SHORTEST:
            halvings += 1
            if halvings == len(self._pictures):
                self._pictures.append(self._pictures[-1].reduce(2))
                self._pixels.append(np.asarray(self._pictures[-1]))
        return halvings


Level = tuple[float, NDArray[np.float32], NDArray[np.float32]]


def _proposals(levels: list[Level], score: float) -> Boxes:
    """The windows that P-Net takes for faces, moved as it says, each face once."""
    boxes, scores = [np.empty((0, 4), np.float32)], [np.empty(0, np.float32)]
    for scale, judged, regressions in levels:
        rows, columns = np.nonzero(judged >= score)
        corners = np.stack([columns, rows], axis=1) * STRIDE + 1
        windows = np.floor(np.hstack([corners, corners + CELL - 1]) / scale).astype(np.float32)
        kept = suppress(windows, judged[rows, columns], 0.5)
        boxes.append(_regress(windows[kept], regressions[:, rows, columns].T[kept], 0))
        scores.append(judged[rows, columns][kept])
    every = np.concatenate(boxes)
    return every[suppress(every, np.concatenate(scores), 0.7)]


def _regress(boxes: Boxes, regressions: NDArray[np.float32], extra: int) -> Boxes:
    """Move the edges of boxes by shares of their sides; the later networks count pixels, hence their `extra` one."""
    sides = boxes[:, 2:] - boxes[:, :2] + extra
    moved: Boxes = boxes + regressions * np.tile(sides, 2)
    return moved


def _squares(boxes: Boxes) -> Boxes:
    """Grow boxes to squares around their centres."""
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)
    return np.hstack([centres - sides / 2, centres + sides / 2]).astype(np.float32)


def _crops(image: Pixels, boxes: Boxes, size: int, reduction: int = 1) -> NDArray[np.float32]:
    """Cut boxes out, black beyond the photograph; they count pixels from 1, and both edges belong to them.

    `image` is the photograph, or it reduced by a whole number that the boxes know nothing of.
    """
    steps = (boxes[:, 2:].astype(np.float64) - boxes[:, :2] + 1) / size
    sound = np.all(steps > 0, axis=1, keepdims=True) & np.all(np.abs(boxes) < 2**24, axis=1, keepdims=True)
    affines = np.zeros((len(boxes), 2, 3))
    affines[:, [0, 1], [0, 1]] = np.where(sound, steps / reduction, 1)
    centres = (boxes[:, :2] - 1 + steps / 2) / reduction - 0.5
    affines[:, :, 2] = np.where(sound, centres, -size - 1)  # what is no box is black
    return _core.chips(image, affines, size, size, mean=(127.5,) * 3, scale=(1 / 128,) * 3)
