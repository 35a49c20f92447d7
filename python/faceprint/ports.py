"""Which input of a network takes the chips, which output gives the embeddings, and how many faces go in at once."""

import math
from dataclasses import dataclass
from typing import Literal

from .errors import RecipeError
from .recipe import Recipe
from .runtime import FLOATS, Session, Shape


@dataclass(frozen=True, slots=True)
class Ports:
    """The names of the `input` and the `output`, and the one number of faces that the graph takes, None for any."""

    input: str
    output: str
    batch: int | None


def find_ports(session: Session, recipe: Recipe) -> Ports:
    """Hold a network's graph against its recipe; RecipeError says what does not fit."""
    who, wanted = f"recipe {recipe.name}", recipe.input.sides
    name, found = image_input(session, who)
    if not all(have in (None, want) for have, want in zip(found[1:], wanted, strict=True)):
        raise RecipeError(f"{who}: its network must take (batch, {', '.join(map(str, wanted))}), not {found}")
    return Ports(name, _embedding_output(session, recipe, who), found[0])


def image_input(session: Session, who: str) -> tuple[str, Shape]:
    """The name and shape of a network's only input, which takes images; RecipeError in the name of `who` otherwise."""
    if len(session.inputs) != 1:
        raise RecipeError(f"{who}: its network must have one input, not {len(session.inputs)}")
    ((name, shape),) = session.inputs.items()
    if len(shape) != 4:
        raise RecipeError(f"{who}: its network must take images of four dimensions, not {shape}")
    return name, shape


def layout_of(shape: Shape) -> Literal["NCHW", "NHWC"] | None:
    """Where the three channels stand in the shape of an image input, or None where it does not say.

    >>> layout_of((None, 3, 112, 112)), layout_of((1, 160, 160, 3)), layout_of((None, None, None, None))
    ('NCHW', 'NHWC', None)
    """
    first, last = shape[1] == 3, shape[3] == 3
    if first == last:
        return None
    return "NCHW" if first else "NHWC"


def numbers_of(shape: Shape) -> int | None:
    """How many numbers a face an output of this shape gives, or None where it does not say.

    >>> numbers_of((None, 512)), numbers_of((1, 512, 1, 1)), numbers_of((None, None))
    (512, 512, None)
    """
    sizes = [size for size in shape[1:] if size is not None]
    return math.prod(sizes) if shape[1:] and len(sizes) == len(shape) - 1 else None


def float_outputs(session: Session) -> dict[str, int | None]:
    """The outputs that may be embeddings, by name, with the numbers that each gives a face."""
    return {name: numbers_of(shape) for name, shape in session.outputs.items() if session.types[name] in FLOATS}


def _embedding_output(session: Session, recipe: Recipe, who: str) -> str:
    outputs = float_outputs(session)
    if recipe.output is not None:
        if recipe.output not in outputs:
            raise RecipeError(f"{who}: 'output' must be one of {_listed(outputs)}, not {recipe.output!r}")
        outputs = {recipe.output: outputs[recipe.output]}
    fitting = [name for name, numbers in outputs.items() if numbers in (None, recipe.dimension)]
    if not fitting:
        given = " or ".join(str(numbers) for numbers in outputs.values()) or "no floats"
        raise RecipeError(f"{who}: 'dimension' is {recipe.dimension}, but the network gives {given}")
    if len(fitting) > 1:
        raise RecipeError(f"{who}: 'output' must name the embedding among {_listed(fitting)}")
    return fitting[0]


def _listed(names: "dict[str, int | None] | list[str]") -> str:
    return ", ".join(map(repr, names))
