//! Emit: the integer graph for given scales. What an operand's integers stand for is multiplied into the coefficients here, and
//! nowhere else.
//!
//! ```text
//! w_int = round(w·s_x·2^b / s_q)     bias_int = round(bias·2^b / s_q) − z·2^b     q = v / s_q − z
//! ```
//!
//! If `x` has [features](super::features), `s_x` is that of the element or channel, and `bias` has `w·z_x` more.

use std::collections::HashMap;

use sworn_circuits::graph as quant;
use sworn_circuits::graph::{NodeId, Output, QuantGraph};

use super::features::{self, Element, Elements};
use super::plan::{is_scored, Activation, Form, Plan, Site};
use super::record::Record;
use super::rounding::{self, coefficient, constant, Layer, LIMIT};
use super::rows::{self, shift, Row};
use super::scales::Scales;
use super::{table, Quantised};
use crate::error::OnnxError;
use crate::graph::{Graph, Linear, Node, Op, Source, Term};

/// The integer graph that a record says, whatever it says.
pub(super) fn emit(graph: &Graph, plan: &Plan<'_>, record: Record) -> Result<Quantised, OnnxError> {
    let Record { bits, ref scales, ref means } = record;
    let width = rows::width(graph, bits);
    let out = QuantGraph { bits: width, nodes: Vec::new(), inputs: Vec::new(), outputs: Vec::new(), tables: Vec::new() };
    let mut emitter = Emitter {
        graph,
        scales,
        means,
        plan,
        bits,
        width,
        out,
        origins: Vec::new(),
        elements: HashMap::new(),
        bounds: Vec::new(),
        place: HashMap::new(),
        tables: HashMap::new(),
    };
    for (index, site) in plan.iter() {
        emitter.site(index, site)?;
    }
    let place = |id: &NodeId| emitter.place.get(&id.0).copied();
    emitter.out.inputs = graph.inputs.iter().filter_map(place).collect();
    let output = |output: &Output| place(&output.node).map(|node| Output::new(node, output.name.clone()));
    emitter.out.outputs = graph.outputs.iter().filter_map(output).collect();
    let (graph, origins, elements) = (emitter.out, emitter.origins, emitter.elements);
    Ok(Quantised { graph, origins, record, elements })
}

struct Emitter<'a> {
    graph: &'a Graph,
    scales: &'a Scales,
    /// For each float node, the mean integers of what each term of a linear layer reads, by channel.
    means: &'a [Vec<Vec<i64>>],
    plan: &'a Plan<'a>,
    /// Of tensors.
    bits: u32,
    /// Of range checks.
    width: u32,
    out: QuantGraph,
    origins: Vec<NodeId>,
    /// Scale and offset of the elements of nodes that move features.
    elements: HashMap<usize, Vec<[f64; 2]>>,
    /// Smallest and largest integer of each node of `out`.
    bounds: Vec<(i64, i64)>,
    /// Float node to node of `out`.
    place: HashMap<usize, NodeId>,
    /// Contents of a table to its index.
    tables: HashMap<(i32, Vec<i32>), usize>,
}

