//! The backend: the prover's operations by ICICLE, and by the CPU where ICICLE has none.
//!
//! A device that fails does nothing more, as with [`crate::Device`]: [`Backend::check`] says so before anything is written to a
//! proof.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::Curve;
use rayon::prelude::*;
use sworn_circuits::column::IntColumn;
use sworn_prover::backend::{Backend, Failure, Form};
use sworn_prover::cpu::{msm::Bases, Column as CpuColumn};
use sworn_prover::domain::{inverse_vandermonde, root_of_unity};
use sworn_prover::program::Program;
use sworn_prover::Cpu;

use super::context::{is_available, Buffer, Context};
use super::error::NoIcicle;
use super::ffi::{RawDevice, Words};
use super::library::IcicleLibrary;
use super::{check, words, IcicleDevice};
use crate::driver;
use crate::error::DeviceError;

/// A device of ICICLE's, open.
pub struct Icicle {
    context: Arc<Context>,
    failure: OnceLock<DeviceError>,
    /// 1/2^256.
    inverse_radix: Words,
}

/// Points of a reference string, on the host and on the device.
pub struct Points {
    /// Those of all strides that were taken over together, and which these are.
    on_host: Arc<Vec<Bases>>,
    stride: usize,
    on_device: Option<Buffer>,
}

/// Roots of unity. On the device they are the process's.
pub struct Domain {
    log_rows: u32,
    rows: usize,
}

/// A column: on the host, or, as coefficients in their natural order, on the device, or on both.
pub struct Column {
    rows: usize,
    on_host: OnceLock<CpuColumn>,
    /// In Montgomery form.
    on_device: Option<Arc<Buffer>>,
}

/// Rows that one task converts.
const CHUNK: usize = 1 << 12;
/// What follows a failure: an object that was not made.
const MISSING: DeviceError = DeviceError::WrongAnswer { what: "an object" };

impl From<CpuColumn> for Column {
    fn from(column: CpuColumn) -> Self {
        Self { rows: column.rows(), on_host: column.into(), on_device: None }
    }
}

impl Icicle {
    /// Opens the first CUDA device of the installed ICICLE.
    ///
    /// # Errors
    /// No driver, no device, no ICICLE, or one that cannot be used. On machines without a driver nothing of ICICLE is loaded.
    pub fn find() -> Result<Self, NoIcicle> {
        driver::num_devices(Path::new(driver::DRIVER))?;
        let library = IcicleLibrary::find()?;
        library.load_cuda()?;
        let icicle = Self::open(&library, IcicleDevice::Cuda(0))?;
        #[cfg(feature = "icicle-cuda-runtime")]
        let icicle = icicle.with_cuda_runtime()?;
        Ok(icicle)
    }

    /// Takes the device's memory from the CUDA runtime that this program is linked with, and copies to it on a stream. The device
    /// must be the first CUDA device.
    ///
    /// # Errors
    /// The runtime fails, or is newer than the driver.
    #[cfg(feature = "icicle-cuda-runtime")]
    pub fn with_cuda_runtime(mut self) -> Result<Self, DeviceError> {
        let stream = super::cuda::Stream::new()?;
        // Nothing is on the device yet.
        if let Some(context) = Arc::get_mut(&mut self.context) {
            context.set_stream(stream);
        }
        Ok(self)
    }

    /// Opens a device, and has it work on a small example of each operation.
    ///
    /// # Errors
    /// A device that is not there, that fails, or whose results are not the CPU's.
    pub fn open(library: &IcicleLibrary, device: IcicleDevice) -> Result<Self, NoIcicle> {
        let kind = device.kind();
        if !is_available(&library.0, &RawDevice::new(kind, 0)) {
            return Err(NoIcicle::NoKind { kind });
        }
        // The first of its kind is there if any is; a device beyond the last may end the process.
        let first = Context::new(library.0.clone(), RawDevice::new(kind, 0))?;
        let count = first.count()?;
        if !u32::try_from(count).is_ok_and(|count| device.index() < count) {
            return Err(NoIcicle::NoIndex { kind, index: device.index(), count });
        }
        let context = Arc::new(Context::new(library.0.clone(), RawDevice::new(kind, device.index()))?);
        let icicle = Self { context, failure: OnceLock::new(), inverse_radix: words::inverse_radix() };
        check::check(&icicle)?;
        Ok(icicle)
    }

    /// Why the device does nothing more, if that is so.
    pub fn failure(&self) -> Option<&DeviceError> {
        self.failure.get()
    }

