//! Which order and spacing each linear layer wants its inputs in, and what a tensor should therefore choose when it is free.
//!
//! A *grid* is a tensor seen as `[channels, images, height, width]`. It lies in a block for each channel; element
//! `(n, h, w)` has slot `offset + n·R·S + h·S + w`. Rows of `S ≥ width` slots leave a gap that stands for zero padding on the
//! right of one row and on the left of the next, and `R ≥ height` does the same between images.

use crate::error::LayoutError;
use crate::graph::{Channels, Conv, Linear, NodeId, QuantGraph, Term};
use crate::layout::room::Room;
use crate::number::fit;

/// No element: a zero.
pub(crate) const NONE: u32 = u32::MAX;

/// A tensor seen as `[channels, images, height, width]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) dims: [usize; 4],
    /// Flat index in the tensor for each element of the view, or [`NONE`].
    pub(crate) elements: Vec<u32>,
}

impl View {
    /// Blocks of so many elements, those of a tensor in order.
    pub(crate) fn blocks(blocks: usize, length: usize) -> Self {
        Self { dims: [blocks, 1, 1, length], elements: (0..fit(blocks * length)).collect() }
    }

    /// The columns of the matrices `[matrices, rows, columns]` of a tensor, a block for each.
    pub(crate) fn columns(dims: [usize; 3]) -> Self {
        let [matrices, rows, columns] = dims;
        Self { dims: [matrices * columns, 1, 1, rows], elements: by_column(dims).map(fit).collect() }
    }
}

/// The elements of the matrices `[matrices, rows, columns]` of a tensor, matrix by matrix and column by column.
pub(crate) fn by_column([matrices, rows, columns]: [usize; 3]) -> impl Iterator<Item = usize> {
    let column = move |n: usize, j: usize| (0..rows).map(move |i| (n * rows + i) * columns + j);
    (0..matrices).flat_map(move |n| (0..columns).flat_map(move |j| column(n, j)))
}

/// Slots of a row, and rows of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spacing {
    pub(crate) row: usize,
    pub(crate) image: usize,
}

impl Spacing {
    pub(crate) fn max(self, other: Self) -> Self {
        Self { row: self.row.max(other.row), image: self.image.max(other.image) }
    }

    pub(crate) fn covers(self, other: Self) -> bool {
        self.row >= other.row && self.image >= other.image
    }

    /// The slot of `(n, h, w)`, from offset 0.
    pub(crate) fn slot(self, n: usize, h: usize, w: usize) -> usize {
        (n * self.image + h) * self.row + w
    }
}

/// A view with the spacing it needs at least.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    pub(crate) view: View,
    pub(crate) spacing: Spacing,
}

/// A kernel element of a convolution without strides: output `(i, j)` reads input `(i + dh, j + dw)` of channel
/// `channel · phases + phase`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tap {
    pub(crate) dh: i64,
    pub(crate) dw: i64,
    pub(crate) phase: usize,
    /// Index in the kernel, row-major.
    pub(crate) kernel: usize,
}

/// Output of a linear layer as a grid, and whether it is laid out as a vector instead.
pub(crate) struct LinearForm {
    /// `[channels, images, height, width]` of the output.
    pub(crate) out: View,
    /// One position and one group: a dense layer.
    pub(crate) vector: bool,
}

/// The output of a linear layer as a grid.
pub(crate) fn linear_form(linear: &Linear, shape: &[usize]) -> LinearForm {
    LinearForm { out: tensor_view(linear.channels, shape), vector: is_vector(linear, shape) }
}

/// Whether the output of a linear layer is laid out as a vector.
pub(crate) fn is_vector(linear: &Linear, shape: &[usize]) -> bool {
    let groups = linear.terms.iter().map(|t| if let Term::Conv(c) = t { c.groups } else { 1 }).max().unwrap_or(1);
    groups == 1 && tensor_dims(linear.channels, shape)[1..].iter().product::<usize>() == 1
}

/// A tensor as a grid, in the order of axes that a layer uses.
pub(crate) fn tensor_view(channels: Channels, shape: &[usize]) -> View {
    match channels {
        Channels::First => split_view(shape, [1, 1]),
        Channels::Last => {
            let dims = tensor_dims(channels, shape);
            let [inner, _, _, positions] = dims;
            View::columns([1, positions, inner])
        }
    }
}

/// `[batch, channels, height, width]` with each channel split into `s_h · s_w` phases: polyphase components, which turn a
/// strided convolution into one without strides.
fn split_view(shape: &[usize], split: [usize; 2]) -> View {
    let [batch, channels, height, width] = [shape[0], shape[1], shape[2], shape[3]];
    let dims = split_dims(shape, split);
    let mut elements = Vec::with_capacity(dims.iter().product());
    for c in 0..channels {
        for phase in 0..split[0] * split[1] {
            for n in 0..batch {
                for i in 0..dims[2] {
                    for j in 0..dims[3] {
                        let (h, w) = (i * split[0] + phase / split[1], j * split[1] + phase % split[1]);
                        let inside = h < height && w < width;
                        elements.push(if inside { fit(((n * channels + c) * height + h) * width + w) } else { NONE });
                    }
                }
            }
        }
    }
    View { dims, elements }
}

