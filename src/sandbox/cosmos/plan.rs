//! Query plans: what each range is to be asked, and what the client is to do with the answers.

use serde_json::{Map, Value, json};

use super::clauses::{self, Clauses, Item};
use super::partial;
use super::reply::Refusal;
use super::statement::Statement;

/// The plan of a query; `keyed` where one key was named, so that only one range answers.
pub fn plan(statement: &Statement, keyed: bool) -> Result<Value, Refusal> {
    let clauses = clauses::cut(&statement.text);
    let shape = statement.shape();
    let mut info = blank(&clauses);
    if shape.streams() || shape.constant {
        return Ok(whole(info));
    }
    let grouped = shape.group_by || shape.value_aggregate || shape.list_aggregate;
    if keyed && shape.offset_limit && !grouped && !shape.order_by && !shape.distinct {
        return Ok(whole(info));
    }
    if clauses.order.iter().any(ranks) {
        return Err(Refusal::absent("plans of vector and full-text searches"));
    }
    let limits = limits(statement, &clauses)?;
    set(&mut info, "top", json!(limits.top));
    set(&mut info, "offset", json!(limits.offset));
    set(&mut info, "limit", json!(limits.limit));
    if shape.distinct {
        set(&mut info, "distinctType", json!(distinct(&clauses)));
    }
    let rewritten = if grouped {
        partial::rewritten(&clauses, &mut info)?
    } else if shape.order_by {
        ordered(&clauses, &limits, &mut info)
    } else if shape.distinct {
        let limited = clauses.top.is_some() || clauses.window.is_some();
        if limited {
            plain(&clauses, "")
        } else {
            String::new()
        }
    } else if shape.offset_limit {
        plain(&clauses, &limits.window())
    } else {
        String::new()
    };
    set(&mut info, "rewrittenQuery", json!(rewritten));
    Ok(whole(info))
}

/// Whether it orders by a score, which is another kind of plan.
fn ranks(order: &clauses::Order) -> bool {
    let text = order.text.to_ascii_uppercase();
    text.starts_with("RANK ") || text.contains("VECTORDISTANCE")
}

/// `TOP`, `OFFSET` and `LIMIT` with their parameters filled in.
#[derive(Default)]
struct Limits {
    top: Option<u64>,
    offset: Option<u64>,
    limit: Option<u64>,
}

impl Limits {
    /// A range cannot know how much the ranges before it gave: all of it is asked from each.
    fn window(&self) -> String {
        match (self.offset, self.limit) {
            (Some(offset), Some(limit)) => format!("\nOFFSET 0 LIMIT {}", offset + limit),
            _ => String::new(),
        }
    }
}

fn limits(statement: &Statement, clauses: &Clauses) -> Result<Limits, Refusal> {
    let number = |text: &String| {
        let count = statement.count(text);
        let count = count.filter(|count| u32::try_from(*count).is_ok());
        count.ok_or_else(|| Refusal::new(400, format!("The value '{text}' is not a valid count.")))
    };
    let window = clauses.window.as_ref();
    Ok(Limits {
        top: clauses.top.as_ref().map(number).transpose()?,
        offset: window.map(|window| number(&window.0)).transpose()?,
        limit: window.map(|window| number(&window.1)).transpose()?,
    })
}

fn distinct(clauses: &Clauses) -> &'static str {
    let one = clauses.value.then(|| clauses.items.first()).flatten();
    let same = |order: &clauses::Order| one.is_some_and(|item| item.text == order.text);
    match clauses.order.as_slice() {
        [order] if same(order) => "Ordered",
        _ => "Unordered",
    }
}

/// `FROM` and, where there is a filter, `WHERE`.
pub fn tail(clauses: &Clauses, filter: &str) -> String {
    let from = clauses.from.as_deref().unwrap_or_default();
    let filter = if filter.is_empty() {
        String::new()
    } else {
        format!("\nWHERE {filter}")
    };
    format!("\nFROM {from}{filter}")
}

/// The filter in parentheses.
pub fn filter(clauses: &Clauses) -> String {
    clauses
        .filter
        .as_ref()
        .map(|filter| format!("({filter})"))
        .unwrap_or_default()
}

