//! Which account, database and container a command is about, on either plane.

use serde_json::Value;

use super::session::Session;
use super::settings::{account_name, azure_id, without_odd};
use crate::arm::{self, groups::Group};
use crate::cosmos;
use crate::error::Error;
use crate::exchange::pages::Flow;
use crate::identity::instance::{self, Instance};
use crate::identity::refusal::{self, Refusal};
use crate::name::{Endpoint, Name};

/// Stands for a value that only an answer would tell, where nothing is asked.
pub const PLACEHOLDER: &str = "to-be-discovered";

impl Session<'_> {
    /// The account on the data plane: by its endpoint, or by its name in the cloud we are in.
    pub fn account(&self) -> Result<cosmos::Account, Error> {
        let endpoint = match self.told("endpoint") {
            Some(endpoint) => endpoint,
            None => {
                let name = self.account_name()?;
                format!("https://{name}.{}", self.cloud()?.suffix)
            }
        };
        let endpoint = Endpoint::new(&endpoint)?;
        let named = self.settings.text("account-name");
        if let Some(name) = named.as_deref().filter(|name| !agree(name, &endpoint)) {
            return Err(Error::usage(format!(
                "the account is {name}, but the endpoint is {endpoint}: leave one of them out"
            )));
        }
        self.known.borrow_mut().account = named.or_else(|| named_by(endpoint.host()));
        self.known.borrow_mut().group = self.settings.text("resource-group");
        self.settle_data(Some(&endpoint))?;
        Ok(cosmos::Account::new(endpoint))
    }

    /// The account's name, as the options or the endpoint say it.
    pub fn account_name(&self) -> Result<Name, Error> {
        if let Some(value) = self.told_value("account-name") {
            return account_name(value);
        }
        // https://NAME.documents.azure.com names the account as well.
        let endpoint = self.settings.text("endpoint");
        let endpoint = endpoint.as_deref().map(Endpoint::new).transpose()?;
        let host = endpoint
            .as_ref()
            .map(|endpoint| endpoint.host().to_string());
        let label = host
            .as_deref()
            .and_then(|host| host.split_once(".documents."));
        match label {
            Some((name, _)) => Name::new(name),
            None => Err(Error::usage(
                "which account? give --account-name NAME, or set RAWCOSMOS_ACCOUNT_NAME",
            )),
        }
    }

    /// The database the command is about.
    pub fn database(&self) -> Result<Name, Error> {
        self.told("database-name");
        let name = self.settings.name("database-name")?;
        self.known.borrow_mut().database = Some(name.to_string());
        Ok(name)
    }

    /// The container the command is about.
    pub fn container(&self) -> Result<cosmos::Container, Error> {
        let account = self.account()?;
        let database = self.database()?;
        self.told("container-name");
        let name = self.settings.name("container-name")?;
        self.known.borrow_mut().container = Some(name.to_string());
        Ok(account.database(&database).container(&name))
    }

    /// Remembers the name that `-n` gives, for explaining a refusal.
    pub fn about_name(&self, noun: &str, name: &Name) {
        let mut known = self.known.borrow_mut();
        match noun {
            "account" => known.account = Some(name.to_string()),
            "database" => known.database = Some(name.to_string()),
            _ => known.container = Some(name.to_string()),
        }
    }

    /// The management endpoint.
    pub fn arm(&self) -> Result<Endpoint, Error> {
        let endpoint = match self.told("arm-endpoint") {
            Some(endpoint) => endpoint,
            None => self.cloud()?.arm.to_string(),
        };
        self.settle_arm()?;
        Endpoint::new(&endpoint)
    }

    /// The account as ARM knows it. Subscription and group come from the settings, else from the machine's
    /// metadata; a group the metadata gave is only believed if the account is in it.
    pub fn arm_account(&self) -> Result<arm::Account, Error> {
        self.arm_account_of(self.account_name()?)
    }

    /// The same for an account by name.
    pub fn arm_account_of(&self, name: Name) -> Result<arm::Account, Error> {
        let subscription = self.subscription()?;
        // The machine was perhaps asked by now, and has said its cloud.
        let arm = self.arm()?;
        self.known.borrow_mut().account = Some(name.to_string());
        let group = match self.told("resource-group") {
            Some(group) => {
                without_odd("resource-group", &group)?;
                Name::new(group)?
            }
            None => self.group_of(&arm, &subscription, &name)?,
        };
        self.known.borrow_mut().group = Some(group.to_string());
        Ok(arm::Account::new(arm, &subscription, &group, &name))
    }

    /// The subscription: from the settings, else the machine's own.
    pub fn subscription(&self) -> Result<Name, Error> {
        let subscription = match self.told_value("subscription") {
            Some(id) => azure_id(id)?,
            None => self.machines_own("subscription", |machine| machine.subscription.clone())?,
        };
        self.known.borrow_mut().subscription = Some(subscription.to_string());
        Ok(subscription)
    }

    /// A resource group by name.
    pub fn group(&self, name: Name) -> Result<Group, Error> {
        self.known.borrow_mut().group = Some(name.to_string());
        let subscription = self.subscription()?;
        Ok(Group::new(self.arm()?, subscription, name))
    }

    /// The group in which something new is made: from the settings, else the machine's own.
    pub fn own_group(&self) -> Result<Group, Error> {
        let name = match self.told("resource-group") {
            Some(group) => {
                without_odd("resource-group", &group)?;
                Name::new(group)?
            }
            None => self.machines_own("resource group", |machine| machine.group.clone())?,
        };
        self.group(name)
    }

    fn group_of(&self, arm: &Endpoint, subscription: &Name, name: &Name) -> Result<Name, Error> {
        let group = self.machines_own("resource group", |machine| machine.group.clone())?;
        if self.is_rehearsal() {
            return Ok(group);
        }
        let here = arm::Account::new(arm.clone(), subscription, &group, name);
        match self.run(&arm::accounts::show(&here)) {
            Ok(_) => Ok(group),
            Err(e) if e.is_status(404) => self.discovered_group(arm, subscription, name),
            Err(e) => Err(e),
        }
    }

    /// The group of an account that is not in the machine's own: from the list of the subscription.
    fn discovered_group(
        &self,
        arm: &Endpoint,
        subscription: &Name,
        name: &Name,
    ) -> Result<Name, Error> {
        let mut found = None;
        self.each_page(
            arm::accounts::list(arm, subscription),
            &|next| arm::accounts::list_next(arm, next),
            &mut |page| {
                found = page
                    .value
                    .items
                    .iter()
                    .find_map(|item| group_in(item.get(), name));
                Ok(if found.is_some() {
                    Flow::Stop
                } else {
                    Flow::Continue
                })
            },
        )?;
        let group = found.ok_or_else(|| {
            Error::usage(format!(
                "no account {name} is to be seen in the subscription {subscription}: give --resource-group"
            ))
        })?;
        self.origin("resource-group", &group, "the list of accounts");
        Name::new(group)
    }

    /// What the machine knows of itself, asked once.
    pub fn machine(&self) -> Result<Instance, Error> {
        if let Some(machine) = self.machine.borrow().as_ref() {
            return Ok(machine.clone());
        }
        let machine = self.run(&instance::compute(&self.imds))?.value;
        *self.machine.borrow_mut() = Some(machine.clone());
        Ok(machine)
    }

    fn machines_own(&self, what: &str, pick: fn(&Instance) -> String) -> Result<Name, Error> {
        let option = what.replace(' ', "-");
        let variable = option.to_ascii_uppercase().replace('-', "_");
        let asked = || {
            Error::usage(format!(
                "which {what}? nothing here says it: give --{option}, or set RAWCOSMOS_{variable}"
            ))
        };
        if !self.has_metadata() {
            return Err(asked());
        }
        let machine = self
            .machine()
            .map_err(|error| match is_undescribed(&error) {
                true => asked(),
                false => error,
            })?;
        let text = pick(&machine);
        let text = match text.as_str() {
            "" if self.is_rehearsal() => PLACEHOLDER.to_string(),
            "" => return Err(asked()),
            _ => text,
        };
        self.origin(&option, &text, "the machine's metadata");
        Name::new(text)
    }
}

