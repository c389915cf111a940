//! What is sent and never shown.

use std::fmt;

use sha2::{Digest, Sha256};

use super::Claims;

/// A value that is sent and never shown; in its place stands a label that tells two of them apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    value: String,
    label: String,
    shell: Option<String>,
}

impl Secret {
    /// A key or another opaque secret: shown as what it is and the beginning of its SHA-256.
    pub fn new(what: &str, value: impl Into<String>) -> Secret {
        let value = value.into();
        let label = format!("<{what} sha256={}>", fingerprint(&value));
        Secret::within(value, label)
    }

    /// A token: shown by audience, object id and fingerprint.
    pub fn token(value: impl Into<String>) -> Secret {
        let value = value.into();
        let label = token_label(&value);
        Secret::within(value, label)
    }

    /// The same token, labelled with how long it still lives.
    #[must_use]
    pub fn living(&self, seconds: i64) -> Secret {
        let life = match seconds {
            ..=0 => "expired".to_string(),
            1..=3599 => format!("expires in {}m", seconds / 60),
            _ => format!("expires in {}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        };
        let label = self.label.replace(" sha256=", &format!(" {life} sha256="));
        Secret {
            label,
            ..self.clone()
        }
    }

    /// A text that holds a secret, and the same text as it may be shown.
    pub fn within(value: String, label: String) -> Secret {
        let shell = None;
        Secret {
            value,
            label,
            shell,
        }
    }

    /// The same secret, and what a shell reads between double quotes to get it.
    #[must_use]
    pub fn in_shell(self, words: String) -> Secret {
        Secret {
            shell: Some(words),
            ..self
        }
    }

    /// How a shell gets it, where it can.
    pub fn shell(&self) -> Option<&str> {
        self.shell.as_deref()
    }

    /// The value itself, for the wire.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// What stands in its place.
    pub fn label(&self) -> &str {
        &self.label
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// The first 8 hex digits of a value's SHA-256: enough to compare two traces, useless to anybody else.
pub fn fingerprint(value: &str) -> String {
    let hash = Sha256::digest(value.as_bytes());
    hash.iter().take(4).map(|b| format!("{b:02x}")).collect()
}

fn token_label(token: &str) -> String {
    let mut label = String::from("<token");
    if let Some(claims) = Claims::read(token) {
        for (name, value) in [("aud", claims.text("aud")), ("oid", claims.text("oid"))] {
            if let Some(value) = value {
                label.push_str(&format!(" {name}={value}"));
            }
        }
    }
    format!("{label} sha256={}>", fingerprint(token))
}
