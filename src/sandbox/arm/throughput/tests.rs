//! Throughput, request by request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use crate::sandbox::arm::tests::{Arm, arm};

#[test]
fn throughput_is_read_changed_and_migrated() {
    let mut arm = arm();
    let target = "~/sqlDatabases/db/throughputSettings/default";
    arm.make("~/sqlDatabases/plain", json!({"id": "plain"}));
    assert_eq!(
        arm.get("~/sqlDatabases/plain/throughputSettings/default")
            .status,
        404
    );
    let put = json!({"properties": {"resource": {"throughput": 500}}});
    assert_eq!(
        arm.ask(
            "PUT",
            "~/sqlDatabases/plain/throughputSettings/default",
            put.clone()
        )
        .status,
        400
    );
    let with = json!({"properties": {"resource": {"id": "db"}, "options": {"throughput": 400}}});
    assert_eq!(
        arm.finish("PUT", "~/sqlDatabases/db", with)["status"],
        "Succeeded"
    );
    let resource = |arm: &mut Arm| arm.get(target).body["properties"]["resource"].clone();
    assert_eq!(resource(&mut arm)["minimumThroughput"], "400");
    assert_eq!(arm.finish("PUT", target, put)["status"], "Succeeded");
    assert_eq!(resource(&mut arm)["throughput"], 500);
    let scaled =
        json!({"properties": {"resource": {"autoscaleSettings": {"maxThroughput": 4000}}}});
    assert_eq!(arm.ask("PUT", target, scaled.clone()).status, 400);
    let accepted = arm.ask("POST", &format!("{target}/migrateToAutoscale"), Value::Null);
    arm.pass(31);
    let location = accepted
        .header("location")
        .strip_prefix("http://127.0.0.1:1")
        .unwrap()
        .to_owned();
    let done = arm.get(&location);
    assert_eq!(
        done.body["properties"]["resource"]["autoscaleSettings"]["maxThroughput"],
        1000
    );
    assert_eq!(arm.finish("PUT", target, scaled)["status"], "Succeeded");
    assert_eq!(resource(&mut arm)["throughput"], 400);
    let again = json!({"properties": {"resource": {"id": "db"}, "options": {"throughput": 700}}});
    assert_eq!(
        arm.finish("PUT", "~/sqlDatabases/db", again)["status"],
        "Failed"
    );
}

#[test]
fn throughput_is_taken_as_a_number_and_as_text() {
    let mut arm = arm();
    let make =
        |options: Value| json!({"properties": {"resource": {"id": "db"}, "options": options}});
    for (name, options, throughput) in [
        ("a", json!({"throughput": "400"}), 400),
        ("b", json!({"throughput": 400}), 400),
        (
            "c",
            json!({"autoscaleSettings": {"maxThroughput": "4000"}}),
            400,
        ),
    ] {
        let mut body = make(options);
        body["properties"]["resource"]["id"] = json!(name);
        let target = format!("~/sqlDatabases/{name}");
        assert_eq!(arm.finish("PUT", &target, body)["status"], "Succeeded");
        let settings = format!("{target}/throughputSettings/default");
        let resource = arm.get(&settings).body["properties"]["resource"].clone();
        assert_eq!(resource["throughput"], throughput, "{name}");
    }
    let put = json!({"properties": {"resource": {"throughput": "500"}}});
    let settings = "~/sqlDatabases/a/throughputSettings/default";
    assert_eq!(arm.finish("PUT", settings, put)["status"], "Succeeded");
    for wrong in ["", "many", "-400", "400.5", "450"] {
        let target = "~/sqlDatabases/db";
        assert_eq!(
            arm.ask("PUT", target, make(json!({"throughput": wrong})))
                .status,
            400,
            "{wrong}"
        );
    }
}

const KEY: &str = r#"{"paths": ["/pk"], "kind": "Hash", "version": 2}"#;

fn manual(number: u64) -> Value {
    json!({"properties": {"resource": {"throughput": number}}})
}

fn with_container(options: Value) -> Arm {
    with_both(json!({}), options)
}

fn with_both(database: Value, options: Value) -> Arm {
    let mut arm = arm();
    let body = json!({"properties": {"resource": {"id": "db"}, "options": database}});
    arm.finish("PUT", "~/sqlDatabases/db", body);
    let key: Value = serde_json::from_str(KEY).unwrap();
    let body =
        json!({"properties": {"resource": {"id": "c", "partitionKey": key}, "options": options}});
    let made = arm.finish("PUT", "~/sqlDatabases/db/containers/c", body);
    assert_eq!(made["status"], "Succeeded");
    arm
}

