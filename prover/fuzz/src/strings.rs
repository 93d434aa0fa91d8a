//! What holds for files of reference strings of any origin: they are refused, without a panic. The prover's tests run the same function.

use std::io::Write;

use sworn_prover::Srs;

/// An error, or a string that was checked and has one encoding of ours. Its parts are read as well without checking all of it.
pub fn reference_string(data: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(data).expect("a file that can be written");
    let path = file.path();
    let _ = sworn_prover::srs::s_g2_of(path);
    if let Ok(srs) = Srs::read(path) {
        assert!(!srs.is_checked(), "nobody checked it");
    }
    let Ok(srs) = Srs::open(path, None) else { return };
    assert!(srs.is_checked());
    srs.write(path).expect("a file that can be written");
    let again = Srs::open(path, None).expect("a string that was checked");
    assert_eq!((again.digest(), again.identity(), again.k()), (srs.digest(), srs.identity(), srs.k()));
}

/// Inputs to start from: names and bytes.
pub fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let ours = {
        let file = tempfile::NamedTempFile::new().expect("a file");
        Srs::dev(2).expect("a small string").write(file.path()).expect("a file that can be written");
        std::fs::read(file.path()).expect("a file that can be read")
    };
    vec![
        ("beacon.ptau", include_bytes!("../../tests/vectors/snarkjs_beacon_1.ptau").to_vec()),
        ("prepared.ptau", include_bytes!("../../tests/vectors/snarkjs_prepared_4.ptau").to_vec()),
        ("new.ptau", include_bytes!("../../tests/vectors/snarkjs_new_1.ptau").to_vec()),
        ("bls12381.ptau", include_bytes!("../../tests/vectors/snarkjs_bls12381_1.ptau").to_vec()),
        ("kzg4.srs", include_bytes!("../../tests/vectors/ezkl_kzg4.srs").to_vec()),
        ("ours.srs", ours),
    ]
}
