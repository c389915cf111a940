//! Commands that are printed with an error: each is run through a shell as printed, and helps the one that was refused.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::process::Command;

use rawcosmos::sandbox::host::Host;
use rawcosmos::sandbox::world::{RoleAssignment, World};
use rawcosmos::sandbox::{Options, cloud};
use serde_json::Value;
use support::{Place, Ran, Run};

/// The first command that an error prints.
fn printed(ran: &Ran) -> String {
    let told: Value = serde_json::from_str(ran.err.lines().last().unwrap()).unwrap();
    told["error"]["fix"][0].as_str().unwrap().to_string()
}

/// Runs a line through a shell in the place's environment.
fn paste(place: &Place, line: &str) {
    paste_without(place, line, &[]);
}

/// The same where some of the variables are not set.
fn paste_without(place: &Place, line: &str, unset: &[&str]) {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_rawcosmos"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut shell = Command::new("sh");
    shell
        .args(["-c", line])
        .env_clear()
        .envs(place.variables())
        .env("PATH", path);
    for name in unset {
        shell.env_remove(name);
    }
    let done = shell.output().unwrap();
    assert!(done.status.success(), "{line}: {done:?}");
}

/// Principal and role of every data role assignment.
fn assignments(place: &Place) -> Vec<(String, String)> {
    place.sandbox.with_world(|world| {
        let all = world.role_assignments.values();
        let pair = |held: &RoleAssignment| {
            let role = held.role_definition.rsplit('/').next().unwrap();
            (held.principal.clone(), role.to_string())
        };
        all.map(pair).collect()
    })
}

const OWN: &str = "5a0db0c5-0000-4000-8000-0000000000a1";
const USER: &str = "5a0db0c5-0000-4000-8000-0000000000a2";
const CLIENT: &str = "--client-id 5a0db0c5-0000-4000-8000-0000000000c2";
const RESOURCE: &str = "--identity-resource-id /subscriptions/5a0db0c5-0000-4000-8000-000000000001/resourcegroups/sandbox-group/providers/Microsoft.ManagedIdentity/userAssignedIdentities/sandbox-identity";
const QUERY: &str = "query -d shop -c orders 'SELECT * FROM c'";
const CREATE: &str = "item create -d shop -c orders -b '{\"id\":\"1\",\"pk\":\"a\"}'";
const READER: &str = "00000000-0000-0000-0000-000000000001";
const CONTRIBUTOR: &str = "00000000-0000-0000-0000-000000000002";

/// A container without anybody who may use it.
fn bare(host: Host, cloud: &str) -> Place {
    let place = Place::with(Options {
        host,
        cloud: cloud::Cloud::parse(cloud).unwrap(),
        ..Options::default()
    });
    place.container("orders", &["/pk"]);
    place
}

/// A data command is refused; the printed command gives this role to this principal alone, and it succeeds.
fn helped(place: &Place, line: &str, principal: &str, role: &str) {
    let before = assignments(place);
    let line = format!("{line} -o json");
    let fix = printed(&place.run(&line).ends(5));
    paste(place, &fix);
    place.run(&line).ok();
    let mut after = assignments(place);
    after.retain(|each| !before.contains(each));
    assert_eq!(after, [(principal.to_string(), role.to_string())], "{fix}");
}

#[test]
fn a_printed_grant_helps_the_refused_identity_and_no_other_one() {
    for (selector, principal) in [
        ("", OWN),
        (CLIENT, USER),
        ("--object-id 5a0db0c5-0000-4000-8000-0000000000a2", USER),
        (RESOURCE, USER),
    ] {
        for (command, role) in [(QUERY, READER), (CREATE, CONTRIBUTOR)] {
            let place = bare(Host::VmBoth, "public");
            helped(&place, &format!("{command} {selector}"), principal, role);
        }
    }
}

#[test]
fn a_printed_grant_helps_on_every_host_and_in_every_cloud() {
    for (host, principal) in [
        (Host::Vm, OWN),
        (Host::VmUser, USER),
        (Host::AppService, OWN),
        (Host::Arc, OWN),
        (Host::Aci, OWN),
        (Host::Aks, USER),
    ] {
        helped(&bare(host, "public"), QUERY, principal, READER);
    }
    for cloud in ["usgov", "china"] {
        let line = format!("{QUERY} {CLIENT} --cloud {cloud}");
        helped(&bare(Host::VmBoth, cloud), &line, USER, READER);
    }
}

