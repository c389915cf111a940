//! The clouds: what one and the same service is called in each of them.

/// One of the clouds.
#[derive(Debug, PartialEq, Eq)]
pub struct Cloud {
    /// As `--cloud` names it.
    pub name: &'static str,
    /// `azEnvironment` of the instance metadata.
    pub environment: &'static str,
    /// A region of it.
    pub location: &'static str,
    /// Audience of ARM, without a slash.
    pub arm: &'static str,
    /// The older audience of ARM, without a slash.
    pub legacy_arm: &'static str,
    /// The newest version of the management API it knows.
    pub newest: &'static str,
    /// Host of the audience all accounts have in common.
    pub cosmos: &'static str,
    /// What follows the name of an account in its host.
    pub suffix: &'static str,
    /// Host of the token service.
    pub login: &'static str,
}

static PUBLIC: Cloud = Cloud {
    name: "public",
    environment: "AzurePublicCloud",
    location: super::LOCATION,
    arm: "https://management.azure.com",
    legacy_arm: "https://management.core.windows.net",
    newest: "9999-12-31",
    cosmos: "cosmos.azure.com",
    suffix: "documents.azure.com",
    login: "login.microsoftonline.com",
};

static USGOV: Cloud = Cloud {
    name: "usgov",
    environment: "AzureUSGovernmentCloud",
    location: "usgovvirginia",
    arm: "https://management.usgovcloudapi.net",
    legacy_arm: "https://management.core.usgovcloudapi.net",
    newest: LAGGING,
    cosmos: "cosmos.azure.us",
    suffix: "documents.azure.us",
    login: "login.microsoftonline.us",
};

static CHINA: Cloud = Cloud {
    name: "china",
    environment: "AzureChinaCloud",
    location: "chinaeast2",
    arm: "https://management.chinacloudapi.cn",
    legacy_arm: "https://management.core.chinacloudapi.cn",
    newest: LAGGING,
    cosmos: "cosmos.azure.cn",
    suffix: "documents.azure.cn",
    login: "login.chinacloudapi.cn",
};

/// The sovereign clouds get a version of the API years after the public one.
const LAGGING: &str = "2023-03-15";

impl Default for &'static Cloud {
    fn default() -> Self {
        &PUBLIC
    }
}

impl Cloud {
    /// The cloud of that name.
    pub fn parse(name: &str) -> Result<&'static Self, String> {
        let all = [&PUBLIC, &USGOV, &CHINA];
        let found = all.into_iter().find(|cloud| cloud.name == name);
        found.ok_or_else(|| format!("'{name}' is not public, usgov or china"))
    }

    /// What ARM accepts as the audience of a token.
    pub fn arm_audiences(&self) -> [String; 4] {
        let Self {
            arm, legacy_arm, ..
        } = self;
        [
            format!("{legacy_arm}/"),
            (*legacy_arm).to_owned(),
            format!("{arm}/"),
            (*arm).to_owned(),
        ]
    }

    /// What the data plane of an account accepts as the audience of a token.
    pub fn cosmos_audiences(&self, account: &str) -> [String; 4] {
        let Self { cosmos, suffix, .. } = self;
        [
            format!("https://{account}.{suffix}"),
            format!("https://{account}.sql.{cosmos}"),
            format!("https://{account}.sqlx.{cosmos}"),
            format!("https://{cosmos}"),
        ]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cloud_is_known_by_its_name() {
        for name in ["public", "usgov", "china"] {
            assert_eq!(Cloud::parse(name).unwrap().name, name);
        }
        assert_eq!(<&Cloud>::default().name, "public");
        assert!(Cloud::parse("AzureCloud").unwrap_err().contains("usgov"));
    }

    #[test]
    fn no_audience_is_known_in_two_clouds() {
        let all = |cloud: &Cloud| [cloud.arm_audiences(), cloud.cosmos_audiences("a")].concat();
        for other in [&USGOV, &CHINA] {
            assert!(all(other).iter().all(|one| !all(&PUBLIC).contains(one)));
        }
    }
}
