//! Commitments and transforms of one column, from small to large.
//!
//! ```text
//! msm   Σ s_i·P_i,  P_i = (a + i·b)·G        is (Σ s_i·(a + i·b))·G
//! ntt   coefficients from values v on ω^r    Σ c_i·ω^(ij) is v_j, for a few j
//! coset values from coefficients             Σ c_i·(s·ω^j)^i is the value in row j
//! ```
//!
//! Seconds are the median of the runs, from the call to its answer; points and columns are in place before.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, ValueEnum};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::Curve;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde_json::{json, Value};
use sworn_circuits::column::IntColumn;
use sworn_gpu::{Busy, Device, Devices, Plugin};
use sworn_prover::domain::root_of_unity;
use sworn_prover::{Backend, Cpu};

/// What is measured, and where.
#[derive(Args)]
pub(crate) struct Kernels {
    /// The backend
    #[arg(long, value_enum)]
    backend: Name,
    /// The device's plugin [default: as `sworn` finds it]
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// log₂ of the fewest rows
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(4..=26))]
    min_log: u32,
    /// log₂ of the most rows
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(4..=26))]
    max_log: u32,
    /// Runs of each
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

#[derive(ValueEnum, Clone, Copy)]
enum Name {
    Cpu,
    Cuda,
}

/// A backend that tells what it was busy with.
trait Measured: Backend {
    fn begin(&self) {}
    fn busy(&self) -> Option<Busy> {
        None
    }
}

impl Measured for Cpu {}

impl Measured for Device {
    fn begin(&self) {
        // A device that fails says so at `check`.
        let _ = self.measure(true);
    }
    fn busy(&self) -> Option<Busy> {
        self.busy().ok()
    }
}

impl Kernels {
    /// Prints a line for each operation; true if all results are right.
    pub(crate) fn run(self) -> Result<bool, Box<dyn Error>> {
        match self.backend {
            Name::Cpu => self.measure(&Cpu),
            Name::Cuda => {
                let plugin = match &self.plugin {
                    Some(path) => Plugin::load(path)?,
                    None => Devices::find()?.plugin,
                };
                self.measure(&Device::open(&plugin, 0, None)?)
            }
        }
    }

    fn measure<B: Measured>(&self, backend: &B) -> Result<bool, Box<dyn Error>> {
        let mut is_right = true;
        for log_rows in (self.min_log..=self.max_log).step_by(2) {
            let rows = 1usize << log_rows;
            // Nothing of a device that failed is a figure.
            let mut print = |operation: &str, is_correct: bool, (seconds, busy): (f64, Option<Busy>)| -> Result<(), Box<dyn Error>> {
                backend.check().map_err(|failure| failure as Box<dyn Error>)?;
                is_right &= is_correct;
                println!("{}", line(operation, log_rows, is_correct, seconds, busy));
                Ok(())
            };
            let (bases, logarithms) = points(rows);
            let points = backend.points(&bases);
            drop(bases);
            for (operation, column, scalars) in [full(backend, rows), small(backend, rows)] {
                let exponent: Fr = scalars.iter().zip(&logarithms).map(|(scalar, logarithm)| *scalar * logarithm).sum();
                let expected = (G1::generator() * exponent).to_affine();
                let (sums, time) = self.time(backend, || backend.commit(&points, &[&column]));
                print(operation, sums == [expected], time)?;
            }
            drop((points, logarithms));
            let domain = backend.domain(log_rows);
            let values = scalars(rows, 3);
            let column = backend.fields(values.clone());
            let (coefficients, time) = self.time(backend, || {
                let made = backend.interpolate(&domain, &[&column]);
                // The answer of a transform is in place when a row of it can be read.
                backend.read(&made[0], 0..1);
                made
            });
            let natural = backend.natural_order(&domain, &[&coefficients[0]]);
            let read = backend.read(&natural[0], 0..rows);
            let omega = root_of_unity(log_rows);
            let at = |row: usize, shift: Fr| {
                let x = shift * omega.pow_vartime([row as u64]);
                read.iter().rev().fold(Fr::ZERO, |sum, c| sum * x + c)
            };
            let rows_to_check = [1, rows / 3, rows - 1];
            print("ntt", rows_to_check.iter().all(|&row| at(row, Fr::ONE) == values[row]), time)?;
            let shift = Fr::from(7).pow_vartime([77]);
            let (made, time) = self.time(backend, || {
                let made = backend.coset(&domain, &[&coefficients[0]], shift);
                backend.read(&made[0], 0..1);
                made
            });
            print("coset", rows_to_check.iter().all(|&row| backend.read(&made[0], row..row + 1) == [at(row, shift)]), time)?;
        }
        Ok(is_right)
    }

