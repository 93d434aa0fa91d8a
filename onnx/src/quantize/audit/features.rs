//! What a record may say of the elements of a tensor: `scale·2^−gain·q + offset` is what an integer of one stands for.
//!
//! | tensor | may have elements |
//! |---|---|
//! | input | gain up to 60, offset within what the tensor's scale holds; at most 4,096 features |
//! | gather | those of what it moves, at each place; constants as an input |
//! | any other | none |
//!
//! | reader | what it reads |
//! |---|---|
//! | dense layer, convolution | one scale and offset for a channel; no offset if it reads padding, whose integer is 0 |
//! | `ca·x + cb·y + c`, x; function; gather | anything |
//! | sum, maximum, product, `y`, residual, output of the model | no elements of their own |
//!
//! These are the readers that `emit` multiplies the elements into; every other one takes the tensor's scale for all of them.

use sworn_circuits::graph::{Channels, NodeId};

use crate::graph::{Conv, Graph, Linear, Node, Op, Source, Term};
use crate::quantize::features::{channel, Element, Elements, MAX_FEATURES, MAX_GAIN};
use crate::quantize::plan::{Form, Plan};
use crate::quantize::record::Record;
use crate::quantize::scales::Scales;
use crate::simplify::reads_padding;

type Wrong = (usize, &'static str);

const NOT_TOLD_APART: &str = "it has elements with scales of their own, which a reader does not tell apart";

/// Answers the node whose elements are wrong, or whose readers do not take them, and the rule.
pub(super) fn check(graph: &Graph, plan: &Plan<'_>, record: &Record) -> Result<(), Wrong> {
    let scales = &record.scales;
    let half = f64::from(1u32 << (record.bits - 1));
    for (index, elements) in scales.elements.iter().enumerate() {
        let Some(elements) = elements else { continue };
        let limit = half * scales.values[index];
        let moves = plan.sites[index].is_some() && matches!(graph.nodes[index].op, Op::Input | Op::Gather(_));
        let rule = match moves {
            true => pattern(&graph.nodes[index], elements, limit),
            false => Some("it has elements with scales of their own, and is no input and no gather"),
        };
        rule.map_or(Ok(()), |rule| Err((index, rule)))?;
    }
    for (index, site) in plan.iter() {
        match site.form {
            Form::Input | Form::Copy(_) => {}
            Form::Move => moved(graph, index, scales)?,
            Form::Probabilities(from) => plain(scales, from)?,
            Form::Accumulate(pre) => accumulated(graph, graph.node(pre), scales)?,
        }
    }
    graph.outputs.iter().try_for_each(|output| plain(scales, output.node))
}

/// Every element of the tensor is of the pattern, and each is a scale and an offset that an input can have.
fn pattern(node: &Node, elements: &Elements, limit: f64) -> Option<&'static str> {
    let fits = elements.run.checked_mul(elements.each.len()).and_then(|period| node.elements().checked_rem(period)) == Some(0);
    if !fits || node.elements() == 0 {
        return Some("its features do not divide it");
    }
    if matches!(node.op, Op::Input) && elements.each.len() > MAX_FEATURES {
        return Some("it has more than 4096 features");
    }
    if elements.each.iter().all(|element| *element == Element::PLAIN) {
        return Some("its features say nothing");
    }
    let is_element = |e: &Element| e.gain <= MAX_GAIN && e.offset.abs() <= limit && (e.offset != 0.0 || e.offset.is_sign_positive());
    let are_elements = elements.each.iter().all(is_element);
    (!are_elements).then_some("a feature has no scale, or an offset that its tensor does not hold")
}

/// A tensor all of whose elements have its scale.
fn plain(scales: &Scales, id: NodeId) -> Result<(), Wrong> {
    scales.elements[id.0].as_ref().map_or(Ok(()), |_| Err((id.0, NOT_TOLD_APART)))
}

fn moved(graph: &Graph, index: usize, scales: &Scales) -> Result<(), Wrong> {
    let node = &graph.nodes[index];
    let Op::Gather(sources) = &node.op else { return node.inputs.iter().try_for_each(|id| plain(scales, *id)) };
    let nothing = scales.elements[index].is_none() && node.inputs.iter().all(|id| scales.elements[id.0].is_none());
    let is_moved = |(place, source): (usize, &Source)| match *source {
        Source::Constant(_) => true,
        Source::Element { input, index: element } => {
            // What is brought to the gather's scale has it for all elements.
            let is_rescaled = scales.rescaled.contains(&(index, input as usize));
            let was = if is_rescaled { Element::PLAIN } else { scales.element(node.inputs[input as usize].0, element as usize) };
            scales.element(index, place) == was
        }
    };
    if nothing || sources.iter().enumerate().all(is_moved) {
        Ok(())
    } else {
        Err((index, "the scale or offset of an element is not that of the one it moves"))
    }
}

fn accumulated(graph: &Graph, pre: &Node, scales: &Scales) -> Result<(), Wrong> {
    for (place, id) in pre.inputs.iter().enumerate() {
        let Some(elements) = &scales.elements[id.0] else { continue };
        let rule = match &pre.op {
            Op::Linear(linear) => match linear.terms.get(place) {
                Some(Term::Conv(conv)) => convolved(graph.node(*id), pre, (linear, conv), elements),
                _ => Some(NOT_TOLD_APART),
            },
            Op::Elementwise { cm, .. } if place == 0 && *cm == 0.0 => None,
            _ => Some(NOT_TOLD_APART),
        };
        rule.map_or(Ok(()), |rule| Err((id.0, rule)))?;
    }
    Ok(())
}

fn convolved(from: &Node, to: &Node, (linear, conv): (&Linear, &Conv), elements: &Elements) -> Option<&'static str> {
    let mut of_channels: Vec<Option<Element>> = Vec::new();
    for i in 0..from.elements() {
        let channel = channel(linear.channels, &from.shape, i);
        of_channels.resize(of_channels.len().max(channel + 1), None);
        if *of_channels[channel].get_or_insert(elements.of(i)) != elements.of(i) {
            return Some(NOT_TOLD_APART);
        }
    }
    let is_padded = linear.channels == Channels::First && reads_padding(conv, &from.shape, &to.shape);
    let has_offset = of_channels.iter().flatten().any(|element| element.offset != 0.0);
    (is_padded && has_offset).then_some("it has an offset, and a reader pads it with 0")
}
