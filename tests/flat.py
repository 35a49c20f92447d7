"""Calls every public function that costs little again and again, refused calls too, and looks whether memory grows.

    python tests/flat.py --times 100000 [--only NAME ...]

For each: the number of blocks that Python has allocated, the memory of the process, and the references to what was
passed, before and after. Functions that take longer than most are called a hundredth as often. Ends with 1 where
something grew.
"""

import argparse
import ctypes
import gc
import inspect
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, FrameType, ModuleType

import numpy as np

import faceprint as fp
from faceprint import _core, blocks, evaluate
from faceprint.demo import PHOTOS
from faceprint.known import BUNDLED

Call = Callable[[], object]

BLOCKS = 300  # by which a run may differ from another: what Python and SQLite keep for the next call
BYTES = 4 * 2**20  # by which the process may grow: 42 bytes for each of 100,000 calls
LIBRARY = ctypes.CDLL(None)
PAGE = os.sysconf("SC_PAGE_SIZE")
RARELY = 100
EXEMPT = {  # public functions that no call here reaches, and why
    "faceprint.Upgrade.fit": "takes seconds, and calls what is here: distances, triplet_loss, ListedPairs",
    "faceprint.evaluate.measure_sensitivity": "embeds each photograph a dozen times, by Model.describe",
}


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
    corpus, limits = Path(__file__).parent / "fuzz" / "corpus", fp.VideoLimits(side=64)
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
    parts = [blocks.pack_block(x[:10], ids[:10]), blocks.pack_block(x[10:], ids[10:])]
    lists = [blocks.list_block(part, 3) for part in parts]
    every, listed = evaluate.AllPairs(labels), evaluate.ListedPairs(labels, *np.triu_indices(24, 1))
    across, within = evaluate.CrossPairs(labels[:12], labels[6:18]), listed.distances(x)
    same, different = within[listed.same], within[~listed.same]
    curve, tree = evaluate.roc(same, different), evaluate.structure(x)
    groups = {"age": ["old", "young"] * 12, "glasses": [True, False, False] * 8}
    made = fp.synthetic.people(300, 30, junk=0, seed=4)
    photographs = evaluate.ListedPairs(made.people, *np.triu_indices(300, 1))
    fair = evaluate.fair_calibrate(made.embeddings, photographs, 0.1, clusters=2)
    upgrade, recipe, index = fp.Upgrade.load(corpus / "upgrade" / "turned.npz"), model.recipe, gallery.approximate()
    album = folder / "album"
    for person, photos in (("Ann", ("obama.jpg", "obama2.jpg")), ("Ben", ("biden.jpg",))):
        (album / person).mkdir(parents=True)
        for number, name in enumerate(photos, 1):
            (album / person / f"{person}_{number:04}.jpg").symlink_to(PHOTOS / name)
    shown, cfp = evaluate.find_people(album), make_cfp(folder / "Protocol")
    all_shown = evaluate.AllPairs(shown.people)
    (folder / "pairs.txt").write_text("Ann\t1\t2\nAnn\t1\tBen\t1\n")
    (folder / "list.txt").write_text("1 Ann/Ann_0001.jpg Ann/Ann_0002.jpg\n0 Ann/Ann_0001.jpg Ben/Ben_0001.jpg\n")

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
        memory.clear()

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
        "pack_block": lambda: blocks.pack_block(x, ids),
        "list_block": lambda: blocks.list_block(parts[0], 3),
        "nearest_in_block": lambda: blocks.nearest_in_block(x, parts[0], 3),
        "merge_lists": lambda: blocks.merge_lists(lists[:1] * 2, 3),
        "join_blocks": lambda: blocks.join_blocks(parts[0], lists[0], parts[1], lists[1]),
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
        "from_edges, contract": lambda: fp.graph.contract(fp.graph.from_edges(24, ids, ids[::-1], ids * 0.1), labels),
        "mine_triplets": lambda: fp.mine_triplets(x, labels, progress=progress),
        "triplet_loss": lambda: fp.triplet_loss(x, labels, progress=progress),
        "template": lambda: fp.template(x),
        "set_distance": lambda: fp.set_distance(x, x),
        "same_photograph": lambda: fp.same_photograph(names),
        "equity_weights": lambda: fp.equity_weights(labels),
        "PKSampler": lambda: (sampler := fp.PKSampler(labels, 2, 2), sampler.set_epoch(3), list(sampler)),
        "CrossBatchMemory": remember,
        "Gallery()": lambda: fp.Gallery().add(x, labels=names),
        "Gallery.search": lambda: gallery.search(one, k=3, where={"label": "person 1"}),
        "Gallery.identify": lambda: gallery.identify(one, max_distance=0.5),
        "Gallery.add, remove": lambda: grow_and_shrink(gallery),
        "Gallery.rename": lambda: (gallery.rename("person 1", "Ann"), gallery.rename("Ann", "person 1")),
        "Gallery.update, merge": lambda: (
            gallery.update([0], labels=["Zoe"]),
            gallery.merge(["Zoe"], "person 0"),
        ),
        "Gallery.iterate": lambda: list(gallery.iterate()),
        "Gallery.embeddings": gallery.embeddings,
        "Gallery, a file, search": lambda: kept.search(one, k=3),
        "ApproximateIndex": lambda: index.search(one, k=3),
        "Upgrade.apply": lambda: upgrade.apply(made.embeddings[:3, :8].copy()),
        "Upgrade.report": upgrade.report,
        "Recipe": lambda: (recipe.threshold(1e-3), recipe.far(0.1), recipe.decision(1e-3, None), recipe.grouping()),
        "Recipe of one face": lambda: (recipe.same_probability(0.1), recipe.gate(0.1)),
        "read_features, read_people": lambda: (
            fp.read_features(corpus / "features" / "f4.npy"),
            fp.read_people(corpus / "people" / "three.npy", 3),
        ),
        "evaluate.clustering": lambda: evaluate.clustering(labels, labels),
        "evaluate.val_at_far": lambda: evaluate.val_at_far(same, different, 0.1),
        "evaluate.val_at_threshold": lambda: evaluate.val_at_threshold(same, different, 1.0),
        "evaluate.equal_error": lambda: evaluate.equal_error(curve),
        "evaluate.calibrate": lambda: evaluate.calibrate(same / 2, different, 0.1).probability(1.0),
        "evaluate.verification_folds": lambda: evaluate.verification_folds(within, listed.same, np.arange(276) % 3),
        "evaluate.structure_kept": lambda: evaluate.structure_kept(tree, tree),
        "FairCalibration, Clusters": lambda: fair.scores(made.embeddings[:9], made.embeddings[9:18]),
        "ListedPairs": lambda: (listed.count(), listed.keep(labels > 0), listed.val(x, 0.1), listed.roc(x)),
        "refused: pairs": refused(lambda: evaluate.ListedPairs(labels, ids, ids + 1)),
        "refused: masked": refused(lambda: fp.template(np.ma.array(x, mask=x > 0))),
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
        "Clustering.add, again": lambda: (found.add(x[:3]), found.again(threshold=0.5)),
        "choose, stability": lambda: (fp.choose(found, [{"k": 3}, {"k": 4}]), fp.stability(found)),
        "evaluate.roc": lambda: evaluate.roc(near[:, 0], near[:, 4]),
        "AllPairs": lambda: (every.count(), every.keep(labels > 0), every.val(x, 0.1), every.roc(x)),
        "CrossPairs": lambda: (across.count(), across.vals(x[:12], x[6:18], [0.1]), across.roc(x[:12], x[6:18])),
        "evaluate.disparity, sweep": lambda: (
            evaluate.disparity(within, listed, groups, 1.0),
            evaluate.sweep(within, listed, groups, "age", 1.0),
        ),
        "evaluate.error_slices": lambda: evaluate.error_slices(x, listed, 1.0, fewest=2),
        "evaluate.fair_calibrate": lambda: evaluate.fair_calibrate(made.embeddings, photographs, 0.1, clusters=2),
        "evaluate.false_accept_rate": lambda: evaluate.false_accept_rate(x, labels, 1.0),
        "evaluate.identification": lambda: evaluate.identification(made.embeddings, made.people, [0.1]),
        "evaluate.measure_compatibility": lambda: evaluate.measure_compatibility(x, x[:, :9], x, listed, far=0.1),
        "evaluate.structure": lambda: evaluate.structure(x),
        "evaluate.val_over_splits": lambda: evaluate.val_over_splits(made.embeddings, made.people, 0.1, splits=2),
        "evaluate.find_people": lambda: evaluate.find_people(album),
        "evaluate.open_pairs": lambda: (
            evaluate.open_pairs(folder / "pairs.txt", album),
            evaluate.open_pairs(folder / "list.txt", album),
            evaluate.open_pairs(cfp),
        ),
        "synthetic.people": lambda: fp.synthetic.people(10, 3),
        "Gallery(file)": lambda: fp.Gallery(folder / "gallery").close(),
        "Gallery, a file, add, remove": lambda: grow_and_shrink(kept),
        "Gallery.export, import_from": lambda: (
            gallery.export(folder / "x.npz"),
            fp.Gallery().import_from(folder / "x.npz"),
        ),
        "Gallery.compact": kept.compact,
        "Gallery.backup": lambda: kept.backup(folder / "backup"),
        "Gallery.calibrate": lambda: gallery.calibrate([0.2]),
        "Gallery.approximate": lambda: gallery.approximate(threads=1).recall(one, k=3),
        "write_shards": lambda: fp.write_shards(gallery, new_folder(folder), rows=10),
        "Shards.create": lambda: fp.Shards.create(new_folder(folder)),
        "Shards.ids, quality": lambda: (shards.ids(), shards.quality(), shards.stored(0), shards.part(0, 1)),
        "Shards.verify": shards.verify,
        "Upgrade.save, load": lambda: (upgrade.save(folder / "u.npz"), fp.Upgrade.load(folder / "u.npz")),
        "read_face_recognition": lambda: fp.read_face_recognition(corpus / "face_recognition" / "list-4.pkl"),
        "read_deepface": lambda: fp.read_deepface(corpus / "deepface" / "new.pkl", network="x"),
        "read_video": lambda: list(fp.read_video(corpus / "video" / "short.mp4", limits=limits)),
        "draft_recipe": lambda: fp.draft_recipe(BUNDLED),
        "Shards.add, remove": lambda: grow_and_shrink(shards),
        "Shards.labels, embeddings": lambda: (shards.labels(), shards.embeddings()),
        "read_shards": lambda: fp.read_shards(shards, fp.Gallery()),
        "read_photo": lambda: fp.read_photo(photo),
        "Model.detect": lambda: model.detect(pixels),
        "Model.describe": lambda: model.describe(pixels, faces),
        "Model.faces": lambda: list(model.faces([pixels, pixels])),
        "Model.embed": lambda: model.embed([pixels]),
        "Model.chosen": lambda: list(model.chosen([pixels, "nobody.jpg"], "only")),
        "Model.template": lambda: model.template([pixels, pixels]),
        "Model.verify": lambda: model.verify(pixels, pixels),
        "track_faces": lambda: list(fp.track_faces(model, [fp.Frame(pixels, 0.0), fp.Frame(pixels, 0.1)])),
        "evaluate.measure_verification": lambda: evaluate.measure_verification(model, shown.photos, all_shown),
        "load": lambda: fp.load(threads=1),
    }
    passed = {"x": x, "labels": labels, "out": out, "progress": progress, "packed": packed, "stored": stored}
    passed |= {"near": near, "indices": indices, "image": image, "affines": affines, "pixels": pixels, "wide": wide}
    return often, seldom, passed


