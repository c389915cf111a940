//! The other side: IMDS, ARM and the data plane on loopback.
//!
//! Written from what the services do, not from what this crate's client sends: it refuses what they
//! refuse, and says so where it does not implement what they do.

pub mod arm;
pub mod azure;
pub mod cloud;
mod control;
pub mod cosmos;
mod doors;
pub mod faults;
pub mod host;
pub mod http;
pub mod identity;
pub mod imds;
pub mod os;
mod secrets;
pub mod sql;
pub mod token;
pub mod world;

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use time::{Duration, OffsetDateTime};

use cloud::Cloud;
use doors::{Doors, plane};
use faults::{Fault, Faults, Service};
use host::Host;
use http::{Delivery, Listener, Reply, Request, Response};
use world::World;

pub(crate) use secrets::guid;

/// Where the machine and the account are.
pub const LOCATION: &str = "westeurope";

/// How a sandbox is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// The first of three ports: IMDS, ARM, the data plane; of a second region a fourth. 0 is any.
    pub port: u16,
    /// What stands behind the identity endpoint.
    pub host: Host,
    /// The cloud it is all in.
    pub cloud: &'static Cloud,
    /// Partition ranges of a new container.
    pub partitions: usize,
    /// Regions of the account: one, or a second one on a port of its own.
    pub regions: usize,
    /// Every region of the account takes writes.
    pub multi_write: bool,
    /// What is to go wrong.
    pub faults: Vec<Fault>,
    /// How long a management operation takes, in milliseconds.
    pub operation_ms: i64,
    /// How many resources there are to a page of a management list.
    pub page_size: usize,
    /// Pages of items end anywhere, by this seed.
    pub ragged_pages: Option<u64>,
    /// The role of the machine's identities in Azure, by its word in [`arm::rbac::ROLES`]; any other is none.
    pub azure_role: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            host: Host::default(),
            cloud: <&Cloud>::default(),
            partitions: 1,
            regions: 1,
            multi_write: false,
            faults: Vec::new(),
            operation_ms: 30,
            page_size: 100,
            ragged_pages: None,
            azure_role: "account-contributor".to_owned(),
        }
    }
}

/// A running sandbox; the end of the value is its end.
pub struct Sandbox {
    state: Arc<State>,
    listeners: Vec<Listener>,
}

struct State {
    world: Mutex<World>,
    faults: Mutex<Faults>,
    doors: Mutex<Doors>,
}

type Handler = fn(&mut World, &Request, OffsetDateTime) -> Response;

/// Starts the three services.
pub fn start(options: Options) -> io::Result<Sandbox> {
    let ports = Listener::bind_all(options.port, if options.regions > 1 { 4 } else { 3 })?;
    let mut world = fresh_world(&options);
    let origin = |index: usize| -> io::Result<String> {
        let port: &TcpListener = ports.get(index).ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(format!("http://{}", port.local_addr()?))
    };
    (world.imds, world.arm, world.cosmos) = (origin(0)?, origin(1)?, origin(2)?);
    if options.regions > 1 {
        world.regions.second = Some(origin(3)?);
    }
    let faults = Faults::new(options.faults, &mut world);
    let now = now(&world);
    identity::prepare(&mut world, now)?;
    let host = world.identity.host;
    let mut ports = ports.into_iter();
    let mut next = || ports.next().ok_or(io::ErrorKind::AddrNotAvailable);
    let (imds, arm) = (next()?, next()?);
    let state = Arc::new(State {
        world: Mutex::new(world),
        faults: Mutex::new(faults),
        doors: Mutex::default(),
    });
    // On a machine that has nothing to do with Azure nobody listens where tokens are asked for.
    let mut listeners = Vec::new();
    if host != Host::None {
        let plane = plane(&state, Service::Imds, identity::handle);
        listeners.push(Listener::serve(imds, plane)?);
    }
    let plane = plane(&state, Service::Arm, arm::handle);
    listeners.push(Listener::serve(arm, plane)?);
    doors::open(&state, ports.collect())?;
    Ok(Sandbox { state, listeners })
}

/// An account without databases, on a machine that may manage it but not read its data.
pub(crate) fn fresh_world(options: &Options) -> World {
    let identity = identity::State {
        host: options.host,
        ..identity::State::default()
    };
    let mut world = World {
        identity,
        cloud: options.cloud,
        subscription: "5a0db0c5-0000-4000-8000-000000000001".to_owned(),
        tenant: "5a0db0c5-0000-4000-8000-000000000002".to_owned(),
        resource_group: "sandbox-group".to_owned(),
        account: "sandbox-account".to_owned(),
        key: secrets::key(),
        partitions: options.partitions.max(1),
        operation_ms: options.operation_ms,
        page_size: options.page_size.max(1),
        ragged_pages: options.ragged_pages,
        ..World::default()
    };
    world.furnish(&options.azure_role);
    if let Some(own) = world.own_mut().filter(|_| options.multi_write) {
        own.set("enableMultipleWriteLocations", json!(true));
    }
    world
}

