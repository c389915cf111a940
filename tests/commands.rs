//! Commands of the management plane from words to what is printed, against a scripted service.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use common::{Act, FakeClock, Script, answer, json};
use rawcosmos::cli::args::Args;
use rawcosmos::cli::commands::{self, Work};
use rawcosmos::cli::explain::{Explained, explain};
use rawcosmos::cli::output::{Format, Output};
use rawcosmos::cli::session::Session;
use rawcosmos::cli::settings::Settings;
use rawcosmos::error::Stage;
use rawcosmos::show::Mask;
use serde_json::{Value, json};

const OID: &str = "22222222-2222-2222-2222-222222222222";
const ARM: &str = "https://management.azure.com";
const ACCOUNT: &str =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.DocumentDB/databaseAccounts/acct1";

// ---- A command and what came of it

struct Ran {
    out: String,
    /// What was sent, without the token's request: method, path behind the account and query.
    sent: Vec<String>,
    bodies: Vec<Value>,
    error: Option<Explained>,
    exit: u8,
    /// Seconds it took by its own clock.
    seconds: u64,
}

#[derive(Clone, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs a line against these answers, each of which must be asked for.
fn run(line: &str, acts: Vec<Act>) -> Ran {
    run_masked(line, acts, &Mask::default())
}

fn run_masked(line: &str, acts: Vec<Act>, mask: &Mask) -> Ran {
    play(line, acts, None, mask)
}

/// The last answer is given for ever, where there is one.
fn play(line: &str, acts: Vec<Act>, last: Option<Act>, mask: &Mask) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    let settings = Settings::new(
        Args::parse(words.into_iter().map(Into::into)).unwrap(),
        Box::new(|name| {
            let value = match name {
                "RAWCOSMOS_SUBSCRIPTION" => "s",
                "RAWCOSMOS_RESOURCE_GROUP" => "g",
                "RAWCOSMOS_ACCOUNT_NAME" => "acct1",
                "RAWCOSMOS_QUIET" => "1",
                // Otherwise the machine would be asked first.
                "RAWCOSMOS_CLOUD" => "public",
                _ => return None,
            };
            Some(value.to_string())
        }),
    );
    let clock = FakeClock::new();
    let claims = format!(r#"{{"aud":"x","oid":"{OID}"}}"#);
    let token = common::token_answer(&common::jwt(&claims), 86400);
    let needs_token = !acts.is_empty() || last.is_some();
    let first = needs_token.then(|| token.into());
    let script = Script::new(&clock, first.into_iter().chain(acts)).then_for_ever(last);
    let session = Session::new(&settings, &script, None, mask).unwrap();
    let session = session.with_clock(&clock);
    let page = Page::default();
    let pipe = Box::new(page.clone());
    let mut output = Output::new(Format::Auto, settings.text("get"), false, pipe).unwrap();
    let (command, operands) = commands::find(settings.args()).unwrap();
    let Work::Session(work) = command.work else {
        panic!("{line} has no session");
    };
    let done = work(&session, &mut output, &operands).and_then(|()| output.finish());
    script.assert_over();
    let error = done.err().map(|e| explain(&e, &session.context()));
    let requests = script
        .sent()
        .into_iter()
        .filter(|r| !r.url.expose().contains("/metadata/"));
    let requests: Vec<_> = requests.collect();
    let line = |r: &rawcosmos::message::Request| {
        let url = r.url.expose().replace(ARM, "").replace(ACCOUNT, "A");
        format!(
            "{} {}",
            r.method,
            url.split("api-version=")
                .next()
                .unwrap()
                .trim_end_matches('?')
        )
    };
    let bodies = requests
        .iter()
        .filter_map(|r| r.body.as_ref().map(|body| body.expose()));
    let bodies = bodies.filter(|body| !body.is_empty());
    Ran {
        out: String::from_utf8(page.0.take()).unwrap(),
        bodies: bodies
            .map(|body| serde_json::from_str(body).unwrap())
            .collect(),
        sent: requests.iter().map(line).collect(),
        exit: error.as_ref().map_or(0, |e| e.exit),
        error,
        seconds: clock.passed().as_secs(),
    }
}

impl Ran {
    #[track_caller]
    fn ok(self) -> Ran {
        assert!(self.error.is_none(), "{}", self.error.unwrap());
        self
    }

