//! Where a result is written, and how.
//!
//! | the path leads to                      | the result is written                                       |
//! |----------------------------------------|-------------------------------------------------------------|
//! | nothing, or a regular file             | beside it, and moved there when it is complete              |
//! | a FIFO, a device, or a file without a name | elsewhere, and copied to what is there when it is complete |
//!
//! Symbolic links are followed: what they lead to is written, and they stay.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};

use super::{folder_of, FileError};

/// Links that the system follows, at most.
const MAX_LINKS: usize = 40;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Whom the umask lets, or whoever could read the file that it replaces.
    Shared,
    /// Its owner.
    Owner,
}

impl Access {
    pub(super) fn builder(self) -> tempfile::Builder<'static, 'static> {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(Permissions::from_mode(if self == Self::Shared { 0o666 } else { 0o600 }));
        }
        builder
    }
}

/// What a path leads to.
enum Target {
    /// A place for a regular file, and the rights of the one that is there.
    File { path: PathBuf, rights: Option<Permissions> },
    /// What cannot be replaced.
    Stream(PathBuf),
}

impl Target {
    fn of(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Err(ErrorKind::IsADirectory.into()),
            Ok(metadata) if metadata.is_file() => Ok(match fs::canonicalize(path) {
                Ok(path) => Self::File { path, rights: Some(metadata.permissions()) },
                Err(_) => Self::Stream(path.into()),
            }),
            Ok(_) => Ok(Self::Stream(path.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::File { path: follow(path), rights: None }),
            Err(error) => Err(error),
        }
    }

    /// Whether it could be written. Nothing is opened that would notice.
    fn check(&self) -> io::Result<()> {
        let Self::File { path, rights } = self else { return Ok(()) };
        if rights.is_some() {
            OpenOptions::new().write(true).open(path)?;
        }
        tempfile::tempfile_in(folder_of(path)).map(drop)
    }
}

/// Where a chain of links ends that leads to nothing.
pub(crate) fn follow(path: &Path) -> PathBuf {
    let mut end = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&end) {
            Ok(next) => end = folder_of(&end).join(next),
            Err(_) => break,
        }
    }
    end
}

/// Writes what `fill` writes, all of it or nothing.
pub(crate) fn write(path: &Path, access: Access, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), FileError> {
    let io = |source| FileError::Write { path: path.into(), source };
    match Target::of(path).map_err(io)? {
        Target::File { path: place, rights } => {
            let mut file = access.builder().tempfile_in(folder_of(&place)).map_err(io)?;
            fill(file.as_file_mut()).map_err(io)?;
            if let Some(rights) = rights.filter(|_| access == Access::Shared) {
                file.as_file().set_permissions(rights).map_err(io)?;
            }
            file.as_file().sync_all().map_err(io)?;
            file.persist(place).map_err(|e| io(e.error))?;
        }
        Target::Stream(path) => {
            let mut file = tempfile::tempfile().map_err(io)?;
            fill(&mut file).and_then(|()| file.rewind()).map_err(io)?;
            let mut stream = OpenOptions::new().write(true).truncate(true).open(path).map_err(io)?;
            io::copy(&mut file, &mut stream).and_then(|_| stream.flush()).map_err(io)?;
        }
    }
    Ok(())
}

/// Whether a file could be written at `path`, to ask before the work that it is for. `reads` are the files and folders that the work
/// reads: none of them is overwritten, nor anything put into such a folder.
///
/// # Errors
/// It could not.
pub fn check_output(path: impl AsRef<Path>, reads: &[&Path]) -> Result<(), FileError> {
    let path = path.as_ref();
    let io = |source| FileError::Write { path: path.into(), source };
    let target = Target::of(path).map_err(io)?;
    if let Target::File { path: place, rights } = &target {
        let there = rights.as_ref().and_then(|_| fs::metadata(place).ok());
        if let Some(read) = reads.iter().find(|read| overwrites(place, there.as_ref(), read)) {
            return Err(FileError::Overwrites { path: path.into(), read: read.to_path_buf() });
        }
    }
    target.check().map_err(io)
}

fn overwrites(place: &Path, there: Option<&Metadata>, read: &Path) -> bool {
    let holds = |folder: &Path| match (fs::metadata(folder), fs::metadata(folder_of(place))) {
        (Ok(one), Ok(other)) => is_same((&one, folder), (&other, folder_of(place))),
        _ => false,
    };
    // What is read may be made first: a compiled model, or the other result.
    let Ok(metadata) = fs::metadata(read) else {
        let read = follow(read);
        return read.file_name() == place.file_name() && holds(folder_of(&read));
    };
    if metadata.is_dir() {
        return holds(read);
    }
    there.is_some_and(|there| is_same((&metadata, read), (there, place)))
}

