//! A container's definition: what the service refuses in it and what it fills in.

use serde_json::{Map, Value, json};

use crate::cosmos::key_definition::tokens;
use crate::sandbox::sql::Property;

/// A container without its system members.
pub type Definition = Map<String, Value>;

/// The definition with the service's defaults, or the sentence the service refuses it with.
pub fn complete(mut definition: Definition) -> Result<Definition, String> {
    definition.retain(|name, _| !SYSTEM.contains(&name.as_str()));
    id(&definition)?;
    partition_key(&mut definition)?;
    time_to_live(&definition)?;
    unique_keys(&definition)?;
    indexing(&mut definition)?;
    computed(&definition).try_for_each(|property| property.map(drop))?;
    definition
        .entry("conflictResolutionPolicy")
        .or_insert_with(last_writer_wins)
        .as_object_mut()
        .ok_or("The conflict resolution policy is invalid: it must be an object.")?
        .entry("conflictResolutionProcedure")
        .or_insert_with(|| json!(""));
    definition
        .entry("geospatialConfig")
        .or_insert_with(|| json!({"type": "Geography"}));
    Ok(definition)
}

/// A member's text, empty where it has none.
pub fn text<'a>(definition: &'a Definition, name: &str) -> &'a str {
    definition.get(name).and_then(Value::as_str).unwrap_or("")
}

/// The paths of the partition key.
pub fn key_paths(definition: &Definition) -> Vec<&str> {
    let paths = definition
        .get("partitionKey")
        .and_then(|key| key.get("paths"));
    strings(paths).collect()
}

/// The version of the hash of the partition key.
pub fn hash_version(definition: &Definition) -> u64 {
    let key = definition.get("partitionKey");
    version(key.and_then(|key| key.get("version"))).unwrap_or(1)
}

/// The paths of each unique key.
pub fn unique_key_paths(definition: &Definition) -> Vec<Vec<&str>> {
    let policy = definition.get("uniqueKeyPolicy");
    list(policy.and_then(|policy| policy.get("uniqueKeys")))
        .map(|key| strings(key.get("paths")).collect())
        .collect()
}

/// The computed properties, or the sentence for one that is none.
pub fn computed(definition: &Definition) -> impl Iterator<Item = Result<Property, String>> {
    list(definition.get("computedProperties")).map(|given| {
        let part = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
        let (name, query) = (part("name"), part("query"));
        let wrong = || format!("The computed property '{name}' has an invalid query: '{query}'.");
        Property::parse(name, query).ok_or_else(wrong)
    })
}

const SYSTEM: [&str; 9] = [
    "_rid",
    "_self",
    "_etag",
    "_ts",
    "_docs",
    "_sprocs",
    "_triggers",
    "_udfs",
    "_conflicts",
];

fn last_writer_wins() -> Value {
    json!({
        "mode": "LastWriterWins",
        "conflictResolutionPath": "/_ts",
        "conflictResolutionProcedure": ""
    })
}

/// The rule for the name of any resource that is not an item.
pub fn name(id: Option<&Value>) -> Result<&str, String> {
    let id = id.ok_or_else(|| missing("id"))?;
    let id = id
        .as_str()
        .filter(|id| !id.is_empty())
        .ok_or_else(|| missing("id"))?;
    if id.contains(['/', '\\', '?', '#']) || id.ends_with(' ') || id.chars().count() > 255 {
        return Err(format!(
            "The input name '{id}' is invalid. Ensure to provide a unique non-empty string less than '255' characters."
        ));
    }
    Ok(id)
}

fn id(definition: &Definition) -> Result<(), String> {
    name(definition.get("id")).map(|_| ())
}

/// The service's sentence for a member that has to be there.
pub fn missing(member: &str) -> String {
    format!(
        "The input content is invalid because the required properties - '{member}; ' - are missing"
    )
}

