//! The commands: one table says their words, their options and what they do.

pub mod account;
pub mod api;
mod azure_grant;
pub mod batch;
pub mod change;
pub mod changes;
pub mod container;
pub mod database;
mod difference;
pub mod export;
pub mod grant;
pub mod group;
pub mod identity;
pub mod import;
pub mod input;
pub mod item;
pub mod many;
pub mod procedure;
pub mod query;
mod query_ranges;
pub mod ranges;
pub mod role;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod throughput;
mod trailer;

use super::args::{self, Args, EVERYWHERE, nearest, plain};
use super::doctor;
use super::explain::ask;
use super::output::Output;
use super::session::Session;
use super::settings::Settings;
use super::tour;
use super::{complete, man};
use crate::error::Error;
use crate::show::Mask;
pub use trailer::{Trailer, count};

/// A command: `rawcosmos NOUN VERB`.
pub struct Command {
    /// Noun and verb, or one word alone.
    pub words: &'static str,
    /// The options it takes besides those every command takes.
    pub options: &'static [&'static str],
    /// The most words that may follow.
    pub operands: usize,
    /// What it does.
    pub work: Work,
}

/// How a command is carried out.
#[derive(Clone, Copy)]
pub enum Work {
    /// By itself; returns the exit code.
    Alone(fn(&Settings, &Mask, &[String]) -> Result<u8, Error>),
    /// Within a session.
    Session(fn(&Session, &mut Output, &[String]) -> Result<(), Error>),
    /// Within a session; returns the exit code.
    Verdict(fn(&Session, &mut Output, &[String]) -> Outcome),
}

/// An exit code, or an error that has its own.
pub type Outcome = Result<u8, Error>;

const fn command(
    words: &'static str,
    options: &'static [&'static str],
    operands: usize,
    work: Work,
) -> Command {
    Command {
        words,
        options,
        operands,
        work,
    }
}

use Work::{Alone, Session as InSession, Verdict};

