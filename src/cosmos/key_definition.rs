//! The partition key of a container: its paths, and how they lead to the key of an item.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/hierarchical-partition-keys>

pub mod keyed;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::partition_key::{Component, PartitionKey};

/// How the keys of a container become places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The whole key is hashed at once.
    Hash,
    /// Hierarchical: each level is hashed by itself, so that a prefix is a range.
    MultiHash,
    /// Unhashed; nothing makes such containers any more.
    Range,
}

/// `partitionKey` of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// One path a level, as the container has them: `/tenant`.
    pub paths: Vec<String>,
    /// See [`Kind`].
    pub kind: Kind,
    /// Of the hash, 1 or 2. Absent means 1.
    pub version: u8,
    /// The service made up the path; items without the member have the key `[]`.
    pub system: bool,
}

impl Definition {
    /// The `partitionKey` object of a container, from either plane.
    ///
    /// # Errors
    /// A sentence, where the paths are missing or the kind or version is none we know.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        let kind = match value.get("kind").and_then(Value::as_str) {
            Some("Hash") | None => Kind::Hash,
            Some("MultiHash") => Kind::MultiHash,
            Some("Range") => Kind::Range,
            Some(other) => return Err(format!("unknown kind of partition key `{other}`")),
        };
        let version = match value.get("version") {
            None | Some(Value::Null) => 1,
            Some(number) if number.as_u64() == Some(1) => 1,
            Some(number) if number.as_u64() == Some(2) => 2,
            Some(other) => return Err(format!("unknown version of partition key `{other}`")),
        };
        let system = value
            .get("systemKey")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        Ok(Self {
            paths: paths(value)?,
            kind,
            version,
            system,
        })
    }

    /// Whether the key has a component for every path, as operations on one item need it.
    pub fn is_complete(&self, key: &PartitionKey) -> bool {
        key.components().len() == self.paths.len() || (self.system && key.components().is_empty())
    }

    /// Whether the key leaves out one or more of the last levels of a hierarchy.
    pub fn is_prefix(&self, key: &PartitionKey) -> bool {
        self.kind == Kind::MultiHash && (1..self.paths.len()).contains(&key.components().len())
    }

    /// The key of an item, read from its text. Of members with one name the last counts.
    ///
    /// # Errors
    /// A sentence, where the item is not a JSON object or an object or array stands where the key should.
    pub fn extract(&self, item: &str) -> Result<PartitionKey, String> {
        let mut components = Vec::with_capacity(self.paths.len());
        for path in &self.paths {
            components.push(find(item, &tokens(path)?).map_err(|why| format!("{path}: {why}"))?);
        }
        if self.system
            && components
                .iter()
                .all(|level| *level == Component::Undefined)
        {
            components.clear();
        }
        Ok(PartitionKey::new(components))
    }
}

fn paths(value: &Value) -> Result<Vec<String>, String> {
    let paths: Vec<_> = value
        .get("paths")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect();
    if paths.is_empty() {
        return Err("the partition key has no paths".into());
    }
    let text = |path: &Value| path.as_str().map(str::to_owned);
    let paths: Option<_> = paths.into_iter().map(text).collect();
    paths.ok_or_else(|| "a partition key path is not a string".into())
}

/// The names a path leads through: `/"a/b"/c` is `a/b`, then `c`.
///
/// # Errors
/// A sentence, where a token does not begin with a slash or a quote is not closed.
pub fn tokens(path: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest
            .strip_prefix('/')
            .ok_or_else(|| format!("path `{path}`: `/` expected at `{rest}`"))?;
        let (token, after) = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => quoted(rest, quote)
                .ok_or_else(|| format!("path `{path}`: {quote} is not closed"))?,
            _ => {
                let (token, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (token.trim(), after)
            }
        };
        tokens.push(token.to_owned());
        rest = after;
    }
    Ok(tokens)
}

/// A backslash keeps a quote from closing, and stays in the token.
fn quoted(text: &str, quote: char) -> Option<(&str, &str)> {
    let inner = text.strip_prefix(quote)?;
    let closes = |at: usize| {
        inner
            .get(..at)
            .is_some_and(|before| !before.ends_with('\\'))
    };
    let (end, _) = inner.match_indices(quote).find(|(at, _)| closes(*at))?;
    Some((inner.get(..end)?, inner.get(end + 1..)?))
}

