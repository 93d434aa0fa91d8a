//! What the prover asks of a machine: operations on whole columns that stay where the machine keeps them.
//!
//! ```text
//! rows r = 0 … n−1, n = 2^k, ω of order n         rotations wrap around: column at rotation d has the value of row r + d
//! commit          Σ_r column[r] · points[r]
//! commit_packs    Σ_i Σ_r pack[i][r] · strides[i][r]
//! interpolate     values on ω^r             -> coefficients, in an order of the backend's own
//! coset           coefficients              -> values on shift·ω^r
//! limbs           values on m cosets        -> coefficients of X^{in} … X^{in+n−1}, i < m, in that order
//! scan            acc[r] = factor[r]·acc[r−1] + term[r],  acc[−1] = 0
//! products        acc[r] = initial · Π_{i<r} factor[i]
//! inner_products  Σ_r column[r + d] · weights[r]
//! ```
//!
//! The prover above is written once. It never touches a vector of field elements itself and a backend never sees the
//! transcript: challenges go in as scalars, points and evaluations come out. Every backend passes [`crate::backend_tests!`]
//! and gives the same results as [`crate::reference::Reference`], for any number of threads.

use std::ops::Range;
use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::group::{Curve, Group};
use sworn_circuits::column::IntColumn;

use crate::program::Program;

/// A row of a [`Backend::Map`] that has no source: 0.
pub const NO_SOURCE: u32 = u32::MAX;

/// Why a backend cannot go on.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// `Σ factor · column`.
pub type Form<'a, C> = Vec<(&'a C, i64)>;

/// A machine that runs the prover's work.
pub trait Backend: Sync {
    /// Points of a reference string, resident.
    type Points: Send + Sync;
    /// Roots of unity of one size.
    type Domain: Send + Sync;
    /// A column of n values, resident: small integers with a few field elements at the end, or field elements.
    type Column: Send + Sync;
    /// Where each row of a gathered column comes from.
    type Map: Send + Sync;

    /// The name, for messages and profiles.
    fn name(&self) -> &'static str;

    /// Whether everything so far was done. A machine that can fail in the middle of an operation returns something of the
    /// right shape instead, and an error here from then on. The prover asks before it writes to a proof.
    ///
    /// # Errors
    /// What the machine failed to do first.
    fn check(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Takes points over.
    fn points(&self, points: &[G1Affine]) -> Self::Points;

    /// Roots of unity of order `2^log_rows`.
    fn domain(&self, log_rows: u32) -> Self::Domain;

    /// A column of integers; rows behind their end are 0.
    fn integers(&self, values: &Arc<IntColumn>, rows: usize) -> Self::Column;

    /// A column of field elements.
    fn fields(&self, values: Vec<Fr>) -> Self::Column;

    /// A map: row `r` reads row `map[r] % n` of source `map[r] / n`, or is 0 for [`NO_SOURCE`].
    fn map(&self, rows: &[u32]) -> Self::Map;

    /// Overwrites the last rows of a column. On a column of integers they must lie behind the integers.
    fn write_tail(&self, column: &mut Self::Column, tail: &[Fr]);

    /// The values in some rows.
    fn read(&self, column: &Self::Column, rows: Range<usize>) -> Vec<Fr>;

    /// Commitments. There are as many points as rows.
    fn commit(&self, points: &Self::Points, columns: &[&Self::Column]) -> Vec<G1Affine>;

    /// Takes over the points of packs: strides of so many rows, one behind the other.
    fn strides(&self, points: &[G1Affine], rows: usize) -> Vec<Self::Points> {
        points.chunks_exact(rows).map(|stride| self.points(stride)).collect()
    }

    /// Commitments of packs of columns, which have at most as many members as there are strides; all strides come from one
    /// [`Backend::strides`].
    fn commit_packs(&self, strides: &[Self::Points], packs: &[Vec<&Self::Column>]) -> Vec<G1Affine> {
        let mut sums = vec![G1::identity(); packs.len()];
        for (i, points) in strides.iter().enumerate() {
            let (at, columns): (Vec<usize>, Vec<&Self::Column>) =
                packs.iter().enumerate().filter_map(|(at, pack)| pack.get(i).map(|column| (at, *column))).unzip();
            if columns.is_empty() {
                continue;
            }
            at.into_iter().zip(self.commit(points, &columns)).for_each(|(at, commitment)| sums[at] += commitment);
        }
        sums.iter().map(Curve::to_affine).collect()
    }

    /// Coefficients of the polynomials with these values.
    fn interpolate(&self, domain: &Self::Domain, columns: &[&Self::Column]) -> Vec<Self::Column>;

    /// Values of polynomials on a coset.
    fn coset(&self, domain: &Self::Domain, coefficients: &[&Self::Column], shift: Fr) -> Vec<Self::Column>;

    /// As [`Self::coset`], perhaps in the memory of columns that are no longer needed.
    fn coset_in(&self, domain: &Self::Domain, coefficients: &[&Self::Column], shift: Fr, spare: Vec<Self::Column>) -> Vec<Self::Column> {
        drop(spare);
        self.coset(domain, coefficients, shift)
    }

    /// The limbs of a polynomial of degree below `m·n` from its values on `m` cosets.
    fn limbs(&self, domain: &Self::Domain, cosets: Vec<Self::Column>, shifts: &[Fr]) -> Vec<Self::Column>;

    /// Coefficients in natural order, as [`Backend::commit`] needs them for powers of the secret.
    fn natural_order(&self, domain: &Self::Domain, coefficients: &[&Self::Column]) -> Vec<Self::Column>;

    /// `shift·ω^r`.
    fn powers(&self, domain: &Self::Domain, shift: Fr) -> Self::Column;

    /// `Σ scalar · column` over columns at rotations.
    fn combine(&self, terms: &[(&Self::Column, i32, Fr)]) -> Self::Column;

    /// Runs a program on columns at rotations.
    fn evaluate(&self, program: &Program, slots: &[(&Self::Column, i32)], scalars: &[Fr]) -> Vec<Self::Column>;

    /// Inverts every value; zeros stay.
    fn invert(&self, column: &mut Self::Column);

    /// For each column `Σ_i 1/(shift + form_i)`, with forms that sum columns of integers with small factors; rows of tails are 0.
    fn reciprocals(&self, shift: Fr, columns: &[Vec<Form<'_, Self::Column>>]) -> Vec<Self::Column>;

    /// The affine scan; without `factor` a running sum.
    fn scan(&self, factor: Option<&Self::Column>, term: &Self::Column) -> Self::Column;

    /// Products of the rows before.
    fn products(&self, factors: &Self::Column, initial: Fr) -> Self::Column;

    /// Rows of other columns, multiplied by the factor of their source.
    fn gather(&self, sources: &[(&Self::Column, Fr)], map: &Self::Map) -> Self::Column;

    /// Inner products with one column of weights.
    fn inner_products(&self, columns: &[(&Self::Column, i32)], weights: &Self::Column) -> Vec<Fr>;

    /// How often each value `0 ≤ v < size` is taken by forms of columns of integers, in rows below `rows`.
    ///
    /// # Errors
    /// Row and value of the first, by row and form, that is out of range.
    fn multiplicities(&self, forms: &[Form<'_, Self::Column>], rows: usize, size: usize) -> Result<Vec<i64>, (usize, i64)>;
}
