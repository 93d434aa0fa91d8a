//! A forger: a prover by definitions, on coefficients, that proves false statements as well as it can. It trusts in a verifier
//! whose challenges do not depend on one message of a proof, and makes use of that.
//!
//! | message that is not absorbed | known before it | what is sent |
//! |---|---|---|
//! | context | all | nothing: a proof is one in every context |
//! | instance | x | another instance with the same value at x |
//! | first phase | λ | multiplicities for which the sum over lookups of a value in no table is right |
//! | running products | y | a start and a first step, whose two wrong identities cancel in row 0 |
//! | limbs | x | a constant, which is the value that the quotient must have |
//! | evaluations | v, u | one that the identities do not read, so that the opening of the wrong quotient is right |
//! | W | u | W from W', instead of the reverse |
//!
//! Before the second phase and the random polynomial only challenges are known that help nobody: those of the permutation, which
//! the second phase cannot repair, and y, for a polynomial that no identity reads.

mod identities;
mod opening;

use std::collections::BTreeSet;
use std::ops::Range;

use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::plonk;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sworn_circuits::field::embed;
use sworn_circuits::layout::UNUSABLE_ROWS;
use sworn_circuits::shape::LOOKUPS_PER_HELPER;
use sworn_circuits::witness::Witness;
use sworn_circuits::Challenges;
use sworn_prover::halo2::convert::{from_fr, g1_bytes, to_fr};
use sworn_verifier::field::encode;
use sworn_verifier::sets::{Commitment, Polynomial};
use sworn_verifier::transcript::Transcript;
use sworn_verifier::{Context, VerifyingKey};

use crate::models::naive::{Identity, Rules};
use crate::models::Keyed;
use crate::polynomial::{add, interpolate, pow, powers, root, Poly};
use identities::Combined;

/// The messages of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Context,
    Instance,
    First,
    Second,
    Products,
    Random,
    Limbs,
    Values,
    Opening,
}

/// What the forger claims, and how.
#[derive(Clone)]
pub(crate) struct Lie<'w> {
    /// The first phase; an honest second one follows from it.
    pub(crate) witness: &'w Witness,
    /// What the proof is to be bound to.
    pub(crate) context: Context,
    /// The public values.
    pub(crate) instance: Vec<Fr>,
    /// Added to cells of units: column, row, value.
    pub(crate) cells: Vec<(usize, usize, Fr)>,
    /// Added to multiplicities, by row.
    pub(crate) multiplicities: Vec<(usize, Fr)>,
    /// The message that is not absorbed.
    pub(crate) frozen: Option<Message>,
    /// A column of the first phase that gets the polynomial of another, and a value at x that is not its.
    pub(crate) collision: Option<(usize, usize)>,
    /// Factors on the fraction of a chunk in a row, in packed products, whose start makes the end 1.
    pub(crate) fractions: Vec<(usize, usize, Fr)>,
    /// Identities of the packed permutation that the proof takes no heed of.
    pub(crate) without: Vec<Identity>,
    /// The secret of the reference string, if the forger knows it.
    pub(crate) trapdoor: Option<Fr>,
}

impl<'w> Lie<'w> {
    /// A witness and its public values: the truth, if the witness is honest.
    pub(crate) fn new(witness: &'w Witness) -> Self {
        Self {
            witness,
            context: Context::NONE,
            instance: witness.instance(),
            cells: Vec::new(),
            multiplicities: Vec::new(),
            frozen: None,
            collision: None,
            fractions: Vec::new(),
            without: Vec::new(),
            trapdoor: None,
        }
    }
}

/// A forger for a key.
pub(crate) struct Forger<'k> {
    keyed: &'k Keyed,
    /// The key that proofs are for.
    pub(crate) key: VerifyingKey,
    halo: &'k plonk::ProvingKey<G1Affine>,
    rows: usize,
    omega: Fr,
}

/// Polynomials of a proof.
#[derive(Default)]
struct Columns {
    instance: Vec<Fr>,
    /// Values on rows.
    advice_rows: Vec<Vec<Fr>>,
    advice: Vec<Poly>,
    products: Vec<Poly>,
    random: Poly,
    limbs: Vec<Poly>,
    quotient: Poly,
}

