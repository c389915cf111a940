//! House rules. Each is a small function over the path and the text of a file, with an example that breaks it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What is wrong with a file, a sentence each.
type Complaints = Vec<String>;

struct Rule {
    check: fn(&str, &str) -> Complaints,
    /// A path, a text that breaks the rule there, and one that keeps it.
    example: (&'static str, &'static str, &'static str),
}

const RULES: &[Rule] = &[
    Rule {
        check: arrows,
        example: (
            "src/arm/accounts.rs",
            "use crate::{name, cosmos::items};",
            "use crate::{name, show::curl};",
        ),
    },
    Rule {
        check: arrows,
        example: (
            "src/cosmos/query/plan.rs",
            "use super::super::super::exchange::run;",
            "use super::super::items;",
        ),
    },
    Rule {
        check: arrows,
        example: (
            "src/sandbox/cosmos.rs",
            "fn f() { crate::cosmos::items::read() }",
            "use crate::cosmos::{effective_key, query::plan};",
        ),
    },
    Rule {
        check: arrows,
        example: (
            "src/main.rs",
            "use rawcosmos::exchange;",
            "fn main() { rawcosmos::cli::main() }",
        ),
    },
    Rule {
        check: sockets,
        example: (
            "src/cli/doctor.rs",
            "let s = TcpStream::connect(a)?;",
            "// like a TcpStream\nlet s = \"ureq::\";",
        ),
    },
    Rule {
        check: sockets,
        example: (
            "src/exchange/networks.rs",
            "let s = TcpStream::connect(a)?;",
            "let s = probe::Road::new(a)?;",
        ),
    },
    Rule {
        check: purity,
        example: (
            "src/identity/imds.rs",
            "let now = SystemTime::now();",
            "let now = clock;",
        ),
    },
    Rule {
        check: begins_with_a_sentence,
        example: ("src/a.rs", "use std::fs;\n", "//! The files.\n"),
    },
    Rule {
        check: no_panics,
        example: (
            "src/a.rs",
            "let a = b.unwrap();",
            "self.expect(Token::End)?;\n#[cfg(test)]\nmod tests { a.unwrap(); }",
        ),
    },
    Rule {
        check: no_panics,
        example: (
            "src/a.rs",
            "let a = b.expect(\"c\");",
            "let a = b.unwrap_or(\".expect(\");",
        ),
    },
    Rule {
        check: white_space,
        example: ("README.md", "a \nb\n", "a\n\n    b\n"),
    },
    Rule {
        check: white_space,
        example: ("src/a.rs", "\tfn a() {}\n", "fn a() {}\n"),
    },
    Rule {
        check: white_space,
        example: ("src/cli/help.txt", "no newline", "newline\n"),
    },
    Rule {
        check: operations_are_documented,
        example: (
            "src/cosmos/items.rs",
            "/// `GET /dbs/{db}`.\npub fn read(\n    a: A,\n) -> Call<T> {}\n",
            "/// `GET /dbs/{db}`, see <https://learn.microsoft.com/x>.\n#[must_use]\npub fn read(a: A) -> Call<T> {}\n",
        ),
    },
    Rule {
        check: one_system,
        example: (
            "src/cli/files.rs",
            "#[cfg(unix)]\nfn a() {}",
            "// on unix\nlet a = b.windows(2);",
        ),
    },
    Rule {
        check: one_system,
        example: (
            "src/sandbox/mod.rs",
            "use std::os::fd::AsFd;",
            "use super::os::link;\nuse crate::sandbox::os::{self, link};",
        ),
    },
    Rule {
        check: no_paths_of_one_machine,
        example: (
            "README.md",
            concat!("as found in /ho", "me/me/shared"),
            "as found in the shared folder",
        ),
    },
];

#[test]
fn the_house_is_tidy() {
    let mut complaints = Vec::new();
    for (path, text) in files("") {
        for rule in RULES {
            complaints.extend((rule.check)(&path, &text));
        }
    }
    complaints.sort();
    complaints.dedup();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_rule_can_be_broken_and_kept() {
    for (index, rule) in RULES.iter().enumerate() {
        let (path, broken, kept) = rule.example;
        assert!(
            !(rule.check)(path, broken).is_empty(),
            "rule {index} does not see {broken:?}"
        );
        assert_eq!(
            (rule.check)(path, kept),
            Complaints::new(),
            "rule {index} refuses {kept:?}"
        );
    }
}

// ---- Files and what is in them

/// Every text file of the project below a folder, by its path from the root.
fn files(below: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    let mut folders = vec![root.join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
        {
            let path = entry
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            if entry.is_dir() && !path.starts_with("target") && path != ".git" {
                folders.push(entry);
            } else if entry.is_file() && path != ".git" {
                found.insert(
                    path,
                    String::from_utf8_lossy(&fs::read(entry).unwrap()).into_owned(),
                );
            }
        }
    }
    found
}

/// Only the sources, and of those only what comes before the tests.
fn shipped<'a>(path: &str, text: &'a str) -> &'a str {
    let tests = path.ends_with("/tests.rs") || path.contains("/tests/");
    let source = path.starts_with("src/") && path.ends_with(".rs") && !tests;
    let Some(end) = source.then(|| tests_begin(text)) else {
        return "";
    };
    &text[..end]
}

