"""The live classes of a run, and what happens to them."""

import random
from collections.abc import Callable
from datetime import timedelta

import grpc
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import recordings_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from tests.integration.resync.copying import Copying
from tests.integration.sessions.school import RUN, TEACHER, School

LEARNERS = ("learner-0", "learner-1", "learner-2")
HOUR = 3_600
VERDICTS = (
    types_pb2.ATTENDANCE_VERDICT_UNSPECIFIED,
    types_pb2.ATTENDANCE_VERDICT_PRESENT,
    types_pb2.ATTENDANCE_VERDICT_ABSENT,
    types_pb2.ATTENDANCE_VERDICT_EXCUSED,
)
SEATS = (types_pb2.SEAT_KIND_IN_ROOM, types_pb2.SEAT_KIND_ONLINE)


class Lessons:
    """A run with three learners and a room for one, and what its office and teacher do."""

    def __init__(self, school: School, copying: Copying) -> None:
        self.school, self.copying = school, copying
        school.enrol(*LEARNERS)
        school.enrol("guest", mode=types_pb2.ATTENDANCE_MODE_SELF_PACED)
        self.room = school.room(capacity=1)
        self.recorded = 0
        people = [catalog.PersonUpserted(person_id=each) for each in (*LEARNERS, TEACHER)]
        run = catalog.RunOpened(
            run_id=RUN, title="Physics", zone="Europe/Dublin", instructor_ids=[TEACHER]
        )
        places = [
            catalog.EnrolmentCreated(
                enrolment_id=f"e-{each}",
                run_id=RUN,
                learner_id=each,
                mode=types_pb2.ATTENDANCE_MODE_ONLINE,
                enrolled_at=school.at(),
            )
            for each in LEARNERS
        ]
        copying.hear("notify", "notify.people", *people)
        copying.hear("notify", "notify.rosters", run, *places)
        copying.hear("progress", "progress.plans", *people, run, *places)

    def change(self, choice: random.Random) -> None:
        """Do something; what is refused changes nothing."""
        acts: list[Callable[[], object]] = [
            lambda: self.plan(choice),
            lambda: self.plan(choice),
            lambda: self._move(self._any(choice), choice),
            lambda: self._cancel(self._any(choice), choice.choice(["", "instead"])),
            lambda: self._series(choice),
            lambda: self._start(self._any(choice)),
            lambda: self._undo(self._any(choice)),
            lambda: self.hold(self._any(choice)),
            lambda: self.hold(self._any(choice)),
            lambda: self._seat(self._any(choice), choice),
            lambda: self._attach(self._any(choice), choice),
            lambda: self._attach(self._any(choice), choice),
            lambda: self._withdraw(self._any(choice)),
            lambda: self._correct(self._any(choice), choice),
            lambda: self.tell_hours(choice),
        ]
        try:
            choice.choice(acts)()
        except grpc.RpcError as error:
            assert error.code() in (  # noqa: PT017
                grpc.StatusCode.FAILED_PRECONDITION,
                grpc.StatusCode.NOT_FOUND,
                grpc.StatusCode.INVALID_ARGUMENT,
            ), error

    def plan(self, choice: random.Random) -> resources_pb2.Session:
        """A class of an hour at some later time."""
        recorded, materials = choice.choice([(True, []), (False, ["slides"]), (True, ["slides"])])
        return self.school.schedule(
            self.room,
            title=f"Class {choice.random()}",
            starts=self._later(choice),
            recorded=recorded,
            material_item_ids=materials,
        )

    def hold(self, session_id: str) -> None:
        """Begin a class, or one that takes place already, with a learner there; end it."""
        staff = self.school.staff
        session = staff.GetSession(sessions_pb2.GetSessionRequest(session_id=session_id))
        if session.state == resources_pb2.SESSION_STATE_SCHEDULED:
            session = self._start(session_id)
        joins = sessions_pb2.PRESENCE_KIND_JOINED
        self.school.presence_event(session, (LEARNERS[0], joins, 0))
        self.school.clock.forward(minutes=50)
        self.school.end(session)

    def record(self, choice: random.Random) -> None:
        """Plan and hold a class, and attach its recording."""
        session = self.plan(choice)
        self.hold(session.id)
        self._attach(session.id, choice)

    def tell_hours(self, choice: random.Random) -> None:
        """Tell when a teacher can teach."""
        window = resources_pb2.TeachingWindow(
            weekday=choice.randrange(1, 6), start="09:00", end="17:00"
        )
        request = sessions_pb2.SetAvailabilityRequest(
            person_id="bohr", zone="Europe/Dublin", hours=[window]
        )
        self.school.staff.SetAvailability(request)

    def _any(self, choice: random.Random) -> str:
        found = self.school.database.mongo["sessions"].distinct("_id")
        return str(choice.choice(sorted(found))) if found else "none"

    def _later(self, choice: random.Random) -> types_pb2.CivilTime:
        at = self.school.clock.now() + timedelta(hours=choice.randrange(2, 300))
        return types_pb2.CivilTime(local=f"{at:%Y-%m-%dT%H:00:00}", zone="Europe/Dublin")

    def _move(self, session_id: str, choice: random.Random) -> None:
        request = sessions_pb2.MoveSessionRequest(
            session_id=session_id, starts=self._later(choice), reason="The ceiling leaks."
        )
        self.school.staff.MoveSession(request)

    def _cancel(self, session_id: str, item_id: str) -> None:
        request = sessions_pb2.CancelSessionRequest(
            session_id=session_id, reason="Snow.", substitute_item_id=item_id
        )
        self.school.staff.CancelSession(request)

    def _series(self, choice: random.Random) -> None:
        request = sessions_pb2.ScheduleSeriesRequest(
            run_id=RUN,
            title=f"Series {choice.random()}",
            kind=types_pb2.SESSION_KIND_ONLINE,
            instructor_id=TEACHER,
            starts=self._later(choice),
            duration=Duration(seconds=HOUR),
            rrule="FREQ=DAILY;COUNT=3",
        )
        series = self.school.staff.ScheduleSeries(request)
        if choice.random() < 0.5:
            cancelled = sessions_pb2.CancelSeriesRequest(
                series_id=series.id, reason="Snow.", substitute_item_ids=["a", "b", "c"]
            )
            self.school.staff.CancelSeries(cancelled)

    def _start(self, session_id: str) -> resources_pb2.Session:
        request = sessions_pb2.StartSessionRequest(session_id=session_id)
        return self.school.staff.StartSession(request)

    def _undo(self, session_id: str) -> None:
        self.school.staff.UndoStart(sessions_pb2.UndoStartRequest(session_id=session_id))

    def _seat(self, session_id: str, choice: random.Random) -> None:
        session = resources_pb2.Session(id=session_id)
        self.school.choose(session, choice.choice(LEARNERS), choice.choice(SEATS))

    def _attach(self, session_id: str, choice: random.Random) -> None:
        self.recorded += 1
        request = sessions_pb2.AttachRecordingRequest(
            session_id=session_id,
            item_id=f"film-{self.recorded}",
            starts_at_offset=Duration(seconds=self.recorded),
            further_part=choice.random() < 0.5,
            transcript_item_id=choice.choice(["", f"text-{self.recorded}"]),
        )
        self.school.staff.AttachRecording(request)

    def _withdraw(self, session_id: str) -> None:
        request = recordings_pb2.WithdrawRecordingRequest(session_id=session_id, reason="Wrong.")
        self.school.staff.WithdrawRecording(request)

    def _correct(self, session_id: str, choice: random.Random) -> None:
        request = sessions_pb2.CorrectAttendanceRequest(
            session_id=session_id,
            learner_id=choice.choice([*LEARNERS, "guest"]),
            verdict=choice.choice(VERDICTS),
            reason="The list was wrong.",
        )
        self.school.staff.CorrectAttendance(request)
