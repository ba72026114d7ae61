"""Whether the day went as it must: what the scenes decided against what the services say."""

import email.message
import re
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tandem.catalog.v1 import catalog_pb2
from tandem.catalog.v1 import resources_pb2 as catalog
from tandem.notify.v1 import notify_pb2
from tandem.notify.v1 import resources_pb2 as notify
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress
from tandem.types.v1 import types_pb2

from campus.demo.deliveries import deliveries
from campus.demo.lecture import attendance
from campus.demo.recording import catch_ups
from campus.demo.term import HISTORY, PHYSICS, PROGRAMMING, PROGRAMMING_PLACES, ROOM_SEATS
from campus.demo.world import World
from campus.platform import Platform
from campus.stack.smtp import read_mail


@dataclass(frozen=True)
class Check:
    """One thing that must hold."""

    name: str
    expected: Any
    actual: Any

    @property
    def ok(self) -> bool:
        """Whether it does."""
        return bool(self.expected == self.actual)


def check(world: World, platform: Platform, events: Counter[str]) -> list[Check]:
    """Every check of the day. `events`: how often each type stands in the history stream."""
    told = list(deliveries(world))
    return [
        *_places(world),
        *_attendance(world),
        *_catch_ups(world),
        *_messages(world, told),
        *_mail(told, platform),
        *_cancelled(world),
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
    yield Check("the rest still waits", left, states[catalog.ENROLMENT_STATE_WAITLISTED])
    yield Check("the room is full, and not overbooked", ROOM_SEATS, len(world.groups["in_room"]))
    yield Check("one seat came free, one learner got it", 1, len(world.groups["promoted"]))


def _attendance(world: World) -> Iterator[Check]:
    verdicts = Counter(attendance(world).values())
    wanted = {
        "present": (types_pb2.ATTENDANCE_VERDICT_PRESENT, "present"),
        "there for a part": (types_pb2.ATTENDANCE_VERDICT_PARTIAL, "partial"),
        "caught up": (types_pb2.ATTENDANCE_VERDICT_CAUGHT_UP, "full"),
    }
    for name, (verdict, group) in wanted.items():
        yield Check(f"learners {name}", len(world.groups[group]), verdicts[verdict])
    missed = len(world.groups["half"] | world.groups["none"])
    yield Check("learners still absent", missed, verdicts[types_pb2.ATTENDANCE_VERDICT_ABSENT])


def _catch_ups(world: World) -> Iterator[Check]:
    found = catch_ups(world)
    by_learner = Counter(row.learner_id for row in found)
    missed = world.groups["half"] | world.groups["none"]
    yield Check(
        "each absent learner has exactly one catch-up, nobody else has any",
        dict.fromkeys(sorted(world.groups["absent"]), 1),
        dict(sorted(by_learner.items())),
    )
    yield Check(
        "who watched all of it completed the catch-up",
        sorted(world.groups["full"]),
        _learners(found, progress.CATCH_UP_STATE_COMPLETED),
    )
    yield Check(
        "who watched a part or nothing missed it",
        sorted(missed),
        _learners(found, progress.CATCH_UP_STATE_MISSED),
    )
    halves = {row.watched_share for row in found if row.learner_id in world.groups["half"]}
    yield Check("ten times the first half is half", {0.5}, {round(share, 3) for share in halves})
    summary = world.staff.progress.ListRunProgress(
        progress_pb2.ListRunProgressRequest(run_id=world.runs[PHYSICS], page_size=1)
    ).summary
    yield Check(
        "the class page agrees: open, completed, missed catch-ups",
        (0, len(world.groups["full"]), len(missed)),
        (summary.open_catch_ups, summary.completed_catch_ups, summary.missed_catch_ups),
    )


def _learners(
    rows: Iterable[progress.CatchUp], state: "progress.CatchUpState.ValueType"
) -> list[str]:
    return sorted(row.learner_id for row in rows if row.state == state)


def _messages(world: World, told: list[notify.Delivery]) -> Iterator[Check]:
    keys = Counter((row.event_id, row.person_id, row.channel) for row in told)
    yield Check(
        "at most one message for each event, person and channel",
        [],
        [key for key, count in keys.items() if count > 1],
    )
    yield Check(
        "every delivery succeeded",
        {"DELIVERED"},
        {notify.DeliveryState.Name(row.state).removeprefix("DELIVERY_STATE_") for row in told},
    )
    assigned = Counter(
        message.person_id
        for learner in sorted(world.groups["absent"])
        for message in _inbox(world, learner)
        if message.event_type == "tandem.progress.catch_up.assigned.v1"
    )
    yield Check(
        "each absent learner was told of the catch-up exactly once",
        dict.fromkeys(sorted(world.groups["absent"]), 1),
        dict(sorted(assigned.items())),
    )


def _inbox(world: World, learner: str) -> list[notify.Message]:
    return list(
        world.as_learner(learner)
        .notify.ListMessages(notify_pb2.ListMessagesRequest(person_id=learner, page_size=100))
        .messages
    )


def _mail(told: list[notify.Delivery], platform: Platform) -> Iterator[Check]:
    folder = platform.environment().get("TANDEM_MAIL_FOLDER")
    if not folder:
        return  # the mail server is somebody else's
    mails: list[email.message.EmailMessage] = read_mail(Path(folder))
    sent = [row for row in told if row.channel == notify.CHANNEL_EMAIL]
    yield Check("as many mails arrived as were delivered", len(sent), len(mails))
    yield Check("no mail arrived twice", len(mails), len({mail["Message-ID"] for mail in mails}))


def _cancelled(world: World) -> Iterator[Check]:
    person = world.learners[HISTORY][-1]
    inbox = Counter(message.category for message in _inbox(world, person))
    yield Check(
        "a learner of the cancelled class was told once, and never reminded",
        (1, 0),
        (inbox[notify.CATEGORY_SESSION], inbox[notify.CATEGORY_REMINDER]),
    )
    page = progress_pb2.GetTimelineRequest(learner_id=person)
    page.from_time.FromJsonString("2026-03-02T00:00:00Z")
    page.until_time.FromJsonString("2026-03-03T00:00:00Z")
    entries = world.as_learner(person).progress.GetTimeline(page).entries
    yield Check(
        "the timeline shows it cancelled, with what stands in for it",
        [(True, world.items["history-reading"])],
        [
            (entry.cancelled, entry.substitute_item_id)
            for entry in entries
            if entry.kind == progress.TIMELINE_KIND_SESSION
        ],
    )


def _history(world: World, events: Counter[str]) -> Iterator[Check]:
    full, absent = len(world.groups["full"]), len(world.groups["absent"])
    expected = {
        "progress.catch_up.assigned": absent,
        "progress.catch_up.completed": full,
        "progress.catch_up.missed": absent - full,
        "sessions.attendance.amended": full,
        "sessions.seat.promoted": 1,
        "sessions.session.cancelled": 1,
        "catalog.enrolment.promoted": 1,
        "library.item.available": len(world.items),
    }
    for name, count in expected.items():
        yield Check(f"history: {name}", count, events[f"tandem.{name}.v1"])


def waiting(platform: Platform) -> int:
    """How many events wait in outboxes, as the metrics say."""
    return _total(_all_metrics(platform), "tandem_outbox_depth")


def _nothing_left(platform: Platform) -> Iterator[Check]:
    metrics = _all_metrics(platform)
    yield Check("no event waits in an outbox", 0, _total(metrics, "tandem_outbox_depth"))
    yield Check("no event was returned or parked", 0, _total(metrics, "tandem_outbox_parked"))
    yield Check("no dead letters", 0, _total(metrics, "tandem_dead_letters"))


def _all_metrics(platform: Platform) -> dict[str, str]:
    return {role.name: _metrics(role.ops_url) for role in platform.roles.values()}


def _metrics(url: str) -> str:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:  # noqa: S310 - our own
        return str(answer.read().decode())


def _total(metrics: dict[str, str], name: str) -> int:
    """The sum of a metric over all roles and labels."""
    line = re.compile(rf"^{name}(?:{{.*}})? (\S+)$", re.MULTILINE)
    return int(sum(float(value) for text in metrics.values() for value in line.findall(text)))
