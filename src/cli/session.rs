//! What a command works with: the client, the names it is about, and what is said along the way.

use std::cell::{Cell, OnceCell, RefCell};
use std::time::Duration;

use super::args::plain;
use super::credential::{Chosen, credential, in_use};
use super::explain::{CallSettings, Context};
use super::interrupt::InterruptibleClock;
use super::place::PLACEHOLDER;
use super::say::tell;
use super::settings::{Settings, Value};
use super::trace::Rehearsal;
use crate::authorize::http_date;
use crate::error::{Error, Failure};
use crate::exchange::budget::Budget;
use crate::exchange::pages::Flow;
use crate::exchange::{Client, Clock, Credential, Transport};
use crate::identity::cloud::Cloud;
use crate::identity::imds;
use crate::identity::instance::Instance;
use crate::message::{Answer, Call, Effect, Next, Page};
use crate::name::{Endpoint, Name, Secret};
use crate::show::Mask;

/// How long ARM is waited for after a command has failed.
const ASKING_RULES: Duration = Duration::from_secs(3);

/// One run of the program.
pub struct Session<'a> {
    /// The command line and the environment.
    pub settings: &'a Settings,
    /// Carries the calls out.
    pub client: Client<'a>,
    /// The metadata service.
    pub imds: Endpoint,
    /// By what the credential was chosen: names, never values.
    pub evidence: String,
    rehearsal: Option<&'a Rehearsal>,
    mask: &'a Mask,
    action: Cell<&'static str>,
    change: RefCell<String>,
    pub(super) known: RefCell<Context>,
    pub(super) machine: RefCell<Option<Instance>>,
    pub(super) cloud: OnceCell<&'static Cloud>,
    /// Whether the audiences of ARM and of the data plane have been decided on.
    pub(super) settled: (Cell<bool>, Cell<bool>),
}

