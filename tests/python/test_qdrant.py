"""Galleries handed over to Qdrant's local mode: the same faces there, and the gallery's own answers."""

import uuid

import numpy as np
import pytest
from qdrant_client import QdrantClient, models

from faceprint import Embedded, Gallery, GalleryError, qdrant
from faceprint.qdrant import hand_over, recall, search
from faceprint.served import HandedOver
from handed_over import assert_same_answers, check_answers, check_rounding, fill


@pytest.fixture
def client():
    made = QdrantClient(":memory:")
    yield made
    made.close()


def points_of(client, collection="faces"):
    """All points that are there, by their ids."""
    found, rest = client.scroll(collection, limit=10_000, with_vectors=True)
    assert rest is None
    return {point.id: point for point in found}


def assert_same(gallery, client):
    """The collection holds the faces of the gallery, all that is known of them, and nothing else."""
    there = points_of(client)
    assert sorted(there) == gallery.ids.tolist()
    for face in gallery.iterate():
        payload = {"label": face.label, "metadata": face.metadata, "photo": face.photo, "quality": face.quality}
        assert there[face.id].payload == payload
        assert np.float32(there[face.id].vector).tobytes() == face.embedding.tobytes()


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
def test_the_collection_holds_the_gallery(unit_rows, client, storage):
    gallery = Gallery(storage=storage)
    fill(gallery, unit_rows(90, 17), nul="\0")
    assert hand_over(gallery, client) == HandedOver(87, 0)
    assert_same(gallery, client)
    config = client.get_collection("faces").config
    assert config.metadata == {"faceprint": {"dimension": 17, "fingerprint": "network", "format": 1}}
    assert config.params.vectors.distance == models.Distance.EUCLID


def test_it_follows_the_gallery(unit_rows, client, tmp_path, monkeypatch):
    monkeypatch.setattr(qdrant, "PORTION", 20)
    monkeypatch.setattr(qdrant, "PAGE", 30)
    x = unit_rows(200, 8)
    with Gallery(tmp_path / "x") as gallery:
        fill(gallery, x[:90], nul="\0")
        hand_over(gallery, client)
        assert hand_over(gallery, client) == HandedOver(0, 0)
        gallery.add(x[90:150], labels=["Cy"] * 60)
        assert hand_over(gallery, client) == HandedOver(60, 0)
        gallery.update([3], labels=["Di"])
        gallery.update([4], metadata=[{"n": 5}])
        gallery.update([5], photos=["other.jpg"])
        assert hand_over(gallery, client) == HandedOver(3, 0)
        assert_same(gallery, client)
        gallery.remove(ids=range(10, 89))
        assert hand_over(gallery, client) == HandedOver(0, 79)
        there = points_of(client)
        changed = [
            models.PointStruct(id=9, vector=x[0].tolist(), payload=there[9].payload),
            models.PointStruct(id=1000, vector=x[0].tolist(), payload={}),
            models.PointStruct(id=str(uuid.UUID(int=5)), vector=x[0].tolist(), payload={}),
        ]
        client.upsert("faces", changed)
        assert hand_over(gallery, client) == HandedOver(1, 2)  # whoever else has changed it
        assert_same(gallery, client)
        gallery.remove(ids=gallery.ids)
        assert hand_over(gallery, client).written == 0
        assert_same(gallery, client)
        assert search(client, x[:3]).ids.shape == (3, 0)


def test_numbers_are_compared_as_float32(unit_rows, client, monkeypatch):
    gallery = Gallery()
    gallery.add(unit_rows(5, 8), quality=[0.1] * 5)
    hand_over(gallery, client)
    retrieve = client.retrieve

    def shortened(*arguments, **options):  # as a server writes them
        found = retrieve(*arguments, **options)
        for record in found:
            record.vector = [float(f"{number:.9g}") for number in record.vector]
        return found

    monkeypatch.setattr(client, "retrieve", shortened)
    assert hand_over(gallery, client) == HandedOver(0, 0)


def test_progress_is_told(unit_rows, client, monkeypatch):
    monkeypatch.setattr(qdrant, "PORTION", 20)
    gallery, told = Gallery(), []
    gallery.add(unit_rows(50, 4))
    hand_over(gallery, client, progress=told.append)
    assert told == pytest.approx([0, 0.9 * 20 / 50, 0.9 * 40 / 50, 0.9, 1])

    def interrupt(done):
        if done > 0.5:
            raise KeyboardInterrupt

    gallery.remove(ids=[0])
    with pytest.raises(KeyboardInterrupt):
        hand_over(gallery, client, progress=interrupt)
    gallery.add(unit_rows(1, 4))  # which nothing holds up
    hand_over(gallery, client)
    assert_same(gallery, client)


@pytest.mark.parametrize("dimension", [1, 17, 128])
def test_a_search_answers_as_the_gallery_does(unit_rows, client, dimension, monkeypatch):
    monkeypatch.setattr(qdrant, "PORTION", 15)
    check_answers(hand_over, search, client, unit_rows, dimension, nul="\0")


def test_rounding_does_not_change_who_is_found(unit_rows, client):
    check_rounding(hand_over, search, client, unit_rows)


