"""What people use today, asked the same questions; each is optional."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module, metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contest import Answer, Contestant, recall

Rows = NDArray[np.float32]
BLOCK_BYTES = 1 << 28  # of a matrix of values, where a peer computes all of them before it keeps the best
RECALL = 0.99  # what approximate peers are tuned to
TUNING_QUERIES = 200

# What is installed under which name; the module, then the package.
PACKAGES = {
    "numpy": "numpy",
    "faiss": "faiss-cpu",
    "usearch": "usearch",
    "numkong": "numkong",
    "hnswlib": "hnswlib",
    "torch": "torch",
    "sklearn": "scikit-learn",
    "scipy": "scipy",
}


@dataclass
class Searcher:
    """A gallery as a peer holds it: `search(queries, k)` gives distances and row numbers."""

    name: str
    search: Callable[[Rows, int], Answer]
    exact: bool = True
    number_bytes: int | None = 4
    facts: dict[str, Any] = field(default_factory=dict)


def installed(only: Sequence[str] | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """Tell which peers are here, with their versions, and why the others are not."""
    here, missing = {}, {}
    for module, package in PACKAGES.items():
        if only is not None and module not in only:
            missing[module] = "not asked for"
            continue
        try:
            import_module(module)
            here[module] = metadata.version(package)
        except (ImportError, metadata.PackageNotFoundError) as error:
            missing[module] = f"not installed: {error}"
    return here, missing


def set_threads(peers: dict[str, str], threads: int) -> None:
    """Hold those peers to a number of threads that do not heed the environment."""
    if "faiss" in peers:
        import faiss

        faiss.omp_set_num_threads(threads)
    if "torch" in peers:
        import torch

        torch.set_num_threads(threads)


def nearest_searchers(
    peers: dict[str, str], x: Rows, tuning: Rows, truth: NDArray[np.int64], threads: int, hnsw_seconds: float
) -> Iterator[Searcher]:
    """Give the gallery `x` to every peer that searches; approximate ones are tuned on queries with known answers."""
    if "numpy" in peers:
        yield numpy_searcher(x)
    if "torch" in peers:
        yield torch_searcher(x)
    if "faiss" in peers:
        yield faiss_flat(x)
        yield faiss_sq8(x)
        yield faiss_fast_scan(x, tuning, truth)
    if "usearch" in peers:
        yield usearch_searcher(x, threads)
    if "numkong" in peers:
        yield numkong_floats(x, threads)
        yield numkong_codes(x, threads)
    if "sklearn" in peers:
        yield sklearn_searcher(x, threads)
    if "scipy" in peers:
        yield scipy_searcher(x)
    if "hnswlib" in peers:
        yield hnsw(x, tuning, truth, threads, hnsw_seconds)


def keep_best(values: NDArray[Any], k: int) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The k lowest of each row, ascending."""
    found = np.argpartition(values, k - 1, axis=1)[:, :k]
    kept = np.take_along_axis(values, found, 1)
    order = np.argsort(kept, axis=1, kind="stable")
    return np.take_along_axis(kept, order, 1), np.take_along_axis(found, order, 1)


