"""Write ONNX graphs one node after the other: what both conversions share."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8


class Graph:
    """A chain of nodes with names in the order of their making, so that the same input gives the same bytes."""

    def __init__(self, name: str, *, half: bool = False) -> None:
        self._name = name
        self._half = half  # weights are stored as float16 and cast to float32, which ONNX Runtime does once, at load
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        """Add a node and return the name of its output."""
        output = output or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def weight(self, values: NDArray[np.float32]) -> str:
        """Add a constant and return its name."""
        name = f"weight_{len(self._weights)}"
        if not self._half:
            self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
            return name
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float16), name))
        return self.node("Cast", name, to=TensorProto.FLOAT)

    def integers(self, *values: int) -> str:
        """Add a constant of int64 and return its name."""
        name = f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def save(self, path: Path, inputs: dict[str, list[object]], outputs: dict[str, list[object]]) -> None:
        """Check the graph and write it; shapes hold numbers, and names for dimensions that are free."""
        values = [
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in part.items()]
            for part in (inputs, outputs)
        ]
        graph = helper.make_graph(self._nodes, self._name, *values, initializer=self._weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="faceprint")
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString(deterministic=True))