/// All of them, in the order of the help.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    command("token", &["plane", "audience", "raw", "auth-header"], 0, InSession(identity::token)),
    command("whoami", &[], 0, InSession(identity::whoami)),
    command("account list", &[], 0, InSession(account::list)),
    command("account show", &["name"], 0, InSession(account::show)),
    command("account exists", &["name"], 0, InSession(account::exists)),
    command("account create", &["name", "location", "serverless", "free-tier", "disable-local-auth", "if-not-exists", "no-wait"], 0, InSession(account::create)),
    command("account delete", &["name", "no-wait"], 0, InSession(account::delete)),
    command("account keys", &["name", "kind", "raw"], 0, InSession(account::keys)),
    command("group create", &["name", "location", "if-not-exists"], 0, InSession(group::create)),
    command("group show", &["name"], 0, InSession(group::show)),
    command("group delete", &["name", "no-wait"], 0, InSession(group::delete)),
    command("database create", &["name", "throughput", "max-throughput", "if-not-exists", "no-wait"], 0, InSession(database::create)),
    command("database show", &["name"], 0, InSession(database::show)),
    command("database list", &[], 0, InSession(database::list)),
    command("database delete", &["name", "no-wait"], 0, InSession(database::delete)),
    command("container create", &["database-name", "name", "partition-key-path", "ttl", "idx", "unique-key-policy", "throughput", "max-throughput", "if-not-exists", "no-wait"], 0, InSession(container::create)),
    command("container update", &["database-name", "name", "ttl", "idx", "no-wait"], 0, InSession(container::update)),
    command("container show", &["database-name", "name", "quota"], 0, InSession(container::show)),
    command("container list", &["database-name"], 0, InSession(container::list)),
    command("container delete", &["database-name", "name", "no-wait"], 0, InSession(container::delete)),
    command("throughput show", &["database-name", "container-name"], 0, InSession(throughput::show)),
    command("throughput update", &["database-name", "container-name", "throughput", "max-throughput", "no-wait"], 0, InSession(throughput::update)),
    command("throughput migrate", &["database-name", "container-name", "to", "no-wait"], 0, InSession(throughput::migrate)),
    command("item create", &["database-name", "container-name", "body", "partition-key", "partition-key-json", "ttl", "indexing", "minimal", "any-id", "session-file"], 0, InSession(item::create)),
    command("item upsert", &["database-name", "container-name", "body", "partition-key", "partition-key-json", "ttl", "indexing", "minimal", "any-id", "if-match", "session-file"], 0, InSession(item::upsert)),
    command("item read", &["database-name", "container-name", "id", "keys", "self", "partition-key", "partition-key-json", "if-none-match", "consistency", "session-token", "session-file"], 0, InSession(item::read)),
    command("item replace", &["database-name", "container-name", "id", "body", "partition-key", "partition-key-json", "ttl", "indexing", "minimal", "if-match", "session-file", "any-id"], 0, InSession(item::replace)),
    command("item patch", &["database-name", "container-name", "id", "body", "partition-key", "partition-key-json", "set", "add", "replace", "remove", "incr", "move", "condition", "minimal", "if-match", "session-file"], 0, InSession(item::patch)),
    command("item delete", &["database-name", "container-name", "id", "self", "partition-key", "partition-key-json", "all-in-partition", "if-match", "session-file"], 0, InSession(item::delete)),
    command("item batch", &["database-name", "container-name", "body", "partition-key", "partition-key-json", "minimal", "session-token", "session-file", "any-id"], 0, InSession(batch::run)),
    command("query", &["database-name", "container-name", "file", "param", "param-json", "partition-key", "partition-key-json", "page-size", "max-items", "one-page", "continuation", "state", "parallel", "metrics", "consistency", "session-token", "session-file"], 1, InSession(query::run)),
    command("import", &["database-name", "container-name", "format", "id", "nested", "mode", "any-id", "state", "errors", "on-error", "concurrency", "max-rus", "shard", "partition-key-path"], 1, Verdict(import::run)),
    command("export", &["database-name", "container-name", "query", "file", "param", "param-json", "state", "shard", "order", "strip-system", "parallel", "page-size", "consistency", "session-token", "session-file"], 1, Verdict(export::run)),
    command("changes", &["database-name", "container-name", "partition-key", "partition-key-json", "from", "state", "follow", "page-size", "consistency", "session-token", "session-file"], 0, InSession(changes::run)),
    command("ranges", &["database-name", "container-name"], 0, InSession(ranges::run)),
    command("procedure execute", &["database-name", "container-name", "name", "args", "log", "partition-key", "partition-key-json"], 0, InSession(procedure::execute)),
    command("api", &["database-name", "container-name", "body", "header", "paginate", "any-id"], 3, InSession(api::run)),
    command("role list", &["plane", "principal"], 0, InSession(role::list)),
    command("role definitions", &["plane"], 0, InSession(role::definitions)),
    command("grant", &["role", "principal", "principal-type", "scope", "revoke", "wait"], 0, InSession(grant::run)),
    command("doctor", &["database-name", "container-name", "only", "probe-write"], 0, Verdict(doctor::run)),
    command("explain", &[], 3, Alone(ask::run)),
    command("tour", &["sandbox", "live", "step", "format", "database-name", "container-name"], 0, Alone(tour::run)),
    command("completions", &[], 1, Alone(complete::run)),
    command("man", &[], 0, Alone(man::run)),
    #[cfg(feature = "sandbox")]
    command("sandbox start", &["port", "host", "partitions", "regions", "ragged-pages", "fault", "azure-role"], 0, Alone(sandbox::start)),
    #[cfg(feature = "sandbox")]
    command("sandbox run", &["port", "host", "partitions", "regions", "ragged-pages", "fault", "azure-role"], 0, Alone(sandbox::run)),
];

