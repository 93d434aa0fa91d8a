//! Graphs with attention.

use sworn_circuits::graph::*;

use super::Build;

impl Build {
    /// Elements of a tensor in another order or shape.
    pub fn moved(&mut self, x: NodeId, shape: &[usize], from: impl Fn(usize) -> usize) -> NodeId {
        let count: usize = shape.iter().product();
        let sources = (0..count).map(|i| Source::Element { input: 0, index: from(i) as u32 }).collect();
        self.push("moved", Op::Gather(Gather { sources }), &[x], shape)
    }

    /// `[positions, heads · width]` as a matrix for each head, transposed or not.
    pub fn heads(&mut self, x: NodeId, heads: usize, transposed: bool) -> NodeId {
        let [positions, channels] = self.shape(x)[..] else { panic!("a matrix") };
        let width = channels / heads;
        if transposed {
            let at = |i: usize| (i % positions) * channels + i / (width * positions) * width + i / positions % width;
            return self.moved(x, &[heads, width, positions], at);
        }
        let at = |i: usize| (i / width % positions) * channels + i / (width * positions) * width + i % width;
        self.moved(x, &[heads, positions, width], at)
    }

    /// `[heads, positions, width]` as `[positions, heads · width]`.
    pub fn merged(&mut self, x: NodeId) -> NodeId {
        let [heads, positions, width] = self.shape(x)[..] else { panic!("a matrix for each head") };
        let channels = heads * width;
        let at = |i: usize| (i % channels / width * positions + i / channels) * width + i % width;
        self.moved(x, &[positions, channels], at)
    }

    fn dims(&self, a: NodeId, b: NodeId) -> [usize; 4] {
        let (a, b) = (self.shape(a), self.shape(b));
        [a[0], a[1], a[2], b[2]]
    }

    pub fn product(&mut self, a: NodeId, b: NodeId, shift: u32, activation: Activation) -> NodeId {
        let dims = self.dims(a, b);
        let op = Op::Product(Product { dims, factor: 1, activation });
        let id = self.push("product", op, &[a, b], &[dims[0], dims[1], dims[3]]);
        self.graph.nodes[id.0].shift = shift;
        id
    }

    /// The table of a softmax: `2^total·exp(−δ·z)`.
    pub fn exponentials(&mut self, total: u32, delta: f64) -> usize {
        let length = (1usize << (self.graph.bits - 1)).min((f64::from(total + 1) / delta) as usize + 2);
        let mut values: Vec<i32> =
            (0..length).map(|z| (f64::from(1 << total) * (-delta * f64::from(z as u32)).exp()).round() as i32).collect();
        values.extend(vec![0; (1 << (self.graph.bits - 1)) - length]);
        let second = values[1..].iter().copied().chain([0]).collect();
        self.graph.tables.push(Table { name: "exp".into(), first: 0, values, second });
        self.graph.tables.len() - 1
    }

    /// Attention weights of queries and keys.
    pub fn softmax(&mut self, q: NodeId, k: NodeId, shift: u32, causal: bool) -> NodeId {
        let dims = self.dims(q, k);
        let [heads, rows, _, columns] = dims;
        let total = self.graph.bits - 2;
        let table = self.exponentials(total, 1.0 / 8.0);
        let hidden = if causal { (0..rows * columns).map(|i| i % columns > i / columns).collect() } else { vec![] };
        let scores = Scores::Product(Product { dims, factor: 1, activation: Activation::None });
        let id = self.push("softmax", Op::Softmax(Softmax { scores, hidden, table, total: 1 << total }), &[q, k], &[heads, rows, columns]);
        self.graph.nodes[id.0].shift = shift;
        id
    }

    /// Probabilities over the last axis of a tensor.
    pub fn softmax_of(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        let total = self.graph.bits - 2;
        let table = self.exponentials(total, 1.0 / 8.0);
        let scores = Scores::Tensor { columns: *shape.last().unwrap(), factor: 3 };
        let id = self.push("softmax", Op::Softmax(Softmax { scores, hidden: vec![], table, total: 1 << total }), &[x], &shape);
        self.graph.nodes[id.0].shift = 3;
        id
    }

    /// Rows of a matrix, normalised.
    pub fn norm(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        let (inner, bits) = (*shape.last().unwrap(), self.graph.bits);
        // The typical row has a factor well below the range.
        let constant = (2f64.powi(2 * bits as i32 - 5) * f64::from(inner as u32).sqrt()) as i64;
        let epsilon = (inner as i64) << (2 * bits - 8);
        self.push("norm", Op::Norm(Norm { inner, constant, epsilon, activation: Activation::None }), &[x], &shape)
    }

    /// A dense layer and what skips it.
    pub fn residual(&mut self, x: NodeId, skipped: NodeId, shift: u32) -> NodeId {
        let (shape, inputs) = (self.shape(skipped), *self.shape(x).last().unwrap());
        let outputs = *shape.last().unwrap();
        let terms = vec![self.dense_term(inputs, outputs), Term::Scale(1 << shift >> 1)];
        let id = self.linear(Channels::Last, terms, &[x, skipped], &shape, outputs, Activation::None);
        self.graph.nodes[id.0].shift = shift;
        id
    }

    /// A block of a transformer: attention and a dense pair, each behind a norm.
    pub fn transformer(&mut self, x: NodeId, heads: usize, causal: bool) -> NodeId {
        let bits = self.graph.bits;
        let width = *self.shape(x).last().unwrap();
        let y = self.norm(x);
        let [q, k, v] = [0, 1, 2].map(|_| self.dense(y, width, Activation::None));
        let (q, k, v) = (self.heads(q, heads, false), self.heads(k, heads, true), self.heads(v, heads, false));
        let weights = self.softmax(q, k, bits, causal);
        let context = self.product(weights, v, bits - 2, Activation::None);
        let context = self.merged(context);
        let x = self.residual(context, x, bits);
        let y = self.norm(x);
        let gelu = self.table(|x| x.max(0.0) + 0.1 * x);
        let hidden = self.dense(y, 2 * width, gelu);
        self.residual(hidden, x, bits)
    }
}
