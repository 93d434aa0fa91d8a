//! Sums of convolutions, dense layers and scaled tensors. No cell but the accumulators: they are polynomial identities at a random point.

mod place;
mod products;
pub(crate) mod sums;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Cells, Made, Operation};
use crate::column::{typed, IntColumn};
use crate::error::{GraphError, LayoutError};
use crate::graph::{Activation, Node, NodeId, QuantGraph};
use crate::layout::arrange::Arrangement;
use crate::layout::demand::{self, is_vector, linear_form, spacing, term_view, view_dims, Demand, Spacing, View};
use crate::layout::room::Room;
use crate::layout::rows::Origin;
use crate::layout::UnitStep;
use crate::number::fit;

/// The most slots of all blocks of an image, and the farthest that a kernel reaches.
const MAX_SLOTS: u128 = 1 << 30;

/// How [`Linear`] reads its tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channels {
    /// `[batch, channels, height, width]`; one-dimensional convolutions have height 1.
    First,
    /// `[positions, channels]`: dense layers. Kernels are 1×1.
    Last,
}

/// `acc = Σ terms + bias`. Term `t` reads input `t` of the node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// Order of the axes, the same for all inputs and the output.
    pub channels: Channels,
    /// What each input contributes.
    pub terms: Vec<Term>,
    /// `[output channels]`, added to the accumulator.
    pub bias: Vec<i64>,
    /// Applied after requantisation.
    pub activation: Activation,
}

/// One summand of a [`Linear`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Term {
    /// A convolution, or a dense layer when the kernel is 1×1.
    Conv(Conv),
    /// `factor · x`, with `x` of the output's shape.
    Scale(i32),
}

/// A two-dimensional convolution (cross-correlation, as ONNX has it).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv {
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps between outputs.
    pub stride: [usize; 2],
    /// Zeros before the first row and column.
    pub pad_before: [usize; 2],
    /// Steps between kernel elements.
    pub dilation: [usize; 2],
    /// Groups; input and output channels are multiples of it.
    pub groups: usize,
    /// `[output channels, input channels / groups, kernel height, kernel width]`, each of at most 32 bits.
    pub weights: IntColumn,
}

impl Conv {
    /// A convolution; the arguments are the fields.
    pub fn new(
        kernel: [usize; 2],
        stride: [usize; 2],
        pad_before: [usize; 2],
        dilation: [usize; 2],
        groups: usize,
        weights: Vec<i32>,
    ) -> Self {
        Self { kernel, stride, pad_before, dilation, groups, weights: weights.into() }
    }

    /// A dense layer, `[outputs, inputs]`.
    pub fn dense(weights: Vec<i32>) -> Self {
        Self::new([1, 1], [1, 1], [0, 0], [1, 1], 1, weights)
    }
}

impl Operation for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn check(&self, graph: &QuantGraph, node: &Node) -> Result<(), &'static str> {
        linear_structure(graph, node, self)
    }

    fn largest_sum(&self, _node: &Node, sizes: &[u128]) -> u128 {
        let outputs = self.bias.len();
        let per_output = |o: usize| {
            let terms = self.terms.iter().zip(sizes).map(|(term, size)| {
                size * match term {
                    Term::Scale(f) => u128::from(f.unsigned_abs()),
                    Term::Conv(c) => {
                        let n = c.weights.len() / outputs;
                        c.weights.sum_abs(o * n..(o + 1) * n)
                    }
                }
            });
            terms.sum::<u128>() + u128::from(self.bias[o].unsigned_abs())
        };
        (0..outputs).map(per_output).max().unwrap_or(0)
    }

    fn make(&self, graph: &QuantGraph, node: &Node, args: &[&[i32]]) -> Result<Made, GraphError> {
        let shapes: Vec<&[usize]> = node.inputs.iter().map(|&id| graph.node(id).shape.as_slice()).collect();
        Ok(Made::Sums(linear_sum(self, node, args, &shapes)))
    }

    fn cells(
        &self,
        graph: &QuantGraph,
        node: &Node,
        args: &[&[i32]],
        steps: &[&UnitStep],
        lanes: usize,
    ) -> Result<(Vec<Cells>, Made), GraphError> {
        let [kept, wanted] = self.sums(graph, node, args, steps.first().copied(), lanes);
        let is_flat = steps.first().is_some_and(|step| step.flat.is_some());
        Ok((vec![if is_flat { Cells::Slots(kept) } else { Cells::Elements(kept) }], Made::Sums(wanted)))
    }

    fn is_grid(&self, node: &Node) -> bool {
        !is_vector(self, &node.shape)
    }

    fn demand(&self, graph: &QuantGraph, id: NodeId, demands: &mut [Option<Demand>], room: &mut Room) -> Result<(), LayoutError> {
        let node = graph.node(id);
        for (term, &input) in self.terms.iter().zip(&node.inputs) {
            let dims = view_dims(self, term, &graph.node(input).shape, &node.shape);
            room.take::<u32>(dims.into_iter().fold(1, usize::saturating_mul), node)?;
        }
        room.has::<u32>(node.elements(), node)?;
        linear_demands(graph, node, self, id.0, demands);
        Ok(())
    }

    fn place(&self, arrangement: &mut Arrangement<'_>, id: NodeId) -> Result<Vec<Origin>, LayoutError> {
        arrangement.linear(id, arrangement.graph.node(id), self)
    }
}

