"""Galleries handed over to PostgreSQL: the same faces there, whole changes or none, and the gallery's own answers."""

import doctest
import itertools
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import psycopg
import pytest
from psycopg.rows import dict_row

import faceprint as fp
from faceprint import Embedded, Gallery, GalleryError, postgres
from faceprint.pgtable import LONGEST
from faceprint.postgres import compact, hand_over, recall, search
from faceprint.served import HandedOver
from handed_over import assert_same_answers, check_answers, check_rounding, fill

NAMES = itertools.count()
POOR = {"index": True, "connectivity": 2, "expansion_add": 4}


@pytest.fixture
def connect(postgres):
    """Make connections that see, beside pgvector, what is the test's own."""
    schema, made = f"test_{next(NAMES)}", []

    def make(autocommit=True, **options):
        path = f"-c search_path={schema},public"
        made.append(psycopg.connect(**postgres, options=path, autocommit=autocommit, **options))
        return made[-1]

    make().execute(f"CREATE SCHEMA {schema}")
    yield make
    for connection in made[1:]:
        connection.close()
    made[0].execute(f"DROP SCHEMA {schema} CASCADE")
    made[0].close()


@pytest.fixture
def connection(connect):
    return connect()


def assert_same(gallery, connection, table="faces"):
    """The table holds the faces of the gallery, all that is known of them, and nothing else."""
    query = f'SELECT id, label, metadata, photo, quality, embedding::real[] FROM "{table}" ORDER BY id'
    there = psycopg.Cursor(connection).execute(query, binary=True).fetchall()
    assert [row[0] for row in there] == gallery.ids.tolist()
    for row, face in zip(there, gallery.iterate(), strict=True):
        assert row[1:5] == (face.label, face.metadata, face.photo, face.quality)
        assert np.float32(row[5]).tobytes() == face.embedding.tobytes()


def test_examples_are_right(connection):
    failed, attempted = doctest.testmod(postgres, extraglobs={"connection": connection})
    assert failed == 0
    assert attempted >= 16


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
def test_the_table_holds_the_gallery(unit_rows, connection, storage):
    gallery = Gallery(storage=storage)
    fill(gallery, unit_rows(90, 17))
    assert hand_over(gallery, connection) == HandedOver(87, 0)
    assert_same(gallery, connection)
    assert connection.execute("SELECT * FROM faces_origin").fetchall() == [(17, "network", 1)]


def test_it_follows_the_gallery(unit_rows, connection, tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "CHUNK", 20)
    x = unit_rows(200, 8)
    with Gallery(tmp_path / "x") as gallery:
        fill(gallery, x[:90])
        hand_over(gallery, connection)
        assert hand_over(gallery, connection) == HandedOver(0, 0)
        gallery.add(x[90:150], labels=["Cy"] * 60)
        assert hand_over(gallery, connection) == HandedOver(60, 0)
        gallery.update([3], labels=["Di"])
        gallery.update([4], metadata=[{"n": 5}])
        gallery.update([5], photos=["other.jpg"])
        assert hand_over(gallery, connection) == HandedOver(3, 0)
        assert_same(gallery, connection)
        gallery.remove(ids=range(20, 50))
        assert hand_over(gallery, connection) == HandedOver(0, 30)
        connection.execute("UPDATE faces SET quality = 0.5, embedding = '[1,0,0,0,0,0,0,0]' WHERE id = 12")
        connection.execute("INSERT INTO faces SELECT 1000, embedding FROM faces WHERE id = 12")
        assert hand_over(gallery, connection) == HandedOver(1, 1)  # whoever else has changed it
        assert_same(gallery, connection)
        connection.execute("ALTER TABLE faces ADD COLUMN seen timestamp DEFAULT now()")
        gallery.add(x[:1])
        assert hand_over(gallery, connection) == HandedOver(1, 0)
        gallery.remove(ids=gallery.ids)
        assert hand_over(gallery, connection).written == 0
        assert_same(gallery, connection)
        assert search(connection, x[:3]).ids.shape == (3, 0)