/// Values in the order of the proof's scalars, with the one behind them, which the verifier computes.
struct Values {
    actual: Vec<Fr>,
    claimed: Vec<Fr>,
}

/// The value of a fraction.
fn ratio([above, below]: &[Fr; 2]) -> Fr {
    *above * below.invert().unwrap()
}

/// A proof in the making.
struct Run<'a> {
    forger: &'a Forger<'a>,
    lie: &'a Lie<'a>,
    transcript: Transcript,
    rng: ChaCha20Rng,
    points: Vec<G1Affine>,
    columns: Columns,
}

impl<'k> Forger<'k> {
    /// A forger of proofs for a key. `halo` is halo2's of the same columns, each with a commitment of its own.
    pub(crate) fn new(keyed: &'k Keyed, halo: &'k plonk::ProvingKey<G1Affine>) -> Self {
        let key = keyed.key.verifying_key().clone();
        let rows = 1 << key.log_rows;
        Self { keyed, key, halo, rows, omega: root(rows) }
    }

    fn rotate(&self, x: Fr, rotation: i32) -> Fr {
        x * pow(self.omega, (rotation + self.rows as i32) as usize)
    }

    fn commit(&self, polynomial: &[Fr]) -> G1Affine {
        best_multiexp(polynomial, &self.keyed.srs.g()[..polynomial.len()]).to_affine()
    }

    /// `Σ_j X^j·p_j(X^t)`.
    fn packed(&self, members: &[&[Fr]]) -> Poly {
        let t = self.key.pack as usize;
        let mut out = vec![Fr::ZERO; t * members.iter().map(|p| p.len()).max().unwrap_or(0)];
        for (j, polynomial) in members.iter().enumerate() {
            polynomial.iter().enumerate().for_each(|(k, c)| out[j + t * k] = *c);
        }
        out
    }

    /// A polynomial of the proof or of the key; none of a message that was not made yet.
    fn polynomial<'c>(&'c self, columns: &'c Columns, polynomial: Polynomial) -> &'c [Fr] {
        match polynomial {
            Polynomial::Advice(c) => &columns.advice[c],
            Polynomial::Product(i) => &columns.products[i],
            Polynomial::Limb(i) => columns.limbs.get(i).map_or(&[], Vec::as_slice),
            Polynomial::Quotient => &columns.quotient,
            Polynomial::Random => &columns.random,
            Polynomial::Fixed(c) => &self.halo.fixed_polys()[c],
            Polynomial::Sigma(c) => &self.halo.permutation().polys()[c],
        }
    }

    /// The commitments that a proof has at these positions.
    fn commitments(&self, columns: &Columns, positions: Range<usize>) -> Vec<G1Affine> {
        let shape = self.key.shape();
        let at = |position: usize| {
            let is_it = |c: &Commitment| *c == Commitment::Proof(position);
            let (set, which) = shape.sets.iter().find_map(|s| s.commitments.iter().position(is_it).map(|which| (s, which))).unwrap();
            if shape.is_packed() {
                let members: Vec<&[Fr]> = set.members.iter().map(|m| self.polynomial(columns, m.polynomial)).collect();
                self.commit(&self.packed(&members))
            } else {
                self.commit(self.polynomial(columns, set.members[which].polynomial))
            }
        };
        positions.map(at).collect()
    }

