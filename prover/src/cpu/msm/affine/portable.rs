//! Blocks of affine additions one by one, by products of [`crate::cpu::scalar`].
//!
//! ```text
//! operands and sums below p                          A∘B = A·B/2^256 mod p  < (1 + 0.1891·a·b)·p
//! d = x₂ + p − x₁                              < 2p
//! D_j = d_j∘D_(j−1),  I_(j−1) = d_j∘I_j        < 1.61p     as b = 1 + 0.1891·2·b
//! λ = (y₂ + p − y₁)∘(I_j∘D_(j−1))              < 1.57p
//! x₃ = λ∘λ + 2p − (x₁ + x₂)                    < 3.5p      reduced when it is stored
//! y₃ = (x₁ + p − x₃)∘λ + p − y₁                < 2.6p      reduced when it is stored
//! ```

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::thread::LocalKey;

use super::super::{Field, Fq};
use super::{Block, Entries, Kernel, Levels, Operands, Point, Run, COPIES_AHEAD, IDENTITY, RUN};
use crate::cpu::scalar::{add_plain, inverse, is_zero, negate_if, reduce_twice, sub_plain, Limbs, Multiplier, Prime};

/// p.
const P: Limbs = Fq::P;
/// 2p.
const TWO_P: Limbs = Fq::TWO_P;
/// Operands are fetched so many runs before they are needed.
const AHEAD: usize = 4;

/// Without vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable<M>(pub(super) M);

/// An addition that waits for its inverse.
#[derive(Clone, Copy, Default)]
struct Pending {
    output: u32,
    x_left: Limbs,
    y_left: Limbs,
    /// x₁ + x₂.
    x_both: Limbs,
    numerator: Limbs,
    denominator: Limbs,
    /// The product of the denominators before this one.
    prefix: Limbs,
}

impl<M: Multiplier> Kernel for Portable<M> {
    const BLOCK: usize = 512;
    type Group = Point;
    const WIDTH: usize = 1;
    const NONE: Point = IDENTITY;

    fn finish(self, groups: &[Point], range: Range<usize>, points: &mut [Point]) {
        points.copy_from_slice(&groups[range]);
    }

    fn levels() -> &'static LocalKey<Cell<Levels<Point>>> {
        thread_local! {
            static LEVELS: Cell<Levels<Point>> = Cell::default();
        }
        &LEVELS
    }

    fn add_block(self, first: usize, block: &Block, sums: &mut [Point], from: Operands<'_, Point>) {
        match from {
            Operands::Entries(from) => self.add_from(first, block, sums, &from),
            Operands::Sums(from) => self.add_from(first, block, sums, &from),
        }
    }
}

/// Points by number.
trait Source {
    /// A point, and whether its negative is meant.
    fn signed(&self, index: usize) -> (&Point, bool);

    /// The point that is meant.
    fn point(&self, index: usize) -> Point {
        let (point, negative) = self.signed(index);
        point.negated_if(negative)
    }

    /// Into the nearest cache.
    fn prefetch(&self, _index: usize) {}
}

impl Source for Entries<'_> {
    #[inline]
    fn signed(&self, index: usize) -> (&Point, bool) {
        Entries::signed(self, index)
    }

    #[inline]
    fn prefetch(&self, index: usize) {
        Entries::prefetch(self, index);
    }
}

impl Source for &[Point] {
    #[inline]
    fn signed(&self, index: usize) -> (&Point, bool) {
        (&self[index], false)
    }
}

impl<M: Multiplier> Portable<M> {
    fn add_from(self, first: usize, block: &Block, sums: &mut [Point], from: &impl Source) {
        thread_local! {
            // Pages that the operating system would clear each time.
            static SCRATCH: RefCell<Vec<Pending>> = RefCell::default();
        }
        for (i, run) in block.copies.iter().enumerate() {
            block
                .copies
                .get(i + COPIES_AHEAD / RUN)
                .into_iter()
                .flat_map(Run::operands)
                .flatten()
                .for_each(|operand| from.prefetch(operand));
            for copy in run.singles() {
                sums[copy.output as usize - first] = from.point(copy.left as usize);
            }
        }
        SCRATCH.with_borrow_mut(|scratch| self.add_runs(first, &block.additions, sums, from, scratch));
    }

    fn add_runs(self, first: usize, runs: &[Run], sums: &mut [Point], from: &impl Source, scratch: &mut Vec<Pending>) {
        let Self(by) = self;
        scratch.resize(RUN * runs.len(), Pending::default());
        let mut count = 0;
        let mut product = *Fq::ONE.limbs();
        for (i, run) in runs.iter().enumerate() {
            runs.get(i + AHEAD).into_iter().flat_map(Run::operands).flatten().for_each(|operand| from.prefetch(operand));
            for Run { left: left_index, right: right_index, output, .. } in run.singles() {
                let (left_index, right_index) = (left_index as usize, right_index as usize);
                let ((left, left_negative), (right, right_negative)) = (from.signed(left_index), from.signed(right_index));
                // Written limb by limb to where the products read them: copies of what was just written wait.
                let pending = &mut scratch[count];
                let (x_left, x_right) = (left.x.limbs(), right.x.limbs());
                pending.output = output;
                pending.x_left = *x_left;
                pending.x_both = add_plain(x_left, x_right);
                pending.denominator = sub_plain(&add_plain(x_right, &P), x_left);
                let (y_left, y_right) = (negate_if(left_negative, left.y.limbs(), &P), negate_if(right_negative, right.y.limbs(), &P));
                pending.y_left = y_left;
                pending.numerator = sub_plain(&add_plain(&y_right, &P), &y_left);
                if is_zero(left.y.limbs()) || is_zero(right.y.limbs()) || x_left == x_right {
                    let (left, right) = (from.point(left_index), from.point(right_index));
                    let sum = &mut sums[output as usize - first];
                    if left == IDENTITY || right == IDENTITY || left.y != right.y {
                        *sum = if left == IDENTITY {
                            right
                        } else if right == IDENTITY {
                            left
                        } else {
                            IDENTITY
                        };
                        continue;
                    }
                    let square = left.x.square();
                    pending.numerator = *(square.double() + square).limbs();
                    pending.denominator = *left.y.double().limbs();
                }
                pending.prefix = product;
                product = by.mul_lazy::<Fq>(&pending.denominator, &pending.prefix);
                count += 1;
            }
        }
        if count == 0 {
            return;
        }
        let inverse = inverse(&Fq::from_limbs(reduce_twice::<Fq>(&product))).unwrap_or(Fq::ZERO);
        let mut inverse = *inverse.limbs();
        for Pending { output, x_left, y_left, x_both, numerator, denominator, prefix } in scratch[..count].iter().rev() {
            let scaled = by.mul_lazy::<Fq>(&inverse, prefix);
            inverse = by.mul_lazy::<Fq>(denominator, &inverse);
            let lambda = by.mul_lazy::<Fq>(numerator, &scaled);
            let x = reduce_twice::<Fq>(&sub_plain(&add_plain(&by.square_lazy::<Fq>(&lambda), &TWO_P), x_both));
            let distance = sub_plain(&add_plain(x_left, &P), &x);
            let y = reduce_twice::<Fq>(&sub_plain(&add_plain(&by.mul_lazy::<Fq>(&distance, &lambda), &P), y_left));
            sums[*output as usize - first] = from_limbs(x, y);
        }
    }
}

/// The point of coordinates below p.
fn from_limbs(x: Limbs, y: Limbs) -> Point {
    Point { x: Fq::from_limbs(x), y: Fq::from_limbs(y) }
}
