//! Accounts: what is needed to find one.

use serde_json::value::RawValue;

use super::{Account, Call, Effect, Scope, next_page, page, request};
use crate::error::Error;
use crate::message::{Next, Page, Response};
use crate::name::{Endpoint, Name};

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
        read: Response::raw,
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
