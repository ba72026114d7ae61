"""Polls through the real edge and MongoDB: who votes, who sees what, and how they close."""

from collections import Counter
from itertools import product
from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import events_pb2, moderation_pb2, polls_pb2, resources_pb2

from chassis.data.store import Database
from chassis.errors import DomainError, FailedPrecondition, Invalid, NotFound
from services.sessions.api import SessionsApi
from services.sessions.store import SessionsStore
from services.sessions.timers_polls import close_polls
from services.sessions.usecases.tallies import live_tallies
from tests.integration.sessions.school import RUN, TEACHER, School, Stub, race, refused

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
INVALID = grpc.StatusCode.INVALID_ARGUMENT
DENIED = grpc.StatusCode.PERMISSION_DENIED
AT_ONCE = polls_pb2.POLL_RESULTS_AT_ONCE
WHEN_CLOSED = polls_pb2.POLL_RESULTS_WHEN_CLOSED
CLOSED = polls_pb2.POLL_STATE_CLOSED
CLASS = ("ada", "bob", "cyd", "dan", "eve", "fay")
Session = resources_pb2.Session


def live(school: School, *learners: str) -> Session:
    """A class that is LIVE, with learners."""
    school.enrol(*(learners or CLASS))
    return school.live(school.room())


def ask(school: School, session: Session, **changes: Any) -> polls_pb2.Poll:
    """A poll that the instructor opens."""
    fields: dict[str, Any] = {
        "session_id": session.id,
        "question": "What is g?",
        "options": ["9.8 m/s", "9.8 m/s2"],
        "results_shown": AT_ONCE,
    }
    return school.staff.OpenPoll(polls_pb2.OpenPollRequest(**{**fields, **changes}))


def vote(school: School, poll: polls_pb2.Poll, learner: str, *choices: int, **more: str) -> None:
    """A learner votes."""
    school.learner(learner).VotePoll(
        polls_pb2.VotePollRequest(poll_id=poll.id, learner_id=learner, choices=choices, **more)
    )


def seen(school: School, poll: polls_pb2.Poll, person: str) -> polls_pb2.Poll:
    """The poll as a person sees it."""
    return Stub(school.channel_for(person)).GetPoll(polls_pb2.GetPollRequest(poll_id=poll.id))


def close(school: School, poll: polls_pb2.Poll) -> polls_pb2.Poll:
    """The poll, closed."""
    return school.staff.ClosePoll(polls_pb2.ClosePollRequest(poll_id=poll.id))


def counts(poll: polls_pb2.Poll) -> list[int | None]:
    """The votes for each option; None where they are not shown."""
    return [each.votes if each.HasField("votes") else None for each in poll.options]


def test_a_class_is_asked_and_told_what_was_right(school: School) -> None:
    """Votes count at once and may change; what is right, and why, is told when the poll closes."""
    poll = ask(school, live(school), right=[2], explanation="An acceleration.")
    for learner in CLASS:
        vote(school, poll, learner, 1 if learner == "ada" else 2)
    before = seen(school, poll, "ada")
    assert (counts(before), before.voters, [*before.my_choices]) == ([1, 5], 6, [1])
    assert ([*before.right], before.explanation) == ([], "")
    assert [*seen(school, poll, TEACHER).right] == [2]
    vote(school, poll, "ada", 2)
    assert counts(seen(school, poll, "bob")) == [0, 6]
    after = close(school, poll)
    assert (after.state, counts(after), after.voters) == (CLOSED, [0, 6], 6)
    told = seen(school, poll, "ada")
    assert ([*told.right], told.explanation) == ([2], "An acceleration.")


def test_the_class_and_other_systems_are_told(school: School) -> None:
    """The log of the class tells what was asked and the results, and an event the counts alone."""
    session = live(school)
    poll = ask(school, session, right=[2], explanation="An acceleration.")
    for learner in CLASS:
        vote(school, poll, learner, 2)
    assert close(school, poll) == close(school, poll)
    asked, answered = school.database.reader().entries_after(session.id, 0, 10)
    assert asked.poll_asked
    assert answered.poll_answered
    assert asked.poll_asked.options == ("9.8 m/s", "9.8 m/s2")
    assert answered.poll_answered.counts == (0, 6)
    assert answered.poll_answered.explanation == "An acceleration."
    (event,) = school.published(events_pb2.PollClosed)
    assert (event.poll_id, event.run_id, event.voters, [*event.counts]) == (poll.id, RUN, 6, [0, 6])
    assert (event.closed_by, [*event.right], event.named) == (TEACHER, [2], False)
    assert not any(learner in str(event) for learner in CLASS)


