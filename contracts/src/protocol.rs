//! The verifier's arithmetic as two programs and a list of multiplications of points.
//!
//! ```text
//! before    x^n, u − x·ω^d, and all else that is inverted together
//! between   1/(x − ω^r) and the instance at x: by the contract, in loops over the instance
//! after     L_0, L_last, L_blind; fixed columns in closed form, of the same; gates and permutation folded by y; quotient at x
//!           c_i = v^i·Z_0(u)/Z_i(u)         R = Z_0(u)·Σ_i v^i Σ_k E_ik·w_ik·x^(1−|S_i|)/(u − xω^k)
//!           E_ik = Σ_j y^j e_ijk            w_ik = 1/Π_(m≠k) (ω^k − ω^m)
//! points    Σ_i c_i Σ_j y^j C_ij − R·G − Z_0(u)·W + u·W'     Horner's rule through all sets: one multiplication a point
//! ```
//!
//! Packed by t: u^t for u in all of this but W', u^j for y^j, and one C_i for all members of a set.
//!
//! `Z_i` vanishes on the points `xω^k` of set `S_i`: SHPLONK [BDFG20, §4], scaled by the first set's factor as halo2 scales it.
//!
//! \[BDFG20\]: <https://eprint.iacr.org/2020/081>

use ark_bn254::Fr;
use ark_ff::{Field, One, Zero};
use sworn_verifier::closed::{Closed, FixedValue};
use sworn_verifier::field::root_of_unity;
use sworn_verifier::sets::{Commitment, Set};
use sworn_verifier::shape::Shape;

use crate::error::ExportError;
use crate::key::{Key, Kind, Op};
use crate::openings::Bytes;
use crate::program::{Builder, Id, Place, Program};
use crate::slots::{Inverse, Slots, Squeezed};

/// What is done with a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// `sum ← sum·s + P`
    Fold,
    /// `sum ← sum + s·P`
    Term,
    /// `sum ← sum + P`
    Add,
}

/// Where a point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// At this byte of the proof.
    Proof(usize),
    /// In the key: the next of its points.
    Key,
    /// The generator.
    Generator,
}

/// One multiplication.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Multiplication {
    pub(crate) action: Action,
    pub(crate) scalar: Place,
    pub(crate) point: Point,
}

/// A compiled verifier.
#[derive(Debug)]
pub(crate) struct Protocol {
    pub(crate) bytes: Bytes,
    pub(crate) slots: Slots,
    pub(crate) constants: Vec<Fr>,
    pub(crate) temporaries: usize,
    pub(crate) before: Program,
    pub(crate) after: Program,
    pub(crate) multiplications: Vec<Multiplication>,
    /// Commitments of the key in the order of their use.
    pub(crate) points: Vec<[u8; 64]>,
}

/// Indices of constants that the contract reads itself.
pub(crate) mod constant {
    pub(crate) const OMEGA: usize = 2;
    pub(crate) const OMEGA_FIRST: usize = 3;
}

fn rotate(omega: Fr, rotation: i32) -> Fr {
    let power = omega.pow([u64::from(rotation.unsigned_abs())]);
    if rotation < 0 {
        power.inverse().unwrap_or(Fr::zero())
    } else {
        power
    }
}

impl Protocol {
    pub(crate) fn new(key: &Key) -> Result<Self, ExportError> {
        if let Some(query) = key.instance_queries.iter().find(|q| q.rotation != 0) {
            return Err(ExportError::InstanceRotation { rotation: query.rotation });
        }
        let (shape, bytes) = (&key.shape, Bytes::new(&key.shape));
        let mut rotations: Vec<i32> = shape.sets.iter().flat_map(|s| s.rotations.iter().copied()).collect();
        rotations.sort_unstable();
        rotations.dedup();
        let slots = Slots::new(key, bytes.num_evaluations, rotations.len());
        let omega = root_of_unity(key.log_rows);
        let mut builder = Builder::default();
        for value in [Fr::zero(), Fr::one(), omega, rotate(omega, -(key.first_row as i32))] {
            builder.constants.push(value);
        }
        let mut compiler = Compiler { key, shape, bytes, slots, builder, omega, rotations };
        let before = compiler.before();
        let quotient = compiler.quotient(before.power)?;
        let openings = compiler.openings(&shape.sets, quotient, before.power, &before.distances);
        let after = compiler.builder.program(&openings.results);
        let (multiplications, points) = compiler.multiplications(&shape.sets, &openings);
        let Compiler { bytes, slots, builder, .. } = compiler;
        Ok(Self {
            bytes,
            slots,
            constants: builder.constants,
            temporaries: builder.temporaries,
            before: before.program,
            after,
            multiplications,
            points,
        })
    }
}