impl Sandbox {
    /// Origin of the identity endpoint.
    pub fn imds(&self) -> String {
        self.state.world().imds.clone()
    }

    /// Origin of the management plane.
    pub fn arm(&self) -> String {
        self.state.world().arm.clone()
    }

    /// Origin of the data plane.
    pub fn cosmos(&self) -> String {
        self.state.world().cosmos.clone()
    }

    /// Origin of the data plane in the second region, where there is one.
    pub fn second(&self) -> Option<String> {
        self.state.world().regions.second.clone()
    }

    /// One line of JSON that says where everything is.
    pub fn ready_line(&self) -> String {
        let world = self.state.world();
        let mut line = json!({
            "event": "ready",
            "imds": world.imds,
            "arm": world.arm,
            "cosmos": world.cosmos,
            "subscription": world.subscription,
            "resourceGroup": world.resource_group,
            "account": world.account,
            "key": world.key,
            "cloud": world.cloud.name,
            "host": world.identity.host.name(),
            "environment": host::environment(&world).into_iter().collect::<BTreeMap<_, _>>(),
        });
        if let (Some(second), Some(line)) = (&world.regions.second, line.as_object_mut()) {
            line.insert("cosmosSecond".to_owned(), json!(second));
        }
        line.to_string()
    }

    /// Looks at the world, or changes it behind the services' backs.
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.state.world())
    }

    /// Adds a fault to a running sandbox.
    pub fn add_fault(&self, fault: Fault) {
        // The world first: the services lock in this order too.
        let mut world = self.state.world();
        self.state.faults().add(fault, &mut world);
    }

    /// Takes back the faults of a running sandbox that are still to come.
    pub fn clear_faults(&self) {
        let mut world = self.state.world();
        self.state.faults().clear(&mut world);
    }

    /// Blocks until the process is ended.
    pub fn wait(&self) {
        self.listeners.iter().for_each(Listener::wait);
    }

    /// Closes the listeners and every connection, and waits until all threads have ended.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.listeners.clear();
        // Their listeners hold the state that holds them.
        self.state.doors().close();
        // Now, and not when the last thread lets go of the world: the process may end before that.
        self.state.world().identity.folder = None;
    }
}

impl State {
    fn doors(&self) -> MutexGuard<'_, Doors> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A handler that panicked has at worst left its own change half made.
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, service: Service, handler: Handler, request: &Request) -> Reply {
        let mut world = self.world();
        let now = now(&world);
        if service == Service::Cosmos
            && let Some(done) = control::handle(&mut world, &mut self.faults(), request, now)
        {
            return done.into();
        }
        let planned = self.faults().next(service, request);
        if let Some(event) = planned.event {
            control::happen(&mut world, event, request);
        }
        if service == Service::Imds && identity::is_silent(&world, request) {
            return Reply {
                response: Response::default(),
                delivery: Delivery::Nothing,
                delay: identity::SILENCE,
            };
        }
        let response = match planned.refusal {
            Some((status, substatus)) => faults::refuse(&mut world, service, status, substatus),
            None if planned.unheard => Response::default(),
            None => {
                arm::finish_operations(&mut world, now);
                handler(&mut world, request, now)
            }
        };
        // What never came to a read is not for the next one.
        world.trouble.lag = false;
        Reply {
            response: match planned.spoil {
                Some(spoil) => spoil.apply(response),
                None => response,
            },
            delivery: planned.delivery,
            delay: planned.delay,
        }
    }
}

