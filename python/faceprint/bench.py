"""How fast this machine searches: a few minutes' measurement for its user, beside numpy's own product of matrices."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _core

Answer = tuple[NDArray[Any], ...]
Ask = Callable[[], Answer]

K, JOIN_K = 10, 32
ROUNDS = 7
PEOPLE = 20  # rows of each person in the made-up data
JOIN_ROWS, MATRIX_ROWS = 20_000, 4096
BLOCK_BYTES = 1 << 28  # of numpy's matrix of products at a time
SLOW = 3.0  # seconds of a call from which three rounds must do
SLOW_ROUNDS = 3
PAUSE = 0.02  # seconds before each call, so that nobody's idle threads still spin


@dataclass(frozen=True)
class Timing:
    """One line of the table: the medians of the rounds, ours in `seconds`, and numpy's in the same rounds."""

    workload: str
    contestant: str
    seconds: float
    numpy_seconds: float
    rounds: int
    recall: float | None  # the share of the float32 neighbours that were found; None where there is none to be lost

    @property
    def speedup(self) -> float:
        """How many times faster than numpy."""
        return self.numpy_seconds / self.seconds


def run_bench(rows: int = 200_000, depth: int = 128, threads: int | None = None) -> Iterator[Timing]:
    """Measure searches for 1,000 queries, 32 and one, a self-join and a matrix of distances on made-up unit vectors.

    Whatever promises the exact answer is compared, to the bit, with the full scan of floats, and that with numpy within
    rounding. numpy uses the threads of its own BLAS, whatever `threads` says.

    Raises ValueError unless rows >= 1000 and depth >= 1; RuntimeError if an answer is wrong.
    """
    if rows < 1000 or depth < 1:
        raise ValueError(f"rows must be at least 1000 and depth at least 1, not {rows} and {depth}")
    count = threads or _core.default_threads()
    x = _embeddings(rows, depth, seed=0)
    galleries = {storage: _gallery(x, storage, count) for storage in ("float32", "float16", "int8")}
    rng = np.random.default_rng(1)
    for asked in (1000, 32, 1):
        queries = _near(x[rng.integers(rows, size=asked)], 0.1, rng)
        yield from _searches(queries, x, galleries, count)
    yield from _self_join(x[:JOIN_ROWS], count)
    yield from _distances(x[:MATRIX_ROWS], count)


def _searches(
    queries: NDArray[np.float32], x: NDArray[np.float32], galleries: dict[str, _core.Gallery], threads: int
) -> Iterator[Timing]:
    def ours(storage: str, scan: Literal["auto", "full", "certified"]) -> Ask:
        return lambda: _core.nearest(queries, galleries[storage], K, scan=scan, threads=threads)[:2]

    contestants = {
        "float32": ours("float32", "auto"),
        "float32, full scan": ours("float32", "full"),
        "float32, certified scan": ours("float32", "certified"),
        "float16": ours("float16", "auto"),
        "int8": ours("int8", "auto"),
        "numpy": lambda: _numpy_nearest(queries, x, K),
    }
    answers, times = _compete(contestants)
    full = answers["float32, full scan"]
    for name in ("float32", "float32, certified scan"):
        _check(all(map(np.array_equal, answers[name], full)), f"{name} differs from the full scan")
    _check(_agree(full[0], answers["numpy"][0], x.shape[1]), "the full scan differs from numpy")
    workload = f"{len(queries):,} quer{'y' if len(queries) == 1 else 'ies'} in {len(x):,}"
    yield from _timings(workload, times, {name: _recall(answers[name][1], full[1]) for name in answers})


