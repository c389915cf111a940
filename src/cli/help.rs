//! Help, from two texts whose sections begin with `== NAME`: `help.txt`, and where there is a sandbox its own.

use super::args::Args;
#[cfg(test)]
use super::commands::COMMANDS;
use super::explain::topics;
use super::output::{Format, Output};
use crate::error::Error;

const TEXT: &str = include_str!("help.txt");
#[cfg(feature = "sandbox")]
const SANDBOX: &str = include_str!("help-sandbox.txt");
#[cfg(not(feature = "sandbox"))]
const SANDBOX: &str = "";

/// `rawcosmos`, `rawcosmos help [TOPIC]`, `rawcosmos NOUN VERB --help`
pub fn help(args: &Args) -> Result<u8, Error> {
    let mut words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    words.retain(|word| *word != "help");
    let topic = if words.is_empty() {
        "rawcosmos".to_string()
    } else {
        words.join(" ")
    };
    if let Some(text) = section(&topic).or_else(|| section(words.first()?)) {
        return print(text);
    }
    match topics::find(&topic) {
        Some(topic) => print(&topic.text()),
        None => Err(Error::usage(format!(
            "there is no help on {topic:?}; see rawcosmos help"
        ))),
    }
}

/// `rawcosmos --version`
pub fn version() -> Result<u8, Error> {
    print(&format!(
        "rawcosmos {} ({}-{}, data plane {}, ARM {}, IMDS {})",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS,
        crate::cosmos::VERSION,
        crate::arm::VERSION,
        crate::identity::imds::VERSION,
    ))
}

/// Writes a text to standard output.
pub fn print(text: &str) -> Result<u8, Error> {
    let mut output = Output::new(Format::Auto, None, false, Box::new(std::io::stdout()))?;
    match output.text(text).and_then(|()| output.finish()) {
        Ok(()) | Err(Error::Closed) => Ok(0),
        Err(e) => Err(e),
    }
}

/// All sections: their headings and what stands below.
pub fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    let sections = TEXT.split("\n== ").chain(SANDBOX.split("\n== "));
    sections.filter_map(|section| {
        let (heading, text) = section.split_once('\n')?;
        Some((heading.trim_start_matches("== "), text.trim_end()))
    })
}

/// The section of that name, without its heading.
pub fn section(name: &str) -> Option<&'static str> {
    let named = |heading: &str| heading.split(", ").any(|title| title == name);
    let found = sections().find(|(heading, _)| named(heading));
    found.map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_its_help() {
        for command in COMMANDS {
            let text = section(command.words).unwrap_or_default();
            assert!(
                text.contains(&format!("rawcosmos {}", command.words)),
                "{}",
                command.words
            );
            for option in command.options {
                assert!(
                    text.contains(&format!("--{option}")),
                    "{}: --{option}",
                    command.words
                );
            }
        }
    }
}
