//! Where things may be.

use serde_json::{Map, Value};

use super::errors;
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

/// Some of the regions there are: as ARM takes them, as it shows them, and of which cloud they are.
const REGIONS: [(&str, &str, &str); 10] = [
    ("westeurope", "West Europe", "public"),
    ("northeurope", "North Europe", "public"),
    ("germanywestcentral", "Germany West Central", "public"),
    ("eastus", "East US", "public"),
    ("westus", "West US", "public"),
    ("southeastasia", "Southeast Asia", "public"),
    ("usgovvirginia", "USGov Virginia", "usgov"),
    ("usgovarizona", "USGov Arizona", "usgov"),
    ("chinaeast2", "China East 2", "china"),
    ("chinanorth2", "China North 2", "china"),
];

/// A region as ARM shows it.
pub(super) fn display(location: &str) -> &str {
    let found = REGIONS.iter().find(|(name, ..)| *name == location);
    found.map_or(location, |(_, shown, _)| shown)
}

/// Where an account in that region has its second one.
pub(super) fn pair(location: &str) -> &'static str {
    let of = |wanted: &str| REGIONS.iter().find(|(name, ..)| *name == wanted);
    let cloud = of(location).map_or("public", |(.., cloud)| *cloud);
    let mut others = REGIONS
        .iter()
        .filter(|(name, _, of)| *of == cloud && *name != location);
    others.next().map_or("northeurope", |(name, ..)| *name)
}

/// Those of the cloud.
pub(super) fn names(world: &World) -> impl Iterator<Item = &'static str> {
    let cloud = world.cloud.name;
    let here = REGIONS.iter().filter(move |(.., of)| *of == cloud);
    here.map(|(name, ..)| *name)
}

pub(super) fn is_known(world: &World, location: &str) -> bool {
    names(world).any(|name| name == location)
}

/// What a refusal lists.
pub(super) fn all(world: &World) -> String {
    names(world).collect::<Vec<_>>().join(",")
}

/// `West Europe` and `westeurope` are one place.
pub(super) fn plain(location: &str) -> String {
    location.replace(' ', "").to_ascii_lowercase()
}

/// `location` of a body, which accounts and groups have to have.
pub(super) fn location(body: &Map<String, Value>) -> Result<&str, Response> {
    let sent = body.get("location").and_then(Value::as_str);
    sent.filter(|sent| !sent.is_empty()).ok_or_else(|| {
        let message = "The location property is required for this definition.";
        errors::front(400, "LocationRequired", message)
    })
}
