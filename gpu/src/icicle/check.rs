//! What a device must do before it is used: small examples of every operation, with the CPU's results.
//!
//! First two vectors at once on the host, in a coset, in another order: a field that ICICLE has at another place of a struct
//! leaves one of them empty or gives other values. Then the backend's own operations, on the device: they show other
//! conventions, such as coordinates of points, forms of field elements and roots of unity.

use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::group::Curve;
use sworn_prover::domain::root_of_unity;
use sworn_prover::{Backend, Cpu};

use super::backend::{Icicle, ONE};
use super::context::{both, Context};
use super::error::NoIcicle;
use super::words;
use crate::error::DeviceError;

/// log₂ of the rows of an example: enough for every window and pass that small ones have.
const LOG_ROWS: u32 = 6;

pub(super) fn check(icicle: &Icicle) -> Result<(), NoIcicle> {
    layouts(icicle.context())?;
    operations(icicle)
}

fn expect(is_equal: bool, operation: &'static str) -> Result<(), NoIcicle> {
    is_equal.then_some(()).ok_or(NoIcicle::WrongResult { operation })
}

/// Whether structs are read as they are written.
fn layouts(context: &Arc<Context>) -> Result<(), NoIcicle> {
    let value = |n: u64| -Fr::from(n * n * n + 5);
    let a = [[value(1), value(2)], [value(3), value(4)]];
    let b = [[value(5), value(6)], [value(7), value(8)]];
    let all = |v: &[[Fr; 2]; 2]| v.map(|v| v.map(|v| words::integer(&v)));
    let sums = [0, 1].map(|i| [0, 1].map(|j| a[i][j] + b[i][j]));
    expect(both::add(context, &all(&a), &all(&b))? == all(&sums), "vector_add")?;

    match domain(context, LOG_ROWS) {
        Err(DeviceError::WrongAnswer { .. }) => expect(false, "ntt_init_domain")?,
        other => other?,
    }
    let (shift, root) = (value(9), root_of_unity(2));
    let polynomials = [[1, 2, 3, 4].map(value), [5, 6, 7, 8].map(value)];
    let at = |p: &[Fr; 4], x: Fr| p.iter().rev().fold(Fr::ZERO, |sum, c| sum * x + c);
    let expected = polynomials.map(|p| [0, 2, 1, 3].map(|power| words::integer(&at(&p, shift * root.pow_vartime([power])))));
    let coefficients = polynomials.map(|p| p.map(|c| words::integer(&c)));
    expect(both::transform(context, &coefficients, words::integer(&shift))? == expected, "ntt")?;

    let points = [3, 4].map(|n| (G1::generator() * value(n)).to_affine());
    let sums = a.map(|scalars| (points[0] * scalars[0] + points[1] * scalars[1]).to_affine());
    let made = both::sums(context, &all(&a), &points.each_ref().map(words::affine))?;
    expect(made.iter().zip(&sums).all(|(made, sum)| words::point(made).as_ref() == Ok(sum)), "msm")
}

/// Whether the backend's operations are the CPU's.
fn operations(icicle: &Icicle) -> Result<(), NoIcicle> {
    let rows = 1 << LOG_ROWS;
    let edges = [Fr::ZERO, Fr::ONE, -Fr::ONE];
    let power = |n: u64| Fr::from(n + 2).pow_vartime([91 + n]);
    let column = |seed: u64| -> Vec<Fr> { (0..rows as u64).map(|r| edges.get(r as usize).copied().unwrap_or(power(seed + r))).collect() };
    // The identity, a point and its negative, and one that is there twice.
    let mut points: Vec<G1Affine> = (0..rows as u64).map(|r| (G1::generator() * power(r)).to_affine()).collect();
    points[5] = G1Affine::identity();
    points[7] = -points[6];
    points[9] = points[8];

    let [ours, cpu] = [results(icicle, &points, &column), results(&Cpu, &points, &column)];
    if let Some(error) = icicle.failure() {
        return Err(NoIcicle::Device(error.clone()));
    }
    for (operation, ours, cpu) in [("msm", &ours.0, &cpu.0), ("msm of limbs", &ours.2, &cpu.2)] {
        expect(ours == cpu, operation)?;
    }
    expect(ours.1 == cpu.1, "ntt")
}

/// Commitments to columns, values on cosets and limbs, and commitments to limbs.
fn results<B: Backend>(backend: &B, points: &[G1Affine], column: &dyn Fn(u64) -> Vec<Fr>) -> (Vec<G1Affine>, Vec<Fr>, Vec<G1Affine>) {
    let rows = points.len();
    let (points, domain) = (backend.points(points), backend.domain(LOG_ROWS));
    let columns = [1, 2].map(|seed| backend.fields(column(seed)));
    let columns: Vec<&B::Column> = columns.iter().collect();
    let coefficients = backend.interpolate(&domain, &columns);
    let coefficients: Vec<&B::Column> = coefficients.iter().collect();
    let shifts = [Fr::from(7), Fr::from(11)];
    let cosets = shifts.map(|shift| backend.coset(&domain, &coefficients, shift));
    let mut values: Vec<Fr> = cosets.iter().flatten().flat_map(|coset| backend.read(coset, 0..rows)).collect();
    let cosets = cosets.into_iter().map(|mut coset| coset.swap_remove(0)).collect();
    let limbs = backend.limbs(&domain, cosets, &shifts);
    let limbs = backend.natural_order(&domain, &limbs.iter().collect::<Vec<_>>());
    values.extend(limbs.iter().flat_map(|limb| backend.read(limb, 0..rows)));
    (backend.commit(&points, &columns), values, backend.commit(&points, &limbs.iter().collect::<Vec<_>>()))
}

/// Has roots of unity, and looks at those that it has: the polynomial X is ω^r on them. Another part of this process may have
/// given ICICLE others.
pub(super) fn domain(context: &Arc<Context>, log_rows: u32) -> Result<(), DeviceError> {
    context.domain(log_rows)?;
    let rows = 1usize << log_rows;
    if rows < 2 {
        return Ok(());
    }
    let mut x = vec![[0; 4]; rows];
    x[1] = ONE;
    let values = context.upload(&x)?;
    context.transform(&values, false, ONE, &values)?;
    let root = root_of_unity(log_rows);
    for (row, expected) in [(0, Fr::ONE), (1, root), (rows - 1, root.invert().unwrap_or(Fr::ZERO))] {
        if context.download(&values, row..row + 1)? != [words::integer(&expected)] {
            return Err(DeviceError::WrongAnswer { what: "a root of unity" });
        }
    }
    Ok(())
}
