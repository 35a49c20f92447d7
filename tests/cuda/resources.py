"""What each kernel takes of a card, by ptxas and cuobjdump: tests/cuda/resources.csv, made again and compared.

For each kernel and architecture: registers, bytes of stack and of spilled registers, bytes of shared memory that do not
depend on the launch; how many warps fit a multiprocessor, as a share of those that it can hold, in blocks of as many
threads as the kernel is bound to, or 256; and how many instructions read so many bits of memory at once.

Figures: NVIDIA, "CUDA C++ Programming Guide" 13.0, table of technical specifications per compute capability.
"""

import argparse
import csv
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_suffix(".csv")
SOURCES = Path(__file__).parents[2] / "cpp/src/cuda"
VERSIONS = {"nvcc": "13.0.88", "cuobjdump": "13.2.86"}
SKIPPED = 77  # to ctest
REGISTERS = 65_536  # of a multiprocessor
REGISTERS_AT_ONCE = 256  # that a warp is given
RESERVED = 1024  # bytes of shared memory of each block, from compute capability 8.0 on
WIDTHS = (8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Multiprocessor:
    warps: int
    blocks: int
    shared: int  # KiB


MULTIPROCESSORS = {
    75: Multiprocessor(32, 16, 64),
    80: Multiprocessor(64, 32, 164),
    86: Multiprocessor(48, 16, 100),
    89: Multiprocessor(48, 24, 100),
    90: Multiprocessor(64, 32, 228),
    100: Multiprocessor(64, 32, 228),
    120: Multiprocessor(48, 24, 100),
}


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True)


def demangled(names: list[str]) -> list[str]:
    listed = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout
    return [re.sub(r"^void |faceprint::|cuda::|\(.*", "", name) for name in listed.splitlines()]


