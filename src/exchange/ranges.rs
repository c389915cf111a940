//! The partition key ranges of a container, all of them at one moment.

use super::Client;
use super::pages::Flow;
use crate::cosmos::ranges::{self, Range, Ranges};
use crate::cosmos::{Container, Paging};
use crate::error::Error;

impl Client<'_> {
    /// Reads the ranges of a container; once more where they changed under our eyes.
    pub fn ranges(&self, container: &Container) -> Result<Ranges, Error> {
        let first = self.ranges_once(container)?;
        Ranges::new(first).or_else(|_| Ranges::new(self.ranges_once(container)?))
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
