"""Shards, and manifests, that are damaged, not theirs, or not there: errors, never wrong rows."""

import json
import sys
from hashlib import sha256

import numpy as np
import pyarrow.parquet
import pytest

import faceprint as fp
from faceprint import folder as folders


@pytest.fixture
def whole(unit_rows, tmp_path):
    """A gallery of two shards on disk, and the path of the second."""
    shards = fp.Shards.create(tmp_path / "people", rows=3)
    shards.add(fp.Embedded(unit_rows(6, 8), "network"), labels=["Ann"] * 6, quality=np.full(6, 0.5))
    return shards, tmp_path / "people" / shards.files[1].file


def test_a_truncated_shard_is_an_error(whole):
    shards, path = whole
    content = path.read_bytes()
    for kept in (content[:-1], content + b"x", b""):
        path.write_bytes(kept)
        for read in (shards.ids, shards.labels, shards.quality, shards.embeddings, shards.verify):
            said = f"shard {path.name} of gallery .* it has bytes {len(kept)}, not {len(content)} as its manifest says"
            with pytest.raises(fp.GalleryError, match=said):
                read()


def test_a_file_that_shrinks_while_it_is_read_is_an_error(whole, monkeypatch):
    shards, path = whole
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-100])
    sizes = {shard.file: shard.bytes for shard in shards.files}
    monkeypatch.setattr(folders.Folder, "size", lambda folder, file: sizes[file])
    with pytest.raises(fp.GalleryError, match=f"{path.name} is damaged: it ends before its {size} bytes"):
        shards.ids()


def told(read):
    """What is read, or the error."""
    try:
        return read().tolist()
    except fp.GalleryError as error:
        return str(error)


