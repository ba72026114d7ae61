"""The subscriptions of sessions (rosters, recordings, catch-ups), and its timers."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from tandem.catalog.v1.events_pb2 import (
    EnrolmentCreated,
    EnrolmentModeChanged,
    EnrolmentPromoted,
    EnrolmentWaitlisted,
    EnrolmentWithdrawn,
    GroupChanged,
    GroupMemberChanged,
    PersonUpserted,
    RunClosed,
    RunOpened,
    RunReopened,
    RunStaffChanged,
    RunUpdated,
)
from tandem.library.v1.events_pb2 import ItemAvailable, ItemFailed, ItemRetired
from tandem.progress.v1.events_pb2 import (
    CatchUpCompleted,
    CatchUpReopened,
    LearnerFellBehind,
    LearnerRecovered,
)

from chassis import ids
from chassis.contracts.events import Event
from chassis.contracts.mapping import enum_name, from_message
from chassis.data.staff import note_staff
from chassis.data.store import Database, is_away
from chassis.errors import NotFound
from chassis.messaging.subscriptions import Subscription, Timer, Wait, one_by_one
from chassis.replicas import upsert_if_newer
from chassis.runs import end_of, facts_of
from services.sessions import privacy, timers_questions
from services.sessions.alone import fails_alone
from services.sessions.domain.enums import AttendanceMode, EnrolmentState
from services.sessions.domain.falls import FallNews
from services.sessions.domain.roster import EnrolmentUpdate, Group, Item, Person, Policy, Run
from services.sessions.store import SessionsStore
from services.sessions.timers_feedback import show_feedback
from services.sessions.timers_help import invite_to_help
from services.sessions.timers_polls import close_polls
from services.sessions.usecases import clashes, offers, rotation, zones
from services.sessions.usecases.catch_ups import CatchUp, note_catch_up
from services.sessions.usecases.finalising import finalise_chunk
from services.sessions.usecases.help_invitations import note_fall
from services.sessions.usecases.live import settle_overdue
from services.sessions.usecases.recording_copies import items_told
from services.sessions.usecases.recordings import withdraw_expired
from services.sessions.usecases.rosters import note_enrolments

Events = Sequence[Event[Any]]

log = structlog.get_logger()

RUNS = (RunOpened, RunUpdated, RunStaffChanged, RunClosed, RunReopened)
ROSTER_TYPES = (
    PersonUpserted,
    *RUNS,
    EnrolmentCreated,
    EnrolmentWaitlisted,
    EnrolmentPromoted,
    EnrolmentWithdrawn,
    EnrolmentModeChanged,
    GroupChanged,
    GroupMemberChanged,
)
ITEMS = (ItemAvailable, ItemFailed, ItemRetired)
# Not withdrawals and changes of groups: they also give up seats.
REPLICAS = frozenset({PersonUpserted, *RUNS, GroupChanged})
# The enrolment state that each event sets; a change of the mode sets none.
STATES = {
    EnrolmentCreated: EnrolmentState.ENROLLED,
    EnrolmentPromoted: EnrolmentState.ENROLLED,
    EnrolmentWaitlisted: EnrolmentState.WAITLISTED,
    EnrolmentWithdrawn: EnrolmentState.WITHDRAWN,
}


END_EVERY = timedelta(seconds=15)
OFFERS_EVERY = timedelta(seconds=1)
ROTATION_EVERY = timedelta(seconds=1)
CLASHES_EVERY = timedelta(seconds=1)
POLLS_EVERY = timedelta(seconds=1)
FEEDBACK_EVERY = timedelta(minutes=1)
HELP_EVERY = timedelta(seconds=1)
AGENDAS_EVERY = timedelta(seconds=1)
# The votes of a question are told once in this time at most.
VOTES_EVERY = timedelta(seconds=3)
WATCH_EVERY = timedelta(seconds=15)
# New zone data come with a new image, months apart; the first run is at the start.
ZONES_EVERY = timedelta(minutes=10)
RECORDINGS_EVERY = timedelta(minutes=1)
# Sessions whose recordings are withdrawn in one unit of work.
RECORDINGS_CHUNK = 50
# Sessions that are looked at in one turn.
ZONES_CHUNK = 100
# A poll that finds nothing costs a millisecond.
FAST_POLL = timedelta(milliseconds=200)
# Chunks in one run of the timer: about two seconds' work, for which SIGTERM waits.
CHUNKS = 25
# After a worker is killed with a chunk, another takes it over this much later.
CLAIM = timedelta(seconds=15)


def subscriptions() -> tuple[Subscription[SessionsStore], ...]:
    """Return the service's subscriptions."""
    return (
        Subscription(
            "sessions.rosters",
            ROSTER_TYPES,
            rosters,
            replacing=REPLICAS,
            partitioned=True,
            resync=rosters,
        ),
        Subscription(
            "sessions.recordings",
            ITEMS,
            recordings,
            replacing=frozenset(ITEMS),
            resync=recordings,
        ),
        one_by_one(
            "sessions.catch_ups",
            {CatchUpCompleted: catch_up_completed, CatchUpReopened: catch_up_reopened},
        ),
        one_by_one(
            "sessions.falling_behind", {LearnerFellBehind: fell_behind, LearnerRecovered: recovered}
        ),
        privacy.subscription(),
    )


