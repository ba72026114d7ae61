"""A learner who does what the platform remembers, with one text in all that is personal; and a
search for it in every store.
"""

import base64
import gzip
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import bson
import grpc
import pymongo
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import advice_pb2, catalog_pb2, resources_pb2
from tandem.library.v1 import library_pb2
from tandem.notify.v1 import notify_pb2
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import progress_pb2
from tandem.sessions.v1 import (
    feedback_pb2,
    live_pb2,
    moderation_pb2,
    questions_pb2,
    sessions_pb2,
)
from tandem.types.v1 import types_pb2

from campus.client import Campus
from campus.platform import Platform
from campus.services import Services
from chassis.archive.archive import Archive
from chassis.archive.archiver import Archiver
from chassis.archive.keys import KeyStore
from chassis.archive.layout import Span
from chassis.archive.store import Bucket
from chassis.data import s3
from chassis.messaging.history import Message
from tests.management import manage
from tests.system.classes import until

# With these bytes a gzip file begins (RFC 1952).
GZIP = b"\x1f\x8b"
ROLE = options_pb2.ROLE_LEARNER


class Someone:
    """A learner in the roster, a teacher, and a run with a class that begins now."""

    def __init__(self, campus: Campus, staff: Services) -> None:
        key = uuid.uuid4().hex
        self.campus, self.staff = campus, staff
        self.secret = f"zq{key[:20]}"
        """Stands in all that is personal."""
        self.id, self.teacher_id = f"someone-{key[20:]}", f"teacher-{key[20:]}"
        self.me = campus.calling_as(self.id, "learner")
        self.teacher = campus.calling_as(self.teacher_id, "instructor")
        self.upsert()
        self._roster_teacher()
        self.run = self._open(key[20:])
        staff.catalog.Enrol(
            catalog_pb2.EnrolRequest(
                run_id=self.run, learner_id=self.id, mode=types_pb2.ATTENDANCE_MODE_ONLINE
            )
        )
        self.session, self.question = "", ""

    def upsert(self) -> catalog_pb2.BatchUpsertPeopleResponse:
        """The student records system tells the person."""
        return self._upsert(self.id, self.secret, f"{self.secret}@example.edu", ROLE)

    def live(self) -> None:
        """Do everything."""
        self._class()
        self._questions()
        self._after_the_class()
        self._study()
        self._settings()
        until("the answer in the inbox", lambda: bool(self._inbox()))

    def _roster_teacher(self) -> None:
        self._upsert(self.teacher_id, "Teacher", "t@example.edu", options_pb2.ROLE_INSTRUCTOR)

    def _upsert(
        self, id_: str, name: str, email: str, role: "options_pb2.Role.ValueType"
    ) -> catalog_pb2.BatchUpsertPeopleResponse:
        person = resources_pb2.Person(
            id=id_, given_name=name, family_name=name, email=email,
            language="en", zone="UTC", roles=[role],
        )  # fmt: skip
        request = catalog_pb2.BatchUpsertPeopleRequest(people=[person])
        return self.staff.catalog.BatchUpsertPeople(request)

    def _open(self, code: str) -> str:
        course = self.staff.catalog.CreateCourse(
            catalog_pb2.CreateCourseRequest(code=code, title="Course")
        )
        run = self.staff.catalog.OpenRun(
            catalog_pb2.OpenRunRequest(
                course_id=course.id,
                term="now",
                delivery_mode=types_pb2.DELIVERY_MODE_BLENDED,
                zone="UTC",
                start_date="2026-01-01",
                end_date="2030-01-01",
                instructor_ids=[self.teacher_id],
            )
        )
        task = resources_pb2.Activity(id="task", title="Task", kind=types_pb2.ACTIVITY_KIND_TASK)
        task.deadline.fixed.FromDatetime(datetime.now(UTC) + timedelta(days=3))
        self.staff.catalog.PublishPath(
            catalog_pb2.PublishPathRequest(run_id=run.id, activities=[task])
        )
        return run.id

    def _class(self) -> None:
        """Chat in a class, come and go."""
        soon = (datetime.now(UTC) + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:00")
        request = sessions_pb2.ScheduleSessionRequest(
            run_id=self.run,
            title="Class",
            kind=types_pb2.SESSION_KIND_ONLINE,
            instructor_id=self.teacher_id,
            starts=types_pb2.CivilTime(local=soon, zone="UTC"),
            duration=Duration(seconds=3600),
            join_url="https://meet.example.edu/x",
        )
        made = self.when_known(lambda: self.staff.sessions.ScheduleSession(request))
        self.session = made.id
        named = {"session_id": self.session}
        self.staff.sessions.StartSession(sessions_pb2.StartSessionRequest(**named))
        mark = sessions_pb2.PresenceMark(learner_id=self.id, kind=sessions_pb2.PRESENCE_KIND_JOINED)
        mark.at.GetCurrentTime()
        self.when_known(
            lambda: self.staff.sessions.RecordPresence(
                sessions_pb2.RecordPresenceRequest(**named, marks=[mark])
            )
        )
        chat = live_pb2.SendChatRequest(**named, text=f"chat {self.secret}")
        self.when_known(lambda: self.me.sessions.SendChat(chat))

    def _questions(self) -> None:
        """Ask in the class and in between, and reply; one is answered."""
        asked: Any = {"run_id": self.run, "learner_id": self.id}
        live = questions_pb2.AskQuestionRequest(
            **asked, session_id=self.session, text=f"live {self.secret}", request_id="live"
        )
        self.me.sessions.AskQuestion(live)
        between = questions_pb2.AskQuestionRequest(**asked, text=f"between {self.secret}")
        self.question = self.me.sessions.AskQuestion(between).question.id
        edited = questions_pb2.EditQuestionRequest(
            question_id=self.question, learner_id=self.id, text=f"edited {self.secret}"
        )
        self.me.sessions.EditQuestion(edited)
        reply = questions_pb2.ReplyToQuestionRequest(
            question_id=self.question, person_id=self.id, text=f"reply {self.secret}"
        )
        self.me.sessions.ReplyToQuestion(reply)
        answer = questions_pb2.AnswerQuestionRequest(
            question_id=self.question, text="So.", request_id=str(uuid.uuid4())
        )
        self.staff.sessions.AnswerQuestion(answer)

    def _after_the_class(self) -> None:
        """Is muted, and leaves feedback; staff corrects the attendance, and extends a deadline."""
        named = {"session_id": self.session}
        mute = moderation_pb2.MutePersonRequest(**named, person_id=self.id, reason=self.secret)
        self.staff.sessions.MutePerson(mute)
        self.staff.sessions.EndSession(sessions_pb2.EndSessionRequest(**named))
        feedback = feedback_pb2.LeaveFeedbackRequest(
            **named, learner_id=self.id, pace=3, clarity=3, usefulness=3,
            comment=f"feedback {self.secret}",
        )  # fmt: skip
        self.when_known(lambda: self.me.sessions.LeaveFeedback(feedback))
        corrected = sessions_pb2.CorrectAttendanceRequest(
            **named,
            learner_id=self.id,
            verdict=types_pb2.ATTENDANCE_VERDICT_EXCUSED,
            reason=f"ill {self.secret}",
        )
        self.when_known(lambda: self.staff.sessions.CorrectAttendance(corrected))
        later = catalog_pb2.ExtendDueRequest(
            run_id=self.run, learner_id=self.id, activity_id="task", reason=f"ill {self.secret}"
        )
        later.until.FromDatetime(datetime.now(UTC) + timedelta(days=30))
        self.staff.catalog.ExtendDue(later)

    def _study(self) -> None:
        """Tell the LRS something, with a name and a text; keep a document there."""
        account = {"homePage": self.campus.xapi_url, "name": self.id}
        actor = {"objectType": "Agent", "name": self.secret, "account": account}
        done = {"id": "http://adlnet.gov/expapi/verbs/completed"}
        run = f"{self.campus.xapi_url}/runs/{self.run}"
        objects = (f"{run}/activities/task", "https://example.edu/elsewhere")
        statements = [
            {
                "id": str(uuid.uuid4()),
                "actor": actor,
                "verb": done,
                "object": {"id": each},
                "result": {"response": f"response {self.secret}"},
                "context": {"contextActivities": {"grouping": [{"id": run}]}},
            }
            for each in objects
        ]
        self.when_known(lambda: self.campus.xapi(self.id, "statements", statements))
        agent = quote(json.dumps({"account": account}))
        path = f"activities/state?activityId={quote(objects[0])}&agent={agent}&stateId=s"
        with suppress(json.JSONDecodeError):  # the answer is empty
            self.campus.xapi(self.id, path, {"about": self.secret})

    def _settings(self) -> None:
        self.me.progress.SetStudyHours(
            progress_pb2.SetStudyHoursRequest(learner_id=self.id, time=Duration(seconds=36_000))
        )
        self.me.catalog.SetPreference(
            advice_pb2.SetPreferenceRequest(
                run_id=self.run, learner_id=self.id, mode=types_pb2.ATTENDANCE_MODE_SELF_PACED
            )
        )
        hours = notify_pb2.SetPreferencesRequest(person_id=self.id, mute_run_ids=["other"])
        self.me.notify.SetPreferences(hours)
        with suppress(grpc.RpcError):  # without pages there are no feeds
            self.me.library.CreateFeed(
                library_pb2.CreateFeedRequest(run_id=self.run, reader_id=self.id)
            )

    def _inbox(self) -> list[Any]:
        request = notify_pb2.ListMessagesRequest(person_id=self.id)
        found = self.me.notify.ListMessages(request).messages
        return [each for each in found if self.secret in each.body]

    def when_known(self, act: Callable[[], Any]) -> Any:
        """The answer, as soon as the services know each other's news."""
        answers: list[Any] = []

        def is_done() -> bool:
            try:
                answers.append(act())
            except (grpc.RpcError, OSError):
                return False
            return True

        until("the services to know what happened", is_done)
        return answers[0]


def places_with(platform: Platform, text: str) -> list[str]:
    """Every place where a text is stored, but the history, which forgets after 30 days, and the
    mails that were sent.
    """
    needle = text.encode()
    found = [*_in_mongo(platform, needle), *_in_s3(platform, needle), *_in_queues(platform, text)]
    for log in platform.folder.rglob("*.log"):
        if needle in log.read_bytes():
            found.append(f"log {log.name}")
    return found


def archived(platform: Platform, text: str) -> bool:
    """Archive the history now; whether anybody who has the keys finds a text in the archive."""
    given = platform.environment()
    bucket = Bucket(
        given["TANDEM_S3_ENDPOINT"],
        given["TANDEM_S3_ACCESS_KEY"],
        given["TANDEM_S3_SECRET_KEY"],
        given.get("TANDEM_S3_REGION", "us-east-1"),
        given.get("TANDEM_ARCHIVE_BUCKET", "tandem-history"),
    )
    with pymongo.MongoClient[Any](given["TANDEM_MONGO_URL"]) as client:
        keys = KeyStore(client["tandem_library"])
        Archiver(given["TANDEM_AMQP_URL"], bucket, keys, lambda: None).archive()
        everything = Archive(bucket, keys).messages(Span(0, 2**62))
        found = [each for each in everything if isinstance(each, Message)]
    assert found
    return any(text.encode() in each.body for each in found)


def _in_mongo(platform: Platform, needle: bytes) -> Iterator[str]:
    with pymongo.MongoClient[Any](platform.environment()["TANDEM_MONGO_URL"]) as client:
        for database in client.list_database_names():
            if database in ("admin", "config", "local"):
                continue
            for collection in client[database].list_collection_names():
                for row in client[database][collection].find():
                    if needle in bson.encode(row):
                        yield f"{database}.{collection}: {row}"


def _in_s3(platform: Platform, needle: bytes) -> Iterator[str]:
    given = platform.environment()
    client = s3.client(
        given["TANDEM_S3_ENDPOINT"],
        given["TANDEM_S3_ACCESS_KEY"],
        given["TANDEM_S3_SECRET_KEY"],
        given.get("TANDEM_S3_REGION", "us-east-1"),
        s3.PATIENT,
    )
    for bucket in client.list_buckets():
        for item in client.list_objects(bucket.name, recursive=True):
            content = client.get_object(bucket.name, item.object_name).read()
            if needle in (gzip.decompress(content) if content[:2] == GZIP else content):
                yield f"s3 {bucket.name}/{item.object_name}"


def _in_queues(platform: Platform, text: str) -> Iterator[str]:
    environment = platform.environment()
    vhost = quote(unquote(urlsplit(environment["TANDEM_AMQP_URL"]).path[1:]) or "/", safe="")
    asked = {"count": 10_000, "ackmode": "ack_requeue_true", "encoding": "base64"}
    for queue in manage(environment, "GET", f"queues/{vhost}"):
        # The broker lets nobody look into queues with one active consumer, whom workers keep empty.
        taken = queue["arguments"].get("x-single-active-consumer")
        if queue["type"] == "stream" or queue["exclusive"] or taken:
            continue
        path = f"queues/{vhost}/{quote(queue['name'], safe='')}/get"
        for message in manage(environment, "POST", path, asked):
            if text.encode() in base64.b64decode(message["payload"]) or text in str(message):
                yield f"queue {queue['name']}"
