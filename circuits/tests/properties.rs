//! Random graphs: the honest witness holds and shows the interpreter's outputs; every wanted output is bound by the identity of
//! its layer; a layer computed with another weight is rejected.

mod build;

use build::satisfied::Assignment;
use build::{lie, Build};
use halo2_proofs::dev::MockProver;
use halo2_proofs::halo2curves::bn256::Fr;
use proptest::prelude::*;
use sworn_circuits::circuit::SwornCircuit;
use sworn_circuits::error::{GraphError, LayoutError, WitnessError};
use sworn_circuits::graph::*;
use sworn_circuits::layout::{Choice, Layout, Visibility};
use sworn_circuits::shape::Place;
use sworn_circuits::witness::Witness;

const VISIBILITY: Visibility = Visibility { input: false, pack_public: false };

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// The witness of a graph; inputs are made smaller until every value is in its range.
fn witness(graph: &QuantGraph, layout: &Layout, inputs: &mut [Vec<i32>]) -> Option<Witness> {
    for _ in 0..graph.bits {
        match Witness::new(graph, layout, inputs) {
            Ok(witness) => return Some(witness),
            Err(WitnessError::Graph(GraphError::OutOfRange { .. })) => {}
            Err(error) => panic!("{error}"),
        }
        inputs.iter_mut().flatten().for_each(|v| *v /= 2);
    }
    None
}

/// Layouts of a graph: the chosen one and another; none for a graph whose maxima are too wide.
fn layouts(graph: &QuantGraph, lanes: usize, weight_lanes: usize) -> Vec<Layout> {
    let chosen = match Layout::new(graph, VISIBILITY) {
        Ok(layout) => layout,
        Err(LayoutError::Graph(GraphError::Malformed { rule: "values of a maximum span less than 2^bits", .. })) => return Vec::new(),
        Err(error) => panic!("{error}"),
    };
    let restored = |log_rows, limbs| Layout::restore(graph, VISIBILITY, Choice { log_rows, lanes, weight_lanes, limbs, pack: 1 }).ok();
    let other = (4..=12).find_map(|log_rows| restored(log_rows, 2).or_else(|| restored(log_rows, 1)));
    std::iter::once(chosen).chain(other).collect()
}

/// Whether the identities whose result lies in these rows hold.
fn identities_hold(assignment: &Assignment<'_>, rows: &std::ops::Range<usize>) -> bool {
    let dot = Place::Advice(assignment.layout.shape.columns().weights.dot as u16);
    let own = |row: u32| rows.contains(&(row as usize));
    let mut copies = assignment.layout.copies.iter().filter(|(from, to)| to.place == dot && own(from.row));
    copies.all(|(from, to)| assignment.value(*from) == assignment.value(*to))
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn honest_witnesses_hold(seed in any::<u64>(), bits in 4u32..9, lanes in 1usize..7, weight_lanes in 1usize..9) {
        let (graph, mut inputs) = Build::any_graph(bits, seed);
        for layout in layouts(&graph, lanes, weight_lanes) {
            let Some(witness) = witness(&graph, &layout, &mut inputs) else { return Ok(()) };
            let tensors = graph.evaluate(&inputs).unwrap();
            let outputs: Vec<i64> = graph.outputs.iter().flat_map(|output| tensors[output.node.0].iter().map(|&v| i64::from(v))).collect();
            prop_assert_eq!(&witness.instance, &outputs);
            let mut assignment = Assignment::new(&layout, &witness);
            prop_assert!(assignment.holds());
            for index in 0..assignment.instance.len() {
                assignment.instance[index] += Fr::from(1);
                prop_assert!(!assignment.copies_hold());
                assignment.instance[index] -= Fr::from(1);
            }
        }
    }
}

proptest! {
    #![proptest_config(config(40))]

    /// Adding 1 to the quotient, or the remainder, of any wanted output breaks the identity of its own layer.
    #[test]
    fn identities_bind_every_output(seed in any::<u64>(), lanes in 1usize..6, weight_lanes in 1usize..5) {
        let (graph, mut inputs) = Build::any_graph(4, seed);
        let Some(layout) = layouts(&graph, lanes, weight_lanes).pop() else { return Ok(()) };
        let Some(honest) = witness(&graph, &layout, &mut inputs) else { return Ok(()) };
        let mut assignment = Assignment::new(&layout, &honest);
        let (a, f) = (layout.shape.columns(), layout.shape.columns());
        for (index, node) in graph.nodes.iter().enumerate().filter(|(_, n)| matches!(n.op, Op::Linear(_) | Op::Reduce(_))) {
            let rows = layout.unit_rows(NodeId(index)).unwrap();
            let mut wanted = 0;
            for row in rows.clone() {
                for lane in 0..layout.shape.lanes {
                    let mask = |columns: &[usize]| columns.get(lane).is_some_and(|&c| layout.fixed[c].get(row) == 1);
                    if !mask(&f.units.mask) && !mask(&f.units.table_mask) {
                        continue;
                    }
                    wanted += 1;
                    let column = if (row + lane) % 2 == 0 { a.units.u[lane] } else { a.units.r[lane] };
                    assignment.assign(&lie::with(&honest, column, row, 1));
                    prop_assert!(!identities_hold(&assignment, &rows), "node {}, row {}, lane {}", index, row, lane);
                }
            }
            prop_assert_eq!(wanted, node.elements());
        }
    }
}

proptest! {
    #![proptest_config(config(400))]

    /// A witness of the same graph with one other weight, constant or table value is rejected, unless every output is the same.
    #[test]
    fn other_models_are_rejected(seed in any::<u64>(), lanes in 1usize..6, choice in any::<u64>()) {
        let (graph, mut inputs) = Build::any_graph(6, seed);
        let Some(layout) = layouts(&graph, lanes, 4).pop() else { return Ok(()) };
        let Some(honest) = witness(&graph, &layout, &mut inputs) else { return Ok(()) };
        let mut other = graph.clone();
        let mut rng = build::Rng(choice);
        let mut index = |n: usize| rng.int(0, n as i64 - 1) as usize;
        let nodes = graph.nodes.len();
        let delta = 1 << (graph.bits - 1);
        match &mut other.nodes[index(nodes)].op {
            Op::Linear(linear) => {
                let term = index(linear.terms.len());
                match &mut linear.terms[term] {
                    Term::Scale(factor) => *factor += delta,
                    Term::Conv(conv) => {
                        let at = index(conv.weights.len());
                        build::change_weights(conv, |weights| weights[at] += delta);
                    }
                }
            }
            Op::Reduce(reduce) => reduce.factor += delta,
            Op::Elementwise(e) => e.c[0] += 1 << graph.bits,
            _ => return Ok(()),
        }
        let Ok(mut lying) = Witness::new(&other, &layout, &inputs) else { return Ok(()) };
        if lying.instance == honest.instance {
            return Ok(());
        }
        lie::recount(&layout, &mut lying);
        prop_assert!(!Assignment::new(&layout, &lying).holds())
    }
}

#[test]
fn mock_prover_agrees() {
    for seed in 0..12 {
        let (graph, mut inputs) = Build::any_graph(5, seed);
        let Some(layout) = layouts(&graph, 3, 2).pop() else { continue };
        let Some(witness) = witness(&graph, &layout, &mut inputs) else { continue };
        let circuit = SwornCircuit { layout: &layout, witness: Some(&witness) };
        let prover = MockProver::run(layout.log_rows, &circuit, vec![witness.instance()]).unwrap();
        assert!(prover.verify().is_ok(), "seed {seed}");
    }
}
