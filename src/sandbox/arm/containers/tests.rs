//! Containers, request by request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use crate::sandbox::arm::tests::{Arm, arm};

#[test]
fn a_container_keeps_its_partition_key() {
    let mut arm = arm();
    let target = "~/sqlDatabases/db/containers/c";
    let key = json!({"paths": ["/pk"], "kind": "Hash", "version": 2});
    let body = |key: Value, ttl: i64| json!({"properties": {"resource": {"id": "c", "partitionKey": key, "defaultTtl": ttl}}});
    assert_eq!(arm.ask("PUT", target, body(key.clone(), 1)).status, 404);
    arm.make("~/sqlDatabases/db", json!({"id": "db"}));
    assert_eq!(
        arm.finish("PUT", target, body(key.clone(), 1))["status"],
        "Succeeded"
    );
    let first = arm.get(target).body;
    assert_eq!(
        first["type"],
        "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"
    );
    assert_eq!(
        first["properties"]["resource"]["conflictResolutionPolicy"]["mode"],
        "LastWriterWins"
    );
    assert_eq!(
        arm.finish("PUT", target, body(key, 2))["status"],
        "Succeeded"
    );
    let second = arm.get(target).body;
    let of = |found: &Value, name: &str| found["properties"]["resource"][name].clone();
    assert_eq!(of(&second, "defaultTtl"), 2);
    assert_eq!(of(&second, "_rid"), of(&first, "_rid"));
    assert_ne!(of(&second, "_etag"), of(&first, "_etag"));
    let failed = arm.finish(
        "PUT",
        target,
        body(json!({"paths": ["/other"], "version": 2}), 2),
    );
    assert_eq!(
        (&failed["status"], &failed["error"]["code"]),
        (&json!("Failed"), &json!("BadRequest"))
    );
    assert!(
        failed["error"]["message"]
            .as_str()
            .unwrap()
            .contains("partition key cannot be changed")
    );
    let failed = arm.finish(
        "PUT",
        target,
        json!({"properties": {"resource": {"id": "c"}}}),
    );
    assert_eq!(failed["status"], "Failed");
    assert_eq!(arm.get(target).body, second);
    assert_eq!(
        arm.finish("DELETE", target, Value::Null)["status"],
        "Succeeded"
    );
    assert_eq!(arm.get(target).status, 404);
}

