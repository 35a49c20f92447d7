"""People found among faces, beside what others find, and how long it takes.

    pip install ".[cpu,density]" -r bench/requirements.txt
    python bench/python/cluster.py accuracy LFW [--out NAME]         # photographs of known people, embedded here
    python bench/python/cluster.py accuracy [--faces 40000]          # made-up people (faceprint.synthetic)
    python bench/python/cluster.py speed [--faces 20000 100000] [--out NAME]
    python bench/python/cluster.py million [--faces 1000000]
    python bench/python/cluster.py clean LFW

Everybody gets the same embeddings. A peer runs at its defaults and at each setting of a grid, of which the best counts,
chosen by the truth; we run at ours, and at each parameter 20 % lower and higher. Peers that are not installed are left
out and named.
"""

import argparse
import importlib
import json
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import faceprint as fp
from faceprint import graph, synthetic
from faceprint._cluster import find_edges
from faceprint.evaluate.people import find_people
from faceprint.lists import order_by_content

sys.path.append(str(Path(__file__).parents[1]))
from machine import available_cpus, describe

OURS = ("map_equation", "modularity", "chinese_whispers", "components", "average")
DISTANCES = (0.06, 0.07, 0.08, 0.09, 0.1, 0.11, 0.12, 0.13, 0.14, 0.16)  # squared
SHARES = (0.5, 0.75, 1.0, 1.25)  # of the true number of people, for who must be told it
SEARCHED = 0.9  # of the progress of fp.cluster, when neighbours are found
MOST_QUADRATIC = 10_000  # faces that are given to who compares all in one matrix
Labels = NDArray[np.int64]
Find = Callable[[NDArray[np.float32], Any], Labels]


def sklearn_dbscan(x: NDArray[np.float32], setting: Any) -> Labels:
    """DBSCAN; its setting: distance and least faces of a core."""
    from sklearn.cluster import DBSCAN

    return DBSCAN(**setting).fit_predict(x)


def sklearn_average(x: NDArray[np.float32], setting: Any) -> Labels:
    """Average linkage, of distances that are not squared."""
    from sklearn.cluster import AgglomerativeClustering

    return AgglomerativeClustering(linkage="average", **setting).fit_predict(x)


def sklearn_hdbscan(x: NDArray[np.float32], setting: Any) -> Labels:
    """HDBSCAN."""
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(copy=True, **setting).fit_predict(x)


def fast_hdbscan(x: NDArray[np.float32], setting: Any) -> Labels:
    """HDBSCAN compiled by numba."""
    import fast_hdbscan

    return fast_hdbscan.HDBSCAN(**setting).fit_predict(x)


def faiss_kmeans(x: NDArray[np.float32], setting: Any) -> Labels:
    """K-means, told how many people there are."""
    import faiss

    means = faiss.Kmeans(x.shape[1], seed=1, max_points_per_centroid=10**6, min_points_per_centroid=1, **setting)
    means.train(x)
    return means.index.search(x, 1)[1][:, 0]


def dlib_whispers(x: NDArray[np.float32], setting: Any) -> Labels:
    """Chinese whispers of all pairs nearer than a threshold, which is not squared; 0.5 in dlib's own example."""
    import _dlib_pybind11 as dlib

    return np.array(dlib.chinese_whispers_clustering([dlib.vector(row) for row in x.tolist()], setting), np.int64)


def infomap(edges: graph.Graph, _: Any = None) -> Labels:
    """Two-level directed map equation on our graph."""
    from infomap import Infomap

    found = Infomap(two_level=True, directed=True, silent=True, seed=1)
    found.add_nodes(range(len(edges)))
    found.add_links(np.stack([edges.sources, edges.targets, edges.weights], axis=1))
    found.run()
    modules = found.get_modules()
    return np.array([modules[node] for node in range(len(edges))], np.int64)


def leiden(edges: graph.Graph, _: Any = None) -> Labels:
    """Modularity on our graph."""
    import igraph
    import leidenalg

    network = igraph.Graph(n=len(edges), edges=np.stack([edges.sources, edges.targets], axis=1))
    found = leidenalg.find_partition(
        network, leidenalg.ModularityVertexPartition, weights=edges.weights.tolist(), seed=1
    )
    return np.array(found.membership, np.int64)


def peers(people: int) -> dict[str, tuple[str, Find, Any, list[Any]]]:
    """Name -> module, function, setting by default, and the settings to choose from."""
    roots = [float(np.sqrt(distance)) for distance in DISTANCES]
    counts = [round(share * people) for share in SHARES]
    sizes = [{"min_cluster_size": size, "min_samples": least} for size in (2, 3, 5) for least in (1, 2, 5)]
    cores = [{"eps": root, "min_samples": least} for root in roots for least in (1, 2, 3)]
    return {
        "scikit-learn DBSCAN": ("sklearn", sklearn_dbscan, {}, cores),
        "scikit-learn average": (
            "sklearn",
            sklearn_average,
            {},
            [{"n_clusters": None, "distance_threshold": root} for root in roots],
        ),
        "scikit-learn HDBSCAN": ("sklearn", sklearn_hdbscan, {}, sizes),
        "fast_hdbscan": ("fast_hdbscan", fast_hdbscan, {}, sizes),
        "faiss k-means": ("faiss", faiss_kmeans, {"k": 8}, [{"k": count} for count in counts]),
        "dlib chinese whispers": ("_dlib_pybind11", dlib_whispers, 0.5, roots),
    }


