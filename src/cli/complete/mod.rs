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
use entry::{Entry, alternatives, entries};

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
    match offers(&said, begun).concat().as_str() {
        "" => Ok(0),
        text => help::print(text),
    }
}

/// A command line as far as it goes.
#[derive(Default)]
struct Line<'a> {
    words: Vec<&'a str>,
    command: Option<&'static Command>,
    /// The option whose value comes next.
    open: Option<&'static Opt>,
    /// `--` has been said.
    over: bool,
}

fn read(said: &[String]) -> Line<'_> {
    let mut line = Line::default();
    for word in said {
        if line.open.take().is_some() {
            continue;
        }
        line.over |= word == "--";
        if line.over {
            break;
        }
        match word.strip_prefix('-') {
            None | Some("") => line.words.push(plain(word)),
            Some(_) if word.contains('=') => {}
            Some(_) => line.open = args::find(word).filter(|opt| opt.takes == Takes::Value),
        }
    }
    let named = |command: &&Command| {
        let mut words = command.words.split(' ').zip(&line.words);
        command.words.split(' ').count() <= line.words.len() && words.all(|(one, two)| one == *two)
    };
    line.command = COMMANDS.iter().find(named);
    line
}

/// A line for each word that may follow.
fn offers(said: &[String], begun: &str) -> Vec<String> {
    let line = read(said);
    let mut offers = Vec::new();
    let option = begun.split_once('=').filter(|_| begun.starts_with("--"));
    match (line.open, option) {
        _ if line.over => files("", &mut offers),
        (Some(opt), _) => values(&line, opt, "", begun, &mut offers),
        (None, Some((name, value))) => {
            if let Some(opt) = args::find(name).filter(|opt| opt.takes != Takes::Nothing) {
                values(&line, opt, &format!("{name}="), value, &mut offers);
            }
        }
        _ if begun.starts_with('-') => options(&line, &mut offers),
        _ => words(&line, &mut offers),
    }
    offers.retain(|offer| offer.starts_with(begun) || offer.starts_with('\t'));
    offers.dedup();
    offers
}

fn offer(word: &str, text: &str, offers: &mut Vec<String>) {
    let (text, _) = text.split_once(';').unwrap_or((text, ""));
    let tab = if text.is_empty() { "" } else { "\t" };
    offers.push([word, tab, text.trim(), "\n"].concat());
}

fn files(before: &str, offers: &mut Vec<String>) {
    offers.push(["\t", before, "\n"].concat());
}

/// The entries of the help, those of the command first.
fn known(line: &Line) -> Vec<Entry> {
    let own = line
        .command
        .and_then(|command| help::section(command.words));
    let mut all = entries(own.unwrap_or_default());
    all.extend(help::sections().flat_map(|(_, text)| entries(text)));
    all
}

fn options(line: &Line, offers: &mut Vec<String>) {
    let known = known(line);
    let own = line
        .command
        .map_or(&[] as &[&str], |command| command.options);
    for name in own
        .iter()
        .copied()
        .chain(EVERYWHERE.iter().map(|opt| opt.name))
    {
        let entry = known.iter().find(|e| e.name == name && e.speaks());
        let text = entry.map_or("", |entry| &entry.text);
        offer(&format!("--{name}"), text, offers);
    }
}

fn values(line: &Line, opt: &Opt, before: &str, begun: &str, offers: &mut Vec<String>) {
    let mut known = known(line);
    known.retain(|entry| entry.name == opt.name && !entry.value.is_empty());
    let Some(first) = known.first() else { return };
    let said = known.iter().find(|entry| entry.speaks()).unwrap_or(first);
    let mut words = first.words();
    if words.is_empty() {
        words = said.words();
    }
    if said.text.starts_with("one of these") {
        words = rows(line);
    }
    for word in words {
        offer(&[before, word].concat(), "", offers);
    }
    match (first.value.contains("@FILE"), begun.starts_with('@')) {
        (true, true) => files(&[before, "@"].concat(), offers),
        (true, false) => {}
        _ if first.value.contains("FILE") || first.value == "DIR" => files(before, offers),
        _ => {}
    }
}

/// What a command's help explains a line each: `  name, other name   what that is`.
fn rows(line: &Line) -> Vec<&'static str> {
    let text = line
        .command
        .and_then(|command| help::section(command.words));
    let lines = text.unwrap_or_default().lines();
    let heads = lines.filter_map(|line| Some(line.strip_prefix("  ")?.split_once("  ")?.0));
    let heads = heads.filter(|head| head.starts_with(|first: char| first.is_ascii_lowercase()));
    heads.flat_map(|head| head.split(", ")).collect()
}

/// The next word of the commands that begin with those said, or what a command is about.
fn words(line: &Line, offers: &mut Vec<String>) {
    let mut said = line.words.as_slice();
    let asks = said.first() == Some(&"help");
    if asks {
        said = said.get(1..).unwrap_or_default();
    }
    for command in COMMANDS {
        let mut rest = command.words.split(' ');
        if said.iter().all(|word| rest.next() == Some(word)) {
            let Some(word) = rest.next() else { continue };
            offer(word, &summary(command, said.is_empty()), offers);
        }
    }
    match (asks, said.is_empty(), line.command) {
        (true, true, _) => topics(offers),
        (false, true, _) => offer("help", "what a command takes, or a topic", offers),
        (false, _, Some(command)) => operands(command, said.len(), offers),
        _ => {}
    }
}

fn topics(offers: &mut Vec<String>) {
    let commands = |name: &str| {
        COMMANDS
            .iter()
            .any(|command| command.words.starts_with(name))
    };
    let sections = help::sections().skip(1);
    let names = sections.filter_map(|(heading, _)| heading.split(", ").next());
    for name in names.filter(|name| !commands(name)) {
        offer(name, "", offers);
    }
    for topic in topics::all() {
        offer(topic.name, topic.title, offers);
    }
}

/// What the overview says of a noun; what a verb sends.
fn summary(command: &Command, noun: bool) -> String {
    let noun = noun.then(|| command.words.split(' ').next()).flatten();
    let overview = help::section("rawcosmos").unwrap_or_default();
    let row = overview.lines().find_map(|line| {
        let (words, text) = line.strip_prefix("  ")?.split_once("  ")?;
        (words.split(' ').next() == noun).then_some(text.trim())
    });
    let sent = help::section(command.words).and_then(|text| text.lines().nth(1));
    let sent = sent.unwrap_or_default().trim_matches([' ', '[', ']']);
    let (text, _) = row
        .unwrap_or(sent)
        .split_once("  ")
        .unwrap_or((row.unwrap_or(sent), ""));
    text.to_string()
}

/// Words that the first line of a command's help lists, as `api arm|data METHOD PATH` does.
fn operands(command: &Command, said: usize, offers: &mut Vec<String>) {
    let text = help::section(command.words).unwrap_or_default();
    let usage = text.lines().next().unwrap_or_default();
    let operands = usage.split(' ').skip(1);
    let operands = operands.take_while(|word| !word.trim_start_matches('[').starts_with('-'));
    let operand = operands.skip(said).next().unwrap_or_default();
    for word in alternatives(operand) {
        offer(word, "", offers);
    }
    if operand.contains("FILE") {
        files("", offers);
    }
}
