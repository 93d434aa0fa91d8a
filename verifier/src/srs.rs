//! Reference strings, as a verifier can tell them apart.
//!
//! ```text
//! identity = keccak256(x₁ ‖ x₀ ‖ y₁ ‖ y₀)          of s·G2 = (x₀ + x₁·u, y₀ + y₁·u), as `point::encode_g2` has it
//! ```
//!
//! All that a verifier sees of a string is `s·G2`: what a key or a receipt says of it besides would be its maker's word. Whoever
//! knows `s` can forge a proof of anything, so what matters is where the point came from.
//!
//! | origin | `s·G2` | who may know `s` |
//! |---|---|---|
//! | [`Origin::Ceremony`] | in [`CEREMONIES`] | nobody, if one of the contributors was honest |
//! | [`Origin::InsecureDev`] | [`INSECURE_DEV_S_G2`] | everybody: it is derived from a public seed |
//! | [`Origin::Unknown`] | any other | whoever made the string; the verifier has to know better |
//! | none: [`is_degenerate`] | identity, G2, −G2 | everybody: 0, 1, −1 |

use ark_bn254::{Fq, Fq2};
use ark_ec::AffineRepr;
use ark_ff::MontFp;
use sha3::{Digest, Keccak256};

use crate::point::{encode_g2, G2Affine};

/// `s·G2` of the development string.
pub const INSECURE_DEV_S_G2: G2Affine = g2(
    MontFp!("544330216628130109300444972250156288582619401590174895083644428286098060817"),
    MontFp!("10545303644756650674385590638251785517239547974518218554562600163288461369453"),
    MontFp!("7847459009050893408247151856136028435081936221794589947282833113830796274744"),
    MontFp!("21854355543351925533315643721344018248121761550053231258581767572735588296179"),
);

/// A ceremony whose point is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceremony {
    /// What it is called.
    pub name: &'static str,
    /// `s·G2` of its last contribution.
    pub s_g2: G2Affine,
}

impl Ceremony {
    /// The identity of its strings.
    pub fn identity(&self) -> [u8; 32] {
        identity(&self.s_g2)
    }
}

/// The known ceremonies. Each point is in two public sources that do not depend on each other.
pub const CEREMONIES: [Ceremony; 3] = [
    // The files powersOfTau28_hez_final*.ptau that snarkjs points to. X2x1, X2x2, X2y1 and X2y2 of
    // contracts/verifiers/FflonkVerifier.sol in 0xPolygonHermez/zkevm-contracts, which snarkjs made; G2_SRS_1 of
    // generated/Verifier.py in giuliop/whitelist-example-algoplonk, which gnark made.
    Ceremony {
        name: "Perpetual Powers of Tau (Hermez)",
        s_g2: g2(
            MontFp!("21831381940315734285607113342023901060522397560371972897001948545212302161822"),
            MontFp!("17231025384763736816414546592865244497437017442647097510447326538965263639101"),
            MontFp!("2388026358213174446665280700919698872609886601280537296205114254867301080648"),
            MontFp!("11507326595632554467052522095592665270651932854513688777769618397986436103170"),
        ),
    },
    // The kzgK.srs files that EZKL downloads: response_0071_edward, converted by han0110/halo2-kzg-srs. −s·G2 of
    // plonk-verifier/plonk_verifier_0.5.1.yul in scroll-tech/scroll, which snark-verifier made; and of src/Halo2Verifier.sol in
    // zkonduit/cryptoidol-contracts, which halo2-solidity-verifier made.
    Ceremony {
        name: "Perpetual Powers of Tau (contribution 71)",
        s_g2: g2(
            MontFp!("0x17944351223333f260ddc3b4af45191b856689eda9eab5cbcddbbe570ce860d2"),
            MontFp!("0x186282957db913abd99f91db59fe69922e95040603ef44c0bd7aa3adeef8f5ac"),
            MontFp!("0x297772d34bc9aa8ae56162486363ffe417b02dc7e8c207fc2cc20203e67a02ad"),
            MontFp!("0x298adc7396bd3865cbf6d6df91bae406694e6d2215baa893bdeadb63052895f4"),
        ),
    },
    // g2_x of blockchain-vks/keys/VerificationKey1x1.sol in AztecProtocol/aztec-connect, and of
    // KeysWithPlonkVerifier.sol in matter-labs/zksync.
    Ceremony {
        name: "Aztec Ignition",
        s_g2: g2(
            MontFp!("0x0118c4d5b837bcc2bc89b5b398b5974e9f5944073b32078b7e231fec938883b0"),
            MontFp!("0x260e01b251f6f1c7e7ff4e580791dee8ea51d87a358e038b4efe30fac09383c1"),
            MontFp!("0x22febda3c0c0632a56475b4214e5615e11e6dd3f96e6cea2854a87d4dacc5e55"),
            MontFp!("0x04fc6369f7110fe3d25156c1bb9a72859cf2a04641f99ba4ee413c80da6a5fe4"),
        ),
    },
];

