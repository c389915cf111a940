//! A page of items as lines of text: for who passes them on and has no need to look into them.

use std::ops::{Deref, Range};

use super::changes::narrowed;
use super::query::{self, Across, Query};
use super::ranges::Part;
use super::raw::continuation;
use super::scan::{Scan, behind_between, behind_blank};
use super::{Call, Container, Members, Paging, items};
use crate::error::Error;
use crate::message::{Next, Page, Response, room};

/// A page of items, each of them a line.
#[derive(Debug, Default)]
pub struct Sheet {
    /// Each as the JSON text it is, but for line breaks between the parts of one; a line break ends it.
    pub lines: Lines,
    /// How many there are.
    pub count: usize,
    /// Where the next page begins.
    pub next: Option<Next>,
    /// The container's own id, where the answer says it.
    pub rid: Option<String>,
}

/// Text in the room that an answer came in.
#[derive(Debug, Default)]
pub struct Lines {
    room: Vec<u8>,
    place: Range<usize>,
}

/// What the service adds to every item.
const SYSTEM: [&[u8]; 5] = [b"_rid", b"_self", b"_etag", b"_attachments", b"_ts"];

/// `GET /dbs/{db}/colls/{coll}/docs` of one range: one page of its items, for [`read`]. Of a part of a range those whose
/// effective keys lie in it; servers may be that take no notice of its bounds or answer them with 400.
///
/// Needs the data action `items/read`. Costs less than a query for the same. 410 where the range was split or merged.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/list-documents>
pub fn items(container: &Container, part: &Part, paging: &Paging) -> Call<Page> {
    let page = items::list(container, paging);
    Call {
        request: narrowed(page.request, part),
        ..page
    }
}

/// `POST /dbs/{db}/colls/{coll}/docs` with `application/query+json`: one page of a query in one range or a part of one,
/// for [`read`].
///
/// Needs the data action `executeQuery`. 410 where the range was split or merged.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/query-documents>
pub fn rows(container: &Container, query: &Query, part: &Part, paging: &Paging) -> Call<Page> {
    query::items(container, query, &Across::from(part), paging)
}

/// Reads a page, perhaps without what the service adds to an item. Its lines stand where its items stood: the body is
/// taken out of the answer. All of it is looked at to its end, or nothing of it is used: a line is never half an item.
///
/// # Errors
/// [`Error::Answer`] where it is no page.
pub fn read(response: &mut Response, strip: bool) -> Result<Sheet, Error> {
    let Some(found) = found(&response.body) else {
        // What is wrong with it is said by who reads it more slowly.
        response.json::<Members>()?;
        return Err(Error::answer(
            "the body has no list \"Documents\", or more than one",
        ));
    };
    if found.broken {
        // They stand between the parts of a value: in a string is none.
        response.body.retain(|byte| !b"\r\n".contains(byte));
        return read(response, strip);
    }
    let next = continuation(response)?;
    let body = std::mem::take(&mut response.body);
    Ok(Sheet {
        count: found.items.len(),
        next,
        lines: match strip {
            true => without_system(&found.items, body),
            false => laid(&found.items, body),
        },
        rid: found.rid,
    })
}

/// What a body holds that ends where it should.
struct Found {
    items: Vec<Range<usize>>,
    /// Line breaks stand in it.
    broken: bool,
    rid: Option<String>,
}

/// Each part of a body is looked at once.
fn found(body: &[u8]) -> Option<Found> {
    let (mut scan, mut items, mut rid) = (Scan::default(), None, None);
    let mut rest = behind_blank(body).strip_prefix(b"{")?;
    while let Some((name, value)) = scan.named(rest) {
        if name == b"\"Documents\"" {
            if items.is_some() {
                return None;
            }
            let (list, behind) = elements(&mut scan, value, body.len())?;
            (items, rest) = (Some(list), behind);
            continue;
        }
        rest = scan.behind_value(value)?;
        if name == b"\"_rid\"" {
            let text = value.get(..value.len() - rest.len())?;
            rid = spelt(text);
        }
    }
    let behind = behind_blank(rest).strip_prefix(b"}")?;
    let whole = behind_blank(behind).is_empty();
    let is_text = scan.is_ascii() || std::str::from_utf8(body).is_ok();
    items.filter(|_| whole && is_text).map(|items| Found {
        items,
        broken: scan.broken,
        rid,
    })
}

