//! Packed public values: what they are, that they cost no column, and the lies that are rejected.
#![expect(clippy::unwrap_used, reason = "tests")]

mod build;

use build::lie::{add, recount_all};
use build::satisfied::Assignment;
use build::{Build, ConvSpec};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::dev::MockProver;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;
use proptest::prelude::*;
use sworn_circuits::circuit::SwornCircuit;
use sworn_circuits::error::{GraphError, LayoutError};
use sworn_circuits::field::embed;
use sworn_circuits::graph::*;
use sworn_circuits::layout::packing::PACKED_BITS;
use sworn_circuits::layout::{Choice, Layout, Visibility};
use sworn_circuits::shape::{Cell, Place};
use sworn_circuits::witness::Witness;

const PACKED: Visibility = Visibility { input: true, pack_public: true };
const OUTPUTS: Visibility = Visibility { input: false, pack_public: true };

/// `Σ v_i·B^i`, power by power.
fn packed(values: &[i64], width: u32) -> Fr {
    (0..).zip(values).map(|(i, &v)| embed(v) * Fr::from(2).pow_vartime([u64::from(width) * i])).sum()
}

fn satisfies_mock_prover(layout: &Layout, witness: &Witness) {
    let circuit = SwornCircuit { layout, witness: Some(witness) };
    let prover = MockProver::run(layout.log_rows, &circuit, vec![witness.instance()]).unwrap();
    assert!(prover.verify().is_ok());
}

/// Input, relu, table, maximum and constants are public.
fn every_kind() -> (QuantGraph, Vec<Vec<i32>>) {
    let mut b = Build::new(6, 81);
    let tanh = b.table(f64::tanh);
    let x = b.input(&[1, 1, 8, 8]);
    let y = b.conv(x, 2, ConvSpec::square(3, 1, 1), Activation::Relu);
    let m = b.max_pool(x, 2);
    let t = b.elementwise(y, None, 40, 0, 0, tanh);
    let sources = vec![Source::Constant(-63), Source::Element { input: 0, index: 3 }, Source::Constant(63)];
    let c = b.push("constants", Op::Gather(Gather { sources }), &[m], &[3]);
    b.finish(&[y, m, t, c])
}

#[test]
fn values_are_packed_by_their_ranges() {
    let (graph, inputs) = every_kind();
    let layout = Layout::new(&graph, PACKED).unwrap();
    let widths: Vec<(i32, u32)> = layout.public.iter().map(|t| t.packing.map(|p| (p.low, p.width)).unwrap()).collect();
    assert_eq!(widths, [(-32, 6), (0, 6), (-32, 6), (-24, 6), (-63, 7)]);
    let witness = Witness::new(&graph, &layout, &inputs).unwrap();
    satisfies_mock_prover(&layout, &witness);
    // 42 digits of 6 bits, 36 of 7 bits.
    let instance = witness.instance();
    assert_eq!(instance.len(), layout.num_instances);
    let tensors = graph.evaluate(&inputs).unwrap();
    let wide = |id: usize| tensors[id].iter().map(|&v| i64::from(v)).collect::<Vec<_>>();
    let runs = |id: NodeId| wide(id.0).chunks(42).map(|run| packed(run, 6)).collect::<Vec<_>>();
    let [y, m, t, c] = std::array::from_fn(|i| graph.outputs[i].node);
    let expected = [runs(graph.inputs[0]), runs(y), runs(m), runs(t), vec![packed(&wide(c.0), 7)]].concat();
    assert_eq!(instance, expected);
}

/// One byte, as a boolean without packing has it.
#[test]
fn encodings_of_visibilities() {
    for (byte, input, pack) in [(0, false, false), (1, true, false), (2, false, true), (3, true, true)] {
        let visibility = Visibility { input, pack_public: pack };
        assert_eq!(postcard::to_stdvec(&visibility).unwrap(), [byte]);
        assert_eq!(postcard::from_bytes::<Visibility>(&[byte]).unwrap(), visibility);
    }
    assert!(postcard::from_bytes::<Visibility>(&[4]).is_err());
    assert_eq!(postcard::to_stdvec(&true).unwrap(), [1]);
}

/// The same columns and gates as without packing: only the permutation has other members.
#[test]
fn packing_costs_no_column() {
    let (graph, _) = every_kind();
    let layout = Layout::new(&graph, PACKED).unwrap();
    let plain = Layout::new(&graph, Visibility { pack_public: false, ..PACKED }).unwrap();
    assert_eq!(plain.num_instances, 64 + 128 + 16 + 128 + 3);
    assert_eq!(layout.num_instances, 2 + 4 + 1 + 4 + 1);
    let packed = Layout::restore(&graph, PACKED, layout.choice()).unwrap();
    let plain = Layout::restore(&graph, Visibility { pack_public: false, ..PACKED }, layout.choice()).unwrap();
    assert_eq!(packed.shape, plain.shape);
    assert_eq!(packed.estimate.weight_rows, plain.estimate.weight_rows + plain.num_instances);
    assert_eq!(packed.estimate.copies, packed.copies.len());
    assert_eq!(packed.estimate.permuted_columns, packed.shape.copied.len());
    let differ: Vec<usize> = (0..plain.fixed.len()).filter(|&c| plain.fixed[c] != packed.fixed[c]).collect();
    let f = plain.shape.columns();
    assert_eq!(differ, [*f.weights.lanes.last().unwrap(), f.weights.product, f.weights.hold]);
}

