//! Lying witnesses, one or more for each gadget: changed where the liar gains something, carried along the copies to the public
//! outputs, with the lookups counted again and an honest second phase. Each is rejected.
#![expect(clippy::unwrap_used, reason = "tests")]

mod build;

use build::lie::{add, caught, limbs, public_lane, recount, set, spread, By};
use build::satisfied::Assignment;
use build::{Build, ConvSpec};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use sworn_circuits::field::embed;
use sworn_circuits::graph::*;
use sworn_circuits::groups::Columns;
use sworn_circuits::layout::{Layout, Visibility};
use sworn_circuits::shape::LOOKUPS_PER_HELPER;
use sworn_circuits::witness::Witness;

const VISIBILITY: Visibility = Visibility { input: false, pack_public: false };

struct Case {
    graph: QuantGraph,
    layout: Layout,
    honest: Witness,
    a: Columns,
}

impl Case {
    fn new((graph, inputs): (QuantGraph, Vec<Vec<i32>>)) -> Self {
        let layout = Layout::new(&graph, VISIBILITY).unwrap();
        let honest = Witness::new(&graph, &layout, &inputs).unwrap();
        assert!(Assignment::new(&layout, &honest).holds(), "the honest witness");
        let a = layout.shape.columns();
        Self { graph, layout, honest, a }
    }

    /// Asserts that a lie changes the public outputs and is rejected, and by what.
    fn rejects(&self, by: By, lie: impl Fn(&mut Witness)) {
        let mut lying = self.honest.clone();
        lie(&mut lying);
        spread(&self.layout, &mut lying);
        assert_ne!(lying.instance, self.honest.instance, "a lie that changes nothing");
        self.rejects_as_it_is(by, lying);
    }

    fn rejects_as_it_is(&self, by: By, mut lying: Witness) {
        assert_eq!(caught(&self.layout, &mut lying), by);
    }
}

fn dense(activation: Activation) -> Case {
    let mut b = Build::new(6, 51);
    let x = b.input(&[1, 4]);
    let y = b.dense(x, 5, activation);
    Case::new(b.finish(&[y]))
}

fn convolution(activation: Activation) -> Case {
    let mut b = Build::new(6, 52);
    let x = b.input(&[1, 1, 4, 3]);
    let y = b.conv(x, 2, ConvSpec::square(2, 1, 0), activation);
    Case::new(b.finish(&[y]))
}

/// A multiple of 2^s moves from the quotient to the remainder: the same accumulator, another output.
#[test]
fn remainder_moved_to_the_quotient() {
    for case in [dense(Activation::None), dense(Activation::Relu), convolution(Activation::None), convolution(Activation::Relu)] {
        let (index, _) = case.honest.instance.iter().enumerate().max_by_key(|(_, v)| **v).unwrap();
        let (lane, row) = public_lane(&case.layout, index, &case.a.units.u);
        for delta in [1, -1] {
            case.rejects(By::Lookup, |w| {
                add(w, case.a.units.u[lane], row, delta);
                add(w, case.a.units.r[lane], row, -delta << case.graph.bits);
            });
        }
    }
}

/// `q − 1/2^s` and `r + 1` are right in the field, and no integers: only the total of the lookups is wrong.
#[test]
fn quotient_in_the_field() {
    let case = dense(Activation::None);
    let (lane, row) = public_lane(&case.layout, 0, &case.a.units.u);
    for delta in [1i64, -1, 5] {
        let mut assignment = Assignment::new(&case.layout, &case.honest);
        let unit = Fr::from(1 << case.graph.bits).invert().unwrap();
        assignment.advice[case.a.units.u[lane]][row] -= embed(delta) * unit;
        assignment.advice[case.a.units.r[lane]][row] += embed(delta);
        assignment.instance[0] = assignment.advice[case.a.units.u[lane]][row];
        patch_lookups(&case, &mut assignment, row);
        assert!(assignment.copies_hold());
        assert!(assignment.holds_on(0..case.layout.usable_rows() - 1));
        assert!(!assignment.holds());
    }
}

