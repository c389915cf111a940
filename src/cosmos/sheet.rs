//! A page of items as lines of text: for who passes them on and has no need to look into them.

use super::changes::narrowed;
use super::query::{self, Across, Query};
use super::ranges::Part;
use super::raw::continuation;
use super::scan::{Scan, extent};
use super::{Call, Container, Members, Paging, items, room};
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

/// What may stand between two members.
const BETWEEN: [char; 5] = [' ', '\n', '\r', '\t', ','];

/// `GET /dbs/{db}/colls/{coll}/docs` of one range: one page of its items; perhaps without what the service adds to them.
/// Of a part of a range those whose effective keys lie in it; servers may be that take no notice of its bounds or
/// answer them with 400.
///
/// Needs the data action `items/read`. Costs less than a query for the same. 410 where the range was split or merged.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/list-documents>
pub fn items(container: &Container, part: &Part, paging: &Paging, strip: bool) -> Call<Sheet> {
    let mut page = items::list(container, paging);
    page.request = narrowed(page.request, part);
    of(page, strip)
}

/// `POST /dbs/{db}/colls/{coll}/docs` with `application/query+json`: one page of a query in one range or a part of one;
/// perhaps without what the service adds to an item.
///
/// Needs the data action `executeQuery`. 410 where the range was split or merged.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/query-documents>
pub fn rows(
    container: &Container,
    query: &Query,
    part: &Part,
    paging: &Paging,
    strip: bool,
) -> Call<Sheet> {
    of(
        query::items(container, query, &Across::from(part), paging),
        strip,
    )
}

/// The same call, for a sheet.
fn of(page: Call<Page>, strip: bool) -> Call<Sheet> {
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

/// The whole answer is read to its end, or nothing of it is used: a line is never half an item.
fn read(response: &Response, add: Add) -> Result<Sheet, Error> {
    let found = sheet(response.text()?, add);
    let Some(mut sheet) = found.filter(|sheet| sheet.count < usize::MAX) else {
        // What is wrong with it is said by who reads it more slowly.
        response.json::<Members>()?;
        return Err(Error::answer("the body has no list \"Documents\""));
    };
    sheet.next = continuation(response)?;
    Ok(sheet)
}

/// What a body holds that ends where it should. Each part of it is looked at once and passed on as it is.
fn sheet(body: &str, add: Add) -> Option<Sheet> {
    let mut sheet = Sheet::default();
    sheet.count = usize::MAX;
    let mut scan = Scan::new(body);
    scan.enter(b'{')?;
    while let Some(name) = scan.name()? {
        match name {
            "\"Documents\"" => lines(&mut scan, body, add, &mut sheet)?,
            "\"_rid\"" => sheet.rid = serde_json::from_str(scan.value()?).ok(),
            _ => drop(scan.value()?),
        }
    }
    scan.end()?;
    Some(sheet)
}

/// The elements of a list, as lines.
fn lines(scan: &mut Scan, body: &str, add: Add, sheet: &mut Sheet) -> Option<()> {
    let broken = body.contains('\n') || body.contains('\r');
    sheet.lines = room::take(body.len());
    sheet.count = 0;
    scan.enter(b'[')?;
    while scan.more(b']')? {
        let item = scan.value()?;
        match broken {
            false => add(&mut sheet.lines, item),
            true => add(&mut sheet.lines, &item.replace(['\n', '\r'], "")),
        }
        sheet.lines.push('\n');
        sheet.count += 1;
    }
    Some(())
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
    while let Some((name, value)) = named(rest) {
        let after = extent(value).and_then(|length| value.get(length..));
        let after = after.unwrap_or_default();
        let member = rest.get(..rest.len() - after.len()).unwrap_or_default();
        if !is_system(name) {
            to.push(before);
            to.push_str(member.trim_start_matches(BETWEEN));
            before = ',';
        }
        rest = after;
    }
    to.push_str(if before == '{' { "{}" } else { "}" });
}

/// The name of the first member, in its quotes, and the text that begins with its value.
fn named(members: &str) -> Option<(&str, &str)> {
    let text = members.trim_start_matches(BETWEEN);
    let value = text.strip_prefix('"').and(extent(text))?;
    let (name, value) = text.split_at_checked(value)?;
    let value = value.trim_start_matches(BLANK).strip_prefix(':')?;
    Some((name, value.trim_start_matches(BLANK)))
}

/// Whether a member is one of those the service adds, however its name is written.
fn is_system(name: &str) -> bool {
    let spelt = name.contains('\\').then(|| serde_json::from_str(name));
    let spelt: Option<String> = spelt.and_then(Result::ok);
    let name = spelt.as_deref().unwrap_or(name.trim_matches('"'));
    SYSTEM.contains(&name)
}

impl Drop for Sheet {
    fn drop(&mut self) {
        room::give(std::mem::take(&mut self.lines));
    }
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
            "{\"Documents\":[]} x",
            "{\"Documents\":[]}}",
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
