//! What Azure knows around the account's content: groups, accounts, who may manage them, and what stands in the way.

pub mod addresses;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

use super::arm::{OperationFaults, rbac};
use super::cosmos::regions::Regions;
use super::secrets::guid;
use super::world::{Offer, World};
use super::{LOCATION, imds};

/// A port of the loopback interface that nobody listens on.
pub const NOBODY: &str = "http://127.0.0.1:1";

/// The management plane's share of the world.
#[derive(Debug, Default)]
pub struct Azure {
    /// Resource groups by their names in lower case.
    pub groups: BTreeMap<String, Group>,
    /// Accounts by name: one name is one account, in all groups together.
    pub accounts: BTreeMap<String, Account>,
    /// Role assignments of Azure by their GUIDs in lower case.
    pub assignments: BTreeMap<String, Assignment>,
    /// No account has the data plane: it was deleted, or is not made yet.
    pub vacant: bool,
    /// States that refuse requests: `policy`, `locked` and others.
    pub troubles: BTreeSet<&'static str>,
    /// How many more writes find the account locked by somebody else.
    pub busy: u32,
    /// What goes wrong with operations once they were accepted.
    pub operation_faults: OperationFaults,
    /// The newest version of the provider that is served, where it is not the cloud's own.
    pub newest: Option<&'static str>,
    /// Throughput that is asked for and not there yet, by the `_rid` of its owner.
    pub pending: BTreeMap<String, Pending>,
}

/// A resource group.
#[derive(Debug, Clone)]
pub struct Group {
    /// As it was made.
    pub name: String,
    /// A region.
    pub location: String,
    /// Text by text.
    pub tags: Map<String, Value>,
    /// It is being deleted.
    pub deleting: bool,
}

/// An account as ARM knows it.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Lower case.
    pub name: String,
    /// Its resource group.
    pub group: String,
    /// The region it is listed under.
    pub location: String,
    /// The region its data is in.
    pub region: String,
    /// Text by text.
    pub tags: Map<String, Value>,
    /// What a request can set, completed.
    pub properties: Map<String, Value>,
    /// `provisioningState`.
    pub state: &'static str,
    /// Epoch seconds.
    pub created: i64,
    /// Primary, secondary, and the two that only read.
    pub keys: [String; 4],
    /// It refuses control operations on the data plane in the words of newer accounts.
    pub newer: bool,
}

/// A role of Azure given to a principal.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// What it is given on: `/subscriptions/S`, with a group and a resource if it is narrower.
    pub scope: String,
    /// GUID of the role.
    pub role: String,
    /// Object id.
    pub principal: String,
    /// Epoch seconds.
    pub created: i64,
}

/// Throughput that is on its way.
#[derive(Debug, Clone, Copy)]
pub struct Pending {
    /// What was asked for.
    pub offer: Offer,
    /// Milliseconds since the epoch.
    pub due: i64,
}

/// Why the data plane does not let this machine in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barrier {
    /// The account's list of addresses does not hold this machine.
    Firewall,
    /// The account is open to private endpoints alone.
    Private,
    /// A network security perimeter.
    Perimeter,
}

impl Azure {
    /// Whether a state is on.
    pub fn has(&self, trouble: &str) -> bool {
        self.troubles.contains(trouble)
    }
}

impl Account {
    /// An account as it is made where a request says nothing.
    pub fn new(name: &str, group: &str) -> Self {
        Self {
            name: name.to_owned(),
            group: group.to_owned(),
            location: LOCATION.to_owned(),
            region: LOCATION.to_owned(),
            properties: defaults(),
            state: "Succeeded",
            ..Self::default()
        }
    }

    /// Whether a property is `true`.
    pub fn flag(&self, name: &str) -> bool {
        self.properties.get(name) == Some(&Value::Bool(true))
    }

    /// A property that is text.
    pub fn text(&self, name: &str) -> &str {
        let value = self.properties.get(name).and_then(Value::as_str);
        value.unwrap_or_default()
    }

    /// Whether it was made with a capability.
    pub fn can(&self, capability: &str) -> bool {
        let all = self
            .properties
            .get("capabilities")
            .and_then(Value::as_array);
        all.into_iter()
            .flatten()
            .any(|each| each.get("name").and_then(Value::as_str) == Some(capability))
    }

    /// Changes a property.
    pub fn set(&mut self, name: &str, value: Value) {
        self.properties.insert(name.to_owned(), value);
    }

    fn lets_in(&self, address: Ipv4Addr) -> bool {
        let rules = self.properties.get("ipRules").and_then(Value::as_array);
        let mut rules = rules.into_iter().flatten().peekable();
        rules.peek().is_none() || rules.any(|rule| addresses::holds(rule, address))
    }
}

fn defaults() -> Map<String, Value> {
    let all = json!({
        "publicNetworkAccess": "Enabled",
        "enableAutomaticFailover": false,
        "enableMultipleWriteLocations": false,
        "isVirtualNetworkFilterEnabled": false,
        "virtualNetworkRules": [],
        "disableKeyBasedMetadataWriteAccess": false,
        "enableFreeTier": false,
        "enableAnalyticalStorage": false,
        "databaseAccountOfferType": "Standard",
        "defaultIdentity": "FirstPartyIdentity",
        "networkAclBypass": "None",
        "networkAclBypassResourceIds": [],
        "disableLocalAuth": false,
        "minimalTlsVersion": "Tls12",
        "consistencyPolicy": {
            "defaultConsistencyLevel": "Session", "maxIntervalInSeconds": 5, "maxStalenessPrefix": 100,
        },
        "backupPolicy": {"type": "Periodic", "periodicModeProperties": {
            "backupIntervalInMinutes": 240, "backupRetentionIntervalInHours": 8, "backupStorageRedundancy": "Geo",
        }},
        "cors": [],
        "capabilities": [],
        "ipRules": [],
    });
    match all {
        Value::Object(all) => all,
        _ => Map::new(),
    }
}

