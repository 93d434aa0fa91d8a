//! Where a model's reference string comes from.

use std::path::PathBuf;

use sworn_prover::srs::{ceremony_of, Srs, SrsCache};

use crate::{Digest, Error};

/// Where to take a structured reference string from.
#[derive(Clone, Debug, Default)]
pub struct SrsSource {
    /// A file of any known format. Without one, a new model gets the **insecure** development SRS.
    pub file: Option<PathBuf>,
    /// Where truncations are kept and looked for.
    pub cache: Option<SrsCache>,
}

impl SrsSource {
    /// The first 2^k powers, for a new model; with their Lagrange basis if it is needed.
    pub(crate) fn load(&self, k: u32, needs_lagrange: bool) -> Result<Srs, Error> {
        let Some(path) = &self.file else { return Ok(Srs::dev(k)?) };
        self.keep(Srs::open(path, Some(k))?, needs_lagrange)
    }

    /// Caches a reference string, with its Lagrange basis if it is needed.
    fn keep(&self, srs: Srs, needs_lagrange: bool) -> Result<Srs, Error> {
        if needs_lagrange {
            srs.g_lagrange();
        }
        if let Some(cache) = &self.cache {
            cache.insert(&srs)?;
        }
        Ok(srs)
    }

    /// The reference string that a model was compiled with.
    pub(crate) fn find(&self, k: u32, digest: Digest, ceremony: Digest, needs_lagrange: bool) -> Result<Srs, Error> {
        if is_dev(ceremony)? {
            return Ok(Srs::dev(k)?);
        }
        if let Some(cache) = &self.cache {
            let cached = cache.get(&digest.0)?;
            if let Some(srs) = cached.map_or_else(|| cache.truncation(&ceremony.0, k), |srs| Ok(Some(srs)))? {
                if needs_lagrange && !srs.has_lagrange() {
                    srs.g_lagrange();
                    // Only the time of the next proof is lost if the cache cannot be written.
                    let _ = cache.insert(&srs);
                }
                return Ok(srs);
            }
        }
        let srs = match &self.file {
            None => return Err(Error::SrsMissing { ceremony }),
            Some(path) => Srs::open(path, Some(k))?,
        };
        let actual = Digest(srs.ceremony());
        if actual != ceremony {
            return Err(Error::SrsCeremony { expected: ceremony, actual });
        }
        self.keep(srs, needs_lagrange)
    }

    /// The ceremony of the file, or of the development SRS.
    pub(crate) fn ceremony(&self) -> Result<Digest, Error> {
        match &self.file {
            None => Ok(Digest(Srs::dev(0)?.ceremony())),
            Some(path) => Ok(Digest(ceremony_of(path)?)),
        }
    }
}

fn is_dev(ceremony: Digest) -> Result<bool, Error> {
    Ok(ceremony.0 == Srs::dev(0)?.ceremony())
}
