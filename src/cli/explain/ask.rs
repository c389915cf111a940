//! `explain WHAT`: the rows that explain errors, and what there is to read up on, without an error at hand.

use serde_json::{Value, json};

use super::rows::{Asked, Piece, applies, entries, is_of, numbered};
use super::rules::{self, Kind, Rule, When, statuses};
use super::{exits, names, retries, topics};
use crate::cli::args::nearest;
use crate::cli::lesson;
use crate::cli::output::json::object;
use crate::cli::output::{Format, Output};
use crate::cli::settings::Settings;
use crate::error::{Error, Plane};
use crate::show::Mask;

/// `explain [arm|data|identity] [WHAT]`
pub fn run(settings: &Settings, _: &Mask, words: &[String]) -> Result<u8, Error> {
    let mut output = crate::cli::output(settings)?;
    write(&mut output, &answer(words)?)?;
    output.finish()?;
    Ok(0)
}

fn write(output: &mut Output, pieces: &[Piece]) -> Result<(), Error> {
    if matches!(output.format(), Format::Auto | Format::Raw) {
        let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.trim_end()).collect();
        return output.text(&texts.join("\n\n"));
    }
    output.list();
    for piece in pieces {
        let raw = serde_json::value::RawValue::from_string(object(&piece.members));
        output.row(&raw.map_err(|e| Error::local(e.to_string()))?)?;
    }
    Ok(())
}

const PLANES: &[(&str, Plane)] = &[
    ("arm", Plane::Arm),
    ("data", Plane::Data),
    ("identity", Plane::Identity),
    ("imds", Plane::Identity),
    ("entra", Plane::Entra),
];

/// In the order of a run.
const ALL: [Plane; 4] = [Plane::Identity, Plane::Entra, Plane::Arm, Plane::Data];

fn answer(words: &[String]) -> Result<Vec<Piece>, Error> {
    let whole = words.join(" ");
    let first = words.first().map(String::as_str).unwrap_or_default();
    let plane = PLANES
        .iter()
        .find(|(name, _)| *name == first.to_ascii_lowercase());
    let asked = Asked {
        plane: plane.map(|(_, plane)| *plane),
        ..Asked::default()
    };
    let rest = words
        .get(usize::from(plane.is_some())..)
        .unwrap_or_default();
    let what = rest.join(" ");
    let found = match (numbers(&what), topics::find(&whole)) {
        _ if whole.is_empty() => list(),
        (_, Some(topic)) => vec![read_up(topic.name, topic.text())],
        (Some((status, substatus)), _) => of_numbers(Asked {
            status,
            substatus,
            ..asked
        }),
        (None, _) if what.is_empty() => entries(&|rule| is_of(asked.plane, &rule.when), asked),
        (None, _) => of_words(&what, asked),
    };
    match found.is_empty() {
        false => Ok(found),
        true => Err(unknown(&whole)),
    }
}

fn unknown(what: &str) -> Error {
    let known: Vec<topics::Topic> = topics::all().collect();
    let near = nearest(what, known.iter().map(|topic| topic.name));
    let hint = near.map_or(
        "rawcosmos explain lists what there is".to_string(),
        |near| format!("did you mean {near}?"),
    );
    Error::usage(format!("nothing is known here of {what:?}; {hint}"))
}

/// `403/5301`, `403` or `5301`.
fn numbers(text: &str) -> Option<(u16, u32)> {
    if let Some((status, substatus)) = text.split_once('/') {
        return Some((status.parse().ok()?, substatus.parse().ok()?));
    }
    match text.parse().ok()? {
        status @ 100..=599 => Some((u16::try_from(status).ok()?, 0)),
        substatus => Some((0, substatus)),
    }
}

fn read_up(name: &str, text: String) -> Piece {
    let members = vec![("topic", json!(name)), ("text", json!(text))];
    Piece { text, members }
}

// ---- By numbers

fn of_numbers(asked: Asked) -> Vec<Piece> {
    if asked.status == 0 {
        let named = names::all().filter(|(_, substatus, _)| *substatus == asked.substatus);
        return named
            .flat_map(|(status, ..)| of_numbers(Asked { status, ..asked }))
            .collect();
    }
    let fits = |rule: &Rule| applies(&rule.when, asked);
    let mut found = match asked.substatus {
        0 => entries(&fits, asked),
        of => entries(&|rule| fits(rule) && rule.when.substatuses.has(of), asked),
    };
    // No row is about this substatus alone: then those about the status.
    if found.is_empty() {
        let asked = Asked {
            plane: asked.plane.or(Some(Plane::Data)),
            ..asked
        };
        let bare = |rule: &Rule| {
            rule.when.substatuses.is_empty()
                && rule.when.says().chain(rule.when.codes()).next().is_none()
        };
        found = entries(&|rule| applies(&rule.when, asked) && bare(rule), asked);
    }
    found.extend(outcomes(asked));
    found
}

