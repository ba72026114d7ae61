"""Recurrence rules: what is accepted, and what dateutil makes of it."""

from datetime import datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sessions.domain.recurrence import (
    WEEK,
    Frequency,
    Rule,
    counted,
    later_by_days,
    rule_of,
    rule_violations,
    start_violations,
)
from services.sessions.recurrences import instances

DUBLIN = "Europe/Dublin"
MONDAY = datetime(2026, 3, 2, 9)


def times(text: str, start: datetime = MONDAY, zone: str = DUBLIN, most: int = 10) -> list[str]:
    """The local times that a rule gives: month, day and hour."""
    rule = str(rule_of(text, zone))
    return [f"{each:%m-%d %H}" for each in islice(instances(rule, start), most)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FREQ=WEEKLY;COUNT=3", ["03-02 09", "03-09 09", "03-16 09"]),
        ("rrule:freq=weekly;count=2", ["03-02 09", "03-09 09"]),
        ("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3", ["03-02 09", "03-04 09", "03-09 09"]),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=2", ["03-02 09", "03-16 09"]),
        ("FREQ=DAILY;BYDAY=MO,TU;COUNT=3", ["03-02 09", "03-03 09", "03-09 09"]),
        ("FREQ=MONTHLY;BYDAY=1MO;COUNT=2", ["03-02 09", "04-06 09"]),
        ("FREQ=MONTHLY;BYMONTHDAY=2;COUNT=2", ["03-02 09", "04-02 09"]),
        ("FREQ=DAILY;UNTIL=20260303", ["03-02 09", "03-03 09"]),
        ("FREQ=DAILY;UNTIL=20260303T090000", ["03-02 09", "03-03 09"]),
        ("FREQ=DAILY;UNTIL=20260303T085959", ["03-02 09"]),
    ],
)
def test_a_rule_gives_its_times(text: str, found: list[str]) -> None:
    """COUNT counts, UNTIL is inside, a date counts to its end (RFC 5545, section 3.3.10)."""
    assert rule_violations(text) == []
    assert times(text) == found


def test_until_in_utc_is_read_in_the_zone() -> None:
    """In summer, 08:00 UTC is 09:00 in Dublin: the class of that hour is inside."""
    until = "FREQ=DAILY;UNTIL=20260702T080000Z"
    july = datetime(2026, 7, 1, 9)
    assert times(until, july) == ["07-01 09", "07-02 09"]
    assert times(until, july, "America/New_York") == ["07-01 09"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", ["'' is not supported"]),
        ("FREQ=SECONDLY;COUNT=9", ["FREQ is 'SECONDLY'"]),
        ("FREQ=DAILY", ["has no end"]),
        ("COUNT=3", ["has no FREQ"]),
        ("FREQ=DAILY;COUNT=3;UNTIL=20260601", ["has COUNT and UNTIL"]),
        ("FREQ=DAILY;COUNT=999999999999", ["COUNT is"]),
        ("FREQ=DAILY;COUNT=0", ["COUNT is"]),
        ("FREQ=DAILY;COUNT=401", ["COUNT is"]),
        ("FREQ=DAILY;COUNT=\u0663", ["COUNT is"]),
        ("FREQ=DAILY;INTERVAL=0;COUNT=3", ["INTERVAL is"]),
        ("FREQ=WEEKLY;BYDAY=XX;COUNT=3", ["BYDAY is"]),
        ("FREQ=WEEKLY;BYDAY=1MO;COUNT=3", ["BYDAY has a number"]),
        ("FREQ=WEEKLY;BYMONTHDAY=1;COUNT=3", ["has BYMONTHDAY"]),
        ("FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=MO;COUNT=3", ["has BYDAY and BYMONTHDAY"]),
        ("FREQ=MONTHLY;BYMONTHDAY=32;COUNT=3", ["BYMONTHDAY is"]),
        ("FREQ=DAILY;UNTIL=20260230", ["UNTIL is"]),
        ("FREQ=DAILY;UNTIL=00010101T000000Z", ["UNTIL is"]),
        ("FREQ=DAILY;COUNT=3\nDTSTART:19700101T000000", ["COUNT is"]),
        ("FREQ=DAILY;COUNT=3;BYSETPOS=1;BYHOUR=9", ["'BYSETPOS' is", "'BYHOUR' is"]),
        ("FREQ=DAILY;FREQ=DAILY;COUNT=3", ["has FREQ twice"]),
    ],
)
def test_everything_wrong_with_a_rule_is_told(text: str, wrong: list[str]) -> None:
    """All at once, each with what would be right."""
    violations = rule_violations(text)
    assert all(violation.right for violation in violations)
    for violation, start in zip(violations, wrong, strict=True):
        assert violation.wrong.startswith(start)


