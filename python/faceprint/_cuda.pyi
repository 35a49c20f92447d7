"""Operations on arrays that lie on a card; only in builds with CUDA."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from ._core import Gallery, Metric
from .triplets import Choice, Mining

backend: object

class Array:
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> str: ...
    @property
    def device(self) -> int: ...
    def numpy(self) -> NDArray[Any]: ...
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> object: ...

def send(x: NDArray[np.float32], device: SupportsIndex = 0, stream: SupportsIndex | None = None) -> Array: ...
def distances(x: Any, y: Any, stream: SupportsIndex | None = None) -> Array: ...
def nearest(
    x: Any, gallery: Any, k: SupportsIndex, metric: Metric = "squared-euclidean", stream: SupportsIndex | None = None
) -> tuple[Array, Array]: ...
def search(
    x: Any,
    gallery: Gallery,
    k: SupportsIndex,
    metric: Metric = "squared-euclidean",
    stream: SupportsIndex | None = None,
) -> tuple[Array, Array]: ...
def empty(rows: SupportsIndex, columns: SupportsIndex, half: bool = False, device: SupportsIndex = 0) -> Array: ...
def chips(
    image: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    affines: NDArray[np.float64],
    height: SupportsIndex,
    width: SupportsIndex,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    channels: Literal["RGB", "BGR"] = "RGB",
    mean: Sequence[float] = (0, 0, 0),
    scale: Sequence[float] = (1, 1, 1),
    whitening: bool = False,
    twin: bool = False,
    dtype: str = "float32",
    device: SupportsIndex = 0,
    stream: SupportsIndex | None = None,
) -> Array: ...
def unit_means(outputs: Array, faces: SupportsIndex, views: SupportsIndex) -> tuple[Array, bool]: ...
def mine_triplets(
    x: Any,
    labels: NDArray[np.int64],
    kind: Mining = "semihard",
    margin: float = 0.2,
    choice: Choice = "hardest",
    seed: SupportsIndex = 0,
    anchors: SupportsIndex = 0,
    stream: SupportsIndex | None = None,
    progress: Callable[[float], object] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]: ...
def triplet_loss(
    x: Any,
    labels: NDArray[np.int64],
    kind: Mining = "batch-all",
    margin: float = 0.2,
    choice: Choice = "hardest",
    seed: SupportsIndex = 0,
    anchors: SupportsIndex = 0,
    hinge: Literal["margin", "soft"] = "margin",
    reduction: Literal["mean", "sum"] = "mean",
    stream: SupportsIndex | None = None,
    progress: Callable[[float], object] | None = None,
) -> tuple[float, Array, int]: ...