/// What the first program leaves.
struct Before {
    program: Program,
    /// `x^n`.
    power: Id,
    /// `u − x·ω^d` by rotation.
    distances: Vec<Id>,
}

/// What the second program leaves.
struct Openings {
    results: Vec<(usize, Id)>,
    /// Factor of the sum before the first limb or member of each set, from the first set.
    steps: Vec<Id>,
    /// Factor before the quotient's first limb, after the set's other member.
    limb: Id,
    minus_value: Id,
    minus_vanishing: Id,
    power: Id,
}

/// Values at x that follow from the Lagrange polynomials.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) instance: Id,
    pub(crate) first: Id,
    pub(crate) last: Id,
    /// 1 on usable rows.
    pub(crate) active: Id,
    /// The same at x/ω.
    active_before: Id,
    /// 1 on the last usable row, if it is needed.
    last_usable: Id,
}

/// Makes the programs of a key.
pub(crate) struct Compiler<'k> {
    pub(crate) key: &'k Key,
    pub(crate) shape: &'k Shape,
    bytes: Bytes,
    slots: Slots,
    pub(crate) builder: Builder,
    omega: Fr,
    rotations: Vec<i32>,
}

impl Compiler<'_> {
    pub(crate) fn squeezed(&mut self, challenge: Squeezed) -> Id {
        self.builder.named(self.slots.squeezed(challenge))
    }

    fn inverse(&mut self, of: Inverse) -> Id {
        self.builder.named(self.slots.inverse(of))
    }

    /// What combines the members of a set.
    fn member_factor(&mut self) -> Id {
        let factor = if self.shape.is_packed() { Squeezed::OpeningPoint } else { Squeezed::OpeningFold };
        self.squeezed(factor)
    }

    fn before(&mut self) -> Before {
        let (x, u) = (self.squeezed(Squeezed::Point), self.squeezed(Squeezed::OpeningPoint));
        let fold = self.member_factor();
        // u, or u^t for packs of t.
        let from = self.builder.power(u, self.shape.pack);
        let power = self.builder.power(x, 1 << self.key.log_rows);
        let one = self.builder.constant(Fr::one());
        let vanishing = self.builder.subtract(power, one);
        let power_slot = self.slots.result();
        let mut results = vec![
            (power_slot, power),
            (self.slots.inverse(Inverse::Vanishing), vanishing),
            (self.slots.inverse(Inverse::Point), x),
            (self.slots.inverse(Inverse::PointPower), power),
            (self.slots.inverse(Inverse::OpeningFold), fold),
        ];
        let mut distances = Vec::new();
        for (index, rotation) in self.rotations.clone().into_iter().enumerate() {
            let minus = self.builder.constant(-rotate(self.omega, rotation));
            let distance = self.builder.multiply_add(x, minus, from);
            let slot = self.slots.result();
            results.extend([(slot, distance), (self.slots.distance(index), distance)]);
            distances.push(slot);
        }
        let program = self.builder.program(&results);
        let power = self.builder.named(power_slot);
        let distances = distances.into_iter().map(|slot| self.builder.named(slot)).collect();
        Before { program, power, distances }
    }

    /// The quotient at x.
    fn quotient(&mut self, power: Id) -> Result<Id, ExportError> {
        let key = self.key;
        let last = key.last_row;
        let one = self.builder.constant(Fr::one());
        let vanishing = self.builder.subtract(power, one);
        let per_row = self.builder.constant(Fr::from(1u64 << key.log_rows).inverse().unwrap_or(Fr::zero()));
        let common = self.builder.multiply(vanishing, per_row);
        let sum = self.builder.named(self.slots.instance);
        let instance = self.builder.multiply(common, sum);
        // Of a row, counted from the end; the end is row 0.
        let lagrange = |c: &mut Self, row: usize| {
            let root = c.builder.constant(rotate(c.omega, -(row as i32)));
            let inverse = c.builder.named(c.slots.lagrange(key.first_row - row));
            c.builder.multiply(root, inverse)
        };
        let l_last = lagrange(self, last);
        let mut blind = self.builder.constant(Fr::zero());
        for row in (1..last).rev() {
            let term = lagrange(self, row);
            blind = self.builder.add(term, blind);
        }
        let first = lagrange(self, 0);
        let unusable = self.builder.add(l_last, blind);
        let before = self.builder.add(first, blind);
        // One row more, if a column needs it.
        let last_usable = lagrange(self, key.first_row);
        let [first, l_last, unusable, before, last_usable] =
            [first, l_last, unusable, before, last_usable].map(|l| self.builder.multiply(common, l));
        let active = self.builder.subtract(one, unusable);
        let active_before = self.builder.subtract(one, before);
        let known = Known { instance, first, last: l_last, active, active_before, last_usable };

        let fold = self.squeezed(Squeezed::Fold);
        let mut total = self.builder.constant(Fr::zero());
        for index in 0..key.gates.len() {
            let gate = self.gate(index, known)?;
            total = self.builder.multiply_add(total, fold, gate);
        }
        for expression in 0..self.num_permutation_expressions() {
            let value = self.permutation(expression, known)?;
            total = self.builder.multiply_add(total, fold, value);
        }
        let inverse = self.inverse(Inverse::Vanishing);
        Ok(self.builder.multiply(total, inverse))
    }

    pub(crate) fn evaluation(&mut self, index: usize) -> Id {
        self.builder.named(self.slots.evaluations + index)
    }

    pub(crate) fn query(&mut self, kind: Kind, index: usize, known: Known) -> Id {
        match kind {
            Kind::Advice => self.evaluation(index),
            Kind::Fixed => match self.shape.fixed[index] {
                FixedValue::Proof(at) => self.evaluation(at),
                FixedValue::Closed(Closed::Usable) => known.active,
                FixedValue::Closed(Closed::UsableBefore) => known.active_before,
                FixedValue::Closed(Closed::LastUsable) => known.last_usable,
            },
            Kind::Instance => known.instance,
        }
    }

    fn gate(&mut self, index: usize, known: Known) -> Result<Id, ExportError> {
        let malformed = ExportError::Gate { gate: index };
        let mut stack: Vec<Id> = Vec::new();
        for operation in &self.key.gates[index] {
            let value = match operation {
                Op::Constant(value) => Some(self.builder.constant(*value)),
                Op::Query(kind, query) => Some(self.query(*kind, *query, known)),
                Op::Challenge(challenge) => Some(self.builder.named(*challenge)),
                Op::Negate => stack.pop().map(|a| self.builder.negate(a)),
                Op::Scale(factor) => stack.pop().map(|a| {
                    let factor = self.builder.constant(*factor);
                    self.builder.multiply(a, factor)
                }),
                Op::Add => pair(&mut stack).map(|(a, b)| self.builder.add(a, b)),
                Op::Multiply => pair(&mut stack).map(|(a, b)| self.builder.multiply(a, b)),
            };
            match value {
                Some(value) => stack.push(value),
                None => return Err(malformed),
            }
        }
        match stack.as_slice() {
            [value] => Ok(*value),
            _ => Err(malformed),
        }
    }

    /// `Z_i(u)`, or its inverse.
    fn vanishing(&mut self, set: &Set, distances: &[Id]) -> Id {
        let at: Vec<usize> = set.rotations.iter().map(|d| self.rotation(*d)).collect();
        let one = self.builder.constant(Fr::one());
        at.into_iter().fold(one, |product, i| self.builder.multiply(product, distances[i]))
    }

    fn rotation(&self, rotation: i32) -> usize {
        self.rotations.binary_search(&rotation).unwrap_or(0)
    }

    fn openings(&mut self, sets: &[Set], quotient: Id, power: Id, distances: &[Id]) -> Openings {
        let inverses: Vec<Id> = (0..distances.len()).map(|i| self.builder.named(self.slots.distance(i))).collect();
        let (y, v) = (self.member_factor(), self.squeezed(Squeezed::SetFold));
        let inverse_y = self.inverse(Inverse::OpeningFold);
        let inverse_x = self.inverse(Inverse::Point);
        let inverse_power = self.inverse(Inverse::PointPower);
        let quotient = self.behind_evaluations(quotient, power, inverse_x);
        let mut sum = self.builder.constant(Fr::zero());
        for set in sets.iter().rev() {
            let mut value = self.builder.constant(Fr::zero());
            for &rotation in &set.rotations {
                let here = rotate(self.omega, rotation);
                let others = set.rotations.iter().filter(|r| **r != rotation);
                let weight: Fr = others.map(|r| here - rotate(self.omega, *r)).product();
                let weight = self.builder.constant(weight.inverse().unwrap_or(Fr::zero()));
                let combined = self.combined(set, rotation, y, quotient);
                let at = inverses[self.rotation(rotation)];
                let coefficient = self.builder.multiply(weight, at);
                value = self.builder.multiply_add(coefficient, combined, value);
            }
            let scale = self.builder.power(inverse_x, set.rotations.len() - 1);
            let value = self.builder.multiply(value, scale);
            sum = self.builder.multiply_add(sum, v, value);
        }
        let vanishing = self.vanishing(&sets[0], distances);
        let minus_vanishing = self.builder.negate(vanishing);
        let minus_value = self.builder.multiply(minus_vanishing, sum);
        let limb = self.builder.power(inverse_power, self.shape.limbs - 1);
        let mut steps = Vec::new();
        for (index, set) in sets.iter().enumerate() {
            // Before the last set there is nothing to scale.
            let Some(next) = sets.get(index + 1) else { break };
            let here = self.vanishing(set, distances);
            let there = self.vanishing(next, &inverses);
            let ratio = self.builder.multiply(here, there);
            let ratio = self.builder.multiply(ratio, v);
            let power = self.builder.power(inverse_y, set.commitments.len() - 1);
            let mut step = self.builder.multiply(ratio, power);
            if set.commitments.last() == Some(&Commitment::Quotient) {
                step = self.builder.multiply(step, limb);
            }
            steps.push(step);
        }
        let limb = self.builder.multiply(limb, y);
        let mut results: Vec<(usize, Id)> = Vec::new();
        for id in steps.iter().chain([&limb, &minus_value, &minus_vanishing]) {
            if self.builder.leaf(*id).is_none() && results.iter().all(|r| r.1 != *id) {
                results.push((self.slots.result(), *id));
            }
        }
        Openings { results, steps, limb, minus_value, minus_vanishing, power }
    }

    /// The value that is not in the proof: the quotient's, or that of its first limb, `h(x) − Σ_{i>0} x^{i(n−2)}·limb_i(x)`.
    fn behind_evaluations(&mut self, quotient: Id, power: Id, inverse_x: Id) -> Id {
        if !self.shape.is_packed() {
            return quotient;
        }
        let square = self.builder.multiply(inverse_x, inverse_x);
        let step = self.builder.multiply(power, square);
        let zero = self.builder.constant(Fr::zero());
        let others = (self.shape.first_limb_value()..self.shape.scalars()).rev().fold(zero, |sum, index| {
            let value = self.evaluation(index);
            self.builder.multiply_add(sum, step, value)
        });
        let others = self.builder.multiply(others, step);
        self.builder.subtract(quotient, others)
    }

    /// `Σ_j y^j e_j` of a set's values at a rotation.
    fn combined(&mut self, set: &Set, rotation: i32, y: Id, behind: Id) -> Id {
        let zero = self.builder.constant(Fr::zero());
        let at = set.rotations.iter().position(|d| *d == rotation).unwrap_or(0);
        set.members.iter().rev().fold(zero, |sum, member| {
            let index = member.values[at];
            let value = if index < self.bytes.num_evaluations { self.evaluation(index) } else { behind };
            self.builder.multiply_add(sum, y, value)
        })
    }

    fn multiplications(&mut self, sets: &[Set], openings: &Openings) -> (Vec<Multiplication>, Vec<[u8; 64]>) {
        let place = |c: &Self, id: Id| {
            let result = openings.results.iter().find(|r| r.1 == id).map(|r| Place::Named(r.0));
            result.or_else(|| c.builder.leaf(id)).unwrap_or(Place::Constant(0))
        };
        let (y, u) = (self.squeezed(Squeezed::OpeningFold), self.squeezed(Squeezed::OpeningPoint));
        let (y, u, power) = (place(self, y), place(self, u), place(self, openings.power));
        let limb = place(self, openings.limb);
        let (mut out, mut points) = (Vec::new(), Vec::new());
        for (index, set) in sets.iter().enumerate().rev() {
            let start = openings.steps.get(index).map(|id| place(self, *id));
            for (j, commitment) in set.commitments.iter().enumerate().rev() {
                let is_first = j + 1 == set.commitments.len();
                let limb_at = |i: usize| Point::Proof(Bytes::point(self.shape.first_limb() + i));
                let from = match *commitment {
                    Commitment::Proof(at) => vec![Point::Proof(Bytes::point(at))],
                    Commitment::Quotient => (0..self.shape.limbs).rev().map(limb_at).collect(),
                    Commitment::Fixed(column) => {
                        points.push(self.key.fixed[column]);
                        vec![Point::Key]
                    }
                    Commitment::Sigma(column) => {
                        points.push(self.key.sigma[column]);
                        vec![Point::Key]
                    }
                };
                let is_quotient = *commitment == Commitment::Quotient;
                for (i, point) in from.into_iter().enumerate() {
                    let scalar = match (i, is_first, is_quotient) {
                        (0, true, _) => start,
                        (0, false, true) => Some(limb),
                        (0, false, false) => Some(y),
                        _ => Some(power),
                    };
                    let action = if scalar.is_some() { Action::Fold } else { Action::Add };
                    out.push(Multiplication { action, scalar: scalar.unwrap_or(Place::Constant(0)), point });
                }
            }
        }
        let term = |scalar, point| Multiplication { action: Action::Term, scalar, point };
        out.push(term(place(self, openings.minus_value), Point::Generator));
        out.push(term(place(self, openings.minus_vanishing), Point::Proof(self.bytes.opening)));
        out.push(term(u, Point::Proof(self.bytes.opening + 64)));
        (out, points)
    }
}

fn pair(stack: &mut Vec<Id>) -> Option<(Id, Id)> {
    let right = stack.pop()?;
    Some((stack.pop()?, right))
}
