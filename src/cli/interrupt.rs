//! What an interrupted command leaves: nothing.
//!
//! SIGINT and SIGTERM wait until a file that is being written is whole, remove what is temporary, and end the process as they do by
//! themselves. A second one does not wait.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held while files are written.
static WRITING: Mutex<()> = Mutex::new(());
/// What goes with the process.
static TEMPORARY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn temporary() -> MutexGuard<'static, Vec<PathBuf>> {
    TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs what writes files, to its end.
pub(super) fn uninterrupted<T>(write: impl FnOnce() -> T) -> T {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    write()
}

/// Files and folders that an interruption removes, until this is dropped.
pub(super) struct Temporary {
    paths: Vec<PathBuf>,
}

impl Temporary {
    pub(super) fn new<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Self {
        let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
        temporary().extend(paths.iter().cloned());
        Self { paths }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        temporary().retain(|path| !self.paths.contains(path));
    }
}

/// Handles the signals from now on. Where that fails they end the process at once.
#[cfg(unix)]
pub(super) fn handle() {
    use std::sync::atomic::AtomicBool;
    use std::sync::Arc;

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::{flag, iterator::Signals, low_level};

    let again = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal sets the flag, the second finds it set.
        let _ = flag::register_conditional_default(signal, Arc::clone(&again)).and_then(|_| flag::register(signal, Arc::clone(&again)));
    }
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
            for path in temporary().iter() {
                // What cannot be removed is cleared by the next process that finds it.
                let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            }
            let _ = low_level::emulate_default_handler(signal);
        }
    });
}

/// There are no such signals.
#[cfg(not(unix))]
pub(super) fn handle() {}
