"""Makes `schemas.json`: for every operator that is imported, each attribute, optional input and output of each of its schemas.

    python make_schemas.py        # needs numpy, onnx, onnxruntime

A case is one node in a model, with the inputs of the last plain one where it lists none. It says what must come of it:

    agrees    the values of onnxruntime (or of onnx's own evaluator, where onnxruntime has no kernel for so old a schema)
    either    the same values, or a refusal: the attribute is read, without effect, or not supported
    refused   a refusal: the schema does not have this attribute, input or output, or nothing can compute what it means
    imported  no values to compare with: it is imported

The operators are those of the registries in `../src/ops.rs`. A random draw depends on nothing but the operator, so that adding one
leaves the others as they are.
"""
import json, os, re, warnings, zlib
import numpy as np, onnx, onnxruntime
from onnx import TensorProto as T, defs, helper as h, numpy_helper as nh, version_converter
from onnx.reference import ReferenceEvaluator
from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

HERE = os.path.dirname(os.path.abspath(__file__))
DOMAINS = {"REGISTRY": "", "MICROSOFT": "com.microsoft"}
TABLES = re.findall(r"const (\w+): &\[Entry\] =(.*?)\];", open(os.path.join(HERE, "../src/ops.rs")).read(), re.S)
REGISTRY = [(DOMAINS[table], n, int(s)) for table, entries in TABLES for n, s in re.findall(r'\("(\w+)", (\d+), ', entries)]
rng = np.random.default_rng(16)
f32 = lambda *shape: np.round(rng.uniform(0.2, 0.9, shape), 3).astype(np.float32)
i64 = lambda *v: np.array(v, np.int64)
X = lambda *shape: ("input", f32(*shape))
C = lambda array: ("constant", np.asarray(array))


def base(op, v):
    """Inputs (None is one left out) and attributes of a plain use of `op` in the schema of opset `v`."""
    image, matrix = X(1, 4, 4, 4), X(2, 3)
    if op == "BatchNormalization":
        extra = {"is_test": 1} if v < 7 else {}
        return [X(1, 2, 3, 3), *[C(f32(2)) for _ in range(4)]], extra
    if op == "Dropout":
        return [matrix], {"is_test": 1} if v < 7 else {}
    if op in ("AveragePool", "MaxPool"):
        return [image], {"kernel_shape": [2, 2]}
    if op in ("GlobalAveragePool", "GlobalMaxPool"):
        return [image], {}
    if op == "Conv":
        return [image, C(f32(2, 4, 2, 2))], {}
    if op in ("DepthToSpace", "SpaceToDepth"):
        return [image], {"blocksize": 2}
    if op in ("Add", "Sub", "Mul"):
        return [matrix, X(2, 3)], {}
    if op == "Div":
        return [matrix, C(f32(2, 3))], {}
    if op == "Pow":
        return [matrix, C(np.float32(2))], {}
    if op == "PRelu":
        return [matrix, C(f32(1))], {}
    if op == "Cast":
        return [matrix], {"to": T.DOUBLE}
    if op == "CastLike":
        return [matrix, C(np.float64(1))], {}
    if op == "Concat":
        return [matrix, X(2, 3)], {"axis": 1}
    if op == "Constant":
        return [], {"value": nh.from_array(f32(2, 3))}
    if op == "ConstantOfShape":
        return [C(i64(2, 3))], {}
    if op in ("Shape", "Size"):
        return [matrix], {}
    if op == "Expand":
        return [X(1, 3), C(i64(2, 3))], {}
    if op == "Gather":
        return [matrix, C(i64(1, 0))], {}
    if op in ("Gemm", "MatMul"):
        return [matrix, C(f32(3, 3))] + ([C(f32(2, 3))] if op == "Gemm" and v < 11 else []), {}
    if op == "Pad":
        return ([matrix], {"pads": [0, 1, 1, 0]}) if v < 11 else ([matrix, C(i64(0, 1, 1, 0))], {})
    if op.startswith("Reduce"):
        return [matrix], {}
    if op == "Reshape":
        return ([matrix], {"shape": [3, 2]}) if v < 5 else ([matrix, C(i64(3, 2))], {})
    if op == "Resize":
        scales = C(np.float32([1, 1, 2, 1.5]))
        return [image, scales] if v < 11 else [image, C(f32(0)) if v < 13 else None, scales], {}
    if op == "Upsample":
        scales = np.float32([1, 1, 2, 2])
        return ([image], {"scales": scales.tolist()}) if v < 9 else ([image, C(scales)], {})
    if op == "Slice":
        return ([matrix], {"starts": [0], "ends": [1]}) if v < 10 else ([matrix, C(i64(0)), C(i64(1))], {})
    if op == "Range":
        return [C(np.float32(0.5)), C(np.float32(2.0)), C(np.float32(0.25))], {}
    if op == "Split":
        return [X(2, 4)], {"num_outputs": 2} if v >= 18 else {}
    if op in ("Squeeze", "Unsqueeze"):
        return ([X(2, 1, 3)], {"axes": [1]}) if v < 13 else ([X(2, 1, 3), C(i64(1))], {})
    if op == "Tile":
        return [matrix, C(i64(1, 2))], {}
    if op in ("Max", "Min", "Sum", "Mean"):
        return [matrix, X(2, 3)], {}
    if op == "Where":
        return [C(np.array([[True, False, True]])), matrix, C(f32(2, 3))], {}
    if op in ("BiasGelu", "FastGelu"):
        return [matrix, C(f32(3))] if op == "BiasGelu" else [matrix], {}
    if op == "CumSum":
        return [matrix, C(np.int64(1))], {}
    if op == "GatherElements":
        return [matrix, C(np.array([[1, 0, -1], [0, 0, 1]]))], {}
    if op == "GatherND":
        return [matrix, C(np.array([[1], [0]]))], {}
    if op == "OneHot":
        return [C(i64(1, -1)), C(i64(3)), C(f32(2))], {}
    if op == "ReverseSequence":
        return [matrix, C(i64(1, 2, 2))], {}
    if op in ("Scatter", "ScatterElements"):
        return [matrix, C(np.array([[1, 0]])), X(1, 2)], {}
    if op == "ScatterND":
        return [matrix, C(np.array([[1, 2], [0, 0]])), X(2)], {}
    if op in ("LayerNormalization", "RMSNormalization"):
        return [matrix, C(f32(3))] + ([C(f32(3))] if op == "LayerNormalization" else []), {}
    if op == "InstanceNormalization":
        return [image, C(f32(4)), C(f32(4))], {}
    if op == "Acosh":
        return [("input", f32(2, 3) + np.float32(1))], {}
    return [matrix], {}


