//! Whole conversations over one client: a scripted service, a clock that jumps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::cell::{Cell, RefCell};
use std::sync::Mutex;
use std::time::Duration;

use common::{
    Act, FakeClock, KEY, Script, account, answer, arm_account, container, json, management,
    metadata, name, token_answer,
};
use rawcosmos::arm::operation::Started;
use rawcosmos::arm::{self};
use rawcosmos::authorize::master_key::MasterKey;
use rawcosmos::cosmos::batch::{self, Batch, Operation};
use rawcosmos::cosmos::changes::{Start, State};
use rawcosmos::cosmos::items::Options;
use rawcosmos::cosmos::key_definition::Definition;
use rawcosmos::cosmos::many::Pair;
use rawcosmos::cosmos::partition_key::PartitionKey;
use rawcosmos::cosmos::query::{self, Across, Query};
use rawcosmos::cosmos::{self, Paging, items};
use rawcosmos::error::{Broken, Error, Failure, Plane, Stage};
use rawcosmos::exchange::changes::Feed;
use rawcosmos::exchange::many::{Many, Way};
use rawcosmos::exchange::pages::Flow;
use rawcosmos::exchange::poll::Watch;
use rawcosmos::exchange::sessions::Sessions;
use rawcosmos::exchange::{Client, Clock, Credential, Transport};
use rawcosmos::identity::{Selector, Source, Token, imds};
use rawcosmos::message::{Call, Effect, Next, Request, Response, Scope};
use rawcosmos::show::{self, Mask};
use serde_json::value::RawValue;

fn machine() -> Credential {
    Credential::Identity {
        source: Source::Imds(metadata()),
        selector: Selector::Default,
    }
}

fn account_key() -> Credential {
    Credential::Key(MasterKey::new(KEY).unwrap())
}

fn ok(body: &str) -> Act {
    match body {
        "{}" => Act::Fine(None),
        body => answer(200, &[], body).into(),
    }
}

fn broken(stage: Stage) -> Act {
    Act::Break(stage, Duration::ZERO)
}

fn token(text: &str, seconds: u64) -> Act {
    token_answer(text, seconds).into()
}

fn is_token_request(line: &str) -> bool {
    line.contains("/metadata/identity/oauth2/token")
}

// ---- Tokens

#[test]
fn one_token_serves_many_calls_of_a_plane() {
    let clock = FakeClock::new();
    let acts = [
        token("data-token", 3600),
        ok("{}"),
        ok("{}"),
        ok("{}"),
        token("arm-token", 3600),
        ok("{}"),
        ok("{}"),
    ];
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, machine());
    for _ in 0..3 {
        client.run(&cosmos::account::read(&account())).unwrap();
    }
    client.run(&arm::accounts::show(&arm_account())).unwrap();
    client.run(&cosmos::account::read(&account())).unwrap();
    script.assert_over();
    let lines = script.lines();
    assert!(
        lines[0].ends_with("&resource=https%3A%2F%2Fcosmos.azure.com"),
        "{}",
        lines[0]
    );
    assert!(
        lines[4].ends_with("&resource=https%3A%2F%2Fmanagement.azure.com%2F"),
        "{}",
        lines[4]
    );
    let sent = script.sent();
    let authorization = |at: usize| header(&sent[at], "authorization");
    assert_eq!(authorization(0), None);
    assert_eq!(
        authorization(1).unwrap(),
        "type%3Daad%26ver%3D1.0%26sig%3Ddata-token"
    );
    assert_eq!(authorization(5).unwrap(), "Bearer arm-token");
    assert_eq!(authorization(6), authorization(1));
    assert_eq!(header(&sent[5], "x-ms-date"), None);
    assert_eq!(
        header(&sent[6], "x-ms-date").unwrap(),
        "Fri, 02 Jan 2026 03:04:05 GMT"
    );
}

fn header(request: &Request, name: &str) -> Option<String> {
    let found = request.headers.iter().find(|(n, _)| *n == name);
    found.map(|(_, value)| value.expose().to_string())
}

#[test]
fn one_ready_token_is_written_as_each_plane_wants_it() {
    let clock = FakeClock::new();
    let script = Script::new(&clock, [ok("{}"), ok("{}"), ok("{}"), ok("{}")]);
    let ready = Token::ready("ready-token").unwrap();
    let client = Client::new(&script, &clock, Credential::Token(ready));
    let data = cosmos::account::read(&account());
    client.run(&data).unwrap();
    client.run(&arm::accounts::show(&arm_account())).unwrap();
    client.run(&data).unwrap();
    client.run(&data).unwrap();
    let sent = script.sent();
    let aad = "type%3Daad%26ver%3D1.0%26sig%3Dready-token";
    let wanted = [aad, "Bearer ready-token", aad, aad];
    for (request, wanted) in sent.iter().zip(wanted) {
        assert_eq!(header(request, "authorization").unwrap(), wanted);
    }
}

#[test]
fn a_header_that_is_used_again_says_how_long_its_token_lives_by_then() {
    let clock = FakeClock::new();
    let acts = [token("data-token", 3_700), ok("{}"), ok("{}"), ok("{}")];
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, machine());
    for wait in [0, 20, 600] {
        clock.sleep(Duration::from_secs(wait));
        client.run(&cosmos::account::read(&account())).unwrap();
    }
    let sent = script.sent();
    let lives = ["expires in 1h01m", "expires in 1h01m", "expires in 51m"];
    for (request, life) in sent.iter().skip(1).zip(lives) {
        let mut headers = request.headers.iter();
        let (_, shown) = headers.find(|(name, _)| *name == "authorization").unwrap();
        assert!(shown.shown().contains(life), "{}", shown.shown());
    }
}

#[test]
fn of_several_threads_without_a_token_one_asks() {
    struct Slow(Mutex<usize>);
    impl Transport for Slow {
        fn send(&self, request: &Request) -> Result<Response, Broken> {
            if !is_token_request(&request.line()) {
                return Ok(answer(200, &[], r#"{"id":"acct1"}"#));
            }
            *self.0.lock().unwrap() += 1;
            // Long enough for the others to come to the same point.
            std::thread::sleep(Duration::from_millis(50));
            Ok(token_answer("data-token", 3600))
        }
    }
    let (clock, slow) = (FakeClock::new(), Slow(Mutex::default()));
    let client = Client::new(&slow, &clock, machine());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| client.run(&cosmos::account::read(&account())).unwrap());
        }
    });
    assert_eq!(*slow.0.lock().unwrap(), 1);
}

#[test]
fn a_token_is_renewed_five_minutes_before_it_expires() {
    let clock = FakeClock::new();
    let acts = [
        token("one", 3600),
        ok("{}"),
        ok("{}"),
        token("two", 3600),
        ok("{}"),
    ];
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, machine());
    let read = cosmos::account::read(&account());
    client.run(&read).unwrap();
    clock.advance(Duration::from_secs(3299));
    client.run(&read).unwrap();
    clock.advance(Duration::from_secs(1));
    client.run(&read).unwrap();
    script.assert_over();
    let last = script.sent().pop().unwrap();
    assert!(header(&last, "authorization").unwrap().ends_with("two"));
}

#[test]
fn no_moment_of_expiry_stops_the_program() {
    for expires in ["-377705116800", "253402300799", "0", "-1", "1e18"] {
        let clock = FakeClock::new();
        let body = format!(r#"{{"access_token":"t","expires_on":"{expires}","expires_in":"60"}}"#);
        let acts = [
            ok(&body),
            ok("{}"),
            ok(&body),
            ok("{}"),
            ok(&body),
            ok("{}"),
        ];
        let script = Script::new(&clock, acts);
        let client = Client::new(&script, &clock, machine());
        client.run(&cosmos::account::read(&account())).unwrap();
        client.run(&arm::accounts::show(&arm_account())).unwrap();
        let shown = show::request(&script.sent()[1], &Mask::default());
        assert!(shown.contains("<token"), "{shown}");
        if expires.len() < 12 {
            client.run(&cosmos::account::read(&account())).unwrap();
        }
    }
}

#[test]
fn an_expired_token_is_renewed_once() {
    let refusals: [(Call<_>, Response); 3] = [
        (
            cosmos::account::read(&account()),
            answer(401, &[("x-ms-substatus", "5006")], ""),
        ),
        (
            cosmos::account::read(&account()),
            answer(401, &[("x-ms-substatus", "5013")], ""),
        ),
        (
            arm::accounts::show(&arm_account()),
            common::recorded(&json(
                "fixtures/arm/errors/arm_expiredauthenticationtoken_401.json",
            )),
        ),
    ];
    for (call, refusal) in refusals {
        let clock = FakeClock::new();
        let acts = [
            token("one", 86400),
            refusal.clone().into(),
            token("two", 86400),
            ok("{}"),
        ];
        let script = Script::new(&clock, acts);
        let answer = Client::new(&script, &clock, machine()).run(&call).unwrap();
        assert_eq!(answer.attempts, 2);
        script.assert_over();
        assert!(clock.slept().is_empty());

        let acts = [
            token("one", 86400),
            refusal.clone().into(),
            token("two", 86400),
            refusal.clone().into(),
        ];
        let script = Script::new(&clock, acts);
        let error = Client::new(&script, &clock, machine())
            .run(&call)
            .err()
            .unwrap();
        assert!(error.is_status(401), "{error}");
        script.assert_over();

        let script = Script::new(&clock, [refusal.into()]);
        let given = Credential::Token(Token::ready("given").unwrap());
        let error = Client::new(&script, &clock, given)
            .run(&call)
            .err()
            .unwrap();
        assert!(error.is_status(401), "a given token cannot be renewed");
    }
}

#[test]
fn waiting_does_not_use_up_the_renewal() {
    let clock = FakeClock::new();
    let busy = answer(429, &[("x-ms-retry-after-ms", "70")], "");
    let expired = answer(401, &[("x-ms-substatus", "5006")], "");
    let acts = [
        token("one", 86400),
        busy.into(),
        expired.into(),
        token("two", 86400),
        ok("{}"),
    ];
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, machine());
    assert_eq!(
        client
            .run(&cosmos::account::read(&account()))
            .unwrap()
            .attempts,
        3
    );
    script.assert_over();
}

// ---- The clock

/// What the data plane says of a date that is too far from its own.
const TOO_FAR: &str = r#"{"code":"Forbidden","message":"The authorization token is not valid at the current time. Please create another token and retry (token start time: Fri, 02 Jan 2026 03:04:05 GMT, token expiry time: Fri, 02 Jan 2026 03:19:05 GMT, current server time: Fri, 02 Jan 2026 02:54:05 GMT)."}"#;

fn too_far(date: &str) -> Act {
    answer(403, &[("Date", date)], TOO_FAR).into()
}

fn dates(script: &Script) -> Vec<String> {
    let sent = script.sent();
    let dates = sent.iter().filter_map(|sent| header(sent, "x-ms-date"));
    dates.collect()
}

