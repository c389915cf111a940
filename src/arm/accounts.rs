//! Accounts: to find, make and delete them, and their keys.

use serde_json::json;
use serde_json::value::RawValue;

use super::groups::Group;
use super::operation::Started;
use super::{Account, Call, Effect, Members, Scope, next_page, page, request, whole, with_json};
use crate::error::Error;
use crate::message::{Next, Page, Response};
use crate::name::{Endpoint, Name, Secret};

const READ: &str = "Microsoft.DocumentDB/databaseAccounts/read";

/// `GET …/databaseAccounts/{account}`: the account, with `properties.documentEndpoint` once it is made.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/database-accounts/get>
pub fn show(account: &Account) -> Call<Box<RawValue>> {
    Call {
        request: account.request("GET", ""),
        scope: Scope::Arm,
        action: READ,
        effect: Effect::Read,
        read: whole,
    }
}

/// `GET /subscriptions/{subscription}/providers/Microsoft.DocumentDB/databaseAccounts`: every account of a subscription.
///
/// Returns a filtered list, or 403, to a principal whose role covers one group alone.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/database-accounts/list>
pub fn list(endpoint: &Endpoint, subscription: &Name) -> Call<Page> {
    let subscription = subscription.segment();
    let path =
        format!("/subscriptions/{subscription}/providers/Microsoft.DocumentDB/databaseAccounts");
    Call {
        request: request(endpoint, "GET", &path),
        scope: Scope::Arm,
        action: READ,
        effect: Effect::Read,
        read: page,
    }
}

/// `GET /subscriptions/{subscription}/providers/Microsoft.DocumentDB/databaseAccounts?…`: the next page of [`list`], at the link it gave. Refuses a link to another host.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/database-accounts/list>
pub fn list_next(endpoint: &Endpoint, next: &Next) -> Result<Call<Page>, Error> {
    Ok(Call {
        request: next_page(endpoint, next)?,
        scope: Scope::Arm,
        action: READ,
        effect: Effect::Read,
        read: page,
    })
}

/// `GET …/resourceGroups/{group}/providers/Microsoft.DocumentDB/databaseAccounts`: the accounts of one group. Goes on as [`list_next`].
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/database-accounts/list-by-resource-group>
pub fn list_in(group: &Group) -> Call<Page> {
    let path = format!(
        "{}/providers/Microsoft.DocumentDB/databaseAccounts",
        group.path()
    );
    Call {
        request: request(group.endpoint(), "GET", &path),
        scope: Scope::Arm,
        action: READ,
        effect: Effect::Read,
        read: page,
    }
}

/// `HEAD /providers/Microsoft.DocumentDB/databaseAccountNames/{account}`: whether anybody in the cloud has an account of
/// that name. 200 where somebody has, 404 where nobody has; neither has a body.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/database-accounts/check-name-exists>
pub fn name_taken(endpoint: &Endpoint, name: &Name) -> Call<()> {
    let name = name.segment();
    let path = format!("/providers/Microsoft.DocumentDB/databaseAccountNames/{name}");
    Call {
        request: request(endpoint, "HEAD", &path),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccountNames/read",
        effect: Effect::Read,
        read: |_| Ok(()),
    }
}

/// What a new account is to be.
#[derive(Debug, Clone, Default)]
pub struct New {
    /// Its only region, as `westeurope`.
    pub location: String,
    /// Billed by use, without throughput; cannot be changed later.
    pub serverless: bool,
    /// The subscription's one free account.
    pub free_tier: bool,
    /// Tokens only: no key opens it.
    pub tokens_only: bool,
}

