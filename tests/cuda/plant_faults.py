"""Plants one fault after another into the kernels, and counts how many the tests on the CPU catch: all of them must be.

Called by ctest (cuda_faults) with the compiler, its options, and the objects of test_cuda_watched, of which one is
compiled again for each fault.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "cpp/src/cuda"


@dataclass(frozen=True)
class Fault:
    what: str
    file: str  # where it is planted
    unit: str  # the source that is compiled again
    test: str  # part of the name of the test that must fail
    right: str
    wrong: str
    cards: int = 1  # of which the second has no tensor cores


BARRIER = "__syncthreads();"

FAULTS = [
    Fault(
        "no barrier before the first chunk is multiplied", "tile.cuh", "nearest", "the_nearest",
        f"next_rows.store(tile.rows[0]);\n  {BARRIER}", "next_rows.store(tile.rows[0]);",
    ),
    Fault(
        "no barrier between writing a chunk and reading it", "tile.cuh", "nearest", "the_nearest",
        f"tile.queries[buffer ^ 1]);\n    next_rows.store(tile.rows[buffer ^ 1]);\n    {BARRIER}",
        "tile.queries[buffer ^ 1]);\n    next_rows.store(tile.rows[buffer ^ 1]);",
    ),
    Fault(
        "half of a warp's sums left out of a length", "unit.cuh", "unit", "unit_means",
        "int step = warp_size / 2; step > 0", "int step = warp_size / 4; step > 0",
    ),
    Fault(
        "one column too many", "tile.cuh", "distance", "distances_are",
        "first_column + column(i) < length_", "first_column + column(i) <= length_",
    ),
    Fault(
        "rows of a tile swapped", "tile.cuh", "distance", "distances_are",
        "rows_at_once * lane + j % rows_at_once", "rows_at_once * lane + (j + 1) % rows_at_once",
    ),
    Fault(
        "four numbers written where fewer rows are left", "distance.cuh", "distance", "distances_are",
        "row + 4 <= pairs.rows.rows", "row <= pairs.rows.rows",
    ),
    Fault(
        "a list one tile longer than its memory", "nearest.cuh", "nearest", "long_lists",
        "const int most = lists.capacity - Shape::rows", "const int most = lists.capacity",
    ),
    Fault(
        "places in a list taken without an atomic operation", "nearest.cuh", "nearest", "the_nearest",
        "atomicAdd(&shared->counts[query], 1)", "shared->counts[query]++",
    ),
    Fault(
        "half of the error of tensor cores", "tensor.cuh", "nearest", "mistake_their_order",
        "return 0x1.004p-10f", "return 0x1.004p-11f",
    ),
    Fault(
        "bits that tensor cores cut off", "tile.cuh", "nearest", "mistake_their_order",
        "number = to_tf32(number)", "number = number + 0",
    ),
    Fault(
        "numbers of a fragment swapped", "tile.cuh", "nearest", "near_duplicates",
        "tile.rows[buffer][depth + 4 * half]", "tile.rows[buffer][depth + 4 - 4 * half]",
    ),
    Fault(
        "bounds in place of keys", "nearest.cuh", "nearest", "near_duplicates",
        "list[i] = entry_of(range.clamp(key), number);", "",
    ),
    Fault(
        "tensor cores of a card that has none", "nearest.cu", "nearest", "many_rows",
        " && current_card_has_tf32() &&", " &&", cards=2,
    ),
    Fault(
        "keys that are computed while others sort them", "nearest.cuh", "nearest", "long_lists",
        f"computed[query] = least(count, lists.k);\n  }}\n  {BARRIER}", "computed[query] = least(count, lists.k);\n  }",
    ),
    Fault(
        "lanes of a warp that sort without waiting for each other", "sort.cuh", "nearest", "the_nearest",
        "__syncwarp();", "",
    ),
    Fault(
        "a block that sorts without barriers", "sort.cuh", "within", "all_within",
        f"meet() {{ {BARRIER} }}", "meet() {}",
    ),
    Fault(
        "hits counted without an atomic operation", "within.cuh", "within", "all_within",
        "atomicAdd(&hits.counts[query], Count{1})", "hits.counts[query]++",
    ),
    Fault(
        "a tile overwritten while it is multiplied", "within.cuh", "within", "all_within",
        f"    }}\n    {BARRIER}\n  }}\n}}", "    }\n  }\n}",
    ),
    Fault(
        "pairs counted without an atomic operation", "count_pairs.cuh", "count_pairs", "counts_of_pairs",
        "atomicAdd(&own_counts[bin - first_own_bin], 1u)", "++own_counts[bin - first_own_bin]",
    ),
    Fault(
        "counts of blocks added without an atomic operation", "count_pairs.cuh", "count_pairs", "counts_of_pairs",
        "atomicAdd(&bins.counts[first_own_bin + bin], Count{own_counts[bin]})",
        "bins.counts[first_own_bin + bin] += own_counts[bin]",
    ),
    Fault(
        "counts handed on before all are in", "count_pairs.cuh", "count_pairs", "counts_of_pairs",
        f"    }}\n    {BARRIER}\n  }}\n  for", "    }\n  }\n  for",
    ),
    Fault(
        "a row counted with itself", "count_pairs.cuh", "count_pairs", "counts_of_pairs",
        "behind + row <= query", "behind + row < query",
    ),
    Fault(
        "tiles left out that have some of the pairs", "count_pairs.cuh", "count_pairs", "counts_of_pairs",
        "behind + Shape::rows <= 1", "behind <= 1",
    ),
    Fault(
        "a place in a bin's neighbour", "count_pairs.cuh", "count_pairs", "counts_of_pairs",
        "number * bin_places + (pattern", "number * bin_places + 1 + (pattern",
    ),
    Fault(
        "a search that does not wait for the gallery", "gallery.cu", "gallery", "the_nearest",
        "stream->wait();", "{}",
    ),
    Fault(
        "a warp's mask without its upper half", "block.cuh", "mine", "triplets",
        "__shfl_xor_sync(whole_warp, entry, step)", "__shfl_xor_sync(0xffff, entry, step)",
    ),
    Fault(
        "a reduction that ends a step early", "block.cuh", "mine", "triplets",
        "step > 0; step /= 2", "step > 1; step /= 2",
    ),
    Fault(
        "a prefix sum that takes in a lane too few", "block.cuh", "loss", "triplets",
        "if (lane >= step) sum += other", "if (lane > step) sum += other",
    ),
    Fault(
        "the bests of warps read before they are written", "mine.cuh", "mine", "triplets",
        f"bests[thread / warp_size] = best;\n  {BARRIER}", "bests[thread / warp_size] = best;",
    ),
    Fault(
        "a barrier that some threads do not reach", "mine.cuh", "mine", "triplets",
        f"bests[thread / warp_size] = best;\n  {BARRIER}",
        f"bests[thread / warp_size] = best;\n  if (thread < 100) {BARRIER}",
    ),
    Fault(
        "negatives counted without an atomic operation", "batch_all.cuh", "loss", "triplets",
        "atomicAdd(&below[bin], 1U)", "++below[bin]",
    ),
    Fault(
        "one link of a chain too many", "batch_all.cuh", "loss", "triplets",
        "const bool there = link + l < end && number < depth;", "const bool there = link + l <= end && number < depth;",
    ),
    Fault(
        "the end of a node's edges read while it changes", "edges.cuh", "edges", "edges",
        "stop = *end;\n      __syncthreads();", "stop = *end;",
    ),
    Fault(
        "a sum that begins with what nobody has written", "edges.cuh", "edges", "edges",
        "sums[0] = 1;", "",
    ),
    Fault(
        "shuffles in only some lanes", "edges.cuh", "edges", "edges",
        "WholeOverlap overlap;\n      for", "WholeOverlap overlap;\n      if (lane < 4) for",
    ),
    Fault(
        "a thread for a pixel that is not there", "chip.cuh", "chip", "chips",
        "if (pixel >= format.height * format.width) return;\n  const auto v", "const auto v",
    ),
]  # fmt: skip


def build(arguments: argparse.Namespace, overlay: Path, fault: Fault) -> Path:
    """The test with one object of the overlay's sources; linked without options, for the watch is ours, not TSan's."""
    source, unit, test = overlay / "cuda" / f"{fault.unit}.cu", overlay / "unit.o", overlay / "test"
    folders = [ROOT / "tests/cuda/emulated", overlay, ROOT / "cpp/src", ROOT / "cpp/include"]
    includes = [f"-I{folder}" for folder in folders]
    others = [item for item in arguments.objects if not item.endswith(f"/cuda/{fault.unit}.cu.o")]
    if len(others) != len(arguments.objects) - 1:
        raise SystemExit(f"among the objects there must be one of {fault.unit}.cu")
    compiled = [arguments.compiler, *arguments.options.split(), *includes, "-xc++", "-c", source, "-o", unit]
    subprocess.run(compiled, check=True)
    rpaths = [f"-Wl,-rpath,{Path(item).parent}" for item in others if item.endswith(".so")]
    subprocess.run([arguments.compiler, unit, *others, "-pthread", *rpaths, "-o", test], check=True)
    return test


def catches(arguments: argparse.Namespace, fault: Fault) -> tuple[bool, str]:
    """Whether the test fails with the fault, and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        overlay = Path(folder)
        shutil.copytree(SOURCES, overlay / "cuda")
        planted = overlay / "cuda" / fault.file
        text = planted.read_text()
        if text.count(fault.right) != 1:
            raise SystemExit(f"{fault.file} must have one place for the fault: {fault.what}")
        planted.write_text(text.replace(fault.right, fault.wrong))
        test = build(arguments, overlay, fault)
        cards = {"FACEPRINT_EMULATED_CARDS": str(fault.cards)}
        done = subprocess.run([test, fault.test], capture_output=True, text=True, timeout=300, env=os.environ | cards)
        crashed = done.returncode < 0  # by a signal, as where memory beyond a buffer is touched
        return crashed or (done.returncode != 0 and done.stderr != ""), (
            done.stderr or f"status {done.returncode}"
        ).splitlines()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--options", required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("objects", nargs="+")
    arguments = parser.parse_args()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(lambda fault: catches(arguments, fault), FAULTS))
    for fault, (caught, said) in zip(FAULTS, results, strict=True):
        print(f"{'caught' if caught else 'MISSED'}: {fault.what}\n    {said}")
    print(f"{sum(caught for caught, _ in results)} of {len(FAULTS)} faults are caught")
    raise SystemExit(not all(caught for caught, _ in results))


if __name__ == "__main__":
    main()
