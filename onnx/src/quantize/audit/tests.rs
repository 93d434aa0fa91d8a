use proptest::prelude::*;
use sworn_circuits::column::IntColumn;

use super::*;
use crate::arbitrary::{arb_graph, arb_sample, Random};
use crate::calibrate::{calibrate, calibrate_within, Range};
use crate::graph::{Conv, Linear, Op, Source, Term};
use crate::quantize::features::{Element, Elements};
use crate::quantize::tests::of_range;
use crate::quantize::{quantize, Quantised};
use crate::simplify::simplify;
use crate::unary::Unary;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    /// Honest circuits pass, calibrated on samples or for ranges; their records survive being written down.
    #[test]
    fn what_was_quantised_passes(seed: u64, steps in 1usize..9, bits in 6u32..=14, declared: bool, mixed: bool) {
        let mut random = Random(seed);
        let plain = arb_graph(&mut random, steps);
        let sizes: Vec<f32> = (0..plain.node(plain.inputs[0]).elements()).map(|_| if mixed { 10f32.powi(random.below(7) as i32 - 3) } else { 1.0 }).collect();
        let graph = simplify(if mixed { divided(&plain, &sizes) } else { plain });
        let ranges = match declared {
            true => calibrate_within(&graph, &[Range { min: -1.0, max: 1.5 }], None).unwrap().0,
            false => {
                let mut sample = arb_sample(&mut random, &graph);
                sample[0].iter_mut().zip(&sizes).for_each(|(x, size)| *x *= size);
                calibrate(&graph, &[sample], None).unwrap()
            }
        };
        if let Ok(Quantised { graph: circuit, record, .. }) = quantize(&graph, &ranges, bits) {
            audit(&graph, &record, &circuit).unwrap();
            let text = serde_json::to_string(&record).unwrap();
            prop_assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
        }
    }
}

/// A graph whose input is divided by a size of each element first.
fn divided(plain: &Graph, sizes: &[f32]) -> Graph {
    let input = plain.node(plain.inputs[0]);
    let mut graph = Graph::default();
    let x = graph.push("x", Op::Input, vec![], input.shape.clone());
    graph.inputs.push(x);
    let ca = sizes.iter().map(|size| 1.0 / size).collect();
    graph.push("divide", Op::Elementwise { ca, cb: 0.0, cm: 0.0, c: vec![0.0] }, vec![x], input.shape.clone());
    for node in &plain.nodes[1..] {
        let inputs = node.inputs.iter().map(|id| NodeId(id.0 + 1)).collect();
        graph.push(node.name.clone(), node.op.clone(), inputs, node.shape.clone());
    }
    plain.outputs.iter().for_each(|output| graph.push_output(output.name.clone(), NodeId(output.node.0 + 1)));
    graph
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

/// The node that is named, a part of the message, and what is changed.
type Change<'a, T> = (&'a str, &'a str, &'a dyn Fn(&mut T));

