//! Binary files, framed so that a damaged or foreign one is never used.
//!
//! ```text
//! "\x89SWORN\r\n" | version u32 | kind, 4 letters | length of the contents u64 | BLAKE3 of all before and after it
//! contents
//! ```
//!
//! Numbers are little-endian. The magic number is damaged by transfers that change line ends or the high bit. A file is
//! written beside its name and moved there when it is complete.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Digest;

const MAGIC: [u8; 8] = *b"\x89SWORN\r\n";
const VERSION: u32 = 1;
const UNHASHED_BYTES: usize = 8 + 4 + 4 + 8;
const HEADER_BYTES: usize = UNHASHED_BYTES + 32;
const BUFFER_BYTES: usize = 1 << 20;

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

impl std::fmt::Display for FileKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Circuit => "circuit",
            Self::ProvingKey => "proving key",
            Self::VerifyingKey => "verifying key",
        })
    }
}

/// A file that cannot be read or written, or is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The file is not one of Sworn's.
    #[error("`{}` is not a {expected} of Sworn", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: FileKind,
    },
    /// The format's version is not one that is read here.
    #[error("`{}` has the format version {actual}, expected {expected}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version that is read here.
        expected: u32,
        /// The file's.
        actual: u32,
    },
    /// The file is of another kind.
    #[error("`{}` is a {actual}, expected a {expected}", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: FileKind,
        /// What it is.
        actual: FileKind,
    },
    /// The file is shorter or longer than its header says.
    #[error("`{}` has {actual} bytes, expected {expected}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes that its header calls for.
        expected: u64,
        /// Bytes that it has.
        actual: u64,
    },
    /// The contents are not those that were written.
    #[error("`{}` is damaged: digest {actual}, expected {expected}", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// What its header states.
        expected: Digest,
        /// What it hashes to.
        actual: Digest,
    },
    /// The file is whole, and is another one than the manifest names.
    #[error("`{}` does not belong to this model: digest {actual}, expected {expected}", path.display())]
    Swapped {
        /// The file.
        path: PathBuf,
        /// What the manifest names.
        expected: Digest,
        /// The file's.
        actual: Digest,
    },
    /// The contents cannot be decoded.
    #[error("`{}` holds no valid {kind}", path.display())]
    Contents {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        kind: FileKind,
    },
    /// The folder holds files that are not ours.
    #[error("`{}` holds `{name}`, which is not of a compiled model", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// A file in it.
        name: String,
    },
    /// The manifest is of another format version.
    #[error("`{}` has the format version {actual}, expected {expected}", path.display())]
    ManifestVersion {
        /// The file.
        path: PathBuf,
        /// The version that is read here.
        expected: u32,
        /// The file's.
        actual: u32,
    },
    /// The manifest is not one.
    #[error("`{}` is not a manifest: {source}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

impl FileError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "check the path and its permissions",
            Self::Write { .. } => "check the permissions of the folder and the free space",
            Self::Occupied { .. } => "choose another name with `-o`, or remove the folder",
            Self::Version { .. } | Self::ManifestVersion { .. } => "compile the model again with this version of sworn",
            Self::Kind { .. } => "give the file of the other kind; a model's folder holds one of each",
            _ => "compile the model again with `sworn compile`, or fetch the file again",
        }
    }
}

/// The contents of a file of kind `kind`, and their digest.
pub(crate) fn read(path: &Path, kind: FileKind) -> Result<(Vec<u8>, Digest), FileError> {
    let io = |source| FileError::Read { path: path.into(), source };
    read_with(path, kind, |reader| {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map(|_| bytes).map_err(io)
    })
}

/// What `decode` makes of the contents, and their digest. Whatever it does not read is read here, so that the digest is
/// checked in any case; damage goes before an error of `decode`.
pub(crate) fn read_with<T>(
    path: &Path,
    kind: FileKind,
    decode: impl FnOnce(&mut dyn Read) -> Result<T, FileError>,
) -> Result<(T, Digest), FileError> {
    let io = |source| FileError::Read { path: path.into(), source };
    let mut file = File::open(path).map_err(io)?;
    let actual = file.metadata().map_err(io)?.len();
    let mut header = Vec::with_capacity(HEADER_BYTES);
    (&mut file).take(HEADER_BYTES as u64).read_to_end(&mut header).map_err(io)?;
    let (length, expected) = check_header(path, kind, &header, actual)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&header[..UNHASHED_BYTES]);
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, Hashing { inner: file.take(length), hasher });
    let result = decode(&mut reader);
    let rest = std::io::copy(&mut reader, &mut std::io::sink()).map_err(io)?;
    let actual = Digest(*reader.into_inner().hasher.finalize().as_bytes());
    match (expected == actual, result) {
        (false, _) => Err(FileError::Digest { path: path.into(), expected, actual }),
        (true, Ok(_)) if rest > 0 => Err(FileError::Contents { path: path.into(), kind }),
        (true, Ok(contents)) => Ok((contents, actual)),
        (true, Err(error)) => Err(error),
    }
}

