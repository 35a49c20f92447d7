"""Arguments that nobody expects, for the public operations: arrays of every layout, dtype, shape and content.

    python tests/fuzz/arguments.py nearest cluster --seconds 60 [--seed N]
    python tests/fuzz/arguments.py nearest --round 17

Half of the rounds change only how good arrays lie in memory (strides, alignment, order, read-only): the answer must be
that of plain copies, to the bit, or a refusal. In the others an argument or two are odd. None may change its arguments,
and a refusal says what must be.
"""

import pickle
import random
import re
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
from faceprint import FaceprintError, _core, blocks, evaluate, graph, qdrant

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script, too, this is part of a package

from fuzz.damage import damaged_array
from fuzz.rounds import SANITIZED, Target, main

Draw = Callable[[np.random.Generator], Any]
ENDLESS = 2**44  # rows that no memory holds
OURS = re.compile(  # or what numpy says of arrays that no memory holds
    r"\b(must|needs?|heeds|wants)\b|Maximum allowed dimension exceeded|array is too big"
)
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
        gallery.update(ids, labels=["Zoe"] * np.size(ids))
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


def join_rows(x: Any, y: Any, numbers: Any, values: Any, indices: Any) -> Any:
    """What two blocks of rows know of each other."""
    one, other = (_core.Gallery(9) for _ in range(2))
    one.append(x)
    other.append(y)
    others, more = np.full((7, 4), np.inf, np.float32), np.zeros((7, 4), np.int64)
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


def merge_people(x: Any, labels: Any, joined: Any, into: Any) -> Any:
    """What a gallery holds in which people became one, which after a refusal is as before it."""
    gallery = fp.Gallery()
    gallery.add(x, labels=labels)
    before = gallery.labels.tolist()
    try:
        return gallery.merge(joined, into), gallery.labels
    except BaseException:
        assert gallery.labels.tolist() == before
        raise


def search_roughly(x: Any, probes: Any, k: Any, max_distance: Any) -> Any:
    gallery = fp.Gallery()
    gallery.add(x)
    index = gallery.approximate(connectivity=8, threads=1)
    return index.search(probes, k, max_distance=max_distance), index.recall(probes, k)


def through_dlpack(x: Any, capsule: Any, device: Any) -> Any:
    """Of what speaks DLPack, and gives `x` unless it is told to give another capsule."""

    class Tensor:
        def __dlpack__(self, **options: Any) -> Any:
            return np.asarray(x).__dlpack__(**options) if capsule is None else capsule

        def __dlpack_device__(self) -> Any:
            return device

    return fp.distances(Tensor(), Tensor())


def compare_listed(x: Any, people: Any, a: Any, b: Any, fars: Any, kept: Any) -> Any:
    pairs = evaluate.ListedPairs(people, a, b)
    return pairs.count(), pairs.distances(x), pairs.vals(x, fars), pairs.roc(x), pairs.keep(kept).count()


def compare_all(x: Any, people: Any, fars: Any) -> Any:
    pairs = evaluate.AllPairs(people)
    return pairs.count(), pairs.vals(x, fars), pairs.roc(x)


def compare_across(x: Any, others: Any, people: Any, other_people: Any, fars: Any) -> Any:
    pairs = evaluate.CrossPairs(people, other_people)
    return pairs.count(), pairs.vals(x, others, fars), pairs.roc(x, others)


def measure_gaps(distances: Any, people: Any, attributes: Any, vary: Any, threshold: Any) -> Any:
    pairs = evaluate.ListedPairs(people, *np.triu_indices(30, 1))
    swept = evaluate.sweep(distances, pairs, attributes, vary, threshold)
    return evaluate.disparity(distances, pairs, attributes, threshold), swept


def find_slices(x: Any, people: Any, threshold: Any, fewest: Any) -> Any:
    return evaluate.error_slices(x, evaluate.ListedPairs(people, *np.triu_indices(30, 1)), threshold, fewest=fewest)


