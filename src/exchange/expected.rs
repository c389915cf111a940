//! Whether a success is the service's answer to this request, or that of something in between: a proxy, a sign-in page,
//! a cache. Only the documented status counts, with the documented shape of the body. Pure.
//!
//! Emulators and other servers send few headers of their own, so that a body of the right shape is enough.

use std::borrow::Cow;

use crate::cosmos::Members;
use crate::cosmos::raw::decoded;
use crate::error::is_mark;
use crate::message::{Effect, Plane, Request, Response, Scope};

/// What is wrong, in words.
type Fault = String;

/// Headers that make 304 an answer.
const CONDITIONS: [&str; 3] = ["if-none-match", "a-im", "if-modified-since"];

/// Kinds of the data plane whose lists take new resources.
const CREATED: [&str; 9] = [
    "dbs",
    "colls",
    "docs",
    "sprocs",
    "triggers",
    "udfs",
    "users",
    "permissions",
    "attachments",
];

/// One of these properties has every account of the data plane.
const OF_ACCOUNT: [&str; 4] = ["id", "_self", "writableLocations", "readableLocations"];

/// One of these properties has every database, container or other resource that is no item.
const OF_METADATA: [&str; 4] = ["id", "_rid", "_self", "partitionKey"];

/// One of these properties has every resource of ARM.
const OF_RESOURCE: [&str; 3] = ["id", "name", "properties"];

/// One of these headers names an operation of ARM.
const OPERATIONS: [&str; 2] = ["azure-asyncoperation", "location"];

/// Whether a header of the service is there.
fn has_marks(response: &Response) -> bool {
    let mut pairs = response.headers.iter();
    pairs.any(|(name, _)| is_mark(name))
}

/// What makes a success unusable as the answer to this request; nothing where it is the answer.
pub(super) fn check(
    request: &Request,
    scope: &Scope,
    effect: Effect,
    response: &Response,
) -> Result<(), Fault> {
    match (request.plane, scope) {
        (Plane::Data, Scope::Data { kind, link }) => {
            let asked = Asked {
                request,
                effect,
                kind,
                link,
            };
            asked.check(response)
        }
        (Plane::Arm, _) => management(request, effect, response),
        _ => Ok(()),
    }
}

/// A request to the data plane, and what it is about.
struct Asked<'a> {
    request: &'a Request,
    effect: Effect,
    kind: &'a str,
    link: &'a str,
}

impl Asked<'_> {
    fn check(&self, response: &Response) -> Result<(), Fault> {
        if response.status == 304 {
            return self.unmodified();
        }
        let posted = self.request.method == "POST";
        if posted && self.has("x-ms-cosmos-is-batch-request") {
            // A server that knows no batches makes an item of one; a read of what is not there finds that out.
            return match self.effect {
                Effect::Read => status(response, &[200, 201, 207]),
                _ => status(response, &[200, 207]),
            };
        }
        if posted && self.is_query() {
            return status(response, &[200]);
        }
        match (self.request.method, self.id()) {
            ("GET", Some(id)) => {
                status(response, &[200])?;
                match self.kind {
                    "docs" => resource(response, Some(&id)),
                    _ => one_of(response, &OF_METADATA),
                }
            }
            ("GET", None) if self.kind.is_empty() && self.link.is_empty() => {
                status(response, &[200])?;
                one_of(response, &OF_ACCOUNT)
            }
            ("GET" | "HEAD", _) => status(response, &[200]),
            ("DELETE", _) => {
                status(response, &[204])?;
                empty(response)
            }
            ("PUT" | "PATCH", id) => {
                status(response, &[200])?;
                self.written(response, id)
            }
            ("POST", None) if CREATED.contains(&self.kind) => self.created(response),
            _ => acted(response),
        }
    }

    fn created(&self, response: &Response) -> Result<(), Fault> {
        match self.has("x-ms-documentdb-is-upsert") {
            true => status(response, &[200, 201])?,
            false => status(response, &[201])?,
        }
        self.written(response, None)
    }

    /// The id of the resource that is addressed; nothing where a list is, or a resource by the service's own id.
    fn id(&self) -> Option<String> {
        let (parent, id) = self.link.rsplit_once('/')?;
        let kind = parent.rsplit('/').next();
        (kind == Some(self.kind)).then(|| id.to_string())
    }

    /// A resource that was written: as it is now, or nothing but headers where no more was asked for.
    fn written(&self, response: &Response, named: Option<String>) -> Result<(), Fault> {
        let minimal = self.has("prefer");
        if minimal && response.body.is_empty() {
            return match has_marks(response) || response.header("etag").is_some() {
                true => Ok(()),
                false => Err("it has neither a body nor a header of the service".into()),
            };
        }
        // A replace may give another id: the one in the body.
        let sent = self.request.body.as_ref().map(|body| body.expose());
        let sent = sent
            .filter(|_| self.request.method != "PATCH")
            .and_then(id_in);
        resource(response, sent.map(Cow::into_owned).or(named).as_deref())
    }

    /// Nothing has changed: said only to a read that asked so.
    fn unmodified(&self) -> Result<(), Fault> {
        let conditional = CONDITIONS.iter().any(|name| self.has(name));
        match self.request.method == "GET" && conditional {
            true => Ok(()),
            false => Err("no condition was sent that it could answer".into()),
        }
    }

    fn is_query(&self) -> bool {
        let query =
            |name: &str, value: &str| name == "content-type" && value.contains("query+json");
        let mut headers = self.request.headers.iter();
        self.has("x-ms-documentdb-isquery")
            || headers.any(|(name, value)| query(name, value.expose()))
    }

    fn has(&self, header: &str) -> bool {
        let mut headers = self.request.headers.iter();
        headers.any(|(name, _)| *name == header)
    }
}