    /// It failed with this exit code, saying this.
    #[track_caller]
    fn fails(self, exit: u8, what: &str) -> Ran {
        let error = self.error.as_ref().expect("it should have failed");
        assert!(error.what.contains(what), "{error}");
        assert_eq!(self.exit, exit, "{error}");
        self
    }

    #[track_caller]
    fn sends(self, lines: &[&str]) -> Ran {
        assert_eq!(self.sent, lines);
        self
    }

    fn first_fix(&self) -> &str {
        &self.error.as_ref().unwrap().fix[0]
    }
}

fn ok(body: impl ToString) -> Act {
    answer(200, &[("x-ms-request-id", "r")], body.to_string()).into()
}

fn refused(status: u16, code: &str, message: &str) -> Act {
    let body = json!({"error": {"code": code, "message": message}});
    answer(status, &[], body.to_string()).into()
}

fn recorded_error(file: &str) -> Act {
    common::recorded(&json(&format!("fixtures/arm/errors/{file}.json"))).into()
}

const STATUS: &str = "https://management.azure.com/status";
const RESULT: &str = "https://management.azure.com/result";

/// Begun, with an operation to follow.
fn begun(status: u16, body: impl ToString) -> Act {
    let headers = [("azure-asyncoperation", STATUS), ("location", RESULT)];
    answer(status, &headers, body.to_string()).into()
}

fn accepted() -> Act {
    begun(202, json!({"status": "Enqueued"}))
}

fn status(state: &str) -> Act {
    answer(200, &[], json!({"status": state}).to_string()).into()
}

fn state_of_account(state: &str) -> Value {
    json!({"id": ACCOUNT, "name": "acct1", "properties": {"provisioningState": state}})
}

fn absent() -> Act {
    recorded_error("arm_resourcenotfound_404")
}

fn broken() -> Act {
    Act::Break(Stage::Answer, std::time::Duration::ZERO)
}

// ---- Accounts

#[test]
fn accounts_are_listed_by_group_or_subscription() {
    let list = json!({"value": [{"name": "a", "n": 1}, {"name": "b"}]});
    let ran = run("account list", vec![ok(&list)]).ok();
    assert_eq!(ran.out, "{\"n\":1,\"name\":\"a\"}\n{\"name\":\"b\"}\n");
    ran.sends(&[
        "GET /subscriptions/s/resourceGroups/g/providers/Microsoft.DocumentDB/databaseAccounts",
    ]);
    let more = json!({"value": [], "nextLink": format!("{ARM}/more")});
    let ran = run("account list -g other", vec![ok(more), ok(&list)]).ok();
    assert_eq!(ran.out.lines().count(), 2);
    assert_eq!(ran.sent[1], "GET /more");
    assert!(ran.sent[0].contains("/resourceGroups/other/"));
}

#[test]
fn whether_a_name_is_taken_is_an_answer_either_way() {
    for (act, exists) in [(ok(""), true), (answer(404, &[], "").into(), false)] {
        let ran = run("account exists -n contoso", vec![act]).ok();
        assert_eq!(
            ran.out,
            format!("{{\"name\":\"contoso\",\"exists\":{exists}}}\n")
        );
        ran.sends(&["HEAD /providers/Microsoft.DocumentDB/databaseAccountNames/contoso"]);
    }
    run(
        "account exists",
        vec![refused(403, "AuthorizationFailed", "no")],
    )
    .fails(5, "not allowed");
}

#[test]
fn an_account_is_made_once_and_waited_for() {
    let recorded = json("fixtures/arm/recorded/account_create_2021-10-15.json");
    let body = |exchange: usize| recorded["exchanges"][exchange]["response"]["body"].clone();
    let acts = vec![
        absent(),
        answer(404, &[], "").into(),
        ok(json!({"location": "westus"})),
        begun(200, body(0)),
        status("Dequeued"),
        status("Succeeded"),
        ok(body(6)),
    ];
    let ran = run("account create -n acct1 --disable-local-auth", acts).ok();
    assert!(
        ran.out
            .contains("https://cli000003.documents.azure.com:443/"),
        "{}",
        ran.out
    );
    let sent = &ran.bodies[0];
    assert_eq!(sent["location"], "westus");
    assert_eq!(sent["properties"]["disableLocalAuth"], true);
    ran.sends(&[
        "GET A",
        "HEAD /providers/Microsoft.DocumentDB/databaseAccountNames/acct1",
        "GET /subscriptions/s/resourceGroups/g",
        "PUT A",
        "GET /status",
        "GET /status",
        "GET A",
    ]);
}

