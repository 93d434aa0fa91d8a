//! `sworn inspect`: what a model is, and what it costs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::{json, Value};
use sworn::Inspection;
use sworn_circuits::graph::{Node, QuantGraph};
use sworn_circuits::layout::cost::Estimate;

use super::error::CliError;
use super::open::{refuse_options, verifying_key};
use super::{devices, Answer, CompileArgs, Context};

/// For `--help`.
const EXAMPLES: &str = "Examples:
  sworn inspect model.onnx --calibrate samples.npy
  sworn inspect model.sworn --json
  sworn inspect --devices";

/// Print a model's inputs, layers, layout and estimated cost
///
/// An ONNX file is quantised for the samples of `--calibrate`; without any, for noise, which says little about accuracy.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Inspect {
    /// ONNX file, or the .sworn folder of a compiled model
    #[arg(value_name = "MODEL", required_unless_present = "devices")]
    model: Option<PathBuf>,
    /// Print the CUDA devices that `prove --backend cuda` and `--backend icicle` can use, or why there are none
    #[arg(long, conflicts_with = "model")]
    devices: bool,
    #[command(flatten)]
    compile: CompileArgs,
}

impl Inspect {
    pub(super) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let (Some(model), false) = (self.model, self.devices) else { return Ok(devices::answer()) };
        let inspection = match model.is_dir() {
            true => {
                refuse_options(&self.compile, false)?;
                let given = [(self.compile.srs.is_some(), "--srs"), (self.compile.public_input.is_some(), "--public-input")];
                if let Some((_, option)) = given.into_iter().find(|(given, _)| *given) {
                    return Err(CliError::OptionNeedsModel { option });
                }
                Inspection::of_folder(&model)?
            }
            false => {
                let options = context.asked(&self.compile)?.over(None);
                Inspection::of_model(&self.compile.load(&model)?, &options, self.compile.samples()?.as_deref())?
            }
        };
        // Before it is compiled there are no programs whose operations could be counted.
        let gas = match model.is_dir() {
            true => verifying_key(model)?.estimate_gas().ok(),
            false => None,
        };
        let Inspection { name, graph, estimate, report, .. } = &inspection;
        let inputs = graph.inputs.iter().map(|&id| (graph.node(id).name.as_str(), graph.node(id)));
        let outputs = graph.outputs.iter().map(|output| (output.name.as_str(), graph.node(output.node)));
        let (inputs, outputs): (Vec<_>, Vec<_>) = (inputs.collect(), outputs.collect());
        let tensors = |list: &[(&str, &Node)]| -> Vec<Value> {
            list.iter().map(|(name, node)| json!({ "name": name, "shape": node.shape, "scale": node.scale })).collect()
        };
        let json = json!({
            "model": name, "bits": graph.bits, "ops": ops(graph), "layout": estimate, "report": report, "gas": gas,
            "inputs": tensors(&inputs), "outputs": tensors(&outputs),
        });
        let mut text = format!("model          {name}\nbits           {}\n", graph.bits);
        for (role, list) in [("input ", &inputs), ("output", &outputs)] {
            for (name, node) in list {
                text += &format!("{role}         {name} {:?}, scale {:.3e}\n", node.shape, node.scale);
            }
        }
        text += &report_text(report);
        text += &layout_text(graph, estimate);
        text += &match gas {
            Some(gas) => format!("gas            about {gas} to check a proof on chain\n"),
            None => format!("gas            very roughly {:.0} to check a proof on chain\n", inspection.estimate.gas),
        };
        Ok(Answer { text, json })
    }
}

/// Number of nodes of each operation.
fn ops(graph: &QuantGraph) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for node in &graph.nodes {
        *counts.entry(node.op.name()).or_default() += 1;
    }
    counts
}

/// Errors of the outputs over the samples.
pub(super) fn report_text(report: &Value) -> String {
    let mut text = String::new();
    for output in report["outputs"].as_array().into_iter().flatten() {
        let figure = |name: &str| output[name].as_f64().unwrap_or(f64::NAN);
        text += &format!(
            "error          {}: max {:.3} %, mean {:.3} % of the largest value, cosine {:.6}\n",
            output["node"].as_str().unwrap_or_default(),
            100.0 * figure("relative"),
            100.0 * figure("mean"),
            figure("cosine"),
        );
    }
    if let (Some(top1), Some(samples)) = (report["top1"].as_f64(), report["samples"].as_u64()) {
        text += &format!("top-1          {:.2} % of {samples} samples\n", 100.0 * top1);
    }
    text
}

/// Sizes and costs.
pub(super) fn layout_text(graph: &QuantGraph, estimate: &Estimate) -> String {
    let ops: Vec<String> = ops(graph).iter().map(|(name, count)| format!("{count} {name}")).collect();
    format!("nodes          {}\n{estimate}", ops.join(", "))
}
