//! The CUDA plugin: `nvcc` compiles the kernels for each architecture, `ptxas` says what they take of a processor.

use std::fs;
use std::path::{Path, PathBuf};

use crate::python;
use crate::shell::{cargo, command, must, output, succeeds, Failure};
use crate::Workspace;

const SOURCES: &str = "gpu/cuda";
const REQUIREMENTS: &str = "gpu/cuda/requirements.txt";
/// Compute capabilities that the plugin has machine code for; newer ones compile its PTX, which is that of the last.
const ARCHITECTURES: [&str; 3] = ["80", "89", "90"];
/// The most registers of a thread: 65536 of a processor are enough for four warps of each of its schedulers.
const MAX_REGISTERS: u32 = 128;
/// Kernels that may take more, because a few blocks of them do little of the work.
const WIDE_KERNELS: [(&str, u32); 1] = [("SumWindows", 255)];

/// A compiler, and the folder of its libraries if it does not know it.
struct Nvcc {
    program: PathBuf,
    libraries: Option<PathBuf>,
}

/// What `ptxas` says about a kernel.
#[derive(Debug, PartialEq, Eq)]
struct Usage {
    kernel: String,
    architecture: String,
    registers: u32,
    /// Bytes of registers that are stored for want of more.
    spilled: u32,
}

/// The installed compiler: that of `PATH`, or one that `cargo xtask cuda` installed before.
fn installed(workspace: &Workspace) -> Result<Option<Nvcc>, Failure> {
    if succeeds(&mut command(&workspace.root, "nvcc", ["--version"])) {
        return Ok(Some(Nvcc { program: "nvcc".into(), libraries: None }));
    }
    if workspace.target.join("cuda-venv/requirements.txt").exists() {
        return of_packages(workspace).map(Some);
    }
    Ok(None)
}

/// The compiler of the Python packages.
fn of_packages(workspace: &Workspace) -> Result<Nvcc, Failure> {
    let python = python::environment_of(workspace, "cuda-venv", REQUIREMENTS)?;
    let script = "import nvidia.cu13; print(list(nvidia.cu13.__path__)[0])";
    let output = command(&workspace.root, python, ["-c", script]).output().map_err(|error| Failure::new(format!("python: {error}")))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let program = folder.join("bin/nvcc");
    if !program.exists() {
        return Err(Failure::new(format!("the packages of {REQUIREMENTS} have no bin/nvcc")));
    }
    Ok(Nvcc { program, libraries: Some(folder.join("lib")) })
}

/// Checks the kernels; [`Failure::skipped`] without a compiler.
pub(crate) fn kernels(workspace: &Workspace) -> Result<(), Failure> {
    match installed(workspace)? {
        Some(nvcc) => check(workspace, &nvcc),
        None => Err(Failure::skipped("no nvcc: `cargo xtask cuda` installs one into target/cuda-venv")),
    }
}

/// Where the build script of `icicle-cuda-runtime` 1.3.0 looks for the toolkit, and nowhere else.
const TOOLKIT: &str = "/usr/local/cuda/include/cuda_runtime_api.h";

/// Compiles `sworn-gpu` with its feature of the same name as that crate; [`Failure::skipped`] without what the crate's build
/// script needs.
pub(crate) fn icicle_runtime(workspace: &Workspace) -> Result<(), Failure> {
    if !Path::new(TOOLKIT).exists() {
        return Err(Failure::skipped(format!("no CUDA toolkit: there is no {TOOLKIT}")));
    }
    if std::env::var_os("LIBCLANG_PATH").is_none() && !succeeds(&mut command(&workspace.root, "clang", ["--version"])) {
        return Err(Failure::skipped("no clang, whose library reads the toolkit's headers; LIBCLANG_PATH names the folder of another"));
    }
    let check = ["clippy", "--quiet", "--package", "sworn-gpu", "--features", "icicle-cuda-runtime", "--", "-D", "warnings"];
    must(&mut cargo(&workspace.root, check))
}

