//! A query over several ranges: each is asked what the plan says, and their answers become one.
//!
//! Ranges are read a page ahead by a few threads; who reads the [`Rows`] pulls them one by one.

mod desk;
mod leaf;
mod queue;
mod rows;
mod table;

use std::time::Duration;

pub use rows::Rows;

use super::Client;
use super::threads::with_help;
use crate::cosmos::partition_key::PartitionKey;
use crate::cosmos::query::Query;
use crate::cosmos::query::metrics::Metrics;
use crate::cosmos::query::plan::Plan;
use crate::cosmos::query::sort::GroupOrder;
use crate::cosmos::query::state::State;
use crate::cosmos::{Container, Paging};
use crate::error::Error;
use desk::Desk;

/// What is asked of which ranges, and how.
pub struct Asked<'a> {
    /// Of which container.
    pub container: &'a Container,
    /// As it was written.
    pub query: &'a Query,
    /// What the service makes of it.
    pub plan: &'a Plan,
    /// Only the items of this key: it is named to the service instead of ranges.
    pub key: Option<PartitionKey>,
    /// Only what lies between these effective keys: those of a prefix of a hierarchical key.
    pub between: Option<(String, String)>,
    /// Size of a page, session and consistency.
    pub paging: Paging,
    /// No more rows than this will be read.
    pub most: Option<u64>,
    /// How many ranges are read at once.
    pub parallel: usize,
    /// Whether the service is to say how it carried the query out.
    pub metrics: bool,
    /// Is told of every answer what all of them took so far.
    pub heard: Option<&'a (dyn Fn(&Spent) + Sync)>,
}

/// What all requests together took.
#[derive(Debug, Clone, Default)]
pub struct Spent {
    /// How many answers there were.
    pub pages: u64,
    /// How many rows they had.
    pub rows: u64,
    /// How many requests it took to get them.
    pub attempts: u64,
    /// Request units; `None` where no answer named any.
    pub charge: Option<f64>,
    /// From the first byte sent to the last byte read, added up.
    pub elapsed: Duration,
    /// The id of the last answer.
    pub activity: Option<String>,
    /// What the answers said of themselves.
    pub metrics: Metrics,
    /// How many ranges there were at the start.
    pub ranges: usize,
    /// How many threads read them.
    pub threads: usize,
    /// How many bytes of rows waited at most.
    pub held: usize,
}

/// Reads rows for as long as it likes.
pub type Reader<'a> = dyn FnMut(&mut Rows) -> Result<(), Error> + 'a;

impl Client<'_> {
    /// Runs a query range by range and gives its rows to `read`. A range that splits meanwhile goes on in its
    /// children. With a `state` it goes on where that says, and [`Rows::state`] tells how far it has come.
    ///
    /// Rows are in the order of the query where it asks for one. Memory stays at two pages a range, unless the query
    /// has to see all rows, or all groups, first.
    ///
    /// # Errors
    /// [`Error::Usage`] for an order that cannot be had by merging, and for a state of a query that cannot be resumed.
    pub fn merged(
        &self,
        asked: &Asked,
        state: Option<State>,
        read: &mut Reader,
    ) -> Result<Spent, Error> {
        let mut order = GroupOrder::of(asked.plan, asked.query.text())?;
        if state.is_some() && asked.plan.comes_in_parts() {
            return Err(Error::Usage(
                "this query cannot go on in another run: DISTINCT, GROUP BY, aggregates and the order of a score have to see all rows".into(),
            ));
        }
        let desk = Desk::new(self, asked, state)?;
        let threads = asked.threads(desk.ranges());
        with_help(threads, &|| desk.serve(), &mut |threads| {
            // Without any thread the reader fetches by itself.
            desk.count_threads(threads);
            read(&mut Rows::new(&desk, order.take()))
        })?;
        let spent = desk.spent();
        self.note(&format!(
            "{} {}, {} at a time; at most {} KB of rows were held",
            spent.ranges,
            if spent.ranges == 1 { "range" } else { "ranges" },
            spent.threads.max(1),
            spent.held.div_ceil(1024)
        ));
        Ok(spent)
    }
}

impl Asked<'_> {
    /// The first few rows of any ranges will do: to read further ones ahead would be for nothing.
    fn is_easily_satisfied(&self) -> bool {
        let few = self.plan.limit.is_some() || self.most.is_some();
        few && self.plan.order.is_empty() && self.plan.streams()
    }

    fn threads(&self, ranges: usize) -> usize {
        match self.parallel.min(ranges) {
            0 | 1 => 0,
            _ if self.is_easily_satisfied() => 0,
            threads => threads,
        }
    }

    /// The size of a page: as it was said, or no more than will be needed of a range.
    fn size(&self) -> Option<u32> {
        const USUAL: u64 = 1000;
        let plan = self.plan;
        let wanted = plan.limit.into_iter().chain(self.most).min();
        let few = wanted
            .filter(|_| !plan.comes_in_parts())
            .map(|rows| rows.saturating_add(plan.offset))
            .filter(|rows| (1..USUAL).contains(rows));
        let few = few.and_then(|rows| u32::try_from(rows).ok());
        self.paging.size.or(few)
    }
}
