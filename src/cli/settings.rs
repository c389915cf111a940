//! Where a value comes from: the option, then `RAWCOSMOS_…`, then the names Azure tools use.
//!
//! What the machine's metadata and ARM know comes after these, in [`super::session`]. Secrets come from files or
//! standard input alone.

use super::args::Args;
use super::files::{TEXT_BYTES, read_text};
use crate::error::Error;
use crate::name::Name;

/// The names other Azure tools use for some of our options.
const ELSEWHERE: &[(&str, &[&str])] = &[
    ("client-id", &["AZURE_CLIENT_ID"]),
    ("subscription", &["AZURE_SUBSCRIPTION_ID"]),
    ("resource-group", &["AZURE_RESOURCE_GROUP"]),
    ("endpoint", &["COSMOS_ENDPOINT", "AZURE_COSMOS_ENDPOINT"]),
    ("imds-endpoint", &["AZURE_POD_IDENTITY_AUTHORITY_HOST"]),
    ("data-audience", &["AZURE_COSMOS_AAD_SCOPE_OVERRIDE"]),
    ("cacert", &["SSL_CERT_FILE"]),
];

/// Options that are about one command line and are never taken from the environment.
const SAID_ONLY: &[&str] = &[
    "yes",
    "help",
    "version",
    "live",
    "sandbox",
    "revoke",
    "raw",
    "auth-header",
    "all-in-partition",
    "probe-write",
];

/// Options whose text is content: white space and quotes at its ends belong to it.
const CONTENT: &[&str] = &["args", "body", "condition", "partition-key-json", "query"];

/// A value from a variable or a file, without white space and one pair of quotes around it: files of variables are
/// written on Windows, and `docker --env-file` keeps quotes.
pub fn tidied(text: &str) -> &str {
    let text = text.trim();
    let quoted = ['"', '\''].into_iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.contains(quote)).then_some(inner)
    });
    quoted.unwrap_or(text).trim()
}

/// Refuses a value with a control character, and shows it: a line end that a file or a command left behind.
pub fn without_control(name: &str, text: &str) -> Result<(), Error> {
    refuse(name, text, text.chars().find(|c| c.is_control()))
}

/// The same for a name that has no white space around it either.
pub fn without_odd(name: &str, text: &str) -> Result<(), Error> {
    let ends = [text.chars().next(), text.chars().last()];
    let blank = ends.into_iter().flatten().find(|c| c.is_whitespace());
    refuse(name, text, text.chars().find(|c| c.is_control()).or(blank))
}

fn refuse(name: &str, text: &str, odd: Option<char>) -> Result<(), Error> {
    match odd {
        None => Ok(()),
        Some(odd) => Err(Error::usage(format!(
            "--{name}: {text:?} contains the character U+{:04X}, which is no part of a name",
            u32::from(odd)
        ))),
    }
}

/// Eight, four, four, four and twelve hexadecimal digits.
pub fn is_guid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let hexadecimal = parts.concat().bytes().all(|b| b.is_ascii_hexdigit());
    lengths == [8, 4, 4, 4, 12] && hexadecimal
}

/// The id of a subscription or an identity, from an option or a variable: hyphens, digits and letters alone.
pub fn azure_id(value: Value) -> Result<Name, Error> {
    match plain(&value.text) {
        true => Name::new(value.text),
        false => Err(Error::usage(format!(
            "{}: {:?} is not a GUID, such as 00000000-0000-0000-0000-000000000000",
            value.origin, value.text
        ))),
    }
}

/// The name of an account: at most 44 letters, digits and hyphens.
///
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftdocumentdb>
pub fn account_name(value: Value) -> Result<Name, Error> {
    match value.text.len() <= 44 && plain(&value.text) {
        true => Name::new(value.text),
        false => Err(Error::usage(format!(
            "{}: {:?} is not the name of an account: 3 to 44 lower-case letters, digits and hyphens",
            value.origin, value.text
        ))),
    }
}

fn plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// A value and who said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// As it was said.
    pub text: String,
    /// `--option`, a variable's name, or what was asked.
    pub origin: String,
}

/// A way to look a variable up.
pub type Environment = Box<dyn Fn(&str) -> Option<String>>;

/// The command line and the environment.
pub struct Settings {
    args: Args,
    environment: Environment,
}

impl Settings {
    /// With a way to look a variable up.
    pub fn new(args: Args, environment: Environment) -> Settings {
        Settings { args, environment }
    }

