"""Notify's subscriptions, timers and jobs, and the handlers of events but those of classes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from tandem.catalog.v1 import events_pb2 as catalog
from tandem.library.v1 import events_pb2 as library
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2

from chassis.clock import Clock
from chassis.contracts.events import Event
from chassis.contracts.mapping import enum_name, from_message
from chassis.jobs import Jobs
from chassis.messaging.subscriptions import Subscription, Timer, Wait
from chassis.replicas import upsert_if_newer
from chassis.runs import end_of, facts_of
from services.notify import (
    announcer,
    behind_events,
    class_events,
    path_events,
    privacy,
    question_events,
    sender,
    sender_short,
    triggers,
    webhook_events,
)
from services.notify.carriers import OFF, Carriers
from services.notify.class_events import CLASSES, Leads
from services.notify.domain.enums import AttendanceMode, EnrolmentState
from services.notify.domain.notices import NotKnownYet
from services.notify.domain.people import (
    CatchUp,
    Due,
    EnrolmentUpdate,
    Item,
    Path,
    Person,
    Run,
    SeatOffer,
    Series,
    due_id,
    offer_id,
)
from services.notify.mail import MailServer
from services.notify.ports import Texts
from services.notify.rates import Limits
from services.notify.store import NotifyStore
from services.notify.usecases import replicas
from services.notify.usecases.digests import place_anew
from services.notify.usecases.notifications import Addressed, notify

Batch = Sequence[Event[Any]]
T = TypeVar("T")
# Seconds. People are to be notified at once; a query that finds nothing costs a millisecond.
EVERY = timedelta(milliseconds=500)
_PEOPLE = frozenset({catalog.PersonUpserted})
# Events that need no inbox rows. EnrolmentCreated, EnrolmentPromoted and GroupMemberChanged are not
# among them: they also add the learner to earlier broadcasts.
_RUNS = (
    catalog.RunOpened,
    catalog.RunUpdated,
    catalog.RunStaffChanged,
    catalog.RunClosed,
    catalog.RunReopened,
)
_ITEMS = (library.ItemAvailable, library.ItemUpdated)
_REPLICAS = frozenset(
    {
        *_RUNS,
        catalog.PathPublished,
        *_ITEMS,
        catalog.EnrolmentModeChanged,
        catalog.EnrolmentWaitlisted,
        catalog.EnrolmentWithdrawn,
    }
)


def subscriptions(texts: Texts, leads: Leads) -> tuple[Subscription[NotifyStore], ...]:
    """Return notify's subscriptions. `leads`: the lead times of reminders before a session."""

    def trigger(store: NotifyStore, batch: Batch) -> None:
        _triggers(store, batch, texts, leads)

    return (
        Subscription(
            "notify.people", (catalog.PersonUpserted,), _people, replacing=_PEOPLE, resync=_people
        ),
        Subscription(
            "notify.rosters",
            (
                *_RUNS,
                catalog.EnrolmentCreated,
                catalog.EnrolmentWaitlisted,
                catalog.EnrolmentPromoted,
                catalog.EnrolmentWithdrawn,
                catalog.EnrolmentModeChanged,
                catalog.GroupMemberChanged,
                catalog.PathPublished,
                *_ITEMS,
            ),
            _rosters,
            replacing=_REPLICAS,
            resync=_rosters_anew,
        ),
        Subscription(
            "notify.triggers",
            tuple(each for each in _TRIGGERS if each not in _SEATS),
            trigger,
            partitioned=True,
            former=_SEATS,
            resync=lambda store, batch: class_events.restore(store, batch, leads),
            resync_types=class_events.RESTORED,
        ),
        # A queue of its own: an offer of a seat ends soon, and must not wait behind the classes
        # that a closure cancels.
        Subscription("notify.seats", _SEATS, trigger),
        # A queue of its own: a corrected path moves the dues of a hundred thousand learners, and
        # urgent news must not wait for that.
        Subscription(
            "notify.paths",
            path_events.TYPES,
            lambda store, batch: path_events.handle(store, batch, texts),
            partitioned=True,
        ),
        # So also questions: a class may leave thousands open.
        Subscription(
            "notify.questions",
            question_events.TYPES,
            lambda store, batch: question_events.handle(store, batch, texts),
            partitioned=True,
        ),
        # And falls: silence may let a whole run fall behind on one day.
        Subscription("notify.falling_behind", behind_events.TYPES, behind_events.handle),
        privacy.subscription(),
        webhook_events.subscription(),
    )


