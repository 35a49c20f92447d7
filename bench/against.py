"""The same questions put to faceprint and to what people use today, in one run, beside the machine's own ceilings.

    pip install -r bench/requirements.txt
    python bench/against.py [--rows 1000000] [--depth 128] [--threads 2] [--out bench/results/NAME]

bench/README.md says how it measures. Every answer of ours that promises to be exact is compared to the bit with that of
the full scan of floats; the run ends with an error if one differs.
"""

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contest import Answer, Contestant, Result, compete, recall
from embeddings import embeddings, queries
from faceprint import _core
from goals import AUTO, CERTIFIED, CODES, FULL, GOALS, HALVES, best_round_share
from machine import available_cpus, ceilings, describe
from memory import CALLS, MATRIX_ROWS, measure
from peers import (
    TUNING_QUERIES,
    Searcher,
    faiss_flat,
    installed,
    matrix_contestants,
    nearest_searchers,
    set_threads,
    torch_searcher,
)

K, JOIN_K = 10, 32
COUNTS = {"many": 1000, "few": 32, "one": 1}
WORKLOADS = (*COUNTS, "self-join", "distances", "memory")
SINGLES = 8  # single queries asked one after the other in a round; the time told is that of one
CHECKED = 64  # queries whose distances are computed again in float64

UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # would make numpy's BLAS another one than people have
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """What the machine can do a second, with the threads of the run."""

    flops: float
    int8: float
    bytes: float

    def seconds(self, pairs: int, rows: int, depth: int, number_bytes: int) -> float:
        """The least time of a full scan: that of its multiply-adds or of reading the gallery once, the longer."""
        peak = self.int8 if number_bytes == 1 else self.flops
        return max(2 * pairs * depth / peak, rows * depth * number_bytes / self.bytes)


def environment(threads: int, given: Mapping[str, str]) -> dict[str, str]:
    """The environment in which every library has the same threads, and numpy the BLAS kernels it ships with."""
    kept = {name: value for name, value in given.items() if name not in UNSET}
    return {**kept, **dict.fromkeys(THREADS, str(threads))}


def our_galleries(x: NDArray[np.float32], threads: int) -> dict[str, tuple[_core.Gallery, str, int | None, float]]:
    """Pack the rows in each storage: name -> (gallery, scan, bytes of a number that is read, seconds to build)."""
    built = {}
    for storage in ("float32", "float16", "int8"):
        start = time.perf_counter()
        gallery = _core.Gallery(x.shape[1], storage)
        gallery.append(x, threads)
        built[storage] = gallery, time.perf_counter() - start
    floats, seconds = built["float32"]
    return {
        AUTO: (floats, "auto", None, seconds),
        FULL: (floats, "full", 4, seconds),
        CERTIFIED: (floats, "certified", None, seconds),
        HALVES: (built["float16"][0], "auto", 2, built["float16"][1]),
        CODES: (built["int8"][0], "auto", 1, built["int8"][1]),
    }


def our_contestants(galleries: dict[str, Any], asked: Sequence[NDArray[np.float32]], threads: int) -> list[Contestant]:
    """Ask ours, one array of queries after the other."""
    contestants = []
    for name, (gallery, scan, number_bytes, seconds) in galleries.items():
        facts: dict[str, Any] = {"build_seconds": seconds}

        def ask(gallery: Any = gallery, scan: Any = scan, facts: dict[str, Any] = facts) -> Answer:
            answers = [_core.nearest(part, gallery, K, scan=scan, threads=threads) for part in asked]
            if scan == "certified":
                facts["computed_rows_a_query"] = sum(answer[2] for answer in answers) / sum(map(len, asked))
            return _stack(answers)

        contestants.append(Contestant(name, ask, name not in (HALVES, CODES), number_bytes, facts))
    return contestants


def their_contestants(searchers: Sequence[Searcher], asked: Sequence[NDArray[np.float32]]) -> list[Contestant]:
    """Ask the peers in the same way."""

    def contestant(searcher: Searcher) -> Contestant:
        def ask() -> Answer:
            return _stack([searcher.search(part, K) for part in asked])

        return Contestant(searcher.name, ask, searcher.exact, searcher.number_bytes, dict(searcher.facts))

    return [contestant(searcher) for searcher in searchers]


def _stack(answers: Sequence[Sequence[Any]]) -> Answer:
    return np.concatenate([answer[0] for answer in answers]), np.concatenate([answer[1] for answer in answers])


def identical(results: Sequence[Result]) -> None:
    """End the run if an exact answer of ours is not that of the full scan, to the bit."""
    ours = {result.contestant.name: result.answer for result in results if result.contestant.ours}
    for name in (AUTO, CERTIFIED):
        for a, b in zip(ours[name], ours[FULL], strict=True):
            if not np.array_equal(a, b):
                raise AssertionError(f"{name} differs from {FULL}")


