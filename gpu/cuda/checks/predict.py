"""Predicts what commitments, transforms and the proofs made of them take on a card, from the instructions of a product and the numbers of products.

    nvcc -cubin -arch=sm_90 field.cu -o field.cubin; nvdisasm -c field.cubin > field.sass
    python3 predict.py field.sass [--processors 132 --ghz 1.98 --terabytes 4.8]

A prediction, not a measurement. For each kernel it takes the larger of two times, and adds them up:

    products · multiplications / (64 a clock · processors · clock)        bytes / bandwidth

An IMAD.WIDE gives 64 bits of a product of 32-bit numbers. Throughput tables give the rate of 32-bit results, 64 a clock and
processor; so the slow prediction counts one IMAD.WIDE as two, the fast one as one. Neither has an allowance for latency,
occupancy, launches, or memory that is not read in whole lines: a real card takes longer. Sizes of windows, runs and tiles are
read from the sources, so that they are those of the kernels.
"""

import argparse
import math
import pathlib
import re

SOURCES = pathlib.Path(__file__).parent.parent
FIELD, AFFINE, POINT = 32, 64, 128
LANES = 64
COSETS = 4
# log₂ of the rows, commitments of integers and of field elements, polynomials on cosets, weights in a row.
PROOFS = {"lenet5_max": (11, 40, 47, 114, 40), "vgg16_cifar": (16, 24, 30, 95, 256)}


def sass_counts(text):
    """Instructions of each function by kind: wide multiplications, other multiplications, the rest of the arithmetic."""
    counts = {}
    for name, body in re.findall(r"^\.text\.(\w+):\n(.*?)(?=^//-----|\Z)", text, re.DOTALL | re.MULTILINE):
        kinds = {"wide": 0, "multiply": 0, "other": 0}
        for op in re.findall(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)", body):
            if op.startswith("IMAD.WIDE"):
                kinds["wide"] += 1
            elif op.startswith("IMAD") and ".MOV" not in op and ".X" not in op:
                kinds["multiply"] += 1
            elif op.startswith(("IADD3", "LOP3", "SEL", "ISETP", "SHF", "IMAD")):
                kinds["other"] += 1
        counts[name] = kinds
    return counts


def constant(file, name):
    """A constant of the kernels' sources."""
    text = (SOURCES / file).read_text(encoding="utf-8")
    found = re.search(rf"\b{name} = (\d+)\b", text)
    assert found, f"{file} has no constant {name}"
    return int(found.group(1))


class Card:
    def __init__(self, args, product, wide_cost):
        self.rate = LANES * args.processors * args.ghz * 1e9
        self.bandwidth = args.terabytes * 1e12
        self.product = product["wide"] * wide_cost + product["multiply"]

    def seconds(self, products, bytes_):
        return max(products * self.product / self.rate, bytes_ / self.bandwidth)


def window(rows, bits):
    """As `window_width` and `num_windows` of msm.cu: bits of a window, and how many there are."""
    cost = lambda width: math.ceil((bits + 1) / width) * (rows + (3 << (width - 1)))
    width = min(range(3, 17), key=lambda width: (cost(width), width))
    return width, math.ceil((bits + 1) / width)


def commitment(card, rows, bits, column_bytes):
    """Kernels of msm.cu."""
    affine, full, per_bucket = 10, 14, 28
    width, windows = window(rows, bits)
    pairs, buckets = rows * windows, windows << (width - 1)
    partial = 2 * pairs / constant("msm.cu", "kRun")
    passes = math.ceil(width / constant("sort.cuh", "kDigitBits"))
    return (
        card.seconds(rows if column_bytes == FIELD else 0, rows * column_bytes + pairs * 8)  # digits
        + passes * card.seconds(0, pairs * (4 + 4 + 8 + 8))  # counts, then scatters
        + card.seconds(pairs * affine, pairs * (8 + AFFINE) + (buckets + partial) * POINT)  # runs
        + card.seconds(partial * full, 2 * partial * POINT)  # runs of runs; later ones are short
        + card.seconds(buckets * per_bucket, buckets * POINT)  # windows
    )


def transform(card, rows, is_coset):
    """Kernels of ntt.cu: the values are scaled on their way in, then each pass reads and writes all rows."""
    levels = int(math.log2(rows))
    tile = constant("ntt.cu", "kLogTile")
    seconds = card.seconds(rows * (2 if is_coset else 1), rows * 2 * FIELD)
    for top in range(0, levels, tile):
        count = min(tile, levels - top)
        # A twiddle for each butterfly: half as many bytes again a level, if no cache has them.
        seconds += card.seconds(rows / 2 * count, rows * 2 * FIELD + rows / 2 * count * FIELD)
    return seconds


def proof(card, log_rows, integers, fields, polynomials, lanes):
    """Kernels of a whole proof, of the sizes that `sworn inspect` prints; weights are read for two combinations and once for values.
    Gates, scans and inverses are left out: a few hundred products a row."""
    rows = 1 << log_rows
    transforms = transform(card, rows, False) + COSETS * transform(card, rows, True)
    return (
        integers * commitment(card, rows, 16, 2)
        + fields * commitment(card, rows, 254, FIELD)
        + polynomials * transforms
        + 3 * card.seconds(rows * lanes, rows * lanes * 2)
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sass", help="nvdisasm's text of field.cu for the card's architecture")
    parser.add_argument("--processors", type=int, default=132, help="streaming multiprocessors (H200: 132)")
    parser.add_argument("--ghz", type=float, default=1.98, help="clock (H200: 1.98 boost)")
    parser.add_argument("--terabytes", type=float, default=4.8, help="terabytes a second of memory (H200: 4.8)")
    args = parser.parse_args()
    counts = sass_counts(pathlib.Path(args.sass).read_text(encoding="utf-8"))
    product = counts["fq_multiply"]
    assert product["wide"] + product["multiply"] >= 128, f"no product of 256 bits has {product}"
    print("| operation | IMAD.WIDE | other IMAD | other arithmetic |\n|---|---|---|---|")
    for name in ("fr_multiply", "fq_multiply", "fq_square", "fq_add", "fq_subtract", "fr_integer"):
        print(f"| {name} | {counts[name]['wide']} | {counts[name]['multiply']} | {counts[name]['other']} |")
    fast, slow = Card(args, product, 1), Card(args, product, 2)
    print(f"\nproducts a second: {slow.rate / slow.product:.3g} to {fast.rate / fast.product:.3g}")
    print("\n| prediction, ms | log₂ rows | fast | slow |\n|---|---|---|---|")
    for name, predict in (
        ("msm", lambda card, rows: commitment(card, rows, 254, FIELD)),
        ("msm 16-bit", lambda card, rows: commitment(card, rows, 16, 2)),
        ("ntt", lambda card, rows: transform(card, rows, False)),
        ("coset", lambda card, rows: transform(card, rows, True)),
    ):
        for log in (16, 20, 24):
            times = [predict(card, 1 << log) * 1e3 for card in (fast, slow)]
            assert 0 < times[0] <= times[1]
            print(f"| {name} | {log} | {times[0]:.3f} | {times[1]:.3f} |")
    for name, sizes in PROOFS.items():
        times = [proof(card, *sizes) * 1e3 for card in (fast, slow)]
        print(f"| proof of {name} | {sizes[0]} | {times[0]:.3f} | {times[1]:.3f} |")


if __name__ == "__main__":
    main()
