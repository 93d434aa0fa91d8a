"""Trains the digits classifier with numpy alone and writes every other file of this folder.

    python3 -m venv VENV && VENV/bin/pip install -r requirements.txt
    VENV/bin/python train.py            # half a minute on one core
    VENV/bin/python train.py --check    # trains nothing: measures digits.onnx over test.npz

The data are scikit-learn's handwritten digits: 1797 real images of 8x8 pixels with values 0 to 16, a copy of the test set of
UCI's "Optical Recognition of Handwritten Digits". The network reads the pixel values as they are; the 1/16 that training wants is
folded into the first convolution.

    [batch, 1, 8, 8] -> Conv 8 3x3, Relu, MaxPool 2 -> Conv 16 3x3, Relu, MaxPool 2 -> Flatten -> Gemm 32, Relu -> Gemm 10
"""
import argparse, json, pathlib
import numpy as np

HERE = pathlib.Path(__file__).parent
SEED, EPOCHS, BATCH, RATE, TEST_IMAGES, CALIBRATION_IMAGES = 7, 150, 32, 3e-3, 360, 32
PIXEL_MAX = 16.0


# --- Data ---------------------------------------------------------------------------------------------------------------

def split():
    """Train and test images and labels; every class has its share of the test split."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    digits = load_digits()
    x = digits.images.astype(np.uint8).reshape(-1, 1, 8, 8)
    return train_test_split(x, digits.target.astype(np.uint8), test_size=TEST_IMAGES, stratify=digits.target, random_state=SEED)


def shifted(rng, x):
    """Half of the images moved by -1, 0 or 1 pixels along each axis, with zeros moved in."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    moves = np.where(rng.random((len(x), 1)) < 0.5, rng.integers(0, 3, (len(x), 2)), 1)
    return np.stack([p[:, i:i + 8, j:j + 8] for p, (i, j) in zip(padded, moves)])


# --- Layers: each answers its output and the function from the output's gradient to (input gradient, parameter gradients) ---

def conv(x, w, b):
    """3x3 convolution with padding 1, as nine shifted matrix products."""
    size = x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = lambda t: [t[:, :, i:i + size[0], j:j + size[1]] for i in range(3) for j in range(3)]
    columns = np.stack(windows(padded), axis=2).reshape(len(x), -1, size[0] * size[1])
    flat = w.reshape(len(w), -1)
    y = (flat @ columns).reshape(len(x), len(w), *size) + b[None, :, None, None]

    def backward(dy):
        d = dy.reshape(len(x), len(w), -1)
        dw = np.einsum("nop,nip->oi", d, columns, optimize=True).reshape(w.shape)
        dcolumns = (flat.T @ d).reshape(len(x), x.shape[1], 9, *size)
        dpadded = np.zeros_like(padded)
        for k, window in enumerate(windows(dpadded)):
            window += dcolumns[:, :, k]
        return dpadded[:, :, 1:-1, 1:-1], (dw, d.sum((0, 2)))

    return y, backward


def dense(x, w, b):
    return x @ w.T + b, lambda dy: (dy @ w, (dy.T @ x, dy.sum(0)))


def relu(x):
    return np.maximum(x, 0), lambda dy: (dy * (x > 0), ())


