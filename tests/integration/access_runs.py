"""Runs with staff and learners, in the database of any service, for the table of who may call.

There are three runs: OWN; OTHER, whose staff and learners are other people; and ENDED, which is
closed. In OWN and ENDED each role of staff has one person, who is named like the role. In OWN
there is a TUTOR, too: a TEACHER of one group, in which the run's learner is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.options.v1 import options_pb2
from tandem.types.v1 import types_pb2

from chassis.clock import SystemClock
from chassis.contracts import events
from chassis.contracts.mapping import to_document
from chassis.data.store import Database, connect
from chassis.staff import StaffMember, StaffRole
from services.catalog.domain.enrolments import Enrolment
from services.catalog.domain.enums import AttendanceMode, DeliveryMode, EnrolmentState, RunState
from services.catalog.domain.runs import DEFAULT_POLICY, Run
from services.catalog.store import CatalogStore
from services.library import worker as library
from services.library.domain.enums import ItemKind, ItemState, UploadState
from services.library.domain.feeds import Feed
from services.library.domain.items import Item, Metadata, Rendition, Upload
from services.library.store import LibraryStore
from services.progress import worker as progress
from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.enums import CatchUpState
from services.progress.domain.xapi.credentials import LrsCredential
from services.progress.store import ProgressStore
from services.sessions import worker as sessions
from services.sessions.domain.feeds import Feed as CalendarFeed
from services.sessions.domain.questions import Question, QuestionPlace
from services.sessions.domain.session import Room
from services.sessions.store import SessionsStore
from tests.unit.sessions.examples import SERIES, poll, session

OWN, OTHER, ENDED, UNKNOWN = "run-own", "run-other", "run-ended", "run-unknown"
RUNS = (OWN, OTHER, ENDED)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ONLINE = types_pb2.ATTENDANCE_MODE_ONLINE
GUEST = "guest"
"""Who holds the sessions of all runs, and is staff of none."""


TUTOR = "tutor"
GROUP, OTHER_GROUP = "group", "other-group"
"""The tutor's group, and one that the tutor has nothing to do with; both of OWN."""


UPLOADER = "uploader"
"""Who uploaded something for each run, has a feed of it, and is staff of none any more."""


def learner_of(run_id: str) -> str:
    """The learner with a place in a run."""
    return f"learner-{run_id}"


def waiting_for(run_id: str) -> str:
    """The learner on a run's waiting list."""
    return f"waiting-{run_id}"


def withdrawn_from(run_id: str) -> str:
    """The learner who left a run."""
    return f"withdrawn-{run_id}"


def about(field: str, run_id: str) -> Mapping[str, Any]:
    """A request's field that names a run, or a thing or a person of it."""
    values: dict[str, Any] = {
        "run_id": run_id,
        "run_ids": [run_id],
        "session_id": f"session-{run_id}",
        "series_id": f"series-{run_id}",
        "person_id": learner_of(run_id),
        "upload_id": f"upload-{run_id}",
        "item_id": f"item-{run_id}",
        "feed_id": f"feed-{run_id}",
        "question_id": f"question-{run_id}",
        "catch_up_id": f"catch-up-{run_id}",
        "poll_id": f"poll-{run_id}",
        "credential_id": f"credential-{run_id}",
    }
    return {field: values[field]} if field else {}


def about_group(field: str, group_id: str) -> Mapping[str, Any]:
    """A request's field that names a thing or a person of a group."""
    learner = learner_of(OWN) if group_id == GROUP else waiting_for(OWN)
    values: dict[str, Any] = {
        "session_id": f"session-{group_id}",
        "series_id": f"series-{group_id}",
        "question_id": f"question-{group_id}",
        "person_id": learner,
        "catch_up_id": f"catch-up-{group_id}",
        "poll_id": f"poll-{group_id}",
    }
    return {field: values[field]}


def staff_of(run_id: str) -> list[StaffMember]:
    """Who works in a run: people named like their roles; in OTHER one stranger."""
    if run_id == OTHER:
        return [StaffMember(person_id="stranger", role=StaffRole.TEACHER)]
    staff = [StaffMember(person_id=role.lower(), role=role) for role in StaffRole]
    if run_id == OWN:
        staff.append(StaffMember(person_id=TUTOR, role=StaffRole.TEACHER, group_ids=(GROUP,)))
    return staff


