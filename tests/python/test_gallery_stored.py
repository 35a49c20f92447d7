"""Rows as the core's gallery stores them: out and in again without a change of any bit."""

import numpy as np
import pytest

from faceprint import Gallery, _core, synthetic
from faceprint.evaluate import val_at_far
from faceprint.stored import unpack_stored


@pytest.mark.parametrize("columns", [1, 3, 8, 17, 128])
@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
def test_stored_rows_make_the_same_gallery(unit_rows, storage, columns):
    x = unit_rows(100, columns)
    gallery, other = _core.Gallery(columns, storage), _core.Gallery(columns, storage)
    gallery.append(x)
    stored = gallery.stored(np.arange(100))
    other.reserve(130)
    for part in np.split(stored, [16, 50]):
        other.append_stored(part)
    assert stored.shape == (100, gallery.stored_bytes)
    np.testing.assert_array_equal(other.stored(np.arange(100)), stored)
    np.testing.assert_array_equal(unpack_stored(stored, storage), gallery.unpack())
    for scan in ("full", "auto"):
        found, again = (_core.nearest(x[:30], some, 7, scan=scan) for some in (gallery, other))
        np.testing.assert_array_equal(found[0], again[0])
        np.testing.assert_array_equal(found[1], again[1])
    some = np.array([99, 0, 7, 7])
    np.testing.assert_array_equal(gallery.stored(some), stored[some])


def test_codes_of_rows_that_were_given_room_beforehand_bound_as_tightly(unit_rows):
    x = unit_rows(5000, 64) + np.float32(0.3)
    gallery, other = _core.Gallery(64), _core.Gallery(64)
    gallery.append(x)
    other.reserve(5000)
    for part in np.split(x, 5):
        other.append(part)
    found, again = (_core.nearest(x[:300], some, 3, scan="certified") for some in (gallery, other))
    np.testing.assert_array_equal(found[1], again[1])
    assert again[2] < 2 * found[2] + 1000


def test_refused(unit_rows):
    gallery = _core.Gallery(8, "int8")
    gallery.append(unit_rows(20, 8))
    stored = gallery.stored(np.arange(3))
    with pytest.raises(ValueError, match=r"rows must lie in \[0, 20\), not 20"):
        gallery.stored(np.array([0, 20]))
    with pytest.raises(ValueError, match=r"rows must have shape \(n, 20\), not \(3, 19\)"):
        gallery.append_stored(stored[:, 1:])
    for number in (np.nan, np.inf, -1, 1e14):
        wrong = stored.copy()
        wrong[1, 8:12] = np.float32([number]).view(np.uint8)
        with pytest.raises(ValueError, match="scale, error and norm must be those of a row: row 1 has"):
            gallery.append_stored(wrong)
    floats = _core.Gallery(2)
    with pytest.raises(ValueError, match="embeddings must be finite: row 0 is not"):
        floats.append_stored(np.float32([[1, np.nan]]).view(np.uint8))
    assert (gallery.rows, floats.rows) == (20, 0)


@pytest.mark.parametrize(("storage", "most"), [("float16", 1e-3), ("int8", 5e-3)])
def test_fewer_bits_hardly_change_who_is_recognised(storage, most):
    made = synthetic.people(1200, 150, junk=0, seed=3)
    x, upper = made.embeddings, np.triu_indices(1200, 1)
    same = (made.people[:, None] == made.people)[upper]
    val = {}
    for kind in ("float32", storage):
        gallery = Gallery(storage=kind)
        gallery.add(x)
        found, between = gallery.search(x, k=1200), np.empty((1200, 1200), np.float32)
        np.put_along_axis(between, found.ids, found.distances, axis=1)
        apart = between[upper]
        val[kind] = val_at_far(apart[same], apart[~same], 1e-3).val
    assert 0.3 < val["float32"] < 0.9
    assert abs(val[storage] - val["float32"]) <= most
