//! Where a model's reference string comes from.

use std::path::{Path, PathBuf};

use sworn_circuits::layout::Choice;
use sworn_prover::srs::{s_g2_of, Srs, SrsCache};
use sworn_verifier::srs::{identity, origin_of, Origin, INSECURE_DEV_S_G2};

use crate::file::{write_whole, Access};
use crate::{Digest, Error, FileError};

/// log₂ of the powers of the largest development string that is cached, in 64 MiB, or twice as many with its Lagrange basis.
const MAX_CACHED_DEV_K: u32 = 20;

/// Where to take a structured reference string from.
#[derive(Clone, Debug, Default)]
pub struct SrsSource {
    /// A file of any known format. Without one, a new model gets the **insecure** development SRS.
    pub file: Option<PathBuf>,
    /// Where truncations are kept and looked for.
    pub cache: Option<SrsCache>,
    /// Without a file, what identifies the string in the cache that a new model gets.
    pub identity: Option<Digest>,
}

impl SrsSource {
    /// The first powers, as many as the layout of a new model needs, with the basis that it needs.
    pub(crate) fn load(&self, choice: &Choice) -> Result<Srs, Error> {
        let k = choice.log_powers();
        let Some(path) = &self.file else {
            return match self.identity {
                Some(identity) if identity != Self::dev_identity() => self.cached(choice, identity),
                _ => self.dev(choice),
            };
        };
        let srs = Srs::open(path, Some(k))?;
        self.prepare(&srs, choice)?;
        if let Some(cache) = &self.cache {
            cache.insert(&srs)?;
        }
        Ok(srs)
    }

    /// The development string: from the cache, or made and cached. Only time is lost if that fails.
    fn dev(&self, choice: &Choice) -> Result<Srs, Error> {
        let k = choice.log_powers();
        let srs = self.cache.as_ref().and_then(|cache| cache.dev(k)).map_or_else(|| Srs::dev(k), Ok)?;
        self.prepare(&srs, choice)?;
        if let Some(cache) = self.cache.as_ref().filter(|_| k <= MAX_CACHED_DEV_K) {
            let _ = cache.insert(&srs);
        }
        Ok(srs)
    }

    /// Makes the basis that a layout needs, or takes it from the cache.
    fn prepare(&self, srs: &Srs, choice: &Choice) -> Result<(), Error> {
        match &self.cache {
            _ if choice.pack == 1 => drop(srs.g_lagrange()),
            Some(cache) if choice.has_row_basis() => cache.prepare_pack_basis(srs, choice.pack, choice.log_rows)?,
            _ => {}
        }
        Ok(())
    }

    /// The reference string that a model was compiled with, with the basis that its layout needs.
    pub(crate) fn find(&self, choice: &Choice, digest: Digest, expected: Digest) -> Result<Srs, Error> {
        let k = choice.log_powers();
        if expected == Self::dev_identity() {
            return self.dev(choice);
        }
        if let Some(cache) = &self.cache {
            let cached = cache.get(&digest.0);
            // The file takes the place of a damaged one.
            if cached.is_err() && self.file.is_some() {
                cache.remove(&digest.0);
            }
            match cached.and_then(|srs| srs.map_or_else(|| cache.truncation(&expected.0, k), |srs| Ok(Some(srs)))) {
                Ok(Some(srs)) => {
                    self.prepare(&srs, choice)?;
                    // Only the time of the next proof is lost if the cache cannot be written.
                    let _ = cache.insert(&srs);
                    return Ok(srs);
                }
                Err(error) if self.file.is_none() => return Err(error.into()),
                _ => {}
            }
        }
        let Some(path) = &self.file else { return Err(Error::SrsMissing { identity: expected }) };
        let actual = Digest(identity(&s_g2_of(path)?));
        if actual != expected {
            return Err(Error::SrsIdentity { expected, actual });
        }
        let srs = Srs::open(path, Some(k))?;
        self.prepare(&srs, choice)?;
        if let Some(cache) = &self.cache {
            let _ = cache.insert(&srs);
        }
        Ok(srs)
    }

    /// As many powers as a layout needs of a string in the cache.
    fn cached(&self, choice: &Choice, identity: Digest) -> Result<Srs, Error> {
        let srs = self.cache.as_ref().map(|cache| cache.truncation(&identity.0, choice.log_powers())).transpose()?.flatten();
        let srs = srs.ok_or(Error::SrsMissing { identity })?;
        self.prepare(&srs, choice)?;
        Ok(srs)
    }

    /// What identifies the string that was asked for, if one was.
    ///
    /// # Errors
    /// The file is no reference string.
    pub(crate) fn asked(&self) -> Result<Option<Digest>, Error> {
        match &self.file {
            None => Ok(self.identity),
            Some(path) => Ok(Some(Digest(identity(&s_g2_of(path)?)))),
        }
    }

