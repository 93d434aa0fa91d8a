//! What a model costs, without making its keys.

use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sworn_circuits::graph::QuantGraph;
use sworn_circuits::layout::cost::Estimate;
use sworn_prover::DecodedKey;

use crate::folder::Manifest;
use crate::{silent, Error, Input, Model, Options, Tensor};

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
        let given = match samples {
            Some(samples) => samples,
            None => {
                noise = self::noise(model);
                &noise[..]
            }
        };
        let (quantised, layout, _) = model.quantize(options, given, &mut silent())?;
        let report = match samples {
            Some(_) => serde_json::to_value(&quantised.report).unwrap_or_default(),
            None => serde_json::Value::Null,
        };
        Ok(Self { name: model.name().into(), graph: quantised.graph, estimate: layout.estimate, report })
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
