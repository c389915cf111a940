//! STEP 3: requests to the data plane of a Cosmos DB account.
//!
//! Every function here returns a [`Call`]: what to send and how to read the answer. Nothing is sent here.
//!
//! <https://learn.microsoft.com/rest/api/cosmos-db/>

pub mod account;
pub mod batch;
pub mod change_state;
pub mod changes;
pub mod containers;
mod cursor;
pub mod databases;
pub mod effective_key;
pub mod escapes;
mod feed;
pub mod items;
pub mod key_definition;
pub mod limits;
pub mod many;
pub mod operation;
pub mod outcome;
pub mod partition_key;
pub mod patch;
pub mod procedures;
pub mod query;
pub mod ranges;
pub mod raw;
pub(crate) mod scan;
pub mod session;
pub mod sheet;

use serde_json::value::RawValue;

use crate::error::Error;
pub(crate) use crate::message::Members;
use crate::message::{Call, Effect, Next, Plane, Request, Response, Scope, USER_AGENT};
use crate::name::{Endpoint, Name};
use feed::feed;

/// The version of the data plane's protocol that is spoken.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/#supported-rest-api-versions>
pub const VERSION: &str = "2020-07-15";

/// What this client can follow, as a bit map: 1 is a merge of partition key ranges. An account with merges enabled refuses
/// clients that do not say so.
const CAPABILITIES: &str = "1";

/// Where a resource is: its path, encoded, and the text a key signs, from the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    path: String,
    text: String,
}

impl Link {
    /// The account itself.
    pub const fn root() -> Link {
        Link {
            path: String::new(),
            text: String::new(),
        }
    }

    /// A resource below this one.
    #[must_use]
    pub fn child(&self, kind: &str, name: &Name) -> Link {
        let slash = if self.text.is_empty() { "" } else { "/" };
        Link {
            path: [&self.path, "/", kind, "/", &name.segment()].concat(),
            text: [&self.text, slash, kind, "/", name.as_str()].concat(),
        }
    }

    /// An item by the link the service gave it: `dbs/{rid}/colls/{rid}/docs/{rid}`, the `_self` of the item.
    /// What is signed is the last id alone, in lower case.
    pub fn of_self(link: &str) -> Result<Link, Error> {
        let parts: Vec<&str> = link.trim_matches('/').split('/').collect();
        let is_rid = |rid: &&str| {
            let known = |b: u8| b.is_ascii_alphanumeric() || b"+-=".contains(&b);
            rid.len() >= 8 && rid.len().is_multiple_of(4) && rid.bytes().all(known)
        };
        match parts.as_slice() {
            ["dbs", database, "colls", container, "docs", item]
                if [database, container, item].into_iter().all(is_rid) =>
            {
                // The equals signs at its end may stand in a path as they are.
                let path = parts.join("/").replace('+', "%2B");
                Ok(Link {
                    path: format!("/{path}"),
                    text: item.to_ascii_lowercase(),
                })
            }
            _ => Err(Error::usage(format!(
                "{link:?} is not the _self of an item: dbs/…/colls/…/docs/…"
            ))),
        }
    }

    /// The path, each name percent-encoded once.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text that is signed: unescaped, case kept, without outer slashes.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A resource of an account: where it is and on which endpoint.
#[derive(Debug, Clone)]
pub struct Resource {
    endpoint: Endpoint,
    link: Link,
}

/// An account, by its endpoint.
#[derive(Debug, Clone)]
pub struct Account(Resource);

/// A database of an account.
#[derive(Debug, Clone)]
pub struct Database(Resource);

/// A container of a database.
#[derive(Debug, Clone)]
pub struct Container(Resource);

impl Account {
    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// The account behind `https://{account}.documents.azure.com`.
    pub fn new(endpoint: Endpoint) -> Account {
        Account(Resource {
            endpoint,
            link: Link::root(),
        })
    }

    /// A database by name; nothing is asked of the service.
    pub fn database(&self, name: &Name) -> Database {
        Database(self.0.child("dbs", name))
    }
}

impl Database {
    /// A container by name; nothing is asked of the service.
    pub fn container(&self, name: &Name) -> Container {
        Container(self.0.child("colls", name))
    }
}

impl Container {
    /// Its link, as the service signs it.
    pub fn link(&self) -> &Link {
        &self.0.link
    }