/// Steps between outputs; an axis with one output has none.
pub(crate) fn stride(conv: &Conv, to: &[usize]) -> [usize; 2] {
    [0, 1].map(|axis| if to[2 + axis] == 1 { 1 } else { conv.stride[axis] })
}

/// Phases into which a term splits each channel of its input; `to` is the shape of the output.
pub(crate) fn phases(linear: &Linear, term: &Term, to: &[usize]) -> usize {
    match term {
        Term::Conv(conv) if linear.channels == Channels::First => stride(conv, to).iter().product(),
        Term::Conv(_) | Term::Scale(_) => 1,
    }
}

/// The dimensions of the view in which a term reads its input of shape `from`.
pub(crate) fn view_dims(linear: &Linear, term: &Term, from: &[usize], to: &[usize]) -> [usize; 4] {
    match (linear.channels, term) {
        (Channels::First, Term::Conv(conv)) => split_dims(from, stride(conv, to)),
        _ => tensor_dims(linear.channels, from),
    }
}

/// `[channels, images, height, width]` of a tensor.
fn tensor_dims(channels: Channels, shape: &[usize]) -> [usize; 4] {
    match channels {
        Channels::First => split_dims(shape, [1, 1]),
        Channels::Last => {
            let (inner, outer) = shape.split_last().map_or((1, shape), |(inner, outer)| (*inner, outer));
            [inner, 1, 1, outer.iter().product()]
        }
    }
}

/// `[channels · phases, images, height, width]` of polyphase components.
fn split_dims(shape: &[usize], split: [usize; 2]) -> [usize; 4] {
    let [batch, channels, height, width] = [shape[0], shape[1], shape[2], shape[3]];
    [channels * split[0] * split[1], batch, height.div_ceil(split[0]), width.div_ceil(split[1])]
}

/// The view in which a term reads its input of shape `from`, and its kernel as taps.
pub(crate) fn term_view(linear: &Linear, term: &Term, from: &[usize], to: &[usize]) -> (View, Vec<Tap>) {
    match term {
        Term::Conv(conv) if linear.channels == Channels::First => {
            let stride = stride(conv, to);
            (split_view(from, stride), taps(conv, stride))
        }
        Term::Conv(_) | Term::Scale(_) => (tensor_view(linear.channels, from), vec![Tap { dh: 0, dw: 0, phase: 0, kernel: 0 }]),
    }
}

fn taps(conv: &Conv, stride: [usize; 2]) -> Vec<Tap> {
    let shift = |k: usize, axis: usize| fit::<_, i64>(k * conv.dilation[axis]) - fit::<_, i64>(conv.pad_before[axis]);
    let stride = stride.map(fit::<_, i64>);
    let mut taps = Vec::with_capacity(conv.kernel[0] * conv.kernel[1]);
    for kh in 0..conv.kernel[0] {
        for kw in 0..conv.kernel[1] {
            let (h, w) = (shift(kh, 0), shift(kw, 1));
            let phase = h.rem_euclid(stride[0]) * stride[1] + w.rem_euclid(stride[1]);
            taps.push(Tap {
                dh: h.div_euclid(stride[0]),
                dw: w.div_euclid(stride[1]),
                phase: fit(phase),
                kernel: kh * conv.kernel[1] + kw,
            });
        }
    }
    taps
}

/// The smallest spacing with which no wanted output receives a product that wraps around a row or an image.
///
/// Output `(i, j)` reads `(i + dh, j + dw)`. If that lies left of the image, its slot is that of column `S + j + dw` of the row
/// before, which must be in the gap: `S ≥ W − min(dw)`. If it lies right of it, its slot is that of column
/// `j + dw − S`, which must be negative: `S ≥ W_out + max(dw)`. Likewise for rows and images.
pub(crate) fn spacing(input: &View, taps: &[Tap], output: &View) -> Spacing {
    let least = |size: usize, out: usize, low: i64, high: i64| {
        let [before, after] = [-low, high].map(|reach| fit::<_, usize>(reach.max(0)));
        (size + before).max(out + after)
    };
    let fold = |f: fn(&Tap) -> i64| (taps.iter().map(f).min().unwrap_or(0), taps.iter().map(f).max().unwrap_or(0));
    let ((low_h, high_h), (low_w, high_w)) = (fold(|t| t.dh), fold(|t| t.dw));
    Spacing {
        row: least(input.dims[3], output.dims[3], low_w, high_w),
        image: if input.dims[1] == 1 { 0 } else { least(input.dims[2], output.dims[2], low_h, high_h) },
    }
}

/// For each node, the view that its first reader wants it in, if a reader wants one.
///
/// # Errors
/// The views take more memory than there is room.
pub(crate) fn demands(graph: &QuantGraph, room: &mut Room) -> Result<Vec<Option<Demand>>, LayoutError> {
    let mut demands: Vec<Option<Demand>> = vec![None; graph.nodes.len()];
    for (at, node) in graph.nodes.iter().enumerate().rev() {
        node.op.operation().demand(graph, NodeId(at), &mut demands, room)?;
    }
    Ok(demands)
}
