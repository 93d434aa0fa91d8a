// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IProofVerifier} from "./IProofVerifier.sol";
import {ModelErrors} from "./SwornErrors.sol";

/// @title Money against an inference: an example of a contract that acts on a proof.
/// @notice A payer locks ether for the output of an agreed model on an agreed public input. Whoever brings the proof, the money
///         goes to the agreed payee, once: to copy a proof from the mempool gains nothing.
/// @dev A proof is made for one job: its context is `context(id)`, which names chain, contract, job and payee, so that it serves no
///      other. With no public input any run of the model for the job releases the money. Both sides check the code of the verifier,
///      and of the verifier that it calls, before they rely on it. From the deadline on a refund may overtake a release: a payee takes
///      no deadline without margin and releases well before it.
contract SwornEscrow is ModelErrors {
    /// @notice What payer and payee agreed on.
    struct Job {
        IProofVerifier verifier;
        bytes32 inputHash;
        address payer;
        address payable payee;
        uint256 amount;
        uint256 deadline;
    }

    /// @notice There is no open job of this number: it never was, or it is paid or refunded.
    error JobNotOpen(uint256 id);
    /// @notice A job needs a verifier, a payee, an amount and a deadline to come.
    error JobIncomplete();
    /// @notice The verifier did not confirm the proof.
    error ProofNotConfirmed();
    /// @notice The payer waits until the deadline.
    error DeadlineNotReached(uint256 deadline);
    /// @notice The receiver refused the money.
    error TransferFailed();

    /// @notice A job is open.
    event Opened(uint256 indexed id, address indexed payer, address indexed payee, uint256 amount);
    /// @notice The payee was paid for an output.
    event Released(uint256 indexed id, bytes32 outputHash);
    /// @notice The payer has the money back.
    event Refunded(uint256 indexed id);

    /// @notice Open jobs.
    mapping(uint256 id => Job) public jobs;
    /// @notice Number of jobs so far.
    uint256 public count;

    /// @notice Locks the ether sent along.
    /// @param verifier Verifier of the agreed model.
    /// @param inputHash Hash of the agreed public inputs.
    /// @param payee Who is paid.
    /// @param deadline Time from which the payer may take the money back.
    /// @return id Number of the job.
    function open(IProofVerifier verifier, bytes32 inputHash, address payable payee, uint256 deadline)
        external
        payable
        returns (uint256 id)
    {
        bool complete = address(verifier).code.length > 0 && payee != address(0) && msg.value > 0;
        if (!complete || deadline <= block.timestamp) revert JobIncomplete();
        id = count++;
        jobs[id] = Job(verifier, inputHash, msg.sender, payee, msg.value, deadline);
        emit Opened(id, msg.sender, payee, msg.value);
    }

    /// @notice Pays the payee of a job for a proof. Anyone may call it.
    /// @param id Number of the job.
    /// @param outputHash Hash of the outputs.
    /// @param metadata The public tensors.
    /// @param proof The proof, made for the context of the job.
    function release(uint256 id, bytes32 outputHash, bytes calldata metadata, bytes calldata proof) external {
        Job memory job = _take(id);
        bytes memory bound = bytes.concat(_context(id, job.payee), proof);
        if (!job.verifier.verify(job.inputHash, outputHash, metadata, bound)) revert ProofNotConfirmed();
        emit Released(id, outputHash);
        _send(job.payee, job.amount);
    }

    /// @notice The context that the proof of an open job is made for: `sworn prove --context`.
    /// @param id Number of the job.
    function context(uint256 id) external view returns (bytes32) {
        address payee = jobs[id].payee;
        if (payee == address(0)) revert JobNotOpen(id);
        return _context(id, payee);
    }

    /// @notice Gives the payer the money back after the deadline.
    /// @param id Number of the job.
    function refund(uint256 id) external {
        Job memory job = _take(id);
        if (block.timestamp < job.deadline) revert DeadlineNotReached(job.deadline);
        emit Refunded(id);
        _send(payable(job.payer), job.amount);
    }

    /// @dev Closes a job before anything else happens: it pays once.
    function _take(uint256 id) private returns (Job memory job) {
        job = jobs[id];
        if (job.payer == address(0)) revert JobNotOpen(id);
        delete jobs[id];
    }

    function _context(uint256 id, address payee) private view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), id, payee));
    }

    function _send(address payable to, uint256 amount) private {
        (bool sent,) = to.call{value: amount}("");
        if (!sent) revert TransferFailed();
    }
}