/// Where the elements of the list stand that begins a text, in a body of that length; what stands behind it.
fn elements<'t>(
    scan: &mut Scan,
    list: &'t [u8],
    length: usize,
) -> Option<(Vec<Range<usize>>, &'t [u8])> {
    let mut items = Vec::new();
    let mut rest = behind_blank(list.strip_prefix(b"[")?);
    if let Some(behind) = rest.strip_prefix(b"]") {
        return Some((items, behind));
    }
    loop {
        let behind = scan.behind_value(rest)?;
        let item = length - rest.len()..length - behind.len();
        if item.is_empty() {
            return None;
        }
        items.push(item);
        match behind_blank(behind).split_first()? {
            (b',', behind) => rest = behind_blank(behind),
            (b']', behind) => return Some((items, behind)),
            _ => return None,
        }
    }
}

/// Items become lines where they are: what stands behind an item gives way to a line break.
fn laid(items: &[Range<usize>], mut body: Vec<u8>) -> Lines {
    let begin = items.first().map_or(0, |item| item.start);
    let mut end = begin;
    for item in items {
        if item.start > end {
            body.copy_within(item.clone(), end);
        }
        end += item.len();
        if let Some(behind) = body.get_mut(end) {
            *behind = b'\n';
        }
        end += 1;
    }
    Lines {
        room: body,
        place: begin..end,
    }
}

fn without_system(items: &[Range<usize>], body: Vec<u8>) -> Lines {
    let mut lines = room::take(body.len());
    lines.clear();
    for item in items.iter().filter_map(|item| body.get(item.clone())) {
        strip_line(&mut lines, item);
        lines.push(b'\n');
    }
    room::give(body);
    Lines::from(lines)
}

/// An item without what the service adds to it; everything else is as it was written. What is no object stays.
pub fn stripped(item: &str) -> String {
    let mut left = Vec::with_capacity(item.len());
    strip_line(&mut left, item.as_bytes());
    String::from_utf8(left).unwrap_or_else(|_| item.to_string())
}

fn strip_line(to: &mut Vec<u8>, item: &[u8]) {
    let Some(mut rest) = item.strip_prefix(b"{") else {
        return to.extend_from_slice(item);
    };
    let (mut scan, mut before) = (Scan::default(), b'{');
    while let Some((name, value)) = scan.named(rest) {
        let behind = scan.behind_value(value).unwrap_or_default();
        if !is_system(name) {
            let member = behind_between(rest);
            let length = member.len() - behind.len();
            to.push(before);
            to.extend_from_slice(member.get(..length).unwrap_or_default());
            before = b',';
        }
        rest = behind;
    }
    to.extend_from_slice(if before == b'{' { b"{}" } else { b"}" });
}

/// Whether a member is one of those the service adds, however its name is written.
fn is_system(name: &[u8]) -> bool {
    let spelt = if name.contains(&b'\\') {
        spelt(name)
    } else {
        None
    };
    let bare = name.get(1..name.len() - 1).unwrap_or_default();
    SYSTEM.contains(&spelt.as_deref().map_or(bare, str::as_bytes))
}

fn spelt(text: &[u8]) -> Option<String> {
    serde_json::from_str(std::str::from_utf8(text).ok()?).ok()
}

impl Deref for Lines {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.room.get(self.place.clone()).unwrap_or_default()
    }
}