/// The exit code of a status and whether it is sent again, by the planes that are known to answer so.
fn outcomes(asked: Asked) -> Option<Piece> {
    let planes = ALL.into_iter();
    let lines: Vec<String> = planes.filter_map(|plane| outcome(plane, asked)).collect();
    let text = lines.join("\n");
    let members = vec![
        (
            "answer",
            json!(numbered(asked.status.into(), asked.substatus)),
        ),
        ("outcome", json!(lines)),
    ];
    (!text.is_empty()).then_some(Piece { text, members })
}

fn outcome(plane: Plane, asked: Asked) -> Option<String> {
    let Asked {
        status, substatus, ..
    } = asked;
    // Only the data plane has substatuses.
    let asks =
        asked.plane.is_none_or(|asked| asked == plane) && (substatus == 0 || plane == Plane::Data);
    let here = Asked {
        plane: Some(plane),
        status,
        substatus: 0,
    };
    let again = retries::after(plane, status, substatus);
    let is_known = again.is_some() || rules::all().iter().any(|rule| applies(&rule.when, here));
    if !asks || !is_known {
        return None;
    }
    let exit = exits::of_status(plane, status);
    let again = again.map_or("not sent again".to_string(), |again| {
        format!("sent again: {again}")
    });
    Some(format!(
        "{plane} {}: exit code {exit}; {again}",
        numbered(status.into(), substatus)
    ))
}

// ---- By words

/// A header, the name of a substatus, or rows that have the words: in what the service says first of all.
fn of_words(what: &str, asked: Asked) -> Vec<Piece> {
    let word = what.to_ascii_lowercase();
    if let Some(why) = lesson::of_any_header(&word) {
        return vec![read_up(&word, format!("{word}\n  {why}"))];
    }
    let named = names::all().find(|(.., name)| name.eq_ignore_ascii_case(what));
    if let Some((status, substatus, _)) = named {
        return of_numbers(Asked {
            status,
            substatus,
            ..asked
        });
    }
    let said = entries(
        &|rule| is_of(asked.plane, &rule.when) && says(&rule.when, &word),
        asked,
    );
    if !said.is_empty() {
        return said;
    }
    entries(
        &|rule| is_of(asked.plane, &rule.when) && mentions(rule, &word),
        asked,
    )
}

/// A code or a whole message holds the words of a row; a word of three letters would be in too many.
fn says(when: &When, word: &str) -> bool {
    let mut parts = when.says();
    when.codes().any(|code| code == word)
        || parts.any(|part| word.contains(part) || (word.len() > 3 && part.contains(word)))
}

fn mentions(rule: &Rule, word: &str) -> bool {
    let mut texts = ["what", "why", "note"].into_iter();
    word.len() > 2 && texts.any(|name| rule.line(name).to_ascii_lowercase().contains(word))
}

// ---- What there is

fn list() -> Vec<Piece> {
    let mut text = "Topics:\n".to_string();
    let mut topics: Vec<Value> = Vec::new();
    for topic in topics::all() {
        text.push_str(&format!("  {:<14} {}\n", topic.name, topic.title));
        topics.push(json!(topic.name));
    }
    let known = ALL.map(|plane| (plane, known(plane)));
    text.push_str("\nRefusals:\n");
    for (plane, numbers) in &known {
        text.push_str(&format!(
            "  {:<14} {}\n",
            retries::word(*plane),
            numbers.join(" ")
        ));
    }
    text.push_str("\nrawcosmos explain TOPIC, 403, 403/5301, arm 404, a code, a header, or words of a message");
    let mut members = vec![("topics", Value::Array(topics))];
    members.extend(known.map(|(plane, numbers)| (retries::word(plane), json!(numbers))));
    vec![Piece { text, members }]
}

