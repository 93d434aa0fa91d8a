//! The model that a command names: a folder, or an ONNX file with the folder beside it.

use std::path::{Path, PathBuf};

use sworn::{
    Asked, Calibration, Compiled, Error, Input, Manifest, Model, Options, Receipt, Reserved, SrsOrigin, SrsSource, VerifyingKey, EXTENSION,
    TARGET_ERROR, VERIFYING_KEY,
};

use super::error::{quoted, CliError};
use super::interrupt::{uninterrupted, Temporary};
use super::progress::Line;
use super::srs::say_origin;
use super::{CompileArgs, Context, Profile, STDIO};

/// What `--srs` calls the development string.
const INSECURE_DEV: &str = "insecure-dev";

impl Context {
    pub(super) fn srs(&self, args: &CompileArgs) -> Result<SrsSource, CliError> {
        let is_dev = args.srs.as_deref() == Some(Path::new(INSECURE_DEV));
        let identity = is_dev.then(SrsSource::dev_identity);
        Ok(SrsSource { file: args.srs.clone().filter(|_| !is_dev), cache: self.cache.clone(), identity })
    }

    pub(super) fn asked(&self, args: &CompileArgs) -> Result<Asked, CliError> {
        let samples = args.calibrate.as_ref().map(|_| Calibration::Samples);
        let ranges = Some(&args.input_ranges).filter(|ranges| !ranges.is_empty()).map(|ranges| Calibration::Ranges(ranges.clone()));
        Ok(Asked {
            bits: args.bits.map(|bits| bits.0),
            public_input: args.public_input,
            pack_public: args.pack_public,
            profile: args.profile.map(Into::into),
            calibration: samples.or(ranges),
            srs: self.srs(args)?,
        })
    }
}

impl CompileArgs {
    /// The samples that were named.
    pub(super) fn samples(&self) -> Result<Option<Vec<Input>>, CliError> {
        Ok(self.calibrate.as_ref().map(Input::read_samples).transpose()?)
    }

    /// The command that compiles a model with these options.
    fn command(&self, model: &Path) -> String {
        let mut command = format!("sworn compile {}", quoted(model));
        let mut add = |option: &str, value: String| command += &format!(" --{option}{value}");
        for range in &self.input_ranges {
            add("input-range", format!(" {}", quoted(Path::new(&range.to_string()))));
        }
        match &self.calibrate {
            Some(path) => add("calibrate", format!(" {}", quoted(path))),
            None if self.input_ranges.is_empty() => add("calibrate", " SAMPLES".into()),
            None => {}
        }
        if let Some(bits) = self.bits {
            add("bits", format!(" {}", bits.0.map_or("auto".to_owned(), |bits| bits.to_string())));
        }
        // `prove` without the flag is told of a folder that shows the input; a new one is not to show it then.
        add("public-input", format!("={}", self.public_input.unwrap_or(false)));
        if let Some(pack) = self.pack_public {
            add("pack-public", format!("={pack}"));
        }
        if let Some(profile) = self.profile.map(Profile::name) {
            add("profile", format!(" {profile}"));
        }
        if let Some(path) = &self.srs {
            add("srs", format!(" {}", quoted(path)));
        }
        if let Some(batch) = self.batch {
            add("batch", format!(" {batch}"));
        }
        for (name, size) in &self.dimensions {
            add("dimension", format!(" {}", quoted(Path::new(&format!("{name}={size}")))));
        }
        command
    }
}

/// Where the compiled model of an ONNX file lies.
pub(super) fn folder_of(model: &Path) -> PathBuf {
    model.with_extension(EXTENSION)
}

/// The verifying key of a folder, or of a file.
pub(super) fn verifying_key(path: PathBuf) -> Result<VerifyingKey, CliError> {
    let path = if path.is_dir() { path.join(VERIFYING_KEY) } else { path };
    Ok(VerifyingKey::read(path)?)
}

