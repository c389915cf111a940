//! 10,000 point reads on one connection.

use rawcosmos::cosmos::Account;
use rawcosmos::cosmos::items::{self, Options};
use rawcosmos::cosmos::partition_key::PartitionKey;
use rawcosmos::exchange::network::Network;
use rawcosmos::exchange::{Client, Credential, SystemClock};
use rawcosmos::identity::{Selector, Source};
use rawcosmos::name::{Endpoint, Name};

use crate::bare::{self, role};
use crate::canned::{self, reply};
use crate::measure::Contender;
use crate::start::origins;
use crate::support::Place;
use crate::table::Table;

const READS: &str = "10000";
const ROUNDS: usize = 5;

pub fn rows(table: &mut Table) {
    let what = "10,000 point reads, one connection";
    if !table.wants(what) {
        return;
    }
    let place = Place::furnished(&[]);
    let body = format!(r#"{{"id":"1","pk":"a","text":"{}"}}"#, "x".repeat(900));
    place.orders(&format!("item create -b '{body}'")).ok();
    let item = place.orders("item read -i 1 -k a").ok().out;
    let canned = canned::serve(move |_, to| {
        let etag = "etag: \"0100d3e2-0000-0700-0000-000000000001\"\r\n";
        reply(to, 200, etag, item.trim_end().as_bytes());
    });
    let (imds, cosmos) = origins(&place);
    for (name, cosmos) in [("answers ready", canned), ("sandbox", cosmos)] {
        let at = |as_what: &'static str| {
            let (imds, cosmos) = (imds.clone(), cosmos.clone());
            move || role(as_what, &[&imds, &cosmos, READS])
        };
        let contenders = vec![
            Contender::long("", "done", at("reads by the library")),
            Contender::long("ureq loop", "done", at("reads")),
        ];
        table.race(&format!("{what}; {name}"), "≤ 1.11", ROUNDS, contenders);
    }
}

pub fn bare(imds: &str, cosmos: &str, count: u32) {
    let agent = bare::agent();
    let mut headers = bare::headers(&agent, imds);
    headers.push(("x-ms-documentdb-partitionkey", r#"["a"]"#.to_string()));
    let url = format!("{cosmos}/dbs/shop/colls/orders/docs/1");
    for _ in 0..count {
        assert!(bare::get(&agent, &url, &headers).starts_with(b"{\"id\":\"1\""));
    }
    eprintln!("done");
}

pub fn ours(imds: &str, cosmos: &str, count: u32) {
    let network = Network::new(None);
    let credential = Credential::Identity {
        source: Source::Imds(Endpoint::identity(imds).unwrap()),
        selector: Selector::Default,
    };
    let client = Client::new(&network, &SystemClock, credential);
    let account = Account::new(Endpoint::new(cosmos).unwrap());
    let name = |text: &str| Name::new(text).unwrap();
    let container = account.database(&name("shop")).container(&name("orders"));
    let key = PartitionKey::from_text("a");
    for _ in 0..count {
        let call = items::read(&container, &name("1"), &key, &Options::default());
        let item = client.run(&call).unwrap().value.unwrap();
        assert!(item.get().starts_with("{\"id\":\"1\""));
    }
    eprintln!("done");
}
