"""Makes tiny.onnx, an input and two samples: Gemm 3 -> 4, Relu, Gemm 4 -> 2; and names.onnx, which takes the same input. Needs `pip install onnx numpy`."""
import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = pathlib.Path(__file__).parent
rng = np.random.default_rng(1)


def weights(name, *shape):
    return numpy_helper.from_array(rng.uniform(-1, 1, shape).astype(np.float32), name)


graph = helper.make_graph(
    [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["a"], name="first", transB=1),
        helper.make_node("Relu", ["a"], ["h"], name="relu"),
        helper.make_node("Gemm", ["h", "w2", "b2"], ["y"], name="second", transB=1),
    ],
    "tiny",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
    [weights("w1", 4, 3), weights("b1", 4), weights("w2", 2, 4), weights("b2", 2)],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model)
(folder / "tiny.onnx").write_bytes(model.SerializeToString())
(folder / "tiny.json").write_text(json.dumps({"input_data": [[0.5, -0.25, 0.75]]}) + "\n")
# Rounded: their text is short.
samples = rng.uniform(-0.8, 0.8, 6).round(2)
(folder / "calibration.json").write_text(json.dumps({"input_data": [samples.tolist()]}) + "\n")

# One tensor under many names: the input itself, and what operators make of `hidden` that change nothing of it.
shape = [1, 2]
names = ["logits", "copy", "sum", "flat", "dropped", "cast", "x", "positive", "hidden"]
graph = helper.make_graph(
    [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["hidden"], name="dense", transB=1),
        helper.make_node("Identity", ["hidden"], ["logits"]),
        helper.make_node("Identity", ["logits"], ["copy"]),
        helper.make_node("Add", ["hidden", "zero"], ["sum"]),
        helper.make_node("Flatten", ["hidden"], ["flat"]),
        helper.make_node("Dropout", ["hidden"], ["dropped", "mask"]),
        helper.make_node("Cast", ["hidden"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Relu", ["hidden"], ["positive"], name="relu"),
    ],
    "names",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
    [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3] if n == "x" else shape) for n in names],
    [weights("w1", 2, 3), weights("b1", 2), numpy_helper.from_array(np.zeros(2, np.float32), "zero")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model)
(folder / "names.onnx").write_bytes(model.SerializeToString())
