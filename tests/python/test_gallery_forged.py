"""Gallery files whose content was changed together with its sums, which anybody can who can write them."""

import json
import sqlite3

import numpy as np
import pytest

from faceprint import Gallery, GalleryError
from faceprint.state import read_state
from faceprint.store import _crc

TABLES = {
    "state": ("content",),
    "people": ("person", "label"),
    "chunks": ("chunk", "version", "ids", "people", "quality"),
    "embeddings": ("chunk", "stored"),
    "details": ("id", "metadata", "photo"),
}


def forge(path, table, **changes):
    """Change the first row of a table, and make its sum fit."""
    with sqlite3.connect(path) as database:
        row = dict(
            zip(
                TABLES[table],
                database.execute(f"SELECT {', '.join(TABLES[table])} FROM {table}").fetchone(),
                strict=True,
            )
        )
        key = database.execute(f"SELECT rowid FROM {table}").fetchone()[0]
        row |= changes
        values = {**row, "crc": _crc(*row.values())}
        settings = ", ".join(f"{name} = ?" for name in values)
        database.execute(f"UPDATE {table} SET {settings} WHERE rowid = ?", (*values.values(), key))
    database.close()


@pytest.fixture
def forged(tmp_path):
    """A gallery of three faces, two people and one photograph, with a change: forged(table, column=value)."""

    def make(table, kept_as="float32", **changes):
        path = tmp_path / "people.faceprint"
        with Gallery(path, storage=kept_as) as gallery:
            gallery.add(
                np.eye(3, dtype=np.float32),
                labels=["Ann", "Ben", None],
                metadata=[{"age": 3}, None, None],
                photos=["a.jpg", None, None],
            )
        if table == "state":
            with sqlite3.connect(path) as database:
                whole = json.loads(database.execute("SELECT content FROM state").fetchone()[0])
            database.close()
            changes = {"content": changes.get("content") or json.dumps(whole | changes)}
        forge(path, table, **changes)
        return path

    return make


@pytest.mark.parametrize(
    ("table", "changes", "text"),
    [
        ("state", {"content": "{"}, "its state has Expecting property name"),
        ("state", {"content": "[" * 100_000}, "its state has nested too deep"),
        ("state", {"content": "[]"}, "its state has no state"),
        ("state", {"content": "{}"}, "its state has no state"),
        ("state", {"other": 1}, "its state has no state"),
        ("state", {"storage": "int4"}, "its state has storage 'int4'"),
        ("state", {"storage": ["int8"]}, r"its state has storage \['int8'\]"),
        ("state", {"dimension": 3.0}, "its state has dimension 3.0"),
        ("state", {"dimension": 0}, "its state has dimension 0"),
        ("state", {"dimension": 2**20 + 1}, "its state has dimension 1048577"),
        ("state", {"dimension": None}, "it has faces of no dimension"),
        ("state", {"dimension": 4}, "chunk 0 is not the one that was written"),
        ("state", {"fingerprint": 1}, "its state has fingerprint 1"),
        ("state", {"sources": "abc"}, "its state has sources 'abc'"),
        ("state", {"sources": [1]}, r"its state has sources \[1\]"),
        ("state", {"calibration": {}}, "its state has calibration {}"),
        ("state", {"label_versions": 1}, "its state has label_versions '1'"),
        ("state", {"label_versions": [True]}, r"its state has label_versions '\[True\]'"),
        ("state", {"label_versions": [0]}, r"its state has label_versions '\[0\]'"),
        ("state", {"label_versions": [2**62 + 1]}, r"its state has label_versions '\[4611686018427387905\]'"),
        ("state", {"label_versions": [1] * 10**5}, r"its state has label_versions '[\[1, ]{40}'$"),
        ("state", {"next_id": True}, "its state has next_id True"),
        ("state", {"next_id": 2}, "its ids do not rise from 0 on, or reach next_id"),
        ("state", {"next_id": 2**62 + 1}, "its state has next_id 4611686018427387905"),
        ("state", {"next_person": 2**27 + 1}, "its state has next_person 134217729"),
        ("state", {"next_person": 1}, "a person it never had"),
        ("state", {"changes": -1}, "its state has changes -1"),
        ("people", {"person": -1}, "a person it never had"),
        ("people", {"label": b"Ann"}, "the label of person 0 is not the one that was written"),
        ("chunks", {"ids": np.int64([0, 2, 1]).tobytes()}, "its ids do not rise from 0 on, or reach next_id"),
        ("chunks", {"ids": np.int64([-1, 0, 1]).tobytes()}, "its ids do not rise from 0 on, or reach next_id"),
        ("chunks", {"ids": "x" * 24}, "chunk 0 is not the one that was written"),
        ("chunks", {"ids": b""}, "chunk 0 is not the one that was written"),
        ("chunks", {"people": np.int64([0, 1, 2]).tobytes()}, "it has faces of people it never had"),
        ("chunks", {"people": np.int64([-2, 1, 1]).tobytes()}, "it has faces of people it never had"),
        ("chunks", {"people": "x" * 24}, "chunk 0 is not the one that was written"),
        ("chunks", {"version": 0.5}, "chunk 0 is not the one that was written"),
        ("embeddings", {"stored": "x" * 36}, "chunk 0 is not the one that was written"),
        ("embeddings", {"stored": np.full(9, np.nan, "<f4").tobytes()}, "in chunk 0, .* must be finite: row 0 is not"),
    ],
)
def test_what_no_gallery_can_hold_is_refused(forged, table, changes, text):
    path = forged(table, **changes)
    with pytest.raises(GalleryError, match=f"people.faceprint is damaged: .*{text}"), Gallery(path) as gallery:
        gallery.search(np.eye(3, dtype=np.float32), k=1)


