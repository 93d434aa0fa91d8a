//! Columns of more rows than the conformance suite has, beside the CPU: many tiles to sort, many levels of sums, transforms of
//! three passes.

mod emulated;

use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::Curve;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sworn_circuits::column::IntColumn;
use sworn_gpu::Device;
use sworn_prover::{Backend, Cpu};

/// A progression of points.
fn points(rng: &mut ChaCha20Rng, count: usize) -> Vec<G1Affine> {
    let step = G1::generator() * Fr::random(&mut *rng);
    let points: Vec<G1> = std::iter::successors(Some(step + G1::generator()), |point| Some(point + step)).take(count).collect();
    let mut affine = vec![G1Affine::default(); count];
    G1::batch_normalize(&points, &mut affine);
    affine
}

/// A column with a tail, or of field elements.
enum Contents {
    Integers(Arc<IntColumn>, Vec<Fr>),
    Fields(Vec<Fr>),
}

fn upload<B: Backend>(backend: &B, contents: &Contents, rows: usize) -> B::Column {
    match contents {
        Contents::Fields(values) => backend.fields(values.clone()),
        Contents::Integers(values, tail) => {
            let mut column = backend.integers(values, rows);
            backend.write_tail(&mut column, tail);
            column
        }
    }
}

fn commit<B: Backend>(backend: &B, points: &[G1Affine], contents: &[Contents]) -> Vec<G1Affine> {
    let columns: Vec<B::Column> = contents.iter().map(|c| upload(backend, c, points.len())).collect();
    backend.commit(&backend.points(points), &columns.iter().collect::<Vec<_>>())
}

/// Random, all equal, two values by turns, and nearly all zero: the sums of one bucket, of few and of all.
fn contents(rng: &mut ChaCha20Rng, rows: usize) -> Vec<Contents> {
    let field = Fr::random(&mut *rng);
    let integers = |values: Vec<i64>, rng: &mut ChaCha20Rng| {
        Contents::Integers(Arc::new(IntColumn::new(&values)), (0..6).map(|_| Fr::random(&mut *rng)).collect())
    };
    let usable = rows - 6;
    vec![
        Contents::Fields((0..rows).map(|_| Fr::random(&mut *rng)).collect()),
        Contents::Fields(vec![field; rows]),
        Contents::Fields((0..rows).map(|r| if r % 4099 == 7 { field } else { Fr::ZERO }).collect()),
        integers((0..usable).map(|_| i64::from(rng.gen::<i16>())).collect(), rng),
        integers(vec![-77; usable], rng),
        integers((0..usable).map(|r| [i64::MIN, i64::MAX][r % 2]).collect(), rng),
        integers((0..usable).map(|_| i64::from(rng.gen_ratio(1, 1000))).collect(), rng),
    ]
}

#[test]
fn commitments() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for log_rows in [13, 15] {
        let rows = 1 << log_rows;
        let (points, contents) = (points(&mut rng, rows), contents(&mut rng, rows));
        let expected = commit(&Cpu, &points, &contents);
        assert_eq!(commit(&emulated::device(None), &points, &contents), expected, "2^{log_rows} rows");
        // A budget in which the columns are not summed up together.
        let device = emulated::device(Some(rows as u64 * 3000));
        assert_eq!(commit(&device, &points, &contents), expected, "2^{log_rows} rows in little memory");
        assert_eq!(device.failure(), None);
    }
}

/// Values on a coset, of which some are read.
fn transform<B: Backend>(backend: &B, values: &[Fr], log_rows: u32, shift: Fr) -> Vec<Fr> {
    let domain = backend.domain(log_rows);
    let coefficients = backend.interpolate(&domain, &[&backend.fields(values.to_vec())]);
    let coset = backend.coset(&domain, &[&coefficients[0]], shift);
    let rows = values.len();
    let natural = backend.natural_order(&domain, &[&coefficients[0]]);
    [0..40, rows / 3..rows / 3 + 40, rows - 40..rows]
        .into_iter()
        .flat_map(|r| [&coset[0], &natural[0]].map(|c| backend.read(c, r.clone())))
        .flatten()
        .collect()
}

#[test]
fn transforms() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let device: Device = emulated::device(None);
    for log_rows in [15, 20, 21] {
        let values: Vec<Fr> = (0..1u64 << log_rows).map(|r| Fr::from_raw([r, r * r, 5, r % 7])).collect();
        let shift = Fr::random(&mut rng);
        assert!(transform(&device, &values, log_rows, shift) == transform(&Cpu, &values, log_rows, shift), "2^{log_rows} rows");
    }
}