    /// Its URL, which tells it from any other container.
    pub fn url(&self) -> String {
        format!("{}{}", self.0.endpoint, self.0.link.path)
    }
}

impl Resource {
    fn child(&self, kind: &str, name: &Name) -> Resource {
        Resource {
            endpoint: self.endpoint.clone(),
            link: self.link.child(kind, name),
        }
    }

    /// A request to this resource itself.
    fn request(&self, method: &'static str) -> Request {
        let path = if self.link.path.is_empty() {
            "/"
        } else {
            &self.link.path
        };
        Resource::at(method, [self.endpoint.as_str(), path].concat())
    }

    /// A request to the resources of one kind below this one.
    fn feed(&self, method: &'static str, kind: &str) -> Request {
        let url = [self.endpoint.as_str(), &self.link.path, "/", kind].concat();
        Resource::at(method, url)
    }

    fn at(method: &'static str, url: String) -> Request {
        Request {
            // As many as most requests have once they are authorized.
            headers: Vec::with_capacity(14),
            ..Request::new(Plane::Data, method, url)
        }
        .header("user-agent", USER_AGENT)
        .header("accept", "application/json")
        .header("x-ms-version", VERSION)
        .header("x-ms-cosmos-sdk-supportedcapabilities", CAPABILITIES)
    }

    /// What is signed: the kind asked for and this link.
    fn scope(&self, kind: &'static str) -> Scope {
        Scope::Data {
            kind,
            link: self.link.text.clone(),
        }
    }
}

/// How much of a list to ask for, and from where.
#[derive(Debug, Clone, Default)]
pub struct Paging {
    /// Most elements a page may have; the service decides where `None`.
    pub size: Option<u32>,
    /// The page to ask for; the first where `None`.
    pub from: Option<Next>,
    /// A session token of an earlier answer: the page sees at least that write.
    pub session: Option<String>,
    /// A weaker consistency than the account's.
    pub consistency: Option<Consistency>,
}

impl Paging {
    fn apply(&self, request: Request) -> Request {
        let size = self.size.map(|size| size.to_string());
        let from = self.from.as_ref().map(|next| next.as_str().to_string());
        request
            .header_if("x-ms-max-item-count", size)
            .header_if("x-ms-continuation", from)
            .header_if("x-ms-session-token", self.session.clone())
            .header_if(
                "x-ms-consistency-level",
                self.consistency.map(Consistency::name),
            )
    }
}

/// How much of earlier writes a read must see. It may be weaker than the account's own, never stronger (400).
///
/// <https://learn.microsoft.com/azure/cosmos-db/consistency-levels>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// All of them.
    Strong,
    /// All but the newest few.
    BoundedStaleness,
    /// Those of the session whose token is sent.
    Session,
    /// Any of them, in their order.
    ConsistentPrefix,
    /// Any of them.
    Eventual,
}

impl Consistency {
    /// All of them, the strongest first.
    pub const ALL: [Consistency; 5] = [
        Consistency::Strong,
        Consistency::BoundedStaleness,
        Consistency::Session,
        Consistency::ConsistentPrefix,
        Consistency::Eventual,
    ];

    /// As the service names it.
    pub fn name(self) -> &'static str {
        match self {
            Consistency::Strong => "Strong",
            Consistency::BoundedStaleness => "BoundedStaleness",
            Consistency::Session => "Session",
            Consistency::ConsistentPrefix => "ConsistentPrefix",
            Consistency::Eventual => "Eventual",
        }
    }
}

/// Reads an answer without a body.
fn nothing(_: &Response) -> Result<(), Error> {
    Ok(())
}

/// Reads one resource: a JSON object, untouched.
fn resource(response: &Response) -> Result<Box<RawValue>, Error> {
    let raw = response.raw()?;
    if raw.get().starts_with('{') {
        return Ok(raw);
    }
    Err(Error::answer("the body is not a JSON object"))
}
