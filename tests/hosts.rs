//! The real binary on every host the sandbox can be, and on a machine that is none of them.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::path::Path;
use std::process::Command;

use rawcosmos::sandbox::Options;
use rawcosmos::sandbox::cloud::Cloud;
use rawcosmos::sandbox::faults::Fault;
use rawcosmos::sandbox::host::Host;
use support::lines::{CONVERSATIONS, toward};
use support::tapped::Tapped;
use support::wire::Wire;
use support::{BINARY, Place, Ran, Run, nobody};

const SYSTEM: &str = "5a0db0c5-0000-4000-8000-0000000000a1";
const USER: &str = "5a0db0c5-0000-4000-8000-0000000000a2";
const SYSTEM_CLIENT: &str = "5a0db0c5-0000-4000-8000-0000000000c1";
const USER_CLIENT: &str = "5a0db0c5-0000-4000-8000-0000000000c2";
const USER_RESOURCE: &str = "/subscriptions/5a0db0c5-0000-4000-8000-000000000001/resourcegroups/sandbox-group/providers/Microsoft.ManagedIdentity/userAssignedIdentities/sandbox-identity";

/// The hosts that have an identity.
const HOSTS: [&str; 7] = [
    "vm",
    "vm-user",
    "vm-both",
    "app-service",
    "arc",
    "aks",
    "aci",
];

fn on(host: &str, faults: &[&str]) -> Place {
    Place::with(Options {
        host: Host::parse(host).unwrap(),
        faults: faults.iter().map(|f| Fault::parse(f).unwrap()).collect(),
        ..Options::default()
    })
}

// ---- Who one is

#[test]
fn each_host_says_who_it_is_and_by_what() {
    let rows = [
        (
            "vm",
            "imds",
            "no sign of another source",
            "system-assigned",
            SYSTEM,
        ),
        (
            "vm-user",
            "imds",
            "no sign of another source",
            "user-assigned",
            USER,
        ),
        (
            "vm-both",
            "imds",
            "no sign of another source",
            "system-assigned",
            SYSTEM,
        ),
        (
            "app-service",
            "app-service",
            "IDENTITY_ENDPOINT and IDENTITY_HEADER",
            "system-assigned",
            SYSTEM,
        ),
        (
            "arc",
            "arc",
            "IDENTITY_ENDPOINT and IMDS_ENDPOINT",
            "system-assigned",
            SYSTEM,
        ),
        (
            "aks",
            "workload",
            "AZURE_FEDERATED_TOKEN_FILE and AZURE_TENANT_ID",
            "user-assigned",
            USER,
        ),
        (
            "aci",
            "imds",
            "no sign of another source",
            "system-assigned",
            SYSTEM,
        ),
    ];
    assert_eq!(rows.map(|row| row.0), HOSTS);
    for (host, source, evidence, identity, object) in rows {
        let place = on(host, &[]);
        let ran = place.run("whoami -v").ok();
        let who = ran.json();
        assert_eq!(who["source"], source, "{host}");
        assert_eq!(who["evidence"], evidence, "{host}");
        assert_eq!(who["identity"], identity, "{host}");
        assert_eq!(who["objectId"], object, "{host}");
        // Only machines are described.
        assert_eq!(who["machine"].is_string(), host.starts_with("vm"), "{host}");
        ran.says(&format!("credential = {source} (from {evidence})"));
        for (plane, audience) in [
            ("arm", "https://management.azure.com/"),
            ("data", "https://cosmos.azure.com"),
        ] {
            let token = place.run(&format!("token --plane {plane}")).ok().json();
            assert_eq!(
                (&token["audience"], &token["claims"]["oid"]),
                (&audience.into(), &object.into()),
                "{host}"
            );
        }
    }
}

