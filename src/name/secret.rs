//! What is sent and never shown.

use std::fmt;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use super::Claims;

/// A value that is sent and never shown; in its place stands a label that tells two of them apart. Copies share it.
#[derive(Clone)]
pub struct Secret(Arc<Parts>);

struct Parts {
    value: String,
    shell: Option<String>,
    kind: Label,
    /// Made when it is first asked for: most requests are sent and never shown.
    label: OnceLock<String>,
}

/// What the label is made of.
#[derive(Clone)]
enum Label {
    /// A text.
    Text(String),
    /// What it is, and a fingerprint.
    What(String),
    /// What a token says of itself.
    Token,
    /// The label of a token, and how many seconds that still lives.
    Living(Secret, i64),
    /// A text, and the label of another secret.
    Before(&'static str, Secret),
}

impl Secret {
    /// A key or another opaque secret: shown as what it is and the beginning of its SHA-256.
    pub fn new(what: &str, value: impl Into<String>) -> Secret {
        Secret::of(value.into(), Label::What(what.to_string()))
    }

    /// A token: shown by audience, object id and fingerprint.
    pub fn token(value: impl Into<String>) -> Secret {
        Secret::of(value.into(), Label::Token)
    }

    /// The same token, labelled with how long it still lives.
    #[must_use]
    pub fn living(&self, seconds: i64) -> Secret {
        Secret::of(self.0.value.clone(), Label::Living(self.clone(), seconds))
    }

    /// A text that holds a secret, and the same text as it may be shown.
    pub fn within(value: String, label: String) -> Secret {
        Secret::of(value, Label::Text(label))
    }

    /// A text that ends with a secret, shown with the label of that.
    pub fn behind(text: &'static str, value: String, secret: &Secret) -> Secret {
        Secret::of(value, Label::Before(text, secret.clone()))
    }

    fn of(value: String, kind: Label) -> Secret {
        let (shell, label) = (None, OnceLock::new());
        Secret(Arc::new(Parts {
            value,
            shell,
            kind,
            label,
        }))
    }

    /// The same secret, and what a shell reads between double quotes to get it.
    #[must_use]
    pub fn in_shell(self, words: String) -> Secret {
        Secret(Arc::new(Parts {
            value: self.0.value.clone(),
            shell: Some(words),
            kind: self.0.kind.clone(),
            label: OnceLock::new(),
        }))
    }

    /// How a shell gets it, where it can.
    pub fn shell(&self) -> Option<&str> {
        self.0.shell.as_deref()
    }

    /// The value itself, for the wire.
    pub fn expose(&self) -> &str {
        &self.0.value
    }

    /// What stands in its place.
    pub fn label(&self) -> &str {
        self.0.label.get_or_init(|| self.0.kind.text(&self.0.value))
    }
}

impl Label {
    fn text(&self, value: &str) -> String {
        match self {
            Label::Text(text) => text.clone(),
            Label::What(what) => format!("<{what} sha256={}>", fingerprint(value)),
            Label::Token => token_label(value),
            Label::Living(token, seconds) => {
                let life = format!(" {} sha256=", life(*seconds));
                token.label().replace(" sha256=", &life)
            }
            Label::Before(text, secret) => format!("{text}{}", secret.label()),
        }
    }
}

fn life(seconds: i64) -> String {
    match seconds {
        ..=0 => "expired".to_string(),
        1..=3599 => format!("expires in {}m", seconds / 60),
        _ => format!("expires in {}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// By what is sent; the label follows from it, or is about the moment.
impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0.value == other.0.value && self.0.shell == other.0.shell
    }
}

impl Eq for Secret {}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
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
