//! Plugins and their devices.

use std::path::Path;
use std::sync::Arc;

use crate::context;
use crate::error::PluginError;
use crate::ffi::Functions;

/// A plugin that is loaded.
#[derive(Clone)]
pub struct Plugin(pub(crate) Arc<Functions>);

/// A device of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name, as its driver tells it.
    pub name: String,
    /// Bytes of memory.
    pub memory: u64,
    /// The compute capability, major and minor.
    pub capability: (u32, u32),
    /// Streaming multiprocessors.
    pub processors: u32,
    /// Whether kernels run on the host.
    pub is_emulated: bool,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").finish_non_exhaustive()
    }
}

impl Plugin {
    /// Loads a plugin. Its code runs in this process: the file is to be trusted as this program is.
    ///
    /// # Errors
    /// A file that is no library, no plugin, or one of another version.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, PluginError> {
        Functions::load(path.as_ref()).map(|functions| Self(Arc::new(functions)))
    }

    /// Its devices.
    ///
    /// # Errors
    /// No driver, or one that is too old.
    pub fn devices(&self) -> Result<Vec<Description>, PluginError> {
        Ok(context::devices(&self.0)?)
    }
}
