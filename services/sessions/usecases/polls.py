"""Polls in a class: opening them, votes, results, and closing them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chassis.errors import FieldViolation, NotFound, check, check_state
from services.sessions.domain import live_channel, moderation, polls
from services.sessions.domain.class_log import ClassEntry
from services.sessions.domain.enums import SessionState
from services.sessions.domain.live_channel import Standing
from services.sessions.domain.polls import (
    OpenPoll,
    Poll,
    PollAnswered,
    PollAsked,
    PollState,
    Tally,
    Vote,
    VotePoll,
)
from services.sessions.domain.roster import enrolled_violations, group_violations
from services.sessions.domain.session import expect, state_violations
from services.sessions.ports import Store
from services.sessions.ports_counts import Happening
from services.sessions.usecases import channel, lookup


def poll_of(store: Store, poll_id: str) -> Poll:
    """Return a poll. Raises NotFound."""
    return _known(store.poll_by_id(poll_id), poll_id)


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
    _tell(store, poll, staff_id, asked=polls.asked(poll))
    return poll


def vote_poll(store: Store, command: VotePoll) -> Vote:
    """Store a learner's vote in place of an earlier one, and count it.

    Raises NotFound; FailedPrecondition with all that is wrong; Invalid for choices that the poll
    does not have; PermissionDenied for who was removed from the class.
    """
    poll = poll_of(store, command.poll_id)
    _expect_voter(store, poll, command.learner_id)
    check(polls.choice_violations(command.choices, len(poll.options), poll.several))
    choices = tuple(sorted(command.choices))
    vote = Vote(poll.id, polls.voter_of(poll, command.learner_id), choices)
    before = store.votes([(poll.id, vote.voter)]).get(poll.id)
    if before is None:
        store.count(Happening.VOTED)
    if vote != before:
        store.put_poll_vote(vote, before, poll.votes_until)
    return vote


def close_poll(store: Store, poll_id: str, staff_id: str = "") -> Poll:
    """Close a poll with the votes that are stored; return a CLOSED one as it is.

    `staff_id`: who closes it; empty: the platform, because the class is over. Raises NotFound.
    """
    before = _known(store.poll_for_update(poll_id), poll_id)
    if before.state is PollState.CLOSED:
        return before
    poll = polls.closed(before, store.end_tally(poll_id), staff_id, store.now)
    store.put_poll(poll)
    store.count(Happening.POLL_CLOSED)
    _tell(store, poll, staff_id, answered=polls.answered(poll))
    store.record_event(polls.closed_event(poll, store.now))
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
    return {poll_id: vote.choices for poll_id, vote in store.votes(keys).items()}


def _expect_voter(store: Store, poll: Poll, learner_id: str) -> None:
    session = lookup.session(store, poll.session_id)
    enrolment = store.enrolments([(poll.run_id, learner_id)]).get((poll.run_id, learner_id))
    wrong = [*polls.closed_violations(poll)]
    wrong += state_violations(session, "voted in", SessionState.LIVE)
    wrong += enrolled_violations(poll.run_id, enrolment)
    if not channel.takes_part(store, session, enrolment):
        wrong += group_violations(session.group_ids, enrolment)
    check_state("this can't be voted in", wrong)
    acts = store.acts_about(poll.session_id, [learner_id])
    live_channel.expect_allowed(moderation.moderated(Standing(is_staff=False), acts))


def _tell(
    store: Store,
    poll: Poll,
    person_id: str,
    asked: PollAsked | None = None,
    answered: PollAnswered | None = None,
) -> None:
    entry = ClassEntry(session_id=poll.session_id, at=store.now, person_id=person_id)
    store.add_entry(replace(entry, poll_asked=asked, poll_answered=answered))


def _known(poll: Poll | None, poll_id: str) -> Poll:
    if poll is None:
        raise NotFound("no such poll", [FieldViolation("poll_id", f"{poll_id!r} is unknown")])
    return poll
