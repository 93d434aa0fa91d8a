//! Values moved, repeated or constant: no cell, only where the elements are.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Made, Operation};
use crate::error::{GraphError, LayoutError};
use crate::evaluate::MIN_ELEMENTS;
use crate::graph::{Node, NodeId, QuantGraph};
use crate::layout::arrange::{Arrangement, GROWN};
use crate::layout::demand::{Demand, View, NONE};
use crate::layout::room::Room;
use crate::layout::rows::Origin;
use crate::number::{fit, index};

/// Where an element of a [`Gather`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Element `index` (flat, row-major) of input `input`.
    Element {
        /// Which input of the node.
        input: u32,
        /// Flat index in it.
        index: u32,
    },
    /// A constant.
    Constant(i32),
}

/// `y[i] = sources[i]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gather {
    /// One source for each element of the output.
    pub sources: Vec<Source>,
}

impl Gather {
    /// A reshape: every element of the one input, in order.
    pub fn identity(elements: usize) -> Self {
        Self { sources: (0..fit::<_, u32>(elements)).map(|index| Source::Element { input: 0, index }).collect() }
    }
}

impl Operation for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn check(&self, graph: &QuantGraph, node: &Node) -> Result<(), &'static str> {
        let input = |i: u32| node.inputs.get(index(i)).map(|&id| graph.node(id));
        let fits = self.sources.len() == node.elements()
            && self.sources.iter().all(|s| match *s {
                Source::Constant(v) => i64::from(v).abs() < 1 << graph.bits,
                Source::Element { input: i, index: element } => input(i).is_some_and(|x| index(element) < x.elements()),
            });
        fits.then_some(()).ok_or("sources are elements of the inputs")
    }

    fn range(&self, node: &Node, _bits: u32, ranges: &[(i64, i64)]) -> (i64, i64) {
        self.sources.iter().fold((i64::MAX, i64::MIN), |(low, high), source| {
            let (l, h) = match source {
                Source::Constant(v) => (i64::from(*v), i64::from(*v)),
                Source::Element { input, .. } => ranges[node.inputs[index(*input)].0],
            };
            (low.min(l), high.max(h))
        })
    }

    fn make(&self, _graph: &QuantGraph, _node: &Node, args: &[&[i32]]) -> Result<Made, GraphError> {
        let value = |source: &Source| match *source {
            Source::Element { input, index: element } => args[index(input)][index(element)],
            Source::Constant(value) => value,
        };
        Ok(Made::Values(self.sources.par_iter().with_min_len(MIN_ELEMENTS).map(value).collect()))
    }

    fn demand(&self, graph: &QuantGraph, id: NodeId, demands: &mut [Option<Demand>], room: &mut Room) -> Result<(), LayoutError> {
        let node = graph.node(id);
        let elements = demands[id.0].as_ref().map_or(0, |d| d.view.elements.len());
        room.take::<u32>(GROWN * elements, node)?;
        if let Some((input, demand)) = demands[id.0].as_ref().and_then(|d| through(d, &self.sources)) {
            demands[node.inputs[input].0] = Some(demand);
        }
        Ok(())
    }

    fn place(&self, arrangement: &mut Arrangement<'_>, id: NodeId) -> Result<Vec<Origin>, LayoutError> {
        let node = arrangement.graph.node(id);
        let origin = |source: &Source| match *source {
            Source::Constant(value) => Origin::Constant(value),
            Source::Element { input, index: element } => arrangement.origins[node.inputs[index(input)].0][index(element)],
        };
        Ok(self.sources.iter().map(origin).collect())
    }
}

/// A demand on a gather, as a demand on its input, if it reads one input only.
fn through(demand: &Demand, sources: &[Source]) -> Option<(usize, Demand)> {
    let mut from = None;
    let mut elements = Vec::with_capacity(demand.view.elements.len());
    for &element in &demand.view.elements {
        match sources.get(index(element)) {
            None | Some(Source::Constant(0)) => elements.push(NONE),
            Some(&Source::Element { input, index: element }) if from.is_none_or(|f| f == input) => {
                from = Some(input);
                elements.push(element);
            }
            Some(_) => return None,
        }
    }
    let view = View { dims: demand.view.dims, elements };
    Some((index(from?), Demand { view, spacing: demand.spacing }))
}
