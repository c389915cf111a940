//! Whether the identity that answered is the one that was asked for.
//!
//! A source that does not know a selector ignores it and answers with another identity: what follows would then be done
//! by somebody else, with other rights.

use super::{Selector, Source, Token};
use crate::error::Error;

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// It is the one, or none was named.
    Same,
    /// Neither answer nor token says whose it is.
    Unknown,
}

/// Compares what was asked for with everything that answer and token say.
pub fn check(source: &Source, selector: &Selector, token: &Token) -> Result<Checked, Error> {
    let claims = token.claims();
    let claim = |name: &str| claims.as_ref().and_then(|c| c.text(name)).map(String::from);
    let (what, asked, echo, claims) = match selector {
        Selector::Default => return Ok(Checked::Same),
        Selector::ClientId(id) => (
            "client id",
            id.as_str(),
            token.client_id.clone(),
            claim("appid").or_else(|| claim("azp")),
        ),
        Selector::ObjectId(id) => (
            "object id",
            id.as_str(),
            token.object_id.clone(),
            claim("oid"),
        ),
        Selector::ResourceId(id) => (
            "resource id",
            id.as_str(),
            token.resource_id.clone(),
            claim("xms_mirid"),
        ),
    };
    // Agents that do not know the parameters yet answer as the machine itself, and say nothing.
    if matches!(source, Source::Arc(_)) && echo.is_none() {
        return Err(Error::Identity(
            format!(
                "the Arc agent does not say that it answered as {asked}: it is too old to be asked for a {what}"
            ),
            None,
        ));
    }
    let other = |said: &&String| {
        !said
            .trim_matches('/')
            .eq_ignore_ascii_case(asked.trim_matches('/'))
    };
    let said = [echo, claims];
    if let Some(said) = said.iter().flatten().find(other) {
        return Err(Error::Identity(
            format!("another identity answered: its {what} is {said}, and {asked} was asked for"),
            None,
        ));
    }
    match said.iter().all(Option::is_none) {
        true => Ok(Checked::Unknown),
        false => Ok(Checked::Same),
    }
}
