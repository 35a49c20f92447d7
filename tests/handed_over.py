"""What the tests of galleries in databases have in common, whatever serves the database."""

import numpy as np

from faceprint import Embedded, Gallery


def fill(gallery, x, fingerprint="network", nul=""):
    """Faces with and without everything that may be known of them, of which some have left; text with `nul` in it."""
    n = len(x)
    gallery.add(
        Embedded(x, fingerprint),
        labels=[None if i % 3 == 0 else "" if i % 3 == 1 else f"Ä{nul} {i % 7}" for i in range(n)],
        metadata=[{"n": i, "ß": [1.5, None, {"": nul or "x"}]} if i % 2 else {} if i % 4 else None for i in range(n)],
        photos=[f"{i}.jpg" if i % 5 else None for i in range(n)],
        quality=np.where(np.arange(n) % 6, np.linspace(0, 1, n), np.nan),
    )
    gallery.remove(ids=[0, 7, n - 1])


def assert_same_answers(search, gallery, served, probes, k, **options):
    """A search of what is served answers what one of the gallery does, to the bit."""
    found, told = gallery.search(probes, k, **options), search(served, probes, k, **options)
    for name in ("distances", "ids"):
        np.testing.assert_array_equal(getattr(told, name), getattr(found, name))
        assert getattr(told, name).dtype == getattr(found, name).dtype
    assert told.labels.tolist() == found.labels.tolist()


def check_answers(hand_over, search, served, unit_rows, dimension, nul=""):
    """Searches for faces that are there and for others, of few and of all, near ones and any."""
    gallery, x = Gallery(), unit_rows(400, dimension)
    fill(gallery, np.concatenate([x, x[:50]]), nul=nul)  # equal faces: the lower id comes first
    hand_over(gallery, served)
    probes = np.concatenate([x[:20], unit_rows(20, dimension, seed=3)])
    if dimension > 1:
        assert_same_answers(search, gallery, served, probes, 7)
        assert_same_answers(search, gallery, served, Embedded(probes, "network"), 7, max_distance=0.9)
    assert_same_answers(search, gallery, served, probes[:3], 1000)
    assert_same_answers(search, gallery, served, probes[:3], 1000, max_distance=1.5)
    assert_same_answers(search, gallery, served, probes[:0], 7)


def check_rounding(hand_over, search, served, unit_rows):
    """Faces that lie equally far but for the order in which the differences of their numbers are added up."""
    random, gallery = np.random.default_rng(0), Gallery()
    row, probe = unit_rows(1, 128)[0], np.full((1, 128), 128**-0.5, np.float32)
    gallery.add(np.stack([random.permutation(row) for _ in range(14)]))
    hand_over(gallery, served)
    assert len({*gallery.search(probe, 14).distances[0].tolist()}) > 1
    for k in range(1, 14):
        assert_same_answers(search, gallery, served, probe, k)
