//! What an identity may do: the account's own role assignments, not Azure's.

use super::act::Verb;
use super::authorization::Caller;
use super::operation;
use super::reply::{Exchange, Refusal};
use crate::sandbox::world::{RoleAssignment, World};

const READER: &str = "00000000-0000-0000-0000-000000000001";
const CONTRIBUTOR: &str = "00000000-0000-0000-0000-000000000002";
const PREFIX: &str = "Microsoft.DocumentDB/databaseAccounts/";
const CONTAINERS: &str = "sqlDatabases/containers/";

/// What a request needs, and on what.
#[derive(Debug, PartialEq, Eq)]
enum Need {
    /// A token cannot give it at all.
    Never,
    /// To see that something exists; empty is the account, nothing is any scope at all.
    Metadata(Option<String>),
    /// To act on what is in a container.
    Data(&'static str, String),
}

/// Refuses what the caller has no data role for.
pub fn check(
    world: &World,
    exchange: &Exchange,
    query: bool,
    caller: &Caller,
) -> Result<(), Refusal> {
    let Caller::Identity(principal) = caller else {
        return Ok(());
    };
    let granted: Vec<&RoleAssignment> = world
        .role_assignments
        .values()
        .filter(|assignment| {
            assignment.principal.eq_ignore_ascii_case(principal) && !world.no_data_role
        })
        .collect();
    let (action, path, substatus) = match need(exchange, query) {
        Need::Never => return Err(never(world, exchange)),
        Need::Metadata(path) => ("readMetadata", path, 5301),
        Need::Data(action, path) if exchange.place.by_rid => (action, Some(path), 5303),
        Need::Data(action, path) => (action, Some(path), 5302),
    };
    let hidden = path.is_none() && world.account_unreadable;
    let mut granted = granted.iter();
    let allowed = granted.any(|held| {
        holds(held, action) && path.as_ref().is_none_or(|path| covers(&held.scope, path))
    });
    let place = match path.as_deref() {
        None => "on any scope".to_owned(),
        Some("") => "on resource [/]".to_owned(),
        Some(path) => format!("on resource [{path}]"),
    };
    match allowed && !hidden {
        true => Ok(()),
        false => Err(missing(world, principal, action, &place, substatus)),
    }
}

fn need(exchange: &Exchange, query: bool) -> Need {
    let place = &exchange.place;
    let reads = exchange.request.method == "GET" || query;
    let database = || format!("dbs/{}", place.database());
    let container = || format!("{}/colls/{}", database(), place.container());
    match (place.shape().as_str(), place.is_feed()) {
        ("", _) => Need::Metadata(None),
        ("dbs", true) if reads => Need::Metadata(Some(String::new())),
        ("dbs", false) | ("dbs/colls", true) if reads => Need::Metadata(Some(database())),
        ("dbs/colls", false) | ("dbs/colls/pkranges", _) if reads => {
            Need::Metadata(Some(container()))
        }
        ("dbs/colls/sprocs", false) if exchange.request.method == "POST" => Need::Data(
            "sqlDatabases/containers/executeStoredProcedure",
            container(),
        ),
        ("dbs/colls/conflicts", _) => {
            Need::Data("sqlDatabases/containers/manageConflicts", container())
        }
        ("dbs/colls/docs", feed) => Need::Data(action(exchange, query, feed), container()),
        _ => Need::Never,
    }
}

fn action(exchange: &Exchange, query: bool, feed: bool) -> &'static str {
    match exchange.request.method.as_str() {
        "POST" if query => "sqlDatabases/containers/executeQuery",
        "POST" if exchange.flag("x-ms-cosmos-is-batch-request") => {
            batch(&operation::verbs(&exchange.request.body))
        }
        "POST" if exchange.flag("x-ms-documentdb-is-upsert") => {
            "sqlDatabases/containers/items/upsert"
        }
        "POST" => "sqlDatabases/containers/items/create",
        "GET" if feed => "sqlDatabases/containers/readChangeFeed",
        "GET" => "sqlDatabases/containers/items/read",
        "DELETE" => "sqlDatabases/containers/items/delete",
        _ => "sqlDatabases/containers/items/replace",
    }
}

/// What the first write of a batch needs; the roles there are have all of them or none.
fn batch(verbs: &[Verb]) -> &'static str {
    match verbs.iter().find(|verb| **verb != Verb::Read) {
        None => "sqlDatabases/containers/items/read",
        Some(Verb::Upsert) => "sqlDatabases/containers/items/upsert",
        Some(Verb::Delete) => "sqlDatabases/containers/items/delete",
        Some(Verb::Replace | Verb::Patch) => "sqlDatabases/containers/items/replace",
        Some(_) => "sqlDatabases/containers/items/create",
    }
}

