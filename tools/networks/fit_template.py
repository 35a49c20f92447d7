"""Find where the five landmarks of the bundled detector lie in the chip that dlib would cut from the same face.

    python tools/networks/fit_template.py MODELS PHOTO...

dlib's network wants its faces where dlib's own landmarks put them, and detectors disagree about where an eye is. So for
each photograph, dlib (dlib-bin, with the five-point predictor in MODELS) says which chip it would cut, and the template
is the median place of our landmarks in it, made symmetric, because the recipe averages with the mirror image. Only
geometry is used, no names.
"""

import json
import sys
from pathlib import Path

import dlib
import numpy as np
from numpy.typing import NDArray

import faceprint as fp

SIZE = 150
PADDING = 0.25  # around the face, dlib's for this network
MIRRORED = [1, 0, 2, 4, 3]  # each landmark's counterpart


def chip_to_photo(shape: dlib.full_object_detection, height: int, width: int) -> NDArray[np.float64]:
    """Recover the similarity (3, 2) of dlib's chip by letting it cut up a picture of coordinates."""
    rows, columns = np.mgrid[:height, :width]
    # 8 bits a channel hold a coordinate only in parts: the scaled picture is exact enough for least squares
    scale = 255 / max(height, width)
    code = np.stack([columns * scale, rows * scale, np.full_like(rows, 255)], axis=2).round().astype(np.uint8)
    chip = dlib.get_face_chip(code, shape, size=SIZE, padding=PADDING).astype(float)
    inside = chip[:, :, 2] >= 254
    v, u = np.nonzero(inside)
    solution: NDArray[np.float64] = np.linalg.lstsq(
        np.stack([u, v, np.ones(len(u))], axis=1), chip[inside][:, :2] / scale, rcond=None
    )[0]
    return solution


def main() -> None:
    """Fit and print the template."""
    models, *photos = map(Path, sys.argv[1:])
    detector = dlib.get_frontal_face_detector()
    points = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    model = fp.load()
    places = []
    for photo in photos:
        image = fp.read_photo(photo)
        boxes, found = detector(image, 1), model.faces(image)
        if len(boxes) != 1 or len(found) != 1:
            continue  # nobody can be mistaken for somebody else
        similarity = chip_to_photo(points(image, boxes[0]), *image.shape[:2])
        places.append((found.landmarks[0] - similarity[2]) @ np.linalg.inv(similarity[:2]))
    middle = np.median(places, axis=0)
    mirror = middle[MIRRORED] * [-1, 1] + [SIZE - 1, 0]
    template = (middle + mirror) / 2
    print(f"{len(places)} photographs, spread {np.std(places, axis=0).mean():.2f} pixels")
    print(json.dumps(template.round(3).tolist()))


if __name__ == "__main__":
    main()
