"""Photographs a second: every stage of the way from a file to embeddings alone, all of them together, and the memory.

    python bench/python/photos.py LFW [--photos 1000] [--large 200] [--many 10000] [--dlib MODELS] [--out NAME]

LFW holds `images/NAME/NAME_0001.jpg`; photographs are taken evenly from all of it. The large photographs, 4000 x 3000
pixels, are made here: the portraits of the demo on textured canvases. Stages are timed one photograph at a time;
`one by one` is `model.faces(photo)`, `together` is `model.faces(photos)`. Detectors of others run on some of the same
decoded photographs where they are installed: facenet-pytorch's MTCNN, and insightface with `--insightface
det_10g.onnx`; and with `--dlib MODELS`, the models folder of face_recognition_models, dlib's whole way on some of the
files, as face_recognition goes it.
"""

import argparse
import itertools
import json
import resource
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from lfw import embed_with_dlib
from PIL import Image

import faceprint as fp
from faceprint.demo import PHOTOS
from faceprint.detector import Detections
from faceprint.model import Model
from faceprint.photo import Pixels

sys.path.insert(0, str(Path(__file__).parents[1]))
from machine import available_cpus, describe

WIDTH, HEIGHT = 4000, 3000
CHECKPOINTS = 10  # how often the memory is looked at
SOME = 20  # times fewer photographs than ours go to others
Detect = Callable[[Pixels], Any]


def spread(folder: Path, count: int) -> list[Path]:
    """Take `count` photographs evenly from a folder."""
    every = sorted((folder / "images").glob("*/*.jpg"))
    return [every[at] for at in np.linspace(0, len(every) - 1, min(count, len(every))).astype(int)]


