"""What accuracy owes to good photographs and long embeddings: tables 4 and 5 of the paper, for any network."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import NoFaceError, PhotoError
from ..model import Model
from ..photo import photo_name, read_photo
from .degrade import Thumbnail, compress, cut, shrink
from .pairs import Pairs
from .rates import Val, false_accepts
from .reduction import principal_axes, reduce
from .skipped import telling_skipped

QUALITIES = (10, 20, 30, 50, 70, 90)  # of JPEG; paper, table 4
PIXELS = (1_600, 6_400, 14_400, 25_600, 65_536)  # paper, table 4
DIMENSIONS = (32, 64, 128, 256, 512)  # paper, table 5, and one shorter
Reduction: TypeAlias = Literal["pca", "prefix"]


@dataclass(frozen=True, slots=True, eq=False)
class Sensitivity:
    """VAL at `far` of the photographs as they are (`untouched`), and by what was made of them.

    `quality`: JPEG quality. `pixels`: how many pixels the aligned face covered; the `smaller` faces that had fewer from
    the start were left as they were. `dimension`: numbers of an embedding, kept by `reduction`. `people` and `faces`
    are how many there were, `skipped` why photographs were left out.
    """

    far: float
    people: int
    faces: int
    reduction: Reduction
    untouched: Val
    quality: dict[int, Val]
    pixels: dict[int, Val]
    smaller: dict[int, int]
    dimension: dict[int, Val]
    skipped: dict[Path, str]


def measure_sensitivity(
    model: Model, photos: Iterable[Path], pairs: Pairs, *, far: float = 1e-3, reduction: Reduction = "pca"
) -> Sensitivity:
    """Measure VAL at a FAR over JPEG quality, pixels and dimension (paper, sections 5.3 and 5.4).

    `pairs` are pairs of the `photos`, in their order. The most prominent face of each is found once, on the photograph
    as it is, so that the network is measured and not the detector. Its thumbnail is then compressed, or re-scaled, at
    the photograph's own resolution, and aligned and embedded like any other. The threshold is found anew each time, for
    VAL is what the FAR allows.

    With `reduction` "pca", the principal components of the people of even number are measured on pairs of the others,
    at every dimension, the network's own included; with "prefix" the first numbers of each embedding, on all pairs.

    Photographs that cannot be read or show no face are skipped. Memory grows by 12 embeddings a photograph. Raises
    ValueError where there are too few pairs for the FAR, or too few photographs to find the components from: before any
    is read, if that can be told then; and where photographs and pairs do not belong together.
    """
    dimensions = (*(numbers for numbers in DIMENSIONS if numbers < model.recipe.dimension), model.recipe.dimension)
    _check(pairs, dimensions, far, reduction)
    embeddings, sizes, seen, skipped = _embed_all(model, photos)
    if len(seen) != len(pairs.people):
        raise ValueError(f"photos must be the {len(pairs.people)} that the pairs are of, not {len(seen)}")
    pairs = pairs.keep(seen)
    with telling_skipped(skipped, len(seen)):
        _check(pairs, dimensions, far, reduction)
    values = [pairs.val(rows, far) for rows in embeddings]
    return Sensitivity(
        far=far,
        people=len(np.unique(pairs.people)),
        faces=len(sizes),
        reduction=reduction,
        untouched=values[0],
        quality=dict(zip(QUALITIES, values[1:], strict=False)),
        pixels=dict(zip(PIXELS, values[1 + len(QUALITIES) :], strict=True)),
        smaller={pixels: int((sizes < pixels).sum()) for pixels in PIXELS},
        dimension=_by_dimension(embeddings[0], pairs, dimensions, far, reduction),
        skipped=skipped,
    )


def _embed_all(
    model: Model, photos: Iterable[Path]
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], dict[Path, str]]:
    """Embed each photograph's face as it is and in every worse state: (states, faces, dimension) float32.

    With that, how many pixels each face covers, which photographs showed one, and why the others are skipped.
    """
    rows, sizes, seen = [], [], []
    skipped: dict[Path, str] = {}
    for photo in photos:
        try:
            face = _thumbnail(model, photo)
        except (PhotoError, NoFaceError) as error:
            skipped[photo] = str(error)
        else:
            worse = [compress(face, quality) for quality in QUALITIES] + [shrink(face, pixels) for pixels in PIXELS]
            rows.append(_embed(model, [face, *worse]))
            sizes.append(face.pixels)
        seen.append(photo not in skipped)
    states = 1 + len(QUALITIES) + len(PIXELS)
    embeddings = np.stack(rows, axis=1) if rows else np.empty((states, 0, model.recipe.dimension), np.float32)
    return embeddings, np.array(sizes), np.array(seen, bool), skipped


def _thumbnail(model: Model, photo: Path) -> Thumbnail:
    image = read_photo(photo, limits=model.limits)
    found = model.detect(image)
    if not len(found.scores):
        raise NoFaceError(f"{photo_name(photo)} must show a face, but none was found")
    return cut(image, found[:1], model.recipe)


def _embed(model: Model, faces: list[Thumbnail]) -> NDArray[np.float32]:
    """The one place that knows how a model is fed: (faces, dimension) float32."""
    return model.network.embed_views(np.concatenate([model.network.inputs(face.image, face.found) for face in faces]))


def _by_dimension(
    x: NDArray[np.float32], pairs: Pairs, dimensions: tuple[int, ...], far: float, reduction: Reduction
) -> dict[int, Val]:
    axes = None
    if reduction == "pca":
        fitted = _fitted(pairs)
        axes, x, pairs = principal_axes(x[fitted]), x[~fitted], pairs.keep(~fitted)
    return {dimension: pairs.val(reduce(x, dimension, axes), far) for dimension in dimensions}


def _fitted(pairs: Pairs) -> NDArray[np.bool_]:
    """The photographs of every other person, from which principal components are found."""
    fitted: NDArray[np.bool_] = pairs.people % 2 == 0
    return fitted


def _check(pairs: Pairs, dimensions: tuple[int, ...], far: float, reduction: Reduction) -> None:
    """ValueError where VAL at this FAR cannot be found from these pairs, whatever their distances."""
    if reduction not in ("pca", "prefix"):
        raise ValueError(f"reduction must be 'pca' or 'prefix', not {reduction!r}")
    _check_pairs(pairs, far)
    if reduction == "prefix":
        return
    fitted = _fitted(pairs)
    try:
        _check_pairs(pairs.keep(~fitted), far)
    except ValueError as error:
        raise ValueError(f"principal components are measured on every other person, and {error}") from error
    most = dimensions[-2] if len(dimensions) > 1 else 0  # all of them are no more than a turn
    if fitted.sum() < most:
        raise ValueError(
            f"{most} principal components must be found from at least {most} photographs of every other person, "
            f"not {fitted.sum()}; reduction 'prefix' needs none"
        )


def _check_pairs(pairs: Pairs, far: float) -> None:
    same, different = pairs.count()
    false_accepts(far, different)
    if not same:
        raise ValueError("VAL needs at least one pair of photographs of the same person, not 0")