/// A tensor of inputs that is the output: every value of the range, at both ends and in every place.
#[test]
fn both_ends_of_the_range() {
    for bits in [4, 9, 15] {
        let mut b = Build::new(bits, 82);
        let digits = (PACKED_BITS / bits) as usize;
        let x = b.input(&[digits + 3]);
        let (graph, _) = b.finish(&[x]);
        let layout = Layout::new(&graph, OUTPUTS).unwrap();
        assert_eq!(layout.num_instances, 2);
        let (low, high) = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1);
        for ends in [[low, low], [high, high], [low, high], [high, low]] {
            let input: Vec<i32> = (0..digits + 3).map(|i| ends[i % 2]).collect();
            let witness = Witness::new(&graph, &layout, std::slice::from_ref(&input)).unwrap();
            satisfies_mock_prover(&layout, &witness);
            let wide: Vec<i64> = input.iter().map(|&v| i64::from(v)).collect();
            assert_eq!(witness.instance(), [packed(&wide[..digits], bits), packed(&wide[digits..], bits)]);
            // Σ (v_i − low)·B^i as an integer is below 2^253 < r.
            let shift = packed(&vec![i64::from(-low); digits], bits);
            let digits_only = (witness.instance()[0] + shift).to_repr();
            assert_eq!(digits_only.as_ref()[31] >> 5, 0);
        }
    }
}

/// What the second phase and the instance of a lying first phase are, and by what it is caught.
struct Lie<'a> {
    assignment: Assignment<'a>,
    missing: usize,
}

impl<'a> Lie<'a> {
    fn new(layout: &'a Layout, mut witness: Witness) -> Self {
        let missing = recount_all(layout, &mut witness);
        Self { assignment: Assignment::new(layout, &witness), missing }
    }

    /// All gates hold, but for the total of the lookups.
    fn gates_hold(&self) -> bool {
        self.assignment.holds_on(0..self.assignment.layout.usable_rows() - 1)
    }
}

/// The cells of the elements of the first packed value.
fn digits(layout: &Layout) -> Vec<(usize, usize)> {
    let factor = Place::Advice(layout.shape.columns().weights.factor as u16);
    let dot = Place::Advice(layout.shape.columns().weights.dot as u16);
    let end = layout.copies.iter().find(|(_, to)| *to == Cell { place: Place::Instance, row: 0 }).unwrap().0;
    assert_eq!(end.place, dot);
    let digits = layout.public[0].elements.min(layout.public[0].packing.unwrap().digits());
    let copied = |row: u32| layout.copies.iter().find(|(_, to)| *to == Cell { place: factor, row }).unwrap().0;
    let cell = |cell: Cell| match cell.place {
        Place::Advice(column) => (usize::from(column), cell.row as usize),
        other => panic!("{other:?}"),
    };
    (0..digits as u32).map(|i| cell(copied(end.row - i))).collect()
}

/// `v_0 + B` and `v_1 − 1`: the same public value of other digits. Only a lookup is in no table.
#[test]
fn wrapped_digits_of_units() {
    for activation in [None, Some(Activation::Relu)] {
        for bits in [5, 8] {
            let mut b = Build::new(bits, 83);
            let x = b.input(&[1, 6]);
            let y = activation.map_or(x, |activation| b.dense(x, 4, activation));
            let (graph, mut inputs) = b.finish(&[y]);
            while graph.evaluate(&inputs).is_err() {
                inputs[0].iter_mut().for_each(|v| *v /= 2);
            }
            let layout = Layout::new(&graph, OUTPUTS).unwrap();
            let honest = Witness::new(&graph, &layout, &inputs).unwrap();
            let cells = digits(&layout);
            for (sign, pair) in [1, -1].into_iter().zip(cells.windows(2)) {
                let mut lying = honest.clone();
                add(&mut lying, pair[0].0, pair[0].1, sign << bits);
                add(&mut lying, pair[1].0, pair[1].1, -sign);
                // The accumulators stay what they were: the remainder takes the rest.
                let a = layout.shape.columns();
                for (&(column, row), delta) in pair.iter().zip([-sign << (2 * bits), sign << bits]) {
                    let lane = a.units.u.iter().position(|&u| u == column).unwrap();
                    add(&mut lying, a.units.r[lane], row, delta);
                }
                build::lie::limbs(&layout, &mut lying);
                let lie = Lie::new(&layout, lying);
                assert_eq!(lie.assignment.instance, honest.instance(), "the statement is the honest one");
                assert!(lie.assignment.copies_hold());
                let (no_gate, relu) = (lie.gates_hold(), activation.is_some());
                // A relu of 0 with two parts breaks a gate too.
                assert!(no_gate || relu);
                assert!(lie.missing > 0);
                assert!(!lie.assignment.holds());
            }
        }
    }
}

