"""Workers of a Ray cluster on this machine: the answers of one machine to the bit, whoever dies meanwhile."""

import doctest
import importlib
import os
import pkgutil
import re
import signal
import subprocess
import sys
import time
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

import faceprint as fp
from faceprint.errors import DeviceError, GalleryError, PhotoError
from faceprint.evaluate import AllPairs
from faceprint.whole import written_whole

engine = pytest.importorskip("ray", reason="Ray is not installed: pip install 'faceprint[ray]'")
from faceprint import ray  # noqa: E402
from faceprint.ray import sections as sections_module  # noqa: E402
from faceprint.ray import workers as workers_module  # noqa: E402
from faceprint.ray.rates import BlockPairs  # noqa: E402
from faceprint.ray.saved import SavedLists  # noqa: E402
from faceprint.ray.schedule import schedule  # noqa: E402
from faceprint.ray.sections import cut_up, joined_block  # noqa: E402
from faceprint.ray.workers import Task, Workers  # noqa: E402

GUIDE = Path(__file__).parents[2] / "docs" / "ray.md"
ROWS = np.eye(3, 8, dtype=np.float32)
MODULES = sorted(module.name for module in pkgutil.walk_packages(ray.__path__, "faceprint.ray."))


@pytest.fixture(scope="module")
def workers():
    engine.init("local", num_cpus=4, include_dashboard=False, log_to_driver=False)
    with Workers(2, threads=1) as started:
        yield started
    engine.shutdown()


@pytest.fixture
def sharded(tmp_path):
    """Make shards of some rows: sharded(x, labels, storage)."""

    def make(x, labels=None, storage="float32", name="gallery", rows=100):
        shards = fp.Shards.create(tmp_path / name, rows=rows, storage=storage)
        shards.add(x, labels=labels)
        return shards

    return make


def whole_numbers(rows, columns, seed=0):
    """Rows with very many ties."""
    return np.random.default_rng(seed).integers(-2, 3, (rows, columns)).astype(np.float32)


def same(found, expected):
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("module", MODULES)
def test_examples(module, workers):
    failed, _ = doctest.testmod(importlib.import_module(module))
    assert failed == 0


