//! Every recorded answer of an identity source, from the answer to the words a user reads or the value that is used.
//!
//! `fixtures/identity/outcomes.txt` has them all, file by file. `UPDATE=1` rewrites it: read the difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs, process};

use common::{Act, FakeClock, NOW, Script, answer, container, fixture, jwt, metadata, name};
use rawcosmos::cli::explain::{Context, explain};
use rawcosmos::cosmos::items::{self, Options};
use rawcosmos::cosmos::partition_key::PartitionKey;
use rawcosmos::error::{Error, Stage};
use rawcosmos::exchange::{Client, Credential};
use rawcosmos::identity::app_service::Site;
use rawcosmos::identity::arc::Agent;
use rawcosmos::identity::cloud::Cloud;
use rawcosmos::identity::instance::{self, Instance};
use rawcosmos::identity::workload::Pod;
use rawcosmos::identity::{Selector, Source, Token};
use rawcosmos::message::{Call, Response};

// ---- What each file is

/// Who answers so.
#[derive(Clone, Copy)]
enum Who {
    Imds,
    App,
    Windows,
    Arc,
    Pod,
}

/// What an answer is, and with which status it comes; a file of HTTP text says its own.
enum Is {
    /// The answer to a request for a token.
    Token(Who, u16),
    /// The answer to the probe that follows silence.
    Probe(u16),
    Machine(u16),
    Versions,
    Tenant,
    /// What a token says of itself.
    Claims,
    /// The data plane's answer to a token.
    Data,
}

use Is::{Claims, Data, Machine, Probe, Tenant, Versions};
use Who::{App, Arc, Imds, Pod as InPod, Windows};

#[rustfmt::skip]
const FILES: &[(&str, Is)] = &[
    ("aci_linux_probe_400.txt", Probe(400)),
    ("aci_linux_success.json", Is::Token(Imds, 200)),
    ("aci_windows_404_default_identity.json", Is::Token(Windows, 404)),
    ("appservice_2017_400_no_msi.json", Is::Token(App, 400)),
    ("appservice_2017_expires_on_linux.json", Is::Token(App, 200)),
    ("appservice_2017_expires_on_windows.json", Is::Token(App, 200)),
    ("appservice_400_identity_not_found.json", Is::Token(App, 400)),
    ("appservice_400_no_default_identity.json", Is::Token(App, 400)),
    ("appservice_500_wrong_resource.json", Is::Token(App, 500)),
    ("appservice_success.json", Is::Token(App, 200)),
    ("arc_401_challenge.http", Is::Token(Arc, 0)),
    ("arc_success.json", Is::Token(Arc, 200)),
    ("arc_success_user_echo.json", Is::Token(Arc, 200)),
    ("azureml_success.json", Is::Token(App, 200)),
    ("cloudshell_400_audience.json", Is::Token(Imds, 400)),
    ("cosmos_401_aad_invalid_audience.http", Data),
    ("cosmos_401_aad_invalid_issuer.http", Data),
    ("docker_desktop_403.txt", Is::Token(Imds, 403)),
    ("identity_info.json", Tenant),
    ("imds_400_generic_swagger.json", Is::Token(Imds, 400)),
    ("imds_400_identity_not_found.json", Is::Token(Imds, 400)),
    ("imds_400_invalid_resource_aadsts500011.json", Is::Token(Imds, 400)),
    ("imds_400_invalid_resource_error_codes_string.json", Is::Token(Imds, 400)),
    ("imds_400_missing_metadata.json", Is::Token(Imds, 400)),
    ("imds_400_missing_metadata_legacy.json", Is::Token(Imds, 400)),
    ("imds_400_multiple_identities.json", Is::Token(Imds, 400)),
    ("imds_401_unauthorized_client.json", Is::Token(Imds, 401)),
    ("imds_404_swagger.json", Is::Token(Imds, 404)),
    ("imds_405_swagger.json", Is::Token(Imds, 405)),
    ("imds_410_empty.txt", Is::Token(Imds, 410)),
    ("imds_429_swagger.json", Is::Token(Imds, 429)),
    ("imds_500_swagger.json", Is::Token(Imds, 500)),
    ("imds_500_unknown_docs.json", Is::Token(Imds, 500)),
    ("imds_response_headers_200.http", Is::Token(Imds, 0)),
    ("imds_success_docs.json", Is::Token(Imds, 200)),
    ("imds_success_empty_expires_in.json", Is::Token(Imds, 200)),
    ("imds_success_expires_on_iso8601.json", Is::Token(Imds, 200)),
    ("imds_success_refresh_in.json", Is::Token(Imds, 200)),
    ("imds_success_swagger.json", Is::Token(Imds, 200)),
    ("imds_success_system.json", Is::Token(Imds, 200)),
    ("imds_success_user.json", Is::Token(Imds, 200)),
    ("imds_versions.json", Versions),
    ("instance_400_bad_api_version.json", Machine(400)),
    ("instance_compute_china.json", Machine(200)),
    ("instance_compute_public.json", Machine(200)),
    ("instance_compute_usgov.json", Machine(200)),
    ("instance_linux_docs.json", Machine(200)),
    ("jwt_claims_system.json", Claims),
    ("jwt_claims_user.json", Claims),
    ("jwt_claims_wrong_audience_slash.json", Claims),
    ("not_azure_ec2_401.http", Is::Token(Imds, 0)),
    ("servicefabric_error_secret_header.json", Is::Token(App, 400)),
    ("servicefabric_success_docs.json", Is::Token(App, 200)),
    ("wireserver_500_not_imds.http", Is::Token(Imds, 0)),
    ("workload_identity_400_aadsts70021.json", Is::Token(InPod, 400)),
    ("workload_identity_401_aadsts700213.json", Is::Token(InPod, 401)),
    ("workload_identity_success.json", Is::Token(InPod, 200)),
];

