"""New network, old gallery: a map of the new embeddings onto the old ones, so that nobody need be embedded anew."""

import json
import math
import os
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from ._nearest import Progress
from .archive import load_arrays, save_arrays
from .arrays import as_labels, finite_rows
from .embedded import Embedded, as_embedded
from .errors import UpgradeError
from .evaluate.compatibility import Compatibility, measure_compatibility
from .evaluate.pairs import ListedPairs
from .evaluate.rates import Change, Val, false_accepts
from .expected import as_number, as_text, as_whole
from .faces import Faces
from .given import given_path
from .harmonic import Affine, Rows, deal, fit_least_squares, refine_map, unit
from .photo import printable

FORMAT = 1
LARGEST = 4096  # numbers of an embedding, as in a recipe
MEASURED = 1000  # faces of each fold at most: half a million pairs
BATCH = 65_536  # rows that are mapped at a time
ARRAYS = ("weights", "offset", "about")
LONGEST = 1000  # characters of a fingerprint
MOST = 4 * LARGEST * (LARGEST + 1) + 2**17  # bytes of a file, `about` with 4 for each character
Record = TypeVar("Record", Val, Change)


@dataclass(frozen=True, slots=True, eq=False)
class Upgrade:
    """A map of a new network's embeddings onto those of an old one, after which they may be compared.

    The paper trains a network for that, with triplets of both networks' embeddings (Schroff et al., FaceNet, 2015,
    appendix: "harmonic embeddings"); here the new network stays as it is, and x @ `weights` + `offset`, scaled to unit
    length, follows it. Make one with `fit` or `load`. `weights` (d_new, d_old) and `offset` (d_old,) are float32;
    `old` and `new` are the fingerprints of the networks, None where they were not told; `refined` tells whether
    gradient descent followed the closed form.

    >>> import numpy
    >>> random = numpy.random.default_rng(0)
    >>> people = numpy.repeat(numpy.arange(60), 4)
    >>> new = random.standard_normal((60, 24))[people] + 0.4 * random.standard_normal((240, 24))
    >>> new = (new / numpy.linalg.norm(new, axis=1, keepdims=True)).astype(numpy.float32)
    >>> old = new[:, ::-1].copy()  # the same but for the order of the numbers
    >>> upgrade = Upgrade.fit(Embedded(old, "first"), Embedded(new, "second"), people)
    >>> bool(abs(upgrade.apply(new) - old).max() < 1e-5), upgrade.report().change.value
    (True, 0.0)
    >>> import faceprint as fp
    >>> gallery = fp.Gallery()
    >>> ids = gallery.add(Embedded(old, "first"))
    >>> probe = upgrade.apply(Embedded(new[:1], "second"))
    >>> probe.fingerprint, probe.upgraded_from, gallery.search(probe, k=1).ids.tolist()
    ('first', 'second', [[0]])
    """

    weights: NDArray[np.float32]
    offset: NDArray[np.float32]
    old: str | None
    new: str | None
    refined: bool
    _report: Compatibility = field(repr=False)

    def __post_init__(self) -> None:
        _check_fingerprints(self.old, self.new)

    @classmethod
    def fit(
        cls,
        old: Any,
        new: Any,
        labels: Any,
        *,
        refine: int = 0,
        far: float = 1e-3,
        tolerance: float = 0.0,
        folds: int = 5,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> "Upgrade":
        """Fit the map to some hundred faces that both networks have embedded, and measure what it is worth.

        `old` (n, d_old) and `new` (n, d_new) are float32 embeddings of the same n faces, in the same order; each is
        scaled to unit length first. They are arrays, or `Faces` or `Embedded`, which tell the fingerprints. `labels`
        (n,), integers or strings, say whom each row shows.

        The map is that of least squares with a penalty for being no rotation, as strong as predicts people best who
        were left out. With `refine`, so many steps of gradient descent follow, on triplets of both networks' embeddings
        together, and are kept where they raise VAL of `mixed`; a dozen are enough, and help most from 300 faces on.

        Its worth is measured by VAL at `far` on people who were left out of everything, one in `folds` at a time: on
        pairs within each fold, of its first 1,000 faces at most. UpgradeError, with the figures in its text and as
        `report`, where upgraded embeddings beside old ones give a lower VAL than the old ones among each other: lower
        by more than `tolerance`, in [0, 1], and by more than chance, that is, where the whole 95 % interval of the
        change lies below -`tolerance`. So a fit to few people may pass though it is worse: look at the interval. A
        `tolerance` of 1 takes all.

        The same input gives the same map on one machine. `threads` are those of the refinement (None: every CPU);
        `progress` is called with the share of the work that is done. Raises TypeError for other dtypes; ValueError for
        shapes that do not agree, NaN, infinity and rows of 0, two fingerprints that are one or of more than 1,000
        characters, and where there are too few people, pairs of the same person, or pairs of different people for the
        `far`.

        >>> from faceprint import synthetic
        >>> made = synthetic.people(240, 60, dimension=32, hard=0, junk=0, seed=1)
        >>> old, new = Embedded(made.embeddings[:, ::-1].copy(), "first"), Embedded(made.embeddings, "second")
        >>> upgrade = Upgrade.fit(old, new, made.people)
        >>> upgrade.weights.shape, upgrade.old, upgrade.new, upgrade.refined
        ((32, 32), 'first', 'second', False)
        """
        olds, news = as_embedded(old), as_embedded(new)
        _check_fingerprints(olds.fingerprint, news.fingerprint)
        if olds.fingerprint is not None and olds.fingerprint == news.fingerprint:
            raise ValueError(f"old and new must be of two networks, but both are of {olds.fingerprint}")
        x, y = _directions(news.embeddings, "new"), _directions(olds.embeddings, "old")
        if len(x) != len(y):
            raise ValueError(f"old and new must be of the same faces, but have {len(y)} and {len(x)} rows")
        if as_whole(refine, "refine") < 0:
            raise ValueError(f"refine must be 0 steps or more, not {refine}")
        if not 0 <= as_number(tolerance, "tolerance") <= 1:
            raise ValueError(f"tolerance must be a share in [0, 1], not {tolerance}")
        people = as_labels(labels, len(x))
        parts = _folds(people, folds)
        pairs = _pairs(people, parts, far)
        upgraded = np.empty((2 if refine else 1, *y.shape), np.float32)
        for fold in range(folds):
            seen = parts != fold
            for way, fitted in enumerate(_learn(x[seen], y[seen], people[seen], parts[seen], refine, threads)):
                upgraded[way, ~seen] = fitted(x[~seen])
            if progress is not None:
                progress((fold + 1) / (folds + 1))
        y32, x32 = y.astype(np.float32), x.astype(np.float32)
        reports = [measure_compatibility(y32, x32, rows, pairs, far=far) for rows in upgraded]
        refined = bool(refine) and reports[1].mixed.val > reports[0].mixed.val
        report = reports[refined]
        if report.change.high < -tolerance:
            raise _refused(report, tolerance)
        fitted = _learn(x, y, people, parts, refine if refined else 0, threads)[-1]
        if progress is not None:
            progress(1.0)
        weights, offset = fitted.weights.astype(np.float32), fitted.offset.astype(np.float32)
        return cls(weights, offset, olds.fingerprint, news.fingerprint, refined, report)

    @overload
    def apply(self, x: Faces | Embedded) -> Embedded: ...
    @overload
    def apply(self, x: NDArray[np.float32]) -> NDArray[np.float32]: ...
    def apply(self, x: Any) -> Any:
        """Map embeddings of the new network to where they may be compared with those of the old: float32 unit rows.

        `x` is (n, d_new) float32, scaled to unit length here, and gives an array (n, d_old). `Faces` or `Embedded` give
        an `Embedded` with the fingerprint of the old network and `upgraded_from` that of the new, which a `Gallery` of
        the old network takes; UpgradeError where they are of another network than the one fitted. Otherwise raises
        TypeError for another dtype, ValueError for another shape, NaN, infinity and rows of 0.

        Compare them with old embeddings at `report().mixed.threshold`: that of the old network may accept other shares,
        which `kept` there tells.

        >>> from faceprint import synthetic
        >>> made = synthetic.people(240, 60, dimension=32, hard=0, junk=0, seed=1)
        >>> old, new = Embedded(made.embeddings[:, ::-1].copy(), "first"), Embedded(made.embeddings, "second")
        >>> upgrade = Upgrade.fit(old, new, made.people)
        >>> mapped = upgrade.apply(new)
        >>> mapped.embeddings.shape, mapped.fingerprint, mapped.upgraded_from
        ((240, 32), 'first', 'second')
        """
        given = as_embedded(x)
        if self.new is not None and given.fingerprint not in (None, self.new):
            raise UpgradeError(
                f"the upgrade is for embeddings of network {printable(self.new)}, not of {given.fingerprint}"
            )
        rows = _directions(given.embeddings, "embeddings", width=len(self.weights))
        fitted = Affine(self.weights.astype(np.float64), self.offset.astype(np.float64))
        mapped = np.empty((len(rows), len(self.offset)), np.float32)
        for at in range(0, len(rows), BATCH):
            mapped[at : at + BATCH] = fitted(rows[at : at + BATCH])
        if given.embeddings is x:
            return mapped
        return Embedded(mapped, self.old, given.fingerprint or self.new)

    def report(self) -> Compatibility:
        """What the upgrade is worth, as it was measured when it was fitted; print it, or take the figures.

        VAL at one FAR of the old embeddings with one another (`old`), the upgraded with the old (`mixed`), the upgraded
        with one another (`upgraded`), and the new ones as they are (`new`), on the same pairs of people whom the map
        had not seen; all with 95 % intervals.

        >>> from faceprint import synthetic
        >>> made = synthetic.people(240, 60, dimension=32, hard=0, junk=0, seed=1)
        >>> old, new = Embedded(made.embeddings[:, ::-1].copy(), "first"), Embedded(made.embeddings, "second")
        >>> upgrade = Upgrade.fit(old, new, made.people)
        >>> upgrade.report().mixed.val == upgrade.report().old.val
        True
        """
        return self._report

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Write the upgrade to a file of exactly this name, in numpy's .npz format without pickle.

        OSError where it cannot be written, TypeError and ValueError for what is no path.

        >>> import tempfile
        >>> from faceprint import synthetic
        >>> made = synthetic.people(240, 60, dimension=32, hard=0, junk=0, seed=1)
        >>> old, new = Embedded(made.embeddings[:, ::-1].copy(), "first"), Embedded(made.embeddings, "second")
        >>> upgrade = Upgrade.fit(old, new, made.people)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     upgrade.save(f"{folder}/upgrade.npz")
        ...     sorted(np.load(f"{folder}/upgrade.npz"))
        ['about', 'offset', 'weights']
        """
        about = {
            "format": FORMAT,
            "old": self.old,
            "new": self.new,
            "refined": self.refined,
            "report": asdict(self._report),
        }
        save_arrays(given_path(path), weights=self.weights, offset=self.offset, about=np.array(json.dumps(about)))

    @classmethod
    def load(cls, path: "str | os.PathLike[str]") -> "Upgrade":
        """Read what `save` wrote; UpgradeError where the file is something else, or cannot be read.

        >>> import tempfile
        >>> from faceprint import synthetic
        >>> made = synthetic.people(240, 60, dimension=32, hard=0, junk=0, seed=1)
        >>> upgrade = Upgrade.fit(made.embeddings[:, ::-1].copy(), made.embeddings, made.people)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     upgrade.save(f"{folder}/upgrade.npz")
        ...     again = Upgrade.load(f"{folder}/upgrade.npz")
        >>> bool((again.apply(made.embeddings) == upgrade.apply(made.embeddings)).all())
        True
        """
        file = given_path(path)
        try:
            weights, offset, about = load_arrays(file, ARRAYS, most=MOST)
            _check_map(weights, offset)
            stated = _object(json.loads(str(about)), {"format", "old", "new", "refined", "report"}, "about")
            if stated["format"] != FORMAT:
                raise ValueError(f"format must be {FORMAT}, the only one this version reads, not {stated['format']!r}")
            if not isinstance(stated["refined"], bool):
                raise ValueError(f"refined must be true or false, not {stated['refined']!r}")
            report = _compatibility(stated["report"])
            return cls(weights, offset, stated["old"], stated["new"], stated["refined"], report)
        except Exception as error:  # the readers raise anything up to MemoryError and RecursionError on a hostile file
            reason = str(error) or type(error).__name__
            raise UpgradeError(f"{printable(path)} must be an .npz written by Upgrade.save: {reason}") from error


def _learn(
    x: Rows, y: Rows, people: NDArray[np.int64], parts: NDArray[np.int64], refine: int, threads: int | None
) -> list[Affine]:
    """The closed form, and what refining makes of it where that is asked for."""
    closed = fit_least_squares(x, y, parts)
    return [closed, refine_map(closed, x, y, people, refine, threads)] if refine else [closed]


def _directions(x: Any, name: str, *, width: int | None = None) -> Rows:
    """Check embeddings and scale each to unit length."""
    rows = finite_rows(x, name, width=width, least=0)
    if not rows.any(axis=1).all():
        raise ValueError(f"{name} must have a direction: row {np.flatnonzero(~rows.any(axis=1))[0]} is 0")
    return unit(rows)


def _folds(people: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """The fold of each row, all those of a person in one."""
    as_whole(folds, "folds", 3)  # two of which one is left out give nothing to find the penalty by
    found = len(np.unique(people))
    if found < 2 * folds:
        raise ValueError(f"labels must name at least {2 * folds} people, two for each of {folds} folds, not {found}")
    return deal(people, folds)


def _pairs(people: NDArray[np.int64], parts: NDArray[np.int64], far: float) -> ListedPairs:
    """All pairs within each fold, of its first faces; ValueError where they are too few."""
    pairs = []
    for fold in range(int(parts.max()) + 1):
        rows = np.flatnonzero(parts == fold)[:MEASURED]
        pairs.append(rows[np.stack(np.triu_indices(len(rows), 1))])
    a, b = np.concatenate(pairs, axis=1)
    listed = ListedPairs(people, a, b)
    same, different = listed.count()
    if not same:
        raise ValueError("labels must give somebody two rows or more: VAL needs pairs of the same person")
    try:
        false_accepts(far, different)
    except ValueError as error:
        raise ValueError(f"{error}; there are that many within the folds, where people are left out") from error
    return listed


def _refused(report: Compatibility, tolerance: float) -> UpgradeError:
    error = UpgradeError(
        f"upgraded embeddings must be no worse beside old ones than old ones are, within a tolerance of {tolerance:g}, "
        f"but they are; {report}"
    )
    error.report = report
    return error


def _check_map(weights: NDArray[Any], offset: NDArray[Any]) -> None:
    shape = weights.shape
    if weights.dtype != np.float32 or weights.ndim != 2 or not all(1 <= side <= LARGEST for side in shape):
        raise ValueError(f"weights must be float32, 1 to {LARGEST} either way, not {weights.dtype} of shape {shape}")
    if offset.dtype != np.float32 or offset.shape != shape[1:]:
        raise ValueError(f"offset must be {shape[1]} float32 numbers, not {offset.dtype} of shape {offset.shape}")
    if not (np.isfinite(weights).all() and np.isfinite(offset).all()):
        raise ValueError("weights and offset must be finite")


def _check_fingerprints(old: Any, new: Any) -> None:
    """Refuse what `load` would; any text may be, for Pythons disagree on what is printable."""
    for name, told in (("old", old), ("new", new)):
        if told is not None and len(as_text(told, f"the fingerprint of {name}")) > LONGEST:
            raise ValueError(f"the fingerprint of {name} must have at most {LONGEST:,} characters, not {len(told):,}")


def _compatibility(value: Any) -> Compatibility:
    stated = _object(value, set(Compatibility.__dataclass_fields__), "report")
    parts: dict[str, Any] = {"change": _numbers(Change, stated.pop("change"), "change")}
    for name in ("old", "mixed", "upgraded", "new", "kept"):
        parts[name] = _numbers(Val, stated.pop(name), name)
    for name, number in stated.items():
        parts[name] = _number(number, f"report: {name}")
    return Compatibility(**parts)


def _numbers(kind: type[Record], value: Any, name: str) -> Record:
    numbers: Any = _object(value, set(kind.__dataclass_fields__), name)
    for key, number in numbers.items():
        _number(number, f"{name}: {key}")
    return kind(**numbers)


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, not {value!r}")
    return value


def _object(value: Any, keys: set[str], name: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != keys:
        raise ValueError(f"{name} must be an object of {', '.join(sorted(keys))}")
    return dict(value)
