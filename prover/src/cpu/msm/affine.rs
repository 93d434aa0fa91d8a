//! Affine additions that share one inversion (Montgomery's trick).
//!
//! ```text
//! λ = (y₂ − y₁)/(x₂ − x₁)     x₃ = λ² − x₁ − x₂     y₃ = λ·(x₁ − x₃) − y₁          P₁ ≠ ±P₂
//! λ = 3·x₁²/(2·y₁)                                                                 P₁ = P₂
//! ```
//!
//! The denominators d_j of a block become prefix products D_j = d_0 ⋯ d_j; from I = 1/D_j follow 1/d_j = I·D_{j−1} and
//! 1/D_{j−1} = I·d_j. An addition costs 6 multiplications and its share of the inversion.
//!
//! A sum of many points is a tree: each round adds neighbours in pairs, and all pairs of a round are independent.
//!
//! The curve has prime order, so no point has y = 0, and (0, 0) is the identity.

use rayon::prelude::*;

use super::{Field, Fq, G1Affine};

#[cfg(target_arch = "x86_64")]
mod ifma;

/// How blocks of additions are done.
trait Kernel: Copy + Sync {
    type Point: Copy + Send + Sync;
    const IDENTITY: Self::Point;
    /// Additions to an inversion.
    const BLOCK: usize;

    /// ± point.
    fn load(point: &G1Affine, negative: bool) -> Self::Point;

    fn store(point: &Self::Point) -> G1Affine;

    /// Before a load from a random address.
    fn prefetch(_point: &G1Affine) {}

    /// Each sum from the point that `load` has at its step of the plan (see [`pair_up`]), and perhaps the one behind it.
    fn add_block(self, plan: &[u32], sums: &mut [Self::Point], load: &impl Fn(usize) -> Self::Point, hint: &impl Fn(usize));
}

/// Points `first..first + len` are to be summed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) first: u32,
    pub(super) len: u32,
}

/// An entry of [`Adder::sum_segments`]: a point, or its negative.
pub(super) fn entry(point: u32, negative: bool) -> u32 {
    point << 1 | u32::from(negative)
}

#[cfg(target_arch = "x86_64")]
type Vectors = ifma::Ifma;
#[cfg(not(target_arch = "x86_64"))]
type Vectors = std::convert::Infallible;

/// Who adds: vectors, if there are any, or [`Portable`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Adder(Option<Vectors>);

impl Adder {
    pub(super) const PORTABLE: Self = Self(None);

    pub(super) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        return Self(ifma::Ifma::detect());
        #[cfg(not(target_arch = "x86_64"))]
        return Self::PORTABLE;
    }

    /// The sum of each segment of the entries.
    pub(super) fn sum_segments(self, points: &[G1Affine], entries: &[u32], segments: &[Segment]) -> Vec<G1Affine> {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Some(kernel) => sum_segments_by(kernel, points, entries, segments),
            #[cfg(not(target_arch = "x86_64"))]
            Some(never) => match never {},
            None => sum_segments_by(Portable, points, entries, segments),
        }
    }
}

fn sum_segments_by<K: Kernel>(kernel: K, points: &[G1Affine], entries: &[u32], segments: &[Segment]) -> Vec<G1Affine> {
    let mut sums = vec![IDENTITY; segments.len()];
    let mut active: Vec<(u32, Segment)> = (0..).zip(segments.iter().copied()).filter(|(_, segment)| segment.len > 0).collect();
    let mut plan = pair_up(&mut active);
    let load = |i: usize| K::load(&points[(entries[i] >> 1) as usize], entries[i] & 1 == 1);
    let mut level = add_pairs(kernel, &plan, &load, &|i| K::prefetch(&points[(entries[i] >> 1) as usize]));
    loop {
        active.retain(|&(i, segment)| {
            if segment.len == 1 {
                sums[i as usize] = K::store(&level[segment.first as usize]);
            }
            segment.len > 1
        });
        if active.is_empty() {
            return sums;
        }
        plan = pair_up(&mut active);
        level = add_pairs(kernel, &plan, &|i| level[i], &|_| ());
    }
}

/// The sums of the pairs of entries 2i and 2i + 1, on this thread alone.
pub(super) fn sum_pairs(points: &[G1Affine], entries: &[u32]) -> Vec<G1Affine> {
    let plan: Vec<u32> = (0..entries.len() as u32 / 2).map(|i| i << 2 | 1).collect();
    let mut sums = vec![IDENTITY; plan.len()];
    for (plan, sums) in plan.chunks(Portable::BLOCK).zip(sums.chunks_mut(Portable::BLOCK)) {
        Portable.add_block(plan, sums, &|i| Portable::load(&points[(entries[i] >> 1) as usize], entries[i] & 1 == 1), &|_| ());
    }
    sums
}