    /// Bytes of the device's memory, and how many are free.
    ///
    /// # Errors
    /// The device fails, or is the processor, which does not tell.
    pub fn memory(&self) -> Result<(usize, usize), DeviceError> {
        self.context.memory()
    }

    pub(super) fn context(&self) -> &Arc<Context> {
        &self.context
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

    /// A column as the CPU has it.
    fn host<'a>(&self, column: &'a Column) -> &'a CpuColumn {
        if let Some(on_host) = column.on_host.get() {
            return on_host;
        }
        let values = column.on_device.as_ref().and_then(|buffer| self.attempt(|context| download(context, buffer)));
        // Not inside of `get_or_init`: a conversion may run a task of this thread that waits for the same column.
        let values = values.unwrap_or_else(|| vec![Fr::ZERO; column.rows]);
        column.on_host.get_or_init(|| CpuColumn::Fields(values))
    }

    fn at_rotations<'a>(&self, slots: &[(&'a Column, i32)]) -> Vec<(&'a CpuColumn, i32)> {
        slots.iter().map(|&(column, rotation)| (self.host(column), rotation)).collect()
    }

    fn forms<'a>(&self, forms: &[Form<'a, Column>]) -> Vec<Form<'a, CpuColumn>> {
        forms.iter().map(|form| form.iter().map(|&(column, factor)| (self.host(column), factor)).collect()).collect()
    }

    /// As many columns as are asked for; those behind a failure are 0.
    fn columns<'a>(
        &self,
        columns: impl IntoIterator<Item = &'a Column>,
        rows: usize,
        f: impl Fn(&Arc<Context>, &'a Column) -> Result<Column, DeviceError>,
    ) -> Vec<Column> {
        let made = |column| if rows == 0 { None } else { self.attempt(|context| f(context, column)) };
        columns.into_iter().map(|column| made(column).unwrap_or_else(|| zeros(rows))).collect()
    }

    /// Sums of points times columns of field elements.
    fn sums(&self, terms: &[(usize, &Points, &Column)]) -> Option<Vec<G1Affine>> {
        self.attempt(|context| {
            let sum = |&(_, points, column): &(usize, &Points, &Column)| {
                let scalars = match &column.on_device {
                    Some(buffer) => {
                        let scalars = context.allocate(buffer.len())?;
                        context.scale(&self.inverse_radix, buffer, &scalars)?;
                        scalars
                    }
                    None => {
                        let scalars = upload(context, self.host(column))?;
                        context.scale(&self.inverse_radix, &scalars, &scalars)?;
                        scalars
                    }
                };
                words::point(&context.sum(points.on_device.as_ref().ok_or(MISSING)?, &scalars)?)
            };
            terms.iter().map(sum).collect()
        })
    }

    fn upload_points(&self, points: &[G1Affine], on_host: &Arc<Vec<Bases>>, stride: usize) -> Points {
        let coordinates: Vec<Words> = points.par_iter().with_min_len(CHUNK).flat_map_iter(words::affine).collect();
        Points { on_host: on_host.clone(), stride, on_device: self.attempt(|context| context.upload(&coordinates)) }
    }
}

fn zeros(rows: usize) -> Column {
    CpuColumn::Fields(vec![Fr::ZERO; rows]).into()
}

/// A column's values, in Montgomery form.
fn upload(context: &Arc<Context>, column: &CpuColumn) -> Result<Buffer, DeviceError> {
    let mut values: Vec<Words> = vec![[0; 4]; column.rows()];
    values.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| match column {
        CpuColumn::Fields(fields) => {
            out.iter_mut().zip(&fields[chunk * CHUNK..]).for_each(|(to, from)| *to = words::montgomery(from));
        }
        other => {
            let fields = Cpu.read(other, chunk * CHUNK..chunk * CHUNK + out.len());
            out.iter_mut().zip(&fields).for_each(|(to, from)| *to = words::montgomery(from));
        }
    });
    context.upload(&values)
}

fn download(context: &Context, buffer: &Buffer) -> Result<Vec<Fr>, DeviceError> {
    context.download(buffer, 0..buffer.len())?.par_iter().with_min_len(CHUNK).map(words::of_montgomery).collect()
}

/// A column that lies on the device, and stays there if there is room.
fn on_device(context: &Context, buffer: Buffer) -> Result<Column, DeviceError> {
    match buffer.kept() {
        Ok(kept) => Ok(Column { rows: kept.len(), on_host: OnceLock::new(), on_device: Some(Arc::new(kept)) }),
        Err(buffer) => Ok(CpuColumn::Fields(download(context, &buffer)?).into()),
    }
}

impl Backend for Icicle {
    type Points = Points;
    type Domain = Domain;
    type Column = Column;
    type Map = Vec<u32>;

