"""Labels by numbers and numbers by labels: changed, put back, and read again where they changed elsewhere."""

import json
import sqlite3
import sys
from contextlib import closing

import numpy as np
import pytest

from faceprint import Gallery, GalleryError, labels, state
from faceprint.labels import Labels
from faceprint.store import Store, _crc


@pytest.fixture(params=[4, 4096])
def block(request, monkeypatch):
    for module in (labels, state):
        monkeypatch.setattr(module, "BLOCK", request.param)
    return request.param


def content(some):
    table = some.table.tolist()
    assert table[some.ever :] == [None] * (len(table) - some.ever) != []
    assert some.numbers == {label: person for person, label in enumerate(table) if label is not None}
    assert some.count == len(some.numbers)
    return table[: some.ever]


def change(some, random):
    """Name new people, others anew, and let some go."""
    for _ in range(random.integers(1, 9)):
        name = f"{random.integers(10**9)}"
        if random.random() < 0.5 or not some.count:
            for person in some.take(2):
                some.name(person, f"{name} {person}")
        else:
            some.name(int(random.choice(list(some.numbers.values()))), None if random.random() < 0.6 else name)


def follow(other, some):
    """Read what another changed, and tell how many labels that was."""
    known, read = content(some), 0
    other.reserve(some.ever)
    for first, end in other.outdated(some.versions):
        told = {person: label for person, label in enumerate(known) if label and first <= person < end}
        other.read(first, end, told, some.versions)
        read += len(told)
    return read


@pytest.mark.parametrize("seed", range(20))
def test_whatever_changes_can_be_put_back_and_followed(block, seed):
    random, some, other = np.random.default_rng(seed), Labels(), Labels()
    for _ in range(40):
        before, versions = content(some), some.versions.copy()
        some.mark(int(random.integers(1, 2**60)))
        change(some, random)
        if random.random() < 0.3:
            some.undo()
            assert (content(some), some.versions) == (before, versions)
        if random.random() < 0.5:
            follow(other, some)
            assert content(other) == content(some)
            free = [person for person, label in enumerate([*content(some), *[None] * 5]) if label is None]
            assert other.take(5) == some.take(5) == free[:5]
            for each in (some, other):
                each.mark(1)
                each.undo()  # what was taken above is free again


def test_only_blocks_that_changed_are_read_again(block):
    some, other = Labels([f"{number}" for number in range(5 * block)], 1), Labels()
    assert follow(other, some) == 5 * block
    assert follow(other, some) == 0
    some.mark(2)
    some.name(block, "new")
    some.name(5 * block, "newer")
    assert follow(other, some) == block + 1
    some.name(3, "another")
    some.undo()
    some.mark(3)
    some.name(block, "newest")
    assert follow(other, some) == block
    assert follow(other, some) == 0


def test_neighbouring_blocks_are_read_at_once(block):
    some, other = Labels(), Labels()
    some.mark(1)
    for person in (0, 3 * block, 4 * block, 6 * block):
        some.name(person, f"{person}")
    assert some.versions == [1, 0, 0, 1, 1, 0, 1]
    some.versions = [1] * 7
    other.reserve(some.ever)
    assert other.outdated(some.versions) == [(0, 7 * block)]
    other.read(0, 7 * block, dict(enumerate(content(some))), some.versions)
    assert content(other) == content(some)
    assert other.outdated(some.versions) == []
    some.mark(2)
    for number in (1, 2, 6):
        some.name(number * block, "new")
    assert other.outdated(some.versions) == [(block, 3 * block), (6 * block, 7 * block)]
    assert other.outdated(some.versions[:5]) == [(block, 3 * block), (5 * block, 7 * block)]


def test_a_label_may_pass_from_one_to_the_other(block):
    for names in (
        ["Ann", "Ben", "Cy", "Di", "Eve"],
        ["Eve", "Ann", "Di", "Ben", "Cy"],
        ["Ben", "Eve", "Ann", "Cy", "Di"],
    ):
        some, other = Labels(names, 1), Labels(["Ann", "Ben", "Cy", "Di", "Eve"], 2)
        assert other.numbers["Ann"] == 0
        follow(other, some)
        assert content(other) == names


