//! Public tensors: the schema of the instance, and the field elements of their integers.
//!
//! ```text
//! plain      one public value for each element           v mod r
//! packed     one for each run of n = ⌊253 / w⌋ elements  p = Σ_i v_i·B^i mod r       B = 2^w,  v_i ∈ [low, low + B),  −B < low ≤ 0
//! ```
//!
//! Runs are row-major, and the last may be shorter: `m ≤ n` elements. `p − low·Σ_i B^i` is the integer `Σ_i (v_i − low)·B^i`, in
//! `[0, B^m)`. As `B^n ≤ 2^253 < r`, it has one text of `m` digits: a run has one public value, and a public value one run or none.

//!
//! The real value of an integer is `scale·v`; an input whose readers have the scales of its features in their weights says them:
//! element `i` is of feature `f = i / run mod n` and has the real value `scales[f]·v + offsets[f]`.

use alloc::string::String;
use alloc::vec::Vec;

use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use serde::{Deserialize, Serialize};

use crate::constraints::index;
use crate::error::InstanceError;
use crate::field::{embed, Fr};

/// Bits of a public value: `2^253 < r`.
pub const PACKED_BITS: u32 = 253;
/// Bits of a digit: integers have at most 32, with their sign.
const WIDTHS: core::ops::RangeInclusive<u32> = 1..=31;

/// What a public tensor is to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An input.
    Input,
    /// An output.
    Output,
}

/// How the elements of a tensor lie in public values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One each.
    Plain,
    /// As many as a public value holds.
    Packed(Packing),
}

/// Digits of packed public values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packing {
    /// The least integer; at most 0.
    pub low: i32,
    /// Bits of a digit: 1 to 31.
    pub width: u32,
}

/// What the integers of an input stand for, by feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Features {
    /// Consecutive elements of one feature.
    pub run: usize,
    /// For each feature, the real value of the integer 1 beyond that of 0.
    pub scales: Vec<f64>,
    /// For each feature, the real value of the integer 0.
    pub offsets: Vec<f64>,
}

/// The most features of a tensor.
const MAX_FEATURES: usize = 4096;

/// A tensor in the instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Encoded", into = "Encoded")]
pub struct PublicTensor {
    /// Its name in the model.
    pub name: String,
    /// Input or output.
    pub role: Role,
    /// How it lies in the instance.
    pub form: Form,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
    /// Real value of the integer 1; with features, the largest of theirs.
    pub scale: f64,
    /// The features of an input, if they have scales of their own.
    pub features: Option<Features>,
}

/// The encoding of a tensor. A form is a kind of its own: keys of plain tensors are the same whatever forms there are.
#[derive(Serialize, Deserialize)]
struct Encoded {
    name: String,
    kind: Kind,
    shape: Vec<usize>,
    scale: f64,
}

/// Role and form.
#[derive(Serialize, Deserialize)]
enum Kind {
    Input,
    Output,
    PackedInput(Packing),
    PackedOutput(Packing),
    InputOfFeatures(Features),
    PackedInputOfFeatures(Packing, Features),
}

impl From<Encoded> for PublicTensor {
    fn from(Encoded { name, kind, shape, scale }: Encoded) -> Self {
        let (role, form, features) = match kind {
            Kind::Input => (Role::Input, Form::Plain, None),
            Kind::Output => (Role::Output, Form::Plain, None),
            Kind::PackedInput(packing) => (Role::Input, Form::Packed(packing), None),
            Kind::PackedOutput(packing) => (Role::Output, Form::Packed(packing), None),
            Kind::InputOfFeatures(features) => (Role::Input, Form::Plain, Some(features)),
            Kind::PackedInputOfFeatures(packing, features) => (Role::Input, Form::Packed(packing), Some(features)),
        };
        Self { name, role, form, shape, scale, features }
    }
}

