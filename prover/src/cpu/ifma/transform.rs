//! The transforms of [`Domain`](super::ntt::Domain) on eight elements at a time.
//!
//! ```text
//! load, first layers | two layers a pass, block by block, while a block has more than 64 elements | 6 layers of 64 elements, store
//! ```
//!
//! Down the tree the array is re-sliced once into lanes of 52-bit limbs, in natural order, and a root is broadcast over its
//! block. In a block of 64 elements the last three layers fall within a vector: the block is transposed as 8 × 8, so that
//! lane j holds the j-th of eight neighbouring blocks of 8 elements, each with its own roots, and it is stored from there.
//! The way up is the same in reverse.
//!
//! Bounds, in multiples of p: a layer down adds at most 2 to every value, but the second, of roots 1 and √−1, may add 16:
//! below 71 after 28 layers. A sum on the way up doubles, and is reduced after two or three layers.
#![expect(unsafe_code, reason = "calls of functions that need vector instructions")]

use super::lanes::{transpose, Lanes, Root};
use super::limbs::{elements, elements_mut, Factor};
use super::Ifma;
use halo2_proofs::halo2curves::bn256::Fr;
use rayon::prelude::*;

/// log₂ of the elements of the smallest block, eight vectors; also of the smallest transform.
pub(crate) const LOG_BLOCK: u32 = 6;
/// Vectors of a task when a pass over a column is shared out.
const TASK: usize = 1 << 6;

/// The roots of one direction, ω^(∓rev(i)), in two forms.
#[derive(Clone, Debug)]
struct Roots {
    /// Of the nodes of the levels above vectors, i < n/16.
    nodes: Vec<Factor>,
    /// Of the three levels within vectors, for each block of 64 elements: 1, 2 and 4 nodes, in eight lanes.
    lanes: Vec<[Root; 7]>,
}

impl Roots {
    fn new(roots: &[Fr]) -> Self {
        let factors: Vec<Factor> = roots.par_iter().map(Factor::new).collect();
        let blocks = roots.len() >> (LOG_BLOCK - 1);
        // Node i of the level of 8-element blocks is lane i mod 8 of block i / 8; it has nodes 2i, 2i + 1 below it.
        let level =
            |block: usize, width: usize, node: usize| Root::gather(std::array::from_fn(|j| &factors[(8 * block + j) * width + node]));
        let lanes = |b| [level(b, 1, 0), level(b, 2, 0), level(b, 2, 1), level(b, 4, 0), level(b, 4, 1), level(b, 4, 2), level(b, 4, 3)];
        let lanes = (0..blocks).into_par_iter().map(lanes).collect();
        Self { nodes: factors[..roots.len() / 8].to_vec(), lanes }
    }

    /// The roots of the three levels of a block of 64 elements above its vectors.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    fn block(&self, i: usize) -> [Root; 7] {
        let node = |i: usize| Root::broadcast(&self.nodes[i]);
        [node(i), node(2 * i), node(2 * i + 1), node(4 * i), node(4 * i + 1), node(4 * i + 2), node(4 * i + 3)]
    }

    /// The roots of two levels from node i.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    fn pair(&self, i: usize) -> [Root; 3] {
        [Root::broadcast(&self.nodes[i]), Root::broadcast(&self.nodes[2 * i]), Root::broadcast(&self.nodes[2 * i + 1])]
    }
}

/// What the way down ends with.
#[derive(Clone, Copy)]
pub(crate) enum Scale<'a> {
    /// Division by the number of points.
    Divide,
    /// Products with these factors.
    Powers(&'a [Fr]),
}

/// The vector form of a domain; it is only made with proof of the instructions.
#[derive(Clone, Debug)]
pub(crate) struct Transform {
    k: u32,
    down: Roots,
    up: Roots,
}

impl Transform {
    /// From the tables of a domain of 2^k points, if it is not too small.
    pub(crate) fn new(_: Ifma, k: u32, down: &[Fr], up: &[Fr]) -> Option<Self> {
        (k >= LOG_BLOCK).then(|| Self { k, down: Roots::new(down), up: Roots::new(up) })
    }

    /// Room for the lanes of a column.
    pub(crate) fn scratch(&self) -> Vec<Lanes> {
        vec![Lanes::zero(); 1 << (self.k - 3)]
    }

