//! What the tests share: fixtures, a transport that follows a script, and a clock that jumps.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use rawcosmos::arm;
use rawcosmos::cosmos;
use rawcosmos::error::{Broken, Stage};
use rawcosmos::exchange::{Clock, Transport};
use rawcosmos::message::{Request, Response};
use rawcosmos::name::{Endpoint, Name};
use serde_json::Value;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::macros::datetime;

/// The moment every test begins at.
pub const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

/// The key of the published example.
pub const KEY: &str =
    "dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw==";

// ---- Files

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file, by its path from the root.
pub fn fixture(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

pub fn json(path: &str) -> Value {
    serde_json::from_str(&fixture(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The names of the files of a folder.
pub fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let files = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file());
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_string();
    let mut names: Vec<String> = files.map(name).collect();
    names.sort();
    names
}

/// Compares block by block, each after a line `### NAME`, with what is kept in a file. `UPDATE=1` rewrites it.
pub fn assert_kept(path: &str, text: &str) {
    if std::env::var("UPDATE").is_ok() {
        fs::write(root().join(path), text).unwrap();
    }
    let kept = fixture(path);
    for (new, old) in text.split("### ").zip(kept.split("### ")) {
        assert_eq!(new, old, "UPDATE=1 rewrites it");
    }
    assert_eq!(text, kept);
}

// ---- Places

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn management() -> Endpoint {
    Endpoint::new("https://management.azure.com/").unwrap()
}

pub fn metadata() -> Endpoint {
    Endpoint::identity(rawcosmos::identity::imds::ADDRESS).unwrap()
}

pub fn arm_account() -> arm::Account {
    let subscription = name("00000000-0000-0000-0000-000000000000");
    arm::Account::new(management(), &subscription, &name("rg 1"), &name("acct1"))
}

pub fn group() -> arm::groups::Group {
    let subscription = name("00000000-0000-0000-0000-000000000000");
    arm::groups::Group::new(management(), subscription, name("rg 1"))
}

pub fn account() -> cosmos::Account {
    let endpoint = "https://acct1.documents.azure.com:443/";
    cosmos::Account::new(Endpoint::new(endpoint).unwrap())
}

pub fn database() -> cosmos::Database {
    account().database(&name("Shop"))
}

pub fn container() -> cosmos::Container {
    database().container(&name("Orders 2026"))
}

// ---- Answers

pub fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Response {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()));
    Response {
        status,
        headers: headers.collect(),
        body: body.into(),
        elapsed: Duration::from_millis(7),
    }
}

/// The answer of an exchange recorded as `{"status","headers":{},"body"}`.
pub fn recorded(response: &Value) -> Response {
    let headers = response["headers"].as_object().unwrap();
    let headers = headers
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_string()));
    let body = match &response["body"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    Response {
        status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
        headers: headers.collect(),
        body: body.into_bytes(),
        elapsed: Duration::ZERO,
    }
}

/// `properties.resource` of one of the recorded answers, as the text it is.
pub fn recorded_resource(file: &str, exchange: usize) -> Box<RawValue> {
    let recorded = json(&format!("fixtures/arm/recorded/{file}"));
    let body = &recorded["exchanges"][exchange]["response"]["body"];
    let resource = body["properties"]["resource"].to_string();
    RawValue::from_string(resource).unwrap()
}

