//! The one reference string that no verifier should take for a ceremony's.
//!
//! The development string's secret `s` is derived from a public seed: whoever knows it can forge a proof of anything. A
//! verifying key of it is told by its point `s·G2`, whatever else it says of itself.

use ark_bn254::{Fq, Fq2};
use ark_ff::MontFp;

use crate::point::G2Affine;

const X0: Fq = MontFp!("544330216628130109300444972250156288582619401590174895083644428286098060817");
const X1: Fq = MontFp!("10545303644756650674385590638251785517239547974518218554562600163288461369453");
const Y0: Fq = MontFp!("7847459009050893408247151856136028435081936221794589947282833113830796274744");
const Y1: Fq = MontFp!("21854355543351925533315643721344018248121761550053231258581767572735588296179");

/// `s·G2` of the development string.
pub const INSECURE_DEV_S_G2: G2Affine = G2Affine::new_unchecked(Fq2::new(X0, X1), Fq2::new(Y0, Y1));

/// Whether `s_g2` is that of the development string, whose secret everybody knows.
pub fn is_insecure_dev(s_g2: &G2Affine) -> bool {
    *s_g2 == INSECURE_DEV_S_G2
}
