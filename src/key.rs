//! The verifying key as the facade has it: the verifier's key and the name of the model that it is for.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::file::{self, FileError, FileKind};
use crate::Digest;

/// What checks the receipts of one model. Whoever checks must get it from a source that they trust.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyingKey {
    model: String,
    key: sworn_verifier::VerifyingKey,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    model: String,
    key: Vec<u8>,
}

impl VerifyingKey {
    pub(crate) fn new(model: &str, key: sworn_verifier::VerifyingKey) -> Self {
        Self { model: model.into(), key }
    }

    /// Reads a verifying key.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or is of another kind.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FileError> {
        Self::read_digested(path.as_ref()).map(|(key, _)| key)
    }

    pub(crate) fn read_digested(path: &Path) -> Result<(Self, Digest), FileError> {
        let (bytes, digest) = file::read(path, FileKind::VerifyingKey)?;
        let invalid = || FileError::Contents { path: path.into(), kind: FileKind::VerifyingKey };
        let (contents, rest): (Contents, _) = postcard::take_from_bytes(&bytes).map_err(|_| invalid())?;
        let key = sworn_verifier::VerifyingKey::from_bytes(&contents.key).map_err(|_| invalid())?;
        match rest.is_empty() {
            true => Ok((Self { model: contents.model, key }, digest)),
            false => Err(invalid()),
        }
    }

    /// Writes a whole file or none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        self.write_digested(path.as_ref()).map(|_| ())
    }

    pub(crate) fn write_digested(&self, path: &Path) -> Result<Digest, FileError> {
        let contents = Contents { model: self.model.clone(), key: self.key.to_bytes() };
        file::write(path, FileKind::VerifyingKey, |out| file::put(out, &contents))
    }

    /// Name of the model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Identity of the model: weights, circuit, scales and reference string.
    pub fn digest(&self) -> Digest {
        Digest(self.key.digest())
    }

    /// The verifier's key.
    pub fn key(&self) -> &sworn_verifier::VerifyingKey {
        &self.key
    }
}
