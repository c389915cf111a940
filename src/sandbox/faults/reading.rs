//! How a fault is written: `[imds.|arm.|cosmos.][OPERATION.]NAME[:COUNT]`.

use std::time::Duration;

use super::super::{arm, identity};
use super::operation::Operation;
use super::{Delivery, Event, Fault, Kind, PLAIN, STATES, Service, Spoil, VALUED, states};

impl Fault {
    /// Reads `[imds.|arm.|cosmos.][OPERATION.]NAME[:COUNT]`; the error names the nearest fault there is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (named, rest) = service(text);
        let (operation, rest) = operation(rest)?;
        let (name, count) = match rest.rsplit_once(':') {
            Some((name, count)) => (name, Some(count)),
            None => (rest, None),
        };
        let mut left = count.map(counted).transpose()?;
        let kind = kind(name)?;
        if matches!(kind, Kind::Event(Event::Split | Event::Merge)) {
            // Once, where it is not said: for good would soon be too much.
            left = left.or(Some(1));
        }
        let fault = Self {
            service: named.unwrap_or(Service::Cosmos),
            operation,
            kind,
            left,
        };
        match fault.nonsense(named.is_some()) {
            Some(why) => Err(format!("{name} {why}")),
            None => Ok(fault),
        }
    }

    /// What does not go together.
    fn nonsense(&self, named: bool) -> Option<&'static str> {
        let precise = named || self.operation.is_some() || self.left.is_some();
        let counted_status = matches!(self.kind, Kind::Status(..)) && self.left.is_some();
        match (self.kind, self.operation) {
            (
                Kind::State(_) | Kind::ClockSkew(_) | Kind::RaggedPages(_) | Kind::NewestVersion(_),
                _,
            ) if precise => Some(
                "is a state of the whole sandbox: it has no service, no operation and no count",
            ),
            (Kind::LockBusy | Kind::OperationFailed | Kind::ResourceLate, operation)
                if named || operation.is_some() =>
            {
                Some("is about the account: it has no service and no operation")
            }
            (Kind::Event(_), _) if self.service != Service::Cosmos => {
                Some("happens to the data plane alone")
            }
            (_, Some(Operation::Poll)) if self.service != Service::Arm => {
                Some("has the operation poll, which only arm. has")
            }
            (_, Some(_)) if self.service == Service::Imds => {
                Some("has an operation, and the identity endpoint has none")
            }
            (_, Some(Operation::InBatch)) if !counted_status || self.service != Service::Cosmos => {
                Some(
                    "is not a status with a count, which is all that one operation of a batch can have",
                )
            }
            _ => None,
        }
    }
}

/// What it is for, where the text begins with that.
fn operation(text: &str) -> Result<(Option<Operation>, &str), String> {
    let Some((word, rest)) = text.split_once('.') else {
        return Ok((None, text));
    };
    match Operation::named(word) {
        Some(operation) => Ok((Some(operation), rest)),
        None if word.contains('=') => Ok((None, text)),
        None => Err(format!(
            "no operation is called '{word}'; there are {}",
            Operation::names()
        )),
    }
}

fn service(text: &str) -> (Option<Service>, &str) {
    let services = [
        ("imds.", Service::Imds),
        ("arm.", Service::Arm),
        ("cosmos.", Service::Cosmos),
    ];
    let named = |(prefix, service)| Some((Some(service), text.strip_prefix(prefix)?));
    services.into_iter().find_map(named).unwrap_or((None, text))
}

fn counted(count: &str) -> Result<u32, String> {
    match count.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(format!("'{count}' is not a number of requests")),
    }
}

fn kind(name: &str) -> Result<Kind, String> {
    if let Some(state) = states().find(|state| **state == name) {
        return Ok(Kind::State(state));
    }
    if let Some((_, kind)) = PLAIN.iter().find(|(plain, _)| *plain == name) {
        return Ok(*kind);
    }
    match name.split_once('=') {
        Some(("delay", time)) => delay(time).map(Kind::Delay),
        Some(("clock-skew", time)) => Ok(Kind::ClockSkew(milliseconds(time)? / 1000)),
        Some(("ragged-pages", seed)) => seeded(seed),
        Some(("newest-version", version)) => newest(version),
        Some(("wrong-length", by)) => wrong(by).map(Kind::Delivery),
        Some(("huge", size)) => huge(size).map(Kind::Spoil),
        _ if name.starts_with(|letter: char| letter.is_ascii_digit()) => status(name),
        _ => Err(unknown(name)),
    }
}