/// Computes the helpers of a row again, and the running sum from there on.
fn patch_lookups(case: &Case, assignment: &mut Assignment<'_>, row: usize) {
    let [.., lambda] = assignment.challenges;
    let entry = |entry: &Vec<(usize, i64)>| lambda + entry.iter().map(|&(c, f)| assignment.advice[c][row] * embed(f)).sum::<Fr>();
    let inverses: Vec<Fr> = case.layout.shape.range_lookups().iter().map(|e| entry(e).invert().unwrap()).collect();
    let mut change = Fr::ZERO;
    for (chunk, &helper) in inverses.chunks(LOOKUPS_PER_HELPER).zip(&case.a.lookups.helpers) {
        let value = chunk.iter().sum::<Fr>();
        change += value - assignment.advice[helper][row];
        assignment.advice[helper][row] = value;
    }
    assignment.advice[case.a.lookups.phi][row..].iter_mut().for_each(|phi| *phi += change);
}

#[test]
fn relu_with_two_parts() {
    for case in [dense(Activation::Relu), convolution(Activation::Relu)] {
        for index in 0..case.honest.instance.len() {
            let (lane, row) = public_lane(&case.layout, index, &case.a.units.u);
            // Positive or negative: both parts grow by 1, and the difference stays.
            case.rejects(By::Gate, |w| {
                add(w, case.a.units.u[lane], row, 1);
                add(w, case.a.units.v[lane], row, 1);
            });
        }
    }
}

#[test]
fn relu_of_a_positive_value_as_zero() {
    for case in [dense(Activation::Relu), convolution(Activation::Relu)] {
        let index = case.honest.instance.iter().position(|&v| v > 0).unwrap();
        let (lane, row) = public_lane(&case.layout, index, &case.a.units.u);
        case.rejects(By::Lookup, |w| {
            set(w, case.a.units.u[lane], row, 0);
            set(w, case.a.units.v[lane], row, -case.honest.instance[index]);
        });
    }
}

#[test]
fn relu_of_a_negative_value_as_itself() {
    for case in [dense(Activation::Relu), convolution(Activation::Relu)] {
        let negative = |&index: &usize| {
            let (lane, row) = public_lane(&case.layout, index, &case.a.units.u);
            case.honest.first[case.a.units.v[lane]].get(row) > 0
        };
        let index = (0..case.honest.instance.len()).find(negative).unwrap();
        let (lane, row) = public_lane(&case.layout, index, &case.a.units.u);
        case.rejects(By::Lookup, |w| {
            let v = w.first[case.a.units.v[lane]].get(row);
            set(w, case.a.units.u[lane], row, -v);
            set(w, case.a.units.v[lane], row, 0);
        });
    }
}

/// A signed value with another offset reaches a wider range.
#[test]
fn offset_of_a_signed_value() {
    for case in [dense(Activation::None), convolution(Activation::None)] {
        let (lane, row) = public_lane(&case.layout, 1, &case.a.units.u);
        case.rejects(By::Gate, |w| {
            add(w, case.a.units.u[lane], row, 1);
            add(w, case.a.units.v[lane], row, 1);
        });
    }
}

#[test]
fn inputs_out_of_range() {
    let mut b = Build::new(6, 53);
    let x = b.input(&[1, 3]);
    let case = Case::new(b.finish(&[x]));
    let (lane, row) = public_lane(&case.layout, 1, &case.a.units.u);
    for value in [32, -33, 1 << 40] {
        case.rejects(By::Lookup, |w| set(w, case.a.units.u[lane], row, value));
        case.rejects(By::Gate, |w| {
            set(w, case.a.units.u[lane], row, value);
            set(w, case.a.units.v[lane], row, -value);
        });
    }
}

