//! What a request asks for, as far as a fault may be for that alone.

use super::Service;
use crate::sandbox::http::Request;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A new item; a resource of the management plane that is made or changed.
    Create,
    /// An item that may be there.
    Upsert,
    /// One item.
    Read,
    /// An item by another.
    Replace,
    /// A part of an item.
    Patch,
    /// An item, or all of a key.
    Delete,
    /// A query or its plan.
    Query,
    /// A batch.
    Batch,
    /// All items, or what has changed.
    Feed,
    /// Where a container is cut.
    Ranges,
    /// The account.
    Account,
    /// A container, or all of them.
    Container,
    /// A database, or all of them.
    Database,
    /// The status or the result of an operation of the management plane.
    Poll,
    /// No request: one operation of a batch.
    InBatch,
}

use Operation::{
    Account, Batch, Container, Create, Database, Delete, Feed, InBatch, Patch, Poll, Query, Ranges,
    Read, Replace, Upsert,
};

const NAMES: [(&str, Operation); 15] = [
    ("create", Create),
    ("upsert", Upsert),
    ("read", Read),
    ("replace", Replace),
    ("patch", Patch),
    ("delete", Delete),
    ("query", Query),
    ("batch", Batch),
    ("feed", Feed),
    ("ranges", Ranges),
    ("account", Account),
    ("container", Container),
    ("database", Database),
    ("poll", Poll),
    ("op", InBatch),
];

impl Operation {
    /// The operation of that name.
    pub fn named(name: &str) -> Option<Self> {
        let row = NAMES.iter().find(|(known, _)| *known == name);
        row.map(|(_, operation)| *operation)
    }

    /// All names, for a complaint.
    pub fn names() -> String {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// Whether it is done to what is in a container.
    pub fn is_on_items(self) -> bool {
        self.reads_items() || matches!(self, Create | Upsert | Replace | Patch | Delete | Batch)
    }

    /// Whether it reads what is in a container.
    pub fn reads_items(self) -> bool {
        matches!(self, Read | Query | Feed)
    }
}

/// What a request to a service asks for, where that has a name.
pub fn of(service: Service, request: &Request) -> Option<Operation> {
    match service {
        Service::Imds => None,
        Service::Arm if is_poll(request) => Some(Poll),
        Service::Arm => of_management(&request.method),
        Service::Cosmos => of_data(request),
    }
}

/// Whether the request asks how an operation of the management plane goes.
fn is_poll(request: &Request) -> bool {
    let mut parts = request.path().rsplit('/');
    let folder = parts.nth(1).unwrap_or_default();
    ["operationsstatus", "operationresults"].contains(&folder.to_ascii_lowercase().as_str())
}

fn of_management(method: &str) -> Option<Operation> {
    match method {
        "GET" => Some(Read),
        "PUT" => Some(Create),
        "PATCH" => Some(Patch),
        "DELETE" => Some(Delete),
        _ => None,
    }
}

fn of_data(request: &Request) -> Option<Operation> {
    let parts: Vec<&str> = request
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    match parts.as_slice() {
        [] => Some(Account),
        ["dbs"] | ["dbs", _] => Some(Database),
        ["dbs", _, "colls"] | ["dbs", _, "colls", _] => Some(Container),
        ["dbs", _, "colls", _, "pkranges", ..] => Some(Ranges),
        ["dbs", _, "colls", _, "operations", _] => Some(Delete),
        ["dbs", _, "colls", _, "docs"] => of_feed(request),
        ["dbs", _, "colls", _, "docs", ..] => of_item(&request.method),
        _ => None,
    }
}

fn of_item(method: &str) -> Option<Operation> {
    match method {
        "PUT" => Some(Replace),
        other => of_management(other),
    }
}

fn of_feed(request: &Request) -> Option<Operation> {
    let says = |name: &str, value: &str| {
        let sent = request.header(name).unwrap_or_default();
        sent.trim().eq_ignore_ascii_case(value)
    };
    match request.method.as_str() {
        "GET" => Some(Feed),
        "POST" if says("x-ms-cosmos-is-batch-request", "true") => Some(Batch),
        "POST" if says("x-ms-cosmos-is-query-plan-request", "true") => Some(Query),
        "POST" if says("content-type", "application/query+json") => Some(Query),
        "POST" if says("x-ms-documentdb-is-upsert", "true") => Some(Upsert),
        "POST" => Some(Create),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        let docs = "/dbs/d/colls/c/docs";
        let item = "/dbs/d/colls/c/docs/1";
        let query = ("Content-Type", "application/query+json");
        let rows = [
            ("GET", "/", ("a", ""), Some(Account)),
            ("POST", "/dbs", ("a", ""), Some(Database)),
            ("GET", "/dbs/d/colls/c", ("a", ""), Some(Container)),
            ("GET", "/dbs/d/colls/c/pkranges", ("a", ""), Some(Ranges)),
            ("POST", docs, ("a", ""), Some(Create)),
            (
                "POST",
                docs,
                ("x-ms-documentdb-is-upsert", "True"),
                Some(Upsert),
            ),
            (
                "POST",
                docs,
                ("X-Ms-Cosmos-Is-Batch-Request", "true"),
                Some(Batch),
            ),
            ("POST", docs, query, Some(Query)),
            ("GET", docs, ("A-IM", "Incremental Feed"), Some(Feed)),
            ("GET", item, ("a", ""), Some(Read)),
            ("PUT", item, ("a", ""), Some(Replace)),
            ("PATCH", item, ("a", ""), Some(Patch)),
            ("DELETE", item, ("a", ""), Some(Delete)),
            (
                "POST",
                "/dbs/d/colls/c/operations/partitionkeydelete",
                ("a", ""),
                Some(Delete),
            ),
            ("GET", "/offers", ("a", ""), None),
        ];
        for (method, path, (name, value), wanted) in rows {
            let request = Request {
                method: method.into(),
                target: path.into(),
                headers: vec![(name.into(), value.into())],
                body: Vec::new(),
            };
            assert_eq!(
                of(Service::Cosmos, &request),
                wanted,
                "{method} {path} {value}"
            );
            assert_eq!(of(Service::Imds, &request), None);
        }
        assert_eq!(of_management("PUT"), Some(Create));
        for (path, wanted) in [
            (
                "/subscriptions/s/providers/x/locations/l/operationsStatus/1?t=2",
                Poll,
            ),
            ("/subscriptions/s/operationresults/1", Poll),
            ("/subscriptions/s/resourceGroups/operationresults", Read),
        ] {
            let request = Request {
                method: "GET".into(),
                target: path.into(),
                ..Request::default()
            };
            assert_eq!(of(Service::Arm, &request), Some(wanted), "{path}");
        }
    }
}