/// Compiles everything, checks it and links the plugin.
pub(crate) fn plugin(workspace: &Workspace) -> Result<(), Failure> {
    let nvcc = match installed(workspace)? {
        Some(nvcc) => nvcc,
        None => of_packages(workspace)?,
    };
    check(workspace, &nvcc)?;
    let folder = workspace.target.join("cuda");
    let plugin = folder.join("libsworn_cuda.so");
    let mut link = command(&workspace.root, &nvcc.program, ["-shared", "-cudart", "static", "-o"]);
    link.arg(&plugin).args(sources(workspace)?.iter().map(|source| object(&folder, source)));
    if let Some(libraries) = nvcc.libraries {
        link.arg("-L").arg(libraries);
    }
    must(&mut link)?;
    eprintln!("made {}", plugin.display());
    Ok(())
}

/// The objects of all sources, within their budget; and the PTX of field and curve, run by an interpreter.
fn check(workspace: &Workspace, nvcc: &Nvcc) -> Result<(), Failure> {
    let folder = workspace.target.join("cuda");
    fs::create_dir_all(&folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    let mut usages = Vec::new();
    for source in sources(workspace)? {
        usages.extend(compile(workspace, nvcc, &folder, &source)?);
    }
    usages.sort_by(|a, b| (&a.kernel, &a.architecture).cmp(&(&b.kernel, &b.architecture)));
    eprintln!("{:<48} {:>6} {:>9} {:>7}", "kernel", "sm", "registers", "spilled");
    for usage in &usages {
        eprintln!("{:<48} {:>6} {:>9} {:>7}", usage.kernel, usage.architecture, usage.registers, usage.spilled);
    }
    if usages.is_empty() {
        return Err(Failure::new("ptxas named no kernel"));
    }
    if let Some(usage) = usages.iter().find(|usage| !is_within_budget(usage)) {
        return Err(Failure::new(format!("over the budget of {MAX_REGISTERS} registers without spills: {usage:?}")));
    }
    let ptx = folder.join("field.ptx");
    let mut translate = command(&workspace.root, &nvcc.program, ["-std=c++17", "-O3", "-ptx", "-arch=compute_80", "-o"]);
    must(translate.arg(&ptx).arg(workspace.root.join(SOURCES).join("checks/field.cu")))?;
    must(command(&workspace.root, "python3", [workspace.root.join(SOURCES).join("checks/ptx.py")]).arg(&ptx))?;
    predict(workspace, nvcc, &folder)
}

/// Prints the instructions of field operations on the newest architecture, and what operations should take by them.
fn predict(workspace: &Workspace, nvcc: &Nvcc, folder: &Path) -> Result<(), Failure> {
    let disassembler = nvcc.program.with_file_name("nvdisasm");
    if !succeeds(&mut command(&workspace.root, &disassembler, ["--version"])) {
        eprintln!("nothing is predicted: there is no nvdisasm, which comes with nvcc or with the packages of {REQUIREMENTS}");
        return Ok(());
    }
    let (binary, text) = (folder.join("field.cubin"), folder.join("field.sass"));
    let architecture = format!("-arch=sm_{}", ARCHITECTURES[ARCHITECTURES.len() - 1]);
    let mut compile = command(&workspace.root, &nvcc.program, ["-std=c++17", "-O3", "-cubin", &architecture, "-o"]);
    must(compile.arg(&binary).arg(workspace.root.join(SOURCES).join("checks/field.cu")))?;
    let listing = output(command(&workspace.root, &disassembler, ["-c"]).arg(&binary)).ok_or_else(|| Failure::new("nvdisasm failed"))?;
    fs::write(&text, listing).map_err(|error| Failure::new(format!("{}: {error}", text.display())))?;
    must(command(&workspace.root, "python3", [workspace.root.join(SOURCES).join("checks/predict.py")]).arg(&text))
}

fn is_within_budget(usage: &Usage) -> bool {
    let exception = WIDE_KERNELS.iter().find(|(name, _)| usage.kernel.contains(name));
    usage.spilled == 0 && usage.registers <= exception.map_or(MAX_REGISTERS, |(_, registers)| *registers)
}

/// The files of kernels, in order.
fn sources(workspace: &Workspace) -> Result<Vec<PathBuf>, Failure> {
    let folder = workspace.root.join(SOURCES);
    let entries = fs::read_dir(&folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "cu"));
    files.sort();
    Ok(files)
}

