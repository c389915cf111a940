//! Azure's own roles, request by request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use crate::sandbox::arm::tests::{Arm, arm};
use crate::sandbox::imds::IDENTITIES;

const OPERATOR: &str = "230815da-be43-4aae-9cb4-875f7bd000aa";
const GUID: &str = "cb8ed2d7-2371-4e3c-bd31-6cc1560e84f8";

impl Arm {
    fn at(&self, scope: &str, rest: &str) -> String {
        self.below(
            &format!("{scope}/providers/Microsoft.Authorization/{rest}"),
            "2022-04-01",
        )
    }

    fn role(&self, id: &str) -> String {
        format!(
            "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{id}",
            self.world.subscription
        )
    }

    fn body(&self, role: &str, principal: &str) -> Value {
        json!({"properties": {"roleDefinitionId": self.role(role), "principalId": principal, "principalType": "ServicePrincipal"}})
    }
}

#[test]
fn a_role_is_given_found_and_taken_back() {
    let mut arm = Arm::employed("owner");
    let principal = IDENTITIES[2].object_id;
    let group = "/resourceGroups/sandbox-group";
    let target = arm.at(group, &format!("roleAssignments/{GUID}"));
    assert_eq!(arm.get(&target).code(), "RoleAssignmentNotFound");
    let body = arm.body(OPERATOR, principal);
    let made = arm.ask("PUT", &target, body.clone());
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["properties"]["principalId"], principal);
    assert_eq!(
        made.body["properties"]["roleDefinitionId"],
        arm.role(OPERATOR)
    );
    assert_eq!(arm.get(&target).body, made.body);
    assert_eq!(arm.ask("PUT", &target, body.clone()).status, 200);

    let second = target.replace(GUID, &GUID.replace('8', "9"));
    let exists = arm.ask("PUT", &second, body.clone());
    assert_eq!(
        (exists.status, exists.code()),
        (409, "RoleAssignmentExists")
    );
    let other = arm.body(OPERATOR, IDENTITIES[1].object_id);
    let moved = arm.ask("PUT", &target, other);
    assert_eq!(
        (moved.status, moved.code()),
        (400, "RoleAssignmentUpdateNotPermitted")
    );
    let wider = arm.at("", &format!("roleAssignments/{GUID}"));
    assert_eq!(
        arm.ask("PUT", &wider, body).code(),
        "RoleAssignmentUpdateNotPermitted"
    );

    let count = |arm: &mut Arm, scope: &str, filter: &str| {
        let target = format!("{}&$filter={filter}", arm.at(scope, "roleAssignments"));
        let got = arm.get(&target);
        assert_eq!(got.status, 200, "{}", got.body);
        got.body["value"].as_array().unwrap().len()
    };
    let mine = format!("principalId%20eq%20'{principal}'");
    let account =
        format!("{group}/providers/Microsoft.DocumentDB/databaseAccounts/sandbox-account");
    assert_eq!(count(&mut arm, &account, &mine), 2);
    assert_eq!(count(&mut arm, "", &mine), 2);
    assert_eq!(
        count(
            &mut arm,
            "",
            &format!("atScope()%20and%20assignedTo('{principal}')")
        ),
        1
    );
    assert_eq!(count(&mut arm, group, "atScope()"), 4);
    let bad = format!(
        "{}&$filter=principalId%20ne%20'x'",
        arm.at("", "roleAssignments")
    );
    assert_eq!(arm.get(&bad).status, 400);

    assert_eq!(arm.ask("DELETE", &target, Value::Null).body, made.body);
    assert_eq!(arm.ask("DELETE", &target, Value::Null).status, 204);
}

#[test]
fn what_is_wrong_with_an_assignment_is_said() {
    let mut arm = Arm::employed("owner");
    let own = IDENTITIES[0].object_id;
    let target = arm.at("", &format!("roleAssignments/{GUID}"));
    let mut person = arm.body(OPERATOR, own);
    person["properties"]["principalType"] = json!("User");
    let mut short = arm.body(OPERATOR, own);
    short["properties"]["roleDefinitionId"] = json!(OPERATOR);
    let rows = [
        (
            arm.body(OPERATOR, IDENTITIES[0].client_id),
            400,
            "PrincipalNotFound",
            "does not exist in the directory",
        ),
        (arm.body(GUID, own), 404, "RoleDefinitionDoesNotExist", GUID),
        (short, 400, "InvalidRoleDefinitionId", OPERATOR),
        (person, 400, "UnmatchedPrincipalType", "'User'"),
        (
            json!({"properties": {"principalId": own}}),
            400,
            "BadRequestFormat",
            "roleDefinitionId",
        ),
        (json!({}), 400, "BadRequest", "properties"),
    ];
    for (body, status, code, words) in rows {
        let (got, found, message) = arm.refuse("PUT", &target, body);
        assert_eq!((got, found.as_str()), (status, code), "{message}");
        assert!(message.contains(words), "{message}");
    }
    let body = arm.body(OPERATOR, own);
    let named = arm.at("", "roleAssignments/mine");
    assert_eq!(
        arm.ask("PUT", &named, body.clone()).code(),
        "InvalidRoleAssignmentId"
    );
    let old = target.replace("2022-04-01", "2024-11-15");
    assert_eq!(
        arm.ask("PUT", &old, body.clone()).code(),
        "NoRegisteredProviderFound"
    );
    let nowhere = arm.at(
        "/resourceGroups/nowhere",
        &format!("roleAssignments/{GUID}"),
    );
    assert_eq!(
        arm.ask("PUT", &nowhere, body).code(),
        "ResourceGroupNotFound"
    );
}