/// A procedure that was run, or another action: its answer has no documented shape.
fn acted(response: &Response) -> Result<(), Fault> {
    status(response, &[200, 201, 202, 204])?;
    match has_marks(response) || object(response).is_ok_and(|members| !members.0.is_empty()) {
        true => Ok(()),
        false => Err("it has no header of the service".into()),
    }
}

/// ARM answers a change with the resource, with an operation to follow, or with nothing where there was nothing.
fn management(request: &Request, effect: Effect, response: &Response) -> Result<(), Fault> {
    status(response, &[200, 201, 202, 204])?;
    if effect == Effect::Read {
        let empty = response.body.is_empty() && request.method != "HEAD";
        return match empty && response.status == 200 && !has_marks(response) {
            true => Err("it is empty".into()),
            false => Ok(()),
        };
    }
    let followed = OPERATIONS
        .iter()
        .any(|name| response.header(name).is_some());
    let deleted = request.method == "DELETE" && response.status == 204;
    if followed || (deleted && response.body.is_empty()) {
        return Ok(());
    }
    if !response.body.is_empty() {
        if !has_marks(response) {
            one_of(response, &OF_RESOURCE)?;
        }
        return named(request, response);
    }
    let silent = matches!(request.method, "POST" | "DELETE") || response.status > 201;
    match has_marks(response) && silent {
        true => Ok(()),
        false => Err("it has neither a resource nor an operation to follow".into()),
    }
}

/// The resource of ARM that is put is the one of the path: an id of ARM ends as its path does, whatever the case.
fn named(request: &Request, response: &Response) -> Result<(), Fault> {
    let members = object(response)?;
    let id = members.get("id").map(|id| id.get());
    let id: Option<Cow<str>> = id.and_then(|id| serde_json::from_str(id).ok());
    let url = request.url.expose();
    let path = url.split('?').next().unwrap_or(url);
    let last = |path: &str| decoded(path.rsplit('/').next().unwrap_or(path));
    match id {
        Some(id) if request.method != "POST" && !last(&id).eq_ignore_ascii_case(&last(path)) => {
            Err(format!("it is of the resource {id:?}"))
        }
        _ => Ok(()),
    }
}

fn status(response: &Response, wanted: &[u16]) -> Result<(), Fault> {
    if wanted.contains(&response.status) {
        return Ok(());
    }
    let wanted: Vec<String> = wanted.iter().map(u16::to_string).collect();
    Err(format!("the service answers {} to it", wanted.join(" or ")))
}

fn empty(response: &Response) -> Result<(), Fault> {
    match response.body.is_empty() {
        true => Ok(()),
        false => Err("it has a body".into()),
    }
}

/// A JSON object with this id, where it is known.
fn resource(response: &Response, wanted: Option<&str>) -> Result<(), Fault> {
    let members = object(response)?;
    let id = members.get("id").map(|id| id.get());
    let id: Option<Cow<str>> = id.and_then(|id| serde_json::from_str(id).ok());
    match (id, wanted) {
        (None, _) => Err("its body has no id".into()),
        (Some(id), Some(wanted)) if id != wanted => {
            Err(format!("it is of the id {id:?}, not {wanted:?}"))
        }
        _ => Ok(()),
    }
}

fn one_of(response: &Response, names: &[&str]) -> Result<(), Fault> {
    let members = object(response)?;
    match names.iter().any(|name| members.get(name).is_some()) {
        true => Ok(()),
        false => Err(format!("its body has none of {}", names.join(", "))),
    }
}

fn object(response: &Response) -> Result<Members<'_>, Fault> {
    response.json().map_err(|e| e.to_string())
}

/// The id of a resource as JSON text.
fn id_in(body: &str) -> Option<Cow<'_, str>> {
    let members: Members = serde_json::from_str(body).ok()?;
    let id = members.get("id")?.get();
    serde_json::from_str(id).ok()
}
