"""What schedules do, minute by minute: the rules of shared/schedule/src/lib.rs, followed the slow way.

Shares nothing with the crate but situations.json and the version of the time zone database. Every minute of the span is
looked at: what the clock of the zone shows, which expression fires, which window holds, which state that is.

usage: oracle.py FULL SUMMARY
FULL gets every change of state and every firing, SUMMARY their numbers, digests, and the changes near those of the clock.
"""

import hashlib
import json
import pathlib
import sys
import zoneinfo
from datetime import date, datetime, timedelta, timezone

import tzdata

HERE = pathlib.Path(__file__).parent
# What holds when the span begins may have been decided long before.
BEFORE = 70 * 1440
AFTER = 3 * 1440
NEAR = 30 * 60
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
MONTH_NAMES = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
DAY_NAMES = "SUN MON TUE WED THU FRI SAT".split()


class Clock:
    """What the clock of a zone shows at every minute, as minutes since the year 1."""

    def __init__(self, name, begin, end):
        self.name = name
        zone = zoneinfo.ZoneInfo(name)
        self.first_stamp = int(begin.timestamp()) - BEFORE * 60
        count = (int(end.timestamp()) - self.first_stamp) // 60 + AFTER
        self.begin, self.end = BEFORE, count - AFTER
        self.walls, self.again, self.changes = [], [], []
        self.first, self.last = {}, {}
        offset = None
        for index in range(count):
            shown = datetime.fromtimestamp(self.first_stamp + index * 60, zone)
            wall = shown.toordinal() * 1440 + shown.hour * 60 + shown.minute
            self.walls.append(wall)
            self.again.append(shown.fold == 1)
            self.first.setdefault(wall, index)
            self.last[wall] = index
            if offset not in (None, shown.utcoffset()):
                self.changes.append(index)
            offset = shown.utcoffset()
        self.dates = sorted({wall // 1440 for wall in self.walls})

    def stamp(self, index):
        instant = datetime.fromtimestamp(self.first_stamp + index * 60, timezone.utc)
        return instant.strftime("%Y-%m-%dT%H:%MZ")

    def begins(self, wall):
        """The minute at which a window begins: when the time is shown first, or else the first later one."""
        while wall not in self.first:
            wall += 1
            if wall > self.walls[-1]:
                return len(self.walls)
        return self.first[wall]

    def ends(self, wall):
        """The minute at which a window ends: when the time is shown last, or else the first later one."""
        return self.last[wall] if wall in self.last else self.begins(wall)


def values(text, low, high, names, base, wraps):
    """The values that a field names."""

    def value(text):
        return names.index(text) + base if text in names else int(text)

    found = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        if span == "*":
            first, last = low, high
        elif "-" in span:
            first, last = (value(part) for part in span.split("-"))
        else:
            first = value(span)
            last = high if step else first
        every = list(range(first, last + 1))
        if last < first:
            assert wraps
            every = list(range(first, high + 1)) + list(range(low, last + 1))
        found.update(every[:: int(step or 1)])
    return found


class Cron:
    def __init__(self, text):
        text = text.strip()
        self.six = text.startswith("cron(")
        fields = text[5:-1].split() if self.six else text.split()
        if len(fields) == 6:
            self.six = True
        minute, hour, self.day, month, self.week, *year = [field.upper() for field in fields]
        self.minutes = values(minute, 0, 59, [], 0, self.six)
        self.hours = values(hour, 0, 23, [], 0, self.six)
        self.months = values(month, 1, 12, MONTH_NAMES, 1, self.six)
        self.years = values(year[0], 1970, 2199, [], 0, False) if year else None

    def has_day(self, day):
        if day.month not in self.months or (self.years is not None and day.year not in self.years):
            return False
        return self.has_six(day) if self.six else self.has_five(day)

    def has_five(self, day):
        of_month = day.day in values(self.day, 1, 31, [], 0, False)
        week = {number % 7 for number in values(self.week, 0, 7, DAY_NAMES, 0, False)}
        of_week = day.isoweekday() % 7 in week
        if self.day[0] == "*" or self.week[0] == "*":
            return of_month and of_week
        return of_month or of_week

    def has_six(self, day):
        month = [day.replace(day=number) for number in range(1, 32) if number <= days_in_month(day)]
        number = day.isoweekday() % 7 + 1
        if self.day == "?":
            week = self.week
            if week == "L":
                return number == 7
            if "#" in week:
                wanted, which = week.split("#")
                same = [other for other in month if is_weekday(other, wanted)]
                return len(same) >= int(which) and same[int(which) - 1] == day
            if week.endswith("L"):
                return day == [other for other in month if is_weekday(other, week[:-1])][-1]
            return number in values(week, 1, 7, DAY_NAMES, 1, True)
        assert self.week == "?"
        workdays = [other for other in month if other.isoweekday() < 6]
        if self.day == "L":
            return day == month[-1]
        if self.day == "LW":
            return day == workdays[-1]
        if self.day.endswith("W"):
            wanted = int(self.day[:-1])
            if wanted > len(month):
                return False
            return day == min(workdays, key=lambda other: abs(other.day - wanted))
        return day.day in values(self.day, 1, 31, [], 0, True)

    def fires(self, clock):
        """The minutes at which it fires: when a time is shown, unless it was shown before the clock was set back."""
        day_is = {number: self.has_day(date.fromordinal(number)) for number in clock.dates}
        found = []
        for index, wall in enumerate(clock.walls):
            number, minute = divmod(wall, 1440)
            if day_is[number] and minute % 60 in self.minutes and minute // 60 in self.hours:
                if not clock.again[index]:
                    found.append(index)
        return found


def days_in_month(day):
    return ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day


def is_weekday(day, text):
    wanted = DAY_NAMES.index(text) if text in DAY_NAMES else int(text) - 1
    return day.isoweekday() % 7 == wanted


def time_of(text):
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def wall_of(text):
    day, time = text.split("T")
    return date.fromisoformat(day).toordinal() * 1440 + time_of(time)


def as_list(text):
    return [text] if isinstance(text, str) else text


def states(situation, clock):
    """The state of every minute: True is on."""
    plan = situation["plan"]
    holidays = {date.fromisoformat(text.split(" ")[0]).toordinal() for text in plan.get("holidays", [])}
    holidays |= {date.fromisoformat(text).toordinal() for text in situation.get("dates_of_calendars", [])}
    state = [False] * len(clock.walls)
    if "on" in plan:
        for window in plan["on"]:
            start, stop = time_of(window["from"]), time_of(window["to"])
            for number in range(clock.dates[0] - 1, clock.dates[-1] + 1):
                weekday = WEEKDAYS[date.fromordinal(number).weekday()]
                if weekday not in window["days"] or number in holidays:
                    continue
                last = number if stop > start else number + 1
                for index in range(clock.begins(number * 1440 + start), clock.ends(last * 1440 + stop)):
                    state[index] = True
    elif "start" in plan:
        starts = {index for text in as_list(plan["start"]) for index in Cron(text).fires(clock)}
        stops = {index for text in as_list(plan["stop"]) for index in Cron(text).fires(clock)}
        on = True
        for index in range(len(state)):
            if index in starts and clock.walls[index] // 1440 not in holidays:
                on = True
            if index in stops:
                on = False
            state[index] = on
    else:
        state = [plan["always"] == "on"] * len(state)
    for window in plan.get("once", []):
        for index in range(clock.begins(wall_of(window["from"])), clock.ends(wall_of(window["to"]))):
            state[index] = window["state"] == "on"
    for override in sorted(situation.get("overrides", []), key=lambda override: override["made"]):
        instants = [datetime.fromisoformat(override[key]).timestamp() for key in ("from", "until")]
        start, stop = ((int(instant) - clock.first_stamp) // 60 for instant in instants)
        for index in range(start, stop):
            state[index] = override["state"] == "on"
    return state


def digest(lines):
    return hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()


def main():
    zoneinfo.reset_tzpath(to=[])
    given = json.loads((HERE / "situations.json").read_text())
    begin, end = (datetime.fromisoformat(given[key]) for key in ("from", "to"))
    with open(sys.argv[1], "w") as full, open(sys.argv[2], "w") as summary:
        for out in (full, summary):
            out.write(f"IANA {tzdata.IANA_VERSION}\n")
        for name in given["zones"]:
            clock = Clock(name, begin, end)
            for situation in given["situations"]:
                state = states(situation, clock)
                word = {True: "on", False: "off"}
                changed = [i for i in range(clock.begin + 1, clock.end) if state[i] != state[i - 1]]
                lines = [f"{clock.stamp(i)} {word[state[i]]}" for i in changed]
                counts = [sum(line.endswith(f" {kind}") for line in lines) for kind in ("on", "off")]
                head = f"plan {situation['name']} in {name}: first {word[state[clock.begin]]}"
                head += f", {counts[0]} on, {counts[1]} off, {digest(lines)}\n"
                near = [
                    line
                    for i, line in zip(changed, lines)
                    if any(abs(i - change) < NEAR for change in clock.changes)
                ]
                full.write(head + "".join(line + "\n" for line in lines))
                summary.write(head + "".join(line + "\n" for line in near))
            for text in given["crons"]:
                fired = [i for i in Cron(text).fires(clock) if clock.begin < i < clock.end]
                lines = [clock.stamp(i) for i in fired]
                head = f"cron {text} in {name}: {len(lines)} times, {digest(lines)}\n"
                full.write(head + "".join(line + "\n" for line in lines))
                summary.write(head)


main()