/// By how many bytes the length is too large, or with a minus sign too small.
fn wrong(by: &str) -> Result<Delivery, String> {
    let by: Option<i32> = by.parse().ok().filter(|by| *by != 0);
    by.map(Delivery::Length)
        .ok_or_else(|| "wrong-length= takes a number of bytes, such as 16 or -5".to_owned())
}

/// A version that the provider has had.
fn newest(version: &str) -> Result<Kind, String> {
    let known = arm::provider_versions().iter();
    let mut found = known.filter(|known| **known == version);
    let complaint =
        || format!("newest-version= takes a stable version of the provider, not '{version}'");
    let found = found.find(|known| !known.contains("preview"));
    found
        .map(|known| Kind::NewestVersion(known))
        .ok_or_else(complaint)
}

fn huge(size: &str) -> Result<Spoil, String> {
    let size: Option<usize> = size.parse().ok().filter(|size| (1..=256).contains(size));
    size.map(Spoil::Huge)
        .ok_or_else(|| "huge= takes a number of MiB from 1 to 256".to_owned())
}

fn seeded(seed: &str) -> Result<Kind, String> {
    let seed = seed.parse().map(Kind::RaggedPages);
    seed.map_err(|_| "ragged-pages= takes a whole number".to_owned())
}

/// The states of the world and of its identity.
fn states() -> impl Iterator<Item = &'static &'static str> {
    STATES
        .iter()
        .chain(&states::STATES)
        .chain(identity::troubles())
}

fn status(name: &str) -> Result<Kind, String> {
    let (status, substatus) = match name.split_once('/') {
        Some((status, substatus)) => (status, Some(substatus)),
        None => (name, None),
    };
    let complaint =
        || format!("'{name}' is not STATUS or STATUS/SUBSTATUS with a status from 400 to 599");
    let status = status
        .parse()
        .ok()
        .filter(|status| (400..600).contains(status));
    let substatus = substatus
        .map(str::parse)
        .transpose()
        .map_err(|_| complaint())?;
    status
        .map(|status| Kind::Status(status, substatus))
        .ok_or_else(complaint)
}

fn delay(text: &str) -> Result<Duration, String> {
    let length = u64::try_from(milliseconds(text)?);
    length
        .map(Duration::from_millis)
        .map_err(|_| format!("'{text}' is in the past"))
}

/// `2s`, `500ms`, `10m`, `1h`, and less than nothing with a minus sign.
fn milliseconds(text: &str) -> Result<i64, String> {
    let complaint = || format!("'{text}' is not a time such as 500ms, 2s, 10m or 1h");
    let end = text
        .rfind(|letter: char| letter.is_ascii_digit())
        .ok_or_else(complaint)?;
    let (number, unit) = text.split_at(end + 1);
    let scale = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(complaint()),
    };
    let number = number
        .parse()
        .ok()
        .filter(|number| (-100_000..=100_000).contains(number));
    number
        .map(|number: i64| number * scale)
        .ok_or_else(complaint)
}

/// Everything that can be named, but for statuses; some names take a `=` and a value.
pub fn names() -> impl Iterator<Item = &'static str> {
    let plain = PLAIN.iter().map(|(name, _)| name);
    plain.chain(states()).chain(&VALUED).copied()
}

fn unknown(name: &str) -> String {
    let bare = name.split('=').next().unwrap_or(name);
    let nearest = names()
        .min_by_key(|known| distance(bare, known))
        .unwrap_or("429");
    format!("no fault is called '{name}'; the nearest is {nearest}")
}