def test_what_is_asked_is_checked_as_a_whole(school: School) -> None:
    """All faults of the options are told at once; and a poll needs a class that is LIVE."""
    session = live(school)
    code, text = refused(lambda: ask(school, session, options=["yes", "yes", " "], right=[4]))
    assert code is INVALID
    assert "options[1]" in text
    assert "options[2]" in text
    assert "right[0]" in text
    scale = polls_pb2.PollScale(lowest=0, highest=40)
    code, text = refused(lambda: ask(school, session, options=[], scale=scale, right=[1]))
    assert code is INVALID
    assert "scale.highest" in text
    assert "no right options" in text
    assert refused(lambda: ask(school, session, scale=scale))[0] is INVALID
    school.stop(session)
    assert refused(lambda: ask(school, session))[0] is PRECONDITION


def test_a_scale_is_a_list_of_numbers(school: School) -> None:
    """Its numbers are the options, and the labels of its ends are kept."""
    scale = polls_pb2.PollScale(lowest=1, highest=5, lowest_label="slow", highest_label="fast")
    poll = ask(school, live(school), options=[], scale=scale)
    assert [each.text for each in poll.options] == ["1", "2", "3", "4", "5"]
    assert seen(school, poll, "ada").scale == scale


def test_choices_must_be_the_polls(school: School) -> None:
    """One option, or several where the poll says so; each once, and none that is not there."""
    session = live(school)
    one, several = ask(school, session), ask(school, session, several=True)
    for poll, choices in ((one, (1, 2)), (one, (3,)), (several, (1, 1)), (several, (2, 3))):
        code, text = refused(lambda p=poll, c=choices: vote(school, p, "ada", *c))  # type: ignore[misc]
        assert code is INVALID
        assert "choices" in text
    vote(school, several, "ada", 2, 1)
    assert [*seen(school, several, "ada").my_choices] == [1, 2]
    assert seen(school, several, "bob").voters == 1


def test_only_learners_of_the_class_vote_and_for_themselves(school: School) -> None:
    """Not strangers, nobody for others, and not who was removed from the class."""
    session = live(school)
    poll = ask(school, session)
    code, text = refused(lambda: vote(school, poll, "zoe", 1))
    assert code is PRECONDITION
    assert "not enrolled" in text
    forged = polls_pb2.VotePollRequest(poll_id=poll.id, learner_id="ada", choices=[1])
    assert refused(lambda: school.learner("bob").VotePoll(forged))[0] is DENIED
    assert refused(lambda: school.staff.VotePoll(forged))[0] is DENIED
    school.staff.RemovePerson(
        moderation_pb2.RemovePersonRequest(session_id=session.id, person_id="ada", reason="noise")
    )
    assert refused(lambda: vote(school, poll, "ada", 1))[0] is DENIED
    assert refused(lambda: seen(school, poll, "zoe"))[0] is DENIED
    assert seen(school, poll, "bob").voters == 0


@pytest.mark.parametrize(("named", "results"), product((False, True), (AT_ONCE, WHEN_CLOSED)))
def test_counts_tell_of_nobody(
    school: School, named: bool, results: "polls_pb2.PollResults.ValueType"
) -> None:
    """The class sees counts from five voters on, and when the poll says so; staff sees those of a
    named poll always, and of an anonymous one no more than the class.
    """
    poll = ask(school, live(school), named=named, results_shown=results)

    def shows(person: str) -> bool:
        return None not in counts(seen(school, poll, person))

    for place, learner in enumerate(CLASS[:5], 1):
        vote(school, poll, learner, 1)
        at_once = results == AT_ONCE and place >= 5
        assert seen(school, poll, "fay").voters == place
        assert (shows("fay"), shows(TEACHER)) == (at_once, named or at_once)
    close(school, poll)
    assert (shows("fay"), shows(TEACHER)) == (True, True)


