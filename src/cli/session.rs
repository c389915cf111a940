//! What a command works with: the client, the names it is about, and what is said along the way.

use std::cell::{Cell, RefCell};

use serde_json::Value;

use super::explain::Context;
use super::say::tell;
use super::settings::{Settings, read_file};
use super::trace::Rehearsal;
use crate::arm;
use crate::authorize::master_key::MasterKey;
use crate::cosmos;
use crate::error::Error;
use crate::exchange::pages::Flow;
use crate::exchange::{Audiences, Client, Credential, SystemClock, Transport};
use crate::identity::instance::{self, Instance};
use crate::identity::{Selector, Token, imds};
use crate::message::{Answer, Call, Next, Page};
use crate::name::{Endpoint, Name};
use crate::show::Mask;

/// Stands for a value that only an answer would tell, where nothing is asked.
const PLACEHOLDER: &str = "to-be-discovered";

/// One run of the program.
pub struct Session<'a> {
    /// The command line and the environment.
    pub settings: &'a Settings,
    /// Carries the calls out.
    pub client: Client<'a>,
    /// The metadata service.
    pub imds: Endpoint,
    rehearsal: Option<&'a Rehearsal>,
    mask: &'a Mask,
    action: Cell<&'static str>,
    known: RefCell<Context>,
    machine: RefCell<Option<Instance>>,
}

