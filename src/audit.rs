//! Audit: whether keys are those of a model, for whoever has the model and the folder, and trusts nobody's word.
//!
//! ```text
//! circuit of the folder = quantisation of the ONNX file with the scales of the record      `sworn_onnx::quantize::audit`
//! keys of the folder    = keys of that circuit, made again                                 `sworn_prover::setup`
//! what the key claims   = what was recomputed
//! ```
//!
//! That leaves the record to its maker: ranges that are too wide make a model coarse, and what no sample shows may be lost. Two things
//! tell. The error is measured, over samples that its maker could not know where they are drawn. And where the samples or ranges are those
//! that the folder was compiled for, the record that follows from them is made again: if it is the folder's, nothing was left to choose.

use std::borrow::Cow;
use std::path::Path;

use sworn_circuits::layout::Layout;
use sworn_onnx::calibrate::Range;
use sworn_onnx::graph::Graph;
use sworn_onnx::quantize::audit::audit;
use sworn_onnx::quantize::{Quantised, Record};
use sworn_onnx::report::{compare, evaluate_quantised};
use sworn_onnx::synthetic;
use sworn_prover::KeyError;
use sworn_verifier::About;

use crate::options::ranges_of;
use crate::progress::tell;
use crate::{Calibration, Compiled, Digest, Error, Input, Manifest, Model, Progress, SrsSource, Stage, VerifyingKey};

/// What an audit is told beside the folder.
#[derive(Clone, Debug, Default)]
pub struct AuditOptions<'a> {
    /// The key whose receipts are to be trusted, if it is at hand beside that of the folder.
    pub key: Option<&'a VerifyingKey>,
    /// Samples to measure the error over.
    pub samples: &'a [Input],
    /// Where there are no samples, ranges to draw some from: those of a compilation, and as many others.
    pub calibration: Calibration,
    /// Where the reference string comes from.
    pub srs: SrsSource,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq)]
pub struct Audited {
    /// Digest of the verifying key, which receipts name.
    pub verifying_key: Digest,
    /// Bit width of the activations.
    pub bits: u32,
    /// Whether receipts show the input.
    pub shows_input: bool,
    /// Whether the reference string is the development one.
    pub insecure_dev: bool,
    /// The error that the folder claims, as a fraction of the largest output.
    pub claimed: f64,
    /// The error that was measured; none without samples that are answered.
    pub measured: Option<Measured>,
    /// Samples that leave the ranges, which nothing can be proved about.
    pub refused: usize,
    /// Whether the scales are those that the samples or ranges give: then the folder's maker chose nothing. None without either.
    pub reproduced: Option<bool>,
}

/// An error over samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The largest error of an output, as a fraction of its largest value.
    pub relative_error: f64,
    /// Samples that were answered.
    pub answered: usize,
}

/// What an audit is given to measure with, in the form of the model.
struct Given {
    samples: Vec<Vec<Vec<f32>>>,
    /// The ranges to draw samples from, where there are none.
    ranges: Option<Vec<Range>>,
}

impl Given {
    fn fit(model: &Model, options: &AuditOptions<'_>) -> Result<Self, Error> {
        let ranges = match &options.calibration {
            Calibration::Ranges(ranges) if options.samples.is_empty() => Some(ranges_of(ranges, &model.inputs())?),
            _ => None,
        };
        Ok(Self { samples: model.fit_samples(options.samples)?, ranges })
    }
}