/// The client with the limits and the regions the settings ask for.
fn limited<'a>(settings: &Settings, client: Client<'a>) -> Result<Client<'a>, Error> {
    let number = |name| settings.number::<u64>(name);
    let budget = Budget {
        retries: number("retries")?.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
        wait: number("retry-max-wait")?.map(Duration::from_secs),
    };
    let regions = settings.text("region").unwrap_or_default();
    let regions: Vec<&str> = regions
        .split(',')
        .filter(|name| !name.trim().is_empty())
        .collect();
    let client = client.with_budget(budget).with_regions(&regions);
    Ok(client.with_timeout(number("timeout")?.map(Duration::from_secs)))
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
        let Chosen {
            credential,
            evidence,
            named,
        } = credential(settings, &imds)?;
        match &credential {
            Credential::Token(token) => mask.learn(&token.secret),
            Credential::Key(key) => mask.learn(key.secret()),
            Credential::Identity { .. } => {}
        }
        let told = in_use(&credential);
        let session = Session {
            settings,
            client: limited(
                settings,
                Client::new(transport, &InterruptibleClock, credential),
            )?
            .patient(named),
            imds,
            evidence,
            rehearsal,
            mask,
            action: Cell::new(""),
            change: RefCell::default(),
            known: RefCell::default(),
            machine: RefCell::default(),
            cloud: OnceCell::new(),
            settled: Default::default(),
        };
        session.origin("credential", session.source(), &session.evidence);
        for name in told.into_iter().chain(["cacert"]) {
            session.told(name);
        }
        Ok(session)
    }

    /// The same by another clock than the machine's.
    #[must_use]
    pub fn with_clock(mut self, clock: &'a dyn Clock) -> Session<'a> {
        self.client = self.client.with_clock(clock);
        self
    }

    /// Carries one call out, and remembers what it needed in case it is refused.
    pub fn run<T>(&self, call: &Call<T>) -> Result<Answer<T>, Error> {
        self.about(call.action);
        let done = self.client.run(call).map_err(|e| self.or_rehearsed(e));
        if done.is_ok() && call.effect != Effect::Read {
            self.changed(&call.request.line());
        }
        done
    }

    /// Remembers what was changed, in case that cannot be printed.
    pub fn changed(&self, what: &str) {
        *self.change.borrow_mut() = what.to_string();
    }

    /// What was changed last; empty where nothing was.
    pub fn last_change(&self) -> String {
        self.change.borrow().clone()
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

    /// Whether what a call asks for is there.
    pub fn is_there<T>(&self, show: &Call<T>) -> Result<bool, Error> {
        match self.run(show) {
            Ok(_) => Ok(true),
            Err(e) if e.is_status(404) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Carries out what takes several calls, all of which need this action.
    pub fn flow<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.about(action);
        work(&self.client).map_err(|e| self.or_rehearsed(e))
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

    /// What the credential comes from, in a word.
    pub fn source(&self) -> &'static str {
        match self.client.credential() {
            Credential::Identity { source, .. } => source.name(),
            Credential::Token(_) => "token-file",
            Credential::Key(_) => "key-file",
        }
    }

    /// Whether the account key is in use, so that databases and containers go through the data plane.
    pub fn has_key(&self) -> bool {
        matches!(self.client.credential(), Credential::Key(_))
    }

    /// Remembers a secret, so that nothing that is shown from now on holds it.
    pub fn learn(&self, secret: &Secret) {
        self.mask.learn(secret);
    }

    /// Says something on standard error, unless told to be quiet.
    pub fn say(&self, text: &str) {
        if !self.settings.on("quiet") {
            tell(&self.mask.text(text));
        }
    }

    /// Says what may not be overlooked on standard error, also where that was to be quiet.
    pub fn warn(&self, text: &str) {
        tell(&format!("warning: {}", self.mask.text(text)));
    }

    /// A text without what is secret.
    pub fn masked(&self, text: &str) -> String {
        self.mask.text(text)
    }

    /// With `-v`: where a value in use came from.
    pub fn origin(&self, name: &str, text: &str, origin: &str) {
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

    /// A value of the settings with its origin, told with `-v`.
    pub fn told_value(&self, name: &'static str) -> Option<Value> {
        let value = self.settings.find(name)?;
        self.origin(name, &value.text, &value.origin);
        Some(value)
    }

    /// What is known for explaining a refusal.
    pub fn context(&self) -> Context {
        let mut context = self.known.borrow().clone();
        context.action = self.action.get();
        context.machine = self.machine.borrow().clone().unwrap_or_default();
        context.now = Some(http_date(self.client.clock().now()));
        let words = self.settings.args().words.iter();
        let words: Vec<&str> = words.map(|word| plain(word)).collect();
        context.settings = CallSettings::new(self.settings, &words);
        context.no_proxy = ["NO_PROXY", "no_proxy"]
            .into_iter()
            .find_map(|name| self.settings.variable(name));
        context
    }

    /// Asks ARM for the list that a printed command would replace, where the account's firewall refused a request.
    pub fn learn_ip_rules(&self, error: &Error) {
        let refused = error.failure().is_some_and(Failure::is_of_firewall);
        if !refused || self.has_key() || self.is_rehearsal() {
            return;
        }
        self.client.hurry(ASKING_RULES);
        let shown = self
            .arm_account()
            .and_then(|account| self.client.run(&crate::arm::accounts::show(&account)));
        // Without an answer the command keeps a word for the reader to fill in.
        let account = shown.ok().and_then(|shown| {
            let account: Option<serde_json::Value> = serde_json::from_str(shown.value.get()).ok();
            account
        });
        let rules = account.as_ref().and_then(crate::arm::accounts::ip_rules);
        self.known.borrow_mut().ip_rules = rules;
    }

    /// Our own object id: the `oid` of a token.
    pub fn own_object_id(&self) -> Result<Name, Error> {
        let (token, _) = self.arm_token().map_err(|e| self.or_rehearsed(e))?;
        let claims = token.claims();
        let oid = claims.as_ref().and_then(|claims| claims.text("oid"));
        match oid {
            Some(oid) => Name::new(oid),
            None if self.is_rehearsal() => Name::new(PLACEHOLDER),
            None => Err(Error::identity(
                "the token does not say its object id (oid): name the principal with --principal",
                None,
            )),
        }
    }
}
