//! The fast first phase equals the plain one, and does not depend on the number of threads.

mod attention;
#[path = "../../tests/build/mod.rs"]
mod build;

use build::{Build, ConvSpec};
use proptest::prelude::*;

use super::{first, reference};
use super::{Evaluation, Witness};
use crate::column::IntColumn;
use crate::error::{GraphError, WitnessError};
use crate::graph::*;
use crate::layout::{Choice, Layout, Visibility};
use crate::number::fit;

const VISIBILITY: Visibility = Visibility { input: true, pack_public: false };

fn plain(graph: &QuantGraph, layout: &Layout, inputs: &[Vec<i32>]) -> Result<Vec<IntColumn>, WitnessError> {
    let columns = reference::columns(graph, layout, &graph.evaluate(inputs)?)?;
    Ok(columns.iter().map(|c| IntColumn::new(c)).collect())
}

fn with_threads<T: Send>(threads: usize, f: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}

/// Tensors and columns, or the error, with one thread and with three.
fn check(graph: &QuantGraph, layout: &Layout, inputs: &[Vec<i32>]) {
    let expected = plain(graph, layout, inputs);
    for threads in [1, 3] {
        let witness = with_threads(threads, || Witness::new(graph, layout, inputs));
        assert_eq!(witness.as_ref().map(|w| &w.first), expected.as_ref());
        if expected.is_ok() {
            let evaluation = with_threads(threads, || Evaluation::new(graph, layout, inputs)).unwrap();
            assert_eq!(Ok(evaluation.tensors), graph.evaluate(inputs));
        }
    }
}

/// The layout of a choice of lanes, in one limb or two.
fn restored(graph: &QuantGraph, lanes: usize) -> Option<Layout> {
    let layout = |log_rows, limbs| Layout::restore(graph, VISIBILITY, Choice { log_rows, lanes, weight_lanes: 4, limbs, pack: 1 }).ok();
    (4..=14).find_map(|log_rows| layout(log_rows, 2).or_else(|| layout(log_rows, 1)))
}

