//! The partition key ranges of a container, all of them at one moment.

use super::Client;
use super::pages::Flow;
use super::retry::{History, RANGE_GONE, RANGE_LIST};
use crate::cosmos::ranges::{self, Range, Ranges};
use crate::cosmos::{Container, Paging};
use crate::error::Error;

impl Client<'_> {
    /// Reads the ranges again because one of them is gone: a split or a merge takes a while to be over. The error,
    /// where the schedule of that range, whose history this is, is used up.
    pub(super) fn ranges_again(
        &self,
        container: &Container,
        range_history: &mut History,
        error: Error,
        unwanted: &dyn Fn() -> bool,
    ) -> Result<Ranges, Error> {
        let Some(wait) = self.wait_by(RANGE_GONE, range_history, &error, false) else {
            return Err(error);
        };
        self.note("the range was split or merged: reading the ranges again");
        self.nap(wait, unwanted)?;
        self.until(|| self.ranges(container))
    }

    /// Reads the ranges of a container; again where they change under our eyes, which can take a moment.
    pub fn ranges(&self, container: &Container) -> Result<Ranges, Error> {
        let mut list_history = History::default();
        loop {
            let gap = match Ranges::new(self.ranges_once(container)?) {
                Err(gap) => gap,
                ranges => return ranges,
            };
            match self.wait_by(RANGE_LIST, &mut list_history, &gap, false) {
                Some(wait) => self.rest(wait)?,
                None => return Err(gap),
            }
        }
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
