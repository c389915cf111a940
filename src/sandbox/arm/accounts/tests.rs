//! Accounts, request by request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use crate::sandbox::arm::tests::{Arm, VERSION, arm};

const GROUP: &str = "/resourceGroups/sandbox-group/providers/Microsoft.DocumentDB/databaseAccounts";

fn body(more: Value) -> Value {
    let mut properties = json!({
        "databaseAccountOfferType": "Standard",
        "locations": [{"locationName": "westeurope", "failoverPriority": 0, "isZoneRedundant": false}],
    });
    let more = more.as_object().unwrap().clone();
    properties.as_object_mut().unwrap().extend(more);
    json!({"location": "West Europe", "kind": "GlobalDocumentDB", "properties": properties})
}

impl Arm {
    fn account(&self, name: &str) -> String {
        self.below(&format!("{GROUP}/{name}"), "2024-11-15")
    }

    fn put(&mut self, name: &str, body: Value) -> (u16, String, String) {
        let target = self.account(name);
        self.refuse("PUT", &target, body)
    }

    fn created(&mut self, name: &str, more: Value) {
        let target = self.account(name);
        let begun = self.ask("PUT", &target, body(more));
        assert_eq!(begun.status, 200, "{}", begun.body);
        assert_eq!(self.end(&begun)["status"], "Succeeded");
    }

    fn properties(&mut self, name: &str) -> Value {
        let target = self.account(name);
        self.get(&target).body["properties"].clone()
    }

    fn free(&mut self) {
        self.finish("DELETE", "~", Value::Null);
    }
}

#[test]
fn the_data_plane_goes_with_its_account_and_comes_with_the_next() {
    let mut arm = arm();
    arm.world.cosmos = "http://127.0.0.1:2".into();
    arm.make("~/sqlDatabases/db", json!({"id": "db"}));
    let deleted = arm.ask("DELETE", "~", Value::Null);
    assert_eq!(
        (deleted.status, &deleted.body),
        (202, &json!({"status": "Enqueued"}))
    );
    assert_eq!(
        arm.get("~").body["properties"]["provisioningState"],
        "Deleting"
    );
    let (status, code, message) = arm.refuse("DELETE", "~", Value::Null);
    assert_eq!((status, code.as_str()), (412, "PreconditionFailed"));
    assert!(message.starts_with("There is already an operation in progress which requires exclusive lock on this service sandbox-account."));
    assert_eq!(arm.end(&deleted)["status"], "Succeeded");
    let result = deleted
        .header("location")
        .strip_prefix("http://127.0.0.1:1")
        .unwrap();
    assert_eq!(arm.get(result).status, 204);
    assert_eq!(arm.get("~").code(), "ResourceNotFound");
    assert_eq!(arm.ask("DELETE", "~", Value::Null).status, 204);
    assert!(arm.world.azure.vacant && arm.world.databases.is_empty());
    assert_eq!(
        arm.refuse("PUT", "~/sqlDatabases/db", json!({})).1,
        "ParentResourceNotFound"
    );

    let (target, key) = (arm.account("next-one"), arm.world.key.clone());
    let begun = arm.ask("PUT", &target, body(json!({"disableLocalAuth": true})));
    assert_eq!(
        (begun.status, &begun.body["name"]),
        (200, &json!("next-one"))
    );
    let properties = &begun.body["properties"];
    assert_eq!(properties["provisioningState"], "Creating");
    assert!(properties.get("documentEndpoint").is_none());
    assert_eq!(
        properties["backupPolicy"]["periodicModeProperties"]["backupStorageRedundancy"],
        "Invalid"
    );
    let database = json!({"properties": {"resource": {"id": "db"}}});
    let below = arm.account("next-one/sqlDatabases/db");
    assert_eq!(arm.ask("PUT", &below, database.clone()).status, 412);
    assert!(arm.world.azure.vacant);
    assert_eq!(arm.end(&begun), json!({"status": "Succeeded"}));
    let properties = arm.properties("next-one");
    assert_eq!(properties["documentEndpoint"], "http://127.0.0.1:2/");
    assert_eq!(
        (
            &properties["provisioningState"],
            &properties["disableLocalAuth"]
        ),
        (&json!("Succeeded"), &json!(true))
    );
    assert_eq!(arm.finish("PUT", &below, database)["status"], "Succeeded");
    assert!(arm.world.flag("disableLocalAuth") && arm.world.databases.contains_key("db"));
    assert_ne!(arm.world.key, key);
}

