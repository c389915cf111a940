//! An answer, read to its end.

use std::borrow::Cow;
use std::io::Read;

use ureq::Body;
use ureq::http::HeaderMap;

use crate::message::{Headers, room};

/// An answer whose length is not said is mostly smaller.
const USUAL_BODY: usize = 8 * 1024;
/// No answer of the service is larger: pages end at 4 MB.
const LARGEST_BODY: u64 = 32 * 1024 * 1024;

/// The whole body, in room that is there before where its length was said.
pub(super) fn body(body: &mut Body) -> Result<Vec<u8>, ureq::Error> {
    let said = body.content_length().map(|said| said.min(LARGEST_BODY));
    let said = said.and_then(|said| usize::try_from(said).ok());
    let mut bytes = match said {
        Some(said) => room::take(said),
        None => Vec::with_capacity(USUAL_BODY),
    };
    let mut reader = body.with_config().limit(LARGEST_BODY).reader();
    reader.read_exact(&mut bytes)?;
    // To the end, so that the connection is free for others.
    reader.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Name and value of each header.
pub(super) fn headers(map: &HeaderMap) -> Headers {
    let mut headers = Headers::with_capacity(map.len());
    for (name, value) in map {
        headers.push(name.as_str(), &text(value.as_bytes()));
    }
    headers
}

/// Nearly all headers are ASCII, and that is told quickly.
fn text(value: &[u8]) -> Cow<'_, str> {
    let text = std::str::from_utf8(value).map(Cow::Borrowed);
    text.unwrap_or_else(|_| String::from_utf8_lossy(value))
}
