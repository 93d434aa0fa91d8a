//! Functions whose argument is 0, or the same everywhere, in all samples.

use sworn_circuits::graph::{Channels, Op as QuantOp, Term as QuantTerm};

use super::*;
use crate::graph::{Conv, Linear};

/// Every function, some with a parameter that matters at 0.
fn functions() -> Vec<Unary> {
    let plain = [
        Unary::Abs,
        Unary::Acos,
        Unary::Acosh,
        Unary::Asin,
        Unary::Asinh,
        Unary::Atan,
        Unary::Atanh,
        Unary::Ceil,
        Unary::Cos,
        Unary::Cosh,
        Unary::Erf,
        Unary::Exp,
        Unary::Floor,
        Unary::Gelu,
        Unary::GeluTanh,
        Unary::HardSwish,
        Unary::Log,
        Unary::Mish,
        Unary::Neg,
        Unary::Reciprocal,
        Unary::Relu,
        Unary::Round,
        Unary::Sigmoid,
        Unary::Sign,
        Unary::Sin,
        Unary::Sinh,
        Unary::Softplus,
        Unary::Softsign,
        Unary::Sqrt,
        Unary::Tan,
        Unary::Tanh,
    ];
    let with_parameters = [
        Unary::Celu { alpha: 0.7 },
        Unary::Clip { min: -0.5, max: 0.5 },
        Unary::Clip { min: 0.25, max: 1.0 },
        Unary::Elu { alpha: 1.3 },
        Unary::HardSigmoid { alpha: 0.2, beta: 0.5 },
        Unary::LeakyRelu { alpha: 0.1 },
        Unary::Power { exponent: 2.0 },
        Unary::Power { exponent: 3.0 },
        Unary::Power { exponent: 0.5 },
        Unary::Power { exponent: -1.0 },
        Unary::Selu { alpha: 1.67, gamma: 1.05 },
        Unary::Shrink { bias: 0.1, lambda: 0.3 },
        Unary::Swish { alpha: 1.5 },
        Unary::ThresholdedRelu { alpha: 0.4 },
    ];
    plain.into_iter().chain(with_parameters).collect()
}

/// A dense layer of four inputs.
fn dense(weights: Vec<f32>, bias: Vec<f32>) -> Op {
    let conv = Conv { kernel: [1, 1], stride: [1, 1], pad_before: [0, 0], dilation: [1, 1], groups: 1, weights };
    Op::Linear(Linear { channels: Channels::Last, terms: vec![Term::Conv(conv)], bias })
}

/// What is before a function.
#[derive(Clone, Copy, Debug)]
enum Before {
    /// A layer, and the input is 0.
    Blank,
    /// A layer whose terms cancel for an input of ones.
    Cancelled,
    /// The input itself, which is 0.
    Input,
    /// A layer that answers its bias.
    Constant(f32),
    /// Another function of a layer whose input is 0.
    Chain(Unary),
}

fn model(f: Unary, before: Before) -> (Graph, Vec<f32>) {
    let (mut graph, x) = one_input(vec![1, 4]);
    let weights = || vec![0.5, -0.25, 0.75, 0.125, -1.0, 0.5, 0.25, 0.625];
    let mut layer = |weights, bias: f32| graph.push("layer", dense(weights, vec![bias; 2]), vec![x], vec![1, 2]);
    let (p, sample) = match before {
        Before::Blank => (layer(weights(), 0.0), vec![0.0; 4]),
        Before::Cancelled => (layer(vec![2.0, -2.0, 2.0, -2.0, 1.0, -1.0, 1.0, -1.0], 0.0), vec![1.0; 4]),
        Before::Input => (x, vec![0.0; 4]),
        Before::Constant(bias) => (layer(weights(), bias), vec![0.0; 4]),
        Before::Chain(g) => {
            let p = layer(weights(), 0.0);
            (graph.push("before", Op::Unary(g), vec![p], vec![1, 2]), vec![0.0; 4])
        }
    };
    let shape = graph.node(p).shape.clone();
    let y = graph.push("f", Op::Unary(f), vec![p], shape);
    graph.push_output("y", y);
    (graph, sample)
}

/// The largest factor of an operand.
fn largest_factor(graph: &QuantGraph) -> i64 {
    let of_node = |node: &sworn_circuits::graph::Node| match &node.op {
        QuantOp::Linear(linear) => linear
            .terms
            .iter()
            .map(|term| match term {
                QuantTerm::Scale(factor) => i64::from(*factor).abs(),
                QuantTerm::Conv(conv) => (0..conv.weights.len()).map(|i| conv.weights.sum_abs(i..i + 1) as i64).max().unwrap_or(0),
            })
            .max()
            .unwrap_or(0),
        QuantOp::Elementwise(e) => e.ca.iter().map(|ca| i64::from(*ca).abs()).max().unwrap_or(0),
        _ => 0,
    };
    graph.nodes.iter().map(of_node).max().unwrap_or(0)
}

