//! Moments in the forms that services write them in. One reader for all of them: a general one is many times as large.

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

#[rustfmt::skip]
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// As HTTP writes it: `Tue, 01 Nov 1994 08:12:31 GMT`. English and in GMT wherever it runs.
pub fn http(moment: OffsetDateTime) -> String {
    let moment = moment.to_offset(UtcOffset::UTC);
    let (year, month, day) = moment.to_calendar_date();
    let (hour, minute, second) = moment.to_hms();
    let week = usize::from(moment.weekday().number_days_from_monday());
    let name = DAYS.get(week).unwrap_or(&"");
    let month = MONTHS.get(usize::from(u8::from(month)) - 1).unwrap_or(&"");
    format!("{name}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Reads `Tue, 01 Nov 1994 08:12:31 GMT`, `1994-11-01T08:12:31.5Z`, `11/01/1994 08:12:31 +00:00` and
/// `11/1/1994 8:12:31 AM +00:00`. What does not say its zone is no moment.
pub fn read(text: &str) -> Option<OffsetDateTime> {
    let words = text.split([' ', '\t']).flat_map(iso);
    let mut words = words.filter(|word| !word.is_empty());
    let first = words.next().filter(|word| !word.ends_with(','));
    let first = first.or_else(|| words.next())?;
    let date = date(first, &mut words)?;
    let clock = words.next()?;
    let (clock, glued) = clock.split_at(clock.find(['Z', '+', '-']).unwrap_or(clock.len()));
    let mut behind = Some(glued)
        .filter(|zone| !zone.is_empty())
        .into_iter()
        .chain(words);
    let mut zone = behind.next()?;
    let half = ["AM", "PM"].iter().position(|half| *half == zone);
    if half.is_some() {
        zone = behind.next()?;
    }
    let moment = date.with_time(time(clock, half)?);
    let moment = moment.assume_offset(offset(zone)?);
    let ends = behind.next().is_none();
    moment.checked_to_offset(UtcOffset::UTC).filter(|_| ends)
}

/// `1994-11-01T08:12:31Z` as two words.
fn iso(word: &str) -> impl Iterator<Item = &str> {
    let dated = word.get(..10).filter(|date| date.contains('-'));
    let parts = dated.and_then(|date| Some((date, word.get(10..)?.strip_prefix('T')?)));
    let (date, rest) = parts.unwrap_or((word, ""));
    [date, rest].into_iter()
}

fn date<'a>(first: &'a str, words: &mut dyn Iterator<Item = &'a str>) -> Option<Date> {
    let (year, month, day) = match (three(first, '-'), three(first, '/')) {
        (Some([year, month, day]), _) | (_, Some([month, day, year])) => {
            (year, u8::try_from(number(month)?).ok()?, day)
        }
        _ => {
            let month = words.next()?;
            let at = MONTHS.iter().position(|known| *known == month)?;
            (words.next()?, u8::try_from(at).ok()? + 1, first)
        }
    };
    let year = Some(year).filter(|year| year.len() == 4);
    let (year, day) = (number(year?)?, number(day)?);
    let (year, day) = (i32::try_from(year).ok()?, u8::try_from(day).ok()?);
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

fn time(clock: &str, half: Option<usize>) -> Option<Time> {
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock
        .splitn(3, ':')
        .map(|part| u8::try_from(number(part)?).ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + if half == 1 { 12 } else { 0 },
        Some(_) => return None,
        None => hour,
    };
    let nanos = number(format!("{fraction:0<9}").get(..9)?)?;
    Time::from_hms_nano(hour, minute, second, nanos).ok()
}

/// `Z`, `GMT`, `+01:30` or `+0130`.
fn offset(zone: &str) -> Option<UtcOffset> {
    if ["Z", "GMT", "UTC", "UT"].contains(&zone) {
        return Some(UtcOffset::UTC);
    }
    let digits = zone.get(1..)?.replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { "0" } else { minutes };
    let seconds = i32::try_from(number(hours)? * 3600 + number(minutes)? * 60).ok()?;
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    UtcOffset::from_whole_seconds(sign * seconds).ok()
}

fn three(text: &str, between: char) -> Option<[&str; 3]> {
    let mut parts = text.splitn(3, between);
    Some([parts.next()?, parts.next()?, parts.next()?])
}

/// Up to nine digits and nothing else.
fn number(text: &str) -> Option<u32> {
    let digits = text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn every_form_is_read() {
        let moment = datetime!(1994-11-01 08:12:31 UTC);
        for text in [
            "Tue, 01 Nov 1994 08:12:31 GMT",
            "01 Nov 1994 08:12:31 GMT",
            "Tue, 1 Nov 1994 08:12:31 +0000",
            "Tue, 1 Nov 1994 09:12:31 +0100",
            " Tue,  01 Nov 1994 08:12:31 UTC ",
            "1994-11-01T08:12:31Z",
            "1994-11-01 08:12:31Z",
            "1994-11-01T08:12:31.0000000+00:00",
            "1994-11-01T06:42:31-01:30",
            "11/01/1994 08:12:31 +00:00",
            "11/1/1994 8:12:31 AM +00:00",
        ] {
            assert_eq!(read(text), Some(moment), "{text}");
        }
        for (text, moment) in [
            (
                "6/20/2019 12:57:58 AM +00:00",
                datetime!(2019-06-20 00:57:58 UTC),
            ),
            (
                "6/20/2019 12:57:58 PM +00:00",
                datetime!(2019-06-20 12:57:58 UTC),
            ),
            (
                "6/20/2019 2:57:58 PM +00:00",
                datetime!(2019-06-20 14:57:58 UTC),
            ),
            ("2026-01-02T03:04Z", datetime!(2026-01-02 03:04 UTC)),
            (
                "2026-01-02T03:04:05.25Z",
                datetime!(2026-01-02 03:04:05.25 UTC),
            ),
            (
                "2026-01-02T03:04:05.1234567891Z",
                datetime!(2026-01-02 03:04:05.123456789 UTC),
            ),
            ("2024-02-29T00:00:00Z", datetime!(2024-02-29 0:00 UTC)),
        ] {
            assert_eq!(read(text), Some(moment), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            " ",
            "now",
            "T",
            ",",
            "Tue,",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2026-13-02T03:04:05Z",
            "2025-02-29T00:00:00Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:60:00Z",
            "2026-01-02T03Z",
            "2026-01-02T03:04:05+",
            "2026-01-02T03:04:05+x",
            "2026-01-02T03:04:05Z Z",
            "2026-01-02T03:04:05.Zx",
            "20260-01-02T03:04:05Z",
            "+026-01-02T03:04:05Z",
            "2026-+1-02T03:04:05Z",
            "é026-01-02T03:04:05Z",
            "9999-12-31T23:59:59-23:59",
            "0000-01-01T00:00:00+23:59:59",
            "6/20/2019 13:57:58 AM +00:00",
            "6/20/2019 0:57:58 AM +00:00",
            "Tue, 01 Nov 1994 08:12:31",
            "Tue, 01 nov 1994 08:12:31 GMT",
            "2026-01-02T99999999999:04:05Z",
            "2026-01-02T03:04:05é",
            "2026-01-02T03:04:05+é1",
            "1994-11-01Té",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for moment in [
            datetime!(1994-11-01 08:12:31 UTC),
            datetime!(2026-12-31 23:59:59 UTC),
            datetime!(0001-01-01 0:00 UTC),
        ] {
            assert_eq!(read(&http(moment)), Some(moment));
        }
        let text = http(datetime!(1994-11-01 10:12:31 +02:00));
        assert_eq!(text, "Tue, 01 Nov 1994 08:12:31 GMT");
    }
}
