//! How far the changes of a container have been read, in a form that can be kept.

use serde_json::Value;

use super::changes::{Of, Start};
use super::partition_key::PartitionKey;
use super::ranges::{Part, Ranges};
use crate::error::Error;

/// How far the changes of a part of the container have been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The range that holds it.
    pub range: String,
    /// Its first effective key.
    pub min: String,
    /// The effective key behind its last one.
    pub max: String,
    /// The range holds more than this part.
    pub within: bool,
    /// Where to go on.
    pub start: Start,
}

impl Position {
    fn of(&self) -> Of {
        match self.within {
            true => Of::Part(self.range.clone(), self.min.clone(), self.max.clone()),
            false => Of::Range(self.range.clone()),
        }
    }
}

/// How far the changes of a container have been read: what a later run needs to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The container's own id: another container of the same name is another container.
    pub rid: String,
    /// The key the changes are narrowed to.
    pub key: Option<PartitionKey>,
    /// Each part, in the order it is read.
    pub positions: Vec<Position>,
}

/// The form of the state that is written.
const VERSION: u64 = 1;

impl State {
    /// At the start of everything between two effective keys; of the whole container from the empty text to `FF`.
    pub fn new(rid: &str, start: &Start, ranges: &Ranges, min: &str, max: &str) -> State {
        let whole = Position {
            range: String::new(),
            min: min.to_string(),
            max: max.to_string(),
            within: false,
            start: start.clone(),
        };
        State {
            rid: rid.to_string(),
            key: None,
            positions: placed(&whole, ranges),
        }
    }

    /// At the start of one complete key, which the service finds by itself.
    pub fn of_key(rid: &str, start: &Start, key: &PartitionKey) -> State {
        State {
            rid: rid.to_string(),
            key: Some(key.clone()),
            positions: vec![Position {
                range: String::new(),
                min: String::new(),
                max: String::new(),
                within: false,
                start: start.clone(),
            }],
        }
    }

    /// What to ask for at a position.
    pub fn of(&self, position: &Position) -> Of {
        match &self.key {
            Some(key) if position.range.is_empty() => Of::Key(key.clone()),
            _ => position.of(),
        }
    }

