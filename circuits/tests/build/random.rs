//! Random small graphs: every operation, with the shapes that are easy to get wrong.

use sworn_circuits::graph::*;

use super::{change_weights, Build, ConvSpec};

impl Build {
    fn index(&mut self, n: usize) -> usize {
        self.rng.int(0, n as i64 - 1) as usize
    }

    fn coin(&mut self) -> bool {
        self.index(2) == 0
    }

    fn any_activation(&mut self) -> Activation {
        match self.index(4) {
            0 => Activation::None,
            1 if self.graph.tables.len() < 2 => self.table(f64::tanh),
            1 => Activation::Table(0),
            _ => Activation::Relu,
        }
    }

    fn divisor(&mut self, n: usize, m: usize) -> usize {
        let divisors: Vec<usize> = (1..=n.min(m)).filter(|d| n.is_multiple_of(*d) && m.is_multiple_of(*d)).collect();
        divisors[self.index(divisors.len())]
    }

    /// A convolution term with `outputs` channels whose output has any size: what lies outside of the image is zero.
    fn any_conv_term(&mut self, x: NodeId, outputs: usize) -> Term {
        let channels = self.shape(x)[1];
        let mut pair = |low: i64, high: i64| [self.rng.int(low, high) as usize, self.rng.int(low, high) as usize];
        let (kernel, stride, dilation, pad) = (pair(1, 4), pair(1, 3), pair(1, 2), pair(0, 3));
        let groups = self.divisor(channels, outputs);
        let mut term = self.conv_term(channels, outputs, ConvSpec { kernel, stride, dilation, pad: [pad[0], pad[1], 0, 0], groups });
        // Sums of random signs are far smaller than the worst case.
        if let (Term::Conv(conv), true) = (&mut term, self.coin()) {
            change_weights(conv, |weights| weights.iter_mut().for_each(|w| *w *= 3));
        }
        term
    }

    /// A sum of up to three terms over images of equal batch.
    pub fn any_linear(&mut self, images: &[NodeId]) -> NodeId {
        let first = images[self.index(images.len())];
        let batch = self.shape(first)[0];
        let shape = if self.coin() {
            self.shape(first)
        } else {
            vec![batch, 1 + self.index(4), 1 + self.index(4), if self.coin() { 1 } else { 1 + self.index(5) }]
        };
        let mut inputs = vec![first];
        let more = self.index(3);
        for _ in 0..more {
            let other = images[self.index(images.len())];
            if self.shape(other)[0] == batch {
                inputs.push(other);
            }
        }
        let terms: Vec<Term> = inputs
            .iter()
            .map(|&x| {
                if self.shape(x) == shape && self.coin() {
                    Term::Scale(self.rng.int(-5, 5) as i32)
                } else {
                    self.any_conv_term(x, shape[1])
                }
            })
            .collect();
        let activation = self.any_activation();
        self.linear(Channels::First, terms, &inputs, &shape, shape[1], activation)
    }

    /// A maximum over random windows.
    pub fn any_max(&mut self, x: NodeId) -> NodeId {
        let n = self.graph.node(x).elements();
        let shape = [self.shape(x)[0], 1 + self.index(2), 1 + self.index(3), 1 + self.index(3)];
        let window = 1 + self.index(9);
        let windows = (0..shape.iter().product::<usize>() * window).map(|_| self.index(n) as u32).collect();
        self.push("max", Op::Max(Max { window, windows }), &[x], &shape)
    }