#[test]
fn wrong_table_rows() {
    let mut b = Build::new(5, 54);
    let tanh = b.table(f64::tanh);
    let other = b.table(|x| -x);
    let x = b.input(&[1, 4]);
    let y = b.dense(x, 3, tanh);
    let z = b.elementwise(x, None, 20, 0, 0, other);
    let case = Case::new(b.finish(&[y, z]));
    for index in 0..7 {
        let (lane, row) = public_lane(&case.layout, index, &case.a.units.f);
        let u = case.honest.first[case.a.units.u[lane]].get(row);
        let (own, foreign) = if index < 3 { (0, 1) } else { (1, 0) };
        let value = |table: usize, u: i64| i64::from(case.graph.tables[table].values[(u + 16) as usize]);
        for lie in [value(own, u) + 1, value(own, -16), value(foreign, u), u, 0] {
            if lie != value(own, u) {
                case.rejects(By::Lookup, |w| set(w, case.a.units.f[lane], row, lie));
            }
        }
    }
}

#[test]
fn wrong_multiplicities() {
    let mut b = Build::new(4, 55);
    let tanh = b.table(f64::tanh);
    let x = b.input(&[1, 4]);
    let y = b.dense(x, 3, tanh);
    for case in [Case::new(b.finish(&[y])), dense(Activation::Relu)] {
        for (up, down) in [(0, 1), (1, 0), (3, 9), (20, 2)] {
            let mut lying = case.honest.clone();
            add(&mut lying, case.a.lookups.multiplicity, up, 1);
            add(&mut lying, case.a.lookups.multiplicity, down, -1);
            assert!(!Assignment::new(&case.layout, &lying).holds());
        }
        // The range table's zero and a row behind the tables are one entry: counting either is right.
        let mut moved = case.honest.clone();
        add(&mut moved, case.a.lookups.multiplicity, 0, -1);
        add(&mut moved, case.a.lookups.multiplicity, case.layout.usable_rows() - 1, 1);
        let table_ends = case.layout.fixed[case.layout.shape.columns().lookups.table].len() < case.layout.usable_rows();
        assert_eq!(Assignment::new(&case.layout, &moved).holds(), table_ends);
    }
}

fn maxima() -> Case {
    let mut b = Build::new(6, 56);
    let x = b.input(&[1, 1, 4, 6]);
    let y = b.max_pool(x, 2);
    let z = b.max_pool(x, 3);
    Case::new(b.finish(&[y, z]))
}

#[test]
fn maximum_that_is_not_the_largest() {
    let case = maxima();
    let m = case.a.gather.as_ref().unwrap().max;
    for index in 0..case.honest.instance.len() {
        let (_, row) = public_lane(&case.layout, index, &[m]);
        for &g in &case.a.gather.as_ref().unwrap().values {
            let value = case.honest.first[g].get(row);
            if value != case.honest.instance[index] {
                case.rejects(By::Lookup, |w| set(w, m, row, value));
            }
        }
    }
}

#[test]
fn maximum_that_is_not_of_the_window() {
    let case = maxima();
    let m = case.a.gather.as_ref().unwrap().max;
    for index in 0..case.honest.instance.len() {
        let (_, row) = public_lane(&case.layout, index, &[m]);
        let largest_difference = case
            .a
            .gather
            .as_ref()
            .unwrap()
            .values
            .iter()
            .map(|&g| case.honest.instance[index] - case.honest.first[g].get(row))
            .max()
            .unwrap();
        if largest_difference < 63 {
            case.rejects(By::Gate, |w| add(w, m, row, 1));
        }
    }
}

/// A window element replaced by a larger one, with its maximum.
#[test]
fn gathered_values_are_their_sources() {
    let case = maxima();
    let m = case.a.gather.as_ref().unwrap().max;
    let (_, row) = public_lane(&case.layout, 2, &[m]);
    for &g in &case.a.gather.as_ref().unwrap().values {
        let mut lying = case.honest.clone();
        let value = case.honest.instance[2] + 1;
        set(&mut lying, g, row, value);
        set(&mut lying, m, row, value);
        lying.instance[2] = value;
        case.rejects_as_it_is(By::Copy, lying);
    }
}

