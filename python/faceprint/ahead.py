"""Work done ahead in threads, its results in order: the bounded pipeline under `Model.faces` and `Model.embed`."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(workers: Executor, function: Callable[[Item], Result], items: Iterable[Item], most: int) -> Iterator[Result]:
    """Apply `function` to each of the items in the threads of `workers`; the results come in the order of the items.

    At most `most` items are read before their results are asked for. Items are read in the thread that asks. Where
    reading fails, what was read before still comes out before the error does; where `function` fails, likewise.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor() as workers:
    ...     list(ahead(workers, str.upper, "abc", 2))
    ['A', 'B', 'C']
    """
    waiting: deque[Future[Result]] = deque()
    unread = iter(items)
    end: Exception | None = None
    try:
        while True:
            while end is None and len(waiting) < most:
                try:
                    item = next(unread)
                except Exception as error:  # StopIteration or what went wrong
                    end = error
                else:
                    waiting.append(workers.submit(function, item))
            if not waiting:
                break
            yield waiting.popleft().result()
        if end is not None and not isinstance(end, StopIteration):
            raise end
    finally:
        del end  # whose traceback holds this frame: a circle, and the last item in it


def portions(items: Iterable[Item], size: Callable[[Item], int], most: int) -> Iterator[list[Item]]:
    """Gather items into lists, each closed by the item with which their sizes reach `most` together.

    >>> list(portions(["a", "bcd", "e"], len, 3))
    [['a', 'bcd'], ['e']]
    """
    gathered: list[Item] = []
    try:
        for item in items:
            gathered.append(item)
            if sum(map(size, gathered)) >= most:
                yield gathered
                gathered = []
    except Exception:  # what was read before comes out before the error does
        if gathered:
            yield gathered
        raise
    if gathered:
        yield gathered
