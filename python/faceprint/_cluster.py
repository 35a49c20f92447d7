"""Embeddings -> people: which rows are of the same person, and which row stands for each."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._nearest import Progress, as_k, stage
from .arrays import as_embeddings, as_integers, as_mask
from .constraints import Constraints, as_attributes, as_known, as_pairs, constrained_communities
from .distance import as_threshold
from .expected import as_number, one_of
from .graph import Graph, neighbour_graph
from .identity import UNKNOWN, keep_numbers, number_by_first
from .lists import Lists, extend_lists, find_lists, order_by_content
from .medoids import medoids

JUNK = -1
THRESHOLD = 0.14  # of the bundled network, as its recipe says; a test holds the two together
NEIGHBOURS = 80
HALFWAY, SLOPE = 0.8, 1 / 16  # of affinities, in thresholds
LEAST = 0.35  # evidence of an edge
NEAR_ZERO = 1e-9
ATTRIBUTE_WEIGHT = 0.1

Method: TypeAlias = Literal["map_equation", "modularity", "chinese_whispers", "components", "average", "density"]
ON_GRAPH = ("map_equation", "modularity", "chinese_whispers", "components")
METHODS = (*ON_GRAPH, "average", "density")


@dataclass(frozen=True, slots=True)
class Settings:
    """The parameters that `cluster` was called with."""

    method: Method
    threshold: float
    k: int
    least: float
    resolution: float
    balanced: bool

    @property
    def heeded(self) -> tuple[str, ...]:
        """The names of the numbers among them that matter to the method."""
        if self.method in ON_GRAPH:
            return ("threshold", "k", "least", *(["resolution"] if self.method == "modularity" else []))
        return ("threshold",) if self.method == "average" else ()


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """Who is whom: `labels` (n,) int64 from 0, numbered by first member; `representatives` (people,) int64 row numbers.

    Junk belongs to nobody and has label -1. The representative of a person is the medoid: the row with the least mean
    distance to the person's others; -1 for a number that nobody has, as `previous` labels may leave. `conflicts` (m, 2)
    int64 are the pairs of `cannot_link` that are one person all the same.

    `embeddings` are the rows that were clustered, `settings` how, and `lists` the neighbours of the rows that are not
    junk, counted among these; None where the method needs none.
    """

    labels: NDArray[np.int64]
    representatives: NDArray[np.int64]
    conflicts: NDArray[np.int64]
    embeddings: NDArray[np.float32]
    settings: Settings
    junk: NDArray[np.bool_]
    lists: Lists | None

    def __len__(self) -> int:
        """Count the people."""
        return int((self.representatives >= 0).sum())

    @property
    def threshold(self) -> float:
        """The threshold that was used."""
        return self.settings.threshold

    def add(
        self,
        x: Any,
        *,
        junk: Any = None,
        named: Any = None,
        must_link: Any = None,
        cannot_link: Any = None,
        penalty: float = 1.0,
        attributes: Mapping[str, Sequence[Any]] | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> "Clustering":
        """Cluster what is here and more embeddings (m, dimension) float32 together; old rows come first.

        As `cluster` of both with the labels of this clustering as `previous`, but without comparing old rows with one
        another again. People keep their rows and numbers, all of them or only those in `named`; what else is known
        (`must_link`, `cannot_link`, `attributes`) is said of all rows, `junk` (m,) of the new ones. Methods "average"
        and "density", which heed no names, want `named=[]`. Raises as `cluster` does, and ValueError for another
        dimension.

        >>> import numpy
        >>> first = cluster(numpy.float32([[1, 0], [0, 1]]), threshold=0.5)
        >>> first.add(numpy.float32([[0.1, 0.995], [-1, 0]])).labels.tolist()
        [0, 1, 1, 2]
        """
        rows = as_embeddings(x, "embeddings", width=self.embeddings.shape[1])
        unwanted = np.append(self.junk, as_junk(junk, len(rows)))
        both = np.concatenate([self.embeddings, rows])
        previous = np.append(self.labels, np.full(len(rows), UNKNOWN))
        constraints = _constraints(len(both), must_link, cannot_link, penalty, attributes, _fixed(previous, named))
        return _cluster(both, unwanted, constraints, previous, self.settings, self, threads, progress)

    def again(
        self,
        *,
        must_link: Any = None,
        cannot_link: Any = None,
        penalty: float = 1.0,
        attributes: Mapping[str, Sequence[Any]] | None = None,
        previous: Any = None,
        named: Any = None,
        threads: int | None = None,
        progress: Progress | None = None,
        **changes: Any,
    ) -> "Clustering":
        """Cluster the same rows with other parameters (`method`, `threshold`, `k`, `least`, `resolution`, `balanced`).

        What is not named stays as it was; what is known is said anew. The search for neighbours, which takes most of
        the time, is not repeated unless `k` grows. Raises as `cluster` does, and TypeError for another parameter.

        >>> import numpy
        >>> first = cluster(numpy.float32([[1, 0], [0, 1], [0.6, 0.8]]))
        >>> first.labels.tolist(), first.again(threshold=0.5).labels.tolist()
        ([0, 1, 2], [0, 1, 1])
        """
        before = asdict(self.settings)
        for unknown in [name for name in changes if name not in before][:1]:
            raise TypeError(f"a parameter must be {one_of(before)}, not {unknown!r}")
        settings = _settings(**before | changes)
        labels = as_known(previous, "previous", len(self.labels))
        constraints = _constraints(len(self.labels), must_link, cannot_link, penalty, attributes, _fixed(labels, named))
        return _cluster(self.embeddings, self.junk, constraints, labels, settings, self, threads, progress)


def cluster(
    x: Any,
    *,
    method: Method = "map_equation",
    threshold: float = THRESHOLD,
    k: int = NEIGHBOURS,
    least: float = LEAST,
    resolution: float = 1.0,
    balanced: bool = False,
    junk: Any = None,
    must_link: Any = None,
    cannot_link: Any = None,
    penalty: float = 1.0,
    attributes: Mapping[str, Sequence[Any]] | None = None,
    previous: Any = None,
    named: Any = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Clustering:
    """Group embeddings (n, dimension) float32 into people.

    `threshold`, a squared distance in [0, 4], says how far apart two faces of one person may be; the default suits the
    bundled network (`model.recipe.grouping()` has another's). The rest may stay as it is.

    Methods: "map_equation", "modularity" (with its `resolution`), "chinese_whispers" and "components" are those of
    `faceprint.graph.communities`, on the graph that `neighbour_graph` makes of the `k` nearest neighbours of each row
    with `least` evidence, where a distance of 0.8 thresholds counts half, `balanced` or not. "average" is average
    linkage (Sokal and Michener 1958), exact: the two groups nearest to each other on average are merged as long as that
    average squared distance is at most the threshold. "density" is HDBSCAN (Campello et al. 2013) by scikit-learn,
    which must be installed; there, faces that no dense region holds are junk, and there is no threshold. Time grows
    with the square of n, memory with n k.

    What is known: rows where `junk` (n,) bool is true, such as `faces.quality < 0.5`, belong to nobody: label -1, and
    of no influence on the others. Pairs of rows `must_link` (m, 2) end up together. Pairs `cannot_link` (m, 2) are
    probably two people, as on the same photograph (`same_photograph`): edges between them lose `penalty`, in [0, 1],
    of their weight, and pairs that are together all the same are told as `conflicts`. `attributes` maps names, such as
    "album" or "day", to a value for each row (None or NaN: unknown); faces that share one are a little nearer.
    `previous` (n,), labels of an earlier clustering with -1 for new rows, keeps people: all those in `named`, or all
    there are, keep their rows and numbers whatever is found, and other groups the number of whom they share most rows
    with.

    The order of rows changes only the numbering, except that of exactly equal rows; threads and backend change nothing.
    `progress` is called as in `nearest`, but by "density" never; what it raises, or Ctrl-C, ends the call at once.
    Raises TypeError for another dtype, ValueError for another shape, NaN, infinity or a parameter out of range, for
    `named` where `previous` has nobody, and for what a method cannot heed.

    >>> import numpy
    >>> found = cluster(numpy.float32([[1, 0], [0, 1], [0.99, 0.14]]))
    >>> found.labels.tolist(), found.representatives.tolist()
    ([0, 1, 0], [0, 1])
    >>> cluster(numpy.float32([[1, 0], [0, 1], [0.99, 0.14]]), junk=numpy.array([True, False, False])).labels.tolist()
    [-1, 0, 1]
    """
    rows = as_embeddings(x, "embeddings")
    settings = _settings(method, threshold, k, least, resolution, balanced)
    labels = as_known(previous, "previous", len(rows))
    constraints = _constraints(len(rows), must_link, cannot_link, penalty, attributes, _fixed(labels, named))
    return _cluster(rows, as_junk(junk, len(rows)), constraints, labels, settings, None, threads, progress)


def find_edges(lists: Lists, settings: Settings, threads: int | None = None, progress: Progress | None = None) -> Graph:
    """Make the graph in whose communities `cluster` sees people."""
    return neighbour_graph(
        lists.distances,
        lists.indices,
        halfway=HALFWAY * settings.threshold,
        slope=max(SLOPE * settings.threshold, NEAR_ZERO),
        least=settings.least,
        balanced=settings.balanced,
        threads=threads,
        progress=progress,
    )


def begun(rows: NDArray[np.float32], junk: NDArray[np.bool_], lists: Lists, k: int) -> Clustering:
    """A clustering of which only the `k` neighbours are known, found elsewhere; `again` does the rest.

    `lists` are those of the rows that are not junk, in the order of their content.
    """
    nobody = np.full(len(rows), JUNK, np.int64)
    settings = _settings("map_equation", THRESHOLD, k, LEAST, 1.0, balanced=False)
    return Clustering(nobody, nobody[:0], np.empty((0, 2), np.int64), rows, settings, junk, lists)


def as_junk(junk: Any, rows: int) -> NDArray[np.bool_]:
    """Check which rows are junk: None for none, or (rows,) bool."""
    return np.zeros(rows, bool) if junk is None else as_mask(junk, "junk", rows, "embedding")


def _settings(method: Method, threshold: float, k: int, least: float, resolution: float, balanced: bool) -> Settings:
    if method not in METHODS:
        raise ValueError(f"method must be {one_of(METHODS)}, not {method!r}")
    return Settings(method, as_threshold(threshold), as_k(k), least, resolution, balanced)


def _cluster(
    rows: NDArray[np.float32],
    junk: NDArray[np.bool_],
    constraints: Constraints,
    previous: NDArray[np.int64],
    settings: Settings,
    before: Clustering | None,
    threads: int | None,
    progress: Progress | None,
) -> Clustering:
    kept = np.flatnonzero(~junk)
    order = kept[order_by_content(rows[kept])]
    ordered, lists = rows[order], None
    known = constraints.among(order, len(rows))
    if settings.method in ON_GRAPH:
        lists = _lists(ordered, order, before, settings.k, threads, stage(progress, 0, 0.9))
        graph = find_edges(lists, settings, threads, stage(progress, 0.9, 0.95))
        found = constrained_communities(
            graph,
            known,
            method=settings.method,
            resolution=settings.resolution,
            threads=threads,
            progress=stage(progress, 0.95, 1),
        )
    elif not known.idle:
        raise ValueError(f"method {settings.method!r} heeds neither links nor attributes nor named people")
    elif settings.method == "average":
        found = _core.average_linkage(ordered, settings.threshold, threads or 0, progress)
    else:
        found = _dense(ordered)
    labels = np.full(len(rows), JUNK, np.int64)
    labels[order] = found
    somebody = labels != JUNK
    labels[somebody] = keep_numbers(
        number_by_first(labels[somebody]), previous[somebody], np.unique(constraints.people[somebody])
    )
    ends = labels[constraints.cannot_link]
    conflicts = constraints.cannot_link[(ends[:, 0] == ends[:, 1]) & (ends[:, 0] != JUNK)]
    return Clustering(labels, medoids(rows, labels), conflicts, rows, settings, junk, lists)


def _lists(
    ordered: NDArray[np.float32],
    order: NDArray[np.int64],
    before: Clustering | None,
    k: int,
    threads: int | None,
    progress: Progress | None,
) -> Lists:
    most = len(ordered) - 1
    if before is None or before.lists is None or before.settings.k < min(k, most):
        return find_lists(ordered, k, threads, progress)
    old = order < len(before.labels)
    return extend_lists(before.lists, ordered, np.flatnonzero(old), np.flatnonzero(~old), k, threads, progress)


def _dense(rows: NDArray[np.float32]) -> NDArray[np.int64]:
    try:
        from sklearn.cluster import HDBSCAN
    except ImportError as error:
        raise ModuleNotFoundError("method 'density' needs scikit-learn: pip install 'faceprint[density]'") from error
    if len(rows) < 2:
        return np.full(len(rows), JUNK, np.int64)
    return np.asarray(HDBSCAN(min_cluster_size=2, copy=True).fit_predict(rows), np.int64)


def _fixed(previous: NDArray[np.int64], named: Any) -> NDArray[np.int64]:
    """The people whose rows stay theirs: all who have a number, or those who are named."""
    if named is None:
        return previous
    people = as_integers(named, "named")
    if people.size and (previous == UNKNOWN).all():
        raise ValueError("named must be people of previous, which has none")
    return np.where(np.isin(previous, people), previous, UNKNOWN)


def _constraints(
    rows: int,
    must_link: Any,
    cannot_link: Any,
    penalty: float,
    attributes: Mapping[str, Sequence[Any]] | None,
    people: NDArray[np.int64],
) -> Constraints:
    if not 0 <= as_number(penalty, "penalty") <= 1:
        raise ValueError(f"penalty must be in [0, 1], not {penalty}")
    return Constraints(
        as_pairs(must_link, "must_link", rows),
        as_pairs(cannot_link, "cannot_link", rows),
        penalty,
        as_attributes(attributes, rows),
        ATTRIBUTE_WEIGHT,
        people,
    )
