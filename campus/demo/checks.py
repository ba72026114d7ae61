"""Compares the decisions of the scenes with the answers of the services."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tandem.catalog.v1 import catalog_pb2
from tandem.catalog.v1 import resources_pb2 as catalog
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress
from tandem.types.v1 import types_pb2

from campus import queues
from campus.demo import (
    afterwards,
    channel,
    help_session,
    late_sync,
    meeting,
    messages,
    offline,
    questions,
    roster,
    timetable,
    watching,
)
from campus.demo.check import Check
from campus.demo.lecture import attendance
from campus.demo.media import RECORDING_SECONDS
from campus.demo.recording import catch_ups
from campus.demo.renditions import found_by, people, qualities, renditions
from campus.demo.term import (
    HISTORY,
    LATE_JOINER,
    PHYSICS,
    PROGRAMMING,
    PROGRAMMING_PLACES,
    ROOM_SEATS,
    TUTOR,
    TUTORIALS,
)
from campus.demo.watching import ALIGNED
from campus.demo.world import World
from campus.outbox_command import states
from campus.platform import ROLES, Platform
from chassis.contracts.events import Event
from chassis.messaging import deadletters


def check(world: World, platform: Platform, events: Sequence[Event[Any]]) -> list[Check]:
    """Return every check of the day. `events`: the events of the history stream, in order."""
    return [
        *_places(world),
        *roster.check(world),
        *_seats(world),
        *timetable.check(world),
        *meeting.check(world),
        *_attendance(world),
        *channel.check(world),
        *questions.check(world),
        *watching.check(world),
        *afterwards.check(world),
        *_catch_ups(world),
        *_reading_due(world),
        *messages.check(world, platform, events, promoted=world.waiting_list[:1]),
        *_cancelled(world),
        *_tutorials(world),
        *_library(world),
        *_offline(world),
        *help_session.check(world),
        *late_sync.check(world, events),
        *_history(world, events),
        *_nothing_left(platform),
    ]


def _places(world: World) -> Iterator[Check]:
    rows = world.staff.catalog.ListEnrolments(
        catalog_pb2.ListEnrolmentsRequest(run_id=world.runs[PROGRAMMING], page_size=1000)
    ).enrolments
    states = Counter(row.state for row in rows)
    left = len(world.learners[PROGRAMMING]) - PROGRAMMING_PLACES - len(world.groups["withdrawn"])
    yield Check(
        "PROG-150 has as many learners as places",
        PROGRAMMING_PLACES,
        states[catalog.ENROLMENT_STATE_ENROLLED],
    )
    yield Check(
        "the other learners are on the waiting list",
        left,
        states[catalog.ENROLMENT_STATE_WAITLISTED],
    )


def _seats(world: World) -> Iterator[Check]:
    waited = world.waiting_list
    kinds = timetable.seats(world)
    (changed,) = world.groups["changed"]
    room, online, waiting = (
        {learner for learner, kind in kinds.items() if kind == wanted}
        for wanted in (
            types_pb2.SEAT_KIND_IN_ROOM,
            types_pb2.SEAT_KIND_ONLINE,
            types_pb2.SEAT_KIND_WAITLISTED,
        )
    )
    left = len(world.groups["classroom"]) - ROOM_SEATS - 1
    yield Check("the room is full, and not overbooked", ROOM_SEATS, len(room))
    yield Check(
        "the learner who changed to online has an online seat", {changed}, {changed} & online
    )
    yield Check(
        "the first learner on the waiting list got the seat", waited[:1], sorted(room & set(waited))
    )
    yield Check(
        "the others are still on the waiting list", (left, set(waited[1:])), (len(waiting), waiting)
    )


def _attendance(world: World) -> Iterator[Check]:
    verdicts = Counter(attendance(world).values())
    wanted = {
        "present": (types_pb2.ATTENDANCE_VERDICT_PRESENT, "present"),
        "excused": (types_pb2.ATTENDANCE_VERDICT_EXCUSED, "excused"),
    }
    for name, (verdict, group) in wanted.items():
        yield Check(f"learners {name}", len(world.groups[group]), verdicts[verdict])
    caught_up = len(_caught_up(world))
    found = verdicts[types_pb2.ATTENDANCE_VERDICT_CAUGHT_UP]
    yield Check("learners caught up", caught_up, found)
    partly = verdicts[types_pb2.ATTENDANCE_VERDICT_PARTIAL]
    yield Check("nobody is only partly present any more", 0, partly)
    missed = (world.groups["half"] | world.groups["none"]) - world.groups["seatless"]
    yield Check("learners still absent", len(missed), verdicts[types_pb2.ATTENDANCE_VERDICT_ABSENT])


def _caught_up(world: World) -> set[str]:
    """Return who made up for the lecture in time."""
    return world.groups["full"] | world.groups["partial"] | world.groups["offline"]


def _catch_ups(world: World) -> Iterator[Check]:
    found = catch_ups(world)
    by_learner = Counter(row.learner_id for row in found)
    missed = world.groups["half"] | world.groups["none"]
    yield Check(
        "each learner who missed the class, or a part of it, has exactly one catch-up",
        dict.fromkeys(sorted(world.groups["absent"] | world.groups["partial"]), 1),
        dict(sorted(by_learner.items())),
    )
    yield Check(
        "learners who watched everything that they had missed completed the catch-up",
        sorted(_caught_up(world)),
        _learners(found, progress.CATCH_UP_STATE_COMPLETED),
    )
    yield Check(
        "learners who watched half or nothing missed the catch-up",
        sorted(missed),
        _learners(found, progress.CATCH_UP_STATE_MISSED),
    )
    halves = {row.watched_share for row in found if row.learner_id in world.groups["half"]}
    yield Check(
        "the first half, watched ten times, counts as one half",
        {0.5},
        {round(share, 3) for share in halves},
    )
    parts = {
        tuple((_aligned(part.start), _aligned(part.end)) for part in row.missed)
        for row in found
        if row.learner_id in world.groups["partial"]
    }
    yield Check(
        "who left early was asked for the parts before and after, on the recording's time line",
        {((0.0, 180.0), (1080.0, RECORDING_SECONDS))},
        parts,
    )
    summary = world.staff.progress.ListRunProgress(
        progress_pb2.ListRunProgressRequest(run_id=world.runs[PHYSICS], page_size=1)
    ).summary
    yield Check(
        "the class page counts open, completed and missed catch-ups",
        (0, len(_caught_up(world)), len(missed)),
        (summary.open_catch_ups, summary.completed_catch_ups, summary.missed_catch_ups),
    )


def _aligned(second: float) -> float:
    """Return a second as it would be if the clocks of platform and provider did not differ: what is
    known of a provider's clock is up to two seconds wrong.
    """
    return round(second / (2 * ALIGNED)) * 2 * ALIGNED


def _reading_due(world: World) -> Iterator[Check]:
    learner = world.learners[PHYSICS][0]
    answer = world.staff.progress.GetProgress(
        progress_pb2.GetProgressRequest(run_id=world.runs[PHYSICS], learner_id=learner)
    )
    dues = {each.activity_id: each.due.ToJsonString() for each in answer.activities}
    yield Check("the reading is due on Tuesday at 23:59", "2026-03-03T23:59:00Z", dues["reading"])


def _learners(
    rows: Iterable[progress.CatchUp], state: "progress.CatchUpState.ValueType"
) -> list[str]:
    return sorted(row.learner_id for row in rows if row.state == state)


def _cancelled(world: World) -> Iterator[Check]:
    person = world.learners[HISTORY][-1]
    page = progress_pb2.GetTimelineRequest(learner_id=person)
    page.from_time.FromJsonString("2026-03-02T00:00:00Z")
    page.until_time.FromJsonString("2026-03-03T00:00:00Z")
    entries = world.as_learner(person).progress.GetTimeline(page).entries
    yield Check(
        "the timeline shows the cancelled class and the reading",
        [(True, world.items["history-reading"])],
        [
            (entry.cancelled, entry.substitute_item_id)
            for entry in entries
            if entry.kind == progress.TIMELINE_KIND_SESSION
        ],
    )


def _tutorials(world: World) -> Iterator[Check]:
    (absent,) = world.groups["tutorial_absent"]
    verdicts = {name: attendance(world, world.sessions[f"tutorial {name}"]) for name in TUTORIALS}
    yield Check(
        "each tutorial expected its own group only",
        {
            "A": sorted(TUTORIALS["A"]),
            "B": sorted({*TUTORIALS["B"], absent, LATE_JOINER}),
        },
        {name: sorted(rows) for name, rows in verdicts.items()},
    )
    yield Check(
        "the learner who went to the other group's tutorial has nothing to catch up",
        (types_pb2.ATTENDANCE_VERDICT_ABSENT, types_pb2.ATTENDANCE_VERDICT_PRESENT, []),
        (verdicts["A"][absent], verdicts["B"][absent], _catch_ups_in(world, HISTORY, absent)),
    )
    yield Check(
        "the late joiner completed the catch-up of the group's tutorial",
        [progress.CATCH_UP_STATE_COMPLETED],
        _catch_ups_in(world, HISTORY, LATE_JOINER),
    )
    tutor = world.as_instructor(TUTOR)
    seen = tutor.progress.ListRunProgress(
        progress_pb2.ListRunProgressRequest(run_id=world.runs[HISTORY])
    ).learners
    yield Check(
        "the tutor sees the learners of the own group only",
        sorted(TUTORIALS["A"]),
        sorted(row.learner_id for row in seen),
    )


def _catch_ups_in(world: World, code: str, learner: str) -> list["progress.CatchUpState.ValueType"]:
    request = progress_pb2.ListCatchUpsRequest(run_id=world.runs[code], learner_id=learner)
    return [row.state for row in world.staff.progress.ListCatchUps(request).catch_ups]


def _history(world: World, events: Sequence[Event[Any]]) -> Iterator[Check]:
    caught_up, absent = len(_caught_up(world)), len(world.groups["absent"])
    partial, physics = len(world.groups["partial"]), len(world.learners[PHYSICS])
    expected = {
        "progress.catch_up.assigned": absent + partial + 2,
        "progress.catch_up.completed": caught_up + 1,
        "progress.catch_up.withdrawn": 1,
        # of the offline learner, too, who was in time after all
        "progress.catch_up.missed": absent - len(world.groups["full"]),
        "sessions.attendance.amended": caught_up + 1,
        # of the reading and the quiz; the clock jumps over the notice of the worksheet
        "progress.due.approaching": 2 * physics,
        # of the reading and the worksheet, and of the exercise of who fell behind
        "progress.due.missed": 2 * physics + 1,
        "progress.learner.fell_behind": 1,
        "progress.learner.recovered": 1,
        "sessions.help.invited": 1,
        "catalog.group.changed": len(TUTORIALS),
        "catalog.group.member_changed": sum(map(len, TUTORIALS.values())) + 1,
        "sessions.attendance.corrected": 1,
        "sessions.meeting.failed": 1,
        "sessions.meeting.made": 1,
        "sessions.question.asked": len(questions.TEXTS),
        "sessions.question.merged": 1,
        # of the merged one, too
        "sessions.question.answered": len(questions.TEXTS) - 1,
        "sessions.question.carried_over": 1,
        "sessions.seat.promoted": 1,
        "sessions.session.cancelled": 1,
        "catalog.enrolment.promoted": 1,
        "library.item.available": len(world.items),
        "library.item.rendition_available": sum(
            len(renditions(world, name)) - 1 for name in world.items
        ),
        "library.item.processing_failed": 0,
    }
    found = Counter(event.type for event in events)
    for name, count in expected.items():
        yield Check(f"history: {name}", count, found[f"tandem.{name}.v1"])


def _library(world: World) -> Iterator[Check]:
    learner, outsider = people(world)
    recording = world.items["recording"]
    yield Check(
        "the recording has a poster and a lower quality",
        ["original", "poster", "240p"],
        renditions(world, "recording"),
    )
    yield Check(
        "a player finds the quality in the playlist", ["240p.m3u8"], qualities(world, learner)
    )
    yield Check("a learner of the run finds the recording", [recording], found_by(world, learner))
    yield Check("who is not in the run finds nothing", [], found_by(world, outsider))


def _offline(world: World) -> Iterator[Check]:
    learner, outsider = people(world)
    reading, recording = world.items["physics-reading"], world.items["recording"]
    pack, small = (offline.built(world, learner, most) for most in (offline.LARGE, offline.SMALL))
    yield Check(
        "the week's pack has the reading and the recording",
        ([reading, recording], []),
        ([item.item_id for item in pack.items], list(pack.left_out)),
    )
    yield Check(
        "its ZIP has a page and a file for each item",
        [offline.PAGE, "0001-Physics-reading.pdf", "0002-Lecture-motion-recording.mp4"],
        offline.files(pack),
    )
    yield Check(
        "a smaller budget leaves the recording out, and is kept",
        ([recording], True),
        (list(small.left_out), small.size <= offline.SMALL),
    )
    yield Check("who is not in the run gets no pack", True, offline.is_denied(world, outsider))


def _nothing_left(platform: Platform) -> Iterator[Check]:
    environment = platform.environment()
    outboxes = states(environment["TANDEM_MONGO_URL"], ROLES)
    yield Check(
        "no event waits or is parked in an outbox",
        dict.fromkeys(ROLES, (0, 0)),
        {each.service: (each.waiting, each.parked) for each in outboxes},
    )
    dead = deadletters.count(environment["TANDEM_AMQP_URL"], queues.names())
    yield Check("no dead letters", dict.fromkeys(queues.names(), 0), dead)