def timers(
    texts: Texts, system: Clock, kept: Mapping[str, timedelta]
) -> tuple[Timer[NotifyStore], ...]:
    """Return notify's timers. `system`: the system's clock; `kept`: how long documents are kept, by
    collection.
    """
    return (
        Timer("remind", EVERY, announcer.remind),
        Timer("broadcast", EVERY, lambda database: announcer.broadcast(database, texts, system)),
        Timer("dues", EVERY, lambda database: announcer.tell_dues(database, texts)),
        Timer("questions", EVERY, lambda database: announcer.tell_questions(database, texts)),
        Timer("falls", EVERY, lambda database: announcer.tell_falls(database, texts)),
        Timer("digests", EVERY, announcer.release),
        Timer("watch", timedelta(seconds=5), announcer.watch),
        Timer("webhooks", timedelta(seconds=15), lambda each: webhook_events.watch(each, system)),
        Timer("forget", timedelta(minutes=1), lambda database: announcer.forget(database, kept)),
        Timer("adopt", timedelta(minutes=1), announcer.adopt),
    )


def jobs(
    texts: Texts,
    servers: Callable[[], MailServer],
    attempts: int,
    system: Clock,
    limits: Limits,
    carriers: Carriers = OFF,
) -> tuple[Jobs[NotifyStore], ...]:
    """Return the jobs of all workers. `attempts`: the largest number of attempts for one mail;
    `system`: the system's clock; `limits`: opens the limit of the mail server's rate; `carriers`:
    of text messages and notifications.
    """
    codes, gateway_rate = carriers.codes, carriers.gateway_rate(system)
    return (
        sender.mail(texts, servers, attempts, system, limits),
        sender.digests(texts, servers, attempts, system, limits),
        sender_short.sms(texts, carriers.gateways, system, gateway_rate),
        sender_short.push(texts, carriers.push_services, system, carriers.push_rates(system)),
        *([sender_short.codes(texts, carriers.gateways, codes, gateway_rate)] if codes else ()),
        announcer.chunks(texts),
        privacy.jobs(),
    )


def _people(store: NotifyStore, batch: Batch) -> None:
    arrived = list(map(_person, batch))
    before = store.people({each.id for each in arrived})
    upsert_if_newer(store, Person, arrived)
    moved = {each.id for each in arrived if each.id in before
             and each.zone != before[each.id].zone}  # fmt: skip
    if moved:
        place_anew(store, moved)


def _person(event: Event[Any]) -> Person:
    data = event.data
    name = " ".join(filter(None, (data.given_name, data.family_name)))
    return from_message(data, Person, id=data.person_id, name=name, sequence=event.sequence)


def _rosters(store: NotifyStore, batch: Batch) -> None:
    _titles(store, batch)
    replicas.change_enrolments(store, _each(batch, _change, *_ENROLMENTS))


def _rosters_anew(store: NotifyStore, batch: Batch) -> None:
    """Apply the rosters of a resync: it adds nobody to broadcasts, because nobody is new by it."""
    _titles(store, batch)
    changes = _each(batch, _change, *_ENROLMENTS)
    replicas.change_enrolments(store, [replace(each, since=None) for each in changes])


def _titles(store: NotifyStore, batch: Batch) -> None:
    upsert_if_newer(store, Run, _each(batch, _run, *_RUNS))
    upsert_if_newer(store, Path, _each(batch, _path, catalog.PathPublished))
    upsert_if_newer(store, Item, _each(batch, _item, *_ITEMS))


def _each(batch: Batch, read: Callable[[Event[Any]], T], *types: type[Any]) -> list[T]:
    return [read(event) for event in batch if isinstance(event.data, types)]


def _run(event: Event[Any]) -> Run:
    facts = facts_of(event.data)
    return from_message(facts, Run, id=facts.run_id, sequence=event.sequence, ends_at=end_of(facts))


def _path(event: Event[Any]) -> Path:
    activities = event.data.activities
    titles = {activity.id: activity.title for activity in activities}
    classes = tuple(each.id for each in activities if each.kind == types_pb2.ACTIVITY_KIND_SESSION)
    return Path(event.data.run_id, titles, event.sequence, classes)


