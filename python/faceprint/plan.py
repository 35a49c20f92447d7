"""What a search among faces in shards costs before it begins: multiply-adds, bytes and time, by formulas.

A task takes two blocks of rows from the storage, forms the product of all rows of one with all of the other, and writes
for each row the `k` nearest so far: a float32 and an int64 each. Time is that of workers who compute and transfer in
turn, each at a rate of its own; storage that all share, the last tasks, when not everybody has one, and what a worker
keeps from task to task are left out. `docs/scale.md` holds it against a simulation of all that.
"""

from dataclasses import dataclass

from .expected import as_number, as_whole

NUMBER = 4  # bytes of one of an embedding
NEIGHBOUR = 12  # of one on a list: its distance and its row


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes to compare `queries` with `rows`, each of `dimension` numbers.

    Of all `workers` together: `tasks`, `multiply_adds`, `read_bytes`, `written_bytes`, `compute_seconds` and
    `transfer_seconds`. `seconds` pass from beginning to end.
    """

    queries: int
    rows: int
    dimension: int
    workers: int
    tasks: int
    multiply_adds: int
    read_bytes: int
    written_bytes: int
    compute_seconds: float
    transfer_seconds: float
    seconds: float

    def __str__(self) -> str:
        hours = self.workers * self.seconds / 3600
        shown = f"{hours:,.0f}" if hours >= 10 else f"{hours:.2g}"
        work = f"{self.multiply_adds:.1e}".replace("e+", "e")
        sizes = f"{self.queries:,} x {self.rows:,} x {self.dimension}"
        return f"{sizes}: {work} multiply-adds in {self.tasks:,} tasks, about {shown} machine-hours on this cluster"


def self_join_plan(
    rows: int,
    dimension: int,
    k: int,
    *,
    block_rows: int,
    workers: int,
    multiply_adds_per_second: float,
    network_bytes_per_second: float,
) -> Plan:
    """The `k` nearest others of each of some rows, each pair of rows compared once.

    Each of b blocks of `block_rows` meets itself and every other one: b (b + 1) / 2 tasks. A block is read for each of
    its b tasks, and its lists are read for all but the first. At most b // 2 tasks run at once, since a block is in one
    at a time. The rates are those of one worker. Raises TypeError or ValueError unless sizes are whole numbers of 1 or
    more, `rows` of 0 or more, and rates are above 0.

    >>> plan = self_join_plan(10**9, 128, 80, block_rows=2**18, workers=32,
    ...                       multiply_adds_per_second=1e12, network_bytes_per_second=1.25e9)
    >>> print(str(plan).split(": ")[1])
    6.4e19 multiply-adds in 7,279,020 tasks, about 19,839 machine-hours on this cluster
    """
    rows, dimension, k = as_whole(rows, "rows", 0), as_whole(dimension, "dimension", 1), as_whole(k, "k", 1)
    blocks = _parts(rows, as_whole(block_rows, "block_rows", 1))
    listed = NEIGHBOUR * min(k, max(rows - 1, 0))
    return _plan(
        (rows, rows, dimension),
        tasks=blocks * (blocks + 1) // 2,
        multiply_adds=rows * (rows - 1) // 2 * dimension,
        read_bytes=rows * (blocks * NUMBER * dimension + max(blocks - 1, 0) * listed),
        written_bytes=rows * blocks * listed,
        workers=workers,
        at_once=max(blocks // 2, 1),
        multiply_adds_per_second=multiply_adds_per_second,
        network_bytes_per_second=network_bytes_per_second,
    )


def search_plan(
    queries: int,
    rows: int,
    dimension: int,
    k: int,
    *,
    query_rows: int,
    block_rows: int,
    workers: int,
    multiply_adds_per_second: float,
    network_bytes_per_second: float,
) -> Plan:
    """The `k` nearest of some rows for each query: every block of `query_rows` with every one of `block_rows`.

    Each pair of blocks is a task, which reads both and writes a list for each query; then the lists of each query are
    read, merged and written once. Raises as `self_join_plan` does.

    >>> plan = search_plan(10**6, 10**8, 128, 10, query_rows=2**16, block_rows=2**18, workers=32,
    ...                    multiply_adds_per_second=1e12, network_bytes_per_second=1.25e9)
    >>> print(plan)
    1,000,000 x 100,000,000 x 128: 1.3e16 multiply-adds in 6,112 tasks, about 3.8 machine-hours on this cluster
    """
    queries, rows = as_whole(queries, "queries", 0), as_whole(rows, "rows", 0)
    dimension, k = as_whole(dimension, "dimension", 1), as_whole(k, "k", 1)
    block_rows = as_whole(block_rows, "block_rows", 1)
    query_blocks, blocks = _parts(queries, as_whole(query_rows, "query_rows", 1)), _parts(rows, block_rows)
    listed = NEIGHBOUR * min(k, rows)
    whole, rest = divmod(rows, block_rows)
    found = NEIGHBOUR * queries * (whole * min(k, block_rows) + min(k, rest))
    return _plan(
        (queries, rows, dimension),
        tasks=query_blocks * blocks,
        multiply_adds=queries * rows * dimension,
        read_bytes=NUMBER * dimension * (queries * blocks + rows * query_blocks) + found,
        written_bytes=found + queries * listed,
        workers=workers,
        at_once=max(query_blocks * blocks, 1),
        multiply_adds_per_second=multiply_adds_per_second,
        network_bytes_per_second=network_bytes_per_second,
    )


def _parts(rows: int, size: int) -> int:
    return -(-rows // size)


def _plan(
    sizes: tuple[int, int, int],
    *,
    tasks: int,
    multiply_adds: int,
    read_bytes: int,
    written_bytes: int,
    workers: int,
    at_once: int,
    multiply_adds_per_second: float,
    network_bytes_per_second: float,
) -> Plan:
    workers = as_whole(workers, "workers", 1)
    computed = as_number(multiply_adds_per_second, "multiply_adds_per_second")
    transferred = as_number(network_bytes_per_second, "network_bytes_per_second")
    if not (computed > 0 and transferred > 0):
        raise ValueError(f"rates must be above 0, not {multiply_adds_per_second} and {network_bytes_per_second}")
    compute, transfer = multiply_adds / computed, (read_bytes + written_bytes) / transferred
    seconds = (compute + transfer) / min(workers, at_once)
    return Plan(*sizes, workers, tasks, multiply_adds, read_bytes, written_bytes, compute, transfer, seconds)