#[test]
fn roles_are_found_by_name_and_id() {
    let mut arm = arm();
    let group = "/resourceGroups/sandbox-group";
    let named = format!(
        "{}&$filter=roleName%20eq%20'Cosmos%20DB%20Operator'",
        arm.at(group, "roleDefinitions")
    );
    let found = arm.get(&named).body;
    assert_eq!(
        (
            found["value"].as_array().unwrap().len(),
            &found["value"][0]["name"]
        ),
        (1, &json!(OPERATOR))
    );
    assert!(
        found["value"][0]["properties"]["permissions"][0]["notActions"]
            .as_array()
            .unwrap()
            .len()
            > 5
    );
    let one = arm.at(group, &format!("roleDefinitions/{OPERATOR}"));
    assert_eq!(arm.get(&one).body, found["value"][0]);
    assert_eq!(
        arm.get(&one.replace("230815da", "330815da")).code(),
        "RoleDefinitionDoesNotExist"
    );
    let all = arm.at(group, "roleDefinitions");
    assert_eq!(arm.get(&all).body["value"].as_array().unwrap().len(), 7);
    assert_eq!(
        arm.get(&arm.at("", "roleDefinitions")).code(),
        "AuthorizationFailed"
    );
}

#[test]
fn each_role_lets_do_what_it_covers() {
    let account = "/resourceGroups/sandbox-group/providers/Microsoft.DocumentDB/databaseAccounts/sandbox-account";
    let database = json!({"properties": {"resource": {"id": "db"}}});
    let own = IDENTITIES[0].object_id;
    let rows = [
        ("owner", [200, 202, 200, 202, 201]),
        ("contributor", [200, 202, 200, 202, 403]),
        ("account-contributor", [200, 202, 200, 202, 403]),
        ("operator", [200, 202, 403, 403, 403]),
        ("account-reader", [200, 403, 403, 403, 403]),
        ("reader", [200, 403, 403, 403, 403]),
        ("none", [403, 403, 403, 403, 403]),
    ];
    for (role, wanted) in rows {
        let mut arm = Arm::employed(role);
        let id = crate::sandbox::arm::accounts::id(&arm.world);
        let grant = json!({"properties": {
            "roleDefinitionId": format!("{id}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002"),
            "scope": id, "principalId": own,
        }});
        let azure = arm.at(account, &format!("roleAssignments/{GUID}"));
        let azure_body = arm.body(OPERATOR, own);
        let got = [
            arm.get("~").status,
            arm.ask("PUT", "~/sqlDatabases/db", database.clone()).status,
            arm.ask("POST", "~/listKeys", Value::Null).status,
            arm.ask("PUT", &format!("~/sqlRoleAssignments/{GUID}"), grant)
                .status,
            arm.ask("PUT", &azure, azure_body).status,
        ];
        assert_eq!(got, wanted, "{role}");
        let reads = arm.ask("POST", "~/readonlykeys", Value::Null).status;
        let may = [
            "owner",
            "contributor",
            "account-contributor",
            "account-reader",
        ]
        .contains(&role);
        assert_eq!(reads, if may { 200 } else { 403 }, "{role}");
    }
}

#[test]
fn who_may_give_roles_can_give_them_to_himself() {
    let mut arm = Arm::employed("user-access-administrator");
    let database = json!({"properties": {"resource": {"id": "db"}}});
    assert_eq!(
        arm.ask("PUT", "~/sqlDatabases/db", database.clone()).status,
        403
    );
    let target = arm.at(
        "/resourceGroups/sandbox-group",
        &format!("roleAssignments/{GUID}"),
    );
    let body = arm.body(OPERATOR, IDENTITIES[0].object_id);
    assert_eq!(arm.ask("PUT", &target, body).status, 201);
    assert_eq!(arm.ask("PUT", "~/sqlDatabases/db", database).status, 202);
}
