//! Runs a program block by block: a register is a block of rows that stays in the cache.
//!
//! By vectors a register holds limbs of 52 bits, and a slot is converted once a block ([`super::ifma::interpret`]).

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rayon::prelude::*;

use super::column::Column;
use super::ifma::interpret::Argument;
use super::ifma::{Ifma, Lanes, WIDTH};
use super::vector;
use crate::program::{Operand, Program, Step};

/// Rows of a block.
const BLOCK: usize = 128;
/// Rows of a block of vectors.
const VECTOR_BLOCK: usize = 64;

/// Which buffer each register lives in: buffers are used again after the last read.
struct Allocation {
    buffer: Vec<usize>,
    count: usize,
}

impl Allocation {
    fn new(program: &Program) -> Self {
        let last = program.last_reads();
        let mut free: Vec<usize> = Vec::new();
        let mut buffer: Vec<usize> = Vec::with_capacity(program.steps.len());
        let mut count = 0;
        for (at, step) in program.steps.iter().enumerate() {
            buffer.push(free.pop().unwrap_or_else(|| {
                count += 1;
                count - 1
            }));
            let mut done: Vec<usize> =
                step.operands().filter_map(|o| if let Operand::Register(r) = o { Some(r as usize) } else { None }).collect();
            done.sort_unstable();
            done.dedup();
            free.extend(done.into_iter().filter(|&r| last[r] == at).map(|r| buffer[r]));
        }
        Self { buffer, count }
    }
}

/// Registers and converted slots of one thread.
struct Workspace {
    registers: Vec<Vec<Fr>>,
    slots: Vec<Vec<Fr>>,
    filled: Vec<bool>,
}

/// What a program runs on.
struct Machine<'a> {
    program: &'a Program,
    slots: &'a [(&'a Column, i32)],
    scalars: &'a [Fr],
    allocation: Allocation,
    rows: usize,
}

/// One column for each output.
pub(super) fn evaluate(program: &Program, slots: &[(&Column, i32)], scalars: &[Fr]) -> Vec<Column> {
    evaluate_by(Ifma::detect(), program, slots, scalars)
}

fn evaluate_by(ifma: Option<Ifma>, program: &Program, slots: &[(&Column, i32)], scalars: &[Fr]) -> Vec<Column> {
    assert!(program.is_valid(slots.len(), scalars.len()), "a program reads what it was not given");
    let rows = slots.first().map_or(0, |s| s.0.rows());
    let machine = Machine { program, slots, scalars, allocation: Allocation::new(program), rows };
    let mut outputs = vec![vec![Fr::ZERO; rows]; program.outputs.len()];
    match ifma.filter(|_| rows.is_multiple_of(WIDTH)) {
        Some(ifma) => {
            let machine = VectorMachine { ifma, scalars: scalars.iter().map(|s| ifma.scalar(*s)).collect(), machine };
            for_blocks(VECTOR_BLOCK, rows, &mut outputs, || machine.workspace(), |w, start, out| machine.block(w, start, out));
        }
        None => for_blocks(BLOCK, rows, &mut outputs, || machine.workspace(), |w, start, out| machine.block(w, start, out)),
    }
    outputs.into_iter().map(Column::Fields).collect()
}

/// Calls `run` with a workspace, the first row and the outputs of each block.
fn for_blocks<W>(
    size: usize,
    rows: usize,
    outputs: &mut [Vec<Fr>],
    workspace: impl Fn() -> W + Sync + Send,
    run: impl Fn(&mut W, usize, &mut [&mut [Fr]]) + Sync + Send,
) {
    let mut blocks: Vec<Vec<&mut [Fr]>> = (0..rows.div_ceil(size)).map(|_| Vec::with_capacity(outputs.len())).collect();
    for output in outputs {
        blocks.iter_mut().zip(output.chunks_mut(size)).for_each(|(block, chunk)| block.push(chunk));
    }
    blocks
        .into_par_iter()
        .enumerate()
        .for_each_init(workspace, |workspace, (index, mut outputs)| run(workspace, index * size, &mut outputs));
}

/// `out = a · b`.
fn set_product(out: &mut [Fr], a: &[Fr], b: &[Fr]) {
    out.copy_from_slice(a);
    vector::mul_assign(out, b);
}

/// `out = a · s`.
fn set_scaled(out: &mut [Fr], a: &[Fr], s: Fr) {
    out.copy_from_slice(a);
    vector::mul_scalar(out, s);
}

/// `acc += s`.
fn add_scalar(acc: &mut [Fr], s: Fr) {
    acc.iter_mut().for_each(|acc| *acc += s);
}

