//! Lines to the two streams. Nobody may be listening any more, and that is no reason to panic.

use std::io::Write;

/// A line on standard error.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A line on standard output, for what is no data: a rehearsal.
pub fn show(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
