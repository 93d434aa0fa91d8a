//! A checker of whole assignments, much faster than MockProver: gates by rows, copies by pairs.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;
use sworn_circuits::circuit::configure;
use sworn_circuits::field::embed;
use sworn_circuits::layout::Layout;
use sworn_circuits::shape::{Cell, Place};
use sworn_circuits::witness::Witness;
use sworn_circuits::Challenges;

/// A full assignment of a layout.
#[derive(Clone)]
pub struct Assignment<'a> {
    pub layout: &'a Layout,
    pub meta: std::rc::Rc<ConstraintSystem<Fr>>,
    pub advice: Vec<Vec<Fr>>,
    pub fixed: std::rc::Rc<Vec<Vec<Fr>>>,
    pub instance: Vec<Fr>,
    pub challenges: [Fr; 4],
}

/// Challenges as a transcript would give them.
pub fn challenges() -> Challenges<Fr> {
    let value = |i: u64| Fr::from(0x1234_5678_9abc_def0 + i).pow_vartime([11 + i]);
    Challenges { channel: value(0), position: value(1), theta: value(2), lambda: value(3) }
}

impl<'a> Assignment<'a> {
    pub fn new(layout: &'a Layout, witness: &Witness) -> Self {
        let mut meta = ConstraintSystem::default();
        configure(&mut meta, &layout.shape);
        let rows = layout.usable_rows();
        let fixed = layout.fixed.iter().map(|c| (0..rows).map(|r| embed(c.get(r))).collect()).collect();
        let c = challenges();
        let mut this = Self {
            layout,
            meta: std::rc::Rc::new(meta),
            advice: vec![],
            fixed: std::rc::Rc::new(fixed),
            instance: witness.instance(),
            challenges: [c.channel, c.position, c.theta, c.lambda],
        };
        this.assign(witness);
        this
    }

    /// Assigns the first phase, and the second as a prover would compute it.
    pub fn assign(&mut self, witness: &Witness) {
        let rows = self.layout.usable_rows();
        self.advice = witness.first.iter().map(|c| (0..rows).map(|r| embed(c.get(r))).collect()).collect();
        self.advice.extend(witness.second_phase(self.layout, challenges()));
    }

    pub fn value(&self, cell: Cell) -> Fr {
        let row = cell.row as usize;
        match cell.place {
            Place::Advice(c) => self.advice[usize::from(c)][row],
            Place::Fixed(c) => self.fixed[usize::from(c)][row],
            Place::Instance => self.instance.get(row).copied().unwrap_or(Fr::ZERO),
        }
    }

    /// Whether every copy and every gate holds on these rows; rows before the first are zero where nothing reads them.
    pub fn holds_on(&self, rows: impl Iterator<Item = usize> + Clone) -> bool {
        let gates = self.meta.gates();
        let at = |columns: &[Vec<Fr>], column: usize, rotation: i32, row: usize| {
            let row = row as i64 + i64::from(rotation);
            usize::try_from(row).ok().and_then(|r| columns[column].get(r)).copied().unwrap_or(Fr::ZERO)
        };
        rows.into_iter().all(|row| {
            gates.iter().flat_map(|g| g.polynomials()).all(|p| {
                let value = p.evaluate(
                    &|c| c,
                    &|_| Fr::ZERO,
                    &|q| at(&self.fixed, q.column_index(), q.rotation().0, row),
                    &|q| at(&self.advice, q.column_index(), q.rotation().0, row),
                    &|_| Fr::ZERO,
                    &|c| self.challenges[c.index()],
                    &|a| -a,
                    &|a, b| a + b,
                    &|a, b| a * b,
                    &|a, b| a * b,
                );
                value == Fr::ZERO
            })
        })
    }

    pub fn copies_hold(&self) -> bool {
        self.layout.copies.iter().all(|(a, b)| self.value(*a) == self.value(*b))
    }

    pub fn holds(&self) -> bool {
        self.copies_hold() && self.holds_on(0..self.layout.usable_rows())
    }
}