impl Machine<'_> {
    fn workspace(&self) -> Workspace {
        Workspace {
            registers: vec![vec![Fr::ZERO; BLOCK]; self.allocation.count],
            slots: vec![Vec::new(); self.slots.len()],
            filled: vec![false; self.slots.len()],
        }
    }

    fn block(&self, workspace: &mut Workspace, start: usize, outputs: &mut [&mut [Fr]]) {
        let length = BLOCK.min(self.rows - start);
        workspace.filled.fill(false);
        for (at, step) in self.program.steps.iter().enumerate() {
            step.operands().for_each(|o| self.fill(workspace, o, start, length));
            let buffer = self.allocation.buffer[at];
            let mut out = std::mem::take(&mut workspace.registers[buffer]);
            self.step(workspace, step, start, &mut out[..length]);
            workspace.registers[buffer] = out;
        }
        for (out, operand) in outputs.iter_mut().zip(&self.program.outputs) {
            self.fill(workspace, *operand, start, length);
            match self.block_of(workspace, *operand, start, length) {
                Ok(values) => out.copy_from_slice(values),
                Err(scalar) => out.fill(scalar),
            }
        }
    }

    /// Whether a slot's rows lie in one piece in a column of field elements.
    fn in_place(&self, slot: usize, start: usize, length: usize) -> Option<&[Fr]> {
        let (column, rotation) = self.slots[slot];
        let Column::Fields(values) = column else { return None };
        let first = usize::try_from(start as i64 + i64::from(rotation)).ok()?;
        values.get(first..first + length)
    }

    /// Copies a slot's rows, unless they can be read in place.
    fn fill(&self, workspace: &mut Workspace, operand: Operand, start: usize, length: usize) {
        let Operand::Slot(slot) = operand else { return };
        let slot = slot as usize;
        if workspace.filled[slot] || self.in_place(slot, start, length).is_some() {
            return;
        }
        workspace.filled[slot] = true;
        workspace.slots[slot].resize(BLOCK, Fr::ZERO);
        let (column, rotation) = self.slots[slot];
        column.copy_wrapping(start as i64 + i64::from(rotation), &mut workspace.slots[slot][..length]);
    }

    /// The rows of an operand, or its only value.
    fn block_of<'w>(&'w self, workspace: &'w Workspace, operand: Operand, start: usize, length: usize) -> Result<&'w [Fr], Fr> {
        match operand {
            Operand::Scalar(i) => Err(self.scalars[i as usize]),
            Operand::Register(i) => Ok(&workspace.registers[self.allocation.buffer[i as usize]][..length]),
            Operand::Slot(i) => {
                let slot = i as usize;
                Ok(self.in_place(slot, start, length).unwrap_or_else(|| &workspace.slots[slot][..length]))
            }
        }
    }

    fn step(&self, workspace: &Workspace, step: &Step, start: usize, out: &mut [Fr]) {
        let length = out.len();
        let mut fresh = true;
        for &(a, b) in &step.products {
            match (self.block_of(workspace, a, start, length), self.block_of(workspace, b, start, length)) {
                (Ok(a), Ok(b)) if fresh => set_product(out, a, b),
                (Ok(a), Ok(b)) => vector::add_product(out, a, b),
                (Ok(a), Err(s)) | (Err(s), Ok(a)) if fresh => set_scaled(out, a, s),
                (Ok(a), Err(s)) | (Err(s), Ok(a)) => vector::add_scaled(out, a, s),
                (Err(s), Err(t)) if fresh => out.fill(s * t),
                (Err(s), Err(t)) => add_scalar(out, s * t),
            }
            fresh = false;
        }
        for &a in &step.sums {
            match self.block_of(workspace, a, start, length) {
                Ok(a) if fresh => out.copy_from_slice(a),
                Ok(a) => vector::add(out, a),
                Err(s) if fresh => out.fill(s),
                Err(s) => add_scalar(out, s),
            }
            fresh = false;
        }
        if fresh {
            out.fill(Fr::ZERO);
        }
    }
}

/// Registers and converted slots of one thread, as vectors.
struct VectorWorkspace {
    registers: Vec<Vec<Lanes>>,
    slots: Vec<Vec<Lanes>>,
    filled: Vec<bool>,
    scratch: Vec<Fr>,
}

/// A machine whose registers are vectors.
struct VectorMachine<'a> {
    ifma: Ifma,
    scalars: Vec<Lanes>,
    machine: Machine<'a>,
}

