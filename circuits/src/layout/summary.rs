//! What `inspect` prints of a layout.

use std::fmt;

use crate::layout::cost::Estimate;

impl Estimate {
    /// Advice cells of a layout for each weight of the model.
    pub fn cells_per_weight(&self) -> f64 {
        // Each row of weights has an accumulator, a factor and a sum.
        3.0 * self.weight_rows as f64 / self.weights.max(1) as f64
    }

    /// Advice cells for each activation, all but those of the weight group.
    pub fn cells_per_activation(&self) -> f64 {
        (self.cells - 3 * self.weight_rows) as f64 / self.activations.max(1) as f64
    }

    /// Lookups for each activation.
    pub fn lookups_per_activation(&self) -> f64 {
        self.lookups as f64 / self.activations.max(1) as f64
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "rows          2^{} (units {}, gather {}, weights {}, table {})",
            self.log_rows, self.unit_rows, self.gather_rows, self.weight_rows, self.table_rows
        )?;
        writeln!(f, "lanes         {} units, {} weights", self.lanes, self.weight_lanes)?;
        writeln!(
            f,
            "columns       {} advice, {} fixed, {} under copy constraints",
            self.advice_columns, self.fixed_columns, self.permuted_columns
        )?;
        writeln!(
            f,
            "cells         {} ({:.2} a weight, {:.2} an activation)",
            self.cells,
            self.cells_per_weight(),
            self.cells_per_activation()
        )?;
        writeln!(f, "lookups       {} ({:.2} an activation)", self.lookups, self.lookups_per_activation())?;
        writeln!(f, "copies        {}", self.copies)?;
        writeln!(f, "model         {} weights, {} activations", self.weights, self.activations)?;
        write!(f, "prove         about {:.2} s on two cores, {:.0} MB", self.prove_seconds, self.prove_bytes / 1e6)
    }
}