def make_large(folder: Path, count: int) -> list[Path]:
    """Write photographs of 12 megapixels: two to five portraits each, 300 to 1200 pixels wide, on clouds and grain."""
    rng = np.random.default_rng(0)
    portraits = [Image.open(photo).convert("RGB") for photo in sorted(PHOTOS.glob("*.*g"))]
    grain = rng.integers(-12, 13, (HEIGHT, WIDTH, 1), np.int16)
    paths = []
    for number in range(count):
        clouds = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8)).resize((WIDTH, HEIGHT))
        canvas = Image.fromarray((np.asarray(clouds) + grain).clip(0, 255).astype(np.uint8))
        for at in rng.permutation(len(portraits))[: rng.integers(2, 6)]:
            width = int(rng.integers(300, 1200))
            portrait = portraits[at].resize((width, width * portraits[at].height // portraits[at].width))
            canvas.paste(portrait, (int(rng.integers(0, WIDTH - width)), int(rng.integers(0, HEIGHT - 300))))
        paths.append(folder / f"{number:04}.jpg")
        canvas.save(paths[-1], quality=90)
    return paths


def time_stages(model: Model, photos: Sequence[Path]) -> dict[str, float]:
    """Seconds that each stage takes for all photographs, in the order in which a photograph goes through them."""
    seconds: dict[str, float] = defaultdict(float)

    def timed(stage: str, work: Callable[..., Any], *given: Any) -> Any:
        start = perf_counter()
        result = work(*given)
        seconds[stage] += perf_counter() - start
        return result

    def cut(image: Pixels, found: Detections) -> Any:
        model.network.pictures(image, found)
        return model.network.inputs(image, found)

    for photo in photos:
        image = timed("decode", fp.read_photo, photo)
        found = timed("detect", model.detect, image)
        inputs = timed("chip", cut, image, found)
        timed("embed", model.network.embed_views, inputs)
    return dict(seconds)


def time_others(photos: Sequence[Path], others: dict[str, Detect], dlib_models: Path | None) -> dict[str, float]:
    """Seconds that detectors of others, and dlib's whole way, take for all photographs."""
    seconds: dict[str, float] = defaultdict(float)
    for image in map(fp.read_photo, photos):
        for name, detect in others.items():
            start = perf_counter()
            detect(image)
            seconds[f"detect, {name}"] += perf_counter() - start
    if dlib_models is not None:
        start = perf_counter()
        embed_with_dlib(list(photos), dlib_models)
        seconds[f"all, dlib {metadata.version('dlib-bin')}"] = perf_counter() - start
    return dict(seconds)


def time_all(model: Model, photos: Sequence[Path]) -> tuple[dict[str, float], int]:
    """Seconds for all photographs one by one and together, and how many faces there are."""
    start = perf_counter()
    for photo in photos:
        model.faces(photo)
    middle = perf_counter()
    faces = sum(map(len, model.faces(photos)))
    return {"one by one": middle - start, "together": perf_counter() - middle}, faces


def peak_memory(model: Model, photos: Sequence[Path], count: int) -> list[int]:
    """The peak of resident memory in MiB, after each tenth of `count` photographs."""
    peaks = []
    results = model.faces(itertools.islice(itertools.cycle(photos), count))
    for number, _ in enumerate(results, 1):
        if number % max(1, count // CHECKPOINTS) == 0:
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    return peaks


def other_detectors(insightface_file: Path | None) -> Iterator[tuple[str, Detect]]:
    """Detectors of others, as they come, on the CPU."""
    try:
        from facenet_pytorch import MTCNN
    except ImportError:
        print("facenet-pytorch is not installed")
    else:
        theirs = MTCNN(keep_all=True, device="cpu")
        yield f"facenet-pytorch {metadata.version('facenet-pytorch')}", lambda image: theirs.detect(image)
    if insightface_file is not None:
        from insightface.model_zoo import get_model

        scrfd = get_model(str(insightface_file), providers=["CPUExecutionProvider"])
        scrfd.prepare(ctx_id=-1, input_size=(640, 640))
        yield f"insightface {metadata.version('insightface')}", lambda image: scrfd.detect(image[:, :, ::-1])


def report(name: str, count: int, seconds: dict[str, float]) -> dict[str, Any]:
    """Print one line for each stage, and give what goes into the results."""
    for stage, spent in seconds.items():
        print(
            f"{name:14} {stage:28} {count / spent:8.1f} photographs a second {spent / count * 1e3:8.2f} ms", flush=True
        )
    return {stage: {"photos_a_second": round(count / spent, 2)} for stage, spent in seconds.items()}


def main() -> None:
    """Measure, print, and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--large", type=int, default=200)
    parser.add_argument("--many", type=int, default=10_000, help="photographs over which the memory is watched")
    parser.add_argument("--threads", type=int, default=available_cpus())
    parser.add_argument("--insightface", type=Path, help="a detector file of insightface")
    parser.add_argument("--dlib", type=Path, help="the folder of dlib's models: time its whole way too")
    parser.add_argument("--out", type=Path, help="where to write .json, without the suffix")
    arguments = parser.parse_args()
    model = fp.load(threads=arguments.threads)
    others = dict(other_detectors(arguments.insightface))
    small = spread(arguments.data, arguments.photos)
    list(model.faces(small[:1]))  # opens the networks that work on many
    results: dict[str, Any] = {"machine": describe(), "versions": fp.info()["versions"], "threads": arguments.threads}
    results["peak_mib"] = peak_memory(model, small, arguments.many)
    print(f"peak memory after each tenth of {arguments.many} photographs, MiB: {results['peak_mib']}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, photos in (("LFW", small), ("12 megapixels", make_large(Path(folder), arguments.large))):
            stages = time_stages(model, photos)
            whole, faces = time_all(model, photos)
            some = photos[::SOME]
            theirs = report(name, len(some), time_others(some, others, arguments.dlib))
            ours = report(name, len(photos), stages | whole)
            results[name] = {"photos": len(photos), "faces": faces, **ours, "others": {"photos": len(some), **theirs}}
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
