//! The backend: the prover's operations on a device.
//!
//! A device that fails does nothing more. What it should have made is empty from then on and what it should have told is
//! meaningless, but of the right length; the prover asks [`Backend::check`] before anything is written to a proof, and gives up.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::halo2curves::serde::SerdeObject;
use halo2_proofs::halo2curves::CurveExt;
use sworn_circuits::column::IntColumn;
use sworn_prover::backend::{Backend, Failure, Form};
use sworn_prover::domain::{inverse_vandermonde, root_of_unity};
use sworn_prover::program::Program;

use crate::context::{self, Context, Forms, POINT, SCALAR};
use crate::error::DeviceError;
use crate::plugin::Plugin;
use crate::program::Words;

/// A device, open.
pub struct Device {
    context: Arc<Context>,
    failure: OnceLock<DeviceError>,
}

/// What a device was busy with. The rest of the time it waited for the host.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Busy {
    /// Seconds in kernels.
    pub kernel_seconds: f64,
    /// Seconds in copies, between host and device or on it.
    pub copy_seconds: f64,
    /// Kernels that were launched.
    pub kernels: u64,
    /// Copies.
    pub copies: u64,
}

/// Points of a reference string on a device.
pub struct Points(Option<context::Points>);

/// Roots of unity on a device.
pub struct Domain {
    on_device: Option<context::Domain>,
    rows: usize,
}

/// A column on a device.
pub struct Column {
    on_device: Option<context::Column>,
    rows: usize,
}

/// Sources of gathered rows on a device.
pub struct Map {
    on_device: Option<context::Map>,
    rows: usize,
}

/// What follows a failure: an object that was not made.
const MISSING: DeviceError = DeviceError::WrongAnswer { what: "an object" };

impl Column {
    fn get(&self) -> Result<&context::Column, DeviceError> {
        self.on_device.as_ref().ok_or(MISSING)
    }
}

fn all<'a>(columns: impl IntoIterator<Item = &'a Column>) -> Result<Vec<&'a context::Column>, DeviceError> {
    columns.into_iter().map(Column::get).collect()
}

fn at_rotations<'a>(slots: impl IntoIterator<Item = (&'a Column, i32)>) -> Result<Vec<(&'a context::Column, i64)>, DeviceError> {
    slots.into_iter().map(|(column, rotation)| Ok((column.get()?, rotation.into()))).collect()
}

/// The bytes of scalars as they lie in memory.
fn bytes(scalars: impl IntoIterator<Item = Fr>) -> Vec<u8> {
    let scalars = scalars.into_iter();
    let mut bytes = Vec::with_capacity(scalars.size_hint().0.saturating_mul(SCALAR));
    for scalar in scalars {
        // A vector takes all that is written.
        let written = scalar.write_raw(&mut bytes);
        debug_assert!(written.is_ok());
    }
    bytes
}

fn one(scalar: Fr) -> [u8; SCALAR] {
    let mut bytes = [0; SCALAR];
    bytes.copy_from_slice(&scalar.to_raw_bytes());
    bytes
}

/// Scalars from their bytes; each must be below r.
fn scalars(bytes: &[u8]) -> Result<Vec<Fr>, DeviceError> {
    let scalar = |bytes: &[u8]| Fr::from_raw_bytes(bytes).ok_or(DeviceError::WrongAnswer { what: "a field element" });
    bytes.chunks_exact(SCALAR).map(scalar).collect()
}

/// A point from its Jacobian coordinates; it must lie on the curve.
fn point(bytes: &[u8]) -> Result<G1, DeviceError> {
    let wrong = DeviceError::WrongAnswer { what: "a point of the curve" };
    let mut coordinates = bytes.chunks_exact(SCALAR).map(SerdeObject::from_raw_bytes);
    match (coordinates.next().flatten(), coordinates.next().flatten(), coordinates.next().flatten()) {
        (Some(x), Some(y), Some(z)) => Option::from(G1::new_jacobian(x, y, z)).ok_or(wrong),
        _ => Err(wrong),
    }
}

impl Device {
    /// Opens a device of a plugin, which takes `memory` bytes of it at most; by default nine tenths.
    ///
    /// # Errors
    /// A device that is not there, or whose driver fails.
    pub fn open(plugin: &Plugin, index: u32, memory: Option<u64>) -> Result<Self, DeviceError> {
        let devices = context::devices(&plugin.0)?;
        let description = usize::try_from(index).ok().and_then(|index| devices.get(index));
        let description = description.ok_or_else(|| DeviceError::Failed {
            reason: format!("there is no device {index}, the plugin has {} of them", devices.len()),
        })?;
        let memory = memory.unwrap_or(description.memory / 10 * 9);
        Ok(Self { context: Context::new(plugin.0.clone(), index, memory)?, failure: OnceLock::new() })
    }

    /// Why the device does nothing more, if that is so.
    pub fn failure(&self) -> Option<&DeviceError> {
        self.failure.get()
    }

