//! Which source a machine has, by what its environment shows. Pure: variables and files come as arguments.
//!
//! The first rule that applies decides, the same way every time. Nothing is tried out: a source that does not answer is
//! an error, and no reason to ask another one, which would answer as another identity.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview>

use std::path::PathBuf;

use super::app_service::Site;
use super::arc::{self, Agent};
use super::cloud::Cloud;
use super::workload::Pod;
use super::{Source, aci_windows};
use crate::error::Error;
use crate::name::Endpoint;

/// Everything that gives identities, also what is only recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Source::Imds`].
    Imds,
    /// [`Source::AppService`], or [`Source::AciWindows`] where its endpoint says so.
    AppService,
    /// [`Source::Arc`].
    Arc,
    /// [`Source::Workload`].
    Workload,
    /// A Service Fabric cluster. Not supported.
    ServiceFabric,
    /// A compute of Azure Machine Learning. Not supported.
    MachineLearning,
    /// Azure Cloud Shell. Not supported: its tokens are a user's, and none is for the data plane.
    CloudShell,
}

/// Variables that must all be set, and what they mean together. The first row that applies decides.
#[rustfmt::skip]
const SIGNS: &[(&[&str], Kind)] = &[
    (&["IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT"], Kind::ServiceFabric),
    (&["IDENTITY_ENDPOINT", "IDENTITY_HEADER"], Kind::AppService),
    (&["IDENTITY_ENDPOINT", "IMDS_ENDPOINT"], Kind::Arc),
    (&["MSI_ENDPOINT", "MSI_SECRET"], Kind::MachineLearning),
    (&["MSI_ENDPOINT"], Kind::CloudShell),
    (&["AZURE_FEDERATED_TOKEN_FILE", "AZURE_TENANT_ID"], Kind::Workload),
];

/// Variables a source cannot do without.
fn needs(kind: Kind) -> &'static [&'static str] {
    match kind {
        // The agent has a usual address.
        Kind::Imds | Kind::Arc => &[],
        _ => {
            let row = SIGNS.iter().find(|(_, meant)| *meant == kind);
            row.map_or(&[], |(variables, _)| variables)
        }
    }
}

/// What a machine shows of itself.
pub struct Surroundings<'a> {
    /// Looks a variable up; an empty one counts as unset.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The program of an Arc agent, if it is there.
    pub agent: Option<String>,
    /// The metadata service.
    pub imds: Endpoint,
    /// Where Arc's keys are.
    pub arc_keys: PathBuf,
    /// Where Entra is asked, where no variable says it.
    pub cloud: &'static Cloud,
}

/// Tells the kind, and by what: names of variables and files, never values. `allowed` leaves kinds out.
pub fn detect(around: &Surroundings, allowed: impl Fn(Kind) -> bool) -> (Kind, String) {
    let is_set = |name: &&str| (around.variable)(name).is_some_and(|value| !value.is_empty());
    let shown =
        |(variables, kind): &&(&[&str], Kind)| allowed(*kind) && variables.iter().all(is_set);
    if let Some((variables, kind)) = SIGNS.iter().find(shown) {
        return (*kind, variables.join(" and "));
    }
    match &around.agent {
        Some(agent) => (Kind::Arc, format!("the Arc agent {agent}")),
        None => (Kind::Imds, "no sign of another source".to_string()),
    }
}

/// Makes a source of what the environment says; an error where that is too little, or not supported.
pub fn source(kind: Kind, around: &Surroundings) -> Result<Source, Error> {
    let value = |name: &str| {
        let value = (around.variable)(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| Error::usage(format!("this source needs the variable {name}")))
    };
    for name in needs(kind) {
        value(name)?;
    }
    let bound = IDENTITY_BINDING.iter().find(|name| value(name).is_ok());
    if let (Kind::Workload, Some(name)) = (kind, bound) {
        return Err(bound_identity(name));
    }
    match kind {
        Kind::Imds => Ok(Source::Imds(around.imds.clone())),
        Kind::AppService => {
            let site = Site::new(&value("IDENTITY_ENDPOINT")?, value("IDENTITY_HEADER")?)?;
            Ok(match aci_windows::is_one(&site.endpoint) {
                true => Source::AciWindows(site),
                false => Source::AppService(site),
            })
        }
        Kind::Arc => {
            let endpoint = value("IDENTITY_ENDPOINT").unwrap_or(arc::ADDRESS.to_string());
            Ok(Source::Arc(Agent::new(&endpoint, &around.arc_keys)?))
        }
        Kind::Workload => {
            let host = value("AZURE_AUTHORITY_HOST").unwrap_or(around.cloud.authority.to_string());
            let (tenant, file) = (
                value("AZURE_TENANT_ID")?,
                value("AZURE_FEDERATED_TOKEN_FILE")?,
            );
            Ok(Source::Workload(Pod::new(&host, &tenant, file)?))
        }
        Kind::ServiceFabric | Kind::MachineLearning | Kind::CloudShell => Err(unsupported(kind)),
    }
}

