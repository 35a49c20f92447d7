"""Photographs sorted into folders: every file is where it belongs, every refusal comes first, all can be undone."""

import errno
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import faceprint as fp
from faceprint import sort
from faceprint.sort import JOURNAL, PART, check_folder, free_name, plan_sorting, sort_photos, unsort

HOWS = ("links", "copies", "moves")
each_how = pytest.mark.parametrize("how", HOWS)


def tree(top):
    """Every file below a folder with its content, links with their text, folders with None."""
    found = {}
    for path in sorted(top.rglob("*")):
        name = path.relative_to(top).as_posix()
        found[name] = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return found


@pytest.fixture
def album(tmp_path, album_of):
    """Ann and Bob alone, both on one photograph, a landscape, and another of Ann with the name of the first."""
    photos = {"in/a.jpg": [0], "in/b.jpg": [1], "in/both.jpg": [0, 1], "in/hills.jpg": [], "in/more/a.jpg": [0]}
    for name in photos:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    named = {tmp_path / name: people for name, people in photos.items()}
    return album_of(named, {tmp_path / "in/both.jpg": [50, 60]})


@pytest.fixture
def plan(album):
    """Plan to sort the album."""

    def make(how="links"):
        return plan_sorting(album, fp.cluster(album.embeddings).labels, how)

    return make


PLACES = {
    "person-001/a.jpg": "in/a.jpg",
    "person-001/both.jpg": "in/both.jpg",
    "person-001/a-2.jpg": "in/more/a.jpg",
    "person-002/b.jpg": "in/b.jpg",
    "person-002/both.jpg": "in/both.jpg",
    "nobody/hills.jpg": "in/hills.jpg",
}


def places(how):
    return {place: source for place, source in PLACES.items() if how != "moves" or place != "person-001/both.jpg"}


@each_how
def test_everybody_has_a_folder(tmp_path, plan, how):
    before = tree(tmp_path / "in")
    sort_photos(plan(how), tmp_path / "out")
    found = {name: (tmp_path / "out" / name) for name in tree(tmp_path / "out") if name.endswith(".jpg")}
    assert {name: path.read_text() for name, path in found.items()} == places(how)
    assert {path.is_symlink() for path in found.values()} == {how == "links"}
    assert tree(tmp_path / "in") == ({"more": None} if how == "moves" else before)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [JOURNAL, "nobody", "person-001", "person-002"]


@each_how
@pytest.mark.parametrize("made", [True, False])
def test_undone_nothing_is_left_of_it(tmp_path, plan, how, made):
    if not made:
        (tmp_path / "out").mkdir()
    before = tree(tmp_path)
    sort_photos(plan(how), tmp_path / "out")
    undone = unsort(tmp_path / "out")
    assert (undone.cleared, undone.kept, undone.missing) == (len(places(how)), {}, [])
    assert tree(tmp_path) == before
    with pytest.raises(fp.SortError, match=r"out holds no faceprint-undo\.json: nothing was sorted into it, or it"):
        unsort(tmp_path / "out")
    assert tree(tmp_path) == before


def test_links_are_relative(tmp_path, plan, monkeypatch):
    sort_photos(plan(), tmp_path / "out")
    assert str((tmp_path / "out/person-001/a.jpg").readlink()) == "../../in/a.jpg"
    (tmp_path / "all").mkdir()
    for name in ("in", "out"):
        (tmp_path / name).rename(tmp_path / "all" / name)
    assert (tmp_path / "all/out/person-001/a-2.jpg").read_text() == "in/more/a.jpg"
    assert unsort(tmp_path / "all/out").cleared == len(PLACES)

    def refuse(*paths):
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    (tmp_path / "all/in").rename(tmp_path / "in")
    monkeypatch.setattr("os.path.relpath", refuse)
    sort_photos(plan(), tmp_path / "out")
    assert (tmp_path / "out/person-001/a.jpg").readlink() == tmp_path / "in/a.jpg"
    assert unsort(tmp_path / "out").kept == {}


def test_folders_reached_through_links(tmp_path, plan):
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "short").symlink_to("deep/er")
    sort_photos(plan(), tmp_path / "short/out")
    assert (tmp_path / "deep/er/out/person-001/a.jpg").read_text() == "in/a.jpg"
    assert unsort(tmp_path / "short/out").cleared == len(PLACES)
    assert tree(tmp_path / "deep") == {"er": None}


