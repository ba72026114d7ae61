"""Rules of the contracts: every violation is reported, with its path and the right value."""

import math
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as some
from tandem.catalog.v1.catalog_pb2 import (
    BatchEnrolRequest,
    EnrolRow,
    ExtendDueRequest,
    ListCoursesRequest,
    OpenRunRequest,
    PublishPathRequest,
)
from tandem.catalog.v1.resources_pb2 import Activity, Person
from tandem.library.v1.library_pb2 import StartUploadRequest
from tandem.options.v1.options_pb2 import ROLE_LEARNER
from tandem.progress.v1.progress_pb2 import RecordStatementsRequest
from tandem.progress.v1.resources_pb2 import Result, Statement
from tandem.sessions.v1.sessions_pb2 import ScheduleSessionRequest
from tandem.types.v1.types_pb2 import (
    ACTIVITY_KIND_ITEM,
    ATTENDANCE_MODE_ONLINE,
    DELIVERY_MODE_BLENDED,
    SESSION_KIND_ONLINE,
    CivilTime,
)

from chassis.edge.validation import violations_of
from chassis.errors import FieldViolation


def ada(**more: Any) -> Person:
    good: dict[str, Any] = {
        "id": "ada",
        "given_name": "Ada",
        "email": "ada@uni.example",
        "language": "en",
        "zone": "Europe/Dublin",
        "roles": [ROLE_LEARNER],
    }
    return Person(**{**good, **more})


def fields(message: Any, **more: Any) -> list[str]:
    return [violation.field for violation in violations_of(message, **more)]


def test_a_good_message_has_no_violation() -> None:
    """A message that follows the rules passes."""
    assert violations_of(ada()) == []


def test_all_violations_come_at_once() -> None:
    """An empty message lists everything that it lacks."""
    assert fields(OpenRunRequest()) == [
        "course_id",
        "term",
        "delivery_mode",
        "zone",
        "start_date",
        "end_date",
    ]


@pytest.mark.parametrize("blank", [" ", "\t\n", "\u00a0", "\u200b", "\u3164"])
def test_a_text_that_nobody_can_see_is_missing(blank: str) -> None:
    """White space or invisible characters only; where a text may be missing it is no fault."""
    assert violations_of(ada(given_name=blank)) == [
        FieldViolation("given_name", "is missing", "a value")
    ]
    assert violations_of(ada(family_name=blank)) == []


def test_a_violation_says_what_would_be_right() -> None:
    """Each violation says what was wrong and what would be right."""
    assert violations_of(ada(zone="Mars/Base")) == [
        FieldViolation("zone", "is 'Mars/Base'", "an IANA time zone, such as Europe/Dublin")
    ]
    assert "DELIVERY_MODE_BLENDED" in violations_of(OpenRunRequest())[2].right


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "x" * 129}, "id"),
        ({"given_name": "a\0b"}, "given_name"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b\n"}, "email"),
        ({"language": "english language"}, "language"),
        ({"zone": "europe/dublin"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"roles": []}, "roles"),
        ({"roles": [1] * 6}, "roles"),
        ({"roles": [1, 99]}, "roles[1]"),
        ({"roles": [0]}, "roles[0]"),
    ],
)
def test_a_broken_rule_is_told(change: dict[str, Any], field: str) -> None:
    """Lengths, patterns, zones, counts and enum numbers are checked."""
    assert fields(ada(**change)) == [field]


@pytest.mark.parametrize("day", ["2026-02-30", "20260302", "2026-3-2", "tomorrow", "2026-W10-1"])
def test_a_date_is_a_day_of_the_calendar(day: str) -> None:
    """A civil date is written YYYY-MM-DD and exists."""
    request = OpenRunRequest(
        course_id="c",
        term="t",
        delivery_mode=DELIVERY_MODE_BLENDED,
        zone="UTC",
        start_date=day,
        end_date="2026-05-01",
    )
    assert fields(request) == ["start_date"]


def test_paths_lead_into_nested_messages() -> None:
    """Faults inside of messages and rows carry the whole path, below a prefix if there is one."""
    request = PublishPathRequest(
        run_id="r", activities=[Activity(id="ok", title="t", kind=ACTIVITY_KIND_ITEM), Activity()]
    )
    assert fields(request) == ["activities[1].id", "activities[1].title", "activities[1].kind"]
    assert fields(Activity(id="ok", kind=ACTIVITY_KIND_ITEM), prefix="rows[3].") == [
        "rows[3].title"
    ]


