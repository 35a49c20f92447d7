"""Made-up embeddings of made-up people, in any number, for tests and for planning how much a machine can hold.

A surrogate, and no replacement for real faces: distances of pairs are distributed like those of the bundled network on
news photographs, but nothing says that the neighbours of neighbours are, nor who is hard to tell from whom. What a
method reaches here ranks methods roughly and tells their cost; how often it is right on faces, only faces can tell.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .expected import as_number, as_whole

BLOCK = 16_384  # rows that are made at a time
HARD = (0.2, 0.5)  # how far a hard face is pulled toward where unrecognisable ones lie: 0 not at all, 1 all the way
JUNK = (0.5, 0.75)  # and a junk face
OFF = 0.28  # how much nearer the common direction that place is than a face: the bundled network's, by its recipe
SHIFT = 0.02  # of the people: how many of the first are about as frequent as each other


@dataclass(frozen=True, slots=True, eq=False)
class Synthetic:
    """Made-up faces, in random order: one row each.

    `embeddings` (n, dimension) float32 unit rows. `people` (n,) int64 is the truth, from 0; `labels` (n,) int64 what a
    data set with wrong labels says. `lobes` (n,) int64 tells the looks of one person apart, from 0, and `groups` (n,)
    int64 the groups of people. All four are -1 for junk, which belongs to nobody. `quality` (n,) float32 in [0, 1] is
    low for hard faces and junk, as a measure of quality would be: on the whole, not each time.
    """

    embeddings: NDArray[np.float32]
    people: NDArray[np.int64]
    labels: NDArray[np.int64]
    lobes: NDArray[np.int64]
    quality: NDArray[np.float32]
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.people)


def people(
    faces: int = 40_000,
    people: int = 2_500,
    *,
    dimension: int = 128,
    seed: int = 0,
    apart: float = 0.287,
    spread: float = 0.085,
    uneven: float = 0.25,
    effective: float = 29.5,
    tail: float = 1.5,
    lobed: float = 0.1,
    lobes: int = 2,
    lobes_apart: float | None = None,
    hard: float = 0.1,
    junk: float = 0.02,
    groups: int = 4,
    unequal: float = 0.2,
    label_noise: float = 0.02,
) -> Synthetic:
    """Make up `faces` embeddings of `people` people, everybody with one face or more.

    A face is u sqrt(1 - a) + v sqrt(a), where u is a direction that all have in common and v the unit vector along
    c sqrt(1 - b) + e sqrt(b), the person's centre and what is of this face alone.

    - `apart`, `spread`: expected squared distance of two faces of different people, in (0, 2], and of one, below that.
    - `uneven`: 0 or more; by how much the part b that is of the face alone differs between faces (the standard
      deviation of its logarithm).
    - `effective`: in how many dimensions c and e really differ, at least 1 and less than `dimension`: their variance
      falls off as a power of the rank, and this is its participation ratio, (sum)^2 / sum of squares.
    - `tail`: how unequally the faces are shared out, 0 or more: the person of rank k has a share in proportion to
      (k + people / 50)^-tail (Mandelbrot 1953), and one face at least. 0 is evenly.
    - `lobed`: the share of people who have several looks (child and adult, with glasses and without), `lobes` how many
      they have, `lobes_apart` the expected squared distance of two faces of different looks of one person, from
      `spread` to `apart`; by default 3/8 of the way.
    - `hard`: the share of these faces that are pulled toward a place near u, where unrecognisable faces lie, and lose
      part of who they are; `junk`: the share of all faces that are of strangers nobody knows, pulled there further.
    - `groups`: of people, at random; the first varies less than `spread`, the last more, by the share `unequal`.
    - `label_noise`: the share of the faces of people whose entry in `labels` is another person, any with equal chance.

    All shares are in [0, 1], and come out exactly but for rounding. The defaults resemble the bundled network on
    Labeled Faces in the Wild. There, 99, 99.9 and 99.99 % of the pairs of different people lie more than 0.180, 0.145
    and 0.116 apart, and 99.5, 96.7 and 86.8 % of the pairs of one person at most so far. Here, without lobes, hard
    faces and junk, these are 98.8 to 98.9, 99.89 to 99.91 and 99.994 to 99.996 %, and 99.5 to 99.6, 96.9 to 97.0 and
    86.5 to 87.3 % (four seeds).

    The rows depend on `seed` and the other arguments alone; on another machine or another version of numpy they may
    differ. Memory is that of the result and of one embedding a person. Raises TypeError and ValueError for numbers
    out of range.

    >>> found = people(1000, 50, junk=0.1, seed=3)
    >>> found.embeddings.shape, int((found.people == -1).sum()), len(set(found.people.tolist()) - {-1})
    ((1000, 128), 100, 50)
    """
    faces, people = as_whole(faces, "faces", 1), as_whole(people, "people", 1)
    dimension, seed = as_whole(dimension, "dimension", 2), as_whole(seed, "seed", 0)
    lobes, groups = as_whole(lobes, "lobes", 2), as_whole(groups, "groups", 1)
    shares = {"lobed": lobed, "hard": hard, "junk": junk, "unequal": unequal, "label_noise": label_noise}
    numbers = {"apart": apart, "spread": spread, "uneven": uneven, "tail": tail, "effective": effective}
    for name, number in {**shares, **numbers, "lobes_apart": spread if lobes_apart is None else lobes_apart}.items():
        as_number(number, name)
    for name, share in shares.items():
        _check(name, share, 0 <= share <= 1, "a share in [0, 1]")
    _check("apart", apart, 0 < apart <= 2, "a squared distance in (0, 2]")
    _check("spread", spread, 0 <= spread < apart, f"a squared distance of 0 or more and less than apart, {apart}")
    lobes_apart = spread + 0.375 * (apart - spread) if lobes_apart is None else lobes_apart
    _check("lobes_apart", lobes_apart, spread <= lobes_apart <= apart, "a squared distance from spread to apart")
    _check("uneven", uneven, 0 <= uneven < math.inf, "a finite number of 0 or more")
    _check("tail", tail, 0 <= tail < math.inf, "a finite number of 0 or more")
    _check("effective", effective, 1 <= effective <= dimension - 1, f"from 1 to dimension - 1, {dimension - 1}")
    known = faces - round(junk * faces)
    if known < people:
        raise ValueError(f"faces must be enough for {people} people beside {faces - known} of junk, not {faces}")
    if label_noise and people == 1:
        raise ValueError("label_noise must be 0 where there is one person, for no label is wrong then")

    rng = np.random.default_rng(seed)
    space = _Space(rng, dimension, effective, apart)
    owners = np.full(faces, -1, np.int64)
    owners[:known] = np.repeat(np.arange(people), _sizes(known, people, tail))
    owners = rng.permutation(owners)
    shown = owners >= 0
    centres, looks, of_look = _looks(rng, space, owners, people, lobed, lobes, (apart - lobes_apart) / (apart - spread))
    group = np.where(shown, rng.integers(groups, size=people)[owners], -1)

    scatter = rng.standard_normal(faces)
    factors = 1 + unequal * np.linspace(-1, 1, groups) if groups > 1 else np.ones(1)
    own = spread / apart * factors[group] * np.exp(uneven * scatter - uneven**2 / 2)
    pull = np.where(shown, 0.0, rng.uniform(*JUNK, faces))
    spoilt = np.flatnonzero(shown)[_some(rng, known, hard)]
    pull[spoilt] = rng.uniform(*HARD, len(spoilt))
    own = np.where(shown, own.clip(0, 1) * (1 - pull) + pull, 1.0)  # what is lost is no longer the person's

    labels = owners.copy()
    wrong = np.flatnonzero(shown)[_some(rng, known, label_noise)]
    labels[wrong] = (labels[wrong] + rng.integers(1, max(people, 2), len(wrong))) % people
    quality = 1 / (1 + np.exp(10 * pull + 0.7 * scatter + 0.7 * rng.standard_normal(faces) - 3.5))
    return Synthetic(
        space.place(rng, centres, of_look, own, pull), owners, labels, looks, quality.astype(np.float32), group
    )


class _Space:
    """Where embeddings lie: a common direction, and around it directions that differ more in some dimensions."""

    def __init__(self, rng: np.random.Generator, dimension: int, effective: float, apart: float) -> None:
        axes = np.linalg.qr(rng.standard_normal((dimension, dimension)))[0]
        self.common = np.sqrt(1 - apart / 2) * axes[0]
        self.scale = np.float32(np.sqrt(apart / 2))
        self.axes = (np.sqrt(_spectrum(dimension - 1, effective))[:, None] * axes[1:]).astype(np.float32)
        off = OFF * apart / 2
        self.unrecognisable = np.sqrt(1 - off) * axes[0] + np.sqrt(off) * self.directions(rng, 1)[0]

    def directions(self, rng: np.random.Generator, rows: int) -> NDArray[np.float32]:
        """Random unit rows across the common direction: (rows, dimension)."""
        return _unit(rng.standard_normal((rows, len(self.axes)), np.float32) @ self.axes)

    def place(
        self,
        rng: np.random.Generator,
        centres: NDArray[np.float32],
        of_centre: NDArray[np.int64],
        own: NDArray[np.float64],
        pull: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Rows (n, dimension) about their centres, `own` of each random, and pulled toward the unrecognisable."""
        rows = np.empty((len(own), self.axes.shape[1]), np.float32)
        kept, random, pulled = (x.astype(np.float32)[:, None] for x in (np.sqrt(1 - own), np.sqrt(own), pull))
        common, far = self.common.astype(np.float32), self.unrecognisable.astype(np.float32)
        for first in range(0, len(rows), BLOCK):
            part = slice(first, first + BLOCK)
            made = random[part] * self.directions(rng, len(random[part])) + kept[part] * centres[of_centre[part]]
            made = common + self.scale * _unit(made)
            rows[part] = _unit(made + pulled[part] * (far - made))
        return rows


