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

use std::cell::RefCell;

use super::super::{Field, Fq};
use super::{Block, Kernel, Operands, Point, Run, IDENTITY, RUN};
use crate::cpu::scalar::{add_plain, is_zero, negate_if, reduce_twice, sub_plain, Limbs, Multiplier, Prime};

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

    fn finish(sum: &Point) -> Point {
        *sum
    }

    fn add_block(self, first: usize, block: &Block, sums: &mut [Point], from: &impl Operands) {
        thread_local! {
            // Pages that the operating system would clear each time.
            static SCRATCH: RefCell<Vec<Pending>> = RefCell::default();
        }
        if !block.additions.is_empty() {
            SCRATCH.with_borrow_mut(|scratch| self.add_runs(first, &block.additions, sums, from, scratch));
        }
    }
}

impl<M: Multiplier> Portable<M> {
    fn add_runs(self, first: usize, runs: &[Run], sums: &mut [Point], from: &impl Operands, scratch: &mut Vec<Pending>) {
        let Self(by) = self;
        scratch.resize(RUN * runs.len(), Pending::default());
        let mut count = 0;
        let mut product = *Fq::ONE.limbs();
        for (i, run) in runs.iter().enumerate() {
            runs.get(i + AHEAD).into_iter().flat_map(Run::operands).for_each(|operand| from.prefetch(operand));
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
        let inverse = Fq::from_limbs(reduce_twice::<Fq>(&product)).invert().unwrap_or(Fq::ZERO);
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
