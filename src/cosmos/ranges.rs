//! Partition key ranges: the parts of a container, and which of them holds a key.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/partitioning-overview#physical-partitions>

use serde_json::Value;
use serde_json::value::RawValue;

use super::effective_key::{contains, order};
use super::{Call, Container, Effect, Paging, feed};
use crate::error::Error;
use crate::message::{Page, Response};

/// One part of a container: the effective keys from `min` up to and without `max`.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// Its id; a new one after every split or merge.
    pub id: String,
    /// In upper-case hex; of the first range the empty text.
    pub min: String,
    /// In upper-case hex; of the last range `FF`.
    pub max: String,
    /// The ranges it came from.
    pub parents: Vec<String>,
    /// Its part of the container's throughput, from 0 to 1.
    pub share: Option<f64>,
}

/// `GET /dbs/{db}/colls/{coll}/pkranges`: the ranges of a container, in pages. Needs the data action `readMetadata` on
/// it. Costs no request units. Just after a split the parents may still be among them: see [`Ranges::new`].
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/get-partition-key-ranges>
pub fn list(container: &Container, paging: &Paging) -> Call<Page> {
    Call {
        request: paging.apply(container.0.feed("GET", "pkranges")),
        scope: container.0.scope("pkranges"),
        action: "Microsoft.DocumentDB/databaseAccounts/readMetadata",
        effect: Effect::Read,
        read: page,
    }
}

/// The ranges that an answer lists.
pub(crate) fn page(response: &Response) -> Result<Page, Error> {
    feed(response, "PartitionKeyRanges")
}

impl Range {
    /// Reads an element of the list.
    pub fn read(range: &RawValue) -> Result<Range, Error> {
        let value: Value = serde_json::from_str(range.get())
            .map_err(|e| Error::answer(format!("a range is not JSON: {e}")))?;
        let text = |name: &str| {
            let text = value.get(name).and_then(Value::as_str);
            text.map(str::to_string)
                .ok_or_else(|| Error::answer(format!("a range has no {name:?}")))
        };
        let parents = value.get("parents").and_then(Value::as_array);
        let parents = parents.into_iter().flatten().filter_map(Value::as_str);
        // Some emulators number them.
        let number = value.get("id").filter(|id| id.is_u64());
        let id = number.map_or_else(|| text("id"), |id| Ok(id.to_string()))?;
        // It travels in a header.
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::answer(format!("a range has the id {id:?}")));
        }
        let digits = |name| text(name).map(|digits| digits.to_ascii_uppercase());
        Ok(Range {
            id,
            min: digits("minInclusive")?,
            max: digits("maxExclusive")?,
            parents: parents.map(str::to_string).collect(),
            share: value.get("throughputFraction").and_then(Value::as_f64),
        })
    }
}

/// A part of a container as a request names it: a range, or what lies between two effective keys of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The range that holds it.
    pub range: String,
    /// Its first effective key.
    pub min: String,
    /// The effective key behind its last one.
    pub max: String,
    /// The range holds more than this part.
    pub within: bool,
}

/// All ranges of a container at one moment, in the order of their keys, without gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranges(Vec<Range>);

impl Ranges {
    /// Takes them in any order, and drops those that others came from.
    ///
    /// # Errors
    /// [`Error::Answer`], where they do not cover every key exactly once: the list was read while it changed, and has
    /// to be read again.
    pub fn new(all: Vec<Range>) -> Result<Ranges, Error> {
        let gone: Vec<String> = all.iter().flat_map(|range| range.parents.clone()).collect();
        let mut left = all;
        left.retain(|range| !gone.contains(&range.id));
        let (mut chain, mut reached) = (Vec::with_capacity(left.len()), String::new());
        while let Some(at) = left
            .iter()
            .position(|range| order(&range.min, &reached).is_eq())
        {
            let range = left.swap_remove(at);
            if order(&range.min, &range.max).is_ge() {
                return Err(Error::answer(format!("the range {} is empty", range.id)));
            }
            reached.clone_from(&range.max);
            chain.push(range);
        }
        match left.first() {
            None if reached == "FF" => Ok(Ranges(chain)),
            None => Err(Error::answer(format!(
                "no range of the container begins at {reached:?}"
            ))),
            Some(range) => Err(Error::answer(format!(
                "the ranges of the container leave a gap at {reached:?}, or overlap at the range {}",
                range.id
            ))),
        }
    }

