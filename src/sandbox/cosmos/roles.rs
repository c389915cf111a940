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
    Data(Vec<&'static str>, String),
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
    let (actions, path, substatus) = match need(exchange, query) {
        Need::Never => return Err(never(world, exchange, principal)),
        Need::Metadata(path) => (vec!["readMetadata"], path, 5301),
        Need::Data(actions, path) if exchange.place.by_rid => (actions, Some(path), 5303),
        Need::Data(actions, path) => (actions, Some(path), 5302),
    };
    let hidden = path.is_none() && world.account_unreadable;
    let gives = |held: &&RoleAssignment, action: &str| {
        holds(world, held, action) && path.as_ref().is_none_or(|path| covers(&held.scope, path))
    };
    let lacks = |action: &&str| hidden || !granted.iter().any(|held| gives(held, action));
    let place = match path.as_deref() {
        None => "on any scope".to_owned(),
        Some("") => "on resource [/]".to_owned(),
        Some(path) => format!("on resource [{path}]"),
    };
    match actions.into_iter().find(lacks) {
        None => Ok(()),
        Some(action) => Err(missing(world, principal, action, &place, substatus)),
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
            vec!["sqlDatabases/containers/executeStoredProcedure"],
            container(),
        ),
        ("dbs/colls/conflicts", _) => {
            Need::Data(vec!["sqlDatabases/containers/manageConflicts"], container())
        }
        ("dbs/colls/docs", _) if !query && exchange.flag("x-ms-cosmos-is-batch-request") => {
            Need::Data(
                batch(&operation::verbs(&exchange.request.body)),
                container(),
            )
        }
        ("dbs/colls/docs", feed) => Need::Data(vec![action(exchange, query, feed)], container()),
        _ => Need::Never,
    }
}

fn action(exchange: &Exchange, query: bool, feed: bool) -> &'static str {
    match exchange.request.method.as_str() {
        "POST" if query => "sqlDatabases/containers/executeQuery",
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

/// What the operations of a batch need; one without any still is about items.
fn batch(verbs: &[Verb]) -> Vec<&'static str> {
    if verbs.is_empty() {
        return vec!["sqlDatabases/containers/items/read"];
    }
    let action = |verb: &Verb| match verb {
        Verb::Read => "sqlDatabases/containers/items/read",
        Verb::Upsert => "sqlDatabases/containers/items/upsert",
        Verb::Delete => "sqlDatabases/containers/items/delete",
        Verb::Replace | Verb::Patch => "sqlDatabases/containers/items/replace",
        Verb::Create => "sqlDatabases/containers/items/create",
    };
    verbs.iter().map(action).collect()
}

/// Whether the role has the action: a built-in one, or one of the account's own.
fn holds(world: &World, held: &RoleAssignment, action: &str) -> bool {
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
        role => {
            let own = world.role_definitions.get(role);
            own.is_some_and(|own| own.actions.iter().any(|given| gives(given, action)))
        }
    }
}

