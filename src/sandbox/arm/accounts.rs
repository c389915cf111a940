//! `databaseAccounts`: made, changed, deleted and listed.

use serde_json::{Value, json};

use super::call::Call;
use super::databases::page;
use super::effects::Effect;
use super::errors::bad_request;
use super::front::ok;
use super::operations::{attach, begin};
use super::{Answer, account_body, authorize, documents, errors};
use crate::sandbox::azure::Account;
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

/// Names that belong to somebody in another subscription.
const TAKEN: [&str; 2] = ["taken", "contoso"];
const KIND: &str = "Microsoft.DocumentDB/databaseAccounts";

/// The ARM id of the account with the data plane.
pub(super) fn id(world: &World) -> String {
    let own = world.own();
    let group = own.map_or(&world.resource_group, |own| &own.group);
    place(world, group, &world.account)
}

/// The ARM id of an account.
pub(super) fn id_of(world: &World, account: &Account) -> String {
    place(world, &account.group, &account.name)
}

fn place(world: &World, group: &str, name: &str) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{group}/providers/{KIND}/{name}",
        world.subscription
    )
}

/// The account of the path, if it is in the group of the path.
pub(super) fn find<'a>(world: &'a World, call: &Call<'_>) -> Option<&'a Account> {
    let name = call.name("databaseaccounts").to_ascii_lowercase();
    let account = world.azure.accounts.get(&name)?;
    let here = account
        .group
        .eq_ignore_ascii_case(call.name("resourcegroups"));
    here.then_some(account)
}

/// All of the subscription or of a group, as far as the caller may see them.
pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    let group = call.name("resourcegroups");
    let here = |account: &&Account| group.is_empty() || account.group.eq_ignore_ascii_case(group);
    let seen = |account: &&Account| authorize::may_read(world, call, KIND, &id_of(world, account));
    let all = world.azure.accounts.values().filter(here).filter(seen);
    match call.method {
        "GET" => page(
            world,
            call,
            all.map(|account| documents::account(world, account, call.version()))
                .collect(),
        ),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn account(world: &mut World, call: &Call<'_>) -> Answer {
    let there = find(world, call).cloned();
    match (call.method, there) {
        ("GET", Some(there)) => ok(&documents::account(world, &there, call.version())),
        ("PUT", there) => create(world, call, there),
        ("PATCH", Some(there)) => {
            let wanted = account_body::patch(world, call, &there)?;
            change(world, call, there, wanted)
        }
        ("DELETE", Some(there)) => delete(world, call, there),
        ("DELETE", None) => Ok(Response::empty(204)),
        _ => Err(call.wrong_method()),
    }
}

fn create(world: &mut World, call: &Call<'_>, there: Option<Account>) -> Answer {
    let name = call.name("databaseaccounts");
    if !is_name(name) {
        let sentence = format!(
            "The account name '{name}' is invalid: it has 3 to 44 characters, which are lower-case letters, digits and single hyphens between them."
        );
        return Err(bad_request(world, &sentence));
    }
    let wanted = account_body::put(world, call, there.as_ref())?;
    if let Some(there) = there {
        return change(world, call, there, wanted);
    }
    if is_taken(world, name) {
        let sentence = format!(
            "Dns record for {name} under zone Document is already taken. Please use a different name for the account."
        );
        return Err(errors::provider(400, "BadRequest", &sentence));
    }
    let created = call.now.unix_timestamp();
    let keys = [0, 1, 2, 3].map(|kind| world.new_key(kind));
    let account = Account {
        state: "Creating",
        created,
        keys,
        newer: true,
        ..wanted
    };
    world
        .azure
        .accounts
        .insert(name.to_owned(), account.clone());
    if world.azure.vacant {
        name.clone_into(&mut world.account);
    }
    let effect = Effect::CreateAccount {
        name: name.to_owned(),
    };
    accepted(world, call, &account, effect)
}

fn change(world: &mut World, call: &Call<'_>, there: Account, wanted: Account) -> Answer {
    let account = Account {
        state: "Updating",
        ..there
    };
    let name = account.name.clone();
    world.azure.accounts.insert(name, account.clone());
    let wanted = Box::new(wanted);
    accepted(world, call, &account, Effect::ChangeAccount { wanted })
}

/// `200` with what there is so far, and where to ask how it goes on.
fn accepted(world: &mut World, call: &Call<'_>, account: &Account, effect: Effect) -> Answer {
    let body = documents::account(world, account, call.version());
    Ok(attach(world, call, effect, errors::plain(200, &body)))
}

fn delete(world: &mut World, call: &Call<'_>, there: Account) -> Answer {
    let name = there.name.clone();
    let account = Account {
        state: "Deleting",
        ..there
    };
    world.azure.accounts.insert(name.clone(), account);
    begin(world, call, Effect::DeleteAccount { name })
}

/// Lower-case letters, digits and single hyphens between them.
fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let fits = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        !part.is_empty() && part.bytes().all(fits)
    };
    (3..=44).contains(&name.len()) && name.split('-').all(part)
}

