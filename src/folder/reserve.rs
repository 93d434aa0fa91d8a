//! Writing a folder: by one process at a time, whole or not at all.
//!
//! ```text
//! .NAME.lock    held by who makes the folder NAME, from before the work until it is written
//! .NAME.new     the folder in the making
//! .NAME.old     the one before, for the moment in which the new one takes its place
//! ```
//!
//! The system frees the lock of a process that ends, however it ends. So what lies there belongs to who holds the lock, and is what an
//! interrupted process left: a folder that lost its name gets it back, the rest goes.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use sworn_receipt::FileKind;

use super::{Contents, CIRCUIT, FILES, MANIFEST, PROVING_KEY, VERIFYING_KEY};
use crate::file::{self, folder_of, Access, FileError};

/// What temporary files in a folder in the making begin with.
const TEMPORARY: &str = ".tmp";

/// The place of a folder that is to be written, kept from other processes until it is dropped.
#[derive(Debug)]
pub struct Reserved {
    folder: PathBuf,
    new: PathBuf,
    old: PathBuf,
    lock: Lock,
}

impl Reserved {
    /// Waits until no other process makes the folder, and clears what interrupted ones left.
    ///
    /// # Errors
    /// It cannot be written, or holds files that are not ours.
    pub fn new(folder: impl AsRef<Path>) -> Result<Self, FileError> {
        Self::new_with(folder, || ())
    }

    /// As [`Reserved::new`]; `wait` is called if there is somebody to wait for.
    ///
    /// # Errors
    /// As [`Reserved::new`].
    pub fn new_with(folder: impl AsRef<Path>, wait: impl FnOnce()) -> Result<Self, FileError> {
        let given = folder.as_ref();
        check_replaceable(given)?;
        let io = |source| FileError::Write { path: given.into(), source };
        let folder = if given.exists() { fs::canonicalize(given).map_err(io)? } else { file::follow(given) };
        let Some(name) = folder.file_name() else { return Err(io(ErrorKind::InvalidFilename.into())) };
        let beside = |extension: &str| {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(extension);
            folder_of(&folder).join(hidden)
        };
        let (new, old) = (beside(".new"), beside(".old"));
        let lock = Lock::acquire(beside(".lock"), wait).map_err(io)?;
        let reserved = Self { folder, new, old, lock };
        reserved.clear()?;
        check_replaceable(&reserved.folder)?;
        Ok(reserved)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a process that is interrupted before the folder is written may remove.
    pub fn temporaries(&self) -> [&Path; 2] {
        [&self.new, &self.lock.path]
    }

    /// Mends what an interrupted process left.
    fn clear(&self) -> Result<(), FileError> {
        discard(&self.new)?;
        if is_ours(&self.old)? && !self.folder.exists() {
            return fs::rename(&self.old, &self.folder).map_err(|source| FileError::Write { path: self.folder.clone(), source });
        }
        discard(&self.old)
    }

    pub(crate) fn write(self, contents: Contents<'_>) -> Result<(), FileError> {
        let written = self.fill(contents).and_then(|()| self.replace());
        if written.is_err() {
            // The next process clears what cannot be removed now.
            let _ = discard(&self.new);
        }
        written
    }

    fn fill(&self, mut contents: Contents<'_>) -> Result<(), FileError> {
        fs::create_dir(&self.new).map_err(|source| FileError::Write { path: self.folder.clone(), source })?;
        let at = |name: &str| self.new.join(name);
        let files = [
            (CIRCUIT, file::write(&at(CIRCUIT), FileKind::Circuit, |out| file::put(out, contents.circuit))?),
            (PROVING_KEY, file::write(&at(PROVING_KEY), FileKind::ProvingKey, |out| out.write_all(&contents.proving_key))?),
            (VERIFYING_KEY, contents.verifying_key.write_digested(&at(VERIFYING_KEY))?),
        ];
        contents.manifest.files = files.into_iter().map(|(name, digest)| (name.into(), digest)).collect();
        contents.manifest.digest = contents.manifest.own_digest();
        file::write_whole(&at(MANIFEST), Access::Shared, |file| file.write_all(&contents.manifest.to_text()))
    }

    fn replace(&self) -> Result<(), FileError> {
        let io = |source| FileError::Write { path: self.folder.clone(), source };
        check_replaceable(&self.folder)?;
        let Ok(before) = fs::metadata(&self.folder) else { return fs::rename(&self.new, &self.folder).map_err(io) };
        fs::set_permissions(&self.new, before.permissions()).map_err(io)?;
        fs::rename(&self.folder, &self.old).map_err(io)?;
        if let Err(error) = fs::rename(&self.new, &self.folder) {
            // If this fails too, the next process gives the folder its name back.
            let _ = fs::rename(&self.old, &self.folder);
            return Err(io(error));
        }
        discard(&self.old)
    }
}

/// A file that one process at a time has locked. It is removed by who holds it.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    /// Kept open: closing it frees it.
    _file: File,
}