#[test]
fn an_account_that_is_there_is_never_put() {
    let line = "account create -n acct1 --location westus";
    let there = || ok(state_of_account("Succeeded"));
    run(line, vec![there()])
        .fails(6, "exists already")
        .sends(&["GET A"]);
    let fine = format!("{line} --if-not-exists");
    let ran = run(&fine, vec![there()]).ok().sends(&["GET A"]);
    assert!(ran.out.contains("Succeeded"));
    for line in [line, &fine] {
        let failed = vec![ok(state_of_account("Failed"))];
        run(line, failed).fails(6, "state Failed").sends(&["GET A"]);
    }
    // Somebody else is making it: that is waited for, too, though there is no operation to follow.
    let ran = run(
        &fine,
        vec![ok(state_of_account("Creating")), there(), there()],
    )
    .ok();
    ran.sends(&["GET A", "GET A", "GET A"]);
    let taken = run(line, vec![absent(), ok("")]);
    taken.fails(6, "taken by an account elsewhere");
    // Who may not ask for names is told by the answer to the PUT.
    let acts = vec![
        absent(),
        refused(403, "AuthorizationFailed", "no"),
        recorded_error("rp_badrequest_dns_taken_400"),
    ];
    run(line, acts).fails(1, "the name is taken");
    let nowhere = vec![recorded_error("arm_resourcegroupnotfound_404")];
    let ran = run(line, nowhere).fails(3, "no such resource group");
    assert_eq!(
        ran.error.unwrap().fix[1],
        "rawcosmos group create -n g --location LOCATION"
    );
}

#[test]
fn an_account_that_cannot_be_made_says_what_to_do() {
    let line = "account create -n acct1 --location westus";
    let until = |act: Act| vec![absent(), answer(404, &[], "").into(), act];
    let begin = || begun(200, state_of_account("Creating"));
    let mut acts = until(begin());
    acts.push(recorded_error("lro_failed_capacity"));
    let ran = run(line, acts).fails(1, "no room");
    assert_eq!(ran.first_fix(), "rawcosmos account delete -n acct1 -g g");
    let ran = run(line, until(recorded_error("rp_account_failed_state_400")));
    assert_eq!(
        ran.fails(1, "earlier attempt").first_fix(),
        "rawcosmos account delete -n acct1 -g g"
    );
    // 503 may be said before or after: the account itself tells, and the PUT is not repeated.
    let busy = refused(
        503,
        "ServiceUnavailable",
        "we are currently experiencing high demand",
    );
    let mut acts = until(busy);
    acts.extend([
        ok(state_of_account("Failed")),
        ok(state_of_account("Failed")),
    ]);
    run(line, acts).fails(6, "state Failed");
    let mut acts = until(broken());
    acts.extend([
        ok(state_of_account("Creating")),
        ok(state_of_account("Succeeded")),
        ok(state_of_account("Succeeded")),
    ]);
    let ran = run(line, acts).ok();
    assert_eq!(
        ran.sent
            .iter()
            .filter(|line| line.starts_with("PUT"))
            .count(),
        1
    );
    let mut acts = until(broken());
    acts.push(absent());
    let ran = run(line, acts).fails(10, "not known whether");
    assert_eq!(ran.first_fix(), "rawcosmos account show -n acct1 -g g");
    // The operation may not be read: then the account tells, and it is not done while it is being made.
    let mut acts = until(begin());
    for state in ["Creating", "Succeeded"] {
        acts.push(recorded_error("arm_poll_operationresults_403"));
        acts.push(ok(state_of_account(state)));
    }
    acts.push(ok(state_of_account("Succeeded")));
    run(line, acts).ok();
}

#[test]
fn a_location_is_the_groups_or_else_the_machines() {
    let line = "account create -n acct1 --no-wait";
    let before = || vec![absent(), answer(404, &[], "").into()];
    let mut acts = before();
    acts.push(refused(403, "AuthorizationFailed", "no"));
    let compute = "fixtures/identity/answers/instance_compute_public.json";
    acts.push(ok(common::fixture(compute)));
    acts.push(begun(200, state_of_account("Creating")));
    let ran = run(line, acts).ok();
    let location = json(compute)["location"].clone();
    assert_eq!(
        (&ran.bodies[0]["location"], ran.out.as_str()),
        (&location, "")
    );
}

