"""ONNX Runtime, in whichever flavour is installed: loaded at the first network, never at import."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DeviceError, NetworkError
from .photo import printable

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
LARGEST_FILE = 2 * 2**30  # protobuf's own limit


class Session:
    """A loaded network: `inputs` and `outputs` map names to shapes, where a free dimension is None."""

    def __init__(self, session: Any, name: str) -> None:
        self._session = session
        self._name = name
        self.inputs = {node.name: _shape(node.shape) for node in session.get_inputs()}
        self.outputs = {node.name: _shape(node.shape) for node in session.get_outputs()}
        for node in session.get_inputs():
            if node.type != "tensor(float)":
                raise NetworkError(f"{name} must take float32, but its input {node.name!r} is {node.type}")

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Run the network and return its outputs in the order of `outputs`; NetworkError where it fails."""
        try:
            outputs: list[NDArray[np.float32]] = self._session.run(None, dict(inputs))
        except Exception as error:  # ONNX Runtime's errors share no base but Exception
            raise NetworkError(f"{self._name} failed: {_first_line(error)}") from error
        return outputs


def open_session(path: Path, *, device: str = "cpu", threads: int = 0, sha256: str | None = None) -> Session:
    """Load a network from one self-contained .onnx file.

    `device` is "cpu" or "cuda" and is never replaced by another; `threads` of 0 leaves the number to ONNX Runtime.
    Raises DeviceError without ONNX Runtime or where the device cannot run, NetworkError where the file is missing, is
    not a network of float32 inputs, or has another `sha256` than the one given.
    """
    if device not in PROVIDERS:
        raise ValueError(f"device must be one of {', '.join(map(repr, PROVIDERS))}, not {device!r}")
    if threads < 0:
        raise ValueError(f"threads must be 0 (ONNX Runtime decides) or more, not {threads}")
    runtime = _import_runtime()
    name = f"network {printable(path)}"
    content = _read(path, name)
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise NetworkError(f"{name} must have sha256 {sha256}, as its recipe says, not {found}")
    if device == "cuda" and hasattr(runtime, "preload_dlls"):
        runtime.preload_dlls()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads of one network that spin while another works cost more than half of the speed on two cores
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what goes wrong arrives as an exception; nothing is printed
    if device == "cuda" and PROVIDERS[device] not in runtime.get_available_providers():
        raise DeviceError(
            "device 'cuda' cannot run here: the installed onnxruntime has no CUDA; install faceprint[gpu] instead"
        )
    try:
        session = runtime.InferenceSession(content, options, providers=[PROVIDERS[device]])
    except Exception as error:  # ONNX Runtime's errors share no base but Exception
        raise NetworkError(f"{name} is not a network that ONNX Runtime can load: {_first_line(error)}") from error
    if PROVIDERS[device] not in session.get_providers():  # ONNX Runtime falls back to the CPU with only a log line
        raise DeviceError(f"device {device!r} cannot run here: ONNX Runtime could not start it")
    return Session(session, name)


def _import_runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise DeviceError(
            "networks need ONNX Runtime: pip install 'faceprint[cpu]', or 'faceprint[gpu]' for an NVIDIA card"
        ) from error
    return onnxruntime


def _read(path: Path, name: str) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise NetworkError(f"{name} has {path.stat().st_size} bytes; the limit is {LARGEST_FILE}")
        return path.read_bytes()
    except FileNotFoundError:
        raise NetworkError(f"{name} does not exist") from None
    except OSError as error:
        raise NetworkError(f"{name} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in the path
        raise NetworkError(f"{name} cannot be read: {error}") from error


def _shape(shape: list[Any]) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in shape)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
