//! What is to go wrong: how it is written, and when it is its turn.

mod operation;
mod reading;
mod refusal;
mod spoil;
mod states;
mod words;

use std::collections::VecDeque;
use std::time::Duration;

use operation::Operation;
pub use reading::names;
pub use refusal::{item_too_large, refuse};
pub use spoil::Spoil;

use super::arm::OperationFaults;
use super::http::{Delivery, Request};
use super::identity;
use super::world::World;

/// The faults without a number in their names.
const PLAIN: [(&str, Kind); 16] = [
    ("reset-before", Kind::ResetBefore),
    ("reset-during", Kind::Delivery(Delivery::Reset)),
    ("reset-after", Kind::Delivery(Delivery::Nothing)),
    ("truncate", Kind::Delivery(Delivery::Half)),
    ("drip", Kind::Delivery(Delivery::Drip)),
    ("wrong-length", Kind::Delivery(Delivery::Length(16))),
    ("not-json", Kind::Spoil(Spoil::NotJson)),
    ("huge", Kind::Spoil(Spoil::Huge(5))),
    ("many-headers", Kind::Spoil(Spoil::ManyHeaders)),
    ("split", Kind::Event(Event::Split)),
    ("merge", Kind::Event(Event::Merge)),
    ("stale-session", Kind::Event(Event::Lag)),
    ("failover", Kind::Event(Event::Failover)),
    ("lock-busy", Kind::LockBusy),
    ("operation-failed", Kind::OperationFailed),
    ("resource-late", Kind::ResourceLate),
];
/// States of the machine and the data plane; see [`states`] for the others.
const STATES: [&str; 6] = [
    "no-identity",
    "two-identities",
    "no-data-role",
    "wrong-audience",
    "account-unreadable",
    "region-gone",
];
const VALUED: [&str; 4] = ["delay", "clock-skew", "ragged-pages", "newest-version"];

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
    /// Only for requests that ask for this.
    operation: Option<Operation>,
    kind: Kind,
    /// For how many requests; `None` for good.
    left: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Status(u16, Option<u16>),
    ResetBefore,
    Delivery(Delivery),
    Spoil(Spoil),
    Delay(Duration),
    Event(Event),
    State(&'static str),
    LockBusy,
    OperationFailed,
    ResourceLate,
    NewestVersion(&'static str),
    ClockSkew(i64),
    RaggedPages(u64),
}

/// What happens to the account right before a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A range of the container is split.
    Split,
    /// A range of the container is merged with its neighbour.
    Merge,
    /// The replica that is asked has not seen the last write.
    Lag,
    /// The other region takes the writes.
    Failover,
}

/// A status and a substatus that something is refused with.
pub type Refused = (u16, Option<u16>);

/// What the next operations on items find in their way.
#[derive(Debug, Default)]
pub struct Trouble {
    /// The next operations of batches are refused with these.
    pub operations: VecDeque<Refused>,
    /// The request being served is a read of a replica that lags.
    pub lag: bool,
}