@pytest.mark.parametrize("named", [False, True])
def test_few_votes_stay_hidden_when_the_poll_closes(school: School, named: bool) -> None:
    """The class and other systems learn how many voted; staff sees counts of a named poll."""
    session = live(school)
    poll = ask(school, session, named=named)
    for learner in CLASS[:4]:
        vote(school, poll, learner, 1)
    assert counts(close(school, poll)) == ([4, 0] if named else [None, None])
    assert counts(seen(school, poll, "ada")) == [None, None]
    (event,) = school.published(events_pb2.PollClosed)
    assert (event.voters, [*event.counts]) == (4, [])
    answered = school.database.reader().entries_after(session.id, 1, 1)[0].poll_answered
    assert answered
    assert answered.counts == ()


def test_nobody_can_tell_an_anonymous_vote(school: School) -> None:
    """Nothing that is stored names a voter beside choices, and the key of the hashes is deleted
    when the poll closes.
    """
    poll = ask(school, live(school))
    vote(school, poll, "bob", 2, request_id="r1")
    mongo = school.database.mongo
    (stored,) = mongo["votes"].find()
    assert "bob" not in str(stored)  # no hash's digits can spell "bob"
    assert {*stored} == {"_id", "poll_id", "voter", "choices", "removed_at"}
    (remembered,) = mongo["requests"].find({"_id": {"$regex": "VotePoll"}})
    told = polls_pb2.VotePollRequest(request_id="r1", poll_id=poll.id, learner_id="bob")
    assert remembered["answer"] == polls_pb2.VotePollResponse(poll_id=poll.id).SerializeToString()
    vote(school, poll, "bob", 1, request_id="r1")
    assert [*seen(school, poll, "bob").my_choices] == [2]
    assert told.choices == []
    code, text = refused(
        lambda: school.staff.ListPollVotes(polls_pb2.ListPollVotesRequest(poll_id=poll.id))
    )
    assert (code, "anonymous" in text) == (PRECONDITION, True)
    assert mongo["polls"].find_one()["secret"]  # type: ignore[index]
    close(school, poll)
    assert mongo["polls"].find_one()["secret"] == ""  # type: ignore[index]
    assert [*seen(school, poll, "bob").my_choices] == []


def test_staff_sees_the_votes_of_a_named_poll(school: School) -> None:
    """By learner, in pages; learners don't."""
    poll = ask(school, live(school), named=True)
    for learner, choice in (("bob", 1), ("ada", 2), ("cyd", 1)):
        vote(school, poll, learner, choice)
    close(school, poll)
    request = polls_pb2.ListPollVotesRequest(poll_id=poll.id, page_size=2)
    first = school.staff.ListPollVotes(request)
    request.page_token = first.next_page_token
    rows = [*first.votes, *school.staff.ListPollVotes(request).votes]
    assert [(row.learner_id, [*row.choices]) for row in rows] == [
        ("ada", [2]),
        ("bob", [1]),
        ("cyd", [1]),
    ]
    assert refused(lambda: school.learner("ada").ListPollVotes(request))[0] is DENIED
    assert [*seen(school, poll, "ada").my_choices] == [2]


def test_polls_of_a_class_that_is_over_are_closed(school: School) -> None:
    """Nobody votes any more from the end on, and the worker closes what is open."""
    session = live(school)
    left, closed = ask(school, session), ask(school, session)
    vote(school, left, "ada", 1)
    close(school, closed)
    close_polls(school.database)
    assert seen(school, left, "ada").state == polls_pb2.POLL_STATE_OPEN
    school.stop(session)
    code, text = refused(lambda: vote(school, left, "bob", 1))
    assert (code, "only a session that is LIVE" in text) == (PRECONDITION, True)
    close_polls(school.database)
    close_polls(school.database)
    listed = school.learner("ada").ListPolls(polls_pb2.ListPollsRequest(session_id=session.id))
    assert [(each.id, each.state, each.voters) for each in listed.polls] == [
        (left.id, CLOSED, 1),
        (closed.id, CLOSED, 0),
    ]
    assert [each.closed_by for each in school.published(events_pb2.PollClosed)] == [TEACHER, ""]