def test_who_follows_a_gallery_reads_few_labels(unit_rows, tmp_path, monkeypatch, block):
    read = []
    people = Store.people

    def told(self, first, end):
        read.append((first, end))
        return people(self, first, end)

    monkeypatch.setattr(Store, "people", told)
    x = unit_rows(12 * block // 4, 4)
    path = tmp_path / "people.faceprint"
    with Gallery(path) as one, Gallery(path) as two:
        one.add(x, labels=[f"{number}" for number in range(len(x))])
        for ask in (one, two):
            assert len(ask.labels) == len(x)
        read.clear()
        one.add(x[:1], labels=["0"])
        one.add(x[:1])
        assert two.labels.tolist()[-3:] == [f"{len(x) - 1}", "0", None]
        assert read == []
        two.remove(label="2")
        two.rename("1", "first")
        one.add(x[:1], labels=["third"])  # who takes the number of the second
        assert two.labels.tolist()[:3] == ["0", "first", "3"]
        assert two.labels.tolist() == one.labels.tolist()
        assert read == [(0, block)] * 2


def test_what_others_numbered_anew_is_read(unit_rows, tmp_path, block):
    x, path = unit_rows(3 * block, 4), tmp_path / "people.faceprint"
    with Gallery(path) as one, Gallery(path) as two:
        one.add(x, labels=[f"{number}" for number in range(len(x))])
        assert len(two) == len(x)
        one.remove(ids=range(1, len(x) - 1))
        one.compact()
        assert two.labels.tolist() == ["0", f"{len(x) - 1}"]
        two.add(x[:1], labels=["new"])
        assert one.labels.tolist() == two.labels.tolist()
        assert content(one._held.labels) == content(two._held.labels) == ["0", f"{len(x) - 1}", "new"]


@pytest.mark.parametrize("lost", ["people WHERE label = 'Ben'", "chunks"])
def test_what_goes_from_an_open_file_is_missed(unit_rows, tmp_path, lost):
    path = tmp_path / "people.faceprint"
    with Gallery(path) as one, Gallery(path) as two:
        one.add(unit_rows(3, 4), labels=["Ann", "Ben", "Cy"])
        assert len(two) == 3
        with closing(sqlite3.connect(path)) as file, file:
            file.execute(f"DELETE FROM {lost}")
            told = json.loads(file.execute("SELECT content FROM state").fetchone()[0])
            content = json.dumps(told | {"label_versions": [1 + told["label_versions"][0]]})
            file.execute("UPDATE state SET content = ?, crc = ?", (content, _crc(content)))
        with pytest.raises(GalleryError, match="is damaged: some of what it held is not there"):
            two.search(unit_rows(1, 4))


def test_a_change_that_fails_in_the_end_leaves_all_as_it_was(unit_rows, tmp_path, monkeypatch):
    x, path, read = unit_rows(4, 4), tmp_path / "people.faceprint", []
    with Gallery(path) as gallery, monkeypatch.context() as patch:
        gallery.add(x, labels=["Ann", "Ben", "Cy", "Di"])
        gallery.remove(label="Ben")
        held = gallery._held
        before = content(held.labels), held.labels.versions.copy(), held.state
        patch.setattr(Store, "write_state", lambda *_: refuse())
        patch.setattr(Store, "people", lambda *asked: read.append(asked))
        for call in (
            lambda: gallery.add(x[:3], labels=["Eve", "Ann", "Flo"]),
            lambda: gallery.remove(label="Ann"),
            lambda: gallery.rename("Cy", "Cyd"),
            gallery.compact,
        ):
            with pytest.raises(ZeroDivisionError):
                call()
            assert (content(held.labels), held.labels.versions, held.state) == before
            assert held.store.state() == held.state
            assert gallery.labels.tolist() == ["Ann", "Cy", "Di"]
        assert read == []


def refuse():
    raise ZeroDivisionError


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_signal_while_a_change_is_taken_back_has_all_read_again(unit_rows, tmp_path, monkeypatch):
    with Gallery(tmp_path / "people.faceprint") as gallery:
        gallery.add(unit_rows(2, 4), labels=["Ann", "Ben"])
        with monkeypatch.context() as patch:
            patch.setattr(Store, "write_state", lambda *_: refuse())
            patch.setattr(Labels, "undo", interrupt)
            with pytest.raises(KeyboardInterrupt):
                gallery.rename("Ann", "Anna")
            assert gallery._held._seen is None
        gallery._held.ids = gallery._held.ids[1:]  # as where it came earlier, while faces were removed
        assert gallery.ids.tolist() == [0, 1]
        assert gallery.labels.tolist() == ["Ann", "Ben"]
        assert content(gallery._held.labels) == ["Ann", "Ben"]


@pytest.mark.parametrize("in_memory", [False, True])
def test_nothing_holds_a_label_that_went(unit_rows, tmp_path, in_memory):
    with Gallery() if in_memory else Gallery(tmp_path / "people.faceprint") as gallery:
        label = "".join(["A", "nn"])
        before = sys.getrefcount(label)
        gallery.add(unit_rows(2, 4), labels=[label, "Ben"])
        assert sys.getrefcount(label) > before
        gallery.remove(label="Ann")
        assert sys.getrefcount(label) == before


def test_who_follows_holds_no_label_that_went(unit_rows, tmp_path):
    with Gallery(tmp_path / "people.faceprint") as one, Gallery(tmp_path / "people.faceprint") as two:
        two.add(unit_rows(2, 4), labels=["Ann", "Ben"])
        for name in ("Cy", "Di"):
            one.rename(one.labels[0], name)
            assert two.labels.tolist() == [name, "Ben"]
        assert two._held.labels._changed == []


def test_galleries_that_tell_no_versions_are_read(unit_rows, tmp_path, block):
    """As they were written before there were any."""
    path, names = tmp_path / "people.faceprint", [f"{number}" for number in range(3 * block)]
    with Gallery(path) as gallery:
        gallery.add(unit_rows(3 * block, 4), labels=names)
    with closing(sqlite3.connect(path)) as file, file:
        told = json.loads(file.execute("SELECT content FROM state").fetchone()[0])
        del told["label_versions"]
        content = json.dumps(told)
        file.execute("UPDATE state SET content = ?, crc = ?", (content, _crc(content)))
    with Gallery(path) as one, Gallery(path) as two:
        for turn in range(3):
            assert two.labels.tolist() == one.labels.tolist() == names
            one.rename(names[turn], f"new {turn}")
            names[turn] = f"new {turn}"
        assert two.labels.tolist() == names
