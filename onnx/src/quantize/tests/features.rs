//! Inputs whose features are of different sizes.

use sworn_circuits::graph::{Channels, Op as QuantOp};

use super::*;
use crate::calibrate::{calibrate_within, Range};
use crate::error::OutOfRange;
use crate::graph::{Conv, Linear};

fn dense(weights: Vec<f32>, bias: Vec<f32>) -> Op {
    let conv = Conv { kernel: [1, 1], stride: [1, 1], pad_before: [0, 0], dilation: [1, 1], groups: 1, weights };
    Op::Linear(Linear { channels: Channels::Last, terms: vec![Term::Conv(conv)], bias })
}

/// Two layers over `mean + size·u`, `u` in [−1, 1), that divide by the sizes first.
fn tabular(random: &mut Random, sizes: &[f32], means: &[f32], standardised: bool) -> Graph {
    let n = sizes.len();
    let (mut graph, x) = one_input(vec![1, n]);
    let mut weights = random.reals(16 * n, 1.0);
    let mut at = x;
    if standardised {
        let c = means.iter().zip(sizes).map(|(m, s)| -m / s).collect();
        let ca = sizes.iter().map(|s| 1.0 / s).collect();
        at = graph.push("standardise", Op::Elementwise { ca, cb: 0.0, cm: 0.0, c }, vec![at], vec![1, n]);
    } else {
        weights.iter_mut().enumerate().for_each(|(i, w)| *w /= sizes[i % n]);
    }
    let at = graph.push("hidden", dense(weights, vec![0.1; 16]), vec![at], vec![1, 16]);
    let at = graph.push("relu", Op::Unary(Unary::Relu), vec![at], vec![1, 16]);
    let weights = random.reals(4 * 16, 0.5);
    let y = graph.push("scores", dense(weights, vec![0.0; 4]), vec![at], vec![1, 4]);
    graph.push_output("y", y);
    graph
}

fn rows(random: &mut Random, sizes: &[f32], means: &[f32], count: usize) -> Vec<Vec<Vec<f32>>> {
    let row = |random: &mut Random| sizes.iter().zip(means).map(|(size, mean)| mean + size * random.real()).collect();
    (0..count).map(|_| vec![row(random)]).collect()
}

/// The error over `unseen` with features, and with one scale.
fn errors(graph: &Graph, samples: &[Vec<Vec<f32>>], unseen: &[Vec<Vec<f32>>], bits: u32) -> [f64; 2] {
    let graph = simplify(graph.clone());
    let mut ranges = calibrate(&graph, samples, None).unwrap();
    let error = |ranges: &crate::calibrate::Ranges| {
        // Refused, because of a coefficient or a range.
        let Ok(quantised) = quantize(&graph, ranges, bits) else { return f64::INFINITY };
        sworn_circuits::layout::bounds::check(&quantised.graph).unwrap();
        compare(&graph, &quantised, unseen).map_or(f64::INFINITY, |report| report.relative())
    };
    let with = error(&ranges);
    ranges.inputs.clear();
    [with, error(&ranges)]
}

