"""The memory a call of ours takes beyond the gallery, the queries and its outputs, measured in a process of its own.

    python bench/memory.py many --rows 1000000 --depth 128 --threads 2

Linux only: the high-water mark of resident memory is reset before the call and read after it.
"""

import argparse
import ctypes
import gc
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from embeddings import embeddings, queries
from faceprint import _core

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
CALLS = ("many", "few", "one", "certified", "float16", "int8", "within", "self-join", "distances")
MATRIX_ROWS = 4096


def measure(call: str, rows: int, depth: int, threads: int) -> int | None:
    """Run one call in a new process and give its bytes, or None where this system cannot tell."""
    if not RESET.exists():
        return None
    words = [sys.executable, __file__, call, "--rows", str(rows), "--depth", str(depth), "--threads", str(threads)]
    printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return int(json.loads(printed)["extra_bytes"])


def extra_bytes(ask: Callable[[], Sequence[Any]]) -> int | None:
    """Call it here and give its high-water mark of memory beyond the arrays it returns; None where nobody can tell."""
    if not RESET.exists():
        return None
    _give_back()
    before = _resident("VmRSS")
    RESET.write_text("5")
    outputs = sum(output.nbytes for output in ask())
    return _resident("VmHWM") - before - outputs


def _resident(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def _give_back() -> None:
    """Hand the C library's free memory back to the system, or a call could use it unseen."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        gc.collect()
        trim(0)


def _prepare(call: str, rows: int, depth: int, threads: int) -> Callable[[], Sequence[Any]]:
    if call == "distances":
        x, y = embeddings(MATRIX_ROWS, depth, 0), embeddings(MATRIX_ROWS, depth, 1)
        return lambda: [_core.distances(x, y, None, threads)]
    x = embeddings(rows, depth)
    storage: Any = call if call in ("float16", "int8") else "float32"
    gallery = _core.Gallery(depth, storage)
    gallery.append(x)
    if call == "self-join":
        return lambda: _core.neighbours(gallery, 32, threads=threads)
    if call == "within":
        asked = queries(x, 1000)
        limit = 2 - 2.56 / depth**0.5  # a tenth of all pairs: random directions are 2 +- 2 / sqrt(depth) apart
        return lambda: _core.within(asked, gallery, limit, threads=threads)[:3]
    asked = queries(x, {"few": 32, "one": 1}.get(call, 1000))
    scan = "certified" if call == "certified" else "full" if storage == "float32" else "auto"
    return lambda: _core.nearest(asked, gallery, 10, scan=scan, threads=threads)[:2]  # type: ignore[arg-type]


def main() -> None:
    """Print what one call takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("call", choices=CALLS)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--depth", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    ask = _prepare(arguments.call, arguments.rows, arguments.depth, arguments.threads)
    print(json.dumps({"call": arguments.call, "extra_bytes": extra_bytes(ask)}))


if __name__ == "__main__":
    main()
