//! Soundness: every assigned cell, once changed, is rejected; exceptions are listed with a reason.
//!
//! A change of the first phase is followed by a new count of the lookups (a value in no table is rejected by that) and an
//! honest second phase, which is the best that a liar can do; a change of the second phase stands alone.
#![expect(clippy::unwrap_used, reason = "tests")]

mod build;

use build::lie::{recount, with};
use build::satisfied::Assignment;
use build::{Build, ConvSpec};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use sworn_circuits::graph::*;
use sworn_circuits::layout::{Layout, Visibility};
use sworn_circuits::witness::Witness;

fn layout_of(graph: &QuantGraph, inputs: &[Vec<i32>], pack: bool) -> (Layout, Witness) {
    let visibility = Visibility { input: true, pack_public: pack };
    let layout = Layout::new(graph, visibility).unwrap();
    let witness = Witness::new(graph, &layout, inputs).unwrap();
    (layout, witness)
}

/// Cells that may change, with the multiplicities, without making a statement false.
fn is_free(graph: &QuantGraph, layout: &Layout, column: usize, row: usize) -> bool {
    let (a, f) = (layout.shape.columns(), layout.shape.columns());
    let fixed = |c: usize| layout.fixed[c].get(row);
    let lane_of = |columns: &[usize]| columns.iter().position(|&c| c == column);
    // Rows of values have no accumulator, and rows behind the last unit hold nothing.
    let last = (0..graph.nodes.len()).filter_map(|i| layout.unit_rows(NodeId(i))).map(|r| r.end).max().unwrap_or(0);
    let given = layout.value_rows().iter().any(|rows| rows.contains(&row));
    let bare = given || row >= last;
    let is_wanted = |lane: usize| fixed(f.units.mask[lane]) == 1 || f.units.table_mask.get(lane).is_some_and(|&c| fixed(c) == 1);
    if lane_of(&a.units.r).is_some() {
        return bare;
    }
    if let Some(lane) = lane_of(&a.units.u).or(lane_of(&a.units.v)) {
        // A value that is not negative has no negative part: where it is zero, the other is read by nothing.
        let unread = given && fixed(f.units.relu) == 1 && lane_of(&a.units.v).is_some();
        return unread || bare && !is_wanted(lane);
    }
    if let Some(lane) = lane_of(&a.units.f) {
        // A table output in a lane that has none is read by nothing.
        return fixed(f.units.table_mask[lane]) == 0;
    }
    if let Some(lane) = lane_of(&a.units.f2) {
        return fixed(f.units.table_mask[lane]) == 0;
    }
    if a.operands.iter().any(|o| lane_of(&o.first).or(lane_of(&o.second)).is_some()) {
        // An operand of a lane without one.
        return !is_copied(layout, column, row);
    }
    if a.gather.iter().any(|g| lane_of(&g.values).is_some()) {
        return !is_copied(layout, column, row);
    }
    false
}

fn is_copied(layout: &Layout, column: usize, row: usize) -> bool {
    use sworn_circuits::shape::{Cell, Place};
    let cell = Cell { place: Place::Advice(column as u16), row: row as u32 };
    layout.copies.iter().any(|(a, b)| *a == cell || *b == cell)
}

fn mutate(model: (QuantGraph, Vec<Vec<i32>>)) {
    mutate_as(model, false);
}

/// Changes every cell of both phases.
fn mutate_as((graph, inputs): (QuantGraph, Vec<Vec<i32>>), pack: bool) {
    let (layout, witness) = layout_of(&graph, &inputs, pack);
    let honest = Assignment::new(&layout, &witness);
    assert!(honest.holds(), "the honest witness");
    let rows = layout.usable_rows();
    let mut changed = honest.clone();
    for column in 0..witness.first.len() {
        for row in 0..rows {
            for delta in [1, -1] {
                let mut lie = with(&witness, column, row, delta);
                if column != layout.shape.columns().lookups.multiplicity
                    && (is_free(&graph, &layout, column, row) || recount(&layout, &mut lie).is_none())
                {
                    continue;
                }
                changed.assign(&lie);
                assert!(!changed.holds(), "first phase, column {column}, row {row}, {delta:+}");
            }
        }
    }
    let mut changed = honest.clone();
    for column in witness.first.len()..honest.advice.len() {
        for row in 0..rows {
            changed.advice[column][row] += Fr::ONE;
            let nearby = row.saturating_sub(1)..(row + 2).min(rows);
            let (columns, fixed) = (layout.shape.columns(), |column: usize| layout.fixed[column].get(row) != 0);
            let pair = columns.weights.pair.is_some_and(fixed) || columns.roots.as_ref().is_some_and(|r| fixed(r.low) || fixed(r.high));
            // The factors of a row without a product are read by nothing.
            let free = column == columns.weights.factor && !pair && !fixed(columns.weights.product)
                || Some(column) == columns.weights.right && !pair;
            assert!(free || !changed.copies_hold() || !changed.holds_on(nearby), "second phase, column {column}, row {row}");
            changed.advice[column][row] -= Fr::ONE;
        }
    }
    assert_eq!(honest.instance.len(), layout.num_instances);
    for index in 0..honest.instance.len() {
        let mut changed = honest.clone();
        changed.instance[index] += Fr::ONE;
        assert!(!changed.holds(), "instance {index}");
    }
}