VALUES = {
    "auto_pad": ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"],
    "pads": [[1, 0, 1, 0], [0, 0, 0, 0]],
    "strides": [[2, 3]],
    "dilations": [[2, 1], [1, 1]],
    "kernel_shape": [[2, 2], [3, 2]],
    "group": [2],
    "axes": [[0], [-1]],
    "axis": [0, 1, -1],
    "batch_axis": [0, 1],
    "batch_dims": [0, 1],
    "dtype": [T.DOUBLE, T.INT64, T.BOOL, T.STRING],
    "k": [0, 1, -2],
    "reduction": ["none", "add", "other"],
    "perm": [[0, 1], [1, 0]],
    "split": [[1, 3]],
    "num_outputs": [3],
    "blocksize": [1, 3],
    "to": [T.FLOAT, T.INT64, T.BOOL, T.FLOAT16],
    "mode": ["DCR", "CRD", "nearest", "linear", "cubic", "constant", "edge", "reflect", "wrap"],
    "nearest_mode": ["floor", "ceil", "round_prefer_ceil", "other"],
    "coordinate_transformation_mode": ["asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"],
    "keep_aspect_ratio_policy": ["stretch", "not_larger", "not_smaller"],
    "approximate": ["none", "tanh"],
    "round_mode": ["down"],
    "scales": [[1.0, 1.0, 3.0, 2.0]],
    "shape": [[6]],
    "starts": [[1]],
    "ends": [[2]],
    "start": [1],
    "end": [1],
    "seed": [3],
    "ratio": [0.25],
    "consumed_inputs": [[0, 0]],
    "value": [nh.from_array(np.float32([4.0])), nh.from_array(np.int64([4]))],
    "value_float": [2.5],
    "value_floats": [[2.5, 1.0]],
    "value_int": [3],
    "value_ints": [[3, 4]],
    "value_string": ["text"],
    "value_strings": [["text"]],
}
# What an optional input may be.
INPUTS = {
    ("Clip", 1): C(np.float32(0.4)), ("Clip", 2): C(np.float32(0.6)), ("Conv", 2): C(f32(2)), ("Gemm", 2): C(f32(3)),
    ("Dropout", 1): C(np.float32(0.3)), ("Dropout", 2): C(np.array(False)), ("Pad", 2): C(np.float32(0.5)), ("Pad", 3): C(i64(1, 0)),
    ("Resize", 1): C(f32(8)), ("Resize", 3): C(i64(1, 4, 5, 7)), ("Slice", 3): C(i64(1)), ("Slice", 4): C(i64(1)), ("Split", 1): C(i64(1, 3)),
    ("Squeeze", 1): C(i64(1)), ("Trilu", 1): C(np.int64(1)), ("FastGelu", 1): C(f32(3)),
}
TRAINING = [("Dropout", 2, C(np.array(True)))]


