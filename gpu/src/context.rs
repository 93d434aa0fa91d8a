//! Calls of a plugin: its objects have owners here, lengths agree with slices, and statuses become errors.
#![expect(unsafe_code, reason = "calls of another language")]

use std::ffi::{c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use sworn_circuits::column::IntColumn;

use crate::error::DeviceError;
use crate::ffi::{self, ColumnWith, ErrorText, Functions, RawBusy, RawDevice};
use crate::plugin::Description;
use crate::program::Words;

/// Bytes of a field element.
pub(crate) const SCALAR: usize = 32;
/// Bytes of a point that comes back.
pub(crate) const POINT: usize = 96;

/// A device with a memory budget.
pub(crate) struct Context {
    functions: Arc<Functions>,
    raw: NonNull<c_void>,
}

// SAFETY: the plugin's calls of one context wait for each other, from any thread.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

/// How an object of the plugin is destroyed.
type Destroy = fn(&Functions) -> unsafe extern "C" fn(*mut c_void);

/// An object of the plugin, and the context that it belongs to.
pub(crate) struct Owned {
    context: Arc<Context>,
    raw: NonNull<c_void>,
    destroy: Destroy,
}

// SAFETY: the plugin reads and destroys objects under the lock of their context, from any thread.
unsafe impl Send for Owned {}
// SAFETY: as above; what changes one takes it by `&mut`.
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the object is the plugin's, is destroyed once, and before its context.
        unsafe { (self.destroy)(&self.context.functions)(self.raw.as_ptr()) }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is the plugin's, is destroyed once, and behind its objects, which hold it.
        unsafe { (self.functions.context_destroy)(self.raw.as_ptr()) }
    }
}

/// Points of a reference string.
pub(crate) struct Points(Owned);
/// Powers of a root of unity.
pub(crate) struct Domain(Owned);
/// Sources of gathered rows.
pub(crate) struct Map(Owned);
/// A column.
pub(crate) struct Column(Owned);

/// Sums of columns of integers with factors: those of form i end at `ends[i]`.
#[derive(Default)]
pub(crate) struct Forms<'a> {
    summands: Vec<(&'a Column, i64)>,
    ends: Vec<u32>,
}

