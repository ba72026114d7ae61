"""Turns event messages into notices, each with the people whom it is for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2

from chassis.calendars.entries import Entry
from chassis.contracts.events import Event
from chassis.contracts.mapping import from_message
from services.notify.domain import values
from services.notify.domain.enums import Kind
from services.notify.domain.notices import About, Notice, NotKnownYet
from services.notify.domain.people import Item, Path, Run, due_id, offer_id
from services.notify.store import NotifyStore
from services.notify.usecases import invitations
from services.notify.usecases.notifications import Addressed

Values = Mapping[str, object]
Series = sessions.SeriesMoved | sessions.SeriesCancelled
SERIES = (sessions.SeriesMoved, sessions.SeriesCancelled)
# A message lists the times of so many classes of a series, and counts the others.
MOST_TIMES = 50
OFFERS = (sessions.SeatOffered, sessions.SeatOfferEnded, sessions.HelpInvited)
DUES = (progress.DueApproaching, progress.DueMissed, progress.DueRetracted)


def is_news(event: Event[Any]) -> bool:
    """Return whether anybody is to be told of an event for few people: who was not told that a
    meeting failed needs not be told that it is there; HelpInvited tells of an invitation.
    """
    data = event.data
    if isinstance(data, sessions.SeatOffered):
        return not data.invitation
    return not isinstance(data, sessions.MeetingMade) or data.after_failure


def personal(store: NotifyStore, event: Event[Any]) -> list[Addressed]:
    """Return the notice of an event for one person, or few, and these people. Raises
    NotKnownYet.
    """
    keep_calendar(store, event)
    kind, values_of = _PERSONAL[type(event.data)]
    notice = notice_of(event, kind, values_of(store, event.data))
    return [Addressed(notice, each) for each in _readers(store, event.data)]


def keep_calendar(store: NotifyStore, event: Event[Any]) -> None:
    """Keep what an event tells of calendars, if it does, for the mails that tell of it."""
    told = getattr(event.data, "calendar", ())
    invitations.keep(store, event.id, [from_message(each, Entry) for each in told])


def _readers(store: NotifyStore, data: Any) -> Sequence[str]:
    if isinstance(data, sessions.MeetingFailed | sessions.MeetingMade):
        return _run(store, data.run_id).told_of_class(data.instructor_id)
    return [data.instructor_id if isinstance(data, sessions.SessionNotHeld) else data.learner_id]


def notice_of(event: Event[Any], kind: Kind, told: Values) -> Notice:
    """Return a notice of an event."""
    return Notice(event.id, event.type, kind, told, _about(event, kind), event.data.run_id)


def _about(event: Event[Any], kind: Kind) -> About:
    """Return the session, series, offer, catch-up or due that an event tells of. The last class of
    a series counts: until then it is urgent, and not over.
    """
    data = event.data
    timed = _by_end(data)[last_end(data)] if isinstance(data, SERIES) else data
    return About(
        kind,
        session_id=getattr(data, "session_id", ""),
        series_id=data.series_id if isinstance(data, SERIES) else "",
        start_time=_first(timed, "new_start_time", "start_time"),
        end_time=_first(timed, *_DEADLINES.get(kind, ("new_end_time", "end_time"))),
        catch_up_id=getattr(data, "catch_up_id", ""),
        sequence=event.sequence,
        due_id=due_id(data.enrolment_id, data.activity_id) if isinstance(data, DUES) else "",
        offer_id=offer_id(data.session_id, data.learner_id) if isinstance(data, OFFERS) else "",
    )


def _first(data: Any, *names: str) -> datetime | None:
    """Return the instant in the first of these fields that the message has; None without one."""
    known = data.DESCRIPTOR.fields_by_name
    return next((instant(getattr(data, name)) for name in names
                 if name in known and data.HasField(name)), None)  # fmt: skip


def instant(stamp: Timestamp) -> datetime:
    """Return a Timestamp as an aware datetime, in whole milliseconds, like a BSON date."""
    exact = stamp.ToDatetime(tzinfo=UTC)
    return exact.replace(microsecond=exact.microsecond // 1000 * 1000)


def last_end(data: Series) -> datetime:
    """Return when the last class that an event of a series tells of is over."""
    return max(_by_end(data))


def ends_of(data: sessions.SeriesMoved) -> dict[str, datetime]:
    """Return when the classes that moved end from now on, by session id."""
    return {each.session_id: instant(each.new_end_time) for each in data.occurrences}


def _by_end(data: Series) -> dict[datetime, Any]:
    """Return the occurrences that an event of a series tells of, by their ends; at least one."""
    ends = ((_first(each, "new_end_time", "end_time"), each) for each in data.occurrences)
    return {end: each for end, each in ends if end is not None}


def moved(store: NotifyStore, data: sessions.SessionMoved) -> values.SessionMoved:
    """Return the values for the notice of a moved class."""
    return {
        "session": data.title,
        "old_start_time": instant(data.old_start_time),
        "old_room": data.old_room,
        "new_start_time": instant(data.new_start_time),
        "new_room": data.new_room,
        "instructor": _new_instructor(store, data),
        "reason": data.reason,
    }


def series_moved(store: NotifyStore, data: sessions.SeriesMoved) -> values.SeriesMoved:
    """Return the values for the notice of classes that moved together."""
    return {
        "session": data.title,
        "count": len(data.occurrences),
        "times": [
            (instant(each.old_start_time), instant(each.new_start_time))
            for each in data.occurrences[:MOST_TIMES]
        ],
        "old_room": data.old_room,
        "new_room": data.room,
        "instructor": _new_instructor(store, data),
        "reason": data.reason,
    }


def series_cancelled(store: NotifyStore, data: sessions.SeriesCancelled) -> values.SeriesCancelled:
    """Return the values for the notice of classes that were cancelled together."""
    items = [each.substitute_item_id for each in data.occurrences if each.substitute_item_id]
    return {
        "session": data.title,
        "count": len(data.occurrences),
        "times": [instant(each.start_time) for each in data.occurrences[:MOST_TIMES]],
        "reason": data.reason,
        "substitutes": _item_titles(store, dict.fromkeys(items))[:MOST_TIMES],
    }


def _new_instructor(store: NotifyStore, data: sessions.SessionMoved | sessions.SeriesMoved) -> str:
    """Return the name of a new instructor, or the id if the name is not known; empty if the same
    person teaches.
    """
    if not data.old_instructor_id or data.old_instructor_id == data.new_instructor_id:
        return ""
    person = store.people([data.new_instructor_id]).get(data.new_instructor_id)
    return person.name if person and person.name else data.new_instructor_id


def cancelled(store: NotifyStore, data: sessions.SessionCancelled) -> values.SessionCancelled:
    """Return the values for the notice of a cancelled class."""
    return {
        "session": data.title,
        "start_time": instant(data.start_time),
        "reason": data.reason,
        "substitute_item_id": data.substitute_item_id,
        "substitute": "".join(_item_titles(store, filter(None, [data.substitute_item_id]))),
    }


def _enrolment_promoted(store: NotifyStore, data: catalog.EnrolmentPromoted) -> values.OfRun:
    return {"run": _run_title(store, data.run_id)}


def _due_extended(store: NotifyStore, data: catalog.DueExtended) -> values.DueExtended:
    # Without the reason: a learner gave it to the staff, and it must not go into an e-mail.
    run = _run_title(store, data.run_id)
    path = store.replicas(Path, [data.run_id]).get(data.run_id)
    activity = path.titles.get(data.activity_id, "") if path else ""
    return {"run": run, "activity": activity or data.activity_id, "until": instant(data.until)}


def _due(store: NotifyStore, data: progress.DueApproaching | progress.DueMissed) -> values.Due:
    run = _run_title(store, data.run_id)
    return {"run": run, "activity": data.title or data.activity_id, "due": instant(data.due)}


def _seat_promoted(_: NotifyStore, data: sessions.SeatPromoted) -> values.OfSeat:
    seat = _seat_name(data.kind)
    return {"session": data.title, "start_time": instant(data.start_time), "seat": seat}


def _seat_swapped(_: NotifyStore, data: sessions.SeatSwapped) -> values.SeatSwapped:
    return {
        "session": data.title,
        "start_time": instant(data.start_time),
        "seat": _seat_name(data.kind),
        "from_session": data.from_title,
        "from_start_time": instant(data.from_start_time),
        "from_seat": _seat_name(data.from_kind),
    }


def _seat_name(kind: "types_pb2.SeatKind.ValueType") -> str:
    return "IN_ROOM" if kind == types_pb2.SEAT_KIND_IN_ROOM else "ONLINE"


def _seat_offered(_: NotifyStore, data: sessions.SeatOffered) -> values.SeatOffered:
    # Without the reason: staff gave it for the record, and it must not go into an e-mail.
    return {
        "session": data.title,
        "start_time": instant(data.start_time),
        "expires": instant(data.expires_at),
    }


def _help_invited(_: NotifyStore, data: sessions.HelpInvited) -> values.HelpInvited:
    return {
        "session": data.title,
        "start_time": instant(data.start_time),
        "seat": _seat_name(data.kind),
        "room": data.room,
        "answer_by": instant(data.answer_by),
    }


def _class_values(
    _: NotifyStore, data: sessions.SessionNotHeld | sessions.MeetingMade
) -> values.OfClass:
    return {"session": data.title, "start_time": instant(data.start_time)}


def _meeting_failed(_: NotifyStore, data: sessions.MeetingFailed) -> values.MeetingFailed:
    return {
        "session": data.title,
        "start_time": instant(data.start_time),
        "reason": data.reason,
    }


def _assigned(
    store: NotifyStore, data: progress.CatchUpAssigned | progress.CatchUpChanged
) -> values.CatchUp:
    # Without the reason of a change: it must not go into an e-mail.
    return {
        "session": data.title,
        "items": _item_titles(store, data.item_ids),
        "due": instant(data.due),
        "usual_due": instant(data.usual_due) if data.HasField("usual_due") else None,
        "weeks": [
            (instant(each.start), _minutes(each.planned), _minutes(each.budget))
            for each in data.full_weeks
        ],
    }


def _minutes(duration: Duration) -> int:
    return round(duration.ToTimedelta() / timedelta(minutes=1))


def _completed(_: NotifyStore, data: progress.CatchUpCompleted) -> values.CatchUpCompleted:
    return {"session": data.title, "in_time": data.in_time, "was_missed": data.was_missed}


def _missed(_: NotifyStore, data: progress.CatchUpMissed) -> values.CatchUpMissed:
    # Round down: "100 % studied" would contradict a missed catch-up.
    percent = min(max(int(data.watched_share * 100), 0), 100)
    return {"session": data.title, "due": instant(data.due), "percent": percent}


def _run_title(store: NotifyStore, run_id: str) -> str:
    return _run(store, run_id).title


def _run(store: NotifyStore, run_id: str) -> Run:
    run = store.replicas(Run, [run_id]).get(run_id)
    if run is None:
        raise NotKnownYet(f"run {run_id}")
    return run


def _item_titles(store: NotifyStore, item_ids: Iterable[str]) -> list[str]:
    """Return the titles of items; the id of an item whose title is not known."""
    wanted = list(item_ids)
    known = store.replicas(Item, wanted)
    return [known[one].title if one in known else one for one in wanted]


_DEADLINES: Mapping[Kind, Sequence[str]] = {
    Kind.CATCH_UP_ASSIGNED: ("due",),
    Kind.CATCH_UP_CHANGED: ("due",),
    Kind.DUE_EXTENDED: ("until",),
    Kind.DUE_APPROACHING: ("due",),
    Kind.SEAT_OFFERED: ("expires_at",),
    Kind.HELP_INVITED: ("answer_by",),
}
"""The fields with the deadline that a notice tells: after it, the notice is of no use."""
_PERSONAL: Mapping[type[Any], tuple[Kind, Callable[[NotifyStore, Any], Values]]] = {
    catalog.EnrolmentPromoted: (Kind.ENROLMENT_PROMOTED, _enrolment_promoted),
    catalog.DueExtended: (Kind.DUE_EXTENDED, _due_extended),
    sessions.SeatPromoted: (Kind.SEAT_PROMOTED, _seat_promoted),
    sessions.SeatSwapped: (Kind.SEAT_SWAPPED, _seat_swapped),
    sessions.SeatOffered: (Kind.SEAT_OFFERED, _seat_offered),
    sessions.HelpInvited: (Kind.HELP_INVITED, _help_invited),
    sessions.SessionNotHeld: (Kind.SESSION_NOT_HELD, _class_values),
    sessions.MeetingFailed: (Kind.MEETING_FAILED, _meeting_failed),
    sessions.MeetingMade: (Kind.MEETING_MADE, _class_values),
    progress.CatchUpAssigned: (Kind.CATCH_UP_ASSIGNED, _assigned),
    progress.CatchUpChanged: (Kind.CATCH_UP_CHANGED, _assigned),
    progress.CatchUpCompleted: (Kind.CATCH_UP_COMPLETED, _completed),
    progress.CatchUpMissed: (Kind.CATCH_UP_MISSED, _missed),
    progress.DueApproaching: (Kind.DUE_APPROACHING, _due),
    progress.DueMissed: (Kind.DUE_MISSED, _due),
}
PERSONAL: Sequence[type[Any]] = tuple(_PERSONAL)
"""The events that notify one person, or few, each with its function."""
