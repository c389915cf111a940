//! `sqlRoleDefinitions`: the two built-in roles of the data plane, and those of one's own.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::effects::Effect;
use super::errors::{bad_request, missing};
use super::front::{is_guid, ok};
use super::roles::{PREFIX, grant, scope, unknown};
use super::{Answer, accounts, databases::page};
use crate::sandbox::http::Response;
use crate::sandbox::world::{RoleDefinition, World};

const READER: &str = "00000000-0000-0000-0000-000000000001";
const CONTRIBUTOR: &str = "00000000-0000-0000-0000-000000000002";
/// The most roles of one's own an account can have.
const MOST: usize = 100;

/// Every action a role can give, and the two patterns.
const ACTIONS: [&str; 13] = [
    "readMetadata",
    "sqlDatabases/containers/*",
    "sqlDatabases/containers/executeQuery",
    "sqlDatabases/containers/readChangeFeed",
    "sqlDatabases/containers/executeStoredProcedure",
    "sqlDatabases/containers/manageConflicts",
    "sqlDatabases/containers/items/*",
    "sqlDatabases/containers/items/create",
    "sqlDatabases/containers/items/read",
    "sqlDatabases/containers/items/replace",
    "sqlDatabases/containers/items/upsert",
    "sqlDatabases/containers/items/delete",
    "sqlDatabases/containers/items/unmask",
];