/// Length and digest of the contents.
fn check_header(path: &Path, kind: FileKind, header: &[u8], actual: u64) -> Result<(u64, Digest), FileError> {
    if !header.starts_with(&MAGIC) {
        return Err(FileError::Foreign { path: path.into(), expected: kind });
    }
    if header.len() < HEADER_BYTES {
        return Err(FileError::Length { path: path.into(), expected: HEADER_BYTES as u64, actual });
    }
    let array = |at: usize| [header[at], header[at + 1], header[at + 2], header[at + 3]];
    let version = u32::from_le_bytes(array(8));
    if version != VERSION {
        return Err(FileError::Version { path: path.into(), expected: VERSION, actual: version });
    }
    let letters = array(12);
    match FileKind::ALL.into_iter().find(|k| k.letters() == letters) {
        Some(found) if found == kind => {}
        Some(found) => return Err(FileError::Kind { path: path.into(), expected: kind, actual: found }),
        None => return Err(FileError::Foreign { path: path.into(), expected: kind }),
    }
    let length = u64::from(u32::from_le_bytes(array(16))) | u64::from(u32::from_le_bytes(array(20))) << 32;
    let expected = length.saturating_add(HEADER_BYTES as u64);
    if actual != expected {
        return Err(FileError::Length { path: path.into(), expected, actual });
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(&header[UNHASHED_BYTES..]);
    Ok((length, Digest(digest)))
}

/// Writes a file for [`read`], whole or not at all, and answers its digest.
pub(crate) fn write(path: &Path, kind: FileKind, encode: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<Digest, FileError> {
    let mut digest = Digest([0; 32]);
    write_atomic(path, |file| {
        file.write_all(&[0; HEADER_BYTES])?;
        // The length goes before the contents into the hash, and is known after them: they are hashed as they are read again.
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, &mut *file);
        encode(&mut out)?;
        out.flush()?;
        drop(out);
        let length = file.stream_position()? - HEADER_BYTES as u64;
        let header = [&MAGIC[..], &VERSION.to_le_bytes(), &kind.letters(), &length.to_le_bytes()].concat();
        file.seek(SeekFrom::Start(HEADER_BYTES as u64))?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&header).update_reader(&mut *file)?;
        digest = Digest(*hasher.finalize().as_bytes());
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&[&header[..], &digest.0].concat())
    })?;
    Ok(digest)
}

/// Encodes a value.
pub(crate) fn put(out: &mut dyn Write, value: &impl Serialize) -> std::io::Result<()> {
    postcard::to_io(value, out).map(|_| ()).map_err(std::io::Error::other)
}

/// A reader that hashes what goes through it.
struct Hashing<R> {
    inner: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(out)?;
        self.hasher.update(&out[..count]);
        Ok(count)
    }
}

/// Writes a whole file or none.
pub(crate) fn write_atomic(path: &Path, fill: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<(), FileError> {
    let io = |source| FileError::Write { path: path.into(), source };
    let mut file = tempfile::NamedTempFile::new_in(folder_of(path)).map_err(io)?;
    fill(file.as_file_mut()).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    set_readable(file.as_file()).map_err(io)?;
    file.persist(path).map_err(|e| io(e.error))?;
    Ok(())
}

/// Whether a file could be written at `path`, to ask before the work that it is for.
///
/// # Errors
/// It could not.
pub fn check_writable(path: &Path) -> Result<(), FileError> {
    let io = |source| FileError::Write { path: path.into(), source };
    if path.is_dir() {
        return Err(io(std::io::ErrorKind::IsADirectory.into()));
    }
    tempfile::NamedTempFile::new_in(folder_of(path)).map_err(io)?;
    Ok(())
}

/// The folder that a path lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Temporary files are for their owner alone; results are files like others.
fn set_readable(file: &std::fs::File) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// As [`set_readable`], for a folder.
pub(crate) fn set_listable(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(contents: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&path, FileKind::Circuit, |out| out.write_all(contents)).unwrap();
        (dir, path)
    }

    #[test]
    fn files_are_read_again() {
        for contents in [&b""[..], b"x", &[7; 10_000]] {
            let (_dir, path) = written(contents);
            assert_eq!(read(&path, FileKind::Circuit).unwrap().0, contents);
            assert!(matches!(read(&path, FileKind::VerifyingKey), Err(FileError::Kind { actual: FileKind::Circuit, .. })));
        }
        assert!(matches!(read(Path::new("/nowhere"), FileKind::Circuit), Err(FileError::Read { .. })));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let (_dir, path) = written(b"contents");
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                std::fs::write(&path, &bytes).unwrap();
                assert!(read(&path, FileKind::Circuit).is_err());
            }
            std::fs::write(&path, &good[..at]).unwrap();
            assert!(read(&path, FileKind::Circuit).is_err());
        }
        std::fs::write(&path, [good, vec![0]].concat()).unwrap();
        assert!(matches!(read(&path, FileKind::Circuit), Err(FileError::Length { .. })));
    }

    #[test]
    fn unwritable_places_are_an_error() {
        let (dir, path) = written(b"");
        for place in [path.join("below a file"), dir.path().to_owned(), dir.path().join("no/such/folder")] {
            assert!(matches!(check_writable(&place), Err(FileError::Write { .. })), "{}", place.display());
            assert!(matches!(write(&place, FileKind::Circuit, |_| Ok(())), Err(FileError::Write { .. })));
        }
        check_writable(&dir.path().join("new")).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
    }
}