def groups_of(learner_id: str) -> tuple[str, ...]:
    """A learner's groups in OWN."""
    return {learner_of(OWN): (GROUP,), waiting_for(OWN): (OTHER_GROUP,)}.get(learner_id, ())


def fill(service: str, url: str, name: str) -> None:
    """Put the runs into a service's database, which is migrated."""
    with connect(url, "tests") as client:
        _FILL[service](client, name)


def _fill_catalog(client: Any, name: str) -> None:
    database = Database(client, name, CatalogStore, SystemClock())

    def work(store: CatalogStore) -> None:
        for run_id in RUNS:
            store.put_run(_run(run_id))
            store.add_enrolments(list(_enrolments(run_id)))

    database.transact(work)


def _run(run_id: str) -> Run:
    closed = run_id == ENDED
    return Run(
        id=run_id,
        course_id="course",
        term="2026-spring",
        title="Motion",
        delivery_mode=DeliveryMode.BLENDED,
        zone="Europe/Dublin",
        start_date="2026-01-12",
        end_date="2099-12-31",
        capacity=0,
        instructor_ids=(),
        policy=DEFAULT_POLICY,
        state=RunState.CLOSED if closed else RunState.OPEN,
        closed_at=NOW if closed else None,
    ).staffed(tuple(staff_of(run_id)))


def _enrolments(run_id: str) -> Iterator[Enrolment]:
    people = {
        learner_of(run_id): EnrolmentState.ENROLLED,
        waiting_for(run_id): EnrolmentState.WAITLISTED,
        withdrawn_from(run_id): EnrolmentState.WITHDRAWN,
    }
    for learner_id, state in people.items():
        yield Enrolment(
            id=f"e-{learner_id}",
            run_id=run_id,
            learner_id=learner_id,
            mode=AttendanceMode.ONLINE,
            state=state,
            enrolled_at=NOW,
            group_ids=groups_of(learner_id),
        )


def _fill_library(client: Any, name: str) -> None:
    database = Database(client, name, LibraryStore, SystemClock())
    _hear(database, library.entitlements)

    def work(store: LibraryStore) -> None:
        for run_id in RUNS:
            store.put_item(_item(run_id))
            store.put_upload(_upload(run_id))
            store.put_feed(_feed(run_id))

    database.transact(work)


def _item(run_id: str) -> Item:
    """What somebody uploads who is nobody's staff."""
    return Item(
        id=f"item-{run_id}",
        kind=ItemKind.PDF,
        metadata=Metadata(title="Motion"),
        state=ItemState.UPLOADING,
        run_ids=(run_id,),
        uploaded_by=UPLOADER,
        created_at=NOW,
        promised=Rendition(name="original", media_type="application/pdf", size=9, sha256="ab" * 32),
    )


def _upload(run_id: str) -> Upload:
    return Upload(
        id=f"upload-{run_id}",
        item_id=f"item-{run_id}",
        state=UploadState.OPEN,
        size=9,
        part_size=9,
        multipart="none",
        started_at=NOW,
    )


def _feed(run_id: str) -> Feed:
    return Feed(id=f"feed-{run_id}", run_id=run_id, reader_id=UPLOADER, created_at=NOW)


def _fill_sessions(client: Any, name: str) -> None:
    database = Database(client, name, SessionsStore, SystemClock())
    _hear(database, sessions.rosters)

    def work(store: SessionsStore) -> None:
        store.put_room(Room(id="room", name="Aula", capacity=30))
        for run_id in RUNS:
            store.put_session(session(id=f"session-{run_id}", run_id=run_id, instructor_id=GUEST))
            of_run = replace(SERIES, id=f"series-{run_id}", run_id=run_id, instructor_id=GUEST)
            store.put_series(of_run)
            store.put_feed(_calendar(run_id))
            store.add_poll(poll(id=f"poll-{run_id}", session_id=f"session-{run_id}", run_id=run_id))
            store.add_question(_question(run_id, run_id))
        for group_id in (GROUP, OTHER_GROUP):
            of_group = session(id=f"session-{group_id}", run_id=OWN, group_ids=(group_id,))
            store.put_session(of_group)
            series = replace(SERIES, id=f"series-{group_id}", run_id=OWN, group_ids=(group_id,))
            store.put_series(series)
            store.add_poll(poll(id=f"poll-{group_id}", session_id=of_group.id, run_id=OWN))
            store.add_question(_question(group_id, OWN, group_id))

    database.transact(work)