def test_examples_of_guide(workers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, attempted = doctest.testfile(str(GUIDE), module_relative=False)
    assert failed == 0
    assert attempted >= 18


@pytest.mark.parametrize("blocks", [1, 2, 3, 8, 9])
def test_each_two_blocks_meet_once_and_none_twice_at_a_time(blocks):
    meetings = schedule(blocks)
    pairs = [(meeting.one, meeting.other) for meeting in meetings]
    assert sorted(pairs) == [(one, other) for one in range(blocks) for other in range(one, blocks)]
    met = [0] * blocks
    for meeting in meetings:
        assert (met[meeting.one], met[meeting.other]) == (meeting.one_version, meeting.other_version)
        for block in {meeting.one, meeting.other}:
            met[block] += 1
    assert met == [blocks] * blocks
    in_round = blocks // 2
    for first in range(blocks, len(pairs), max(in_round, 1)):
        at_once = [block for pair in pairs[first : first + in_round] for block in pair]
        assert len(at_once) == len(set(at_once))


@pytest.mark.parametrize("metric", ["squared-euclidean", "cosine", "dot"])
@pytest.mark.parametrize("block_rows", [100, 250, 10_000])
def test_neighbours_are_those_of_one_machine(metric, block_rows, workers, sharded):
    x = whole_numbers(730, 7) + np.float32(0.5)
    found = ray.neighbours(sharded(x), 120, workers=workers, metric=metric, block_rows=block_rows)
    assert same(found, fp.neighbours(x, 120, metric=metric))


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
@pytest.mark.parametrize("metric", ["squared-euclidean", "cosine", "dot"])
def test_nearest_are_those_of_one_machine(storage, metric, workers, sharded, monkeypatch):
    monkeypatch.setattr("faceprint.ray.search.QUERY_ROWS", 64)
    x = whole_numbers(530, 6) + np.float32(0.5)
    queries = whole_numbers(150, 6, seed=1) + np.float32(0.5)
    shards = sharded(x, storage=storage)
    gallery = fp.Gallery(storage=storage)
    gallery.add(x)
    told = []
    found = ray.nearest(queries, shards, 130, workers=workers, metric=metric, block_rows=200, progress=told.append)
    assert same(found, fp.nearest(queries, gallery, 130, metric=metric))
    assert told[0] == 0
    assert told[-1] == 1
    assert told == sorted(told)
    others = sharded(queries, name="queries")
    assert same(
        ray.nearest(others, shards, 5, workers=workers, metric=metric), fp.nearest(queries, gallery, 5, metric=metric)
    )


@pytest.mark.parametrize("sampled", [1000, 100_000])
def test_val_is_that_of_one_machine(sampled, workers, sharded, monkeypatch):
    monkeypatch.setattr("faceprint.evaluate.counted.SAMPLED_ROWS", sampled)  # above and below so many
    made = fp.synthetic.people(3000, 300, junk=0, seed=2, dimension=16, effective=8)
    names = [f"person {who}" for who in made.people]
    shards, told = sharded(made.embeddings, names, rows=1000), []
    numbers = np.unique(names, return_inverse=True)[1]  # sums over people run in the order of their names
    expected = AllPairs(numbers).vals(made.embeddings, [1e-2, 1e-3])
    assert ray.val_at_far(shards, [1e-2, 1e-3], workers=workers, block_rows=1000, progress=told.append) == expected
    assert told[0] == 0
    assert told[-1] == 1
    some = made.people[:1000]
    expected = AllPairs(some).vals(made.embeddings[:1000], [1e-3])
    assert ray.val_at_far(shards.part(0, 1), workers=workers, labels=some) == expected


def test_people_are_those_of_one_machine(workers, sharded):
    made = fp.synthetic.people(1500, 120, seed=3)
    x = np.concatenate([made.embeddings, made.embeddings[:40]])  # some of them twice
    junk = np.arange(len(x)) % 11 == 0
    junk[:100] = True  # a block of which nothing is left
    known = {"must_link": [[101, 500]], "threshold": 0.3, "least": 0.3}
    found = ray.cluster(sharded(x), workers=workers, junk=junk, k=30, block_rows=100, **known)
    expected = fp.cluster(x, junk=junk, k=30, **known)
    assert np.array_equal(found.labels, expected.labels)
    assert np.array_equal(found.representatives, expected.representatives)
    assert same((found.lists.distances, found.lists.indices), (expected.lists.distances, expected.lists.indices))
    assert found.settings == expected.settings
    assert np.array_equal(found.again(threshold=0.1).labels, expected.again(threshold=0.1).labels)


def test_a_part_of_a_gallery_is_one(workers, sharded):
    made = fp.synthetic.people(500, 40, junk=0, seed=4)
    x, people = made.embeddings[200:400], made.people[200:400]
    shards = sharded(made.embeddings, labels=[str(who) for who in made.people]).part(2, 4)
    for block_rows in (100, 200):
        found = ray.cluster(shards, workers=workers, k=10, block_rows=block_rows)
        assert np.array_equal(found.labels, fp.cluster(x, k=10).labels)
        found = ray.val_at_far(shards, 1e-2, workers=workers, labels=people, block_rows=block_rows)
        assert found == AllPairs(people).vals(x, [1e-2])
    found = ray.neighbours(shards, 10, workers=workers, block_rows=100)
    expected = fp.neighbours(x, 10)
    assert same(found, (expected[0], expected[1] + 200))  # rows keep their numbers


def test_samples_are_of_the_rows_that_they_name(workers, sharded):
    x = whole_numbers(500, 8)
    sections = tuple(cut_up(sharded(x).part(1, 4), 100))
    sample = BlockPairs(sections, np.arange(300), workers).sample(np.random.default_rng(0))
    assert len(sample.rows) == 18
    assert np.array_equal(sample.rows, x[100:400][sample.people])


def test_what_cannot_be_grouped_is_refused_before_the_search(workers, sharded, monkeypatch):
    x = fp.synthetic.people(300, 30, seed=5).embeddings
    shards = sharded(x)
    found = ray.cluster(shards, workers=workers, k=np.int64(9))
    assert np.array_equal(found.labels, fp.cluster(x, k=9).labels)
    monkeypatch.setattr("faceprint.ray.people.fill_lists", None)
    for options, error, text in (
        ({"thresold": 0.1}, TypeError, "a parameter must be 'method', .* or 'balanced', not 'thresold'"),
        ({"threshold": None}, TypeError, "threshold must be a number, not NoneType"),
        ({"threshold": 9}, ValueError, r"threshold must be a squared distance in \[0, 4\], not 9"),
        ({"must_link": [[0, 300]]}, ValueError, "must_link"),
        ({"k": 0}, ValueError, "k must be 1 or more, not 0"),
    ):
        with pytest.raises(error, match=text):
            ray.cluster(shards, workers=workers, **options)


def test_what_was_kept_for_one_call_is_not_taken_for_another(workers, sharded):
    x = fp.synthetic.people(300, 30, seed=6).embeddings
    shards, gallery = sharded(x, storage="int8"), fp.Gallery(storage="int8")
    gallery.add(x)
    with Workers(1, threads=1) as one:
        found = ray.neighbours(shards, 9, workers=one)
        assert same(ray.nearest(x, shards, 9, workers=one), fp.nearest(x, gallery, 9))
        assert same(ray.neighbours(shards, 9, workers=one), found)
        for remainder in range(2):
            junk = np.arange(300) % 2 == remainder
            labels = ray.cluster(shards, workers=one, junk=junk, k=9).labels
            assert np.array_equal(labels, fp.cluster(shards.embeddings(), junk=junk, k=9).labels)


def test_one_face_is_a_person(workers, sharded):
    assert ray.cluster(sharded(whole_numbers(1, 4)), workers=workers).labels.tolist() == [0]
    with pytest.raises(ValueError, match=r"method must be one of map_equation, .*, not 'average'"):
        ray.cluster(sharded(whole_numbers(3, 4), name="more"), workers=workers, method="average")


def test_photographs_become_faces_in_shards(workers, model, photos, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet

    folder = tmp_path / "photos" / "Ann"
    folder.mkdir(parents=True)
    for name in ("obama.jpg", "collins.png"):
        (folder / name).write_bytes((photos / name).read_bytes())
    (folder / "broken.jpg").write_bytes(b"none")
    content = [(photos / name).read_bytes() for name in ("biden.jpg", "obama2.jpg")]
    table = pa.table({"image": [*content, None], "photo": ["b", None, "c"]})
    pyarrow.parquet.write_table(table, tmp_path / "more.parquet", row_group_size=1)

    given = [tmp_path / "photos", tmp_path / "more.parquet", f"file://{photos}/obama3.jpg", f"file://{folder}"]
    shards = fp.Shards.create(tmp_path / "gallery", rows=3)
    unread = ray.embed(given, shards, workers=workers, label_folders=True)
    expected = [photos / name for name in ("collins.png", "obama.jpg", "biden.jpg", "obama2.jpg", "obama3.jpg")]
    assert same([shards.embeddings()], [model.embed([*expected, photos / "collins.png", photos / "obama.jpg"])])
    assert shards.labels().tolist() == ["Ann", "Ann", None, None, "photos", "Ann", "Ann"]
    assert shards.fingerprint == model.recipe.fingerprint
    assert not np.isnan(shards.quality()).any()
    assert [Path(failure.photo).name for failure in unread] == ["broken.jpg", "c", "broken.jpg"]
    assert "is not an image that can be read" in unread[0].reason
    assert unread[1].reason == "the column image is empty here"
    gallery = fp.Gallery()
    fp.read_shards(shards, gallery)
    assert [entry.photo for entry in gallery.iterate()][2:4] == ["b", f"{tmp_path}/more.parquet#1.0"]


def test_all_faces_or_the_only_one_are_embedded(workers, photos, tmp_path, model):
    from PIL import Image

    two = np.concatenate(
        [np.asarray(Image.open(photos / name).resize((300, 400))) for name in ("obama.jpg", "biden.jpg")], 1
    )
    Image.fromarray(two).save(tmp_path / "two.png")
    Image.new("RGB", (200, 200)).save(tmp_path / "none.png")
    for choose, count, failures in (("all", 2, []), ("prominent", 1, ["none"]), ("only", 0, ["none", "two"])):
        shards = fp.Shards.create(tmp_path / choose)
        unread = ray.embed(tmp_path / "two.png", shards, workers=workers, choose=choose)
        unread += ray.embed(tmp_path / "none.png", shards, workers=workers, choose=choose, model={"threads": 1})
        assert len(shards) == count
        assert sorted(Path(failure.photo).stem for failure in unread) == failures


def test_shards_of_photographs_are_full_but_the_last(workers, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("faceprint.ray.photos.BATCH", 2)
    names = [photos / name for name in ("obama.jpg", "biden.jpg", "collins.png", "obama2.jpg", "obama3.jpg")]
    shards = fp.Shards.create(tmp_path / "gallery", rows=3)
    assert ray.embed([*names, *names[:2]], shards, workers=workers) == []
    assert [shard.rows for shard in shards.files] == [3, 3, 1]
    gallery = fp.Gallery()
    fp.read_shards(shards, gallery)
    assert [entry.photo for entry in gallery.iterate()] == [str(name) for name in [*names, *names[:2]]]
    assert np.array_equal(shards.embeddings()[:2], shards.embeddings()[5:])
    assert np.array_equal(shards.quality()[:2], shards.quality()[5:])


def test_parquet_of_something_else_is_told(workers, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet

    shards = fp.Shards.create(tmp_path / "gallery")
    for columns, text in (
        ({"image": ["a.jpg"]}, r"column image of .*some.parquet must be binary, not string"),
        ({"image": [b"a"], "photo": [3]}, r"column photo of .*some.parquet must be string, not int64"),
    ):
        pyarrow.parquet.write_table(pa.table(columns), tmp_path / "some.parquet")
        with pytest.raises(GalleryError, match=text):
            ray.embed(tmp_path / "some.parquet", shards, workers=workers)
    table = pa.table({"image": [bytes(10_000)]})
    pyarrow.parquet.write_table(table, tmp_path / "some.parquet", compression=None, use_dictionary=False)
    content = (tmp_path / "some.parquet").read_bytes()
    (tmp_path / "some.parquet").write_bytes(content[:4] + b"\xff" * 60 + content[64:])
    with pytest.raises(GalleryError, match=r"some.parquet cannot be read as Parquet: "):
        ray.embed(tmp_path / "some.parquet", shards, workers=workers)
    assert len(shards) == 0


def test_photographs_that_are_not_there_are_told(workers, tmp_path, sharded, photos):
    shards = sharded(whole_numbers(3, 128))
    for given, error, text in (
        ([tmp_path / "none"], PhotoError, "photo .*none does not exist"),
        ([f"file://{tmp_path}/none"], PhotoError, r"photos file://.*none do not exist"),
        ([tmp_path / "none.parquet"], PhotoError, r"photos .*none.parquet do not exist"),
        ([f"file://{tmp_path}/gallery"], PhotoError, "folder file://.*gallery holds no photographs"),
        ([tmp_path / "gallery" / shards.files[0].file], GalleryError, "must have a column named image, and has id, "),
    ):
        with pytest.raises(error, match=text):
            ray.embed(given, shards, workers=workers)
    (tmp_path / "wrong.parquet").write_bytes(b"PAR1")
    with pytest.raises(GalleryError, match=r"wrong.parquet cannot be read as Parquet: "):
        ray.embed([tmp_path / "wrong.parquet"], shards, workers=workers)
    with pytest.raises(ValueError, match="choose must be 'prominent', 'only' or 'all', not 'best'"):
        ray.embed([], shards, workers=workers, choose="best")
    with pytest.raises(ValueError, match="device must be one of 'cpu', 'cuda', not 'abacus'"):
        ray.embed([photos / "obama.jpg"], shards, workers=workers, model={"device": "abacus"})
    assert len(shards) == 3


def worker_processes():
    """The numbers of the processes in which workers do their tasks, of which there will be one soon."""
    while not (found := list(map(int, filter(None, map(worker_of, Path("/proc").glob("[0-9]*")))))):
        time.sleep(0.1)
    return found


def worker_of(folder):
    try:
        return folder.name if (folder / "cmdline").read_bytes().startswith(b"ray::_Worker") else None
    except OSError:  # it has ended
        return None


@pytest.mark.parametrize("seed", range(20))
def test_a_worker_that_is_killed_costs_nothing_but_time(seed, workers, sharded):
    random = np.random.default_rng(seed)
    x = whole_numbers(600, 9, seed)
    at, told = random.integers(0, 20), []

    def kill(share):
        told.append(share)
        if len(told) == at + 1:
            os.kill(int(random.choice(worker_processes())), signal.SIGKILL)

    shards = sharded(x)
    assert same(ray.neighbours(shards, 15, workers=workers, block_rows=100, progress=kill), fp.neighbours(x, 15))
    assert len(told) > at
    assert not [file for file in Path(shards.url).iterdir() if file.name.startswith("lists")]


NODES = """
import os, sys
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import numpy as np, ray as engine
from ray.cluster_utils import Cluster
import faceprint as fp
from faceprint import ray

if __name__ == "__main__":
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    engine.init(cluster.address, log_to_driver=False)
    x = np.random.default_rng(0).integers(-2, 3, (600, 9)).astype(np.float32)
    shards = fp.Shards.create(sys.argv[1], rows=100)
    shards.add(x)
    expected = fp.neighbours(x, 15)
    with ray.Workers(threads=1) as workers:
        assert workers.count == 2
        for run in range(5):
            told = []
            def kill(share):
                told.append(share)
                if len(told) == 3 + 2 * run:
                    cluster.remove_node(nodes.pop(0), allow_graceful=False)
                    nodes.append(cluster.add_node(num_cpus=1, wait=False))
            found = ray.neighbours(shards, 15, workers=workers, block_rows=100, progress=kill)
            assert all(map(np.array_equal, found, expected)), run
            assert len(told) >= 3 + 2 * run
    print("all right")
    engine.shutdown()
    cluster.shutdown()
"""


def test_a_node_that_is_killed_costs_nothing_but_time(tmp_path):
    script = tmp_path / "nodes.py"
    script.write_text(NODES)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, str(script), str(tmp_path / "gallery")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert "all right" in ran.stdout.splitlines(), ran.stderr[-3000:]  # Ray may tell of dead nodes behind it
    assert ran.returncode == 0


def test_lists_that_were_begun_are_gone_on_with(workers, sharded, tmp_path):
    x = whole_numbers(500, 8)
    shards, out, told = sharded(x), tmp_path / "lists", []

    def stop(share):
        told.append(share)
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ray.list_neighbours(shards, 9, out, workers=workers, block_rows=100, progress=stop)
    before, told[:] = len(told), []
    (out / "mine.txt").touch()
    with written_whole(out / "lists-2-0.npz") as unfinished:
        pass
    unfinished.touch()  # as a worker leaves both that dies at its work
    lists = ray.list_neighbours(shards, 9, out, workers=workers, block_rows=100, progress=told.append)
    assert 2 < len(told) < 15 + 1
    assert before + len(told) <= 15 + 2 + 2  # 15 meetings, of which those that were running may come again
    expected = fp.neighbours(x, 9)
    assert same(lists.read(), expected)
    assert same((lists.block(3).distances, lists.block(3).indices), [part[300:400] for part in expected])
    assert len(lists) == 500
    told.clear()
    assert same(
        ray.list_neighbours(shards, 9, out, workers=workers, block_rows=100, progress=told.append).read(), expected
    )
    assert told == [0, 1]  # there was nothing left to do
    left = {"lists.json", "mine.txt"} | {f"lists-{block}-5.npz" for block in range(5)}  # of each block the last version
    assert {file.name for file in out.iterdir()} == left

    with pytest.raises(
        GalleryError, match="lists holds lists of another gallery, k, metric or size of blocks: take another"
    ):
        ray.list_neighbours(shards, 8, out, workers=workers, block_rows=100)
    for other, metric, block_rows in (
        (sharded(x, name="other"), "squared-euclidean", 100),
        (shards, "cosine", 100),
        (shards, "squared-euclidean", 200),
    ):
        with pytest.raises(GalleryError, match="holds lists of another gallery, k, metric or size of blocks"):
            ray.list_neighbours(other, 9, out, workers=workers, metric=metric, block_rows=block_rows)
    file = out / "lists-2-5.npz"
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(GalleryError, match=r"lists-2-5.npz is damaged: "):
        lists.read()
    np.savez(file, distances=np.zeros((100, 9)), indices=np.zeros((100, 9), np.int64))
    with pytest.raises(GalleryError, match=r"lists-2-5.npz is damaged: its lists are float64 of shape \(100, 9\)"):
        lists.block(2)
    np.savez(file, distances=np.zeros((90, 9), np.float32), indices=np.zeros((90, 9), np.int64))
    with pytest.raises(GalleryError, match=r"lists-2-5.npz is damaged: its lists are float32 of shape \(90, 9\)"):
        lists.block(2)
    file.unlink()
    with pytest.raises(GalleryError, match=r"lists-2-5.npz cannot be read: there is no such file or folder"):
        lists.block(2)
    with pytest.raises(GalleryError, match=r"lists.json cannot be made: "):
        ray.list_neighbours(shards, 9, out / "lists.json", workers=workers)
    (out / "lists.json").write_text("{")
    with pytest.raises(GalleryError, match=r"lists.json is damaged: "):
        ray.list_neighbours(shards, 9, out, workers=workers, block_rows=100)


def test_a_meeting_of_which_half_was_written_is_repeated(workers, sharded, tmp_path, monkeypatch):
    x = whole_numbers(500, 8)
    shards, out, forget = sharded(x), tmp_path / "lists", SavedLists.forget
    with monkeypatch.context() as patch:  # as if nobody had seen the last meetings end
        patch.setattr(SavedLists, "forget", lambda *call: None if call[-1] == 4 else forget(*call))
        patch.setattr(SavedLists, "forget_all_but_last", lambda lists: None)
        ray.list_neighbours(shards, 9, out, workers=workers, block_rows=100)
    assert len(list(out.iterdir())) == 1 + 5 + 5
    (out / "lists-1-5.npz").unlink()
    found = ray.list_neighbours(shards, 9, out, workers=workers, block_rows=100).read()
    assert same(found, fp.neighbours(x, 9))
    assert len(list(out.iterdir())) == 1 + 5


def test_shards_that_are_damaged_or_gone_are_told_once(workers, sharded):
    x = whole_numbers(400, 8)
    shards = sharded(x)
    file = Path(shards.url) / shards.files[2].file
    content = file.read_bytes()
    for damage, text in ((content[:-100], "is damaged: it has bytes "), (None, "is not there; it was removed since")):
        file.unlink() if damage is None else file.write_bytes(damage)
        with pytest.raises(GalleryError, match=rf"shard {shards.files[2].file} of gallery .*gallery {text}"):
            ray.neighbours(shards, 3, workers=workers, block_rows=100)
        with pytest.raises(GalleryError, match=rf"shard {shards.files[2].file} of gallery .*gallery {text}"):
            ray.nearest(x, shards, 3, workers=workers, block_rows=100)
        assert not [file for file in Path(shards.url).iterdir() if file.name.startswith("lists")]
    file.write_bytes(content)
    assert same(ray.nearest(x, shards, 3, workers=workers, block_rows=100), fp.nearest(x, x, 3))


def test_what_cannot_be_compared_is_refused(workers, sharded, model, photos, monkeypatch):
    x = whole_numbers(30, 128)
    shards = sharded(x)
    for k, text in ((0, r"k must be 1 or more, not 0"), (30, r"k must be in \[1, 29\], not 30")):
        with pytest.raises(ValueError, match=text):
            ray.neighbours(shards, k, workers=workers)
    with pytest.raises(ValueError, match="metric must be 'squared-euclidean', 'cosine' or 'dot', not 'l2'"):
        ray.neighbours(shards, 3, workers=workers, metric="l2")
    with pytest.raises(ValueError, match="block_rows must be 1 or more, not 0"):
        ray.neighbours(shards, 3, workers=workers, block_rows=0)
    assert ray.neighbours(shards, np.int64(3), workers=workers)[1].shape == (30, 3)
    with pytest.raises(ValueError, match="a gallery must have at least 2 rows for neighbours, not 1"):
        ray.neighbours(sharded(x[:1], name="one"), 1, workers=workers)
    with pytest.raises(ValueError, match="far must lie between 0 and 1, not 1"):
        ray.val_at_far(shards, 1, workers=workers, labels=np.arange(30) // 2)
    with pytest.raises(ValueError, match=r"k must be in \[1, 30\], not 31"):
        ray.nearest(x, shards, 31, workers=workers)
    with pytest.raises(ValueError, match=r"x must have shape \(n, 128\), not \(30, 7\)"):
        ray.nearest(x[:, :7], shards, 3, workers=workers)
    with pytest.raises(GalleryError, match="x must have 128 numbers a row as the gallery has, not 7"):
        ray.nearest(sharded(x[:, :7], name="narrow"), shards, 3, workers=workers)
    ours, theirs = (fp.Shards.create(Path(shards.url).parent / name) for name in ("ours", "theirs"))
    ours.add(model.faces(photos / "obama.jpg"))
    theirs.add(fp.Embedded(x, "another"))
    with pytest.raises(GalleryError, match=f"x is of network {model.recipe.fingerprint} and the gallery of another"):
        ray.nearest(ours, theirs, 1, workers=workers)
    for a, b in ((ours, shards), (shards, ours)):  # of one of which nobody knows the network
        assert ray.nearest(a, b, 1, workers=workers)[1].shape == (len(a), 1)
    with pytest.raises(GalleryError, match="the gallery must hold at least one embedding, not 0"):
        ray.nearest(x, fp.Shards.create(Path(shards.url).parent / "empty"), 1, workers=workers)
    with pytest.raises(GalleryError, match="the gallery must hold at least one embedding, not 0"):
        ray.plan_neighbours(fp.Shards(Path(shards.url).parent / "empty"), workers=workers)
    broken = x.copy()
    broken[20, 1] = np.nan
    monkeypatch.setattr("faceprint.ray.search.QUERY_ROWS", 8)
    with pytest.raises(ValueError, match="x must be finite: row 20 is not"):
        ray.nearest(broken, shards, 3, workers=workers)
    with pytest.raises(GalleryError, match="all faces must have labels, and 30 of 30 have none"):
        ray.val_at_far(shards, workers=workers)
    assert ray.nearest(x[:0], shards, 3, workers=workers)[0].shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x, w: ray.nearest(ROWS, fp.Gallery(), 1, workers=w), "gallery must be a Shards, not Gallery"),
        (lambda x, w: ray.nearest(ROWS, x, 1, workers=2), "workers must be a Workers, not int"),
        (lambda x, w: ray.nearest(ROWS, x, 1.5, workers=w), "k must be a whole number, not float"),
        (lambda x, w: ray.neighbours("folder", 1, workers=w), "x must be a Shards, not str"),
        (lambda x, w: ray.list_neighbours(ROWS, 1, "folder", workers=w), "x must be a Shards, not ndarray"),
        (lambda x, w: ray.cluster(fp.Gallery(), workers=w), "x must be a Shards, not Gallery"),
        (lambda x, w: ray.val_at_far(fp.Gallery(), 0.1, workers=w), "x must be a Shards, not Gallery"),
        (lambda x, w: ray.plan_neighbours(x, 1, workers=None), "workers must be a Workers, not NoneType"),
        (lambda x, w: ray.plan_nearest(3, "folder", 1, query_rows=3, workers=w), "gallery must be a Shards, not str"),
        (lambda x, w: ray.embed([], fp.Gallery(), workers=w), "out must be a Shards, not Gallery"),
        (lambda x, w: ray.embed([ROWS], x, workers=w), "each of photos must be a str or a path, not ndarray"),
        (lambda x, w: ray.embed([], x, workers=w, model=3),
         "model must be arguments of faceprint.load in a mapping, not int"),
        (lambda x, w: Workers("2"), "count must be a whole number, not str"),
        (lambda x, w: Workers(1, threads=1.5), "threads must be a whole number, not float"),
        (lambda x, w: Workers(1, gpus="1"), "gpus must be a number, not str"),
    ],
)  # fmt: skip
def test_what_are_no_shards_or_workers(call, text, workers, sharded):
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        call(sharded(ROWS), workers)


def test_the_plan_is_told_before_it_begins(workers, sharded):
    shards, told = sharded(whole_numbers(300, 8)), []
    ray.neighbours(shards, 3, workers=workers, block_rows=100, say=told.append, progress=told.append)
    assert told[0].startswith("300 x 300 x 8: 3.6e05 multiply-adds in 6 tasks, about ")
    assert told[1] == 0
    told.clear()
    ray.nearest(whole_numbers(20, 8), shards, 3, workers=workers, block_rows=100, say=told.append)
    ray.cluster(shards, workers=workers, k=3, block_rows=100, say=told.append)
    assert [line.partition(":")[0] for line in told] == ["20 x 300 x 8", "300 x 300 x 8"]


def fail_once(path):
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def wait_and_tell():
    time.sleep(0.2)
    return os.getpid()


def all_at_work(workers):
    """The processes of all workers, each of which has begun."""
    for _ in range(100):
        found = {process for _, process in workers.do([Task(number, wait_and_tell, ()) for number in range(4)])}
        if len(found) == workers.count:
            return found
    raise AssertionError("not all workers have begun")


def refuse():
    raise ValueError("not today")


def test_tasks_wait_for_others_and_are_done_again(workers, tmp_path):
    path = tmp_path / "tried"
    tasks = [Task("first", fail_once, (path,)), Task("second", path.exists, (), after=frozenset({"first"}))]
    assert list(workers.do(tasks)) == [("first", "done"), ("second", True)]
    with pytest.raises(ValueError, match="not today"):
        list(workers.do([Task("refused", refuse, ())]))
    assert list(workers.do([])) == []
    assert [result for _, result in workers.do(Task(n, int, (str(n),)) for n in range(1))] == [0]


def test_tasks_are_asked_for_as_they_are_needed(workers):
    asked = []

    def tasks():
        for number in range(40):
            asked.append(number)
            yield Task(number, int, ())

    for done, _ in enumerate(workers.do(tasks()), 1):
        assert len(asked) <= done + 3 * workers.count  # those that run, and two more for each worker
    assert len(asked) == 40


def test_tasks_go_to_a_worker_that_is_at_home_with_them(workers):
    homes = "abaabbaa"
    all_at_work(workers)
    found = [process for home in homes for _, process in workers.do([Task("one", os.getpid, (), home=home)])]
    assert found == [found[homes.index(home)] for home in homes]


def test_workers_whose_results_nobody_wants_are_free_again(workers):
    for _ in range(3):
        results = workers.do([Task("short", int, ()), Task("long", time.sleep, (600,))])
        assert next(results) == ("short", 0)
        results.close()
    assert list(workers.do([Task("one", int, ())])) == [("one", 0)]


def write_until_killed(folder):
    (folder / "process").write_text(str(os.getpid()))
    while True:
        (folder / "written").write_bytes(bytes(100_000))


def fail_after(file):
    while not file.exists():
        time.sleep(0.01)
    raise ValueError("no good")


def test_nothing_goes_on_after_an_error(workers, tmp_path):
    tasks = [Task("writes", write_until_killed, (tmp_path,)), Task("fails", fail_after, (tmp_path / "written",))]
    with pytest.raises(ValueError, match="no good"):
        list(workers.do(tasks))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "process").read_text()), 0)