def new_folder(folder: Path) -> Path:
    """A folder that is not there, for what is written into a new one; what was there is gone."""
    path = folder / "new"
    shutil.rmtree(path, ignore_errors=True)
    return path


def make_cfp(protocol: Path) -> Path:
    """The protocol of CFP with one fold, of photographs that nobody opens."""
    fold = protocol / "Split" / "FP" / "01"
    fold.mkdir(parents=True)
    for kind in "FP":
        (protocol / f"{kind}.jpg").touch()
        (protocol / f"Pair_list_{kind}.txt").write_text(f"1 {kind}.jpg\n")
    (fold / "same.txt").write_text("1,1\n")
    (fold / "diff.txt").touch()
    return fold.parent


def public() -> dict[CodeType, str]:
    """The code of every public function and method, and what it is called."""
    found = {}
    for module in (fp, evaluate, fp.graph, fp.synthetic, blocks):
        for name, value in names_in(module):
            if getattr(value, "_is_protocol", False):  # which has no code of its own
                continue
            parts = vars(value).items() if inspect.isclass(value) else [("", value)]
            for part, function in parts:
                function = inspect.unwrap(getattr(function, "__func__", function))
                if inspect.isfunction(function) and not part.startswith("_"):
                    found[function.__code__] = ".".join(filter(None, (module.__name__, name, part)))
    return found