def occupancy(architecture: int, registers: int, shared: int, threads: int) -> int:
    """Percent of the warps that a multiprocessor can hold."""
    card, warps = MULTIPROCESSORS[architecture], (threads + 31) // 32
    per_warp = -(-32 * registers // REGISTERS_AT_ONCE) * REGISTERS_AT_ONCE
    by_registers = REGISTERS // per_warp // warps
    of_block = shared + (RESERVED if architecture >= 80 else 0)
    by_shared = card.shared * 1024 // of_block if of_block else card.blocks
    return 100 * warps * min(card.blocks, card.warps // warps, by_registers, by_shared) // card.warps


def used(log: str) -> dict[tuple[str, int], list[int]]:
    """By mangled name and architecture: registers, stack, spill stores, spill loads and shared bytes."""
    found = {}
    for part in log.split("Compiling entry function ")[1:]:
        name, architecture = re.match(r"'(\w+)' for 'sm_(\d+)'", part).groups()
        frame = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", part)
        registers = re.search(r"Used (\d+) registers", part)[1]
        shared = re.search(r"(\d+) bytes smem", part)
        numbers = [registers, *frame.groups(), shared[1] if shared else "0"]
        found[name, int(architecture)] = [int(number) for number in numbers]
    return found


def widths(listing: str) -> dict[tuple[str, int], Counter[str]]:
    """How many instructions read global and shared memory by how many bits."""
    found = {}
    for part in re.split(r"(?=code for sm_)", listing)[1:]:
        architecture = int(re.match(r"code for sm_(\d+)", part)[1])
        for function in part.split("Function : ")[1:]:
            counts: Counter[str] = Counter()
            for space, modifiers in re.findall(r"\bLD([GS])(?:\.(\S+))? ", function):
                bits = next((width for width in WIDTHS[::-1] if re.search(rf"\b[US]?{width}\b", modifiers)), 32)
                counts[f"{space}{bits}"] += 1
            found[function.split()[0], architecture] = counts
    return found


def bounds(ptx: str) -> dict[str, int]:
    """How many threads a block of each kernel is bound to."""
    heads = re.findall(r"\.entry (\w+)\([^)]*\)([^{]*)", ptx)
    return {name: int(match[1]) for name, head in heads if (match := re.search(r"\.maxntid (\d+)", head))}


def rows_of(source: Path, arguments: argparse.Namespace) -> list[list[object]]:
    root = SOURCES.parent
    options = ["-std=c++20", *arguments.options.split(), f"-I{root}", f"-I{root.parent / 'include'}"]
    each = [f"-gencode=arch=compute_{number},code=sm_{number}" for number in arguments.architectures]
    each.append("-gencode=arch=compute_75,code=compute_75")
    with tempfile.TemporaryDirectory() as folder:
        fat = Path(folder, "kernels.fatbin")
        log = run(arguments.nvcc, *options, *each, "-fatbin", "-Xptxas=-v", "-o", fat, source).stderr
        loads = widths(run(arguments.cuobjdump, "-sass", fat).stdout)
        threads = bounds(run(arguments.cuobjdump, "-ptx", fat).stdout)
    taken = used(log)
    rows: list[list[object]] = []
    for (name, architecture), short in zip(taken, demangled([name for name, _ in taken]), strict=True):
        numbers, block = taken[name, architecture], threads.get(name, 256)
        share = occupancy(architecture, numbers[0], numbers[-1], block)
        counted = [loads[name, architecture][f"{space}{bits}"] for space in "GS" for bits in WIDTHS]
        rows.append([short, architecture, block, *numbers, share, *counted])
    return rows


def as_text(rows: list[list[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def kept(architectures: list[int]) -> str:
    """What the table has of some architectures."""
    heads, *rows = csv.reader(io.StringIO(TABLE.read_text()))
    return as_text([heads, *(row for row in rows if int(row[1]) in architectures)])


def table_of(arguments: argparse.Namespace) -> str:
    sources = [source for source in sorted(SOURCES.glob("*.cu")) if "launch(" in source.read_text()]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        parts = list(pool.map(lambda source: rows_of(source, arguments), sources))
    heads = ["kernel", "sm", "threads", "registers", "stack", "spill_stores", "spill_loads", "shared", "occupancy"]
    heads += [f"{space}_{bits}" for space in ("global", "shared") for bits in WIDTHS]
    return as_text([heads, *sorted((row for part in parts for row in part), key=lambda row: (str(row[0]), row[1]))])


def check_versions(arguments: argparse.Namespace) -> None:
    for tool, version in VERSIONS.items():
        path = getattr(arguments, tool)
        if not path.exists() or f"V{version}" not in run(path, "--version").stdout:
            print(f"skipped: needs {tool} {version}, as PyPI's nvidia-cuda-{tool} has it, not {path}")
            raise SystemExit(SKIPPED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nvcc", type=Path, required=True)
    parser.add_argument("--cuobjdump", type=Path, help="if not named, the one on the PATH")
    parser.add_argument("--options", default="")
    parser.add_argument("--architectures", type=int, nargs="+", choices=MULTIPROCESSORS, default=list(MULTIPROCESSORS))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="the table, of all architectures, instead of comparing it")
    arguments = parser.parse_args()
    if arguments.write and set(arguments.architectures) != set(MULTIPROCESSORS):
        parser.error("--write needs all architectures")
    arguments.cuobjdump = arguments.cuobjdump or Path(shutil.which("cuobjdump") or "cuobjdump")
    check_versions(arguments)
    table = table_of(arguments)
    if arguments.write:
        TABLE.write_text(table)
    spilled = [row["kernel"] for row in csv.DictReader(io.StringIO(table)) if row["spill_loads"] != "0"]
    if spilled:
        sys.exit(f"these kernels spill registers: {', '.join(sorted(set(spilled)))}")
    if kept(arguments.architectures) != table:
        Path("resources.csv").write_text(table)
        sys.exit(f"{TABLE} differs from {Path('resources.csv').absolute()}: run {Path(__file__).name} with --write")


if __name__ == "__main__":
    main()
