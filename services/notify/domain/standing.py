"""Whether what a notice tells is still so: one rule for new messages, queued mail and inboxes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.notify.domain.enums import Kind
from services.notify.domain.fall_news import Fall
from services.notify.domain.notices import About
from services.notify.domain.path_news import DueDigest
from services.notify.domain.people import CatchUp, Due, Question, Run, SeatOffer, Series
from services.notify.domain.sessions import Session

_OFFERS = frozenset({Kind.SEAT_OFFERED, Kind.HELP_INVITED})


class Standing(StrEnum):
    """Whether what a notice tells is still so."""

    STANDS = "STANDS"
    OVER = "OVER"
    """Its time is over: a class has begun or ended, a deadline or an offer is past."""
    OVERTAKEN = "OVERTAKEN"
    """Newer news of the same class, series, offer, catch-up, due, question or fall is known."""


class Told(Protocol):
    """A notice, or what was made of it."""

    @property
    def about(self) -> About | None:
        """Return what it tells of; None: nothing that could change."""

    @property
    def event_id(self) -> str:
        """Return the event that it tells."""

    @property
    def run_id(self) -> str:
        """Return the run that it is about; empty: none."""


@dataclass(frozen=True, slots=True)
class Known:
    """The newest that is known of what notices tell of, by id."""

    sessions: Mapping[str, Session]
    catch_ups: Mapping[str, CatchUp]
    runs: Mapping[str, Run]
    dues: Mapping[str, Due]
    series: Mapping[str, Series] = field(default_factory=dict)
    offers: Mapping[str, SeatOffer] = field(default_factory=dict)
    digests: Mapping[str, DueDigest] = field(default_factory=dict)
    questions: Mapping[str, Question] = field(default_factory=dict)
    falls: Mapping[str, Fall] = field(default_factory=dict)
    cancelled: Collection[str] = frozenset()
    """The ids of the classes of these series that were cancelled."""


def standing(told: Told, known: Known, now: datetime) -> Standing:
    """Return whether what a notice tells is still so."""
    about = told.about
    if about is None:
        return Standing.STANDS
    if _is_all_old(about, known):
        return Standing.OVERTAKEN
    return _of_kind(told, about, known, now)


def _of_kind(told: Told, about: About, known: Known, now: datetime) -> Standing:
    session = known.sessions.get(about.session_id)
    run = known.runs.get(told.run_id)
    match about.kind:
        case Kind.REMINDER:
            return _reminder(told, about, session, run, now)
        case Kind.SESSION_MOVED:
            return _move(told, session, now)
        case Kind.SERIES_MOVED:
            return _series_move(about, known.series.get(about.series_id), known.cancelled, now)
        case Kind.SESSION_NOT_HELD | Kind.MEETING_FAILED | Kind.MEETING_MADE:
            return _staff_news(about, session, now)
        case Kind.SEAT_PROMOTED | Kind.SEAT_SWAPPED | Kind.SEAT_OFFERED | Kind.HELP_INVITED:
            return _seat_news(about, known.offers.get(about.offer_id), session, run, now)
        case (
            Kind.ENROLMENT_PROMOTED
            | Kind.ACTIVITIES_OPENED
            | Kind.FELL_BEHIND
            | Kind.LEARNERS_FELL_BEHIND
        ):
            return _in_run(about, known.falls.get(about.fall_id), run, now)
        case Kind.DUES_CHANGED:
            return _dues(about, known.digests.get(about.enrolment_id), now)
    return _other(about, _newest(about, known), now)


def _in_run(about: About, newest: Fall | None, run: Run | None, now: datetime) -> Standing:
    """Return whether the run goes on, and who fell behind has neither recovered nor fallen anew."""
    if newest is not None and newest.sequence > about.sequence:
        return Standing.OVERTAKEN
    return Standing.OVER if run and run.is_over(now) else Standing.STANDS


def _is_all_old(about: About, known: Known) -> bool:
    """Return whether there is newer news of each question, or fall, that a notice lists."""
    falls = about.kind is Kind.LEARNERS_FELL_BEHIND
    found: Mapping[str, Question | Fall] = known.falls if falls else known.questions
    old = [id_ in found and found[id_].sequence > since for id_, since in about.listed.items()]
    return bool(old) and all(old)


def _reminder(
    told: Told, about: About, session: Session | None, run: Run | None, now: datetime
) -> Standing:
    """Return whether a class will still take place at the time and place of its reminder."""
    if session is None or session.cancelled or not _is_the_same(told, about, session):
        return Standing.OVERTAKEN
    if not session.standing or (run is not None and run.is_over(now)):
        return Standing.OVER
    return _until(session.start_time, now)


def _is_the_same(told: Told, about: About, session: Session) -> bool:
    """Return whether a class is at the time and place of its reminder. A room that only has a new
    name is the same: no event has set time and place since the one of the reminder.
    """
    is_renamed = told.event_id.rpartition(":")[0] == session.event_id
    return session.start_time == about.start_time and (
        is_renamed or about.room in (None, session.room)
    )


def _move(told: Told, session: Session | None, now: datetime) -> Standing:
    """Return whether a move is the newest, and its class has not ended."""
    if session is None or session.cancelled or session.event_id != told.event_id:
        return Standing.OVERTAKEN
    return _until(session.end_time, now)


def _series_move(
    about: About, newest: Series | None, cancelled: Collection[str], now: datetime
) -> Standing:
    """Return whether a move of a series is its newest, and one of its classes that was not
    cancelled has not ended.
    """
    if newest is not None and newest.sequence > about.sequence:
        return Standing.OVERTAKEN
    ends = newest.ends if newest else {}
    left = [end for session_id, end in ends.items() if session_id not in cancelled]
    if ends and not left:
        return Standing.OVERTAKEN
    return _until(max(left, default=about.end_time), now)


def _not_held(about: About, session: Session | None) -> Standing:
    """Return whether nothing has happened to a class since nobody held it."""
    is_so = session is None or (
        session.newest_news <= about.sequence
        and session.standing
        and session.start_time == about.start_time
    )
    return Standing.STANDS if is_so else Standing.OVERTAKEN


def _staff_news(about: About, session: Session | None, now: datetime) -> Standing:
    """Return whether a class was not held, or still needs its online meeting at that time."""
    if about.kind is Kind.SESSION_NOT_HELD:
        return _not_held(about, session)
    if session is not None and (session.cancelled or session.start_time != about.start_time):
        return Standing.OVERTAKEN
    return _until(about.end_time, now)


def _seat_news(
    about: About, newest: SeatOffer | None, session: Session | None, run: Run | None, now: datetime
) -> Standing:
    """Return whether a seat can still be used, or an offer of one still be answered."""
    found = _seat(about, session, now)
    if found is not Standing.STANDS or about.kind not in _OFFERS:
        return found
    if run is not None and run.is_over(now):
        return Standing.OVER
    return _other(about, newest, now)


def _seat(about: About, session: Session | None, now: datetime) -> Standing:
    """Return whether a seat can still be used. A class that was moved keeps its seats."""
    if session is None:
        return _until(about.start_time, now)
    if session.cancelled:
        return Standing.OVERTAKEN
    return _until(session.start_time, now) if session.standing else Standing.OVER


def _dues(about: About, digest: DueDigest | None, now: datetime) -> Standing:
    """Return whether one of the dues that changed has no newer news, and one is to come."""
    if digest and digest.overtakes(about.activity_ids, about.sequence, now):
        return Standing.OVERTAKEN
    return _until(about.end_time, now)


def _newest(about: About, known: Known) -> CatchUp | Due | Question | None:
    if about.kind is Kind.QUESTION_CARRIED_OVER:
        return known.questions.get(about.question_id)
    return known.dues.get(about.due_id) or known.catch_ups.get(about.catch_up_id)


def _other(
    about: About,
    newest: CatchUp | Due | SeatOffer | Question | None,
    now: datetime,
) -> Standing:
    """Return whether news of a catch-up, due, offer or question is its newest, and a deadline or
    class to come.
    """
    if newest is not None and newest.sequence > about.sequence:
        return Standing.OVERTAKEN
    return _until(about.end_time, now)


def _until(end: datetime | None, now: datetime) -> Standing:
    return Standing.STANDS if end is None or now < end else Standing.OVER
