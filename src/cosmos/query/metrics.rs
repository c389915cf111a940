//! How a query was carried out, range by range.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/nosql/query-metrics>
//! <https://learn.microsoft.com/azure/cosmos-db/nosql/index-metrics>

use base64::prelude::{BASE64_STANDARD, Engine};

use crate::error::decimal;

/// What the answers of each range said of themselves.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Vec<OfRange>);

#[derive(Debug, Clone, Default)]
struct OfRange {
    range: String,
    numbers: Vec<(String, f64)>,
    indexes: Vec<String>,
}

impl Metrics {
    /// Adds what one answer said: numbers, and which indexes were used or would be of use.
    pub fn add(&mut self, range: &str, said: &[Option<String>; 2]) {
        let [numbers, indexes] = said;
        // In the order of their numbers, whichever answered first.
        let place = |of: &OfRange| (of.range.len(), of.range.as_str()).cmp(&(range.len(), range));
        let at = self.0.binary_search_by(place).unwrap_or_else(|at| {
            let range = range.to_string();
            let new = OfRange {
                range,
                ..OfRange::default()
            };
            self.0.insert(at, new);
            at
        });
        let Some(of) = self.0.get_mut(at) else { return };
        for pair in numbers.iter().flat_map(|text| text.split(';')) {
            of.count(pair);
        }
        for text in indexes.iter().map(|text| readable(text)) {
            if !text.is_empty() && !of.indexes.contains(&text) {
                of.indexes.push(text);
            }
        }
    }

    /// For reading: a line of numbers for each range, and one for each word about indexes.
    pub fn lines(&self) -> Vec<String> {
        self.0.iter().flat_map(OfRange::lines).collect()
    }
}

impl OfRange {
    /// Pages add up; of a ratio the worst one counts.
    fn count(&mut self, pair: &str) {
        let Some((name, value)) = pair.split_once('=') else {
            return;
        };
        let (name, Some(value)) = (name.trim(), decimal::read(value)) else {
            return;
        };
        match self.numbers.iter_mut().find(|(known, _)| known == name) {
            Some((_, least)) if name.ends_with("Ratio") => *least = least.min(value),
            Some((_, sum)) => *sum += value,
            None => self.numbers.push((name.to_string(), value)),
        }
    }

    fn lines(&self) -> Vec<String> {
        let number = |(name, value): &(String, f64)| {
            format!(" {name}={}", (value * 1000.0).round() / 1000.0)
        };
        let numbers: String = self.numbers.iter().map(number).collect();
        let range = &self.range;
        let mut lines = vec![format!("{range}:{numbers}")];
        let indexes = self.indexes.iter();
        lines.extend(indexes.map(|text| format!("{range}: indexes {text}")));
        lines
    }
}

/// JSON in base64, or as it came.
fn readable(text: &str) -> String {
    let bytes = BASE64_STANDARD.decode(text).ok();
    let decoded = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.unwrap_or_else(|| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_in_order_whichever_came_first() {
        let mut metrics = Metrics::default();
        for range in ["range 2", "range 10", "range 0", "range 2", "range 1"] {
            metrics.add(range, &[None, None]);
        }
        assert_eq!(
            metrics.lines(),
            ["range 0:", "range 1:", "range 2:", "range 10:"]
        );
    }

    #[test]
    fn pages_of_a_range_are_one_line() {
        let mut metrics = Metrics::default();
        let indexes = Some("eyJVdGlsaXplZFNpbmdsZUluZGV4ZXMiOltdfQ==".to_string());
        let said = |text: &str| Some(text.to_string());
        metrics.add(
            "range 0",
            &[said("aInMs=0.5;n=2;hitRatio=1.00"), indexes.clone()],
        );
        metrics.add("range 1", &[None, said("plain=%7B%7D")]);
        metrics.add("range 0", &[said(";n=3;hitRatio=0.25;x;y=z;"), indexes]);
        assert_eq!(
            metrics.lines(),
            [
                "range 0: aInMs=0.5 n=5 hitRatio=0.25",
                "range 0: indexes {\"UtilizedSingleIndexes\":[]}",
                "range 1:",
                "range 1: indexes plain=%7B%7D",
            ]
        );
    }
}
