//! A page of items as lines of text: for who passes them on and has no need to look into them.

use super::{Call, Members, continuation};
use crate::error::Error;
use crate::message::{Next, Page, Response};

/// A page of items, each of them a line.
#[derive(Debug, Default)]
pub struct Sheet {
    /// Each as the JSON text it is, but for line breaks between the parts of one; a line break ends it.
    pub lines: String,
    /// How many there are.
    pub count: usize,
    /// Where the next page begins.
    pub next: Option<Next>,
    /// The container's own id, where the answer says it.
    pub rid: Option<String>,
}

/// What the service adds to every item.
const SYSTEM: [&str; 5] = ["_rid", "_self", "_etag", "_attachments", "_ts"];

/// What may stand between the parts of a JSON text.
const BLANK: [char; 4] = [' ', '\n', '\r', '\t'];

/// The same call, for a sheet; perhaps without what the service adds to an item.
pub fn of(page: Call<Page>, strip: bool) -> Call<Sheet> {
    Call {
        request: page.request,
        scope: page.scope,
        action: page.action,
        effect: page.effect,
        read: match strip {
            true => |response| read(response, strip_line),
            false => |response| read(response, push_line),
        },
    }
}

/// Adds an item to a page.
type Add = fn(&mut String, &str);

fn push_line(lines: &mut String, item: &str) {
    lines.push_str(item);
}

/// The whole answer is JSON, or nothing of it is used: a line is never half an item.
fn read(response: &Response, add: Add) -> Result<Sheet, Error> {
    let members: Members = response.json()?;
    let items = members
        .get("Documents")
        .map(|items| lines(items.get(), add));
    let (lines, count) = items
        .flatten()
        .ok_or_else(|| Error::answer("the body has no list \"Documents\""))?;
    let rid = members.get("_rid").map(|rid| rid.get());
    Ok(Sheet {
        lines,
        count,
        next: continuation(response)?,
        rid: rid.and_then(|rid| serde_json::from_str(rid).ok()),
    })
}

/// The elements of a list as lines, and how many they are.
fn lines(list: &str, add: Add) -> Option<(String, usize)> {
    let broken = list.contains('\n') || list.contains('\r');
    let (mut lines, mut count) = (String::with_capacity(list.len()), 0);
    let mut rest = list.strip_prefix('[')?.trim_start_matches(BLANK);
    while !rest.starts_with(']') {
        let (item, after) = rest.split_at_checked(extent(rest).max(1))?;
        match broken {
            false => add(&mut lines, item),
            true => add(&mut lines, &item.replace(['\n', '\r'], "")),
        }
        lines.push('\n');
        count += 1;
        rest = after.trim_start_matches(BLANK).trim_start_matches(',');
        rest = rest.trim_start_matches(BLANK);
    }
    Some((lines, count))
}

