//! The receipt: a public statement about a model, and the proof of it, as JSON.
//!
//! ```text
//! format, version     "sworn-receipt", 2
//! model               name of the model                                        = the verifying key's
//! verifying_key       digest of the verifying key, which commits to the weights = the verifying key's
//! source, bits,       digest of the ONNX graph; bits of an activation; samples  = the verifying key's
//! samples,            that the ranges are of; largest error over them
//! relative_error
//! srs                 identity of the reference string, kind and name          = the verifying key's
//! visibility          which tensors are public                                 = the verifying key's
//! inputs, outputs     public tensors: name, shape, scale                       = the verifying key's
//!                     integers, row-major; reals                               = integers · scale
//! instances           the field elements of the integers, inputs then outputs  = the verifying key's of the integers
//! context             32 bytes that the proof is bound to; zeros for none      checked with the proof
//! proof               checked against verifying key, context and instances
//! ```
//!
//! Nothing in it is taken on trust: every field is compared with what the right column says. Bytes are `0x` and digits in lower case, and
//! the `0x` may be missing; apart from that each value has one text. Unknown and repeated fields are refused. What identifies a receipt
//! is the digest of its proof, [`Receipt::id`]: texts of one receipt may differ, its proof cannot.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha3::{Digest as _, Keccak256};
use sworn_verifier::{field, Context, Features, Fr, InstanceError, PublicTensor, Role};

use crate::hexadecimal::{Bytes, Word};
use crate::{printable_json, Accepted, Digest, Field, Rejection, Srs, SrsKind, SrsPolicy, VerifyingKey};

const FORMAT: &str = "sworn-receipt";
const VERSION: u32 = 2;

/// A statement about a model and its proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    format: String,
    version: u32,
    model: String,
    verifying_key: Digest,
    source: Digest,
    bits: u32,
    samples: u32,
    relative_error: f64,
    srs: Srs,
    visibility: Visibility,
    inputs: Vec<ReceiptTensor>,
    outputs: Vec<ReceiptTensor>,
    instances: Vec<Word>,
    context: Word,
    proof: Bytes,
}

/// What is read of a receipt of any version.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

/// Which tensors a receipt shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visibility {
    /// The inputs.
    pub input: Visible,
    /// The outputs.
    pub output: Visible,
}

/// Who sees a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visible {
    /// Whoever sees the receipt.
    Public,
    /// The prover alone.
    Private,
}

/// A public tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptTensor {
    /// Its name in the model.
    pub name: String,
    /// Its shape, row-major.
    pub shape: Vec<u64>,
    /// Real value of the integer 1; with features, the largest of theirs.
    pub scale: f64,
    /// The features of an input, if they have scales of their own.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub features: Option<Features>,
    /// What the proof is about.
    pub integers: Vec<i32>,
    /// `integers · scale`, or what the element's feature says.
    pub reals: Vec<f64>,
}

impl Receipt {
    /// The receipt of a proof in a context about `tensors`, integers in the order of the key's public tensors, and their instance.
    pub fn new(key: &VerifyingKey, context: Context, tensors: &[Vec<i32>], instance: &[Fr], proof: &[u8]) -> Self {
        let of = |role: Role| {
            let public = key.key().tensors.iter().zip(tensors).filter(move |(t, _)| t.role == role);
            public.map(|(tensor, integers)| ReceiptTensor::new(tensor, integers)).collect()
        };
        let about = &key.key().about;
        Self {
            format: FORMAT.into(),
            version: VERSION,
            model: key.model().into(),
            verifying_key: key.digest(),
            source: Digest(about.source),
            bits: about.bits,
            samples: about.samples,
            relative_error: about.relative_error,
            srs: key.srs(),
            visibility: visibility(key),
            inputs: of(Role::Input),
            outputs: of(Role::Output),
            instances: instance.iter().map(word).collect(),
            context: Word(context.0),
            proof: Bytes(proof.into()),
        }
    }

