//! The real binary and each source of identities, over sockets of this machine.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use base64::prelude::*;
use support::service::{Asked, Reply, Service, reply};
use support::wire::Wire;
use support::{Run, Scratch, nobody};

const CLIENT: &str = "11112222-bbbb-3333-cccc-4444dddd5555";
const OBJECT: &str = "bbbbbbbb-cccc-dddd-2222-333333333333";
const RESOURCE: &str = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i";

fn jwt(claims: &str) -> String {
    format!(
        "{}.{}.c2ln",
        BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
        BASE64_URL_SAFE_NO_PAD.encode(claims)
    )
}

/// A token of this identity for whoever asks, as sources answer that say a client id.
fn token(client: &str, aud: &str) -> String {
    let claims = format!(
        r#"{{"aud":"{aud}","appid":"{client}","oid":"{OBJECT}","xms_mirid":"{RESOURCE}"}}"#
    );
    format!(
        r#"{{"access_token":"{}","expires_in":"3600","client_id":"{client}"}}"#,
        jwt(&claims)
    )
}

fn app_service() -> Service {
    Service::new(|asked| match asked.header("x-identity-header") {
        Some("the identity header") => reply(200, token(&CLIENT.to_uppercase(), "x")),
        _ => reply(401, "{}"),
    })
}

/// A folder of keys, and an agent that wants the one in it to be shown.
struct Arc {
    folder: PathBuf,
    service: Service,
}

