"""The draft of a recipe: what a network's graph tells, and a question mark for what only its author knows."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .photo import printable
from .ports import float_outputs, image_input, layout_of
from .recipe import FORMAT, UNKNOWN
from .runtime import Session, open_session

if TYPE_CHECKING:
    from .isolated import NetworkLimits


def draft_recipe(network: "str | os.PathLike[str]", *, untrusted: "bool | NetworkLimits" = False) -> dict[str, Any]:
    """Write down, as a JSON object, all that the graph of a network tells of its recipe.

    Texts that begin with a question mark stand for what the graph does not tell; no recipe is accepted until they are
    replaced, and the error names them. `untrusted` is that of `load`: ONNX Runtime opens the file in a process of its
    own, within limits. Raises NetworkError for a file that is not a network of float32 or float16 input, or goes beyond
    the limits, RecipeError for one that does not take images.

    >>> from faceprint.known import BUNDLED
    >>> draft = draft_recipe(BUNDLED)
    >>> draft["input"]["height"], draft["dimension"], draft["licence"]
    (150, 128, '? such as MIT')
    """
    path = Path(network)
    session = open_session(path, untrusted=untrusted)
    name, shape = image_input(session, f"draft of {printable(path)}")
    layout = layout_of(shape)
    height, width = shape[1:3] if layout == "NHWC" else shape[2:]
    outputs = float_outputs(session)
    numbers = next(iter(outputs.values())) if len(outputs) == 1 else None
    return {
        "format": FORMAT,
        "kind": "embedding",
        "name": path.stem,
        "file": path.name,
        "sha256": session.sha256,
        "licence": f"{UNKNOWN} such as MIT",
        "source": f"{UNKNOWN} where it comes from; {_ports(session, [name, *outputs])}",
        "input": {
            "height": height or f"{UNKNOWN} pixels",
            "width": width or f"{UNKNOWN} pixels",
            "layout": layout or f"{UNKNOWN} NCHW or NHWC",
            "channels": f"{UNKNOWN} RGB or BGR",
            "mean": f"{UNKNOWN} three numbers, taken from pixels of 0 to 255 in the order of channels",
            "scale": f"{UNKNOWN} three numbers, multiplied after that",
        },
        "landmarks": f"{UNKNOWN} where the five landmarks lie in the chip, as [x, y] in pixels",
        "resampling": "bilinear",
        "flip": False,
        "dimension": numbers or f"{UNKNOWN} of the embedding",
        "metric": "squared-euclidean",
        "thresholds": [],
        "probability": None,
        "clustering": None,
        "measured": "nothing",
        **({} if len(outputs) == 1 else {"output": f"{UNKNOWN} {' or '.join(outputs)}"}),
    }


def _ports(session: Session, names: list[str]) -> str:
    shapes = {**session.inputs, **session.outputs}
    return ", ".join(f"{name} is {session.types[name]} of {shapes[name]}" for name in names)
