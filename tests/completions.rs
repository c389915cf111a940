//! What a shell completes, asked of the program and of the shells themselves; and the manual page.
//!
//! Bash must be there. Of zsh, fish, groff and mandoc those are asked that are; `RAWCOSMOS_TEST_TOOLS` names the ones that
//! must be.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process;

use rawcosmos::cli::args::{Args, EVERYWHERE, SOMEWHERE, Takes};
use rawcosmos::cli::commands::{self, COMMANDS, Command};
use rawcosmos::cli::explain::exits::CODES;
use support::lines::{CONVERSATIONS, OTHERS, toward};
use support::{BINARY, Run, words};

/// What may follow words and a word begun, as the scripts ask.
fn offers(said: &str, begun: &str) -> Vec<String> {
    let mut line = words("completions fish --");
    line.extend(words(said));
    line.push(format!("={begun}"));
    let answer = Run::new(line).go().ok();
    assert_eq!(answer.err, "");
    answer.out.lines().map(str::to_owned).collect()
}

/// The words alone, without files.
fn offered(said: &str, begun: &str) -> Vec<String> {
    let lines = offers(said, begun).into_iter();
    let words = lines.filter(|line| !line.starts_with('\t'));
    words
        .map(|line| line.split('\t').next().unwrap().to_owned())
        .collect()
}

fn parsed(line: &str) -> Result<&'static str, String> {
    let args = Args::parse(words(line).into_iter().map(OsString::from));
    let found = args.and_then(|args| commands::find(&args).map(|(command, _)| command.words));
    found.map_err(|e| e.to_string())
}

// ---- What is offered

/// Every way through the words ends at a command, and every command has one.
#[test]
fn words_lead_to_commands_and_to_all_of_them() {
    let mut reached = BTreeSet::new();
    for noun in offered("", "").iter().filter(|word| *word != "help") {
        match parsed(noun) {
            Ok(command) => drop(reached.insert(command)),
            Err(_) => reached.extend(
                offered(noun, "")
                    .iter()
                    .map(|verb| parsed(&format!("{noun} {verb}")).unwrap()),
            ),
        }
    }
    assert_eq!(reached, COMMANDS.iter().map(|c| c.words).collect());
    assert_eq!(offered("db", ""), offered("database", ""));
    assert_eq!(offered("", "da"), ["database"]);
    assert_eq!(offered("no such", ""), [""; 0]);
}

#[test]
fn help_is_offered_for_what_it_has() {
    let topics = offered("help", "");
    for topic in &topics {
        Run::line(&format!("help {topic}")).go().ok();
        for verb in offered(&format!("help {topic}"), "") {
            assert!(parsed(&format!("{topic} {verb}")).is_ok(), "{topic} {verb}");
        }
    }
    for topic in ["options", "environment", "exit-codes", "item", "token"] {
        assert!(topics.iter().any(|known| known == topic), "{topic}");
    }
}

/// The options of a command are those that it takes, no more and no fewer, and each says what it is.
#[test]
fn options_are_those_of_the_command() {
    for command in COMMANDS {
        let everywhere = EVERYWHERE.iter().map(|opt| opt.name);
        let all = command.options.iter().copied().chain(everywhere);
        let known: BTreeSet<String> = all.map(|name| format!("--{name}")).collect();
        let lines = offers(command.words, "--");
        for line in &lines {
            let (option, text) = line
                .split_once('\t')
                .unwrap_or_else(|| panic!("{}: {line} says nothing", command.words));
            assert!(text.len() > 3, "{}: {line}", command.words);
            let value = if takes(option) == Takes::Value {
                " 1"
            } else {
                ""
            };
            assert_eq!(
                parsed(&format!("{} {option}{value}", command.words)),
                Ok(command.words)
            );
        }
        let offered = lines.iter().map(|l| l.split('\t').next().unwrap().into());
        assert_eq!(offered.collect::<BTreeSet<String>>(), known);
    }
}

fn takes(option: &str) -> Takes {
    let mut all = EVERYWHERE.iter().chain(SOMEWHERE);
    let opt = all.find(|opt| format!("--{}", opt.name) == option);
    opt.unwrap().takes
}

/// The options of a command whose values are known, and these; of those that all commands take once only.
fn lists(command: &Command) -> BTreeMap<&'static str, Vec<String>> {
    let everywhere = EVERYWHERE.iter().map(|opt| opt.name);
    let everywhere = everywhere.filter(|_| command.words == "whoami");
    let options = command.options.iter().copied().chain(everywhere);
    let lists = options.map(|option| {
        let values = offered(command.words, &format!("--{option}="));
        let short = |value: &String| value.rsplit('=').next().unwrap().to_owned();
        if takes(&format!("--{option}")) == Takes::Value {
            let apart = offered(&format!("{} --{option}", command.words), "");
            assert_eq!(apart, values.iter().map(short).collect::<Vec<_>>());
        }
        (option, values)
    });
    lists.filter(|(_, values)| !values.is_empty()).collect()
}

