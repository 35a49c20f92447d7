"""Triplets of one batch, mined and summed: faceprint beside the matrix product that it needs, and its peers.

    pip install -r bench/requirements.txt
    python bench/python/mining.py [--threads 1] [--out bench/results/mining-1-thread]

The batch is the paper's (FaceNet, 2015, section 3.2): 1,800 unit vectors of 128 numbers, 40 of each of 45 identities,
spread so that about a quarter of the pairs of an anchor and a positive have semi-hard negatives (--noise moves that).
Peers: pytorch-metric-learning, which lists triplets as masks of n x n x n, and two ways a careful user of PyTorch would
write it: all distances as a matrix, then maxima and minima of masked rows, or each anchor's negatives sorted.
Theirs are checked to find the same triplets and the same loss as ours. Memory is the high-water mark of one call in a
process of its own, beyond its inputs and results.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
import faceprint as fp
from against import environment
from contest import Answer, Contestant, compete
from machine import available_cpus, describe
from memory import extra_bytes

IDENTITIES, PHOTOS, DEPTH, MARGIN = 45, 40, 128, 0.2
LARGE = (2048, 4096, 8192, 16384)
GOALS = {
    ("faceprint semi-hard", "numpy matmul"): (3, "at most"),
    ("faceprint batch-all loss and gradient", "numpy matmul"): (6, "at most"),
    ("pytorch-metric-learning semi-hard", "faceprint semi-hard"): (100, "at least"),
    ("pytorch-metric-learning batch-all loss and gradient", "faceprint batch-all loss and gradient"): (100, "at least"),
    ("torch dense batch-hard", "faceprint batch-hard"): (3, "at least"),
}
MEMORY_GOALS = {"faceprint semi-hard": 30e6}


def batch(rows: int, identities: int, noise: float) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Unit vectors around the centres of identities, in shuffled order."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(rows) % identities)
    spread = noise / DEPTH**0.5 * rng.standard_normal((rows, DEPTH))
    centres = rng.standard_normal((identities, DEPTH))
    x = centres[labels] / np.linalg.norm(centres[labels], axis=1, keepdims=True) + spread
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), labels


def ours(x: NDArray[np.float32], labels: NDArray[np.int64], threads: int) -> dict[str, Callable[[], Answer]]:
    """What is measured of faceprint."""

    def loss(kind: Any) -> Answer:
        value, gradient = fp.triplet_loss(x, labels, kind=kind, threads=threads)
        return np.array([value]), gradient

    mine = partial(fp.mine_triplets, x, labels, threads=threads)
    return {
        "faceprint semi-hard": mine,
        "faceprint semi-hard, random": partial(mine, choice="random"),
        "faceprint batch-hard": partial(mine, kind="batch-hard", margin=np.inf),
        "faceprint semi-hard loss and gradient": partial(loss, "semihard"),
        "faceprint batch-hard loss and gradient": partial(loss, "batch-hard"),
        "faceprint batch-all loss and gradient": partial(loss, "batch-all"),
    }


def by_torch(x: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, Callable[[], Answer]]:
    """PyTorch as a careful user writes it."""
    import torch

    rows, identities = torch.from_numpy(x), torch.from_numpy(labels)
    same = identities[:, None] == identities
    itself = torch.eye(len(x), dtype=torch.bool)

    def distances() -> Any:
        norms = (rows * rows).sum(1)
        return (norms[:, None] + norms - 2 * rows @ rows.T).clamp_(min=0)

    def batch_hard() -> Answer:
        apart = distances()
        positive = apart.masked_fill(~same | itself, -1).argmax(1)
        negative = apart.masked_fill(same, torch.inf).argmin(1)
        return np.arange(len(x)), positive.numpy(), negative.numpy()

    def semihard_by_sorting() -> Answer:
        apart = distances()
        sorted_, order = apart.masked_fill(same, torch.inf).sort(dim=1, stable=True)
        anchors, positives = (same & ~itself).nonzero(as_tuple=True)
        near = apart[anchors, positives]
        groups = torch.searchsorted(sorted_, apart, right=True)[anchors, positives]
        negative = sorted_[anchors, groups.clamp(max=len(x) - 1)]
        found = negative < near + MARGIN
        return tuple(part[found].numpy() for part in (anchors, positives, order[anchors, groups.clamp(max=len(x) - 1)]))

    return {"torch dense batch-hard": batch_hard, "torch sorted semi-hard": semihard_by_sorting}


def by_pml(x: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, Callable[[], Answer]]:
    """pytorch-metric-learning, told to use squared distances."""
    import torch
    from pytorch_metric_learning import distances, losses, miners, reducers

    rows, identities = torch.from_numpy(x), torch.from_numpy(labels)
    squared = distances.LpDistance(normalize_embeddings=False, p=2, power=2)
    miner = miners.TripletMarginMiner(margin=MARGIN, type_of_triplets="semihard", distance=squared)
    hard = miners.BatchHardMiner(distance=squared)
    loss = losses.TripletMarginLoss(margin=MARGIN, distance=squared, reducer=reducers.AvgNonZeroReducer())

    def mine(miner: Any) -> Answer:
        return tuple(part.numpy() for part in miner(rows, identities))

    def batch_all() -> Answer:
        leaf = rows.clone().requires_grad_()
        value = loss(leaf, identities)
        value.backward()
        return np.array([value.item()]), leaf.grad.numpy()

    return {
        "pytorch-metric-learning semi-hard": partial(mine, miner),
        "pytorch-metric-learning batch-hard": partial(mine, hard),
        "pytorch-metric-learning batch-all loss and gradient": batch_all,
    }


def contestants(noise: float, threads: int, peers: Sequence[str]) -> dict[str, Callable[[], Answer]]:
    """Everyone, by name, on the paper's batch."""
    x, labels = batch(IDENTITIES * PHOTOS, IDENTITIES, noise)
    ways: dict[str, Callable[[], Answer]] = {"numpy matmul": lambda: (x @ x.T,), **ours(x, labels, threads)}
    if "torch" in peers:
        import torch

        torch.set_num_threads(threads)
        ways |= by_torch(x, labels)
    if "pytorch_metric_learning" in peers:
        ways |= by_pml(x, labels)
    return ways


