//! Secrets: in no output of any command, in no view, on no host, whether it works or is refused.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::path::Path;

use rawcosmos::cli::commands::COMMANDS;
use rawcosmos::sandbox::host::Host;
use serde_json::json;
use support::lines::{CONVERSATIONS, LASTING, OTHERS, VIEWS, toward};
use support::service::Service;
use support::tapped::{Tapped, all_views, forms, keeps_secrets};
use support::{Run, Scratch};

#[test]
fn every_command_has_a_line() {
    for command in COMMANDS {
        let lines = || CONVERSATIONS.iter().chain(OTHERS).chain([&LASTING]);
        let begins = |line: &&str| {
            let rest = line.strip_prefix(command.words);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        assert!(lines().any(begins), "{}", command.words);
    }
}

#[test]
fn secrets_are_kept_with_an_identity() {
    let tapped = Tapped::new(&[]);
    let ran = all_views(&tapped, &[], "");
    let fine = ran.iter().filter(|ran| ran.code == 0).count();
    assert!(fine > ran.len() / 2, "{fine} of {}", ran.len());
    // Two tokens in three parts, and the signed URLs of some operations.
    assert!(keeps_secrets(&tapped, &ran) > 20);
}

#[test]
fn secrets_are_kept_with_a_key() {
    let tapped = Tapped::new(&[]);
    let key = tapped.place.key_file();
    let ran = all_views(&tapped, &["RAWCOSMOS_KEY_FILE", key.path()], "");
    // ARM takes no key, so what goes through it alone is refused.
    assert!(ran.iter().filter(|ran| ran.code == 0).count() > ran.len() / 3);
    // Every request has a signature of its own.
    assert!(keeps_secrets(&tapped, &ran) > 20);
}

#[test]
fn secrets_are_kept_when_everything_is_refused() {
    let tapped = Tapped::new(&["no-arm-role", "no-data-role"]);
    let ran = all_views(&tapped, &[], "-q");
    assert!(ran.iter().filter(|ran| ran.code == 5).count() > ran.len() / 2);
    assert!(keeps_secrets(&tapped, &ran) >= 6);

    let tapped = Tapped::new(&["local-auth-disabled"]);
    let key = tapped.place.key_file();
    let ran = all_views(&tapped, &["RAWCOSMOS_KEY_FILE", key.path()], "");
    assert!(ran.iter().filter(|ran| ran.code == 4).count() > ran.len() / 3);
    assert!(keeps_secrets(&tapped, &ran) > 20);
}

/// What only the sources themselves may see: an app's header, a pod's token, Arc's key, and the tokens they are for.
const CANARIES: [&str; 4] = [
    "canary-of-the-identity-header",
    "canary.of+the/pods=token",
    "canary-of-the-arc-key",
    "canary-of-the-access-token",
];

/// Plays every service at once, and repeats in its refusals and headers whatever it was sent.
fn echo(keys: &str, kind: bool) -> Service {
    let realm = format!("Basic realm={keys}/a.key");
    Service::new(move |asked| {
        let heard: Vec<&str> = asked
            .headers
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        // A form is read before it is repeated.
        let body = asked
            .body
            .replace("%2B", "+")
            .replace("%2F", "/")
            .replace("%3D", "=");
        let bare: Vec<&str> = heard
            .iter()
            .filter_map(|value| value.rsplit(' ').next())
            .collect();
        let heard = format!(
            "{} {} {} {body}",
            heard.join(" "),
            bare.join(","),
            asked.body
        );
        let echo = vec![
            ("x-echo", heard.clone()),
            ("Www-Authenticate", realm.clone()),
        ];
        let gives_tokens = asked.has("/token");
        let arc = asked.header("metadata").is_some() && asked.header("authorization").is_none();
        // The tour makes only what is not there.
        if kind && asked.method == "GET" && asked.has("/sqlDatabases/toured") {
            return (
                404,
                echo,
                json!({"code": "NotFound", "message": heard}).to_string(),
            );
        }
        let body = match (gives_tokens, kind) {
            (true, _) if arc => return (401, echo, json!({ "error": heard }).to_string()),
            (true, true) => json!({"access_token": CANARIES[3], "expires_in": "3600"}),
            (false, true) => json!({"id": "1", "value": [], "Documents": [], "_count": 0,
                "partitionKey": {"paths": ["/pk"], "kind": "Hash"}, "properties": {"resource": {"id": "1"}}}),
            (_, false) => {
                json!({"error": "invalid_request", "code": "Forbidden", "message": heard})
            }
        };
        (if kind { 200 } else { 403 }, echo, body.to_string())
    })
}

#[test]
fn secrets_are_kept_by_every_source() {
    let [header, pod, key, _] = CANARIES;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("canaries");
    std::fs::create_dir_all(&folder).unwrap();
    let folder = folder.canonicalize().unwrap();
    std::fs::write(folder.join("a.key"), key).unwrap();
    std::fs::write(folder.join("pod"), pod).unwrap();
    let encoded = pod
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    for kind in [true, false] {
        let service = echo(folder.to_str().unwrap(), kind);
        let endpoint = format!("{}/metadata/identity/oauth2/token", service.origin);
        let file = folder.join("pod");
        let sources: [&[(&str, &str)]; 3] = [
            &[
                ("IDENTITY_ENDPOINT", &endpoint),
                ("IDENTITY_HEADER", header),
            ],
            &[("IDENTITY_ENDPOINT", &endpoint), ("IMDS_ENDPOINT", "x")],
            &[
                ("AZURE_AUTHORITY_HOST", &service.origin),
                ("AZURE_TENANT_ID", "t"),
                ("AZURE_CLIENT_ID", "c"),
                ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
            ],
        ];
        let mut fine = 0;
        let mut all = 0;
        let secrets = CANARIES.iter().copied().chain([encoded.as_str()]);
        let secrets: Vec<String> = secrets.flat_map(forms).collect();
        let run = |source: &[(&str, &str)], line: &str| {
            let run = toward(&service.origin, Run::line(line));
            let run = run.env("RAWCOSMOS_ARC_KEY_DIRECTORY", &folder);
            // The service has no usable answers: none is waited for.
            let run = run
                .env("RAWCOSMOS_RETRIES", "0")
                .env("RAWCOSMOS_TIMEOUT", "1");
            let set = |run: Run, (name, value): &(&str, &str)| run.env(name, value);
            let ran = source.iter().fold(run, set).go();
            for secret in &secrets {
                let leaked = ran.out.contains(secret) || ran.err.contains(secret);
                assert!(!leaked, "{secret} in {ran:#?}");
            }
            ran
        };
        for source in sources {
            for view in VIEWS {
                for line in CONVERSATIONS {
                    fine += usize::from(run(source, &format!("{line} {view}")).code == 0);
                    all += 1;
                }
            }
            let page = run(source, "tour --live -y -d toured --format html");
            // Where no service gives a token, there is no first step; else the echoes are on it.
            let shown = page.out.contains("<b>x-echo</b>: ") && page.out.ends_with("</html>\n");
            assert_eq!(shown, kind, "{page:#?}");
        }
        // What was looked for was there to be found: each went over the wire, and most commands did what they should.
        let sent: String = service
            .asked()
            .iter()
            .map(|asked| format!("{asked:?}"))
            .collect();
        assert!(
            [header, key, &encoded]
                .iter()
                .all(|secret| sent.contains(*secret))
        );
        assert!(
            if kind { fine > all / 2 } else { fine < all / 2 },
            "{kind}: {fine} of {all}"
        );
    }
}

#[test]
fn a_ready_token_is_used_and_kept() {
    let tapped = Tapped::new(&[]);
    let raw = tapped.place.run("token --raw").ok();
    let token = Scratch::new(&raw.out);
    let before = tapped.wires[0].connections();
    let ran = all_views(&tapped, &["RAWCOSMOS_TOKEN_FILE", token.path()], "");
    assert_eq!(tapped.wires[0].connections(), before);
    let read = ran
        .iter()
        .find(|ran| ran.line.starts_with("item read"))
        .unwrap();
    assert_eq!(read.code, 0, "{read:#?}");
    assert!(keeps_secrets(&tapped, &ran) >= 3);
}

/// Names, and what proves that the host's own secret was there to be found: a part of what its identity endpoint is sent.
const HOSTS: [(&str, &str); 8] = [
    ("vm", "metadata: true"),
    ("vm-user", "metadata: true"),
    ("vm-both", "metadata: true"),
    ("app-service", "x-identity-header: "),
    ("arc", "authorization: Basic "),
    ("aks", "client_assertion=ey"),
    ("aci", "metadata: true"),
    ("none", ""),
];

/// Every command on every host: allowed, refused, and without an identity. In the end each was seen in every view.
#[test]
fn secrets_are_kept_on_every_host() {
    let worlds: [(&[&str], u8); 3] = [
        (&[], 0),
        (&["no-arm-role", "no-data-role"], 5),
        (&["no-identity"], 4),
    ];
    let one = |at: usize| {
        let (name, proof) = HOSTS[at];
        for (world, (faults, usual)) in worlds.iter().enumerate() {
            let tapped = Tapped::on(Host::parse(name).unwrap(), faults);
            let lines = CONVERSATIONS.iter().enumerate();
            let ran: Vec<_> = lines
                .map(|(line, text)| {
                    let view = VIEWS[(at + line + world * 3) % VIEWS.len()];
                    tapped.prepare(&format!("{text} {view}")).go()
                })
                .collect();
            let others = OTHERS.iter().map(|line| tapped.prepare(line).go());
            keeps_secrets(&tapped, &others.collect::<Vec<_>>());
            let secrets = keeps_secrets(&tapped, &ran);
            let usual = if name == "none" { 8 } else { i32::from(*usual) };
            let as_usual = ran.iter().filter(|ran| ran.code == usual).count();
            assert!(as_usual > ran.len() / 2, "{name} {faults:?}: {as_usual}");
            if name != "none" && *faults != ["no-identity"] {
                assert!(secrets > 5, "{name} {faults:?}: {secrets}");
                assert!(tapped.wires[0].asked().contains(proof), "{name}");
            }
        }
    };
    std::thread::scope(|scope| {
        for at in 0..HOSTS.len() {
            scope.spawn(move || one(at));
        }
    });
}
