//! The real binary and the management plane: what each Azure role may do, what stands in the way, and what is there afterwards.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use rawcosmos::sandbox::Options;
use rawcosmos::sandbox::faults::Fault;
use serde_json::Value;
use support::{Place, Ran, Run, Scratch};

/// Somebody in the tenant.
const OTHER: &str = "5a0db0c5-0000-4000-8000-0000000000a3";
const GROUP: &str =
    "/subscriptions/5a0db0c5-0000-4000-8000-000000000001/resourceGroups/sandbox-group";

fn place(role: &str, faults: &[&str]) -> Place {
    Place::with(Options {
        azure_role: role.to_owned(),
        faults: faults.iter().map(|f| Fault::parse(f).unwrap()).collect(),
        ..Options::default()
    })
}

/// One above the other in `ended`: on a resource group, then on the subscription, then none at all.
const ROLES: [&str; 8] = [
    "account-contributor",
    "operator",
    "account-reader",
    "owner",
    "contributor",
    "reader",
    "user-access-administrator",
    "none",
];

/// A line and how it ends with each role, one line after the other in the same place.
#[rustfmt::skip]
const MAY: &[(&str, [u8; 8])] = &[
    ("account list",                                    [0, 0, 0, 0, 0, 0, 0, 5]),
    ("account show",                                    [0, 0, 0, 0, 0, 0, 0, 5]),
    ("account exists -n taken",                         [0, 0, 0, 0, 0, 0, 0, 0]),
    ("account keys",                                    [0, 5, 5, 0, 0, 5, 5, 5]),
    ("account keys --kind primary-readonly",            [0, 5, 0, 0, 0, 5, 5, 5]),
    ("account create -n newone --serverless",           [0, 0, 5, 0, 0, 5, 5, 5]),
    ("account create -n newone",                        [6, 6, 5, 6, 6, 5, 5, 5]),
    ("account create -n taken",                         [6, 6, 6, 6, 6, 6, 6, 5]),
    ("account delete -n newone -y",                     [0, 0, 3, 0, 0, 3, 3, 5]),
    ("group create -n more --location westus",          [5, 5, 5, 0, 0, 5, 5, 5]),
    ("group show -n more",                              [5, 5, 5, 0, 0, 3, 3, 5]),
    ("group show -n sandbox-group",                     [0, 0, 0, 0, 0, 0, 0, 5]),
    ("group delete -n more -y",                         [5, 5, 5, 0, 0, 3, 3, 5]),
    ("role list",                                       [0, 0, 0, 0, 0, 0, 0, 5]),
    ("role list --plane arm --principal self",          [0, 0, 0, 0, 0, 0, 0, 5]),
    ("role definitions",                                [0, 0, 0, 0, 0, 0, 0, 5]),
    ("grant --role data-reader --wait 0",               [0, 5, 5, 0, 0, 5, 5, 5]),
    ("grant --role data-reader --revoke -y",            [0, 3, 3, 0, 0, 3, 3, 5]),
    ("grant --role operator --principal OTHER",         [5, 5, 5, 0, 5, 5, 0, 5]),
    ("grant --role operator --principal OTHER --revoke -y", [3, 3, 3, 0, 3, 3, 0, 5]),
    ("database create -n more",                         [0, 0, 5, 0, 0, 5, 5, 5]),
    ("container create -d more -n c -p /pk --throughput 400", [0, 0, 5, 0, 0, 5, 5, 5]),
    ("container update -d more -n c --ttl 60",          [0, 0, 3, 0, 0, 3, 3, 5]),
    ("container update -d shop -n orders --ttl 60",     [0, 0, 5, 0, 0, 5, 5, 5]),
    ("throughput show -d more -c c",                    [0, 0, 3, 0, 0, 3, 3, 5]),
    ("throughput update -d more -c c --throughput 500 -y", [0, 0, 3, 0, 0, 3, 3, 5]),
    ("throughput migrate -d more -c c --to autoscale -y", [0, 0, 3, 0, 0, 3, 3, 5]),
    ("throughput update -d more -c c --max-throughput 2000 -y", [0, 0, 3, 0, 0, 3, 3, 5]),
    ("database delete -n more -y",                      [0, 0, 3, 0, 0, 3, 3, 5]),
];

