"""What GetPreferences tells is what happens."""

from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.message import Message as Proto
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2 as sessions

from services.notify import announcer
from services.notify.domain.enums import Category, Channel, Kind
from services.notify.domain.notices import BY_DEFAULT, QUIET, RULES, channels_for
from services.notify.domain.preferences import CategoryPreference
from services.notify.usecases import inbox
from tests.integration.notify.world import HOUR, TEXTS, World

DAY = 24 * HOUR


def one_of_each(world: World) -> None:
    """Ada, who teaches too, gets one notice of each kind."""
    world.people("ada", "grace")
    world.run("ada")
    of_run: Any = {"run_id": "r1", "learner_id": "ada"}
    seat = sessions.SeatPromoted(session_id="s2", title="Waves", **of_run)
    seat.start_time.FromDatetime(world.clock.now() + 2 * DAY)
    swapped = sessions.SeatSwapped(session_id="s2", title="Waves", **of_run)
    swapped.start_time.CopyFrom(seat.start_time)
    offered = sessions.SeatOffered(session_id="s3", title="Waves", **of_run)
    offered.expires_at.FromDatetime(world.clock.now() + HOUR)
    invited = sessions.HelpInvited(session_id="s5", title="Help desk", **of_run)
    invited.answer_by.FromDatetime(world.clock.now() + HOUR)
    idle = sessions.SessionNotHeld(session_id="s3", run_id="r1", instructor_id="ada")
    of_teacher: Any = {"session_id": "s4", "run_id": "r1", "instructor_id": "ada"}
    failed = sessions.MeetingFailed(title="Waves", reason="full", **of_teacher)
    made = sessions.MeetingMade(title="Waves", after_failure=True, **of_teacher)
    for told in (failed, made):
        told.start_time.CopyFrom(seat.start_time)
    for number, starts_in in enumerate((2 * DAY, 2 * DAY, 2 * HOUR)):
        world.schedule(starts_in, f"s{number}")
    moved = sessions.SeriesMoved(series_id="m", run_id="r1", title="Waves")
    moved.occurrences.add().new_end_time.FromDatetime(world.clock.now() + DAY)
    cancelled = sessions.SeriesCancelled(series_id="c", run_id="r1", title="Waves")
    cancelled.occurrences.add().end_time.FromDatetime(world.clock.now() + DAY)
    world.tell(
        moved,
        cancelled,
        catalog.EnrolmentPromoted(enrolment_id="r1-ada", **of_run),
        world.moved(2 * DAY, 3 * DAY, "s0"),
        world.cancelled(2 * DAY, "s1"),
        idle,
        failed,
        made,
        seat,
        swapped,
        offered,
        invited,
        world.assigned("ada"),
        world.changed("ada", "c3"),
        progress.CatchUpCompleted(catch_up_id="c1", enrolment_id="e1", **of_run),
        progress.CatchUpMissed(catch_up_id="c2", enrolment_id="e2", **of_run),
        catalog.DueExtended(enrolment_id="r1-ada", activity_id="essay", **of_run),
        progress.DueApproaching(enrolment_id="r1-ada", activity_id="essay", **of_run),
        progress.DueMissed(enrolment_id="r1-ada", activity_id="quiz", **of_run),
    )
    dues = progress.DuesChanged(enrolment_id="r1-ada", **of_run)
    dues.changes.add(activity_id="quiz").new_due.FromDatetime(world.clock.now() + DAY)
    opened = progress.ActivitiesOpened(enrolment_id="r1-ada", activity_ids=["quiz"], **of_run)
    world.hear("notify.paths", world.event(dues), world.event(opened))
    asked = sessions.QuestionAsked(question_id="q1", run_id="r1", instructor_ids=["ada"])
    answered = sessions.QuestionAnswered(question_id="q2", run_id="r1", asker_id="ada")
    carried = sessions.QuestionCarriedOver(
        question_id="q3", run_id="r1", asker_id="ada", left_open=True
    )
    world.hear("notify.questions", *map(world.event, (asked, answered, carried)))
    taught = catalog.RunOpened(run_id="r2", title="Optics")
    taught.staff.add(person_id="ada", role=options_pb2.STAFF_ROLE_TEACHER)
    world.hear("notify.rosters", world.event(taught))
    world.hear("notify.falling_behind", *(world.event(fall(each)) for each in ("r1", "r2")))
    world.clock.forward(hours=1)
    announcer.tell_dues(world.database, TEXTS)
    announcer.tell_questions(world.database, TEXTS)
    announcer.tell_falls(world.database, TEXTS)
    world.remind()
    world.broadcast()