/// Lines that carry a command out without sending anything.
fn lines_of(command: &Command) -> Vec<String> {
    let more = ["grant --role operator --principal 00000000-0000-4000-8000-000000000001"];
    let lines = CONVERSATIONS.iter().chain(OTHERS).chain(&more);
    let lines = lines.filter(|line| parsed(line) == Ok(command.words) && !line.contains("tour"));
    let keyed = command.options.contains(&"partition-key");
    let lines = lines.map(|line| match line.split_once(" -- ") {
        Some((before, _)) => before.to_owned(),
        // Else the container is asked for the path of the key first.
        None if keyed && !line.contains(" -k ") => format!("{line} -k a --dry-run"),
        None => format!("{line} --dry-run"),
    });
    lines.collect()
}

/// What the program says when it is given this, without the word that matters.
fn said_of(line: &str, option: &str) -> String {
    let rest = if line.starts_with("sandbox run") {
        " -- /usr/bin/env true"
    } else {
        ""
    };
    let run = Run::line(&format!("{line} {option}{rest}"));
    let ran = toward("http://127.0.0.1:1", run).go();
    let word = option.rsplit('=').next().unwrap();
    format!("{} {}{}", ran.code, ran.out, ran.err).replace(word, "WORD")
}

/// Every value that is offered is one that the program knows: of one it does not know it says something else.
#[test]
fn values_are_known_ones() {
    let mut tried = BTreeSet::new();
    for command in COMMANDS {
        for (option, values) in lists(command) {
            for line in lines_of(command) {
                let unknown = said_of(&line, &format!("--{option}=unheard-of"));
                for value in &values {
                    let known = said_of(&line, value);
                    // A rehearsal may end before it gets there.
                    let early = known == unknown && known.starts_with("0 ");
                    assert!(early || known != unknown, "{line} {value}: {known}");
                    if !early {
                        tried.insert(format!("{option} {}", value.rsplit('=').next().unwrap()));
                    }
                }
            }
        }
    }
    let all = COMMANDS
        .iter()
        .flat_map(lists)
        .filter(|(option, _)| *option != "format");
    for (option, values) in all {
        for value in values {
            let value = value.rsplit('=').next().unwrap();
            assert!(
                tried.contains(&format!("{option} {value}")),
                "{option} {value}"
            );
        }
    }
    for value in offered("tour", "--format=") {
        Run::line(&format!("tour --sandbox --step 1 {value}"))
            .go()
            .ok();
    }
    assert!(tried.len() > 50, "{tried:?}");
}

#[test]
fn the_values_of_some_options() {
    for (said, begun, values) in [
        ("item read -o", "", "json ndjson table csv tsv raw none"),
        (
            "query",
            "--trace=",
            "--trace=url --trace=headers --trace=body --trace=json",
        ),
        ("api", "", "arm data"),
        ("api data", "", ""),
        ("completions", "", "bash zsh fish powershell"),
        ("container update -d a --ttl", "", "off"),
        ("query -k --output -o", "n", "ndjson none"),
        ("grant --role", "data", "data-reader data-contributor"),
        ("item read --quiet=", "", ""),
        ("item create --minimal", "--out", "--output"),
        ("token", "--raw=", ""),
        ("token", "--no-such=", ""),
    ] {
        assert_eq!(offered(said, begun).join(" "), values, "{said} {begun}");
    }
}

#[test]
fn files_are_offered_where_files_are_meant() {
    for (said, begun, files) in [
        ("query -f", "", "\t"),
        ("query", "--file=", "\t--file="),
        ("item create -b", "", ""),
        ("item create -b", "{", ""),
        ("item create -b", "@it", "\t@"),
        ("item create", "--body=@", "\t--body=@"),
        ("account list --cacert", "/", "\t"),
        ("account list --arc-key-directory", "", "\t"),
        ("account list --account-name", "", ""),
        ("sandbox run --", "", "\t"),
    ] {
        assert_eq!(offers(said, begun).join("\n"), files, "{said} {begun}");
    }
}