def test_others_see_the_old_table_or_the_new_one(unit_rows, connect):
    gallery, connection, other = Gallery(), connect(), connect()
    fill(gallery, unit_rows(60, 4))
    hand_over(gallery, connection)
    before = other.execute("SELECT * FROM faces ORDER BY id").fetchall()
    gallery.remove(ids=range(10, 30))
    gallery.add(unit_rows(9, 4, seed=1), labels=["Ann"] * 9)
    told = []

    def look(done):
        now = other.execute("SELECT * FROM faces ORDER BY id").fetchall()
        told.append((done, "old" if now == before else f"{len(now)} faces"))

    hand_over(gallery, connection, progress=look)
    assert told == [(0.0, "old"), (0.5, "old"), (1.0, f"{len(gallery)} faces")]


@pytest.mark.parametrize("when", [0.0, 0.5])
def test_after_an_error_all_is_as_before(unit_rows, connection, when):
    gallery = Gallery()
    fill(gallery, unit_rows(60, 4))

    def interrupt(done):
        if done == when:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hand_over(gallery, connection, progress=interrupt)
    assert connection.execute("SELECT to_regclass('faces'), to_regclass('faces_origin')").fetchall() == [(None, None)]
    hand_over(gallery, connection)
    before = connection.execute("SELECT * FROM faces ORDER BY id").fetchall()
    gallery.remove(ids=[1, 2])
    with pytest.raises(KeyboardInterrupt):
        hand_over(gallery, connection, progress=interrupt)
    assert connection.execute("SELECT * FROM faces ORDER BY id").fetchall() == before
    gallery.add(unit_rows(1, 4))  # which nothing holds up


def test_it_may_be_part_of_a_transaction(unit_rows, connect):
    gallery, connection, other = Gallery(), connect(autocommit=False), connect()
    fill(gallery, unit_rows(60, 4))
    connection.execute("SELECT 1")
    hand_over(gallery, connection, "a")
    hand_over(gallery, connection, "b")
    assert_same(gallery, connection, "b")
    assert other.execute("SELECT to_regclass('a')").fetchone() == (None,)
    connection.commit()
    assert_same(gallery, other, "a")
    hand_over(gallery, connection, "c")
    assert_same(gallery, other, "c")  # in one of its own


def test_one_gallery_after_the_other_is_handed_over(unit_rows, connect):
    galleries = [Gallery() for _ in range(4)]
    for seed, gallery in enumerate(galleries):
        gallery.add(unit_rows(50 + seed, 4, seed=seed))
    connections, failed = [connect() for _ in galleries], []

    def work(gallery, connection):
        try:
            for _ in range(3):
                hand_over(gallery, connection)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=both) for both in zip(galleries, connections, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    count = connections[0].execute("SELECT count(*) FROM faces").fetchone()[0]
    assert_same(galleries[count - 50], connections[0])


def test_memory_does_not_grow_with_the_gallery(unit_rows, connection, monkeypatch):
    monkeypatch.setattr(postgres, "CHUNK", 200)
    peaks = []
    for faces in (400, 400, 4000):  # the first also loads modules
        gallery = Gallery()
        gallery.add(unit_rows(faces, 64), labels=["Ann"] * faces)
        tracemalloc.start()
        try:
            hand_over(gallery, connection)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[2] < 2 * peaks[1]


@pytest.mark.parametrize("table", ["select", "given", "here", "Fäces", '"; DROP TABLE x; --', "{faces}", "x" * LONGEST])
def test_any_name_is_a_table(unit_rows, connection, table):
    gallery, x = Gallery(), unit_rows(20, 4)
    connection.execute("CREATE TABLE x ()")
    fill(gallery, x)
    hand_over(gallery, connection, table, index=True)
    gallery.remove(ids=[2])
    assert hand_over(gallery, connection, table) == HandedOver(0, 1)
    names = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    )
    assert {*names.fetchall()} == {("x",), (table,), (f"{table}_origin",)}
    found = search(connection, x, 3, table=table, expansion_search=100)
    assert found.ids.tolist() == gallery.search(x, 3).ids.tolist()


