"""Photographs that were skipped, where they may be why an evaluation cannot be."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def telling_skipped(skipped: Mapping[Path, str], photos: int) -> Iterator[None]:
    """Say in a ValueError how many of the photographs were `skipped`, and why the first was.

    >>> with telling_skipped({Path("a.jpg"): "photo a.jpg must show a face, but none was found"}, 4):
    ...     raise ValueError("pairs must be at least 1, not 0")
    Traceback (most recent call last):
    ValueError: pairs must be at least 1, not 0; 1 of 4 photos skipped: photo a.jpg must show a face, but none was found
    """
    try:
        yield
    except ValueError as error:
        if not skipped:
            raise
        reason = next(iter(skipped.values()))
        raise ValueError(f"{error}; {len(skipped):,} of {photos:,} photos skipped: {reason}") from error
