#!/bin/sh
# Deploys the data contracts, then the model's verifier, which deploys the verifier that it calls.
#
#   RPC_URL=... ./deploy.sh --interactive        any option of cast and forge that names an account
set -eu
cd "$(dirname "$0")"
: "${RPC_URL:?the node to deploy by}"

warning=""
[ -z "$warning" ] || echo "$warning" >&2

addresses=""
index=0
while [ -f "data/$index.hex" ]; do
    address=$(cast send --rpc-url "$RPC_URL" "$@" --json --create "$(tr -d '\n' < "data/$index.hex")" |
        sed -n 's/.*"contractAddress":"\(0x[0-9a-fA-F]*\)".*/\1/p')
    [ -n "$address" ] || { echo "data $index: not deployed" >&2; exit 1; }
    echo "data $index: $address"
    addresses="$addresses${addresses:+,}$address"
    index=$((index + 1))
done
forge create --rpc-url "$RPC_URL" "$@" --broadcast src/ModelVerifier.sol:ModelVerifier --constructor-args "[$addresses]"
