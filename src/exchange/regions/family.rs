//! Names and hosts of an account's regions, and whose are taken for ours. Pure.

use crate::name::Endpoint;

/// `West Europe` as hosts write it: `westeurope`.
pub fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !c.is_whitespace());
    letters.collect::<String>().to_ascii_lowercase()
}

/// A place that the account names: region, and where it is.
pub type Place = (String, Endpoint);

/// The places in one of the account's two lists.
pub fn places(account: &serde_json::Value, member: &str) -> Vec<Place> {
    let place = |place: &serde_json::Value| {
        let endpoint = place.get("databaseAccountEndpoint")?.as_str()?;
        let name = plain(place.get("name")?.as_str()?);
        Some((name, Endpoint::new(endpoint).ok()?))
    };
    let listed = account.get(member).and_then(|listed| listed.as_array());
    listed.into_iter().flatten().filter_map(place).collect()
}

/// Whose regions are taken for ours.
pub struct Family<'a> {
    home: &'a Endpoint,
    account: &'a str,
    domain: &'a str,
}

impl<'a> Family<'a> {
    /// The endpoint that was given may be a regional one itself, and is then named among the places.
    pub fn of(home: &'a Endpoint, places: &[Place]) -> Family<'a> {
        let (label, domain) = home.host().split_once('.').unwrap_or_default();
        let own = places.iter().find(|(_, place)| place == home);
        let account =
            own.and_then(|(name, _)| label.strip_suffix(name.as_str())?.strip_suffix('-'));
        Family {
            home,
            account: account.unwrap_or(label),
            domain,
        }
    }

    /// Whether an origin that the service chose is `{account}[-{region}].` before the same domain, or this machine
    /// where `home` is. Any other is not sent our token.
    pub fn has(&self, (name, place): &Place) -> bool {
        let home = self.home;
        if home.is_loopback() || place.is_loopback() {
            return home.is_loopback() && place.is_loopback();
        }
        let same_port = home.as_str().replacen(home.host(), place.host(), 1) == place.as_str();
        let regional = place
            .host()
            .strip_suffix(self.domain)
            .and_then(|rest| rest.strip_suffix('.')?.strip_prefix(self.account));
        let is_named = regional.is_some_and(|rest| {
            rest.is_empty()
                || rest
                    .strip_prefix('-')
                    .is_some_and(|region| !region.is_empty() && region == name)
        });
        same_port && is_named && self.domain.contains('.')
    }
}

/// The host of a region, by the name of the account's.
pub fn regional(home: &str, region: &str) -> Option<String> {
    let (account, domain) = home.split_once(".documents.")?;
    Some(format!("{account}-{region}.documents.{domain}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use serde_json::json;

    use super::*;

    fn ours(home: &str, listed: &[(&str, &str)]) -> Vec<bool> {
        let listed = listed
            .iter()
            .map(|(name, url)| json!({"name": name, "databaseAccountEndpoint": url}));
        let account = json!({"list": listed.collect::<Vec<_>>()});
        let home = Endpoint::new(home).unwrap();
        let places = places(&account, "list");
        let family = Family::of(&home, &places);
        places.iter().map(|place| family.has(place)).collect()
    }

    #[test]
    fn a_token_goes_to_regions_of_the_same_account_alone() {
        let home = "https://acct1.documents.azure.com";
        let listed = [
            ("West US", "https://acct1-westus.documents.azure.com:443/"),
            ("East US", "https://acct1.documents.azure.com:443/"),
            ("West US", "https://acct1-eastus.documents.azure.com:443/"),
            ("West US", "https://acct2-westus.documents.azure.com:443/"),
            ("West US", "https://acct1westus.documents.azure.com/"),
            ("", "https://acct1-.documents.azure.com/"),
            (
                "West US",
                "https://acct1-westus.documents.azure.com.evil.example/",
            ),
            ("West US", "https://evil.example/"),
            ("West US", "https://acct1-westus.documents.azure.com:8443/"),
            ("West US", "https://acct1-westus.documents.azure.cn/"),
            ("West US", "https://x.acct1-westus.documents.azure.com/"),
            ("West US", "https://127.0.0.1/"),
        ];
        let found = ours(home, &listed);
        assert_eq!(found[..2], [true; 2]);
        assert!(found[2..].iter().all(|ours| !ours), "{found:?}");
        let unusable = [
            ("a", "http://acct1-a.documents.azure.com/"),
            ("a", "?"),
            ("a", "https://u@acct1-a.documents.azure.com/"),
        ];
        assert!(ours(home, &unusable).is_empty());
    }

    #[test]
    fn a_regional_endpoint_has_siblings_where_it_is_listed_itself() {
        let home = "https://acct1-westus.documents.azure.com";
        let sibling = ("East US", "https://acct1-eastus.documents.azure.com/");
        let itself = ("West US", "https://acct1-westus.documents.azure.com/");
        let stranger = (
            "East US",
            "https://acct1-westus2-eastus.documents.azure.com/",
        );
        assert_eq!(
            ours(home, &[sibling, itself, stranger]),
            [true, true, false]
        );
        assert_eq!(ours(home, &[sibling]), [false]);
    }

    #[test]
    fn this_machine_leads_to_this_machine() {
        let second = ("Sandbox 2", "http://127.0.0.1:8082/");
        let outside = ("x", "https://x.documents.azure.com/");
        let inside = ("x", "https://cosmosdb:8081/");
        assert_eq!(
            ours("http://localhost:8081", &[second, outside, inside]),
            [true, false, false]
        );
        assert_eq!(
            ours("https://cosmosdb:8081", &[second, outside, inside]),
            [false; 3]
        );
    }

    #[test]
    fn a_region_has_a_host_by_its_name() {
        let host = regional("https://acct1.documents.azure.com", &plain("West US 2"));
        assert_eq!(host.unwrap(), "https://acct1-westus2.documents.azure.com");
        assert!(regional("http://127.0.0.1:8081", "westus").is_none());
    }
}
