//! Audit: whether keys are those of a model, for whoever has the model and the folder, and trusts nobody's word.
//!
//! ```text
//! circuit of the folder = quantisation of the ONNX file with the scales of the record      `sworn_onnx::quantize::audit`
//! keys of the folder    = keys of that circuit, made again                                 `sworn_prover::setup`
//! what the key claims   = what was recomputed
//! ```
//!
//! How coarse the quantisation is, is measured over samples: that is no matter of equality.

use std::path::Path;

use sworn_circuits::layout::Layout;
use sworn_onnx::quantize::audit::audit;
use sworn_onnx::quantize::Quantised;
use sworn_onnx::report::{compare, evaluate_quantised};
use sworn_onnx::synthetic;
use sworn_prover::KeyError;
use sworn_verifier::About;

use crate::options::ranges_of;
use crate::progress::tell;
use crate::{Calibration, Compiled, Digest, Error, Input, Model, Progress, SrsSource, Stage, VerifyingKey};

/// What an audit is told beside the folder.
#[derive(Clone, Debug, Default)]
pub struct AuditOptions<'a> {
    /// The key whose receipts are to be trusted, if it is at hand beside that of the folder.
    pub key: Option<&'a VerifyingKey>,
    /// Samples to measure the error over.
    pub samples: &'a [Input],
    /// Where there are no samples, ranges to draw some from.
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
    /// The error that was measured.
    pub measured: Option<Measured>,
}

/// An error over samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The largest error of an output, as a fraction of its largest value.
    pub error: f64,
    /// Samples that were answered.
    pub answered: usize,
    /// Samples that leave the ranges, which nothing can be proved about.
    pub refused: usize,
}

impl Model {
    /// Checks a folder against this model, and measures its error.
    ///
    /// # Errors
    /// The folder cannot be read, or its circuit, its keys or what they claim are not those of this model.
    pub fn audit(&self, folder: impl AsRef<Path>, options: &AuditOptions<'_>, progress: &mut Progress<'_>) -> Result<Audited, Error> {
        let folder = folder.as_ref();
        tell(progress, Stage::Load, 0.0)?;
        let compiled = Compiled::open(folder, &options.srs)?;
        let manifest = compiled.manifest();
        tell(progress, Stage::Quantize, 0.0)?;
        let quantised = audit(&self.simplified(), &manifest.record, compiled.graph())?;
        let key = compiled.verifying_key();
        if options.key.is_some_and(|other| other != key) || manifest.read_circuit(folder)? != quantised.graph {
            return Err(Error::Key(KeyError::Mismatch));
        }
        tell(progress, Stage::Setup, 0.0)?;
        if compiled.set_up_again(self)? != *key.key() {
            return Err(Error::Key(KeyError::Mismatch));
        }
        tell(progress, Stage::Verify, 0.0)?;
        let audited = Audited {
            verifying_key: key.digest(),
            bits: quantised.graph.bits,
            shows_input: compiled.shows_input(),
            insecure_dev: sworn_verifier::srs::is_insecure_dev(&key.key().s_g2),
            claimed: manifest.relative_error(),
            measured: self.measure(&quantised, options)?,
        };
        tell(progress, Stage::Verify, 1.0)?;
        Ok(audited)
    }

    fn measure(&self, quantised: &Quantised, options: &AuditOptions<'_>) -> Result<Option<Measured>, Error> {
        let float = self.simplified();
        let samples = match &options.calibration {
            Calibration::Ranges(ranges) if options.samples.is_empty() => synthetic::samples(&float, &ranges_of(ranges, &self.inputs())?),
            _ => self.fit_samples(options.samples)?,
        };
        if samples.is_empty() {
            return Ok(None);
        }
        let count = samples.len();
        let answered: Vec<_> = samples.into_iter().filter(|sample| evaluate_quantised(&quantised.graph, sample).is_ok()).collect();
        let error = compare(&float, quantised, &answered)?.relative();
        Ok(Some(Measured { error, answered: answered.len(), refused: count - answered.len() }))
    }
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
            error: self.manifest().relative_error().min(f64::MAX),
            ..sworn_prover::about(model.name(), graph)
        };
        let made = sworn_prover::setup(graph.clone(), visibility, layout, about, self.srs()).map_err(Error::Key)?;
        Ok(made.verifying_key().clone())
    }
}
