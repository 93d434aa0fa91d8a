//! `sworn inspect`: what a model is, and what it costs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::{json, Value};
use sworn::Inspection;
use sworn_circuits::graph::QuantGraph;
use sworn_circuits::layout::cost::Estimate;

use super::error::CliError;
use super::open::{refuse_options, samples, verifying_key};
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
                refuse_options(&self.compile)?;
                if self.compile.srs.is_some() {
                    return Err(CliError::OptionNeedsModel { option: "--srs" });
                }
                Inspection::of_folder(&model)?
            }
            false => {
                Inspection::of_model(&self.compile.load(&model)?, &context.options(&self.compile), samples(&self.compile)?.as_deref())?
            }
        };
        // Before it is compiled there are no programs whose operations could be counted.
        let gas = match model.is_dir() {
            true => verifying_key(model)?.estimate_gas().ok(),
            false => None,
        };
        let Inspection { name, graph, estimate, report, .. } = &inspection;
        let tensor = |id| {
            let node = graph.node(id);
            json!({ "name": node.name, "shape": node.shape, "scale": node.scale })
        };
        let json = json!({
            "model": name, "bits": graph.bits, "ops": ops(graph), "layout": estimate, "report": report, "gas": gas,
            "inputs": graph.inputs.iter().map(|id| tensor(*id)).collect::<Vec<_>>(),
            "outputs": graph.outputs.iter().map(|id| tensor(*id)).collect::<Vec<_>>(),
        });
        let mut text = format!("model          {name}\nbits           {}\n", graph.bits);
        for (role, ids) in [("input ", &graph.inputs), ("output", &graph.outputs)] {
            for node in ids.iter().map(|id| graph.node(*id)) {
                text += &format!("{role}         {} {:?}, scale {:.3e}\n", node.name, node.shape, node.scale);
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
            "error          {}: max {:.3e} ({:.3} %), mean {:.3e}, cosine {:.6}\n",
            output["node"].as_str().unwrap_or_default(),
            figure("max_abs"),
            100.0 * figure("relative"),
            figure("mean_abs"),
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
