//! How many points and scalars a proof has, and where: it follows from the key.
//!
//! ```text
//! points    advice of phase 0 | advice of phase 1 | running products | random | limbs | W | W'
//! scalars   advice queries | fixed queries | random | σ | z_0(x) z_0(ωx) z_0(ω^last x) | … | z_m(x) z_m(ωx)
//! bytes     points up to the limbs ‖ scalars ‖ W ‖ W'
//! ```

use alloc::vec::Vec;

use crate::constraints::ConstraintSystem;
use crate::point::G1_BYTES;

/// Bytes of a scalar.
const SCALAR_BYTES: usize = 32;

/// Counts and positions of the parts of a proof.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Position of each advice column's commitment among the points.
    pub advice: Vec<usize>,
    /// Advice columns of each phase.
    pub phases: [usize; 2],
    /// Challenges after phase 0.
    pub challenges: usize,
    /// Running products of the permutation.
    pub products: usize,
    /// Limbs of the quotient.
    pub limbs: usize,
    /// Evaluations of advice columns.
    pub advice_values: usize,
    /// Evaluations of fixed columns.
    pub fixed_values: usize,
    /// Evaluations of the permutation.
    pub sigma_values: usize,
}

impl Shape {
    /// The shape of the proofs of a constraint system.
    pub fn new(constraints: &ConstraintSystem) -> Self {
        let of_phase = |phase: u8| constraints.advice_phases.iter().filter(|p| **p == phase).count();
        let phases = [of_phase(0), of_phase(1)];
        let (mut first, mut second) = (0.., phases[0]..);
        let position = |phase: &u8| if *phase == 0 { first.next() } else { second.next() }.unwrap_or(0);
        Self {
            advice: constraints.advice_phases.iter().map(position).collect(),
            phases,
            challenges: crate::constraints::index(constraints.num_challenges),
            products: constraints.num_products(),
            limbs: constraints.num_limbs(),
            advice_values: constraints.advice_queries.len(),
            fixed_values: constraints.fixed_queries.len(),
            sigma_values: constraints.permutation.len(),
        }
    }

    /// Position of the first running product among the points.
    pub fn first_product(&self) -> usize {
        self.advice.len()
    }

    /// Position of the random polynomial among the points.
    pub fn random(&self) -> usize {
        self.first_product().saturating_add(self.products)
    }

    /// Position of the first limb among the points.
    pub fn first_limb(&self) -> usize {
        self.random().saturating_add(1)
    }

    /// Position of W among the points; W' is behind it.
    pub fn opening(&self) -> usize {
        self.first_limb().saturating_add(self.limbs)
    }

    /// Number of points.
    pub fn points(&self) -> usize {
        self.opening().saturating_add(2)
    }

    /// Position of the first fixed query among the scalars.
    pub fn first_fixed_value(&self) -> usize {
        self.advice_values
    }

    /// Position of the random polynomial among the scalars.
    pub fn random_value(&self) -> usize {
        self.first_fixed_value().saturating_add(self.fixed_values)
    }

    /// Position of the first σ among the scalars.
    pub fn first_sigma_value(&self) -> usize {
        self.random_value().saturating_add(1)
    }

    /// Position of a running product's value at x among the scalars. At ωx and at `ω^last x`, which the last one lacks, it is behind it.
    pub fn product_value(&self, index: usize) -> usize {
        self.first_sigma_value().saturating_add(self.sigma_values).saturating_add(index.saturating_mul(3))
    }

    /// Number of scalars.
    pub fn scalars(&self) -> usize {
        self.product_value(self.products).saturating_sub(usize::from(self.products > 0))
    }

    /// Length of a proof.
    pub fn bytes(&self) -> usize {
        self.points().saturating_mul(G1_BYTES).saturating_add(self.scalars().saturating_mul(SCALAR_BYTES))
    }
}
