//! Where a model's reference string comes from.

use std::path::PathBuf;

use sworn_circuits::layout::Choice;
use sworn_prover::srs::{ceremony_of, Srs, SrsCache};

use crate::{Digest, Error};

/// log₂ of the powers of the largest development string that is cached, in 64 MiB.
const MAX_CACHED_DEV_K: u32 = 20;

/// Where to take a structured reference string from.
#[derive(Clone, Debug, Default)]
pub struct SrsSource {
    /// A file of any known format. Without one, a new model gets the **insecure** development SRS.
    pub file: Option<PathBuf>,
    /// Where truncations are kept and looked for.
    pub cache: Option<SrsCache>,
}

impl SrsSource {
    /// The first powers, as many as the layout of a new model needs, with the basis that it needs.
    pub(crate) fn load(&self, choice: &Choice) -> Result<Srs, Error> {
        let k = choice.log_powers();
        let Some(path) = &self.file else { return self.dev(choice) };
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
    pub(crate) fn find(&self, choice: &Choice, digest: Digest, ceremony: Digest) -> Result<Srs, Error> {
        let k = choice.log_powers();
        if is_dev(ceremony)? {
            return self.dev(choice);
        }
        if let Some(cache) = &self.cache {
            let cached = cache.get(&digest.0)?;
            if let Some(srs) = cached.map_or_else(|| cache.truncation(&ceremony.0, k), |srs| Ok(Some(srs)))? {
                self.prepare(&srs, choice)?;
                // Only the time of the next proof is lost if the cache cannot be written.
                let _ = cache.insert(&srs);
                return Ok(srs);
            }
        }
        let Some(path) = &self.file else { return Err(Error::SrsMissing { ceremony }) };
        let actual = Digest(ceremony_of(path)?);
        if actual != ceremony {
            return Err(Error::SrsCeremony { expected: ceremony, actual });
        }
        self.load(choice)
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
