//! HTTP dates: read as leniently as the service does, written as RFC 1123 has them.

use time::{Date, Month, OffsetDateTime, Time};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Epoch seconds of `Tue, 01 Nov 1994 08:12:31 GMT`, in any case.
pub fn parse(text: &str) -> Option<i64> {
    let (day_name, rest) = text.trim().split_once(", ")?;
    let named = |names: &[&str], name: &str| {
        names
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name))
    };
    let day_name = named(&DAYS, day_name)?;
    let mut parts = rest.split(' ');
    let day = parts.next()?.parse().ok()?;
    let month = named(&MONTHS, parts.next()?)?;
    let year = parts.next()?.parse().ok()?;
    let time = clock(parts.next()?)?;
    let zone = parts.next()?;
    let month = Month::try_from(u8::try_from(month + 1).ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, day).ok()?;
    let right = usize::from(date.weekday().number_days_from_monday()) == day_name;
    let whole = right && zone.eq_ignore_ascii_case("gmt") && parts.next().is_none();
    whole.then(|| date.with_time(time).assume_utc().unix_timestamp())
}

fn clock(text: &str) -> Option<Time> {
    let mut parts = text.split(':').map(str::parse::<u8>);
    let mut next = || parts.next()?.ok();
    let time = Time::from_hms(next()?, next()?, next()?).ok()?;
    next().is_none().then_some(time)
}

/// An epoch second as an HTTP date.
pub fn format(seconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second) = moment.to_hms();
    let day = usize::from(moment.weekday().number_days_from_monday());
    let month = usize::from(u8::from(moment.month()) - 1);
    format!(
        "{}, {:02} {} {:04} {hour:02}:{minute:02}:{second:02} GMT",
        DAYS.get(day).unwrap_or(&""),
        moment.day(),
        MONTHS.get(month).unwrap_or(&""),
        moment.year(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        let text = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(parse(text), Some(784_111_777));
        assert_eq!(format(784_111_777), text);
        assert_eq!(parse("sun, 06 nov 1994 08:49:37 gmt"), Some(784_111_777));
    }

    #[test]
    fn other_forms_are_no_dates() {
        for text in [
            "",
            "1994-11-06T08:49:37Z",
            "So, 06 Nov 1994 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