@given(st.text(max_size=60) | st.from_regex(r"\A(FREQ|COUNT|BYDAY|UNTIL|WKST)=[A-Z0-9,;=-]{0,30}"))
def test_any_text_is_judged(text: str) -> None:
    """Hostile text is refused or read; nothing else happens."""
    if not rule_violations(text):
        assert not rule_violations(str(rule_of(text, "UTC")))


def test_a_start_beside_the_rules_days_is_told() -> None:
    """Such a rule may never give a time, and a library would look for one for long."""
    never = rule_of("FREQ=DAILY;INTERVAL=7;BYDAY=TU;COUNT=3", DUBLIN)
    assert [each.field for each in start_violations(never, MONDAY)] == ["starts"]
    third = rule_of("FREQ=MONTHLY;BYMONTHDAY=3;COUNT=3", DUBLIN)
    assert [each.right for each in start_violations(third, MONDAY)] == ["a day of BYMONTHDAY=3"]
    last = rule_of("FREQ=MONTHLY;BYMONTHDAY=-1,31;COUNT=3", DUBLIN)
    assert list(start_violations(last, datetime(2026, 2, 28, 9))) == []


@st.composite
def rules(draw: st.DrawFn) -> tuple[Rule, datetime]:
    """A rule and a start on one of its days."""
    start = draw(st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1))).replace(
        microsecond=0, second=0
    )
    frequency = draw(st.sampled_from(Frequency))
    days = draw(st.sets(st.sampled_from(WEEK), max_size=4))
    if days:
        days.add(WEEK[start.weekday()])
    rule = Rule(
        frequency,
        interval=draw(st.integers(1, 4)),
        days=tuple(sorted(days)),
        week_start=draw(st.sampled_from(WEEK)),
        count=draw(st.integers(1, 25)),
    )
    return rule, start


@settings(max_examples=40)
@given(rules())
def test_a_rules_text_is_the_rule(given_rule: tuple[Rule, datetime]) -> None:
    """What is written is read again; the start is the first instance; they are in order."""
    rule, start = given_rule
    assert rule_violations(str(rule)) == []
    assert rule_of(str(rule), DUBLIN) == rule
    found = list(instances(str(rule), start))
    assert found[0] == start
    assert len(found) == rule.count
    assert found == sorted(set(found))
    until = counted(rule, 1)
    assert list(instances(str(until), start)) == [start]


@settings(max_examples=40)
@given(rules(), st.integers(-10, 10))
def test_a_shifted_rule_gives_shifted_times(given_rule: tuple[Rule, datetime], days: int) -> None:
    """Each instance of a daily or weekly rule is so many days later, also with an INTERVAL."""
    rule, start = given_rule
    if rule.frequency is Frequency.MONTHLY:
        days = 0
    by = timedelta(days=days, minutes=90)
    shifted = later_by_days(rule, ((start + by).date() - start.date()).days)
    if rule.frequency is Frequency.MONTHLY and (start + by).date() != start.date():
        return
    expected = [each + by for each in instances(str(rule), start)]
    assert list(instances(str(shifted), start + by)) == expected
