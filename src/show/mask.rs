//! What may not be shown: secrets, and characters that would steer a terminal.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::message::{Request, Text};
use crate::name::{Secret, percent_decode};

/// Replaces secrets in whatever is about to be shown: by type in requests, and in free text by JSON member,
/// by the shape of a token and by every value it has been taught.
#[derive(Debug, Default)]
pub struct Mask {
    known: Mutex<Vec<Secret>>,
}

/// Members of JSON answers whose value is a secret.
const SECRET_MEMBERS: &[&str] = &[
    "access_token",
    "refresh_token",
    "id_token",
    "client_assertion",
    "client_secret",
    "primaryMasterKey",
    "secondaryMasterKey",
    "primaryReadonlyMasterKey",
    "secondaryReadonlyMasterKey",
    "connectionString",
    "_token",
];

/// Headers of answers whose value is, or holds, a secret.
const SECRET_HEADERS: &[&str] = &["set-cookie", "authorization", "proxy-authorization"];

impl Mask {
    fn known(&self) -> MutexGuard<'_, Vec<Secret>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a value, so that it is recognised wherever it turns up.
    pub fn learn(&self, secret: &Secret) {
        let mut known = self.known();
        if secret.expose().len() >= 8 && !known.contains(secret) {
            known.push(secret.clone());
        }
    }

    /// Remembers every secret a request carries.
    pub fn learn_from(&self, request: &Request) {
        let values = request.headers.iter().map(|(_, value)| value);
        for text in values.chain([&request.url]).chain(request.body.as_deref()) {
            if let Text::Secret(secret) = text {
                self.learn(secret);
                self.learn_bare(secret);
            }
        }
    }

    /// Remembers what a scheme carries: an answer may repeat the token alone, or the signature before encoding.
    fn learn_bare(&self, secret: &Secret) {
        let value = secret.expose();
        if let Some(token) = value.strip_prefix("Bearer ") {
            self.learn(&Secret::token(token));
        } else if let Some(key) = value.strip_prefix("Basic ") {
            self.learn(&Secret::new("key", key));
        } else if let Some((_, rest)) = value.split_once("client_assertion=") {
            let encoded = rest.split('&').next().unwrap_or_default();
            self.learn(&Secret::token(encoded));
            self.learn(&Secret::token(percent_decode(encoded)));
        } else if let Some((_, bare)) = value.split_once("%26sig%3D") {
            let decoded = bare.replace("%2B", "+").replace("%2F", "/");
            self.learn(&Secret::token(bare));
            self.learn(&Secret::new("signature", decoded.replace("%3D", "=")));
        }
    }

    /// The text without secrets and without characters that would steer a terminal.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_string();
        for secret in self.known().iter() {
            if text.contains(secret.expose()) {
                text = text.replace(secret.expose(), secret.label());
            }
        }
        for member in SECRET_MEMBERS {
            text = mask_member(&text, member);
        }
        printable(&mask_connection(&mask_tokens(&text)))
    }

    /// The value of an answer's header, without secrets.
    pub(super) fn header(&self, name: &str, value: &str) -> String {
        if SECRET_HEADERS.iter().any(|h| name.eq_ignore_ascii_case(h)) {
            return Secret::new(&name.to_ascii_lowercase(), value)
                .label()
                .to_string();
        }
        self.text(&unsigned(value))
    }
}

/// A URL as it may be shown: the parameters that sign it are replaced.
///
/// ARM signs the URLs of a running operation with `t`, `c`, `s` and `h`; storage uses `sig`.
pub fn unsigned(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else {
        return url.to_string();
    };
    let signed = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        matches!(name, "t" | "c" | "s" | "h" | "sig" | "code")
    };
    if !query.split('&').any(signed) {
        return url.to_string();
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !signed(pair)).collect();
    format!("{path}?{}&<signature>", kept.join("&"))
}

/// Replaces the text value of every member of that name, also where the JSON is itself a text in JSON.
fn mask_member(text: &str, member: &str) -> String {
    let plain = mask_quoted(text, member, "\"", end_of_string);
    mask_quoted(&plain, member, "\\\"", |value| {
        value.find("\\\"").unwrap_or(value.len())
    })
}

fn mask_quoted(text: &str, member: &str, quote: &str, end: fn(&str) -> usize) -> String {
    let needle = format!("{quote}{member}{quote}");
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(&needle) {
        let (before, after) = rest.split_at(at + needle.len());
        masked.push_str(before);
        let value = after.trim_start().trim_start_matches(':').trim_start();
        rest = match value.strip_prefix(quote) {
            Some(value) => {
                let (secret, tail) = value.split_at(end(value));
                masked.push_str(&format!(":{quote}{}{quote}", masked_value(secret)));
                tail.strip_prefix(quote).unwrap_or(tail)
            }
            None => after,
        };
    }
    masked + rest
}

/// Replaces the key in a connection string, wherever it stands.
fn mask_connection(text: &str) -> String {
    const NAME: &str = "AccountKey=";
    let mut parts = text.split(NAME);
    let mut masked = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let inside = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        let (key, rest) = part.split_at(part.find(|c| !inside(c)).unwrap_or(part.len()));
        masked.push_str(NAME);
        if !key.is_empty() {
            masked.push_str(Secret::new("key", key).label());
        }
        masked.push_str(rest);
    }
    masked
}

fn masked_value(secret: &str) -> String {
    if secret.is_empty() || secret.starts_with('<') {
        return secret.to_string();
    }
    Secret::token(secret).label().to_string()
}

/// Where a JSON string ends: its closing quote, or the end of a text that was cut off.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return at,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Replaces everything that has the shape of a JWT.
fn mask_tokens(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        let (before, from) = rest.split_at(at);
        masked.push_str(before);
        let inside = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let end = from.find(|c| !inside(c)).unwrap_or(from.len());
        let (word, tail) = from.split_at(end);
        if word.matches('.').count() >= 2 {
            masked.push_str(Secret::token(word).label());
        } else {
            masked.push_str(word);
        }
        rest = tail;
    }
    masked + rest
}

/// Control characters as visible escapes: an answer must not move the cursor or recolour a terminal.
pub fn printable(text: &str) -> String {
    let hostile = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(hostile) {
        return text.to_string();
    }
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| match c {
            c if hostile(c) => format!("\\u{{{:x}}}", u32::from(c)),
            c => c.to_string(),
        })
        .collect()
}
