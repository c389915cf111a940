//! `sqlRoleDefinitions` and `sqlRoleAssignments`: the data plane's own roles.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::errors::{bad_request, missing, refused};
use super::front::{is_guid, ok};
use super::operations::{Effect, Failure, RETRY_MS, begin, granting};
use super::{Answer, accounts, databases::page, errors};
use crate::sandbox::http::Response;
use crate::sandbox::imds::IDENTITIES;
use crate::sandbox::world::{RoleAssignment, World};

const READER: &str = "00000000-0000-0000-0000-000000000001";
const CONTRIBUTOR: &str = "00000000-0000-0000-0000-000000000002";
const PREFIX: &str = "Microsoft.DocumentDB/databaseAccounts";

pub(super) fn definitions(world: &World, call: &Call<'_>) -> Answer {
    match call.method {
        "GET" => page(
            world,
            call,
            [READER, CONTRIBUTOR]
                .map(|id| definition_document(world, id))
                .into(),
        ),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn definition(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.name("sqlroledefinitions").to_ascii_lowercase();
    let known = [READER, CONTRIBUTOR].contains(&id.as_str());
    match (call.method, known) {
        ("GET", true) => ok(&definition_document(world, &id)),
        ("GET", false) => Err(unknown(world, "Definition", &id)),
        ("PUT" | "DELETE", _) => Err(errors::unsupported(
            "The sandbox has the two built-in roles and takes no others.",
        )),
        _ => Err(call.wrong_method()),
    }
}

fn unknown(world: &mut World, what: &str, id: &str) -> Response {
    refused(
        world,
        404,
        "NotFound",
        &format!("Unable to find a SQL Role {what} with ID [{id}]."),
    )
}

fn definition_document(world: &World, id: &str) -> Value {
    let (name, actions) = match id {
        READER => (
            "Cosmos DB Built-in Data Reader",
            &[
                "readMetadata",
                "sqlDatabases/containers/executeQuery",
                "sqlDatabases/containers/readChangeFeed",
                "sqlDatabases/containers/items/read",
            ][..],
        ),
        _ => (
            "Cosmos DB Built-in Data Contributor",
            &[
                "readMetadata",
                "sqlDatabases/containers/*",
                "sqlDatabases/containers/items/*",
            ][..],
        ),
    };
    let actions: Vec<String> = actions
        .iter()
        .map(|action| format!("{PREFIX}/{action}"))
        .collect();
    json!({
        "id": format!("{}/sqlRoleDefinitions/{id}", accounts::id(world)),
        "name": id,
        "type": format!("{PREFIX}/sqlRoleDefinitions"),
        "properties": {
            "roleName": name,
            "type": "BuiltInRole",
            "assignableScopes": [accounts::id(world)],
            "permissions": [{"dataActions": actions, "notDataActions": []}],
        },
    })
}

pub(super) fn assignments(world: &World, call: &Call<'_>) -> Answer {
    match call.method {
        "GET" => {
            let all = world.role_assignments.iter();
            page(
                world,
                call,
                all.map(|(id, assignment)| document(world, id, assignment))
                    .collect(),
            )
        }
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn assignment(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.name("sqlroleassignments").to_ascii_lowercase();
    match (call.method, world.role_assignments.get(&id)) {
        ("GET", Some(assignment)) => ok(&document(world, &id, assignment)),
        ("GET", None) => Err(unknown(world, "Assignment", &id)),
        ("PUT", _) => {
            let assignment = wanted(world, call, &id)?;
            grant(world, call, Effect::PutAssignment { id, assignment })
        }
        ("DELETE", None) => Ok(Response::empty(204)),
        ("DELETE", Some(_)) => grant(world, call, Effect::DeleteAssignment { id }),
        _ => Err(call.wrong_method()),
    }
}

/// One change at a time: the second is refused while the first is under way.
fn grant(world: &mut World, call: &Call<'_>, effect: Effect) -> Answer {
    if !granting(world) {
        return begin(world, call, effect);
    }
    let sentence = format!(
        "There is another user operation in progress which requires an exclusive lock on [{}]. Please retry after sometime.",
        world.account
    );
    let refusal = refused(world, 412, "PreconditionFailed", &sentence);
    Err(refusal.with("x-ms-retry-after-ms", RETRY_MS))
}

/// The assignment in the body, if it may be made.
fn wanted(world: &mut World, call: &Call<'_>, id: &str) -> Result<RoleAssignment, Response> {
    let properties = call.properties()?;
    if !is_guid(id) {
        return Err(bad_request(
            world,
            &format!("The SQL Role Assignment ID [{id}] is not a GUID."),
        ));
    }
    let assignment = RoleAssignment {
        role_definition: role(world, text(&properties, "roleDefinitionId")?)?,
        scope: scope(world, text(&properties, "scope")?)?,
        principal: principal(world, text(&properties, "principalId")?)?,
    };
    let sentence = match world.role_assignments.get(id) {
        Some(there) if there.principal != assignment.principal => "Principal ID",
        Some(there) if there.scope != assignment.scope => "Scope",
        _ => return Ok(assignment),
    };
    let sentence = format!(
        "Updating SQL Role Assignment {sentence} is not permitted. You may only update the associated Role Definition."
    );
    Err(bad_request(world, &sentence))
}

fn text<'a>(properties: &'a Map<String, Value>, name: &str) -> Result<&'a str, Response> {
    let text = properties.get(name).and_then(Value::as_str);
    text.ok_or_else(|| missing(&format!("properties.{name}")))
}

/// What follows the account's own id, which may be spelled in any case.
fn below<'a>(world: &World, sent: &'a str) -> Option<&'a str> {
    let own = accounts::id(world);
    let start = sent.get(..own.len())?;
    let rest = sent.get(own.len()..)?;
    (start.eq_ignore_ascii_case(&own) && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

fn role(world: &mut World, sent: &str) -> Result<String, Response> {
    let rest = below(world, sent).map(str::to_ascii_lowercase);
    let id = rest
        .as_deref()
        .and_then(|rest| rest.strip_prefix("/sqlroledefinitions/"));
    match id {
        Some(id) if [READER, CONTRIBUTOR].contains(&id) => Ok(id.to_owned()),
        Some(id) if is_guid(id) => Err(unknown(world, "Definition", id)),
        _ => Err(bad_request(
            world,
            &format!(
                "The provided Role Definition ID [{sent}] is not the fully qualified ID of a SQL Role Definition of the account."
            ),
        )),
    }
}

/// The scope relative to the account: empty, `/dbs/D` or `/dbs/D/colls/C`.
fn scope(world: &mut World, sent: &str) -> Result<String, Response> {
    let rest = below(world, sent).map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let parts: Option<Vec<&str>> = rest.map(|rest| rest.split('/').collect());
    match parts.as_deref() {
        Some([""]) => Ok(String::new()),
        Some(["", "dbs", database]) if !database.is_empty() => Ok(format!("/dbs/{database}")),
        Some(["", "dbs", database, "colls", container])
            if !database.is_empty() && !container.is_empty() =>
        {
            Ok(format!("/dbs/{database}/colls/{container}"))
        }
        _ => Err(bad_request(
            world,
            &format!(
                "The provided scope [{sent}] is not valid: it must be the fully qualified ID of the account, optionally followed by /dbs/{{database}} or /dbs/{{database}}/colls/{{container}}."
            ),
        )),
    }
}

/// An object id that the tenant knows; the client id of an identity is its application's, which can hold no role.
fn principal(world: &mut World, sent: &str) -> Result<String, Response> {
    let id = sent.to_ascii_lowercase();
    if IDENTITIES.iter().any(|identity| identity.object_id == id) {
        return Ok(id);
    }
    let sentence = if IDENTITIES.iter().any(|identity| identity.client_id == id) {
        format!(
            "The provided principal ID [{sent}] was found to be of an unsupported type : [Application]"
        )
    } else {
        format!(
            "The provided principal ID [{sent}] was not found in the AAD tenant(s) [{}] which are associated with the customer's subscription.",
            world.tenant
        )
    };
    Err(bad_request(world, &sentence))
}

/// Makes the grant.
pub(super) fn put(
    world: &mut World,
    id: String,
    assignment: RoleAssignment,
) -> Result<(), Failure> {
    world.role_assignments.insert(id, assignment);
    Ok(())
}

fn document(world: &World, id: &str, assignment: &RoleAssignment) -> Value {
    let account = accounts::id(world);
    json!({
        "id": format!("{account}/sqlRoleAssignments/{id}"),
        "name": id,
        "type": format!("{PREFIX}/sqlRoleAssignments"),
        "properties": {
            "roleDefinitionId": format!("{account}/sqlRoleDefinitions/{}", assignment.role_definition),
            "principalId": assignment.principal,
            "scope": format!("{account}{}", assignment.scope),
        },
    })
}
