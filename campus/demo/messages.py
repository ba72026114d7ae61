"""Checks that each person got each message exactly once, and no other message.

The wanted messages follow from the events of the history. They are compared with the delivery log,
the inboxes and the mails.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tandem.notify.v1 import resources_pb2 as notify

from campus.demo.check import Check
from campus.demo.deliveries import deliveries
from campus.demo.question_news import ANSWERED, CARRIED_OVER, digests, to_asker
from campus.demo.questions import ASKERS, CARRIED
from campus.demo.statistics import BEHIND, LEARNERS, STATISTICS, TEACHER
from campus.demo.term import (
    HISTORY,
    LATE_JOINER,
    PHYSICS,
    TUTORIALS,
    address,
    everyone,
    instructor,
)
from campus.demo.watching import askers
from campus.demo.world import World
from campus.platform import Platform
from campus.stack.smtp import read_mail
from chassis.contracts.events import Event

_IN_APP, _EMAIL = notify.CHANNEL_IN_APP, notify.CHANNEL_EMAIL
_INVITED = "tandem.sessions.help.invited.v1"
# Events that lead to a message to their learner, with its channels.
_TO_ITS_LEARNER = {
    "tandem.catalog.enrolment.promoted.v1": (_IN_APP, _EMAIL),
    "tandem.sessions.seat.promoted.v1": (_IN_APP, _EMAIL),
    "tandem.progress.catch_up.assigned.v1": (_IN_APP, _EMAIL),
    "tandem.progress.catch_up.missed.v1": (_IN_APP, _EMAIL),
    "tandem.progress.catch_up.completed.v1": (_IN_APP,),
    "tandem.progress.due.approaching.v1": (_IN_APP, _EMAIL),
    "tandem.progress.due.missed.v1": (_IN_APP, _EMAIL),
    _INVITED: (_IN_APP, _EMAIL),
}
_CANCELLED = "tandem.sessions.session.cancelled.v1"
_SCHEDULED = "tandem.sessions.session.scheduled.v1"
_FELL_BEHIND = "tandem.progress.learner.fell_behind.v1"
_ROOM = ("tandem.sessions.meeting.failed.v1", "tandem.sessions.meeting.made.v1")
"""The provider failed first, so both are told."""

# The event's id, the person and the channel of a message.
MessageKey = tuple[str, str, "notify.Channel.ValueType"]


def check(
    world: World, platform: Platform, events: Sequence[Event[Any]], promoted: list[str]
) -> Iterator[Check]:
    """Yield every check of messages; `promoted`: the learners who got a freed seat."""
    log = list(deliveries(world))
    inboxes = [row for inbox in world.all_at_once(world.inbox, _people()) for row in inbox]
    yield from _deliveries(log, Counter(_wanted(world, events)), digests(events))
    yield from _inboxes(log, inboxes)
    yield from _mails(log, platform)
    for name, (kind, people) in _about(world, promoted).items():
        found = Counter(row.person_id for row in inboxes if row.event_type == kind)
        yield Check(name, dict(sorted(Counter(people).items())), dict(sorted(found.items())))


def _people() -> list[str]:
    return [*everyone(), *LEARNERS, TEACHER]


def _about(world: World, promoted: list[str]) -> Mapping[str, tuple[str, Collection[str]]]:
    """Return checks by name: the type of an event, and who got messages of this type."""
    return {
        "each learner with a catch-up got exactly one message about it": (
            "tandem.progress.catch_up.assigned.v1",
            world.groups["absent"]
            | world.groups["partial"]
            | world.groups["tutorial_absent"]
            | {LATE_JOINER},
        ),
        "the learner with the freed seat got exactly one message": (
            "tandem.sessions.seat.promoted.v1",
            promoted,
        ),
        "everyone in the cancelled class got exactly one message": (
            _CANCELLED,
            _of_cancelled(world),
        ),
        "who asked was told of the answer, once for each question": (
            ANSWERED,
            [asker for name, asker in askers(world).items() if name != CARRIED],
        ),
        "who asked what stays open, and the instructor, were told of it": (
            CARRIED_OVER,
            [ASKERS[CARRIED], instructor(PHYSICS)],
        ),
        "who fell behind and the teacher were told of it": (_FELL_BEHIND, [BEHIND, TEACHER]),
        "who fell behind got exactly one invitation": (_INVITED, [BEHIND]),
        "the instructor was told that the room was missing": (_ROOM[0], [instructor(PHYSICS)]),
        "the instructor was told that the room is there": (_ROOM[1], [instructor(PHYSICS)]),
    }


def _wanted(world: World, events: Sequence[Event[Any]]) -> Iterator[MessageKey]:
    """Yield the messages that the events lead to."""
    for cause in set(digests(events).values()):
        yield from ((cause, instructor(PHYSICS), channel) for channel in (_IN_APP, _EMAIL))
    for event in events:
        # Only the reminder an hour ahead: the one a day ahead was due before the class was
        # scheduled.
        cause = f"{event.id}:1h" if event.type == _SCHEDULED else event.id
        channels = _channels(world, event)
        yield from ((cause, who, channel) for who in _told(world, event) for channel in channels)


def _channels(world: World, event: Event[Any]) -> Sequence["notify.Channel.ValueType"]:
    """Return by which channels people are told of an event."""
    if event.type == _SCHEDULED and event.data.session_id == world.sessions[STATISTICS]:
        return (_IN_APP,)  # of help sessions nobody is reminded by mail
    return _TO_ITS_LEARNER.get(event.type, (_IN_APP, _EMAIL))


def _told(world: World, event: Event[Any]) -> Sequence[str]:
    """Return who is told of an event; of what teachers are told together, only the askers."""
    if event.type in _TO_ITS_LEARNER:
        return [event.data.learner_id]
    if event.type == _FELL_BEHIND:
        return [event.data.learner_id, TEACHER]
    if event.type in _ROOM:
        return [event.data.instructor_id]
    if event.type == _CANCELLED:
        return _of_cancelled(world)
    return _reminded(world, event.data.session_id) if event.type == _SCHEDULED else to_asker(event)


def _reminded(world: World, session_id: str) -> Sequence[str]:
    """Return who is reminded of a class: its learners, or its group; of a cancelled one nobody."""
    expected: dict[str, Sequence[str]] = {
        world.sessions[f"tutorial {name}"]: who for name, who in TUTORIALS.items()
    }
    expected[world.sessions[STATISTICS]] = LEARNERS
    expected[world.sessions[PHYSICS]] = sorted(world.groups["classroom"] | world.groups["online"])
    return expected.get(session_id, [])


def _of_cancelled(world: World) -> list[str]:
    return [*world.learners[HISTORY], instructor(HISTORY)]


def _deliveries(
    log: list[notify.Delivery], wanted: Counter[MessageKey], together: Mapping[str, str]
) -> Iterator[Check]:
    """Yield the checks of the log. `together`: events of one message, by any of them its first."""
    found = Counter(_key(row, together) for row in log)
    yield Check("the number of messages", wanted.total(), found.total())
    yield Check("nobody missed a message", [], _named(wanted - found))
    yield Check("nobody got a message twice, or one for somebody else", [], _named(found - wanted))
    states = {notify.DeliveryState.Name(row.state) for row in log}
    yield Check("every delivery succeeded", {"DELIVERY_STATE_DELIVERED"}, states)


def _key(row: notify.Delivery, together: Mapping[str, str]) -> MessageKey:
    """Return what a delivery is of. Askers are told of an event by itself."""
    is_digest = row.person_id == instructor(PHYSICS)
    cause = together.get(row.event_id, row.event_id) if is_digest else row.event_id
    return cause, row.person_id, row.channel


def _named(keys: Counter[MessageKey]) -> list[tuple[str, str, str]]:
    return sorted(
        (event, person, notify.Channel.Name(channel)) for event, person, channel in keys.elements()
    )


def _inboxes(log: list[notify.Delivery], inboxes: list[notify.Message]) -> Iterator[Check]:
    found = Counter((row.message_id, row.person_id) for row in log if row.channel == _IN_APP)
    there = Counter((row.id, row.person_id) for row in inboxes)
    yield Check("the inboxes match the delivery log", [], _different(found, there))


def _mails(log: list[notify.Delivery], platform: Platform) -> Iterator[Check]:
    folder = platform.environment().get("TANDEM_MAIL_FOLDER")
    if not folder:
        return  # a given mail server keeps its mails elsewhere
    # Urgent changes of one minute come as one mail, with the id of their digest.
    sent = Counter(
        {(row.digest_id or row.id, address(row.person_id)) for row in log if row.channel == _EMAIL}
    )
    arrived = Counter(
        (str(mail["Message-ID"]).strip("<>").partition("@")[0], str(mail["X-Envelope-To"]))
        for mail in read_mail(Path(folder))
    )
    yield Check("the mails that arrived match the delivery log", [], _different(sent, arrived))


def _different(one: Counter[tuple[str, str]], other: Counter[tuple[str, str]]) -> list[Any]:
    return sorted(((one - other) + (other - one)).elements())
