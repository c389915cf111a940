//! What a write has left that may have been carried out: its item, and whether it is the one that was sent.

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Call, Effect, Options, READ, resource};
use crate::message::{Request, Scope};
use crate::name::Name;

/// What the service adds to an item.
const SYSTEM: [&str; 5] = ["_rid", "_self", "_etag", "_ts", "_attachments"];

/// Headers of a read that a write has, too.
const KEPT: [&str; 4] = [
    "user-agent",
    "accept",
    "x-ms-version",
    "x-ms-documentdb-partitionkey",
];

impl Options {
    /// A write for one ETag alone is refused the second time, because the first one has changed it.
    pub(super) fn effect(&self) -> Effect {
        match self.if_match.as_deref() {
            None | Some("*") => Effect::Once,
            Some(_) => Effect::Guarded,
        }
    }
}

/// `GET /dbs/{db}/colls/{coll}/docs/{id}`: the item that a write names. `None` where it names none, or one by an id
/// that has no place in a path.
///
/// Needs the data action `items/read`.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/get-a-document>
pub fn read(write: &Request, scope: &Scope) -> Option<Call<Box<RawValue>>> {
    let Scope::Data { kind, link } = scope else {
        return None;
    };
    let url = write.url.shown();
    let (url, link) = match write.method {
        "POST" => {
            let item: Value = serde_json::from_str(write.body.as_ref()?.expose()).ok()?;
            let id = Name::new(item.get("id")?.as_str()?).ok()?;
            (
                format!("{url}/{}", id.segment()),
                format!("{link}/docs/{id}"),
            )
        }
        _ => (url.to_string(), link.clone()),
    };
    let mut request = Request::new(write.plane, "GET", url);
    let kept = write.headers.iter().filter(|(name, _)| KEPT.contains(name));
    request.headers.extend(kept.cloned());
    Some(Call {
        request,
        scope: Scope::Data { kind, link },
        action: READ,
        effect: Effect::Read,
        read: resource,
    })
}

/// Whether an item is the one that was sent: the same but for what the service adds, and how it writes numbers.
pub fn is_same(sent: &str, found: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let both = read(sent).zip(read(found));
    both.is_some_and(|(sent, found)| sent.is_object() && same(&sent, &found, &SYSTEM))
}

/// Members of these names do not count.
fn same(one: &Value, two: &Value, but: &[&str]) -> bool {
    match (one, two) {
        (Value::Object(one), Value::Object(two)) => {
            let counts = |(name, _): &(&String, &Value)| !but.contains(&name.as_str());
            let is_in_two = |(name, one): (&String, &Value)| {
                two.get(name).is_some_and(|two| same(one, two, &[]))
            };
            one.iter().filter(counts).count() == two.iter().filter(counts).count()
                && one.iter().filter(counts).all(is_in_two)
        }
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two, &[]))
        }
        // 10.0 comes back as 10; two whole numbers are compared as such.
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            a.as_f64() == b.as_f64()
        }
        _ => one == two,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::message::Plane;

    #[test]
    fn an_item_is_told_from_another() {
        let found = r#"{"n":10,"big":9007199254740993,"id":"1","a":[1.5,{"b":null}],"_rid":"x","_etag":"e","_ts":1}"#;
        for (sent, is) in [
            (
                r#"{"id":"1","a":[1.50,{"b":null}],"n":10.0,"big":9007199254740993}"#,
                true,
            ),
            (
                r#"{"id":"1","a":[1.5,{"b":null}],"n":1e1,"big":9007199254740993,"_etag":"other"}"#,
                true,
            ),
            (
                r#"{"id":"1","a":[1.5,{"b":null}],"n":10,"big":9007199254740992}"#,
                false,
            ),
            (
                r#"{"id":"1","a":[1.5,{"b":false}],"n":10,"big":9007199254740993}"#,
                false,
            ),
            (
                r#"{"id":"1","a":[1.5,{}],"n":10,"big":9007199254740993}"#,
                false,
            ),
            (
                r#"{"id":"1","a":[1.5],"n":10,"big":9007199254740993}"#,
                false,
            ),
            (r#"{"id":"1","n":10,"big":9007199254740993}"#, false),
            (
                r#"{"id":"1","a":[1.5,{"b":null}],"n":"10","big":9007199254740993}"#,
                false,
            ),
            ("[]", false),
            ("{", false),
        ] {
            assert_eq!(is_same(sent, found), is, "{sent}");
        }
    }

    #[test]
    fn the_item_of_a_write_is_found_where_it_has_a_place() {
        let scope = |link: &str| Scope::Data {
            kind: "docs",
            link: link.into(),
        };
        let url = "https://a.example/dbs/d/colls/c/docs";
        let post = |body: &str| {
            let request = Request::new(Plane::Data, "POST", url)
                .header("if-match", "e")
                .body(body);
            read(
                &request.header("x-ms-documentdb-partitionkey", "[1]"),
                &scope("dbs/d/colls/c"),
            )
        };
        let call = post(r#"{"id":"a b"}"#).unwrap();
        assert_eq!(call.request.line(), format!("GET {url}/a%20b"));
        assert_eq!(call.request.headers.len(), 1);
        assert_eq!(call.scope, scope("dbs/d/colls/c/docs/a b"));
        for body in ["{}", r#"{"id":1}"#, r#"{"id":"a/b"}"#, "{"] {
            assert!(post(body).is_none(), "{body}");
        }
        let put = Request::new(Plane::Data, "PUT", format!("{url}/1")).body("{}");
        let call = read(&put, &scope("dbs/d/colls/c/docs/1")).unwrap();
        assert_eq!(call.request.line(), format!("GET {url}/1"));
        assert!(read(&put, &Scope::Arm).is_none());
    }
}