    /// Values in natural order to coefficients in bit-reversed order, in place.
    pub(crate) fn descend(&self, column: &mut [Fr], scale: Scale, scratch: &mut [Lanes], parallel: bool) {
        let Self { k, down, .. } = self;
        let column = elements_mut(column);
        let quarter = scratch.len() / 4;
        let from: &[[u64; 4]] = column;
        // SAFETY: `Transform::new` took proof of the instructions.
        match k - LOG_BLOCK {
            0 => for_rows([scratch], 0, parallel, &|at, rows| unsafe { load_rows(from, at, rows, down) }),
            odd if odd % 2 == 1 => {
                let (low, high) = scratch.split_at_mut(2 * quarter);
                for_rows([low, high], 0, parallel, &|at, rows| unsafe { load_rows(from, at, rows, down) });
            }
            _ => for_rows(quarters(scratch), 0, parallel, &|at, rows| unsafe { load_rows(from, at, rows, down) }),
        }
        let top = scratch.len() >> top_layers(*k);
        let task = Descent { k: *k, roots: down, scale };
        let blocks = scratch.chunks_exact_mut(top).zip(column.chunks_exact_mut(8 * top)).enumerate();
        if parallel {
            blocks.par_bridge().for_each(|(i, (block, to))| task.descend(block, i, to, true));
        } else {
            blocks.for_each(|(i, (block, to))| task.descend(block, i, to, false));
        }
    }

    /// Coefficients in bit-reversed order, times the factors, to values in natural order.
    pub(crate) fn ascend(&self, from: &[Fr], powers: &[Fr], to: &mut [Fr], scratch: &mut [Lanes], parallel: bool) {
        let Self { k, up, .. } = self;
        let top = scratch.len() >> top_layers(*k);
        let task = Ascent { roots: up, from: elements(from), powers: elements(powers) };
        let blocks = scratch.chunks_exact_mut(top).enumerate();
        if parallel {
            blocks.par_bridge().for_each(|(i, block)| task.ascend(block, i, true));
        } else {
            blocks.for_each(|(i, block)| task.ascend(block, i, false));
        }
        let to = elements_mut(to);
        let row = to.len() >> top_layers(*k);
        let scratch: &[Lanes] = scratch;
        // SAFETY: `Transform::new` took proof of the instructions.
        match top_layers(*k) {
            0 => for_rows([to], 0, parallel, &|at, rows| unsafe { store_rows(scratch, at / 8, rows, up) }),
            1 => {
                let (low, high) = to.split_at_mut(row);
                for_rows([low, high], 0, parallel, &|at, rows| unsafe { store_rows(scratch, at / 8, rows, up) });
            }
            _ => for_rows(quarters(to), 0, parallel, &|at, rows| unsafe { store_rows(scratch, at / 8, rows, up) }),
        }
    }
}

/// The layers joined to loading or storing, so that an even number is left above the blocks of 64 elements.
fn top_layers(k: u32) -> u32 {
    match k - LOG_BLOCK {
        0 => 0,
        layers => 2 - layers % 2,
    }
}

fn quarters<T>(x: &mut [T]) -> [&mut [T]; 4] {
    let (low, high) = x.split_at_mut(x.len() / 2);
    let ((a, b), (c, d)) = (low.split_at_mut(low.len() / 2), high.split_at_mut(high.len() / 2));
    [a, b, c, d]
}

/// Calls `apply` on pieces of rows of equal length with the index of their first element.
fn for_rows<T: Send, const R: usize>(mut rows: [&mut [T]; R], at: usize, parallel: bool, apply: &(impl Fn(usize, [&mut [T]; R]) + Sync)) {
    let length = rows[0].len();
    if !parallel || length <= TASK {
        return apply(at, rows);
    }
    let high = rows.each_mut().map(|row| {
        let (low, high) = std::mem::take(row).split_at_mut(length / 2);
        *row = low;
        high
    });
    rayon::join(|| for_rows(rows, at, true, apply), || for_rows(high, at + length / 2, true, apply));
}

/// The way down from a block; made by `Transform` only.
struct Descent<'a> {
    k: u32,
    roots: &'a Roots,
    scale: Scale<'a>,
}

