//! Whether a package, or the code of a data contract, is what a verifying key makes.
//!
//! ```text
//! key → programs, points → data → code hashes → ModelVerifier.sol        each step has one result
//! ```
//!
//! A package says of itself which key it is of: its `KEY_DIGEST`, and the digest in its data from which the transcript starts. Neither
//! says that the rest of the data is that key's, and who deploys it can change all of them together. Whoever has the key makes the package again, and
//! compares every byte.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use sworn_verifier::VerifyingKey;

use crate::data::MAX_CODE;
use crate::error::ExportError;
use crate::package::{files, Package};

/// Why a package or a code is not the key's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A file is not what the key makes.
    #[error("`{}` is not what the verifying key makes", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
    },
    /// The package lacks a file.
    #[error("the package has no `{}`", path.display())]
    Missing {
        /// The file, in the package.
        path: PathBuf,
    },
    /// A file or link that no package has, which may change what is compiled or deployed.
    #[error("`{}` is not a part of the package", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The code is of none of the key's data contracts.
    #[error("the code is of none of the verifying key's data contracts")]
    Code,
    /// A file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There are no contracts for the key.
    #[error(transparent)]
    Key(#[from] ExportError),
}

impl CheckError {
    /// Whether something was found that the key does not make, rather than nothing at all.
    pub fn is_rejection(&self) -> bool {
        !matches!(self, Self::Read { .. } | Self::Key(_))
    }
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> CheckError + '_ {
    |source| CheckError::Read { path: path.into(), source }
}

/// Compares the package in a folder with that of a key, byte for byte.
///
/// # Errors
/// A file differs, is missing, is one too many or cannot be read; or there is no package of the key.
pub fn check(key: &VerifyingKey, dir: &Path) -> Result<Package, CheckError> {
    let package = Package::new(key)?;
    let expected = files(key, &package);
    let mut found = Vec::new();
    walk(dir, &mut found)?;
    if let Some(path) = found.iter().find(|path| expected.iter().all(|(name, _)| dir.join(name) != **path)) {
        return Err(CheckError::Foreign { path: path.clone() });
    }
    for (name, contents) in &expected {
        let path = dir.join(name);
        if !found.contains(&path) {
            return Err(CheckError::Missing { path: name.clone() });
        }
        // No more than tells them apart, of a file that may have any length.
        let mut text = Vec::new();
        let limit = contents.len() as u64 + 1;
        File::open(&path).and_then(|file| file.take(limit).read_to_end(&mut text)).map_err(unreadable(&path))?;
        if text != contents.as_bytes() {
            return Err(CheckError::Differs { path });
        }
    }
    Ok(package)
}

/// The index of the data contract of a key that has this code on a chain: hexadecimal digits, as `cast code ADDRESS` prints them.
///
/// # Errors
/// No data contract of the key has this code, or it is none; or there are no contracts of the key.
pub fn check_code(key: &VerifyingKey, digits: &[u8]) -> Result<(usize, Package), CheckError> {
    let package = Package::new(key)?;
    let digits = digits.trim_ascii();
    let digits = digits.strip_prefix(b"0x").unwrap_or(digits);
    // Longer ones are decoded in vain.
    let code = if digits.len() <= 2 * MAX_CODE { hex::decode(digits).ok() } else { None };
    let index = package.data.iter().position(|data| Some(&data.code) == code.as_ref()).ok_or(CheckError::Code)?;
    Ok((index, package))
}

/// Every file below a folder; what is neither a file nor a folder is refused, as it may be another thing later.
fn walk(dir: &Path, out: &mut Vec<PathBuf>) -> Result<(), CheckError> {
    for entry in fs::read_dir(dir).map_err(unreadable(dir))? {
        let entry = entry.map_err(unreadable(dir))?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(unreadable(dir))?);
        if kind.is_dir() {
            walk(&path, out)?;
        } else if kind.is_file() {
            out.push(path);
        } else {
            return Err(CheckError::Foreign { path });
        }
    }
    Ok(())
}
