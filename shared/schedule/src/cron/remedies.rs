//! What was meant by an expression that is refused: as a whole text, which can be written instead.

use super::fields::{Problem, Reader, WEEKDAYS};
use super::{CronField, Expression, Syntax, Times};

/// What to tell instead of what was found first.
pub(super) enum Better {
    Field(Problem),
    /// Without its seconds.
    Seconds {
        instead: String,
    },
}

/// Whether days of the week are named by numbers.
pub(super) fn has_numbers(of_week: &str) -> bool {
    of_week.split([',', '-']).any(|part| {
        let day = part.split(['#', '/']).next().unwrap_or_default().trim_end_matches('L');
        !day.is_empty() && day.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Days of the week by their names, as the numbers of a syntax are meant; `None` where it has no such days.
pub(super) fn named(of_week: &str, syntax: Syntax) -> Option<String> {
    let reader = Reader { field: CronField::DayOfWeek, syntax };
    let name = |value: u16| {
        let index = match syntax {
            Syntax::Five => value % 7,
            Syntax::Six => value.checked_sub(1)?,
        };
        WEEKDAYS.get(usize::from(index)).copied()
    };
    let day = |text: &str| name(reader.value(text).ok()?);
    let all = |text: &str| reader.values(text).ok();
    if of_week.contains('/') {
        let names: Option<Vec<&str>> = all(of_week)?.into_iter().map(name).collect();
        return Some(names?.join(","));
    }
    let item = |item: &str| match (item.split_once('-'), item.split_once('#'), syntax) {
        _ if item == "*" => Some("*".to_owned()),
        (Some(_), ..) if all(item)?.len() >= WEEKDAYS.len() => Some("SUN-SAT".to_owned()),
        (Some((from, to)), ..) => Some(format!("{}-{}", day(from)?, day(to)?)),
        (None, Some((of, nth)), Syntax::Six) => Some(format!("{}#{nth}", day(of)?)),
        (None, None, Syntax::Six) if item.len() > 1 && item.ends_with('L') => {
            Some(format!("{}L", day(item.strip_suffix('L')?)?))
        }
        _ => Some(day(item)?.to_owned()),
    };
    let items: Option<Vec<String>> = of_week.split(',').map(item).collect();
    Some(items?.join(","))
}

/// Six fields by themselves that name days of the week by numbers, which mean other days than in five.
pub(super) fn ambiguous(expression: &Expression<'_>) -> Option<Problem> {
    let [minute, hour, "?", month, of_week, year] = expression.fields.as_slice() else { return None };
    if expression.bracketed || !has_numbers(of_week) || of_week.contains('/') {
        return None;
    }
    let week = Reader { field: CronField::DayOfWeek, syntax: Syntax::Six };
    let mut meant: Vec<String> = [Syntax::Five, Syntax::Six]
        .into_iter()
        .filter_map(|syntax| fires([*minute, *hour, "?", *month, &named(of_week, syntax)?, *year].join(" ")))
        .collect();
    meant.dedup();
    let remedy = match meant.as_slice() {
        [] => "write names, SUN to SAT".to_owned(),
        meant => format!("write names: {}", meant.join(", or ")),
    };
    let found = "numbers of weekdays mean SUN = 1 in six fields and MON = 1 in five";
    Some(week.problem(found, remedy))
}

/// What is better told of an expression in which a problem was found.
pub(super) fn better(expression: &Expression<'_>, problem: Option<&Problem>) -> Option<Better> {
    let is_of_days =
        |problem: &&Problem| matches!(problem.field, CronField::DayOfMonth | CronField::DayOfWeek);
    let marked = problem.filter(is_of_days).and_then(|problem| Some((problem, marked(expression)?)));
    match (marked, without_seconds(expression, problem)) {
        (Some((problem, remedy)), seconds) => {
            let seconds = seconds.filter(|_| matches!(expression.fields.as_slice(), ["0", "0", ..]));
            let seconds = seconds
                .map(|instead| format!("; or, if the first field is for seconds, leave them out: {instead}"));
            let remedy = remedy + &seconds.unwrap_or_default();
            Some(Better::Field(Problem { field: problem.field, found: problem.found.clone(), remedy }))
        }
        (None, Some(instead)) => Some(Better::Seconds { instead }),
        (None, None) => None,
    }
}

/// With the `?` that is missing of two days one of which is `*`.
fn marked(expression: &Expression<'_>) -> Option<String> {
    let bracketed = expression.bracketed;
    let (minute, hour, of_month, month, of_week, year) = match expression.fields.as_slice() {
        [minute, hour, of_month, month, of_week] if bracketed => {
            (*minute, *hour, *of_month, *month, *of_week, None)
        }
        [minute, hour, of_month, month, of_week, year] => {
            (*minute, *hour, *of_month, *month, *of_week, Some(*year))
        }
        _ => return None,
    };
    let of_six = named(of_week, Syntax::Six);
    let of_five = named(of_week, Syntax::Five);
    let (day, weekday) = match (of_month, of_week) {
        ("?", _) | (_, "?") => return None,
        (day, "*") => (day, "?".to_owned()),
        ("*", _) if bracketed => ("?", of_six.or(of_five)?),
        ("*", _) => ("?", of_five.or(of_six)?),
        _ => return None,
    };
    let fields: Vec<&str> = [minute, hour, day, month, &weekday].into_iter().chain(year).collect();
    let six = fields.join(" ");
    let six = fires(if bracketed { format!("cron({six})") } else { six })?;
    let five = [minute, hour, of_month, month, of_week].join(" ");
    let five = if year.is_none_or(|year| year == "*") { fires(five) } else { None };
    Some(match five {
        Some(five) if bracketed && has_numbers(of_week) => {
            format!("write {six}, where 1 is Sunday, or five fields, where 1 is Monday: {five}")
        }
        Some(five) => format!("write {six}, or five fields: {five}"),
        None => format!("write {six}"),
    })
}

/// Without a first field that is for seconds, as Quartz and others have it, where that is what explains the rest.
fn without_seconds(expression: &Expression<'_>, problem: Option<&Problem>) -> Option<String> {
    let reads = |field, text: &str| Reader { field, syntax: Syntax::Six }.values(text).is_ok();
    let (first, fields, year) = match expression.fields.as_slice() {
        [first, fields @ .., year] if fields.len() == 5 => (*first, fields, Some(*year)),
        [first, fields @ ..] if fields.len() == 5 => (*first, fields, None),
        _ => return None,
    };
    let [minute, hour, of_month, month, of_week] = fields else { return None };
    // As six fields they would be hour, day of month, month, day of week, year.
    let is_late = |problem: &Problem| first == "0" && problem.field == CronField::Hour && *hour != "*";
    let is_likely = year.is_some()
        || *of_month == "?"
        || !reads(CronField::Year, of_week)
        || problem.is_some_and(is_late)
        || (first, *minute) == ("0", "0");
    if !is_likely || !reads(CronField::Minute, first) {
        return None;
    }
    // Only what has a `?` numbers weekdays from Sunday on.
    let is_quartz = [of_month, of_week].into_iter().any(|field| *field == "?");
    let of_week = match *of_week {
        "?" => "?".to_owned(),
        days if is_quartz => named(days, Syntax::Six)?,
        days => days.to_owned(),
    };
    let star = |field: &'_ str| if field == "?" { "*".to_owned() } else { field.to_owned() };
    if year.is_none_or(|year| year == "*")
        && let Some(five) = fires(format!("{minute} {hour} {} {month} {}", star(of_month), star(&of_week)))
    {
        return Some(five);
    }
    let (of_month, of_week) = match (*of_month, of_week.as_str()) {
        ("*", days) if !is_quartz => ("?", named(days, Syntax::Five)?),
        (days, "*") if !is_quartz => (days, "?".to_owned()),
        (days, _) => (days, of_week),
    };
    fires(format!("{minute} {hour} {of_month} {month} {of_week} {}", year.unwrap_or("*")))
}

/// A text, if it is an expression.
fn fires(text: String) -> Option<String> {
    let capitals = text.to_ascii_uppercase();
    let expression = Expression::of(&capitals);
    let times = Times::of(&expression).ok()?;
    (times.has_days() && ambiguous(&expression).is_none()).then_some(text)
}
