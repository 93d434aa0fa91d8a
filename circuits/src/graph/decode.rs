//! Graphs of bytes of any origin: measured, then built, then checked.
//!
//! ```text
//! bytes -> heap that the graph will take, without building any of it -> QuantGraph -> bounds::check
//! ```
//!
//! A byte of an encoding may stand for a hundred in memory. The first pass reads the same values as the second and keeps their
//! sizes only; the types that it reads are tuples of the fields of [`crate::graph`], which have the encoding of the structs.

use std::fmt;
use std::marker::PhantomData;
use std::mem::size_of;

use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde::Deserialize;

use crate::error::GraphError;
use crate::graph::{self, Activation, Channels, NodeId, QuantGraph, Source};
use crate::layout::bounds;
use crate::memory::{Budget, MemoryError};
use crate::number::fit;

/// Bytes that are no graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They are not the encoding of one.
    #[error("the bytes are no quantised model")]
    Encoding,
    /// It takes more memory than there is.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// It breaks a rule.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl QuantGraph {
    /// Decodes a graph and checks it: what is answered can be evaluated and laid out without a panic.
    ///
    /// # Errors
    /// Bytes that are no graph or more than one, a graph that breaks a rule, or that takes more memory than this.
    pub fn from_bytes(bytes: &[u8], budget: Budget) -> Result<Self, DecodeError> {
        match Self::take_from_bytes(bytes, budget)? {
            (graph, []) => Ok(graph),
            _ => Err(DecodeError::Encoding),
        }
    }

    /// As [`QuantGraph::from_bytes`], with the bytes behind the graph.
    ///
    /// # Errors
    /// As [`QuantGraph::from_bytes`].
    pub fn take_from_bytes(bytes: &[u8], budget: Budget) -> Result<(Self, &[u8]), DecodeError> {
        let (heap, _): (Graph, _) = postcard::take_from_bytes(bytes).map_err(|_| DecodeError::Encoding)?;
        budget.require(heap.heap(), "the quantised model")?;
        let (graph, rest): (Self, _) = postcard::take_from_bytes(bytes).map_err(|_| DecodeError::Encoding)?;
        bounds::check(&graph)?;
        if let Some(node) = graph.nodes.iter().find(|node| !(node.scale.is_finite() && node.scale > 0.0)) {
            return Err(GraphError::Malformed { node: node.name.clone(), rule: "a scale is a positive number" }.into());
        }
        Ok((graph, rest))
    }

    /// The encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing to a vector cannot fail, and every field has a length.
        postcard::to_allocvec(self).unwrap_or_default()
    }
}

/// What stands for a value of another type in the first pass.
trait Measured {
    type Of;

    /// Bytes that the value owns beside its own.
    fn heap(&self) -> u64;
}

type Graph = (u32, Sequence<Node>, Sequence<Plain<NodeId>>, Sequence<Output>, Sequence<Table>);
type Output = (Plain<NodeId>, Text);
type Node = (Text, Op, Sequence<Plain<NodeId>>, Sequence<Plain<usize>>, f64, u32);
type Table = (Text, i32, Sequence<Plain<i32>>, Sequence<Plain<i32>>);
type Linear = (Channels, Sequence<Term>, Sequence<Plain<i64>>, Activation);
/// Kernel, stride, padding and dilation; groups; weights.
type Conv = ([[usize; 2]; 4], usize, Column);
type Elementwise = (Sequence<Plain<i32>>, i32, i32, Sequence<Plain<i64>>, Activation);
type Max = (usize, Sequence<Plain<u32>>);
/// Scores; hidden elements; table; total.
type Softmax = (Plain<graph::Scores>, Sequence<Plain<bool>>, usize, i64);
/// Elements of a run; scales; offsets.
type Features = (usize, Sequence<Plain<f64>>, Sequence<Plain<f64>>);

#[derive(Deserialize)]
enum Op {
    Input,
    Linear(Linear),
    Reduce(Plain<graph::Reduce>),
    Elementwise(Elementwise),
    Max(Max),
    Gather(Sequence<Plain<Source>>),
    Features(Features),
    Product(Plain<graph::Product>),
    Norm(Plain<graph::Norm>),
    Softmax(Softmax),
}

#[derive(Deserialize)]
enum Term {
    Conv(Conv),
    Scale(Plain<i32>),
}

/// A vector: its length in bytes, as it grows, and what its elements own.
struct Sequence<T>(u64, PhantomData<T>);

/// A value that owns nothing.
struct Plain<T>(PhantomData<T>);

/// A string.
struct Text(u64);

/// An [`crate::column::IntColumn`].
struct Column(u64);

macro_rules! measured {
    ($($name:ty as $of:ty: |$self:ident| $heap:expr;)*) => {
        $(impl Measured for $name {
            type Of = $of;

            fn heap(&self) -> u64 {
                let $self = self;
                $heap
            }
        })*
    };
}
measured! {
    Graph as QuantGraph: |g| g.1.0.saturating_add(g.2.0).saturating_add(g.3.0).saturating_add(g.4.0);
    Node as graph::Node: |n| n.0.0.saturating_add(n.1.heap()).saturating_add(n.2.0).saturating_add(n.3.0);
    Output as graph::Output: |o| o.1.0;
    Table as graph::Table: |t| t.0.0.saturating_add(t.2.0).saturating_add(t.3.0);
    Term as graph::Term: |t| match t {
        Term::Conv(conv) => conv.2.0,
        Term::Scale(factor) => factor.heap(),
    };
    Op as graph::Op: |op| match op {
        Op::Input => 0,
        Op::Linear(linear) => linear.1.0.saturating_add(linear.2.0),
        Op::Reduce(reduce) => reduce.heap(),
        Op::Elementwise(e) => e.0.0.saturating_add(e.3.0),
        Op::Max(max) => max.1.0,
        Op::Gather(sources) => sources.0,
        Op::Features(features) => features.1.0.saturating_add(features.2.0),
        Op::Product(product) => product.heap(),
        Op::Norm(norm) => norm.heap(),
        Op::Softmax(softmax) => softmax.1.0,
    };
}

impl<T> Measured for Plain<T> {
    type Of = T;

    fn heap(&self) -> u64 {
        0
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Plain<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|_| Self(PhantomData))
    }
}

impl<'de, T: Measured + Deserialize<'de>> Deserialize<'de> for Sequence<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);

        impl<'de, T: Measured + Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = Sequence<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Sequence<T>, A::Error> {
                // A vector that grows has up to twice its length.
                let each = 2 * fit::<_, u64>(size_of::<T::Of>());
                let mut bytes = 0u64;
                while let Some(element) = elements.next_element::<T>()? {
                    bytes = bytes.saturating_add(each).saturating_add(element.heap());
                }
                Ok(Sequence(bytes, PhantomData))
            }
        }

        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&str>::deserialize(deserializer).map(|text| Self(fit(text.len())))
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = u64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<u64, E> {
                Ok(fit(bytes.len()))
            }
        }

        struct Length(u64);

        impl<'de> Deserialize<'de> for Length {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_bytes(Bytes).map(Self)
            }
        }

        <(u8, Length)>::deserialize(deserializer).map(|(_, length)| Self(length.0))
    }
}
