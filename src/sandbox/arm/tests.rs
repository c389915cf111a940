//! The management plane, request by request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use serde_json::{Value, json};
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::sandbox::imds::IDENTITIES;
use crate::sandbox::token::{self, Claims};

const NOW: OffsetDateTime = datetime!(2026-01-02 15:04:05 UTC);
pub(super) const VERSION: &str = "api-version=2024-11-15";

pub(super) struct Arm {
    pub(super) world: World,
    pub(super) now: OffsetDateTime,
    pub(super) token: String,
}

pub(super) struct Got {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Value,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self
            .headers
            .iter()
            .find(|(sent, _)| sent.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub(super) fn code(&self) -> &str {
        let place = if self.body["error"].is_object() {
            &self.body["error"]
        } else {
            &self.body
        };
        place["code"].as_str().unwrap_or_default()
    }

    pub(super) fn message(&self) -> &str {
        let place = if self.body["error"].is_object() {
            &self.body["error"]
        } else {
            &self.body
        };
        place["message"].as_str().unwrap_or_default()
    }
}

pub(super) fn claims() -> Claims {
    Claims {
        aud: "https://management.azure.com/".into(),
        oid: IDENTITIES[0].object_id.into(),
        appid: IDENTITIES[0].client_id.into(),
        tid: crate::sandbox::fresh_world(&Default::default()).tenant,
        nbf: NOW.unix_timestamp() - 300,
        exp: NOW.unix_timestamp() + 86_400,
        ..Claims::default()
    }
}

pub(super) fn arm() -> Arm {
    let mut world = crate::sandbox::fresh_world(&Default::default());
    world.arm = "http://127.0.0.1:1".into();
    Arm {
        world,
        now: NOW,
        token: token::mint(&claims()),
    }
}

impl Arm {
    /// Sends a request to a full target, or to one below the account.
    pub(super) fn ask(&mut self, method: &str, target: &str, body: Value) -> Got {
        let target = match target.strip_prefix('~') {
            Some(rest) => format!("{}{rest}?{VERSION}", accounts::id(&self.world)),
            None => target.to_owned(),
        };
        let mut request = Request {
            method: method.into(),
            target,
            headers: vec![("Authorization".into(), format!("Bearer {}", self.token))],
            body: Vec::new(),
        };
        if !body.is_null() {
            request.headers.push((
                "Content-Type".into(),
                "application/json; charset=utf-8".into(),
            ));
            request.body = body.to_string().into_bytes();
        }
        self.send(&request)
    }

    pub(super) fn send(&mut self, request: &Request) -> Got {
        finish_operations(&mut self.world, self.now);
        let answer = handle(&mut self.world, request, self.now);
        let body = String::from_utf8(answer.body).unwrap();
        Got {
            status: answer.status,
            headers: answer.headers,
            body: serde_json::from_str(&body).unwrap_or(Value::Null),
        }
    }

    /// A world in which that is going wrong.
    pub(super) fn with(faults: &[&str]) -> Arm {
        let mut arm = arm();
        for fault in faults {
            let fault = crate::sandbox::faults::Fault::parse(fault).unwrap();
            crate::sandbox::faults::Faults::default().add(fault, &mut arm.world);
        }
        arm
    }

    /// A machine whose identities have another role.
    pub(super) fn employed(role: &str) -> Arm {
        let options = crate::sandbox::Options {
            azure_role: role.into(),
            ..Default::default()
        };
        let mut arm = arm();
        arm.world.azure = crate::sandbox::fresh_world(&options).azure;
        arm
    }

    /// The end of the operation an answer speaks of.
    pub(super) fn end(&mut self, begun: &Got) -> Value {
        self.pass(31);
        let url = begun.header("Azure-AsyncOperation").to_owned();
        self.get(url.strip_prefix("http://127.0.0.1:1").unwrap())
            .body
    }

    /// A full target below the subscription.
    pub(super) fn below(&self, rest: &str, version: &str) -> String {
        let subscription = &self.world.subscription;
        format!("/subscriptions/{subscription}{rest}?api-version={version}")
    }

    /// What is refused, in three words.
    pub(super) fn refuse(
        &mut self,
        method: &str,
        target: &str,
        body: Value,
    ) -> (u16, String, String) {
        let got = self.ask(method, target, body);
        (got.status, got.code().to_owned(), got.message().to_owned())
    }

