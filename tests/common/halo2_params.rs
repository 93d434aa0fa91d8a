//! Reference strings of a ceremony, for tests.

/// A file of 2^k powers as halo2 writes it, with a secret that this test forgets.
pub(crate) fn halo2_params(k: u32) -> Vec<u8> {
    use halo2_proofs::halo2curves::bn256::Bn256;
    use halo2_proofs::poly::{commitment::ParamsProver, kzg::commitment::ParamsKZG};
    let mut bytes = Vec::new();
    ParamsKZG::<Bn256>::new(k).write_custom(&mut bytes, halo2_proofs::SerdeFormat::RawBytes).unwrap();
    bytes
}
