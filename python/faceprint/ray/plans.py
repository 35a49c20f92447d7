"""What work is told to cost before it begins, at the speed that a worker has just shown."""

import sys
from collections.abc import Callable
from time import perf_counter
from typing import TypeAlias

import numpy as np

from ..blocks import join_blocks, list_block, pack_block
from ..errors import GalleryError
from ..plan import Plan, search_plan, self_join_plan
from ..shards import Shards
from .sections import cut_up
from .workers import Task, Workers, check_given

Say: TypeAlias = Callable[[str], object]
TRIED = 4096  # rows of each block that a worker joins to show its speed


def plan_neighbours(x: Shards, k: int = 80, *, block_rows: int | None = None, workers: Workers) -> Plan:
    """What `neighbours` of faces in shards will cost on these workers, one of whom shows how fast it is."""
    check_given(x, "x", workers)
    compute, transfer = _speeds(x, workers)
    return self_join_plan(
        len(x),
        x.dimension or 1,
        k,
        block_rows=_rows_of_a_block(x, block_rows),
        workers=workers.count,
        multiply_adds_per_second=compute,
        network_bytes_per_second=transfer,
    )


def plan_nearest(
    queries: int, gallery: Shards, k: int = 10, *, query_rows: int, block_rows: int | None = None, workers: Workers
) -> Plan:
    """What `nearest` of so many queries will cost on these workers."""
    check_given(gallery, "gallery", workers)
    compute, transfer = _speeds(gallery, workers)
    return search_plan(
        queries,
        len(gallery),
        gallery.dimension or 1,
        k,
        query_rows=query_rows,
        block_rows=_rows_of_a_block(gallery, block_rows),
        workers=workers.count,
        multiply_adds_per_second=compute,
        network_bytes_per_second=transfer,
    )


def tell(say: Say | None, plan: Callable[[], Plan]) -> None:
    """Say what is planned, on a terminal where nobody else is to hear it; where nobody is, nothing is tried out."""
    if say is not None:
        say(str(plan()))
    elif sys.stderr.isatty():
        print(plan(), file=sys.stderr)


def _rows_of_a_block(shards: Shards, most: int | None) -> int:
    """How many rows the blocks have in the mean that these shards make."""
    return -(-len(shards) // max(len(cut_up(shards, most)), 1)) or 1


def _speeds(shards: Shards, workers: Workers) -> tuple[float, float]:
    """Multiply-adds and bytes a second, of one worker."""
    if not len(shards):
        raise GalleryError("the gallery must hold at least one embedding, not 0")
    smallest = min(range(len(shards.files)), key=lambda number: shards.files[number].bytes)
    section = shards.part(smallest, smallest + 1)
    ((_, (compute, transfer)),) = workers.do([Task("speed", _try_speed, (section, workers.threads))])
    return compute, transfer


def _try_speed(section: Shards, threads: int) -> tuple[float, float]:
    begin = perf_counter()
    section.embeddings(0)
    transfer = section.files[0].bytes / (perf_counter() - begin)
    dimension = section.dimension or 1
    rows = np.random.default_rng(0).standard_normal((2 * TRIED, dimension), np.float32)
    blocks = [pack_block(rows[half], np.flatnonzero(half)) for half in (np.arange(2 * TRIED) % 2 == n for n in (0, 1))]
    lists = [list_block(block, 10, threads=threads) for block in blocks]
    begin = perf_counter()
    join_blocks(blocks[0], lists[0], blocks[1], lists[1], threads=threads)
    return TRIED * TRIED * dimension / (perf_counter() - begin), transfer
