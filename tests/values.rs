//! What is written is what is read: numbers, ids, partition keys and characters, through the client and the sandbox.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use support::Place;

#[test]
fn an_item_is_renamed_by_the_id_in_its_new_body() {
    let place = Place::furnished(&[]);
    for id in ["1", "2"] {
        let body = format!(r#"item create -b {{"id":"{id}","pk":"a"}}"#);
        place.orders(&body).ok();
    }
    let rename = |id: &str, new: &str| {
        place.orders(&format!(
            r#"item replace -i {id} -b {{"id":"{new}","pk":"a","n":5}}"#
        ))
    };
    rename("1", "2").ends(6);
    let renamed = rename("1", "3").ok().json();
    assert_eq!((&renamed["id"], &renamed["n"]), (&"3".into(), &5.into()));
    place.orders("item read -i 1 -k a").ends(3);
    place.orders("item read -i 3 -k a").ok();
    rename("1", "4").ends(3);
    rename("3", "a/b").ends(2).says("--any-id");
    let batch = r#"item batch -k a -b [{"operationType":"Replace","id":"3","resourceBody":{"id":"4","pk":"a"}}]"#;
    place.orders(batch).ok();
    place.orders("item read -i 4 -k a").ok();
}
