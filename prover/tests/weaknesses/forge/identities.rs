//! The identities of a proof, from naive's: what the quotient is and must be.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use rayon::prelude::*;
use sworn_circuits::layout::UNUSABLE_ROWS;
use sworn_verifier::ColumnKind;

use super::{Columns, Forger};
use crate::models::naive::{Parsed, Rules};
use crate::polynomial::{evaluate, interpolate, pow, powers, root, Poly};

/// The identities with their challenges.
pub(super) struct Combined<'k> {
    pub(super) rules: Rules<'k>,
    pub(super) circuit: [Fr; 4],
    pub(super) beta: Fr,
    pub(super) gamma: Fr,
    pub(super) y: Fr,
}

impl Forger<'_> {
    /// Coefficients of the quotient in a limb.
    pub(super) fn step(&self) -> usize {
        if self.key.shape().is_packed() {
            self.rows - 2
        } else {
            self.rows
        }
    }

    /// What the limbs behind the first add to the quotient at x.
    pub(super) fn other_limbs(&self, columns: &Columns, x: Fr) -> Fr {
        let values = columns.limbs.iter().map(|limb| evaluate(limb, x)).zip(powers(pow(x, self.step())));
        values.skip(1).map(|(value, power)| value * power).sum()
    }

    /// The value that the quotient must have at x, for these values in the order of the proof's scalars.
    pub(super) fn quotient_at(&self, columns: &Columns, combined: &Combined<'_>, x: Fr, values: &[Fr]) -> Fr {
        let shape = self.key.shape();
        let at = |from: usize, count: usize| values[from..from + count].to_vec();
        // The last running product is not opened behind the last row where polynomials have commitments of their own.
        let mut z = values[shape.product_value(0)..shape.first_limb_value()].to_vec();
        if !shape.is_packed() {
            z.resize(3 * shape.products, Fr::ZERO);
        }
        let Combined { rules, circuit, beta, gamma, y } = combined;
        rules.quotient(&Parsed {
            instance: columns.instance.clone(),
            circuit: circuit.to_vec(),
            advice: at(0, shape.advice_values),
            fixed: at(shape.first_fixed_value(), shape.fixed_values),
            sigma: at(shape.first_sigma_value(), shape.sigma_values),
            z,
            beta: *beta,
            gamma: *gamma,
            y: *y,
            x,
            ..Parsed::default()
        })
    }

    /// The factors of the running products by chunk, on usable rows: numerators and denominators.
    pub(super) fn fractions(&self, columns: &Columns, beta: Fr, gamma: Fr) -> Vec<Vec<[Fr; 2]>> {
        let usable = self.rows - UNUSABLE_ROWS;
        let permuted = &self.key.constraints.permutation;
        let value = |(kind, column): (ColumnKind, u32), row: usize| match kind {
            ColumnKind::Advice => columns.advice_rows[column as usize][row],
            ColumnKind::Fixed => self.halo.fixed_values()[column as usize][row],
            ColumnKind::Instance => columns.instance.get(row).copied().unwrap_or(Fr::ZERO),
        };
        let sigma = self.halo.permutation().permutations();
        let names: Vec<usize> = (0..permuted.len()).collect();
        let fraction = |chunk: &[usize], row: usize| -> [Fr; 2] {
            let side = |name: &dyn Fn(usize) -> Fr| chunk.iter().map(|&c| value(permuted[c], row) + beta * name(c) + gamma).product::<Fr>();
            [side(&|c| pow(Fr::DELTA, c) * pow(self.omega, row)), side(&|c| sigma[c][row])]
        };
        names.chunks(self.key.constraints.chunk()).map(|chunk| (0..usable).map(|row| fraction(chunk, row)).collect()).collect()
    }

    /// Coefficients of the quotient; of something near it if the identities do not hold.
    pub(super) fn quotient(&self, columns: &Columns, combined: &Combined<'_>) -> Poly {
        let (count, shift) = (4 * self.rows, Fr::MULTIPLICATIVE_GENERATOR);
        let omega = root(count);
        let at = |k: usize| {
            let x = shift * pow(omega, k);
            self.quotient_at(columns, combined, x, &self.values(columns, x))
        };
        interpolate(&(0..count).into_par_iter().map(at).collect::<Vec<Fr>>(), shift)
    }

    /// Values in the order of the proof's scalars, with the one behind them. What is not there yet is 0.
    pub(super) fn values(&self, columns: &Columns, x: Fr) -> Vec<Fr> {
        let shape = self.key.shape();
        let mut values = vec![Fr::ZERO; shape.scalars() + 1];
        for set in &shape.sets {
            for member in &set.members {
                let polynomial = self.polynomial(columns, member.polynomial);
                for (at, rotation) in member.values.iter().zip(&set.rotations) {
                    values[*at] = evaluate(polynomial, self.rotate(x, *rotation));
                }
            }
        }
        values
    }
}
