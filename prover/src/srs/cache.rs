//! Our own SRS files, and a folder of them by digest.
//!
//! ```text
//! "SWORNSRS" | version u32 | k u32 | digest, 32 bytes | check, 32 bytes
//! s^i·G1 | L_i(s)·G1, or nothing if unknown | s^n·G1, zeros if unknown | s·G2      points as in `points`, i < n = 2^k
//! ```
//!
//! `check` is the BLAKE3 hash of everything behind it. Bases of packs have files of their own:
//!
//! ```text
//! "SWORNPBS" | version u32 | digest of the SRS, 32 bytes | t u32 | log₂ n u32 | s^i·L_j(s^t)·G1 | BLAKE3 of all this, 32 bytes
//! ```
//!
//! A file is written beside its name and moved there when it is complete, so that a reader never meets half of one.
//!
//! # What is trusted
//! Only a checked string is kept, and none of an older version is read. A file is believed to be the one that was kept if nobody
//! else could have written it: it and the folder belong to the user or to root, and neither group nor others may write to them.
//! Then its digest is recomputed and compared. Any other file is checked like one from outside, each time that it is read: the
//! powers, the order of the secret and the bases.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use halo2_proofs::halo2curves::bn256::G2Affine;
use halo2_proofs::halo2curves::serde::SerdeObject;
use sworn_verifier::srs::{origin, Origin};

use super::error::{Array, SrsError};
use super::points::{decode_g1, decode_g2, encode_g1, G1_BYTES, G2_BYTES};
use super::{require_memory, Parts, Srs, MAX_K};
use crate::halo2::convert::to_g2;

/// First bytes of the format.
pub(super) const MAGIC: [u8; 8] = *b"SWORNSRS";
const VERSION: u32 = 3;
const HEADER_BYTES: usize = 8 + 4 + 4 + 32 + 32;
const EXTENSION: &str = "srs";
const BASIS_EXTENSION: &str = "basis";
/// Of a file that is being written, or was when the program was killed.
const UNFINISHED_EXTENSION: &str = "part";
/// First bytes of a basis of packs.
const BASIS_MAGIC: [u8; 8] = *b"SWORNPBS";
const BASIS_VERSION: u32 = 1;

/// A folder of SRS files by digest.
#[derive(Clone, Debug)]
pub struct SrsCache {
    folder: PathBuf,
}

/// What the header of a cached SRS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrsEntry {
    /// The file.
    pub path: PathBuf,
    /// `log2` of the number of powers.
    pub k: u32,
    /// [`Srs::digest`].
    pub digest: [u8; 32],
    /// `s·G2`, which tells where it comes from.
    pub s_g2: G2Affine,
}

impl SrsEntry {
    /// [`Srs::identity`].
    pub fn identity(&self) -> [u8; 32] {
        super::identity(&self.s_g2)
    }

    /// [`Srs::origin`].
    pub fn origin(&self) -> Origin {
        origin(&to_g2(&self.s_g2))
    }
}

impl SrsCache {
    /// The cache in `folder`, which is made when something is written to it.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// All files of the cache with a readable header.
    ///
    /// # Errors
    /// The folder is there and cannot be listed.
    pub fn entries(&self) -> Result<Vec<SrsEntry>, SrsError> {
        let read = |path: PathBuf| read_ends(&path).ok().map(|(header, s_g2)| SrsEntry { path, k: header.k, digest: header.digest, s_g2 });
        Ok(self.files()?.into_iter().filter(|path| has_extension(path, EXTENSION)).filter_map(read).collect())
    }

