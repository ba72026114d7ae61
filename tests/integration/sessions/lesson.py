"""A class with a paused recorder, in which things happen at seconds of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tandem.library.v1 import events_pb2 as library
from tandem.sessions.v1 import live_pb2, polls_pb2, questions_pb2, recordings_pb2, sessions_pb2

from services.sessions.domain.skew import Reading
from tests.integration.sessions.forum import Forum
from tests.unit.sessions.recorder import recorded

SECOND = timedelta(seconds=1)
# The recorder ran from 0 s to 600 s and from 900 s to 3,600 s of the class.
RAN = ((0, True), (600, False), (900, True), (3_600, False))
LENGTH = 3_300.0
Kind = recordings_pb2.LinePointKind
Seen = tuple[str, int, str]


class Lesson:
    """A class of an hour with a paused recorder, in which things happen at seconds of it."""

    def __init__(self, forum: Forum) -> None:
        self.forum, self.school = forum, forum.school
        self.session = self.school.live(self.school.room())
        self.began = self.school.clock.now()

    def go_to(self, second: float) -> None:
        """Let time pass until a second of the class."""
        self.school.clock.forward(seconds=(self.began - self.school.clock.now()) / SECOND + second)

    def ask(self, learner: str, text: str) -> questions_pb2.Question:
        """A question that is asked live."""
        return self.forum.ask(learner, text, session_id=self.session.id)

    def poll(self) -> polls_pb2.Poll:
        """A poll that is opened."""
        request = polls_pb2.OpenPollRequest(
            session_id=self.session.id,
            question="What is g?",
            options=["9", "9.8"],
            results_shown=polls_pb2.POLL_RESULTS_AT_ONCE,
        )
        return self.school.staff.OpenPoll(request)

    def raise_hand(self, learner: str) -> None:
        """A learner's hand is raised."""
        request = live_pb2.MoveHandRequest(session_id=self.session.id, raised=True)
        self.school.learner(learner).MoveHand(request)

    def end(self) -> None:
        """The class ends after an hour."""
        self.go_to(3_600)
        self.school.stop(self.session)

    def attach(self, item_id: str, **more: Any) -> None:
        """A recording of the class is attached, with what it contains."""
        more.setdefault("stretches", self._recorded())
        self.school.hear("recordings", library.ItemAvailable(item_id=item_id, seconds=LENGTH))
        self.school.staff.AttachRecording(
            sessions_pb2.AttachRecordingRequest(session_id=self.session.id, item_id=item_id, **more)
        )

    def ask_later(self, item_id: str, second: float) -> questions_pb2.Question:
        """A question that Max asks at a second of a file."""
        place = {"session_id": self.session.id, "item_id": item_id, "offset_seconds": second}
        return self.forum.ask("max", "What was that?", **place)

    def line(self, reader: str = "", size: int = 3) -> list[recordings_pb2.LinePoint]:
        """The line as a learner sees it, page by page; without one, as staff does."""
        stub = self.school.learner(reader) if reader else self.school.staff
        found, token = list[recordings_pb2.LinePoint](), ""
        while True:
            request = recordings_pb2.GetRecordingLineRequest(
                session_id=self.session.id, page_size=size, page_token=token
            )
            page = stub.GetRecordingLine(request)
            found += page.points
            token = page.next_page_token
            if not token:
                return found

    def seen(self, reader: str = "") -> list[Seen]:
        """The same: kind, second and what it is about (or its text)."""
        return [
            (Kind.Name(each.kind)[16:], round(each.second), each.about_id or each.text)
            for each in self.line(reader)
        ]

    def _recorded(self) -> Sequence[recordings_pb2.RecordedStretch]:
        """What the recorder's marks tell, by a clock that is an hour ahead, and is read in up to
        half a second. One mark is there twice.
        """
        hour, delays = timedelta(hours=1), (0.5, 0.2, 0.4, 0.3)
        true = [self.began + second * SECOND for second, _ in RAN]
        readings = [
            Reading(sent=at, theirs=at + delay * SECOND + hour, received=at + delay * SECOND)
            for at, delay in zip(true, delays, strict=True)
        ]
        marks = [(at + hour, runs) for at, (_, runs) in zip(true, RAN, strict=True)]
        found = recorded([*marks, marks[1]], readings, self.began, self.began, true[-1])
        return [stretch(each.starts_at, each.length) for each in found]


def stretch(starts_at: timedelta, length: timedelta) -> recordings_pb2.RecordedStretch:
    """A stretch of a request."""
    made = recordings_pb2.RecordedStretch()
    made.starts_at.FromTimedelta(starts_at)
    made.length.FromTimedelta(length)
    return made
