//! Many items into a container, as fast as it takes them: read one by one, laid down by range, sent by a few threads
//! in batches, and judged one by one by what the answers say.
//!
//! Memory is bounded whatever the size of the input. Two items of one id and key are written in the order of the input.

pub(crate) mod csv;
mod cut;
mod desk;
mod fate;
mod keeper;
mod lane;
mod lanes;
mod op;
mod pace;
mod reader;
pub mod records;
mod send;
pub mod settled;
mod shape;
mod source;
mod values;

use super::Client;
use super::retry::{History, is_gone};
use super::threads::with_help;
use crate::cosmos::Container;
use crate::cosmos::partition_key::{Component, PartitionKey};
use crate::cosmos::ranges::Ranges;
use crate::error::Error;
use desk::Desk;
pub use op::{Check, Spot};
use records::Records;
use settled::Settled;

/// What is done with an item whose id is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is rejected.
    Create,
    /// It replaces the one that is there.
    Upsert,
    /// It is left out.
    Skip,
}

/// What goes where, and how.
pub struct Plan<'a> {
    /// Into this container,
    pub container: &'a Container,
    /// if it is an item,
    pub check: Check<'a>,
    /// and, of several shares of the work, in ours, by its effective key.
    pub shard: Option<&'a (dyn Fn(&str) -> bool + Sync)>,
    /// What is done where its id is there.
    pub mode: Mode,
    /// Most requests at a time.
    pub concurrency: usize,
    /// Most request units a second.
    pub max_rus: Option<f64>,
    /// Whether the first item that is rejected ends it.
    pub stop: bool,
    /// What an earlier run has done.
    pub resume: Resume,
}

/// What an earlier run has written down.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resume {
    /// Items that are done with.
    pub settled: Settled,
    /// No item from this one on has been sent.
    pub ahead: u64,
    /// The beginning of the input, as a number.
    pub first: Option<u64>,
    /// How many of them were not written.
    pub rejected: u64,
}

/// What is counted. Items, where nothing else is said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Of the input.
    pub read: u64,
    /// Bytes of the input.
    pub bytes: u64,
    /// Written, and new.
    pub created: u64,
    /// Written in the place of others.
    pub replaced: u64,
    /// Found written by an earlier attempt or run whose answer was lost.
    pub own: u64,
    /// Left out, because there is one with the id.
    pub skipped: u64,
    /// Not written.
    pub rejected: u64,
    /// Done with in an earlier run.
    pub passed: u64,
    /// Of another share.
    pub elsewhere: u64,
    /// Requests.
    pub requests: u64,
    /// Operations in them.
    pub sent: u64,
    /// Those of them that were refused for lack of request units.
    pub throttled: u64,
    /// Request units.
    pub charge: f64,
}

impl Counts {
    /// Items that are in the container because of this run.
    pub fn written(&self) -> u64 {
        self.created + self.replaced + self.own
    }
}

/// An item that was not written.
#[derive(Debug)]
pub struct Rejected<'a> {
    /// Where it begins in the input, from 1.
    pub line: u64,
    /// Its number in the input, from 1.
    pub number: u64,
    /// What the service said; 0 where it was not asked.
    pub status: u16,
    /// As `x-ms-substatus`; 0 where nothing is said.
    pub substatus: u32,
    /// Why.
    pub reason: &'a str,
    /// Its text, or what stands where it should be.
    pub item: &'a str,
}

/// How far it is, for another run.
#[derive(Debug, Default, PartialEq)]
pub struct Snapshot {
    /// [`Resume::settled`] as JSON.
    pub settled: String,
    /// What [`Ears::told`] said when exactly this was done with.
    pub told: u64,
    /// As [`Resume::rejected`].
    pub rejected: u64,
    /// As [`Resume::ahead`].
    pub ahead: u64,
    /// As [`Resume::first`].
    pub first: u64,
}

/// Is told how far it is, some times a second.
pub type Heard<'a> = dyn FnMut(&Counts) + 'a;

/// Writes down how far it is.
pub type Keep<'a> = dyn Fn(&Snapshot) -> Result<(), Error> + Sync + 'a;

/// Who is told what. An error from one of them ends the import.
pub struct Ears<'a> {
    /// Of each item that was not written, before it counts as done with.
    pub rejected: &'a (dyn Fn(&Rejected) -> Result<(), Error> + Sync),
    /// How much was told of rejected items: a number that is kept with the state.
    pub told: &'a (dyn Fn() -> u64 + Sync),
    /// What is to be written down, where that is wanted.
    pub keep: Option<&'a Keep<'a>>,
}

impl Client<'_> {
    /// Writes all items of an input that are of our share and not done with. What is refused for now is sent again,
    /// what is refused for good is told to [`Ears::rejected`]; a range that splits meanwhile goes on in its children.
    ///
    /// Returns what was counted, and the error that ended it before its end. What was under way then has been waited
    /// for. A create whose answer is lost is sent again, and compared with what is there if that is refused.
    ///
    /// <https://learn.microsoft.com/azure/cosmos-db/nosql/how-to-migrate-from-bulk-executor-library>
    pub fn import(
        &self,
        plan: &Plan,
        ears: &Ears,
        records: &mut Records,
        heard: &mut Heard,
    ) -> (Counts, Option<Error>) {
        let ready = self.ways(plan);
        let (ranges, bulk) = match ready {
            Ok(ready) => ready,
            Err(error) => return (Counts::default(), Some(error)),
        };
        let desk = Desk::new(self, plan, ears, ranges.as_ref(), bulk);
        // Its own error is laid down where the others are.
        let _ = with_help(plan.concurrency.max(1), &|| desk.serve(), &mut |threads| {
            let read = match threads {
                0 => Err(Error::local("no thread can be had")),
                _ => feed(&desk, records, heard),
            };
            desk.drain(read.err(), heard);
            Ok(())
        });
        desk.result()
    }

    /// The ranges, where the service tells them, and whether it takes batches for them.
    fn ways(&self, plan: &Plan) -> Result<(Option<Ranges>, bool), Error> {
        let mut ranges = match self.until(|| self.ranges(plan.container)) {
            Err(e)
                if [400, 404, 405, 501]
                    .iter()
                    .any(|status| e.is_status(*status)) =>
            {
                return Ok((None, false));
            }
            ranges => ranges?,
        };
        let definition = plan.check.keyed.definition();
        let nothing = PartitionKey::new(vec![Component::Undefined; definition.paths.len()]);
        let place = definition.effective(&nothing);
        let mut range_history = History::default();
        while let Some(range) = ranges.find(&place) {
            match self.takes_batches(plan.container, &range.id, &nothing) {
                Err(e) if is_gone(&e) => {
                    let container = plan.container;
                    ranges = self.ranges_again(container, &mut range_history, e, &|| false)?;
                }
                bulk => return Ok((Some(ranges), bulk?)),
            }
        }
        Ok((Some(ranges), false))
    }
}

/// Lays item by item down, until the end or until nothing more is wanted.
fn feed(desk: &Desk, records: &mut Records, heard: &mut Heard) -> Result<(), Error> {
    for number in 0.. {
        let read = records.read();
        let Some(record) = records.next_record()? else {
            break;
        };
        if !desk.take(number, read, &record, heard)? {
            break;
        }
        if number % 256 == 0 {
            heard(&desk.counts());
        }
    }
    Ok(())
}
