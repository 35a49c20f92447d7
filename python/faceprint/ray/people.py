"""People among faces in shards: neighbours by workers, what follows on this machine."""

from typing import Any

import numpy as np

from .._cluster import NEIGHBOURS, ON_GRAPH, Clustering, as_junk, begun
from .._nearest import Progress, stage
from ..expected import as_whole
from ..lists import Lists, order_by_content
from ..shards import Shards
from .joins import fill_lists, no_lists, scratch_of
from .plans import Say, plan_neighbours, tell
from .saved import open_lists
from .sections import Ranked, cut_up, places_of
from .workers import Workers, check_given


def cluster(
    x: Shards,
    *,
    workers: Workers,
    k: int = NEIGHBOURS,
    junk: Any = None,
    block_rows: int | None = None,
    say: Say | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Clustering:
    """Group faces in shards into people, as `faceprint.cluster` does, to the label.

    The search for neighbours, nearly all of the work, is done by the workers. The graph and its communities are made on
    this machine, whose memory must hold the rows and their lists besides: about 4 dimension + 36 k bytes a face, so
    that 10 million of 128 numbers, with k = 80, want 34 GB. `options` are those of `faceprint.cluster`, with the
    methods that work on a graph; raises as that and `list_neighbours` do.

    >>> import numpy, tempfile
    >>> from faceprint import Shards, ray
    >>> folder = tempfile.TemporaryDirectory()
    >>> shards = Shards.create(folder.name, rows=2)
    >>> ids = shards.add(numpy.float32([[1, 0], [0, 1], [0.99, 0.14]]))
    >>> with ray.Workers(1, threads=1) as workers:
    ...     ray.cluster(shards, workers=workers).labels.tolist()
    [0, 1, 0]
    >>> folder.cleanup()
    """
    check_given(x, "x", workers)
    method = options.get("method", "map_equation")
    if method not in ON_GRAPH:
        raise ValueError(f"method must be one of {', '.join(ON_GRAPH)}, not {method!r}")
    k = as_whole(k, "k", 1)
    rows = x.embeddings()
    unwanted = as_junk(junk, len(rows))
    # With nobody to be grouped: what would be refused after the search is refused before.
    begun(rows, np.ones(len(rows), bool), no_lists(0, 0), k).again(**options)
    kept = np.flatnonzero(~unwanted)
    near = min(k, len(kept) - 1)
    if near < 1:
        return begun(rows, unwanted, no_lists(len(kept), 0), k).again(progress=progress, **options)
    order = kept[order_by_content(rows[kept])]
    ranks = np.full(len(rows), -1)
    ranks[order] = np.arange(len(order))

    sections = cut_up(x, block_rows)
    own = [ranks[place] for place in places_of(sections)]
    with scratch_of(x) as folder:
        sizes = [int((some >= 0).sum()) for some in own]
        saved = open_lists(folder, near, sizes, {"ranks": folder.url}, "squared-euclidean")
        sources = [Ranked(section, folder, f"ranks-{number}") for number, section in enumerate(sections)]
        for source, some in zip(sources, own, strict=True):
            folder.write(source.file, some.tobytes())
        tell(say, lambda: plan_neighbours(x, near, block_rows=block_rows, workers=workers))
        fill_lists(sources, saved, "squared-euclidean", workers, stage(progress, 0, 0.9))
        found = saved.read()
    # Blocks hold their rows by rank, one block behind the other.
    by_block = np.concatenate([np.sort(some[some >= 0]) for some in own])
    lists = Lists(np.empty_like(found[0]), np.empty_like(found[1]))
    lists.distances[by_block], lists.indices[by_block] = found
    return begun(rows, unwanted, lists, k).again(progress=stage(progress, 0.9, 1), **options)
