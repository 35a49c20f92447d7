"""Approximate search of a gallery beside its exact one: time, recall, and what the index takes.

    python bench/python/approximate.py [--faces 100000 1000000] [--rounds 7] [--out bench/results/approximate.json]

Made-up people (`faceprint.synthetic`), 1,000 of whose faces are left out and searched for: 200 one by one and all
together, their 10 nearest. Medians of the rounds; building once. `expansion` is usearch's `expansion_search`.
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import faceprint as fp

sys.path.append(str(Path(__file__).parents[1]))
from gallery import peak_mib

from machine import available_cpus, describe

PROBES, ALONE, NEAREST = 1000, 200, 10
EXPANSIONS = (64, 256)


def timed(rounds: int, searches: dict[str, Any]) -> dict[str, float]:
    """The median seconds of each call, in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in searches}
    for _ in range(rounds):
        for name, call in searches.items():
            start = perf_counter()
            call()
            seconds[name].append(perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def measure(faces: int, rounds: int) -> dict[str, Any]:
    """Build, search and measure recall among so many faces."""
    made = fp.synthetic.people(faces + PROBES, junk=0, seed=1).embeddings
    order = np.random.default_rng(0).permutation(len(made))
    probes = made[order[:PROBES]]
    gallery = fp.Gallery()
    gallery.add(made[order[PROBES:]])
    del made
    found: dict[str, Any] = {"faces": faces, "gallery_peak_mib": peak_mib()}

    def searches(of: Any, name: str) -> dict[str, Any]:
        return {
            f"{name}, one": lambda: [of.search(probes[at : at + 1], NEAREST) for at in range(ALONE)],
            f"{name}, many": lambda: of.search(probes, NEAREST),
        }

    calls = searches(gallery, "exact")
    for expansion in EXPANSIONS:
        start = perf_counter()
        index = gallery.approximate(expansion_search=expansion)
        built = perf_counter() - start
        seconds = timed(rounds, {**calls, **searches(index, "approximate")})
        searched = {"one": ALONE, "many": PROBES}
        entry = {f"{name}_us": 1e6 * value / searched[name.split(", ")[1]] for name, value in seconds.items()}
        recalls = {"recall": index.recall(probes).value, "recall_of_own": index.recall().value}
        found[f"expansion {expansion}"] = {"build_s": round(built, 1), **entry, **recalls, "peak_mib": peak_mib()}
        print(faces, expansion, found[f"expansion {expansion}"], flush=True)
        del index
    return found


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, help="where to write .json")
    run = parser.parse_args()
    results = [measure(faces, run.rounds) for faces in run.faces]
    if run.out:
        content = {"machine": describe(), "threads": available_cpus(), "results": results}
        run.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
