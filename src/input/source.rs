//! Where the arrays of an input come from, and which of them is for which input of a model.
//!
//! Nothing is read before it is known what a model takes. Then only the arrays that it takes are, of each at most as many values.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sworn_circuits::memory::Budget;

use super::npy::Archive;
use super::{json, npy, InputError, InputSpec, Tensor};

/// A JSON file may hold more than values: so much of it is read at least, and so much for each value.
const MIN_JSON_BYTES: u64 = 1 << 24;
const JSON_BYTES_PER_VALUE: u64 = 256;
/// Of bytes that are read there are so many copies for a moment, with the room that growing lists have.
const COPIES: u64 = 4;
/// numpy's names of arrays that were given none: their numbers follow.
const UNNAMED: &str = "arr_";

/// An array; there are no values if there are more than were wanted.
pub(super) struct Array<'a> {
    pub(super) shape: Vec<usize>,
    pub(super) count: usize,
    pub(super) values: Cow<'a, [f32]>,
}

/// How a file is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Npy,
    Npz,
}

impl Format {
    /// By the extension of the file's name.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?;
        let known = [("json", Self::Json), ("npy", Self::Npy), ("npz", Self::Npz)];
        known.into_iter().find(|(name, _)| extension.eq_ignore_ascii_case(name)).map(|(_, format)| format)
    }

    /// By the first bytes.
    fn of_contents(bytes: &[u8]) -> Self {
        if npy::is_array(bytes) {
            Self::Npy
        } else if npy::is_archive(bytes) {
            Self::Npz
        } else {
            Self::Json
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    Tensors(Vec<Tensor>),
    File(PathBuf, Format),
    Stream(Arc<Stream>),
}

/// What can be read once.
pub(super) struct Stream {
    name: PathBuf,
    state: Mutex<State>,
}

struct State {
    reader: Box<dyn Read + Send>,
    bytes: Arc<[u8]>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Stream {
    pub(super) fn new(name: PathBuf, reader: Box<dyn Read + Send>) -> Self {
        Self { name, state: Mutex::new(State { reader, bytes: [].into() }) }
    }

    /// All that comes.
    ///
    /// # Errors
    /// It is more than `limit` bytes.
    fn bytes(&self, limit: u64) -> Result<Arc<[u8]>, InputError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = state.bytes.to_vec();
        let left = limit.saturating_sub(bytes.len() as u64).saturating_add(1);
        let read = (&mut state.reader).take(left).read_to_end(&mut bytes);
        read.map_err(|source| InputError::Read { path: self.name.clone(), source })?;
        if bytes.len() != state.bytes.len() {
            state.bytes = bytes.into();
        }
        check_length(&self.name, state.bytes.len() as u64, limit)?;
        Ok(Arc::clone(&state.bytes))
    }
}

fn check_length(path: &Path, actual: u64, limit: u64) -> Result<(), InputError> {
    match actual <= limit {
        true => Ok(()),
        false => Err(InputError::TooLong { path: path.into(), limit }),
    }
}

impl Source {
    /// A name for errors.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Tensors(_) => None,
            Self::File(path, _) => Some(path.clone()),
            Self::Stream(stream) => Some(stream.name.clone()),
        }
    }

    /// An array for each input of a model, with values for `samples` samples at most.
    pub(super) fn arrays(&self, specs: &[InputSpec], samples: usize) -> Result<Vec<Array<'_>>, InputError> {
        let limits: Vec<usize> = specs.iter().map(|spec| spec.elements().saturating_mul(samples)).collect();
        let bytes = limits.iter().fold(0u64, |sum, n| sum.saturating_add(*n as u64)).saturating_mul(JSON_BYTES_PER_VALUE);
        let limit = bytes.saturating_add(MIN_JSON_BYTES).min(Budget::SYSTEM.remaining() / COPIES);
        match self {
            Self::Tensors(tensors) => {
                let names: Vec<Option<&str>> = tensors.iter().map(|tensor| tensor.name.as_deref()).collect();
                let array = |place: usize| {
                    let Tensor { shape, values, .. } = &tensors[place];
                    Array { shape: shape.clone(), count: values.len(), values: Cow::Borrowed(values) }
                };
                Ok(choose(&names, specs, None)?.into_iter().map(array).collect())
            }
            Self::File(path, format) => {
                let file = File::open(path).map_err(|source| InputError::Read { path: path.clone(), source })?;
                decode(path, BufReader::new(file), *format, specs, &Limits { values: limits, bytes: limit })
            }
            Self::Stream(stream) => {
                let bytes = stream.bytes(limit)?;
                let format = Format::of(&stream.name).unwrap_or_else(|| Format::of_contents(&bytes));
                decode(&stream.name, Cursor::new(bytes), format, specs, &Limits { values: limits, bytes: limit })
            }
        }
    }
}

struct Limits {
    values: Vec<usize>,
    bytes: u64,
}

fn decode(
    path: &Path,
    mut reader: impl Read + Seek,
    format: Format,
    specs: &[InputSpec],
    limits: &Limits,
) -> Result<Vec<Array<'static>>, InputError> {
    let numpy = |source| InputError::Npy { path: path.into(), source };
    let arrays = match format {
        Format::Npz => {
            let mut archive = Archive::open(reader).map_err(numpy)?;
            let names = archive.names();
            let named: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
            let chosen = choose(&named, specs, Some(path))?;
            let read = |(place, limit): (&usize, &usize)| archive.read(&names[*place], *limit).map_err(numpy);
            return chosen.iter().zip(&limits.values).map(read).collect();
        }
        Format::Npy => vec![npy::read(reader, limits.values.first().copied().unwrap_or(0)).map_err(numpy)?],
        Format::Json => {
            let mut bytes = Vec::new();
            let read = (&mut reader).take(limits.bytes.saturating_add(1)).read_to_end(&mut bytes);
            read.map_err(|source| InputError::Read { path: path.into(), source })?;
            check_length(path, bytes.len() as u64, limits.bytes)?;
            json::read(path, &bytes, &limits.values)?
        }
    };
    let expected = specs.len();
    match arrays.len() == expected {
        true => Ok(arrays),
        false => Err(InputError::TensorCount { path: Some(path.into()), expected, actual: arrays.len() }),
    }
}

/// The place of the array for each input: by name; or by number, or else place, if no array has a name that someone gave it.
fn choose(names: &[Option<&str>], specs: &[InputSpec], path: Option<&Path>) -> Result<Vec<usize>, InputError> {
    let named = |spec: &InputSpec| names.iter().position(|name| *name == Some(spec.name.as_str()));
    let missing = match specs.iter().find(|spec| named(spec).is_none()) {
        None => return Ok(specs.iter().filter_map(named).collect()),
        Some(spec) => spec,
    };
    let path = path.map(Path::to_owned);
    let number = |(place, name): (usize, &Option<&str>)| match name {
        Some(name) => name.strip_prefix(UNNAMED).and_then(|number| number.parse().ok()),
        None => Some(place),
    };
    let numbers: Option<Vec<usize>> = names.iter().enumerate().map(number).collect();
    let Some(numbers) = numbers else {
        let available = names.iter().flatten().map(|name| (*name).into()).collect();
        return Err(InputError::Missing { path, tensor: missing.name.clone(), available });
    };
    let (expected, actual) = (specs.len(), names.len());
    if expected != actual {
        return Err(InputError::TensorCount { path, expected, actual });
    }
    let mut places: Vec<usize> = (0..names.len()).collect();
    places.sort_by_key(|place| numbers[*place]);
    Ok(places)
}
