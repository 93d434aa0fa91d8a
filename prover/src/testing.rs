//! The conformance suite of backends: every operation beside [`Reference`], on random data and on edges.
//!
//! ```text
//! sworn_prover::backend_tests!(MyBackend::new());         one #[test] for each check
//! ```
//!
//! | rows          | compared with                                                                       |
//! |---------------|-------------------------------------------------------------------------------------|
//! | 2^3 to 2^7    | [`Reference`], row by row                                                           |
//! | 2^11 to 2^15  | [`Reference`] where it is linear; halo2's sums of points and Horner's rule elsewhere |
//!
//! The data is the same in every run. Columns are of every width, with tails and without, empty, all zero, all equal, sparse,
//! at the ends of their widths, and of field elements. Results are read back by [`Backend::read`], which has a check of its own.

mod columns;
mod commitments;

pub use commitments::{commit, commit_long, commit_packs};

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::Curve;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::backend::{Backend, Form, NO_SOURCE};
use crate::domain::{coset_shifts, root_of_unity};
use crate::program::{Operand, Program, Step};
use crate::reference::Reference;
use columns::{short_integers, wide_integers, zoo, Contents, Pair};

/// Rotations that the protocol uses.
const ROTATIONS: std::ops::RangeInclusive<i32> = -6..=1;
/// log₂ of the rows of small columns.
const SMALL: std::ops::RangeInclusive<u32> = 3..=7;

/// Generates a `#[test]` for each check of [`crate::testing`], for the backend that an expression makes.
#[macro_export]
macro_rules! backend_tests {
    ($backend:expr) => {
        $crate::backend_tests!($backend => columns, commit, commit_long, commit_packs, interpolate, transforms_long, limbs, powers, combine,
            evaluate, invert, reciprocals, scan, products, gather, inner_products, multiplicities);
    };
    ($backend:expr => $($check:ident),+) => {
        $(
            #[test]
            fn $check() {
                $crate::testing::$check(&$backend);
            }
        )+
    };
}

/// Runs every check.
pub fn all<B: Backend>(backend: &B) {
    columns(backend);
    commit(backend);
    commit_long(backend);
    commit_packs(backend);
    interpolate(backend);
    transforms_long(backend);
    limbs(backend);
    powers(backend);
    combine(backend);
    evaluate(backend);
    invert(backend);
    reciprocals(backend);
    scan(backend);
    products(backend);
    gather(backend);
    inner_products(backend);
    multiplicities(backend);
}