fn partition_key(definition: &mut Definition) -> Result<(), String> {
    let key = definition
        .get_mut("partitionKey")
        .and_then(Value::as_object_mut)
        .ok_or_else(|| missing("partitionKey"))?;
    let kind = key.entry("kind").or_insert_with(|| json!("Hash")).clone();
    let kind = kind.as_str().unwrap_or_default();
    let version = version(key.get("version"))?;
    let paths: Vec<&str> = strings(key.get("paths")).collect();
    if paths.len() != list(key.get("paths")).count() {
        return Err("The specified partition key paths are invalid: each must be a string.".into());
    }
    paths.iter().try_for_each(|path| key_path(path))?;
    distinct(&paths)?;
    match (kind, paths.len()) {
        (_, 0) => Err(missing("paths")),
        ("Hash", 1) => Ok(()),
        ("Hash", count) => Err(format!(
            "The partition key definition has {count} paths; kind 'Hash' takes exactly one."
        )),
        ("MultiHash", _) if version != 2 => Err(
            "The specified partition key kind 'MultiHash' requires partition key version 2.".into(),
        ),
        ("MultiHash", 1..=3) => Ok(()),
        ("MultiHash", count) => Err(format!(
            "The partition key definition has {count} paths; kind 'MultiHash' takes at most 3."
        )),
        _ => Err(format!("The partition key kind value '{kind}' is invalid.")),
    }
}

fn version(value: Option<&Value>) -> Result<u64, String> {
    match value.map(Value::as_u64) {
        None => Ok(1),
        Some(Some(version @ 1..=2)) => Ok(version),
        Some(_) => Err("The partition key version is invalid: it must be 1 or 2.".into()),
    }
}

fn key_path(path: &str) -> Result<(), String> {
    let quoted = path.contains(['"', '\'']);
    let bad = !path.starts_with('/')
        || path.len() < 2
        || path.ends_with('/')
        || tokens(path).is_err()
        || (!quoted && (path.contains('*') || path.contains("//") || path.contains("[]")));
    if bad {
        return Err(format!(
            "The partition key component definition path '{path}' could not be accepted, failed near position '0'. Partition key paths must contain only valid characters and not contain a trailing slash or wildcard character."
        ));
    }
    Ok(())
}

fn distinct(paths: &[&str]) -> Result<(), String> {
    let mut seen = paths.to_vec();
    seen.sort_unstable();
    seen.dedup();
    match seen.len() == paths.len() {
        true => Ok(()),
        false => Err("The partition key definition names a path twice.".into()),
    }
}

/// The rule for `defaultTtl` and for `ttl` of an item: -1 or a number of seconds.
pub fn seconds(name: &str, value: &Value) -> Result<i64, String> {
    match value.as_i64() {
        Some(seconds @ (-1 | 1..=0x7FFF_FFFF)) => Ok(seconds),
        _ => Err(format!(
            "The input {name} '{value}' is invalid. Ensure to provide a nonzero positive integer less than or equal to '2147483647', or '-1' for never expire."
        )),
    }
}

fn time_to_live(definition: &Definition) -> Result<(), String> {
    match definition.get("defaultTtl") {
        None | Some(Value::Null) => Ok(()),
        Some(value) => seconds("defaultTtl", value).map(|_| ()),
    }
}

fn unique_keys(definition: &Definition) -> Result<(), String> {
    let keys = unique_key_paths(definition);
    if keys.len() > 10 {
        return Err("The number of unique keys exceeds the limit of 10.".into());
    }
    let bad = |path: &&str| !path.starts_with('/') || path.len() < 2 || path.contains(['*', '?']);
    for paths in keys {
        if paths.is_empty() || paths.len() > 16 {
            return Err("A unique key must have between 1 and 16 paths.".into());
        }
        if let Some(path) = paths.iter().find(|path| bad(path)) {
            return Err(format!("The unique key path '{path}' is invalid."));
        }
    }
    Ok(())
}

fn indexing(definition: &mut Definition) -> Result<(), String> {
    let policy = definition
        .entry("indexingPolicy")
        .or_insert_with(|| json!({}));
    let policy = policy
        .as_object_mut()
        .ok_or("The indexing policy is invalid: it must be an object.")?;
    let mode = text(policy, "indexingMode").to_ascii_lowercase();
    match mode.as_str() {
        "" | "consistent" | "lazy" => {
            index_all(policy, if mode == "lazy" { "lazy" } else { "consistent" })
        }
        "none" => index_none(policy),
        _ => Err(format!("The indexing mode '{mode}' is invalid.")),
    }
}

fn index_none(policy: &mut Definition) -> Result<(), String> {
    if policy.get("automatic") == Some(&Value::Bool(true)) {
        return Err("If automatic is true, the indexing mode cannot be none.".into());
    }
    policy.insert("indexingMode".into(), json!("none"));
    policy.insert("automatic".into(), json!(false));
    policy.entry("includedPaths").or_insert_with(|| json!([]));
    policy.entry("excludedPaths").or_insert_with(|| json!([]));
    Ok(())
}

