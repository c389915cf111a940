//! Threads that help for as long as something is done here.

use std::thread::{Builder, scope};

use crate::error::Error;

/// Does `lead` here, which is told how many threads do `help` meanwhile. A thread that cannot be had is one thread
/// less. The threads end by themselves once `lead` is done: that is up to `help`.
pub(super) fn with_help(
    threads: usize,
    help: &(dyn Fn() + Sync),
    lead: &mut dyn FnMut(usize) -> Result<(), Error>,
) -> Result<(), Error> {
    scope(|scope| {
        let begun = (0..threads).filter(|_| Builder::new().spawn_scoped(scope, help).is_ok());
        lead(begun.count())
    })
}

/// Nobody waits for a thread that has panicked: then, and only then, this is done at the end of what holds it.
pub(super) struct Watch<'w>(pub &'w dyn Fn());

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_panic_is_told_and_an_end_is_not() {
        for panics in [false, true] {
            let told = AtomicBool::new(false);
            let ended = scope(|scope| {
                let thread = scope.spawn(|| {
                    let tell = || told.store(true, Ordering::Relaxed);
                    let _watch = Watch(&tell);
                    assert!(!panics, "on purpose");
                });
                thread.join().is_ok()
            });
            assert_eq!((ended, told.into_inner()), (!panics, panics));
        }
    }
}
