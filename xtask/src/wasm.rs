//! The verifier in the browser: its module, its package, its page and their tests.
//!
//! ```text
//! target/wasm/js      the npm package, with the module
//! target/wasm/page    the page, for any static host
//! target/wasm/cases   receipts and keys, good and bad, with what `sworn verify` answers
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{cargo, command, must, output, succeeds, Failure};
use crate::Workspace;

const TARGET: &str = "wasm32-unknown-unknown";
const MODULE: &str = "sworn_verifier.wasm";
/// The compiler of Debian's packages, which has no compiled standard library for the target.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const LINKERS: [&str; 3] = ["wasm-ld-19", "wasm-ld-20", "wasm-ld"];
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const NO_COMPILER: &str = "no compiler for WebAssembly: install one by `rustup target add wasm32-unknown-unknown`, \
     or, on Debian, by `apt-get install rustc-web rust-web-src lld-19`";
const NO_NODE: &str = "no node or npm: install Node.js 20 or later";
const NO_BROWSER: &str =
    "the page was not tested, there is no Chromium: install one, on Debian by `apt-get install chromium`, or name its file in CHROMIUM";

/// Builds package and page; [`Failure::skipped`] without a compiler.
pub(crate) fn build(workspace: &Workspace) -> Result<(), Failure> {
    let base = workspace.target.join("wasm");
    // Another compiler may build it than the rest: a folder of its own.
    let build = base.join("build");
    let mut cargo =
        cargo(&workspace.root, ["build", "--quiet", "--package", "sworn-verifier-wasm", "--profile", "wasm", "--target", TARGET]);
    cargo.arg("--target-dir").arg(&build);
    if !has_target(workspace) {
        let linker = LINKERS.into_iter().find(|linker| succeeds(Command::new(linker).arg("--version")));
        let (Some(linker), true) = (linker, has_debian_source(workspace)) else { return Err(Failure::skipped(NO_COMPILER)) };
        // `RUSTC_BOOTSTRAP` lets a stable compiler build `core` and `alloc`.
        cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        cargo.args(["-Zbuild-std=core,alloc,panic_abort"]);
    }
    must(&mut cargo)?;
    let module = build.join(TARGET).join("wasm/sworn_verifier_wasm.wasm");
    let (source, js, page) = (workspace.root.join("verifier/js"), base.join("js"), base.join("page"));
    for file in ["package.json", "package-lock.json", "README.md", "tsconfig.json", "index.js", "index.d.ts", "test"] {
        copy(&source.join(file), &js.join(file))?;
    }
    copy(&module, &js.join(MODULE))?;
    copy(&source.join("page"), &page)?;
    copy(&source.join("index.js"), &page.join("index.js"))?;
    copy(&module, &page.join(MODULE))?;
    eprintln!("package: {}\npage:    {}", js.display(), page.display());
    Ok(())
}

/// Builds package and page and tests them: types, the module in Node, the page in Chromium. [`Failure::skipped`] tells what was left
/// out.
pub(crate) fn test(workspace: &Workspace) -> Result<(), Failure> {
    build(workspace)?;
    let base = workspace.target.join("wasm");
    let (js, cases) = (base.join("js"), base.join("cases"));
    if !succeeds(Command::new("node").arg("--version")) || !succeeds(Command::new("npm").arg("--version")) {
        return Err(Failure::skipped(NO_NODE));
    }
    install(&js)?;
    must(&mut command(&js, "node", ["node_modules/typescript/bin/tsc"]))?;
    let write = ["test", "--workspace", "--test", "browser_cases", "--", "--ignored", "--nocapture"];
    must(cargo(&workspace.root, write).env("SWORN_BROWSER_CASES", &cases))?;
    must(command(&js, "node", ["--test", "test/cases.test.mjs"]).env("SWORN_BROWSER_CASES", &cases))?;
    let chromium = chromium().ok_or_else(|| Failure::skipped(NO_BROWSER))?;
    let mut page = command(&js, "node", ["--test", "test/page.test.mjs"]);
    must(page.env("SWORN_BROWSER_CASES", &cases).env("SWORN_PAGE", base.join("page")).env("SWORN_CHROMIUM", chromium))
}

/// Whether the compiler in use has the target's standard library.
fn has_target(workspace: &Workspace) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let folder = output(&mut command(&workspace.root, rustc, ["--print", "target-libdir", "--target", TARGET]));
    folder.is_some_and(|folder| Path::new(folder.trim()).is_dir())
}

fn has_debian_source(workspace: &Workspace) -> bool {
    let sysroot = output(&mut command(&workspace.root, DEBIAN_RUSTC, ["--print", "sysroot"]));
    sysroot.is_some_and(|sysroot| Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core").is_dir())
}

/// The program's file.
fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    BROWSERS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file())
}

/// The packages of the lock file, whenever it changes.
fn install(js: &Path) -> Result<(), Failure> {
    let (lock, stamp) = (js.join("package-lock.json"), js.join("node_modules/package-lock.json"));
    let read = |path: &Path| fs::read(path).ok();
    if read(&stamp).is_some() && read(&stamp) == read(&lock) {
        return Ok(());
    }
    must(&mut command(js, "npm", ["ci", "--no-audit", "--no-fund", "--silent"]))?;
    copy(&lock, &stamp)
}

/// Copies a file, or a folder of files.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::new(format!("{}: {error}", from.display()));
    if from.is_dir() {
        for entry in fs::read_dir(from).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    fs::create_dir_all(to.parent().unwrap_or(to)).map_err(failed)?;
    fs::copy(from, to).map(|_| ()).map_err(failed)
}
