//! From an ONNX file to a compiled model: import, quantisation, layout, keys.

use std::path::Path;

use sworn_circuits::graph::QuantGraph;
use sworn_circuits::layout::Layout;
use sworn_circuits::memory::Budget;
use sworn_onnx::compile::Compiled as Quantised;
use sworn_onnx::graph::Graph;
use sworn_onnx::quantize::audit::audit;
use sworn_onnx::LoadOptions;
use sworn_verifier::About;

use crate::folder::{Manifest, ManifestSrs};
use crate::options::ranges_of;
use crate::progress::tell;
use crate::{silent, Asked, Calibration, Compiled, Difference, Digest, Error, Input, InputSpec, Options, Progress, Stage, VerifyingKey};

mod source;

/// The error over the samples, as a fraction of the largest output, that a chosen width stays below.
pub const TARGET_ERROR: f64 = sworn_onnx::compile::TARGET;
/// The largest circuit for which a wider quantisation with smaller tables is tried.
const TWO_LIMB_LOG_ROWS: u32 = 14;

/// An imported ONNX model.
#[derive(Clone, Debug)]
pub struct Model {
    name: String,
    graph: Graph,
    source: Digest,
}

impl Model {
    /// Reads an ONNX file; an open batch dimension is 1.
    ///
    /// # Errors
    /// The file cannot be read, or holds what is not supported: all such nodes are named.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::load_with(path, &LoadOptions::default())
    }

    /// As [`Model::load`], with the sizes of open dimensions.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load_with(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        let graph = sworn_onnx::load(path, options)?;
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let source = source::digest(&graph);
        Ok(Self { name, graph, source })
    }

    /// Its name: that of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Digest of what was imported: the same for two files that hold the same model.
    pub fn source(&self) -> Digest {
        self.source
    }

    /// Its inputs.
    pub fn inputs(&self) -> Vec<InputSpec> {
        self.graph
            .inputs
            .iter()
            .map(|id| self.graph.node(*id))
            .map(|n| InputSpec { name: n.name.clone(), shape: n.shape.clone() })
            .collect()
    }

    /// The outputs of the float model, which the quantised one approximates.
    ///
    /// # Errors
    /// The input does not fit.
    pub fn evaluate(&self, input: &Input) -> Result<Vec<Vec<f32>>, Error> {
        let tensors = sworn_onnx::evaluate::evaluate(&self.graph, &input.fit(&self.inputs())?)?;
        Ok(self.graph.outputs.iter().map(|output| tensors[output.node.0].clone()).collect())
    }

    /// Quantises the model for some samples, or for the ranges of [`Options::calibration`] and no samples, and makes its keys.
    ///
    /// **Keys show the samples, and receipts show keys.** Scales are functions of the samples, and so are the digest of the key, which every
    /// receipt names, and the columns that it opens: who guesses a sample can tell whether the guess is right. Give samples that anyone may
    /// know, or ranges; never an input that is to stay private.
    ///
    /// # Errors
    /// The samples do not fit, the model cannot be quantised or is too large, or the reference string is refused.
    pub fn compile(&self, options: &Options, samples: &[Input]) -> Result<Compiled, Error> {
        self.compile_with(options, samples, &mut silent())
    }

    /// As [`Model::compile`], telling its progress.
    ///
    /// # Errors
    /// As [`Model::compile`], or [`Error::Cancelled`].
    pub fn compile_with(&self, options: &Options, samples: &[Input], progress: &mut Progress<'_>) -> Result<Compiled, Error> {
        let (quantised, layout) = self.quantize(options, samples, progress)?;
        sworn_prover::check_setup(&layout, Budget::SYSTEM).map_err(|error| Error::Key(error.into()))?;
        tell(progress, Stage::Srs, 0.0)?;
        let srs = options.srs.load(&layout.choice())?;
        tell(progress, Stage::Setup, 0.0)?;
        let report = serde_json::to_value(&quantised.report).unwrap_or_default();
        let about = self.about(&quantised, &options.calibration, &report);
        let proving_key = sworn_prover::setup(quantised.graph, options.visibility(), layout, about, &srs).map_err(Error::Key)?;
        tell(progress, Stage::Setup, 1.0)?;
        let manifest_srs = ManifestSrs { k: srs.k(), digest: Digest(srs.digest()), identity: Digest(srs.identity()) };
        let manifest = Manifest::new(&self.name, self.source, options.settings(), quantised.record, manifest_srs, report);
        let verifying_key = VerifyingKey::new(proving_key.verifying_key().clone());
        Ok(Compiled::new(manifest, proving_key, verifying_key, srs))
    }

    /// What the keys say of the model. An output that is 0 in all samples and quantised to something else has no finite error.
    fn about(&self, quantised: &Quantised, calibration: &Calibration, report: &serde_json::Value) -> About {
        let samples = if matches!(calibration, Calibration::Ranges(_)) { 0 } else { quantised.report.samples };
        About {
            source: self.source.0,
            samples: u32::try_from(samples).unwrap_or(u32::MAX),
            report: Digest::of(report.to_string().as_bytes()).0,
            relative_error: quantised.report.relative().min(f64::MAX),
            ..sworn_prover::about(&self.name, &quantised.graph)
        }
    }

    /// The quantised model and its layout.
    pub(crate) fn quantize(&self, options: &Options, samples: &[Input], progress: &mut Progress<'_>) -> Result<(Quantised, Layout), Error> {
        tell(progress, Stage::Quantize, 0.0)?;
        let profile = options.profile.unwrap_or_default();
        let samples = self.fit_samples(samples)?;
        let ranges = match &options.calibration {
            Calibration::Ranges(ranges) => Some(ranges_of(ranges, &self.inputs())?),
            Calibration::Samples | Calibration::Input => None,
        };
        let quantise = |bits| {
            let quantise = sworn_onnx::compile::Options { bits, ranges: ranges.clone(), ..Default::default() };
            let quantised = sworn_onnx::compile::compile(self.graph.clone(), &samples, &quantise)?;
            let layout = Layout::with_profile(&quantised.graph, options.visibility(), profile)?;
            Ok::<_, Error>((quantised, layout))
        };
        let (mut quantised, mut layout) = quantise(options.bits)?;
        // An even width may be cheaper than the odd one below it: its range checks can have two limbs.
        let wider = quantised.graph.bits + 1;
        if options.bits.is_none() && wider.is_multiple_of(2) && layout.log_rows <= TWO_LIMB_LOG_ROWS {
            if let Ok(other) = quantise(Some(wider)) {
                let cost = |layout: &Layout| profile.cost(&layout.estimate);
                if other.0.accurate && cost(&other.1) < cost(&layout) {
                    (quantised, layout) = other;
                }
            }
        }
        tell(progress, Stage::Quantize, 1.0)?;
        Ok((quantised, layout))
    }

    pub(crate) fn fit_samples(&self, samples: &[Input]) -> Result<Vec<Vec<Vec<f32>>>, Error> {
        let specs = self.inputs();
        let mut fitted = Vec::new();
        for sample in samples {
            fitted.extend(sample.fit_samples(&specs)?);
        }
        Ok(fitted)
    }

    /// Whether the circuit of a compiled model is the quantisation of this one, and nothing else.
    ///
    /// # Errors
    /// It is not: the node that differs is named.
    pub fn check(&self, compiled: &Compiled) -> Result<(), Error> {
        self.check_circuit(compiled.manifest(), compiled.graph())
    }

    /// As [`Model::check`], of a circuit and the manifest of its folder.
    ///
    /// # Errors
    /// As [`Model::check`].
    pub fn check_circuit(&self, manifest: &Manifest, circuit: &QuantGraph) -> Result<(), Error> {
        audit(&self.simplified(), &manifest.record, circuit)?;
        Ok(())
    }

    pub(crate) fn simplified(&self) -> Graph {
        sworn_onnx::simplify::simplify(self.graph.clone())
    }

    /// How a folder differs from this model, compiled by this version with the options that were asked for. The samples are not compared.
    ///
    /// # Errors
    /// The file of the reference string cannot be read.
    pub fn differences(&self, manifest: &Manifest, asked: &Asked) -> Result<Vec<Difference>, Error> {
        let mut found = Vec::new();
        let parts = [
            ("the version of sworn", manifest.tool.clone(), env!("CARGO_PKG_VERSION").to_owned()),
            ("the model's name", manifest.model.clone(), self.name.clone()),
            ("the digest of the model", manifest.source.to_string(), self.source.to_string()),
        ];
        for (of, folder, ours) in parts {
            if folder != ours {
                found.push(Difference { of, folder, asked: ours });
            }
        }
        found.extend(asked.differences(manifest)?);
        Ok(found)
    }
}
