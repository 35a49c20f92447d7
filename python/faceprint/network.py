"""Chips in the network's own format -> embeddings: unit rows, in batches of bounded size."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from .chip import align, zoomed
from .detector import Detections
from .errors import NetworkError, RecipeError, RecipeWarning
from .golden import check_golden, synthetic_chip
from .known import Asked, known_recipe, stated_recipe
from .photo import Pixels
from .ports import find_ports
from .recipe import Recipe
from .runtime import FLOATS, Session, open_session

if TYPE_CHECKING:
    from ._cuda import Array
    from .isolated import NetworkLimits

NO_DIRECTION = "the network gave an embedding without a direction (zero, NaN or infinite)"
LARGEST_BATCH = 32  # about 9 MB of 150-pixel chips; larger batches were no faster


class Network:
    """An embedding network together with the recipe that says how to feed it. Open one with `open_network`.

    `origin` says in words where the recipe comes from. `batch` is the one number of faces that the graph takes, which
    are then handed over in such portions, or None where it takes any number.
    """

    def __init__(self, session: Session, recipe: Recipe, origin: str = "given") -> None:
        self.session = session
        self.recipe = recipe
        self.origin = origin
        self._ports = find_ports(session, recipe)
        self.batch: int | None = self._ports.batch or self._promised_batch()

    def inputs(self, image: Pixels, found: Detections) -> NDArray[np.float32]:
        """Cut the faces found on a photograph, as the network's input: (faces, views, ...).

        The views are the face at each of the recipe's zooms and, where it flips, the mirror image of each.
        """
        chips = self._cut(image, self._zoomed(found), twin=self.recipe.flip)
        return chips.reshape(len(found.scores), self._views, *chips.shape[2:])

    def golden(self) -> NDArray[np.float32]:
        """The unit embedding (dimension,) of `golden.synthetic_chip`, prepared as the recipe says."""
        shape = self.recipe.input
        chip = synthetic_chip(shape.height, shape.width)
        embedding: NDArray[np.float32] = self.embed(self._cut(chip, np.eye(2, 3)[None], twin=False)[:, 0])[0]
        return embedding

    def _cut(self, image: Pixels, affines: NDArray[np.float64], *, twin: bool) -> NDArray[np.float32]:
        chips = _core.chips(image, affines, **self._format(), twin=twin)
        return chips if twin else chips[:, None]

    def _format(self) -> dict[str, Any]:
        """How chips are cut for this network."""
        shape = self.recipe.input
        return {
            "height": shape.height,
            "width": shape.width,
            "layout": shape.layout,
            "channels": shape.channels,
            "mean": shape.mean,
            "scale": shape.scale,
            "whitening": shape.whitening,
        }

    def pictures(self, image: Pixels, found: Detections) -> Pixels:
        """Cut the same chips for people to look at: uint8 RGB of shape (faces, height, width, 3)."""
        shape = self.recipe.input
        chips = _core.chips(image, self._affines(found), shape.height, shape.width, layout="NHWC")
        return np.rint(chips).astype(np.uint8)

    def embed_views(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed (faces, views, ...) inputs: the mean embedding of each face's views, scaled to unit length."""
        faces, views = inputs.shape[:2]
        embeddings = self.embed(inputs.reshape(faces * views, *inputs.shape[2:]))
        return unit_rows(embeddings.reshape(faces, views, self.recipe.dimension).mean(axis=1))

    def embed_on_card(self, image: Pixels, found: Detections) -> "Array":
        """Cut and embed the faces found on a photograph, on the first card: (faces, dimension), unit rows.

        What `embed_views` of `inputs` answers, within 1e-6 of what the network gives there; only the photograph goes to
        the card.
        """
        from . import _cuda

        affines, twins = self._zoomed(found), 2 if self.recipe.flip else 1
        step = self.batch or LARGEST_BATCH
        if self.batch is not None and len(affines):  # such a graph gets exactly as many, some faces twice
            missing = -len(affines) % self.batch
            affines = np.concatenate([affines, np.repeat(affines[-1:], missing, axis=0)])
        taken, given = (FLOATS[self.session.types[port]].__name__ for port in (self._ports.input, self._ports.output))
        chips = _cuda.chips(image, affines, **self._format(), twin=self.recipe.flip, dtype=taken)
        outputs = _cuda.empty(len(affines) * twins, self.recipe.dimension, half=given == "float16")
        self.session.run_on_card({self._ports.input: chips}, {self._ports.output: outputs}, step)
        embeddings, directed = _cuda.unit_means(outputs, len(found.scores), self._views)
        if not directed:
            raise NetworkError(NO_DIRECTION)
        return embeddings

    def embed(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network over (faces, ...) inputs and scale each embedding to unit length."""
        step = self.batch or LARGEST_BATCH
        outputs = [self._run(inputs[at : at + step]) for at in range(0, len(inputs), step)]
        if not outputs:
            return np.empty((0, self.recipe.dimension), np.float32)
        return unit_rows(np.concatenate(outputs))

    @property
    def _views(self) -> int:
        """How many views of a face are embedded."""
        return len(self.recipe.zooms) * (2 if self.recipe.flip else 1)

    def _zoomed(self, found: Detections) -> NDArray[np.float64]:
        """Map the chips of the faces, and of each zoom, to the photograph: (faces zooms, 2, 3)."""
        shape = self.recipe.input
        return zoomed(self._affines(found), self.recipe.zooms, shape.height, shape.width).reshape(-1, 2, 3)

    def _affines(self, found: Detections) -> NDArray[np.float64]:
        shape = self.recipe.input
        return align(found, self.recipe.landmarks, shape.height, shape.width)

    def _promised_batch(self) -> int | None:
        """The number of faces that the graph promises to answer, where it takes any and does not answer for as many.

        Exports often promise one, such as insightface's, and yet keep to what comes in.
        """
        promised = next(iter(self.session.outputs[self._ports.output]), None)
        if promised is None:
            return None
        black = np.zeros((promised + 1, *self.recipe.input.sides), np.float32)
        try:
            (found,) = self.session.run({self._ports.input: black}, [self._ports.output])
        except NetworkError:
            return promised
        return None if len(found) == len(black) else promised

    def _run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        faces = len(batch)
        if self.batch is not None:  # a graph made for one batch size gets exactly that, filled up with black
            batch = np.concatenate([batch, np.zeros((self.batch - faces, *batch.shape[1:]), np.float32)])
        (found,) = self.session.run({self._ports.input: batch}, [self._ports.output])
        output = found.reshape(len(batch), -1)[:faces]
        if output.shape[1] != self.recipe.dimension:
            raise RecipeError(
                f"recipe {self.recipe.name}: 'dimension' is {self.recipe.dimension}, "
                f"but the network gives {output.shape[1]}"
            )
        return output


def open_network(
    path: Path,
    asked: Asked = None,
    *,
    device: str = "cpu",
    threads: int = 0,
    untrusted: "bool | NetworkLimits" = False,
) -> Network:
    """Open a network with the recipe `asked` for, or the one beside it, or the one that it is known to have.

    A golden embedding in the recipe is checked, which costs one run of the network. Errors are those of `load`.
    """
    stated = stated_recipe(path, asked)
    sha256 = stated.recipe.sha256 if stated else None
    session = open_session(path, device=device, threads=threads, sha256=sha256, untrusted=untrusted)
    found = stated or known_recipe(path, session, asked)
    network = Network(session, found.recipe, found.origin)
    if found.recipe.golden is not None:
        check_golden(network.golden(), found.recipe)
    if found.warning is not None:
        warnings.warn(found.warning, RecipeWarning, stacklevel=3)
    return network


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row to unit length; NetworkError for a row that has no direction (zero, NaN or infinite).

    >>> import numpy
    >>> unit_rows(numpy.array([[3, 4]], numpy.float32)).tolist() == [[numpy.float32(0.6), numpy.float32(0.8)]]
    True
    """
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise NetworkError(NO_DIRECTION)
    unit: NDArray[np.float32] = (rows / lengths).astype(np.float32)
    return unit