    /// Public values and a proof of a lie.
    pub(crate) fn forge(&self, lie: &Lie<'_>) -> (Vec<sworn_verifier::Fr>, Vec<u8>) {
        let (transcript, rng) = (Transcript::new(&self.key.digest()), ChaCha20Rng::seed_from_u64(1));
        let mut run = Run { forger: self, lie, transcript, rng, points: Vec::new(), columns: Columns::default() };
        let multiplicities = run.first_phase();
        let circuit = [(); 4].map(|()| run.challenge());
        run.second_phase(&multiplicities, circuit);
        let [_, beta, gamma] = [(); 3].map(|()| run.challenge());
        run.products(beta, gamma);
        let combined = Combined { rules: Rules::without(&self.key, &lie.without), circuit, beta, gamma, y: run.challenge() };
        run.limbs(&combined);
        let x = run.challenge();
        let mut values = run.evaluations(&combined, x);
        run.openings(x, &mut values);

        let mut instance = lie.instance.clone();
        if lie.frozen == Some(Message::Instance) {
            // I(x) stays: L_0(x) + c·L_1(x) = 0.
            instance[0] += Fr::ONE;
            instance[1] -= (x - self.omega) * ((x - Fr::ONE) * self.omega).invert().unwrap();
        }
        let shape = self.key.shape();
        let (commitments, openings) = run.points.split_at(shape.opening());
        let mut proof: Vec<u8> = commitments.iter().flat_map(g1_bytes).collect();
        values.claimed[..shape.scalars()].iter().for_each(|value| proof.extend(encode(&to_fr(value))));
        openings.iter().for_each(|point| proof.extend(g1_bytes(point)));
        (instance.iter().map(to_fr).collect(), proof)
    }

    /// `λ + T` in a row of the range table.
    fn entry(&self, row: usize, lambda: Fr) -> Fr {
        let layout = self.keyed.key.layout();
        lambda + embed(layout.fixed[layout.shape.columns().lookups.table].get(row))
    }

    /// The second phase, honest for the cells and multiplicities of a lie, on usable rows.
    fn second_columns(&self, lie: &Lie<'_>, advice: &[Vec<Fr>], multiplicities: &[(usize, Fr)], circuit: [Fr; 4]) -> Vec<Vec<Fr>> {
        let [channel, position, theta, lambda] = circuit;
        let layout = self.keyed.key.layout();
        let a = layout.shape.columns();
        let (first, phi) = (a.num_first_phase, a.lookups.phi - a.num_first_phase);
        let mut second = lie.witness.second_phase(layout, Challenges { channel, position, theta, lambda });
        second.iter_mut().for_each(|column| column.resize(self.rows - UNUSABLE_ROWS, Fr::ZERO));
        let changed: BTreeSet<usize> = lie.cells.iter().map(|(_, row, _)| *row).collect();
        for row in changed {
            let entry = |e: &Vec<(usize, i64)>| lambda + e.iter().map(|&(c, f)| advice[c][row] * embed(f)).sum::<Fr>();
            let inverses: Vec<Fr> = layout.shape.range_lookups().iter().map(|e| entry(e).invert().unwrap()).collect();
            for (chunk, helper) in inverses.chunks(LOOKUPS_PER_HELPER).zip(&a.lookups.helpers) {
                let change = chunk.iter().sum::<Fr>() - second[helper - first][row];
                second[helper - first][row] += change;
                second[phi][row..].iter_mut().for_each(|phi| *phi += change);
            }
        }
        for (row, change) in multiplicities {
            let share = *change * self.entry(*row, lambda).invert().unwrap();
            second[phi][*row..].iter_mut().for_each(|phi| *phi -= share);
        }
        second
    }
}