def test_each_vote_is_in_the_results_or_refused(school: School) -> None:
    """Learners of two processes vote while staff closes: exactly the votes that were stored are in
    the results.
    """
    learners = [f"l{number:02d}" for number in range(12)]
    poll = ask(school, live(school, *learners), named=True)
    other = SessionsApi(
        Database(school.database.client, school.database.mongo.name, SessionsStore, school.clock)
    )

    def act(number: int) -> bool:
        api = (school.api, other)[number % 2]
        try:
            if number == len(learners):
                return not api.ClosePoll(polls_pb2.ClosePollRequest(poll_id=poll.id), None)
            choice = number % 2 + 1
            request = polls_pb2.VotePollRequest(
                poll_id=poll.id, learner_id=learners[number], choices=[choice]
            )
            api.VotePoll(request, None)
        except FailedPrecondition:
            return False
        return True

    order = [*range(6), len(learners), *range(6, len(learners))]
    stored = [number for number, done in zip(order, race(act, order), strict=True) if done]
    result = seen(school, poll, TEACHER)
    expected = Counter(number % 2 for number in stored)
    assert (result.state, result.voters) == (CLOSED, len(stored))
    assert counts(result) == [expected[0], expected[1]]
    assert school.database.mongo["votes"].count_documents({}) == len(stored)
    assert school.database.mongo["poll_counts"].count_documents({}) == 0


def test_votes_that_come_at_once_have_their_own_outcomes(school: School) -> None:
    """In several polls at once: who may vote is counted, and the others are each told why not."""
    session = live(school)
    polls = [ask(school, session, named=True) for _ in range(2)]
    close(school, polls[1])
    wrong = {"zoe": FailedPrecondition, "fay": Invalid}

    def act(asked: tuple[str, str]) -> type[Exception] | None:
        learner, poll_id = asked
        request = polls_pb2.VotePollRequest(
            request_id=f"{learner}-{poll_id}", poll_id=poll_id, learner_id=learner, choices=[2]
        )
        if learner == "fay":
            request.choices.append(1)
        try:
            school.api.VotePoll(request, None)
        except DomainError as error:
            return type(error)
        return None

    asked = [*product((*CLASS, "zoe"), (polls[0].id,)), ("ada", polls[1].id), ("bob", "unknown")]
    found = dict(zip(asked, race(act, asked), strict=True))
    for learner in CLASS:
        assert found[learner, polls[0].id] is wrong.get(learner)
    assert found["zoe", polls[0].id] is FailedPrecondition
    assert found["ada", polls[1].id] is FailedPrecondition
    assert found["bob", "unknown"] is NotFound
    assert counts(seen(school, polls[0], TEACHER)) == [0, 5]


def test_changed_votes_are_in_the_results_or_refused(school: School) -> None:
    """Learners of two processes change their votes while staff closes: the results are those of the
    votes that are stored, and each change that was answered is stored.
    """
    learners = [f"l{number:02d}" for number in range(8)]
    poll = ask(school, live(school, *learners), named=True)
    for learner in learners:
        vote(school, poll, learner, 1)
    other = SessionsApi(
        Database(school.database.client, school.database.mongo.name, SessionsStore, school.clock)
    )

    def act(number: int) -> bool:
        api = (school.api, other)[number % 2]
        try:
            if number == len(learners):
                return not api.ClosePoll(polls_pb2.ClosePollRequest(poll_id=poll.id), None)
            # pairs change in opposite ways, so that their counts stay the same
            before, after = (1, 2) if number % 4 < 2 else (2, 1)
            for choice in (before, after):
                request = polls_pb2.VotePollRequest(
                    poll_id=poll.id, learner_id=learners[number], choices=[choice]
                )
                api.VotePoll(request, None)
        except FailedPrecondition:
            return False
        return True

    order = [*range(4), len(learners), *range(4, len(learners))]
    done = dict(zip(order, race(act, order), strict=True))
    stored = {each["voter"]: each["choices"] for each in school.database.mongo["votes"].find()}
    tally = Counter(choice for choices in stored.values() for choice in choices)
    assert counts(seen(school, poll, TEACHER)) == [tally[1], tally[2]]
    for number, learner in enumerate(learners):
        if done[number]:
            assert stored[learner] == [2 if number % 4 < 2 else 1]


