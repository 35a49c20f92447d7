"""Arguments that nobody expects, for the public operations: arrays of every layout, dtype, shape and content.

    python tests/fuzz/arguments.py nearest cluster --seconds 60 [--seed N]
    python tests/fuzz/arguments.py nearest --round 17

Half of the rounds change only how good arrays lie in memory (strides, alignment, order, read-only): the answer must be
that of plain copies, to the bit, or a refusal. In the others an argument or two are odd. None may change its arguments.
"""

import pickle
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fsspec.implementations.memory import MemoryFileSystem
from qdrant_client import QdrantClient

import faceprint as fp
from faceprint import FaceprintError, _core, evaluate, graph, qdrant

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script, too, this is part of a package

from fuzz.damage import damaged_array
from fuzz.rounds import SANITIZED, Target, main

Draw = Callable[[np.random.Generator], Any]
ENDLESS = 2**44  # rows that no memory holds
ODD = (
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**63,
    -(2**70),
    0.5,
    -0.0,
    1e300,
    float("nan"),
    float("inf"),
    "",
    "x",
    b"x",
    [],
    {},
)


def rows(count: int = 30, dimension: int = 9) -> Draw:
    """Unit rows around a few places."""

    def draw(random: np.random.Generator) -> np.ndarray:
        places = np.eye(dimension)[random.integers(0, 4, count)]
        drawn = places + random.normal(0, 0.1, (count, dimension))
        return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)

    return draw


def whole(most: int, count: int = 30) -> Draw:
    return lambda random: random.integers(0, most, count)


def real(count: int = 60, dtype: str = "f8") -> Draw:
    return lambda random: (4 * random.random(count)).astype(dtype)


def one_of(*values: Any) -> Draw:
    return lambda random: values[random.integers(len(values))]