impl Linear {
    /// The accumulators of its units, and of its elements.
    fn sums(&self, graph: &QuantGraph, node: &Node, args: &[&[i32]], step: Option<&UnitStep>, lanes: usize) -> [Vec<i64>; 2] {
        match step {
            Some(step @ UnitStep { flat: Some(flat), .. }) => {
                let size = step.slots.block_rows * lanes;
                let sums = sums::flat_sums(self, flat, args, size);
                let wanted = sums::wanted_sums(node, self, step, &sums, size);
                [sums, wanted]
            }
            Some(step) if self.channels == Channels::Last && node.elements() > self.bias.len() => {
                let sums = sums::dense_sums(self, args, node.elements() / self.bias.len());
                let mut biased = sums.clone();
                biased.par_chunks_mut(self.bias.len()).for_each(|row| row.iter_mut().zip(&self.bias).for_each(|(sum, bias)| *sum += bias));
                if step.by_position {
                    [biased.clone(), biased]
                } else {
                    [sums, biased]
                }
            }
            _ => {
                let sums = sums::vector_sums(graph, node, self, args);
                [sums.clone(), sums]
            }
        }
    }
}

fn linear_structure(graph: &QuantGraph, node: &Node, linear: &Linear) -> Result<(), &'static str> {
    let outputs = linear.bias.len();
    if linear.terms.is_empty() || linear.terms.len() != node.inputs.len() {
        return Err("a term for each input");
    }
    let channel_axis = match linear.channels {
        Channels::First if node.shape.len() == 4 => 1,
        Channels::Last if !node.shape.is_empty() => node.shape.len() - 1,
        _ => return Err("images have four axes"),
    };
    if node.shape[channel_axis] != outputs {
        return Err("a bias for each output channel");
    }
    for (term, &id) in linear.terms.iter().zip(&node.inputs) {
        let x = graph.node(id);
        match term {
            Term::Scale(_) if x.shape != node.shape => return Err("a scaled tensor has the output's shape"),
            Term::Scale(_) => {}
            Term::Conv(conv) => {
                if x.shape.len() != node.shape.len() {
                    return Err("input and output have the same number of axes");
                }
                let inputs = x.shape[channel_axis];
                let size = conv.kernel[0].saturating_mul(conv.kernel[1]);
                if conv.groups == 0 || !inputs.is_multiple_of(conv.groups) || !outputs.is_multiple_of(conv.groups) {
                    return Err("groups divide the channels");
                }
                if size == 0 || conv.stride.contains(&0) || conv.dilation.contains(&0) {
                    return Err("kernel, stride and dilation are positive");
                }
                if matches!(conv.weights, IntColumn::I64(_)) {
                    return Err("a weight has at most 32 bits");
                }
                if Some(conv.weights.len()) != (outputs * (inputs / conv.groups)).checked_mul(size) {
                    return Err("weights are [outputs, inputs / groups, kernel]");
                }
                let same = match linear.channels {
                    Channels::First => x.shape[0] == node.shape[0],
                    Channels::Last => {
                        x.shape[..channel_axis] == node.shape[..channel_axis] && size == 1 && conv.stride == [1, 1] && conv.groups == 1
                    }
                };
                if !same {
                    return Err("batch and positions of input and output agree");
                }
                if linear.channels == Channels::First && !has_slots(conv, &x.shape, &node.shape) {
                    return Err("blocks of an image have at most 2^30 slots");
                }
            }
        }
    }
    Ok(())
}

/// Whether the blocks of a convolution's input and output, with their gaps, have at most [`MAX_SLOTS`] slots.
fn has_slots(conv: &Conv, from: &[usize], to: &[usize]) -> bool {
    let strides = demand::stride(conv, to);
    let mut slots = fit::<_, u128>(from[0]);
    let mut phases = 1u128;
    for axis in 0..2 {
        let [size, out, stride] = [from[2 + axis], to[2 + axis], strides[axis]].map(fit::<_, u128>);
        let reach = fit::<_, u128>(conv.kernel[axis] - 1) * fit::<_, u128>(conv.dilation[axis]);
        let pad = fit::<_, u128>(conv.pad_before[axis]);
        if [reach, pad, stride].iter().any(|&v| v > MAX_SLOTS) {
            return false;
        }
        slots = slots.saturating_mul(size.div_ceil(stride) + pad.div_ceil(stride) + out + reach.div_ceil(stride));
        phases *= stride;
    }
    slots.saturating_mul((fit::<_, u128>(from[1]) * phases).max(fit(to[1]))) <= MAX_SLOTS
}

