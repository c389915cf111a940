//! Rows of the table of known errors, as pieces to print: those that say the same in one piece.

use serde_json::{Value, json};

use super::Explained;
use super::facts::Facts;
use super::names;
use super::rules::{self, Kind, Rule, When, statuses};
use crate::error::Plane;

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
        && (asked.status == 0 || statuses(when).has(asked.status.into()))
}

/// The rows, those that say the same in one piece.
pub fn entries(wanted: &dyn Fn(&Rule) -> bool, asked: Asked) -> Vec<Piece> {
    let mut found: Vec<(Explained, Vec<String>)> = Vec::new();
    for rule in rules::all().iter().filter(|rule| wanted(rule)) {
        let (row, head) = (outline(rule), head(&rule.when, asked));
        match found.iter_mut().find(|(known, _)| *known == row) {
            Some((_, heads)) => heads.push(head),
            None => found.push((row, vec![head])),
        }
    }
    found.iter().map(|(row, heads)| piece(row, heads)).collect()
}

/// What a row says, without an error at hand.
fn outline(rule: &Rule) -> Explained {
    let fixes = rule.fix().into_iter().filter_map(Facts::outline);
    Explained {
        what: Facts::outline(rule.line("what")).unwrap_or_default(),
        why: Facts::outline(rule.line("why")),
        need: Facts::outline(rule.line("need")),
        note: Facts::outline(rule.line("note")),
        fix: fixes.collect(),
        ..Explained::default()
    }
}

fn piece(row: &Explained, heads: &[String]) -> Piece {
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
    let parts: Vec<String> = when.says().map(|part| format!("{part:?}")).collect();
    let codes: Vec<&str> = when.codes().collect();
    if !codes.is_empty() {
        text.push_str(&format!(", with the code {}", codes.join(" or ")));
    }
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
    let wanted = |number: u32, asked: u32| asked == 0 || number == asked;
    let all = statuses(when).all();
    let statuses = all.filter(|status| wanted(*status, asked.status.into()));
    let all = when.substatuses.or_none();
    let subs: Vec<u32> = all.filter(|sub| wanted(*sub, asked.substatus)).collect();
    let subs = if subs.is_empty() { vec![0] } else { subs };
    let pairs = statuses.flat_map(|status| subs.iter().map(move |sub| numbered(status, *sub)));
    pairs.collect::<Vec<_>>().join(", ")
}

pub fn numbered(status: u32, substatus: u32) -> String {
    match (substatus, names::of(status, substatus)) {
        (0, _) => status.to_string(),
        (_, Some(name)) => format!("{status}/{substatus} {name}"),
        (_, None) => format!("{status}/{substatus}"),
    }
}
