//! Many items by id and key: grouped by the range that holds them, and given back in the order they were asked for.

use serde_json::value::RawValue;

use super::Client;
use super::pages::Flow;
use super::retry::{History, is_gone};
use crate::cosmos::items::Options;
use crate::cosmos::key_definition::Definition;
use crate::cosmos::many::{self, Pair};
use crate::cosmos::partition_key::PartitionKey;
use crate::cosmos::query::{self, Across, Query};
use crate::cosmos::ranges::Ranges;
use crate::cosmos::{Container, Paging};
use crate::error::Error;
use crate::message::{Answer, Call, Page};
use crate::name::Name;

/// A query names no more items than this.
pub const MOST: usize = 1000;

/// How the items are found.
#[derive(Debug)]
pub enum Way {
    /// All of them are of one key.
    Key(PartitionKey),
    /// Each is in the range that holds its key.
    Ranges(Definition, Ranges),
}

/// Where the items are, and how they are read.
pub struct Many<'a> {
    /// Of which container.
    pub container: &'a Container,
    /// How they are found.
    pub way: Way,
    /// Session and consistency of the reads.
    pub options: Options,
}

/// What was found: id, key, and the item.
type Found = Vec<(String, String, Box<RawValue>)>;

/// Is told of each answer, for what it cost.
pub type Heard<'a> = dyn FnMut(&Answer<Page>) + 'a;

impl Client<'_> {
    /// Reads items in as few requests as it takes; `None` where there is no such item. All of them are held at once:
    /// who wants very many asks for some thousand at a time.
    pub fn read_many(
        &self,
        many: &mut Many,
        pairs: &[Pair],
        heard: &mut Heard,
    ) -> Result<Vec<Option<Box<RawValue>>>, Error> {
        let mut found = Found::new();
        let (mut group_history, mut range_history) = (History::default(), History::default());
        loop {
            match (self.find(many, pairs, &mut found, heard), &mut many.way) {
                (Err(e), Way::Ranges(_, ranges)) if is_gone(&e) => {
                    let container = many.container;
                    *ranges = self.ranges_again(container, &mut range_history, e, &|| false)?;
                }
                // What is in an item does not pass.
                (Err(e), _) if !matches!(e, Error::Answer(_)) => {
                    self.outlast(&mut group_history, e, false)?;
                }
                (done, _) => {
                    done?;
                    break;
                }
            }
        }
        let all = pairs.iter().map(|pair| many.pick(&found, pair));
        Ok(all.collect())
    }

    fn find(
        &self,
        many: &Many,
        pairs: &[Pair],
        found: &mut Found,
        heard: &mut Heard,
    ) -> Result<(), Error> {
        for (across, group) in many.groups(pairs)? {
            for some in group.chunks(MOST) {
                match some {
                    [one] => self.find_one(many, &across, one, found, heard)?,
                    _ => self.find_some(many, &across, &many.query(some)?, found, heard)?,
                }
            }
        }
        Ok(())
    }

    /// A read costs less than a query; it needs an id that has a place in a path.
    fn find_one(
        &self,
        many: &Many,
        across: &Across,
        pair: &Pair,
        found: &mut Found,
        heard: &mut Heard,
    ) -> Result<(), Error> {
        let Ok(id) = Name::new(pair.id.as_str()) else {
            let query = many.query(std::slice::from_ref(pair))?;
            return self.find_some(many, across, &query, found, heard);
        };
        let call = many::one(many.container, &id, &pair.key, &many.options);
        match self.take(
            call,
            &|_| Err(Error::answer("an item has no next page")),
            many,
            found,
            heard,
        ) {
            Err(e) if is_absent(&e) => Ok(()),
            done => done,
        }
    }

    fn find_some(
        &self,
        many: &Many,
        across: &Across,
        query: &Query,
        found: &mut Found,
        heard: &mut Heard,
    ) -> Result<(), Error> {
        let page = |from| {
            let paging = Paging {
                from,
                session: many.options.session.clone(),
                consistency: many.options.consistency,
                size: None,
            };
            query::items(many.container, query, across, &paging)
        };
        self.take(
            page(None),
            &|next| Ok(page(Some(next.clone()))),
            many,
            found,
            heard,
        )
    }

    fn take(
        &self,
        first: Call<Page>,
        next: &dyn Fn(&crate::message::Next) -> Result<Call<Page>, Error>,
        many: &Many,
        found: &mut Found,
        heard: &mut Heard,
    ) -> Result<(), Error> {
        self.each_page(first, next, &mut |mut answer| {
            heard(&answer);
            for item in std::mem::take(&mut answer.value.items) {
                let (id, key) = many.place_of(&item)?;
                found.push((id, key, item));
            }
            Ok(Flow::Continue)
        })
    }
}

/// The item is not there; the container is.
fn is_absent(error: &Error) -> bool {
    let failure = error.failure();
    failure
        .is_some_and(|failure| failure.status == 404 && failure.substatus.unwrap_or_default() == 0)
}

impl Many<'_> {
    /// The pairs of each range.
    fn groups(&self, pairs: &[Pair]) -> Result<Vec<(Across, Vec<Pair>)>, Error> {
        let (definition, ranges) = match &self.way {
            Way::Key(key) => return Ok(vec![(Across::Key(key.clone()), pairs.to_vec())]),
            Way::Ranges(definition, ranges) => (definition, ranges),
        };
        let mut groups: Vec<(&str, Vec<Pair>)> = Vec::new();
        for pair in pairs {
            let effective = definition.effective(&pair.key);
            let range = ranges.find(&effective);
            let range =
                range.ok_or_else(|| Error::answer(format!("no range holds {effective}")))?;
            match groups.iter_mut().find(|(id, _)| *id == range.id) {
                Some((_, group)) => group.push(pair.clone()),
                None => groups.push((&range.id, vec![pair.clone()])),
            }
        }
        let groups = groups.into_iter();
        Ok(groups
            .map(|(id, group)| (Across::Range(id.to_string()), group))
            .collect())
    }

    fn query(&self, pairs: &[Pair]) -> Result<Query, Error> {
        match &self.way {
            Way::Ranges(definition, _) => many::of_pairs(definition, pairs),
            Way::Key(_) => {
                let ids: Vec<&str> = pairs.iter().map(|pair| pair.id.as_str()).collect();
                many::of_one_key(&ids)
            }
        }
    }

    /// The item of a pair, if it was found. Keys are numbers or texts, and compared as the service compares them.
    fn pick(&self, found: &Found, pair: &Pair) -> Option<Box<RawValue>> {
        let key = match &self.way {
            Way::Key(_) => String::new(),
            Way::Ranges(..) => pair.key.canonical(),
        };
        let mut found = found.iter();
        let item = found.find(|(id, of, _)| *id == pair.id && *of == key);
        item.map(|(_, _, item)| item.clone())
    }

    fn place_of(&self, item: &RawValue) -> Result<(String, String), Error> {
        let id = many::id_of(item).ok_or_else(|| Error::answer("an item has no id"))?;
        let key = match &self.way {
            Way::Key(_) => String::new(),
            Way::Ranges(definition, _) => definition
                .extract(item.get())
                .map_err(Error::answer)?
                .canonical(),
        };
        Ok((id, key))
    }
}
