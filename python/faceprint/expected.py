"""What is expected of arguments that are no arrays: a number, an integer, or something that this package makes."""

import operator
import os
from collections.abc import Iterable
from typing import Any, TypeVar

Kind = TypeVar("Kind")


def as_number(value: Any, name: str) -> float:
    """A real number, numpy's too, as a float; TypeError for anything else, text too.

    >>> as_number("0.1", "threshold")
    Traceback (most recent call last):
    TypeError: threshold must be a number, not str
    """
    try:
        if not isinstance(value, (str, bytes, bytearray)):  # which float would read
            return float(value)
    except OverflowError:
        raise ValueError(f"{name} must be a number that a float can hold, not one so large") from None
    except TypeError:
        pass
    raise TypeError(f"{name} must be a number, not {type(value).__name__}")


def as_whole(number: Any, name: str, least: int | None = None) -> int:
    """An integer of at least `least`; TypeError for another type, ValueError for less."""
    try:
        value = int(operator.index(number))  # of True as well, which numpy takes for no integer
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {type(number).__name__}") from None
    if least is not None and value < least:
        raise ValueError(f"{name} must be {least} or more, not {value}")
    return value


def as_text(value: Any, name: str) -> str:
    """A text, numpy's too, as a plain str; TypeError for anything else, ValueError for what UTF-8 cannot hold.

    >>> import numpy
    >>> as_text(numpy.str_("Ann"), "a label"), as_text("Ann", "a label")
    ('Ann', 'Ann')
    >>> as_text(3, "a label")
    Traceback (most recent call last):
    TypeError: a label must be a str, not int
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} must be text that UTF-8 can hold, not {value[:100]!r}: {error.reason}") from None
    return str.__str__(value)


def as_path(value: Any, name: str) -> str:
    """A path, as text or not, as text; TypeError for anything else, bytes too.

    >>> as_path(b"holiday.mp4", "path")
    Traceback (most recent call last):
    TypeError: path must be a str or a path, not bytes
    """
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a str or a path, not {type(text).__name__}")
    return text


def as_kind(value: Any, kind: type[Kind], name: str) -> Kind:
    """What is of one of the classes of this package; TypeError for anything else.

    >>> from faceprint import Clustering
    >>> as_kind(3, Clustering, "found")
    Traceback (most recent call last):
    TypeError: found must be a Clustering, not int
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, not {type(value).__name__}")
    return value


def one_of(names: Iterable[str]) -> str:
    """Names among which there is a choice, as a message says it.

    >>> one_of(["mean", "sum", "none"])
    "'mean', 'sum' or 'none'"
    """
    *others, last = map(repr, names)
    return f"{', '.join(others)} or {last}" if others else last