/// The account a host is named after; no address is, and no name without a dot.
fn named_by(host: &str) -> Option<String> {
    let (label, _) = host.split_once('.')?;
    let letters = label.contains(|char: char| char.is_ascii_alphabetic());
    letters.then(|| label.to_string())
}

/// Whether an endpoint may be this account's. One half of a command must not go to one account and the other half to
/// another because a variable was still set. `NAME-REGION` is a regional endpoint; hosts of other forms tell nothing.
fn agree(name: &str, endpoint: &Endpoint) -> bool {
    let host = endpoint.host().to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    let rest = host.strip_prefix(&name);
    !host.contains(".documents.") || rest.is_some_and(|rest| rest.starts_with(['.', '-']))
}

/// Whether the metadata service gives tokens and describes no machine, as for containers.
pub fn is_undescribed(error: &Error) -> bool {
    let said = error.failure().map(refusal::of);
    matches!(
        (error, said),
        (Error::Identity(..), Some(Refusal::NoMachine))
    )
}

/// The group in an account's id, if it is this account.
fn group_in(account: &str, name: &Name) -> Option<String> {
    let account: Value = serde_json::from_str(account).ok()?;
    let id = account.get("id")?.as_str()?;
    let mut parts = id.trim_start_matches('/').split('/').skip(3);
    let group = parts.next()?;
    let last = id.rsplit('/').next()?;
    last.eq_ignore_ascii_case(name.as_str())
        .then(|| group.to_string())
}
