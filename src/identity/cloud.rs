//! The clouds there are, and what each calls its services.
//!
//! <https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure>

/// A cloud of its own: nothing of one is valid in another.
#[derive(Debug, PartialEq, Eq)]
pub struct Cloud {
    /// As the metadata service names it, as `az` does, and in short.
    pub names: [&'static str; 3],
    /// ARM.
    pub arm: &'static str,
    /// The audience of ARM's tokens.
    pub arm_audience: &'static str,
    /// The audience of the data plane's tokens: without a slash at its end.
    pub data_audience: &'static str,
    /// What follows an account's name in its host.
    pub suffix: &'static str,
    /// Microsoft Entra.
    pub authority: &'static str,
}

/// The cloud that is meant where nothing says another.
pub const PUBLIC: Cloud = Cloud {
    names: ["AzurePublicCloud", "AzureCloud", "public"],
    arm: "https://management.azure.com",
    // With its slash, as the portal writes it.
    arm_audience: "https://management.azure.com/",
    data_audience: "https://cosmos.azure.com",
    suffix: "documents.azure.com",
    authority: "https://login.microsoftonline.com",
};

const US_GOVERNMENT: Cloud = Cloud {
    names: ["AzureUSGovernmentCloud", "AzureUSGovernment", "usgov"],
    arm: "https://management.usgovcloudapi.net",
    arm_audience: "https://management.core.usgovcloudapi.net/",
    data_audience: "https://cosmos.azure.us",
    suffix: "documents.azure.us",
    authority: "https://login.microsoftonline.us",
};

const CHINA: Cloud = Cloud {
    // Both of the others call it the same.
    names: ["AzureChinaCloud", "AzureChinaCloud", "china"],
    arm: "https://management.chinacloudapi.cn",
    arm_audience: "https://management.chinacloudapi.cn/",
    data_audience: "https://cosmos.azure.cn",
    suffix: "documents.azure.cn",
    authority: "https://login.chinacloudapi.cn",
};

/// All of them.
pub static CLOUDS: [Cloud; 3] = [PUBLIC, US_GOVERNMENT, CHINA];

impl Cloud {
    /// In short, as `--cloud` takes it.
    pub fn name(&self) -> &'static str {
        let [.., short] = self.names;
        short
    }

    /// The public one.
    pub fn public() -> &'static Cloud {
        let [public, ..] = &CLOUDS;
        public
    }

    /// By any of its names, in any case.
    pub fn named(name: &str) -> Option<&'static Cloud> {
        let known = |cloud: &&Cloud| cloud.names.iter().any(|n| n.eq_ignore_ascii_case(name));
        CLOUDS.iter().find(known)
    }

    /// By the host of an account or of ARM; hosts of other forms tell nothing.
    pub fn of_host(host: &str) -> Option<&'static Cloud> {
        let host = host.to_ascii_lowercase();
        CLOUDS.iter().find(|cloud| {
            let account = host.strip_suffix(cloud.suffix);
            account.is_some_and(|name| name.len() > 1 && name.ends_with('.'))
                || cloud.arm.strip_prefix("https://") == Some(host.as_str())
        })
    }
}