const IDENTITY: G1Affine = G1Affine { x: Fq::ZERO, y: Fq::ZERO };

/// One round of the trees: where the left operand of each output is, and (bit 0) whether there is a right one beside it.
/// The segments become those of the outputs.
fn pair_up(active: &mut [(u32, Segment)]) -> Vec<u32> {
    let mut plan = Vec::with_capacity(active.iter().map(|(_, segment)| segment.len.div_ceil(2) as usize).sum());
    for (_, segment) in active {
        let Segment { first, len } = *segment;
        *segment = Segment { first: plan.len() as u32, len: len.div_ceil(2) };
        plan.extend((0..len / 2).map(|i| (first + 2 * i) << 1 | 1));
        if len % 2 == 1 {
            plan.push((first + len - 1) << 1);
        }
    }
    plan
}

fn add_pairs<K: Kernel>(
    kernel: K,
    plan: &[u32],
    load: &(impl Fn(usize) -> K::Point + Sync),
    hint: &(impl Fn(usize) + Sync),
) -> Vec<K::Point> {
    let mut sums = vec![K::IDENTITY; plan.len()];
    plan.par_chunks(K::BLOCK).zip(sums.par_chunks_mut(K::BLOCK)).for_each(|(plan, sums)| kernel.add_block(plan, sums, load, hint));
    sums
}

/// An addition that waits for its inverse: the left operand is in its output.
#[derive(Clone, Copy)]
struct Pending {
    output: u32,
    right: G1Affine,
    denominator: Fq,
    /// The product of the denominators before this one.
    prefix: Fq,
}

/// On any processor.
#[derive(Clone, Copy, Debug)]
struct Portable;

impl Kernel for Portable {
    type Point = G1Affine;
    const IDENTITY: G1Affine = IDENTITY;
    const BLOCK: usize = 512;

    fn load(point: &G1Affine, negative: bool) -> G1Affine {
        let G1Affine { x, y } = *point;
        G1Affine { x, y: if negative { -y } else { y } }
    }

    fn store(point: &G1Affine) -> G1Affine {
        *point
    }

    fn add_block(self, plan: &[u32], sums: &mut [G1Affine], load: &impl Fn(usize) -> G1Affine, _hint: &impl Fn(usize)) {
        let mut pending = Vec::with_capacity(plan.len());
        let mut product = Fq::ONE;
        for ((output, sum), &step) in (0..).zip(sums.iter_mut()).zip(plan) {
            let left = load((step >> 1) as usize);
            *sum = left;
            if step & 1 == 0 {
                continue;
            }
            let right = load((step >> 1) as usize + 1);
            let mut denominator = right.x - left.x;
            if right.y == Fq::ZERO {
                continue;
            }
            if left.y == Fq::ZERO {
                *sum = right;
                continue;
            }
            if denominator == Fq::ZERO {
                if left.y != right.y {
                    *sum = IDENTITY;
                    continue;
                }
                denominator = left.y.double();
            }
            pending.push(Pending { output, right, denominator, prefix: product });
            product *= denominator;
        }
        if pending.is_empty() {
            return;
        }
        let mut inverse = product.invert().unwrap_or(Fq::ZERO);
        for Pending { output, right, denominator, prefix } in pending.iter().rev() {
            let sum = &mut sums[*output as usize];
            let left = *sum;
            let numerator = if left.x == right.x {
                let square = left.x.square();
                square.double() + square
            } else {
                right.y - left.y
            };
            let lambda = numerator * (inverse * prefix);
            inverse *= denominator;
            sum.x = lambda.square() - left.x - right.x;
            sum.y = lambda * (left.x - sum.x) - left.y;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Group, G1};
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    /// The kernel of this machine against the portable one.
    #[test]
    fn kernels_agree() {
        let mut rng = ChaCha20Rng::seed_from_u64(6);
        let mut points: Vec<G1Affine> = (0..3000).map(|_| G1::random(&mut rng).into()).collect();
        points[7] = IDENTITY;
        points[9] = -points[8];
        points[11] = points[10];
        for num in [1, 2, 15, 16, 17, 40, 3000, 9000] {
            let mut entries: Vec<u32> = (0..num).map(|_| entry(rng.gen_range(0..3000), rng.gen())).collect();
            entries.extend([14, 14, 16, 18, 20, 22, 20, 23].iter().cycle().take(num as usize));
            let mut segments = vec![Segment { first: 0, len: 0 }];
            let mut first = 0;
            while first < entries.len() as u32 {
                let len = rng.gen_range(0..20u32).pow(2).min(entries.len() as u32 - first);
                segments.push(Segment { first, len });
                first += len;
            }
            let expected = sum_segments_by(Portable, &points, &entries, &segments);
            assert_eq!(Adder::detect().sum_segments(&points, &entries, &segments), expected);
        }
    }
}
