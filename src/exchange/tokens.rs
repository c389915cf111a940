//! Tokens of this run, one per audience. The machine's metadata service caches across runs; a file here would only
//! be one more secret on a disk.

use time::OffsetDateTime;

use super::{Client, Credential};
use crate::error::Error;
use crate::identity::{Expiry, Token, imds};

/// A token is taken for expired this long before it is.
const EARLY: time::Duration = time::Duration::minutes(5);

/// The tokens obtained so far.
#[derive(Debug, Default)]
pub struct Tokens {
    kept: Vec<(String, Token)>,
}

impl Tokens {
    fn find(&self, audience: &str, now: OffsetDateTime) -> Option<Token> {
        let (_, token) = self.kept.iter().find(|(kept, _)| kept == audience)?;
        // The moment is the service's word and may be at the end of time: nothing is subtracted from it.
        let fresh = token.expires.moment(now) > now + EARLY;
        fresh.then(|| token.clone())
    }

    fn keep(&mut self, audience: &str, token: &Token) {
        self.forget(audience);
        self.kept.push((audience.to_string(), token.clone()));
    }

    /// Drops the token of an audience; whether there was one.
    pub fn forget(&mut self, audience: &str) -> bool {
        let before = self.kept.len();
        self.kept.retain(|(kept, _)| kept != audience);
        self.kept.len() < before
    }
}

impl Client<'_> {
    /// Drops all tokens of this run: the next call asks for its own.
    pub fn forget_tokens(&self) {
        *self.tokens.borrow_mut() = Tokens::default();
    }

    /// A token for an audience: the one of this run while it lives, else a new one.
    pub fn token(&self, audience: &str) -> Result<Token, Error> {
        let (endpoint, selector) = match &self.credential {
            Credential::Identity { endpoint, selector } => (endpoint, selector),
            Credential::Token(token) => return Ok(token.clone()),
            Credential::Key(_) => {
                return Err(Error::Usage(
                    "an account key is in use, so there is no token".into(),
                ));
            }
        };
        let now = self.now();
        if let Some(token) = self.tokens.borrow().find(audience, now) {
            return Ok(token);
        }
        let call = imds::token(endpoint, audience, selector);
        let mut token = match self.run(&call) {
            Ok(answer) => answer.value,
            // A page of a proxy, with 200 above it.
            Err(Error::Answer { request, what }) => {
                let sentence = format!("the answer to {request} is no token: {what}");
                return Err(Error::Identity(sentence, None));
            }
            Err(other) => return Err(other),
        };
        token.expires = Expiry::At(token.expires.moment(self.now()));
        self.tokens.borrow_mut().keep(audience, &token);
        Ok(token)
    }
}