def in_blocks(
    queries: NDArray[Any],
    k: int,
    rows: int,
    number_bytes: int,
    ask: Callable[[Rows], tuple[NDArray[Any], NDArray[Any]]],
) -> Answer:
    """Ask for so many queries at a time that the matrix of values stays within 256 MiB."""
    step = max(1, BLOCK_BYTES // (rows * number_bytes))
    parts = [ask(queries[first : first + step]) for first in range(0, len(queries), step)]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def numpy_searcher(x: Rows) -> Searcher:
    """The product of matrices, then argpartition."""
    norms = np.einsum("ij,ij->i", x, x)

    def search(queries: Rows, k: int) -> Answer:
        def ask(part: Rows) -> tuple[NDArray[Any], NDArray[Any]]:
            values = part @ x.T
            values *= -2
            values += norms
            kept, found = keep_best(values, k)
            return kept + np.einsum("ij,ij->i", part, part)[:, None], found

        return in_blocks(queries, k, len(x), 4, ask)

    return Searcher("numpy matmul + argpartition", search)


def torch_searcher(x: Rows) -> Searcher:
    """The product of matrices, then topk."""
    import torch

    gallery = torch.from_numpy(x)
    norms = (gallery * gallery).sum(1)

    def search(queries: Rows, k: int) -> Answer:
        def ask(part: Rows) -> tuple[NDArray[Any], NDArray[Any]]:
            asked = torch.from_numpy(part)
            values = torch.addmm(norms, asked, gallery.T, alpha=-2)
            kept, found = torch.topk(values, k, dim=1, largest=False)
            return (kept + (asked * asked).sum(1, keepdim=True)).numpy(), found.numpy()

        with torch.inference_mode():
            return in_blocks(queries, k, len(x), 4, ask)

    return Searcher("torch matmul + topk", search)


def faiss_flat(x: Rows) -> Searcher:
    """The exact scan of floats."""
    import faiss

    index = faiss.IndexFlatL2(x.shape[1])
    index.add(x)
    return Searcher("faiss Flat", index.search)


def faiss_sq8(x: Rows) -> Searcher:
    """A byte a number."""
    import faiss

    start = time.perf_counter()
    index = faiss.IndexScalarQuantizer(x.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_L2)
    index.train(x)
    index.add(x)
    facts = {"build_seconds": time.perf_counter() - start}
    return Searcher("faiss SQ8", index.search, exact=False, number_bytes=1, facts=facts)


def faiss_fast_scan(x: Rows, tuning: Rows, truth: NDArray[np.int64]) -> Searcher:
    """64 codes of 4 bits for every 128 numbers, then the best k_factor x k again in float32."""
    import faiss

    start = time.perf_counter()
    index = faiss.IndexRefineFlat(faiss.IndexPQFastScan(x.shape[1], x.shape[1] // 2, 4))
    index.train(x)
    index.add(x)
    facts: dict[str, Any] = {"build_seconds": time.perf_counter() - start}
    for factor in (1, 2, 4, 8, 16, 32, 64):
        index.k_factor = factor
        reached = recall(index.search(tuning, truth.shape[1])[1], truth)
        if reached >= RECALL:
            break
    facts.update(k_factor=factor, tuning_recall=reached)
    return Searcher("faiss PQ4fs + RFlat", index.search, exact=False, number_bytes=None, facts=facts)


def usearch_searcher(x: Rows, threads: int) -> Searcher:
    """Its exact search, without an index."""
    from usearch.index import MetricKind, search  # type: ignore[attr-defined]

    def ask(queries: Rows, k: int) -> Answer:
        found = search(x, queries, k, MetricKind.L2sq, exact=True, threads=threads)
        shape = (len(queries), k)
        return np.asarray(found.distances).reshape(shape), np.asarray(found.keys).astype(np.int64).reshape(shape)

    return Searcher("usearch exact", ask)


def numkong_floats(x: Rows, threads: int) -> Searcher:
    """Its packed products of floats, summed in float64, then argpartition."""
    import numkong

    packed = numkong.dots_pack(x, dtype="float32")

    def search(queries: Rows, k: int) -> Answer:
        def ask(part: Rows) -> tuple[NDArray[Any], NDArray[Any]]:
            values = np.asarray(numkong.euclideans_packed(part, packed, threads=threads))  # type: ignore[call-arg]
            kept, found = keep_best(values, k)
            return kept**2, found

        return in_blocks(queries, k, len(x), 8, ask)

    return Searcher("numkong float32", search)


def numkong_codes(x: Rows, threads: int) -> Searcher:
    """Its packed products of bytes, one scale for all, then argpartition; distances of unit vectors."""
    import numkong

    scale = np.float32(127 / np.abs(x).max())
    start = time.perf_counter()
    packed = numkong.dots_pack(np.rint(x * scale).astype(np.int8))
    facts = {"build_seconds": time.perf_counter() - start}

    def search(queries: Rows, k: int) -> Answer:
        codes = np.rint(np.clip(queries * scale, -127, 127)).astype(np.int8)

        def ask(part: Any) -> tuple[NDArray[Any], NDArray[Any]]:
            values = np.asarray(numkong.dots_packed(part, packed, threads=threads))  # type: ignore[call-arg]
            kept, found = keep_best(-values, k)
            return 2 + 2 * kept / scale**2, found

        return in_blocks(codes, k, len(x), 4, ask)

    return Searcher("numkong int8", search, exact=False, number_bytes=1, facts=facts)


def sklearn_searcher(x: Rows, threads: int) -> Searcher:
    """Brute force with its fused reduction."""
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(algorithm="brute", metric="sqeuclidean", n_jobs=threads).fit(x)

    def search(queries: Rows, k: int) -> Answer:
        distances, found = index.kneighbors(queries, k)
        return distances, found

    return Searcher("scikit-learn brute", search)


def scipy_searcher(x: Rows) -> Searcher:
    """All distances in float64, then argpartition."""
    from scipy.spatial.distance import cdist

    def search(queries: Rows, k: int) -> Answer:
        return in_blocks(queries, k, len(x), 8, lambda part: keep_best(cdist(part, x, "sqeuclidean"), k))

    return Searcher("scipy cdist", search)


def hnsw(x: Rows, tuning: Rows, truth: NDArray[np.int64], threads: int, seconds: float) -> Searcher:
    """A graph of M = 16; on fewer rows, and said so, where building it would take more than `seconds`."""
    import hnswlib

    def build(size: int) -> tuple[Any, float]:
        index = hnswlib.Index("l2", x.shape[1])
        start = time.perf_counter()
        index.init_index(size, M=16, ef_construction=100)
        index.add_items(x[:size], num_threads=threads)
        return index, time.perf_counter() - start

    trial = min(len(x), 20_000)
    index, spent = build(trial)
    # The cost of a row grows as the rows become many and leave the caches.
    affordable = int(trial * seconds / spent / 3) // trial * trial
    rows = min(len(x), max(trial, affordable))
    if rows > trial:
        index, spent = build(rows)
    facts: dict[str, Any] = {"build_seconds": spent, "rows": rows}
    index.set_num_threads(threads)

    def search(queries: Rows, k: int) -> Answer:
        found, distances = index.knn_query(queries, k)
        return distances, found.astype(np.int64)

    if rows < len(x):
        truth = numpy_searcher(x[:rows]).search(tuning, truth.shape[1])[1]
    for ef in (16, 32, 64, 128, 256, 512, 1024):
        index.set_ef(max(ef, truth.shape[1]))
        reached = recall(search(tuning, truth.shape[1])[1], truth)
        if reached >= RECALL:
            break
    facts.update(ef=ef, tuning_recall=reached)
    return Searcher("hnswlib", search, exact=False, number_bytes=None, facts=facts)


def matrix_contestants(peers: dict[str, str], x: Rows, y: Rows, threads: int) -> Iterator[Contestant]:
    """Ask every peer that can for the whole matrix of distances; numpy for the product alone."""
    if "numpy" in peers:
        out = np.empty((len(x), len(y)), np.float32)
        yield Contestant("numpy matmul alone", lambda: (np.matmul(x, y.T, out=out),), facts={"values": "products"})
    if "faiss" in peers:
        import faiss

        yield Contestant("faiss pairwise_distances", lambda: (faiss.pairwise_distances(x, y),))
    if "torch" in peers:
        import torch

        a, b = torch.from_numpy(x), torch.from_numpy(y)
        yield Contestant("torch.cdist", lambda: (torch.cdist(a, b).numpy(),), facts={"squared": False})
    if "numkong" in peers:
        import numkong

        yield Contestant("numkong cdist", lambda: (np.asarray(numkong.cdist(x, y, "sqeuclidean", threads=threads)),))
    if "sklearn" in peers:
        from sklearn.metrics.pairwise import euclidean_distances

        yield Contestant("scikit-learn euclidean_distances", lambda: (euclidean_distances(x, y, squared=True),))
    if "scipy" in peers:
        from scipy.spatial.distance import cdist

        yield Contestant("scipy cdist", lambda: (cdist(x, y, "sqeuclidean"),))