impl From<Vec<u8>> for Lines {
    fn from(room: Vec<u8>) -> Lines {
        let place = 0..room.len();
        Lines { room, place }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        room::give(std::mem::take(&mut self.room));
    }
}

impl Sheet {
    /// Leaves out the items that are not wanted.
    ///
    /// # Errors
    /// That of `wanted`.
    pub fn keep(&mut self, wanted: &dyn Fn(&str) -> Result<bool, Error>) -> Result<(), Error> {
        let lines = std::mem::take(&mut self.lines);
        let lines = std::str::from_utf8(&lines).map_err(|e| Error::answer(e.to_string()))?;
        let mut kept = Vec::new();
        self.count = 0;
        for line in lines.lines() {
            if wanted(line)? {
                kept.extend_from_slice(line.as_bytes());
                kept.push(b'\n');
                self.count += 1;
            }
        }
        self.lines = Lines::from(kept);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn answer(body: &str) -> Result<Sheet, Error> {
        with(body, false)
    }

    fn with(body: &str, strip: bool) -> Result<Sheet, Error> {
        let mut response = Response {
            status: 200,
            headers: [("x-ms-continuation".into(), "{\"t\":1}".into())]
                .into_iter()
                .collect(),
            body: body.into(),
            ..Response::default()
        };
        read(&mut response, strip)
    }

    fn text(sheet: &Sheet) -> &str {
        std::str::from_utf8(&sheet.lines).unwrap()
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
            assert_eq!(text(&sheet), expected, "{list}");
            assert_eq!(sheet.count, expected.lines().count(), "{list}");
            assert_eq!(sheet.rid.as_deref(), Some("r"));
            assert_eq!(sheet.next.as_ref().unwrap().as_str(), "{\"t\":1}");
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
            "{\"Documents\":[1,]}",
            "{\"Documents\":[1}",
            "{\"Documents\":[{]}",
            "{\"Documents\":[\"a\\\"]}",
            "{\"Documents\":[1],\"Documents\":[2]}",
            "{\"Documents\":[{\"a\":tru}]}",
            "{\"Documents\":[{\"a\":1\n2}]}",
            "{\"Documents\":[\u{1b}]}",
            "{\"Documents\":[{\"a\" 1}]}",
            "\u{feff}{\"Documents\":[]}",
            "{\"Documents\":[]} x",
            "{\"Documents\":[]}}",
            "<html>",
        ] {
            assert!(answer(other).is_err(), "{other}");
        }
    }

    #[test]
    fn whatever_is_spoilt_there_is_a_line_for_each_item() {
        let body = "{\"_rid\":\"r\",\"Documents\":[{\"a\":\"ü\\\"}]\",\"b\":[1,{}]},{\"c\":\"\\\\\"},2 ] }";
        for at in 0..body.len() {
            for byte in *b"\n\"\\{}[],: \x00\x1b\x80\xc3\xffx.0" {
                let mut spoilt = body.as_bytes().to_vec();
                *spoilt.get_mut(at).unwrap() = byte;
                let response = Response {
                    body: spoilt,
                    ..Response::default()
                };
                for strip in [false, true] {
                    if let Ok(sheet) = read(&mut response.clone(), strip) {
                        for line in text(&sheet).lines() {
                            let value = serde_json::from_str::<serde_json::Value>(line);
                            assert!(value.is_ok(), "{line}");
                        }
                        assert_eq!(
                            text(&sheet).matches('\n').count(),
                            sheet.count,
                            "{at} {byte}"
                        );
                    }
                }
            }
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
        let mut sheet = with(body, true).unwrap();
        assert_eq!(text(&sheet), "{\"n\":1}\n{\"n\":2}\n3\n");
        sheet.keep(&|item| Ok(!item.contains('2'))).unwrap();
        assert_eq!((text(&sheet), sheet.count), ("{\"n\":1}\n3\n", 2));
        assert!(sheet.keep(&|_| Err(Error::Closed)).is_err());
    }
}