impl Model {
    /// Checks a folder against this model, and measures its error.
    ///
    /// # Errors
    /// The folder cannot be read, or its circuit, its keys or what they claim are not those of this model.
    pub fn audit(&self, folder: impl AsRef<Path>, options: &AuditOptions<'_>, progress: &mut Progress<'_>) -> Result<Audited, Error> {
        let folder = folder.as_ref();
        tell(progress, Stage::Load, 0.0)?;
        // Of a circuit that is not the model's, nothing else is worth reading.
        let claimed = Manifest::read(folder)?;
        let circuit = claimed.read_circuit(folder)?;
        tell(progress, Stage::Quantize, 0.0)?;
        let float = self.simplified();
        let quantised = audit(&float, &claimed.record, &circuit)?;
        let compiled = Compiled::open(folder, &options.srs)?;
        let (manifest, key) = (compiled.manifest(), compiled.verifying_key());
        if *compiled.graph() != quantised.graph {
            // Names the node.
            audit(&float, &manifest.record, compiled.graph())?;
            return Err(Error::Key(KeyError::Mismatch));
        }
        if options.key.is_some_and(|other| other != key) || *manifest != claimed {
            return Err(Error::Key(KeyError::Mismatch));
        }
        tell(progress, Stage::Setup, 0.0)?;
        if compiled.set_up_again(self)? != *key.key() {
            return Err(Error::Key(KeyError::Mismatch));
        }
        tell(progress, Stage::Verify, 0.0)?;
        let given = Given::fit(self, options)?;
        let (measured, refused) = measure(&float, &quantised, &given)?;
        let reproduced = reproduces(float, &manifest.record, quantised.graph.bits, given);
        let audited = Audited {
            verifying_key: key.digest(),
            bits: quantised.graph.bits,
            shows_input: compiled.shows_input(),
            insecure_dev: sworn_verifier::srs::is_insecure_dev(&key.key().s_g2),
            claimed: manifest.relative_error(),
            measured,
            refused,
            reproduced,
        };
        tell(progress, Stage::Verify, 1.0)?;
        Ok(audited)
    }
}

/// The error over the samples that are answered, and the number of the others.
fn measure(float: &Graph, quantised: &Quantised, given: &Given) -> Result<(Option<Measured>, usize), Error> {
    let samples = match &given.ranges {
        Some(ranges) => {
            let others = synthetic::samples_from(float, ranges, rand::random());
            Cow::Owned(synthetic::samples(float, ranges).into_iter().chain(others).collect())
        }
        None => Cow::Borrowed(&given.samples),
    };
    let is_answered = |sample: &&Vec<Vec<f32>>| evaluate_quantised(&quantised.graph, sample).is_ok();
    let answered: Vec<_> = samples.iter().filter(is_answered).collect();
    let (count, refused) = (answered.len(), samples.len() - answered.len());
    if count == 0 {
        return Ok((None, refused));
    }
    let answered = if refused == 0 { samples } else { Cow::Owned(answered.into_iter().cloned().collect()) };
    let relative_error = compare(float, quantised, &answered)?.relative();
    Ok((Some(Measured { relative_error, answered: count }), refused))
}

/// Whether the record is the one that the samples or ranges give at that width; none without either.
fn reproduces(float: Graph, record: &Record, bits: u32, given: Given) -> Option<bool> {
    if given.samples.is_empty() && given.ranges.is_none() {
        return None;
    }
    let quantise = sworn_onnx::compile::Options { bits: Some(bits), ranges: given.ranges, ..Default::default() };
    // Samples that nothing can be compiled for are not the folder's.
    let made = sworn_onnx::compile::compile(float, &given.samples, &quantise);
    Some(made.is_ok_and(|quantised| quantised.record == *record))
}

impl Compiled {
    /// The verifying key of the graph and its layout, with what it has to say of the model. The number of samples is its maker's word.
    fn set_up_again(&self, model: &Model) -> Result<sworn_verifier::VerifyingKey, Error> {
        let (graph, visibility) = (self.graph(), self.visibility());
        let layout = Layout::restore(graph, visibility, self.layout().choice())?;
        let about = About {
            source: model.source().0,
            samples: self.verifying_key().key().about.samples,
            report: Digest::of(self.manifest().report.to_string().as_bytes()).0,
            relative_error: self.manifest().relative_error().min(f64::MAX),
            ..sworn_prover::about(model.name(), graph)
        };
        let made = sworn_prover::setup(graph.clone(), visibility, layout, about, self.srs()).map_err(Error::Key)?;
        Ok(made.verifying_key().clone())
    }
}
