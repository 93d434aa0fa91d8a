#!/usr/bin/env bash
# Writes the key and the receipt of a model of 15 million weights, for `cargo test -p sworn-contracts`. Takes about a minute on two cores,
# and 4 GB of memory. Proofs are random, so the receipt changes with every run. The key does not, as long
# as numpy draws the same weights from their seed.
set -euo pipefail
cd "$(dirname "$0")/../../.."
cargo xtask models vgg16_cifar
model=target/models/vgg16_cifar
cargo run --release -- compile "$model/network.onnx" --calibrate "$model/input.json" --profile onchain -o "$model/onchain.sworn"
cargo run --release -- prove "$model/onchain.sworn" "$model/input.json" -o contracts/tests/vectors/vgg16_onchain.json
cp "$model/onchain.sworn/verifying.key" contracts/tests/vectors/vgg16_onchain.key