#[test]
fn what_is_wrong_with_a_body_is_said() {
    let mut arm = arm();
    let changed = |path: &str, value: Value| {
        let mut all = body(json!({}));
        *all.pointer_mut(path).unwrap() = value;
        all
    };
    let two =
        json!([{"locationName": "westeurope"}, {"locationName": "eastus", "failoverPriority": 1}]);
    let rows = [
        (
            changed("/location", json!(null)),
            "LocationRequired",
            "location property is required",
        ),
        (
            changed("/location", json!("mars")),
            "LocationNotAvailableForResourceType",
            "'mars' is not available",
        ),
        (
            changed("/properties", json!(null)),
            "BadRequest",
            "'properties'",
        ),
        (
            changed("/properties/databaseAccountOfferType", json!("Premium")),
            "BadRequest",
            "databaseAccountOfferType",
        ),
        (
            changed("/properties/locations", json!([])),
            "BadRequest",
            "properties.locations",
        ),
        (
            changed("/properties/locations", json!([{"locationName": "mars"}])),
            "BadRequest",
            "'mars' is not a region",
        ),
        (
            changed("/properties/locations", json!([{}])),
            "BadRequest",
            "locationName",
        ),
        (
            changed("/properties/locations/0/failoverPriority", json!("0")),
            "BadRequest",
            "failoverPriority",
        ),
        (
            body(json!({"locations": two, "capabilities": [{"name": "EnableServerless"}]})),
            "BadRequest",
            "one region only",
        ),
        (changed("/kind", json!(7)), "BadRequest", "'kind'"),
        (
            body(json!({"disableLocalAuth": "true"})),
            "BadRequest",
            "disableLocalAuth",
        ),
        (
            body(json!({"publicNetworkAccess": "Off"})),
            "BadRequest",
            "publicNetworkAccess",
        ),
        (
            body(json!({"minimalTlsVersion": "1.2"})),
            "BadRequest",
            "minimalTlsVersion",
        ),
        (
            body(json!({"ipRules": [{"ipAddressOrRange": "home"}]})),
            "BadRequest",
            "ipRules are invalid",
        ),
        (body(json!({"ipRules": "1.2.3.4"})), "BadRequest", "ipRules"),
        (
            body(json!({"capabilities": [{"name": "EnableMagic"}]})),
            "BadRequest",
            "EnableMagic",
        ),
        (
            body(json!({"capabilities": [{}]})),
            "BadRequest",
            "capabilities.name",
        ),
        (
            body(json!({"consistencyPolicy": {"defaultConsistencyLevel": "Weak"}})),
            "BadRequest",
            "'Weak' is invalid",
        ),
        (
            body(json!({"enableFreeTier": true, "capabilities": [{"name": "EnableServerless"}]})),
            "BadRequest",
            "not supported for serverless",
        ),
    ];
    for (body, code, words) in rows {
        let (status, found, message) = arm.put("one", body.clone());
        assert_eq!((status, found.as_str()), (400, code), "{body}: {message}");
        assert!(message.contains(words), "{message} lacks {words}");
    }
    let mut tagged = body(json!({}));
    tagged["tags"] = json!({"a": 1});
    assert_eq!(arm.put("one", tagged).1, "InvalidRequestContent");
    for name in ["ab", "Upper", "a--b", "-ab", "a_b", &"a".repeat(45)] {
        let (status, _, message) = arm.put(name, body(json!({})));
        assert_eq!(status, 400, "{name}");
        assert!(message.contains("account name"), "{message}");
    }
    for name in ["contoso", "taken"] {
        let (_, code, message) = arm.put(name, body(json!({})));
        assert_eq!(
            (code.as_str(), message),
            (
                "BadRequest",
                format!(
                    "Dns record for {name} under zone Document is already taken. Please use a different name for the account."
                )
            )
        );
        let exists =
            format!("/providers/Microsoft.DocumentDB/databaseAccountNames/{name}?{VERSION}");
        assert_eq!(arm.ask("HEAD", &exists, Value::Null).status, 200);
    }
    for honest in [
        body(json!({"locations": two})),
        body(json!({"capabilities": [{"name": "EnableMongo"}]})),
        body(json!({"createMode": "Restore"})),
        changed("/kind", json!("MongoDB")),
    ] {
        assert_eq!(arm.put("one", honest).0, 501);
    }
    assert_eq!(arm.world.azure.accounts.len(), 1);
}

