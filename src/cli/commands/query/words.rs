//! What the words behind `query` say.

use crate::cli::session::Session;
use crate::cli::settings::read_file;
use crate::cosmos::query::Query;
use crate::error::Error;

/// What the service gives to go on with is told from the name of a file by how it begins.
pub fn is_token(text: &str) -> bool {
    text.starts_with(['{', '[', '"', '+', '-'])
}

fn text(session: &Session, operands: &[String]) -> Result<String, Error> {
    let text = match (operands.first(), session.settings.text("file")) {
        (Some(_), Some(_)) => {
            return Err(Error::usage("a query and --file exclude each other"));
        }
        (Some(text), None) => text.clone(),
        (None, Some(path)) => read_file(&path)?,
        (None, None) => String::new(),
    };
    // A variable or a pipe that held nothing is no query either.
    if text.trim().is_empty() {
        return Err(Error::usage(
            "which query? for example: rawcosmos query 'SELECT * FROM c'",
        ));
    }
    Ok(text)
}

/// The query that the words of a command name, with its parameters.
pub fn asked(session: &Session, operands: &[String]) -> Result<Query, Error> {
    let mut query = Query::new(text(session, operands)?);
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