def test_a_photograph_moves_to_whom_has_its_largest_face(tmp_path, album_of):
    photos = {tmp_path / "x.jpg": [1, 0, 1], tmp_path / "y.jpg": [1, 0], tmp_path / "z.jpg": [2]}
    album = album_of(photos, {tmp_path / "x.jpg": [50, 80, 70], tmp_path / "y.jpg": [60, 60]})
    moves = plan_sorting(album, np.array([1, 0, 1, 1, 0, -1]), "moves")
    assert [step.place for step in moves.steps] == ["person-001/x.jpg", "person-001/y.jpg", "nobody/z.jpg"]
    assert moves.summary == {"how": "moves", "photos": 3, "places": 3, "nobody": 1, "several": 2}
    links = plan_sorting(album, np.array([1, 0, 1, 1, 0, -1]))
    assert [step.folder for step in links.steps] == ["person-001", "person-002", "person-001", "person-002", "nobody"]
    assert links.summary == {"how": "links", "photos": 3, "places": 5, "nobody": 1, "several": 2}


def test_a_photograph_listed_twice_is_one(tmp_path, album_of, monkeypatch):
    monkeypatch.chdir(tmp_path)
    both = album_of({tmp_path / "a.jpg": [0], Path("a.jpg"): [0, 1]})
    steps = plan_sorting(both, np.array([0, 0, 1])).steps
    assert [(step.source, step.place) for step in steps] == [
        (str(tmp_path / "a.jpg"), "person-001/a.jpg"),
        (str(tmp_path / "a.jpg"), "person-002/a.jpg"),
    ]


def test_numbers_have_as_many_digits_as_the_highest(tmp_path, album_of):
    album = album_of({tmp_path / "a.jpg": [0, 1]})
    assert [step.folder for step in plan_sorting(album, np.array([998, 0])).steps] == ["person-001", "person-999"]
    assert [step.folder for step in plan_sorting(album, np.array([999, 0])).steps] == ["person-0001", "person-1000"]


def test_names_never_collide():
    taken = {}
    names = ["a.jpg", "a-2.jpg", "A.JPG", "a.jpg", "a", "a.tar.gz", "a.tar.gz", "é.jpg", "e\u0301.jpg"]
    names += ["b.jpg"] * 5000
    found = [free_name(name, taken) for name in names]
    assert len({name.casefold() for name in found}) == len(names)
    assert found[:7] == ["a.jpg", "a-2.jpg", "A-3.JPG", "a-4.jpg", "a", "a.tar.gz", "a.tar-2.gz"]
    assert found[8] == "e\u0301-2.jpg"
    assert found[-1] == "b-5000.jpg"
    odd = "a." + 253 * "b"
    assert [free_name(odd, taken) for _ in range(2)] == [odd, "-2." + 252 * "b"]


