//! What an import asks beside its items: with the patience that it sends those with.

use std::time::Duration;

use super::Mode;
use super::fate::{Fate, Said, fate};
use crate::error::Error;
use crate::exchange::Client;

/// How often it was asked in vain, and how long was waited.
type Vain = (u32, Duration);

impl Client<'_> {
    /// Asks until there is an answer, or no patience left.
    pub(super) fn patiently<T>(&self, ask: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
        let mut vain = Vain::default();
        loop {
            match ask() {
                Err(error) => self.outlast(&mut vain, error)?,
                answer => return answer,
            }
        }
    }

    /// Waits, if it passes and there is patience.
    fn outlast(&self, (times, waited): &mut Vain, error: Error) -> Result<(), Error> {
        let said = Said::of_all(&error, 0);
        let known = said.map(|said| (fate(&said, Mode::Upsert, false), said.wait));
        let Some((Fate::Again(again), told)) = known else {
            return Err(error);
        };
        let wait = again.wait(told, *times);
        let patience = self.budget.waiting(Duration::from_secs(again.patience));
        if *times >= self.budget.tries(u32::MAX) || *waited + wait > patience {
            return Err(error);
        }
        (*times, *waited) = (*times + 1, *waited + wait);
        self.pause(wait, &error)
    }
}