impl New {
    fn body(&self) -> String {
        let location = json!(self.location);
        let region = format!(
            r#"{{"locationName":{location},"failoverPriority":0,"isZoneRedundant":false}}"#
        );
        let mut properties =
            format!(r#""databaseAccountOfferType":"Standard","locations":[{region}]"#);
        for (wanted, member) in [
            (
                self.serverless,
                r#","capabilities":[{"name":"EnableServerless"}]"#,
            ),
            (self.free_tier, r#","enableFreeTier":true"#),
            (self.tokens_only, r#","disableLocalAuth":true"#),
        ] {
            properties.push_str(if wanted { member } else { "" });
        }
        format!(
            r#"{{"location":{location},"kind":"GlobalDocumentDB","properties":{{{properties}}}}}"#
        )
    }
}

/// `PUT …/databaseAccounts/{account}`: makes an account, for the NoSQL API, in one region.
///
/// Needs the Azure role DocumentDB Account Contributor or Cosmos DB Operator on the group. Answers 200 with the account, not
/// made yet, and an operation to follow for some minutes. Sent once: on an account that is there, a second `PUT`
/// would reset what it does not name, and one that failed has to be deleted first.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/database-accounts/create-or-update>
pub fn create(account: &Account, new: &New) -> Call<Started> {
    Call {
        request: with_json(account.request("PUT", ""), new.body()),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/write",
        effect: Effect::Once,
        read: Started::read,
    }
}

/// `DELETE …/databaseAccounts/{account}`: deletes an account and everything in it.
///
/// Needs the same role as [`create`]. Answers 202 and an operation to follow, often for longer than ten minutes; the
/// name is free only after that.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/database-accounts/delete>
pub fn delete(account: &Account) -> Call<Started> {
    Call {
        request: account.request("DELETE", ""),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/delete",
        effect: Effect::Delete,
        read: Started::read,
    }
}

/// The kinds of key, and the members ARM has for them.
const KEYS: [(&str, &str); 4] = [
    ("primary", "primaryMasterKey"),
    ("secondary", "secondaryMasterKey"),
    ("primary-readonly", "primaryReadonlyMasterKey"),
    ("secondary-readonly", "secondaryReadonlyMasterKey"),
];

/// The keys of an account by kind: `primary`, `secondary`, `primary-readonly`, `secondary-readonly`.
pub type Keys = Vec<(&'static str, Secret)>;

/// `POST …/databaseAccounts/{account}/listKeys`: the account's keys. Each opens everything in it, until it is made anew.
///
/// Needs `Microsoft.DocumentDB/databaseAccounts/listKeys/action`: DocumentDB Account Contributor has it; Cosmos DB
/// Operator and the reader have not, but see [`reading_keys`].
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/database-accounts/list-keys>
pub fn keys(account: &Account) -> Call<Keys> {
    Call {
        request: account.request("POST", "/listKeys").body(""),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/listKeys/action",
        effect: Effect::Read,
        read: read_keys,
    }
}

/// `POST …/databaseAccounts/{account}/readonlykeys`: the two of [`keys`] that read and change nothing.
///
/// Needs `Microsoft.DocumentDB/databaseAccounts/readonlykeys/action`: Cosmos DB Account Reader Role has it, and
/// DocumentDB Account Contributor; Cosmos DB Operator has not.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/database-accounts/list-read-only-keys>
pub fn reading_keys(account: &Account) -> Call<Keys> {
    Call {
        request: account.request("POST", "/readonlykeys").body(""),
        action: "Microsoft.DocumentDB/databaseAccounts/readonlykeys/action",
        ..keys(account)
    }
}

/// Says nothing of what it could not read: it may be a key.
fn read_keys(response: &Response) -> Result<Keys, Error> {
    let wrong = || Error::answer("the answer is no list of keys");
    let body: Members = response.json().map_err(|_| wrong())?;
    let mut keys = Keys::new();
    for (kind, member) in KEYS {
        if let Some(value) = body.get(member) {
            let key: String = serde_json::from_str(value.get()).map_err(|_| wrong())?;
            keys.push((kind, Secret::new("key", key)));
        }
    }
    match keys.is_empty() {
        true => Err(wrong()),
        false => Ok(keys),
    }
}

/// The addresses and ranges that the firewall of an account admits; `None` where the account does not say it.
pub fn ip_rules(account: &serde_json::Value) -> Option<Vec<String>> {
    let rules = account.pointer("/properties/ipRules")?.as_array()?;
    let each = rules
        .iter()
        .map(|rule| rule.get("ipAddressOrRange")?.as_str());
    each.map(|rule| rule.map(str::to_string)).collect()
}
