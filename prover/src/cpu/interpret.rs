//! Runs a program block by block: a register is a block of rows that stays in the cache.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rayon::prelude::*;

use super::column::Column;
use super::vector;
use crate::program::{Operand, Program, Step};

/// Rows of a block.
const BLOCK: usize = 128;

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
    assert!(program.is_valid(slots.len(), scalars.len()), "a program reads what it was not given");
    let rows = slots.first().map_or(0, |s| s.0.rows());
    let machine = Machine { program, slots, scalars, allocation: Allocation::new(program), rows };
    let mut outputs = vec![vec![Fr::ZERO; rows]; program.outputs.len()];
    let mut blocks: Vec<Vec<&mut [Fr]>> = (0..rows.div_ceil(BLOCK)).map(|_| Vec::with_capacity(outputs.len())).collect();
    for output in &mut outputs {
        blocks.iter_mut().zip(output.chunks_mut(BLOCK)).for_each(|(block, chunk)| block.push(chunk));
    }
    blocks
        .into_par_iter()
        .enumerate()
        .for_each_init(|| machine.workspace(), |workspace, (index, mut outputs)| machine.block(workspace, index * BLOCK, &mut outputs));
    outputs.into_iter().map(Column::Fields).collect()
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
