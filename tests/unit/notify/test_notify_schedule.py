"""When e-mail is sent: digests' windows and quiet hours, over zones and changes of the clock."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.civil import known_zone
from services.notify.domain.enums import DIGESTS, Frequency, Weekday
from services.notify.domain.schedule import DigestTime, QuietHours, Schedule

# Changes by an hour, by half of one, at midnight; a day that was skipped; zones without changes.
ZONES = (
    "Europe/Dublin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Chatham",
    "UTC",
)
LONGEST = {
    Frequency.HOURLY: timedelta(hours=2),
    Frequency.DAILY: timedelta(days=2),
    Frequency.WEEKLY: timedelta(days=8),
}
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

instants = st.one_of(
    st.datetimes(datetime(1990, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC)),
    # near changes of the clock, and Apia's skipped day
    st.sampled_from(
        [
            datetime(2026, 3, 29, 1, tzinfo=UTC),
            datetime(2026, 10, 25, 1, tzinfo=UTC),
            datetime(2026, 11, 1, 6, tzinfo=UTC),
            datetime(2026, 4, 4, 15, tzinfo=UTC),
            datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
            datetime(2011, 12, 30, 10, tzinfo=UTC),
        ]
    ).flatmap(lambda at: st.integers(-40_000, 40_000).map(lambda s: at + timedelta(seconds=9 * s))),
)
times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
quiet_hours = st.builds(QuietHours, times, times).filter(lambda each: each.start != each.end)
digest_times = st.builds(DigestTime, st.integers(0, 23), st.sampled_from(Weekday))
schedules = st.builds(Schedule, st.sampled_from(ZONES), digest_times, st.none() | quiet_hours)
digests = st.sampled_from(sorted(DIGESTS))


def local(at: datetime, zone: str) -> datetime:
    """An instant by the clock of a zone."""
    return at.astimezone(ZoneInfo(zone))


@given(schedules, digests, instants, st.floats(0, 1, exclude_max=True))
def test_windows_follow_each_other(
    schedule: Schedule, often: Frequency, at: datetime, share: float
) -> None:
    """A window ends after each instant in it, and all instants until its end are in the same one:
    so each message is in exactly one digest, and no window has two.
    """
    end = schedule.send_at(often, at)
    assert end > at
    within = min(at + (end - at) * share, end - timedelta(microseconds=1))
    assert schedule.send_at(often, within) == end
    assert schedule.send_at(often, end) > end


@given(schedules, st.sampled_from(Frequency), instants)
def test_nothing_is_sent_in_quiet_hours(schedule: Schedule, often: Frequency, at: datetime) -> None:
    """What can wait is sent when it is not quiet."""
    if often is not Frequency.OFF:
        sent = schedule.send_at(often, at)
        assert schedule.quiet_until(sent) == sent >= at


@given(schedules, instants, st.floats(0, 1, exclude_max=True))
def test_quiet_hours_end_as_soon_as_they_can(
    schedule: Schedule, at: datetime, share: float
) -> None:
    """Until the instant at which they end it is quiet all the time."""
    end = schedule.quiet_until(at)
    assert schedule.quiet_until(at + (end - at) * share) == end


@given(schedules, instants)
def test_quiet_hours_are_those_of_the_local_clock(schedule: Schedule, at: datetime) -> None:
    """Where the clock does not change within two days, it is quiet exactly if the clock says so."""
    hours, zone = schedule.quiet_hours, schedule.zone
    offsets = {local(at + days * DAY, zone).utcoffset() for days in (-2, -1, 0, 1, 2)}
    if hours is None:
        assert schedule.quiet_until(at) == at
    elif len(offsets) == 1:
        now = f"{local(at, zone):%H:%M}"
        over_midnight = hours.end < hours.start
        within = (now >= hours.start or now < hours.end) if over_midnight else (
            hours.start <= now < hours.end
        )  # fmt: skip
        assert (schedule.quiet_until(at) > at) == within


@given(schedules, digests, instants)
def test_digests_come_by_the_local_clock(
    schedule: Schedule, often: Frequency, at: datetime
) -> None:
    """Without quiet hours a digest comes at the hour and on the day that were chosen, if the clock
    has that hour; and none waits longer than its window.
    """
    free = replace(schedule, quiet_hours=None)
    end = free.send_at(often, at)
    assert end - at <= LONGEST[often]
    shown = local(end, free.zone)
    offsets = {local(end + hours * timedelta(hours=1), free.zone).utcoffset() for hours in (-2, 2)}
    if len(offsets) > 1 or local(end - DAY, free.zone).utcoffset() != shown.utcoffset():
        return  # the clock changes there; the cases below
    assert shown.minute == shown.second == 0
    if often is not Frequency.HOURLY:
        assert shown.hour == free.digest_time.hour
    if often is Frequency.WEEKLY:
        assert list(Weekday)[shown.weekday()] is free.digest_time.weekday


@given(schedules, digests, st.lists(instants, min_size=1, max_size=30))
def test_each_message_is_in_one_digest(
    schedule: Schedule, often: Frequency, created: list[datetime]
) -> None:
    """Whatever is created when: as many windows as digests, none of them empty, nothing lost."""
    digests_of = Counter(schedule.send_at(often, at) for at in created)
    assert digests_of.total() == len(created)
    for end in digests_of:
        started = max((each for each in digests_of if each < end), default=None)
        inside = [at for at in created if at < end and (started is None or at >= started)]
        assert digests_of[end] == len(inside)


def dublin(text: str) -> datetime:
    """An instant by Dublin's clock; in autumn the first of two."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Dublin")).astimezone(UTC)


