//! Compile: from the float graph of a model to integers, at the smallest bit width that is accurate enough.
//!
//! ```text
//! simplify → calibrate → for b in widths: quantize, compare → the first b with max|err| / max|y| ≤ target
//! ```

use std::ops::RangeInclusive;

use sworn_circuits::graph::{NodeId, QuantGraph};

use crate::calibrate::{calibrate, calibrate_within, Range, Ranges};
use crate::error::OnnxError;
use crate::graph::Graph;
use crate::quantize::{quantize, Quantised, Record};
use crate::report::{compare_known, Report};
use crate::simplify::simplify;

/// Default of [`Options::target`]: measured to be reached at 11 to 13 bits, see [`crate::quantize`].
pub const TARGET: f64 = 0.003;

/// How a model is compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The bit width; chosen among `allowed` if there is none.
    pub bits: Option<u32>,
    /// Widths to choose from.
    pub allowed: RangeInclusive<u32>,
    /// Largest relative error of an output over the samples, for the choice of the width.
    pub target: f64,
    /// How much wider the ranges are than the samples; [`default_margin`](crate::calibrate::default_margin) if there is none.
    pub margin: Option<f64>,
    /// What each input holds, in place of samples.
    pub ranges: Option<Vec<Range>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { bits: None, allowed: 8..=14, target: TARGET, margin: None, ranges: None }
    }
}

/// A compiled model.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// The integer graph.
    pub graph: QuantGraph,
    /// Its errors over the samples.
    pub report: Report,
    /// The simplified float graph.
    pub float: Graph,
    /// For each node of `graph`, the node of `float` that has the same values.
    pub origins: Vec<NodeId>,
    /// The scales that were chosen.
    pub record: Record,
    /// Whether the error is at most the target.
    pub accurate: bool,
}

/// Samples that the choice of the width looks at.
const CHOICE_SAMPLES: usize = 16;

/// Compiles `graph` for `samples`, each a vector for every input, or for the declared ranges and no samples.
///
/// # Errors
/// No samples and no ranges, or both; samples or ranges that do not fit; tensors that are not finite; coefficients that leave their bounds.
pub fn compile(graph: Graph, samples: &[Vec<Vec<f32>>], options: &Options) -> Result<Compiled, OnnxError> {
    let float = simplify(graph);
    let synthetic;
    let (ranges, samples) = match &options.ranges {
        Some(declared) if samples.is_empty() => {
            let (ranges, drawn) = calibrate_within(&float, declared, options.margin)?;
            synthetic = drawn;
            (ranges, &synthetic[..])
        }
        Some(_) => return Err(OnnxError::SamplesAndRanges),
        None => (calibrate(&float, samples, options.margin)?, samples),
    };
    let (quantised, report) = match options.bits {
        Some(bits) => {
            let quantised = quantize(&float, &ranges, bits)?;
            let report = compare_known(&float, &quantised, samples, &ranges.tensors)?;
            (quantised, report)
        }
        None => choose_bits(&float, &ranges, samples, options.target, options.allowed.clone())?,
    };
    let accurate = report.relative() <= options.target;
    let Quantised { graph, origins, record, .. } = quantised;
    Ok(Compiled { graph, report, float, origins, record, accurate })
}

