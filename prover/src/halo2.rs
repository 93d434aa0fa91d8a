//! halo2's own prover and verifier on our keys: the oracles of the tests.
//!
//! | file | what it is in halo2 |
//! |---|---|
//! | `halo2` | a proving key, with 32 bytes for every cell |
//! | `halo2/constraints` | a constraint system, there and back |
//! | `halo2/convert` | field elements and points |
//! | `halo2/transcript` | the transcript |
//! | `halo2/verify` | a verifying key, and the verifier |

mod constraints;
pub mod convert;
mod transcript;
mod verify;

pub use constraints::{describe, to_halo2};
pub use transcript::{KeccakChallenge, KeccakTranscript};
pub use verify::{verify, verifying_key};

use halo2_proofs::arithmetic::CurveAffine;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::plonk::{self, permutation};
use halo2_proofs::poly::{Coeff, EvaluationDomain, LagrangeCoeff, Polynomial};
use sworn_circuits::field::embed;
use sworn_circuits::layout::UNUSABLE_ROWS;

use crate::circuit::constraint_system;
use crate::domain::root_of_unity;
use crate::key::ProvingKey;

type Domain = EvaluationDomain<<G1Affine as CurveAffine>::ScalarExt>;
type Values = Polynomial<Fr, LagrangeCoeff>;
type Coefficients = Polynomial<Fr, Coeff>;

impl ProvingKey {
    /// halo2's proving key, made from this one: its `create_proof` takes it. It takes a hundred times the memory. `None` of a packed
    /// key, which halo2 does not know.
    pub fn to_halo2(&self) -> Option<plonk::ProvingKey<G1Affine>> {
        if self.layout.pack > 1 {
            return None;
        }
        let layout = &self.layout;
        let (meta, _) = constraint_system(layout);
        let domain = || Domain::new(meta.degree() as u32, layout.log_rows);
        let (rows, transform) = (1usize << layout.log_rows, domain());
        let column = |value: &dyn Fn(usize) -> Fr| transform.lagrange_from_vec((0..rows).map(value).collect());
        let interpolate = |values: &Values| -> Coefficients { transform.lagrange_to_coeff(values.clone()) };
        let indicator = |from: usize, to: usize| interpolate(&column(&|row| Fr::from(u64::from((from..to).contains(&row)))));

        let last = rows - UNUSABLE_ROWS;
        let fixed: Vec<Values> = layout.fixed.iter().map(|c| column(&|row| embed(c.get(row)))).collect();
        let fixed_polys = fixed.iter().map(interpolate).collect();
        let omega = root_of_unity(layout.log_rows);
        let powers: Vec<Fr> = std::iter::successors(Some(Fr::ONE), |p| Some(p * omega)).take(rows).collect();
        let name = |cell: u32| Fr::DELTA.pow_vartime([(cell as usize / rows) as u64]) * powers[cell as usize % rows];
        let sigma: Vec<Values> = self.sigma.iter().map(|map| column(&|row| name(map[row]))).collect();
        let sigma_polys = sigma.iter().map(interpolate).collect();

        let key = self.verifying_key();
        let commitments = permutation::VerifyingKey::from_commitments(key.permutation_commitments.iter().map(convert::from_g1).collect());
        let fixed_commitments = key.fixed_commitments.iter().map(convert::from_g1).collect();
        let (first, after, active) = (indicator(0, 1), indicator(last, last + 1), indicator(0, last));
        let vk = plonk::VerifyingKey::from_parts(domain(), fixed_commitments, commitments, meta, vec![], false);
        let permutation = permutation::ProvingKey::from_parts(sigma, sigma_polys);
        Some(plonk::ProvingKey::from_parts(vk, first, after, active, fixed, fixed_polys, permutation))
    }
}
