//! Query plans as the gateway writes them.

use serde_json::{Map, Number, Value, json};

use super::reply::Refusal;
use super::statement::Statement;
use super::store::Store;
use crate::cosmos::effective_key::order;
use crate::cosmos::key_definition::{Definition, Kind, tokens};
use crate::cosmos::partition_key::{Component, PartitionKey};
use crate::sandbox::sql::{self, Keys, Plan};

/// The container a plan is for, and how much of its key was named.
pub struct Frame<'a> {
    /// The names that lead to each part of the key.
    pub paths: Vec<Vec<String>>,
    /// The parts are hashed one by one.
    pub hierarchical: bool,
    /// One whole key was named.
    pub keyed: bool,
    keys: &'a Definition,
    definition: &'a Map<String, Value>,
}

impl<'a> Frame<'a> {
    /// Of a container.
    pub fn new(store: &'a Store, keyed: bool) -> Self {
        Self::of(&store.keys, &store.container.definition, keyed)
    }

    fn of(keys: &'a Definition, definition: &'a Map<String, Value>, keyed: bool) -> Self {
        let paths = keys.paths.iter();
        Self {
            paths: paths.map(|path| tokens(path).unwrap_or_default()).collect(),
            hierarchical: keys.kind == Kind::MultiHash,
            keyed,
            keys,
            definition,
        }
    }

    /// Whether the vectors there are the nearer the smaller their distance is, as the container's policy has it.
    pub fn nearest_first(&self, path: &[String]) -> Option<bool> {
        let policy = self.definition.get("vectorEmbeddingPolicy")?;
        let vectors = policy.get("vectorEmbeddings")?.as_array()?;
        let at = |vector: &&Value| {
            let own = vector.get("path").and_then(Value::as_str);
            own.and_then(|own| tokens(own).ok())
                .is_some_and(|own| own == path)
        };
        let measure = vectors.iter().find(at)?.get("distanceFunction")?.as_str()?;
        Some(measure.eq_ignore_ascii_case("euclidean"))
    }
}

/// The one whole key that a query filters on by equality, where it does.
pub fn one_key(statement: &Statement, frame: &Frame) -> Option<PartitionKey> {
    match statement.keys(frame).ok()? {
        Keys::Points(points) => match points.as_slice() {
            [point] if point.len() == frame.paths.len() => Some(key(point)),
            _ => None,
        },
        Keys::All => None,
    }
}

/// The plan of a query.
pub fn plan(statement: &Statement, frame: &Frame) -> Result<Value, Refusal> {
    let plan = statement.plan(frame)?;
    Ok(written(&plan, frame))
}

/// The plan as the gateway writes it.
pub fn written(plan: &Plan, frame: &Frame) -> Value {
    json!({
        "partitionedQueryExecutionInfoVersion": 2,
        "queryInfo": info(plan),
        "queryRanges": ranges(&plan.keys, frame),
        "hybridSearchQueryInfo": null
    })
}

fn info(plan: &Plan) -> Value {
    let directions = plan.order.iter().map(|(_, descending)| match descending {
        true => "Descending",
        false => "Ascending",
    });
    let expressions = plan.order.iter().map(|(text, _)| text);
    let members = || plan.members.iter();
    let kinds = members().map(|(alias, kind)| (alias.clone(), json!(kind)));
    json!({
        "distinctType": match plan.distinct {
            None => "None",
            Some(true) => "Ordered",
            Some(false) => "Unordered",
        },
        "top": plan.top,
        "offset": plan.offset,
        "limit": plan.limit,
        "orderBy": directions.collect::<Vec<_>>(),
        "orderByExpressions": expressions.collect::<Vec<_>>(),
        "groupByExpressions": plan.group,
        "groupByAliases": members().map(|(alias, _)| alias).collect::<Vec<_>>(),
        "aggregates": plan.aggregates,
        "groupByAliasToAggregateType": kinds.collect::<Map<_, _>>(),
        "rewrittenQuery": plan.rewritten,
        "hasSelectValue": plan.value,
        "dCountInfo": plan.counted.as_ref().map(|alias| json!({ "dCountAlias": alias })),
        "hasNonStreamingOrderBy": plan.non_streaming
    })
}

/// Where the keys are: all there is, closed points, the room of a prefix, or the one place where nothing is.
fn ranges(keys: &Keys, frame: &Frame) -> Vec<Value> {
    let range = |min: &str, max: &str, closed: bool| json!({"min": min, "max": max, "isMinInclusive": true, "isMaxInclusive": closed});
    let points = match keys {
        Keys::All => return vec![range("", "FF", false)],
        Keys::Points(points) if points.is_empty() => return vec![range("", "", true)],
        Keys::Points(points) => points,
    };
    let mut places: Vec<(String, String)> = points
        .iter()
        .map(|point| place(&key(point), frame))
        .collect();
    places.sort_by(|one, two| order(&one.0, &two.0));
    // A prefix comes before all it is a prefix of.
    places.dedup_by(|next, kept| *next == *kept || order(&next.0, &kept.1).is_lt());
    let places = places.iter();
    places
        .map(|(min, max)| range(min, max, min == max))
        .collect()
}

fn place(key: &PartitionKey, frame: &Frame) -> (String, String) {
    if key.components().len() < frame.paths.len() {
        return frame.keys.prefix_range(key);
    }
    let effective = frame.keys.effective(key);
    (effective.clone(), effective)
}

fn key(point: &[sql::Value]) -> PartitionKey {
    PartitionKey::new(point.iter().map(component).collect())
}

fn component(value: &sql::Value) -> Component {
    match value {
        sql::Value::Null => Component::Null,
        sql::Value::Bool(value) => Component::Bool(*value),
        sql::Value::String(text) => Component::String(text.clone()),
        sql::Value::Number(number) => match number {
            sql::Number::Int(number) => Component::Number((*number).into()),
            sql::Number::UInt(number) => Component::Number((*number).into()),
            sql::Number::Float(number) => {
                Number::from_f64(*number).map_or(Component::Undefined, Component::Number)
            }
        },
        _ => Component::Undefined,
    }
}

/// What a client has to know to carry out a plan, in the order the service tells it.
pub fn features(plan: &Plan) -> Vec<&'static str> {
    let members: Vec<&str> = plan.members.iter().filter_map(|(_, kind)| *kind).collect();
    let has = |names: &[&str]| {
        let mut all = members.iter().chain(&plan.aggregates);
        all.any(|kind| names.contains(kind))
    };
    let table = [
        (!plan.aggregates.is_empty(), "Aggregate"),
        (plan.distinct.is_some(), "Distinct"),
        (!plan.group.is_empty(), "GroupBy"),
        (plan.order.len() > 1, "MultipleOrderBy"),
        (members.len() > 1, "MultipleAggregates"),
        (plan.limit.is_some(), "OffsetAndLimit"),
        (!plan.order.is_empty(), "OrderBy"),
        (plan.top.is_some(), "Top"),
        (!members.is_empty(), "NonValueAggregate"),
        (plan.counted.is_some(), "DCount"),
        (plan.non_streaming, "NonStreamingOrderBy"),
        (has(&["MakeList", "MakeSet"]), "ListAndSetAggregate"),
        (has(&["CountIf"]), "CountIf"),
    ];
    let needed = table.into_iter().filter(|row| row.0);
    needed.map(|row| row.1).collect()
}

#[cfg(test)]
mod tests;
