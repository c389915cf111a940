//! The three ports, of which the last has a listener while an account has the data plane.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use super::faults::Service;
use super::http::Listener;
use super::{State, plane};

/// Opens the data plane when an account gets it, and closes it with the account.
pub(super) fn follow(state: &Arc<State>) {
    let vacant = state.world().azure.vacant;
    let mut door = state.door();
    match (vacant, door.is_some()) {
        (true, true) => *door = None,
        (false, false) => {
            let bound = Listener::bind(state.port);
            let serve = |bound| Listener::serve(bound, plane(state, Service::Cosmos));
            *door = bound.and_then(serve).ok();
        }
        _ => {}
    }
}

/// Binds three ports in a row, or any three.
pub(super) fn bind(first: u16) -> io::Result<Vec<TcpListener>> {
    let bind = |index: u16| {
        let port = match first {
            0 => Some(0),
            _ => first.checked_add(index),
        };
        let wanted = u32::from(first) + u32::from(index);
        let bound = port.map_or(Err(io::ErrorKind::AddrNotAvailable.into()), Listener::bind);
        bound.map_err(|error| io::Error::new(error.kind(), format!("port {wanted}: {error}")))
    };
    (0..3).map(bind).collect()
}