/// The smallest allowed width whose relative error over the samples is at most `target` and that keeps every top-1; the
/// most accurate one if none does.
///
/// # Errors
/// As [`compile`]; also if no width is allowed.
pub fn choose_bits(
    graph: &Graph,
    ranges: &Ranges,
    samples: &[Vec<Vec<f32>>],
    target: f64,
    allowed: RangeInclusive<u32>,
) -> Result<(Quantised, Report), OnnxError> {
    let few = &samples[..samples.len().min(CHOICE_SAMPLES)];
    let mut best: Option<(Quantised, Report)> = None;
    let mut refused = OnnxError::Bits { expected: "a range of widths that is not empty", actual: *allowed.start() };
    for bits in allowed {
        let tried = quantize(graph, ranges, bits).and_then(|quantised| {
            let report = compare_known(graph, &quantised, few, &ranges.tensors)?;
            let good = |report: &Report| report.relative() <= target && report.top1 == 1.0;
            let report = if samples.len() > few.len() && good(&report) {
                compare_known(graph, &quantised, samples, &ranges.tensors)?
            } else {
                report
            };
            Ok((good(&report), quantised, report))
        });
        match tried {
            Ok((true, quantised, report)) => return Ok((quantised, report)),
            Ok((false, quantised, report)) => {
                if best.as_ref().is_none_or(|(_, old)| report.relative() < old.relative()) {
                    best = Some((quantised, report));
                }
            }
            Err(error) => refused = error,
        }
    }
    let (quantised, report) = best.ok_or(refused)?;
    let report = if report.samples < samples.len() { compare_known(graph, &quantised, samples, &ranges.tensors)? } else { report };
    Ok((quantised, report))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::{arb_graph, arb_sample, Random};
    use crate::graph::Op;

    fn case(seed: u64) -> (Graph, Vec<Vec<Vec<f32>>>) {
        let mut random = Random(seed);
        let graph = arb_graph(&mut random, 6);
        let samples = (0..3).map(|_| arb_sample(&mut random, &graph)).collect();
        (graph, samples)
    }

    #[test]
    fn the_smallest_width_is_chosen() {
        for seed in 0..40 {
            let (graph, samples) = case(seed);
            let options = Options { target: 0.01, allowed: 6..=14, ..Options::default() };
            let compiled = compile(graph.clone(), &samples, &options).unwrap();
            let good = |c: &Compiled| c.accurate && c.report.top1 == 1.0;
            for bits in 6..compiled.graph.bits {
                let less = compile(graph.clone(), &samples, &Options { bits: Some(bits), ..options.clone() });
                assert!(!less.is_ok_and(|less| good(&less)), "seed {seed}: {bits} bits were enough");
            }
            assert!(good(&compiled) || compiled.graph.bits > 6, "seed {seed}");
        }
    }

    #[test]
    fn the_report_covers_every_node() {
        let (graph, samples) = case(7);
        let compiled = compile(graph, &samples, &Options { bits: Some(14), ..Options::default() }).unwrap();
        assert_eq!(compiled.report.layers.len(), compiled.graph.nodes.len());
        assert_eq!(compiled.report.samples, 3);
        let table = compiled.report.to_string();
        assert!(compiled.graph.nodes.iter().all(|n| table.contains(&n.name)), "{table}");
        assert!(serde_json::to_string(&compiled.report).unwrap().contains("\"top1\""));
        for (id, node) in compiled.origins.iter().zip(&compiled.graph.nodes) {
            assert_eq!(compiled.float.node(*id).elements(), node.elements());
        }
    }

    #[test]
    fn bad_samples_are_errors() {
        let mut graph = Graph::default();
        let x = graph.push("x", Op::Input, vec![], vec![1, 2]);
        let y = graph.push("exp", Op::Unary(crate::unary::Unary::Exp), vec![x], vec![1, 2]);
        graph.inputs.push(x);
        graph.push_output("y", y);
        let try_with = |samples: &[Vec<Vec<f32>>]| compile(graph.clone(), samples, &Options::default()).unwrap_err();
        assert!(matches!(try_with(&[]), OnnxError::NoSamples));
        assert!(matches!(try_with(&[vec![]]), OnnxError::InputCount { expected: 1, actual: 0 }));
        assert!(matches!(try_with(&[vec![vec![1.0]]]), OnnxError::InputLength { expected: 2, actual: 1, .. }));
        assert!(matches!(try_with(&[vec![vec![1.0, f32::NAN]]]), OnnxError::InputNotFinite { index: 1, .. }));
        let error = try_with(&[vec![vec![0.0, 0.0]], vec![vec![0.0, 1e4]]]);
        assert!(matches!(&error, OnnxError::ValueNotFinite { node, sample: 1 } if node == "exp"), "{error}");
        #[expect(clippy::reversed_empty_ranges, reason = "the case under test")]
        let none = Options { allowed: 9..=8, ..Options::default() };
        assert!(matches!(compile(graph.clone(), &[vec![vec![0.0, 1.0]]], &none), Err(OnnxError::Bits { .. })));
    }
}
