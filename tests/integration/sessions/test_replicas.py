"""Sessions' replicas of other services' data, in any order of events."""

import grpc
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.library.v1 import events_pb2 as library
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.domain.enums import AttendanceMode, EnrolmentState
from services.sessions.domain.roster import Enrolment, Person
from tests.integration.sessions.school import RUN, School, refused

ONLINE = types_pb2.ATTENDANCE_MODE_ONLINE
SELF_PACED = types_pb2.ATTENDANCE_MODE_SELF_PACED


def _enrolment(school: School, learner: str) -> Enrolment:
    return school.database.reader().enrolments([(RUN, learner)])[RUN, learner]


def test_enrolments_follow_their_newest_event(school: School) -> None:
    """Each event says its part, whether it comes in order, backwards, or in one batch."""
    created = catalog.EnrolmentCreated(run_id=RUN, learner_id="ada", mode=ONLINE)
    changed = catalog.EnrolmentModeChanged(run_id=RUN, learner_id="ada", to_mode=SELF_PACED)
    withdrawn = catalog.EnrolmentWithdrawn(run_id=RUN, learner_id="bob")
    school.hear("rosters", changed, withdrawn, sequences=[12, 15])
    school.hear("rosters", created, sequences=[11])
    again = catalog.EnrolmentPromoted(run_id=RUN, learner_id="bob", mode=ONLINE)
    waits = catalog.EnrolmentWaitlisted(run_id=RUN, learner_id="bob", mode=ONLINE)
    school.hear("rosters", again, waits, sequences=[14, 13])
    ada, bob = _enrolment(school, "ada"), _enrolment(school, "bob")
    assert (ada.state, ada.mode) == (EnrolmentState.ENROLLED, AttendanceMode.SELF_PACED)
    assert (bob.state, bob.mode) == (EnrolmentState.WITHDRAWN, AttendanceMode.ONLINE)
    school.hear("rosters", again, sequences=[16])
    assert _enrolment(school, "bob").state is EnrolmentState.ENROLLED


def test_an_old_person_replaces_no_newer_one(school: School) -> None:
    """The copy holds what the newest event says, and no more of a person than roles."""
    teacher = catalog.PersonUpserted(
        person_id="emmy", email="emmy@example.edu", roles=[options_pb2.ROLE_INSTRUCTOR]
    )
    former = catalog.PersonUpserted(person_id="emmy", roles=[options_pb2.ROLE_LEARNER])
    school.hear("rosters", former, sequences=[8])
    school.hear("rosters", teacher, sequences=[7])
    assert school.database.reader().replicas(Person, ["emmy"]) == {
        "emmy": Person("emmy", ("LEARNER",), 8)
    }
    (document,) = school.database.mongo["people"].find({"_id": "emmy"})
    assert "example.edu" not in str(document)


def test_who_stops_teaching_is_not_planned(school: School) -> None:
    """The roster's newest word on a guest's role counts."""
    room = school.room()
    former = catalog.PersonUpserted(person_id="bohr", roles=[options_pb2.ROLE_LEARNER])
    school.hear("rosters", former)
    _, text = refused(lambda: school.schedule(room, instructor_id="bohr"))
    assert "unknown as an instructor" in text


def _recording(school: School, item: str) -> resources_pb2.Recording:
    session = school.live(school.room())
    request = sessions_pb2.AttachRecordingRequest(session_id=session.id, item_id=item)
    school.staff.AttachRecording(request)
    return school.get(session).recording


def test_a_recording_is_playable_in_whatever_order_it_was_told(school: School) -> None:
    """The item's event may come before the recording is attached, or after."""
    school.hear("recordings", library.ItemAvailable(item_id="early"))
    assert _recording(school, "early").playable


def test_a_recording_that_failed_says_why(school: School) -> None:
    """The library's reason is shown; a later success takes it back, an older event does not."""
    recording = _recording(school, "film")
    assert (recording.playable, recording.failure) == (False, "")
    failed = library.ItemFailed(item_id="film", reason="no film, but text")
    school.hear("recordings", failed, sequences=[20])
    school.hear("recordings", library.ItemAvailable(item_id="film"), sequences=[19])
    (session,) = school.staff.ListSessions(sessions_pb2.ListSessionsRequest()).sessions
    assert session.recording.failure == "no film, but text"
    school.hear("recordings", library.ItemAvailable(item_id="film"), sequences=[21])
    found = school.get(session).recording
    assert (found.item_id, found.playable, found.failure) == ("film", True, "")


def test_what_the_library_has_refused_is_not_attached(school: School) -> None:
    """Nobody could study it; the reason is told."""
    session = school.live(school.room())
    school.hear("recordings", library.ItemFailed(item_id="film", reason="it has no picture"))
    request = sessions_pb2.AttachRecordingRequest(session_id=session.id, item_id="film")
    code, text = refused(lambda: school.staff.AttachRecording(request))
    assert (code, "it has no picture" in text) == (grpc.StatusCode.FAILED_PRECONDITION, True)