fn tests_begin(text: &str) -> usize {
    let modules = text.match_indices("\nmod tests").map(|(at, _)| at);
    let mut starts = modules.filter_map(|at| {
        let line = text[..at].rfind('\n').map_or(0, |before| before + 1);
        (text[line..at].starts_with("#[cfg(") && text[line..at].contains("test")).then_some(line)
    });
    starts.next().unwrap_or(text.len())
}

/// The text with comments and what is inside literals blanked, line by line as long as before.
fn code(text: &str) -> String {
    split(text)
        .into_iter()
        .map(|(is_code, part)| {
            if is_code {
                part.to_owned()
            } else {
                blank(part)
            }
        })
        .collect()
}

fn blank(part: &str) -> String {
    let keep = |at| part.starts_with(['"', 'r']) && (at == 0 || at + 1 == part.len());
    let blanked = |(at, character)| {
        if character == '\n' || keep(at) {
            character
        } else {
            ' '
        }
    };
    part.char_indices().map(blanked).collect()
}

/// The string literals, without the quotes of the plain ones.
fn literals(text: &str) -> Vec<&str> {
    let parts = split(text)
        .into_iter()
        .filter(|(is_code, part)| !is_code && part.starts_with(['"', 'r']));
    parts.map(|(_, part)| part.trim_matches('"')).collect()
}

/// Runs of code, and the comments and literals between them.
fn split(text: &str) -> Vec<(bool, &str)> {
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    while at < text.len() {
        let length = opaque(&text[at..], text[..at].chars().next_back());
        if length == 0 {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        parts.push((true, &text[start..at]));
        parts.push((false, &text[at..at + length]));
        at += length;
        start = at;
    }
    parts.push((true, &text[start..]));
    parts
}

/// How long the comment or literal is that begins here; 0 where none does.
fn opaque(text: &str, before: Option<char>) -> usize {
    let until = |from: usize, end: &str| {
        text[from..]
            .find(end)
            .map_or(text.len(), |at| from + at + end.len())
    };
    if text.starts_with("//") {
        text.find('\n').unwrap_or(text.len())
    } else if text.starts_with("/*") {
        until(2, "*/")
    } else if text.starts_with('"') {
        quoted(text)
    } else if text.starts_with('\'') {
        character(text)
    } else if text.starts_with('r')
        && !before.is_some_and(|before| in_word(before) && before != 'b')
    {
        let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
        let opens = text[1 + hashes..].starts_with('"');
        if opens {
            until(hashes + 2, &format!("\"{}", "#".repeat(hashes)))
        } else {
            0
        }
    } else {
        0
    }
}

fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character literal, or nothing for a lifetime.
fn character(text: &str) -> usize {
    if text[1..].starts_with('\\') {
        return text[3..].find('\'').map_or(0, |at| at + 4);
    }
    let inner = text[1..].chars().next().map_or(0, char::len_utf8);
    if text[1 + inner..].starts_with('\'') {
        inner + 2
    } else {
        0
    }
}

fn in_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let apart = |neighbour: Option<char>| !neighbour.is_some_and(in_word);
        apart(code[..at].chars().next_back())
            && (word.ends_with(':') || apart(code[at + word.len()..].chars().next()))
    })
}