def missing(modules: Iterator[str]) -> list[str]:
    """Modules that are not installed."""
    absent = []
    for module in sorted(set(modules)):
        try:
            importlib.import_module(module)
        except ImportError:
            absent.append(module)
    return absent


def scores(truth: Labels, labels: Labels) -> dict[str, float]:
    """Pairwise F and BCubed F in per cent, and how many people were found."""
    found = fp.evaluate.clustering(truth, labels)
    return {
        "pairwise": round(100 * found.pairwise.f, 2),
        "bcubed": round(100 * found.bcubed.f, 2),
        "people": found.found,
    }


def lfw(folder: Path) -> tuple[NDArray[np.float32], Labels]:
    """The most prominent face of every photograph."""
    known = find_people(folder / "images")
    model = fp.load()
    rows, people = [], []
    for faces, person in zip(model.faces(known.photos), known.people, strict=True):
        if len(faces):
            rows.append(faces.embeddings[0])
            people.append(person)
    return np.stack(rows), np.array(people)


def accuracy(x: NDArray[np.float32], truth: Labels, junk: NDArray[np.bool_] | None) -> dict[str, Any]:
    """Ours by default and nearby, and every peer by default and at its best."""
    ours: dict[str, Any] = {}
    found = fp.cluster(x, junk=junk)
    for method in OURS:
        if method == "average" and len(x) > MOST_QUADRATIC:
            continue
        ours[method] = scores(truth, found.again(method=method).labels)
        show(method, ours[method])
    nearby = {}
    for name in ("threshold", "k", "least"):
        for factor in (0.8, 1.2):
            value = getattr(found.settings, name) * factor
            labels = found.again(**{name: round(value) if name == "k" else value}).labels
            nearby[f"{name} x {factor}"] = scores(truth, labels)
            show(f"  {name} x {factor}", nearby[f"{name} x {factor}"])
    theirs: dict[str, Any] = {}
    kept = np.ones(len(x), bool) if junk is None else ~junk
    every = peers(len(np.unique(truth)))
    absent = missing(module for module, *_ in every.values())
    for name, (module, find, default, grid) in every.items():
        if module in absent or (len(x) > MOST_QUADRATIC and name in ("scikit-learn average", "dlib chinese whispers")):
            continue
        tried = []
        for setting in [default, *grid]:
            labels = np.full(len(x), -1)
            labels[kept] = find(x[kept], setting)
            tried.append((setting, scores(truth, labels)))
        best = {key: max(tried, key=lambda trial: trial[1][key]) for key in ("pairwise", "bcubed")}
        theirs[name] = {"default": tried[0][1], **{f"best {key}": value for key, value in best.items()}}
        show(f"{name}, default", tried[0][1])
        for key, (setting, score) in best.items():
            show(f"  best {key}: {setting}", score)
    return {"ours": ours, "nearby": nearby, "peers": theirs, "missing": absent}


def speed(count: int, rounds: int) -> dict[str, Any]:
    """Seconds of the search for neighbours, of the whole, and of peers on the same faces or the same graph."""
    made = synthetic.people(count, count // 16)
    x = made.embeddings
    contestants: dict[str, Callable[[], Any]] = {
        "faceprint neighbours": lambda: fp.neighbours(x, 80),
        "faceprint cluster": lambda: fp.cluster(x),
    }
    found = fp.cluster(x)
    assert found.lists is not None
    edges = find_edges(found.lists, found.settings)
    contestants["faceprint map equation alone"] = lambda: graph.communities(edges)
    contestants["faceprint modularity alone"] = lambda: graph.communities(edges, "modularity")
    absent = missing(iter(["infomap", "leidenalg", "fast_hdbscan"]))
    if "infomap" not in absent:
        contestants["infomap alone, same graph"] = lambda: infomap(edges)
    if "leidenalg" not in absent:
        contestants["leidenalg alone, same graph"] = lambda: leiden(edges)
    if "fast_hdbscan" not in absent and count <= 20_000:
        contestants["fast_hdbscan"] = lambda: fast_hdbscan(x, {"min_cluster_size": 2})
        contestants["fast_hdbscan"]()  # compiles
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds):
        names = list(contestants)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = perf_counter()
            contestants[name]()
            times[name].append(perf_counter() - start)
    medians = {name: round(median(values), 3) for name, values in times.items()}
    for name, seconds in medians.items():
        print(f"{count:9} {name:32} {seconds:9.2f} s", flush=True)
    quality = {"faceprint": scores(made.people, found.labels)}
    if "infomap" not in absent:
        labels = np.empty(count, np.int64)
        labels[order_by_content(x)] = infomap(edges)  # whose nodes are in that order
        quality["infomap"] = scores(made.people, labels)
    return {"faces": count, "rounds": rounds, "seconds": medians, "scores": quality, "missing": absent}


