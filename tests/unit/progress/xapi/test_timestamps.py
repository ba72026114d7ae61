"""Timestamps in both versions, and their instants."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.xapi.timestamps import instant_of, timestamp
from services.progress.domain.xapi.versions import Version

EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T08:00:00Z",
        "2026-03-02t08:00:00z",
        "2026-03-02 08:00:00+00:00",
        "2026-03-02T09:30:00.000000000+01:30",
        "2026-03-02T07:59:60Z",
    ],
)
def test_rfc_3339_is_valid_in_both_versions(text: str) -> None:
    """Each form of RFC 3339 is valid, and tells its instant; a leap second is the second after."""
    assert [timestamp(version)(text) for version in Version] == [(), ()]
    assert instant_of(text) == EIGHT


@pytest.mark.parametrize(
    "text",
    [
        "20260302T080000Z",
        "2026-03-02T08:00",
        "2026-03-02T10+02",
        "2026-W10-1T08:00:00,0Z",
        "20260302T075960",
    ],
)
def test_iso_8601_is_valid_in_the_older_version_only(text: str) -> None:
    """Forms of ISO 8601 beyond RFC 3339 are valid in 1.0.3 and not in 2.0.0; UTC is assumed."""
    assert timestamp(Version.V1_0_3)(text) == ()
    assert timestamp(Version.V2_0_0)(text)
    assert instant_of(text) == EIGHT


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T08:00:00Z",
        "2026-03-02T24:00:00Z",
        "2026-03-02T08:00:00-00:00",
        "2026-03-02T08:00:00-0000",
        "2026-03-02T08:00:00-00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:60Z",
        "01/011/2015",
        "2026-03-02T08:00:00Z\n",
        "٢٠٢٦-03-02T08:00:00Z",
        "",
    ],
)
def test_no_instant_is_no_timestamp(text: str) -> None:
    """Dates that are none, unknown offsets and other texts are refused in both versions."""
    assert all(timestamp(version)(text) for version in Version)
    assert instant_of(text) is None


@given(st.text("0123456789-:TZW+., ", max_size=30) | st.text())
def test_any_text_gives_an_instant_or_none(text: str) -> None:
    """No text raises."""
    instant = instant_of(text)
    assert instant is None or instant.tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_read_back(instant: datetime) -> None:
    """What isoformat writes is read as the same instant, in both versions."""
    assert instant_of(instant.isoformat()) == instant
    assert timestamp(Version.V2_0_0)(instant.isoformat()) == ()
