//! Files of receipts.

use std::fs::File;
use std::io::{Read, Write};
use std::ops::Deref;
use std::path::Path;

use sworn_receipt::{Context, Rejection, SrsPolicy};

use crate::file::{read_text, write_whole, Access};
use crate::{Error, FileError, VerifyingKey};

/// A statement about a model and its proof, from a file and to one.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt(sworn_receipt::Receipt);

impl Deref for Receipt {
    type Target = sworn_receipt::Receipt;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Receipt {
    /// The receipt of a proof in a context about `tensors`, integers in the order of the key's public tensors, and their instance.
    pub(crate) fn new(key: &VerifyingKey, context: Context, tensors: &[Vec<i32>], instance: &[sworn_verifier::Fr], proof: &[u8]) -> Self {
        Self(sworn_receipt::Receipt::new(key, context, tensors, instance, proof))
    }

    /// Reads a receipt from its text.
    ///
    /// # Errors
    /// It is not JSON, or a field is missing, unknown or of the wrong type.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Rejection> {
        sworn_receipt::Receipt::from_json(bytes).map(Self)
    }

    /// Reads a receipt from a file.
    ///
    /// # Errors
    /// The file cannot be read, or as [`Receipt::from_json`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| FileError::Read { path: path.into(), source })?;
        Self::read_from(path, file)
    }

    /// As [`Receipt::read`], of what a reader answers; errors call it `name`.
    ///
    /// # Errors
    /// As [`Receipt::read`].
    pub fn read_from(name: impl AsRef<Path>, reader: impl Read) -> Result<Self, Error> {
        Ok(Self::from_json(&read_text(name.as_ref(), reader)?)?)
    }

    /// Accepts the receipt, or says why not.
    ///
    /// # Errors
    /// As [`sworn_receipt::Receipt::verify`].
    pub fn verify(&self, key: &VerifyingKey, policy: SrsPolicy) -> Result<(), Rejection> {
        self.0.verify(key, policy)
    }

    /// Writes a whole file or none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        write_whole(path.as_ref(), Access::Shared, |file| file.write_all(self.to_json().as_bytes()))
    }
}
