//! `completions`: what may follow on a command line, from the tables of commands and options and from their help.
//!
//! The script of a shell asks `rawcosmos completions SHELL -- WORDS… =BEGUN`, and gets a line for each word there may be:
//! the word, and behind a tab what it means. A line that begins with a tab means files, behind what follows the tab.

pub mod entry;

use super::args::{self, EVERYWHERE, Opt, Takes};
use super::commands::{COMMANDS, Command, plain};
use super::explain::topics;
use super::help;
use super::settings::Settings;
use crate::error::Error;
use crate::show::Mask;
use entry::{Entry, alternatives, entries, rows};

const SCRIPTS: &[(&str, &str)] = &[
    ("bash", include_str!("rawcosmos.bash")),
    ("zsh", include_str!("rawcosmos.zsh")),
    ("fish", include_str!("rawcosmos.fish")),
    ("powershell", include_str!("rawcosmos.ps1")),
];

/// `completions bash|zsh|fish|powershell [-- WORDS… =BEGUN]`: the script, or what may follow.
pub fn run(settings: &Settings, _: &Mask, shell: &[String]) -> Result<u8, Error> {
    let script = SCRIPTS.iter().find(|(name, _)| shell == [*name]);
    let Some((_, script)) = script else {
        return Err(Error::usage(
            "for which shell? bash, zsh, fish or powershell",
        ));
    };
    let said = settings.args().rest.iter();
    let mut said: Vec<String> = said.map(|w| w.to_string_lossy().into_owned()).collect();
    let Some(begun) = said.pop() else {
        return help::print(script);
    };
    let begun = begun.strip_prefix('=').unwrap_or(&begun);
    let mut offers = Offers {
        begun,
        out: String::new(),
    };
    follow(&read(&said), &mut offers);
    match offers.out.as_str() {
        "" => Ok(0),
        text => help::print(text),
    }
}

/// What may follow, a line each.
struct Offers<'a> {
    begun: &'a str,
    out: String,
}

impl Offers<'_> {
    /// A word that goes on from what is begun, and what it means.
    fn word(&mut self, before: &str, word: &str, text: &str) {
        let (text, _) = text.split_once(';').unwrap_or((text, ""));
        let tab = if text.is_empty() { "" } else { "\t" };
        let line = [before, word, tab, text.trim(), "\n"].concat();
        if line.starts_with(self.begun) && !self.out.ends_with(&line) {
            self.out.push_str(&line);
        }
    }

    fn files(&mut self, before: &str, mark: &str) {
        self.out.push_str(&["\t", before, mark, "\n"].concat());
    }
}

/// A command line as far as it goes.
#[derive(Default)]
struct Line {
    /// Its words that are no options, each with a blank behind it.
    words: String,
    command: Option<&'static Command>,
    /// The option whose value comes next.
    open: Option<&'static Opt>,
    /// `--` has been said.
    over: bool,
}

impl Line {
    /// The help on its command.
    fn help(&self) -> &'static str {
        let text = self
            .command
            .and_then(|command| help::section(command.words));
        text.unwrap_or_default()
    }

    /// The entries of the help, those of its command first.
    fn entries(&self) -> Vec<Entry> {
        let mut all = Vec::new();
        entries(self.help(), &mut all);
        for (_, text) in help::sections() {
            entries(text, &mut all);
        }
        all
    }
}

fn read(said: &[String]) -> Line {
    let mut line = Line::default();
    for word in said {
        if line.open.take().is_some() {
            continue;
        }
        line.over |= word == "--";
        if line.over {
            break;
        }
        if word.len() < 2 || !word.starts_with('-') {
            line.words.push_str(plain(word));
            line.words.push(' ');
        } else if !word.contains('=') {
            line.open = args::find(word).filter(|opt| opt.takes == Takes::Value);
        }
    }
    let behind = |command: &&Command| line.words.strip_prefix(command.words);
    let named = |command: &&Command| behind(command).is_some_and(|rest| rest.starts_with(' '));
    line.command = COMMANDS.iter().find(named);
    line
}

