//! Words become a command's words and its options. No I/O.
//!
//! Options may stand anywhere; `--opt=value` and `--opt value` are the same; `--` ends options; a value may begin
//! with `-`; an unknown option is an error that names the nearest known one.

use std::collections::VecDeque;
use std::ffi::OsString;

use crate::error::Error;

/// An option: its name, its letter, and whether a value follows.
pub struct Opt {
    /// Without the dashes.
    pub name: &'static str,
    /// The letter, or a blank.
    pub letter: char,
    /// Whether a value follows.
    pub takes: Takes,
}

/// Whether a value follows an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// It is a switch.
    Nothing,
    /// The next word, or what follows `=`.
    Value,
    /// What follows `=`, if anything.
    Maybe,
}

const fn opt(name: &'static str, letter: char, takes: Takes) -> Opt {
    Opt {
        name,
        letter,
        takes,
    }
}

use Takes::{Maybe, Nothing, Value};

/// Options that every command takes.
#[rustfmt::skip]
pub const EVERYWHERE: &[Opt] = &[
    opt("account-name", 'a', Value), opt("resource-group", 'g', Value), opt("subscription", ' ', Value),
    opt("endpoint", ' ', Value), opt("arm-endpoint", ' ', Value), opt("imds-endpoint", ' ', Value),
    opt("arm-audience", ' ', Value), opt("data-audience", ' ', Value),
    opt("identity-source", ' ', Value), opt("client-id", ' ', Value), opt("object-id", ' ', Value),
    opt("identity-resource-id", ' ', Value), opt("token-file", ' ', Value), opt("key-file", ' ', Value),
    opt("arc-key-directory", ' ', Value), opt("cloud", ' ', Value),
    opt("cacert", ' ', Value), opt("output", 'o', Value), opt("get", ' ', Value),
    opt("columns", ' ', Value), opt("delimiter", ' ', Value), opt("csv-safe", ' ', Nothing),
    opt("trace", ' ', Maybe), opt("explain", ' ', Nothing), opt("curl", ' ', Nothing),
    opt("region", ' ', Value), opt("retries", ' ', Value), opt("retry-max-wait", ' ', Value), opt("timeout", ' ', Value),
    opt("dry-run", ' ', Nothing), opt("verbose", 'v', Nothing), opt("quiet", 'q', Nothing),
    opt("yes", 'y', Nothing), opt("help", 'h', Nothing), opt("version", 'V', Nothing),
];

/// Options that some commands take; each command names its own.
#[rustfmt::skip]
pub const SOMEWHERE: &[Opt] = &[
    opt("database-name", 'd', Value), opt("container-name", 'c', Value), opt("name", 'n', Value),
    opt("partition-key-path", 'p', Value), opt("throughput", ' ', Value), opt("max-throughput", ' ', Value),
    opt("ttl", ' ', Value), opt("idx", ' ', Value), opt("unique-key-policy", 'u', Value),
    opt("if-not-exists", ' ', Nothing), opt("no-wait", ' ', Nothing),
    opt("id", 'i', Value), opt("partition-key", 'k', Value), opt("partition-key-json", ' ', Value),
    opt("body", 'b', Value), opt("if-match", ' ', Value), opt("if-none-match", ' ', Value),
    opt("session-token", ' ', Value), opt("session-file", ' ', Value), opt("consistency", ' ', Value),
    opt("indexing", ' ', Value), opt("minimal", ' ', Nothing), opt("any-id", ' ', Nothing),
    opt("self", ' ', Value), opt("keys", ' ', Value), opt("all-in-partition", ' ', Nothing),
    opt("set", ' ', Value), opt("add", ' ', Value), opt("replace", ' ', Value), opt("remove", ' ', Value),
    opt("incr", ' ', Value), opt("move", ' ', Value), opt("condition", ' ', Value),
    opt("from", ' ', Value), opt("state", ' ', Value), opt("follow", ' ', Nothing),
    opt("quota", ' ', Nothing), opt("args", ' ', Value), opt("log", ' ', Nothing),
    opt("header", ' ', Value), opt("paginate", ' ', Nothing),
    opt("file", 'f', Value), opt("param", ' ', Value), opt("param-json", ' ', Value),
    opt("page-size", ' ', Value), opt("max-items", ' ', Value), opt("one-page", ' ', Nothing),
    opt("query", ' ', Value), opt("shard", ' ', Value), opt("order", ' ', Nothing), opt("strip-system", ' ', Nothing),
    opt("continuation", ' ', Value), opt("parallel", ' ', Value), opt("metrics", ' ', Nothing),
    opt("mode", ' ', Value), opt("concurrency", ' ', Value), opt("max-rus", ' ', Value),
    opt("errors", ' ', Value), opt("on-error", ' ', Value),
    opt("plane", ' ', Value), opt("audience", ' ', Value), opt("raw", ' ', Nothing), opt("auth-header", ' ', Nothing),
    opt("role", ' ', Value), opt("principal", ' ', Value), opt("scope", ' ', Value),
    opt("revoke", ' ', Nothing), opt("wait", ' ', Value),
    opt("location", ' ', Value), opt("serverless", ' ', Nothing), opt("free-tier", ' ', Nothing),
    opt("disable-local-auth", ' ', Nothing), opt("kind", ' ', Value), opt("to", ' ', Value),
    opt("principal-type", ' ', Value),
    opt("sandbox", ' ', Nothing), opt("live", ' ', Nothing), opt("step", ' ', Value), opt("format", ' ', Value),
    opt("nested", ' ', Nothing),
    opt("only", ' ', Value), opt("probe-write", ' ', Nothing),
    opt("port", ' ', Value), opt("partitions", ' ', Value), opt("regions", ' ', Value), opt("multi-write", ' ', Nothing),
    opt("fault", ' ', Value),
    opt("host", ' ', Value), opt("azure-role", ' ', Value), opt("ragged-pages", ' ', Value),
];