fn linear_sum(linear: &Linear, node: &Node, args: &[&[i32]], shapes: &[&[usize]]) -> Vec<i64> {
    let mut acc: Vec<i64> = match linear.channels {
        Channels::First => {
            let plane: usize = node.shape[2..].iter().product();
            let channels = linear.bias.len();
            (0..node.elements()).map(|i| linear.bias[i / plane % channels]).collect()
        }
        Channels::Last => (0..node.elements()).map(|i| linear.bias[i % linear.bias.len()]).collect(),
    };
    for ((term, x), shape) in linear.terms.iter().zip(args).zip(shapes) {
        match term {
            Term::Scale(factor) => acc.iter_mut().zip(*x).for_each(|(a, &x)| *a += i64::from(*factor) * i64::from(x)),
            Term::Conv(conv) => match linear.channels {
                Channels::First => typed!(&conv.weights, w => convolve(conv, w, x, [shape, &node.shape], &mut acc)),
                Channels::Last => typed!(&conv.weights, w => dense(w, x, shape[shape.len() - 1], linear.bias.len(), &mut acc)),
            },
        }
    }
    acc
}

fn dense<T: Copy + Sync + Into<i64>>(weights: &[T], x: &[i32], inputs: usize, outputs: usize, acc: &mut [i64]) {
    acc.par_chunks_mut(outputs).zip(x.par_chunks(inputs)).for_each(|(acc, x)| {
        for (acc, row) in acc.iter_mut().zip(weights.chunks(inputs)) {
            *acc += row.iter().zip(x).map(|(&w, &x)| w.into() * i64::from(x)).sum::<i64>();
        }
    });
}

fn convolve<T: Copy + Sync + Into<i64>>(conv: &Conv, weights: &[T], x: &[i32], [from, to]: [&[usize]; 2], acc: &mut [i64]) {
    let (channels, height, width) = (from[1], from[2], from[3]);
    let (outputs, rows, cols) = (to[1], to[2], to[3]);
    let (inputs_per_group, outputs_per_group) = (channels / conv.groups, outputs / conv.groups);
    let [kernel_h, kernel_w] = conv.kernel;
    acc.par_chunks_mut(rows * cols).enumerate().for_each(|(plane, acc)| {
        let (batch, o) = (plane / outputs, plane % outputs);
        for c in 0..inputs_per_group {
            let channel = o / outputs_per_group * inputs_per_group + c;
            let image = &x[(batch * channels + channel) * height * width..][..height * width];
            for (tap, &w) in weights[(o * inputs_per_group + c) * kernel_h * kernel_w..][..kernel_h * kernel_w].iter().enumerate() {
                let (dh, dw) = (tap / kernel_w * conv.dilation[0], tap % kernel_w * conv.dilation[1]);
                for i in 0..rows {
                    let Some(h) = (i * conv.stride[0] + dh).checked_sub(conv.pad_before[0]).filter(|&h| h < height) else { continue };
                    for j in 0..cols {
                        let Some(v) = (j * conv.stride[1] + dw).checked_sub(conv.pad_before[1]).filter(|&v| v < width) else { continue };
                        acc[i * cols + j] += w.into() * i64::from(image[h * width + v]);
                    }
                }
            }
        }
    });
}

fn linear_demands(graph: &QuantGraph, node: &Node, linear: &Linear, at: usize, demands: &mut [Option<Demand>]) {
    let form = linear_form(linear, &node.shape);
    if form.vector {
        return;
    }
    let mut own = Spacing { row: 0, image: 0 };
    let mut views: Vec<(NodeId, View)> = Vec::new();
    for (term, &input) in linear.terms.iter().zip(&node.inputs) {
        let (view, taps) = term_view(linear, term, &graph.node(input).shape, &node.shape);
        // A scaled tensor may lie in either order.
        if linear.channels == Channels::Last && matches!(term, Term::Scale(_)) && demands[input.0].is_some() {
            continue;
        }
        own = own.max(spacing(&view, &taps, &form.out));
        views.push((input, view));
    }
    // The output has the spacing of its inputs, so what its readers need is asked of the inputs.
    if let Some(demand) = demands[at].as_ref().filter(|d| d.view == form.out) {
        own = own.max(demand.spacing);
    }
    for (input, view) in views {
        let spacing = match &demands[input.0] {
            Some(later) if later.view == view => own.max(later.spacing),
            _ => own,
        };
        demands[input.0] = Some(Demand { view, spacing });
    }
}
