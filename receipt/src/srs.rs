//! Reference strings: what a receipt says of them, and which of them a verifier takes.
//!
//! | kind | `s·G2` is | taken |
//! |---|---|---|
//! | `ceremony` | in the verifier's list of ceremonies | always |
//! | `unknown` | any other | if [`SrsPolicy::allow_unknown`], or its identity is [`SrsPolicy::ceremony`] |
//! | `insecure-dev` | the development string's, against which anyone can forge proofs | if [`SrsPolicy::allow_insecure_dev`] |
//!
//! If an identity is named no other string is taken.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};
use sworn_verifier::srs::{identity, origin, Origin};
use sworn_verifier::G2Affine;

use crate::{Digest, Rejection};

/// A reference string, by what a verifier sees of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Srs {
    /// Keccak-256 of `s·G2`.
    pub identity: Digest,
    /// Where its secret comes from.
    pub kind: SrsKind,
    /// Name of the ceremony.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Where the secret of a reference string comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SrsKind {
    /// A known ceremony, of whose secret every contributor would have to tell a part.
    Ceremony,
    /// Nobody knows; whoever made it may know the secret.
    Unknown,
    /// A public seed: everybody knows it.
    InsecureDev,
}

impl Srs {
    /// The string with this `s·G2`.
    pub fn of(s_g2: &G2Affine) -> Self {
        let (kind, name) = match origin(s_g2) {
            Origin::Ceremony(ceremony) => (SrsKind::Ceremony, Some(ceremony.name.to_owned())),
            Origin::InsecureDev => (SrsKind::InsecureDev, None),
            Origin::Unknown => (SrsKind::Unknown, None),
        };
        Self { identity: Digest(identity(s_g2)), kind, name }
    }
}

impl fmt::Display for Srs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, &self.name) {
            (SrsKind::Ceremony, Some(name)) => write!(f, "of the ceremony {name}, {}", self.identity),
            (SrsKind::Ceremony, None) => write!(f, "of a ceremony, {}", self.identity),
            (SrsKind::Unknown, _) => write!(f, "of unknown origin, {}", self.identity),
            (SrsKind::InsecureDev, _) => write!(f, "insecure: of the development SRS, against which anyone can forge proofs"),
        }
    }
}

/// Which reference strings a verifier accepts: by default those of known ceremonies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SrsPolicy {
    /// Also the development one, against which anyone can forge proofs.
    pub allow_insecure_dev: bool,
    /// Also those of unknown origin, against which their makers may be able to.
    pub allow_unknown: bool,
    /// The identity of the only one that is accepted.
    pub ceremony: Option<[u8; 32]>,
}

impl SrsPolicy {
    /// Those of known ceremonies.
    pub const SECURE: Self = Self { allow_insecure_dev: false, allow_unknown: false, ceremony: None };
    /// Also the development one, for tests.
    pub const INSECURE: Self = Self { allow_insecure_dev: true, ..Self::SECURE };
    /// All: of a receipt that was just made by whoever chose the string.
    pub const ANY: Self = Self { allow_unknown: true, ..Self::INSECURE };

    /// Accepts the string with this `s·G2`, or says why not.
    ///
    /// # Errors
    /// [`Rejection::InsecureSrs`], [`Rejection::Ceremony`] or [`Rejection::UnknownSrs`].
    pub fn check(&self, s_g2: &G2Affine) -> Result<(), Rejection> {
        let Srs { identity, kind, .. } = Srs::of(s_g2);
        if kind == SrsKind::InsecureDev && !self.allow_insecure_dev {
            return Err(Rejection::InsecureSrs);
        }
        match self.ceremony.map(Digest) {
            Some(expected) if expected != identity => Err(Rejection::Ceremony { expected, actual: identity }),
            None if kind == SrsKind::Unknown && !self.allow_unknown => Err(Rejection::UnknownSrs { identity }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sworn_verifier::srs::{CEREMONIES, INSECURE_DEV_S_G2};

    use super::*;

    #[test]
    fn policies_take_what_they_name() {
        let [dev, ceremony, unknown] = [INSECURE_DEV_S_G2, CEREMONIES[0].s_g2, -INSECURE_DEV_S_G2];
        let named = |point: &G2Affine| SrsPolicy { ceremony: Some(identity(point)), ..SrsPolicy::SECURE };
        let answers = |policy: SrsPolicy| [dev, ceremony, unknown].map(|s_g2| policy.check(&s_g2).map_err(|error| error.kind()));
        let (insecure, not_known, other) = (Err("insecure-srs"), Err("unknown-srs"), Err("ceremony"));
        assert_eq!(answers(SrsPolicy::default()), [insecure, Ok(()), not_known]);
        assert_eq!(answers(SrsPolicy::INSECURE), [Ok(()), Ok(()), not_known]);
        assert_eq!(answers(SrsPolicy { allow_unknown: true, ..SrsPolicy::SECURE }), [insecure, Ok(()), Ok(())]);
        assert_eq!(answers(SrsPolicy::ANY), [Ok(()), Ok(()), Ok(())]);
        assert_eq!(answers(named(&unknown)), [insecure, other, Ok(())]);
        assert_eq!(answers(named(&ceremony)), [insecure, Ok(()), other]);
        // To name the development string does not make it secure.
        assert_eq!(answers(named(&dev)), [insecure, other, other]);
        assert_eq!(answers(SrsPolicy { allow_insecure_dev: true, ..named(&dev) }), [Ok(()), other, other]);
        assert_eq!(answers(SrsPolicy { allow_unknown: true, ..named(&ceremony) }), [insecure, Ok(()), other]);
    }

    #[test]
    fn strings_say_what_they_are() {
        let kinds = [INSECURE_DEV_S_G2, CEREMONIES[0].s_g2, -INSECURE_DEV_S_G2].map(|s_g2| Srs::of(&s_g2));
        assert_eq!(kinds.clone().map(|srs| srs.kind), [SrsKind::InsecureDev, SrsKind::Ceremony, SrsKind::Unknown]);
        assert_eq!(kinds.map(|srs| srs.name), [None, Some(CEREMONIES[0].name.to_owned()), None]);
    }
}