@each_how
def test_names_as_long_as_can_be(tmp_path, album_of, how):
    names = [letter * (251 // len(letter.encode())) + ".jpg" for letter in "aé"]
    photos = [tmp_path / folder / name for folder in ("x", "y") for name in names]
    for photo in photos:
        photo.parent.mkdir(exist_ok=True)
        photo.write_text(photo.parent.name)
    before = tree(tmp_path)
    album = album_of({photo: [0] for photo in photos})
    sort_photos(plan_sorting(album, np.zeros(4, np.int64), how), tmp_path / "out")
    found = sorted(path.name for path in (tmp_path / "out").glob("*/*"))
    assert found == sorted([*names, "a" * 249 + "-2.jpg", "é" * 124 + "-2.jpg"])
    assert unsort(tmp_path / "out").cleared == 4
    assert tree(tmp_path) == before


def test_names_that_are_not_utf8(tmp_path, album_of):
    photo = tmp_path / "caf\udce9\n.jpg"
    photo.write_text("x")
    sort_photos(plan_sorting(album_of({photo: [0]}), np.array([0]), "moves"), tmp_path / "out")
    assert not photo.exists()
    assert unsort(tmp_path / "out").cleared == 1
    assert tree(tmp_path) == {photo.name: b"x"}


@each_how
def test_a_plan_says_what_it_refuses(album, how):
    with pytest.raises(ValueError, match=r"labels must have shape \(5,\), one for each face, not \(2,\)"):
        plan_sorting(album, np.zeros(2, np.int64), how)
    with pytest.raises(ValueError, match="how must be 'links', 'copies' or 'moves', not 'magic'"):
        plan_sorting(album, np.zeros(5, np.int64), "magic")


def refuse_folder(monkeypatch, *folders):
    """Whoever runs the tests may be allowed everything."""
    real = os.access
    refused = [os.path.realpath(folder) for folder in folders]
    monkeypatch.setattr("os.access", lambda path, mode: os.path.realpath(path) not in refused and real(path, mode))


@each_how
def test_folders_that_are_refused(tmp_path, plan, how, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "inside").symlink_to("in")
    (tmp_path / "empty").mkdir()
    (tmp_path / "locked").mkdir()
    before = tree(tmp_path)
    refuse_folder(monkeypatch, tmp_path / "locked")

    def refused(folder, text):
        with pytest.raises(fp.SortError, match=text):
            check_folder(tmp_path / folder, [tmp_path / "in"])
        if "outside" not in text:  # which a plan cannot know
            with pytest.raises(fp.SortError, match=text):
                sort_photos(plan(how), tmp_path / folder)
        assert tree(tmp_path) == before

    refused("full", "full must be new or empty, but holds mine.txt")
    refused("file", "file must be a folder, new or empty, not a file")
    refused("no/where", "where must lie in a folder that exists, but .*no does not")
    refused("in/out", "out must lie outside .*in, whose photographs are sorted")
    refused("in", "in must lie outside .*in, whose photographs are sorted")
    refused("inside/out", "out must lie outside .*in, whose photographs are sorted")
    refused("locked", "folder .*locked must be writable to sort into .*locked, but is not")
    refused("locked/out", "folder .*locked must be writable to sort into .*out, but is not")
    check_folder(tmp_path / "empty", [tmp_path / "in"])
    check_folder(tmp_path / "inner", [tmp_path / "in", tmp_path / "in/a.jpg"])


def test_a_sorted_folder_is_not_sorted_into_again(tmp_path, plan):
    sort_photos(plan(), tmp_path / "out")
    before = tree(tmp_path)
    with pytest.raises(fp.SortError, match="out must be new or empty, but holds what was sorted; 'faceprint uns"):
        sort_photos(plan("moves"), tmp_path / "out")
    assert tree(tmp_path) == before


def test_photographs_that_are_refused(tmp_path, album, album_of, plan, monkeypatch):
    def refused(text, made):
        before = tree(tmp_path)
        with pytest.raises(fp.SortError, match=text):
            sort_photos(made, tmp_path / "out")
        assert tree(tmp_path) == before

    with monkeypatch.context() as patch:
        refuse_folder(patch, tmp_path / "in/more")
        refused("folder .*more must be writable to move photographs out of it, but is not", plan("moves"))
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10, 0, 10))
        needed = sum(len(source) for source in PLACES.values())
        refused(f"out must have room for {needed} bytes, but 10 are free", plan("copies"))
    (tmp_path / "link.jpg").symlink_to("in/a.jpg")
    linked = album_of({tmp_path / "link.jpg": [0]})
    refused("link.jpg must be a file to be moved, not a link", plan_sorting(linked, np.array([0]), "moves"))
    sort_photos(plan_sorting(linked, np.array([0]), "copies"), tmp_path / "copied")
    assert (tmp_path / "copied/person-001/link.jpg").read_text() == "in/a.jpg"
    assert not (tmp_path / "copied/person-001/link.jpg").is_symlink()
    (tmp_path / "in/b.jpg").unlink()
    for how in HOWS:
        refused("photo .*b.jpg is not there any more", plan(how))


@pytest.mark.parametrize("made", [True, False])
def test_a_disk_without_links(tmp_path, plan, monkeypatch, made):
    if not made:
        (tmp_path / "out").mkdir()
    before = tree(tmp_path)

    def fail(self, target):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", fail)
    with pytest.raises(fp.SortError, match="must be able to hold links, but is not: Operation not permitted; ma"):
        sort_photos(plan(), tmp_path / "out")
    assert tree(tmp_path) == before
    sort_photos(plan("copies"), tmp_path / "out")