impl<'a> Forms<'a> {
    pub(crate) fn push(&mut self, form: impl IntoIterator<Item = (&'a Column, i64)>) {
        self.summands.extend(form);
        self.ends.push(self.summands.len() as u32);
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

fn text(chars: &[c_char]) -> String {
    let bytes: Vec<u8> = chars.iter().take_while(|c| **c != 0).map(|c| c.to_ne_bytes()[0]).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Calls a function that returns a status and writes its reason to `error`.
fn call(f: impl FnOnce(*mut ErrorText) -> c_int) -> Result<(), (c_int, String)> {
    let mut error = ErrorText { text: [0; 240] };
    match f(&mut error) {
        ffi::OK => Ok(()),
        status => Err((status, text(&error.text))),
    }
}

fn device_error((status, reason): (c_int, String)) -> DeviceError {
    match status {
        ffi::OUT_OF_MEMORY => DeviceError::OutOfMemory { reason },
        ffi::FAILED => DeviceError::Failed { reason },
        _ => DeviceError::Refused { reason },
    }
}

/// The devices of a plugin.
pub(crate) fn devices(functions: &Functions) -> Result<Vec<Description>, DeviceError> {
    let mut count = 0;
    // SAFETY: both pointers are to live values of the declared types.
    call(|error| unsafe { (functions.device_count)(&mut count, error) }).map_err(device_error)?;
    (0..count).map(|index| describe(functions, index)).collect()
}

fn describe(functions: &Functions, index: u32) -> Result<Description, DeviceError> {
    let mut raw = RawDevice { name: [0; 128], memory: 0, major: 0, minor: 0, processors: 0, is_emulated: 0 };
    // SAFETY: both pointers are to live values of the declared types.
    call(|error| unsafe { (functions.device)(index, &mut raw, error) }).map_err(device_error)?;
    Ok(Description {
        name: text(&raw.name),
        memory: raw.memory,
        capability: (raw.major, raw.minor),
        processors: raw.processors,
        is_emulated: raw.is_emulated != 0,
    })
}

fn raw_columns(columns: &[&Column]) -> Vec<*const c_void> {
    columns.iter().map(|column| column.raw()).collect()
}

fn raw_with(columns: &[(&Column, i64)]) -> Vec<ColumnWith> {
    columns.iter().map(|&(column, number)| ColumnWith { column: column.raw(), number }).collect()
}

impl Column {
    fn raw(&self) -> *const c_void {
        self.0.raw.as_ptr()
    }
}

impl Context {
    /// Opens a device of a plugin.
    pub(crate) fn new(functions: Arc<Functions>, device: u32, memory: u64) -> Result<Arc<Self>, DeviceError> {
        let mut raw = ptr::null_mut();
        // SAFETY: both pointers are to live values of the declared types.
        call(|error| unsafe { (functions.context_create)(device, memory, &mut raw, error) }).map_err(device_error)?;
        let raw = NonNull::new(raw).ok_or(DeviceError::WrongAnswer { what: "a device" })?;
        Ok(Arc::new(Self { functions, raw }))
    }

    /// A call that returns nothing else than a status.
    fn call(&self, f: impl FnOnce(&Functions, *mut c_void, *mut ErrorText) -> c_int) -> Result<(), DeviceError> {
        call(|error| f(&self.functions, self.raw.as_ptr(), error)).map_err(device_error)
    }

    /// A call that makes objects.
    fn make(
        self: &Arc<Self>,
        count: usize,
        destroy: Destroy,
        f: impl FnOnce(&Functions, *mut c_void, *mut *mut c_void, *mut ErrorText) -> c_int,
    ) -> Result<Vec<Owned>, DeviceError> {
        let mut made = vec![ptr::null_mut(); count];
        self.call(|functions, context, error| f(functions, context, made.as_mut_ptr(), error))?;
        let own = |raw| NonNull::new(raw).map(|raw| Owned { context: self.clone(), raw, destroy });
        made.into_iter().map(|raw| own(raw).ok_or(DeviceError::WrongAnswer { what: "an object" })).collect()
    }

    fn make_one(
        self: &Arc<Self>,
        destroy: Destroy,
        f: impl FnOnce(&Functions, *mut c_void, *mut *mut c_void, *mut ErrorText) -> c_int,
    ) -> Result<Owned, DeviceError> {
        self.make(1, destroy, f)?.pop().ok_or(DeviceError::WrongAnswer { what: "an object" })
    }

    fn columns(
        self: &Arc<Self>,
        count: usize,
        f: impl FnOnce(&Functions, *mut c_void, *mut *mut c_void, *mut ErrorText) -> c_int,
    ) -> Result<Vec<Column>, DeviceError> {
        Ok(self.make(count, |functions| functions.column_destroy, f)?.into_iter().map(Column).collect())
    }

    fn column(
        self: &Arc<Self>,
        f: impl FnOnce(&Functions, *mut c_void, *mut *mut c_void, *mut ErrorText) -> c_int,
    ) -> Result<Column, DeviceError> {
        self.make_one(|functions| functions.column_destroy, f).map(Column)
    }

    /// Bytes in use now, and the most that were.
    pub(crate) fn memory(&self) -> Result<(u64, u64), DeviceError> {
        let (mut now, mut peak) = (0, 0);
        // SAFETY: all pointers are to live values of the declared types.
        self.call(|f, context, error| unsafe { (f.context_memory)(context, &mut now, &mut peak, error) })?;
        Ok((now, peak))
    }

    /// Measures from now on, from zero, or no more.
    pub(crate) fn measure(&self, is_measured: bool) -> Result<(), DeviceError> {
        // SAFETY: both pointers are live.
        self.call(|f, context, error| unsafe { (f.context_measure)(context, is_measured.into(), error) })
    }

    /// What was measured so far.
    pub(crate) fn busy(&self) -> Result<RawBusy, DeviceError> {
        let mut busy = RawBusy::default();
        // SAFETY: all pointers are to live values of the declared types.
        self.call(|f, context, error| unsafe { (f.context_busy)(context, &mut busy, error) })?;
        Ok(busy)
    }

    /// Lets an allocation or a launch fail, after so many more.
    pub(crate) fn fail_after(&self, allocations: u64, launches: u64) -> Result<(), DeviceError> {
        // SAFETY: both pointers are live.
        self.call(|f, context, error| unsafe { (f.context_fail_after)(context, allocations, launches, error) })
    }

    /// Takes points of 64 bytes each.
    pub(crate) fn points(self: &Arc<Self>, bytes: &[u8]) -> Result<Points, DeviceError> {
        let count = (bytes.len() / 64) as u64;
        // SAFETY: `bytes` has 64 bytes for each point, the other pointers are to live values of the declared types.
        let made = self.make_one(
            |f| f.points_destroy,
            |f, context, out, error| unsafe { (f.points_create)(context, bytes.as_ptr(), count, out, error) },
        );
        made.map(Points)
    }

    /// Roots of unity.
    pub(crate) fn domain(self: &Arc<Self>, log_rows: u32, omega: &[u8; SCALAR]) -> Result<Domain, DeviceError> {
        // SAFETY: `omega` is one scalar, the other pointers are to live values of the declared types.
        let made = self.make_one(
            |f| f.domain_destroy,
            |f, context, out, error| unsafe { (f.domain_create)(context, log_rows, omega.as_ptr(), out, error) },
        );
        made.map(Domain)
    }

    /// Sources of rows.
    pub(crate) fn map(self: &Arc<Self>, rows: &[u32]) -> Result<Map, DeviceError> {
        // SAFETY: `rows` is as long as it says, the other pointers are to live values of the declared types.
        let made = self.make_one(
            |f| f.map_destroy,
            |f, context, out, error| unsafe { (f.map_create)(context, rows.as_ptr(), rows.len() as u64, out, error) },
        );
        made.map(Map)
    }

    /// Integers, which the plugin copies.
    pub(crate) fn integers(self: &Arc<Self>, values: &IntColumn, rows: usize) -> Result<Column, DeviceError> {
        let (pointer, width): (*const c_void, u32) = match values {
            IntColumn::I8(v) => (v.as_ptr().cast(), 1),
            IntColumn::I16(v) => (v.as_ptr().cast(), 2),
            IntColumn::I32(v) => (v.as_ptr().cast(), 4),
            IntColumn::I64(v) => (v.as_ptr().cast(), 8),
        };
        let length = values.len() as u64;
        // SAFETY: the vector has `length` integers of `width` bytes, the other pointers are to live values of the declared types.
        self.column(|f, context, out, error| unsafe { (f.column_integers)(context, pointer, width, length, rows as u64, out, error) })
    }

    /// Field elements, which the plugin copies.
    pub(crate) fn fields(self: &Arc<Self>, scalars: &[u8]) -> Result<Column, DeviceError> {
        let rows = (scalars.len() / SCALAR) as u64;
        // SAFETY: `scalars` has 32 bytes for each row, the other pointers are to live values of the declared types.
        self.column(|f, context, out, error| unsafe { (f.column_fields)(context, scalars.as_ptr(), rows, out, error) })
    }

    /// Overwrites the last rows.
    pub(crate) fn write_tail(&self, column: &mut Column, scalars: &[u8]) -> Result<(), DeviceError> {
        let (raw, count) = (column.0.raw.as_ptr(), (scalars.len() / SCALAR) as u64);
        // SAFETY: nothing else reads the column, `scalars` has 32 bytes for each row.
        self.call(|f, context, error| unsafe { (f.column_write_tail)(context, raw, scalars.as_ptr(), count, error) })
    }

    /// The scalars in some rows.
    pub(crate) fn read(&self, column: &Column, start: usize, count: usize) -> Result<Vec<u8>, DeviceError> {
        let mut scalars = vec![0; count * SCALAR];
        // SAFETY: there is room for `count` scalars, and the plugin refuses rows that the column has not.
        self.call(|f, context, error| unsafe {
            (f.column_read)(context, column.raw(), start as u64, count as u64, scalars.as_mut_ptr(), error)
        })?;
        Ok(scalars)
    }

    /// Commitments, 96 bytes each.
    pub(crate) fn commit(&self, points: &Points, columns: &[&Column]) -> Result<Vec<u8>, DeviceError> {
        let columns = raw_columns(columns);
        let mut out = vec![0; columns.len() * POINT];
        // SAFETY: there are as many columns, and room for as many points, as is said.
        self.call(|f, context, error| unsafe {
            (f.commit)(context, points.0.raw.as_ptr(), columns.as_ptr(), columns.len() as u64, out.as_mut_ptr(), error)
        })?;
        Ok(out)
    }

    /// Coefficients in bit-reversed order.
    pub(crate) fn interpolate(self: &Arc<Self>, domain: &Domain, columns: &[&Column]) -> Result<Vec<Column>, DeviceError> {
        let (raw, count) = (raw_columns(columns), columns.len());
        // SAFETY: there are as many columns, and room for as many new ones, as is said.
        self.columns(count, |f, context, out, error| unsafe {
            (f.interpolate)(context, domain.0.raw.as_ptr(), raw.as_ptr(), count as u64, out, error)
        })
    }

    /// Values on a coset.
    pub(crate) fn coset(
        self: &Arc<Self>,
        domain: &Domain,
        coefficients: &[&Column],
        shift: &[u8; SCALAR],
    ) -> Result<Vec<Column>, DeviceError> {
        let (raw, count) = (raw_columns(coefficients), coefficients.len());
        // SAFETY: there are as many columns, and room for as many new ones, as is said; `shift` is one scalar.
        self.columns(count, |f, context, out, error| unsafe {
            (f.coset)(context, domain.0.raw.as_ptr(), raw.as_ptr(), count as u64, shift.as_ptr(), out, error)
        })
    }

    /// Limbs from values on cosets. `inverses` has a scalar for each coset, `matrix` one for each pair.
    ///
    /// # Panics
    /// Other numbers of scalars.
    pub(crate) fn limbs(
        self: &Arc<Self>,
        domain: &Domain,
        cosets: &[&Column],
        inverses: &[u8],
        matrix: &[u8],
    ) -> Result<Vec<Column>, DeviceError> {
        let (raw, count) = (raw_columns(cosets), cosets.len());
        assert!(inverses.len() == count * SCALAR && matrix.len() == count * count * SCALAR, "a scalar for each coset and pair");
        // SAFETY: there are as many columns and scalars, and room for as many new columns, as is said.
        self.columns(count, |f, context, out, error| unsafe {
            let domain = domain.0.raw.as_ptr();
            (f.limbs)(context, domain, raw.as_ptr(), count as u64, inverses.as_ptr(), matrix.as_ptr(), out, error)
        })
    }

    /// Coefficients in natural order.
    pub(crate) fn natural_order(self: &Arc<Self>, columns: &[&Column]) -> Result<Vec<Column>, DeviceError> {
        let (raw, count) = (raw_columns(columns), columns.len());
        // SAFETY: there are as many columns, and room for as many new ones, as is said.
        self.columns(count, |f, context, out, error| unsafe { (f.natural_order)(context, raw.as_ptr(), count as u64, out, error) })
    }

    /// Powers of ω.
    pub(crate) fn powers(self: &Arc<Self>, domain: &Domain, shift: &[u8; SCALAR]) -> Result<Column, DeviceError> {
        // SAFETY: `shift` is one scalar, the other pointers are to live values of the declared types.
        self.column(|f, context, out, error| unsafe { (f.powers)(context, domain.0.raw.as_ptr(), shift.as_ptr(), out, error) })
    }

    /// A combination of columns at rotations, with a scalar for each.
    ///
    /// # Panics
    /// Another number of scalars.
    pub(crate) fn combine(self: &Arc<Self>, slots: &[(&Column, i64)], scalars: &[u8]) -> Result<Column, DeviceError> {
        let slots = raw_with(slots);
        assert!(scalars.len() == slots.len() * SCALAR, "a scalar for each column");
        // SAFETY: there are as many slots and scalars as is said.
        self.column(|f, context, out, error| unsafe {
            (f.combine)(context, slots.as_ptr(), scalars.as_ptr(), slots.len() as u64, out, error)
        })
    }

    /// The outputs of a program.
    pub(crate) fn evaluate(
        self: &Arc<Self>,
        program: &Words,
        slots: &[(&Column, i64)],
        scalars: &[u8],
    ) -> Result<Vec<Column>, DeviceError> {
        let (slots, Words { words, registers, outputs }) = (raw_with(slots), program);
        // SAFETY: there are as many words, slots and scalars, and room for as many new columns, as is said; the plugin refuses
        // words that are no program on them.
        self.columns(*outputs, |f, context, out, error| unsafe {
            let (num_words, num_slots, num_scalars) = (words.len() as u64, slots.len() as u64, (scalars.len() / SCALAR) as u64);
            let (words, slots, scalars) = (words.as_ptr(), slots.as_ptr(), scalars.as_ptr());
            (f.evaluate)(context, words, num_words, *registers, slots, num_slots, scalars, num_scalars, *outputs as u64, out, error)
        })
    }

    /// Inverses.
    pub(crate) fn invert(self: &Arc<Self>, column: &Column) -> Result<Column, DeviceError> {
        // SAFETY: all pointers are to live values of the declared types.
        self.column(|f, context, out, error| unsafe { (f.invert)(context, column.raw(), out, error) })
    }

    /// Sums of reciprocals, for each column those of the forms up to its end.
    pub(crate) fn reciprocals(
        self: &Arc<Self>,
        shift: &[u8; SCALAR],
        rows: usize,
        forms: &Forms<'_>,
        column_ends: &[u32],
    ) -> Result<Vec<Column>, DeviceError> {
        let summands = raw_with(&forms.summands);
        // SAFETY: there are as many summands, forms and columns, and room for as many new columns, as is said.
        self.columns(column_ends.len(), |f, context, out, error| unsafe {
            let (num_summands, num_forms, num_columns) = (summands.len() as u64, forms.len() as u64, column_ends.len() as u64);
            let (summands, ends, column_ends) = (summands.as_ptr(), forms.ends.as_ptr(), column_ends.as_ptr());
            let (shift, rows) = (shift.as_ptr(), rows as u64);
            (f.reciprocals)(context, shift, rows, summands, num_summands, ends, num_forms, column_ends, num_columns, out, error)
        })
    }

    /// The affine scan.
    pub(crate) fn scan(self: &Arc<Self>, factor: Option<&Column>, term: &Column) -> Result<Column, DeviceError> {
        let factor = factor.map_or(ptr::null(), Column::raw);
        // SAFETY: `factor` may be null, the other pointers are to live values of the declared types.
        self.column(|f, context, out, error| unsafe { (f.scan)(context, factor, term.raw(), out, error) })
    }

    /// Running products.
    pub(crate) fn products(self: &Arc<Self>, factors: &Column, initial: &[u8; SCALAR]) -> Result<Column, DeviceError> {
        // SAFETY: `initial` is one scalar, the other pointers are to live values of the declared types.
        self.column(|f, context, out, error| unsafe { (f.products)(context, factors.raw(), initial.as_ptr(), out, error) })
    }

    /// Gathered rows, with a factor for each source.
    ///
    /// # Panics
    /// Another number of factors.
    pub(crate) fn gather(self: &Arc<Self>, sources: &[&Column], factors: &[u8], map: &Map) -> Result<Column, DeviceError> {
        let raw = raw_columns(sources);
        assert!(factors.len() == raw.len() * SCALAR, "a factor for each source");
        // SAFETY: there are as many sources and factors as is said; the plugin refuses a map that reads others.
        self.column(|f, context, out, error| unsafe {
            (f.gather)(context, raw.as_ptr(), factors.as_ptr(), raw.len() as u64, map.0.raw.as_ptr(), out, error)
        })
    }

    /// Inner products with weights, a scalar each.
    pub(crate) fn inner_products(&self, slots: &[(&Column, i64)], weights: &Column) -> Result<Vec<u8>, DeviceError> {
        let slots = raw_with(slots);
        let mut out = vec![0; slots.len() * SCALAR];
        // SAFETY: there are as many slots, and room for as many scalars, as is said.
        self.call(|f, context, error| unsafe {
            (f.inner_products)(context, slots.as_ptr(), slots.len() as u64, weights.raw(), out.as_mut_ptr(), error)
        })?;
        Ok(out)
    }

    /// Counts of the values of forms, or row and value of the first that is out of range.
    pub(crate) fn multiplicities(
        &self,
        forms: &Forms<'_>,
        rows: usize,
        size: usize,
    ) -> Result<Result<Vec<i64>, (usize, i64)>, DeviceError> {
        let summands = raw_with(&forms.summands);
        let mut counts = vec![0i64; size];
        let (mut row, mut value) = (0u64, 0i64);
        // SAFETY: there are as many summands and forms, and room for as many counts, as is said.
        let answer = call(|error| unsafe {
            let (num_summands, num_forms, ends) = (summands.len() as u64, forms.len() as u64, forms.ends.as_ptr());
            let (context, summands, counts) = (self.raw.as_ptr(), summands.as_ptr(), counts.as_mut_ptr());
            let (rows, size) = (rows as u64, size as u64);
            let f = self.functions.multiplicities;
            f(context, summands, num_summands, ends, num_forms, rows, size, counts, &mut row, &mut value, error)
        });
        match answer {
            Ok(()) => Ok(Ok(counts)),
            Err((ffi::OUT_OF_RANGE, _)) => Ok(Err((row as usize, value))),
            Err(error) => Err(device_error(error)),
        }
    }
}
