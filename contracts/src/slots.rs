//! Named slots: what the contract itself writes and reads, and results of the programs.
//!
//! ```text
//! challenges ‖ evaluations ‖ to invert (generic ‖ Lagrange) ‖ instance ‖ results
//! ```

use crate::key::Key;

/// Challenges after those of the circuit and plookup's unused θ, in the order in which they are squeezed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Squeezed {
    Beta = 1,
    Gamma,
    Fold,
    Point,
    OpeningFold,
    SetFold,
    OpeningPoint,
}

/// Number of [`Squeezed`] and θ.
const NUM_SQUEEZED: usize = 8;

/// Values that are inverted before those at the points of the openings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Inverse {
    /// `x^n − 1`
    Vanishing,
    /// `x`
    Point,
    /// `x^n`
    PointPower,
    /// `y` of the openings
    OpeningFold,
}

/// Number of [`Inverse`].
const NUM_INVERSES: usize = 4;

/// Where each named slot begins.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    num_circuit_challenges: usize,
    pub(crate) evaluations: usize,
    pub(crate) num_evaluations: usize,
    pub(crate) inverses: usize,
    pub(crate) lagrange: usize,
    pub(crate) num_lagrange: usize,
    pub(crate) instance: usize,
    /// The first free slot: results grow from here.
    pub(crate) end: usize,
}

impl Slots {
    pub(crate) fn new(key: &Key, num_evaluations: usize, num_points: usize) -> Self {
        let evaluations = key.num_challenges + NUM_SQUEEZED;
        let inverses = evaluations + num_evaluations;
        let lagrange = inverses + NUM_INVERSES + num_points;
        let num_lagrange = key.first_row + key.num_instances().max(1);
        let instance = lagrange + num_lagrange;
        Self {
            num_circuit_challenges: key.num_challenges,
            evaluations,
            num_evaluations,
            inverses,
            lagrange,
            num_lagrange,
            instance,
            end: instance + 1,
        }
    }

    pub(crate) fn num_challenges(&self) -> usize {
        self.num_circuit_challenges + NUM_SQUEEZED
    }

    pub(crate) fn squeezed(&self, challenge: Squeezed) -> usize {
        self.num_circuit_challenges + challenge as usize
    }

    pub(crate) fn inverse(&self, of: Inverse) -> usize {
        self.inverses + of as usize
    }

    /// `u − x·ω^d` of the point of an opening, or its inverse.
    pub(crate) fn distance(&self, point: usize) -> usize {
        self.inverses + NUM_INVERSES + point
    }

    /// `1/(x − ω^(i − first_row))`.
    pub(crate) fn lagrange(&self, index: usize) -> usize {
        self.lagrange + index
    }

    /// A slot for a result.
    pub(crate) fn result(&mut self) -> usize {
        self.end += 1;
        self.end - 1
    }
}
