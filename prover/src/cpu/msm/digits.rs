//! Digits of rows, by vectors where the processor has them: plain loops over scalars that lie limb by limb.

use std::ops::Range;

use super::windows::{Scalars, Windows};
use super::Ints;

/// Digit `window` of some rows.
#[inline(always)]
pub(super) fn write(scalars: &Scalars<'_>, windows: Windows, window: u32, rows: Range<usize>, digits: &mut Vec<i32>) {
    match scalars {
        Scalars::Ints(Ints::I8(values)) => digits.extend(values[rows].iter().map(|&v| windows.digit(i64::from(v), window))),
        Scalars::Ints(Ints::I16(values)) => digits.extend(values[rows].iter().map(|&v| windows.digit(i64::from(v), window))),
        Scalars::Ints(Ints::I32(values)) => digits.extend(values[rows].iter().map(|&v| windows.digit(i64::from(v), window))),
        Scalars::Ints(Ints::I64(values)) => digits.extend(values[rows].iter().map(|&v| windows.digit(v, window))),
        Scalars::Limbs(limbs) => {
            let Some((limb, shift)) = windows.below(window) else {
                return digits.extend(limbs[0][rows].iter().map(|low| windows.booth(low << 1)));
            };
            let low = limbs[limb][rows.clone()].iter();
            match limbs.get(limb + 1) {
                Some(high) if shift + windows.width >= 64 => {
                    digits.extend(low.zip(&high[rows]).map(|(low, high)| windows.booth_across(*low, *high, shift)));
                }
                _ => digits.extend(low.map(|low| windows.booth(low >> shift))),
            }
        }
    }
}