/// Where a reference string comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A known ceremony.
    Ceremony(&'static Ceremony),
    /// The development string.
    InsecureDev,
    /// Nothing is known of it.
    Unknown,
}

impl Origin {
    /// Its kind in one word, as receipts and `--json` have it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ceremony(_) => "ceremony",
            Self::InsecureDev => "insecure-dev",
            Self::Unknown => "unknown",
        }
    }

    /// The ceremony's name.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::Ceremony(ceremony) => Some(ceremony.name),
            Self::InsecureDev | Self::Unknown => None,
        }
    }
}

/// The origin of the string with this `s·G2`.
pub fn origin(s_g2: &G2Affine) -> Origin {
    const KNOWN: &[Ceremony] = &CEREMONIES;
    match KNOWN.iter().find(|ceremony| ceremony.s_g2 == *s_g2) {
        Some(ceremony) => Origin::Ceremony(ceremony),
        None if is_insecure_dev(s_g2) => Origin::InsecureDev,
        None => Origin::Unknown,
    }
}

/// The origin of the string with this identity.
pub fn origin_of(identity: &[u8; 32]) -> Origin {
    const KNOWN: &[Ceremony] = &CEREMONIES;
    match KNOWN.iter().find(|ceremony| ceremony.identity() == *identity) {
        Some(ceremony) => Origin::Ceremony(ceremony),
        None if *identity == self::identity(&INSECURE_DEV_S_G2) => Origin::InsecureDev,
        None => Origin::Unknown,
    }
}

/// What identifies the string with this `s·G2`, whatever its number of powers.
pub fn identity(s_g2: &G2Affine) -> [u8; 32] {
    Keccak256::digest(encode_g2(s_g2)).into()
}

/// Whether `s_g2` is that of the development string, whose secret everybody knows.
pub fn is_insecure_dev(s_g2: &G2Affine) -> bool {
    *s_g2 == INSECURE_DEV_S_G2
}

/// Whether the secret is 0, 1 or −1: no proof of such a string says anything.
pub fn is_degenerate(s_g2: &G2Affine) -> bool {
    s_g2.is_zero() || *s_g2 == G2Affine::generator() || *s_g2 == -G2Affine::generator()
}

/// `(x0 + x1·u, y0 + y1·u)`.
const fn g2(x0: Fq, x1: Fq, y0: Fq, y1: Fq) -> G2Affine {
    G2Affine::new_unchecked(Fq2::new(x0, x1), Fq2::new(y0, y1))
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;
    use crate::field::Fr;
    use crate::point::decode_g2;

    #[test]
    fn listed_points_are_in_the_group_and_distinct() {
        let points = CEREMONIES.map(|ceremony| ceremony.s_g2).into_iter().chain([INSECURE_DEV_S_G2]);
        for point in points.clone() {
            assert_eq!(decode_g2(&encode_g2(&point)), Ok(point));
            assert!(!is_degenerate(&point));
        }
        assert_eq!(points.map(|point| identity(&point)).collect::<BTreeSet<_>>().len(), CEREMONIES.len() + 1);
        let names: BTreeSet<_> = CEREMONIES.iter().map(|ceremony| ceremony.name).collect();
        assert_eq!(names.len(), CEREMONIES.len());
    }

    #[test]
    fn origins_are_told_by_the_point() {
        for ceremony in &CEREMONIES {
            assert_eq!(origin(&ceremony.s_g2), Origin::Ceremony(ceremony));
            assert_eq!((origin(&ceremony.s_g2).kind(), origin(&ceremony.s_g2).name()), ("ceremony", Some(ceremony.name)));
            assert_eq!(origin(&-ceremony.s_g2), Origin::Unknown);
        }
        assert_eq!(origin(&INSECURE_DEV_S_G2), Origin::InsecureDev);
        assert_eq!(origin(&G2Affine::generator()), Origin::Unknown);
    }

    #[test]
    fn secrets_of_zero_and_plus_minus_one_are_degenerate() {
        let times = |s: Fr| G2Affine::from(G2Affine::generator() * s);
        for s in [0, 1, -1] {
            assert!(is_degenerate(&times(Fr::from(s))));
        }
        for s in [2, -2, 5] {
            assert!(!is_degenerate(&times(Fr::from(s))));
        }
    }

    /// As a contract computes it: keccak256 of the four words that it hands to the pairing.
    #[test]
    fn the_identity_is_of_the_words_of_the_pairing() {
        let words = [
            "26186a2d65ee4d2f9c9a5b91f86597d35f192cd120caf7e935d8443d1938e23d",
            "30441fd1b5d3370482c42152a8899027716989a6996c2535bc9f7fee8aaef79e",
            "1970ea81dd6992adfbc571effb03503adbbb6a857f578403c6c40e22d65b3c02",
            "054793348f12c0cf5622c340573cb277586319de359ab9389778f689786b1e48",
        ];
        let bytes: alloc::vec::Vec<u8> =
            words.concat().as_bytes().chunks(2).map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
        assert_eq!(CEREMONIES[0].identity(), <[u8; 32]>::from(Keccak256::digest(bytes)));
    }
}
