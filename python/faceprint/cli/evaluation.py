"""The commands of `faceprint evaluate`: how well faces of known people are told apart."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Literal

import click
from click.shell_completion import CompletionItem

from .._cluster import THRESHOLD, Method
from .._cluster import cluster as cluster_rows
from ..evaluate import (
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
from ..evaluate import clustering as compare_people
from ..evaluate.pairfile import is_cfp
from ..evaluate.plot import draw
from ..evaluate.report import find_faces, write_report
from ..evaluate.told import lines_of, summarise
from ..evaluate.verification import FARS
from ..features import read_features, read_people
from ..markup import count
from ..model import Model
from .options import APath, Grouping, HowFound, Json, NamedPath, model_options
from .output import check_outputs, print_json, progress, reasons, tell_skipped


class Evaluate(click.Group):
    """A group whose first word, where it is no command, is what `verification` is about."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command in that is left out."""
        known = {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if not args or args[0] in known else ["verification", *args])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer files too, of which the first word may be one; shells drop what comes before them."""
        return [CompletionItem(incomplete, type="file"), *super().shell_complete(ctx, incomplete)]


@click.group(cls=Evaluate)
def evaluate() -> None:
    """Measure how well faces of known people are told apart: your photographs, or features somebody computed.

    'faceprint evaluate FOLDER' is short for 'faceprint evaluate verification FOLDER'.
    """


@evaluate.command()
@click.argument("target", metavar="FOLDER|PAIRS", type=NamedPath(path_type=Path, exists=True))
@click.option("--photos", type=APath, help="The folder of the photographs that PAIRS names.")
@click.option("--far", "fars", multiple=True, default=FARS, show_default=True, help="A false accept rate; repeatable.")
@click.option("--report", type=APath, help="Write an HTML page, with the hardest pairs.")
@Json
@model_options
def verification(
    model: Model, target: Path, photos: Path | None, fars: tuple[float, ...], report: Path | None, as_json: bool
) -> None:
    """Measure how often two photographs are rightly taken for one person's, or for two people's.

    FOLDER holds a sub-folder of photographs for each person, and all pairs are compared. PAIRS is a file of pairs: that
    of Labeled Faces in the Wild, one with two photographs and 1 or 0 a line, or the folder Protocol/Split/FP of CFP.
    """
    check_outputs([report], None, ())  # before minutes of work
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
    watch = partial(progress, total=len(chosen), unit="photo")
    found = measure_verification(model, chosen, pairs, folds=folds, fars=fars, watch=watch)
    tell_skipped(found.skipped)
    if report is not None:
        write_report(report, model.recipe.name, found, find_faces(model, found))
    if as_json:
        print_json({"network": _named(model), **summarise(found), "skipped": reasons(found.skipped)})
    else:
        click.echo("\n".join(lines_of(found)))


@evaluate.command()
@click.argument("folder", type=APath)
@click.option("--pairs", "listed", type=APath, help="Only the pairs of this file, as LFW's.")
@click.option("--far", default=1e-3, show_default=True, help="The false accept rate to hold.")
@click.option("--people", type=click.IntRange(min=1), help="At most so many people, spread over the folder.")
@click.option("--photos", type=click.IntRange(min=1), help="At most so many photographs of each.")
@click.option(
    "--reduction", type=click.Choice(["pca", "prefix"]), default="pca", show_default=True, help="How to shorten."
)
@click.option("--plot", type=APath, help="Write an SVG picture.")
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
    check_outputs([plot], None, ())  # before minutes of work
    known = find_people(folder, most_people=people, most_photos=photos)
    pairs: Pairs
    chosen, pairs = known.photos, AllPairs(known.people)
    if listed is not None:
        file = read_pairs(listed, known)
        chosen, pairs = file.photos, file.pairs
    found = measure_sensitivity(model, progress(chosen, unit="photo"), pairs, far=far, reduction=reduction)
    tell_skipped(found.skipped)
    if plot is not None:
        plot.write_text(draw(found), "utf-8")
    if as_json:
        print_json({"network": _named(model), **asdict(found), "skipped": reasons(found.skipped)})
    else:
        _show_sensitivity(found)


@evaluate.command()
@click.argument("features", type=APath)
@click.argument("labels", type=APath)
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
    with progress(total=100, unit="%") as bar:
        people = cluster_rows(
            x,
            method=method,
            threshold=THRESHOLD if threshold is None else threshold,
            progress=lambda share: bar.update(100 * share - bar.n),
        )
    seconds = perf_counter() - start
    found = compare_people(truth, people.labels)
    if as_json:
        print_json({**asdict(found), "threshold": people.threshold, "seconds": seconds})
        return
    counted = f"{count(found.faces, 'face')} of {count(found.people, 'person', 'people')}"
    click.echo(f"{counted}; {found.found} found at threshold {people.threshold:g} in {seconds:.1f} s")
    for name, score in (("pairwise", found.pairwise), ("BCubed", found.bcubed)):
        click.echo(f"{name:8}  {_scored(score)}")
    click.echo(f"NMI        {found.nmi:7.2%}")


def _named(model: Model) -> dict[str, str]:
    return {"name": model.recipe.name, "fingerprint": model.recipe.fingerprint}


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