impl Arc {
    fn new(called: &str, asks_for: impl Fn(&str) -> String, answer: Reply) -> Arc {
        let folder = env::temp_dir().join(format!("rawcosmos-{called}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        fs::write(folder.join("a.key"), "the arc key\n").unwrap();
        let realm = format!("Basic realm={}", asks_for(folder.to_str().unwrap()));
        let service = Service::new(move |asked: &Asked| {
            match (asked.header("metadata"), asked.header("authorization")) {
                (Some("true"), None) => {
                    (401, vec![("Www-Authenticate", realm.clone())], "{}".into())
                }
                (Some("true"), Some("Basic the arc key")) => answer.clone(),
                _ => reply(400, "{}"),
            }
        });
        Arc { folder, service }
    }

    fn run(&self, line: &str) -> Run {
        Run::line(line)
            .env(
                "IDENTITY_ENDPOINT",
                format!("{}/metadata/identity/oauth2/token", self.service.origin),
            )
            .env("IMDS_ENDPOINT", "http://localhost:40342")
            .env("RAWCOSMOS_ARC_KEY_DIRECTORY", &self.folder)
    }
}

impl Drop for Arc {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn in_app(site: &Service, line: &str) -> Run {
    Run::line(line)
        .env("IDENTITY_ENDPOINT", format!("{}/MSI/token", site.origin))
        .env("IDENTITY_HEADER", "the identity header")
}

fn in_pod(entra: &str, file: &Scratch, line: &str) -> Run {
    Run::line(line)
        .env("AZURE_AUTHORITY_HOST", format!("{entra}/"))
        .env("AZURE_TENANT_ID", "the-tenant")
        .env("AZURE_CLIENT_ID", CLIENT)
        .env("AZURE_FEDERATED_TOKEN_FILE", file.path())
}

// ---- Each source

#[test]
fn an_app_has_its_identity_from_its_own_endpoint() {
    let site = app_service();
    let who = in_app(&site, "whoami").go().ok().json();
    assert_eq!(who["source"], "app-service");
    assert_eq!(who["evidence"], "IDENTITY_ENDPOINT and IDENTITY_HEADER");
    assert_eq!(who["endpoint"], format!("{}/MSI/token", site.origin));
    assert_eq!(who["objectId"], OBJECT);
    for (option, query) in [
        (
            format!("--client-id {CLIENT}"),
            format!("&client_id={CLIENT}"),
        ),
        (
            format!("--object-id {OBJECT}"),
            format!("&principal_id={OBJECT}"),
        ),
        (
            format!("--identity-resource-id {RESOURCE}"),
            format!("&mi_res_id={}", RESOURCE.replace('/', "%2F")),
        ),
    ] {
        in_app(&site, &format!("token {option}")).go().ok();
        let last = site.lines().pop().unwrap();
        let whole = format!(
            "GET /MSI/token?resource=https%3A%2F%2Fcosmos.azure.com&api-version=2019-08-01{query}"
        );
        assert_eq!(last, whole);
    }
    let told = in_app(&site, "token -v").go().ok();
    told.says("credential = app-service (from IDENTITY_ENDPOINT and IDENTITY_HEADER)");
    // An endpoint with a version of its own is a Windows container's.
    let windows = Service::new(|asked| match asked.header("secret") {
        Some("the identity header") => reply(200, token(CLIENT, "x")),
        _ => reply(
            404,
            r#"{"error":{"code":"DefaultIdentityNotDefined","message":"x"}}"#,
        ),
    });
    let run = |line: &str| {
        let endpoint = format!(
            "{}/metadata/identity/oauth2/token?api-version=1.0",
            windows.origin
        );
        in_app(&windows, line)
            .env("IDENTITY_ENDPOINT", endpoint)
            .go()
    };
    run(&format!("token --object-id {OBJECT}")).ok();
    let line = windows.lines().pop().unwrap();
    assert!(line.ends_with(&format!(
        "?api-version=1.0&resource=https%3A%2F%2Fcosmos.azure.com&principalId={OBJECT}"
    )));
    run("token --client-id x")
        .ends(2)
        .says("--client-id: a Windows container")
        .says("--object-id");
}

#[test]
fn an_arc_agent_is_shown_the_key_it_asks_for() {
    let arc = Arc::new(
        "arc-key",
        |keys| format!("{keys}/a.key"),
        reply(200, token(CLIENT, "x")),
    );
    let who = arc.run("whoami").go().ok().json();
    assert_eq!(who["source"], "arc");
    assert_eq!(who["evidence"], "IDENTITY_ENDPOINT and IMDS_ENDPOINT");
    let asked = arc.service.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].target, asked[1].target);
    assert!(asked[0].has("?api-version=2020-06-01&resource=https%3A%2F%2Fmanagement.azure.com%2F"));
    arc.run(&format!("token --identity-resource-id {RESOURCE}"))
        .go()
        .ends(4)
        .says("does not say that it answered");
    assert!(
        arc.service
            .lines()
            .pop()
            .unwrap()
            .contains("&msi_res_id=%2Fsubscriptions")
    );
    // It says the client id, so that one can be asked for.
    arc.run(&format!("token --client-id {CLIENT}")).go().ok();
    arc.run("token --client-id other")
        .go()
        .ends(4)
        .says("its client id is")
        .says("other was asked for");
}

#[test]
fn an_arc_agent_is_shown_nothing_else() {
    let elsewhere = Scratch::new("a secret of ours");
    for (called, file, said) in [
        (
            "arc-out",
            elsewhere.path().to_string(),
            "it is not in the directory",
        ),
        ("arc-up", "{}/../other.key".to_string(), "os error 2"),
        ("arc-name", "{}/a.txt".to_string(), "does not end in .key"),
        ("arc-dir", "{}/b.key".to_string(), "no regular file"),
        ("arc-long", "{}/c.key".to_string(), "longer than a key"),
        (
            "arc-link",
            "{}/d.key".to_string(),
            "it is not in the directory",
        ),
        ("arc-none", "{}/none.key".to_string(), "os error 2"),
        (
            "arc-relative",
            "a.key".to_string(),
            "the answer names no key file",
        ),
    ] {
        let arc = Arc::new(
            called,
            |keys| file.replace("{}", keys),
            reply(200, token(CLIENT, "x")),
        );
        fs::write(arc.folder.join("a.txt"), "text").unwrap();
        fs::create_dir_all(arc.folder.join("b.key")).unwrap();
        fs::write(arc.folder.join("c.key"), "x".repeat(4097)).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(elsewhere.path(), arc.folder.join("d.key")).unwrap();
        let ran = arc.run("token --trace").go().ends(4).says(said);
        assert_eq!(arc.service.asked().len(), 1, "{called}");
        assert!(!ran.err.contains("a secret of ours"), "{ran:#?}");
    }
}

#[test]
fn an_arc_agent_may_refuse_at_once() {
    let agent = Service::new(|_| {
        reply(
            400,
            r#"{"error":"invalid_request","error_description":"use the system identity without an id"}"#,
        )
    });
    let run = Run::line("token --identity-source arc --client-id x");
    let ran = run.env(
        "IDENTITY_ENDPOINT",
        format!("{}/metadata/identity/oauth2/token", agent.origin),
    );
    ran.go()
        .ends(4)
        .says("use the system identity without an id");
    assert_eq!(agent.asked().len(), 1);
}

#[test]
fn a_pod_exchanges_its_own_token() {
    let entra =
        Service::new(
            |asked| match asked.body.contains("client_assertion=the.pods.token&") {
                true => reply(
                    200,
                    r#"{"access_token":"opaque","expires_in":3600,"token_type":"Bearer"}"#,
                ),
                false => reply(401, "{}"),
            },
        );
    let file = Scratch::new("the.pods.token\n");
    let who = in_pod(&entra.origin, &file, "whoami -v").go().ok();
    who.json();
    let who = who.says("cannot be checked").says("credential = workload");
    assert_eq!(
        who.json()["evidence"],
        "AZURE_FEDERATED_TOKEN_FILE and AZURE_TENANT_ID"
    );
    in_pod(&entra.origin, &file, "token").go().ok();
    let asked = entra.asked();
    assert_eq!(
        (asked[0].method.as_str(), asked[0].target.as_str()),
        ("POST", "/the-tenant/oauth2/v2.0/token")
    );
    assert_eq!(
        asked[0].header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert!(asked[0].body.ends_with(&format!(
        "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_id={CLIENT}\
         &grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F%2F.default"
    )));
    assert!(
        asked[1]
            .body
            .ends_with("&scope=https%3A%2F%2Fcosmos.azure.com%2F.default")
    );
    let pod = |line: &str| in_pod(&entra.origin, &file, line);
    pod("token --object-id x")
        .go()
        .ends(2)
        .says("by client id alone");
    pod("token")
        .without("AZURE_CLIENT_ID")
        .go()
        .ends(2)
        .says("--client-id");
    pod("token")
        .env("AZURE_FEDERATED_TOKEN_FILE", "/nowhere/at/all")
        .go()
        .ends(4)
        .says("/nowhere/at/all");
    pod("token")
        .env("AZURE_AUTHORITY_HOST", "http://login.invalid")
        .go()
        .ends(2)
        .says("clear");
    assert_eq!(entra.asked().len(), 2, "nothing more was sent");
    let refuses = Service::new(|_| {
        reply(
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS700213: no match for presented assertion subject 'system:serviceaccount:a:b'."}"#,
        )
    });
    in_pod(&refuses.origin, &file, "token")
        .go()
        .ends(4)
        .says("--subject system:serviceaccount:a:b");
}

#[test]
fn entra_is_asked_through_the_proxy_like_all_that_is_outside() {
    let proxy = Service::new(|_| reply(502, ""));
    let file = Scratch::new("the.pods.token");
    let pod = |host: &str| {
        let run = in_pod(host, &file, "token");
        run.env("HTTPS_PROXY", &proxy.origin)
            .env("ALL_PROXY", &proxy.origin)
            .go()
    };
    pod("https://login.invalid")
        .ends(8)
        .says(" does not let the request through");
    let lines = proxy.lines();
    assert!(
        !lines.is_empty() && lines.iter().all(|line| line == "CONNECT login.invalid:443"),
        "{lines:?}"
    );
    // And the metadata service never, nor an app's endpoint.
    let site = app_service();
    in_app(&site, "token")
        .env("HTTPS_PROXY", &proxy.origin)
        .env("HTTP_PROXY", &proxy.origin)
        .go()
        .ok();
    assert_eq!(proxy.lines().len(), lines.len());
}

// ---- Which one

#[test]
fn what_cannot_be_supported_is_named() {
    let site = app_service();
    let in_app = |line: &str| in_app(&site, line);
    for (run, said) in [
        (
            in_app("whoami").env("IDENTITY_SERVER_THUMBPRINT", "x"),
            "this is Service Fabric",
        ),
        (
            Run::line("whoami")
                .env("MSI_ENDPOINT", nobody())
                .env("MSI_SECRET", "x"),
            "this is Azure Machine Learning",
        ),
        (
            Run::line("token").env("MSI_ENDPOINT", nobody()),
            "this is Azure Cloud Shell",
        ),
        (
            in_app("token").env("AZURE_TOKEN_CREDENTIALS", "dev"),
            "AZURE_TOKEN_CREDENTIALS is \"dev\"",
        ),
        (
            in_app("token").env("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential"),
            "--identity-source",
        ),
        (
            in_app("token").env("AZURE_TOKEN_CREDENTIALS", "workloadidentitycredential"),
            "AZURE_FEDERATED_TOKEN_FILE",
        ),
        (
            Run::line("token --identity-source app-service"),
            "IDENTITY_ENDPOINT",
        ),
        (
            Run::line("token --identity-source workload"),
            "AZURE_FEDERATED_TOKEN_FILE",
        ),
        (
            Run::line("token --identity-source token-file"),
            "--token-file",
        ),
        (
            Run::line("token --identity-resource-id ''"),
            "--identity-resource-id is empty",
        ),
        (Run::line("token --cloud mars"), "mars"),
    ] {
        let run = run.env("RAWCOSMOS_IMDS_ENDPOINT", &site.origin);
        run.go().ends(2).prints("").says(said);
    }
    assert_eq!(site.asked().len(), 0);
}

#[test]
fn the_source_can_be_said() {
    let site = app_service();
    let imds = Service::new(|_| reply(200, token(CLIENT, "x")));
    let from = |line: &str, name: &str, value: &str| {
        let run = in_app(&site, line).env("RAWCOSMOS_IMDS_ENDPOINT", &imds.origin);
        let who = run.env(name, value).go().ok().json();
        (
            who["source"].as_str().unwrap().to_string(),
            who["evidence"].as_str().unwrap().to_string(),
        )
    };
    let named = |source: &str, by: &str| (source.to_string(), by.to_string());
    let signs = "IDENTITY_ENDPOINT and IDENTITY_HEADER";
    // The endpoint as a variable says where the metadata service is, and not that there is one.
    assert_eq!(from("whoami", "A", ""), named("app-service", signs));
    assert_eq!(
        from("whoami", "AZURE_TOKEN_CREDENTIALS", " Prod "),
        named("app-service", signs)
    );
    assert_eq!(
        from(
            "whoami",
            "AZURE_TOKEN_CREDENTIALS",
            "managedidentitycredential"
        ),
        named(
            "app-service",
            &format!("AZURE_TOKEN_CREDENTIALS, and {signs}")
        )
    );
    assert_eq!(
        from("whoami", "RAWCOSMOS_IDENTITY_SOURCE", "imds"),
        named("imds", "RAWCOSMOS_IDENTITY_SOURCE")
    );
    assert_eq!(
        from("whoami --identity-source imds", "A", ""),
        named("imds", "--identity-source")
    );
    let option = format!("whoami --imds-endpoint {}", imds.origin);
    assert_eq!(from(&option, "A", ""), named("imds", "--imds-endpoint"));
    assert_eq!(
        from(&option, "RAWCOSMOS_IDENTITY_SOURCE", "app-service"),
        named("imds", "--imds-endpoint")
    );
    let token_file = Scratch::new("a-token");
    let by_file = from("whoami", "RAWCOSMOS_TOKEN_FILE", token_file.path());
    assert_eq!(by_file, named("token-file", "RAWCOSMOS_TOKEN_FILE"));
    let over = from(
        "whoami --identity-source app-service",
        "RAWCOSMOS_TOKEN_FILE",
        token_file.path(),
    );
    assert_eq!(over, named("app-service", "--identity-source"));
    in_app(&site, "whoami --identity-source imds --token-file x")
        .go()
        .ends(2)
        .says("exclude each other");
    // No pod where only managed identities are wanted.
    let file = Scratch::new("x");
    let run = in_pod(&nobody(), &file, "whoami").env("RAWCOSMOS_IMDS_ENDPOINT", &imds.origin);
    let who = run
        .env("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        .go()
        .ok()
        .json();
    assert_eq!(who["source"], "imds");
}

#[test]
fn another_identity_than_the_one_asked_for_is_refused() {
    let imds = Service::new(|_| reply(200, token(CLIENT, "x")));
    let mute = Service::new(|_| reply(200, r#"{"access_token":"opaque","expires_in":"60"}"#));
    let run = |service: &Service, line: &str| {
        Run::line(line)
            .env("RAWCOSMOS_IMDS_ENDPOINT", &service.origin)
            .env("RAWCOSMOS_ENDPOINT", nobody())
            .go()
    };
    for (option, right) in [
        ("--client-id", CLIENT),
        ("--object-id", OBJECT),
        ("--identity-resource-id", RESOURCE),
    ] {
        run(&imds, &format!("token {option} {}", right.to_uppercase())).ok();
        let refused = run(&imds, &format!("token {option} other"))
            .ends(4)
            .prints("");
        refused
            .says("another identity answered")
            .says(right)
            .says("other was asked for");
        let unknown = run(&mute, &format!("token -v {option} other")).ok();
        unknown.says("it cannot be checked");
        assert!(
            !run(&mute, &format!("token {option} other"))
                .ok()
                .err
                .contains("checked")
        );
    }
}

// ---- Clouds

/// A metadata service of a machine in some cloud, with tokens for any audience but those it is told.
fn machine(cloud: &'static str, unknown: &'static [&'static str]) -> Service {
    Service::new(move |asked| {
        let refused = unknown.iter().any(|aud| asked.target.ends_with(aud));
        match asked.target.as_str() {
            target if target.starts_with("/metadata/instance") && cloud.is_empty() => {
                reply(404, "{}")
            }
            target if target.starts_with("/metadata/instance") => reply(
                200,
                format!(
                    r#"{{"azEnvironment":"{cloud}","subscriptionId":"s","resourceGroupName":"g","name":"vm1","vmScaleSetName":"set1"}}"#
                ),
            ),
            _ if refused => reply(
                400,
                r#"{"error":"invalid_resource","error_description":"AADSTS500011: no"}"#,
            ),
            _ => reply(200, token(CLIENT, "x")),
        }
    })
}

#[test]
fn the_cloud_is_found_and_decides() {
    let audience = |service: &Service| {
        let line = service.lines().pop().unwrap();
        let (_, audience) = line.split_once("&resource=").unwrap_or_default();
        audience.replace("%3A", ":").replace("%2F", "/")
    };
    #[rustfmt::skip]
    let rows = [
        ("AzurePublicCloud", "", "https://cosmos.azure.com", "https://management.azure.com/", 2),
        ("AZUREUSGOVERNMENTCLOUD", "", "https://cosmos.azure.us", "https://management.core.usgovcloudapi.net/", 2),
        ("AzureChinaCloud", "", "https://cosmos.azure.cn", "https://management.chinacloudapi.cn/", 2),
        ("", "", "https://cosmos.azure.com", "https://management.azure.com/", 2),
        ("AzureChinaCloud", "--cloud AzureUSGovernment", "https://cosmos.azure.us", "https://management.core.usgovcloudapi.net/", 1),
        ("x", "--cloud azurecloud", "https://cosmos.azure.com", "https://management.azure.com/", 1),
        ("x", "--endpoint https://a.documents.azure.us:443", "https://cosmos.azure.us", "https://management.core.usgovcloudapi.net/", 1),
        ("x", "--endpoint https://a.documents.azure.cn --cloud usgov", "https://cosmos.azure.cn", "https://management.core.usgovcloudapi.net/", 1),
        ("x", "--arm-endpoint https://management.chinacloudapi.cn", "https://cosmos.azure.cn", "https://management.chinacloudapi.cn/", 1),
        ("x", "--endpoint https://10.0.0.1", "https://cosmos.azure.com", "https://management.azure.com/", 1),
        ("x", "--data-audience https://d/.default --arm-audience https://m", "https://d", "https://m", 1),
    ];
    for (cloud, options, data, arm, exchanges) in rows {
        for (plane, expected) in [("data", data), ("arm", arm)] {
            let service = machine(cloud, &[]);
            let run = Run::line(&format!("token --plane {plane} {options}"));
            run.env("RAWCOSMOS_IMDS_ENDPOINT", &service.origin)
                .go()
                .ok();
            assert_eq!(audience(&service), expected, "{cloud} {options}");
            assert_eq!(service.asked().len(), exchanges, "{cloud} {options}");
        }
    }
    let german = machine("AzureGermanCloud", &[]);
    let run = Run::line("item read -a x -d d -c c -i 1 -k 1")
        .env("RAWCOSMOS_IMDS_ENDPOINT", &german.origin);
    run.go()
        .ends(2)
        .says("AzureGermanCloud")
        .says("--arm-endpoint")
        .says("--data-audience");
    let told = Run::line("token -v")
        .env("RAWCOSMOS_IMDS_ENDPOINT", &machine("", &[]).origin)
        .go()
        .ok();
    told.says("cloud = public (from the machine's metadata, which is not to be had");
}

#[test]
fn endpoints_follow_the_cloud() {
    for (cloud, host, arm) in [
        (
            "AzurePublicCloud",
            "host: x.documents.azure.com",
            "host: management.azure.com",
        ),
        (
            "AzureUSGovernmentCloud",
            "host: x.documents.azure.us",
            "host: management.usgovcloudapi.net",
        ),
        (
            "AzureChinaCloud",
            "host: x.documents.azure.cn",
            "host: management.chinacloudapi.cn",
        ),
    ] {
        for (line, expected) in [
            ("item read -d d -c c -i 1 -k 1", host),
            ("database list -g g --subscription s", arm),
        ] {
            let line = format!("{line} -a x --dry-run --cloud {cloud}");
            Run::line(&line)
                .env("RAWCOSMOS_IMDS_ENDPOINT", nobody())
                .go()
                .ok()
                .shows(expected);
        }
    }
    // A curl line asks for its token in the same cloud.
    let line = "item read -a x -d d -c c -i 1 -k 1 --dry-run --curl --endpoint https://x.documents.azure.cn";
    Run::line(line)
        .env("RAWCOSMOS_IMDS_ENDPOINT", nobody())
        .go()
        .ok()
        .shows("--yes --endpoint https://x.documents.azure.cn)");
}

#[test]
fn an_audience_the_tenant_does_not_know_is_replaced_once() {
    let run = |service: &Service, options: &str| {
        let run = Run::line(&format!("token -v {options}"));
        run.env("RAWCOSMOS_IMDS_ENDPOINT", &service.origin).go()
    };
    let usual = machine("AzurePublicCloud", &["cosmos.azure.com"]);
    let replaced = run(
        &usual,
        "--endpoint https://Acct-westus.documents.azure.com:443/ -a acct",
    )
    .ok();
    replaced.says("asking for https://acct.documents.azure.com from now on");
    assert_eq!(usual.asked().len(), 2);
    assert!(usual.lines()[1].ends_with("&resource=https%3A%2F%2Facct.documents.azure.com"));
    for options in [
        "--endpoint https://10.0.0.1",
        "--endpoint https://a.documents.azure.com --data-audience https://cosmos.azure.com",
    ] {
        let usual = machine("AzurePublicCloud", &["cosmos.azure.com"]);
        run(&usual, options).ends(4).says("--data-audience");
        assert_eq!(usual.asked().len(), 1, "{options}");
    }
    let all = machine("AzurePublicCloud", &["azure.com"]);
    run(&all, "--endpoint https://a.documents.azure.com").ends(4);
    assert_eq!(all.asked().len(), 2);
}

#[test]
fn commands_to_paste_name_the_scale_set() {
    let service = Service::new(|asked| match asked.has("/metadata/instance") {
        true => reply(
            200,
            r#"{"azEnvironment":"AzurePublicCloud","subscriptionId":"s","resourceGroupName":"rg 1","name":"vm1_0","vmScaleSetName":"set1"}"#,
        ),
        false => reply(
            400,
            r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
        ),
    });
    let ran = Run::line("database list -a x")
        .env("RAWCOSMOS_IMDS_ENDPOINT", &service.origin)
        .go();
    let ran = ran
        .ends(4)
        .says("az vmss identity assign -g 'rg 1' -n set1\n");
    ran.says("az vmss update-instances -g 'rg 1' -n set1");
}

// ---- Time

#[test]
fn an_app_is_not_waited_for_longer_than_a_machine() {
    let silent = Wire::deaf();
    let run = Run::line("token").env("IDENTITY_ENDPOINT", format!("{}/msi/token", silent.origin));
    let ran = run
        .env("IDENTITY_HEADER", "the identity header")
        .go()
        .ends(8);
    // What it wants, and whether anybody is there.
    assert_eq!(silent.connections(), 2, "{ran:#?}");
}

#[test]
fn a_slow_metadata_service_is_waited_for() {
    let slow = Service::new(|asked| {
        if asked.header("metadata").is_some() {
            std::thread::sleep(Duration::from_secs(3));
        }
        reply(200, token(CLIENT, "x"))
    });
    let run = Run::line("token -v --cloud public").env("RAWCOSMOS_IMDS_ENDPOINT", &slow.origin);
    run.go()
        .ok()
        .says("is anybody there?")
        .says("asking it again, for longer");
    let lines = slow.lines();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1], "GET /metadata/identity/oauth2/token");
    assert_eq!(slow.asked()[1].headers.len(), 1, "the host alone");
}

#[test]
fn a_pod_that_is_kept_from_the_metadata_service_is_told_what_it_needs() {
    let run = Run::line("whoami").env("RAWCOSMOS_IMDS_ENDPOINT", nobody());
    let ran = run.env("KUBERNETES_SERVICE_HOST", "10.0.0.1").go().ends(8);
    ran.says("no metadata service answers this pod")
        .says("azure.workload.identity/use")
        .says("kubectl annotate");
}

#[test]
fn a_pod_with_its_nodes_identity_is_told() {
    let imds = Service::new(|_| {
        let claims =
            r#"{"aud":"x","xms_mirid":"/subscriptions/s/resourcegroups/MC_g_c_w/providers/x"}"#;
        reply(
            200,
            format!(r#"{{"access_token":"{}","expires_in":"60"}}"#, jwt(claims)),
        )
    });
    let whoami = || Run::line("whoami").env("RAWCOSMOS_IMDS_ENDPOINT", &imds.origin);
    let pod = whoami().env("KUBERNETES_SERVICE_HOST", "10.0.0.1").go();
    pod.ok().says("the cluster node's identity");
    assert!(!whoami().go().ok().err.contains("node"));
}

// ---- Showing it

#[test]
fn each_source_can_be_rehearsed_and_shown() {
    let file = Scratch::new("the.pods.token");
    let arc = Arc::new(
        "arc-shown",
        |keys| format!("{keys}/a.key"),
        reply(200, token(CLIENT, "x")),
    );
    let site = app_service();
    let entra = Service::new(|_| reply(200, token(CLIENT, "x")));
    let runs = |line: &str| {
        [
            in_app(&site, line),
            arc.run(line),
            in_pod(&entra.origin, &file, line),
        ]
    };
    for line in [
        "token --dry-run",
        "whoami --dry-run -o json",
        "token --dry-run --curl",
        "whoami --dry-run --explain",
    ] {
        for run in runs(line) {
            run.go().ok().shows("127.0.0.1:");
        }
    }
    assert_eq!(
        site.asked().len() + arc.service.asked().len() + entra.asked().len(),
        0
    );
    let lines = [
        "-H \"x-identity-header: $IDENTITY_HEADER\"",
        "-H \"authorization: Basic $(cat ",
        "--data-binary \"client_assertion=$(cat ",
    ];
    for (run, line) in runs("token --curl").into_iter().zip(lines) {
        run.go().ok().says(line);
    }
    let reasons = [
        "runs inside the app",
        "the text of the file",
        "in place of a secret",
    ];
    for (run, reason) in runs("token --explain").into_iter().zip(reasons) {
        run.go().ok().says(reason);
    }
}

/// The lines are run by a shell with curl, where there are both.
#[test]
fn curl_lines_of_each_source_do_what_they_show() {
    let there = ["/bin/sh", "/usr/bin/curl"]
        .iter()
        .all(|tool| std::path::Path::new(tool).exists());
    if !there {
        return;
    }
    let file = Scratch::new("the.pods.token");
    let entra =
        Service::new(
            |asked| match asked.body.contains("client_assertion=the.pods.token&") {
                true => reply(200, token(CLIENT, "x")),
                false => reply(401, "{}"),
            },
        );
    let arc = Arc::new(
        "arc curl's",
        |keys| format!("{keys}/a.key"),
        reply(200, token(CLIENT, "x")),
    );
    let site = app_service();
    for run in [
        in_app(&site, "token -q --curl"),
        arc.run("token -q --curl"),
        in_pod(&entra.origin, &file, "token -q --curl"),
    ] {
        let shown = run.go().ok().err;
        let mut shell = std::process::Command::new("/bin/sh");
        shell
            .arg("-c")
            .arg(&shown)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("IDENTITY_HEADER", "the identity header");
        let ran = shell.output().unwrap();
        let text = String::from_utf8_lossy(&ran.stdout);
        let last = text.rsplit("HTTP/1.1 ").next().unwrap();
        assert!(last.starts_with("200"), "{ran:?}\n{shown}");
    }
}