/// Variables of a pod whose identity AKS binds to it: tokens come from a proxy of the cluster, not from Entra.
const IDENTITY_BINDING: [&str; 2] = [
    "AZURE_KUBERNETES_TOKEN_ENDPOINT",
    "AZURE_KUBERNETES_TOKEN_PROXY",
];

fn bound_identity(variable: &str) -> Error {
    Error::usage(format!(
        "this pod has an AKS identity binding ({variable} is set), which is not supported: its tokens come from a \
         proxy of the cluster, with a certificate of its own. Bring a token along with --token-file, or use a \
         workload identity without a binding: unset {variable}"
    ))
}

fn unsupported(kind: Kind) -> Error {
    let (place, why) = match kind {
        Kind::ServiceFabric => (
            "Service Fabric",
            "its endpoint shows a certificate that only its cluster knows",
        ),
        Kind::MachineLearning => ("Azure Machine Learning", "its endpoint has an old protocol"),
        _ => (
            "Azure Cloud Shell",
            "its endpoint gives tokens of the user, and none for the data plane",
        ),
    };
    Error::usage(format!(
        "this is {place}, which is not supported: {why}. Bring a token along: \
         az account get-access-token --resource {} --query accessToken -o tsv | rawcosmos … --token-file - \
         (for ARM --resource {}); or, where this is wrong, name the source: --identity-source imds",
        super::cloud::PUBLIC.data_audience,
        super::cloud::PUBLIC.arm_audience,
    ))
}

/// Where the program of Arc's agent is, and where its keys are, on this system.
pub fn arc_paths(variable: &dyn Fn(&str) -> Option<String>) -> (PathBuf, PathBuf) {
    if !cfg!(windows) {
        let keys = PathBuf::from("/var/opt/azcmagent/tokens");
        return (PathBuf::from("/opt/azcmagent/bin/himds"), keys);
    }
    let below = |name: &str, usual: &str| {
        let folder = PathBuf::from(variable(name).unwrap_or(usual.to_string()));
        folder.join("AzureConnectedMachineAgent")
    };
    let program = below("ProgramFiles", r"C:\Program Files").join("himds.exe");
    (
        program,
        below("ProgramData", r"C:\ProgramData").join("Tokens"),
    )
}