#[test]
fn an_account_is_deleted_until_it_is_gone() {
    let there = ok(state_of_account("Succeeded"));
    let acts = vec![there, accepted(), status("Dequeued"), status("Succeeded")];
    let ran = run("account delete -n acct1 --yes", acts).ok();
    ran.sends(&["GET A", "DELETE A", "GET /status", "GET /status"]);
    // One that could not be made can still go, also where its operation may not be read.
    let failed = || ok(state_of_account("Failed"));
    let forbidden = || recorded_error("arm_poll_operationresults_403");
    let mut acts = vec![failed(), accepted()];
    acts.extend([forbidden(), failed(), forbidden(), absent()]);
    run("account delete -n acct1 --yes", acts).ok();
    let ran = run("account delete -n acct1 --yes", vec![absent()]).fails(3, "no such account");
    assert_eq!(ran.first_fix(), "rawcosmos account list");
}

#[test]
fn keys_are_fingerprints_unless_one_is_asked_for() {
    let keys = json!({
        "primaryMasterKey": "CANARY-primary", "secondaryMasterKey": "CANARY-secondary",
        "primaryReadonlyMasterKey": "CANARY-reading", "secondaryReadonlyMasterKey": "CANARY-other",
    });
    let mask = Mask::default();
    let ran = run_masked("account keys", vec![ok(&keys)], &mask).ok();
    assert_eq!(ran.out.lines().count(), 4);
    assert!(
        ran.out.starts_with("{\"kind\":\"primary\",\"sha256\":\""),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("CANARY"));
    let said = mask.text("it was CANARY-other, or CANARY-primary");
    assert!(!said.contains("CANARY"), "{said}");
    let ran = run("account keys --kind primary-readonly", vec![ok(&keys)]).ok();
    assert!(ran.out.lines().count() == 1 && !ran.out.contains("CANARY"));
    let line = "account keys --kind primary-readonly --raw --yes";
    assert_eq!(run(line, vec![ok(&keys)]).ok().out, "CANARY-reading\n");
    let ran = run(
        "account keys",
        vec![recorded_error("arm_authorizationfailed_403")],
    );
    let ran = ran.fails(5, "list account keys");
    assert!(
        ran.first_fix()
            .starts_with("rawcosmos grant --role account-contributor --principal 1111")
    );
}

// ---- Groups

#[test]
fn groups_are_made_shown_and_deleted() {
    let group = json!({"name": "g2", "location": "westus", "properties": {"provisioningState": "Succeeded"}});
    let missing = || recorded_error("arm_resourcegroupnotfound_404");
    let line = "group create -n g2 --location westus";
    let made = answer(201, &[], group.to_string()).into();
    let path = "/subscriptions/s/resourceGroups/g2";
    let (get, put, delete) = (
        format!("GET {path}"),
        format!("PUT {path}"),
        format!("DELETE {path}"),
    );
    let ran = run(line, vec![missing(), made, ok(&group)]).ok();
    assert_eq!(ran.bodies[0], json!({"location": "westus"}));
    ran.sends(&[&get, &put, &get]);
    run(line, vec![ok(&group)]).fails(6, "exists already");
    run(&format!("{line} --if-not-exists"), vec![ok(&group)]).ok();
    run("group show -n g2", vec![ok(&group)])
        .ok()
        .sends(&[&get]);
    let running = || Act::from(answer(202, &[("location", RESULT)], ""));
    let acts = vec![ok(&group), running(), running(), ok("")];
    let ran = run("group delete -n g2 --yes", acts).ok();
    ran.sends(&[&get, &delete, "GET /result", "GET /result"]);
    run("group delete -n g2 --yes", vec![missing()]).fails(3, "no such resource group");
    let refused = refused(
        403,
        "AuthorizationFailed",
        "The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Resources/subscriptions/resourceGroups/write' over scope '/subscriptions/s'",
    );
    let ran = run(line, vec![missing(), refused]).fails(5, "create or change resource groups");
    assert!(ran.first_fix().contains("--role Contributor"));
}

// ---- Containers

const CONTAINER: &str = "A/sqlDatabases/d/containers/c";

