"""What machine this is, and what its ceilings are: nothing that runs on it can be faster.

    python bench/machine.py [--threads N] [--rounds N]

The ceilings of arithmetic and of reading come from `bench/cpp/ceilings.cpp`, compiled on the spot with g++ (or what
CXX names); that of sgemm from numpy's own BLAS. Each is the best of several short rounds: a ceiling is a maximum.
"""

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import faceprint as fp

SOURCES = sorted((Path(__file__).parent / "cpp").glob("ceilings*.cpp"))
SGEMM_ROWS = 2048


def available_cpus() -> int:
    """How many CPUs this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe() -> dict[str, Any]:
    """Name the machine: processor, caches, memory, system, and what of faceprint runs on it."""
    return {
        "cpu": _cpu(),
        "cpus": available_cpus(),
        "caches": _caches(),
        "memory_bytes": _memory(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "faceprint": fp.__version__,
        "backend": fp.info()["backend"],
    }


def ceilings(threads: int, rounds: int = 25) -> dict[str, Any]:
    """Measure multiply-adds, int8 multiply-adds, bytes read and sgemm a second, by one thread and by `threads`."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "ceilings"
        compiler = os.environ.get("CXX", "g++")
        flags = ["-std=c++20", "-O3", "-pthread"]
        subprocess.run([compiler, *flags, *SOURCES, "-o", program], check=True)
        printed = subprocess.run([program, str(threads), str(rounds)], check=True, capture_output=True, text=True)
    return {**json.loads(printed.stdout), "sgemm": sgemm(threads, rounds)}


def sgemm(threads: int, rounds: int = 25) -> dict[str, Any]:
    """Measure numpy's matrix product; needs threadpoolctl to hold it to a number of threads and to name its kernel."""
    try:
        from threadpoolctl import threadpool_info, threadpool_limits
    except ImportError:
        return {"kernel": "unknown: threadpoolctl is not installed", "default": _sgemm(rounds)}
    found = {}
    for name, count in (("one", 1), ("all", threads)):
        with threadpool_limits(count, user_api="blas"):
            found[name] = _sgemm(rounds)
    blas = next((entry for entry in threadpool_info() if "numpy" in str(entry.get("filepath"))), None)
    words = [str(blas[key]) for key in ("internal_api", "version", "architecture") if key in blas] if blas else []
    return {**found, "kernel": " ".join(words) or "unknown"}


def _sgemm(rounds: int) -> float:
    a = np.random.default_rng(0).standard_normal((SGEMM_ROWS, SGEMM_ROWS), np.float32)
    out = np.empty_like(a)
    best = np.inf
    for _ in range(rounds):
        start = time.perf_counter()
        np.matmul(a, a, out=out)
        best = min(best, time.perf_counter() - start)
    return float(2 * SGEMM_ROWS**3 / best)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    if "model name" not in found:
        return platform.processor() or platform.machine()
    family = [f"{name} {found[name]}" for name in ("cpu family", "model", "stepping") if name in found]
    return f"{found['model name']} ({', '.join(family)})"


def _caches() -> dict[str, str]:
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        found[f"L{level} {kind.lower()}"] = size
    return found


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):
        return None


def main() -> None:
    """Print the machine and its ceilings as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=available_cpus())
    parser.add_argument("--rounds", type=int, default=25)
    arguments = parser.parse_args()
    print(json.dumps({**describe(), "ceilings": ceilings(arguments.threads, arguments.rounds)}, indent=2))


if __name__ == "__main__":
    main()