    /// The SRS with this digest, or `None`.
    ///
    /// # Errors
    /// There is a file and it is damaged.
    pub fn get(&self, digest: &[u8; 32]) -> Result<Option<Srs>, SrsError> {
        match self.load(&self.path(digest)) {
            Ok(srs) if srs.digest() == *digest => Ok(Some(srs)),
            // Under another's name.
            Ok(srs) => Err(SrsError::Digest { path: self.path(digest), expected: *digest, actual: srs.digest() }),
            Err(SrsError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(SrsError::Version { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a file, and checks it unless it must be one that was checked when it was kept.
    fn load(&self, path: &Path) -> Result<Srs, SrsError> {
        let is_ours = self.is_ours(path);
        let srs = Srs::read(path)?;
        match is_ours {
            true => Ok(Srs { is_checked: true, ..srs }),
            false => srs.checked(),
        }
    }

    /// Whether nobody but the user and root can have written a file of the folder. The folder may be a link to another one.
    fn is_ours(&self, path: &Path) -> bool {
        std::fs::metadata(&self.folder).is_ok_and(|folder| is_private(&folder))
            && std::fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && is_private(&file))
    }

    /// The first 2^k powers of a string: cached as such, or truncated from the smallest larger file and then cached.
    ///
    /// # Errors
    /// A file is damaged, or the cache cannot be written.
    pub fn truncation(&self, identity: &[u8; 32], k: u32) -> Result<Option<Srs>, SrsError> {
        let best = self.entries()?.into_iter().filter(|e| e.identity() == *identity && e.k >= k).min_by_key(|e| e.k);
        let Some(entry) = best else { return Ok(None) };
        let srs = self.load(&entry.path)?;
        if entry.k == k {
            return Ok(Some(srs));
        }
        let srs = srs.truncate(k)?;
        self.insert(&srs)?;
        Ok(Some(srs))
    }

    /// Writes an SRS and answers its file. One that is there stays, unless it lacks the Lagrange basis that this one has.
    ///
    /// # Errors
    /// The cache cannot be written, or the string was not checked.
    pub fn insert(&self, srs: &Srs) -> Result<PathBuf, SrsError> {
        if !srs.is_checked() {
            return Err(SrsError::Unchecked);
        }
        let path = self.path(&srs.digest());
        let header = File::open(&path).ok().and_then(|mut file| Header::read(&path, &mut file).ok());
        if header.is_some_and(|header| header.has_lagrange || !srs.has_lagrange()) {
            return Ok(path);
        }
        self.create()?;
        srs.write(&path)?;
        Ok(path)
    }

    /// [`Srs::dev`] from the cache, if it is there. A damaged file is removed.
    pub fn dev(&self, k: u32) -> Option<Srs> {
        let entry = self.entries().ok()?.into_iter().find(|entry| entry.k == k && entry.origin() == Origin::InsecureDev)?;
        let srs = self.load(&entry.path).ok().filter(|srs| srs.k() == k && srs.is_insecure_dev());
        if srs.is_none() {
            // It stays in the way if it cannot be removed, and is passed by.
            let _ = std::fs::remove_file(&entry.path);
        }
        srs
    }

    /// Makes [`Srs::pack_basis`] of an SRS cost nothing any more: it is read, or made and then kept. If it cannot be kept it is
    /// not made.
    ///
    /// # Errors
    /// There are fewer powers than t·n.
    pub fn prepare_pack_basis(&self, srs: &Srs, pack: usize, log_rows: u32) -> Result<(), SrsError> {
        let length = u32::try_from(pack).ok().filter(|_| log_rows <= MAX_K).map(|_| (pack * G1_BYTES) << log_rows);
        if srs.has_pack_basis(pack, log_rows) {
            return Ok(());
        }
        let mut start = BASIS_MAGIC.to_vec();
        start.extend(BASIS_VERSION.to_le_bytes());
        start.extend(srs.digest());
        start.extend((pack as u32).to_le_bytes());
        start.extend(log_rows.to_le_bytes());
        let path = self.folder.join(format!("{}-{pack}x{log_rows}.{BASIS_EXTENSION}", hex::encode(srs.digest())));
        let read = |bytes: &[u8]| {
            let (body, check) = bytes.split_last_chunk::<32>()?;
            let points = body.strip_prefix(start.as_slice())?;
            let whole = blake3::hash(body).as_bytes() == check && Some(points.len()) == length;
            if whole {
                decode_g1(points, Array::LagrangeG1).ok()
            } else {
                None
            }
        };
        let whole = length.map(|length| (start.len() + length + 32) as u64);
        let is_whole = std::fs::metadata(&path).is_ok_and(|metadata| whole == Some(metadata.len()));
        let bytes = if is_whole { std::fs::read(&path).ok() } else { None };
        let believed = |points: &Vec<_>| self.is_ours(&path) || srs.pack_basis_agrees(pack, log_rows, points);
        if let Some(points) = bytes.and_then(|bytes| read(&bytes)).filter(believed) {
            srs.keep_pack_basis(pack, log_rows, points);
            return Ok(());
        }
        if self.create().is_err() || tempfile::NamedTempFile::new_in(&self.folder).is_err() {
            return Ok(());
        }
        start.extend(encode_g1(&srs.pack_basis(pack, log_rows)?));
        let check = blake3::hash(&start);
        start.extend(check.as_bytes());
        // It is made, whether it can be kept or not.
        let _ = write_file(&path, |file| file.write_all(&start));
        Ok(())
    }

    /// Removes the SRS with this digest, if it is there.
    pub fn remove(&self, digest: &[u8; 32]) {
        // A file that stays is found to be damaged again.
        let _ = std::fs::remove_file(self.path(digest));
    }

    /// Removes what is not needed any more and answers how many files and bytes: what was not written since `before`, or all. Files
    /// of older versions go in any case; what is not ours stays.
    ///
    /// # Errors
    /// The folder cannot be listed, or a file not be removed.
    pub fn clean(&self, before: Option<SystemTime>) -> Result<(usize, u64), SrsError> {
        let (mut files, mut bytes) = (0, 0);
        for path in self.files()? {
            let io = |source| SrsError::Io { path: path.clone(), source };
            let metadata = std::fs::symlink_metadata(&path).map_err(io)?;
            let is_current = !has_extension(&path, EXTENSION) || read_ends(&path).is_ok();
            let is_recent = before.is_some_and(|before| metadata.modified().is_ok_and(|written| written >= before));
            if metadata.is_file() && !(is_current && is_recent) {
                std::fs::remove_file(&path).map_err(io)?;
                files += 1;
                bytes += metadata.len();
            }
        }
        Ok((files, bytes))
    }

    /// The files of the folder that are ours by their names.
    fn files(&self) -> Result<Vec<PathBuf>, SrsError> {
        let io = |source| SrsError::Io { path: self.folder.clone(), source };
        let listing = match std::fs::read_dir(&self.folder) {
            Ok(listing) => listing,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(io(e)),
        };
        let ours = [EXTENSION, BASIS_EXTENSION, UNFINISHED_EXTENSION];
        let mut files: Vec<PathBuf> = listing.map(|file| file.map(|file| file.path()).map_err(io)).collect::<Result<_, _>>()?;
        files.retain(|path| ours.iter().any(|extension| has_extension(path, extension)));
        files.sort();
        Ok(files)
    }

    /// Makes the folder, for nobody else to write to.
    fn create(&self) -> Result<(), SrsError> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder).map_err(|source| SrsError::Io { path: self.folder.clone(), source })
    }

    fn path(&self, digest: &[u8; 32]) -> PathBuf {
        self.folder.join(hex::encode(digest)).with_extension(EXTENSION)
    }
}

struct Header {
    k: u32,
    has_lagrange: bool,
    digest: [u8; 32],
    check: [u8; 32],
}

impl Header {
    fn read(path: &Path, file: &mut File) -> Result<Self, SrsError> {
        let io = |source| SrsError::Io { path: path.into(), source };
        let length = file.metadata().map_err(io)?.len();
        let mut bytes = [0; HEADER_BYTES];
        let foreign = || SrsError::Foreign { path: path.into() };
        file.read_exact(&mut bytes[..8]).map_err(|_| foreign())?;
        if bytes[..8] != MAGIC {
            return Err(foreign());
        }
        let expected = HEADER_BYTES as u64;
        file.read_exact(&mut bytes[8..]).map_err(|_| SrsError::Length { path: path.into(), expected, actual: length })?;
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let hash = |at: usize| {
            let mut hash = [0; 32];
            hash.copy_from_slice(&bytes[at..at + 32]);
            hash
        };
        let (version, k) = (word(8), word(12));
        if version != VERSION {
            return Err(SrsError::Version { path: path.into(), expected: VERSION, actual: version });
        }
        if k > MAX_K {
            return Err(SrsError::LogSize { expected: MAX_K, actual: k });
        }
        let basis = (G1_BYTES as u64) << k;
        let expected = HEADER_BYTES as u64 + 2 * basis + G1_BYTES as u64 + G2_BYTES as u64;
        if length != expected && length != expected - basis {
            return Err(SrsError::Length { path: path.into(), expected, actual: length });
        }
        Ok(Self { k, has_lagrange: length == expected, digest: hash(16), check: hash(48) })
    }
}

/// Reads `s·G2` alone, the last point of the file.
pub(super) fn read_s_g2(path: &Path) -> Result<G2Affine, SrsError> {
    Ok(read_ends(path)?.1)
}

/// The header and `s·G2`.
fn read_ends(path: &Path) -> Result<(Header, G2Affine), SrsError> {
    let io = |source| SrsError::Io { path: path.into(), source };
    let mut file = File::open(path).map_err(io)?;
    let header = Header::read(path, &mut file)?;
    let mut bytes = [0; G2_BYTES];
    file.seek(SeekFrom::End(-(G2_BYTES as i64))).and_then(|_| file.read_exact(&mut bytes)).map_err(io)?;
    Ok((header, decode_g2(&bytes)?[0]))
}

/// Whether a file or folder is the user's or root's, and nobody else's to write to.
#[cfg(unix)]
fn is_private(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    use std::sync::LazyLock;
    /// The owner of a file that was just made.
    static USER: LazyLock<Option<u32>> = LazyLock::new(|| Some(tempfile::tempfile().and_then(|file| file.metadata()).ok()?.uid()));
    let is_trusted = metadata.uid() == 0 || Some(metadata.uid()) == *USER;
    is_trusted && metadata.mode() & 0o022 == 0
}

/// Not known here: what is read is checked.
#[cfg(not(unix))]
fn is_private(_metadata: &Metadata) -> bool {
    false
}

/// Reads a file; the parts hash to the digest that is answered with them.
pub(super) fn read(path: &Path) -> Result<(Parts, [u8; 32]), SrsError> {
    let io = |source| SrsError::Io { path: path.into(), source };
    let mut file = File::open(path).map_err(io)?;
    let header = Header::read(path, &mut file)?;
    let arrays = if header.has_lagrange { 2 } else { 1 };
    require_memory(arrays << header.k)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(io)?;
    let (k, size) = (header.k, G1_BYTES << header.k);
    let check = *blake3::Hasher::new().update(&bytes).finalize().as_bytes();
    let bases = if header.has_lagrange { 2 * size } else { size };
    if check != header.check || bytes.len() != bases + G1_BYTES + G2_BYTES {
        return Err(SrsError::Digest { path: path.into(), expected: header.check, actual: check });
    }
    let g = decode_g1(&bytes[..size], Array::PowersG1)?;
    let g_lagrange = header.has_lagrange.then(|| decode_g1(&bytes[size..bases], Array::LagrangeG1)).transpose()?;
    let (next, s_g2) = bytes[bases..].split_at(G1_BYTES);
    let next = if next.iter().all(|&b| b == 0) { None } else { decode_g1(next, Array::PowersG1)?.pop() };
    let s_g2 = decode_g2(s_g2)?[0];
    Ok((Parts { k, g, next, g_lagrange, g2: G2Affine::generator(), s_g2 }, header.digest))
}

/// Writes `srs` to `path`, atomically, with the Lagrange basis if it is there.
pub(super) fn write(srs: &Srs, path: &Path) -> Result<(), SrsError> {
    write_file(path, |file| encode(srs, file))
}

/// The contents of a file for [`read`].
pub(super) fn encode(srs: &Srs, out: &mut dyn Write) -> io::Result<()> {
    let mut body = encode_g1(srs.g());
    if srs.has_lagrange() {
        body.extend(encode_g1(srs.g_lagrange()));
    }
    body.extend(srs.next_power().map_or_else(|| vec![0; G1_BYTES], |next| encode_g1(&[next])));
    body.extend(srs.s_g2().to_raw_bytes());
    let check = blake3::Hasher::new().update(&body).finalize();
    let (version, k) = (VERSION.to_le_bytes(), srs.k().to_le_bytes());
    for part in [&MAGIC[..], &version, &k, &srs.digest(), check.as_bytes(), &body] {
        out.write_all(part)?;
    }
    Ok(())
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|e| e == extension)
}

/// A whole file, or none.
fn write_file(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), SrsError> {
    let io = |source| SrsError::Io { path: path.into(), source };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().suffix(&format!(".{UNFINISHED_EXTENSION}")).tempfile_in(folder).map_err(io)?;
    fill(file.as_file_mut()).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(path).map_err(|e| io(e.error))?;
    Ok(())
}