#[test]
fn a_container_is_changed_and_otherwise_put_back_as_it_was() {
    let recorded = json("fixtures/arm/recorded/sql_container_create_update_2021-10-15.json");
    let body = |exchange: usize| recorded["exchanges"][exchange]["response"]["body"].clone();
    let acts = || vec![ok(body(2)), accepted(), status("Succeeded"), ok(body(5))];
    let (get, put) = (format!("GET {CONTAINER}"), format!("PUT {CONTAINER}"));
    let ran = run("container update -d d -n c --ttl 2000", acts()).ok();
    // Older than this property, the client that was recorded lost it.
    let mut sent = ran.bodies[0].clone();
    let resource = sent["properties"]["resource"].as_object_mut().unwrap();
    assert!(resource.remove("geospatialConfig").is_some());
    assert_eq!(sent, recorded["exchanges"][3]["request"]["body"]);
    assert!(ran.out.contains("\"defaultTtl\":2000"), "{}", ran.out);
    ran.sends(&[&get, &put, "GET /status", &get]);
    let ran = run(
        "container update -d d -n c --ttl off --idx {\"x\":1}",
        acts(),
    )
    .ok();
    let resource = &ran.bodies[0]["properties"]["resource"];
    assert!(resource.get("defaultTtl").is_none() && resource["indexingPolicy"]["x"] == 1);
    // What is like that already is not written again.
    run("container update -d d -n c --ttl 1000", vec![ok(body(2))])
        .ok()
        .sends(&[&get]);
    let ran = run(
        "container update -d d -n c --ttl 9 --no-wait",
        vec![ok(body(2)), accepted()],
    );
    assert_eq!(ran.ok().out, "");
    let missing = refused(404, "NotFound", "Resource Not Found");
    run("container update -d d -n c --ttl 9", vec![missing]).fails(3, "no such container");
}

#[test]
fn a_change_whose_operation_may_not_be_read_is_seen_in_the_thing_itself() {
    let recorded = json("fixtures/arm/recorded/sql_container_create_update_2021-10-15.json");
    let container = |exchange: usize| ok(&recorded["exchanges"][exchange]["response"]["body"]);
    let forbidden = || recorded_error("arm_poll_operationresults_403");
    let follow = |line: &str, old: &dyn Fn() -> Act, new: &dyn Fn() -> Act| {
        let mut acts = vec![old(), accepted()];
        acts.extend([
            forbidden(),
            old(),
            forbidden(),
            old(),
            forbidden(),
            new(),
            new(),
        ]);
        let ran = run(line, acts).ok();
        assert_eq!(ran.sent.len(), 9, "{line}");
    };
    let (old, new) = (|| container(2), || container(5));
    follow("container update -d d -n c --ttl 2000", &old, &new);
    let (old, new) = (|| throughput(0), || throughput(3));
    follow(
        "throughput update -d d --max-throughput 8000 --yes",
        &old,
        &new,
    );
    // Its result is asked for where the operation put it.
    let acts = vec![
        throughput(3),
        accepted(),
        forbidden(),
        throughput(3),
        forbidden(),
        throughput(6),
        throughput(6),
    ];
    let ran = run("throughput migrate -d d --to manual --yes", acts).ok();
    assert_eq!(ran.sent[6], "GET /result");
}

// ---- Throughput

fn throughput(exchange: usize) -> Act {
    let recorded = json("fixtures/arm/recorded/throughput_autoscale_2021-06-15.json");
    common::recorded(&recorded["exchanges"][exchange]["response"]).into()
}

const SHARED: &str = "A/sqlDatabases/d/throughputSettings/default";

#[test]
fn throughput_is_shown_as_the_service_says_it() {
    let ran = run("throughput show -d d", vec![throughput(0)]).ok();
    assert!(
        ran.out.contains("\"minimumThroughput\":\"4000\""),
        "{}",
        ran.out
    );
    ran.sends(&[&format!("GET {SHARED}")]);
    let ran = run(
        "throughput show -d d -c c --get /throughput",
        vec![throughput(0)],
    )
    .ok();
    assert_eq!(ran.out, "400\n");
    ran.sends(&[&format!("GET {CONTAINER}/throughputSettings/default")]);
    let missing = || refused(404, "NotFound", "Resource Not Found");
    let ran =
        run("throughput show -d d -c c", vec![missing()]).fails(3, "no throughput of its own");
    assert_eq!(
        ran.first_fix(),
        "rawcosmos throughput show -d d -a acct1 -g g"
    );
    let serverless = vec![recorded_error("rp_badrequest_serverless_offer_400")];
    run("throughput show -d d", serverless).fails(1, "serverless account has no throughput");
}

