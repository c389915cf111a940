//! Rows of the table of known errors, as pieces to print: those that say the same in one piece.

use serde_json::{Value, json};

use super::Explained;
use super::facts::Facts;
use super::names;
use super::rules::{self, Kind, Rule, When};
use crate::error::Plane;
use crate::identity::refusal::Refusal;

/// Something to print: as text, or as the members of an object.
pub struct Piece {
    pub text: String,
    pub members: Vec<(&'static str, Value)>,
}

/// What is asked for; 0 stands for any number.
#[derive(Clone, Copy, Default)]
pub struct Asked {
    pub plane: Option<Plane>,
    pub status: u16,
    pub substatus: u32,
}

pub fn is_of(plane: Option<Plane>, when: &When) -> bool {
    let of = match when.kind {
        Kind::Refused(_) => when.plane.or(Some(Plane::Identity)),
        _ => when.plane,
    };
    plane.is_none() || of.is_none() || of == plane
}

pub fn applies(when: &When, asked: Asked) -> bool {
    let answered = matches!(when.kind, Kind::Said | Kind::Refused(_));
    answered
        && is_of(asked.plane, when)
        && (asked.status == 0 || statuses(when).contains(&asked.status))
}

/// Which statuses a row is about.
pub fn statuses(when: &When) -> &'static [u16] {
    match when.kind {
        Kind::Refused(refusal) => {
            let row = REFUSALS.iter().find(|(of, _)| *of == refusal);
            row.map_or(&[], |(_, statuses)| statuses)
        }
        _ => when.statuses,
    }
}

/// The statuses an identity endpoint says these with; a test holds them to recorded answers.
const REFUSALS: &[(Refusal, &[u16])] = &[
    (Refusal::NoIdentity, &[400, 404]),
    (Refusal::ManyIdentities, &[400]),
    (Refusal::UnknownAudience, &[400, 500]),
    (Refusal::HeaderLost, &[400]),
    (Refusal::BadRequest, &[400, 405]),
    (Refusal::NotConfigured, &[401, 403]),
    (Refusal::NotAzure, &[403]),
    (Refusal::OtherCloud, &[401, 404]),
    (Refusal::NoMachine, &[404]),
    (Refusal::KeyWanted, &[401]),
    (Refusal::PodRefused, &[400, 401, 404]),
    (Refusal::SomebodyElse, &[302, 400, 401, 403, 404, 500]),
    (Refusal::Updating, &[404, 410]),
    (Refusal::Busy, &[429]),
    (Refusal::Failing, &[500, 502, 503, 504]),
];

/// The rows, those that say the same in one piece.
pub fn entries(wanted: &dyn Fn(&Rule) -> bool, asked: Asked) -> Vec<Piece> {
    let mut found: Vec<(&Rule, Vec<String>)> = Vec::new();
    for rule in rules::all().filter(|rule| wanted(rule)) {
        let head = head(&rule.when, asked);
        match found.iter_mut().find(|(known, _)| is_same(known, rule)) {
            Some((_, heads)) => heads.push(head),
            None => found.push((rule, vec![head])),
        }
    }
    found
        .iter()
        .map(|(rule, heads)| entry(rule, heads))
        .collect()
}

fn is_same(one: &Rule, other: &Rule) -> bool {
    let texts = |rule: &Rule| (rule.what, rule.why, rule.note, rule.need);
    texts(one) == texts(other) && one.fix == other.fix
}

fn entry(rule: &Rule, heads: &[String]) -> Piece {
    let fixes = rule.fix.iter().filter_map(|fix| Facts::outline(fix));
    let row = Explained {
        what: Facts::outline(rule.what).unwrap_or_default(),
        why: Facts::outline(rule.why),
        need: Facts::outline(rule.need),
        note: Facts::outline(rule.note),
        fix: fixes.collect(),
        ..Explained::default()
    };
    let heads_text = heads.join("\n");
    let mut members = vec![("when", json!(heads))];
    members.extend(row.members());
    Piece {
        text: format!("{heads_text}\n  what  {}\n{}", row.what, row.lines()),
        members,
    }
}

/// When a row applies, in a line.
fn head(when: &When, asked: Asked) -> String {
    let who = when
        .plane
        .map_or("any service".to_string(), |plane| plane.to_string());
    let mut text = match when.kind {
        Kind::Said => format!("{who} {}", answers(when, asked)),
        Kind::Refused(_) => {
            let who = when.plane.unwrap_or(Plane::Identity);
            format!("{who} {}", answers(when, asked))
        }
        Kind::Broken(stage) => format!("{who}: {stage}"),
        Kind::Unknown => "outcome unknown".to_string(),
        Kind::Unfinished => "not finished".to_string(),
        Kind::Noticed => "noticed here".to_string(),
    };
    let parts: Vec<String> = when.says.iter().map(|part| format!("{part:?}")).collect();
    if !parts.is_empty() {
        text.push_str(&format!(", if it says {}", parts.join(" or ")));
    }
    if !when.at.is_empty() {
        text.push_str(&format!(", at {}", when.at.trim_end_matches('$')));
    }
    text
}

/// The pairs of status and substatus with their names: those asked for, or else all.
fn answers(when: &When, asked: Asked) -> String {
    let statuses = statuses(when)
        .iter()
        .filter(|s| asked.status == 0 || **s == asked.status);
    let wanted = |s: &&u32| asked.substatus == 0 || **s == asked.substatus;
    let subs: Vec<u32> = when.substatuses.iter().filter(wanted).copied().collect();
    let subs = if subs.is_empty() { vec![0] } else { subs };
    let pairs = statuses.flat_map(|status| subs.iter().map(|sub| numbered(*status, *sub)));
    pairs.collect::<Vec<_>>().join(", ")
}

pub fn numbered(status: u16, substatus: u32) -> String {
    match (substatus, names::of(status, substatus)) {
        (0, _) => status.to_string(),
        (_, Some(name)) => format!("{status}/{substatus} {name}"),
        (_, None) => format!("{status}/{substatus}"),
    }
}
