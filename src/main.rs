//! The `rawcosmos` binary: words in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(rawcosmos::cli::run(std::env::args_os().skip(1)))
}

/// The frames of a panic, for `RUST_BACKTRACE`. The static binary has neither tables to find them nor names to show;
/// known to the optimizer, this takes what would read them with it: 187 KB. Its only attribute is what `unsafe` names:
/// nobody else may define that symbol.
#[cfg(all(panic = "abort", no_backtrace))]
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(_each: *const (), _argument: *mut ()) -> i32 {
    const END_OF_STACK: i32 = 5;
    END_OF_STACK
}

/// The name of a thread, for whoever lists them. The C library writes it with the whole of its `printf`: 13 KB.
#[cfg(all(panic = "abort", no_backtrace))]
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn pthread_setname_np(_thread: *const (), _name: *const ()) -> i32 {
    0
}
