"""ONNX Runtime, in whichever flavour is installed: loaded at the first network, never at import."""

import hashlib
import math
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core
from .errors import DeviceError, NetworkError
from .expected import as_whole
from .files import read_named
from .onnxfile import check_onnx
from .photo import printable

if TYPE_CHECKING:
    from ._cuda import Array
    from .isolated import NetworkLimits


class Device(NamedTuple):
    """Where ONNX Runtime runs a network, and its name for the memory there."""

    provider: str
    memory: str


Shape: TypeAlias = tuple[int | None, ...]

FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}  # what a network may take and give
DEVICES = {"cpu": Device("CPUExecutionProvider", "cpu"), "cuda": Device("CUDAExecutionProvider", "cuda")}
LARGEST_FILE = 2 * 2**30  # protobuf's own limit
MOST_THREADS = 1024  # as in the core


_thread = threading.local()


def work_alone() -> None:
    """From now on, networks that the calling thread runs use no other thread: where many threads share the cores."""
    _thread.alone = True


class Session:
    """A loaded network: `inputs` and `outputs` map names to shapes, where a free dimension is None.

    `types` maps the names of both to ONNX Runtime's names of their types, `sha256` is that of the file. `open_alone`
    opens it once more, with one thread, for threads that `work_alone`; that is put off until one comes.
    """

    def __init__(self, session: Any, device: str, name: str, sha256: str, open_alone: Callable[[], Any]) -> None:
        self._session = session
        self.device = device
        self._name = name
        self._alone: Any = None
        self._open_alone = open_alone
        self._opening = threading.Lock()
        self.sha256 = sha256
        self.inputs: dict[str, Shape] = {node.name: _shape(node.shape) for node in session.get_inputs()}
        self.outputs: dict[str, Shape] = {node.name: _shape(node.shape) for node in session.get_outputs()}
        self.types: dict[str, str] = {node.name: node.type for node in (*session.get_inputs(), *session.get_outputs())}
        for node in session.get_inputs():
            if node.type not in FLOATS:
                raise NetworkError(f"{name} must take float32 or float16, but its input {node.name!r} is {node.type}")

    def run(
        self, inputs: Mapping[str, NDArray[np.float32]], outputs: Sequence[str] | None = None
    ) -> list[NDArray[np.float32]]:
        """Run the network and return the named `outputs`, or all in their order; NetworkError where it fails.

        Networks of float16 are fed and read as float32.
        """
        session = self._for_one_thread() if getattr(_thread, "alone", False) else self._session
        feed = {name: values.astype(FLOATS[self.types[name]], copy=False) for name, values in inputs.items()}
        try:
            found = session.run(outputs, feed)
        except Exception as error:  # ONNX Runtime's errors share no base but Exception
            raise NetworkError(f"{self._name} failed: {_first_line(error)}") from error
        return [np.asarray(values, np.float32) for values in found]

    def run_on_card(self, inputs: "Mapping[str, Array]", outputs: "Mapping[str, Array]", step: int) -> None:
        """Run the network, `step` images at a time, and fill the rows of the outputs, matrices (images, width).

        Inputs end in the three axes of an image. All lie on the first card, in the network's own types, and nothing
        goes by way of the host. Returns when all is done. Raises NetworkError where the network fails, or gives rows of
        another length.
        """
        images = next(iter(outputs.values())).shape[0]
        for first in range(0, images, step):
            count = min(step, images - first)
            binding = self._session.io_binding()
            try:
                for name, values in inputs.items():
                    self._bind(binding.bind_input, name, values, first, [count, *values.shape[-3:]])
                for name, rows in outputs.items():
                    known = [side for side in self.outputs[name][1:] if side is not None]
                    sides = known if len(known) + 1 == len(self.outputs[name]) else rows.shape[1:]
                    self._bind(binding.bind_output, name, rows, first, [count, *sides])
                self._session.run_with_iobinding(binding)
            except Exception as error:  # ONNX Runtime's errors share no base but Exception
                raise NetworkError(f"{self._name} failed: {_first_line(error)}") from error

    def _bind(self, bind: Callable[..., None], name: str, array: "Array", first: int, shape: Sequence[int]) -> None:
        """Name rows of an array to ONNX Runtime, as many as the shape says, from row `first` on."""
        element = np.dtype(array.dtype)
        address = array.__cuda_array_interface__["data"][0] + first * math.prod(shape[1:]) * element.itemsize
        bind(name, DEVICES[self.device].memory, 0, element.type, shape, address)

    def _for_one_thread(self) -> Any:
        with self._opening:
            if self._alone is None:
                self._alone = self._open_alone()
        return self._alone


