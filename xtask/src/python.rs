//! Python environments: `target/venv`, which makes test vectors and benchmark models, and others of pinned packages.

use std::fs;
use std::path::PathBuf;

use crate::shell::{command, must, Failure};
use crate::Workspace;

/// The environment of `benches/models/requirements.txt`.
pub(crate) fn environment(workspace: &Workspace) -> Result<PathBuf, Failure> {
    environment_of(workspace, "venv", "benches/models/requirements.txt")
}

/// The `python` of the environment `target/<name>`, made on the first call and whenever the requirements change.
pub(crate) fn environment_of(workspace: &Workspace, name: &str, requirements: &str) -> Result<PathBuf, Failure> {
    let folder = workspace.target.join(name);
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = folder.join("requirements.txt");
    let wanted = fs::read_to_string(workspace.root.join(requirements)).map_err(|error| Failure::new(format!("{requirements}: {error}")))?;
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    let venv = ["-m".as_ref(), "venv".as_ref(), "--clear".as_ref(), folder.as_os_str()];
    must(&mut command(&workspace.root, "python3", venv))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements];
    must(&mut command(&workspace.root, &python, install))?;
    fs::write(&stamp, wanted).map_err(|error| Failure::new(format!("{}: {error}", stamp.display())))?;
    Ok(python)
}