def neighbour_lists(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return fp.neighbours(rows()(random), k=5)


def build_gallery(x: Any, labels: Any, quality: Any, probes: Any, k: Any, ids: Any, storage: Any) -> Any:
    """What a gallery answers, which after a refusal is as before it."""
    gallery = fp.Gallery(storage=storage)
    try:
        gallery.add(x, labels=labels, quality=quality)
        gallery.update(ids, labels=["Zoe"] * len(ids))
        found = gallery.search(probes, k=k), gallery.identify(probes, k=k, max_distance=1.0)
        gallery.remove(ids=ids)
    finally:
        count = len(gallery)
        assert len(gallery.labels) == len(gallery.ids) == len(gallery.quality) == len(gallery.embeddings()) == count
    return found, gallery.labels, gallery.embeddings()


def build_shards(x: Any, labels: Any, quality: Any, ids: Any, rows: Any, storage: Any) -> Any:
    """What a gallery in shards holds, which after a refusal is as before it, also for others."""
    MemoryFileSystem.store.clear()
    shards = fp.Shards.create("memory://people", storage=storage, rows=rows)
    try:
        shards.add(x, labels=labels, quality=quality)
        shards.remove(ids=ids)
    finally:
        again = fp.Shards("memory://people")
        assert again.ids().tolist() == shards.ids().tolist()
        assert len(again.labels()) == len(again.quality()) == len(again.embeddings()) == len(shards)
    return shards.ids(), shards.labels(), shards.quality(), shards.embeddings()


def join_rows(x: Any, y: Any, numbers: Any, values: Any, indices: Any, k: Any) -> Any:
    """What two blocks of rows know of each other."""
    one, other = (_core.Gallery(9) for _ in range(2))
    one.append(x)
    other.append(y)
    others, more = np.full((7, k), np.inf, np.float32), np.zeros((7, k), np.int64)
    known = np.array(values), np.array(indices)
    _core.join(one, numbers, *known, other, np.arange(30, 37), others, more)
    return *known, others, more


def serve(x: Any, probes: Any, k: Any, expansion_search: Any, max_distance: Any) -> Any:
    gallery, client = fp.Gallery(), QdrantClient(":memory:")
    gallery.add(x)
    qdrant.hand_over(gallery, client)
    return qdrant.search(client, probes, k, expansion_search=expansion_search, max_distance=max_distance)


def remember(x: Any, labels: Any, size: Any) -> Any:
    memory = fp.CrossBatchMemory(size)
    memory.add(x, labels)
    memory.add(x, labels)
    return memory.embeddings, memory.labels


def cut_chips(image: Any, landmarks: Any, template: Any, side: Any) -> Any:
    return _core.chips(image, _core.align(landmarks, template), side, side)


def make_edges(nodes: Any, sources: Any, targets: Any, weights: Any, method: Any) -> Any:
    return graph.communities(graph.from_edges(nodes, sources, targets, weights), method)


def make_graph(distances: Any, indices: Any, halfway: Any, slope: Any, least: Any) -> Any:
    made = graph.neighbour_graph(distances, indices, halfway=halfway, slope=slope, least=least)
    return made.offsets, made.targets, made.weights, graph.communities(made)


def fill(x: Any, y: Any, out: Any) -> Any:
    return fp.distances(x, y, out=out).copy()


def suggestions(x: Any, limit: Any) -> Any:
    found = fp.cluster(x, k=5)
    return fp.suggest_merges(found, limit=limit), fp.suggest_splits(found, limit=limit), fp.lobes(found)


METHODS = ("map_equation", "modularity", "chinese_whispers", "components", "average")
KINDS = ("semihard", "batch-hard", "batch-all", "hardest-within-batch", "random-in-margin", "easy-positive")
METRICS = one_of("squared-euclidean", "cosine", "dot")
TEMPLATE = one_of(np.array([[2, 2], [5, 2], [3, 4], [2, 6], [5, 6]], np.float64))

OPERATIONS: dict[str, tuple[Callable[..., Any], dict[str, Draw]]] = {
    "distances": (fp.distances, {"x": rows(), "y": rows(7)}),
    "distances_out": (fill, {"x": rows(5), "y": rows(7), "out": lambda _: np.empty((5, 7), np.float32)}),
    "nearest": (fp.nearest, {"x": rows(7), "gallery": rows(), "k": one_of(1, 3, 30), "metric": METRICS}),
    "within": (fp.within, {"x": rows(7), "gallery": rows(), "limit": one_of(0.1, 1.0), "metric": METRICS}),
    "neighbours": (fp.neighbours, {"x": rows(), "k": one_of(1, 5, 29), "metric": METRICS}),
    "join": (
        join_rows,
        {
            "x": rows(),
            "y": rows(7),
            "numbers": lambda _: np.arange(30),
            "values": lambda random: np.sort(random.random((30, 4), np.float32)),
            "indices": lambda random: random.integers(0, 30, (30, 4)),
            "k": one_of(4),
        },
    ),
    "cluster": (
        fp.cluster,
        {
            "x": rows(),
            "method": one_of(*METHODS),
            "threshold": one_of(0.14, 1.0),
            "k": one_of(5, 80),
            "junk": one_of(None),
        },
    ),
    "linked": (
        fp.cluster,
        {
            "x": rows(),
            "must_link": one_of([(0, 1)]),
            "cannot_link": one_of([(2, 3)]),
            "previous": whole(5),
            "k": one_of(5),
        },
    ),
    "suggest": (suggestions, {"x": rows(), "limit": one_of(None, 1.0)}),
    "assign": (fp.assign, {"x": rows(), "enrolled": rows(7), "labels": whole(3, 7), "threshold": one_of(None, 0.3)}),
    "clean": (fp.clean, {"x": rows(), "labels": whole(4), "threshold": one_of(None, 0.3)}),
    "overlap": (fp.overlap, {"a": rows(), "b": rows(7), "threshold": one_of(None, 0.3)}),
    "coding_length": (fp.coding_length, {"x": rows(), "labels": whole(4), "distortion": one_of(None, 0.1)}),
    "mine_triplets": (
        fp.mine_triplets,
        {"x": rows(), "labels": whole(4), "margin": one_of(0.2, 1.0), "kind": one_of(*KINDS), "seed": one_of(0, 7)},
    ),
    "triplet_loss": (
        fp.triplet_loss,
        {"x": rows(), "labels": whole(4), "margin": one_of(0.2, 1.0), "kind": one_of(*KINDS), "seed": one_of(0, 7)},
    ),
    "memory": (remember, {"x": rows(), "labels": whole(4), "size": one_of(5, 100)}),
    "template": (fp.template, {"embeddings": rows(), "weights": real(30)}),
    "set_distance": (fp.set_distance, {"a": rows(), "b": rows(7)}),
    "same_photograph": (fp.same_photograph, {"photos": whole(9)}),
    "equity_weights": (fp.equity_weights, {"labels": whole(4), "eta": one_of(1.0), "gamma": one_of(5.0)}),
    "gallery": (
        build_gallery,
        {
            "x": rows(),
            "labels": one_of(["Ann", None, "Ben"] * 10),
            "quality": lambda random: random.random(30),
            "probes": rows(3),
            "k": one_of(1, 5),
            "ids": one_of(np.array([3, 1]), [2]),
            "storage": one_of("float32", "float16", "int8"),
        },
    ),
    "shards": (
        build_shards,
        {
            "x": rows(),
            "labels": one_of(["Ann", None, "Ben"] * 10),
            "quality": lambda random: random.random(30),
            "ids": one_of(np.array([3, 1]), [2]),
            "rows": one_of(7, 100),
            "storage": one_of("float32", "float16", "int8"),
        },
    ),
    "served": (
        serve,
        {
            "x": rows(),
            "probes": rows(3),
            "k": one_of(1, 5),
            "expansion_search": one_of(None, 9),
            "max_distance": one_of(None, 1.0),
        },
    ),
    "chips": (
        cut_chips,
        {
            "image": lambda random: random.integers(0, 256, (20, 30, 3), dtype=np.uint8),
            "landmarks": lambda random: (20 * random.random((2, 5, 2))).astype(np.float32),
            "template": TEMPLATE,
            "side": one_of(8, 20),
        },
    ),
    "photo": (fp.read_photo, {"photo": lambda random: random.integers(0, 256, (20, 30, 3), dtype=np.uint8)}),
    "edges": (
        make_edges,
        {
            "nodes": one_of(30),
            "sources": whole(15, 40),
            "targets": lambda random: random.integers(15, 30, 40),
            "weights": real(40, "f4"),
            "method": one_of(*METHODS[:-1]),
        },
    ),
    "neighbour_graph": (
        make_graph,
        {
            "distances": lambda random: neighbour_lists(random)[0],
            "indices": lambda random: neighbour_lists(random)[1],
            "halfway": one_of(0.1),
            "slope": one_of(0.1),
            "least": one_of(0.3),
        },
    ),
    "val_at_far": (
        evaluate.val_at_far,
        {"same_distances": real(), "different_distances": real(2000), "far": one_of(0.1, 1e-2)},
    ),
    "roc": (evaluate.roc, {"same_distances": real(), "different_distances": real()}),
    "calibrate": (
        evaluate.calibrate,
        {"same_distances": real(), "different_distances": real(2000), "far": one_of(0.1, 1e-2)},
    ),
    "agreement": (evaluate.clustering, {"truth": whole(5), "labels": whole(5)}),
    "folds": (
        evaluate.verification_folds,
        {"distances": real(), "same": lambda random: random.random(60) < 0.5, "folds": whole(4, 60)},
    ),
    "identification": (evaluate.identification, {"x": rows(200), "labels": whole(9, 200), "rates": one_of([0.1])}),
    "false_accept_rate": (
        evaluate.false_accept_rate,
        {"x": rows(), "labels": whole(4), "threshold": one_of(0.3, 1.0)},
    ),
    "structure": (evaluate.structure, {"x": rows()}),
    "upgrade": (fp.Upgrade.fit, {"old": rows(200), "new": rows(200, 5), "labels": whole(20, 200), "far": one_of(0.1)}),
}


def laid_out(array: np.ndarray, chance: random.Random) -> np.ndarray:
    """The same values, otherwise in memory."""
    change = chance.randrange(7)
    if change == 0 and array.ndim:  # from the last to the first
        return array[::-1].copy()[::-1]
    if change == 1 and array.ndim:  # every other row
        return np.repeat(array, 2, axis=0)[::2]
    if change == 2 and array.ndim > 1:  # every other column
        return np.repeat(array, 2, axis=1)[:, ::2]
    if change == 3:
        return np.asfortranarray(array)
    if change == 4:  # not where numbers of this size should lie
        raw = np.empty(array.nbytes + 1, np.uint8)[1:]
        unaligned = raw.view(array.dtype).reshape(array.shape)
        unaligned[...] = array
        return unaligned
    if change == 5 and array.ndim > 1:  # rows apart, mirrored
        return np.pad(array, [(0, 0), (3, 2), *[(0, 0)] * (array.ndim - 2)])[:, 3:-2][::-1][::-1]
    still = array.copy()
    still.flags.writeable = False
    return still


def odd(value: Any, chance: random.Random) -> Any:
    """Something else than what is expected there."""
    if not isinstance(value, np.ndarray) or chance.random() < 0.15:
        return chance.choice(ODD)
    change = chance.randrange(8)
    if change == 0:
        return value.tolist()
    if change == 1 and not SANITIZED:
        return np.broadcast_to(value[:1], (2 * ENDLESS, *value.shape[1:]))
    if change == 2:  # rows that overlap
        return np.lib.stride_tricks.as_strided(value, value.shape, (value.itemsize,) * value.ndim)
    if change == 3:
        return value.ravel()[0]
    if change == 4:
        return value.astype(object)
    return damaged_array(value, chance)


def same(a: Any, b: Any) -> bool:
    """Whether answers are the same to the bit."""
    if isinstance(a, np.ndarray):
        if a.dtype == object:
            return bool(a.tolist() == b.tolist())
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if is_dataclass(a):
        return all(same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))
    return bool(a == b) or (a != a and b != b)


