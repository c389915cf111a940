//! `tour --format html`: one page that is whole, holds every exchange to the letter, and fetches and runs nothing.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicBool, Ordering};

use base64::prelude::*;
use serde_json::json;
use support::lines::toward;
use support::service::{Asked, Reply, Service, reply};
use support::tapped::Tapped;
use support::{Place, Ran, Run};

/// What the page is made of, each with what it may carry. Nothing in here runs, and nothing but `href` names an address.
const ELEMENTS: &[(&str, &[&str])] = &[
    ("html", &["lang"]),
    ("head", &[]),
    ("meta", &["charset", "http-equiv", "content", "name"]),
    ("title", &[]),
    ("style", &[]),
    ("body", &[]),
    ("header", &[]),
    ("nav", &["aria-label"]),
    ("main", &[]),
    ("section", &["id", "class"]),
    ("div", &["class"]),
    ("h1", &[]),
    ("h2", &["class"]),
    ("h3", &[]),
    ("p", &["id", "class"]),
    ("ol", &[]),
    ("ul", &[]),
    ("li", &["class", "value"]),
    ("a", &["href"]),
    ("details", &["class"]),
    ("summary", &["class"]),
    ("span", &["class"]),
    ("b", &[]),
    ("i", &[]),
    ("strong", &[]),
    ("small", &[]),
    ("code", &[]),
    ("pre", &[]),
];

const SIGNS: &[(&str, &str)] = &[
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#39;", "'"),
    ("&amp;", "&"),
];

/// The text that a piece without elements stands for; an `&` stands for itself nowhere.
#[track_caller]
fn unescaped(text: &str) -> String {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap().to_string();
    for part in parts {
        let part = format!("&{part}");
        let sign = SIGNS.iter().find(|(name, _)| part.starts_with(name));
        let (name, sign) = sign.unwrap_or_else(|| panic!("a bare & in {text:?}"));
        plain.push_str(sign);
        plain.push_str(&part[name.len()..]);
    }
    assert!(!plain.contains('\u{0}'));
    plain
}

/// The attributes of an element, each in its quotes.
#[track_caller]
fn attributes(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, tail) = rest.split_once("=\"").unwrap_or_else(|| panic!("{text}"));
        let (value, tail) = tail.split_once('"').unwrap_or_else(|| panic!("{text}"));
        found.push((name.to_string(), unescaped(value)));
        rest = tail.trim_start();
    }
    found
}

/// Reads a whole page as strictly as can be: every element known and closed in its turn, every sign escaped. Returns the
/// attributes in their order, and the text of each `pre` without the reasons in it.
#[track_caller]
fn read(page: &str) -> (Vec<(String, String, String)>, Vec<String>) {
    let rest = page.strip_prefix("<!DOCTYPE html>\n").expect("its type");
    let (before, rest) = rest.split_once("<style>").unwrap();
    let (style, after) = rest.split_once("</style>").unwrap();
    for foreign in ["<", "url(", "@import", "//"] {
        assert!(!style.contains(foreign), "{foreign}");
    }
    let markup = format!("{before}{after}");
    let (mut open, mut named, mut blocks) =
        (Vec::<String>::new(), Vec::new(), Vec::<String>::new());
    let mut pieces = markup.split('<');
    assert_eq!(pieces.next(), Some(""));
    for piece in pieces {
        let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("<{piece}"));
        assert!(!text.contains('>'), "a bare > in {piece}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "</{piece}");
        } else {
            let (name, rest) = tag.split_once(' ').unwrap_or((tag, ""));
            let known = ELEMENTS.iter().find(|(known, _)| *known == name);
            let (_, may) = known.unwrap_or_else(|| panic!("<{piece}"));
            for (attribute, value) in attributes(rest) {
                assert!(may.contains(&attribute.as_str()), "<{piece}");
                named.push((name.to_string(), attribute, value));
            }
            if name != "meta" {
                open.push(name.to_string());
            }
            if name == "pre" {
                blocks.push(String::new());
            }
        }
        let text = unescaped(text);
        if open.iter().any(|name| name == "pre") && open.last().unwrap() != "i" {
            blocks.last_mut().unwrap().push_str(&text);
        }
    }
    assert_eq!(open, Vec::<String>::new(), "left open");
    (named, blocks)
}

/// What holds for every page, however the tour went.
#[track_caller]
fn whole(page: &str) -> Vec<String> {
    let (named, blocks) = read(page);
    let of = |name: &'static str| {
        let values = named.iter().filter(move |(_, known, _)| known == name);
        values
            .map(|(_, _, value)| value.clone())
            .collect::<Vec<_>>()
    };
    let ids: BTreeSet<String> = of("id").into_iter().collect();
    assert_eq!(ids.len(), of("id").len(), "an id twice");
    for link in of("href") {
        let id = link
            .strip_prefix('#')
            .unwrap_or_else(|| panic!("leads away: {link}"));
        assert!(ids.contains(id), "leads nowhere: {link}");
    }
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    assert!(of("content").contains(&policy.to_string()));
    assert!(of("content").contains(&"width=device-width".to_string()));
    assert_eq!(of("lang"), ["en"]);
    assert_eq!(
        (
            page.matches("<title>").count(),
            page.matches("<h1>").count()
        ),
        (1, 1)
    );
    blocks
}

