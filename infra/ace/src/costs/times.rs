//! Times as a clock on the wall shows them.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use schedule::Zone;

use super::ScheduleError;

/// An instant by the clock of a zone: `Mon 2026-11-30 18:00`.
pub(super) fn stamp(zone: &Zone, at: Timestamp) -> String {
    zone.wall(at).strftime("%a %Y-%m-%d %H:%M").to_string()
}

/// A time of the day: `18:00`.
pub(super) fn clock(wall: DateTime) -> String {
    wall.strftime("%H:%M").to_string()
}

/// An instant that somebody wrote: `23:00`, the next time that the clock shows it; `2026-12-01T06:00`, by that clock; or
/// `2026-12-01T05:00Z`.
pub(super) fn instant(text: &str, zone: &Zone, now: Timestamp) -> Result<Timestamp, ScheduleError> {
    let wrong = || ScheduleError::NoTime { text: text.to_owned() };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || b":-T".contains(&byte));
    if !digits(text) {
        return Err(wrong());
    }
    if text.contains('T') {
        let wall: DateTime = text.parse().map_err(|_| wrong())?;
        return zone.end(wall).ok_or_else(wrong);
    }
    let time: Time = if text.len() == 5 { text.parse().map_err(|_| wrong())? } else { return Err(wrong()) };
    let today = zone.wall(now).date();
    let at = |date: jiff::civil::Date| zone.end(date.to_datetime(time));
    let next = at(today).filter(|at| *at > now).or_else(|| at(today.tomorrow().ok()?));
    next.ok_or_else(wrong)
}

/// So many seconds as hours, to a tenth.
pub(super) fn hours(seconds: i64) -> String {
    let tenths = (seconds + 180) / 360;
    if tenths % 10 == 0 { format!("{}h", tenths / 10) } else { format!("{}.{}h", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> Zone {
        "Europe/Berlin".to_owned().try_into().unwrap()
    }

    #[test]
    fn a_time_of_the_day_is_the_next_that_the_clock_shows() {
        let zone = berlin();
        let now = "2026-11-30T18:00:00Z".parse().unwrap();
        for (text, at) in [
            ("23:00", "2026-11-30T22:00:00Z"),
            ("19:00", "2026-12-01T18:00:00Z"),
            ("08:00", "2026-12-01T07:00:00Z"),
            ("2026-12-24T12:30", "2026-12-24T11:30:00Z"),
            ("2026-12-24T12:30Z", "2026-12-24T12:30:00Z"),
            ("2026-12-24T12:30:15+01:00", "2026-12-24T11:30:15Z"),
        ] {
            assert_eq!(instant(text, &zone, now).unwrap().to_string(), at, "{text}");
        }
        // The hour that comes twice is over when it is over the second time; of one that does not come, the jump counts.
        let autumn = "2026-10-24T22:00:00Z".parse().unwrap();
        assert_eq!(instant("02:30", &zone, autumn).unwrap().to_string(), "2026-10-25T01:30:00Z");
        let spring = "2026-03-28T23:30:00Z".parse().unwrap();
        assert_eq!(instant("02:30", &zone, spring).unwrap().to_string(), "2026-03-29T01:00:00Z");
        for text in ["", "23", "23:00:00", "25:00", "11pm", "2026-12-24", "tomorrow", "2026-12-24T12:30 "] {
            assert!(matches!(instant(text, &zone, now), Err(ScheduleError::NoTime { .. })), "{text}");
        }
    }

    #[test]
    fn hours_are_told_to_a_tenth() {
        assert_eq!(
            [0, 3_600, 5_400, 179, 180, 604_800].map(hours),
            ["0h", "1h", "1.5h", "0h", "0.1h", "168h"]
        );
    }
}
