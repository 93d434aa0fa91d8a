//! The fixed columns: tables, what rows of units and of the gather group are for, and the steps of the weight group.

use crate::column::IntColumn;
use crate::graph::QuantGraph;
use crate::layout::arrange::Arrangement;
use crate::layout::blocks::{WeightGroup, WeightRow};
use crate::layout::rows::{GatherRow, UnitRow};
use crate::layout::tables;
use crate::number::fit;
use crate::shape::{FixedColumns, GATHER_LANES};

/// Fills the fixed columns.
pub(super) struct FixedValues<'a> {
    pub(super) graph: &'a QuantGraph,
    pub(super) arrangement: &'a Arrangement<'a>,
    pub(super) group: &'a WeightGroup,
    pub(super) columns: &'a FixedColumns,
    pub(super) usable: usize,
    pub(super) table_bits: u32,
}

impl FixedValues<'_> {
    pub(super) fn columns(&self, weights: Vec<IntColumn>) -> Vec<IntColumn> {
        let c = self.columns;
        let mut out: Vec<IntColumn> = vec![IntColumn::I8(Vec::new()); c.count];
        for (&column, lane) in c.weights.iter().zip(weights) {
            out[column] = lane;
        }
        out[c.on] = IntColumn::I8(vec![1; self.usable]);
        let mut last = vec![0i8; self.usable];
        last[self.usable - 1] = 1;
        out[c.last] = IntColumn::I8(last);
        self.tables(&mut out);
        self.units(&mut out);
        self.gather(&mut out);
        let rows = &self.group.rows;
        let mut bits = |column: usize, f: &dyn Fn(&WeightRow) -> bool| {
            out[column] = IntColumn::new(&rows.iter().map(|r| i64::from(f(r))).collect::<Vec<_>>());
        };
        bits(c.weight_keep, &|r| r.keep);
        bits(c.product, &|r| r.product);
        bits(c.one, &|r| r.one);
        for (index, &column) in c.dot_jumps.iter().enumerate() {
            bits(column, &|r| usize::from(r.jump) == index + 1);
        }
        out[c.dot_hold] = IntColumn::new(&rows.iter().map(|r| i64::from(r.hold)).collect::<Vec<_>>());
        if let Some(column) = c.constants {
            out[column] = IntColumn::new(&self.arrangement.constants.iter().map(|&v| i64::from(v)).collect::<Vec<_>>());
        }
        out
    }

    /// The range table, then the function tables with tags from 1.
    fn tables(&self, out: &mut [IntColumn]) {
        let c = self.columns;
        let mut rows: Vec<(i64, i64, i64)> = (0..1i64 << self.table_bits).map(|v| (v, 0, 0)).collect();
        for (index, table) in tables(self.graph).iter().enumerate() {
            let values = table.values.iter().enumerate();
            rows.extend(values.map(|(i, &v)| (i64::from(table.first) + fit::<_, i64>(i), i64::from(v), fit(index + 1))));
        }
        out[c.table] = IntColumn::new(&rows.iter().map(|r| r.0).collect::<Vec<_>>());
        if let (Some(value), Some(tag)) = (c.table_value, c.table_tag) {
            out[value] = IntColumn::new(&rows.iter().map(|r| r.1).collect::<Vec<_>>());
            out[tag] = IntColumn::new(&rows.iter().map(|r| r.2).collect::<Vec<_>>());
        }
    }

    fn units(&self, out: &mut [IntColumn]) {
        let c = self.columns;
        let rows = &self.arrangement.units;
        let mut fill = |column: Option<usize>, f: &dyn Fn(&UnitRow) -> i64| {
            if let Some(column) = column {
                out[column] = IntColumn::new(&rows.iter().map(f).collect::<Vec<_>>());
            }
        };
        for (j, &column) in c.mask.iter().enumerate() {
            fill(Some(column), &|r| i64::from(r.mask >> j & 1 == 1));
        }
        for (j, &column) in c.table_mask.iter().enumerate() {
            fill(Some(column), &|r| i64::from(r.table_mask >> j & 1 == 1));
        }
        fill(Some(c.relu), &|r| i64::from(r.relu));
        fill(Some(c.signed), &|r| i64::from(r.signed));
        fill(Some(c.constant), &|r| r.constant);
        fill(Some(c.keep), &|r| i64::from(r.keep));
        fill(c.vector, &|r| i64::from(r.vector));
        fill(c.sum, &|r| i64::from(r.sum));
        fill(c.d_hold, &|r| i64::from(r.d_hold));
        fill(c.d_step, &|r| i64::from(r.d_step));
        fill(c.d_end, &|r| i64::from(r.d_end));
        fill(c.elementwise, &|r| i64::from(r.elementwise));
        fill(c.cb, &|r| i64::from(r.cb));
        fill(c.cm, &|r| i64::from(r.cm));
        fill(c.tag, &|r| i64::from(r.tag));
        for j in 0..c.ca.len() {
            let mut factors = vec![(0, 0); rows.len()];
            for (&row, lanes) in &self.arrangement.lane_factors {
                factors[row] = lanes[j];
            }
            out[c.ca[j]] = IntColumn::new(&factors.iter().map(|f| i64::from(f.0)).collect::<Vec<_>>());
            out[c.cc[j]] = IntColumn::new(&factors.iter().map(|f| f.1).collect::<Vec<_>>());
        }
    }

    fn gather(&self, out: &mut [IntColumn]) {
        let c = self.columns;
        let mut fill = |column: Option<usize>, f: &dyn Fn(&GatherRow) -> bool| {
            if let Some(column) = column {
                out[column] = IntColumn::new(&self.arrangement.gather.iter().map(|r| i64::from(f(r))).collect::<Vec<_>>());
            }
        };
        for j in 0..GATHER_LANES {
            fill(c.gather_mask.get(j).copied(), &|r| r.mask >> j & 1 == 1);
        }
        fill(c.gather_keep, &|r| r.keep);
        fill(c.max_keep, &|r| r.max_keep);
        fill(c.max_mask, &|r| r.max_mask);
        fill(c.gather_sum, &|r| r.sum);
    }
}
