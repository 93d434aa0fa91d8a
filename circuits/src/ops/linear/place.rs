//! Arrangement of linear layers: the grid of an image's outputs, and the products of its identities.

use super::{Channels, Linear, Term};
use crate::error::LayoutError;
use crate::graph::{Activation, Node, NodeId};
use crate::groups::{units, Lane};
use crate::layout::arrange::{Arrangement, FlatConvolution, FlatTerm, Part, GROWN};
use crate::layout::demand::{linear_form, phases, spacing, term_view, view_dims, Spacing, Tap, View, NONE};
use crate::layout::identity::{Block, Factor, Identity, Product};
use crate::layout::rows::{Base, Origin, Site, Slots};
use crate::number::{fit, index};

/// A term with the form that it reads.
struct Placed {
    index: usize,
    view: View,
    taps: Vec<Tap>,
    phases: usize,
    form: usize,
    /// Of the form's channels.
    evaluations: Vec<Site>,
    /// `E − offset` of the form.
    tail: i64,
}

/// Where a linear layer's outputs lie in their blocks.
struct Frame {
    spacing: Spacing,
    offset: usize,
    block_rows: usize,
    /// `E − offset` of the outputs.
    tail: i64,
}

impl Frame {
    fn shift(&self, tap: &Tap) -> i64 {
        tap.dh * fit::<_, i64>(self.spacing.row) + tap.dw
    }
}

