"""What an upgrade is worth: embeddings of two networks compared, of people of LFW whom the map has not seen.

    python bench/python/upgrade.py LFW --model NETWORK.onnx [--out bench/results/upgrade] [--embeddings FILE.npz]

LFW is as in `lfw.py`. Of each person at most PHOTOS photographs are used. The map is fitted to the first 100, 200, 300
and 500 photographs of the people of folds 1 and 2, in an order of people that the seed draws, and to all; by least
squares alone, and refined. It is measured on all pairs of photographs of the people of folds 3 and 4, at a FAR of 1e-3.
First the bundled network is the old one, then the other. FILE.npz keeps the embeddings for the next run; it holds
biometric data and stays where it is.
"""

import argparse
import json
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from lfw import read_pairs
from numpy.typing import NDArray

import faceprint as fp
from faceprint.evaluate import Compatibility, ListedPairs, measure_compatibility
from faceprint.model import Model

sys.path.insert(0, str(Path(__file__).parents[1]))
from machine import describe

PHOTOS = 5  # of each person at most
SIZES = (100, 200, 300, 500, None)  # faces that the map is fitted to
STEPS = 16  # of refinement
FAR = 1e-3
FEW = 200  # faces: fewer have too few pairs within the folds for this FAR, so they are fitted at ten times as much


def people_of(folder: Path, folds: tuple[int, ...]) -> set[str]:
    """The names of the people of some folds."""
    pairs = [pair for pair in read_pairs(folder) if pair.fold in folds]
    return {photo.parent.name for pair in pairs for photo in (pair.a, pair.b)}


def embed(folder: Path, models: dict[str, Model]) -> dict[str, NDArray[Any]]:
    """Embed the most prominent face of each photograph, found once, by every model; `people` tells whose it is."""
    rows: dict[str, list[Any]] = {name: [] for name in (*models, "people")}
    finder = next(iter(models.values()))
    for person in sorted((folder / "images").iterdir()):
        for photo in sorted(person.glob("*.jpg"))[:PHOTOS]:
            image = fp.read_photo(photo)
            found = finder.detect(image)[:1]
            if not len(found.scores):
                continue
            for name, model in models.items():
                rows[name].append(model.describe(image, found).embeddings[0])
            rows["people"].append(person.name)
    return {name: np.array(entries) for name, entries in rows.items()}


def load_models(path: Path) -> dict[str, Model]:
    """The bundled network and the other, by the names of their recipes; whoever runs this knows the licence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fp.RecipeWarning)
        models = [fp.load(), fp.load(path)]
    return {model.recipe.name: model for model in models}


def drawn(people: NDArray[np.str_], seed: int) -> NDArray[np.int64]:
    """All rows, person by person, in an order of people that the seed draws."""
    names, numbers = np.unique(people, return_inverse=True)
    turn = np.random.default_rng(seed).permutation(len(names))
    return np.argsort(turn[numbers], kind="stable")


def shares(found: Compatibility) -> dict[str, Any]:
    """The figures of a comparison as they go into the results file."""
    named = {"old": found.old, "mixed": found.mixed, "upgraded": found.upgraded, "new": found.new, "kept": found.kept}
    values = {name: [round(share, 4) for share in (val.val, val.low, val.high)] for name, val in named.items()}
    change = [round(share, 4) for share in asdict(found.change).values()]
    return {**values, "kept_far": round(found.kept.far, 6), "change": change}


def compare(
    old: NDArray[np.float32], new: NDArray[np.float32], people: NDArray[np.str_], seen: NDArray[np.bool_], seed: int
) -> list[dict[str, Any]]:
    """Fit to more and more of the rows that may be `seen`, and measure each map on all the others."""
    measured = np.unique(people[~seen], return_inverse=True)[1]
    pairs = ListedPairs(measured, *np.triu_indices(len(measured), 1))
    order = np.flatnonzero(seen)[drawn(people[seen], seed)]
    lines = []
    for size in SIZES:
        rows = order[:size]
        far = FAR if len(rows) >= FEW else 10 * FAR
        for steps in (0, STEPS):
            upgrade = fp.Upgrade.fit(old[rows], new[rows], people[rows], refine=steps, far=far, tolerance=1)
            found = measure_compatibility(old[~seen], new[~seen], upgrade.apply(new[~seen]), pairs, far=FAR)
            fit = {"faces": len(rows), "people": len(np.unique(people[rows])), "refine": steps}
            told = upgrade.report().change
            own = {"far": far, "change": [round(share, 4) for share in asdict(told).values()]}
            lines.append({**fit, "refined": upgrade.refined, "refused": told.high < 0, "fit": own, **shares(found)})
            print(json.dumps(lines[-1]), flush=True)
    return lines


def main() -> None:
    """Embed, or read the embeddings, then compare both ways round, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="the other network, .onnx")
    parser.add_argument("--out", type=Path, help="where to write .json, without the suffix")
    parser.add_argument("--embeddings", type=Path, help="where the embeddings are, or are to be written, .npz")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    models = load_models(arguments.model)
    if arguments.embeddings and arguments.embeddings.exists():
        rows = dict(np.load(arguments.embeddings))
    else:
        rows = embed(arguments.data, models)
        if arguments.embeddings:
            np.savez(arguments.embeddings, **rows)
    seen, unseen = (np.isin(rows["people"], list(people_of(arguments.data, folds))) for folds in ((0, 1), (2, 3)))
    used = seen ^ unseen
    bundled, other = models
    results: dict[str, Any] = {
        "machine": describe(),
        "fitted_to": {"photos": int(seen.sum()), "people": len(np.unique(rows["people"][seen]))},
        "measured_on": {"photos": int(unseen.sum()), "people": len(np.unique(rows["people"][unseen]))},
        "far": FAR,
        "lines": {},
    }
    for old, new in ((bundled, other), (other, bundled)):
        print(f"{old} is the old network, {new} the new one", flush=True)
        lines = compare(rows[old][used], rows[new][used], rows["people"][used], seen[used], arguments.seed)
        results["lines"][f"{new} upgraded to {old}"] = lines
    if arguments.out:
        text = json.dumps(results, indent=2)
        arguments.out.with_suffix(".json").write_text(text + "\n")


if __name__ == "__main__":
    main()
