//! Blocks of affine additions on AVX-512 IFMA, sixteen at a time: two vectors of eight, so that one's products fill the
//! latencies of the other's.
//!
//! ```text
//! X = x·2^256 mod p                  as halo2curves keeps it; here below 1.1·p, in five limbs of 52 bits
//! A ∘ B = A·B/2^260 mod p            < (1 + 0.012·a·b)·p   for A < a·p, B < b·p, both below 2^260
//!
//! D_j = X₂ − X₁ = d_j·2^256          prefix products P_j = P_{j−1} ∘ D_j = d_1 ⋯ d_j·2^(260 − 4j)
//! I_j = 2^(262 + 4j − 4)/(d_1 ⋯ d_j) I_{j−1} = I_j ∘ D_j,    I_j ∘ P_{j−1} = 2^262/d_j
//! Λ = (Y₂ − Y₁) ∘ (2^262/d) = λ·2^258
//! X₃ = Λ ∘ Λ − X₁ − X₂               Y₃ = Λ ∘ 4(X₁ − X₃) − Y₁
//! ```
//!
//! Sums are not canonical until they leave. An addition that the formula does not cover (an operand is the identity, or
//! both have the same x) is found by one limb, left out of the products, and done by the curve's own addition; so are the
//! few in 2^50 that only look like one.
#![expect(unsafe_code, reason = "points seen as their limbs, and instructions that are detected at run time")]

use std::arch::x86_64::*;
use std::cell::{Cell, RefCell};
use std::mem::offset_of;
use std::ops::Range;
use std::thread::LocalKey;

use super::super::windows::{Scalars, Windows};
use super::super::{digits, Fq, G1};
use super::{Block, Entries, Kernel, Levels, Operands, Point, Run, COPIES_AHEAD, IDENTITY, RUN};
use crate::cpu::ifma::limbs::{reslice, MASK};
use crate::cpu::scalar::Prime;

mod field;

use field::{
    add, canonical, carry, carry_one, differ, from_array, invert, limbs64, mul, mul_plain, reduce, splat, square_plain, sub, sub_plain,
    subtract_p, to_array, transpose, Lanes, Two, P, VECTORS,
};

/// Operands are fetched so many runs before they are needed.
const AHEAD: usize = 12;

// A point is its coordinates' four limbs in Montgomery form: x, then y.
const _: () = assert!(size_of::<Fq>() == 32 && size_of::<Point>() == 64);
const _: () = assert!(offset_of!(Point, x) == 0 && offset_of!(Point, y) == 32);

/// Only made where the CPU has the instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ifma(());

/// Eight points, limb by limb: coordinates below 1.1·p, proper but for y of a negative, which is p − y.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Group {
    x: [[u64; RUN]; 5],
    y: [[u64; RUN]; 5],
}

/// Sixteen additions that wait for their inverses.
#[derive(Clone, Copy)]
struct Pending {
    denominator: Two,
    /// The product of the denominators before this one.
    prefix: Two,
}

/// Room for a block of additions.
#[derive(Default)]
struct Scratch {
    pending: Vec<Pending>,
    /// The operands of each run, left and right, that were at random addresses.
    gathered: Vec<[Group; 2]>,
    /// Additions that the formula does not cover: the number of the run, and which of its sums.
    special: Vec<(usize, usize)>,
}

impl Ifma {
    pub(super) fn detect() -> Option<Self> {
        crate::cpu::ifma::Ifma::detect().map(|_| Self(()))
    }

    #[inline]
    fn gather(self, from: &Entries<'_>, first: u32, len: u32, to: &mut Group) {
        // SAFETY: a value of this type shows that the CPU has the instructions.
        unsafe { gather(from, first, len, to) }
    }
}

/// Fetches a point into the nearest cache.
pub(super) fn prefetch(point: &Point) {
    // SAFETY: a prefetch of any address is allowed.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(point).cast()) }
}

/// Fetches a point into the second cache.
pub(super) fn prefetch_early(point: &Point) {
    // SAFETY: a prefetch of any address is allowed.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(point).cast()) }
}

impl Kernel for Ifma {
    const BLOCK: usize = 2048;
    const EARLY: bool = true;
    type Group = Group;
    const WIDTH: usize = RUN;
    const NONE: Group = Group { x: [[0; RUN]; 5], y: [[0; RUN]; 5] };

    fn finish(self, groups: &[Group], range: Range<usize>, points: &mut [Point]) {
        // SAFETY: a value of this type shows that the CPU has the instructions.
        unsafe { finish(groups, range, points) }
    }