def timers(end_grace: timedelta) -> tuple[Timer[SessionsStore], ...]:
    """Return the timers: finalisation, on every replica, because each chunk is claimed; the
    settling of sessions that nobody ends; clashes of learners; offers of seats that expire; seats
    of cohorts; new zone data; agendas and votes of questions, and how long they wait; polls of
    classes that are over; feedback; recordings that are kept no longer; and invitations to help.
    """
    return (
        Timer("sessions.settle", FAST_POLL, finalise, alone=False),
        Timer("sessions.end", END_EVERY, lambda database: end_overdue(database, end_grace)),
        Timer("sessions.clashes", CLASHES_EVERY, check_clashes),
        Timer("sessions.offers", OFFERS_EVERY, expire_offers),
        Timer("sessions.rotation", ROTATION_EVERY, give_rotated_seats),
        Timer("sessions.agendas", AGENDAS_EVERY, timers_questions.place_questions),
        Timer("sessions.votes", VOTES_EVERY, timers_questions.count_votes),
        Timer("sessions.watch", WATCH_EVERY, timers_questions.watch, alone=False),
        Timer("sessions.zones", ZONES_EVERY, apply_zone_data),
        Timer("sessions.recordings", RECORDINGS_EVERY, expire_recordings),
        Timer("sessions.polls", POLLS_EVERY, close_polls),
        Timer("sessions.feedback", FEEDBACK_EVERY, show_feedback),
        Timer("sessions.help", HELP_EVERY, invite_to_help),
    )


def end_overdue(database: Database[SessionsStore], grace: timedelta) -> None:
    """Settle the sessions that nobody has ended. One that can't be settled stops no other."""
    reader = database.reader()
    for session_id in reader.overdue_sessions(reader.now - grace):
        settle = partial(settle_overdue, session_id=session_id, grace=grace)
        with fails_alone("a session can't be settled", session_id=session_id):
            database.transact(settle)


def expire_offers(database: Database[SessionsStore]) -> None:
    """End the offers of seats that have expired. A session that fails stops no other."""
    for session_id in database.reader().sessions_with_expired_offers():
        expire = partial(offers.expire_offers, session_id=session_id)
        with fails_alone("offers of seats can't be ended", session_id=session_id):
            while database.transact(expire):
                pass


def give_rotated_seats(database: Database[SessionsStore]) -> None:
    """Give seats to the cohorts of noted sessions, in units of work; only some, so that the worker
    can stop. A session that fails stops no other.
    """
    for session_id in database.reader().noted_rotations(CHUNKS):
        with fails_alone("a cohort's seats can't be given", session_id=session_id):
            database.transact(partial(rotation.give_seats, session_id=session_id))


def expire_recordings(database: Database[SessionsStore]) -> None:
    """Withdraw the recordings of runs that keep theirs no longer, in units of work. A run that
    fails stops no other.
    """
    for run_id in database.reader().runs_without_recordings(CHUNKS):
        withdraw = partial(withdraw_expired, run_id=run_id, most=RECORDINGS_CHUNK)
        with fails_alone("recordings can't be withdrawn", run_id=run_id):
            while database.transact(withdraw):
                pass


def apply_zone_data(database: Database[SessionsStore]) -> None:
    """Move the coming sessions whose instants are others by this process's zone data. Conflicts
    that arise by it stay, and are logged.
    """
    failed: set[str] = set()
    while units := _of_older_zone_data(database, failed):
        for ids_of_unit in units:
            recompute = partial(zones.recompute, session_ids=ids_of_unit)
            try:
                clashes = database.transact(recompute)
            except Exception as error:
                if is_away(error):
                    raise
                failed.update(ids_of_unit)
                log.exception("sessions keep their older zone data", session_ids=ids_of_unit)
            else:
                for each in clashes:
                    log.warning("new zone data make sessions conflict", conflict=str(each))


def _of_older_zone_data(
    database: Database[SessionsStore], failed: Collection[str]
) -> list[list[str]]:
    """Return sessions to look at: all of a series in one unit of work, and others in one."""
    reader = database.reader()
    found = reader.sessions_of_older_zone_data(ZONES_CHUNK + len(failed))
    fresh = [each for each in found if each[0] not in failed]
    alone = [session_id for session_id, series_id in fresh if not series_id]
    of_series = (
        [each.id for each in reader.sessions_of_series(series_id)]
        for series_id in dict.fromkeys(series_id for _, series_id in fresh if series_id)
    )
    return [*of_series, *([alone] if alone else [])]