@each_how
@pytest.mark.parametrize("call", ["dump", "fsync"])
def test_a_journal_that_cannot_be_written(tmp_path, plan, monkeypatch, how, call):
    before = tree(tmp_path)

    def fail(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr({"dump": "json.dump", "fsync": "os.fsync"}[call], fail)
    with pytest.raises(OSError, match="No space left on device"):
        sort_photos(plan(how), tmp_path / "out")
    assert tree(tmp_path) == before


@each_how
def test_the_journal_is_on_disk_first(tmp_path, plan, monkeypatch, how):
    synced, real = [], os.fsync

    def sync(number):
        synced.append(Path(f"/proc/self/fd/{number}").readlink())
        real(number)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("files cannot be named by their numbers here")
    monkeypatch.setattr("os.fsync", sync)

    def watch(steps):
        assert synced == [tmp_path / "out" / PART, tmp_path / "out", tmp_path]
        assert len(json.loads((tmp_path / "out" / JOURNAL).read_bytes())["steps"]) == len(places(how))
        return steps

    sort_photos(plan(how), tmp_path / "out", watch)


CALLS = [
    (Path, "mkdir"),
    (Path, "symlink_to"),
    (Path, "rename"),
    (Path, "unlink"),
    (shutil, "copyfileobj"),
    (os, "fsync"),
]


class Crash(BaseException):
    """What no handler of errors stops."""


def crash_after(monkeypatch, number):
    """Let so many calls that touch a file succeed, and the next end in a crash."""
    calls = []
    for holder, name in CALLS:
        real = getattr(holder, name)

        def call(*arguments, real=real, **options):
            calls.append(real)
            if len(calls) > number:
                raise Crash
            return real(*arguments, **options)

        monkeypatch.setattr(holder, name, call)


@each_how
@pytest.mark.parametrize("disks", [1, 2])
@pytest.mark.parametrize("again", [False, True])
def test_a_crash_at_any_moment_can_be_undone(tmp_path, plan, monkeypatch, how, disks, again):
    if disks == 2:
        monkeypatch.setattr(sort, "_rename", rename_on_two_disks(sort._rename))
    before = tree(tmp_path)
    for moment in range(1, 200):
        with monkeypatch.context() as patch:
            crash_after(patch, moment)
            try:
                sort_photos(plan(how), tmp_path / "out")
                finished = True
            except Crash:
                finished = False
        if not (tmp_path / "out" / JOURNAL).exists():  # nothing was sorted
            assert {name: text for name, text in tree(tmp_path).items() if not name.startswith("out")} == before
            shutil.rmtree(tmp_path / "out", ignore_errors=True)
            continue
        if again:
            with monkeypatch.context() as patch:
                crash_after(patch, moment % 7)
                with suppress(Crash):
                    unsort(tmp_path / "out")
        if (tmp_path / "out" / JOURNAL).exists():
            undone = unsort(tmp_path / "out")
            assert (undone.kept, undone.missing) == ({}, [])
        left = tree(tmp_path)
        if again:
            left.pop("out", None)  # a crash between the journal and its folder leaves the folder
        assert left == before, moment
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        if finished:
            break
    assert finished
    assert moment > len(places(how))


def rename_on_two_disks(real):
    def rename(source, target):
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, target)

    return rename


def test_moves_to_another_disk_keep_times(tmp_path, plan, monkeypatch):
    os.utime(tmp_path / "in/a.jpg", (1_000_000_000, 1_000_000_000))
    monkeypatch.setattr(sort, "_rename", rename_on_two_disks(sort._rename))
    before = tree(tmp_path)
    sort_photos(plan("moves"), tmp_path / "out")
    assert (tmp_path / "out/person-001/a.jpg").stat().st_mtime == 1_000_000_000
    assert not (tmp_path / "in/a.jpg").exists()
    assert unsort(tmp_path / "out").kept == {}
    assert tree(tmp_path) == before
    assert (tmp_path / "in/a.jpg").stat().st_mtime == 1_000_000_000


@each_how
def test_nothing_that_appears_meanwhile_is_overwritten(tmp_path, plan, how):
    def watch(steps):
        (tmp_path / "out/person-002/both.jpg").write_text("mine")
        return steps

    before = tree(tmp_path)
    with pytest.raises(FileExistsError):
        sort_photos(plan(how), tmp_path / "out", watch)
    assert (tmp_path / "out/person-002/both.jpg").read_text() == "mine"
    undone = unsort(tmp_path / "out")
    assert list(undone.kept) == ["person-002/both.jpg"]
    assert (tmp_path / "out/person-002/both.jpg").read_text() == "mine"
    (tmp_path / "out/person-002/both.jpg").unlink()
    assert unsort(tmp_path / "out").kept == {}
    assert tree(tmp_path) == before