impl From<PublicTensor> for Encoded {
    fn from(PublicTensor { name, role, form, shape, scale, features }: PublicTensor) -> Self {
        let kind = match (role, form, features) {
            (Role::Input, Form::Plain, None) => Kind::Input,
            (Role::Input, Form::Plain, Some(features)) => Kind::InputOfFeatures(features),
            (Role::Input, Form::Packed(packing), None) => Kind::PackedInput(packing),
            (Role::Input, Form::Packed(packing), Some(features)) => Kind::PackedInputOfFeatures(packing, features),
            // Outputs have no features: `is_valid` refuses them.
            (Role::Output, Form::Plain, _) => Kind::Output,
            (Role::Output, Form::Packed(packing), _) => Kind::PackedOutput(packing),
        };
        Self { name, kind, shape, scale }
    }
}

impl Packing {
    /// Whether digits are integers of 32 bits and zero is one of them.
    pub(crate) fn is_valid(self) -> bool {
        WIDTHS.contains(&self.width) && self.low <= 0 && i64::from(self.low) > -self.radix()
    }

    /// The most elements of a public value; 0 for a packing that no key has.
    pub fn digits(self) -> usize {
        index(PACKED_BITS.checked_div(self.width).unwrap_or(0))
    }

    /// The largest integer.
    pub fn high(self) -> i64 {
        i64::from(self.low).saturating_add(self.radix()).saturating_sub(1)
    }

    /// `B`.
    fn radix(self) -> i64 {
        1i64.checked_shl(self.width).unwrap_or(i64::MAX)
    }

    /// The public value of a run, or the index of an element that is no digit.
    fn pack(self, run: &[i64]) -> Result<Fr, usize> {
        let range = i64::from(self.low)..=self.high();
        match run.iter().position(|v| !range.contains(v)) {
            Some(index) => Err(index),
            None => Ok(self.horner(run.iter().copied().rev())),
        }
    }

    /// `Σ v_i·B^i`, last element first.
    fn horner(self, digits: impl Iterator<Item = i64>) -> Fr {
        let radix = embed(self.radix());
        digits.fold(Fr::ZERO, |p, v| p * radix + embed(v))
    }

    /// The run of `count` elements that a public value is of, if it is of one.
    fn unpack(self, value: Fr, count: usize) -> Option<Vec<i64>> {
        let shift = self.horner(core::iter::repeat_n(i64::from(self.low), count));
        let digits = (value - shift).into_bigint();
        let width = index(self.width);
        if index(digits.num_bits()) > width.checked_mul(count)? {
            return None;
        }
        let bit = |at: usize| i64::from(digits.get_bit(at));
        let digit = |i: usize| (0..width).rev().fold(0i64, |acc, j| acc << 1 | bit(i.saturating_mul(width).saturating_add(j)));
        Some((0..count).map(|i| digit(i).saturating_add(i64::from(self.low))).collect())
    }
}

impl Features {
    /// Whether every element of a tensor is of a feature, equally many of each, with numbers that have one text.
    fn is_valid(&self, elements: usize) -> bool {
        let period = self.run.saturating_mul(self.scales.len());
        let fits = elements.checked_rem(period) == Some(0) && self.scales.len() <= MAX_FEATURES;
        fits && self.offsets.len() == self.scales.len()
            && self.scales.iter().all(|scale| scale.is_finite() && *scale > 0.0)
            && self.offsets.iter().all(|offset| offset.is_finite() && (*offset != 0.0 || offset.is_sign_positive()))
    }

    /// Scale and offset of an element.
    fn of(&self, element: usize) -> Option<(f64, f64)> {
        let feature = element.checked_div(self.run)?.checked_rem(self.scales.len())?;
        Some((*self.scales.get(feature)?, *self.offsets.get(feature)?))
    }

    fn largest(&self) -> f64 {
        self.scales.iter().copied().fold(0.0, f64::max)
    }
}

