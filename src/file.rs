//! Reading and writing files of [`sworn_receipt::Header`]'s frame.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sworn_circuits::graph::DecodeError;
use sworn_receipt::{FileKind, FormatError, Header};

use crate::Digest;

mod output;

pub use output::check_output;
pub(crate) use output::{follow, write as write_whole, Access};

const BUFFER_BYTES: usize = 1 << 20;
/// More than any verifying key or receipt has.
const MAX_STREAM_BYTES: u64 = 1 << 28;

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
    /// The file is one of those that the same command reads.
    #[error("writing `{}` would overwrite `{}`, which is read", path.display(), read.display())]
    Overwrites {
        /// The file that was to be written.
        path: PathBuf,
        /// The file that it is, or the folder that it lies in.
        read: PathBuf,
    },
    /// The file is not what it should be.
    #[error("`{}` {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FormatError,
    },
    /// The file is no quantised model, or one that takes more memory than there is.
    #[error("`{}`: {source}", path.display())]
    Circuit {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DecodeError,
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
    /// The folder holds files that are not ours.
    #[error("`{}` holds `{name}`, which is not of a compiled model", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// A file in it.
        name: String,
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
            Self::Overwrites { .. } => "choose another name for what is written",
            Self::Occupied { .. } => "choose another name with `-o`, or remove the folder",
            Self::Circuit { source: DecodeError::Memory(_), .. } => "use a machine with more memory, or raise its limits",
            Self::Circuit { .. } => "compile the model again",
            Self::Format { source, .. } => source.hint(),
            Self::Swapped { .. } | Self::Manifest { .. } => "compile the model again with `sworn compile`, or fetch the file again",
        }
    }
}

/// The contents of a file of kind `kind`, and its digest. A file of another kind or length is not read to its end.
pub(crate) fn read(path: &Path, kind: FileKind) -> Result<(Vec<u8>, Digest), FileError> {
    let io = |source| FileError::Read { path: path.into(), source };
    let format = |source| FileError::Format { path: path.into(), source };
    let mut file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        // How long it is shows at its end.
        let mut bytes = Vec::new();
        file.take(MAX_STREAM_BYTES).read_to_end(&mut bytes).map_err(io)?;
        let (start, contents) = bytes.split_at(bytes.len().min(Header::BYTES));
        let (header, digest) = Header::decode(start, kind, bytes.len() as u64).map_err(format)?;
        header.check(contents, digest).map_err(format)?;
        return Ok((contents.to_vec(), digest));
    }
    let actual = metadata.len();
    let mut header = Vec::with_capacity(Header::BYTES);
    (&mut file).take(Header::BYTES as u64).read_to_end(&mut header).map_err(io)?;
    let (header, digest) = Header::decode(&header, kind, actual).map_err(format)?;
    let mut contents = Vec::new();
    file.take(header.length).read_to_end(&mut contents).map_err(io)?;
    header.check(&contents, digest).map_err(format)?;
    Ok((contents, digest))
}

/// All that comes of a text: an endless one is an error.
pub(crate) fn read_text(path: &Path, reader: impl Read) -> Result<Vec<u8>, FileError> {
    let io = |source| FileError::Read { path: path.into(), source };
    let mut bytes = Vec::new();
    reader.take(MAX_STREAM_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    match bytes.len() as u64 <= MAX_STREAM_BYTES {
        true => Ok(bytes),
        false => Err(io(std::io::ErrorKind::FileTooLarge.into())),
    }
}

/// Writes a file for [`read`], whole or not at all, and answers its digest. Verifying keys are for everybody, the others have the weights.
pub(crate) fn write(path: &Path, kind: FileKind, encode: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<Digest, FileError> {
    let mut digest = Digest([0; 32]);
    let access = if kind == FileKind::VerifyingKey { Access::Shared } else { Access::Owner };
    write_whole(path, access, |file| {
        file.write_all(&[0; Header::BYTES])?;
        // The length goes before the contents into the hash, and is known after them: they are hashed as they are read again.
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, &mut *file);
        encode(&mut out)?;
        out.flush()?;
        drop(out);
        let header = Header { kind, length: file.stream_position()? - Header::BYTES as u64 };
        file.seek(SeekFrom::Start(Header::BYTES as u64))?;
        digest = Digest(*header.hasher().update_reader(&mut *file)?.finalize().as_bytes());
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header.encode(digest))
    })?;
    Ok(digest)
}

/// Encodes a value.
pub(crate) fn put(out: &mut dyn Write, value: &impl Serialize) -> std::io::Result<()> {
    postcard::to_io(value, out).map(|_| ()).map_err(std::io::Error::other)
}

/// The folder that a path lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
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
            assert!(matches!(
                read(&path, FileKind::VerifyingKey),
                Err(FileError::Format { source: FormatError::Kind { actual: FileKind::Circuit, .. }, .. })
            ));
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
        assert!(matches!(read(&path, FileKind::Circuit), Err(FileError::Format { source: FormatError::Length { .. }, .. })));
    }

    #[test]
    fn unwritable_places_are_an_error() {
        let (dir, path) = written(b"");
        for place in [path.join("below a file"), dir.path().to_owned(), dir.path().join("no/such/folder")] {
            assert!(matches!(check_output(&place, &[]), Err(FileError::Write { .. })), "{}", place.display());
            assert!(matches!(write(&place, FileKind::Circuit, |_| Ok(())), Err(FileError::Write { .. })));
        }
        check_output(dir.path().join("new"), &[]).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
    }
}