fn is_taken(world: &World, name: &str) -> bool {
    TAKEN.contains(&name) || world.azure.accounts.contains_key(name)
}

/// Neither a subscription nor a body: the status is the answer.
pub(super) fn name_exists(world: &World, call: &Call<'_>) -> Answer {
    let name = call.name("databaseaccountnames").to_ascii_lowercase();
    match (call.method, is_taken(world, &name)) {
        ("HEAD", true) => Ok(Response::empty(200)),
        ("HEAD", false) => Ok(Response::empty(404)),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn action(world: &mut World, call: &Call<'_>) -> Answer {
    let Some(account) = find(world, call).cloned() else {
        return Err(call.wrong_method());
    };
    let words = call.words();
    match (call.method, words.last().copied().unwrap_or_default()) {
        ("POST", "listkeys") => ok(&keys(&account, 0)),
        ("POST" | "GET", "readonlykeys") => ok(&keys(&account, 2)),
        ("POST", "listconnectionstrings") => ok(&connection_strings(world, &account)),
        ("POST", "regeneratekey") => regenerate(world, call, account),
        _ => Err(call.wrong_method()),
    }
}

const KEYS: [(&str, &str, &str, &str); 4] = [
    (
        "primary",
        "primaryMasterKey",
        "Primary",
        "Primary SQL Connection String",
    ),
    (
        "secondary",
        "secondaryMasterKey",
        "Secondary",
        "Secondary SQL Connection String",
    ),
    (
        "primaryReadonly",
        "primaryReadonlyMasterKey",
        "PrimaryReadonly",
        "Primary Read-Only SQL Connection String",
    ),
    (
        "secondaryReadonly",
        "secondaryReadonlyMasterKey",
        "SecondaryReadonly",
        "Secondary Read-Only SQL Connection String",
    ),
];

fn keys(account: &Account, first: usize) -> Value {
    let all = KEYS.iter().zip(&account.keys).skip(first);
    all.map(|((_, member, ..), key)| ((*member).to_owned(), json!(key)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn connection_strings(world: &World, account: &Account) -> Value {
    let endpoint = documents::endpoint(world, account);
    let string = |((_, _, kind, description), key): (&(&str, &str, &str, &str), &String)| {
        json!({
            "connectionString": format!("AccountEndpoint={endpoint};AccountKey={key};"),
            "description": description,
            "keyKind": kind,
            "type": "Sql",
        })
    };
    let all: Vec<Value> = KEYS.iter().zip(&account.keys).map(string).collect();
    json!({"connectionStrings": all})
}

fn regenerate(world: &mut World, call: &Call<'_>, account: Account) -> Answer {
    let body = call.body()?;
    let sent = body
        .get("keyKind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let named = |(kind, ..): &(&str, &str, &str, &str)| kind.eq_ignore_ascii_case(sent);
    let Some(kind) = KEYS.iter().position(named) else {
        return Err(errors::missing("keyKind"));
    };
    let name = account.name;
    begin(world, call, Effect::RegenerateKey { name, kind })
}

#[cfg(test)]
mod tests;
