//! The program of `check.sh`: measures the kernels of a backend, and makes one report of all that was found.
//!
//! ```text
//! gpu-check kernels --backend cuda        a JSON line for each operation and size
//! gpu-check report DIR                    DIR/report.md and DIR/report.json from the lines in DIR
//! ```

mod kernels;
mod report;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures the operations of a backend, and reports what `check.sh` found")]
struct Args {
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    /// Measures commitments and transforms, and checks their results
    Kernels(kernels::Kernels),
    /// Makes a table of what lies in a folder
    Report(report::Report),
    /// Prints the file of the emulated device's plugin
    EmulatedPlugin,
}

fn main() -> ExitCode {
    let answer = match Args::parse().job {
        Job::Kernels(kernels) => kernels.run(),
        Job::Report(report) => report.run(),
        Job::EmulatedPlugin => {
            println!("{}", sworn_gpu_emulated::PLUGIN);
            Ok(true)
        }
    };
    match answer {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
