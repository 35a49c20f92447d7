"""Rows in blocks: whoever met whom in whatever order, the lists are those of all rows together."""

import numpy as np
import pytest

import faceprint as fp
from faceprint import _core
from faceprint.blocks import NOBODY, join_blocks, list_block, merge_lists, nearest_in_block, pack_block
from faceprint.lists import Lists

METRICS = ("squared-euclidean", "cosine", "dot")


@pytest.fixture
def rows():
    """Whole numbers, of which many are equally far apart."""
    return np.random.default_rng(0).integers(1, 4, (150, 5)).astype(np.float32)


def in_blocks(x, sizes, k, metric="squared-euclidean", seed=0):
    numbers = np.split(np.arange(len(x)), np.cumsum(sizes)[:-1])
    blocks = [pack_block(x[own], own) for own in numbers]
    lists = [list_block(block, k, metric=metric) for block in blocks]
    pairs = [(one, other) for one in range(len(blocks)) for other in range(one)]
    for at in np.random.default_rng(seed).permutation(len(pairs)):
        one, other = pairs[at]
        lists[one], lists[other] = join_blocks(blocks[one], lists[one], blocks[other], lists[other], metric=metric)
    return [np.concatenate([getattr(each, name) for each in lists]) for name in ("distances", "indices")]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [1, 7, 149])
def test_joined_blocks_know_all_neighbours(rows, metric, seed, k):
    found = in_blocks(rows, [50, 1, 17, 82], k, metric, seed)
    for a, b in zip(found, fp.neighbours(rows, k, metric=metric), strict=True):
        assert np.array_equal(a, b)


def test_numbers_need_not_follow_one_another(rows):
    ranks = np.random.default_rng(1).permutation(10 * len(rows))[: len(rows)]
    order = np.argsort(ranks)
    expected = fp.neighbours(rows[order], 6)
    halves = [np.sort(half) for half in np.array_split(np.random.default_rng(2).permutation(len(rows)), 2)]
    blocks = [pack_block(rows[order][half], ranks[order][half]) for half in halves]
    lists = join_blocks(blocks[0], list_block(blocks[0], 6), blocks[1], list_block(blocks[1], 6))
    for half, found in zip(halves, lists, strict=True):
        assert np.array_equal(found.distances, expected[0][half])
        assert np.array_equal(found.indices, ranks[order][expected[1][half]])


@pytest.mark.parametrize("metric", METRICS)
def test_merged_lists_of_blocks_are_those_of_all(rows, metric):
    queries = rows[:20] + np.float32(0.25)
    parts = [pack_block(rows[own], own, codes=True) for own in np.split(np.arange(150), [40, 45])]
    lists = [nearest_in_block(queries, part, 9, metric=metric) for part in parts]
    assert [each.indices.shape[1] for each in lists] == [9, 5, 9]
    found = merge_lists(lists[::-1], 9, metric=metric)
    expected = fp.nearest(queries, rows, 9, metric=metric)
    assert np.array_equal(found.distances, expected[0])
    assert np.array_equal(found.indices, expected[1])


def test_what_is_given_to_a_join_stays_as_it_is(rows):
    one, other = pack_block(rows[:70], np.arange(70)), pack_block(rows[70:], np.arange(70, 150))
    lists = list_block(one, 3), list_block(other, 3)
    before = [each.indices.copy() for each in lists]
    joined = join_blocks(one, lists[0], other, lists[1])
    assert all(np.array_equal(each.indices, kept) for each, kept in zip(lists, before, strict=True))
    again = join_blocks(one, lists[0], other, lists[1])
    assert all(np.array_equal(a.indices, b.indices) for a, b in zip(joined, again, strict=True))


def test_a_join_tells_how_far_it_is_and_may_be_ended(rows):
    one, other = pack_block(rows[:70], np.arange(70)), pack_block(rows[70:], np.arange(70, 150))
    lists, told = (list_block(one, 3), list_block(other, 3)), []
    join_blocks(one, lists[0], other, lists[1], progress=told.append)
    assert told[0] == 0
    assert told[-1] == 1

    def stop(share):
        raise KeyboardInterrupt

    kept = [each.distances.copy() for each in lists]
    with pytest.raises(KeyboardInterrupt):
        _core.join(
            *(one.packed, one.numbers, lists[0].distances, lists[0].indices),
            *(other.packed, other.numbers, lists[1].distances, lists[1].indices),
            progress=stop,
        )
    assert all(np.array_equal(each.distances, before) for each, before in zip(lists, kept, strict=True))


def test_a_block_of_one_row_has_nobody_of_its_own(rows):
    lists = list_block(pack_block(rows[:1], [7]), 2, metric="dot")
    assert lists.distances.tolist() == [[-np.inf, -np.inf]]
    assert lists.indices.tolist() == [[NOBODY, NOBODY]]


def test_blocks_are_refused(rows):
    for x, numbers, text in (
        (rows[:0], [], "a block must have at least one row, not 0"),
        (rows[:2], [1, 1], r"numbers must be 2 that rise, one for each row, not \(2,\) of them"),
        (rows[:2], [1], r"numbers must be 2 that rise, one for each row, not \(1,\) of them"),
        (rows[:2] * np.float32(np.nan), [0, 1], "embeddings must be finite: row 0 is not"),
    ):
        with pytest.raises(ValueError, match=text):
            pack_block(x, numbers)
    with pytest.raises(TypeError, match="numbers must be integers, not float64"):
        pack_block(rows[:1], [0.5])
    for k in (0, -1):
        with pytest.raises(ValueError, match=f"k must be 1 or more, not {k}"):
            list_block(pack_block(rows, np.arange(150)), k)


def test_joins_are_refused(rows):
    one, other = pack_block(rows[:20], np.arange(20)), pack_block(rows[20:40], np.arange(20, 40))
    lists = list_block(one, 3)
    wider = Lists(np.zeros((20, 4), np.float32), np.zeros((20, 4), np.int64))
    with pytest.raises(ValueError, match=r"other_values must have shape \(20, 3\), not \(20, 4\)"):
        join_blocks(one, lists, other, wider)
    with pytest.raises(TypeError, match="other_values must be float32, not float64"):
        join_blocks(one, lists, other, Lists(np.zeros((20, 3)), np.zeros((20, 3), np.int64)))
    with pytest.raises(ValueError, match="other must be another gallery than one"):
        join_blocks(one, lists, one, lists)
    narrow = pack_block(rows[:5, :4], np.arange(5))
    with pytest.raises(ValueError, match="other must have 5 columns, not 4"):
        join_blocks(one, lists, narrow, list_block(narrow, 3))
    sides = (one.packed, one.numbers), (other.packed, other.numbers)
    with pytest.raises(ValueError, match="one_values must not share memory with other_values"):
        _core.join(*sides[0], lists.distances, lists.indices, *sides[1], lists.distances, lists.indices.copy())
    with pytest.raises(ValueError, match=r"one_values must have shape \(rows, columns\), not \(60,\)"):
        _core.join(*sides[0], lists.distances.ravel(), lists.indices, *sides[1], lists.distances, lists.indices)
    frozen = lists.distances.copy()
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="one_values must be writable"):
        _core.join(*sides[0], frozen, lists.indices, *sides[1], lists.distances, lists.indices.copy())
    codes = _core.Gallery(5, "int8")
    codes.append(rows[:20])
    copies = lists.distances.copy(), lists.indices.copy()
    with pytest.raises(ValueError, match="one must be a gallery of float32 or float16 rows, not int8"):
        _core.join(codes, one.numbers, lists.distances, lists.indices, *sides[1], *copies)