def calibrate_fairly(x: Any, people: Any, far: Any, clusters: Any, seed: Any) -> Any:
    pairs = evaluate.ListedPairs(people, *np.triu_indices(120, 1))
    found = evaluate.fair_calibrate(x, pairs, far, clusters=clusters, seed=seed)
    return found.scores(x[:9], x[9:18]), found.threshold


def keep_structure(x: Any, y: Any) -> Any:
    return evaluate.structure_kept(evaluate.structure(x), evaluate.structure(y))


def find_equal_error(same_distances: Any, different_distances: Any) -> Any:
    return evaluate.equal_error(evaluate.roc(same_distances, different_distances))


def upgrade_pairs(old: Any, new: Any, upgraded: Any, people: Any, far: Any) -> Any:
    pairs = evaluate.ListedPairs(people, *np.triu_indices(30, 1))
    return evaluate.measure_compatibility(old, new, upgraded, pairs, far=far)


def search_block(x: Any, probes: Any, numbers: Any, k: Any, metric: Any) -> Any:
    block = blocks.pack_block(x, numbers)
    found = blocks.nearest_in_block(probes, block, k, metric=metric)
    return blocks.merge_lists([found, found], k, metric=metric)


def join_two(x: Any, y: Any, numbers: Any, others: Any, k: Any, metric: Any) -> Any:
    one, other = blocks.pack_block(x, numbers), blocks.pack_block(y, others)
    lists = [blocks.list_block(each, k, metric=metric) for each in (one, other)]
    return blocks.join_blocks(one, lists[0], other, lists[1], metric=metric)


def choose_again(x: Any, changes: Any, names: Any, hidden: Any, seed: Any, step: Any) -> Any:
    found = fp.cluster(x, k=5)
    choice = fp.choose(found, changes, names=names, hidden=hidden, seed=seed)
    return choice.found.labels, choice.score, fp.stability(found, step=step)


def add_to_cluster(x: Any, more: Any, junk: Any, named: Any, threshold: Any) -> Any:
    found = fp.cluster(x, k=5)
    return found.add(more, junk=junk, named=named).labels, found.again(threshold=threshold).labels


def draw_batches(labels: Any, people: Any, faces: Any, negatives: Any, weights: Any, seed: Any) -> Any:
    return list(fp.PKSampler(labels, people, faces, negatives, weights, seed))