def million(count: int) -> dict[str, Any]:
    """Once: seconds in all and of the search for neighbours, and the high-water mark of memory."""
    x = synthetic.people(count, count // 16).embeddings
    searching = 0.0
    start = perf_counter()

    def watch(share: float) -> None:
        nonlocal searching
        if share <= SEARCHED:
            searching = perf_counter() - start

    found = fp.cluster(x, progress=watch)
    seconds = perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{count} faces, {len(found)} people, {seconds:.0f} s, {searching:.0f} of search, {peak:.2f} GB at most")
    return {
        "faces": count,
        "people": len(found),
        "seconds": round(seconds, 1),
        "search_seconds": round(searching, 1),
        "peak_gigabytes": round(peak, 2),
    }


def clean(x: NDArray[np.float32], truth: Labels) -> list[dict[str, Any]]:
    """Faces moved to wrong folders, and a tenth of people cut in two folders; by the least photographs of a person."""
    results = []
    for least in (2, 3, 4, 6):
        rows = np.flatnonzero(np.bincount(truth)[truth] >= least)
        people = np.unique(truth[rows], return_inverse=True)[1]
        count = int(people.max()) + 1
        for noise in (0.1, 0.2, 0.3):
            rng = np.random.default_rng(1)
            moved = rng.random(len(rows)) < noise
            labels = np.where(moved, (people + rng.integers(1, count, len(rows))) % count, people)
            pairs = set()
            for number, person in enumerate(rng.permutation(count)[: count // 10]):
                folder = np.flatnonzero(labels == person)
                if len(folder) >= 4:
                    labels[rng.permutation(folder)[: len(folder) // 2]] = count + number
                    pairs.add((int(person), count + number))
            found = fp.clean(x[rows], labels)
            hits = moved[found.wrong].sum()
            clear = ~np.isin(labels, found.doubtful)
            result = {
                "least": least,
                "noise": noise,
                "faces": len(rows),
                "precision": round(float(hits / max(len(found.wrong), 1)), 3),
                "recall": round(float(hits / moved.sum()), 3),
                "recall_outside_doubtful": round(float(hits / moved[clear].sum()), 3),
                "doubtful": len(found.doubtful),
                "folders": len(np.unique(labels)),
                "cut": len(pairs),
                "cut_found": len(pairs & {merge.people for merge in found.same}),
            }
            print(result, flush=True)
            results.append(result)
    return results


def growing(x: NDArray[np.float32], truth: Labels) -> dict[str, float]:
    """Nine tenths first, the rest added: the share of faces that keep their person, frozen and free."""
    order = np.random.default_rng(0).permutation(len(x))
    first = fp.cluster(x[order[: 9 * len(x) // 10]])
    result = {}
    for name, named in (("named", None), ("free", [])):
        start = perf_counter()
        grown = first.add(x[order[9 * len(x) // 10 :]], named=named)
        kept = grown.labels[: len(first.labels)] == first.labels
        result[name] = round(float(kept.mean()), 5)
        result[f"{name} seconds"] = round(perf_counter() - start, 2)
        result[f"{name} pairwise"] = scores(truth[order], grown.labels)["pairwise"]
    print(result, flush=True)
    return result


def show(name: str, score: dict[str, float]) -> None:
    """One line."""
    print(
        f"{name:72} pairwise F {score['pairwise']:6.2f}  BCubed F {score['bcubed']:6.2f}  {score['people']:6} people",
        flush=True,
    )


def main() -> None:
    """Run what is asked for, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["accuracy", "speed", "million", "clean"])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--faces", type=int, nargs="+")
    parser.add_argument("--gate", type=float, help="quality below which made-up faces are given as junk")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, help="where to write .json")
    run = parser.parse_args()
    content: dict[str, Any] = {"machine": describe(), "threads": available_cpus(), "what": run.what}
    if run.what == "speed":
        content["results"] = [speed(count, run.rounds) for count in run.faces or (20_000, 100_000)]
    elif run.what == "million":
        content["results"] = million((run.faces or [1_000_000])[0])
    elif run.data is not None:
        x, truth = lfw(run.data)
        content["faces"], content["people"] = len(x), len(np.unique(truth))
        if run.what == "clean":
            content["results"] = clean(x, truth)
        else:
            content["results"] = {**accuracy(x, truth, None), "growing": growing(x, truth)}
    else:
        made = synthetic.people((run.faces or [40_000])[0])
        junk = None if run.gate is None else made.quality < run.gate
        content["gate"] = run.gate
        content["results"] = accuracy(made.embeddings, made.people, junk)
    if run.out:
        run.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
