//! Point reads through the library on one connection, against a loop over a bare socket. Ratios, never limits.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod bare;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use bare::{Bare, read_head, token_head, token_of};
use rawcosmos::cosmos::items::{self, Options};
use rawcosmos::cosmos::partition_key::PartitionKey;
use rawcosmos::cosmos::{Account, Container};
use rawcosmos::exchange::network::Network;
use rawcosmos::exchange::{Client, Credential, SystemClock};
use rawcosmos::identity::{Selector, Source};
use rawcosmos::name::{Endpoint, Name};
use support::Place;

const READS: u32 = 2000;
const ROUNDS: usize = 5;

fn main() {
    let place = Place::furnished(&[]);
    let body = format!(r#"{{"id":"1","pk":"a","text":"{}"}}"#, "x".repeat(900));
    place.orders(&format!("item create -b '{body}'")).ok();
    let (mut bare, mut library) = (Vec::new(), Vec::new());
    // Turn and turn about, so that whatever else the machine does falls on both.
    for _ in 0..ROUNDS {
        bare.push(through_a_socket(&place));
        library.push(through_the_library(&place));
    }
    let (bare, library) = (median(bare), median(library));
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(READS);
    println!(
        "{READS} reads of a 1 KB item on one connection, median of {ROUNDS} rounds, us a read:"
    );
    println!("                 wall      cpu of the client");
    println!(
        "  bare socket  {:7.1}    {:7.1}",
        micros(bare.0),
        micros(bare.1)
    );
    println!(
        "  library      {:7.1}    {:7.1}",
        micros(library.0),
        micros(library.1)
    );
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    println!(
        "  ratio        {:7.2}    {:7.2}",
        ratio(library.0, bare.0),
        ratio(library.1, bare.1)
    );
}

/// Wall time and the time this thread was on a processor.
type Cost = (Duration, Duration);

fn timed(mut work: impl FnMut()) -> Cost {
    let (begun, used) = (Instant::now(), on_processor());
    for _ in 0..READS {
        work();
    }
    (begun.elapsed(), on_processor().saturating_sub(used))
}

fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|n| n.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort();
    costs[costs.len() / 2]
}

fn through_a_socket(place: &Place) -> Cost {
    let (imds, cosmos) = place
        .sandbox
        .with_world(|w| (w.imds.clone(), w.cosmos.clone()));
    let token = token_of(&Bare::connect(&imds).get(&token_head(&imds)));
    let date = rawcosmos::authorize::http_date(time::OffsetDateTime::now_utc());
    let head = read_head(&cosmos, &token, &date);
    let mut connection = Bare::connect(&cosmos);
    timed(|| assert!(connection.get(&head).starts_with(b"{\"id\":\"1\"")))
}

fn through_the_library(place: &Place) -> Cost {
    let (imds, cosmos) = place
        .sandbox
        .with_world(|w| (w.imds.clone(), w.cosmos.clone()));
    let network = Network::new(None);
    let credential = Credential::Identity {
        source: Source::Imds(Endpoint::identity(&imds).unwrap()),
        selector: Selector::Default,
    };
    let client = Client::new(&network, &SystemClock, credential);
    let account = Account::new(Endpoint::new(&cosmos).unwrap());
    let name = |text: &str| Name::new(text).unwrap();
    let container: Container = account.database(&name("shop")).container(&name("orders"));
    let key = PartitionKey::from_text("a");
    let read = || {
        let call = items::read(&container, &name("1"), &key, &Options::default());
        let item = client.run(&call).unwrap().value.unwrap();
        assert!(item.get().starts_with("{\"id\":\"1\""));
    };
    read();
    timed(read)
}
