"""Embeddings that lie on a card, as torch, CuPy and JAX have them: compared and searched there, not by way of the host.

What comes out is an `Array`: `torch.from_dlpack(array)` and `cupy.from_dlpack(array)` view it without a copy, and
`array.numpy()` copies it to the host. It is complete when a call returns; unless `stream` is the number of the stream
that the caller's work is on, such as `torch.cuda.current_stream().cuda_stream` (1 for the default one): then the work
is begun there, and only what came is checked before. Arrays that speak `__dlpack__` may have been written on any
stream; those with only `__cuda_array_interface__` must lie on the current card, and be ready.

Embeddings on the host go to a card with `faceprint.use_backend("cuda")`.
"""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._nearest import Progress
from .arrays import as_embeddings
from .backend import backends
from .errors import DeviceError
from .triplets import Choice, Mining, as_hinge, as_rule

if TYPE_CHECKING:
    from ._core import Metric
    from ._cuda import Array
    from .detector import Detections
    from .model import Model
    from .photo import Pixels


def send(x: Any, *, device: int = 0, stream: int | None = None) -> "Array":
    """Copy a float32 matrix of the host to the card of that number.

    Raises DeviceError where there is no CUDA or no such card, TypeError and ValueError as `faceprint.distances`.

    >>> import numpy as np
    >>> if not backends()["cuda"]:  # where there is a card
    ...     assert send(np.ones((2, 3), np.float32)).shape == (2, 3)
    """
    found: Array = _module().send(as_embeddings(x, "x"), device, stream)
    return found


def distances(x: Any, y: Any, *, stream: int | None = None) -> "Array":
    """Squared Euclidean distance of every row of `x` to every row of `y`: (rows, others), float32.

    As `faceprint.distances`, to the bit, for float32 matrices on one card, of adjacent elements in each row. Raises
    DeviceError where there is no CUDA, or where they do not lie on one card; TypeError and ValueError as there.

    >>> import numpy as np
    >>> if not backends()["cuda"]:  # where there is a card
    ...     x = send(np.eye(2, dtype=np.float32))
    ...     assert distances(x, x).numpy().tolist() == [[0, 2], [2, 0]]
    """
    found: Array = _module().distances(x, y, stream)
    return found


def nearest(
    x: Any, gallery: Any, k: int = 10, *, metric: "Metric" = "squared-euclidean", stream: int | None = None
) -> "tuple[Array, Array]":
    """Find the `k` rows of the gallery nearest to each row of `x`, exactly: distances, float32, and indices, int64.

    As `faceprint.nearest`, to the bit, for a float32 matrix on a card. The gallery is another one there, or a
    `faceprint.Gallery`, which the card keeps from the first search on; where it takes other cards too, the search goes
    by way of the host. Errors are those of `distances`, and ValueError unless 1 <= k <= rows of the gallery.

    >>> import numpy as np
    >>> if not backends()["cuda"]:  # where there is a card
    ...     x = send(np.eye(2, dtype=np.float32))
    ...     assert nearest(x, x, k=1)[1].numpy().tolist() == [[0], [1]]
    """
    module, packed = _module(), getattr(gallery, "packed", None)
    search, rows = (module.nearest, gallery) if packed is None else (module.search, packed)
    found: tuple[Array, Array] = search(x, rows, k, metric, stream)
    return found


def embed(model: "Model", image: "Pixels", found: "Detections") -> "Array":
    """Embed the faces that `model.detect` found on an image: (faces, dimension) float32, unit rows, on the first card.

    Chips are cut on the card, from the pixels under them, and the network reads them and writes there (ONNX Runtime
    with I/O binding): what comes out can be given to `nearest`. As the embeddings of `model.describe`, within 1e-6 of
    what the network answers. Raises DeviceError where there is no CUDA, and for a model that was not loaded with
    `device="cuda"`; NetworkError where the network fails.

    >>> import faceprint as fp
    >>> from faceprint.demo import PHOTOS
    >>> if not backends()["cuda"] and "CUDAExecutionProvider" in fp.info()["providers"]:  # where there is a card
    ...     model, image = fp.load(device="cuda"), fp.read_photo(PHOTOS / "collins.png")
    ...     assert embed(model, image, model.detect(image)).shape == (1, 128)
    """
    _module()
    if model.network.session.device != "cuda":
        raise DeviceError(f"model must be loaded with device 'cuda', not {model.network.session.device!r}")
    return model.network.embed_on_card(image, found)


def mine_triplets(
    x: Any,
    labels: Any,
    *,
    margin: float = 0.2,
    kind: Mining = "semihard",
    choice: Choice = "hardest",
    seed: int = 0,
    anchors: int | None = None,
    stream: int | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find triplets in a batch that lies on a card: row numbers (anchors, positives, negatives), on the host.

    As `faceprint.mine_triplets`, whose options these are, to the bit; the labels are on the host. Errors are those of
    `distances` and of that function.

    >>> import numpy as np
    >>> if not backends()["cuda"]:  # where there is a card
    ...     x = send(np.float32([[0], [1], [1.5], [4]]))
    ...     assert [rows.tolist() for rows in mine_triplets(x, [7, 7, 8, 8], margin=2)] == [[0], [1], [2]]
    """
    module, rule = _module(), as_rule(labels, len(labels), kind, margin, choice, seed, anchors)
    found: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] = module.mine_triplets(
        x, *rule, stream, progress
    )
    return found


def triplet_loss(
    x: Any,
    labels: Any,
    *,
    margin: float | Literal["soft"] = 0.2,
    kind: Mining = "batch-all",
    choice: Choice = "hardest",
    seed: int = 0,
    reduction: Literal["mean", "sum"] = "mean",
    anchors: int | None = None,
    stream: int | None = None,
    progress: Progress | None = None,
) -> "tuple[float, Array]":
    """The triplet loss of a batch that lies on a card, and its gradient by `x`, (n, dimension) float32, there.

    As `faceprint.triplet_loss`, whose options these are, to the bit, but without its CollapseWarning. Errors are those
    of `distances` and of that function.

    >>> import numpy as np
    >>> if not backends()["cuda"]:  # where there is a card
    ...     value, gradient = triplet_loss(send(np.float32([[0], [1], [1.5], [4]])), [7, 7, 8, 8], margin=2)
    ...     assert (value, gradient.shape) == (0.75, (4, 1))
    """
    module, (number, hinge) = _module(), as_hinge(margin, kind)
    rule = as_rule(labels, len(labels), kind, number, choice, seed, anchors)
    value, gradient, _ = module.triplet_loss(x, *rule, hinge, reduction, stream, progress)
    return value, gradient


def _module() -> Any:
    reason = backends()["cuda"]
    if reason:
        raise DeviceError(f"backend 'cuda' cannot run here: {reason}")
    from . import _cuda

    return _cuda