#[test]
fn an_account_is_changed_in_what_can_change() {
    let mut arm = arm();
    let begun = arm.ask(
        "PATCH",
        "~",
        json!({"tags": {"a": "b"}, "properties": {"disableLocalAuth": true, "unheardOf": 1}}),
    );
    assert_eq!(
        (begun.status, &begun.body["properties"]["provisioningState"]),
        (200, &json!("Updating"))
    );
    assert!(!arm.world.flag("disableLocalAuth"));
    assert_eq!(arm.end(&begun)["status"], "Succeeded");
    let account = arm.get("~").body;
    assert_eq!(account["tags"], json!({"a": "b"}));
    assert_eq!(account["properties"]["disableLocalAuth"], true);
    assert!(account["properties"].get("unheardOf").is_none());
    // A PUT says all there is: what is left out is as in a new account.
    let begun = arm.ask("PUT", "~", body(json!({"publicNetworkAccess": "Disabled"})));
    arm.end(&begun);
    let account = arm.get("~").body;
    assert_eq!(
        (&account["tags"], &account["properties"]["disableLocalAuth"]),
        (&json!({}), &json!(false))
    );
    assert_eq!(account["properties"]["publicNetworkAccess"], "Disabled");
    let mut moved = body(json!({}));
    moved["location"] = json!("eastus");
    assert_eq!(arm.refuse("PUT", "~", moved).1, "InvalidResourceLocation");
    for (change, words) in [
        (json!({"enableFreeTier": true}), "Free tier can be chosen"),
        (
            json!({"capabilities": [{"name": "EnableServerless"}]}),
            "EnableServerless can be chosen",
        ),
    ] {
        let (status, _, message) = arm.refuse("PATCH", "~", json!({"properties": change}));
        assert_eq!(status, 400);
        assert!(message.contains(words), "{message}");
    }
    let old = crate::sandbox::arm::accounts::id(&arm.world);
    let old = arm.get(&format!("{old}?api-version=2021-04-15")).body;
    assert!(old["properties"].get("disableLocalAuth").is_none());
    assert!(old["properties"].get("publicNetworkAccess").is_some());
}

#[test]
fn one_account_of_a_subscription_is_free() {
    let mut arm = arm();
    arm.created("first", json!({"enableFreeTier": true}));
    let (status, _, message) = arm.put("second", body(json!({"enableFreeTier": true})));
    assert_eq!(status, 400);
    assert!(message.starts_with("Free tier has already been applied to another Azure Cosmos DB account in this subscription."), "{message}");
    arm.created("second", json!({}));
    let endpoint = arm.properties("second")["documentEndpoint"].clone();
    assert_eq!(
        endpoint, "http://127.0.0.1:1/",
        "only the first account has a data plane"
    );
    let target = arm.account("second/sqlDatabases");
    assert_eq!(arm.get(&target).status, 501);
    let list = arm.below(GROUP, "2024-11-15");
    assert_eq!(arm.get(&list).body["value"].as_array().unwrap().len(), 3);
}

#[test]
fn keys_are_listed_and_replaced() {
    let mut arm = arm();
    let list = |arm: &mut Arm| arm.ask("POST", "~/listKeys", Value::Null).body;
    let before = list(&mut arm);
    assert_eq!(before["primaryMasterKey"], arm.world.key.as_str());
    assert_ne!(before["secondaryMasterKey"], before["primaryMasterKey"]);
    let reading = arm.get("~/readonlykeys").body;
    assert_eq!(reading.as_object().unwrap().len(), 2);
    assert_eq!(
        reading["primaryReadonlyMasterKey"],
        before["primaryReadonlyMasterKey"]
    );
    assert_eq!(arm.ask("POST", "~/readonlykeys", Value::Null).body, reading);
    let strings = arm.ask("POST", "~/listConnectionStrings", Value::Null).body;
    assert_eq!(strings["connectionStrings"].as_array().unwrap().len(), 4);
    assert_eq!(strings["connectionStrings"][1]["keyKind"], "Secondary");
    assert_eq!(
        arm.refuse("POST", "~/regenerateKey", json!({"keyKind": "third"}))
            .0,
        400
    );
    let replaced = arm.finish("POST", "~/regenerateKey", json!({"keyKind": "primary"}));
    assert_eq!(replaced["status"], "Succeeded");
    let after = list(&mut arm);
    assert_ne!(after["primaryMasterKey"], before["primaryMasterKey"]);
    assert_eq!(after["secondaryMasterKey"], before["secondaryMasterKey"]);
    assert_eq!(after["primaryMasterKey"], arm.world.key.as_str());
}

