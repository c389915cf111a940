//! The headers of an answer.

use std::fmt;

/// Headers in the order they came, names as they came. One text holds all of them: there are many in every answer, and
/// most of them are never looked at.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    text: String,
    /// Where each name and each value ends.
    ends: Vec<(usize, usize)>,
}

impl Headers {
    /// With room for so many.
    pub fn with_capacity(count: usize) -> Headers {
        Headers {
            text: String::with_capacity(count * 48),
            ends: Vec::with_capacity(count),
        }
    }

    /// Adds one at the end.
    pub fn push(&mut self, name: &str, value: &str) {
        self.text.push_str(name);
        let end = self.text.len();
        self.text.push_str(value);
        self.ends.push((end, self.text.len()));
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().filter_map(move |(middle, end)| {
            let name = self.text.get(start..*middle)?;
            start = *end;
            Some((name, self.text.get(*middle..*end)?))
        })
    }

    /// The value of the first of that name, whatever its case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut start = 0;
        let place = self.ends.iter().find_map(|(middle, end)| {
            let begin = std::mem::replace(&mut start, *end);
            // Most names differ in their length already.
            let same = middle - begin == name.len()
                && self.text.get(begin..*middle)?.eq_ignore_ascii_case(name);
            same.then_some(*middle..*end)
        });
        self.text.get(place?)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Each by itself.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let own = |(name, value): (&str, &str)| (name.to_string(), value.to_string());
        self.iter().map(own).collect()
    }
}

impl FromIterator<(String, String)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in pairs {
            headers.push(&name, &value);
        }
        headers
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_out_as_they_went_in() {
        let pairs = [
            ("Etag", "\"e\""),
            ("", ""),
            ("x-ü", "ö"),
            ("empty", ""),
            ("etag", "2"),
        ];
        let own = pairs.map(|(name, value)| (name.to_string(), value.to_string()));
        let headers: Headers = own.clone().into_iter().collect();
        assert!(headers.iter().eq(pairs));
        for (name, value) in [
            ("ETAG", Some("\"e\"")),
            ("x-ü", Some("ö")),
            ("Empty", Some("")),
            ("", Some("")),
            ("eta", None),
            ("x-Ü", None),
        ] {
            assert_eq!(headers.get(name), value, "{name}");
        }
        assert_eq!(headers.pairs(), own);
        assert_eq!((headers.len(), headers.is_empty()), (5, false));
        assert!(Headers::with_capacity(9).is_empty());
        let shown = format!("{headers:?}");
        assert!(
            shown.starts_with(r#"[("Etag", "\"e\""), ("", "")"#),
            "{shown}"
        );
    }
}