/// What was said: the words in order, the options in order, and what stood behind `--`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Args {
    /// The noun, the verb and what they are about.
    pub words: Vec<String>,
    /// Each option given, with its value.
    pub options: Vec<(&'static str, Option<String>)>,
    /// Everything behind `--`, as it came.
    pub rest: Vec<OsString>,
}

impl Args {
    /// Reads the words of the command line, without the program's name.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Args, Error> {
        let mut words: VecDeque<OsString> = words.into_iter().collect();
        let mut args = Args::default();
        while let Some(word) = words.pop_front() {
            if word == "--" {
                args.rest.extend(words);
                return Ok(args);
            }
            let word = text(word)?;
            match word.strip_prefix('-') {
                Some(letters) if !letters.is_empty() => args.option(&word, &mut words)?,
                _ => args.words.push(word),
            }
        }
        Ok(args)
    }

    fn option(&mut self, word: &str, words: &mut VecDeque<OsString>) -> Result<(), Error> {
        let (name, given) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None => (word, None),
        };
        let opt = find(name).ok_or_else(|| unknown(name))?;
        let value = match (opt.takes, given) {
            (Takes::Nothing, Some(_)) => {
                return Err(Error::usage(format!("{name} takes no value")));
            }
            (Takes::Nothing, None) | (Takes::Maybe, None) => None,
            (_, Some(value)) => Some(value),
            (Takes::Value, None) => {
                let value = words.pop_front();
                let missing = || Error::usage(format!("{name} needs a value"));
                Some(text(value.ok_or_else(missing)?)?)
            }
        };
        self.options.push((opt.name, value));
        Ok(())
    }

    /// All options as they were given.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        let options = self.options.iter();
        options.map(|(name, value)| (*name, value.as_deref()))
    }

    /// Whether an option was given.
    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(given, _)| *given == name)
    }

    /// The value of an option; the last one where it was given more than once.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).last().copied()
    }

    /// All values of an option that may be repeated.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let given = self.options.iter().filter(|(given, _)| *given == name);
        given.filter_map(|(_, value)| value.as_deref()).collect()
    }
}

/// The option a word names: `--name` or `-n`.
pub fn find(word: &str) -> Option<&'static Opt> {
    let all = || EVERYWHERE.iter().chain(SOMEWHERE);
    match word.strip_prefix("--") {
        Some(name) => all().find(|opt| opt.name == name),
        None => {
            let mut letters = word.chars().skip(1);
            let letter = letters.next().filter(|_| letters.next().is_none())?;
            all().find(|opt| opt.letter == letter && letter != ' ')
        }
    }
}

fn unknown(word: &str) -> Error {
    let all = EVERYWHERE.iter().chain(SOMEWHERE);
    let near = nearest(word.trim_start_matches('-'), all.map(|opt| opt.name));
    let hint = near.map_or(String::new(), |name| format!("; did you mean --{name}?"));
    Error::usage(format!("unknown option {word}{hint}"))
}

/// Other words for the same.
const ALIASES: &[(&str, &str)] = &[("db", "database"), ("get", "read"), ("remove", "delete")];

/// The word a command is called by, for another word for the same.
pub fn plain(word: &str) -> &str {
    let alias = ALIASES.iter().find(|(other, _)| *other == word);
    alias.map_or(word, |(_, plain)| plain)
}

/// A word as text.
pub fn text(word: OsString) -> Result<String, Error> {
    word.into_string().map_err(|word| {
        let shown = word.to_string_lossy().into_owned();
        Error::usage(format!("the argument {shown:?} is not UTF-8"))
    })
}

/// The known word nearest to a mistyped one, if any is near.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let close = |name: &&str| name.starts_with(word) && word.len() > 2;
    let ranked = known.map(|name| {
        (
            if close(&name) {
                1
            } else {
                distance(word, name)
            },
            name,
        )
    });
    let (distance, name) = ranked.min_by_key(|(distance, _)| *distance)?;
    (distance <= 2.max(word.len() / 3)).then_some(name)
}

/// Levenshtein distance.
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (cell, b) in row.iter_mut().skip(1).zip(&two) {
            let replace = diagonal + usize::from(a != *b);
            diagonal = *cell;
            left = replace.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::*;

    fn parse(line: &str) -> Result<Args, Error> {
        Args::parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn options_stand_anywhere_and_values_may_begin_with_a_dash() {
        let args = parse("item -d shop read --id=-x -k - --explain").unwrap();
        assert_eq!(args.words, ["item", "read"]);
        assert_eq!(args.value("database-name"), Some("shop"));
        assert_eq!(args.value("id"), Some("-x"));
        assert_eq!(args.value("partition-key"), Some("-"));
        assert!(args.has("explain"));
    }

    #[test]
    fn two_dashes_end_the_options() {
        let args = parse("sandbox run -- ls --id").unwrap();
        assert_eq!(args.words, ["sandbox", "run"]);
        assert_eq!(args.rest, ["ls", "--id"]);
    }

    #[test]
    fn mistakes_are_named() {
        for (line, said) in [
            ("--databse-name x", "did you mean --database-name?"),
            ("--qiet", "did you mean --quiet?"),
            ("--yes=1", "--yes takes no value"),
            ("--id", "--id needs a value"),
            ("-xy", "unknown option -xy"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn the_nearest_word_counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(
            nearest("contaner", ["database", "container"].into_iter()),
            Some("container")
        );
        assert_eq!(nearest("zzz", ["database"].into_iter()), None);
    }
}
