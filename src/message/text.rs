//! A part of a request that is shown as it is, or as its label.

use crate::name::Secret;

/// A part of a request: shown as it is, or shown as its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Shown as it is.
    Plain(String),
    /// Sent as its value, shown as its label.
    Secret(Secret),
}

impl Text {
    /// What is sent.
    pub fn expose(&self) -> &str {
        match self {
            Text::Plain(text) => text,
            Text::Secret(secret) => secret.expose(),
        }
    }

    /// How a shell gets it, where it is a secret that a shell can get.
    pub fn shell(&self) -> Option<&str> {
        match self {
            Text::Plain(_) => None,
            Text::Secret(secret) => secret.shell(),
        }
    }

    /// What is shown.
    pub fn shown(&self) -> &str {
        match self {
            Text::Plain(text) => text,
            Text::Secret(secret) => secret.label(),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text::Plain(text)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::Plain(text.to_string())
    }
}

impl From<Secret> for Text {
    fn from(secret: Secret) -> Text {
        Text::Secret(secret)
    }
}
