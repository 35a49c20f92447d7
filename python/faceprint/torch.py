"""Triplets in PyTorch: the core's losses as modules, with its own gradient, and its miner on tensors.

The one module of the package that imports torch: pip install 'faceprint[torch]', then `from faceprint.torch import
TripletLoss`. Embeddings are tensors (n, dimension) in CPU memory or on an NVIDIA card, unit rows as a rule. Contiguous
float32 is read where it lies, other layouts are copied. float16 and bfloat16, as from autocast, are widened to float32,
and the gradient is rounded back; losses are float32. float64 is a TypeError, for its digits would be lost: say
`.float()`. On a card the work is done there, on the stream that torch is using; where the core's backend "cuda" cannot
run, and for other devices, a DeviceError says so: say `.cpu()`, through which gradients flow. Labels are what
`faceprint.mine_triplets` takes: tensors or arrays of integers, lists, strings; they are read on the host.

Value and gradient are found together in the forward pass; the backward pass scales what it finds. There is no second
derivative: a backward pass with `create_graph=True` is a RuntimeError. torch.compile leaves its graph for these calls
and goes on behind them; with `fullgraph=True` it refuses.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import cuda, triplets
from .arrays import as_labels
from .backend import backends
from .errors import DeviceError
from .expected import as_kind
from .memory import CrossBatchMemory
from .triplets import Choice, Mining

try:
    import torch
except ImportError as error:
    raise ImportError("faceprint.torch needs PyTorch: pip install 'faceprint[torch]'") from error

__all__ = ["HarmonicTripletLoss", "TripletLoss", "mine_triplets"]

WIDENED = (torch.float16, torch.bfloat16)


@torch.compiler.disable
def mine_triplets(x: torch.Tensor, labels: Any, **options: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Find triplets as `faceprint.mine_triplets` does, whose options these are: anchors, positives, negatives, int64.

    They lie where `x` does. On a card there are no `threads`.

    >>> x = torch.tensor([[0.0], [1.0], [1.5], [4.0]], requires_grad=True)
    >>> a, p, n = mine_triplets(x, torch.tensor([7, 7, 8, 8]), margin=2)
    >>> (x[a] - x[p]).square().sum().item()
    1.0
    """
    rows, labels = _as_float32(x, "x").detach(), _on_host(labels)
    if rows.is_cuda:
        found = cuda.mine_triplets(rows.contiguous(), labels, stream=_stream(rows), **options)
    else:
        found = triplets.mine_triplets(_view(rows), labels, **options)
    anchors, positives, negatives = (torch.from_numpy(numbers).to(x.device) for numbers in found)
    return anchors, positives, negatives