/// The answers of a plane that rows are about, without repetition.
fn known(plane: Plane) -> Vec<String> {
    let rows = rules::all().into_iter().filter(|rule| {
        matches!(rule.when.kind, Kind::Said | Kind::Refused(_)) && is_of(Some(plane), &rule.when)
    });
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for rule in rows {
        for status in statuses(&rule.when).all() {
            let subs = rule.when.substatuses;
            pairs.extend(subs.or_none().map(|sub| (status, sub)));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    let shown = |(status, sub): &(u32, u32)| match sub {
        0 => status.to_string(),
        sub => format!("{status}/{sub}"),
    };
    pairs.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::error::Failure;
    use crate::identity::refusal;

    fn asked(line: &str) -> Result<String, Error> {
        let words: Vec<String> = line.split_whitespace().map(str::to_string).collect();
        let pieces = answer(&words)?;
        let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
        Ok(texts.join("\n\n"))
    }

    #[test]
    fn whatever_is_asked_for_is_found() {
        #[rustfmt::skip]
        let rows = [
            ("403/5301", "data plane 403/5301 RbacUnauthorizedMetadataRequest\n  what  not allowed to DEED", ""),
            ("403/5301", "--role DATA-ROLE --principal PRINCIPAL --scope SCOPE -a ACCOUNT -g GROUP", "rbac permissions"),
            ("5301", "data plane 403/5301 RbacUnauthorizedMetadataRequest: exit code 5; not sent again", "ARM"),
            ("RbacUnauthorizedMetadataRequest", "no Cosmos DB data role", ""),
            ("401", "account keys are switched off", "403/"),
            ("401", "ARM 401: exit code 4", ""),
            ("arm 404", "there is no such resource group", "data plane"),
            ("arm 404", "at PUT */sqlDatabases/*/containers/", ""),
            ("data", "the logical partition is full", "ARM 4"),
            ("imds 429", "identity endpoint 429: exit code 7; sent again: 1 s to 16 s", "data plane"),
            ("entra 400", "no identity trusts this pod's token", "data plane"),
            ("AADSTS700016", "there is no such identity in the tenant", ""),
            ("429/3200", "data plane 429/3200 RUBudgetExceeded: exit code 7", "arm"),
            ("AuthorizationFailed", "not allowed to DEED", "data plane 4"),
            ("InvalidAuthenticationTokenAudience", "the token is for another audience", ""),
            ("Owner resource does not exist", "there is no such database or container", ""),
            ("firewall", "the account's firewall blocks this machine", ""),
            ("nobody answers", "any service: cannot connect", ""),
            ("identity", "169.254.169.254", ""),
            ("Exit codes", "130  interrupted", ""),
            ("X-MS-Continuation", "the next page begins", ""),
            ("", "partition-key", ""),
            ("", "403/5301", ""),
        ];
        for (line, part, absent) in rows {
            let text = asked(line).unwrap();
            assert!(text.contains(part), "{line}: {part:?} is not in\n{text}");
            assert!(
                absent.is_empty() || !text.contains(absent),
                "{line}: {absent:?} is in\n{text}"
            );
        }
        for line in [
            "nonsense",
            "418",
            "403/x",
            "99999999999",
            "403/5301 x",
            "70000/1",
            "/",
        ] {
            assert!(asked(line).is_err(), "{line}");
        }
        let error = asked("parttion-key").unwrap_err().to_string();
        assert!(error.contains("did you mean partition-key?"), "{error}");
    }

    #[test]
    fn every_row_can_be_asked_for_and_has_no_gaps() {
        for rule in rules::all() {
            let answered = matches!(rule.when.kind, Kind::Said | Kind::Refused(_));
            assert_eq!(
                answered,
                !statuses(&rule.when).is_empty(),
                "{}",
                rule.heading
            );
            for piece in entries(&|other| other.heading == rule.heading, Asked::default()) {
                let filled: Vec<&str> = piece
                    .text
                    .lines()
                    .filter(|line| line.starts_with("  "))
                    .collect();
                assert!(!filled.concat().contains(['{', '}', '[']), "{}", piece.text);
            }
        }
    }

    /// Every recorded answer of an identity endpoint is one that this page would show for its status.
    #[test]
    fn the_refusals_of_an_identity_endpoint_have_their_statuses() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/identity/answers");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let mut numbers = name.split('_').filter_map(|word| word.parse::<u16>().ok());
            let Some(status) = numbers.find(|number| (400..600).contains(number)) else {
                continue;
            };
            if name.starts_with("cosmos") || name.starts_with("arc_401") {
                continue;
            }
            let body = std::fs::read(&path).unwrap();
            let failure = Failure::read(Plane::Identity, String::new(), status, &[], &body);
            let refusal = refusal::of(&failure);
            let shown = rules::all()
                .iter()
                .any(|rule| rule.when.kind == Kind::Refused(refusal));
            let row = rules::all().iter().any(|rule| {
                rule.when.kind == Kind::Refused(refusal) && statuses(&rule.when).has(status.into())
            });
            assert!(row || !shown, "{name}: {refusal:?}");
        }
    }
}
