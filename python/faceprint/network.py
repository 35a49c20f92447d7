"""Chips in the network's own format -> embeddings: unit rows, in batches of bounded size."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import _core
from .errors import NetworkError, RecipeError
from .photo import Pixels
from .recipe import Recipe
from .runtime import open_session

LARGEST_BATCH = 32  # about 9 MB of 150-pixel chips; larger batches were no faster


class Network:
    """An embedding network together with the recipe that says how to feed it."""

    def __init__(self, path: Path, recipe: Recipe, *, device: str = "cpu", threads: int = 0) -> None:
        self.recipe = recipe
        self._session = open_session(path, device=device, threads=threads, sha256=recipe.sha256)
        self._input, self._batch = self._check_graph()

    def inputs(self, image: Pixels, landmarks: NDArray[np.float32], *, mirror: bool = False) -> NDArray[np.float32]:
        """Cut the faces with these `landmarks` (faces, 5, 2) from a photograph, as the network's input tensor."""
        shape = self.recipe.input
        return _core.chips(
            image,
            self._affines(landmarks),
            shape.height,
            shape.width,
            layout=shape.layout,
            channels=shape.channels,
            mean=shape.mean,
            scale=shape.scale,
            mirror=mirror,
        )

    def pictures(self, image: Pixels, landmarks: NDArray[np.float32]) -> Pixels:
        """Cut the same chips for people to look at: uint8 RGB of shape (faces, height, width, 3)."""
        shape = self.recipe.input
        chips = _core.chips(image, self._affines(landmarks), shape.height, shape.width, layout="NHWC")
        return np.rint(chips).astype(np.uint8)

    def embed(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network over (faces, ...) inputs and scale each embedding to unit length."""
        outputs = [self._run(inputs[at : at + self._batch]) for at in range(0, len(inputs), self._batch)]
        if not outputs:
            return np.empty((0, self.recipe.dimension), np.float32)
        return unit_rows(np.concatenate(outputs))

    def _affines(self, landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
        return _core.align(np.ascontiguousarray(landmarks), np.array(self.recipe.landmarks, np.float64))

    def _run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        faces = len(batch)
        if self._fixed:  # a graph made for one batch size gets exactly that, filled up with black
            batch = np.concatenate([batch, np.zeros((self._batch - faces, *batch.shape[1:]), np.float32)])
        output = self._session.run({self._input: batch})[0].reshape(len(batch), -1)[:faces]
        if output.shape[1] != self.recipe.dimension:
            raise RecipeError(
                f"recipe {self.recipe.name}: 'dimension' is {self.recipe.dimension}, "
                f"but the network gives {output.shape[1]}"
            )
        return output

    def _check_graph(self) -> tuple[str, int]:
        """Hold the graph against the recipe; return the input's name and how many faces go in at once."""
        inputs = self._session.inputs
        recipe, shape = self.recipe, self.recipe.input
        if len(inputs) != 1:
            raise RecipeError(f"recipe {recipe.name}: its network must have one input, not {len(inputs)}")
        ((name, found),) = inputs.items()
        wanted = (3, shape.height, shape.width) if shape.layout == "NCHW" else (shape.height, shape.width, 3)
        fits = len(found) == 4 and all(have in (None, want) for have, want in zip(found[1:], wanted, strict=True))
        if not fits:
            raise RecipeError(f"recipe {recipe.name}: its network must take (batch, *{wanted}), not {found}")
        last = next(iter(self._session.outputs.values()))[-1:]
        if last not in ((), (None,), (recipe.dimension,)):
            raise RecipeError(
                f"recipe {recipe.name}: 'dimension' is {recipe.dimension}, but the network gives {last[0]}"
            )
        self._fixed = found[0] is not None
        return name, found[0] or LARGEST_BATCH


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row to unit length; NetworkError for a row that has no direction (zero, NaN or infinite).

    >>> import numpy
    >>> unit_rows(numpy.array([[3, 4]], numpy.float32)).tolist() == [[numpy.float32(0.6), numpy.float32(0.8)]]
    True
    """
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise NetworkError("the network gave an embedding without a direction (zero, NaN or infinite)")
    unit: NDArray[np.float32] = (rows / lengths).astype(np.float32)
    return unit
