"""Find where the embeddings of unrecognisable faces lie, and write it into a recipe.

    python tools/networks/unrecognisable.py RECIPE.json "where the photographs come from" PHOTO...

Embeddings of unrecognisable faces cluster together, and the distance from their centre tells how recognisable a face is
(Deng et al., "Harnessing Unrecognizable Faces for Improving Face Recognition", WACV 2023). Theirs were found by
detectors in video; ours are made: chips of the most prominent faces, each spoilt in five ways at random strength. Kept
are those that the network no longer takes for the same person as the chip they were made of, at the recipe's threshold
for a false accept rate of 1e-3. Their mean is the centre. From the distances to it of those and of the photographs as
they are comes the logistic `quality`, and from the latter alone the gates. Nothing is trained.
"""

import json
import sys
from pathlib import Path

import numpy as np
from degrade import Chip, blur, embed_chips, jpeg, noise, occlude, shrink
from numpy.typing import NDArray

import faceprint as fp
from faceprint.evaluate.calibration import logistic

SPOILT = 500  # photographs whose faces are spoilt, each in five ways
REJECTED = (0.01, 0.05, 0.10)


def spoil(chip: Chip, rng: np.random.Generator) -> list[Chip]:
    """The five ways, each at a strength of which little more than the outline of a face is left."""
    return [
        blur(chip, rng.uniform(6, 14)),
        shrink(chip, int(rng.integers(4, 9))),
        jpeg(chip, int(rng.integers(1, 6))),
        noise(chip, rng.uniform(60, 120), rng),
        occlude(chip, rng.uniform(0.4, 0.7), rng),
    ]


def gates(quality: NDArray[np.float64]) -> list[dict[str, float]]:
    """The quality below which stated shares of ordinary faces lie."""
    return [{"rejected": share, "quality": round(float(np.quantile(quality, share)), 4)} for share in REJECTED]


def main() -> None:
    """Measure, print, and write the recipe."""
    recipe, source, photos = Path(sys.argv[1]), sys.argv[2], [Path(photo) for photo in sys.argv[3:]]
    model, rng = fp.load(recipe.with_suffix(".onnx")), np.random.default_rng(0)
    found = [faces[0] for faces in map(model.faces, photos) if len(faces)]
    ordinary = np.concatenate([face.embeddings for face in found])
    chosen = rng.choice(len(found), min(SPOILT, len(found)), replace=False)
    spoilt = np.stack([embed_chips(model, spoil(found[row].chips[0], rng)) for row in chosen])
    lost = ((spoilt - ordinary[chosen][:, None]) ** 2).sum(axis=2) > model.recipe.threshold(1e-3)
    print("not recognised after blur, shrinking, JPEG, noise, occlusion:", lost.mean(axis=0).round(3).tolist())
    mean = spoilt[lost].mean(axis=0, dtype=float)
    centre = (mean / np.linalg.norm(mean)).round(5)
    near, far = (((rows - centre) ** 2).sum(axis=1) for rows in (spoilt[lost], ordinary))
    slope, intercept = (round(number, 3) for number in logistic(far, near))
    stored = json.loads(recipe.read_text("utf-8"))
    stored["unrecognisable"] = {
        "centre": centre.tolist(),
        "slope": slope,
        "intercept": intercept,
        "prior": 0.5,
        "gates": gates(1 / (1 + np.exp(slope * far + intercept))),
        "measured": (
            f"{source}: {len(found)} faces as they are; {int(lost.sum())} of {lost.size} chips, five of each of "
            f"{len(chosen)} faces, that blur, shrinking, JPEG, noise or occlusion made unrecognisable"
        ),
    }
    print(json.dumps({key: value for key, value in stored["unrecognisable"].items() if key != "centre"}, indent=2))
    recipe.write_text(json.dumps(stored, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
