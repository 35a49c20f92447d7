"""Damaged files for all that reads one: recipes, galleries, exports, shards, pickles, features, pairs, networks, video.

    python tests/fuzz/parsers.py recipe gallery --seconds 60 [--seed N]
    python tests/fuzz/parsers.py gallery --round 17

Each round damages a file of `corpus/`, which `corpus.py` made: its bytes, or, where sums and packing would stop that at
once, what stands in it. Whoever can write a file can write its sums too.
"""

import gzip
import io
import json
import random
import sqlite3
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import faceprint as fp
from faceprint.evaluate import open_pairs
from faceprint.onnxfile import check_onnx
from faceprint.recipe import parse_recipe, read_content
from faceprint.sort import unsort
from faceprint.store import _crc

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script, too, this is part of a package

from fuzz.damage import damaged_array, damaged_bytes, damaged_json
from fuzz.rounds import Target, main

CORPUS = Path(__file__).parent / "corpus"
Damage = Callable[[bytes, list[bytes], random.Random], bytes]


@cache
def kept(name: str) -> list[tuple[str, bytes]]:
    """The corpus of a target: names without .gz, and contents unpacked."""
    files = sorted((CORPUS / name).iterdir())
    return [
        (
            file.name.removesuffix(".gz"),
            gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes(),
        )
        for file in files
    ]


def as_json(content: bytes, _: list[bytes], chance: random.Random) -> bytes:
    return json.dumps(damaged_json(json.loads(content), chance)).encode("utf-8", "surrogatepass")


def as_text(content: bytes, _: list[bytes], chance: random.Random) -> bytes:
    """Words exchanged, repeated, left out, or replaced by odd ones."""
    words = content.replace(b"\n", b" \n ").replace(b"\t", b" \t ").split(b" ")
    for _ in range(chance.choice((1, 1, 3))):
        at = chance.randrange(len(words))
        odd = (
            b"-1",
            b"0",
            b"9" * 5000,
            b"1e9",
            b"a/../b",
            b"/etc/passwd",
            b"\xff",
            b"\0",
            b"\n",
            b"\t",
            b"\xd9\xa3",
            b"",
        )
        words[at] = chance.choice((*odd, chance.choice(words)))
    return b" ".join(words).replace(b" \n ", b"\n").replace(b" \t ", b"\t")


