"""Commands about photographs: the faces on them, their embeddings, and whether two show the same person."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from ..album import Album, flatten, read_album, save_embeddings
from ..faces import Faces
from ..markup import count
from ..model import Model
from ..photo import find_photos, printable
from .group import ERROR
from .options import APath, Far, Gate, Json, Paths, Threshold, model_options
from .output import answered, check_outputs, print_json, progress, reasons, tell_skipped

EMBEDDED = ".npz"


@click.command()
@Paths
@Json
@model_options
def faces(model: Model, paths: tuple[Path, ...], as_json: bool) -> None:
    """Find the faces on photographs and in folders."""
    album = read_photos(model, paths)
    if as_json:
        print_json({"photos": [_describe(*entry) for entry in _entries(album)], "skipped": reasons(album.skipped)})
        return
    for photo, found in _entries(album):
        click.echo(f"{printable(photo)}: {count(len(found), 'face')}")
        for box, score, quality in zip(found.boxes, found.scores, _qualities(found), strict=True):
            left, top, right, bottom = (round(float(edge)) for edge in box)
            told = "" if quality is None else f", quality {quality:.3f}"
            click.echo(f"  {right - left} x {bottom - top} at {left}, {top}, score {score:.3f}{told}")


@click.command()
@Paths
@click.option("--out", type=APath, required=True, help="The .npz file to write.")
@Json
@model_options
def embed(model: Model, paths: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Embed every face on photographs and in folders into an .npz file, which 'search' looks among.

    It holds arrays, a row a face: embeddings (n, dimension) float32, photos (n,) text, boxes (n, 4) float32 in pixels,
    left, top, right and bottom; and the fingerprint of the network, text.
    """
    if out.suffix != EMBEDDED:
        raise click.UsageError(f"--out must end in {EMBEDDED}, and {printable(out)} does not")
    check_outputs([out], None, ())  # before minutes of work
    album = read_photos(model, paths)
    rows = flatten(album, model.recipe.fingerprint)
    save_embeddings(out, rows)
    answer = {"faces": len(rows.photos), "dimension": model.recipe.dimension, "out": str(out)}
    if as_json:
        print_json({**answer, "fingerprint": rows.fingerprint, "skipped": reasons(album.skipped)})
    else:
        click.echo(f"{answer['faces']} embeddings of {answer['dimension']} numbers in {printable(out)}")


@click.command()
@click.argument("a", type=APath)
@click.argument("b", type=APath)
@Far
@Threshold
@Gate
@click.option("--only", is_flag=True, help="Refuse a photograph with several faces.")
@Json
@model_options
def verify(
    model: Model,
    a: Path,
    b: Path,
    far: float,
    threshold: float | None,
    gate: float | None,
    only: bool,
    as_json: bool,
) -> None:
    """Say whether two photographs show the same person: exit code 0 if so, 1 if not, 2 if it cannot be said."""
    answer = model.verify(a, b, far=far, threshold=threshold, gate=gate, choose="only" if only else "prominent")
    if as_json:
        print_json(asdict(answer))
    else:
        rate = "" if answer.far is None else f", FAR {answer.far:.2g}"
        told = "" if answer.quality is None else f", quality {answer.quality:.3f}"
        decided = f"distance {answer.distance:.3f}, threshold {answer.threshold:.3f}{rate}"
        click.echo(f"{answered(answer.same)}: {decided}{told}")
    sys.exit({True: 0, False: 1, None: ERROR}[answer.same])


def read_photos(model: Model, paths: Iterable[Path]) -> Album:
    """Read every photograph, with progress on a terminal and a line on stderr for each that cannot be read."""
    photos = find_photos(list(paths))
    album = read_album(model, photos, partial(progress, total=len(photos), unit="photo"))
    tell_skipped(album.skipped)
    return album


def _entries(album: Album) -> Iterator[tuple[Path, Any]]:
    return zip(album.photos, album.faces, strict=True)


def _describe(photo: Path, found: Any) -> dict[str, Any]:
    listed = [
        {"box": box.tolist(), "landmarks": points.tolist(), "score": float(score), "quality": quality}
        for box, points, score, quality in zip(
            found.boxes, found.landmarks, found.scores, _qualities(found), strict=True
        )
    ]
    return {"photo": str(photo), "faces": listed}


def _qualities(found: Faces) -> list[float | None]:
    return [None] * len(found) if found.quality is None else found.quality.tolist()
