//! Numbers of one width as numbers of another: what loses nothing, and what says so if it would. The crate has no other `as`.
//!
//! Rows, elements and columns are 32 and 16 bits where there are many of them, and `usize` where they index.

/// `usize` holds every index of 32 bits, and `i64` the length of every vector.
const _: () = assert!(usize::BITS >= u32::BITS && usize::BITS <= u64::BITS);

/// An index of 32 bits.
#[inline(always)]
#[expect(clippy::as_conversions, reason = "a usize has 32 bits at least")]
pub(crate) const fn index(value: u32) -> usize {
    value as usize
}

/// A number that is known to fit: bounds of the graph, the sizes of a layout or the line above say so.
///
/// # Panics
/// If it does not. No number is ever cut.
#[inline(always)]
#[track_caller]
pub(crate) fn fit<S, T: TryFrom<S>>(value: S) -> T {
    T::try_from(value).unwrap_or_else(|_| too_wide())
}

#[cold]
#[track_caller]
fn too_wide() -> ! {
    panic!("a number is outside of the range that the bounds of the graph leave it")
}

/// A count in an estimate: rounded beyond 2^53.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "an estimate")]
pub(crate) fn real(count: usize) -> f64 {
    count as f64
}

/// An integer in the units of its tensor, with as many digits as tell a single-precision number.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "for people to read")]
pub(crate) fn units(integer: i64, scale: f64) -> String {
    let value = (integer as f64 * scale) as f32;
    format!("{value:?}").trim_end_matches(".0").to_owned()
}
