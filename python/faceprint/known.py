"""Where the recipe of a network comes from: the caller, the file beside it, or those that ship with the package."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from .errors import RecipeError
from .photo import printable
from .ports import find_ports, image_input, layout_of
from .recipe import Recipe, parse_recipe, read_content, read_recipe
from .runtime import Session

PACKAGE = Path(__file__).parent
BUNDLED = PACKAGE / "models" / "dlib_resnet_v1.onnx"
Asked: TypeAlias = "Recipe | str | os.PathLike[str] | None"


@dataclass(frozen=True, slots=True)
class Found:
    """A recipe, in words where it comes from, and what a user should be warned of, or None."""

    recipe: Recipe
    origin: str
    warning: str | None = None


@cache
def shipped() -> dict[str, dict[str, Any]]:
    """The recipes that ship with the package, by name, as JSON objects.

    What a file says better itself is null in them: always `input.layout`, and `sha256` where none is known.

    >>> sorted(shipped())[-3:]
    ['sface', 'w600k_mbf', 'w600k_r50']
    """
    files = [BUNDLED.with_suffix(".json"), *sorted((PACKAGE / "recipes").glob("*.json"))]
    contents = [read_content(file) for file in files]
    return {content["name"]: content for content in contents}


@cache
def bundled_recipe() -> Recipe:
    """The recipe of the network that ships with the package."""
    return read_recipe(BUNDLED)


def stated_recipe(network: Path, asked: Asked) -> Found | None:
    """The recipe that the caller gives, as one or as a .json file, or else the one beside the network; None without."""
    if isinstance(asked, Recipe):
        return Found(asked, "given")
    if asked is not None:
        if not isinstance(asked, (str, os.PathLike)):
            raise TypeError(f"recipe must be a Recipe, a .json file or a name, not {type(asked).__name__}")
        path = Path(asked)
        if path.suffix != ".json":
            return None
        return Found(parse_recipe(read_content(path), f"recipe {printable(path)}"), f"read from {printable(path)}")
    if os.path.exists(network.with_suffix(".json")):  # noqa: PTH110 - Path.exists raises for some paths
        return Found(read_recipe(network), "beside the file")
    return None


def known_recipe(network: Path, session: Session, asked: Asked) -> Found:
    """The recipe among the shipped ones that is asked for by name, or else the one of this file.

    A file is known by its sha256, or else by its own name where its graph fits the one recipe of that name.
    RecipeError where neither tells.
    """
    if asked is not None:
        content = shipped().get(str(asked))
        if content is None:
            raise RecipeError(f"recipe must be a Recipe, a .json file or one of {_names()}, not {str(asked)!r}")
        return _adopt(content, network, session, "asked for by name")
    for content in shipped().values():
        if content["sha256"] == session.sha256:
            return _adopt(content, network, session, "known by its sha256")
    return _by_file_name(network, session)


def _by_file_name(network: Path, session: Session) -> Found:
    stem = _plain(network.stem)
    named = [entry for entry in shipped().values() if stem in (_plain(entry["name"]), _plain(Path(entry["file"]).stem))]
    if len(named) > 1:
        choice = " or ".join(repr(entry["name"]) for entry in named)
        raise RecipeError(f"{printable(network)} has a name that several networks share; say which: recipe={choice}")
    reason = "no recipe is known for its sha256 or its name"
    if named:
        try:
            found = _adopt(named[0], network, session, "guessed from the file's name alone")
            find_ports(session, found.recipe)
        except RecipeError as error:
            reason = f"though its name is known, its graph does not fit: {error}"
        else:
            return found
    beside = printable(network.with_suffix(".json"))
    raise RecipeError(
        f"{printable(network)} needs its recipe beside it, {beside}, which does not exist; {reason}. Name one of "
        f"{_names()} as recipe, or fill in the draft that `faceprint info --draft` and fp.draft_recipe write: only you "
        "know licence, source, channels, mean, scale and landmarks"
    )


def _adopt(content: dict[str, Any], network: Path, session: Session, origin: str) -> Found:
    """The shipped recipe for this very file, with what a careful user would want to hear."""
    name, filled = f"recipe {content['name']}", {**content, "file": network.name, "sha256": session.sha256}
    if content["input"]["layout"] is None:
        shape = image_input(session, name)[1]
        filled["input"] = {**content["input"], "layout": layout_of(shape) or "NCHW"}
    recipe = parse_recipe(filled, name)
    said = []
    if content["sha256"] != session.sha256:
        original = "" if content["sha256"] is None else ", and it is not the file that the recipe was written for"
        said.append(f"its recipe is {origin}{original}: make sure that it is this network")
    if recipe.restriction is not None:
        said.append(f"its licence is {recipe.licence} ({recipe.restriction})")
    warning = f"{printable(network)} is used as {recipe.name}: {'; '.join(said)}" if said else None
    return Found(recipe, origin, warning)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _names() -> str:
    return ", ".join(map(repr, shipped()))