    fn name(&self) -> &'static str {
        "icicle"
    }

    fn check(&self) -> Result<(), Failure> {
        self.failure.get().map_or(Ok(()), |error| Err(error.clone().into()))
    }

    fn points(&self, points: &[G1Affine]) -> Points {
        self.upload_points(points, &Arc::new(vec![Cpu.points(points)]), 0)
    }

    fn strides(&self, points: &[G1Affine], rows: usize) -> Vec<Points> {
        let on_host = Arc::new(Cpu.strides(points, rows));
        points.chunks_exact(rows).enumerate().map(|(stride, points)| self.upload_points(points, &on_host, stride)).collect()
    }

    fn domain(&self, log_rows: u32) -> Domain {
        self.attempt(|context| check::domain(context, log_rows));
        Domain { log_rows, rows: 1 << log_rows }
    }

    fn integers(&self, values: &Arc<IntColumn>, rows: usize) -> Column {
        Cpu.integers(values, rows).into()
    }

    fn fields(&self, values: Vec<Fr>) -> Column {
        Cpu.fields(values).into()
    }

    fn map(&self, rows: &[u32]) -> Vec<u32> {
        Cpu.map(rows)
    }

    fn write_tail(&self, column: &mut Column, tail: &[Fr]) {
        self.host(column);
        column.on_device = None;
        if let Some(on_host) = column.on_host.get_mut() {
            Cpu.write_tail(on_host, tail);
        }
    }

    fn read(&self, column: &Column, rows: Range<usize>) -> Vec<Fr> {
        match (&column.on_device, column.on_host.get()) {
            // A few rows are not worth the column.
            (Some(buffer), None) if rows.len() < column.rows => {
                let values = self.attempt(|context| {
                    let values = context.download(buffer, rows.clone())?;
                    values.iter().map(words::of_montgomery).collect()
                });
                values.unwrap_or_else(|| vec![Fr::ZERO; rows.len()])
            }
            _ => Cpu.read(self.host(column), rows),
        }
    }

    fn commit(&self, points: &Points, columns: &[&Column]) -> Vec<G1Affine> {
        let packs: Vec<Vec<&Column>> = columns.iter().map(|column| vec![*column]).collect();
        self.commit_packs(std::slice::from_ref(points), &packs)
    }

    fn commit_packs(&self, strides: &[Points], packs: &[Vec<&Column>]) -> Vec<G1Affine> {
        let is_fields = |column: &Column| matches!(column.on_host.get(), None | Some(CpuColumn::Fields(_))) && column.rows > 0;
        let members =
            packs.iter().enumerate().flat_map(|(at, pack)| strides.iter().zip(pack).map(move |(points, column)| (at, points, *column)));
        let on_device: Vec<(usize, &Points, &Column)> = members.filter(|(_, _, column)| is_fields(column)).collect();
        // All strides were taken over together.
        let bases = strides.first().map_or(&[][..], |first| &first.on_host[first.stride..first.stride + strides.len()]);
        // Where the device has a column, the CPU has zeros.
        let zero = Cpu.integers(&Arc::new(IntColumn::new(&[])), bases.first().map_or(0, Bases::len));
        let on_host: Vec<Vec<&CpuColumn>> = packs
            .iter()
            .map(|pack| pack.iter().map(|column| if is_fields(column) { &zero } else { self.host(column) }).collect())
            .collect();
        let (sums, rest) = rayon::join(|| self.sums(&on_device), || Cpu.commit_packs(bases, &on_host));
        let mut totals: Vec<G1> = rest.iter().map(G1::from).collect();
        for ((at, ..), sum) in on_device.iter().zip(sums.unwrap_or_default()) {
            totals[*at] += sum;
        }
        totals.iter().map(Curve::to_affine).collect()
    }

    fn interpolate(&self, domain: &Domain, columns: &[&Column]) -> Vec<Column> {
        self.columns(columns.iter().copied(), domain.rows, |context, column| {
            context.domain(domain.log_rows)?;
            let buffer = upload(context, self.host(column))?;
            context.transform(&buffer, true, ONE, &buffer)?;
            on_device(context, buffer)
        })
    }

    fn coset(&self, domain: &Domain, coefficients: &[&Column], shift: Fr) -> Vec<Column> {
        let shift = words::integer(&shift);
        self.columns(coefficients.iter().copied(), domain.rows, |context, column| {
            context.domain(domain.log_rows)?;
            let values = match &column.on_device {
                Some(buffer) => {
                    let values = context.allocate(buffer.len())?;
                    context.transform(buffer, false, shift, &values)?;
                    values
                }
                None => {
                    let values = upload(context, self.host(column))?;
                    context.transform(&values, false, shift, &values)?;
                    values
                }
            };
            // What follows are programs, which run on the host.
            Ok(CpuColumn::Fields(download(context, &values)?).into())
        })
    }

    fn limbs(&self, domain: &Domain, cosets: Vec<Column>, shifts: &[Fr]) -> Vec<Column> {
        let remainders = self.attempt(|context| {
            context.domain(domain.log_rows)?;
            let remainder = |(column, shift): (&Column, &Fr)| {
                let buffer = upload(context, self.host(column))?;
                context.transform(&buffer, true, words::integer(shift), &buffer)?;
                Ok(buffer)
            };
            cosets.iter().zip(shifts).map(remainder).collect::<Result<Vec<Buffer>, DeviceError>>()
        });
        let remainders = remainders.unwrap_or_default();
        let limb = |factors: &Vec<Fr>| {
            self.attempt(|context| {
                let (sum, product) = (context.allocate(domain.rows)?, context.allocate(domain.rows)?);
                for (index, (remainder, factor)) in remainders.iter().zip(factors).enumerate() {
                    let out = if index == 0 { &sum } else { &product };
                    context.scale(&words::integer(factor), remainder, out)?;
                    if index > 0 {
                        context.add(&sum, &product)?;
                    }
                }
                on_device(context, sum)
            })
        };
        let inverse = inverse_vandermonde(domain.rows, shifts);
        inverse.iter().map(|factors| limb(factors).unwrap_or_else(|| zeros(domain.rows))).collect()
    }

    fn natural_order(&self, _domain: &Domain, coefficients: &[&Column]) -> Vec<Column> {
        // They are in this order.
        let copy = |column: &&Column| Column { rows: column.rows, on_host: column.on_host.clone(), on_device: column.on_device.clone() };
        coefficients.iter().map(copy).collect()
    }

    fn powers(&self, domain: &Domain, shift: Fr) -> Column {
        let omega = root_of_unity(domain.log_rows);
        let mut values = vec![Fr::ZERO; domain.rows];
        values.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| {
            let first = shift * omega.pow_vartime([(chunk * CHUNK) as u64]);
            out.iter_mut().zip(std::iter::successors(Some(first), |power| Some(power * omega))).for_each(|(to, power)| *to = power);
        });
        CpuColumn::Fields(values).into()
    }

    fn combine(&self, terms: &[(&Column, i32, Fr)]) -> Column {
        let terms: Vec<_> = terms.iter().map(|&(column, rotation, factor)| (self.host(column), rotation, factor)).collect();
        Cpu.combine(&terms).into()
    }

    fn evaluate(&self, program: &Program, slots: &[(&Column, i32)], scalars: &[Fr]) -> Vec<Column> {
        Cpu.evaluate(program, &self.at_rotations(slots), scalars).into_iter().map(Column::from).collect()
    }

    fn invert(&self, column: &mut Column) {
        self.host(column);
        column.on_device = None;
        if let Some(on_host) = column.on_host.get_mut() {
            Cpu.invert(on_host);
        }
    }

    fn reciprocals(&self, shift: Fr, columns: &[Vec<Form<'_, Column>>]) -> Vec<Column> {
        let columns: Vec<_> = columns.iter().map(|forms| self.forms(forms)).collect();
        Cpu.reciprocals(shift, &columns).into_iter().map(Column::from).collect()
    }

    fn scan(&self, factor: Option<&Column>, term: &Column) -> Column {
        Cpu.scan(factor.map(|factor| self.host(factor)), self.host(term)).into()
    }

    fn products(&self, factors: &Column, initial: Fr) -> Column {
        Cpu.products(self.host(factors), initial).into()
    }

    fn gather(&self, sources: &[(&Column, Fr)], map: &Vec<u32>) -> Column {
        let sources: Vec<_> = sources.iter().map(|&(column, factor)| (self.host(column), factor)).collect();
        Cpu.gather(&sources, map).into()
    }

    fn inner_products(&self, columns: &[(&Column, i32)], weights: &Column) -> Vec<Fr> {
        Cpu.inner_products(&self.at_rotations(columns), self.host(weights))
    }

    fn multiplicities(&self, forms: &[Form<'_, Column>], rows: usize, size: usize) -> Result<Vec<i64>, (usize, i64)> {
        Cpu.multiplicities(&self.forms(forms), rows, size)
    }
}

/// The shift of no coset.
pub(super) const ONE: Words = [1, 0, 0, 0];