pub(super) fn definitions(world: &World, call: &Call<'_>) -> Answer {
    let ids = [READER, CONTRIBUTOR];
    let ids = ids
        .into_iter()
        .chain(world.role_definitions.keys().map(String::as_str));
    let all = ids.filter_map(|id| Some(document(world, call, id, &known(world, id)?)));
    match call.method {
        "GET" => page(world, call, all.collect()),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn definition(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.name("sqlroledefinitions").to_ascii_lowercase();
    match (call.method, known(world, &id)) {
        ("GET", Some(definition)) => ok(&document(world, call, &id, &definition)),
        ("GET", None) => Err(unknown(world, "Definition", &id)),
        ("PUT" | "DELETE", _) if [READER, CONTRIBUTOR].contains(&id.as_str()) => {
            let sentence = format!(
                "The built-in SQL Role Definition with ID [{id}] can not be updated or deleted."
            );
            Err(bad_request(world, &sentence))
        }
        ("PUT", _) => {
            let definition = wanted(world, call, &id)?;
            grant(world, call, Effect::PutDefinition { id, definition })
        }
        ("DELETE", None) => Ok(Response::empty(204)),
        ("DELETE", Some(_)) => {
            unused(world, &id)?;
            grant(world, call, Effect::DeleteDefinition { id })
        }
        _ => Err(call.wrong_method()),
    }
}

/// A role by its GUID, built in or not.
pub(super) fn known(world: &World, id: &str) -> Option<RoleDefinition> {
    let (name, actions) = match id {
        READER => ("Cosmos DB Built-in Data Reader", READS),
        CONTRIBUTOR => ("Cosmos DB Built-in Data Contributor", WRITES),
        _ => return world.role_definitions.get(id).cloned(),
    };
    Some(RoleDefinition {
        name: name.to_owned(),
        scopes: vec![String::new()],
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
    })
}

const READS: &[&str] = &[
    "readMetadata",
    "sqlDatabases/containers/executeQuery",
    "sqlDatabases/containers/readChangeFeed",
    "sqlDatabases/containers/items/read",
];
const WRITES: &[&str] = &[
    "readMetadata",
    "sqlDatabases/containers/*",
    "sqlDatabases/containers/items/*",
];

fn unused(world: &mut World, id: &str) -> Result<(), Response> {
    let mut all = world.role_assignments.values();
    if !all.any(|held| held.role_definition == id) {
        return Ok(());
    }
    let sentence = format!(
        "The SQL Role Definition with ID [{id}] can not be deleted because it is associated with SQL Role Assignments."
    );
    Err(bad_request(world, &sentence))
}

fn wanted(world: &mut World, call: &Call<'_>, id: &str) -> Result<RoleDefinition, Response> {
    let properties = call.properties()?;
    let name = properties.get("roleName").and_then(Value::as_str);
    let name = name.filter(|name| !name.is_empty());
    let name = name
        .ok_or_else(|| missing("properties.roleName"))?
        .to_owned();
    match properties.get("type") {
        None | Some(Value::Null) => {}
        Some(kind) if *kind == json!("CustomRole") || *kind == json!(1) => {}
        Some(_) => return Err(missing("properties.type")),
    }
    if let Some(sentence) = complaint(world, id, &name) {
        return Err(bad_request(world, &sentence));
    }
    Ok(RoleDefinition {
        name,
        scopes: scopes(world, &properties)?,
        actions: actions(world, &properties)?,
    })
}

fn complaint(world: &World, id: &str, name: &str) -> Option<String> {
    let mut all = world.role_definitions.iter();
    if !is_guid(id) {
        return Some(format!("The SQL Role Definition ID [{id}] is not a GUID."));
    }
    if all.any(|(other, there)| other != id && there.name == name) {
        return Some(format!(
            "A SQL Role Definition with the name [{name}] already exists: the name has to be unique in the account."
        ));
    }
    let full = world.role_definitions.len() >= MOST && !world.role_definitions.contains_key(id);
    full.then(|| {
        format!("The account has {MOST} SQL Role Definitions already, which is the limit.")
    })
}

fn scopes(world: &mut World, properties: &Map<String, Value>) -> Result<Vec<String>, Response> {
    let sent = properties.get("assignableScopes").and_then(Value::as_array);
    let sent = sent.filter(|sent| !sent.is_empty());
    let mut scopes = Vec::new();
    for each in sent.ok_or_else(|| missing("properties.assignableScopes"))? {
        let text = each
            .as_str()
            .ok_or_else(|| missing("properties.assignableScopes"))?;
        scopes.push(scope(world, text)?);
    }
    Ok(scopes)
}

fn actions(world: &mut World, properties: &Map<String, Value>) -> Result<Vec<String>, Response> {
    let sent = properties.get("permissions").and_then(Value::as_array);
    let sent = sent.filter(|sent| !sent.is_empty());
    let mut actions = Vec::new();
    for each in sent.ok_or_else(|| missing("properties.permissions"))? {
        let all = each.get("dataActions").and_then(Value::as_array);
        for text in all.ok_or_else(|| missing("properties.permissions.dataActions"))? {
            actions.push(action(world, text)?);
        }
    }
    match actions.is_empty() {
        true => Err(missing("properties.permissions.dataActions")),
        false => Ok(actions),
    }
}

fn action(world: &mut World, sent: &Value) -> Result<String, Response> {
    let text = sent
        .as_str()
        .ok_or_else(|| missing("properties.permissions.dataActions"))?;
    let valid = |action: &&&str| format!("{PREFIX}/{action}").eq_ignore_ascii_case(text);
    match ACTIONS.iter().find(valid) {
        Some(action) => Ok((*action).to_owned()),
        None => {
            let sentence = format!(
                "The provided data action string [{text}] does not correspond to any valid SQL data action."
            );
            Err(bad_request(world, &sentence))
        }
    }
}

/// Makes the role or changes it.
pub(super) fn put(world: &mut World, id: String, definition: RoleDefinition) {
    world.role_definitions.insert(id, definition);
}

/// The first version is known to have written the kind as a number.
fn kind(call: &Call<'_>, built_in: bool) -> Value {
    match (call.version(), built_in) {
        ("2021-04-15", built_in) => json!(u8::from(!built_in)),
        (_, true) => json!("BuiltInRole"),
        (_, false) => json!("CustomRole"),
    }
}

fn document(world: &World, call: &Call<'_>, id: &str, definition: &RoleDefinition) -> Value {
    let account = accounts::id(world);
    let actions = definition.actions.iter();
    let actions: Vec<String> = actions.map(|action| format!("{PREFIX}/{action}")).collect();
    let scopes = definition.scopes.iter();
    let scopes: Vec<String> = scopes.map(|scope| format!("{account}{scope}")).collect();
    json!({
        "id": format!("{account}/sqlRoleDefinitions/{id}"),
        "name": id,
        "type": format!("{PREFIX}/sqlRoleDefinitions"),
        "properties": {
            "roleName": definition.name,
            "type": kind(call, [READER, CONTRIBUTOR].contains(&id)),
            "assignableScopes": scopes,
            "permissions": [{"dataActions": actions, "notDataActions": []}],
        },
    })
}
