//! Which cloud a run is in: endpoints and audiences, where nothing names them.

use super::credential::said_cloud;
use super::session::Session;
use crate::error::Error;
use crate::exchange::Credential;
use crate::identity::cloud::Cloud;
use crate::identity::refusal::{self, Refusal};
use crate::identity::{Source, Token};
use crate::name::Endpoint;

impl Session<'_> {
    /// The cloud: `--cloud`, else what the endpoints' hosts say, else what the machine says, else the public one.
    pub fn cloud(&self) -> Result<&'static Cloud, Error> {
        if let Some(cloud) = self.cloud.get() {
            return Ok(cloud);
        }
        let (cloud, origin) = match said_cloud(self.settings)? {
            Some(cloud) => {
                let said = self.settings.find("cloud").map(|value| value.origin);
                (cloud, said.unwrap_or("the endpoint's host".to_string()))
            }
            None => self.machines_cloud()?,
        };
        self.origin("cloud", cloud.name(), &origin);
        Ok(self.cloud.get_or_init(|| cloud))
    }

    /// An endpoint that is named needs no cloud, and a read of one item no question about it.
    fn machines_cloud(&self) -> Result<(&'static Cloud, String), Error> {
        let usual = |why: &str| Ok((Cloud::public(), why.to_string()));
        let is_set = |name| self.settings.find(name).is_some();
        let known = self.machine.borrow().is_some();
        if !known && (!self.has_metadata() || is_set("endpoint") || is_set("arm-endpoint")) {
            return usual("nothing that says another");
        }
        match self.machine() {
            Ok(machine) if machine.cloud.is_empty() => usual("metadata that says no other"),
            Ok(machine) => match Cloud::named(&machine.cloud) {
                Some(cloud) => Ok((cloud, "the machine's metadata".to_string())),
                None => Err(unknown(&machine.cloud)),
            },
            Err(e) if is_final(&e) => Err(e),
            Err(e) => usual(&format!(
                "the machine's metadata, which is not to be had: {e}"
            )),
        }
    }

    /// Whether the source of identities also describes the machine.
    pub fn has_metadata(&self) -> bool {
        matches!(
            self.client.credential(),
            Credential::Identity {
                source: Source::Imds(_),
                ..
            }
        )
    }

    /// Decides which audience ARM's tokens are asked for.
    pub fn settle_arm(&self) -> Result<(), Error> {
        if self.has_key() || self.settled.0.replace(true) {
            return Ok(());
        }
        let audience = match self.told("arm-audience") {
            Some(audience) => audience,
            None => self.cloud()?.arm_audience.to_string(),
        };
        self.client.set_audiences(|known| known.arm = audience);
        Ok(())
    }

    /// Decides which audience the data plane's tokens are asked for: the account's host says its cloud best.
    pub fn settle_data(&self, account: Option<&Endpoint>) -> Result<(), Error> {
        if self.has_key() || self.settled.1.replace(true) {
            return Ok(());
        }
        let host = account.map_or("", Endpoint::host);
        let hosted = Cloud::of_host(host);
        let (audience, own) = match (self.told("data-audience"), hosted) {
            (Some(said), _) => (said.trim_end_matches("/.default").to_string(), None),
            (None, Some(cloud)) => (cloud.data_audience.into(), self.own_audience(host, cloud)),
            (None, None) => (self.cloud()?.data_audience.to_string(), None),
        };
        self.client.set_audiences(|known| {
            known.data = audience;
            known.data_else = own;
        });
        Ok(())
    }

    /// A token for ARM, and its audience.
    pub fn arm_token(&self) -> Result<(Token, String), Error> {
        self.settle_arm()?;
        let audience = self.client.audiences().arm;
        Ok((self.client.token(&audience)?, audience))
    }

    /// A token for the data plane, and its audience.
    pub fn data_token(&self) -> Result<(Token, String), Error> {
        let is_set = |name| self.settings.find(name).is_some();
        match is_set("account-name") || is_set("endpoint") {
            true => drop(self.account()?),
            false => self.settle_data(None)?,
        }
        Ok((self.client.data_token()?, self.client.audiences().data))
    }

    /// `https://{account}.{suffix}`: a region's or a private link's host is no audience, an account's is.
    fn own_audience(&self, host: &str, cloud: &Cloud) -> Option<String> {
        let first = host.split('.').next()?;
        let account = self.settings.text("account-name");
        let account = account.unwrap_or(first.to_string()).to_ascii_lowercase();
        Some(format!("https://{account}.{}", cloud.suffix))
    }
}

/// Whether there is no use in asking the same endpoint for a token.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Identity(no_token) => no_token.failure.as_ref().is_some_and(|failure| {
            matches!(
                refusal::of(failure),
                Refusal::Updating | Refusal::Busy | Refusal::Failing
            )
        }),
        Error::Answer(_) => false,
        _ => true,
    }
}

fn unknown(cloud: &str) -> Error {
    Error::usage(format!(
        "the machine is in the cloud {cloud:?}, which is not known here: say what it is like with --cloud public, \
         usgov or china, or give --endpoint, --data-audience, --arm-endpoint and --arm-audience"
    ))
}
