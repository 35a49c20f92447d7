"""Options that several commands have, among them those that say which networks run."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from .._cluster import METHODS
from ..detector import DetectorOptions
from ..model import load


class NamedPath(click.Path):
    """A path. An empty one, as of a variable that is not set, is refused: it would be the working folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take what click takes but for the empty path."""
        if value == "":
            self.fail("a path must be some text, not ''", param, ctx)
        return super().convert(value, param, ctx)


APath = NamedPath(path_type=Path)
Paths = click.argument("paths", nargs=-1, required=True, type=APath)
Grouping = click.option("--threshold", type=float, help="The squared distance up to which faces are grouped.")
HowFound = click.option(
    "--method", type=click.Choice(METHODS), default="map_equation", show_default=True, help="How people are found."
)
Json = click.option("--json", "as_json", is_flag=True, help="Print one machine-readable answer.")
Far = click.option("--far", default=1e-3, show_default=True, help="False accept rate of one comparison to decide at.")
Threshold = click.option("--threshold", type=float, help="A squared distance in [0, 4] to decide at instead.")
Untrusted = click.option(
    "--untrusted", is_flag=True, help="Run files from strangers in processes of their own, within limits."
)
Gate = click.option("--gate", type=float, help="A quality in [0, 1]: faces below it count as unrecognisable.")


def model_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which networks run, and hand it the loaded model."""

    @click.option("--network", type=APath, help="An .onnx network with its recipe beside it.")
    @click.option("--recipe", help="The name of a known recipe (see info), or a .json file.")
    @click.option("--detector", type=APath, help="A YuNet or SCRFD .onnx file.")
    @Untrusted
    @click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
    @click.option("--min-size", type=float, help="The least width and height of a face in pixels.")
    @click.option("--min-score", type=float, help="The least score of a face, in [0, 1].")
    @click.option("--max-faces", type=int, help="How many faces of a photograph count, the most prominent ones.")
    @wraps(function)
    def with_model(
        network: Path | None,
        recipe: str | None,
        detector: Path | None,
        untrusted: bool,
        device: str,
        min_size: float | None,
        min_score: float | None,
        max_faces: int | None,
        **rest: Any,
    ) -> None:
        if untrusted and network is None and detector is None:
            raise click.UsageError("--untrusted needs a --network or a --detector")
        options = DetectorOptions(min_size, min_score, max_faces)
        model = load(network, recipe=recipe, detector=detector, device=device, options=options, untrusted=untrusted)
        function(model=model, **rest)

    return with_model
