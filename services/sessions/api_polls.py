"""The RPCs of SessionsService about polls."""

from collections.abc import Sequence
from typing import Any

from tandem.sessions.v1 import polls_pb2

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.commands import GroupedCommands, execute
from chassis.data.pages import Page, page_of
from chassis.data.store import Database
from chassis.errors import check_state
from services.sessions import queries, rights
from services.sessions.domain.poll_results import ShownPoll, shown
from services.sessions.domain.polls import OpenPoll, Poll, named_violations
from services.sessions.domain.votes import VotePoll
from services.sessions.store import SessionsStore
from services.sessions.usecases import lookup, polls, votes


class PollsApi:
    """Polls."""

    _database: Database[SessionsStore]
    _votes: GroupedCommands[SessionsStore, VotePoll, polls_pb2.VotePollResponse]

    def OpenPoll(self, request: polls_pb2.OpenPollRequest, _context: Any) -> polls_pb2.Poll:
        command, staff_id = from_message(request, OpenPoll), principal.current().subject
        return execute(
            self._database,
            request,
            polls_pb2.Poll,
            lambda store: _answer(store, polls.open_poll(store, command, staff_id)),
        )

    def VotePoll(
        self, request: polls_pb2.VotePollRequest, _context: Any
    ) -> polls_pb2.VotePollResponse:
        command = from_message(request, VotePoll)
        # A digest of each request is stored with its caller, from which choices could be guessed.
        told = polls_pb2.VotePollRequest(
            request_id=request.request_id, poll_id=request.poll_id, learner_id=request.learner_id
        )
        return self._votes.execute(told, command, (command.poll_id, command.learner_id))

    def ClosePoll(self, request: polls_pb2.ClosePollRequest, _context: Any) -> polls_pb2.Poll:
        staff_id = principal.current().subject
        return execute(
            self._database,
            request,
            polls_pb2.Poll,
            lambda store: _answer(store, polls.close_poll(store, request.poll_id, staff_id)),
        )

    def GetPoll(self, request: polls_pb2.GetPollRequest, _context: Any) -> polls_pb2.Poll:
        # in a transaction, because a poll that closes meanwhile has its votes elsewhere
        return self._database.transact(
            lambda store: _answer(store, polls.poll_of(store, request.poll_id))
        )

    def ListPolls(
        self, request: polls_pb2.ListPollsRequest, _context: Any
    ) -> polls_pb2.ListPollsResponse:
        page = page_of(request)
        return self._database.transact(lambda store: _page(store, request.session_id, page))

    def ListPollVotes(
        self, request: polls_pb2.ListPollVotesRequest, _context: Any
    ) -> polls_pb2.ListPollVotesResponse:
        store = self._database.reader()
        poll = polls.poll_of(store, request.poll_id)
        check_state("its votes can't be told", named_violations(poll))
        rows, token = queries.votes_page(store, poll.id, page_of(request))
        return polls_pb2.ListPollVotesResponse(
            votes=[to_message(row, polls_pb2.PollVote, learner_id=row.voter) for row in rows],
            next_page_token=token,
        )


def grouped_votes(
    database: Database[SessionsStore],
) -> GroupedCommands[SessionsStore, VotePoll, polls_pb2.VotePollResponse]:
    """Return what stores votes that come at once together."""
    return GroupedCommands(database, polls_pb2.VotePollResponse, votes.vote)


def _page(store: SessionsStore, session_id: str, page: Page) -> polls_pb2.ListPollsResponse:
    session = lookup.session(store, session_id)
    rows, token = queries.polls_page(store, session.id, page)
    return polls_pb2.ListPollsResponse(polls=_answers(store, rows), next_page_token=token)


def _answer(store: SessionsStore, poll: Poll) -> polls_pb2.Poll:
    """Return a poll as its caller may see it."""
    [answer] = _answers(store, [poll])
    return answer


def _answers(store: SessionsStore, found: Sequence[Poll]) -> list[polls_pb2.Poll]:
    """Return polls of one session as their caller may see them."""
    if not found:
        return []
    caller, session = principal.current(), lookup.session(store, found[0].session_id)
    is_staff = rights.viewer(store, caller, [session]).reads(session)
    tallies = polls.tallies(store, found)
    own = polls.choices_of(store, found, caller.subject)
    return [
        _shown(poll, shown(poll, tallies[poll.id], is_staff, own.get(poll.id, ())))
        for poll in found
    ]


def _shown(poll: Poll, seen: ShownPoll) -> polls_pb2.Poll:
    return to_message(
        poll,
        polls_pb2.Poll,
        options=seen.options,
        voters=seen.voters,
        right=seen.right,
        explanation=seen.explanation,
        my_choices=seen.my_choices,
    )