    fn levels() -> &'static LocalKey<Cell<Levels<Group>>> {
        thread_local! {
            static LEVELS: Cell<Levels<Group>> = Cell::default();
        }
        &LEVELS
    }

    fn write_digits(self, scalars: &Scalars<'_>, windows: Windows, window: u32, rows: Range<usize>, digits: &mut Vec<i32>) {
        // SAFETY: a value of this type shows that the CPU has the instructions.
        unsafe { write_digits(scalars, windows, window, rows, digits) }
    }

    fn add_block(self, first: usize, block: &Block, sums: &mut [Group], from: Operands<'_, Group>) {
        thread_local! {
            // A megabyte, which the operating system would clear each time.
            static SCRATCH: RefCell<Scratch> = RefCell::default();
        }
        SCRATCH.with_borrow_mut(|Scratch { pending, gathered, special }| match from {
            Operands::Entries(from) => {
                gathered.resize(gathered.len().max(block.additions.len()), [Self::NONE; 2]);
                let source = Gather { by: self, from, next: &block.next, gathered };
                // SAFETY: a value of this type shows that the CPU has the instructions.
                unsafe { add_runs(first, block, sums, source, pending, special) }
            }
            // SAFETY: as above.
            Operands::Sums(from) => unsafe { add_runs(first, block, sums, Beside(from), pending, special) },
        });
    }
}

impl Group {
    /// Point `i`.
    fn point(&self, i: usize) -> Point {
        let coordinate = |limbs: &[[u64; RUN]; 5]| canonical(&Fq::from_limbs(limbs64(carry_one(limbs.map(|limb| limb[i])))));
        Point { x: coordinate(&self.x), y: coordinate(&self.y) }
    }

    /// Changes one point.
    fn set(&mut self, i: usize, point: &Point) {
        for (limbs, coordinate) in [(&mut self.x, point.x), (&mut self.y, point.y)] {
            for (limb, value) in limbs.iter_mut().zip(reslice(*coordinate.limbs())) {
                limb[i] = value;
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn x(&self) -> Lanes {
        [from_array(&self.x[0]), from_array(&self.x[1]), from_array(&self.x[2]), from_array(&self.x[3]), from_array(&self.x[4])]
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn y(&self) -> Lanes {
        [from_array(&self.y[0]), from_array(&self.y[1]), from_array(&self.y[2]), from_array(&self.y[3]), from_array(&self.y[4])]
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn write(&mut self, x: &Lanes, y: &Lanes) {
        for i in 0..5 {
            self.x[i] = to_array(x[i]);
            self.y[i] = to_array(y[i]);
        }
    }
}

/// The operands of runs.
trait Source {
    /// Left and right ones of a run by its number. What is behind the sums on the right has no meaning.
    fn operands(&mut self, runs: &[Run], number: usize) -> [&Group; 2];

    /// The same for the second time.
    fn again(&self, runs: &[Run], number: usize) -> [&Group; 2];

    /// The left ones of a run that only copies.
    fn copies(&self, runs: &[Run], number: usize) -> Group;

    /// Fetches a little of what the block behind needs.
    fn fetch_next(&mut self) {}
}

/// Points at random addresses.
struct Gather<'a> {
    by: Ifma,
    from: Entries<'a>,
    /// Operands of the block behind.
    next: &'a [Range<usize>],
    /// For each run.
    gathered: &'a mut [[Group; 2]],
}

impl Gather<'_> {
    fn fetch(&self, runs: &[Run], number: usize) {
        for operands in runs.get(number).into_iter().flat_map(Run::operands) {
            operands.for_each(|operand| self.from.prefetch(operand));
        }
    }
}

impl Source for Gather<'_> {
    #[inline]
    fn operands(&mut self, runs: &[Run], number: usize) -> [&Group; 2] {
        self.fetch(runs, number + AHEAD);
        let Run { left, right, len, sums, .. } = runs[number];
        let [to_left, to_right] = &mut self.gathered[number];
        self.by.gather(&self.from, left, len, to_left);
        self.by.gather(&self.from, right, sums, to_right);
        [to_left, to_right]
    }

    #[inline]
    fn again(&self, _: &[Run], number: usize) -> [&Group; 2] {
        self.gathered[number].each_ref()
    }

    fn copies(&self, runs: &[Run], number: usize) -> Group {
        self.fetch(runs, number + COPIES_AHEAD / RUN);
        let mut copies = Ifma::NONE;
        self.by.gather(&self.from, runs[number].left, runs[number].len, &mut copies);
        copies
    }

    #[inline]
    fn fetch_next(&mut self) {
        if let Some((operands, behind)) = self.next.split_first() {
            self.next = behind;
            operands.clone().for_each(|operand| self.from.prefetch_early(operand));
        }
    }
}

/// Sums of the round before: whole groups, as rows begin with one.
struct Beside<'a>(&'a [Group]);

impl Source for Beside<'_> {
    #[inline]
    fn operands(&mut self, runs: &[Run], number: usize) -> [&Group; 2] {
        self.again(runs, number)
    }