    /// What identifies the string that a new model gets.
    ///
    /// # Errors
    /// The file is no reference string.
    pub fn identity(&self) -> Result<Digest, Error> {
        Ok(self.asked()?.unwrap_or_else(Self::dev_identity))
    }

    /// What identifies that string, and where it comes from.
    ///
    /// # Errors
    /// The file is no reference string.
    pub fn origin(&self) -> Result<(Digest, Origin), Error> {
        let identity = self.identity()?;
        Ok((identity, origin_of(&identity.0)))
    }

    /// What identifies the development string.
    pub fn dev_identity() -> Digest {
        Digest(identity(&INSECURE_DEV_S_G2))
    }
}

/// Writes the file of a reference string: a whole one or none.
///
/// # Errors
/// The file cannot be written.
pub fn write_srs(srs: &Srs, path: impl AsRef<Path>) -> Result<(), FileError> {
    write_whole(path.as_ref(), Access::Shared, |file| srs.encode(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHOICE: Choice = Choice { log_rows: 2, lanes: 1, weight_lanes: 1, limbs: 1, pack: 3 };

    fn ceremony_file() -> PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("prover/tests/vectors/snarkjs_prepared_4.ptau")
    }

    type Tested = Result<(), Box<dyn std::error::Error>>;

    /// A file is cut, cached with its basis, found without the file, and mended by it.
    #[test]
    fn a_ceremony_is_cached_and_mended() -> Tested {
        let dir = tempfile::tempdir()?;
        let cache = SrsCache::new(dir.path());
        let with_file = SrsSource { file: Some(ceremony_file()), cache: Some(cache.clone()), identity: None };
        let without = SrsSource { file: None, cache: Some(cache.clone()), identity: None };
        let srs = with_file.load(&CHOICE)?;
        let (digest, identity) = (Digest(srs.digest()), Digest(srs.identity()));
        let found = without.find(&CHOICE, digest, identity)?;
        assert_eq!((found.digest(), found.has_pack_basis(3, 2)), (srs.digest(), true));
        assert!(matches!(without.find(&CHOICE, digest, Digest([1; 32])), Ok(srs) if srs.digest() == digest.0));
        let path = cache.entries()?.first().map(|entry| entry.path.clone()).unwrap_or_default();
        let mut bytes = std::fs::read(&path)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, &bytes)?;
        assert_eq!(with_file.find(&CHOICE, digest, identity)?.digest(), digest.0);
        assert_eq!(without.find(&CHOICE, digest, identity)?.digest(), digest.0);
        std::fs::write(&path, &bytes)?;
        assert!(without.find(&CHOICE, digest, identity).is_err());
        Ok(())
    }

    /// Where nothing can be kept, nothing is lost but time, and no basis is made that takes long.
    #[test]
    fn an_unwritable_cache_is_passed_by() -> Tested {
        let file = tempfile::NamedTempFile::new()?;
        let cache = Some(SrsCache::new(file.path().join("cache")));
        let dev = SrsSource { cache: cache.clone(), ..SrsSource::default() }.load(&CHOICE)?;
        assert!(dev.is_insecure_dev() && !dev.has_pack_basis(3, 2));
        let ceremony = SrsSource { file: Some(ceremony_file()), cache, identity: None };
        let srs = SrsSource { cache: None, ..ceremony.clone() }.load(&CHOICE)?;
        assert!(!srs.has_pack_basis(3, 2));
        assert!(ceremony.load(&CHOICE).is_err());
        assert!(ceremony.find(&CHOICE, Digest(srs.digest()), Digest(srs.identity())).is_ok());
        Ok(())
    }

    /// The development string is made once.
    #[test]
    fn the_development_string_is_kept() -> Tested {
        let dir = tempfile::tempdir()?;
        let source = SrsSource { cache: Some(SrsCache::new(dir.path())), ..SrsSource::default() };
        let srs = source.load(&CHOICE)?;
        let mut names: Vec<_> = std::fs::read_dir(dir.path())?.map(|file| file.map(|file| file.path())).collect::<Result<_, _>>()?;
        names.sort();
        assert_eq!(names.len(), 2, "{names:?}");
        let times = |names: &[PathBuf]| names.iter().map(|name| name.metadata()?.modified()).collect::<std::io::Result<Vec<_>>>();
        let before = times(&names)?;
        assert_eq!(source.find(&CHOICE, Digest(srs.digest()), Digest(srs.identity()))?.digest(), srs.digest());
        assert_eq!(times(&names)?, before);
        let plain = source.load(&Choice { log_rows: 4, pack: 1, ..CHOICE })?;
        assert!(plain.has_lagrange() && plain.digest() == srs.digest());
        Ok(())
    }
}
