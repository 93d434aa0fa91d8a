"""Runs the PTX of `field.cu` without a device, and compares the results with Python's integers.

    python3 ptx.py field.ptx

What the emulated device cannot test is the text of the carry chains. This interprets it, with one carry flag and one
thread: enough for straight-line code with branches. Prints the instructions that each operation took.
"""

import random
import re
import sys

R = 1 << 256
FIELDS = {
    "fr": 21888242871839275222246405745257275088548364400416034343698204186575808495617,
    "fq": 21888242871839275222246405745257275088696311157297823662689037894645226208583,
}
MASK = (1 << 32) - 1


class Kernel:
    """A kernel: instructions, and where its labels are."""

    def __init__(self, name, body):
        self.name, self.code, self.labels = name, [], {}
        for line in body.splitlines():
            line = re.sub(r"//.*", "", line).strip()
            if not line or line.startswith("."):
                continue
            if line.endswith(":"):
                self.labels[line[:-1]] = len(self.code)
                continue
            guard, line = re.match(r"(?:@(!?%p\d+)\s+)?(.*);$", line).groups()
            op, _, arguments = line.partition(" ")
            arguments = re.findall(r"\{[^}]*\}|\[[^]]*\]|[^,\s]+", arguments)
            self.code.append((guard, op.strip(), arguments))

    def run(self, memory, parameters):
        """Runs the kernel on a bytearray; parameters are addresses in it. The number of instructions."""
        registers, carry, at, count = {}, 0, 0, 0

        def value(text):
            if text.startswith("%"):
                return registers[text]
            return int(text, 0)

        def address(text):
            name, _, offset = text.strip("[]").partition("+")
            return value(name) + (int(offset) if offset else 0)

        while True:
            guard, op, arguments = self.code[at]
            at += 1
            count += 1
            if guard and registers[guard.lstrip("!")] == guard.startswith("!"):
                continue
            parts = op.split(".")
            width = 64 if parts[-1] in ("u64", "s64", "b64") else 32
            mask = (1 << width) - 1
            if op == "ret":
                return count
            if parts[0] == "bra":
                at = self.labels[arguments[-1]]
            elif op.startswith("ld.param"):
                index = int(re.search(r"_param_(\d+)", arguments[1]).group(1))
                registers[arguments[0]] = parameters[index]
            elif op.startswith(("ld.global", "st.global")):
                is_load = parts[0] == "ld"
                vector, place = (arguments[0], arguments[1]) if is_load else (arguments[1], arguments[0])
                for i, name in enumerate(re.findall(r"[^{},\s]+", vector)):
                    start = address(place) + i * width // 8
                    if is_load:
                        registers[name] = int.from_bytes(memory[start : start + width // 8], "little")
                    else:
                        memory[start : start + width // 8] = (value(name) & mask).to_bytes(width // 8, "little")
            elif parts[0] == "setp":
                a, b = (value(x) & mask for x in arguments[1:])
                if parts[2].startswith("s"):
                    a, b = (x - (x >> (width - 1) << width) for x in (a, b))
                answers = {"eq": a == b, "ne": a != b, "lt": a < b, "gt": a > b, "le": a <= b, "ge": a >= b}
                registers[arguments[0]] = answers[parts[1]]
            elif parts[-1] == "pred":
                a, b = (registers[x] if x in registers else bool(int(x)) for x in arguments[1:3])
                registers[arguments[0]] = {"and": a and b, "or": a or b, "xor": a != b}[parts[0]]
            elif parts[0] == "selp":
                registers[arguments[0]] = value(arguments[1]) if registers[arguments[3]] else value(arguments[2])
            elif parts[0] == "mov" and arguments[0].startswith("{"):
                low, high = re.findall(r"%\w+", arguments[0])
                registers[low], registers[high] = value(arguments[1]) & MASK, value(arguments[1]) >> 32
            elif parts[0] == "mov" and arguments[1].startswith("{"):
                low, high = re.findall(r"%\w+", arguments[1])
                registers[arguments[0]] = registers[low] | registers[high] << 32
            else:
                a, *rest = (value(x) & mask for x in arguments[1:])
                with_carry = carry if parts[0] in ("addc", "madc", "subc") else 0
                if parts[0] in ("cvta", "mov", "cvt"):
                    result = a
                elif parts[0] in ("add", "addc"):
                    result = a + rest[0] + with_carry
                elif parts[0] in ("sub", "subc"):
                    result = a - rest[0] - with_carry
                elif parts[0] in ("mul", "mad", "madc"):
                    product = a * rest[0]
                    if parts[-1].startswith("s") and parts[1] == "hi":
                        raise NotImplementedError(op)
                    half = product >> width if parts[1] == "hi" else product & mask
                    result = half + (rest[1] if len(rest) > 1 else 0) + with_carry
                elif parts[0] in ("and", "or", "xor"):
                    result = {"and": a & rest[0], "or": a | rest[0], "xor": a ^ rest[0]}[parts[0]]
                elif parts[0] == "not":
                    result = ~a
                elif parts[0] == "neg":
                    result = -a
                elif parts[0] == "abs":
                    result = abs(a - (a >> (width - 1) << width))
                elif parts[0] == "shr":
                    result = (a - (a >> (width - 1) << width) if parts[1].startswith("s") else a) >> rest[0]
                elif parts[0] == "shl":
                    result = a << rest[0]
                elif parts[0] == "shf":
                    pair = a | rest[0] << 32
                    shift = rest[1] & 31
                    result = pair >> shift if parts[1] == "r" else (pair << shift) >> 32
                else:
                    raise NotImplementedError(op)
                if "cc" in parts:
                    carry = int(result < 0 or result > mask)
                registers[arguments[0]] = result & mask


def kernels(text):
    return {n: Kernel(n, b) for n, b in re.findall(r"\.entry (\w+)\([^)]*\)\s*\{(.*?)\n\}", text, re.DOTALL)}


def run(kernel, a, b, out_bytes):
    """The bytes that a kernel writes, from those of its arguments."""
    memory = bytearray(a + b + b"\xa5" * out_bytes)
    count = kernel.run(memory, [0, len(a), len(a) + len(b)])
    return bytes(memory[len(a) + len(b) :]), count


def encode(*numbers):
    return b"".join(n.to_bytes(32, "little") for n in numbers)


def samples(p, rng):
    edges = [0, 1, 2, p - 1, p - 2, R % p, p - R % p, R * R % p, (p - 1) // 2]
    edges += [(1 << bit) + d for bit in (31, 32, 63, 64, 96, 128, 160, 192, 224, 253) for d in (-1, 0, 1)]
    return [e % p for e in edges] + [rng.randrange(p) for _ in range(30)]


def check_fields(code, rng):
    counts = {}
    for field, p in FIELDS.items():
        inverse = pow(R, -1, p)
        expected = {
            "multiply": lambda a, b: a * b * inverse % p,
            "add": lambda a, b: (a + b) % p,
            "subtract": lambda a, b: (a - b) % p,
            "square": lambda a, b: a * a * inverse % p,
            "negate": lambda a, b: -a % p,
            "canonical": lambda a, b: a * inverse % p,
            "inverse": lambda a, b: (pow(a, -1, p) * R * R if a else 0) % p,
        }
        values = samples(p, rng)
        for name, f in expected.items():
            kernel = code.get(f"{field}_{name}")
            if not kernel:
                continue
            pairs = [(a, b) for a in values for b in values] if name in ("multiply", "add", "subtract") else [(a, 1) for a in values]
            for a, b in rng.sample(pairs, 1000) if len(pairs) > 1000 else pairs[:6] if name == "inverse" else pairs:
                out, counts[kernel.name] = run(kernel, encode(a), encode(b), 32)
                assert out == encode(f(a, b)), f"{kernel.name}({a}, {b}) = {int.from_bytes(out, 'little')}"
    p = FIELDS["fr"]
    for value in [0, 1, -1, 5, -(1 << 31), (1 << 63) - 1, -(1 << 63)] + [rng.randrange(-(1 << 63), 1 << 63) for _ in range(50)]:
        factor = rng.randrange(p)
        out, counts["fr_integer"] = run(code["fr_integer"], value.to_bytes(8, "little", signed=True) + bytes(8), encode(factor), 32)
        assert out == encode(value * factor * pow(R, -1, p) % p), f"fr_integer({value}, {factor})"
    return counts


def add_points(p, a, b):
    """The sum of affine points, None the identity."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % p == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, p)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, p)
    x = (slope * slope - a[0] - b[0]) % p
    return x, (slope * (a[0] - x) - a[1]) % p


def check_points(code, rng):
    counts = {}
    p = FIELDS["fq"]
    points, point = [None], (1, 2)
    for _ in range(5):
        points += [point, (point[0], -point[1] % p)]
        point = add_points(p, add_points(p, point, point), (1, 2))

    def extended(point):
        z = rng.randrange(1, p)
        x, y = point or (rng.randrange(p), rng.randrange(p))
        zz, zzz = (z * z, z * z * z) if point else (0, 0)
        return encode(*(v * R % p for v in (x * zz if point else x, y * zzz if point else y, zz, zzz)))

    def affine(encoded):
        x, y, zz, zzz = (int.from_bytes(encoded[i : i + 32], "little") * pow(R, -1, p) % p for i in range(0, 128, 32))
        assert zz**3 % p == zzz**2 % p or zz == 0
        return (x * pow(zz, -1, p) % p, y * pow(zzz, -1, p) % p) if zz else None

    for name, sign in ("point_add", 1), ("point_add_affine", 1), ("point_subtract_affine", -1):
        for a in points:
            for b in points:
                argument = extended(b) if name == "point_add" else encode(*(v * R % p for v in b or (0, 0)))
                out, count = run(code[name], extended(a), argument, 128)
                expected = add_points(p, a, b and (b[0], sign * b[1] % p))
                assert affine(out) == expected, f"{name}({a}, {b})"
                if a and b and a[0] != b[0]:
                    counts[name] = count
    return counts


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        code = kernels(file.read())
    rng = random.Random(2026)
    counts = check_fields(code, rng) | check_points(code, rng)
    missing = set(code) - set(counts)
    assert not missing, f"not checked: {missing}"
    print("PTX instructions: " + ", ".join(f"{name} {count}" for name, count in counts.items()))


if __name__ == "__main__":
    main()
