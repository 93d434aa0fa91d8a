//! Operator: what a lowering sees of its node: attributes, inputs, and the graph that it appends to.

mod account;
mod attribute;

use std::sync::Arc;

use sworn_circuits::graph::NodeId;
use tract_onnx::pb::NodeProto;

use crate::error::Problem;
use crate::graph::{Graph, Op, Source, Term};
use crate::memory::Memory;
use crate::operator::account::Accounted;
use crate::tensor::{Data, Tensor};
use crate::unary::Unary;

/// The most elements of a tensor that is computed.
pub(crate) const MAX_ELEMENTS: usize = 1 << 24;

/// A tensor while a model is lowered.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Known now.
    Constant(Arc<Tensor>),
    /// Computed by a node of the graph.
    Node(NodeId),
}

/// One node of the model, and the graph so far.
///
/// It notes which attributes, inputs and outputs the lowering has accounted for; [`Operator::finish`] refuses the others.
pub(crate) struct Operator<'a> {
    /// The node.
    proto: &'a NodeProto,
    /// Version of the operator set.
    pub(crate) opset: i64,
    /// Name for messages.
    pub(crate) name: &'a str,
    /// Inputs; `None` where the model leaves one out.
    inputs: Vec<Option<Value>>,
    /// The graph so far.
    pub(crate) graph: &'a mut Graph,
    memory: &'a Memory,
    accounted: Accounted,
}

impl<'a> Operator<'a> {
    /// A node with its inputs, before it is lowered.
    pub(crate) fn new(
        (proto, name): (&'a NodeProto, &'a str),
        opset: i64,
        inputs: Vec<Option<Value>>,
        graph: &'a mut Graph,
        memory: &'a Memory,
    ) -> Self {
        Self { proto, opset, name, accounted: Accounted::new(proto), inputs, graph, memory }
    }

    /// Room for so many values, which are about to be allocated.
    pub(crate) fn allot<T>(&self, count: usize) -> Result<(), Problem> {
        Ok(self.memory.allot::<T>(count)?)
    }

