use proptest::prelude::*;

use super::*;
use crate::arbitrary::{arb_graph, Random};
use crate::evaluate::evaluate;
use crate::pointwise::{Pointwise, Step};
use crate::simplify::simplify;
use crate::unary::Unary;

/// Inputs within ranges: each element anywhere, at an end, or all alike.
fn inputs(random: &mut Random, graph: &Graph, ranges: &[Range]) -> Vec<Vec<f32>> {
    let kind = random.below(3);
    let level = f64::from(random.below(1001) as u32) / 1000.0;
    let mut value = |range: &Range| {
        let at = match kind {
            0 => f64::from(random.below(100_001) as u32) / 100_000.0,
            1 => f64::from(random.below(2) as u32),
            _ => level,
        };
        ((range.min + (range.max - range.min) * at) as f32).clamp(range.min as f32, range.max as f32)
    };
    graph.inputs.iter().zip(ranges).map(|(id, range)| (0..graph.node(*id).elements()).map(|_| value(range)).collect()).collect()
}

fn assert_within(graph: &Graph, bounds: &[Vec<Interval>], tensors: &[Vec<f32>]) -> Result<(), TestCaseError> {
    for ((node, bounds), tensor) in graph.nodes.iter().zip(bounds).zip(tensors) {
        prop_assert_eq!(bounds.len(), tensor.len());
        for (bound, &value) in bounds.iter().zip(tensor) {
            let value = f64::from(value);
            prop_assert!(bound.low <= value && value <= bound.high, "{}: {} is not in {:?}", node.name, value, bound);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn every_tensor_is_within_its_bounds(seed: u64, steps in 1usize..10, simplified: bool) {
        let mut random = Random(seed);
        let graph = arb_graph(&mut random, steps);
        let graph = if simplified { simplify(graph) } else { graph };
        let range = |random: &mut Random| {
            let (a, b) = (f64::from(random.real()), f64::from(random.real()));
            Range { min: a.min(b), max: a.max(b) }
        };
        let ranges: Vec<Range> = graph.inputs.iter().map(|_| range(&mut random)).collect();
        let bounds = propagate(&graph, &ranges).unwrap();
        for _ in 0..8 {
            let inputs = inputs(&mut random, &graph, &ranges);
            assert_within(&graph, &bounds, &evaluate(&graph, &inputs).unwrap())?;
        }
    }

    #[test]
    fn every_function_is_within_its_bounds(a in -8f32..8.0, b in -8f32..8.0, parameter in -2f32..2.0, other in -2f32..2.0) {
        let (low, high) = (f64::from(a.min(b)), f64::from(a.max(b)));
        for f in functions(parameter, other) {
            let bound = unary(f, Interval { low, high });
            for i in 0..=400 {
                let x = low + (high - low) * f64::from(i) / 400.0;
                let y = f.apply(x);
                // Where it is no number the model is refused.
                prop_assert!(y.is_nan() || y.is_infinite() || (bound.low <= y && y <= bound.high), "{f:?}({x}) = {y} is not in {bound:?}");
            }
        }
    }
}

fn unary(f: Unary, x: Interval) -> Interval {
    function::unary(f, x)
}

fn functions(p: f32, q: f32) -> Vec<Unary> {
    use Unary::*;
    let plain = [
        Abs, Acos, Acosh, Asin, Asinh, Atan, Atanh, Ceil, Cos, Cosh, Erf, Exp, Floor, Gelu, GeluTanh, HardSwish, Log, Mish, Neg,
        Reciprocal, Relu, Round, Sigmoid, Sign, Sin, Sinh, Softplus, Softsign, Sqrt, Tan, Tanh,
    ];
    let with_parameters = [
        Celu { alpha: p },
        Clip { min: p, max: q },
        Clip { min: -1.0, max: f32::INFINITY },
        Elu { alpha: p },
        HardSigmoid { alpha: p, beta: q },
        LeakyRelu { alpha: p },
        Power { exponent: (4.0 * p).round() },
        Power { exponent: p },
        Selu { alpha: p, gamma: q },
        Shrink { bias: p, lambda: q },
        Swish { alpha: p },
        ThresholdedRelu { alpha: p },
    ];
    plain.into_iter().chain(with_parameters).collect()
}

/// Where a function turns or jumps is within the image, and a bounded function stays bounded where its argument is not.
#[test]
fn images_of_known_intervals() {
    let image = |f, low, high| unary(f, Interval { low, high });
    let near = |a: f64, b: f64| (a - b).abs() < 1e-5;
    let cases = [
        (Unary::Gelu, -3.0, 1.0, -0.169_97, 0.841_34),
        (Unary::Sin, 1.0, 2.0, 0.841_47, 1.0),
        (Unary::Cos, -100.0, 100.0, -1.0, 1.0),
        (Unary::Power { exponent: 2.0 }, -3.0, 2.0, 0.0, 9.0),
        (Unary::Shrink { bias: 2.0, lambda: 1.0 }, 0.0, 4.0, -1.0, 2.0),
        (Unary::Sigmoid, f64::NEG_INFINITY, f64::INFINITY, 0.0, 1.0),
        (Unary::Sqrt, 0.0, 4.0, 0.0, 2.0),
    ];
    for (f, low, high, least, most) in cases {
        let y = image(f, low, high);
        assert!(near(y.low, least) && near(y.high, most), "{f:?} of [{low}, {high}] is {y:?}");
    }
    for (f, low, high) in [(Unary::Reciprocal, -1.0, 1.1), (Unary::Tan, 1.5, 1.6), (Unary::Log, -1.0, 5.0)] {
        assert!(!image(f, low, high).is_bounded(), "{f:?}");
    }
}

/// A composed function of an interval is bounded nearly as tightly as it is.
#[test]
fn composed_functions_are_bounded_in_pieces() {
    let silu = [Step::Unary(Unary::Sigmoid, 0), Step::Combine { of: [0, 1], ca: 0.0, cb: 0.0, cm: 1.0, c: 0.0 }];
    let f = Pointwise::new(silu.to_vec()).unwrap();
    let y = function::pointwise(&f, Interval { low: -10.0, high: 10.0 });
    assert!(y.low < -0.2784 && y.low > -0.4 && y.high >= 9.9995 && y.high < 10.1, "{y:?}");
}

#[test]
fn a_number_of_ranges_is_checked() {
    let mut graph = Graph::default();
    let x = graph.push("x", Op::Input, vec![], vec![1, 2]);
    graph.inputs.push(x);
    assert!(matches!(bounds(&graph, &[]), Err(OnnxError::InputCount { expected: 1, actual: 0 })));
    assert_eq!(bounds(&graph, &[Range { min: 0.0, max: 0.0 }]).unwrap(), [Range { min: 0.0, max: 0.0 }]);
}
