"""What an .onnx file asks of whoever runs it, read before ONNX Runtime sees it: operator domains, and other files.

The format is Protocol Buffers' wire format (protobuf.dev, "Encoding") of the messages of onnx.proto3. Only the fields
that lead to operators and tensors are followed, and each occurrence of them, however often it comes.
"""

from collections.abc import Iterator

from .errors import NetworkError

# ONNX's own, those that ONNX Runtime's builds bring along, and the empty name, which is the first of ONNX's
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"})
DEEPEST = 100  # messages within messages, protobuf's own limit
MOST_FIELDS = 5_000_000

# By the kind of message, the fields that hold another one, and of which kind.
INNER: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
DOMAIN = {"node": 7, "function": 10}
ELSEWHERE = (13, 14)  # of a tensor: external_data, data_location
SQLITE = b"SQLite format 3\0"  # how databases begin, galleries among them
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5


def check_onnx(content: bytes, name: str) -> None:
    """Raise NetworkError for what is no .onnx file, for operators of other domains, and for numbers kept elsewhere.

    A tensor may say that its numbers lie in another file, of any path, or in memory, at any address: whoever loads a
    network from bytes has neither. Operators may be of `DOMAINS` or of the file's own functions.
    """
    if content.startswith(SQLITE):
        raise NetworkError(f"{name} is not a network that ONNX Runtime can load: it is a database, as galleries are")
    walk = _Walk()
    try:
        walk.message(memoryview(content), "model", 0)
    except IndexError:
        raise NetworkError(f"{name} is not a network that ONNX Runtime can load: it ends too early") from None
    except ValueError as error:
        raise NetworkError(f"{name} is not a network that ONNX Runtime can load: {error}") from None
    if walk.elsewhere:
        raise NetworkError(f"{name} must hold all its numbers itself, but some are kept outside of it (external data)")
    unknown = sorted(walk.domains["node"] - DOMAINS - walk.domains["function"])
    if unknown:
        known = ", ".join(filter(None, sorted(DOMAINS)))
        raise NetworkError(f"{name} must use operators of the domains {known} only, not of {unknown[0][:100]!r}")


class _Walk:
    """One pass over a file, and what it has found."""

    def __init__(self) -> None:
        self.elsewhere = False
        self.domains: dict[str, set[str]] = {"node": set(), "function": set()}
        self._fields = 0

    def message(self, content: memoryview, kind: str, depth: int) -> None:
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")
        inner, domain = INNER[kind], ""
        for field, value in fields(content):
            self._fields += 1
            if self._fields > MOST_FIELDS:
                raise ValueError(f"it has more than {MOST_FIELDS:,} fields")
            if kind == "tensor" and field in ELSEWHERE and value != 0:
                self.elsewhere = True
            elif isinstance(value, memoryview) and field in inner:
                self.message(value, inner[field], depth + 1)
            elif isinstance(value, memoryview) and field == DOMAIN.get(kind):
                domain = bytes(value).decode("utf-8", "backslashreplace")
        if kind in self.domains:
            self.domains[kind].add(domain)


def fields(content: memoryview) -> Iterator[tuple[int, "int | memoryview"]]:
    """The fields of a message with their numbers: whole numbers, or bytes. ValueError or IndexError where it is none.

    >>> list(fields(memoryview(bytes([8, 150, 1]))))
    [(1, 150)]
    """
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        field, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(content, at)
            yield field, value
            continue
        length = {EIGHT_BYTES: 8, FOUR_BYTES: 4}.get(wire)
        if wire == BYTES:
            length, at = _varint(content, at)
        if length is None or not 1 <= field < 2**29:
            raise ValueError(f"it has a field {field} of wire type {wire}")
        if at + length > len(content):
            raise ValueError("it ends too early")
        yield field, content[at : at + length]
        at += length


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """The whole number at a place, of seven bits a byte and ten bytes at most, and the place behind it."""
    value = 0
    for byte in range(10):
        part = content[at + byte]
        value |= (part & 0x7F) << (7 * byte)
        if part < 0x80:
            return value, at + byte + 1
    raise ValueError("it has a number of more than ten bytes")
