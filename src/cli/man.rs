//! `man`: the help as a manual page, in the language of man(7).

use super::commands::COMMANDS;
use super::explain::topics;
use super::help;
use super::settings::Settings;
use crate::error::Error;
use crate::show::Mask;

/// `man`: the page, for a file or for `man -l -`.
pub fn run(_: &Settings, _: &Mask, _: &[String]) -> Result<u8, Error> {
    help::print(&page())
}

fn page() -> String {
    let mut page = Page::default();
    page.line(concat!(
        ".TH RAWCOSMOS 1 \"\" \"rawcosmos ",
        env!("CARGO_PKG_VERSION"),
        "\""
    ));
    // Lines are not filled to the margin, and words stay whole: much is to be copied.
    page.line(".ad l\n.nh");
    let overview = help::section("rawcosmos").unwrap_or_default();
    let (summary, rest) = overview.split_once("\n").unwrap_or((overview, ""));
    page.section("NAME");
    page.prose(&["rawcosmos - ", summary.trim_end_matches('.')].concat());
    page.section("SYNOPSIS");
    page.prose("rawcosmos COMMAND [OPTION]…");
    page.section("DESCRIPTION");
    page.text(rest);
    page.section("COMMANDS");
    let is_command = |name: &str| COMMANDS.iter().any(|command| command.words == name);
    for (command, text) in named().filter(|(name, _)| is_command(name)) {
        page.heading(command);
        page.text(text);
    }
    for (name, text) in named().skip(1).filter(|(name, _)| !is_command(name)) {
        page.section(&name.to_ascii_uppercase());
        page.text(text);
    }
    for topic in topics::all() {
        let name = topic.name.replace("exit-codes", "exit status");
        page.section(&name.to_ascii_uppercase());
        page.text(&topic.text());
    }
    page.out
}

/// The sections of the help by their first name.
fn named() -> impl Iterator<Item = (&'static str, &'static str)> {
    help::sections().map(|(heading, text)| {
        let (name, _) = heading.split_once(", ").unwrap_or((heading, ""));
        (name, text)
    })
}

#[derive(Default)]
struct Page {
    out: String,
    /// Lines stand as they are.
    plain: bool,
    /// An empty line was passed.
    gap: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn section(&mut self, name: &str) {
        self.begin(".SH ", name);
    }

    fn heading(&mut self, name: &str) {
        self.begin(".SS ", name);
    }

    fn begin(&mut self, request: &str, name: &str) {
        self.as_it_is(false);
        self.gap = false;
        self.line(&[request, &escaped(name)].concat());
    }

    /// From here on lines stand as they are, or they are filled.
    fn as_it_is(&mut self, plain: bool) {
        if self.plain != plain {
            self.line(if plain { ".nf" } else { ".fi" });
        }
        self.plain = plain;
    }

    fn prose(&mut self, line: &str) {
        self.line(&escaped(line));
    }

    fn text(&mut self, text: &str) {
        let mut below_an_option = false;
        for line in text.lines() {
            let bare = line.trim_start();
            let indent = line.len() - bare.len();
            let option = indent > 0 && bare.starts_with('-');
            if bare.is_empty() {
                self.gap = true;
            } else if option {
                self.option(bare);
            } else if below_an_option && indent >= 20 {
                self.prose(bare);
            } else {
                self.paragraph(line, indent > 0);
            }
            below_an_option = option || (below_an_option && indent >= 20);
        }
    }

    fn option(&mut self, bare: &str) {
        let (heads, text) = bare.split_once("  ").unwrap_or((bare, ""));
        self.as_it_is(false);
        self.gap = false;
        self.line(".TP");
        self.prose(heads);
        self.prose(text.trim());
    }

    fn paragraph(&mut self, line: &str, plain: bool) {
        if self.plain && plain && self.gap {
            self.line("");
        } else if self.gap {
            self.as_it_is(false);
            self.line(".PP");
        }
        self.as_it_is(plain);
        self.gap = false;
        self.prose(line);
    }
}

/// What stands for itself: nothing that troff reads as a request, and nothing but ASCII.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    if text.starts_with('.') {
        out.push_str("\\&");
    }
    // A list without blanks may be broken behind its commas.
    for c in text.replace(",\"", ",\0\"").chars() {
        match c {
            '\0' => out.push_str("\\:"),
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            c if c.is_ascii() => out.push(c),
            c => out.push_str(&format!("\\[u{:04X}]", u32::from(c))),
        }
    }
    out
}