/// The command that the words name, and the words that follow it.
pub fn find(args: &Args) -> Result<(&'static Command, Vec<String>), Error> {
    let words: Vec<&str> = args.words.iter().map(|word| plain(word)).collect();
    let named = |command: &&Command| {
        let wanted: Vec<&str> = command.words.split(' ').collect();
        words.starts_with(&wanted)
    };
    let Some(command) = COMMANDS.iter().find(named) else {
        return Err(unknown(&words));
    };
    let operands = args.words.get(command.words.split(' ').count()..);
    let mut operands = operands.unwrap_or_default().to_vec();
    if !matches!(command.words, "sandbox run" | "completions") {
        let behind = args.rest.iter().cloned().map(args::text);
        operands.extend(behind.collect::<Result<Vec<_>, _>>()?);
    }
    if let Some(extra) = operands.get(command.operands) {
        return Err(Error::usage(format!(
            "{} does not take {extra:?}",
            command.words
        )));
    }
    check_options(command, args)?;
    Ok((command, operands))
}

fn unknown(words: &[&str]) -> Error {
    if cfg!(not(feature = "sandbox")) && words.first() == Some(&"sandbox") {
        return Error::usage("this binary was built without the sandbox");
    }
    let said: Vec<&str> = words.iter().take(2).copied().collect();
    let said = said.join(" ");
    let nouns = COMMANDS.iter().map(|command| command.words);
    let verbs: Vec<&str> = nouns
        .clone()
        .filter(|known| known.split(' ').next() == words.first().copied())
        .collect();
    let hint = match (nearest(&said, nouns), verbs.is_empty()) {
        (Some(near), empty) if empty || words.len() > 1 => format!("; did you mean {near}?"),
        (_, false) => format!("; there are: {}", verbs.join(", ")),
        (_, true) => "; see rawcosmos help".to_string(),
    };
    Error::usage(format!("there is no command {said:?}{hint}"))
}

fn check_options(command: &Command, args: &Args) -> Result<(), Error> {
    for (name, _) in &args.options {
        let everywhere = EVERYWHERE.iter().any(|opt| opt.name == *name);
        if !everywhere && !command.options.contains(name) {
            return Err(Error::usage(format!(
                "--{name} is not an option of {}",
                command.words
            )));
        }
    }
    Ok(())
}

/// Asks before something is lost: `--yes`, or an answer typed at a terminal.
pub fn confirm(session: &Session, what: &str) -> Result<(), Error> {
    use std::io::IsTerminal;
    if session.settings.on("yes") || session.is_rehearsal() {
        return Ok(());
    }
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !terminal {
        return Err(Error::usage(format!("{what}? add --yes to say so")));
    }
    super::say::tell(&format!("{what}? Type yes to go on:"));
    match super::interrupt::line() {
        Some(answer) if answer.trim() == "yes" => Ok(()),
        _ => Err(Error::local("left as it was")),
    }
}

/// A secret on a terminal stays in its scrollback: `--yes`, or a pipe.
pub fn confirm_secret(session: &Session, what: &str) -> Result<(), Error> {
    use std::io::IsTerminal;
    if !std::io::stdout().is_terminal() || session.settings.on("yes") {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{what} on a terminal stays in its scrollback: add --yes if it shall"
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(line: &str) -> Result<(&'static str, Vec<String>), Error> {
        let args = Args::parse(line.split(' ').map(Into::into)).unwrap();
        find(&args).map(|(command, operands)| (command.words, operands))
    }

    #[test]
    fn what_stands_behind_two_dashes_is_no_option() {
        assert_eq!(
            found("query -- --x").unwrap(),
            ("query", vec!["--x".into()])
        );
        #[cfg(feature = "sandbox")]
        assert_eq!(found("sandbox run -- ls").unwrap(), ("sandbox run", vec![]));
        assert!(found("database list -- --x").is_err());
    }

    #[test]
    fn commands_have_other_names_and_no_others() {
        assert_eq!(found("db list").unwrap().0, "database list");
        assert_eq!(found("item get").unwrap().0, "item read");
        let error = found("item frobnicate").unwrap_err().to_string();
        assert!(error.contains("item create"), "{error}");
    }
}
