//! Plans against those the service's own generator made: every field of every one that is accepted.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::sandbox::cosmos::reply::Exchange;
use crate::sandbox::cosmos::{place::Place, statement};
use crate::sandbox::http::Request;

const BASELINES: &str = include_str!("../../../../fixtures/query/query_plan_baselines.json");

fn read(query: &str, parameters: &Value) -> Result<Statement, Refusal> {
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
    statement::read(&exchange)
}

fn definition(paths: &Value, kind: &Value) -> Definition {
    let key = json!({"paths": paths, "kind": kind, "version": 1});
    Definition::from_json(&key)
        .unwrap_or(Definition::from_json(&json!({"paths": ["/none"]})).unwrap())
}

fn planned(query: &str, parameters: &Value, keyed: bool) -> Result<Value, Refusal> {
    let keys = definition(&json!(["/key"]), &json!("Hash"));
    let policy = Map::new();
    plan(&read(query, parameters)?, &Frame::of(&keys, &policy, keyed))
}

/// What one baseline comes to here.
fn made(row: &Value) -> Result<(Plan, Value), Refusal> {
    let statement = read(&indented(row), &row["parameters"])?;
    let keys = definition(&row["partitionKeyPaths"], &row["partitionKeyKind"]);
    let measure = row["description"]
        .as_str()
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let policy = json!({"vectorEmbeddingPolicy": {"vectorEmbeddings": [
        {"path": "/embedding", "distanceFunction": measure.to_ascii_lowercase()}
    ]}});
    let frame = Frame::of(&keys, policy.as_object().unwrap(), false);
    let plan = statement.plan(&frame)?;
    let written = written(&plan, &frame);
    Ok((plan, written))
}

/// Those that are not accepted, and why: `501`, or a container that cannot be made.
const NOT_ACCEPTED: [(&str, &str, &str); 6] = [
    (
        "Spatial",
        "Constant Foldable",
        "whether constant shapes meet is not worked out, and the ranges depend on it",
    ),
    (
        "OffsetLimit",
        "hybrid search",
        "scores of full-text searches have plans of another kind",
    ),
    (
        "Top",
        "hybrid search",
        "scores of full-text searches have plans of another kind",
    ),
    (
        "RangePartitionKey",
        "BETWEEN and point",
        "no container of the sandbox has keys that are not hashed",
    ),
    (
        "RangePartitionKey",
        "Complex filter",
        "no container of the sandbox has keys that are not hashed",
    ),
    (
        "RangePartitionKey",
        "Range On Partition Key (M",
        "no container of the sandbox has keys that are not hashed",
    ),
];

fn is_accepted(row: &Value) -> bool {
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    let listed = |(group, part, _): &(&str, &str, &str)| {
        text("group") == *group && text("description").contains(part)
    };
    !NOT_ACCEPTED.iter().any(listed)
}

#[derive(Debug, Default, PartialEq)]
struct Tally {
    equal: usize,
    refused: usize,
    beyond_the_client: usize,
    not_accepted: usize,
}

#[test]
fn plans_are_those_of_the_service() {
    let rows: Vec<Value> = serde_json::from_str(BASELINES).unwrap();
    let mut tally = Tally::default();
    for row in &rows {
        match (made(row), row["error"].as_str()) {
            (Err(refusal), Some(error)) if error.starts_with('{') => {
                let own: Value = serde_json::from_str(&refusal.message).unwrap();
                let wanted: Value = serde_json::from_str(error).unwrap();
                assert_eq!((refusal.status, own), (400, wanted), "{row}");
                tally.refused += 1;
            }
            (Ok((plan, written)), error) if is_accepted(row) => match error {
                None => {
                    is_same(row, &plan, &written);
                    tally.equal += 1;
                }
                Some(error) => {
                    is_embedded(error, &written);
                    tally.beyond_the_client += 1;
                }
            },
            (made, _) => {
                assert!(!is_accepted(row), "{row}");
                let hashed = row["partitionKeyKind"] == "Hash";
                assert_eq!(
                    made.err().map(|refusal| refusal.status),
                    hashed.then_some(501)
                );
                tally.not_accepted += 1;
            }
        }
    }
    let wanted = Tally {
        equal: 311,
        refused: 28,
        beyond_the_client: 3,
        not_accepted: 23,
    };
    assert_eq!(tally, wanted);
}

