"""Calls every public function that costs little again and again, refused calls too, and looks whether memory grows.

    python tests/flat.py --times 100000 [--only NAME ...]

For each: the number of blocks that Python has allocated, the memory of the process, and the references to what was
passed, before and after. Functions that take longer than most are called a hundredth as often. Ends with 1 where
something grew.
"""

import argparse
import ctypes
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import faceprint as fp
from faceprint import _core
from faceprint.blocks import join_blocks, list_block, pack_block
from faceprint.demo import PHOTOS

Call = Callable[[], object]

BLOCKS = 300  # by which a run may differ from another: what Python and SQLite keep for the next call
BYTES = 4 * 2**20  # by which the process may grow: 42 bytes for each of 100,000 calls
LIBRARY = ctypes.CDLL(None)
PAGE = os.sysconf("SC_PAGE_SIZE")
RARELY = 100


def refused(call: Call) -> Call:
    """The call, which must end with a TypeError or ValueError."""

    def attempt() -> None:
        try:
            call()
        except (TypeError, ValueError):
            return
        raise AssertionError("the call was not refused")

    return attempt


def make_calls(folder: Path) -> tuple[dict[str, Call], dict[str, Call], dict[str, object]]:
    """The calls that cost little, those that cost more, and what is passed to them."""
    random = np.random.default_rng(0)
    x = random.standard_normal((24, 16)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    labels, names = np.repeat(np.arange(6), 4), [f"person {row // 4}" for row in range(24)]
    one, out, wide = x[:1], np.empty((24, 24), np.float32), x.astype(np.float64)
    packed, ids, edges = _core.Gallery(16), np.arange(24), np.array([0, 100_000])
    packed.append(x)
    stored = packed.stored(ids)
    near, indices = fp.neighbours(x, 5)
    graph = fp.graph.neighbour_graph(near, indices, halfway=1.0, slope=4.0, least=0.1)
    image, affines = random.integers(0, 256, (40, 40, 3)).astype(np.uint8), np.tile(np.eye(2, 3), (2, 1, 1))
    points, template = random.uniform(0, 40, (2, 5, 2)).astype(np.float32), random.uniform(0, 40, (5, 2))
    gallery, kept, memory = fp.Gallery(), fp.Gallery(folder / "gallery"), fp.CrossBatchMemory(50)
    for each in (gallery, kept):
        each.add(x, labels=names)
    found, progress = fp.cluster(x, threshold=1.0, k=5), [].count
    model, photo = fp.load(threads=1), PHOTOS / "biden.jpg"
    pixels = fp.read_photo(photo)
    faces = model.faces(pixels)

    shards = fp.write_shards(gallery, folder / "shards", rows=10)
    blocks = [pack_block(x[:10], ids[:10]), pack_block(x[10:], ids[10:])]
    lists = [list_block(block, 3) for block in blocks]

    def grow_and_shrink(each: fp.Gallery | fp.Shards) -> None:
        each.remove(ids=each.add(x[:2], labels=["person 1", None], metadata=[{"year": 1999}, None]))

    def pack() -> None:
        fresh = _core.Gallery(16, "int8")
        fresh.append(x)
        fresh.append_stored(fresh.stored(ids))
        fresh.remove(ids)
        fresh.unpack()

    def remember() -> None:
        memory.add(x, labels)
        memory.join(x, labels)

    often: dict[str, Call] = {
        "backends": fp.backends,
        "use_backend": lambda: fp.use_backend(_core.active_backend()),
        "distances": lambda: fp.distances(x, x, progress=progress),
        "distances into an array": lambda: fp.distances(x, x, out=out),
        "distances on threads": lambda: _core.distances(x, x, None, 2),
        "nearest": lambda: fp.nearest(x, x, 3, progress=progress),
        "nearest in a gallery": lambda: fp.nearest(one, gallery, 3),
        "within": lambda: fp.within(x, x, 0.5, progress=progress),
        "neighbours": lambda: fp.neighbours(x, 3, progress=progress),
        "join_blocks": lambda: join_blocks(blocks[0], lists[0], blocks[1], lists[1]),
        "packed": pack,
        "count_pairs": lambda: _core.count_pairs(x, labels, edges),
        "count_same_within": lambda: _core.count_same_within(x, labels, 1.0),
        "align": lambda: _core.align(points, template),
        "align_boxes": lambda: _core.align_boxes(points[:, 0].repeat(2, 1), 0.1, 16, 16),
        "chips": lambda: _core.chips(image, affines, 16, 16),
        "chips of several": lambda: _core.chips([image, image], affines, 16, 16, dtype="float16"),
        "average_linkage": lambda: _core.average_linkage(x, 1.0),
        "neighbour_graph": lambda: fp.graph.neighbour_graph(near, indices, halfway=1.0, slope=4.0, least=0.1),
        "communities": lambda: fp.graph.communities(graph),
        "mine_triplets": lambda: fp.mine_triplets(x, labels, progress=progress),
        "triplet_loss": lambda: fp.triplet_loss(x, labels, progress=progress),
        "template": lambda: fp.template(x),
        "set_distance": lambda: fp.set_distance(x, x),
        "same_photograph": lambda: fp.same_photograph(names),
        "equity_weights": lambda: fp.equity_weights(labels),
        "PKSampler": lambda: list(fp.PKSampler(labels, 2, 2)),
        "CrossBatchMemory": remember,
        "Gallery()": lambda: fp.Gallery().add(x, labels=names),
        "Gallery.search": lambda: gallery.search(one, k=3, where={"label": "person 1"}),
        "Gallery.identify": lambda: gallery.identify(one, max_distance=0.5),
        "Gallery.add, remove": lambda: grow_and_shrink(gallery),
        "Gallery.rename": lambda: (gallery.rename("person 1", "Ann"), gallery.rename("Ann", "person 1")),
        "Gallery.iterate": lambda: list(gallery.iterate()),
        "Gallery.embeddings": gallery.embeddings,
        "Gallery, a file, search": lambda: kept.search(one, k=3),
        "evaluate.clustering": lambda: fp.evaluate.clustering(labels, labels),
        "refused: dtype": refused(lambda: fp.nearest(wide, x, 3)),
        "refused: shape": refused(lambda: fp.distances(x, x[:, :3])),
        "refused: NaN": refused(lambda: fp.neighbours(x * np.nan, 3)),
        "refused: k": refused(lambda: _core.nearest(x, packed, 0)),
        "refused: labels": refused(lambda: fp.mine_triplets(x, labels[1:])),
        "refused: rows": refused(lambda: gallery.add(x * np.inf)),
        "refused: threads": refused(lambda: fp.distances(x, x, threads=-1)),
        "refused: progress": refused(lambda: fp.distances(x, x, progress=7)),
    }
    seldom: dict[str, Call] = {
        "info": fp.info,
        "cluster": lambda: fp.cluster(x, threshold=1.0, k=5),
        "assign": lambda: fp.assign(x[:3], x[3:], labels[3:], threshold=1.0),
        "clean": lambda: fp.clean(x, labels, threshold=1.0),
        "overlap": lambda: fp.overlap(x, x, threshold=1.0),
        "lobes": lambda: fp.lobes(found),
        "suggest_merges": lambda: fp.suggest_merges(found),
        "suggest_splits": lambda: fp.suggest_splits(found),
        "coding_length": lambda: fp.coding_length(x, labels),
        "evaluate.roc": lambda: fp.evaluate.roc(near[:, 0], near[:, 4]),
        "synthetic.people": lambda: fp.synthetic.people(10, 3),
        "Gallery(file)": lambda: fp.Gallery(folder / "gallery").close(),
        "Gallery, a file, add, remove": lambda: grow_and_shrink(kept),
        "Gallery.export, import_from": lambda: (
            gallery.export(folder / "x.npz"),
            fp.Gallery().import_from(folder / "x.npz"),
        ),
        "Shards.add, remove": lambda: grow_and_shrink(shards),
        "Shards.labels, embeddings": lambda: (shards.labels(), shards.embeddings()),
        "read_shards": lambda: fp.read_shards(shards, fp.Gallery()),
        "read_photo": lambda: fp.read_photo(photo),
        "Model.detect": lambda: model.detect(pixels),
        "Model.describe": lambda: model.describe(pixels, faces),
        "Model.faces": lambda: list(model.faces([pixels, pixels])),
        "load": lambda: fp.load(threads=1),
    }
    passed = {"x": x, "labels": labels, "out": out, "progress": progress, "packed": packed, "stored": stored}
    passed |= {"near": near, "indices": indices, "image": image, "affines": affines, "pixels": pixels, "wide": wide}
    return often, seldom, passed


def resident() -> int:
    """Bytes of memory that this process occupies, without what the C library keeps for later."""
    if hasattr(LIBRARY, "malloc_trim"):
        LIBRARY.malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def look(name: str, call: Call, times: int, passed: dict[str, object]) -> bool:
    """Call so many times, tell what has grown, and return whether nothing did."""
    for _ in range(min(times, 200)):
        call()
    gc.collect()
    references = {what: sys.getrefcount(thing) for what, thing in passed.items()}
    blocks, memory, start = sys.getallocatedblocks(), resident(), time.perf_counter()
    for _ in range(times):
        call()
    seconds = time.perf_counter() - start
    gc.collect()
    grown, more = sys.getallocatedblocks() - blocks, resident() - memory
    held = [what for what, thing in passed.items() if sys.getrefcount(thing) != references[what]]
    flat = grown <= BLOCKS and more <= BYTES and not held
    told = f"{name:30} {times:7} times {seconds / times * 1e6:9.1f} us {grown:+6} blocks {more / 2**10:+8.0f} KiB"
    print(told + ("" if flat else f"  GROWN {' '.join(held)}"), flush=True)
    return flat


def stays_flat(name: str, call: Call, times: int, passed: dict[str, object]) -> bool:
    """Whether nothing grows, in one of three runs: what leaks grows in each, what an allocator keeps does not."""
    return any(look(name, call, times, passed) for _ in range(3))


def main() -> int:
    """Go through all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--only", nargs="*")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        often, seldom, passed = make_calls(Path(folder))
        flat = [
            stays_flat(name, call, max(times, 1), passed)
            for calls, times in ((often, given.times), (seldom, given.times // RARELY))
            for name, call in calls.items()
            if not given.only or name in given.only
        ]
    print(f"{sum(flat)} of {len(flat)} stayed as they were")
    return 0 if all(flat) else 1


if __name__ == "__main__":
    sys.exit(main())
