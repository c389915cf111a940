//! Any call of the data plane by its path: what it must be authorized for follows from where it goes.
//!
//! <https://learn.microsoft.com/rest/api/cosmos-db/cosmosdb-resource-uri-syntax-for-rest>

use super::{Account, Call, Effect, Link, Resource};
use crate::error::Error;
use crate::message::{Next, Page, Request, Response, Scope};

/// The kinds of resources, as they stand in a path and in what is signed.
const KINDS: &[&str] = &[
    "dbs",
    "colls",
    "docs",
    "sprocs",
    "triggers",
    "udfs",
    "users",
    "permissions",
    "conflicts",
    "offers",
    "pkranges",
    "media",
    "attachments",
];

/// `GET /…`, or another method at any path of the account, already percent-encoded. Nothing is known of it, so only a
/// `GET` may be sent twice. Returns the body as the only element of a page; the continuation says whether there is more.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/>
pub fn call(account: &Account, method: &'static str, path: &str) -> Result<Call<Page>, Error> {
    check(path)?;
    let whole = Resource {
        endpoint: account.0.endpoint.clone(),
        link: Link {
            path: path.to_string(),
            text: String::new(),
        },
    };
    Ok(Call {
        request: whole.request(method),
        scope: scope(path),
        action: "",
        effect: match method {
            "GET" | "HEAD" => Effect::Read,
            _ if path.contains("/sprocs/") => Effect::Never,
            _ => Effect::Once,
        },
        read: page,
    })
}

/// The page of a list that a continuation names.
pub fn from(request: Request, next: &Next) -> Request {
    request.header("x-ms-continuation", next.as_str())
}

/// Refuses what cannot stand in a request: it would be cut short, or be taken for another path.
pub fn check(path: &str) -> Result<(), Error> {
    let wrong = |why: &str| Error::usage(format!("the path {path:?} {why}"));
    if !path.starts_with('/') || path.starts_with("//") {
        return Err(wrong("must begin with one /"));
    }
    if !path.bytes().all(|b| b.is_ascii_graphic()) || path.contains(['#', '\\', '"', '<', '>']) {
        return Err(wrong("must be percent-encoded: a space is %20, # is %23"));
    }
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    if path
        .split('/')
        .any(|step| matches!(decoded(step).as_str(), "." | ".."))
    {
        return Err(wrong("has a step . or .., which changes where it leads"));
    }
    Ok(())
}

/// What is signed: the kind asked for, and the link of the resource, or of the parent where a kind ends the path.
///
/// A path by the service's own ids signs the last of them alone, in lower case.
pub fn scope(path: &str) -> Scope {
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let steps: Vec<String> = path
        .split('/')
        .filter(|step| !step.is_empty())
        .map(decoded)
        .collect();
    if let [parent @ .., operations, deed] = steps.as_slice()
        && operations == "operations"
        && deed == "partitionkeydelete"
    {
        return Scope::Data {
            kind: "colls",
            link: parent.join("/"),
        };
    }
    let feed = steps.len() % 2 == 1;
    let named = steps.len().checked_sub(if feed { 1 } else { 2 });
    let kind = named.and_then(|at| steps.get(at));
    let kind = KINDS
        .iter()
        .find(|known| kind.is_some_and(|kind| kind == *known));
    let place = match feed {
        true => steps.get(..steps.len() - 1).unwrap_or_default(),
        false => steps.as_slice(),
    };
    let by_rid = steps.first().is_some_and(|first| first == "offers")
        || matches!(place, [dbs, id, ..] if dbs == "dbs" && is_database_rid(id));
    Scope::Data {
        kind: kind.copied().unwrap_or_default(),
        link: match place.last() {
            Some(last) if by_rid => last.to_ascii_lowercase(),
            _ => place.join("/"),
        },
    }
}

/// Eight characters of base64 that stand for four bytes. A database with such a name cannot be told from it.
fn is_database_rid(id: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'-';
    match id.strip_suffix("==") {
        Some(rest) => rest.len() == 6 && rest.bytes().all(known),
        None => false,
    }
}

/// The text a percent-encoded one stands for; what is no escape stays.
pub(crate) fn decoded(text: &str) -> String {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escape = match tail {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        match escape {
            Some((high, low)) => {
                bytes.extend(u8::try_from(high * 16 + low));
                rest = tail.get(2..).unwrap_or_default();
            }
            None => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where a list goes on; nowhere behind its last page.
pub(super) fn continuation(response: &Response) -> Result<Option<Next>, Error> {
    let next = response.header("x-ms-continuation");
    let next = next.filter(|text| !text.is_empty()).map(Next::resume);
    next.transpose().map_err(|e| Error::answer(e.to_string()))
}

fn page(response: &Response) -> Result<Page, Error> {
    let body = (!response.body.is_empty()).then(|| response.raw());
    Ok(Page {
        items: body.transpose()?.into_iter().collect(),
        next: continuation(response)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_scope_follows_from_the_path() {
        for (path, kind, link) in [
            ("/", "", ""),
            ("/dbs", "dbs", ""),
            ("/dbs/Shop", "dbs", "dbs/Shop"),
            ("/dbs/Shop/colls", "colls", "dbs/Shop"),
            (
                "/dbs/Shop/colls/Orders%202026",
                "colls",
                "dbs/Shop/colls/Orders 2026",
            ),
            ("/dbs/Shop/colls/c/docs", "docs", "dbs/Shop/colls/c"),
            (
                "/dbs/Shop/colls/c/docs/100%25%20%C3%BC",
                "docs",
                "dbs/Shop/colls/c/docs/100% ü",
            ),
            ("/dbs/d/colls/c/pkranges?x=/y", "pkranges", "dbs/d/colls/c"),
            (
                "/dbs/d/colls/c/sprocs/S",
                "sprocs",
                "dbs/d/colls/c/sprocs/S",
            ),
            (
                "/dbs/d/colls/c/operations/partitionkeydelete",
                "colls",
                "dbs/d/colls/c",
            ),
            ("/dbs/d/users/u/permissions", "permissions", "dbs/d/users/u"),
            ("/offers", "offers", ""),
            ("/offers/AbC1", "offers", "abc1"),
            (
                "/dbs/3JMBAA==/colls/3JMBAIm-Q3M=/docs/3JMBAIm-Q3MBAAAAAAAAAA==/",
                "docs",
                "3jmbaim-q3mbaaaaaaaaaa==",
            ),
            (
                "/dbs/3JMBAA%3D%3D/colls/3JMBAIm-Q3M=/docs",
                "docs",
                "3jmbaim-q3m=",
            ),
            ("/dbs/database", "dbs", "dbs/database"),
            ("/unknown/x", "", "unknown/x"),
        ] {
            let link = link.to_string();
            assert_eq!(scope(path), Scope::Data { kind, link }, "{path}");
        }
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for path in [
            "",
            "dbs",
            "//evil.example/",
            "/a b",
            "/a#b",
            "/ü",
            "/dbs/..",
            "/dbs/%2e%2E/x",
            "/a\\b",
            "/a\n",
        ] {
            assert!(check(path).is_err(), "{path:?}");
        }
        for path in ["/", "/dbs/...", "/dbs/%2523?a=..&b=/"] {
            assert!(check(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        for (sent, text) in [
            ("a%0Ab%20%C3%BC", "a\nb ü"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%FF", "\u{fffd}"),
            ("%+1", "%+1"),
        ] {
            assert_eq!(decoded(sent), text);
        }
    }
}