/// Checks until every value is in its range; all the errors on the way are compared too.
fn check_all(graph: &QuantGraph, inputs: &mut [Vec<i32>], lanes: usize) {
    let layouts = [Layout::new(graph, VISIBILITY).ok(), restored(graph, lanes)];
    for layout in layouts.iter().flatten() {
        let mut inputs = inputs.to_vec();
        for _ in 0..graph.bits {
            check(graph, layout, &inputs);
            if graph.evaluate(&inputs).is_ok() {
                break;
            }
            inputs.iter_mut().flatten().for_each(|v| *v /= 2);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_graphs(seed in any::<u64>(), bits in 4u32..13, lanes in 1usize..7) {
        let (graph, mut inputs) = Build::any_graph(bits, seed);
        check_all(&graph, &mut inputs, lanes);
    }
}

/// A convolution with weights of a size, on an image of more slots than a pass takes.
fn convolution(bits: u32, channels: [usize; 2], groups: usize, spec: ConvSpec, size: i64) -> (QuantGraph, Vec<Vec<i32>>) {
    let mut b = Build::new(bits, 7);
    let x = b.input(&[2, channels[0], 7, 9]);
    let y = b.conv(x, channels[1], spec.grouped(groups), Activation::Relu);
    let mut rng = build::Rng(3);
    if let Op::Linear(Linear { terms, .. }) = &mut b.graph.nodes[y.0].op {
        let Term::Conv(conv) = &mut terms[0] else { return b.finish(&[y]) };
        build::change_weights(conv, |w| w.iter_mut().for_each(|w| *w = fit(rng.int(-size, size))));
    }
    b.finish(&[y])
}

/// Weights of 8, 16 and 32 bits, and sums that fit 32 bits whole, in runs, or not at all.
#[test]
fn widths_of_weights() {
    for size in [1, 100, 4000, 32767, 1 << 20, i64::from(i32::MAX)] {
        for (bits, channels, groups) in [(15, [3, 17], 1), (12, [12, 8], 4), (8, [6, 6], 6), (4, [40, 9], 1)] {
            let spec = ConvSpec { kernel: [3, 2], stride: [2, 1], pad: [1, 1, 0, 2], dilation: [1, 2], groups: 1 };
            for spec in [spec, ConvSpec::square(3, 1, 1)] {
                let (graph, mut inputs) = convolution(bits, channels, groups, spec, size);
                check_all(&graph, &mut inputs, 3);
                // Every slot, whether or not the tensor is in its range.
                for input in &mut inputs {
                    input.iter_mut().for_each(|v| *v = (1 << (bits - 1)) - 1);
                }
                check_all(&graph, &mut inputs, 2);
            }
        }
    }
}

/// The accumulators of all slots of layers whose tensors are far outside of their range.
#[test]
fn accumulators_of_any_size() {
    for size in [100, 4000, 32767, i64::from(i32::MAX)] {
        let (graph, inputs) = convolution(15, [5, 11], 1, ConvSpec::square(3, 1, 1), size);
        let layout = Layout::new(&graph, VISIBILITY).unwrap();
        for step in &layout.steps {
            let crate::layout::Step::Units(step) = step else { continue };
            let (Op::Linear(linear), Some(flat)) = (&graph.node(step.node).op, &step.flat) else { continue };
            let size = step.slots.block_rows * layout.shape.lanes;
            let args = [inputs[0].as_slice()];
            let sums = crate::ops::linear::sums::flat_sums(linear, flat, &args, size);
            assert_eq!(sums, reference::convolve_flat(&graph, step, flat, &args, size));
        }
    }
}

/// A dense layer whose output is one position, as a matrix and as a convolution of the whole image.
#[test]
fn vectors() {
    for size in [3, 900, 40000] {
        let mut b = Build::new(12, 5);
        let x = b.input(&[1, 3, 4, 5]);
        let whole = ConvSpec { kernel: [4, 3], stride: [3, 5], pad: [1, 0, 0, 2], dilation: [1, 2], groups: 1 };
        let y = b.conv(x, 7, whole, Activation::Relu);
        let flat = b.flatten(x);
        let z = b.dense(flat, 19, Activation::None);
        for id in [y, z] {
            if let Op::Linear(Linear { terms, .. }) = &mut b.graph.nodes[id.0].op {
                let mut rng = build::Rng(fit(size));
                let Term::Conv(conv) = &mut terms[0] else { continue };
                build::change_weights(conv, |w| w.iter_mut().for_each(|w| *w = fit(rng.int(-size, size))));
            }
        }
        let (graph, mut inputs) = b.finish(&[y, z]);
        check_all(&graph, &mut inputs, 4);
    }
}

/// A value in no table names its row, the first of them.
#[test]
fn values_in_no_table() {
    let mut b = Build::new(8, 9);
    let x = b.input(&[1, 2, 30, 30]);
    let tanh = b.table(f64::tanh);
    let y = b.conv(x, 2, ConvSpec::square(3, 1, 1), tanh);
    let (graph, mut inputs) = b.finish(&[y]);
    inputs[0].iter_mut().for_each(|v| *v /= 8);
    let layout = Layout::new(&graph, VISIBILITY).unwrap();
    let mut witness = Witness::without_multiplicities(&graph, &layout, &inputs).unwrap();
    let advice = layout.shape.columns();
    assert!(witness.first[advice.lookups.multiplicity].is_empty());
    assert!(witness.count(&layout, &graph).is_ok());
    let mut put = |column: usize, row: usize, value: i64| {
        let mut values = witness.first[column].to_vec();
        values.resize(values.len().max(row + 1), 0);
        values[row] = value;
        witness.first[column] = IntColumn::new(&values);
        witness.count(&layout, &graph).unwrap_err()
    };
    let last = layout.usable_rows() - 1;
    assert_eq!(put(advice.units.r[0], last, 256), WitnessError::NotInTable { row: last, value: 256 });
    assert_eq!(put(advice.units.r[0], last - 3, -5), WitnessError::NotInTable { row: last - 3, value: -5 });
    // In a row, lookups of the range table come before those of function tables.
    let row = layout.unit_rows(y).unwrap().start + 40;
    let error = put(advice.units.u[0], row, 99_999);
    let v = witness_v(&layout, &graph, &inputs, row);
    assert_eq!(error, WitnessError::NotInTable { row, value: 99_999 + v });
}

fn witness_v(layout: &Layout, graph: &QuantGraph, inputs: &[Vec<i32>], row: usize) -> i64 {
    let evaluation = Evaluation::new(graph, layout, inputs).unwrap();
    first::columns(graph, layout, &evaluation)[layout.shape.columns().units.v[0]].get(row)
}

/// A value outside its range names its node, and is the first of the tensor.
#[test]
fn values_outside_their_range() {
    let (graph, inputs) = convolution(8, [3, 5], 1, ConvSpec::square(3, 1, 1), 120);
    let layout = Layout::new(&graph, VISIBILITY).unwrap();
    let expected = graph.evaluate(&inputs).unwrap_err();
    assert!(matches!(expected, GraphError::OutOfRange { .. }));
    for threads in [1, 3] {
        let actual = with_threads(threads, || Witness::new(&graph, &layout, &inputs)).unwrap_err();
        assert_eq!(actual, WitnessError::Graph(expected.clone()));
    }
}
