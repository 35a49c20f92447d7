"""Commands about who is on many photographs: grouping them, sorting them into folders, and back."""

import shlex
import sys
from functools import partial
from pathlib import Path

import click
import numpy as np

from .._cluster import JUNK, Method
from .._cluster import cluster as cluster_rows
from ..markup import count
from ..medoids import members
from ..model import Model
from ..photo import printable
from ..quality import recognisable
from ..sheets import write_sheets
from ..sort import JOURNAL, How, Plan, plan_sorting, sort_photos
from ..sort import unsort as undo_sorting
from ..table import write_csv
from .group import ERROR
from .options import APath, Gate, Grouping, HowFound, Json, Paths, model_options
from .output import check_outputs, print_json, progress, reasons
from .photographs import read_photos


@click.command()
@Paths
@Grouping
@HowFound
@Gate
@click.option("--report", type=APath, help="Write an HTML page with a contact sheet a person.")
@click.option("--csv", "table", type=APath, help="Write a CSV file with a line a face.")
@click.option("--sort-into", "into", type=APath, help="Sort the photographs into a new folder.")
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
    check_outputs([report, table], into, paths)  # before minutes of work
    album = read_photos(model, paths)
    junk = ~recognisable(album.embeddings, recipe, gate)
    people = cluster_rows(album.embeddings, method=method, threshold=stop, junk=junk)
    shown = str if as_json else printable
    names = [shown(album.photos[owner]) for owner in album.owners]
    groups = [[names[row] for row in rows] for rows in members(people.labels)]
    lost = [names[row] for row in np.flatnonzero(people.labels == JUNK)]
    if report is not None:
        limit = f", threshold {people.threshold:.3f}" if "threshold" in people.settings.heeded else ""
        write_sheets(report, album, people, f"Method {method}{limit}.")
    if table is not None:
        write_csv(table, album, people)
    sorting = None if into is None else (plan_sorting(album, people.labels, how), into)
    if sorting is not None:
        _sort(*sorting)
    if as_json:
        answer = {"people": groups, "unrecognisable": lost, "threshold": people.threshold}
        done = None if sorting is None else {"into": str(sorting[1]), **sorting[0].summary}
        print_json({**answer, "skipped": reasons(album.skipped), "sorted": done})
        return
    if lost:
        click.echo(f"unrecognisable: {', '.join(lost)}")
    elif not groups:
        click.echo(f"no faces on {count(len(album.photos), 'photograph')}")
    for number, group in enumerate(groups, 1):
        click.echo(f"person {number}: {', '.join(group)}")
    if sorting is not None:
        _show_sorting(*sorting)


@click.command()
@click.argument("folder", type=APath)
@Json
def unsort(folder: Path, as_json: bool) -> None:
    """Undo what 'cluster --sort-into FOLDER' did: exit code 0 if all of it, 2 if something was kept or is missing.

    Photographs move back; links, and copies that are equal to their originals, are removed. Nothing is overwritten.
    Put back what is missing and call it again: until then faceprint-undo.json stays, which tells where all came from.
    """
    undone = undo_sorting(folder)
    if as_json:
        kept = [{"file": place, "reason": reason} for place, reason in undone.kept.items()]
        print_json({"folder": str(folder), "undone": undone.cleared, "kept": kept, "missing": undone.missing})
    else:
        click.echo(f"undone: {count(undone.cleared, 'file')} of {printable(folder)}")
        for place, reason in undone.kept.items():
            click.echo(f"kept: {printable(place)} {reason}", err=True)
        for place in undone.missing:
            click.echo(f"missing: {printable(place)} is neither there nor where it came from", err=True)
    sys.exit(ERROR if undone.kept or undone.missing else 0)


def _sort(plan: Plan, into: Path) -> None:
    try:
        sort_photos(plan, into, partial(progress, unit="file"))
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
