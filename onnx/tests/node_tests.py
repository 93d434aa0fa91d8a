"""Writes the backend node tests of the `onnx` package as vectors for `cargo test -p sworn-onnx -- --ignored`.

    python node_tests.py OUT_DIR        # needs onnx and numpy; OUT_DIR is emptied

Each test gives one vector for every choice of inputs that stay inputs: all float inputs, the first one alone, the second
one alone. The others become initializers, because shapes, axes and weights must be constants. One more has no inputs at all,
as a test of folding: there integers and booleans are cast to floats at the end.
"""
import glob, json, os, shutil, sys
import numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper as nh
from onnx.backend.test.case.node import collect_testcases

FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}


def finite(array):
    """Numbers as JSON has them; null for what is not finite in single precision."""
    return [float(v) if abs(v) < 3.4e38 else None for v in np.asarray(array, dtype=np.float64).reshape(-1)]


def to_array(value):
    return nh.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)


def is_tensor(info):
    return info.type.HasField("tensor_type")


def cast_outputs(graph):
    for output in graph.output:
        if is_tensor(output) and output.type.tensor_type.elem_type not in FLOATS:
            graph.node.append(helper.make_node("Cast", [output.name], ["float " + output.name], to=TensorProto.FLOAT))
            output.name = "float " + output.name
            output.type.tensor_type.elem_type = TensorProto.FLOAT


def vectors(name, op, model, inputs, outputs):
    """Yields (variant, model, contents of the JSON file)."""
    floats = [i for i, info in enumerate(model.graph.input) if i < len(inputs) and is_tensor(info) and info.type.tensor_type.elem_type in FLOATS]
    given = dict(enumerate(inputs))
    choices = {"all": floats}
    if len(floats) > 1:
        choices |= {"first": floats[:1], "second": floats[1:2]}
    choices |= {"constants": []}
    half = any(to_array(v).dtype.itemsize < 4 for v in inputs + outputs)
    for variant, kept in choices.items():
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        for i, info in enumerate(model.graph.input):
            if i not in kept and i in given:
                tensor = TensorProto()
                tensor.CopyFrom(given[i] if isinstance(given[i], TensorProto) else nh.from_array(to_array(given[i])))
                tensor.name = info.name
                changed.graph.initializer.append(tensor)
        names = {model.graph.input[i].name for i in kept}
        del changed.graph.input[:]
        changed.graph.input.extend(i for i in model.graph.input if i.name in names)
        if variant == "constants":
            cast_outputs(changed.graph)
        yield variant, changed, {
            "case": name,
            "op": f"constant {op}" if variant == "constants" else op,
            "tolerance": 2e-2 if half else 1e-4,
            "inputs": [finite(to_array(given[i])) for i in kept],
            "outputs": [{"shape": list(to_array(v).shape), "values": finite(to_array(v))} for v in outputs],
        }


def packaged():
    """The tests that the package ships as files."""
    data = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data")
    for folder in sorted(glob.glob(os.path.join(data, "pytorch-*", "*")) + glob.glob(os.path.join(data, "node", "*"))):
        model = onnx.load(os.path.join(folder, "model.onnx"))
        read = lambda kind: [onnx.load_tensor(p) for p in sorted(glob.glob(os.path.join(folder, "test_data_set_0", kind + "_*.pb")))]
        try:
            yield os.path.basename(folder), model, read("input"), read("output")
        except Exception:  # sequences and optionals are not tensors
            continue


def generated():
    """The node tests that the package makes from code."""
    for case in collect_testcases():
        if case.model and case.data_sets:
            inputs, outputs = case.data_sets[0]
            yield case.name, case.model, list(inputs), list(outputs)


def main(root):
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    seen, written, skipped = set(), 0, 0
    for source in (generated(), packaged()):
        for name, model, inputs, outputs in source:
            if name in seen:
                continue
            seen.add(name)
            op = model.graph.node[0].op_type if len(model.graph.node) == 1 else "(several)"
            try:
                for variant, changed, contents in vectors(name, op, model, inputs, outputs):
                    path = os.path.join(root, f"{name}.{variant}")
                    onnx.save(changed, path + ".onnx")
                    with open(path + ".json", "w") as f:
                        json.dump(contents, f)
                    written += 1
            except (TypeError, ValueError, KeyError, NotImplementedError, AttributeError):  # strings, sequences, optionals
                skipped += 1
    print(f"onnx {onnx.__version__}: {len(seen)} tests, {written} vectors, {skipped} tests without numbers")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