def _item(event: Event[Any]) -> Item:
    return from_message(event.data, Item, id=event.data.item_id, sequence=event.sequence)


def _change(event: Event[Any]) -> EnrolmentUpdate:
    data = event.data
    more: dict[str, Any] = {"sequence": event.sequence, "state": _STATES.get(type(data))}
    if isinstance(data, catalog.EnrolmentCreated | catalog.EnrolmentPromoted):
        more["since"] = triggers.instant(data.enrolled_at)
    if isinstance(data, catalog.EnrolmentModeChanged):
        more["mode"] = _mode(data)
    if isinstance(data, catalog.GroupMemberChanged):
        more["since"] = triggers.instant(data.changed_at)
    else:
        more["group_ids"] = None
    return from_message(data, EnrolmentUpdate, **more)


def _mode(data: catalog.EnrolmentModeChanged) -> AttendanceMode | None:
    name = enum_name(data.DESCRIPTOR.fields_by_name["to_mode"].enum_type, data.to_mode)
    return AttendanceMode(name) if name else None


_STATES: Mapping[type[Any], EnrolmentState] = {
    catalog.EnrolmentCreated: EnrolmentState.ENROLLED,
    catalog.EnrolmentWaitlisted: EnrolmentState.WAITLISTED,
    catalog.EnrolmentPromoted: EnrolmentState.ENROLLED,
    catalog.EnrolmentWithdrawn: EnrolmentState.WITHDRAWN,
}
_ENROLMENTS = (*_STATES, catalog.EnrolmentModeChanged, catalog.GroupMemberChanged)


def _triggers(store: NotifyStore, batch: Batch, texts: Texts, leads: Leads) -> None:
    addressed: list[Addressed] = []
    missing: dict[str, str] = {}
    upsert_if_newer(store, CatchUp, _each(batch, _catch_up, *_CATCH_UPS))
    upsert_if_newer(store, Due, _each(batch, _due, *triggers.DUES))
    upsert_if_newer(store, Series, _each(batch, _series, sessions.SeriesMoved))
    upsert_if_newer(store, SeatOffer, _each(batch, _offer, *triggers.OFFERS))
    for event in batch:
        try:
            addressed += _handle(store, event, leads)
        except NotKnownYet as error:
            missing[event.id] = f"{error} is not known yet"
    strangers = set(notify(store, texts, addressed))
    missing |= {
        each.notice.event_id: f"person {each.person_id} is not known yet"
        for each in addressed
        if each.person_id in strangers
    }
    if missing:
        raise Wait("events of other services have not arrived yet", missing)


def _handle(store: NotifyStore, event: Event[Any], leads: Leads) -> list[Addressed]:
    """Apply one event; return the notices that are not for a whole run."""
    handle = CLASSES.get(type(event.data))
    if isinstance(event.data, _OVERTAKING):
        return []  # they only overtake earlier notices
    if handle is None:
        return triggers.personal(store, event) if triggers.is_news(event) else []
    handle(store, event, leads)
    return []


def _catch_up(event: Event[Any]) -> CatchUp:
    return CatchUp(event.data.catch_up_id, event.sequence)


def _due(event: Event[Any]) -> Due:
    return Due(due_id(event.data.enrolment_id, event.data.activity_id), event.sequence)


def _series(event: Event[Any]) -> Series:
    return Series(event.data.series_id, event.sequence, triggers.ends_of(event.data))


def _offer(event: Event[Any]) -> SeatOffer:
    return SeatOffer(offer_id(event.data.session_id, event.data.learner_id), event.sequence)


_OVERTAKING = (progress.CatchUpWithdrawn, progress.DueRetracted, sessions.SeatOfferEnded)
_TRIGGERS = (*triggers.PERSONAL, *_OVERTAKING, *CLASSES)
_SEATS = (
    catalog.EnrolmentPromoted,
    sessions.SeatPromoted,
    sessions.SeatSwapped,
    sessions.SeatOffered,
    sessions.SeatOfferEnded,
    sessions.HelpInvited,
)
_CATCH_UPS = (
    progress.CatchUpAssigned,
    progress.CatchUpChanged,
    progress.CatchUpCompleted,
    progress.CatchUpMissed,
    progress.CatchUpWithdrawn,
)