def test_a_task_that_kills_every_worker_ends(workers, monkeypatch):
    monkeypatch.setattr(workers_module, "ATTEMPTS", 2)
    with pytest.raises(DeviceError, match="2 workers died of one task, deadly: "):
        list(workers.do([Task("deadly", os.abort, ())]))
    assert list(workers.do([Task("harmless", int, ())])) == [("harmless", 0)]


def test_workers_that_died_idle_are_replaced_before_they_are_given_tasks(workers, monkeypatch):
    monkeypatch.setattr(workers_module, "ATTEMPTS", 2)
    with Workers(2, threads=1) as some:
        for process in all_at_work(some):
            os.kill(process, signal.SIGKILL)
        assert list(some.do([Task("one", int, ())])) == [("one", 0)]
    with pytest.raises(DeviceError, match="these workers are closed, or at work for another call"):
        list(some.do([Task("one", int, ())]))


class Unfit:
    def __init__(self):
        raise ImportError("faceprint is not installed here")

    def do(self, function):
        return function()


def test_workers_that_cannot_start_are_told(workers, monkeypatch):
    monkeypatch.setattr(workers_module, "ATTEMPTS", 2)
    monkeypatch.setattr(workers_module, "_Worker", Unfit)
    with Workers(1, threads=1) as some:
        for _ in range(2):  # a later call tries again
            with pytest.raises(DeviceError, match=r"(?s)no worker can start on the Ray cluster: .*not installed here"):
                list(some.do([Task("never", int, ())]))


