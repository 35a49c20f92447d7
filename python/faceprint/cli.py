"""The command line: the library's calls on files and folders, for people and, with --json, for scripts."""

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import partial, wraps
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import click
import numpy as np
from tqdm import tqdm

from . import __version__
from ._cluster import JUNK, METHODS, Method
from ._cluster import cluster as cluster_rows
from ._info import info as describe
from .album import Album, Embeddings, flatten, load_embeddings, read_album, save_embeddings
from .backend import use_backend
from .bench import run_bench
from .demo import run_demo
from .detector import DetectorOptions
from .draft import draft_recipe
from .embedded import Embedded
from .errors import FaceprintError, GalleryError, NoFaceError, SortError
from .evaluate import (
    AllPairs,
    ListedPairs,
    Pairs,
    Score,
    Sensitivity,
    Val,
    find_people,
    measure_sensitivity,
    measure_verification,
    open_pairs,
    read_pairs,
)
from .evaluate import clustering as compare_people
from .evaluate.pairfile import is_cfp
from .evaluate.plot import draw
from .evaluate.report import find_faces, write_report
from .evaluate.told import lines_of, summarise
from .evaluate.verification import FARS
from .faces import Faces
from .features import read_features, read_people
from .gallery import Gallery
from .golden import make_golden
from .markup import count
from .medoids import members
from .model import Model, load
from .network import open_network
from .photo import find_photos, printable
from .quality import recognisability, recognisable
from .sheets import write_sheets
from .sort import JOURNAL, How, Plan, check_folder, plan_sorting, sort_photos
from .sort import unsort as undo_sorting
from .table import write_csv

ERROR = 2  # what scripts see where no answer could be given; 1 says "different"
GALLERY = ".faceprint"
INTERRUPTED, UNREAD = 130, 141  # what shells say of programs that Ctrl-C or a closed pipe ends

Paths = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
Grouping = click.option("--threshold", type=float, help="The squared distance up to which faces are grouped.")
HowFound = click.option(
    "--method", type=click.Choice(METHODS), default="map_equation", show_default=True, help="How people are found."
)
Json = click.option("--json", "as_json", is_flag=True, help="Print one machine-readable answer.")
Far = click.option("--far", default=1e-3, show_default=True, help="The false accept rate to decide at.")
Threshold = click.option("--threshold", type=float, help="A squared distance in [0, 4] to decide at instead.")
Gate = click.option("--gate", type=float, help="A quality in [0, 1]: faces below it count as unrecognisable.")


def model_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which networks run, and hand it the loaded model."""

    @click.option("--network", type=click.Path(path_type=Path), help="An .onnx network with its recipe beside it.")
    @click.option("--recipe", help="The name of a known recipe (see info), or a .json file.")
    @click.option("--detector", type=click.Path(path_type=Path), help="A YuNet or SCRFD .onnx file.")
    @click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
    @click.option("--min-size", type=float, help="The least width and height of a face in pixels.")
    @click.option("--min-score", type=float, help="The least score of a face, in [0, 1].")
    @click.option("--max-faces", type=int, help="How many faces of a photograph count, the most prominent ones.")
    @wraps(function)
    def with_model(
        network: Path | None,
        recipe: str | None,
        detector: Path | None,
        device: str,
        min_size: float | None,
        min_score: float | None,
        max_faces: int | None,
        **rest: Any,
    ) -> None:
        options = DetectorOptions(min_size, min_score, max_faces)
        function(model=load(network, recipe=recipe, detector=detector, device=device, options=options), **rest)

    return with_model


class Group(click.Group):
    """The `faceprint` command. Whatever goes wrong ends in one line, and never in 1, which would say "different"."""

    def main(self, *words: Any, **options: Any) -> Any:
        """Run the command line and exit; errors are told, not traced."""
        code = ERROR
        try:
            code = super().main(*words, **options | {"standalone_mode": False})
        except (click.Abort, KeyboardInterrupt):
            code = INTERRUPTED
        except Exception as error:
            with suppress(OSError):  # nobody may be listening
                _tell(error)
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; whoever closes the pipe early has seen enough, and click would exit with 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _drop_output()
            ctx.exit(UNREAD)


def _tell(error: Exception) -> None:
    if isinstance(error, click.ClickException):  # wrong usage
        error.show()
    elif isinstance(error, (FaceprintError, OSError, ValueError)):
        click.echo(f"error: {error}", err=True)
    else:
        click.echo(f"error: unforeseen {type(error).__name__}: {error}", err=True)


def _drop_output() -> None:
    """Point stdout nowhere, or Python would complain at exit that it cannot write what is left."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="faceprint")