    /// Bytes in use on the device now, and the most that were.
    ///
    /// # Errors
    /// None unless the plugin is broken.
    pub fn memory(&self) -> Result<(u64, u64), DeviceError> {
        self.context.memory()
    }

    /// Measures from now on, from zero, what the device is busy with, or no more. It costs a little time itself.
    ///
    /// # Errors
    /// A device that fails.
    pub fn measure(&self, is_measured: bool) -> Result<(), DeviceError> {
        self.context.measure(is_measured)
    }

    /// What was measured so far; all zeros if nothing was.
    ///
    /// # Errors
    /// A device that fails.
    pub fn busy(&self) -> Result<Busy, DeviceError> {
        let busy = self.context.busy()?;
        let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
        Ok(Busy {
            kernel_seconds: seconds(busy.kernel_ns),
            copy_seconds: seconds(busy.copy_ns),
            kernels: busy.kernels,
            copies: busy.copies,
        })
    }

    /// For tests: lets the allocation or the launch after so many more fail.
    ///
    /// # Errors
    /// None unless the plugin is broken.
    pub fn fail_after(&self, allocations: Option<u64>, launches: Option<u64>) -> Result<(), DeviceError> {
        self.context.fail_after(allocations.unwrap_or(u64::MAX), launches.unwrap_or(u64::MAX))
    }

    /// What `f` gives, unless the device fails in it or failed before.
    fn attempt<T>(&self, f: impl FnOnce(&Arc<Context>) -> Result<T, DeviceError>) -> Option<T> {
        if self.failure.get().is_some() {
            return None;
        }
        match f(&self.context) {
            Ok(made) => Some(made),
            Err(error) => {
                // Another thread may have met a failure first: the first is kept.
                let _ = self.failure.set(error);
                None
            }
        }
    }

    fn column(&self, rows: usize, f: impl FnOnce(&Arc<Context>) -> Result<context::Column, DeviceError>) -> Column {
        // Nothing is asked of a device for a column without rows.
        let on_device = if rows == 0 { None } else { self.attempt(f) };
        Column { on_device, rows }
    }

    fn columns(
        &self,
        count: usize,
        rows: usize,
        f: impl FnOnce(&Arc<Context>) -> Result<Vec<context::Column>, DeviceError>,
    ) -> Vec<Column> {
        let made = if rows == 0 { None } else { self.attempt(f) };
        let made = made.map_or_else(Vec::new, |made| made.into_iter().map(Some).collect());
        made.into_iter().chain(std::iter::repeat_with(|| None)).take(count).map(|on_device| Column { on_device, rows }).collect()
    }
}

impl Domain {
    fn get(&self) -> Result<&context::Domain, DeviceError> {
        self.on_device.as_ref().ok_or(MISSING)
    }
}

impl Backend for Device {
    type Points = Points;
    type Domain = Domain;
    type Column = Column;
    type Map = Map;

