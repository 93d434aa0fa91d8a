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

    pub(crate) fn write_canonical(self, _: &[Fr], _: [&mut [u64]; 4]) {
        match self.0 {}
    }

    pub(crate) fn add_product(self, _: &mut [Fr], _: &[Fr], _: &[Fr]) {
        match self.0 {}
    }
}

/// The vector form of elements.
pub(crate) type Lanes = Infallible;

/// Products along columns.
pub(crate) mod chains {
    use super::{Fr, Ifma};

    /// Chains at a time.
    pub(crate) const CHAINS: usize = 16;

    /// One value for each chain.
    pub(crate) type Ends = [Fr; CHAINS];

    impl Ifma {
        pub(crate) fn chain_products(self, _: &[Fr]) -> Ends {
            match self.0 {}
        }

        pub(crate) fn write_products(self, _: &[Fr], _: Ends, _: &mut [Fr]) {
            match self.0 {}
        }

        pub(crate) fn chain_scans(self, _: &[Fr], _: &[Fr]) -> Ends {
            match self.0 {}
        }

        pub(crate) fn write_scans(self, _: &[Fr], _: &[Fr], _: Ends, _: &mut [Fr]) {
            match self.0 {}
        }

        pub(crate) fn invert(self, _: &mut [Fr], _: impl FnOnce(&mut [Fr])) {
            match self.0 {}
        }
    }
}

/// The steps of programs.
pub(crate) mod interpret {
    use super::{Fr, Ifma, Lanes};
    use std::marker::PhantomData;

    /// An operand.
    #[derive(Clone, Copy)]
    pub(crate) struct Argument<'a>(PhantomData<&'a Lanes>);

    impl<'a> Argument<'a> {
        pub(crate) fn block(_: &'a [Lanes]) -> Self {
            Self(PhantomData)
        }

        pub(crate) fn scalar(_: &'a Lanes) -> Self {
            Self(PhantomData)
        }
    }

    impl Ifma {
        pub(crate) fn block(self, _: usize) -> Vec<Lanes> {
            match self.0 {}
        }

        pub(crate) fn scalar(self, _: Fr) -> Lanes {
            match self.0 {}
        }

        pub(crate) fn load(self, _: &[Fr], _: &mut [Lanes]) {
            match self.0 {}
        }

        pub(crate) fn store(self, _: Argument<'_>, _: &mut [Fr]) {
            match self.0 {}
        }

        pub(crate) fn step(self, _: &[(Argument<'_>, Argument<'_>)], _: &[Argument<'_>], _: &mut [Lanes]) {
            match self.0 {}
        }
    }
}

/// Sums of products.
pub(crate) mod wide {
    use super::{Fr, Ifma, Infallible};
    use crate::cpu::wide::Int;

    /// Rows of a block of a combination.
    pub(crate) const BLOCK: usize = 512;
    /// Products that a sum takes.
    pub(crate) const MAX_TERMS: usize = 1 << 12;

    /// Nothing is multiplied by these limbs.
    pub(crate) fn factor<I: Int, const L: usize>(_: &Fr) -> [u64; L] {
        [0; L]
    }

    /// Sums for the rows of a block.
    #[derive(Debug)]
    pub(crate) struct Combination<const L: usize>(Infallible);

    impl<const L: usize> Combination<L> {
        pub(crate) fn new(ifma: Ifma, _: usize, _: &[u64; L]) -> Self {
            match ifma.0 {}
        }

        pub(crate) fn add<I: Int>(&mut self, _: &[[I; BLOCK]], _: &[[u64; L]], _: &[&[I]]) {
            match self.0 {}
        }

        pub(crate) fn finish<I: Int>(&self, _: &mut [Fr]) {
            match self.0 {}
        }
    }

    /// Weights by limbs.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Weights<const L: usize>(Infallible);

    /// Sums of products with weights.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Dot<const L: usize>(Infallible);

    impl Ifma {
        pub(crate) fn weights<I: Int, const L: usize>(self, _: &[Fr]) -> Vec<Weights<L>> {
            match self.0 {}
        }

        pub(crate) fn empty_dot<const L: usize>(self) -> Dot<L> {
            match self.0 {}
        }

        pub(crate) fn add_dot<I: Int, const L: usize>(self, _: &[I], _: &[Weights<L>], _: &mut Dot<L>, _: &[I]) {
            match self.0 {}
        }

        pub(crate) fn copy_biased<I: Int>(self, _: &[I], _: usize, _: i64, _: &mut [I]) {
            match self.0 {}
        }

        pub(crate) fn add_weights<const L: usize>(self, _: &[Weights<L>], _: &mut Dot<L>) {
            match self.0 {}
        }

        pub(crate) fn limbs_of_dot<const L: usize>(self, _: &Dot<L>) -> [u64; L] {
            match self.0 {}
        }

        pub(crate) fn add_combination(self, _: &mut [Fr], _: &[&[Fr]], _: &[Fr]) {
            match self.0 {}
        }

        pub(crate) fn dot(self, _: &[Fr], _: &[Fr]) -> Fr {
            match self.0 {}
        }
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
