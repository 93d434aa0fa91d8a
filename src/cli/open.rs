//! The model that a command names: a folder, or an ONNX file with the folder beside it.

use std::path::{Path, PathBuf};

use sworn::{Compiled, Error, Input, Manifest, Model, Options, SrsSource, VerifyingKey, EXTENSION, TARGET_ERROR, VERIFYING_KEY};

use super::error::CliError;
use super::progress::Line;
use super::{CompileArgs, Context};

impl Context {
    pub(super) fn srs(&self, args: &CompileArgs) -> SrsSource {
        SrsSource { file: args.srs.clone(), cache: self.cache.clone() }
    }

    pub(super) fn options(&self, args: &CompileArgs) -> Options {
        let CompileArgs { bits, public_input, pack_public, profile, .. } = *args;
        Options { bits, public_input, pack_public, profile: profile.map(Into::into), srs: self.srs(args) }
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

/// The samples that were named.
pub(super) fn samples(args: &CompileArgs) -> Result<Option<Vec<Input>>, CliError> {
    Ok(args.calibrate.as_ref().map(Input::read_samples).transpose()?)
}

/// A compiled model, for an input. One that is missing or out of date is compiled, with the input as its only sample if
/// there are no others.
pub(super) fn open_or_compile(
    path: &Path,
    input: &Input,
    args: &CompileArgs,
    context: &Context,
    line: &Line,
) -> Result<Compiled, CliError> {
    if path.is_dir() {
        refuse_options(args)?;
        return Ok(Compiled::open(path, &context.srs(args))?);
    }
    let mut options = context.options(args);
    let folder = folder_of(path);
    let model = args.load(path)?;
    let samples = samples(args)?;
    if let Ok(manifest) = Manifest::read(&folder) {
        if model.is_current(&manifest, &options, samples.as_deref())? {
            match Compiled::open(&folder, &options.srs) {
                Ok(compiled) => return Ok(compiled),
                Err(error @ (Error::File(_) | Error::Key(_))) => line.say(&format!("warning: {error}; compiling again")),
                Err(error) => return Err(error.into()),
            }
        } else {
            line.say(&format!(
                "warning: {} was compiled by another version, from another model or with other options: new keys replace it",
                folder.display()
            ));
        }
        options.profile = options.profile.or(Some(manifest.settings.profile));
    }
    let samples = samples.unwrap_or_else(|| {
        line.say("warning: calibrating with this input alone; other inputs may leave its ranges\nhint: name samples with `--calibrate`");
        vec![input.clone()]
    });
    compile_to(&model, &folder, &options, &samples, line)
}

pub(super) fn compile_to(model: &Model, folder: &Path, options: &Options, samples: &[Input], line: &Line) -> Result<Compiled, CliError> {
    if options.srs.file.is_none() {
        line.say(
            "warning: using the insecure development SRS: anyone can forge receipts\nhint: name the SRS of a ceremony with `--srs FILE`",
        );
    }
    Compiled::check_writable(folder)?;
    let compiled = model.compile_with(options, samples, &mut line.callback())?;
    let error = compiled.manifest().relative_error();
    if error > TARGET_ERROR {
        line.say(&format!(
            "warning: the quantised outputs are off by up to {:.2} % of the largest, more than {:.1} %\nhint: ask for more with `--bits`, up to 15",
            100.0 * error,
            100.0 * TARGET_ERROR
        ));
    }
    compiled.save(folder)?;
    Ok(compiled)
}

fn refuse_options(args: &CompileArgs) -> Result<(), CliError> {
    let given = [
        (args.calibrate.is_some(), "--calibrate"),
        (args.bits.is_some(), "--bits"),
        (args.public_input, "--public-input"),
        (args.pack_public, "--pack-public"),
        (args.profile.is_some(), "--profile"),
        (args.batch.is_some(), "--batch"),
        (!args.dimensions.is_empty(), "--dimension"),
    ];
    match given.into_iter().find(|(given, _)| *given) {
        Some((_, option)) => Err(CliError::OptionNeedsModel { option }),
        None => Ok(()),
    }
}
