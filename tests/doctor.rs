//! `doctor` against every fault of the sandbox: the first line that is not green is the cause, says what helps, and is
//! green once that is done, where it is ours to do.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::SystemTime;

use rawcosmos::sandbox::Options;
use rawcosmos::sandbox::azure::Assignment;
use rawcosmos::sandbox::faults::{self, Fault};
use rawcosmos::sandbox::host::Host;
use rawcosmos::sandbox::token::{self, Claims};
use rawcosmos::sandbox::world::RoleAssignment;
use serde_json::Value;
use support::wire::Wire;
use support::{Place, Ran, Run, Scratch, nobody};

/// The identity of the machine, and one that is user-assigned.
const OWN: &str = "5a0db0c5-0000-4000-8000-0000000000a1";
const USER: &str = "5a0db0c5-0000-4000-8000-0000000000c2";
const CHECKS: usize = 17;

/// What helps.
#[derive(Clone, Copy)]
enum Then {
    /// Nothing of ours: it passes, or somebody else has to do it.
    Nothing,
    /// The fix that begins so, done by this machine.
    Ours(&'static str),
    /// The same, done by an owner of the subscription.
    Administrators(&'static str),
    /// The fix that begins so names an option; with it everything is in order.
    Option(&'static str, &'static str),
    /// The same without the account key.
    WithoutKey(&'static str),
}

/// A state of the world, and what the doctor says of it.
struct Row {
    faults: &'static [&'static str],
    host: &'static str,
    role: &'static str,
    regions: usize,
    /// Of `database`, `container`, `grant`: what is there; `narrow` is a grant for the container alone.
    there: &'static [&'static str],
    words: &'static str,
    with_key: bool,
    variables: &'static [(&'static str, &'static str)],
    /// The first line that is not green, its state, and what it says; nothing where all is well.
    first: Option<(&'static str, &'static str, &'static str)>,
    /// A part of the first fix, or of the note where there is none.
    helps: &'static str,
    exit: i32,
    then: Then,
}

const NAMED: &str = "-d shop -c orders --probe-write";

const fn row(faults: &'static [&'static str]) -> Row {
    Row {
        faults,
        host: "vm-both",
        role: "account-contributor",
        regions: 1,
        there: &["database", "container", "grant"],
        words: NAMED,
        with_key: false,
        variables: &[],
        first: None,
        helps: "",
        exit: 0,
        then: Then::Nothing,
    }
}

impl Row {
    const fn fails(
        self,
        check: &'static str,
        says: &'static str,
        helps: &'static str,
        exit: i32,
    ) -> Row {
        Row {
            first: Some((check, "FAIL", says)),
            helps,
            exit,
            ..self
        }
    }

    const fn warns(self, check: &'static str, says: &'static str, helps: &'static str) -> Row {
        Row {
            first: Some((check, "warn", says)),
            helps,
            ..self
        }
    }

    const fn then(self, then: Then) -> Row {
        Row { then, ..self }
    }

    const fn on(self, host: &'static str) -> Row {
        Row { host, ..self }
    }

    const fn role(self, role: &'static str) -> Row {
        Row { role, ..self }
    }

    const fn there(self, there: &'static [&'static str]) -> Row {
        Row { there, ..self }
    }

    const fn words(self, words: &'static str) -> Row {
        Row { words, ..self }
    }

    const fn key(self) -> Row {
        Row {
            with_key: true,
            ..self
        }
    }

    const fn set(self, variables: &'static [(&'static str, &'static str)]) -> Row {
        Row { variables, ..self }
    }
}

