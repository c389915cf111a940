//! What is to go wrong: how it is written, and when it is its turn.

mod refusal;

use std::time::Duration;

pub use refusal::{item_too_large, refuse};

use super::http::Delivery;
use super::identity;
use super::world::World;

const PLAIN: [&str; 4] = ["reset-before", "reset-after", "truncate", "drip"];
const STATES: [&str; 7] = [
    "no-identity",
    "two-identities",
    "no-arm-role",
    "no-data-role",
    "wrong-audience",
    "firewall",
    "local-auth-disabled",
];
const TIMED: [&str; 2] = ["delay", "clock-skew"];

/// One of the three services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The identity endpoint.
    Imds,
    /// The management plane.
    Arm,
    /// The data plane.
    Cosmos,
}

/// Something that is to go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    service: Service,
    kind: Kind,
    /// For how many requests; `None` for good.
    left: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Status(u16, Option<u16>),
    ResetBefore,
    ResetAfter,
    Truncate,
    Drip,
    Delay(Duration),
    State(&'static str),
    ClockSkew(i64),
}

/// What is to happen to one request.
#[derive(Debug, PartialEq, Eq)]
pub struct Planned {
    /// It is answered with this status and substatus, whatever it asks for.
    pub refusal: Option<(u16, Option<u16>)>,
    /// It never reaches the service.
    pub unheard: bool,
    /// How much of the answer arrives.
    pub delivery: Delivery,
    /// How long the answer takes.
    pub delay: Duration,
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Fault {
    /// Reads `[imds.|arm.|cosmos.]NAME[:COUNT]`; the error names the nearest fault there is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (named, rest) = service(text);
        let (name, count) = match rest.rsplit_once(':') {
            Some((name, count)) => (name, Some(count)),
            None => (rest, None),
        };
        let kind = kind(name)?;
        if matches!(kind, Kind::State(_) | Kind::ClockSkew(_))
            && (named.is_some() || count.is_some())
        {
            return Err(format!(
                "{name} is a state of the whole sandbox: it has no service and no count"
            ));
        }
        Ok(Self {
            service: named.unwrap_or(Service::Cosmos),
            kind,
            left: count.map(counted).transpose()?,
        })
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
    match (name, name.split_once('=')) {
        ("reset-before", _) => Ok(Kind::ResetBefore),
        ("reset-after", _) => Ok(Kind::ResetAfter),
        ("truncate", _) => Ok(Kind::Truncate),
        ("drip", _) => Ok(Kind::Drip),
        (_, Some(("delay", time))) => delay(time).map(Kind::Delay),
        (_, Some(("clock-skew", time))) => Ok(Kind::ClockSkew(milliseconds(time)? / 1000)),
        _ if name.starts_with(|letter: char| letter.is_ascii_digit()) => status(name),
        _ => Err(unknown(name)),
    }
}

/// The states of the world and of its identity.
fn states() -> impl Iterator<Item = &'static &'static str> {
    STATES.iter().chain(identity::troubles())
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

fn unknown(name: &str) -> String {
    let all = PLAIN.iter().chain(&TIMED).chain(states());
    let bare = name.split('=').next().unwrap_or(name);
    let nearest = all
        .min_by_key(|known| distance(bare, known))
        .unwrap_or(&"429");
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

impl Faults {
    /// Puts the world into its states and keeps what is for single requests.
    pub fn new(faults: Vec<Fault>, world: &mut World) -> Self {
        let mut kept = Self::default();
        for fault in faults {
            kept.add(fault, world);
        }
        kept
    }

    /// One more.
    pub fn add(&mut self, fault: Fault, world: &mut World) {
        match fault.kind {
            Kind::State(state) => set(world, state),
            Kind::ClockSkew(seconds) => world.skew = seconds,
            _ => self.0.push(fault),
        }
    }

    /// What is to happen to the next request to a service: its first status, reset or cut, and its first delay.
    pub fn next(&mut self, service: Service) -> Planned {
        let mut planned = Planned {
            refusal: None,
            unheard: false,
            delivery: Delivery::Whole,
            delay: Duration::ZERO,
        };
        let (mut decided, mut delayed) = (false, false);
        for fault in self.0.iter_mut().filter(|fault| fault.service == service) {
            let taken = match fault.kind {
                Kind::Delay(_) => &mut delayed,
                _ => &mut decided,
            };
            if !std::mem::replace(taken, true) {
                apply(fault.kind, &mut planned);
                fault.left = fault.left.map(|left| left - 1);
            }
        }
        self.0.retain(|fault| fault.left != Some(0));
        planned
    }
}

fn apply(kind: Kind, planned: &mut Planned) {
    match kind {
        Kind::Status(status, substatus) => planned.refusal = Some((status, substatus)),
        Kind::ResetBefore => (planned.unheard, planned.delivery) = (true, Delivery::Nothing),
        Kind::ResetAfter => planned.delivery = Delivery::Nothing,
        Kind::Truncate => planned.delivery = Delivery::Half,
        Kind::Drip => planned.delivery = Delivery::Drip,
        Kind::Delay(delay) => planned.delay = delay,
        Kind::State(_) | Kind::ClockSkew(_) => {}
    }
}

fn set(world: &mut World, state: &str) {
    if identity::disturb(world, state) {
        return;
    }
    let flag = match state {
        "no-identity" => &mut world.no_identity,
        "two-identities" => &mut world.two_identities,
        "no-arm-role" => &mut world.no_arm_role,
        "no-data-role" => &mut world.no_data_role,
        "wrong-audience" => &mut world.wrong_audience,
        "firewall" => &mut world.firewall,
        _ => &mut world.local_auth_disabled,
    };
    *flag = true;
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
                Kind::ResetAfter,
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
                    kind,
                    left
                },
                "{text}"
            );
        }
        for name in PLAIN.iter().chain(states()) {
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
        ] {
            let complaint = Fault::parse(text).unwrap_err();
            assert!(complaint.contains(hint), "{text}: {complaint}");
        }
    }

    #[test]
    fn faults_take_their_turn() {
        let mut world = World::default();
        let list = [
            "delay=1s:2",
            "429:1",
            "reset-before:1",
            "imds.503",
            "firewall",
            "clock-skew=10m",
        ];
        let mut faults = Faults::new(list.map(parse).into(), &mut world);
        assert!(world.firewall);
        assert_eq!(world.skew, 600);
        let first = faults.next(Service::Cosmos);
        assert_eq!(
            (first.refusal, first.delay),
            (Some((429, None)), Duration::from_secs(1))
        );
        let second = faults.next(Service::Cosmos);
        assert_eq!(
            (second.refusal, second.unheard, second.delivery),
            (None, true, Delivery::Nothing)
        );
        let third = faults.next(Service::Cosmos);
        assert_eq!(
            (third.refusal, third.unheard, third.delay),
            (None, false, Duration::ZERO)
        );
        for _ in 0..3 {
            assert_eq!(faults.next(Service::Imds).refusal, Some((503, None)));
        }
        assert_eq!(faults.next(Service::Arm).refusal, None);
    }
}
