"""Operations on arrays that lie on a card; only in builds with CUDA."""

from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from ._core import Metric

backend: object

class Array:
    @property
    def shape(self) -> tuple[int, int]: ...
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
