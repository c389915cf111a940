//! `sqlRoleAssignments`: who has which role of the data plane.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::effects::Effect;
use super::errors::{bad_request, missing, refused};
use super::front::{is_guid, ok};
use super::operations::{begin, granting};
use super::{Answer, accounts, databases::page, guard, role_definitions};
use crate::sandbox::http::Response;
use crate::sandbox::imds::IDENTITIES;
use crate::sandbox::world::{RoleAssignment, World};

pub(super) const PREFIX: &str = "Microsoft.DocumentDB/databaseAccounts";
/// The most grants an account can have.
const MOST: usize = 2000;

/// The refusal of a role or a grant that is not there.
pub(super) fn unknown(world: &mut World, what: &str, id: &str) -> Response {
    refused(
        world,
        404,
        "NotFound",
        &format!("Unable to find a SQL Role {what} with ID [{id}]."),
    )
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
pub(super) fn grant(world: &mut World, call: &Call<'_>, effect: Effect) -> Answer {
    match granting(world) {
        false => begin(world, call, effect),
        true => Err(guard::locked(world, call)),
    }
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
    fits(world, &assignment)?;
    let sentence = match world.role_assignments.get(id) {
        Some(there) if there.principal != assignment.principal => "Principal ID",
        Some(there) if there.scope != assignment.scope => "Scope",
        None if world.role_assignments.len() >= MOST => {
            let sentence =
                format!("The account has {MOST} SQL Role Assignments already, which is the limit.");
            return Err(bad_request(world, &sentence));
        }
        _ => return Ok(assignment),
    };
    let sentence = format!(
        "Updating SQL Role Assignment {sentence} is not permitted. You may only update the associated Role Definition."
    );
    Err(bad_request(world, &sentence))
}

/// A role is given where it may be given.
fn fits(world: &mut World, assignment: &RoleAssignment) -> Result<(), Response> {
    let role = role_definitions::known(world, &assignment.role_definition);
    let scope = &assignment.scope;
    let below = |from: &String| {
        let rest = scope.strip_prefix(from.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if role.is_some_and(|role| role.scopes.iter().any(below)) {
        return Ok(());
    }
    let account = accounts::id(world);
    let sentence = format!(
        "The provided scope [{account}{scope}] is not within the assignable scopes of the SQL Role Definition [{}].",
        assignment.role_definition
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
        Some(id) if role_definitions::known(world, id).is_some() => Ok(id.to_owned()),
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
pub(super) fn scope(world: &mut World, sent: &str) -> Result<String, Response> {
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
pub(super) fn put(world: &mut World, id: String, assignment: RoleAssignment) {
    world.role_assignments.insert(id, assignment);
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

#[cfg(test)]
mod tests;