/// The query as it is, but for its limits.
fn plain(clauses: &Clauses, window: &str) -> String {
    let distinct = if clauses.distinct { "DISTINCT " } else { "" };
    let value = if clauses.value { "VALUE " } else { "" };
    let named = |item: &Item| match clauses::member(&item.text) {
        Some(name) if name == item.alias => item.text.clone(),
        _ if clauses.value || item.alias.starts_with('$') || item.text == "*" => item.text.clone(),
        _ => format!("{} AS {}", item.text, item.alias),
    };
    let items: Vec<String> = clauses.items.iter().map(named).collect();
    let tail = tail(clauses, &filter(clauses));
    format!("SELECT {distinct}{value}{}{tail}{window}", items.join(", "))
}

const PLACEHOLDER: &str = "({documentdb-formattableorderbyquery-filter})";

/// Ranges answer in order and give the values they ordered by, for a merge.
fn ordered(clauses: &Clauses, limits: &Limits, info: &mut Map<String, Value>) -> String {
    let direction = |order: &clauses::Order| {
        if order.descending {
            "Descending"
        } else {
            "Ascending"
        }
    };
    let directions: Vec<_> = clauses.order.iter().map(direction).collect();
    let expressions: Vec<_> = clauses
        .order
        .iter()
        .map(|order| order.text.as_str())
        .collect();
    set(info, "orderBy", json!(directions));
    set(info, "orderByExpressions", json!(expressions));
    let root = clauses.root();
    let top = match limits.top {
        Some(top) if !clauses.distinct => format!("TOP {top} "),
        _ => String::new(),
    };
    let window = if clauses.distinct {
        String::new()
    } else {
        limits.window()
    };
    let mut wanted = match clauses.filter.as_ref() {
        Some(filter) => format!("(({filter}) AND {PLACEHOLDER})"),
        None => PLACEHOLDER.to_owned(),
    };
    if let (true, Some(item)) = (clauses.value, clauses.items.first()) {
        wanted = format!("({wanted} AND IS_DEFINED({}))", item.text);
    }
    format!(
        "SELECT {top}{root}._rid, {} AS orderByItems, {} AS payload{}{}{window}",
        items(&expressions),
        payload(clauses, &root, |item| Some(item.text.clone())).unwrap_or_default(),
        tail(clauses, &wanted),
        order(clauses)
    )
}

/// The order as it was asked for; after a grouping no client restores it.
pub fn order(clauses: &Clauses) -> String {
    let whole = clauses.order.iter().map(|order| order.whole.as_str());
    let whole: Vec<_> = whole.collect();
    match whole.is_empty() {
        true => String::new(),
        false => format!("\nORDER BY {}", whole.join(", ")),
    }
}

/// Expressions as the values a client compares.
pub fn items(expressions: &[&str]) -> String {
    let items: Vec<_> = expressions
        .iter()
        .map(|text| format!("{{\"item\": {text}}}"))
        .collect();
    format!("[{}]", items.join(", "))
}

/// What stands for the original selection in each row.
pub fn payload(
    clauses: &Clauses,
    root: &str,
    part: impl Fn(&Item) -> Option<String>,
) -> Option<String> {
    match clauses.items.as_slice() {
        [item] if item.text == "*" => Some(root.to_owned()),
        [item] if clauses.value => part(item),
        items => {
            let member = |item: &Item| Some(format!("{}: {}", json!(item.alias), part(item)?));
            let members: Option<Vec<String>> = items.iter().map(member).collect();
            Some(format!("{{{}}}", members?.join(", ")))
        }
    }
}

/// Fills in a member of the plan.
pub fn set(info: &mut Map<String, Value>, name: &str, value: Value) {
    info.insert(name.to_owned(), value);
}

fn blank(clauses: &Clauses) -> Map<String, Value> {
    let blank = json!({
        "distinctType": "None",
        "top": null,
        "offset": null,
        "limit": null,
        "orderBy": [],
        "orderByExpressions": [],
        "groupByExpressions": [],
        "groupByAliases": [],
        "aggregates": [],
        "groupByAliasToAggregateType": {},
        "rewrittenQuery": "",
        "hasSelectValue": clauses.value,
        "dCountInfo": null,
        "hasNonStreamingOrderBy": false
    });
    match blank {
        Value::Object(info) => info,
        _ => Map::new(),
    }
}