def _looks(
    rng: np.random.Generator,
    space: _Space,
    owners: NDArray[np.int64],
    people: int,
    lobed: float,
    lobes: int,
    alike: float,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Centres of people and of their looks, cosine `alike` apart; of each face the look, and the row of its centre."""
    centres = space.directions(rng, people)
    several = np.flatnonzero(_some(rng, people, lobed))
    others = space.directions(rng, len(several) * lobes)
    those = _unit(np.float32(np.sqrt(alike)) * centres[several.repeat(lobes)] + np.float32(np.sqrt(1 - alike)) * others)
    first = np.arange(people)
    first[several] = people + lobes * np.arange(len(several))
    has = np.isin(owners, several)
    look = np.where(has, rng.integers(lobes, size=len(owners)), np.minimum(owners, 0))
    return np.concatenate([centres, those]), look, first[owners] + look  # of junk any row, for it counts nothing


def _sizes(faces: int, people: int, tail: float) -> NDArray[np.int64]:
    """Share faces out among people by rank: in proportion to a power of it, and one at least."""
    ranks = np.arange(1, people + 1) + SHIFT * people
    weights = (ranks / ranks[0]) ** -tail
    many = people  # who get more than the one
    while True:
        shares = (faces - people + many) * weights[:many] / weights[:many].sum()
        enough = int((shares >= 1).sum())
        if enough == many:
            break
        many = enough
    sizes = np.ones(people, np.int64)
    sizes[:many] = shares
    sizes[np.argsort(sizes[:many] - shares, kind="stable")[: faces - sizes.sum()]] += 1  # largest remainders
    return sizes


def _spectrum(dimension: int, effective: float) -> NDArray[np.float64]:
    """Variances that fall off as a power of their rank, of sum 1 and of a participation ratio: found by bisection."""
    ranks = np.arange(1.0, dimension + 1)
    least, most = 0.0, 64.0
    for _ in range(64):
        power = (least + most) / 2
        variances = ranks**-power
        if variances.sum() ** 2 > effective * (variances**2).sum():
            least = power
        else:
            most = power
    spectrum: NDArray[np.float64] = variances / variances.sum()
    return spectrum


def _some(rng: np.random.Generator, rows: int, share: float) -> NDArray[np.bool_]:
    """A share of the rows, rounded to whole ones, at random: (rows,) bool."""
    chosen = np.zeros(rows, bool)
    chosen[rng.permutation(rows)[: round(share * rows)]] = True
    return chosen


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _check(name: str, number: float, holds: bool, rule: str) -> None:
    if not holds:
        raise ValueError(f"{name} must be {rule}, not {number}")
