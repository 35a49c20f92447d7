"""Graphs that stand in for the networks of detectors: they give what they are told, whatever they are shown."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from faceprint.yunet import PARTS, STRIDES


def constant(path, outputs, sides=("height", "width"), image="input"):
    """A graph that takes images and gives what it is told, whatever it is shown: outputs[name] is an array."""
    nodes = [
        helper.make_node("ReduceMean", [image], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    weights = [numpy_helper.from_array(np.float32(0), "zero")]
    for name, values in outputs.items():
        weights.append(numpy_helper.from_array(values.astype(np.float32), f"{name}_values"))
        nodes.append(helper.make_node("Add", [f"{name}_values", "nothing"], [name]))
    told = [helper.make_tensor_value_info(name, TensorProto.FLOAT, values.shape) for name, values in outputs.items()]
    taken = helper.make_tensor_value_info(image, TensorProto.FLOAT, [1, 3, *sides])
    graph = helper.make_graph(nodes, "constant", [taken], told, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def yunet(path, size, answers, drop=(), **how):
    """YuNet's outputs for images of size x size: answers[name] is (cell, values)."""
    outputs = {}
    for stride in STRIDES:
        for part, width in zip(PARTS, (1, 1, 4, 10), strict=True):
            name = f"{part}_{stride}"
            outputs[name] = np.zeros((1, (size // stride) ** 2, width))
            for cell, numbers in answers.get(name, {}).items():
                outputs[name][0, cell] = numbers
    return constant(path, {name: values for name, values in outputs.items() if name not in drop}, **how)


def scrfd(path, height, width, answers, batch=False, drop=(), order=(1, 4, 10), **how):
    """SCRFD's outputs for images of height x width, named by numbers: answers[stride] is (anchor, the 15 values)."""
    outputs = {}
    for columns, at in ((1, slice(0, 1)), (4, slice(1, 5)), (10, slice(5, 15))):
        for stride in STRIDES:
            values = np.zeros((height // stride * (width // stride) * 2, columns))
            for anchor, numbers in answers.get(stride, {}).items():
                values[anchor] = numbers[at]
            outputs[columns, stride] = values[None] if batch else values
    named = {
        f"{400 + 10 * columns + stride}": outputs[columns, stride]
        for columns in order
        for stride in STRIDES
        if (columns, stride) not in drop
    }
    return constant(path, named, **how)
