"""Votes in polls. Those that come at once are stored in one unit of work."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chassis.errors import DomainError, check, check_state
from services.sessions.domain import live_channel, moderation
from services.sessions.domain.enums import SessionState
from services.sessions.domain.live_channel import Standing
from services.sessions.domain.moderation import ModerationAct
from services.sessions.domain.polls import Poll, closed_violations, voter_of
from services.sessions.domain.roster import Enrolment, enrolled_violations, group_violations
from services.sessions.domain.session import Session, state_violations
from services.sessions.domain.votes import Vote, VotePoll, choice_violations
from services.sessions.ports import Store
from services.sessions.ports_counts import Happening
from services.sessions.usecases import channel
from services.sessions.usecases.polls import known


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of some polls and of who votes in them."""

    polls: Mapping[str, Poll]
    sessions: Mapping[str, Session]
    enrolments: Mapping[tuple[str, str], Enrolment]
    acts: Sequence[ModerationAct]


def vote(store: Store, commands: Sequence[VotePoll]) -> list[Vote | DomainError]:
    """Store learners' votes in place of earlier ones, and count them; no learner votes twice in a
    poll among them.

    Return for each its vote, or why it is refused: NotFound; FailedPrecondition with all that is
    wrong; Invalid for choices that the poll does not have; PermissionDenied for who was removed
    from the class.
    """
    facts = _facts(store, commands)
    outcomes = [_outcome(store, facts, each) for each in commands]
    votes = [each for each in outcomes if isinstance(each, Vote)]
    before = store.votes([each.key for each in votes])
    store.count(Happening.VOTED, sum(each.key not in before for each in votes))
    changed = [each for each in votes if each != before.get(each.key)]
    until = {each.id: each.votes_until for each in facts.polls.values()}
    store.put_poll_votes(changed, before, until)
    return outcomes


def _facts(store: Store, commands: Iterable[VotePoll]) -> _Facts:
    polls = store.polls_to_vote_in({each.poll_id for each in commands})
    sessions = {each.session_id for each in polls.values()}
    voters = [each for each in commands if each.poll_id in polls]
    return _Facts(
        polls,
        store.sessions_with(sessions),
        store.enrolments({(polls[each.poll_id].run_id, each.learner_id) for each in voters}),
        store.acts_in(sessions, {each.learner_id for each in voters}),
    )


def _outcome(store: Store, facts: _Facts, command: VotePoll) -> Vote | DomainError:
    try:
        return _voted(store, facts, command)
    except DomainError as error:
        return error


def _voted(store: Store, facts: _Facts, command: VotePoll) -> Vote:
    poll = known(facts.polls.get(command.poll_id), command.poll_id)
    session = facts.sessions[poll.session_id]
    enrolment = facts.enrolments.get((poll.run_id, command.learner_id))
    wrong = [*closed_violations(poll)]
    wrong += state_violations(session, "voted in", SessionState.LIVE)
    wrong += enrolled_violations(poll.run_id, enrolment)
    if not channel.takes_part(store, session, enrolment):
        wrong += group_violations(session.group_ids, enrolment)
    check_state("this can't be voted in", wrong)
    named = (session.id, command.learner_id)
    about = [each for each in facts.acts if (each.session_id, each.person_id) == named]
    live_channel.expect_allowed(moderation.moderated(Standing(is_staff=False), about))
    check(choice_violations(command.choices, len(poll.options), poll.several))
    return Vote(poll.id, voter_of(poll, command.learner_id), tuple(sorted(command.choices)))