def test_a_repeated_vote_does_not_replace_a_newer_one(school: School) -> None:
    """Of a request that comes several times at once, to two processes, one is executed; and when it
    comes again later, nothing is done.
    """
    poll = ask(school, live(school), named=True)
    other = SessionsApi(
        Database(school.database.client, school.database.mongo.name, SessionsStore, school.clock)
    )

    def act(number: int) -> None:
        request = polls_pb2.VotePollRequest(
            request_id="r1", poll_id=poll.id, learner_id="ada", choices=[1]
        )
        (school.api, other)[number % 2].VotePoll(request, None)

    race(act, range(8))
    vote(school, poll, "ada", 2)
    race(act, range(2))
    assert counts(seen(school, poll, TEACHER)) == [0, 1]
    assert school.database.mongo["requests"].count_documents({"_id": {"$regex": "VotePoll"}}) == 1


def test_a_learner_who_votes_twice_at_once_counts_once(school: School) -> None:
    """Of changes at once the last counts, and the counts are those of the vote that is stored."""
    poll = ask(school, live(school), named=True, several=True)

    def change(number: int) -> None:
        choices = [1] if number % 2 else [1, 2]
        request = polls_pb2.VotePollRequest(poll_id=poll.id, learner_id="ada", choices=choices)
        school.api.VotePoll(request, None)

    race(change, range(8))
    result = seen(school, poll, TEACHER)
    (stored,) = school.database.mongo["votes"].find()
    assert result.voters == 1
    assert counts(result) == [1, int(2 in stored["choices"])]


def test_the_live_channel_gets_the_votes_of_open_polls(school: School) -> None:
    """Of some classes at once, as the class and as staff may see them."""
    session = live(school)
    poll, hidden = ask(school, session), ask(school, session, results_shown=WHEN_CLOSED, named=True)
    close(school, ask(school, session))
    for learner in CLASS:
        vote(school, poll, learner, 2)
        vote(school, hidden, learner, 1)
    first, second = live_tallies(school.database.reader(), [session.id, "another"])
    assert (first.subject_id, first.for_class.counts, first.for_staff.counts) == (
        poll.id,
        (0, 6),
        (0, 6),
    )
    assert (second.for_class.counts, second.for_staff.counts) == ((), (6, 0))
    assert second.for_class.voters == 6


def test_assistants_ask_and_observers_read(school: School) -> None:
    """Each as their role in the run says."""
    session = live(school)
    staff = [
        catalog_resources.StaffMember(person_id=name.lower(), role=role)
        for name, role in (
            ("assistant", options_pb2.STAFF_ROLE_ASSISTANT),
            ("observer", options_pb2.STAFF_ROLE_OBSERVER),
        )
    ]
    facts = catalog.RunFacts(run_id=RUN, staff=staff)
    school.hear("rosters", catalog.RunStaffChanged(run_id=RUN, run=facts))
    request = polls_pb2.OpenPollRequest(
        session_id=session.id,
        question="Yes?",
        options=["yes", "no"],
        results_shown=WHEN_CLOSED,
        right=[1],
    )
    assert refused(lambda: Stub(school.channel_for("observer")).OpenPoll(request))[0] is DENIED
    poll = Stub(school.channel_for("assistant")).OpenPoll(request)
    assert [*seen(school, poll, "observer").right] == [1]
    closing = polls_pb2.ClosePollRequest(poll_id=poll.id)
    assert refused(lambda: Stub(school.channel_for("observer")).ClosePoll(closing))[0] is DENIED
    assert Stub(school.channel_for("assistant")).ClosePoll(closing).state == CLOSED


def test_a_class_has_a_hundred_polls(school: School) -> None:
    """One more is refused."""
    session = live(school)
    school.database.mongo["polls"].insert_many(
        {"_id": f"p{number}", "session_id": session.id, "state": "CLOSED"} for number in range(100)
    )
    code, text = refused(lambda: ask(school, session))
    assert (code, "at most 100" in text) == (PRECONDITION, True)
