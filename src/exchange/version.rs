//! Versions of an API: a cloud that does not know ours lists those it knows. Pure.
//!
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types>

use super::{Client, locked};
use crate::error::Failure;
use crate::message::{Plane, Request, Text};

const NAME: &str = "api-version=";

/// The versions that were chosen instead of ours, in this run.
#[derive(Debug, Default)]
pub struct Known(Vec<(Plane, String, String)>);

impl Known {
    /// The request in the version that was chosen for it. A URL with a signature stays as it is.
    pub fn applied(&self, request: &Request) -> Request {
        let mut request = request.clone();
        if let Some(version) = self.instead(&request).map(str::to_string)
            && let Text::Plain(url) = &mut request.url
            && let Some(ours) = asked(url).map(str::to_string)
        {
            *url = url.replacen(&format!("{NAME}{ours}"), &format!("{NAME}{version}"), 1);
        }
        request
    }

    fn instead(&self, request: &Request) -> Option<&str> {
        let ours = asked(request.url.expose())?;
        let mut known = self.0.iter();
        let found = known.find(|(plane, from, _)| *plane == request.plane && from == ours);
        found.map(|(_, _, to)| to.as_str())
    }

    /// Chooses a version that a refusal lists, and says so; `None` where there is none that was not tried.
    pub fn choose(&mut self, request: &Request, failure: &Failure) -> Option<String> {
        let Text::Plain(url) = &request.url else {
            return None;
        };
        let ours = asked(url)?.to_string();
        let version = suitable(failure, &ours).filter(|version| *version != ours)?;
        if self.instead(request) == Some(version.as_str()) {
            return None;
        }
        let note = format!(
            "{} does not know its version {ours}; using {version}",
            request.plane
        );
        self.0
            .retain(|(plane, from, _)| (*plane, from) != (request.plane, &ours));
        self.0.push((request.plane, ours, version));
        Some(note)
    }
}

impl Client<'_> {
    /// The version of the API that a request would be sent in: its own, or the one that was chosen instead.
    pub fn api_version(&self, request: &Request) -> Option<String> {
        let sent = locked(&self.versions).applied(request);
        asked(sent.url.expose()).map(str::to_string)
    }
}

/// The version a URL asks for.
fn asked(url: &str) -> Option<&str> {
    let (_, query) = url.split_once('?')?;
    let mut pairs = query.split('&');
    pairs.find_map(|pair| pair.strip_prefix(NAME))
}

/// The newest listed stable version that is not newer than ours. The machine's metadata service lists its newest
/// ones alone: of those the oldest.
pub fn suitable(failure: &Failure, ours: &str) -> Option<String> {
    let (from, to) = match failure.plane {
        Plane::Identity => ("newest-versions", "]"),
        _ => ("versions are '", "'"),
    };
    let (_, list) = failure.body.split_once(from)?;
    let (list, _) = list.split_once(to)?;
    let words = list.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let versions = words.filter(|word| is_stable(word));
    let (older, newer): (Vec<&str>, Vec<&str>) = versions.partition(|version| *version <= ours);
    let nearest = newer
        .into_iter()
        .min()
        .filter(|_| failure.plane == Plane::Identity);
    older.into_iter().max().or(nearest).map(str::to_string)
}

/// `2024-11-15`: a preview has a word behind its date.
fn is_stable(word: &str) -> bool {
    word.len() == 10
        && word.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(plane: Plane, body: &str) -> Failure {
        Failure::read(plane, String::new(), 400, &[], body.as_bytes())
    }

    #[test]
    fn the_newest_stable_version_that_is_not_newer_is_chosen() {
        let arm = "API version '2024-11-15'. The supported api-versions are '2021-04-15, 2022-11-15, 2022-08-15,2022-11-15-preview,2025-01-01,x'. The supported locations are '2020-01-01'.";
        let other = "The supported versions are '2014-04-01'.";
        for (text, ours, chosen) in [
            (arm, "2024-11-15", Some("2022-11-15")),
            (arm, "2022-11-14", Some("2022-08-15")),
            (arm, "2021-01-01", None),
            (other, "2024-11-15", Some("2014-04-01")),
            ("The supported api-versions are ''.", "2024-11-15", None),
            (
                "The supported api-versions are '2014-04-01",
                "2024-11-15",
                None,
            ),
            ("no list", "2024-11-15", None),
            ("", "2024-11-15", None),
        ] {
            let body = serde_json::json!({"error": {"code": "NoRegisteredProviderFound", "message": text}});
            let found = suitable(&failure(Plane::Arm, &body.to_string()), ours);
            assert_eq!(found.as_deref(), chosen, "{text} {ours}");
        }
    }

    #[test]
    fn a_signed_url_keeps_its_version() {
        let mut known = Known::default();
        let plain = Request::new(Plane::Arm, "GET", "https://x/a?api-version=2024-11-15&b=1");
        let refusal = failure(Plane::Arm, "The supported versions are '2014-04-01'");
        assert!(known.choose(&plain, &refusal).is_some());
        assert_eq!(known.choose(&plain, &refusal), None);
        let sent = known.applied(&plain);
        assert_eq!(sent.url.expose(), "https://x/a?api-version=2014-04-01&b=1");
        let url = "https://x/a?api-version=2024-11-15&t=1&s=2";
        let secret = crate::name::Secret::within(url.to_string(), "x".to_string());
        let signed = Request::new(Plane::Arm, "GET", secret);
        assert_eq!(known.applied(&signed).url.expose(), url);
        assert_eq!(known.choose(&signed, &refusal), None);
        let other = Request::new(Plane::Identity, "GET", "http://x/a?api-version=2024-11-15");
        assert_eq!(known.applied(&other), other);
    }
}