impl Arrangement<'_> {
    pub(super) fn linear(&mut self, id: NodeId, node: &Node, linear: &Linear) -> Result<Vec<Origin>, LayoutError> {
        self.reserve_terms(node, linear)?;
        let form = linear_form(linear, &node.shape);
        if form.vector {
            let products = self.dense_products(id, node, linear, &form.out);
            return self.vector(id, node, products);
        }
        if linear.channels == Channels::Last {
            return self.dense(id, node, linear);
        }
        let terms = self.place_terms(id, node, linear, &form.out)?;
        let frame = self.frame(&terms, &form.out);
        self.reserve_units(node, form.out.dims[0].saturating_mul(frame.block_rows).saturating_mul(self.lanes))?;
        let groups = identity_groups(linear);
        let slots = Slots::grid(form.out.dims, &form.out.elements, frame.spacing, frame.offset, frame.block_rows, self.lanes);
        let flat = flat(&terms, &frame);
        let row0 = self.units.len();
        let origins = self.push_units(id, slots, |channel| linear.bias[channel], Some(flat), 0..0);
        let outputs = linear.bias.len() / groups;
        for group in 0..groups {
            let result = self.combine([row0, frame.block_rows], group * outputs..(group + 1) * outputs, Base::Channel);
            let (products, tail) = Self::grid_products(id, linear, &terms, &frame, group, groups);
            self.identities.push(Identity { result, outputs, products, tail, scale: self.scale(node.shift) });
        }
        let table = matches!(linear.activation, Activation::Table(_));
        self.push_form(Lane::Units(units::Lane::X), self.lanes, row0, frame.block_rows, &form.out, frame.spacing, frame.offset, table);
        Ok(origins)
    }

    /// Room for the views of a layer's inputs, which a step keeps, and for its products.
    fn reserve_terms(&mut self, node: &Node, linear: &Linear) -> Result<(), LayoutError> {
        self.room.has::<u32>(node.elements(), node)?;
        for (term, &input) in linear.terms.iter().zip(&node.inputs) {
            let dims = view_dims(linear, term, &self.graph.node(input).shape, &node.shape);
            let elements = dims.into_iter().fold(1usize, usize::saturating_mul);
            self.room.take::<u32>(elements.saturating_mul(2), node)?;
            self.room.has::<Origin>(elements, node)?;
            let kernel = if let Term::Conv(conv) = term { conv.kernel[0] * conv.kernel[1] } else { 1 };
            self.room.take::<Product>(GROWN * (dims[0] / phases(linear, term, &node.shape)).saturating_mul(kernel), node)?;
        }
        Ok(())
    }

    /// A dense layer over positions.
    fn dense(&mut self, id: NodeId, node: &Node, linear: &Linear) -> Result<Vec<Origin>, LayoutError> {
        let outputs = linear.bias.len();
        let positions = node.elements() / outputs;
        let (mut by_position, mut terms) = (Vec::new(), Vec::new());
        for (number, (term, &input)) in linear.terms.iter().zip(&node.inputs).enumerate() {
            match term {
                Term::Scale(factor) => {
                    let scaled = self.scaled_terms(input, [positions, outputs], *factor)?;
                    let jumps = scaled.iter().any(|product| product.jump > 0);
                    if jumps {
                        by_position.push(scaled);
                    } else {
                        terms.extend(scaled);
                    }
                }
                Term::Conv(_) => {
                    let elements = &self.origins[input.0];
                    let inputs = elements.len() / positions;
                    let channel = |c: usize| (0..positions).map(move |p| p * inputs + c);
                    let channels: Vec<usize> = (0..inputs).filter(|&c| channel(c).any(|at| elements[at] != Origin::Constant(0))).collect();
                    let elements: Vec<Origin> = channels.iter().flat_map(|&c| channel(c)).map(|at| elements[at]).collect();
                    let sites = self.evaluate_blocks(input, &elements, positions, Base::Position)?;
                    terms.extend(channels.into_iter().zip(sites).map(|(channel, site)| {
                        let block = Block::Conv { node: id, term: number, kernel: 0, channel, first: 0 };
                        Product { jump: 0, factor: Factor::Cell(site), block }
                    }));
                }
            }
        }
        // Terms that are multiplied between positions take turns.
        let mut products: Vec<Product> = Vec::new();
        for position in 0..positions {
            for (turn, terms) in by_position.iter().enumerate() {
                products.extend(
                    terms.get(position).map(|term: &Product| Product { jump: if turn == 0 { term.jump } else { 0 }, ..term.clone() }),
                );
            }
        }
        products.append(&mut terms);
        self.place_outputs(&Part::of(node, id), [positions, outputs], products, Some(&linear.bias))
    }

    /// Finds or makes a form for every input, all of one spacing.
    fn place_terms(&mut self, id: NodeId, node: &Node, linear: &Linear, out: &View) -> Result<Vec<Placed>, LayoutError> {
        let views: Vec<(View, Vec<Tap>)> = linear
            .terms
            .iter()
            .zip(&node.inputs)
            .map(|(term, &input)| term_view(linear, term, &self.graph.node(input).shape, &node.shape))
            .collect();
        let least = views.iter().map(|(view, taps)| spacing(view, taps, out)).fold(Spacing { row: 0, image: 0 }, Spacing::max);
        let mut chosen = match &self.demands[id.0] {
            Some(demand) if demand.view == *out => least.max(demand.spacing),
            _ => least,
        };
        let origins: Vec<Vec<Origin>> = views.iter().zip(&node.inputs).map(|((view, _), &input)| self.view_origins(input, view)).collect();
        for ((view, _), origins) in views.iter().zip(&origins) {
            if let Some(form) = self.find_form(origins, view, |f| f.allows(Base::Position) && f.spacing.covers(least), false) {
                chosen = self.forms[form].spacing;
                break;
            }
        }
        let mut placed = Vec::with_capacity(views.len());
        for (at, ((view, taps), origins)) in views.into_iter().zip(origins).enumerate() {
            let found = self.find_form(&origins, &view, |f| f.allows(Base::Position) && f.spacing == chosen, false);
            let form = match found {
                Some(form) => form,
                None => self.materialise(node.inputs[at], &origins, &view, chosen)?,
            };
            let evaluations = self.evaluations(form, Base::Position);
            let tail = fit(self.forms[form].tail());
            let phases = phases(linear, &linear.terms[at], &node.shape);
            placed.push(Placed { index: at, view, taps, phases, form, evaluations, tail });
        }
        Ok(placed)
    }

    /// The smallest block that holds every overlap of kernel and image.
    fn frame(&self, terms: &[Placed], out: &View) -> Frame {
        let spacing = self.forms[terms[0].form].spacing;
        let mut frame = Frame { spacing, offset: 0, block_rows: 0, tail: 0 };
        let mut head = 0i64;
        frame.tail = fit(spacing.slot(out.dims[1] - 1, out.dims[2] - 1, out.dims[3] - 1));
        for term in terms {
            for tap in &term.taps {
                head = head.max(frame.shift(tap));
                frame.tail = frame.tail.max(term.tail - frame.shift(tap));
            }
        }
        let size: usize = fit(head + frame.tail + 1);
        frame.block_rows = size.div_ceil(self.lanes);
        frame.offset = fit::<_, usize>(head) + frame.block_rows * self.lanes - size;
        frame
    }

    /// The products of one group, in descending order of their exponents, and the exponent that is left at the end.
    fn grid_products(id: NodeId, linear: &Linear, terms: &[Placed], frame: &Frame, group: usize, groups: usize) -> (Vec<Product>, u32) {
        let mut order: Vec<(i64, &Placed, &Tap)> =
            terms.iter().flat_map(|term| term.taps.iter().map(move |tap| (frame.tail - term.tail + frame.shift(tap), term, tap))).collect();
        order.sort_by_key(|(exponent, _, _)| -exponent);
        let outputs = linear.bias.len() / groups;
        let mut products = Vec::new();
        let mut before = order.first().map_or(0, |(exponent, _, _)| *exponent);
        for (exponent, term, tap) in order {
            let phases = term.phases;
            let channels = term.view.dims[0] / phases / groups;
            for channel in group * channels..(group + 1) * channels {
                let block = match &linear.terms[term.index] {
                    Term::Conv(_) => Block::Conv { node: id, term: term.index, kernel: tap.kernel, channel, first: group * outputs },
                    Term::Scale(factor) => Block::One { output: channel - group * outputs, value: i64::from(*factor) },
                };
                let factor = Factor::Cell(term.evaluations[channel * phases + tap.phase]);
                products.push(Product { jump: fit(before - exponent), factor, block });
                before = exponent;
            }
        }
        (products, fit(before))
    }

    /// The products of a dense layer: one for each input that is not zero, and the bias.
    fn dense_products(&self, id: NodeId, node: &Node, linear: &Linear, out: &View) -> Vec<Product> {
        let outputs = out.dims[0];
        let mut bias = linear.bias.clone();
        let mut products = Vec::new();
        for (number, (term, &input)) in linear.terms.iter().zip(&node.inputs).enumerate() {
            let (view, taps) = term_view(linear, term, &self.graph.node(input).shape, &node.shape);
            let phases = phases(linear, term, &node.shape);
            for tap in taps {
                let inside = |at: i64, size: usize| usize::try_from(at).ok().filter(|&v| v < size);
                let (Some(h), Some(w)) = (inside(tap.dh, view.dims[2]), inside(tap.dw, view.dims[3])) else { continue };
                for channel in 0..view.dims[0] / phases {
                    let at = ((channel * phases + tap.phase) * view.dims[1] * view.dims[2] + h) * view.dims[3] + w;
                    let block = match term {
                        Term::Conv(_) => Block::Conv { node: id, term: number, kernel: tap.kernel, channel, first: 0 },
                        Term::Scale(factor) => Block::One { output: channel, value: i64::from(*factor) },
                    };
                    match view.elements[at] {
                        NONE => {}
                        element => match self.origins[input.0][index(element)] {
                            Origin::Cell(site) => products.push(Product { jump: 0, factor: Factor::Cell(site), block }),
                            Origin::Constant(value) => {
                                let weights = block.weights(self.graph);
                                (0..outputs).zip(&mut bias).for_each(|(o, b)| *b += weights.get(o) * i64::from(value));
                            }
                        },
                    }
                }
            }
        }
        if products.is_empty() || bias.iter().any(|&b| b != 0) {
            products.push(Product { jump: 0, factor: Factor::One, block: Block::Given(bias) });
        }
        products
    }
}

/// How the accumulators of all slots come about.
fn flat(terms: &[Placed], frame: &Frame) -> FlatConvolution {
    let terms = terms
        .iter()
        .map(|term| FlatTerm {
            view: term.view.clone(),
            taps: term.taps.iter().map(|tap| (tap.kernel, tap.phase, fit(fit::<_, i64>(frame.offset) - frame.shift(tap)))).collect(),
            phases: term.phases,
        })
        .collect();
    FlatConvolution { spacing: frame.spacing, terms }
}

/// Groups that have identities of their own: those that all convolutions respect.
fn identity_groups(linear: &Linear) -> usize {
    let gcd = |mut a: usize, mut b: usize| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let groups = linear.terms.iter().filter_map(|t| if let Term::Conv(c) = t { Some(c.groups) } else { None });
    groups.reduce(gcd).unwrap_or(1)
}