def names_in(module: ModuleType) -> list[tuple[str, object]]:
    """What a module has to offer: what `__all__` names, or else what it defines itself."""
    named = getattr(module, "__all__", None) or [
        name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
    ]
    return [(name, getattr(module, name)) for name in named if not name.startswith("_")]


def left_out(calls: Iterable[Call]) -> list[str]:
    """The public functions that none of these calls reaches, without those that are exempt."""
    wanted = public()
    reached: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in wanted:
            reached.add(frame.f_code)

    for call in calls:
        sys.setprofile(note)
        try:
            call()
        finally:
            sys.setprofile(None)
    return sorted({wanted[code] for code in wanted.keys() - reached} - EXEMPT.keys())


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
        missing = [] if given.only else left_out([*often.values(), *seldom.values()])
        print(*(f"{name} is called by none of these" for name in missing), sep="\n", end="\n" * bool(missing))
        gc.freeze()  # what is there by now, which each collection would go through again
        flat = [
            stays_flat(name, call, max(times, 1), passed)
            for calls, times in ((often, given.times), (seldom, given.times // RARELY))
            for name, call in calls.items()
            if not given.only or name in given.only
        ]
    print(f"{sum(flat)} of {len(flat)} stayed as they were")
    return 0 if all(flat) and not missing else 1


if __name__ == "__main__":
    sys.exit(main())
