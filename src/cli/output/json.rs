//! JSON as text: taken apart and laid out anew without ever becoming numbers, so that nothing of it changes.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::cosmos::scan::is_spread;
use crate::error::Error;
use crate::message::Members;

/// The members of an object, in their order; `None` where it is not an object.
pub(super) fn members(value: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(value.get()).ok()
}

/// The elements of an array; `None` where it is not an array.
pub fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// What a JSON pointer finds, as its own copy.
pub fn lookup(value: &RawValue, pointer: &str) -> Option<Box<RawValue>> {
    find(value, pointer).map(ToOwned::to_owned)
}

/// What a JSON pointer finds, as the text it is.
///
/// <https://www.rfc-editor.org/rfc/rfc6901>
pub fn find<'a>(value: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    if pointer.is_empty() {
        return Some(value);
    }
    let mut found = value;
    for step in pointer.strip_prefix('/')?.split('/') {
        found = step_into(found, &step.replace("~1", "/").replace("~0", "~"))?;
    }
    Some(found)
}

fn step_into<'a>(value: &'a RawValue, step: &str) -> Option<&'a RawValue> {
    if value.get().starts_with('[') {
        let canonical = step == "0" || !step.starts_with(['0', '+']);
        let index: usize = step.parse().ok().filter(|_| canonical)?;
        return elements(value)?.get(index).copied();
    }
    members(value)?.get(step)
}

/// Refuses a text that is no JSON pointer, before anything is asked.
pub fn check_pointer(pointer: &str) -> Result<(), Error> {
    let mut escapes = pointer.split('~').skip(1);
    let begins = pointer.is_empty() || pointer.starts_with('/');
    if begins && escapes.all(|after| after.starts_with(['0', '1'])) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{pointer:?} is not a JSON pointer: it begins with /, and ~ is written ~0 and / in a name ~1"
    )))
}

/// The text a JSON string stands for; `None` where it is not a string.
pub fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// On one line, without white space between the parts.
pub fn compact(text: &str) -> Cow<'_, str> {
    match is_spread(text) {
        true => Parts(text).collect::<String>().into(),
        false => text.into(),
    }
}

/// On many lines, the inner ones indented by `margin` levels more than their depth.
pub fn pretty(value: &RawValue, margin: usize) -> String {
    let mut text = String::new();
    let mut depth = margin;
    let mut parts = Parts(value.get()).peekable();
    while let Some(part) = parts.next() {
        let closes = matches!(parts.peek(), Some(&("}" | "]")));
        match part {
            "{" | "[" if !closes => {
                depth += 1;
                text.push_str(part);
                new_line(&mut text, depth);
            }
            "," => {
                text.push_str(part);
                new_line(&mut text, depth);
            }
            ":" => text.push_str(": "),
            "}" | "]" if !text.ends_with(['{', '[']) => {
                depth = depth.saturating_sub(1);
                new_line(&mut text, depth);
                text.push_str(part);
            }
            _ => text.push_str(part),
        }
    }
    text
}

/// Lines that lie deeper are indented no further.
const DEEPEST: usize = 128;

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    // The service takes no deeper ones; what others send must not grow with the square of its depth.
    text.push_str(&"  ".repeat(depth.min(DEEPEST)));
}

/// JSON text in its parts: brackets, commas, colons, strings, and numbers or words, without the white space.
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        const BETWEEN: [char; 4] = [' ', '\t', '\n', '\r'];
        const MARKS: [char; 6] = ['{', '}', '[', ']', ',', ':'];
        let text = self.0.trim_start_matches(BETWEEN);
        let first = text.chars().next()?;
        let length = match first {
            '"' => string_length(text),
            mark if MARKS.contains(&mark) => 1,
            _ => text
                .find(|c| BETWEEN.contains(&c) || MARKS.contains(&c))
                .unwrap_or(text.len()),
        };
        let (part, rest) = text.split_at(length);
        self.0 = rest;
        Some(part)
    }
}

/// How long the string is that begins the text, quotes and all.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The same JSON without the few control characters that JSON lets stand and a terminal would obey.
pub fn tame(text: String) -> String {
    let hostile = |c: char| ('\u{7f}'..='\u{9f}').contains(&c);
    if !text.contains(hostile) {
        return text;
    }
    text.chars()
        .map(|c| match c {
            c if hostile(c) => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect()
}

/// An object of members in this order, without those that are `null`.
pub fn object(members: &[(&str, serde_json::Value)]) -> String {
    let mut text = String::new();
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        text.push_str(if text.is_empty() { "{" } else { "," });
        text.push_str(&format!("\"{name}\":{value}"));
    }
    text.push_str(if text.is_empty() { "{}" } else { "}" });
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_string()).unwrap()
    }

    #[test]
    fn pointers_find_the_text_itself() {
        let value = raw(
            r#"{"b":1.10,"a":[{"x/y":9007199254740993},1e400],"~":"t","":{"":0},"o": { "k" : [ ] }}"#,
        );
        let found = |pointer| find(&value, pointer).map(|v| v.get().to_string());
        for (pointer, expected) in [
            ("/b", "1.10"),
            ("/a/0/x~1y", "9007199254740993"),
            ("/a/1", "1e400"),
            ("/~0", "\"t\""),
            ("//", "0"),
            ("/o", r#"{ "k" : [ ] }"#),
        ] {
            assert_eq!(found(pointer).as_deref(), Some(expected), "{pointer}");
        }
        for nothing in ["/c", "/a/2", "/a/01", "/a/+1", "/a/-", "/b/x", "b"] {
            assert_eq!(found(nothing), None, "{nothing}");
        }
        assert_eq!(found("").unwrap(), value.get());
        assert!(check_pointer("/a~1b~0").is_ok() && check_pointer("").is_ok());
        assert!(check_pointer("a").is_err() && check_pointer("/~2").is_err());
        assert!(check_pointer("/~").is_err());
    }

    #[test]
    fn layout_changes_nothing_but_white_space() {
        let value = raw("{\"z\":[ ],\"a\": {\"q\":\"a, \\\"b\\\\\"} ,\n\"n\":[1.10,{}, -0.0]}");
        assert_eq!(
            pretty(&value, 0),
            "{\n  \"z\": [],\n  \"a\": {\n    \"q\": \"a, \\\"b\\\\\"\n  },\n  \"n\": [\n    1.10,\n    {},\n    -0.0\n  ]\n}"
        );
        assert_eq!(
            compact(value.get()),
            r#"{"z":[],"a":{"q":"a, \"b\\"},"n":[1.10,{},-0.0]}"#
        );
        assert_eq!(compact(&pretty(&value, 3)), compact(value.get()));
        assert_eq!(tame("\"\u{9b}2J\u{7f}é\"".into()), "\"\\u009b2J\\u007fé\"");
    }
}
