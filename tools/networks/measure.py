"""Measure what the distances of a network mean, and write it into its recipe.

    python tools/networks/measure.py EMBEDDINGS.npz RECIPE.json "where the photographs come from"

EMBEDDINGS holds `embeddings`, unit rows, and `people`, a name a row; bench/python/lfw.py --embeddings writes it. From
all pairs of different people come the thresholds at stated false accept rates, with intervals that take people, not
pairs, as drawn; from all pairs of the same person, weighted against those of different people to a prior of one half,
the logistic probability; from average linkage at a range of thresholds the one with the best pairwise F.
"""

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import faceprint as fp
from faceprint.evaluate.calibration import logistic

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
STOPS = np.arange(0.05, 0.40, 0.01)


def pairwise_f(truth: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """The harmonic mean of precision and recall over all pairs of rows that are put, or belong, together."""

    def pairs(groups: NDArray[np.int64]) -> float:
        sizes = np.unique(groups, return_counts=True)[1].astype(float)
        return float((sizes * (sizes - 1) / 2).sum())

    both = pairs(truth * (labels.max() + 1) + labels)
    return 2 * both / (pairs(truth) + pairs(labels))


def main() -> None:
    """Measure, print, and write the recipe."""
    embeddings, recipe, source = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    content = np.load(embeddings)
    x = content["embeddings"]
    people, truth = np.unique(content["people"], return_inverse=True)
    upper = np.triu_indices(len(x), 1)
    distances = fp.distances(x, x)[upper].astype(float)
    alike = truth[upper[0]] == truth[upper[1]]
    same, different = distances[alike], np.sort(distances[~alike])
    thresholds = []
    for rate in RATES:
        distance = round(float(different[int(rate * len(different)) - 1]), 4)
        found = fp.evaluate.false_accept_rate(x, truth, distance)
        low, high = (float(f"{value:.3g}") for value in (found.low, found.high))
        thresholds.append({"far": rate, "distance": distance, "low": low, "high": high})
        print(f"FAR {rate:g} [{low:g}, {high:g}]: distance {distance}, VAL {(same <= distance).mean():.4f}")
    sample = np.random.default_rng(0).choice(different, min(len(different), 200_000), replace=False)
    slope, intercept = logistic(same, sample)
    scores = [pairwise_f(truth, fp.cluster(x, threshold=float(stop)).labels) for stop in STOPS]
    best = int(np.argmax(scores))
    print(f"average linkage: pairwise F {scores[best]:.4f} at {STOPS[best]:.2f}")
    stored = json.loads(recipe.read_text("utf-8"))
    stored["thresholds"] = thresholds
    stored["probability"] = {"slope": round(slope, 3), "intercept": round(intercept, 3), "prior": 0.5}
    stored["clustering"] = round(float(STOPS[best]), 2)
    stored["measured"] = (
        f"{source}: {len(x)} photographs of {len(people)} people, {len(same)} pairs of the same person and "
        f"{len(different)} of different people; intervals of 95 %, people taken as drawn; "
        f"clustering by average linkage, pairwise F {scores[best]:.3f}"
    )
    recipe.write_text(json.dumps(stored, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