def check(answers: dict[str, Answer]) -> dict[str, float]:
    """End with an error where a peer, whose distances are rounded otherwise, disagrees; tell how far losses differ."""
    found = {}
    for peer, own in (
        ("torch sorted semi-hard", "faceprint semi-hard"),
        ("torch dense batch-hard", "faceprint batch-hard"),
    ):
        if peer in answers:
            one, other = ({*zip(*map(np.ndarray.tolist, answers[name]), strict=True)} for name in (peer, own))
            found[f"{peer}: share of our triplets"] = len(one & other) / len(other)
            if len(one & other) < 0.999 * len(other):
                raise AssertionError(f"{peer} finds other triplets")
    peer = "pytorch-metric-learning batch-all loss and gradient"
    if peer in answers:
        value, gradient = answers["faceprint batch-all loss and gradient"]
        found["loss beside pytorch-metric-learning"] = float(abs(answers[peer][0] - value)[0])
        found["gradient beside pytorch-metric-learning, largest difference over largest"] = float(
            np.abs(answers[peer][1] - gradient).max() / np.abs(gradient).max()
        )
    return found


def memory_of(name: str, run: argparse.Namespace) -> int | None:
    """Run one contestant in a process of its own."""
    words = [sys.executable, __file__, "--memory", name, "--threads", str(run.threads), "--noise", str(run.noise)]
    done = subprocess.run([*words, "--peers", *run.peers], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def larger(run: argparse.Namespace) -> list[dict[str, Any]]:
    """How time grows with the batch, 40 photographs of each identity."""
    told = []
    for rows in LARGE:
        x, labels = batch(rows, rows // PHOTOS, run.noise)
        ways = [
            Contestant("numpy matmul", lambda x=x: (x @ x.T,)),
            *(Contestant(name, way) for name, way in ours(x, labels, run.threads).items()),
        ]
        seconds = {result.contestant.name: result.median for result in compete(ways, run.rounds)}
        told.append({"rows": rows, "seconds": seconds})
        print(rows, {name: round(value, 4) for name, value in seconds.items()}, flush=True)
    return told


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=available_cpus())
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--noise", type=float, default=1.15, help="length of what is added to an identity's centre")
    parser.add_argument("--peers", nargs="*", default=["torch", "pytorch_metric_learning"])
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="where to write .json, without the suffix")
    run = parser.parse_args()
    wanted = environment(run.threads, os.environ)
    if wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.argv], wanted)
    ways = contestants(run.noise, run.threads, run.peers)
    if run.memory:
        print(json.dumps(extra_bytes(ways[run.memory])))
        return

    results = compete([Contestant(name, way) for name, way in ways.items()], run.rounds)
    seconds = {result.contestant.name: result.median for result in results}
    answers = {result.contestant.name: result.answer for result in results}
    pairs = IDENTITIES * PHOTOS * (PHOTOS - 1)
    facts = {"pairs with a semi-hard negative": len(answers["faceprint semi-hard"][0]) / pairs, **check(answers)}
    bytes_ = {name: memory_of(name, run) for name in ways}
    for name, value in seconds.items():
        extra = "" if bytes_[name] is None else f"{bytes_[name] / 1e6:10.1f} MB"
        print(f"{name:55} {value * 1e3:10.2f} ms  {value / seconds['numpy matmul']:8.2f} matmuls {extra}")
    goals = []
    for (one, other), (goal, kind) in GOALS.items():
        if one in seconds and other in seconds:
            ratio = seconds[one] / seconds[other]
            met = ratio <= goal if kind == "at most" else ratio >= goal
            goals.append({"what": f"{one} over {other}", "goal": goal, "kind": kind, "reached": ratio, "met": met})
    print(*goals, facts, sep="\n", flush=True)
    report = {
        "machine": describe(),
        "versions": {name: metadata.version(name.replace("_", "-")) for name in ("numpy", *run.peers)},
        "threads": run.threads,
        "noise": run.noise,
        "rounds": {result.contestant.name: result.seconds for result in results},
        "seconds": seconds,
        "extra_bytes": bytes_,
        "goals": goals,
        "facts": facts,
        "larger": larger(run),
    }
    if run.out:
        run.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