/// Values of a tensor that is copied into another order for a layer.
#[test]
fn materialised_values_are_their_sources() {
    let mut b = Build::new(6, 57);
    let x = b.input(&[1, 1, 3, 3]);
    let y = b.conv(x, 1, ConvSpec::square(2, 1, 0), Activation::None);
    let z = b.conv(x, 1, ConvSpec::square(2, 2, 1), Activation::None);
    let case = Case::new(b.finish(&[y, z]));
    let fixed = case.layout.shape.columns();
    let mut copied = 0;
    for (lane, &g) in case.a.gather.as_ref().unwrap().values.iter().enumerate() {
        for row in 0..case.layout.usable_rows() {
            let masked = case.layout.fixed[fixed.gather.as_ref().unwrap().mask[lane]].get(row) == 1;
            let mut lying = case.honest.clone();
            let delta = if case.honest.first[g].get(row) > 0 { -1 } else { 1 };
            add(&mut lying, g, row, delta);
            let largest = case.a.gather.as_ref().unwrap().values.iter().map(|&g| lying.first[g].get(row)).max().unwrap();
            set(&mut lying, case.a.gather.as_ref().unwrap().max, row, largest);
            limbs(&case.layout, &mut lying);
            recount(&case.layout, &mut lying).unwrap();
            // A lane without a mask is read by nothing.
            assert_eq!(Assignment::new(&case.layout, &lying).holds(), !masked, "lane {lane}, row {row}");
            copied += usize::from(masked);
        }
    }
    assert_eq!(copied, 9);
}

/// Unwanted outputs are fixed by the identity too.
#[test]
fn border_values() {
    let case = convolution(Activation::Relu);
    let fixed = case.layout.shape.columns();
    let mut borders = 0;
    for row in case.layout.unit_rows(NodeId(1)).unwrap() {
        for lane in (0..case.layout.shape.lanes).filter(|&l| case.layout.fixed[fixed.units.mask[l]].get(row) == 0) {
            let mut lying = case.honest.clone();
            let delta = if case.honest.first[case.a.units.r[lane]].get(row) > 0 { -1 } else { 1 };
            add(&mut lying, case.a.units.r[lane], row, delta);
            case.rejects_as_it_is(By::Copy, lying);
            borders += 1;
        }
    }
    assert!(borders > 0);
}

/// An unwanted output cannot make up for a wanted one.
#[test]
fn border_values_do_not_compensate() {
    let case = convolution(Activation::None);
    let fixed = case.layout.shape.columns();
    let (lane, row) = public_lane(&case.layout, 5, &case.a.units.u);
    for border in case.layout.unit_rows(NodeId(1)).unwrap() {
        for other in (0..case.layout.shape.lanes).filter(|&l| case.layout.fixed[fixed.units.mask[l]].get(border) == 0) {
            for delta in [1, -1] {
                let mut lying = case.honest.clone();
                add(&mut lying, case.a.units.u[lane], row, 1);
                add(&mut lying, case.a.units.u[other], border, delta);
                add(&mut lying, case.a.units.v[other], border, delta.min(0));
                spread(&case.layout, &mut lying);
                assert!(!Assignment::new(&case.layout, &lying).copies_hold());
            }
        }
    }
}

/// The witness of a changed model in the layout of the model.
fn other_model(build: impl Fn(bool) -> (QuantGraph, Vec<Vec<i32>>)) {
    let case = Case::new(build(false));
    let (graph, inputs) = build(true);
    let layout = Layout::restore(&graph, VISIBILITY, case.layout.choice()).unwrap();
    let lying = Witness::new(&graph, &layout, &inputs).unwrap();
    assert!(Assignment::new(&layout, &lying).holds());
    assert_ne!(lying.instance, case.honest.instance);
    assert!(!Assignment::new(&case.layout, &lying).holds());
}

fn without_bias(graph: &mut QuantGraph) {
    for node in &mut graph.nodes {
        if let Op::Linear(linear) = &mut node.op {
            linear.bias.iter_mut().for_each(|b| *b = 0);
        }
    }
}

