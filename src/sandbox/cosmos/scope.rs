//! Which items of a container a feed or a query is over.

use super::items;
use super::plan::{self, Frame};
use super::reply::{Exchange, Refusal};
use super::statement::Statement;
use super::store::Store;
use crate::cosmos::effective_key::{contains, order};
use crate::cosmos::partition_key::PartitionKey;
use crate::sandbox::world::Range;

/// The ranges in question, and bounds within them.
#[derive(Default)]
pub struct Scope {
    /// Positions in `Container::ranges`, in order.
    pub ranges: Vec<usize>,
    /// One key or one named range: the whole text may run there.
    pub directed: bool,
    key: Option<String>,
    bounds: Option<(String, String)>,
}

/// Of a query, which has to say that it is over more than one key if it is. One that filters on a single key by
/// equality runs there, whatever the headers say.
pub fn query(exchange: &Exchange, store: &Store, statement: &Statement) -> Result<Scope, Refusal> {
    let mut scope = feed(exchange, store)?;
    if scope.directed || scope.bounds.is_some() {
        return Ok(scope);
    }
    if let Some(key) = plan::one_key(statement, &Frame::new(store, false)) {
        scope.keep_to(&key, store);
        let holds = |at: &usize| store.range(*at).is_ok_and(|range| scope.overlaps(range));
        let ranges: Vec<usize> = scope.ranges.iter().copied().filter(holds).collect();
        (scope.ranges, scope.directed) = (ranges, true);
        return Ok(scope);
    }
    match exchange.flag("x-ms-documentdb-query-enablecrosspartition") {
        true => Ok(scope),
        false => Err(Refusal::gateway(400, DISABLED)),
    }
}

/// Of a feed, from the headers.
pub fn feed(exchange: &Exchange, store: &Store) -> Result<Scope, Refusal> {
    let mut scope = Scope::default();
    let named = exchange.header("x-ms-documentdb-partitionkeyrangeid");
    keyed(exchange, store, &mut scope)?;
    bounded(exchange, &mut scope)?;
    scope.directed = named.is_some() || scope.key.is_some();
    let named = named.map(|named| store.named(named)).transpose()?;
    let ranges = store.container.ranges.iter().enumerate();
    let wanted = ranges.filter(|(_, range)| scope.overlaps(range));
    let wanted = wanted.map(|(at, _)| at);
    scope.ranges = wanted
        .filter(|at| named.is_none_or(|named| named == *at))
        .map(|at| store.serving(at))
        .collect::<Result<_, _>>()?;
    Ok(scope)
}

const DISABLED: &str = "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception.";

fn keyed(exchange: &Exchange, store: &Store, scope: &mut Scope) -> Result<(), Refusal> {
    let Some(header) = exchange.header("x-ms-documentdb-partitionkey") else {
        return Ok(());
    };
    let key = items::key(header)?;
    if store.keys.is_complete(&key) {
        scope.keep_to(&key, store);
        return Ok(());
    }
    if store.keys.is_prefix(&key) {
        scope.bounds = Some(store.keys.prefix_range(&key));
        return Ok(());
    }
    Err(Refusal::new(
        400,
        "The partition key supplied in x-ms-partitionkey header does not have the components defined in the the collection.",
    )
    .sub(1001))
}

fn bounded(exchange: &Exchange, scope: &mut Scope) -> Result<(), Refusal> {
    // The first range begins with nothing, and the header that says so is empty.
    let header = |name| {
        let sent = exchange.request.header(name);
        sent.map(|text| text.trim().to_ascii_uppercase())
    };
    let (min, max) = match (header("x-ms-start-epk"), header("x-ms-end-epk")) {
        (Some(min), Some(max)) => (min, max),
        (None, None) => return Ok(()),
        _ => return Err(Refusal::absent("effective key ranges with one bound")),
    };
    let hex = |text: &str| text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !hex(&min) || !hex(&max) {
        let message = format!("The effective partition key range [{min},{max}) is invalid.");
        return Err(Refusal::gateway(400, message));
    }
    match exchange.header("x-ms-read-key-type") {
        Some("EffectivePartitionKeyRange") => {
            scope.narrow(min, max);
            Ok(())
        }
        other => Err(Refusal::header(
            "x-ms-read-key-type",
            other.unwrap_or_default(),
        )),
    }
}

impl Scope {
    /// Whether an item with that effective key and key is in it.
    pub fn holds(&self, effective: &str, key: &str) -> bool {
        let keyed = self.key.as_deref().is_none_or(|own| own == key);
        let bounds = self.bounds.as_ref();
        keyed && bounds.is_none_or(|(min, max)| contains(min, max, effective))
    }

    /// Whether it is less than whole ranges.
    pub fn bounded(&self) -> bool {
        self.bounds.is_some()
    }

    /// Keeps to one whole key.
    fn keep_to(&mut self, key: &PartitionKey, store: &Store) {
        let effective = store.keys.effective(key);
        self.key = Some(key.canonical());
        self.bounds = Some((effective.clone(), format!("{effective}FF")));
    }

    /// Keeps to bounds that are there already, as those of a key are.
    fn narrow(&mut self, min: String, max: String) {
        self.bounds = Some(match self.bounds.take() {
            None => (min, max),
            Some((low, high)) => {
                let min = if order(&low, &min).is_gt() { low } else { min };
                let max = if order(&high, &max).is_lt() {
                    high
                } else {
                    max
                };
                (min, max)
            }
        });
    }

    fn overlaps(&self, range: &Range) -> bool {
        match &self.bounds {
            None => true,
            Some((min, max)) => order(min, &range.max).is_lt() && order(&range.min, max).is_lt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_only_get_narrower() {
        let mut scope = Scope::default();
        scope.narrow("10".into(), "1F".into());
        scope.narrow(String::new(), "FF".into());
        assert!(scope.holds("10", "") && scope.holds("1E", ""));
        assert!(!scope.holds("0F", "") && !scope.holds("1F", ""));
        scope.narrow("20".into(), "30".into());
        assert!(!scope.holds("10", "") && !scope.holds("25", ""));
    }
}