impl Run<'_> {
    fn absorb(&mut self, message: Message, bytes: &[u8]) {
        if self.lie.frozen != Some(message) {
            self.transcript.absorb(bytes);
        }
    }

    fn send(&mut self, message: Message, points: Vec<G1Affine>) {
        points.iter().for_each(|point| self.absorb(message, &g1_bytes(point)));
        self.points.extend(points);
    }

    fn challenge(&mut self) -> Fr {
        from_fr(&self.transcript.challenge())
    }

    /// What the next challenges are if nothing is absorbed before them.
    fn next<const N: usize>(&self) -> [Fr; N] {
        let mut ahead = self.transcript.clone();
        [(); N].map(|()| from_fr(&ahead.challenge()))
    }

    fn random(&mut self, count: usize) -> Vec<Fr> {
        (0..count).map(|_| Fr::random(&mut self.rng)).collect()
    }

    /// Sends the first phase; the multiplicities that it has besides the witness's.
    fn first_phase(&mut self) -> Vec<(usize, Fr)> {
        let (forger, lie) = (self.forger, self.lie);
        self.absorb(Message::Context, &lie.context.0);
        lie.instance.iter().for_each(|value| self.absorb(Message::Instance, &encode(&to_fr(value))));
        let usable = forger.rows - UNUSABLE_ROWS;
        let mut advice: Vec<Vec<Fr>> = Vec::new();
        for column in &lie.witness.first {
            let mut rows: Vec<Fr> = (0..usable).map(|row| embed(column.get(row))).collect();
            rows.extend(self.random(UNUSABLE_ROWS));
            advice.push(rows);
        }
        lie.cells.iter().for_each(|(column, row, change)| advice[*column][*row] += *change);
        let a = forger.keyed.key.layout().shape.columns();
        let mut multiplicities = lie.multiplicities.clone();
        if lie.frozen == Some(Message::First) {
            let challenges: [Fr; 4] = self.next();
            let second = forger.second_columns(lie, &advice, &multiplicities, challenges);
            multiplicities.push((0, second[a.lookups.phi - a.num_first_phase][usable - 1] * forger.entry(0, challenges[3])));
        }
        multiplicities.iter().for_each(|(row, change)| advice[a.lookups.multiplicity][*row] += *change);
        if let Some((from, to)) = lie.collision {
            advice[to] = advice[from].clone();
        }
        self.columns.instance.clone_from(&lie.instance);
        self.columns.advice = advice.iter().map(|rows| interpolate(rows, Fr::ONE)).collect();
        self.columns.advice_rows = advice;
        self.send(Message::First, forger.commitments(&self.columns, 0..forger.key.shape().phases[0]));
        multiplicities
    }

    fn second_phase(&mut self, multiplicities: &[(usize, Fr)], circuit: [Fr; 4]) {
        let (forger, shape) = (self.forger, self.forger.key.shape());
        for mut rows in forger.second_columns(self.lie, &self.columns.advice_rows, multiplicities, circuit) {
            rows.extend(self.random(UNUSABLE_ROWS));
            self.columns.advice.push(interpolate(&rows, Fr::ONE));
            self.columns.advice_rows.push(rows);
        }
        self.send(Message::Second, forger.commitments(&self.columns, shape.phases[0]..shape.first_product()));
    }

    /// Sends running and partial products, and the random polynomial if there is one.
    fn products(&mut self, beta: Fr, gamma: Fr) {
        let (forger, shape) = (self.forger, self.forger.key.shape());
        self.columns.random = self.random(forger.rows);
        let random = if shape.is_packed() { vec![] } else { vec![forger.commit(&self.columns.random)] };
        let fractions = forger.fractions(&self.columns, beta, gamma);
        if shape.is_packed() {
            self.partial_products(&fractions);
        } else {
            self.running_products(&fractions, &random);
        }
        let end = if shape.is_packed() { shape.first_limb() } else { shape.random() };
        self.send(Message::Products, forger.commitments(&self.columns, shape.first_product()..end));
        self.send(Message::Random, random);
    }

    /// One running product, and partial products between the chunks of a row.
    fn partial_products(&mut self, fractions: &[Vec<[Fr; 2]>]) {
        let (lie, usable) = (self.lie, self.forger.rows - UNUSABLE_ROWS);
        let mut ratios: Vec<Vec<Fr>> = fractions.iter().map(|chunk| chunk.iter().map(ratio).collect()).collect();
        lie.fractions.iter().for_each(|(chunk, row, factor)| ratios[*chunk][*row] *= *factor);
        let end = ratios.iter().flatten().product::<Fr>();
        let mut start = Fr::ONE;
        if lie.without.contains(&Identity::Start) {
            start = end.invert().unwrap();
        } else if let Some(Identity::Chunk(chunk)) = lie.without.first() {
            ratios[*chunk][usable / 2] *= end.invert().unwrap();
        }
        if lie.frozen == Some(Message::Products) {
            let [y] = self.next();
            let [above, below] = fractions[0][0];
            // y²(1 − z) + (p_1·below − z·above) = 0 in row 0, and z ends in 1.
            let first = ratios[0][0] * end.invert().unwrap();
            start = (y.square() + first * below) * (y.square() + above).invert().unwrap();
            ratios[0][0] = first * start.invert().unwrap();
        }
        let mut products = vec![Vec::new(); ratios.len()];
        let mut value = start;
        for row in 0..usable {
            for (product, ratios) in products.iter_mut().zip(&ratios) {
                product.push(value);
                value *= ratios[row];
            }
        }
        products[0].push(value);
        for mut product in products {
            let random = self.random(self.forger.rows - product.len());
            product.extend(random);
            self.columns.products.push(interpolate(&product, Fr::ONE));
        }
    }

    /// A running product of each chunk.
    fn running_products(&mut self, fractions: &[Vec<[Fr; 2]>], random: &[G1Affine]) {
        let ratios: Vec<Vec<Fr>> = fractions.iter().map(|chunk| chunk.iter().map(ratio).collect()).collect();
        let ends: Vec<Fr> = ratios.iter().map(|ratio| ratio.iter().product()).collect();
        // Each starts where the one before it ends.
        let mut starts: Vec<Fr> = (0..ends.len()).map(|i| ends[..i].iter().product()).collect();
        if self.lie.frozen == Some(Message::Products) {
            let mut ahead = self.transcript.clone();
            random.iter().for_each(|point| ahead.absorb(&g1_bytes(point)));
            let y = from_fr(&ahead.challenge());
            // y²(1 − z_0) + (z_1 − z_0·Π) = 0 in row 0, and the last product ends in 1.
            let start = ends[1..].iter().product::<Fr>().invert().unwrap();
            starts[0] = (start + y.square()) * (ends[0] + y.square()).invert().unwrap();
            (1..ends.len()).for_each(|i| starts[i] = start * ends[1..i].iter().product::<Fr>());
        }
        for (ratio, start) in ratios.iter().zip(starts) {
            let mut z = vec![start];
            ratio.iter().for_each(|r| z.push(z[z.len() - 1] * r));
            z.extend(self.random(UNUSABLE_ROWS - 1));
            self.columns.products.push(interpolate(&z, Fr::ONE));
        }
    }

    fn limbs(&mut self, combined: &Combined<'_>) {
        let (forger, shape, step) = (self.forger, self.forger.key.shape(), self.forger.step());
        let coefficients = forger.quotient(&self.columns, combined);
        self.columns.limbs = (0..shape.limbs).map(|i| coefficients.iter().skip(i * step).take(step).copied().collect()).collect();
        if self.lie.frozen == Some(Message::Limbs) {
            let [x] = self.next();
            let must_be = forger.quotient_at(&self.columns, combined, x, &forger.values(&self.columns, x));
            self.columns.limbs[0] = vec![must_be - forger.other_limbs(&self.columns, x)];
        }
        let limbs = if shape.is_packed() {
            forger.commitments(&self.columns, shape.first_limb()..shape.opening())
        } else {
            self.columns.limbs.iter().map(|limb| forger.commit(limb)).collect()
        };
        self.send(Message::Limbs, limbs);
    }

    fn evaluations(&mut self, combined: &Combined<'_>, x: Fr) -> Values {
        let (forger, last) = (self.forger, self.forger.key.shape().scalars());
        for (limb, power) in self.columns.limbs.iter().zip(powers(pow(x, forger.step()))) {
            add(&mut self.columns.quotient, limb, power);
        }
        let columns = &self.columns;
        let actual = forger.values(columns, x);
        let mut claimed = actual.clone();
        let rest = if forger.key.shape().is_packed() { forger.other_limbs(columns, x) } else { Fr::ZERO };
        if let Some((_, to)) = self.lie.collision {
            let at = forger.key.constraints.advice_queries.iter().position(|q| q.column as usize == to).unwrap();
            let mut with = |value: Fr| {
                claimed[at] = value;
                forger.quotient_at(columns, combined, x, &claimed) - rest - actual[last]
            };
            let (zero, one) = (with(Fr::ZERO), with(Fr::ONE));
            assert_eq!(with(zero * (zero - one).invert().unwrap()), Fr::ZERO, "the identities hold for the false value");
            assert_ne!(claimed[at], actual[at]);
        }
        claimed[last] = forger.quotient_at(columns, combined, x, &claimed) - rest;
        claimed[..last].iter().for_each(|value| self.absorb(Message::Values, &encode(&to_fr(value))));
        Values { actual, claimed }
    }
}
