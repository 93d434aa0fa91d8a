//! Contracts that check receipts on an EVM chain.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sworn_contracts::{CheckError, ExportError, Package, MAX_CODE};

use crate::{Error, Receipt, Rejection, SrsPolicy, VerifyingKey};

/// A call that checks a receipt on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Of `ModelVerifier.verify`, the model's own contract: its public tensors as integers, the context and the proof.
    Model,
    /// Of `SwornVerifier.verify`, which it rests on: field elements, the context and the proof.
    Verifier,
}

impl VerifyingKey {
    /// Writes the Foundry package of the model's verifier to a new folder: all of it or nothing.
    ///
    /// # Errors
    /// `policy` does not allow the reference string, the contracts cannot verify the key, the folder is there already, or a file
    /// cannot be written.
    pub fn export_solidity(&self, folder: impl AsRef<Path>, policy: SrsPolicy) -> Result<Package, Error> {
        self.check_srs(policy)?;
        Ok(sworn_contracts::export(self.key(), folder.as_ref())?)
    }

    /// Compares a package with what this key makes, byte for byte: what it says of its key is its own word.
    ///
    /// # Errors
    /// `policy` does not allow the reference string; or a file differs, is missing, is one too many, or cannot be read.
    pub fn check_package(&self, folder: impl AsRef<Path>, policy: SrsPolicy) -> Result<Package, Error> {
        self.check_srs(policy)?;
        Ok(sworn_contracts::check(self.key(), folder.as_ref())?)
    }

    /// Compares the code of a contract, hexadecimal digits in a file, with this key's data contracts: the index of the one that has it.
    ///
    /// # Errors
    /// `policy` does not allow the reference string; or none has this code, or the file cannot be read.
    pub fn check_code(&self, file: impl AsRef<Path>, policy: SrsPolicy) -> Result<(usize, Package), Error> {
        self.check_srs(policy)?;
        let path = file.as_ref();
        let mut digits = Vec::new();
        // More than the digits of any contract is none.
        let limit = 4 * MAX_CODE as u64;
        let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut digits));
        read.map_err(|source| CheckError::Read { path: path.into(), source })?;
        Ok(sworn_contracts::check_code(self.key(), &digits)?)
    }

    fn check_srs(&self, policy: SrsPolicy) -> Result<(), Error> {
        match policy.check(&self.key().s_g2) {
            Err(Rejection::InsecureSrs) => Err(Error::InsecureContract),
            checked => Ok(checked?),
        }
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
            Call::Model => sworn_contracts::typed_calldata(key.key(), accepted.context(), &tensors, accepted.proof())?,
            Call::Verifier => {
                let instance: Vec<_> = accepted.instance().iter().map(sworn_verifier::field::encode).collect();
                sworn_contracts::calldata(key.key(), accepted.context(), &instance, accepted.proof())?
            }
        })
    }
}