fn whole(info: Map<String, Value>) -> Value {
    json!({
        "partitionedQueryExecutionInfoVersion": 2,
        "queryInfo": info,
        "queryRanges": [
            {"min": "", "max": "FF", "isMinInclusive": true, "isMaxInclusive": false}
        ],
        "hybridSearchQueryInfo": null
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::sandbox::cosmos::reply::Exchange;
    use crate::sandbox::cosmos::{place::Place, statement};
    use crate::sandbox::http::Request;

    const BASELINES: &str = include_str!("../../../fixtures/query/query_plan_baselines.json");

    fn planned(query: &str, parameters: &Value, keyed: bool) -> Result<Value, Refusal> {
        let body = json!({"query": query, "parameters": parameters});
        let request = Request {
            body: body.to_string().into_bytes(),
            ..Request::default()
        };
        let exchange = Exchange {
            request: &request,
            place: Place::default(),
            now: 0,
            region: 0,
        };
        plan(&statement::read(&exchange)?, keyed)
    }

    /// What differs by spelling alone: spaces, parentheses that add nothing, quotes, case, `AS`.
    fn bare(text: &str) -> String {
        let text = text
            .to_ascii_lowercase()
            .replace('\'', "\"")
            .replace(" as ", " ");
        let kept = |character: &char| !character.is_whitespace() && !"()".contains(*character);
        text.chars().filter(kept).collect()
    }

    fn same(one: &Value, two: &Value) -> bool {
        match (one, two) {
            (Value::String(one), Value::Null) => one == "null",
            (Value::String(one), Value::String(two)) => bare(one) == bare(two),
            (Value::Array(one), Value::Array(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two))
            }
            (Value::Object(one), Value::Object(two)) => {
                one.len() == two.len() && one.iter().all(|(name, one)| same(one, &two[name]))
            }
            _ => one == two,
        }
    }

    /// Scores need another plan; these filters name a key, which is not looked for here.
    fn elsewhere(query: &str) -> bool {
        let lacked = ["VectorDistance", "RANK ", "_TRY_", "c.key = 5 OFFSET"];
        lacked.iter().any(|words| query.contains(words))
    }

    #[test]
    fn plans_are_those_of_the_service() {
        let rows: Vec<Value> = serde_json::from_str(BASELINES).unwrap();
        let mut compared = 0;
        for row in &rows {
            let (Some(query), Some(info)) = (row["query"].as_str(), row["queryInfo"].as_object())
            else {
                continue;
            };
            if elsewhere(query) {
                continue;
            }
            let parameters = row.get("parameters").cloned().unwrap_or_default();
            let Ok(plan) = planned(query, &parameters, false) else {
                panic!("{query} is refused");
            };
            for (name, wanted) in info {
                let got = &plan["queryInfo"][name];
                assert!(same(wanted, got), "{query}\n{name}: {wanted}\n{got}");
            }
            compared += 1;
        }
        assert!(compared > 300, "{compared}");
    }

    #[test]
    fn compositions_are_refused_and_one_key_needs_no_rewriting() {
        let none = Value::Null;
        for query in [
            "SELECT c.a, ABS(AVG(c.n)) AS x FROM c GROUP BY c.a",
            "SELECT VALUE SUM(c.n) / 2 FROM c",
        ] {
            assert_eq!(
                planned(query, &none, false).err().unwrap().status,
                400,
                "{query}"
            );
        }
        let window = planned("SELECT * FROM c OFFSET 1 LIMIT 2", &none, true)
            .ok()
            .unwrap();
        assert_eq!(window["queryInfo"]["limit"], Value::Null);
        let score = planned(
            "SELECT TOP 1 * FROM c ORDER BY VectorDistance(c.v, [1])",
            &none,
            false,
        );
        assert_eq!(score.err().unwrap().status, 501);
    }
}