    /// Name of the operator.
    pub(crate) fn kind(&self) -> &'a str {
        &self.proto.op_type
    }

    /// Whether the operator is of the standard domain.
    fn is_standard(&self) -> bool {
        matches!(self.proto.domain.as_str(), "" | "ai.onnx")
    }

    /// Number of inputs, given or left out.
    pub(crate) fn num_inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Number of outputs, named or not.
    pub(crate) fn num_outputs(&self) -> usize {
        self.proto.output.len()
    }

    /// Whether input `i` is given.
    pub(crate) fn has(&self, i: usize) -> bool {
        self.inputs.get(i).is_some_and(Option::is_some)
    }

    /// Input `i`.
    pub(crate) fn value(&self, i: usize) -> Result<Value, Problem> {
        self.accounted.input(i);
        self.peek(i).cloned()
    }

    fn peek(&self, i: usize) -> Result<&Value, Problem> {
        self.inputs.get(i).and_then(Option::as_ref).ok_or(Problem::MissingInput { input: i })
    }

    /// Input `i` as a node of the graph; a constant becomes one.
    pub(crate) fn node(&mut self, i: usize) -> Result<NodeId, Problem> {
        match self.value(i)? {
            Value::Node(id) => Ok(id),
            Value::Constant(tensor) => {
                self.allot::<Source>(tensor.len())?;
                let values = tensor.floats().ok_or(Problem::InputType { input: i, expected: "floats" })?;
                let sources = values.iter().map(|&v| Source::Constant(v)).collect();
                self.push(Op::Gather(sources), vec![], tensor.shape.clone())
            }
        }
    }

    /// Shape of input `i`; its elements remain to be read.
    pub(crate) fn shape(&self, i: usize) -> Result<Vec<usize>, Problem> {
        Ok(match self.peek(i)? {
            Value::Node(id) => self.graph.node(*id).shape.clone(),
            Value::Constant(tensor) => tensor.shape.clone(),
        })
    }

    /// Input `i`, which must be a constant.
    pub(crate) fn constant(&self, i: usize) -> Result<Arc<Tensor>, Problem> {
        match self.value(i)? {
            Value::Constant(tensor) => Ok(tensor),
            Value::Node(_) => Err(Problem::NotConstant { input: i }),
        }
    }

    /// Input `i`, which must be a constant of floats: shape and elements.
    pub(crate) fn constant_floats(&self, i: usize) -> Result<(Vec<usize>, Vec<f32>), Problem> {
        let tensor = self.constant(i)?;
        self.allot::<f32>(tensor.len())?;
        let values = tensor.floats().ok_or(Problem::InputType { input: i, expected: "floats" })?;
        Ok((tensor.shape.clone(), values.into_owned()))
    }

    /// Input `i`, which must be a constant of one float.
    pub(crate) fn constant_float(&self, i: usize) -> Result<f32, Problem> {
        self.constant(i)?.scalar().ok_or(Problem::InputType { input: i, expected: "one float" })
    }

    /// Input `i`, which must be a constant of integers.
    pub(crate) fn constant_ints(&self, i: usize) -> Result<Vec<i64>, Problem> {
        match &self.constant(i)?.data {
            Data::Int(values) => Ok(values.clone()),
            _ => Err(Problem::InputType { input: i, expected: "integers" }),
        }
    }

    /// Axes or the like: an attribute before opset `since`, input `i` from then on.
    pub(crate) fn ints_or_input(&self, name: &str, i: usize, since: i64) -> Result<Option<Vec<i64>>, Problem> {
        if self.opset < since {
            return Ok(self.ints(name)?.map(<[i64]>::to_vec));
        }
        self.has(i).then(|| self.constant_ints(i)).transpose()
    }

    /// Appends a node.
    pub(crate) fn push(&mut self, op: Op, inputs: Vec<NodeId>, shape: Vec<usize>) -> Result<NodeId, Problem> {
        self.memory.tensor(elements(&shape)?)?;
        if !is_finite(&op) {
            return Err(Problem::NonFinite);
        }
        Ok(self.graph.push(self.name, op, inputs, shape))
    }

    /// Appends `f(x)`.
    pub(crate) fn unary(&mut self, f: Unary, x: NodeId) -> Result<NodeId, Problem> {
        let shape = self.graph.node(x).shape.clone();
        self.push(Op::Unary(f), vec![x], shape)
    }

    /// Appends `factor · x + constant`; each is one value or one for each element.
    pub(crate) fn affine(&mut self, x: NodeId, factor: Vec<f32>, constant: Vec<f32>) -> Result<NodeId, Problem> {
        let shape = self.graph.node(x).shape.clone();
        self.push(Op::Elementwise { ca: factor, cb: 0.0, cm: 0.0, c: constant }, vec![x], shape)
    }

    /// Appends `factors[place(i)] · x + constants[place(i)]` for element `i`.
    pub(crate) fn affine_by(
        &mut self,
        x: NodeId,
        [factors, constants]: [&[f32]; 2],
        place: impl Fn(usize) -> usize,
    ) -> Result<NodeId, Problem> {
        let count = self.graph.node(x).elements();
        self.allot::<[f32; 2]>(count)?;
        let each = |values: &[f32]| (0..count).map(|i| values[place(i)]).collect();
        self.affine(x, each(factors), each(constants))
    }

    /// Appends `a · b`, of equal shapes.
    pub(crate) fn product(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Problem> {
        let shape = self.graph.node(a).shape.clone();
        self.push(Op::Elementwise { ca: vec![0.0], cb: 0.0, cm: 1.0, c: vec![0.0] }, vec![a, b], shape)
    }

    /// Appends `x` with another shape of as many elements; nothing if it has it already.
    pub(crate) fn reshaped(&mut self, x: NodeId, shape: Vec<usize>) -> Result<NodeId, Problem> {
        let before = self.graph.node(x).elements();
        if self.graph.node(x).shape == shape {
            return Ok(x);
        }
        if elements(&shape)? != before {
            return Err(Problem::Malformed { rule: "a reshape must keep the number of elements" });
        }
        self.allot::<Source>(before)?;
        let sources = (0..before as u32).map(|index| Source::Element { input: 0, index }).collect();
        self.push(Op::Gather(sources), vec![x], shape)
    }

    /// Appends a tensor of `shape` whose element at an index is the element of `x` at `place(index)`.
    pub(crate) fn moved(&mut self, x: NodeId, shape: Vec<usize>, mut place: impl FnMut(&[usize]) -> usize) -> Result<NodeId, Problem> {
        self.allot::<Source>(elements(&shape)?)?;
        let sources = indices(&shape, |index| Source::Element { input: 0, index: place(index) as u32 });
        self.push(Op::Gather(sources), vec![x], shape)
    }

    /// Appends `x` with its axes permuted; nothing if they keep their order.
    pub(crate) fn transposed(&mut self, x: NodeId, permutation: &[usize]) -> Result<NodeId, Problem> {
        if permutation.iter().enumerate().all(|(i, &p)| i == p) {
            return Ok(x);
        }
        let from = self.graph.node(x).shape.clone();
        let steps = strides(&from);
        let steps: Vec<usize> = permutation.iter().map(|&p| steps[p]).collect();
        let shape = permutation.iter().map(|&p| from[p]).collect();
        self.moved(x, shape, |index| dot(index, &steps))
    }
}