/// What the refused command was told by options is told by the printed command as well: nothing of it is in a variable.
#[test]
fn a_printed_grant_goes_to_the_endpoints_of_the_refused_command() {
    let place = bare(Host::VmBoth, "public");
    let names = ["imds-endpoint", "arm-endpoint", "endpoint"];
    let variables: Vec<String> = names
        .iter()
        .map(|name| format!("RAWCOSMOS_{}", name.to_uppercase().replace('-', "_")))
        .collect();
    let mut line = format!("{QUERY} {CLIENT} -o json");
    for (name, variable) in names.iter().zip(&variables) {
        let known = place.variables();
        let (_, url) = known.iter().find(|(known, _)| *known == *variable).unwrap();
        line = format!("{line} --{name} {url}");
    }
    let before = assignments(&place);
    let fix = printed(&place.run(&line).ends(5));
    let unset: Vec<&str> = variables.iter().map(String::as_str).collect();
    paste_without(&place, &fix, &unset);
    place.run(&line).ok();
    let mut after = assignments(&place);
    after.retain(|each| !before.contains(each));
    assert_eq!(after, [(USER.to_string(), READER.to_string())], "{fix}");
}

#[test]
fn a_printed_grant_is_for_the_principal_of_the_token_file() {
    let place = bare(Host::VmBoth, "public");
    let token = place.run(&format!("token --plane data --raw --yes {CLIENT}"));
    let file = support::Scratch::new(&token.ok().out);
    let line = format!("{QUERY} --token-file {}", file.path());
    helped(&place, &line, USER, READER);
}

#[test]
fn a_printed_azure_role_is_for_the_refused_identity() {
    for (command, role) in [
        ("database list", "fbdf93bf-df7d-467e-a4d2-9458aa1360c8"),
        (
            "database create -n more",
            "230815da-be43-4aae-9cb4-875f7bd000aa",
        ),
        (
            "account keys --kind primary --raw --yes",
            "5bd9cd88-fe45-4216-938b-f97437e15450",
        ),
    ] {
        let place = Place::with(Options {
            azure_role: "owner".to_string(),
            ..Options::default()
        });
        let others = |world: &mut World| {
            let all = &mut world.azure.assignments;
            all.retain(|_, held| held.principal != USER);
            all.len()
        };
        let before = place.sandbox.with_world(others);
        let line = format!("{command} {CLIENT} -g sandbox-group -o json");
        let fix = printed(&place.run(&line).ends(5));
        paste(&place, &fix);
        place.run(&line).ok();
        let given = place.sandbox.with_world(|world| {
            assert_eq!(world.azure.assignments.len(), before + 1, "{fix}");
            let mut all = world.azure.assignments.values();
            let given = all.find(|held| held.principal == USER);
            given.map(|held| held.role.clone())
        });
        assert_eq!(given.as_deref(), Some(role), "{fix}");
    }
}

#[test]
fn a_missing_database_is_made_by_the_printed_command() {
    let place = Place::new(&[]);
    let line = format!("container create -d new -n orders -p /pk {CLIENT} -o json");
    let fix = printed(&place.run(&line).ends(3));
    assert!(fix.ends_with(CLIENT), "{fix}");
    paste(&place, &fix);
    place.run(&line).ok();
}

#[test]
fn a_principal_of_another_type_is_given_its_own() {
    let place = Place::with(Options {
        azure_role: "owner".to_string(),
        ..Options::default()
    });
    let line = format!("grant --role operator --principal {USER} --principal-type User -o json");
    let fix = printed(&place.run(&line).ends(1));
    assert!(fix.ends_with("--principal-type ServicePrincipal"), "{fix}");
    paste(&place, &fix);
}