@pytest.mark.parametrize("dimension", [1, 17, 128])
def test_a_search_answers_as_the_gallery_does(unit_rows, connection, dimension):
    check_answers(hand_over, search, connection, unit_rows, dimension)


def test_a_search_heeds_ties_of_whole_numbers(connection):
    random = np.random.default_rng(0)
    gallery, x = Gallery(), random.integers(-2, 3, (300, 4)).astype(np.float32)
    gallery.add(x)
    hand_over(gallery, connection)
    assert_same_answers(search, gallery, connection, x[:50], 9)


def test_rounding_does_not_change_who_is_found(unit_rows, connection):
    check_rounding(hand_over, search, connection, unit_rows)


def test_the_connection_stays_as_it_was(unit_rows, connect):
    gallery, x = Gallery(), unit_rows(50, 4)
    fill(gallery, x)
    connection = connect(autocommit=False, row_factory=dict_row, cursor_factory=psycopg.ClientCursor)
    hand_over(gallery, connection, index=True)
    assert_same_answers(search, gallery, connection, x[:3], 5)
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    settings = "SELECT name, setting FROM pg_settings WHERE name ~ 'enable|hnsw' ORDER BY name"
    before = connection.execute(settings).fetchall()
    for expansion in (None, 7):
        search(connection, x[:3], 5, expansion_search=expansion)
    assert connection.execute(settings).fetchall() == before  # in a transaction that goes on


def test_the_index_is_made_once(unit_rows, connection):
    gallery = Gallery()
    fill(gallery, unit_rows(300, 8))

    def index():
        query = "SELECT oid, reloptions FROM pg_class WHERE oid = to_regclass('faces_hnsw')"
        return connection.execute(query).fetchone()

    hand_over(gallery, connection)
    assert index() is None
    hand_over(gallery, connection, index=True)
    made = index()
    assert made[1] == ["m=16", "ef_construction=64"]
    gallery.remove(ids=range(50, 90))
    hand_over(gallery, connection, index=True)
    hand_over(gallery, connection)
    assert index() == made
    hand_over(gallery, connection, index=True, connectivity=8)
    assert index()[0] != made[0]
    assert index()[1] == ["m=8", "ef_construction=64"]


def test_the_index_finds_nearly_all(unit_rows, connection):
    gallery, x = Gallery(), unit_rows(1500, 12)
    gallery.add(x)
    hand_over(gallery, connection, **POOR)
    probes = unit_rows(80, 12, seed=5)
    for own, asked in ((True, None), (False, probes)):
        told = recall(gallery, connection, asked, 6, expansion_search=7)
        taken = np.linspace(0, 1499, 1000).astype(int) if own else np.arange(80)
        some = x[taken] if own else probes
        exact, found = gallery.search(some, 6 + own).ids, search(connection, some, 6 + own, expansion_search=7).ids
        hits = sum(
            len({*a} - {probe} & {*b}) if own else len({*a} & {*b})
            for probe, a, b in zip(taken.tolist(), exact.tolist(), found.tolist(), strict=True)
        )
        assert told.value == pytest.approx(hits / (6 * len(some)))
        assert 0.05 < told.low < told.value < told.high < 0.999
        assert (told.probes, told.k) == (len(some), 6)
        assert recall(gallery, connection, asked, 6).value == 1
    found = search(connection, probes, 6, expansion_search=7)
    for row in range(80):
        exact = fp.distances(probes[row : row + 1], x[found.ids[row]])[0]
        np.testing.assert_array_equal(found.distances[row], exact)
        assert (np.diff(exact) >= 0).all()
    hand_over(gallery, connection, index=True, expansion_add=200)
    assert recall(gallery, connection, probes, 6, expansion_search=400).value > 0.99