// ---- Who may depend on whom

/// A part of the library and what it may name: `cosmos::query` alone where the whole of `cosmos` is too much.
const ARROWS: &[(&str, &str)] = &[
    ("error", ""),
    ("message", "error name"),
    ("name", "error message"),
    ("show", "error message name"),
    ("identity", "error message name show"),
    ("authorize", "error message name show"),
    ("arm", "error message name show"),
    ("cosmos", "error message name show"),
    (
        "exchange",
        "error message name show identity authorize arm cosmos",
    ),
    (
        "sandbox",
        "error message name show cosmos::partition_key cosmos::key_definition cosmos::effective_key cosmos::query cosmos::limits",
    ),
    (
        "cli",
        "error message name show identity authorize arm cosmos exchange sandbox",
    ),
    ("main", "error cli"),
    ("signals", "cli"),
];

fn arrows(path: &str, text: &str) -> Complaints {
    let Some(module) = path
        .strip_prefix("src/")
        .and_then(|path| path.strip_suffix(".rs"))
    else {
        return Vec::new();
    };
    let steps: Vec<&str> = module.split('/').filter(|step| *step != "mod").collect();
    let Some((_, allowed)) = ARROWS.iter().find(|(part, _)| *part == steps[0]) else {
        let known = steps == ["lib"];
        return if known {
            Vec::new()
        } else {
            vec![format!("{path}: not on the map of `ARROWS`")]
        };
    };
    let allowed = |named: &str| {
        let within = |may: &str| named == may || named.starts_with(&format!("{may}::"));
        within(steps[0]) || allowed.split(' ').any(within)
    };
    let is_part = |named: &String| {
        ARROWS
            .iter()
            .any(|(part, _)| named.split("::").next() == Some(*part))
    };
    let named = named(&code(text), steps.len()).into_iter().filter(is_part);
    named
        .filter(|named| !allowed(named))
        .map(|named| format!("{path}: may not name {named}"))
        .collect()
}

/// The paths that begin at the root of the crate, however they are written.
fn named(code: &str, depth: usize) -> Vec<String> {
    let up = "super::".repeat(depth);
    let roots = ["crate::", "rawcosmos::", up.as_str()];
    let starts = roots.iter().flat_map(|root| {
        code.match_indices(root)
            .map(|(at, _)| (at, at + root.len()))
    });
    let whole =
        starts.filter(|(at, _)| !code[..*at].ends_with(|before| in_word(before) || before == ':'));
    whole.flat_map(|(_, end)| expand(&code[end..])).collect()
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn expand(text: &str) -> Vec<String> {
    let text = text.trim_start();
    if let Some(inner) = text.strip_prefix('{') {
        return pieces(inner).into_iter().flat_map(expand).collect();
    }
    let name: String = text
        .chars()
        .take_while(|character| in_word(*character))
        .collect();
    match text[name.len()..].strip_prefix("::") {
        Some(rest) if !name.is_empty() => expand(rest)
            .iter()
            .map(|rest| format!("{name}::{rest}"))
            .collect(),
        _ => vec![name],
    }
}

fn pieces(inner: &str) -> Vec<&str> {
    let (mut pieces, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, character) in inner.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                pieces.push(&inner[start..at]);
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    pieces
}

#[test]
fn every_part_of_the_library_is_on_the_map() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for line in lib
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "))
    {
        let module = line.trim_end_matches(';');
        assert!(
            ARROWS.iter().any(|(part, _)| *part == module),
            "`{module}` is not in ARROWS"
        );
    }
}

const SOCKETS: &[&str] = &[
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "ureq::",
];

fn sockets(path: &str, text: &str) -> Complaints {
    let may = [
        "src/exchange/network.rs",
        "src/exchange/network/",
        "src/sandbox/",
    ]
    .iter()
    .any(|place| path.starts_with(place));
    if may || !path.starts_with("src/") || !path.ends_with(".rs") {
        return Vec::new();
    }
    let code = code(text);
    let found = SOCKETS.iter().filter(|word| has_word(&code, word));
    found
        .map(|word| format!("{path}: names `{word}`, which is for exchange/network and sandbox/"))
        .collect()
}

