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
use serde_json::Value;
use support::{Place, Ran, Run};

/// The first command that an error prints.
fn printed(ran: &Ran) -> String {
    let told: Value = serde_json::from_str(ran.err.lines().last().unwrap()).unwrap();
    told["error"]["fix"][0].as_str().unwrap().to_string()
}

/// Runs a line through a shell in the place's environment.
fn paste(place: &Place, line: &str) {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_rawcosmos"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let done = Command::new("sh")
        .args(["-c", line])
        .env_clear()
        .envs(place.variables())
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(done.status.success(), "{line}: {done:?}");
}

/// Principal and role of every data role assignment.
fn assignments(place: &Place) -> Vec<(String, String)> {
    let rows = place.run("role list --plane data -o ndjson").ok().rows();
    let text = |row: &Value, name: &str| row["properties"][name].as_str().unwrap().to_string();
    let pair = |row: &Value| {
        let role = text(row, "roleDefinitionId");
        let role = role.rsplit('/').next().unwrap().to_string();
        (text(row, "principalId"), role)
    };
    rows.iter().map(pair).collect()
}

#[test]
fn a_printed_grant_helps_the_refused_identity_and_no_other_one() {
    let user = "5a0db0c5-0000-4000-8000-0000000000a2";
    for (selector, principal) in [
        ("", "5a0db0c5-0000-4000-8000-0000000000a1"),
        ("--client-id 5a0db0c5-0000-4000-8000-0000000000c2", user),
        ("--object-id 5a0db0c5-0000-4000-8000-0000000000a2", user),
    ] {
        for (command, role) in [
            ("query -d shop -c orders 'SELECT * FROM c'", "1"),
            (
                "item create -d shop -c orders -b '{\"id\":\"1\",\"pk\":\"a\"}'",
                "2",
            ),
        ] {
            let place = Place::new(&[]);
            place.container("orders", &["/pk"]);
            let before = assignments(&place);
            let line = format!("{command} {selector} -o json");
            let fix = printed(&place.run(&line).ends(5));
            paste(&place, &fix);
            place.run(&line).ok();
            let mut after = assignments(&place);
            after.retain(|each| !before.contains(each));
            let role = format!("00000000-0000-0000-0000-00000000000{role}");
            assert_eq!(after, [(principal.to_string(), role)], "{fix}");
        }
    }
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