#[test]
fn throughput_is_changed_within_its_mode() {
    let (get, put) = (format!("GET {SHARED}"), format!("PUT {SHARED}"));
    let acts = vec![
        throughput(0),
        accepted(),
        status("Succeeded"),
        throughput(3),
    ];
    let ran = run("throughput update -d d --max-throughput 8000 --yes", acts).ok();
    assert!(ran.out.contains("\"maxThroughput\":8000"), "{}", ran.out);
    let settings = json!({"autoscaleSettings": {"maxThroughput": 8000}});
    assert_eq!(ran.bodies[0]["properties"]["resource"], settings);
    ran.sends(&[&get, &put, "GET /status", &get]);
    // Less is not asked about; as much as there is changes nothing.
    let acts = vec![
        throughput(3),
        accepted(),
        status("Succeeded"),
        throughput(0),
    ];
    run("throughput update -d d --max-throughput 4000", acts).ok();
    let ran = run(
        "throughput update -d d --max-throughput 4000",
        vec![throughput(0)],
    );
    ran.ok().sends(&[&get]);
    let other = run(
        "throughput update -d d --throughput 4000",
        vec![throughput(0)],
    );
    let other = other.fails(6, "rawcosmos throughput migrate -d d --to manual");
    assert!(
        other
            .error
            .unwrap()
            .what
            .contains("autoscale up to 4000 RU/s")
    );
}

#[test]
fn a_change_of_mode_is_read_where_the_operation_says() {
    let post = format!("POST {SHARED}/migrateToManualThroughput");
    let get = format!("GET {SHARED}");
    let line = "throughput migrate -d d --to manual --yes";
    let acts = vec![
        throughput(3),
        accepted(),
        status("Succeeded"),
        throughput(6),
    ];
    let ran = run(line, acts).ok();
    assert!(
        ran.out
            .starts_with("{\"minimumThroughput\":\"400\",\"throughput\":8000}"),
        "{}",
        ran.out
    );
    ran.sends(&[&get, &post, "GET /status", "GET /result"]);
    // Where that cannot be read the settings tell.
    let acts = vec![
        throughput(3),
        accepted(),
        status("Succeeded"),
        answer(204, &[], "").into(),
        throughput(6),
    ];
    run(line, acts)
        .ok()
        .sends(&[&get, &post, "GET /status", "GET /result", &get]);
    run(line, vec![throughput(6)]).ok().sends(&[&get]);
    let ran = run(line, vec![throughput(3), broken()]).fails(10, "not known whether");
    assert_eq!(
        ran.first_fix(),
        "rawcosmos throughput show -d d -a acct1 -g g"
    );
}

// ---- Roles

const DATA_ROLES: &str = "A/sqlRoleAssignments";
const AZURE_ROLES: &str = "A/providers/Microsoft.Authorization/roleAssignments";
const OPERATOR: &str = "230815da-be43-4aae-9cb4-875f7bd000aa";

fn assignment(name: &str, role: &str, principal: &str, scope: &str) -> Value {
    json!({"name": name, "properties": {
        "roleDefinitionId": format!("/x/roleDefinitions/{role}"), "principalId": principal, "scope": scope,
    }})
}

fn list(items: &[Value]) -> Act {
    ok(json!({"value": items}))
}

#[test]
fn roles_are_listed_on_both_planes() {
    let (ours, theirs) = (
        assignment("1", "r", OID, ACCOUNT),
        assignment("2", "r", "other", ACCOUNT),
    );
    let (data, azure) = (format!("GET {DATA_ROLES}"), format!("GET {AZURE_ROLES}"));
    let both = || {
        vec![
            list(&[ours.clone(), theirs.clone()]),
            list(std::slice::from_ref(&ours)),
        ]
    };
    let ran = run("role list", both()).ok();
    assert_eq!(ran.out.lines().count(), 3);
    ran.sends(&[&data, &azure]);
    let ran = run("role list --principal self", both()).ok();
    assert_eq!(ran.out.lines().count(), 2);
    run("role list --plane data", vec![list(&[])])
        .ok()
        .sends(&[&data]);
    run("role list --plane arm", vec![list(&[])])
        .ok()
        .sends(&[&azure]);
    let named = json!({"permissions": [{"actions": ["Microsoft.DocumentDb/databaseAccounts/*"]}]});
    let acts = vec![
        list(&[json!({"name": "d"})]),
        list(&[json!({"name": "z"}), named]),
    ];
    let ran = run("role definitions", acts).ok();
    assert_eq!(ran.out.lines().count(), 2, "{}", ran.out);
    ran.sends(&[
        "GET A/sqlRoleDefinitions",
        "GET A/providers/Microsoft.Authorization/roleDefinitions",
    ]);
}