/// An answer of the metadata service whose token lives this many seconds.
pub fn token_answer(token: &str, seconds: u64) -> Response {
    let body = format!(r#"{{"access_token":"{token}","expires_in":"{seconds}"}}"#);
    answer(200, &[], body)
}

/// A token in the shape of a JWT, without a real signature.
pub fn jwt(claims: &str) -> String {
    use base64::prelude::*;
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!(
        "{}.{}.c2lnbmF0dXJl",
        part(r#"{"alg":"none"}"#),
        part(claims)
    )
}

// ---- Time

/// A clock that jumps: to sleep is to add.
pub struct FakeClock {
    now: Mutex<OffsetDateTime>,
    slept: Mutex<Vec<Duration>>,
}

impl FakeClock {
    pub fn new() -> FakeClock {
        FakeClock {
            now: Mutex::new(NOW),
            slept: Mutex::default(),
        }
    }

    pub fn advance(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }

    /// Milliseconds of each sleep since the last question.
    pub fn slept(&self) -> Vec<u128> {
        let slept = std::mem::take(&mut *self.slept.lock().unwrap());
        slept.iter().map(Duration::as_millis).collect()
    }

    pub fn passed(&self) -> Duration {
        (self.now() - NOW).unsigned_abs()
    }
}

impl Clock for FakeClock {
    fn now(&self) -> OffsetDateTime {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, wait: Duration) {
        self.slept.lock().unwrap().push(wait);
        self.advance(wait);
    }

    fn random(&self) -> u128 {
        0x856a_cd38_320d_47df_ab6f_9761_bb98_7668
    }
}

// ---- The wire

/// What happens to the next request.
#[derive(Debug, Clone)]
pub enum Act {
    Answer(Response),
    /// The success that the service gives to the request, with this header, where there is one.
    Fine(Option<(&'static str, String)>),
    /// It fails at this stage, after this long.
    Break(Stage, Duration),
}

impl From<Response> for Act {
    fn from(response: Response) -> Act {
        Act::Answer(response)
    }
}

/// A transport that follows a script, refuses what is not in it and keeps what was sent and noted.
pub struct Script<'a> {
    acts: Mutex<VecDeque<Act>>,
    /// Once the script is over, this happens for ever.
    last: Option<Act>,
    clock: &'a FakeClock,
    sent: Mutex<Vec<Request>>,
    notes: Mutex<Vec<String>>,
}

impl<'a> Script<'a> {
    pub fn new(clock: &'a FakeClock, acts: impl IntoIterator<Item = Act>) -> Script<'a> {
        Script {
            acts: Mutex::new(acts.into_iter().collect()),
            last: None,
            clock,
            sent: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    pub fn for_ever(clock: &'a FakeClock, act: impl Into<Act>) -> Script<'a> {
        Script {
            last: Some(act.into()),
            ..Script::new(clock, [])
        }
    }

    #[must_use]
    pub fn then_for_ever(self, last: Option<Act>) -> Script<'a> {
        Script { last, ..self }
    }

    pub fn sent(&self) -> Vec<Request> {
        self.sent.lock().unwrap().clone()
    }

    /// Method and URL of everything sent, as on the wire.
    pub fn lines(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        sent.iter()
            .map(|request| format!("{} {}", request.method, request.url.expose()))
            .collect()
    }

    pub fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    pub fn notes(&self) -> String {
        self.notes.lock().unwrap().join("\n")
    }

    /// Every act must have been played.
    pub fn assert_over(&self) {
        let left = self.acts.lock().unwrap();
        assert!(left.is_empty(), "not asked for: {left:?}");
    }
}

/// What the service answers to a request that succeeds: the resource that was written or is named.
fn fitting(request: &Request, header: Option<(&'static str, String)>) -> Response {
    let has = |wanted: &str| request.headers.iter().any(|(name, _)| *name == wanted);
    let path = request.url.expose().split('?').next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let sent = request.body.as_ref().map(|body| body.expose());
    let sent: Option<Value> = sent.and_then(|body| serde_json::from_str(body).ok());
    let id = sent.and_then(|body| body["id"].as_str().map(str::to_string));
    let id = id.unwrap_or(last.replace("%20", " "));
    let created = request.method == "POST" && !has("x-ms-documentdb-is-upsert");
    let header = header.iter().map(|(name, value)| (*name, value.as_str()));
    let headers: Vec<_> = header.collect();
    match request.method {
        "DELETE" => answer(204, &headers, ""),
        _ => {
            let body = serde_json::json!({"id": id, "properties": {}}).to_string();
            answer(if created { 201 } else { 200 }, &headers, body)
        }
    }
}

impl Transport for Script<'_> {
    fn send(&self, request: &Request) -> Result<Response, Broken> {
        self.sent.lock().unwrap().push(request.clone());
        let act = self.acts.lock().unwrap().pop_front();
        let act = act.or_else(|| self.last.clone());
        match act.unwrap_or_else(|| panic!("not in the script: {}", request.line())) {
            Act::Answer(response) => Ok(response),
            Act::Fine(header) => Ok(fitting(request, header)),
            Act::Break(stage, after) => {
                self.clock.advance(after);
                Err(Broken {
                    request: request.line(),
                    stage,
                    what: "it broke".into(),
                    activity: None,
                })
            }
        }
    }

    fn note(&self, text: &str) {
        self.notes.lock().unwrap().push(text.to_string());
    }
}
