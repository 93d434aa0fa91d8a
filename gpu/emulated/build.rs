//! Compiles the kernels with the host's C++ compiler, as the plugin that `sworn-gpu` loads.

use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cuda");
    println!("cargo::rerun-if-changed={}", sources.display());
    println!("cargo::rerun-if-changed=chains.cpp");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&sources)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == "cu"));
    files.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("chains.cpp"));
    files.sort();

    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").opt_level(2).pic(true).warnings(true).extra_warnings(true);
    build.flag("-xc++").flag("-fvisibility=hidden").include(&sources).cargo_metadata(false);
    let objects = build.files(&files).try_compile_intermediates()?;

    let plugin = PathBuf::from(std::env::var("OUT_DIR")?).join("libsworn_emulated.so");
    // Without the flags of compilations: `-xc++` would make sources of the objects.
    let compiler = cc::Build::new().cpp(true).cargo_metadata(false).try_get_compiler()?;
    let status = compiler.to_command().args(["-shared", "-o"]).arg(&plugin).args(objects).status()?;
    if !status.success() {
        return Err(format!("linking {} failed", plugin.display()).into());
    }
    println!("cargo::rustc-env=SWORN_EMULATED_PLUGIN={}", plugin.display());
    Ok(())
}
