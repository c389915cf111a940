//! The partition key ranges of a container, all of them at one moment.

use std::time::Duration;

use super::Client;
use super::pages::Flow;
use crate::cosmos::ranges::{self, Range, Ranges};
use crate::cosmos::{Container, Paging};
use crate::error::Error;

/// A range that is gone this often without a single answer is not being split.
const SPLITS: u32 = 10;

impl Client<'_> {
    /// Reads the ranges of a container; once more where they changed under our eyes.
    pub fn ranges(&self, container: &Container) -> Result<Ranges, Error> {
        let first = self.ranges_once(container)?;
        Ranges::new(first).or_else(|_| Ranges::new(self.ranges_once(container)?))
    }

    /// The same after a range was gone, so many times in a row without an answer: the list may lag behind. `None`
    /// once that has gone on too long for a split.
    pub(super) fn ranges_after(
        &self,
        container: &Container,
        times: u32,
    ) -> Result<Option<Ranges>, Error> {
        if times > SPLITS {
            return Ok(None);
        }
        self.note("the range was split or merged: reading the ranges again");
        if times > 1 {
            let wait = Duration::from_millis(50 << times.min(5));
            self.clock().sleep(wait);
        }
        self.ranges(container).map(Some)
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
