//! From nothing: the version, and one item.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::bare::{self, role};
use crate::measure::Contender;
use crate::support::{BINARY, Place};
use crate::table::Table;

const RUNS: u32 = 100;
const ROUNDS: usize = 5;

pub fn rows(table: &mut Table) {
    if table.wants("--version") {
        let contenders = vec![
            Contender::short("", RUNS, || ours(&["--version"])),
            Contender::short("a program that does nothing", RUNS, || role("nothing", &[])),
        ];
        table.race("`--version`", "CPU < 2 ms", ROUNDS, contenders);
    }
    if table.wants("cold item read") {
        cold_read(table);
    }
}

/// The binary of this build, or the one that is named: the static one is made for size.
pub fn ours(words: &[&str]) -> Command {
    let named = std::env::var_os("RAWCOSMOS_BENCH_BINARY");
    let mut command = Command::new(named.unwrap_or_else(|| BINARY.into()));
    command.env_clear().args(words);
    command
}

fn cold_read(table: &mut Table) {
    let place = Place::furnished(&[]);
    let body = format!(r#"{{"id":"1","pk":"a","text":"{}"}}"#, "x".repeat(900));
    place.orders(&format!("item create -b '{body}'")).ok();
    let mut contenders = vec![
        Contender::short("", RUNS, rawcosmos(&place)),
        Contender::short("ureq, the same two requests", RUNS, two_requests(&place)),
    ];
    for path in ["/usr/bin/curl", "/usr/local/bin/curl", "/bin/curl"] {
        if Path::new(path).exists() {
            contenders.push(Contender::short(
                "curl, the same two",
                RUNS,
                curl(&place, path),
            ));
            break;
        }
    }
    let goal = "≤ 0.4 of curl";
    table.race("cold item read: token and item", goal, ROUNDS, contenders);
}

fn rawcosmos(place: &Place) -> impl Fn() -> Command + use<> {
    let variables = place.variables();
    move || {
        let words = "item read -d shop -c orders -i 1 -k a";
        let mut command = ours(&words.split(' ').collect::<Vec<_>>());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

fn two_requests(place: &Place) -> impl Fn() -> Command + use<> {
    let (imds, cosmos) = origins(place);
    move || role("cold read", &[&imds, &cosmos])
}

pub fn bare(imds: &str, cosmos: &str) {
    let agent = bare::agent();
    let mut headers = bare::headers(&agent, imds);
    headers.push(("x-ms-documentdb-partitionkey", r#"["a"]"#.to_string()));
    let url = format!("{cosmos}/dbs/shop/colls/orders/docs/1");
    let item = bare::get(&agent, &url, &headers);
    std::io::stdout().write_all(&item).unwrap();
}

/// One curl for both. It is spared what we do: the token of the first answer is put into the second request
/// beforehand.
fn curl(place: &Place, path: &'static str) -> impl Fn() -> Command + use<> {
    let (imds, cosmos) = origins(place);
    let header = place.run("token --auth-header").ok().out;
    let date = rawcosmos::authorize::http_date(time::OffsetDateTime::now_utc());
    let resource = "resource=https%3A%2F%2Fcosmos.azure.com";
    let token = format!("{imds}/metadata/identity/oauth2/token?api-version=2018-02-01&{resource}");
    move || {
        let mut command = Command::new(path);
        command.env_clear().args(["-sS", "--noproxy", "*"]);
        command.args(["-H", "Metadata: true", &token]);
        command.args(["--next", "-sS", "-H", "x-ms-version: 2020-07-15"]);
        command.args(["-H", "x-ms-documentdb-partitionkey: [\"a\"]"]);
        command.arg("-H").arg(format!("x-ms-date: {date}"));
        command.arg("-H").arg(header.trim_end());
        command.arg(format!("{cosmos}/dbs/shop/colls/orders/docs/1"));
        command
    }
}

/// The metadata service and the data plane.
pub fn origins(place: &Place) -> (String, String) {
    let origins =
        |world: &mut rawcosmos::sandbox::world::World| (world.imds.clone(), world.cosmos.clone());
    place.sandbox.with_world(origins)
}