/// A star stands for all that follows.
fn gives(given: &str, action: &str) -> bool {
    match given.strip_suffix('*') {
        Some(start) => action.starts_with(start),
        None => given == action,
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

/// What ARM does and the data plane does not for a token; newer accounts name the action instead of the request.
fn never(world: &World, exchange: &Exchange, principal: &str) -> Refusal {
    let (account, method) = (&world.account, &exchange.request.method);
    let path = exchange.place.path();
    let newer = world.own().is_some_and(|own| own.newer);
    if let Some(action) = control(exchange).filter(|_| newer) {
        return Refusal::gateway(
            403,
            format!(
                "Request blocked by Auth {account} : Request for Read DatabaseAccount is blocked because principal [{principal}] does not have required RBAC permissions to perform action [{PREFIX}{action}] on any scope. Learn more: https://aka.ms/cosmos-native-rbac."
            ),
        )
        .sub(5302);
    }
    Refusal::gateway(
        403,
        format!(
            "Request blocked by Auth {account} : The given request [{method} /{path}] cannot be authorized by AAD token in data plane. Learn more: https://aka.ms/cosmos-native-rbac."
        ),
    )
    .sub(5300)
}

/// The action that a role would have to give, if any could.
fn control(exchange: &Exchange) -> Option<String> {
    let kind = match exchange.place.shape().as_str() {
        "dbs" => "sqlDatabases",
        "dbs/colls" => "sqlDatabases/containers",
        _ => return None,
    };
    let verb = match exchange.request.method.as_str() {
        "DELETE" => "delete",
        _ => "write",
    };
    Some(format!("{kind}/{verb}"))
}

fn missing(world: &World, principal: &str, action: &str, place: &str, substatus: u16) -> Refusal {
    let account = &world.account;
    let groups = match place {
        "on resource [/]" => {
            " This could be because the user's group memberships were not present in the AAD token."
        }
        _ => "",
    };
    Refusal::gateway(
        403,
        format!(
            "Request blocked by Auth {account} : Request is blocked because principal [{principal}] does not have required RBAC permissions to perform action [{PREFIX}{action}] {place}. Learn more: https://aka.ms/cosmos-native-rbac.{groups}"
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
    use crate::sandbox::world::RoleDefinition;

    fn refused(scope: Option<(&str, &str)>, method: &str, path: &str, query: bool) -> u16 {
        answer(World::default(), scope, method, path, query)
    }

    fn answer(
        mut world: World,
        scope: Option<(&str, &str)>,
        method: &str,
        path: &str,
        query: bool,
    ) -> u16 {
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

    fn own(actions: &[&str]) -> World {
        let mut world = World::default();
        let definition = RoleDefinition {
            name: "own".into(),
            scopes: vec![String::new()],
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        };
        world.role_definitions.insert("own".into(), definition);
        world
    }

    #[test]
    fn a_role_of_ones_own_gives_what_it_says() {
        let docs = "/dbs/D/colls/C/docs";
        let rows = [
            (
                &["sqlDatabases/containers/items/create"][..],
                [5301, 0, 5302],
            ),
            (&["sqlDatabases/containers/items/*"], [5301, 0, 5302]),
            (&["sqlDatabases/containers/*"], [5301, 0, 0]),
            (&["readMetadata"], [0, 5302, 5302]),
            (&["sqlDatabases/containers/executeQuery"], [5301, 5302, 0]),
        ];
        for (actions, wanted) in rows {
            let requests = [
                ("GET", "/dbs/D", false),
                ("POST", docs, false),
                ("POST", docs, true),
            ];
            let got = requests.map(|(method, path, query)| {
                answer(own(actions), Some(("own", "")), method, path, query)
            });
            assert_eq!(got, wanted, "{actions:?}");
        }
        assert_eq!(
            answer(World::default(), Some(("own", "")), "GET", "/dbs/D", false),
            5301
        );
    }

    #[test]
    fn a_batch_needs_what_each_of_its_operations_needs() {
        let body =
            r#"[{"operationType":"Create","resourceBody":{}},{"operationType":"Delete","id":"1"}]"#;
        let request = Request {
            method: "POST".into(),
            headers: vec![("x-ms-cosmos-is-batch-request".into(), "True".into())],
            body: body.into(),
            ..Request::default()
        };
        let exchange = Exchange {
            request: &request,
            place: Place::parse("/dbs/D/colls/C/docs").unwrap(),
            now: 0,
            region: 0,
        };
        let caller = Caller::Identity("p".into());
        let items = "sqlDatabases/containers/items/";
        for (verbs, lacked) in [("create", "delete"), ("delete", "create"), ("*", "")] {
            let mut world = own(&[&format!("{items}{verbs}")]);
            let held = RoleAssignment {
                role_definition: "own".into(),
                scope: String::new(),
                principal: "p".into(),
            };
            world.role_assignments.insert("a".into(), held);
            let refused = check(&world, &exchange, false, &caller).err();
            let message = refused.map(|refusal| refusal.message).unwrap_or_default();
            let wanted = format!("action [{PREFIX}{items}{lacked}]");
            assert_eq!(message.contains(&wanted), !lacked.is_empty(), "{message}");
        }
    }

    #[test]
    fn newer_accounts_name_the_action_that_nobody_has() {
        let newer = |method: &str, path: &str| {
            let mut world = World::default();
            let mut account = crate::sandbox::azure::Account::new("", "g");
            account.newer = true;
            world.azure.accounts.insert(String::new(), account);
            answer(world, Some((CONTRIBUTOR, "")), method, path, false)
        };
        assert_eq!(newer("POST", "/dbs"), 5302);
        assert_eq!(newer("DELETE", "/dbs/D/colls/C"), 5302);
        assert_eq!(newer("GET", "/offers"), 5300);
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
