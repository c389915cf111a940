//! Id and partition key of an item, read from its text in one go.

use super::{Definition, pair, plain, tokens, walk};
use crate::cosmos::partition_key::{Component, PartitionKey};

/// Reads where items belong, by the definition of their container.
#[derive(Debug, Clone)]
pub struct Keyed {
    definition: Definition,
    paths: Vec<Vec<String>>,
}

/// Where an item belongs.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Its id, which may be any text but the empty one.
    pub id: String,
    /// Its whole key.
    pub key: PartitionKey,
}

impl Keyed {
    /// By a definition.
    ///
    /// # Errors
    /// A sentence, where a path of it cannot be read.
    pub fn new(definition: Definition) -> Result<Keyed, String> {
        let paths = definition.paths.iter().map(|path| tokens(path));
        Ok(Keyed {
            paths: paths.collect::<Result<_, _>>()?,
            definition,
        })
    }

    /// The definition.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Reads the whole text once, and once more for each further path. Of members with one name the last counts.
    ///
    /// # Errors
    /// A sentence, where it is no JSON object, has no id, or has an object or array where its key should be.
    pub fn read(&self, item: &str) -> Result<Place, String> {
        if !item.trim_start().starts_with('{') {
            return Err("it is not a JSON object".into());
        }
        let first = self.paths.first().and_then(|path| path.first());
        // The name of the id is looked for once.
        let other = first.map_or("", |name| if name == "id" { "" } else { name });
        let [id, root] = pair(item, ["id", other]).map_err(|e| format!("it is not JSON: {e}"))?;
        let root = if other.is_empty() { id } else { root };
        let mut levels = Vec::with_capacity(self.paths.len());
        for (path, named) in self.paths.iter().zip(&self.definition.paths) {
            let level = match (path.split_first(), root) {
                (Some((name, rest)), Some(root)) if Some(name) == first => walk(root.get(), rest),
                (Some((name, _)), None) if Some(name) == first => Ok(Component::Undefined),
                _ => walk(item, path),
            };
            levels.push(level.map_err(|why| format!("its key {named}: {why}"))?);
        }
        if self.definition.system && levels.iter().all(|level| *level == Component::Undefined) {
            levels.clear();
        }
        let id = id.ok_or("it has no id")?.get();
        let id: String = match plain(id) {
            Some(id) => id.into(),
            None => serde_json::from_str(id).map_err(|_| "its id is not a text")?,
        };
        let key = PartitionKey::new(levels);
        let place = Place { id, key };
        (!place.id.is_empty())
            .then_some(place)
            .ok_or("its id is empty".into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn keyed(paths: &Value, system: bool) -> Keyed {
        let value = json!({"paths": paths, "kind": "MultiHash", "version": 2, "systemKey": system});
        Keyed::new(Definition::from_json(&value).unwrap()).unwrap()
    }

    #[test]
    fn id_and_key_are_those_that_the_definition_finds() {
        let item = r#" {"a":{"b":1,"c":null},"id":"x","t":"\u00fc","id":"y","a":{"b":2,"c":[]}} "#;
        for paths in [
            json!(["/a/b"]),
            json!(["/t", "/a/b"]),
            json!(["/id"]),
            json!(["/a/b", "/id", "/no"]),
            json!(["/a/b/c", "/t"]),
            json!(["/no/b"]),
            json!(["/a/b", "/a/b"]),
        ] {
            let keyed = keyed(&paths, false);
            let place = keyed.read(item).unwrap();
            assert_eq!(place.id, "y");
            assert_eq!(
                place.key,
                keyed.definition().extract(item).unwrap(),
                "{paths}"
            );
        }
        assert!(
            keyed(&json!(["/a/c"]), false)
                .read(item)
                .unwrap_err()
                .contains("/a/c")
        );
        assert_eq!(
            keyed(&json!(["/no"]), true).read(item).unwrap().key,
            PartitionKey::none()
        );
    }

    #[test]
    fn what_is_no_item_is_told_apart() {
        let keyed = keyed(&json!(["/pk"]), false);
        for (text, said) in [
            (r#"{"pk":"a"}"#, "no id"),
            (r#"{"id":1,"pk":"a"}"#, "not a text"),
            (r#"{"id":"","pk":"a"}"#, "empty"),
            (r#"{"id":"1","pk":{}}"#, "/pk"),
            (r#"{"id":"1","pk":[1]}"#, "/pk"),
            ("[]", "not a JSON object"),
            (r#"{"id":"1","#, "not JSON"),
            (r#"{"id":"1"} {}"#, "not JSON"),
            (r#"{"id":"1","x":NaN}"#, "not JSON"),
            ("", "not a JSON object"),
        ] {
            let why = keyed.read(text).unwrap_err();
            assert!(why.contains(said), "{text}: {why}");
        }
    }
}
