//! Plans of aggregates and groups: ranges answer with parts, for a sum of sums.

use serde_json::{Map, Value, json};

use super::clauses::{Clauses, Item};
use super::plan::{filter, items, order, payload, set, tail};
use super::reply::Refusal;

/// The query for each range; what the client is to do goes into `info`.
pub fn rewritten(clauses: &Clauses, info: &mut Map<String, Value>) -> Result<String, Refusal> {
    describe(clauses, info);
    let grouped = !clauses.group.is_empty();
    let part = |item: &Item| match aggregate(&item.text) {
        Some((name, argument)) => Some(partial(name, argument)),
        None if grouped && !composed(&item.text) => Some(item.text.clone()),
        None => None,
    };
    let refuse = || Refusal::new(400, COMPOSED);
    let payload = payload(clauses, &clauses.root(), part).ok_or_else(refuse)?;
    let mut selected = clauses.items.iter();
    let value = clauses.value && selected.any(|item| aggregate(&item.text).is_some());
    let payload = match value {
        true => format!("[{payload}]"),
        false => payload,
    };
    let tail = tail(clauses, &filter(clauses));
    let order = order(clauses);
    let keys: Vec<&str> = clauses.group.iter().map(String::as_str).collect();
    Ok(match (grouped, value) {
        (false, true) => format!("SELECT VALUE {payload}{tail}{order}"),
        (false, false) => format!("SELECT {payload} AS payload{tail}{order}"),
        (true, _) => format!(
            "SELECT {} AS groupByItems, {payload} AS payload{tail}\nGROUP BY {}{order}",
            items(&keys),
            keys.join(", ")
        ),
    })
}

/// Which members are which aggregates, and what is grouped by.
fn describe(clauses: &Clauses, info: &mut Map<String, Value>) {
    set(info, "groupByExpressions", json!(clauses.group));
    let selected = || clauses.items.iter();
    let of = |item: &Item| aggregate(&item.text).map(|(name, _)| kind(name));
    if clauses.value {
        let aggregates: Vec<_> = selected().filter_map(of).collect();
        return set(info, "aggregates", json!(aggregates));
    }
    let aliases: Vec<_> = selected().map(|item| item.alias.as_str()).collect();
    let types: Map<_, _> = selected()
        .map(|item| (item.alias.clone(), json!(of(item))))
        .collect();
    set(info, "groupByAliases", json!(aliases));
    set(info, "groupByAliasToAggregateType", Value::Object(types));
}

const COMPOSED: &str = "Compositions of aggregates and other expressions are not allowed.";
const AGGREGATES: [(&str, &str); 8] = [
    ("AVG", "Average"),
    ("COUNTIF", "CountIf"),
    ("COUNT", "Count"),
    ("MAX", "Max"),
    ("MIN", "Min"),
    ("SUM", "Sum"),
    ("MAKELIST", "MakeList"),
    ("MAKESET", "MakeSet"),
];

/// The function and the argument, where the whole text is one aggregate.
fn aggregate(text: &str) -> Option<(&'static str, &str)> {
    let (name, rest) = text.split_once('(')?;
    let argument = rest.strip_suffix(')')?;
    let known = AGGREGATES
        .iter()
        .find(|(known, _)| name.trim().eq_ignore_ascii_case(known));
    let mut depth = 0i32;
    let closed = argument.chars().all(|character| {
        depth += i32::from(character == '(') - i32::from(character == ')');
        depth >= 0
    });
    known.filter(|_| closed).map(|(name, _)| (*name, argument))
}

/// Whether an aggregate stands within a larger expression.
fn composed(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    let calls = |name: &str| {
        upper.match_indices(&format!("{name}(")).any(|(at, _)| {
            let before = upper
                .get(..at)
                .and_then(|before| before.chars().next_back());
            before
                .is_none_or(|before| !(before.is_alphanumeric() || before == '_' || before == '.'))
        })
    };
    AGGREGATES.iter().any(|(name, _)| calls(name))
}

fn kind(name: &str) -> &'static str {
    let row = AGGREGATES.iter().find(|(known, _)| *known == name);
    row.map_or("", |(_, kind)| kind)
}

fn partial(name: &str, argument: &str) -> String {
    match name {
        "AVG" => {
            format!("{{\"item\": {{\"sum\": SUM({argument}), \"count\": COUNT({argument})}}}}")
        }
        "MIN" | "MAX" => format!(
            "{{\"item\": {name}({argument}), \"item2\": {{\"{}\": {name}({argument}), \"count\": COUNT({argument})}}}}",
            name.to_ascii_lowercase()
        ),
        _ => format!("{{\"item\": {name}({argument})}}"),
    }
}