/// An input in a file, or from stdin.
pub(super) fn input(path: &Path) -> Result<Input, CliError> {
    match path == Path::new(STDIO) {
        true => Ok(Input::from_reader(path, std::io::stdin())),
        false => Ok(Input::read(path)?),
    }
}

/// A receipt from a file, or from stdin.
pub(super) fn receipt(path: &Path) -> Result<Receipt, Error> {
    match path == Path::new(STDIO) {
        true => Receipt::read_from(path, std::io::stdin().lock()),
        false => Receipt::read(path),
    }
}

/// A compiled model, and what the float model answers, if that is at hand.
pub(super) struct Opened {
    pub(super) compiled: Compiled,
    pub(super) float: Option<Vec<Vec<f32>>>,
}

/// What `prove` proves with: a folder, or an ONNX file with the folder beside it, which must be what is asked for. Without one the model
/// is compiled. Keys are never replaced here, and never made of an input unless that is asked for.
pub(super) struct Opening<'a> {
    pub(super) path: &'a Path,
    pub(super) args: &'a CompileArgs,
    pub(super) on_input: bool,
    /// Bytes that the proof may take.
    pub(super) memory: Option<u64>,
    pub(super) context: &'a Context,
}

impl Opening<'_> {
    /// Refuses what cannot be done, before any work.
    pub(super) fn check(&self) -> Result<(), CliError> {
        if self.path.is_dir() {
            return refuse_options(self.args, self.on_input);
        }
        let calibrated = self.args.calibrate.is_some() || !self.args.input_ranges.is_empty() || self.on_input;
        match calibrated || !self.path.is_file() || folder_of(self.path).exists() {
            true => Ok(()),
            false => Err(CliError::NoCalibration { model: self.path.into() }),
        }
    }

    /// The compiled model, and what the float model answers, if that is at hand.
    pub(super) fn open(&self, input: &Input, line: &Line) -> Result<Opened, CliError> {
        let (compiled, float) = match self.path.is_dir() {
            true => (self.open_folder(self.path, line)?, None),
            false => {
                let model = self.args.load(self.path)?;
                (self.open_model(&model, input, line)?, Some(model.evaluate(input)?))
            }
        };
        if compiled.manifest().settings.calibration == Calibration::Input {
            line.say("warning: keys and receipts of this model reveal the input that it was calibrated on");
        }
        Ok(Opened { compiled, float })
    }

    fn open_folder(&self, folder: &Path, line: &Line) -> Result<Compiled, CliError> {
        let srs = self.context.srs(self.args)?;
        if srs.file.is_some() {
            say_origin(&srs, |_, words| line.say(words))?;
        }
        let compiled = Compiled::open_within(folder, &srs, self.memory)?;
        match (compiled.shows_input(), self.args.public_input) {
            (true, None | Some(false)) => Err(CliError::ShowsInput { folder: folder.into() }),
            (false, Some(true)) => Err(CliError::HidesInput { folder: folder.into() }),
            _ => Ok(compiled),
        }
    }

    /// How a new folder is compiled: for samples, for ranges, or for the input where that was asked for.
    pub(super) fn calibration(&self, input: &Input) -> Result<(Options, Vec<Input>), CliError> {
        let asked = self.context.asked(self.args)?;
        let calibration = match &asked.calibration {
            Some(calibration) => calibration.clone(),
            None if self.on_input => Calibration::Input,
            None => return Err(CliError::NoCalibration { model: self.path.into() }),
        };
        let samples = match calibration {
            Calibration::Input => vec![input.clone()],
            _ => self.args.samples()?.unwrap_or_default(),
        };
        Ok((Options { calibration, ..asked.over(None) }, samples))
    }

    /// Refuses a folder that is not what is asked for.
    pub(super) fn compare(&self, model: &Model, manifest: &Manifest) -> Result<(), CliError> {
        let differences = model.differences(manifest, &self.context.asked(self.args)?)?;
        if differences.is_empty() {
            return Ok(());
        }
        let command = self.args.command(self.path);
        let hint = match &differences[..] {
            [only] if only.of == "--public-input" && manifest.settings.public_input => {
                format!("pass `--public-input` to show the input in the receipt, or compile again with `{command}`")
            }
            _ => format!("ask for what is there, or compile again with `{command}`"),
        };
        Err(CliError::Differs { folder: folder_of(self.path), differences, hint })
    }

    fn open_model(&self, model: &Model, input: &Input, line: &Line) -> Result<Compiled, CliError> {
        let folder = folder_of(self.path);
        if !folder.exists() {
            let (options, samples) = self.calibration(input)?;
            let place = reserve(&folder, line)?;
            // Who waited for another process may find what it made.
            if !folder.exists() {
                return compile_in(place, model, &options, &samples, (self.context, line));
            }
        }
        let command = self.args.command(self.path);
        let damaged = |error: Error| CliError::Damaged { error: Box::new(error), command: command.clone() };
        let manifest = Manifest::read(&folder).map_err(|error| damaged(error.into()))?;
        self.compare(model, &manifest)?;
        let compiled = self.open_folder(&folder, line).map_err(|error| match error {
            CliError::Sworn(error) if matches!(*error, Error::File(_) | Error::Key(_)) => damaged(*error),
            error => error,
        })?;
        // What the folder says of itself is its maker's word.
        model.check(&compiled)?;
        Ok(compiled)
    }
}