fn exchanges(page: &str) -> usize {
    page.matches("<summary class=\"x\">").count()
}

#[test]
fn the_page_is_whole_and_stands_alone() {
    let tour = Run::line("tour --sandbox --format html").go().ok();
    let blocks = whole(&tour.out);
    for step in 1..=14 {
        assert!(
            tour.out.contains(&format!("<section id=\"s{step}\">")),
            "{step}"
        );
    }
    for said in [
        "✕ 403 Forbidden</b> · substatus 5300 · refused, as expected · ",
        "✕ 403 Forbidden</b> · substatus 5301 · refused, as expected · ",
        "↻ 202 Accepted</b> · Enqueued · ",
        "↻ wait 20 ms, as it says",
        "✓ 201 Created</b> · 6.67\u{a0}RU · ",
        "<i>a JSON array in ASCII, one element a path: [&quot;pkey&quot;], never the bare value</i>",
        "Do it yourself, with the signature from an answer of your own",
        "The body, indented",
    ] {
        assert!(tour.out.contains(said), "{said}");
    }
    let item = r#"{"id":"1","pk":"pkey","note":"hello","big":9007199254740993}"#;
    assert!(
        blocks
            .iter()
            .any(|text| text.ends_with(&format!("\n\n{item}")))
    );
    assert!(!tour.out.contains("eyJ"), "a token");
    // Request, answer, and the line for a shell.
    assert!(blocks.len() >= 3 * exchanges(&tour.out));

    let step = Run::line("tour --sandbox --format html --step 7").go().ok();
    whole(&step.out);
    assert_eq!(
        (step.out.matches("<section").count(), exchanges(&step.out)),
        (1, 1)
    );
    let plan = Run::line("tour --dry-run --format html").go().ok();
    whole(&plan.out);
    assert_eq!(
        (plan.out.matches("It would ").count(), exchanges(&plan.out)),
        (14, 0)
    );
}

/// The ids of the answers that went over a wire, or stand in a text, in their order.
fn ids(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::to_ascii_lowercase);
    let found = lines.filter_map(|line| {
        let (name, id) = line.split_once(": ")?;
        let is_id = ["x-ms-request-id", "x-ms-activity-id"].contains(&name);
        is_id.then(|| id.trim().to_string())
    });
    found.collect()
}

#[test]
fn the_page_has_every_exchange() {
    let tapped = Tapped::new(&[]);
    let tour = tapped
        .prepare("tour --live -y -d toured -c toured --format html")
        .go()
        .ok();
    let mut shown: Vec<String> = whole(&tour.out).iter().flat_map(|text| ids(text)).collect();
    // The data plane gives back the id that was sent.
    shown.dedup();
    let mut all = 0;
    // Before the first step it asks ARM for a token, and then whether the database is there.
    for (wire, before) in tapped.wires.iter().zip([1, 1, 0]) {
        let sent = ids(&wire.answered());
        let here = shown.iter().filter(|id| sent.contains(id)).cloned();
        let here: Vec<String> = here.collect();
        assert!(here.len() > 1);
        assert_eq!(here, sent[before..]);
        all += here.len();
    }
    assert_eq!((shown.len(), exchanges(&tour.out)), (all, all));
}

const HOSTILE: &str =
    "</pre></details><script>alert(1)</script><img src=x onerror='a'> \"&lt;&amp;{}";

/// Stands in for all three services up to the reading of the item, and tries to be markup wherever it can.
fn hostile() -> Service {
    let there = AtomicBool::new(false);
    let payload = json!({"oid": "5a0db0c5-0000-4000-8000-0000000000a1", "aud": "x"});
    let payload = BASE64_URL_SAFE_NO_PAD.encode(payload.to_string());
    let token = format!("eyJhbGciOiJub25lIn0.{payload}.c2lnbmF0dXJl");
    let granted = AtomicBool::new(false);
    Service::new(move |asked: &Asked| {
        let evil = vec![
            ("x-evil", HOSTILE.to_string()),
            ("x-ms-request-charge", HOSTILE.into()),
        ];
        let refused = json!({"code": "<script>2</script>", "message": HOSTILE}).to_string();
        // A resource is known by its id; whatever else it says may be anything.
        let path = asked.target.split('?').next().unwrap_or_default();
        let sent: serde_json::Value = serde_json::from_str(&asked.body).unwrap_or_default();
        let id = sent["id"].as_str().unwrap_or(path);
        let fine = json!({"id": id, "name": HOSTILE, "status": "<b>", "properties": {"resource": {"id": HOSTILE}}});
        let (status, body): (u16, String) = match asked.method.as_str() {
            _ if asked.has("/oauth2/token") => {
                let body = json!({"access_token": token, "expires_in": "86400"});
                return reply(200, body.to_string());
            }
            "DELETE" => (204, String::new()),
            "PUT" => {
                there.store(true, Ordering::Relaxed);
                granted.fetch_or(asked.has("sqlRoleAssignments"), Ordering::Relaxed);
                (200, fine.to_string())
            }
            "POST" if asked.target == "/dbs" => (403, refused),
            "POST" => (201, fine.to_string()),
            _ if asked.has("sqlDatabases") && !there.load(Ordering::Relaxed) => (404, refused),
            _ if asked.has("sqlRoleAssignments") => (404, refused),
            _ if asked.has("/docs/") => (400, refused),
            _ if asked.has("/dbs/") && !granted.load(Ordering::Relaxed) => (403, refused),
            _ => (200, fine.to_string()),
        };
        (status, evil, body) as Reply
    })
}

