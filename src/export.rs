//! Contracts that check receipts on an EVM chain.

use std::path::Path;

use sworn_contracts::{ExportError, Package};

use crate::{Error, Receipt, Rejection, SrsPolicy, VerifyingKey};

/// A call that checks a receipt on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Of `ModelVerifier.verify`, the model's own contract: its public tensors as integers, and the proof.
    Model,
    /// Of `SwornVerifier.verify`, which it rests on: field elements, and the proof.
    Verifier,
}

impl VerifyingKey {
    /// Writes the Foundry package of the model's verifier to a new folder: all of it or nothing.
    ///
    /// # Errors
    /// The reference string is the development one and `policy` does not allow that, the contracts cannot verify the
    /// key, the folder is there already, or a file cannot be written.
    pub fn export_solidity(&self, folder: impl AsRef<Path>, policy: SrsPolicy) -> Result<Package, Error> {
        match policy.check(&self.key().s_g2) {
            Err(Rejection::InsecureSrs) => return Err(Error::InsecureContract),
            checked => checked?,
        }
        Ok(sworn_contracts::export(self.key(), folder.as_ref())?)
    }

    /// Gas of a transaction that checks one receipt.
    ///
    /// # Errors
    /// The contracts cannot verify the key.
    pub fn estimate_gas(&self) -> Result<u64, ExportError> {
        sworn_contracts::estimate_gas(self.key())
    }
}

impl Receipt {
    /// What a transaction sends to check the receipt, once it is accepted here.
    ///
    /// # Errors
    /// As [`Receipt::verify`].
    pub fn calldata(&self, key: &VerifyingKey, policy: SrsPolicy, call: Call) -> Result<Vec<u8>, Error> {
        let accepted = self.accept(key, policy)?;
        let tensors: Vec<Vec<i64>> = accepted.tensors().iter().map(|t| t.iter().map(|q| i64::from(*q)).collect()).collect();
        Ok(match call {
            Call::Model => sworn_contracts::typed_calldata(key.key(), &tensors, accepted.proof())?,
            Call::Verifier => {
                let instance: Vec<_> = accepted.instance().iter().map(sworn_verifier::field::encode).collect();
                sworn_contracts::calldata(key.key(), &instance, accepted.proof())?
            }
        })
    }
}