def _self_join(x: NDArray[np.float32], threads: int) -> Iterator[Timing]:
    gallery = _gallery(x, "float32", threads)
    contestants: dict[str, Ask] = {
        "float32": lambda: _core.neighbours(gallery, JOIN_K, threads=threads),
        "numpy": lambda: _numpy_nearest(x, x, JOIN_K, themselves=False),
    }
    answers, times = _compete(contestants)
    _check(_agree(answers["float32"][0], answers["numpy"][0], x.shape[1]), "the self-join differs from numpy")
    sample = np.arange(0, len(x), max(1, len(x) // 100))
    values, found = _core.nearest(np.ascontiguousarray(x[sample]), gallery, JOIN_K + 1, scan="full")[:2]
    others = found != sample[:, None]
    others[others.all(1), -1] = False  # a row that so many equal ones precede that it is not among its own neighbours
    expected = [part[others].reshape(len(sample), JOIN_K) for part in (values, found)]
    same = [np.array_equal(a, b[sample]) for a, b in zip(expected, answers["float32"], strict=True)]
    _check(all(same), "the self-join differs from the full scan")
    yield from _timings(f"self-join of {len(x):,}, k = {JOIN_K}", times, {})


def _distances(x: NDArray[np.float32], threads: int) -> Iterator[Timing]:
    out, products = (np.empty((len(x), len(x)), np.float32) for _ in range(2))
    contestants: dict[str, Ask] = {
        "float32": lambda: (_core.distances(x, x, out, threads),),
        "numpy": lambda: (np.matmul(x, x.T, out=products),),
    }
    _, times = _compete(contestants)
    norms = np.einsum("ij,ij->i", x, x)
    _check(_agree(out, norms[:, None] + norms - 2 * products, x.shape[1]), "distances differ from numpy")
    yield from _timings(f"distances {len(x):,} x {len(x):,}", times, {})


def _compete(contestants: dict[str, Ask]) -> tuple[dict[str, Answer], dict[str, list[float]]]:
    """Run everyone once to warm up, then once a round, each round beginning with another."""
    answers, allowed = {}, {}
    for name, ask in contestants.items():
        start = time.perf_counter()
        answers[name] = ask()
        allowed[name] = SLOW_ROUNDS if time.perf_counter() - start > SLOW else ROUNDS
    times: dict[str, list[float]] = {name: [] for name in contestants}
    order = list(contestants)
    for turn in range(ROUNDS):
        for name in order[turn % len(order) :] + order[: turn % len(order)]:
            if turn < allowed[name]:
                time.sleep(PAUSE)
                start = time.perf_counter()
                contestants[name]()
                times[name].append(time.perf_counter() - start)
    return answers, times


def _timings(workload: str, times: dict[str, list[float]], recalls: dict[str, float]) -> Iterator[Timing]:
    medians = {name: float(np.median(seconds)) for name, seconds in times.items()}
    for name, median in medians.items():
        yield Timing(workload, name, median, medians["numpy"], len(times[name]), recalls.get(name))


def _numpy_nearest(
    queries: NDArray[np.float32], x: NDArray[np.float32], k: int, *, themselves: bool = True
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The product of matrices, then argpartition, in blocks of queries."""
    norms = np.einsum("ij,ij->i", x, x)
    step = max(1, BLOCK_BYTES // (4 * len(x)))
    parts = []
    for first in range(0, len(queries), step):
        part = queries[first : first + step]
        values = part @ x.T
        values *= -2
        values += norms
        if not themselves:
            values[np.arange(len(part)), np.arange(first, first + len(part))] = np.inf
        found = np.argpartition(values, k - 1, axis=1)[:, :k]
        kept = np.take_along_axis(values, found, 1)
        order = np.argsort(kept, axis=1)
        kept = np.take_along_axis(kept, order, 1) + np.einsum("ij,ij->i", part, part)[:, None]
        parts.append((kept, np.take_along_axis(found, order, 1)))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _agree(a: NDArray[Any], b: NDArray[Any], depth: int) -> bool:
    """Whether distances of unit vectors agree within the rounding of two sums of `depth` products, in any order."""
    return bool(np.abs(a - b).max() <= (depth + 8) * 4.8e-7)


def _recall(found: NDArray[Any], truth: NDArray[Any]) -> float:
    return float(np.mean([np.isin(a, b).mean() for a, b in zip(found, truth, strict=True)]))


def _check(right: bool, fault: str) -> None:
    if not right:
        raise RuntimeError(fault)


def _gallery(x: NDArray[np.float32], storage: Any, threads: int) -> _core.Gallery:
    gallery = _core.Gallery(x.shape[1], storage)
    gallery.append(x, threads)
    return gallery


def _embeddings(rows: int, depth: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors in clusters, as embeddings of faces are."""
    rng = np.random.default_rng(seed)
    centres = _unit(rng.standard_normal((max(1, rows // PEOPLE), depth), np.float32))
    return _near(centres[rng.permutation(np.arange(rows) % len(centres))], 0.5, rng)


def _near(x: NDArray[np.float32], noise: float, rng: np.random.Generator) -> NDArray[np.float32]:
    return _unit(x + np.float32(noise / np.sqrt(x.shape[1])) * rng.standard_normal(x.shape, np.float32))


def _unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit
