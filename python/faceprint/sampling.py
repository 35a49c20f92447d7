"""Batches to train on: so many people, so many faces of each; and weights against what a data set has most of."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import as_labels, named_rows, unmasked
from .expected import as_number, as_whole


class PKSampler:
    """Batches of `people` identities with `faces` of each, as lists of row numbers: a `batch_sampler` for PyTorch.

    They are those of Schroff et al., FaceNet, 2015, section 3.2: about 40 faces of an identity, 1,800 in all, or else
    there are too few positives; and `negatives` further faces of anybody else, drawn at random. `labels` (n,), integers
    or strings, say whose each face is. Who has fewer than `faces` gives all; who has a single one is drawn among the
    negatives only. A batch holds one person after the other, then the negatives, no face twice.

    An epoch shows everybody once: all identities of two faces or more, in random order, are cut into batches. The rest
    that does not fill one waits; it is another in the next epoch. So `len(sampler)` is identities // people, and of a
    person who has more, an epoch shows as many as `faces`, drawn at random.

    `weights` (n,), numbers of 0 or more such as `equity_weights`, steer what is drawn: people by the mean weight of
    their faces, anew for each batch; their faces, and the negatives, by their own weight. Each time the chance of being
    the next is the weight over the sum of those left (Efraimidis and Spirakis, 2006). With weights an epoch has as many
    batches, but may show somebody twice or not at all. Faces of weight 0 are left out.

    The batches of an epoch depend on `seed` and its number alone (and on the version of numpy). As with PyTorch's
    DistributedSampler, the number stays 0 until `set_epoch`: call it before each epoch, or all are the same.

    Raises ValueError where fewer than `people` identities have two faces, where the others may have fewer faces than
    `negatives`, and for numbers out of range; TypeError for labels and weights of another type.

    >>> sampler = PKSampler(["Ann", "Ann", "Ann", "Ben", "Ben", "Cid"], people=2, faces=2, negatives=1)
    >>> len(sampler), [len(batch) for batch in sampler]
    (1, [5])
    >>> sampler.set_epoch(1)
    """

    def __init__(
        self,
        labels: Any,
        people: int = 45,
        faces: int = 40,
        negatives: int = 0,
        weights: Any = None,
        seed: int = 0,
    ) -> None:
        self.people: int = as_whole(people, "people", 1)
        self.faces: int = as_whole(faces, "faces", 2)
        self.negatives: int = as_whole(negatives, "negatives", 0)
        self.seed: int = as_whole(seed, "seed", 0)
        self.epoch: int = 0
        self._labels = as_labels(labels)
        self._chances, self._weighted = _log_weights(weights, len(self._labels)), weights is not None
        self._kept = np.flatnonzero(self._chances > -np.inf)
        order = self._kept[np.argsort(self._labels[self._kept], kind="stable")]
        sizes = np.bincount(self._labels[order])
        shown = np.split(order, np.cumsum(sizes)[:-1])
        self._identities = np.flatnonzero(sizes >= 2)
        self._rows = {identity: shown[identity] for identity in self._identities.tolist()}
        self._identity_chances = np.array([_log_mean(self._chances[rows]) for rows in self._rows.values()])
        if self.people > len(self._rows):
            raise ValueError(f"people must be at most {len(self._rows)}, who have two faces or more, not {people}")
        most = len(order) - int(np.sort(sizes[self._identities])[-self.people :].sum())
        if self.negatives > most:
            raise ValueError(f"negatives must be at most {most}, the faces there are beside a batch, not {negatives}")

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, a number of 0 or more, whose batches the next iteration gives; ValueError for another.

        >>> sampler = PKSampler(np.arange(2000) // 2, people=1, faces=2)
        >>> first = list(sampler)
        >>> sampler.set_epoch(1)
        >>> list(sampler) != first, sorted(sampler) == sorted(first)
        (True, True)
        """
        self.epoch = as_whole(epoch, "epoch", 0)

    def __repr__(self) -> str:
        names = ("people", "faces", "negatives", "seed", "epoch")
        options = ", ".join(f"{name}={getattr(self, name)}" for name in names)
        return f"<PKSampler of {len(self._labels)} rows: {len(self)} batches, {options}>"

    def __len__(self) -> int:
        return len(self._rows) // self.people

    def __iter__(self) -> Iterator[list[int]]:
        random = np.random.default_rng([self.seed, self.epoch])
        for identities in self._draw_people(random):
            rows = [_draw(random, self._rows[identity], self.faces, self._chances) for identity in identities.tolist()]
            yield np.concatenate([*rows, self._draw_negatives(random, identities)]).tolist()

    def _draw_people(self, random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        every = np.arange(len(self._identities))
        if self._weighted:
            for _ in range(len(self)):
                yield self._identities[_draw(random, every, self.people, self._identity_chances)]
        else:
            order = self._identities[random.permutation(every)]
            yield from np.split(order, np.arange(1, len(self) + 1) * self.people)[:-1]

    def _draw_negatives(self, random: np.random.Generator, identities: NDArray[np.int64]) -> NDArray[np.int64]:
        if not self.negatives:
            return np.empty(0, np.int64)
        taken = np.zeros(self._labels.max() + 1, bool)
        taken[identities] = True
        return _draw(random, self._kept[~taken[self._labels[self._kept]]], self.negatives, self._chances)


def equity_weights(labels: Any, *, eta: float = 1.0, gamma: float = 5.0) -> NDArray[np.float64]:
    """Weigh samples by how rare their cluster is: (n,) float64 in [eta / (eta + 1), 1], for `PKSampler`.

    w = (eta + (1 - p)^gamma) / (eta + 1), where p is the cluster's share of all samples (Shrivastava et al.,
    DatasetEquity, ICCV 2023 workshops). `labels` (n,), integers or strings, name the cluster of each sample: who it
    shows, or what is alike in appearance, such as pose or light. -1 is a cluster like any other. The larger `gamma`,
    the sooner a cluster counts as frequent; the larger `eta`, the less that matters. Both are 0 or more.

    Raises TypeError for labels of another type, ValueError for numbers out of range.

    >>> equity_weights(["front", "front", "front", "side"], gamma=1).tolist()
    [0.625, 0.625, 0.625, 0.875]
    """
    for name, number in (("eta", eta), ("gamma", gamma)):
        if not 0 <= as_number(number, name) < math.inf:
            raise ValueError(f"{name} must be a finite number of 0 or more, not {number}")
    numbers = np.unique(named_rows(labels), return_inverse=True)[1]
    share = np.bincount(numbers)[numbers] / max(len(numbers), 1)
    weights: NDArray[np.float64] = (eta + (1 - share) ** gamma) / (eta + 1)
    return weights


def _draw(
    random: np.random.Generator, pool: NDArray[np.int64], count: int, chances: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Draw up to `count` of `pool` one after the other, by weights whose logarithms are `chances`; sorted."""
    if count >= len(pool):
        return pool
    keys = chances[pool] + random.gumbel(size=len(pool))  # the largest are such a draw
    return np.sort(pool[np.argpartition(keys, -count)[-count:]])


def _log_weights(weights: Any, rows: int) -> NDArray[np.float64]:
    if weights is None:
        return np.zeros(rows)
    array = np.asarray(unmasked(weights, "weights"))
    if array.dtype.kind not in "iuf":
        raise TypeError(f"weights must be numbers, not {array.dtype}")
    if array.shape != (rows,):
        raise ValueError(f"weights must have shape ({rows},), one for each label, not {array.shape}")
    if not ((array >= 0) & (array < np.inf)).all():
        raise ValueError("weights must be finite numbers of 0 or more")
    with np.errstate(divide="ignore"):
        return np.log(array.astype(np.float64))


def _log_mean(chances: NDArray[np.float64]) -> float:
    return float(np.logaddexp.reduce(chances)) - math.log(len(chances))
