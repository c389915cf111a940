//! Which address is tried first: the part of RFC 6724 that matters to a client with a few addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// What can be reached from here, before what cannot; IPv6 before IPv4, unless only a local IPv6 address would lead to
/// a public one.
pub(super) fn by_reach(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort_by_cached_key(|address| rank(*address, source(*address)));
    addresses.dedup();
    addresses
}

/// The address of this machine that packets to there would carry. Nothing is sent.
fn source(address: IpAddr) -> Option<IpAddr> {
    let any = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(SocketAddr::new(address, 443)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The lowest comes first.
fn rank(address: IpAddr, source: Option<IpAddr>) -> u8 {
    match (address, source) {
        (_, None) => 3,
        (IpAddr::V6(to), Some(IpAddr::V6(from))) if is_local(from) && !is_local(to) => 2,
        (IpAddr::V6(_), _) => 0,
        (IpAddr::V4(_), _) => 1,
    }
}

fn is_local(address: Ipv6Addr) -> bool {
    address.is_unique_local() || address.is_unicast_link_local() || address.is_loopback()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_can_be_reached_is_tried_first() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for (address, source, wanted) in [
            ("2001:db8::1", Some("2001:db8::2"), 0),
            ("fd00::1", Some("fd00::2"), 0),
            ("10.0.0.1", Some("10.0.0.2"), 1),
            ("2001:db8::1", Some("fd00::2"), 2),
            ("2001:db8::1", None, 3),
            ("10.0.0.1", None, 3),
        ] {
            assert_eq!(rank(ip(address), source.map(ip)), wanted, "{address}");
        }
    }

    #[test]
    fn equals_keep_their_order() {
        let addresses = ["127.0.0.3", "127.0.0.1", "127.0.0.2"].map(|text| text.parse().unwrap());
        assert_eq!(by_reach(addresses.to_vec()), addresses);
    }
}