/// Every field of the recorded plan; XML wrote `null` as a text.
fn is_same(row: &Value, plan: &Plan, written: &Value) {
    for (name, wanted) in row["queryInfo"].as_object().unwrap() {
        let wanted = wanted.to_string().replace("\"null\"", "null");
        let own = written["queryInfo"][name].to_string();
        assert_eq!(own, wanted, "{} {name}", row["query"]);
    }
    let recorded = row["queryRangesPk"][0].as_str().unwrap();
    let points = match &plan.keys {
        Keys::All => return assert_eq!(recorded, "[[],\"Infinity\")", "{row}"),
        Keys::Points(points) if points.is_empty() => {
            return assert_eq!(recorded, "[[],[]]", "{row}");
        }
        Keys::Points(points) => points,
    };
    // Of several closed points one was recorded.
    let ends: Value = serde_json::from_str(recorded).unwrap();
    assert_eq!(ends[0], ends[1]);
    let point = PartitionKey::from_json(&ends[0].to_string()).unwrap();
    assert!(points.iter().any(|own| key(own) == point), "{row}");
}

/// Plans the generator made and a client would not have are within the client's error.
fn is_embedded(error: &str, written: &Value) {
    let json = error
        .lines()
        .find_map(|line| line.split_once(" : {"))
        .unwrap()
        .1;
    let recorded: Value = serde_json::from_str(&format!("{{{json}")).unwrap();
    for (name, wanted) in recorded["queryInfo"].as_object().unwrap() {
        let own = &written["queryInfo"][name];
        let flag = own.as_bool().map(|own| json!(u8::from(own)));
        assert_eq!(flag.as_ref().unwrap_or(own), wanted, "{name}");
    }
}

/// The text as it was before the blank before it was lost: places in it are counted from there.
fn indented(row: &Value) -> String {
    let text = row["query"].as_str().unwrap();
    let Some((_, last)) = text.rsplit_once('\n') else {
        return text.to_owned();
    };
    let indent = last.len() - last.trim_start().len();
    format!("\n{}{text}", " ".repeat(indent))
}

fn ranges_of(paths: Value, kind: &str, filter: &str) -> Value {
    let keys = json!({"paths": paths, "kind": kind, "version": 2});
    let keys = Definition::from_json(&keys).unwrap();
    let policy = Map::new();
    let query = format!("SELECT * FROM c WHERE {filter}");
    let statement = read(&query, &json!([{"name": "@a", "value": "x"}]))
        .ok()
        .unwrap();
    let plan = plan(&statement, &Frame::of(&keys, &policy, false))
        .ok()
        .unwrap();
    plan["queryRanges"].clone()
}