def command() -> None:
    """Verify, search and cluster the faces on photographs."""


@command.command()
@click.option("--out", type=click.Path(path_type=Path), default="faceprint-demo.html", show_default=True)
@Json
def demo(out: Path, as_json: bool) -> None:
    """Run the whole way on the photographs that ship with the package, and write a page about it."""
    found = run_demo(out)
    if as_json:
        _print_json(found)
        return
    click.echo(f"{found['faces']} faces on {found['photos']} photographs, {len(found['people'])} people:")
    for number, names in enumerate(found["people"], 1):
        click.echo(f"  person {number}: {', '.join(names)}")
    click.echo(f"who matches whom (same at distance <= {found['threshold']:.3f}, FAR {found['far']:g}):")
    for pair in found["pairs"]:
        click.echo(f"  {pair['a']:12} {pair['b']:12} {pair['distance']:.3f}  {_answer(pair['same'])}")
    click.echo("time:")
    for name, seconds in found["seconds"].items():
        click.echo(f"  {name:26} {seconds * 1e3:8.1f} ms")
    click.echo(f"page: {found['page']}")


@command.command()
@Paths
@Json
@model_options
def faces(model: Model, paths: tuple[Path, ...], as_json: bool) -> None:
    """Find the faces on photographs and in folders."""
    album = _read(model, paths)
    if as_json:
        _print_json({"photos": [_describe(*entry) for entry in _entries(album)], "skipped": _skipped(album)})
        return
    for photo, found in _entries(album):
        click.echo(f"{printable(photo)}: {count(len(found), 'face')}")
        for box, score, quality in zip(found.boxes, found.scores, _qualities(found), strict=True):
            left, top, right, bottom = (round(float(edge)) for edge in box)
            told = "" if quality is None else f", quality {quality:.3f}"
            click.echo(f"  {right - left} x {bottom - top} at {left}, {top}, score {score:.3f}{told}")


