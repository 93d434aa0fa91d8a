//! Forged products of the permutation, in packed proofs.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use sworn_circuits::field::embed;
use sworn_verifier::{verify, Context, VerifyError};

use crate::forge::Lie;
use crate::models::naive::{self, Identity};
use crate::Target;

/// Products that are no products: a permutation argument that checks less accepts cells that are not equal.
///
/// A public value is not the cell that it is copied from. The product starts from what makes up for that, or does not end in 1, or
/// is mended on one row of one chunk; or two chunks of a row share what mends it, so that their product is as it should be. Each
/// forgery is accepted without the identities that it breaks, so all others hold, and refused with any of them. Packed proofs
/// have one running product, whose partial products the prover chooses.
#[test]
fn forged_products() {
    let [_, target] = Target::both(&crate::tiny());
    let (key, forger) = (target.key(), target.forger());
    let mut false_output = Lie::new(&target.honest);
    false_output.instance[0] += Fr::ONE;
    let chunks = key.shape().products;
    assert!(chunks > 1, "there are partial products");
    let alone = (0..chunks).map(Identity::Chunk).chain([Identity::Start, Identity::End]).map(|identity| (vec![identity], vec![]));
    let shares = (1..chunks).map(|chunk| {
        let row = target.layout().usable_rows() / 2;
        (vec![Identity::Chunk(chunk - 1), Identity::Chunk(chunk)], vec![(chunk, row, embed(7))])
    });
    for (without, fractions) in alone.chain(shares) {
        let (instance, proof) = forger.forge(&Lie { without: without.clone(), fractions, ..false_output.clone() });
        assert!(naive::accepts_without(key, &instance, &proof, &without), "{without:?}: nothing else is wrong");
        assert_eq!(verify(key, Context::NONE, &instance, &proof), Err(VerifyError::Rejected), "{without:?}");
        assert!(!naive::accepts(key, Context::NONE, &instance, &proof), "{without:?}");
    }
    // A row that two chunks share in another way, of a true statement: the product of the row is right.
    let row = target.layout().usable_rows() / 3;
    let without = [Identity::Chunk(0), Identity::Chunk(1)];
    let fractions = vec![(0, row, embed(7)), (1, row, embed(7).invert().unwrap())];
    let shared = Lie { fractions, without: without.to_vec(), ..Lie::new(&target.honest) };
    let (instance, proof) = forger.forge(&shared);
    assert!(naive::accepts_without(key, &instance, &proof, &without));
    for left_out in [&[][..], &without[..1], &without[1..]] {
        let (instance, proof) = forger.forge(&Lie { without: left_out.to_vec(), ..shared.clone() });
        assert!(!naive::accepts_without(key, &instance, &proof, left_out), "{left_out:?}");
        assert_eq!(verify(key, Context::NONE, &instance, &proof), Err(VerifyError::Rejected), "{left_out:?}");
    }
}
