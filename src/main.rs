//! The `rawcosmos` binary: words in, exit code out.

#[cfg(unix)]
mod signals;

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(unix)]
    rawcosmos::cli::interrupt::install(signals::install());
    ExitCode::from(rawcosmos::cli::run(std::env::args_os().skip(1)))
}
