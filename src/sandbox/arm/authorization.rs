//! `Microsoft.Authorization`: Azure's own roles, on a subscription, a group or an account.

use serde_json::{Map, Value, json};

mod definitions;

use definitions::{definitions, no_role, operand, role_id};

use super::call::Call;
use super::front::{check_account, check_group, is_guid, ok};
use super::{Answer, documents, errors, guard, rbac, versions};
use crate::sandbox::azure::Assignment;
use crate::sandbox::http::Response;
use crate::sandbox::imds::IDENTITIES;
use crate::sandbox::world::World;

/// What follows `…/providers/Microsoft.Authorization`.
pub(super) fn route(world: &mut World, call: &Call<'_>) -> Answer {
    let scope = scope(world, call)?;
    let words = call.words();
    let place = words.iter().rposition(|word| *word == "providers");
    let rest = words.get(place.unwrap_or_default() + 2..);
    match rest.unwrap_or_default() {
        ["roledefinitions", rest @ ..] => {
            versions::check_authorization(world, call, "roleDefinitions")?;
            definitions(world, call, rest)
        }
        ["roleassignments", rest @ ..] => {
            versions::check_authorization(world, call, "roleAssignments")?;
            assignments(world, call, &scope, rest)
        }
        _ => Err(errors::unsupported(
            "Of Microsoft.Authorization the sandbox has roleAssignments and roleDefinitions.",
        )),
    }
}

/// What stands before the provider: something that exists.
fn scope(world: &World, call: &Call<'_>) -> Result<String, Response> {
    let words = call.words();
    let place = words.iter().rposition(|word| *word == "providers");
    let place = place.unwrap_or_default();
    match words.get(..place).unwrap_or_default() {
        ["subscriptions", _] => {}
        ["subscriptions", _, "resourcegroups", _] => check_group(world, call)?,
        [
            "subscriptions",
            _,
            "resourcegroups",
            _,
            "providers",
            "microsoft.documentdb",
            "databaseaccounts",
            _,
        ] => {
            check_group(world, call)?;
            check_account(world, call, false)?;
        }
        _ => {
            return Err(errors::unsupported(
                "In the sandbox roles are given on subscriptions, groups and accounts.",
            ));
        }
    }
    let before = call.segments.get(..place).unwrap_or_default();
    Ok(format!("/{}", before.join("/")))
}

fn assignments(world: &mut World, call: &Call<'_>, scope: &str, rest: &[&str]) -> Answer {
    let id = match rest {
        [] if call.method == "GET" => return list(world, call, scope),
        [id] => *id,
        _ => return Err(call.wrong_method()),
    };
    let there = world.azure.assignments.get(id).cloned();
    let there =
        there.filter(|there| call.method == "PUT" || there.scope.eq_ignore_ascii_case(scope));
    match (call.method, there) {
        ("GET", Some(there)) => ok(&document(world, id, &there)),
        ("GET", None) => {
            let message = format!("The role assignment '{id}' is not found.");
            Err(errors::front(404, "RoleAssignmentNotFound", &message))
        }
        ("PUT", there) => create(world, call, scope, id, there),
        ("DELETE", None) => Ok(Response::empty(204)),
        ("DELETE", Some(there)) => {
            guard::unlocked(world, call)?;
            world.azure.assignments.remove(id);
            ok(&document(world, id, &there))
        }
        _ => Err(call.wrong_method()),
    }
}

/// What a filter leaves: those of a principal, and with `atScope()` none from below.
struct Filter<'a> {
    principal: Option<&'a str>,
    above: bool,
}

fn filter<'a>(call: &'a Call<'_>) -> Result<Filter<'a>, Response> {
    let mut filter = Filter {
        principal: None,
        above: false,
    };
    for part in call
        .query("$filter")
        .into_iter()
        .flat_map(|all| all.split(" and "))
    {
        let part = part.trim();
        let assigned = part
            .strip_prefix("assignedTo('")
            .and_then(|rest| rest.strip_suffix("')"));
        match (part, assigned) {
            ("atScope()", _) => filter.above = true,
            (_, Some(principal)) => filter.principal = Some(principal),
            _ => filter.principal = Some(operand(part, "principalid")?),
        }
    }
    Ok(filter)
}

