"""New zone data: what comes starts at another instant, once, whoever notices it."""

import struct
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import CapturingLogger
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions import worker, zone_data
from services.sessions.worker import apply_zone_data
from tests.conftest import FakeClock
from tests.integration.sessions.school import School, race
from tests.integration.sessions.test_series import get, plan

# The form of RFC 8536, version 1: one type of local time, "UTC", and no change of clocks.
UTC_ALL_YEAR = b"TZif" + bytes(16) + struct.pack(">6L", 0, 0, 0, 0, 1, 4) + bytes(6) + b"UTC\0"
HOUR = 3600
SUMMER = [f"2026-04-{day:02d}T12:00:00" for day in (6, 13)]
WINTER_AND_SUMMER = ("03-02 12", "04-06 11", "04-13 11", "05-04 11")
Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Installs zone data of a version in which Dublin has no summer time."""
    path = zoneinfo.TZPATH

    def install(version: str) -> None:
        folder = tmp_path / version
        (folder / "Europe").mkdir(parents=True)
        (folder / "Europe" / "Dublin").write_bytes(UTC_ALL_YEAR)
        (folder / "tzdata.zi").write_text(f"# version {version}\n")
        _read_from([str(folder)])

    yield install
    _read_from(path)


def _read_from(path: "list[str] | tuple[str, ...]") -> None:
    """Let this process read zone data from some folders only."""
    zoneinfo.reset_tzpath(path)
    ZoneInfo.clear_cache()
    zone_data.version.cache_clear()


def starts(school: School) -> list[str]:
    """When the sessions start, in UTC, and by which zone data."""
    rows = school.database.mongo["sessions"].find().sort("start_time")
    return [f"{row['start_time']:%m-%d %H} {row['zone_data']}" for row in rows]


def summer(school: School, room: str) -> resources_pb2.Series:
    """A series of two Mondays in summer, at noon."""
    start = types_pb2.CivilTime(local=SUMMER[0], zone="Europe/Dublin")
    return plan(school, room, starts=start, rrule="FREQ=WEEKLY;COUNT=2")


def test_the_version_of_the_zone_data_is_known(install: Install) -> None:
    """Of the system's data, or of the package where the system has none."""
    assert zone_data.version() > "2020"
    install("2099z")
    assert zone_data.version() == "2099z"
    _read_from(["/nonexistent"])
    assert zone_data.version() > "2020"


def test_what_comes_moves_once(school: School, install: Install) -> None:
    """Noon on the wall is another instant. Each session is told, and the series once, with the
    version as the reason. A repeat, and a replica with older data, change nothing.
    """
    room = school.room()
    series = summer(school, room)
    single = school.schedule(
        room, starts=types_pb2.CivilTime(local="2026-05-04T12:00:00", zone="Europe/Dublin")
    )
    winter = school.schedule(room)
    present = zone_data.version()
    assert starts(school) == [f"{day} {present}" for day in WINTER_AND_SUMMER]
    apply_zone_data(school.database)
    assert school.published(events_pb2.SessionMoved) == []
    install("2099a")
    for _ in range(2):
        apply_zone_data(school.database)
    moved = [f"{day} 2099a" for day in ("03-02 12", "04-06 12", "04-13 12", "05-04 12")]
    assert starts(school) == moved
    told = school.published(events_pb2.SessionMoved)
    assert {each.session_id: each.series_id for each in told} == {
        **{each.session_id: series.id for each in series.occurrences},
        single.id: "",
    }
    assert winter.id not in {each.session_id for each in told}
    assert {each.reason for each in told} == {"new time zone data (2099a)"}
    (event,) = school.published(events_pb2.SeriesMoved)
    assert [each.session_id for each in event.occurrences] == [
        each.session_id for each in series.occurrences
    ]
    assert [
        each.new_start_time.seconds - each.old_start_time.seconds for each in event.occurrences
    ] == [HOUR, HOUR]
    after = get(school, series.id)
    assert [each.starts.local for each in after.occurrences] == SUMMER
    install("2098a")
    apply_zone_data(school.database)
    assert starts(school) == moved


def test_two_replicas_tell_it_once(school: School, install: Install) -> None:
    """Both look at the same sessions at the same time, beside a teacher who moves one of them."""
    series = summer(school, school.room())
    alone = sessions_pb2.MoveSessionRequest(
        session_id=series.occurrences[0].session_id,
        starts=types_pb2.CivilTime(local="2026-04-07T12:00:00", zone="Europe/Dublin"),
    )
    install("2099a")
    calls: list[Callable[[], object]] = [
        lambda: apply_zone_data(school.database),
        lambda: apply_zone_data(school.database),
        lambda: school.api.MoveSession(alone, None),
    ]
    race(lambda call: call(), calls)
    assert starts(school) == ["04-07 12 2099a", "04-13 12 2099a"]
    told = [each.session_id for each in school.published(events_pb2.SessionMoved)]
    assert told.count(series.occurrences[1].session_id) == 1
    by_zone_data = school.published(events_pb2.SeriesMoved)
    assert len([e for each in by_zone_data for e in each.occurrences]) in (1, 2)


def test_what_is_over_stays(school: School, clock: FakeClock, install: Install) -> None:
    """A class that has begun, or was cancelled, is no news."""
    series = summer(school, school.room())
    school.staff.CancelSession(
        sessions_pb2.CancelSessionRequest(session_id=series.occurrences[1].session_id, reason="ill")
    )
    clock.forward(hours=24 * 36)
    install("2099a")
    apply_zone_data(school.database)
    assert school.published(events_pb2.SessionMoved) == []


def test_conflicts_that_arise_stay_and_are_logged(
    school: School, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class that follows by another zone's clocks overlaps then; both stay, and are named."""
    room = school.room()
    summer(school, room)
    other = school.schedule(
        room, starts=types_pb2.CivilTime(local="2026-04-06T12:00:00", zone="UTC"), title="Optics"
    )
    install("2099a")
    log = CapturingLogger()
    monkeypatch.setattr(worker, "log", log)
    apply_zone_data(school.database)
    assert {each.args for each in log.calls} == {("new zone data make sessions conflict",)}
    assert all(other.id in each.kwargs["conflict"] for each in log.calls)
    assert school.get(other) == other


def test_sessions_of_an_older_version_are_looked_at(school: School) -> None:
    """They say nothing of zone data: they get the version, and no news where nothing changed."""
    summer(school, school.room())
    school.database.mongo["sessions"].update_many({}, {"$unset": {"zone_data": 1}})
    apply_zone_data(school.database)
    assert school.published(events_pb2.SessionMoved) == []
    assert school.database.mongo["sessions"].distinct("zone_data") == [zone_data.version()]
