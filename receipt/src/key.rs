//! The verifying key as a file holds it: its encoding behind a header. All that it says is in its digest.

use alloc::vec::Vec;

use crate::{open, Digest, FileKind, FormatError, Srs};

/// What checks the receipts of one model. Whoever checks must get it from a source that they trust.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyingKey(sworn_verifier::VerifyingKey);

impl VerifyingKey {
    /// The file's form of a key.
    pub fn new(key: sworn_verifier::VerifyingKey) -> Self {
        Self(key)
    }

    /// Reads a verifying key from the bytes of its file.
    ///
    /// # Errors
    /// They are damaged, or of another kind.
    pub fn from_bytes(file: &[u8]) -> Result<Self, FormatError> {
        let (contents, _) = open(file, FileKind::VerifyingKey)?;
        Self::from_contents(contents)
    }

    /// Reads a verifying key from the contents of its file, whose header is checked.
    ///
    /// # Errors
    /// They are no key.
    pub fn from_contents(contents: &[u8]) -> Result<Self, FormatError> {
        sworn_verifier::VerifyingKey::from_bytes(contents).map(Self).map_err(FormatError::Key)
    }

    /// What a file of it holds behind the header.
    pub fn to_contents(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// Name of the model.
    pub fn model(&self) -> &str {
        &self.0.about.model
    }

    /// Identity of the model: weights, circuit, scales, reference string, and what the key says of it.
    pub fn digest(&self) -> Digest {
        Digest(self.0.digest())
    }

    /// The reference string that its proofs rest on.
    pub fn srs(&self) -> Srs {
        Srs::of(&self.0.s_g2)
    }

    /// The verifier's key.
    pub fn key(&self) -> &sworn_verifier::VerifyingKey {
        &self.0
    }
}
