//! The partition key ranges of a container, all of them at one moment.

use std::time::Duration;

use super::Client;
use super::pages::Flow;
use crate::cosmos::ranges::{self, Range, Ranges};
use crate::cosmos::{Container, Paging};
use crate::error::Error;

/// A range that is gone this often is not being split.
pub(super) const SPLITS: u32 = 10;

impl Client<'_> {
    /// Reads the ranges again because one of them is gone, for the so-manieth time: a split takes a while to be over.
    pub(super) fn ranges_again(&self, container: &Container, turn: u32) -> Result<Ranges, Error> {
        self.note("the range was split or merged: reading the ranges again");
        let wait = match turn {
            0 => 0,
            turn => 100 << turn.min(4),
        };
        self.rest(Duration::from_millis(wait))?;
        self.ranges(container)
    }

    /// Reads the ranges of a container; again where they change under our eyes, which can take a moment.
    pub fn ranges(&self, container: &Container) -> Result<Ranges, Error> {
        const WAITS: [u64; 4] = [0, 200, 400, 800];
        for wait in WAITS {
            if let Ok(ranges) = Ranges::new(self.ranges_once(container)?) {
                return Ok(ranges);
            }
            self.rest(Duration::from_millis(wait))?;
        }
        Ranges::new(self.ranges_once(container)?)
    }

    fn ranges_once(&self, container: &Container) -> Result<Vec<Range>, Error> {
        let mut all = Vec::new();
        self.each_page(
            ranges::list(container, &Paging::default()),
            &|next| {
                let from = Some(next.clone());
                let paging = Paging {
                    from,
                    ..Paging::default()
                };
                Ok(ranges::list(container, &paging))
            },
            &mut |page| {
                for range in &page.value.items {
                    all.push(Range::read(range)?);
                }
                Ok(Flow::Continue)
            },
        )?;
        Ok(all)
    }
}
