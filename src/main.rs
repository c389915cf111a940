//! The `rawcosmos` binary: words in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(rawcosmos::cli::run(std::env::args_os().skip(1)))
}