#[test]
fn what_a_put_leaves_out_is_as_in_a_new_container() {
    let mut arm = arm();
    let target = "~/sqlDatabases/db/containers/c";
    arm.make("~/sqlDatabases/db", json!({"id": "db"}));
    let key = json!({"paths": ["/pk"], "kind": "Hash", "version": 2});
    let unique = json!({"uniqueKeys": [{"paths": ["/a"]}]});
    let policy = json!({"indexingMode": "consistent", "includedPaths": [{"path": "/*"}], "excludedPaths": [{"path": "/x/*"}]});
    arm.make(target, json!({"id": "c", "partitionKey": key, "defaultTtl": 60, "indexingPolicy": policy, "uniqueKeyPolicy": unique, "surprise": 1}));
    let resource = |arm: &mut Arm| arm.get(target).body["properties"]["resource"].clone();
    let first = resource(&mut arm);
    assert_eq!(
        (&first["defaultTtl"], first.get("surprise")),
        (&json!(60), None)
    );
    assert_eq!(
        first["indexingPolicy"]["excludedPaths"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    // What came from a GET may go back with all that only reads.
    assert_eq!(
        arm.finish(
            "PUT",
            target,
            json!({"properties": {"resource": first, "options": {}}})
        )["status"],
        "Succeeded"
    );
    assert_eq!(resource(&mut arm)["defaultTtl"], 60);
    put_item(&mut arm, "db", "c", 1000);
    arm.make(
        target,
        json!({"id": "c", "partitionKey": key, "uniqueKeyPolicy": unique}),
    );
    let second = resource(&mut arm);
    assert!(second.get("defaultTtl").is_none());
    assert_eq!(
        second["indexingPolicy"]["excludedPaths"],
        json!([{"path": "/\"_etag\"/?"}])
    );
    let items = &arm.world.databases["db"].containers["c"].ranges[0].items;
    assert!(
        items.values().all(|item| item.expires.is_none()),
        "the default went, and with it the end of every item"
    );
    let failed = |arm: &mut Arm, resource: Value| {
        let done = arm.finish("PUT", target, json!({"properties": {"resource": resource}}));
        assert_eq!(done["status"], "Failed");
        done["error"]["message"].as_str().unwrap().to_owned()
    };
    assert!(
        failed(&mut arm, json!({"id": "c", "partitionKey": key}))
            .contains("unique index cannot be modified")
    );
    assert!(failed(&mut arm, json!({"id": "c", "partitionKey": {"paths": ["/pk"], "version": 1}, "uniqueKeyPolicy": unique})).contains("partition key cannot be changed"));
    assert!(
        failed(
            &mut arm,
            json!({"id": "c", "partitionKey": key, "defaultTtl": 0, "uniqueKeyPolicy": unique})
        )
        .contains("defaultTtl")
    );
    assert_eq!(resource(&mut arm), second);
}

fn put_item(arm: &mut Arm, database: &str, container: &str, expires: i64) {
    let database = arm.world.databases.get_mut(database).unwrap();
    let range = &mut database.containers.get_mut(container).unwrap().ranges[0];
    let item = crate::sandbox::world::Item {
        text: r#"{"id":"1"}"#.into(),
        expires: Some(expires),
        ..Default::default()
    };
    range.items.insert(("".into(), "".into(), "1".into()), item);
}

#[test]
fn a_member_is_known_from_its_version_on() {
    let mut arm = arm();
    arm.make("~/sqlDatabases/db", json!({"id": "db"}));
    let id = crate::sandbox::arm::accounts::id(&arm.world);
    let key = json!({"paths": ["/pk"], "kind": "Hash", "version": 2});
    let text = json!({"defaultLanguage": "en-US", "fullTextPaths": []});
    let body = json!({"properties": {"resource": {"id": "c", "partitionKey": key, "fullTextPolicy": text}}});
    for (version, kept) in [("2024-11-15", false), ("2025-04-15", true)] {
        let target = format!("{id}/sqlDatabases/db/containers/c?api-version={version}");
        assert_eq!(
            arm.finish("PUT", &target, body.clone())["status"],
            "Succeeded"
        );
        let resource = &arm.get(&target).body["properties"]["resource"];
        assert_eq!(resource.get("fullTextPolicy").is_some(), kept, "{version}");
    }
    // What a newer version has made is not shown by an older one, and goes where the older one replaces it.
    let target = |version: &str| format!("{id}/sqlDatabases/db/containers/c?api-version={version}");
    let has = |arm: &mut Arm, version: &str| {
        let resource = arm.get(&target(version)).body["properties"]["resource"].clone();
        resource.get("fullTextPolicy").is_some()
    };
    assert!(!has(&mut arm, "2024-11-15") && has(&mut arm, "2026-07-15"));
    arm.finish("PUT", &target("2024-11-15"), body.clone());
    assert!(!has(&mut arm, "2026-07-15"));
    let vectors = json!({"vectorEmbeddings": [{"path": "/v", "dataType": "float32", "dimensions": 3, "distanceFunction": "cosine"}]});
    let body = json!({"properties": {"resource": {"id": "v", "partitionKey": key, "vectorEmbeddingPolicy": vectors}}});
    let target = "~/sqlDatabases/db/containers/v";
    let (status, _, message) = arm.refuse("PUT", target, body.clone());
    assert_eq!(status, 400);
    assert!(message.contains("EnableNoSQLVectorSearch"), "{message}");
    let capable = json!([{"name": "EnableNoSQLVectorSearch"}]);
    arm.world.own_mut().unwrap().set("capabilities", capable);
    assert_eq!(arm.finish("PUT", target, body)["status"], "Succeeded");
}
