// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Why `SwornVerifier` reverts.
/// @dev Whoever calls it inherits this, so that its own ABI names the errors that pass through it.
interface SwornErrors {
    /// @notice The calldata is not the one canonical encoding of the arguments.
    error CalldataEncoding();
    /// @notice The number of public values is not the key's.
    error InstanceCount();
    /// @notice A public value is not below the order of the field.
    error InstanceNotCanonical();
    /// @notice The length of the proof is not the key's.
    error ProofLength();
    /// @notice A scalar of the proof is not below the order of the field.
    error ScalarNotCanonical();
    /// @notice A coordinate of the proof is not below the modulus of the curve's field.
    error CoordinateNotCanonical();
    /// @notice A point of the proof is the identity or not on the curve.
    error PointNotOnCurve();
    /// @notice A challenge hit a point where the proof cannot be checked. Does not happen by chance.
    error ChallengeCollision();
    /// @notice A precompiled contract failed: too little gas, or a chain without it.
    error PrecompileFailed();
    /// @notice The proof is well formed and wrong.
    error ProofRejected();
    /// @notice A data contract is not, or is no longer, the one that the key pins.
    error DataMismatch(uint256 index);
    /// @notice The secret of the reference string is 0, 1 or −1, or its generators are not the curve's: anyone could forge proofs.
    error DegenerateReferenceString();
    /// @notice No function has this selector.
    error UnknownFunction();
}

/// @title Why a `ModelVerifier` reverts: all that its verifier says, and what it says itself.
interface ModelErrors is SwornErrors {
    /// @notice The data contracts hold another verifying key.
    error KeyMismatch(bytes32 expected, bytes32 actual);
    /// @notice The data contracts hold the key of another reference string.
    error ReferenceStringMismatch(bytes32 expected, bytes32 actual);
    /// @notice The number of tensors is not the model's.
    error TensorCount(uint256 expected, uint256 actual);
    /// @notice A tensor has another number of elements.
    error TensorLength(uint256 tensor, uint256 expected, uint256 actual);
    /// @notice An element is out of its tensor's range, or 2^127 or more in absolute value: no proof is about such integers.
    error ValueOutOfRange(uint256 tensor, uint256 index);
    /// @notice The hash of the inputs is not the given one.
    error InputHashMismatch(bytes32 expected, bytes32 actual);
    /// @notice The hash of the outputs is not the given one.
    error OutputHashMismatch(bytes32 expected, bytes32 actual);
}