def test_absent_messages_are_not_entered() -> None:
    """A message that is not there lacks nothing, unless it is required."""
    assert fields(OpenRunRequest(policy=None))[-1] == "end_date"
    request = ScheduleSessionRequest(
        run_id="r", title="t", kind=SESSION_KIND_ONLINE, instructor_id="i"
    )
    assert fields(request) == ["starts", "duration"]


def test_rows_of_a_batch_can_be_left_out() -> None:
    """Skipped fields are counted, but not entered."""
    batch = BatchEnrolRequest(run_id="r", rows=[EnrolRow(), EnrolRow()])
    assert fields(batch, skip=frozenset({"rows"})) == []
    assert fields(batch) == [
        f"rows[{place}].{name}" for place in (0, 1) for name in ("learner_id", "mode")
    ]
    many = BatchEnrolRequest(run_id="r", rows=[EnrolRow()] * 1001)
    assert fields(many) == ["rows"]


def test_a_list_that_is_too_long_is_one_violation() -> None:
    """A million bad rows don't make a million faults."""
    request = RecordStatementsRequest(statements=[Statement()] * 5000)
    assert fields(request) == ["statements"]


def test_strings_have_a_limit_even_without_a_rule() -> None:
    """A field whose rule names no length takes 1,000 characters."""
    assert fields(ListCoursesRequest(page_token="t" * 501)) == ["page_token"]
    assert fields(StartUploadRequest(run_ids=["r" * 1001]))[-1] == "run_ids[0]"


def test_limits_count_characters() -> None:
    """A name of 200 Cyrillic letters is 200 long, not 400."""
    assert violations_of(ada(given_name="й" * 200)) == []
    assert fields(ada(given_name="й" * 201)) == ["given_name"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.5, -1.1])
def test_numbers_are_finite_and_in_their_range(value: float) -> None:
    """NaN passes no comparison, so it is refused by name."""
    assert fields(Result(scaled_score=value)) == ["scaled_score"]


def test_an_optional_number_may_be_zero_or_absent() -> None:
    """Explicit zero and absence of an optional number are both fine."""
    assert violations_of(Result(scaled_score=0.0)) == []
    assert violations_of(Result()) == []


def test_numbers_that_the_database_can_not_hold_are_refused() -> None:
    """A uint64 beyond 2^63 - 1 would be an error in BSON; it is a violation before."""
    request = StartUploadRequest(size=2**64 - 1)
    assert "size" in fields(request)


@pytest.mark.parametrize(
    "until",
    [
        Timestamp(seconds=2**62),
        Timestamp(seconds=-(2**62)),
        Timestamp(seconds=1, nanos=-1),
        Timestamp(seconds=253402300799),
    ],
)
def test_instants_are_ones_that_a_calendar_holds(until: Timestamp) -> None:
    """Timestamps that overflow date arithmetic are violations of the field."""
    request = ExtendDueRequest(
        run_id="r", learner_id="l", activity_id="a", reason="ill", until=until
    )
    assert fields(request) == ["until"]


def test_durations_are_bounded() -> None:
    """A duration of 10,000 years is a fault, and one whose parts have two signs."""
    for duration in (Duration(seconds=315576000000), Duration(seconds=1, nanos=-1)):
        request = ScheduleSessionRequest(
            run_id="r",
            title="t",
            kind=SESSION_KIND_ONLINE,
            instructor_id="i",
            starts=CivilTime(local="2026-03-02T09:00", zone="UTC"),
            duration=duration,
        )
        assert fields(request) == ["duration"]


@given(some.binary(max_size=200))
def test_any_bytes_that_parse_can_be_checked(raw: bytes) -> None:
    """Checking any message ends with a list of violations."""
    try:
        message = Person.FromString(raw)
    except Exception:
        return
    assert all(violation.field for violation in violations_of(message))


@given(some.text(max_size=300))
def test_any_text_can_be_checked(text: str) -> None:
    """Any text in any field is valid, or gives a short violation."""
    text = text.encode("utf-8", "ignore").decode()
    person = ada(id=text, email=text, language=text, zone=text)
    assert all(len(str(violation)) < 300 for violation in violations_of(person))


def test_enrolment_rows_need_a_mode() -> None:
    """UNSPECIFIED is no value of a required enum."""
    assert violations_of(EnrolRow(learner_id="l", mode=ATTENDANCE_MODE_ONLINE)) == []
    assert fields(EnrolRow(learner_id="l")) == ["mode"]
