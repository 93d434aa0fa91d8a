//! The verifying key as a file holds it: the verifier's key and the name of the model that it is for.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{open, Digest, FileKind, FormatError};

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
    /// The key of a model.
    pub fn new(model: &str, key: sworn_verifier::VerifyingKey) -> Self {
        Self { model: model.into(), key }
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
        let invalid = FormatError::Contents { kind: FileKind::VerifyingKey };
        let (Contents { model, key }, rest) = postcard::take_from_bytes(contents).map_err(|_| invalid.clone())?;
        let key = sworn_verifier::VerifyingKey::from_bytes(&key).map_err(|_| invalid.clone())?;
        match rest.is_empty() {
            true => Ok(Self { model, key }),
            false => Err(invalid),
        }
    }

    /// What a file of it holds behind the header.
    pub fn to_contents(&self) -> Vec<u8> {
        let contents = Contents { model: self.model.clone(), key: self.key.to_bytes() };
        // Writing to a vector cannot fail, and every field has a length.
        postcard::to_allocvec(&contents).unwrap_or_default()
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
