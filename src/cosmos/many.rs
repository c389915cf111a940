//! Many items at once. The service has no such operation: a query names them all, or a read the only one.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/how-to-read-many-items>

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use super::key_definition::{Definition, tokens};
use super::partition_key::{Component, PartitionKey};
use super::query::Query;
use super::{Call, Container, Members, items, resource};
use crate::error::Error;
use crate::message::{Page, Response};
use crate::name::Name;

/// An item by id and key.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Its id, which may be any text.
    pub id: String,
    /// Its whole key.
    pub key: PartitionKey,
}

/// A query for these ids, all of them of the key that is sent along.
pub fn of_one_key(ids: &[&str]) -> Result<Query, Error> {
    let ids = ids.iter().enumerate();
    let names: Vec<String> = ids.clone().map(|(at, _)| format!("@i{at}")).collect();
    let text = format!("SELECT * FROM c WHERE c.id IN ({})", names.join(","));
    ids.into_iter()
        .try_fold(Query::new(text), |query, (at, id)| {
            query.parameter(&format!("i{at}"), &Value::from(*id).to_string())
        })
}

/// A query for these pairs.
pub fn of_pairs(definition: &Definition, pairs: &[Pair]) -> Result<Query, Error> {
    if definition.paths == ["/id"] {
        let ids: Vec<&str> = pairs.iter().map(|pair| pair.id.as_str()).collect();
        return of_one_key(&ids);
    }
    let members: Result<Vec<String>, String> =
        definition.paths.iter().map(|path| member(path)).collect();
    let members = members.map_err(Error::usage)?;
    let (mut text, mut parameters) = (String::from("SELECT * FROM c WHERE "), Vec::new());
    for (at, pair) in pairs.iter().enumerate() {
        let or = if at == 0 { "" } else { " OR " };
        text.push_str(&format!("{or}(c.id=@i{at}"));
        parameters.push((format!("i{at}"), Value::from(pair.id.as_str())));
        for (level, member) in members.iter().enumerate() {
            match pair.key.components().get(level).and_then(value) {
                Some(value) => {
                    text.push_str(&format!(" AND {member}=@k{at}_{level}"));
                    parameters.push((format!("k{at}_{level}"), value));
                }
                None => text.push_str(&format!(" AND NOT IS_DEFINED({member})")),
            }
        }
        text.push(')');
    }
    parameters
        .into_iter()
        .try_fold(Query::new(text), |query, (name, value)| {
            query.parameter(&name, &value.to_string())
        })
}

/// `/address/city` as `c["address"]["city"]`.
fn member(path: &str) -> Result<String, String> {
    let steps = tokens(path)?;
    let steps = steps
        .iter()
        .map(|step| format!("[{}]", Value::from(step.as_str())));
    Ok(format!("c{}", steps.collect::<String>()))
}

/// What a level of a key is compared with; nothing for a member that is not there.
fn value(level: &Component) -> Option<Value> {
    match level {
        Component::Undefined => None,
        Component::Null => Some(Value::Null),
        Component::Bool(flag) => Some((*flag).into()),
        Component::Number(number) => Some(Value::Number(number.clone())),
        Component::String(text) => Some(text.as_str().into()),
    }
}

/// `GET /dbs/{db}/colls/{coll}/docs/{id}`: the item as the only one of a page. Cheaper than a query for one.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/get-a-document>
pub fn one(
    container: &Container,
    id: &Name,
    key: &PartitionKey,
    options: &items::Options,
) -> Call<Page> {
    let read = items::read(container, id, key, options);
    Call {
        request: read.request,
        scope: read.scope,
        action: read.action,
        effect: read.effect,
        read: only,
    }
}

fn only(response: &Response) -> Result<Page, Error> {
    Ok(Page {
        items: vec![resource(response)?],
        next: None,
    })
}

/// The id of an item.
pub fn id_of(item: &RawValue) -> Option<String> {
    let members: Members = serde_json::from_str(item.get()).ok()?;
    let id: Cow<str> = serde_json::from_str(members.get("id")?.get()).ok()?;
    Some(id.into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn pair(id: &str, key: &str) -> Pair {
        let key = PartitionKey::from_json(key).unwrap();
        Pair { id: id.into(), key }
    }

    fn asked(paths: Value, pairs: &[Pair]) -> String {
        let definition = json!({"paths": paths, "kind": "MultiHash", "version": 2});
        of_pairs(&Definition::from_json(&definition).unwrap(), pairs)
            .unwrap()
            .body()
    }

    #[test]
    fn every_kind_of_key_is_asked_for() {
        let pairs = [
            pair("a\"/", r#"["t",5]"#),
            pair("b", "[null,{}]"),
            pair("c", "[true,9007199254740993]"),
        ];
        assert_eq!(
            asked(json!(["/tenant", "/\"a b\"/c"]), &pairs),
            concat!(
                r#"{"query":"SELECT * FROM c WHERE (c.id=@i0 AND c[\"tenant\"]=@k0_0 AND c[\"a b\"][\"c\"]=@k0_1)"#,
                r#" OR (c.id=@i1 AND c[\"tenant\"]=@k1_0 AND NOT IS_DEFINED(c[\"a b\"][\"c\"]))"#,
                r#" OR (c.id=@i2 AND c[\"tenant\"]=@k2_0 AND c[\"a b\"][\"c\"]=@k2_1)","#,
                r#""parameters":[{"name":"@i0","value":"a\"/"},{"name":"@k0_0","value":"t"},{"name":"@k0_1","value":5},"#,
                r#"{"name":"@i1","value":"b"},{"name":"@k1_0","value":null},"#,
                r#"{"name":"@i2","value":"c"},{"name":"@k2_0","value":true},{"name":"@k2_1","value":9007199254740993}]}"#,
            )
        );
        let system = asked(json!(["/_partitionKey"]), &[pair("a", "[]")]);
        assert!(
            system.contains("NOT IS_DEFINED(c[\\\"_partitionKey\\\"])"),
            "{system}"
        );
        assert_eq!(
            asked(json!(["/id"]), &[pair("a", "\"a\""), pair("b", "\"b\"")]),
            r#"{"query":"SELECT * FROM c WHERE c.id IN (@i0,@i1)","parameters":[{"name":"@i0","value":"a"},{"name":"@i1","value":"b"}]}"#
        );
    }
}
