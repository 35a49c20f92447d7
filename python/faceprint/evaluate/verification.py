"""How often a network tells rightly whether two photographs show one person: everything the page of it needs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import PhotoError
from ..expected import as_kind
from ..faces import Faces
from ..model import Model
from ..photo import photo_name
from .folds import Folds, verification_folds
from .pairs import AllPairs, ListedPairs
from .rates import Roc, Val, wanting
from .skipped import telling_skipped
from .worst import HardPair, hardest_different, hardest_same

FARS = (1e-2, 1e-3, 1e-4)
WORST = 12  # pairs of either kind
Watch: TypeAlias = Callable[[Iterator[Faces | PhotoError]], Iterable[Faces | PhotoError]]


@dataclass(frozen=True, slots=True)
class EqualError:
    """The `rate` at which as many pairs of different people are accepted as of the same are refused, and where."""

    rate: float
    threshold: float


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """What a network does on some photographs of known people.

    `photos` are those on which a face was found, `skipped` says why others were left out. `vals` are the FARs that so
    many pairs can tell with their VAL, `untold` the others with the reason. `folds` is None where there are none; a
    pair without a face counts there as different, as is the rule of LFW. `missed` are pairs of the same person that lie
    far apart, `mistaken` pairs of different people that lie near, by the numbers of their `photos`, worst first.
    """

    photos: list[Path]
    skipped: dict[Path, str]
    people: int
    same_pairs: int
    different_pairs: int
    vals: dict[float, Val]
    untold: dict[float, str]
    equal_error: EqualError
    curve: Roc
    folds: Folds | None
    missed: list[HardPair]
    mistaken: list[HardPair]


def measure_verification(
    model: Model,
    photos: Sequence[Path],
    pairs: AllPairs | ListedPairs,
    *,
    folds: NDArray[np.int64] | None = None,
    fars: Sequence[float] = FARS,
    watch: Watch = iter,
) -> Verification:
    """Measure VAL at some FARs, equal error, ROC and accuracy over folds, on pairs of photographs.

    The most prominent face of each photograph counts. `pairs` are of the `photos`, in their order, and `folds`
    (pairs,) says of listed ones to which each belongs. `watch` may look on while the photographs are embedded, one by
    one, as a progress bar does. A FAR wants 3 / FAR pairs of different people, or is told to be wanting. Memory grows
    by an embedding a photograph. Raises ValueError without pairs of both kinds that have a face.
    """
    _counted(pairs)  # before any work
    x, seen, skipped = _embed(model, photos, watch)
    kept, found = [photo for photo, has in zip(photos, seen, strict=True) if has], pairs.keep(seen)
    with telling_skipped(skipped, len(photos)):
        same, different = _counted(found)
    curve = found.roc(x)
    untold = {far: reason for far in fars if (reason := wanting(far, different)) is not None}
    told = [far for far in fars if far not in untold]
    return Verification(
        photos=kept,
        skipped=skipped,
        people=len(np.unique(found.people)),
        same_pairs=same,
        different_pairs=different,
        vals=dict(zip(told, found.vals(x, told), strict=True)),
        untold=untold,
        equal_error=equal_error(curve),
        curve=curve,
        folds=None if folds is None or isinstance(pairs, AllPairs) else _accuracy(x, seen, pairs, folds),
        missed=hardest_same(x, found, WORST),
        mistaken=hardest_different(x, found, curve, WORST),
    )


def equal_error(curve: Roc) -> EqualError:
    """Find where FAR is 1 - VAL, on straight lines between the points of a ROC.

    >>> from faceprint.evaluate import roc
    >>> equal_error(roc(np.array([0.1, 0.2, 0.4]), np.array([0.3, 0.5, 0.6])))
    EqualError(rate=0.3333333333333333, threshold=0.3)
    """
    as_kind(curve, Roc, "curve")
    thresholds = np.concatenate([[0.0], curve.thresholds])
    far, missed = np.concatenate([[0.0], curve.far]), np.concatenate([[1.0], 1 - curve.val])
    over = far - missed  # ascends from -1 to 1
    after = int(np.searchsorted(over, 0))
    before = after - 1
    part = -over[before] / (over[after] - over[before])
    rate = far[before] + part * (far[after] - far[before])
    threshold = thresholds[before] + part * (thresholds[after] - thresholds[before])
    return EqualError(float(rate), float(threshold))


def _counted(pairs: AllPairs | ListedPairs) -> tuple[int, int]:
    same, different = pairs.count()
    if not same or not different:
        raise ValueError(f"photos must make pairs of one person and of two people, and make {same} and {different}")
    return same, different


def _embed(
    model: Model, photos: Sequence[Path], watch: Watch
) -> tuple[NDArray[np.float32], NDArray[np.bool_], dict[Path, str]]:
    """Embed the most prominent face of each photograph; tell which showed one, and why others are skipped."""
    rows, skipped = [], {}
    for photo, found in zip(photos, watch(model.faces(photos, errors="collect")), strict=True):
        if isinstance(found, PhotoError):
            skipped[photo] = str(found)
        elif not len(found):
            skipped[photo] = f"{photo_name(photo)} must show a face, but none was found"
        else:
            rows.append(found.embeddings[0])
    seen = np.array([photo not in skipped for photo in photos], bool)
    return np.array(rows, np.float32).reshape(-1, model.recipe.dimension), seen, skipped


def _accuracy(
    x: NDArray[np.float32], seen: NDArray[np.bool_], pairs: ListedPairs, folds: NDArray[np.int64]
) -> Folds | None:
    rows = np.full((len(seen), x.shape[1]), np.nan, np.float32)
    rows[seen] = x
    return verification_folds(pairs.distances(rows), pairs.same, folds) if len(np.unique(folds)) > 1 else None
