"""What a calendar feed contains: one event for each class, and one with a rule for each series.

Of a series, each class that is not as the rule gives it has an event of its own, which overrides
the rule's (RFC 5545, section 3.8.4.4).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson

from chassis.calendars.entries import Entry
from services.sessions.domain.civil import instant_of
from services.sessions.domain.enums import CivilTime, SessionPurpose, SessionState
from services.sessions.domain.feeds import Feed, Reader, joins, shows
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session

PAST, COMING = timedelta(days=120), timedelta(days=366)
"""Which classes a feed has, from the beginning of its day; of a series that has one, all."""
KEEP_CANCELLED = timedelta(days=28)
"""After its planned end a cancelled class stays for so long, that all clients hear of it."""

InstancesOf = Callable[[Series], Sequence[str]]
"""Returns the local times that the rule of a series gives, in order."""


@dataclass(frozen=True, slots=True)
class View:
    """A feed, and what its reader is now."""

    feed: Feed
    reader: Reader
    help_seats: tuple[str, ...] = ()
    """The coming help sessions in which the reader has a seat, by id."""

    def shows(self, held: Session | Series) -> bool:
        """Return whether the feed shows a session or a series."""
        return shows(self.feed, self.reader, held)

    def url_of(self, session: Session) -> str:
        """Return where to join a session; empty for a reader who may not."""
        return session.join_url if joins(self.feed, self.reader, session) else ""

    def is_free(self, held: Session | Series) -> bool:
        """Return whether the reader may come, or not, to a session, or those of a series."""
        comes = held.id in self.help_seats or self.reader.leads(held)
        return held.purpose is SessionPurpose.HELP and not self.feed.room_id and not comes


_NEVER = datetime.min.replace(tzinfo=UTC)
PLAIN = View(Feed(id="", reader_id="", run_id="", room_id="-", created_at=_NEVER), Reader(id=""))
"""What is told without a reader, as in a feed of a room: it does not say where to join."""
ROOM_IN_EVENT, SIZE_OF_CLASS = 200 * 1024, 650
"""Bytes that an event has for what is told of classes, and that each class takes at most."""


def entries(
    view: View,
    sessions: Iterable[Session],
    series: Mapping[str, Series],
    instances: InstancesOf,
    day: datetime,
) -> list[Entry]:
    """Return the events of a feed on a day (its beginning), by their starts.

    `sessions`: those of the feed's time, and all of `series`, by its id. Nothing is told of what
    the feed does not show; a class that is in no such series is an event of its own.
    """
    shown = sorted(filter(view.shows, sessions), key=lambda each: (each.start_time, each.id))
    whole = {id_: each for id_, each in series.items() if view.shows(each)}
    alone = [each for each in shown if each.series_id not in whole]
    kept = [entry_of(view, each) for each in alone if not is_forgotten(each, day)]
    of_series: dict[str, list[Session]] = {}
    for each in shown:
        if each.series_id in whole:
            of_series.setdefault(each.series_id, []).append(each)
    for id_, of_one in of_series.items():
        kept += series_entries(view, whole[id_], of_one, instances(whole[id_]))
    return kept


def is_forgotten(session: Session, day: datetime) -> bool:
    """Return whether a session was cancelled and is past for so long that no client needs it."""
    past = session.end_time < day - KEEP_CANCELLED
    return session.state is SessionState.CANCELLED and past


def entry_of(view: View, session: Session) -> Entry:
    """Return the event of a session that is no part of a series in the feed."""
    return Entry(
        uid=session.id,
        starts=session.starts,
        start_time=session.start_time,
        duration=session.duration,
        title=session.title,
        location=session.room,
        url=view.url_of(session),
        cancelled=session.state is SessionState.CANCELLED,
        revision=session.revision,
        stamp=session.revised_at or session.start_time,
        free=view.is_free(session),
    )


def told_of_session(session: Session, series: Series | None) -> tuple[Entry, ...]:
    """Return what an event tells of a session, and its series if it is of one: what feeds show."""
    return (_override(PLAIN, series, session) if series else entry_of(PLAIN, session),)


def told_of_series(
    series: Series, sessions: Sequence[Session], instances: Sequence[str]
) -> tuple[Entry, ...]:
    """Return what an event tells of a series with all of its sessions: what feeds show."""
    return tuple(series_entries(PLAIN, series, sessions, instances))


def fitting(told: Sequence[Entry], classes: int) -> tuple[Entry, ...]:
    """Return the entries if they fit into an event beside so many classes; else none."""
    room = ROOM_IN_EVENT - SIZE_OF_CLASS * classes
    return tuple(told) if sum(map(_size_in_event, told)) <= room else ()


def _size_in_event(entry: Entry) -> int:
    """Return how many bytes an entry takes, about: its texts as JSON has them, and the rest."""
    texts = entry.title, entry.location, entry.rrule, *entry.rdates, *entry.exdates
    return 450 + len(orjson.dumps(texts))


def series_entries(
    view: View, series: Series, sessions: Sequence[Session], instances: Sequence[str]
) -> list[Entry]:
    """Return the event of a series, and one for each of its sessions that the rule does not give
    as it is. `sessions`: those that the feed shows, at least one.
    """
    rule = _rule_entry(view, series, sessions, instances)
    own = (_override(view, series, each) for each in sessions)
    return [rule, *(each for each in own if _differs(each, rule))]


def _rule_entry(
    view: View, series: Series, sessions: Sequence[Session], instances: Sequence[str]
) -> Entry:
    # What a series has no field for is told as of its last class in its own room.
    usual = max(sessions, key=lambda each: (each.room_id == series.room_id, each.recurrence_id))
    shown = {each.recurrence_id for each in sessions}
    return Entry(
        uid=series.id,
        starts=series.starts,
        start_time=instant_of(series.starts),
        duration=series.duration,
        title=series.title,
        location=usual.room,
        url=view.url_of(usual),
        cancelled=False,
        revision=series.revision,
        stamp=series.revised_at or instant_of(series.starts),
        zone=series.starts.zone,
        rrule=series.rrule,
        rdates=tuple(sorted(shown.difference(instances))),
        exdates=tuple(sorted(set(instances) - shown)),
        last=max(shown.union(instances)),
        free=view.is_free(series),
    )


def _override(view: View, series: Series, session: Session) -> Entry:
    own = entry_of(view, session)
    return replace(
        own,
        uid=series.id,
        # It grows with both, and is never below that of the rule, which would look newer.
        revision=series.revision + session.revision,
        stamp=max(own.stamp, series.revised_at or own.stamp),
        recurrence_id=session.recurrence_id,
        zone=series.starts.zone,
    )


def _differs(own: Entry, rule: Entry) -> bool:
    """Return whether a class is not as the rule of its series gives it to every reader."""
    given = CivilTime(own.recurrence_id, rule.zone)
    same_time = own.starts == given and own.reads_alike
    return not same_time or own.cancelled or _content(own) != _content(rule)


def _content(entry: Entry) -> tuple[object, ...]:
    return entry.duration, entry.title, entry.location, entry.url, entry.free