#[test]
fn nothing_is_said_that_is_no_answer() {
    for line in ["completions", "completions tcsh", "completions bash zsh"] {
        Run::line(line).go().ends(2).prints("");
    }
    // Whatever stands on the line, asking about it is no failure.
    for said in [
        "--",
        "-",
        "--no-such x",
        "query --param",
        "item '' -d",
        "-- -- --",
    ] {
        let mut line = words("completions bash --");
        line.extend(words(said));
        Run::new(line).go().ok();
    }
}

// ---- The shells

fn is_here(tool: &str) -> bool {
    let named = std::env::var("RAWCOSMOS_TEST_TOOLS").unwrap_or_default();
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let here = std::env::split_paths(&paths).any(|path| path.join(tool).is_file());
    let must = tool == "bash" || named.split(' ').any(|name| name == tool);
    assert!(here || !must, "{tool} is not here");
    if !here {
        println!("{tool} is not here, and was not asked");
    }
    here
}

/// A folder with two files and a folder in it, to be completed.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(folder.join("items.d")).unwrap();
    for file in ["items.json", "other.sql"] {
        std::fs::write(folder.join(file), "").unwrap();
    }
    folder
}

/// Runs a script in a shell that finds the program, and returns what it prints.
fn shell(program: &[&str], script: &str) -> String {
    let own = Path::new(BINARY).parent().unwrap().to_path_buf();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(own).chain(std::env::split_paths(&others));
    let mut command = process::Command::new("timeout");
    command.arg("30").args(program).arg(script).env_clear();
    command.env("PATH", std::env::join_paths(all).unwrap());
    command.env("LC_ALL", "C.UTF-8").env("TERM", "dumb");
    command.env("HOME", env!("CARGO_TARGET_TMPDIR"));
    let ran = command.current_dir(folder(program[0])).output().unwrap();
    let err = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success() && err.is_empty(),
        "{script}\n{}\n{err}",
        String::from_utf8_lossy(&ran.stdout)
    );
    String::from_utf8(ran.stdout).unwrap()
}

const VERBS: &str = "batch create delete patch read replace upsert";

/// A line, and what may stand in the place of its last word.
const LINES: &[(&str, &str)] = &[
    ("rawcosmos da", "database"),
    ("rawcosmos item ", VERBS),
    ("rawcosmos item create --mini", "--minimal"),
    ("rawcosmos query 'SELECT * FROM c' --metr", "--metrics"),
    ("rawcosmos -o ", "csv json ndjson none raw table tsv"),
    ("rawcosmos query --output=t", "--output=table --output=tsv"),
    ("rawcosmos help exit", "exit-codes"),
    ("rawcosmos item create -b @items.j", "@items.json"),
    (
        "rawcosmos item create --body=@items.j",
        "--body=@items.json",
    ),
    ("rawcosmos database frobnicate ", ""),
];

fn sorted(printed: &str) -> String {
    let mut words: Vec<&str> = printed.split_whitespace().collect();
    words.sort_unstable();
    words.join(" ")
}