/// What reads the world: clock, environment, files, streams.
const WORLD: &[&str] = &[
    "SystemTime",
    "Instant",
    "now_utc",
    "std::env",
    "env::var",
    "std::fs",
    "fs::read",
    "File",
    "stdin",
    "stdout",
    "stderr",
    "println!",
    "eprintln!",
];

fn purity(path: &str, text: &str) -> Complaints {
    let pure = [
        "identity/",
        "arm/",
        "cosmos/",
        "authorize/",
        "message.rs",
        "name.rs",
        "show.rs",
        "error.rs",
    ];
    if !pure
        .iter()
        .any(|part| path.starts_with(&format!("src/{part}")))
    {
        return Vec::new();
    }
    let code = code(shipped(path, text));
    let found = WORLD
        .iter()
        .filter(|word| has_word(&code, word.trim_end_matches('!')));
    found
        .map(|word| {
            format!("{path}: names `{word}`; clock, environment and files come as arguments")
        })
        .collect()
}

// ---- What stands in a file

fn begins_with_a_sentence(path: &str, text: &str) -> Complaints {
    let wrong = path.ends_with(".rs") && !text.starts_with("//! ");
    wrong
        .then(|| format!("{path}: does not begin with `//!`"))
        .into_iter()
        .collect()
}

fn no_panics(path: &str, text: &str) -> Complaints {
    let code = code(shipped(path, text));
    // A parser may have an `expect` of its own; that of the standard library takes a text.
    let found = [
        ".unwrap()",
        ".expect(\"",
        "panic!",
        "todo!",
        "unimplemented!",
        "dbg!",
    ];
    let found = found.into_iter().filter(|word| code.contains(word));
    found
        .map(|word| format!("{path}: `{word}` outside tests"))
        .collect()
}

