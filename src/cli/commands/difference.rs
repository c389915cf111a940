//! How what is there already differs from what was asked for: `--if-not-exists` says so and changes nothing.

use serde_json::Value;
use serde_json::value::RawValue;

use super::throughput::described;
use crate::arm::Account;
use crate::arm::containers::Definition;
use crate::arm::throughput::{self, Owner};
use crate::cli::session::Session;
use crate::error::Error;
use crate::message::Throughput;

/// The path that the service excludes from every index by itself.
const ETAG_PATH: &str = "/\"_etag\"/?";

/// Warns of each difference. Nothing is changed, so the command succeeds.
pub fn warn(session: &Session, what: &str, differences: &[String]) {
    for difference in differences {
        session.warn(&format!(
            "{what} exists with other settings: {difference}; nothing was changed"
        ));
    }
}

/// Warns that the throughput is another one. It is read only if one was asked for.
pub fn warn_of_throughput(
    session: &Session,
    account: &Account,
    owner: &Owner,
    asked: Option<Throughput>,
) -> Result<(), Error> {
    let Some(asked) = asked else {
        return Ok(());
    };
    let what = match &owner.container {
        Some(name) => format!("container {name}"),
        None => format!("database {}", owner.database),
    };
    let wanted = described(asked);
    let difference = match session.run(&throughput::show(account, owner)) {
        Ok(there) => match throughput::current(&there.value)? {
            there if there == asked => return Ok(()),
            there => format!("its throughput is {}, not {wanted}", described(there)),
        },
        Err(error) if error.is_status(404) => {
            format!("it has no throughput of its own, not {wanted}")
        }
        Err(error @ Error::Status(_)) => {
            format!("its throughput could not be compared with {wanted}: {error}")
        }
        Err(error) => return Err(error),
    };
    warn(session, &what, &[difference]);
    Ok(())
}

/// With a key there is no request for the throughput.
pub fn warn_not_compared(session: &Session, what: &str, asked: Option<Throughput>) {
    if let Some(asked) = asked {
        let wanted = described(asked);
        session.warn(&format!(
            "{what} exists; its throughput was not compared with {wanted}: with an account key it cannot be read"
        ));
    }
}

/// What was asked for of a container and is otherwise there, each in a few words.
pub fn of_container(there: &RawValue, asked: &Definition) -> Result<Vec<String>, Error> {
    let there: Value = serde_json::from_str(there.get())
        .map_err(|e| Error::answer(format!("the container is not JSON: {e}")))?;
    let member = |name: &str| there.get(name).unwrap_or(&Value::Null);
    let mut differences = Vec::new();
    if let Some(ttl) = asked.ttl
        && member("defaultTtl").as_i64() != Some(ttl)
    {
        let now = match member("defaultTtl") {
            Value::Null => "off".to_string(),
            now => now.to_string(),
        };
        differences.push(format!("its ttl is {now}, not {ttl}"));
    }
    if let Some(keys) = value(asked.unique_keys.as_deref())
        && unique_keys(&keys) != unique_keys(member("uniqueKeyPolicy"))
    {
        differences.push("its unique keys are not those asked for".into());
    }
    if let Some(policy) = value(asked.indexing.as_deref())
        && !covers(&policy, member("indexingPolicy"))
    {
        differences.push("its indexing policy is not the one asked for".into());
    }
    Ok(differences)
}

fn value(text: Option<&RawValue>) -> Option<Value> {
    serde_json::from_str(text?.get()).ok()
}

/// The paths of each key, in an order of their own: that of a policy says nothing.
fn unique_keys(policy: &Value) -> Vec<Vec<String>> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let keys = list(policy.get("uniqueKeys")).into_iter().map(|key| {
        let paths = list(key.get("paths")).into_iter();
        let mut paths: Vec<String> = paths.map(|path| path.to_string()).collect();
        paths.sort();
        paths
    });
    let mut keys: Vec<_> = keys.collect();
    keys.sort();
    keys
}