    /// Finds each position in the ranges as they are now: the children of a range that was split each go on where
    /// it was, and what was merged is read in parts.
    pub fn place(&mut self, ranges: &Ranges) {
        for position in std::mem::take(&mut self.positions) {
            match position.range.as_str() {
                "" => self.positions.push(position),
                _ => self.positions.append(&mut placed(&position, ranges)),
            }
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        let positions: Vec<String> = self.positions.iter().map(position_json).collect();
        let key = self.key.as_ref().map(|key| Value::from(key.header()));
        let key = key.map_or(String::new(), |key| format!(r#""key":{key},"#));
        format!(
            r#"{{"version":{VERSION},"container":{},{key}"ranges":[{}]}}"#,
            Value::from(self.rid.as_str()),
            positions.join(",")
        )
    }

    /// Reads what [`State::to_json`] wrote.
    ///
    /// # Errors
    /// [`Error::Usage`] with what is wrong with it.
    pub fn from_json(text: &str) -> Result<State, Error> {
        let wrong = |why: &str| Error::usage(format!("the state is not usable: {why}"));
        let state: Value = serde_json::from_str(text).map_err(|e| wrong(&e.to_string()))?;
        if state.get("version").and_then(Value::as_u64) != Some(VERSION) {
            return Err(wrong("it is of another version, or no state at all"));
        }
        let key = state.get("key").map(|key| {
            let key = key.as_str().ok_or("its key is not a text".to_string());
            key.and_then(PartitionKey::parse_header)
                .map_err(|why| wrong(&why))
        });
        let positions = state.get("ranges").and_then(Value::as_array);
        let positions: Option<Vec<Position>> =
            positions.into_iter().flatten().map(position).collect();
        let rid = state.get("container").and_then(Value::as_str);
        match (rid, positions) {
            (Some(rid), Some(positions)) if !positions.is_empty() => Ok(State {
                rid: rid.to_string(),
                key: key.transpose()?,
                positions,
            }),
            _ => Err(wrong("its container or its ranges are missing")),
        }
    }
}

/// A position in the ranges as they are now: one for each range that holds a part of it.
fn placed(position: &Position, ranges: &Ranges) -> Vec<Position> {
    let found = ranges.parts(&position.min, &position.max).into_iter();
    let at = |part: Part| Position {
        range: part.range,
        min: part.min,
        max: part.max,
        within: part.within,
        start: position.start.clone(),
    };
    found.map(at).collect()
}

fn position_json(position: &Position) -> String {
    let (name, value) = match &position.start {
        Start::Beginning => ("from", "beginning"),
        Start::Now => ("from", "now"),
        Start::Since(date) => ("since", date.as_str()),
        Start::After(etag) => ("etag", etag.as_str()),
    };
    let [range, min, max, value] =
        [position.range.as_str(), &position.min, &position.max, value].map(Value::from);
    let within = position.within;
    format!(r#"{{"id":{range},"min":{min},"max":{max},"within":{within},"{name}":{value}}}"#)
}

fn position(value: &Value) -> Option<Position> {
    let text = |name: &str| value.get(name)?.as_str().map(str::to_string);
    let start = match (text("etag"), text("since"), text("from").as_deref()) {
        (Some(etag), _, _) => Start::After(etag),
        (None, Some(date), _) => Start::Since(date),
        (None, None, Some("now")) => Start::Now,
        (None, None, Some("beginning")) => Start::Beginning,
        _ => return None,
    };
    Some(Position {
        range: text("id")?,
        min: text("min")?,
        max: text("max")?,
        within: value.get("within")?.as_bool()?,
        start,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::cosmos::ranges::Range;

    fn ranges(bounds: &[(&str, &str, &str)]) -> Ranges {
        let range = |(id, min, max): &(&str, &str, &str)| Range {
            id: id.to_string(),
            min: min.to_string(),
            max: max.to_string(),
            parents: Vec::new(),
            share: None,
        };
        Ranges::new(bounds.iter().map(range).collect()).unwrap()
    }

    fn at(state: &State) -> Vec<(Of, &Start)> {
        let each = state.positions.iter();
        each.map(|position| (state.of(position), &position.start))
            .collect()
    }

    #[test]
    fn children_go_on_where_their_parent_was_and_merged_ranges_are_read_in_parts() {
        let two = ranges(&[("0", "", "80"), ("1", "80", "FF")]);
        let mut state = State::new("rid", &Start::Beginning, &two, "", "FF");
        let (a, b) = (Start::After("\"a\"".into()), Start::After("\"b\"".into()));
        state.positions[0].start = a.clone();
        state.positions[1].start = b.clone();
        let mut split = state.clone();
        split.place(&ranges(&[
            ("0", "", "80"),
            ("2", "80", "A0"),
            ("3", "A0", "FF"),
        ]));
        let of = |id: &str| Of::Range(id.into());
        assert_eq!(at(&split), [(of("0"), &a), (of("2"), &b), (of("3"), &b)]);
        let mut merged = state.clone();
        merged.place(&ranges(&[("4", "", "FF")]));
        let part = |min: &str, max: &str| Of::Part("4".into(), min.into(), max.into());
        assert_eq!(at(&merged), [(part("", "80"), &a), (part("80", "FF"), &b)]);
        // Split again at the same place, the parts are whole ranges again.
        merged.place(&ranges(&[("5", "", "80"), ("6", "80", "FF")]));
        assert_eq!(at(&merged), [(of("5"), &a), (of("6"), &b)]);
        assert_eq!(State::from_json(&merged.to_json()).unwrap(), merged);
    }

    #[test]
    fn a_prefix_is_a_part_and_a_key_is_found_by_the_service() {
        let two = ranges(&[("0", "", "80"), ("1", "80", "FF")]);
        let since = Start::Since("Tue, 01 Nov 1994 08:12:31 GMT".into());
        let prefix = State::new("rid", &since, &two, "7F", "7FFF");
        let part = Of::Part("0".into(), "7F".into(), "7FFF".into());
        assert_eq!(at(&prefix), [(part, &since)]);
        assert_eq!(State::from_json(&prefix.to_json()).unwrap(), prefix);
        let key = PartitionKey::from_text("ü");
        let mut state = State::of_key("rid", &Start::Now, &key);
        state.place(&two);
        assert_eq!(at(&state), [(Of::Key(key), &Start::Now)]);
        assert_eq!(State::from_json(&state.to_json()).unwrap(), state);
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for text in [
            "",
            "7",
            "{}",
            r#"{"version":2,"container":"r","ranges":[]}"#,
            r#"{"version":1}"#,
            r#"{"version":1,"container":"r","ranges":[]}"#,
            r#"{"version":1,"container":"r","ranges":[7]}"#,
            r#"{"version":1,"container":"r","ranges":[{"id":"0","min":"","max":"FF","within":false}]}"#,
            r#"{"version":1,"container":"r","key":7,"ranges":[{"id":"0","min":"","max":"FF","within":false,"etag":"1"}]}"#,
            r#"{"version":1,"container":"r","key":"x","ranges":[{"id":"0","min":"","max":"FF","within":false,"etag":"1"}]}"#,
        ] {
            assert!(
                matches!(State::from_json(text), Err(Error::Usage(_))),
                "{text}"
            );
        }
    }
}