#[test]
fn ranges_are_effective_keys() {
    let one = |text: &str| {
        let keys = json!({"paths": ["/a"], "kind": "Hash", "version": 2});
        let keys = Definition::from_json(&keys).unwrap();
        keys.effective(&PartitionKey::from_json(text).unwrap())
    };
    let point = |text: &str| json!({"min": one(text), "max": one(text), "isMinInclusive": true, "isMaxInclusive": true});
    let hash = |filter: &str| ranges_of(json!(["/a"]), "Hash", filter);
    assert_eq!(hash("c.a = @a AND c.b > 1"), json!([point("\"x\"")]));
    assert_eq!(hash("c['a'] = 1.0 OR c.a = 1"), json!([point("1")]));
    assert_eq!(hash("c.a = @a OR c.b = 1")[0]["max"], "FF");
    assert_eq!(hash("c.a = 1 AND c.a = 2")[0]["max"], "");
    let two = hash("c.a IN (1, 'x')");
    assert_eq!(two.as_array().unwrap().len(), 2);
    assert!(two[0]["min"].as_str() < two[1]["min"].as_str());
    let many = |filter: &str| ranges_of(json!(["/a", "/b"]), "MultiHash", filter);
    let prefix = many("c.a = 'x' OR (c.a = 'x' AND c.b = 1)");
    let (min, max) = (
        prefix[0]["min"].as_str().unwrap(),
        prefix[0]["max"].as_str().unwrap(),
    );
    assert_eq!(
        (prefix.as_array().unwrap().len(), max),
        (1, format!("{min}FF").as_str())
    );
    assert_eq!(prefix[0]["isMaxInclusive"], false);
    assert_eq!(many("c.b = 1")[0]["max"], "FF");
    assert_eq!(many("c.a = 'x' AND c.b = 1")[0]["isMaxInclusive"], true);
}

#[test]
fn counted_rows_are_planned_as_rows() {
    let count = |query: &str| planned(query, &Value::Null, false);
    let list = count("SELECT COUNT(1) AS n FROM (SELECT DISTINCT c.a, c.b FROM c WHERE c.d = 1)");
    let list = list.ok().unwrap();
    let info = &list["queryInfo"];
    assert_eq!(info["dCountInfo"], json!({"dCountAlias": "n"}));
    assert_eq!(info["distinctType"], "Unordered");
    let rewritten = "SELECT DISTINCT c.a, c.b\nFROM c\nWHERE (c.d = 1)";
    assert_eq!(info["rewrittenQuery"], rewritten);
    let value = count("SELECT VALUE COUNT(1) FROM (SELECT DISTINCT VALUE c.a FROM c)");
    assert_eq!(
        value.ok().unwrap()["queryInfo"]["dCountInfo"],
        json!({"dCountAlias": ""})
    );
    for query in [
        "SELECT VALUE COUNT(1) FROM (SELECT VALUE COUNT(1) FROM c)",
        "SELECT VALUE SUM(s) FROM (SELECT DISTINCT VALUE c.a FROM c) AS s",
        "SELECT VALUE COUNT(1) FROM (SELECT DISTINCT TOP 2 VALUE c.a FROM c)",
        "SELECT * FROM t IN c.l ORDER BY t.a",
    ] {
        assert_eq!(count(query).err().unwrap().status, 501, "{query}");
    }
}

#[test]
fn only_what_is_needed_has_to_be_known() {
    let keys = definition(&json!(["/key"]), &json!("Hash"));
    let policy = Map::new();
    let needs = |query: &str| {
        let statement = read(query, &Value::Null).ok().unwrap();
        features(
            &statement
                .plan(&Frame::of(&keys, &policy, false))
                .ok()
                .unwrap(),
        )
    };
    assert!(needs("SELECT * FROM c WHERE c.a = 1").is_empty());
    assert!(needs("SELECT TOP 2 5").is_empty());
    assert!(needs("SELECT * FROM c WHERE c.key = 1 OFFSET 1 LIMIT 2").is_empty());
    assert_eq!(needs("SELECT VALUE COUNT(1) FROM c"), ["Aggregate"]);
    assert_eq!(
        needs("SELECT c.a, COUNTIF(c.b), MAKESET(c.d) FROM c GROUP BY c.a"),
        [
            "GroupBy",
            "MultipleAggregates",
            "NonValueAggregate",
            "ListAndSetAggregate",
            "CountIf"
        ]
    );
    assert_eq!(
        needs("SELECT DISTINCT c.a FROM c ORDER BY c.a, c.b OFFSET 0 LIMIT 1"),
        ["Distinct", "MultipleOrderBy", "OffsetAndLimit", "OrderBy"]
    );
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
