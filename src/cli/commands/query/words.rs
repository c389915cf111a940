//! What the words behind `query` say.

use crate::cli::files::{TEXT_BYTES, read_text};
use crate::cli::session::Session;
use crate::cosmos::query::Query;
use crate::error::Error;

/// What the service gives to go on with is told from the name of a file by how it begins.
pub fn is_token(text: &str) -> bool {
    text.starts_with(['{', '[', '"', '+', '-'])
}

/// The query that was given, or that of `--file`, with its parameters.
pub fn asked(session: &Session, given: Option<String>, what: &str) -> Result<Option<Query>, Error> {
    let text = match (given, session.settings.text("file")) {
        (Some(_), Some(_)) => {
            return Err(Error::usage(format!(
                "{what} and --file exclude each other"
            )));
        }
        (None, Some(path)) => Some(read_text(&path, TEXT_BYTES)?),
        (given, None) => given,
    };
    // A variable or a pipe that held nothing is no query either.
    let text = text.filter(|text| !text.trim().is_empty());
    session.known.borrow_mut().query.clone_from(&text);
    text.map(|text| with_parameters(session, text)).transpose()
}

fn with_parameters(session: &Session, text: String) -> Result<Query, Error> {
    let mut query = Query::new(text);
    for (option, is_json) in [("param", false), ("param-json", true)] {
        for pair in session.settings.args().values(option) {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| Error::usage(format!("--{option} {pair}: it must be NAME=VALUE")))?;
            let value = if is_json {
                value.to_string()
            } else {
                serde_json::Value::from(value).to_string()
            };
            query = query.parameter(name, &value)?;
        }
    }
    Ok(query)
}