fn list(world: &World, call: &Call<'_>, scope: &str) -> Answer {
    let filter = filter(call)?;
    let wanted = |(_, held): &(&String, &Assignment)| {
        let mine = |principal: &str| held.principal.eq_ignore_ascii_case(principal);
        let above = rbac::within(&held.scope, scope);
        filter.principal.is_none_or(mine)
            && (above || !filter.above && rbac::within(scope, &held.scope))
    };
    let all = world.azure.assignments.iter().filter(wanted);
    let all: Vec<Value> = all.map(|(id, held)| document(world, id, held)).collect();
    ok(&json!({"value": all}))
}

fn create(
    world: &mut World,
    call: &Call<'_>,
    scope: &str,
    id: &str,
    there: Option<Assignment>,
) -> Answer {
    guard::unlocked(world, call)?;
    if !is_guid(id) {
        let message = format!(
            "The role assignment ID '{id}' is not valid. The role assignment ID must be a GUID."
        );
        return Err(errors::front(400, "InvalidRoleAssignmentId", &message));
    }
    let wanted = wanted(world, call, scope)?;
    let same = |held: &Assignment| {
        held.scope.eq_ignore_ascii_case(scope)
            && held.role == wanted.role
            && held.principal == wanted.principal
    };
    match there {
        Some(there) if same(&there) => return ok(&document(world, id, &there)),
        Some(_) => {
            let message =
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
            return Err(errors::front(
                400,
                "RoleAssignmentUpdateNotPermitted",
                message,
            ));
        }
        None if world.azure.assignments.values().any(same) => {
            let message = "The role assignment already exists.";
            return Err(errors::front(409, "RoleAssignmentExists", message));
        }
        None => {}
    }
    let answer = errors::plain(201, &document(world, id, &wanted));
    world.azure.assignments.insert(id.to_owned(), wanted);
    Ok(answer)
}

fn wanted(world: &World, call: &Call<'_>, scope: &str) -> Result<Assignment, Response> {
    let properties = call.properties()?;
    Ok(Assignment {
        scope: scope.to_owned(),
        role: role(text(&properties, "roleDefinitionId")?)?,
        principal: principal(world, &properties)?,
        created: call.now.unix_timestamp(),
    })
}

fn text<'a>(properties: &'a Map<String, Value>, name: &str) -> Result<&'a str, Response> {
    properties.get(name).and_then(Value::as_str).ok_or_else(|| {
        let message = format!("The request was incorrectly formatted: '{name}' is required.");
        errors::front(400, "BadRequestFormat", &message)
    })
}

/// The GUID at the end of a role's id, which has to be a whole one.
fn role(sent: &str) -> Result<String, Response> {
    let lower = sent.to_ascii_lowercase();
    let id = lower.split_once("/providers/microsoft.authorization/roledefinitions/");
    match id {
        Some((_, id)) if is_guid(id) => match rbac::by_id(id) {
            Some(role) => Ok(role.id.to_owned()),
            None => Err(no_role(id)),
        },
        _ => {
            let message = format!("The role definition ID '{sent}' is not valid.");
            Err(errors::front(400, "InvalidRoleDefinitionId", &message))
        }
    }
}

fn principal(world: &World, properties: &Map<String, Value>) -> Result<String, Response> {
    let sent = text(properties, "principalId")?;
    let id = sent.to_ascii_lowercase();
    if !IDENTITIES.iter().any(|identity| identity.object_id == id) {
        let message = format!(
            "Principal {} does not exist in the directory {}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
            id.replace('-', ""),
            world.tenant
        );
        return Err(errors::front(400, "PrincipalNotFound", &message));
    }
    match properties.get("principalType").map(Value::as_str) {
        None | Some(Some("ServicePrincipal")) => Ok(id),
        kind => {
            let kind = kind.flatten().unwrap_or_default();
            let message = format!(
                "The PrincipalId '{}' has type 'ServicePrincipal' , which is different from specified PrinciaplType '{kind}'.",
                id.replace('-', "")
            );
            Err(errors::front(400, "UnmatchedPrincipalType", &message))
        }
    }
}

fn document(world: &World, id: &str, held: &Assignment) -> Value {
    let created = documents::created(held.created);
    json!({
        "id": format!("{}/providers/Microsoft.Authorization/roleAssignments/{id}", held.scope),
        "type": "Microsoft.Authorization/roleAssignments",
        "name": id,
        "properties": {
            "roleDefinitionId": role_id(world, &held.role),
            "principalId": held.principal,
            "principalType": "ServicePrincipal",
            "scope": held.scope,
            "condition": null,
            "conditionVersion": null,
            "createdOn": created,
            "updatedOn": created,
            "description": null,
        },
    })
}

#[cfg(test)]
mod tests;
