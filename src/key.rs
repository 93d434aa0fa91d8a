//! Files of verifying keys.

use std::ops::Deref;
use std::path::Path;

use sworn_receipt::FileKind;

use crate::file::{self, FileError};
use crate::Digest;

/// What checks the receipts of one model, from a file and to one. Whoever checks must get it from a source that they trust.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyingKey(sworn_receipt::VerifyingKey);

impl Deref for VerifyingKey {
    type Target = sworn_receipt::VerifyingKey;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl VerifyingKey {
    pub(crate) fn new(key: sworn_verifier::VerifyingKey) -> Self {
        Self(sworn_receipt::VerifyingKey::new(key))
    }

    /// Reads a verifying key.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or is of another kind.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FileError> {
        Self::read_digested(path.as_ref()).map(|(key, _)| key)
    }

    pub(crate) fn read_digested(path: &Path) -> Result<(Self, Digest), FileError> {
        let (contents, digest) = file::read(path, FileKind::VerifyingKey)?;
        let key = sworn_receipt::VerifyingKey::from_contents(&contents);
        Ok((Self(key.map_err(|source| FileError::Format { path: path.into(), source })?), digest))
    }

    /// Writes a whole file or none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        self.write_digested(path.as_ref()).map(|_| ())
    }

    pub(crate) fn write_digested(&self, path: &Path) -> Result<Digest, FileError> {
        file::write(path, FileKind::VerifyingKey, |out| out.write_all(&self.to_contents()))
    }
}