def open_session(
    path: Path,
    *,
    device: str = "cpu",
    threads: int | None = None,
    sha256: str | None = None,
    untrusted: "bool | NetworkLimits" = False,
) -> Session:
    """Load a network from one self-contained .onnx file.

    `device` is "cpu" or "cuda" and is never replaced by another; `threads` of None or 0 takes as many as this process
    has CPUs. An `untrusted` network runs in a process of its own, on the CPU, within limits (`NetworkLimits()` where it
    is True). Raises DeviceError without ONNX Runtime, where the device cannot run, or an untrusted network cannot be
    limited; NetworkError where the file is missing, is not a network of float32 or float16 inputs, keeps numbers or has
    operators elsewhere (`check_onnx`), has another `sha256` than the one given, or goes beyond its limits.
    """
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(map(repr, DEVICES))}, not {device!r}")
    provider = DEVICES[device].provider
    threads, limits = as_threads(threads), as_network_limits(untrusted)
    if limits and device != "cpu":
        raise ValueError(f"device must be 'cpu' for an untrusted network, not {device!r}")
    runtime = import_runtime()
    name = f"network {printable(path)}"
    content = read_named(path, name, LARGEST_FILE, NetworkError)
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise NetworkError(f"{name} must have sha256 {sha256}, as its recipe says, not {found}")
    check_onnx(content, name)
    if device == "cuda" and hasattr(runtime, "preload_dlls"):
        runtime.preload_dlls()
    if device == "cuda" and provider not in runtime.get_available_providers():
        raise DeviceError(
            "device 'cuda' cannot run here: the installed onnxruntime has no CUDA; install faceprint[gpu] instead"
        )
    try:
        session = (
            _start_isolated(content, limits, threads) if limits else start_session(runtime, content, device, threads)
        )
    except DeviceError:
        raise
    except Exception as error:  # ONNX Runtime's errors share no base but Exception
        raise NetworkError(f"{name} is not a network that ONNX Runtime can load: {_first_line(error)}") from error
    if provider not in session.get_providers():  # ONNX Runtime falls back to the CPU with only a log line
        raise DeviceError(f"device {device!r} cannot run here: ONNX Runtime could not start it")
    if limits or device == "cuda" or threads == 1:
        return Session(session, device, name, found, lambda: session)
    return Session(session, device, name, found, partial(start_session, runtime, content, device, 1))


def as_threads(threads: int | None) -> int:
    """How many threads are asked for, 0 for as many as there are CPUs; TypeError or ValueError for what cannot be."""
    count = 0 if threads is None else as_whole(threads, "threads")
    if not 0 <= count <= MOST_THREADS:
        raise ValueError(f"threads must be 0 (all) to {MOST_THREADS}, not {count}")
    return count


def start_session(runtime: Any, content: bytes, device: str, threads: int) -> Any:
    """ONNX Runtime's own session, over the bytes of a network and nothing else."""
    options = runtime.SessionOptions()
    # ONNX Runtime's own choice heeds no limit of a container, and binds threads to cores
    options.intra_op_num_threads = threads or _core.default_threads()
    # Threads of one network that spin while another network works cost two cores more than half of their speed
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Not the runtime's own format, which it would recognise, and which nobody has checked
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.log_severity_level = 4  # what goes wrong arrives as an exception; nothing is printed
    return runtime.InferenceSession(content, options, providers=[DEVICES[device].provider])


def as_network_limits(untrusted: "bool | NetworkLimits") -> "NetworkLimits | None":
    """Within which limits a network is to run, None for one that is trusted; TypeError for what says neither."""
    if untrusted is False:
        return None
    from .isolated import NetworkLimits

    if untrusted is not True and not isinstance(untrusted, NetworkLimits):
        raise TypeError(f"untrusted must be True, False or a NetworkLimits, not {type(untrusted).__name__}")
    return NetworkLimits() if untrusted is True else untrusted


def _start_isolated(content: bytes, limits: "NetworkLimits", threads: int) -> Any:
    from .isolated import IsolatedSession

    return IsolatedSession(content, limits, threads)


def import_runtime() -> Any:
    """ONNX Runtime, which sends nothing; DeviceError where it is not installed.

    Microsoft's builds from 1.29 on do otherwise, and make files in the user's folders, unless this variable is set
    before they are imported; whoever imports ONNX Runtime earlier sets it. The call is for older builds for Windows.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise DeviceError(
            "networks need ONNX Runtime: pip install 'faceprint[cpu]', or 'faceprint[gpu]' for an NVIDIA card"
        ) from error
    onnxruntime.disable_telemetry_events()
    return onnxruntime


def _shape(shape: list[Any]) -> Shape:
    return tuple(size if isinstance(size, int) else None for size in shape)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
