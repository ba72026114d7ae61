"""Polls in a class: opening them, results, and closing them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chassis.errors import FieldViolation, NotFound, check, check_state
from services.sessions.domain import poll_results, polls
from services.sessions.domain.class_log import ClassEntry
from services.sessions.domain.enums import SessionState
from services.sessions.domain.poll_results import PollAnswered, PollAsked
from services.sessions.domain.polls import OpenPoll, Poll, PollState
from services.sessions.domain.session import expect
from services.sessions.domain.votes import Tally
from services.sessions.ports import Store
from services.sessions.ports_counts import Happening
from services.sessions.usecases import lookup


def poll_of(store: Store, poll_id: str) -> Poll:
    """Return a poll. Raises NotFound."""
    return known(store.poll_by_id(poll_id), poll_id)


def open_poll(store: Store, command: OpenPoll, staff_id: str) -> Poll:
    """Ask a class something.

    Raises Invalid; NotFound; FailedPrecondition unless the class is LIVE, and after too many polls.
    """
    check(polls.open_violations(command))
    session = lookup.session(store, command.session_id)
    expect(session, "asked in a poll", SessionState.LIVE)
    check_state("no more polls", polls.number_violations(store.polls_opened(session.id)))
    secret, now = store.new_secret(), store.now
    poll = polls.opened(command, store.new_id(), session.run_id, staff_id, secret, now)
    store.add_poll(poll)
    store.count(Happening.POLL_OPENED)
    _tell(store, poll, staff_id, asked=poll_results.asked(poll))
    return poll


def close_poll(store: Store, poll_id: str, staff_id: str = "") -> Poll:
    """Close a poll with the votes that are stored; return a CLOSED one as it is.

    `staff_id`: who closes it; empty: the platform, because the class is over. Raises NotFound.
    """
    before = known(store.poll_for_update(poll_id), poll_id)
    if before.state is PollState.CLOSED:
        return before
    poll = polls.closed(before, store.end_tally(poll_id), staff_id, store.now)
    store.put_poll(poll)
    store.count(Happening.POLL_CLOSED)
    _tell(store, poll, staff_id, answered=poll_results.answered(poll))
    store.record_event(poll_results.closed_event(poll, store.now))
    return poll


def tallies(store: Store, found: Sequence[Poll]) -> Mapping[str, Tally]:
    """Return the votes of some polls, by poll: as they stand, or the results."""
    counted = store.poll_tallies([each.id for each in found if each.state is PollState.OPEN])
    return {each.id: counted.get(each.id, each.tally) for each in found}


def choices_of(
    store: Store, found: Sequence[Poll], person_id: str
) -> Mapping[str, tuple[int, ...]]:
    """Return a person's own votes in some polls, by poll, as far as they can be told."""
    keys = [(each.id, polls.voter_of(each, person_id)) for each in found]
    return {vote.poll_id: vote.choices for vote in store.votes(keys).values()}


def known(poll: Poll | None, poll_id: str) -> Poll:
    """Return a poll. Raises NotFound if there is none."""
    if poll is None:
        raise NotFound("no such poll", [FieldViolation("poll_id", f"{poll_id!r} is unknown")])
    return poll


def _tell(
    store: Store,
    poll: Poll,
    person_id: str,
    asked: PollAsked | None = None,
    answered: PollAnswered | None = None,
) -> None:
    entry = ClassEntry(session_id=poll.session_id, at=store.now, person_id=person_id)
    store.add_entry(replace(entry, poll_asked=asked, poll_answered=answered))
