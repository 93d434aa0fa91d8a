//! Liars about the shift of a row of scores and about the factor of a normalised row: everything else fits the lie.

use super::build::lie::{caught, By};
use super::*;
use crate::layout::Step;
use crate::ops::Cells;

/// The witness of a node whose cells and tensor are others.
fn lying(case: &Case, change: impl FnOnce(&mut [Cells], &mut [i32])) -> Witness {
    let Case { graph, layout, inputs, node } = case;
    let mut evaluation = Evaluation::new(graph, layout, inputs).unwrap();
    change(&mut evaluation.cells[node.0], &mut evaluation.tensors[node.0]);
    let first = first::columns(graph, layout, &evaluation);
    let honest = Witness::new(graph, layout, inputs).unwrap();
    let public = layout.public.iter().flat_map(|tensor| evaluation.tensors[tensor.node.0].iter().map(|&v| i64::from(v)));
    Witness { first, instance: public.collect(), ..honest }
}

/// A graph that ends in the node of the lie.
struct Case {
    graph: QuantGraph,
    layout: Layout,
    inputs: Vec<Vec<i32>>,
    node: NodeId,
}

impl Case {
    fn new(graph: QuantGraph, inputs: Vec<Vec<i32>>) -> Self {
        let layout = Layout::new(&graph, VISIBILITY).unwrap();
        let node = graph.outputs[0].node;
        Self { graph, layout, inputs, node }
    }
}

fn values(cells: &mut Cells) -> &mut Vec<i64> {
    match cells {
        Cells::Slots(values) | Cells::Elements(values) | Cells::Values(values) => values,
    }
}

#[test]
fn a_row_has_one_shift() {
    let mut b = Build::new(9, 30);
    let x = b.input(&[2, 4]);
    let y = b.softmax_of(x);
    let (graph, inputs) = b.finish(&[y]);
    let case = Case::new(graph, vec![vec![0; inputs[0].len()]]);
    let Op::Softmax(softmax) = &case.graph.node(case.node).op else { panic!() };
    let table = &case.graph.tables[softmax.table];
    let shift = case.graph.node(case.node).shift;
    let step = case.layout.steps.iter().filter_map(Step::units).find(|step| step.node == case.node && step.part == 0).unwrap();
    let size = step.slots.block_rows * case.layout.shape.lanes;
    for delta in [1, -1] {
        let mut lie = lying(&case, |cells, tensor| {
            let slots = values(&mut cells[0]);
            let (mut now, mut later) = (0, 0);
            for (j, e) in tensor[..4].iter_mut().enumerate() {
                let slot = &mut slots[(j + 1) * size - 2];
                *slot += delta << shift;
                let z: usize = fit((*slot + (1 << shift >> 1)) >> shift);
                *e = table.values[z];
                (now, later) = (now + i64::from(*e), later + i64::from(table.second[z]));
            }
            values(&mut cells[1])[0] += delta;
            values(&mut cells[2])[0] = now;
            values(&mut cells[3])[0] = -later;
        });
        assert_eq!(caught(&case.layout, &mut lie), By::Lookup, "{delta:+}");
    }
}

#[test]
fn a_row_has_one_factor() {
    let mut b = Build::new(8, 31);
    let x = b.input(&[2, 3]);
    let y = b.norm(x);
    let (graph, inputs) = b.finish(&[y]);
    let case = Case::new(graph, inputs);
    let Op::Norm(norm) = &case.graph.node(case.node).op else { panic!() };
    let row: Vec<i64> = case.inputs[0][..3].iter().map(|&x| x.into()).collect();
    let squares = i128::from(row.iter().map(|x| x * x).sum::<i64>() + norm.epsilon);
    let squared = i128::from(norm.constant) * i128::from(norm.constant);
    let (bits, shift) = (case.graph.bits, case.graph.node(case.node).shift);
    for delta in [1, -1] {
        let mut lie = lying(&case, |cells, tensor| {
            let factor = values(&mut cells[1])[0] + delta;
            values(&mut cells[1])[0] = factor;
            for (i, &x) in row.iter().enumerate() {
                values(&mut cells[0])[i] = factor * x;
                tensor[i] = fit((factor * x + (1 << shift >> 1)) >> shift);
            }
            let g = i128::from(factor);
            let differences = [squared - g * g * squares, (g + 1) * (g + 1) * squares - squared - 1];
            for (part, mut difference) in [2, 3].into_iter().zip(differences) {
                let limbs = values(&mut cells[part]);
                let count = limbs.len() / 2;
                for limb in &mut limbs[..count] {
                    *limb = fit(difference.rem_euclid(1 << bits));
                    difference = difference.div_euclid(1 << bits);
                }
            }
        });
        assert_eq!(caught(&case.layout, &mut lie), By::Gate, "{delta:+}");
    }
}
