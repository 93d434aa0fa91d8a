use proptest::prelude::*;
use sworn_circuits::column::IntColumn;

use super::*;
use crate::arbitrary::{arb_graph, arb_sample, Random};
use crate::calibrate::{calibrate, calibrate_within, Range};
use crate::graph::{Conv, Linear, Op, Source, Term};
use crate::quantize::{quantize, Quantised};
use crate::simplify::simplify;
use crate::unary::Unary;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    /// Honest circuits pass, calibrated on samples or for ranges; their records survive being written down.
    #[test]
    fn what_was_quantised_passes(seed: u64, steps in 1usize..9, bits in 6u32..=14, declared: bool) {
        let mut random = Random(seed);
        let graph = simplify(arb_graph(&mut random, steps));
        let ranges = match declared {
            true => calibrate_within(&graph, &[Range { min: -1.0, max: 1.5 }], None).unwrap().0,
            false => calibrate(&graph, &[arb_sample(&mut random, &graph)], None).unwrap(),
        };
        if let Ok(Quantised { graph: circuit, record, .. }) = quantize(&graph, &ranges, bits) {
            audit(&graph, &record, &circuit).unwrap();
            let text = serde_json::to_string(&record).unwrap();
            prop_assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
        }
    }
}

/// Convolution, tanh, concatenation with a constant, dense layer with relu, maximum.
fn model(weight: f32) -> Graph {
    let mut graph = Graph::default();
    let x = graph.push("x", Op::Input, vec![], vec![1, 1, 4, 4]);
    let weights = (0..9).map(|i| if i == 4 { weight } else { 0.1 * i as f32 - 0.3 }).collect();
    let conv = Conv { kernel: [3, 3], stride: [1, 1], pad_before: [0, 0], dilation: [1, 1], groups: 1, weights };
    let first = Linear { channels: quant::Channels::First, terms: vec![Term::Conv(conv)], bias: vec![0.25] };
    let a = graph.push("conv", Op::Linear(first), vec![x], vec![1, 1, 2, 2]);
    let b = graph.push("tanh", Op::Unary(Unary::Tanh), vec![a], vec![1, 1, 2, 2]);
    let sources = (0..4).rev().map(|index| Source::Element { input: 0, index }).chain([Source::Constant(0.5)]);
    let c = graph.push("flip", Op::Gather(sources.collect()), vec![b], vec![1, 5]);
    let dense = Conv {
        kernel: [1, 1],
        groups: 1,
        weights: (0..15).map(|i| 0.7 - 0.1 * i as f32).collect(),
        stride: [1, 1],
        pad_before: [0, 0],
        dilation: [1, 1],
    };
    let second = Linear { channels: quant::Channels::Last, terms: vec![Term::Conv(dense)], bias: vec![0.1, 0.2, -0.3] };
    let d = graph.push("dense", Op::Linear(second), vec![c], vec![1, 3]);
    let e = graph.push("relu", Op::Unary(Unary::Relu), vec![d], vec![1, 3]);
    let f = graph.push("max", Op::Max(quant::Max { window: 2, windows: vec![0, 1, 1, 2] }), vec![e], vec![1, 2]);
    graph.inputs = vec![x];
    graph.push_output("f", f);
    graph
}

fn honest() -> (Graph, Record, QuantGraph) {
    let graph = model(0.9);
    let sample = vec![(0..16).map(|i| 0.1 * i as f32 - 0.4).collect()];
    let Quantised { graph: circuit, record, .. } = quantize(&graph, &calibrate(&graph, &[sample], None).unwrap(), 11).unwrap();
    audit(&graph, &record, &circuit).unwrap();
    (graph, record, circuit)
}

fn node<'a>(circuit: &'a mut QuantGraph, name: &str) -> &'a mut quant::Node {
    circuit.nodes.iter_mut().find(|n| n.name == name).unwrap()
}

fn linear(node: &mut quant::Node) -> &mut quant::Linear {
    match &mut node.op {
        quant::Op::Linear(linear) => linear,
        other => panic!("{other:?}"),
    }
}

fn weight(linear: &mut quant::Linear, by: i32) {
    let [quant::Term::Conv(conv)] = &mut linear.terms[..] else { panic!() };
    let mut weights: Vec<i32> = conv.weights.to_vec().into_iter().map(|w| i32::try_from(w).unwrap()).collect();
    weights[3] += by;
    conv.weights = IntColumn::from(weights);
}

