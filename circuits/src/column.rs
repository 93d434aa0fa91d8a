//! Columns that know what they hold: a weight stays an `i16`.
//!
//! ```text
//! encoding = bytes of a value (1, 2, 4, 8) ‖ the values, little-endian, as one byte string
//! ```

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::{Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde::ser::{SerializeTuple, Serializer};
use serde::{Deserialize, Serialize};

/// Integers of the narrowest width that holds them all. Rows behind the end are zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntColumn {
    /// −2^7 to 2^7 − 1.
    I8(Vec<i8>),
    /// −2^15 to 2^15 − 1.
    I16(Vec<i16>),
    /// −2^31 to 2^31 − 1.
    I32(Vec<i32>),
    /// Any `i64`.
    I64(Vec<i64>),
}

/// `typed!(column, values => expression)`: the expression for the vector of whichever width it is.
macro_rules! typed {
    ($column:expr, $values:ident => $expression:expr) => {
        match $column {
            $crate::column::IntColumn::I8($values) => $expression,
            $crate::column::IntColumn::I16($values) => $expression,
            $crate::column::IntColumn::I32($values) => $expression,
            $crate::column::IntColumn::I64($values) => $expression,
        }
    };
}
pub(crate) use typed;

impl IntColumn {
    /// The column of these values; zeros at the end are left out.
    pub fn new(values: &[i64]) -> Self {
        let length = values.iter().rposition(|&v| v != 0).map_or(0, |last| last + 1);
        narrowest(&values[..length])
    }

    /// Number of rows: up to the last that is not zero, unless the column was made from a vector.
    pub fn len(&self) -> usize {
        typed!(self, v => v.len())
    }

    /// Whether all rows are zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value in a row.
    pub fn get(&self, row: usize) -> i64 {
        typed!(self, v => v.get(row).map_or(0, widen))
    }

    /// All values.
    pub fn to_vec(&self) -> Vec<i64> {
        typed!(self, v => v.iter().map(widen).collect())
    }

    /// The sum of the absolute values in some rows.
    pub fn sum_abs(&self, rows: Range<usize>) -> u128 {
        typed!(self, v => {
            let end = rows.end.min(v.len());
            // 2^16 values of at most 2^48 fit into 64 bits.
            let chunks = v[rows.start.min(end)..end].chunks(1 << 16);
            match self {
                Self::I64(_) => chunks.flatten().map(|x| u128::from(widen(x).unsigned_abs())).sum(),
                _ => chunks.map(|c| u128::from(c.iter().map(|x| widen(x).unsigned_abs()).sum::<u64>())).sum(),
            }
        })
    }

    /// `sums[i] += factor · self[start + i]`.
    pub(crate) fn add_to(&self, start: usize, factor: i64, sums: &mut [i64]) {
        typed!(self, v => {
            let rows = v.get(start..).unwrap_or(&[]).iter().map(widen);
            match factor {
                1 => sums.iter_mut().zip(rows).for_each(|(sum, x)| *sum += x),
                -1 => sums.iter_mut().zip(rows).for_each(|(sum, x)| *sum -= x),
                _ => sums.iter_mut().zip(rows).for_each(|(sum, x)| *sum += factor * x),
            }
        });
    }

    /// Bytes of a value.
    fn width(&self) -> u8 {
        match self {
            Self::I8(_) => 1,
            Self::I16(_) => 2,
            Self::I32(_) => 4,
            Self::I64(_) => 8,
        }
    }
}

/// As many rows as values, zeros at the end too.
impl From<&[i32]> for IntColumn {
    fn from(values: &[i32]) -> Self {
        narrowest(values)
    }
}

/// As many rows as values, zeros at the end too.
impl From<Vec<i32>> for IntColumn {
    fn from(values: Vec<i32>) -> Self {
        match narrowest(&values) {
            Self::I32(_) => Self::I32(values),
            narrow => narrow,
        }
    }
}

fn widen<T: Copy + Into<i64>>(value: &T) -> i64 {
    (*value).into()
}

/// The values in the narrowest width that holds them all.
fn narrowest<T: Copy + Into<i64>>(values: &[T]) -> IntColumn {
    // A value fits b bits if x ⊕ (x < 0 ? −1 : 0) < 2^(b−1).
    let bits = values.iter().map(widen).fold(0, |bits, v| bits | (v ^ (v >> 63)));
    // So no conversion below fails, and the loops have no exit.
    let values = values.iter().map(widen);
    if bits <= i64::from(i8::MAX) {
        IntColumn::I8(values.map(|v| i8::try_from(v).unwrap_or_default()).collect())
    } else if bits <= i64::from(i16::MAX) {
        IntColumn::I16(values.map(|v| i16::try_from(v).unwrap_or_default()).collect())
    } else if bits <= i64::from(i32::MAX) {
        IntColumn::I32(values.map(|v| i32::try_from(v).unwrap_or_default()).collect())
    } else {
        IntColumn::I64(values.collect())
    }
}

