//! What is refused although a role covers it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use crate::sandbox::arm::tests::{Arm, VERSION};

fn database() -> Value {
    json!({"properties": {"resource": {"id": "db"}}})
}

#[test]
fn a_policy_refuses_what_is_written() {
    let mut arm = Arm::with(&["policy"]);
    let got = arm.ask("PUT", "~/sqlDatabases/db", database());
    assert_eq!((got.status, got.code()), (403, "RequestDisallowedByPolicy"));
    assert_eq!(got.body["error"]["target"], "db");
    assert_eq!(
        got.body["error"]["additionalInfo"][0]["type"],
        "PolicyViolation"
    );
    let keys = arm.ask(
        "PATCH",
        "~",
        json!({"properties": {"disableLocalAuth": false}}),
    );
    assert!(keys.message().starts_with("Resource 'sandbox-account' was disallowed by policy. Reasons: 'Local authentication methods are not allowed.'."));
    assert_eq!(
        arm.ask(
            "PATCH",
            "~",
            json!({"properties": {"disableLocalAuth": true}})
        )
        .status,
        200
    );
    assert_eq!(arm.get("~/sqlDatabases").status, 200);
}

#[test]
fn a_lock_refuses_deletes_and_writes() {
    let mut arm = Arm::with(&["locked"]);
    let (status, code, message) = arm.refuse("DELETE", "~", Value::Null);
    assert_eq!((status, code.as_str()), (409, "ScopeLocked"));
    assert!(message.contains("cannot perform delete operation because following scope(s) are locked: '/subscriptions/"), "{message}");
    let (_, code, message) = arm.refuse("PUT", "~/sqlDatabases/db", database());
    assert_eq!(code, "ScopeLocked");
    assert!(
        message.contains("/sqlDatabases/db' cannot perform write operation"),
        "{message}"
    );
    assert_eq!(arm.get("~").status, 200);
}

#[test]
fn a_busy_account_is_free_after_so_many_writes() {
    let mut arm = Arm::with(&["lock-busy:2"]);
    for _ in 0..2 {
        let (status, code, message) = arm.refuse("PUT", "~/sqlDatabases/db", database());
        assert_eq!((status, code.as_str()), (412, "PreconditionFailed"));
        assert!(message.starts_with("There is another user operation in progress which requires an exclusive lock on [sandbox-account]. Please retry after sometime.\r\nActivityId: "));
        assert_eq!(arm.get("~").status, 200);
    }
    assert_eq!(arm.ask("PUT", "~/sqlDatabases/db", database()).status, 202);
    let mut arm = Arm::with(&["lock-busy"]);
    for _ in 0..5 {
        assert_eq!(
            arm.ask("DELETE", "~/sqlDatabases/db", Value::Null).status,
            412
        );
    }
}

#[test]
fn an_operation_goes_on_although_nobody_may_look() {
    let mut arm = Arm::with(&["poll-refused"]);
    let begun = arm.ask("PUT", "~/sqlDatabases/db", database());
    assert_eq!(begun.status, 202);
    let rows = [
        (
            "azure-asyncoperation",
            "Microsoft.DocumentDB/locations/operationsStatus/read",
        ),
        (
            "location",
            "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/operationResults/read",
        ),
    ];
    for (header, action) in rows {
        let url = begun
            .header(header)
            .strip_prefix("http://127.0.0.1:1")
            .unwrap()
            .to_owned();
        let (status, code, message) = arm.refuse("GET", &url, Value::Null);
        assert_eq!((status, code.as_str()), (403, "AuthorizationFailed"));
        assert!(message.contains(&format!("action '{action}'")), "{message}");
    }
    arm.pass(31);
    assert_eq!(arm.get("~/sqlDatabases/db").status, 200);
}

#[test]
fn a_cloud_that_lags_knows_no_new_version() {
    let mut arm = Arm::with(&["api-version-old"]);
    let (status, code, message) = arm.refuse("GET", "~", Value::Null);
    assert_eq!((status, code.as_str()), (400, "NoRegisteredProviderFound"));
    assert!(
        message.contains("2022-11-15-preview, 2023-03-15'. The supported locations"),
        "{message}"
    );
    let id = crate::sandbox::arm::accounts::id(&arm.world);
    assert_eq!(arm.get(&format!("{id}?api-version=2023-03-15")).status, 200);
}

#[test]
fn an_account_that_is_not_made_can_do_nothing() {
    let mut arm = Arm::with(&["account-creating"]);
    let account = arm.get("~").body;
    assert_eq!(account["properties"]["provisioningState"], "Creating");
    assert!(account["properties"].get("documentEndpoint").is_none());
    assert_eq!(arm.ask("PUT", "~/sqlDatabases/db", database()).status, 412);
    assert_eq!(arm.get("~/sqlDatabases/db").status, 404);
    assert!(arm.world.azure.vacant);

    let mut arm = Arm::with(&["account-failed"]);
    assert_eq!(
        arm.get("~").body["properties"]["provisioningState"],
        "Failed"
    );
    for (method, target) in [
        ("PUT", "~"),
        ("PATCH", "~"),
        ("PUT", "~/sqlDatabases/db"),
        ("POST", "~/listKeys"),
    ] {
        let (status, code, message) = arm.refuse(method, target, json!({}));
        assert_eq!(
            (status, code.as_str()),
            (400, "BadRequest"),
            "{method} {target}"
        );
        assert!(message.starts_with(
            "DatabaseAccount sandbox-account is in a failed provisioning state because"
        ));
    }
    assert_eq!(
        arm.finish("DELETE", "~", Value::Null)["status"],
        "Succeeded"
    );
    assert_eq!(arm.get("~").status, 404);

    let mut arm = Arm::with(&["no-account"]);
    assert_eq!(arm.get("~").code(), "ResourceNotFound");
    let exists =
        format!("/providers/Microsoft.DocumentDB/databaseAccountNames/sandbox-account?{VERSION}");
    assert_eq!(arm.ask("HEAD", &exists, Value::Null).status, 404);
}
