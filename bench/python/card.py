"""The goals of the CUDA backend, on a card, beside what the card could do at best.

    python bench/python/card.py [--rows 1000000] [--queries 10000] [--faces 141422] [--rounds 7] [--out FILE.json]

Searches of made-up faces of 128 numbers that lie on the card, a batch of 1,800 whose triplets are found, VAL at FAR
1e-3 over all pairs of `--faces` (10^10 of them), and chips cut for a network. Answers of a part are compared with the
CPU's, to the bit. Ceilings are those of `roofline.py`, told where the card is one that it knows. Medians of the rounds,
after one that does not count; a call ends when the card has finished.
"""

import argparse
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from roofline import CARDS, Card, Work, products

import faceprint as fp
import faceprint.cuda
from faceprint import _core, synthetic
from faceprint.evaluate import AllPairs

DEPTH, K, BATCH, FACES_EACH, CHIPS, SIDE = 128, 10, 1800, 20, 1000, 112
CHECKED = 20  # queries whose answers are compared
FAR = 1e-3


def card_name() -> str:
    """What the first card calls itself."""
    words = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "emulated"


def known(name: str) -> Card | None:
    """The card of the roofline whose name is part of that one."""
    return next((card for card in CARDS if card.name.removeprefix("RTX ") in name), None)


def units(rows: int, seed: int) -> NDArray[np.float32]:
    """Random rows of unit length."""
    x = np.random.default_rng(seed).standard_normal((rows, DEPTH), np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def workloads(rows: int, queries: int, faces: int) -> dict[str, tuple[Work, Callable[[], Any]]]:
    """What is measured: its cost on paper, and the call."""
    from faceprint import _cuda

    made = synthetic.people(max(rows, faces), max(rows, faces) // FACES_EACH, junk=0, seed=1)
    gallery = fp.Gallery()
    gallery.add(made.embeddings[:rows])
    asked, one = fp.cuda.send(units(queries, seed=2)), fp.cuda.send(units(1, seed=3))
    batch, labels = fp.cuda.send(made.embeddings[:BATCH]), made.people[:BATCH]
    evaluated, pairs = made.embeddings[:faces], AllPairs(made.people[:faces])
    image = np.random.default_rng(4).integers(0, 256, (1000, 1000, 3), np.uint8)
    random = np.random.default_rng(5)
    affines = np.concatenate([np.tile(2 * np.eye(2), (CHIPS, 1, 1)), random.uniform(0, 700, (CHIPS, 2, 1))], axis=2)
    read, matrix, pixels = 4 * rows * DEPTH, 4 * BATCH**2, CHIPS * SIDE**2
    return {
        f"{K} nearest of {rows:,} for {queries:,}": (
            Work("", "", products(queries, rows, DEPTH), read, read),
            lambda: fp.cuda.nearest(asked, gallery, K),
        ),
        f"{K} nearest of {rows:,} for one": (
            Work("", "", products(1, rows, DEPTH), read, read),
            lambda: fp.cuda.nearest(one, gallery, K),
        ),
        f"semi-hard triplets of {BATCH:,}": (
            Work("", "", products(BATCH, BATCH, DEPTH), matrix, matrix),
            lambda: fp.cuda.mine_triplets(batch, labels),
        ),
        f"batch-all loss and gradient of {BATCH:,}": (
            Work("", "", 3 * products(BATCH, BATCH, DEPTH), matrix, matrix),
            lambda: fp.cuda.triplet_loss(batch, labels),
        ),
        f"VAL at FAR {FAR} of {faces * (faces - 1) // 2:,} pairs": (
            Work("", "", products(faces, faces, DEPTH) / 2, 4 * faces * DEPTH, 4 * faces * DEPTH),
            lambda: pairs.vals(evaluated, [FAR]),
        ),
        f"{CHIPS:,} chips from faces twice as large": (
            Work("", "", 54 * pixels, 24 * pixels, 24 * pixels),
            lambda: _cuda.chips(image, affines, SIDE, SIDE),
        ),
    }


def check(rows: int, cpu: str) -> bool:
    """Whether searches, triplets and counts of a part have the bits of that backend's."""
    made = synthetic.people(rows, rows // FACES_EACH, junk=0, seed=6)
    x, gallery = made.embeddings[:CHECKED], fp.Gallery()
    gallery.add(made.embeddings)
    batch, labels = made.embeddings[:BATCH], made.people[:BATCH]
    found = [*fp.cuda.nearest(fp.cuda.send(x), gallery, K)]
    there = [array.numpy() for array in found] + [*fp.cuda.mine_triplets(fp.cuda.send(batch), labels)]
    vals = AllPairs(labels).vals(batch, [1e-2])
    fp.use_backend(cpu)
    here = [*fp.nearest(x, gallery, K), *fp.mine_triplets(batch, labels)]
    same = all(np.array_equal(a, b) for a, b in zip(there, here, strict=True))
    same = same and AllPairs(labels).vals(batch, [1e-2]) == vals
    fp.use_backend("cuda")
    return same


def main() -> None:
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--faces", type=int, default=141_422)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    run = parser.parse_args()
    cpu = _core.active_backend()
    fp.use_backend("cuda")
    name = card_name()
    card = known(name)
    exact = check(min(run.rows, 100_000), cpu)
    results: dict[str, dict[str, float | None]] = {}
    for title, (work, call) in workloads(run.rows, run.queries, run.faces).items():
        call()
        times = []
        for _ in range(run.rounds):
            start = perf_counter()
            call()
            times.append(perf_counter() - start)
        floor = max(work.operations / card.float32, work.least_bytes / card.memory) if card else None
        seconds = median(times)
        results[title] = {"seconds": seconds, "floor_seconds": floor, "share": floor / seconds if floor else None}
        share = f"{floor / seconds:6.1%} of the ceiling" if floor else "ceiling not known"
        print(f"{title:52} {1000 * seconds:10.2f} ms  {share}", flush=True)
    print(f"{name}: answers of a part equal those of the CPU: {exact}")
    if run.out:
        content = {"card": name, "rounds": run.rounds, "exact": exact, "results": results}
        run.out.write_text(json.dumps(content, indent=1) + "\n")
    if not exact:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