def largest_error(x: NDArray[np.float32], asked: NDArray[np.float32], answer: Answer) -> float:
    """How far the distances of some queries lie from those of the same pairs in float64."""
    values, indices = answer
    found = x[indices[:CHECKED]].astype(float)
    truth = ((found - asked[:CHECKED, None].astype(float)) ** 2).sum(2)
    return float(np.abs(truth - values[:CHECKED]).max())


def tell(result: Result, calls: int, limit: float | None, **facts: Any) -> dict[str, Any]:
    """What goes into the results file about one contestant; printed too."""
    seconds = result.median / calls
    found = {
        "name": result.contestant.name,
        "exact": result.contestant.exact,
        "seconds": seconds,
        "rounds": [round(value / calls, 7) for value in result.seconds],
        "share_of_limit": limit / seconds if limit else None,
        **facts,
        **result.contestant.facts,
    }
    found["share_of_limit_best_round"] = best_round_share(found)
    shown = {name: value for name, value in found.items() if name not in ("name", "exact", "seconds", "rounds")}
    words = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in shown.items() if v is not None)
    print(f"  {found['name']:34} {seconds * 1e3:12.3f} ms  {words}", flush=True)
    return found


def search_workload(
    name: str, x: NDArray[np.float32], galleries: dict[str, Any], searchers: Sequence[Searcher], run: Any
) -> dict[str, Any]:
    """Measure one number of queries."""
    count = COUNTS[name]
    asked = queries(x, count if count > 1 else SINGLES)
    parts = [asked] if count > 1 else [asked[row : row + 1] for row in range(SINGLES)]
    results = compete(
        [*our_contestants(galleries, parts, run.threads), *their_contestants(searchers, parts)], run.rounds
    )
    identical(results)
    truth = next(result.answer[1] for result in results if result.contestant.name == FULL)
    told = []
    for result in results:
        rows, known = result.contestant.facts.get("rows", len(x)), truth
        if rows < len(x):
            known = _core.nearest(asked, _gallery(x[:rows]), K)[1]
        width = result.contestant.number_bytes
        limit = run.limits.seconds(count * rows, rows, x.shape[1], width) if width else None
        facts = {"recall": recall(result.answer[1], known), "largest_error": largest_error(x, asked, result.answer)}
        told.append(tell(result, len(parts), limit, **facts))
    return {"rows": len(x), "depth": x.shape[1], "queries": count, "k": K, "contestants": told}


def self_join(peers: dict[str, str], run: Any) -> dict[str, Any]:
    """Measure the neighbours of all rows among themselves; of each row itself is left out afterwards where it comes."""
    x = embeddings(run.join_rows, run.depth)
    gallery = _core.Gallery(run.depth, codes=False)
    gallery.append(x, run.threads)
    rounds = {name: 3 for goal in GOALS if goal.workload == "self-join" for name in (goal.ours, goal.other)}

    def contestant(name: str, ask: Callable[[], Answer]) -> Contestant:
        return Contestant(name, ask, number_bytes=4, least_rounds=rounds.get(name, 1))

    searchers = [build(x) for module, build in (("faiss", faiss_flat), ("torch", torch_searcher)) if module in peers]
    theirs = [contestant(searcher.name, partial(searcher.search, x, JOIN_K + 1)) for searcher in searchers]
    ours = contestant(AUTO, lambda: _core.neighbours(gallery, JOIN_K, threads=run.threads))
    results = compete([ours, *theirs], run.rounds)
    sample = np.random.default_rng(2).choice(len(x), min(1000, len(x)), replace=False)
    expected = _core.nearest(x[sample], gallery, JOIN_K + 1, scan="full", threads=run.threads)
    others = expected[1] != sample[:, None]
    others[others.all(1), -1] = False
    truth = [part[others].reshape(-1, JOIN_K) for part in expected[:2]]
    for part, found in zip(truth, results[0].answer, strict=True):
        if not np.array_equal(found[sample], part):
            raise AssertionError("neighbours differs from nearest")
    told = []
    for result in results:
        # Counting every pair twice, as a search of all in all does, so that shares can be told side by side.
        limit = run.limits.seconds(len(x) ** 2, len(x), run.depth, 4)
        facts = {"recall": recall(result.answer[1][sample], truth[1]), "counts": "every pair twice"}
        told.append(tell(result, 1, limit, **facts))
    return {"rows": len(x), "depth": run.depth, "queries": len(x), "k": JOIN_K, "contestants": told}


