//! Straight-line programs over columns: what a backend runs row by row.
//!
//! ```text
//! r_i[row] = Σ a[row]·b[row] + Σ c[row]        a, b, c: a slot (a column at a rotation), a scalar, or an earlier register
//! ```
//!
//! A program knows nothing of constraints: [`crate::algebra`] compiles expressions to programs, once a key, and scalars are
//! known when it runs, once a proof.

use halo2_proofs::halo2curves::bn256::Fr;

/// An argument of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operand {
    /// A column at a rotation: index into the slots that are passed when the program runs.
    Slot(u32),
    /// The same in every row: index into the scalars.
    Scalar(u32),
    /// The result of an earlier step.
    Register(u32),
}

/// One register: a sum of products and of single operands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Products.
    pub products: Vec<(Operand, Operand)>,
    /// Single summands.
    pub sums: Vec<Operand>,
}

/// A program. Register `i` is the result of step `i`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The steps in order.
    pub steps: Vec<Step>,
    /// What it computes: one column each.
    pub outputs: Vec<Operand>,
}

impl Step {
    /// All operands.
    pub fn operands(&self) -> impl Iterator<Item = Operand> + '_ {
        self.products.iter().flat_map(|&(a, b)| [a, b]).chain(self.sums.iter().copied())
    }
}

impl Program {
    /// The sum of a slot and a scalar.
    pub fn shifted_slot() -> Self {
        Self::of(Step { products: vec![], sums: vec![Operand::Slot(0), Operand::Scalar(0)] })
    }

    /// The product of two slots.
    pub fn product_of_slots() -> Self {
        Self::of(Step { products: vec![(Operand::Slot(0), Operand::Slot(1))], sums: vec![] })
    }

    /// One step.
    fn of(step: Step) -> Self {
        Self { steps: vec![step], outputs: vec![Operand::Register(0)] }
    }

    /// Whether every operand is below its bound, and registers are read after they are written.
    pub fn is_valid(&self, slots: usize, scalars: usize) -> bool {
        let fits = |operand: Operand, registers: usize| match operand {
            Operand::Slot(i) => (i as usize) < slots,
            Operand::Scalar(i) => (i as usize) < scalars,
            Operand::Register(i) => (i as usize) < registers,
        };
        let steps = self.steps.iter().enumerate().all(|(at, step)| step.operands().all(|o| fits(o, at)));
        steps && self.outputs.iter().all(|&o| fits(o, self.steps.len()))
    }

    /// The outputs for one row.
    pub fn run(&self, slots: &[Fr], scalars: &[Fr]) -> Vec<Fr> {
        let mut registers: Vec<Fr> = Vec::with_capacity(self.steps.len());
        let get = |operand: Operand, registers: &[Fr]| match operand {
            Operand::Slot(i) => slots[i as usize],
            Operand::Scalar(i) => scalars[i as usize],
            Operand::Register(i) => registers[i as usize],
        };
        for step in &self.steps {
            let products: Fr = step.products.iter().map(|&(a, b)| get(a, &registers) * get(b, &registers)).sum();
            let sums: Fr = step.sums.iter().map(|&o| get(o, &registers)).sum();
            registers.push(products + sums);
        }
        self.outputs.iter().map(|&o| get(o, &registers)).collect()
    }

    /// For each step, the last step that reads its register; outputs count as read at the end.
    pub fn last_reads(&self) -> Vec<usize> {
        let mut last = vec![0; self.steps.len()];
        let reads = self.steps.iter().enumerate().flat_map(|(at, step)| step.operands().map(move |o| (o, at)));
        for (operand, at) in reads.chain(self.outputs.iter().map(|&o| (o, self.steps.len()))) {
            if let Operand::Register(register) = operand {
                last[register as usize] = at;
            }
        }
        last
    }
}
