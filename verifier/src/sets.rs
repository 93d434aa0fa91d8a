//! Which polynomials are opened where, and what commits to them: it follows from the key.
//!
//! ```text
//! order      advice | products | fixed | σ | quotient | random                  halo2's, columns by their first query
//! set        polynomials that are opened at the same rotations, in the order of their first one
//!
//! plain      a commitment for each polynomial; the limbs of the quotient are one polynomial Σ_i x^{in}·limb_i
//! packed     a commitment for up to t polynomials f_0, f_1, … of a set and a message:
//!            [Σ_i s^i·f_i(s^t)]·G1, which is the polynomial g(X) = Σ_i X^i·f_i(X^t)                        [GW21, §3]
//! messages   advice of phase 0 | of phase 1 | products: z at x and ωx, p_1 p_2 … at x | limbs | the key: fixed, σ
//! ```
//!
//! Fixed columns in closed form ([`crate::closed`]) are not opened: nothing commits to them.
//!
//! A packed key has a handful of commitments, whatever the number of its columns. Differences to halo2's protocol: there is one
//! running product z, with partial products p_i (see `permutation`); limbs are opened one by one, and there is one more of them
//! (see [`crate::shape::Shape`]); and there is no random polynomial.
//!
//! \[GW21\]: fflonk, <https://eprint.iacr.org/2021/1167>

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::closed::FixedValue;
use crate::constraints::{index, ConstraintSystem, Query};
use crate::shape::Shape;

/// A polynomial that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polynomial {
    /// An advice column.
    Advice(usize),
    /// A running product of the permutation; where polynomials are packed, 0 is the one and the others are partial products.
    Product(usize),
    /// A fixed column.
    Fixed(usize),
    /// A column of the permutation.
    Sigma(usize),
    /// The combined limbs of the quotient.
    Quotient,
    /// One limb of it, where polynomials are packed.
    Limb(usize),
    /// The random polynomial.
    Random,
}

/// What commits to one or more polynomials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commitment {
    /// The point of the proof at this position.
    Proof(usize),
    /// A fixed commitment of the key.
    Fixed(usize),
    /// A permutation commitment of the key.
    Sigma(usize),
    /// The limbs with powers of x^n.
    Quotient,
}

/// A polynomial and the positions of its values among the scalars of a proof, by the rotations of its set. The value behind the
/// last one is not in the proof: it is that of the quotient or of its first limb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The polynomial.
    pub polynomial: Polynomial,
    /// Positions, one for each rotation.
    pub values: Vec<usize>,
}

/// Polynomials that are opened at the same rotations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// The rotations, ascending.
    pub rotations: Vec<i32>,
    /// One for each member, or one for all of them if they are packed.
    pub commitments: Vec<Commitment>,
    /// The polynomials.
    pub members: Vec<Member>,
}

/// A polynomial with its rotations and positions of values.
type Opened = (Polynomial, Vec<(i32, usize)>);

/// Columns in the order of their first query.
fn by_column<'q>(queries: impl Iterator<Item = (&'q Query, usize)>, polynomial: impl Fn(usize) -> Polynomial) -> Vec<Opened> {
    let mut columns: Vec<Opened> = Vec::new();
    let mut known = BTreeMap::new();
    for (query, value) in queries {
        let at = *known.entry(query.column).or_insert(columns.len());
        match columns.get_mut(at) {
            Some((_, values)) => values.push((query.rotation, value)),
            None => columns.push((polynomial(index(query.column)), alloc::vec![(query.rotation, value)])),
        }
    }
    columns
}

