//! The agent of Arc: its challenge, its keys, and whom it speaks for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::fs;
use std::path::PathBuf;

use super::super::tests::{Asking, COSMOS, claims, header, world_on};
use super::*;
use crate::sandbox::host::{Host, environment};
use crate::sandbox::imds::IDENTITIES;

fn target(rest: &str) -> String {
    format!("{TOKEN_PATH}?api-version=2020-06-01&resource={COSMOS}{rest}")
}

fn asking(rest: &str) -> Asking {
    Asking::get(&target(rest)).header("Metadata", "true")
}

/// The file a fresh challenge names.
fn challenged(world: &mut World, rest: &str) -> PathBuf {
    let answer = asking(rest).answer(world);
    assert_eq!(answer.status, 401);
    let sent = header(&answer, "Www-Authenticate").unwrap();
    PathBuf::from(sent.strip_prefix("Basic realm=").unwrap())
}

/// Both steps, as somebody does them who may read the file.
fn both(world: &mut World, rest: &str) -> (u16, Value) {
    let path = challenged(world, rest);
    let key = fs::read_to_string(path).unwrap();
    let sent = asking(rest).header("Authorization", &format!("Basic {key}"));
    sent.json(world)
}

fn directory(world: &World) -> PathBuf {
    let variables = environment(world);
    let found = variables
        .iter()
        .find(|(name, _)| *name == "RAWCOSMOS_ARC_KEY_DIRECTORY");
    PathBuf::from(&found.unwrap().1)
}

#[test]
fn a_key_from_the_file_is_good_once() {
    let mut world = world_on(Host::Arc);
    let path = challenged(&mut world, "");
    assert_eq!(path.parent().unwrap(), directory(&world));
    assert_eq!(path.extension().unwrap(), "key");
    let key = fs::read_to_string(&path).unwrap();
    assert!(key.len() <= 4096 && !key.ends_with('\n'));
    let sent = asking("").header("Authorization", &format!("Basic {key}"));
    let (status, body) = sent.json(&mut world);
    assert_eq!(status, 200);
    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
    let usual = "access_token expires_in expires_on ext_expires_in resource token_type";
    assert_eq!(names, usual.split(' ').collect::<Vec<_>>());
    assert_eq!(
        (&body["expires_in"], &body["ext_expires_in"]),
        (&json!("86400"), &json!(86_399))
    );
    assert!(
        claims(&body)
            .xms_mirid
            .contains("/Microsoft.HybridCompute/")
    );
    assert!(!path.exists());
    assert_eq!(sent.json(&mut world).0, 401);
}

#[test]
fn a_key_is_good_for_a_minute_and_only_to_the_letter() {
    let mut world = world_on(Host::Arc);
    let key = fs::read_to_string(challenged(&mut world, "")).unwrap();
    for wrong in [
        format!("Basic {key}\n"),
        format!("Basic {}", key.to_uppercase()),
        format!("basic {key}"),
        format!("Bearer {key}"),
        key.clone(),
        "Basic ".to_owned(),
    ] {
        let (status, body) = asking("").header("Authorization", &wrong).json(&mut world);
        assert_eq!(
            (status, &body["error_codes"]),
            (401, &json!([401])),
            "{wrong}"
        );
    }
    let good = || asking("").header("Authorization", &format!("Basic {key}"));
    assert_eq!(good().later(60).json(&mut world).0, 401);
    let key = fs::read_to_string(challenged(&mut world, "")).unwrap();
    let good = asking("").header("Authorization", &format!("Basic {key}"));
    assert_eq!(good.later(59).json(&mut world).0, 200);
}

