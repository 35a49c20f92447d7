"""What commands print, and the files that they are asked to write."""

import json
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ..errors import SortError
from ..photo import SUFFIXES, printable
from ..sort import check_folder

progress = partial(tqdm, disable=None, leave=False)  # seen on terminals only, and gone in the end


def print_json(answer: Any) -> None:
    """Print the one answer that scripts read.

    Paths in it are whole, as Python decodes those that are not UTF-8, but for those that a gallery or `embed` stored.
    """
    click.echo(json.dumps(answer, indent=2))


def answered(same: bool | None) -> str:
    """Say whether it is the same person; None where that cannot be told."""
    return {True: "same", False: "different", None: "cannot tell"}[same]


def reasons(skipped: dict[Path, str]) -> list[dict[str, str]]:
    """Say which photographs were skipped, and why, as JSON takes it."""
    return [{"photo": str(photo), "error": reason} for photo, reason in skipped.items()]


def tell_skipped(skipped: dict[Path, str]) -> None:
    """Say on stderr, a line for each photograph, why it was skipped."""
    for reason in skipped.values():
        click.echo(f"skipped: {reason}", err=True)


def check_outputs(files: Iterable[Path | None], into: Path | None, paths: tuple[Path, ...]) -> None:
    """Raise an error where a file, or the folder `into` of those `paths`, could not be written in the end."""
    if into is not None:
        check_folder(into, paths)
    for file in files:
        if file is None:
            continue
        if not file.parent.is_dir():
            raise FileNotFoundError(f"{printable(file)} cannot be written: its folder does not exist")
        if file.is_dir():
            raise IsADirectoryError(f"{printable(file)} cannot be written: it is a folder")
        if not os.access(file if file.exists() else file.parent, os.W_OK):
            raise PermissionError(f"{printable(file)} cannot be written: it, or its folder, is read-only")
        if file.suffix.lower() in SUFFIXES:  # as where a pattern follows an option that lacks its file
            raise ValueError(f"{printable(file)} cannot be written: its name is that of a photograph")
        if into is not None and file.resolve().is_relative_to(into.resolve()):
            raise SortError(f"{printable(file)} must lie outside {printable(into)}, which holds photographs only")