/// What is to happen to one request.
#[derive(Debug, PartialEq, Eq)]
pub struct Planned {
    /// It is answered with this status and substatus, whatever it asks for.
    pub refusal: Option<Refused>,
    /// It never reaches the service.
    pub unheard: bool,
    /// How much of the answer arrives.
    pub delivery: Delivery,
    /// What the answer is made into.
    pub spoil: Option<Spoil>,
    /// How long the answer takes.
    pub delay: Duration,
    /// What happens before it is served.
    pub event: Option<Event>,
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

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
        let everywhere = fault.operation.is_none() && fault.left.is_none();
        match fault.kind {
            Kind::State(state) => set(world, state),
            Kind::ClockSkew(seconds) => world.skew = seconds,
            Kind::RaggedPages(seed) => world.ragged_pages = Some(seed),
            Kind::LockBusy => states::busy(world, fault.left),
            Kind::OperationFailed => operations(world).failing = fault.left.unwrap_or(u32::MAX),
            Kind::ResourceLate => operations(world).late = fault.left.unwrap_or(u32::MAX),
            Kind::NewestVersion(version) => world.azure.newest = Some(version),
            Kind::Event(Event::Failover) if everywhere => world.regions.fail_over(),
            Kind::Status(status, substatus) if fault.operation == Some(Operation::InBatch) => {
                let count = fault.left.unwrap_or(1) as usize;
                let refused = std::iter::repeat_n((status, substatus), count);
                world.trouble.operations.extend(refused);
            }
            _ => self.0.push(fault),
        }
    }

    /// Nothing more is to happen; states of the whole stay as they are.
    pub fn clear(&mut self, world: &mut World) {
        self.0.clear();
        world.trouble.operations.clear();
        world.azure.operation_faults = OperationFaults::default();
    }

    /// What is to happen to a request: the first of what there is of each sort.
    pub fn next(&mut self, service: Service, request: &Request) -> Planned {
        let mut planned = Planned {
            refusal: None,
            unheard: false,
            delivery: Delivery::Whole,
            spoil: None,
            delay: Duration::ZERO,
            event: None,
        };
        let operation = operation::of(service, request);
        let (mut decided, mut delayed, mut happened) = (false, false, false);
        for fault in &mut self.0 {
            if fault.service != service || !fault.is_for(operation) {
                continue;
            }
            let taken = match fault.kind {
                Kind::Delay(_) => &mut delayed,
                Kind::Event(_) => &mut happened,
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

impl Fault {
    /// Whether it befalls such a request.
    fn is_for(&self, operation: Option<Operation>) -> bool {
        let meant = self.operation.is_none() || self.operation == operation;
        meant
            && match self.kind {
                Kind::Event(Event::Split | Event::Merge) => {
                    operation.is_some_and(Operation::is_on_items)
                }
                Kind::Event(Event::Lag) => operation.is_some_and(Operation::reads_items),
                _ => true,
            }
    }
}

fn apply(kind: Kind, planned: &mut Planned) {
    match kind {
        Kind::Status(status, substatus) => planned.refusal = Some((status, substatus)),
        Kind::ResetBefore => (planned.unheard, planned.delivery) = (true, Delivery::Nothing),
        Kind::Delivery(delivery) => planned.delivery = delivery,
        Kind::Spoil(spoil) => planned.spoil = Some(spoil),
        Kind::Delay(delay) => planned.delay = delay,
        Kind::Event(event) => planned.event = Some(event),
        // Set when they were added.
        Kind::State(_) | Kind::ClockSkew(_) | Kind::RaggedPages(_) | Kind::NewestVersion(_) => {}
        Kind::LockBusy | Kind::OperationFailed | Kind::ResourceLate => {}
    }
}

fn operations(world: &mut World) -> &mut OperationFaults {
    &mut world.azure.operation_faults
}

fn set(world: &mut World, state: &'static str) {
    if identity::disturb(world, state) || states::set(world, state) {
        return;
    }
    let flag = match state {
        "no-identity" => &mut world.no_identity,
        "two-identities" => &mut world.two_identities,
        "no-data-role" => &mut world.no_data_role,
        "account-unreadable" => &mut world.account_unreadable,
        "region-gone" => &mut world.regions.gone,
        _ => &mut world.wrong_audience,
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

    fn next(faults: &mut Faults, service: Service) -> Planned {
        faults.next(service, &Request::default())
    }

    #[test]
    fn faults_take_their_turn() {
        let mut world = crate::sandbox::fresh_world(&Default::default());
        let list = [
            "delay=1s:2",
            "429:1",
            "reset-before:1",
            "imds.503",
            "firewall",
            "clock-skew=10m",
        ];
        let mut faults = Faults::new(list.map(parse).into(), &mut world);
        assert!(world.barrier().is_some());
        assert_eq!(world.skew, 600);
        let first = next(&mut faults, Service::Cosmos);
        assert_eq!(
            (first.refusal, first.delay),
            (Some((429, None)), Duration::from_secs(1))
        );
        let second = next(&mut faults, Service::Cosmos);
        assert_eq!(
            (second.refusal, second.unheard, second.delivery),
            (None, true, Delivery::Nothing)
        );
        let third = next(&mut faults, Service::Cosmos);
        assert_eq!(
            (third.refusal, third.unheard, third.delay),
            (None, false, Duration::ZERO)
        );
        for _ in 0..3 {
            assert_eq!(next(&mut faults, Service::Imds).refusal, Some((503, None)));
        }
        assert_eq!(next(&mut faults, Service::Arm).refusal, None);
    }

    #[test]
    fn faults_are_for_what_they_name() {
        let mut world = World::default();
        let list = [
            "create.503:1",
            "query.410/1002:1",
            "split:1",
            "stale-session:1",
            "arm.create.429:1",
        ];
        let mut faults = Faults::new(list.map(parse).into(), &mut world);
        let docs = "/dbs/d/colls/c/docs";
        let mut ask = |service, method: &str, path: &str, content: &str| {
            let request = Request {
                method: method.into(),
                target: path.into(),
                headers: vec![("content-type".into(), content.into())],
                body: Vec::new(),
            };
            let planned = faults.next(service, &request);
            (planned.refusal, planned.event)
        };
        let query = "application/query+json";
        let none = (None, None);
        assert_eq!(ask(Service::Cosmos, "GET", "/", ""), none);
        assert_eq!(
            ask(Service::Cosmos, "GET", "/dbs/d/colls/c/pkranges", ""),
            none
        );
        let split = Some(Event::Split);
        assert_eq!(
            ask(Service::Cosmos, "PUT", &format!("{docs}/1"), ""),
            (None, split)
        );
        assert_eq!(
            ask(Service::Cosmos, "POST", docs, ""),
            (Some((503, None)), None)
        );
        assert_eq!(ask(Service::Cosmos, "POST", docs, ""), none);
        let lag = Some(Event::Lag);
        assert_eq!(
            ask(Service::Cosmos, "POST", docs, query),
            (Some((410, Some(1002))), lag)
        );
        assert_eq!(ask(Service::Cosmos, "GET", docs, ""), none);
        assert_eq!(ask(Service::Arm, "GET", "/", ""), none);
        assert_eq!(ask(Service::Arm, "PUT", "/", ""), (Some((429, None)), None));
    }

    #[test]
    fn some_faults_are_not_for_requests() {
        let mut world = World::default();
        world.regions.second = Some("http://127.0.0.1:2".into());
        let list = [
            "op.429:2",
            "op.409/3301:1",
            "failover",
            "account-unreadable",
            "region-gone",
        ];
        let faults = Faults::new(list.map(parse).into(), &mut world);
        assert!(faults.0.is_empty() && world.account_unreadable && world.regions.gone);
        assert_eq!(world.regions.write, 1);
        let refused = [(429, None), (429, None), (409, Some(3301))];
        assert_eq!(world.trouble.operations, refused);
    }
}
