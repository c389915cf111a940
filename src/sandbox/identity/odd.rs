//! Forms of an answer that are not the usual one, each as some document or machine has it.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::troubles::Trouble;
use crate::sandbox::world::World;

/// Another form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Odd {
    /// The metadata service's as its page has it.
    Docs,
    /// The metadata service's as its specification has it.
    Swagger,
    /// `expires_in` is empty.
    EmptyExpiry,
    /// With `refresh_in`.
    RefreshIn,
    /// `expires_on` is a date of ISO 8601.
    IsoDate,
    /// `expires_on` of the old App Service is as Windows writes it.
    WindowsDate,
    /// `error_codes` is a text.
    TextCodes,
}

type Form = (&'static [&'static str], &'static [&'static str]);

/// What is left out of the usual answer of the metadata service, and what is in it besides.
fn form(odd: Odd) -> Form {
    const LITTLE: &[&str] = &["client_id", "ext_expires_in", "not_before"];
    match odd {
        Odd::Docs => (&["client_id", "ext_expires_in"], &["refresh_token"]),
        Odd::Swagger => (&["token_type"], &[]),
        Odd::EmptyExpiry => (LITTLE, &["expires_in"]),
        Odd::RefreshIn => (LITTLE, &["refresh_in"]),
        Odd::IsoDate => (
            &["expires_in", "ext_expires_in", "not_before"],
            &["expires_on"],
        ),
        Odd::WindowsDate | Odd::TextCodes => (&[], &[]),
    }
}

/// The usual answer of the metadata service, or the one that is wanted instead.
pub(in crate::sandbox) fn bend(world: &World, mut answer: Value, expiry: i64, left: i64) -> Value {
    let odd = world
        .identity
        .troubles
        .iter()
        .find_map(|trouble| match trouble {
            Trouble::Odd(odd) => Some(*odd),
            _ => None,
        });
    let (Some(odd), Some(members)) = (odd, answer.as_object_mut()) else {
        return answer;
    };
    let (without, with) = form(odd);
    members.retain(|name, _| !without.contains(&name.as_str()));
    for name in with {
        let value = match *name {
            "refresh_in" => (left / 2).to_string(),
            "expires_on" => iso(expiry),
            _ => String::new(),
        };
        members.insert((*name).to_owned(), json!(value));
    }
    answer
}

fn date(epoch: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(epoch).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// `2024-10-18T19:51:37.0000000+00:00`.
fn iso(epoch: i64) -> String {
    let time = date(epoch);
    let (hour, minute, second) = time.to_hms();
    format!(
        "{}T{hour:02}:{minute:02}:{second:02}.0000000+00:00",
        time.date()
    )
}

/// `06/20/2019 02:57:58 +00:00`, and on Windows `6/20/2019 2:57:58 AM +00:00`.
pub(in crate::sandbox) fn old_date(world: &World, epoch: i64) -> String {
    let time = date(epoch);
    let (hour, minute, second) = time.to_hms();
    let (year, month, day) = time.to_calendar_date();
    let month = u8::from(month);
    match world.identity.has(Trouble::Odd(Odd::WindowsDate)) {
        false => format!("{month:02}/{day:02}/{year} {hour:02}:{minute:02}:{second:02} +00:00"),
        true => {
            let half = if hour < 12 { "AM" } else { "PM" };
            let hour = (hour + 11) % 12 + 1;
            format!("{month}/{day}/{year} {hour}:{minute:02}:{second:02} {half} +00:00")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_in_three_ways() {
        let mut world = World::default();
        assert_eq!(iso(1_729_281_097), "2024-10-18T19:51:37.0000000+00:00");
        assert_eq!(
            old_date(&world, 1_560_999_478),
            "06/20/2019 02:57:58 +00:00"
        );
        world.identity.add(Trouble::Odd(Odd::WindowsDate));
        assert_eq!(
            old_date(&world, 1_579_152_252),
            "1/16/2020 5:24:12 AM +00:00"
        );
        assert_eq!(
            old_date(&world, 1_579_133_000),
            "1/16/2020 12:03:20 AM +00:00"
        );
    }
}
