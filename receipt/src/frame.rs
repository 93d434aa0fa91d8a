//! Binary files, framed so that a damaged or foreign one is never used.
//!
//! ```text
//! "\x89SWORN\r\n" | version u32 | kind, 4 letters | length of the contents u64 | BLAKE3 of all before and after it
//! contents
//! ```
//!
//! Numbers are little-endian. The magic number is damaged by transfers that change line ends or the high bit.

use core::fmt;

use crate::Digest;

const MAGIC: [u8; 8] = *b"\x89SWORN\r\n";
const VERSION: u32 = 2;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A quantised model.
    Circuit,
    /// A proving key.
    ProvingKey,
    /// A verifying key.
    VerifyingKey,
}

impl FileKind {
    const ALL: [Self; 3] = [Self::Circuit, Self::ProvingKey, Self::VerifyingKey];

    fn letters(self) -> [u8; 4] {
        match self {
            Self::Circuit => *b"CIRC",
            Self::ProvingKey => *b"PKEY",
            Self::VerifyingKey => *b"VKEY",
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Circuit => "circuit",
            Self::ProvingKey => "proving key",
            Self::VerifyingKey => "verifying key",
        })
    }
}

/// Why bytes are not the file that they should be. The texts are predicates: whoever knows the file's name says it first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The file is not one of Sworn's.
    #[error("is not a {expected} of Sworn")]
    Foreign {
        /// What it should be.
        expected: FileKind,
    },
    /// The format's version is not one that is read here.
    #[error("has the format version {actual}, expected {expected}")]
    Version {
        /// The version that is read here.
        expected: u32,
        /// The file's.
        actual: u32,
    },
    /// The file is of another kind.
    #[error("is a {actual}, expected a {expected}")]
    Kind {
        /// What it should be.
        expected: FileKind,
        /// What it is.
        actual: FileKind,
    },
    /// The file is shorter or longer than its header says.
    #[error("has {actual} bytes, expected {expected}")]
    Length {
        /// Bytes that its header calls for.
        expected: u64,
        /// Bytes that it has.
        actual: u64,
    },
    /// The contents are not those that were written.
    #[error("is damaged: digest {actual}, expected {expected}")]
    Digest {
        /// What its header states.
        expected: Digest,
        /// What it hashes to.
        actual: Digest,
    },
    /// The contents cannot be decoded.
    #[error("holds no valid {kind}")]
    Contents {
        /// What it should hold.
        kind: FileKind,
    },
    /// The contents are no verifying key, or one that breaks a rule.
    #[error("holds no valid verifying key: {0}")]
    Key(#[source] sworn_verifier::KeyError),
}

impl FormatError {
    /// A name for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Foreign { .. } => "foreign-file",
            Self::Version { .. } => "file-version",
            Self::Kind { .. } => "file-kind",
            Self::Length { .. } => "file-length",
            Self::Digest { .. } => "file-digest",
            Self::Contents { .. } | Self::Key(_) => "file-contents",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Version { .. } | Self::Key(sworn_verifier::KeyError::Version { .. }) => {
                "compile the model again with this version of sworn"
            }
            Self::Kind { .. } => "give the file of the other kind; a model's folder holds one of each",
            Self::Key(sworn_verifier::KeyError::KnownSecret) => "do not trust the key: have the model compiled with the SRS of a ceremony",
            _ => "compile the model again with `sworn compile`, or fetch the file again",
        }
    }
}

/// What goes before the contents of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the file holds.
    pub kind: FileKind,
    /// Bytes of the contents.
    pub length: u64,
}

/// Magic number, version, kind, length: what is hashed.
const HASHED_BYTES: usize = 8 + 4 + 4 + 8;

impl Header {
    /// Bytes of a header, digest included.
    pub const BYTES: usize = HASHED_BYTES + 32;

    /// Reads the header of a file of kind `kind` that has `actual` bytes, and the digest that it states.
    ///
    /// # Errors
    /// It is not the beginning of such a file, or the file has another length.
    pub fn decode(bytes: &[u8], kind: FileKind, actual: u64) -> Result<(Self, Digest), FormatError> {
        let foreign = FormatError::Foreign { expected: kind };
        let bytes = bytes.strip_prefix(&MAGIC).ok_or(foreign.clone())?;
        let short = || FormatError::Length { expected: size(Self::BYTES), actual };
        if bytes.len() < Self::BYTES - MAGIC.len() {
            return Err(short());
        }
        let (version, bytes) = bytes.split_first_chunk().ok_or_else(short)?;
        let (letters, bytes) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
        let (length, bytes) = bytes.split_first_chunk().ok_or_else(short)?;
        let digest = bytes.first_chunk().ok_or_else(short)?;
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(FormatError::Version { expected: VERSION, actual: version });
        }
        match FileKind::ALL.into_iter().find(|k| k.letters() == *letters) {
            Some(found) if found == kind => {}
            Some(found) => return Err(FormatError::Kind { expected: kind, actual: found }),
            None => return Err(foreign),
        }
        let length = u64::from_le_bytes(*length);
        let expected = length.saturating_add(size(Self::BYTES));
        match actual == expected {
            true => Ok((Self { kind, length }, Digest(*digest))),
            false => Err(FormatError::Length { expected, actual }),
        }
    }

    /// The header of contents with this digest.
    pub fn encode(&self, digest: Digest) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        let (hashed, rest) = out.split_at_mut(HASHED_BYTES);
        hashed.copy_from_slice(&self.hashed());
        rest.copy_from_slice(&digest.0);
        out
    }

    /// What hashes the file: the contents are still to be fed to it.
    pub fn hasher(&self) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.hashed());
        hasher
    }

    fn hashed(&self) -> [u8; HASHED_BYTES] {
        let mut out = [0; HASHED_BYTES];
        let parts = MAGIC.into_iter().chain(VERSION.to_le_bytes()).chain(self.kind.letters()).chain(self.length.to_le_bytes());
        out.iter_mut().zip(parts).for_each(|(to, byte)| *to = byte);
        out
    }

    /// Compares the digest that the file states with that of the contents.
    ///
    /// # Errors
    /// They differ.
    pub fn check(&self, contents: &[u8], expected: Digest) -> Result<(), FormatError> {
        let actual = Digest(*self.hasher().update(contents).finalize().as_bytes());
        match actual == expected {
            true => Ok(()),
            false => Err(FormatError::Digest { expected, actual }),
        }
    }
}

/// The contents of a whole file of kind `kind`, and its digest.
///
/// # Errors
/// The bytes are not such a file, or were changed since it was written.
pub fn open(file: &[u8], kind: FileKind) -> Result<(&[u8], Digest), FormatError> {
    let (header, digest) = Header::decode(file, kind, size(file.len()))?;
    let contents = file.get(Header::BYTES..).unwrap_or_default();
    header.check(contents, digest)?;
    Ok((contents, digest))
}

/// A length as `u64`, which is not narrower than `usize`.
fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