#[test]
fn every_function_takes_an_argument_that_never_moves() {
    let constants = [1.0, -1.0, 0.5, 5.0, 1e-4, 1e-6, 1e-7, 1e-9, 1e-20, -3.0].map(Before::Constant);
    let chains = [Unary::Tanh, Unary::Exp, Unary::Relu, Unary::Softplus, Unary::Gelu, Unary::Sigmoid].map(Before::Chain);
    for f in functions() {
        for before in [Before::Blank, Before::Cancelled, Before::Input].into_iter().chain(constants).chain(chains) {
            let (graph, sample) = model(f, before);
            let graph = simplify(graph);
            let values = evaluate(&graph, std::slice::from_ref(&sample)).unwrap();
            let expected = values[graph.outputs[0].node.0][0];
            // A pole this near asks for an argument finer than what the weights before it make of a blank input.
            let has_pole = matches!(f, Unary::Log | Unary::Reciprocal | Unary::Power { exponent: -1.0 });
            if has_pole && matches!(before, Before::Constant(c) if c.abs() < 1e-3) {
                continue;
            }
            for bits in BITS {
                let quantised = match calibrate(&graph, &[vec![sample.clone()]], None).and_then(|ranges| quantize(&graph, &ranges, bits)) {
                    Ok(quantised) => quantised,
                    Err(error) => {
                        let named = matches!(&error, OnnxError::FunctionNotFinite { .. } | OnnxError::ValueNotFinite { .. });
                        assert!(named, "{f:?} after {before:?}, {bits} bits: {error}");
                        assert!(!expected.is_finite(), "{f:?} after {before:?}: {expected} is an answer");
                        continue;
                    }
                };
                sworn_circuits::layout::bounds::check(&quantised.graph).unwrap();
                assert!(largest_factor(&quantised.graph) < 1 << 28, "{f:?} after {before:?}: {}", largest_factor(&quantised.graph));
                let ints = evaluate_quantised(&quantised.graph, std::slice::from_ref(&sample)).unwrap();
                let id = quantised.graph.outputs[0].node;
                let node = quantised.graph.node(id);
                // A unit of the output, and half a unit of the argument where the function is steep.
                let actual = dequantize(node, &ints[id.0])[0];
                let size = f64::from(expected.abs()).max(node.scale * f64::from(1 << (bits - 1)));
                let error = f64::from((actual - expected).abs()) / size;
                let units = 6.0 / f64::from(1 << (bits - 1));
                let vertical = matches!(f, Unary::Acos | Unary::Acosh | Unary::Asin | Unary::Sqrt | Unary::Power { .. });
                // A step is a step away where the argument lies on it.
                let is_step = matches!(f, Unary::Ceil | Unary::Floor | Unary::Round | Unary::Sign) && (actual - expected).abs() < 1.1;
                assert!(
                    is_step || error <= if vertical { units.sqrt() } else { units },
                    "{f:?} after {before:?}, {bits} bits: {actual}, not {expected}"
                );
            }
        }
    }
}

/// A model that was calibrated with a blank input answers others: to within the resolution that its weights and a range of 1 leave.
#[test]
fn a_blank_sample_serves_other_inputs() {
    for f in functions() {
        for before in [Before::Blank, Before::Cancelled, Before::Input] {
            let (graph, sample) = model(f, before);
            let Ok(quantised) = calibrate(&graph, &[vec![sample]], None).and_then(|ranges| quantize(&graph, &ranges, 13)) else { continue };
            let scale = quantised.graph.node(quantised.graph.outputs[0].node).scale;
            let mut random = Random(7);
            let (mut answered, mut worst) = (0, 0f64);
            for _ in 0..64 {
                let x = random.reals(4, 1.0);
                let expected = evaluate(&graph, std::slice::from_ref(&x)).unwrap();
                let Ok(ints) = evaluate_quantised(&quantised.graph, &[x]) else { continue };
                answered += 1;
                let actual = dequantize(quantised.graph.node(quantised.graph.outputs[0].node), &ints[quantised.graph.outputs[0].node.0]);
                let errors = actual.iter().zip(&expected[graph.outputs[0].node.0]).map(|(a, b)| f64::from((a - b).abs()));
                worst = errors.fold(worst, f64::max);
            }
            let steps =
                matches!(f, Unary::Ceil | Unary::Floor | Unary::Round | Unary::Sign | Unary::Shrink { .. } | Unary::ThresholdedRelu { .. });
            let bounded = !matches!(
                f,
                Unary::Tan
                    | Unary::Softplus
                    | Unary::Cosh
                    | Unary::Sinh
                    | Unary::Exp
                    | Unary::Acos
                    | Unary::Asin
                    | Unary::Atanh
                    | Unary::Sqrt
                    | Unary::Power { .. }
            );
            assert!(!bounded || answered == 64, "{f:?} after {before:?}: {answered} of 64 answered");
            assert!(steps || !bounded || worst < 0.02 * (scale * 4096.0).min(1.0), "{f:?} after {before:?}: {worst}");
        }
    }
}

#[test]
fn a_blank_image_leaves_a_network_of_layers_useful() {
    let (mut graph, x) = one_input(vec![1, 1, 6, 6]);
    let mut random = Random(3);
    let mut at = x;
    for (layer, channels) in [(0, 1), (1, 4), (2, 4)] {
        let weights = random.reals(4 * channels * 9, 1.0 / (channels as f32).sqrt());
        let conv = Conv { kernel: [3, 3], stride: [1, 1], pad_before: [1, 1], dilation: [1, 1], groups: 1, weights };
        let op = Op::Linear(Linear { channels: Channels::First, terms: vec![Term::Conv(conv)], bias: vec![0.0; 4] });
        at = graph.push(format!("conv {layer}"), op, vec![at], vec![1, 4, 6, 6]);
        at = graph.push(format!("tanh {layer}"), Op::Unary(Unary::Tanh), vec![at], vec![1, 4, 6, 6]);
    }
    graph.push_output("at", at);
    let quantised = compiled(&graph, vec![0.0; 36], 13).unwrap();
    let unseen: Vec<_> = (0..8).map(|_| vec![random.reals(36, 1.0)]).collect();
    let report = compare(&graph, &quantised, &unseen).unwrap();
    assert!(report.relative() < 0.03, "{}", report.relative());
}