const BY_NAME: &str = "-d shop -c orders --client-id 5a0db0c5-0000-4000-8000-0000000000c2";
const LOST: &[&str] = &["audience"];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // ---- All is well
    row(&[]),
    row(&[]).key(),
    row(&[]).words(""),
    row(&[]).on("vm"),
    row(&[]).on("vm-user"),
    row(&[]).on("app-service"),
    row(&[]).on("arc"),
    row(&[]).on("aks"),
    row(&[]).on("aci"),
    row(&[]).words(BY_NAME),
    row(&[]).there(&["database", "container", "narrow"]),

    // ---- The identity
    row(&["no-identity"]).fails("identity", "this machine has no managed identity", "rawcosmos whoami", 4),
    row(&["two-identities"]).fails("identity", "several user-assigned identities: name one", "rawcosmos whoami --client-id ID", 4)
        .then(Then::Option("rawcosmos whoami --client-id", USER)),
    row(&["identity-other"]).words(BY_NAME).fails("identity", "another identity answered", "az vm identity show -g sandbox-group -n sandbox-vm", 4),
    row(&["identity-other"]),
    row(&["arc-old-agent"]).on("arc").words(BY_NAME).fails("identity", "the Arc agent is too old", "sudo azcmagent version", 4),
    row(&["arc-rogue"]).on("arc").fails("identity", "the Arc agent does not give a token without its key", "sudo ss -ltnp 'sport = :40342'", 4),
    row(&["arc-rogue=dots"]).on("arc").fails("identity", "the Arc agent does not give a token without its key", "sudo ss", 4),
    row(&["arc-rogue=link"]).on("arc").fails("identity", "the Arc agent does not give a token without its key", "sudo ss", 4),
    row(&["arc-big-key"]).on("arc").fails("identity", "the Arc agent does not give a token without its key", "sudo ss", 4),
    row(&["arc-wrong-ending"]).on("arc").fails("identity", "the Arc agent does not give a token without its key", "sudo ss", 4),
    row(&[]).on("arc").set(&[("RAWCOSMOS_ARC_KEY_DIRECTORY", "/nowhere")])
        .fails("identity", "the Arc agent does not give a token without its key", "sudo systemctl status himds", 4),
    row(&["assertion-expired"]).on("aks").fails("identity", "the pod's own token has expired", "date -u", 4),
    row(&[]).on("aks").set(&[("AZURE_FEDERATED_TOKEN_FILE", "/nowhere/token")])
        .fails("identity", "the pod's own token cannot be read", "kubectl annotate serviceaccount", 4),
    row(&[]).on("aks").set(&[("AZURE_AUTHORITY_HOST", "http://127.0.0.1:1/")])
        .fails("host", "Microsoft Entra cannot be reached", "pods need a way out", 8),
    row(&[]).set(&[("KUBERNETES_SERVICE_HOST", "10.0.0.1")])
        .warns("host", "this pod has no identity of its own", "kubectl annotate serviceaccount"),
    row(&[]).set(&[("AZURE_TENANT_ID", "22222222-0000-4000-8000-000000000002")])
        .warns("identity", "AZURE_TENANT_ID is not the tenant of this identity", "rawcosmos whoami"),
    row(&["token-expired"]).fails("token", "expired", "rawcosmos token --plane data", 4),
    row(&["token-future"]).fails("token", "not valid for another", "rawcosmos token --plane data", 4),
    row(&["wrong-audience"]).fails("token", "for https://management.azure.com, although", "rawcosmos token --plane data", 4),
    row(&["token-other-tenant"]).fails("account", "the token is from another tenant", "rawcosmos whoami", 4),
    row(&["clock-skew=10m"]).warns("clock", "this machine's clock is 10 minutes behind", "sudo timedatectl set-ntp true"),
    row(&["clock-skew=-10m"]).warns("clock", "this machine's clock is 10 minutes ahead of", "sudo timedatectl set-ntp true"),
    row(&["clock-skew=1h"]).warns("clock", "this machine's clock is 60 minutes behind", "sudo timedatectl set-ntp true"),
    row(&["clock-skew=10m"]).key().warns("clock", "this machine's clock is 10 minutes behind", "sudo timedatectl set-ntp true"),
    row(&["clock-skew=-10m"]).key().warns("clock", "this machine's clock is 10 minutes ahead of", "sudo timedatectl set-ntp true"),
    row(&["clock-skew=1h"]).key().warns("clock", "this machine's clock is 60 minutes behind", "sudo timedatectl set-ntp true"),

    // ---- Who answers in the place of the metadata service
    row(&[]).on("none").fails("host", "no identity endpoint answers here", "rawcosmos whoami --identity-source imds", 8),
    row(&[]).on("none").set(&[("KUBERNETES_SERVICE_HOST", "10.0.0.1")])
        .fails("host", "no metadata service answers this pod", "kubectl annotate serviceaccount", 8),
    row(&["imds-silent"]).fails("metadata", "no identity endpoint answers here", "rawcosmos whoami --identity-source imds", 8),
    row(&["docker-desktop"]).fails("metadata", "this is Docker Desktop, not Azure", "rawcosmos tour --sandbox", 4),
    row(&["other-cloud"]).fails("metadata", "this is a machine of another cloud", "--token-file brings a token along", 4),
    row(&["proxy-page"]).fails("metadata", "something other than Azure's metadata service answered", "rawcosmos whoami --trace=headers", 4),
    row(&["proxy-page=200"]).fails("metadata", "something other than Azure's metadata service answered", "rawcosmos whoami --trace=headers", 4),
    row(&["metadata-header-lost"]).fails("metadata", "the header Metadata: true did not arrive", "must leave the machine directly", 4),
    row(&["imds-restarting"]).fails("identity", "the metadata service failed", "run it again", 4),
    row(&["imds.410"]).fails("identity", "the metadata service is being updated", "70 seconds at most", 4),
    row(&["imds.429"]).fails("identity", "asks its metadata service too often", "one process that keeps its token", 7),
    row(&["imds.500"]).fails("identity", "the metadata service failed", "run it again", 4),
    row(&["imds.410:1"]),
    row(&["answer=docs"]), row(&["answer=swagger"]), row(&["answer=empty-expiry"]), row(&["answer=refresh-in"]),
    row(&["answer=iso-date"]), row(&["answer=windows-date"]).on("app-service"), row(&["answer=text-codes"]),

    // ---- The road
    row(&["no-dns"]).fails("name", "the account's host has no address", "rawcosmos account list", 8),
    row(&["no-cosmos"]).fails("tcp", "nobody answers at the host's address", "export HTTPS_PROXY=", 8),
    row(&["tls-inspection"]).fails("tls", "what answers there does not speak TLS", "export HTTPS_PROXY=", 8),
    row(&["no-arm"]).fails("arm", "nobody answers at the host's address", "export HTTPS_PROXY=", 8),

    // ---- The account
    row(&["account-creating"]).fails("account", "the account is still being made", "rawcosmos account show -n sandbox-account", 1),
    row(&["account-failed"]).fails("account", "an earlier attempt to make this account failed", "rawcosmos account delete -n sandbox-account", 6),
    row(&["no-account"]).fails("account", "there is no such account", "rawcosmos account list", 3),
    row(&["firewall"]).fails("account", "the account's firewall blocks this machine", "az cosmosdb update -n sandbox-account -g sandbox-group --ip-range-filter 203.0.113.0/24,127.0.0.1", 5),
    row(&["private-endpoint"]).fails("account", "the account does not admit this machine over the internet", "az network private-endpoint-connection list", 5),
    row(&["nsp"]).fails("account", "a network security perimeter blocks this machine", "az network perimeter profile access-rule create", 5),
    row(&["firewall"]).key().fails("account", "the account's firewall blocks this machine", "--ip-range-filter ADDRESSES-ADMITTED-SO-FAR,127.0.0.1", 5),
    row(&["nsp", "no-arm-role"]).fails("account", "a network security perimeter blocks this machine", "az network perimeter", 5),
    row(&["provider-unregistered"]).fails("account", "the subscription does not use Cosmos DB yet", "az provider register --namespace Microsoft.DocumentDB", 6),
    row(&["arm.429"]).fails("account", "the account's management is asked too often", "ARM asked to wait", 7),
    row(&["arm.503"]).fails("account", "ARM failed, again and again", "items and queries need nothing of it", 1),

    // ---- Roles
    row(&["no-arm-role"]).warns("arm-role", "not allowed to read databases", "rawcosmos grant --role account-reader --principal 5a0db0c5-0000-4000-8000-0000000000a1 --scope /subscriptions/")
        .then(Then::Administrators("rawcosmos grant --role account-reader")),
    row(&[]).role("none").warns("arm-role", "not allowed to read databases", "rawcosmos grant --role account-reader")
        .then(Then::Administrators("rawcosmos grant --role account-reader")),
    row(&[]).role("owner").warns("arm-role", "the Azure role Owner is wider than needed", "rawcosmos grant --role operator"),
    row(&[]).role("contributor").warns("arm-role", "the Azure role Contributor is wider than needed", "rawcosmos grant --role operator"),
    row(&[]).role("operator"),
    row(&[]).role("account-reader"),
    row(&["no-data-role"]).fails("data-role", "not allowed to read the account's metadata", "rawcosmos grant --role data-contributor --principal 5a0db0c5-0000-4000-8000-0000000000a1 --scope /dbs/shop", 5),
    row(&[]).there(&["database", "container"]).fails("data-role", "not allowed to read the account's metadata", "rawcosmos grant --role data-contributor --principal 5a0db0c5-0000-4000-8000-0000000000a1 --scope /dbs/shop", 5)
        .then(Then::Ours("rawcosmos grant --role data-contributor")),
    row(&[]).role("operator").there(&["database", "container"]).fails("data-role", "not allowed", "rawcosmos grant --role data-contributor", 5)
        .then(Then::Administrators("rawcosmos grant --role data-contributor")),
    row(&[]).there(&["database", "container", "reader"]).fails("write", "not allowed to upsert items", "rawcosmos grant --role data-contributor --principal 5a0db0c5-0000-4000-8000-0000000000a1 --scope /dbs/shop", 5)
        .then(Then::Ours("rawcosmos grant --role data-contributor")),
    row(&[]).there(&["database", "container", "narrow"]).words("-d shop").warns("data-role", "not allowed to read the account's metadata", "rawcosmos grant"),
    row(&["account-unreadable"]).there(&["database", "container", "narrow"]),
    row(&["account-unreadable"]),
    row(&["local-auth-disabled"]).key().fails("audience", "account keys are switched off here", "rawcosmos grant --role data-contributor", 4)
        .then(Then::WithoutKey("rawcosmos grant --role data-contributor")),
    row(&["local-auth-disabled"]),

    // ---- Data
    row(&[]).there(&["grant"]).fails("database", "there is no such database", "rawcosmos database create -n shop", 3)
        .then(Then::Ours("rawcosmos database create")),
    row(&[]).there(&["database", "grant"]).fails("container", "there is no such container", "rawcosmos container list -d shop", 3)
        .then(Then::Ours("rawcosmos container create")),
    row(&["429"]).fails("audience", "too many requests", "rawcosmos throughput show", 7),
    row(&["429:2"]),
    row(&["query.429"]).fails("query", "too many requests for the throughput there is", "rawcosmos throughput show -d shop -c orders", 7),
    row(&["503"]).fails("audience", "the service is not available", "run it again in some minutes", 1),
    row(&["account.500"]).fails("audience", "the service failed", "run it again", 1),
    row(&["upsert.403/1014"]).fails("write", "the logical partition is full", "may take 20 GB", 5),
    row(&["not-json"]).fails(LOST[0], "an answer came, and cannot be read", "--trace", 8),
    row(&["many-headers"]).fails(LOST[0], "an answer came, and cannot be read", "safe to run it again", 8),
    row(&["wrong-length"]).fails(LOST[0], "an answer came, and cannot be read", "safe to run it again", 8),
    row(&["truncate"]).fails(LOST[0], "an answer came, and cannot be read", "safe to run it again", 8),
    row(&["reset-during"]).fails(LOST[0], "an answer came, and cannot be read", "safe to run it again", 8),
    row(&["reset-before"]).fails(LOST[0], "no answer came", "safe to run it again", 8),
    row(&["reset-after"]).fails(LOST[0], "no answer came", "safe to run it again", 8),

    // ---- What passes by itself, or is in nobody's way until something is changed
    row(&["drip"]), row(&["huge"]), row(&["delay=200ms"]), row(&["split"]), row(&["merge"]), row(&["stale-session:1"]), row(&["failover:1"]),
    row(&["ragged-pages=7"]), row(&["lock-busy"]), row(&["policy"]), row(&["locked"]), row(&["poll-refused"]), row(&["no-capacity"]),
    Row { regions: 2, ..row(&[]) },
    Row { regions: 2, ..row(&["failover"]) }.words("-d shop -c orders"),
    row(&["serverless"]), row(&["region-gone"]), row(&["metadata-writes-disabled"]), row(&["api-version-old"]),
    row(&["newest-version=2024-11-15"]), row(&["operation-failed"]), row(&["resource-late:2"]), row(&["operation-elsewhere"]),
    row(&["operation-relative"]),
];

