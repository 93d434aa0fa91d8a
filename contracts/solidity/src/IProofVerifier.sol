// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title What a proof system offers to applications, in the shape of ERC-8274.
interface IProofVerifier {
    /// @notice Whether a proof shows that a model maps an input to an output.
    /// @param inputHash Hash of the public inputs.
    /// @param outputHash Hash of the outputs.
    /// @param metadata What the proof system needs besides: here, the public tensors themselves.
    /// @param proof The proof: here, 32 bytes of context, and the proof that was made for it behind them.
    /// @return valid True. A proof that is not valid reverts.
    function verify(bytes32 inputHash, bytes32 outputHash, bytes calldata metadata, bytes calldata proof)
        external
        view
        returns (bool valid);

    /// @notice The proof system, for people.
    function proofSystem() external pure returns (string memory);

    /// @notice What exactly is proved: here, the digest of the verifying key.
    function proofProfile() external pure returns (bytes32);
}
