//! The addresses an account lets in.

use std::net::Ipv4Addr;

use serde_json::Value;

/// The first address of a rule and how many of its bits count.
pub fn block(rule: &Value) -> Option<(Ipv4Addr, u32)> {
    let text = rule.get("ipAddressOrRange").and_then(Value::as_str)?;
    let (start, bits) = text.split_once('/').unwrap_or((text, "32"));
    let bits = bits.parse().ok().filter(|bits| *bits <= 32)?;
    Some((start.parse().ok()?, bits))
}

/// Whether a rule holds an address.
pub fn holds(rule: &Value, address: Ipv4Addr) -> bool {
    block(rule).is_some_and(|(start, bits)| {
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        u32::from(start) & mask == u32::from(address) & mask
    })
}