impl<'a> Session<'a> {
    /// With the credential the settings ask for. Opens nothing but the files that are named.
    pub fn new(
        settings: &'a Settings,
        transport: &'a dyn Transport,
        rehearsal: Option<&'a Rehearsal>,
        mask: &'a Mask,
    ) -> Result<Session<'a>, Error> {
        let imds = settings.text("imds-endpoint");
        let imds = Endpoint::identity(imds.as_deref().unwrap_or(imds::ADDRESS))?;
        let credential = credential(settings, &imds)?;
        match &credential {
            Credential::Token(token) => mask.learn(&token.secret),
            Credential::Key(key) => mask.learn(key.secret()),
            Credential::Identity { .. } => {}
        }
        let usual = Audiences::default();
        let audiences = Audiences {
            arm: settings.text("arm-audience").unwrap_or(usual.arm),
            data: settings.text("data-audience").map_or(usual.data, |scope| {
                scope.trim_end_matches("/.default").to_string()
            }),
        };
        Ok(Session {
            settings,
            client: Client::new(transport, &SystemClock, credential).with_audiences(audiences),
            imds,
            rehearsal,
            mask,
            action: Cell::new(""),
            known: RefCell::default(),
            machine: RefCell::default(),
        })
    }

    /// Carries one call out, and remembers what it needed in case it is refused.
    pub fn run<T>(&self, call: &Call<T>) -> Result<Answer<T>, Error> {
        self.about(call.action);
        self.client.run(call).map_err(|e| self.or_rehearsed(e))
    }

    /// Carries a list out, page by page.
    pub fn each_page(
        &self,
        first: Call<Page>,
        next: &dyn Fn(&Next) -> Result<Call<Page>, Error>,
        each: &mut dyn FnMut(Answer<Page>) -> Result<Flow, Error>,
    ) -> Result<(), Error> {
        self.about(first.action);
        let done = self.client.each_page(first, next, each);
        done.map_err(|e| self.or_rehearsed(e))
    }

    fn about(&self, action: &'static str) {
        self.action.set(action);
        if !action.is_empty() && self.settings.on("explain") {
            self.client
                .note(&format!("the role checked must hold the action {action}"));
        }
    }

    /// The end of a rehearsal is not an error of the network.
    pub fn or_rehearsed(&self, error: Error) -> Error {
        match self.rehearsal {
            Some(rehearsal) if rehearsal.has_ended() => Error::DryRun,
            _ => error,
        }
    }

    /// Whether nothing is to be sent.
    pub fn is_rehearsal(&self) -> bool {
        self.rehearsal.is_some()
    }

    /// Whether the account key is in use, so that databases and containers go through the data plane.
    pub fn has_key(&self) -> bool {
        matches!(self.client.credential(), Credential::Key(_))
    }

    /// Says something on standard error, unless told to be quiet.
    pub fn say(&self, text: &str) {
        if !self.settings.on("quiet") {
            tell(&self.mask.text(text));
        }
    }

    /// With `-v`: where a value in use came from.
    fn origin(&self, name: &str, text: &str, origin: &str) {
        if self.settings.on("verbose") {
            tell(&format!(
                "{name} = {} (from {origin})",
                self.mask.text(text)
            ));
        }
    }

    /// A value of the settings, told with `-v`.
    pub fn told(&self, name: &'static str) -> Option<String> {
        let value = self.settings.find(name)?;
        self.origin(name, &value.text, &value.origin);
        Some(value.text)
    }

    /// What is known for explaining a refusal.
    pub fn context(&self) -> Context {
        let mut context = self.known.borrow().clone();
        context.action = self.action.get();
        context
    }

    /// The account on the data plane: by its endpoint, or by its name in the public cloud.
    pub fn account(&self) -> Result<cosmos::Account, Error> {
        let endpoint = match self.told("endpoint") {
            Some(endpoint) => endpoint,
            None => {
                let name = self.account_name()?;
                format!("https://{name}.documents.azure.com")
            }
        };
        let endpoint = Endpoint::new(&endpoint)?;
        let named = self.settings.text("account-name");
        let first_label = endpoint.host().split('.').next().unwrap_or_default();
        self.known.borrow_mut().account = named.or(Some(first_label.to_string()));
        self.known.borrow_mut().group = self.settings.text("resource-group");
        Ok(cosmos::Account::new(endpoint))
    }

    fn account_name(&self) -> Result<Name, Error> {
        if let Some(text) = self.told("account-name") {
            return Name::new(text);
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
            None => Err(Error::Usage(
                "which account? give --account-name NAME, or set RAWCOSMOS_ACCOUNT_NAME".into(),
            )),
        }
    }

    /// The database the command is about.
    pub fn database(&self) -> Result<Name, Error> {
        let name = self.settings.name("database-name")?;
        self.known.borrow_mut().database = Some(name.to_string());
        Ok(name)
    }

    /// The container the command is about.
    pub fn container(&self) -> Result<cosmos::Container, Error> {
        let account = self.account()?;
        let database = self.database()?;
        let name = self.settings.name("container-name")?;
        self.known.borrow_mut().container = Some(name.to_string());
        Ok(account.database(&database).container(&name))
    }

    /// Remembers the name that `-n` gives, for explaining a refusal.
    pub fn about_name(&self, noun: &str, name: &Name) {
        let mut known = self.known.borrow_mut();
        match noun {
            "database" => known.database = Some(name.to_string()),
            _ => known.container = Some(name.to_string()),
        }
    }

    /// The management endpoint.
    pub fn arm(&self) -> Result<Endpoint, Error> {
        let told = self.told("arm-endpoint");
        Endpoint::new(told.as_deref().unwrap_or("https://management.azure.com"))
    }

    /// The account as ARM knows it. Subscription and group come from the settings, else from the machine's
    /// metadata; a group the metadata gave is only believed if the account is in it.
    pub fn arm_account(&self) -> Result<arm::Account, Error> {
        let (arm, name) = (self.arm()?, self.account_name()?);
        let subscription = match self.told("subscription") {
            Some(id) => Name::new(id)?,
            None => self.machines_own("subscription", |machine| machine.subscription.clone())?,
        };
        let group = match self.told("resource-group") {
            Some(group) => Name::new(group)?,
            None => self.group_of(&arm, &subscription, &name)?,
        };
        let mut known = self.known.borrow_mut();
        known.account = Some(name.to_string());
        known.group = Some(group.to_string());
        known.subscription = Some(subscription.to_string());
        Ok(arm::Account::new(arm, &subscription, &group, &name))
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
            Error::Usage(format!(
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
        let asked = || Error::Usage(format!("which {what}? give --{option}"));
        if !matches!(self.client.credential(), Credential::Identity { .. }) {
            return Err(asked());
        }
        let text = pick(&self.machine()?);
        let text = match text.as_str() {
            "" if self.is_rehearsal() => PLACEHOLDER.to_string(),
            "" => return Err(asked()),
            _ => text,
        };
        self.origin(&option, &text, "the machine's metadata");
        Name::new(text)
    }

    /// Our own object id: the `oid` of a token.
    pub fn own_object_id(&self) -> Result<Name, Error> {
        let token = self.client.token(&self.client.audiences().arm);
        let token = token.map_err(|e| self.or_rehearsed(e))?;
        let claims = token.claims();
        let oid = claims.as_ref().and_then(|claims| claims.text("oid"));
        match oid {
            Some(oid) => Name::new(oid),
            None if self.is_rehearsal() => Name::new(PLACEHOLDER),
            None => Err(Error::answer("the token does not say its object id (oid)")),
        }
    }
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

fn credential(settings: &Settings, imds: &Endpoint) -> Result<Credential, Error> {
    let (key, token) = (settings.text("key-file"), settings.text("token-file"));
    let source = settings.text("identity-source").unwrap_or("auto".into());
    match (key, token, source.as_str()) {
        (Some(_), Some(_), _) => Err(Error::Usage(
            "--key-file and --token-file exclude each other".into(),
        )),
        (Some(path), None, _) => Ok(Credential::Key(MasterKey::new(&read_file(&path)?)?)),
        (None, Some(path), _) => Ok(Credential::Token(Token::ready(&read_file(&path)?)?)),
        (None, None, "auto" | "imds") => Ok(Credential::Identity {
            endpoint: imds.clone(),
            selector: selector(settings)?,
        }),
        (None, None, "token-file") => Err(Error::Usage("--token-file is missing".into())),
        (None, None, other) => Err(Error::Usage(format!(
            "the identity source {other:?} is not known: auto, imds or token-file"
        ))),
    }
}

fn selector(settings: &Settings) -> Result<Selector, Error> {
    let given = |name| settings.args().has(name);
    let named = ["client-id", "object-id", "identity-resource-id"];
    if named.into_iter().filter(|name| given(name)).count() > 1 {
        return Err(Error::Usage(
            "--client-id, --object-id and --identity-resource-id exclude each other".into(),
        ));
    }
    // An option beats a variable even of another name: AZURE_CLIENT_ID is set on many machines.
    let said = named.into_iter().find(|name| given(name));
    let value = |name| {
        settings
            .text(name)
            .filter(|_| said.is_none_or(|said| said == name))
    };
    if let Some(id) = value("object-id") {
        return Ok(Selector::ObjectId(Name::new(id)?));
    }
    if let Some(id) = value("identity-resource-id") {
        return Ok(Selector::ResourceId(id));
    }
    match value("client-id") {
        Some(id) => Ok(Selector::ClientId(Name::new(id)?)),
        None => Ok(Selector::Default),
    }
}