def test_the_index_goes_on_behind_deleted_faces(unit_rows, connection):
    gallery, x = Gallery(), unit_rows(600, 6)
    gallery.add(x)
    hand_over(gallery, connection, index=True)
    gone = gallery.search(x[:1], 200).ids[0]
    gallery.remove(ids=gone)
    hand_over(gallery, connection)
    found = search(connection, x[:1], 5, expansion_search=5)
    assert (found.ids >= 0).all()
    assert not np.isin(found.ids, gone).any()


def test_an_exact_search_is_exact_whatever_the_connection_is_set_to(unit_rows, connection):
    gallery, x = Gallery(), unit_rows(1500, 12)
    gallery.add(x)
    hand_over(gallery, connection, **POOR)
    connection.prepare_threshold = 0
    connection.execute("SET plan_cache_mode = force_generic_plan")
    connection.execute("SET enable_seqscan = off")
    assert recall(gallery, connection, x[:50], 6, expansion_search=5).value < 0.9
    assert recall(gallery, connection, x[:50], 6).value == 1
    connection.execute("SET enable_seqscan = on")
    connection.execute("SET enable_indexscan = off")
    assert recall(gallery, connection, x[:50], 6, expansion_search=5).value < 0.9


def test_few_faces_are_found_by_the_index_too(unit_rows, connection):
    gallery, x = Gallery(), unit_rows(300, 4)  # of so few, PostgreSQL would rather read all
    gallery.add(x)
    hand_over(gallery, connection, index=True)
    connection.execute("SET enable_indexscan = off")
    scans = "SELECT pg_stat_get_xact_numscans('faces_hnsw'::regclass)"
    with connection.transaction():
        search(connection, x[:3], 5)
        assert connection.execute(scans).fetchone() == (0,)
        search(connection, x[:3], 5, expansion_search=200)
        assert connection.execute(scans).fetchone() == (3,)


def test_recall_tells_of_a_table_that_is_behind(unit_rows, connection):
    gallery, x = Gallery(), unit_rows(100, 6)
    gallery.add(x[:50])
    hand_over(gallery, connection)
    assert recall(gallery, connection, x, 10).value == 1
    gallery.add(x[50:])
    assert recall(gallery, connection, x, 100).value == 0.5
    hand_over(gallery, connection)
    gallery.remove(ids=range(50))
    assert recall(gallery, connection, x, 50).value == pytest.approx(0.5, abs=0.2)
    gallery.add(Embedded(x, "network"))
    hand_over(gallery, connection)
    other = Gallery()
    other.add(Embedded(x, "other"))
    with pytest.raises(GalleryError, match="those of other cannot be compared"):
        recall(other, connection)
    with pytest.raises(ValueError, match="recall wants two faces in the gallery, or one and probes"):
        recall(Gallery(), connection)
    with pytest.raises(ValueError, match="k must be 1 or more, not 0"):
        recall(gallery, connection, x, 0)


def test_what_was_deleted_is_gone_from_the_disk(unit_rows, connection):
    gallery, x = Gallery(), unit_rows(60, 16)
    gallery.add(x, labels=[f"<person {i}>" for i in range(60)])
    hand_over(gallery, connection, index=True)
    gallery.remove(ids=range(40, 60))  # whose rows lie in the page before the others: nothing moves over them
    hand_over(gallery, connection)

    def on_disk():
        connection.execute("CHECKPOINT")
        folder = connection.execute("SELECT current_setting('data_directory')").fetchone()[0]
        held = b""
        for name in ("faces", "faces_pkey", "faces_hnsw"):
            path = connection.execute("SELECT pg_relation_filepath(%s::regclass)", [name]).fetchone()[0]
            held += Path(folder, path).read_bytes()
        return [row.tobytes() in held for row in x], [f"<person {i}>".encode() in held for i in range(60)]

    assert on_disk() == ([True] * 60, [True] * 60)
    compact(connection)
    assert on_disk() == ([True] * 40 + [False] * 20,) * 2
    assert_same(gallery, connection)


