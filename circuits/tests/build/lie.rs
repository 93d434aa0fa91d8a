//! Changed witnesses: cells of the first phase set to other values, and the lookups counted again.

use std::collections::BTreeMap;

use sworn_circuits::column::IntColumn;
use sworn_circuits::layout::Layout;
use sworn_circuits::shape::{Cell, Place};
use sworn_circuits::witness::Witness;

use super::satisfied::Assignment;

/// What a lie is caught by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A value is in no table; everything else holds.
    Lookup,
    /// A gate of the first phase.
    Gate,
    /// A copy: the identity of a layer, or a copied value.
    Copy,
}

/// Makes limbs and multiplicities fit a lie, and says what it is caught by: exactly one thing.
pub fn caught(layout: &Layout, lying: &mut Witness) -> By {
    limbs(layout, lying);
    let missing = recount_all(layout, lying);
    let assignment = Assignment::new(layout, lying);
    assert!(!assignment.holds());
    // The last usable row has the total of the lookups.
    let gates = assignment.holds_on(0..layout.usable_rows() - 1);
    match (gates, assignment.copies_hold(), missing) {
        (true, true, 1..) => By::Lookup,
        (false, true, 0) => By::Gate,
        (true, false, 0) => By::Copy,
        other => panic!("more than one reason: {other:?}"),
    }
}

/// A witness with a cell of the first phase changed.
pub fn with(witness: &Witness, column: usize, row: usize, delta: i64) -> Witness {
    let mut changed = witness.clone();
    add(&mut changed, column, row, delta);
    changed
}

/// Adds to a cell of the first phase.
pub fn add(witness: &mut Witness, column: usize, row: usize, delta: i64) {
    let length = witness.first[column].len().max(row + 1);
    let mut values: Vec<i64> = (0..length).map(|r| witness.first[column].get(r)).collect();
    values[row] += delta;
    witness.first[column] = IntColumn::new(&values);
}

/// Sets a cell of the first phase.
pub fn set(witness: &mut Witness, column: usize, row: usize, value: i64) {
    let before = witness.first[column].get(row);
    add(witness, column, row, value - before);
}

/// Makes the high limbs fit the cells again.
pub fn limbs(layout: &Layout, witness: &mut Witness) {
    let (ranges, high) = (layout.shape.ranges(), layout.shape.columns().lookups.high);
    for (range, column) in ranges.iter().zip(high) {
        let value = |row: usize| range.iter().map(|&(c, factor)| factor * witness.first[c].get(row)).sum::<i64>();
        let values: Vec<i64> = (0..layout.usable_rows()).map(|row| value(row) >> layout.shape.table_bits()).collect();
        witness.first[column] = IntColumn::new(&values);
    }
}

/// Counts the lookups of a first phase again; answers the number of lookups that are in no table.
pub fn recount_all(layout: &Layout, witness: &mut Witness) -> usize {
    let (a, f) = (layout.shape.columns(), layout.shape.columns());
    let fixed = |c: Option<usize>, row: usize| c.map_or(0, |c| layout.fixed[c].get(row));
    let cell = |c: usize, row: usize| witness.first[c].get(row);
    let mut table = BTreeMap::new();
    for row in 0..layout.usable_rows() {
        let l = &f.lookups;
        let key = (fixed(Some(l.table), row), fixed(l.table_value, row), fixed(l.table_tag, row), fixed(l.table_second, row));
        table.entry(key).or_insert(row);
    }
    let (mut counts, mut missing) = (vec![0i64; layout.usable_rows()], 0);
    let lookups = layout.shape.range_lookups();
    for row in 0..layout.usable_rows() {
        let range = |entry: &Vec<(usize, i64)>| (entry.iter().map(|&(c, factor)| factor * cell(c, row)).sum::<i64>(), 0, 0, 0);
        let mut entries: Vec<(i64, i64, i64, i64)> = lookups.iter().map(range).collect();
        for lane in (0..layout.shape.lanes).filter(|_| layout.shape.tables) {
            entries.push((cell(a.units.r[lane], row), 0, 0, 0));
            let second = a.units.f2.get(lane).map_or(0, |&f2| cell(f2, row));
            let wanted = fixed(Some(f.units.table_mask[lane]), row) == 1;
            entries.push(if wanted {
                (cell(a.units.u[lane], row), cell(a.units.f[lane], row), fixed(f.units.tag, row), second)
            } else {
                (0, 0, 0, 0)
            });
        }
        for entry in entries {
            match table.get(&entry) {
                Some(&index) => counts[index] += 1,
                None => missing += 1,
            }
        }
    }
    witness.first[a.lookups.multiplicity] = IntColumn::new(&counts);
    missing
}

/// Counts the lookups of a first phase again; none if a value is in no table.
pub fn recount(layout: &Layout, witness: &mut Witness) -> Option<()> {
    (recount_all(layout, witness) == 0).then_some(())
}

/// The cell that the instance copies as its value `index`.
pub fn public_cell(layout: &Layout, index: usize) -> Cell {
    let instance = Cell { place: Place::Instance, row: index as u32 };
    layout.copies.iter().find(|(_, to)| *to == instance).map(|(from, _)| *from).unwrap()
}

/// The lane and row of a public value that lies in one of these columns.
pub fn public_lane(layout: &Layout, index: usize, columns: &[usize]) -> (usize, usize) {
    let cell = public_cell(layout, index);
    let lane = columns.iter().position(|&c| cell.place == Place::Advice(c as u16));
    (lane.unwrap(), cell.row as usize)
}

/// Carries changed cells of the first phase along the copies, to other cells and to the instance.
pub fn spread(layout: &Layout, witness: &mut Witness) {
    let first = layout.shape.columns().num_first_phase;
    for (from, to) in &layout.copies {
        let (Place::Advice(column), row) = (from.place, from.row as usize) else { continue };
        if usize::from(column) >= first {
            continue;
        }
        let value = witness.first[usize::from(column)].get(row);
        match to.place {
            Place::Advice(to_column) if usize::from(to_column) < first => {
                set(witness, usize::from(to_column), to.row as usize, value);
            }
            Place::Instance => witness.instance[to.row as usize] = value,
            _ => {}
        }
    }
}