/// Six commands, from nothing to a query.
fn tutorial(place: &Place, name: &str) {
    place.run("database create -n shop").ok();
    place.run("container create -d shop -n orders -p /pk").ok();
    place
        .orders(r#"item create -b '{"id":"1","pk":"a"}'"#)
        .ends(5)
        .says("rawcosmos grant --role data-");
    place.run("grant --role data-contributor").ok();
    place.orders(r#"item create -b '{"id":"1","pk":"a"}'"#).ok();
    let rows = place.orders("query 'SELECT VALUE c.id FROM c'").ok();
    assert_eq!(rows.out, "\"1\"\n", "{name}");
}

#[test]
fn the_tutorial_is_the_same_on_every_host() {
    for host in HOSTS {
        tutorial(&on(host, &[]), host);
    }
}

/// The first step says who can be asked there, and the others do what they do everywhere.
#[test]
fn the_tour_leads_to_its_end_on_every_host() {
    let rows = [
        (
            "vm",
            "Ask the machine itself",
            "\"resourceGroupName\"",
            "expires_in is what is left",
        ),
        (
            "app-service",
            "IDENTITY_ENDPOINT and IDENTITY_HEADER show it",
            "Nothing was asked",
            "expires_on is the moment",
        ),
        (
            "arc",
            "Its Arc agent gives it tokens",
            "the agent's key files",
            "The first answer is 401",
        ),
        (
            "aks",
            "Kubernetes gave this pod a token",
            "AZURE_TENANT_ID",
            "client_assertion is the pod's own token",
        ),
        (
            "aci",
            "Ask the machine itself",
            "gives tokens alone",
            "expires_in is what is left",
        ),
    ];
    for (host, goal, notice, token) in rows {
        let place = on(host, &[]);
        let tour = place.run("tour --live -y").ok();
        let steps: Vec<&str> = tour.out.split("── step ").collect();
        assert_eq!(steps.len(), 15, "{host}");
        for (step, said) in [(1, goal), (1, notice), (2, token)] {
            assert!(steps[step].contains(said), "{host} {said}: {}", steps[step]);
        }
        let asks = host == "vm" || host == "aci";
        assert_eq!(tour.out.contains("GET /metadata/instance"), asks, "{host}");
        // Nothing but the account is known there.
        let lost = place
            .prepare("tour --live -y")
            .without("RAWCOSMOS_SUBSCRIPTION");
        if host != "vm" {
            lost.go().ends(2).prints("").says("--subscription");
        }
    }
}

#[test]
fn the_tutorial_is_the_same_in_every_cloud() {
    let rows = [
        (
            "public",
            "https://management.azure.com/",
            "https://cosmos.azure.com",
        ),
        (
            "usgov",
            "https://management.core.usgovcloudapi.net/",
            "https://cosmos.azure.us",
        ),
        (
            "china",
            "https://management.chinacloudapi.cn/",
            "https://cosmos.azure.cn",
        ),
    ];
    for (cloud, arm, data) in rows {
        for host in ["vm", "aks"] {
            let place = Place::with(Options {
                host: Host::parse(host).unwrap(),
                cloud: Cloud::parse(cloud).unwrap(),
                ..Options::default()
            });
            // A machine says its cloud itself; a pod has to be told.
            let option = if host == "vm" {
                String::new()
            } else {
                format!(" --cloud {cloud}")
            };
            for (plane, audience) in [("arm", arm), ("data", data)] {
                let run = place.prepare(&format!("token --plane {plane}{option}"));
                let run = ["ENDPOINT", "ARM_ENDPOINT"]
                    .iter()
                    .fold(run, |run, name| run.without(&format!("RAWCOSMOS_{name}")));
                assert_eq!(run.go().ok().json()["audience"], audience, "{cloud} {host}");
            }
            let run = |line: &str| place.prepare(line).env("RAWCOSMOS_CLOUD", cloud).go().ok();
            // The clouds lag behind in versions: also a HEAD, which has no body, has to find that out.
            let free = run("account exists -n free-name").json();
            assert_eq!(free["exists"], false, "{cloud} {host}");
            run("database create -n shop");
            run("container create -d shop -n orders -p /pk");
            run("grant --role data-contributor");
            run(r#"item create -d shop -c orders -b '{"id":"1","pk":"a"}'"#);
        }
    }
}

// ---- Which one

/// The object id of who answers; without anybody an exit code and words.
type Answer<'a> = Result<&'a str, (i32, &'a str)>;

/// Host, option, what goes over the wire, and what comes of it.
type Selection<'a> = (&'a str, [&'a str; 2], &'a str, Answer<'a>);

#[test]
fn a_selector_goes_by_the_name_its_host_knows() {
    let encoded = USER_RESOURCE.replace('/', "%2F");
    let client = format!("client_id={USER_CLIENT}");
    let (object, principal) = (format!("object_id={USER}"), format!("principal_id={USER}"));
    let (msi, mi) = (
        format!("msi_res_id={encoded}"),
        format!("mi_res_id={encoded}"),
    );
    let by = |option| {
        ["--client-id", "--object-id", "--identity-resource-id"]
            .into_iter()
            .zip([USER_CLIENT, USER, USER_RESOURCE])
            .find(|(known, _)| *known == option)
            .unwrap()
    };
    let by = |option| {
        let (option, value) = by(option);
        [option, value]
    };
    let (of_client, of_object, of_resource) = (
        by("--client-id"),
        by("--object-id"),
        by("--identity-resource-id"),
    );
    let system = ["--client-id", SYSTEM_CLIENT];
    let stranger = ["--client-id", "99999999-0000-4000-8000-0000000000c9"];
    #[rustfmt::skip]
    let rows: &[Selection] = &[
        ("vm", of_client, &client, Err((4, "not the one that was named"))),
        ("vm", system, "client_id=", Ok(SYSTEM)),
        ("vm-user", of_client, &client, Ok(USER)),
        ("vm-both", of_client, &client, Ok(USER)),
        ("vm-both", of_object, &object, Ok(USER)),
        ("vm-both", of_resource, &msi, Ok(USER)),
        ("vm-both", stranger, "client_id=99999999", Err((4, "az vm identity assign -g sandbox-group -n sandbox-vm"))),
        ("app-service", of_client, &client, Ok(USER)),
        ("app-service", of_object, &principal, Ok(USER)),
        ("app-service", of_resource, &mi, Ok(USER)),
        ("app-service", stranger, "client_id=99999999", Err((4, "az webapp identity assign"))),
        ("arc", of_client, &client, Ok(USER)),
        ("arc", of_object, &object, Ok(USER)),
        ("arc", of_resource, &msi, Ok(USER)),
        ("arc", stranger, "client_id=99999999", Err((4, "az connectedmachine show"))),
        ("arc", system, "client_id=", Err((4, "gives the server's own identity only where none is named"))),
        ("aks", of_client, &client, Ok(USER)),
        ("aks", of_object, "", Err((2, "--object-id: a pod names its identity by client id alone"))),
        ("aks", of_resource, "", Err((2, "--identity-resource-id: a pod names its identity by client id alone"))),
        ("aks", stranger, "client_id=99999999", Err((4, "there is no such identity in the tenant"))),
        ("aks", system, "client_id=", Err((4, "no identity trusts this pod's token"))),
        ("aci", of_client, &client, Ok(USER)),
        ("aci", of_object, &object, Ok(USER)),
        ("aci", of_resource, &msi, Ok(USER)),
        ("aci", stranger, "client_id=99999999", Err((4, "az container show"))),
    ];
    for (host, [option, value], sent, answer) in rows {
        let tapped = Tapped::on(Host::parse(host).unwrap(), &[]);
        let ran = tapped.prepare(&format!("whoami {option} {value}")).go();
        assert!(tapped.wires[0].asked().contains(sent), "{host} {option}");
        assert_eq!(
            sent.is_empty(),
            tapped.wires[0].connections() == 0,
            "{host} {option}"
        );
        match answer {
            Ok(object) => assert_eq!(ran.ok().json()["objectId"], *object, "{host} {option}"),
            Err((code, words)) => drop(ran.ends(*code).prints("").says(words)),
        }
    }
}

#[test]
fn what_other_tools_are_told_counts_on_every_host() {
    const CREDENTIALS: &str = "AZURE_TOKEN_CREDENTIALS";
    let missing =
        "needs the variable AZURE_FEDERATED_TOKEN_FILE (chosen by AZURE_TOKEN_CREDENTIALS)";
    #[rustfmt::skip]
    let rows: &[(&str, &str, &str, Answer)] = &[
        ("vm-both", "AZURE_CLIENT_ID", USER_CLIENT, Ok(USER)),
        ("vm-both", "AZURE_CLIENT_ID", "", Ok(SYSTEM)),
        ("app-service", "AZURE_CLIENT_ID", USER_CLIENT, Ok(USER)),
        ("arc", "AZURE_CLIENT_ID", USER_CLIENT, Ok(USER)),
        ("aci", "AZURE_CLIENT_ID", USER_CLIENT, Ok(USER)),
        ("aks", "AZURE_CLIENT_ID", "", Err((2, "set AZURE_CLIENT_ID"))),
        ("vm", CREDENTIALS, "prod", Ok(SYSTEM)),
        ("vm", CREDENTIALS, "managedidentitycredential", Ok(SYSTEM)),
        ("vm", CREDENTIALS, "WorkloadIdentityCredential", Err((2, missing))),
        ("vm", CREDENTIALS, "dev", Err((2, "AZURE_TOKEN_CREDENTIALS is \"dev\", which is not supported"))),
        ("vm", CREDENTIALS, "EnvironmentCredential", Err((2, "is not supported"))),
        ("app-service", CREDENTIALS, "ManagedIdentityCredential", Ok(SYSTEM)),
        ("arc", CREDENTIALS, "ManagedIdentityCredential", Ok(SYSTEM)),
        ("aks", CREDENTIALS, "prod", Ok(USER)),
        ("aks", CREDENTIALS, "WorkloadIdentityCredential", Ok(USER)),
        ("aks", CREDENTIALS, "ManagedIdentityCredential", Err((8, "no metadata service answers this pod"))),
    ];
    for (host, name, value, answer) in rows {
        let ran = on(host, &[]).prepare("whoami").env(name, value).go();
        match answer {
            Ok(object) => assert_eq!(
                ran.ok().json()["objectId"],
                *object,
                "{host} {name}={value}"
            ),
            Err((code, words)) => drop(ran.ends(*code).says(words)),
        }
    }
}

#[test]
fn what_only_metadata_says_is_asked_for_where_there_is_none() {
    for host in HOSTS {
        let place = on(host, &[]);
        let bare = |line: &str| {
            let run = place.prepare(line).without("RAWCOSMOS_SUBSCRIPTION");
            run.without("RAWCOSMOS_RESOURCE_GROUP").go()
        };
        if host.starts_with("vm") {
            bare("database list").ok();
            continue;
        }
        for line in [
            "database list",
            "account list",
            "grant --role data-reader",
            "account create -n abc --subscription x",
            "account show --subscription x",
        ] {
            let ran = bare(line).ends(2).prints("");
            let what = if line.contains("--subscription") {
                "resource-group"
            } else {
                "subscription"
            };
            let variable = what.to_uppercase().replace('-', "_");
            ran.says(&format!("give --{what}, or set RAWCOSMOS_{variable}"));
        }
    }
}

// ---- What is wrong

#[test]
fn what_is_wrong_with_an_identity_is_said_on_its_host() {
    let named = format!("token --client-id {USER_CLIENT}");
    #[rustfmt::skip]
    let rows: &[(&str, &str, &str, i32, &[&str])] = &[
        ("vm", "no-identity", "token", 4, &["this machine has no managed identity", "az vm identity assign"]),
        ("vm", "no-identity", "whoami", 4, &["az vm identity assign -g sandbox-group -n sandbox-vm"]),
        ("vm-both", "two-identities", "token", 4, &["name one", "whoami --client-id ID"]),
        ("app-service", "no-identity", "token", 4, &["az webapp identity assign", "az containerapp identity assign"]),
        ("app-service", "two-identities", "token", 4, &["a user-assigned one is not taken unless named"]),
        ("arc", "no-identity", "token", 4, &["this server has no managed identity", "sudo azcmagent show"]),
        ("aks", "no-identity", "token", 4, &["there is no such identity in the tenant", "kubectl annotate serviceaccount"]),
        ("aci", "no-identity", "token", 4, &["az container show"]),
        ("vm-both", "identity-other", &named, 4, &["another identity answered", USER_CLIENT]),
        ("app-service", "identity-other", &named, 4, &["another identity answered"]),
        ("aks", "identity-other", "token", 4, &["another identity answered"]),
        ("arc", "arc-old-agent", &named, 4, &["too old to be asked for a client id"]),
        ("arc", "arc-rogue", "token", 4, &["something else may listen at its port", "nothing was shown to it"]),
        ("arc", "arc-rogue=dots", "token", 4, &["nothing was shown to it"]),
        ("arc", "arc-rogue=link", "token", 4, &["nothing was shown to it"]),
        ("arc", "arc-big-key", "token", 4, &["longer than a key"]),
        ("arc", "arc-wrong-ending", "token", 4, &["does not end in .key"]),
        ("aks", "assertion-expired", "token", 4, &["the pod's own token has expired"]),
        ("vm", "metadata-header-lost", "token", 4, &["the header Metadata: true did not arrive"]),
        ("vm", "docker-desktop", "token", 4, &["this is Docker Desktop, not Azure"]),
        ("vm", "other-cloud", "token", 4, &["this is a machine of another cloud"]),
        ("vm", "proxy-page", "token", 4, &["something other than Azure's metadata service answered"]),
        ("vm", "proxy-page=200", "token", 4, &["a web page: a proxy"]),
        ("vm", "imds-silent", "token", 8, &["no identity endpoint answers here"]),
        ("vm", "wrong-audience", "database list", 4, &["the token is for another audience", "ARM accepts https://management.core.windows.net/"]),
        ("vm", "token-expired", "database list", 4, &["the token has expired"]),
        ("vm", "token-other-tenant", "database list", 4, &["the token is from another tenant"]),
    ];
    std::thread::scope(|scope| {
        for (host, fault, line, code, words) in rows {
            scope.spawn(move || {
                let mut ran = on(host, &[fault]).run(line).ends(*code).prints("");
                for words in *words {
                    ran = ran.says(words);
                }
            });
        }
    });
}

// ---- By hand

/// What is printed is run by a shell against the sandbox. Arc's keys are good for one answer, and so are its lines.
#[test]
fn curl_lines_of_each_host_do_what_they_show() {
    let there = ["/bin/sh", "/usr/bin/curl"]
        .iter()
        .all(|tool| Path::new(tool).exists());
    if !there {
        return;
    }
    let folder = Path::new(BINARY).parent().unwrap().to_str().unwrap();
    for host in HOSTS.into_iter().filter(|host| *host != "arc") {
        let place = on(host, &[]);
        place.run("database create -n shop --throughput 400").ok();
        for (line, status) in [
            ("token", "200"),
            ("account show", "200"),
            ("account exists", "200"),
            ("account keys --kind primary-readonly", "200"),
            ("role list --plane data", "200"),
            ("throughput migrate -d shop --to autoscale -y", "202"),
            ("container create -d shop -n orders -p /pk", "202"),
        ] {
            let shown = place.run(&format!("{line} --curl --dry-run")).ok().out;
            let mut shell = Command::new("/bin/sh");
            shell
                .arg("-c")
                .arg(&shown)
                .env_clear()
                .envs(place.variables());
            let ran = shell
                .env("PATH", format!("{folder}:/usr/bin:/bin"))
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&ran.stdout);
            let last = text.rsplit("HTTP/1.1 ").next().unwrap();
            assert!(last.starts_with(status), "{host} {line}: {ran:?}\n{shown}");
            assert_eq!(ran.stderr, b"", "{host} {line}: {ran:?}");
        }
    }
}

// ---- A machine with nothing

/// All lines at once, in a place that knows an account's name, and with or without what the metadata would say.
fn on_nothing(origin: &str, knows_group: bool) -> Vec<Ran> {
    let lines = CONVERSATIONS.iter().copied().chain(["tour --live -y"]);
    let runs = lines.map(|line| {
        let mut run = toward(origin, Run::line(line));
        if !knows_group && !line.starts_with("group") {
            run = run.without("RAWCOSMOS_SUBSCRIPTION");
            run = run.without("RAWCOSMOS_RESOURCE_GROUP");
        }
        std::thread::spawn(move || run.go())
    });
    let runs: Vec<_> = runs.collect();
    runs.into_iter().map(|run| run.join().unwrap()).collect()
}

/// Nobody listens, or somebody does and says nothing. That each command has a line here is seen to in `secrets.rs`.
#[test]
fn where_nothing_is_every_command_says_so_soon() {
    let silent = Wire::deaf();
    for origin in [nobody(), silent.origin.clone()] {
        for ran in [true, false]
            .iter()
            .flat_map(|known| on_nothing(&origin, *known))
        {
            assert!([4, 8].contains(&ran.code), "{ran:#?}");
            let said = format!("{}{}", ran.out, ran.err);
            assert!(
                said.contains("no identity endpoint answers here"),
                "{ran:#?}"
            );
            assert!(said.contains("--token-file"), "{ran:#?}");
            assert!(
                ran.line.starts_with("doctor") || ran.out.is_empty(),
                "{ran:#?}"
            );
        }
    }
}
