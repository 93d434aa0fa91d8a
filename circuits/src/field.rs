//! The one signed embedding of integers in the scalar field: `v ↦ v` for `v ≥ 0`, `v ↦ p − |v|` for `v < 0`.

use halo2_proofs::halo2curves::bn256::Fr;

/// The field element of an integer.
pub fn embed(value: i64) -> Fr {
    if value >= 0 {
        Fr::from(value as u64)
    } else {
        -Fr::from(value.unsigned_abs())
    }
}
