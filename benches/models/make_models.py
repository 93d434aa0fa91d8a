"""Makes the benchmark models: ONNX files with seeded random weights, since the cost of a proof does not depend on their values.

    python3 -m venv VENV && VENV/bin/pip install -r requirements.txt
    VENV/bin/python make_models.py OUT [NAME ...]     # no name: every model but the large ones
    VENV/bin/python make_models.py --list

Each model gives OUT/NAME/network.onnx and OUT/NAME/input.json ({"input_data": [[...]], "input_shapes": [[...]]}). Weights are
He-initialised and inputs are uniform in [0, 1), both from a seed that is the model's name.
"""
import argparse, json, pathlib, zlib
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Chain:
    """An ONNX graph that grows at its end: every method appends nodes behind `self.at`, the tensor reached so far."""

    def __init__(self, name, *shape):
        self.name, self.input_shape = name, (1, *shape)
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.nodes, self.weights = [], []
        self.at, self.shape = "input", shape        # shape: without the batch, which is 1

    def node(self, kind, *operands, **attrs):
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [self.at, *operands], [f"{name}.out"], name=name, **attrs))
        self.at = f"{name}.out"
        return self

    def weight(self, kind, shape, std):
        name = f"{kind}_{len(self.nodes)}_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(self.rng.normal(0, std, shape).astype(np.float32), name))
        return name

    def conv(self, channels, kernel, stride=1, pad=0, groups=1):
        c, h, w = self.shape
        weight = self.weight("weight", (channels, c // groups, kernel, kernel), np.sqrt(2 * groups / (c * kernel * kernel)))
        self.node("Conv", weight, self.weight("bias", (channels,), 0.05),
                  kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups)
        self.shape = (channels, (h + 2 * pad - kernel) // stride + 1, (w + 2 * pad - kernel) // stride + 1)
        return self

    def dense(self, width):
        if len(self.shape) > 1:
            self.node("Flatten", axis=1)
        size = int(np.prod(self.shape))
        self.node("Gemm", self.weight("weight", (width, size), np.sqrt(2 / size)), self.weight("bias", (width,), 0.05), transB=1)
        self.shape = (width,)
        return self

    def relu(self):
        return self.node("Relu")

    def pool(self, kind):
        """2x2 pooling with stride 2: `kind` is MaxPool or AveragePool."""
        self.shape = (self.shape[0], self.shape[1] // 2, self.shape[2] // 2)
        return self.node(kind, kernel_shape=[2, 2], strides=[2, 2])

    def average(self):
        self.shape = (self.shape[0], 1, 1)
        return self.node("GlobalAveragePool")

    def residual(self, channels, stride):
        """Two 3x3 convolutions, plus the input (through a 1x1 convolution if its shape differs)."""
        start, shape = self.at, self.shape
        self.conv(channels, 3, stride, pad=1).relu().conv(channels, 3, pad=1)
        body, out = self.at, self.shape
        self.at, self.shape = start, shape
        if shape != out:
            self.conv(channels, 1, stride)
        return self.node("Add", body).relu()

    def save(self, folder):
        graph = helper.make_graph(
            self.nodes, self.name,
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, self.input_shape)],
            [helper.make_tensor_value_info(self.at, TensorProto.FLOAT, (1, *self.shape))], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="benches/models/make_models.py")
        onnx.checker.check_model(model, full_check=True)
        folder = pathlib.Path(folder) / self.name
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(model, folder / "network.onnx")
        values = self.rng.random(self.input_shape, dtype=np.float32)
        with open(folder / "input.json", "w") as f:
            json.dump({"input_data": [values.reshape(-1).tolist()], "input_shapes": [list(self.input_shape)]}, f)
        return sum(int(np.prod(w.dims)) for w in self.weights)


# --- The models -----------------------------------------------------------------------------------------------------------

def one_relu(name):
    return Chain(name, 3).relu()


def one_conv(name):
    return Chain(name, 1, 5, 5).conv(2, 3)


def mlp_16(name):
    """EZKL's 1l_mlp: sixteen weights."""
    return Chain(name, 4).dense(4).relu()


def mnist_cnn4(name):
    return Chain(name, 1, 28, 28).conv(4, 5, stride=2).relu().conv(4, 5, stride=2).relu().dense(10)


def lenet5(name):
    pool = {"lenet5_max": "MaxPool", "lenet5_avg": "AveragePool"}[name]
    features = Chain(name, 1, 28, 28).conv(6, 5, pad=2).relu().pool(pool).conv(16, 5).relu().pool(pool)
    return features.dense(120).relu().dense(84).relu().dense(10)


def mlp(name):
    """The name lists the widths."""
    first, *hidden, last = map(int, name.split("_")[1:])
    chain = Chain(name, first)
    for width in hidden:
        chain.dense(width).relu()
    return chain.dense(last)


def resnet(name):
    stages = {"resnet8_cifar": [(16, 1, 1), (32, 2, 1), (64, 2, 1)], "resnet18_cifar": [(64, 1, 2), (128, 2, 2), (256, 2, 2), (512, 2, 2)]}[name]
    chain = Chain(name, 3, 32, 32).conv(stages[0][0], 3, pad=1).relu()
    for channels, stride, blocks in stages:
        for block in range(blocks):
            chain.residual(channels, stride if block == 0 else 1)
    return chain.average().dense(10)


def mobilenet_tiny(name):
    chain = Chain(name, 3, 32, 32).conv(8, 3, stride=2, pad=1).relu()
    for channels, stride in ((16, 1), (32, 2), (32, 1), (64, 2)):
        inner = chain.shape[0]
        chain.conv(inner, 3, stride, pad=1, groups=inner).relu().conv(channels, 1).relu()
    return chain.average().dense(10)


def vgg16_cifar(name):
    chain = Chain(name, 3, 32, 32)
    for channels, convs in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(convs):
            chain.conv(channels, 3, pad=1).relu()
        chain.pool("MaxPool")
    return chain.dense(512).relu().dense(10)


MODELS = {
    "1l_relu": one_relu, "1l_conv": one_conv, "mlp_16": mlp_16, "mnist_cnn4": mnist_cnn4, "lenet5_avg": lenet5, "lenet5_max": lenet5,
    "mlp_784_128_10": mlp, "mlp_784_512_256_10": mlp, "mobilenet_tiny": mobilenet_tiny, "resnet8_cifar": resnet,
    "resnet18_cifar": resnet, "vgg16_cifar": vgg16_cifar,
}
LARGE = {"resnet18_cifar", "vgg16_cifar"}           # tens of megabytes each


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print the names of the models and stop")
    parser.add_argument("out", nargs="?", help="folder that the models' folders go to")
    parser.add_argument("names", nargs="*", metavar="NAME", help="models to make")
    args = parser.parse_args()
    if args.list:
        return print("\n".join(MODELS))
    unknown = [name for name in args.names if name not in MODELS]
    if not args.out or unknown:
        parser.error(f"no model {', '.join(unknown)}; see --list" if unknown else "OUT is missing")
    for name in args.names or [name for name in MODELS if name not in LARGE]:
        print(f"{name}: {MODELS[name](name).save(args.out)} parameters", flush=True)


if __name__ == "__main__":
    main()
