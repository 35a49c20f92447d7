"""Commands about galleries: filling a file, and looking a face up in one."""

from pathlib import Path
from typing import Any

import click
import numpy as np

from ..album import Embeddings, flatten, load_embeddings
from ..embedded import Embedded
from ..errors import GalleryError, NoFaceError
from ..gallery import Gallery
from ..markup import count
from ..model import Model
from ..photo import printable
from ..quality import recognisability, recognisable
from .options import APath, Far, Gate, Json, Paths, Threshold, model_options
from .output import answered, check_outputs, print_json, reasons
from .photographs import EMBEDDED, read_photos

GALLERY = ".faceprint"


@click.command()
@click.argument("gallery", type=APath)
@Paths
@click.option("--label", help="Who all the faces are.")
@click.option("--by-folder", is_flag=True, help="Name each face after the folder that holds its photograph.")
@Gate
@Json
@model_options
def index(
    model: Model,
    gallery: Path,
    paths: tuple[Path, ...],
    label: str | None,
    by_folder: bool,
    gate: float | None,
    as_json: bool,
) -> None:
    """Add every face on photographs and in folders to GALLERY, a file whose name ends in .faceprint.

    It is made where there is none. The same photographs added again are there twice. Python alone opens one that is
    encrypted, lists its people (set(gallery.labels)), and takes them away:

    \b
      gallery = faceprint.Gallery("people.faceprint")
      gallery.remove(label="Ann"), gallery.compact()
    """  # noqa: D301 - the mark of lines that click must not join
    if gallery.suffix != GALLERY:
        raise click.UsageError(f"GALLERY must end in {GALLERY}, and {printable(gallery)} does not")
    if label is not None and by_folder:
        raise click.UsageError("--label and --by-folder both name the faces; give one of them")
    if label == "":  # as of a variable that is not set
        raise click.UsageError("--label must be some text, not ''")
    _check_target(gallery, model)  # before minutes of work
    album = read_photos(model, paths)
    folders = [_folder_name(photo) for photo in album.photos]
    owners = [folders[owner] if by_folder else label for owner in album.owners]
    rows = flatten(album, model.recipe.fingerprint)
    kept = recognisable(rows.embeddings, model.recipe, gate)
    with Gallery(gallery) as opened:
        _add_rows(opened, model, rows[kept], [owners[row] for row in np.flatnonzero(kept)])
        answer = {"added": int(kept.sum()), "below_the_gate": int((~kept).sum()), "faces": len(opened)}
    if as_json:
        print_json({**answer, "gallery": str(gallery), "skipped": reasons(album.skipped)})
    else:
        click.echo(
            f"{count(answer['added'], 'face')} added to {printable(gallery)}, which holds {answer['faces']:,} now"
        )


@click.command()
@click.argument("probe", type=APath)
@Paths
@click.option("-k", default=10, show_default=True, type=click.IntRange(min=1), help="How many matches to show.")
@Far
@Threshold
@Gate
@Json
@model_options
def search(
    model: Model,
    probe: Path,
    paths: tuple[Path, ...],
    k: int,
    far: float,
    threshold: float | None,
    gate: float | None,
    as_json: bool,
) -> None:
    """Look the most prominent face of PROBE up among photographs, folders, or one file of `embed` or `index`."""
    limit, rate = model.recipe.decision(far, threshold)
    x = model.embed(probe)
    if not recognisable(x, model.recipe, gate).all():
        raise NoFaceError(f"{printable(probe)} must show a face of quality {gate:g} or more, but it is below")
    gallery, skipped = _open_gallery(model, paths)
    with gallery:
        found = gallery.search(Embedded(x, model.recipe.fingerprint), k=k, min_quality=gate)
        entries = {entry.id: entry for entry in gallery.iterate({"id": found.ids[0].tolist()})}
    matches: list[dict[str, Any]] = [
        {
            "photo": entries[face].photo,
            "label": entries[face].label,
            "distance": float(distance),
            "same": bool(distance <= limit),
            "box": (entries[face].metadata or {}).get("box"),
        }
        for face, distance in zip(found.ids[0].tolist(), found.distances[0], strict=True)
        if face in entries
    ]
    if as_json:
        print_json({"matches": matches, "threshold": limit, "far": rate, "skipped": skipped})
        return
    if not matches:
        click.echo("no faces to search among")
    for match in matches:
        name = "" if match["label"] is None else f"  ({printable(match['label'])})"
        photo = "no photograph" if match["photo"] is None else printable(match["photo"])
        click.echo(f"{match['distance']:.3f}  {answered(match['same']):9}  {photo}{name}")


def _folder_name(photo: Path) -> str:
    """How the folder that holds a photograph is called; the one at the top has no name but its path.

    >>> _folder_name(Path("/Ann/x.jpg")), _folder_name(Path("/x.jpg"))
    ('Ann', '/')
    """
    folder = photo.absolute().parent
    if folder.name == "..":
        folder = folder.resolve()
    return printable(folder.name or folder)


def _check_target(path: Path, model: Model) -> None:
    """Raise an error where the faces could not be added in the end; a gallery that is not there is not made yet."""
    if path.exists():
        nothing = np.empty((0, model.recipe.dimension), np.float32)
        with Gallery(path) as opened:
            opened.search(Embedded(nothing, model.recipe.fingerprint))  # is refused where adding is
    else:
        check_outputs([path], None, ())


def _open_gallery(model: Model, paths: tuple[Path, ...]) -> tuple[Gallery, list[dict[str, str]]]:
    """The gallery of a file, or one in memory of what `embed` stored or photographs show; and what was skipped."""
    suffixes = [path.suffix for path in paths]
    if suffixes == [GALLERY]:
        return Gallery(paths[0], read_only=True), []
    gallery, skipped = Gallery(), []
    if suffixes == [EMBEDDED]:
        rows = load_embeddings(paths[0])
        if rows.fingerprint != model.recipe.fingerprint:
            raise GalleryError(
                f"{printable(paths[0])} was embedded by network {rows.fingerprint}; "
                f"embeddings of {model.recipe.fingerprint} cannot be compared with it"
            )
    else:
        album = read_photos(model, paths)
        rows, skipped = flatten(album, model.recipe.fingerprint), reasons(album.skipped)
    _add_rows(gallery, model, rows)
    return gallery, skipped


def _add_rows(gallery: Gallery, model: Model, rows: Embeddings, labels: list[str | None] | None = None) -> None:
    gallery.add(
        Embedded(rows.embeddings, rows.fingerprint),
        labels,
        metadata=[{"box": box} for box in rows.boxes.tolist()],
        photos=rows.photos,
        quality=recognisability(rows.embeddings, model.recipe),
    )