fn index_all(policy: &mut Definition, mode: &str) -> Result<(), String> {
    policy.insert("indexingMode".into(), json!(mode));
    policy.entry("automatic").or_insert(json!(true));
    let given = policy.contains_key("includedPaths") || policy.contains_key("excludedPaths");
    policy.entry("includedPaths").or_insert_with(|| {
        if given {
            json!([])
        } else {
            json!([{"path": "/*"}])
        }
    });
    policy.entry("excludedPaths").or_insert_with(|| json!([]));
    let named = |name: &str| list(policy.get(name)).any(|entry| entry["path"] == "/*");
    if !named("includedPaths") && !named("excludedPaths") {
        return Err("The special mandatory indexing path \"/\" is not provided in any of the path type sets. Please provide this path in one of the sets.".into());
    }
    let etag = json!({"path": "/\"_etag\"/?"});
    if let Some(Value::Array(excluded)) = policy.get_mut("excludedPaths")
        && !excluded.contains(&etag)
    {
        excluded.push(etag);
    }
    Ok(())
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn strings(value: Option<&Value>) -> impl Iterator<Item = &str> {
    list(value).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn made(value: Value) -> Result<Definition, String> {
        complete(value.as_object().unwrap().clone())
    }

    #[test]
    fn defaults_are_the_services() {
        let made =
            made(json!({"id": "c", "_rid": "x", "partitionKey": {"paths": ["/pk"]}})).unwrap();
        assert_eq!(
            made["partitionKey"],
            json!({"paths": ["/pk"], "kind": "Hash"})
        );
        assert_eq!(
            made["indexingPolicy"],
            json!({"indexingMode": "consistent", "automatic": true,
                "includedPaths": [{"path": "/*"}], "excludedPaths": [{"path": "/\"_etag\"/?"}]})
        );
        assert_eq!(made["conflictResolutionPolicy"]["mode"], "LastWriterWins");
        assert!(!made.contains_key("_rid"));
    }

    #[test]
    fn what_the_service_refuses() {
        let key = json!({"paths": ["/pk"], "kind": "Hash", "version": 2});
        let refused = [
            (json!({"partitionKey": key}), "'id; '"),
            (json!({"id": "a/b", "partitionKey": key}), "a/b"),
            (json!({"id": "c"}), "'partitionKey; '"),
            (
                json!({"id": "c", "partitionKey": {"paths": []}}),
                "'paths; '",
            ),
            (
                json!({"id": "c", "partitionKey": {"paths": ["pk"]}}),
                "could not be accepted",
            ),
            (
                json!({"id": "c", "partitionKey": {"paths": ["/a", "/b"]}}),
                "exactly one",
            ),
            (
                json!({"id": "c", "partitionKey": {"paths": ["/a"], "kind": "Range"}}),
                "'Range'",
            ),
            (
                json!({"id": "c", "partitionKey": {"paths": ["/a", "/b"], "kind": "MultiHash"}}),
                "version 2",
            ),
            (
                json!({"id": "c", "partitionKey": {"paths": ["/a", "/a"], "kind": "MultiHash", "version": 2}}),
                "twice",
            ),
            (
                json!({"id": "c", "partitionKey": {"paths": ["/a", "/b", "/c", "/d"], "kind": "MultiHash", "version": 2}}),
                "at most 3",
            ),
            (
                json!({"id": "c", "partitionKey": key, "defaultTtl": 0}),
                "defaultTtl '0'",
            ),
            (
                json!({"id": "c", "partitionKey": key, "uniqueKeyPolicy": {"uniqueKeys": [{"paths": []}]}}),
                "unique key",
            ),
            (
                json!({"id": "c", "partitionKey": key, "indexingPolicy": {"indexingMode": "fast"}}),
                "fast",
            ),
            (
                json!({"id": "c", "partitionKey": key, "indexingPolicy": {"includedPaths": [{"path": "/a/?"}]}}),
                "mandatory",
            ),
        ];
        for (body, words) in refused {
            let error = made(body).unwrap_err();
            assert!(error.contains(words), "{error} lacks {words}");
        }
    }

    #[test]
    fn what_the_service_takes() {
        let taken = [
            json!({"id": "c", "partitionKey": {"paths": ["/a", "/b", "/c"], "kind": "MultiHash", "version": 2}}),
            json!({"id": "c", "partitionKey": {"paths": ["/a/\"b*c\""]}, "defaultTtl": -1}),
            json!({"id": "c", "partitionKey": {"paths": ["/a"]}, "indexingPolicy": {"indexingMode": "none"}}),
        ];
        assert!(taken.into_iter().all(|body| made(body).is_ok()));
    }
}