/// An axis that may count from the end.
pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize, Problem> {
    let from_start = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(from_start) {
        Ok(a) if a < rank => Ok(a),
        _ => Err(Problem::Malformed { rule: "an axis is outside the rank of its tensor" }),
    }
}

/// Distinct axes that may count from the end, in ascending order.
pub(crate) fn axes(list: &[i64], rank: usize) -> Result<Vec<usize>, Problem> {
    let mut all = distinct_axes(list, rank)?;
    all.sort_unstable();
    Ok(all)
}

/// Distinct axes that may count from the end, in the order given.
pub(crate) fn distinct_axes(list: &[i64], rank: usize) -> Result<Vec<usize>, Problem> {
    let mut seen = vec![false; rank];
    list.iter()
        .map(|&a| {
            let a = axis(a, rank)?;
            if std::mem::replace(&mut seen[a], true) {
                return Err(Problem::Malformed { rule: "an axis is given twice" });
            }
            Ok(a)
        })
        .collect()
}

/// Number of elements of a tensor that is computed.
pub(crate) fn elements(shape: &[usize]) -> Result<usize, Problem> {
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    match count {
        Some(0) => Err(Problem::Feature { feature: "a tensor without elements" }),
        Some(n) if n <= MAX_ELEMENTS => Ok(n),
        _ => Err(Problem::TooLarge { expected: MAX_ELEMENTS }),
    }
}

/// Elements between neighbours along each axis.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut steps = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        steps[i - 1] = steps[i] * shape[i];
    }
    steps
}

/// `Σ index · step`.
pub(crate) fn dot(index: &[usize], steps: &[usize]) -> usize {
    index.iter().zip(steps).map(|(i, s)| i * s).sum()
}

/// `f` of every index of a shape, in row-major order.
pub(crate) fn indices<T>(shape: &[usize], mut f: impl FnMut(&[usize]) -> T) -> Vec<T> {
    let count = shape.iter().product();
    let mut index = vec![0; shape.len()];
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        all.push(f(&index));
        for (i, &d) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < d {
                break;
            }
            *i = 0;
        }
    }
    all
}

fn is_finite(op: &Op) -> bool {
    let all = |v: &[f32]| v.iter().all(|x| x.is_finite());
    match op {
        Op::Linear(linear) => {
            let terms = linear.terms.iter().all(|term| match term {
                Term::Conv(conv) => all(&conv.weights),
                Term::Scale(factor) => factor.is_finite(),
            });
            terms && all(&linear.bias)
        }
        Op::Reduce { factor, .. } | Op::Product { factor } => factor.is_finite(),
        Op::Norm { epsilon, .. } => epsilon.is_finite(),
        Op::Elementwise { ca, cb, cm, c } => all(ca) && all(c) && cb.is_finite() && cm.is_finite(),
        Op::Gather(sources) => sources.iter().all(|s| !matches!(s, Source::Constant(v) if !v.is_finite())),
        Op::Unary(Unary::Clip { min, max }) => !min.is_nan() && !max.is_nan(),
        Op::Input | Op::Softmax { .. } | Op::Max(_) | Op::Unary(_) | Op::Pointwise(_) => true,
    }
}
