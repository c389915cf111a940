//! How far a query over several ranges has been read, in a form that can be kept.
//!
//! A range is read in pages, and rows of several pages are mixed. So the state names of each range the page that is
//! being read, and which of its rows were given: also after a split those are the first that the children have.

use serde_json::Value;

use super::order::Identity;
use crate::cosmos::ranges::Part;
use crate::error::Error;
use crate::message::Next;

/// How far a query has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The container's own id: another container of the same name is another container.
    pub container: String,
    /// Stands for the query, its parameters and its key.
    pub query: u64,
    /// How many rows were passed, those that `OFFSET` leaves out too.
    pub passed: u64,
    /// How long the file with these rows is, where that is known.
    pub length: Option<u64>,
    /// What is left of each range; nothing at the end.
    pub left: Vec<Left>,
}

/// What is left of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The range, or what of it is asked.
    pub part: Part,
    /// Where the page that is being read begins.
    pub from: Option<Next>,
    /// The [mark](Identity::mark) of each of its rows that were given already.
    pub given: Vec<u64>,
}

/// The form of the state that is written.
const VERSION: u64 = 1;

impl State {
    /// At the start; `asked` is all that says which rows there are.
    pub fn new(container: &str, asked: &str) -> State {
        State {
            container: container.to_string(),
            query: Identity::of(asked).mark(),
            passed: 0,
            length: None,
            left: Vec::new(),
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        let left: Vec<String> = self.left.iter().map(left_json).collect();
        let length = self.length.map(|length| format!(r#""length":{length},"#));
        let length = length.unwrap_or_default();
        format!(
            r#"{{"version":{VERSION},"container":{},"query":"{:016x}","passed":{},{length}"ranges":[{}]}}"#,
            Value::from(self.container.as_str()),
            self.query,
            self.passed,
            left.join(",")
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
        let read = || {
            let left = state.get("ranges")?.as_array()?;
            Some(State {
                container: state.get("container")?.as_str()?.to_string(),
                query: u64::from_str_radix(state.get("query")?.as_str()?, 16).ok()?,
                passed: state.get("passed")?.as_u64()?,
                length: state.get("length").and_then(Value::as_u64),
                left: left.iter().map(left_of).collect::<Option<_>>()?,
            })
        };
        read().ok_or_else(|| wrong("it is no state of a query"))
    }
}

fn left_json(left: &Left) -> String {
    let Part {
        range,
        min,
        max,
        within,
    } = &left.part;
    let [range, min, max] = [range, min, max].map(|text| Value::from(text.as_str()));
    let from = left.from.as_ref();
    let from = from.map_or(Value::Null, |from| Value::from(from.as_str()));
    let given: String = left
        .given
        .iter()
        .map(|mark| format!("{mark:016x}"))
        .collect();
    format!(
        r#"{{"id":{range},"min":{min},"max":{max},"within":{within},"from":{from},"given":"{given}"}}"#
    )
}

fn left_of(value: &Value) -> Option<Left> {
    let text = |name: &str| value.get(name)?.as_str().map(str::to_string);
    let given = text("given")?;
    let mark = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok()?;
        u64::from_str_radix(digits, 16).ok()
    };
    let from = match value.get("from")? {
        Value::Null => None,
        from => Some(Next::resume(from.as_str()?).ok()?),
    };
    Some(Left {
        part: Part {
            range: text("id")?,
            min: text("min")?,
            max: text("max")?,
            within: value.get("within")?.as_bool()?,
        },
        from,
        given: given
            .as_bytes()
            .chunks(16)
            .map(mark)
            .collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let mut state = State::new("rid", "SELECT \"ü\"");
        assert_eq!(State::from_json(&state.to_json()).unwrap(), state);
        let part = Part {
            range: "1".into(),
            min: String::new(),
            max: "FF".into(),
            within: true,
        };
        for (from, given) in [
            (None, vec![]),
            (Some("{\"a\":\"b\"}"), vec![0, 1, u64::MAX]),
        ] {
            let from = from.map(|text| Next::resume(text).unwrap());
            let part = part.clone();
            state.left.push(Left { part, from, given });
        }
        (state.passed, state.length) = (u64::MAX, Some(7));
        assert_eq!(State::from_json(&state.to_json()).unwrap(), state);
        let other = State::new("rid", "SELECT \"u\"");
        assert_ne!(other.query, state.query);
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for text in [
            "",
            "7",
            "{}",
            r#"{"version":1}"#,
            r#"{"version":2,"container":"r","query":"0","passed":0,"ranges":[]}"#,
            r#"{"version":1,"container":"r","query":"x","passed":0,"ranges":[]}"#,
            r#"{"version":1,"container":"r","query":"0","passed":-1,"ranges":[]}"#,
            r#"{"version":1,"container":"r","query":"0","passed":0,"ranges":[7]}"#,
            r#"{"version":1,"container":"r","query":"0","passed":0,"ranges":[{"id":"0","min":"","max":"FF","within":false,"from":"","given":""}]}"#,
            r#"{"version":1,"container":"r","query":"0","passed":0,"ranges":[{"id":"0","min":"","max":"FF","within":false,"from":null,"given":"üx"}]}"#,
        ] {
            assert!(
                matches!(State::from_json(text), Err(Error::Usage(_))),
                "{text}"
            );
        }
    }
}