fn object(folder: &Path, source: &Path) -> PathBuf {
    folder.join(source.file_stem().unwrap_or_default()).with_extension("o")
}

fn compile(workspace: &Workspace, nvcc: &Nvcc, folder: &Path, source: &Path) -> Result<Vec<Usage>, Failure> {
    let mut compile = command(&workspace.root, &nvcc.program, ["-c", "-std=c++17", "-O3", "-Xptxas", "-v"]);
    compile.args(["-Xcompiler", "-fPIC,-fvisibility=hidden"]);
    for architecture in ARCHITECTURES {
        compile.arg(format!("-gencode=arch=compute_{architecture},code=sm_{architecture}"));
    }
    let last = ARCHITECTURES[ARCHITECTURES.len() - 1];
    compile.arg(format!("-gencode=arch=compute_{last},code=compute_{last}")).arg("-o").arg(object(folder, source)).arg(source);
    eprintln!("$ nvcc {}", source.display());
    let output = compile.output().map_err(|error| Failure::new(format!("nvcc did not start: {error}")))?;
    let messages = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(Failure::new(format!("nvcc refuses {}:\n{messages}", source.display())));
    }
    Ok(usages(&messages))
}

/// What `ptxas -v` printed: a line that names a kernel, one with its spills, and one with its registers.
fn usages(messages: &str) -> Vec<Usage> {
    let mut usages = Vec::new();
    let (mut kernel, mut architecture, mut spilled) = (String::new(), String::new(), 0);
    for line in messages.lines() {
        if let Some((_, rest)) = line.split_once("Compiling entry function '") {
            let mut parts = rest.split('\'');
            kernel = short_name(parts.next().unwrap_or_default());
            architecture = parts.nth(1).unwrap_or_default().trim_start_matches("sm_").to_owned();
        } else if let Some((before, _)) = line.split_once(" bytes spill stores") {
            spilled = before.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(u32::MAX);
        } else if let Some((_, rest)) = line.split_once("Used ") {
            let registers = rest.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(u32::MAX);
            usages.push(Usage { kernel: kernel.clone(), architecture: architecture.clone(), registers, spilled });
        }
    }
    usages
}

/// The words of a mangled name that tell kernels apart: identifiers are written behind their lengths.
fn short_name(mangled: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mangled = mangled.replace("ILb0E", "I7forward").replace("ILb1E", "I7inverse");
    let mut rest = mangled.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - start);
        let length = rest[start..start + digits].parse().unwrap_or(0);
        let from = start + digits;
        match rest.get(from..from + length) {
            Some(word) if word.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                let is_new = !words.contains(&word) && !["sworn", "run", "Rows"].contains(&word);
                if is_new {
                    words.push(word);
                }
                rest = &rest[from + length..];
            }
            // `_GLOBAL__N__…`, the anonymous namespace.
            Some(_) => rest = &rest[from + length..],
            None => rest = &rest[from..],
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_ptxas_is_read() {
        let report = "ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_ZN5sworn3runINS_4RowsINS_57_GLOBAL__N__0123456789012345678901234567890123456789012347CombineEEEEEvT_' for 'sm_90'
ptxas info    : Function properties for _ZN5sworn
    8 bytes stack frame, 12 bytes spill stores, 16 bytes spill loads
ptxas info    : Used 48 registers, used 1 barriers
";
        let expected = Usage { kernel: "Combine".into(), architecture: "90".into(), registers: 48, spilled: 12 };
        assert_eq!(usages(report), [expected]);
    }

    #[test]
    fn budgets() {
        let usage = |kernel: &str, registers, spilled| Usage { kernel: kernel.into(), architecture: "80".into(), registers, spilled };
        assert!(is_within_budget(&usage("Combine", 128, 0)) && is_within_budget(&usage("SumWindows", 200, 0)));
        assert!(!is_within_budget(&usage("Combine", 129, 0)) && !is_within_budget(&usage("SumWindows", 200, 4)));
    }
}