#[test]
fn every_recorded_answer_has_a_row() {
    let files = common::names("fixtures/identity/answers");
    let rows: BTreeSet<&str> = FILES.iter().map(|(file, _)| *file).collect();
    let missing: Vec<_> = files
        .iter()
        .filter(|f| !rows.contains(f.as_str()))
        .collect();
    assert!(missing.is_empty(), "no row: {missing:?}");
    assert_eq!(rows.len(), files.len(), "rows without a file");
}

// ---- What comes of each

/// Files that a source reads, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(called: &str) -> Folder {
        let path = env::temp_dir().join(format!("rawcosmos-{called}-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path.canonicalize().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn recorded(file: &str, status: u16) -> Response {
    let text = fixture(&format!("fixtures/identity/answers/{file}"));
    if status != 0 {
        return answer(status, &[], text);
    }
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    answer(status.parse().unwrap(), &headers, body.trim_end())
}

fn source(from: Who, folder: &Folder) -> Source {
    let header = || "the-value-of-identity-header".to_string();
    let site = |endpoint| Site::new(endpoint, header()).unwrap();
    match from {
        Imds => Source::Imds(metadata()),
        App => Source::AppService(site("http://localhost:4141/MSI/token")),
        Windows => Source::AciWindows(site(
            "http://169.254.128.1:2377/metadata/identity/oauth2/token?api-version=1.0",
        )),
        Arc => {
            let endpoint = rawcosmos::identity::arc::ADDRESS;
            Source::Arc(Agent::new(endpoint, &folder.0).unwrap())
        }
        InPod => {
            let file = folder.file("token", &jwt(r#"{"sub":"system:serviceaccount:a:b"}"#));
            Source::Workload(Pod::new("https://login.microsoftonline.com", "tenant", file).unwrap())
        }
    }
}

/// A token for the data plane, from a source that gives these answers, the last one for ever.
fn token(source: Source, selector: Selector, mut acts: Vec<Act>) -> Result<Token, Error> {
    let clock = FakeClock::new();
    let last = acts.pop();
    let script = Script::new(&clock, acts).then_for_ever(last);
    let credential = Credential::Identity { source, selector };
    Client::new(&script, &clock, credential).token("https://cosmos.azure.com")
}

fn challenge(file: &str) -> Act {
    let realm = format!("Basic realm={file}");
    answer(401, &[("Www-Authenticate", &realm)], "{}").into()
}

fn selector(from: Who, file: &str) -> Selector {
    match (from, file) {
        (InPod, _) | (_, "arc_success_user_echo.json") => {
            Selector::ClientId(name("11112222-bbbb-3333-cccc-4444dddd5555"))
        }
        _ => Selector::Default,
    }
}

fn outcome(file: &str, is: &Is) -> String {
    match is {
        Is::Token(from, status) => {
            let folder = Folder::new(file);
            let key = folder.file("one.key", "the text of the key\n");
            let mut acts = vec![recorded(file, *status).into()];
            if let (Arc, 200) = (from, status) {
                acts.insert(0, challenge(&key));
            }
            said(token(source(*from, &folder), selector(*from, file), acts))
        }
        Probe(status) => {
            let silence = Act::Break(Stage::Answer, Duration::from_secs(2));
            let then = common::token_answer("opaque", 60);
            let acts = vec![silence, recorded(file, *status).into(), then.into()];
            said(token(Source::Imds(metadata()), Selector::Default, acts))
        }
        Machine(status) => run(&instance::compute(&metadata()), file, *status, machine),
        Versions => run(&instance::versions(&metadata()), file, 200, |all| {
            format!(
                "{} versions, {} to {}",
                all.len(),
                all[0],
                all[all.len() - 1]
            )
        }),
        Tenant => run(&instance::tenant(&metadata()), file, 200, |tenant| {
            format!("tenant {tenant}")
        }),
        Claims => {
            let claims = fixture(&format!("fixtures/identity/answers/{file}"));
            said(Token::ready(&jwt(&claims)))
        }
        Data => {
            let key = PartitionKey::from_text("k");
            let call = items::read(&container(), &name("1"), &key, &Options::default());
            run(&call, file, 0, |item| format!("{item:?}"))
        }
    }
}

fn run<T>(call: &Call<T>, file: &str, status: u16, show: fn(&T) -> String) -> String {
    let clock = FakeClock::new();
    let script = Script::for_ever(&clock, recorded(file, status));
    let given = Credential::Token(Token::ready("given").unwrap());
    match Client::new(&script, &clock, given).run(call) {
        Ok(answer) => show(&answer.value),
        Err(error) => explained(&error),
    }
}

fn machine(machine: &Instance) -> String {
    let cloud = Cloud::named(&machine.cloud).map_or("unknown", Cloud::name);
    format!(
        "machine {} in {}, subscription {}, cloud {} is {cloud}",
        machine.name, machine.group, machine.subscription, machine.cloud
    )
}

fn said(token: Result<Token, Error>) -> String {
    let token = match token {
        Ok(token) => token,
        Err(error) => return explained(&error),
    };
    let mut lines = vec![format!(
        "token, expires {}",
        rawcosmos::authorize::http_date(token.expires.moment(NOW))
    )];
    let claims = token.claims();
    let claim = |name: &str| {
        claims
            .as_ref()
            .and_then(|c| c.text(name))
            .map(str::to_string)
    };
    for (what, value) in [
        ("client id", token.client_id.clone()),
        ("object id", token.object_id.clone()),
        ("resource id", token.resource_id.clone()),
        ("aud", claim("aud")),
        ("appid", claim("appid")),
        ("oid", claim("oid")),
        ("tid", claim("tid")),
        ("xms_mirid", claim("xms_mirid")),
        ("xms_az_rid", claim("xms_az_rid")),
    ] {
        lines.extend(value.map(|value| format!("{what} {value}")));
    }
    lines.join("\n")
}

fn explained(error: &Error) -> String {
    let explained = explain(error, &Context::default());
    format!("{explained}\nexit code {}", explained.exit)
}

#[test]
fn every_recorded_answer_becomes_a_value_or_words() {
    let blocks = FILES
        .iter()
        .map(|(file, is)| format!("### {file}\n{}\n", outcome(file, is)));
    let text = blocks.collect::<Vec<_>>().join("\n");
    common::assert_kept("fixtures/identity/outcomes.txt", &text);
    // Only what is a value has no advice, and whoever is refused is told an exit code that is no success.
    assert!(!text.contains("exit code 0"));
    assert!(!text.contains("the text of the key") && !text.contains("the-value-of"));
}