def test_as_many_workers_as_fit(workers):
    with Workers(threads=2) as some:
        assert some.count == 2
        some.gpus = 0.5
        assert [some._room({"CPU": 8.0, **gpus}) for gpus in ({}, {"GPU": 1.0}, {"GPU": 4.0})] == [0, 2, 4]


def test_blocks_that_were_used_last_are_kept(sharded, monkeypatch):
    monkeypatch.setattr(sections_module, "_kept", OrderedDict())
    monkeypatch.setattr(sections_module, "KEPT", 2)
    shards = sharded(whole_numbers(300, 4))
    first, second, third = cut_up(shards, 100)
    block = joined_block(first)
    joined_block(second)
    assert joined_block(first) is block
    joined_block(third)
    assert joined_block(first) is block
    assert len(sections_module._kept) == 2


def test_a_cluster_without_room_is_told(workers, monkeypatch):
    monkeypatch.setattr(workers_module, "PATIENCE", 1.0)
    with (
        Workers(1, threads=1000) as many,
        pytest.raises(DeviceError, match="no node of the Ray cluster has had 1000 CPUs free for a worker for 1 s"),
    ):
        list(many.do([Task("never", int, ())]))
    for wrong in ({"count": 0}, {"threads": 0}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be 1 or more, not 0"):
            Workers(**wrong)
    for gpus in (-1, 1.5, float("nan"), float("inf")):
        text = f"gpus must be in [0, 1], the share of one, or a whole number, not {gpus}"
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            Workers(1, gpus=gpus)


def test_a_cluster_that_is_not_there_is_told():
    script = (
        "import os\nfrom faceprint.ray import Workers\n"
        "try:\n    Workers(address='127.0.0.1:1')\nexcept Exception as error:\n    print(type(error).__name__, error)\n"
        "print(os.environ['RAY_USAGE_STATS_ENABLED'])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [
        "DeviceError no Ray cluster answers at 127.0.0.1:1: [Errno 111] Connection refused",
        "0",
    ]