class _Loss(torch.nn.Module):
    """The options of `faceprint.triplet_loss`, and its call."""

    def __init__(
        self,
        margin: float | Literal["soft"] = 0.2,
        kind: Mining = "semihard",
        *,
        choice: Choice = "hardest",
        reduction: Literal["mean", "sum"] = "mean",
        threads: int | None = None,
    ) -> None:
        super().__init__()
        self.options: dict[str, Any] = {"margin": margin, "kind": kind, "choice": choice, "reduction": reduction}
        self.options["threads"] = threads
        triplets.triplet_loss(np.empty((0, 1), np.float32), [], **self.options)  # refuses what no batch could mend

    def extra_repr(self) -> str:
        """The options, for `repr`."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items() if value is not None)

    def _loss(self, x: torch.Tensor, rows: torch.Tensor, labels: Any, anchors: int | None) -> torch.Tensor:
        seed = 0
        if self.options["kind"] == "random-in-margin" or self.options["choice"] == "random":
            seed = int(torch.randint(2**62, ()))  # so torch.manual_seed governs it
        return _CoreLoss.apply(x, rows, labels, {**self.options, "seed": seed, "anchors": anchors})


class TripletLoss(_Loss):
    """The triplet loss of a batch: `loss(embeddings, labels)`, a scalar.

    `margin`, `kind`, `choice` and `reduction` are those of `faceprint.triplet_loss`, but `kind` is "semihard" unless
    another is asked for (Schroff et al., FaceNet, 2015, sections 3.1 and 3.2). What is drawn at random depends on
    `torch.manual_seed`. Wrong options are refused at once.

    >>> loss = TripletLoss(margin=2)
    >>> x = torch.tensor([[0.0], [1.0], [1.5], [4.0]], requires_grad=True)
    >>> value = loss(x, torch.tensor([7, 7, 8, 8]))
    >>> value.backward()
    >>> value.item(), x.grad.ravel().tolist()
    (0.75, [1.0, 2.0, -3.0, 0.0])
    """

    @torch.compiler.disable
    def forward(self, embeddings: torch.Tensor, labels: Any, memory: CrossBatchMemory | None = None) -> torch.Tensor:
        """The loss of `embeddings` (n, dimension) whose rows have the `labels` (n,).

        Rows of the `memory` are further positives and negatives without a gradient; labels are integers then. Nothing
        is added to it: `memory.add(embeddings.detach().float().cpu(), labels)` does, after the call.
        """
        x, labels = _as_float32(embeddings, "embeddings"), _on_host(labels)
        if memory is None or not len(x):  # no anchors at all would mean that all rows are
            return self._loss(x, x, labels, None)
        rows, every = as_kind(memory, CrossBatchMemory, "memory").join(_view(x.cpu()), labels)
        return self._loss(x, torch.from_numpy(rows).to(x.device), every, len(x))


class HarmonicTripletLoss(_Loss):
    """The loss of a new network whose embeddings shall be comparable to those of an old one: `loss(new, old, labels)`.

    Triplets mix new and old embeddings of the same faces, in every place of a triplet, and negatives are chosen among
    both (Schroff et al., FaceNet, 2015, "Harmonic triplet loss"). Only the new ones have a gradient. Triplets of old
    ones alone teach nothing, but count: in the value, and in the number that a mean divides by. Options are those of
    TripletLoss.

    >>> loss = HarmonicTripletLoss()
    >>> new, old = torch.eye(4, 3, requires_grad=True), torch.eye(4, 3).flip(1)
    >>> loss(new, old, [1, 1, 2, 2]).backward()
    >>> new.grad.shape
    torch.Size([4, 3])
    """

    @torch.compiler.disable
    def forward(self, new: torch.Tensor, old: torch.Tensor, labels: Any) -> torch.Tensor:
        """The loss of `new` embeddings (n, dimension) beside `old` ones of the same faces in the same order."""
        x, constant = _as_float32(new, "new"), _as_float32(old, "old")
        if x.shape != constant.shape:
            raise ValueError(f"old must have the shape of new, {tuple(x.shape)}, not {tuple(constant.shape)}")
        numbers = as_labels(_on_host(labels), len(x))
        return self._loss(x, torch.cat([x.detach(), constant.detach()]), np.tile(numbers, 2), None)


class _CoreLoss(torch.autograd.Function):
    """The loss of `rows`, which begin with those of `x`, and its gradient by `x`."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, rows: torch.Tensor, labels: Any, options: dict[str, Any]) -> torch.Tensor:
        value, gradient = (
            _loss_on_card(rows, labels, **options) if x.is_cuda else _loss_on_host(rows, labels, **options)
        )
        if len(rows) > len(x):
            gradient = gradient[: len(x)].clone()  # lets go of the others
        ctx.save_for_backward(gradient)
        return x.new_tensor(value)

    @staticmethod
    def backward(ctx: Any, scale: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        if torch.is_grad_enabled():  # once_differentiable would let a constant `scale` pass, and be wrong in silence
            raise RuntimeError("the triplet loss has no second derivative: create_graph must be False, not True")
        (gradient,) = ctx.saved_tensors
        return scale * gradient, None, None, None


def _loss_on_host(rows: torch.Tensor, labels: Any, **options: Any) -> tuple[float, torch.Tensor]:
    value, gradient = triplets.triplet_loss(_view(rows), labels, **options)
    return value, torch.from_numpy(gradient)


def _loss_on_card(
    rows: torch.Tensor, labels: Any, *, threads: int | None, **options: Any
) -> tuple[float, torch.Tensor]:
    rows, people = rows.detach().contiguous(), as_labels(labels, len(rows))
    value, gradient = cuda.triplet_loss(rows, people, stream=_stream(rows), **options)
    if triplets.can_teach(people):
        triplets.warn_of_collapse(2 * rows.double().var(dim=0, unbiased=False).sum().item(), options["margin"])
    return value, torch.from_dlpack(gradient)


def _stream(x: torch.Tensor) -> int:
    """The number by which CUDA knows the stream that torch is using; the default one is 1."""
    return torch.cuda.current_stream(x.device).cuda_stream or 1


def _on_host(labels: Any) -> Any:
    return labels.cpu() if isinstance(labels, torch.Tensor) else labels


def _as_float32(x: Any, name: str) -> torch.Tensor:
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, not {type(x).__name__}")
    if x.ndim != 2:
        raise ValueError(f"{name} must have shape (n, dimension), not {tuple(x.shape)}")
    reason = backends()["cuda"] if x.is_cuda else "the core has no backend there"
    if x.device.type != "cpu" and reason:
        raise DeviceError(f"{name} must be in CPU memory, not on {x.device}: {reason}; use .cpu()")
    if x.dtype in WIDENED:
        return x.float()
    if x.dtype != torch.float32:
        raise TypeError(f"{name} must be float32, float16 or bfloat16, not {str(x.dtype).removeprefix('torch.')}")
    return x


def _view(x: torch.Tensor) -> NDArray[np.float32]:
    """The numbers of a float32 tensor as an array, without a copy where they are contiguous."""
    array: NDArray[np.float32] = x.detach().contiguous().numpy()
    return array