impl Lock {
    fn acquire(path: PathBuf, wait: impl FnOnce()) -> io::Result<Self> {
        let mut wait = Some(wait);
        loop {
            let file = open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    if let Some(wait) = wait.take() {
                        wait();
                    }
                    file.lock()?;
                }
                // A file system without locks: nobody is kept out.
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Who held it before may have removed it, and another one be there by now.
            if is_at(&file, &path)? {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A file that stays is locked by nobody.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens a lock file. A link in its place is not followed.
fn open(path: &Path) -> io::Result<File> {
    if path.is_symlink() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    OpenOptions::new().write(true).create(true).truncate(false).open(path)
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (held, there) = (file.metadata()?, fs::symlink_metadata(path));
    Ok(there.is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino())))
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    Ok(path.exists())
}

/// Removes a folder of ours, if it is there.
fn discard(folder: &Path) -> Result<(), FileError> {
    match is_ours(folder)? {
        true => fs::remove_dir_all(folder).map_err(|source| FileError::Write { path: folder.into(), source }),
        false => Ok(()),
    }
}

/// Whether there is a folder with nothing but what we put there.
///
/// # Errors
/// There is something else.
fn is_ours(folder: &Path) -> Result<bool, FileError> {
    let io = |source| FileError::Write { path: folder.into(), source };
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io(error)),
        Ok(metadata) if !metadata.is_dir() => Err(io(ErrorKind::AlreadyExists.into())),
        Ok(_) => check_names(folder, |name| FILES.contains(&name) || name.starts_with(TEMPORARY)).map(|()| true),
    }
}

/// Whether a folder could be written at `folder`, before the work that it is for.
pub(crate) fn check_replaceable(folder: &Path) -> Result<(), FileError> {
    let io = |source| FileError::Write { path: folder.into(), source };
    let place = if folder.exists() { fs::canonicalize(folder).map_err(io)? } else { file::follow(folder) };
    if std::env::current_dir().is_ok_and(|current| current == place) {
        // Whoever stands in it would stand in the one before.
        return Err(io(ErrorKind::ResourceBusy.into()));
    }
    tempfile::tempfile_in(folder_of(&place)).map_err(io)?;
    match folder.exists() {
        true => check_names(folder, |name| FILES.contains(&name)),
        false => Ok(()),
    }
}

fn check_names(folder: &Path, is_ours: impl Fn(&str) -> bool) -> Result<(), FileError> {
    let io = |source| FileError::Write { path: folder.into(), source };
    for entry in fs::read_dir(folder).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        if !name.to_str().is_some_and(&is_ours) {
            return Err(FileError::Occupied { path: folder.into(), name: name.to_string_lossy().into_owned() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_interrupted_processes_left_is_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at(".m.sworn.lock"), "").unwrap();
        for (folder, file) in [(".m.sworn.new", "proving.key"), (".m.sworn.new", ".tmpAbC"), (".m.sworn.old", "manifest.json")] {
            fs::create_dir_all(at(folder)).unwrap();
            fs::write(at(folder).join(file), "left").unwrap();
        }
        // It was interrupted between the two moves: the folder before is the one that there is.
        drop(Reserved::new(at("m.sworn")).unwrap());
        assert_eq!(names(dir.path()), ["m.sworn"]);
        assert_eq!(fs::read(at("m.sworn/manifest.json")).unwrap(), b"left");
        fs::create_dir(at(".m.sworn.old")).unwrap();
        drop(Reserved::new(at("m.sworn")).unwrap());
        assert_eq!(names(dir.path()), ["m.sworn"]);
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        for name in ["m.sworn", ".m.sworn.new", ".m.sworn.old"] {
            let dir = tempfile::tempdir().unwrap();
            let at = dir.path().join(name);
            fs::create_dir(&at).unwrap();
            fs::write(at.join("letter"), "mine").unwrap();
            let reserve = || Reserved::new(dir.path().join("m.sworn"));
            assert!(matches!(reserve(), Err(FileError::Occupied { name, .. }) if name == "letter"), "{name}");
            fs::rename(&at, dir.path().join("away")).unwrap();
            fs::write(&at, "mine").unwrap();
            assert!(matches!(reserve(), Err(FileError::Write { .. })), "{name}");
            let mut expected = [name, "away"];
            expected.sort_unstable();
            assert_eq!(names(dir.path()), expected, "and nothing else");
        }
    }

    /// Each of many threads is alone between reserving and dropping.
    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("m.sworn");
        let (inside, waited) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let reserved = Reserved::new_with(&folder, || {
                            waited.fetch_add(1, Ordering::Relaxed);
                        })
                        .unwrap();
                        assert!(!inside.swap(true, Ordering::SeqCst), "two at a time");
                        std::thread::yield_now();
                        inside.store(false, Ordering::SeqCst);
                        drop(reserved);
                    }
                });
            }
        });
        assert!(waited.into_inner() > 0 && names(dir.path()).is_empty());
    }
}