#[test]
fn a_feature_a_thousand_times_larger_costs_nothing() {
    let sizes = [1000.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    let mut random = Random(11);
    let graph = tabular(&mut random, &sizes, &[0.0; 8], false);
    for samples in [1, 32] {
        let seen = rows(&mut random, &sizes, &[0.0; 8], samples);
        let [with, without] = errors(&graph, &seen, &seen, 12);
        assert!(with < 0.004 && without > 0.02, "{samples} samples: {with}, with one scale {without}");
    }
    let (seen, unseen) = (rows(&mut random, &sizes, &[0.0; 8], 32), rows(&mut random, &sizes, &[0.0; 8], 100));
    let [with, without] = errors(&graph, &seen, &unseen, 12);
    assert!(with < 0.004 && without > 0.02, "unseen: {with}, with one scale {without}");
}

#[test]
fn a_model_may_standardise_its_input() {
    let (sizes, means) = ([1e7, 12.0, 2e4, 0.3], [1.69e9, 35.0, 5e4, 0.5]);
    for standardised in [true, false] {
        let mut random = Random(5);
        let graph = tabular(&mut random, &sizes, &means, standardised);
        // Without its offset a layer that does not subtract the means would have outputs of another size.
        let means = if standardised { means } else { [0.0; 4] };
        let (seen, unseen) = (rows(&mut random, &sizes, &means, 32), rows(&mut random, &sizes, &means, 100));
        let [with, without] = errors(&graph, &seen, &unseen, 12);
        assert!(with < 0.004 && without > 0.1, "{with}, with one scale {without}");
    }
}

#[test]
fn a_year_is_told_from_the_next() {
    let (sizes, means) = ([4.0, 1.0], [2019.0, 0.0]);
    let mut random = Random(2);
    let graph = tabular(&mut random, &sizes, &means, true);
    let (seen, unseen) = (rows(&mut random, &sizes, &means, 64), rows(&mut random, &sizes, &means, 100));
    let [with, without] = errors(&graph, &seen, &unseen, 11);
    assert!(with < 0.006 && without > 0.1, "{with}, with one scale {without}");
}

/// A declared range is all that is known of each feature: it is held to its ends, in the middle of the integers.
#[test]
fn a_declared_range_far_from_zero_has_an_offset() {
    let mut random = Random(12);
    let graph = simplify(tabular(&mut random, &[60.0; 3], &[2000.0; 3], true));
    let range = Range { min: 1940.0, max: 2060.0 };
    let (ranges, _) = calibrate_within(&graph, &[range], None).unwrap();
    assert_eq!(ranges.inputs, [[range; 3]]);
    let quantised = quantize(&graph, &ranges, 12).unwrap();
    let QuantOp::Features(features) = &quantised.graph.nodes[0].op else { panic!("{:?}", quantised.graph.nodes[0].op) };
    assert!(features.offsets.iter().all(|offset| (offset - 2000.0).abs() < 1.0) && features.scales.iter().all(|s| *s < 0.13));
    for end in [1940.0, 2060.0] {
        quantize_input(&quantised.graph, 0, &[end; 3]).unwrap();
    }
    let unseen = rows(&mut random, &[59.0; 3], &[2000.0; 3], 100);
    let error = compare(&graph, &quantised, &unseen).unwrap().relative();
    assert!(error < 0.02, "{error}");
}

#[test]
fn channels_of_an_image_have_scales_and_pads_no_offsets() {
    let mut random = Random(9);
    let (mut graph, x) = one_input(vec![1, 3, 5, 5]);
    let sizes = [1.0, 1e4, 1e-3];
    let weights = (0..4 * 3 * 9).map(|i| random.real() / sizes[i / 9 % 3]).collect();
    let conv = Conv { kernel: [3, 3], stride: [1, 1], pad_before: [1, 1], dilation: [1, 1], groups: 1, weights };
    let op = Op::Linear(Linear { channels: Channels::First, terms: vec![Term::Conv(conv)], bias: vec![0.2; 4] });
    let y = graph.push("conv", op, vec![x], vec![1, 4, 5, 5]);
    graph.push_output("y", y);
    let image = |random: &mut Random| vec![(0..75).map(|i| sizes[i / 25] * (1.0 + random.real())).collect::<Vec<f32>>()];
    let samples: Vec<_> = (0..8).map(|_| image(&mut random)).collect();
    let unseen: Vec<_> = (0..8).map(|_| image(&mut random)).collect();
    let [with, without] = errors(&graph, &samples, &unseen, 12);
    assert!(with < 0.004 && without > 0.05, "{with}, with one scale {without}");
    let quantised = quantize(&graph, &calibrate(&graph, &samples, None).unwrap(), 12).unwrap();
    let QuantOp::Features(features) = &quantised.graph.nodes[0].op else { panic!("{:?}", quantised.graph.nodes[0].op) };
    assert_eq!((features.run, features.scales.len(), &features.offsets[..]), (25, 3, &[0.0; 3][..]));
}

#[test]
fn features_pass_gathers_and_functions() {
    let mut random = Random(4);
    let (mut graph, x) = one_input(vec![1, 4]);
    let sizes = [1e5, 1.0, 1e-4, 1.0];
    let moved = [2, 0, 3, 1].map(|index| Source::Element { input: 0, index });
    let sources = moved.into_iter().chain([Source::Constant(0.5)]).collect();
    let g = graph.push("moved", Op::Gather(sources), vec![x], vec![1, 5]);
    let order = [1e-4, 1e5, 1.0, 1.0, 1.0];
    let weights = (0..15).map(|i| random.real() / order[i % 5]).collect();
    let y = graph.push("dense", dense(weights, vec![0.0; 3]), vec![g], vec![1, 3]);
    let ca = sizes.iter().map(|s| 1.0 / s).collect();
    let z = graph.push("scaled", Op::Elementwise { ca, cb: 0.0, cm: 0.0, c: vec![0.1] }, vec![x], vec![1, 4]);
    let z = graph.push("tanh", Op::Unary(Unary::Tanh), vec![z], vec![1, 4]);
    graph.push_output("y", y);
    graph.push_output("z", z);
    let (seen, unseen) = (rows(&mut random, &sizes, &[0.0; 4], 16), rows(&mut random, &sizes, &[0.0; 4], 32));
    let [with, without] = errors(&graph, &seen, &unseen, 12);
    assert!(with < 0.005 && without > 0.1, "{with}, with one scale {without}");
}

/// A reader that sums all elements with one factor cannot tell features apart.
#[test]
fn a_sum_keeps_one_scale() {
    let mut random = Random(6);
    let sizes = [1000.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    let mut graph = tabular(&mut random, &sizes, &[0.0; 8], false);
    let sum = graph.push("sum", Op::Reduce { inner: 8, factor: 0.125 }, vec![graph.inputs[0]], vec![1, 1]);
    graph.push_output("sum", sum);
    let seen = rows(&mut random, &sizes, &[0.0; 8], 16);
    let quantised = quantize(&graph, &calibrate(&graph, &seen, None).unwrap(), 12).unwrap();
    assert_eq!(quantised.graph.nodes[0].op, QuantOp::Input);
}

#[test]
fn like_features_keep_one_scale() {
    let mut random = Random(8);
    for (sizes, samples) in [([1.0; 8], 1), ([1.0; 8], 32), ([1.0, 2.0, 3.0, 3.5, 1.0, 1.0, 2.0, 1.5], 32)] {
        let graph = tabular(&mut random, &sizes, &[0.0; 8], false);
        let seen = rows(&mut random, &sizes, &[0.0; 8], samples);
        let quantised = quantize(&graph, &calibrate(&graph, &seen, None).unwrap(), 11).unwrap();
        assert_eq!(quantised.graph.nodes[0].op, QuantOp::Input, "{sizes:?}");
    }
}

#[test]
fn a_feature_out_of_range_is_told_in_its_own_units() {
    let (sizes, means) = ([1e7, 12.0], [1.69e9, 35.0]);
    let mut random = Random(5);
    let graph = simplify(tabular(&mut random, &sizes, &means, true));
    let seen = rows(&mut random, &sizes, &means, 32);
    let quantised = quantize(&graph, &calibrate(&graph, &seen, None).unwrap(), 12).unwrap();
    let graph = &quantised.graph;
    let ints = quantize_input(graph, 0, &[1.694e9, 30.0]).unwrap();
    let reals = dequantize(&graph.nodes[0], &ints);
    assert!((reals[0] - 1.694e9).abs() < 2e4 && (reals[1] - 30.0).abs() < 0.2, "{reals:?}");
    let Err(OnnxError::InputOutOfRange(error)) = quantize_input(graph, 0, &[0.0, 30.0]) else {
        panic!("0 is far from all samples");
    };
    let OutOfRange { place, value, low, high, smallest, largest, .. } = *error;
    assert_eq!((&place[..], &value[..], &smallest[..], &largest[..]), ("0, 0", "0", "0", "30"));
    let [low, high] = [low, high].map(|v| v.parse::<f64>().unwrap());
    assert!(low > 1e9 && low < 1.68e9 && high > 1.7e9 && high < 2.5e9, "{low} to {high}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    /// A graph whose input is divided by sizes of its elements or channels first is as accurate as without, and in its bounds.
    #[test]
    fn sizes_of_features_do_not_matter(seed: u64, steps in 1usize..8) {
        let mut random = Random(seed);
        let plain = arb_graph(&mut random, steps);
        let node = plain.node(plain.inputs[0]).clone();
        let by_channel = random.below(2) == 0;
        let each: Vec<f32> = (0..node.elements()).map(|_| 10f32.powi(random.below(9) as i32 - 4)).collect();
        let plane = if node.shape.len() == 4 { node.shape[2] * node.shape[3] } else { 1 };
        let channels = if node.shape.len() == 4 { node.shape[1] } else { node.shape[node.shape.len() - 1] };
        let size = |i: usize| each[if by_channel { i / plane % channels } else { i }];
        let mut graph = Graph::default();
        let x = graph.push("x", Op::Input, vec![], node.shape.clone());
        graph.inputs.push(x);
        let ca = (0..node.elements()).map(|i| 1.0 / size(i)).collect();
        graph.push("divide", Op::Elementwise { ca, cb: 0.0, cm: 0.0, c: vec![0.0] }, vec![x], node.shape.clone());
        for node in &plain.nodes[1..] {
            let inputs = node.inputs.iter().map(|id| NodeId(id.0 + 1)).collect();
            graph.push(node.name.clone(), node.op.clone(), inputs, node.shape.clone());
        }
        plain.outputs.iter().for_each(|output| graph.push_output(output.name.clone(), NodeId(output.node.0 + 1)));
        let scaled = |sample: Vec<Vec<f32>>| vec![sample[0].iter().enumerate().map(|(i, u)| u * size(i)).collect::<Vec<f32>>()];
        let samples: Vec<_> = (0..3).map(|_| arb_sample(&mut random, &plain)).collect();
        let error = |graph: &Graph, samples: &[Vec<Vec<f32>>]| {
            let graph = simplify(graph.clone());
            let ranges = calibrate(&graph, samples, None).unwrap();
            let quantised = quantize(&graph, &ranges, 13).ok()?;
            sworn_circuits::layout::bounds::check(&quantised.graph).unwrap();
            Some(of_range(&graph, &quantised, samples).unwrap())
        };
        let samples_of_sizes: Vec<_> = samples.iter().cloned().map(scaled).collect();
        if let (Some(plain), Some(mixed)) = (error(&plain, &samples), error(&graph, &samples_of_sizes)) {
            prop_assert!(mixed <= 6.0 * plain + 0.004, "{} where {} was", mixed, plain);
        }
    }
}
