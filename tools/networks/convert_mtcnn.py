"""Convert the three networks of MTCNN (Zhang et al. 2016) to ONNX.

The weights are pnet.pt, rnet.pt and onet.pt of the PyPI package facenet-pytorch, by Timothy Esler, MIT. With --check
the results are compared with the PyTorch modules of that package, and inputs and outputs are stored for the tests.
"""

import argparse
import hashlib
import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import numpy as np
import torch
from graph import Graph
from numpy.typing import NDArray
from package import member

REQUIREMENT = "facenet-pytorch==2.6.0"
SHA256 = {
    "pnet": "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
    "rnet": "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
    "onet": "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
}
ROOT = Path(__file__).parents[2]
MODELS = ROOT / "python" / "faceprint" / "models"
REFERENCE = ROOT / "tests" / "data" / "mtcnn_reference.npz"

# Convolutions by name, and the size and stride of the pooling behind each
BODIES = {
    "pnet": {"conv1": (2, 2), "conv2": None, "conv3": None},
    "rnet": {"conv1": (3, 2), "conv2": (3, 2), "conv3": None},
    "onet": {"conv1": (3, 2), "conv2": (3, 2), "conv3": (2, 2), "conv4": None},
}
HIDDEN = {"rnet": "dense4", "onet": "dense5"}
HEADS = {
    "pnet": {"scores": "conv4_1", "regressions": "conv4_2"},
    "rnet": {"scores": "dense5_1", "regressions": "dense5_2"},
    "onet": {"scores": "dense6_1", "regressions": "dense6_2", "landmarks": "dense6_3"},
}
SIZES = {"pnet": None, "rnet": 24, "onet": 48}
Weights = dict[str, NDArray[np.float32]]


def build(name: str, weights: Weights, path: Path) -> None:
    """Write one network, from RGB crops [batch, 3, height, width] of (pixel - 127.5) / 128 to what it says of them.

    `scores` are softmaxed; `regressions` and `landmarks` (x1 ... x5, y1 ... y5) are shares of the box.
    """
    graph = Graph(f"mtcnn_{name}")
    zero = graph.weight(np.float32(0))

    def prelu(x: str, slope: NDArray[np.float32]) -> str:
        # x + min(x, 0) (slope - 1): ONNX Runtime has vector code for these three, and none for PRelu
        return graph.node("Add", x, graph.node("Mul", graph.node("Min", x, zero), graph.weight(slope - 1)))

    x = "images"
    for layer, (convolution, pooling) in enumerate(BODIES[name].items(), 1):
        kernel, bias = (graph.weight(weights[f"{convolution}.{part}"]) for part in ("weight", "bias"))
        x = prelu(graph.node("Conv", x, kernel, bias), weights[f"prelu{layer}.weight"].reshape(-1, 1, 1))
        if pooling:
            size, stride = pooling
            x = graph.node("MaxPool", x, kernel_shape=[size] * 2, strides=[stride] * 2, ceil_mode=1)
    if name in HIDDEN:  # the original walks columns before rows
        x = graph.node("Flatten", graph.node("Transpose", x, perm=[0, 3, 2, 1]))
        parts = [weights[f"{HIDDEN[name]}.{part}"] for part in ("weight", "bias")]
        x = graph.node("Gemm", x, *map(graph.weight, parts), transB=1)
        x = prelu(x, weights[f"prelu{len(BODIES[name]) + 1}.weight"])
    for output, layer in HEADS[name].items():
        parts = [weights[f"{layer}.{part}"] for part in ("weight", "bias")]
        if output == "scores":  # the softmax of two is the sigmoid of their difference, and needs no transposing
            parts = [part - part[::-1] for part in parts]
        kind, attributes = ("Gemm", {"transB": 1}) if name in HIDDEN else ("Conv", {})
        last = None if output == "scores" else output
        head = graph.node(kind, x, *map(graph.weight, parts), output=last, **attributes)
        if output == "scores":
            graph.node("Sigmoid", head, output=output)
    size, channels = SIZES[name], {"scores": 2, "regressions": 4, "landmarks": 10}
    inside = ["height", "width"] if size is None else [size, size]
    outside = ["rows", "columns"] if size is None else []
    outputs = {output: ["batch", channels[output], *outside] for output in HEADS[name]}
    graph.save(path, {"images": ["batch", 3, *inside]}, outputs)


def check(paths: dict[str, Path]) -> None:
    """Compare with the original modules on seeded noise, print the largest difference, store the reference."""
    import onnxruntime

    # The package's own __init__ and detect_face want torchvision and requests; the three modules do without.
    package = ModuleType("facenet_pytorch")
    package.__path__ = importlib.util.find_spec("facenet_pytorch").submodule_search_locations
    sys.modules["facenet_pytorch"] = package
    sys.modules["facenet_pytorch.models.utils.detect_face"] = MagicMock()
    from facenet_pytorch.models import mtcnn

    rng = np.random.default_rng(0)
    stored = {}
    for name, path in paths.items():
        original = getattr(mtcnn, {"pnet": "PNet", "rnet": "RNet", "onet": "ONet"}[name])(pretrained=True).eval()
        height, width = (SIZES[name] or 37, SIZES[name] or 52)
        images = rng.uniform(-1, 1, (4, 3, height, width)).astype(np.float32)
        with torch.no_grad():
            *others, scores = (output.numpy() for output in original(torch.from_numpy(images)))
        expected = dict(zip(HEADS[name], [scores, *others], strict=True))
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        found = session.run(list(expected), {"images": images})
        difference = max(float(np.abs(a - b).max()) for a, b in zip(found, expected.values(), strict=True))
        print(f"{name}: largest difference to the original {difference:.2e}")
        if difference > 1e-4:
            raise ValueError("the largest difference to the original must be at most 1e-4")
        stored |= {f"{name}_images": images, **{f"{name}_{output}": value for output, value in expected.items()}}
    np.savez_compressed(REFERENCE, **stored)


def main() -> None:
    """Convert, print each sha256, and check where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, help="a folder with pnet.pt, rnet.pt, onet.pt; from PyPI otherwise")
    parser.add_argument("--check", action="store_true", help="compare with the modules of facenet-pytorch")
    arguments = parser.parse_args()
    paths = {name: MODELS / f"mtcnn_{name}.onnx" for name in SHA256}
    for name, path in paths.items():
        if arguments.weights:
            content = (arguments.weights / f"{name}.pt").read_bytes()
        else:
            content = member(REQUIREMENT, f"{name}.pt", SHA256[name])
        state = torch.load(io.BytesIO(content), weights_only=True)
        build(name, {key: value.numpy() for key, value in state.items()}, path)
        print(f"{path.name}: {path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")
    if arguments.check:
        check(paths)


if __name__ == "__main__":
    main()