    /// Reads a receipt from its text.
    ///
    /// # Errors
    /// It is not JSON, a field is missing, unknown or of the wrong type, or it is a receipt of another version.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Rejection> {
        serde_json::from_slice(bytes).map_err(|error| match serde_json::from_slice(bytes) {
            Ok(Head { format, version }) if format == FORMAT && version != VERSION => {
                Rejection::Version { expected: VERSION, actual: version }
            }
            _ => Rejection::Json(error),
        })
    }

    /// The receipt as text, one field a line.
    pub fn to_json(&self) -> String {
        let fields = serde_json::to_value(self).unwrap_or_default();
        let line = |name: &&str| format!("  \"{name}\": {}", fields.get(*name).unwrap_or(&Value::Null));
        let lines: Vec<String> = FIELDS.iter().map(line).collect();
        printable_json(&format!("{{\n{}\n}}\n", lines.join(",\n")))
    }

    /// Accepts the receipt, or says why not.
    ///
    /// # Errors
    /// Any field is not what the key, the other fields and the proof say; or the reference string is the development
    /// one and `policy` does not allow that.
    pub fn verify(&self, key: &VerifyingKey, policy: SrsPolicy) -> Result<(), Rejection> {
        self.accept(key, policy).map(|_| ())
    }

    /// As [`Receipt::verify`], with what the receipt says.
    ///
    /// # Errors
    /// As [`Receipt::verify`].
    pub fn accept(&self, key: &VerifyingKey, policy: SrsPolicy) -> Result<Accepted<'_>, Rejection> {
        let reject = |field| Err(Rejection::Mismatch { field });
        if self.format != FORMAT || self.version != VERSION {
            return Err(Rejection::Version { expected: VERSION, actual: self.version });
        }
        if self.verifying_key != key.digest() {
            return Err(Rejection::VerifyingKey { expected: key.digest(), actual: self.verifying_key });
        }
        let about = &key.key().about;
        let same = [
            (Field::Model, self.model == about.model),
            (Field::Source, self.source == Digest(about.source)),
            (Field::Bits, self.bits == about.bits),
            (Field::Samples, self.samples == about.samples),
            (Field::RelativeError, self.relative_error.to_bits() == about.relative_error.to_bits()),
            (Field::Srs, self.srs == key.srs()),
            (Field::Visibility, self.visibility == visibility(key)),
        ];
        if let Some((field, _)) = same.into_iter().find(|(_, same)| !same) {
            return reject(field);
        }
        let tensors = self.check_tensors(&key.key().tensors)?;
        let integers: Vec<i64> = tensors.iter().copied().flatten().map(|q| i64::from(*q)).collect();
        let instance = key.key().instance(&integers).map_err(|error| rejected(&error, &key.key().tensors))?;
        if !self.instances.iter().copied().eq(instance.iter().map(word)) {
            return reject(Field::Instances);
        }
        policy.check(&key.key().s_g2)?;
        sworn_verifier::verify(key.key(), self.context(), &instance, &self.proof.0).map_err(Rejection::Proof)?;
        Ok(Accepted { receipt: self, tensors, instance })
    }

    /// As [`Receipt::accept`], in no other context than this one.
    ///
    /// # Errors
    /// As [`Receipt::accept`], or [`Rejection::Context`].
    pub fn accept_in(&self, context: Context, key: &VerifyingKey, policy: SrsPolicy) -> Result<Accepted<'_>, Rejection> {
        let accepted = self.accept(key, policy)?;
        match self.context() == context {
            true => Ok(accepted),
            false => Err(Rejection::Context { expected: Digest(context.0), actual: Digest(self.context.0) }),
        }
    }

    /// The public integers by tensor, in the order of the instances.
    fn check_tensors(&self, expected: &[PublicTensor]) -> Result<Vec<&[i32]>, Rejection> {
        let inputs = expected.iter().filter(|t| t.role == Role::Input).count();
        if self.inputs.len() != inputs || self.inputs.len() + self.outputs.len() != expected.len() {
            return Err(Rejection::Mismatch { field: Field::Tensors });
        }
        let (mut inputs, mut outputs) = (self.inputs.iter(), self.outputs.iter());
        let mut integers = Vec::with_capacity(expected.len());
        for public in expected {
            let tensor = match public.role {
                Role::Input => inputs.next(),
                Role::Output => outputs.next(),
            };
            let tensor = tensor.ok_or(Rejection::Mismatch { field: Field::Tensors })?;
            tensor.check(public)?;
            integers.push(tensor.integers.as_slice());
        }
        Ok(integers)
    }

    /// Name of the model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Digest of the verifying key.
    pub fn verifying_key(&self) -> Digest {
        self.verifying_key
    }

    /// What identifies it: Keccak-256 of its proof. Of one proof there are receipts of many texts.
    pub fn id(&self) -> Digest {
        Digest(Keccak256::digest(&self.proof.0).into())
    }

    /// Digest of the ONNX graph that it says that the model was made from.
    pub fn source(&self) -> Digest {
        self.source
    }

    /// Bits of an activation.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Samples that the model's ranges are of; 0 if they were declared.
    pub fn samples(&self) -> u32 {
        self.samples
    }

    /// The largest error of an output over the samples, as a fraction of the largest output.
    pub fn relative_error(&self) -> f64 {
        self.relative_error
    }

    /// The reference string that it says that it was made with.
    pub fn srs(&self) -> &Srs {
        &self.srs
    }

    /// Whether it says that it was made with the development reference string, against which anyone can forge proofs.
    pub fn is_insecure_dev(&self) -> bool {
        self.srs.kind == SrsKind::InsecureDev
    }

    /// Which tensors it shows.
    pub fn visibility(&self) -> Visibility {
        self.visibility
    }

    /// What its proof is bound to.
    pub fn context(&self) -> Context {
        Context(self.context.0)
    }

    /// The bytes of its proof.
    pub fn proof(&self) -> &[u8] {
        &self.proof.0
    }

    /// The inputs, if they are public.
    pub fn inputs(&self) -> &[ReceiptTensor] {
        &self.inputs
    }

    /// The outputs.
    pub fn outputs(&self) -> &[ReceiptTensor] {
        &self.outputs
    }

    /// Length of the proof in bytes.
    pub fn proof_bytes(&self) -> usize {
        self.proof.0.len()
    }
}

