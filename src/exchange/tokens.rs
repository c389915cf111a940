//! Tokens of this run, one per audience. The machine's metadata service caches across runs; a file here would only
//! be one more secret on a disk.

use time::OffsetDateTime;

use super::{Client, Credential, files, locked};
use crate::error::Error;
use crate::identity::arc::{self, Agent};
use crate::identity::refusal::{self, Refusal};
use crate::identity::{self, Checked, Expiry, Selector, Source, Token};
use crate::identity::{aci_windows, app_service, imds, workload};
use crate::message::Call;

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
        *locked(&self.tokens) = Tokens::default();
    }

    /// A token for an audience: the one of this run while it lives, else a new one.
    pub fn token(&self, audience: &str) -> Result<Token, Error> {
        let (source, selector) = match &self.credential {
            Credential::Identity { source, selector } => (source, selector),
            Credential::Token(token) => return Ok(token.clone()),
            Credential::Key(_) => {
                return Err(Error::usage(
                    "an account key is in use, so there is no token",
                ));
            }
        };
        // Held until the answer is there: of several threads without a token one asks.
        let mut tokens = locked(&self.tokens);
        if let Some(token) = tokens.find(audience, self.now()) {
            return Ok(token);
        }
        source.takes(selector).map_err(Error::usage)?;
        let mut token = self.ask(source, selector, audience)?;
        if identity::check(source, selector, &token)? == Checked::Unknown {
            self.note("neither the answer nor the token says whose it is: it cannot be checked");
        }
        token.expires = Expiry::At(token.expires.moment(self.now()));
        tokens.keep(audience, &token);
        Ok(token)
    }

    /// A token for the data plane: for the account's own audience where the tenant does not know the usual one.
    pub fn data_token(&self) -> Result<Token, Error> {
        let audience = locked(&self.audiences).data.clone();
        let asked = self.token(&audience);
        let unknown = |error: &Error| {
            let failure = error.failure();
            failure.is_some_and(|failure| refusal::of(failure) == Refusal::UnknownAudience)
        };
        match asked {
            Err(error) if unknown(&error) => self.token_of_account(error),
            asked => asked,
        }
    }

    /// For the account's own audience, where there is one.
    fn token_of_account(&self, error: Error) -> Result<Token, Error> {
        let audiences = self.audiences();
        match audiences.data_else {
            Some(own) => {
                self.note(&format!(
                    "the tenant does not know the audience {}: asking for {own} from now on",
                    audiences.data
                ));
                self.set_audiences(|audiences| {
                    audiences.data.clone_from(&own);
                    audiences.data_else = None;
                });
                self.token(&own)
            }
            None => Err(error),
        }
    }

    /// Asks a source.
    fn ask(&self, source: &Source, selector: &Selector, audience: &str) -> Result<Token, Error> {
        match source {
            Source::Imds(endpoint) => self.obtain(&imds::token(endpoint, audience, selector)),
            Source::AppService(site) => self.obtain(&app_service::token(site, audience, selector)),
            Source::AciWindows(site) => self.obtain(&aci_windows::token(site, audience, selector)),
            Source::Arc(agent) => self.show_key(agent, arc::token(agent, audience, selector)),
            Source::Workload(pod) => {
                let assertion = files::assertion(pod)?;
                self.obtain(&workload::token(pod, audience, selector, &assertion))
            }
        }
    }

    /// Asks Arc's agent twice: it names a file, and is shown what is in it. Another refusal than that is the answer.
    fn show_key(&self, agent: &Agent, call: Call<Token>) -> Result<Token, Error> {
        self.note(
            "the Arc agent answers 401 and names a key file; the same again then shows its text",
        );
        match self.obtain(&call) {
            Err(error) => match error.failure() {
                Some(failure) if failure.status == 401 && failure.challenge.is_some() => {
                    let (key, file) = files::key(agent, failure)?;
                    self.obtain(&arc::with_key(call, key.expose(), &file))
                }
                _ => Err(error),
            },
            token => token,
        }
    }

    fn obtain(&self, call: &Call<Token>) -> Result<Token, Error> {
        match self.run(call) {
            Ok(answer) => Ok(answer.value),
            // A page of a proxy, with 200 above it.
            Err(Error::Answer(lost)) => {
                let (request, what) = (lost.request, lost.what);
                let sentence = format!("the answer to {request} is no token: {what}");
                Err(Error::identity(sentence, None))
            }
            Err(other) => Err(other),
        }
    }
}