    pub(super) fn get(&mut self, target: &str) -> Got {
        self.ask("GET", target, Value::Null)
    }

    pub(super) fn pass(&mut self, milliseconds: i64) {
        self.now += Duration::milliseconds(milliseconds);
    }

    /// Starts an operation, waits for its end and returns its last status.
    pub(super) fn finish(&mut self, method: &str, target: &str, body: Value) -> Value {
        let accepted = self.ask(method, target, body);
        assert_eq!(
            (accepted.status, accepted.body.clone()),
            (202, json!({"status": "Enqueued"})),
            "{target}: {}",
            accepted.body
        );
        self.pass(31);
        let url = accepted
            .header("Azure-AsyncOperation")
            .strip_prefix("http://127.0.0.1:1")
            .unwrap()
            .to_owned();
        let done = self.get(&url);
        assert_eq!(done.status, 200);
        done.body
    }

    pub(super) fn make(&mut self, target: &str, resource: Value) {
        let body = json!({"properties": {"resource": resource, "options": {}}});
        assert_eq!(
            self.finish("PUT", target, body),
            json!({"status": "Succeeded"}),
            "{target}"
        );
    }
}

pub(super) fn database() -> Value {
    json!({"properties": {"resource": {"id": "db"}, "options": {}}})
}

#[test]
fn a_database_comes_and_goes_with_its_operations() {
    let mut arm = arm();
    let absent = arm.get("~/sqlDatabases/db");
    assert_eq!((absent.status, absent.code()), (404, "NotFound"));
    assert!(absent.body["error"].is_null());
    assert!(absent.message().starts_with("Message: {\"code\":\"NotFound\",\"message\":\"Message: {\\\"Errors\\\":[\\\"Resource Not Found."));

    let accepted = arm.ask("PUT", "~/sqlDatabases/db", database());
    assert_eq!(accepted.status, 202);
    let (status, result) = (
        accepted.header("azure-asyncoperation"),
        accepted.header("location"),
    );
    assert!((3200..3500).contains(&status.len()) && (3200..3500).contains(&result.len()));
    let [status, result] =
        [status, result].map(|url| url.strip_prefix("http://127.0.0.1:1").unwrap().to_owned());
    assert_eq!(arm.get("~/sqlDatabases/db").status, 404);
    assert_eq!(arm.get(&status).body["status"], "Enqueued");
    arm.pass(20);
    assert_eq!(arm.get(&status).body["status"], "Dequeued");
    assert_eq!(arm.get(&result).status, 202);
    assert_eq!(arm.get(&status.replace("&s=", "&s=x")).status, 403);
    arm.pass(10);
    assert_eq!(arm.get(&status).body, json!({"status": "Succeeded"}));
    let found = arm.get(&result);
    assert_eq!((found.status, &found.body["name"]), (200, &json!("db")));
    assert_eq!(arm.get("~/sqlDatabases/db").body, found.body);
    assert_eq!(found.body["properties"]["resource"]["_colls"], "colls/");

    assert_eq!(
        arm.finish("PUT", "~/sqlDatabases/db", database())["status"],
        "Succeeded"
    );
    assert_eq!(arm.get("~/sqlDatabases/db").body, found.body);
    assert_eq!(
        arm.finish("DELETE", "~/sqlDatabases/db", Value::Null)["status"],
        "Succeeded"
    );
    assert_eq!(arm.get("~/sqlDatabases/db").status, 404);
    assert_eq!(
        arm.ask("DELETE", "~/sqlDatabases/db", Value::Null).status,
        204
    );
}

#[test]
fn the_front_door_looks_at_the_token() {
    let mut arm = arm();
    let epoch = NOW.unix_timestamp();
    let with = |arm: &mut Arm, change: &dyn Fn(&mut Claims)| {
        let mut other = claims();
        change(&mut other);
        arm.token = token::mint(&other);
        let got = arm.get("~");
        (got.status, got.code().to_owned(), got.message().to_owned())
    };
    assert_eq!(with(&mut arm, &|_| {}).0, 200);
    for aud in [
        "https://management.core.windows.net",
        "https://management.core.windows.net/",
        "https://management.azure.com",
    ] {
        assert_eq!(with(&mut arm, &|claims| claims.aud = aud.into()).0, 200);
    }
    let (status, code, message) = with(&mut arm, &|claims| {
        claims.aud = "https://cosmos.azure.com".into()
    });
    assert_eq!(
        (status, code.as_str()),
        (401, "InvalidAuthenticationTokenAudience")
    );
    assert!(message.contains("wrong audience or resource 'https://cosmos.azure.com'"));
    let (status, code, message) = with(&mut arm, &|claims| claims.exp = epoch - 1);
    assert_eq!((status, code.as_str()), (401, "ExpiredAuthenticationToken"));
    assert_eq!(
        message,
        "The access token expiry UTC time '1/2/2026 3:04:04 PM' is earlier than current UTC time '1/2/2026 3:04:05 PM'."
    );
    assert_eq!(
        with(&mut arm, &|claims| claims.nbf = epoch + 400).1,
        "InvalidAuthenticationToken"
    );
    arm.token = "foreign.token.here".into();
    assert_eq!(arm.get("~").code(), "InvalidAuthenticationToken");
    let bare = Request {
        method: "GET".into(),
        target: "/subscriptions".into(),
        ..Request::default()
    };
    let got = arm.send(&bare);
    assert_eq!((got.status, got.code()), (401, "AuthenticationFailed"));
    assert!(got.header("WWW-Authenticate").starts_with("Bearer "));
}

#[test]
fn what_the_front_door_says_of_places_and_versions() {
    let mut arm = arm();
    let id = accounts::id(&arm.world);
    let other = "5a0db0c5-0000-4000-8000-00000000ffff";
    let subscription = arm.world.subscription.clone();
    let rows = [
        (
            format!("{id}?api-version=2024-11-14"),
            400,
            "NoRegisteredProviderFound",
        ),
        (
            format!("{id}/sqlRoleAssignments?api-version=2020-04-01"),
            400,
            "NoRegisteredProviderFound",
        ),
        (id.clone(), 400, "MissingApiVersionParameter"),
        (
            format!("{id}?api-version=latest"),
            400,
            "InvalidApiVersionParameter",
        ),
        (
            format!("{}?{VERSION}", id.replace(&subscription, other)),
            404,
            "SubscriptionNotFound",
        ),
        (
            format!("{}?{VERSION}", id.replace(&subscription, "mine")),
            400,
            "InvalidSubscriptionId",
        ),
        (
            format!("{}?{VERSION}", id.replace("sandbox-group", "rg")),
            403,
            "AuthorizationFailed",
        ),
        (
            format!("{}?{VERSION}", id.replace("sandbox-account", "acct")),
            404,
            "ResourceNotFound",
        ),
        (format!("{}?{VERSION}", id.to_uppercase()), 200, ""),
        (
            format!("{id}/cassandraKeyspaces?{VERSION}"),
            501,
            "NotImplementedInSandbox",
        ),
        (format!("/nowhere?{VERSION}"), 404, "MissingSubscription"),
        (
            format!(
                "/subscriptions/{subscription}/providers/Microsoft.DocumentDB/databaseAccounts?{VERSION}"
            ),
            200,
            "",
        ),
        (
            format!(
                "/subscriptions/{subscription}/providers/Microsoft.Compute/virtualMachines?{VERSION}"
            ),
            403,
            "AuthorizationFailed",
        ),
        (
            format!("/subscriptions/{subscription}/resourcegroups?api-version=2021-04-01"),
            200,
            "",
        ),
    ];
    for (target, status, code) in rows {
        let got = arm.get(&target);
        assert_eq!(
            (got.status, got.code()),
            (status, code),
            "{target}: {}",
            got.body
        );
    }
    let versions = arm.get(&format!("{id}?api-version=2024-11-14"));
    assert!(
        versions
            .message()
            .contains("The supported api-versions are '2014-04-01, ")
    );
    let named = |name: &str| {
        format!("/providers/Microsoft.DocumentDB/databaseAccountNames/{name}?{VERSION}")
    };
    assert_eq!(
        arm.ask("HEAD", &named("sandbox-account"), Value::Null)
            .status,
        200
    );
    assert_eq!(arm.ask("HEAD", &named("free"), Value::Null).status, 404);
    let keys = arm.ask("POST", "~/listKeys", Value::Null).body;
    assert_eq!(keys["primaryMasterKey"], arm.world.key.as_str());
    arm.world.azure.assignments.clear();
    let refused = arm.ask("POST", "~/listKeys", Value::Null);
    assert_eq!(
        (refused.status, refused.code()),
        (403, "AuthorizationFailed")
    );
    assert!(refused.message().contains(
        "action 'Microsoft.DocumentDB/databaseAccounts/listKeys/action' over scope '/subscriptions/"
    ));
    assert!(
        refused
            .message()
            .contains("/databaseAccounts/sandbox-account' or the scope")
    );
}

#[test]
fn whether_a_group_exists_is_told_to_those_who_may_see_groups() {
    let mut arm = Arm::employed("reader");
    let nowhere = accounts::id(&arm.world).replace("sandbox-group", "rg");
    let got = arm.get(&format!("{nowhere}?{VERSION}"));
    assert_eq!((got.status, got.code()), (404, "ResourceGroupNotFound"));
    assert_eq!(got.message(), "Resource group 'rg' could not be found.");
}

#[test]
fn bodies_are_looked_at() {
    let mut arm = arm();
    let target = "~/sqlDatabases/db";
    for (body, code) in [
        (json!([]), "InvalidRequestContent"),
        (json!({}), "BadRequest"),
        (json!({"properties": {}}), "BadRequest"),
        (
            json!({"properties": {"resource": {"id": "other"}}}),
            "BadRequest",
        ),
        (
            json!({"properties": {"resource": {"id": "db"}, "options": {"throughput": 450}}}),
            "BadRequest",
        ),
        (
            json!({"properties": {"resource": {"id": "db"}, "options": {"throughput": 400, "autoscaleSettings": {"maxThroughput": 1000}}}}),
            "BadRequest",
        ),
        (
            json!({"properties": {"resource": {"id": "db"}, "options": {"autoscaleSettings": {"maxThroughput": 1500}}}}),
            "BadRequest",
        ),
    ] {
        let got = arm.ask("PUT", target, body.clone());
        assert_eq!((got.status, got.code()), (400, code), "{body}");
    }
    let request = Request {
        method: "PUT".into(),
        target: format!("{}/sqlDatabases/db?{VERSION}", accounts::id(&arm.world)),
        headers: vec![("authorization".into(), format!("bearer {}", arm.token))],
        body: b"{}".to_vec(),
    };
    assert_eq!(arm.send(&request).status, 415);
    let slash = arm.ask(
        "PUT",
        "~/sqlDatabases/a%2Fb",
        json!({"properties": {"resource": {"id": "a/b"}}}),
    );
    assert_eq!((slash.status, slash.code()), (400, "BadRequest"));
}

#[test]
fn a_list_is_followed_from_link_to_link() {
    let mut arm = arm();
    arm.world.page_size = 2;
    for name in ["a", "b", "c d", "e", "f"] {
        let target = format!("~/sqlDatabases/{}", name.replace(' ', "%20"));
        arm.make(&target, json!({"id": name}));
    }
    let mut names = Vec::new();
    let mut pages = 0;
    let mut page = arm.get("~/sqlDatabases").body;
    loop {
        pages += 1;
        names.extend(
            page["value"]
                .as_array()
                .unwrap()
                .iter()
                .map(|found| found["name"].clone()),
        );
        let Some(link) = page["nextLink"].as_str() else {
            break;
        };
        let link = link.strip_prefix("http://127.0.0.1:1").unwrap().to_owned();
        page = arm.get(&link).body;
    }
    assert_eq!(
        (pages, json!(names)),
        (3, json!(["a", "b", "c d", "e", "f"]))
    );
}

#[test]
fn operations_that_ended_long_ago_are_forgotten() {
    let mut arm = arm();
    let definition = json!({"properties": {"resource": {"id": "d"}}});
    for _ in 0..1100 {
        let begun = arm.ask("PUT", "~/sqlDatabases/d", definition.clone());
        assert_eq!(begun.status, 202);
        arm.pass(1000);
    }
    assert_eq!(arm.world.operations.len(), 1000);
}

#[test]
fn the_operations_of_the_provider_need_no_subscription() {
    let mut arm = arm();
    let found = arm.get("/providers/Microsoft.DocumentDB/operations?api-version=2024-11-15");
    assert_eq!(found.status, 200);
    let names = found.body["value"].as_array().unwrap().iter();
    let mut names = names.map(|one| one["name"].as_str().unwrap());
    assert!(names.any(|name| name == "Microsoft.DocumentDB/databaseAccounts/read"));
    let target = "/providers/Microsoft.DocumentDB/operations?api-version=2024-11-15";
    assert_eq!(arm.ask("DELETE", target, Value::Null).status, 405);
}