def held(arguments: Mapping[str, Any]) -> dict[str, bytes]:
    """What arguments hold, to be compared with what they hold later; endless ones are left out."""
    return {name: pickle.dumps(value) for name, value in arguments.items() if np.size(value) < 10**6 and name != "out"}


def attempt(name: str, chance: random.Random, _: Path) -> None:
    call, draws = OPERATIONS[name]
    random = np.random.default_rng(chance.randrange(2**32))
    good = {key: draw(random) for key, draw in draws.items()}
    given = dict(good)
    only_laid_out = chance.random() < 0.5
    for key in chance.sample(list(given), chance.choice((1, 1, 2)) if len(given) > 1 else 1):
        if only_laid_out:
            given[key] = laid_out(given[key], chance) if isinstance(given[key], np.ndarray) else given[key]
        else:
            given[key] = odd(given[key], chance)
            if np.size(given[key]) > ENDLESS:  # with nothing else odd: of no columns, say, it would be looked at
                given = {**good, key: given[key]}
                break
    before = held(given)
    try:
        answer = call(**given)
    finally:
        assert held(given) == before, "it changed its arguments"
    if only_laid_out:
        assert same(answer, call(**good)), "the answer depends on how its arguments lie in memory"


ALLOWED = (FaceprintError, TypeError, ValueError, MemoryError)
TARGETS = [Target(name, partial(attempt, name), ALLOWED) for name in OPERATIONS]


if __name__ == "__main__":
    main(TARGETS, "tests/fuzz/arguments.py", __doc__)
