//! The variables of a query or of a form.

use url::form_urlencoded;

/// Names and values, decoded, in the order they came.
pub(in crate::sandbox) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=b&c=d`.
    pub(in crate::sandbox) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value of that name.
    pub(in crate::sandbox) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(sent, _)| sent == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The same, where it says something.
    pub(in crate::sandbox) fn full(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The first name that comes more than once.
    pub(in crate::sandbox) fn twice(&self) -> Option<&str> {
        let again = |(name, _): &&(String, String)| {
            self.0.iter().filter(|(other, _)| other == name).count() > 1
        };
        self.0.iter().find(again).map(|(name, _)| name.as_str())
    }
}