/// Which action was missing, and a line to paste.
fn refusal_is_told(ran: Ran, role: &str) {
    let ran = ran.prints("").says("why").says("need").says("  fix   ");
    let told = ran.err.contains("Microsoft.") && ran.err.contains("az role assignment create");
    assert!(told, "{role}: {ran:#?}");
}

#[test]
fn each_role_may_do_what_it_may() {
    std::thread::scope(|scope| {
        for (column, role) in ROLES.into_iter().enumerate() {
            scope.spawn(move || {
                let place = place(role, &[]);
                place.container("orders", &["/pk"]);
                for (line, ended) in MAY {
                    let ran = place.run(&line.replace("OTHER", OTHER));
                    let ran = ran.ends(i32::from(ended[column]));
                    if ran.code == 5 {
                        refusal_is_told(ran, role);
                    }
                }
            });
        }
    });
}

/// A role is given where something is: not on what is still to be made.
#[test]
fn a_missing_role_is_asked_for_where_it_can_be_given() {
    let place = place("account-reader", &[]);
    let rows = [
        ("account create -n newone", "Cosmos DB Operator", GROUP),
        (
            "group create -n more --location westus",
            "Contributor",
            "/subscriptions/5a0db0c5-0000-4000-8000-000000000001",
        ),
    ];
    for (line, role, scope) in rows {
        let ran = place.run(line).ends(5);
        let quoted = rawcosmos::show::quote(role);
        let fix = format!(" --role {quoted} --scope {scope}\n");
        ran.says(&fix);
    }
    let operator = Place::with(Options {
        azure_role: "operator".into(),
        ..Options::default()
    });
    let ran = operator
        .run("account keys --kind secondary-readonly")
        .ends(5);
    ran.says("rawcosmos grant --role account-reader --principal ")
        .says("list the account keys that only read");
}

// ---- What stands in the way

#[test]
fn what_stands_in_the_way_is_waited_for_or_told() {
    let make = "database create -n more";
    let grant = "grant --role data-reader";
    let new = "account create -n newone --location westus";
    #[rustfmt::skip]
    let rows: &[(&str, &str, i32, &[&str])] = &[
        ("lock-busy:3", make, 0, &[]),
        ("lock-busy:3", grant, 0, &["the data plane knows the grant"]),
        ("arm.412:2", grant, 0, &[]),
        ("lock-busy", grant, 6, &["another change of the account is running", "nothing was changed"]),
        ("arm.429:2", make, 0, &[]),
        ("arm.429", make, 7, &["is asked too often"]),
        ("arm.503:1", make, 0, &[]),
        ("arm.reset-after:1", make, 0, &[]),
        ("poll-refused", grant, 0, &["the data plane knows the grant"]),
        ("api-version-old", new, 0, &[]),
        ("api-version-old", grant, 0, &[]),
        ("policy", make, 5, &["a policy of the subscription forbids this", "az policy assignment list"]),
        ("policy", grant, 5, &["a policy of the subscription forbids this"]),
        ("locked", make, 6, &["a lock forbids this", "az lock list -g sandbox-group"]),
        ("locked", "account delete -y", 6, &["a lock forbids this"]),
        ("provider-unregistered", new, 6, &["az provider register --namespace Microsoft.DocumentDB --wait --subscription 5a0db0c5"]),
        ("no-capacity", new, 1, &["the region has no room for another account", "rawcosmos account delete -n newone -g sandbox-group"]),
        ("account-creating", make, 6, &["another change of the account is running"]),
        ("account-failed", make, 1, &["an earlier attempt to make this account failed", "rawcosmos account delete"]),
        ("no-account", make, 3, &["there is no such account", "rawcosmos account list"]),
        ("serverless", "database create -n more --throughput 400", 1, &["a serverless account has no throughput to set"]),
    ];
    std::thread::scope(|scope| {
        for (fault, line, code, words) in rows {
            scope.spawn(move || {
                let mut ran = place("account-contributor", &[fault]).run(line).ends(*code);
                for words in *words {
                    ran = ran.says(words);
                }
            });
        }
    });
}

// ---- Operations whose status or whose result cannot be read

