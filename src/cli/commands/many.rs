//! `item read` of many items, in the order they were asked for.

use serde_json::Value;

use super::Trailer;
use super::input::{completed, definition, given_key, known_levels, options};
use crate::cli::files::{line_of, lines};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cosmos::Container;
use crate::cosmos::key_definition::Definition;
use crate::cosmos::many::Pair;
use crate::cosmos::partition_key::PartitionKey;
use crate::error::{Error, Failure, Plane};
use crate::exchange::many::{MOST, Many, Way};

/// `item read -d DB -c COLL -i ID -i ID… [-k KEY]`: items of one key, or of a container whose key is the id.
pub fn of_one_key(
    session: &Session,
    output: &mut Output,
    container: &Container,
    ids: &[&str],
) -> Result<(), Error> {
    let pair = |id: &&str, key: PartitionKey| Pair {
        id: id.to_string(),
        key,
    };
    let (way, pairs): (Way, Vec<Pair>) = match given_key(session)? {
        Some(key) => match known_levels(session, container)? {
            // The last level is the id of each item.
            Some(definition) if !definition.is_complete(&key) => {
                let pairs = ids
                    .iter()
                    .map(|id| Ok(pair(id, completed(&definition, key.clone(), Some(id))?)));
                let pairs = pairs.collect::<Result<_, Error>>()?;
                (by_ranges(session, container, definition)?, pairs)
            }
            _ => {
                let pairs = ids.iter().map(|id| pair(id, key.clone()));
                (Way::Key(key.clone()), pairs.collect())
            }
        },
        None => {
            let definition = definition(session, container)?;
            let pairs = ids
                .iter()
                .map(|id| Ok(pair(id, key_from_id(&definition, id)?)));
            let pairs = pairs.collect::<Result<_, Error>>()?;
            (by_ranges(session, container, definition)?, pairs)
        }
    };
    let mut reading = Reading::new(session, output, container, way)?;
    reading.window(&pairs)?;
    reading.end()
}

/// The most bytes of a line of `--keys`: an id and a key have at most 1 and 2 KiB, and escapes take more.
const KEY_LIMIT: u64 = 64 << 10;

/// `item read -d DB -c COLL --keys FILE|-`: a line an item, `["id","key"]`, or `"id"` where the id is the key.
pub fn by_keys(
    session: &Session,
    output: &mut Output,
    container: &Container,
    path: &str,
) -> Result<(), Error> {
    let mut file = lines(path)?;
    if session.settings.text("id").is_some() || given_key(session)?.is_some() {
        return Err(Error::usage(
            "--keys says ids and keys: leave --id and --partition-key out",
        ));
    }
    let definition = definition(session, container)?;
    let way = by_ranges(session, container, definition.clone())?;
    let mut reading = Reading::new(session, output, container, way)?;
    let mut pairs = Vec::new();
    for number in 1.. {
        let wrong = |why: String| Error::usage(format!("{path}, line {number}: {why}"));
        let line = line_of(&mut file, KEY_LIMIT).map_err(|e| wrong(e.to_string()))?;
        let Some(line) = line else { break };
        let line = str::from_utf8(&line).map_err(|e| wrong(e.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        pairs.push(pair(&definition, line).map_err(|e| wrong(e.to_string()))?);
        if pairs.len() == MOST {
            reading.window(&pairs)?;
            pairs.clear();
        }
    }
    reading.window(&pairs)?;
    reading.end()
}

fn by_ranges(
    session: &Session,
    container: &Container,
    definition: Definition,
) -> Result<Way, Error> {
    let ranges = session.flow("", |client| client.ranges(container))?;
    Ok(Way::Ranges(definition, ranges))
}

fn pair(definition: &Definition, line: &str) -> Result<Pair, Error> {
    let wrong = |why: &str| {
        Error::usage(format!(
            "{why}; it must be [\"id\", \"key\"], a level an element"
        ))
    };
    let value: Value =
        serde_json::from_str(line).map_err(|e| wrong(&format!("it is not JSON: {e}")))?;
    let (id, levels) = match value {
        Value::String(id) => (id, Vec::new()),
        Value::Array(mut parts) if !parts.is_empty() => match parts.remove(0) {
            Value::String(id) => (id, parts),
            _ => return Err(wrong("the id is not a text")),
        },
        _ => return Err(wrong("it is no list")),
    };
    let key = match levels.is_empty() && !definition.system {
        true => key_from_id(definition, &id)?,
        false => {
            PartitionKey::from_json(&Value::Array(levels).to_string()).map_err(|why| wrong(&why))?
        }
    };
    match definition.is_complete(&key) {
        true => Ok(Pair { id, key }),
        false => Err(wrong(&format!(
            "the key has other levels than {}",
            definition.paths.join(" ")
        ))),
    }
}

fn key_from_id(definition: &Definition, id: &str) -> Result<PartitionKey, Error> {
    match definition.paths == ["/id"] {
        true => Ok(PartitionKey::from_text(id)),
        false => Err(Error::usage(format!(
            "the partition key is missing, here {}",
            definition.paths.join(" ")
        ))),
    }
}

/// Items that are being read, a window after the other.
struct Reading<'a, 's> {
    session: &'a Session<'s>,
    output: &'a mut Output,
    many: Many<'a>,
    trailer: Trailer,
    asked: u64,
    missing: u64,
}

impl<'a, 's> Reading<'a, 's> {
    fn new(
        session: &'a Session<'s>,
        output: &'a mut Output,
        container: &'a Container,
        way: Way,
    ) -> Result<Reading<'a, 's>, Error> {
        output.list();
        let options = options(session)?;
        let many = Many {
            container,
            way,
            options,
        };
        Ok(Reading {
            session,
            output,
            many,
            trailer: Trailer::default(),
            asked: 0,
            missing: 0,
        })
    }

    /// Reads and prints some of them; what is not there is named.
    fn window(&mut self, pairs: &[Pair]) -> Result<(), Error> {
        const READ: &str =
            "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/executeQuery";
        let (many, trailer) = (&mut self.many, &mut self.trailer);
        let found = self.session.flow(READ, |client| {
            client.read_many(many, pairs, &mut |answer| {
                trailer.add(answer.value.items.len(), answer)
            })
        })?;
        for (pair, item) in pairs.iter().zip(found) {
            self.asked += 1;
            match item {
                Some(item) => self.output.row(&item)?,
                None => {
                    self.missing += 1;
                    let id = Value::from(pair.id.as_str());
                    self.session
                        .say(&format!("not found: {id} of the key {}", pair.key.header()));
                }
            }
        }
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        self.trailer.say(self.session, self.output)?;
        if self.missing == 0 {
            return Ok(());
        }
        let message = format!("{} of {} items are not there", self.missing, self.asked);
        let line = format!("GET {}/docs/", self.many.container.url());
        let body = serde_json::json!({ "code": "NotFound", "message": message }).to_string();
        let failure = Failure::read(Plane::Data, line, 404, &[], body.as_bytes());
        Err(Error::Status(Box::new(failure)))
    }
}
