//! Times the kernels of the CPU backend on one thread and prints a table: `cargo run --release -p sworn-prover --example kernels`.
//!
//! Words choose kernels by their names; `--adx` does without vectors, `--portable` also without `mulx`.
//!
//! Times are of the processor, not of the clock on the wall, so that other programs matter less; medians of several runs.
//! The ratio is to what the row names: halo2's function, that of arkworks, or the portable path.
#![expect(clippy::unwrap_used, reason = "an example")]

use std::hint::black_box;
use std::sync::Arc;

use ark_ec::VariableBaseMSM;
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use halo2_proofs::arithmetic::{best_fft, best_multiexp};
use halo2_proofs::fft::recursive::FFTData;
use halo2_proofs::halo2curves::bn256::{Fq, Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::halo2curves::group::{Curve, Group};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sworn_circuits::column::IntColumn;
use sworn_prover::cpu::msm::{commit, Bases, Ints, Scalars};
use sworn_prover::cpu::ntt::Domain;
use sworn_prover::cpu::{vector, Column, Instructions};
use sworn_prover::program::{Operand, Program, Step};
use sworn_prover::{Backend, Cpu};

const RUNS: usize = 7;
/// Any constant.
const FACTOR: Fr = Fr::from_raw([3, 5, 7, 11]);

/// Nanoseconds that this thread has had of a processor.
fn processor_time() -> u64 {
    // The counter is brought up to date when the thread is scheduled.
    std::thread::yield_now();
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    times.split(' ').next().unwrap().parse().unwrap()
}

/// Median of the nanoseconds of some runs.
fn time<T>(mut run: impl FnMut() -> T) -> f64 {
    run();
    let mut times: Vec<u64> = (0..RUNS)
        .map(|_| {
            let (start, mut count) = (processor_time(), 0);
            loop {
                black_box(run());
                count += 1;
                let spent = processor_time() - start;
                if spent > 100_000_000 {
                    return spent / count;
                }
            }
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2] as f64
}

struct Table {
    only: Vec<String>,
}

impl Table {
    fn wants(&self, kernel: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|o| kernel.contains(o.as_str()))
    }

    /// A row: nanoseconds for each of `units`, and of what it is compared to.
    fn row(&self, kernel: &str, units: usize, unit: &str, ours: f64, other: Option<(&str, f64)>) {
        let per = |t: f64| t / units as f64;
        let (name, other) = match other {
            Some((name, t)) => (name.to_string(), format!("{:.3} | {:.1}", per(t), t / ours)),
            None => (String::new(), " | ".into()),
        };
        println!("| {kernel} | {unit} | {:.3} | {name} | {other} |", per(ours));
    }
}

fn elements(n: usize, rng: &mut impl Rng) -> Vec<Fr> {
    (0..n).map(|_| Fr::random(&mut *rng)).collect()
}

/// For arkworks.
fn ark<F: PrimeField<Repr = [u8; 32]>, T: ark_ff::PrimeField>(value: &F) -> T {
    T::from_le_bytes_mod_order(&value.to_repr())
}

fn products(table: &Table, rng: &mut ChaCha20Rng) {
    const N: usize = 1 << 10;
    if table.wants("product") {
        let (mut a, b) = (elements(N, rng), elements(N, rng));
        let ours = time(|| vector::mul_assign(&mut a, &b));
        let portable = time(|| vector::portable::mul_assign(&mut a, &b));
        table.row("product, Fr", N, "product", ours, Some(("portable", portable)));
        let (program, num_slots) = powers();
        let columns: Vec<Column> = (0..num_slots).map(|_| Column::Fields(elements(N, rng))).collect();
        let slots: Vec<(&Column, i32)> = columns.iter().map(|column| (column, 0)).collect();
        let kept = time(|| Cpu.evaluate(&program, &slots, &[]));
        let steps = program.steps.len() as f64;
        table.row("product, Fr, of a program's registers", N, "product", kept / steps, Some(("portable", portable)));
        let ours = time(|| vector::mul_scalar(&mut a, b[0]));
        let portable = time(|| vector::portable::mul_scalar(&mut a, &b[0]));
        table.row("product by a constant, Fr", N, "product", ours, Some(("portable", portable)));
        let (mut a, b) = (vec![Fq::random(&mut *rng); N], vec![Fq::random(&mut *rng); N]);
        let portable = time(|| a.iter_mut().zip(&b).for_each(|(a, b)| *a *= b));
        table.row("product, Fq, halo2curves", N, "product", portable, None);
    }
}

fn multiplications(table: &Table, rng: &mut ChaCha20Rng) {
    for log in [12, 16, 20] {
        if !["full", "16 bits, signed", "0 or 1"].iter().any(|name| table.wants(&format!("msm, 2^{log}, {name}"))) {
            continue;
        }
        let n = 1 << log;
        let g = G1::from(G1Affine::generator());
        let projective: Vec<G1> = std::iter::successors(Some(g * Fr::random(&mut *rng)), |p| Some(p.double() + g)).take(n).collect();
        let mut points = vec![G1Affine::default(); n];
        G1::batch_normalize(&projective, &mut points);
        let bases = Bases::new(&points);
        let ark_points: Vec<_> = points.iter().map(|p| ark_bn254::G1Affine::new_unchecked(ark(&p.x), ark(&p.y))).collect();
        let full = elements(n, rng);
        let halves: Vec<i16> = (0..n).map(|_| rng.gen()).collect();
        let bits: Vec<i8> = (0..n).map(|_| rng.gen_range(0..2)).collect();
        let embed = |v: i64| if v < 0 { -Fr::from(v.unsigned_abs()) } else { Fr::from(v as u64) };
        let as_fields: [(&str, Vec<Fr>, Scalars<'_>); 3] = [
            ("full", full.clone(), Scalars::Fields(&full)),
            ("16 bits, signed", halves.iter().map(|&v| embed(v.into())).collect(), Scalars::Ints { values: Ints::I16(&halves), tail: &[] }),
            ("0 or 1", bits.iter().map(|&v| embed(v.into())).collect(), Scalars::Ints { values: Ints::I8(&bits), tail: &[] }),
        ];
        for (name, fields, scalars) in as_fields {
            let kernel = format!("msm, 2^{log}, {name}");
            if !table.wants(&kernel) {
                continue;
            }
            let ours = time(|| commit(&bases, &[scalars]));
            let other = time(|| best_multiexp(&fields, &points));
            table.row(&kernel, n, "term", ours, Some(("halo2 best_multiexp", other)));
            let scalars: Vec<ark_bn254::Fr> = fields.iter().map(ark).collect();
            let other = time(|| ark_bn254::G1Projective::msm(&ark_points, &scalars).unwrap());
            table.row(&kernel, n, "term", ours, Some(("arkworks", other)));
        }
    }
}

fn transforms(table: &Table, rng: &mut ChaCha20Rng) {
    if !table.wants("ntt") {
        return;
    }
    for log in [12u32, 16, 20] {
        let n = 1usize << log;
        let domain = Domain::new(log);
        let mut columns = [elements(n, rng)];
        let ours = time(|| domain.to_coefficients(&mut columns));
        let portable = Domain::portable(log);
        let plain = time(|| portable.to_coefficients(&mut columns));
        let inverse = domain.omega().invert().unwrap();
        let data = FFTData::<Fr>::new(n, domain.omega(), inverse);
        let other = time(|| best_fft(&mut columns[0], inverse, log, &data, true));
        let units = n / 2 * log as usize;
        table.row(&format!("ntt, 2^{log}"), units, "butterfly", ours, Some(("halo2 best_fft", other)));
        let ark_domain = Radix2EvaluationDomain::<ark_bn254::Fr>::new(n).unwrap();
        let mut column: Vec<ark_bn254::Fr> = columns[0].iter().map(ark).collect();
        let other = time(|| ark_domain.ifft_in_place(&mut column));
        table.row(&format!("ntt, 2^{log}"), units, "butterfly", ours, Some(("arkworks", other)));
        table.row(&format!("ntt, 2^{log}"), units, "butterfly", ours, Some(("portable", plain)));
    }
}

fn sums(table: &Table, rng: &mut ChaCha20Rng) {
    const N: usize = 1 << 16;
    let weights = Column::Fields(elements(N, rng));
    for (name, bound, bytes) in [("i8", 127i64, 1), ("i16", 32767, 2), ("i32", i64::from(i32::MAX), 4)] {
        for count in [40, 256] {
            if !table.wants("combine") && !table.wants("inner") {
                continue;
            }
            let column = |rng: &mut ChaCha20Rng| {
                let values: Vec<i64> = (0..N).map(|_| rng.gen_range(-bound..=bound)).collect();
                Column::Integers { values: Arc::new(IntColumn::new(&values)), rows: N, tail: Vec::new() }
            };
            let columns: Vec<Column> = (0..count).map(|_| column(rng)).collect();
            let scalars = elements(count, rng);
            let terms: Vec<(&Column, i32, Fr)> = columns.iter().zip(&scalars).map(|(c, s)| (c, 0, *s)).collect();
            let from = vec![1u8; N * count * bytes];
            let mut to = vec![0u8; from.len()];
            let copy = time(|| to.copy_from_slice(&from));
            let ours = time(|| Cpu.combine(&terms));
            table.row(&format!("combine, {count} columns of {name}"), N * count, "integer", ours, Some(("copy", copy)));
            let rotated: Vec<(&Column, i32)> = columns.iter().map(|c| (c, 0)).collect();
            let ours = time(|| Cpu.inner_products(&rotated, &weights));
            table.row(&format!("inner products, {count} columns of {name}"), N * count, "integer", ours, Some(("copy", copy)));
        }
    }
    let columns: Vec<Column> = (0..20).map(|_| Column::Fields(elements(N, rng))).collect();
    if table.wants("combine") {
        let terms: Vec<(&Column, i32, Fr)> = columns.iter().map(|c| (c, 0, FACTOR)).collect();
        let ours = time(|| Cpu.combine(&terms));
        table.row("combine, 20 columns of Fr", 20 * N, "element", ours, None);
    }
    if table.wants("inner") {
        let rotated: Vec<(&Column, i32)> = columns.iter().map(|c| (c, 1)).collect();
        let ours = time(|| Cpu.inner_products(&rotated, &weights));
        table.row("inner products, 20 columns of Fr", 20 * N, "element", ours, None);
    }
}

fn scans(table: &Table, rng: &mut ChaCha20Rng) {
    const N: usize = 1 << 16;
    if !table.wants("scan") {
        return;
    }
    let (a, b) = (Column::Fields(elements(N, rng)), Column::Fields(elements(N, rng)));
    let mut c = a.clone();
    table.row("scan: inversion", N, "element", time(|| Cpu.invert(&mut c)), None);
    table.row("scan: products", N, "element", time(|| Cpu.products(&a, Fr::ONE)), None);
    table.row("scan: affine", N, "element", time(|| Cpu.scan(Some(&a), &b)), None);
    table.row("scan: running sum", N, "element", time(|| Cpu.scan(None, &b)), None);
    let values: Vec<i64> = (0..N).map(|_| rng.gen_range(0..1 << 12)).collect();
    let column = Column::Integers { values: Arc::new(IntColumn::new(&values)), rows: N, tail: Vec::new() };
    let forms = [vec![vec![(&column, 1)], vec![(&column, 3)]]];
    table.row("scan: reciprocals", 2 * N, "value", time(|| Cpu.reciprocals(FACTOR, &forms)), None);
}

/// A program in the manner of a numerator: `Σ_i y^i·on·(a_i·b_i·c_i + s·a_i + d_i)`, by Horner's rule.
fn program(gates: u32) -> (Program, usize) {
    let mut steps: Vec<Step> = Vec::new();
    for gate in 0..gates {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| Operand::Slot(1 + 3 * gate + i));
        let at = steps.len() as u32;
        steps.push(Step { products: vec![(a, b)], sums: vec![] });
        steps.push(Step { products: vec![(Operand::Register(at), c), (Operand::Scalar(0), a)], sums: vec![d] });
        let mut products = vec![(Operand::Slot(0), Operand::Register(at + 1))];
        if gate > 0 {
            products.push((Operand::Register(at - 1), Operand::Scalar(1)));
        }
        steps.push(Step { products, sums: vec![] });
    }
    let last = steps.len() as u32 - 1;
    (Program { steps, outputs: vec![Operand::Register(last)] }, 2 + 3 * gates as usize)
}

/// Products of what is in registers: little else is done.
fn powers() -> (Program, usize) {
    const STEPS: u32 = 64;
    let operand = |i: u32| if i < 2 { Operand::Slot(i) } else { Operand::Register(i - 2) };
    let steps = (0..STEPS).map(|i| Step { products: vec![(operand(i), operand(i + 1))], sums: vec![] }).collect();
    (Program { steps, outputs: vec![Operand::Register(STEPS - 1)] }, 2)
}

fn programs(table: &Table, rng: &mut ChaCha20Rng) {
    const N: usize = 1 << 14;
    if !table.wants("program") {
        return;
    }
    for gates in [4, 20] {
        let (program, num_slots) = program(gates);
        let columns: Vec<Column> = (0..num_slots).map(|_| Column::Fields(elements(N, rng))).collect();
        let slots: Vec<(&Column, i32)> = columns.iter().zip([0, 0, 0, 1].into_iter().cycle()).collect();
        let scalars = elements(2, rng);
        let ours = time(|| Cpu.evaluate(&program, &slots, &scalars));
        let count: usize = program.steps.iter().map(|s| s.products.len()).sum();
        table.row(&format!("program, {gates} gates, {num_slots} slots"), N * count, "product", ours, None);
    }
}

fn main() {
    let (options, only): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    for option in options {
        match option.as_str() {
            "--adx" => Instructions::Adx.limit(),
            "--portable" => Instructions::Portable.limit(),
            other => panic!("{other}: expected --adx or --portable"),
        }
    }
    let table = Table { only };
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|l| l.strip_prefix("model name")).map_or("unknown", |n| n.trim_start_matches(['\t', ':', ' ']));
    println!("{name}, one thread, ns of processor time\n");
    println!("| kernel | unit | ns a unit | compared to | ns a unit | ratio |\n|---|---|---|---|---|---|");
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| {
        products(&table, rng);
        sums(&table, rng);
        scans(&table, rng);
        programs(&table, rng);
        transforms(&table, rng);
        multiplications(&table, rng);
    });
}
