//! Areas: tests that want programs of their own, and which files they are about.

use crate::shell::{command, output};
use crate::{steps, wasm, Step, Workspace};

/// Tests beside the core.
#[derive(Clone, Copy)]
pub(crate) struct Area {
    name: &'static str,
    pub(crate) steps: &'static [Step],
    /// Beginnings of the paths of files that it depends on.
    paths: &'static [&'static str],
}

/// The verifier in the browser.
pub(crate) const BROWSER: Area = Area {
    name: "browser",
    steps: &[("wasm", wasm::test)],
    paths: &["Cargo", "circuits/", "onnx/", "prover/", "receipt/", "src/", "tests/browser_cases.rs", "verifier/", "xtask/"],
};

/// Contracts on an EVM.
pub(crate) const CHAIN: Area = Area {
    name: "chain",
    steps: &[("contracts", steps::contract_tests)],
    paths: &["Cargo", "circuits/", "contracts/", "prover/", "verifier/", "xtask/"],
};

const AREAS: [Area; 2] = [BROWSER, CHAIN];

/// Steps of the areas with a file that changed since a commit; of all if there is none, or git does not know it.
pub(crate) fn touched(workspace: &Workspace, since: Option<&str>) -> Vec<Step> {
    let changed = since.and_then(|commit| output(&mut command(&workspace.root, "git", ["diff", "--name-only", commit])));
    let is_touched = |area: &Area| {
        let touches = |file: &str| area.paths.iter().any(|path| file.starts_with(path));
        changed.as_ref().is_none_or(|files| files.lines().any(touches))
    };
    let (touched, others): (Vec<Area>, Vec<Area>) = AREAS.into_iter().partition(is_touched);
    others.iter().for_each(|area| eprintln!("left out {}: none of its files changed", area.name));
    touched.iter().flat_map(|area| area.steps).copied().collect()
}