/// What a liar could change in a circuit, each by one, and which node and part the audit names.
#[test]
fn a_changed_circuit_is_refused_by_node() {
    let (graph, record, circuit) = honest();
    let table = circuit.tables.len() - 1;
    let changes: [Change<'_, QuantGraph>; 10] = [
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
    let changes: [Change<'_, Record>; 10] = [
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
    // A mean beyond the tensor's integers is the largest of them; one within is a choice, and moves the biases alone, by 2·√n steps at most.
    let follow = |means: i64| {
        let mut changed = record.clone();
        changed.means.iter_mut().flatten().flatten().for_each(|mean| *mean = means);
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
        let most = 2.0 * (inputs as f64).sqrt() * f64::from(1 << 10) + 1.0;
        assert!(a.bias.iter().zip(&b.bias).all(|(a, b)| (a - b).abs() as f64 <= most));
    }
    // One mean for each channel that is read, and one of an input.
    let [conv, dense] = ["conv", "dense"].map(index);
    assert_eq!((record.means[conv][0].len(), record.means[dense][0].len()), (1, 5));
    let more = [conv, dense].map(|index| move |r: &mut Record| r.means[index][0].push(0));
    refused(&graph, &record, &[("conv", "means of other channels", &more[0]), ("dense", "means of other channels", &more[1])]);
    refused(&graph, &record, &[("relu", "means of other channels", &|r| r.means[relu].push(vec![0]))]);
    let mut short = record.clone();
    short.means.pop();
    assert!(matches!(audit(&graph, &short, &none), Err(AuditError::Record { .. })));
    assert!(matches!(audit(&graph, &Record { bits: 16, ..record }, &none), Err(AuditError::Record { .. })));
}

/// A domain and an argument that are not the table's pin no value: the table has the function at its grid, however coarse.
#[test]
fn a_table_is_the_function_at_its_grid() {
    let (graph, record, circuit) = honest();
    let tanh = graph.nodes.iter().position(|n| n.name == "tanh").unwrap();
    let of = |low: f64, high: f64, scale: f64| {
        let mut changed = record.clone();
        let (domain, argument) = changed.scales.tables[tanh].as_mut().unwrap();
        (domain.low, domain.high, argument.scale, argument.offset) = (low, high, scale, 0);
        let circuit = emit(&graph, &Plan::new(&graph), changed.clone()).unwrap().graph;
        (audit(&graph, &changed, &circuit), circuit)
    };
    // tanh(1) for every argument within 500, a lie; tanh(0) is only coarse.
    let (audited, coarse) = of(1.0, 1.0, 1e3);
    let table = coarse.tables.last().unwrap();
    assert!(audited.is_ok() && table.first == 0 && table.values[0] == 0, "{table:?}");
    // A table that ends before its domain does would have the last value of some other point.
    for (low, high) in [(5000.0, 5000.0), (-5000.0, 1.0)] {
        assert!(matches!(of(low, high, 1.0).0, Err(AuditError::Choice { rule: "its table is cut off", .. })), "{low} {high}");
    }
    let honest = circuit.tables.last().unwrap();
    assert!(honest.values.len() > 1000 && honest.values.iter().all(|v| v.abs() < 1 << 10));
    // One part in fifty of its values is cut off.
    let flip = graph.nodes.iter().position(|n| n.name == "flip").unwrap();
    let narrow = |r: &mut Record| {
        (r.scales.values[tanh], r.scales.values[flip]) = (r.scales.values[tanh] / 1.02, r.scales.values[flip] / 1.02);
    };
    refused(&graph, &record, &[("tanh", "values of its table are cut off", &narrow)]);
}

/// The one factor of a product or a sum is the model's: a scale that rounds it to a multiple, or to nothing, is refused.
#[test]
fn a_scale_is_no_gain() {
    let mut graph = Graph::default();
    let inputs = ["x", "y"].map(|name| graph.push(name, Op::Input, vec![], vec![1, 8]));
    graph.inputs = inputs.to_vec();
    let product = graph.push("product", Op::Elementwise { ca: vec![0.0], cb: 0.0, cm: 1.0, c: vec![0.0] }, inputs.to_vec(), vec![1, 8]);
    let sum = graph.push("sum", Op::Reduce { inner: 8, factor: 0.125 }, vec![product], vec![1]);
    graph.push_output("z", sum);
    let sample = vec![vec![0.7, -0.2, 0.4, 0.9, -0.6, 0.1, 0.3, -1.0], vec![0.9, 1.0, -0.4, 0.2, 0.7, -0.8, 0.5, 0.3]];
    let Quantised { graph: circuit, record, .. } = quantize(&graph, &calibrate(&graph, &[sample], None).unwrap(), 11).unwrap();
    audit(&graph, &record, &circuit).unwrap();
    for (name, id, factor) in [("product", product, 1.0), ("sum", sum, 0.125)] {
        let from: f64 = graph.nodes[id.0].inputs.iter().map(|id| record.scales.values[id.0]).product();
        // Coefficients of 1 for a half, a half and less, of 1 for three halves less a little.
        for raw in [0.5, 0.4999, 1.49] {
            let change = |r: &mut Record| r.scales.values[id.0] = from * factor * f64::from(1 << 11) / raw;
            refused(&graph, &record, &[(name, "another number", &change)]);
        }
    }
}

fn dense(weights: Vec<f32>, bias: Vec<f32>) -> Op {
    let conv = Conv { kernel: [1, 1], stride: [1, 1], pad_before: [0, 0], dilation: [1, 1], groups: 1, weights };
    Op::Linear(Linear { channels: quant::Channels::Last, terms: vec![Term::Conv(conv)], bias })
}

const SIZES: [f32; 4] = [4.0, 1e4, 1e-3, 1.0];
const MEANS: [f32; 4] = [2000.0, 0.0, 0.0, 0.3];

fn rows(random: &mut Random, count: usize) -> Vec<Vec<Vec<f32>>> {
    let mut row = || vec![(0..4).map(|i| MEANS[i] + SIZES[i] * random.real()).collect()];
    (0..count).map(|_| row()).collect()
}

/// Features read by a dense layer, a gather with a constant and, after that, a layer, and a function.
fn of_features(random: &mut Random) -> Graph {
    let mut graph = Graph::default();
    let x = graph.push("x", Op::Input, vec![], vec![1, 4]);
    graph.inputs.push(x);
    let weights: Vec<f32> = (0..12).map(|i| random.real() / SIZES[i % 4]).collect();
    let centred = weights.chunks(4).map(|row| -row[0] * MEANS[0]).collect();
    let a = graph.push("dense", dense(weights, centred), vec![x], vec![1, 3]);
    let sources = [2, 0, 3, 1].map(|index| Source::Element { input: 0, index }).into_iter().chain([Source::Constant(0.5)]);
    let b = graph.push("moved", Op::Gather(sources.collect()), vec![x], vec![1, 5]);
    let order = [1e-3, 4.0, 1.0, 1e4, 1.0];
    let weights: Vec<f32> = (0..10).map(|i| random.real() / order[i % 5]).collect();
    let centred = weights.chunks(5).map(|row| -row[1] * MEANS[0]).collect();
    let b = graph.push("second", dense(weights, centred), vec![b], vec![1, 2]);
    let (ca, c) = (SIZES.map(|s| 1.0 / s).to_vec(), (0..4).map(|i| -MEANS[i] / SIZES[i]).collect());
    let c = graph.push("scaled", Op::Elementwise { ca, cb: 0.0, cm: 0.0, c }, vec![x], vec![1, 4]);
    let c = graph.push("tanh", Op::Unary(Unary::Tanh), vec![c], vec![1, 4]);
    for (name, id) in [("a", a), ("b", b), ("c", c)] {
        graph.push_output(name, id);
    }
    graph
}

fn refused(graph: &Graph, record: &Record, changes: &[Change<'_, Record>]) {
    let none = QuantGraph { bits: 8, nodes: vec![], inputs: vec![], outputs: vec![], tables: vec![] };
    for (name, rule, change) in changes {
        let mut changed = record.clone();
        change(&mut changed);
        let error = audit(graph, &changed, &none).unwrap_err();
        assert!(
            matches!(&error, AuditError::Choice { node, rule: found } if node == name && found.contains(rule)),
            "{name}, {rule}: {error}"
        );
    }
}

fn each(record: &mut Record, index: usize) -> &mut Vec<Element> {
    &mut record.scales.elements[index].as_mut().unwrap().each
}

#[test]
fn features_are_of_inputs_and_what_moves_them() {
    let mut random = Random(3);
    let graph = of_features(&mut random);
    let samples = rows(&mut random, 16);
    let Quantised { graph: circuit, record, .. } = quantize(&graph, &calibrate(&graph, &samples, None).unwrap(), 12).unwrap();
    audit(&graph, &record, &circuit).unwrap();
    assert!(matches!(&circuit.nodes[0].op, quant::Op::Features(features) if features.offsets[0] != 0.0));
    assert_eq!(serde_json::from_str::<Record>(&serde_json::to_string(&record).unwrap()).unwrap(), record);
    let index = |name: &str| graph.nodes.iter().position(|n| n.name == name).unwrap();
    let (x, moved, layer) = (index("x"), index("moved"), index("dense"));
    let limit = record.scales.values[x] * 2048.0;
    refused(
        &graph,
        &record,
        &[
            ("x", "no scale", &|r| each(r, x)[2].gain = 61),
            ("x", "no scale", &|r| each(r, x)[0].offset = f64::NAN),
            ("x", "no scale", &|r| each(r, x)[0].offset = limit * 1.01),
            ("x", "no scale", &|r| each(r, x)[1].offset = -0.0),
            ("x", "divide", &|r| each(r, x).truncate(3)),
            ("x", "divide", &|r| each(r, x).clear()),
            ("x", "divide", &|r| r.scales.elements[x].as_mut().unwrap().run = 0),
            ("x", "divide", &|r| r.scales.elements[x].as_mut().unwrap().run = usize::MAX),
            ("x", "nothing", &|r| each(r, x).fill(Element::PLAIN)),
            ("moved", "moves", &|r| each(r, x)[0].offset *= 0.5),
            ("moved", "moves", &|r| each(r, moved)[0].gain += 1),
            ("moved", "moves", &|r| r.scales.elements[moved] = None),
            ("dense", "no input", &|r| r.scales.elements[layer] = r.scales.elements[x].clone()),
        ],
    );
    let mut short = record.clone();
    short.scales.elements.pop();
    assert!(matches!(audit(&graph, &short, &circuit), Err(AuditError::Record { .. })));
    // In the circuit, with the record as it is.
    let mut changed = circuit.clone();
    let quant::Op::Features(features) = &mut changed.nodes[0].op else { panic!() };
    features.offsets[3] += 0.1;
    let error = audit(&graph, &record, &changed).unwrap_err();
    assert!(matches!(&error, AuditError::Differs { node, part } if node == "x" && part.contains("feature")), "{error}");
}

/// What a reader cannot have in its coefficients, no record may say.
#[test]
fn readers_take_the_features_they_tell_apart() {
    let image = |op: Op, shape: Vec<usize>| {
        let mut graph = Graph::default();
        let x = graph.push("x", Op::Input, vec![], vec![1, 2, 3, 3]);
        graph.inputs.push(x);
        let inputs = if matches!(op, Op::Elementwise { .. }) { vec![x, x] } else { vec![x] };
        let y = graph.push("y", op, inputs, shape);
        graph.push_output("y", y);
        graph
    };
    let conv =
        |pad: usize| Conv { kernel: [3, 3], stride: [1, 1], pad_before: [pad; 2], dilation: [1, 1], groups: 1, weights: vec![0.1; 18] };
    let layer = |terms: Vec<Term>, channels| Op::Linear(Linear { channels: quant::Channels::First, terms, bias: vec![0.5; channels] });
    let max = quant::Max { window: 2, windows: vec![0, 9, 1, 10] };
    let by_channel = Elements { run: 9, each: vec![Element { gain: 3, offset: 0.0 }, Element { gain: 0, offset: 1.0 }] };
    let by_element = Elements { run: 1, each: (0..9).map(|i| Element { gain: i, offset: 0.0 }).collect() };
    let without = Elements { run: 9, each: vec![Element { gain: 3, offset: 0.0 }, Element::PLAIN] };
    let cases = [
        (layer(vec![Term::Conv(conv(0))], 1), vec![1, 1, 1, 1], by_channel.clone(), None),
        (layer(vec![Term::Conv(conv(0))], 1), vec![1, 1, 1, 1], by_element.clone(), Some("tell apart")),
        (layer(vec![Term::Conv(conv(1))], 1), vec![1, 1, 3, 3], by_channel.clone(), Some("pads")),
        (layer(vec![Term::Conv(conv(1))], 1), vec![1, 1, 3, 3], without.clone(), None),
        (layer(vec![Term::Scale(0.5)], 2), vec![1, 2, 3, 3], without.clone(), Some("tell apart")),
        (Op::Reduce { inner: 18, factor: 0.1 }, vec![1, 1], without.clone(), Some("tell apart")),
        (Op::Max(max), vec![1, 2], without.clone(), Some("tell apart")),
        (Op::Elementwise { ca: vec![1.0], cb: 0.5, cm: 0.0, c: vec![0.0] }, vec![1, 2, 3, 3], without.clone(), Some("tell apart")),
        (Op::Unary(Unary::Tanh), vec![1, 2, 3, 3], by_element.clone(), None),
    ];
    let sample = vec![(0..18).map(|i| 0.1 * i as f32 - 0.6).collect::<Vec<f32>>()];
    for (op, shape, elements, rule) in cases {
        let named = format!("{op:?}");
        let graph = image(op, shape);
        let mut record = quantize(&graph, &calibrate(&graph, std::slice::from_ref(&sample), None).unwrap(), 11).unwrap().record;
        record.scales.elements[0] = Some(elements.clone());
        match rule {
            Some(rule) => refused(&graph, &record, &[("x", rule, &|_| ())]),
            None => {
                let circuit = emit(&graph, &Plan::new(&graph), record.clone()).unwrap().graph;
                audit(&graph, &record, &circuit).unwrap_or_else(|error| panic!("{named}: {error}"));
            }
        }
        // As an output the input is shown with the tensor's scale.
        let mut shown = graph.clone();
        shown.push_output("x", shown.inputs[0]);
        record.scales.elements[0] = Some(elements);
        assert!(audit(&shown, &record, &QuantGraph { bits: 11, nodes: vec![], inputs: vec![], outputs: vec![], tables: vec![] }).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Whatever scales and offsets a record has for features, what passes is the model's function, or refuses the input.
    #[test]
    fn features_choose_resolution_only(seed: u64, gains in prop::array::uniform4(0u32..=6), offsets in prop::array::uniform4(-1.0f64..1.0)) {
        let mut random = Random(seed);
        let graph = of_features(&mut random);
        let samples = rows(&mut random, 16);
        let mut record = quantize(&graph, &calibrate(&graph, &samples, None).unwrap(), 14).unwrap().record;
        let index = |name: &str| graph.nodes.iter().position(|n| n.name == name).unwrap();
        let (x, moved) = (index("x"), index("moved"));
        let honest = each(&mut record, x).clone();
        for (i, element) in each(&mut record, x).iter_mut().enumerate() {
            let honest = &honest[i];
            // Around what was calibrated: far from it nothing but refusals comes.
            element.gain = honest.gain.saturating_sub(gains[i] / 2);
            element.offset = honest.offset + offsets[i] * f64::from(SIZES[i]) + 0.0;
        }
        let chosen = each(&mut record, x).clone();
        for (place, from) in [2, 0, 3, 1].into_iter().enumerate() {
            each(&mut record, moved)[place] = chosen[from];
        }
        let circuit = emit(&graph, &Plan::new(&graph), record.clone()).unwrap().graph;
        let quantised = audit(&graph, &record, &circuit).unwrap();
        for sample in &samples {
            if let Some(error) = of_range(&graph, &quantised, std::slice::from_ref(sample)) {
                prop_assert!(error < 0.004, "{}", error);
            }
        }
    }
}