fn now(world: &World) -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::seconds(world.skew)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use serde_json::Value;

    use super::*;

    /// Sends one request and returns the whole answer.
    fn ask(origin: &str, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(origin.trim_start_matches("http://")).unwrap();
        let length = body.len();
        write!(
            stream,
            "{head}\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn body(answer: &str) -> Value {
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn bearer(sandbox: &Sandbox, resource: &str) -> String {
        let head = format!(
            "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource} HTTP/1.1\r\nMetadata: true"
        );
        let answer = body(&ask(&sandbox.imds(), &head, ""));
        answer["access_token"].as_str().unwrap().to_owned()
    }

    #[test]
    fn from_a_token_to_a_database_over_sockets() {
        let sandbox = start(Options::default()).unwrap();
        let ready: Value = serde_json::from_str(&sandbox.ready_line()).unwrap();
        assert_eq!(ready["event"], "ready");
        let token = bearer(&sandbox, "https://management.azure.com/");
        let path = format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.DocumentDB/databaseAccounts/{}/sqlDatabases/shop?api-version=2024-11-15",
            ready["subscription"].as_str().unwrap(),
            ready["resourceGroup"].as_str().unwrap(),
            ready["account"].as_str().unwrap()
        );
        let head =
            |method: &str| format!("{method} {path} HTTP/1.1\r\nAuthorization: Bearer {token}");
        let definition = r#"{"properties":{"resource":{"id":"shop"},"options":{}}}"#;
        let accepted = ask(&sandbox.arm(), &head("PUT"), definition);
        assert!(
            accepted.starts_with("HTTP/1.1 202 Accepted\r\n"),
            "{accepted}"
        );
        std::thread::sleep(std::time::Duration::from_millis(40));
        let found = ask(&sandbox.arm(), &head("GET"), "");
        assert!(found.starts_with("HTTP/1.1 200 Ok\r\n"), "{found}");
        assert!(sandbox.with_world(|world| world.databases.contains_key("shop")));
        let origin = sandbox.arm();
        sandbox.stop();
        assert!(TcpStream::connect(origin.trim_start_matches("http://")).is_err());
    }

    fn with(faults: &[&str]) -> Sandbox {
        let faults = faults.iter().map(|text| Fault::parse(text).unwrap());
        start(Options {
            faults: faults.collect(),
            operation_ms: 0,
            ..Options::default()
        })
        .unwrap()
    }

    #[test]
    fn nobody_listens_for_a_data_plane_without_an_account() {
        let sandbox = with(&["no-account"]);
        let cosmos = sandbox.cosmos().trim_start_matches("http://").to_owned();
        assert!(TcpStream::connect(&cosmos).is_err());
        let token = bearer(&sandbox, "https://management.azure.com/");
        let path = sandbox.with_world(|world| {
            let (subscription, group) = (&world.subscription, &world.resource_group);
            format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DocumentDB/databaseAccounts/fresh?api-version=2024-11-15")
        });
        let head =
            |method: &str| format!("{method} {path} HTTP/1.1\r\nAuthorization: Bearer {token}");
        let account = r#"{"location":"westeurope","properties":{"databaseAccountOfferType":"Standard","locations":[{"locationName":"westeurope"}]}}"#;
        let made = ask(&sandbox.arm(), &head("PUT"), account);
        assert!(made.starts_with("HTTP/1.1 200 Ok\r\n"), "{made}");
        let found = body(&ask(&sandbox.arm(), &head("GET"), ""));
        assert_eq!(
            found["properties"]["documentEndpoint"],
            format!("http://{cosmos}/")
        );
        let answer = ask(&format!("http://{cosmos}"), "GET / HTTP/1.1", "");
        assert!(
            answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"),
            "{answer}"
        );
        assert!(ask(&sandbox.arm(), &head("DELETE"), "").starts_with("HTTP/1.1 202 "));
        ask(&sandbox.arm(), &head("GET"), "");
        assert!(TcpStream::connect(&cosmos).is_err());
    }

    #[test]
    fn states_of_the_way_change_the_addresses_that_are_told() {
        let rows = [
            ("no-dns", "cosmos", "https://aaaa"),
            ("no-arm", "arm", "http://127.0.0.1:1"),
            ("no-cosmos", "cosmos", "http://127.0.0.1:1"),
            ("tls-inspection", "cosmos", "https://127.0.0.1:"),
        ];
        for (state, service, start) in rows {
            let sandbox = with(&[state]);
            let ready: Value = serde_json::from_str(&sandbox.ready_line()).unwrap();
            let address = ready[service].as_str().unwrap();
            assert!(address.starts_with(start), "{state}: {address}");
        }
        let sandbox = with(&["no-dns"]);
        let address = sandbox.cosmos();
        let host = address
            .trim_start_matches("https://")
            .split(':')
            .next()
            .unwrap();
        assert!(host.split('.').any(|label| label.len() > 63), "{host}");
        assert!(std::net::ToSocketAddrs::to_socket_addrs(&(host, 443)).is_err());
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let options = |port| Options {
            port,
            ..Options::default()
        };
        let refusal = start(options(port)).err().unwrap().to_string();
        assert!(refusal.starts_with(&format!("port {port}: ")), "{refusal}");
        let refusal = start(options(65535)).err().unwrap().to_string();
        assert!(refusal.starts_with("port 6553"), "{refusal}");
    }

    #[test]
    fn faults_stand_between_the_wire_and_the_service() {
        let faults = ["imds.410:1", "imds.reset-before:1", "clock-skew=1h"];
        let faults = faults.map(|text| Fault::parse(text).unwrap()).into();
        let sandbox = start(Options {
            faults,
            ..Options::default()
        })
        .unwrap();
        let head = "GET /metadata/versions HTTP/1.1\r\nMetadata: true";
        assert!(ask(&sandbox.imds(), head, "").starts_with("HTTP/1.1 410 Gone\r\n"));
        assert_eq!(ask(&sandbox.imds(), head, ""), "");
        assert!(ask(&sandbox.imds(), head, "").starts_with("HTTP/1.1 200 Ok\r\n"));
        sandbox.add_fault(Fault::parse("imds.truncate:1").unwrap());
        let cut = ask(&sandbox.imds(), head, "");
        assert!(serde_json::from_str::<Value>(cut.split_once("\r\n\r\n").unwrap().1).is_err());
        let token = token::verify(&bearer(&sandbox, "https://cosmos.azure.com")).unwrap();
        assert!(token.nbf > OffsetDateTime::now_utc().unix_timestamp() + 3000);
    }
}