/// A path as the service wants it, from `pk` or `/pk`.
///
/// # Errors
/// A sentence with what to write instead.
pub fn normalise_path(given: &str) -> Result<String, String> {
    if let Some(name) = rewritten(given) {
        return Err(format!(
            "`{given}` is a file path: the shell has rewritten `/{name}`; write `{name}` or set MSYS_NO_PATHCONV=1"
        ));
    }
    let path = if given.starts_with('/') {
        given.to_owned()
    } else {
        format!("/{given}")
    };
    let wrong = |why: &str| Err(format!("`{given}` is not a partition key path: {why}"));
    if tokens(&path)?.iter().any(String::is_empty) || path.ends_with('/') {
        return wrong("a name is missing; it looks like /tenant or /address/city");
    }
    if path.contains(char::is_control) {
        return wrong("it holds a control character");
    }
    if !path.contains(['"', '\'']) && path.contains(['\\', '*', '?', '[', ']', ',']) {
        return wrong("a name with such characters stands in double quotes: /\"a,b\"");
    }
    Ok(path)
}

/// The last name of a Windows path, which Git Bash makes of an argument that begins with a slash.
fn rewritten(given: &str) -> Option<&str> {
    let mut characters = given.chars();
    let drive = characters.next()?.is_ascii_alphabetic();
    let path = characters.as_str().strip_prefix(':')?;
    let name = path.rsplit(['/', '\\']).next()?;
    (drive && path.starts_with(['/', '\\'])).then_some(name)
}

fn find(item: &str, tokens: &[String]) -> Result<Component, String> {
    if !item.trim_start().starts_with('{') {
        return Err("an item is a JSON object".into());
    }
    walk(item, tokens)
}

/// Where the names lead from a value on.
fn walk(value: &str, tokens: &[String]) -> Result<Component, String> {
    let mut text = value;
    for token in tokens {
        match member(text, token).map_err(|error| format!("the item is not JSON: {error}"))? {
            Some(value) => text = value.get(),
            None => return Ok(Component::Undefined),
        }
    }
    if let Some(text) = plain(text) {
        return Ok(Component::String(text.into()));
    }
    let value =
        serde_json::from_str(text).map_err(|error| format!("the item is not JSON: {error}"))?;
    match Component::from_value(value)? {
        Component::Undefined => Err("an object is not a valid partition key".into()),
        component => Ok(component),
    }
}

/// The text that a JSON value is, where it is one without escapes.
fn plain(value: &str) -> Option<&str> {
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    (!text.as_bytes().contains(&b'\\')).then_some(text)
}

/// The text of a member, without building the tree around it.
fn member<'item>(text: &'item str, name: &str) -> serde_json::Result<Option<&'item RawValue>> {
    match text.trim_start().starts_with('{') {
        true => pair(text, [name, ""]).map(|[found, _]| found),
        false => Ok(None),
    }
}

/// The texts of two members of an object, found in one go.
pub(super) fn pair<'item>(text: &'item str, names: [&str; 2]) -> serde_json::Result<Pair<'item>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let found = Member(names).deserialize(&mut reader)?;
    reader.end().map(|()| found)
}

/// What was found of two members.
pub(super) type Pair<'item> = [Option<&'item RawValue>; 2];

struct Member<'name>([&'name str; 2]);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Pair<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Pair<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let [mut one, mut two] = [None; 2];
        while let Some(place) = members.next_key_seed(Named(self.0))? {
            match place {
                Some(0) => one = Some(members.next_value()?),
                Some(_) => two = Some(members.next_value()?),
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok([one, two])
    }
}