/// What a liar could change in a circuit, each by one, and which node and part the audit names.
#[test]
fn a_changed_circuit_is_refused_by_node() {
    let (graph, record, circuit) = honest();
    let table = circuit.tables.len() - 1;
    let changes: [(&str, &str, &dyn Fn(&mut QuantGraph)); 10] = [
        ("tanh", "a weight", &|c| weight(linear(node(c, "tanh")), 1)),
        ("relu", "a weight", &|c| weight(linear(node(c, "relu")), -1)),
        ("relu", "the bias", &|c| linear(node(c, "relu")).bias[1] += 1),
        ("tanh", "the table", &|c| c.tables[table].values[7] += 1),
        ("tanh", "the table", &|c| c.tables[table].first += 1),
        ("flip", "an element", &|c| match &mut node(c, "flip").op {
            quant::Op::Gather(gather) => gather.sources.swap(0, 1),
            other => panic!("{other:?}"),
        }),
        ("flip", "an element", &|c| match &mut node(c, "flip").op {
            quant::Op::Gather(gather) => gather.sources[4] = quant::Source::Constant(1),
            other => panic!("{other:?}"),
        }),
        ("max", "a window", &|c| match &mut node(c, "max").op {
            quant::Op::Max(max) => max.windows[3] = 1,
            other => panic!("{other:?}"),
        }),
        ("max", "the scale", &|c| node(c, "max").scale *= 1.5),
        ("relu", "the activation", &|c| linear(node(c, "relu")).activation = quant::Activation::None),
    ];
    for (name, part, change) in changes {
        let mut changed = circuit.clone();
        change(&mut changed);
        assert_ne!(changed, circuit);
        let error = audit(&graph, &record, &changed).unwrap_err();
        assert!(
            matches!(&error, AuditError::Differs { node, part: found } if node == name && found.starts_with(part)),
            "{name}, {part}: {error}"
        );
    }
    let mut longer = circuit.clone();
    longer.tables.push(longer.tables[table].clone());
    assert!(matches!(audit(&graph, &record, &longer), Err(AuditError::Record { .. })));
    let mut other = circuit.clone();
    other.nodes.truncate(3);
    assert!(matches!(audit(&graph, &record, &other), Err(AuditError::Nodes { .. })));
    // Another model, by one weight.
    let error = audit(&model(0.8), &record, &circuit).unwrap_err();
    assert!(matches!(&error, AuditError::Differs { node, part: "a weight" } if node == "tanh"), "{error}");
}

/// What a liar could write into a record. With the circuit that follows from it, it is refused all the same.
#[test]
fn a_record_chooses_nothing_but_resolution() {
    let (graph, record, _) = honest();
    let index = |name: &str| graph.nodes.iter().position(|n| n.name == name).unwrap();
    let [tanh, flip, relu, max] = ["tanh", "flip", "relu", "max"].map(index);
    let changes: [(&str, &str, &dyn Fn(&mut Record)); 10] = [
        ("flip", "passes on", &|r| r.scales.values[flip] *= 2.0),
        ("max", "passes on", &|r| r.scales.values[max] *= 2.0),
        ("relu", "positive", &|r| r.scales.values[relu] = -1.0),
        ("relu", "positive", &|r| r.scales.values[relu] = f64::NAN),
        ("tanh", "cut off", &|r| (r.scales.values[tanh], r.scales.values[flip]) = (1e-5, 1e-5)),
        ("tanh", "missing", &|r| r.scales.tables[tanh] = None),
        ("relu", "no function", &|r| r.scales.tables[relu] = r.scales.tables[tanh]),
        ("tanh", "domain", &|r| r.scales.tables[tanh].as_mut().unwrap().0.low = f64::INFINITY),
        ("tanh", "scale", &|r| r.scales.tables[tanh].as_mut().unwrap().1.scale = 0.0),
        ("tanh", "scale", &|r| r.scales.tables[tanh].as_mut().unwrap().1.offset = i64::MIN),
    ];
    let plan = Plan::new(&graph);
    for (name, rule, change) in changes {
        let mut changed = record.clone();
        change(&mut changed);
        let error =
            audit(&graph, &changed, &QuantGraph { bits: 8, nodes: vec![], inputs: vec![], outputs: vec![], tables: vec![] }).unwrap_err();
        assert!(
            matches!(&error, AuditError::Choice { node, rule: found } if node == name && found.contains(rule)),
            "{name}, {rule}: {error}"
        );
    }
    // A mean beyond the tensor's integers is the largest of them; one within is a choice, and moves the biases alone, by less than n/2 steps.
    let follow = |means: i64| {
        let mut changed = record.clone();
        changed.means.iter_mut().flatten().for_each(|mean| *mean = means);
        let circuit = emit(&graph, &plan, changed.clone()).unwrap().graph;
        audit(&graph, &changed, &circuit).unwrap();
        circuit
    };
    let (far, most, none) = (follow(i64::MAX), follow((1 << 10) - 1), follow(0));
    assert_eq!(far.nodes[1], most.nodes[1]);
    for (a, b) in most.nodes.iter().zip(&none.nodes) {
        let (quant::Op::Linear(a), quant::Op::Linear(b)) = (&a.op, &b.op) else { continue };
        assert_eq!(a.terms, b.terms);
        let [quant::Term::Conv(conv)] = &a.terms[..] else { panic!() };
        let inputs = (conv.weights.len() / a.bias.len()) as i64;
        assert!(a.bias.iter().zip(&b.bias).all(|(a, b)| (a - b).abs() <= inputs * (1 << 10) / 2 + 1));
    }
    let mut short = record.clone();
    short.means.pop();
    assert!(matches!(audit(&graph, &short, &none), Err(AuditError::Record { .. })));
    assert!(matches!(audit(&graph, &Record { bits: 16, ..record }, &none), Err(AuditError::Record { .. })));
}