/// How many letters have to be put in, taken out or changed.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.bytes().enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(right.bytes()) {
            let changed = diagonal + usize::from(letter != other);
            diagonal = *cell;
            before = changed.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::*;

    fn parse(text: &str) -> Fault {
        Fault::parse(text).unwrap()
    }

    #[test]
    fn every_form_is_read() {
        let rows = [
            ("429:3", Service::Cosmos, Kind::Status(429, None), Some(3)),
            ("503", Service::Cosmos, Kind::Status(503, None), None),
            (
                "410/1002:1",
                Service::Cosmos,
                Kind::Status(410, Some(1002)),
                Some(1),
            ),
            (
                "imds.410:2",
                Service::Imds,
                Kind::Status(410, None),
                Some(2),
            ),
            ("arm.429:1", Service::Arm, Kind::Status(429, None), Some(1)),
            (
                "cosmos.reset-after:1",
                Service::Cosmos,
                Kind::Delivery(Delivery::Nothing),
                Some(1),
            ),
            (
                "arm.delay=2s",
                Service::Arm,
                Kind::Delay(Duration::from_secs(2)),
                None,
            ),
            (
                "delay=50ms:4",
                Service::Cosmos,
                Kind::Delay(Duration::from_millis(50)),
                Some(4),
            ),
            (
                "clock-skew=-10m",
                Service::Cosmos,
                Kind::ClockSkew(-600),
                None,
            ),
            (
                "ragged-pages=7",
                Service::Cosmos,
                Kind::RaggedPages(7),
                None,
            ),
            (
                "no-identity",
                Service::Cosmos,
                Kind::State("no-identity"),
                None,
            ),
        ];
        for (text, service, kind, left) in rows {
            assert_eq!(
                parse(text),
                Fault {
                    service,
                    operation: None,
                    kind,
                    left
                },
                "{text}"
            );
        }
        let rows = [
            (
                "create.503:1",
                Some(Operation::Create),
                Kind::Status(503, None),
                Some(1),
            ),
            (
                "cosmos.query.410/1002",
                Some(Operation::Query),
                Kind::Status(410, Some(1002)),
                None,
            ),
            (
                "batch.wrong-length=-3:2",
                Some(Operation::Batch),
                Kind::Delivery(Delivery::Length(-3)),
                Some(2),
            ),
            (
                "read.huge=20",
                Some(Operation::Read),
                Kind::Spoil(Spoil::Huge(20)),
                None,
            ),
            (
                "op.429:2",
                Some(Operation::InBatch),
                Kind::Status(429, None),
                Some(2),
            ),
            (
                "feed.split",
                Some(Operation::Feed),
                Kind::Event(Event::Split),
                Some(1),
            ),
        ];
        for (text, operation, kind, left) in rows {
            let service = Service::Cosmos;
            let wanted = Fault {
                service,
                operation,
                kind,
                left,
            };
            assert_eq!(parse(text), wanted, "{text}");
        }
        for name in PLAIN.iter().map(|(name, _)| name).chain(states()) {
            assert!(Fault::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_not_a_fault_is_refused_with_a_hint() {
        for (text, hint) in [
            ("trunkate", "truncate"),
            ("no-identty", "no-identity"),
            ("proxy-page=300", "proxy-page"),
            ("arc-rouge", "arc-rogue"),
            ("token-expired:1", "no count"),
            ("dely=2s", "delay"),
            ("429:0", "number of requests"),
            ("429:", "number of requests"),
            ("200", "400 to 599"),
            ("429/x", "400 to 599"),
            ("delay=2", "not a time"),
            ("delay=-2s", "past"),
            ("imds.firewall", "no service"),
            ("firewall:2", "no count"),
            ("", "nearest"),
            ("clock-skew=é", "not a time"),
            ("delay=1.5s", "not a time"),
            ("make.503:1", "create, upsert, read"),
            ("create.firewall", "no operation"),
            ("arm.lock-busy:1", "no service"),
            ("imds.create.503", "has none"),
            ("poll.404", "only arm. has"),
            ("arm.operation-failed", "no service"),
            ("newest-version=2024-11-16", "a stable version"),
            ("newest-version=2025-11-01-preview", "a stable version"),
            ("newest-version=2024-11-15:1", "no count"),
            ("arm.split:1", "data plane alone"),
            ("op.429", "a status with a count"),
            ("op.drip:1", "a status with a count"),
            ("arm.op.429:1", "a status with a count"),
            ("wrong-length=0", "a number of bytes"),
            ("huge=0", "from 1 to 256"),
            ("ragged-pages=x", "a whole number"),
            ("ragged-pages=7:2", "no count"),
            ("stale-sesion", "stale-session"),
        ] {
            let complaint = Fault::parse(text).unwrap_err();
            assert!(complaint.contains(hint), "{text}: {complaint}");
        }
    }
}
