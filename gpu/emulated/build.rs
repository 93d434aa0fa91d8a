//! Compiles, with the host's C++ compiler, the kernels as the plugin that `sworn-gpu` loads, and libraries with ICICLE's interface.

use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = here.join("../cuda");
    println!("cargo::rerun-if-changed={}", sources.display());
    println!("cargo::rerun-if-changed=chains.cpp");
    println!("cargo::rerun-if-changed=icicle");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&sources)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == "cu"));
    files.push(here.join("chains.cpp"));
    files.sort();

    let mock = here.join("icicle/mock.cpp");
    library("emulated", &sources, &files, None)?;
    library("icicle", &sources, std::slice::from_ref(&mock), None)?;
    library("icicle_other_layout", &sources, std::slice::from_ref(&mock), Some("OTHER_LAYOUT"))?;
    library("driver", &sources, &[here.join("icicle/driver.cpp")], None)?;
    library("empty", &sources, &[here.join("icicle/empty.cpp")], None)
}

/// Compiles and links a shared library, and tells the crate where it is.
fn library(name: &str, include: &Path, files: &[PathBuf], define: Option<&str>) -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::var("OUT_DIR")?).join(name);
    std::fs::create_dir_all(&folder)?;
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").opt_level(2).pic(true).warnings(true).extra_warnings(true);
    build.flag("-xc++").flag("-fvisibility=hidden").include(include).cargo_metadata(false).out_dir(&folder);
    if let Some(define) = define {
        build.define(define, None);
    }
    let objects = build.files(files).try_compile_intermediates()?;

    let library = folder.join(format!("libsworn_{name}.so"));
    // Without the flags of compilations: `-xc++` would make sources of the objects.
    let compiler = cc::Build::new().cpp(true).cargo_metadata(false).try_get_compiler()?;
    let status = compiler.to_command().args(["-shared", "-o"]).arg(&library).args(objects).arg("-ldl").status()?;
    if !status.success() {
        return Err(format!("linking {} failed", library.display()).into());
    }
    println!("cargo::rustc-env=SWORN_LIBRARY_{}={}", name.to_uppercase(), library.display());
    Ok(())
}
