"""Show what a cold `import faceprint` costs, and fail where it loads more than it should.

The time is printed beside that of an empty interpreter and of numpy, for machines differ; memory and modules decide.
"""

import statistics
import subprocess
import sys

ROUNDS = 7
LARGEST = 60 * 1024  # KiB
PROBE = """
import resource, sys
import {module}
heavy = sorted({{"numpy", "PIL", "onnxruntime", "click", "tqdm"}} & sys.modules.keys())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, *heavy)
"""


def main() -> None:
    """Measure, print, and exit with 1 where `import faceprint` is not light."""
    from time import perf_counter

    times: dict[str, list[float]] = {"sys": [], "numpy": [], "faceprint": []}
    seen = ""
    for _ in range(ROUNDS):
        for module, taken in times.items():
            start = perf_counter()
            found = subprocess.run(
                [sys.executable, "-c", PROBE.format(module=module)], check=True, capture_output=True, text=True
            )
            taken.append(perf_counter() - start)
            if module == "faceprint":
                seen = found.stdout
    for module, taken in times.items():
        print(f"import {module:10} {statistics.median(taken) * 1e3:6.1f} ms")
    memory, *heavy = seen.split()
    print(f"memory {int(memory) / 1024:.1f} MB, heavy modules loaded: {', '.join(heavy) or 'none'}")
    if int(memory) > LARGEST or heavy:
        sys.exit(1)


if __name__ == "__main__":
    main()