def test_copies_that_were_changed_are_kept(tmp_path, plan):
    before = tree(tmp_path)
    sort_photos(plan("copies"), tmp_path / "out")
    out = tmp_path / "out"
    (out / "person-001/a.jpg").write_text("in/A.jpg")
    (out / "person-002/b.jpg").unlink()
    (out / "person-002/b.jpg").symlink_to("../../in/b.jpg")
    (out / "nobody/mine.txt").write_text("mine")
    (out / "mine").mkdir()
    (tmp_path / "in/more/a.jpg").rename(tmp_path / "elsewhere.jpg")
    undone = unsort(out)
    assert undone.cleared == 3
    assert undone.kept == {
        "person-001/a.jpg": f"differs from {tmp_path}/in/a.jpg",
        "person-001/a-2.jpg": f"photo {tmp_path}/in/more/a.jpg is not there any more",
        "person-002/b.jpg": "is not the file that was made",
    }
    mine = {"mine": None, "nobody": None, "nobody/mine.txt": b"mine"}
    assert {JOURNAL, "person-001", "person-002", *mine, *undone.kept} == set(tree(out))
    (tmp_path / "elsewhere.jpg").rename(tmp_path / "in/more/a.jpg")
    (out / "person-001/a.jpg").unlink()
    (out / "person-002/b.jpg").unlink()
    assert unsort(out).kept == {}
    assert tree(out) == mine
    assert {name: text for name, text in tree(tmp_path).items() if not name.startswith("out")} == before


def test_the_last_copy_is_kept(tmp_path, plan):
    """The user makes the originals links to the copies, so that they take no room."""
    sort_photos(plan("copies"), tmp_path / "out")
    (tmp_path / "in/a.jpg").unlink()
    (tmp_path / "in/a.jpg").symlink_to("../out/person-001/a.jpg")
    (tmp_path / "in/both.jpg").unlink()
    (tmp_path / "in/both.jpg").symlink_to("../out/person-002/both.jpg")
    assert unsort(tmp_path / "out").kept == {
        "person-001/a.jpg": f"is itself where {tmp_path}/in/a.jpg leads",
        "person-002/both.jpg": f"is itself where {tmp_path}/in/both.jpg leads",
    }
    assert (tmp_path / "in/a.jpg").read_text() == "in/a.jpg"
    assert (tmp_path / "in/both.jpg").read_text() == "in/both.jpg"


@each_how
def test_folders_that_became_links_are_left_alone(tmp_path, plan, how):
    sort_photos(plan(how), tmp_path / "out")
    shutil.copytree(tmp_path / "out/person-001", tmp_path / "kept", symlinks=True)
    shutil.rmtree(tmp_path / "out/person-001")
    (tmp_path / "out/person-001").symlink_to(tmp_path / "kept")
    before = tree(tmp_path / "kept")
    undone = unsort(tmp_path / "out")
    assert set(undone.kept.values()) == {"its folder has become a link"}
    assert tree(tmp_path / "kept") == before


def test_links_that_were_replaced_are_kept(tmp_path, plan):
    sort_photos(plan(), tmp_path / "out")
    (tmp_path / "out/person-001/a.jpg").unlink()
    (tmp_path / "out/person-001/a.jpg").write_text("mine")
    (tmp_path / "out/person-001/both.jpg").unlink()
    (tmp_path / "out/person-001/both.jpg").symlink_to("/")
    assert unsort(tmp_path / "out").kept == dict.fromkeys(
        ["person-001/both.jpg", "person-001/a.jpg"], "is not the link that was made"
    )


def test_links_whose_photographs_are_gone_are_removed(tmp_path, plan):
    sort_photos(plan(), tmp_path / "out")
    shutil.rmtree(tmp_path / "in")
    assert unsort(tmp_path / "out").cleared == len(PLACES)
    assert tree(tmp_path) == {}


