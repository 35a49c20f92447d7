"""A network in a process of its own, with limits on memory and time: for files that come from strangers.

The process is given the bytes of the file, then inputs, and answers with numbers. Nothing that it sends is taken for
more than that: messages are JSON and raw arrays of a bounded length, and no pickle. It may write no file.
"""

import _thread
import json
import math
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import BuiltinFunctionType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import DeviceError, NetworkError
from .expected import as_number, as_whole

LARGEST_HEADER = 2**20
LARGEST_ARRAYS = 2**30  # bytes of one message's arrays together
LARGEST_ERROR = 500  # characters that are shown of what the process says
TYPES = ("float32", "float16", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
START = "import sys; sys.path[:] = {path!r}; from faceprint.isolated import serve; serve({descriptor}, {memory})"


@dataclass(frozen=True, slots=True)
class NetworkLimits:
    """What a network that comes from a stranger may take: bytes of `memory`, and `seconds` for each call.

    Memory is the address space of its process, ONNX Runtime's own some hundred megabytes among it. TypeError or
    ValueError unless it is an integer of 1 or more, and the seconds are a finite number above 0.

    >>> NetworkLimits(seconds=5).memory
    4294967296
    """

    memory: int = 4 * 2**30
    seconds: float = 60.0

    def __post_init__(self) -> None:
        as_whole(self.memory, "memory", 1)
        if not 0 < as_number(self.seconds, "seconds") < threading.TIMEOUT_MAX:
            raise ValueError(f"seconds must be above 0 and finite, not {self.seconds!r}")


class Port(NamedTuple):
    """An input or output, as ONNX Runtime's own sessions tell of one."""

    name: str
    shape: list[int | str | None]
    type: str


class IsolatedSession:
    """Takes the place of ONNX Runtime's own session. Calls come one at a time; a process that broke a limit is gone."""

    def __init__(self, content: bytes, limits: NetworkLimits, threads: int) -> None:
        _check_possible()
        self._limits = limits
        self._owner = os.getpid()
        self._turn = threading.Lock()
        self._connection, theirs = Pipe()
        start = START.format(path=sys.path, descriptor=theirs.fileno(), memory=limits.memory)
        self._process = subprocess.Popen(
            [sys.executable, "-c", start],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        theirs.close()
        self._end = weakref.finalize(self, _end, self._process, self._connection, self._owner)
        with self._call():
            self._send({"threads": threads}, [content])
            told = self._header()
            self._inputs, self._outputs = _ports(told, "inputs"), _ports(told, "outputs")

    def get_inputs(self) -> list[Port]:
        """What the network takes."""
        return self._inputs

    def get_outputs(self) -> list[Port]:
        """What it gives."""
        return self._outputs

    def get_providers(self) -> list[str]:
        """Where it runs."""
        return ["CPUExecutionProvider"]

    def run(self, outputs: Sequence[str] | None, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Run the network; NetworkError where it fails or takes more than it may."""
        asked = {
            "names": list(feed),
            "outputs": None if outputs is None else list(outputs),
            "arrays": [_described(values) for values in feed.values()],
        }
        with self._call():
            self._send(asked, [values.tobytes() for values in feed.values()])
            return receive_arrays(self._connection, self._header().get("arrays"))

    @contextmanager
    def _call(self) -> Iterator[None]:
        """A question and its answer, after which, or after too long, nothing is left half said."""
        if os.getpid() != self._owner:
            raise NetworkError("it was opened by another process: open an untrusted network after a fork")
        with self._turn:
            late = threading.Event()
            watch = threading.Timer(float(self._limits.seconds), self._stop, [late])
            watch.start()
            try:
                yield
            except NetworkError:  # said by the process, which goes on
                raise
            except BaseException as error:
                self._end()
                if late.is_set():
                    raise NetworkError(f"it took more than {self._limits.seconds:g} s") from None
                if isinstance(error, Exception):
                    raise NetworkError(self._ending(error)) from None
                raise
            finally:
                watch.cancel()

    def _stop(self, late: threading.Event) -> None:
        late.set()
        self._process.kill()

    def _ending(self, error: Exception) -> str:
        """What is known of it: a process that is refused memory may end without a word."""
        if isinstance(error, (OSError, EOFError)):
            return f"its process ended: it crashed, or took more than {self._limits.memory:,} bytes of memory"
        return f"its process answered with something else: {str(error)[:LARGEST_ERROR]}"

    def _send(self, header: dict[str, Any], parts: Sequence[bytes]) -> None:
        self._connection.send_bytes(json.dumps(header).encode())
        for part in parts:
            self._connection.send_bytes(part)

    def _header(self) -> dict[str, Any]:
        told = json.loads(self._connection.recv_bytes(LARGEST_HEADER))
        if not isinstance(told, dict):
            raise TypeError("no object")
        if "error" in told:
            raise NetworkError(str(told["error"])[:LARGEST_ERROR])
        return told


def _check_possible() -> None:
    """DeviceError where no such process can be started, or nothing would end its calls."""
    if os.name != "posix":
        raise DeviceError("untrusted networks need limits on a process, which this system does not have")
    if getattr(sys, "frozen", False) or not sys.executable:  # a frozen application would start itself, again and again
        raise DeviceError("untrusted networks need a Python to start, which frozen and embedding programs do not have")
    if not isinstance(_thread.get_ident, BuiltinFunctionType):  # none would run while a call waits
        raise DeviceError("untrusted networks need Python's own threads, which gevent or eventlet has replaced")


def _ports(told: dict[str, Any], which: str) -> list[Port]:
    ports = [Port(str(name), list(shape), str(kind)) for name, shape, kind in told[which]]
    if any(type(size) not in (int, str, type(None)) for port in ports for size in port.shape):
        raise TypeError("a shape of something else than numbers")
    return ports


def receive_arrays(connection: "Connection[Any, Any]", described: Any) -> list[NDArray[Any]]:
    """Arrays that were described and then sent; ValueError or TypeError where they are not what was described."""
    lengths = []
    for kind, shape in described:
        if kind not in TYPES or not all(type(size) is int and 0 <= size <= LARGEST_ARRAYS for size in shape):
            raise ValueError(f"an array of {kind!r} and shape {shape!r}")
        lengths.append(math.prod(shape) * np.dtype(kind).itemsize)
    if sum(lengths) > LARGEST_ARRAYS:
        raise ValueError(f"{sum(lengths):,} bytes; the limit is {LARGEST_ARRAYS:,}")
    arrays = []
    for (kind, shape), length in zip(described, lengths, strict=True):
        content = connection.recv_bytes(length)
        arrays.append(np.frombuffer(content, kind).reshape(shape))
    return arrays


def _described(array: NDArray[Any]) -> tuple[str, tuple[int, ...]]:
    if str(array.dtype) not in TYPES:
        raise ValueError(f"it gives {array.dtype}, not numbers")
    return str(array.dtype), array.shape


def _end(process: "subprocess.Popen[bytes]", connection: "Connection[Any, Any]", owner: int) -> None:
    connection.close()
    if os.getpid() == owner:  # and not a fork of it
        process.kill()
        process.wait()


def serve(descriptor: int, memory: int) -> None:
    """What the process does: answer until nobody asks any more."""
    from .runtime import import_runtime, start_session

    connection: Connection[Any, Any] = Connection(descriptor)
    runtime = import_runtime()
    _limit(memory)
    try:
        told = json.loads(connection.recv_bytes())
        session = start_session(runtime, connection.recv_bytes(), "cpu", told["threads"])
        ports = {"inputs": session.get_inputs(), "outputs": session.get_outputs()}
        answer = {which: [(port.name, port.shape, port.type) for port in found] for which, found in ports.items()}
        connection.send_bytes(json.dumps(answer).encode())
        while True:
            _answer(connection, session)
    except (EOFError, BrokenPipeError):
        return
    except Exception as error:
        connection.send_bytes(json.dumps({"error": _said(error)}).encode())


def _answer(connection: "Connection[Any, Any]", session: Any) -> None:
    asked = json.loads(connection.recv_bytes())
    feed = dict(zip(asked["names"], receive_arrays(connection, asked["arrays"]), strict=True))
    try:
        found = [np.asarray(values) for values in session.run(asked["outputs"], feed)]
        header = {"arrays": [_described(array) for array in found]}
    except Exception as error:
        connection.send_bytes(json.dumps({"error": _said(error)}).encode())
        return
    connection.send_bytes(json.dumps(header).encode())
    for array in found:
        connection.send_bytes(array.tobytes())


def _said(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).partition("\n")[0][:LARGEST_ERROR]


def _limit(memory: int) -> None:
    """From now on, no more memory than that, no file, and no picture of the memory after a crash."""
    import resource

    limits = {resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
    if sys.platform != "darwin":  # which refuses it: what every process has there is more already
        limits[resource.RLIMIT_AS] = memory
    for what, most in limits.items():
        resource.setrlimit(what, (most, most))
