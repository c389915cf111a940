//! A [`Request`] or [`Response`] as HTTP text or as a curl line. Masking lives here and nowhere else.

use std::cell::RefCell;

use crate::message::{Plane, Request, Response, Text};
use crate::name::Secret;

/// Replaces secrets in whatever is about to be shown: by type in requests, and in free text by JSON member,
/// by the shape of a token and by every value it has been taught.
#[derive(Debug, Default)]
pub struct Mask {
    known: RefCell<Vec<Secret>>,
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
    /// Remembers a value, so that it is recognised wherever it turns up.
    pub fn learn(&self, secret: &Secret) {
        let mut known = self.known.borrow_mut();
        if secret.expose().len() >= 8 && !known.contains(secret) {
            known.push(secret.clone());
        }
    }

    /// Remembers every secret a request carries.
    pub fn learn_from(&self, request: &Request) {
        let values = request.headers.iter().map(|(_, value)| value);
        for text in values.chain([&request.url]) {
            if let Text::Secret(secret) = text {
                self.learn(secret);
            }
        }
    }

    /// The text without secrets and without characters that would steer a terminal.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_string();
        for secret in self.known.borrow().iter() {
            if text.contains(secret.expose()) {
                text = text.replace(secret.expose(), secret.label());
            }
        }
        for member in SECRET_MEMBERS {
            text = mask_member(&text, member);
        }
        printable(&mask_tokens(&text))
    }

    fn header(&self, name: &str, value: &str) -> String {
        if SECRET_HEADERS.iter().any(|h| name.eq_ignore_ascii_case(h)) {
            return Secret::new(&name.to_ascii_lowercase(), value)
                .label()
                .to_string();
        }
        self.text(&unsigned(value))
    }
}

/// A request as HTTP text, the way it goes over the wire.
pub fn request(request: &Request, mask: &Mask) -> String {
    let mut text = request_head(request, mask);
    if let Some(body) = request.body.as_deref().filter(|body| !body.is_empty()) {
        text.push('\n');
        text.push_str(&mask.text(body));
        text.push('\n');
    }
    text
}

/// The request line and the headers, a line each.
pub fn request_head(request: &Request, mask: &Mask) -> String {
    let (host, target) = split_url(request.url.shown());
    let mut text = format!("{} {target} HTTP/1.1\nhost: {host}\n", request.method);
    for (name, value) in &request.headers {
        text.push_str(&format!("{name}: {}\n", mask.text(value.shown())));
    }
    if let Some(body) = &request.body {
        text.push_str(&format!("content-length: {}\n", body.len()));
    }
    text
}

/// An answer as HTTP text, its secrets masked.
pub fn response(response: &Response, mask: &Mask) -> String {
    let mut text = response_head(response, mask);
    if !response.body.is_empty() {
        text.push('\n');
        text.push_str(&mask.text(&String::from_utf8_lossy(&response.body)));
        text.push('\n');
    }
    text
}

/// The status line and the headers, a line each.
pub fn response_head(response: &Response, mask: &Mask) -> String {
    let mut text = format!("HTTP/1.1 {} {}\n", response.status, reason(response.status));
    for (name, value) in &response.headers {
        text.push_str(&format!("{name}: {}\n", mask.header(name, value)));
    }
    text
}

/// A line for a shell with curl that sends the same request. A token is asked for when the line runs, so it
/// stands neither in the line nor in the history; headers curl would add unasked are switched off.
pub fn curl(request: &Request, mask: &Mask) -> String {
    let mut line = format!("curl -sS -i -X {}", request.method);
    if request.plane == Plane::Identity {
        line.push_str(" --noproxy '*'");
    }
    for (name, value) in &request.headers {
        line.push_str(" \\\n  -H ");
        line.push_str(&curl_header(request.plane, name, value, mask));
    }
    for unasked in ["accept", "user-agent", "content-type"] {
        let sent = request.headers.iter().any(|(name, _)| *name == unasked);
        if !sent && (unasked != "content-type" || request.body.is_some()) {
            line.push_str(&format!(" \\\n  -H '{unasked}:'"));
        }
    }
    if let Some(body) = &request.body {
        line.push_str(&format!(" \\\n  --data-binary {}", quote(&mask.text(body))));
    }
    format!("{line} \\\n  {}", quote(request.url.shown()))
}

fn curl_header(plane: Plane, name: &str, value: &Text, mask: &Mask) -> String {
    let token = matches!(value, Text::Secret(secret) if secret.label().contains("<token"));
    match (name, plane) {
        // A date stays good for minutes only, so the line makes its own.
        ("x-ms-date", _) => {
            r#""x-ms-date: $(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')""#.to_string()
        }
        ("authorization", Plane::Arm) if token => {
            r#""$(rawcosmos token --plane arm --auth-header --yes)""#.to_string()
        }
        ("authorization", Plane::Data) if token => {
            r#""$(rawcosmos token --plane data --auth-header --yes)""#.to_string()
        }
        _ => quote(&format!("{name}: {}", mask.text(value.shown()))),
    }
}

/// One word for a POSIX shell, whatever is in it.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Host and request target of an absolute URL.
fn split_url(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
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

/// Replaces the text value of every member of that name.
fn mask_member(text: &str, member: &str) -> String {
    let needle = format!("\"{member}\"");
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(&needle) {
        let (before, after) = rest.split_at(at + needle.len());
        masked.push_str(before);
        let value = after.trim_start().trim_start_matches(':').trim_start();
        rest = match value.strip_prefix('"') {
            Some(value) => {
                let end = end_of_string(value);
                let (secret, tail) = value.split_at(end);
                masked.push_str(&format!(":\"{}\"", masked_value(secret)));
                tail.strip_prefix('"').unwrap_or(tail)
            }
            None => after,
        };
    }
    masked + rest
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

/// The reason phrase of a status.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        207 => "Multi-Status",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Payload Too Large",
        424 => "Failed Dependency",
        429 => "Too Many Requests",
        449 => "Retry With",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