def test_other_embeddings_are_refused(unit_rows, connection):
    gallery, x = Gallery(), unit_rows(30, 4)
    gallery.add(x)
    hand_over(gallery, connection)
    gallery.add(Embedded(x, "network"))
    hand_over(gallery, connection)  # whose network has become known
    before = connection.execute("SELECT * FROM faces ORDER BY id").fetchall()
    for rows, fingerprint, text in (
        (x, "other", "table faces holds embeddings of network network; the gallery's are of other$"),
        (x, None, "table faces holds embeddings of network network; the gallery's are of one that it does not know$"),
        (x[:, :3], "network", "table faces holds embeddings of 4 numbers; the gallery's have 3$"),
    ):
        other = Gallery()
        other.add(Embedded(rows, fingerprint))
        with pytest.raises(GalleryError, match=text):
            hand_over(other, connection)
    connection.execute("UPDATE faces_origin SET format = 2")
    for call in (
        lambda: hand_over(gallery, connection),
        lambda: search(connection, x),
        lambda: compact(connection),
    ):
        with pytest.raises(GalleryError, match="table faces has format 2; this version of faceprint knows format 1"):
            call()
    assert connection.execute("SELECT * FROM faces ORDER BY id").fetchall() == before


def test_tables_of_others_are_refused(unit_rows, connection):
    gallery = Gallery()
    gallery.add(unit_rows(3, 4))
    with pytest.raises(GalleryError, match="table faces is not there: hand_over makes it"):
        search(connection, unit_rows(1, 4))
    connection.execute("CREATE TABLE faces (id bigint)")
    for call in (lambda: hand_over(gallery, connection), lambda: search(connection, unit_rows(1, 4))):
        with pytest.raises(GalleryError, match="table faces is there, but is none that hand_over made"):
            call()
    connection.execute("DROP TABLE faces; CREATE TABLE faces_origin ()")
    with pytest.raises(GalleryError, match="table faces is there, but is none that hand_over made"):
        hand_over(gallery, connection)


@pytest.mark.parametrize(
    ("known", "what"),
    [
        ({"labels": ["a\0b"]}, 'invalid byte sequence for encoding "UTF8": 0x00.*column label'),
        ({"photos": ["a\0b"]}, 'invalid byte sequence for encoding "UTF8": 0x00.*column photo'),
        ({"metadata": [{"a": "\0"}]}, "unsupported Unicode escape sequence.*column metadata"),
    ],
)
def test_what_the_table_cannot_hold_is_refused(unit_rows, connection, known, what):
    gallery = Gallery()
    gallery.add(unit_rows(1, 4), **known)
    with pytest.raises(GalleryError, match=f"(?s)table faces cannot hold all that the gallery holds: {what}"):
        hand_over(gallery, connection)
    assert connection.execute("SELECT to_regclass('faces')").fetchone() == (None,)


