//! What the command line says of an import.

use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::cosmos::key_definition::{Definition, Kind, normalise_path};
use crate::error::Error;
use crate::exchange::import::records::Format;

/// The key of a container of which nothing is known.
pub(super) const NO_KEY: Definition = Definition {
    paths: Vec::new(),
    kind: Kind::Hash,
    version: 2,
    system: false,
};

/// A word that stands for something.
pub(super) fn chosen<T: Copy>(
    settings: &Settings,
    name: &'static str,
    all: &[(&str, T)],
) -> Result<Option<T>, Error> {
    let Some(text) = settings.text(name) else {
        return Ok(None);
    };
    let found = all.iter().find(|(word, _)| *word == text);
    let words: Vec<&str> = all.iter().map(|(word, _)| *word).collect();
    found.map(|(_, meant)| Some(*meant)).ok_or_else(|| {
        Error::usage(format!(
            "--{name} {text}: it is one of {}",
            words.join(", ")
        ))
    })
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
    let all = [
        ("auto", None),
        ("ndjson", Some(Format::Lines)),
        ("json", Some(Format::Array)),
        ("csv", Some(Format::Table(b','))),
        ("tsv", Some(Format::Table(b'\t'))),
    ];
    if let Some(format) = chosen(settings, "format", &all)?.flatten() {
        return Ok(Some(format));
    }
    let (_, end) = path.rsplit_once('.').unwrap_or_default();
    let known = all.iter().filter(|(word, _)| *word != "json");
    let found = known
        .clone()
        .find(|(word, _)| word.eq_ignore_ascii_case(end));
    Ok(found.and_then(|(_, format)| *format))
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
