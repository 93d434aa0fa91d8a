//! Packed keys: many polynomials in a commitment.
#![expect(clippy::unwrap_used, reason = "tests")]

mod models;

use sworn_prover::Cpu;
use sworn_verifier::verify;

#[test]
fn good_proofs_of_every_model_are_accepted() {
    for model in models::all().iter().chain([&models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1])]) {
        for pack in [2, 5, 16, 64] {
            let keyed = model.packed(pack);
            let vk = keyed.key.verifying_key();
            let proof = keyed.prove(Cpu, 3);
            assert_eq!(vk.shape().bytes(), proof.bytes.len(), "{}", model.name);
            assert_eq!(verify(vk, &proof.instance, &proof.bytes), Ok(()), "{} in packs of {pack}", model.name);
        }
    }
}