def schemas_of(domain, op):
    """Every version, from onnx, or from onnxruntime for a domain of its own."""
    if not domain:
        return [s for s in defs.get_all_schemas_with_history() if s.domain == "" and s.name == op]
    return [translated(s) for s in get_all_operator_schema() if s.domain == domain and s.name == op]


def translated(schema):
    """A schema of onnxruntime as one of onnx."""
    kinds, options = defs.OpSchema.AttrType, defs.OpSchema.FormalParameterOption
    parameters = lambda list: [defs.OpSchema.FormalParameter(p.name, "tensor(float)", param_option=getattr(options, p.option.name)) for p in list]

    def attribute(a):
        default = onnx.AttributeProto.FromString(a._default_value)
        return defs.OpSchema.Attribute(a.name, default) if default.name else defs.OpSchema.Attribute(a.name, getattr(kinds, a.type.name))

    return defs.OpSchema(schema.name, schema.domain, schema.since_version, inputs=parameters(schema.inputs), outputs=parameters(schema.outputs),
                         attributes=[attribute(a) for a in schema.attributes.values()])


def values(op, attribute):
    if attribute.name in VALUES:
        return VALUES[attribute.name]
    kind = attribute.type
    if kind == defs.OpSchema.AttrType.INT:
        default = h.get_attribute_value(attribute.default_value) if attribute.default_value.name else 0
        return [0, 1] if default in (0, 1) else [default + 1]
    if kind == defs.OpSchema.AttrType.FLOAT:
        default = h.get_attribute_value(attribute.default_value) if attribute.default_value.name else 0.0
        return [default if abs(default) < 1e9 else 0.5, default * 1.5 + 0.25 if abs(default) < 1e9 else 0.4]
    return []


def model(domain, op, opset, inputs, attributes, outputs):
    names = [f"x{i}" if x else "" for i, x in enumerate(inputs)]
    node = h.make_node(op, names, [f"y{i}" for i in range(outputs)], domain=domain, **{k: v for k, v in attributes.items()})
    info = [h.make_tensor_value_info(n, T.FLOAT, x[1].shape) for n, x in zip(names, inputs) if x and x[0] == "input"]
    constants = [nh.from_array(x[1], n) for n, x in zip(names, inputs) if x and x[0] == "constant"]
    outs = [h.make_empty_tensor_value_info("y0")]
    if op == "Split":
        outs = [h.make_empty_tensor_value_info(f"y{i}") for i in range(outputs)]
    graph = h.make_graph([node], op, info, outs, constants)
    built = h.make_model(graph, opset_imports=[h.make_opsetid("", 17 if domain else opset)] + ([h.make_opsetid(domain, opset)] if domain else []))
    opset = built.opset_import[0].version
    built.ir_version = 3 if opset < 9 else 8 if opset < 21 else 10
    if opset < 9:
        built.graph.input.extend(h.make_tensor_value_info(c.name, c.data_type, c.dims) for c in constants)
    return built


def evaluate(built):
    """The outputs, by whoever can compute them."""
    opset = built.opset_import[0].version
    feed = {i.name: x for i, x in evaluate.feed}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4

    def by_onnxruntime(m):
        return onnxruntime.InferenceSession(m.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, feed)

    def checked(m):
        m = onnx.shape_inference.infer_shapes(m)
        if len(m.opset_import) == 1:  # onnx knows no other domain
            onnx.checker.check_model(m)
        return m

    def modern(m):
        return by_onnxruntime(version_converter.convert_version(checked(m), 13))

    def sixth():
        """What opset 6 changed is the hint about memory, and where Reshape has its shape."""
        m = onnx.ModelProto()
        m.CopyFrom(built)
        m.opset_import[0].version = 6
        node = m.graph.node[0]
        shape = [list(a.ints) for a in node.attribute if a.name == "shape"]
        kept = [a for a in node.attribute if a.name not in ("consumed_inputs", "shape")]
        del node.attribute[:]
        node.attribute.extend(kept)
        if shape:
            node.input.append("shape")
            m.graph.initializer.append(nh.from_array(np.array(shape[0], np.int64), "shape"))
            m.graph.input.append(h.make_tensor_value_info("shape", T.INT64, [len(shape[0])]))
        return modern(m)

    ways = [lambda: by_onnxruntime(checked(built))]
    ways += [lambda: modern(built), sixth] if opset < 6 else [lambda: modern(built)] if opset < 7 else [lambda: ReferenceEvaluator(checked(built)).run(None, feed)]
    for way in ways:
        try:
            return [np.asarray(y) for y in way()]
        except Exception:  # it has no kernel for this, or the model is not valid
            continue
    return None


def text(attribute):
    a = onnx.AttributeProto()
    a.CopyFrom(attribute)
    return a.SerializeToString().hex()