    /// The command line itself.
    pub fn args(&self) -> &Args {
        &self.args
    }

    /// A value and where it came from; an empty variable counts as unset.
    pub fn find(&self, name: &'static str) -> Option<Value> {
        if let Some(text) = self.args.value(name) {
            return Some(Value {
                text: text.to_string(),
                origin: format!("--{name}"),
            });
        }
        if SAID_ONLY.contains(&name) {
            return None;
        }
        let own = format!("RAWCOSMOS_{}", name.to_ascii_uppercase().replace('-', "_"));
        let others = ELSEWHERE.iter().find(|(option, _)| *option == name);
        let names = others.map_or(&[] as &[&str], |(_, names)| names);
        std::iter::once(own.as_str())
            .chain(names.iter().copied())
            .find_map(|variable| {
                let text = (self.environment)(variable)?;
                let text = match CONTENT.contains(&name) {
                    true => text,
                    false => tidied(&text).to_string(),
                };
                (!text.is_empty()).then(|| Value {
                    text,
                    origin: variable.to_string(),
                })
            })
    }

    /// A variable that is no option of ours; an empty one counts as unset.
    pub fn variable(&self, name: &str) -> Option<String> {
        let text = (self.environment)(name)?;
        Some(tidied(&text).to_string()).filter(|text| !text.is_empty())
    }

    /// The text of a value.
    pub fn text(&self, name: &'static str) -> Option<String> {
        self.find(name).map(|value| value.text)
    }

    /// A value that must be there.
    pub fn required(&self, name: &'static str) -> Result<String, Error> {
        self.text(name)
            .ok_or_else(|| Error::usage(format!("--{name} is missing")))
    }

    /// A value that stands in a path.
    pub fn name(&self, name: &'static str) -> Result<Name, Error> {
        let text = self.required(name)?;
        without_odd(name, &text)?;
        Name::new(text).map_err(|e| Error::usage(format!("--{name}: {e}")))
    }

    /// A whole number.
    pub fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, Error> {
        let wrong =
            |text: &str| Error::usage(format!("--{name}: {text:?} is not a whole number in range"));
        let text = self.text(name);
        text.map(|text| text.trim().parse().map_err(|_| wrong(&text)))
            .transpose()
    }

    /// A switch: given, or set by its variable to anything but `0`, `false` or `no`.
    pub fn on(&self, name: &'static str) -> bool {
        let said = |text: &str| !matches!(text.to_ascii_lowercase().as_str(), "0" | "false" | "no");
        self.args.has(name) || self.find(name).is_some_and(|value| said(&value.text))
    }
}

/// The text of a value that may be `@file` or `@-`.
pub fn contents(value: &str) -> Result<String, Error> {
    match value.strip_prefix('@') {
        Some(path) => read_text(path, TEXT_BYTES),
        None => Ok(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn settings(line: &str, variables: &'static [(&str, &str)]) -> Settings {
        let words = line.split_whitespace().map(Into::into);
        let environment = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name)?;
            Some(found.1.to_string())
        };
        Settings::new(Args::parse(words).unwrap(), Box::new(environment))
    }

    #[test]
    fn the_nearer_source_wins() {
        const ALL: &[(&str, &str)] = &[("RAWCOSMOS_CLIENT_ID", "b"), ("AZURE_CLIENT_ID", "c")];
        let origin = |line, variables| {
            settings(line, variables)
                .find("client-id")
                .map(|v| (v.text, v.origin))
        };
        assert_eq!(
            origin("--client-id a", ALL),
            Some(("a".into(), "--client-id".into()))
        );
        assert_eq!(
            origin("", ALL),
            Some(("b".into(), "RAWCOSMOS_CLIENT_ID".into()))
        );
        assert_eq!(
            origin("", &[("RAWCOSMOS_CLIENT_ID", ""), ("AZURE_CLIENT_ID", "c")]),
            Some(("c".into(), "AZURE_CLIENT_ID".into()))
        );
        assert_eq!(origin("", &[]), None);
    }

    #[test]
    fn consent_is_never_taken_from_the_environment() {
        assert!(!settings("", &[("RAWCOSMOS_YES", "1")]).on("yes"));
        assert!(settings("", &[("RAWCOSMOS_DRY_RUN", "1")]).on("dry-run"));
        assert!(!settings("", &[("RAWCOSMOS_DRY_RUN", "0")]).on("dry-run"));
    }
}