/// What reading the status of an operation may meet, for a moment or for good.
const POLL_FAULTS: [&str; 13] = [
    "arm.poll.404:1",
    "arm.poll.404",
    "arm.poll.403:1",
    "arm.poll.401:1",
    "arm.poll.429:2",
    "arm.poll.503:2",
    "arm.poll.not-json",
    "arm.poll.reset-before:1",
    "arm.poll.truncate:1",
    "poll-refused",
    "operation-elsewhere",
    "operation-relative",
    "resource-late:2",
];

/// A change, and how `show` ends once it was made.
const CHANGES: [(&str, &str, i32); 8] = [
    ("database create -n more", "database show -n more", 0),
    (
        "container create -d more -n c -p /pk --throughput 400",
        "container show -d more -n c",
        0,
    ),
    (
        "container update -d more -n c --ttl 60",
        "container show -d more -n c --get /defaultTtl",
        0,
    ),
    (
        "throughput update -d more -c c --throughput 500 -y",
        "throughput show -d more -c c --get /throughput",
        0,
    ),
    (
        "throughput migrate -d more -c c --to autoscale -y",
        "throughput show -d more -c c --get /autoscaleSettings/maxThroughput",
        0,
    ),
    (
        "container delete -d more -n c -y",
        "container show -d more -n c",
        3,
    ),
    ("database delete -n more -y", "database show -n more", 3),
    (
        "account create -n newone --location westus",
        "account show -n newone --get /properties/provisioningState",
        0,
    ),
];

#[test]
fn a_change_succeeds_although_its_status_or_its_resource_cannot_be_read_for_a_while() {
    std::thread::scope(|scope| {
        for fault in POLL_FAULTS {
            scope.spawn(move || {
                let place = place("account-contributor", &[]);
                for (line, show, code) in CHANGES {
                    place.fault(fault);
                    let ran = place.run(line).ok();
                    place.clear_faults();
                    let shown = place.run(show);
                    assert_eq!(shown.code, code, "{fault} {line}: {ran:#?} {shown:#?}");
                }
            });
        }
    });
}

#[test]
fn a_failed_operation_is_told_with_its_reason_although_its_status_could_not_be_read_once() {
    std::thread::scope(|scope| {
        for fault in POLL_FAULTS.into_iter().filter(|fault| fault.contains(':')) {
            scope.spawn(move || {
                let place = place("account-contributor", &[fault, "operation-failed:1"]);
                place
                    .run("database create -n more")
                    .ends(1)
                    .says("could not be completed: an internal error was encountered")
                    .prints("");
                place.run("database show -n more").ends(3);
            });
        }
    });
}

/// Where neither the status nor the resource confirms it, it is not told as done.
#[test]
fn a_change_that_nothing_confirms_is_not_told_as_done() {
    std::thread::scope(|scope| {
        for fault in [
            "arm.poll.404",
            "arm.poll.not-json",
            "poll-refused",
            "operation-elsewhere",
        ] {
            scope.spawn(move || {
                let place = place("account-contributor", &[]);
                place.run("database create -n more").ok();
                place.run("container create -d more -n c -p /pk").ok();
                for line in [
                    "database create -n other",
                    "container update -d more -n c --ttl 60",
                    "throughput update -d more -c c --throughput 500 -y",
                    "container delete -d more -n c -y",
                ] {
                    place.fault(fault);
                    place.fault("operation-failed:1");
                    let ran = place.run(&format!("{line} --timeout 4")).ends(8);
                    ran.says("the operation continues on the server").prints("");
                    place.clear_faults();
                }
            });
        }
    });
}

// ---- Containers and the versions of the API

