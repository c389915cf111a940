//! What proves who asks, by itself: nothing is sent.

use std::hint::black_box;
use std::time::Instant;

use hmac::{Hmac, Mac};
use rawcosmos::authorize::master_key::MasterKey;
use rawcosmos::authorize::{Proof, authorize};
use rawcosmos::message::{Plane, Request, Scope};
use rawcosmos::name::Secret;
use time::OffsetDateTime;

use crate::measure::{Contender, Cost, of_thread};
use crate::table::Table;

const TIMES: u32 = 100_000;
const ROUNDS: usize = 5;
const KEY: &str =
    "dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw==";

pub fn rows(table: &mut Table) {
    if !table.wants("signing") {
        return;
    }
    let token = "x".repeat(1500);
    let ready = token.clone();
    let contenders = vec![
        sign("", Proof::Token(Secret::token(token))),
        each("the bare text", move || {
            black_box(format!("type%3Daad%26ver%3D1.0%26sig%3D{ready}"));
        }),
    ];
    table.race("signing: date and token header", "", ROUNDS, contenders);
    let contenders = vec![
        sign("", Proof::Key(MasterKey::new(KEY).unwrap())),
        each("the bare HMAC", hash),
    ];
    table.race("signing: date and HMAC of the key", "", ROUNDS, contenders);
}

/// What a request costs.
fn each(name: &str, work: impl Fn() + 'static) -> Contender {
    Contender::new(name, move || {
        let (begun, used) = (Instant::now(), of_thread());
        (0..TIMES).for_each(|_| work());
        Cost {
            wall: begun.elapsed().as_secs_f64() / f64::from(TIMES),
            cpu: (of_thread() - used) / f64::from(TIMES),
            peak: 0,
        }
    })
}

fn sign(name: &str, proof: Proof) -> Contender {
    let link = "dbs/shop/colls/orders/docs/1".to_string();
    let scope = Scope::Data { kind: "docs", link };
    each(name, move || {
        let request = Request::new(Plane::Data, "GET", "");
        black_box(authorize(
            request,
            &scope,
            &proof,
            OffsetDateTime::now_utc(),
        ));
    })
}

fn hash() {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    let text = "get\ndocs\ndbs/shop/colls/orders/docs/1\nthu, 27 apr 2017 00:51:12 gmt\n\n";
    mac.update(black_box(text).as_bytes());
    black_box(mac.finalize());
}