impl VectorMachine<'_> {
    fn workspace(&self) -> VectorWorkspace {
        VectorWorkspace {
            registers: vec![self.ifma.block(VECTOR_BLOCK); self.machine.allocation.count],
            slots: vec![Vec::new(); self.machine.slots.len()],
            filled: vec![false; self.machine.slots.len()],
            scratch: vec![Fr::ZERO; VECTOR_BLOCK],
        }
    }

    fn block(&self, workspace: &mut VectorWorkspace, start: usize, outputs: &mut [&mut [Fr]]) {
        let Machine { program, rows, allocation, .. } = &self.machine;
        let length = VECTOR_BLOCK.min(rows - start);
        workspace.filled.fill(false);
        for (at, step) in program.steps.iter().enumerate() {
            step.operands().for_each(|o| self.fill(workspace, o, start, length));
            let mut out = std::mem::take(&mut workspace.registers[allocation.buffer[at]]);
            let products: Vec<_> = step.products.iter().map(|&(a, b)| (self.argument(workspace, a), self.argument(workspace, b))).collect();
            let sums: Vec<_> = step.sums.iter().map(|&c| self.argument(workspace, c)).collect();
            self.ifma.step(&products, &sums, &mut out[..length / WIDTH]);
            workspace.registers[allocation.buffer[at]] = out;
        }
        for (out, operand) in outputs.iter_mut().zip(&program.outputs) {
            self.fill(workspace, *operand, start, length);
            self.ifma.store(self.argument(workspace, *operand), out);
        }
    }

    /// Converts a slot's rows.
    fn fill(&self, workspace: &mut VectorWorkspace, operand: Operand, start: usize, length: usize) {
        let Operand::Slot(slot) = operand else { return };
        let slot = slot as usize;
        if std::mem::replace(&mut workspace.filled[slot], true) {
            return;
        }
        if workspace.slots[slot].is_empty() {
            workspace.slots[slot] = self.ifma.block(VECTOR_BLOCK);
        }
        let rows = self.machine.in_place(slot, start, length).unwrap_or_else(|| {
            let (column, rotation) = self.machine.slots[slot];
            column.copy_wrapping(start as i64 + i64::from(rotation), &mut workspace.scratch[..length]);
            &workspace.scratch[..length]
        });
        self.ifma.load(rows, &mut workspace.slots[slot]);
    }

    fn argument<'w>(&'w self, workspace: &'w VectorWorkspace, operand: Operand) -> Argument<'w> {
        match operand {
            Operand::Scalar(i) => Argument::scalar(&self.scalars[i as usize]),
            Operand::Register(i) => Argument::block(&workspace.registers[self.machine.allocation.buffer[i as usize]]),
            Operand::Slot(i) => Argument::block(&workspace.slots[i as usize]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sworn_circuits::column::IntColumn;

    use super::*;

    /// Steps of every shape; the last two have more products and sums than are reduced at once.
    fn program() -> Program {
        let (slot, scalar, register) = (Operand::Slot, Operand::Scalar, Operand::Register);
        let step = |products: &[(Operand, Operand)], sums: &[Operand]| Step { products: products.to_vec(), sums: sums.to_vec() };
        let steps = vec![
            step(&[(slot(0), slot(1))], &[]),
            step(&[(slot(2), scalar(0)), (register(0), register(0)), (scalar(1), scalar(2))], &[slot(3), scalar(1), register(0)]),
            step(&[], &[slot(4), register(1)]),
            step(&[], &[]),
            step(&vec![(slot(1), slot(1)); 20], &[]),
            step(&vec![(slot(1), slot(1)); 700], &[register(2)]),
            step(&[(register(4), register(5))], &vec![slot(1); 100]),
        ];
        Program { steps, outputs: vec![register(6), register(3), slot(3), scalar(1), register(5), register(2)] }
    }

    #[test]
    fn both_paths_follow_the_definition() {
        let minus_one = |rows| Column::Fields(vec![-Fr::ONE; rows]);
        let element = |r: u64| [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(r + 2).pow_vartime([54321])][r as usize % 4];
        for rows in (1..=64).chain([72, 100, 128, 200, 256]) {
            let fields = Column::Fields((0..rows as u64).map(element).collect());
            let integers = IntColumn::new(&(0..rows as i64 - 1).map(|r| r * 1000 - 7).collect::<Vec<_>>());
            let integers = Column::Integers { values: Arc::new(integers), rows, tail: vec![-Fr::from(9)] };
            let (ones, program) = (minus_one(rows), program());
            let slots = [(&fields, 0), (&ones, 5), (&fields, -1), (&integers, 0), (&integers, 70)];
            let scalars = [-Fr::ONE, element(7), Fr::ZERO];
            let mut expected = vec![Vec::new(); program.outputs.len()];
            for row in 0..rows {
                let at =
                    |(column, rotation): &(&Column, i32)| column.get((row as i64 + i64::from(*rotation)).rem_euclid(rows as i64) as usize);
                let values: Vec<Fr> = slots.iter().map(at).collect();
                expected.iter_mut().zip(program.run(&values, &scalars)).for_each(|(column, value)| column.push(value));
            }
            for ifma in [None, Ifma::detect()] {
                let found = evaluate_by(ifma, &program, &slots, &scalars);
                assert!(found.iter().map(|c| c.to_fields()).eq(expected.iter().map(|c| c.as_slice())), "{rows} rows, {ifma:?}");
            }
        }
    }
}