/// Whether what is there is what was asked for, completed by the service: it fills in what was left out, excludes its
/// own path, and writes words in either case. Lists are compared in any order, but for the paths of a composite index.
fn covers(asked: &Value, there: &Value) -> bool {
    match (asked, there) {
        (Value::Object(asked), Value::Object(there)) => asked.iter().all(|(name, asked)| {
            let there = there.get(name).unwrap_or(&Value::Null);
            covers(asked, there)
        }),
        (Value::Array(asked), Value::Array(there)) if is_sequence(asked) => {
            asked.len() == there.len() && asked.iter().zip(there).all(|(a, b)| covers(a, b))
        }
        (Value::Array(asked), Value::Array(there)) => same_elements(asked, there),
        (Value::Array(asked), Value::Null) => asked.is_empty(),
        (Value::String(asked), Value::String(there)) => same_word(asked, there),
        (asked, there) => asked == there,
    }
}

/// Whether the order of a list matters: that of the paths of one composite index does.
fn is_sequence(elements: &[Value]) -> bool {
    let mut elements = elements.iter();
    elements.any(|element| element.get("order").is_some())
}

fn same_elements(asked: &[Value], there: &[Value]) -> bool {
    let own = |element: &&Value| {
        let path = element.get("path").and_then(Value::as_str);
        path != Some(ETAG_PATH)
    };
    let mut left: Vec<&Value> = there.iter().filter(own).collect();
    for element in asked.iter().filter(own) {
        match left.iter().position(|other| covers(element, other)) {
            Some(at) => left.swap_remove(at),
            None => return false,
        };
    }
    left.is_empty()
}

/// Words such as `consistent` come back in another case; paths do not. The root has two forms.
fn same_word(asked: &str, there: &str) -> bool {
    let root = |text: &str| matches!(text, "/" | "/*");
    match asked.starts_with('/') {
        true => asked == there || (root(asked) && root(there)),
        false => asked.eq_ignore_ascii_case(there),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_is_the_same_once_the_service_has_completed_it() {
        let there = json!({
            "indexingMode": "Consistent",
            "automatic": true,
            "includedPaths": [{"path": "/*"}, {"path": "/a/?"}],
            "excludedPaths": [{"path": "/b/*"}, {"path": "/\"_etag\"/?"}],
            "compositeIndexes": [[{"path": "/a", "order": "ascending"}, {"path": "/b", "order": "descending"}]],
        });
        for (asked, same) in [
            (json!({}), true),
            (json!({"indexingMode": "consistent"}), true),
            (json!({"indexingMode": "none"}), false),
            (json!({"automatic": false}), false),
            (
                json!({"includedPaths": [{"path": "/a/?"}, {"path": "/"}]}),
                true,
            ),
            (
                json!({"includedPaths": [{"path": "/A/?"}, {"path": "/*"}]}),
                false,
            ),
            (json!({"includedPaths": [{"path": "/*"}]}), false),
            (json!({"excludedPaths": [{"path": "/b/*"}]}), true),
            (json!({"excludedPaths": []}), false),
            (json!({"spatialIndexes": []}), true),
            (json!({"spatialIndexes": [{"path": "/p/*"}]}), false),
            (
                json!({"compositeIndexes": [[{"path": "/a", "order": "ascending"}, {"path": "/b", "order": "descending"}]]}),
                true,
            ),
            (
                json!({"compositeIndexes": [[{"path": "/b", "order": "descending"}, {"path": "/a", "order": "ascending"}]]}),
                false,
            ),
        ] {
            assert_eq!(covers(&asked, &there), same, "{asked}");
        }
    }

    #[test]
    fn unique_keys_are_the_same_in_any_order() {
        let keys = |text: &str| unique_keys(&serde_json::from_str(text).unwrap());
        let one = keys(r#"{"uniqueKeys":[{"paths":["/a","/b"]},{"paths":["/c"]}]}"#);
        assert_eq!(
            one,
            keys(r#"{"uniqueKeys":[{"paths":["/c"]},{"paths":["/b","/a"]}]}"#)
        );
        assert_ne!(one, keys(r#"{"uniqueKeys":[{"paths":["/a","/b"]}]}"#));
        assert_eq!(keys("{}"), keys(r#"{"uniqueKeys":[]}"#));
    }
}
