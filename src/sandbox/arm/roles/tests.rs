//! Roles of the data plane, request by request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use crate::sandbox::arm::accounts;
use crate::sandbox::arm::tests::arm;
use crate::sandbox::imds::IDENTITIES;

#[test]
fn grants_are_made_one_at_a_time_and_only_their_role_changes() {
    let mut arm = arm();
    let account = accounts::id(&arm.world);
    let target = "~/sqlRoleAssignments/CB8ED2D7-2371-4e3c-bd31-6cc1560e84f8";
    let body = |role: u8, scope: &str, principal: &str| {
        json!({"properties": {
            "roleDefinitionId": format!("{account}/sqlRoleDefinitions/00000000-0000-0000-0000-00000000000{role}"),
            "scope": scope, "principalId": principal,
        }})
    };
    let own = IDENTITIES[0].object_id;
    let lower = account.replace("resourceGroups", "resourcegroups");
    assert_eq!(arm.get(target).code(), "NotFound");
    let refusals = [
        (body(2, "/", own), 400, "scope"),
        (
            body(2, &format!("{account}/sqlDatabases/db"), own),
            400,
            "scope",
        ),
        (body(2, &format!("{account}x"), own), 400, "scope"),
        (
            body(2, &account, "me"),
            400,
            "was not found in the AAD tenant",
        ),
        (
            body(2, &account, IDENTITIES[0].client_id),
            400,
            "unsupported type : [Application]",
        ),
        (
            body(3, &account, own),
            404,
            "Unable to find a SQL Role Definition",
        ),
    ];
    for (body, status, words) in refusals {
        let got = arm.ask("PUT", target, body);
        assert_eq!(got.status, status);
        assert!(got.message().contains(words), "{}", got.body);
    }
    assert_eq!(arm.ask("PUT", target, body(1, &lower, own)).status, 202);
    let locked = arm.ask(
        "PUT",
        "~/sqlRoleAssignments/cb8ed2d7-2371-4e3c-bd31-6cc1560e84f9",
        body(1, &account, own),
    );
    assert_eq!((locked.status, locked.code()), (412, "PreconditionFailed"));
    arm.pass(31);
    let found = arm.get(target).body;
    assert_eq!(found["name"], "cb8ed2d7-2371-4e3c-bd31-6cc1560e84f8");
    assert_eq!(found["properties"]["scope"], account.as_str());
    assert_eq!(
        arm.finish("PUT", target, body(2, &account, own))["status"],
        "Succeeded"
    );
    let moved = arm.ask("PUT", target, body(2, &format!("{account}/dbs/db"), own));
    assert!(
        moved
            .message()
            .starts_with("Updating SQL Role Assignment Scope is not permitted.")
    );
    let other = arm.ask("PUT", target, body(2, &account, IDENTITIES[1].object_id));
    assert!(
        other
            .message()
            .starts_with("Updating SQL Role Assignment Principal ID is not permitted.")
    );
    assert_eq!(arm.world.role_assignments.len(), 1);
    assert_eq!(
        arm.get("~/sqlRoleDefinitions").body["value"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        arm.finish("DELETE", target, Value::Null)["status"],
        "Succeeded"
    );
    assert_eq!(arm.get("~/sqlRoleAssignments").body, json!({"value": []}));
}

const OWN: &str = "be79875a-2cc4-40d5-8958-566017875b39";
const PREFIX: &str = "Microsoft.DocumentDB/databaseAccounts";

fn definition(account: &str, name: &str, scopes: &[&str], actions: &[&str]) -> Value {
    let scopes: Vec<String> = scopes
        .iter()
        .map(|scope| format!("{account}{scope}"))
        .collect();
    let actions: Vec<String> = actions
        .iter()
        .map(|action| format!("{PREFIX}/{action}"))
        .collect();
    json!({"properties": {"roleName": name, "type": "CustomRole", "assignableScopes": scopes, "permissions": [{"dataActions": actions}]}})
}

#[test]
fn a_role_of_ones_own_is_made_given_and_kept_while_it_is_used() {
    let mut arm = arm();
    let account = accounts::id(&arm.world);
    let target = format!("~/sqlRoleDefinitions/{OWN}");
    assert_eq!(arm.get(&target).status, 404);
    let reads = ["readMetadata", "sqlDatabases/containers/items/read"];
    let body = definition(&account, "reads", &["/dbs/db/"], &reads);
    assert_eq!(
        arm.finish("PUT", &target, body.clone())["status"],
        "Succeeded"
    );
    let made = arm.get(&target).body;
    assert_eq!(made["properties"]["type"], "CustomRole");
    assert_eq!(
        made["properties"]["assignableScopes"],
        json!([format!("{account}/dbs/db")])
    );
    assert_eq!(
        made["properties"]["permissions"][0]["notDataActions"],
        json!([])
    );
    let old = arm.get(&format!(
        "{account}/sqlRoleDefinitions/{OWN}?api-version=2021-04-15"
    ));
    assert_eq!(old.body["properties"]["type"], 1);
    assert_eq!(
        arm.get("~/sqlRoleDefinitions").body["value"]
            .as_array()
            .unwrap()
            .len(),
        3
    );

    let grant = |scope: &str| {
        json!({"properties": {
            "roleDefinitionId": format!("{account}/sqlRoleDefinitions/{OWN}"),
            "scope": format!("{account}{scope}"), "principalId": IDENTITIES[0].object_id,
        }})
    };
    let given = "~/sqlRoleAssignments/cb8ed2d7-2371-4e3c-bd31-6cc1560e84f8";
    for scope in ["", "/dbs/other", "/dbs/dbx"] {
        let (status, _, message) = arm.refuse("PUT", given, grant(scope));
        assert_eq!(status, 400);
        assert!(
            message.contains("not within the assignable scopes"),
            "{message}"
        );
    }
    assert_eq!(
        arm.finish("PUT", given, grant("/dbs/db/colls/c"))["status"],
        "Succeeded"
    );
    let (status, _, message) = arm.refuse("DELETE", &target, Value::Null);
    assert_eq!(status, 400);
    assert!(
        message.contains("associated with SQL Role Assignments"),
        "{message}"
    );
    assert_eq!(
        arm.finish("DELETE", given, Value::Null)["status"],
        "Succeeded"
    );
    assert_eq!(
        arm.finish("DELETE", &target, Value::Null)["status"],
        "Succeeded"
    );
    assert_eq!(arm.ask("DELETE", &target, Value::Null).status, 204);
}

#[test]
fn what_is_wrong_with_a_role_is_said() {
    let mut arm = arm();
    let account = accounts::id(&arm.world);
    let good = ["readMetadata"];
    let target = format!("~/sqlRoleDefinitions/{OWN}");
    let mut built_in = definition(&account, "n", &[""], &good);
    built_in["properties"]["type"] = json!("BuiltInRole");
    let rows = [
        (
            definition(&account, "n", &[""], &["sqlDatabases/write"]),
            "The provided data action string [Microsoft.DocumentDB/databaseAccounts/sqlDatabases/write] does not correspond to any valid SQL data action.",
        ),
        (
            definition(&account, "n", &[""], &["sqlDatabases/*"]),
            "does not correspond to any valid SQL data action.",
        ),
        (definition(&account, "n", &[""], &[]), "dataActions"),
        (definition(&account, "n", &[], &good), "assignableScopes"),
        (
            definition(&account, "n", &["/sqlDatabases/x"], &good),
            "The provided scope [",
        ),
        (
            definition("/subscriptions/other", "n", &[""], &good),
            "The provided scope [",
        ),
        (definition(&account, "", &[""], &good), "roleName"),
        (built_in, "properties.type"),
        (
            json!({"properties": {"roleName": "n", "assignableScopes": [account]}}),
            "permissions",
        ),
    ];
    for (body, words) in rows {
        let (status, _, message) = arm.refuse("PUT", &target, body.clone());
        assert_eq!(status, 400, "{body}");
        assert!(message.contains(words), "{message} lacks {words}");
    }
    let body = definition(&account, "n", &[""], &good);
    assert!(
        arm.refuse("PUT", "~/sqlRoleDefinitions/mine", body.clone())
            .2
            .contains("not a GUID")
    );
    assert_eq!(
        arm.finish("PUT", &target, body.clone())["status"],
        "Succeeded"
    );
    let other = target.replace("be79", "ce79");
    assert!(
        arm.refuse("PUT", &other, body.clone())
            .2
            .contains("already exists")
    );
    let built_in = "~/sqlRoleDefinitions/00000000-0000-0000-0000-000000000001";
    assert!(arm.refuse("PUT", built_in, body).2.contains("built-in"));
    assert_eq!(arm.refuse("DELETE", built_in, Value::Null).0, 400);
}

#[test]
fn an_account_has_so_many_roles_and_grants_and_no_more() {
    let mut arm = arm();
    let account = accounts::id(&arm.world);
    let made = crate::sandbox::world::RoleDefinition {
        name: String::new(),
        scopes: vec![String::new()],
        actions: vec!["readMetadata".into()],
    };
    for number in 0..100 {
        arm.world
            .role_definitions
            .insert(number.to_string(), made.clone());
    }
    let body = definition(&account, "n", &[""], &["readMetadata"]);
    let (status, _, message) = arm.refuse("PUT", &format!("~/sqlRoleDefinitions/{OWN}"), body);
    assert_eq!(status, 400);
    assert!(message.contains("100 SQL Role Definitions"), "{message}");
    let held = crate::sandbox::world::RoleAssignment {
        role_definition: "0".into(),
        scope: String::new(),
        principal: String::new(),
    };
    for number in 0..2000 {
        arm.world
            .role_assignments
            .insert(number.to_string(), held.clone());
    }
    let body = json!({"properties": {
        "roleDefinitionId": format!("{account}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000001"),
        "scope": account, "principalId": IDENTITIES[0].object_id,
    }});
    let (status, _, message) = arm.refuse("PUT", &format!("~/sqlRoleAssignments/{OWN}"), body);
    assert_eq!(status, 400);
    assert!(message.contains("2000 SQL Role Assignments"), "{message}");
}
