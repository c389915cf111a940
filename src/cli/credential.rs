//! Which credential the settings ask for. One of them, by stated rules, and never another one in its place.

use super::args::Args;
use super::settings::{Settings, read_file};
use crate::authorize::master_key::MasterKey;
use crate::error::Error;
use crate::exchange::Credential;
use crate::identity::{Selector, Token};
use crate::name::{Endpoint, Name};
use crate::show::quote;

/// A key file, a token file, or else the managed identity.
pub fn credential(settings: &Settings, imds: &Endpoint) -> Result<Credential, Error> {
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

/// The options whose values a credential came from, for telling where those came from.
pub fn in_use(credential: &Credential) -> &'static [&'static str] {
    match credential {
        Credential::Key(_) => &["key-file"],
        Credential::Token(_) => &["token-file"],
        Credential::Identity { selector, .. } => match selector {
            Selector::Default => &["imds-endpoint"],
            Selector::ClientId(_) => &["imds-endpoint", "client-id"],
            Selector::ObjectId(_) => &["imds-endpoint", "object-id"],
            Selector::ResourceId(_) => &["imds-endpoint", "identity-resource-id"],
        },
    }
}

/// The options given that say whose token it is, as words for a shell; variables are still set in it.
pub fn options(args: &Args) -> String {
    const IDENTITY: &[&str] = &[
        "identity-source",
        "client-id",
        "object-id",
        "identity-resource-id",
        "token-file",
        "imds-endpoint",
        "arm-audience",
        "data-audience",
    ];
    let given = IDENTITY.iter().filter_map(|name| {
        let value = args.value(name)?;
        Some(format!(" --{name} {}", quote(value)))
    });
    given.collect()
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
