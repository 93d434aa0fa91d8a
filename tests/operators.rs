//! Every operator from file to circuit: the vectors of `onnx/tests`, which onnxruntime answered, are imported, quantised and laid out; the
//! witness satisfies MockProver, and the quantised outputs are near onnxruntime's.

use std::path::{Path, PathBuf};

use halo2_proofs::dev::MockProver;
use serde::Deserialize;
use sworn_circuits::circuit::SwornCircuit;
use sworn_circuits::layout::{Layout, Visibility};
use sworn_circuits::witness::Witness;
use sworn_onnx::compile::{compile, Options};
use sworn_onnx::quantize::{dequantize, quantize_input};
use sworn_onnx::{load, LoadOptions};

/// Width at which the circuits are small and the answers still near.
const BITS: u32 = 10;
/// Largest error, as a fraction of the largest expected value of a tensor.
const BOUND: f64 = 0.03;
/// Cases of functions that jump or have a pole where the vector has values: next to it a small error of the argument is a large one
/// of the value. Of these, at most the share of [`STEEP_SHARE`] may be off.
const STEEP: [(&str, &str); 4] = [
    ("unary", "Ceil, Floor, Round and Sign jump"),
    ("unary_parameters", "ThresholdedRelu and Shrink jump"),
    ("round_halves", "Round at halves"),
    ("unary_positive", "Tan at π/2"),
];
/// Share of the elements of a steep case that may be off.
const STEEP_SHARE: f64 = 0.3;

#[derive(Deserialize)]
struct Vector {
    case: String,
    inputs: Vec<Vec<Option<f32>>>,
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
struct Output {
    values: Vec<Option<f64>>,
}

fn paths() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("onnx/tests/vectors");
    let entries = std::fs::read_dir(&folder).expect("the vectors");
    let mut paths: Vec<PathBuf> =
        entries.map(|e| e.expect("an entry").path()).filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
    paths.sort();
    paths
}

/// Proves nothing, but checks every constraint; answers the share of outputs that are off by more than [`BOUND`].
fn check(path: &Path, vector: &Vector) -> Result<f64, String> {
    let graph = load(path.with_extension("onnx"), &LoadOptions::default()).map_err(|e| e.to_string())?;
    let inputs: Vec<Vec<f32>> = vector.inputs.iter().map(|x| x.iter().map(|v| v.unwrap_or(0.0)).collect()).collect();
    let options = Options { bits: Some(BITS), ..Options::default() };
    let graph = compile(graph, std::slice::from_ref(&inputs), &options).map_err(|e| e.to_string())?.graph;
    let visibility = Visibility { input: true, pack_public: false };
    let layout = Layout::new(&graph, visibility).map_err(|e| e.to_string())?;
    let integers = inputs.iter().enumerate().map(|(i, x)| quantize_input(&graph, i, x)).collect::<Result<Vec<_>, _>>();
    let witness = Witness::new(&graph, &layout, &integers.map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
    let circuit = SwornCircuit { layout: &layout, witness: Some(&witness) };
    let prover = MockProver::run(layout.log_rows, &circuit, vec![witness.instance()]).map_err(|e| format!("{e:?}"))?;
    prover.verify().map_err(|failures| format!("{} constraints fail, first {}", failures.len(), failures[0]))?;
    let (mut off, mut count) = (0usize, 0usize);
    for ((output, values), expected) in graph.outputs.iter().zip(&witness.outputs).zip(&vector.outputs) {
        let largest = expected.values.iter().flatten().fold(1e-3, |m: f64, v| m.max(v.abs()));
        for (actual, expected) in dequantize(graph.node(output.node), values).into_iter().zip(&expected.values) {
            let error = (f64::from(actual) - expected.unwrap_or(f64::from(actual))).abs() / largest;
            off += usize::from(error > BOUND);
            count += 1;
        }
    }
    Ok(off as f64 / count as f64)
}

#[test]
fn every_operator_is_a_circuit() {
    let mut wrong = Vec::new();
    let paths = paths();
    assert!(!paths.is_empty());
    for path in &paths {
        let vector: Vector = serde_json::from_str(&std::fs::read_to_string(path).expect("a vector")).expect("a vector");
        let allowed = if STEEP.iter().any(|(case, _)| *case == vector.case) { STEEP_SHARE } else { 0.0 };
        match check(path, &vector) {
            Ok(off) if off <= allowed => {}
            Ok(off) => wrong.push(format!("{}: {:.1} % of the outputs are off", vector.case, 100.0 * off)),
            Err(why) => wrong.push(format!("{}: {why}", vector.case)),
        }
    }
    assert!(wrong.is_empty(), "{} of {} vectors:\n{}", wrong.len(), paths.len(), wrong.join("\n"));
}