impl Emitter<'_> {
    fn site(&mut self, index: usize, site: Site<'_>) -> Result<(), OnnxError> {
        let node = &self.graph.nodes[index];
        let half = 1i64 << (self.width - 1);
        let id = match site.form {
            Form::Input => self.input(index, node, (-half, half - 1)),
            Form::Move => self.moved(index, node)?,
            Form::Probabilities(from) => self.probabilities(index, node, from)?,
            Form::Accumulate(pre) => {
                let activation = self.activation(index, site);
                self.accumulate(index, node, pre, activation)?
            }
            Form::Copy(from) => {
                let activation = self.activation(index, site);
                let op = self.copy(node, from, self.scales.requantised(index), self.offset(index) << self.bits, activation)?;
                let bounds = self.activated(activation);
                self.push(index, node, quant::Op::Elementwise(op), vec![self.place(from)], bounds)
            }
        };
        self.place.insert(index, id);
        Ok(())
    }

    fn input(&mut self, index: usize, node: &Node, bounds: (i64, i64)) -> NodeId {
        let features = self.scales.elements[index].as_ref().map(|elements| elements.features(self.scales.values[index]));
        let largest = features.as_ref().map(|features| features.scales.iter().copied().fold(0.0, f64::max));
        let id = self.push(index, node, features.map_or(quant::Op::Input, quant::Op::Features), Vec::new(), bounds);
        if let Some(largest) = largest {
            self.out.nodes[id.0].scale = largest;
        }
        id
    }

    /// The values of `from` as they are, at another scale and less an offset of the accumulator.
    fn copy(
        &self,
        node: &Node,
        from: NodeId,
        scale: f64,
        offset: i64,
        activation: quant::Activation,
    ) -> Result<quant::Elementwise, OnnxError> {
        let each = self.each(from);
        let factor = |e: &Element| coefficient(&node.name, self.scales.values[from.0] * e.factor() * self.unit() / scale);
        let ca = each.iter().map(factor).collect::<Result<_, _>>()?;
        let more = |e: &Element| Ok(constant(&node.name, e.offset * self.unit() / scale)? - offset);
        let c = each.iter().map(more).collect::<Result<_, OnnxError>>()?;
        Ok(quant::Elementwise { ca, cb: 0, cm: 0, c, activation })
    }

    /// The elements of a node that has features, or one for all.
    fn each(&self, node: NodeId) -> Vec<Element> {
        let each = |elements: &Elements| (0..self.graph.node(node).elements()).map(|i| elements.of(i)).collect();
        self.scales.elements[node.0].as_ref().map_or_else(|| vec![Element::PLAIN], each)
    }

    /// 2^bits.
    fn unit(&self) -> f64 {
        f64::from(1u32 << self.bits)
    }

    fn offset(&self, index: usize) -> i64 {
        self.scales.tables[index].map_or(0, |(_, argument)| argument.offset)
    }

    /// The place of a float node, which is before its readers.
    fn place(&self, id: NodeId) -> NodeId {
        self.place.get(&id.0).copied().unwrap_or(NodeId(0))
    }

    fn push(&mut self, origin: usize, node: &Node, op: quant::Op, inputs: Vec<NodeId>, bounds: (i64, i64)) -> NodeId {
        let scale = self.scales.values[origin];
        self.out.nodes.push(quant::Node { name: node.name.clone(), op, inputs, shape: node.shape.clone(), scale, shift: self.bits });
        self.origins.push(NodeId(origin));
        self.bounds.push(bounds);
        NodeId(self.out.nodes.len() - 1)
    }

    fn activation(&mut self, index: usize, site: Site<'_>) -> quant::Activation {
        match (site.activation, self.scales.tables[index]) {
            (Activation::Relu, _) => quant::Activation::Relu,
            (Activation::Table(f), Some((domain, argument))) => {
                let (first, values) = table::values(f, domain, argument, self.scales.values[index], self.bits);
                let tables = &mut self.out.tables;
                let place = *self.tables.entry((first, values.clone())).or_insert_with(|| {
                    tables.push(quant::Table { name: f.name().to_string(), first, values, second: Vec::new() });
                    tables.len() - 1
                });
                quant::Activation::Table(place)
            }
            _ => quant::Activation::None,
        }
    }

    /// Smallest and largest value after an activation.
    fn activated(&self, activation: quant::Activation) -> (i64, i64) {
        let half = 1i64 << (self.width - 1);
        match activation {
            quant::Activation::None => (-half, half - 1),
            quant::Activation::Relu => (0, 2 * half - 1),
            quant::Activation::Table(i) => {
                let values = self.out.tables[i].values.iter();
                values.fold((i64::MAX, i64::MIN), |(low, high), &v| (low.min(i64::from(v)), high.max(i64::from(v))))
            }
        }
    }

    /// Largest absolute value of a node of `out`.
    fn magnitude(&self, id: NodeId) -> i128 {
        self.bounds.get(id.0).map_or(0, |b| i128::from(b.0.abs().max(b.1.abs())))
    }

    fn check_accumulator(&self, node: &str, bound: i128) -> Result<(), OnnxError> {
        if bound >= i128::from(LIMIT) {
            return Err(OnnxError::AccumulatorTooLarge { node: node.to_string(), expected: LIMIT, actual: bound.to_string() });
        }
        Ok(())
    }

    fn moved(&mut self, index: usize, node: &Node) -> Result<NodeId, OnnxError> {
        let scale = self.scales.values[index];
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for (place, &from) in node.inputs.iter().enumerate() {
            inputs.push(if self.scales.rescaled.contains(&(index, place)) { self.rescale(from, scale)? } else { self.place(from) });
        }
        let mut bounds = inputs.iter().map(|id| self.bounds[id.0]).fold((i64::MAX, i64::MIN), |a, b| (a.0.min(b.0), a.1.max(b.1)));
        if matches!(node.op, Op::Max(_)) && bounds.1 - bounds.0 >= 1 << self.width {
            // Values of a maximum span less than 2^bits: those of a positive tensor are checked to be signed ones.
            inputs = vec![self.rescale(node.inputs[0], scale)?];
            bounds = self.activated(quant::Activation::None);
        }
        let op = match &node.op {
            Op::Max(max) => quant::Op::Max(max.clone()),
            Op::Gather(sources) => {
                let mut moved = Vec::with_capacity(sources.len());
                for (place, source) in sources.iter().enumerate() {
                    moved.push(match *source {
                        Source::Element { input, index } => quant::Source::Element { input, index },
                        Source::Constant(c) => {
                            let e = self.scales.element(index, place);
                            let c = coefficient(&node.name, (f64::from(c) - e.offset) / (scale * e.factor()))?;
                            bounds = (bounds.0.min(i64::from(c)), bounds.1.max(i64::from(c)));
                            quant::Source::Constant(c)
                        }
                    });
                }
                quant::Op::Gather(quant::Gather { sources: moved })
            }
            _ => quant::Op::Gather(quant::Gather::identity(node.elements())),
        };
        let id = self.push(index, node, op, inputs, bounds);
        if self.scales.elements[index].is_some() {
            self.elements.insert(id.0, self.each(NodeId(index)).iter().map(|e| [scale * e.factor(), e.offset]).collect());
        }
        Ok(id)
    }

    /// The tensor `from` at another scale.
    fn rescale(&mut self, from: NodeId, scale: f64) -> Result<NodeId, OnnxError> {
        let node = self.graph.node(from);
        let op = self.copy(node, from, scale, 0, quant::Activation::None)?;
        let bounds = self.activated(quant::Activation::None);
        let inputs = vec![self.place(from)];
        let id = self.push(from.0, node, quant::Op::Elementwise(op), inputs, bounds);
        self.out.nodes[id.0].scale = scale;
        Ok(id)
    }

    /// The accumulator of `pre`, with the name and the shape of the node that it ends in.
    fn accumulate(&mut self, index: usize, node: &Node, pre_id: NodeId, activation: quant::Activation) -> Result<NodeId, OnnxError> {
        let pre = self.graph.node(pre_id);
        let unit = self.unit() / self.scales.requantised(index);
        let offset = self.offset(index) << self.bits;
        let inputs: Vec<NodeId> = pre.inputs.iter().map(|&id| self.place(id)).collect();
        let name = &pre.name;
        let scale = |place: usize| pre.inputs.get(place).map_or(1.0, |id| self.scales.values[id.0]);
        let size = |place: usize| inputs.get(place).map_or(0, |&id| self.magnitude(id));
        let mut own_shift = self.bits;
        let op = match &pre.op {
            Op::Linear(linear) => {
                let linear = self.linear(linear, pre_id, unit, offset, activation)?;
                self.check_accumulator(name, linear_bound(&linear, &inputs.iter().map(|&id| self.magnitude(id)).collect::<Vec<_>>()))?;
                quant::Op::Linear(linear)
            }
            Op::Product { factor } => {
                let shift = shift(self.graph, pre_id, self.bits);
                let real = f64::from(*factor) * scale(0) * scale(1) * 2f64.powi(shift as i32) / self.scales.requantised(index);
                let (factor, dims) = (coefficient(name, real)?, pre.product_dims(&self.graph.node(pre.inputs[0]).shape));
                self.check_accumulator(name, i128::from(factor).abs() * dims[2] as i128 * size(0) * size(1))?;
                own_shift = shift;
                quant::Op::Product(quant::Product { dims, factor, activation })
            }
            Op::Norm { inner, epsilon } => {
                let Some(Row::Norm { shift }) = self.scales.rows[index] else { return Err(no_row(name)) };
                let n = *inner as f64;
                let factor = n.sqrt() * 2f64.powi(shift as i32) / self.scales.requantised(index);
                let epsilon = constant(name, n * f64::from(*epsilon) / (scale(0) * scale(0)))?.max(1);
                own_shift = shift;
                quant::Op::Norm(quant::Norm { inner: *inner, constant: constant(name, factor)?.max(1), epsilon, activation })
            }
            Op::Reduce { inner, factor } => {
                let factor = coefficient(name, f64::from(*factor) * scale(0) * unit)?;
                self.check_accumulator(name, i128::from(factor).abs() * *inner as i128 * size(0))?;
                quant::Op::Reduce(quant::Reduce { inner: *inner, factor, activation })
            }
            Op::Elementwise { ca, cb, cm, c } => {
                let two = inputs.len() == 2;
                let each = pre.inputs.first().map_or_else(|| vec![Element::PLAIN], |&id| self.each(id));
                let (c, ca) = (moved_by(ca, c, &each), scaled_by(ca, &each));
                let ca = ca.iter().map(|&ca| coefficient(name, ca * scale(0) * unit)).collect::<Result<Vec<_>, _>>()?;
                let cb = if two { coefficient(name, f64::from(*cb) * scale(1) * unit)? } else { 0 };
                let cm = if two { coefficient(name, f64::from(*cm) * scale(0) * scale(1) * unit)? } else { 0 };
                let c = c.iter().map(|&c| Ok(constant(name, c * unit)? - offset)).collect::<Result<Vec<_>, OnnxError>>()?;
                let largest = |v: &mut dyn Iterator<Item = i64>| v.map(|v| i128::from(v).abs()).max().unwrap_or(0);
                let bound = largest(&mut ca.iter().map(|&v| i64::from(v))) * size(0)
                    + i128::from(cb).abs() * size(1)
                    + i128::from(cm).abs() * size(0) * size(1)
                    + largest(&mut c.iter().copied());
                self.check_accumulator(name, bound)?;
                quant::Op::Elementwise(quant::Elementwise { ca, cb, cm, c, activation })
            }
            _ => quant::Op::Gather(quant::Gather::identity(node.elements())),
        };
        let bounds = self.activated(activation);
        let id = self.push(index, node, op, inputs, bounds);
        // A function keeps the shape of its argument; the accumulator's shape is the one that its weights fit.
        (self.out.nodes[id.0].shape, self.out.nodes[id.0].shift) = (pre.shape.clone(), own_shift);
        Ok(id)
    }

    /// The probabilities of scores.
    fn probabilities(&mut self, index: usize, node: &Node, from: NodeId) -> Result<NodeId, OnnxError> {
        let Op::Softmax { inner, hidden } = &node.op else { return Err(no_row(&node.name)) };
        let Some(Row::Softmax { factor, length }) = self.scales.rows[index] else { return Err(no_row(&node.name)) };
        let scale = self.scales.values[index];
        let total = constant(&node.name, 1.0 / scale)?;
        let scored = rows::scored(self.graph, self.plan, from, &self.scales.values);
        // Scores of a negative factor fall as their sums rise.
        let signed = if scored < 0.0 { -factor } else { factor };
        let step = rows::step(scored, self.width, factor);
        let (scores, inputs) = match &self.graph.node(from).op {
            Op::Product { .. } if is_scored(self.plan, from) => {
                let product = self.graph.node(from);
                let dims = product.product_dims(&self.graph.node(product.inputs[0]).shape);
                let product_of = quant::Product { dims, factor: signed, activation: quant::Activation::None };
                let sizes: Vec<i128> = product.inputs.iter().map(|&id| self.magnitude(self.place(id))).collect();
                self.check_accumulator(&product.name, i128::from(factor) * dims[2] as i128 * sizes[0] * sizes[1])?;
                (quant::Scores::Product(product_of), product.inputs.iter().map(|&id| self.place(id)).collect())
            }
            _ => (quant::Scores::Tensor { columns: *inner, factor: signed }, vec![self.place(from)]),
        };
        let table = self.exponentials(total, step, length);
        let op = quant::Softmax { scores, hidden: hidden.clone(), table, total };
        let id = self.push(index, node, quant::Op::Softmax(op), inputs, (0, (1 << self.width) - 1));
        self.out.nodes[id.0].shift = self.width;
        Ok(id)
    }

    /// The table of `total·e^(−step·z)`, with its values one later.
    fn exponentials(&mut self, total: i64, step: f64, length: u32) -> usize {
        let value = |z: u32| (total as f64 * (-step * f64::from(z)).exp()).round() as i32;
        let values: Vec<i32> = (0..length).map(value).collect();
        let second = values.iter().skip(1).copied().chain([0]).collect();
        let table = quant::Table { name: "Softmax".into(), first: 0, values, second };
        let tables = &mut self.out.tables;
        tables.iter().position(|other| *other == table).unwrap_or_else(|| {
            tables.push(table);
            tables.len() - 1
        })
    }

    /// The elements of each channel of what a layer reads; one for all without features.
    fn channels(&self, linear: &Linear, from: NodeId) -> Vec<Element> {
        let shape = &self.graph.node(from).shape;
        let Some(elements) = &self.scales.elements[from.0] else { return vec![Element::PLAIN] };
        let mut channels = Vec::new();
        for i in 0..self.graph.node(from).elements() {
            if features::channel(linear.channels, shape, i) == channels.len() {
                channels.push(elements.of(i));
            }
        }
        channels
    }

    fn linear(
        &self,
        linear: &Linear,
        id: NodeId,
        unit: f64,
        offset: i64,
        activation: quant::Activation,
    ) -> Result<quant::Linear, OnnxError> {
        let (pre, no_means) = (self.graph.node(id), Vec::new());
        let means = self.means.get(id.0).unwrap_or(&no_means);
        let mut correction = vec![0f64; linear.bias.len()];
        let mut moved: Vec<f64> = linear.bias.iter().map(|&b| f64::from(b)).collect();
        let mut terms = Vec::with_capacity(linear.terms.len());
        for (place, (term, &from)) in linear.terms.iter().zip(&pre.inputs).enumerate() {
            let scale = self.scales.values[from.0];
            terms.push(match term {
                Term::Scale(factor) => quant::Term::Scale(coefficient(&pre.name, f64::from(*factor) * scale * unit)?),
                Term::Conv(conv) => {
                    let channels = self.channels(linear, from);
                    let layer = Layer { node: &pre.name, conv, outputs: linear.bias.len(), channels: &channels };
                    layer.move_bias(&mut moved);
                    // A mean that the tensor cannot have is the nearest that it can.
                    let (low, high) = self.bounds[self.place(from).0];
                    let means: Vec<i64> = means.get(place).into_iter().flatten().map(|mean| (*mean).max(low).min(high)).collect();
                    let (weights, left) = rounding::weights(&layer, scale * unit, &means)?;
                    correction.iter_mut().zip(left).for_each(|(sum, left)| *sum += left);
                    let crate::graph::Conv { kernel, stride, pad_before, dilation, groups, .. } = *conv;
                    quant::Term::Conv(quant::Conv::new(kernel, stride, pad_before, dilation, groups, weights))
                }
            });
        }
        let bias = moved.iter().zip(&correction).map(|(&b, more)| Ok(constant(&pre.name, b * unit + more)? - offset));
        Ok(quant::Linear { channels: linear.channels, terms, bias: bias.collect::<Result<_, OnnxError>>()?, activation })
    }
}