fn white_space(path: &str, text: &str) -> Complaints {
    let ours = path.ends_with(".rs")
        || path.ends_with(".toml")
        || path.ends_with(".md")
        || path.ends_with(".txt");
    let skipped = path.starts_with("fixtures/") && path != "fixtures/README.md";
    if skipped || !(ours || path.starts_with(".ci/")) {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    for (number, line) in (1..).zip(text.split('\n')) {
        if line.ends_with([' ', '\r']) || line.contains('\t') {
            complaints.push(format!("{path}:{number}: a tab, or white space at the end"));
        }
    }
    if !text.ends_with('\n') || text.ends_with("\n\n") {
        complaints.push(format!("{path}: does not end with one newline"));
    }
    complaints
}

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

fn operations_are_documented(path: &str, text: &str) -> Complaints {
    if !path.starts_with("src/arm/") && !path.starts_with("src/cosmos/") {
        return Vec::new();
    }
    let text = shipped(path, text);
    let mut complaints = Vec::new();
    for (at, _) in text.match_indices("pub fn ") {
        let signature = text[at..].split('{').next().unwrap();
        let docs = docs_before(&text[..at]);
        let name = signature["pub fn ".len()..]
            .split(['(', '<'])
            .next()
            .unwrap();
        if !signature
            .split("->")
            .nth(1)
            .is_some_and(|returned| returned.contains("Call<"))
        {
            continue;
        }
        // What stands above the account in ARM's paths is the same everywhere and may be cut short.
        let said = |method: &&str| {
            docs.contains(&format!("{method} /")) || docs.contains(&format!("{method} …/"))
        };
        if !METHODS.iter().any(said) {
            complaints.push(format!("{path}: `{name}` does not say its method and path"));
        }
        if !docs.contains("https://learn.microsoft.com/") {
            complaints.push(format!("{path}: `{name}` does not link the service's page"));
        }
    }
    complaints
}

fn docs_before(text: &str) -> String {
    let lines = text.lines().rev().skip_while(|line| line.trim().is_empty());
    let docs = lines.take_while(|line| line.trim_start().starts_with(['#', '/']));
    docs.collect::<Vec<_>>().join("\n")
}

/// Paths of one machine, in halves, so that this file does not break its own rule.
const ONE_MACHINE: &[(&str, &str)] = &[("/ro", "ot/"), ("/home", "/"), ("/Use", "rs/")];

fn no_paths_of_one_machine(path: &str, text: &str) -> Complaints {
    let found = ONE_MACHINE
        .iter()
        .filter(|(one, two)| text.contains(&format!("{one}{two}")));
    found
        .map(|(one, two)| format!("{path}: `{one}{two}` is a path of one machine"))
        .collect()
}

/// What is there on one system alone, or asks for one.
const ONE_SYSTEM: &[&str] = &[
    "std::os::",
    "unix",
    "cfg(windows",
    "not(windows",
    "target_os",
    "target_family",
    "libc",
];

fn one_system(path: &str, text: &str) -> Complaints {
    if [
        "src/sandbox/os.rs",
        "src/cli/os.rs",
        "src/main.rs",
        "src/signals.rs",
    ]
    .contains(&path)
    {
        return Vec::new();
    }
    let code = code(shipped(path, text));
    let found = ONE_SYSTEM.iter().filter(|word| has_word(&code, word));
    found
        .map(|word| {
            format!("{path}: names `{word}`, which is for src/sandbox/os.rs, src/cli/os.rs and src/signals.rs")
        })
        .collect()
}

// ---- Sizes

/// Name and number of lines, signature and closing brace included.
fn functions(text: &str) -> Vec<(String, usize)> {
    let code = code(text);
    let starts = code
        .match_indices("fn ")
        .filter(|(at, _)| !code[..*at].ends_with(in_word));
    let functions = starts.filter_map(|(at, _)| {
        let name: String = code[at + 3..]
            .chars()
            .take_while(|character| in_word(*character))
            .collect();
        let end = body_end(&code[at..])?;
        (!name.is_empty()).then(|| (name, code[at..at + end].lines().count()))
    });
    functions.collect()
}

/// Where the braces of a function close; none for a type or a declaration.
fn body_end(code: &str) -> Option<usize> {
    let (mut braces, mut others) = (0, 0);
    for (at, character) in code.char_indices() {
        match character {
            '(' | '[' => others += 1,
            ')' | ']' => others -= 1,
            ';' if braces == 0 && others == 0 => return None,
            '{' => braces += 1,
            '}' if braces <= 1 => return (braces == 1).then_some(at + 1),
            '}' => braces -= 1,
            _ => {}
        }
    }
    None
}

/// Median at most ten lines, nine in ten at most twenty-five; clippy holds that none has more than fifty.
#[test]
fn most_functions_are_small() {
    let sources = files("src");
    let lengths = sources
        .iter()
        .flat_map(|(path, text)| functions(shipped(path, text)));
    let mut lengths: Vec<usize> = lengths.map(|(_, lines)| lines).collect();
    lengths.sort_unstable();
    let share = |part: usize| lengths[(lengths.len() - 1) * part / 100];
    println!(
        "functions: {}, median {}, nine in ten {}",
        lengths.len(),
        share(50),
        share(90)
    );
    assert!(
        share(50) <= 10,
        "the median function has {} lines",
        share(50)
    );
    assert!(
        share(90) <= 25,
        "one function in ten has {} lines or more",
        share(90)
    );
}

// ---- Fixtures

/// A test that reads a whole folder names it: `"fixtures/arm/recorded"`, the quote at the end.
fn is_used(fixture: &str, sources: &BTreeMap<String, String>) -> bool {
    let below = fixture.strip_prefix("fixtures/").unwrap_or(fixture);
    let folders = fixture
        .match_indices('/')
        .skip(1)
        .map(|(at, _)| &fixture[..at]);
    let walks: Vec<String> = folders
        .flat_map(|at| [format!("{at}\""), format!("{at}/\"")])
        .collect();
    sources
        .values()
        .any(|text| text.contains(below) || walks.iter().any(|walk| text.contains(walk)))
}

#[test]
fn every_fixture_is_used_and_has_a_source() {
    let mut sources = files("src");
    sources.extend(files("tests"));
    sources.retain(|path, _| path.ends_with(".rs") && path != "tests/tidy.rs");
    let mut fixtures = files("fixtures");
    let sources_page = fixtures.remove("fixtures/README.md").unwrap_or_default();
    for fixture in fixtures.keys() {
        assert!(is_used(fixture, &sources), "{fixture}: no test reads it");
        let section = fixture.split('/').nth(1).unwrap();
        assert!(
            sources_page.contains(&format!("\n## {section}\n")),
            "fixtures/README.md says nothing of {section}"
        );
    }
}

#[test]
fn an_unused_fixture_is_seen() {
    let source = |text: &str| BTreeMap::from([("tests/a.rs".to_owned(), text.to_owned())]);
    assert!(is_used(
        "fixtures/arm/a.json",
        &source("include_str!(\"../fixtures/arm/a.json\")")
    ));
    assert!(is_used(
        "fixtures/arm/recorded/a.json",
        &source("walk(\"fixtures/arm/recorded\")")
    ));
    assert!(is_used(
        "fixtures/arm/recorded/a.json",
        &source("walk(\"fixtures/arm/\")")
    ));
    assert!(!is_used(
        "fixtures/arm/recorded/b.json",
        &source("walk(\"fixtures/arm/recorded/a.json\")")
    ));
    assert!(!is_used(
        "fixtures/arm/b.json",
        &source("walk(\"fixtures\")")
    ));
}

// ---- Options

/// Options of other programs that our texts name, and of ours that no line of the help needs.
const NOT_OURS: &[&str] = &[];

fn options(text: &str) -> BTreeSet<String> {
    let starts = text
        .match_indices("--")
        .filter(|(at, _)| !text[..*at].ends_with(|before| in_word(before) || before == '-'));
    let names = starts.map(|(at, _)| {
        text[at + 2..]
            .chars()
            .take_while(|next| in_word(*next) || *next == '-')
            .collect()
    });
    names
        .filter(|name: &String| name.starts_with(|first: char| first.is_ascii_lowercase()))
        .collect()
}

/// Pasteable commands of other tools keep their own options.
fn is_foreign(literal: &str) -> bool {
    ["az ", "curl ", "cargo ", "openssl ", "kubectl "]
        .iter()
        .any(|tool| {
            literal
                .match_indices(tool)
                .any(|(at, _)| !literal[..at].ends_with(in_word))
        })
}

fn disagreements(help: &str, sources: &[&str]) -> Complaints {
    let texts: Vec<&str> = sources.iter().flat_map(|text| literals(text)).collect();
    let ours = texts.iter().filter(|literal| !is_foreign(literal));
    let written: BTreeSet<String> = ours.flat_map(|literal| options(literal)).collect();
    let helped = options(help);
    let known = |name: &&String| written.contains(*name) || texts.contains(&name.as_str());
    let unknown = helped
        .iter()
        .filter(|name| !known(name))
        .map(|name| format!("--{name} is only in the help"));
    let secret = written
        .difference(&helped)
        .filter(|name| !NOT_OURS.contains(&name.as_str()));
    unknown
        .chain(secret.map(|name| format!("--{name} is not in the help")))
        .collect()
}

#[test]
fn every_option_is_in_the_help_and_the_reverse() {
    let mut sources = files("src/cli");
    let texts = ["src/cli/help.txt", "src/cli/help-sandbox.txt"];
    let help = texts.map(|path| sources.remove(path));
    sources.retain(|path, _| path.ends_with(".rs"));
    assert!(
        help.iter().all(Option::is_some) || sources.is_empty(),
        "one of {texts:?} is missing"
    );
    let help: String = help.into_iter().flatten().collect();
    let shipped: Vec<&str> = sources
        .iter()
        .map(|(path, text)| shipped(path, text))
        .collect();
    let complaints = disagreements(&help, &shipped);
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn an_option_without_help_is_seen() {
    let source = "let a = \"--body\"; let b = \"id\"; let c = \"az login --scope\"; // --comment\n";
    assert_eq!(
        disagreements("  -b, --body FILE, -i/--id ID  --  a--b", &[source]),
        Complaints::new()
    );
    assert_eq!(
        disagreements("--id", &[source]),
        ["--body is not in the help"]
    );
    assert_eq!(
        disagreements("--body --id --scope", &[source]),
        ["--scope is only in the help"]
    );
}

// ---- Dependencies

const DEPENDENCIES: [&str; 9] = [
    "base64",
    "hmac",
    "httparse",
    "serde",
    "serde_json",
    "sha2",
    "time",
    "ureq",
    "url",
];

/// Crates that come in two versions, and why that is so.
const TWICE: &[(&str, &str)] = &[];

fn dependencies(manifest: &str) -> Complaints {
    let mut complaints = Vec::new();
    let mut found = BTreeSet::new();
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line.trim_start_matches('[').split(']').next().unwrap();
            if section.contains("dependencies") && section != "dependencies" {
                complaints.push(format!("Cargo.toml: no section `{section}`"));
            }
        } else if let ("dependencies", Some((name, version))) = (section, line.split_once('=')) {
            found.insert(name.trim());
            if !version.contains(" # ") {
                complaints.push(format!(
                    "Cargo.toml: `{}` does not say why it is there",
                    name.trim()
                ));
            }
        }
    }
    let wanted = BTreeSet::from(DEPENDENCIES);
    complaints.extend(
        found
            .symmetric_difference(&wanted)
            .map(|name| format!("Cargo.toml: `{name}` is new or missing")),
    );
    complaints
}