impl Row {
    fn called(&self) -> String {
        format!(
            "{} {} {} {:?} {}",
            self.faults.join(" "),
            self.host,
            self.role,
            self.there,
            self.words
        )
    }

    fn place(&self) -> Place {
        let place = Place::with(Options {
            host: Host::parse(self.host).unwrap(),
            azure_role: self.role.to_string(),
            regions: self.regions,
            faults: self
                .faults
                .iter()
                .map(|text| Fault::parse(text).unwrap())
                .collect(),
            ..Options::default()
        });
        for there in self.there {
            match *there {
                "database" => place
                    .sandbox
                    .with_world(|world| world.create_database("shop", None, 1)),
                "container" => place.container("orders", &["/pk"]),
                "grant" => place.grant(),
                "narrow" => give(&place, "02", "/dbs/shop/colls/orders"),
                _ => give(&place, "01", ""),
            }
        }
        place
    }
}

/// A data role for the machine's own identity.
fn give(place: &Place, role: &str, scope: &str) {
    place.sandbox.with_world(|world| {
        let assignment = RoleAssignment {
            role_definition: format!("00000000-0000-0000-0000-0000000000{role}"),
            scope: scope.into(),
            principal: OWN.into(),
        };
        world.role_assignments.insert("one".into(), assignment);
    });
}