#[test]
fn files_do_not_pile_up() {
    let mut world = world_on(Host::Arc);
    for _ in 0..200 {
        challenged(&mut world, "");
    }
    assert_eq!(fs::read_dir(directory(&world)).unwrap().count(), 64);
    asking("").later(60).answer(&mut world);
    assert_eq!(fs::read_dir(directory(&world)).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_a_key() {
    use std::os::unix::fs::PermissionsExt;
    let mut world = world_on(Host::Arc);
    let path = challenged(&mut world, "");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    for folder in path.ancestors().skip(1).take(2) {
        assert_eq!(mode(folder), 0o700);
    }
    let all = world.identity.folder.take().unwrap();
    let root = all.path("");
    drop(all);
    assert!(!root.exists());
}

#[test]
fn what_is_refused_before_the_challenge() {
    let mut world = world_on(Host::Arc);
    let own = IDENTITIES[0].client_id;
    for (asking, status) in [
        (Asking::get(&target("")), 400),
        (Asking::get(&target("")).header("Metadata", "True"), 400),
        (asking("&resource=x"), 400),
        (asking("&client_id=a&object_id=b"), 400),
        (asking(&format!("&client_id={}", own.to_uppercase())), 400),
        (
            asking(&format!("&object_id={}", IDENTITIES[0].object_id)),
            400,
        ),
        (asking("").method("POST"), 405),
    ] {
        assert_eq!(asking.answer(&mut world).status, status);
    }
    for (query, status) in [
        ("api-version=2018-02-01&resource=r", 400),
        ("resource=r", 400),
        ("api-version=2019-11-01", 400),
        ("api-version=2019-11-01&resource=r", 401),
        ("api-version=2021-02-01&resource=r", 401),
    ] {
        let asking = Asking::get(&format!("{TOKEN_PATH}?{query}")).header("Metadata", "true");
        assert_eq!(asking.answer(&mut world).status, status, "{query}");
    }
    let compute = "/metadata/instance/compute?api-version=2021-02-01";
    let asking = Asking::get(compute).header("Metadata", "true");
    assert_eq!(asking.answer(&mut world).status, 404);
}

#[test]
fn a_user_assigned_identity_is_named_as_it_was_asked_for() {
    let mut world = world_on(Host::Arc);
    let user = &IDENTITIES[1];
    let resource = id(&world, user, By::Resource).unwrap();
    let rows = [
        ("client_id", user.client_id),
        ("object_id", user.object_id),
        ("msi_res_id", resource.as_str()),
    ];
    for (name, value) in rows {
        let (status, body) = both(&mut world, &format!("&{name}={}", value.to_uppercase()));
        assert_eq!((status, &body[name]), (200, &json!(value)));
        assert_eq!(claims(&body).oid, user.object_id);
        let others = rows.iter().filter(|(other, _)| *other != name);
        assert!(
            others
                .into_iter()
                .all(|(other, _)| body.get(other).is_none())
        );
    }
    let (status, body) = both(&mut world, &format!("&mi_res_id={resource}"));
    assert_eq!(
        (status, claims(&body).oid),
        (200, IDENTITIES[0].object_id.into())
    );
    assert_eq!(both(&mut world, "&client_id=nobody").0, 400);
    let unknown = format!("&client_id={}", IDENTITIES[2].client_id);
    assert_eq!(
        both(&mut world, &unknown).1["error_description"],
        "Identity not found"
    );
}

#[test]
fn an_old_agent_passes_over_every_id() {
    let mut world = world_on(Host::Arc);
    world.identity.add(Trouble::OldAgent);
    for selector in [
        format!("&client_id={}", IDENTITIES[1].client_id),
        format!("&client_id={}", IDENTITIES[0].client_id),
        "&client_id=a&object_id=b".to_owned(),
    ] {
        let (status, body) = both(&mut world, &selector);
        assert_eq!(
            (status, claims(&body).oid),
            (200, IDENTITIES[0].object_id.into())
        );
        assert!(body.get("client_id").is_none());
    }
}

#[test]
fn an_agent_without_an_identity_of_its_own_does_not_take_another() {
    let mut world = world_on(Host::Arc);
    world.two_identities = true;
    assert_eq!(both(&mut world, "").0, 400);
    let by_id = format!("&client_id={}", IDENTITIES[2].client_id);
    assert_eq!(both(&mut world, &by_id).0, 200);
}

#[test]
fn a_rogue_names_what_is_not_to_be_sent_and_sees_who_sends_it() {
    for lure in [
        Lure::Outside,
        Lure::Dots,
        Lure::Link,
        Lure::Big,
        Lure::Ending,
    ] {
        let mut world = world_on(Host::Arc);
        world.identity.add(Trouble::Rogue(lure));
        let path = challenged(&mut world, "");
        let text = fs::read_to_string(&path).unwrap();
        let inside = path.canonicalize().unwrap().parent().unwrap() == directory(&world);
        let ending = path.extension().unwrap() == "key";
        let small = text.len() <= 4096;
        let wrong = match lure {
            Lure::Outside | Lure::Dots | Lure::Link => (false, true, true),
            Lure::Big => (true, true, false),
            Lure::Ending => (true, false, true),
        };
        assert_eq!((inside, ending, small), wrong, "{lure:?}");
        if matches!(lure, Lure::Dots | Lure::Link) {
            assert!(path.starts_with(directory(&world)), "{lure:?}");
        }
        assert!(!world.identity.keys.leaked);
        let sent = asking("").header("Authorization", &format!("Basic {text}"));
        assert_eq!(sent.json(&mut world).0, 401, "{lure:?}");
        assert!(world.identity.keys.leaked, "{lure:?}");
    }
}

#[test]
fn a_folder_that_is_gone_is_an_error_of_the_agent() {
    let mut world = world_on(Host::Arc);
    fs::remove_dir_all(directory(&world)).unwrap();
    assert_eq!(asking("").answer(&mut world).status, 500);
}
