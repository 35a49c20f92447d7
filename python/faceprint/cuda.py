"""Embeddings that lie on a card, as torch, CuPy and JAX have them: compared and searched there, not by way of the host.

What comes out is an `Array`: `torch.from_dlpack(array)` and `cupy.from_dlpack(array)` view it without a copy, and
`array.numpy()` copies it to the host. It is complete when a call returns; unless `stream` is the number of the stream
that the caller's work is on, such as `torch.cuda.current_stream().cuda_stream` (1 for the default one): then the work
is begun there, and only what came is checked before. Arrays that speak `__dlpack__` may have been written on any
stream; those with only `__cuda_array_interface__` must lie on the current card, and be ready.

Embeddings on the host go to a card with `faceprint.use_backend("cuda")`.
"""

from typing import TYPE_CHECKING, Any

from .arrays import as_embeddings
from .backend import backends
from .errors import DeviceError

if TYPE_CHECKING:
    from ._core import Metric
    from ._cuda import Array


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

    As `faceprint.nearest`, to the bit, for float32 matrices on one card. Errors are those of `distances`, and
    ValueError unless 1 <= k <= rows of the gallery.

    >>> import numpy as np
    >>> if not backends()["cuda"]:  # where there is a card
    ...     x = send(np.eye(2, dtype=np.float32))
    ...     assert nearest(x, x, k=1)[1].numpy().tolist() == [[0], [1]]
    """
    found: tuple[Array, Array] = _module().nearest(x, gallery, k, metric, stream)
    return found


def _module() -> Any:
    reason = backends()["cuda"]
    if reason:
        raise DeviceError(f"backend 'cuda' cannot run here: {reason}")
    from . import _cuda

    return _cuda