fn follow(line: &Line, offers: &mut Offers) {
    let begun = offers.begun;
    let option = begun.split_once('=').filter(|_| begun.starts_with("--"));
    match (line.open, option) {
        _ if line.over => offers.files("", ""),
        (Some(opt), _) => values(line, opt, "", offers),
        (None, Some((name, _))) => {
            if let Some(opt) = args::find(name).filter(|opt| opt.takes != Takes::Nothing) {
                values(line, opt, &[name, "="].concat(), offers);
            }
        }
        _ if begun.starts_with('-') => options(line, offers),
        _ => words(line, offers),
    }
}

fn options(line: &Line, offers: &mut Offers) {
    let known = line.entries();
    let mut option = |name: &str| {
        let entry = known.iter().find(|e| e.name == name && e.speaks());
        offers.word("--", name, entry.map_or("", |entry| &entry.text));
    };
    for name in line
        .command
        .map_or(&[] as &[&str], |command| command.options)
    {
        option(name);
    }
    for opt in EVERYWHERE {
        option(opt.name);
    }
}

fn values(line: &Line, opt: &Opt, before: &str, offers: &mut Offers) {
    let mut known = line.entries();
    known.retain(|entry| entry.name == opt.name && !entry.value.is_empty());
    let Some(first) = known.first() else { return };
    let said = known.iter().find(|entry| entry.speaks()).unwrap_or(first);
    let mut words = Vec::new();
    alternatives(first.value, &mut words);
    if said.text.starts_with("one of these") {
        rows(line.help(), &mut words);
    } else if words.is_empty() {
        said.words(&mut words);
    }
    for word in words {
        offers.word(before, word, "");
    }
    let marked = offers
        .begun
        .get(before.len()..)
        .is_some_and(|value| value.starts_with('@'));
    if first.value.contains("@FILE") {
        if marked {
            offers.files(before, "@");
        }
    } else if first.value.contains("FILE") || first.value == "DIR" {
        offers.files(before, "");
    }
}

/// The next word of the commands that begin with those said, or what a command is about.
fn words(line: &Line, offers: &mut Offers) {
    let asks = line.words.strip_prefix("help ");
    let said = asks.unwrap_or(&line.words);
    for command in COMMANDS {
        if let Some(rest) = command.words.strip_prefix(said) {
            let (word, _) = rest.split_once(' ').unwrap_or((rest, ""));
            offers.word("", word, summary(command, said.is_empty()));
        }
    }
    match (asks, line.command) {
        (Some(""), _) => topics(offers),
        (None, None) if said.is_empty() => {
            offers.word("", "help", "what a command takes, or a topic");
        }
        (None, Some(_)) => operands(line, offers),
        _ => {}
    }
}

fn topics(offers: &mut Offers) {
    for (heading, _) in help::sections().skip(1) {
        let (name, _) = heading.split_once(", ").unwrap_or((heading, ""));
        if !COMMANDS
            .iter()
            .any(|command| command.words.starts_with(name))
        {
            offers.word("", name, "");
        }
    }
    for topic in topics::all() {
        offers.word("", topic.name, topic.title);
    }
}

/// What the overview says of a noun; what a verb sends.
fn summary(command: &Command, noun: bool) -> &'static str {
    let (first, _) = command.words.split_once(' ').unwrap_or((command.words, ""));
    for line in help::section("rawcosmos").unwrap_or_default().lines() {
        let row = line
            .strip_prefix("  ")
            .and_then(|line| line.split_once("  "));
        let Some((words, text)) = row.filter(|_| noun) else {
            continue;
        };
        if words.split(' ').next() == Some(first) {
            let text = text.trim();
            return text.split_once("  ").unwrap_or((text, "")).0;
        }
    }
    let text = help::section(command.words).unwrap_or_default();
    text.lines()
        .nth(1)
        .unwrap_or_default()
        .trim_matches([' ', '[', ']'])
}

/// Words that the first line of a command's help lists before any option, as `api arm|data METHOD PATH` does.
fn operands(line: &Line, offers: &mut Offers) {
    let usage = line.help().lines().next().unwrap_or_default();
    let (usage, _) = usage.split_once('-').unwrap_or((usage, ""));
    let said = line.words.matches(' ').count();
    let operand = usage.split(' ').nth(1 + said).unwrap_or_default();
    let mut words = Vec::new();
    alternatives(operand, &mut words);
    for word in words {
        offers.word("", word, "");
    }
    if operand.contains("FILE") {
        offers.files("", "");
    }
}