/// How long the JSON value is that begins a text which is JSON.
fn extent(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate();
    let mut depth = 0_usize;
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                let end = string_end(&mut bytes);
                if depth == 0 {
                    return end.unwrap_or(text.len());
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return at + 1,
            b'}' | b']' if depth > 1 => depth -= 1,
            b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// Goes behind the quote that ends a string.
fn string_end(bytes: &mut impl Iterator<Item = (usize, u8)>) -> Option<usize> {
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// An item without what the service adds to it; everything else is as it was written. What is no object stays.
pub fn stripped(item: &str) -> String {
    let mut left = String::with_capacity(item.len());
    strip_line(&mut left, item);
    left
}

fn strip_line(to: &mut String, item: &str) {
    let Some(mut rest) = item.strip_prefix('{') else {
        return to.push_str(item);
    };
    let mut before = '{';
    while let Some((member, after)) = member(rest) {
        if !is_system(member) {
            to.push(before);
            to.push_str(member);
            before = ',';
        }
        rest = after;
    }
    to.push_str(if before == '{' { "{}" } else { "}" });
}

/// The first member, name and value, and what stands behind it.
fn member(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(BLANK).trim_start_matches(',');
    let text = text.trim_start_matches(BLANK);
    let value = text.strip_prefix('"').and(text.get(extent(text)..))?;
    let value = value.trim_start_matches(BLANK).strip_prefix(':')?;
    let value = value.trim_start_matches(BLANK);
    let after = value.get(extent(value)..)?;
    Some((text.strip_suffix(after)?, after))
}

/// Whether a member is one of those the service adds, however its name is written.
fn is_system(member: &str) -> bool {
    let name = member.get(..extent(member)).unwrap_or_default();
    let spelt = name.contains('\\').then(|| serde_json::from_str(name));
    let spelt: Option<String> = spelt.and_then(Result::ok);
    let name = spelt.as_deref().unwrap_or(name.trim_matches('"'));
    SYSTEM.contains(&name)
}

impl Sheet {
    /// Leaves out the items that are not wanted.
    ///
    /// # Errors
    /// That of `wanted`.
    pub fn keep(&mut self, wanted: &dyn Fn(&str) -> Result<bool, Error>) -> Result<(), Error> {
        let lines = std::mem::take(&mut self.lines);
        self.count = 0;
        for line in lines.lines() {
            if wanted(line)? {
                self.lines.push_str(line);
                self.lines.push('\n');
                self.count += 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn answer(body: &str) -> Result<Sheet, Error> {
        with(body, push_line)
    }

    fn with(body: &str, add: Add) -> Result<Sheet, Error> {
        let response = Response {
            status: 200,
            headers: [("x-ms-continuation".into(), "{\"t\":1}".into())]
                .into_iter()
                .collect(),
            body: body.into(),
            ..Response::default()
        };
        read(&response, add)
    }

    #[test]
    fn items_are_lines_as_they_are() {
        for (list, expected) in [
            ("[]", ""),
            (" [ ] ", ""),
            ("[{}]", "{}\n"),
            (
                r#"[{"n":1.10,"z":9007199254740993},{"a":"]},\"[{","b":[{"c":"\\"}]}]"#,
                "{\"n\":1.10,\"z\":9007199254740993}\n{\"a\":\"]},\\\"[{\",\"b\":[{\"c\":\"\\\\\"}]}\n",
            ),
            (
                "[ {\r\n  \"a\" : 1 ,\n\t\"b\":[ ]\n} ,\n 1e400 , \"x,\\\\\" ,null,[[]],-0 ]",
                "{  \"a\" : 1 ,\t\"b\":[ ]}\n1e400\n\"x,\\\\\"\nnull\n[[]]\n-0\n",
            ),
            ("[\"ü\u{2028}\u{85}\"]", "\"ü\u{2028}\u{85}\"\n"),
        ] {
            let sheet = answer(&format!(
                "{{\"_rid\":\"r\",\"Documents\":{list},\"_count\":9}}"
            ));
            let sheet = sheet.unwrap();
            assert_eq!(sheet.lines, expected, "{list}");
            assert_eq!(sheet.count, expected.lines().count(), "{list}");
            assert_eq!(sheet.rid.as_deref(), Some("r"));
            assert_eq!(sheet.next.unwrap().as_str(), "{\"t\":1}");
        }
    }

    #[test]
    fn what_is_cut_off_is_no_page() {
        let body = r#"{"_rid":"r","Documents":[{"a":"}]"},{"b":[1,2]}],"_count":2}"#;
        assert_eq!(answer(body).unwrap().count, 2);
        for end in 0..body.len() {
            assert!(answer(body.get(..end).unwrap()).is_err(), "{end}");
        }
        for other in [
            "[]",
            "{}",
            "{\"Documents\":{}}",
            "{\"Documents\":7}",
            "{\"Documents\":null}",
            "{\"Documents\":[1 2]}",
            "{\"Documents\":[tru]}",
            "<html>",
        ] {
            assert!(answer(other).is_err(), "{other}");
        }
    }

    #[test]
    fn what_the_service_added_goes_and_nothing_else() {
        for (item, left) in [
            (
                r#"{"id":"1","_rid":"r","_self":"s","_etag":"\"e\"","_attachments":"a/","_ts":1}"#,
                r#"{"id":"1"}"#,
            ),
            (
                r#"{"_ts":1,"z":{"_rid":1,"_ts":[{"_etag":2}]},"_etag":{"a":"}"},"a":1.10}"#,
                r#"{"z":{"_rid":1,"_ts":[{"_etag":2}]},"a":1.10}"#,
            ),
            (
                r#"{"\u005frid":1,"_r\u0069d":2,"\\_ts":3,"_ts ":4,"_lsn":5,"_TS":6}"#,
                r#"{"\\_ts":3,"_ts ":4,"_lsn":5,"_TS":6}"#,
            ),
            (
                "{ \"a\" : [ 1 , 2 ] , \"_ts\" : 5 , \"b\\\"_ts\\\":\" : \"_rid\" }",
                "{\"a\" : [ 1 , 2 ],\"b\\\"_ts\\\":\" : \"_rid\"}",
            ),
            (r#"{"_ts":1,"_ts":2}"#, "{}"),
            ("{ }", "{}"),
            (r#"{"":0,"_ts":-1e5}"#, r#"{"":0}"#),
            ("\"_ts\"", "\"_ts\""),
            ("[{\"_ts\":1}]", "[{\"_ts\":1}]"),
            ("7", "7"),
        ] {
            assert_eq!(stripped(item), left, "{item}");
            let value: serde_json::Value = serde_json::from_str(left).unwrap();
            drop(value);
        }
    }

    #[test]
    fn items_are_left_out_whole() {
        let body = r#"{"Documents":[{"_ts":1,"n":1},{"n":2},3]}"#;
        let mut sheet = with(body, strip_line).unwrap();
        assert_eq!(sheet.lines, "{\"n\":1}\n{\"n\":2}\n3\n");
        sheet.keep(&|item| Ok(!item.contains('2'))).unwrap();
        assert_eq!((sheet.lines.as_str(), sheet.count), ("{\"n\":1}\n3\n", 2));
        assert!(sheet.keep(&|_| Err(Error::Closed)).is_err());
    }
}
