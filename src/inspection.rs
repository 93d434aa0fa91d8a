//! What a model costs, without making its keys.

use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sworn_circuits::graph::{NodeId, Output, QuantGraph};
use sworn_circuits::layout::cost::Estimate;
use sworn_onnx::report::evaluate_quantised;
use sworn_prover::DecodedKey;

use crate::folder::Manifest;
use crate::{silent, Calibration, Error, Input, InputSpec, Model, Options, ReceiptTensor, Tensor};

/// Samples of noise for a model without others.
const NOISE_SAMPLES: usize = 4;

/// A quantised model and its sizes.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Name of the model.
    pub name: String,
    /// The quantised model.
    pub graph: QuantGraph,
    /// Sizes and estimated cost of its layout.
    pub estimate: Estimate,
    /// Errors over the samples; null without any.
    pub report: serde_json::Value,
}

impl Inspection {
    /// Of an imported model, quantised for samples, or for noise if there are none.
    ///
    /// # Errors
    /// The samples do not fit, or the model cannot be quantised or is too large.
    pub fn of_model(model: &Model, options: &Options, samples: Option<&[Input]>) -> Result<Self, Error> {
        let noise;
        let declared = matches!(options.calibration, Calibration::Ranges(_));
        let given = match samples {
            Some(samples) => samples,
            None if declared => &[],
            None => {
                noise = self::noise(model);
                &noise[..]
            }
        };
        let (quantised, layout) = model.quantize(options, given, &mut silent())?;
        let report = match samples {
            None if !declared => serde_json::Value::Null,
            _ => serde_json::to_value(&quantised.report).unwrap_or_default(),
        };
        Ok(Self { name: model.name().into(), graph: quantised.graph, estimate: layout.estimate, report })
    }

    /// What the quantised model answers for an input: the outputs, as a receipt shows them.
    ///
    /// # Errors
    /// The input does not fit, or a value leaves its range.
    pub fn run(&self, input: &Input) -> Result<Vec<ReceiptTensor>, Error> {
        let graph = &self.graph;
        let node = |id: &NodeId| graph.node(*id);
        let specs: Vec<_> = graph.inputs.iter().map(node).map(|n| InputSpec { name: n.name.clone(), shape: n.shape.clone() }).collect();
        let tensors = evaluate_quantised(graph, &input.fit(&specs)?)?;
        let output = |output: &Output| {
            let (node, integers) = (graph.node(output.node), tensors[output.node.0].clone());
            // Without the sign of a zero, as in a receipt.
            let reals = integers.iter().map(|&q| f64::from(q) * node.scale + 0.0).collect();
            let shape = node.shape.iter().map(|&d| d as u64).collect();
            ReceiptTensor { name: output.name.clone(), shape, scale: node.scale, features: None, integers, reals }
        };
        Ok(graph.outputs.iter().map(output).collect())
    }

    /// Of the folder of a compiled model.
    ///
    /// # Errors
    /// A file is missing, damaged or of another model.
    pub fn of_folder(folder: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let manifest = Manifest::read(folder)?;
        let graph = manifest.read_circuit(folder)?;
        let key = DecodedKey::new(&manifest.read_proving_key(folder)?).map_err(Error::Key)?;
        match graph == *key.graph() {
            true => Ok(Self { name: manifest.model, graph, estimate: key.layout().estimate.clone(), report: manifest.report }),
            false => Err(Error::Key(sworn_prover::KeyError::Mismatch)),
        }
    }
}

/// Uniform between −1 and 1, the same every time.
fn noise(model: &Model) -> Vec<Input> {
    let mut rng = StdRng::seed_from_u64(0);
    let specs = model.inputs();
    let mut sample = || -> Input {
        let tensors = specs.iter().map(|spec| {
            let values = (0..spec.shape.iter().product()).map(|_| rng.gen_range(-1.0..1.0)).collect();
            Tensor { name: Some(spec.name.clone()), shape: spec.shape.clone(), values }
        });
        tensors.collect::<Vec<_>>().into()
    };
    (0..NOISE_SAMPLES).map(|_| sample()).collect()
}
