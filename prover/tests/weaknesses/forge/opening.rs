//! Openings of a proof, by the papers: `W = Σ_i v^i (P_i − R_i)/Z_i` and `W' = (Σ_i v^i D_i/D_0 (P_i − R_i(u)) − Z_0(u)·W)/(X − u)`.

use std::collections::BTreeSet;

use halo2_proofs::arithmetic::lagrange_interpolate;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use sworn_verifier::sets::{Polynomial, Set};

use super::{Columns, Forger, Message, Run, Values};
use crate::polynomial::{add, divide, evaluate, pow, powers, Poly};

/// A member of a set with its values, or all of them combined.
struct Entry {
    set: usize,
    component: usize,
    polynomial: Poly,
    remainder: Poly,
}

impl Run<'_> {
    /// Sends W and W'.
    pub(super) fn openings(&mut self, x: Fr, values: &mut Values) {
        let (forger, lie) = (self.forger, self.lie);
        let (y, v) = (self.challenge(), self.challenge());
        let is_honest = lie.frozen != Some(Message::Opening) && lie.trapdoor.is_none();
        let opened = if is_honest { &values.actual } else { &values.claimed };
        let entries = forger.entries(&self.columns, opened, x, y);
        let mut first = if is_honest { forger.first_opening(&entries, x, v) } else { vec![Fr::ONE] };
        if lie.frozen == Some(Message::Opening) {
            let [u] = self.next();
            let (mut sum, distance) = forger.sum(&entries, x, u, v);
            // W' = 1: what is left must be X − u.
            add(&mut sum, &[u, -Fr::ONE], Fr::ONE);
            let inverse = distance.invert().unwrap();
            first = sum.iter().map(|c| *c * inverse).collect();
        }
        self.send(Message::Opening, vec![forger.commit(&first)]);
        let u = self.challenge();
        if lie.frozen == Some(Message::Values) {
            let quotient = values.actual[forger.key.shape().scalars()];
            forger.repair(&mut values.claimed, quotient, (x, y, u));
        }
        let (mut sum, distance) = forger.sum(&entries, x, u, v);
        add(&mut sum, &first, -distance);
        let second = if let Some(secret) = lie.trapdoor {
            let inverse = (secret - u).invert().unwrap();
            sum.iter().map(|c| *c * inverse).collect()
        } else {
            divide(&sum, 1, u)
        };
        self.points.push(forger.commit(&second));
    }
}

impl Forger<'_> {
    fn entries(&self, columns: &Columns, values: &[Fr], x: Fr, y: Fr) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (index, set) in self.key.shape().sets.iter().enumerate() {
            let points: Vec<Fr> = set.rotations.iter().map(|d| self.rotate(x, *d)).collect();
            let mut of_set = Entry { set: index, component: 0, polynomial: vec![], remainder: vec![] };
            for ((component, member), power) in set.members.iter().enumerate().zip(powers(y)) {
                let of_member: Vec<Fr> = member.values.iter().map(|at| values[*at]).collect();
                let remainder = lagrange_interpolate(&points, &of_member);
                let polynomial = self.polynomial(columns, member.polynomial);
                if self.key.shape().is_packed() {
                    entries.push(Entry { set: index, component, polynomial: polynomial.to_vec(), remainder });
                } else {
                    add(&mut of_set.polynomial, polynomial, power);
                    add(&mut of_set.remainder, &remainder, power);
                }
            }
            if !self.key.shape().is_packed() {
                entries.push(of_set);
            }
        }
        entries
    }

    /// `X^j·p(X^t)`.
    fn spread(&self, polynomial: &[Fr], component: usize) -> Poly {
        let t = self.key.pack as usize;
        let mut out = vec![Fr::ZERO; t * polynomial.len()];
        polynomial.iter().enumerate().for_each(|(k, c)| out[component + t * k] = *c);
        out
    }

    /// W.
    fn first_opening(&self, entries: &[Entry], x: Fr, v: Fr) -> Poly {
        let mut sum = Vec::new();
        for entry in entries {
            let mut difference = self.spread(&entry.polynomial, entry.component);
            add(&mut difference, &self.spread(&entry.remainder, entry.component), -Fr::ONE);
            for d in &self.key.shape().sets[entry.set].rotations {
                difference = divide(&difference, self.key.pack as usize, self.rotate(x, *d));
            }
            add(&mut sum, &difference, pow(v, entry.set));
        }
        sum
    }

    /// `Σ_i v^i D_i/D_0 (P_i − R_i(u))`, and `Z_0(u)`.
    fn sum(&self, entries: &[Entry], x: Fr, u: Fr, v: Fr) -> (Poly, Fr) {
        let sets = &self.key.shape().sets;
        let from = pow(u, self.key.pack as usize);
        let all: BTreeSet<i32> = sets.iter().flat_map(|set| set.rotations.clone()).collect();
        let distance = |set: &Set, inside: bool| -> Fr {
            all.iter().filter(|d| set.rotations.contains(d) == inside).map(|d| from - self.rotate(x, *d)).product()
        };
        let normal = distance(&sets[0], false).invert().unwrap();
        let mut sum = Vec::new();
        for entry in entries {
            let scale = pow(v, entry.set) * normal * distance(&sets[entry.set], false);
            let mut term = self.spread(&entry.polynomial, entry.component);
            term[0] -= evaluate(&entry.remainder, from) * pow(u, entry.component);
            add(&mut sum, &term, scale);
        }
        (sum, distance(&sets[0], true))
    }

    /// Changes a value that no identity reads, so that the opening of a wrong quotient is right.
    fn repair(&self, claimed: &mut [Fr], quotient: Fr, (x, y, u): (Fr, Fr, Fr)) {
        let shape = self.key.shape();
        let find = |polynomial: Polynomial| {
            let of = |(i, set): (usize, &Set)| set.members.iter().position(|m| m.polynomial == polynomial).map(|at| (i, at));
            shape.sets.iter().enumerate().find_map(of).unwrap()
        };
        let error = claimed[shape.scalars()] - quotient;
        let (first, second) =
            if shape.is_packed() { (Polynomial::Limb(0), Polynomial::Limb(1)) } else { (Polynomial::Quotient, Polynomial::Random) };
        let ((set, first), (other, second)) = (find(first), find(second));
        assert_eq!(set, other, "both are of one set");
        let at = shape.sets[set].members[second].values[0];
        claimed[at] -= if shape.is_packed() {
            let factor = pow(u, first);
            factor * error * (pow(u, second) - factor * pow(x, self.rows - 2)).invert().unwrap()
        } else {
            error * pow(y, first) * pow(y, second).invert().unwrap()
        };
    }
}