def test_a_state_of_the_largest_numbers_is_read():
    told = {"dimension": 2**20, "next_person": 2**27, **dict.fromkeys(("next_id", "faces", "changes"), 2**62)}
    state = read_state(json.dumps({"storage": "int8", "sources": [], **told}))
    assert {key: getattr(state, key) for key in told} == told


def test_changes_are_counted_from_0_on_behind_the_last_number(forged):
    path = forged("state", changes=2**62)
    for rows in (4, 5):
        with Gallery(path) as gallery:
            gallery.add(np.ones((1, 3), np.float32))
        with Gallery(path) as gallery:
            assert (len(gallery), gallery._held.state.changes) == (rows, rows - 4)


def test_codes_that_belong_to_no_row_are_refused(forged):
    codes = np.zeros((3, 15), np.uint8)
    codes[:, 3:] = np.float32([np.nan, 0, 1]).view(np.uint8)
    with pytest.raises(GalleryError, match="is damaged: in chunk 0, scale, error and norm must be those of a row"):
        len(Gallery(forged("embeddings", kept_as="int8", stored=codes.tobytes())))


@pytest.mark.parametrize("size", [0, -1, 4097, 2**40, 2.5, "x"])
def test_a_chunk_of_another_size_is_refused(forged, size):
    path = forged("chunks")
    with sqlite3.connect(path) as database:
        database.execute("UPDATE chunks SET size = ?", (size,))
    database.close()
    with pytest.raises(GalleryError, match=r"is damaged: (chunk 0 is not the one|some of what it held is not there)"):
        len(Gallery(path))


def test_a_table_that_is_not_there_is_damage(forged):
    path = forged("chunks")
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE details")
    database.close()
    with pytest.raises(GalleryError, match=r"^gallery .*people\.faceprint is damaged: no such table: details$"):
        len(Gallery(path))


@pytest.mark.parametrize("metadata", ["[1]", "{", "3", "[" * 100_000])
def test_metadata_that_is_no_mapping_is_refused(forged, metadata):
    with Gallery(forged("details", metadata=metadata)) as gallery:
        with pytest.raises(GalleryError, match="is damaged: metadata of a face is no mapping"):
            list(gallery.iterate())
        assert len(gallery) == 3


@pytest.mark.parametrize("changes", [{"metadata": b"{}"}, {"photo": 3}])
def test_details_of_another_type_are_refused(forged, changes):
    text = "the details of face 0 are not those that were written"
    with Gallery(forged("details", **changes)) as gallery, pytest.raises(GalleryError, match=text):
        list(gallery.iterate())


WHOLE = {
    "threshold": 1.0,
    "fpir": 0.1,
    "fpir_low": 0,
    "fpir_high": 1,
    "faces": 9,
    "people": 3,
    "known": 5,
} | dict.fromkeys(("fnir", "fnir_low", "fnir_high"))


@pytest.mark.parametrize(
    "told", [None, 3, [], {}, WHOLE | {"more": 1}, WHOLE | {"faces": 0}, WHOLE | {"fpir": None}, WHOLE | {"fpir": "x"}]
)
def test_a_calibration_that_nobody_measured_is_refused(forged, told):
    text = "is damaged: its calibration is not one that was measured"
    with Gallery(forged("state", calibration=[told])) as gallery, pytest.raises(GalleryError, match=text):
        gallery.identify(np.eye(3, dtype=np.float32), fpir=0.1)


def test_a_calibration_as_it_is_written_is_taken(forged):
    with Gallery(forged("state", calibration=[WHOLE])) as gallery:
        assert gallery.calibration[0].faces == 9


@pytest.mark.parametrize("what", [{"labels": ["\ud800"]}, {"photos": ["\ud800"]}, {"metadata": [{"a": "\ud800"}]}])
def test_text_that_no_file_can_hold_is_refused(what):
    gallery = Gallery()
    with pytest.raises(ValueError, match=r"must be text that UTF-8 can hold, not .*: surrogates not allowed"):
        gallery.add(np.eye(1, 3, dtype=np.float32), **what)
    assert len(gallery) == 0


@pytest.mark.parametrize("dimension", [1, 4096])
def test_galleries_of_any_dimension_are_read_again(tmp_path, dimension):
    rows = np.ones((2, dimension), np.float32)
    with Gallery(tmp_path / "x.faceprint") as gallery:
        gallery.add(rows)
    with Gallery(tmp_path / "x.faceprint") as gallery:
        np.testing.assert_array_equal(gallery.embeddings(), rows)