impl World {
    /// Makes the group and the account of a fresh sandbox and gives the machine's identities a role.
    pub fn furnish(&mut self, role: &str) {
        let group = Group {
            name: self.resource_group.clone(),
            location: self.cloud.location.to_owned(),
            tags: Map::new(),
            deleting: false,
        };
        let key = self.resource_group.to_ascii_lowercase();
        self.azure.groups.insert(key, group);
        let mut account = Account::new(&self.account, &self.resource_group);
        let place = self.cloud.location;
        (account.location, account.region) = (place.to_owned(), place.to_owned());
        account.keys = [0, 1, 2, 3].map(|number| self.new_key(number));
        account.keys[0].clone_from(&self.key);
        self.azure.accounts.insert(self.account.clone(), account);
        self.employ(role);
    }

    fn employ(&mut self, role: &str) {
        let Some(role) = rbac::named(role) else {
            return;
        };
        let subscription = format!("/subscriptions/{}", self.subscription);
        let group = format!("{subscription}/resourceGroups/{}", self.resource_group);
        for identity in imds::IDENTITIES {
            let assignment = Assignment {
                scope: if role.wide { &subscription } else { &group }.clone(),
                role: role.id.to_owned(),
                principal: identity.object_id.to_owned(),
                created: 0,
            };
            let id = guid(self);
            self.azure.assignments.insert(id, assignment);
        }
    }

    /// 64 bytes that no key had before.
    pub fn new_key(&mut self, kind: usize) -> String {
        let number = self.next();
        STANDARD.encode(Sha512::digest(format!("{}{kind}{number}", self.key)))
    }

    /// The account with the data plane.
    pub fn own(&self) -> Option<&Account> {
        self.azure.accounts.get(&self.account)
    }

    /// See [`World::own`].
    pub fn own_mut(&mut self) -> Option<&mut Account> {
        self.azure.accounts.get_mut(&self.account)
    }

    /// A flag of the account with the data plane.
    pub fn flag(&self, name: &str) -> bool {
        self.own().is_some_and(|account| account.flag(name))
    }

    /// Whether the account with the data plane has no throughput to give.
    pub fn serverless(&self) -> bool {
        self.own()
            .is_some_and(|account| account.can("EnableServerless"))
    }

    /// What keeps this machine out of the data plane.
    pub fn barrier(&self) -> Option<Barrier> {
        let account = self.own()?;
        match account.text("publicNetworkAccess") {
            "Disabled" => Some(Barrier::Private),
            "SecuredByPerimeter" => Some(Barrier::Perimeter),
            _ => (!account.lets_in(Ipv4Addr::LOCALHOST)).then_some(Barrier::Firewall),
        }
    }

    /// Ends the data plane: what was in the account is gone.
    pub fn vacate(&mut self) {
        self.databases.clear();
        self.role_assignments.clear();
        self.role_definitions.clear();
        self.azure.pending.clear();
        self.regions = Regions::default();
        self.azure.vacant = true;
    }

    /// Gives the data plane to an account, if no other has it.
    pub fn settle(&mut self, name: &str) {
        let Some(account) = self.azure.accounts.get(name).filter(|_| self.azure.vacant) else {
            return;
        };
        self.key.clone_from(&account.keys[0]);
        name.clone_into(&mut self.account);
        self.azure.vacant = false;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_list_of_addresses_holds_what_it_says() {
        let lets_in = |rules: &[&str]| {
            let mut account = Account::new("a", "g");
            let rules = rules.iter().map(|rule| json!({"ipAddressOrRange": rule}));
            account.set("ipRules", rules.collect());
            account.lets_in(Ipv4Addr::LOCALHOST)
        };
        for open in [
            &[][..],
            &["127.0.0.1"],
            &["203.0.113.0/24", "127.0.0.0/8"],
            &["0.0.0.0/0"],
        ] {
            assert!(lets_in(open), "{open:?}");
        }
        for shut in [
            &["127.0.0.2"][..],
            &["203.0.113.0/24"],
            &["127.0.0.1/33"],
            &["nonsense"],
            &["0.0.0.0"],
        ] {
            assert!(!lets_in(shut), "{shut:?}");
        }
    }

    #[test]
    fn the_data_plane_goes_to_the_next_account_when_it_is_free() {
        let mut world = crate::sandbox::fresh_world(&Default::default());
        let mut other = Account::new("other", "sandbox-group");
        other.keys[0] = "k".into();
        world.azure.accounts.insert("other".into(), other);
        world.settle("other");
        assert_eq!(world.account, "sandbox-account");
        world.vacate();
        world.settle("other");
        assert_eq!((world.account.as_str(), world.key.as_str()), ("other", "k"));
        assert!(!world.azure.vacant);
    }
}
