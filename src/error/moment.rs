//! Moments in the texts that services write, in every form that has been seen. Pure.
//!
//! The parsers of `time` want a description for each form, and the forms differ within themselves: a day or an hour with
//! one digit or two, a space for the `T`, no seconds, `GMT` for an offset. One reader takes them all.

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Reads a moment:
/// - `Tue, 01 Nov 1994 08:12:31 GMT`, as HTTP writes it
/// - `2026-01-02T03:04:05.678Z`, ISO 8601 with an offset
/// - `01/02/2026 03:04:05 +00:00` and `1/2/2026 3:04:05 PM +00:00`, as two versions of one identity endpoint do
///
/// ```
/// use rawcosmos::error::moment::read;
/// let moment = read("Tue, 01 Nov 1994 08:12:31 GMT").unwrap();
/// assert_eq!(read("1994-11-01T10:12:31+02:00"), Some(moment));
/// assert_eq!(read("11/1/1994 8:12:31 AM +00:00"), Some(moment));
/// assert_eq!(read("yesterday"), None);
/// ```
pub fn read(text: &str) -> Option<OffsetDateTime> {
    let mut rest = Rest(text.trim());
    let date = match rest.0.as_bytes() {
        [_, _, _, _, b'-', ..] => iso_date(&mut rest)?,
        [_, b'/', ..] | [_, _, b'/', ..] => american_date(&mut rest)?,
        _ => http_date(&mut rest)?,
    };
    let time = time_of_day(&mut rest)?;
    let offset = offset(&mut rest)?;
    rest.0
        .is_empty()
        .then(|| date.with_time(time).assume_offset(offset))
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// A number of so many digits at most.
    fn number<T: TryFrom<u32>>(&mut self, digits: usize) -> Option<T> {
        let length = self
            .0
            .bytes()
            .take(digits)
            .take_while(u8::is_ascii_digit)
            .count();
        let (number, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        T::try_from(number.parse().ok()?).ok()
    }

    fn letters(&mut self) -> &'a str {
        let length = self.0.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (letters, rest) = self.0.split_at_checked(length).unwrap_or_default();
        self.0 = rest;
        letters
    }

    /// One of these characters.
    fn one_of(&mut self, characters: &str) -> Option<char> {
        let first = self.0.chars().next().filter(|c| characters.contains(*c))?;
        self.0 = self.0.get(first.len_utf8()..)?;
        Some(first)
    }
}

fn iso_date(rest: &mut Rest) -> Option<Date> {
    let year = rest.number(4)?;
    rest.one_of("-")?;
    let month: u8 = rest.number(2)?;
    rest.one_of("-")?;
    let day = rest.number(2)?;
    rest.one_of("Tt ")?;
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

fn american_date(rest: &mut Rest) -> Option<Date> {
    let month: u8 = rest.number(2)?;
    rest.one_of("/")?;
    let day = rest.number(2)?;
    rest.one_of("/")?;
    let year = rest.number(4)?;
    rest.one_of(" ")?;
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

fn http_date(rest: &mut Rest) -> Option<Date> {
    if !rest.letters().is_empty() {
        rest.one_of(",")?;
        rest.one_of(" ")?;
    }
    let day = rest.number(2)?;
    rest.one_of(" ")?;
    let name = rest.letters().to_ascii_lowercase();
    let month = MONTHS.iter().position(|month| *month == name)?;
    rest.one_of(" ")?;
    let year = rest.number(4)?;
    rest.one_of(" ")?;
    let month = Month::January.nth_next(u8::try_from(month).ok()?);
    Date::from_calendar_date(year, month, day).ok()
}

/// `3:04:05`, `03:04:05.678` or `3:04:05 PM`.
fn time_of_day(rest: &mut Rest) -> Option<Time> {
    let hour: u8 = rest.number(2)?;
    rest.one_of(":")?;
    let minute = rest.number(2)?;
    let second = match rest.one_of(":") {
        Some(_) => rest.number(2)?,
        None => 0,
    };
    if rest.one_of(".,").is_some() {
        rest.number::<u32>(9)?;
    }
    let spaced = rest.one_of(" ").is_some();
    let hour = match rest.0.get(..2).filter(|_| spaced) {
        Some(half @ ("AM" | "PM")) => {
            rest.letters();
            rest.one_of(" ");
            (hour <= 12).then_some(hour % 12 + if half == "PM" { 12 } else { 0 })?
        }
        _ => hour,
    };
    Time::from_hms(hour, minute, second).ok()
}

/// `Z`, `GMT`, `+00:00` or `-0130`.
fn offset(rest: &mut Rest) -> Option<UtcOffset> {
    if let Some(sign) = rest.one_of("+-") {
        let hours: i8 = rest.number(2)?;
        rest.one_of(":");
        let minutes: i8 = rest.number(2).unwrap_or(0);
        let sign = if sign == '-' { -1 } else { 1 };
        return UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok();
    }
    let zones = ["Z", "GMT", "UTC", "UT"];
    let zone = rest.letters();
    let known = zones.iter().any(|known| known.eq_ignore_ascii_case(zone));
    known.then_some(UtcOffset::UTC)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use time::format_description::well_known::{Iso8601, Rfc2822};

    use super::*;

    #[test]
    fn it_reads_what_a_parser_of_each_form_reads() {
        for text in [
            "Tue, 01 Nov 1994 08:12:31 GMT",
            "1 Nov 1994 08:12:31 +0100",
            "Wed, 31 Dec 2025 23:59:59 -0130",
        ] {
            let known = OffsetDateTime::parse(text, &Rfc2822).unwrap();
            assert_eq!(read(text), Some(known), "{text}");
        }
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-02-28T23:59:59+05:30",
            "2024-02-29T00:00:00-08:00",
        ] {
            let known = OffsetDateTime::parse(text, &Iso8601::DEFAULT).unwrap();
            assert_eq!(read(text), Some(known), "{text}");
        }
        let fraction = read("2026-01-02T03:04:05.678901Z");
        assert_eq!(fraction, read("2026-01-02T03:04:05Z"));
    }

    #[test]
    fn noon_and_midnight_are_in_the_right_half() {
        for (american, iso) in [
            ("1/2/2026 12:00:00 AM +00:00", "2026-01-02T00:00:00Z"),
            ("1/2/2026 12:30:00 PM +00:00", "2026-01-02T12:30:00Z"),
            ("11/12/2026 3:04:05 PM +00:00", "2026-11-12T15:04:05Z"),
            ("01/02/2026 03:04:05 +00:00", "2026-01-02T03:04:05Z"),
        ] {
            assert_eq!(read(american), read(iso), "{american}");
            assert!(read(american).is_some(), "{american}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2026-13-02T03:04:05Z",
            "2026-02-30T03:04:05Z",
            "2026-01-02T24:04:05Z",
            "2026-01-02T03:04:05Zzz",
            "2026-01-02T03:04:05.Z",
            "13/1/2026 03:04:05 +00:00",
            "1/2/2026 13:00:00 PM +00:00",
            "Tue, 01 Nov 1994 08:12:31 PST",
            "Tue, 01 Nuv 1994 08:12:31 GMT",
            "Tue 01 Nov 1994 08:12:31 GMT",
            "é026-01-02T03:04:05Z",
            "99999999999",
            "+00:00",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