fn no_row(node: &str) -> OnnxError {
    OnnxError::AccumulatorTooLarge { node: node.to_string(), expected: LIMIT, actual: "a row without a shift".into() }
}

/// `ca·x + c` for the integers of `x`: `ca·factor`.
fn scaled_by(ca: &[f32], each: &[Element]) -> Vec<f64> {
    (0..ca.len().max(each.len())).map(|i| f64::from(at(ca, i)) * at(each, i).factor()).collect()
}

/// `c + ca·offset`.
fn moved_by(ca: &[f32], c: &[f32], each: &[Element]) -> Vec<f64> {
    let moved = each.iter().any(|e| e.offset != 0.0);
    let count = if moved { ca.len().max(each.len()).max(c.len()) } else { c.len() };
    (0..count).map(|i| f64::from(at(c, i)) + if moved { f64::from(at(ca, i)) * at(each, i).offset } else { 0.0 }).collect()
}

/// One value for all elements, or one for each.
fn at<T: Copy>(values: &[T], i: usize) -> T {
    values[if values.len() == 1 { 0 } else { i }]
}

/// `max_o Σ |w|·max|x| + |bias|`.
fn linear_bound(linear: &quant::Linear, magnitudes: &[i128]) -> i128 {
    let outputs = linear.bias.len();
    let one = |output: usize| -> i128 {
        let terms = linear.terms.iter().zip(magnitudes).map(|(term, size)| match term {
            quant::Term::Scale(factor) => i128::from(*factor).abs() * size,
            quant::Term::Conv(conv) => {
                let per_output = conv.weights.len() / outputs.max(1);
                conv.weights.sum_abs(output * per_output..(output + 1) * per_output) as i128 * size
            }
        });
        terms.sum::<i128>() + i128::from(linear.bias[output]).abs()
    };
    (0..outputs).map(one).max().unwrap_or(0)
}
