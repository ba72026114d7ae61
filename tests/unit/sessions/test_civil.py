"""Civil times of real zones, across real clock changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.civil import civil_violations, instant_of, normalised
from services.sessions.domain.enums import CivilTime

ZONES = ("Europe/Dublin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia")


@pytest.mark.parametrize(
    ("local", "zone", "utc"),
    [
        ("2026-03-02T09:00:00", "Europe/Dublin", "2026-03-02T09:00:00"),
        ("2026-07-06T09:00", "Europe/Dublin", "2026-07-06T08:00:00"),
        ("2026-03-02T09:00:00", "Asia/Kolkata", "2026-03-02T03:30:00"),
        ("2026-12-31T23:59:59", "Pacific/Kiritimati", "2026-12-31T09:59:59"),
        # an hour of Sunday, 29 March, does not exist in Dublin: before and after it
        ("2026-03-29T00:59:59", "Europe/Dublin", "2026-03-29T00:59:59"),
        ("2026-03-29T02:00:00", "Europe/Dublin", "2026-03-29T01:00:00"),
    ],
)
def test_a_civil_time_is_an_instant(local: str, zone: str, utc: str) -> None:
    """A time on the wall of a place is the instant that its zone's rules say."""
    civil = CivilTime(local, zone)
    assert civil_violations(civil, "starts") == []
    assert instant_of(civil) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "zone", "right"),
    [
        ("2026-03-29T01:30:00", "Europe/Dublin", "2026-03-29T02:30:00"),
        ("2026-03-08T02:00:00", "America/New_York", "2026-03-08T03:00:00"),
        ("2026-10-04T02:15:00", "Australia/Lord_Howe", "2026-10-04T02:45:00"),  # half an hour
        ("2011-12-30T12:00:00", "Pacific/Apia", "2011-12-31T12:00:00"),  # a whole day
    ],
)
def test_a_skipped_time_is_a_violation(local: str, zone: str, right: str) -> None:
    """A time that the clocks skip in spring is refused, with one that would be right."""
    (violation,) = civil_violations(CivilTime(local, zone), "starts")
    assert (violation.field, violation.right) == ("starts.local", f"for example {right}")
    assert civil_violations(CivilTime(right, zone), "starts") == []


@pytest.mark.parametrize(
    ("local", "zone", "utc"),
    [
        ("2026-10-25T01:30:00", "Europe/Dublin", "2026-10-25T00:30:00"),
        ("2026-11-01T01:30:00", "America/New_York", "2026-11-01T05:30:00"),
        ("2026-04-05T01:45:00", "Australia/Lord_Howe", "2026-04-04T14:45:00"),
    ],
)
def test_an_ambiguous_time_is_its_first_occurrence(local: str, zone: str, utc: str) -> None:
    """A time that comes twice in autumn is the first of both (RFC 5545, section 3.3.5)."""
    civil = CivilTime(local, zone)
    assert civil_violations(civil, "starts") == []
    first = instant_of(civil)
    assert first == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert any(
        (first + step).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        == datetime.fromisoformat(local)
        for step in (timedelta(hours=1), timedelta(minutes=30))
    )


@pytest.mark.parametrize(
    ("local", "zone", "fields"),
    [
        ("2026-02-30T09:00:00", "Europe/Dublin", ["starts.local"]),
        ("2026-03-02T25:00:00", "Europe/Dublin", ["starts.local"]),
        ("2026-03-02", "Europe/Dublin", ["starts.local"]),
        ("2026-03-02T09:00:00+01:00", "Europe/Dublin", ["starts.local"]),
        ("2026-03-02T09:00:00.5", "Europe/Dublin", ["starts.local"]),
        ("0001-01-01T00:00:00", "Asia/Tokyo", ["starts.local"]),
        ("9999-12-31T23:59:59", "America/New_York", ["starts.local"]),
        ("2026-03-02T09:00:00", "Europe/Nowhere", ["starts.zone"]),
        ("2026-03-02T09:00:00", "../../etc/passwd", ["starts.zone"]),
        ("2026-03-02T09:00:00", "Europe", ["starts.zone"]),
        ("", "", ["starts.local", "starts.zone"]),
        ("no", "\x00", ["starts.local", "starts.zone"]),
    ],
)
def test_what_is_no_civil_time_is_told(local: str, zone: str, fields: list[str]) -> None:
    """Texts that are no time and names that are no zone are faults, all at once."""
    assert [
        violation.field for violation in civil_violations(CivilTime(local, zone), "starts")
    ] == fields


def test_seconds_are_filled_in() -> None:
    """A time without seconds is kept with them."""
    assert normalised(CivilTime("2026-03-02T09:00", "UTC")).local == "2026-03-02T09:00:00"


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2037, 12, 30)).map(
        lambda d: d.replace(microsecond=0)
    ),
    st.sampled_from(ZONES),
)
def test_an_instant_reads_as_its_civil_time(local: datetime, zone: str) -> None:
    """Whatever has no fault reads on the wall of its place as it was given."""
    civil = CivilTime(local.isoformat(), zone)
    if not civil_violations(civil, "starts"):
        assert instant_of(civil).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