/// A text without what is another one a second later.
fn lasting(text: &str) -> String {
    let lines = text.lines().map(str::trim_end);
    let other = ["x-ms-date", "authorization", "x-ms-activity-id"];
    let lines = lines.filter(|line| !other.iter().any(|name| line.starts_with(name)));
    lines.collect::<Vec<_>>().join("\n").trim_end().to_string()
}

/// The exchanges of a tour as plain text: requests and answers, one after another.
fn plain(tour: &Ran) -> Vec<String> {
    let mut found: Vec<(char, String)> = Vec::new();
    let mut within = ' ';
    for line in tour.out.lines() {
        let sign = line
            .chars()
            .next()
            .filter(|c| "<>".contains(*c))
            .unwrap_or(' ');
        if sign != ' ' && sign != within {
            found.push((sign, String::new()));
        }
        within = sign;
        if let Some((_, text)) = found.last_mut().filter(|_| sign != ' ') {
            text.push_str(line.get(2..).unwrap_or_default());
            text.push('\n');
        }
    }
    found.iter().map(|(_, text)| lasting(text)).collect()
}

#[test]
fn no_answer_becomes_markup_and_none_is_changed() {
    let run = |form: &str| {
        let service = hostile();
        let line = format!("tour --live -y -d toured -c toured --format {form}");
        let ran = toward(&service.origin, Run::line(&line)).go();
        (ran, service)
    };
    let (text, service) = run("text");
    let (page, other) = run("html");
    assert_eq!((text.code, page.code), (1, 1), "{page:#?}");
    let blocks = whole(&page.out);
    assert!(!page.out.to_ascii_lowercase().contains("<script"));
    // A token and a question come before the first step; what follows the error is shown as well.
    assert_eq!(exchanges(&page.out), other.asked().len() - 2);
    for said in ["✕ The tour ends here", "Taking back what it had made"] {
        assert!(page.out.contains(said), "{said} in {page:#?}");
    }
    for (step, missed) in [(11, false), (12, true), (13, true), (14, true)] {
        assert!(page.out.contains(&format!("<a href=\"#s{step}\">")));
        let id = format!("<p class=\"n\" id=\"s{step}\">{step}. ");
        assert_eq!(page.out.contains(&id), missed, "{step}");
    }
    let said = blocks
        .iter()
        .find(|text| text.starts_with("error: "))
        .unwrap();
    // What looks like a page in a message is left out of it.
    assert!(
        said.contains("<script>2</script>") && said.contains("&amp;{}"),
        "{said}"
    );
    assert!(
        page.err
            .trim_end()
            .lines()
            .all(|line| said.contains(line) || line.contains("knows")),
        "{page:#?}"
    );

    let same = |text: &String| text.replace(&other.origin[7..], &service.origin[7..]);
    let shown: Vec<String> = blocks.iter().map(|text| same(&lasting(text))).collect();
    let wanted = plain(&text);
    assert!(wanted.len() > 20, "{wanted:#?}");
    let mut rest = shown.iter();
    for exchange in &wanted {
        assert!(
            rest.any(|text| text == exchange),
            "{exchange}\nin {shown:#?}"
        );
    }
    let hostile = shown
        .iter()
        .filter(|text| text.contains(&format!("x-evil: {HOSTILE}")));
    assert!(hostile.count() > 8);
}

#[test]
fn steps_are_written_as_they_are_done() {
    let place = Place::new(&[]);
    place.fault("arm.delay=200ms");
    let mut child = place.prepare("tour --live -y --format html").start();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.find(|line| line.as_ref().unwrap().contains("</section>"));
    assert!(first.is_some());
    assert!(child.try_wait().unwrap().is_none(), "it had ended already");
    let rest: Vec<String> = lines.map(|line| line.unwrap()).collect();
    assert_eq!(rest.last().unwrap(), "</html>");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_lost_answer_is_shown_as_one() {
    let place = Place::new(&["arm.create.reset-before"]);
    let text = place.run("tour --live -y --retries 1");
    let page = place
        .run("tour --live -y --retries 1 --format html")
        .ends(text.code);
    assert_ne!(page.code, 0);
    whole(&page.out);
    assert!(
        page.out.matches("✕ no answer</b> · ").count() >= 2,
        "{page:#?}"
    );
    // What may have been carried out is taken back.
    assert!(page.out.contains("Taking back") && page.out.contains("<code>DELETE "));
}