/// A container with a policy of every age.
fn rich_container(place: &Place) -> Value {
    place.sandbox.with_world(|world| {
        let capable = serde_json::json!([{"name": "EnableNoSQLVectorSearch"}]);
        world.own_mut().unwrap().set("capabilities", capable);
    });
    place.run("database create -n more").ok();
    let resource = serde_json::json!({
        "id": "c",
        "partitionKey": {"paths": ["/pk"], "kind": "Hash", "version": 2},
        "indexingPolicy": {
            "indexingMode": "consistent", "automatic": true,
            "includedPaths": [{"path": "/*"}], "excludedPaths": [{"path": "/v/*"}, {"path": "/\"_etag\"/?"}],
            "vectorIndexes": [{"path": "/v", "type": "diskANN", "vectorIndexShardKey": ["/pk"]}],
            "fullTextIndexes": [{"path": "/text"}],
        },
        "computedProperties": [{"name": "lower", "query": "SELECT VALUE LOWER(c.name) FROM c"}],
        "vectorEmbeddingPolicy": {"vectorEmbeddings": [{"path": "/v", "dataType": "float32", "dimensions": 3, "distanceFunction": "cosine"}]},
        "fullTextPolicy": {"defaultLanguage": "en-US", "fullTextPaths": [{"path": "/text", "language": "en-US"}]},
        "geospatialConfig": {"type": "Geometry"},
        "conflictResolutionPolicy": {"mode": "LastWriterWins", "conflictResolutionPath": "/rank", "conflictResolutionProcedure": ""},
        "analyticalStorageTtl": -1,
        "clientEncryptionPolicy": {"includedPaths": [{"path": "/secret", "clientEncryptionKeyId": "k", "encryptionType": "Randomized", "encryptionAlgorithm": "AEAD_AES_256_CBC_HMAC_SHA256"}], "policyFormatVersion": 1},
        "uniqueKeyPolicy": {"uniqueKeys": [{"paths": ["/email"]}]},
        "createMode": "Default",
    });
    let body = serde_json::json!({"properties": {"resource": resource, "options": {}}});
    let body = Scratch::new(&body.to_string());
    let path = "/subscriptions/5a0db0c5-0000-4000-8000-000000000001/resourceGroups/sandbox-group/providers/Microsoft.DocumentDB/databaseAccounts/sandbox-account/sqlDatabases/more/containers/c?api-version=2026-07-15";
    let put = format!("api arm PUT {path} -b @{}", body.path());
    place.run(&put).ok();
    // It is made by the operation that the answer names.
    while place.run("container show -d more -n c").code != 0 {}
    let shown = definition(place);
    for (name, value) in resource.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
    shown
}

/// What the sandbox keeps of the container, whatever version is asked.
fn definition(place: &Place) -> Value {
    place.sandbox.with_world(|world| {
        let container = &world.databases["more"].containers["c"];
        Value::Object(container.definition.clone())
    })
}

#[test]
fn an_update_of_a_container_loses_nothing() {
    let place = place("account-contributor", &[]);
    let mut wanted = rich_container(&place);
    place.run("container update -d more -n c --ttl 60").ok();
    wanted["defaultTtl"] = 60.into();
    assert_eq!(definition(&place), wanted);
    place.run("container update -d more -n c --ttl off").ok();
    wanted.as_object_mut().unwrap().remove("defaultTtl");
    assert_eq!(definition(&place), wanted);
}

#[test]
fn an_update_where_the_api_is_old_says_what_may_be_lost_before_it_writes() {
    let place = place("account-contributor", &["newest-version=2024-11-15"]);
    place.run("database create -n more").ok();
    place.run("container create -d more -n c -p /pk").ok();
    let ran = place
        .run("container update -d more -n c --ttl 60 -q --trace")
        .ok();
    let (warning, put) = (
        ran.err
            .find("warning: ARM serves the API version 2024-11-15"),
        ran.err.find("PUT "),
    );
    assert!(warning.is_some() && warning < put, "{ran:#?}");
    ran.says("fullTextPolicy, indexingPolicy.fullTextIndexes");
    assert_eq!(definition(&place)["defaultTtl"], 60);
    // Where it can be seen that something would be passed over, nothing is written.
    let policy = r#"'{"fullTextIndexes":[{"path":"/text"}]}'"#;
    for line in [
        "container update -d more -n c --idx",
        "container create -d more -n other -p /pk --idx",
    ] {
        let ran = place.run(&format!("{line} {policy}")).ends(6);
        ran.says("does not keep indexingPolicy.fullTextIndexes (known since 2025-10-15): nothing was changed");
    }
    place.run("container show -d more -n other").ends(3);
    let one = place
        .run("container update -d more -n c --ttl 61 --trace")
        .ok();
    assert_eq!(
        one.err.matches("\nPUT ").count() + one.err.matches("> PUT ").count(),
        1,
        "{one:#?}"
    );
}

