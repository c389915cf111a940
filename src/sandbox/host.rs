//! The machines a command may believe to be on: which identities they have and how they let it know.

use super::identity::identities::IDENTITIES;
use super::world::World;

/// What stands behind the identity endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Host {
    /// A virtual machine with an identity of its own.
    Vm,
    /// A virtual machine with one user-assigned identity.
    VmUser,
    /// A virtual machine with both.
    #[default]
    VmBoth,
    /// App Service, Functions, Container Apps.
    AppService,
    /// A server that is not in Azure, with the agent of Azure Arc.
    Arc,
    /// A pod of AKS with a workload identity.
    Aks,
    /// A Linux container group of Container Instances.
    Aci,
    /// A machine that has nothing to do with Azure.
    None,
}

const HOSTS: [(&str, Host); 8] = [
    ("vm", Host::Vm),
    ("vm-user", Host::VmUser),
    ("vm-both", Host::VmBoth),
    ("app-service", Host::AppService),
    ("arc", Host::Arc),
    ("aks", Host::Aks),
    ("aci", Host::Aci),
    ("none", Host::None),
];

/// Every variable by which a host or a user says which identity there is: those the chosen host does not set are
/// taken out of a command's environment, or it would find the identity of the machine it really runs on.
pub const VARIABLES: &[&str] = &[
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IDENTITY_SERVER_THUMBPRINT",
    "IDENTITY_API_VERSION",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "DEFAULT_IDENTITY_CLIENT_ID",
    "AZUREPS_HOST_ENVIRONMENT",
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_KUBERNETES_CA_DATA",
    "AZURE_KUBERNETES_CA_FILE",
    "AZURE_KUBERNETES_SNI_NAME",
    "AZURE_KUBERNETES_TOKEN_PROXY",
    "AZURE_PASSWORD",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURE_TENANT_ID",
    "AZURE_TOKEN_CREDENTIALS",
    "AZURE_USERNAME",
    "KUBERNETES_SERVICE_HOST",
    "RAWCOSMOS_ARC_KEY_DIRECTORY",
    "RAWCOSMOS_AUTHORITY_HOST",
    "RAWCOSMOS_CLIENT_ID",
    "RAWCOSMOS_CLOUD",
    "RAWCOSMOS_IDENTITY_RESOURCE_ID",
    "RAWCOSMOS_IDENTITY_SOURCE",
    "RAWCOSMOS_OBJECT_ID",
    "RAWCOSMOS_TENANT_ID",
];

impl Host {
    /// The host of that name.
    pub fn parse(name: &str) -> Result<Self, String> {
        let found = HOSTS.iter().find(|(known, _)| *known == name);
        found.map(|(_, host)| *host).ok_or_else(|| {
            let names = HOSTS.map(|(known, _)| known).join(", ");
            format!("'{name}' is not a host; there are {names}")
        })
    }

    /// As `--host` names it.
    pub fn name(self) -> &'static str {
        let found = HOSTS.iter().find(|(_, host)| *host == self);
        found.map_or("", |(name, _)| name)
    }

    /// What its own identity belongs to, below the resource group.
    pub fn resource(self) -> &'static str {
        match self {
            Self::AppService => "Microsoft.Web/sites/sandbox-app",
            Self::Arc => "Microsoft.HybridCompute/machines/sandbox-server",
            Self::Aci => "Microsoft.ContainerInstance/containerGroups/sandbox-containers",
            _ => "Microsoft.Compute/virtualMachines/sandbox-vm",
        }
    }

    /// For how many seconds its tokens are good.
    pub fn lifetime(self) -> i64 {
        const HOUR: i64 = 60 * 60;
        match self {
            Self::Aks => HOUR,
            Self::Aci => 8 * HOUR,
            _ => 24 * HOUR,
        }
    }
}

/// The variables the host sets for every process on it.
pub fn environment(world: &World) -> Vec<(&'static str, String)> {
    let (origin, state) = (&world.imds, &world.identity);
    let file = |name: &str| match &state.folder {
        Some(folder) => folder.path(name).to_string_lossy().into_owned(),
        None => String::new(),
    };
    match state.host {
        Host::AppService => vec![
            ("IDENTITY_ENDPOINT", format!("{origin}/msi/token")),
            ("IDENTITY_HEADER", state.header.clone()),
            ("MSI_ENDPOINT", format!("{origin}/msi/token")),
            ("MSI_SECRET", state.header.clone()),
        ],
        Host::Arc => vec![
            (
                "IDENTITY_ENDPOINT",
                format!("{origin}{}", super::imds::TOKEN_PATH),
            ),
            ("IMDS_ENDPOINT", origin.clone()),
            ("RAWCOSMOS_ARC_KEY_DIRECTORY", file(super::identity::KEYS)),
        ],
        Host::Aks => vec![
            ("AZURE_AUTHORITY_HOST", format!("{origin}/")),
            ("AZURE_CLIENT_ID", IDENTITIES[1].client_id.to_owned()),
            (
                "AZURE_FEDERATED_TOKEN_FILE",
                file(super::identity::ASSERTION),
            ),
            ("AZURE_TENANT_ID", world.tenant.clone()),
            // Every pod has it; nobody answers there.
            ("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_owned()),
        ],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_host_is_known_by_its_name() {
        for (name, host) in HOSTS {
            assert_eq!(Host::parse(name), Ok(host));
            assert_eq!(host.name(), name);
        }
        assert!(Host::parse("azure").unwrap_err().contains("app-service"));
        assert_eq!(Host::default().name(), "vm-both");
    }

    #[test]
    fn what_a_host_sets_is_among_what_is_taken_away() {
        for (_, host) in HOSTS {
            let mut world = World::default();
            world.identity.host = host;
            for (name, _) in environment(&world) {
                assert!(VARIABLES.contains(&name), "{name}");
            }
        }
    }
}