    /// Padding by a constant, a permutation, a concatenation, or anything.
    pub fn any_gather(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let s = self.shape(a);
        let (n, m) = (self.graph.node(a).elements(), self.graph.node(b).elements());
        let element = |input: u32, index: usize| Source::Element { input, index: index as u32 };
        let constant = Source::Constant(self.rng.int(-3, 3) as i32 / 2);
        let (sources, shape): (Vec<Source>, [usize; 4]) = match self.index(4) {
            0 => {
                let [top, left] = [self.index(2), self.index(2)];
                let [h, w] = [s[2] + top + self.index(2), s[3] + left + self.index(2)];
                let inside = |i: usize, j: usize| (top..top + s[2]).contains(&i) && (left..left + s[3]).contains(&j);
                let at = |p: usize, i: usize, j: usize| (p * s[2] + i - top) * s[3] + j - left;
                let planes = s[0] * s[1];
                let positions = (0..planes * h * w).map(|k| (k / (h * w), k / w % h, k % w));
                (positions.map(|(p, i, j)| if inside(i, j) { element(0, at(p, i, j)) } else { constant }).collect(), [s[0], s[1], h, w])
            }
            1 => {
                let (h, w) = (s[2], s[3]);
                ((0..n).map(|k| element(0, k / (h * w) * h * w + k % h * w + k / h % w)).collect(), [s[0], s[1], w, h])
            }
            2 => ((0..n).map(|k| element(0, k)).chain((0..m).map(|k| element(1, k))).collect(), [1, 1, 1, n + m]),
            _ => {
                let shape = [s[0], 1 + self.index(3), 1 + self.index(3), 1 + self.index(3)];
                let any = (0..shape.iter().product::<usize>())
                    .map(|_| match self.index(5) {
                        0 => constant,
                        1 => element(1, self.index(m)),
                        _ => element(0, self.index(n)),
                    })
                    .collect();
                (any, shape)
            }
        };
        self.push("gather", Op::Gather(Gather { sources }), &[a, b], &shape)
    }

    /// A dense layer over the last axis, with one position or several.
    pub fn any_dense(&mut self, x: NodeId) -> NodeId {
        let s = self.shape(x);
        let shape = if self.coin() { vec![1, s.iter().product()] } else { vec![s[0] * s[1], s[2] * s[3]] };
        let flat = self.push("flat", Op::Gather(Gather::identity(shape.iter().product())), &[x], &shape);
        let outputs = 1 + self.index(5);
        let activation = self.any_activation();
        let y = self.dense(flat, outputs, activation);
        let terms = vec![self.dense_term(shape[1], outputs), Term::Scale(3)];
        let activation = self.any_activation();
        self.linear(Channels::Last, terms, &[flat, y], &[shape[0], outputs], outputs, activation)
    }

    /// A random graph of some operations on images.
    pub fn any_graph(bits: u32, seed: u64) -> (QuantGraph, Vec<Vec<i32>>) {
        let mut b = Self::new(bits, seed);
        let batch = 1 + b.index(2);
        let mut images = Vec::new();
        for _ in 0..1 + b.index(2) {
            let shape = [batch, 1 + b.index(3), if b.index(3) == 0 { 1 } else { 1 + b.index(5) }, 1 + b.index(5)];
            images.push(b.input(&shape));
        }
        let mut outputs = Vec::new();
        for _ in 0..2 + b.index(4) {
            let x = images[b.index(images.len())];
            match b.index(10) {
                0..=4 => images.push(b.any_linear(&images.clone())),
                5 => images.push(b.any_max(x)),
                6 => {
                    let other = images[b.index(images.len())];
                    images.push(b.any_gather(x, other));
                }
                7 => {
                    let twin = images.iter().copied().find(|&y| b.graph.node(y).elements() == b.graph.node(x).elements());
                    let activation = b.any_activation();
                    let (cb, cm) = if twin.is_some() { (3, 1) } else { (0, 0) };
                    images.push(b.elementwise(x, twin, 5, cb, cm, activation));
                }
                8 => {
                    let activation = b.any_activation();
                    let outer = b.shape(x)[0] * if b.coin() { b.shape(x)[1] } else { 1 };
                    outputs.push(b.reduce(x, outer, activation));
                }
                _ => outputs.push(b.any_dense(x)),
            }
        }
        outputs.extend(images.last());
        b.finish(&outputs)
    }
}