/// A token for ARM or the data plane of somebody who owns the subscription.
fn owners(place: &Place, audience: &str) -> Scratch {
    const OWNER: &str = "5a0db0c5-0000-4000-8000-0000000000ff";
    place.sandbox.with_world(|world| {
        let assignment = Assignment {
            scope: format!("/subscriptions/{}", world.subscription),
            role: "8e3af657-a8ff-443c-a75c-2fe8c4bcb635".into(),
            principal: OWNER.into(),
            created: 0,
        };
        world.azure.assignments.insert("owner".into(), assignment);
        Scratch::new(&token::mint(&claims(&world.tenant, OWNER, audience)))
    })
}

fn claims(tenant: &str, oid: &str, audience: &str) -> Claims {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    Claims {
        aud: audience.into(),
        oid: oid.into(),
        appid: oid.into(),
        tid: tenant.into(),
        iat: now,
        nbf: now - 60,
        exp: now + 3600,
        ..Claims::default()
    }
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

/// The first red line, or where there is none the first that is not green.
fn first(rows: &[Value]) -> Option<&Value> {
    let of = |state: &str| rows.iter().find(|row| text(row, "state") == state);
    of("FAIL").or_else(|| of("warn"))
}

fn fixes(row: &Value) -> Vec<String> {
    let fixes = row["fix"].as_array().into_iter().flatten();
    fixes.map(|fix| fix.as_str().unwrap().to_string()).collect()
}

/// Whether a line of the fixes changes anything of ours.
fn is_a_change(fix: &str) -> bool {
    ["grant", "database create", "container create"]
        .iter()
        .any(|words| fix.starts_with(&format!("rawcosmos {words}")))
}

fn doctored(run: Run) -> (Ran, Vec<Value>) {
    let ran = run.go();
    let rows: Vec<Value> = ran.json().as_array().unwrap().clone();
    assert_eq!(rows.len(), CHECKS, "{ran:#?}");
    (ran, rows)
}

fn check(row: &Row) {
    let place = row.place();
    let key = place.key_file();
    let doctor = |words: &str, with_key: bool| {
        let mut run = place.prepare(&format!("doctor {words} -o json")).envs(
            row.variables
                .iter()
                .map(|(name, value)| (*name, value.to_string())),
        );
        if with_key {
            run = run.env("RAWCOSMOS_KEY_FILE", key.path());
        }
        doctored(run)
    };
    let (ran, rows) = doctor(row.words, row.with_key);
    assert_eq!(ran.code, row.exit, "{ran:#?}");
    every_failure_says_what_helps(&rows);
    let Some((id, state, says)) = row.first else {
        assert!(first(&rows).is_none(), "{ran:#?}");
        return;
    };
    let found = first(&rows).unwrap_or_else(|| panic!("all green: {ran:#?}"));
    assert_eq!(
        (text(found, "check"), text(found, "state")),
        (id, state),
        "{ran:#?}"
    );
    assert!(text(found, "found").contains(says), "{says}: {found:#}");
    let fixes = fixes(found);
    let told = fixes
        .first()
        .cloned()
        .unwrap_or_else(|| format!("{} {}", text(found, "why"), text(found, "note")));
    assert!(told.contains(row.helps), "{}: {found:#}", row.helps);
    let state_after = |words: &str, with_key: bool| {
        let (_, rows) = doctor(words, with_key);
        let again = rows.iter().find(|row| text(row, "check") == id).unwrap();
        text(again, "state").to_string()
    };
    let chosen = |begins: &str| {
        // A key file that a variable names is switched off for what cannot use it: this test leaves it out anyway.
        let mut fixes = fixes
            .iter()
            .map(|fix| fix.trim_start_matches("RAWCOSMOS_KEY_FILE= "));
        let fix = fixes.find(|fix| fix.starts_with(begins));
        let fix = fix.unwrap_or_else(|| panic!("{begins}: {found:#}"));
        fix.strip_prefix("rawcosmos ")
            .unwrap()
            .replace("/PATH", "/pk")
    };
    match row.then {
        // What is ours is already given, or does not help against this.
        Then::Nothing => {
            let ours = fixes.iter().any(|fix| is_a_change(fix));
            let helpless = ["no-data-role"]
                .iter()
                .any(|fault| row.faults.contains(fault));
            assert!(!ours || helpless || state == "warn", "{found:#}");
        }
        Then::Ours(begins) => {
            place.run(&chosen(begins)).ok();
            assert_eq!(state_after(row.words, false), "ok");
        }
        Then::Administrators(begins) => {
            let refused = place.run(&chosen(begins)).ends(5);
            refused.says("az role assignment create");
            let owner = owners(&place, "https://management.azure.com/");
            let run = place
                .prepare(&chosen(begins))
                .env("RAWCOSMOS_TOKEN_FILE", owner.path());
            // It is said for whom: the one who runs it is another.
            let run = if begins.contains("data") {
                with_principal(&place, &chosen(begins), &owner)
            } else {
                run
            };
            run.go().ok();
            assert_eq!(state_after(row.words, false), "ok");
        }
        Then::Option(begins, value) => {
            let line = chosen(begins).replace(" ID", &format!(" {value}"));
            place.run(&line).ok();
            let (ran, rows) = doctor(&format!("{} --client-id {value}", row.words), false);
            assert!(first(&rows).is_none(), "{ran:#?}");
        }
        Then::WithoutKey(begins) => {
            place.run(&chosen(begins)).ok();
            assert_eq!(state_after(row.words, false), "ok");
        }
    }
}

fn with_principal(place: &Place, line: &str, owner: &Scratch) -> Run {
    place
        .prepare(&format!("{line} --principal {OWN}"))
        .env("RAWCOSMOS_TOKEN_FILE", owner.path())
}

/// Each red line has a command or a sentence; a line after the first says what it needs.
fn every_failure_says_what_helps(rows: &[Value]) {
    for row in rows.iter().filter(|row| text(row, "state") == "FAIL") {
        let says = ["why", "note"]
            .iter()
            .any(|name| !text(row, name).is_empty());
        assert!(says || !fixes(row).is_empty(), "{row:#}");
    }
}

#[test]
fn the_first_red_line_is_the_cause_and_what_helps_makes_it_green() {
    let left = Mutex::new(ROWS.iter().collect::<Vec<_>>());
    let wrong = Mutex::new(Vec::new());
    let work = || {
        while let Some(row) = { left.lock().unwrap().pop() } {
            if catch_unwind(AssertUnwindSafe(|| check(row))).is_err() {
                wrong.lock().unwrap().push(row.called());
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} rows: {wrong:#?}", wrong.len());
}

#[test]
fn every_fault_of_the_sandbox_has_a_row() {
    let rows = ROWS.iter().flat_map(|row| row.faults);
    let rows: Vec<&str> = rows.map(|fault| fault.split(':').next().unwrap()).collect();
    for name in faults::names() {
        let timed = ["delay", "clock-skew", "ragged-pages", "newest-version"].contains(&name);
        let has =
            |fault: &&str| *fault == name || (timed && fault.starts_with(&format!("{name}=")));
        assert!(rows.iter().any(has), "no row has the fault {name}");
    }
}

// ---- What is said

/// What a check found, and its state.
fn of<'a>(rows: &'a [Value], id: &str) -> (&'a str, &'a str) {
    let row = rows.iter().find(|row| text(row, "check") == id).unwrap();
    (text(row, "state"), text(row, "found"))
}

#[test]
fn each_source_is_told_with_its_evidence() {
    for (host, source, metadata, kind) in [
        (
            "vm",
            "imds (no sign of another source): http://127.0.0.1:",
            "ok",
            "system-assigned: object id 5a0db0c5",
        ),
        (
            "vm-user",
            "imds (no sign of another source): http://127.0.0.1:",
            "ok",
            "user-assigned: object id 5a0db0c5",
        ),
        (
            "app-service",
            "app-service (IDENTITY_ENDPOINT and IDENTITY_HEADER): ",
            "skip",
            "system-assigned",
        ),
        (
            "arc",
            "arc (IDENTITY_ENDPOINT and IMDS_ENDPOINT): ",
            "skip",
            "system-assigned",
        ),
        (
            "aks",
            "workload (AZURE_FEDERATED_TOKEN_FILE and AZURE_TENANT_ID): ",
            "skip",
            "it is the one that was asked for",
        ),
        (
            "aci",
            "imds (no sign of another source): ",
            "skip",
            "system-assigned",
        ),
    ] {
        let place = Row { host, ..row(&[]) }.place();
        let (ran, rows) = doctored(place.prepare("doctor -d shop -c orders -o json"));
        assert!(of(&rows, "host").1.starts_with(source), "{ran:#?}");
        assert_eq!(of(&rows, "metadata").0, metadata, "{ran:#?}");
        assert!(of(&rows, "identity").1.contains(kind), "{ran:#?}");
    }
}

#[test]
fn what_other_tools_are_told_narrows_the_choice() {
    let place = row(&[]).place();
    let run = place
        .prepare("doctor -o json")
        .env("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential");
    let (_, rows) = doctored(run);
    let told = "imds (AZURE_TOKEN_CREDENTIALS, and no sign of another source)";
    assert!(of(&rows, "host").1.starts_with(told), "{rows:#?}");
    let run = place
        .prepare("doctor")
        .env("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential");
    run.go()
        .ends(2)
        .says("AZURE_TOKEN_CREDENTIALS is \"EnvironmentCredential\"");
}

#[test]
fn a_pod_with_its_nodes_identity_is_warned_of_it() {
    let place = row(&[]).place();
    place
        .sandbox
        .with_world(|world| world.resource_group = "MC_group_cluster_westeurope".into());
    let run = place
        .prepare("doctor -o json")
        .env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    let (_, rows) = doctored(run);
    let (state, found) = of(&rows, "identity");
    assert_eq!(state, "warn");
    assert!(
        found.starts_with("this pod has no identity of its own; system-assigned"),
        "{found}"
    );
}

#[test]
fn a_ready_token_or_a_key_needs_no_machine() {
    let place = row(&[]).place();
    let tenant = place.sandbox.with_world(|world| world.tenant.clone());
    let ready = |audience: &str| {
        let token = Scratch::new(&token::mint(&claims(&tenant, OWN, audience)));
        let run = place
            .prepare("doctor -d shop -c orders -o json")
            .env("RAWCOSMOS_TOKEN_FILE", token.path());
        doctored(run.env("RAWCOSMOS_IMDS_ENDPOINT", nobody()))
    };
    let (ran, rows) = ready("https://cosmos.azure.com");
    assert_eq!((ran.code, first(&rows)), (0, None), "{ran:#?}");
    let taken = "the ready token is for https://cosmos.azure.com, which ARM does not take";
    assert_eq!(of(&rows, "arm"), ("skip", taken));
    assert_eq!(
        of(&rows, "host"),
        ("skip", "a ready token is in use (RAWCOSMOS_TOKEN_FILE)")
    );
    let (ran, rows) = ready("https://management.azure.com");
    assert_eq!(text(first(&rows).unwrap(), "check"), "audience", "{ran:#?}");
    assert_eq!((ran.code, of(&rows, "account").0), (4, "ok"), "{ran:#?}");
    let key = place.key_file();
    let run = place
        .prepare("doctor -d shop -c orders --probe-write -o json")
        .env("RAWCOSMOS_KEY_FILE", key.path());
    let (ran, rows) = doctored(run);
    assert_eq!(
        of(&rows, "host").1,
        "the account key is in use (RAWCOSMOS_KEY_FILE)"
    );
    assert_eq!((ran.code, of(&rows, "write").0), (0, "ok"), "{ran:#?}");
}

#[test]
fn roles_are_told_with_their_scopes() {
    let place = row(&[]).there(&["database", "container", "narrow"]).place();
    let (ran, rows) = doctored(place.prepare("doctor -d shop -c orders -o json"));
    let held = "it covers the container; ARM lists data-contributor on /dbs/shop/colls/orders";
    assert_eq!(of(&rows, "data-role"), ("ok", held), "{ran:#?}");
    assert_eq!(
        of(&rows, "arm-role"),
        ("ok", "DocumentDB Account Contributor on the group"),
        "{ran:#?}"
    );
    assert_eq!(
        of(&rows, "database"),
        ("skip", "the data role does not cover it"),
        "{ran:#?}"
    );
    assert_eq!(
        of(&rows, "account").1,
        "Succeeded, account keys on, open to all networks"
    );
    let owner = row(&[]).role("owner").place();
    let (ran, rows) = doctored(owner.prepare("doctor -o json"));
    assert_eq!(
        of(&rows, "arm-role").1,
        "the Azure role Owner is wider than needed; Owner on the subscription",
        "{ran:#?}"
    );
}

#[test]
fn a_probe_leaves_nothing_and_is_in_nobodys_way() {
    let place = row(&[]).place();
    let items = || {
        place.sandbox.with_world(|world| {
            let ranges = &world.databases["shop"].containers["orders"].ranges;
            ranges.iter().map(|range| range.items.len()).sum::<usize>()
        })
    };
    place.fault("delete.403/1014:1");
    place.run(&format!("doctor {NAMED}")).ends(5);
    assert_eq!(items(), 1, "the first run could not delete what it made");
    place.run(&format!("doctor {NAMED}")).ok();
    assert_eq!(items(), 1);
    place.container("deep", &["/a/b", "/c"]);
    place
        .run("doctor -d shop -c deep --probe-write")
        .ok()
        .shows("an item was made, for ");
}

#[test]
fn one_check_is_made_with_what_it_goes_by() {
    let place = row(&[]).place();
    let ids = |line: &str| {
        let rows = place.run(line).rows();
        let ids: Vec<&str> = rows.iter().map(|row| text(row, "check")).collect();
        ids.join(" ")
    };
    assert_eq!(ids("doctor --only name -o ndjson"), "name");
    assert_eq!(ids("doctor --only clock -o ndjson"), "host metadata clock");
    assert_eq!(
        ids("doctor --only data-role -o ndjson"),
        "host metadata identity token name tcp tls arm account audience data-role"
    );
    let refused = place.run("doctor --only nonsense").ends(2).prints("");
    refused.says("--only takes one of host, metadata, ");
    let none = row(&[]).on("none").place();
    let run = none
        .prepare("doctor --only identity -o ndjson")
        .go()
        .ends(8);
    let states: Vec<String> = run
        .rows()
        .iter()
        .map(|row| text(row, "state").to_string())
        .collect();
    assert_eq!(states, ["FAIL", "skip", "skip"]);
}

#[test]
fn what_fails_is_told_as_the_command_would_tell_it() {
    let place = row(&[]).there(&["database", "container"]).place();
    let told = place.run("doctor -d shop -c orders").ends(5);
    for part in [
        "\n13 data-role  FAIL  not allowed to read the account's metadata (HTTP 403, substatus 5301); ARM lists none of its own\n",
        "\n     fix   rawcosmos grant --role data-reader --principal 5a0db0c5-0000-4000-8000-0000000000a1 --scope /dbs/shop ",
        "\n14 database   skip  needs data-role\n",
    ] {
        assert!(told.out.contains(part), "{part:?} is not in {told:#?}");
    }
}

/// The doctor changes nothing, so it does not meet these: the change that does names who can help.
#[test]
fn what_only_a_change_meets_is_told_by_the_change() {
    for (fault, line, exit, says, helps) in [
        (
            "locked",
            "database create -n new",
            6,
            "a lock forbids this",
            "fix   az lock list -g sandbox-group",
        ),
        (
            "policy",
            "database create -n new",
            5,
            "a policy of the subscription forbids this",
            "fix   az policy assignment list",
        ),
        (
            "lock-busy",
            "database create -n new",
            6,
            "another change of the account is running",
            "run it again in some minutes",
        ),
        (
            "no-capacity",
            "account create -n other --location westeurope",
            1,
            "the region has no room",
            "fix   rawcosmos account delete -n other",
        ),
    ] {
        let place = row(&[]).place();
        place.fault(fault);
        place.run(line).ends(exit).says(says).says(helps);
    }
}

#[test]
fn a_failed_account_is_deleted_and_made_anew() {
    let place = row(&["account-failed"]).there(&[]).place();
    let account = || {
        let (_, rows) = doctored(place.prepare("doctor -o json"));
        let (state, found) = of(&rows, "account");
        let cause = first(&rows).unwrap();
        (
            state.to_string(),
            found.to_string(),
            text(cause, "check").to_string(),
            fixes(cause),
        )
    };
    let (state, _, cause, fixes) = account();
    assert_eq!((state.as_str(), cause.as_str()), ("FAIL", "account"));
    let delete = fixes[0].strip_prefix("rawcosmos ").unwrap();
    place.run(&format!("{delete} --yes")).ok();
    assert_eq!(account().1, "there is no such account (HTTP 404)");
    place
        .run("account create -n sandbox-account -g sandbox-group --location westeurope")
        .ok();
    let (state, _, cause, _) = account();
    assert_eq!((state.as_str(), cause.as_str()), ("ok", "data-role"));
}

// ---- Nothing to ask

#[test]
fn a_machine_without_anything_is_known() {
    let bare = Run::line("doctor -o json")
        .env("RAWCOSMOS_IMDS_ENDPOINT", nobody())
        .env("RAWCOSMOS_ARM_ENDPOINT", nobody());
    let (ran, rows) = doctored(bare);
    let cause = first(&rows).unwrap();
    assert_eq!((ran.code, text(cause, "check")), (8, "host"), "{ran:#?}");
    let named = Run::line("doctor -a nobody -o json")
        .env("RAWCOSMOS_IMDS_ENDPOINT", nobody())
        .env("RAWCOSMOS_ENDPOINT", nobody())
        .env("RAWCOSMOS_ARM_ENDPOINT", nobody());
    let (ran, rows) = doctored(named);
    let failed = rows.iter().filter(|row| text(row, "state") == "FAIL");
    let failed: Vec<&str> = failed.map(|row| text(row, "check")).collect();
    assert_eq!(
        (ran.code, failed.join(" ").as_str()),
        (8, "host tcp arm"),
        "{ran:#?}"
    );
}

#[test]
fn a_silent_metadata_service_is_asked_once_and_not_waited_for_again() {
    let silent = Wire::deaf();
    let place = Place::new(&[]);
    let doctor = |words: &str| {
        let before = silent.connections();
        let run = place.prepare(&format!("doctor {words}"));
        run.env("RAWCOSMOS_IMDS_ENDPOINT", &silent.origin)
            .go()
            .ends(8);
        silent.connections() - before
    };
    // A connection, the machine's own description, and whether anybody is there.
    assert_eq!(doctor("--only metadata"), 3);
    assert_eq!(doctor(NAMED), 3);
}
