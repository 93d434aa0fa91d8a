//! Gate expressions as postfix programs: flat, so that decoding never recurses.

use alloc::vec::Vec;

use ark_ff::{BigInt, PrimeField};
use serde::{Deserialize, Serialize};

use crate::field::Fr;

/// One operation on a stack of field elements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Pushes a constant, 32 bytes little-endian, canonical.
    Constant([u8; 32]),
    /// Pushes the fixed query of this index.
    Fixed(u32),
    /// Pushes the advice query of this index.
    Advice(u32),
    /// Pushes the instance query of this index.
    Instance(u32),
    /// Pushes a challenge.
    Challenge(u32),
    /// Negates the top.
    Negate,
    /// Replaces the two topmost by their sum.
    Add,
    /// Replaces the two topmost by their product.
    Multiply,
    /// Multiplies the top by a constant.
    Scale([u8; 32]),
}

/// A polynomial over queries and challenges, in postfix order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expression(pub Vec<Operation>);

/// The deepest tree that is accepted.
pub const MAX_DEPTH: usize = 8192;

/// The field element of a constant, if it is canonical.
pub fn constant(bytes: &[u8; 32]) -> Option<Fr> {
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = chunk.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
    }
    Fr::from_bigint(BigInt(limbs))
}

impl Expression {
    /// Runs the program on values of any kind; `None` if it is not well formed.
    pub fn fold<T>(
        &self,
        mut leaf: impl FnMut(&Operation) -> Option<T>,
        negate: impl Fn(T) -> T,
        add: impl Fn(T, T) -> T,
        multiply: impl Fn(T, T) -> T,
        scale: impl Fn(T, &[u8; 32]) -> Option<T>,
    ) -> Option<T> {
        let mut stack: Vec<T> = Vec::new();
        for operation in &self.0 {
            let value = match operation {
                Operation::Negate => negate(stack.pop()?),
                Operation::Add => {
                    let (right, left) = (stack.pop()?, stack.pop()?);
                    add(left, right)
                }
                Operation::Multiply => {
                    let (right, left) = (stack.pop()?, stack.pop()?);
                    multiply(left, right)
                }
                Operation::Scale(factor) => scale(stack.pop()?, factor)?,
                push => leaf(push)?,
            };
            stack.push(value);
        }
        let result = stack.pop()?;
        stack.is_empty().then_some(result)
    }

    /// Depth of the expression's tree, or `None` if the program is not well formed.
    pub fn depth(&self) -> Option<usize> {
        self.fold(
            |_| Some(1),
            |d: usize| d.saturating_add(1),
            |a, b| a.max(b).saturating_add(1),
            |a, b| a.max(b).saturating_add(1),
            |d, _| Some(d.saturating_add(1)),
        )
    }

    /// Degree in the columns, or `None` if the program is not well formed.
    pub fn degree(&self) -> Option<usize> {
        self.fold(
            |leaf| Some(usize::from(matches!(leaf, Operation::Fixed(_) | Operation::Advice(_) | Operation::Instance(_)))),
            |d| d,
            usize::max,
            usize::saturating_add,
            |d, _| Some(d),
        )
    }
}