impl Descent<'_> {
    fn descend(&self, block: &mut [Lanes], index: usize, to: &mut [[u64; 4]], parallel: bool) {
        if let Ok(block) = <&mut [Lanes; 8]>::try_from(&mut *block) {
            // SAFETY: `Transform::new` took proof of the instructions.
            unsafe { self.finish(block, index, to) };
            return;
        }
        let parallel = parallel && block.len() > 4 * TASK;
        // SAFETY: as above.
        for_rows(quarters(block), 0, parallel, &|_, rows| unsafe { split_rows(rows, &self.roots.pair(index)) });
        let children = quarters(block).into_iter().zip(quarters(to)).enumerate();
        if parallel {
            children.par_bridge().for_each(|(i, (child, to))| self.descend(child, 4 * index + i, to, true));
        } else {
            children.for_each(|(i, (child, to))| self.descend(child, 4 * index + i, to, false));
        }
    }

    /// The last six layers of 64 elements.
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    fn finish(&self, block: &mut [Lanes; 8], index: usize, to: &mut [[u64; 4]]) {
        split_block(block, &self.roots.block(index));
        transpose(block);
        split_block(block, &self.roots.lanes[index]);
        for (i, x) in block.iter().enumerate() {
            let x = match self.scale {
                Scale::Divide => x.div_power(self.k),
                Scale::Powers(powers) => x.reduce().mul(&Lanes::load_factor(elements(powers), 64 * index + i, 8)),
            };
            x.sub_p().store(to, i, 8);
        }
    }
}

/// The way up to a block; made by `Transform` only.
struct Ascent<'a> {
    roots: &'a Roots,
    from: &'a [[u64; 4]],
    powers: &'a [[u64; 4]],
}

impl Ascent<'_> {
    fn ascend(&self, block: &mut [Lanes], index: usize, parallel: bool) {
        if let Ok(block) = <&mut [Lanes; 8]>::try_from(&mut *block) {
            // SAFETY: `Transform::new` took proof of the instructions.
            unsafe { self.start(block, index) };
            return;
        }
        let parallel = parallel && block.len() > 4 * TASK;
        let children = quarters(block).into_iter().enumerate();
        if parallel {
            children.par_bridge().for_each(|(i, child)| self.ascend(child, 4 * index + i, true));
        } else {
            children.for_each(|(i, child)| self.ascend(child, 4 * index + i, false));
        }
        // SAFETY: as above.
        for_rows(quarters(block), 0, parallel, &|_, rows| unsafe { merge_rows(rows, &self.roots.pair(index)) });
    }

    /// The first six layers of 64 elements.
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    fn start(&self, block: &mut [Lanes; 8], index: usize) {
        for (i, x) in block.iter_mut().enumerate() {
            let at = 64 * index + i;
            *x = Lanes::load(self.from, at, 8).mul(&Lanes::load_factor(self.powers, at, 8));
        }
        merge_block(block, &self.roots.lanes[index]);
        transpose(block);
        merge_block(block, &self.roots.block(index));
    }
}

/// a, b -> a + r·b, a − r·b + 2p.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn split(a: &Lanes, b: &Lanes, root: &Root) -> (Lanes, Lanes) {
    let t = root.mul(&b.carry());
    (a.add(&t), a.sub(&t))
}

/// `split` for the root 1; b is proper and below p.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn split_one(a: &Lanes, b: &Lanes) -> (Lanes, Lanes) {
    (a.add(b), a.sub(b))
}

/// a, b -> a + b, r·(a − b).
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn merge(a: &Lanes, b: &Lanes, root: &Root) -> (Lanes, Lanes) {
    (a.add(b), root.mul(&a.sub_wide(b).carry()))
}

/// Three layers down of eight vectors; roots of 1, 2 and 4 nodes.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn split_block(v: &mut [Lanes; 8], roots: &[Root; 7]) {
    for i in 0..4 {
        (v[i], v[i + 4]) = split(&v[i], &v[i + 4], &roots[0]);
    }
    for i in [0, 1, 4, 5] {
        (v[i], v[i + 2]) = split(&v[i], &v[i + 2], &roots[1 + i / 4]);
    }
    for i in [0, 2, 4, 6] {
        (v[i], v[i + 1]) = split(&v[i], &v[i + 1], &roots[3 + i / 2]);
    }
}

