//! How a model is compiled, and what stays of that when it is compiled again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sworn_circuits::layout::{LayoutProfile, Visibility};
use sworn_onnx::calibrate::Range;

use crate::folder::{Manifest, Settings};
use crate::{Error, InputSpec, SrsSource};

/// How a model is compiled.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Bit width of the activations; without one, the cheapest that keeps the error over the samples below 0.3 %.
    pub bits: Option<u32>,
    /// Whether receipts show the input. Outputs are always public, weights never.
    pub public_input: bool,
    /// Whether public integers share field elements, as many as one holds: cheaper to check on chain. Receipts show the same.
    pub pack_public: bool,
    /// What the circuit is to be cheap for. Without one it is fast to prove.
    pub profile: Option<LayoutProfile>,
    /// Where the ranges of the tensors come from.
    pub calibration: Calibration,
    /// Where the reference string comes from. Without a file, it is the **insecure** development SRS.
    pub srs: SrsSource,
}

impl Options {
    pub(crate) fn visibility(&self) -> Visibility {
        Visibility { input: self.public_input, pack_public: self.pack_public }
    }

    pub(crate) fn settings(&self) -> Settings {
        let Self { bits, public_input, pack_public, profile, ref calibration, .. } = *self;
        Settings { bits, public_input, pack_public, profile: profile.unwrap_or_default(), calibration: calibration.clone() }
    }
}

/// Where the ranges of a model's tensors come from. Keys, and so receipts, show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calibration {
    /// From samples that anyone may learn something of.
    #[default]
    Samples,
    /// From an input that is proved then, which its keys and receipts reveal.
    Input,
    /// From the ranges of the inputs.
    Ranges(Vec<InputRange>),
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Samples => f.write_str("samples"),
            Self::Input => f.write_str("an input"),
            Self::Ranges(ranges) => f.write_str(&ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
        }
    }
}

/// The values that an input of a model takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputRange {
    /// Name of the input; a model with one input needs none.
    pub name: Option<String>,
    /// The smallest.
    pub low: f32,
    /// The largest.
    pub high: f32,
}

/// Why ranges do not fit a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// A name that no input has.
    #[error("no input is called `{name}`: the model has {inputs:?}")]
    Unknown {
        /// The name.
        name: String,
        /// The names of the inputs.
        inputs: Vec<String>,
    },
    /// A range without a name, for a model of several inputs or none.
    #[error("`--input-range {range}` names none of the inputs {inputs:?}")]
    Unnamed {
        /// The range.
        range: String,
        /// The names of the inputs.
        inputs: Vec<String>,
    },
    /// An input without a range.
    #[error("the input `{input}` has no range")]
    Missing {
        /// The input.
        input: String,
    },
    /// An input with two ranges.
    #[error("the input `{input}` has several ranges")]
    Repeated {
        /// The input.
        input: String,
    },
    /// Numbers that are no range.
    #[error("`{range}` is not a range")]
    NotARange {
        /// What was given.
        range: String,
    },
}

/// The ranges of a model's inputs, in their order.
pub(crate) fn ranges_of(ranges: &[InputRange], inputs: &[InputSpec]) -> Result<Vec<Range>, RangeError> {
    let names = || inputs.iter().map(|spec| spec.name.clone()).collect();
    let mut found = vec![None; inputs.len()];
    for range in ranges {
        if !(range.low.is_finite() && range.high.is_finite() && range.low <= range.high) {
            return Err(RangeError::NotARange { range: range.to_string() });
        }
        let place = match &range.name {
            Some(name) => inputs.iter().position(|spec| spec.name == *name),
            None if inputs.len() == 1 => Some(0),
            None => return Err(RangeError::Unnamed { range: range.to_string(), inputs: names() }),
        };
        let Some((place, slot)) = place.and_then(|place| Some((place, found.get_mut(place)?))) else {
            return Err(RangeError::Unknown { name: range.name.clone().unwrap_or_default(), inputs: names() });
        };
        let repeated = slot.replace(Range { min: f64::from(range.low), max: f64::from(range.high) }).is_some();
        if repeated {
            return Err(RangeError::Repeated { input: inputs[place].name.clone() });
        }
    }
    let missing = |(range, spec): (Option<Range>, &InputSpec)| range.ok_or_else(|| RangeError::Missing { input: spec.name.clone() });
    found.into_iter().zip(inputs).map(missing).collect()
}

impl fmt::Display for InputRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{name}=")?;
        }
        write!(f, "{}..{}", self.low, self.high)
    }
}

impl FromStr for InputRange {
    type Err = &'static str;

    /// `NAME=LOW..HIGH` or `LOW..HIGH`. Names of tensors may hold any character, and numbers no `=`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, range) = match text.rsplit_once('=') {
            Some((name, range)) => (Some(name.to_owned()), range),
            None => (None, text),
        };
        let (low, high) = range.split_once("..").ok_or("expected NAME=LOW..HIGH or LOW..HIGH")?;
        let number = |text: &str| text.trim().parse::<f32>().ok().filter(|v| v.is_finite()).ok_or("LOW and HIGH are numbers");
        let (low, high) = (number(low)?, number(high)?);
        match low <= high {
            true => Ok(Self { name, low, high }),
            false => Err("LOW is at most HIGH"),
        }
    }
}

/// Options that were asked for. What was not is as in the folder that is used or replaced, or a default.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// [`Options::bits`]; `Some(None)` leaves the choice to the compiler.
    pub bits: Option<Option<u32>>,
    /// [`Options::public_input`].
    pub public_input: Option<bool>,
    /// [`Options::pack_public`].
    pub pack_public: Option<bool>,
    /// [`Options::profile`].
    pub profile: Option<LayoutProfile>,
    /// [`Options::calibration`].
    pub calibration: Option<Calibration>,
    /// [`Options::srs`].
    pub srs: SrsSource,
}

