//! Which credential the settings ask for. One of them, by stated rules, and never another one in its place.

use std::path::{Path, PathBuf};

use super::args::Args;
use super::files::{SECRET_BYTES, read_text};
use super::settings::{Settings, azure_id, tidied};
use crate::authorize::master_key::MasterKey;
use crate::error::Error;
use crate::exchange::Credential;
use crate::identity::cloud::Cloud;
use crate::identity::detect::{self, Kind, Surroundings};
use crate::identity::{Selector, Token};
use crate::name::Endpoint;
use crate::show::quote;

/// A credential, and by what it was chosen: names, never values.
pub struct Chosen {
    /// The credential.
    pub credential: Credential,
    /// An option, variables, or what the machine shows.
    pub evidence: String,
    /// Whether somebody said that this source is there.
    pub named: bool,
}

/// A key file, a token file, or else the managed identity.
pub fn credential(settings: &Settings, imds: &Endpoint) -> Result<Chosen, Error> {
    if is_named(settings)? {
        return identity(settings, imds);
    }
    let (key, token) = (settings.find("key-file"), settings.find("token-file"));
    let given = |credential, evidence| Chosen {
        credential,
        evidence,
        named: true,
    };
    match (key, token) {
        (Some(_), Some(_)) => Err(Error::usage(
            "--key-file and --token-file exclude each other",
        )),
        (Some(key), None) => {
            let read = MasterKey::new(tidied(&read_text(&key.text, SECRET_BYTES)?))?;
            Ok(given(Credential::Key(read), key.origin))
        }
        (None, Some(token)) => {
            let read = Token::ready(tidied(&read_text(&token.text, SECRET_BYTES)?))?;
            Ok(given(Credential::Token(read), token.origin))
        }
        (None, None) => identity(settings, imds),
    }
}

/// Whether an option names a source: then no variable brings a file in its place.
fn is_named(settings: &Settings) -> Result<bool, Error> {
    let args = settings.args();
    let said = args.value("identity-source");
    if said.is_none_or(|said| ["auto", "token-file"].contains(&said)) {
        return Ok(false);
    }
    let files = ["key-file", "token-file"];
    match files.into_iter().find(|file| args.has(file)) {
        Some(file) => Err(Error::usage(format!(
            "--{file} and --identity-source exclude each other"
        ))),
        None => Ok(true),
    }
}

fn identity(settings: &Settings, imds: &Endpoint) -> Result<Chosen, Error> {
    let variable = |name: &str| settings.variable(name);
    let (agent, keys) = detect::arc_paths(&variable);
    let around = Surroundings {
        variable: &variable,
        agent: is_there(&agent, settings).then(|| agent.display().to_string()),
        imds: imds.clone(),
        arc_keys: settings
            .text("arc-key-directory")
            .map_or(keys, PathBuf::from),
        cloud: said_cloud(settings)?.unwrap_or(Cloud::public()),
    };
    let (kind, evidence, named) = kind(settings, &around)?;
    let source = detect::source(kind, &around)
        .map_err(|e| Error::usage(format!("{e} (chosen by {evidence})")))?;
    let (selector, said_by) = selector(settings)?;
    source.takes(&selector).map_err(|why| {
        let by = said_by.map_or(String::new(), |origin| format!("{origin}: "));
        Error::usage(format!("{by}{why}"))
    })?;
    Ok(Chosen {
        credential: Credential::Identity { source, selector },
        evidence,
        named,
    })
}

/// An agent that is installed says less than somebody who names a metadata service.
fn is_there(agent: &Path, settings: &Settings) -> bool {
    settings.find("imds-endpoint").is_none() && agent.exists()
}

/// The kind of source: what an option names, what other tools are told, what the machine shows.
fn kind(settings: &Settings, around: &Surroundings) -> Result<(Kind, String, bool), Error> {
    let (args, said) = (settings.args(), settings.find("identity-source"));
    // An option beats a variable, also of another name.
    if args.has("imds-endpoint") && !args.has("identity-source") {
        return Ok((Kind::Imds, "--imds-endpoint".to_string(), false));
    }
    if let Some(said) = said.filter(|said| said.text != "auto") {
        return match Kind::named(&said.text) {
            Some(kind) => Ok((kind, said.origin, true)),
            None if said.text == "token-file" => Err(Error::usage("--token-file is missing")),
            None => Err(Error::usage(format!(
                "the identity source {:?} is not known: auto, imds, app-service, arc, workload or token-file",
                said.text
            ))),
        };
    }
    told_to_others(settings, around)
}