/// Three layers up of eight vectors below 3p, sums of two proper values, to such; roots of 1, 2 and 4 nodes.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn merge_block(v: &mut [Lanes; 8], roots: &[Root; 7]) {
    for i in [0, 2, 4, 6] {
        (v[i], v[i + 1]) = merge(&v[i], &v[i + 1], &roots[3 + i / 2]);
    }
    for i in [0, 1, 4, 5] {
        (v[i], v[i + 2]) = merge(&v[i], &v[i + 2], &roots[1 + i / 4]);
    }
    for i in 0..4 {
        (v[i], v[i + 4]) = merge(&v[i], &v[i + 4], &roots[0]);
    }
    // The sums of eight values and of four products; the others are of at most two products.
    v[0] = v[0].reduce();
    v[1] = v[1].reduce();
}

/// Two layers down of four rows.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn split_rows([a, b, c, d]: [&mut [Lanes]; 4], roots: &[Root; 3]) {
    for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
        let (w, y) = split(a, c, &roots[0]);
        let (x, z) = split(b, d, &roots[0]);
        (*a, *b) = split(&w, &x, &roots[1]);
        (*c, *d) = split(&y, &z, &roots[2]);
    }
}

/// Two layers up of four rows of values below 3p, sums of two proper ones, to such.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn merge_rows([a, b, c, d]: [&mut [Lanes]; 4], roots: &[Root; 3]) {
    for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
        let (w, x) = merge(a, b, &roots[1]);
        let (y, z) = merge(c, d, &roots[2]);
        let sum;
        (sum, *c) = merge(&w, &y, &roots[0]);
        *a = sum.reduce();
        (*b, *d) = merge(&x, &z, &roots[0]);
    }
}

/// Loads R = 1, 2, 4 rows and takes them down log₂ R layers from the root of the tree, from index `at` of each row.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn load_rows<const R: usize>(from: &[[u64; 4]], at: usize, rows: [&mut [Lanes]; R], roots: &Roots) {
    let length = from.len() / R;
    let quarter = Root::broadcast(&roots.nodes[1]);
    for i in 0..rows[0].len() {
        let mut v = [Lanes::zero(); R];
        for (row, x) in v.iter_mut().enumerate() {
            *x = Lanes::load(from, row * length + 8 * (at + i), 1);
        }
        if R == 2 {
            (v[0], v[1]) = split_one(&v[0], &v[1]);
        }
        if R == 4 {
            (v[0], v[2]) = split_one(&v[0], &v[2]);
            (v[1], v[3]) = split_one(&v[1], &v[3]);
            (v[0], v[1]) = (v[0].add(&v[1]), v[0].sub_wide(&v[1]));
            (v[2], v[3]) = split(&v[2], &v[3], &quarter);
        }
        for (row, x) in v.iter().enumerate() {
            rows[row][i] = *x;
        }
    }
}

/// `load_rows` undone: the last log₂ R layers up and the store, from vector `at` of each row.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn store_rows<const R: usize>(from: &[Lanes], at: usize, rows: [&mut [[u64; 4]]; R], roots: &Roots) {
    let length = from.len() / R;
    let quarter = Root::broadcast(&roots.nodes[1]);
    for i in 0..rows[0].len() / 8 {
        let mut v = [Lanes::zero(); R];
        for (row, x) in v.iter_mut().enumerate() {
            *x = from[row * length + at + i];
        }
        if R == 2 {
            (v[0], v[1]) = (v[0].add(&v[1]), v[0].sub_wide(&v[1]));
        }
        if R == 4 {
            (v[0], v[1]) = (v[0].add(&v[1]), v[0].sub_wide(&v[1]));
            (v[2], v[3]) = merge(&v[2], &v[3], &quarter);
            (v[0], v[2]) = (v[0].add(&v[2]), v[0].sub_wide(&v[2]));
            (v[1], v[3]) = (v[1].add(&v[3]), v[1].sub_wide(&v[3]));
        }
        for (row, x) in v.iter().enumerate() {
            x.reduce().sub_p().store(rows[row], 8 * i, 1);
        }
    }
}
