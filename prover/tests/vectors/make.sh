#!/bin/sh
# Makes the SRS test vectors: .ptau files of snarkjs 0.7 and one file of EZKL 23.0.5. Needs npx and `pip install ezkl==23.0.5`.
set -eu
cd "$(dirname "$0")"
npx snarkjs powersoftau new bn128 4 new.ptau
npx snarkjs powersoftau contribute new.ptau snarkjs_4.ptau --name=vector -e="test vector"
npx snarkjs powersoftau prepare phase2 snarkjs_4.ptau snarkjs_prepared_4.ptau
# To be refused: nobody contributed; another curve.
npx snarkjs powersoftau new bn128 1 snarkjs_new_1.ptau
npx snarkjs powersoftau new bls12-381 1 snarkjs_bls12381_1.ptau
# A beacon after a contribution, as ceremonies end.
npx snarkjs powersoftau contribute snarkjs_new_1.ptau new.ptau --name=vector -e="test vector"
npx snarkjs powersoftau beacon new.ptau snarkjs_beacon_1.ptau 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 10 --name=beacon
rm new.ptau
python3 -c "import ezkl; ezkl.gen_srs('ezkl_kzg4.srs', 4)"