impl PublicTensor {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().fold(1usize, |n, &d| n.saturating_mul(d))
    }

    /// Number of public values.
    pub fn num_values(&self) -> usize {
        match self.form {
            Form::Plain => self.elements(),
            Form::Packed(packing) => self.elements().div_ceil(packing.digits().max(1)),
        }
    }

    /// The real value of an element's integer. Zero has no sign.
    pub fn real(&self, element: usize, integer: i32) -> f64 {
        let plain = (self.scale, 0.0);
        let (scale, offset) = self.features.as_ref().map_or(plain, |features| features.of(element).unwrap_or(plain));
        f64::from(integer) * scale + offset + 0.0
    }

    pub(crate) fn is_valid(&self) -> bool {
        let is_packing = match self.form {
            Form::Plain => true,
            Form::Packed(packing) => packing.is_valid(),
        };
        is_packing && self.has_valid_features()
    }

    /// Features are of an input, and the tensor's scale is the largest of theirs.
    fn has_valid_features(&self) -> bool {
        self.features.as_ref().is_none_or(|features| {
            let is_largest = features.largest().to_bits() == self.scale.to_bits();
            self.role == Role::Input && is_largest && features.is_valid(self.elements())
        })
    }

    /// The public values of the tensor's elements, or the index of an element that is out of its range.
    fn values(&self, elements: &[i64]) -> Result<Vec<Fr>, usize> {
        match self.form {
            Form::Plain => Ok(elements.iter().map(|v| embed(*v)).collect()),
            Form::Packed(packing) => {
                let digits = packing.digits().max(1);
                let runs = (0usize..).zip(elements.chunks(digits));
                runs.map(|(i, run)| packing.pack(run).map_err(|at| i.saturating_mul(digits).saturating_add(at))).collect()
            }
        }
    }

    /// The elements of the tensor's public values, or the index of a value that is not of integers of the tensor's.
    fn integers(&self, values: &[Fr]) -> Result<Vec<i64>, usize> {
        let mut rest = self.elements();
        let mut out = Vec::with_capacity(values.len());
        for (index, &value) in values.iter().enumerate() {
            match self.form {
                Form::Plain => out.push(small(value).ok_or(index)?),
                Form::Packed(packing) => {
                    let count = rest.min(packing.digits());
                    rest = rest.saturating_sub(count);
                    out.extend(packing.unpack(value, count).ok_or(index)?);
                }
            }
        }
        Ok(out)
    }
}

/// The integer of 64 bits that a field element embeds.
fn small(value: Fr) -> Option<i64> {
    let magnitude = |v: Fr| match v.into_bigint().0 {
        [low, 0, 0, 0] => Some(low),
        _ => None,
    };
    match (magnitude(value), magnitude(-value)) {
        (Some(low), _) => i64::try_from(low).ok(),
        (None, Some(low)) => 0i64.checked_sub_unsigned(low),
        (None, None) => None,
    }
}

/// The instance of public tensors: their elements, row-major, one tensor after another.
///
/// # Errors
/// Another number of elements, or an element out of its tensor's range.
pub(crate) fn instance(tensors: &[PublicTensor], integers: &[i64]) -> Result<Vec<Fr>, InstanceError> {
    let expected = tensors.iter().fold(0, |n: usize, t| n.saturating_add(t.elements()));
    if integers.len() != expected {
        return Err(InstanceError::ElementCount { expected, actual: integers.len() });
    }
    let mut rest = integers;
    let mut values = Vec::new();
    for (index, tensor) in tensors.iter().enumerate() {
        let (elements, later) = rest.split_at_checked(tensor.elements()).unwrap_or((rest, &[]));
        rest = later;
        values.extend(tensor.values(elements).map_err(|element| InstanceError::OutOfRange { tensor: index, element })?);
    }
    Ok(values)
}

/// The elements of an instance: [`instance`] backwards.
///
/// # Errors
/// Another number of public values, or one that no elements have.
pub(crate) fn integers(tensors: &[PublicTensor], instance: &[Fr]) -> Result<Vec<i64>, InstanceError> {
    let expected = num_values(tensors);
    if instance.len() != expected {
        return Err(InstanceError::ValueCount { expected, actual: instance.len() });
    }
    let mut rest = instance;
    let mut out = Vec::new();
    for tensor in tensors {
        let (values, later) = rest.split_at_checked(tensor.num_values()).unwrap_or((rest, &[]));
        let before = instance.len().saturating_sub(rest.len());
        rest = later;
        out.extend(tensor.integers(values).map_err(|index| InstanceError::NotCanonical { index: before.saturating_add(index) })?);
    }
    Ok(out)
}

