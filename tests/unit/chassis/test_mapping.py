"""Dataclass <-> message <-> document, by names."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem.catalog.v1 import events_pb2, resources_pb2
from tandem.options.v1 import options_pb2

from chassis.contracts.mapping import (
    from_document,
    from_message,
    is_unknown,
    to_document,
    to_message,
    to_update,
)
from chassis.staff import StaffMember, StaffRole


class AttendanceMode(StrEnum):
    CLASSROOM = "CLASSROOM"
    ONLINE = "ONLINE"
    SELF_PACED = "SELF_PACED"


@dataclass(frozen=True)
class Enrolment:
    id: str
    run_id: str
    learner_id: str
    mode: AttendanceMode | None = None
    enrolled_at: datetime | None = None


class Role(StrEnum):
    LEARNER = "LEARNER"


@dataclass(frozen=True)
class Person:
    id: str
    roles: tuple[Role, ...]


@dataclass(frozen=True)
class After:
    activity_id: str
    offset: timedelta | None = None


@dataclass(frozen=True)
class Rule:
    after_enrolment: timedelta | None = None
    after_activity: After | None = None


@dataclass(frozen=True)
class Activity:
    id: str
    title: str
    requires: tuple[str, ...] = ()
    deadline: Rule | None = None
    optional: bool = False


instants = st.datetimes(
    min_value=datetime(1970, 1, 2), max_value=datetime(9000, 1, 1), timezones=st.just(UTC)
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
spans = st.integers(0, 10**12).map(lambda ms: timedelta(milliseconds=ms))
enrolments = st.builds(
    Enrolment,
    st.text(),
    st.text(),
    st.text(),
    st.none() | st.sampled_from(AttendanceMode),
    st.none() | instants,
)
rules = st.builds(Rule, st.none() | spans, st.none() | st.builds(After, st.text(), spans))
activities = st.builds(
    Activity, st.text(), st.text(), st.lists(st.text()).map(tuple), st.none() | rules, st.booleans()
)


@given(enrolments)
def test_a_dataclass_survives_the_way_through_its_message(enrolment: Enrolment) -> None:
    """What was written into a message is read from it, enums, instants and absences included."""
    assert from_message(to_message(enrolment, resources_pb2.Enrolment), Enrolment) == enrolment


@given(activities)
def test_nested_dataclasses_survive_the_way_through_their_message(activity: Activity) -> None:
    """Nested messages, durations and repeated fields are read as they were written."""
    assert from_message(to_message(activity, resources_pb2.Activity), Activity) == activity


@given(activities)
def test_a_dataclass_survives_the_way_through_its_document(activity: Activity) -> None:
    """What was written into a document is read from it, its id being the document's `_id`."""
    document = to_document(activity)
    assert document["_id"] == activity.id
    assert from_document(document, Activity) == activity


@given(activities, activities)
def test_an_update_makes_one_document_of_another(before: Activity, after: Activity) -> None:
    """It contains only the differences, so equal documents need no write."""
    update = to_update(before, after)
    known, wanted = to_document(before), to_document(after)
    assert known | update == wanted | {"_id": before.id}
    assert all(known[name] != wanted[name] for name in update)
    assert to_update(after, replace(after)) == {}


def test_more_replaces_and_adds_fields() -> None:
    """Fields that only the caller knows are passed beside the dataclass."""
    enrolment = Enrolment("e", "r", "l", AttendanceMode.ONLINE)
    message = to_message(enrolment, events_pb2.EnrolmentCreated, enrolment_id="e", run_id="other")
    assert (message.enrolment_id, message.run_id, message.learner_id) == ("e", "other", "l")
    assert from_message(message, Enrolment, id="x") == replace(enrolment, id="x", run_id="other")


def test_an_enum_value_of_a_newer_version_is_as_unspecified() -> None:
    """An unknown value is None, and is left out of lists."""
    newer: Any = 99
    assert from_message(resources_pb2.Enrolment(mode=newer), Enrolment).mode is None
    person = resources_pb2.Person(id="ada", roles=[newer, options_pb2.ROLE_LEARNER])
    assert from_message(person, Person) == Person("ada", (Role.LEARNER,))


def test_a_field_that_the_message_lacks_needs_a_default() -> None:
    """A dataclass that asks for more than the message has is an error, not a silent gap."""
    with pytest.raises(TypeError, match="'title'"):
        from_message(resources_pb2.Enrolment(id="e"), Activity)


def test_unknown_keys_of_a_document_are_passed_over() -> None:
    """A newer version may have written more into a document than this one reads."""
    assert from_document({"_id": "a", "title": "t", "new": 1}, Activity) == Activity("a", "t")


NEWER_MODE = {"_id": "e", "run_id": "r", "learner_id": "l", "mode": "HOLOGRAM"}
NEWER_ROLE = {"_id": "ada", "roles": ["LEARNER", "CHANCELLOR"]}


def test_an_enum_value_of_a_newer_version_is_read_from_a_document() -> None:
    """It equals no known value, also in a list and where the field may be None."""
    mode = from_document(NEWER_MODE, Enrolment).mode
    assert mode is not None
    assert is_unknown(mode)
    assert mode not in list(AttendanceMode)
    known, newer = from_document(NEWER_ROLE, Person).roles
    assert (known, is_unknown(known), is_unknown(newer)) == (Role.LEARNER, False, True)
    assert from_document(NEWER_ROLE, Person) == from_document(NEWER_ROLE, Person)
    assert list(Role) == [Role.LEARNER]


def test_an_enum_value_of_a_newer_version_is_written_back_as_it_was() -> None:
    """Older code that changes another field of the document does not lose it."""
    changed = replace(from_document(NEWER_MODE, Enrolment), run_id="other")
    stored = bson.decode(bson.encode(to_document(changed)))
    assert stored == {**NEWER_MODE, "run_id": "other", "enrolled_at": None}
    assert to_update(from_document(NEWER_MODE, Enrolment), changed) == {"run_id": "other"}
    assert to_document(from_document(NEWER_ROLE, Person)) == NEWER_ROLE


def test_an_enum_value_of_a_newer_version_is_unspecified_in_messages() -> None:
    """A caller gets UNSPECIFIED for it, and a list without it."""
    message = to_message(from_document(NEWER_MODE, Enrolment), resources_pb2.Enrolment)
    assert (message.mode, message.run_id) == (0, "r")
    person = to_message(from_document(NEWER_ROLE, Person), resources_pb2.Person)
    assert list(person.roles) == [options_pb2.ROLE_LEARNER]


def test_a_staff_role_of_a_newer_version_opens_nothing() -> None:
    """An unknown role includes no known one."""
    document = {"person_id": "ada", "role": "DEAN"}
    role = from_document(document, StaffMember).role
    assert not any(role.includes(least) for least in StaffRole)


def test_an_enum_value_that_the_contract_lacks_is_an_error() -> None:
    """A known value of the domain must be in the contract."""

    class Wrong(StrEnum):
        ELSEWHERE = "ELSEWHERE"

    wrong: Any = Enrolment("e", "r", "l", mode=cast(Any, Wrong.ELSEWHERE))
    with pytest.raises(KeyError):
        to_message(wrong, resources_pb2.Enrolment)