def test_large_embeddings(unit_rows, connection):
    gallery, x = Gallery(), unit_rows(5, 2000)
    gallery.add(x)
    hand_over(gallery, connection, index=True)
    assert_same_answers(search, gallery, connection, x, 3)
    for dimension, index, text in (
        (2001, True, "an index of pgvector holds up to 2,000 numbers of an embedding, not 2,001"),
        (16_001, False, "a vector of pgvector holds up to 16,000 numbers of an embedding, not 16,001"),
    ):
        larger = Gallery()
        larger.add(unit_rows(2, dimension))
        with pytest.raises(GalleryError, match=text):
            hand_over(larger, connection, "larger", index=index)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda g, c: hand_over("people.faceprint", c), TypeError, r"gallery must be a faceprint\.Gallery, not str"),
        (lambda g, c: hand_over(g, "dbname=x"), TypeError, r"connection must be a psycopg\.Connection, not str"),
        (lambda g, c: hand_over(g, c, 3), TypeError, "table must be a str, not int"),
        (lambda g, c: hand_over(g, c, ""), ValueError, "table must have 1 to 56 bytes and neither NUL nor %, not ''"),
        (lambda g, c: hand_over(g, c, "ß" * 29), ValueError, "table must have 1 to 56 bytes and neither NUL nor %"),
        (lambda g, c: hand_over(g, c, "a%"), ValueError, "table must have 1 to 56 bytes and neither NUL nor %"),
        (lambda g, c: hand_over(g, c, "a\0"), ValueError, "table must have 1 to 56 bytes and neither NUL nor %"),
        (lambda g, c: hand_over(g, c, progress=1), TypeError, "progress must be callable or None, not int"),
        (lambda g, c: hand_over(Gallery(), c), GalleryError, "the gallery must have held an embedding to be handed"),
        (
            lambda g, c: hand_over(g, c, connectivity=1),
            ValueError,
            "connectivity must be 2 or more, not 1",
        ),
        (lambda g, c: hand_over(g, c, connectivity=101, expansion_add=300), ValueError, "not 101 and 300"),
        (
            lambda g, c: hand_over(g, c, expansion_add=31),
            ValueError,
            "expansion_add from twice that to 1000, not 16 and 31",
        ),
        (lambda g, c: hand_over(g, c, expansion_add=1001), ValueError, "to 1000, not 16 and 1001"),
        (
            lambda g, c: hand_over(g, c, connectivity=2, expansion_add=3),
            ValueError,
            "expansion_add must be 4 or more, not 3",
        ),
        (lambda g, c: search(c, g.embeddings(), 0), ValueError, "k must be 1 or more, not 0"),
        (
            lambda g, c: search(c, g.embeddings()[:, :2]),
            ValueError,
            r"embeddings must have shape \(n, 4\), not \(3, 2\)",
        ),
        (
            lambda g, c: search(c, g.embeddings() * np.float32(np.nan)),
            ValueError,
            "embeddings must be finite: row 0 is",
        ),
        (
            lambda g, c: search(c, g.embeddings(), max_distance=5),
            ValueError,
            "^max_distance must be a squared distance",
        ),
        (
            lambda g, c: search(c, g.embeddings(), expansion_search=0),
            ValueError,
            "expansion_search must be 1 or more, not 0",
        ),
        (
            lambda g, c: search(c, g.embeddings(), expansion_search=1001),
            ValueError,
            "expansion_search must be 1000 or less, not 1001",
        ),
        (
            lambda g, c: search(c, g.embeddings(), expansion_search=9),
            GalleryError,
            r"has no index: hand_over\(index=True\)",
        ),
        (lambda g, c: search(c, Embedded(g.embeddings(), "other")), GalleryError, "those of other cannot be compared"),
        (lambda g, c: recall(g, c, Embedded(g.embeddings(), "other")), GalleryError, "those of other cannot be"),
        (lambda g, c: search("x", g.embeddings()), TypeError, r"connection must be a psycopg\.Connection, not str"),
    ],
)
def test_refused(unit_rows, connection, call, error, text):
    gallery = Gallery()
    gallery.add(Embedded(unit_rows(3, 4), "network"))
    hand_over(gallery, connection)
    before = connection.execute("SELECT * FROM faces ORDER BY id").fetchall()
    with pytest.raises(error, match=text):
        call(gallery, connection)
    assert connection.execute("SELECT * FROM faces ORDER BY id").fetchall() == before


def test_it_wants_pgvector(unit_rows, connection):
    gallery = Gallery()
    gallery.add(unit_rows(3, 4))
    text = r"the database must have pgvector 0\.8 or later \(CREATE EXTENSION vector\), and "
    for change, has in (
        ("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'", "has 0.7.4"),
        ("DROP EXTENSION vector", "does not have it"),
    ):
        with connection.transaction(force_rollback=True):
            connection.execute(change)
            with pytest.raises(GalleryError, match=text + has):
                hand_over(gallery, connection)


def test_compact_wants_autocommit(unit_rows, connect):
    with pytest.raises(ValueError, match=r"connection must be in autocommit mode, for compact\(\) cannot be part"):
        compact(connect(autocommit=False))
    with pytest.raises(GalleryError, match="table faces is not there: hand_over makes it"):
        compact(connect())
