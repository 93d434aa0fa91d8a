//! How many points and scalars a proof has, and where: it follows from the key.
//!
//! ```text
//! points    advice of phase 0 | advice of phase 1 | running products | random | limbs | W | W'
//! scalars   advice queries | fixed queries | random | σ | z_0(x) z_0(ωx) z_0(ω^last x) | … | z_m(x) z_m(ωx)
//! bytes     points up to the limbs ‖ scalars ‖ W ‖ W'
//! limbs     h = Σ_i X^{in}·limb_i, d − 1 of them
//!
//! packed: commitments are those of packs (see `sets`), random is not there, and one running product is (see `permutation`)
//! scalars   advice queries | fixed queries, but those in closed form (see `closed`) | σ
//!           | z(x) z(ωx) p_1(x) p_2(x) … | limb_1(x) limb_2(x) …                 limb_0(x) follows from h(x)
//! limbs     h = Σ_i X^{i(n−2)}·limb_i, d of them: two coefficients of each are random
//! ```

use alloc::vec::Vec;

use crate::closed::{ClosedColumns, FixedValue};
use crate::constraints::ConstraintSystem;
use crate::point::G1_BYTES;
use crate::sets::{sets, Set};

/// Bytes of a scalar.
const SCALAR_BYTES: usize = 32;

/// Counts and positions of the parts of a proof.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The most polynomials of a commitment.
    pub pack: usize,
    /// Position of each advice column's commitment among the points, if it has one of its own.
    pub advice: Vec<usize>,
    /// Commitments of advice columns in each phase.
    pub phases: [usize; 2],
    /// Challenges after phase 0.
    pub challenges: usize,
    /// Running products of the permutation; if polynomials are packed, one and the partial products.
    pub products: usize,
    /// Commitments of running and partial products, and of the random polynomial.
    pub product_points: usize,
    /// Limbs of the quotient.
    pub limbs: usize,
    /// Commitments of limbs.
    pub limb_points: usize,
    /// Commitments of the key, if they are packed.
    pub key_points: usize,
    /// Evaluations of advice columns.
    pub advice_values: usize,
    /// Evaluations of fixed columns.
    pub fixed_values: usize,
    /// Where the value of each fixed query comes from.
    pub fixed: Vec<FixedValue>,
    /// Evaluations of the permutation.
    pub sigma_values: usize,
    /// What is opened where.
    pub sets: Vec<Set>,
}

impl Shape {
    /// The shape of the proofs of a constraint system, with up to `pack` polynomials in a commitment and some fixed columns in closed
    /// form.
    pub fn new(constraints: &ConstraintSystem, pack: usize, closed: &ClosedColumns) -> Self {
        let of_phase = |phase: u8| constraints.advice_phases.iter().filter(|p| **p == phase).count();
        let phases = [of_phase(0), of_phase(1)];
        let (mut first, mut second) = (0.., phases[0]..);
        let position = |phase: &u8| if *phase == 0 { first.next() } else { second.next() }.unwrap_or(0);
        let (products, limbs) = (constraints.num_products(), constraints.num_limbs());
        let advice_values = constraints.advice_queries.len();
        let mut next_fixed = advice_values..;
        let fixed = constraints.fixed_queries.iter().map(|query| match closed.value(*query) {
            Some(value) => FixedValue::Closed(value),
            None => FixedValue::Proof(next_fixed.next().unwrap_or(usize::MAX)),
        });
        let fixed: Vec<FixedValue> = fixed.collect();
        let mut shape = Self {
            pack,
            advice: constraints.advice_phases.iter().map(position).collect(),
            phases,
            challenges: crate::constraints::index(constraints.num_challenges),
            products,
            product_points: products.saturating_add(1),
            limbs,
            limb_points: limbs,
            key_points: 0,
            advice_values,
            fixed_values: fixed.iter().filter(|value| matches!(value, FixedValue::Proof(_))).count(),
            fixed,
            sigma_values: constraints.permutation.len(),
            sets: Vec::new(),
        };
        if shape.is_packed() {
            shape.advice.clear();
            shape.limbs = limbs.saturating_add(1);
        }
        let (sets, counts) = sets(constraints, &shape);
        shape.sets = sets;
        if shape.is_packed() {
            let [first, second, products, limbs, key] = counts;
            (shape.phases, shape.product_points, shape.limb_points, shape.key_points) = ([first, second], products, limbs, key);
        }
        shape
    }

    /// Whether commitments are of more than one polynomial.
    pub fn is_packed(&self) -> bool {
        self.pack > 1
    }

    /// Position of the first running product among the points.
    pub fn first_product(&self) -> usize {
        self.phases[0].saturating_add(self.phases[1])
    }

    /// Position of the random polynomial among the points. There is none among packed ones.
    pub fn random(&self) -> usize {
        self.first_product().saturating_add(self.products)
    }

    /// Position of the first limb among the points.
    pub fn first_limb(&self) -> usize {
        self.first_product().saturating_add(self.product_points)
    }

    /// Position of W among the points; W' is behind it.
    pub fn opening(&self) -> usize {
        self.first_limb().saturating_add(self.limb_points)
    }

    /// Number of points.
    pub fn points(&self) -> usize {
        self.opening().saturating_add(2)
    }

    /// Position of the first fixed query among the scalars; those in closed form have none.
    pub fn first_fixed_value(&self) -> usize {
        self.advice_values
    }

    /// Position of the random polynomial among the scalars.
    pub fn random_value(&self) -> usize {
        self.first_fixed_value().saturating_add(self.fixed_values)
    }

    /// Position of the first σ among the scalars.
    pub fn first_sigma_value(&self) -> usize {
        self.random_value().saturating_add(usize::from(!self.is_packed()))
    }

    /// Position of a product's value at x among the scalars. Those at ωx and `ω^last x` are behind it.
    pub fn product_value(&self, index: usize) -> usize {
        // Packed, only the first has a second value.
        let before = if self.is_packed() { index.saturating_add(index.min(1)) } else { index.saturating_mul(3) };
        self.first_sigma_value().saturating_add(self.sigma_values).saturating_add(before)
    }

    /// At how many points a product is opened: a running one at x, ωx and, if another one follows, `ω^last x`; a partial one at x.
    pub fn product_rotations(&self, index: usize) -> usize {
        match (self.is_packed(), index) {
            (true, 0) => 2,
            (true, _) => 1,
            (false, _) if index.saturating_add(1) < self.products => 3,
            (false, _) => 2,
        }
    }

    /// Position of the second limb's value among the scalars, if limbs are packed.
    pub fn first_limb_value(&self) -> usize {
        let last = if self.is_packed() { 0 } else { usize::from(self.products > 0) };
        self.product_value(self.products).saturating_sub(last)
    }

    /// Number of scalars.
    pub fn scalars(&self) -> usize {
        let limbs = if self.is_packed() { self.limbs.saturating_sub(1) } else { 0 };
        self.first_limb_value().saturating_add(limbs)
    }

    /// Length of a proof.
    pub fn bytes(&self) -> usize {
        self.points().saturating_mul(G1_BYTES).saturating_add(self.scalars().saturating_mul(SCALAR_BYTES))
    }
}
