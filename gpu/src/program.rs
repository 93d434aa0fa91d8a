//! Programs as the plugin takes them: `cuda/program.cu` describes the words.

use sworn_prover::program::{Operand, Program};

/// A program in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) words: Vec<u32>,
    /// How many registers live at once.
    pub(crate) registers: u32,
    pub(crate) outputs: usize,
}

const SLOT: u32 = 0;
const SCALAR: u32 = 1 << 30;
const REGISTER: u32 = 2 << 30;

impl Words {
    /// Registers are used again once nothing reads them.
    pub(crate) fn new(program: &Program) -> Self {
        let last = program.last_reads();
        let mut free: Vec<u32> = Vec::new();
        let mut places: Vec<u32> = Vec::with_capacity(program.steps.len());
        let mut ends: Vec<Vec<usize>> = vec![Vec::new(); program.steps.len()];
        for (register, &end) in last.iter().enumerate() {
            // What nothing reads is free after its own step.
            if let Some(ends) = ends.get_mut(end.max(register)) {
                ends.push(register);
            }
        }
        let mut words = Vec::new();
        let mut registers = 0;
        for (at, step) in program.steps.iter().enumerate() {
            // Never an operand's place: those are given back behind the step.
            let place = free.pop().unwrap_or_else(|| {
                registers += 1;
                registers - 1
            });
            places.push(place);
            words.extend([place, step.products.len() as u32, step.sums.len() as u32]);
            words.extend(step.operands().map(|operand| word(operand, &places)));
            free.extend(ends[at].iter().map(|&register| places[register]));
        }
        words.extend(program.outputs.iter().map(|&operand| word(operand, &places)));
        Self { words, registers, outputs: program.outputs.len() }
    }
}

fn word(operand: Operand, places: &[u32]) -> u32 {
    match operand {
        Operand::Slot(i) => SLOT | i,
        Operand::Scalar(i) => SCALAR | i,
        Operand::Register(i) => REGISTER | places[i as usize],
    }
}