def make_people(faces: Any, people: Any, seed: Any, dimension: Any, effective: Any) -> Any:
    made = fp.synthetic.people(faces, people, seed=seed, dimension=dimension, effective=effective)
    return made.embeddings, made.people


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
PAIRS = 30 * 29 // 2  # of each two of so many rows
CHANGES = [{"threshold": 0.3}, {"k": 3}]
GROUPS = {"age": ["old", "young", None] * 10, "glasses": [True, False] * 15}
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
        },
    ),
    "block": (
        search_block,
        {
            "x": rows(),
            "probes": rows(7),
            "numbers": lambda _: np.arange(0, 60, 2),
            "k": one_of(1, 5, 80),
            "metric": METRICS,
        },
    ),
    "join_blocks": (
        join_two,
        {
            "x": rows(),
            "y": rows(7),
            "numbers": lambda _: np.arange(30),
            "others": lambda _: np.arange(30, 37),
            "k": one_of(1, 5, 80),
            "metric": METRICS,
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
    "cluster_add": (
        add_to_cluster,
        {
            "x": rows(),
            "more": rows(7),
            "junk": lambda random: random.random(7) < 0.2,
            "named": one_of(None, [], [0, 1]),
            "threshold": one_of(0.3),
        },
    ),
    "choose": (
        choose_again,
        {
            "x": rows(),
            "changes": one_of(CHANGES),
            "names": whole(4),
            "hidden": one_of(0.2, 0.5),
            "seed": one_of(0, 7),
            "step": one_of(0.1),
        },
    ),
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
    "sampler": (
        draw_batches,
        {
            "labels": whole(4),
            "people": one_of(2),
            "faces": one_of(3),
            "negatives": one_of(0, 2),
            "weights": real(30),
            "seed": one_of(0, 7),
        },
    ),
    "synthetic": (
        make_people,
        {
            "faces": one_of(40),
            "people": one_of(5),
            "seed": one_of(0, 7),
            "dimension": one_of(16),
            "effective": one_of(8.0),
        },
    ),
    "dlpack": (through_dlpack, {"x": rows(), "capsule": one_of(None), "device": one_of((1, 0))}),
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
    "merge": (
        merge_people,
        {
            "x": rows(),
            "labels": one_of(["Ann", None, "Ben"] * 10),
            "joined": one_of(["Ann", "Ben"]),
            "into": one_of("Ann", "Cy"),
        },
    ),
    "approximate": (
        search_roughly,
        {
            "x": rows(),
            "probes": rows(3),
            "k": one_of(1, 5),
            "max_distance": one_of(None, 1.0),
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
    "val_at_threshold": (
        evaluate.val_at_threshold,
        {"same_distances": real(), "different_distances": real(), "threshold": one_of(0.5), "people": whole(9, 60)},
    ),
    "val_over_splits": (
        evaluate.val_over_splits,
        {
            "embeddings": rows(60),
            "people": whole(9, 60),
            "far": one_of(0.1),
            "splits": one_of(2, 3),
            "seed": one_of(0, 7),
        },
    ),
    "listed_pairs": (
        compare_listed,
        {
            "x": rows(),
            "people": whole(4),
            "a": whole(30, 200),
            "b": whole(30, 200),
            "fars": one_of([0.1, 0.5]),
            "kept": lambda random: random.random(30) < 0.8,
        },
    ),
    "all_pairs": (compare_all, {"x": rows(), "people": whole(4), "fars": one_of([0.1, 0.5])}),
    "cross_pairs": (
        compare_across,
        {
            "x": rows(),
            "others": rows(20),
            "people": whole(4),
            "other_people": whole(4, 20),
            "fars": one_of([0.1, 0.5]),
        },
    ),
    "disparity": (
        measure_gaps,
        {
            "distances": real(PAIRS),
            "people": whole(9),
            "attributes": one_of(GROUPS),
            "vary": one_of(*GROUPS),
            "threshold": one_of(0.3, 1.0),
        },
    ),
    "error_slices": (
        find_slices,
        {"x": rows(), "people": whole(9), "threshold": one_of(0.3, 1.0), "fewest": one_of(2, 5)},
    ),
    "fair_calibrate": (
        calibrate_fairly,
        {
            "x": rows(120),
            "people": whole(6, 120),
            "far": one_of(0.1),
            "clusters": one_of(2, 3),
            "seed": one_of(0, 7),
        },
    ),
    "structure_kept": (keep_structure, {"x": rows(), "y": rows(30, 5)}),
    "equal_error": (find_equal_error, {"same_distances": real(), "different_distances": real()}),
    "compatibility": (
        upgrade_pairs,
        {"old": rows(), "new": rows(30, 5), "upgraded": rows(), "people": whole(9), "far": one_of(0.1)},
    ),
    "roc": (evaluate.roc, {"same_distances": real(), "different_distances": real()}),
    "calibrate": (
        evaluate.calibrate,
        {
            "same_distances": lambda random: real()(random) / 2,  # nearer on average
            "different_distances": real(2000),
            "far": one_of(0.1, 1e-2),
        },
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
    except (TypeError, ValueError) as error:
        if not OURS.search(str(error)):
            raise AssertionError(f"it refuses by words that are not its own: {error}") from error
        raise
    finally:
        assert held(given) == before, "it changed its arguments"
    if only_laid_out:
        assert same(answer, call(**good)), "the answer depends on how its arguments lie in memory"


ALLOWED = (FaceprintError, TypeError, ValueError, MemoryError)
TARGETS = [Target(name, partial(attempt, name), ALLOWED) for name in OPERATIONS]


if __name__ == "__main__":
    main(TARGETS, "tests/fuzz/arguments.py", __doc__)
