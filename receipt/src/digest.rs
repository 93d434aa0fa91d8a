//! BLAKE3 digests, 64 hexadecimal digits in text.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A BLAKE3 hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The hash of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digest = parse_hex(&text).and_then(|bytes| bytes.try_into().ok()).map(Self);
        digest.ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits in lower case"))
    }
}

/// Bytes from hexadecimal digits in lower case: each byte string has one text.
pub(crate) fn parse_hex(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok().filter(|_| !text.bytes().any(|b| b.is_ascii_uppercase()))
}
