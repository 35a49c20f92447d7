"""How much a gate on quality helps, on faces of LFW that are spoilt as cameras and networks spoil them.

    python bench/python/quality.py LFW [--photos 1000] [--out bench/results/quality]

People of folds 3 and 4 with two photographs or more, in order of names, at most ten photographs of each: none of them
had a part in the recipe's 'unrecognisable', which was made of folds 1 and 2. Faces are found once, on the photographs
as they are; what is spoilt is the chip, so errors of the detector do not count. `mixed` takes for each photograph one
of the other kinds, `plain` among them, at random. All pairs of photographs are compared.

FNMR is told at two thresholds: `fixed`, where one in a thousand pairs of different people is accepted on plain
photographs, and `own`, where that is so in the set itself, after the rejection. Rejected are the photographs below the
recipe's gates, and the 1, 5 and 10 % of the set that are lowest in quality or, for comparison, in sharpness.
"""

import argparse
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from lfw import read_pairs
from numpy.typing import NDArray

import faceprint as fp
from faceprint.quality import recognisability, sharpness

sys.path.append(str(Path(__file__).parents[2] / "tools" / "networks"))  # one place for how chips are spoilt
from degrade import Chip, blur, embed_chips, jpeg, shrink

FMR = 1e-3
SHARES = (0.01, 0.05, 0.10)
KINDS: dict[str, Callable[[Chip], Chip]] = {
    "plain": lambda chip: chip,
    **{f"blur, sigma {sigma} px": lambda chip, sigma=sigma: blur(chip, sigma) for sigma in (2, 4, 6)},
    **{f"face {face} px wide": lambda chip, face=face: shrink(chip, face) for face in (8, 12, 16, 24, 32)},
    **{f"JPEG quality {level}": lambda chip, level=level: jpeg(chip, level) for level in (5, 10, 30)},
}


@dataclass(frozen=True)
class Faces:
    """The faces of one kind: their embeddings, what the gates go by, and who they are."""

    embeddings: NDArray[np.float32]
    quality: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    people: NDArray[np.str_]

    def pairs(self, kept: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The distances of all pairs of the same person, and of different people, sorted."""
        x, people = self.embeddings[kept], self.people[kept]
        a, b = np.triu_indices(len(x), 1)
        distances, same = fp.distances(x, x)[a, b], people[a] == people[b]
        return np.sort(distances[same]), np.sort(distances[~same])


@dataclass(frozen=True)
class Line:
    """One line of the results: shares in [0, 1], thresholds as in the module's docstring."""

    kind: str
    rejected_by: str
    rejected_photos: float
    pairs_of_the_same: int
    fnmr_fixed: float
    fmr_fixed: float
    fnmr_own: float


def chosen_photos(folder: Path, most: int) -> list[Path]:
    """The photographs of the people of folds 3 and 4 that have two or more."""
    people = sorted({photo.parent for pair in read_pairs(folder) if pair.fold in (2, 3) for photo in (pair.a, pair.b)})
    photos = [sorted(person.glob("*.jpg"))[:10] for person in people]
    return [photo for shown in photos if len(shown) > 1 for photo in shown][:most]


def threshold(different: NDArray[np.float32]) -> float:
    """The distance at or below which a share FMR of the pairs of different people lies."""
    return float(different[max(int(FMR * len(different)) - 1, 0)])


def lowest(values: NDArray[np.float32], share: float) -> NDArray[np.bool_]:
    """What is kept when a share of the lowest values is rejected."""
    kept = np.ones(len(values), bool)
    kept[np.argsort(values, kind="stable")[: round(share * len(values))]] = False
    return kept


def lines(kind: str, faces: Faces, recipe: fp.Recipe, fixed: float) -> list[Line]:
    """What each way of rejecting does to one kind."""
    ways = {"nothing": np.ones(len(faces.people), bool)}
    ways |= {f"gate({share:g})": faces.quality >= recipe.gate(share) for share in SHARES}
    ways |= {f"lowest {share:.0%} in quality": lowest(faces.quality, share) for share in SHARES}
    ways |= {f"lowest {share:.0%} in sharpness": lowest(faces.sharpness, share) for share in SHARES}
    found = []
    for way, kept in ways.items():
        same, different = faces.pairs(kept)
        if not len(same) or not len(different):  # a gate may leave nobody
            continue
        own = threshold(different)
        found.append(
            Line(
                kind,
                way,
                round(float(1 - kept.mean()), 4),
                len(same),
                round(float((same > fixed).mean()), 5),
                round(float((different <= fixed).mean()), 6),
                round(float((same > own).mean()), 5),
            )
        )
    return found


def main() -> None:
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--photos", type=int, default=1000, help="how many photographs, at most")
    parser.add_argument("--out", type=Path, help="where to write .json, without the suffix")
    arguments = parser.parse_args()
    model, rng = fp.load(), np.random.default_rng(0)
    found = {
        photo: faces[0] for photo in chosen_photos(arguments.data, arguments.photos) if len(faces := model.faces(photo))
    }
    people = np.array([photo.parent.name for photo in found])
    kinds = {}
    for kind, spoil in KINDS.items():
        chips = [spoil(face.chips[0]) for face in found.values()]
        x = embed_chips(model, chips)
        quality = recognisability(x, model.recipe)
        if quality is None:
            raise fp.RecipeError(f"recipe {model.recipe.name} must state 'unrecognisable'")
        kinds[kind] = Faces(x, quality, sharpness(np.stack(chips)), people)
        print(f"{kind}: median quality {np.median(quality):.3f}", flush=True)
    choice, rows = rng.integers(len(kinds), size=len(people)), np.arange(len(people))
    stacked = {
        name: np.stack([getattr(faces, name) for faces in kinds.values()])[choice, rows]
        for name in ("embeddings", "quality", "sharpness")
    }
    kinds["mixed"] = Faces(**stacked, people=people)
    fixed = threshold(kinds["plain"].pairs(np.ones(len(people), bool))[1])
    results = [line for kind, faces in kinds.items() for line in lines(kind, faces, model.recipe, fixed)]
    for line in results:
        print(
            f"{line.kind:20} {line.rejected_by:26} rejected {line.rejected_photos:.1%}  "
            f"FNMR fixed {line.fnmr_fixed:.2%}, own {line.fnmr_own:.2%}  FMR fixed {line.fmr_fixed:.3%}"
        )
    if arguments.out:
        content = {
            "machine": {"system": platform.platform(), "python": platform.python_version(), **fp.info()["versions"]},
            "photos": len(people),
            "people": len(np.unique(people)),
            "fmr": FMR,
            "fixed_threshold": round(fixed, 4),
            "median_quality": {kind: round(float(np.median(faces.quality)), 4) for kind, faces in kinds.items()},
            "lines": [asdict(line) for line in results],
        }
        arguments.out.with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