#[test]
fn an_azure_role_is_given_once_and_seen_in_the_list() {
    let line = "grant --role operator --principal self";
    let there = || list(&[assignment("n", OPERATOR, OID, ACCOUNT)]);
    let made = || Act::Fine(None);
    let exists = || {
        refused(
            409,
            "RoleAssignmentExists",
            "The role assignment already exists.",
        )
    };
    for put in [made(), exists()] {
        let ran = run(line, vec![put, there()]).ok();
        assert!(ran.out.contains(OPERATOR), "{}", ran.out);
        let sent = &ran.bodies[0]["properties"];
        assert_eq!(sent["principalId"], OID);
        assert_eq!(sent["principalType"], "ServicePrincipal");
        assert!(
            sent["roleDefinitionId"]
                .as_str()
                .unwrap()
                .starts_with("/subscriptions/s/providers/")
        );
        assert!(ran.sent[0].starts_with(&format!("PUT {AZURE_ROLES}/")));
        assert_eq!(ran.sent[1], format!("GET {AZURE_ROLES}"));
    }
    // A list may lag behind.
    run(line, vec![made(), list(&[]), there()]).ok();
    // One at a wider scope is another grant.
    let wide = "/subscriptions/s/resourceGroups/elsewhere";
    let acts = vec![made(), list(&[assignment("n", OPERATOR, OID, wide)])];
    let line = format!("grant --role account-reader --scope {wide} --principal-type group");
    let reader = "fbdf93bf-df7d-467e-a4d2-9458aa1360c8";
    let acts: Vec<Act> = acts
        .into_iter()
        .chain([list(&[assignment("n", reader, OID, wide)])])
        .collect();
    let ran = run(&line, acts).ok();
    assert!(ran.sent[0].starts_with(
        "PUT /subscriptions/s/resourceGroups/elsewhere/providers/Microsoft.Authorization/"
    ));
    assert_eq!(ran.bodies[0]["properties"]["principalType"], "Group");
    let refused = refused(
        403,
        "AuthorizationFailed",
        "The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write' over scope '/subscriptions/s'",
    );
    let ran = run("grant --role operator", vec![refused]).fails(5, "give Azure roles");
    assert!(
        ran.first_fix()
            .contains("--role 'User Access Administrator'")
    );
}

#[test]
fn an_azure_role_is_taken_back_under_whatever_name_it_has() {
    let line = "grant --role operator --revoke --yes";
    let there = list(&[assignment("by-az", OPERATOR, OID, ACCOUNT)]);
    let ran = run(line, vec![there, Act::Fine(None)]).ok();
    ran.sends(&[
        &format!("GET {AZURE_ROLES}"),
        &format!("DELETE {AZURE_ROLES}/by-az"),
    ]);
    let missing = refused(
        404,
        "RoleAssignmentNotFound",
        "The role assignment is not found.",
    );
    let ran = run(line, vec![list(&[]), missing]).fails(3, "no such grant");
    assert_eq!(
        ran.first_fix(),
        "rawcosmos role list --plane arm -a acct1 -g g"
    );
}

#[test]
fn a_data_role_of_the_accounts_own_is_given_by_name_or_guid() {
    let guid = "be79875a-2cc4-40d5-8958-566017875b39";
    let role = json!({"name": guid, "properties": {"roleName": "Shop", "type": 1}});
    let other = "--principal 33333333-3333-3333-3333-333333333333 --scope /dbs/d/colls/c";
    let given = || vec![accepted(), status("Succeeded"), Act::Fine(None)];
    let acts = [vec![list(&[json!({"name": "x"}), role])], given()].concat();
    let named = run(&format!("grant --role shop {other}"), acts).ok();
    let by_guid = run(&format!("grant --role {guid} {other}"), given()).ok();
    assert_eq!(named.bodies, by_guid.bodies);
    let sent = &named.bodies[0]["properties"];
    assert_eq!(sent["scope"], format!("{ACCOUNT}/dbs/d/colls/c"));
    assert_eq!(
        sent["roleDefinitionId"],
        format!("{ACCOUNT}/sqlRoleDefinitions/{guid}")
    );
    let unknown = run(&format!("grant --role nobody {other}"), vec![list(&[])]);
    unknown.fails(2, "rawcosmos role definitions");
}