    fn name(&self) -> &'static str {
        "cuda"
    }

    fn check(&self) -> Result<(), Failure> {
        self.failure.get().map_or(Ok(()), |error| Err(error.clone().into()))
    }

    fn points(&self, points: &[G1Affine]) -> Points {
        let mut bytes = Vec::with_capacity(points.len() * 2 * SCALAR);
        for point in points {
            let written = point.x.write_raw(&mut bytes).and_then(|()| point.y.write_raw(&mut bytes));
            debug_assert!(written.is_ok());
        }
        Points(self.attempt(|context| context.points(&bytes)))
    }

    fn domain(&self, log_rows: u32) -> Domain {
        Domain { on_device: self.attempt(|context| context.domain(log_rows, &one(root_of_unity(log_rows)))), rows: 1 << log_rows }
    }

    fn integers(&self, values: &Arc<IntColumn>, rows: usize) -> Column {
        self.column(rows, |context| context.integers(values, rows))
    }

    fn fields(&self, values: Vec<Fr>) -> Column {
        self.column(values.len(), |context| context.fields(&bytes(values.iter().copied())))
    }

    fn map(&self, rows: &[u32]) -> Map {
        Map { on_device: self.attempt(|context| context.map(rows)), rows: rows.len() }
    }

    fn write_tail(&self, column: &mut Column, tail: &[Fr]) {
        let on_device = column.on_device.as_mut().ok_or(MISSING);
        self.attempt(|context| context.write_tail(on_device?, &bytes(tail.iter().copied())));
    }

    fn read(&self, column: &Column, rows: Range<usize>) -> Vec<Fr> {
        let values = self.attempt(|context| scalars(&context.read(column.get()?, rows.start, rows.len())?));
        values.unwrap_or_else(|| vec![Fr::ZERO; rows.len()])
    }

    fn commit(&self, points: &Points, columns: &[&Column]) -> Vec<G1Affine> {
        let commit = |context: &Arc<Context>| {
            let points = points.0.as_ref().ok_or(MISSING)?;
            let sums = context.commit(points, &all(columns.iter().copied())?)?;
            sums.chunks_exact(POINT).map(point).collect::<Result<Vec<G1>, DeviceError>>()
        };
        let mut affine = vec![G1Affine::generator(); columns.len()];
        if let Some(sums) = self.attempt(commit).filter(|sums| sums.len() == columns.len()) {
            G1::batch_normalize(&sums, &mut affine);
        }
        affine
    }

    fn interpolate(&self, domain: &Domain, columns: &[&Column]) -> Vec<Column> {
        self.columns(columns.len(), domain.rows, |context| context.interpolate(domain.get()?, &all(columns.iter().copied())?))
    }

    fn coset(&self, domain: &Domain, coefficients: &[&Column], shift: Fr) -> Vec<Column> {
        let columns = |context: &Arc<Context>| context.coset(domain.get()?, &all(coefficients.iter().copied())?, &one(shift));
        self.columns(coefficients.len(), domain.rows, columns)
    }

    fn limbs(&self, domain: &Domain, cosets: Vec<Column>, shifts: &[Fr]) -> Vec<Column> {
        let inverses = bytes(shifts.iter().map(|shift| shift.invert().unwrap_or(Fr::ZERO)));
        let matrix = bytes(inverse_vandermonde(domain.rows, shifts).into_iter().flatten());
        self.columns(shifts.len(), domain.rows, |context| context.limbs(domain.get()?, &all(&cosets)?, &inverses, &matrix))
    }

    fn natural_order(&self, domain: &Domain, coefficients: &[&Column]) -> Vec<Column> {
        self.columns(coefficients.len(), domain.rows, |context| context.natural_order(&all(coefficients.iter().copied())?))
    }

    fn powers(&self, domain: &Domain, shift: Fr) -> Column {
        self.column(domain.rows, |context| context.powers(domain.get()?, &one(shift)))
    }

    fn combine(&self, terms: &[(&Column, i32, Fr)]) -> Column {
        let rows = terms.first().map_or(0, |term| term.0.rows);
        self.column(rows, |context| {
            context.combine(&at_rotations(terms.iter().map(|&(c, d, _)| (c, d)))?, &bytes(terms.iter().map(|term| term.2)))
        })
    }

    fn evaluate(&self, program: &Program, slots: &[(&Column, i32)], values: &[Fr]) -> Vec<Column> {
        let rows = slots.first().map_or(0, |slot| slot.0.rows);
        self.columns(program.outputs.len(), rows, |context| {
            context.evaluate(&Words::new(program), &at_rotations(slots.iter().copied())?, &bytes(values.iter().copied()))
        })
    }

    fn invert(&self, column: &mut Column) {
        *column = self.column(column.rows, |context| context.invert(column.get()?));
    }

    fn reciprocals(&self, shift: Fr, columns: &[Vec<Form<'_, Column>>]) -> Vec<Column> {
        let rows = columns.iter().flatten().flatten().next().map_or(0, |summand| summand.0.rows);
        self.columns(columns.len(), rows, |context| {
            let mut forms = Forms::default();
            let mut ends = Vec::new();
            for column in columns {
                push_forms(&mut forms, column)?;
                ends.push(forms.len() as u32);
            }
            context.reciprocals(&one(shift), rows, &forms, &ends)
        })
    }

    fn scan(&self, factor: Option<&Column>, term: &Column) -> Column {
        self.column(term.rows, |context| context.scan(factor.map(Column::get).transpose()?, term.get()?))
    }

    fn products(&self, factors: &Column, initial: Fr) -> Column {
        self.column(factors.rows, |context| context.products(factors.get()?, &one(initial)))
    }

    fn gather(&self, sources: &[(&Column, Fr)], map: &Map) -> Column {
        self.column(map.rows, |context| {
            let factors = bytes(sources.iter().map(|source| source.1));
            context.gather(&all(sources.iter().map(|source| source.0))?, &factors, map.on_device.as_ref().ok_or(MISSING)?)
        })
    }

    fn inner_products(&self, columns: &[(&Column, i32)], weights: &Column) -> Vec<Fr> {
        let products = self.attempt(|context| {
            let products = context.inner_products(&at_rotations(columns.iter().copied())?, weights.get()?)?;
            scalars(&products)
        });
        products.unwrap_or_else(|| vec![Fr::ZERO; columns.len()])
    }

    fn multiplicities(&self, forms: &[Form<'_, Column>], rows: usize, size: usize) -> Result<Vec<i64>, (usize, i64)> {
        let counts = self.attempt(|context| {
            let mut all = Forms::default();
            push_forms(&mut all, forms)?;
            context.multiplicities(&all, rows, size)
        });
        counts.unwrap_or_else(|| Ok(vec![0; size]))
    }
}

fn push_forms<'a>(forms: &mut Forms<'a>, new: &'a [Form<'_, Column>]) -> Result<(), DeviceError> {
    for form in new {
        let form = form.iter().map(|&(column, factor)| Ok((column.get()?, factor)));
        forms.push(form.collect::<Result<Vec<_>, DeviceError>>()?);
    }
    Ok(())
}
