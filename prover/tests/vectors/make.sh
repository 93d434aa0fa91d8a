#!/bin/sh
# Makes the SRS test vectors: two .ptau files of snarkjs 0.7 and one file of EZKL 23.0.5. Needs npx and `pip install ezkl==23.0.5`.
set -eu
cd "$(dirname "$0")"
npx snarkjs powersoftau new bn128 4 new.ptau
npx snarkjs powersoftau contribute new.ptau snarkjs_4.ptau --name=vector -e="test vector"
npx snarkjs powersoftau prepare phase2 snarkjs_4.ptau snarkjs_prepared_4.ptau
rm new.ptau
python3 -c "import ezkl; ezkl.gen_srs('ezkl_kzg4.srs', 4)"