#[test]
fn dense() {
    let mut b = Build::new(4, 11);
    let x = b.input(&[1, 3]);
    let y = b.dense(x, 4, Activation::Relu);
    let y = b.dense(y, 2, Activation::None);
    mutate(b.finish(&[y]));
}

#[test]
fn convolution() {
    let mut b = Build::new(5, 12);
    let x = b.input(&[1, 2, 3, 3]);
    let y = b.conv(x, 2, ConvSpec::square(3, 1, 1), Activation::Relu);
    let y = b.conv(y, 2, ConvSpec::square(2, 1, 0), Activation::None);
    mutate(b.finish(&[y]));
}

#[test]
fn max_pool_and_strides() {
    let mut b = Build::new(5, 13);
    let x = b.input(&[1, 1, 4, 4]);
    let y = b.max_pool(x, 2);
    let y = b.conv(y, 2, ConvSpec::square(2, 2, 0), Activation::Relu);
    mutate(b.finish(&[y]));
}

#[test]
fn tables_and_products() {
    let mut b = Build::new(4, 14);
    let tanh = b.table(f64::tanh);
    let x = b.input(&[1, 3]);
    let y = b.elementwise(x, None, 16, 0, 0, tanh);
    let z = b.elementwise(y, Some(x), 3, -2, 2, Activation::Relu);
    mutate(b.finish(&[z]));
}

#[test]
fn sums() {
    let mut b = Build::new(4, 15);
    let x = b.input(&[1, 2, 2, 2]);
    let y = b.conv(x, 2, ConvSpec::square(1, 1, 0), Activation::Relu);
    let y = b.reduce(y, 2, Activation::None);
    mutate(b.finish(&[y]));
}

/// Packed public values: two for the input, one for each output. Relu, table, maximum, a constant.
#[test]
fn packed() {
    let mut b = Build::new(4, 16);
    let tanh = b.table(f64::tanh);
    let x = b.input(&[1, 1, 8, 8]);
    let y = b.max_pool(x, 4);
    let flat = b.flatten(y);
    let z = b.dense(flat, 3, Activation::Relu);
    let t = b.elementwise(z, None, 16, 0, 0, tanh);
    let sources = vec![Source::Element { input: 0, index: 2 }, Source::Constant(-5)];
    let c = b.push("constant", Op::Gather(Gather { sources }), &[y], &[2]);
    mutate_as(b.finish(&[z, t, c]), true);
}

fn divided((graph, mut inputs): (QuantGraph, Vec<Vec<i32>>), divisor: i32) -> (QuantGraph, Vec<Vec<i32>>) {
    inputs.iter_mut().flatten().for_each(|value| *value /= divisor);
    (graph, inputs)
}

#[test]
fn products_and_probabilities() {
    let mut b = Build::new(5, 17);
    let (q, k) = (b.input(&[1, 2, 2]), b.input(&[1, 2, 3]));
    let weights = b.softmax(q, k, 4, true);
    let v = b.input(&[1, 3, 2]);
    let context = b.product(weights, v, 5, Activation::None);
    mutate(divided(b.finish(&[context]), 3));
}

#[test]
fn norms() {
    let mut b = Build::new(5, 18);
    let x = b.input(&[2, 3]);
    let y = b.norm(x);
    let z = b.dense(y, 2, Activation::None);
    mutate(b.finish(&[z]));
}