/// Number of public values.
pub(crate) fn num_values(tensors: &[PublicTensor]) -> usize {
    tensors.iter().fold(0, |n, t| n.saturating_add(t.num_values()))
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use alloc::vec;

    use ark_ff::Field;

    use super::*;

    fn tensor(elements: usize, form: Form) -> PublicTensor {
        PublicTensor { name: String::new(), role: Role::Output, form, shape: vec![elements], scale: 1.0, features: None }
    }

    fn packed(elements: usize, low: i32, width: u32) -> PublicTensor {
        tensor(elements, Form::Packed(Packing { low, width }))
    }

    /// `2^n`.
    fn power(n: u64) -> Fr {
        Fr::from(2).pow([n])
    }

    #[test]
    fn values_by_hand() {
        let tensors = [packed(3, -8, 4), tensor(1, Form::Plain)];
        assert_eq!(instance(&tensors, &[1, 2, 3, -5]), Ok(vec![Fr::from(0x321), embed(-5)]));
        assert_eq!(instance(&tensors, &[-8, 7, -1, 0]), Ok(vec![embed(-8 + 7 * 16 - 256), Fr::ZERO]));
        // 63 digits of four bits.
        let tensors = [packed(64, 0, 4)];
        let mut elements = vec![0; 64];
        elements[62] = 15;
        elements[63] = 9;
        assert_eq!(instance(&tensors, &elements), Ok(vec![power(4 * 62) * Fr::from(15), Fr::from(9)]));
    }

    #[test]
    fn both_ends_are_held_and_nothing_else() {
        for (low, width) in [(-128, 8), (0, 8), (-16384, 15), (-3, 16), (0, 1), (i32::MIN + 1, 31), (-1, 1)] {
            let packing = Packing { low, width };
            assert!(packing.is_valid());
            let n = packing.digits();
            let tensors = [packed(n + 1, low, width)];
            let (low, high) = (i64::from(low), packing.high());
            assert!(i32::try_from(high).is_ok());
            for ends in [[low, low], [high, high], [low, high], [high, low]] {
                let elements: Vec<i64> = (0..n + 1).map(|i| ends[i % 2]).collect();
                let values = instance(&tensors, &elements).unwrap();
                assert_eq!(values.len(), 2);
                assert_eq!(integers(&tensors, &values), Ok(elements.clone()));
                for (element, wrong) in [(0, low - 1), (n - 1, high + 1), (n, low - 1), (n, i64::MAX), (1 % n, i64::MIN)] {
                    let mut changed = elements.clone();
                    changed[element] = wrong;
                    assert_eq!(instance(&tensors, &changed), Err(InstanceError::OutOfRange { tensor: 0, element }));
                }
            }
        }
        for (low, width) in [(1, 8), (-256, 8), (0, 0), (0, 32), (-1, 0), (i32::MIN, 31), (0, u32::MAX)] {
            assert!(!Packing { low, width }.is_valid(), "{low}, {width}");
        }
    }

    /// One more than the largest and one less than the least value of a run; digits behind its end; any other element of the field.
    #[test]
    fn values_of_no_run_are_refused() {
        let tensors = [packed(2, 0, 1), packed(33, -128, 8)];
        let elements = [vec![1, 0], vec![127; 31], vec![-128, 127]].concat();
        let good = instance(&tensors, &elements).unwrap();
        assert_eq!(integers(&tensors, &good), Ok(elements));
        let shift = |n: u64| (0..n).map(|i| power(8 * i) * Fr::from(128)).sum::<Fr>();
        let wrong = [
            (0, vec![Fr::from(4), Fr::from(5), -Fr::ONE, good[0] + power(253), power(200)]),
            (1, vec![power(248) - shift(31), -shift(31) - Fr::ONE, good[1] + power(248), good[1] - power(248), power(253)]),
            (2, vec![power(16) - shift(2), -shift(2) - Fr::ONE, good[2] + power(16), good[2] + power(240), good[2] - power(16)]),
        ];
        for (index, values) in wrong {
            for value in values {
                let mut changed = good.clone();
                changed[index] = value;
                assert_eq!(integers(&tensors, &changed), Err(InstanceError::NotCanonical { index }), "{index}: {value}");
            }
        }
        assert_eq!(integers(&tensors, &good[1..]), Err(InstanceError::ValueCount { expected: 3, actual: 2 }));
        assert_eq!(instance(&tensors, &[0; 34]), Err(InstanceError::ElementCount { expected: 35, actual: 34 }));
    }

    #[test]
    fn plain_values_are_integers_of_64_bits() {
        let tensors = [tensor(1, Form::Plain)];
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(integers(&tensors, &instance(&tensors, &[value]).unwrap()), Ok(vec![value]));
        }
        for value in [power(63), -power(63) - Fr::ONE, power(64), power(200)] {
            assert_eq!(integers(&tensors, &[value]), Err(InstanceError::NotCanonical { index: 0 }));
        }
    }

    #[test]
    fn plain_tensors_are_encoded_as_without_forms() {
        #[derive(Serialize)]
        enum RoleOnly {
            Input,
            Output,
        }
        let mut t = tensor(3, Form::Plain);
        for (role, only) in [(Role::Input, RoleOnly::Input), (Role::Output, RoleOnly::Output)] {
            t.role = role;
            let before = postcard::to_allocvec(&(&t.name, only, &t.shape, t.scale)).unwrap();
            assert_eq!(postcard::to_allocvec(&t).unwrap(), before);
            assert_eq!(postcard::from_bytes::<PublicTensor>(&before).unwrap(), t);
        }
        let t = packed(3, -8, 4);
        assert_eq!(postcard::from_bytes::<PublicTensor>(&postcard::to_allocvec(&t).unwrap()).unwrap(), t);
    }

    #[test]
    fn features_are_those_of_an_input() {
        let features = Features { run: 2, scales: vec![0.5, 4.0], offsets: vec![100.0, 0.0] };
        for form in [Form::Plain, Form::Packed(Packing { low: -8, width: 4 })] {
            let good = PublicTensor { role: Role::Input, features: Some(features.clone()), scale: 4.0, ..tensor(8, form) };
            assert!(good.is_valid());
            assert_eq!(postcard::from_bytes::<PublicTensor>(&postcard::to_allocvec(&good).unwrap()).unwrap(), good);
            let reals: Vec<f64> = (0..8).map(|element| good.real(element, 3)).collect();
            assert_eq!(reals, [101.5, 101.5, 12.0, 12.0, 101.5, 101.5, 12.0, 12.0]);
            let changed = |change: &dyn Fn(&mut Features)| {
                let mut features = features.clone();
                change(&mut features);
                PublicTensor { features: Some(features), ..good.clone() }
            };
            let wrong = [
                PublicTensor { role: Role::Output, ..good.clone() },
                PublicTensor { scale: 1.0, ..good.clone() },
                PublicTensor { shape: vec![6], ..good.clone() },
                changed(&|f| f.run = 0),
                changed(&|f| f.run = usize::MAX),
                changed(&|f| f.scales.push(1.0)),
                changed(&|f| f.scales[0] = 0.0),
                changed(&|f| f.scales[0] = -0.5),
                changed(&|f| f.scales[0] = f64::NAN),
                changed(&|f| f.offsets[0] = f64::INFINITY),
                changed(&|f| f.offsets[1] = -0.0),
                changed(&|f| *f = Features { run: 1, scales: vec![], offsets: vec![] }),
            ];
            wrong.iter().enumerate().for_each(|(case, tensor)| assert!(!tensor.is_valid(), "{case}"));
        }
    }
}