#[test]
fn a_wrong_clock_is_corrected_once_and_stays_corrected() {
    for (theirs, note) in [
        ("Fri, 02 Jan 2026 02:54:05 GMT", "10 minutes ahead of"),
        ("Sun, 04 Jan 2026 04:04:05 GMT", "2 days behind"),
    ] {
        let clock = FakeClock::new();
        let script = Script::new(&clock, [too_far(theirs), ok("{}"), ok("{}")]);
        let client = Client::new(&script, &clock, account_key());
        let item = serde_json::value::RawValue::from_string(r#"{"id":"1"}"#.to_string()).unwrap();
        let create = items::create(
            &container(),
            &PartitionKey::from_text("a"),
            &item,
            &Options::default(),
        );
        assert_eq!(client.run(&create).unwrap().attempts, 2);
        clock.advance(Duration::from_secs(5));
        client.run(&cosmos::account::read(&account())).unwrap();
        script.assert_over();
        let dates = dates(&script);
        assert_eq!(dates[0], "Fri, 02 Jan 2026 03:04:05 GMT");
        assert_eq!(dates[1], theirs);
        assert_eq!(dates[2], theirs.replace(":05 GMT", ":10 GMT"));
        let said =
            format!("this machine's clock is {note} the service's; signing by the service's clock");
        assert!(script.notes().contains(&said), "{}", script.notes());
        let sent = script.sent();
        assert_ne!(
            header(&sent[0], "authorization"),
            header(&sent[1], "authorization")
        );
        assert!(clock.slept().is_empty());
    }
}

#[test]
fn a_clock_that_cannot_be_corrected_is_refused() {
    let read = cosmos::account::read(&account());
    let same = "Fri, 02 Jan 2026 03:04:45 GMT";
    let other = "Fri, 02 Jan 2026 02:54:05 GMT";
    let undated: Act = answer(403, &[], TOO_FAR).into();
    for acts in [
        vec![too_far(same)],
        vec![too_far("yesterday")],
        vec![undated],
        vec![too_far(other), too_far(other)],
        vec![too_far(other), too_far(same)],
    ] {
        let clock = FakeClock::new();
        let script = Script::new(&clock, acts);
        let client = Client::new(&script, &clock, account_key());
        let error = client.run(&read).err().unwrap();
        assert!(error.is_status(403), "{error}");
        script.assert_over();
    }
}

#[test]
fn an_expired_token_tells_the_time_too() {
    let expired = |date| answer(401, &[("x-ms-substatus", "5006"), ("date", date)], "");
    let early = answer(
        401,
        &[
            ("x-ms-substatus", "5005"),
            ("date", "Fri, 02 Jan 2026 03:24:05 GMT"),
        ],
        "",
    );
    let clock = FakeClock::new();
    let acts = [
        token("one", 86400),
        expired("Sat, 03 Jan 2026 03:04:05 GMT").into(),
        token("two", 86400),
        ok("{}"),
        early.into(),
        ok("{}"),
    ];
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, machine());
    let read = cosmos::account::read(&account());
    assert_eq!(client.run(&read).unwrap().attempts, 2);
    assert_eq!(client.run(&read).unwrap().attempts, 2);
    script.assert_over();
    let dates = dates(&script);
    assert_eq!(dates[1], "Sat, 03 Jan 2026 03:04:05 GMT");
    assert_eq!(dates[3], "Fri, 02 Jan 2026 03:24:05 GMT");
}

// ---- Versions

#[test]
fn a_version_arm_does_not_know_is_replaced_by_the_newest_it_does() {
    let file = "fixtures/arm/errors/arm_noregisteredproviderfound_400.json";
    let refusal: Act = common::recorded(&json(file)).into();
    let clock = FakeClock::new();
    let acts = [
        token("t", 86400),
        refusal.clone(),
        ok("{}"),
        ok("{}"),
        refusal.clone(),
    ];
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, machine());
    let show = arm::accounts::show(&arm_account());
    assert_eq!(client.run(&show).unwrap().attempts, 2);
    assert_eq!(client.run(&show).unwrap().attempts, 1);
    let error = client.run(&show).err().unwrap();
    assert!(
        error.to_string().contains("NoRegisteredProviderFound"),
        "{error}"
    );
    script.assert_over();
    let version = |line: &String| line.rsplit_once("api-version=").unwrap().1.to_string();
    let versions: Vec<String> = script.lines()[1..].iter().map(version).collect();
    assert_eq!(
        versions,
        [arm::VERSION, "2022-11-15", "2022-11-15", "2022-11-15"]
    );
    let note = format!(
        "ARM does not know its version {}; using 2022-11-15",
        arm::VERSION
    );
    assert!(script.notes().contains(&note), "{}", script.notes());
}

#[test]
fn a_list_without_a_version_for_us_is_final() {
    for (code, list) in [
        ("InvalidResourceType", "2099-01-01, 2015-04-08-preview"),
        ("InvalidApiVersionParameter", ""),
    ] {
        let body = format!(
            r#"{{"error":{{"code":"{code}","message":"x. The supported api-versions are '{list}'."}}}}"#
        );
        let clock = FakeClock::new();
        let script = Script::new(&clock, [token("t", 86400), answer(400, &[], body).into()]);
        let client = Client::new(&script, &clock, machine());
        let error = client
            .run(&arm::accounts::show(&arm_account()))
            .err()
            .unwrap();
        assert!(error.is_status(400), "{error}");
        script.assert_over();
    }
}

#[test]
fn a_version_the_metadata_service_does_not_know_is_replaced() {
    let body = common::fixture("fixtures/identity/answers/instance_400_bad_api_version.json");
    let refusal: Act = answer(400, &[], body).into();
    let clock = FakeClock::new();
    let compute = rawcosmos::identity::instance::compute(&metadata());
    let script = Script::new(&clock, [refusal.clone(), ok("{}"), refusal.clone()]);
    let client = Client::new(&script, &clock, machine());
    client.run(&compute).unwrap();
    let error = client.run(&compute).err().unwrap();
    assert!(matches!(error, Error::Identity(..)), "{error}");
    script.assert_over();
    assert!(
        script.lines()[1].ends_with("?api-version=2024-03-15"),
        "{:?}",
        script.lines()
    );
}

#[test]
fn a_wrong_audience_is_final() {
    let clock = FakeClock::new();
    let refusal = common::recorded(&json(
        "fixtures/arm/errors/arm_invalidauthenticationtokenaudience_401.json",
    ));
    let script = Script::new(&clock, [token("one", 86400), refusal.into()]);
    let client = Client::new(&script, &clock, machine());
    let error = client
        .run(&arm::accounts::show(&arm_account()))
        .unwrap_err();
    assert_eq!(
        error.failure().unwrap().code,
        "InvalidAuthenticationTokenAudience"
    );
}

#[test]
fn a_key_asks_for_no_token_and_arm_takes_none() {
    let clock = FakeClock::new();
    let busy = answer(429, &[("x-ms-retry-after-ms", "2000")], "");
    let script = Script::new(&clock, [busy.into(), ok("{}")]);
    let client = Client::new(&script, &clock, account_key());
    client.run(&cosmos::account::read(&account())).unwrap();
    let sent = script.sent();
    assert_eq!(
        header(&sent[0], "x-ms-date").unwrap(),
        "Fri, 02 Jan 2026 03:04:05 GMT"
    );
    assert_eq!(
        header(&sent[1], "x-ms-date").unwrap(),
        "Fri, 02 Jan 2026 03:04:07 GMT"
    );
    assert_ne!(
        header(&sent[0], "authorization"),
        header(&sent[1], "authorization")
    );
    let error = client
        .run(&arm::accounts::show(&arm_account()))
        .unwrap_err();
    assert!(matches!(error, Error::Usage(_)), "{error}");
    assert!(matches!(client.token("x"), Err(Error::Usage(_))));
    assert_eq!(script.count(), 2);
}

#[test]
fn a_header_that_would_split_the_request_is_not_sent() {
    let clock = FakeClock::new();
    let script = Script::new(&clock, []);
    let client = Client::new(&script, &clock, account_key());
    for hostile in ["a\r\nx: y", "a\nb", "ü", "a\u{7f}"] {
        let options = Options {
            session: Some(hostile.into()),
            ..Options::default()
        };
        let call = items::read(
            &container(),
            &name("a"),
            &PartitionKey::from_text("a"),
            &options,
        );
        assert!(
            matches!(client.run(&call), Err(Error::Usage(_))),
            "{hostile:?}"
        );
    }
    assert_eq!(script.count(), 0);
}

#[test]
fn the_request_is_named_where_an_answer_cannot_be_used() {
    let clock = FakeClock::new();
    let script = Script::for_ever(&clock, ok("[]"));
    let error = Client::new(&script, &clock, account_key()).run(&cosmos::account::read(&account()));
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("GET https://acct1.documents.azure.com/"),
        "{text}"
    );
    let nowhere = Error::answer("the container has no partitionKey").to_string();
    assert!(!nowhere.contains(" : "), "{nowhere}");
}

#[test]
fn every_error_of_the_data_plane_names_an_activity_id() {
    const SENT: &str = "856acd38-320d-47df-ab6f-9761bb987668";
    let said = |id: &str| answer(400, &[("x-ms-activity-id", id)], "{}").into();
    for (act, wanted) in [
        (broken(Stage::Answer), SENT),
        (broken(Stage::Connect), SENT),
        (ok("[]"), SENT),
        (refusal(400, 0, "{}"), SENT),
        (said("theirs"), "theirs"),
    ] {
        for write in [false, true] {
            let clock = FakeClock::new();
            let script = Script::for_ever(&clock, act.clone());
            let client = Client::new(&script, &clock, account_key());
            let error = match write {
                true => create_one(&client).unwrap_err(),
                false => client.run(&cosmos::account::read(&account())).unwrap_err(),
            };
            assert_eq!(error.activity(), Some(wanted), "{error}");
            let sent = script.sent();
            assert_eq!(header(&sent[0], "x-ms-activity-id").as_deref(), Some(SENT));
        }
    }
}

/// A proxy says them as well: only of the service it is believed that it has done nothing.
#[test]
fn a_refusal_without_the_marks_of_the_service_leaves_a_write_unknown() {
    let coded = r#"{"code":"ServiceUnavailable","message":"x"}"#;
    for status in [408, 410, 429, 449, 500, 502, 503, 504, 520, 302] {
        for body in [
            "",
            "<html>",
            "upstream connect error",
            r#"{"message":"no"}"#,
        ] {
            let bare: Act = answer(status, &[("retry-after", "0")], body).into();
            for effect in [Effect::Once, Effect::Never] {
                let ran = always(Plane::Data, effect, &bare);
                let error = ran.result.unwrap_err();
                assert!(
                    matches!(error, Error::Unknown(_)),
                    "{status} {body}: {error}"
                );
                assert_eq!(ran.sent, 1, "{status} {body}: sent again");
            }
            let ran = always(Plane::Arm, Effect::Once, &bare);
            assert!(matches!(ran.result, Err(Error::Unknown(_))), "{status}");
        }
    }
    for of_service in [
        answer(503, &[("x-ms-request-charge", "0")], ""),
        answer(503, &[], coded),
    ] {
        let ran = always(Plane::Data, Effect::Once, &of_service.into());
        assert_eq!(ran.sent, 4);
        assert!(ran.result.unwrap_err().is_status(503));
    }
}

