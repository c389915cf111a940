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
