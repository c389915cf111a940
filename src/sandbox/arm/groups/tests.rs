//! Groups and the provider's registration, request by request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use crate::sandbox::arm::tests::{Arm, arm};

#[test]
fn a_group_comes_and_goes_with_what_is_in_it() {
    let mut arm = Arm::employed("owner");
    let target = arm.below("/resourcegroups/mine", "2021-04-01");
    assert_eq!(arm.get(&target).code(), "ResourceGroupNotFound");
    assert_eq!(arm.ask("HEAD", &target, Value::Null).status, 404);
    assert_eq!(
        arm.ask("DELETE", &target, Value::Null).code(),
        "ResourceGroupNotFound"
    );
    let made = arm.ask(
        "PUT",
        &target,
        json!({"location": "West US", "tags": {"a": "b"}}),
    );
    assert_eq!(
        (made.status, &made.body["properties"]["provisioningState"]),
        (201, &json!("Succeeded"))
    );
    assert_eq!(
        arm.ask("PUT", &target, json!({"location": "westus"}))
            .status,
        200
    );
    assert_eq!(arm.ask("HEAD", &target, Value::Null).status, 204);
    assert_eq!(arm.get(&target).body["tags"], json!({}));
    let list = arm.below("/resourcegroups", "2021-04-01");
    assert_eq!(arm.get(&list).body["value"].as_array().unwrap().len(), 2);

    let own = arm.below("/resourceGroups/sandbox-group", "2021-04-01");
    let deleted = arm.ask("DELETE", &own, Value::Null);
    assert_eq!((deleted.status, deleted.body.clone()), (202, Value::Null));
    assert_eq!(deleted.header("azure-asyncoperation"), "");
    let location = deleted
        .header("location")
        .strip_prefix("http://127.0.0.1:1")
        .unwrap()
        .to_owned();
    assert_eq!(arm.get(&location).status, 202);
    assert_eq!(
        arm.get(&own).body["properties"]["provisioningState"],
        "Deleting"
    );
    assert_eq!(
        arm.get("~").body["properties"]["provisioningState"],
        "Deleting"
    );
    let again = arm.ask("PUT", &own, json!({"location": "westeurope"}));
    assert_eq!(
        (again.status, again.code()),
        (409, "ResourceGroupBeingDeleted")
    );
    assert_eq!(
        arm.refuse("PUT", "~/sqlDatabases/db", json!({})).1,
        "ResourceGroupBeingDeleted"
    );
    arm.pass(31);
    assert_eq!(arm.get(&location).status, 200);
    assert_eq!(arm.get(&own).status, 404);
    assert!(arm.world.azure.accounts.is_empty() && arm.world.azure.vacant);
}

#[test]
fn a_role_goes_with_what_it_was_given_on() {
    let mut arm = arm();
    assert_eq!(arm.world.azure.assignments.len(), 3);
    super::remove(&mut arm.world, "sandbox-group");
    assert!(arm.world.azure.assignments.is_empty());
    let mut arm = Arm::employed("owner");
    super::remove(&mut arm.world, "sandbox-group");
    assert_eq!(arm.world.azure.assignments.len(), 3);
}

#[test]
fn what_is_wrong_with_a_group_is_said() {
    let mut arm = Arm::employed("owner");
    let own = arm.below("/resourcegroups/sandbox-group", "2021-04-01");
    let rows = [
        ("sandbox-group", json!({}), 400, "LocationRequired"),
        (
            "sandbox-group",
            json!({"location": "eastus"}),
            409,
            "InvalidResourceGroupLocation",
        ),
        (
            "new",
            json!({"location": "mars"}),
            400,
            "LocationNotAvailableForResourceGroup",
        ),
        (
            "new.",
            json!({"location": "eastus"}),
            400,
            "InvalidResourceGroup",
        ),
        (
            "a%26b",
            json!({"location": "eastus"}),
            400,
            "InvalidResourceGroup",
        ),
        (
            "new",
            json!({"location": "eastus", "tags": []}),
            400,
            "InvalidRequestContent",
        ),
    ];
    for (name, body, status, code) in rows {
        let target = own.replace("sandbox-group", name);
        let got = arm.ask("PUT", &target, body.clone());
        assert_eq!((got.status, got.code()), (status, code), "{name} {body}");
    }
    // Groups have versions of their own.
    let got = arm.get(&own.replace("2021-04-01", "2024-11-15"));
    assert_eq!(
        (got.status, got.code()),
        (400, "InvalidApiVersionParameter")
    );
    assert!(
        got.message()
            .contains("'2024-11-15' is invalid. The supported versions are '2014-04-01,")
    );
}

#[test]
fn a_role_on_the_group_makes_no_groups_and_registers_nothing() {
    let mut arm = arm();
    let target = arm.below("/resourcegroups/mine", "2021-04-01");
    let (status, code, message) = arm.refuse("PUT", &target, json!({"location": "eastus"}));
    assert_eq!((status, code.as_str()), (403, "AuthorizationFailed"));
    assert!(
        message.contains("action 'Microsoft.Resources/subscriptions/resourcegroups/write'")
            || message.contains("action 'Microsoft.Resources/subscriptions/resourceGroups/write'"),
        "{message}"
    );
    let provider = arm.below("/providers/Microsoft.DocumentDB", "2021-04-01");
    let message = arm.refuse("GET", &provider, Value::Null).2;
    assert!(
        message.contains("action 'Microsoft.Resources/subscriptions/providers/read'"),
        "{message}"
    );
    let register = arm.below("/providers/Microsoft.DocumentDB/register", "2021-04-01");
    let message = arm.refuse("POST", &register, Value::Null).2;
    let scope = format!("over scope '/subscriptions/{}' or", arm.world.subscription);
    assert!(
        message.contains("action 'Microsoft.DocumentDB/register/action'")
            && message.contains(&scope),
        "{message}"
    );
}

#[test]
fn nothing_works_before_the_provider_is_registered() {
    let mut arm = Arm::employed("owner");
    arm.world.azure.troubles.insert("provider-unregistered");
    let provider = arm.below("/providers/Microsoft.DocumentDB", "2016-02-01");
    let register = arm.below("/providers/Microsoft.DocumentDB/register", "2016-02-01");
    let state = |arm: &mut Arm| arm.get(&provider).body["registrationState"].clone();
    assert_eq!(state(&mut arm), "NotRegistered");
    for (method, target) in [("GET", "~"), ("PUT", "~/sqlDatabases/db")] {
        let got = arm.ask(method, target, Value::Null);
        assert_eq!(
            (got.status, got.code()),
            (409, "MissingSubscriptionRegistration")
        );
        assert_eq!(
            got.body["error"]["details"][0]["target"],
            "Microsoft.DocumentDB"
        );
    }
    assert_eq!(
        arm.ask("POST", &register, Value::Null).body["registrationState"],
        "Registering"
    );
    assert_eq!(state(&mut arm), "Registering");
    assert_eq!(arm.get("~").status, 409);
    arm.pass(31);
    assert_eq!(state(&mut arm), "Registered");
    assert_eq!(arm.get("~").status, 200);
    assert_eq!(
        arm.ask("POST", &register, Value::Null).body["registrationState"],
        "Registered"
    );
}