fn reserve(folder: &Path, line: &Line) -> Result<Reserved, CliError> {
    Ok(Reserved::new_with(folder, || line.say(&format!("waiting for another process that writes {}", folder.display())))?)
}

/// Compiles a model to its folder, which no other process writes meanwhile.
pub(super) fn compile_to(
    model: &Model,
    folder: &Path,
    options: &Options,
    samples: &[Input],
    (context, line): (&Context, &Line),
) -> Result<Compiled, CliError> {
    compile_in(reserve(folder, line)?, model, options, samples, (context, line))
}

fn compile_in(
    place: Reserved,
    model: &Model,
    options: &Options,
    samples: &[Input],
    (context, line): (&Context, &Line),
) -> Result<Compiled, CliError> {
    say_origin(&options.srs, |origin, words| match origin {
        SrsOrigin::InsecureDev => context.say_daily(line, "insecure-srs", words),
        _ => line.say(words),
    })?;
    let temporary = Temporary::new(place.temporaries());
    let compiled = model.compile_with(options, samples, &mut line.callback())?;
    let error = compiled.manifest().relative_error();
    if error > TARGET_ERROR {
        line.say(&format!(
            "warning: the quantised outputs are off by up to {:.2} % of the largest, more than {:.1} %\nhint: ask for more with `--bits`, up to 15",
            100.0 * error,
            100.0 * TARGET_ERROR
        ));
    }
    uninterrupted(|| {
        drop(temporary);
        compiled.save_to(place)
    })?;
    Ok(compiled)
}

/// Options that change how a model is compiled say nothing to one that is.
pub(super) fn refuse_options(args: &CompileArgs, on_input: bool) -> Result<(), CliError> {
    let given = [
        (args.calibrate.is_some(), "--calibrate"),
        (!args.input_ranges.is_empty(), "--input-range"),
        (on_input, "--calibrate-on-input"),
        (args.bits.is_some(), "--bits"),
        (args.pack_public.is_some(), "--pack-public"),
        (args.profile.is_some(), "--profile"),
        (args.batch.is_some(), "--batch"),
        (!args.dimensions.is_empty(), "--dimension"),
    ];
    match given.into_iter().find(|(given, _)| *given) {
        Some((_, option)) => Err(CliError::OptionNeedsModel { option }),
        None => Ok(()),
    }
}
