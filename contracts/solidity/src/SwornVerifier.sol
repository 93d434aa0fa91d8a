// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {SwornErrors} from "./SwornErrors.sol";

/// @title Verifier of Sworn proofs: halo2 with KZG on BN254, SHPLONK openings and a Keccak-256 transcript.
/// @notice The same contract for every model. What it verifies is a verifying key in data contracts, pinned at deployment.
/// @dev Interprets the key's data: programs of multiply-adds over slots of memory, and a list of multiplications of points.
///      The format is in `contracts/src/data.rs`; the steps below are those of `verify` in Rust.
contract SwornVerifier is SwornErrors {
    /// @notice The first data contract: header, programs, constants, and points if they fit.
    address public immutable DATA;
    /// @notice Its code hash, which identifies the verifying key.
    bytes32 public immutable DATA_HASH;

    /// @dev The other data contracts: points in the order of their use. Never written after construction.
    address[] private _parts;

    /// @param data All data contracts in their order.
    /// @param dataHash Code hash of the first, which pins the others.
    constructor(address[] memory data, bytes32 dataHash) {
        if (data.length == 0 || data[0].codehash != dataHash) revert DataMismatch(0);
        address main = data[0];
        uint256 count;
        bytes32 magic;
        assembly ("memory-safe") {
            // Magic and version; the number of other data contracts.
            extcodecopy(main, 0, 1, 0x20)
            magic := and(mload(0), shl(192, 0xffffffffffffffff))
            extcodecopy(main, 0, 0x5d, 0x20)
            count := shr(224, mload(0))
        }
        if (magic != bytes32(bytes8(0x5357524e00000002)) || data.length != count + 1) revert DataMismatch(0);
        for (uint256 i = 1; i <= count; i++) {
            bytes32 expected;
            assembly ("memory-safe") {
                extcodecopy(main, 0, add(0x1a1, shl(5, i)), 0x20)
                expected := mload(0)
            }
            if (data[i].codehash != expected) revert DataMismatch(i);
            _parts.push(data[i]);
        }
        DATA = main;
        DATA_HASH = dataHash;
        _checkReferenceString(main);
        _checkPrecompiles();
    }

    /// @dev [s]G2 is neither the identity nor ±G2, or everybody would know s: 0, 1 or −1. −G2 and G, which the data have too, are the
    ///      curve's generators.
    function _checkReferenceString(address main) private view {
        bool good;
        assembly ("memory-safe") {
            let m := mload(0x40)
            // The coordinates of G2, as the pairing reads them: x1, x0, y1, y0.
            let x1 := 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2
            let x0 := 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed
            extcodecopy(main, m, 0x81, 0x140)
            let some := or(or(mload(m), mload(add(m, 0x20))), or(mload(add(m, 0x40)), mload(add(m, 0x60))))
            good := gt(some, 0)
            good := and(good, iszero(and(eq(mload(m), x1), eq(mload(add(m, 0x20)), x0))))
            good := and(good, and(eq(mload(add(m, 0x80)), x1), eq(mload(add(m, 0xa0)), x0)))
            good := and(good, eq(mload(add(m, 0xc0)), 0x275dc4a288d1afb3cbb1ac09187524c7db36395df7be3b99e673b13a075a65ec))
            good := and(good, eq(mload(add(m, 0xe0)), 0x1d9befcd05a5323e6da4d435f3b617cdb3af83285c2df711ef39c01571827f9d))
            good := and(good, and(eq(mload(add(m, 0x100)), 1), eq(mload(add(m, 0x120)), 2)))
        }
        if (!good) revert DegenerateReferenceString();
    }

    /// @dev 2·G by `ecMul` is G + G by `ecAdd`: a call of a contract that does not exist would succeed and leave the sum as it is.
    function _checkPrecompiles() private view {
        bool good;
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, 1)
            mstore(add(m, 0x20), 2)
            mstore(add(m, 0x40), 2)
            good := staticcall(gas(), 7, m, 0x60, add(m, 0x80), 0x40)
            good := and(good, eq(returndatasize(), 0x40))
            mstore(add(m, 0x40), 1)
            mstore(add(m, 0x60), 2)
            good := and(good, staticcall(gas(), 6, m, 0x80, m, 0x40))
            good := and(good, eq(returndatasize(), 0x40))
            good := and(good, eq(keccak256(m, 0x40), keccak256(add(m, 0x80), 0x40)))
        }
        if (!good) revert PrecompileFailed();
    }

    /// @notice Reverts for every call that is no function of this contract.
    fallback() external {
        revert UnknownFunction();
    }

    /// @notice Digest of the verifying key, the state in which the transcript starts.
    function keyDigest() external view returns (bytes32 digest) {
        address data = DATA;
        if (data.codehash != DATA_HASH) revert DataMismatch(0);
        assembly ("memory-safe") {
            extcodecopy(data, 0, 0x61, 0x20)
            digest := mload(0)
        }
    }

    /// @notice Identity of the reference string: Keccak-256 of [s]G2, as the pairing reads it.
    function srsIdentity() external view returns (bytes32 identity) {
        address data = DATA;
        if (data.codehash != DATA_HASH) revert DataMismatch(0);
        assembly ("memory-safe") {
            let m := mload(0x40)
            extcodecopy(data, m, 0x81, 0x80)
            identity := keccak256(m, 0x80)
        }
    }

    /// @notice Returns if the proof is valid for the public values in the context, and reverts if not.
    /// @dev Accepts one encoding of the arguments only: no other contract can read other arguments from the same calldata.
    ///      The first argument is the public values, elements of the scalar field, each below its order r. The second is the context that
    ///      the proof was made for, any word; zero if for none. The third is the proof, exactly.
    function verify(uint256[] calldata, bytes32, bytes calldata) external view {
        address data = DATA;
        // Again: a contract that was made and destroyed in one transaction can be made again, with other code.
        if (data.codehash != DATA_HASH) revert DataMismatch(0);
        assembly ("memory-safe") {
            function fail(selector) {
                mstore(0, shl(224, selector))
                revert(0, 4)
            }

            // A field of the header.
            function field(at) -> value {
                value := shr(224, mload(add(0x400, at)))
            }

            // All words of a range of calldata are below r: four at a time, and the rest.
            function checkScalars(from, count, r, selector) {
                let good := 1
                let end := add(from, shl(5, count))
                for {} gt(sub(end, from), 0x7f) { from := add(from, 0x80) } {
                    good :=
                        and(
                            and(good, and(lt(calldataload(from), r), lt(calldataload(add(from, 0x20)), r))),
                            and(lt(calldataload(add(from, 0x40)), r), lt(calldataload(add(from, 0x60)), r))
                        )
                }
                for {} lt(from, end) { from := add(from, 0x20) } {
                    good := and(good, lt(calldataload(from), r))
                }
                if iszero(good) { fail(selector) }
            }

            // All points of a range of calldata are canonical and on the curve y² = x³ + 3, which excludes the identity (0, 0).
            function checkPoints(from, end) {
                let q := 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47
                let high := 0
                let off := 0
                for {} lt(from, end) { from := add(from, 0x40) } {
                    let x := calldataload(from)
                    let y := calldataload(add(from, 0x20))
                    high := or(high, iszero(and(lt(x, q), lt(y, q))))
                    off := or(off, xor(mulmod(y, y, q), addmod(mulmod(mulmod(x, x, q), x, q), 3, q)))
                }
                if high { fail(/* CoordinateNotCanonical */ 0xa4e6ef1b) }
                if off { fail(/* PointNotOnCurve */ 0xa3d28e13) }
            }

            // A program: steps slot[d] = slot[a]·slot[b] + slot[c], four in a word, 16 bits an index, which times 32 is an address.
            // Unrolled: the loop would cost as much as a step.
            function run(at, end, r) {
                for {} lt(at, end) {} {
                    let until := add(add(at, 2), shl(5, shr(240, mload(at))))
                    at := add(at, 2)
                    for {} lt(at, until) { at := add(at, 0x20) } {
                        let w := mload(at)
                        mstore(
                            and(shr(187, w), 0x1fffe0),
                            addmod(
                                mulmod(mload(and(shr(235, w), 0x1fffe0)), mload(and(shr(219, w), 0x1fffe0)), r),
                                mload(and(shr(203, w), 0x1fffe0)),
                                r
                            )
                        )
                        mstore(
                            and(shr(123, w), 0x1fffe0),
                            addmod(
                                mulmod(mload(and(shr(171, w), 0x1fffe0)), mload(and(shr(155, w), 0x1fffe0)), r),
                                mload(and(shr(139, w), 0x1fffe0)),
                                r
                            )
                        )
                        mstore(
                            and(shr(59, w), 0x1fffe0),
                            addmod(
                                mulmod(mload(and(shr(107, w), 0x1fffe0)), mload(and(shr(91, w), 0x1fffe0)), r),
                                mload(and(shr(75, w), 0x1fffe0)),
                                r
                            )
                        )
                        mstore(
                            and(shl(5, w), 0x1fffe0),
                            addmod(
                                mulmod(mload(and(shr(43, w), 0x1fffe0)), mload(and(shr(27, w), 0x1fffe0)), r),
                                mload(and(shr(11, w), 0x1fffe0)),
                                r
                            )
                        )
                    }
                    // A run: slot[d] = slot[d]·slot[s] + p for every p from start to end, up or down.
                    let w := mload(at)
                    let p := and(shr(203, w), 0x1fffe0)
                    until := and(shr(187, w), 0x1fffe0)
                    at := add(at, 8)
                    if xor(p, until) {
                        let step := sub(0x20, shl(6, gt(p, until)))
                        let s := mload(and(shr(219, w), 0x1fffe0))
                        w := and(shr(235, w), 0x1fffe0)
                        let sum := mload(w)
                        for {} xor(p, until) { p := add(p, step) } {
                            sum := addmod(mulmod(sum, s, r), mload(p), r)
                        }
                        mstore(w, sum)
                    }
                }
            }

            // Replaces all words of a range by their inverses, with one exponentiation.
            function invert(from, end, scratch, r) {
                let product := 1
                let to := scratch
                for { let p := from } lt(p, end) { p := add(p, 0x20) } {
                    mstore(to, product)
                    product := mulmod(product, mload(p), r)
                    to := add(to, 0x20)
                }
                if iszero(product) { fail(/* ChallengeCollision */ 0x7fe86550) }
                mstore(to, 0x20)
                mstore(add(to, 0x20), 0x20)
                mstore(add(to, 0x40), 0x20)
                mstore(add(to, 0x60), product)
                mstore(add(to, 0x80), sub(r, 2))
                mstore(add(to, 0xa0), r)
                if iszero(staticcall(gas(), 5, to, 0xc0, 0, 0x20)) { fail(/* PrecompileFailed */ 0x84e81692) }
                if xor(returndatasize(), 0x20) { fail(/* PrecompileFailed */ 0x84e81692) }
                product := mload(0)
                for {} lt(from, end) {} {
                    end := sub(end, 0x20)
                    to := sub(to, 0x20)
                    let value := mload(end)
                    mstore(end, mulmod(product, mload(to), r))
                    product := mulmod(product, value, r)
                }
            }

            // The sum over the list of multiplications, at `sum`: see the format. Behind it are three words of input.
            function multiply(from, end, sum, partsSlot) {
                let point := add(sum, 0x40)
                let ok := 1
                mstore(sum, 0)
                mstore(add(sum, 0x20), 0)
                for {} lt(from, end) { from := add(from, 12) } {
                    let w := mload(from)
                    let at := and(shr(160, w), 0xffffffff)
                    let count := and(shr(192, w), 0xffffffff)
                    let scalar := mload(and(shr(219, w), 0x1fffe0))
                    switch byte(0, w)
                    case 0 {
                        switch byte(1, w)
                        case 0 {
                            // sum = sum·s + P over points in memory
                            for {} count { count := sub(count, 1) } {
                                mstore(point, scalar)
                                ok := and(ok, staticcall(gas(), 7, sum, 0x60, sum, 0x40))
                                mcopy(point, at, 0x40)
                                ok := and(ok, staticcall(gas(), 6, sum, 0x80, sum, 0x40))
                                at := add(at, 0x40)
                            }
                        }
                        default {
                            // and over points in calldata
                            for {} count { count := sub(count, 1) } {
                                mstore(point, scalar)
                                ok := and(ok, staticcall(gas(), 7, sum, 0x60, sum, 0x40))
                                calldatacopy(point, at, 0x40)
                                ok := and(ok, staticcall(gas(), 6, sum, 0x80, sum, 0x40))
                                at := sub(at, 0x40)
                            }
                        }
                    }
                    case 3 {
                        // the next data contract of points
                        mstore(0, partsSlot)
                        let part := sload(add(keccak256(0, 0x20), at))
                        if xor(extcodehash(part), mload(add(0x5c0, shl(5, at)))) {
                            mstore(0, shl(224, /* DataMismatch */ 0xb415fbb9))
                            mstore(4, add(at, 1))
                            revert(0, 0x24)
                        }
                        extcodecopy(part, add(sum, 0x180), 1, sub(extcodesize(part), 1))
                    }
                    default {
                        switch byte(1, w)
                        case 0 { mcopy(point, at, 0x40) }
                        default { calldatacopy(point, at, 0x40) }
                        if eq(byte(0, w), 1) {
                            mstore(add(sum, 0x80), scalar)
                            ok := and(ok, staticcall(gas(), 7, point, 0x60, point, 0x40))
                        }
                        ok := and(ok, staticcall(gas(), 6, sum, 0x80, sum, 0x40))
                    }
                }
                if iszero(ok) { fail(/* PrecompileFailed */ 0x84e81692) }
            }

            let r := 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001
            // The key at 0x400: its programs have addresses of memory. The compiler keeps nothing there in so small a contract.
            if gt(mload(0x40), 0x400) { invalid() }
            extcodecopy(data, 0x400, 1, sub(extcodesize(data), 1))

            // 1. Shape: the one canonical encoding, the context at 0x24, instances at 0x84, the proof behind them.
            let n := field(8)
            let proof := add(0xa4, shl(5, n))
            if xor(calldataload(0x04), 0x60) { fail(/* CalldataEncoding */ 0xd672f60b) }
            if xor(calldataload(0x64), n) { fail(/* InstanceCount */ 0xd7125d4a) }
            if xor(calldataload(0x44), sub(proof, 0x24)) { fail(/* CalldataEncoding */ 0xd672f60b) }
            {
                let length := field(12)
                if xor(calldataload(sub(proof, 0x20)), length) { fail(/* ProofLength */ 0x1c35f1c8) }
                if xor(calldatasize(), add(proof, length)) { fail(/* CalldataEncoding */ 0xd672f60b) }

                // 2. Public values, scalars and points of the proof.
                checkScalars(0x84, n, r, /* InstanceNotCanonical */ 0x09015e30)
                let evaluations := add(proof, field(36))
                let count := field(40)
                checkScalars(evaluations, count, r, /* ScalarNotCanonical */ 0xf311b72d)
                checkPoints(proof, evaluations)
                checkPoints(add(evaluations, shl(5, count)), calldatasize())
                calldatacopy(field(32), evaluations, shl(5, count))
            }

            // 3. Challenges: state = keccak256(state ‖ absorbed ‖ [1 if nothing is]).
            let work := field(88)
            {
                let buffer := add(work, 0x180)
                let slot := field(28)
                let from := proof
                let schedule := field(20)
                // The digest of the key, the context and the public values.
                let first := shl(5, add(n, 1))
                mstore(buffer, mload(0x460))
                calldatacopy(add(buffer, 0x20), 0x24, 0x20)
                calldatacopy(add(buffer, 0x40), 0x84, shl(5, n))
                for { let end := add(schedule, shl(2, field(24))) } lt(schedule, end) { schedule := add(schedule, 4) } {
                    let length := shr(224, mload(schedule))
                    calldatacopy(add(add(buffer, 0x20), first), from, length)
                    from := add(from, length)
                    length := add(length, first)
                    first := 0
                    if iszero(length) {
                        mstore8(add(buffer, 0x20), 1)
                        length := 1
                    }
                    let state := keccak256(buffer, add(length, 0x20))
                    mstore(buffer, state)
                    mstore(slot, mod(state, r))
                    slot := add(slot, 0x20)
                }
            }

            // 4. What is inverted, x − ω^i for every row that the instance or the unusable rows need, and all inverses at once.
            run(field(44), field(48), r)
            {
                let x := mload(field(80))
                let omega := mload(add(field(16), 0x40))
                let root := mload(add(field(16), 0x60))
                let p := field(68)
                for { let end := add(p, shl(5, field(72))) } lt(p, end) { p := add(p, 0x20) } {
                    mstore(p, addmod(x, sub(r, root), r))
                    root := mulmod(root, omega, r)
                }
                p := field(60)
                invert(p, add(p, shl(5, field(64))), add(work, 0x180), r)

                // The instance at x, without the factor (x^n − 1)/n.
                let sum := 0
                root := 1
                p := field(76)
                for { let from := 0x84 } lt(from, sub(proof, 0x20)) { from := add(from, 0x20) } {
                    sum := addmod(sum, mulmod(mulmod(calldataload(from), root, r), mload(p), r), r)
                    root := mulmod(root, omega, r)
                    p := add(p, 0x20)
                }
                mstore(field(84), sum)
            }

            // 5. Gates, permutation, quotient, and the scalars of the opening.
            run(field(48), field(52), r)

            // 6. The combined commitment, and e(sum, −G2) · e(W', [s]G2) = 1.
            multiply(field(52), field(56), work, _parts.slot)
            mcopy(add(work, 0x40), 0x500, 0x80)
            calldatacopy(add(work, 0xc0), sub(calldatasize(), 0x40), 0x40)
            mcopy(add(work, 0x100), 0x480, 0x80)
            if iszero(staticcall(gas(), 8, work, 0x180, 0, 0x20)) { fail(/* PrecompileFailed */ 0x84e81692) }
            if xor(returndatasize(), 0x20) { fail(/* PrecompileFailed */ 0x84e81692) }
            if iszero(eq(mload(0), 1)) { fail(/* ProofRejected */ 0xc3b0d8cd) }
        }
    }
}
