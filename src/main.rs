//! The command line of Sworn. Exit status: 0 accepted or done, 1 rejected, 2 an error.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