def check_clashes(database: Database[SessionsStore]) -> None:
    """Check clashes of learners, in units of work; only some, so that the worker can stop."""
    for _ in range(CHUNKS):
        if not database.transact(clashes.do_checks):
            return


def finalise(database: Database[SessionsStore]) -> None:
    """Finalise due chunks, the longest due first; only some, so that the worker can stop."""
    for _ in range(CHUNKS):
        if not finalise_next(database):
            return


def finalise_next(database: Database[SessionsStore]) -> bool:
    """Finalise the chunk that has been due for longest; return False if none is due."""
    claim = ids.new_id()
    session_id = database.reader().claim_finalisation(claim, CLAIM)
    if session_id:
        database.transact(lambda store: finalise_chunk(store, session_id, claim))
    return bool(session_id)


def rosters(store: SessionsStore, events: Events) -> None:
    """Apply events of people, runs and enrolments, each kind at once."""
    upsert_if_newer(
        store, Person, [_person(e) for e in events if isinstance(e.data, PersonUpserted)]
    )
    upsert_if_newer(store, Group, [_group(e) for e in events if isinstance(e.data, GroupChanged)])
    runs = [event for event in events if isinstance(event.data, RUNS)]
    upsert_if_newer(store, Run, [_run(event) for event in runs])
    note_staff(store, runs)
    others = (PersonUpserted, *RUNS, GroupChanged)
    note_enrolments(store, [_enrolment(e) for e in events if not isinstance(e.data, others)])


def recordings(store: SessionsStore, events: Events) -> None:
    """Store whether items can be watched; all items, because any may become a recording later. A
    recording that was copied from a meeting server waits for it.
    """
    upsert_if_newer(store, Item, [_item(event) for event in events])
    items_told(store, {event.data.item_id for event in events})


def catch_up_completed(store: SessionsStore, event: Event[CatchUpCompleted]) -> None:
    """Apply a completed catch-up. Its attendance may be finalised a moment later: then it waits."""
    _note_catch_up(store, event, is_studied=True)


def catch_up_reopened(store: SessionsStore, event: Event[CatchUpReopened]) -> None:
    """Apply that a catch-up is not completed after all; it waits for the news that it was."""
    _note_catch_up(store, event, is_studied=False)


def _note_catch_up(store: SessionsStore, event: Event[Any], *, is_studied: bool) -> None:
    news = from_message(event.data, CatchUp, sequence=event.sequence, is_studied=is_studied)
    try:
        note_catch_up(store, news)
    except NotFound as error:
        raise Wait(str(error)) from error


def fell_behind(store: SessionsStore, event: Event[LearnerFellBehind]) -> None:
    """Note that a learner fell behind, and is to be invited to a help session."""
    note_fall(store, from_message(event.data, FallNews, was_since=None, sequence=event.sequence))


def recovered(store: SessionsStore, event: Event[LearnerRecovered]) -> None:
    """Note that a learner is not behind any more."""
    note_fall(store, from_message(event.data, FallNews, since=None, sequence=event.sequence))


def _person(event: Event[PersonUpserted]) -> Person:
    data = event.data
    name = " ".join(filter(None, (data.given_name, data.family_name)))
    return from_message(data, Person, id=data.person_id, name=name, sequence=event.sequence)


def _run(event: Event[Any]) -> Run:
    facts = facts_of(event.data)
    policy = from_message(facts.policy, Policy) if facts.HasField("policy") else Policy()
    return from_message(
        facts, Run, id=facts.run_id, policy=policy, sequence=event.sequence, ends_at=end_of(facts)
    )


def _group(event: Event[GroupChanged]) -> Group:
    data = event.data
    retired = data.HasField("retired_at")
    return from_message(data, Group, id=data.group_id, retired=retired, sequence=event.sequence)


def _enrolment(event: Event[Any]) -> EnrolmentUpdate:
    data = event.data
    is_of_groups = isinstance(data, GroupMemberChanged)
    return EnrolmentUpdate(
        data.run_id,
        data.learner_id,
        event.sequence,
        STATES.get(type(data)),
        _mode(data),
        tuple(data.group_ids) if is_of_groups else None,
    )


def _mode(data: Any) -> AttendanceMode | None:
    if isinstance(data, EnrolmentWithdrawn | GroupMemberChanged):
        return None
    field = "to_mode" if isinstance(data, EnrolmentModeChanged) else "mode"
    name = enum_name(data.DESCRIPTOR.fields_by_name[field].enum_type, getattr(data, field))
    return AttendanceMode(name) if name else None


def _item(event: Event[Any]) -> Item:
    data = event.data
    if isinstance(data, ItemAvailable):
        return Item(data.item_id, True, "", event.sequence, data.seconds)
    return Item(data.item_id, False, data.reason, event.sequence)