#[test]
fn a_success_that_is_not_the_services_answer_is_none() {
    let page = "<html>Sign in</html>";
    let bodies = ["", "{}", "[]", page, r#"{"id":"another"}"#];
    for (status, body) in [200, 202, 203, 206]
        .iter()
        .flat_map(|s| bodies.map(|b| (*s, b)))
    {
        let clock = FakeClock::new();
        let script = Script::for_ever(&clock, Act::from(answer(status, &[], body)));
        let client = Client::new(&script, &clock, account_key());
        let case = format!("{status} {body}");
        let created = create_one(&client).unwrap_err();
        assert!(matches!(created, Error::Unknown(_)), "{case}: {created}");
        let key = PartitionKey::from_text("a");
        let delete = items::delete(&container(), &name("1"), &key, &Options::default());
        let deleted = client.run(&delete).unwrap_err();
        assert!(matches!(deleted, Error::Unknown(_)), "{case}: {deleted}");
        let read = read_one(&client).unwrap_err();
        assert!(matches!(read, Error::Answer(_)), "{case}: {read}");
        let database = arm::databases::create(&arm_account(), &name("d"), None);
        let client = Client::new(
            &script,
            &clock,
            Credential::Token(Token::ready("t").unwrap()),
        );
        let put = client.run(&database).unwrap_err();
        assert!(matches!(put, Error::Unknown(_)), "{case}: {put}");
    }
}

#[test]
fn a_charge_that_is_no_amount_is_none() {
    for (text, charge) in [
        ("2.5", Some(2.5)),
        ("NaN", None),
        ("inf", None),
        ("-1", None),
    ] {
        let clock = FakeClock::new();
        let charged = Act::Fine(Some(("x-ms-request-charge", text.to_string())));
        let script = Script::new(&clock, [charged]);
        let client = Client::new(&script, &clock, account_key());
        let read = client.run(&cosmos::account::read(&account())).unwrap();
        assert_eq!(read.charge, charge, "{text}");
    }
}

// ---- The metadata service

fn identity_alone(acts: Vec<Act>) -> (Result<(), Error>, Vec<u128>, usize, Duration) {
    let clock = FakeClock::new();
    let last = acts.last().unwrap().clone();
    let script = match acts.len() {
        1 => Script::for_ever(&clock, last),
        _ => Script::new(&clock, acts),
    };
    let client = Client::new(&script, &clock, machine());
    let result = client
        .run(&imds::token(&metadata(), "x", &Selector::Default))
        .map(|_| ());
    (result, clock.slept(), script.count(), clock.passed())
}

#[test]
fn a_refusal_of_the_metadata_service_is_final() {
    let page = "<html>blocked</html>";
    let no_identity =
        common::fixture("fixtures/identity/answers/aci_windows_404_default_identity.json");
    for (status, body) in [
        (400, "{}"),
        (401, "{}"),
        (403, "{}"),
        (405, "{}"),
        (404, page),
        (502, page),
        (404, no_identity.as_str()),
    ] {
        let (result, slept, count, _) = identity_alone(vec![answer(status, &[], body).into()]);
        assert!(
            matches!(result, Err(Error::Identity(no_token)) if no_token.failure.is_some()),
            "{status}"
        );
        assert_eq!((slept.len(), count), (0, 1), "{status} {body}");
    }
}

#[test]
fn an_update_of_the_metadata_service_is_waited_for() {
    let (result, slept, count, passed) = identity_alone(vec![answer(410, &[], "").into()]);
    assert!(matches!(result, Err(Error::Identity(..))));
    assert_eq!(
        slept,
        [2000, 4000, 8000, 10000, 10000, 10000, 10000, 10000, 10000]
    );
    assert_eq!(count, 10);
    assert!((70..=75).contains(&passed.as_secs()), "{passed:?}");
    let (result, slept, ..) = identity_alone(vec![answer(410, &[], "").into(), token("t", 60)]);
    assert!(result.is_ok());
    assert_eq!(slept, [2000]);
}

#[test]
fn a_source_that_was_named_is_given_longer_to_connect() {
    let connect = |patient| {
        let clock = FakeClock::new();
        let script = Script::new(&clock, [token("t", 60)]);
        let client = Client::new(&script, &clock, machine()).patient(patient);
        client.token("x").unwrap();
        let limits = script.sent()[0].limits;
        limits.map(|limits| limits.connect.as_secs())
    };
    assert_eq!((connect(false), connect(true)), (None, Some(10)));
}

#[test]
fn a_machine_without_a_metadata_service_is_found_out_quickly() {
    let nobody = Act::Break(Stage::Connect, Duration::from_millis(1_300));
    let (result, slept, count, passed) = identity_alone(vec![nobody]);
    assert!(matches!(result, Err(Error::Transport(_))));
    assert_eq!((slept, count), (vec![200], 2));
    assert!(passed < Duration::from_secs(3), "{passed:?}");
    // Silence, and then a probe without an answer: nothing is asked a second time.
    let silent = Act::Break(Stage::Answer, Duration::from_millis(1_500));
    let (result, slept, count, passed) = identity_alone(vec![silent]);
    assert!(matches!(result, Err(Error::Transport(_))));
    assert_eq!((slept, count), (vec![], 2));
    assert!(passed <= Duration::from_secs(3), "{passed:?}");
    // What is known is not found out again for a moment.
    let clock = FakeClock::new();
    let script = Script::for_ever(&clock, Act::Break(Stage::Answer, Duration::ZERO));
    let client = Client::new(&script, &clock, machine());
    for (seconds, sent) in [(0, 2), (5, 2), (6, 4)] {
        clock.advance(Duration::from_secs(seconds));
        assert!(matches!(client.token("x"), Err(Error::Transport(_))));
        assert_eq!(script.count(), sent);
    }
}

// ---- Again or not

fn bare(plane: Plane, effect: Effect) -> Call<()> {
    let scope = match plane {
        Plane::Identity | Plane::Entra => Scope::Open,
        Plane::Arm => Scope::Arm,
        // The account has no other region to be asked for in.
        Plane::Data => Scope::Data {
            kind: "",
            link: String::new(),
        },
    };
    Call {
        request: Request::new(plane, "PUT", "https://service.example/x"),
        scope,
        action: "",
        effect,
        read: |_| Ok(()),
    }
}

struct Ran {
    result: Result<u32, Error>,
    waits: Vec<u128>,
    sent: usize,
}

fn run(plane: Plane, effect: Effect, script: impl FnOnce(&FakeClock) -> Script<'_>) -> Ran {
    let clock = FakeClock::new();
    let script = script(&clock);
    let given = Credential::Token(Token::ready("given").unwrap());
    let result = Client::new(&script, &clock, given).run(&bare(plane, effect));
    script.assert_over();
    Ran {
        result: result.map(|answer| answer.attempts),
        waits: clock.slept(),
        sent: script.count(),
    }
}

fn always(plane: Plane, effect: Effect, act: &Act) -> Ran {
    run(plane, effect, |clock| Script::for_ever(clock, act.clone()))
}

fn refusal(status: u16, substatus: u32, body: &str) -> Act {
    let substatus = substatus.to_string();
    answer(status, &[("x-ms-substatus", &substatus)], body).into()
}

const LOCK: &str = r#"{"code":"PreconditionFailed","message":"There is another user operation in progress which requires an exclusive lock on [a]."}"#;

/// When a service keeps answering this, how long is waited before each further attempt.
type Row = (Plane, u16, u32, &'static str, &'static [u128]);

#[rustfmt::skip]
const PATIENCE: &[Row] = &[
    (Plane::Identity, 404, 0, "{}", &[1000, 2000, 4000, 8000, 16000]),
    (Plane::Identity, 408, 0, "{}", &[1000, 2000, 4000, 8000, 16000]),
    (Plane::Identity, 429, 0, "{}", &[1000, 2000, 4000, 8000, 16000]),
    (Plane::Identity, 500, 0, "{}", &[1000, 2000, 4000, 8000, 16000]),
    (Plane::Identity, 503, 0, "", &[1000, 2000, 4000, 8000, 16000]),
    (Plane::Arm, 401, 0, "Expired", &[]),
    (Plane::Arm, 403, 0, "{}", &[]),
    (Plane::Arm, 404, 0, "{}", &[]),
    (Plane::Arm, 409, 0, "{}", &[]),
    (Plane::Arm, 412, 0, "{}", &[]),
    (Plane::Arm, 412, 0, LOCK, &[5000, 10000, 20000, 40000, 40000]),
    (Plane::Arm, 429, 0, "{}", &[5000, 10000, 20000, 30000, 30000]),
    (Plane::Arm, 500, 0, "{}", &[1000, 2000, 4000, 8000]),
    (Plane::Arm, 502, 0, "", &[1000, 2000, 4000, 8000]),
    (Plane::Arm, 503, 0, "{}", &[1000, 2000, 4000, 8000]),
    (Plane::Arm, 504, 0, "", &[1000, 2000, 4000, 8000]),
    (Plane::Data, 400, 0, "{}", &[]),
    (Plane::Data, 400, 1001, "{}", &[]),
    (Plane::Data, 401, 0, "{}", &[]),
    (Plane::Data, 401, 5008, "{}", &[]),
    (Plane::Data, 403, 5301, "{}", &[]),
    (Plane::Data, 404, 0, "{}", &[]),
    (Plane::Data, 404, 1002, "{}", &[100, 200, 400]),
    (Plane::Data, 404, 1003, "{}", &[]),
    (Plane::Data, 404, 1013, "{}", &[500, 1000, 2000, 4000, 4000]),
    (Plane::Data, 409, 0, "{}", &[]),
    (Plane::Data, 412, 0, "{}", &[]),
    (Plane::Data, 413, 0, "{}", &[]),
    (Plane::Data, 429, 3200, "{}", &[100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]),
    (Plane::Data, 429, 0, "{}", &[100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]),
    (Plane::Data, 429, 3204, "{}", &[]),
    (Plane::Data, 429, 3213, "{}", &[]),
    (Plane::Data, 503, 0, "{}", &[500, 1000, 2000]),
    (Plane::Data, 302, 0, "", &[]),
];

#[test]
fn refusals_are_repeated_as_the_table_says() {
    for (plane, status, substatus, body, waits) in PATIENCE {
        let ran = always(*plane, Effect::Read, &refusal(*status, *substatus, body));
        let case = format!("{plane} {status}/{substatus} {body}");
        assert_eq!(ran.waits, *waits, "{case}");
        assert_eq!(ran.sent, waits.len() + 1, "{case}");
        let error = ran.result.unwrap_err();
        assert_eq!(error.failure().map(|f| f.status), Some(*status), "{case}");
    }
}

#[test]
fn a_race_of_writes_is_repeated_for_half_a_minute() {
    let ran = always(Plane::Data, Effect::Once, &refusal(449, 0, ""));
    assert_eq!(ran.waits[..8], [10, 20, 40, 80, 160, 320, 640, 1000]);
    assert!(ran.waits[7..].iter().all(|wait| *wait == 1000));
    let total: u128 = ran.waits.iter().sum();
    assert!((29_000..=30_000).contains(&total), "{total}");
    assert!(ran.result.unwrap_err().is_status(449));
}

/// Statuses after which nobody knows: repeated where that is harmless.
#[rustfmt::skip]
const UNCLEAR: &[Row] = &[
    (Plane::Data, 408, 0, "", &[500, 1000, 2000]),
    (Plane::Data, 500, 0, "", &[500, 1000, 2000]),
    (Plane::Data, 502, 0, "", &[500, 1000, 2000]),
    (Plane::Data, 504, 0, "", &[500, 1000, 2000]),
];

#[test]
fn an_unclear_answer_is_repeated_only_where_harmless() {
    for (plane, status, substatus, body, waits) in UNCLEAR {
        let act = refusal(*status, *substatus, body);
        for effect in [Effect::Read, Effect::Idempotent, Effect::Delete] {
            let ran = always(*plane, effect, &act);
            assert_eq!(ran.waits, *waits, "{status} {effect:?}");
            assert!(ran.result.unwrap_err().is_status(*status));
        }
        let ran = always(*plane, Effect::Once, &act);
        assert_eq!((ran.waits.len(), ran.sent), (0, 1), "{status}");
        let error = ran.result.unwrap_err();
        assert!(matches!(error, Error::Unknown(_)), "{status}: {error}");
    }
    let moved = refusal(410, 1002, "");
    let other = refusal(410, 1000, "");
    assert_eq!(
        always(Plane::Data, Effect::Read, &other).waits,
        [100, 200, 400, 800, 1600]
    );
    let ran = always(Plane::Data, Effect::Once, &other);
    assert_eq!(ran.sent, 1);
    assert!(ran.result.unwrap_err().is_status(410));
    // A range that was split, merged or moved, or is being so, has done nothing.
    for effect in [Effect::Read, Effect::Once, Effect::Guarded, Effect::Delete] {
        let ran = always(Plane::Data, effect, &moved);
        assert_eq!(
            ran.waits[..6],
            [100, 200, 400, 800, 1600, 2000],
            "{effect:?}"
        );
        let total: u128 = ran.waits.iter().sum();
        assert!((27_000..=30_000).contains(&total), "{total}");
        assert!(ran.result.unwrap_err().is_status(410));
    }
}

#[test]
fn what_the_service_promises_not_to_have_done_is_repeated() {
    for (status, times) in [(429, 10), (503, 4)] {
        let ran = always(Plane::Data, Effect::Once, &refusal(status, 0, ""));
        assert_eq!(ran.sent, times, "{status}");
        assert!(ran.result.unwrap_err().is_status(status));
    }
}

/// A request that was throttled may still meet a failure, and the other way round.
#[test]
fn each_refusal_has_its_own_limit() {
    let (busy, failed) = (refusal(429, 3200, ""), refusal(500, 0, ""));
    let acts = [&busy, &busy, &busy, &failed, &failed, &busy, &failed];
    let acts = || acts.into_iter().cloned();
    let ran = run(Plane::Data, Effect::Read, |clock| {
        Script::new(clock, acts().chain([ok("{}")]))
    });
    assert_eq!(ran.waits, [100, 200, 400, 500, 1000, 800, 2000]);
    assert_eq!(ran.result.unwrap(), 8);
    let ran = run(Plane::Data, Effect::Read, |clock| {
        Script::new(clock, acts().chain([failed.clone()]))
    });
    assert!(ran.result.unwrap_err().is_status(500));
}

#[test]
fn the_services_own_wait_is_honoured_within_the_budget() {
    let wait = |ms: &str| Act::from(answer(429, &[("x-ms-retry-after-ms", ms)], ""));
    let ran = run(Plane::Data, Effect::Once, |clock| {
        Script::new(clock, [wait("12.5"), wait("0"), wait("2500"), ok("{}")])
    });
    assert_eq!(ran.waits, [12, 200, 2500]);
    assert_eq!(ran.result.unwrap(), 4);
    let ran = always(Plane::Data, Effect::Once, &wait("7000"));
    assert_eq!(ran.waits, [7000, 7000, 7000, 7000]);
    let ran = always(Plane::Data, Effect::Once, &wait("31000"));
    assert_eq!((ran.waits.len(), ran.sent), (0, 1));
    let arm = Act::from(answer(429, &[("Retry-After", "17")], ""));
    let ran = always(Plane::Arm, Effect::Read, &arm);
    assert_eq!(ran.waits, [17_000; 7]);
    let long = Act::from(common::recorded(&json(
        "fixtures/arm/errors/arm_throttled_429.json",
    )));
    assert_eq!(always(Plane::Arm, Effect::Read, &long).sent, 1);
}

#[test]
fn a_failed_connection_is_repeated_by_stage_and_effect() {
    use Effect::{Delete, Idempotent, Once, Read};
    for effect in [Read, Idempotent, Delete, Once] {
        for stage in [Stage::Resolve, Stage::Connect] {
            let ran = always(Plane::Data, effect, &broken(stage));
            assert_eq!(ran.waits, [200, 1000], "{stage:?} {effect:?}");
            assert!(matches!(ran.result, Err(Error::Transport(_))));
        }
        let ran = always(Plane::Arm, effect, &broken(Stage::Tls));
        assert_eq!((ran.sent, ran.waits.len()), (1, 0), "a stranger stays one");
    }
    for effect in [Read, Idempotent, Delete] {
        let ran = always(Plane::Data, effect, &broken(Stage::Answer));
        assert_eq!(ran.sent, 3, "{effect:?}");
        let error = ran.result.unwrap_err();
        match effect {
            Read => assert!(matches!(error, Error::Transport(_)), "{error}"),
            _ => assert!(matches!(error, Error::Unknown(_)), "{error}"),
        }
    }
    let ran = always(Plane::Data, Once, &broken(Stage::Answer));
    assert_eq!(ran.sent, 1);
    let error = ran.result.unwrap_err();
    assert!(matches!(error, Error::Unknown(_)), "{error}");
    assert!(
        error.to_string().contains("PUT https://service.example/x"),
        "{error}"
    );
    let ran = run(Plane::Data, Once, |clock| {
        Script::new(clock, [broken(Stage::Connect), broken(Stage::Answer)])
    });
    assert!(matches!(ran.result, Err(Error::Unknown(_))));
}

#[test]
fn the_second_delete_may_find_nothing() {
    let missing = || refusal(404, 0, r#"{"code":"NotFound","message":"x"}"#);
    let ran =
        |plane, acts: [Act; 2]| run(plane, Effect::Delete, |clock| Script::new(clock, acts)).result;
    for first in [
        broken(Stage::Answer),
        refusal(500, 0, ""),
        refusal(408, 0, ""),
        refusal(504, 0, ""),
    ] {
        assert_eq!(ran(Plane::Data, [first, missing()]).unwrap(), 2);
    }
    assert!(ran(Plane::Arm, [refusal(503, 0, ""), missing()]).is_ok());
    for first in [
        broken(Stage::Connect),
        refusal(429, 0, ""),
        refusal(503, 0, ""),
        refusal(449, 0, ""),
    ] {
        assert!(
            ran(Plane::Data, [first, missing()])
                .unwrap_err()
                .is_status(404)
        );
    }
    // A page that a proxy says it with does not mean that the item is gone.
    let page: Act = answer(404, &[], "<html>").into();
    let error = ran(Plane::Data, [broken(Stage::Answer), page]).unwrap_err();
    assert!(!matches!(error, Error::Transport(_)), "{error}");
    let gone = always(Plane::Data, Effect::Delete, &missing());
    assert_eq!(gone.sent, 1);
    assert!(gone.result.unwrap_err().is_status(404));
    for effect in [Effect::Read, Effect::Idempotent] {
        let ran = run(Plane::Data, effect, |clock| {
            Script::new(clock, [broken(Stage::Answer), missing()])
        });
        assert!(ran.result.unwrap_err().is_status(404), "{effect:?}");
    }
}

#[test]
fn a_replica_that_lags_says_nothing_about_a_delete() {
    for substatus in [1002, 1013] {
        let ran = run(Plane::Data, Effect::Delete, |clock| {
            let lags = refusal(404, substatus, "{}");
            Script::new(clock, [broken(Stage::Answer)]).then_for_ever(Some(lags))
        });
        let error = ran.result.unwrap_err();
        let lost = matches!(&error, Error::Unknown(_));
        assert!(
            lost && error.to_string().contains(&substatus.to_string()),
            "{error}"
        );
    }
}

#[test]
fn whoever_watches_is_told_of_every_wait() {
    let clock = FakeClock::new();
    let script = Script::new(
        &clock,
        [
            refusal(
                429,
                3200,
                r#"{"code":"TooManyRequests","message":"slow down"}"#,
            ),
            ok("{}"),
        ],
    );
    Client::new(&script, &clock, account_key())
        .run(&cosmos::account::read(&account()))
        .unwrap();
    assert_eq!(
        script.notes(),
        "again in 100 ms: data plane answered 429/3200 TooManyRequests: slow down"
    );
}

// ---- Operations

const SECONDS: Duration = Duration::from_secs(60);

fn create() -> Call<Started> {
    arm::databases::create(&arm_account(), &name("d"), None)
}

const STATUS: (&str, &str) = (
    "Azure-AsyncOperation",
    "https://management.azure.com/op?api-version=1&t=1&c=2&s=3&h=4",
);

fn accepted(headers: &[(&str, &str)]) -> Act {
    let headers = [headers, &[("x-ms-request-id", "r")]].concat();
    answer(202, &headers, r#"{"status":"Enqueued"}"#).into()
}

fn state(state: &str) -> Act {
    ok(&format!(r#"{{"status":"{state}"}}"#))
}

struct Finished {
    result: Result<(), Error>,
    waits: Vec<u128>,
    lines: Vec<String>,
    notes: String,
    asked: u32,
    /// How long it had taken at each word about it.
    told: Vec<u128>,
}

/// Starts a change, then follows it; the resource is as it should be from the `settles`th question on.
fn finish(credential: Credential, acts: Vec<Act>, last: Option<Act>, settles: u32) -> Finished {
    follow(credential, acts, last, None, &|asked| Ok(asked >= settles))
}

/// The same with any answer to each question for the resource, and a wish to stop after some time.
fn follow(
    credential: Credential,
    acts: Vec<Act>,
    last: Option<Act>,
    stops: Option<Duration>,
    resource: &dyn Fn(u32) -> Result<bool, Error>,
) -> Finished {
    let clock = FakeClock::new();
    let script = Script::new(&clock, acts).then_for_ever(last);
    let client = Client::new(&script, &clock, credential);
    let started = client.run(&create()).unwrap().value;
    let asked = Cell::new(0);
    let settled = || {
        asked.set(asked.get() + 1);
        resource(asked.get())
    };
    let endpoint = management();
    let told = RefCell::new(Vec::new());
    let stop = || stops.is_some_and(|after| clock.passed() >= after);
    let watch = Watch {
        endpoint: &endpoint,
        settled: &settled,
        limit: SECONDS,
        what: "database d",
        look: "rawcosmos database show -n d",
        tell: &|passed| told.borrow_mut().push(passed.as_millis()),
        stop: stops.is_some().then_some(&stop),
    };
    let result = client.finish(&started, &watch);
    Finished {
        result,
        waits: clock.slept(),
        lines: script.lines(),
        notes: script.notes(),
        asked: asked.get(),
        told: told.into_inner(),
    }
}

fn given() -> Credential {
    Credential::Token(Token::ready("given").unwrap())
}

#[test]
fn an_operation_is_followed_with_growing_waits() {
    let done = finish(
        given(),
        vec![accepted(&[STATUS])],
        Some(state("Dequeued")),
        1,
    );
    assert_eq!(done.waits, [1000, 2000, 4000, 8000, 15000, 15000, 15000]);
    let Err(Error::Unfinished(text)) = done.result else {
        panic!("it goes on without us");
    };
    assert!(
        text.contains("database d is still running after 60 s"),
        "{text}"
    );
    assert!(
        text.contains("https://management.azure.com/op?api-version=1&<signature>"),
        "{text}"
    );
    assert_eq!(done.asked, 0, "the operation itself could be read");
    let passed = [1000, 3000, 7000, 15000, 30000, 45000, 60000];
    assert_eq!(done.told, passed);
}

#[test]
fn an_operation_ends_where_its_status_says() {
    let acts = vec![
        accepted(&[STATUS, ("Retry-After", "3")]),
        answer(200, &[("Retry-After", "20")], r#"{"status":"Weird"}"#).into(),
        state("InProgress"),
        state("Succeeded"),
    ];
    let done = finish(given(), acts, None, 1);
    done.result.unwrap();
    assert_eq!(done.waits, [3000, 20000, 4000]);
    assert_eq!(done.lines.len(), 4);

    let failed = json("fixtures/arm/errors/lro_failed_capacity.json")["body"].to_string();
    let done = finish(given(), vec![accepted(&[STATUS]), ok(&failed)], None, 1);
    let Err(Error::Status(failure)) = done.result else {
        panic!("it failed");
    };
    assert_eq!(failure.code, "ServiceUnavailable");
    assert!(
        failure.message.contains("high demand"),
        "{}",
        failure.message
    );
}

#[test]
fn the_limit_holds_whatever_the_service_asks_for() {
    let running = |wait| {
        Act::from(answer(
            200,
            &[("Retry-After", wait)],
            r#"{"status":"Dequeued"}"#,
        ))
    };
    let hasty = finish(
        given(),
        vec![accepted(&[STATUS, ("Retry-After", "0")])],
        Some(running("0")),
        1,
    );
    assert!(matches!(hasty.result, Err(Error::Unfinished(_))));
    assert_eq!(
        hasty.waits,
        [1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]
    );
    // It is asked once more at the end, not given up before the first question.
    let patient = finish(
        given(),
        vec![
            accepted(&[STATUS, ("Retry-After", "600")]),
            state("Succeeded"),
        ],
        None,
        1,
    );
    patient.result.unwrap();
    assert_eq!(patient.waits, [60_000]);
}

#[test]
fn there_may_be_nothing_to_follow() {
    let done = finish(
        given(),
        vec![answer(204, &[("x-ms-request-id", "r")], "").into()],
        None,
        1,
    );
    done.result.unwrap();
    assert_eq!((done.waits.len(), done.asked), (0, 0));
    // Accepted, and no word of where to ask: the resource tells.
    let done = finish(given(), vec![accepted(&[])], None, 2);
    done.result.unwrap();
    assert_eq!((done.waits, done.asked), (vec![1000, 2000], 2));
}

#[test]
fn an_operation_that_may_not_be_read_is_seen_in_its_resource() {
    let forbidden = common::recorded(&json(
        "fixtures/arm/errors/arm_poll_operationresults_403.json",
    ));
    let done = finish(
        given(),
        vec![accepted(&[STATUS])],
        Some(forbidden.into()),
        3,
    );
    done.result.unwrap();
    assert_eq!(done.asked, 3);
    assert_eq!(done.waits, [1000, 2000, 4000]);
    assert_eq!(done.lines.len(), 4, "the status is asked at each turn");
    let notes = done.notes.matches("cannot be read").count();
    assert_eq!(notes, 1, "{}", done.notes);
    let for_ever = finish(
        given(),
        vec![accepted(&[STATUS])],
        Some(answer(404, &[], "").into()),
        u32::MAX,
    );
    assert!(matches!(for_ever.result, Err(Error::Unfinished(_))));
}

/// A status that cannot be read once says nothing about the operation: whatever it is refused with.
#[test]
fn the_reason_of_a_failed_operation_is_shown_although_its_status_could_not_be_read() {
    let failed = json("fixtures/arm/errors/lro_failed_capacity.json")["body"].to_string();
    let challenge = r#"Bearer error="insufficient_claims", claims="e30=""#;
    for trouble in [
        answer(404, &[], ""),
        answer(403, &[], ""),
        answer(401, &[("WWW-Authenticate", challenge)], ""),
        answer(200, &[], "<html>not ARM</html>"),
        answer(200, &[], "{}"),
    ] {
        let acts = vec![
            accepted(&[STATUS]),
            trouble.clone().into(),
            state("Dequeued"),
            ok(&failed),
        ];
        let done = finish(given(), acts, None, u32::MAX);
        let Err(Error::Status(failure)) = done.result else {
            panic!("{trouble:?}: {:?}", done.result);
        };
        assert_eq!(failure.code, "ServiceUnavailable");
        assert_eq!(done.asked, 1, "only while the status cannot be read");
    }
}

#[test]
fn a_resource_that_failed_is_explained_by_the_status_where_that_can_be_read_soon() {
    let failed = json("fixtures/arm/errors/lro_failed_capacity.json")["body"].to_string();
    let left = |_| Err(Error::conflict("left in the state Failed"));
    let unread = || Act::from(answer(404, &[], ""));
    let acts = vec![accepted(&[STATUS]), unread(), unread(), ok(&failed)];
    let done = follow(given(), acts, None, None, &left);
    let Err(Error::Status(failure)) = done.result else {
        panic!("{:?}", done.result);
    };
    assert!(failure.message.contains("high demand"), "{failure}");
    // Not for ever: then what the resource says has to do.
    let done = follow(
        given(),
        vec![accepted(&[STATUS])],
        Some(unread()),
        None,
        &left,
    );
    assert!(matches!(done.result, Err(Error::Conflict(_))));
    assert_eq!(done.asked, 3);
}

#[test]
fn trouble_with_both_the_status_and_the_resource_is_waited_out_before_it_is_told() {
    let unread = || answer(403, &[], "");
    let refused = || {
        let failure = Failure::read(Plane::Arm, "GET x".into(), 403, &[], b"");
        Err(Error::Status(Box::new(failure)))
    };
    let acts = vec![
        accepted(&[STATUS]),
        unread().into(),
        unread().into(),
        state("Succeeded"),
    ];
    follow(given(), acts, None, None, &|_| refused())
        .result
        .unwrap();
    let done = follow(
        given(),
        vec![accepted(&[STATUS])],
        Some(unread().into()),
        None,
        &|_| refused(),
    );
    let Err(Error::Unfinished(text)) = done.result else {
        panic!("{:?}", done.result);
    };
    assert_eq!(done.asked, 3);
    for words in [
        "database d was accepted",
        "403",
        "the operation continues on the server: https://management.azure.com/op?api-version=1&<signature>",
        "rawcosmos database show -n d",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_caller_may_stop_waiting_and_learns_how_to_look_at_the_operation() {
    let second = Duration::from_secs(1);
    let done = follow(
        given(),
        vec![accepted(&[STATUS])],
        Some(state("Dequeued")),
        Some(second * 4),
        &|_| Ok(false),
    );
    let Err(Error::Interrupted(text)) = done.result else {
        panic!("{:?}", done.result);
    };
    for words in [
        "database d",
        "the operation continues on the server: https://management.azure.com/op?api-version=1&<signature>",
        "rawcosmos database show -n d",
    ] {
        assert!(text.contains(words), "{text}");
    }
    let waited: u128 = done.waits.iter().sum();
    assert_eq!(waited, 4000, "in the middle of a wait of 4 s");
}

#[test]
fn a_lost_connection_does_not_end_the_wait() {
    let lost = || broken(Stage::Connect);
    let done = finish(
        given(),
        vec![
            accepted(&[STATUS]),
            lost(),
            lost(),
            lost(),
            state("Succeeded"),
        ],
        None,
        1,
    );
    done.result.unwrap();
    assert_eq!(done.asked, 0);
    let stranger = finish(
        given(),
        vec![accepted(&[STATUS]), broken(Stage::Tls)],
        None,
        1,
    );
    assert!(matches!(stranger.result, Err(Error::Transport(_))));
}

#[test]
fn a_token_that_expires_while_waiting_is_renewed() {
    let expired = common::recorded(&json(
        "fixtures/arm/errors/arm_expiredauthenticationtoken_401.json",
    ));
    let acts = vec![
        token("one", 86400),
        accepted(&[STATUS]),
        state("Dequeued"),
        expired.into(),
        token("two", 86400),
        state("Succeeded"),
    ];
    let done = finish(machine(), acts, None, 1);
    done.result.unwrap();
    assert_eq!(
        done.lines
            .iter()
            .filter(|line| is_token_request(line))
            .count(),
        2
    );
}

#[test]
fn a_signed_link_is_sent_as_it_is_and_never_shown() {
    let recorded = json("fixtures/arm/recorded/signed_async_urls_2024-11-15.json");
    let first = common::recorded(&recorded["exchanges"][0]["response"]);
    let link = first.header("azure-asyncoperation").unwrap().to_string();
    assert!(link.len() > 3000);
    let clock = FakeClock::new();
    let script = Script::new(
        &clock,
        [
            first.clone().into(),
            refusal(500, 0, ""),
            state("Succeeded"),
        ],
    );
    let client = Client::new(&script, &clock, given());
    let started = client.run(&create()).unwrap().value;
    let endpoint = management();
    let watch = Watch {
        endpoint: &endpoint,
        settled: &|| Ok(false),
        limit: SECONDS,
        what: "x",
        look: "",
        tell: &|_| {},
        stop: None,
    };
    client.finish(&started, &watch).unwrap();
    assert_eq!(script.lines()[1], format!("GET {link}"));
    assert_eq!(script.lines()[2], format!("GET {link}"));
    let signature = link.split("&s=").nth(1).unwrap().split('&').next().unwrap();
    let mask = Mask::default();
    let sent = &script.sent()[1];
    let mut seen =
        show::request(sent, &mask) + &show::curl(sent, &mask) + &show::response(&first, &mask);
    seen += &script.notes();
    seen += &format!("{sent:?} {}", started.shown_url().unwrap());
    assert!(!seen.contains(signature), "{seen}");
    assert!(seen.contains("&<signature>"));
}

/// The resource, whose address is ours, is asked instead.
#[test]
fn an_operation_elsewhere_or_without_a_host_is_not_asked_for() {
    for (link, shown) in [
        (
            "https://management.azure.com.evil.example/op?s=secret",
            "management.azure.com.evil.example",
        ),
        ("/subscriptions/s/op?s=secret", "/subscriptions/s/op"),
        ("//evil.example/op?s=secret", "//evil.example/op"),
    ] {
        for name in ["azure-asyncoperation", "location"] {
            let done = finish(given(), vec![accepted(&[(name, link)])], None, 2);
            done.result.unwrap();
            assert_eq!(done.asked, 2);
            assert_eq!(done.lines.len(), 1, "no token is sent there");
            assert!(done.notes.contains(shown), "{}", done.notes);
            assert!(!done.notes.contains("secret"), "{}", done.notes);
        }
    }
}

// ---- Pages

fn page(items: usize, continuation: &str) -> Act {
    let items = vec!["{}"; items].join(",");
    let headers: &[(&str, &str)] = match continuation {
        "" => &[],
        text => &[("x-ms-continuation", text)],
    };
    answer(200, headers, format!(r#"{{"Documents":[{items}]}}"#)).into()
}

struct Listed {
    result: Result<(), Error>,
    pages: Vec<usize>,
    asked_for: Vec<Option<String>>,
}

fn list(acts: Vec<Act>, last: Option<Act>, most: usize) -> Listed {
    let clock = FakeClock::new();
    let script = Script::new(&clock, acts).then_for_ever(last);
    let client = Client::new(&script, &clock, account_key());
    let from = |next: Option<&Next>| Paging {
        size: Some(2),
        from: next.cloned(),
        ..Paging::default()
    };
    let pages = RefCell::new(Vec::new());
    let result = client.each_page(
        items::list(&container(), &from(None)),
        &|next| Ok(items::list(&container(), &from(Some(next)))),
        &mut |answer| {
            pages.borrow_mut().push(answer.value.items.len());
            let enough = pages.borrow().len() >= most;
            Ok(if enough { Flow::Stop } else { Flow::Continue })
        },
    );
    let sent = script.sent();
    let asked_for = sent
        .iter()
        .map(|request| header(request, "x-ms-continuation"))
        .collect();
    Listed {
        result,
        pages: pages.into_inner(),
        asked_for,
    }
}

#[test]
fn only_a_missing_continuation_ends_a_list() {
    let acts = vec![page(2, "a"), page(0, "b"), page(0, "c"), page(1, "")];
    let listed = list(acts, None, 100);
    listed.result.unwrap();
    assert_eq!(listed.pages, [2, 0, 0, 1]);
    let asked = [None, Some("a"), Some("b"), Some("c")];
    assert_eq!(listed.asked_for, asked.map(|text| text.map(str::to_string)));
    let stopped = list(vec![page(2, "a"), page(2, "b")], None, 2);
    stopped.result.unwrap();
    assert_eq!(stopped.pages, [2, 2]);
}

#[test]
fn a_list_in_circles_is_left() {
    let listed = list(vec![], Some(page(0, "same")), 100);
    let error = listed.result.unwrap_err();
    assert!(matches!(error, Error::Answer(_)), "{error}");
    assert_eq!(listed.pages.len(), 11);
    let slow = vec![
        page(0, "same"),
        page(0, "same"),
        page(1, "same"),
        page(0, "same"),
        page(0, ""),
    ];
    list(slow, None, 100).result.unwrap();
    let over_and_over = list(vec![], Some(page(2, "same")), 100);
    let error = over_and_over.result.unwrap_err();
    assert!(matches!(error, Error::Answer(_)), "{error}");
    assert_eq!(over_and_over.pages.len(), 11);
}

#[test]
fn a_page_that_fails_ends_the_list_after_those_before() {
    let listed = list(vec![page(2, "a"), refusal(400, 0, "{}")], None, 100);
    assert!(listed.result.unwrap_err().is_status(400));
    assert_eq!(listed.pages, [2]);
}

#[test]
fn a_next_link_elsewhere_gets_no_token() {
    let clock = FakeClock::new();
    let foreign = r#"{"value":[],"nextLink":"https://evil.example/next"}"#;
    let script = Script::new(&clock, [ok(foreign)]);
    let client = Client::new(&script, &clock, given());
    let account = arm_account();
    let result = client.each_page(
        arm::databases::list(&account),
        &|next| arm::databases::list_next(&account, next),
        &mut |_| Ok(Flow::Continue),
    );
    assert!(matches!(result, Err(Error::Answer(_))));
    assert_eq!(script.count(), 1);
}

// ---- Ranges

fn ranges_answer(bounds: &[(&str, &str, &str, &str)]) -> Act {
    let range = |(id, min, max, parents): &(&str, &str, &str, &str)| {
        format!(
            r#"{{"id":"{id}","minInclusive":"{min}","maxExclusive":"{max}","parents":[{parents}]}}"#
        )
    };
    let ranges: Vec<String> = bounds.iter().map(range).collect();
    ok(&format!(
        r#"{{"PartitionKeyRanges":[{}]}}"#,
        ranges.join(",")
    ))
}

fn two_ranges() -> Act {
    ranges_answer(&[("0", "", "80", ""), ("1", "80", "FF", "")])
}

#[test]
fn ranges_come_in_pages_and_are_read_again_while_they_change() {
    let clock = FakeClock::new();
    let first = r#"{"PartitionKeyRanges":[{"id":"0","minInclusive":"","maxExclusive":"80"}]}"#;
    let acts = [
        answer(200, &[("x-ms-continuation", "more")], first).into(),
        ranges_answer(&[("2", "90", "FF", "\"1\"")]),
        two_ranges(),
    ];
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, account_key());
    let ranges = client.ranges(&container()).unwrap();
    assert_eq!(ranges.iter().count(), 2);
    script.assert_over();
    assert_eq!(
        header(&script.sent()[1], "x-ms-continuation").unwrap(),
        "more"
    );

    let gap = ranges_answer(&[("0", "", "80", "")]);
    let script = Script::new(&clock, vec![gap; 5]);
    let client = Client::new(&script, &clock, account_key());
    let error = client.ranges(&container()).unwrap_err();
    assert!(matches!(error, Error::Answer(_)), "{error}");
    script.assert_over();
}

// ---- Changes

fn page_of(etag: &str, ids: &[&str]) -> Act {
    let items: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
    let body = format!(r#"{{"_rid":"rid","Documents":[{}]}}"#, items.join(","));
    answer(200, &[("etag", etag)], body).into()
}

fn drained(etag: &str) -> Act {
    answer(304, &[("etag", etag)], "").into()
}

fn gone() -> Act {
    answer(410, &[("x-ms-substatus", "1002")], "").into()
}

/// What was read of a feed: the items, and the state as it was after each page.
struct Read {
    result: Result<(), Error>,
    ids: Vec<String>,
    states: Vec<State>,
    asked: Vec<(String, String)>,
    slept: Vec<u128>,
}

/// Follows a feed until so many pages have come.
fn changes(acts: Vec<Act>, state: &State, most: usize) -> Read {
    changes_by(acts, state, most, true)
}

fn changes_by(acts: Vec<Act>, state: &State, most: usize, follow: bool) -> Read {
    let clock = FakeClock::new();
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, account_key());
    let container = container();
    let feed = Feed {
        container: &container,
        paging: Paging::default(),
        follow,
    };
    let (mut state, mut ids, mut states) = (state.clone(), Vec::new(), Vec::new());
    let result = client.each_change(&feed, &mut state, &mut |answer, state| {
        for item in &answer.value.items {
            let item: serde_json::Value = serde_json::from_str(item.get()).unwrap();
            ids.push(item["id"].as_str().unwrap().to_string());
        }
        states.push(state.clone());
        let enough = states.len() == most;
        Ok(if enough { Flow::Stop } else { Flow::Continue })
    });
    script.assert_over();
    let asked = script
        .sent()
        .into_iter()
        .filter(|request| header(request, "a-im").is_some());
    let asked = asked.map(|request| {
        let text = |name| header(&request, name).unwrap_or_default();
        (
            text("x-ms-documentdb-partitionkeyrangeid"),
            text("if-none-match"),
        )
    });
    Read {
        result,
        ids,
        states,
        asked: asked.collect(),
        slept: clock.slept(),
    }
}

fn at_the_start() -> State {
    let clock = FakeClock::new();
    let script = Script::new(&clock, [two_ranges()]);
    let client = Client::new(&script, &clock, account_key());
    let ranges = client.ranges(&container()).unwrap();
    State::new("rid", &Start::Beginning, &ranges, "", "FF")
}

fn asked(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs
        .map(|(range, etag)| (range.to_string(), etag.to_string()))
        .collect()
}

#[test]
fn changes_are_followed_range_by_range_and_waited_for() {
    let acts = vec![
        page_of("\"1\"", &["a", "b"]),
        page_of("\"2\"", &[]),
        drained("\"3\""),
        drained("\"9\""),
        drained("\"4\""),
        drained("\"9\""),
        drained("\"4\""),
        page_of("\"10\"", &["c"]),
        drained("\"10\""),
        drained("\"4\""),
    ];
    let read = changes(acts, &at_the_start(), 10);
    read.result.unwrap();
    assert_eq!(read.ids, ["a", "b", "c"]);
    let wanted = [
        ("0", ""),
        ("0", "\"1\""),
        ("0", "\"2\""),
        ("1", ""),
        ("0", "\"3\""),
        ("1", "\"9\""),
        ("0", "\"4\""),
        ("1", "\"9\""),
        ("1", "\"10\""),
        ("0", "\"4\""),
    ];
    assert_eq!(read.asked, asked(&wanted));
    assert_eq!(read.slept, [1000, 2000, 1000]);
    // The state after the first page goes on behind it, and has not begun with the other range.
    let kept = State::from_json(&read.states[0].to_json()).unwrap();
    let again = changes(vec![drained("\"3\""), drained("\"9\"")], &kept, 2);
    assert_eq!(again.asked, asked(&[("0", "\"1\""), ("1", "")]));
}

#[test]
fn waits_grow_to_five_seconds_and_no_further() {
    let acts = (0..14).map(|_| drained("\"1\"")).collect();
    let read = changes(acts, &at_the_start(), 14);
    assert_eq!(read.slept, [1000, 2000, 4000, 5000, 5000, 5000]);
}

#[test]
fn a_range_that_splits_goes_on_in_its_children() {
    let mut acts = vec![
        page_of("\"1\"", &["a"]),
        drained("\"2\""),
        page_of("\"5\"", &["b"]),
    ];
    acts.extend([
        gone(),
        ranges_answer(&[
            ("0", "", "80", ""),
            ("1", "80", "FF", ""),
            ("2", "80", "A0", "\"1\""),
            ("3", "A0", "FF", "\"1\""),
        ]),
        page_of("\"6\"", &["c"]),
        drained("\"6\""),
        page_of("\"7\"", &["d"]),
        drained("\"7\""),
    ]);
    let read = changes(acts, &at_the_start(), 7);
    read.result.unwrap();
    assert_eq!(read.ids, ["a", "b", "c", "d"]);
    assert_eq!(read.slept, [0; 0]);
    let (before, after) = read.asked.split_at(4);
    assert_eq!(before[3..], asked(&[("1", "\"5\"")]));
    let children = [
        ("2", "\"5\""),
        ("2", "\"6\""),
        ("3", "\"5\""),
        ("3", "\"7\""),
    ];
    assert_eq!(after, asked(&children));
    assert_eq!(read.states.last().unwrap().positions.len(), 3);
}

#[test]
fn a_range_that_is_always_gone_ends_it() {
    let container = || ok(r#"{"_rid":"rid"}"#);
    let mut acts = vec![gone(), two_ranges()];
    for _ in 0..33 {
        acts.extend([gone(), container(), two_ranges()]);
    }
    acts.extend([gone(), container()]);
    let read = changes_by(acts, &at_the_start(), 1, false);
    assert!(read.result.unwrap_err().is_status(410));
    // 100, 200, 400, 800, 1600, and then two seconds each.
    assert_eq!(read.slept.iter().sum::<u128>(), 59_100);
}

#[test]
fn a_container_made_anew_is_noticed() {
    let other = answer(
        200,
        &[("etag", "\"1\"")],
        r#"{"_rid":"other","Documents":[{"id":"x"}]}"#,
    );
    let read = changes(vec![other.into()], &at_the_start(), 1);
    assert!(matches!(read.result, Err(Error::Conflict(_))));
    assert!(read.ids.is_empty() && read.states.is_empty());
    // Or the new one knows nothing of the session of the old one.
    let stranger = || answer(404, &[("x-ms-substatus", "1003")], "").into();
    let anew = vec![stranger(), ok(r#"{"id":"Orders 2026","_rid":"other"}"#)];
    let read = changes(anew, &at_the_start(), 1);
    assert!(matches!(read.result, Err(Error::Conflict(_))));
    let same = vec![stranger(), ok(r#"{"id":"Orders 2026","_rid":"rid"}"#)];
    let read = changes(same, &at_the_start(), 1);
    assert!(read.result.unwrap_err().is_status(404));
}

// ---- Batches

fn batch_of(count: usize) -> Call<Vec<batch::Outcome>> {
    let mut batch = Batch::default();
    for id in 0..count {
        batch.push(Operation::delete(&id.to_string())).unwrap();
    }
    batch::atomic(&container(), &PartitionKey::from_text("p"), &batch, true)
}

#[test]
fn a_batch_is_sent_again_while_an_operation_is_throttled() {
    let clock = FakeClock::new();
    let samples = json("fixtures/data-plane/batch_samples.json");
    let sample = |name: &str| -> Act {
        let status = u16::try_from(samples[name]["status"].as_u64().unwrap()).unwrap();
        answer(status, &[], samples[name]["body"].to_string()).into()
    };
    let busy = || sample("transactional_throttled");
    let raced: Act = answer(
        207,
        &[],
        r#"[{"statusCode":449},{"statusCode":424},{"statusCode":424}]"#,
    )
    .into();
    let script = Script::new(
        &clock,
        [busy(), raced, busy(), sample("transactional_success")],
    );
    let client = Client::new(&script, &clock, account_key());
    let done = client.batch(&batch_of(3), 3).unwrap();
    assert_eq!(batch::guilty(&done.value), None);
    assert_eq!(clock.slept(), [187, 200, 187]);
    script.assert_over();
    let bodies: Vec<_> = script
        .sent()
        .into_iter()
        .map(|request| request.body)
        .collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]));

    let script = Script::for_ever(&clock, busy());
    let client = Client::new(&script, &clock, account_key());
    let done = client.batch(&batch_of(3), 3).unwrap();
    assert_eq!(batch::guilty(&done.value), Some(1));
    assert_eq!(script.count(), 10);

    let script = Script::new(&clock, [sample("transactional_failure")]);
    let client = Client::new(&script, &clock, account_key());
    let done = client.batch(&batch_of(3), 3).unwrap();
    assert_eq!(batch::guilty(&done.value), Some(1));

    let script = Script::new(&clock, [sample("transactional_success")]);
    let client = Client::new(&script, &clock, account_key());
    let error = client.batch(&batch_of(2), 2).unwrap_err().to_string();
    assert!(error.contains("3 outcomes for 2 operations"), "{error}");
}

#[test]
fn a_batch_whose_answer_is_lost_is_not_sent_again() {
    let clock = FakeClock::new();
    let script = Script::new(&clock, [broken(Stage::Answer)]);
    let client = Client::new(&script, &clock, account_key());
    let error = client.batch(&batch_of(1), 1).unwrap_err();
    assert!(matches!(error, Error::Unknown(_)), "{error}");
    script.assert_over();
}

// ---- Many items

fn pairs(texts: &[(&str, &str)]) -> Vec<Pair> {
    let pair = |(id, key): &(&str, &str)| Pair {
        id: id.to_string(),
        key: PartitionKey::from_text(key),
    };
    texts.iter().map(pair).collect()
}

fn by_ranges(container: &cosmos::Container, definition: &str) -> Many<'static> {
    let clock = FakeClock::new();
    let script = Script::new(&clock, [two_ranges()]);
    let client = Client::new(&script, &clock, account_key());
    let ranges = client.ranges(container).unwrap();
    let definition = serde_json::from_str(definition).unwrap();
    let definition = Definition::from_json(&definition).unwrap();
    Many {
        container: Box::leak(Box::new(container.clone())),
        way: Way::Ranges(definition, ranges),
        options: Options::default(),
    }
}

fn found(items: &[Option<Box<RawValue>>]) -> Vec<&str> {
    items
        .iter()
        .map(|item| item.as_ref().map_or("-", |item| item.get()))
        .collect()
}

/// A hash of version 2 is always below 40: every key is in the first of the two ranges.
const BY_PK: &str = r#"{"paths":["/pk"],"kind":"Hash","version":2}"#;

#[test]
fn many_items_come_in_the_order_they_were_asked_for() {
    let clock = FakeClock::new();
    let (a, b) = (r#"{"id":"1","pk":"a","n":1.10}"#, r#"{"id":"1","pk":"b"}"#);
    let first = answer(
        200,
        &[("x-ms-continuation", "t"), ("x-ms-request-charge", "3")],
        format!(r#"{{"Documents":[{b}]}}"#),
    );
    let acts = [first.into(), ok(&format!(r#"{{"Documents":[{a}]}}"#))];
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, account_key());
    let mut many = by_ranges(&container(), BY_PK);
    let mut charge = 0.0;
    let asked = pairs(&[("1", "a"), ("2", "a"), ("1", "b"), ("1", "a")]);
    let items = client.read_many(&mut many, &asked, &mut |answer| {
        charge += answer.charge.unwrap_or_default();
    });
    assert_eq!(found(&items.unwrap()), [a, "-", b, a]);
    assert!((charge - 3.0).abs() < 1e-9);
    script.assert_over();
    assert_eq!(
        header(&script.sent()[0], "x-ms-documentdb-partitionkeyrangeid").unwrap(),
        "0"
    );
}

#[test]
fn the_only_item_of_a_range_is_read_and_not_queried() {
    let clock = FakeClock::new();
    let item = r#"{"id":"1","pk":"a"}"#;
    let missing: Act = answer(404, &[], r#"{"code":"NotFound","message":"x"}"#).into();
    let page = ok(r#"{"Documents":[]}"#);
    let script = Script::new(&clock, [ok(item), missing, page]);
    let client = Client::new(&script, &clock, account_key());
    let mut many = by_ranges(&container(), BY_PK);
    let mut one = |id| {
        client
            .read_many(&mut many, &pairs(&[(id, "a")]), &mut |_| {})
            .unwrap()
    };
    assert_eq!(found(&one("1")), [item]);
    assert_eq!(found(&one("2")), ["-"]);
    assert_eq!(found(&one("a/b")), ["-"]);
    script.assert_over();
    let lines = script.lines();
    assert!(
        lines[0].starts_with("GET ") && lines[0].ends_with("/docs/1"),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with("POST "),
        "no path has a place for this id"
    );
    // That the container is not there is another matter.
    let absent = answer(404, &[("x-ms-substatus", "1003")], "");
    let script = Script::new(&clock, [absent.into()]);
    let client = Client::new(&script, &clock, account_key());
    let error = client.read_many(&mut many, &pairs(&[("1", "a")]), &mut |_| {});
    assert!(error.unwrap_err().is_status(404));
}

#[test]
fn many_items_are_asked_for_a_thousand_at_a_time_and_after_a_split_again() {
    let clock = FakeClock::new();
    let empty = || ok(r#"{"Documents":[]}"#);
    let ids: Vec<String> = (0..2001).map(|n| n.to_string()).collect();
    let key = PartitionKey::from_text("a");
    let all: Vec<Pair> = ids
        .iter()
        .map(|id| Pair {
            id: id.clone(),
            key: key.clone(),
        })
        .collect();
    let absent = answer(404, &[], "").into();
    let script = Script::new(&clock, [empty(), empty(), absent]);
    let client = Client::new(&script, &clock, account_key());
    let container = container();
    let mut many = Many {
        container: &container,
        way: Way::Key(key),
        options: Options::default(),
    };
    let items = client.read_many(&mut many, &all, &mut |_| {}).unwrap();
    assert_eq!((items.len(), items.iter().flatten().count()), (2001, 0));
    script.assert_over();

    let mut acts: Vec<Act> = (0..6).map(|_| gone()).collect();
    acts.extend([ranges_answer(&[("7", "", "FF", "\"0\",\"1\"")]), empty()]);
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, account_key());
    let mut many = by_ranges(&container, BY_PK);
    client
        .read_many(&mut many, &pairs(&[("1", "a"), ("2", "a")]), &mut |_| {})
        .unwrap();
    script.assert_over();
    let last = script.sent().pop().unwrap();
    assert_eq!(
        header(&last, "x-ms-documentdb-partitionkeyrangeid").unwrap(),
        "7"
    );
}

// ---- Sessions

fn told(status: u16, token: &str, body: &str) -> Act {
    match body {
        "{}" => Act::Fine(Some(("x-ms-session-token", token.to_string()))),
        body => answer(status, &[("x-ms-session-token", token)], body).into(),
    }
}

/// Reads an item, with the token that the request says itself; what it ends with does not matter.
fn read_item(client: &Client, session: Option<&str>) {
    let options = Options {
        session: session.map(str::to_string),
        ..Options::default()
    };
    let key = PartitionKey::from_text("a");
    let _ = client.run(&items::read(&container(), &name("1"), &key, &options));
}

#[test]
fn a_read_sees_what_was_written_before_it() {
    let clock = FakeClock::new();
    let acts = [
        told(201, "0:1#5", "{}"),
        told(200, "1:1#9", r#"{"Documents":[]}"#),
        told(404, "0:1#7", ""),
        told(200, "0:1#6", "{}"),
        ok(r#"{"Documents":[]}"#),
        told(200, "0:-1#99", "{}"),
        ranges_answer(&[
            ("0", "", "80", ""),
            ("3", "80", "A0", "\"1\""),
            ("4", "A0", "FF", "\"1\""),
        ]),
        ok(r#"{"Documents":[]}"#),
        ok("{}"),
    ];
    let script = Script::new(&clock, acts);
    let sessions = Sessions::new(&script);
    let client = Client::new(&sessions, &clock, account_key());
    let (place, key) = (container(), PartitionKey::from_text("a"));
    let item = serde_json::value::RawValue::from_string(r#"{"id":"1"}"#.into()).unwrap();
    let query = Query::new("SELECT * FROM c");
    let ask = |across: Across| query::items(&place, &query, &across, &Paging::default());
    client
        .run(&items::create(&place, &key, &item, &Options::default()))
        .unwrap();
    client.run(&ask(Across::All)).unwrap();
    read_item(&client, None);
    read_item(&client, None);
    client.run(&ask(Across::Range("1".into()))).unwrap();
    // Containers and databases are of another partition: their tokens are none of ours.
    client.run(&cosmos::containers::read(&place)).unwrap();
    client.ranges(&place).unwrap();
    client.run(&ask(Across::Range("3".into()))).unwrap();
    let other = place_of("other");
    client
        .run(&items::read(&other, &name("1"), &key, &Options::default()))
        .unwrap();
    script.assert_over();
    let sent: Vec<Option<String>> = script
        .sent()
        .iter()
        .map(|r| header(r, "x-ms-session-token"))
        .collect();
    let wanted = [
        None,
        Some("0:1#5"),
        Some("0:1#5,1:1#9"),
        Some("0:1#7,1:1#9"),
        Some("1:1#9"),
        None,
        None,
        Some("3:1#9"),
        None,
    ];
    assert_eq!(sent, wanted.map(|token| token.map(str::to_string)));
    assert_eq!(
        sessions.tokens(),
        [(
            "acct1/dbs/Shop/colls/Orders%202026".to_string(),
            "0:1#7,1:1#9,3:1#9,4:1#9".to_string()
        )]
    );
}

fn place_of(container: &str) -> cosmos::Container {
    common::database().container(&name(container))
}

#[test]
fn a_token_that_was_given_is_merged_or_sent_as_it_is() {
    let clock = FakeClock::new();
    // 404/1002 says that this replica has not got so far: its own token means nothing.
    let late = [("x-ms-session-token", "0:9#99"), ("x-ms-substatus", "1002")];
    let acts = [
        told(200, "0:1#9", "{}"),
        ok("{}"),
        ok("{}"),
        answer(404, &late, "").into(),
        ok("{}"),
    ];
    let script = Script::new(&clock, acts);
    let sessions = Sessions::new(&script);
    let client = Client::new(&sessions, &clock, account_key());
    read_item(&client, Some("0:1#5,2:1#1"));
    read_item(&client, Some("0:1#3"));
    read_item(&client, Some("of another form"));
    read_item(&client, None);
    let sent: Vec<_> = script
        .sent()
        .iter()
        .filter_map(|r| header(r, "x-ms-session-token"))
        .collect();
    assert_eq!(
        sent,
        [
            "0:1#5,2:1#1",
            "0:1#9,2:1#1",
            "of another form",
            "0:1#9,2:1#1",
            "0:1#9,2:1#1"
        ]
    );
    assert!(!sessions.learn("x", "of another form"));
}

#[test]
fn a_new_container_is_a_new_session_and_a_huge_token_stays_at_home() {
    let clock = FakeClock::new();
    let said = |token: &str, rid: &str| -> Act {
        answer(
            200,
            &[("x-ms-session-token", token), ("x-ms-content-path", rid)],
            r#"{"id":"1"}"#,
        )
        .into()
    };
    let many: Vec<String> = (0..400)
        .map(|n| format!("{n}:1#1000000#1=2000000"))
        .collect();
    let acts = [
        said("0:1#5", "r1"),
        said("0:1#2", "r2"),
        said(&many.join(","), "r2"),
        ok("{}"),
    ];
    let script = Script::new(&clock, acts);
    let sessions = Sessions::new(&script);
    let client = Client::new(&sessions, &clock, account_key());
    for _ in 0..4 {
        read_item(&client, None);
    }
    let sent: Vec<_> = script
        .sent()
        .iter()
        .map(|r| header(r, "x-ms-session-token"))
        .collect();
    let wanted = [
        None,
        Some("0:1#5".to_string()),
        Some("0:1#2".to_string()),
        None,
    ];
    assert_eq!(sent, wanted);
    assert!(sessions.tokens()[0].1.starts_with("0:1#1000000"));
}

// ---- Regions and limits

const WEST: &str = "https://acct1-westus.documents.azure.com";
const EAST: &str = "https://acct1-eastus.documents.azure.com";
const HOME: &str = "https://acct1.documents.azure.com";

/// What the account says: writes in the first, reads in all of them.
fn served(regions: &[(&str, &str)]) -> Act {
    let place = |(name, url): &(&str, &str)| serde_json::json!({"name": name, "databaseAccountEndpoint": format!("{url}:443/")});
    let places: Vec<_> = regions.iter().map(place).collect();
    ok(
        &serde_json::json!({"writableLocations": places[..1], "readableLocations": places})
            .to_string(),
    )
}

fn west_and_east() -> Act {
    served(&[("West US", WEST), ("East US", EAST)])
}

/// Hosts and paths in short: the part of the host that names the region, `-` for the account itself.
fn places(script: &Script) -> Vec<String> {
    let short = |line: String| {
        let line = line.replace("/dbs/Shop/colls/Orders%202026/docs", "");
        line.replace(HOME, "home")
            .replace(WEST, "west")
            .replace(EAST, "east")
    };
    script.lines().into_iter().map(short).collect()
}

fn read_one(client: &Client) -> Result<(), Error> {
    let call = items::read(
        &container(),
        &name("1"),
        &PartitionKey::from_text("a"),
        &Options::default(),
    );
    client.run(&call).map(|_| ())
}

fn create_one(client: &Client) -> Result<(), Error> {
    let item = RawValue::from_string(r#"{"id":"1"}"#.into()).unwrap();
    let call = items::create(
        &container(),
        &PartitionKey::from_text("a"),
        &item,
        &Options::default(),
    );
    client.run(&call).map(|_| ())
}

#[test]
fn a_write_waits_until_the_account_has_decided_who_takes_it() {
    let clock = FakeClock::new();
    let refused = || refusal(403, 3, "{}");
    let mut acts = Vec::new();
    acts.extend([
        refused(),
        west_and_east(),
        refused(),
        west_and_east(),
        refused(),
        west_and_east(),
    ]);
    acts.extend([
        refused(),
        served(&[("East US", EAST), ("West US", WEST)]),
        ok("{}"),
        ok("{}"),
        ok("{}"),
    ]);
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, account_key());
    create_one(&client).unwrap();
    create_one(&client).unwrap();
    read_one(&client).unwrap();
    let expected = "POST home,GET home/,POST west,GET home/,POST west,GET home/,POST west,GET home/,POST east,POST east,GET home/1";
    assert_eq!(places(&script).join(","), expected);
    assert_eq!(clock.slept(), [500, 1000]);
    // Where nobody takes it, it ends after five seconds.
    let clock = FakeClock::new();
    let script = Script::for_ever(&clock, refused());
    let error = create_one(&Client::new(&script, &clock, account_key())).unwrap_err();
    assert!(error.is_status(403));
    assert_eq!(clock.slept(), [250, 500, 1000, 1000, 1000, 1000]);
}

#[test]
fn a_read_comes_back_after_five_minutes() {
    let clock = FakeClock::new();
    let acts = [
        refusal(503, 0, ""),
        west_and_east(),
        ok("{}"),
        ok("{}"),
        ok("{}"),
    ];
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, account_key());
    read_one(&client).unwrap();
    clock.advance(Duration::from_secs(299));
    read_one(&client).unwrap();
    clock.advance(Duration::from_secs(2));
    read_one(&client).unwrap();
    // The account's own host is that of the region that takes writes.
    assert_eq!(
        places(&script).join(","),
        "GET home/1,GET home/,GET east/1,GET east/1,GET home/1"
    );
    assert_eq!(clock.slept(), [0; 0]);
}

/// Where a read is sent, and after which waits, by what becomes of each attempt after the account has been read.
fn taking_turns(acts: &[Act], fine: bool) -> (String, Vec<u128>) {
    let clock = FakeClock::new();
    let script = Script::new(&clock, [vec![west_and_east()], acts.to_vec()].concat());
    let client = Client::new(&script, &clock, account_key()).with_regions(&["East US"]);
    assert_eq!(read_one(&client).is_ok(), fine);
    script.assert_over();
    let places = places(&script).join(" ");
    let places = places.strip_prefix("GET home/ ").unwrap();
    (places.replace("GET ", "").replace("/1", ""), clock.slept())
}

#[test]
fn reads_take_turns_over_the_regions() {
    let (busy, nobody) = (|| refusal(503, 0, ""), || broken(Stage::Connect));
    // One is down, and the good one says so once.
    let told = taking_turns(&[busy(), nobody(), ok("{}")], true);
    assert_eq!(told, ("east west east".into(), vec![200]));
    let told = taking_turns(&[busy(), busy(), ok("{}")], true);
    assert_eq!(told, ("east west east".into(), vec![1000]));
    // Who cannot be reached would end it: in the end it goes to who answers.
    let acts = [busy(), nobody(), busy(), nobody(), busy(), ok("{}")];
    let told = taking_turns(&acts, true);
    let waits = vec![200, 1000, 1000, 2000];
    assert_eq!(told, ("east west east west east east".into(), waits));
    // Neither more often than before, nor for longer.
    let told = taking_turns(&[busy(), busy(), busy(), busy()], false);
    assert_eq!(told, ("east west east west".into(), vec![1000, 2000]));
    let told = taking_turns(&[nobody(), nobody(), nobody()], false);
    assert_eq!(told, ("east west east".into(), vec![1000]));
}

/// Its own host may lead to a region that it has left.
#[test]
fn a_read_finds_the_regions_that_are_left() {
    let (gone, busy) = (|| refusal(403, 1008, "{}"), || refusal(503, 0, ""));
    let east = || served(&[("East US", EAST)]);
    let clock = FakeClock::new();
    let script = Script::new(&clock, [gone(), east(), ok("{}")]);
    read_one(&Client::new(&script, &clock, account_key())).unwrap();
    assert_eq!(places(&script).join(","), "GET home/1,GET home/,GET east/1");
    // Also where one of them was busy a moment ago.
    let told = taking_turns(&[busy(), gone(), east(), ok("{}")], true);
    assert_eq!(told, ("east west home/ east".into(), vec![]));
}

#[test]
fn the_accounts_own_host_has_its_turn_again_as_it_was_asked() {
    let clock = FakeClock::new();
    let busy = || refusal(503, 0, "");
    let acts = [busy(), west_and_east(), busy(), ok("{}"), ok("{}")];
    let script = Script::new(&clock, acts);
    let client = Client::new(&script, &clock, account_key());
    read_one(&client).unwrap();
    read_one(&client).unwrap();
    assert_eq!(
        places(&script).join(","),
        "GET home/1,GET home/,GET east/1,GET home/1,GET home/1"
    );
    // The only region is not asked by a name that may lead nowhere.
    let acts = [busy(), served(&[("West US", WEST)]), busy(), ok("{}")];
    let script = Script::new(&clock, acts);
    read_one(&Client::new(&script, &clock, account_key())).unwrap();
    assert_eq!(
        places(&script).join(","),
        "GET home/1,GET home/,GET home/1,GET home/1"
    );
}

#[test]
fn an_account_that_does_not_answer_is_not_asked_all_the_time() {
    let clock = FakeClock::new();
    let script = Script::for_ever(&clock, refusal(503, 0, ""));
    let client = Client::new(&script, &clock, account_key());
    assert!(read_one(&client).unwrap_err().is_status(503));
    let asked = |script: &Script| {
        places(script)
            .iter()
            .filter(|line| *line == "GET home/")
            .count()
    };
    assert_eq!((script.count(), asked(&script)), (5, 1));
    clock.advance(Duration::from_secs(16));
    assert!(read_one(&client).unwrap_err().is_status(503));
    assert_eq!((script.count(), asked(&script)), (10, 2));
}

#[test]
fn a_region_that_is_named_is_found_without_the_accounts_own_host() {
    let clock = FakeClock::new();
    let nobody = broken(Stage::Resolve);
    let script = Script::new(&clock, [nobody, west_and_east(), ok("{}")]);
    let client = Client::new(&script, &clock, account_key()).with_regions(&["East US"]);
    read_one(&client).unwrap();
    assert_eq!(places(&script).join(","), "GET home/,GET east/,GET east/1");
}

#[test]
fn nothing_is_started_once_the_time_is_over() {
    let clock = FakeClock::new();
    let script = Script::for_ever(&clock, refusal(429, 3200, ""));
    let limited = |seconds| {
        Client::new(&script, &clock, account_key()).with_timeout(Some(Duration::from_secs(seconds)))
    };
    let client = limited(2);
    let error = read_one(&client).unwrap_err();
    assert!(
        matches!(&error, Error::Overtime(text) if text.contains("429")),
        "{error}"
    );
    // Not a wait is begun whose end is too late.
    assert_eq!(clock.slept(), [100, 200, 400, 800]);
    let limits = script.sent()[4].limits.unwrap();
    assert_eq!(
        (limits.whole, limits.connect),
        (Duration::from_millis(500), Duration::from_millis(500))
    );
    clock.advance(Duration::from_secs(1));
    let before = script.count();
    assert!(matches!(read_one(&client), Err(Error::Overtime(_))));
    assert_eq!(script.count(), before);
    assert!(limited(0).rest(Duration::ZERO).is_err());
    assert_eq!(Client::new(&script, &clock, account_key()).left(), None);
}

#[test]
fn a_write_whose_answer_was_lost_is_compared_with_what_is_there() {
    let write = |if_match: Option<&str>, id: &str, acts: Vec<Act>| {
        let clock = FakeClock::new();
        let script = Script::new(&clock, acts);
        let client = Client::new(&script, &clock, account_key());
        let options = Options {
            if_match: if_match.map(str::to_string),
            ..Options::default()
        };
        let item = RawValue::from_string(format!(r#"{{"id":{id},"n":1}}"#)).unwrap();
        let call = match if_match {
            None => items::create(&container(), &PartitionKey::from_text("a"), &item, &options),
            Some(_) => items::upsert(&container(), &PartitionKey::from_text("a"), &item, &options),
        };
        let result = client.run(&call);
        let sent = script.count();
        script.assert_over();
        (result.map(|answer| answer.value.unwrap().to_string()), sent)
    };
    // The account is asked for other regions after a broken connection, but not for a write.
    let lost = || broken(Stage::Answer);
    let (conflict, changed) = (|| refusal(409, 0, "{}"), || refusal(412, 0, "{}"));
    let ours = r#"{"id":"1","n":1,"_etag":"e"}"#;
    let (found, sent) = write(None, "\"1\"", vec![lost(), conflict(), ok(ours)]);
    assert_eq!((found.unwrap().as_str(), sent), (ours, 3));
    let (found, _) = write(Some("e"), "\"1\"", vec![lost(), changed(), ok(ours)]);
    assert_eq!(found.unwrap(), ours);
    for other in [ok(r#"{"id":"1","n":2}"#), refusal(404, 0, "{}")] {
        let (found, _) = write(None, "\"1\"", vec![lost(), conflict(), other]);
        assert!(found.unwrap_err().is_status(409));
    }
    // What is no answer is asked for again, and the account for other regions.
    let page = vec![ok("<html>"); 4];
    for unreadable in [vec![refusal(403, 5302, "{}")], page] {
        let acts = [vec![lost(), conflict()], unreadable].concat();
        let (found, _) = write(None, "\"1\"", acts);
        let error = found.unwrap_err();
        assert!(matches!(error, Error::Unknown(_)), "{error}");
    }
    for id in ["\"a/b\"", "7"] {
        let (found, sent) = write(None, id, vec![lost(), conflict()]);
        assert!(matches!(found, Err(Error::Unknown(_))) && sent == 2, "{id}");
    }
    // Without a doubt before it, a refusal is a refusal.
    let (found, _) = write(None, "\"1\"", vec![broken(Stage::Connect), conflict()]);
    assert!(found.unwrap_err().is_status(409));
    let (found, _) = write(None, "\"1\"", vec![refusal(503, 0, ""), conflict()]);
    assert!(found.unwrap_err().is_status(409));
    let (found, _) = write(Some("*"), "\"1\"", vec![lost()]);
    assert!(matches!(found, Err(Error::Unknown(_))));
}
