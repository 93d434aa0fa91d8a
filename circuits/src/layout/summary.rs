//! What `inspect` prints of a layout.

use std::fmt;

use crate::layout::cost::{Estimate, ADDITION, CONSTANT, GATES, SMALL, TRANSFORM, WEIGHT};
use crate::number::real;

impl Estimate {
    /// Advice cells of the weight group for each weight of the model.
    pub fn cells_per_weight(&self) -> f64 {
        // Each row of weights has an accumulator, a factor and a sum.
        3.0 * real(self.weight_rows) / real(self.weights.max(1))
    }

    /// Advice cells for each activation, all but those of the weight group.
    pub fn cells_per_activation(&self) -> f64 {
        real(self.cells - 3 * self.weight_rows) / real(self.activations.max(1))
    }

    /// Lookups for each activation.
    pub fn lookups_per_activation(&self) -> f64 {
        real(self.lookups) / real(self.activations.max(1))
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, gathered, weights, table) = (self.unit_rows, self.gather_rows, self.weight_rows, self.table_rows);
        writeln!(f, "rows           2^{}: {units} of units, {weights} of weights, {gathered} gathered, {table} of tables", self.log_rows)?;
        writeln!(f, "lanes          {} units, {} weights; {} limbs a range check", self.lanes, self.weight_lanes, self.limbs)?;
        if self.pack > 1 {
            writeln!(f, "packs          up to {} columns in a commitment", self.pack)?;
        }
        writeln!(f, "public values  {}", self.public_values)?;
        let (advice, fixed) = (self.advice_columns, self.fixed_columns);
        writeln!(f, "columns        {advice} advice, {fixed} fixed, {} under copy constraints", self.permuted_columns)?;
        writeln!(
            f,
            "cells          {}: {:.3} a weight, {:.2} an activation",
            self.cells,
            self.cells_per_weight(),
            self.cells_per_activation()
        )?;
        for (op, cells) in &self.cells_by_op {
            writeln!(f, "               {cells} {op}")?;
        }
        writeln!(f, "lookups        {}: {:.2} an activation", self.lookups, self.lookups_per_activation())?;
        writeln!(f, "copies         {}", self.copies)?;
        writeln!(f, "model          {} weights, {} activations", self.weights, self.activations)?;
        let (commitments, additions) = (self.commitments, self.additions);
        writeln!(f, "cost           {commitments} commitments x {additions:.0} additions x {:.0} ns", 1e9 * ADDITION)?;
        let (log_rows, row) = (self.log_rows, TRANSFORM * f64::from(self.log_rows) + GATES);
        writeln!(f, "               + {} columns of integers x 2^{log_rows} rows x {:.0} ns", self.integer_commitments, 1e9 * SMALL)?;
        writeln!(f, "               + {} polynomials x 2^{log_rows} rows x {:.0} ns", self.polynomials, 1e9 * row)?;
        writeln!(f, "               + {} lanes of weights x 2^{log_rows} rows x {:.0} ns + {CONSTANT} s", self.weight_lanes, 1e9 * WEIGHT)?;
        writeln!(f, "estimate       {:.2} s, {:.0} MB on two cores", self.prove_seconds, self.prove_bytes / 1e6)
    }
}
