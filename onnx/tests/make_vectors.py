"""Makes the vectors in `vectors/`: tiny seeded models and what onnxruntime computes for them.

    python make_vectors.py [OUT_DIR]        # needs numpy, onnx, onnxruntime; default OUT_DIR is vectors/ beside this file

Each gives NAME.onnx and NAME.json, in the form that `import/vector.rs` reads. A random draw depends on nothing but the
name of its vector, so that adding one leaves the others as they are.
"""
import json, os, shutil, sys, zlib
import numpy as np, onnx, onnxruntime
from onnx import TensorProto as T, helper as h, numpy_helper as nh

OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors")


class Model:
    """Collects nodes and constants; `save` runs the model and writes the vector."""

    def __init__(self, name, opset=17):
        self.name, self.opset = name, opset
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.nodes, self.constants, self.inputs, self.count = [], [], {}, 0

    def input(self, *shape, low=-2.0, high=2.0):
        name = f"x{len(self.inputs)}"
        self.inputs[name] = np.round(self.rng.uniform(low, high, shape), 3).astype(np.float32)
        return name

    def const(self, array, dtype=np.float32):
        self.count += 1
        self.constants.append(nh.from_array(np.asarray(array, dtype=dtype), f"c{self.count}"))
        return f"c{self.count}"

    def ints(self, *values):
        return self.const(values, np.int64)

    def weights(self, *shape):
        return self.const(np.round(self.rng.normal(0, 0.5, shape), 3))

    def op(self, kind, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"t{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(h.make_node(kind, inputs, names, name=f"{kind}_{self.count}", **attributes))
        return names[0] if outputs == 1 else names

    def domains(self):
        others = sorted({n.domain for n in self.nodes} - {""})
        return [h.make_opsetid("", self.opset), *[h.make_opsetid(domain, 1) for domain in others]]

    def save(self, *outputs, tolerance=1e-5, optimized=True):
        infos = [h.make_tensor_value_info(n, T.FLOAT, v.shape) for n, v in self.inputs.items()]
        outs = [h.make_tensor_value_info(n, T.FLOAT, None) for n in outputs]
        graph = h.make_graph(self.nodes, self.name, infos, outs, self.constants)
        model = h.make_model(graph, opset_imports=self.domains(), producer_name="")
        model.ir_version = 8 if self.opset < 21 else 10
        if len(model.opset_import) == 1:  # onnx knows no other domain
            onnx.checker.check_model(onnx.shape_inference.infer_shapes(model))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if not optimized:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        results = session.run(list(outputs), self.inputs)
        onnx.save(model, os.path.join(OUT, self.name + ".onnx"))
        number = lambda v: float(f"{v:.8g}")
        contents = {
            "case": self.name,
            "op": self.nodes[0].op_type,
            "tolerance": tolerance,
            "inputs": [[number(v) for v in x.reshape(-1)] for x in self.inputs.values()],
            "outputs": [{"shape": list(y.shape), "values": [number(v) for v in y.reshape(-1)]} for y in results],
        }
        with open(os.path.join(OUT, self.name + ".json"), "w") as f:
            json.dump(contents, f, separators=(",", ":"))


def unary():
    plain = "Abs Ceil Elu Erf Exp Floor HardSigmoid HardSwish Identity LeakyRelu Neg Relu Round Selu Sigmoid Sign Sin Cos Softplus Softsign Tanh Atan Asinh Sinh Cosh Celu ThresholdedRelu Shrink"
    m = Model("unary")
    x = m.input(3, 7, low=-4, high=4)
    m.save(*[m.op(kind, x) for kind in plain.split()])
    m = Model("unary_positive")
    x = m.input(2, 5, low=0.2, high=3)
    m.save(*[m.op(kind, x) for kind in "Log Sqrt Reciprocal Tan".split()], m.op("Pow", x, m.const(2.0)), m.op("Pow", x, m.const([-1.5])), m.op("Pow", x, m.const(3, np.int64)))
    m = Model("unary_parameters")
    x = m.input(3, 7, low=-4, high=4)
    m.save(m.op("LeakyRelu", x, alpha=0.3), m.op("Elu", x, alpha=0.7), m.op("Selu", x, alpha=1.2, gamma=0.8), m.op("HardSigmoid", x, alpha=0.3, beta=0.4),
           m.op("Celu", x, alpha=1.7), m.op("ThresholdedRelu", x, alpha=0.6), m.op("Shrink", x, lambd=1.1, bias=0.4))
    m = Model("unary_opset20", 20)
    x = m.input(3, 7, low=-4, high=4)
    m.save(m.op("Gelu", x), m.op("Gelu", x, approximate="tanh"), m.op("Mish", x))
    m = Model("gelu_microsoft")
    x, b = m.input(2, 3, 4, low=-4, high=4), m.input(4)
    gelu = lambda kind, *inputs, **attributes: m.op(kind, *inputs, domain="com.microsoft", **attributes)
    m.save(gelu("Gelu", x), gelu("FastGelu", x), gelu("FastGelu", x, m.weights(4)), gelu("FastGelu", x, b), gelu("BiasGelu", x, m.weights(4)), gelu("BiasGelu", x, b),
           gelu("QuickGelu", x), gelu("QuickGelu", x, alpha=1.1), m.op("Add", x, gelu("BiasGelu", m.weights(3, 4), m.weights(4))))
    m = Model("round_halves")
    x = m.input(11)
    m.inputs[x] = np.arange(-2.5, 3, 0.5, dtype=np.float32)
    m.save(m.op("Round", x), m.op("Sign", x))
    m = Model("max_mixed")
    x = m.input(1, 6)
    m.save(m.op("Max", m.op("Relu", m.op("MatMul", x, m.weights(6, 6))), m.op("MatMul", x, m.weights(6, 6))))
    m = Model("clip_opset7", 7)
    x = m.input(4, 5)
    m.save(m.op("Clip", x, min=-0.5), m.op("Clip", x, min=-1.0, max=0.7))
    m = Model("clip")
    x = m.input(4, 5)
    m.save(m.op("Clip", x, m.const(-0.5), m.const(1.5)), m.op("Clip", x, "", m.const(0.25)), m.op("Clip", x, m.const(0.0)), m.op("Clip", x))
    m = Model("prelu")
    x = m.input(1, 3, 4, 2)
    m.save(m.op("PRelu", x, m.const([0.2])), m.op("PRelu", x, m.weights(3, 1, 1)))
    m = Model("identities")
    x = m.input(2, 3)
    y = m.op("Cast", m.op("Cast", m.op("Dropout", m.op("Identity", x)), to=T.DOUBLE), to=T.FLOAT)
    m.save(m.op("Add", y, m.op("Constant", value_floats=[1.0, 2.0, 3.0])))


def binary():
    m = Model("binary_tensors")
    a, b, c = m.input(2, 3, 4), m.input(3, 1), m.input(2, 3, 4)
    m.save(*[m.op(kind, p, q) for kind in ("Add", "Sub", "Mul") for p, q in ((a, b), (b, a), (a, c), (a, a))])
    m = Model("binary_constants")
    x = m.input(2, 3, 4, low=0.5, high=2)
    k, row, tall = m.const(1.5), m.weights(4), m.weights(5, 1, 3, 1)
    m.save(*[m.op(kind, *pair) for kind in ("Add", "Sub", "Mul", "Div") for pair in ((x, k), (k, x), (x, row), (row, x), (x, tall))])
    m = Model("extrema")
    a, b, c = m.input(2, 3), m.input(3), m.input(2, 1)
    m.save(m.op("Max", a, b, c), m.op("Min", a, b, c), m.op("Max", a, m.const(0.3)), m.op("Min", m.const([0.3]), a), m.op("Max", a, m.weights(3)),
           m.op("Min", a, m.weights(2, 3)), m.op("Sum", a, b, c), m.op("Mean", a, b, m.weights(3)), m.op("Max", a))


def conv():
    def one(name, shape, weight, opset=17, bias=True, **attributes):
        m = Model(name, opset)
        inputs = [m.input(*shape), m.weights(*weight)] + ([m.weights(weight[0])] if bias else [])
        m.save(m.op("Conv", *inputs, **attributes))

    one("conv_plain", (1, 2, 7, 6), (3, 2, 3, 3))
    one("conv_strides", (2, 2, 9, 8), (3, 2, 3, 2), strides=[2, 3], pads=[1, 0, 2, 1])
    one("conv_dilations", (1, 2, 11, 9), (2, 2, 3, 2), dilations=[2, 3], pads=[2, 1, 0, 3], bias=False)
    one("conv_dilated_stride", (1, 1, 12, 12), (2, 1, 3, 3), dilations=[3, 2], strides=[2, 3], pads=[3, 2, 1, 4])
    one("conv_groups", (1, 6, 5, 5), (4, 3, 3, 3), group=2, pads=[1, 1, 1, 1])
    one("conv_depthwise", (1, 4, 7, 5), (4, 1, 3, 3), group=4, strides=[2, 1], pads=[1, 1, 1, 1])
    one("conv_depthwise_multiplier", (1, 3, 5, 5), (6, 1, 2, 3), group=3)
    one("conv_same_upper", (1, 1, 7, 8), (2, 1, 4, 3), auto_pad="SAME_UPPER", strides=[2, 3])
    one("conv_same_lower", (1, 1, 7, 8), (2, 1, 4, 3), auto_pad="SAME_LOWER", strides=[2, 3])
    one("conv_same_even", (1, 1, 6, 6), (1, 1, 2, 4), auto_pad="SAME_LOWER")
    one("conv_valid", (1, 1, 7, 8), (2, 1, 4, 3), auto_pad="VALID", strides=[3, 2])
    one("conv_pointwise", (2, 5, 3, 3), (4, 5, 1, 1), opset=7)
    one("conv_stride_over_kernel", (1, 2, 9, 9), (2, 2, 2, 2), strides=[3, 4])
    one("conv_wide_padding", (1, 1, 3, 3), (1, 1, 2, 2), pads=[3, 3, 3, 3], strides=[2, 2])
    one("conv_1d", (2, 3, 11), (4, 3, 3), strides=[2], pads=[2, 1], dilations=[2])
    one("conv_1d_groups", (1, 4, 9), (4, 2, 3), group=2, auto_pad="SAME_UPPER")
    m = Model("batch_normalization")
    x = m.input(2, 3, 4, 2)
    y = m.op("Conv", x, m.weights(3, 3, 2, 1), m.weights(3))
    parameters = lambda: [m.weights(3), m.weights(3), m.weights(3), m.const(m.rng.uniform(0.5, 2, 3))]
    m.save(m.op("BatchNormalization", y, *parameters(), epsilon=1e-3), m.op("BatchNormalization", x, *parameters()))
    m = Model("batch_normalization_dense", 9)
    x = m.op("Gemm", m.input(2, 4), m.weights(4, 3), m.weights(3))
    m.save(m.op("BatchNormalization", x, *parameters()))


def pool():
    def one(name, shape, opset=17, tolerance=1e-5, kinds=("MaxPool", "AveragePool"), **attributes):
        m = Model(name, opset)
        x = m.input(*shape)
        m.save(*[m.op(kind, x, **attributes) for kind in kinds], tolerance=tolerance)

    average = ("AveragePool",)
    one("pool_plain", (1, 2, 6, 6), kernel_shape=[2, 2], strides=[2, 2])
    one("pool_overlapping", (1, 2, 7, 8), kernel_shape=[3, 2], strides=[2, 1])
    one("pool_padded", (2, 2, 6, 5), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    one("pool_asymmetric", (1, 1, 6, 5), kernel_shape=[3, 2], strides=[2, 3], pads=[0, 1, 2, 0])
    one("pool_ceil", (1, 2, 7, 8), kernel_shape=[3, 3], strides=[2, 3], ceil_mode=1)
    one("pool_ceil_padded", (1, 1, 6, 6), opset=19, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    one("pool_same_upper", (1, 2, 7, 8), kernel_shape=[3, 2], strides=[2, 3], auto_pad="SAME_UPPER")
    one("pool_same_lower", (1, 2, 7, 8), kernel_shape=[3, 2], strides=[2, 3], auto_pad="SAME_LOWER")
    one("pool_valid", (1, 2, 7, 8), kernel_shape=[3, 2], strides=[2, 3], auto_pad="VALID")
    one("pool_1d", (2, 3, 9), kernel_shape=[4], strides=[3], pads=[1, 2])
    one("pool_max_dilated", (1, 2, 9, 8), kinds=("MaxPool",), kernel_shape=[2, 3], dilations=[3, 2], strides=[2, 1])
    one("pool_max_3d", (1, 2, 4, 5, 3), kinds=("MaxPool",), kernel_shape=[2, 3, 2], pads=[0, 1, 0, 1, 1, 1])
    one("pool_average_include", (1, 2, 6, 5), kinds=average, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    one("pool_average_include_ceil", (1, 1, 6, 6), opset=19, kinds=average, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1, ceil_mode=1)
    one("pool_average_dilated", (1, 1, 9, 9), opset=19, kinds=average, kernel_shape=[2, 3], dilations=[2, 3], pads=[1, 2, 0, 1])
    one("pool_opset8", (1, 1, 5, 5), opset=8, kernel_shape=[2, 2])
    m = Model("pool_global")
    x = m.input(2, 3, 4, 3)
    m.save(m.op("GlobalAveragePool", x), m.op("GlobalMaxPool", x))


def matrices():
    m = Model("gemm")
    x, xt = m.input(3, 4), m.input(4, 3)
    w, wt = m.weights(4, 5), m.weights(5, 4)
    m.save(m.op("Gemm", x, w, m.weights(5)), m.op("Gemm", x, wt, m.weights(1, 5), transB=1, alpha=0.5, beta=2.0), m.op("Gemm", xt, w, transA=1),
           m.op("Gemm", xt, wt, m.weights(3, 5), transA=1, transB=1), m.op("Gemm", x, w, m.weights(3, 1)), m.op("Gemm", x, w, m.const(0.7), beta=0.3))
    m = Model("gemm_left")
    x, xt, c = m.input(4, 3), m.input(3, 4), m.input(5, 3)
    w, wt = m.weights(5, 4), m.weights(4, 5)
    m.save(m.op("Gemm", w, x, m.weights(3)), m.op("Gemm", wt, xt, m.weights(5, 1), transA=1, transB=1, alpha=1.5), m.op("Gemm", w, x, c, beta=-0.5))
    m = Model("gemm_opset7", 7)
    m.save(m.op("Gemm", m.input(2, 3), m.weights(3, 4), m.weights(4)))
    m = Model("matmul")
    x, v = m.input(2, 3, 4), m.input(4)
    m.save(m.op("MatMul", x, m.weights(4, 5)), m.op("MatMul", m.weights(5, 3), x), m.op("MatMul", x, m.weights(4)), m.op("MatMul", m.weights(3), x),
           m.op("MatMul", v, m.weights(4, 2)), m.op("MatMul", m.weights(2, 4), v), m.op("MatMul", v, m.weights(4)))
    m = Model("matmul_batches")
    x, y = m.input(2, 3, 4), m.input(2, 1, 3, 4)
    m.save(m.op("MatMul", x, m.weights(2, 4, 3)), m.op("MatMul", m.weights(2, 2, 3), x), m.op("MatMul", y, m.weights(5, 4, 2)), m.op("MatMul", m.weights(5, 2, 3), y),
           m.op("MatMul", x, m.weights(1, 4, 2)), m.op("MatMul", m.input(3, 4), m.weights(2, 4, 2)))


def reductions():
    kinds = "ReduceSum ReduceMean ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare".split()
    m = Model("reduce_opset11", 11)
    x = m.input(2, 3, 4)
    m.save(*[m.op(kind, x, axes=[1]) for kind in kinds], m.op("ReduceSum", x, axes=[0, -1], keepdims=0), m.op("ReduceMean", x), m.op("ReduceMean", x, keepdims=0))
    m = Model("reduce_opset18", 18)
    x = m.input(2, 3, 4, low=0.1)
    m.save(*[m.op(kind, x, m.ints(0, 2), keepdims=0) for kind in kinds], m.op("ReduceSum", x, m.ints(-2)), m.op("ReduceMean", x, m.ints(2, 1)),
           m.op("ReduceSum", x, noop_with_empty_axes=1), m.op("ReduceLogSum", x, m.ints(1)))


def movement():
    m = Model("shapes")
    x = m.input(2, 3, 1, 4)
    m.save(m.op("Flatten", x), m.op("Flatten", x, axis=3), m.op("Flatten", x, axis=0), m.op("Flatten", x, axis=-1), m.op("Reshape", x, m.ints(4, -1)), m.op("Reshape", x, m.ints(0, 0, -1)),
           m.op("Transpose", x), m.op("Transpose", x, perm=[2, 0, 3, 1]), m.op("Squeeze", x), m.op("Squeeze", x, m.ints(-2)), m.op("Unsqueeze", x, m.ints(0, -1, 3)),
           m.op("Expand", x, m.ints(2, 1, 3, 1)), m.op("Tile", x, m.ints(1, 2, 3, 1)))
    m = Model("shapes_opset11", 11)
    x = m.input(2, 1, 3)
    m.save(m.op("Squeeze", x, axes=[1]), m.op("Unsqueeze", x, axes=[0, 2]))
    m = Model("concat_split")
    a, b = m.input(2, 3, 2), m.input(2, 1, 2)
    parts = m.op("Split", a, m.ints(2, 1), outputs=2, axis=1) + m.op("Split", a, outputs=2, axis=-1)
    m.save(m.op("Concat", a, b, m.weights(2, 2, 2), a, axis=1), m.op("Concat", b, b, axis=-1), *parts)
    m = Model("split_opset18", 18)
    m.save(*m.op("Split", m.input(7, 2), outputs=3, num_outputs=3))
    m = Model("split_opset11", 11)
    m.save(*m.op("Split", m.input(2, 6), outputs=3, axis=1, split=[1, 3, 2]))
    m = Model("slice")
    x = m.input(5, 6, 3)
    big = 2**63 - 1
    m.save(m.op("Slice", x, m.ints(1), m.ints(4)), m.op("Slice", x, m.ints(-3, 1), m.ints(big, -1), m.ints(1, 0), m.ints(2, 1)), m.op("Slice", x, m.ints(-1), m.ints(-big), m.ints(1), m.ints(-2)))
    m = Model("slice_opset9", 9)
    m.save(m.op("Slice", m.input(4, 5), starts=[1, -3], ends=[3, 1000], axes=[0, 1]))
    m = Model("gather")
    x = m.input(4, 3, 2)
    m.save(m.op("Gather", x, m.ints(2, 0, -1)), m.op("Gather", x, m.const([[0, 2], [1, 1]], np.int64), axis=1), m.op("Gather", x, m.const(1, np.int64), axis=-1))
    m = Model("gather_elements")
    x = m.input(3, 4, 2)
    m.save(m.op("GatherElements", x, m.const(m.rng.integers(-3, 3, (5, 4, 2)), np.int64)), m.op("GatherElements", x, m.const(m.rng.integers(-4, 4, (2, 6, 1)), np.int32), axis=1),
           m.op("GatherElements", x, m.const(m.rng.integers(-2, 2, (3, 4, 3)), np.int64), axis=-1))
    m = Model("gather_nd")
    x = m.input(3, 4, 2)
    m.save(m.op("GatherND", x, m.const([[0, 1], [2, -1]], np.int64)), m.op("GatherND", x, m.const([[[0], [-1]], [[1], [1]]], np.int64)), m.op("GatherND", x, m.const([[1, 2, 0]], np.int64)),
           m.op("GatherND", x, m.const([[[1], [3]], [[0], [0]], [[-4], [2]]], np.int64), batch_dims=1), m.op("GatherND", x, m.const(m.rng.integers(0, 2, (3, 4, 1)), np.int64), batch_dims=2))
    m = Model("scatter")
    x, y = m.input(3, 4), m.input(2, 2)
    places = m.const([[2, -4], [0, 3]], np.int64)
    m.save(m.op("ScatterElements", x, places, y, axis=1), m.op("ScatterElements", m.weights(3, 4), m.const([[2, 0], [1, -1]], np.int64), y), m.op("ScatterElements", x, places, m.weights(2, 2), axis=-1, reduction="none"),
           m.op("ScatterND", x, m.const([[1, 2], [-1, 0]], np.int64), m.weights(2)), m.op("ScatterND", m.weights(4, 2, 2), m.const([[3], [-4]], np.int64), m.op("Concat", m.op("Reshape", y, m.ints(1, 2, 2)), m.weights(1, 2, 2), axis=0)),
           m.op("ScatterND", m.weights(4, 2, 2), m.const([[3]], np.int64), m.op("Reshape", y, m.ints(1, 2, 2))))
    m = Model("scatter_opset9", 9)
    m.save(m.op("Scatter", m.input(3, 3), m.const([[1, 0, 2], [0, 2, 1]], np.int64), m.input(2, 3)))
    m = Model("trilu")
    x = m.input(2, 3, 4)
    m.save(m.op("Trilu", x), m.op("Trilu", x, upper=0), *[m.op("Trilu", x, m.const(k, np.int64), upper=upper) for k in (-2, -1, 1, 7) for upper in (0, 1)])
    m = Model("reverse_sequence")
    x = m.input(4, 3, 2)
    m.save(m.op("ReverseSequence", x, m.ints(4, 1, 3)), m.op("ReverseSequence", x, m.ints(1, 2, 3, 2), batch_axis=0, time_axis=1))
    m = Model("cum_sum")
    x = m.input(3, 4, 2)
    m.save(*[m.op("CumSum", x, m.const(axis, np.int64), exclusive=e, reverse=r) for axis, e, r in ((0, 0, 0), (1, 1, 0), (2, 0, 1), (-2, 1, 1), (0, 1, 1))])
    m = Model("known_of_computed")
    x = m.input(3, 4)
    invalid = m.op("Or", m.op("IsNaN", x), m.op("Not", m.op("IsInf", x, detect_negative=0)))
    m.save(m.op("Add", x, m.op("EyeLike", x, k=1)), m.op("Mul", x, m.op("Cast", m.op("EyeLike", x, dtype=T.INT64, k=-1), to=T.FLOAT)), m.op("Where", invalid, x, m.const(5.0)),
           m.op("Where", m.op("IsNaN", x), m.const(0.0), x))
    m = Model("known_masks")
    x, shape = m.input(4, 4), m.ints(4, 4)
    row = m.op("Range", m.const(0, np.int64), m.const(4, np.int64), m.const(1, np.int64))
    column = m.op("Unsqueeze", row, m.ints(1))
    masks = [m.op(kind, row, column) for kind in ("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal")]
    odd = m.op("Equal", m.op("Mod", row, m.const(2, np.int64)), m.const(1, np.int64))
    masks += [m.op("And", masks[1], odd), m.op("Or", masks[4], odd), m.op("Xor", masks[0], odd), m.op("Not", masks[0])]
    hot = m.op("OneHot", m.ints(1, 0, 3, -1), m.const(4, np.int64), m.const([0.25, 2.0]))
    hot_rows = m.op("OneHot", m.const([1, 9, 2, -4]), m.const([4.0]), m.const([0.5, -1.0]), axis=0)
    m.save(m.op("Mul", x, hot), m.op("Mul", x, hot_rows), m.op("Add", x, m.op("Trilu", m.op("ConstantOfShape", shape, value=nh.from_array(np.float32([-3]))), m.const(1, np.int64))),
           *[m.op("Where", mask, x, m.const(-1.0)) for mask in masks])
    m = Model("pad", 18)
    x = m.input(3, 4)
    pads = m.ints(1, 2, 2, 1)
    m.save(m.op("Pad", x, pads), m.op("Pad", x, pads, m.const(1.5)), *[m.op("Pad", x, pads, mode=mode) for mode in ("reflect", "edge")],
           m.op("Pad", x, m.ints(2, -1), m.const(0.5), m.ints(1)), m.op("Pad", x, m.ints(-1, 0, 0, -2)))
    m = Model("pad_wrap", 19)
    m.save(m.op("Pad", m.input(3, 4), m.ints(1, 2, 2, 1), mode="wrap"))
    m = Model("pad_opset10", 10)
    x = m.input(3, 4)
    m.save(m.op("Pad", x, pads=[0, 1, 1, 2], value=-0.5), m.op("Pad", x, pads=[1, 0, 0, 2], mode="reflect"))
    m = Model("depth_to_space")
    x, y = m.input(1, 8, 2, 3), m.input(1, 2, 4, 6)
    m.save(m.op("DepthToSpace", x, blocksize=2), m.op("DepthToSpace", x, blocksize=2, mode="CRD"), m.op("SpaceToDepth", y, blocksize=2))


def resize():
    m = Model("upsample_opset7", 7)
    m.save(m.op("Upsample", m.input(1, 2, 3, 2), scales=[1.0, 1.0, 2.0, 3.0]))
    m = Model("upsample_opset9", 9)
    m.save(m.op("Upsample", m.input(1, 1, 3, 2), m.const([1, 1, 2.5, 1.6])))
    m = Model("resize_opset10", 10)
    m.save(m.op("Resize", m.input(1, 1, 4, 5), m.const([1, 1, 2, 0.6])))
    modes = [(c, n) for c in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric") for n in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")]
    for name, opset in (("resize_opset11", 11), ("resize_opset19", 19)):
        m = Model(name, opset)
        x = m.input(1, 1, 4, 5)
        scales = [m.const(s) for s in ([1, 1, 2, 3], [1, 1, 0.5, 0.6], [1, 1, 1.7, 2.3])]
        empty = "" if opset > 11 else m.const([])
        results = [m.op("Resize", x, empty, s, coordinate_transformation_mode=c, nearest_mode=n) for s in scales for c, n in modes]
        results += [m.op("Resize", x, empty, "" if opset > 11 else m.const([]), m.ints(1, 1, 7, 3)), m.op("Resize", x, empty, scales[0])]
        m.save(*results)
    m = Model("resize_policy", 18)
    x = m.input(1, 1, 4, 6)
    m.save(*[m.op("Resize", x, "", "", m.ints(7, 9), axes=[2, 3], keep_aspect_ratio_policy=p) for p in ("not_larger", "not_smaller")])


def folding():
    m = Model("folded_shapes")
    x = m.input(2, 3, 4)
    shape = m.op("Shape", x)
    batch = m.op("Gather", shape, m.const(0, np.int64))
    rest = m.op("Unsqueeze", m.op("Mul", m.op("Gather", shape, m.const(1, np.int64)), m.op("Gather", shape, m.const(2, np.int64))), m.ints(0))
    flat = m.op("Reshape", x, m.op("Concat", m.op("Unsqueeze", batch, m.ints(0)), rest, axis=0))
    half = m.op("Cast", m.op("Floor", m.op("Div", m.op("Cast", rest, to=T.FLOAT), m.const([2.0]))), to=T.INT64)
    m.save(flat, m.op("Slice", flat, m.ints(0), half, m.ints(1)), m.op("Add", flat, m.op("ConstantOfShape", rest, value=nh.from_array(np.array([0.5], np.float32)))))
    m = Model("folded_weights")
    x = m.input(2, 4)
    w = m.op("Transpose", m.op("Mul", m.weights(3, 4), m.const(0.5)))
    m.save(m.op("Relu", m.op("MatMul", x, w)), m.op("Add", m.op("MatMul", x, m.op("Reshape", w, m.ints(4, 3))), m.op("Sqrt", m.const([1.0, 2.0, 3.0]))))
    m = Model("folded_expand")
    x = m.input(2, 4)
    ones = m.op("Expand", m.const([[1.5]]), m.op("Shape", x))
    m.save(m.op("Sub", x, ones), m.op("Mul", x, m.op("Tile", m.weights(1, 2), m.ints(2, 2))), m.op("Add", x, m.op("Pad", m.weights(2, 2), m.ints(0, 1, 0, 1))))
    m = Model("folded_dequantize", 19)
    x = m.input(2, 4)
    bytes_of = lambda dtype, *shape: m.const(m.rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, shape), dtype)
    small = m.const(0.01)
    m.save(m.op("MatMul", x, m.op("DequantizeLinear", bytes_of(np.int8, 4, 3), small, m.const(-7, np.int8))),
           m.op("MatMul", x, m.op("DequantizeLinear", bytes_of(np.uint8, 4, 3), small, m.const(130, np.uint8))),
           m.op("MatMul", x, m.op("DequantizeLinear", bytes_of(np.int8, 4, 3), m.const([0.01, 0.02, 0.005]), m.const([1, 0, -3], np.int8), axis=1)),
           m.op("MatMul", x, m.op("DequantizeLinear", bytes_of(np.int8, 4, 3), small)),
           m.op("Add", x, m.op("DequantizeLinear", m.const([100000, -7, 3, 16777217], np.int32), m.const(1e-5))),
           optimized=False)  # which would quantise x too
    m = Model("folded_masks", 18)
    x = m.input(4, 4)
    i = lambda *v: m.const(v, np.int64)
    rows, columns = m.op("Unsqueeze", m.op("Range", m.const(0, np.int64), m.const(4, np.int64), m.const(1, np.int64)), i(1)), m.op("Range", m.const(0, np.int64), m.const(4, np.int64), m.const(1, np.int64))
    lower, odd = m.op("GreaterOrEqual", rows, columns), m.op("Equal", m.op("Mod", m.op("Add", rows, columns), m.const(2, np.int64)), m.const(1, np.int64))
    mask = lambda condition: m.op("Where", condition, m.const(1.0), m.const(-0.5))
    m.save(*[m.op("Mul", x, mask(c)) for c in (lower, odd, m.op("And", lower, odd), m.op("Or", lower, odd), m.op("Xor", lower, odd), m.op("Not", m.op("Less", rows, columns)))],
           m.op("Mul", x, m.op("Trilu", m.weights(4, 4))), m.op("Mul", x, m.op("Trilu", m.weights(4, 4), m.const(-1, np.int64), upper=0)),
           m.op("Add", x, m.op("Range", m.const(0.5), m.const(2.5), m.const(0.5))), m.op("Add", x, m.op("Cast", m.op("EyeLike", m.weights(4, 4), k=1), to=T.FLOAT)),
           m.op("Where", lower, x, m.const(0.25)), m.op("Where", odd, m.weights(4, 4), x), m.op("Where", lower, x, m.op("Transpose", x)))
    m = Model("folded_operators", 18)
    x = m.input(3, 4)
    w = m.weights(3, 4)
    whole = lambda v: m.op("Cast", v, to=T.FLOAT)
    chosen = m.op("Transpose", m.op("NonZero", m.const([[1, 0, 2, 0], [0, 3, 0, 0], [0, 0, 0, 4]], np.int64)))
    top, places = m.op("TopK", w, i(2), outputs=2)
    split = m.op("Split", m.const([[1, 2], [3, 4], [5, 6]], np.int32), outputs=2, axis=1, num_outputs=2)
    m.save(m.op("Add", x, m.op("Softmax", w)), m.op("Add", x, m.op("LogSoftmax", w, axis=0)), m.op("Add", x, m.op("Hardmax", w)), m.op("Add", x, m.op("CumSum", w, m.const(1, np.int64), reverse=1)),
           m.op("MatMul", x, m.op("Einsum", w, m.weights(3, 5), equation="ij,ik->jk")), m.op("Reshape", m.op("Add", x, m.op("ReduceLogSumExp", w, i(1))), i(4, 3)),
           m.op("Add", x, whole(m.op("ScatterND", m.const(np.zeros((3, 4))), chosen, m.const([1.0, 2.0, 3.0, 4.0])))), m.op("Add", m.op("Gather", x, i(0), axis=0), m.op("GatherND", w, chosen)),
           m.op("Add", x, whole(m.op("OneHot", i(1, 3, 0), m.const(4, np.int64), i(2, 5)))), m.op("Gather", x, m.op("ArgMax", w, axis=1, keepdims=0), axis=1), m.op("Mul", x, m.op("ReduceProd", w, i(0))),
           m.op("Mul", m.op("Gather", x, i(0, 1), axis=1), top), m.op("Gather", x, m.op("GatherElements", places, m.const([[1, 0]] * 3, np.int64), axis=1), axis=1),
           m.op("Add", x, m.op("ScatterElements", w, m.const([[0, 1, 2, 0]], np.int64), m.const([[9.0, 8.0, 7.0, 6.0]]), axis=0)), m.op("Add", x, m.op("LayerNormalization", w, m.const([1.0, 2.0, 3.0, 4.0]))),
           m.op("Mul", x, m.op("HannWindow", m.const(4, np.int64))), m.op("Add", m.op("Gather", x, i(0, 1), axis=1), whole(m.op("Concat", *split, axis=1))),
           m.op("Mul", x, whole(m.op("BitwiseAnd", m.const([[3, 5, 6, 7]], np.uint8), m.const([6], np.uint8)))), m.op("Mul", x, whole(m.op("Compress", m.const([4, 5, 6, 7, 8], np.int32), m.const([1, 0, 1, 1, 1], bool), axis=0))),
           m.op("Mul", x, whole(m.op("Cast", m.const([0.5, 1.9, -1.9, 16777217.0], np.float64), to=T.INT32))))


def ranges():
    """Inputs that one scale for a tensor, or a scale from its values, does not fit."""
    def given(m, *rows):
        m.inputs[name := f"x{len(m.inputs)}"] = np.array(rows, np.float32)
        return name

    m = Model("features_of_mixed_size")
    sizes = np.array([1000, 1, 1, 1, 0.01, 1, 1, 1])
    x = given(m, [1000, 0.42, -0.82, -1.05, 0.0013, 0.52, -0.12, 0.72])
    w = m.const(np.round(m.rng.normal(0, 0.5, (8, 16)), 3) / sizes[:, None])
    m.save(m.op("MatMul", m.op("Relu", m.op("MatMul", x, w)), m.weights(16, 4)))
    m = Model("features_standardised")
    x = given(m, [1.7e9, 41, 61000, 0.2])
    mean, deviation = m.const([[1.69e9, 35, 5e4, 0.5]]), m.const([[1e7, 12, 2e4, 0.3]])
    m.save(m.op("MatMul", m.op("Div", m.op("Sub", x, mean), deviation), m.weights(4, 4)))
    m = Model("features_of_channels")
    x = m.input(1, 3, 5, 5)
    m.inputs[x] *= np.array([1, 5000, 0.002], np.float32)[None, :, None, None]
    w = m.const(np.round(m.rng.normal(0, 0.5, (2, 3, 3, 3)), 3) / np.array([1, 5000, 0.002])[None, :, None, None])
    m.save(m.op("Conv", x, w, pads=[1, 1, 1, 1]))
    for kind in ("Sigmoid", "Tanh", "Exp", "Softplus", "Gelu", "Erf"):
        m = Model(f"blank_{kind.lower()}", 20)
        x = given(m, [0, 0, 0, 0])
        m.save(m.op(kind, m.op("MatMul", x, m.weights(4, 2))), m.op(kind, x), m.op("MatMul", m.op(kind, m.op(kind, x)), m.weights(4, 3)))
    m = Model("blank_image")
    x = m.input(1, 1, 6, 6, low=0, high=0)
    m.save(m.op("Tanh", m.op("Conv", x, m.weights(2, 1, 3, 3))))
    m = Model("cancelled_sigmoid")
    x = given(m, [1, 1, 1, 1])
    m.save(m.op("Sigmoid", m.op("MatMul", x, m.const([[2, 1], [-2, -1], [2, 1], [-2, -1]]))))


def attention():
    for opset, axis in ((17, -1), (17, 1), (11, 1), (11, 2)):
        m = Model(f"softmax_{opset}_{axis % 3}", opset)
        m.save(m.op("Softmax", m.input(2, 3, 4), axis=axis))
    for name, mask in (("infinite", -np.inf), ("smallest", np.finfo(np.float32).min), ("finite", -1e4)):
        m = Model(f"softmax_mask_{name}")
        scores = m.op("Add", m.input(2, 5, 5), m.const(np.triu(np.full((5, 5), mask), 1)[None]))
        m.save(m.op("Softmax", scores, axis=-1))
    m = Model("softmax_where")
    chosen = m.op("Where", m.const(np.tril(np.ones((4, 4))), np.bool_), m.input(3, 4, 4), m.const(-np.inf))
    m.save(m.op("Softmax", chosen, axis=-1))
    for axis in (-1, 1):
        m = Model(f"layer_norm_{axis % 3}")
        row = (4,) if axis == -1 else (3, 4)
        m.save(m.op("LayerNormalization", m.input(2, 3, 4), m.weights(*row), m.weights(*row), axis=axis, epsilon=1e-3))
    m = Model("layer_norm_without_bias")
    m.save(m.op("LayerNormalization", m.input(3, 8), m.weights(8)))
    m = Model("instance_norm")
    m.save(m.op("InstanceNormalization", m.input(2, 3, 4, 5), m.weights(3), m.weights(3)))
    m = Model("product_broadcast")
    m.save(m.op("MatMul", m.input(2, 1, 3, 4), m.input(3, 4, 5)))
    m = Model("product_vectors")
    m.save(m.op("MatMul", m.input(2, 3, 4), m.input(4)))
    m = Model("transformer")
    x, (seq, width, heads) = m.input(1, 6, 16), (6, 16, 2)
    y = m.op("LayerNormalization", x, m.weights(width), m.weights(width))
    parts = m.op("Split", m.op("MatMul", y, m.weights(width, 3 * width)), m.ints(width, width, width), outputs=3, axis=-1)
    q, k, v = (m.op("Reshape", part, m.ints(1, seq, heads, width // heads)) for part in parts)
    q, v, k = m.op("Transpose", q, perm=[0, 2, 1, 3]), m.op("Transpose", v, perm=[0, 2, 1, 3]), m.op("Transpose", k, perm=[0, 2, 3, 1])
    scores = m.op("Mul", m.op("MatMul", q, k), m.const(1 / np.sqrt(width // heads)))
    weights = m.op("Softmax", m.op("Add", scores, m.const(np.triu(np.full((seq, seq), -np.inf), 1))), axis=-1)
    context = m.op("Transpose", m.op("MatMul", weights, v), perm=[0, 2, 1, 3])
    x = m.op("Add", x, m.op("MatMul", m.op("Reshape", context, m.ints(1, seq, width)), m.weights(width, width)))
    y = m.op("MatMul", m.op("LayerNormalization", x, m.weights(width), m.weights(width)), m.weights(width, 4 * width))
    y = m.op("Mul", m.op("Mul", y, m.op("Add", m.op("Erf", m.op("Div", y, m.const(np.sqrt(2.0)))), m.const(1.0))), m.const(0.5))
    m.save(m.op("Add", x, m.op("MatMul", y, m.weights(4 * width, width))))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    for family in (unary, binary, conv, pool, matrices, reductions, movement, resize, folding, ranges, attention):
        family()
    size = sum(os.path.getsize(os.path.join(OUT, f)) for f in os.listdir(OUT))
    print(f"{len(os.listdir(OUT)) // 2} vectors, {size // 1024} KiB, onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")


if __name__ == "__main__":
    main()