/// `AZURE_TOKEN_CREDENTIALS` narrows the choice of other Azure tools, and ours.
fn told_to_others(
    settings: &Settings,
    around: &Surroundings,
) -> Result<(Kind, String, bool), Error> {
    const NAME: &str = "AZURE_TOKEN_CREDENTIALS";
    let told = settings.variable(NAME).unwrap_or_default();
    let any = |(kind, evidence)| (kind, evidence, false);
    match told.trim().to_ascii_lowercase().as_str() {
        "" | "prod" => Ok(any(detect::detect(around, |_| true))),
        "managedidentitycredential" => {
            let (kind, evidence) = detect::detect(around, |kind| kind != Kind::Workload);
            Ok((kind, format!("{NAME}, and {evidence}"), true))
        }
        "workloadidentitycredential" => Ok((Kind::Workload, NAME.to_string(), true)),
        _ => Err(Error::usage(format!(
            "{NAME} is {told:?}, which is not supported: prod, ManagedIdentityCredential or \
             WorkloadIdentityCredential; --identity-source overrules it"
        ))),
    }
}

/// The cloud, as far as options, variables and the hosts they name tell.
pub fn said_cloud(settings: &Settings) -> Result<Option<&'static Cloud>, Error> {
    if let Some(name) = settings.text("cloud") {
        return match Cloud::named(&name) {
            Some(cloud) => Ok(Some(cloud)),
            None => Err(Error::usage(format!(
                "the cloud {name:?} is not known: public, usgov or china"
            ))),
        };
    }
    let hosts = ["endpoint", "arm-endpoint"].into_iter();
    let hosts = hosts.filter_map(|name| Endpoint::identity(&settings.text(name)?).ok());
    let mut clouds = hosts.filter_map(|endpoint| Cloud::of_host(endpoint.host()));
    Ok(clouds.next())
}

/// The options whose values a credential came from, for telling where those came from.
pub fn in_use(credential: &Credential) -> Vec<&'static str> {
    let Credential::Identity { source, selector } = credential else {
        return match credential {
            Credential::Key(_) => vec!["key-file"],
            _ => vec!["token-file"],
        };
    };
    let mut names = match source.name() {
        "imds" => vec!["imds-endpoint"],
        "arc" => vec!["arc-key-directory"],
        _ => vec![],
    };
    names.extend(match selector {
        Selector::Default => None,
        Selector::ClientId(_) => Some("client-id"),
        Selector::ObjectId(_) => Some("object-id"),
        Selector::ResourceId(_) => Some("identity-resource-id"),
    });
    names
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
        "arc-key-directory",
        "cloud",
        "arm-audience",
        "data-audience",
    ];
    // A host in another cloud has other audiences.
    let abroad = |name: &str| {
        let endpoint = Endpoint::identity(args.value(name)?).ok()?;
        Cloud::of_host(endpoint.host()).filter(|cloud| *cloud != Cloud::public())
    };
    let hosts = ["endpoint", "arm-endpoint"].into_iter();
    let hosts = hosts.filter(|name| abroad(name).is_some());
    let given = IDENTITY.iter().copied().chain(hosts).filter_map(|name| {
        let value = args.value(name)?;
        Some(format!(" --{name} {}", quote(value)))
    });
    given.collect()
}

/// The identity that is named, and by which option or variable.
fn selector(settings: &Settings) -> Result<(Selector, Option<String>), Error> {
    let given = |name| settings.args().has(name);
    let named = ["object-id", "identity-resource-id", "client-id"];
    if named.into_iter().filter(|name| given(name)).count() > 1 {
        return Err(Error::usage(
            "--client-id, --object-id and --identity-resource-id exclude each other",
        ));
    }
    // An option beats a variable even of another name: AZURE_CLIENT_ID is set on many machines.
    let said = named.into_iter().find(|name| given(name));
    let mut candidates = named
        .into_iter()
        .filter(|name| said.is_none_or(|said| said == *name));
    let Some((name, value)) = candidates.find_map(|name| Some((name, settings.find(name)?))) else {
        return Ok((Selector::Default, None));
    };
    let selector = match name {
        _ if value.text.is_empty() => {
            return Err(Error::usage(format!("{} is empty", value.origin)));
        }
        "identity-resource-id" => Selector::ResourceId(value.text.clone()),
        "object-id" => Selector::ObjectId(azure_id(value.clone())?),
        _ => Selector::ClientId(azure_id(value.clone())?),
    };
    Ok((selector, Some(value.origin)))
}