def as_archive(content: bytes, _: list[bytes], chance: random.Random) -> bytes:
    """An .npz with an array that is otherwise, or not there; JSON inside of one counts as that."""
    arrays = dict(np.load(io.BytesIO(content)))
    name = chance.choice(list(arrays))
    if chance.random() < 0.1:
        del arrays[name]
    elif arrays[name].dtype == np.uint8 and chance.random() < 0.8:
        told = as_json(arrays[name].tobytes(), [], chance)
        arrays[name] = np.frombuffer(told, np.uint8)
    elif arrays[name].dtype.kind == "U":
        arrays[name] = np.array(as_json(str(arrays[name]).encode(), [], chance).decode("utf-8", "replace"))
    else:
        arrays[name] = damaged_array(arrays[name], chance)
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def as_archive_or_bytes(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Of an .npz as `as_archive`; of another file its bytes."""
    return (as_archive if content.startswith(b"PK") else damaged_bytes)(content, others, chance)


def as_table(content: bytes, _: list[bytes], chance: random.Random) -> bytes:
    """A Parquet file with other facts, without a column, or with one that is otherwise."""
    table = pq.read_table(io.BytesIO(content))
    at = chance.randrange(table.num_columns)
    name = table.column_names[at]
    change = chance.randrange(4)
    if change == 0:
        table = table.drop_columns([name])
    elif change == 1:
        facts = as_json(table.schema.metadata[b"faceprint"], [], chance)
        table = table.replace_schema_metadata({"faceprint": facts})
    elif change == 2:
        table = table.slice(0, chance.randrange(table.num_rows))
    else:
        numbers = pa.array(damaged_array(np.arange(table.num_rows), random.Random(3)))
        other = chance.choice((pa.nulls(table.num_rows), numbers, pa.array(["{"] * table.num_rows)))
        if len(other) == table.num_rows:
            table = table.set_column(at, name, other)
    packed = io.BytesIO()
    pq.write_table(table, packed)
    return packed.getvalue()


def as_database(content: bytes, _: list[bytes], chance: random.Random) -> bytes:
    """A gallery with a value changed in some row, and the sum of that row made to fit."""
    database = sqlite3.connect(":memory:")
    database.deserialize(bytes([*content[:18], 1, 1]) + content[20:])  # without the journal, which needs a file
    table, columns, key = chance.choice(
        [
            ("state", ("content",), "one"),
            ("people", ("person", "label"), "person"),
            ("chunks", ("chunk", "version", "ids", "people", "quality"), "chunk"),
            ("embeddings", ("chunk", "stored"), "chunk"),
            ("details", ("id", "metadata", "photo"), "id"),
        ]
    )
    row = chance.choice(database.execute(f"SELECT {', '.join(columns)}, {key} FROM {table}").fetchall())
    values, at = dict(zip(columns, row, strict=False)), chance.randrange(len(columns))
    values[columns[at]] = _other(values[columns[at]], chance)
    sized = {"size": chance.choice((0, -1, 2**40, len(values["ids"]) // 8))} if table == "chunks" else {}
    if chance.random() < 0.8:
        sized = {}
    settings = ", ".join(f"{column} = ?" for column in (*values, *sized, "crc"))
    try:
        if chance.random() < 0.1:
            database.execute(f"DELETE FROM {table} WHERE {key} = ?", row[-1:])
        else:
            every = (*values.values(), *sized.values(), _crc(*values.values()), row[-1])
            database.execute(f"UPDATE {table} SET {settings} WHERE {key} = ?", every)
    except (sqlite3.Error, OverflowError):  # what SQLite itself refuses to hold
        pass
    database.commit()
    return database.serialize()


def _other(value: object, chance: random.Random) -> object:
    if isinstance(value, bytes):
        kinds = [kind for kind in ("<i8", "<f4", "u1") if len(value) % np.dtype(kind).itemsize == 0]
        return damaged_array(np.frombuffer(value, chance.choice(kinds)), chance).tobytes()
    if isinstance(value, str) and value.startswith("{"):
        return as_json(value.encode(), [], chance).decode("utf-8", "replace")
    odd = (None, 0, -1, 2**40, 2**62, -(2**63), 0.5, "", "Ann", b"\0\xff", "{", '{"a": {}}')
    return chance.choice(odd)


def read_recipe(path: Path) -> None:
    recipe = parse_recipe(read_content(path), "recipe")
    assert len(recipe.fingerprint) > 0
    for distance in (0.0, 1.0, 4.0):
        probability = recipe.same_probability(distance)
        assert probability is None or 0 <= probability <= 1
        assert recipe.far(distance) is None or 0 <= recipe.far(distance) <= 1
    for stated in recipe.thresholds:
        assert 0 <= recipe.threshold(stated.far) <= 4


def use_gallery(path: Path) -> None:
    """Everything that reads what a file holds; what can be read can be written again."""
    with fp.Gallery(path) as gallery:
        entries = list(gallery.iterate())
        assert [entry.id for entry in entries] == gallery.ids.tolist()
        gallery.iterate(where={"age": 3})
        if entries:
            probes = np.ones((2, len(entries[0].embedding)), np.float32)
            found = gallery.search(probes, k=3, where={"photo": "a.jpg"})
            assert np.isin(found.ids, [-1, *gallery.ids]).all()
            gallery.identify(probes, max_distance=1.0)
            assert isinstance(gallery.calibration, list)
            gallery.update(gallery.ids[:1], labels=["Zoe"])
            gallery.add(probes, labels=["Ann", None])
            gallery.remove(ids=gallery.ids[:1])
        gallery.compact()
        held = gallery.labels.tolist()
    with fp.Gallery(path) as again:
        assert again.labels.tolist() == held


def take_in(path: Path) -> None:
    gallery = fp.Gallery()
    gallery.import_from(path)
    use_rows = gallery.embeddings()
    assert len(use_rows) == len(list(gallery.iterate()))


def take_in_table(path: Path) -> None:
    """As an export, and before that by columns, as a shard of whose size and sum the manifest tells."""
    folder, content = path.parent / "people", path.read_bytes()
    manifest = json.loads(dict(kept("manifest"))[f"{path.stem}.json"])
    manifest["shards"][0] |= {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    folder.mkdir()
    (folder / path.name).write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    shards = fp.Shards(folder)
    for read in (shards.ids, shards.labels, shards.quality, shards.embeddings):
        with suppress(fp.GalleryError):
            assert len(read()) == len(shards)
    take_in(path)


def use_shards(path: Path) -> None:
    """A gallery in shards by its manifest: whatever is read fits together, and nothing outside is touched."""
    folder, outside = path.parent / "people", path.parent / "outside.parquet"
    folder.mkdir()
    for name, content in kept("parquet"):
        (folder / name).write_bytes(content)
        outside.write_bytes(content)
    path.rename(folder / "manifest.json")
    shards = fp.Shards(folder)
    ids = shards.ids()
    assert len(shards) == len(ids) == len(shards.labels()) == len(shards.quality()) == len(shards.embeddings())
    gallery = fp.Gallery()
    fp.read_shards(shards, gallery)
    shards.add(np.ones((2, shards.dimension or 6), np.float32))
    if len(ids):
        shards.remove(ids=ids[:1])
    assert fp.Shards(folder).ids().tolist() == shards.ids().tolist()
    assert outside.exists()


def people(path: Path) -> None:
    fp.read_people(path, 3)


def compare(path: Path) -> None:
    """Of photographs that are there, a.jpg and the like, which nobody opens."""
    for person in ("Ann", "Ben"):
        (path.parent / person).mkdir()
        for number in (1, 2):
            (path.parent / person / f"{person}_{number:04}.jpg").touch()
    found = open_pairs(path, path.parent)
    assert max([*found.pairs.a, *found.pairs.b], default=-1) < len(found.photos)


def compare_cfp(path: Path) -> None:
    """A protocol of one fold, in which `path` is either a list of photographs or the pairs of it."""
    protocol = path.parent / "Protocol"
    fold = protocol / "Split" / "FP" / "01"
    fold.mkdir(parents=True)
    for name in ("1.jpg", "2.jpg"):
        (protocol / name).touch()
    (protocol / "Pair_list_F.txt").write_text("1 1.jpg\n2 2.jpg\n")
    (protocol / "Pair_list_P.txt").write_text("1 1.jpg\n2 2.jpg\n")
    (fold / "same.txt").write_text("")
    (fold / "diff.txt").write_text("1,2\n")
    (fold / "diff.txt" if path.name == "diff.txt" else protocol / "Pair_list_P.txt").write_bytes(path.read_bytes())
    open_pairs(fold.parent)


def undo(path: Path) -> None:
    """Undo a sorting: whatever the journal says, what lies outside of the folder stays."""
    folder, outside = path.parent / "sorted", path.parent / "photo.jpg"
    (folder / "person-001").mkdir(parents=True)
    outside.write_bytes(b"a photograph")
    (folder / "person-001" / "photo.jpg").symlink_to("../../photo.jpg")
    journal = path.read_bytes().replace(b"@FOLDER@", str(path.parent).encode())
    (folder / "faceprint-undo.json").write_bytes(journal)
    try:
        unsort(folder)
    finally:
        assert outside.read_bytes() == b"a photograph"


def parser(name: str, read: Callable[[Path], object], allowed: tuple[type[Exception], ...], *damages: Damage) -> Target:
    """A target that reads files of the corpus: whole ones at first, then damaged in one of these ways."""

    def attempt(chance: random.Random, folder: Path) -> None:
        file, content = chance.choice(kept(name))
        if chance.random() < 0.97:
            damage = chance.choice(damages)
            content = damage(content, [other for _, other in kept(name)], chance)
        path = folder / file
        path.write_bytes(content)
        read(path)

    return Target(name, attempt, allowed)


def watch(path: Path) -> None:
    limits = fp.VideoLimits(pixels=2**20, side=2**12, frames=20)
    for frame in fp.read_video(path, limits=limits):
        height, width, channels = frame.pixels.shape
        assert height * width <= limits.pixels
        assert (frame.pixels.dtype, channels) == (np.uint8, 3)
        assert np.isfinite(frame.seconds)


TARGETS = [
    parser("recipe", read_recipe, (fp.RecipeError,), as_json, as_json, damaged_bytes),
    parser("gallery", use_gallery, (fp.GalleryError,), as_database, as_database, as_database, damaged_bytes),
    parser("export", take_in, (fp.GalleryError,), as_archive, as_archive, damaged_bytes),
    parser("parquet", take_in_table, (fp.GalleryError,), as_table, as_table, damaged_bytes),
    parser("manifest", use_shards, (fp.GalleryError,), as_json, as_json, damaged_bytes),
    parser("upgrade", fp.Upgrade.load, (fp.UpgradeError,), as_archive, as_archive, damaged_bytes),
    parser("face_recognition", fp.read_face_recognition, (ValueError,), damaged_bytes),
    parser("deepface", partial(fp.read_deepface, network="x"), (ValueError,), as_archive_or_bytes, damaged_bytes),
    parser("features", partial(fp.read_features, dimension=3), (ValueError,), damaged_bytes),
    parser("people", people, (ValueError,), damaged_bytes, as_text),
    parser("pairs", compare, (fp.PhotoError, ValueError), as_text, as_text, damaged_bytes),
    parser("cfp", compare_cfp, (fp.PhotoError, ValueError), as_text, damaged_bytes),
    parser("journal", undo, (fp.SortError,), as_json, as_json, damaged_bytes),
    parser("video", watch, (fp.VideoError,), damaged_bytes),
    parser("network", lambda path: check_onnx(path.read_bytes(), path.name), (fp.NetworkError,), damaged_bytes),
]


if __name__ == "__main__":
    main(TARGETS, "tests/fuzz/parsers.py", __doc__)
