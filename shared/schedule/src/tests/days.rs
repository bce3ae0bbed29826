//! The days of expressions against the calendar, counted the slow way.

use jiff::civil::{Date, Weekday};

use super::*;

fn fires(cron: &Cron, date: Date) -> bool {
    let utc = zone("UTC");
    let (begin, end) = utc.day(date).unwrap();
    let before = begin.checked_sub(SignedDuration::from_secs(1)).unwrap();
    cron.next(&utc, before).is_some_and(|at| at < end)
}

fn workday(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// Every month of 28 years, so that each length begins on each day of the week.
#[test]
fn the_days_of_eventbridge_are_those_of_the_calendar() {
    let mut date = jiff::civil::date(2023, 1, 1);
    let nearest = |day: i8| format!("cron(0 9 {day}W * ? *)").parse::<Cron>().unwrap();
    let nearest: Vec<(i8, Cron)> = [1, 2, 3, 15, 28, 29, 30, 31].map(|day| (day, nearest(day))).into();
    let last: Cron = "cron(0 9 L * ? *)".parse().unwrap();
    let last_workday: Cron = "cron(0 9 LW * ? *)".parse().unwrap();
    let of_week =
        |form: &str| (1..=7).map(|day| form.replace('D', &day.to_string()).parse().unwrap()).collect();
    let last_of: Vec<Cron> = of_week("cron(0 9 ? * DL *)");
    let fifth: Vec<Cron> = of_week("cron(0 9 ? * D#5 *)");
    let second: Vec<Cron> = of_week("cron(0 9 ? * D#2 *)");
    while date.year() < 2051 {
        let length = date.days_in_month();
        let of_this_month = |day: i8| Date::new(date.year(), date.month(), day).unwrap();
        assert_eq!(fires(&last, date), date.day() == length, "{date}");
        let workdays_after =
            (date.day() + 1..=length).map(of_this_month).filter(|date| workday(*date)).count();
        assert_eq!(fires(&last_workday, date), workday(date) && workdays_after == 0, "{date}");
        for (day, cron) in &nearest {
            let away = |date: &Date| (date.day() - day).abs();
            let days = (1..=length).map(of_this_month).filter(|date| workday(*date));
            let wanted = days.min_by_key(away).filter(|_| *day <= length);
            assert_eq!(fires(cron, date), wanted == Some(date), "{cron} {date}");
        }
        for (week, last) in last_of.iter().enumerate() {
            let is_day = usize::try_from(date.weekday().to_sunday_zero_offset()).unwrap() == week;
            assert_eq!(fires(last, date), is_day && date.day() + 7 > length, "{last} {date}");
            assert_eq!(fires(&fifth[week], date), is_day && date.day() > 28, "{} {date}", fifth[week]);
            let is_second = (8..=14).contains(&date.day());
            assert_eq!(fires(&second[week], date), is_day && is_second, "{} {date}", second[week]);
        }
        date = date.tomorrow().unwrap();
    }
}
