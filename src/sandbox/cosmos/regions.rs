//! Where the account is served: one region, or a second one that takes no writes until a failover.

use super::reply::{Exchange, Refusal};
use crate::sandbox::world::World;

/// The regions of an account besides the first, and which of them takes writes.
#[derive(Debug, Default)]
pub struct Regions {
    /// Origin of the second region, where there is one.
    pub second: Option<String>,
    /// Position of the region that takes writes.
    pub write: usize,
    /// Failovers so far, which a session token tells as its version.
    pub failovers: u64,
    /// The region that takes no writes has left the account.
    pub gone: bool,
}

const NAMES: [&str; 2] = ["Sandbox", "Sandbox 2"];
const WRITE_FORBIDDEN: &str = "The requested operation cannot be performed at this region";

impl Regions {
    /// The other region takes the writes from now on.
    pub fn fail_over(&mut self) {
        if self.second.is_some() {
            self.write = 1 - self.write.min(1);
            self.failovers += 1;
        }
    }

    /// How far a range is, in the form that one region or several write it.
    pub fn progress(&self, lsn: u64) -> String {
        match self.second {
            None => format!("-1#{lsn}"),
            Some(_) => format!("{}#{lsn}#1=-1#2=-1", self.failovers + 1),
        }
    }

    /// Whether that region serves no longer.
    fn left(&self, region: usize) -> bool {
        self.gone && self.second.is_some() && region != self.write
    }
}

/// Names and origins of the regions that serve, the one that takes writes first.
pub fn serving(world: &World) -> Vec<(&'static str, &str)> {
    let regions = &world.regions;
    let origins = std::iter::once(world.cosmos.as_str()).chain(regions.second.as_deref());
    let mut all: Vec<_> = NAMES.into_iter().zip(origins).enumerate().collect();
    all.retain(|(at, _)| !regions.left(*at));
    all.sort_by_key(|(at, _)| *at != regions.write);
    all.into_iter().map(|(_, region)| region).collect()
}

/// The account's id as that region writes it: the first one is the account's own address, too.
pub fn account(world: &World, region: usize) -> String {
    match region {
        0 => world.account.clone(),
        _ => format!("{}-sandbox2", world.account),
    }
}

/// Whether every region takes writes.
pub fn multi_write(world: &World) -> bool {
    world.regions.second.is_some() && world.flag("enableMultipleWriteLocations")
}

/// Refuses what the region does not serve: everything where it has left, writes where another takes them. Where all of
/// them take writes, those to a region that is not the first have to say that the caller knows.
pub fn check(world: &World, exchange: &Exchange, query: bool) -> Result<(), Refusal> {
    let regions = &world.regions;
    if regions.left(exchange.region) {
        let message = format!("Database Account {} does not exist", world.account);
        return Err(Refusal::gateway(403, message).sub(1008));
    }
    let reads = exchange.request.method == "GET" || query;
    let tentative = multi_write(world) && exchange.flag("x-ms-cosmos-allow-tentative-writes");
    match reads || tentative || regions.second.is_none() || exchange.region == regions.write {
        true => Ok(()),
        false => Err(Refusal::gateway(403, WRITE_FORBIDDEN).sub(3)),
    }
}