impl Kind {
    /// By the name `--identity-source` gives it.
    pub fn named(name: &str) -> Option<Kind> {
        const NAMES: [(&str, Kind); 5] = [
            ("imds", Kind::Imds),
            ("app-service", Kind::AppService),
            ("aci-windows", Kind::AppService),
            ("arc", Kind::Arc),
            ("workload", Kind::Workload),
        ];
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, kind)| *kind)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EVERYTHING: &[&str] = &[
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "IDENTITY_SERVER_THUMBPRINT",
        "IMDS_ENDPOINT",
        "MSI_ENDPOINT",
        "MSI_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_TENANT_ID",
    ];

    fn around<'a>(
        variable: &'a dyn Fn(&str) -> Option<String>,
        agent: Option<&str>,
    ) -> Surroundings<'a> {
        Surroundings {
            variable,
            agent: agent.map(str::to_string),
            imds: Endpoint::identity("http://169.254.169.254").unwrap(),
            arc_keys: "/keys".into(),
            cloud: Cloud::public(),
        }
    }

    /// What is found where exactly these are set, all others being empty.
    fn found(set: &[&str], agent: Option<&str>) -> (Kind, String) {
        let variable = |name: &str| {
            let known = EVERYTHING.contains(&name).then(String::new);
            set.contains(&name)
                .then(|| "http://x".to_string())
                .or(known)
        };
        detect(&around(&variable, agent), |_| true)
    }

    #[test]
    fn the_first_sign_decides() {
        for (left_out, kind, evidence) in [
            (
                &[][..],
                Kind::ServiceFabric,
                "IDENTITY_ENDPOINT and IDENTITY_HEADER and IDENTITY_SERVER_THUMBPRINT",
            ),
            (
                &["IDENTITY_SERVER_THUMBPRINT"],
                Kind::AppService,
                "IDENTITY_ENDPOINT and IDENTITY_HEADER",
            ),
            (
                &["IDENTITY_HEADER"],
                Kind::Arc,
                "IDENTITY_ENDPOINT and IMDS_ENDPOINT",
            ),
            (
                &["IDENTITY_ENDPOINT"],
                Kind::MachineLearning,
                "MSI_ENDPOINT and MSI_SECRET",
            ),
            (
                &["IDENTITY_ENDPOINT", "MSI_SECRET"],
                Kind::CloudShell,
                "MSI_ENDPOINT",
            ),
            (
                &["IDENTITY_ENDPOINT", "MSI_ENDPOINT"],
                Kind::Workload,
                "AZURE_FEDERATED_TOKEN_FILE and AZURE_TENANT_ID",
            ),
            (
                &["IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_TENANT_ID"],
                Kind::Imds,
                "no sign of another source",
            ),
        ] {
            let set: Vec<&str> = EVERYTHING
                .iter()
                .copied()
                .filter(|n| !left_out.contains(n))
                .collect();
            assert_eq!(
                found(&set, None),
                (kind, evidence.to_string()),
                "{left_out:?}"
            );
        }
        let agent = found(&[], Some("/opt/himds"));
        assert_eq!(agent, (Kind::Arc, "the Arc agent /opt/himds".to_string()));
        // Variables tell more than what is installed.
        assert_eq!(found(&["MSI_ENDPOINT"], Some("x")).0, Kind::CloudShell);
    }

    #[test]
    fn a_source_is_made_of_what_is_set() {
        let made = |kind, set: &[(&str, &str)]| {
            let variable = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name)?;
                Some(found.1.to_string())
            };
            source(kind, &around(&variable, None))
        };
        let site = |endpoint| {
            [
                ("IDENTITY_ENDPOINT", endpoint),
                ("IDENTITY_HEADER", "secret"),
            ]
        };
        let name = |kind, set: &[(&str, &str)]| made(kind, set).map(|source| source.name());
        let app = site("http://localhost:4141/MSI/token");
        assert_eq!(name(Kind::AppService, &app).unwrap(), "app-service");
        let windows =
            site("http://169.254.128.1:2377/metadata/identity/oauth2/token?api-version=1.0");
        assert_eq!(name(Kind::AppService, &windows).unwrap(), "aci-windows");
        assert_eq!(made(Kind::Arc, &[]).unwrap().endpoint(), arc::ADDRESS);
        let pod = [
            ("AZURE_TENANT_ID", "t"),
            ("AZURE_FEDERATED_TOKEN_FILE", "/f"),
        ];
        let authority = |host| {
            let pod = [pod.as_slice(), &[("AZURE_AUTHORITY_HOST", host)]].concat();
            made(Kind::Workload, &pod).map(|source| source.endpoint().to_string())
        };
        let public = "https://login.microsoftonline.com";
        for host in [
            "",
            "https://login.microsoftonline.com/",
            "login.microsoftonline.com",
        ] {
            assert_eq!(authority(host).unwrap(), public);
        }
        assert!(authority("http://127.0.0.1:1").is_ok());
        for (made, says) in [
            (authority("http://login.example").map(|_| ()), "clear"),
            (
                made(Kind::Workload, &[("AZURE_TENANT_ID", "t")]).map(|_| ()),
                "AZURE_FEDERATED_TOKEN_FILE",
            ),
            (made(Kind::AppService, &[]).map(|_| ()), "IDENTITY_ENDPOINT"),
            (
                name(Kind::AppService, &site("ftp://x")).map(|_| ()),
                "IDENTITY_ENDPOINT is no endpoint",
            ),
            (
                name(Kind::AppService, &site("http://a:b@x")).map(|_| ()),
                "user name",
            ),
            (
                made(Kind::CloudShell, &[("MSI_ENDPOINT", "x")]).map(|_| ()),
                "Azure Cloud Shell",
            ),
        ] {
            let error = made.unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
