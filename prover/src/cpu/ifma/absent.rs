//! The interface of [`super::ifma`] on processors of other families: there are no instructions, hence no values.

use halo2_proofs::halo2curves::bn256::Fr;
use std::convert::Infallible;

/// Elements of a vector.
pub(crate) const WIDTH: usize = 8;

/// Proof that the processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ifma(Infallible);

impl Ifma {
    pub(crate) fn detect() -> Option<Self> {
        None
    }

    pub(crate) fn mul_assign(self, _: &mut [Fr], _: &[Fr]) {
        match self.0 {}
    }

    pub(crate) fn mul_scalar(self, _: &mut [Fr], _: &Fr) {
        match self.0 {}
    }

    pub(crate) fn add_scaled(self, _: &mut [Fr], _: &[Fr], _: &Fr) {
        match self.0 {}
    }

    pub(crate) fn add_product(self, _: &mut [Fr], _: &[Fr], _: &[Fr]) {
        match self.0 {}
    }
}

/// What the way down ends with.
#[derive(Clone, Copy)]
#[expect(dead_code, reason = "read by the vector form alone")]
pub(crate) enum Scale<'a> {
    Divide,
    Powers(&'a [Fr]),
}

/// The vector form of a domain.
#[derive(Clone, Debug)]
pub(crate) struct Transform(Infallible);

impl Transform {
    pub(crate) fn new(ifma: Ifma, _: u32, _: &[Fr], _: &[Fr]) -> Option<Self> {
        match ifma.0 {}
    }

    pub(crate) fn scratch(&self) -> Vec<Infallible> {
        match self.0 {}
    }

    pub(crate) fn descend(&self, _: &mut [Fr], _: Scale, _: &mut [Infallible], _: bool) {
        match self.0 {}
    }

    pub(crate) fn ascend(&self, _: &[Fr], _: &[Fr], _: &mut [Fr], _: &mut [Infallible], _: bool) {
        match self.0 {}
    }
}