def test_moves_that_cannot_go_back(tmp_path, plan):
    before = tree(tmp_path / "in")
    sort_photos(plan("moves"), tmp_path / "out")
    (tmp_path / "in/a.jpg").write_text("another")
    (tmp_path / "in/more").rmdir()
    (tmp_path / "in/both.jpg").symlink_to("../out/person-002/both.jpg")  # so that its old path still leads there
    (tmp_path / "out/person-002/b.jpg").unlink()
    (tmp_path / "out/nobody/hills.jpg").write_text("edited")
    undone = unsort(tmp_path / "out")
    assert undone.missing == ["person-002/b.jpg"]
    assert undone.kept == {
        "person-001/a.jpg": f"differs from {tmp_path}/in/a.jpg",
        "person-001/a-2.jpg": f"folder {tmp_path}/in/more does not exist",
        "person-002/both.jpg": f"is itself where {tmp_path}/in/both.jpg leads",
    }
    assert (tmp_path / "in/a.jpg").read_text() == "another"
    assert (tmp_path / "in/hills.jpg").read_text() == "edited"
    (tmp_path / "in/more").mkdir()
    (tmp_path / "in/a.jpg").unlink()
    (tmp_path / "in/both.jpg").unlink()
    undone = unsort(tmp_path / "out")
    assert (undone.kept, undone.missing) == ({}, ["person-002/b.jpg"])
    left = before.pop("b.jpg")
    assert tree(tmp_path / "in") == {**before, "hills.jpg": b"edited"}
    (tmp_path / "out/person-002").mkdir()
    (tmp_path / "out/person-002/b.jpg").write_bytes(left)
    undone = unsort(tmp_path / "out")
    assert (undone.cleared, undone.kept, undone.missing) == (1, {}, [])
    assert (tmp_path / "in/b.jpg").read_bytes() == left
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("call", [(shutil, "copyfileobj"), (os, "fsync")])
def test_a_full_disk_that_photographs_came_from(tmp_path, plan, monkeypatch, call):
    monkeypatch.setattr(sort, "_rename", rename_on_two_disks(sort._rename))
    before = tree(tmp_path)
    sort_photos(plan("moves"), tmp_path / "out")

    def fail(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*call, fail)
        assert unsort(tmp_path / "out").kept == dict.fromkeys(places("moves"), "No space left on device")
    assert tree(tmp_path / "in") == {"more": None}
    assert unsort(tmp_path / "out").cleared == len(places("moves"))
    assert tree(tmp_path) == before


def test_what_the_system_refuses_is_kept(tmp_path, plan, monkeypatch):
    sort_photos(plan("moves"), tmp_path / "out")

    def fail(self, target):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        undone = unsort(tmp_path / "out")
    assert undone.kept == dict.fromkeys(places("moves"), "Permission denied")
    assert unsort(tmp_path / "out").cleared == len(places("moves"))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": 2}, "format must be 1, not 2"),
        ({"how": "magic"}, "it must say how, and in what folder"),
        ({"how": ["links"]}, "it must say how, and in what folder"),
        ({"folder": "out"}, "it must say how, and in what folder"),
        ({"folder": None}, ""),
        ({"made": "yes"}, "it must say how, and in what folder"),
        ({"steps": 1}, ""),
        ({"steps": [{"source": "/a"}]}, "'place'"),
        ({"steps": [{"source": "a", "place": "nobody/a"}]}, "no photograph goes from 'a' to 'nobody/a'"),
        *[
            ({"steps": [{"source": "/a", "place": place}]}, "no photograph goes from '/a' to ")
            for place in ("../a", "nobody/../a", "nobody/..", "/etc/a", "mine/a", "nobody/a/b", "nobody/", "person-1/a")
        ],
    ],
)
def test_journals_that_are_damaged(tmp_path, plan, change, text):
    sort_photos(plan("moves"), tmp_path / "out")
    path = tmp_path / "out" / JOURNAL
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    before = tree(tmp_path)
    with pytest.raises(fp.SortError) as told:
        unsort(tmp_path / "out")
    assert f"{path} must be a journal of 'faceprint cluster': {text}" in str(told.value)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b"{"])
def test_journals_that_are_none(tmp_path, content):
    (tmp_path / JOURNAL).write_bytes(content)
    with pytest.raises(fp.SortError, match="must be a journal of 'faceprint cluster'"):
        unsort(tmp_path)
    with pytest.raises(fp.SortError, match=r"nowhere holds no faceprint-undo\.json"):
        unsort(tmp_path / "nowhere")