/// The fields in the order of the text.
const FIELDS: [&str; 15] = [
    "format",
    "version",
    "model",
    "verifying_key",
    "source",
    "bits",
    "samples",
    "relative_error",
    "srs",
    "visibility",
    "inputs",
    "outputs",
    "instances",
    "context",
    "proof",
];

impl ReceiptTensor {
    fn new(public: &PublicTensor, integers: &[i32]) -> Self {
        let PublicTensor { name, scale, features, .. } = public.clone();
        let shape = dimensions(public).collect();
        Self { name, shape, scale, features, integers: integers.into(), reals: reals(public, integers).collect() }
    }

    fn check(&self, public: &PublicTensor) -> Result<(), Rejection> {
        let same = self.name == public.name
            && self.shape.iter().copied().eq(dimensions(public))
            && self.scale.to_bits() == public.scale.to_bits()
            && bits(&self.features) == bits(&public.features)
            && self.integers.len() == public.elements()
            && self.reals.len() == self.integers.len()
            && self.reals.iter().zip(reals(public, &self.integers)).all(|(ours, real)| ours.to_bits() == real.to_bits());
        match same {
            true => Ok(()),
            false => Err(of_tensor(public)),
        }
    }
}

/// The shape, in a type that does not depend on the machine.
fn dimensions(public: &PublicTensor) -> impl Iterator<Item = u64> + '_ {
    public.shape.iter().map(|d| u64::try_from(*d).unwrap_or(u64::MAX))
}

/// A field that is there is not `null`: each value has one text.
fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Features>, D::Error> {
    Features::deserialize(field).map(Some)
}

/// What is equal only if all bits are.
fn bits(features: &Option<Features>) -> Option<(usize, Vec<u64>, Vec<u64>)> {
    let of = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect();
    features.as_ref().map(|f| (f.run, of(&f.scales), of(&f.offsets)))
}

/// The real values of integers; zero has no sign, which JSON would keep.
fn reals<'a>(public: &'a PublicTensor, integers: &'a [i32]) -> impl Iterator<Item = f64> + 'a {
    integers.iter().enumerate().map(|(element, integer)| public.real(element, *integer))
}

/// A field element as 32 bytes.
fn word(value: &Fr) -> Word {
    Word(field::encode(value))
}

/// A public tensor does not agree with the key.
fn of_tensor(public: &PublicTensor) -> Rejection {
    let field = if public.role == Role::Input { Field::Inputs } else { Field::Outputs };
    Rejection::Tensor { field, name: public.name.clone() }
}

/// Why integers have no instance.
fn rejected(error: &InstanceError, tensors: &[PublicTensor]) -> Rejection {
    match error {
        InstanceError::OutOfRange { tensor, .. } => tensors.get(*tensor).map_or(Rejection::Mismatch { field: Field::Tensors }, of_tensor),
        _ => Rejection::Mismatch { field: Field::Tensors },
    }
}

fn visibility(key: &VerifyingKey) -> Visibility {
    let has = |role| match key.key().tensors.iter().any(|t| t.role == role) {
        true => Visible::Public,
        false => Visible::Private,
    };
    Visibility { input: has(Role::Input), output: has(Role::Output) }
}
