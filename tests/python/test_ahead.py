"""Work done ahead in threads: order, how far it reads, and how it ends."""

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from faceprint.ahead import ahead, portions


@pytest.fixture
def workers():
    with ThreadPoolExecutor(4) as pool:
        yield pool


def counted(items, read):
    for item in items:
        read.append(item)
        yield item


def test_results_come_in_order_whatever_they_take(workers):
    def slow(number):
        time.sleep(0.02 if number % 4 == 0 else 0)  # the first of every four ends last
        return number * 2

    assert list(ahead(workers, slow, range(40), 8)) == [number * 2 for number in range(40)]


def test_items_are_worked_on_at_once(workers):
    together = threading.Barrier(4, timeout=10)
    assert list(ahead(workers, lambda number: together.wait() >= 0, range(8), 4)) == [True] * 8


def test_reads_no_further_ahead_than_it_may(workers):
    read = []
    results = ahead(workers, str, counted(range(1000), read), 5)
    assert read == []
    for taken in range(1, 20):
        next(results)
        assert len(read) == taken + 4


def test_nothing_to_do(workers):
    assert list(ahead(workers, str, [], 3)) == []


def test_what_was_read_comes_out_before_the_error(workers):
    def broken():
        yield from "abc"
        raise OSError("the list ended early")

    results = ahead(workers, str.upper, broken(), 10)
    assert [next(results) for _ in range(3)] == ["A", "B", "C"]
    with pytest.raises(OSError, match="the list ended early"):
        next(results)


def test_an_error_comes_in_the_place_of_its_result(workers):
    results = ahead(workers, lambda number: 6 // number, [3, 2, 0, 1], 10)
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert list(results) == []


def test_portions():
    assert list(portions([5, 1, 2, 3, 1], lambda size: size, 4)) == [[5], [1, 2, 3], [1]]
    assert list(portions([], len, 4)) == []


def test_portions_before_an_error():
    def broken():
        yield from (1, 2)
        raise OSError

    read = portions(broken(), lambda _: 1, 10)
    assert next(read) == [1, 2]
    with pytest.raises(OSError):
        next(read)


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_held_when_it_has_ended(fails):
    """Items may be photographs, which must not wait until Python collects circles."""
    seen = []

    def items():
        for _ in range(3):
            item = threading.Event()
            seen.append(weakref.ref(item))
            yield item
            del item
        if fails:
            raise ValueError("the items end here")

    gc.disable()
    try:
        with ThreadPoolExecutor(2) as workers, suppress(ValueError):
            for _ in ahead(workers, bool, items(), 2):
                pass
        assert [ref() for ref in seen] == [None] * 3
    finally:
        gc.enable()
