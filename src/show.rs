//! A [`Request`] or [`Response`] as HTTP text or as a curl line. Masking lives here and nowhere else.

pub mod mask;

use crate::message::{Plane, Request, Response, Text};
pub use mask::{Mask, printable, unsigned};

/// A request as HTTP text, the way it goes over the wire.
pub fn request(request: &Request, mask: &Mask) -> String {
    let mut text = request_head(request, mask);
    if let Some(body) = request
        .body
        .as_ref()
        .map(|body| body.shown())
        .filter(|b| !b.is_empty())
    {
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
        text.push_str(&format!("content-length: {}\n", body.expose().len()));
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
    for (name, value) in response.headers.iter() {
        text.push_str(&format!("{name}: {}\n", mask.header(name, value)));
    }
    text
}

/// A line for a shell with curl that sends the same request. A token is asked for when the line runs, so it
/// stands neither in the line nor in the history; headers curl would add unasked are switched off.
pub fn curl(request: &Request, mask: &Mask) -> String {
    curl_as("", request, mask)
}

/// The same, where it takes further options to ask for the token of the same identity.
pub fn curl_as(identity: &str, request: &Request, mask: &Mask) -> String {
    // Told to say HEAD in another way, curl waits for a body that never comes.
    let method = match request.method {
        "HEAD" => "--head".to_string(),
        method => format!("-i -X {method}"),
    };
    let mut line = format!("curl -sS {method}");
    if request.plane == Plane::Identity {
        line.push_str(" --noproxy '*'");
    }
    for (name, value) in &request.headers {
        line.push_str(" \\\n  -H ");
        line.push_str(&match (*name, request.plane) {
            ("authorization", plane) if is_token(value) => {
                let plane = if plane == Plane::Arm { "arm" } else { "data" };
                let asked = format!("rawcosmos token --plane {plane} --auth-header --yes");
                format!("\"$({asked}{identity})\"")
            }
            _ => curl_header(name, value, mask),
        });
    }
    for unasked in ["accept", "user-agent", "content-type"] {
        let sent = request.headers.iter().any(|(name, _)| *name == unasked);
        if !sent && (unasked != "content-type" || request.body.is_some()) {
            line.push_str(&format!(" \\\n  -H '{unasked}:'"));
        }
    }
    if let Some(body) = &request.body {
        line.push_str(&format!(
            " \\\n  --data-binary {}",
            curl_word("", body, mask)
        ));
    }
    format!("{line} \\\n  {}", quote(request.url.shown()))
}

fn is_token(value: &Text) -> bool {
    matches!(value, Text::Secret(secret) if secret.label().contains("<token"))
}

fn curl_header(name: &str, value: &Text, mask: &Mask) -> String {
    match name {
        // A date stays good for minutes only, so the line makes its own.
        "x-ms-date" => {
            r#""x-ms-date: $(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')""#.to_string()
        }
        _ => curl_word(&format!("{name}: "), value, mask),
    }
}

/// One word: as it is, or got by the shell where it is a secret that a shell can get.
fn curl_word(before: &str, text: &Text, mask: &Mask) -> String {
    match text.shell() {
        Some(words) => format!("\"{before}{words}\""),
        None => quote(&format!("{before}{}", mask.text(text.shown()))),
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
pub fn split_url(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    }
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
