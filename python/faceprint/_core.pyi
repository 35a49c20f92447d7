"""The compiled core: plain numpy in and out, no conversions."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, SupportsIndex, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

Metric: TypeAlias = Literal["squared-euclidean", "cosine", "dot"]
Scan: TypeAlias = Literal["auto", "full", "certified"]
Mining: TypeAlias = Literal[
    "semihard", "batch-hard", "batch-all", "hardest-within-batch", "random-in-margin", "easy-positive"
]
Choice: TypeAlias = Literal["hardest", "random"]
Reduction: TypeAlias = Literal["mean", "sum"]

def backends() -> list[tuple[str, str]]: ...
def active_backend() -> str: ...
def use_backend(name: str) -> None: ...
def default_threads() -> int: ...
def distances(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    out: NDArray[np.float32] | None = None,
    threads: SupportsIndex = 0,
    progress: Callable[[float], object] | None = None,
) -> NDArray[np.float32]: ...

class Gallery:
    def __init__(
        self, columns: SupportsIndex, storage: Literal["float32", "float16", "int8"] = "float32", codes: bool = True
    ) -> None: ...
    def append(self, embeddings: NDArray[np.float32], threads: SupportsIndex = 0) -> None: ...
    def remove(self, rows: NDArray[np.int64]) -> None: ...
    def unpack(self) -> NDArray[np.float32]: ...
    def reserve(self, rows: SupportsIndex) -> None: ...
    def stored(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]: ...
    def append_stored(self, rows: NDArray[np.uint8], threads: SupportsIndex = 0) -> None: ...
    @property
    def rows(self) -> int: ...
    @property
    def columns(self) -> int: ...
    @property
    def stored_bytes(self) -> int: ...
    @property
    def storage(self) -> Literal["float32", "float16", "int8"]: ...
    @property
    def codes(self) -> bool: ...

def nearest(
    queries: NDArray[np.float32],
    gallery: Gallery,
    k: SupportsIndex,
    metric: Metric = "squared-euclidean",
    scan: Scan = "auto",
    threads: SupportsIndex = 0,
    progress: Callable[[float], object] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64], int]: ...
def within(
    queries: NDArray[np.float32],
    gallery: Gallery,
    limit: float,
    metric: Metric = "squared-euclidean",
    scan: Scan = "auto",
    threads: SupportsIndex = 0,
    progress: Callable[[float], object] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64], int]: ...
def neighbours(
    gallery: Gallery,
    k: SupportsIndex,
    metric: Metric = "squared-euclidean",
    threads: SupportsIndex = 0,
    progress: Callable[[float], object] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]: ...
def join(
    one: Gallery,
    one_numbers: NDArray[np.int64],
    one_values: NDArray[np.float32],
    one_indices: NDArray[np.int64],
    other: Gallery,
    other_numbers: NDArray[np.int64],
    other_values: NDArray[np.float32],
    other_indices: NDArray[np.int64],
    metric: Metric = "squared-euclidean",
    threads: SupportsIndex = 0,
    progress: Callable[[float], object] | None = None,
) -> None: ...
def count_pairs(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    bins: NDArray[np.int64],
    others: NDArray[np.float32] | None = None,
    other_labels: NDArray[np.int64] | None = None,
    threads: SupportsIndex = 0,
    progress: Callable[[float], object] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def count_same_within(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    limit: float,
    others: NDArray[np.float32] | None = None,
    other_labels: NDArray[np.int64] | None = None,
    threads: SupportsIndex = 0,
    progress: Callable[[float], object] | None = None,
) -> NDArray[np.int64]: ...
def align(
    landmarks: NDArray[np.float32] | NDArray[np.float64], template: NDArray[np.float64]
) -> NDArray[np.float64]: ...
def align_boxes(
    boxes: NDArray[np.float32] | NDArray[np.float64], margin: float, height: SupportsIndex, width: SupportsIndex
) -> NDArray[np.float64]: ...
@overload
def chips(
    image: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    affines: NDArray[np.float64],
    height: SupportsIndex,
    width: SupportsIndex,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    channels: Literal["RGB", "BGR"] = "RGB",
    mean: Sequence[float] | NDArray[Any] = (0, 0, 0),
    scale: Sequence[float] | NDArray[Any] = (1, 1, 1),
    whitening: bool = False,
    twin: bool = False,
    dtype: Literal["float32"] = "float32",
    threads: SupportsIndex = 0,
) -> NDArray[np.float32]: ...
@overload
def chips(
    image: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    affines: NDArray[np.float64],
    height: SupportsIndex,
    width: SupportsIndex,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    channels: Literal["RGB", "BGR"] = "RGB",
    mean: Sequence[float] | NDArray[Any] = (0, 0, 0),
    scale: Sequence[float] | NDArray[Any] = (1, 1, 1),
    whitening: bool = False,
    twin: bool = False,
    *,
    dtype: Literal["float16"],
    threads: SupportsIndex = 0,
) -> NDArray[np.float16]: ...
def average_linkage(
    embeddings: NDArray[np.float32],
    threshold: float,
    threads: SupportsIndex = 0,
    progress: Callable[[float], object] | None = None,
) -> NDArray[np.int64]: ...
def neighbour_graph(
    distances: NDArray[np.float32],
    indices: NDArray[np.int64],
    halfway: float,
    slope: float,
    least: float,
    balanced: bool = False,
    threads: SupportsIndex = 0,
    progress: Callable[[float], object] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]: ...
def communities(
    offsets: NDArray[np.int64],
    targets: NDArray[np.int64],
    weights: NDArray[np.float32],
    method: Literal["map_equation", "modularity", "chinese_whispers", "components"] = "map_equation",
    resolution: float = 1,
    left_nodes: SupportsIndex = 0,
    threads: SupportsIndex = 0,
    progress: Callable[[float], object] | None = None,
) -> NDArray[np.int64]: ...
def mine_triplets(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    kind: Mining = "semihard",
    margin: float = 0.2,
    choice: Choice = "hardest",
    seed: SupportsIndex = 0,
    anchors: SupportsIndex = 0,
    threads: SupportsIndex = 0,
    progress: Callable[[float], object] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]: ...
def triplet_loss(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    kind: Mining = "batch-all",
    margin: float = 0.2,
    choice: Choice = "hardest",
    seed: SupportsIndex = 0,
    anchors: SupportsIndex = 0,
    hinge: Literal["margin", "soft"] = "margin",
    reduction: Reduction = "mean",
    threads: SupportsIndex = 0,
    progress: Callable[[float], object] | None = None,
) -> tuple[float, NDArray[np.float32], int]: ...