#[test]
fn biases_are_not_ignored() {
    other_model(|lie| {
        let mut b = Build::new(6, 58);
        let x = b.input(&[1, 4]);
        let y = b.dense(x, 5, Activation::None);
        let (mut graph, inputs) = b.finish(&[y]);
        if lie {
            without_bias(&mut graph);
        }
        (graph, inputs)
    });
    other_model(|lie| {
        let mut b = Build::new(6, 59);
        let x = b.input(&[1, 2, 3, 3]);
        let y = b.conv(x, 2, ConvSpec::square(3, 1, 1), Activation::Relu);
        let (mut graph, inputs) = b.finish(&[y]);
        if lie {
            without_bias(&mut graph);
        }
        (graph, inputs)
    });
}

#[test]
fn constants_are_fixed() {
    // A constant that is gathered: by a public output, by a dense layer, by an image, by a maximum, by an operand.
    for reader in 0..5 {
        other_model(|lie| {
            let mut b = Build::new(6, 60);
            let x = b.input(&[1, 1, 2, 2]);
            let constant = Source::Constant(if lie { 31 } else { 7 });
            let element = |index| Source::Element { input: 0, index };
            let sources = vec![element(0), constant, element(2), element(3)];
            let c = b.push("c", Op::Gather(Gather { sources }), &[x], &[1, 1, 2, 2]);
            let y = match reader {
                0 => c,
                1 => {
                    let flat = b.flatten(c);
                    b.push("ones", Op::Linear(ones(4)), &[flat], &[1, 1])
                }
                2 => b.conv(c, 1, ConvSpec::square(3, 1, 1), Activation::None),
                3 => b.max_pool(c, 2),
                _ => b.elementwise(c, None, 40, 0, 0, Activation::None),
            };
            let (graph, _) = b.finish(&[y]);
            (graph, vec![vec![3, 1, 2, 4]])
        });
    }
    // The constant of an element-wise operation.
    other_model(|lie| {
        let mut b = Build::new(6, 61);
        let x = b.input(&[3]);
        let e = Elementwise { ca: vec![20], cb: 0, cm: 0, c: vec![if lie { 640 } else { 64 }], activation: Activation::None };
        let y = b.push("e", Op::Elementwise(e), &[x], &[3]);
        b.finish(&[y])
    });
}

fn ones(inputs: usize) -> Linear {
    let conv = Conv::dense(vec![32; inputs]);
    Linear { channels: Channels::Last, terms: vec![Term::Conv(conv)], bias: vec![0], activation: Activation::None }
}

/// An operand that is not its source, with the right result of the wrong operands.
#[test]
fn operands_are_their_sources() {
    let mut b = Build::new(6, 62);
    let (x, y) = (b.input(&[3]), b.input(&[3]));
    let z = b.elementwise(x, Some(y), 10, 12, 1, Activation::None);
    let (graph, _) = b.finish(&[z]);
    let case = Case::new((graph.clone(), vec![vec![3, -9, 17], vec![20, 11, -5]]));
    let other = Witness::new(&graph, &case.layout, &[vec![3, -9, 30], vec![20, 11, -5]]).unwrap();
    let mut lying = other.clone();
    // The first input as it was; its copy as the liar likes it.
    let rows = case.layout.unit_rows(NodeId(0)).unwrap();
    for column in case.a.units.u.iter().chain(&case.a.units.v) {
        for row in rows.clone() {
            set(&mut lying, *column, row, case.honest.first[*column].get(row));
        }
    }
    assert_ne!(lying.instance, case.honest.instance);
    case.rejects_as_it_is(By::Copy, lying);
}

/// Two limbs: a high limb too large or too small by one.
#[test]
fn limbs_of_a_range() {
    let case = dense(Activation::None);
    assert_eq!(case.layout.shape.limbs, 2);
    for &high in &case.a.lookups.high {
        for row in 0..case.layout.usable_rows() {
            for delta in [1, -1] {
                let mut lying = case.honest.clone();
                add(&mut lying, high, row, delta);
                assert!(recount(&case.layout, &mut lying).is_none());
                assert!(!Assignment::new(&case.layout, &lying).holds());
            }
        }
    }
}
