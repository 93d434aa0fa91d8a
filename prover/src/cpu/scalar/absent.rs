//! The interface of [`super::adx`] on processors of other families: there are no instructions, hence no values.

use std::convert::Infallible;

use super::{Limbs, Multiplier, Prime};

/// Proof that the processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adx(Infallible);

impl Adx {
    pub(crate) fn detect() -> Option<Self> {
        None
    }
}

impl Multiplier for Adx {
    fn mul_lazy<F: Prime>(self, _: &Limbs, _: &Limbs) -> Limbs {
        match self.0 {}
    }

    fn square_lazy<F: Prime>(self, _: &Limbs) -> Limbs {
        match self.0 {}
    }

    fn product(self, _: &Limbs, _: &Limbs) -> [u64; 8] {
        match self.0 {}
    }
}