# The client leaves a database of its own open, of which Python 3.13 and later warn; 3.13.0 in other words.
@pytest.mark.filterwarnings("ignore:Exception ignored (while finalizing|in):pytest.PytestUnraisableExceptionWarning")
def test_it_may_lie_in_a_folder(unit_rows, tmp_path):
    gallery, x = Gallery(), unit_rows(30, 4)
    fill(gallery, x, nul="\0")
    client = QdrantClient(path=str(tmp_path))
    hand_over(gallery, client)
    client.close()
    client = QdrantClient(path=str(tmp_path))
    assert hand_over(gallery, client) == HandedOver(0, 0)
    assert_same_answers(search, gallery, client, x, 3)
    client.close()


def test_a_server_is_told_how_to_search(unit_rows, client, monkeypatch):
    gallery, x, asked = Gallery(), unit_rows(30, 4), []
    gallery.add(x)
    hand_over(gallery, client)
    query = client.query_batch_points

    def heard(collection, requests):
        asked.extend(request.params for request in requests)
        return query(collection, [request.model_copy(update={"params": None}) for request in requests])

    monkeypatch.setattr(client, "query_batch_points", heard)
    monkeypatch.setitem(client.init_options, "location", "http://localhost")
    search(client, x[:1])
    search(client, x[:1], expansion_search=40)
    assert [(params.exact, params.hnsw_ef) for params in asked] == [(True, None), (False, 40)]


def test_recall_tells_of_a_collection_that_is_behind(unit_rows, client):
    gallery, x = Gallery(), unit_rows(100, 6)
    gallery.add(x[:50])
    hand_over(gallery, client)
    assert (recall(gallery, client, x, 10).value, recall(gallery, client, k=10).value) == (1, 1)
    gallery.add(x[50:])
    told = recall(gallery, client, x, 100, expansion_search=10)
    assert (told.value, told.probes, told.k) == (0.5, 100, 100)
    with pytest.raises(ValueError, match="recall wants two faces in the gallery, or one and probes"):
        recall(Gallery(), client)


def test_other_embeddings_are_refused(unit_rows, client):
    gallery, x = Gallery(), unit_rows(30, 4)
    gallery.add(x)
    hand_over(gallery, client)
    gallery.add(Embedded(x, "network"))
    hand_over(gallery, client)  # whose network has become known
    before = points_of(client)
    for rows, fingerprint, text in (
        (x, "other", "collection faces holds embeddings of network network; the gallery's are of other$"),
        (x, None, "collection faces holds embeddings of network network; the gallery's are of one that it does not"),
        (x[:, :3], "network", "collection faces holds embeddings of 4 numbers; the gallery's have 3$"),
    ):
        other = Gallery()
        other.add(Embedded(rows, fingerprint))
        with pytest.raises(GalleryError, match=text):
            hand_over(other, client)
    told = {"faceprint": {"dimension": 4, "fingerprint": "network", "format": 2}}
    client.update_collection("faces", metadata=told)
    for call in (lambda: hand_over(gallery, client), lambda: search(client, x)):
        with pytest.raises(
            GalleryError, match="collection faces has format 2; this version of faceprint knows format 1"
        ):
            call()
    assert points_of(client) == before


def test_collections_of_others_are_refused(unit_rows, client):
    gallery = Gallery()
    gallery.add(unit_rows(3, 4))
    with pytest.raises(GalleryError, match="collection faces is not there: hand_over makes it"):
        search(client, unit_rows(1, 4))
    client.create_collection("faces", models.VectorParams(size=4, distance=models.Distance.EUCLID))
    for call in (lambda: hand_over(gallery, client), lambda: search(client, unit_rows(1, 4))):
        with pytest.raises(GalleryError, match="collection faces is there, but is none that hand_over made"):
            call()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda g, c: hand_over("people.faceprint", c), TypeError, r"gallery must be a faceprint\.Gallery, not str"),
        (lambda g, c: hand_over(g, "localhost"), TypeError, r"client must be a qdrant_client\.QdrantClient, not str"),
        (lambda g, c: hand_over(g, c, 3), TypeError, "collection must be a str, not int"),
        (lambda g, c: hand_over(g, c, progress=1), TypeError, "progress must be callable or None, not int"),
        (lambda g, c: hand_over(Gallery(), c), GalleryError, "the gallery must have held an embedding to be handed"),
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
        (lambda g, c: search(c, g.embeddings(), expansion_search=0), ValueError, "expansion_search must be 1 or more"),
        (lambda g, c: search(c, Embedded(g.embeddings(), "other")), GalleryError, "those of other cannot be compared"),
        (lambda g, c: recall(g, c, Embedded(g.embeddings(), "other")), GalleryError, "those of other cannot be"),
        (lambda g, c: search("x", g.embeddings()), TypeError, r"client must be a qdrant_client\.QdrantClient, not str"),
    ],
)
def test_refused(unit_rows, client, call, error, text):
    gallery = Gallery()
    gallery.add(Embedded(unit_rows(3, 4), "network"))
    hand_over(gallery, client)
    before = points_of(client)
    with pytest.raises(error, match=text):
        call(gallery, client)
    assert points_of(client) == before
