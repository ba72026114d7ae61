"""Sessions and registrations of cmi5: how long they live, and when a course is satisfied."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.progress.domain.cmi5 import said
from services.progress.domain.cmi5.sessions import (
    GRACE,
    LASTS,
    Registration,
    Unit,
    is_course_satisfied,
    is_satisfied,
    registration_id,
)
from services.progress.domain.enums import ActivityKind, LaunchMethod, MoveOn
from services.progress.domain.path import Activity, AssignableUnit
from services.progress.domain.xapi.credentials import hash_of
from tests.conformance.cmi5.cases import BASE, LAUNCHED, SESSION, at

OWN = LaunchMethod.OWN_WINDOW
SECOND = timedelta(seconds=1)
UNITS = st.builds(Unit, *[st.none() | st.just(LAUNCHED)] * 3)


def test_a_session_opens_with_its_secret_while_it_lives() -> None:
    """Not before the secret was made, not after its end, and not with another secret."""
    fetched = replace(SESSION, secret_hash=hash_of("secret"))
    assert fetched.opens_with("secret", LAUNCHED + LASTS - SECOND)
    assert not fetched.opens_with("secret", LAUNCHED + LASTS)
    assert not fetched.opens_with("other", LAUNCHED)
    assert not SESSION.opens_with("", LAUNCHED)
    ended = replace(fetched, ended_at=at(5))
    assert ended.opens_with("secret", at(5) + GRACE - SECOND)
    assert not ended.opens_with("secret", at(5) + GRACE)
    assert not replace(ended, abandoned=True).opens_with("secret", at(5))


@pytest.mark.parametrize(
    ("move_on", "completed", "passed", "both"),
    [
        (MoveOn.PASSED, False, True, True),
        (MoveOn.COMPLETED, True, False, True),
        (MoveOn.COMPLETED_AND_PASSED, False, False, True),
        (MoveOn.COMPLETED_OR_PASSED, True, True, True),
        (MoveOn.NOT_APPLICABLE, True, True, True),
        (None, False, False, False),
    ],
)
def test_what_meets_move_on(
    move_on: MoveOn | None, completed: bool, passed: bool, both: bool
) -> None:
    """The table of section 13.1.4; a waiver meets each."""
    one, other = Unit(completed_at=at(1)), Unit(passed_at=at(1))
    assert is_satisfied(one, move_on) is completed
    assert is_satisfied(other, move_on) is passed
    assert is_satisfied(replace(one, passed_at=at(2)), move_on) is both
    assert is_satisfied(Unit(), move_on) is (move_on is MoveOn.NOT_APPLICABLE)
    assert is_satisfied(Unit(waived_at=at(1)), move_on)


@given(st.lists(st.tuples(st.sampled_from(MoveOn), UNITS), max_size=4))
def test_a_course_is_satisfied_when_each_of_its_units_is(
    rows: list[tuple[MoveOn, Unit]],
) -> None:
    """Other activities of the path are no matter; a path without units never is."""
    known = {f"au-{place}": unit for place, (_, unit) in enumerate(rows)}
    activities = {
        f"au-{place}": Activity("", "", ActivityKind.ITEM, cmi5=_unit(move_on))
        for place, (move_on, _) in enumerate(rows)
    }
    named = {name: replace(each, id=name) for name, each in activities.items()}
    named["essay"] = Activity("essay", "", ActivityKind.TASK)
    expected = bool(rows) and all(is_satisfied(unit, move_on) for move_on, unit in rows)
    found = Registration("r", "run-1", "ada", units=known)
    assert is_course_satisfied(found, named) is expected


def test_registrations_differ_by_enrolment() -> None:
    """Each has the same one always."""
    assert registration_id(BASE, "e-1") == registration_id(BASE, "e-1")
    assert registration_id(BASE, "e-1") != registration_id(BASE, "e-2")


@settings(max_examples=20)
@given(st.text(max_size=20), st.sampled_from(["", "?a=1", "?a=1&b=%26", "#top"]))
def test_a_launch_url_keeps_the_units_own_parts(key: str, query: str) -> None:
    """Query and fragment stay, and each value is URL-encoded (section 8.1)."""
    url = f"https://pub.example/start{query}"
    parts = urlsplit(said.launch_url(SESSION, replace(_unit(), url=url), key, BASE))
    asked = parse_qs(parts.query, keep_blank_values=True)
    fetch = parse_qs(urlsplit(asked["fetch"][0]).query, keep_blank_values=True)
    assert fetch == {"k": [key]}
    assert parts.fragment == urlsplit(url).fragment
    assert parse_qs(urlsplit(url).query).items() <= asked.items()
    assert asked["registration"] == [SESSION.registration]


def test_an_abandoned_session_lasted_until_its_last_statement() -> None:
    """Zero if there was none, or if the unit's clock was before the launch (section 9.5.4.2)."""
    for last_at, duration in ((None, "PT0.00S"), (at(-1), "PT0.00S"), (at(1.5), "PT90.00S")):
        found = said.abandoned(replace(SESSION, last_at=last_at), BASE, at(60))
        assert found["result"] == {"duration": duration}


def _unit(move_on: MoveOn = MoveOn.PASSED) -> AssignableUnit:
    return AssignableUnit("https://pub.example/quiz", "https://pub.example/start", OWN, move_on)