fn lock(lock: &str) -> Complaints {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |name| {
            package
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or_default()
                .trim_matches('"')
        };
        versions
            .entry(value("name = "))
            .or_default()
            .push(value("version = "));
    }
    let twice = versions
        .iter()
        .filter(|(name, all)| all.len() > 1 && !TWICE.iter().any(|(known, _)| known == *name));
    let mut complaints: Complaints = twice
        .map(|(name, all)| format!("Cargo.lock: {name} {}", all.join(" and ")))
        .collect();
    if versions.get("idna_adapter") != Some(&vec!["1.0.0"]) {
        complaints.push(
            "Cargo.lock: idna_adapter is not 1.0.0, which keeps the Unicode tables out".into(),
        );
    }
    let sources = lock.lines().filter(|line| line.starts_with("source = "));
    let sources: BTreeSet<&str> = sources.collect();
    if sources.len() > 1 || sources.iter().any(|line| !line.contains("\"registry+")) {
        complaints.push(format!("Cargo.lock: more than one registry: {sources:?}"));
    }
    complaints
}

#[test]
fn dependencies_are_the_ones_decided_on() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut complaints = dependencies(&fs::read_to_string(root.join("Cargo.toml")).unwrap());
    complaints.extend(lock(&fs::read_to_string(root.join("Cargo.lock")).unwrap()));
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
    assert!(!root.join("build.rs").exists(), "there is no build script");
}