/// Which of two names it is.
pub(super) struct Named<'name>(pub [&'name str; 2]);

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Named<'_> {
    type Value = Option<usize>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )]
    use super::*;
    use serde_json::json;

    const VECTORS: &str = include_str!("../../fixtures/data-plane/partition_key_vectors.json");

    fn rows(table: &str) -> Vec<Value> {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        vectors[table].as_array().unwrap().clone()
    }

    fn definition(paths: &Value) -> Definition {
        Definition::from_json(&json!({"paths": paths, "kind": "Hash", "version": 2})).unwrap()
    }

    #[test]
    fn paths_fall_apart_as_published() {
        assert_eq!(rows("path_tokens").len(), 9);
        for row in rows("path_tokens") {
            assert_eq!(
                json!(tokens(row["path"].as_str().unwrap()).unwrap()),
                row["tokens"]
            );
        }
        assert!(tokens("pk").is_err());
        assert!(tokens("/\"a").is_err());
        assert!(tokens("/\"a\"b").is_err());
    }

    #[test]
    fn keys_are_extracted_as_published() {
        assert_eq!(rows("extract").len(), 9);
        for row in rows("extract") {
            let found = definition(&row["paths"]).extract(&row["doc"].to_string());
            if row["components"].is_string() {
                assert!(found.unwrap_err().contains("is not a valid partition key"));
                continue;
            }
            let wanted = row["components"]
                .to_string()
                .replace(r#"{"undefined":true}"#, "{}");
            assert_eq!(found.unwrap(), PartitionKey::from_json(&wanted).unwrap());
        }
    }

    #[test]
    fn the_last_of_two_members_counts_and_escapes_are_read() {
        let pk = definition(&json!(["/a/b"]));
        let header = |item| pk.extract(item).map(|key| key.header());
        assert_eq!(
            header(r#"{"a":{"b":1},"a":{"b":2},"z":[{"b":3}]}"#).unwrap(),
            "[2]"
        );
        assert_eq!(header(r#"{"a":{"b":1},"a":{"c":2}}"#).unwrap(), "[{}]");
        assert_eq!(
            header(" {\"\\u0061\": {\"b\":\"\\u00fc\"}} ").unwrap(),
            r#"["\u00fc"]"#
        );
        assert_eq!(
            header(r#"{"a":{"b":9007199254740993}}"#).unwrap(),
            "[9007199254740993]"
        );
        for wrong in [
            "[]",
            "1",
            "",
            "{",
            r#"{"a":{"b":1}} x"#,
            r#"{"a":{"b":{}}}"#,
            r#"{"a":{"b":01}}"#,
        ] {
            assert!(header(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_system_key_is_absent_rather_than_undefined() {
        let value = json!({"paths": ["/_partitionKey"], "kind": "Hash", "systemKey": true});
        let system = Definition::from_json(&value).unwrap();
        assert_eq!(system.version, 1);
        assert_eq!(system.extract("{}").unwrap().header(), "[]");
        assert_eq!(
            system.extract(r#"{"_partitionKey":"a"}"#).unwrap().header(),
            r#"["a"]"#
        );
        assert!(system.is_complete(&PartitionKey::none()));
        assert!(!definition(&json!(["/pk"])).is_complete(&PartitionKey::none()));
    }

    #[test]
    fn definitions_are_read_or_refused() {
        let value = json!({"paths": ["/t", "/u", "/s"], "kind": "MultiHash", "version": 2});
        let three = Definition::from_json(&value).unwrap();
        assert_eq!(
            (three.kind, three.version, three.system),
            (Kind::MultiHash, 2, false)
        );
        let key = |text| PartitionKey::from_json(text).unwrap();
        assert!(three.is_prefix(&key("[1,2]")) && !three.is_complete(&key("[1,2]")));
        assert!(three.is_complete(&key("[1,2,3]")) && !three.is_prefix(&key("[1,2,3]")));
        assert!(!three.is_prefix(&PartitionKey::none()) && !three.is_complete(&key("[1,2,3,4]")));
        for wrong in [
            json!({}),
            json!({"paths": []}),
            json!({"paths": [1]}),
            json!({"paths": ["/a"], "kind": "Hsah"}),
            json!({"paths": ["/a"], "version": 3}),
            json!({"paths": ["/a"], "version": "2"}),
        ] {
            assert!(Definition::from_json(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_path_may_lack_its_slash_but_not_its_sense() {
        for (given, path) in [
            ("pk", "/pk"),
            ("/pk", "/pk"),
            ("a/b", "/a/b"),
            ("/\"a,b\"", "/\"a,b\""),
        ] {
            assert_eq!(normalise_path(given).unwrap(), path);
        }
        for wrong in [
            "", "/", "/pk/", "//pk", "a//b", "/a,/b", "/tags/[]", "/*", "/a\n", "\\pk", "/\"a",
        ] {
            assert!(normalise_path(wrong).is_err(), "{wrong}");
        }
        for mangled in ["C:/Program Files/Git/pk", "d:\\msys64\\pk"] {
            let why = normalise_path(mangled).unwrap_err();
            assert!(
                why.contains("MSYS_NO_PATHCONV=1") && why.contains("write `pk`"),
                "{why}"
            );
        }
        assert_eq!(normalise_path("a:b").unwrap(), "/a:b");
    }
}