/// Whether the role has the action; only the two built-in roles are known.
fn holds(held: &RoleAssignment, action: &str) -> bool {
    let role = held.role_definition.rsplit('/').next().unwrap_or_default();
    let read = [
        "readMetadata",
        "sqlDatabases/containers/items/read",
        "sqlDatabases/containers/executeQuery",
        "sqlDatabases/containers/readChangeFeed",
    ];
    match role.to_ascii_lowercase().as_str() {
        READER => read.contains(&action),
        CONTRIBUTOR => action == "readMetadata" || action.starts_with(CONTAINERS),
        _ => false,
    }
}

/// Whether a scope is the path or above it.
fn covers(scope: &str, path: &str) -> bool {
    let scope = scope.trim_matches('/');
    match path.strip_prefix(scope) {
        Some(rest) => scope.is_empty() || rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

fn never(world: &World, exchange: &Exchange) -> Refusal {
    let (account, method) = (&world.account, &exchange.request.method);
    let path = exchange.place.path();
    Refusal::gateway(
        403,
        format!(
            "Request blocked by Auth {account} : The given request [{method} /{path}] cannot be authorized by AAD token in data plane. Learn more: https://aka.ms/cosmos-native-rbac."
        ),
    )
    .sub(5300)
}

fn missing(world: &World, principal: &str, action: &str, place: &str, substatus: u16) -> Refusal {
    let account = &world.account;
    Refusal::gateway(
        403,
        format!(
            "Request blocked by Auth {account} : Request is blocked because principal [{principal}] does not have required RBAC permissions to perform action [{PREFIX}{action}] {place}. Learn more: https://aka.ms/cosmos-native-rbac."
        ),
    )
    .sub(substatus)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sandbox::cosmos::place::Place;
    use crate::sandbox::http::Request;

    fn refused(scope: Option<(&str, &str)>, method: &str, path: &str, query: bool) -> u16 {
        let mut world = World::default();
        if let Some((role, scope)) = scope {
            let assignment = RoleAssignment {
                role_definition: role.to_owned(),
                scope: scope.to_owned(),
                principal: "P".to_owned(),
            };
            world.role_assignments.insert("a".into(), assignment);
        }
        let request = Request {
            method: method.to_owned(),
            ..Request::default()
        };
        let exchange = Exchange {
            request: &request,
            place: Place::parse(path).unwrap(),
            now: 0,
            region: 0,
        };
        let caller = Caller::Identity("p".into());
        check(&world, &exchange, query, &caller).map_or_else(|refusal| refusal.substatus, |()| 0)
    }

    #[test]
    fn metadata_opens_by_scope() {
        let rows = [
            ("/", [0, 0, 0]),
            ("/dbs", [0, 5301, 5301]),
            ("/dbs/D", [0, 0, 5301]),
            ("/dbs/D/colls", [0, 0, 5301]),
            ("/dbs/D/colls/C", [0, 0, 0]),
            ("/dbs/D/colls/C/pkranges", [0, 0, 0]),
            ("/dbs/Dx/colls/C", [0, 5301, 5301]),
            ("/dbs/D/colls/Cx", [0, 0, 5301]),
            ("/offers", [5300, 5300, 5300]),
        ];
        for (path, wanted) in rows {
            let got = ["", "/dbs/D", "/dbs/D/colls/C"]
                .map(|scope| refused(Some((READER, scope)), "GET", path, false));
            assert_eq!(got, wanted, "{path}");
            assert_ne!(refused(None, "GET", path, false), 0, "{path}");
        }
    }

    #[test]
    fn a_reader_reads_and_nobody_controls() {
        let docs = "/dbs/D/colls/C/docs";
        let item = "/dbs/D/colls/C/docs/1";
        let rows = [
            ("GET", item, false, [0, 0]),
            ("GET", docs, false, [0, 0]),
            ("POST", docs, true, [0, 0]),
            ("POST", docs, false, [5302, 0]),
            ("PUT", item, false, [5302, 0]),
            ("DELETE", item, false, [5302, 0]),
            ("POST", "/dbs/D/colls/C/sprocs/S", false, [5302, 0]),
            ("GET", "/dbs/D/colls/C/conflicts", false, [5302, 0]),
            ("POST", "/dbs/D/colls/C/sprocs", false, [5300, 5300]),
            ("GET", "/dbs/D/colls/C/sprocs", false, [5300, 5300]),
            ("POST", "/dbs", false, [5300, 5300]),
            ("DELETE", "/dbs/D", false, [5300, 5300]),
            ("PUT", "/dbs/D/colls/C", false, [5300, 5300]),
            ("POST", "/dbs/D/colls", false, [5300, 5300]),
            ("POST", "/dbs/D/colls", true, [0, 0]),
        ];
        for (method, path, query, wanted) in rows {
            let got =
                [READER, CONTRIBUTOR].map(|role| refused(Some((role, "")), method, path, query));
            assert_eq!(got, wanted, "{method} {path}");
        }
    }
}
