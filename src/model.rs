//! From an ONNX file to a compiled model: import, quantisation, layout, keys.

use std::path::Path;

use sworn_circuits::layout::{Layout, LayoutProfile, Visibility};
use sworn_circuits::memory::Budget;
use sworn_onnx::compile::Compiled as Quantised;
use sworn_onnx::graph::Graph;
use sworn_onnx::LoadOptions;
use sworn_verifier::About;

use crate::folder::{Manifest, ManifestSrs, Settings};
use crate::progress::tell;
use crate::{silent, Compiled, Digest, Error, Input, InputSpec, Progress, SrsSource, Stage, VerifyingKey};

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

/// How a model is compiled.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Bit width of the activations; without one, the cheapest that keeps the error over the samples below 0.3 %.
    pub bits: Option<u32>,
    /// Whether receipts show the input. Outputs are always public, weights never.
    pub public_input: bool,
    /// Whether public integers share field elements, as many as one holds: cheaper to check on chain. Receipts show the same.
    pub pack_public: bool,
    /// What the circuit is to be cheap for. Without one a new model is fast to prove, and a compiled one stays what it is.
    pub profile: Option<LayoutProfile>,
    /// Where the reference string comes from. Without a file, it is the **insecure** development SRS.
    pub srs: SrsSource,
}

impl Options {
    fn visibility(&self) -> Visibility {
        Visibility { input: self.public_input, pack_public: self.pack_public }
    }
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
        let mut tensors = sworn_onnx::evaluate::evaluate(&self.graph, &input.fit(&self.inputs())?)?;
        Ok(self.graph.outputs.iter().map(|id| std::mem::take(&mut tensors[id.0])).collect())
    }

    /// Quantises the model for some samples and makes its keys.
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
        let (quantised, layout, samples) = self.quantize(options, samples, progress)?;
        sworn_prover::check_setup(&layout, Budget::SYSTEM).map_err(|error| Error::Key(error.into()))?;
        tell(progress, Stage::Srs, 0.0)?;
        let srs = options.srs.load(&layout.choice())?;
        tell(progress, Stage::Setup, 0.0)?;
        let report = serde_json::to_value(&quantised.report).unwrap_or_default();
        let about = self.about(&quantised, &report);
        let proving_key = sworn_prover::setup(quantised.graph, options.visibility(), layout, about, &srs).map_err(Error::Key)?;
        tell(progress, Stage::Setup, 1.0)?;
        let Options { bits, public_input, pack_public, profile, .. } = *options;
        let settings = Settings { bits, public_input, pack_public, profile: profile.unwrap_or_default(), samples };
        let manifest_srs = ManifestSrs { k: srs.k(), digest: Digest(srs.digest()), ceremony: Digest(srs.ceremony()) };
        let manifest = Manifest::new(&self.name, self.source, settings, manifest_srs, report);
        let verifying_key = VerifyingKey::new(proving_key.verifying_key().clone());
        Ok(Compiled::new(manifest, proving_key, verifying_key, srs))
    }

    /// What the keys say of the model. An output that is 0 in all samples and quantised to something else has no finite error.
    fn about(&self, quantised: &Quantised, report: &serde_json::Value) -> About {
        About {
            source: self.source.0,
            samples: u32::try_from(quantised.report.samples).unwrap_or(u32::MAX),
            report: Digest::of(report.to_string().as_bytes()).0,
            error: quantised.report.relative().min(f64::MAX),
            ..sworn_prover::about(&self.name, &quantised.graph)
        }
    }

    /// The quantised model, its layout, and the digest of the samples.
    pub(crate) fn quantize(
        &self,
        options: &Options,
        samples: &[Input],
        progress: &mut Progress<'_>,
    ) -> Result<(Quantised, Layout, Digest), Error> {
        tell(progress, Stage::Quantize, 0.0)?;
        let profile = options.profile.unwrap_or_default();
        let samples = self.fit_samples(samples)?;
        let quantise = |bits| {
            let quantise = sworn_onnx::compile::Options { bits, ..Default::default() };
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
        Ok((quantised, layout, digest_samples(&samples)))
    }

    fn fit_samples(&self, samples: &[Input]) -> Result<Vec<Vec<Vec<f32>>>, Error> {
        let specs = self.inputs();
        let mut fitted = Vec::new();
        for sample in samples {
            fitted.extend(sample.fit_samples(&specs)?);
        }
        Ok(fitted)
    }

    /// Whether a compiled model is what [`Model::compile`] would make; without samples, whatever samples it was made for.
    ///
    /// # Errors
    /// The samples do not fit, or the reference string cannot be read.
    pub fn is_current(&self, manifest: &Manifest, options: &Options, samples: Option<&[Input]>) -> Result<bool, Error> {
        let settings = &manifest.settings;
        if manifest.tool != env!("CARGO_PKG_VERSION") || manifest.source != self.source || manifest.model != self.name {
            return Ok(false);
        }
        if settings.visibility() != options.visibility()
            || options.profile.is_some_and(|profile| settings.profile != profile)
            || options.bits.is_some_and(|b| settings.bits != Some(b))
        {
            return Ok(false);
        }
        if options.srs.file.is_some() && options.srs.ceremony()? != manifest.srs.ceremony {
            return Ok(false);
        }
        match samples {
            None => Ok(true),
            Some(samples) => Ok(digest_samples(&self.fit_samples(samples)?) == settings.samples),
        }
    }
}

fn digest_samples(samples: &[Vec<Vec<f32>>]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for sample in samples {
        for tensor in sample {
            let bytes: Vec<u8> = tensor.iter().flat_map(|v| v.to_le_bytes()).collect();
            hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
        }
    }
    Digest(*hasher.finalize().as_bytes())
}