def fall(run_id: str) -> Proto:
    """Who fell behind: Ada in the run where she learns, someone else where she teaches."""
    learner = "ada" if run_id == "r1" else "grace"
    return progress.LearnerFellBehind(
        enrolment_id=f"{run_id}-{learner}", run_id=run_id, learner_id=learner
    )


TYPES: Mapping[Kind, str] = {
    Kind.ENROLMENT_PROMOTED: "tandem.catalog.enrolment.promoted.v1",
    Kind.SESSION_MOVED: "tandem.sessions.session.moved.v1",
    Kind.SESSION_CANCELLED: "tandem.sessions.session.cancelled.v1",
    Kind.SERIES_MOVED: "tandem.sessions.series.moved.v1",
    Kind.SERIES_CANCELLED: "tandem.sessions.series.cancelled.v1",
    Kind.SESSION_NOT_HELD: "tandem.sessions.session.not_held.v1",
    Kind.MEETING_FAILED: "tandem.sessions.meeting.failed.v1",
    Kind.MEETING_MADE: "tandem.sessions.meeting.made.v1",
    Kind.SEAT_PROMOTED: "tandem.sessions.seat.promoted.v1",
    Kind.SEAT_SWAPPED: "tandem.sessions.seat.swapped.v1",
    Kind.SEAT_OFFERED: "tandem.sessions.seat.offered.v1",
    Kind.HELP_INVITED: "tandem.sessions.help.invited.v1",
    Kind.CATCH_UP_ASSIGNED: "tandem.progress.catch_up.assigned.v1",
    Kind.CATCH_UP_CHANGED: "tandem.progress.catch_up.changed.v1",
    Kind.CATCH_UP_COMPLETED: "tandem.progress.catch_up.completed.v1",
    Kind.CATCH_UP_MISSED: "tandem.progress.catch_up.missed.v1",
    Kind.DUE_EXTENDED: "tandem.catalog.due.extended.v1",
    Kind.DUE_APPROACHING: "tandem.progress.due.approaching.v1",
    Kind.DUE_MISSED: "tandem.progress.due.missed.v1",
    Kind.DUES_CHANGED: "tandem.progress.dues.changed.v1",
    Kind.ACTIVITIES_OPENED: "tandem.progress.activities.opened.v1",
    Kind.QUESTION_ANSWERED: "tandem.sessions.question.answered.v1",
    Kind.QUESTION_CARRIED_OVER: "tandem.sessions.question.carried_over.v1",
    Kind.QUESTIONS_WAITING: "tandem.sessions.question.asked.v1",
    Kind.FELL_BEHIND: "tandem.progress.learner.fell_behind.v1",
    Kind.LEARNERS_FELL_BEHIND: "tandem.progress.learner.fell_behind.v1",
    Kind.REMINDER: "tandem.sessions.session.scheduled.v1",
}


@pytest.mark.parametrize(
    "channels", [None, BY_DEFAULT, QUIET, frozenset({Channel.EMAIL}), frozenset()]
)
def test_each_kind_goes_by_the_channels_that_preferences_tell(
    world: World, channels: frozenset[Channel] | None
) -> None:
    """Without a choice, and with each choice, the channels that GetPreferences tells for a kind's
    category lead to the deliveries that are really made.
    """
    if channels is not None:
        choice = [CategoryPreference(each, tuple(sorted(channels))) for each in Category]
        world.choose("ada", *choice)
    one_of_each(world)
    told = inbox.get_preferences(world.database.reader(), "ada").categories
    by_category = {each.category: frozenset(each.channels) for each in told}
    made = {kind: channels_made(world, type_) for kind, type_ in TYPES.items()}
    assert made == {kind: channels_for(kind, by_category) for kind in TYPES}
    differing = {kind for kind in TYPES if made[kind] != by_category[RULES[kind].category]}
    urgent = {kind for kind in Kind if RULES[kind].urgent}
    assert differing <= {Kind.CATCH_UP_COMPLETED, *urgent}


def channels_made(world: World, event_type: str) -> frozenset[Channel]:
    """The channels of the deliveries about events of a type."""
    rows = world.rows("deliveries", {"person_id": "ada", "event_type": event_type})
    return frozenset(Channel(row["channel"]) for row in rows)
