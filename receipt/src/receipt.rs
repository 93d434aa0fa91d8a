//! The receipt: a public statement about a model, and the proof of it, as JSON.
//!
//! ```text
//! format, version     "sworn-receipt", 1
//! model               name of the model                                        = the verifying key's
//! verifying_key       digest of the verifying key, which commits to the weights = the verifying key's
//! srs                 digest of the reference string, and whether it is insecure = the verifying key's
//! visibility          which tensors are public                                 = the verifying key's
//! inputs, outputs     public tensors: name, shape, scale                       = the verifying key's
//!                     integers, row-major; reals                               = integers · scale
//! instances           the field elements of the integers, inputs then outputs  = the verifying key's of the integers
//! proof               checked against verifying key and instances
//! ```
//!
//! Nothing in it is taken on trust: every field is compared with what the right column says, and each value has one text
//! only. Hexadecimal digits are in lower case; unknown and repeated fields are refused.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sworn_verifier::srs::is_insecure_dev;
use sworn_verifier::{field, Features, Fr, InstanceError, PublicTensor, Role};

use crate::digest::parse_hex;
use crate::{Accepted, Digest, Field, Rejection, VerifyingKey};

const FORMAT: &str = "sworn-receipt";
const VERSION: u32 = 1;

/// A statement about a model and its proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    format: String,
    version: u32,
    model: String,
    verifying_key: Digest,
    srs: Srs,
    visibility: Visibility,
    inputs: Vec<ReceiptTensor>,
    outputs: Vec<ReceiptTensor>,
    instances: Vec<String>,
    proof: String,
}

/// What a receipt says about the reference string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Srs {
    digest: Digest,
    kind: SrsKind,
}

/// Where the secret of a reference string comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SrsKind {
    Ceremony,
    InsecureDev,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Visibility {
    input: Visible,
    output: Visible,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Visible {
    Public,
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

/// Which reference strings a verifier accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SrsPolicy {
    /// Only others than the development one, whose secret everybody knows. Whether a string is of a ceremony to be trusted is
    /// for whoever gives out the verifying key to say.
    #[default]
    Secure,
    /// Also the development one, against which anyone can forge proofs.
    AllowInsecure,
}

impl Receipt {
    /// The receipt of a proof about `tensors`, integers in the order of the key's public tensors, and their instance.
    pub fn new(key: &VerifyingKey, tensors: &[Vec<i32>], instance: &[Fr], proof: &[u8]) -> Self {
        let of = |role: Role| {
            let public = key.key().tensors.iter().zip(tensors).filter(move |(t, _)| t.role == role);
            public.map(|(tensor, integers)| ReceiptTensor::new(tensor, integers)).collect()
        };
        Self {
            format: FORMAT.into(),
            version: VERSION,
            model: key.model().into(),
            verifying_key: key.digest(),
            srs: Srs { digest: Digest(key.key().srs_digest), kind: kind(key) },
            visibility: visibility(key),
            inputs: of(Role::Input),
            outputs: of(Role::Output),
            instances: instance.iter().map(text).collect(),
            proof: hex::encode(proof),
        }
    }

    /// Reads a receipt from its text.
    ///
    /// # Errors
    /// It is not JSON, or a field is missing, unknown or of the wrong type.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Rejection> {
        serde_json::from_slice(bytes).map_err(Rejection::Json)
    }

    /// The receipt as text, one field a line.
    pub fn to_json(&self) -> String {
        let fields = serde_json::to_value(self).unwrap_or_default();
        let line = |name: &&str| format!("  \"{name}\": {}", fields.get(*name).unwrap_or(&Value::Null));
        let lines: Vec<String> = FIELDS.iter().map(line).collect();
        format!("{{\n{}\n}}\n", lines.join(",\n"))
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
        if self.model != key.model() {
            return reject(Field::Model);
        }
        if self.srs != (Srs { digest: Digest(key.key().srs_digest), kind: kind(key) }) {
            return reject(Field::Srs);
        }
        if self.visibility != visibility(key) {
            return reject(Field::Visibility);
        }
        let tensors = self.check_tensors(&key.key().tensors)?;
        let integers: Vec<i64> = tensors.iter().copied().flatten().map(|q| i64::from(*q)).collect();
        let instance = key.key().instance(&integers).map_err(|error| rejected(&error, &key.key().tensors))?;
        let same =
            self.instances.len() == instance.len() && self.instances.iter().zip(&instance).all(|(given, value)| *given == text(value));
        if !same {
            return reject(Field::Instances);
        }
        if policy == SrsPolicy::Secure && is_insecure_dev(&key.key().s_g2) {
            return Err(Rejection::InsecureSrs);
        }
        let proof = parse_hex(&self.proof).ok_or(Rejection::Mismatch { field: Field::Proof })?;
        sworn_verifier::verify(key.key(), &instance, &proof).map_err(Rejection::Proof)?;
        Ok(Accepted { receipt: self, tensors, instance, proof })
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

    /// Whether it says that it was made with the development reference string, against which anyone can forge proofs.
    pub fn is_insecure_dev(&self) -> bool {
        self.srs.kind == SrsKind::InsecureDev
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
        self.proof.len() / 2
    }
}

/// The fields in the order of the text.
const FIELDS: [&str; 10] = ["format", "version", "model", "verifying_key", "srs", "visibility", "inputs", "outputs", "instances", "proof"];

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

/// A field element as 64 digits.
fn text(value: &Fr) -> String {
    hex::encode(field::encode(value))
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

fn kind(key: &VerifyingKey) -> SrsKind {
    match is_insecure_dev(&key.key().s_g2) {
        true => SrsKind::InsecureDev,
        false => SrsKind::Ceremony,
    }
}

fn visibility(key: &VerifyingKey) -> Visibility {
    let has = |role| match key.key().tensors.iter().any(|t| t.role == role) {
        true => Visible::Public,
        false => Visible::Private,
    };
    Visibility { input: has(Role::Input), output: has(Role::Output) }
}
