//! A server that Azure Arc manages: its agent gives tokens to whoever can read a file of the agent's.
//!
//! The first answer is 401 and names the file; the second request shows its text. Any process may listen on the agent's
//! port, so the name is not trusted: a client that runs as root would read any file to it.
//!
//! <https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication>

use std::path::{Path, PathBuf};

use super::app_service::{checked, with_query};
use super::imds::NAMES;
use super::{Selector, Token, read_token};
use crate::error::Error;
use crate::message::{Call, Effect, Plane, Request, Scope};
use crate::name::{Secret, percent_encode};
use crate::show::quote;

/// The first version of its protocol that is documented for Linux and Windows.
pub const VERSION: &str = "2020-06-01";

/// Where the agent listens, where no variable says it.
pub const ADDRESS: &str = "http://127.0.0.1:40342/metadata/identity/oauth2/token";

/// No key is longer.
pub const LONGEST_KEY: u64 = 4096;

/// The agent, and where its keys are.
#[derive(Debug, Clone)]
pub struct Agent {
    /// `IDENTITY_ENDPOINT`, as it is.
    pub endpoint: String,
    /// The only directory a key may be read from.
    pub keys: PathBuf,
}

impl Agent {
    /// At an endpoint, with its keys in a directory.
    pub fn new(endpoint: &str, keys: impl Into<PathBuf>) -> Result<Agent, Error> {
        Ok(Agent {
            endpoint: checked("IDENTITY_ENDPOINT", endpoint)?,
            keys: keys.into(),
        })
    }
}

/// `GET /metadata/identity/oauth2/token`: a token, or 401 and the name of the file to be shown.
///
/// <https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication#acquire-an-access-token-using-rest-api>
pub fn token(agent: &Agent, audience: &str, selector: &Selector) -> Call<Token> {
    let resource = percent_encode(audience);
    let selected = selector.parameter(NAMES);
    let query = format!("api-version={VERSION}&resource={resource}{selected}");
    Call {
        request: Request::new(Plane::Identity, "GET", with_query(&agent.endpoint, &query))
            .header("metadata", "true"),
        scope: Scope::Open,
        action: "",
        effect: Effect::Read,
        read: read_token,
    }
}

/// The same with the text of the key file: as it is, although the scheme is called Basic.
pub fn with_key(mut call: Call<Token>, key: &str, file: &Path) -> Call<Token> {
    let shown = Secret::new("key", key);
    let proof = Secret::within(format!("Basic {key}"), format!("Basic {}", shown.label()));
    let file = quote(&file.to_string_lossy());
    let proof = proof.in_shell(format!("Basic $(cat {file})"));
    call.request = call.request.header("authorization", proof);
    call
}

/// The file that a challenge names: `Basic realm=/var/opt/azcmagent/tokens/….key`.
pub fn key_file(challenge: &str) -> Option<&Path> {
    let (scheme, file) = challenge.split_once('=')?;
    let named = scheme.trim().eq_ignore_ascii_case("basic realm");
    let path = Path::new(file.trim().trim_matches('"'));
    (named && path.is_absolute()).then_some(path)
}

/// A file as it was found: every link followed.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where it really is.
    pub path: PathBuf,
    /// Where the directory of the keys really is.
    pub keys: PathBuf,
    /// Whether it is a file, and no directory, device or pipe.
    pub is_file: bool,
    /// How long it is.
    pub length: u64,
}

impl Found {
    /// Whether it may be read; the error says what is wrong with it.
    pub fn may_be_read(&self) -> Result<(), &'static str> {
        let rules = [
            (
                self.path.parent() == Some(self.keys.as_path()),
                "it is not in the directory of the agent's keys",
            ),
            (
                self.path.extension().is_some_and(|end| end == "key"),
                "its name does not end in .key",
            ),
            (self.is_file, "it is no regular file"),
            (self.length <= LONGEST_KEY, "it is longer than a key"),
        ];
        let broken = rules.into_iter().find(|(kept, _)| !kept);
        broken.map_or(Ok(()), |(_, why)| Err(why))
    }
}