#[test]
fn a_new_container_keeps_an_indexing_policy_of_any_age() {
    let place = place("account-contributor", &[]);
    place.run("database create -n more").ok();
    let policy = r#"'{"fullTextIndexes":[{"path":"/text"}]}'"#;
    place
        .run(&format!(
            "container create -d more -n c -p /pk --idx {policy}"
        ))
        .ok();
    let kept = &definition(&place)["indexingPolicy"]["fullTextIndexes"];
    assert_eq!(kept, &serde_json::json!([{"path": "/text"}]));
}

#[test]
fn what_is_there_with_other_settings_is_warned_of() {
    let place = place("account-contributor", &[]);
    place
        .run("database create -n more --throughput 400 --if-not-exists")
        .ok();
    let make = "container create -d more -n c -p /pk --if-not-exists";
    place.run(&format!("{make} --ttl 60 --throughput 500")).ok();
    place.run("database create -n bare").ok();
    #[rustfmt::skip]
    let rows = [
        (make.to_string(), ""),
        (format!("{make} --ttl 60 --throughput 500"), ""),
        (format!("{make} --ttl 61"), "its ttl is 60, not 61"),
        (format!("{make} --throughput 400"), "its throughput is 500 RU/s, not 400 RU/s"),
        (format!("{make} --max-throughput 1000"), "its throughput is 500 RU/s, not autoscale up to 1000 RU/s"),
        (format!(r#"{make} -u '{{"uniqueKeys":[{{"paths":["/email"]}}]}}'"#), "its unique keys are not those asked for"),
        (format!(r#"{make} --idx '{{"indexingMode":"none","automatic":false}}'"#), "its indexing policy is not the one asked for"),
        (format!(r#"{make} --idx '{{"indexingMode":"consistent","includedPaths":[{{"path":"/*"}}]}}'"#), ""),
        ("database create -n more --throughput 400 --if-not-exists".into(), ""),
        ("database create -n more --throughput 500 --if-not-exists".into(), "its throughput is 400 RU/s, not 500 RU/s"),
        ("database create -n bare --throughput 500 --if-not-exists".into(), "it has no throughput of its own, not 500 RU/s"),
    ];
    for (line, said) in rows {
        let ran = place.run(&format!("{line} -q")).ok();
        match said {
            "" => assert_eq!(ran.err, "", "{line}"),
            said => drop(ran.says("warning: ").says(said).says("nothing was changed")),
        }
    }
    place
        .run("container create -d more -n c -p /other --if-not-exists")
        .ends(6);
}

#[test]
fn a_wait_is_told_in_whole_seconds() {
    let ran = place("operator", &["arm.429"]).run("database list").ends(7);
    ran.says("ARM asked to wait 1 s");
}

#[test]
fn two_grants_at_once_are_both_given() {
    let place = place("account-contributor", &[]);
    let grant =
        |role: &str| place.prepare(&format!("grant --role {role} --principal {OTHER} --wait 0"));
    let runs: Vec<Run> = ["data-reader", "data-contributor"].map(grant).into();
    let runs: Vec<_> = runs
        .into_iter()
        .map(|run| std::thread::spawn(move || run.go()))
        .collect();
    let mut given: Vec<Value> = runs
        .into_iter()
        .map(|run| run.join().unwrap().ok().json()["name"].clone())
        .collect();
    let listed = place
        .run(&format!(
            "role list --plane data --principal {OTHER} --get /name"
        ))
        .ok();
    let mut listed = listed.rows();
    for names in [&mut given, &mut listed] {
        names.sort_by_key(Value::to_string);
    }
    assert_eq!(given, listed);
}

// ---- From nothing, and back

#[test]
fn an_account_that_could_not_be_made_is_deleted_and_made_elsewhere() {
    let place = place("operator", &["no-capacity"]);
    place
        .run("account create -n newone --location westus")
        .ends(1);
    for line in [
        "account create -n newone",
        "account create -n newone --if-not-exists",
    ] {
        place.run(line).ends(6).says("left in the state Failed");
    }
    place
        .run("account delete -n newone -y")
        .ok()
        .says("deleted account newone");
    place.run("account show -n newone").ends(3);
}

#[test]
fn an_account_goes_with_what_is_in_it_and_comes_back_empty() {
    let place = Place::furnished(&[]);
    place.orders(r#"item create -b '{"id":"1","pk":"a"}'"#).ok();
    let before = place.run("account keys -o csv").ok().out;
    place.run("account delete").ends(2).says("--yes");
    place.run("account delete -y").ok();
    place.run("database list").ends(3);
    place
        .run("account create -n sandbox-account --disable-local-auth")
        .ok();
    assert_ne!(place.run("account keys -o csv").ok().out, before);
    place.run("database list").ok().prints("");
    place.run("role list --plane data").ok().prints("");
    place.run("database create -n shop").ok();
    place.run("container create -d shop -n orders -p /pk").ok();
    place.orders("item read -i 1 -k a").ends(5);
    place.run("grant --role data-contributor").ok();
    place.orders("item read -i 1 -k a").ends(3);
    let key = Scratch::new(
        place
            .run("account keys --kind primary --raw")
            .ok()
            .out
            .trim(),
    );
    let keyed = place
        .prepare("database list")
        .env("RAWCOSMOS_KEY_FILE", key.path())
        .go();
    keyed.ends(4).says("account keys are switched off here");
}

#[test]
fn from_a_subscription_alone_to_an_account() {
    let place = place("owner", &[]);
    let run = |line: &str| {
        place
            .prepare(line)
            .env("RAWCOSMOS_RESOURCE_GROUP", "from-nothing")
            .go()
    };
    run("account create -n newone")
        .ends(3)
        .says("rawcosmos group create -n from-nothing --location LOCATION");
    run("group create -n from-nothing --location westus").ok();
    let made = run("account create -n newone --free-tier").ok().json();
    assert_eq!(made["location"], "West US");
    assert_eq!(made["properties"]["enableFreeTier"], true);
    run("account create -n another --free-tier")
        .ends(1)
        .says("the subscription has used up its free tier");
    let given = run(&format!(
        "grant --role operator -a newone --principal {OTHER}"
    ))
    .ok()
    .json();
    assert_eq!(given["properties"]["principalId"], OTHER);
    run("group delete -n from-nothing -y").ok();
    run("account show -n newone").ends(3);
}

// ---- What is printed

/// Each format says the same.
#[test]
fn the_management_plane_is_shown_in_every_format() {
    let place = Place::furnished(&[]);
    place.run("database create -n paid --throughput 400").ok();
    for (line, many, column) in [
        ("account list", true, "name"),
        ("account show", false, "name"),
        ("account exists", false, "exists"),
        ("account keys", true, "sha256"),
        ("group show -n sandbox-group", false, "location"),
        ("role list", true, "properties"),
        ("role definitions", true, "name"),
        ("throughput show -d paid", false, "throughput"),
    ] {
        let shown = |format: &str| place.run(&format!("{line} -q -o {format}")).ok().out;
        let json: Value = serde_json::from_str(&shown("json")).unwrap();
        let rows = match json {
            Value::Array(rows) if many => rows,
            value if !many => vec![value],
            other => panic!("{line}: {other}"),
        };
        let read = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        for format in ["ndjson", "raw"] {
            assert_eq!(
                shown(format).lines().map(read).collect::<Vec<_>>(),
                rows,
                "{line}"
            );
        }
        for (format, between) in [("csv", ','), ("tsv", '\t')] {
            let text = shown(format);
            let header: Vec<&str> = text.lines().next().unwrap().split(between).collect();
            // A column of other values than strings names its type: `exists:bool`.
            let names = header
                .iter()
                .map(|name| name.split(':').next().unwrap_or(name));
            assert!(
                names.into_iter().any(|name| name == column),
                "{line}: {header:?}"
            );
            assert_eq!(text.lines().count(), rows.len() + 1, "{line} {format}");
        }
        assert_eq!(shown("table").lines().count(), rows.len() + 2, "{line}");
        assert_eq!(shown("none"), "", "{line}");
        let traced = place.run(&format!("{line} -q --trace=json")).ok();
        let planes = traced
            .err
            .lines()
            .map(|line| read(line)["request"]["plane"].clone());
        assert!(planes.skip(1).all(|plane| plane == "arm"), "{traced:#?}");
    }
}
