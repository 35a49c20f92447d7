"""What a pickle holds, without pickle: nothing in the file can name code that is run.

Pickle is a little language whose programs call functions. Here only the operations are known that make lists, tuples,
dicts, texts, bytes, numbers and numpy arrays of floating-point numbers, as protocols 2 to 5 write them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pickletools import OpcodeInfo, genops
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FLOATS = ("f2", "f4", "f8")
AS_THEY_ARE = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}


class Name(NamedTuple):
    """What a file calls a function or class: compared here, never looked up."""

    module: str
    name: str


KNOWN = {
    Name("_codecs", "encode"),  # how protocol 2 writes bytes
    Name("numpy", "dtype"),
    Name("numpy", "ndarray"),
    *(Name(f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *(Name(f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}


@dataclass(slots=True, eq=False)
class Kind:
    """A floating-point type, whose byte `order` the file tells after its `code`."""

    code: str
    order: str = "="

    def numbers(self, content: bytes) -> NDArray[Any]:
        """The numbers that bytes are; ValueError for another type."""
        if self.code not in FLOATS or self.order not in ("<", ">", "="):
            raise ValueError(f"it holds numbers of type {self.order}{self.code}, which are not floating-point ones")
        return np.frombuffer(content, self.order + self.code)


@dataclass(slots=True, eq=False)
class Array:
    """A numpy array, whose `values` the file tells after there is one."""

    values: NDArray[Any] = field(default_factory=lambda: np.empty(0))


def read_pickle(content: bytes) -> Any:
    """Read the plain values that a pickle holds; ValueError where it holds anything else, or is no pickle.

    Arrays come as `Array`. It takes about a second for each million values outside arrays.

    >>> import pickle
    >>> read_pickle(pickle.dumps({"Ann": [np.float64([1, 2]), 0.5]}))
    {'Ann': [Array(values=array([1., 2.])), 0.5]}
    >>> read_pickle(pickle.dumps(print))
    Traceback (most recent call last):
    ValueError: it refers to builtins.print, which is no plain value
    """
    try:
        return _run(content)
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"it is no whole pickle: {error}") from error


def _run(content: bytes) -> Any:
    stack: list[Any] = []
    below: list[list[Any]] = []  # the stacks under each mark
    memo: dict[int, Any] = {}
    operations: Iterator[tuple[OpcodeInfo, Any, int | None]] = genops(content)
    for operation, argument, _ in operations:
        match operation.name:
            case "PROTO" | "FRAME":
                pass
            case name if name in AS_THEY_ARE:
                stack.append(argument)
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(operation.name == "NEWTRUE")
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                size = int(operation.name[-1])
                stack[-size:] = [tuple(stack[-size:])]
            case "MARK":
                below.append(stack)
                stack = []
            case "TUPLE":
                items, stack = stack, below.pop()
                stack.append(tuple(items))
            case "APPENDS":
                items, stack = stack, below.pop()
                stack[-1].extend(items)
            case "SETITEMS":
                items, stack = stack, below.pop()
                stack[-1].update(zip(items[::2], items[1::2], strict=True))
            case "APPEND":
                stack[-2].append(stack[-1])
                stack.pop()
            case "SETITEM":
                stack[-3][stack[-2]] = stack[-1]
                del stack[-2:]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_known(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                stack[-2:] = [_known(*stack[-2:])]
            case "REDUCE":
                stack[-2:] = [_call(*stack[-2:])]
            case "BUILD":
                _complete(stack[-2], stack.pop())
            case "STOP":
                return stack[-1]
            case name:
                raise ValueError(f"it uses the operation {name}, which plain values do not need")
    raise ValueError("it has no end")


def _known(module: str, name: str) -> Name:
    if (module, name) not in KNOWN:
        raise ValueError(f"it refers to {module}.{name}, which is no plain value")
    return Name(module, name)


def _call(function: Any, arguments: Any) -> Any:
    """What the functions make that pickles of arrays call."""
    match function, arguments:
        case Name(name="dtype"), (str(code), *_):
            return Kind(code)
        case Name(name="_reconstruct"), _:
            return Array()
        case Name(name="scalar"), (Kind() as kind, bytes(content)):
            return kind.numbers(content).item()
        case Name(name="_frombuffer"), (content, Kind() as kind, tuple(shape), str(order)):
            return Array(kind.numbers(content).reshape(shape, order="F" if order == "F" else "C"))
        case Name(name="encode"), (str(text), "latin1"):
            return text.encode("latin1")
    raise ValueError("it calls something in a way that makes no array")


def _complete(unfinished: Any, state: Any) -> None:
    match unfinished, state:
        case Kind(), (_, str(order), *_):
            unfinished.order = order
        case Array(), (_, tuple(shape), Kind() as kind, bool(by_columns), content):
            unfinished.values = kind.numbers(content).reshape(shape, order="F" if by_columns else "C")
        case _:
            raise ValueError("it completes something else than an array")
