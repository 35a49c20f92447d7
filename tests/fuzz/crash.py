"""Kills a process that changes a gallery, at random moments, and looks at what is left.

    python tests/fuzz/crash.py --times 200 [--seed N]

Each time, the gallery must open and hold exactly what was stored before the call that was cut off, or what was stored
with it. What goes wrong is printed with the seed, and ends the run with 1.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from faceprint import Gallery

DIMENSION = 32
LONGEST = 0.25  # seconds from the first change to the kill

Held = dict[int, str]  # labels by id


def row(face: int) -> np.ndarray:
    """The embedding that a face has."""
    return np.random.default_rng(face).standard_normal(DIMENSION).astype(np.float32)


def change_for_ever(path: Path, seed: int) -> None:
    """Change the gallery until killed, and tell of each change before it is made and when it is stored."""
    chance = random.Random(seed)
    with Gallery(path) as gallery:
        while True:
            what = chance.choice(["add", "add", "remove", "compact"])
            ids = gallery.ids
            if what == "add":
                first = int(gallery._held.state.next_id)
                faces = range(first, first + chance.choice([1, 3, 50, 1500]))
                print("begin add", faces.start, faces.stop, flush=True)
                gallery.add(np.stack([row(face) for face in faces]), labels=[f"person {face % 9}" for face in faces])
            elif what == "remove" and len(ids):
                gone = [int(face) for face in chance.sample(list(ids), chance.randint(1, len(ids)))]
                print("begin remove", *gone, flush=True)
                gallery.remove(ids=gone)
            elif what == "compact":
                print("begin compact", flush=True)
                gallery.compact()
            print("done", flush=True)


def after(held: Held, line: str) -> Held:
    """What a gallery holds when a change that was told of has been made."""
    _, what, *numbers = line.split()
    if what == "add":
        return held | {face: f"person {face % 9}" for face in range(int(numbers[0]), int(numbers[1]))}
    return {face: label for face, label in held.items() if str(face) not in set(numbers)}


def look(path: Path, allowed: tuple[Held, ...]) -> Held:
    """Open a gallery, and return what it holds, which must be allowed."""
    with Gallery(path) as gallery:
        found = dict(zip(gallery.ids.tolist(), gallery.labels.tolist(), strict=True))
        if found not in allowed:
            raise AssertionError(f"the gallery held {len(found)} faces, not those {[len(held) for held in allowed]}")
        for face, embedding in zip(found, gallery.embeddings(), strict=True):
            np.testing.assert_array_equal(embedding, row(face))
    return found


def kill_once(path: Path, held: Held, seed: int) -> Held:
    """Let a process change the gallery, kill it, and return what the gallery holds then."""
    command = [sys.executable, __file__, "--change", str(path), "--seed", str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline()]
        time.sleep(random.Random(seed).uniform(0, LONGEST))
        process.kill()
        told += process.stdout.read().splitlines()
    before = with_it = held
    for line in told:
        if line.startswith("begin"):
            before, with_it = with_it, after(with_it, line)
        elif line.startswith("done"):
            before = with_it
    return look(path, (before, with_it))


def main() -> None:
    """Kill as often as is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--change", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.change:
        change_for_ever(arguments.change, arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        held: Held = {}
        for seed in range(arguments.seed, arguments.seed + arguments.times):
            try:
                held = kill_once(Path(folder) / "gallery", held, seed)
            except Exception as error:
                raise SystemExit(f"seed {seed}: {type(error).__name__}: {error}") from error
    print(f"{arguments.times} times, and nothing was lost")


if __name__ == "__main__":
    main()
