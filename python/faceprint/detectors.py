"""Which detector a file holds, told by the outputs of its graph."""

from pathlib import Path
from typing import TYPE_CHECKING

from .detector import Detector, DetectorOptions
from .errors import RecipeError
from .photo import printable
from .runtime import open_session
from .scrfd import OUTPUTS as SCRFD_OUTPUTS
from .scrfd import Scrfd
from .yunet import OUTPUTS as YUNET_OUTPUTS
from .yunet import YuNet

if TYPE_CHECKING:
    from .isolated import NetworkLimits

KNOWN: tuple[tuple[type[YuNet | Scrfd], str], ...] = (
    (YuNet, f"YuNet ({YUNET_OUTPUTS})"),
    (Scrfd, f"SCRFD with key points ({SCRFD_OUTPUTS})"),
)


def open_detector(
    path: Path,
    options: DetectorOptions | None = None,
    *,
    device: str = "cpu",
    threads: int = 0,
    untrusted: "bool | NetworkLimits" = False,
) -> Detector:
    """Load a detector from an .onnx file: a YuNet, or an SCRFD with key points.

    Raises what `open_session` raises, and RecipeError for a network that is none of these.
    """
    session = open_session(path, device=device, threads=threads, untrusted=untrusted)
    shapes = list(session.inputs.values())
    if len(shapes) == 1 and len(shapes[0]) == 4:
        for kind, _ in KNOWN:
            if kind.fits(session):
                return kind(session, options or DetectorOptions())
    found = ", ".join(f"{name} {list(shape)}" for name, shape in list(session.outputs.items())[:12])
    raise RecipeError(
        f"detector {printable(path.name)} must be one of {'; '.join(text for _, text in KNOWN)}, "
        f"each with one image as input; this one has the inputs {shapes} and the outputs {found}"
    )
