//! The one signed embedding of integers in the scalar field: `v ↦ v` for `v ≥ 0`, `v ↦ p − |v|` for `v < 0`.

use halo2_proofs::halo2curves::bn256::Fr;

/// The field element of an integer.
pub fn embed(value: i64) -> Fr {
    let size = Fr::from(value.unsigned_abs());
    if value < 0 {
        -size
    } else {
        size
    }
}
