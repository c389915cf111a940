//! Who listens on which port: on those of the data plane somebody does while an account has it.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use super::faults::Service;
use super::http::{Listener, Plane, Response};
use super::{Handler, State, arm, cosmos, faults, now};

const MIB: usize = 1024 * 1024;

/// A port for each region, and whoever listens there.
#[derive(Default)]
pub(super) struct Doors {
    ports: Vec<u16>,
    listeners: Vec<Listener>,
}

/// The service of each region.
const HANDLERS: [Handler; 2] = [cosmos::handle, cosmos::handle_second];

impl Doors {
    /// Closes them all.
    pub(super) fn close(&mut self) {
        self.listeners.clear();
    }
}

/// Takes the ports and listens there, if there is an account to serve.
pub(super) fn open(state: &Arc<State>, bound: Vec<TcpListener>) -> io::Result<()> {
    let serves = !state.world().azure.vacant;
    let mut doors = state.doors();
    for (listener, handler) in bound.into_iter().zip(HANDLERS) {
        doors.ports.push(listener.local_addr()?.port());
        if serves {
            let plane = plane(state, Service::Cosmos, handler);
            doors.listeners.push(Listener::serve(listener, plane)?);
        }
    }
    Ok(())
}

/// Opens when an account gets the data plane, and closes with the account.
pub(super) fn follow(state: &Arc<State>) {
    let wanted = {
        let world = state.world();
        let regions = 1 + usize::from(world.regions.second.is_some());
        if world.azure.vacant { 0 } else { regions }
    };
    let mut doors = state.doors();
    doors.listeners.truncate(wanted);
    let open = doors.listeners.len();
    let missing = doors.ports.iter().zip(HANDLERS).take(wanted).skip(open);
    let serve = |(port, handler): (&u16, Handler)| {
        let bound = Listener::bind(*port).ok()?;
        Listener::serve(bound, plane(state, Service::Cosmos, handler)).ok()
    };
    // A port that somebody else took meanwhile stays theirs, and the address leads nowhere.
    let opened: Vec<Listener> = missing.map_while(serve).collect();
    doors.listeners.extend(opened);
}

/// What is served on a port.
pub(super) fn plane(state: &Arc<State>, service: Service, handler: Handler) -> Plane {
    let (body_limit, too_large): (usize, fn() -> Response) = match service {
        Service::Imds => (MIB, || Response::empty(413)),
        Service::Arm => (4 * MIB, arm::too_large),
        Service::Cosmos => (2 * MIB + 256 * 1024, faults::item_too_large),
    };
    let (clock, answer) = (Arc::clone(state), Arc::clone(state));
    Plane {
        body_limit,
        too_large,
        chunked: service == Service::Cosmos,
        clock: Box::new(move || now(&clock.world())),
        answer: Box::new(move |request| {
            let reply = answer.answer(service, handler, request);
            if service == Service::Arm {
                follow(&answer);
            }
            reply
        }),
    }
}