#[test]
fn wrapped_digits_of_maxima_and_tables() {
    let mut b = Build::new(6, 84);
    let tanh = b.table(f64::tanh);
    let x = b.input(&[1, 1, 4, 6]);
    let y = b.max_pool(x, 2);
    let t = b.elementwise(x, None, 40, 0, 0, tanh);
    for output in [y, t] {
        let mut graph = b.graph.clone();
        graph.outputs = vec![Output::new(output, "y")];
        let inputs = vec![(0..24).map(|i| (i * 7) % 60 - 30).collect()];
        let layout = Layout::new(&graph, OUTPUTS).unwrap();
        let honest = Witness::new(&graph, &layout, &inputs).unwrap();
        let cells = digits(&layout);
        for pair in cells.windows(2) {
            let mut lying = honest.clone();
            add(&mut lying, pair[0].0, pair[0].1, 64);
            add(&mut lying, pair[1].0, pair[1].1, -1);
            let lie = Lie::new(&layout, lying);
            assert!(lie.assignment.copies_hold());
            assert_eq!(lie.assignment.instance, honest.instance(), "the statement is the honest one");
            assert!(!lie.assignment.holds());
            // A maximum is one of its operands, a table output a row of the table.
            assert_eq!((lie.gates_hold(), lie.missing > 0), if output == y { (false, true) } else { (true, true) });
        }
    }
}

/// Public values that no digits have: one more run, one more wrap of the field, the digits of another order.
#[test]
fn other_values_of_the_same_digits() {
    let mut b = Build::new(8, 85);
    let x = b.input(&[5]);
    let (graph, _) = b.finish(&[x]);
    let layout = Layout::new(&graph, OUTPUTS).unwrap();
    let input = [3, -128, 127, 0, 9];
    let honest = Witness::new(&graph, &layout, &[input.to_vec()]).unwrap();
    let assignment = Assignment::new(&layout, &honest);
    assert!(assignment.holds());
    let two = Fr::from(2);
    let reversed: Vec<i64> = input.iter().rev().map(|&v| i64::from(v)).collect();
    let shifted: Vec<i64> = input.iter().map(|&v| i64::from(v) + 128).collect();
    let p = assignment.instance[0];
    for wrong in [p + two.pow_vartime([40]), p - two.pow_vartime([40]), -p, p + Fr::ONE, packed(&reversed, 8), packed(&shifted, 8)] {
        let mut changed = assignment.clone();
        changed.instance[0] = wrong;
        assert!(!changed.copies_hold() && changed.holds_on(0..layout.usable_rows()));
        // With the sum that is copied there.
        let end = layout.copies.iter().find(|(_, to)| to.place == Place::Instance).unwrap().0;
        let Place::Advice(dot) = end.place else { panic!() };
        changed.advice[usize::from(dot)][end.row as usize] = wrong;
        assert!(changed.copies_hold() && !changed.holds_on(0..layout.usable_rows()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_graphs(seed in any::<u64>(), bits in 4u32..9, lanes in 1usize..7, weight_lanes in 1usize..9) {
        let (graph, mut inputs) = Build::any_graph(bits, seed);
        let chosen = match Layout::new(&graph, PACKED) {
            Err(LayoutError::Graph(GraphError::Malformed { rule: "values of a maximum span less than 2^bits", .. })) => return Ok(()),
            chosen => chosen.unwrap(),
        };
        while graph.evaluate(&inputs).is_err() {
            if inputs.iter().flatten().all(|&v| v == 0) {
                return Ok(());
            }
            inputs.iter_mut().flatten().for_each(|v| *v /= 2);
        }
        let restored = |log_rows| Layout::restore(&graph, PACKED, Choice { log_rows, lanes, weight_lanes, limbs: 1, pack: 1 }).ok();
        for layout in std::iter::once(chosen).chain((4..=13).find_map(restored)) {
            let witness = Witness::new(&graph, &layout, &inputs).unwrap();
            let mut assignment = Assignment::new(&layout, &witness);
            prop_assert!(assignment.holds());
            prop_assert_eq!(assignment.instance.len(), layout.num_instances);
            for index in 0..layout.num_instances {
                assignment.instance[index] += Fr::ONE;
                prop_assert!(!assignment.copies_hold());
                assignment.instance[index] -= Fr::ONE;
            }
        }
    }
}
