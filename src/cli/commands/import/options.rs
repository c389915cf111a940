//! What the command line says of an import.

use crate::cli::output::delimiter;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::cosmos::key_definition::{Definition, Kind, normalise_path};
use crate::error::Error;
use crate::exchange::import::records::{Format, TableOptions};

/// The key of a container of which nothing is known.
pub(super) const NO_KEY: Definition = Definition {
    paths: Vec::new(),
    kind: Kind::Hash,
    version: 2,
    system: false,
};

/// Which of some words it is.
pub(super) fn chosen(
    settings: &Settings,
    name: &'static str,
    words: &[&str],
) -> Result<Option<usize>, Error> {
    let Some(text) = settings.text(name) else {
        return Ok(None);
    };
    let found = words.iter().position(|word| *word == text);
    let wrong = || {
        Error::usage(format!(
            "--{name} {text}: it is one of {}",
            words.join(", ")
        ))
    };
    found.map(Some).ok_or_else(wrong)
}

/// A number that is not nothing.
pub(super) fn number(settings: &Settings, name: &'static str) -> Result<Option<u64>, Error> {
    match settings.number(name)? {
        Some(0) => Err(Error::usage(format!(
            "--{name} 0: nothing would ever be sent"
        ))),
        number => Ok(number),
    }
}

/// `--format`, else by the end of the name; else, and for `.json`, the first character tells.
pub(super) fn format(settings: &Settings, path: &str) -> Result<Option<Format>, Error> {
    const WORDS: [&str; 5] = ["ndjson", "csv", "tsv", "json", "auto"];
    let all = [
        Format::Lines,
        Format::Table(b','),
        Format::Table(b'\t'),
        Format::Array,
    ];
    if let Some(at) = chosen(settings, "format", &WORDS)?.filter(|at| *at < all.len()) {
        return Ok(all.get(at).copied());
    }
    let (_, end) = path.rsplit_once('.').unwrap_or_default();
    let end = match end.eq_ignore_ascii_case("jsonl") {
        true => "ndjson",
        false => end,
    };
    let known = WORDS
        .iter()
        .take(3)
        .position(|word| word.eq_ignore_ascii_case(end));
    let known = known.and_then(|at| all.get(at)).copied();
    // JSON needs no delimiter: what has one is a table.
    let table = || {
        settings
            .args()
            .value("delimiter")
            .map(|_| Format::Table(b','))
            .filter(|_| !end.eq_ignore_ascii_case("json"))
    };
    Ok(known.or_else(table))
}

/// `--delimiter`, `--id` and `--nested`
pub(super) fn table(settings: &Settings) -> Result<TableOptions, Error> {
    Ok(TableOptions {
        delimiter: delimiter(settings.args().value("delimiter"))?,
        id: settings.args().value("id").map(str::to_string),
        nested: settings.on("nested"),
    })
}

/// `--partition-key-path`
pub(super) fn given(session: &Session) -> Result<Option<Definition>, Error> {
    let paths = session.settings.args().values("partition-key-path");
    let paths: Result<Vec<String>, String> =
        paths.iter().map(|path| normalise_path(path)).collect();
    let paths = paths.map_err(Error::usage)?;
    let kind = if paths.len() > 1 {
        Kind::MultiHash
    } else {
        Kind::Hash
    };
    Ok((!paths.is_empty()).then_some(Definition {
        paths,
        kind,
        ..NO_KEY
    }))
}

/// The container's own definition, if the command line says nothing else.
pub(super) fn agreed(session: &Session, own: Definition) -> Result<Definition, Error> {
    match given(session)? {
        Some(said) if said.paths != own.paths => Err(Error::conflict(format!(
            "the container is partitioned by {}, not by {}",
            own.paths.join(" "),
            said.paths.join(" ")
        ))),
        _ => Ok(own),
    }
}