def _question(name: str, run_id: str, *group_ids: str) -> Question:
    return Question(
        id=f"question-{name}",
        run_id=run_id,
        group_ids=group_ids,
        asker_id="asker",
        text="Why?",
        asked_at=NOW,
        place=QuestionPlace.BETWEEN,
        open_since=NOW,
        session_id=f"session-{name}",
    )


def _calendar(run_id: str) -> CalendarFeed:
    return CalendarFeed(
        id=f"feed-{run_id}", reader_id=UPLOADER, run_id=run_id, room_id="", created_at=NOW
    )


def _fill_progress(client: Any, name: str) -> None:
    database = Database(client, name, ProgressStore, SystemClock())
    _hear(database, progress.plans)
    rows = [
        *(_catch_up(run_id, run_id, learner_of(run_id)) for run_id in RUNS),
        _catch_up(GROUP, OWN, learner_of(OWN)),
        _catch_up(OTHER_GROUP, OWN, waiting_for(OWN)),
    ]
    database.mongo["catch_ups"].insert_many(map(to_document, rows))
    database.mongo["lrs_credentials"].insert_many(map(to_document, map(_credential, RUNS)))


def _credential(run_id: str) -> LrsCredential:
    return LrsCredential(
        id=f"credential-{run_id}",
        name="Motion",
        scopes=("statements/read",),
        run_ids=(run_id,),
        secret_hash="",
        created_at=NOW,
        created_by="registrar",
    )


def _catch_up(name: str, run_id: str, learner_id: str) -> CatchUp:
    return CatchUp(
        id=f"catch-up-{name}",
        run_id=run_id,
        learner_id=learner_id,
        enrolment_id=f"e-{learner_id}",
        session_id="session",
        activity_id="",
        title="Motion",
        item_ids=("film",),
        state=CatchUpState.ASSIGNED,
        assigned_at=NOW,
        due=NOW,
    )


def _hear(database: Database[Any], handle: Callable[[Any, Any], None]) -> None:
    """Apply catalog's events of the runs."""
    told: list[Message] = []
    for run_id in RUNS:
        told += _events(run_id)
    batch = [
        events.Event(str(place), events.event_type(type(data)), "", NOW, "", "", place, "", data)
        for place, data in enumerate(told, 1)
    ]
    database.transact(lambda store: handle(store, batch))


def _events(run_id: str) -> Iterator[Message]:
    staff = [
        catalog_resources.StaffMember(
            person_id=each.person_id,
            role=options_pb2.StaffRole.Value(f"STAFF_ROLE_{each.role}"),
            group_ids=each.group_ids,
        )
        for each in staff_of(run_id)
    ]
    dates: dict[str, Any] = {
        "zone": "Europe/Dublin",
        "start_date": "2026-01-12",
        "end_date": "2099-12-31",
    }
    yield catalog.RunOpened(run_id=run_id, staff=staff, **dates)
    if run_id == ENDED:
        facts = catalog.RunFacts(run_id=run_id, staff=staff, **dates)
        facts.closed_at.FromDatetime(NOW)
        yield catalog.RunClosed(run_id=run_id, run=facts)
    for kind, learner in (
        (catalog.EnrolmentCreated, learner_of(run_id)),
        (catalog.EnrolmentWaitlisted, waiting_for(run_id)),
    ):
        yield kind(enrolment_id=f"e-{learner}", run_id=run_id, learner_id=learner, mode=ONLINE)
        yield catalog.GroupMemberChanged(
            enrolment_id=f"e-{learner}",
            run_id=run_id,
            learner_id=learner,
            group_ids=groups_of(learner),
        )
    gone = withdrawn_from(run_id)
    yield catalog.EnrolmentWithdrawn(enrolment_id=f"e-{gone}", run_id=run_id, learner_id=gone)


def _nothing(_client: Any, _name: str) -> None:
    """Notify's access depends on no run."""


_FILL: Mapping[str, Callable[[Any, str], None]] = {
    "catalog": _fill_catalog,
    "library": _fill_library,
    "sessions": _fill_sessions,
    "progress": _fill_progress,
    "notify": _nothing,
}