    #[inline]
    fn again(&self, runs: &[Run], number: usize) -> [&Group; 2] {
        [runs[number].left, runs[number].right].map(|first| &self.0[first as usize / RUN])
    }

    fn copies(&self, runs: &[Run], number: usize) -> Group {
        self.0[runs[number].left as usize / RUN]
    }
}

/// The sum of two points by the curve's own formulas.
#[cold]
fn add_special(left: &Point, right: &Point) -> Point {
    if *left == IDENTITY {
        return *right;
    }
    if *right == IDENTITY {
        return *left;
    }
    (G1::from(*left) + G1::from(*right)).into()
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn write_digits(scalars: &Scalars<'_>, windows: Windows, window: u32, rows: Range<usize>, digits: &mut Vec<i32>) {
    digits::write(scalars, windows, window, rows, digits);
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn add_runs<S: Source>(
    first: usize,
    block: &Block,
    sums: &mut [Group],
    mut source: S,
    pending: &mut Vec<Pending>,
    special: &mut Vec<(usize, usize)>,
) {
    let group_of = |run: &Run| (run.output as usize - first) / RUN;
    for (number, run) in block.copies.iter().enumerate() {
        sums[group_of(run)] = source.copies(&block.copies, number);
    }
    let runs = block.additions.as_slice();
    if runs.is_empty() {
        return;
    }
    special.clear();
    // 2^260 mod p: one, of the prefix products.
    let one = splat(&reslice(*Fq::from(16).limbs()));
    let ones = [one; VECTORS];
    let num_pending = runs.len().div_ceil(VECTORS);
    pending.resize(pending.len().max(num_pending), Pending { denominator: ones, prefix: ones });
    // What fills a vector's place is done twice and stored once.
    let number = |i: usize, v: usize| (VECTORS * i + v).min(runs.len() - 1);
    let mut product = ones;
    for (i, waiting) in pending[..num_pending].iter_mut().enumerate() {
        for v in 0..VECTORS {
            // Two here and two on the way back: the memory is never idle.
            source.fetch_next();
            let number = number(i, v);
            let [left, right] = source.operands(runs, number);
            let (x_left, x_right) = (left.x(), right.x());
            let mut denominator = sub(&x_right, &x_left, 2);
            let sums = first_lanes(runs[number].sums);
            let points = _mm512_test_epi64_mask(x_left[0], x_left[0]) & _mm512_test_epi64_mask(x_right[0], x_right[0]);
            let covered = differ(&denominator) & points & sums;
            if covered != 0xff {
                special.extend((0..RUN).filter(|lane| (sums & !covered) >> lane & 1 == 1).map(|lane| (number, lane)));
                for (denominator, one) in denominator.iter_mut().zip(one) {
                    *denominator = _mm512_mask_mov_epi64(one, covered, *denominator);
                }
            }
            waiting.denominator[v] = denominator;
        }
        waiting.prefix = product;
        product = mul(&product, &waiting.denominator);
    }
    // The two chains share an inversion: I = (P ∘ P')^(−1) ∘ P'.
    let swapped = [product[1], product[0]];
    let inverses = invert(&mul(&product, &swapped)[0]);
    let mut inverse = mul(&[inverses, inverses], &swapped);
    for (i, waiting) in pending[..num_pending].iter().enumerate().rev() {
        source.fetch_next();
        let scaled = mul(&inverse, &waiting.prefix);
        inverse = mul(&inverse, &waiting.denominator);
        let mut numerator = ones;
        for (v, numerator) in numerator.iter_mut().enumerate() {
            let [left, right] = source.again(runs, number(i, v));
            *numerator = sub(&right.y(), &left.y(), 2);
        }
        let lambda = mul(&numerator, &scaled);
        source.fetch_next();
        let operands: [[&Group; 2]; VECTORS] = std::array::from_fn(|v| source.again(runs, number(i, v)));
        let mut x = square_plain(&lambda);
        let mut distance = x;
        for ((x, distance), [left, right]) in x.iter_mut().zip(&mut distance).zip(operands) {
            *x = reduce(&sub_plain(x, &add(&left.x(), &right.x()), 4));
            *distance = carry(sub_plain(&left.x(), x, 2).map(|limb| _mm512_slli_epi64::<2>(limb)));
        }
        let mut y = mul_plain(&lambda, &distance);
        for (y, [left, _]) in y.iter_mut().zip(operands) {
            *y = reduce(&sub_plain(y, &left.y(), 3));
        }
        for (((run, x), y), [left, _]) in runs[VECTORS * i..].iter().zip(&mut x).zip(&mut y).zip(operands) {
            if run.sums < run.len {
                let sums = first_lanes(run.sums);
                for (limb, (x_left, y_left)) in left.x().into_iter().zip(left.y()).enumerate() {
                    x[limb] = _mm512_mask_mov_epi64(x_left, sums, x[limb]);
                    y[limb] = _mm512_mask_mov_epi64(y_left, sums, y[limb]);
                }
            }
            sums[group_of(run)].write(x, y);
        }
    }
    for &(number, lane) in special.iter() {
        let [left, right] = source.again(runs, number).map(|group| group.point(lane));
        sums[group_of(&runs[number])].set(lane, &add_special(&left, &right));
    }
}

/// The first `num` of eight.
fn first_lanes(num: u32) -> u8 {
    ((1u16 << num) - 1) as u8
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn finish(groups: &[Group], range: Range<usize>, mut points: &mut [Point]) {
    let (mut start, end) = (range.start, range.end);
    while start < end {
        let (group, lane) = (&groups[start / RUN], start % RUN);
        let len = (RUN - lane).min(end - start);
        let (some, behind) = points.split_at_mut(len);
        let packed = pack(&subtract_p(&group.x()), &subtract_p(&carry(group.y())));
        for (point, packed) in some.iter_mut().zip(&packed[lane..]) {
            // SAFETY: a point is 64 bytes, of which every pattern is initialized.
            unsafe { _mm512_storeu_si512(std::ptr::from_mut(point).cast(), *packed) }
        }
        (start, points) = (start + len, behind);
    }
}

/// Eight points of proper coordinates below p.
#[inline]
#[target_feature(enable = "avx512f")]
fn pack(x: &Lanes, y: &Lanes) -> [__m512i; 8] {
    let coordinate = |v: &Lanes| {
        [
            _mm512_or_si512(v[0], _mm512_slli_epi64::<52>(v[1])),
            _mm512_or_si512(_mm512_srli_epi64::<12>(v[1]), _mm512_slli_epi64::<40>(v[2])),
            _mm512_or_si512(_mm512_srli_epi64::<24>(v[2]), _mm512_slli_epi64::<28>(v[3])),
            _mm512_or_si512(_mm512_srli_epi64::<36>(v[3]), _mm512_slli_epi64::<16>(v[4])),
        ]
    };
    let ([a, b, c, d], [e, f, g, h]) = (coordinate(x), coordinate(y));
    transpose([a, b, c, d, e, f, g, h])
}

/// The points of a run's operands. Lanes behind its end are copies of its last.
#[inline]
#[target_feature(enable = "avx512f")]
fn gather(from: &Entries<'_>, first: u32, len: u32, to: &mut Group) {
    let (first, last) = (first as usize, (first + len - 1) as usize);
    let (points, negative) = if len as usize == RUN {
        from.eight(first)
    } else {
        let signed: [(&Point, bool); RUN] = std::array::from_fn(|i| from.signed((first + i).min(last)));
        (signed.map(|(point, _)| point), (0..RUN).fold(0, |signs, i| signs | u8::from(signed[i].1) << i))
    };
    // SAFETY: a point is 64 bytes of plain integers.
    let rows = points.map(|point| unsafe { _mm512_loadu_si512(std::ptr::from_ref(point).cast()) });
    let mask = _mm512_set1_epi64(MASK as i64);
    let coordinate = |v: [__m512i; 4]| {
        let join = |low: __m512i, high: __m512i| _mm512_and_si512(_mm512_or_si512(low, high), mask);
        [
            _mm512_and_si512(v[0], mask),
            join(_mm512_srli_epi64::<52>(v[0]), _mm512_slli_epi64::<12>(v[1])),
            join(_mm512_srli_epi64::<40>(v[1]), _mm512_slli_epi64::<24>(v[2])),
            join(_mm512_srli_epi64::<28>(v[2]), _mm512_slli_epi64::<36>(v[3])),
            _mm512_srli_epi64::<16>(v[3]),
        ]
    };
    let [a, b, c, d, e, f, g, h] = transpose(rows);
    let (x, mut y) = (coordinate([a, b, c, d]), coordinate([e, f, g, h]));
    for (y, p) in y.iter_mut().zip(P) {
        *y = _mm512_mask_sub_epi64(*y, negative, _mm512_set1_epi64(p as i64), *y);
    }
    to.write(&x, &y);
}