#[test]
fn a_region_without_room_leaves_a_failed_account_behind() {
    let mut arm = Arm::with(&["no-capacity"]);
    arm.free();
    let target = arm.account("full");
    let begun = arm.ask("PUT", &target, body(json!({})));
    let failed = arm.end(&begun);
    assert_eq!(
        (&failed["status"], &failed["error"]["code"]),
        (&json!("Failed"), &json!("ServiceUnavailable"))
    );
    assert!(
        failed["error"]["message"]
            .as_str()
            .unwrap()
            .contains("currently experiencing high demand")
    );
    assert_eq!(arm.properties("full")["provisioningState"], "Failed");
    let (status, code, message) = arm.put("full", body(json!({})));
    assert_eq!((status, code.as_str()), (400, "BadRequest"));
    assert!(
        message.starts_with("DatabaseAccount full is in a failed provisioning state"),
        "{message}"
    );
    arm.finish("DELETE", &target, Value::Null);
    arm.world.azure.troubles.clear();
    arm.created("full", json!({}));
    assert!(!arm.world.azure.vacant);
}

#[test]
fn a_list_shows_what_the_caller_may_see() {
    let mut arm = Arm::employed("owner");
    let group = arm.below("/resourcegroups/other", "2021-04-01");
    assert_eq!(
        arm.ask("PUT", &group, json!({"location": "westus"})).status,
        201
    );
    let there = arm
        .below(&GROUP.replace("sandbox-group", "other"), "2024-11-15")
        .replace('?', "/one?");
    let begun = arm.ask("PUT", &there, body(json!({})));
    arm.end(&begun);
    let (_, _, message) = arm.put("one", body(json!({})));
    assert!(
        message.starts_with("Dns record for one under zone Document is already taken."),
        "{message}"
    );
    let all = arm.below(
        "/providers/Microsoft.DocumentDB/databaseAccounts",
        "2024-11-15",
    );
    let seen = |arm: &mut Arm| arm.get(&all).body["value"].as_array().unwrap().len();
    assert_eq!(seen(&mut arm), 2);
    let group = format!(
        "/subscriptions/{}/resourceGroups/other",
        arm.world.subscription
    );
    for held in arm.world.azure.assignments.values_mut() {
        held.scope.clone_from(&group);
    }
    assert_eq!(seen(&mut arm), 1);
    assert_eq!(arm.get("~").code(), "AuthorizationFailed");
}

#[test]
fn a_second_region_is_told_with_its_address() {
    let mut arm = arm();
    arm.world.cosmos = "http://127.0.0.1:2".into();
    arm.world.regions.second = Some("http://127.0.0.1:3".into());
    let told = |arm: &mut Arm| {
        let properties = arm.get("~").body["properties"].clone();
        let first = properties["writeLocations"][0]["documentEndpoint"].clone();
        let last = properties["readLocations"][1]["documentEndpoint"].clone();
        (
            first,
            last,
            properties["failoverPolicies"][1]["failoverPriority"].clone(),
        )
    };
    let (here, there) = (json!("http://127.0.0.1:2/"), json!("http://127.0.0.1:3/"));
    assert_eq!(told(&mut arm), (here.clone(), there.clone(), json!(1)));
    arm.world.regions.fail_over();
    assert_eq!(told(&mut arm), (there, here, json!(1)));
    let names = arm.get("~").body["properties"]["locations"].clone();
    assert_eq!(
        (&names[0]["locationName"], &names[1]["locationName"]),
        (&json!("North Europe"), &json!("West Europe"))
    );
}