#[test]
fn a_data_role_is_taken_back_under_whatever_name_it_has() {
    let line = "grant --role data-reader --scope /dbs/d --revoke --yes";
    let reader = "00000000-0000-0000-0000-000000000001";
    let missing = || recorded_error("rp_notfound_roleassignment_404");
    let there = list(&[assignment(
        "by-az",
        reader,
        OID,
        &format!("{ACCOUNT}/dbs/d"),
    )]);
    let ran = run(
        line,
        vec![missing(), there, accepted(), status("Succeeded")],
    )
    .ok();
    assert_eq!(
        ran.sent[1..],
        [
            format!("GET {DATA_ROLES}"),
            format!("DELETE {DATA_ROLES}/by-az"),
            "GET /status".to_string(),
        ]
    );
    let elsewhere = list(&[assignment("by-az", reader, OID, ACCOUNT)]);
    run(line, vec![missing(), elsewhere]).fails(3, "no such grant");
}

#[test]
fn a_grant_waits_for_the_accounts_lock_and_for_a_new_principal() {
    let line = "grant --role data-reader --principal 33333333-3333-3333-3333-333333333333";
    let locked = || recorded_error("rp_preconditionfailed_lock_412");
    let message =
        "There is another user operation in progress which requires an exclusive lock on [acct1].";
    let failed = |message: &str| {
        let error = json!({"code": "PreconditionFailed", "message": message});
        ok(json!({"status": "Failed", "error": error}))
    };
    let unknown = || recorded_error("rp_badrequest_principalnotfound_400");
    let acts = vec![
        locked(),
        locked(),
        accepted(),
        failed(message),
        unknown(),
        accepted(),
        status("Succeeded"),
        Act::Fine(None),
    ];
    let ran = run(line, acts).ok();
    // 5 and 10 for the lock, then 5 and 10 for what failed, and a second for each operation.
    assert_eq!(ran.seconds, 32);
    let ran = play(line, vec![], Some(locked()), &Mask::default());
    assert!(ran.seconds <= 120, "{}", ran.seconds);
    let ran = ran.fails(6, "another change of the account is running");
    assert!(ran.sent.len() > 3 && ran.sent.iter().all(|line| *line == ran.sent[0]));
    let ran = play(line, vec![], Some(unknown()), &Mask::default());
    assert_eq!((ran.seconds, ran.sent.len()), (75, 5));
    ran.fails(1, "does not know this principal yet");
    let acts = vec![accepted(), failed("something else")];
    run(line, acts).fails(1, "accepted and then failed");
    let line = "grant --role operator --principal 33333333-3333-3333-3333-333333333333";
    let new = "Principal 3333 does not exist in the directory t.";
    let there = assignment(
        "n",
        OPERATOR,
        "33333333-3333-3333-3333-333333333333",
        ACCOUNT,
    );
    let acts = vec![
        refused(400, "PrincipalNotFound", new),
        Act::Fine(None),
        list(&[there]),
    ];
    assert_eq!(run(line, acts).ok().seconds, 5);
}

#[test]
fn each_change_has_its_own_patience() {
    let begin = || begun(200, state_of_account("Creating"));
    let there = || ok(state_of_account("Succeeded"));
    let nobody = || answer(404, &[], "").into();
    #[rustfmt::skip]
    let rows: [(&str, Vec<Act>, u64); 5] = [
        ("account create -n acct1 --location x", vec![absent(), nobody(), begin()], 1800),
        ("account delete -n acct1 --yes", vec![there(), accepted()], 3600),
        ("group delete -n g --yes", vec![there(), accepted()], 3600),
        ("throughput update -d d --max-throughput 8000 --yes", vec![throughput(0), accepted()], 600),
        ("database create -n d", vec![refused(404, "NotFound", "no"), accepted()], 300),
    ];
    for (line, acts, limit) in rows {
        let ran = play(line, acts, Some(status("Dequeued")), &Mask::default());
        assert_eq!(ran.seconds, limit, "{line}");
        let ran = ran.fails(8, "not finished within");
        let error = ran.error.unwrap();
        assert!(error.to_string().contains(STATUS), "{line}");
        let noun = line.split(' ').next().unwrap();
        let looks = format!("rawcosmos {noun} show");
        assert!(
            noun == "group" || error.fix[0].starts_with(&looks),
            "{error}"
        );
    }
}