#[test]
fn more_than_the_partitions_hold_takes_its_time() {
    let mut arm = with_container(json!({"throughput": 400}));
    let target = "~/sqlDatabases/db/containers/c/throughputSettings/default";
    let resource = |arm: &mut Arm| arm.get(target).body["properties"]["resource"].clone();
    assert_eq!(
        resource(&mut arm),
        json!({"throughput": 400, "minimumThroughput": "400", "instantMaximumThroughput": "10000", "softAllowedMaximumThroughput": "1000000"})
    );
    assert_eq!(
        arm.finish("PUT", target, manual(10_000))["status"],
        "Succeeded"
    );
    assert!(resource(&mut arm).get("offerReplacePending").is_none());
    assert_eq!(
        arm.finish("PUT", target, manual(60_000))["status"],
        "Succeeded"
    );
    let pending = resource(&mut arm);
    assert_eq!(
        (&pending["offerReplacePending"], &pending["throughput"]),
        (&json!("true"), &json!(10_000))
    );
    arm.pass(310);
    let done = resource(&mut arm);
    assert_eq!(
        (&done["throughput"], &done["minimumThroughput"]),
        (&json!(60_000), &json!("600"))
    );
    assert!(done.get("offerReplacePending").is_none());
    let (status, _, message) = arm.refuse("PUT", target, manual(500));
    assert_eq!(status, 400);
    assert!(
        message.contains("between 600 and 1000000 inclusive in increments of 100"),
        "{message}"
    );
}

#[test]
fn a_migration_is_read_from_its_location() {
    let mut arm = with_container(json!({"autoscaleSettings": {"maxThroughput": 8000}}));
    let target = "~/sqlDatabases/db/containers/c/throughputSettings/default";
    assert_eq!(
        arm.get(target).body["properties"]["resource"]["throughput"],
        800
    );
    let begun = arm.ask(
        "POST",
        &format!("{target}/migrateToManualThroughput"),
        Value::Null,
    );
    assert_eq!(begun.status, 202);
    assert_eq!(arm.end(&begun)["status"], "Succeeded");
    let location = begun
        .header("location")
        .strip_prefix("http://127.0.0.1:1")
        .unwrap();
    let done = arm.get(location).body;
    assert_eq!(done["properties"]["resource"]["throughput"], 8000);
    assert!(
        done["id"]
            .as_str()
            .unwrap()
            .ends_with("/throughputSettings/default/migrateToManualThroughput")
    );
    assert!(
        done["type"]
            .as_str()
            .unwrap()
            .ends_with("/containers/throughputSettings/migrateToManualThroughput")
    );
    assert_eq!(done["name"].as_str().unwrap().len(), 4);
}

#[test]
fn what_is_no_throughput_is_refused() {
    let mut arm = with_container(json!({"throughput": 400}));
    let target = "~/sqlDatabases/db/containers/c/throughputSettings/default";
    for resource in [
        json!({}),
        json!({"throughput": "many"}),
        json!({"throughput": 450}),
        json!({"throughput": 300}),
        json!({"throughput": 1_000_100}),
        json!({"throughput": -400}),
        json!({"throughput": 400.5}),
        json!({"autoscaleSettings": {"maxThroughput": 4000}}),
        json!({"autoscaleSettings": {"maxThroughput": 1500}}),
        json!({"autoscaleSettings": {}}),
        json!({"throughput": 400, "autoscaleSettings": {"maxThroughput": 4000}}),
    ] {
        let body = json!({"properties": {"resource": resource}});
        assert_eq!(arm.refuse("PUT", target, body).0, 400, "{resource}");
    }
    let mut alone = with_container(json!({}));
    let alone = alone.get(target).body;
    assert_eq!(alone["properties"]["resource"]["throughput"], 400);
    let mut shared = with_both(json!({"throughput": 400}), json!({}));
    let absent = shared.get(target);
    assert_eq!((absent.status, absent.code()), (404, "NotFound"));
    let (status, _, message) = shared.refuse("PUT", target, manual(500));
    assert_eq!(status, 400);
    assert!(message.starts_with(
        "Throughput update is not supported for resources created without dedicated throughput."
    ));
}

#[test]
fn a_serverless_account_has_no_throughput() {
    let mut arm = Arm::with(&["serverless"]);
    arm.make("~/sqlDatabases/db", json!({"id": "db"}));
    let target = "~/sqlDatabases/db/throughputSettings/default";
    for (method, target) in [
        ("GET", target.to_owned()),
        ("PUT", target.to_owned()),
        ("POST", format!("{target}/migrateToAutoscale")),
    ] {
        let (status, code, message) = arm.refuse(method, &target, manual(400));
        assert_eq!((status, code.as_str()), (400, "BadRequest"));
        assert!(message.starts_with("Message: {\"code\":\"BadRequest\",\"message\":\"Reading or replacing offers is not supported for serverless accounts."), "{message}");
    }
    let with = json!({"properties": {"resource": {"id": "x"}, "options": {"throughput": 400}}});
    let (status, _, message) = arm.refuse("PUT", "~/sqlDatabases/x", with);
    assert_eq!(status, 400);
    assert!(
        message.contains("not supported for serverless accounts"),
        "{message}"
    );
}