def pool(x):
    """2x2 max pooling; a tie sends the gradient to the first of the equals."""
    n, c, h, v = x.shape
    blocks = x.reshape(n, c, h // 2, 2, v // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, v // 2, 4)
    best = blocks.argmax(-1)[..., None]

    def backward(dy):
        d = np.zeros_like(blocks)
        np.put_along_axis(d, best, dy[..., None], -1)
        return d.reshape(n, c, h // 2, v // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(x.shape), ()

    return np.take_along_axis(blocks, best, -1)[..., 0], backward


def flatten(x):
    return x.reshape(len(x), -1), lambda dy: (dy.reshape(x.shape), ())


LAYERS = [conv, relu, pool, conv, relu, pool, flatten, dense, relu, dense]
SHAPES = [(8, 1, 3, 3), (16, 8, 3, 3), (32, 64), (10, 32)]


def forward(params, x):
    """The logits and the gradient function of every layer."""
    params, tape = iter(params), []
    for layer in LAYERS:
        x, backward = layer(x, next(params), next(params)) if layer in (conv, dense) else layer(x)
        tape.append(backward)
    return x, tape


def gradients(params, x, y):
    """Of the mean cross-entropy, in the order of the parameters."""
    logits, tape = forward(params, x)
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    d, grads = p / len(y), []
    for backward in reversed(tape):
        d, g = backward(d)
        grads = [*g, *grads]
    return grads


def train(x, y):
    """Adam with a cosine schedule; the parameters as float32, for pixels of 0 to 16."""
    rng = np.random.default_rng(SEED)
    params = []
    for shape in SHAPES:
        params += [rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape), np.zeros(shape[0])]
    m, v, step, steps = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params], 0, EPOCHS * (len(x) // BATCH)
    for epoch in range(EPOCHS):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - BATCH + 1, BATCH):
            pick, step = order[start:start + BATCH], step + 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
            for i, g in enumerate(gradients(params, shifted(rng, x[pick]) / PIXEL_MAX, y[pick])):
                m[i] += 0.1 * (g - m[i])
                v[i] += 0.001 * (g * g - v[i])
                params[i] -= rate * (m[i] / (1 - 0.9**step) / (np.sqrt(v[i] / (1 - 0.999**step)) + 1e-8) + 1e-4 * params[i])
        if epoch % 30 == 29:
            print(f"epoch {epoch + 1}: train accuracy {(forward(params, x / PIXEL_MAX)[0].argmax(1) == y).mean():.4f}")
    params[0] = params[0] / PIXEL_MAX
    return [p.astype(np.float32) for p in params]


# --- Files --------------------------------------------------------------------------------------------------------------

def save_onnx(params, path):
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    names = [f"{layer}.{kind}" for layer in ("conv1", "conv2", "dense1", "dense2") for kind in ("weight", "bias")]
    conv_attrs = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1]}
    pool_attrs = {"kernel_shape": [2, 2], "strides": [2, 2]}
    chain = [("Conv", "conv1", conv_attrs), ("Relu", "relu1", {}), ("MaxPool", "pool1", pool_attrs),
             ("Conv", "conv2", conv_attrs), ("Relu", "relu2", {}), ("MaxPool", "pool2", pool_attrs),
             ("Flatten", "flatten", {"axis": 1}), ("Gemm", "dense1", {"transB": 1}), ("Relu", "relu3", {}), ("Gemm", "dense2", {"transB": 1})]
    nodes, x = [], "image"
    for kind, name, attrs in chain:
        y = "logits" if name == "dense2" else f"{name}.out"
        reads = [x, f"{name}.weight", f"{name}.bias"] if kind in ("Conv", "Gemm") else [x]
        nodes.append(helper.make_node(kind, reads, [y], name=name, **attrs))
        x = y
    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(p, n) for p, n in zip(params, names)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="examples/digits/train.py")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def write():
    train_x, test_x, train_y, test_y = split()
    params = train(train_x.astype(np.float64), train_y)
    save_onnx(params, HERE / "digits.onnx")
    np.savez(HERE / "test.npz", x=test_x, y=test_y)
    np.save(HERE / "calibration.npy", train_x[:CALIBRATION_IMAGES].astype(np.float32))
    (HERE / "images").mkdir(exist_ok=True)
    for digit in range(10):
        image = test_x[test_y == digit][0]
        with open(HERE / "images" / f"{digit}.json", "w") as f:
            json.dump({"input_data": [[float(p) for p in image.reshape(-1)]], "input_shapes": [[1, 1, 8, 8]]}, f)
            f.write("\n")


def check():
    import onnxruntime
    test = np.load(HERE / "test.npz")
    session = onnxruntime.InferenceSession(HERE / "digits.onnx", providers=["CPUExecutionProvider"])
    right = int((session.run(None, {"image": test["x"].astype(np.float32)})[0].argmax(1) == test["y"]).sum())
    print(f"{sum(map(np.prod, SHAPES)) + sum(s[0] for s in SHAPES)} parameters")
    print(f"float accuracy (onnxruntime): {right} of {len(test['y'])} = {100 * right / len(test['y']):.2f} %")
    for path in sorted((HERE / "images").glob("*.json")):
        data = json.load(open(path))
        logits = session.run(None, {"image": np.array(data["input_data"][0], np.float32).reshape(data["input_shapes"][0])})[0]
        print(f"images/{path.name} is read as {logits.argmax()}")


if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--check", action="store_true", help="measure the accuracy of digits.onnx and stop")
    if not args.parse_args().check:
        write()
    check()