def test_flipped_bits_are_errors(whole, unit_rows):
    shards, path = whole
    content, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(60):
        damaged = bytearray(content)
        damaged[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        for read in (shards.embeddings, shards.verify):
            with pytest.raises(fp.GalleryError, match=f"shard {path.name} of .* is damaged: it has sha256 '"):
                read()
        for read, right in ((shards.ids, list(range(6))), (shards.labels, ["Ann"] * 6), (shards.quality, [0.5] * 6)):
            found = told(read)
            assert found == right or path.name in found  # elsewhere in the file, or here
            refused += found != right
    assert refused > 30


def test_the_checksum_of_a_page_is_looked_at(whole):
    shards, path = whole
    content = bytearray(path.read_bytes())
    column = pyarrow.parquet.read_metadata(path).row_group(0).column(0)
    assert column.path_in_schema == "id"
    content[column.data_page_offset + column.total_compressed_size - 1] ^= 1
    path.write_bytes(content)
    with pytest.raises(fp.GalleryError, match=rf"shard {path.name} of .* Gallery.export wrote: .*CRC"):
        shards.ids()
    assert shards.labels().tolist() == ["Ann"] * 6


def put(shards, path, other):
    """Put another file in the place of the second shard, of which the manifest tells size and sum."""
    manifest = json.loads((path.parent / "manifest.json").read_text())
    other.export(path)
    content = path.read_bytes()
    manifest["shards"][1] |= {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    (path.parent / "manifest.json").write_text(json.dumps(manifest))
    return fp.Shards(path.parent)


@pytest.mark.parametrize(
    ("storage", "columns", "network", "ids", "text"),
    [
        ("float32", 8, "network", [3, 5], "it has rows 2, not 3 as its manifest says"),
        ("float32", 9, "network", [3, 4, 5], "it has dimension 9, not 8 as its manifest says"),
        ("float16", 8, "network", [3, 4, 5], "it has storage 'float16', not 'float32' as its manifest says"),
        ("float32", 8, "other", [3, 4, 5], "it has fingerprint 'other', not 'network' as its manifest says"),
        ("float32", 8, "network", [3, 4, 6], "it has last_id 6, not 5 as its manifest says"),
        ("float32", 8, "network", [2, 4, 5], "it has ids from 2 on, which must be above 2"),
    ],
)
def test_a_shard_of_another_gallery_is_an_error(whole, storage, columns, network, ids, text):
    shards, path = whole
    other = fp.Gallery(storage=storage)
    other.add(fp.Embedded(np.ones((7, columns), np.float32), network))
    other.remove(ids=np.setdiff1d(np.arange(7), ids))
    shards = put(shards, path, other)
    every = (shards.embeddings, lambda: shards.stored(1), shards.verify, shards.ids, shards.labels, shards.quality)
    for read in every[2:4] if "id" in text.split()[2] else every:
        with pytest.raises(fp.GalleryError, match=f"shard {path.name} of gallery .*people is damaged: {text}"):
            read()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": 2}, "has format 2; this version of faceprint reads format 1"),
        ({"format": True}, "has format True; this version"),
        ({"colour": 2}, r"is damaged: its manifest has keys \[.*'colour'"),
        ({"storage": "int4"}, "its manifest has storage 'int4'"),
        ({"storage": []}, r"its manifest has storage \[\]"),
        ({"dimension": 2**20 + 1}, "its manifest has dimension 1048577"),
        ({"dimension": None}, "its manifest has shards of no dimension 2"),
        ({"fingerprint": 3}, "its manifest has fingerprint 3"),
        ({"sources": "network"}, "its manifest has sources 'network'"),
        ({"sources": [3]}, r"its manifest has sources \[3\]"),
        ({"next_id": 5}, "its manifest has last_id 5"),
        ({"next_id": 2**62 + 1}, "its manifest has next_id 4611686018427387905"),
        ({"changes": -1}, "its manifest has changes -1"),
        ({"changes": 1.0}, "its manifest has changes 1.0"),
        ({"rows_per_shard": 0}, "its manifest has rows_per_shard 0"),
        ({"rows_per_shard": 2**20 + 1}, "its manifest has rows_per_shard 1048577"),
        ({"shards": {}}, r"its manifest has shards \{\}"),
        ({"shards": [3]}, "its manifest has shard 3"),
        ({"file": "../x.parquet"}, r"its manifest has file '\.\./x\.parquet'"),
        ({"file": 3}, "its manifest has file 3"),
        ({"first": 0}, r"its manifest has shard \{'bytes': "),
        ({"rows": 2**20 + 1}, "its manifest has rows 1048577"),
        ({"rows": 10**400}, r"its manifest has rows 1000\d+\.\.\.0+"),
        ({"rows": 4}, "its manifest has last_id 5"),
        ({"bytes": 0}, "its manifest has bytes 0"),
        ({"sha256": "x" * 64}, "its manifest has sha256 'xxx"),
        ({"last_id": 2}, "its manifest has last_id 2"),
    ],
)
def test_what_is_not_right_in_a_manifest_is_named(whole, change, text):
    _, path = whole
    manifest = json.loads((path.parent / "manifest.json").read_text())
    of_shard = change.keys() & {*manifest["shards"][1], "first"}
    (manifest["shards"][1] if of_shard else manifest).update(change)
    (path.parent / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(fp.GalleryError, match=f"gallery .*people .*{text}"):
        fp.Shards(path.parent)


def test_changes_are_counted_from_0_on_behind_the_last_number(whole):
    _, path = whole
    told = json.loads((path.parent / "manifest.json").read_text())
    (path.parent / "manifest.json").write_text(json.dumps(told | {"changes": 2**62}))
    removed = fp.Shards(path.parent).remove(ids=[0])
    assert (removed, len(fp.Shards(path.parent))) == (1, told["next_id"] - 1)


def test_what_is_no_manifest_is_an_error(whole):
    shards, path = whole
    manifest = path.parent / "manifest.json"
    content = manifest.read_bytes()
    twice = json.loads(content)
    twice["shards"][1]["file"] = twice["shards"][0]["file"]
    for damaged, text in (
        (content[:-9], "gallery .*people is damaged: its manifest is not JSON: "),
        (b"", "its manifest is not JSON: Expecting value"),
        (b"\xff", "its manifest is not JSON: "),
        (b"[" * 100_000, "its manifest is not JSON: "),
        (b"[]", r"has format \[\]; this version of faceprint reads format 1"),
        (b"{}", "has format None; this version"),
        (json.dumps(twice).encode(), "its manifest has files 'that come twice'"),
    ):
        manifest.write_bytes(damaged)
        with pytest.raises(fp.GalleryError, match=text):
            fp.Shards(path.parent)
        with pytest.raises(fp.GalleryError, match=text):
            shards.remove(ids=[0])
    manifest.write_bytes(content)
    assert shards.remove(ids=[0]) == 1


@pytest.mark.parametrize(
    ("package", "text"),
    [
        ("fsspec.core", r"shards need fsspec: pip install 'faceprint\[shards\]'"),
        ("pyarrow", r"Parquet needs pyarrow: pip install 'faceprint\[parquet\]'"),
    ],
)
def test_what_shards_need_is_told(whole, monkeypatch, package, text):
    shards, _ = whole
    monkeypatch.setitem(sys.modules, package, None)
    for read in (shards.ids, shards.embeddings):
        with pytest.raises(ModuleNotFoundError, match=text):
            read()