/// A byte string.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Values of `N` bytes, little-endian.
fn encode<T: Copy, const N: usize>(values: &[T], to_bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut bytes = vec![0u8; values.len() * N];
    bytes.as_chunks_mut::<N>().0.iter_mut().zip(values).for_each(|(bytes, &value)| *bytes = to_bytes(value));
    bytes
}

/// The values of a byte string, if it has a whole number of them.
fn decode<T, const N: usize>(bytes: &[u8], from_bytes: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, rest) = bytes.as_chunks::<N>();
    rest.is_empty().then(|| chunks.iter().map(|&chunk| from_bytes(chunk)).collect())
}

impl Serialize for IntColumn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element(&self.width())?;
        let bytes = typed!(self, values => encode(values, |v| v.to_le_bytes()));
        tuple.serialize_element(&Bytes(&bytes))?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for IntColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(2, ColumnVisitor)
    }
}

struct ColumnVisitor;

impl<'de> Visitor<'de> for ColumnVisitor {
    type Value = IntColumn;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the width of a column and its bytes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<IntColumn, A::Error> {
        let missing = |index| A::Error::invalid_length(index, &"a width and bytes");
        let width: u8 = seq.next_element()?.ok_or_else(|| missing(0))?;
        let column = match width {
            1 => seq.next_element::<Values<i8>>()?.map(|v| IntColumn::I8(v.0)),
            2 => seq.next_element::<Values<i16>>()?.map(|v| IntColumn::I16(v.0)),
            4 => seq.next_element::<Values<i32>>()?.map(|v| IntColumn::I32(v.0)),
            8 => seq.next_element::<Values<i64>>()?.map(|v| IntColumn::I64(v.0)),
            _ => return Err(A::Error::invalid_value(Unexpected::Unsigned(width.into()), &"a width of 1, 2, 4 or 8")),
        };
        column.ok_or_else(|| missing(1))
    }
}

/// Values from a byte string, without a copy of the bytes.
struct Values<T>(Vec<T>);

/// An integer with a fixed number of bytes.
trait FromBytes: Sized {
    fn decode_all(bytes: &[u8]) -> Option<Vec<Self>>;
}

macro_rules! from_bytes {
    ($($int:ty)*) => {
        $(impl FromBytes for $int {
            fn decode_all(bytes: &[u8]) -> Option<Vec<Self>> {
                decode(bytes, Self::from_le_bytes)
            }
        })*
    };
}
from_bytes!(i8 i16 i32 i64);

impl<'de, T: FromBytes> Deserialize<'de> for Values<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(ValuesVisitor(PhantomData))
    }
}

struct ValuesVisitor<T>(PhantomData<T>);

impl<'de, T: FromBytes> Visitor<'de> for ValuesVisitor<T> {
    type Value = Values<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of whole values")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Values<T>, E> {
        T::decode_all(bytes).map(Values).ok_or_else(|| E::invalid_length(bytes.len(), &self))
    }

    /// Formats without byte strings.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Values<T>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element::<u8>()? {
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_keeps_its_rows() {
        for (largest, width) in [(0, 1), (127, 1), (128, 2), (32767, 2), (32768, 4), (i32::MAX, 4)] {
            for values in [vec![largest, 0, 0], vec![0, -largest - 1, 5], vec![]] {
                let column = IntColumn::from(values.clone());
                let width = if values.is_empty() { 1 } else { width };
                assert_eq!(column.to_vec(), values.iter().map(|&v| i64::from(v)).collect::<Vec<_>>());
                assert_eq!(column.sum_abs(0..9), values.iter().map(|v| u128::from(v.unsigned_abs())).sum());
                let bytes = postcard::to_stdvec(&column).unwrap();
                assert_eq!(bytes.len(), 2 + values.len() * width);
                assert_eq!((usize::from(bytes[0]), usize::from(bytes[1])), (width, values.len() * width));
                assert_eq!(postcard::from_bytes::<IntColumn>(&bytes).unwrap(), column);
            }
        }
        let column = IntColumn::new(&[1 << 31, i64::MIN, 0]);
        assert_eq!(column, IntColumn::I64(vec![1 << 31, i64::MIN]));
        assert_eq!(postcard::from_bytes::<IntColumn>(&postcard::to_stdvec(&column).unwrap()).unwrap(), column);
        assert_eq!(column.sum_abs(1..2), 1 << 63);
    }

    #[test]
    fn other_bytes_are_refused() {
        assert_eq!(postcard::from_bytes::<IntColumn>(&[2, 4, 1, 0, 255, 255]), Ok(IntColumn::I16(vec![1, -1])));
        // A width that is none, half a value, and too few bytes.
        for bytes in [&[3, 0][..], &[2, 3, 1, 0, 1], &[1, 2, 0], &[1]] {
            assert!(postcard::from_bytes::<IntColumn>(bytes).is_err());
        }
    }
}
