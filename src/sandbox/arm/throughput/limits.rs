//! How much throughput there can be, and in which steps.

use serde_json::{Map, Value};

use super::super::errors::{bad_request, missing};
use crate::sandbox::cosmos::offers;
use crate::sandbox::http::Response;
use crate::sandbox::world::{Offer, World};

pub(super) const MOST: u64 = 1_000_000;

pub(super) fn number(offer: Offer) -> u64 {
    match offer {
        Offer::Manual(number) | Offer::Autoscale(number) => number,
    }
}

/// The next maximum that autoscale can have.
pub(super) fn autoscaled(offer: Offer) -> Offer {
    match offer {
        Offer::Manual(number) => Offer::Autoscale((number.div_ceil(1000) * 1000).min(MOST)),
        Offer::Autoscale(_) => offer,
    }
}

/// `properties.options` of a creation.
pub(in crate::sandbox::arm) fn options(
    world: &mut World,
    properties: &Map<String, Value>,
) -> Result<Option<Offer>, Response> {
    match properties.get("options") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(options)) => match read(world, options)? {
            Some(_) if world.serverless() => Err(bad_request(world, offers::NO_SETTING)),
            offer => Ok(offer),
        },
        Some(_) => Err(missing("properties.options")),
    }
}

/// `throughput` or `autoscaleSettings.maxThroughput`, but not both.
pub(super) fn read(
    world: &mut World,
    members: &Map<String, Value>,
) -> Result<Option<Offer>, Response> {
    let manual = members.get("throughput").filter(|value| !value.is_null());
    let autoscale = members
        .get("autoscaleSettings")
        .filter(|value| !value.is_null());
    let (offer, least, step) = match (
        manual,
        autoscale.map(|settings| settings.get("maxThroughput")),
    ) {
        (None, None) => return Ok(None),
        (Some(manual), None) => (whole(manual).map(Offer::Manual), 400, 100),
        (None, Some(most)) => (most.and_then(whole).map(Offer::Autoscale), 1000, 1000),
        (Some(_), Some(_)) => {
            return Err(bad_request(
                world,
                "Only one of throughput and autoscaleSettings can be specified.",
            ));
        }
    };
    let fits = |offer: &Offer| {
        (least..=MOST).contains(&number(*offer)) && number(*offer).is_multiple_of(step)
    };
    match offer.filter(fits) {
        Some(offer) => Ok(Some(offer)),
        None => Err(bad_request(world, &out_of_range(least, step))),
    }
}

/// A whole number, written as a number or as text: ARM takes both.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

pub(super) fn out_of_range(least: u64, step: u64) -> String {
    format!(
        "The offer should have valid throughput values between {least} and {MOST} inclusive in increments of {step}."
    )
}

pub(super) fn step(offer: Offer) -> u64 {
    match offer {
        Offer::Manual(_) => 100,
        Offer::Autoscale(_) => 1000,
    }
}