/// Everything that is opened, in halo2's order.
fn opened(constraints: &ConstraintSystem, shape: &Shape) -> Vec<Opened> {
    let single = |polynomial, value| (polynomial, alloc::vec![(0, value)]);
    let mut opened = by_column(constraints.advice_queries.iter().zip(0..), Polynomial::Advice);
    let last = constraints.last_rotation();
    for product in 0..shape.products {
        let values = [0, 1, last].into_iter().zip(shape.product_value(product)..);
        opened.push((Polynomial::Product(product), values.take(shape.product_rotations(product)).collect()));
    }
    let fixed = constraints.fixed_queries.iter().zip(&shape.fixed).filter_map(|(query, value)| match value {
        FixedValue::Proof(at) => Some((query, *at)),
        FixedValue::Closed(_) => None,
    });
    opened.extend(by_column(fixed, Polynomial::Fixed));
    opened.extend((0..shape.sigma_values).zip(shape.first_sigma_value()..).map(|(c, at)| single(Polynomial::Sigma(c), at)));
    if shape.is_packed() {
        // That of the first limb follows from the others.
        let values = core::iter::once(shape.scalars()).chain(shape.first_limb_value()..);
        opened.extend((0..shape.limbs).zip(values).map(|(limb, at)| single(Polynomial::Limb(limb), at)));
    } else {
        opened.push(single(Polynomial::Quotient, shape.scalars()));
        opened.push(single(Polynomial::Random, shape.random_value()));
    }
    opened
}

/// Groups polynomials by their rotations.
fn by_rotations(opened: impl IntoIterator<Item = Opened>) -> Vec<Set> {
    let mut sets: Vec<Set> = Vec::new();
    for (polynomial, mut values) in opened {
        values.sort_unstable();
        let rotations: Vec<i32> = values.iter().map(|v| v.0).collect();
        let member = Member { polynomial, values: values.iter().map(|v| v.1).collect() };
        match sets.iter_mut().find(|set| set.rotations == rotations) {
            Some(set) => set.members.push(member),
            None => sets.push(Set { rotations, commitments: Vec::new(), members: alloc::vec![member] }),
        }
    }
    sets
}

/// The sets of a key, and in a packed one the number of commitments of each message.
pub(crate) fn sets(constraints: &ConstraintSystem, shape: &Shape) -> (Vec<Set>, [usize; 5]) {
    let opened = opened(constraints, shape);
    if !shape.is_packed() {
        let mut sets = by_rotations(opened);
        for set in &mut sets {
            set.commitments = set.members.iter().filter_map(|member| plain(member.polynomial, shape)).collect();
        }
        return (sets, [0; 5]);
    }
    let message = |polynomial: &Polynomial| match polynomial {
        Polynomial::Advice(column) => constraints.advice_phases.get(*column).map_or(0, |phase| usize::from(*phase)),
        Polynomial::Product(_) => 2,
        Polynomial::Limb(_) | Polynomial::Quotient | Polynomial::Random => 3,
        Polynomial::Fixed(_) | Polynomial::Sigma(_) => 4,
    };
    let mut packed = Vec::new();
    let mut counts = [0; 5];
    let (mut of_proof, mut of_key) = (0.., 0..);
    for (number, count) in counts.iter_mut().enumerate() {
        for set in by_rotations(opened.iter().filter(|(polynomial, _)| message(polynomial) == number).cloned()) {
            for members in set.members.chunks(shape.pack) {
                let commitment = if number < 4 { of_proof.next().map(Commitment::Proof) } else { of_key.next().map(Commitment::Fixed) };
                let (rotations, commitments) = (set.rotations.clone(), commitment.into_iter().collect());
                packed.push(Set { rotations, commitments, members: members.to_vec() });
                *count += 1;
            }
        }
    }
    (packed, counts)
}

/// The commitment of a polynomial that has one of its own.
fn plain(polynomial: Polynomial, shape: &Shape) -> Option<Commitment> {
    Some(match polynomial {
        Polynomial::Advice(column) => Commitment::Proof(shape.advice.get(column).copied()?),
        Polynomial::Product(product) => Commitment::Proof(shape.first_product().saturating_add(product)),
        Polynomial::Fixed(column) => Commitment::Fixed(column),
        Polynomial::Sigma(column) => Commitment::Sigma(column),
        Polynomial::Quotient => Commitment::Quotient,
        Polynomial::Limb(_) => return None,
        Polynomial::Random => Commitment::Proof(shape.random()),
    })
}

/// All rotations of some sets.
pub(crate) fn rotations(sets: &[Set]) -> Vec<i32> {
    let all: BTreeSet<i32> = sets.iter().flat_map(|set| set.rotations.iter().copied()).collect();
    all.into_iter().collect()
}