#[test]
fn a_new_dependency_is_seen() {
    let list = DEPENDENCIES
        .map(|name| format!("{name} = \"1\" # why\n"))
        .concat();
    assert!(dependencies(&format!("[dependencies]\n{list}[lints.rust]\na = \"b\"\n")).is_empty());
    assert_eq!(
        dependencies(&format!("[dependencies]\n{list}rand = \"1\" # why\n")).len(),
        1
    );
    assert_eq!(
        dependencies(&format!(
            "[dependencies]\n{}",
            list.replace("url = \"1\" # why", "url = \"1\"")
        ))
        .len(),
        1
    );
    assert_eq!(
        dependencies(&format!("[dev-dependencies]\n[dependencies]\n{list}")).len(),
        1
    );
    let package = |name: &str, version: &str| {
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n")
    };
    let idna = package("idna_adapter", "1.0.0");
    assert!(lock(&idna).is_empty());
    assert_eq!(lock(&package("idna_adapter", "1.2.1")).len(), 1);
    assert_eq!(
        lock(&format!(
            "{idna}{}{}",
            package("a", "1.0.0"),
            package("a", "2.0.0")
        ))
        .len(),
        1
    );
    assert_eq!(
        lock(&format!("{idna}source = \"git+https://example.com\"\n")).len(),
        1
    );
}
