//! Columns that know what they hold: a weight stays an `i16`.

use serde::{Deserialize, Serialize};

/// Integers of the narrowest width that holds them all. Rows behind the end are zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl IntColumn {
    /// The column of these values; zeros at the end are left out.
    pub fn new(values: &[i64]) -> Self {
        let length = values.iter().rposition(|&v| v != 0).map_or(0, |last| last + 1);
        let values = &values[..length];
        let (low, high) = values.iter().fold((0, 0), |(low, high), &v| (v.min(low), v.max(high)));
        let fits = |min: i64, max: i64| low >= min && high <= max;
        if fits(i64::from(i8::MIN), i64::from(i8::MAX)) {
            Self::I8(values.iter().map(|&v| v as i8).collect())
        } else if fits(i64::from(i16::MIN), i64::from(i16::MAX)) {
            Self::I16(values.iter().map(|&v| v as i16).collect())
        } else if fits(i64::from(i32::MIN), i64::from(i32::MAX)) {
            Self::I32(values.iter().map(|&v| v as i32).collect())
        } else {
            Self::I64(values.to_vec())
        }
    }

    /// Number of rows up to the last that is not zero.
    pub fn len(&self) -> usize {
        match self {
            Self::I8(v) => v.len(),
            Self::I16(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::I64(v) => v.len(),
        }
    }

    /// Whether all rows are zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value in a row.
    pub fn get(&self, row: usize) -> i64 {
        match self {
            Self::I8(v) => v.get(row).map_or(0, |&x| i64::from(x)),
            Self::I16(v) => v.get(row).map_or(0, |&x| i64::from(x)),
            Self::I32(v) => v.get(row).map_or(0, |&x| i64::from(x)),
            Self::I64(v) => v.get(row).copied().unwrap_or(0),
        }
    }
}