@command.command()
@Paths
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The .npz file to write.")
@Json
@model_options
def embed(model: Model, paths: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Embed every face on photographs and in folders into an .npz file."""
    album = _read(model, paths)
    rows = flatten(album, model.recipe.fingerprint)
    save_embeddings(out, rows)
    answer = {"faces": len(rows.photos), "dimension": model.recipe.dimension, "out": str(out)}
    if as_json:
        _print_json({**answer, "fingerprint": rows.fingerprint, "skipped": _skipped(album)})
    else:
        click.echo(f"{answer['faces']} embeddings of {answer['dimension']} numbers in {printable(out)}")


@command.command()
@click.argument("gallery", type=click.Path(path_type=Path))
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

    It is made where there is none. The same photographs added again are there twice.
    """
    if gallery.suffix != GALLERY:
        raise click.UsageError(f"GALLERY must end in {GALLERY}, and {printable(gallery)} does not")
    if label is not None and by_folder:
        raise click.UsageError("--label and --by-folder both name the faces; give one of them")
    album = _read(model, paths)
    folders = [photo.absolute().parent.name for photo in album.photos]
    owners = [folders[owner] if by_folder else label for owner in album.owners]
    rows = flatten(album, model.recipe.fingerprint)
    kept = recognisable(rows.embeddings, model.recipe, gate)
    with Gallery(gallery) as opened:
        _add_rows(opened, model, rows[kept], [owners[row] for row in np.flatnonzero(kept)])
        answer = {"added": int(kept.sum()), "below_the_gate": int((~kept).sum()), "faces": len(opened)}
    if as_json:
        _print_json({**answer, "gallery": str(gallery), "skipped": _skipped(album)})
    else:
        click.echo(
            f"{count(answer['added'], 'face')} added to {printable(gallery)}, which holds {answer['faces']:,} now"
        )


@command.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
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
        _print_json(asdict(answer))
    else:
        rate = "" if answer.far is None else f", FAR {answer.far:.2g}"
        told = "" if answer.quality is None else f", quality {answer.quality:.3f}"
        decided = f"distance {answer.distance:.3f}, threshold {answer.threshold:.3f}{rate}"
        click.echo(f"{_answer(answer.same)}: {decided}{told}")
    sys.exit({True: 0, False: 1, None: ERROR}[answer.same])


@command.command()
@click.argument("probe", type=click.Path(path_type=Path))
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
        _print_json({"matches": matches, "threshold": limit, "far": rate, "skipped": skipped})
        return
    if not matches:
        click.echo("no faces to search among")
    for match in matches:
        name = "" if match["label"] is None else f"  ({match['label']})"
        click.echo(f"{match['distance']:.3f}  {_answer(match['same']):9}  {match['photo']}{name}")


@command.command()
@Paths
@Grouping
@HowFound
@Gate
@click.option("--report", type=click.Path(path_type=Path), help="Write an HTML page with a contact sheet a person.")
@click.option("--csv", "table", type=click.Path(path_type=Path), help="Write a CSV file with a line a face.")
@click.option("--sort-into", "into", type=click.Path(path_type=Path), help="Sort the photographs into a new folder.")
@click.option(
    "--how", type=click.Choice(["links", "copies", "moves"]), default="links", show_default=True, help="How to sort."
)
@Json
@model_options
def cluster(
    model: Model,
    paths: tuple[Path, ...],
    threshold: float | None,
    method: Method,
    gate: float | None,
    report: Path | None,
    table: Path | None,
    into: Path | None,
    how: How,
    as_json: bool,
) -> None:
    """Group the faces on photographs and in folders into people.

    With --sort-into each person gets a sub-folder; a photograph of several people gets into each of theirs, or, where
    it is moved, into that of whom has the largest face on it. 'faceprint unsort' undoes all this.
    """
    recipe = model.recipe
    stop = recipe.grouping(threshold)
    _check_outputs([report, table], into, paths)  # before minutes of work
    album = _read(model, paths)
    junk = ~recognisable(album.embeddings, recipe, gate)
    people = cluster_rows(album.embeddings, method=method, threshold=stop, junk=junk)
    names = [printable(album.photos[owner]) for owner in album.owners]
    groups = [[names[row] for row in rows] for rows in members(people.labels)]
    lost = [names[row] for row in np.flatnonzero(people.labels == JUNK)]
    if report is not None:
        limit = f", threshold {people.threshold:.3f}" if "threshold" in people.settings.heeded else ""
        write_sheets(report, album, people, f"Method {method}{limit}.")
    if table is not None:
        write_csv(table, album, people)
    plan = None if into is None else plan_sorting(album, people.labels, how)
    if into is not None and plan is not None:
        _sort(plan, into)
    if as_json:
        answer = {"people": groups, "unrecognisable": lost, "threshold": people.threshold}
        done = None if into is None or plan is None else {"into": printable(into), **plan.summary}
        _print_json({**answer, "skipped": _skipped(album), "sorted": done})
        return
    if lost:
        click.echo(f"unrecognisable: {', '.join(lost)}")
    elif not groups:
        click.echo(f"no faces on {count(len(album.photos), 'photograph')}")
    for number, group in enumerate(groups, 1):
        click.echo(f"person {number}: {', '.join(group)}")
    if into is not None and plan is not None:
        _show_sorting(plan, into)


@command.command()
@click.argument("folder", type=click.Path(path_type=Path))
@Json
def unsort(folder: Path, as_json: bool) -> None:
    """Undo what 'cluster --sort-into FOLDER' did: exit code 0 if all of it, 2 if something had to be kept.

    Photographs move back; links, and copies that are equal to their originals, are removed. Nothing is overwritten.
    """
    undone = undo_sorting(folder)
    kept = [{"file": printable(place), "reason": reason} for place, reason in undone.kept.items()]
    missing = list(map(printable, undone.missing))
    if as_json:
        _print_json({"folder": printable(folder), "undone": undone.cleared, "kept": kept, "missing": missing})
    else:
        click.echo(f"undone: {count(undone.cleared, 'file')} of {printable(folder)}")
        for entry in kept:
            click.echo(f"kept: {entry['file']} {entry['reason']}", err=True)
        for place in missing:
            click.echo(f"missing: {place} is neither there nor where it came from", err=True)
    sys.exit(ERROR if kept else 0)


class Evaluate(click.Group):
    """A group whose first word, where it is no command, is what `verification` is about."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command in that is left out."""
        known = {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if not args or args[0] in known else ["verification", *args])


@command.group(cls=Evaluate)
def evaluate() -> None:
    """Measure how well faces of known people are told apart: your photographs, or features somebody computed.

    'faceprint evaluate FOLDER' is short for 'faceprint evaluate verification FOLDER'.
    """


@evaluate.command()
@click.argument("target", metavar="FOLDER|PAIRS", type=click.Path(path_type=Path, exists=True))
@click.option("--photos", type=click.Path(path_type=Path), help="The folder of the photographs that PAIRS names.")
@click.option("--far", "fars", multiple=True, default=FARS, show_default=True, help="A false accept rate; repeatable.")
@click.option("--report", type=click.Path(path_type=Path), help="Write an HTML page, with the hardest pairs.")
@Json
@model_options
def verification(
    model: Model, target: Path, photos: Path | None, fars: tuple[float, ...], report: Path | None, as_json: bool
) -> None:
    """Measure how often two photographs are rightly taken for one person's, or for two people's.

    FOLDER holds a sub-folder of photographs for each person, and all pairs are compared. PAIRS is a file of pairs: that
    of Labeled Faces in the Wild, one with two photographs and 1 or 0 a line, or the folder Protocol/Split/FP of CFP.
    """
    _check_outputs([report], None, ())  # before minutes of work
    wrong = next((far for far in fars if not 0 < far < 1), None)
    if wrong is not None:
        raise click.UsageError(f"--far must lie between 0 and 1, not {wrong:g}")
    pairs: AllPairs | ListedPairs
    folds = None
    if target.is_dir() and not is_cfp(target):
        if photos is not None:
            raise click.UsageError("--photos belongs to a file of PAIRS; a FOLDER has its own")
        known = find_people(target)
        chosen, pairs = known.photos, AllPairs(known.people)
    else:
        file = open_pairs(target, photos)
        chosen, pairs, folds = file.photos, file.pairs, file.folds
    watch = partial(tqdm, total=len(chosen), unit="photo", disable=None, leave=False)
    found = measure_verification(model, chosen, pairs, folds=folds, fars=fars, watch=watch)
    for reason in found.skipped.values():
        click.echo(f"skipped: {reason}", err=True)
    if report is not None:
        write_report(report, model.recipe.name, found, find_faces(model, found))
    if as_json:
        network = {"name": model.recipe.name, "fingerprint": model.recipe.fingerprint}
        _print_json({"network": network, **summarise(found), "skipped": _reasons(found.skipped)})
    else:
        click.echo("\n".join(lines_of(found)))


@evaluate.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--pairs", "listed", type=click.Path(path_type=Path), help="Only the pairs of this file, as LFW's.")
@click.option("--far", default=1e-3, show_default=True, help="The false accept rate to hold.")
@click.option("--people", type=click.IntRange(min=1), help="At most so many people, spread over the folder.")
@click.option("--photos", type=click.IntRange(min=1), help="At most so many photographs of each.")
@click.option(
    "--reduction", type=click.Choice(["pca", "prefix"]), default="pca", show_default=True, help="How to shorten."
)
@click.option("--plot", type=click.Path(path_type=Path), help="Write an SVG picture.")
@Json
@model_options
def sensitivity(
    model: Model,
    folder: Path,
    listed: Path | None,
    far: float,
    people: int | None,
    photos: int | None,
    reduction: Literal["pca", "prefix"],
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure VAL over JPEG quality, pixels and embedding dimension (tables 4 and 5 of the paper).

    FOLDER holds a sub-folder of photographs for each person. All pairs of photographs are compared.
    """
    _check_outputs([plot], None, ())  # before minutes of work
    known = find_people(folder, most_people=people, most_photos=photos)
    pairs: Pairs
    chosen, pairs = known.photos, AllPairs(known.people)
    if listed is not None:
        file = read_pairs(listed, known)
        chosen, pairs = file.photos, file.pairs
    progress = tqdm(chosen, unit="photo", disable=None, leave=False)
    found = measure_sensitivity(model, progress, pairs, far=far, reduction=reduction)
    for reason in found.skipped.values():
        click.echo(f"skipped: {reason}", err=True)
    if plot is not None:
        plot.write_text(draw(found), "utf-8")
    if as_json:
        network = {"name": model.recipe.name, "fingerprint": model.recipe.fingerprint}
        _print_json({"network": network, **asdict(found), "skipped": _reasons(found.skipped)})
    else:
        _show_sensitivity(found)


@evaluate.command()
@click.argument("features", type=click.Path(path_type=Path))
@click.argument("labels", type=click.Path(path_type=Path))
@click.option("--dimension", default=256, show_default=True, help="Numbers of an embedding, unless it is an .npy file.")
@Grouping
@HowFound
@Json
def clustering(
    features: Path, labels: Path, dimension: int, threshold: float | None, method: Method, as_json: bool
) -> None:
    """Group embeddings that were computed elsewhere into people, and measure pairwise F, BCubed F and NMI.

    FEATURES holds float32 numbers and LABELS one whole number a line, as the public face-clustering benchmarks have
    them (NAME.bin, NAME.meta); or both are .npy files. The threshold depends on the network: try several.
    """
    x = read_features(features, dimension=dimension)
    truth = read_people(labels, len(x))
    start = perf_counter()
    with tqdm(total=100, unit="%", disable=None, leave=False) as bar:
        people = cluster_rows(
            x, method=method, threshold=threshold, progress=lambda share: bar.update(100 * share - bar.n)
        )
    seconds = perf_counter() - start
    found = compare_people(truth, people.labels)
    if as_json:
        _print_json({**asdict(found), "threshold": people.threshold, "seconds": seconds})
        return
    counted = f"{count(found.faces, 'face')} of {count(found.people, 'person', 'people')}"
    click.echo(f"{counted}; {found.found} found at threshold {people.threshold:g} in {seconds:.1f} s")
    for name, score in (("pairwise", found.pairwise), ("BCubed", found.bcubed)):
        click.echo(f"{name:8}  {_scored(score)}")
    click.echo(f"NMI        {found.nmi:7.2%}")


@command.command()
@click.option("--rows", default=200_000, show_default=True, type=click.IntRange(min=1000), help="Rows of the gallery.")
@click.option("--depth", default=128, show_default=True, type=click.IntRange(min=1), help="Numbers of a row.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of ours; all CPUs if not given.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@Json
def bench(rows: int, depth: int, threads: int | None, device: str, as_json: bool) -> None:
    """Measure in about two minutes how fast this machine searches, beside numpy."""
    if device == "cuda":
        use_backend("cuda")
    timings = []
    for timing in run_bench(rows, depth, threads):
        timings.append({**asdict(timing), "speedup": timing.speedup})
        if not as_json:
            recall = "" if timing.recall is None else f"  recall {timing.recall:.4f}"
            click.echo(
                f"{timing.workload:28} {timing.contestant:24} {timing.seconds * 1e3:11.3f} ms"
                f"  {timing.speedup:7.2f} x numpy{recall}"
            )
    if as_json:
        described = describe()
        machine = {name: described[name] for name in ("versions", "python", "machine", "backend")}
        _print_json({**machine, "threads": threads or described["threads"], "timings": timings})


@command.command()
@click.argument("network", required=False, type=click.Path(path_type=Path))
@click.option("--recipe", help="The name of a known recipe, or a .json file.")
@click.option("--draft", is_flag=True, help="Print the recipe that NETWORK lacks, with question marks to fill in.")
@click.option("--golden", is_flag=True, help="Print the golden embedding of NETWORK, for the 'golden' of its recipe.")
@Json
def info(network: Path | None, recipe: str | None, draft: bool, golden: bool, as_json: bool) -> None:
    """Show versions, backends, and what would run where; of NETWORK, an .onnx file, its graph, recipe and licence."""
    if network is None and (recipe or draft or golden):
        raise click.UsageError("--recipe, --draft and --golden need a NETWORK")
    if draft and (golden or recipe):
        raise click.UsageError("--draft is for a network without a recipe")
    if network is not None and draft:
        _print_json(draft_recipe(network))
        return
    if network is not None and golden:
        _print_json(asdict(make_golden(open_network(network, recipe).golden())))
        return
    found = describe(network, recipe=recipe)
    if as_json:
        _print_json(found)
        return
    for topic, value in found.items():
        if isinstance(value, dict):
            value = "; ".join(f"{name} {entry or 'not installed'}" for name, entry in value.items())
        elif isinstance(value, list):
            value = ", ".join(value) or "none: pip install 'faceprint[cpu]'"
        click.echo(f"{topic}: {value}")


def _read(model: Model, paths: Iterable[Path]) -> Album:
    """Read every photograph, with progress on a terminal and a line on stderr for each that cannot be read."""
    photos = find_photos(list(paths))
    album = read_album(model, photos, partial(tqdm, total=len(photos), unit="photo", disable=None, leave=False))
    for reason in album.skipped.values():
        click.echo(f"skipped: {reason}", err=True)
    return album


def _check_outputs(files: Iterable[Path | None], into: Path | None, paths: tuple[Path, ...]) -> None:
    if into is not None:
        check_folder(into, paths)
    for file in files:
        if file is None:
            continue
        if not file.parent.is_dir():
            raise FileNotFoundError(f"{printable(file)} cannot be written: its folder does not exist")
        if into is not None and file.resolve().is_relative_to(into.resolve()):
            raise SortError(f"{printable(file)} must lie outside {printable(into)}, which holds photographs only")


def _sort(plan: Plan, into: Path) -> None:
    try:
        sort_photos(plan, into, partial(tqdm, unit="file", disable=None, leave=False))
    except BaseException:  # also Ctrl-C
        if (into / JOURNAL).is_file():
            click.echo(f"stopped half way: 'faceprint unsort {printable(into)}' undoes what was done", err=True)
        raise


def _show_sorting(plan: Plan, into: Path) -> None:
    told = plan.summary
    where = "went to whom has the largest face" if plan.how == "moves" else "are with each of them"
    several = f"; {told['several']:,} of several people {where}" if plan.several else ""
    counted = f"{count(told['photos'], 'photograph')}, {told['nobody']:,} of nobody{several}"
    click.echo(f"sorted into {printable(into)}, as {plan.how}: {counted}")
    click.echo(f"to undo that: faceprint unsort {shlex.quote(printable(into))}")


def _open_gallery(model: Model, paths: tuple[Path, ...]) -> tuple[Gallery, list[dict[str, str]]]:
    """The gallery of a file, or one in memory of what `embed` stored or photographs show; and what was skipped."""
    suffixes = [path.suffix for path in paths]
    if suffixes == [GALLERY]:
        return Gallery(paths[0], read_only=True), []
    gallery, skipped = Gallery(), []
    if suffixes == [".npz"]:
        rows = load_embeddings(paths[0])
        if rows.fingerprint != model.recipe.fingerprint:
            raise GalleryError(
                f"{printable(paths[0])} was embedded by network {rows.fingerprint}; "
                f"embeddings of {model.recipe.fingerprint} cannot be compared with it"
            )
    else:
        album = _read(model, paths)
        rows, skipped = flatten(album, model.recipe.fingerprint), _skipped(album)
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


def _entries(album: Album) -> Iterator[tuple[Path, Any]]:
    return zip(album.photos, album.faces, strict=True)


def _describe(photo: Path, found: Any) -> dict[str, Any]:
    listed = [
        {"box": box.tolist(), "landmarks": points.tolist(), "score": float(score), "quality": quality}
        for box, points, score, quality in zip(
            found.boxes, found.landmarks, found.scores, _qualities(found), strict=True
        )
    ]
    return {"photo": printable(photo), "faces": listed}


def _qualities(found: Faces) -> list[float | None]:
    return [None] * len(found) if found.quality is None else found.quality.tolist()


def _skipped(album: Album) -> list[dict[str, str]]:
    return _reasons(album.skipped)


def _reasons(skipped: dict[Path, str]) -> list[dict[str, str]]:
    return [{"photo": printable(photo), "error": reason} for photo, reason in skipped.items()]


def _show_sensitivity(found: Sensitivity) -> None:
    pairs = f"{found.untouched.same_pairs:,} pairs of the same person, {found.untouched.different_pairs:,} of others"
    click.echo(f"VAL at FAR {found.far:g} of {count(found.faces, 'face')} of {count(found.people, 'person', 'people')}")
    click.echo(f"{pairs}; 95 % intervals")
    click.echo(f"as they are         {_share(found.untouched)}")
    for quality, value in found.quality.items():
        click.echo(f"JPEG quality {quality:6} {_share(value)}")
    for pixels, value in found.pixels.items():
        fewer = f"  ({found.smaller[pixels]:,} had fewer)" if found.smaller[pixels] else ""
        click.echo(f"pixels       {pixels:6,} {_share(value)}{fewer}")
    for dimension, value in found.dimension.items():
        click.echo(f"dimension    {dimension:6} {_share(value)}")


def _share(value: Val) -> str:
    return f"{value.val:7.1%}  [{value.low:.1%}, {value.high:.1%}]"


def _scored(score: Score) -> str:
    return f"F {score.f:7.2%}  precision {score.precision:7.2%}  recall {score.recall:7.2%}"


def _print_json(answer: Any) -> None:
    click.echo(json.dumps(answer, indent=2))


def _answer(same: bool | None) -> str:
    return {True: "same", False: "different", None: "cannot tell"}[same]
