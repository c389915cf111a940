//! Answers that are whole and still not what a client expects.

use crate::sandbox::http::Response;

const MIB: usize = 1024 * 1024;
const HEADERS: usize = 150;

/// What an answer is made into after the request has been served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoil {
    /// A page, as something between client and service might write it.
    NotJson,
    /// The same JSON with that many MiB of white space behind it.
    Huge(usize),
    /// The same with many more headers.
    ManyHeaders,
}

impl Spoil {
    /// Does that to an answer.
    pub fn apply(self, mut answer: Response) -> Response {
        match self {
            Self::NotJson => {
                answer.body = b"<html><body><h1>It works!</h1></body></html>".to_vec();
                answer
                    .headers
                    .retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
                answer.with("Content-Type", "text/html")
            }
            Self::Huge(size) => {
                let length = answer.body.len() + size * MIB;
                answer.body.resize(length, b' ');
                answer
            }
            Self::ManyHeaders => (0..HEADERS).fold(answer, |answer, number| {
                answer.with(&format!("x-filler-{number}"), number.to_string())
            }),
        }
    }
}