fn generator(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Field elements, some of them 0, 1 or −1.
fn scalars(rng: &mut ChaCha20Rng, count: usize) -> Vec<Fr> {
    (0..count).map(|_| [Fr::ZERO, Fr::ONE, -Fr::ONE].get(rng.gen_range(0..12)).copied().unwrap_or_else(|| Fr::random(&mut *rng))).collect()
}

/// The columns of a backend and of the reference with the same contents.
fn pairs<B: Backend>(backend: &B, contents: &[Contents]) -> Vec<Pair<B>> {
    contents.iter().map(|c| Pair::new(backend, c)).collect()
}

/// All values of a backend's column.
fn values<B: Backend>(backend: &B, column: &B::Column, rows: usize) -> Vec<Fr> {
    backend.read(column, 0..rows)
}

/// Every column of a backend has the values of the reference's.
fn assert_same<B: Backend>(backend: &B, rows: usize, ours: &[B::Column], expected: &[<Reference as Backend>::Column], what: &str) {
    assert_eq!(ours.len(), expected.len(), "{what}: columns");
    for (index, (ours, expected)) in ours.iter().zip(expected).enumerate() {
        let (ours, expected) = (values(backend, ours, rows), Reference.read(expected, 0..rows));
        let wrong = ours.iter().zip(&expected).position(|(a, b)| a != b);
        assert!(wrong.is_none() && ours.len() == rows, "{what}: column {index} of 2^{} rows differs in row {wrong:?}", rows.ilog2());
    }
}

/// Points in no simple relation, and small multiples of one point, whose sums are often equal or opposite.
fn points(rng: &mut ChaCha20Rng, count: usize) -> [Vec<G1Affine>; 2] {
    let progression = |start: G1, step: G1| {
        let points: Vec<G1> = std::iter::successors(Some(start), |p| Some(p + step)).take(count).collect();
        let mut affine = vec![G1Affine::default(); count];
        G1::batch_normalize(&points, &mut affine);
        affine
    };
    let one = G1::generator();
    [progression(one * Fr::random(&mut *rng), one * Fr::random(&mut *rng)), progression(one, one)]
}

/// What is uploaded is read back, whole and in parts, with its tail.
pub fn columns<B: Backend>(backend: &B) {
    let mut rng = generator(1);
    for log_rows in SMALL {
        let rows = 1 << log_rows;
        for contents in zoo(&mut rng, rows) {
            let column = contents.upload(backend);
            let expected = contents.values();
            assert_eq!(values(backend, &column, rows), expected, "{contents:?}");
            for _ in 0..4 {
                let start = rng.gen_range(0..rows);
                let end = rng.gen_range(start..=rows);
                assert_eq!(backend.read(&column, start..end), expected[start..end], "{contents:?}, rows {start}..{end}");
            }
        }
        let mut column = backend.fields(vec![Fr::ONE; rows]);
        backend.write_tail(&mut column, &[Fr::ZERO, -Fr::ONE]);
        let expected: Vec<Fr> = std::iter::repeat_n(Fr::ONE, rows - 2).chain([Fr::ZERO, -Fr::ONE]).collect();
        assert_eq!(values(backend, &column, rows), expected, "the tail of a column of field elements");
    }
}

/// Values on cosets after an interpolation, also of a combination of coefficients; on the subgroup they are the column again.
pub fn interpolate<B: Backend>(backend: &B) {
    let mut rng = generator(4);
    for log_rows in SMALL {
        let rows = 1 << log_rows;
        let (domain, theirs) = (backend.domain(log_rows), Reference.domain(log_rows));
        let contents = zoo(&mut rng, rows);
        let pairs = pairs(backend, &contents);
        let ours = backend.interpolate(&domain, &pairs.iter().map(|p| &p.ours).collect::<Vec<_>>());
        let expected = Reference.interpolate(&theirs, &pairs.iter().map(|p| &p.reference).collect::<Vec<_>>());
        let (ours, expected): (Vec<_>, Vec<_>) = (ours.iter().collect(), expected.iter().collect());
        let natural = backend.natural_order(&domain, &ours);
        assert_same(backend, rows, &natural, &Reference.natural_order(&theirs, &expected), "coefficients in natural order");
        for shift in [Fr::ONE, coset_shifts(log_rows, 4)[3], Fr::random(&mut rng)] {
            let values = Reference.coset(&theirs, &expected, shift);
            assert_same(backend, rows, &backend.coset(&domain, &ours, shift), &values, "values on a coset");
            // Fewer columns than are needed, and of other values.
            let spare = backend.coset(&domain, &ours[1..], Fr::random(&mut rng));
            let reused = backend.coset_in(&domain, &ours, shift, spare);
            assert_same(backend, rows, &reused, &values, "values on a coset in the memory of others");
        }
        let again = backend.coset(&domain, &ours, Fr::ONE);
        assert_same(backend, rows, &again, &pairs.into_iter().map(|p| p.reference).collect::<Vec<_>>(), "values on the rows");
        let factors: Vec<Fr> = scalars(&mut rng, ours.len());
        let sum = backend.combine(&ours.iter().zip(&factors).map(|(c, f)| (*c, 0, *f)).collect::<Vec<_>>());
        let expected_sum = Reference.combine(&expected.iter().zip(&factors).map(|(c, f)| (*c, 0, *f)).collect::<Vec<_>>());
        let shift = Fr::random(&mut rng);
        let values = Reference.coset(&theirs, &[&expected_sum], shift);
        assert_same(backend, rows, &backend.coset(&domain, &[&sum], shift), &values, "values of a combination of coefficients");
        assert!(backend.coset(&domain, &backend.interpolate(&domain, &[]).iter().collect::<Vec<_>>(), shift).is_empty());
    }
}

/// Transforms of 2^10 to 2^13 rows, at some rows by Horner's rule.
pub fn transforms_long<B: Backend>(backend: &B) {
    let mut rng = generator(5);
    for log_rows in 10..=13 {
        let rows = 1 << log_rows;
        let domain = backend.domain(log_rows);
        let contents = [Contents::fields(&mut rng, rows), Contents::Integers(wide_integers(&mut rng, rows), scalars(&mut rng, 5))];
        let columns: Vec<B::Column> = contents.iter().map(|c| c.upload(backend)).collect();
        let coefficients = backend.interpolate(&domain, &columns.iter().collect::<Vec<_>>());
        let coefficients: Vec<&B::Column> = coefficients.iter().collect();
        let natural = backend.natural_order(&domain, &coefficients);
        let shift = coset_shifts(log_rows, 4)[2];
        let coset = backend.coset(&domain, &coefficients, shift);
        let omega = root_of_unity(log_rows);
        for (index, contents) in contents.iter().enumerate() {
            let polynomial = values(backend, &natural[index], rows);
            let at = |x: Fr| polynomial.iter().rev().fold(Fr::ZERO, |acc, c| acc * x + c);
            let (on_rows, on_coset) = (contents.values(), values(backend, &coset[index], rows));
            for row in [0, 1, rows / 2, rows - 1].into_iter().chain((0..12).map(|_| rng.gen_range(0..rows))) {
                let point = omega.pow_vartime([row as u64]);
                assert_eq!(at(point), on_rows[row], "2^{log_rows} rows, row {row}");
                assert_eq!(at(shift * point), on_coset[row], "2^{log_rows} rows, row {row} of a coset");
            }
        }
    }
}

/// Limbs of polynomials that are known, from their values on 1 to 6 cosets.
pub fn limbs<B: Backend>(backend: &B) {
    let mut rng = generator(6);
    for log_rows in SMALL {
        let rows = 1 << log_rows;
        let (domain, theirs) = (backend.domain(log_rows), Reference.domain(log_rows));
        for count in 1..=6 {
            let mut polynomial = scalars(&mut rng, rows * count);
            if rng.gen() {
                // A degree that does not fill the last limb.
                polynomial[rows * count - rows / 2..].fill(Fr::ZERO);
            }
            let shifts = coset_shifts(log_rows, count);
            let values = |&shift: &Fr| {
                let at = |x: Fr| polynomial.iter().rev().fold(Fr::ZERO, |acc, c| acc * x + c);
                Reference.read(&Reference.powers(&theirs, shift), 0..rows).into_iter().map(at).collect::<Vec<Fr>>()
            };
            let cosets: Vec<B::Column> = shifts.iter().map(values).map(|v| backend.fields(v)).collect();
            let limbs = backend.limbs(&domain, cosets, &shifts);
            let natural = backend.natural_order(&domain, &limbs.iter().collect::<Vec<_>>());
            let expected: Vec<_> = polynomial.chunks(rows).map(|limb| Reference.fields(limb.to_vec())).collect();
            assert_same(backend, rows, &natural, &expected, "limbs");
            let shift = Fr::random(&mut rng);
            let values = Reference.coset(&theirs, &expected.iter().collect::<Vec<_>>(), shift);
            let ours = backend.coset(&domain, &limbs.iter().collect::<Vec<_>>(), shift);
            assert_same(backend, rows, &ours, &values, "limbs on a coset");
        }
    }
}

/// Powers of ω, shifted.
pub fn powers<B: Backend>(backend: &B) {
    let mut rng = generator(7);
    for log_rows in SMALL.chain([11, 13]) {
        let (domain, theirs) = (backend.domain(log_rows), Reference.domain(log_rows));
        for shift in [Fr::ONE, Fr::ZERO, Fr::random(&mut rng)] {
            assert_same(backend, 1 << log_rows, &[backend.powers(&domain, shift)], &[Reference.powers(&theirs, shift)], "powers");
        }
    }
}

/// Combinations of one to 130 columns of all kinds, at rotations.
pub fn combine<B: Backend>(backend: &B) {
    let mut rng = generator(8);
    for log_rows in SMALL.chain([11]) {
        let rows = 1 << log_rows;
        let pairs = pairs(backend, &zoo(&mut rng, rows));
        for pair in &pairs {
            for rotation in ROTATIONS {
                let scalar = Fr::random(&mut rng);
                let expected = Reference.combine(&[(&pair.reference, rotation, scalar)]);
                assert_same(backend, rows, &[backend.combine(&[(&pair.ours, rotation, scalar)])], &[expected], "one column");
            }
        }
        for (count, rotated) in [(2, true), (3, false), (17, true), (130, true), (130, false)] {
            let factors = scalars(&mut rng, count);
            let chosen: Vec<(&Pair<B>, i32, Fr)> = factors
                .into_iter()
                .filter_map(|f| Some((pairs.choose(&mut rng)?, if rotated { rng.gen_range(ROTATIONS) } else { 0 }, f)))
                .collect();
            let ours = backend.combine(&chosen.iter().map(|(p, d, f)| (&p.ours, *d, *f)).collect::<Vec<_>>());
            let expected = Reference.combine(&chosen.iter().map(|(p, d, f)| (&p.reference, *d, *f)).collect::<Vec<_>>());
            assert_same(backend, rows, &[ours], &[expected], "many columns");
        }
    }
}

/// A random program; some steps are empty, some outputs are slots, scalars or the same.
fn program(rng: &mut ChaCha20Rng, steps: usize, slots: usize, scalars: usize, outputs: usize) -> Program {
    let operand = |rng: &mut ChaCha20Rng, registers: usize| match rng.gen_range(0..4) {
        0 => Operand::Slot(rng.gen_range(0..slots) as u32),
        1 if scalars > 0 => Operand::Scalar(rng.gen_range(0..scalars) as u32),
        // Mostly the last registers: the others' memory is used again.
        _ if registers > 0 => {
            let recent = if rng.gen() { registers.min(4) } else { registers };
            Operand::Register((registers - 1 - rng.gen_range(0..recent)) as u32)
        }
        _ => Operand::Slot(rng.gen_range(0..slots) as u32),
    };
    let mut program = Program::default();
    for at in 0..steps {
        let products = (0..rng.gen_range(0..4)).map(|_| (operand(rng, at), operand(rng, at))).collect();
        let sums = (0..rng.gen_range(0..3)).map(|_| operand(rng, at)).collect();
        program.steps.push(Step { products, sums });
    }
    program.outputs = (0..outputs).map(|_| operand(rng, steps)).collect();
    program
}

/// Programs without steps, with one and with hundreds.
pub fn evaluate<B: Backend>(backend: &B) {
    let mut rng = generator(9);
    for log_rows in SMALL.chain([9, 11]) {
        let rows = 1 << log_rows;
        let pairs = pairs(backend, &zoo(&mut rng, rows));
        for (steps, outputs) in [(0, 3), (1, 1), (2, 4), (12, 3), (40, 2), (if log_rows < 9 { 400 } else { 150 }, 5)] {
            let slots: Vec<(&Pair<B>, i32)> =
                (0..pairs.len().min(2 * steps + 1)).filter_map(|_| Some((pairs.choose(&mut rng)?, rng.gen_range(ROTATIONS)))).collect();
            let scalars = scalars(&mut rng, steps.min(9));
            let mut program = program(&mut rng, steps, slots.len(), scalars.len(), outputs);
            program.outputs.push(Operand::Slot(0));
            program.outputs.extend((0..scalars.len().min(1)).map(|i| Operand::Scalar(i as u32)));
            assert!(program.is_valid(slots.len(), scalars.len()), "the suite makes valid programs");
            let ours = backend.evaluate(&program, &slots.iter().map(|(p, d)| (&p.ours, *d)).collect::<Vec<_>>(), &scalars);
            let expected = Reference.evaluate(&program, &slots.iter().map(|(p, d)| (&p.reference, *d)).collect::<Vec<_>>(), &scalars);
            assert_same(backend, rows, &ours, &expected, "a program");
        }
    }
}

/// Inverses of columns with zeros, of zeros only, and longer than a chunk.
pub fn invert<B: Backend>(backend: &B) {
    let mut rng = generator(10);
    let long = [Contents::fields(&mut rng, 1 << 13), Contents::Integers(wide_integers(&mut rng, 1 << 12), scalars(&mut rng, 6))];
    for contents in SMALL.flat_map(|log_rows| zoo(&mut rng, 1 << log_rows)).chain(long) {
        let mut pair = Pair::new(backend, &contents);
        backend.invert(&mut pair.ours);
        Reference.invert(&mut pair.reference);
        assert_same(backend, contents.rows(), &[pair.ours], &[pair.reference], "inverses");
    }
}

/// Sums of reciprocals: values in a short range and in a wide one, a denominator that is 0, a column without forms.
pub fn reciprocals<B: Backend>(backend: &B) {
    let mut rng = generator(11);
    for log_rows in SMALL.chain([13]) {
        let rows = 1 << log_rows;
        for wide in [false, true] {
            let integers = |rng: &mut ChaCha20Rng| if wide { wide_integers(rng, rows) } else { short_integers(rng, rows) };
            for tail in [0, 4] {
                let mut contents: Vec<Contents> = (0..5).map(|_| Contents::Integers(integers(&mut rng), scalars(&mut rng, tail))).collect();
                contents.push(Contents::empty(rows));
                let pairs = pairs(backend, &contents);
                // Column by form by summand.
                let forms =
                    [vec![vec![(0, 1)]], vec![vec![(1, 1), (2, -16)], vec![(3, 1)], vec![(2, 1), (4, -1)]], vec![], vec![vec![(5, 3)]]];
                for shift in [Fr::random(&mut rng), -Fr::from(3)] {
                    let ours: Vec<Vec<Form<'_, B::Column>>> =
                        forms.iter().map(|c| c.iter().map(|f| f.iter().map(|&(i, s)| (&pairs[i].ours, s)).collect()).collect()).collect();
                    let theirs: Vec<Vec<Form<'_, _>>> = forms
                        .iter()
                        .map(|c| c.iter().map(|f| f.iter().map(|&(i, s)| (&pairs[i].reference, s)).collect()).collect())
                        .collect();
                    let (ours, expected) = (backend.reciprocals(shift, &ours), Reference.reciprocals(shift, &theirs));
                    assert_same(backend, rows, &ours, &expected, if wide { "a wide range" } else { "a short range" });
                }
            }
        }
    }
}

/// Scans with and without factors, with zeros among them, and longer than a chunk.
pub fn scan<B: Backend>(backend: &B) {
    let mut rng = generator(12);
    for log_rows in SMALL.chain([13, 14]) {
        let rows = 1usize << log_rows;
        let units = |rng: &mut ChaCha20Rng, zeros: f64| (0..rows).map(|_| Fr::from(u64::from(!rng.gen_bool(zeros)))).collect();
        let mut factors = vec![
            Contents::fields(&mut rng, rows),
            Contents::Fields((0..rows).map(|_| Fr::random(&mut rng)).collect()),
            Contents::Fields(units(&mut rng, 0.1)),
            Contents::Fields(units(&mut rng, 0.0)),
            Contents::Integers(short_integers(&mut rng, rows), scalars(&mut rng, 3)),
            Contents::empty(rows),
        ];
        // One zero, in the second half.
        let mut one_zero: Vec<Fr> = (0..rows).map(|_| Fr::random(&mut rng)).collect();
        one_zero[rows / 2 + 1] = Fr::ZERO;
        factors.push(Contents::Fields(one_zero));
        let terms = [
            Contents::fields(&mut rng, rows),
            Contents::Integers(wide_integers(&mut rng, rows), scalars(&mut rng, 2)),
            Contents::empty(rows),
        ];
        let (factors, terms) = (pairs(backend, &factors), pairs(backend, &terms));
        for term in &terms {
            let expected = Reference.scan(None, &term.reference);
            assert_same(backend, rows, &[backend.scan(None, &term.ours)], &[expected], "a running sum");
            for factor in &factors {
                let expected = Reference.scan(Some(&factor.reference), &term.reference);
                assert_same(backend, rows, &[backend.scan(Some(&factor.ours), &term.ours)], &[expected], "a scan");
            }
        }
    }
}

/// Running products, with zeros and longer than a chunk.
pub fn products<B: Backend>(backend: &B) {
    let mut rng = generator(13);
    for log_rows in SMALL.chain([13, 14]) {
        let rows = 1 << log_rows;
        let random = Contents::Fields((0..rows).map(|_| Fr::random(&mut rng)).collect());
        let columns = [Contents::fields(&mut rng, rows), random, Contents::Integers(wide_integers(&mut rng, rows), scalars(&mut rng, 2))];
        for pair in pairs(backend, &columns) {
            for initial in [Fr::ONE, Fr::ZERO, Fr::random(&mut rng)] {
                let expected = Reference.products(&pair.reference, initial);
                assert_same(backend, rows, &[backend.products(&pair.ours, initial)], &[expected], "products");
            }
        }
    }
}

/// Gathered rows of columns of all kinds; rows without a source are 0.
pub fn gather<B: Backend>(backend: &B) {
    let mut rng = generator(14);
    for log_rows in SMALL.chain([13]) {
        let rows = 1usize << log_rows;
        let pairs = pairs(backend, &zoo(&mut rng, rows));
        let factors = scalars(&mut rng, pairs.len());
        let ours: Vec<(&B::Column, Fr)> = pairs.iter().zip(&factors).map(|(p, f)| (&p.ours, *f)).collect();
        let theirs: Vec<_> = pairs.iter().zip(&factors).map(|(p, f)| (&p.reference, *f)).collect();
        let any: Vec<u32> =
            (0..rows).map(|_| if rng.gen_ratio(1, 5) { NO_SOURCE } else { rng.gen_range(0..pairs.len() * rows) as u32 }).collect();
        let last = (pairs.len() * rows - 1) as u32;
        for map in [any, vec![NO_SOURCE; rows], vec![last; rows], (0..rows as u32).rev().collect()] {
            let expected = Reference.gather(&theirs, &Reference.map(&map));
            assert_same(backend, rows, &[backend.gather(&ours, &backend.map(&map))], &[expected], "gathered rows");
        }
    }
}

/// Inner products at all rotations, with weights of field elements and of integers, and longer than a chunk.
pub fn inner_products<B: Backend>(backend: &B) {
    let mut rng = generator(15);
    for log_rows in SMALL.chain([11, 15]) {
        let rows = 1usize << log_rows;
        let columns = if log_rows < 15 {
            zoo(&mut rng, rows)
        } else {
            vec![Contents::fields(&mut rng, rows), Contents::Integers(wide_integers(&mut rng, rows), scalars(&mut rng, 6))]
        };
        let columns = pairs(backend, &columns);
        let rotated: Vec<(&Pair<B>, i32)> = columns.iter().flat_map(|c| ROTATIONS.map(move |d| (c, d))).collect();
        let weights = [
            Contents::fields(&mut rng, rows),
            Contents::Integers(wide_integers(&mut rng, rows), scalars(&mut rng, 3)),
            Contents::empty(rows),
        ];
        for weights in pairs(backend, &weights) {
            let ours = backend.inner_products(&rotated.iter().map(|(c, d)| (&c.ours, *d)).collect::<Vec<_>>(), &weights.ours);
            let theirs: Vec<_> = rotated.iter().map(|(c, d)| (&c.reference, *d)).collect();
            let expected = Reference.inner_products(&theirs, &weights.reference);
            for ((ours, expected), (at, (_, rotation))) in ours.iter().zip(&expected).zip(rotated.iter().enumerate()) {
                assert_eq!(ours, expected, "2^{log_rows} rows, column {}, rotation {rotation}", at / ROTATIONS.count());
            }
            assert_eq!(ours.len(), expected.len(), "values");
        }
    }
}

/// Counts of values, and the refusal of one that is out of range.
pub fn multiplicities<B: Backend>(backend: &B) {
    let mut rng = generator(16);
    for log_rows in SMALL.chain([13]) {
        let rows = 1usize << log_rows;
        let usable = rows - 6;
        let integer =
            |rng: &mut ChaCha20Rng, size: i64| Contents::integers((0..usable).map(|_| rng.gen_range(0..size)).collect(), rows, 6, rng);
        // a, b < 16, and a + 16·b, b − a + 16 as forms.
        let contents = [integer(&mut rng, 16), integer(&mut rng, 16), integer(&mut rng, 256), Contents::empty(rows)];
        let pairs = pairs(backend, &contents);
        let forms: [&[(usize, i64)]; 4] = [&[(0, 1), (1, 16)], &[(2, 1)], &[(3, -5)], &[]];
        let ours: Vec<Form<'_, B::Column>> = forms.iter().map(|f| f.iter().map(|&(i, s)| (&pairs[i].ours, s)).collect()).collect();
        let theirs: Vec<Form<'_, _>> = forms.iter().map(|f| f.iter().map(|&(i, s)| (&pairs[i].reference, s)).collect()).collect();
        for limit in [0, 1, usable / 2, usable] {
            assert_eq!(backend.multiplicities(&ours, limit, 256), Reference.multiplicities(&theirs, limit, 256), "{limit} rows");
        }
        assert_eq!(backend.multiplicities(&[], usable, 3), Ok(vec![0; 3]));
        for (row, wrong) in [(0, 256), (usable / 2, -1), (usable - 1, 1 << 40)] {
            let mut values: Vec<i64> = (0..usable).map(|r| r as i64 % 256).collect();
            values[row] = wrong;
            let wrong_one = Contents::integers(values, rows, 6, &mut rng).upload(backend);
            let form = || vec![(&wrong_one, 1)];
            assert_eq!(backend.multiplicities(&[ours[1].clone(), form()], usable, 256), Err((row, wrong)));
            assert!(backend.multiplicities(&[form()], row, 256).is_ok(), "rows behind the limit do not count");
        }
        // Of several the first is named.
        let several: Vec<i64> = (0..usable as i64).map(|r| if r % 3 == 1 { -r } else { 5 }).collect();
        let several = Contents::integers(several, rows, 6, &mut rng).upload(backend);
        assert_eq!(backend.multiplicities(&[vec![(&several, 2)]], usable, 256), Err((1, -2)));
    }
}
