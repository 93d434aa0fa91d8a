//! As many function tables as there are rows: each has a tag of its own.
#![expect(clippy::unwrap_used, reason = "tests")]

mod build;

use build::lie::{public_lane, recount_all, set, spread};
use build::Build;
use sworn_circuits::graph::{Activation, Op, QuantGraph, Table};
use sworn_circuits::layout::{Layout, Visibility};
use sworn_circuits::witness::Witness;

const VISIBILITY: Visibility = Visibility { input: false, pack_public: false };
/// What the first table answers, whatever it is asked.
const FIRST: i64 = 7;

/// A layer with the table `used` of so many, `q ↦ −q`. The first is constant, the others have one entry.
fn graph(used: usize, count: usize) -> (QuantGraph, Vec<Vec<i32>>) {
    let mut b = Build::new(4, 11);
    let activation = b.table(|x| -x);
    let x = b.input(&[1, 3]);
    let y = b.dense(x, 2, activation);
    let (mut graph, inputs) = b.finish(&[y]);
    let table = graph.tables.remove(0);
    let values = vec![i32::try_from(FIRST).unwrap(); table.values.len()];
    graph.tables = vec![Table { name: "filler".into(), first: 0, values: vec![0], second: vec![] }; count];
    graph.tables[0] = Table { name: "first".into(), first: table.first, values, second: vec![] };
    graph.tables[used] = table;
    for node in &mut graph.nodes {
        if let Op::Linear(linear) = &mut node.op {
            linear.activation = Activation::Table(used);
        }
    }
    (graph, inputs)
}

/// Tags of 16 bits would make the last tables the range table and the first function table again.
#[test]
fn a_table_is_not_taken_for_another() {
    for used in [65_535, 65_536] {
        let (graph, inputs) = graph(used, 65_537);
        let layout = Layout::new(&graph, VISIBILITY).unwrap();
        let (tag, lanes) = (layout.shape.columns().units.tag.unwrap(), layout.shape.columns().units.f);
        let honest = Witness::new(&graph, &layout, &inputs).unwrap();
        let expected: Vec<i64> = graph.evaluate(&inputs).unwrap().last().unwrap().iter().map(|&v| v.into()).collect();
        assert_eq!(honest.instance, expected);
        assert!(expected.iter().all(|&v| v != FIRST));
        let mut lying = honest.clone();
        for index in 0..expected.len() {
            let (lane, row) = public_lane(&layout, index, &lanes);
            assert_eq!(usize::try_from(layout.fixed[tag].get(row)).unwrap(), used + 1);
            set(&mut lying, lanes[lane], row, FIRST);
        }
        spread(&layout, &mut lying);
        assert_eq!(lying.instance, [FIRST; 2]);
        assert_eq!(recount_all(&layout, &mut honest.clone()), 0);
        assert_eq!(recount_all(&layout, &mut lying), 2, "lookups of the lie that are in no table");
    }
}