/// Bash is handed the line as it hands it to the function; where it completes files itself, it is told so.
#[test]
fn bash_completes() {
    assert!(is_here("bash"));
    let ask = |line: &str, word: &str| {
        let script = format!(
            r#"source <(rawcosmos completions bash)
            complete -p rawcosmos | grep -q -- '-F _rawcosmos' || exit 1
            compopt() {{ told="$*"; }}
            COMP_LINE={line}; COMP_POINT=${{#COMP_LINE}}
            _rawcosmos rawcosmos {word} x
            printf '%s\n' "${{COMPREPLY[@]}}" "$told""#,
            line = quoted(line),
            word = quoted(word),
        );
        sorted(&shell(&["bash", "--norc", "-c"], &script))
    };
    for (line, words) in LINES {
        let last = line.rsplit(' ').next().unwrap();
        assert_eq!(ask(line, last), *words, "{line}");
        // Bash replaces what stands behind = alone.
        if let Some((before, value)) = last.split_once('=') {
            let short = words.replace(&format!("{before}="), "");
            assert_eq!(ask(line, value), short, "{line}");
        }
    }
    assert_eq!(ask("rawcosmos query -f oth", "oth"), "-o default");
    assert_eq!(
        ask("rawcosmos item create -b @items.d", "items.d"),
        "-o items.d/ nospace"
    );
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[test]
fn fish_completes() {
    if !is_here("fish") {
        return;
    }
    let ask = |line: &str| {
        let line = line.replace('\\', r"\\").replace('\'', r"\'");
        let script = format!(
            "rawcosmos completions fish | source; complete -C '{line}' | string replace -r '\\t.*' ''; true"
        );
        sorted(&shell(&["fish", "--no-config", "-c"], &script))
    };
    for (line, words) in LINES {
        assert_eq!(ask(line), *words, "{line}");
    }
    assert_eq!(ask("rawcosmos query -f oth"), "other.sql");
    assert_eq!(ask("rawcosmos query --file=oth"), "--file=other.sql");
}

/// A real terminal: the line is typed, the key is pressed, and what must appear is waited for.
#[test]
fn zsh_completes() {
    if !is_here("zsh") {
        return;
    }
    let typed = [
        ("rawcosmos da", "database "),
        ("rawcosmos item ", "upsert*data plane"),
        ("rawcosmos item create --mini", "mal "),
        ("rawcosmos query 'SELECT * FROM c' --metr", "ics "),
        ("rawcosmos -o ", "ndjson"),
        ("rawcosmos query --output=t", "--output=tsv"),
        ("rawcosmos help exit", "-codes "),
        ("rawcosmos item create -b @items.j", "son "),
        ("rawcosmos item create --body=@items.j", "son "),
        ("rawcosmos query -f oth", "er.sql "),
        ("rawcosmos query --file=oth", "er.sql "),
    ];
    let steps = typed.map(|(line, shown)| {
        format!(
            "zpty -w -n z {line}$'\\t'; zpty -r -m z out {shown}; zpty -w -n z $'\\C-u'; zpty -w z 'echo over; echo'; zpty -r -m z out $'*over\\r\\n*'\n",
            line = quoted(line),
            shown = quoted(&format!("*{shown}*")),
        )
    });
    let script = format!(
        "zmodload zsh/zpty; zpty z zsh -f -i\nzpty -w z 'PS1=; stty columns 150; autoload -U compinit; compinit -u -D; source <(rawcosmos completions zsh); echo begin; echo'\nzpty -r -m z out $'*begin\\r\\n*'\n{}zpty -d z\n",
        steps.concat()
    );
    shell(&["zsh", "-f", "-c"], &script);
    // Where it lies in a folder of functions, its first use is its definition.
    let folder = folder("zsh-functions");
    let script = Run::line("completions zsh").go().ok().out;
    std::fs::write(folder.join("_rawcosmos"), script).unwrap();
    let autoload = format!(
        "zmodload zsh/zpty; zpty z zsh -f -i\nzpty -w z 'PS1=; fpath=({} $fpath); autoload -U compinit; compinit -u -D; echo begin; echo'\nzpty -r -m z out $'*begin\\r\\n*'\nzpty -w -n z 'rawcosmos da'$'\\t'; zpty -r -m z out '*database *'; zpty -d z",
        quoted(folder.to_str().unwrap())
    );
    shell(&["zsh", "-f", "-c"], &autoload);
}

// ---- The manual page

#[test]
fn the_manual_has_everything() {
    let page = Run::line("man").go().ok().out;
    assert!(page.is_ascii());
    let plain = page.replace("\\-", "-");
    for heading in [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "COMMANDS",
        "OPTIONS",
        "ENVIRONMENT",
        "EXIT STATUS",
    ] {
        assert!(plain.contains(&format!("\n.SH {heading}\n")), "{heading}");
    }
    for command in COMMANDS {
        assert!(
            plain.contains(&format!("\n.SS {}\n", command.words)),
            "{}",
            command.words
        );
    }
    for opt in EVERYWHERE.iter().chain(SOMEWHERE) {
        assert!(plain.contains(&format!("--{}", opt.name)), "{}", opt.name);
    }
    for (code, text) in CODES {
        assert!(plain.contains(&format!("{code}  {text}")), "{code}");
    }
    // What troff would take for a request of its own.
    for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
        let request = line.split(' ').next().unwrap();
        let known = [
            ".TH", ".SH", ".SS", ".TP", ".PP", ".nf", ".fi", ".ad", ".nh",
        ];
        assert!(known.contains(&request), "{line}");
    }
}

#[test]
fn the_manual_is_set_without_a_warning() {
    let page = support::Scratch::new(&Run::line("man").go().ok().out);
    if is_here("groff") {
        let printed = shell(&["groff", "-ww", "-man", "-Tutf8"], page.path());
        assert!(printed.contains("RAWCOSMOS(1)"));
        assert!(printed.contains("[OPTION]…"));
    }
    if is_here("mandoc") {
        let complaints = process::Command::new("mandoc")
            .args(["-Tlint", "-W", "warning", page.path()])
            .output()
            .unwrap();
        let complaints = String::from_utf8(complaints.stdout).unwrap();
        // The page is the same whenever it is made, so it has no date.
        let others = complaints
            .lines()
            .filter(|line| !line.contains("missing date"));
        assert_eq!(others.collect::<Vec<_>>(), [""; 0]);
    }
}