@pytest.mark.parametrize(
    ("often", "hour", "created", "sent"),
    [
        # 29 March 2026: 01:00 is 02:00; 25 October: 02:00 is 01:00.
        (Frequency.DAILY, 1, "2026-03-28T12:00", "2026-03-29T01:00Z"),
        (Frequency.DAILY, 1, "2026-10-24T12:00", "2026-10-25T00:00Z"),
        (Frequency.DAILY, 7, "2026-03-28T12:00", "2026-03-29T06:00Z"),
        (Frequency.DAILY, 7, "2026-03-29T07:00", "2026-03-30T06:00Z"),
        (Frequency.HOURLY, 7, "2026-03-29T00:30", "2026-03-29T01:00Z"),
        (Frequency.HOURLY, 7, "2026-10-25T01:30", "2026-10-25T01:00Z"),
        (Frequency.WEEKLY, 7, "2026-10-25T12:00", "2026-10-26T07:00Z"),
        (Frequency.WEEKLY, 7, "2026-10-26T07:00", "2026-11-02T07:00Z"),
    ],
)
def test_digests_when_clocks_change(often: Frequency, hour: int, created: str, sent: str) -> None:
    """Of an hour that is skipped the instant of the jump counts, of one that comes twice the first;
    for hourly digests both are full hours.
    """
    schedule = Schedule("Europe/Dublin", DigestTime(hour))
    assert schedule.send_at(often, dublin(created)) == datetime.fromisoformat(sent)


@pytest.mark.parametrize(
    ("start", "end", "at", "until"),
    [
        ("22:00", "07:00", "2026-10-24T23:00", "2026-10-25T07:00Z"),
        ("22:00", "07:00", "2026-03-28T23:00", "2026-03-29T06:00Z"),
        # Both times of 01:30 are in them; the second ends them.
        ("22:00", "01:30", "2026-10-25T01:15", "2026-10-25T01:30Z"),
        ("22:00", "01:30", "2026-03-28T23:00", "2026-03-29T01:00Z"),
        # The first 01:30 begins them.
        ("01:30", "03:00", "2026-10-25T01:45", "2026-10-25T03:00Z"),
        # Both are skipped: there are none that night.
        ("01:10", "01:50", "2026-03-29T02:00", "2026-03-29T01:00Z"),
        # They begin anew, before the hour in which they ended comes again, which is quiet, too.
        ("01:30", "01:00", "2026-10-24T12:00", "2026-10-26T01:00Z"),
    ],
)
def test_quiet_hours_when_clocks_change(start: str, end: str, at: str, until: str) -> None:
    """Of a time that comes twice the first begins them and the second ends them; of one that is
    skipped the instant of the jump counts.
    """
    schedule = Schedule("Europe/Dublin", quiet_hours=QuietHours(start, end))
    assert schedule.quiet_until(dublin(at)) == datetime.fromisoformat(until)


def test_digests_that_fall_into_quiet_hours_are_one() -> None:
    """They come when the quiet hours end, with what has arrived until then."""
    schedule = Schedule("Europe/Dublin", quiet_hours=QuietHours("22:00", "07:30"))
    end = dublin("2026-05-05T07:30")
    for often in (Frequency.HOURLY, Frequency.DAILY):
        for created in ("2026-05-04T21:30", "2026-05-05T03:00", "2026-05-05T07:29"):
            assert schedule.send_at(often, dublin(created)) == end


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc", "a\0b", "Europe"])
def test_a_zone_that_is_unknown_here_is_utc(name: str) -> None:
    """A zone that only a newer system knows stops no mail."""
    assert known_zone(name) == "UTC"