def matrix(peers: dict[str, str], run: Any) -> dict[str, Any]:
    """Measure the whole matrix of distances."""
    rows = min(MATRIX_ROWS, run.rows)
    x, y = embeddings(rows, run.depth, 0), embeddings(rows, run.depth, 1)
    out = np.empty((rows, rows), np.float32)
    ours = Contestant(AUTO, lambda: (_core.distances(x, y, out, run.threads),), number_bytes=4)
    results = compete([ours, *matrix_contestants(peers, x, y, run.threads)], run.rounds)
    products = x.astype(float) @ y.T.astype(float)
    truth = (x.astype(float) ** 2).sum(1)[:, None] + (y.astype(float) ** 2).sum(1) - 2 * products
    told = []
    for result in results:
        values, facts = result.answer[0], result.contestant.facts
        expected = products if facts.get("values") == "products" else truth
        error = float(np.abs((values if facts.get("squared", True) else values.astype(float) ** 2) - expected).max())
        limit = run.limits.seconds(rows * rows, 2 * rows, run.depth, 4)
        told.append(tell(result, 1, limit, largest_error=error))
    return {"rows": rows, "depth": run.depth, "queries": rows, "k": None, "contestants": told}


def memory(run: Any) -> list[dict[str, Any]]:
    """Measure what each call takes beyond gallery, queries and outputs."""
    told = []
    for call in CALLS:
        rows = run.join_rows if call in ("self-join", "within") else run.rows
        extra = measure(call, rows, run.depth, run.threads)
        told.append({"call": call, "rows": rows, "extra_bytes": extra})
        print(f"  {call:34} {'unknown' if extra is None else f'{extra / 2**20:12.1f} MiB'}", flush=True)
    return told


def _gallery(x: NDArray[np.float32]) -> _core.Gallery:
    gallery = _core.Gallery(x.shape[1])
    gallery.append(x)
    return gallery


def _searchers(
    peers: dict[str, str], x: NDArray[np.float32], galleries: dict[str, Any], run: Any
) -> Iterator[Searcher]:
    tuning = queries(x, TUNING_QUERIES, seed=3)
    truth = _core.nearest(tuning, galleries[FULL][0], K, threads=run.threads)[1]
    for searcher in nearest_searchers(peers, x, tuning, truth, run.threads, run.hnsw_seconds):
        print(f"  ready: {searcher.name} {searcher.facts or ''}", flush=True)
        yield searcher


def arguments_of(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--join-rows", type=int, help="rows of the self-join; 200,000, or --rows where that is less")
    parser.add_argument("--depth", type=int, default=128)
    parser.add_argument("--threads", type=int, default=available_cpus())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=WORKLOADS, help="the workloads to run")
    parser.add_argument("--peers", nargs="*", help="the modules to compare with; all that are installed")
    parser.add_argument("--hnsw-seconds", type=float, default=600, help="what building hnswlib's graph may take")
    parser.add_argument("--out", type=Path, help="where to write .json, without the suffix")
    run = parser.parse_args(words)
    run.join_rows = run.join_rows or min(200_000, run.rows)
    return run


def main() -> None:
    """Run the workloads, print and store what was measured."""
    run = arguments_of()
    wanted = environment(run.threads, os.environ)
    if wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.argv], wanted)
    peers, missing = installed(run.peers)
    set_threads(peers, run.threads)
    print("peers:", peers, "missing:", missing, flush=True)
    found = ceilings(run.threads)
    results: dict[str, Any] = {
        "machine": describe(),
        "ceilings": found,
        "settings": {n: getattr(run, n) for n in ("rows", "join_rows", "depth", "threads", "rounds", "hnsw_seconds")},
        "peers": peers,
        "missing": missing,
        "workloads": {},
    }
    run.limits = Limits(*(found[name]["all"] for name in ("fma_flops", "int8_ops", "read_bytes")))
    print(json.dumps(results["machine"]), json.dumps(found), sep="\n", flush=True)

    def store() -> None:
        if run.out:
            run.out.parent.mkdir(parents=True, exist_ok=True)
            run.out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")

    searches = [name for name in COUNTS if name in run.only]
    if searches:
        x = embeddings(run.rows, run.depth)
        galleries = our_galleries(x, run.threads)
        searchers = list(_searchers(peers, x, galleries, run))
        for name in searches:
            print(f"{name}: {COUNTS[name]} queries, {run.rows} x {run.depth}, k = {K}", flush=True)
            results["workloads"][name] = search_workload(name, x, galleries, searchers, run)
            store()
        del x, galleries, searchers
        gc.collect()
    if "self-join" in run.only:
        print(f"self-join: {run.join_rows} x {run.depth}, k = {JOIN_K}", flush=True)
        results["workloads"]["self-join"] = self_join(peers, run)
        store()
    if "distances" in run.only:
        print(f"distances: {min(MATRIX_ROWS, run.rows)} rows with as many x {run.depth}", flush=True)
        results["workloads"]["distances"] = matrix(peers, run)
        store()
    if "memory" in run.only:
        print("memory beyond gallery, queries and outputs", flush=True)
        results["memory"] = memory(run)
    store()


if __name__ == "__main__":
    main()
