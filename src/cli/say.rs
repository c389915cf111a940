//! Lines to the two streams. Nobody may be listening any more, and that is no reason to panic.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a line stands on standard error that has not ended.
static STANDS: AtomicBool = AtomicBool::new(false);

/// To the beginning of the line, and nothing behind it.
const CLEAR: &str = "\r\x1b[K";

/// A line on standard error.
pub fn tell(text: &str) {
    write(text, "\n");
}

/// A line on a terminal that the next one replaces.
pub fn status(text: &str) {
    write(text, "");
    STANDS.store(true, Ordering::Relaxed);
}

/// Takes the line away that stands.
pub fn end_status() {
    if STANDS.load(Ordering::Relaxed) {
        write("", "");
    }
}

fn write(text: &str, end: &str) {
    let stands = STANDS.swap(false, Ordering::Relaxed);
    let clear = if stands { CLEAR } else { "" };
    let _ = write!(std::io::stderr().lock(), "{clear}{text}{end}");
}

/// A line on standard output, for what is no data: a rehearsal.
pub fn show(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
