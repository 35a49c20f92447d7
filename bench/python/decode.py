"""How many JPEG photographs a second one thread decodes: `read_photo` by Pillow and by simplejpeg, beside OpenCV.

    python bench/python/decode.py [--rounds 15] [--out bench/results/decode]

The photographs, of 2 and 12 megapixels, are made here: noise of every scale, as strong at each as in photographs, saved
at quality 90 with halved colours. Each is decoded whole and at half its width and height. In every round each decoder
takes its turn, beginning with another one each time; the median of the rounds counts. A decoder that is not installed
is left out and named.
"""

import argparse
import importlib.metadata
import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # the other benchmarks' modules

import machine
from faceprint import decode, read_photo

SIZES = {"2 megapixels": (1632, 1224), "12 megapixels": (4000, 3000)}
SECONDS = 0.25  # how long a decoder is busy in a round
Decoder = Callable[[bytes, int], object]


def make_photo(width: int, height: int) -> bytes:
    """A JPEG whose detail is spread over all scales."""
    random = np.random.default_rng(0)
    total = np.zeros((height, width, 3), np.float32)
    for level in range(9):
        size = (max(width >> level, 1), max(height >> level, 1))
        noise = random.normal(0, 6 * 1.5**level, (size[1], size[0], 3)).astype(np.float32)
        for channel in range(3):
            layer = Image.fromarray(noise[:, :, channel] + noise[:, :, 0])  # colours vary less than brightness
            total[:, :, channel] += np.asarray(layer.resize((width, height), Image.Resampling.BICUBIC))
    content = io.BytesIO()
    Image.fromarray((total + 128).clip(0, 255).astype(np.uint8)).save(content, "JPEG", quality=90, subsampling=2)
    return content.getvalue()


def decoders() -> tuple[dict[str, Decoder], dict[str, str], list[str]]:
    """The decoders that are installed, their versions, and the names of those that are not."""
    found: dict[str, Decoder] = {"Pillow": _read_by(None)}
    versions, missing = {"Pillow": importlib.metadata.version("pillow")}, []
    if decode.simplejpeg is None:
        missing.append("simplejpeg")
    else:
        found["simplejpeg"] = _read_by(decode.simplejpeg)
        versions["simplejpeg"] = importlib.metadata.version("simplejpeg")
    try:
        import cv2
    except ImportError:
        missing.append("OpenCV")
    else:
        cv2.setNumThreads(1)
        modes = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2}

        def read_by_opencv(content: bytes, reduction: int) -> object:
            pixels = cv2.imdecode(np.frombuffer(content, np.uint8), modes[reduction])
            return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)

        found["OpenCV"], versions["OpenCV"] = read_by_opencv, cv2.__version__
    return found, versions, missing


def _read_by(module: object) -> Decoder:
    def read(content: bytes, reduction: int) -> object:
        decode.simplejpeg = module  # None leaves it to Pillow
        width, height = Image.open(io.BytesIO(content)).size
        return read_photo(content, least=min(width, height) // reduction)

    return read


def measure(contestants: dict[str, Decoder], content: bytes, reduction: int, rounds: int) -> dict[str, list[float]]:
    """Photographs a second of each decoder in each round."""
    names = list(contestants)
    rates: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        contestants[name](content, reduction)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            start, done = time.perf_counter(), 0
            while time.perf_counter() - start < SECONDS:
                contestants[name](content, reduction)
                done += 1
            rates[name].append(done / (time.perf_counter() - start))
    return rates


def main() -> None:
    """Measure, print, and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, help="where to write .json, without the suffix")
    arguments = parser.parse_args()
    contestants, versions, missing = decoders()
    results, load = [], round(os.getloadavg()[0], 1)
    for name, (width, height) in SIZES.items():
        content = make_photo(width, height)
        for reduction in (1, 2):
            rates = measure(contestants, content, reduction, arguments.rounds)
            medians = {decoder: round(median(values), 1) for decoder, values in rates.items()}
            spread = {decoder: [round(min(values), 1), round(max(values), 1)] for decoder, values in rates.items()}
            photo = {"photo": name, "width": width, "height": height, "bytes": len(content), "reduction": reduction}
            results.append({**photo, "photos_per_second": medians, "least_and_most": spread})
            print(json.dumps(results[-1]), flush=True)
    answer = {
        "machine": machine.describe(),
        "load_before_and_after": [load, round(os.getloadavg()[0], 1)],
        "versions": versions,
        "not_installed": missing,
        "rounds": arguments.rounds,
        "results": results,
    }
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(answer, indent=2) + "\n")


if __name__ == "__main__":
    main()