    /// The last answer, the median of the seconds, and what a device was busy with in one run more: measuring costs time.
    fn time<T>(&self, backend: &impl Measured, run: impl Fn() -> T) -> (T, (f64, Option<Busy>)) {
        run();
        let mut seconds: Vec<f64> = (0..self.runs)
            .map(|_| {
                let start = Instant::now();
                run();
                start.elapsed().as_secs_f64()
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        backend.begin();
        let answer = run();
        (answer, (seconds[seconds.len() / 2], backend.busy()))
    }
}

fn line(operation: &str, log_rows: u32, is_correct: bool, seconds: f64, busy: Option<Busy>) -> Value {
    let mut line = json!({ "operation": operation, "log_rows": log_rows, "seconds": seconds, "correct": is_correct });
    if let Some(busy) = busy {
        line["kernel_seconds"] = json!(busy.kernel_seconds);
        line["copy_seconds"] = json!(busy.copy_seconds);
        line["kernels"] = json!(busy.kernels);
    }
    line
}

/// Scalars below 2^253, by threads: the largest columns have millions.
fn scalars(count: usize, seed: u64) -> Vec<Fr> {
    let mut scalars = vec![Fr::ZERO; count];
    in_threads(&mut scalars, |first, part| {
        let mut rng = ChaCha20Rng::seed_from_u64(seed << 32 | first as u64);
        part.iter_mut().for_each(|s| *s = Fr::from_raw([rng.next_u64(), rng.next_u64(), rng.next_u64(), rng.next_u64() >> 3]));
    });
    scalars
}

fn full<B: Backend>(backend: &B, rows: usize) -> (&'static str, B::Column, Vec<Fr>) {
    let scalars = scalars(rows, 1);
    ("msm", backend.fields(scalars.clone()), scalars)
}

fn small<B: Backend>(backend: &B, rows: usize) -> (&'static str, B::Column, Vec<Fr>) {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let values: Vec<i64> = (0..rows).map(|_| i64::from(rng.gen::<i16>())).collect();
    let scalar = |&value: &i64| if value < 0 { -Fr::from(value.unsigned_abs()) } else { Fr::from(value.unsigned_abs()) };
    ("msm 16-bit", backend.integers(&Arc::new(IntColumn::new(&values)), rows), values.iter().map(scalar).collect())
}

/// Points (a + i·b)·G and their logarithms a + i·b.
fn points(count: usize) -> (Vec<G1Affine>, Vec<Fr>) {
    let (first, step) = (Fr::from_raw([77, 1, 2, 3]), Fr::from_raw([5, 6, 7, 8]));
    let step_point = (G1::generator() * step).to_affine();
    let mut points = vec![G1Affine::default(); count];
    in_threads(&mut points, |begin, part| {
        let mut point = G1::generator() * (first + step * Fr::from(begin as u64));
        for part in part.chunks_mut(1 << 12) {
            let next: Vec<G1> = part
                .iter()
                .map(|_| {
                    let this = point;
                    point += step_point;
                    this
                })
                .collect();
            G1::batch_normalize(&next, part);
        }
    });
    let logarithms = std::iter::successors(Some(first), |logarithm| Some(*logarithm + step)).take(count).collect();
    (points, logarithms)
}

/// Calls `fill` with the position and the values of each part of a slice.
fn in_threads<T: Send>(values: &mut [T], fill: impl Fn(usize, &mut [T]) + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let size = values.len().div_ceil(threads);
    std::thread::scope(|scope| {
        for (index, part) in values.chunks_mut(size).enumerate() {
            let fill = &fill;
            scope.spawn(move || fill(index * size, part));
        }
    });
}