/// What a compiled model has and what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs: an option of the command line, or a part of the model.
    pub of: &'static str,
    /// In the folder.
    pub folder: String,
    /// Asked for.
    pub asked: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {} there, and {} is asked for", self.of, self.folder, self.asked)
    }
}

impl Difference {
    pub(crate) fn new(of: &'static str, folder: impl ToString, asked: impl ToString) -> Self {
        Self { of, folder: folder.to_string(), asked: asked.to_string() }
    }
}

/// As the command line calls it.
pub fn name_of(profile: LayoutProfile) -> &'static str {
    match profile {
        LayoutProfile::Fast => "fast",
        LayoutProfile::Plain => "plain",
        LayoutProfile::Onchain => "onchain",
    }
}

impl Asked {
    /// The options of a new folder, which keeps those of the one that it replaces.
    pub fn over(&self, replaced: Option<&Manifest>) -> Options {
        let kept = replaced.map(|manifest| manifest.settings.clone());
        let keep = |of: fn(&Settings) -> bool| kept.as_ref().is_some_and(of);
        let identity = replaced.filter(|_| self.srs.file.is_none()).map(|manifest| manifest.srs.identity);
        Options {
            bits: self.bits.unwrap_or(kept.as_ref().and_then(|s| s.bits)),
            public_input: self.public_input.unwrap_or(keep(|s| s.public_input)),
            pack_public: self.pack_public.unwrap_or(keep(|s| s.pack_public)),
            profile: self.profile.or(kept.as_ref().map(|s| s.profile)),
            calibration: self.calibration.clone().or(kept.map(|s| s.calibration)).unwrap_or_default(),
            srs: SrsSource { identity: self.srs.identity.or(identity), ..self.srs.clone() },
        }
    }

    /// How a folder differs from what was asked for.
    ///
    /// # Errors
    /// The file of the reference string cannot be read.
    pub fn differences(&self, manifest: &Manifest) -> Result<Vec<Difference>, Error> {
        let settings = &manifest.settings;
        let mut found = Vec::new();
        let bits = |bits: Option<u32>| bits.map_or("auto".to_owned(), |bits| bits.to_string());
        if let Some(asked) = self.bits.filter(|asked| *asked != settings.bits) {
            found.push(Difference::new("--bits", bits(settings.bits), bits(asked)));
        }
        // Receipts would show what is thought to be private: silence asks for a private input.
        let public_input = self.public_input.unwrap_or(false);
        if public_input != settings.public_input {
            found.push(Difference::new("--public-input", settings.public_input, public_input));
        }
        if let Some(asked) = self.pack_public.filter(|asked| *asked != settings.pack_public) {
            found.push(Difference::new("--pack-public", settings.pack_public, asked));
        }
        if let Some(asked) = self.profile.filter(|asked| *asked != settings.profile) {
            found.push(Difference::new("--profile", name_of(settings.profile), name_of(asked)));
        }
        match &self.calibration {
            // An input cannot be compared with that of the folder, and samples are not.
            None | Some(Calibration::Input) => {}
            Some(asked) if *asked == settings.calibration => {}
            Some(asked) => found.push(Difference::new("calibration", &settings.calibration, asked)),
        }
        if let Some(asked) = self.srs.asked()?.filter(|asked| *asked != manifest.srs.identity) {
            found.push(Difference::new("the string of --srs", manifest.srs.identity, asked));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let range = |name: Option<&str>, low, high| Ok(InputRange { name: name.map(str::to_owned), low, high });
        assert_eq!("0..16".parse(), range(None, 0.0, 16.0));
        assert_eq!("x=-1e3..-0.5".parse(), range(Some("x"), -1000.0, -0.5));
        assert_eq!("a=b.c..d=-.5..5.".parse(), range(Some("a=b.c..d"), -0.5, 5.0));
        for bad in ["", "x", "1", "1..", "..2", "2..1", "0..inf", "nan..1", "x=1", "0..1..2", "0..1e39"] {
            assert!(bad.parse::<InputRange>().is_err(), "{bad}");
        }
        let specs = |names: &[&str]| names.iter().map(|n| InputSpec { name: (*n).into(), shape: vec![2] }).collect::<Vec<_>>();
        let given = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<InputRange>>();
        let (one, two) = (specs(&["x"]), specs(&["x", "y"]));
        let range = |min, max| Range { min, max };
        assert_eq!(ranges_of(&given(&["0..1"]), &one), Ok(vec![range(0.0, 1.0)]));
        assert_eq!(ranges_of(&given(&["y=0..1", "x=2..3"]), &two), Ok(vec![range(2.0, 3.0), range(0.0, 1.0)]));
        assert!(matches!(ranges_of(&given(&["0..1"]), &two), Err(RangeError::Unnamed { .. })));
        assert!(matches!(ranges_of(&given(&["x=0..1"]), &two), Err(RangeError::Missing { input }) if input == "y"));
        assert!(matches!(ranges_of(&given(&["x=0..1", "1..2"]), &one), Err(RangeError::Repeated { input }) if input == "x"));
        assert!(matches!(ranges_of(&given(&["z=0..1"]), &one), Err(RangeError::Unknown { name, .. }) if name == "z"));
        let reversed = [InputRange { name: None, low: 2.0, high: 1.0 }];
        assert!(matches!(ranges_of(&reversed, &one), Err(RangeError::NotARange { .. })));

        let text = "a b=-0.25..1";
        assert_eq!(text.parse::<InputRange>().map(|r| r.to_string()), Ok(text.to_owned()));
    }
}
