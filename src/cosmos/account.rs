//! The account.

use serde_json::value::RawValue;

use super::{Account, Call, Effect, resource};

/// `GET /`: regions, consistency and limits of the account. The cheapest way to see whether a login works.
///
/// Needs the data action `readMetadata`; a role for one container alone may be refused with 403/5301,
/// which says nothing about that container.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/get-a-database-account>
pub fn read(account: &Account) -> Call<Box<RawValue>> {
    Call {
        request: account.0.request("GET"),
        scope: account.0.scope(""),
        action: "Microsoft.DocumentDB/databaseAccounts/readMetadata",
        effect: Effect::Read,
        read: resource,
    }
}