def main():
    cases, counts = [], {"agrees": 0, "either": 0, "refused": 0}

    def add(op, opset, what, inputs, attributes, outputs, expect):
        try:
            built = model(add.domain, op, opset, inputs, attributes, outputs)
        except (TypeError, ValueError):
            return
        evaluate.feed = [(i, x[1]) for i in built.graph.input for n, x in [(f"x{j}", x) for j, x in enumerate(inputs) if x and x[0] == "input"] if i.name == n]
        results = None if expect == "refused" else evaluate(built)
        if results is not None and any(y.dtype.kind not in "fbiu" for y in results):
            results = None
        if results is None and expect == "agrees":
            expect = "imported"
        if results is None and expect == "either":
            expect = "refused"
        counts[expect] = counts.get(expect, 0) + 1
        if expect == "imported":
            print("no values for", op, opset, what)
        number = lambda v: float(f"{float(v):.7g}")
        if what == "plain":
            add.plain = inputs
        cases.append({
            **({"domain": add.domain} if add.domain else {}), "op": op, "opset": opset, "what": what, "expect": expect,
            "attributes": [text(a) for a in built.graph.node[0].attribute],
            "inputs": None if inputs is add.plain and what != "plain" else [None if x is None else {"kind": x[0], "type": h.np_dtype_to_tensor_dtype(x[1].dtype), "shape": list(x[1].shape), "values": [number(v) for v in x[1].reshape(-1)]} for x in inputs],
            "outputs": outputs,
            "expected": None if results is None else [{"shape": list(y.shape), "float": y.dtype.kind == "f", "values": [number(v) for v in y.reshape(-1)]} for y in results],
        })

    global rng
    for add.domain, op, since in sorted(REGISTRY):
        rng = np.random.default_rng(zlib.crc32(f"{add.domain} {op}".encode()))
        schemas = schemas_of(add.domain, op)
        versions = sorted(s.since_version for s in schemas)
        for schema in sorted(schemas, key=lambda s: s.since_version):
            v = schema.since_version
            oldest = max([o for o in versions if o <= since], default=since)
            if schema.deprecated or v < oldest:
                continue
            v = max(v, since)
            variadic = any(o.option == defs.OpSchema.FormalParameterOption.Variadic for o in schema.outputs)
            outputs = 2 if variadic else 1
            inputs, attributes = base(op, v)
            add(op, v, "plain", inputs, attributes, outputs, "agrees")
            for name, attribute in sorted(schema.attributes.items()):
                for value in values(op, attribute):
                    changed = dict(attributes)
                    if op == "Constant":
                        changed = {}
                    changed[name] = value
                    add(op, v, f"{name} = {value if not isinstance(value, onnx.TensorProto) else 'tensor'}", inputs, changed, outputs, "agrees" if name == "consumed_inputs" else "either")
            others = {name: a for other in schemas for name, a in other.attributes.items() if name not in schema.attributes}
            for name, attribute in sorted(others.items()):
                add(op, v, f"{name}, which it does not have", inputs, {**attributes, name: (values(op, attribute) or [0])[0]}, outputs, "refused")
            add(op, v, "an attribute that no schema has", inputs, {**attributes, "sworn": 0}, outputs, "refused")
            for i, parameter in enumerate(schema.inputs):
                if parameter.option == defs.OpSchema.FormalParameterOption.Optional and (op, i) in INPUTS:
                    given = inputs + [None] * (i + 1 - len(inputs))
                    given[i] = INPUTS[op, i]
                    if (op, i) == ("Pad", 3):
                        given[1] = C(i64(0, 1, 1, 0))
                    kept = {k: a for k, a in attributes.items() if (op, i, k) != ("Split", 1, "num_outputs")}
                    if (op, i) == ("Resize", 3):
                        given[2] = C(f32(0)) if v < 13 else None
                    if (op, i) == ("Slice", 4):
                        given[3] = C(i64(1))
                    add(op, v, f"input {i}", given, kept, outputs, "either")
            for o, i, value in TRAINING:
                if o == op and i < len(schema.inputs):
                    add(op, v, f"input {i} for training", inputs + [None] * (i - len(inputs)) + [value], attributes, outputs, "refused")
            if not any(p.option == defs.OpSchema.FormalParameterOption.Variadic for p in schema.inputs):
                given = inputs + [None] * (len(schema.inputs) - len(inputs)) + [C(f32(1))]
                add(op, v, "one input too many", given, attributes, outputs, "refused")
            if not variadic:
                for count in range(2, len(schema.outputs) + 1):
                    add(op, v, f"{count} outputs", inputs, attributes, count, "either")
                add(op, v, "one output too many", inputs, attributes, len(schema.outputs) + 1, "refused")
    with open(os.path.join(HERE, "schemas.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}: {len(cases)} cases, {counts}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