    /// One that holds everything and has no id: for who does not ask by ranges.
    pub fn whole() -> Ranges {
        Ranges(vec![Range {
            id: String::new(),
            min: String::new(),
            max: "FF".into(),
            parents: Vec::new(),
            share: None,
        }])
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Range> {
        self.0.iter()
    }

    /// The range that holds an effective key.
    pub fn find(&self, effective: &str) -> Option<&Range> {
        let begun = |range: &Range| order(&range.min, effective).is_le();
        let last = self.0.partition_point(begun).checked_sub(1)?;
        let range = self.0.get(last);
        range.filter(|range| contains(&range.min, &range.max, effective))
    }

    /// The ranges that hold a part of `[min, max)`.
    pub fn overlapping(&self, min: &str, max: &str) -> impl Iterator<Item = &Range> {
        self.0
            .iter()
            .filter(move |range| order(&range.min, max).is_lt() && order(min, &range.max).is_lt())
    }

    /// What lies in `[min, max)`, a part for each range that holds some of it.
    pub fn parts(&self, min: &str, max: &str) -> Vec<Part> {
        let part = |range: &Range| {
            let starts = order(min, &range.min).is_gt();
            let ends = order(&range.max, max).is_gt();
            Part {
                range: range.id.clone(),
                min: if starts { min } else { &range.min }.to_string(),
                max: if ends { max } else { &range.max }.to_string(),
                within: starts || ends,
            }
        };
        self.overlapping(min, max).map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn range(id: &str, min: &str, max: &str, parents: &[&str]) -> Range {
        Range {
            id: id.into(),
            min: min.into(),
            max: max.into(),
            parents: parents.iter().map(ToString::to_string).collect(),
            share: None,
        }
    }

    #[test]
    fn parents_are_dropped_and_the_rest_is_whole() {
        let all = vec![
            range("4", "AA", "FF", &["1"]),
            range("0", "", "55", &[]),
            range("3", "55", "AA00", &["1"]),
            range("1", "55", "FF", &[]),
        ];
        let ranges = Ranges::new(all).unwrap();
        let ids = |found: Vec<&Range>| found.iter().map(|r| r.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(ranges.iter().collect()), ["0", "3", "4"]);
        assert_eq!(ranges.find("").unwrap().id, "0");
        assert_eq!(ranges.find("55").unwrap().id, "3");
        assert_eq!(ranges.find("5500").unwrap().id, "3");
        assert_eq!(ranges.find("FE").unwrap().id, "4");
        assert_eq!(ranges.find("FF"), None);
        assert_eq!(ids(ranges.overlapping("55", "AA").collect()), ["3"]);
        assert_eq!(
            ids(ranges.overlapping("54", "AB").collect()),
            ["0", "3", "4"]
        );
        assert_eq!(ids(ranges.overlapping("10", "10FF").collect()), ["0"]);
    }

    #[test]
    fn gaps_and_overlaps_are_seen() {
        for bad in [
            vec![],
            vec![range("0", "", "55", &[])],
            vec![range("0", "05", "FF", &[])],
            vec![range("0", "", "55", &[]), range("1", "56", "FF", &[])],
            vec![range("0", "", "57", &[]), range("1", "56", "FF", &[])],
            vec![range("0", "", "", &[]), range("1", "", "FF", &[])],
            vec![range("0", "", "FF", &["0"])],
        ] {
            assert!(Ranges::new(bad.clone()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_range_may_be_numbered() {
        let text = r#"{"id":7,"minInclusive":"","maxExclusive":"ff"}"#;
        let raw = RawValue::from_string(text.into()).unwrap();
        let range = Range::read(&raw).unwrap();
        assert_eq!((range.id.as_str(), range.max.as_str()), ("7", "FF"));
    }

    #[test]
    fn bad_ranges_are_answers_and_no_panics() {
        for text in [
            "7",
            "{}",
            r#"{"id":7}"#,
            r#"{"id":-7,"minInclusive":"","maxExclusive":"FF"}"#,
            r#"{"id":"","minInclusive":"","maxExclusive":"FF"}"#,
            r#"{"id":"ü","minInclusive":"","maxExclusive":"FF"}"#,
            r#"{"id":"0","minInclusive":""}"#,
        ] {
            let raw = RawValue::from_string(text.into()).unwrap();
            assert!(Range::read(&raw).is_err(), "{text}");
        }
    }
}