/// Printed commands that change something, and the test that runs each. What the reader fills in cannot be run as it is.
#[rustfmt::skip]
const CHANGES: &[(&str, &str)] = &[
    ("rawcosmos grant --role {data-role}", "a_printed_grant_helps_the_refused_identity_and_no_other_one"),
    ("rawcosmos grant --role {word}", "a_printed_azure_role_is_for_the_refused_identity"),
    ("rawcosmos grant --role operator", "doctor: Owner is wider than needed, and nothing was refused"),
    ("{again}", "a_principal_of_another_type_is_given_its_own"),
    ("rawcosmos database create", "a_missing_database_is_made_by_the_printed_command"),
    ("rawcosmos container create -d {database} -n {container} -p /PATH", "the reader names the path; doctor runs it"),
    ("rawcosmos group create -n {group} --location LOCATION", "the reader names the location"),
    ("rawcosmos throughput update -d {database} -c {container} --throughput RU", "the reader names the throughput"),
    ("rawcosmos account delete", "what is deleted does not come back: doctor shows it"),
];

#[test]
fn every_printed_change_is_run_by_a_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/explain/rules");
    let mut used = vec![false; CHANGES.len()];
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.lines() {
            let Some(fix) = line.strip_prefix("fix ").or(line.strip_prefix("or ")) else {
                continue;
            };
            let fix = fix.trim_start().trim_start_matches('?');
            let changes = [" grant ", " create", " update", " delete", "{again}"];
            let ours = fix.starts_with("rawcosmos ") || fix.starts_with("{again}");
            if !ours || !changes.iter().any(|part| fix.contains(part)) {
                continue;
            }
            let known = CHANGES
                .iter()
                .position(|(begins, _)| fix.starts_with(begins));
            used[known.unwrap_or_else(|| panic!("no test runs {fix}"))] = true;
        }
    }
    assert!(used.iter().all(|used| *used), "{used:?}");
}

#[test]
fn a_list_that_is_replaced_keeps_what_it_has() {
    let place = Place::furnished(&["firewall"]);
    let ran = place.run("query -d shop -c orders 'SELECT * FROM c' -o json");
    let fix = printed(&ran.ends(5));
    let list = "--ip-range-filter 203.0.113.0/24,127.0.0.1";
    assert!(fix.contains(list), "{fix}");
}

#[test]
fn a_grant_ends_at_once_where_no_role_would_help() {
    for fault in ["firewall", "private-endpoint", "nsp"] {
        let place = Place::furnished(&[fault]);
        let ran = place.run("grant --role data-reader").ends(5);
        ran.says("granted; what the data plane refuses is not about the role");
    }
}

#[test]
fn a_wrong_header_of_an_app_is_named_by_its_variable() {
    let place = Place::furnished_on(Host::AppService, &[]);
    let run = place.prepare("whoami").env("IDENTITY_HEADER", "another");
    let ran = run.go().ends(4);
    ran.says("IDENTITY_HEADER").says("az webapp identity show");
}

#[test]
fn an_identity_binding_of_aks_is_named() {
    let run = Run::line("whoami")
        .env("AZURE_FEDERATED_TOKEN_FILE", "/nonexistent/token")
        .env("AZURE_TENANT_ID", "5a0db0c5-0000-4000-8000-0000000000ff")
        .env("AZURE_KUBERNETES_TOKEN_ENDPOINT", "https://10.0.0.1");
    run.go().ends(2).says("AKS identity binding");
}

#[test]
fn a_proxy_that_refuses_the_way_is_named_and_not_the_certificate() {
    for status in [
        "407 Proxy Authentication Required",
        "403 Forbidden",
        "502 Bad Gateway",
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                use std::io::{Read, Write};
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                let mut part = [0; 4096];
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut part) {
                        Ok(count) if count > 0 => head.extend_from_slice(&part[..count]),
                        _ => break,
                    }
                }
                let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            }
        });
        let key = support::Scratch::new("AAAA");
        let run = |line: &str| {
            Run::line(line)
                .env("HTTPS_PROXY", format!("http://{proxy}"))
                .env("RAWCOSMOS_KEY_FILE", key.path())
                .go()
        };
        let ran = run("item read -a acct1 -d d -c c -i 1 -k a").ends(8);
        ran.says(&proxy);
        let told = run("doctor -a acct1 --only tls").ends(8);
        assert!(told.out.contains(&proxy), "{told:#?}");
        assert!(!told.out.contains("could not prove"), "{told:#?}");
    }
}