/// Whether two names are of one file, by what the system knows it by.
#[cfg(unix)]
fn is_same(one: (&Metadata, &Path), other: (&Metadata, &Path)) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.0.dev(), one.0.ino()) == (other.0.dev(), other.0.ino())
}

/// Whether two names are of one file.
#[cfg(not(unix))]
fn is_same(one: (&Metadata, &Path), other: (&Metadata, &Path)) -> bool {
    matches!((fs::canonicalize(one.1), fs::canonicalize(other.1)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, text: &[u8]) -> Result<(), FileError> {
        write(path, Access::Shared, |file| file.write_all(text))
    }

    #[test]
    fn what_is_read_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        for name in ["read", "other", "folder/read"] {
            put(&at(name), b"").unwrap();
        }
        fs::hard_link(at("read"), at("again")).unwrap();
        let check = |output: &str, read: &str| check_output(at(output), &[&at("missing"), &at(read)]);
        for (output, read) in
            [("read", "read"), ("folder/../read", "read"), ("again", "read"), ("folder/read", "folder/read"), ("folder/new", "folder")]
        {
            assert!(matches!(check(output, read), Err(FileError::Overwrites { .. })), "{output}");
        }
        assert!(matches!(check("new", "new"), Err(FileError::Overwrites { .. })), "what is not there yet");
        for output in ["other", "new"] {
            check(output, "read").unwrap();
            check(output, "folder").unwrap();
        }
    }

    #[cfg(unix)]
    mod unix {
        use std::io::Read;
        use std::os::unix::fs::{symlink, FileTypeExt, PermissionsExt};

        use super::*;

        fn mode(path: &Path) -> u32 {
            fs::metadata(path).unwrap().permissions().mode() & 0o777
        }

        #[test]
        fn links_are_followed_and_stay() {
            let dir = tempfile::tempdir().unwrap();
            let at = |name: &str| dir.path().join(name);
            fs::create_dir(at("folder")).unwrap();
            for (link, end) in [("link", "folder/end"), ("folder/end", "../last"), ("loop", "loop")] {
                symlink(end, at(link)).unwrap();
            }
            // The last file is made, and then replaced.
            for text in [b"one", b"two"] {
                check_output(at("link"), &[]).unwrap();
                put(&at("link"), text).unwrap();
                assert_eq!(fs::read(at("last")).unwrap(), text);
            }
            assert!(at("link").is_symlink() && at("folder/end").is_symlink() && !at("last").is_symlink());
            assert!(matches!(check_output(at("loop"), &[]), Err(FileError::Write { .. })));
            assert!(matches!(check_output(at("link"), &[&at("last")]), Err(FileError::Overwrites { .. })));
            assert!(matches!(check_output(at("last"), &[&at("link")]), Err(FileError::Overwrites { .. })));
        }

        #[test]
        fn what_is_no_regular_file_is_written_through() {
            let dir = tempfile::tempdir().unwrap();
            let fifo = dir.path().join("fifo");
            assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
            // Nobody reads yet, and nobody is waited for.
            check_output(&fifo, &[]).unwrap();
            let reader = std::thread::spawn({
                let fifo = fifo.clone();
                move || fs::read(fifo).unwrap()
            });
            put(&fifo, b"through").unwrap();
            assert_eq!(reader.join().unwrap(), b"through");
            assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
            assert!(write(&fifo, Access::Shared, |_| Err(ErrorKind::Other.into())).is_err(), "and nobody is waited for");
            let null = Path::new("/dev/null");
            check_output(null, &[null]).unwrap();
            put(null, b"away").unwrap();
            assert!(fs::metadata(null).unwrap().file_type().is_char_device());
            // A file that has lost its name is known by its descriptor alone.
            let mut nameless = tempfile::tempfile().unwrap();
            let path = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&nameless)));
            if path.exists() {
                put(&path, b"nameless").unwrap();
                let mut text = String::new();
                nameless.read_to_string(&mut text).unwrap();
                assert_eq!(text, "nameless");
            }
        }

        #[test]
        fn rights_are_the_umasks_or_the_old_ones() {
            let dir = tempfile::tempdir().unwrap();
            let at = |name: &str| dir.path().join(name);
            // What the umask leaves, as it is found.
            File::create(at("probe")).unwrap();
            put(&at("new"), b"").unwrap();
            assert_eq!(mode(&at("new")), mode(&at("probe")));
            fs::set_permissions(at("new"), Permissions::from_mode(0o640)).unwrap();
            put(&at("new"), b"again").unwrap();
            assert_eq!(mode(&at("new")), 0o640);
            write(&at("new"), Access::Owner, |_| Ok(())).unwrap();
            write(&at("key"), Access::Owner, |_| Ok(())).unwrap();
            assert_eq!((mode(&at("new")), mode(&at("key"))), (0o600, 0o600));
        }
    }
}
