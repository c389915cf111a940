//! Facts of hosts: the account's, the machine and the pod that asks for a token.

use super::facts::{Facts, between};
use crate::identity::instance::Instance;

impl Facts {
    /// In a scale set the identities are the set's, and `az` has another command for them.
    pub(super) fn machine(&mut self, machine: &Instance) {
        let (kind, name) = match machine.scale_set.as_str() {
            "" => ("vm", &machine.name),
            set => {
                self.put("set", Some(set.to_string()));
                ("vmss", &machine.scale_set)
            }
        };
        self.put("kind", Some(kind.to_string()));
        self.put("vm", Some(name.clone()));
        self.put("vmgroup", Some(machine.group.clone()));
        // Containers have identities and are told nothing of themselves.
        let unknown = machine.name.is_empty();
        self.put(
            "containergroup",
            unknown.then(|| "CONTAINER-GROUP".to_string()),
        );
    }

    /// What a pod's token says, in the words of whoever refused it.
    pub(super) fn assertion(&mut self, text: &str) {
        for (name, before) in [
            ("issuer", "Issuer: '"),
            ("issuer", "assertion issuer '"),
            ("subject", "Subject: '"),
            ("subject", "assertion subject '"),
        ] {
            self.put(name, between(text, before, "'"));
        }
    }
}

/// The host in `METHOD https://{host}/…`, without its port.
pub(super) fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?;
    let bare = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    Some(bare.to_string())
}

/// The account in `https://{account}.documents.azure.com/…`.
pub(super) fn account_of_host(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("https://")?;
    let (account, domain) = rest.split_once('.')?;
    domain
        .starts_with("documents.")
        .then(|| account.to_string())
}
